//! Properties that hold for any text and any policy.

use crate::policy::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

/// One or several of some words, as a string or as a list.
fn words(choices: &'static [&'static str]) -> impl Strategy<Value = Json> {
    let list = prop::collection::vec(prop::sample::select(choices), 1..4);
    (list, any::<bool>()).prop_map(|(list, alone)| match list.as_slice() {
        [one] if alone => json!(one),
        list => json!(list),
    })
}

const ACTIONS: &[&str] = &["*", "s3:*", "s3:GetObject", "S3:getobject", "iam:*User", "organizations:LeaveOrganization"];
const RESOURCES: &[&str] = &["*", "arn:aws:s3:::a", "arn:aws:s3:::a/*", "arn:*:iam::*:user/${aws:username}"];
const VALUES: &[&str] = &["a", "A", "true", "False", "10", "é*", "arn:aws:iam::*:role/*", "${aws:PrincipalAccount}"];
const OPERATORS: &[&str] =
    &["StringEquals", "StringNotLike", "ArnLikeIfExists", "Bool", "Null", "NumericLessThan", "IpAddress", "DateEquals"];
const KEYS: &[&str] = &["aws:PrincipalArn", "aws:principalarn", "aws:SourceIp", "k", "K"];

fn statement() -> impl Strategy<Value = Json> {
    let conditions =
        prop::collection::vec((prop::sample::select(OPERATORS), prop::sample::select(KEYS), words(VALUES)), 0..4);
    let sid = prop::option::of(prop::sample::select(&["A", "A2", "B"]));
    (any::<bool>(), any::<bool>(), any::<bool>(), words(ACTIONS), words(RESOURCES), conditions, sid).prop_map(
        |(allow, not_action, not_resource, actions, resources, conditions, sid)| {
            let mut statement = Map::new();
            if let Some(sid) = sid {
                statement.insert("Sid".into(), json!(sid));
            }
            statement.insert("Effect".into(), json!(if allow { "Allow" } else { "Deny" }));
            statement.insert(if not_action { "NotAction" } else { "Action" }.into(), actions);
            statement.insert(if not_resource { "NotResource" } else { "Resource" }.into(), resources);
            let mut block: Map<String, Json> = Map::new();
            for (operator, key, values) in conditions {
                if let Some(keys) = block.entry(operator).or_insert_with(|| json!({})).as_object_mut() {
                    keys.insert(key.into(), values);
                }
            }
            if !block.is_empty() {
                statement.insert("Condition".into(), Json::Object(block));
            }
            Json::Object(statement)
        },
    )
}

pub(super) fn document() -> impl Strategy<Value = Json> {
    prop::collection::vec(statement(), 1..5)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
}

