//! Whether what is there is what the plan says: documents compared as values.
//!
//! Text inside a document (a policy's content) is compared letter by letter: it was saved verbatim, and any difference is
//! somebody's edit.

use crate::model::Doc;
use serde_json::{Map, Number, Value};

/// Whether two documents (or absences) are the same: keys in any order, a null member as if absent, numbers by value.
pub fn same(left: Option<&Doc>, right: Option<&Doc>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => values(&left.0, &right.0),
        _ => false,
    }
}

/// Whether what is there is what a write cut short can leave behind: each member as `before` or as `after` has it. Writes
/// that create or delete are one call, so nothing lies between for them.
pub fn between(found: Option<&Doc>, before: Option<&Doc>, after: Option<&Doc>) -> bool {
    match (found, before, after) {
        (Some(found), Some(before), Some(after)) => mixed(&found.0, &before.0, &after.0),
        _ => same(found, before) || same(found, after),
    }
}

fn mixed(found: &Value, before: &Value, after: &Value) -> bool {
    if values(found, before) || values(found, after) {
        return true;
    }
    match (found, before, after) {
        (Value::Object(found), Value::Object(before), Value::Object(after)) => {
            let of = |map: &Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or(Value::Null);
            let mut keys = found.keys().chain(before.keys()).chain(after.keys());
            keys.all(|key| mixed(&of(found, key), &of(before, key), &of(after, key)))
        }
        _ => false,
    }
}

fn values(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => within(left, right) && within(right, left),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| values(left, right))
        }
        (Value::Number(left), Value::Number(right)) => numbers(left, right),
        _ => left == right,
    }
}

/// Whether every member of `left` that is not null is in `right`.
fn within(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    left.iter().all(|(key, value)| values(value, right.get(key).unwrap_or(&Value::Null)))
}

/// 1 is 1.0, and a fraction that went through another system's decimal text may differ in its last bits.
fn numbers(left: &Number, right: &Number) -> bool {
    if left == right {
        return true;
    }
    if !left.is_f64() && !right.is_f64() {
        return false;
    }
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-12 * left.abs().max(right.abs()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn eq(left: Value, right: Value) -> bool {
        let there = same(Some(&Doc(left.clone())), Some(&Doc(right.clone())));
        assert_eq!(there, same(Some(&Doc(right)), Some(&Doc(left))), "symmetric");
        there
    }

    #[test]
    fn documents_are_compared_as_values() {
        assert!(eq(json!({"a": 1, "b": [1.0, null]}), json!({"b": [1, null], "a": 1.0})));
        assert!(eq(json!({"a": null}), json!({})));
        assert!(eq(json!({"t": 0.1}), json!({"t": 0.1 + 0.2 - 0.2})));
        assert!(!eq(json!({"a": 1}), json!({"a": 2})));
        assert!(!eq(json!({"a": 1}), json!({"a": "1"})));
        assert!(!eq(json!({"a": []}), json!({})));
        assert!(!eq(json!([1, 2]), json!([2, 1])));
        assert!(!eq(json!({"n": u64::MAX}), json!({"n": u64::MAX - 1})));
        assert!(!eq(json!({"n": 0.0}), json!({"n": 1e-300})));
    }

    #[test]
    fn the_text_of_a_policy_is_compared_letter_by_letter() {
        assert!(!eq(json!({"content": "{\"a\":1}"}), json!({"content": "{ \"a\": 1 }"})));
    }

    #[test]
    fn absent_is_not_empty() {
        assert!(same(None, None));
        assert!(!same(None, Some(&Doc(json!({})))));
    }

    #[test]
    fn a_write_cut_short_leaves_a_mixture() {
        let doc = |value| Some(Doc(value));
        let before = doc(json!({"content": "old", "tags": {"a": "1", "gone": "x"}}));
        let after = doc(json!({"content": "new", "tags": {"a": "2", "b": "1"}}));
        let is = |found: Option<Doc>| between(found.as_ref(), before.as_ref(), after.as_ref());
        assert!(is(before.clone()) && is(after.clone()));
        assert!(is(doc(json!({"content": "new", "tags": {"a": "1", "gone": "x"}}))));
        assert!(is(doc(json!({"content": "new", "tags": {"a": "2", "b": "1", "gone": "x"}}))));
        assert!(!is(doc(json!({"content": "somebody's", "tags": {"a": "1", "gone": "x"}}))));
        assert!(!is(doc(json!({"content": "new", "tags": {"a": "3"}}))));
        assert!(!is(None));
        assert!(between(None, None, after.as_ref()) && !between(before.as_ref(), None, after.as_ref()));
    }

    proptest! {
        #[test]
        fn a_document_is_itself(n in any::<f64>(), i in any::<i64>(), s in ".*") {
            let same = eq(json!({"n": n, "i": i, "s": s}), json!({"s": s, "i": i, "n": n}));
            prop_assert!(same);
        }
    }
}
