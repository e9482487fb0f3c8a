//! The organization trail, its log group, and the log groups of workloads.
//!
//! Owns: what records and where to. Must not: plant filters or alarms; a demo organization has none.

use super::dice::Dice;
use super::{Generator, buckets, names, uuid};
use crate::model::AccountId;
use crate::sandbox::state::{AccountState, LogGroup, Selectors, Trail};
use std::collections::BTreeMap;

/// The organization trail's name.
pub const TRAIL: &str = "organization-trail";
/// The name of an account's own trail.
pub const OWN_TRAIL: &str = "account-trail";
/// The name of the log group it delivers to.
pub const LOG_GROUP: &str = "organization-trail-events";
/// The role that delivers to the log group.
const DELIVERY_ROLE: &str = "CloudTrailToCloudWatchLogs";

/// Log groups of a few workloads.
pub(super) fn log_groups(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let mut dice = dice.fork("log groups");
    for _ in 0..dice.between(1, 3) {
        let name = format!("/aws/lambda/{}-{}", dice.pick(names::WORKLOADS), dice.pick(names::PARTS));
        let retention_days = dice.chance(700).then_some(90);
        add(generator, state, &mut dice, name, retention_days);
    }
}

fn add(generator: &Generator, state: &mut AccountState, dice: &mut Dice, name: String, retention_days: Option<i32>) {
    let group = LogGroup {
        created: dice.ago(generator.epoch, 100, 390),
        retention_days,
        stored_bytes: i64::try_from(dice.below(40_000_000)).unwrap_or(0),
        filters: BTreeMap::new(),
    };
    state.log_groups.insert((generator.home.clone(), name), group);
}

/// The log group that the organization trail delivers to.
pub(super) fn trail_log_group(generator: &Generator, state: &mut AccountState, dice: &mut Dice) {
    add(generator, state, dice, LOG_GROUP.to_owned(), Some(365));
}

/// The organization trail: every Region, signed log files, delivering to `log_account`'s log group.
pub(super) fn organization_trail(
    generator: &Generator,
    state: &mut AccountState,
    log_account: &AccountId,
    dice: &mut Dice,
) {
    let home = &generator.home;
    let arn = format!("arn:aws:cloudtrail:{home}:{}:trail/{TRAIL}", state.account);
    let trail = Trail {
        name: TRAIL.into(),
        arn: arn.clone(),
        home_region: home.clone(),
        multi_region: true,
        organization: true,
        log_file_validation: true,
        global_services: true,
        bucket: buckets::of_organization_trail(generator),
        kms_key: Some(format!("arn:aws:kms:{home}:{log_account}:key/{}", uuid(dice))),
        log_group_arn: Some(format!("arn:aws:logs:{home}:{log_account}:log-group:{LOG_GROUP}:*")),
        log_role_arn: Some(format!("arn:aws:iam::{log_account}:role/{DELIVERY_ROLE}")),
        logging: true,
        started: dice.ago(generator.epoch, 200, 390),
        selectors: Selectors::Default,
    };
    state.trails.insert(arn, trail);
}

/// A trail of the account alone, in every Region and signed, whose bucket is the account's too.
pub(super) fn own_trail(generator: &Generator, state: &mut AccountState, bucket: (bool, bool), dice: &mut Dice) {
    let (home, account) = (&generator.home, state.account.clone());
    let (arn, name) =
        (format!("arn:aws:cloudtrail:{home}:{account}:trail/{OWN_TRAIL}"), format!("{OWN_TRAIL}-{account}"));
    let trail = Trail {
        name: OWN_TRAIL.into(),
        arn: arn.clone(),
        home_region: home.clone(),
        multi_region: true,
        organization: false,
        log_file_validation: true,
        global_services: true,
        bucket: name.clone(),
        kms_key: Some(format!("arn:aws:kms:{home}:{account}:key/{}", uuid(dice))),
        log_group_arn: None,
        log_role_arn: None,
        logging: true,
        started: dice.ago(generator.epoch, 200, 390),
        selectors: Selectors::Default,
    };
    state.trails.insert(arn, trail);
    buckets::of_trail(generator, state, name, bucket);
}
