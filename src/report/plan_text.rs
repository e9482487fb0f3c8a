//! The plan for people: every change with its before and after, equal changes grouped over accounts.

use super::text::{Paint, Style, count, plain};
use crate::model::address::{Address, Doc};
use crate::model::plan::{Change, Operation, Plan};
use crate::model::{AccountId, OrgFacts};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use std::fmt::Write as _;

/// The whole plan. `digest` is that of the plan file.
pub fn render(plan: &Plan, org: Option<&OrgFacts>, digest: &str, paint: Paint) -> String {
    let mut out = String::new();
    let mut wave = None;
    for group in groups(plan) {
        if !plan.waves.is_empty() && wave != Some(group.first.wave) {
            wave = Some(group.first.wave);
            heading(&mut out, plan, group.first.wave, paint);
        }
        write_group(&mut out, &group, org, paint);
    }
    for refusal in &plan.refusals {
        let head = paint.paint(Style::Red, "refused");
        out += &paint.entry("", &format!("{head} {}: {}", plain(&refusal.step), plain(&refusal.message)));
    }
    for unknown in &plan.unknowns {
        let head = paint.paint(Style::Yellow, "not planned");
        let account = unknown.account.as_ref().map(|id| format!(" account {}", named(id, org))).unwrap_or_default();
        let why = plain(&unknown.cause.to_string());
        out += &paint.entry("", &format!("{head} {}{account}: {why}", plain(&unknown.step)));
    }
    for step in &plan.operator_steps {
        out += &paint.entry("", &format!("{} {}", paint.paint(Style::Yellow, "to do by hand:"), plain(step)));
    }
    if let Some(run) = &plan.undoes {
        let _ = writeln!(out, "{} run {}", paint.paint(Style::Dim, "undoes:"), plain(run));
    }
    for note in &plan.notes {
        out += &paint.entry("", &format!("{} {}", paint.paint(Style::Dim, "note:"), plain(note)));
    }
    closing(&mut out, plan, digest, paint);
    out
}

/// A wave, and what lies between it and the next.
fn heading(out: &mut String, plan: &Plan, index: usize, paint: Paint) {
    let Some(wave) = plan.waves.get(index) else { return };
    let mut terms = vec![count(plan.changes.iter().filter(|change| change.wave == index).count(), "change")];
    terms.push(match wave.max_failures {
        0 => "no failure tolerated".to_owned(),
        n => format!("{} tolerated", count(usize::try_from(n).unwrap_or(usize::MAX), "failure")),
    });
    terms.extend(wave.max_concurrency.map(|n| format!("{n} at once")));
    terms.push(match (wave.bake_seconds, wave.bake_seconds % 60) {
        (0, _) => "no wait behind it".to_owned(),
        (seconds, 0) => format!("then {} min", seconds / 60),
        (seconds, _) => format!("then {seconds} s"),
    });
    if wave.watch_denials {
        terms.push("denials stop it".to_owned());
    }
    if wave.rollback_on_stop {
        terms.push("undone if it stops".to_owned());
    }
    let title = format!("Wave {} of {}: {}", index + 1, plan.waves.len(), plain(&wave.name));
    let gap = if out.is_empty() { "" } else { "\n" };
    *out += gap;
    *out += &paint.entry("", &format!("{} ({})", paint.paint(Style::Bold, &title), terms.join(", ")));
}

