//! The organization as a tree, and the scope in words.

use super::text::{Paint, Style, count, plain};
use crate::model::org::{Account, AccountState};
use crate::model::scope::Scope;
use crate::model::{OrgFacts, TargetId};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The tree: OUs by name, then accounts by name, each with its id, state and directly attached SCPs.
pub fn render(org: &OrgFacts, paint: Paint) -> String {
    let mut out = String::new();
    let head = format!(
        "{} ({}), management account {}",
        paint.paint(Style::Bold, &plain(&org.organization.id)),
        plain(&org.organization.feature_set),
        org.organization.management_account
    );
    out += &paint.entry("", &head);
    let root = format!("{} {}{}", plain(&org.root.name), org.root.id, attached(org, &org.root.id, paint));
    out += &paint.entry("", &root);
    children(&mut out, org, &org.root.id, "  ", paint);
    let _ = writeln!(out, "\n{}, {}", count(org.ous.len(), "OU"), count(org.accounts.len(), "account"));
    out
}

/// What is directly in `parent`: OUs by their paths, each with what it holds below it, then accounts. Where an OU belongs
/// is in its words, not only in the blanks before it.
fn children(out: &mut String, org: &OrgFacts, parent: &TargetId, indent: &str, paint: Paint) {
    let mut ous: Vec<_> = org.ous.values().filter(|ou| &ou.parent == parent).collect();
    ous.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let mut accounts: Vec<_> = org.accounts.values().filter(|account| &account.parent == parent).collect();
    accounts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    for ou in ous {
        let path = paint.paint(Style::Cyan, &plain(&org.path(&ou.id)));
        *out += &paint.entry(indent, &format!("{path} {}{}", ou.id, attached(org, &ou.id, paint)));
        children(out, org, &ou.id, &format!("{indent}  "), paint);
    }
    for account in accounts {
        *out += &paint.entry(indent, &account_line(org, account, paint));
    }
}

fn account_line(org: &OrgFacts, account: &Account, paint: Paint) -> String {
    let mut line = format!("{} {}", account.id, plain(&account.name));
    if org.is_management(&account.id) {
        line.push_str(" (management)");
    }
    if account.state != AccountState::Active {
        let state = account.state.why_not_audited().unwrap_or("closing");
        line.push_str(&paint.paint(Style::Yellow, &format!(" [{state}]")));
    }
    line.push_str(&attached(org, &account.id.clone().into(), paint));
    line
}

/// Names of SCPs attached directly, without the default one.
fn attached(org: &OrgFacts, target: &TargetId, paint: Paint) -> String {
    let Some(policies) = org.policies_of(&crate::model::org::PolicyType::Scp).and_then(|p| p.value()) else {
        return String::new();
    };
    let names: Vec<String> = policies
        .iter()
        .filter(|policy| policy.id.as_str() != "p-FullAWSAccess")
        .filter(|policy| policy.targets.value().is_some_and(|targets| targets.contains(target)))
        .map(|policy| plain(&policy.name))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    paint.paint(Style::Dim, &format!("  [scp: {}]", names.join(", ")))
}

/// The resolved scope in a line for what is in and a line for each reason why others are not.
pub fn scope(org: &OrgFacts, scope: &Scope, regions: &str) -> String {
    let mut out = format!(
        "Scope: {} of {} in {}, Regions: {regions}\n",
        scope.accounts.len(),
        count(org.accounts.len(), "account"),
        plain(&org.organization.id)
    );
    for (reason, ids) in left_out_by_reason(scope) {
        let shown: Vec<&str> = ids.iter().map(String::as_str).take(10).collect();
        let rest = ids.len().saturating_sub(shown.len());
        let tail = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let _ = writeln!(out, "  left out, {}: {}{tail}", plain(&reason), shown.join(", "));
    }
    out
}

/// Accounts left out, by reason.
pub fn left_out_by_reason(scope: &Scope) -> BTreeMap<String, Vec<String>> {
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, reason) in &scope.left_out {
        reasons.entry(reason.clone()).or_default().push(id.to_string());
    }
    reasons
}
