//! Tests of reading, linting and comparing policies.

mod evaluate;
mod operators;
mod packing;
mod properties;

use super::*;

/// A policy that must parse.
fn policy(text: &str) -> Document {
    Document::parse(text).unwrap_or_else(|errors| panic!("{errors:?} in {text}"))
}

/// The errors as `line:column message`.
fn errors(text: &str) -> Vec<String> {
    told(&Document::parse(text).err().unwrap_or_default())
}

fn told(errors: &[PolicyError]) -> Vec<String> {
    errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.message)).collect()
}

const DENY_LEAVE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "DenyLeave",
      "Effect": "Deny",
      "Action": "organizations:LeaveOrganization",
      "Resource": "*"
    }
  ]
}"#;

#[test]
fn a_policy_is_read_with_its_positions() {
    let policy = policy(DENY_LEAVE);
    assert_eq!(policy.version(), Version::V2012);
    let statement = &policy.statements()[0];
    assert_eq!((statement.sid(), statement.effect()), (Some("DenyLeave"), Effect::Deny));
    assert_eq!(statement.actions(), ["organizations:LeaveOrganization"]);
    assert_eq!(statement.resources(), ["*"]);
    assert_eq!((statement.line(), statement.column()), (4, 5));
    assert!(statement.conditions().is_empty() && statement.principals().is_none());
}

#[test]
fn one_statement_needs_no_list_and_values_may_be_numbers_and_booleans() {
    let policy = policy(
        r#"{"Statement": {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:s3:::a",
            "Condition": {"Bool": {"aws:SecureTransport": true}, "NumericLessThan": {"s3:max-keys": [10, "20"]}}}}"#,
    );
    assert_eq!(policy.version(), Version::V2008);
    let statement = &policy.statements()[0];
    assert_eq!(statement.not_actions(), ["iam:*", "sts:*"]);
    let values: Vec<_> = statement.conditions().iter().map(|line| line.values.clone()).collect();
    assert_eq!(values, [vec!["true"], vec!["10", "20"]]);
}

#[test]
fn text_that_is_not_json_is_told_with_its_place() {
    for (text, at) in [
        ("", "1:1 not JSON"),
        ("   ", "1:1 not JSON"),
        ("{\n  \"Version\": \"2012-10-17\",\n}", "2:"),
        ("{\n  // no\n}", "2:3 not JSON"),
        ("{'Version': 1}", "1:2 not JSON"),
        ("{\"a\": 0x1}", "1:7 not JSON"),
        ("{} {}", "1:4 not JSON"),
        ("{\"a\": \"b\nc\"}", "2:1 not JSON: control character"),
        ("{\"a\": \"\\ud800\"}", "1:"),
        ("{\"a\": tru}", "1:7 not JSON"),
        ("\u{feff}{}", "1:1 not JSON"),
    ] {
        let told = errors(text);
        assert_eq!(told.len(), 1, "{text}: {told:?}");
        assert!(told[0].starts_with(at), "{text}: {told:?}");
        assert!(told[0].contains("not JSON"), "{text}: {told:?}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(errors(&deep).len(), 1);
}

#[test]
fn every_error_of_a_policy_is_told_at_once() {
    let text = r#"{
  "Version": "2012-10-18",
  "Statment": [],
  "Statement": [
    {"Effect": "deny", "Action": "s3:*", "Resource": "*"},
    {"Effect": "Deny", "NotAction": 5, "Action": [], "Principal": "me"},
    {"Resource": "*", "Resource": "*", "Principal": {"AWS": "*", "aws": "*"}},
    7
  ]
}"#;
    assert_eq!(
        errors(text),
        [
            "2:14 `Version` is `2012-10-18`, it must be `2012-10-17`",
            "3:3 unknown element `Statment` in a policy, did you mean `Statement`?",
            "5:16 `Effect` is `deny`, it must be `Allow` or `Deny`",
            "6:5 a statement can't have both `Action` and `NotAction`, keep one",
            "6:37 `NotAction` must be a string or a list of strings, not a number",
            "6:50 `Action` must name at least one thing, the list is empty",
            "6:67 `Principal` is `me`, as a string it must be `*`, else {\"AWS\": ...}",
            "7:5 a statement needs `Action` or `NotAction`",
            "7:5 a statement needs `Effect`, `Allow` or `Deny`",
            "7:23 key `Resource` is given twice, keep one",
            "7:66 unknown element `aws` in `Principal`, did you mean `AWS`?",
            "8:5 a statement must be an object, not a number",
        ]
    );
}

#[test]
fn the_shape_of_a_policy_is_checked() {
    for (text, told) in [
        ("[]", "1:1 a policy must be an object, not a list"),
        ("{}", "1:1 a policy needs `Statement`"),
        (r#"{"Statement": []}"#, "1:15 `Statement` must hold at least one statement, the list is empty"),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": "x"}}}"#,
            "1:72 `Bool` must be an object, not a string",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": {"k": null}}}}"#,
            "1:78 a value of `k` must be text, number or boolean, not null",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "*", "Principal": {}}}"#,
            "1:63 `Principal` must name someone, the object is empty",
        ),
        (r#"{"é": 1, "Statement": {"Effect": "Allow", "Action": "*"}}"#, "1:2 unknown element `é` in a policy"),
    ] {
        assert_eq!(errors(text), [told], "{text}");
    }
}

