//! The pipeline: enumerating, collecting and judging side by side, each account through the run store.
//!
//! Owns: what runs beside what, and what is done where one of them stops. Must not: know how a fact is asked for or judged.

use super::audit_run::{self, AuditRun, Known, Went};
use super::exemptions;
use super::history::keep_standing;
use super::job::Job;
use super::reuse::Earlier;
use super::shared::Shared;
use crate::aws::Sessions;
use crate::checks::{Selection, Thresholds};
use crate::collect::{self, Arrivals, CollectError, CollectOptions, Ended, FanOut, Feed, ListedAccount, Progress};
use crate::model::check::Fact;
use crate::model::exemption::Exemptions;
use crate::model::scope::{Scope, ScopeError};
use crate::model::tally::Tally;
use crate::model::{AccountFacts, AccountId, Cause, OrgFacts, Region};
use crate::store::{Run, RunStatus, StateDir, StoreError};
use futures::channel::oneshot;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use tokio_util::sync::CancellationToken;

/// What an audit does.
#[derive(Debug, Clone)]
pub struct Request {
    /// What was asked, to be kept.
    pub job: Job,
    /// The checks that run.
    pub selection: Selection,
    /// What they compare with.
    pub thresholds: Thresholds,
    /// How accounts are collected, and what is asked for.
    pub options: CollectOptions,
    /// Whether facts stay when the run is over.
    pub keep_facts: bool,
    /// Facts of an earlier run that need not be asked for.
    pub known: Option<Earlier>,
    /// Failures that someone answers for, and what people attest; of the run, where one is gone on with.
    pub exemptions: Exemptions,
}

/// From where an audit begins.
#[derive(Debug)]
pub enum Begin {
    /// By enumerating the organization.
    Enumerating,
    /// With an organization that was enumerated before.
    With(Box<OrgFacts>),
    /// Where a run of before stopped.
    Again(Box<AuditRun>, Box<Went>),
}

/// Who is told how far an audit is.
pub trait Watcher: Progress {
    /// The run has a place in the store.
    fn began(&self, _kept: &AuditRun) {}
    /// The organization is whole.
    fn enumerated(&self, _org: &OrgFacts, _scope: &Scope) {}
}

/// Nobody.
impl Watcher for () {}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Every account was asked.
    Complete,
    /// Someone stopped it.
    Interrupted,
    /// The caller's own credentials expired.
    Expired(Cause),
}

/// What an audit came to.
#[derive(Debug)]
pub struct Audited {
    /// The run that keeps it.
    pub run: Run,
    /// The organization.
    pub org: Arc<OrgFacts>,
    /// Who has verdicts.
    pub scope: Scope,
    /// Its findings, counted.
    pub tally: Tally,
    /// How it ended.
    pub ending: Ending,
}

/// Why an audit has nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The organization could not be enumerated.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The scope names what is not there.
    #[error("the scope can't be resolved")]
    Scope(Vec<ScopeError>),
    /// Regions that the partition does not have, each with the nearest one that it has.
    #[error("there is no such Region")]
    Regions(Vec<(Region, Option<Region>)>),
    /// The run can't be kept: what was kept before is good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs an audit.
///
/// # Errors
/// If the organization can't be enumerated, the scope or a Region names what is not there, or the run can't be kept. What was
/// collected before stays in the run. An account that can't be read is a row, not an error.
pub async fn run(
    sessions: &Sessions,
    request: Request,
    state: &StateDir,
    begin: Begin,
    watcher: Arc<dyn Watcher>,
    cancel: &CancellationToken,
) -> Result<Audited, AuditError> {
    // A store that fails stops what is under way.
    let stop = cancel.child_token();
    let shared = Arc::new(Shared {
        request,
        org: OnceLock::new(),
        exempting: OnceLock::new(),
        files: Mutex::default(),
        stop: stop.clone(),
    });
    let started = sessions.clock().now();
    let work = Work { sessions, state, started, shared: &shared, watcher: &watcher, stop: &stop };
    let outcome = match begin {
        Begin::Enumerating => work.enumerating(None).await,
        Begin::With(org) => work.with_organization(*org).await,
        Begin::Again(kept, went) => work.again(*kept, *went).await,
    };
    let outcome = shared.failure().map_or(outcome, Err);
    let files = std::mem::take(&mut *shared.files());
    let now = sessions.clock().now();
    match (outcome, files.kept) {
        (Ok((scope, ended)), Some(mut kept)) => {
            let ending = match ended {
                _ if cancel.is_cancelled() => Ending::Interrupted,
                Ended::ExpiredCredentials(cause) => Ending::Expired(cause),
                Ended::Complete | Ended::Cancelled => Ending::Complete,
            };
            kept.sync()?;
            let status = if ending == Ending::Complete { RunStatus::Done } else { RunStatus::Interrupted };
            if status == RunStatus::Done {
                keep_standing(kept.run(), shared.request.job.as_of, scope.accounts.len(), &files.tally)?;
            }
            kept.run_mut().finish(status, now)?;
            let run = kept.close(ending != Ending::Complete || shared.request.keep_facts)?;
            let org = shared.org.get().cloned().ok_or_else(|| AuditError::Collect(unfinished()))?;
            Ok(Audited { run, org, scope, tally: files.tally, ending })
        }
        (Err(error), kept) => {
            if let Some(mut kept) = kept {
                // The first error is the one to tell.
                let status = if cancel.is_cancelled() { RunStatus::Interrupted } else { RunStatus::Failed };
                let _ = kept.sync().and_then(|()| kept.run_mut().finish(status, now));
            }
            Err(error)
        }
        (Ok(_), None) => Err(AuditError::Collect(unfinished())),
    }
}

