//! `orgward resume`: goes on with a run that stopped, where it stopped.

use super::args::ConnectionArgs;
use super::carry::{self, How, Work};
use super::confirm::confirm;
use super::connect::Environment;
use super::delegated;
use super::exit::{Exit, Failure, Outcome};
use super::lockout::{self, LockoutArgs};
use super::past::{self, Past};
use super::rollback;
use super::ui::Ui;
use crate::execute::{self, EndStatus, Progress, Stage};
use crate::model::{Change, OrgFacts, Plan};
use crate::report::text::{Paint, plain};
use crate::store::{Manifest, Run, RunStatus, StateDir};
use clap::Args;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// Go on with an apply or rollback that stopped: what was announced is read back first, nothing done is repeated
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run, as `orgward runs list` names it, or `last` (`last~1`, ...) for the last apply or rollback (the one before, ...)
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    lockout: LockoutArgs,
    /// Do not ask for the organization's id
    #[arg(long, short)]
    yes: bool,
    /// Confirm what --yes does not cover, for changes that were not begun; repeatable
    #[arg(long = "confirm", value_name = "TARGET_ID")]
    confirm: Vec<String>,
    /// Go on with independent changes after a failure
    #[arg(long)]
    keep_going: bool,
    /// Who approved going on; kept in the journal
    #[arg(long, value_name = "WHO")]
    approver: Option<String>,
    /// The change ticket; kept in the journal
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs the command.
pub async fn run(args: &ResumeArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let settings = args.connection.settings()?;
    lockout::check(&settings)?;
    let state = StateDir::open(&settings.state_dir).map_err(Failure::error)?;
    let changing = |manifest: &Manifest| matches!(manifest.command.as_str(), "apply" | "rollback");
    let named = past::of_kind(&state, &args.run, "apply or rollback", changing)?;
    let id = named.id().clone();
    if finished(&named, ui)? {
        return Ok(Exit::Clean);
    }
    let environment = Environment::real();
    let sessions = environment.connect(&settings).await?;
    let organization = past::run(&state, &id)?.manifest().organization.clone();
    let _lock = carry::lock(&state, &organization, "resume", sessions.clock().now(), ui)?;
    // Under the lock: another may have gone on with it a moment ago.
    let run = past::run(&state, &id)?;
    if finished(&run, ui)? {
        return Ok(Exit::Clean);
    }
    let mut past = Past::read(run, ui)?;
    let survey = past.survey(&sessions, ui, cancel).await?;
    ui.data(&standing(&past, ui.out))?;
    changed_since(&past.plan, &past.progress, &survey.org).iter().for_each(|message| ui.warn(message));
    let refusals = {
        let mut left = only(&past.plan, |index, _| past.progress.stage(index) != Stage::Settled);
        left.refusals.clear();
        lockout::guard(&mut left, &survey.org, &settings, &args.lockout)?;
        left.refusals
    };
    if !refusals.is_empty() {
        let messages = refusals.iter().map(|refusal| format!("{}: {}", refusal.step, refusal.message));
        return Err(Failure { exit: Exit::Refused, messages: messages.collect() });
    }
    // What was begun was confirmed before it was begun.
    let open =
        |index: usize, _: &Change| past.progress.stage(index) != Stage::Settled && !past.progress.was_announced(index);
    delegated::check(
        &sessions,
        &only(&past.plan, |index, _| past.progress.stage(index) != Stage::Settled),
        &survey.org,
        ui,
    )
    .await?;
    // Where the journal says that all is done, only the run has not been told.
    if past.progress.ended != Some(EndStatus::Done) {
        confirm(&only(&past.plan, open), args.yes, &args.confirm, ui)?;
    }
    past.run.go_on().map_err(Failure::error)?;
    let how = How { keep_going: args.keep_going, approver: args.approver.as_deref(), ticket: args.ticket.as_deref() };
    let plan = past.plan;
    let work = Work { sessions: &sessions, settings: &settings, plan: &plan, org: &survey.org, ui, cancel };
    finish(&state, &work, past.run, &how).await
}

/// Carries a run out. Tells the run it undoes, if it undoes one, that this is over; undoes it where it stopped and its
/// playbook asks for that.
///
/// # Errors
/// As [`Work::carry_out`]; if what it undoes, or its own way back, can't be written down.
pub async fn finish(state: &StateDir, work: &Work<'_>, run: Run, how: &How<'_>) -> Outcome {
    let (id, undoes) = (run.id().clone(), run.manifest().undoes.clone());
    let (exit, report) = work.carry_out(run, how).await?;
    match undoes {
        Some(undone) if exit == Exit::Clean && past::is_kept(state, &undone)? => {
            let mut undone = past::run(state, &undone)?;
            undone.set_undone_by(&id, true).map_err(Failure::error)?;
        }
        None if report.asks_for_rollback(work.plan) => {
            return Box::pin(rollback::after_stop(state, work, &id, exit, how)).await;
        }
        _ => {}
    }
    Ok(exit)
}

