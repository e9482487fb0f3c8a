//! Tests of filter patterns.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// CIS AWS Foundations: usage of the root user.
const ROOT_USAGE: &str =
    r#"{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }"#;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn matches(text: &str, event: &Value) -> bool {
    pattern(text).matches(event)
}

fn root_event() -> Value {
    json!({"eventType": "AwsApiCall", "userIdentity": {"type": "Root", "accountId": "111122223333"}})
}

/// The event of the User Guide's examples.
fn guide_event() -> Value {
    json!({
        "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c",
        "latency": 50, "errorCode": 400, "number": [1000], "done": true,
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]
    })
}

#[test]
fn root_usage_is_matched() {
    assert!(matches(ROOT_USAGE, &root_event()));
    for event in [
        json!({"eventType": "AwsServiceEvent", "userIdentity": {"type": "Root"}}),
        json!({"eventType": "AwsApiCall", "userIdentity": {"type": "Root", "invokedBy": "support.amazonaws.com"}}),
        json!({"eventType": "AwsApiCall", "userIdentity": {"type": "IAMUser"}}),
        json!({"eventType": "AwsApiCall", "userIdentity": {"type": "root"}}),
        json!({"userIdentity": {"type": "Root"}}),
        json!({}),
        json!("Root"),
    ] {
        assert!(!matches(ROOT_USAGE, &event), "{event}");
    }
}

