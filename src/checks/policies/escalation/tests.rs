//! Each published way, and what takes it away.

use super::super::super::fixtures::{self, LITTLE, MEMBER, role};
use super::super::super::tests::judge;
use super::*;
use crate::model::iam::{Authorization, IamGroup, IamRole, IamUser, ManagedPolicy};
use crate::model::{Finding, Verdict};
use std::collections::BTreeMap;

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const NO_IAM: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]}"#;
const LAMBDA: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn document(statements: &[&str]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn allow(actions: &[&str], resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":{},"Resource":"{resource}"}}"#, serde_json::to_string(actions).unwrap())
}

fn deny(actions: &[&str]) -> String {
    allow(actions, "*").replace("Allow", "Deny")
}

fn own(name: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:policy/{name}")
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:role/{name}")
}

fn managed(arn: &str, document: &str) -> ManagedPolicy {
    ManagedPolicy { name: String::new(), arn: arn.to_owned(), attachment_count: 1, document: Some(document.to_owned()) }
}

/// A role that Lambda assumes.
fn for_lambda(name: &str, document: &str) -> IamRole {
    IamRole { trust_policy: LAMBDA.to_owned(), ..role(name, document) }
}

fn found(change: impl FnOnce(&mut Authorization)) -> Finding {
    let facts = fixtures::with_authorization(change);
    judge(&fixtures::org(), &facts, "policy-privilege-escalation")
}

/// What is found for a role with these statements, alone in its account.
fn of_role(statements: &[&str]) -> Finding {
    found(|authorization| authorization.roles = vec![role("app", &document(statements))])
}

/// What is found for it beside these roles.
fn beside(statements: &[&str], others: Vec<IamRole>) -> Finding {
    found(|authorization| {
        authorization.roles = others;
        authorization.roles.push(role("app", &document(statements)));
    })
}

fn message_of<'f>(finding: &'f Finding, name: &str) -> Option<&'f str> {
    let suffix = format!("/{name}");
    finding.resources.iter().find(|row| row.resource.ends_with(&suffix)).map(|row| row.message.as_str())
}

#[test]
fn every_published_way_is_found_on_a_role_that_holds_it_on_everything() {
    for path in &Published::embedded().paths {
        if path.needs.iter().any(|action| action.contains("PermissionsBoundary")) {
            continue;
        }
        let needs: Vec<&str> = path.needs.iter().map(String::as_str).collect();
        let finding = of_role(&[&allow(&needs, "*")]);
        assert_eq!(finding.verdict, Verdict::Fail, "{}: {}", path.words(), finding.message);
        assert!(finding.resources[0].message.contains(&path.words()), "{}", finding.resources[0].message);
        // Without any one of its actions it is gone.
        for left_out in &needs {
            let rest: Vec<&str> = needs.iter().copied().filter(|action| action != left_out).collect();
            let ways = if rest.is_empty() {
                String::new()
            } else {
                of_role(&[&allow(&rest, "*")]).resources.iter().map(|row| row.message.clone()).collect()
            };
            assert!(!ways.contains(&path.words()), "{} without {left_out}", path.words());
        }
        // A Deny of any one of them takes it away.
        for denied in &needs {
            let finding = of_role(&[&allow(&needs, "*"), &deny(&[denied])]);
            let ways: String = finding.resources.iter().map(|row| row.message.clone()).collect();
            assert!(!ways.contains(&path.words()), "{} with {denied} denied", path.words());
            assert_ne!(finding.verdict, Verdict::Unknown, "{}", finding.message);
        }
        // So does a boundary without them.
        let finding = found(|authorization| {
            let bounded = IamRole { boundary: Some(own("little")), ..role("app", &document(&[&allow(&needs, "*")])) };
            authorization.roles = vec![bounded];
        });
        assert_eq!(finding.verdict, Verdict::Pass, "{}: {}", path.words(), finding.message);
    }
}

