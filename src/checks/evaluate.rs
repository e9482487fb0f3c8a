//! How a check meets its facts: the only reader of facts, and the one rule that turns a judgement into a finding.
//!
//! The rule: a pass rests on known facts alone. Every read is logged; a judgement that read an unknown fact and still says
//! "pass" (or "not applicable") becomes unknown here, whatever the check says. A fact the check does not declare is never
//! shown to it. Must not: know any check.

use super::documents::Documents;
use super::principals::Principals;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact};
use crate::model::finding::{Evidence, FailingResource, Finding, Target, Verdict};
use crate::model::ids::{AccountId, Region, TargetId};
use crate::model::org::{Account, Organization, PolicyType, Root};
use crate::model::{AccountFacts, Cause, CauseKind, Observed, OrgFacts, Source};
use jiff::Timestamp;
use std::cell::OnceCell;
use std::rc::Rc;

/// A check: what it says of itself, and how it judges.
pub(super) struct Check {
    /// What it says of itself.
    pub meta: CheckMeta,
    /// How it judges.
    pub judge: Judge,
}

/// How a check judges, by the target of its verdict.
pub(super) enum Judge {
    /// The organization, or one account.
    Whole(fn(&mut Facts<'_>, &Thresholds) -> Judgement),
    /// One Region of one account.
    Region(fn(&mut Facts<'_>, &Region, &Thresholds) -> Judgement),
}

/// What a check concludes; `Err` is the cause of a fact without which it can conclude nothing.
pub(super) type Judgement = Result<Outcome, Cause>;

/// A conclusion. The text becomes the finding's message: one sentence, lower case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it should be.
    Pass(String),
    /// Not as it should be, with what fails.
    Fail(String, Vec<FailingResource>),
    /// Does not apply to this target.
    NotApplicable(String),
}

impl Outcome {
    /// A pass.
    pub fn pass(message: impl Into<String>) -> Self {
        Self::Pass(message.into())
    }

    /// A failure of one resource, which has the same message.
    pub fn fail(resource: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Fail(message.clone(), vec![FailingResource { resource: resource.into(), message }])
    }

    /// A failure if anything fails, with `summary` of how many; else a pass.
    pub fn of(mut failing: Vec<FailingResource>, summary: impl FnOnce(usize) -> String, pass: &str) -> Self {
        if failing.is_empty() {
            return Self::pass(pass);
        }
        failing.sort();
        failing.dedup();
        Self::Fail(summary(failing.len()), failing)
    }
}

/// What was read: sources of what was seen, causes of what was not.
#[derive(Debug, Default)]
struct Log {
    sources: Vec<Source>,
    doubts: Vec<Cause>,
}

impl Log {
    fn saw(&mut self, source: &Source) {
        if !self.sources.contains(source) {
            self.sources.push(source.clone());
        }
    }

    fn doubt(&mut self, cause: Cause) {
        if !self.doubts.contains(&cause) {
            self.doubts.push(cause);
        }
    }

    fn merge(&mut self, other: Self) {
        other.sources.iter().for_each(|source| self.saw(source));
        other.doubts.into_iter().for_each(|cause| self.doubt(cause));
    }
}

/// The facts one check may read for one target. Every read is logged.
pub(super) struct Facts<'a> {
    check: &'static str,
    declared: &'static [Fact],
    pub(super) org: &'a OrgFacts,
    account: Option<&'a AccountFacts>,
    shared: Rc<Shared<'a>>,
    log: Log,
}

/// What the checks of one account read the same way, read once.
#[derive(Default)]
pub(super) struct Shared<'a> {
    /// Users, groups and roles with the policies that hold for each.
    pub(super) principals: OnceCell<Rc<Principals<'a>>>,
    /// Policy documents.
    pub(super) documents: Documents<'a>,
}

/// The tree, the accounts and the enabled policy types.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a>(pub(super) &'a OrgFacts);

impl<'a> Tree<'a> {
    /// The organization itself.
    pub fn organization(self) -> &'a Organization {
        &self.0.organization
    }

    /// The root.
    pub fn root(self) -> &'a Root {
        &self.0.root
    }

    /// Whether a policy type can be used.
    pub fn enabled(self, kind: &PolicyType) -> bool {
        self.0.enabled(kind)
    }

    /// Member accounts that work, in id order: not the management account.
    pub fn working_members(self) -> impl Iterator<Item = &'a Account> {
        let org = self.0;
        org.accounts.values().filter(|a| a.state.why_not_audited().is_none() && !org.is_management(&a.id))
    }

    /// An account of the organization; `None` for one outside it.
    pub fn account(self, id: &AccountId) -> Option<&'a Account> {
        self.0.accounts.get(id)
    }

    /// A target in words people know.
    pub fn describe(self, target: &TargetId) -> String {
        self.0.describe(target)
    }

    /// The path of an account by names, such as `/Workloads/Prod`.
    pub fn path(self, account: &AccountId) -> String {
        self.0.path(&account.clone().into())
    }

    /// The root, every OU and every account.
    pub fn targets(self) -> Vec<TargetId> {
        let accounts = self.0.accounts.keys().map(|id| TargetId::from(id.clone()));
        std::iter::once(self.0.root.id.clone()).chain(self.0.ous.keys().cloned()).chain(accounts).collect()
    }

    /// Whether a target is an OU whose name speaks of security.
    pub fn named_after_security(self, target: &TargetId) -> bool {
        self.0.ous.get(target).is_some_and(|ou| ou.name.to_ascii_lowercase().contains("security"))
    }

    /// The way from the root down to `target`, both included.
    pub fn chain(self, target: &TargetId) -> Vec<TargetId> {
        self.0.chain(target)
    }
}