#[test]
fn the_guide_and_this_reader_agree() {
    for (text, expected) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{ $.sourceIPAddress != 123.123.* }"#, true),
        (r#"{ $.sourceIPAddress = 111.111.* }"#, true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.arrayKey[*] = "another value" }"#, true),
        (r#"{ $.objectList[*].id = 2 }"#, true),
        (r#"{ $.objectList[*].id = 3 }"#, false),
        (r#"{ $.* = "UpdateTrail" }"#, true),
        (r#"{ $.objectList[1].id = 2 }"#, true),
        (r#"{ $.['cluster.name'] = "c" }"#, true),
        (r#"{ $.["cluster.name"] = c }"#, true),
        ("{ $.SomeObject IS NULL }", true),
        ("{ $.SomeOtherObject IS NULL }", false),
        ("{ $.SomeOtherObject NOT EXISTS }", true),
        ("{ $.SomeObject NOT EXISTS }", false),
        ("{ $.done IS TRUE }", true),
        ("{ $.done IS FALSE }", false),
        ("{ $.done = true }", true),
        ("{ $.latency < 50 }", false),
        ("{ $.latency <= 50 }", true),
        ("{ $.latency > 4.99e1 }", true),
        ("{ $.latency >= 51 }", false),
        ("{ $.errorCode = 400}", true),
        ("{ $.errorCode = 4* }", true),
        ("{ $.errorCode != 500 }", true),
        ("{ $.number[0] = 1e+3 }", true),
        ("{ $.number[0] != 1e-3 }", true),
        (r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#, true),
        (
            r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch" && $.actions[2] = "nonmatch" }"#,
            true,
        ),
        (
            r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch") && $.actions[2] = "nonmatch" }"#,
            false,
        ),
        (r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#, false),
    ] {
        assert_eq!(matches(text, &guide_event()), expected, "{text}");
    }
}

#[test]
fn a_missing_field_is_neither_equal_nor_unequal() {
    for text in [
        "{ $.no = x }",
        "{ $.no != x }",
        "{ $.no = * }",
        "{ $.no > 1 }",
        "{ $.no IS FALSE }",
        "{ $.eventType.deeper != x }",
        "{ $.arrayKey[9] != x }",
        // Nor is an object, a list or null.
        "{ $.user != x }",
        "{ $.user = * }",
        "{ $.arrayKey != x }",
        "{ $.SomeObject != x }",
    ] {
        assert!(!matches(text, &guide_event()), "{text}");
    }
    assert!(matches("{ $.eventType = * && $.latency = \"*\" }", &guide_event()));
}

#[test]
fn stars_are_wildcards_at_the_ends_only() {
    for (value, given, expected) in [
        ("*UnauthorizedOperation", "Client.UnauthorizedOperation", true),
        ("\"*UnauthorizedOperation\"", "Client.UnauthorizedOperation", true),
        ("\"AccessDenied*\"", "AccessDeniedException", true),
        ("\"*Denied*\"", "AccessDeniedException", true),
        ("\"AccessDenied\"", "AccessDeniedException", false),
        ("\"Ev*ent\"", "Ev*ent", true),
        ("\"Ev*ent\"", "Evxent", false),
        (r#""\*x""#, "*x", true),
        (r#""\*x""#, "ax", false),
        (r#""say \"hi\" \\""#, r#"say "hi" \"#, true),
        ("\"\"", "", true),
        ("*", "", true),
        ("**", "anything", true),
    ] {
        assert_eq!(matches(&format!("{{ $.f = {value} }}"), &json!({"f": given})), expected, "{value} on {given}");
    }
}

#[test]
fn bare_numbers_fit_strings_written_the_same() {
    assert!(matches("{ $.account = 111122223333 }", &json!({"account": "111122223333"})));
    assert!(matches("{ $.account = 111122223333 }", &json!({"account": 111_122_223_333_u64})));
    assert!(!matches("{ $.account = \"111122223333\" }", &json!({"account": 111_122_223_333_u64})));
    assert!(!matches("{ $.account > 5 }", &json!({"account": "6"})));
}

#[test]
fn root_usage_in_other_words_means_the_same() {
    let wanted = pattern(ROOT_USAGE);
    for text in [
        r#"{$.eventType!="AwsServiceEvent"&&$.userIdentity.invokedBy NOT EXISTS&&$.userIdentity.type="Root"}"#,
        r#"  {  ( $.userIdentity.type = Root )  &&
            ( ( $.userIdentity.invokedBy NOT EXISTS ) && ( $.eventType != AwsServiceEvent ) ) }  "#,
        r#"{ $.userIdentity.type = "Root" && $.userIdentity.type = "Root" && $.userIdentity.invokedBy not exists && $.['eventType'] != "AwsServiceEvent" }"#,
        r#"{ ($.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent") || ($.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" && $.userIdentity.accountId = 111122223333) }"#,
    ] {
        assert!(pattern(text).same_meaning(&wanted), "{text}");
        assert!(wanted.same_meaning(&pattern(text)), "{text}");
        assert!(matches(text, &root_event()), "{text}");
    }
}

#[test]
fn look_alikes_of_root_usage_do_not_mean_the_same() {
    let wanted = pattern(ROOT_USAGE);
    for (from, to, covers) in [
        ("= \"Root\"", "!= \"Root\"", false),
        ("= \"Root\"", "= \"root\"", false),
        ("= \"Root\"", "= \"Root*\"", true),
        ("= \"Root\"", "= *", true),
        ("NOT EXISTS", "= \"*\"", false),
        ("NOT EXISTS", "IS NULL", false),
        ("!= \"AwsServiceEvent\"", "= \"AwsServiceEvent\"", false),
        ("!= \"AwsServiceEvent\"", "!= \"AwsServiceEvents\"", false),
        ("!= \"AwsServiceEvent\"", "NOT EXISTS", false),
        ("&& $.eventType != \"AwsServiceEvent\"", "", true),
        ("&& $.eventType", "|| $.eventType", true),
        ("&& $.eventType", "&& $.sourceIPAddress = \"10.*\" && $.eventType", false),
        ("$.userIdentity.type", "$.userIdentity.userName", false),
        ("$.userIdentity.invokedBy", "$.invokedBy", false),
    ] {
        let other = ROOT_USAGE.replacen(from, to, 1);
        assert_ne!(other, ROOT_USAGE);
        let other = pattern(&other);
        assert!(!other.same_meaning(&wanted), "{other}");
        assert_eq!(other.covers(&wanted), covers, "{other}");
    }
    // Equal to one string is unequal to another.
    let narrow = pattern(&ROOT_USAGE.replace("!= \"AwsServiceEvent\"", "= \"AwsApiCall\""));
    assert!(wanted.covers(&narrow) && !narrow.covers(&wanted));
}

#[test]
fn and_binds_tighter_than_or() {
    let (a, b, c) = ("$.a = 1", "$.b = 1", "$.c = 1");
    let plain = pattern(&format!("{{ {a} || {b} && {c} }}"));
    assert!(plain.same_meaning(&pattern(&format!("{{ {a} || ({b} && {c}) }}"))));
    assert!(!plain.same_meaning(&pattern(&format!("{{ ({a} || {b}) && {c} }}"))));
    assert!(plain.same_meaning(&pattern(&format!("{{ ({a} || {b}) && ({a} || {c}) }}"))));
    assert!(plain.matches(&json!({"a": 1})) && !plain.matches(&json!({"b": 1})));
}

#[test]
fn a_pattern_too_wide_to_compare_is_equal_to_itself_alone() {
    let clause = |n: usize| format!("($.a{n} = 1 || $.b{n} = 1)");
    let many = |numbers: Vec<usize>| {
        pattern(&format!("{{ {} }}", numbers.into_iter().map(clause).collect::<Vec<_>>().join(" && ")))
    };
    let wide = many((0..40).collect());
    assert!(wide.same_meaning(&wide));
    assert!(!wide.same_meaning(&many((0..40).rev().collect())));
}

#[test]
fn other_kinds_of_pattern_are_told_apart() {
    for text in ["", "  ", "ERROR", "\"ERROR 401\"", "?ERROR ?WARN", "-ERROR", "[w1=ERROR, w2]", "%AUTHORIZED%"] {
        assert!(matches!(Pattern::parse(text), Err(PatternError::Unsupported { .. })), "{text}");
    }
    let regex = Pattern::parse("{ $.eventType = %Trail% }");
    assert_eq!(regex, Err(PatternError::Unsupported { what: "a regular expression" }));
}

#[test]
fn broken_patterns_are_told_with_their_place() {
    for (text, column, part) in [
        ("{", 2, "selector"),
        ("{ }", 3, "selector"),
        ("{ $.a }", 7, "NOT EXISTS"),
        ("{ $.a = }", 9, "double quotes"),
        ("{ $.a = 'x' }", 9, "double quotes"),
        ("{ $.a = \"x }", 13, "at the end of the string"),
        ("{ $.a = \"x\\", 12, "after `\\`"),
        ("{ $.a = x", 10, "expected `}`"),
        ("{ $.a = x } y", 13, "goes on"),
        ("{ ($.a = x }", 12, "expected `)`"),
        ("{ $.a = x & $.b = y }", 11, "expected `}`"),
        ("{ $.a > x }", 10, "number"),
        ("{ $.a > \"1\" }", 9, "number"),
        ("{ $.a EXISTS }", 7, "`EXISTS`"),
        ("{ $.a IS NOT NULL }", 7, "`IS NOT`"),
        ("{ a = x }", 3, "selector"),
        ("{ $.a..b = x }", 7, "brackets"),
        ("{ $.a[x] = x }", 7, "number"),
        ("{ $.a[0 = x }", 8, "`]`"),
        ("{ $.['a = x }", 14, "after the field's name"),
        ("{ $.a[*].b[*] = x }", 14, "one wildcard"),
        ("{ $.a[99999999999999999999] = x }", 27, "number"),
        ("{ $.a[*] = x || $.b[*] = x || $.c[*] = x || $.d[*] = x }", 51, "at most"),
    ] {
        match Pattern::parse(text) {
            Err(PatternError::Syntax { column: at, message }) => {
                assert!(at == column && message.contains(part), "{text}: {at} {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let deep = format!("{{ {}$.a = x{} }}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Pattern::parse(&deep).is_err());
}

/// A pattern's inside, tests over few fields and values.
fn expression() -> impl Strategy<Value = String> {
    let test = (
        prop::sample::select(&["$.a", "$.b", "$.a.c", "$.l[0]", "$.l[*]", "$.['x.y']"]),
        prop::sample::select(&[
            "= x",
            "= \"x\"",
            "!= x",
            "= \"x*\"",
            "= *",
            "= 1",
            "!= 1",
            "= \"1\"",
            "> 1",
            "<= 1",
            "IS NULL",
            "IS TRUE",
            "NOT EXISTS",
            "= true",
            "= \"true\"",
            "!= \"\\*q\\\"\\\\\"",
        ]),
    )
        .prop_map(|(selector, rest)| format!("{selector} {rest}"));
    test.prop_recursive(4, 12, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>(), any::<bool>()).prop_map(|(parts, all, grouped)| {
            let joined = parts.join(if all { " && " } else { "||" });
            if grouped { format!("( {joined} )") } else { joined }
        })
    })
}

fn event() -> impl Strategy<Value = Value> {
    let value = || {
        prop::sample::select(vec![
            json!("x"),
            json!("xx"),
            json!("1"),
            json!("true"),
            json!("*q\"\\"),
            json!(1),
            json!(2),
            json!(true),
            json!(null),
            json!([]),
            json!({"c": "x"}),
        ])
    };
    prop::collection::hash_map(prop::sample::select(vec!["a", "b", "x.y"]), value(), 0..4)
        .prop_flat_map(move |fields| (Just(fields), prop::collection::vec(value(), 0..3)))
        .prop_map(|(fields, list)| {
            let mut event = json!(fields);
            event["l"] = json!(list);
            event
        })
}

/// Drops patterns with more wildcard selectors than allowed.
fn parsed(expression: &str) -> Option<Pattern> {
    Pattern::parse(&format!("{{ {expression} }}")).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn reading_any_text_ends_well(text in prop_oneof![any::<String>(), "[{}()$.a\\[\\]*0'\"\\\\=!<>&| é]{0,40}"]) {
        if let Err(PatternError::Syntax { column, .. }) = Pattern::parse(&text) {
            prop_assert!(column >= 1 && column <= text.chars().count() + 1);
        }
        if let Ok(pattern) = Pattern::parse(&format!("{{ $.a = x || {text} }}")) {
            let event = json!({"a": "x"});
            prop_assert!(pattern.matches(&event));
        }
    }

    #[test]
    fn what_is_written_reads_back(expression in expression(), event in event()) {
        if let Some(pattern) = parsed(&expression) {
            let again = Pattern::parse(&pattern.to_string());
            prop_assert!(again.is_ok(), "{pattern}");
            let again = again.unwrap();
            prop_assert_eq!(again.to_string(), pattern.to_string());
            prop_assert_eq!(again.matches(&event), pattern.matches(&event));
            prop_assert!(again.same_meaning(&pattern));
        }
    }

    #[test]
    fn a_pattern_that_covers_another_matches_its_events(
        one in expression(), two in expression(), events in prop::collection::vec(event(), 10)
    ) {
        if let (Some(one), Some(two)) = (parsed(&one), parsed(&two)) {
            let both = format!("{{ ({}) && ({}) }}", inside(&one), inside(&two));
            for (general, special) in [(&one, &two), (&two, &one)] {
                if general.covers(special) {
                    for event in &events {
                        prop_assert!(!special.matches(event) || general.matches(event), "{} / {} / {}", general, special, event);
                    }
                }
            }
            if let Ok(both) = Pattern::parse(&both) {
                prop_assert!(one.covers(&both) && two.covers(&both));
            }
        }
    }
}

/// A pattern without its braces.
fn inside(pattern: &Pattern) -> String {
    pattern.to_string().trim_matches(['{', '}', ' ']).to_owned()
}