#[test]
fn a_role_passed_to_what_runs_code_is_a_way_whatever_the_service() {
    for (actions, told) in [
        (&["batch:RegisterJobDefinition", "batch:SubmitJob"][..], "iam:PassRole + batch:RegisterJobDefinition"),
        (&["ecs:RunTask"], "iam:PassRole + ecs:RunTask on any role"),
        (&["elasticmapreduce:RunJobFlow"], "iam:PassRole + elasticmapreduce:RunJobFlow"),
        (&["scheduler:CreateSchedule"], "iam:PassRole + scheduler:CreateSchedule"),
        (&["ssm:CreateDocument", "ssm:StartAutomationExecution"], "iam:PassRole + ssm:CreateDocument"),
        (&["states:CreateStateMachine", "states:StartExecution"], "iam:PassRole + states:CreateStateMachine"),
    ] {
        let finding = of_role(&[&allow(&["iam:PassRole"], "*"), &allow(actions, "*")]);
        assert_eq!(finding.verdict, Verdict::Fail, "{actions:?}: {}", finding.message);
        assert!(message_of(&finding, "app").unwrap().contains(told), "{finding:?}");
        assert_eq!(of_role(&[&allow(&["iam:PassRole"], "*")]).verdict, Verdict::Pass);
        let one = of_role(&[&allow(&["iam:PassRole"], "*"), &allow(actions, "*"), &deny(&actions[..1])]);
        assert_ne!(one.verdict, Verdict::Unknown, "{actions:?}");
    }
    // For Batch, what exists can be told what to run.
    let beside_job = [&allow(&["batch:SubmitJob"], "*")];
    assert_eq!(of_role(&beside_job.map(String::as_str)).verdict, Verdict::Fail);
}

#[test]
fn a_way_put_together_from_inline_group_and_managed_policies_is_found() {
    let finding = found(|authorization| {
        authorization.groups = vec![IamGroup {
            name: "devs".to_owned(),
            arn: format!("arn:aws:iam::{MEMBER}:group/devs"),
            inline: role("x", &document(&[&allow(&["lambda:CreateFunction"], "*")])).inline,
            attached: vec!["arn:aws:iam::aws:policy/Invoke".to_owned()],
        }];
        authorization.users[0].groups = vec!["devs".to_owned()];
        authorization.users[0].attached = vec![own("pass")];
        authorization.policies.push(managed(&own("pass"), &document(&[&allow(&["iam:PassRole"], "*")])));
        let invoke = document(&[&allow(&["lambda:Invoke*"], "*")]);
        authorization.policies.push(managed("arn:aws:iam::aws:policy/Invoke", &invoke));
    });
    let wanted = "can take more by iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction on any role";
    assert_eq!(message_of(&finding, "ann"), Some(wanted));
    assert_eq!(finding.message, "1 user or role can take more than it was given");
}

#[test]
fn administrators_are_not_listed_way_by_way() {
    let finding = beside(&[&allow(&["s3:GetObject"], "*")], vec![role("admin", EVERYTHING)]);
    assert_eq!(finding.verdict, Verdict::Pass);
    assert_eq!(finding.message, "no user or role can take more than it was given, 1 administrator left out");
    // One that no single policy makes one is told nowhere else.
    let together = found(|authorization| {
        authorization.roles = vec![IamRole { attached: vec![own("iam")], ..role("app", NO_IAM) }];
        authorization.policies.push(managed(&own("iam"), &document(&[&allow(&["iam:*"], "*")])));
    });
    assert_eq!(message_of(&together, "app"), Some("is an administrator by several policies together"));
}

