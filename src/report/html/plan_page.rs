//! The plan as a page: each change with its before and after, equal changes together over accounts.
//!
//! Must not: decide anything, or show an endpoint's key: documents are shown as the plan has them, addresses as they print.

use super::figure;
use super::words::Words;
use crate::model::address::{Address, Doc};
use crate::model::plan::{Change, Operation, Plan};
use crate::report::Audit;
use crate::report::plan_text::{Group, groups, laid_out};
use crate::report::text::{count, cut};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Groups of changes shown; the rest is counted.
const GROUPS: usize = 300;
/// Accounts named of a group.
const ACCOUNTS: usize = 20;
/// Lines of one document.
const LINES: usize = 400;
/// From here on a text is shown line by line.
const LONG: usize = 60;

/// The plan.
pub(super) struct PlanView {
    pub(super) digest: String,
    pub(super) words: String,
    pub(super) playbooks: Vec<String>,
    pub(super) refusals: Vec<(String, String)>,
    pub(super) unknowns: Vec<(String, String)>,
    pub(super) to_do: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) changes: Vec<ChangeView>,
    pub(super) more: usize,
}

/// Changes that differ in their account only.
pub(super) struct ChangeView {
    /// The wave, where it begins.
    pub(super) wave: Option<String>,
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) step: String,
    pub(super) reason: String,
    pub(super) accounts: Vec<String>,
    pub(super) more: usize,
    pub(super) fields: Vec<Field>,
    pub(super) impact: Vec<String>,
    pub(super) confirmations: Vec<String>,
}

/// A field that changes, or stays.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) changed: bool,
    /// Of a long text: `+`, `-` or nothing, and the line.
    pub(super) lines: Vec<(&'static str, String)>,
}

/// The plan beside the audit, if there is one.
pub(super) fn view(audit: &Audit<'_>, words: &Words<'_>) -> Option<PlanView> {
    let (plan, digest) = audit.context.plan.as_ref()?;
    let groups = groups(plan);
    let mut wave = None;
    let mut changes = Vec::new();
    for group in groups.iter().take(GROUPS) {
        let begins = !plan.waves.is_empty() && wave != Some(group.first.wave);
        wave = Some(group.first.wave);
        changes.push(change(audit, words, plan, group, begins));
    }
    let n = |operation| figure(plan.changes.iter().filter(|change| change.operation() == operation).count());
    Some(PlanView {
        digest: words.text(digest),
        words: format!(
            "{} to create, {} to update, {} to delete",
            n(Operation::Create),
            n(Operation::Update),
            n(Operation::Delete)
        ),
        playbooks: plan.playbooks.iter().map(|playbook| words.text(&playbook.name)).collect(),
        refusals: plan.refusals.iter().map(|one| (words.text(&one.step), words.text(&one.message))).collect(),
        unknowns: plan
            .unknowns
            .iter()
            .map(|one| {
                let account = one.account.as_ref().map(|id| format!(", {}", words.account(id))).unwrap_or_default();
                (words.text(&one.step) + &account, words.text(&one.cause.to_string()))
            })
            .collect(),
        to_do: plan.operator_steps.iter().map(|one| words.text(one)).collect(),
        notes: plan.notes.iter().map(|one| words.text(one)).collect(),
        more: groups.len() - changes.len(),
        changes,
    })
}

fn change(audit: &Audit<'_>, words: &Words<'_>, plan: &Plan, group: &Group<'_>, begins: bool) -> ChangeView {
    let first = group.first;
    let (class, mark, word) = match first.operation() {
        Operation::Create => ("pass", "+", "create"),
        Operation::Update => ("unknown", "~", "update"),
        Operation::Delete => ("fail", "–", "delete"),
    };
    let title = match &first.address {
        Address::PasswordPolicy { .. } => format!("password policy in {}", count(group.all.len(), "account")),
        Address::Attachment { policy, target, .. } => {
            format!("attachment of \"{policy}\" to {}", audit.org.describe(target))
        }
        address => address.to_string(),
    };
    let accounts = group.all.iter().filter_map(|change| change.address.account());
    let wave = plan.waves.get(first.wave).filter(|_| begins);
    let told = |lines: fn(&Change) -> Vec<String>| {
        let mut all: Vec<String> =
            group.all.iter().flat_map(|change| lines(change)).map(|one| words.text(&one)).collect();
        all.dedup();
        all.truncate(ACCOUNTS);
        all
    };
    ChangeView {
        wave: wave.map(|wave| words.text(&format!("Wave {} of {}: {}", first.wave + 1, plan.waves.len(), wave.name))),
        class,
        mark,
        word,
        title: words.text(&title),
        step: words.text(&first.step),
        reason: words.text(&first.reason),
        accounts: accounts.clone().take(ACCOUNTS).map(|id| words.account(id)).collect(),
        more: accounts.count().saturating_sub(ACCOUNTS),
        fields: fields(words, first.before.as_ref(), first.after.as_ref()),
        impact: told(|change| change.impact.clone()),
        confirmations: told(|change| {
            change.confirmations.iter().map(|one| format!("--confirm {}: {}", one.target, one.message)).collect()
        }),
    }
}

/// Every field of both documents, in key order.
fn fields(words: &Words<'_>, before: Option<&Doc>, after: Option<&Doc>) -> Vec<Field> {
    let fields = |doc: Option<&Doc>| doc.and_then(|doc| doc.0.as_object().cloned()).unwrap_or_default();
    let (old, new) = (fields(before), fields(after));
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let field = |key: &String| {
        let (was, is) = (old.get(key), new.get(key));
        let long = [was, is].into_iter().flatten().any(|value| value.as_str().is_some_and(|text| text.len() > LONG));
        let changed = was != is;
        let value = |value: Option<&Value>| match value {
            None => "–".to_owned(),
            Some(Value::String(text)) => words.text(&cut(text, LONG)),
            Some(other) => words.text(&cut(&other.to_string(), 300)),
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(laid_out).unwrap_or_default();
        Field {
            name: words.text(key),
            before: value(was),
            after: value(is),
            changed,
            lines: if long && changed { lines(words, &text(was), &text(is)) } else { Vec::new() },
        }
    };
    keys.into_iter().map(field).collect()
}

fn lines(words: &Words<'_>, was: &str, is: &str) -> Vec<(&'static str, String)> {
    let diff = TextDiff::from_lines(was, is);
    let line = |change: similar::Change<&str>| {
        let sign = match change.tag() {
            ChangeTag::Delete => "-",
            ChangeTag::Insert => "+",
            ChangeTag::Equal => "",
        };
        (sign, words.text(change.value().trim_end_matches('\n')))
    };
    let mut lines: Vec<_> = diff.iter_all_changes().take(LINES).map(line).collect();
    if lines.len() == LINES {
        lines.push(("", "…".to_owned()));
    }
    lines
}
