//! One account: every fact of [`AccountFacts`], each present, absent or unknown with its cause.
//!
//! Owns: entering an account, and what is asked first and last. The groups of facts have files of their own: `identity`,
//! `standing`, `regional`. Must not: share anything between accounts.
//!
//! # Requests per account
//! At most [`BASE_REQUESTS`] and [`REQUESTS_PER_REGION`] for each Region looked at, home included; plus further pages and polls
//! of the credential report, plus one for the account's state where it can't be entered, plus [`REQUESTS_PER_TRAIL`] for each
//! trail the account owns, [`REQUESTS_PER_BUCKET`] for each bucket of a trail that it owns, and one for each analyzer and topic
//! beyond the first of its Region. With `--deep` one for each user; with `--events` whatever the event history takes.

use super::wanted::{self, Wanted};
use super::watch::Watch;
use super::{credentials, identity, regional, regions, standing, tree};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, CauseKind, Observed};
use crate::model::org::OrgFacts;
use crate::model::region::RegionFacts;
use crate::model::scope::RegionRequest;

pub(super) const ENTER: &str = "sts:AssumeRole";

/// Requests for an account, Regions aside: AssumeRole, GenerateCredentialReport, GetCredentialReport, GetAccountSummary,
/// GetAccountPasswordPolicy, GetAccountAuthorizationDetails, ListVirtualMFADevices, ListRoles, ListServerCertificates,
/// ListSAMLProviders, ListServiceSpecificCredentials, ListRegions, GetAlternateContact, GetContactInformation, ListBuckets,
/// DescribeConfigRules, and for the bill DescribeAlarms with ListSubscriptionsByTopic for one topic.
pub const BASE_REQUESTS: u32 = 18;

/// Further requests for each trail the account owns: GetTrailStatus, GetEventSelectors, DescribeMetricFilters.
pub const REQUESTS_PER_TRAIL: u32 = 3;

/// Further requests for each Region looked at, home included: DescribeTrails, DescribeAlarms, ListSubscriptionsByTopic for one
/// topic, ListAnalyzers and ListFindingsV2 for one analyzer, recorders and their status, the hub, detectors and the state of
/// one.
pub const REQUESTS_PER_REGION: u32 = 10;

/// Further requests for each bucket of a trail that the account owns: its policy's status, its ACL, its access log.
pub const REQUESTS_PER_BUCKET: u32 = 3;

/// What the whole run gives to one account.
pub(super) struct Run<'a> {
    pub(super) sessions: &'a Sessions,
    pub(super) org: &'a OrgFacts,
    pub(super) regions: &'a RegionRequest,
    pub(super) wanted: &'a Wanted,
    pub(super) home: Region,
}

/// One account that was entered, as a group of facts sees it.
pub(super) struct Ask<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) session: &'a AccountSession,
    pub(super) watch: &'a Watch,
}

impl Ask<'_> {
    /// A fact, if this run wants it; else unknown, with no call made.
    pub(super) fn fact<T>(
        &self,
        fact: Fact,
        operation: &str,
        work: impl Future<Output = Observed<T>>,
    ) -> impl Future<Output = Observed<T>> {
        let work = self.run.wanted.has(fact).then(|| self.watch.observed(operation, work));
        async move {
            match work {
                Some(work) => work.await,
                None => wanted::not_asked(fact),
            }
        }
    }
}

impl Run<'_> {
    /// Collects one account. `give_up_slot` is called once, when the account only waits for its credential report.
    pub(super) async fn collect(
        &self,
        account: &AccountId,
        watch: &Watch,
        give_up_slot: impl FnOnce(),
    ) -> AccountFacts {
        if let Some(why) = self.org.accounts.get(account).and_then(|account| account.state.why_not_audited()) {
            return self
                .unknown(account, &Cause::new(CauseKind::AccountNotActive, ENTER, format!("the account is {why}")));
        }
        let session = match watch.attempt(ENTER, self.sessions.enter(account, Purpose::Audit)).await {
            Ok(session) => session,
            Err(cause) => return self.unknown(account, &self.why_denied(account, watch, cause).await),
        };
        let ask = &Ask { run: self, session: &session, watch };
        let report = self.wanted.has(Fact::CredentialReport);
        // The account's first call: IAM works on the report while everything else is asked.
        let generated = match report {
            true => Some(watch.attempt(credentials::GENERATE, credentials::generate(&session)).await),
            false => None,
        };
        let (identity, standing, regional) =
            tokio::join!(Box::pin(identity::ask(ask)), Box::pin(standing::ask(ask)), Box::pin(regional::ask(ask)));
        let mut facts = AccountFacts::unknown(account.clone(), self.home.clone(), &Cause::not_collected("none"));
        facts.entered_as = self.entered_as(account);
        identity(&mut facts);
        standing(&mut facts);
        regional(&mut facts);
        facts.credential_report = match generated {
            Some(generated) => credentials::fetch(&session, watch, generated, give_up_slot).await,
            None => wanted::not_asked(Fact::CredentialReport),
        };
        facts
    }

    /// The role that was assumed; none in the caller's own account.
    fn entered_as(&self, account: &AccountId) -> Option<String> {
        (account != &self.sessions.caller().account).then(|| self.sessions.role_arn(account, Purpose::Audit))
    }

    /// Why an account could not be entered: it may have been closed, or have left, since the accounts were listed.
    async fn why_denied(&self, account: &AccountId, watch: &Watch, denied: Cause) -> Cause {
        if denied.kind != CauseKind::AssumeRoleDenied {
            return denied;
        }
        match watch.attempt(tree::ACCOUNT, tree::why_gone(&self.sessions.base(), account)).await {
            Ok(Some(why)) => Cause::new(CauseKind::AccountNotActive, ENTER, format!("the account is {why} by now")),
            Ok(None) | Err(_) => denied,
        }
    }

    /// Facts of an account that could not be entered.
    pub(super) fn unknown(&self, account: &AccountId, cause: &Cause) -> AccountFacts {
        let mut facts = AccountFacts::unknown(account.clone(), self.home.clone(), cause);
        facts.regions_in_scope = regions::in_scope(self.regions, &facts.regions, &self.home);
        let in_scope = facts.regions_in_scope.iter();
        facts.watchers = in_scope.map(|region| (region.clone(), RegionFacts::unknown(cause))).collect();
        facts
    }
}
