//! Tests of dates, numbers, binary values, addresses and their sets; of chains of RCPs.

use super::policy;
use crate::policy::*;

/// Whether a condition holds in a complete context; `None` if it can't be told.
fn holds(condition: &str, context: Context) -> Option<bool> {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {{{condition}}}}}}}"#
    );
    let principal = Principal::iam("arn:aws:iam::111122223333:user/anna");
    let request = Request { principal, action: "s3:GetObject".into(), resource: "*".into(), context };
    match evaluate(&[&policy(&text)], &request) {
        Decision::Allow => Some(true),
        Decision::NoMatch => Some(false),
        _ => None,
    }
}

fn told(key: &str, value: &str, cases: &[(&str, &str, Option<bool>)]) {
    for (operator, wanted, expected) in cases {
        let condition = format!(r#""{operator}": {{"{key}": "{wanted}"}}"#);
        let context = Context::complete().with(key, value);
        assert_eq!(holds(&condition, context), *expected, "{condition} for {value}");
    }
}

#[test]
fn dates_are_moments_however_they_are_written() {
    let noon = "2026-01-01T12:00:00Z";
    let cases = [
        ("DateEquals", "2026-01-01T13:00:00+01:00", Some(true)),
        ("DateEquals", "1767268800", Some(true)),
        ("DateEquals", "2026-01-01T12:00Z", Some(true)),
        ("DateEquals", "2026-01-01", Some(false)),
        ("DateNotEquals", "2026-01-01", Some(true)),
        ("DateGreaterThan", "2026-01-01", Some(true)),
        ("DateGreaterThan", "2026-01", Some(true)),
        ("DateGreaterThanEquals", noon, Some(true)),
        ("DateGreaterThan", noon, Some(false)),
        ("DateLessThan", "2026-01-01T12:00:00.001Z", Some(true)),
        ("DateLessThanEquals", "2025-12-31T23:59:59Z", Some(false)),
        ("DateLessThan", "2026-01-02T00:00:00", None),
        ("DateLessThan", "2027", None),
        ("DateLessThan", "tomorrow", None),
        ("DateLessThan", "${aws:CurrentTime}", None),
        ("DateLessThan", "9999999999999999", None),
    ];
    told("aws:CurrentTime", noon, &cases);
    told("aws:EpochTime", "1767268800", &cases);
    assert_eq!(holds(r#""DateLessThanIfExists": {"k": "2026-01-01"}"#, Context::complete()), Some(true));
    assert_eq!(holds(r#""DateNotEquals": {"k": "2026-01-01"}"#, Context::complete()), Some(true));
    assert_eq!(holds(r#""DateEquals": {"k": "2026-01-01"}"#, Context::partial()), None);
}

#[test]
fn operators_are_named_in_any_case() {
    let cases = [
        ("stringEquals", "us-east-1", Some(true)),
        ("STRINGEQUALS", "eu-west-1", Some(false)),
        ("stringnotlike", "us-*", Some(false)),
        ("stringLikeIfexists", "us-*", Some(true)),
        ("forAnyValue:stringLike", "us-*", Some(true)),
        ("FORALLVALUES:StringEquals", "eu-west-1", Some(false)),
        ("null", "false", Some(true)),
        ("stringEqual", "us-east-1", None),
        ("forAllValue:stringEquals", "us-east-1", None),
    ];
    told("aws:RequestedRegion", "us-east-1", &cases);
    told("aws:MultiFactorAuthPresent", "true", &[("bool", "TRUE", Some(true)), ("boolIfExists", "false", Some(false))]);
    assert_eq!(holds(r#""stringequalsifexists": {"k": "x"}"#, Context::complete()), Some(true));
    assert_eq!(holds(r#""forallvalues:stringequals": {"k": "x"}"#, Context::complete()), Some(true));
    let scp = |operator: &str| {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"OPERATOR": {"k": "1"}}}}"#;
        lint(&policy(&text.replace("OPERATOR", operator)), Rules::Scp)
    };
    assert!(scp("stringEquals").is_empty() && scp("forAnyValue:NumericLessThanIFEXISTS").is_empty());
    assert_eq!(scp("bool").len(), 1, "1 is no boolean");
    assert_eq!(scp("nullIfExists").len(), 1);
}

#[test]
fn addresses_are_compared_by_their_bits() {
    told(
        "aws:SourceIp",
        "203.0.113.7",
        &[
            ("IpAddress", "203.0.113.0/24", Some(true)),
            ("IpAddress", "203.0.113.200/24", Some(true)),
            ("IpAddress", "203.0.113.7", Some(true)),
            ("IpAddress", "203.0.113.7/32", Some(true)),
            ("IpAddress", "203.0.113.6/31", Some(true)),
            ("IpAddress", "203.0.113.8", Some(false)),
            ("IpAddress", "0.0.0.0/0", Some(true)),
            ("NotIpAddress", "0.0.0.0/0", Some(false)),
            ("NotIpAddress", "10.0.0.0/8", Some(true)),
            ("NotIpAddress", "2001:db8::/32", Some(true)),
            ("IpAddress", "::/0", Some(false)),
            ("IpAddress", "::ffff:203.0.113.7", None),
            ("IpAddress", "203.0.113.0/33", None),
            ("IpAddress", "203.0.113.0/+8", None),
            ("IpAddress", "203.0.113.0/", None),
            ("IpAddress", "203.0.113", None),
            ("IpAddress", "203.0.113.*", None),
        ],
    );
    told(
        "aws:SourceIp",
        "2001:db8:0:1::5",
        &[
            ("IpAddress", "2001:DB8::/32", Some(true)),
            ("IpAddress", "2001:db8:0:1:0:0:0:5", Some(true)),
            ("IpAddress", "2001:db8:0:2::/64", Some(false)),
            ("NotIpAddress", "2001:db8:0:2::/64", Some(true)),
            ("IpAddress", "::/0", Some(true)),
            ("IpAddress", "2001:db8::/129", None),
            ("IpAddress", "0.0.0.0/0", Some(false)),
            ("NotIpAddress", "10.0.0.1", Some(true)),
        ],
    );
    let sets = |condition: &str| holds(condition, Context::complete().with_all("ips", ["10.0.0.1", "192.0.2.1"]));
    assert_eq!(sets(r#""ForAllValues:IpAddress": {"ips": "10.0.0.0/8"}"#), Some(false));
    assert_eq!(sets(r#""ForAnyValue:IpAddress": {"ips": "10.0.0.0/8"}"#), Some(true));
    assert_eq!(sets(r#""ForAllValues:NotIpAddress": {"ips": "172.16.0.0/12"}"#), Some(true));
    let several = r#""NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}"#;
    assert_eq!(holds(several, Context::complete().with("aws:SourceIp", "192.0.2.9")), Some(false));
    assert_eq!(holds(several, Context::complete()), Some(true));
}

#[test]
fn binary_values_are_compared_by_their_bytes() {
    told(
        "k",
        "QmluYXJ5",
        &[
            ("BinaryEquals", "QmluYXJ5", Some(true)),
            ("BinaryEquals", "qmluyxj5", Some(false)),
            ("BinaryEquals", "${k}", Some(true)),
            ("BinaryEqualsIfExists", "QQ==", Some(false)),
            ("BinaryEquals", "not base64", None),
        ],
    );
    assert_eq!(holds(r#""BinaryEqualsIfExists": {"k": "QQ=="}"#, Context::complete()), Some(true));
}

#[test]
fn numbers_are_compared_as_numbers() {
    told(
        "n",
        "3600",
        &[
            ("NumericEquals", "3600.0", Some(true)),
            ("NumericNotEquals", "3600", Some(false)),
            ("NumericLessThan", "3600.5", Some(true)),
            ("NumericGreaterThan", "-1", Some(true)),
            ("NumericGreaterThanEquals", "1e4", Some(false)),
            ("NumericLessThanEquals", "inf", None),
            ("NumericEquals", "${n}", None),
        ],
    );
    told("n", "-0", &[("NumericEquals", "0", Some(true)), ("NumericLessThan", "0", Some(false))]);
    let any = r#""ForAnyValue:NumericGreaterThan": {"n": "5"}"#;
    assert_eq!(holds(any, Context::complete().with_all("n", ["1", "9"])), Some(true));
}

#[test]
fn every_operator_takes_if_exists_and_sets() {
    let operators = "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike \
        StringNotLike NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan \
        NumericGreaterThanEquals DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan \
        DateGreaterThanEquals Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike";
    for operator in operators.split_whitespace() {
        let negated = operator.contains("Not");
        for (written, absent) in [
            (operator.to_owned(), negated),
            (format!("{operator}IfExists"), true),
            (format!("ForAllValues:{operator}"), true),
            (format!("ForAllValues:{operator}IfExists"), true),
            (format!("ForAnyValue:{operator}"), false),
            (format!("ForAnyValue:{operator}IfExists"), true),
        ] {
            let condition = format!(r#""{written}": {{"k": "x"}}"#);
            assert_eq!(holds(&condition, Context::complete()), Some(absent), "{written} without the key");
            assert_eq!(holds(&condition, Context::partial()), None, "{written} with the key unknown");
        }
    }
}

#[test]
fn a_chain_of_rcps_needs_its_levels_and_spares_what_aws_spares() {
    let own = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Sid": "Ours", "Effect": "Deny", "Principal": "*",
            "Action": ["s3:*", "kms:*", "ec2:*"], "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}}}"#,
    );
    let decide = |levels: &[Vec<&Document>], role: &str, action: &str, org: &str| {
        let request = Request {
            principal: Principal::iam(&format!("arn:aws:iam::111122223333:role/{role}")),
            action: action.into(),
            resource: "*".into(),
            context: Context::complete().with("aws:PrincipalOrgID", org),
        };
        evaluate_rcp_chain(levels, &request)
    };
    let chain = [vec![], vec![&own], vec![]];
    let denied =
        |decision| matches!(decision, Decision::Deny { statement } if statement.level == 1 && statement.document == 0);
    assert_eq!(decide(&chain, "a", "s3:GetObject", "o-1"), Decision::Allow);
    assert!(denied(decide(&chain, "a", "s3:GetObject", "o-2")));
    assert!(denied(decide(&chain, "a", "kms:Decrypt", "o-2")));
    assert_eq!(decide(&[], "a", "s3:GetObject", "o-2"), Decision::Allow);
    assert_eq!(decide(&chain, "a", "kms:RetireGrant", "o-2"), Decision::Allow);
    assert_eq!(decide(&chain, "aws-service-role/x.amazonaws.com/X", "s3:GetObject", "o-2"), Decision::Allow);
    assert_eq!(decide(&chain, "a", "ec2:RunInstances", "o-1"), Decision::Allow);
    assert_eq!(decide(&chain, "a", "iam:GetRole", "o-2"), Decision::Allow);
    let Decision::CannotTell { why } = decide(&chain, "a", "ec2:RunInstances", "o-2") else { panic!("told") };
    assert!(why.contains("`ec2` is not known to support RCPs"), "{why}");
}
