//! How policies stand: their texts and where each is attached, now and after some of a plan's changes.
//!
//! Owns: the one model of intermediate states. Must not: evaluate a policy.

use crate::model::org::{Policy, PolicyType};
use crate::model::plan::Subject;
use crate::model::{Address, Change, OrgFacts, TargetId, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A policy's text, or why it is not known.
pub(super) type Text = Result<Arc<str>, String>;

/// Texts and attachments of every policy, at one moment of a plan.
#[derive(Debug, Clone)]
pub struct Standing<'o> {
    org: &'o OrgFacts,
    /// As in the facts; shared, so that a moment of a plan costs no more than its changes.
    seen: Arc<Seen>,
    /// Texts as changed since; `None` for a policy that is gone.
    texts: BTreeMap<(PolicyType, String), Option<Text>>,
    /// Attachments as changed since.
    attached: BTreeMap<(PolicyType, TargetId), BTreeSet<String>>,
}

/// The facts, by type.
#[derive(Debug, Default)]
struct Seen {
    texts: BTreeMap<PolicyType, BTreeMap<String, Text>>,
    attached: BTreeMap<PolicyType, BTreeMap<TargetId, BTreeSet<String>>>,
    /// Types whose policies or attachments could not be seen, and why.
    unseen: BTreeMap<PolicyType, String>,
}

impl Seen {
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
}

impl<'o> Standing<'o> {
    /// How they stand in the facts.
    pub fn now(org: &'o OrgFacts) -> Self {
        let mut seen = Seen::default();
        for (kind, policies) in &org.policies {
            match policies.known() {
                Ok(policies) => policies.into_iter().flatten().for_each(|policy| seen.see(kind, policy)),
                Err(cause) => drop(seen.unseen.insert(kind.clone(), cause.to_string())),
            }
        }
        Self { org, seen: Arc::new(seen), texts: BTreeMap::new(), attached: BTreeMap::new() }
    }

    /// Makes a change of a policy or an attachment; any other leaves everything as it is.
    pub fn make(&mut self, change: &Change) {
        match &change.address {
            Address::Policy { policy_type, name } => {
                let text = change.after.as_ref().map(|doc| {
                    let text = doc.0.get("content").and_then(|content| content.as_str());
                    text.map(Arc::from).ok_or_else(|| "the plan holds no document".to_owned())
                });
                self.texts.insert((policy_type.clone(), name.clone()), text);
            }
            Address::Attachment { policy_type, policy, target } => {
                let seen = self.seen.attached.get(policy_type).and_then(|of_kind| of_kind.get(target));
                let key = (policy_type.clone(), target.clone());
                let at = self.attached.entry(key).or_insert_with(|| seen.cloned().unwrap_or_default());
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
                Some(digest(text.as_bytes()))
            }
        }
    }

    /// Why the policies of a type, or where they are attached, are not known.
    pub(super) fn unseen(&self, kind: &PolicyType) -> Option<&str> {
        self.seen.unseen.get(kind).map(String::as_str)
    }

    /// The text of a policy, if there is such a policy.
    pub(super) fn text(&self, kind: &PolicyType, name: &str) -> Option<&Text> {
        match self.texts.get(&(kind.clone(), name.to_owned())) {
            Some(changed) => changed.as_ref(),
            None => self.seen.texts.get(kind)?.get(name),
        }
    }

    /// The policies attached directly to a target.
    pub(super) fn names(&self, kind: &PolicyType, target: &TargetId) -> Option<&BTreeSet<String>> {
        let changed = self.attached.get(&(kind.clone(), target.clone()));
        changed.or_else(|| self.seen.attached.get(kind)?.get(target)).filter(|names| !names.is_empty())
    }

    /// Where a policy is attached directly.
    pub(super) fn targets_of(&self, kind: &PolicyType, name: &str) -> BTreeSet<TargetId> {
        let seen = self.seen.attached.get(kind).into_iter().flat_map(BTreeMap::keys);
        let changed = self.attached.keys().filter(|(of, _)| of == kind).map(|(_, target)| target);
        let candidates = seen.chain(changed);
        candidates
            .filter(|target| self.names(kind, target).is_some_and(|names| names.contains(name)))
            .cloned()
            .collect()
    }
}
