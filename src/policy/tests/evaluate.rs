//! Tests of what policies decide.

use super::{DENY_LEAVE, policy};
use crate::policy::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/path/Audit";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/Audit/orgward";
const USER: &str = "arn:aws:iam::111122223333:user/team/anna";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const FULL: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

fn request(principal: Principal, action: &str, resource: &str) -> Request {
    Request { principal, action: action.to_owned(), resource: resource.to_owned(), context: Context::complete() }
}

fn by_role() -> Principal {
    Principal::session(ROLE, SESSION)
}

/// What one statement, with these elements besides effect, decides for one request.
fn one(effect: &str, elements: &str, request: &Request) -> Decision {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", {elements}}}}}"#);
    evaluate(&[&policy(&text)], request)
}

fn allows(elements: &str, request: &Request) -> bool {
    match one("Allow", elements, request) {
        Decision::Allow => true,
        Decision::NoMatch => false,
        other => panic!("{other:?} for {elements}"),
    }
}

fn cannot_tell(elements: &str, request: &Request) -> bool {
    matches!(one("Allow", elements, request), Decision::CannotTell { .. })
}

/// Whether a condition holds for a role's session, with these context keys.
fn holds(condition: &str, context: Context) -> Option<bool> {
    let request = Request { context, ..request(by_role(), "s3:GetObject", "*") };
    match one("Allow", &format!(r#""Action": "*", "Resource": "*", "Condition": {{{condition}}}"#), &request) {
        Decision::Allow => Some(true),
        Decision::NoMatch => Some(false),
        _ => None,
    }
}

#[test]
fn a_deny_wins_and_names_its_statement() {
    let (full, deny) = (policy(FULL), policy(DENY_LEAVE));
    let leave = request(by_role(), "Organizations:leaveorganization", "*");
    let Decision::Deny { statement } = evaluate(&[&full, &deny], &leave) else { panic!("not denied") };
    assert_eq!((statement.document, statement.index, statement.line), (1, 0, 4));
    assert_eq!(statement.sid.as_deref(), Some("DenyLeave"));
    assert_eq!(evaluate(&[&deny], &request(by_role(), "s3:GetObject", "*")), Decision::NoMatch);
    assert_eq!(evaluate(&[&full, &deny], &request(by_role(), "s3:GetObject", "*")), Decision::Allow);
    assert_eq!(evaluate(&[], &leave), Decision::NoMatch);
}

#[test]
fn actions_match_without_case_and_with_wildcards() {
    let get = request(by_role(), "s3:GetObject", "*");
    for (action, expected) in [
        ("*", true),
        ("*:*", true),
        ("s3:*", true),
        ("S3:get*", true),
        ("s3:G?tObject", true),
        ("s3:*Object", true),
        ("s3:Get", false),
        ("s3:GetObject?", false),
        ("s4:*", false),
    ] {
        assert_eq!(allows(&format!(r#""Action": "{action}", "Resource": "*""#), &get), expected, "{action}");
        assert_eq!(allows(&format!(r#""NotAction": "{action}", "Resource": "*""#), &get), !expected, "{action}");
    }
}

#[test]
fn resources_match_part_by_part() {
    let get = request(by_role(), "logs:Get", "arn:aws:logs:eu-west-1:111122223333:log-group:a:b");
    for (resource, expected) in [
        ("*", true),
        ("arn:*", true),
        ("arn:aws:logs", true),
        ("arn:aws:logs:*", true),
        ("arn:*:logs:eu-*:111122223333:log-group:*", true),
        ("arn:aws:logs:*:*:log-group:?:b", true),
        ("arn:aws:logs:*:log-group:a:b", false),
        ("arn:aws:logs:*:*:log-group:A:b", false),
        ("arn:aws:s3:::*", false),
    ] {
        assert_eq!(allows(&format!(r#""Action": "*", "Resource": "{resource}""#), &get), expected, "{resource}");
        assert_eq!(allows(&format!(r#""Action": "*", "NotResource": "{resource}""#), &get), !expected, "{resource}");
    }
    let any = request(by_role(), "organizations:LeaveOrganization", "*");
    assert!(allows(r#""Action": "*", "Resource": "*""#, &any));
    assert!(!allows(r#""Action": "*", "Resource": "arn:aws:organizations::*:*""#, &any));
}

#[test]
fn a_long_pattern_against_a_long_text_ends() {
    let pattern = "a*".repeat(500);
    let text = "a".repeat(5_000);
    assert!(!crate::policy::matches_wildcards(&format!("{pattern}b"), &text, false));
}

#[test]
fn principals_match_by_account_role_session_and_user() {
    let assume = |principal| request(principal, "sts:AssumeRole", "*");
    for (principal, matching, foreign) in [
        (by_role(), vec!["111122223333", ROOT, ROLE, SESSION, "*"], vec![USER, "444455556666"]),
        (Principal::iam(USER), vec!["111122223333", ROOT, USER, "*"], vec![ROLE, "arn:aws:iam::444455556666:root"]),
        (Principal::iam(ROOT), vec!["111122223333", ROOT], vec![ROLE, "arn:aws:iam::111122223333:role/*"]),
    ] {
        for (names, expected) in [(matching, true), (foreign, false)] {
            for name in names {
                let elements = format!(r#""Action": "sts:AssumeRole", "Principal": {{"AWS": ["{name}"]}}"#);
                assert_eq!(allows(&elements, &assume(principal.clone())), expected, "{name} for {principal:?}");
            }
        }
    }
    let anyone = r#""Action": "sts:AssumeRole", "Principal": "*""#;
    let service = r#""Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}"#;
    let federated = r#""Action": "sts:AssumeRole", "Principal": {"Federated": "accounts.google.com"}"#;
    let ec2 = assume(Principal::service("ec2.amazonaws.com"));
    assert!(allows(anyone, &ec2) && allows(service, &ec2) && !allows(federated, &ec2));
    assert!(!allows(service, &assume(Principal::service("lambda.amazonaws.com"))));
    assert!(!allows(service, &assume(by_role())));
    assert!(allows(federated, &assume(Principal::federated("accounts.google.com"))));
    assert!(cannot_tell(service, &assume(Principal::default())));
    assert!(cannot_tell(r#""Action": "*", "Principal": {"CanonicalUser": "abc"}"#, &assume(by_role())));
}

#[test]
fn not_principal_spares_whoever_is_listed_whole() {
    let deny = |names: &str, principal: Principal| {
        let elements = format!(r#""Action": "*", "NotPrincipal": {{"AWS": [{names}]}}"#);
        one("Deny", &elements, &request(principal, "sts:AssumeRole", "*"))
    };
    let all = format!(r#""{ROOT}", "{ROLE}", "{SESSION}""#);
    assert_eq!(deny(&all, by_role()), Decision::NoMatch);
    assert_eq!(deny(&format!(r#""{ROOT}", "{USER}""#), Principal::iam(USER)), Decision::NoMatch);
    assert_eq!(deny(&format!(r#""{ROOT}""#), Principal::iam(ROOT)), Decision::NoMatch);
    assert!(matches!(deny(&format!(r#""{ROLE}""#), by_role()), Decision::CannotTell { .. }));
    assert!(matches!(deny(&format!(r#""{ROOT}""#), by_role()), Decision::CannotTell { .. }));
    assert!(matches!(deny(r#""444455556666""#, by_role()), Decision::Deny { .. }));
    assert!(matches!(deny(r#""444455556666""#, Principal::iam(ROOT)), Decision::Deny { .. }));
    let by_service = |names: &str, service: &str| {
        let elements = format!(r#""Action": "*", "NotPrincipal": {names}"#);
        one("Deny", &elements, &request(Principal::service(service), "sts:AssumeRole", "*"))
    };
    let ec2 = r#"{"Service": ["ec2.amazonaws.com"]}"#;
    assert_eq!(by_service(ec2, "ec2.amazonaws.com"), Decision::NoMatch);
    assert!(matches!(by_service(ec2, "lambda.amazonaws.com"), Decision::Deny { .. }));
    assert_eq!(by_service(r#""*""#, "lambda.amazonaws.com"), Decision::NoMatch);
    assert!(cannot_tell(r#""Action": "*", "NotPrincipal": {"AWS": "444455556666"}"#, &request(by_role(), "a:b", "*")));
}

#[test]
fn string_conditions() {
    let context = || Context::complete().with("aws:RequestedRegion", "eu-west-1");
    for (condition, expected) in [
        (r#""StringEquals": {"aws:requestedregion": ["us-east-1", "eu-west-1"]}"#, true),
        (r#""StringEquals": {"aws:RequestedRegion": "EU-west-1"}"#, false),
        (r#""StringEquals": {"aws:RequestedRegion": "eu-*"}"#, false),
        (r#""StringEqualsIgnoreCase": {"aws:RequestedRegion": "EU-west-1"}"#, true),
        (r#""StringLike": {"aws:RequestedRegion": "eu-*"}"#, true),
        (r#""StringNotLike": {"aws:RequestedRegion": ["us-*", "eu-*"]}"#, false),
        (r#""StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}"#, true),
        (r#""StringNotEqualsIgnoreCase": {"aws:RequestedRegion": ["EU-WEST-1"]}"#, false),
        (r#""StringEquals": {"aws:missing": "x"}"#, false),
        (r#""StringEqualsIfExists": {"aws:missing": "x"}"#, true),
        (r#""StringNotEquals": {"aws:missing": "x"}"#, true),
        (r#""StringNotEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}"#, false),
        (r#""StringEquals": {"aws:RequestedRegion": []}"#, false),
        (r#""StringEquals": {"aws:RequestedRegion": "eu-west-1"}, "Bool": {"aws:missing": true}"#, false),
    ] {
        assert_eq!(holds(condition, context()), Some(expected), "{condition}");
    }
}

#[test]
fn a_key_nobody_speaks_of_is_not_known() {
    for condition in [
        r#""StringEquals": {"aws:RequestedRegion": "x"}"#,
        r#""StringNotEquals": {"aws:RequestedRegion": "x"}"#,
        r#""StringEqualsIfExists": {"aws:RequestedRegion": "x"}"#,
        r#""Null": {"aws:RequestedRegion": true}"#,
        r#""ForAllValues:StringEquals": {"aws:TagKeys": "x"}"#,
    ] {
        assert_eq!(holds(condition, Context::partial()), None, "{condition}");
        assert!(holds(condition, Context::complete()).is_some(), "{condition}");
    }
    assert_eq!(holds(r#""StringEquals": {"k": "x"}"#, Context::partial().without("K")), Some(false));
    // Another condition that fails for certain settles it.
    let both = r#""StringEquals": {"aws:unsaid": "x", "aws:PrincipalAccount": "444455556666"}"#;
    assert_eq!(holds(both, Context::partial()), Some(false));
}

#[test]
fn what_follows_from_the_principal_is_known() {
    for (condition, expected) in [
        (r#""ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"}"#, false),
        (r#""ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/*/Audit"}"#, true),
        (r#""ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/path/*"]}"#, false),
        (r#""ArnNotEquals": {"aws:PrincipalArn": ["arn:aws:iam::*:role/other"]}"#, true),
        (r#""StringEquals": {"aws:PrincipalAccount": "111122223333"}"#, true),
        (r#""StringEquals": {"aws:PrincipalType": "AssumedRole"}"#, true),
        (r#""Null": {"aws:username": "true"}"#, true),
        (r#""Bool": {"aws:PrincipalIsAWSService": "false"}"#, true),
        (r#""Null": {"aws:PrincipalServiceName": "false"}"#, false),
    ] {
        assert_eq!(holds(condition, Context::partial()), Some(expected), "{condition}");
    }
    let user = |key: &str| request(Principal::iam(USER), "a:b", "*").value(key);
    assert_eq!(user("aws:username"), Value::Present(vec!["anna".into()]));
    assert_eq!(user("aws:PrincipalType"), Value::Present(vec!["User".into()]));
    let root = request(Principal::iam(ROOT), "a:b", "*");
    assert_eq!(root.value("AWS:PRINCIPALTYPE"), Value::Present(vec!["Account".into()]));
    let service = Request { context: Context::partial(), ..request(Principal::service("x.amazonaws.com"), "a:b", "*") };
    assert_eq!(service.value("aws:PrincipalIsAWSService"), Value::Present(vec!["true".into()]));
    assert_eq!(service.value("aws:PrincipalArn"), Value::Absent);
    assert_eq!(service.value("aws:SourceArn"), Value::Unknown);
}

#[test]
fn booleans_numbers_and_null() {
    let context =
        || Context::complete().with("aws:MultiFactorAuthPresent", "false").with("n", "10").with("odd", "maybe");
    for (condition, expected) in [
        (r#""Bool": {"aws:MultiFactorAuthPresent": "False"}"#, Some(true)),
        (r#""Bool": {"aws:MultiFactorAuthPresent": true}"#, Some(false)),
        (r#""BoolIfExists": {"aws:missing": false}"#, Some(true)),
        (r#""Bool": {"odd": true}"#, None),
        (r#""Null": {"aws:MultiFactorAuthPresent": "true"}"#, Some(false)),
        (r#""Null": {"aws:missing": "true"}"#, Some(true)),
        (r#""Null": {"aws:missing": "perhaps"}"#, None),
        (r#""NumericEquals": {"n": "10.0"}"#, Some(true)),
        (r#""NumericNotEquals": {"n": 10}"#, Some(false)),
        (r#""NumericLessThan": {"n": 10}"#, Some(false)),
        (r#""NumericLessThanEquals": {"n": 10}"#, Some(true)),
        (r#""NumericGreaterThan": {"n": "9"}"#, Some(true)),
        (r#""NumericGreaterThanEquals": {"n": "11"}"#, Some(false)),
        (r#""NumericGreaterThanIfExists": {"aws:missing": "9"}"#, Some(true)),
        (r#""NumericEquals": {"odd": "1"}"#, None),
        (r#""DateLessThan": {"n": "2030-01-01T00:00:00Z"}"#, Some(true)),
        (r#""IpAddress": {"n": "10.0.0.0/8"}"#, None),
        (r#""StringAlmost": {"n": "10"}"#, None),
        (r#""ArnLike": {"aws:PrincipalArn": "*"}"#, None),
    ] {
        assert_eq!(holds(condition, context()), expected, "{condition}");
    }
}

#[test]
fn sets_of_values() {
    let context = || Context::complete().with_all("aws:TagKeys", ["a", "b"]).with("one", "a").with_all("none", []);
    for (condition, expected) in [
        (r#""ForAnyValue:StringEquals": {"aws:TagKeys": ["b", "c"]}"#, Some(true)),
        (r#""ForAnyValue:StringEquals": {"aws:TagKeys": ["c"]}"#, Some(false)),
        (r#""ForAllValues:StringEquals": {"aws:TagKeys": ["b"]}"#, Some(false)),
        (r#""ForAllValues:StringLike": {"aws:TagKeys": ["?"]}"#, Some(true)),
        (r#""ForAllValues:StringEquals": {"aws:missing": ["b"]}"#, Some(true)),
        (r#""ForAllValues:StringEquals": {"none": ["b"]}"#, Some(true)),
        (r#""ForAnyValue:StringEquals": {"aws:missing": ["b"]}"#, Some(false)),
        (r#""ForAnyValue:StringNotEquals": {"aws:TagKeys": ["a"]}"#, Some(true)),
        (r#""ForAllValues:StringNotEquals": {"aws:TagKeys": ["a"]}"#, Some(false)),
        (r#""ForAnyValue:StringEquals": {"one": ["a"]}"#, Some(true)),
        (r#""StringEquals": {"aws:TagKeys": "a"}"#, None),
        (r#""ForAnyValue:Null": {"aws:TagKeys": "true"}"#, None),
    ] {
        assert_eq!(holds(condition, context()), expected, "{condition}");
    }
}

#[test]
fn policy_variables_are_put_in_where_they_are_known() {
    let context =
        || Context::complete().with("aws:ResourceAccount", "111122223333").with("star", "a*c").with("abc", "abc");
    for (condition, expected) in [
        (r#""StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}"#, Some(true)),
        (r#""StringNotEquals": {"aws:ResourceAccount": "${AWS:principalaccount}"}"#, Some(false)),
        (r#""ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:ResourceAccount}:role/*"}"#, Some(true)),
        (r#""StringEquals": {"abc": "${aws:missing, 'abc'}"}"#, Some(true)),
        (r#""StringEquals": {"abc": "${aws:missing}"}"#, Some(false)),
        (r#""StringNotEquals": {"abc": "${aws:missing}"}"#, Some(true)),
        (r#""StringNotLike": {"abc": ["${aws:missing}*", "abc"]}"#, Some(false)),
        (r#""StringLike": {"abc": "${star}"}"#, Some(false)),
        (r#""StringLike": {"star": "a${*}?"}"#, Some(true)),
        (r#""StringEquals": {"abc": "${never ends"}"#, None),
        (r#""StringEquals": {"abc": "${aws:missing, abc}"}"#, None),
    ] {
        assert_eq!(holds(condition, context()), expected, "{condition}");
    }
    let own = r#""Action": "iam:*", "Resource": "arn:aws:iam::*:user/team/${aws:username}""#;
    assert!(allows(own, &request(Principal::iam(USER), "iam:ChangePassword", USER)));
    assert!(!allows(own, &request(by_role(), "iam:ChangePassword", USER)));
    let unsaid = Request { context: Context::partial(), ..request(by_role(), "iam:ChangePassword", USER) };
    assert!(cannot_tell(r#""Action": "iam:*", "Resource": "arn:aws:iam::*:user/${aws:userid}""#, &unsaid));
    // The older version has no variables.
    let old = policy(
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"abc": "${aws:PrincipalAccount}"}}}}"#,
    );
    let literal = Context::complete().with("abc", "${aws:PrincipalAccount}");
    let request = Request { context: literal, ..request(by_role(), "a:b", "*") };
    assert_eq!(evaluate(&[&old], &request), Decision::Allow);
}

#[test]
fn what_cannot_be_told_poisons() {
    let unknown = r#""Condition": {"StringAlmost": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}"#;
    let text = |effect: &str, action: &str, more: &str| {
        policy(&format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "S", "Effect": "{effect}", "Action": "{action}", "Resource": "*"{more}}}}}"#
        ))
    };
    let with = |effect, action| text(effect, action, &format!(", {unknown}"));
    let (full, deny, maybe_deny, maybe_allow) =
        (policy(FULL), text("Deny", "*", ""), with("Deny", "s3:*"), with("Allow", "s3:*"));
    let get = request(by_role(), "s3:GetObject", "*");
    let Decision::CannotTell { why } = evaluate(&[&full, &maybe_deny], &get) else { panic!("told") };
    assert_eq!(why, "Deny statement `S` (number 1): condition operator `StringAlmost` does not exist");
    assert!(matches!(evaluate(&[&maybe_deny], &get), Decision::CannotTell { .. }));
    assert!(matches!(evaluate(&[&maybe_allow], &get), Decision::CannotTell { .. }));
    assert!(matches!(evaluate(&[&maybe_deny, &deny], &get), Decision::Deny { .. }));
    assert_eq!(evaluate(&[&full, &maybe_allow], &get), Decision::Allow);
    let other = request(by_role(), "ec2:RunInstances", "*");
    assert_eq!(evaluate(&[&full, &maybe_deny], &other), Decision::Allow);
    assert_eq!(evaluate(&[&maybe_allow], &other), Decision::NoMatch);
}

#[test]
fn a_chain_needs_an_allow_at_every_level() {
    let (full, deny) = (policy(FULL), policy(DENY_LEAVE));
    let s3 =
        policy(r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#);
    let maybe = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"StringAlmost": {"aws:SourceIp": "10.0.0.0/8"}}}}"#,
    );
    let get = request(by_role(), "s3:GetObject", "*");
    let run = request(by_role(), "ec2:RunInstances", "*");
    let leave = request(by_role(), "organizations:LeaveOrganization", "*");
    let chain = [vec![&full], vec![&full, &deny], vec![&s3]];
    assert_eq!(evaluate_chain(&chain, &get), Decision::Allow);
    assert_eq!(evaluate_chain(&chain, &run), Decision::NoMatch);
    let Decision::Deny { statement } = evaluate_chain(&chain, &leave) else { panic!("not denied") };
    assert_eq!((statement.level, statement.document, statement.sid.as_deref()), (1, 1, Some("DenyLeave")));
    assert_eq!(evaluate_chain(&[vec![&full], vec![]], &get), Decision::NoMatch);
    assert_eq!(evaluate_chain(&[], &get), Decision::Allow);
    assert!(matches!(evaluate_chain(&[vec![&full], vec![&maybe]], &get), Decision::CannotTell { .. }));
    assert_eq!(evaluate_chain(&[vec![&maybe], vec![&s3]], &run), Decision::NoMatch);
    assert!(matches!(evaluate_chain(&[vec![&maybe], vec![&deny]], &leave), Decision::Deny { .. }));
}

#[test]
fn an_mfa_guard_bound_to_users_spares_roles() {
    let guard = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Sid": "RequireMfa", "Effect": "Deny",
            "NotAction": ["iam:EnableMFADevice", "iam:ChangePassword", "sts:GetSessionToken"], "Resource": "*",
            "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:*:iam::*:user/*"},
                          "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}}"#,
    );
    let full = policy(FULL);
    let decide = |principal: Principal, action: &str, context: Context| {
        evaluate(&[&full, &guard], &Request { context, ..request(principal, action, "*") })
    };
    let denied = |decision: Decision| matches!(decision, Decision::Deny { .. });
    assert!(denied(decide(Principal::iam(USER), "s3:GetObject", Context::complete())));
    assert!(!denied(decide(Principal::iam(USER), "iam:EnableMFADevice", Context::complete())));
    let with_mfa = Context::complete().with("aws:MultiFactorAuthPresent", "true");
    assert_eq!(decide(Principal::iam(USER), "s3:GetObject", with_mfa), Decision::Allow);
    assert_eq!(decide(by_role(), "s3:GetObject", Context::partial()), Decision::Allow);
    assert_eq!(decide(Principal::service("ec2.amazonaws.com"), "s3:GetObject", Context::complete()), Decision::Allow);
}
