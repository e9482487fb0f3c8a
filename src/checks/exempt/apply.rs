//! What exemptions do to findings.
//!
//! The rule: of a failing cell, what an exemption in force matches is moved to what is exempt, and the cell is exempt exactly
//! where nothing failing is left and nothing of it is unknown. What an expired one would have matched still fails, and says so. No other verdict is touched:
//! what is unknown stays unknown. Must not: count, or know who asks.

use crate::model::exemption::{Exemption, Exemptions, day};
use crate::model::finding::{Exempted, FailingResource, Verdict};
use crate::model::scope::find_ou;
use crate::model::{AccountId, Finding, OrgFacts, TargetId, wild};
use std::collections::BTreeSet;

/// The exemptions of an audit, held against its organization.
#[derive(Debug, Clone, Default)]
pub struct Exempting {
    rules: Vec<Rule>,
}

/// An exemption whose OUs are resolved.
#[derive(Debug, Clone)]
struct Rule {
    exemption: Exemption,
    /// Those of its OUs that there are.
    ous: Vec<TargetId>,
    /// Whether it is over at the moment of the audit.
    expired: bool,
}

impl Exempting {
    /// As of the organization's moment. What is not in the organization matches nothing.
    pub fn new(exemptions: &Exemptions, org: &OrgFacts) -> Self {
        let today = day(org.as_of);
        let rule = |exemption: &Exemption| Rule {
            ous: exemption.scope.ous.iter().filter_map(|name| find_ou(name, org).ok()).collect(),
            expired: exemption.expired(today),
            exemption: exemption.clone(),
        };
        Self { rules: exemptions.exemptions.iter().map(rule).collect() }
    }

    /// Applies them to the findings of one account, or (`None`) of the organization. Of several that match, the first in the
    /// file that is in force counts. Applied again, they change nothing.
    pub fn apply(&self, org: &OrgFacts, account: Option<&AccountId>, findings: &mut [Finding]) {
        let here: Vec<&Rule> = self.rules.iter().filter(|rule| rule.holds(org, account)).collect();
        if here.is_empty() {
            return;
        }
        findings
            .iter_mut()
            .filter(|finding| finding.verdict == Verdict::Fail)
            .for_each(|finding| exempt(finding, &here));
    }
}

impl Rule {
    /// Whether it holds for an account, or for the organization itself.
    fn holds(&self, org: &OrgFacts, account: Option<&AccountId>) -> bool {
        let scope = &self.exemption.scope;
        let Some(id) = account else { return scope.everywhere || scope.organization };
        if scope.everywhere {
            return true;
        }
        if scope.organization || scope.is_empty() {
            return false;
        }
        let named = scope.accounts.is_empty() || scope.accounts.contains(id);
        let below = || {
            let chain = org.chain(&id.clone().into());
            scope.ous.is_empty() || self.ous.iter().any(|ou| chain.contains(ou))
        };
        // Tags that are unknown are nobody's word.
        let tagged = || {
            let tags = org.accounts.get(id).and_then(|account| account.tags.value());
            scope.tags.iter().all(|(key, value)| tags.and_then(|tags| tags.get(key)) == Some(value))
        };
        named && below() && tagged()
    }

    fn checks(&self, check: &str) -> bool {
        self.exemption.checks.iter().any(|pattern| wild(pattern, check))
    }

    /// Whether it matches what fails; `None`: a cell that names no resource.
    fn matches(&self, resource: Option<&str>) -> bool {
        let patterns = &self.exemption.resources;
        patterns.is_empty() || resource.is_some_and(|resource| patterns.iter().any(|pattern| wild(pattern, resource)))
    }

    /// What is said of a failure that it would have matched.
    fn over(&self) -> String {
        format!(" (exemption `{}` expired on {})", self.exemption.id, self.exemption.expires)
    }
}

/// Applies rules that hold here to a failing finding.
fn exempt(finding: &mut Finding, here: &[&Rule]) {
    let rules: Vec<&Rule> = here.iter().copied().filter(|rule| rule.checks(&finding.check)).collect();
    let first = |resource: Option<&str>, expired: bool| {
        rules.iter().copied().find(|rule| rule.expired == expired && rule.matches(resource))
    };
    if finding.resources.is_empty() {
        match (first(None, false), first(None, true)) {
            (Some(rule), _) => {
                finding.exempt.push(exempted(rule, None, finding.message.clone()));
                nothing_fails(finding);
            }
            (None, Some(rule)) => say(&mut finding.message, &rule.over()),
            (None, None) => {}
        }
        return;
    }
    let all = finding.resources.len();
    let mut left: Vec<FailingResource> = Vec::new();
    let mut over: BTreeSet<String> = BTreeSet::new();
    for mut failing in std::mem::take(&mut finding.resources) {
        if let Some(rule) = first(Some(&failing.resource), false) {
            finding.exempt.push(exempted(rule, Some(failing.resource), failing.message));
            continue;
        }
        if let Some(rule) = first(Some(&failing.resource), true) {
            say(&mut failing.message, &rule.over());
            over.insert(rule.over());
        }
        left.push(failing);
    }
    match (left.len(), all - left.len()) {
        (0, _) => nothing_fails(finding),
        (_, 0) => {}
        (_, moved) => finding.message.push_str(&format!(" ({moved} of {all} exempt)")),
    }
    over.iter().for_each(|words| say(&mut finding.message, words));
    finding.exempt.sort();
    finding.resources = left;
}

/// All that was seen to fail is exempt: so is the cell, unless a part of it could not be told.
fn nothing_fails(finding: &mut Finding) {
    match finding.doubt.take() {
        None => finding.verdict = Verdict::Exempt,
        Some(cause) => {
            finding.verdict = Verdict::Unknown;
            finding.message = format!("what was seen to fail is exempt, and the rest can't be told: {cause}");
            finding.cause = Some(cause);
        }
    }
}

fn exempted(rule: &Rule, resource: Option<String>, message: String) -> Exempted {
    Exempted { exemption: rule.exemption.id.clone(), resource, message }
}

/// Says something once.
fn say(message: &mut String, words: &str) {
    if !message.contains(words) {
        message.push_str(words);
    }
}
