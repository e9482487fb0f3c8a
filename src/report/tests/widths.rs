//! What people read on a terminal, as wide as it is: sentences go on indented, commands and identifiers stay whole.

use super::*;
use crate::model::plan::{Confirmation, ConfirmationReason, PLAN_VERSION, PlaybookRef, Refusal, RefusalKind};
use crate::model::{Address, Change, Doc, Plan};
use serde_json::json;

fn wide(width: usize) -> Paint {
    Paint { on: false, width: Some(width) }
}

/// The lines that run over.
fn over(text: &str, width: usize) -> Vec<&str> {
    text.lines().filter(|line| prose::width(line) > width).collect()
}

/// The words, whatever the lines.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn an_audit_fits_the_terminal_and_says_the_same() {
    let arn = "arn:aws:iam::000000000001:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Administrator";
    let mut findings = vec![
        finding(
            1,
            Verdict::Fail,
            "the root user has an active access key, and nobody knows since when it is used",
            &[],
        ),
        finding(2, Verdict::Fail, "two of its roles can be assumed from anywhere", &[arn, "short"]),
        finding(3, Verdict::Unknown, "could not be told", &[]),
    ];
    findings[2].cause = Some(Cause::new(
        CauseKind::AccessDenied,
        "iam:GetAccountSummary",
        "User: arn:aws:sts::000000000003:assumed-role/OrgwardAudit/orgward is not authorized to perform: iam:GetAccountSummary",
    ));
    let tally = Tally::of(&findings);
    let at = |paint| with(&findings, &tally, |audit| audit_table::render(audit, Detail::SHORT, paint).unwrap());
    let piped = at(PLAIN);
    for width in [80, 60] {
        let text = at(wide(width));
        assert_eq!(words(&text), words(&piped));
        let over = over(&text, width);
        assert!(over.iter().all(|line| words(line).len() == 1), "{width}: {over:#?}");
        insta::assert_snapshot!(format!("an_audit_at_{width}"), text);
    }
}

fn plan() -> Plan {
    let change = |address, after, impact: &str| Change {
        address,
        before: None,
        after: Some(Doc(after)),
        step: "baseline/guardrail".into(),
        reason: "the organization has no policy of this name, and the playbook asks for one at every OU below the root"
            .into(),
        depends_on: Vec::new(),
        impact: vec![impact.into()],
        confirmations: vec![Confirmation {
            target: "r-abcd".parse().unwrap(),
            why: ConfirmationReason::RootTarget,
            message: "it is attached to the root, so it binds every member account of the organization".into(),
        }],
        wave: 0,
        origins: Vec::new(),
    };
    let policy = json!({"content": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"organizations:LeaveOrganization\",\"Resource\":\"*\"}]}"});
    let account = Address::PasswordPolicy { account: "222222222222".parse().unwrap() };
    Plan {
        version: PLAN_VERSION,
        organization: "o-abc123".into(),
        management_account: "111111111111".parse().unwrap(),
        caller_arn: "arn:aws:iam::111111111111:user/admin".into(),
        as_of: "2026-07-18T10:00:00Z".parse().unwrap(),
        playbooks: vec![PlaybookRef { name: "baseline".into(), digest: "sha256:00".into() }],
        waves: Vec::new(),
        relied_on: Vec::new(),
        changes: vec![change(
            account,
            policy,
            "replaces IAM's default (8 characters, three of four kinds of characters, no expiry)",
        )],
        refusals: vec![Refusal {
            kind: RefusalKind::LockOut,
            step: "baseline/guardrail".into(),
            address: None,
            message:
                "it can't be proved that `OrganizationAccountAccessRole` keeps what it needs in account 222222222222"
                    .into(),
        }],
        unknowns: Vec::new(),
        operator_steps: vec![
            "confirm the subscription in the mail that AWS sends to the address, within three days".into(),
        ],
        regions: Vec::new(),
        undoes: None,
        notes: vec!["a note that is longer than a line of a terminal that is eighty columns wide, as most are".into()],
    }
}

#[test]
fn a_plan_of_a_stranger_shows_what_it_would_do() {
    let hostile = "\u{1b}[8mcontent\u{202e}";
    let long = "x".repeat(80);
    for (before, after) in [
        (json!({}), json!({hostile: "deny"})),
        (json!({}), json!({hostile: long})),
        (json!({hostile: 1}), json!({hostile: 2})),
        (json!({hostile: 1}), json!({hostile: 1})),
        (json!({hostile: 1}), json!({"x": 1})),
        (json!({hostile: long}), json!({hostile: {hostile: hostile}})),
    ] {
        let mut plan = plan();
        let change = plan.changes.first_mut().unwrap();
        (change.before, change.after) = (Some(Doc(before)), Some(Doc(after)));
        (change.step, change.reason) = (hostile.into(), hostile.into());
        let text = plan_text::render(&plan, None, "sha256:00", PLAIN);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(text.contains("\\u{1b}[8mcontent\\u{202e}  "), "{text}");
    }
}

#[test]
fn a_plan_fits_the_terminal_but_for_documents_and_digests() {
    let at = |paint| plan_text::render(&plan(), None, "sha256:00", paint);
    let piped = at(PLAIN);
    for width in [80, 60] {
        let text = at(wide(width));
        assert_eq!(words(&text), words(&piped));
        let over = over(&text, width);
        assert!(over.iter().all(|line| line.trim_start().starts_with("+ ")), "{width}: {over:#?}");
        insta::assert_snapshot!(format!("a_plan_at_{width}"), text);
    }
}
