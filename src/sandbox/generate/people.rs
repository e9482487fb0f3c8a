//! Users, groups, keys and devices of a generated account.
//!
//! Owns: who can sign in and with what. Must not: make roles or policies (`roles`).

use super::dice::Dice;
use super::{Generator, OPERATOR_USER, Problem, managed, names};
use crate::sandbox::state::{
    AccessKey, AccountState, ConsolePassword, Group, KeyUse, MfaUser, RootMfa, Tags, User, VirtualMfa,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Groups named for teams.
pub(super) fn groups(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let mut dice = dice.fork("groups");
    for _ in 0..dice.between(1, 3) {
        let name = dice.pick(names::TEAMS).to_owned();
        let group = Group {
            id: dice.id("AGPA", 17),
            path: "/".into(),
            created: dice.ago(generator.epoch, 200, 390),
            inline: BTreeMap::new(),
            attached: vec![managed::READ_ONLY.into(), managed::CHANGE_PASSWORD.into()],
            name: name.clone(),
        };
        state.groups.insert(name, group);
    }
}

/// People with a console password and MFA, machines with one key in use.
pub(super) fn users(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let dice = dice.fork("users");
    let (least, most) = generator.population.users;
    let count = dice.clone().between(least.into(), most.into());
    let groups: Vec<String> = state.groups.keys().cloned().collect();
    for index in 0..count {
        let mut dice = dice.nth(usize::try_from(index).unwrap_or(0));
        let mut user = if dice.chance(600) { person(generator, &mut dice) } else { machine(generator, &mut dice) };
        if let Some(group) = groups.get(dice.below(groups.len() as u64) as usize).filter(|_| user.password.is_some()) {
            user.groups.push(group.clone());
        }
        add(state, user, &mut dice);
    }
}

/// Puts a user in the account under a name that is free there, with a virtual device if it has MFA.
fn add(state: &mut AccountState, mut user: User, dice: &mut Dice) {
    while state.users.contains_key(&user.name) {
        user.name = format!("{}-{}", user.name, dice.lower(3));
    }
    user.created = user.created.max(state.created);
    if user.mfa && dice.chance(700) {
        let serial = format!("arn:aws:iam::{}:mfa/{}", state.account, user.name);
        let assigned = Some((MfaUser::User(user.name.clone()), user.created));
        state.virtual_mfa.insert(serial, VirtualMfa { assigned });
    }
    state.users.insert(user.name.clone(), user);
}

fn blank(name: String, dice: &mut Dice, created: Timestamp) -> User {
    User {
        name,
        id: dice.id("AIDA", 17),
        path: "/".into(),
        created,
        password: None,
        mfa: false,
        keys: Vec::new(),
        groups: Vec::new(),
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: None,
        tags: Tags::new(),
    }
}

fn person_name(dice: &mut Dice) -> String {
    format!("{}.{}", dice.pick(names::FIRST), dice.pick(names::LAST))
}

/// Somebody who signs in with a password and MFA, now and then with a key of this quarter.
fn person(generator: &Generator, dice: &mut Dice) -> User {
    let name = person_name(dice);
    let created = dice.ago(generator.epoch, 100, 390);
    let mut user = blank(name, dice, created);
    let changed = dice.ago(generator.epoch, 3, 85);
    user.password = Some(ConsolePassword { changed, last_used: Some(dice.ago(generator.epoch, 0, 2)) });
    user.mfa = true;
    user.tags.insert("team".into(), dice.pick(names::TEAMS).into());
    if dice.chance(300) {
        user.keys.push(key(dice, generator.epoch, (10, 80), Some((0, 9))));
    }
    user
}

/// A program that signs requests with one key, rotated this quarter and used lately.
fn machine(generator: &Generator, dice: &mut Dice) -> User {
    let name = format!("{}-{}", dice.pick(names::MACHINES), dice.pick(names::WORKLOADS));
    let created = dice.ago(generator.epoch, 100, 390);
    let mut user = blank(name, dice, created);
    user.path = if dice.chance(500) { "/machines/".into() } else { "/".into() };
    user.keys.push(key(dice, generator.epoch, (8, 82), Some((0, 7))));
    if dice.chance(250) {
        let mut old = key(dice, generator.epoch, (90, 99), Some((83, 89)));
        old.active = false;
        user.keys.insert(0, old);
    }
    let bucket = format!("{}-{}", dice.pick(names::WORKLOADS), dice.lower(6));
    user.inline.insert(
        "object-access".into(),
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#
        ),
    );
    user
}