/// The organization was never whole, though nothing failed: enumeration was cut short.
fn unfinished() -> CollectError {
    let cause = Cause::new(crate::model::CauseKind::Interrupted, "organizations:ListAccounts", "interrupted");
    CollectError::Failed { what: "organization", cause }
}

/// Accounts to collect, as they become known.
type Accounts = BoxStream<'static, ListedAccount>;

/// What every way of running an audit needs.
struct Work<'a> {
    sessions: &'a Sessions,
    state: &'a StateDir,
    /// Before anything was asked.
    started: Timestamp,
    shared: &'a Arc<Shared>,
    watcher: &'a Arc<dyn Watcher>,
    stop: &'a CancellationToken,
}

/// Who has verdicts, and how collecting ended.
type Collected = Result<(Scope, Ended), AuditError>;

impl Work<'_> {
    fn job(&self) -> &Job {
        &self.shared.request.job
    }

    /// Opens a run for an organization, unless one is open.
    fn begin_once(&self, organization: &str) -> Result<(), AuditError> {
        if self.shared.files().kept.is_some() {
            return Ok(());
        }
        let mut run = self.state.create_run(organization, "audit", self.started)?;
        // First: a run that says what it is has all that it is judged with.
        exemptions::keep(&mut run, &self.shared.request.exemptions)?;
        self.keep_in(AuditRun::begin(run, self.job())?);
        Ok(())
    }

    fn keep_in(&self, kept: AuditRun) {
        self.watcher.began(&kept);
        let mut files = self.shared.files();
        files.tally = self.job().tally(kept.run().manifest().started);
        files.kept = Some(kept);
    }

    /// With an organization that is whole: only accounts are asked.
    async fn with_organization(&self, mut org: OrgFacts) -> Collected {
        org.as_of = self.job().as_of;
        self.refuse_regions(&org)?;
        self.begin_once(&org.organization.id)?;
        let scope = self.resolve(&org)?;
        self.shared.whole(org, &scope)?;
        self.collect_scope(scope, &BTreeSet::new()).await
    }

    /// Goes on where a run stopped.
    async fn again(&self, mut kept: AuditRun, went: Went) -> Collected {
        kept.run_mut().go_on()?;
        self.keep_in(kept);
        {
            let mut files = self.shared.files();
            files.tally = went.tally;
            files.waiting = went.waiting;
        }
        match went.known {
            Some(Known { organization, scope }) => {
                self.shared.whole(organization, &scope)?;
                self.collect_scope(scope, &went.finished).await
            }
            None => self.enumerating(Some(&went.finished)).await,
        }
    }

    /// Collects the accounts of a scope but those that are finished.
    async fn collect_scope(&self, scope: Scope, finished: &BTreeSet<AccountId>) -> Collected {
        let Some(org) = self.shared.org.get().cloned() else { return Err(unfinished().into()) };
        self.watcher.enumerated(&org, &scope);
        let left = left(&org, &scope.accounts, finished);
        self.watcher.total(left.len(), true);
        self.shared.judge_waiting().await?;
        let ended = self.collect(org, stream::iter(left).boxed()).await;
        Ok((scope, ended))
    }

    /// Enumerates, and collects beside it. `finished`: in the run that is gone on with, and without what they collected.
    async fn enumerating(&self, finished: Option<&BTreeSet<AccountId>>) -> Collected {
        let none = BTreeSet::new();
        let finished = finished.unwrap_or(&none);
        let (feed, Arrivals { head, accounts }) = Feed::new();
        let (resolved, scope) = oneshot::channel();
        let everything = self.job().asked.scope.is_everything() && self.job().shard.is_none();
        let organization = async {
            let (org, analyzers) = self.organization(feed).await?;
            let mut org = org;
            org.services.analyzers = analyzers.unwrap_or(org.services.analyzers);
            // What was cut short is asked again when the run is gone on with: it must not be kept as whole.
            let cut = org.causes().find(|cause| audit_run::cut_short(cause)).cloned();
            if let Some(cause) = cut {
                return Err(CollectError::Failed { what: "organization", cause }.into());
            }
            let scope = self.resolve(&org)?;
            self.watcher.enumerated(&org, &scope);
            // Enumeration may be over before its head was taken.
            self.begin_once(&org.organization.id)?;
            self.shared.files().waiting.retain(|account| scope.contains(account));
            // Nobody listens where accounts are taken as they are listed.
            let _ = resolved.send(left(&org, &scope.accounts, finished));
            self.shared.whole(org, &scope)?;
            self.shared.judge_waiting().await?;
            Ok::<Scope, AuditError>(scope)
        };
        let accounts_collected = async {
            // Where enumeration failed, it says why.
            let Ok(head) = head.await else { return Ok(Ended::Complete) };
            self.refuse_regions(&head)?;
            self.begin_once(&head.organization.id)?;
            let accounts = if everything {
                self.as_listed(accounts, finished.clone())
            } else {
                let Ok(left) = scope.await else { return Ok(Ended::Complete) };
                self.watcher.total(left.len(), true);
                stream::iter(left).boxed()
            };
            Ok::<Ended, AuditError>(self.collect(head, accounts).await)
        };
        let (scope, ended) = tokio::try_join!(Box::pin(organization), Box::pin(accounts_collected))?;
        self.shared.judge_waiting().await?;
        Ok((scope, ended))
    }

    /// The whole organization, with its analyzers if they are wanted.
    async fn organization(&self, feed: Feed) -> Result<(OrgFacts, Option<Analyzers>), AuditError> {
        let (request, options) = (&self.shared.request, &self.shared.request.options);
        let tags = request.selection.wants_tags()
            || request.exemptions.wants_tags()
            || !request.job.asked.scope.tags.is_empty();
        let org = collect::enumerate(self.sessions, tags, &options.wanted, Some(request.job.as_of), self.stop, feed);
        let org = org.await?;
        let analyzers = match options.wanted.has(Fact::OrganizationAnalyzers) {
            true => Some(collect::organization_analyzers(self.sessions, &org, &options.regions, self.stop).await),
            false => None,
        };
        Ok((org, analyzers))
    }

    /// Accounts as they are listed, but those that are finished or can't be looked into.
    fn as_listed(
        &self,
        accounts: impl stream::Stream<Item = ListedAccount> + Send + 'static,
        finished: BTreeSet<AccountId>,
    ) -> Accounts {
        let watcher = Arc::clone(self.watcher);
        let mut total = 0;
        let each = accounts.map(Some).chain(stream::iter([None])).filter_map(move |listed| {
            let listed_all = listed.is_none();
            let left =
                listed.filter(|listed| listed.state.why_not_audited().is_none() && !finished.contains(&listed.id));
            total += usize::from(left.is_some());
            watcher.total(total, listed_all);
            std::future::ready(left)
        });
        each.boxed()
    }

    async fn collect(&self, org: Arc<OrgFacts>, accounts: Accounts) -> Ended {
        let shared = Arc::clone(self.shared);
        let fan_out = FanOut {
            sessions: self.sessions.clone(),
            org,
            options: self.shared.request.options.clone(),
            cancel: self.stop.clone(),
            progress: Arc::clone(self.watcher) as Arc<dyn Progress>,
            known: self.shared.request.known.clone().map(|earlier| earlier.known),
            work: Arc::new(move |facts: AccountFacts| shared.take(&facts)),
        };
        collect::accounts(fan_out, accounts, |()| {}).await
    }

    fn resolve(&self, org: &OrgFacts) -> Result<Scope, AuditError> {
        let mut scope = Scope::resolve(&self.job().asked.scope, org).map_err(AuditError::Scope)?;
        if let Some(shard) = &self.job().shard {
            scope.accounts = shard.part(&scope.accounts).to_vec();
        }
        Ok(scope)
    }

    /// Refuses Regions that the partition does not have.
    fn refuse_regions(&self, org: &OrgFacts) -> Result<(), AuditError> {
        let wrong = self.shared.request.options.regions.unknown(org);
        if wrong.is_empty() {
            return Ok(());
        }
        Err(AuditError::Regions(wrong.into_iter().map(|(region, near)| (region.clone(), near.cloned())).collect()))
    }
}

/// Accounts of the scope that are not finished, with their state.
fn left(org: &OrgFacts, accounts: &[AccountId], finished: &BTreeSet<AccountId>) -> Vec<ListedAccount> {
    accounts.iter().filter(|id| !finished.contains(*id)).map(|id| ListedAccount::of(org, id)).collect()
}

/// The organization's analyzers by Region.
type Analyzers = std::collections::BTreeMap<Region, crate::model::Observed<Vec<crate::model::region::Analyzer>>>;
