//! One account: every fact of [`AccountFacts`], each present, absent or unknown with its cause.
//!
//! Owns: entering an account, and what is asked first and last. The groups of facts have files of their own: `identity`,
//! `standing`, `regional`, `authorization`. Must not: share anything between accounts but the bounds (`slots`).
//!
//! # Requests per account
//! At most [`BASE_REQUESTS`] and [`REQUESTS_PER_REGION`] for each Region looked at, home included; plus further pages and polls
//! of the credential report, plus one for the account's state where it can't be entered, plus [`REQUESTS_PER_TRAIL`] for each
//! trail the account owns, [`REQUESTS_PER_BUCKET`] for each bucket of a trail that it owns, and one for each analyzer and topic
//! beyond the first of its Region. With `--deep` one for each user; with `--events` whatever the event history takes.

use super::credentials::{self, Generated};
use super::fan_out::{CollectOptions, Ended, Known, Progress};
use super::feed::ListedAccount;
use super::reused::Reused;
use super::slots::{self, Slot, Slots};
use super::wanted::{self, Wanted};
use super::watch::Watch;
use super::{authorization, identity, regional, regions, standing, tree};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, CauseKind, Observed};
use crate::model::org::OrgFacts;
use crate::model::region::RegionFacts;
use crate::model::scope::RegionRequest;
use futures::future;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

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

/// What the whole run gives to every account.
pub(super) struct Run {
    pub(super) sessions: Sessions,
    pub(super) org: Arc<OrgFacts>,
    pub(super) regions: RegionRequest,
    pub(super) wanted: Wanted,
    pub(super) home: Region,
    pub(super) slots: Slots,
    deadline: Duration,
    progress: Arc<dyn Progress>,
    known: Option<Arc<Known>>,
    cancel: CancellationToken,
    /// Fires with `cancel`, and when the caller's credentials turn out to have expired: nobody else is entered.
    entering: CancellationToken,
    expired: OnceLock<Cause>,
}

/// One account that was entered, as a group of facts sees it.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) run: &'a Run,
    /// What is asked of this account.
    pub(super) wanted: &'a Wanted,
    pub(super) session: &'a AccountSession,
    pub(super) watch: &'a Watch,
}

impl Ask<'_> {
    /// A fact, if this run wants it; else unknown, with no call made. `ask` makes the call: nothing of it, no client either,
    /// is in memory before there is a place.
    pub(super) async fn fact<T, W: Future<Output = Observed<T>>>(
        &self,
        fact: Fact,
        operation: &str,
        ask: impl FnOnce() -> W,
    ) -> Observed<T> {
        if !self.wanted.has(fact) {
            return wanted::not_asked(fact);
        }
        let place = self.run.slots.fact().await;
        let work = self.watch.observed(operation, ask());
        slots::keeping(place, self.session.throttled(), work).await.0
    }
}

/// An account that was entered, and what asking for its credential report gave, if it was asked for.
struct Entered {
    session: AccountSession,
    generated: Option<Generated>,
}

/// What the facts of one account take, until something is made of them.
#[derive(Default)]
pub(super) struct Room {
    pub(super) open: Slot,
    /// None where they are not heavy, or took so long that the slot was given up.
    pub(super) heavy: Slot,
}

impl Run {
    pub(super) fn new(
        sessions: Sessions,
        org: Arc<OrgFacts>,
        options: CollectOptions,
        cancel: &CancellationToken,
        progress: Arc<dyn Progress>,
        known: Option<Arc<Known>>,
    ) -> Self {
        Self {
            home: sessions.home_region().clone(),
            sessions,
            org,
            slots: Slots::new(options.max_concurrency, options.look_ahead),
            regions: options.regions,
            wanted: options.wanted,
            deadline: options.account_deadline,
            progress,
            known,
            cancel: cancel.clone(),
            entering: cancel.child_token(),
            expired: OnceLock::new(),
        }
    }

    /// How the run ended, once it has.
    pub(super) fn ended(&self) -> Ended {
        match self.expired.get() {
            _ if self.cancel.is_cancelled() => Ended::Cancelled,
            Some(cause) => Ended::ExpiredCredentials(cause.clone()),
            None => Ended::Complete,
        }
    }

    /// Collects one account, from its place among those that are looked at ahead; with the facts comes the room that they
    /// take.
    pub(super) async fn collect(&self, listed: ListedAccount, ahead: Slot) -> (AccountFacts, Room) {
        let known = self.known.as_ref().filter(|_| listed.state.why_not_audited().is_none());
        let reused = || {
            let known = known?(&listed.id)?;
            Some(Reused::of(known, &self.wanted, &self.regions, &self.home))
        };
        // Known facts are not held while the account waits: they are read again once its own are there.
        let Some(left) = reused().map(|reused| reused.left(&self.wanted)) else {
            let (facts, room) = self.asked(&listed, &self.wanted, ahead).await;
            return (self.done(facts), room);
        };
        let (mut facts, room) = if left.asks_accounts() {
            self.asked(&listed, &left, ahead).await
        } else {
            // Nothing is left to ask: the account is not even entered.
            (self.not_asked(&listed.id), Room::default())
        };
        facts.entered_as = self.entered_as(&listed.id);
        if let Some(reused) = reused() {
            reused.fill(&mut facts, &self.regions, &self.home);
        }
        (self.done(facts), room)
    }

