//! The limiter: a token bucket for each (account, Region, service, API group), and behind those of a service whose rates AWS
//! does not publish one for all of them, should it turn out that there is such a limit.
//!
//! Owns: which bucket an operation drains, which are kept, and what is remembered of those that AWS throttled. How one slows
//! down is in `paced`, how a shared limit is found in `siblings`.

use super::clock::Clock;
use super::learned::{Learned, Memory, Place};
use super::paced::Paced;
use super::quotas::{Allowance, Quotas};
use super::sharing::Sharing;
use super::siblings::Siblings;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Buckets kept before idle ones are dropped.
const KEEP: usize = 4096;
/// The group that stands for all operations of a service.
const ALL: &str = "*";

/// Which bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    account: String,
    region: String,
    service: &'static str,
    group: String,
}

/// All buckets of a run.
#[derive(Debug)]
pub struct Limiter {
    clock: Clock,
    quotas: Quotas,
    sharing: Sharing,
    caller: OnceLock<String>,
    buckets: Mutex<Buckets>,
}

#[derive(Debug)]
struct Buckets {
    by_key: HashMap<Key, Arc<Bucket>>,
    siblings: HashMap<Key, Arc<Siblings>>,
    /// Rates that throttled buckets were at when they were dropped, or that a run before found: of the whole quota.
    remembered: BTreeMap<Place, (f64, jiff::Timestamp)>,
    sweep_at: usize,
}

impl Limiter {
    /// A limiter whose buckets are all full, each with this run's part of its quota; those that `memory` names begin at the
    /// rates that were found before.
    pub fn new(clock: Clock, quotas: Quotas, sharing: Sharing, memory: &Memory) -> Self {
        let remembered = memory.limits().iter().map(|limit| (limit.place.clone(), (limit.rate, limit.seen))).collect();
        let buckets = Buckets { by_key: HashMap::new(), siblings: HashMap::new(), remembered, sweep_at: KEEP };
        Self { clock, quotas, sharing, caller: OnceLock::new(), buckets: Mutex::new(buckets) }
    }

    /// Tells which account the caller's own is. Only the first word counts; until then, every account counts as it, so that
    /// nothing is too fast.
    pub fn caller_is(&self, account: &str) {
        // A second word is of the same caller.
        let _ = self.caller.set(account.to_owned());
    }

    /// The bucket that an operation in an account and Region drains.
    pub fn bucket(&self, account: &str, region: &str, service: &'static str, operation: &str) -> Arc<Bucket> {
        let (group, quota) = self.quotas.lookup(service, operation);
        let key = Key { account: account.to_owned(), region: region.to_owned(), service, group };
        let mut buckets = lock(&self.buckets);
        if let Some(bucket) = buckets.by_key.get(&key) {
            return Arc::clone(bucket);
        }
        if buckets.by_key.len() >= buckets.sweep_at {
            self.sweep(&mut buckets);
        }
        let bucket = Arc::new(self.fresh(&mut buckets, &key, quota));
        buckets.by_key.insert(key, Arc::clone(&bucket));
        bucket
    }

    fn fresh(&self, buckets: &mut Buckets, key: &Key, quota: Allowance) -> Bucket {
        let factor = self.factor(&key.account, key.service);
        let allowance = self.sharing.of(quota, self.own(&key.account), key.service);
        let known = buckets.remembered.get(&key.place()).map(|(rate, _)| rate * factor);
        let paced = match known.filter(|rate| quota.unpublished() && *rate < allowance.rate) {
            Some(rate) => Paced::slowed_to(allowance, rate, self.clock.clone()),
            None => Paced::new(allowance, self.clock.clone()),
        };
        let siblings = quota.unpublished().then(|| self.quotas.others(key.service)).flatten().map(|others| {
            let others = self.sharing.of(others, self.own(&key.account), key.service);
            let all = Key { group: ALL.to_owned(), ..key.clone() };
            let known = buckets.remembered.get(&all.place()).map(|(rate, _)| rate * factor);
            let siblings = buckets.siblings.entry(all).or_insert_with(|| {
                Arc::new(match known {
                    Some(rate) => Siblings::limited_to(others, rate, self.clock.clone()),
                    None => Siblings::new(others, self.clock.clone()),
                })
            });
            Arc::clone(siblings)
        });
        Bucket { paced: Arc::new(paced), siblings, unpublished: quota.unpublished() }
    }

    /// How fast a bucket may be drained, and how often it was.
    pub fn pace(&self, account: &str, region: &str, service: &'static str, operation: &str) -> Pace {
        let (group, quota) = self.quotas.lookup(service, operation);
        let key = Key { account: account.to_owned(), region: region.to_owned(), service, group };
        match lock(&self.buckets).by_key.get(&key) {
            Some(bucket) => Pace { rate: bucket.rate(), taken: bucket.paced.taken() },
            None => Pace { rate: self.sharing.of(quota, self.own(account), service).rate, taken: 0 },
        }
    }

    /// What this run may take of an operation's bucket: in the caller's `own` account, or in a member.
    pub fn allowance(&self, own: bool, service: &str, operation: &str) -> Allowance {
        self.sharing.of(self.quotas.lookup(service, operation).1, own, service)
    }

