//! Buckets: those that trails write to, with their access logs, and one of a workload.
//!
//! Owns: what each lets in and whether access is logged. Must not: make a trail (`trails`).

use super::dice::Dice;
use super::{Generator, names};
use crate::sandbox::state::{AccountState, Bucket};

/// Everybody, in an ACL.
pub const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

/// The bucket that the organization trail writes to.
pub(super) fn of_organization_trail(generator: &Generator) -> String {
    let mut dice = Dice::new(generator.seed, "organization trail").fork("bucket");
    format!("org-trail-{}-{}", generator.organization, dice.lower(6))
}

/// A bucket of a workload, in every account.
pub(super) fn of_workload(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let mut dice = dice.fork("buckets");
    let name = format!("{}-{}-{}", dice.pick(names::WORKLOADS), dice.pick(names::PARTS), state.account);
    let created = dice.ago(generator.epoch, 50, 390);
    state.buckets.insert(name, blank(generator, created));
}

/// A bucket that trails write to: its policy lets CloudTrail in, nobody else unless it is `public`, and access to it goes to
/// another bucket if it is `logged`.
pub(super) fn of_trail(generator: &Generator, state: &mut AccountState, name: String, (public, logged): (bool, bool)) {
    let logs = format!("access-logs-{}", state.account);
    let mut bucket = blank(generator, state.created);
    bucket.public_policy = Some(public);
    if public {
        bucket.group_grants = vec![(ALL_USERS.to_owned(), "READ".to_owned())];
    }
    bucket.log_bucket = logged.then(|| logs.clone());
    if logged {
        state.buckets.insert(logs, blank(generator, state.created));
    }
    state.buckets.insert(name, bucket);
}

fn blank(generator: &Generator, created: jiff::Timestamp) -> Bucket {
    Bucket { region: generator.home.clone(), created, public_policy: None, group_grants: Vec::new(), log_bucket: None }
}
