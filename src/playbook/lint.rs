//! The plan linter: what a careful reader would say of a plan before it is applied.
//!
//! Owns: advice. Must not: refuse anything (`planner`, `execute`) or look at facts.
//!
//! Source: Organizations User Guide, "Best practices for SCPs".

use crate::model::plan::{Change, Operation, Plan};
use crate::model::{Address, TargetId};
use crate::policy::{Document, Effect, Statement};

/// Notes on a plan, in the order of its changes, each once.
pub fn lint(plan: &Plan) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    // A rollout detaches what something else has taken over from.
    let rolled = |change: &&Change| change.after.is_none() && !plan.waves.is_empty();
    for change in plan.changes.iter().filter(|change| !rolled(change)) {
        for note in notes_on(change) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes
}

fn notes_on(change: &Change) -> Vec<String> {
    match (&change.address, change.operation()) {
        (Address::Attachment { policy, target: TargetId::Root(id), .. }, Operation::Create) => vec![format!(
            "`{policy}` is attached to root {id}: it binds every account but the management account at once, try it on a \
             test OU first"
        )],
        (Address::Attachment { policy, target, .. }, Operation::Delete) => {
            vec![format!("`{policy}` is detached from {target}: what it denies is allowed there from then on")]
        }
        (Address::Policy { name, .. }, Operation::Create | Operation::Update) => {
            let mut notes = Vec::new();
            if change.operation() == Operation::Update && !change.impact.is_empty() {
                notes.push(format!(
                    "`{name}` changes in place: every account under its attachments feels it at once, with \
                     `rollout:` a new policy takes over wave by wave"
                ));
            }
            let content = change.after.as_ref().and_then(|doc| doc.0.get("content")).and_then(|text| text.as_str());
            if let Some(document) = content.and_then(|text| Document::parse(text).ok()) {
                let statements = document.statements().iter().enumerate();
                notes.extend(
                    statements
                        .flat_map(|(index, statement)| notes_on_statement(name, statement, change.origins.get(index))),
                );
            }
            notes
        }
        _ => Vec::new(),
    }
}

/// `origin`: where a person finds the statement.
fn notes_on_statement(policy: &str, statement: &Statement, origin: Option<&String>) -> Vec<String> {
    if statement.effect() != Effect::Deny {
        return Vec::new();
    }
    let about = |key: &str| statement.conditions().iter().any(|condition| condition.is_about(key));
    let name = match (statement.sid(), origin) {
        (Some(sid), _) => format!("statement `{sid}`"),
        (None, Some(origin)) => format!("statement at {origin}"),
        (None, None) => format!("line {}", statement.line()),
    };
    let mut notes = Vec::new();
    let everything = statement.actions().iter().any(|action| action == "*");
    if everything && statement.conditions().is_empty() {
        notes.push(format!("`{policy}`, {name}: denies everything to everyone, without a condition"));
    }
    if about("aws:RequestedRegion") {
        if everything {
            notes.push(format!(
                "`{policy}`, {name}: restricts Regions without exempting global services (IAM, Organizations, Route 53 ...), \
                 which are called in us-east-1: name them in `NotAction`"
            ));
        }
        if !about("aws:PrincipalArn") {
            notes.push(format!(
                "`{policy}`, {name}: restricts Regions without exempting any role by aws:PrincipalArn, such as those of \
                 Control Tower"
            ));
        }
    }
    if about("aws:MultiFactorAuthPresent") && !about("aws:PrincipalArn") && !about("aws:PrincipalType") {
        notes.push(format!(
            "`{policy}`, {name}: asks for MFA of every principal, which denies role sessions and workloads too: bind it to \
             IAM users by aws:PrincipalArn"
        ));
    }
    notes
}
