//! A plan from kept facts (`plan --from RUN`), with nothing asked of AWS: as of the run, and said to be.
//!
//! Must not: plan on what the run did not collect as if it were not there.

use super::args::ScopeArgs;
use super::exit::Failure;
use super::lockout::LockoutArgs;
use super::plan::{self, Planned};
use super::rejudge;
use super::survey::{self, Survey};
use super::ui::Ui;
use crate::audit::KeptFacts;
use crate::collect::Wanted;
use crate::config::Settings;
use crate::model::scope::Scope;
use crate::playbook::Playbook;
use crate::report::text::plain;
use crate::store::{self, Run};

/// Plans from the facts that `run` keeps. Accounts and facts that it does not keep could not be planned for, and are listed.
///
/// # Errors
/// If the run keeps no facts, or did not collect what every plan reads; if the scope or a target does not exist.
pub fn make(
    run: &Run,
    lockout: &LockoutArgs,
    (settings, scope, playbooks): (&Settings, &ScopeArgs, &[Playbook]),
    ui: &Ui,
) -> Result<Planned, Failure> {
    let kept = KeptFacts::open(run).map_err(|error| Failure::usage([error]))?;
    let collected = rejudge::collected(&kept.job)?;
    if let Some(missing) = Wanted::of_a_plan().facts().find(|fact| !collected.contains(fact)) {
        let name = serde_json::to_value(missing).ok().and_then(|name| name.as_str().map(str::to_owned));
        return Err(Failure::usage([format!(
            "run `{}` did not collect `{}`, which every plan reads: plan from an audit without --checks, or without --from",
            run.id(),
            name.unwrap_or_default()
        )]));
    }
    let org = kept.known.organization.clone();
    let tags = playbooks.iter().filter_map(|playbook| playbook.rollout.as_ref()).any(|rollout| rollout.needs_tags());
    if tags && org.accounts.values().any(|account| account.tags.cause().is_some()) {
        return Err(Failure::usage([format!(
            "a rollout asks for tags of accounts, and run `{}` did not collect them: plan without --from",
            run.id()
        )]));
    }
    if let Some(damage) = kept.damage() {
        ui.warn(&format!("{}; what is lost could not be planned for", plain(&damage)));
    }
    let request = scope.request();
    let wrong = request.regions.unknown(&org);
    if !wrong.is_empty() {
        return Err(survey::no_such_regions(wrong));
    }
    let resolved = Scope::resolve(&request, &org).map_err(Failure::usage)?;
    survey::say_scope(&org, &resolved, &request.regions, ui);
    let survey = Survey { since: org.as_of, org, scope: resolved };
    let mut planner = plan::planner(playbooks, &survey, settings)?;
    for account in planner.accounts_needed() {
        planner.account(&kept.of(&account));
    }
    let mut plan = planner.finish();
    plan.notes.push(format!(
        "made from the facts that run {} kept, as of {}: what is there now may differ, and apply reads it again",
        run.id(),
        plan.as_of
    ));
    let mut planned = plan::proved(plan, survey, lockout, (settings, scope))?;
    planned.digest = store::plan_digest(&planned.plan).map_err(Failure::error)?;
    Ok(planned)
}
