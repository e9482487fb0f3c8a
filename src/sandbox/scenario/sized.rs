//! Organizations of any size, for load and property tests.
//!
//! Owns: how the tree grows and how often each problem occurs. Must not: generate an account's state.

use super::{Builder, Scenario};
use crate::model::TargetId;
use crate::model::org::AccountState as Standing;
use crate::sandbox::generate::dice::Dice;
use crate::sandbox::generate::{Flaw, Problem, names};

/// Companies that own the organizations.
const COMPANIES: &[&str] =
    &["larkspur", "fernhill", "brightwater", "northgate", "quarrystone", "saltmarsh", "ravenglass"];

/// What an account is for.
const STAGES: &[&str] = &["prod", "staging", "dev", "sandbox"];

/// OU levels below the root; Organizations allows no more.
const LEVELS: usize = 5;

/// Accounts in an OU before another one is opened.
const PER_OU: usize = 20;

pub(super) fn scenario(accounts: usize, seed: u64) -> Scenario {
    let accounts = accounts.max(2);
    let mut dice = Dice::new(seed, "sized");
    let mut builder = Builder::new(seed, dice.pick(COMPANIES));
    let root = builder.scenario.root.clone();
    let security = builder.ou("Security", &root);
    let audit = builder.account("audit", &security, &[("env", "security")]);
    let leaves = tree(&mut builder, &mut dice, accounts.div_ceil(PER_OU).min(1_500));
    for index in 2..accounts {
        let stage = dice.pick(STAGES);
        let name = format!("{}-{}-{stage}-{index}", dice.pick(names::WORKLOADS), dice.pick(names::PARTS));
        let leaf = leaves.get(dice.below(leaves.len() as u64) as usize).unwrap_or(&security).clone();
        let id = builder.account(&name, &leaf, &[("env", stage), ("team", dice.pick(names::TEAMS))]);
        let mut dice = Dice::new(seed, id.as_str()).fork("what is wrong");
        if let Some(account) = builder.scenario.accounts.last_mut() {
            account.state = standing(&mut dice);
            account.created = dice.chance(900);
            account.problems = problems(&mut dice);
        }
    }
    builder.organization_trail(&audit);
    builder.trail_bucket(&audit);
    builder.organization_analyzer(&audit);
    builder.finish()
}

/// Opens about `wanted` OUs and answers all of them; the first chain goes down to the last level.
fn tree(builder: &mut Builder, dice: &mut Dice, wanted: usize) -> Vec<TargetId> {
    let mut open: Vec<(TargetId, usize)> = vec![(builder.scenario.root.clone(), 0)];
    let mut made = Vec::new();
    for index in 0..wanted.max(LEVELS) {
        let place = if index < LEVELS { open.len().saturating_sub(1) } else { dice.below(open.len() as u64) as usize };
        let Some((parent, level)) = open.get(place).cloned() else { continue };
        let name = format!("{} {}", dice.pick(names::TEAMS), index + 1);
        let id = builder.ou(&name, &parent);
        if level + 1 < LEVELS {
            open.push((id.clone(), level + 1));
        }
        made.push(id);
    }
    made
}

fn standing(dice: &mut Dice) -> Standing {
    match dice.below(1_000) {
        0..5 => Standing::Suspended,
        5..8 => Standing::PendingClosure,
        8..10 => Standing::Closed,
        _ => Standing::Active,
    }
}

/// Rates per 1,000 accounts.
fn problems(dice: &mut Dice) -> Vec<Problem> {
    let days = dice.between(46, 380);
    let key_days = dice.between(91, 370);
    let reuse = (!dice.chance(500)).then(|| i32::try_from(dice.between(1, 12)).unwrap_or(1));
    let rated = [
        (4, Problem::NoAuditRole),
        (3, Problem::OtherExternalId(format!("legacy-{}", dice.lower(6)))),
        (60, Problem::NoPasswordPolicy),
        (90, Problem::WeakPasswordPolicy { length: i32::try_from(dice.between(6, 12)).unwrap_or(8), reuse }),
        (120, Problem::StaleKey(key_days)),
        (80, Problem::NeverUsedKey),
        (100, Problem::UserWithoutMfa),
        (90, Problem::UnusedPassword(days)),
        (40, Problem::NeverUsedPassword),
        (12, Problem::RootKey),
        (25, Problem::RootWithoutMfa),
        (60, Problem::RootVirtualMfa),
        (15, Problem::RootUsed(dice.between(0, 40))),
        (10, Problem::NoRootCredentials),
        (30, Problem::AdminStar),
        (90, Problem::NoSecurityContact),
        (25, Problem::ExpiredCertificate(days)),
        (15, Problem::ExpiredSamlProvider(days)),
        (30, Problem::ServiceCredential(days)),
        (40, Problem::OldSshKey(key_days)),
        (50, Problem::LongSessions),
    ];
    let mut planted: Vec<Problem> =
        rated.into_iter().filter_map(|(permille, problem)| dice.chance(permille).then_some(problem)).collect();
    planted.extend(flaws(&mut dice.fork("flaws")));
    planted
}

/// Rates per 1,000 accounts of Regions that are not watched as they should be, each in one Region, and of own trails.
fn flaws(dice: &mut Dice) -> Vec<Problem> {
    let findings = usize::try_from(dice.between(1, 6)).unwrap_or(1);
    let rated = [
        (40, Flaw::NoAnalyzer),
        (60, Flaw::Findings(findings)),
        (30, Flaw::NoRecorder),
        (20, Flaw::RecorderStopped),
        (40, Flaw::NoSecurityHub),
        (20, Flaw::NoDetector),
        (20, Flaw::DetectorDisabled),
    ];
    let mut planted = Vec::new();
    for (permille, flaw) in rated {
        let region = dice.pick(names::REGIONS_ON).parse();
        if let (true, Ok(region)) = (dice.chance(permille), region) {
            planted.push(Problem::Unwatched(region, flaw));
        }
    }
    let (public, logged) = (dice.chance(100), dice.chance(600));
    planted.extend(dice.chance(20).then_some(Problem::OwnTrail { public, logged }));
    planted
}
