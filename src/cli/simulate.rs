//! `--simulate`: the lock-out proof's answers held against those of AWS's own policy simulator.
//!
//! Owns: how many calls it may cost, and what the plan says of what was not simulated. Must not: lift a refusal.

use super::exit::{Exit, Failure};
use super::lockout::Ground;
use super::plan::Planned;
use super::ui::Ui;
use crate::aws::Sessions;
use crate::collect;
use crate::lockout::{disagreements, questions};
use crate::model::plan::RefusalKind;
use crate::model::simulation::Simulation;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// The most calls one plan is worth: at five a second, some three minutes.
const MOST_CALLS: usize = 1_000;

/// Asks AWS about every distinct chain that the plan makes. Each answer that is not the proof's is a refusal; what was not
/// simulated is told on stderr and in the plan's notes.
///
/// # Errors
/// If the file of protected principals can't be used, or the run is interrupted.
pub async fn ask(
    planned: &mut Planned,
    ground: &Ground<'_>,
    sessions: &Sessions,
    ui: &Ui,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let found = ground.with(|terms| questions(&planned.survey.org, &planned.plan, terms))?;
    let mut not_simulated: BTreeMap<String, usize> = BTreeMap::new();
    found.left_out.iter().for_each(|why| *not_simulated.entry(why.clone()).or_default() += 1);
    let asked = found.list.get(..MOST_CALLS).unwrap_or(&found.list);
    if found.list.len() > asked.len() {
        let why = format!(
            "{} of {} calls: {MOST_CALLS} are made at most, those about how everything stands in the end first; name fewer `--regions` or plan fewer playbooks at once",
            found.list.len() - asked.len(),
            found.list.len()
        );
        not_simulated.insert(why, 1);
    }
    let simulations: Vec<Simulation> = asked.iter().map(|question| question.simulation.clone()).collect();
    let progress = ui.progress(simulations.len(), "simulations");
    let answers = collect::simulate(sessions, &simulations, cancel, &|| progress.step("SimulateCustomPolicy")).await;
    drop(progress);
    if cancel.is_cancelled() {
        return Err(Failure::new(Exit::Interrupted, "interrupted before the plan was complete; nothing was changed"));
    }
    let plan = &mut planned.plan;
    plan.refusals.retain(|refusal| refusal.kind != RefusalKind::Disagreement);
    let (mut decided, mut failed) = (0, BTreeMap::<String, usize>::new());
    for (question, answer) in asked.iter().zip(answers) {
        match answer {
            Ok(answer) => {
                let (refusals, untold) = disagreements(question, &answer);
                decided += question.simulation.actions.len();
                untold.into_iter().for_each(|why| *not_simulated.entry(why).or_default() += 1);
                plan.refusals.extend(
                    refusals.into_iter().filter(|refusal| !plan.refusals.contains(refusal)).collect::<Vec<_>>(),
                );
            }
            Err(cause) => *failed.entry(format!("{cause}; fix: {}", cause.kind.fix())).or_default() += 1,
        }
    }
    for (why, count) in failed {
        not_simulated.insert(format!("{count} of {} calls: {why}", asked.len()), 1);
    }
    if found.list.is_empty() && found.left_out.is_empty() {
        not_simulated.insert("the plan changes no service control policy".to_owned(), 1);
    }
    let odd = plan.refusals.iter().filter(|refusal| refusal.kind == RefusalKind::Disagreement).count();
    if decided > 0 {
        let outcome =
            if odd == 0 { "it agrees with the lock-out proof" } else { "it does not agree with the lock-out proof" };
        plan.notes.push(format!("AWS's policy simulator was asked about {decided} requests: {outcome}"));
    }
    for why in not_simulated.into_keys() {
        let note = format!("not simulated: {why}");
        ui.warn(&note);
        plan.notes.push(note);
    }
    Ok(())
}
