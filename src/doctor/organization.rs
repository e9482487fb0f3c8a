//! The organization: whether policies can be used at all, who has trusted access, what room policies have, what was not answered.
//!
//! Must not: judge what the catalogue's checks judge already; their words are taken.

use super::commands::Document;
use super::diagnosis::{Line, Section, State};
use super::ground::{Doctor, NOT_ASSUMABLE, listed};
use super::reading::{asked, unanswered};
use crate::checks::Selection;
use crate::model::org::PolicyType;
use crate::model::{CauseKind, Finding, Verdict};
use std::collections::BTreeSet;

/// Whether all features are there.
const FEATURES: &str = "org-all-features";
/// Whether service control policies are enabled.
const POLICIES: &str = "org-scp-enabled";
/// Whether there is room for more.
const ROOM: &str = "org-policy-headroom";
/// Lines of what is nearly full.
const FULL: usize = 10;
/// What rolls roles out into every account, those to come included.
const STACK_SETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";
/// What root credentials are managed by.
const ROOT_ACCESS: &str = "iam.amazonaws.com";

/// Every line about the organization.
pub(super) fn lines(doctor: &Doctor<'_>) -> Vec<Line> {
    let org = doctor.ground.org;
    let judged = Selection::of([FEATURES, POLICIES, ROOM]).organization(org, &doctor.ground.thresholds);
    let of = |id: &str| judged.iter().find(|finding| finding.check == id);
    let mut lines = Vec::new();
    let all_features = of(FEATURES).is_some_and(|finding| finding.verdict == Verdict::Pass);
    if let Some(found) = of(FEATURES).filter(|_| !all_features) {
        lines.push(told(found, "all_features", "aws organizations enable-all-features"));
    }
    // That says both.
    if let Some(found) = of(POLICIES).filter(|_| all_features) {
        let fix = format!(
            "aws organizations enable-policy-type --root-id {} --policy-type {}",
            org.root.id,
            PolicyType::Scp.as_str()
        );
        lines.push(told(found, "scp_enabled", &fix));
    }
    lines.extend(trusted(doctor));
    lines.extend(of(ROOM).into_iter().flat_map(room));
    lines.extend(not_answered(doctor));
    lines
}

/// The first words of a check.
fn told(finding: &Finding, code: &'static str, fix: &str) -> Line {
    let section = Section::Organization;
    match finding.verdict {
        Verdict::Pass | Verdict::Exempt => Line::ok(section, code, &finding.message),
        Verdict::NotApplicable => Line::note(section, code, &finding.message),
        Verdict::Fail => {
            let text = finding.resources.first().map_or(&finding.message, |resource| &resource.message);
            Line::problem(section, code, text, fix)
        }
        Verdict::Unknown => Line::unknown(section, code, &finding.message, CauseKind::Other.fix()),
    }
}

/// Who has trusted access, of those that orgward has to do with.
fn trusted(doctor: &Doctor<'_>) -> Vec<Line> {
    let Some(trusted) = doctor.ground.org.services.trusted.value() else { return Vec::new() };
    let section = Section::Organization;
    let has = |service: &str| trusted.iter().any(|known| known == service);
    let enable = |service: &str| format!("aws organizations enable-aws-service-access --service-principal {service}");
    let mut lines = Vec::new();
    let fix = format!("{} && aws cloudformation activate-organizations-access", enable(STACK_SETS));
    lines.push(if has(STACK_SETS) {
        Line::ok(
            section,
            "stack_sets",
            "CloudFormation StackSets have trusted access: accounts to come get their roles",
        )
    } else if doctor.gathered.count(NOT_ASSUMABLE) > 0 {
        let text = "CloudFormation StackSets have no trusted access, so no StackSet can make the missing roles";
        Line::problem(section, "stack_sets", text, fix)
    } else {
        let text =
            "CloudFormation StackSets have no trusted access: something else has to make the roles of accounts to come";
        Line::note(section, "stack_sets", text).with_fix(fix)
    });
    lines.push(if has(ROOT_ACCESS) {
        Line::ok(section, "root_access", "IAM has trusted access: central root access can be read")
    } else {
        let text = "IAM has no trusted access: members' root credentials can't be managed centrally";
        Line::note(section, "root_access", text).with_fix(enable(ROOT_ACCESS))
    });
    lines
}

/// Slots and sizes, each target or policy that is nearly full on a line.
fn room(finding: &Finding) -> Vec<Line> {
    let section = Section::Policies;
    match finding.verdict {
        Verdict::Pass | Verdict::Exempt => vec![Line::ok(section, "room", &finding.message)],
        Verdict::NotApplicable => vec![Line::note(section, "room", &finding.message)],
        Verdict::Unknown => {
            // Nobody asked for policies.
            let Some(cause) = finding.cause.as_ref().filter(|cause| asked(cause)) else { return Vec::new() };
            vec![Line::unknown(section, "room", &finding.message, cause.kind.fix())]
        }
        Verdict::Fail => {
            let mut lines: Vec<Line> = finding
                .resources
                .iter()
                .take(FULL)
                .map(|full| {
                    // A target is an id with a type behind it, a policy an ARN with its id at the end.
                    let (fix, id) = match full.resource.split_once(" (") {
                        Some((target, kind)) => (
                            "aws organizations list-policies-for-target --target-id",
                            format!("{target} --filter {} # then detach one", kind.trim_end_matches(')')),
                        ),
                        None => (
                            "aws organizations describe-policy --query Policy.Content --output text --policy-id",
                            format!(
                                "{} # minify it: update-policy",
                                full.resource.rsplit('/').next().unwrap_or_default()
                            ),
                        ),
                    };
                    Line::problem(section, "nearly_full", &full.message, format!("{fix} {id}"))
                })
                .collect();
            if let Some(more) = finding.resources.len().checked_sub(FULL).filter(|more| *more > 0) {
                let text = format!("{more} more targets or policies are nearly full");
                let fix = format!("orgward audit --checks {ROOM} --verbose");
                lines.push(Line::problem(section, "nearly_full", text, fix));
            }
            lines
        }
    }
}

/// What the organization was asked and did not answer.
fn not_answered(doctor: &Doctor<'_>) -> Vec<Line> {
    let causes = doctor.ground.org.causes().filter(|cause| asked(cause));
    let lines = unanswered(causes).into_iter().map(|(kind, operations)| {
        let said = operations.values().next().cloned();
        let names: BTreeSet<String> = operations.into_keys().collect();
        let what = listed(&names);
        let (state, code, text, fix) = match kind {
            CauseKind::AccessDenied => (
                State::Problem,
                "organization_denied",
                format!("the caller may not call {what}"),
                doctor.commands.grant(&doctor.ground.arn, Document::AuditCaller),
            ),
            CauseKind::AssumeRoleDenied => (
                State::Problem,
                "owner_not_entered",
                "an account that owns the organization's trail or its log group could not be entered".to_owned(),
                doctor.commands.bootstrap(),
            ),
            kind => (
                State::Unknown,
                "organization_unknown",
                format!("{what} was not answered ({})", kind.as_str()),
                kind.fix().to_owned(),
            ),
        };
        let line = Line::ok(Section::Reading, code, text).with_fix(fix);
        Line { state, said, actions: names.into_iter().collect(), ..line }
    });
    lines.collect()
}