/// The same policy with every list turned round, and strings as lists.
fn turned(value: &Json) -> Json {
    match value {
        Json::Array(list) => Json::Array(list.iter().rev().map(turned).collect()),
        Json::Object(object) => Json::Object(
            object
                .iter()
                .map(|(key, value)| {
                    let is_list = matches!(key.as_str(), "Action" | "NotAction" | "Resource" | "NotResource");
                    let value = match value {
                        Json::String(text) if is_list => json!([text]),
                        other => turned(other),
                    };
                    (key.clone(), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

fn requests() -> Vec<Request> {
    let principals = [
        Principal::iam("arn:aws:iam::111122223333:user/a"),
        Principal::session("arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s"),
        Principal::service("ec2.amazonaws.com"),
    ];
    let contexts =
        [Context::partial(), Context::complete().with("k", "a"), Context::complete().with("aws:SourceIp", "10")];
    let mut requests = Vec::new();
    for principal in &principals {
        for context in &contexts {
            for (action, resource) in [("s3:GetObject", "arn:aws:s3:::a"), ("organizations:LeaveOrganization", "*")] {
                requests.push(Request {
                    principal: principal.clone(),
                    action: action.to_owned(),
                    resource: resource.to_owned(),
                    context: context.clone(),
                });
            }
        }
    }
    requests
}

/// What a policy decides, without what depends on positions and wording.
fn decisions(text: &str) -> Vec<&'static str> {
    decisions_of(&[super::policy(text)])
}

/// What several policies decide together.
pub(super) fn decisions_of(policies: &[Document]) -> Vec<&'static str> {
    let policies: Vec<&Document> = policies.iter().collect();
    requests()
        .iter()
        .map(|request| match evaluate(&policies, request) {
            Decision::Allow => "allow",
            Decision::Deny { .. } => "deny",
            Decision::NoMatch => "no match",
            Decision::CannotTell { .. } => "cannot tell",
        })
        .collect()
}

/// Text that looks like JSON more often than not.
fn near_json() -> impl Strategy<Value = String> {
    let pieces = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "d800",
        "\"Statement\"",
        "\"Effect\"",
        "\"Allow\"",
        "\"Action\"",
        "\"Condition\"",
        "\"Principal\"",
        "\"AWS\"",
        "\"*\"",
        "1e9",
        "-",
        "true",
        "null",
        "//",
        "/*",
        "é",
        "\u{feff}",
        "\r\n",
        "\n",
        "\0",
        " ",
        "'",
        "+",
        ".",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat())
}

/// What a pattern with wildcards says, tried in every way.
fn defined(pattern: &[char], text: &[char], fold: bool) -> bool {
    match (pattern, text) {
        ([], text) => text.is_empty(),
        (['*', rest @ ..], text) => (0..=text.len()).any(|from| defined(rest, &text[from..], fold)),
        (['?', rest @ ..], [_, text @ ..]) => defined(rest, text, fold),
        ([a, rest @ ..], [b, text @ ..]) => {
            (a == b || fold && a.to_lowercase().eq(b.to_lowercase())) && defined(rest, text, fold)
        }
        (_, []) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn reading_any_text_ends_well(text in prop_oneof![any::<String>(), near_json()]) {
        for errors in [Document::parse(&text).err(), minify(&text).err()].into_iter().flatten() {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(error.line >= 1 && error.column >= 1);
                prop_assert!(error.line <= text.matches('\n').count() + 1);
            }
        }
        prop_assert!(same_meaning(&text, &text));
    }

    #[test]
    fn a_policy_cut_anywhere_is_an_error(policy in document(), at in any::<prop::sample::Index>()) {
        let text = policy.to_string();
        let cut: String = text.chars().take(at.index(text.chars().count())).collect();
        prop_assert!(Document::parse(&cut).is_err());
    }

    #[test]
    fn minify_keeps_the_meaning(policy in document()) {
        let pretty = serde_json::to_string_pretty(&policy).unwrap();
        let small = minify(&pretty).unwrap();
        prop_assert!(size(&small).characters <= size(&pretty).characters);
        prop_assert_eq!(serde_json::from_str::<Json>(&small).unwrap(), policy);
        prop_assert_eq!(minify(&small).unwrap(), small.clone());
        prop_assert!(same_meaning(&pretty, &small));
        prop_assert_eq!(decisions(&pretty), decisions(&small));
    }

    #[test]
    fn the_canonical_form_is_a_policy_and_its_own_canonical_form(policy in document()) {
        let text = policy.to_string();
        let once = canonical(&Document::parse(&text).unwrap());
        let again = canonical(&Document::parse(&once.to_string()).unwrap());
        prop_assert_eq!(&once, &again);
        prop_assert_eq!(decisions(&text), decisions(&once.to_string()));
    }

    #[test]
    fn order_does_not_count(policy in document()) {
        let (text, turned) = (policy.to_string(), turned(&policy).to_string());
        prop_assert!(same_meaning(&text, &turned));
        prop_assert_eq!(decisions(&text), decisions(&turned));
    }

    #[test]
    fn a_wildcard_matches_what_it_was_made_from(text in "[a-zé:/]{0,20}", at in any::<prop::sample::Index>()) {
        let chars: Vec<char> = text.chars().collect();
        let cut = at.index(chars.len() + 1);
        let (before, after): (String, String) = (chars[..cut].iter().collect(), chars[cut..].iter().collect());
        let wild = |text: &str| crate::policy::matches_wildcards(&format!("{before}*{after}"), text, false);
        prop_assert!(wild(&text));
        let (longer, wrong) = (format!("{before}XX{after}"), format!("{text}#"));
        prop_assert!(wild(&longer));
        prop_assert_eq!(wild(&wrong), after.is_empty());
    }

    #[test]
    fn wildcards_match_as_their_definition_says(pattern in "[abBÉé*?]{0,9}", text in "[abBÉé]{0,9}", fold in any::<bool>()) {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let defined = defined(&chars(&pattern), &chars(&text), fold);
        prop_assert_eq!(crate::policy::matches_wildcards(&pattern, &text, fold), defined);
    }
}