/// One way to prove a pass: `Some` if it does.
pub(super) type Way<'w, 'a, T> = &'w dyn Fn(&mut Facts<'a>) -> Result<Option<T>, Cause>;

impl<'a> Facts<'a> {
    /// Facts for `meta`, of the organization and, if the check is about an account, that account.
    pub fn new(meta: &CheckMeta, org: &'a OrgFacts, account: Option<&'a AccountFacts>) -> Self {
        Self::sharing(meta, org, account, &Rc::default())
    }

    /// The same beside other checks of the account.
    pub fn sharing(
        meta: &CheckMeta,
        org: &'a OrgFacts,
        account: Option<&'a AccountFacts>,
        shared: &Rc<Shared<'a>>,
    ) -> Self {
        Self { check: meta.id, declared: meta.facts, org, account, shared: Rc::clone(shared), log: Log::default() }
    }

    /// What other checks of the account have read already.
    pub(super) fn shared(&self) -> Rc<Shared<'a>> {
        Rc::clone(&self.shared)
    }

    /// Refuses a fact the check does not declare.
    pub(super) fn declared(&mut self, fact: Fact) -> Result<(), Cause> {
        if self.declared.contains(&fact) {
            return Ok(());
        }
        let cause = Cause::new(CauseKind::NotCollected, format!("{fact:?}"), "the check does not declare this fact");
        self.log.doubt(cause.clone());
        Err(cause)
    }

    pub(super) fn of_account(&mut self, fact: Fact) -> Result<&'a AccountFacts, Cause> {
        self.declared(fact)?;
        let account = self.account.ok_or_else(|| Cause::not_collected(format!("{fact:?}")));
        account.inspect_err(|cause| self.log.doubt(cause.clone()))
    }

    /// Reads a fact that is part of one already read, such as a trail's status.
    pub fn part<T>(&mut self, observed: &'a Observed<T>) -> Result<Option<&'a T>, Cause> {
        match observed {
            Observed::Present { source, .. } | Observed::Absent { source } => self.log.saw(source),
            Observed::Unknown { cause } => self.log.doubt(cause.clone()),
        }
        observed.known().map_err(Clone::clone)
    }

    /// Reads a fact that always exists: absent is as bad as unknown.
    pub(super) fn required<T>(&mut self, observed: &'a Observed<T>) -> Result<&'a T, Cause> {
        if let Some(value) = self.part(observed)? {
            return Ok(value);
        }
        let operation = observed.source().map_or("", |source| source.operation.as_str());
        Err(self.doubt(operation, "the answer held nothing"))
    }

    /// Notes that something needed for a pass can't be told from what was read. Returns the cause.
    pub fn doubt(&mut self, operation: &str, message: impl Into<String>) -> Cause {
        let cause = Cause::new(CauseKind::Other, operation, message);
        self.log.doubt(cause.clone());
        cause
    }

    /// Notes a cause already at hand.
    pub fn doubt_of(&mut self, cause: Cause) {
        self.log.doubt(cause);
    }

    /// Notes where something came from.
    pub fn rest_on(&mut self, source: Option<&Source>) {
        source.into_iter().for_each(|source| self.log.saw(source));
    }

    /// `Ok` if everything read so far was known: needed before a failure that only full knowledge justifies.
    ///
    /// # Errors
    /// The first cause.
    pub fn certain(&self) -> Result<(), Cause> {
        self.log.doubts.first().map_or(Ok(()), |cause| Err(cause.clone()))
    }

    /// Tries ways to prove a pass in turn. The pass rests on what the first that succeeds read, and on nothing the others
    /// read; it succeeds only if it read nothing unknown. If none does, everything read counts.
    pub fn any_of<T>(&mut self, ways: &[Way<'_, 'a, T>]) -> Option<T> {
        let mut tried = Log::default();
        for way in ways {
            let before = std::mem::take(&mut self.log);
            let proof = way(self);
            let mut own = std::mem::replace(&mut self.log, before);
            match proof {
                Ok(Some(proof)) if own.doubts.is_empty() => {
                    self.log.merge(own);
                    return Some(proof);
                }
                Ok(_) => {}
                Err(cause) => own.doubt(cause),
            }
            tried.merge(own);
        }
        self.log.merge(tried);
        None
    }

    /// The id of the check: rows of one table share a function, and each finds itself by it.
    pub fn check(&self) -> &'static str {
        self.check
    }

    /// The account's id.
    pub fn account_id(&self) -> Option<&'a AccountId> {
        self.account.map(|account| &account.account)
    }

    /// The moment against which the run computes ages.
    pub fn now(&self) -> Timestamp {
        self.org.as_of
    }

    /// Whole days from `then` to the moment of the run; 0 if `then` is later.
    pub fn days_since(&self, then: Timestamp) -> i64 {
        (self.org.as_of.as_second().saturating_sub(then.as_second()) / 86_400).max(0)
    }
}