fn closing(out: &mut String, plan: &Plan, digest: &str, paint: Paint) {
    if !out.is_empty() {
        out.push('\n');
    }
    let n = |operation| plan.changes.iter().filter(|change| change.operation() == operation).count();
    let line = format!(
        "Plan: {} to create, {} to update, {} to delete",
        n(Operation::Create),
        n(Operation::Update),
        n(Operation::Delete)
    );
    let _ = writeln!(out, "{}", paint.paint(Style::Bold, &line));
    if plan.is_empty() && plan.complete() && plan.applyable() {
        let words = match plan.undoes {
            Some(_) => "Nothing to undo: what the run changed is as it was before, or it changed nothing",
            None => "Nothing to change: the organization is as the playbooks ask",
        };
        *out += &paint.entry("", words);
    }
    if !plan.applyable() {
        let refusals = count(plan.refusals.len(), "refusal");
        *out += &paint.entry("", &format!("This plan can't be applied: {refusals} to mend first"));
    }
    if !plan.complete() {
        let things = count(plan.unknowns.len(), "thing");
        *out += &paint.entry("", &format!("This plan is not complete: {things} could not be planned for"));
    }
    *out += &paint.entry("", &format!("{} {digest}", paint.paint(Style::Dim, "digest")));
}

/// Changes that differ in their account only.
pub(super) struct Group<'a> {
    /// The first.
    pub(super) first: &'a Change,
    /// All, the first too.
    pub(super) all: Vec<&'a Change>,
}

/// Equal changes together, in the order of their first.
pub(super) fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for change in &plan.changes {
        match groups.iter_mut().find(|group| equal_but_account(group.first, change)) {
            Some(group) => group.all.push(change),
            None => groups.push(Group { first: change, all: vec![change] }),
        }
    }
    groups
}

/// Only password policies repeat over accounts; anything else is shown on its own.
fn equal_but_account(a: &Change, b: &Change) -> bool {
    matches!((&a.address, &b.address), (Address::PasswordPolicy { .. }, Address::PasswordPolicy { .. }))
        && (&a.step, &a.before, &a.after, &a.reason, a.wave) == (&b.step, &b.before, &b.after, &b.reason, b.wave)
}

fn write_group(out: &mut String, group: &Group<'_>, org: Option<&OrgFacts>, paint: Paint) {
    let change = group.first;
    let (sign, word, style) = match change.operation() {
        Operation::Create => ("+", "create", Style::Green),
        Operation::Update => ("~", "update", Style::Yellow),
        Operation::Delete => ("-", "delete", Style::Red),
    };
    let title = match &change.address {
        Address::PasswordPolicy { .. } => {
            let n = group.all.len();
            format!("password policy in {}", count(n, "account"))
        }
        Address::Attachment { policy, target, .. } => {
            let place = org.map_or_else(|| target.to_string(), |org| org.describe(target));
            format!("attachment of \"{policy}\" to {place}")
        }
        address => address.to_string(),
    };
    let head = paint.paint(style, &format!("{sign} {word}"));
    *out += &paint.entry("", &format!("{head} {}", paint.paint(Style::Bold, &plain(&title))));
    *out += &paint.entry("    ", &format!("step {}: {}", plain(&change.step), plain(&change.reason)));
    if matches!(change.address, Address::PasswordPolicy { .. }) {
        let names: Vec<String> =
            group.all.iter().filter_map(|change| change.address.account()).map(|id| named(id, org)).collect();
        *out += &paint.entry("    ", &format!("accounts: {}", names.join(", ")));
    }
    write_fields(out, change.before.as_ref(), change.after.as_ref(), paint);
    for change in &group.all {
        let account = match (&change.address, group.all.len()) {
            (_, 1) => String::new(),
            (address, _) => address.account().map(|id| format!("{id}: ")).unwrap_or_default(),
        };
        for line in &change.impact {
            let head = paint.paint(Style::Cyan, "impact:");
            *out += &paint.entry("    ", &format!("{head} {account}{}", plain(line)));
        }
        for confirmation in &change.confirmations {
            let head = paint.paint(Style::Red, "needs");
            let words = format!("{head} --confirm {}: {}", confirmation.target, plain(&confirmation.message));
            *out += &paint.entry("    ", &words);
        }
    }
}

fn named(id: &AccountId, org: Option<&OrgFacts>) -> String {
    match org.and_then(|org| org.accounts.get(id)) {
        Some(account) => format!("{id} {}", plain(&account.name)),
        None => id.to_string(),
    }
}

