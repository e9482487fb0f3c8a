//! orgward run from a delegated administrator: what the management account would see, and what it can't do there.

use crate::harness::Served;
use crate::in_process::{audit, every_cell_has_its_verdict, untold, verdicts};
use crate::sandboxed::{connect, settings};
use orgward::aws::{Sessions, StaticCredentials};
use orgward::collect;
use orgward::model::org::PolicyType;
use orgward::model::{AccountId, CauseKind, Finding, OrgFacts, Verdict};
use orgward::sandbox::generate::Problem;
use orgward::sandbox::{Sandbox, Scenario};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Sessions of the operator in an account.
async fn from(sandbox: &Sandbox, account: &AccountId) -> Sessions {
    let (access_key_id, secret) = sandbox.operator_of(account).unwrap();
    let credentials = StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None };
    connect(sandbox, orgward::aws::SessionSettings { credentials: Some(credentials), ..settings(sandbox) })
        .await
        .unwrap()
}

/// The small organization, its security account, and whatever is wrong there.
fn small(problems: &[(&str, Problem)]) -> (Scenario, AccountId) {
    let mut scenario = Scenario::small().run_from("audit");
    problems.iter().for_each(|(account, problem)| scenario.plant(account, problem.clone()));
    let id = scenario.account("audit").unwrap().id.clone();
    (scenario, id)
}

async fn audited(sandbox: &Sandbox, account: &AccountId) -> (OrgFacts, Vec<Finding>) {
    audit(&from(sandbox, account).await, &CancellationToken::new(), Arc::new(())).await
}

#[tokio::test(start_paused = true)]
async fn a_delegated_administrator_finds_what_the_management_account_finds() {
    let (scenario, delegated) = small(&[("app-one", Problem::UserWithoutMfa), ("management", Problem::RootWithoutMfa)]);
    let of_management = audited(&Sandbox::new(scenario.clone()), &scenario.management).await;
    let sandbox = Sandbox::new(scenario.clone());
    let of_delegated = audited(&sandbox, &delegated).await;
    every_cell_has_its_verdict(&of_delegated.0, &of_delegated.1);
    assert_eq!(of_management.0.organization.delegated_caller(), None);
    assert_eq!(of_delegated.0.organization.delegated_caller(), Some(delegated.clone()));
    // The role that an account is entered with is judged, and known to be in use, where a role is used: in all accounts but the
    // caller's own, which is another one.
    let callers = [&scenario.management, &delegated];
    let own_role = |finding: &&Finding| match finding.check.as_str() {
        "audit-role-external-id" => false,
        "role-unused" => finding.target.account().is_none_or(|account| !callers.contains(&account)),
        _ => true,
    };
    let of = |findings: &[Finding]| -> Vec<Finding> { findings.iter().filter(own_role).cloned().collect() };
    let (ours, theirs) = (of(&of_delegated.1), of(&of_management.1));
    for (ours, theirs) in verdicts(&ours).into_iter().zip(verdicts(&theirs)) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(ours.len(), theirs.len());
    let entered = |findings: &[Finding], account: &AccountId| {
        let own = |finding: &&Finding| finding.check == "audit-role-external-id";
        let role = findings.iter().filter(own).find(|finding| finding.target.account() == Some(account));
        role.map(|finding| finding.verdict)
    };
    for (account, by_management, by_delegated) in [
        (&scenario.management, Verdict::NotApplicable, Verdict::Pass),
        (&delegated, Verdict::Pass, Verdict::NotApplicable),
    ] {
        assert_eq!(entered(&of_management.1, account), Some(by_management));
        assert_eq!(entered(&of_delegated.1, account), Some(by_delegated));
    }
    // Organizations and STS are the caller's to pay for, and nothing was asked of the management account's Organizations.
    let organizations = sandbox.requests().into_iter().filter(|request| request.service == "organizations");
    assert!(organizations.into_iter().all(|request| request.account.as_ref() == Some(&delegated)));
}

#[tokio::test(start_paused = true)]
async fn what_only_the_management_account_knows_is_unknown_where_it_can_not_be_entered() {
    let (scenario, delegated) = small(&[]);
    let (_, whole) = audited(&Sandbox::new(scenario.clone()), &scenario.management).await;
    let (closed, _) = small(&[("management", Problem::NoAuditRole)]);
    let (org, findings) = audited(&Sandbox::new(closed), &delegated).await;
    every_cell_has_its_verdict(&org, &findings);
    let management = &scenario.management;
    let mut lost = 0;
    let whole: BTreeMap<_, _> = whole.iter().map(|seen| ((&seen.check, &seen.target), seen)).collect();
    for finding in &findings {
        let of_management = finding.target.account() == Some(management);
        let seen = whole.get(&(&finding.check, &finding.target)).map(|seen| seen.verdict);
        assert!(seen.is_some() || of_management, "{finding:?}");
        if finding.check == "audit-role-external-id" || seen == Some(finding.verdict) {
            continue;
        }
        // Nothing turns clean, and nothing turns bad: it is unknown, by the role that is missing there.
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
        let cause = finding.cause.as_ref().unwrap();
        assert_eq!(cause.kind, CauseKind::AssumeRoleDenied, "{finding:?}");
        assert!(of_management || cause.message.contains(management.as_str()), "{finding:?}");
        lost += usize::from(!of_management);
    }
    assert!(lost > 20, "{lost} verdicts of others rest on what the management account knows");
    assert!(org.organization_trails.cause().unwrap().message.contains(&format!("management account {management}")));
    assert!(org.services.root_features.cause().is_some() && org.services.budgets.cause().is_some());
    assert!(org.services.trusted.value().is_some(), "Organizations answers a delegated administrator");
}