/// `1 day`, `2 days`.
pub(super) fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// Turns a judgement and what it read into a finding: the one rule lives here.
pub(super) fn settle(meta: &CheckMeta, target: Target, facts: Facts<'_>, judgement: Judgement) -> Finding {
    let Log { sources, doubts } = facts.log;
    let mut doubt = doubts.into_iter().next();
    let judgement = match judgement {
        Ok(Outcome::Pass(_) | Outcome::NotApplicable(_)) if doubt.is_some() => {
            Err(doubt.take().unwrap_or_else(|| Cause::not_collected(meta.id)))
        }
        judgement => judgement,
    };
    let (verdict, message, resources, cause) = match judgement {
        Ok(Outcome::Pass(message)) => (Verdict::Pass, message, Vec::new(), None),
        Ok(Outcome::Fail(message, resources)) => (Verdict::Fail, message, resources, None),
        Ok(Outcome::NotApplicable(message)) => (Verdict::NotApplicable, message, Vec::new(), None),
        Err(cause) => (Verdict::Unknown, format!("can't tell: {cause}"), Vec::new(), Some(cause)),
    };
    let evidence = sources.into_iter().map(|source| Evidence { source }).collect();
    Finding {
        check: meta.id.to_owned(),
        target,
        verdict,
        severity: meta.severity,
        message,
        resources,
        exempt: Vec::new(),
        doubt: doubt.filter(|_| verdict == Verdict::Fail),
        evidence,
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::model::check::{Granularity, Remediation, Severity};

    const META: CheckMeta = CheckMeta {
        id: "test",
        title: "",
        severity: Severity::Low,
        granularity: Granularity::Account,
        rationale: "",
        remediation: Remediation { console: "", cli: "", playbook: None },
        references: &[],
        facts: &[Fact::AccountSummary, Fact::PasswordPolicy],
    };

    #[test]
    fn a_pass_that_read_an_unknown_fact_becomes_unknown() {
        let org = fixtures::org();
        let mut account = fixtures::account();
        account.password_policy = Observed::unknown(Cause::new(CauseKind::AccessDenied, "iam:X", "denied"));
        let mut facts = Facts::new(&META, &org, Some(&account));
        assert!(facts.password_policy().is_err());
        let finding = settle(&META, Target::Organization, facts, Ok(Outcome::pass("careless")));
        assert_eq!(finding.verdict, Verdict::Unknown);
        assert_eq!(finding.message, "can't tell: iam:X: denied");
        assert_eq!(finding.cause.map(|cause| cause.kind), Some(CauseKind::AccessDenied));
    }

    #[test]
    fn an_undeclared_fact_is_not_shown_and_forbids_a_pass() {
        let (org, account) = (fixtures::org(), fixtures::account());
        let mut facts = Facts::new(&META, &org, Some(&account));
        assert!(facts.credential_report().is_err());
        let finding = settle(&META, Target::Organization, facts, Ok(Outcome::pass("careless")));
        assert_eq!(finding.verdict, Verdict::Unknown);
    }

    #[test]
    fn a_proof_rests_on_its_own_way_only() {
        let org = fixtures::org();
        let mut account = fixtures::account();
        account.password_policy = Observed::not_collected("iam:X");
        let mut facts = Facts::new(&META, &org, Some(&account));
        let proof = facts.any_of(&[&|f: &mut Facts<'_>| f.password_policy().map(|_| Some(1)), &|f: &mut Facts<'_>| {
            f.summary("AccountMFAEnabled").map(|_| Some(2))
        }]);
        assert_eq!(proof, Some(2));
        assert!(facts.certain().is_ok());
        let mut facts = Facts::new(&META, &org, Some(&account));
        let none: Option<()> = facts.any_of(&[&|f: &mut Facts<'_>| f.password_policy().map(|_| None)]);
        assert_eq!(none, None);
        assert!(facts.certain().is_err());
        let mut facts = Facts::new(&META, &org, Some(&account));
        let careless = facts.any_of(&[&|f: &mut Facts<'_>| Ok(f.password_policy().is_err().then_some(()))]);
        assert_eq!(careless, None, "what read an unknown fact proves nothing");
        assert!(facts.certain().is_err());
    }
}
