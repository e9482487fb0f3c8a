//! Condition operators.
//!
//! Owns: whether one line of a `Condition` block holds for a request. Must not: guess; what is not known is not known.
//! How two single values compare is in `compare`.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys".

use super::compare::{Order, Test, boolean, compare};
use super::document::{Condition, Version};
use super::request::{Request, Value};
use super::shown;

/// Whether something holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It can't be told, and why.
    Unknown(String),
}

impl Truth {
    /// Whether one holds: a yes wins, then a not known. Stops at the first yes.
    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(truths, &Self::Yes, Self::No)
    }

    /// Whether all hold: a no wins, then a not known. Stops at the first no.
    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(truths, &Self::No, Self::Yes)
    }

    fn fold(truths: impl IntoIterator<Item = Self>, wins: &Self, otherwise: Self) -> Self {
        let mut unknown = None;
        for truth in truths {
            if truth == *wins {
                return truth;
            }
            if matches!(truth, Self::Unknown(_)) && unknown.is_none() {
                unknown = Some(truth);
            }
        }
        unknown.unwrap_or(otherwise)
    }

    /// The opposite; what is not known stays so.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown => unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// How the values of a key are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// The key has one value.
    Single,
    /// `ForAnyValue:`.
    AnyValue,
    /// `ForAllValues:`.
    AllValues,
}

/// Operators that are compared: name, test, whether negated. A negated one holds where the plain one does not.
const COMPARED: [(&str, Test, bool); 26] = [
    ("StringEquals", Test::Text { wildcards: false, fold: false }, false),
    ("StringNotEquals", Test::Text { wildcards: false, fold: false }, true),
    ("StringEqualsIgnoreCase", Test::Text { wildcards: false, fold: true }, false),
    ("StringNotEqualsIgnoreCase", Test::Text { wildcards: false, fold: true }, true),
    ("StringLike", Test::Text { wildcards: true, fold: false }, false),
    ("StringNotLike", Test::Text { wildcards: true, fold: false }, true),
    ("NumericEquals", Test::Number(Order::Equal), false),
    ("NumericNotEquals", Test::Number(Order::Equal), true),
    ("NumericLessThan", Test::Number(Order::Less), false),
    ("NumericLessThanEquals", Test::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Test::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Test::Number(Order::GreaterOrEqual), false),
    ("DateEquals", Test::Date(Order::Equal), false),
    ("DateNotEquals", Test::Date(Order::Equal), true),
    ("DateLessThan", Test::Date(Order::Less), false),
    ("DateLessThanEquals", Test::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Test::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Test::Date(Order::GreaterOrEqual), false),
    ("Bool", Test::Bool, false),
    ("BinaryEquals", Test::Binary, false),
    ("IpAddress", Test::Ip, false),
    ("NotIpAddress", Test::Ip, true),
    ("ArnEquals", Test::Arn, false),
    ("ArnLike", Test::Arn, false),
    ("ArnNotEquals", Test::Arn, true),
    ("ArnNotLike", Test::Arn, true),
];

/// What asks whether a key is there at all.
const NULL: &str = "Null";

/// What makes an operator hold where the key is not there.
const IF_EXISTS: &str = "IfExists";

/// An operator without its prefix and its `IfExists`, by the name that IAM gives it: as with keys, IAM takes any case. One that
/// does not exist is as written.
fn take_apart(operator: &str) -> (Set, &str, bool) {
    let (set, rest) = match operator.split_once(':') {
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAnyValue") => (Set::AnyValue, rest),
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAllValues") => (Set::AllValues, rest),
        _ => (Set::Single, operator),
    };
    let suffix = rest.len().checked_sub(IF_EXISTS.len()).and_then(|at| rest.split_at_checked(at));
    let (base, if_exists) = match suffix {
        Some((base, suffix)) if suffix.eq_ignore_ascii_case(IF_EXISTS) => (base, true),
        _ => (rest, false),
    };
    let known = COMPARED.iter().map(|(name, _, _)| *name).chain([NULL]).find(|name| base.eq_ignore_ascii_case(name));
    (set, known.unwrap_or(base), if_exists)
}

/// Why an operator does not exist in IAM, with the nearest that does; `None` if it exists.
pub(super) fn unknown_operator(operator: &str) -> Option<String> {
    let (set, base, if_exists) = take_apart(operator);
    if base == NULL {
        return (if_exists || set != Set::Single)
            .then(|| format!("operator `{}` does not exist, use `Null`", shown(operator)));
    }
    let names: Vec<&str> = COMPARED.iter().map(|(name, _, _)| *name).chain([NULL]).collect();
    if names.contains(&base) {
        return None;
    }
    Some(format!("unknown condition operator `{}`{}", shown(operator), super::parse::nearest(base, &names)))
}

/// Why a value of the policy can never be compared by its operator, without the value itself; `None` if it can.
pub(super) fn unfit_value(condition: &Condition) -> Option<String> {
    let (_, base, _) = take_apart(&condition.operator);
    let what = if base == NULL {
        condition.values.iter().any(|value| boolean(value).is_none()).then_some("`true` or `false`")
    } else {
        let (_, test, _) = COMPARED.iter().find(|(name, _, _)| *name == base)?;
        condition.values.iter().find_map(|value| test.unfit(value))
    }?;
    Some(format!("a value of `{}` under `{}` must be {what}", shown(&condition.key), shown(&condition.operator)))
}

/// Whether a key of this operator takes `true` and `false` without case.
pub(super) fn is_boolean(operator: &str) -> bool {
    matches!(take_apart(operator).1, "Bool" | NULL)
}

/// Whether the line holds.
pub(super) fn holds(condition: &Condition, version: Version, request: &Request) -> Truth {
    let (set, base, if_exists) = take_apart(&condition.operator);
    let key = shown(&condition.key);
    let values = match request.value(&condition.key) {
        Value::Unknown => return Truth::Unknown(format!("context key `{key}` is not known")),
        Value::Absent => None,
        Value::Present(values) => Some(values),
    };
    if base == NULL && set == Set::Single && !if_exists {
        return null(&condition.values, values.is_none(), &key);
    }
    let Some((_, test, negated)) = COMPARED.iter().find(|(name, _, _)| *name == base).copied() else {
        return Truth::Unknown(format!("condition operator `{}` does not exist", shown(&condition.operator)));
    };
    let Some(values) = values else {
        return Truth::from(match set {
            Set::Single => negated || if_exists,
            Set::AnyValue => if_exists,
            Set::AllValues => true,
        });
    };
    let mut each = values.iter().map(|value| {
        let found =
            Truth::any(condition.values.iter().map(|wanted| compare(test, value, wanted, version, request, &key)));
        if negated { found.not() } else { found }
    });
    match set {
        Set::AnyValue => Truth::any(each),
        Set::AllValues => Truth::all(each),
        Set::Single => match (each.next(), each.next()) {
            (Some(truth), None) => truth,
            _ => Truth::Unknown(format!("context key `{key}` has several values and the operator takes one")),
        },
    }
}

/// `Null`: `true` asks that the key is absent, `false` that it is there.
fn null(wanted: &[String], absent: bool, key: &str) -> Truth {
    Truth::any(wanted.iter().map(|wanted| match boolean(wanted) {
        Some(wanted) => Truth::from(wanted == absent),
        None => Truth::Unknown(format!("`Null` of `{key}` is neither true nor false")),
    }))
}
