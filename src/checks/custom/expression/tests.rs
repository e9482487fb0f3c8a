//! What expressions can say, what they can't, and what they may cost.

use super::*;
use proptest::prelude::*;

fn vocabulary() -> Vocabulary<'static> {
    BTreeMap::from([("account", Some(vec!["users", "policy", "name"])), ("now", None)])
}

fn read(text: &str) -> Expression {
    Expression::read(text, &vocabulary()).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

fn variables(account: &serde_json::Value) -> BTreeMap<&'static str, View> {
    BTreeMap::from([("account", View::of_fixture(account)), ("now", View::text("2026-06-01T00:00:00Z"))])
}

fn test(text: &str, account: serde_json::Value) -> Result<bool, String> {
    read(text).test(&variables(&account)).map_err(|cause| cause.to_string())
}

#[test]
fn expressions_read_the_view() {
    let account = serde_json::json!({
        "users": [{"name": "ann", "created": "2026-01-01T00:00:00Z", "keys": [1, 2]}, {"name": "bob", "keys": []}],
        "policy": null, "name": "prod"
    });
    for (text, wanted) in [
        ("account.users.all(u, size(u.keys) <= 2)", true),
        ("account.users.exists(u, u.name == 'bob' && size(u.keys) == 0)", true),
        ("account.policy == null", true),
        ("has(account.policy)", true),
        ("account.users != null && null != account.users && account.users[0] != 3 && [1] != 1", true),
        ("account.users.all(u, has(u.created))", false),
        ("account.users[0].keys == [1, 2] && [1, 2] == [1, 2]", true),
        ("[1, 2] == account.users[0].keys && [3] != account.users[1].keys", true),
        ("[account.users[1]] == [{'name': 'bob', 'keys': []}] && {'name': 'bob', 'keys': []} in account.users", true),
        ("2 in account.users[0].keys && !(3 in account.users[0].keys)", true),
        ("account.users.map(u, u.name) + ['eve'] == ['ann', 'bob', 'eve']", true),
        ("account.users.filter(u, size(u.keys) > 0).size() == 1", true),
        ("timestamp(now) - timestamp(account.users[0].created) > duration('3600h')", true),
        ("account.name.matches('^p.*d$') && account.name.startsWith('pr')", true),
        ("'keys' in account.users[1] && account.users[1].exists(k, k == 'name')", true),
    ] {
        assert_eq!(test(text, account.clone()), Ok(wanted), "{text}");
    }
    let names = read("account.users.map(u, u.name)").texts(&variables(&account)).unwrap();
    assert_eq!(names, ["ann", "bob"]);
}

#[test]
fn whatever_touches_an_unknown_value_is_unknown() {
    let account = serde_json::json!({
        "users": [{"name": "ann", "mfa": {"$unknown": "denied"}}], "policy": {"$unknown": "denied"}, "name": "x"
    });
    for text in [
        "account.policy == null",
        "null == account.policy",
        "account.policy != 3",
        "account.policy.length > 3 || true",
        "true || account.policy.length > 3",
        "has(account.policy)",
        "has(account.policy.length)",
        "account.policy.length > 3 ? true : true",
        "[account.policy].size() == 1",
        "account.users.exists(u, u.mfa || true)",
        "account.users.all(u, has(u.mfa))",
        "account.users == []",
        "account.users[0] in [1]",
        "[1].exists(x, x == 1 || account.policy == 2)",
        "'mfa' in account.users[0]",
        "type(account.policy) == int",
    ] {
        let answer = test(text, account.clone());
        let short = text == "true || account.policy.length > 3";
        let short = short || text == "[1].exists(x, x == 1 || account.policy == 2)";
        // What is decided before it comes to the unknown value does not touch it.
        let wanted = if short { Ok(true) } else { Err("fixture: denied".to_owned()) };
        assert_eq!(answer, wanted, "{text}");
    }
    assert_eq!(test("account.users.all(u, u.name == 'ann')", account), Ok(true), "what is not touched does not count");
}

