//! A saved plan before it is applied: read, the approved one, of this organization, and not stale.

use super::args::ScopeArgs;
use super::exit::{Exit, Failure};
use super::lockout::{self, LockoutArgs};
use super::plan::{Planned, PlaybookArgs};
use super::survey;
use super::ui::Ui;
use crate::aws::{Purpose, Sessions};
use crate::config::Settings;
use crate::execute::{self, Stale};
use crate::model::plan::ConfirmationReason;
use crate::model::{Address, Change, OrgFacts, Plan};
use crate::report::text::plain;
use crate::resources::World;
use crate::store;
use futures::StreamExt;
use std::collections::BTreeSet;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The saved plan, if the one argument is a plan file: JSON, where a playbook is YAML with a `version:` line.
///
/// # Errors
/// If the file is damaged, edited or of a newer version; if it does not stand alone.
pub fn read(args: &PlaybookArgs) -> Result<Option<Plan>, Failure> {
    let is_plan = |name: &String| {
        let path = Path::new(name);
        path.is_file()
            && (path.extension().is_some_and(|extension| extension == "json")
                || std::fs::read(path).is_ok_and(|bytes| bytes.trim_ascii_start().starts_with(b"{")))
    };
    if !args.playbooks.iter().any(is_plan) {
        return Ok(None);
    }
    match args.playbooks.as_slice() {
        [name] if args.values.is_empty() => {
            store::read_plan(Path::new(name)).map(Some).map_err(|error| Failure::new(Exit::Refused, error))
        }
        _ => Err(Failure::usage(["a saved plan is applied alone: without playbooks and without --set"])),
    }
}

/// Refuses any plan but the approved one.
///
/// # Errors
/// If the digest is another.
pub fn expected(digest: Option<&str>, planned: &Planned) -> Result<(), Failure> {
    match digest {
        Some(expected) if expected != planned.digest => {
            let message = format!("the plan's digest is {}, not {expected}; nothing was changed", planned.digest);
            Err(Failure::new(Exit::Refused, message))
        }
        _ => Ok(()),
    }
}

/// A saved plan held against the organization as it is now: of the same organization, not stale, and proved anew.
///
/// # Errors
/// If it is another organization's, or stale: with everything that is different.
pub async fn reopen(
    plan: Plan,
    sessions: &Sessions,
    lockout: &LockoutArgs,
    (settings, scope, still_valid): (&Settings, &ScopeArgs, bool),
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Planned, Failure> {
    let survey = survey::survey(sessions, scope, ui, cancel).await?;
    let found = &survey.org.organization.id;
    if &plan.organization != found {
        let message = format!("the plan is for organization `{}`, the credentials are of `{found}`", plan.organization);
        return Err(Failure::new(Exit::Refused, message));
    }
    let digest = store::plan_digest(&plan).map_err(Failure::error)?;
    let mut plan = fresh(plan, sessions, &survey.org, still_valid, ui, cancel).await?;
    lockout::guard(&mut plan, &survey.org, settings, lockout)?;
    Ok(Planned { survey, plan, digest })
}

/// How old counts of expiring passwords may be: a plan that was approved yesterday still says who is hit.
const COUNTS_HOLD: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The plan if nothing it saw is different now; with `--still-valid`, what is left of it.
///
/// # Errors
/// Everything that is different: what, where, from what to what.
async fn fresh(
    plan: Plan,
    sessions: &Sessions,
    org: &OrgFacts,
    still_valid: bool,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<Plan, Failure> {
    ui.say("Holding the plan against what is there now ...");
    let world = World::new(sessions, org, Purpose::Audit);
    let reads = plan.changes.iter().enumerate().map(|(index, change)| {
        let world = &world;
        async move { (index, world.read(&change.address).await) }
    });
    let reading = futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect();
    let found = tokio::select! {
        found = reading => found,
        () = cancel.cancelled() => {
            return Err(Failure::new(Exit::Interrupted, "interrupted before anything was changed"));
        }
    };
    let mut stale = execute::stale(&plan, org, &found);
    stale.extend(old_counts(&plan, org));
    if stale.is_empty() {
        return Ok(plan);
    }
    let lines =
        stale.iter().map(|s| format!("{}: the plan saw {}, now {}", plain(&s.what), plain(&s.was), plain(&s.is)));
    let mut messages: Vec<String> = lines.collect();
    if !still_valid {
        messages.push("the plan is stale: plan again, or pass --still-valid to apply what still fits".to_owned());
        return Err(Failure { exit: Exit::Refused, messages });
    }
    if let Some(undone) = &plan.undoes {
        messages
            .push(format!("a way back is applied whole: make it again with `orgward rollback {undone} --out FILE`"));
        return Err(Failure { exit: Exit::Refused, messages });
    }
    messages.iter().for_each(|message| ui.warn(message));
    let hit = stale.iter().flat_map(|stale| stale.changes.iter().copied()).collect();
    let (rest, gone) = execute::without(&plan, &hit);
    if rest.changes.is_empty() {
        return Err(Failure::new(Exit::Refused, "nothing of the plan still fits; plan again"));
    }
    for wave in plan.waves.iter().filter(|wave| !rest.waves.contains(wave)) {
        ui.warn(&format!(
            "wave `{}` has nothing left: what comes behind it is not tried there first",
            plain(&wave.name)
        ));
    }
    gone.iter().for_each(|address| ui.warn(&format!("left out: {}", plain(&address.to_string()))));
    Ok(rest)
}

/// Addresses read at once when a saved plan is held against what is there.
const READS_AT_ONCE: usize = 16;

/// Changes that expire passwords were counted from a credential report: an old count names the wrong people.
fn old_counts(plan: &Plan, org: &OrgFacts) -> Option<Stale> {
    let expires = |change: &Change| {
        let counts = [ConfirmationReason::PasswordsExpire, ConfirmationReason::HardExpiry];
        let tightens =
            change.after.as_ref().is_some_and(|doc| doc.0.get("max_password_age").is_some_and(|age| !age.is_null()));
        change.confirmations.iter().any(|confirmation| counts.contains(&confirmation.why))
            || (matches!(change.address, Address::PasswordPolicy { .. }) && tightens)
    };
    let changes: BTreeSet<usize> =
        plan.changes.iter().enumerate().filter(|(_, change)| expires(change)).map(|(index, _)| index).collect();
    let old = org.as_of.duration_since(plan.as_of) > COUNTS_HOLD;
    (old && !changes.is_empty()).then(|| Stale {
        what: "whose passwords expire".to_owned(),
        was: format!("counted at {}", plan.as_of),
        is: format!("{}, more than {} hours later", org.as_of, COUNTS_HOLD.as_hours()),
        changes,
    })
}