#[test]
fn hostile_names_are_cut_and_escaped_in_messages() {
    let text = format!(r#"{{"\u001b[31m{}": 1, "Statement": {{"Effect": "Allow", "Action": "*"}}}}"#, "x".repeat(500));
    let told = errors(&text);
    assert!(told[0].contains("\\u{1b}[31m") && told[0].len() < 200, "{told:?}");
    assert!(told[0].chars().all(|c| !c.is_control()));
}

#[test]
fn an_external_id_is_never_shown() {
    let text = r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"},
        "Condition": {"StringEquals": {"STS:externalid": "s3cr3t-id", "aws:PrincipalOrgID": "o-1"}}}}"#;
    let policy = policy(text);
    let context = Context::partial().with("sts:ExternalId", "s3cr3t-id").with("aws:PrincipalOrgID", "o-1");
    let shown = format!("{policy:?} {context:?}");
    assert!(!shown.contains("s3cr3t-id") && shown.contains("o-1"), "{shown}");
}

#[test]
fn minify_drops_white_space_only() {
    let text = "{ \"b\" : [ 1.50, -2e3 , true, null ],\n\t\"a\": \" \\u0041\\/\\n é \" }";
    assert_eq!(minify(text), Ok("{\"b\":[1.50,-2e3,true,null],\"a\":\" A/\\n é \"}".to_owned()));
    assert!(minify("{\"a\": 1, \"a\": 2}").is_err());
    assert!(minify("{").is_err());
    let small = minify(DENY_LEAVE).unwrap_or_default();
    assert!(same_meaning(DENY_LEAVE, &small));
    assert_eq!(minify(&small), Ok(small.clone()));
    assert!(size(&small).characters < size(DENY_LEAVE).characters);
}

#[test]
fn size_counts_characters_and_bytes() {
    assert_eq!(size("é *"), Size { characters: 3, bytes: 4 });
    assert_eq!(size(""), Size { characters: 0, bytes: 0 });
}

#[test]
fn what_changes_nothing_keeps_the_meaning() {
    let one = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "A", "Effect": "Deny", "Action": ["s3:Get*", "s3:PUTObject"], "Resource": "*",
         "Condition": {"Bool": {"aws:SecureTransport": "False"}, "StringEquals": {"aws:PrincipalOrgID": ["b", "a"]}}},
        {"Effect": "Allow", "Action": "sts:AssumeRole",
         "Principal": {"AWS": ["arn:aws:iam::111122223333:root"], "Service": "ec2.amazonaws.com"}}]}"#;
    let two = r#"{"Statement": [
        {"Principal": {"Service": ["ec2.amazonaws.com"], "AWS": "111122223333"},
         "Action": ["sts:assumerole"], "Effect": "Allow"},
        {"Condition": {"StringEquals": {"AWS:PrincipalOrgId": ["a", "b", "a"]}, "Bool": {"aws:securetransport": false}},
         "Resource": ["*"], "Action": ["s3:putobject", "s3:get*"], "Effect": "Deny", "Sid": "A"}],
        "Version": "2012-10-17"}"#;
    assert!(same_meaning(one, two));
    assert!(same_meaning(
        r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Condition": {}}}"#,
        r#"{"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}"#,
    ));
}

#[test]
fn what_changes_something_is_a_difference() {
    for other in [
        DENY_LEAVE.replace("Deny\"", "Allow\""),
        DENY_LEAVE.replace("2012", "2008"),
        DENY_LEAVE.replace("\"Action\"", "\"NotAction\""),
        DENY_LEAVE.replace("\"*\"", "\"arn:aws:s3:::A\""),
        DENY_LEAVE.replace("\"*\"", "[\"*\"], \"Condition\": {\"Bool\": {\"a\": true}}"),
        DENY_LEAVE.replace("DenyLeave", "Other"),
    ] {
        assert!(!same_meaning(DENY_LEAVE, &other), "{other}");
    }
    assert!(!same_meaning(
        r#"{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"k": "a", "K": "b"}}}}"#,
        r#"{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"k": ["a", "b"]}}}}"#,
    ));
}