#[test]
fn a_failure_is_no_answer() {
    let account = serde_json::json!({"users": [], "policy": {"a": 1}, "name": "x"});
    for (text, wanted) in [
        ("account.policy.b == 1", "expression: it failed: No such key: b"),
        ("account.name + 1 == 2", "expression: it failed: "),
        ("1 / (size(account.users)) == 1", "expression: it failed: Division by zero"),
        ("account.name", "expression: its answer is not true or false"),
    ] {
        let error = test(text, account.clone()).unwrap_err();
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
}

#[test]
fn loops_have_a_budget() {
    let users: Vec<u32> = (0..1100).collect();
    let account = serde_json::json!({"users": users, "policy": 1, "name": "x"});
    assert_eq!(test("account.users.all(a, account.users[0] == 0)", account.clone()), Ok(true));
    for text in [
        "account.users.all(a, account.users.all(b, b >= 0))",
        "account.users.all(a, account.users.exists(b, b == 0) || true)",
        "account.users.map(a, account.users.map(b, a + b)).size() > 0",
    ] {
        assert_eq!(
            test(text, account.clone()),
            Err("expression: it takes more than 1000000 steps".to_owned()),
            "{text}"
        );
    }
    // Values that double in each nested loop: two to the 16th times 1,100 elements, and texts, lists and maps alike.
    for grown in ["[V + V]", "[[V, V]]", "[{'a': V, 'b': V}]"] {
        for start in ["account.users.map(u, u)", "'0123456789' + account.name", "[account.name]"] {
            let mut text = "true".to_owned();
            for level in (0..22).rev() {
                let before = if level == 0 { start.to_owned() } else { format!("v{}", level - 1) };
                text = format!("{}.all(v{level}, {text})", grown.replace('V', &before));
            }
            if let Ok(expression) = Expression::read(&text, &vocabulary()) {
                let answer = expression.test(&variables(&account)).map_err(|cause| cause.to_string());
                assert_eq!(answer, Err("expression: it takes more than 1000000 steps".to_owned()), "{text}");
            } else {
                panic!("{text}");
            }
        }
    }
}

#[test]
fn names_are_checked_when_read() {
    for (text, wanted) in [
        ("acount.users", "names `acount`, which is none of `account`, `now`, did you mean `account`?"),
        ("account.user.size() > 1", "reads `account.user`, which is no field of `account`, did you mean `users`?"),
        ("account.zzz", "reads `account.zzz`, which is no field of `account`, `orgward checks view` lists the fields"),
        ("size(account) > 1", "uses `account` as a whole: name the fields it needs, such as `account.users`"),
        ("account['users']", "uses `account` as a whole: name the fields it needs, such as `account.users`"),
        ("[1].all(account, true)", "gives the name `account` a second meaning"),
    ] {
        let problems = Expression::read(text, &vocabulary()).unwrap_err();
        assert_eq!(problems[0].message, wanted, "{text}");
    }
    let problems = Expression::read("account.users.all(u,\n  u.x ==\n  )", &vocabulary()).unwrap_err();
    assert!(problems[0].message.starts_with("is no CEL expression: ") && problems[0].line >= 1, "{problems:?}");
    let deep = format!("{}1{} == 1", "-(".repeat(300), ")".repeat(300));
    assert!(Expression::read(&deep, &vocabulary()).is_err());
    for deep in
        [vec!["now"; 500].join(" + "), "true ? 1 : ".repeat(300) + "2", "-(".repeat(1300) + "1", "!".repeat(4000)]
    {
        assert!(Expression::read(&deep, &vocabulary()).is_err(), "{deep}");
    }
    assert!(Expression::read(&"x".repeat(5000), &vocabulary()).unwrap_err()[0].message.starts_with("has 5000 bytes"));
    let fields = read("has(account.users) && account.name != ''").fields;
    assert_eq!(Vec::from_iter(fields.iter().map(|(_, field)| field.as_str())), ["name", "users"]);
}

proptest! {
    /// Whatever is written, reading it and evaluating it ends, without a panic.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z.()\\[\\]&|!=<>0-9'\", +?:{}\\n-]{0,80}") {
        if let Ok(expression) = Expression::read(&text, &vocabulary()) {
            let account = serde_json::json!({"users": [1], "policy": {"$unknown": "x"}, "name": "x"});
            let _ = expression.test(&variables(&account));
        }
    }

    /// An unknown value under any mix of logic never gives an answer, once it is what decides.
    #[test]
    fn logic_never_hides_an_unknown_value(
        before in proptest::collection::vec(prop_oneof![Just("false || "), Just("true && ")], 0..6),
        nots in 0..4_usize,
        after in proptest::collection::vec(prop_oneof![Just(" || true"), Just(" && false"), Just(" || false")], 0..6),
    ) {
        let text = format!("{}{}(account.policy == 1){}", before.concat(), "!".repeat(nots), after.concat());
        let account = serde_json::json!({"users": [], "policy": {"$unknown": "denied"}, "name": "x"});
        prop_assert_eq!(test(&text, account), Err("fixture: denied".to_owned()), "{}", text);
    }
}