/// Every field of both documents, in key order: unchanged ones too, so that nothing is left to guess.
fn write_fields(out: &mut String, before: Option<&Doc>, after: Option<&Doc>, paint: Paint) {
    let empty = serde_json::Map::new();
    let fields = |doc: Option<&Doc>| doc.and_then(|doc| doc.0.as_object().cloned()).unwrap_or_else(|| empty.clone());
    let (old, new) = (fields(before), fields(after));
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    // A plan file may come from anywhere: its keys are no more to be trusted than its values.
    let shown: Vec<String> = keys.iter().map(|key| plain(key)).collect();
    let width = shown.iter().map(String::len).max().unwrap_or(0);
    for (key, name) in shown.iter().zip(keys) {
        let (was, is) = (old.get(name), new.get(name));
        match (was, is) {
            (Some(Value::String(was)), Some(Value::String(is))) if was != is && (was.len() > 60 || is.len() > 60) => {
                write_long(out, key, Some(was), Some(is), paint);
            }
            (None, Some(Value::String(is))) if is.len() > 60 => write_long(out, key, None, Some(is), paint),
            (Some(Value::String(was)), None) if was.len() > 60 => write_long(out, key, Some(was), None, paint),
            (Some(was), Some(is)) if was == is => {
                let _ = writeln!(out, "      {}", paint.paint(Style::Dim, &format!("{key:width$}  {}", value(is))));
            }
            (Some(was), Some(is)) => {
                let _ = writeln!(
                    out,
                    "    {} {key:width$}  {} -> {}",
                    paint.paint(Style::Yellow, "~"),
                    value(was),
                    value(is)
                );
            }
            // In what is there before and after, a sign alone would not say what happens to a field.
            (None, Some(is)) if before.is_some() => {
                let sign = paint.paint(Style::Green, "+");
                let _ = writeln!(out, "    {sign} {key:width$}  none -> {}", value(is));
            }
            (Some(was), None) if after.is_some() => {
                let sign = paint.paint(Style::Red, "-");
                let _ = writeln!(out, "    {sign} {key:width$}  {} -> none", value(was));
            }
            (None, Some(is)) => {
                let _ = writeln!(out, "    {} {key:width$}  {}", paint.paint(Style::Green, "+"), value(is));
            }
            (Some(was), None) => {
                let _ = writeln!(out, "    {} {key:width$}  {}", paint.paint(Style::Red, "-"), value(was));
            }
            (None, None) => {}
        }
    }
}

/// A short value on one line.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", plain(text)),
        Value::Null => "none".to_owned(),
        other => plain(&other.to_string()),
    }
}

/// A long text (a policy document) as a line diff; JSON is laid out first.
fn write_long(out: &mut String, key: &str, was: Option<&str>, is: Option<&str>, paint: Paint) {
    let size = is.or(was).map_or(0, |text| text.chars().count());
    let _ = writeln!(out, "      {key}  ({size} characters)");
    let (was, is) = (was.map(laid_out).unwrap_or_default(), is.map(laid_out).unwrap_or_default());
    let diff = TextDiff::from_lines(was.as_str(), is.as_str());
    for change in diff.iter_all_changes() {
        let line = plain(change.value().trim_end_matches('\n'));
        let line = match change.tag() {
            ChangeTag::Delete => paint.paint(Style::Red, &format!("- {line}")),
            ChangeTag::Insert => paint.paint(Style::Green, &format!("+ {line}")),
            ChangeTag::Equal => format!("  {line}"),
        };
        let _ = writeln!(out, "        {line}");
    }
}

/// A text with a line feed at its end; JSON over several lines.
pub(super) fn laid_out(text: &str) -> String {
    let laid = serde_json::from_str::<Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
    let mut text = laid.unwrap_or_else(|_| text.to_owned());
    text.push('\n');
    text
}
