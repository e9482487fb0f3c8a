//! How much of every request quota a run may take: a part of it, the rest is left to others.
//!
//! Must not: know what a quota is.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The smallest part that can be asked for: below it a run would hardly move.
const LEAST: f64 = 0.01;

/// A part of a whole: from 1% to 100%, written `50%` or `0.5`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// All of it.
    pub const ALL: Self = Self(1.0);

    /// As a factor, 0.01 to 1.
    pub fn factor(self) -> f64 {
        self.0
    }

    /// From a factor.
    ///
    /// # Errors
    /// If it is not between 1% and 100%.
    pub fn new(factor: f64) -> Result<Self, ShareError> {
        if (LEAST..=1.0).contains(&factor) { Ok(Self(factor)) } else { Err(ShareError(factor.to_string())) }
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two decimals of a per cent are as much as anybody means.
        write!(f, "{}%", (self.0 * 10_000.0).round() / 100.0)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A part of a whole: from 1% to 100%, written `50%` or `0.5`.",
            "type": ["string", "number"],
            "pattern": "^\\s*([0-9]+(\\.[0-9]*)?|\\.[0-9]+)%?\\s*$",
            "minimum": LEAST,
            "maximum": 1,
        })
    }
}

/// Why a text is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share of the quotas, use 1% to 100%, such as `50%` or `0.5`")]
pub struct ShareError(String);

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError(text.escape_debug().to_string());
        let (number, scale) = match text.trim().strip_suffix('%') {
            Some(number) => (number, 100.0),
            None => (text.trim(), 1.0),
        };
        // Digits alone: `inf`, `NaN` and `1e-1` are numbers to Rust, and nothing that a person means here.
        if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(wrong());
        }
        let number: f64 = number.parse().map_err(|_| wrong())?;
        Self::new(number / scale).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Share;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as `50%` or `0.5`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Share, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Share, E> {
                Share::new(number).map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Share, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Share, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_per_cent_or_a_fraction() {
        for (text, factor, shown) in [
            ("50%", 0.5, "50%"),
            ("0.5", 0.5, "50%"),
            ("100%", 1.0, "100%"),
            ("1", 1.0, "100%"),
            ("12.5%", 0.125, "12.5%"),
            (" 1% ", 0.01, "1%"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!((share.factor(), share.to_string().as_str()), (factor, shown), "{text}");
        }
        assert_eq!(Share::default().factor(), 1.0);
    }

    #[test]
    fn nothing_more_than_everything_and_words_are_refused() {
        for text in [
            "0",
            "0%",
            "0.0",
            "0.5%",
            "101%",
            "1.01",
            "50",
            "-50%",
            "half",
            "",
            "%",
            "NaN",
            "inf",
            "1e-1",
            "5 0%",
            "50%%",
            "0x1",
            "\u{1b}[2J",
        ] {
            let error = text.parse::<Share>().unwrap_err().to_string();
            assert!(error.contains("use 1% to 100%") && !error.contains('\u{1b}'), "{text}: {error}");
        }
        assert!(Share::new(f64::NAN).is_err());
    }
}
