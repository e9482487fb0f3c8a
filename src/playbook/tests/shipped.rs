//! The shipped playbooks: what they need, and whom their policies hit.

use super::super::fixtures;
use crate::playbook::{Action, Limits, Values, find, load_shipped, shipped};
use crate::policy::{Context, Decision, Document, Principal, Request, evaluate};

fn document(name: &str) -> Document {
    let playbook = fixtures::shipped(name);
    let contents: Vec<&str> = playbook
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Scp(spec) => Some(spec.content.as_str()),
            _ => None,
        })
        .collect();
    Document::parse(contents[0]).unwrap()
}

fn role(path: &str) -> Principal {
    let name = path.rsplit('/').next().unwrap();
    Principal::session(
        &format!("arn:aws:iam::222222222222:role/{path}"),
        &format!("arn:aws:sts::222222222222:assumed-role/{name}/session"),
    )
}

fn a_user() -> Principal {
    Principal::iam("arn:aws:iam::222222222222:user/division/jo")
}

/// Whether the shipped SCP denies; panics where that can't be told.
fn denies(playbook: &str, principal: Principal, action: &str, context: Context) -> bool {
    let request = Request { principal, action: action.into(), resource: "*".into(), context };
    match evaluate(&[&document(playbook)], &request) {
        Decision::Deny { .. } => true,
        Decision::NoMatch => false,
        other => panic!("{playbook} {action}: {other:?}"),
    }
}

#[test]
fn each_loads_with_values_and_asks_for_them_without() {
    for playbook in shipped() {
        let loaded = fixtures::shipped(playbook.name);
        assert_eq!(loaded.name, playbook.name);
        let required: Vec<&str> = loaded.parameters.iter().filter(|p| p.required).map(|p| p.name.as_str()).collect();
        assert_eq!(required.len(), loaded.parameters.len(), "{} has a default", playbook.name);
        match load_shipped(playbook.name, &Values::new()) {
            Ok(_) => assert!(required.is_empty(), "{} needs {required:?}", playbook.name),
            Err(errors) => {
                let shown = errors.to_string();
                assert!(
                    required.iter().all(|name| shown.contains(&format!("parameter `{name}` has no value"))),
                    "{shown}"
                );
                assert_eq!(errors.0.len(), required.len(), "{shown}");
            }
        }
        for step in &loaded.steps {
            if let Action::Scp(spec) = &step.action {
                assert!(spec.targets.iter().all(|target| target.text == "/Workloads"));
            }
        }
    }
}

#[test]
fn a_wrong_name_has_a_nearest_one() {
    let errors = find("require-mfaa", &Values::new(), &Limits::default()).unwrap_err().to_string();
    assert!(errors.contains("did you mean `require-mfa`?"), "{errors}");
    assert!(find("require-mfa", &fixtures::values(), &Limits::default()).is_ok());
}

#[test]
fn each_is_a_complete_plan_whose_result_needs_no_change() {
    let org = fixtures::org();
    for playbook in shipped() {
        let playbooks = [fixtures::shipped(playbook.name)];
        let accounts: Vec<_> = [fixtures::MANAGEMENT, fixtures::APP, fixtures::DEV, fixtures::LOGS]
            .iter()
            .map(|id| fixtures::facts(id, fixtures::seen(fixtures::weak()), vec![fixtures::user("old", 900)]))
            .collect();
        let plan = fixtures::plan(&playbooks, &org, &fixtures::everyone(&org), &accounts);
        assert!(plan.applyable() && plan.complete() && !plan.is_empty(), "{}: {plan:?}", playbook.name);
        assert!(plan.changes.iter().all(|change| change.confirmations.is_empty()), "{}", playbook.name);
        assert!(plan.notes.is_empty(), "{}: {:?}", playbook.name, plan.notes);
        // Whatever a change depends on comes before it.
        for (index, change) in plan.changes.iter().enumerate() {
            for needed in &change.depends_on {
                assert!(plan.changes[..index].iter().any(|earlier| earlier.address == *needed), "{}", change.address);
            }
        }
    }
}

