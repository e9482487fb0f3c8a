//! Principals and everything that holds for each.

use super::super::fixtures::{self, LITTLE, MEMBER, role};
use super::*;
use crate::model::AccountFacts;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::iam::{IamGroup, IamRole, ManagedPolicy};

const META: CheckMeta = CheckMeta {
    id: "test",
    title: "",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "",
    remediation: Remediation { console: "", cli: "", playbook: None },
    references: &[],
    facts: &[Fact::Organization, Fact::Authorization],
};

const NO_IAM: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}]}"#;

fn managed(name: &str, document: Option<&str>) -> ManagedPolicy {
    ManagedPolicy {
        name: name.to_owned(),
        arn: format!("arn:aws:iam::{MEMBER}:policy/{name}"),
        attachment_count: 1,
        document: document.map(str::to_owned),
    }
}

fn own(name: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:policy/{name}")
}

/// The account with these groups' policies for `ann`, these roles and these managed policies.
fn account(groups: Vec<IamGroup>, roles: Vec<IamRole>, policies: Vec<ManagedPolicy>) -> AccountFacts {
    fixtures::with_authorization(|authorization| {
        for user in &mut authorization.users {
            user.groups = groups.iter().map(|group| group.name.clone()).collect();
        }
        authorization.groups = groups;
        authorization.roles = roles;
        authorization.policies = policies;
    })
}

/// How much the principal with this name may do.
fn standing(facts: &AccountFacts, name: &str) -> Standing {
    let org = fixtures::org();
    let principals = Principals::of(&mut Facts::new(&META, &org, Some(facts))).unwrap();
    let holder = principals.holders().iter().find(|holder| holder.name == name).unwrap();
    principals.standing(holder)
}

fn of_role(document: &str) -> Standing {
    standing(&account(vec![], vec![role("app", document)], vec![]), "app")
}

#[test]
fn administrators_are_told_from_others() {
    let one = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    for everything in [
        r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"*:*","Resource":"arn:*"}"#,
        r#"{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"organizations:*","Resource":"*"}"#,
    ] {
        assert_eq!(of_role(&one(everything)), Standing::Administrator, "{everything}");
    }
    for less in [
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a/*"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","NotAction":"s3:*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}}"#,
    ] {
        assert_eq!(of_role(&one(less)), Standing::Less, "{less}");
    }
    assert_eq!(of_role(NO_IAM), Standing::PowerUser);
    let somewhere =
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}"#;
    assert!(matches!(of_role(&one(somewhere)), Standing::CannotTell(_)));
}

#[test]
fn policies_of_groups_and_aws_s_own_are_joined() {
    let group = |name: &str, attached: &[&str]| IamGroup {
        name: name.to_owned(),
        arn: format!("arn:aws:iam::{MEMBER}:group/{name}"),
        inline: Vec::new(),
        attached: attached.iter().map(|arn| (*arn).to_owned()).collect(),
    };
    let power = own("power");
    let iam = own("iam");
    let policies = vec![
        managed("power", Some(NO_IAM)),
        managed(
            "iam",
            Some(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#),
        ),
    ];
    let both = account(vec![group("a", &[&power]), group("b", &[&iam])], vec![], policies.clone());
    assert_eq!(standing(&both, "ann"), Standing::Administrator);
    assert_eq!(standing(&both, "a"), Standing::PowerUser);
    let one = account(vec![group("a", &[&power])], vec![], policies);
    assert_eq!(standing(&one, "ann"), Standing::PowerUser);
    // AWS's own administrator policy is known without its document.
    let admin = account(vec![group("a", &["arn:aws:iam::aws:policy/AdministratorAccess"])], vec![], vec![]);
    assert_eq!(standing(&admin, "ann"), Standing::Administrator);
}

#[test]
fn a_boundary_and_a_missing_document_are_minded() {
    let bounded = |boundary: &str, policies| {
        let admin = IamRole { boundary: Some(own(boundary)), ..role("app", EVERYTHING) };
        standing(&account(vec![], vec![admin], policies), "app")
    };
    assert_eq!(bounded("narrow", vec![managed("narrow", Some(LITTLE))]), Standing::Less);
    assert_eq!(bounded("no-iam", vec![managed("no-iam", Some(NO_IAM))]), Standing::PowerUser);
    assert_eq!(bounded("wide", vec![managed("wide", Some(EVERYTHING))]), Standing::Administrator);
    for policies in [vec![], vec![managed("gone", None)], vec![managed("gone", Some("{}"))]] {
        assert!(matches!(bounded("gone", policies), Standing::CannotTell(_)));
    }
    let attached = IamRole { attached: vec![own("gone")], ..role("app", LITTLE) };
    assert!(matches!(standing(&account(vec![], vec![attached], vec![]), "app"), Standing::CannotTell(_)));
}

#[test]
fn each_managed_policy_is_read_once_and_service_linked_roles_are_left_out() {
    let roles = (0..50).map(|n| IamRole {
        inline: Vec::new(),
        attached: vec![own("shared")],
        boundary: Some(own("shared")),
        ..role(&format!("app-{n}"), LITTLE)
    });
    let linked = IamRole { path: "/aws-service-role/x.amazonaws.com/".to_owned(), ..role("linked", EVERYTHING) };
    let facts = account(vec![], roles.chain([linked]).collect(), vec![managed("shared", Some(LITTLE))]);
    let org = fixtures::org();
    let principals = Principals::of(&mut Facts::new(&META, &org, Some(&facts))).unwrap();
    assert_eq!(principals.documents().count(), 1);
    assert_eq!(principals.holders().len(), 51, "50 roles and ann");
}
