//! Grants as an IAM policy document.
//!
//! Must not: decide what is granted.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A condition block: operator, key, value.
pub type Condition = BTreeMap<&'static str, BTreeMap<&'static str, &'static str>>;

/// One statement that allows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it is for: letters and digits.
    pub sid: String,
    /// IAM actions.
    pub actions: BTreeSet<String>,
    /// ARNs, with `*`.
    pub resources: Vec<String>,
    /// The condition block, if there is one.
    pub condition: Option<Condition>,
}

impl Grant {
    /// Actions that can't be narrowed to resources, or only read.
    pub(super) fn on_anything(sid: &str, actions: BTreeSet<String>) -> Self {
        Self { sid: sid.to_owned(), actions, resources: vec!["*".to_owned()], condition: None }
    }
}

/// A policy document, its keys in the order AWS shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document<'a> {
    version: &'static str,
    statement: Vec<Statement<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    sid: &'a str,
    effect: &'static str,
    action: &'a BTreeSet<String>,
    resource: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Condition>,
}

/// The policy document of some grants.
pub fn document(grants: &[Grant]) -> Document<'_> {
    let statement = grants
        .iter()
        .map(|grant| Statement {
            sid: &grant.sid,
            effect: "Allow",
            action: &grant.actions,
            resource: &grant.resources,
            condition: grant.condition.as_ref(),
        })
        .collect();
    Document { version: "2012-10-17", statement }
}