#[test]
fn require_mfa_binds_iam_users_and_nobody_else() {
    let without = || Context::complete().without("aws:MultiFactorAuthPresent");
    let with = |value: &str| Context::complete().with("aws:MultiFactorAuthPresent", value);
    // An instance's role, a pipeline's role and an Identity Center session have no MFA and are not hit.
    assert!(!denies("require-mfa", role("app-instance"), "s3:GetObject", without()));
    assert!(!denies("require-mfa", role("app-instance"), "s3:GetObject", with("false")));
    assert!(!denies("require-mfa", role("github-ci"), "cloudformation:UpdateStack", without()));
    let sso = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef";
    assert!(!denies("require-mfa", role(sso), "ec2:RunInstances", without()));
    assert!(!denies("require-mfa", role("OrgwardApply"), "iam:UpdateAccountPasswordPolicy", with("false")));
    // A user with keys and no MFA is; with MFA it is not.
    assert!(denies("require-mfa", a_user(), "s3:GetObject", without()));
    assert!(denies("require-mfa", a_user(), "s3:GetObject", with("false")));
    assert!(denies("require-mfa", a_user(), "iam:CreateAccessKey", with("false")));
    assert!(denies("require-mfa", a_user(), "iam:DeactivateMFADevice", with("false")));
    assert!(!denies("require-mfa", a_user(), "s3:GetObject", with("true")));
    // It can set MFA up, change its password and ask for an MFA session.
    for action in [
        "iam:CreateVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:ResyncMFADevice",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:GetUser",
        "iam:ChangePassword",
        "iam:GetAccountPasswordPolicy",
        "sts:GetSessionToken",
    ] {
        assert!(!denies("require-mfa", a_user(), action, with("false")), "{action}");
        assert!(!denies("require-mfa", a_user(), action, without()), "{action}");
    }
    let gov = Principal::iam("arn:aws-us-gov:iam::222222222222:user/jo");
    assert!(denies("require-mfa", gov, "s3:GetObject", without()));
}

#[test]
fn region_restriction_spares_global_services_and_control_tower() {
    let inside = |region: &str| Context::complete().with("aws:RequestedRegion", region);
    let hit = |principal: Principal, action: &str, region: &str| {
        denies("region-restriction", principal, action, inside(region))
    };
    assert!(hit(role("admin"), "ec2:RunInstances", "us-east-1"));
    assert!(hit(a_user(), "s3:CreateBucket", "ap-south-1"));
    assert!(!hit(role("admin"), "ec2:RunInstances", "eu-central-1"));
    assert!(!hit(role("admin"), "ec2:RunInstances", "eu-west-1"));
    for action in [
        "iam:CreateRole",
        "organizations:DescribeOrganization",
        "route53:ChangeResourceRecordSets",
        "sts:AssumeRole",
        "cloudfront:CreateDistribution",
        "support:CreateCase",
    ] {
        assert!(!hit(role("admin"), action, "us-east-1"), "{action}");
    }
    for exempt in [
        "AWSControlTowerExecution",
        "stacksets-exec-0123",
        "aws-controltower-ForwardSnsNotificationRole",
        "OrgwardAudit",
        "OrgwardApply",
    ] {
        assert!(!hit(role(exempt), "ec2:DescribeInstances", "us-west-2"), "{exempt}");
    }
}

#[test]
fn protect_cloudtrail_spares_orgwards_apply_role() {
    for name in ["protect-cloudtrail", "baseline"] {
        let playbook = fixtures::shipped(name);
        assert!(
            playbook
                .steps
                .iter()
                .any(|s| matches!(&s.action, Action::Scp(spec) if spec.name == "orgward-protect-cloudtrail"))
        );
    }
    let hit = |principal: Principal, action: &str| denies("protect-cloudtrail", principal, action, Context::complete());
    assert!(hit(role("admin"), "cloudtrail:StopLogging"));
    assert!(hit(role("admin"), "cloudtrail:PutEventSelectors"));
    assert!(hit(a_user(), "cloudtrail:DeleteTrail"));
    assert!(hit(Principal::iam("arn:aws:iam::222222222222:root"), "cloudtrail:DeleteTrail"));
    assert!(hit(role("NotOrgwardApply"), "cloudtrail:StopLogging"));
    assert!(!hit(role("OrgwardApply"), "cloudtrail:StopLogging"));
    assert!(!hit(role("AWSControlTowerExecution"), "cloudtrail:UpdateTrail"));
    assert!(!hit(role("admin"), "cloudtrail:LookupEvents"));
}

#[test]
fn deny_leave_organization_denies_just_that() {
    let hit = |action: &str| denies("deny-leave-organization", role("admin"), action, Context::complete());
    assert!(hit("organizations:LeaveOrganization"));
    assert!(!hit("organizations:DescribeOrganization"));
}