#[tokio::test(start_paused = true)]
async fn service_control_policies_bind_it_and_its_denials_name_them() {
    let deny = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"A","Effect":"Deny","Action":"{action}","Resource":"*"}}]}}"#
        )
    };
    let bound = |action: &str| {
        let (scenario, delegated) = small(&[]);
        let sandbox = Sandbox::new(scenario.clone());
        let target = [delegated.clone().into()];
        sandbox.with(|org| org.add_policy(PolicyType::Scp, "no", "", &deny(action), target));
        (sandbox, scenario.management, delegated)
    };
    let (sandbox, management, delegated) = bound("sts:AssumeRole");
    let (org, findings) = audited(&sandbox, &delegated).await;
    let others = findings.iter().filter(untold).filter(|finding| finding.target.account() != Some(&delegated));
    let cause = others.filter_map(|finding| finding.cause.as_ref()).next().unwrap();
    assert_eq!(cause.kind, CauseKind::AssumeRoleDenied);
    assert!(cause.message.contains("explicit deny in a service control policy"), "{cause}");
    let own = findings.iter().filter(|finding| finding.target.account() == Some(&delegated));
    assert!(
        own.filter(|finding| finding.verdict == Verdict::Pass).count() > 10,
        "its own account is read all the same"
    );
    assert!(org.services.root_features.cause().is_some());
    let (_, free) = audited(&sandbox, &management).await;
    assert_eq!(free.iter().filter(untold).count(), 0, "the management account is not bound");

    let (sandbox, _, delegated) = bound("organizations:ListRoots");
    let sessions = from(&sandbox, &delegated).await;
    let error = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.contains("the root could not be read") && error.contains("service control policy"), "{error}");
    assert!(!error.contains("register-delegated-administrator"), "it is one: {error}");
}

#[test]
fn the_binary_says_who_calls_and_what_binds_it() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--caller", "audit"]);
    let warning = ["delegated administrator", "(audit)", "service control policies apply to it"];
    served.run(&["org"]).ends(0).says(&warning);
    let audit = served.account("audit");
    let run = served.run(&["audit", "--format", "json", "--fail-on", "none"]).says(&warning);
    let report = run.json();
    assert_eq!(report["organization"]["delegated_administrator"], audit.as_str());
    assert_eq!(report["scope"]["accounts"].as_array().unwrap().len(), 5);
    served.run(&["audit", "--from", "last", "--fail-on", "none"]);
    let targets = format!("targets={audit}");
    let plan = ["plan", "deny-leave-organization", "--set", &targets, "--out", "plan.json"];
    served.run(&plan).says(&["organization-level changes: delegated administrator", "delegation policy"]);
    served.run(&["apply", "plan.json", "--yes"]).ends(6).says(&[
        "is a delegated administrator and may not make",
        "organizations:AttachPolicy",
        "the organization has no delegation policy",
        "nothing was changed",
    ]);
    assert_eq!(served.run(&["runs", "list"]).out.matches("apply").count(), 0, "refused before a run began");
}

#[test]
fn a_delegation_policy_lets_it_apply_and_roll_back() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--caller", "audit", "--delegate-policies"]);
    let targets = format!("targets={}", served.account("audit"));
    let apply = ["apply", "deny-leave-organization", "--set", &targets, "--yes"];
    served.run(&apply).ends(0).says(&["delegated administrator"]);
    let holds = || served.org()["policies"].to_string().contains("orgward-deny-leave-organization");
    assert!(holds());
    let org = served.org();
    let management = org["organization"]["management_account"].as_str().unwrap();
    served.run(&["rollback", "last", "--yes", "--confirm", management, "--confirm", &served.account("audit")]).ends(0);
    assert!(!holds(), "rolled back");
    served.run(&["resume", "last"]).ends(0).shows(&["is finished"]);
    served.run(&["rollback", "last~3"]).ends(2).says(&["of `last~3` there is none: 1 apply is kept"]);
}

#[test]
fn a_plain_member_is_told_what_to_do() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--caller", "audit"]);
    let plain = served.plain_member();
    let member = Served::start(&["--accounts", "5", "--seed", "3", "--caller", &plain]);
    for command in [&["org"][..], &["audit"], &["plan", "deny-leave-organization", "--set", "targets=/"]] {
        let run = member.run(command).ends(1).says(&[
            "neither its management account nor a delegated administrator",
            "aws organizations register-delegated-administrator --account-id",
        ]);
        assert_eq!(run.err.matches("error").count(), 1, "{}", run.err);
    }
}