#[test]
fn a_role_that_may_be_passed_counts_if_it_is_stronger() {
    let pass = |name: &str| allow(&["iam:PassRole"], &role_arn(name));
    let lambda = allow(&["lambda:CreateFunction", "lambda:InvokeFunction"], "arn:aws:lambda:*:*:function:app-*");
    let weak = beside(&[&pass("worker"), &lambda], vec![for_lambda("worker", LITTLE)]);
    assert_eq!(weak.verdict, Verdict::Pass, "{}", weak.message);
    let strong = beside(&[&pass("worker"), &lambda], vec![for_lambda("worker", EVERYTHING)]);
    let message = message_of(&strong, "app").unwrap();
    assert!(message.ends_with("iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction on `worker`"), "{message}");
    // Another service assumes it.
    let for_ec2 = IamRole { trust_policy: LAMBDA.replace("lambda", "ec2"), ..role("worker", EVERYTHING) };
    let elsewhere = beside(&[&pass("worker"), &lambda], vec![for_ec2]);
    assert_eq!(elsewhere.verdict, Verdict::Pass, "{}", elsewhere.message);
    // It may be passed to another service only.
    let other = pass("*").replace('}', r#","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#);
    let other = beside(&[&other, &lambda], vec![for_lambda("worker", EVERYTHING)]);
    assert_eq!(other.verdict, Verdict::Pass, "{}", other.message);
    // A role with a way of its own is stronger too, at any remove.
    let chain = beside(
        &[&pass("one"), &lambda],
        vec![
            for_lambda("one", &document(&[&pass("two"), &lambda])),
            for_lambda("two", &document(&[&allow(&["iam:CreatePolicyVersion"], "*")])),
        ],
    );
    assert_eq!(chain.message, "3 users or roles can take more than they were given");
}

#[test]
fn what_exists_is_taken_over_where_it_is_any_or_runs_as_a_stronger_role() {
    let code = |resource: &str| allow(&["lambda:UpdateFunctionCode"], resource);
    let some = "arn:aws:lambda:*:*:function:app-*";
    assert_eq!(of_role(&[&code("*")]).verdict, Verdict::Fail);
    assert_eq!(of_role(&[&code("arn:aws:lambda:*:*:function:*")]).verdict, Verdict::Fail);
    assert_eq!(beside(&[&code(some)], vec![for_lambda("worker", LITTLE)]).verdict, Verdict::Pass);
    let finding = beside(&[&code(some)], vec![for_lambda("worker", EVERYTHING)]);
    let wanted = "can take more by lambda:UpdateFunctionCode that runs as `worker`";
    assert_eq!(message_of(&finding, "app"), Some(wanted));
    // Who may do everything but IAM gains only by a stronger role.
    let power = |others| {
        found(|authorization| {
            authorization.roles = others;
            authorization.roles.push(role("power", NO_IAM));
        })
    };
    assert_eq!(power(vec![for_lambda("worker", LITTLE)]).verdict, Verdict::Pass);
    assert_eq!(power(vec![for_lambda("worker", EVERYTHING)]).verdict, Verdict::Fail);
}

#[test]
fn own_credentials_are_no_way_and_others_are() {
    let manage = |resource: &str| allow(&["iam:CreateAccessKey", "iam:UpdateLoginProfile"], resource);
    let users = |inline: String, admin: bool| {
        found(|authorization| {
            let ann = &mut authorization.users[0];
            ann.inline = role("x", &document(&[&inline])).inline;
            let bob = IamUser { name: "bob".to_owned(), arn: format!("arn:aws:iam::{MEMBER}:user/bob"), ..ann.clone() };
            let inline = role("x", if admin { EVERYTHING } else { LITTLE }).inline;
            authorization.users.push(IamUser { inline, ..bob });
        })
    };
    for selfish in ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::222222222222:user/ann"] {
        assert_eq!(users(manage(selfish), true).verdict, Verdict::Pass, "{selfish}");
    }
    assert!(message_of(&users(manage("*"), false), "ann").unwrap().contains("iam:CreateAccessKey on any user"));
    let bob = "arn:aws:iam::222222222222:user/bob";
    assert_eq!(users(manage(bob), false).verdict, Verdict::Pass, "bob has no more than ann");
    assert!(message_of(&users(manage(bob), true), "ann").unwrap().contains("iam:CreateAccessKey on `bob`"));
}