/// Whether nothing is left to go on with, which is said.
fn finished(run: &Run, ui: &Ui) -> Result<bool, Failure> {
    let (id, manifest) = (run.id(), run.manifest());
    match (manifest.status, &manifest.undone_by) {
        (RunStatus::Done, _) => {
            ui.data(&ui.out.entry("", &format!("Run {id} is finished: nothing is left to do")))?;
            Ok(true)
        }
        (RunStatus::RolledBack, by) => {
            let by = by.as_ref().map(|by| format!(" by run {by}")).unwrap_or_default();
            Err(Failure::new(Exit::Refused, format!("run `{id}` was rolled back{by}: make a new plan")))
        }
        (_, Some(by)) => {
            let message =
                format!("run `{id}` is being rolled back by run `{by}`: go on with that (`orgward resume {by}`)");
            Err(Failure::new(Exit::Refused, message))
        }
        _ => Ok(false),
    }
}

/// What is different from what the plan saw, where a change that is left means something else by that: accounts that joined, left or
/// moved under what is attached. A saved plan would be refused for it; a run that was begun is told.
fn changed_since(plan: &Plan, progress: &Progress, org: &OrgFacts) -> Vec<String> {
    let left = |change: &usize| progress.stage(*change) != Stage::Settled;
    let stale = execute::stale(plan, org, &BTreeMap::new()).into_iter().filter(|stale| stale.changes.iter().any(left));
    stale.map(|s| format!("{}: the plan saw {}, now {}", plain(&s.what), plain(&s.was), plain(&s.is))).collect()
}

/// Where the run stands: what is done, what is read back first, what waits.
fn standing(past: &Past, paint: Paint) -> String {
    let total = past.plan.changes.len();
    let back = past.progress.to_read_back().len()
        + past.progress.stages.iter().filter(|stage| matches!(stage, Stage::Done | Stage::NotVerified)).count();
    let done = past.progress.settled();
    let head = format!(
        "Run {} of {} ({}): {done} of {total} changes done, {back} to read back first, {} waiting",
        past.run.id(),
        past.run.manifest().command,
        past.run.manifest().started,
        total - done - back,
    );
    let mut text = paint.entry("", &head);
    for (index, change) in past.plan.changes.iter().enumerate() {
        let stage = past.progress.stage(index).as_str().replace('_', " ");
        text += &paint.sentence(&format!("  {stage:15} "), &plain(&change.address.to_string()));
    }
    text
}

/// The plan with some of its changes; what they wait for outside of these is left out.
fn only(plan: &Plan, keep: impl Fn(usize, &Change) -> bool) -> Plan {
    let mut part = plan.clone();
    let mut index = 0;
    part.changes.retain(|change| {
        index += 1;
        keep(index - 1, change)
    });
    let addresses: std::collections::BTreeSet<_> = part.changes.iter().map(|change| change.address.clone()).collect();
    part.changes.iter_mut().for_each(|change| change.depends_on.retain(|on| addresses.contains(on)));
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixtures;
    use crate::model::org::PolicyType;
    use crate::model::plan::PLAN_VERSION;
    use crate::model::{Address, Doc};

    #[test]
    fn an_account_that_moved_is_told_while_a_change_that_reaches_it_is_left() {
        let org = fixtures::org();
        let ou = org.ous.keys().next().cloned().unwrap();
        let member = org.accounts.values().find(|account| account.parent == ou).unwrap().id.clone();
        let change = Change {
            address: Address::Attachment { policy_type: PolicyType::Scp, policy: "guard".into(), target: ou },
            before: None,
            after: Some(Doc(serde_json::json!({}))),
            step: "guard/scp".into(),
            reason: "it is not there".into(),
            depends_on: Vec::new(),
            impact: Vec::new(),
            confirmations: Vec::new(),
            wave: 0,
            origins: Vec::new(),
        };
        let mut plan = Plan {
            version: PLAN_VERSION,
            organization: org.organization.id.clone(),
            management_account: org.organization.management_account.clone(),
            caller_arn: org.organization.caller_arn.clone(),
            as_of: org.as_of,
            playbooks: Vec::new(),
            waves: Vec::new(),
            relied_on: Vec::new(),
            changes: vec![change],
            refusals: Vec::new(),
            unknowns: Vec::new(),
            operator_steps: Vec::new(),
            regions: Vec::new(),
            undoes: None,
            notes: Vec::new(),
        };
        plan.relied_on = crate::lockout::relied_on(&org, &plan);
        let begun = Progress { stages: vec![Stage::Waiting], ..Progress::default() };
        assert_eq!(changed_since(&plan, &begun, &org), [] as [&str; 0]);
        let mut moved = org.clone();
        moved.accounts.get_mut(&member).unwrap().parent = org.root.id.clone();
        let told = changed_since(&plan, &begun, &moved);
        assert!(told.iter().any(|line| line.contains(member.as_str()) && line.contains("the plan saw")), "{told:?}");
        let done = Progress { stages: vec![Stage::Settled], ..Progress::default() };
        assert_eq!(changed_since(&plan, &done, &moved), [] as [&str; 0]);
    }
}