    /// Facts of an account that is asked nothing.
    fn not_asked(&self, account: &AccountId) -> AccountFacts {
        let mut facts = AccountFacts::unknown(account.clone(), self.home.clone(), &Cause::not_collected("none"));
        // They say with which flag they would be asked.
        facts.ssh_public_keys = wanted::not_asked(Fact::SshPublicKeys);
        facts.recent_events = BTreeMap::from([(self.home.clone(), wanted::not_asked(Fact::RecentEvents))]);
        facts
    }

    /// What an account says of what is wanted.
    async fn asked(&self, listed: &ListedAccount, wanted: &Wanted, ahead: Slot) -> (AccountFacts, Room) {
        // Futures of this size are better moved as pointers.
        let entered = match Box::pin(self.enter(listed, wanted)).await {
            Ok(entered) => entered,
            Err(cause) => return (self.unknown(&listed.id, &cause), Room::default()),
        };
        let watch = Watch::new(&self.cancel);
        let room = async { Ok((self.slots.open().await, self.slots.light().await)) };
        let (open, slot) = match watch.attempt(ENTER, room).await {
            Ok(room) => room,
            Err(cause) => return (self.unknown(&listed.id, &cause), Room::default()),
        };
        drop(ahead);
        self.progress.asking(&listed.id);
        let watch = watch.within(self.deadline);
        let (facts, heavy) = Box::pin(self.facts(&listed.id, wanted, entered, slot, &watch)).await;
        (facts, Room { open, heavy })
    }

    fn done(&self, facts: AccountFacts) -> AccountFacts {
        self.progress.finished(&facts.account, &facts);
        facts
    }

    /// Enters an account and asks for its credential report: IAM works on it while the account waits for its turn. Only
    /// credentials are kept.
    async fn enter(&self, listed: &ListedAccount, wanted: &Wanted) -> Result<Entered, Cause> {
        let watch = &Watch::new(&self.entering);
        let door = watch.attempt(ENTER, async { Ok(self.slots.door().await) }).await?;
        self.progress.started(&listed.id);
        if let Some(why) = listed.state.why_not_audited() {
            return Err(Cause::new(CauseKind::AccountNotActive, ENTER, format!("the account is {why}")));
        }
        let watch = &watch.within(self.deadline);
        let entering = watch.attempt(ENTER, self.sessions.enter(&listed.id, Purpose::Audit));
        let (entered, door) = slots::keeping(door, future::pending(), entering).await;
        drop(door);
        let session = match entered {
            Ok(session) => session,
            Err(cause) => return Err(self.why_denied(&listed.id, watch, cause).await),
        };
        // Whoever is inside stays inside, whatever becomes of the caller's credentials.
        let watch = &Watch::new(&self.cancel).within(self.deadline);
        let generated = match wanted.has(Fact::CredentialReport) {
            true => Some(Generated::ask(&session.apart(), watch).await),
            false => None,
        };
        Ok(Entered { session, generated })
    }

    /// The facts of an account that has a slot: first all that are light, then the report, then, in a slot of their own kind,
    /// the heavy ones.
    async fn facts(
        &self,
        account: &AccountId,
        wanted: &Wanted,
        entered: Entered,
        slot: Slot,
        watch: &Watch,
    ) -> (AccountFacts, Slot) {
        let Entered { session, generated } = &entered;
        // Clients are dropped with the block that needs them.
        let light = async {
            let ask = Ask { run: self, wanted, session: &session.apart(), watch };
            tokio::join!(Box::pin(identity::ask(ask)), Box::pin(standing::ask(ask)), Box::pin(regional::ask(ask)))
        };
        let ((identity, standing, regional), slot) = slots::keeping(slot, session.throttled(), light).await;
        drop(slot);
        let mut facts = AccountFacts::unknown(account.clone(), self.home.clone(), &Cause::not_collected("none"));
        facts.entered_as = self.entered_as(account);
        identity(&mut facts);
        standing(&mut facts);
        regional(&mut facts);
        facts.credential_report = match generated {
            Some(generated) => credentials::fetch(session, watch, generated).await,
            None => wanted::not_asked(Fact::CredentialReport),
        };
        let heavy = watch.attempt(ENTER, async { Ok(self.slots.heavy().await) }).await.ok().flatten();
        let last = async { authorization::ask(Ask { run: self, wanted, session: &session.apart(), watch }).await };
        let (authorization, heavy) = slots::keeping(heavy, session.throttled(), Box::pin(last)).await;
        authorization(&mut facts);
        (facts, heavy)
    }

    /// The role that was assumed; none in the caller's own account.
    fn entered_as(&self, account: &AccountId) -> Option<String> {
        (account != &self.sessions.caller().account).then(|| self.sessions.role_arn(account, Purpose::Audit))
    }

    /// Why an account could not be entered: it may have been closed, or have left, since the accounts were listed.
    async fn why_denied(&self, account: &AccountId, watch: &Watch, denied: Cause) -> Cause {
        if denied.kind == CauseKind::ExpiredCredentials && self.expired.set(denied.clone()).is_ok() {
            self.entering.cancel();
        }
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
        facts.regions_in_scope = regions::in_scope(&self.regions, &facts.regions, &self.home);
        let in_scope = facts.regions_in_scope.iter();
        facts.watchers = in_scope.map(|region| (region.clone(), RegionFacts::unknown(cause))).collect();
        facts
    }
}
