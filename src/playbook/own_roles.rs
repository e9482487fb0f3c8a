//! A look ahead at what a planned SCP would do to the roles orgward works with.
//!
//! Owns: notes for the preview, where a denial is certain. Must not: refuse (`lockout` has the proof).

use super::planner::PlanContext;
use crate::model::{Address, OrgFacts, Plan};
use crate::policy::{Context, Decision, Document, Principal, Request, evaluate};

/// One call of each kind that orgward can't do without.
const CALLS: [&str; 5] = [
    "iam:GetAccountSummary",
    "iam:GenerateCredentialReport",
    "cloudtrail:DescribeTrails",
    "iam:UpdateAccountPasswordPolicy",
    "cloudwatch:PutMetricAlarm",
];

/// A note for each planned SCP that certainly denies a role of orgward's one of those calls.
pub(super) fn notes(plan: &Plan, org: &OrgFacts, context: &PlanContext) -> Vec<String> {
    let mut notes = Vec::new();
    for change in &plan.changes {
        let Address::Policy { name, .. } = &change.address else { continue };
        let content = change.after.as_ref().and_then(|doc| doc.0.get("content")).and_then(|text| text.as_str());
        let Some(document) = content.and_then(|text| Document::parse(text).ok()) else { continue };
        for role in [&context.audit_role_name, &context.apply_role_name] {
            let denied: Vec<&str> = CALLS.into_iter().filter(|call| denies(&document, org, role, call)).collect();
            if !role.is_empty() && !denied.is_empty() {
                let note = format!("`{name}` denies orgward's role `{role}` {}: exempt it", denied.join(", "));
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    notes
}

fn denies(document: &Document, org: &OrgFacts, role: &str, action: &str) -> bool {
    let member = org.accounts.keys().find(|account| !org.is_management(account));
    let Some(member) = member else { return false };
    let arn = format!("arn:{}:iam::{member}:role/{role}", org.organization.partition);
    let request = Request {
        principal: Principal::iam(&arn),
        action: action.to_owned(),
        resource: "*".to_owned(),
        context: Context::partial(),
    };
    matches!(evaluate(&[document], &request), Decision::Deny { .. })
}