#[test]
fn what_fills_a_policy_of_a_bounded_principal_is_no_way() {
    let put = allow(&["iam:PutRolePolicy"], &role_arn("worker"));
    assert_eq!(beside(&[&put], vec![role("worker", LITTLE)]).verdict, Verdict::Fail);
    let bounded = IamRole { boundary: Some(own("little")), ..role("worker", LITTLE) };
    assert_eq!(beside(&[&put], vec![bounded]).verdict, Verdict::Pass);
    // The delegation that AWS describes: policies only for what carries the boundary.
    let delegated = allow(&["iam:PutRolePolicy", "iam:AttachRolePolicy"], "*").replace(
        '}',
        r#","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::222222222222:policy/little"}}}"#,
    );
    assert_eq!(of_role(&[&delegated]).verdict, Verdict::Pass, "{}", of_role(&[&delegated]).message);
    // A list of policies that may be attached, without the one that gives everything.
    let listed = allow(&["iam:AttachRolePolicy"], "*")
        .replace('}', r#","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}}"#);
    assert_eq!(of_role(&[&listed]).verdict, Verdict::Pass);
}

#[test]
fn who_can_shed_a_boundary_has_a_way() {
    let shed = document(&[&allow(&["iam:DeleteRolePermissionsBoundary"], "*")]);
    let bounded = |boundary: Option<String>| {
        found(|authorization| {
            authorization.roles = vec![IamRole { boundary, ..role("app", &shed) }];
            authorization.policies.push(managed(&own("wide"), EVERYTHING));
        })
    };
    let finding = bounded(Some(own("wide")));
    assert_eq!(message_of(&finding, "app"), Some("can take more by iam:DeleteRolePermissionsBoundary on itself"));
    assert_eq!(bounded(None).verdict, Verdict::Pass);
    assert_eq!(bounded(Some(own("little"))).verdict, Verdict::Pass, "the boundary does not let it");
}

#[test]
fn service_linked_roles_and_those_of_identity_center_are_no_targets() {
    let put = allow(&["iam:PutRolePolicy"], "arn:aws:iam::*:role/aws-*");
    let linked = IamRole {
        path: "/aws-service-role/x.amazonaws.com/".to_owned(),
        arn: role_arn("aws-service-role/x.amazonaws.com/linked"),
        ..role("linked", EVERYTHING)
    };
    let center = IamRole {
        path: "/aws-reserved/sso.amazonaws.com/".to_owned(),
        arn: role_arn("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin"),
        ..role("AWSReservedSSO_Admin", LITTLE)
    };
    assert_eq!(beside(&[&put], vec![linked, center]).verdict, Verdict::Pass);
}

#[test]
fn what_can_not_be_told_is_never_a_pass() {
    let by_address = allow(&["iam:CreatePolicyVersion"], "*")
        .replace('}', r#","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}"#);
    let finding = of_role(&[&by_address]);
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(finding.message.contains("iam:CreatePolicyVersion"), "{}", finding.message);
    // With MFA, over TLS and in a Region the policy names it is allowed: a way like any other.
    let with_mfa = allow(&["iam:CreatePolicyVersion"], "*")
        .replace('}', r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true","aws:SecureTransport":"true"}}}"#);
    assert_eq!(of_role(&[&with_mfa]).verdict, Verdict::Fail);
    let in_region = allow(&["lambda:UpdateFunctionCode"], "*")
        .replace('}', r#","Condition":{"StringEquals":{"aws:RequestedRegion":"ap-south-1"}}}"#);
    assert_eq!(of_role(&[&in_region]).verdict, Verdict::Fail);
    let missing = found(|authorization| authorization.roles[0].attached = vec![own("gone")]);
    assert_eq!(missing.verdict, Verdict::Unknown);
    let garbage = found(|authorization| authorization.roles = vec![role("app", "{")]);
    assert_eq!(garbage.verdict, Verdict::Unknown);
    // A certain way stands beside what can't be told.
    let both = beside(&[&by_address], vec![role("sure", &document(&[&allow(&["iam:CreatePolicyVersion"], "*")]))]);
    assert_eq!(both.verdict, Verdict::Fail);
}

#[test]
fn a_thousand_roles_are_judged_from_documents_read_once() {
    let finding = found(|authorization| {
        authorization.roles = (0..1_000)
            .map(|n| IamRole {
                attached: vec![own("shared")],
                tags: BTreeMap::new(),
                ..for_lambda(&format!("r{n}"), LITTLE)
            })
            .collect();
        let actions: Vec<String> = (0..300).map(|n| format!("s3:Get{n}*")).collect();
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        authorization.policies.push(managed(&own("shared"), &document(&[&allow(&actions, "*")])));
    });
    assert_eq!(finding.verdict, Verdict::Pass);
}
