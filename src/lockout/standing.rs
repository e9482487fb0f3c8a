//! How policies stand: their texts and where each is attached, now and after some of a plan's changes.
//!
//! Owns: the one model of intermediate states. Must not: evaluate a policy.

use crate::model::org::{Policy, PolicyType};
use crate::model::plan::Subject;
use crate::model::{Address, Change, OrgFacts, TargetId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A policy's text, or why it is not known.
pub(super) type Text = Result<Arc<str>, String>;

/// Texts and attachments of every policy, at one moment of a plan.
#[derive(Debug, Clone)]
pub struct Standing<'o> {
    org: &'o OrgFacts,
    texts: BTreeMap<PolicyType, BTreeMap<String, Text>>,
    attached: BTreeMap<PolicyType, BTreeMap<TargetId, BTreeSet<String>>>,
    /// Types whose policies or attachments could not be seen, and why.
    unseen: BTreeMap<PolicyType, String>,
}

impl<'o> Standing<'o> {
    /// How they stand in the facts.
    pub fn now(org: &'o OrgFacts) -> Self {
        let mut standing = Self { org, texts: BTreeMap::new(), attached: BTreeMap::new(), unseen: BTreeMap::new() };
        for (kind, policies) in &org.policies {
            match policies.known() {
                Ok(policies) => policies.into_iter().flatten().for_each(|policy| standing.see(kind, policy)),
                Err(cause) => drop(standing.unseen.insert(kind.clone(), cause.to_string())),
            }
        }
        standing
    }

    fn see(&mut self, kind: &PolicyType, policy: &Policy) {
        let text = match policy.content.known() {
            Ok(Some(text)) => Ok(Arc::from(text.as_str())),
            Ok(None) => Err("AWS gave no document".to_owned()),
            Err(cause) => Err(cause.to_string()),
        };
        self.texts.entry(kind.clone()).or_default().insert(policy.name.clone(), text);
        match policy.targets.known() {
            Ok(targets) => {
                let of_kind = self.attached.entry(kind.clone()).or_default();
                for target in targets.into_iter().flatten() {
                    of_kind.entry(target.clone()).or_default().insert(policy.name.clone());
                }
            }
            Err(cause) => drop(self.unseen.insert(kind.clone(), cause.to_string())),
        }
    }

    /// Makes a change of a policy or an attachment; any other leaves everything as it is.
    pub fn make(&mut self, change: &Change) {
        match &change.address {
            Address::Policy { policy_type, name } => {
                let texts = self.texts.entry(policy_type.clone()).or_default();
                match &change.after {
                    None => drop(texts.remove(name)),
                    Some(doc) => {
                        let text = doc.0.get("content").and_then(|content| content.as_str());
                        let text = text.map(Arc::from).ok_or_else(|| "the plan holds no document".to_owned());
                        texts.insert(name.clone(), text);
                    }
                }
            }
            Address::Attachment { policy_type, policy, target } => {
                let at = self.attached.entry(policy_type.clone()).or_default().entry(target.clone()).or_default();
                if change.after.is_some() {
                    at.insert(policy.clone());
                } else {
                    at.remove(policy);
                }
            }
            _ => {}
        }
    }

    /// What a subject is at this moment, in the form plans keep; `None` if it can't be told or is not there.
    ///
    /// A parent is an id; accounts and attached policies are ids and names in order with commas between, empty if there
    /// are none; a document is `sha256:<hex>` of its text.
    pub fn value_of(&self, subject: &Subject) -> Option<String> {
        match subject {
            Subject::Parent { target: TargetId::Account(id) } => {
                self.org.accounts.get(id).map(|account| account.parent.to_string())
            }
            Subject::Parent { target } => self.org.ous.get(target).map(|ou| ou.parent.to_string()),
            Subject::Accounts { target } => {
                let there = *target == self.org.root.id || !self.org.chain(target).is_empty();
                let ids = || self.org.accounts_under(target).into_iter().map(|account| account.id.as_str());
                there.then(|| ids().collect::<Vec<_>>().join(","))
            }
            Subject::Attached { policy_type, target } => {
                if self.unseen(policy_type).is_some() || self.org.chain(target).is_empty() {
                    return None;
                }
                let names = self.names(policy_type, target);
                Some(
                    names
                        .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>().join(","))
                        .unwrap_or_default(),
                )
            }
            Subject::Content { policy_type, name } => {
                let text = self.text(policy_type, name)?.as_ref().ok()?;
                let hex: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
                Some(format!("sha256:{hex}"))
            }
        }
    }

    /// Why the policies of a type, or where they are attached, are not known.
    pub(super) fn unseen(&self, kind: &PolicyType) -> Option<&str> {
        self.unseen.get(kind).map(String::as_str)
    }

    /// The text of a policy, if there is such a policy.
    pub(super) fn text(&self, kind: &PolicyType, name: &str) -> Option<&Text> {
        self.texts.get(kind)?.get(name)
    }

    /// The policies attached directly to a target.
    pub(super) fn names(&self, kind: &PolicyType, target: &TargetId) -> Option<&BTreeSet<String>> {
        self.attached.get(kind)?.get(target).filter(|names| !names.is_empty())
    }

    /// Where a policy is attached directly.
    pub(super) fn targets_of(&self, kind: &PolicyType, name: &str) -> BTreeSet<TargetId> {
        let of_kind = self.attached.get(kind).into_iter().flatten();
        of_kind.filter(|(_, names)| names.contains(name)).map(|(target, _)| target.clone()).collect()
    }
}
