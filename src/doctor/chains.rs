//! The service control policies between the root and each account, read once.
//!
//! Must not: decide a request.
//!
//! Source: Organizations User Guide, "SCP evaluation".

use crate::model::org::{Policy, PolicyType};
use crate::model::{AccountId, OrgFacts, PolicyId, TargetId};
use crate::policy::Document;
use std::collections::BTreeMap;

/// Every service control policy, and where each is attached.
#[derive(Debug)]
pub(super) struct Chains<'o> {
    org: &'o OrgFacts,
    documents: BTreeMap<&'o PolicyId, Result<Document, String>>,
    attached: BTreeMap<&'o TargetId, Vec<&'o Policy>>,
    /// Why no chain is known.
    unseen: Option<String>,
}

/// A place on the way from the root to an account, with what is attached there.
#[derive(Debug)]
pub(super) struct Level<'c> {
    pub(super) at: TargetId,
    pub(super) policies: Vec<(&'c Policy, &'c Document)>,
}

impl<'o> Chains<'o> {
    /// Those of an organization.
    pub(super) fn of(org: &'o OrgFacts) -> Self {
        let mut chains = Self { org, documents: BTreeMap::new(), attached: BTreeMap::new(), unseen: None };
        let seen = org.policies_of(&PolicyType::Scp).map(|seen| seen.known());
        let policies = match seen {
            Some(Ok(Some(policies))) => policies.as_slice(),
            Some(Err(cause)) => {
                chains.unseen = Some(format!("service control policies are not known: {cause}"));
                &[]
            }
            Some(Ok(None)) | None => &[],
        };
        for policy in policies {
            let document = match policy.content.known() {
                Ok(Some(text)) => Document::parse(text)
                    .map_err(|errors| errors.first().map_or_else(|| "it is no policy".to_owned(), ToString::to_string)),
                Ok(None) => Err("AWS gave no document".to_owned()),
                Err(cause) => Err(cause.to_string()),
            };
            chains.documents.insert(&policy.id, document);
            match policy.targets.known() {
                Ok(targets) => {
                    for target in targets.into_iter().flatten() {
                        chains.attached.entry(target).or_default().push(policy);
                    }
                }
                Err(cause) => {
                    let why = format!("where policy `{}` is attached is not known: {cause}", policy.name);
                    chains.unseen.get_or_insert(why);
                }
            }
        }
        chains
    }

    /// What binds an account, from the root down; nothing where no service control policy does.
    ///
    /// # Errors
    /// Why it is not known.
    pub(super) fn levels(&self, account: &AccountId) -> Result<Vec<Level<'_>>, String> {
        if self.org.is_management(account) || !self.org.enabled(&PolicyType::Scp) {
            return Ok(Vec::new());
        }
        if let Some(why) = &self.unseen {
            return Err(why.clone());
        }
        let mut levels = Vec::new();
        for at in self.org.chain(&TargetId::from(account.clone())) {
            let mut policies = Vec::new();
            for policy in self.attached.get(&at).into_iter().flatten() {
                match self.documents.get(&policy.id) {
                    Some(Ok(document)) => policies.push((*policy, document)),
                    Some(Err(why)) => return Err(format!("policy `{}` can't be read: {why}", policy.name)),
                    None => {}
                }
            }
            levels.push(Level { at, policies });
        }
        Ok(levels)
    }
}
