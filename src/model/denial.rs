//! Denials as CloudTrail records them: which ones a rollout has to do with.
//!
//! Source: IAM User Guide, "Troubleshoot access denied error messages": a message names the kind of policy that denied,
//! since 2025 also the policy's ARN; an implicit denial reads "because no service control policy allows the ... action".

use super::ids::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What to look for behind a wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialQuery {
    /// The service control policies the wave attached or changed: name, and AWS's id where it is known.
    pub policies: Vec<(String, Option<String>)>,
    /// The root, OUs and accounts where it did. An account under one of them may feel it.
    pub targets: BTreeSet<super::ids::TargetId>,
    /// Denials before are none of the wave's doing.
    pub since: Timestamp,
    /// The wave's last write: while the trail shows nothing as late as that, it shows too little.
    pub last_write: Timestamp,
}

/// How a denial points at a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenialKind {
    /// The message names one of our policies.
    Named,
    /// No service control policy allows the action.
    Implicit,
    /// A service control policy denies it and the message does not say which.
    Unattributed,
}

/// A call that was denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// How it points at us.
    pub kind: DenialKind,
    /// Where.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// The call, such as `s3:PutObject`.
    pub call: String,
    /// Who called. Hostile: escape at every sink.
    pub principal: String,
}

/// What a trail shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DenialReport {
    /// The denials, oldest first.
    pub denials: Vec<Denial>,
    /// Why there may be more: pages cut off, a denied read, events that are late. Empty: what was seen is all there is.
    pub doubts: Vec<String>,
}

/// How an error message points at one of the policies (by id), if it does. A denial that names another policy is not ours.
pub fn classify(message: &str, ids: &[String]) -> Option<DenialKind> {
    // An id ends where its characters end: `p-abc12345` is not `p-abc123456`.
    let names = |id: &String| {
        message.match_indices(id.as_str()).any(|(at, _)| {
            let rest = message.get(at + id.len()..).unwrap_or_default();
            !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    if ids.iter().any(names) {
        return Some(DenialKind::Named);
    }
    if message.contains("no service control policy allows") {
        return Some(DenialKind::Implicit);
    }
    let explicit = message.contains("explicit deny in a service control policy");
    let named = message.contains("service_control_policy/p-");
    (explicit && !named).then_some(DenialKind::Unattributed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_ours_if_it_names_us_or_nobody() {
        let ids = ["p-abc12345".to_owned()];
        let arn = "arn:aws:organizations::111111111111:policy/o-a/service_control_policy/p-abc12345";
        let text =
            "User: x is not authorized to perform: s3:GetObject with an explicit deny in a service control policy";
        assert_eq!(classify(&format!("{text}: {arn}"), &ids), Some(DenialKind::Named));
        assert_eq!(classify(&format!("{text}: {arn}6"), &ids), None, "another policy");
        assert_eq!(classify(text, &ids), Some(DenialKind::Unattributed));
        let implicit = "not authorized to perform: a:B because no service control policy allows the a:B action";
        assert_eq!(classify(implicit, &ids), Some(DenialKind::Implicit));
        assert_eq!(classify("with an explicit deny in an identity-based policy", &ids), None);
    }
}