    /// The rates of the buckets that AWS throttled, in this run or one before, and that have not come back to where they
    /// began: of quotas that AWS does not publish only, since the others are known. Each is that of the whole quota, of
    /// which this run may take a share.
    pub fn learned(&self) -> Vec<Learned> {
        let mut buckets = lock(&self.buckets);
        let Buckets { by_key, siblings, remembered, .. } = &mut *buckets;
        by_key.iter().for_each(|(key, bucket)| self.remember(remembered, key, bucket.told()));
        siblings.iter().for_each(|(key, siblings)| self.remember(remembered, key, told(siblings)));
        let learned = remembered.iter();
        learned.map(|(place, (rate, seen))| Learned { place: place.clone(), rate: *rate, seen: *seen }).collect()
    }

    /// Drops what a new bucket would do as well for; the rate of one that was slowed down is remembered.
    fn sweep(&self, buckets: &mut Buckets) {
        let now = self.clock.elapsed();
        let Buckets { by_key, siblings, remembered, sweep_at } = buckets;
        by_key.retain(|key, bucket| {
            let keep = Arc::strong_count(bucket) > 1 || !bucket.paced.idle(now);
            if !keep {
                self.remember(remembered, key, bucket.told());
            }
            keep
        });
        siblings.retain(|key, siblings| {
            let keep = Arc::strong_count(siblings) > 1 || siblings.shared().is_some_and(|shared| !shared.idle(now));
            if !keep {
                self.remember(remembered, key, told(siblings));
            }
            keep
        });
        *sweep_at = KEEP.max(by_key.len().saturating_mul(2));
    }

    fn remember(&self, remembered: &mut BTreeMap<Place, (f64, jiff::Timestamp)>, key: &Key, told: Told) {
        match told {
            Told::Nothing => {}
            Told::Recovered => drop(remembered.remove(&key.place())),
            Told::Slow { rate, throttled } => {
                let rate = rate / self.factor(&key.account, key.service);
                let now = self.clock.now();
                // A rate that was not put to the test by AWS now is as old as it was.
                let seen = remembered.get(&key.place()).filter(|_| !throttled).map_or(now, |(_, seen)| *seen);
                remembered.insert(key.place(), (rate, seen));
            }
        }
    }

    fn own(&self, account: &str) -> bool {
        self.caller.get().is_none_or(|caller| caller == account)
    }

    fn factor(&self, account: &str, service: &str) -> f64 {
        self.sharing.factor(self.own(account), service)
    }
}

impl Key {
    fn place(&self) -> Place {
        Place {
            account: self.account.clone(),
            region: self.region.clone(),
            service: self.service.to_owned(),
            group: self.group.clone(),
        }
    }
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Requests per second allowed now.
    pub rate: f64,
    /// Requests that took a token so far, retries among them.
    pub taken: u64,
}

/// What a bucket is remembered by.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    /// Nothing is known that was not before.
    Nothing,
    /// It is as fast as it may be at first.
    Recovered,
    /// It is slower; `throttled`: AWS said so in this run.
    Slow { rate: f64, throttled: bool },
}

/// What an operation of an account drains: a bucket, and the one that its service's operations share once there is one.
#[derive(Debug)]
pub struct Bucket {
    paced: Arc<Paced>,
    siblings: Option<Arc<Siblings>>,
    unpublished: bool,
}

impl Bucket {
    /// Waits for a token and takes it; tells how long that took.
    pub async fn pass(&self) -> Duration {
        let waited = self.paced.pass().await;
        match self.siblings.as_ref().and_then(|siblings| siblings.shared()) {
            Some(shared) => waited.saturating_add(shared.pass().await),
            None => waited,
        }
    }

    /// AWS throttled a request of this bucket: slow down, unless that was done within the window.
    pub fn throttled(&self) {
        match &self.siblings {
            Some(siblings) => siblings.throttled(&self.paced),
            None => drop(self.paced.throttled()),
        }
    }

    /// AWS answered a request of this bucket: step up, unless that was done within the window.
    pub fn succeeded(&self) {
        self.paced.succeeded();
        if let Some(siblings) = &self.siblings {
            siblings.succeeded();
        }
    }

    /// Requests per second allowed now.
    pub fn rate(&self) -> f64 {
        let shared = self.siblings.as_ref().and_then(|siblings| siblings.shared());
        shared.map_or(f64::INFINITY, |shared| shared.rate()).min(self.paced.rate())
    }

    /// Whether it is slower than it started.
    pub fn slowed(&self) -> bool {
        self.rate() < self.paced.first_rate()
    }

    fn told(&self) -> Told {
        let (rate, throttled) = (self.paced.rate(), self.paced.was_throttled());
        match rate < self.paced.first_rate() {
            _ if !self.unpublished => Told::Nothing,
            true => Told::Slow { rate, throttled },
            false => Told::Recovered,
        }
    }
}

/// What the operations of a service are remembered by.
fn told(siblings: &Siblings) -> Told {
    match siblings.shared() {
        Some(shared) => Told::Slow { rate: shared.rate(), throttled: shared.was_throttled() },
        None => Told::Recovered,
    }
}

/// Locks; a panic elsewhere leaves figures that are still good enough.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