#[test]
fn text_that_cannot_be_read_is_compared_letter_by_letter() {
    assert!(same_meaning("{", "{"));
    assert!(!same_meaning("{", "{ "));
    assert!(!same_meaning("{", DENY_LEAVE));
}

#[test]
fn an_scp_is_held_to_its_rules() {
    assert_eq!(lint(&policy(DENY_LEAVE), Rules::Scp), []);
    let bad = policy(
        r#"{
  "Statement": [
    {"Sid": "no spaces", "Effect": "Deny", "Principal": "*", "Action": "s3*"},
    {"Sid": "A", "Effect": "Allow", "Action": ["*:*", "s3:Get?bject*", "a:b c"], "Resource": ["*", "bucket"]},
    {"Sid": "A", "Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::x",
     "Condition": {"StringEqual": {"k": "v"}, "ForAnyValue:StringLikeIfExists": {"k": "v"}, "NullIfExists": {"k": "true"}}}
  ]
}"#,
    );
    assert_eq!(
        told(&lint(&bad, Rules::Scp)),
        [
            "1:1 an SCP needs `Version` `2012-10-17`",
            "3:5 a statement of an SCP needs `Resource` or `NotResource`",
            "3:6 `Sid` `no spaces` may only hold letters and digits (A-Z, a-z, 0-9)",
            "3:44 an SCP can't have `Principal`, remove it",
            "3:62 action `s3*` must be `service:Name` or `*`",
            "4:37 action `a:b c` must be `service:Name` or `*`",
            "4:82 resource `bucket` must be an ARN or `*`",
            "5:6 `Sid` `A` is used twice, each must be unique",
            "6:6 operator `NullIfExists` does not exist, use `Null`",
            "6:6 unknown condition operator `StringEqual`, did you mean `StringEquals`?",
        ]
    );
}

#[test]
fn an_rcp_is_held_to_its_rules() {
    let good = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}}}"#,
    );
    assert_eq!(lint(&good, Rules::Rcp), []);
    let bad = policy(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "NotPrincipal": "*", "NotAction": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:*"},
            {"Effect": "Deny", "Principal": "*", "Action": ["s3:*", "ec2:*"], "Resource": "*"}]}"#,
    );
    let told = told(&lint(&bad, Rules::Rcp)).join("\n");
    for part in [
        "`Effect` `Deny`",
        "must be `\"*\"`",
        "can't name action `*`",
        "`NotPrincipal`",
        "`NotAction`",
        "needs `Principal`",
        "needs `Resource`",
        "RCPs do not support service `ec2`, remove `ec2:*`",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_trust_policy_is_held_to_its_rules() {
    let good = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Sid": "let us in", "Effect": "Allow",
            "Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/a", "AROAEXAMPLEEXAMPLE", "*"]},
            "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {"StringEquals": {"sts:ExternalId": "x1"}}}}"#,
    );
    assert_eq!(lint(&good, Rules::Trust), []);
    let bad = policy(
        r#"{"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["me", "arn:aws:iam::*:role/a"]}, "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Action": "sts:AssumeRole"},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:Get"}]}"#,
    );
    let told = told(&lint(&bad, Rules::Trust));
    assert_eq!(told.len(), 7, "{told:#?}");
}

#[test]
fn a_value_that_its_operator_can_never_compare_is_told_without_the_value() {
    let bad = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
  "DateLessThan": {"k": ["2030-01-01", "s3cret"]},
  "NotIpAddress": {"k": "10.0.0.0/33"},
  "NumericEquals": {"k": "ten"},
  "Bool": {"k": "${aws:username}", "l": "yes"},
  "BinaryEquals": {"k": "???"},
  "Null": {"k": "maybe"},
  "IpAddressIfExists": {"k": ["2001:db8::/32", "203.0.113.7"]},
  "ForAnyValue:DateGreaterThan": {"k": ["1767225600", "2030-01", "2030-01-01T00:00Z"]}}}}"#,
    );
    let told = told(&lint(&bad, Rules::Scp)).join("\n");
    assert!(!told.contains("s3cret") && told.lines().count() == 6, "{told}");
    for part in ["a date", "a CIDR range", "a number", "`l` under `Bool` must be `true` or `false`", "base64"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn identity_and_session_policies_name_no_one() {
    let trust =
        policy(r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}}"#);
    for rules in [Rules::Identity, Rules::Session] {
        assert_eq!(lint(&trust, rules).len(), 1);
        assert_eq!(lint(&policy(DENY_LEAVE), rules), []);
    }
}
