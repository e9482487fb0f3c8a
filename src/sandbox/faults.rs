//! Faults to order: what goes wrong, for whom, how often.
//!
//! Owns: matching and counting. Must not: carry a fault out (`dispatch` and the two transports do).

use super::gate::Limit;
use crate::model::AccountId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// `AccessDenied` in the service's words.
    Deny,
    /// The service's throttling error for this share of the requests, 0 to 1; the same requests for the same seed.
    Throttle {
        /// The share.
        rate: f64,
    },
    /// A limit that AWS does not tell of: the service's throttling error once an account's requests come faster. Each account
    /// has one bucket for all that the fault matches.
    Limit {
        /// Requests per second.
        rate: f64,
        /// Requests at once.
        burst: u32,
    },
    /// Answers as ever, this much later.
    Latency(Duration),
    /// The connection breaks before an answer.
    Drop,
    /// An HTML page with status 503, as from a proxy.
    Html,
    /// Status 200 and bytes that no protocol reads.
    Garbage,
    /// Never answers.
    Hang,
    /// The credentials have expired.
    ExpiredToken,
    /// Every simulation says the opposite of what SCPs decide: as if AWS and orgward read a policy differently.
    Contradict,
    /// Any other error, such as `ConcurrentModificationException`.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// The message.
        message: String,
    },
}

/// A fault: the fields that are given must match, in a request whose credentials were recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The caller's account. A fault that names `AssumeRole` hits it by the account of the role as well.
    pub account: Option<AccountId>,
    /// The service's prefix, such as `iam`.
    pub service: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// How many matching requests it hits; `None`: all.
    pub count: Option<u32>,
    /// Whether the call is carried out before it goes wrong: the answer is lost, the change is made.
    pub after: bool,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault for every request; narrow it down with the other methods.
    pub fn new(kind: FaultKind) -> Self {
        Self { account: None, service: None, operation: None, count: None, after: false, kind }
    }

    /// Only for this account.
    #[must_use]
    pub fn account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    /// Only for this service and operation.
    #[must_use]
    pub fn operation(mut self, service: &str, operation: &str) -> Self {
        self.service = Some(service.to_owned());
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only for this service.
    #[must_use]
    pub fn service(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    /// Only for the first `count` requests that match.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Carried out first, then gone wrong.
    #[must_use]
    pub fn after_the_call(mut self) -> Self {
        self.after = true;
        self
    }

    fn limit(&self, number: usize, allows: (f64, f64)) -> Limit {
        let service = self.service.clone();
        let what = self.operation.clone().unwrap_or_else(|| "every operation".to_owned());
        Limit { number, service, what, allows }
    }

    fn matches(&self, account: &AccountId, role: Option<&AccountId>, service: &str, operation: &str) -> bool {
        let role = role.filter(|_| self.operation.as_deref() == Some("AssumeRole"));
        self.account.as_ref().is_none_or(|wanted| wanted == account || Some(wanted) == role)
            && self.service.as_ref().is_none_or(|wanted| wanted == service)
            && self.operation.as_ref().is_none_or(|wanted| wanted == operation)
            && self.count != Some(0)
    }
}

/// The faults in force.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    active: Mutex<(Vec<Fault>, u64)>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, active: Mutex::new((Vec::new(), 0)) }
    }

    /// Puts a fault in force.
    pub fn add(&self, fault: Fault) {
        self.lock().0.push(fault);
    }

    /// Ends every fault.
    pub fn clear(&self) {
        self.lock().0.clear();
    }

    /// The faults that hit this request. Every delay and every limit counts; of the others, the first that was added.
    /// `role` is the account of the role that is to be assumed.
    pub(crate) fn hit(&self, account: &AccountId, role: Option<&AccountId>, service: &str, operation: &str) -> Hit {
        let mut active = self.lock();
        let (faults, counter) = &mut *active;
        let mut hit = Hit::default();
        for (number, fault) in faults.iter_mut().enumerate() {
            if !fault.matches(account, role, service, operation) {
                continue;
            }
            if let FaultKind::Throttle { rate } = fault.kind {
                *counter += 1;
                if chance(self.seed, *counter) >= rate {
                    continue;
                }
            }
            match &fault.kind {
                FaultKind::Latency(delay) => hit.delay += *delay,
                FaultKind::Limit { rate, burst } => hit.limits.push(fault.limit(number, (*rate, f64::from(*burst)))),
                kind if hit.kind.is_none() => hit.kind = Some((kind.clone(), fault.after)),
                _ => continue,
            }
            fault.count = fault.count.map(|count| count.saturating_sub(1));
        }
        hit
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Fault>, u64)> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What faults do to one request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Hit {
    pub(crate) delay: Duration,
    /// Limits that have to let the request through.
    pub(crate) limits: Vec<Limit>,
    /// What goes wrong, and whether only after the call.
    pub(crate) kind: Option<(FaultKind, bool)>,
}

/// A number in 0..1 that seed and counter alone decide (splitmix64).
fn chance(seed: u64, counter: u64) -> f64 {
    let mut mixed = seed.wrapping_add(counter.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float")]
    let share = (mixed >> 11) as f64 / (1u64 << 53) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccountId {
        text.parse().unwrap()
    }

    #[test]
    fn fields_narrow_and_counts_run_out() {
        let faults = Faults::new(1);
        faults.add(Fault::new(FaultKind::Deny).account(&id("111111111111")).operation("iam", "GetUser").times(2));
        let hit = |account: &str, operation: &str| faults.hit(&id(account), None, "iam", operation).kind.is_some();
        assert!(!hit("222222222222", "GetUser"));
        assert!(!hit("111111111111", "ListRoles"));
        assert_eq!([hit("111111111111", "GetUser"), hit("111111111111", "GetUser")], [true, true]);
        assert!(!hit("111111111111", "GetUser"));
    }

    #[test]
    fn a_share_is_kept_and_the_same_again() {
        let run = || {
            let faults = Faults::new(7);
            faults.add(Fault::new(FaultKind::Throttle { rate: 0.2 }));
            let hits = (0..2_000).map(|_| faults.hit(&id("111111111111"), None, "iam", "GetUser").kind.is_some());
            hits.collect::<Vec<_>>()
        };
        let hits = run();
        let count = hits.iter().filter(|hit| **hit).count();
        assert!((340..460).contains(&count), "{count}");
        assert_eq!(hits, run());
    }

    #[test]
    fn delays_add_up_and_the_first_failure_wins() {
        let faults = Faults::new(1);
        faults.add(Fault::new(FaultKind::Latency(Duration::from_secs(2))));
        faults.add(Fault::new(FaultKind::Hang).after_the_call());
        faults.add(Fault::new(FaultKind::Latency(Duration::from_secs(1))).service("iam"));
        faults.add(Fault::new(FaultKind::Drop));
        let hit = faults.hit(&id("111111111111"), None, "iam", "GetUser");
        assert_eq!(hit, Hit { delay: Duration::from_secs(3), kind: Some((FaultKind::Hang, true)), limits: vec![] });
        faults.clear();
        assert_eq!(faults.hit(&id("111111111111"), None, "iam", "GetUser"), Hit::default());
    }
}