/// An active key created `age` days ago and last used `used` days ago, if ever.
pub(super) fn key(dice: &mut Dice, now: Timestamp, age: (u64, u64), used: Option<(u64, u64)>) -> AccessKey {
    AccessKey {
        id: dice.id("AKIA", 16),
        active: true,
        created: dice.ago(now, age.0, age.1),
        last_used: used.map(|(low, high)| KeyUse {
            at: dice.ago(now, low, high),
            region: dice.pick(names::REGIONS_ON).into(),
            service: dice.pick(names::SERVICES).into(),
        }),
    }
}

/// The user that runs orgward.
pub(super) fn operator(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let mut dice = dice.fork("operator");
    let created = dice.ago(generator.epoch, 60, 80);
    let mut user = blank(OPERATOR_USER.into(), &mut dice, created);
    let key = key(&mut dice, generator.epoch, (12, 50), Some((0, 1)));
    user.keys.push(key);
    user.inline.insert("orgward".into(), OPERATOR_POLICY.into());
    state.users.insert(user.name.clone(), user);
}

/// What the operator may do: everything orgward does with the management account's own credentials.
const OPERATOR_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["access-analyzer:*","account:*","budgets:*","cloudtrail:*","cloudwatch:*","config:*","guardduty:*","iam:*","logs:*","organizations:*","s3:*","securityhub:*","sns:*","sts:*"],"Resource":"*"}]}"#;

/// Plants a problem of a user: a new user who has it, as nobody healthy should turn into the culprit.
pub(super) fn plant(generator: &Generator, state: &mut AccountState, problem: &Problem, dice: &mut Dice) {
    let now = generator.epoch;
    let mut user = match problem {
        Problem::StaleKey(_) | Problem::NeverUsedKey => machine(generator, dice),
        _ => person(generator, dice),
    };
    match problem {
        Problem::StaleKey(days) => {
            user.created = dice.ago(now, days + 1, days + 20);
            user.keys = vec![key(dice, now, (*days, *days), Some((0, 20)))];
        }
        Problem::NeverUsedKey => {
            user.created = dice.ago(now, 87, 89);
            user.keys = vec![key(dice, now, (60, 86), None)];
        }
        Problem::UserWithoutMfa => user.mfa = false,
        Problem::UnusedPassword(days) => {
            user.created = dice.ago(now, days + 30, days + 400);
            let last_used = Some(dice.ago(now, *days, *days));
            user.password = Some(ConsolePassword { changed: dice.ago(now, days + 3, days + 25), last_used });
            user.keys.clear();
        }
        Problem::NeverUsedPassword => {
            user.created = dice.ago(now, 70, 200);
            user.password = Some(ConsolePassword { changed: user.created, last_used: None });
            user.keys.clear();
        }
        _ => {}
    }
    add(state, user, dice);
}

/// Gives the root user a virtual device in place of its hardware key.
pub(super) fn root_virtual_mfa(generator: &Generator, state: &mut AccountState, dice: &mut Dice) {
    state.root.mfa = RootMfa::Virtual;
    let serial = format!("arn:aws:iam::{}:mfa/root-account-mfa-device", state.account);
    let assigned = Some((MfaUser::Root, dice.ago(generator.epoch, 150, 390)));
    state.virtual_mfa.insert(serial, VirtualMfa { assigned });
}
