//! What a look around took, the rates it went by, and how long an audit will take by both.
//!
//! Must not: ask AWS.

use crate::aws::Sessions;
use crate::cli::eta::{Pace, Shared, eta, target_pages_left};
use crate::cli::progress::AuditProgress;
use crate::cli::ui::Ui;
use crate::collect;
use crate::doctor::{Estimate, Rate};
use crate::model::{AccountFacts, AccountId};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The operations that an audit mostly waits for: of the caller's account, and of each account.
const ASKED_MOST: [(bool, &str, &str, &str); 7] = [
    (true, "organizations", "ListAccounts", "organizations:ListAccounts"),
    (true, "organizations", "ListTargetsForPolicy", "organizations:ListTargetsForPolicy"),
    (true, "sts", "AssumeRole", "sts:AssumeRole"),
    (false, "iam", "GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails"),
    (false, "iam", "GenerateCredentialReport", "iam:GenerateCredentialReport"),
    (false, "cloudtrail", "DescribeTrails", "cloudtrail:DescribeTrails"),
    (false, "config", "DescribeConfigurationRecorders", "config:DescribeConfigurationRecorders"),
];

/// The rates that a run goes by.
pub fn rates(sessions: &Sessions) -> Vec<Rate> {
    let rate = |(own, service, operation, name): (bool, &str, &str, &'static str)| {
        let allowance = sessions.allowance(own, service, operation);
        Rate { operation: name, of_each_account: !own, per_second: allowance.rate, at_most: allowance.ceiling }
    };
    ASKED_MOST.into_iter().map(rate).collect()
}

/// What collecting some accounts took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Taken {
    /// Accounts.
    pub accounts: usize,
    /// Calls.
    pub calls: u64,
    /// From the moment an account had its slot to its last fact, summed over the accounts.
    pub time: Duration,
}

impl Taken {
    fn calls_each(&self) -> u64 {
        self.calls.checked_div(self.accounts as u64).unwrap_or(0)
    }

    fn time_each(&self) -> Duration {
        self.time.checked_div(u32::try_from(self.accounts).unwrap_or(u32::MAX)).unwrap_or_default()
    }
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// Enumerating the organization.
    pub enumerated: Duration,
    /// The caller's account, in every Region.
    pub caller: Taken,
    /// Members, in one Region.
    pub members: Taken,
    /// How many Regions the caller's account was looked at in.
    pub regions: usize,
    /// Accounts in scope.
    pub accounts: usize,
}

impl Measured {
    /// How long an audit takes: each account as long as the slower of the two kinds that were measured, as many at a time as
    /// there may be, and no faster than the shared buckets let it.
    pub fn estimate(&self, sessions: &Sessions, at_once: usize, ous: usize) -> Option<Estimate> {
        let Self { caller, members, regions, accounts, .. } = *self;
        if accounts == 0 || caller.accounts == 0 {
            return None;
        }
        let each = caller.time_each().max(members.time_each());
        let at_once = u32::try_from(at_once.clamp(1, accounts)).unwrap_or(u32::MAX);
        let total = accounts as u64;
        let rate = |service, operation| sessions.allowance(true, service, operation).rate;
        let shared = vec![
            Shared { requests: total, rate: rate("sts", "AssumeRole") },
            Shared {
                requests: target_pages_left(total, ous as u64, 0),
                rate: rate("organizations", "ListTargetsForPolicy"),
            },
        ];
        // As if one account were done, and all of them to come.
        let pace = Pace { done: 1, in_work: 0, total: total.saturating_add(1), elapsed: each / at_once, shared };
        let seconds = eta(&pace).map(|time| time.max(self.enumerated).max(each).as_secs());
        Some(Estimate { accounts, regions, requests_per_account: self.requests(), seconds })
    }

    /// Requests for each account in every Region: a member's in one, and what each further Region took in the caller's.
    fn requests(&self) -> u64 {
        let (caller, member) = (self.caller.calls_each(), self.members.calls_each());
        if member == 0 { caller } else { caller.max(member) }
    }
}

/// Times accounts, and shows progress.
pub struct Timed {
    progress: AuditProgress,
    sessions: Sessions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: BTreeMap<AccountId, Duration>,
    accounts: usize,
    time: Duration,
}

impl Timed {
    /// Nothing is timed yet.
    pub fn new(ui: &Ui, sessions: &Sessions) -> Self {
        let progress = AuditProgress::new(ui, sessions);
        progress.listed();
        Self { progress, sessions: sessions.clone(), state: Mutex::default() }
    }

    /// Does the work and shows meanwhile how far it is.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        self.progress.beside(work).await
    }

    /// What it took, of accounts that were entered, with this many calls.
    pub fn taken(&self, calls: u64) -> Taken {
        let state = self.lock();
        Taken { accounts: state.accounts, calls, time: state.time }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl collect::Progress for Timed {
    fn total(&self, accounts: usize, last: bool) {
        self.progress.total(accounts, last);
    }

    fn started(&self, account: &AccountId) {
        self.progress.started(account);
    }

    fn asking(&self, account: &AccountId) {
        self.lock().began.insert(account.clone(), self.sessions.clock().elapsed());
        self.progress.asking(account);
    }

    fn finished(&self, account: &AccountId, facts: &AccountFacts) {
        let now = self.sessions.clock().elapsed();
        {
            let mut state = self.lock();
            if let Some(began) = state.began.remove(account) {
                state.accounts += 1;
                state.time += now.saturating_sub(began);
            }
        }
        self.progress.finished(account, facts);
    }
}
