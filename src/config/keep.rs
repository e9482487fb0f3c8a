//! How long the facts of an audit are kept.

use crate::model::{SPAN_FORM, seconds, span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long the facts of an audit are kept beside its findings. Findings stay until the run is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(no|always|[0-9]+[smhd])$"))]
pub enum KeepFacts {
    /// Not at all.
    No,
    /// For so many seconds.
    For(u64),
    /// As long as the run.
    Always,
}

impl KeepFacts {
    /// Where nobody says otherwise: a week, so that an audit can be repeated with what is still young.
    pub const DEFAULT: Self = Self::For(7 * 86_400);

    /// Facts older than this go; `None`: none does.
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::No => Some(Duration::ZERO),
            Self::For(seconds) => Some(Duration::from_secs(seconds)),
            Self::Always => None,
        }
    }
}

impl fmt::Display for KeepFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("no"),
            Self::For(seconds) => f.write_str(&span(*seconds)),
            Self::Always => f.write_str("always"),
        }
    }
}

impl FromStr for KeepFacts {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "no" => Ok(Self::No),
            "always" => Ok(Self::Always),
            _ => seconds(text)
                .filter(|seconds| *seconds > 0)
                .map(Self::For)
                .ok_or_else(|| format!("write `no`, `always`, or {SPAN_FORM}")),
        }
    }
}

impl TryFrom<String> for KeepFacts {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|form| format!("`{}` is no time to keep facts: {form}", text.escape_debug()))
    }
}

impl From<KeepFacts> for String {
    fn from(keep: KeepFacts) -> Self {
        keep.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_kept_for_a_time_always_or_not_at_all() {
        for (text, wanted) in [
            ("no", KeepFacts::No),
            ("always", KeepFacts::Always),
            ("7d", KeepFacts::DEFAULT),
            ("90s", KeepFacts::For(90)),
        ] {
            assert_eq!(text.parse(), Ok(wanted));
            assert_eq!(wanted.to_string(), text);
        }
        for text in ["", "0d", "never", "7", "7 d", "yes"] {
            assert!(text.parse::<KeepFacts>().unwrap_err().contains("`no`, `always`"), "{text}");
        }
        assert_eq!((KeepFacts::No.limit(), KeepFacts::Always.limit()), (Some(Duration::ZERO), None));
    }
}
