//! One account: every fact of [`AccountFacts`], each present, absent or unknown with its cause.
//!
//! Owns: the order of calls in one account and their number. Must not: share anything between accounts.
//!
//! # Requests per account
//! At most [`BASE_REQUESTS`] in the home Region, plus further pages (a topic beyond the second counts as one) and polls of
//! the credential report, plus one for the account's state where it can't be entered, plus [`REQUESTS_PER_TRAIL`] for each trail the account owns, plus one for each Region and service
//! beyond.

use super::watch::Watch;
use super::{chain, credentials, iam, regions, trails, tree};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::account::{AccountFacts, RegionState};
use crate::model::ids::{AccountId, Region};
use crate::model::monitoring::Monitoring;
use crate::model::observed::{Cause, CauseKind, Observed};
use crate::model::org::OrgFacts;
use crate::model::scope::RegionRequest;
use crate::model::trail::{LogGroup, Trail};
use crate::resources::password_policy;
use futures::future;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ENTER: &str = "sts:AssumeRole";
pub(super) const PASSWORD_POLICY: &str = "iam:GetAccountPasswordPolicy";

/// Requests for an account without trails of its own: AssumeRole, GenerateCredentialReport, GetAccountSummary,
/// GetAccountPasswordPolicy, GetAccountAuthorizationDetails, ListVirtualMFADevices, ListRegions, DescribeTrails,
/// DescribeAlarms, ListSubscriptionsByTopic for two topics, GetCredentialReport.
pub const BASE_REQUESTS: u32 = 12;

/// Further requests for each trail the account owns: GetTrailStatus, GetEventSelectors, DescribeMetricFilters.
pub const REQUESTS_PER_TRAIL: u32 = 3;

/// What the whole run gives to one account.
pub(super) struct Run<'a> {
    pub(super) sessions: &'a Sessions,
    pub(super) org: &'a OrgFacts,
    pub(super) regions: &'a RegionRequest,
    pub(super) home: Region,
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
        // The account's first call: IAM works on the report while everything else is asked.
        let generated = watch.attempt(credentials::GENERATE, credentials::generate(&session)).await;
        let (
            summary,
            password_policy,
            authorization,
            virtual_mfa_devices,
            (regions, regions_in_scope, trails, monitoring),
        ) = tokio::join!(
            watch.observed(iam::SUMMARY, iam::summary(&session)),
            watch.observed(PASSWORD_POLICY, password_policy::get(&session)),
            watch.observed(iam::AUTHORIZATION, iam::authorization(&session)),
            watch.observed(iam::VIRTUAL_MFA, iam::virtual_mfa_devices(&session)),
            Box::pin(self.regional(account, &session, watch)),
        );
        let credential_report = credentials::fetch(&session, watch, generated, give_up_slot).await;
        AccountFacts {
            account: account.clone(),
            summary,
            password_policy,
            credential_report,
            authorization,
            virtual_mfa_devices,
            regions,
            regions_in_scope,
            trails,
            monitoring,
            ..AccountFacts::unknown(account.clone(), self.home.clone(), &Cause::not_collected("none"))
        }
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
        facts
    }

    /// Regions, trails and the chains around the log groups of the account's own trails.
    async fn regional(&self, account: &AccountId, session: &AccountSession, watch: &Watch) -> Regional {
        let (regions, at_home) = future::join(
            watch.observed(regions::REGIONS, regions::regions(session)),
            watch.observed(trails::DESCRIBE, trails::describe(session, &self.home)),
        )
        .await;
        let in_scope = regions::in_scope(self.regions, &regions, &self.home);
        let mut trails = BTreeMap::from([(self.home.clone(), at_home)]);
        if needs_other_regions(trails.get(&self.home)) {
            let others = in_scope.iter().filter(|region| **region != self.home && regions::usable(&regions, region));
            let seen = others.map(async |region| {
                let seen = watch.observed(trails::DESCRIBE, trails::describe(session, region)).await;
                (region.clone(), seen)
            });
            trails.extend(future::join_all(seen).await);
        }
        self.complete(account, session, watch, &mut trails).await;
        let monitoring = self.monitoring(account, session, watch, &trails).await;
        (regions, in_scope, trails, monitoring)
    }

    /// Status and selectors of trails: those of organization trails are known already, others are asked of their owner once.
    async fn complete(
        &self,
        account: &AccountId,
        session: &AccountSession,
        watch: &Watch,
        trails: &mut BTreeMap<Region, Observed<Vec<Trail>>>,
    ) {
        let known = self.org.organization_trails.value().into_iter().flatten();
        let mut known: BTreeMap<String, Trail> = known.map(|trail| (trail.arn.clone(), trail.clone())).collect();
        let own: BTreeMap<String, Trail> = seen(trails)
            .filter(|trail| trail.owner().as_ref() == Some(account) && !known.contains_key(&trail.arn))
            .map(|trail| (trail.arn.clone(), trail.clone()))
            .collect();
        let completed = own.into_values().map(async |mut trail| {
            trails::complete(session, watch, &mut trail).await;
            (trail.arn.clone(), trail)
        });
        known.extend(future::join_all(completed).await);
        for seen in trails.values_mut() {
            let Observed::Present { value, .. } = seen else { continue };
            for trail in value {
                if let Some(known) = known.get(&trail.arn) {
                    trail.status = known.status.clone();
                    trail.selectors = known.selectors.clone();
                }
            }
        }
    }

    /// The chains around log groups that this account owns and its own trails deliver to. One that was read with the
    /// organization's is not read again.
    async fn monitoring(
        &self,
        account: &AccountId,
        session: &AccountSession,
        watch: &Watch,
        trails: &BTreeMap<Region, Observed<Vec<Trail>>>,
    ) -> Vec<Monitoring> {
        let groups: BTreeSet<LogGroup> = seen(trails)
            .filter(|trail| trail.owner().as_ref() == Some(account))
            .filter_map(Trail::log_group)
            .filter(|group| &group.account == account)
            .collect();
        let mut chains = Vec::new();
        let mut by_region: BTreeMap<Region, Vec<LogGroup>> = BTreeMap::new();
        for group in groups {
            match self.org.monitoring.iter().find(|chain| chain.log_group == group) {
                Some(chain) => chains.push(chain.clone()),
                None => by_region.entry(group.region.clone()).or_default().push(group),
            }
        }
        let read = by_region.iter().map(|(region, groups)| chain::of_account(session, watch, region, groups));
        chains.extend(future::join_all(read).await.into_iter().flatten());
        chains.sort_by(|a, b| a.log_group.cmp(&b.log_group));
        chains
    }
}

/// Regions, those in scope, trails by Region, chains.
type Regional =
    (Observed<BTreeMap<Region, RegionState>>, Vec<Region>, BTreeMap<Region, Observed<Vec<Trail>>>, Vec<Monitoring>);

/// Every trail seen in any Region; a replica comes once for each Region.
fn seen(trails: &BTreeMap<Region, Observed<Vec<Trail>>>) -> impl Iterator<Item = &Trail> {
    trails.values().filter_map(Observed::value).flatten()
}

/// Whether other Regions have to be asked for trails: a multi-Region trail shows in the home Region, and where that Region's
/// answer is unknown the verdict is too.
fn needs_other_regions(at_home: Option<&Observed<Vec<Trail>>>) -> bool {
    match at_home {
        Some(Observed::Present { value, .. }) => !value.iter().any(|trail| trail.multi_region),
        Some(Observed::Absent { .. }) => true,
        _ => false,
    }
}
