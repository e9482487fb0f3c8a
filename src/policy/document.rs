//! A policy document as types: what its text says, nothing of what it decides.
//!
//! Owns: statements and their elements. Must not: read text (`parse` does) or match anything (`evaluate` does).

use std::collections::BTreeMap;
use std::fmt;

/// The version of the policy language. A document without one has the older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2008-10-17`: the default; `${...}` is plain text.
    V2008,
    /// `2012-10-17`: with policy variables.
    V2012,
}

impl Version {
    /// As written in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

/// What a statement does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Forbids, whatever else grants.
    Deny,
}

impl Effect {
    /// As written in a document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// Who a `Principal` or `NotPrincipal` element names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principals {
    /// Whether it was written as `"*"`.
    pub anyone: bool,
    /// `AWS`: account ids, ARNs of roots, roles, users and sessions, unique ids of deleted ones, or `*`.
    pub aws: Vec<String>,
    /// `Service`: such as `cloudtrail.amazonaws.com`.
    pub service: Vec<String>,
    /// `Federated`: identity providers.
    pub federated: Vec<String>,
    /// `CanonicalUser`: S3's ids of accounts.
    pub canonical_user: Vec<String>,
}

impl Principals {
    /// Whether everyone is named: `"*"` or `{"AWS": "*"}`, which mean the same.
    pub fn is_anyone(&self) -> bool {
        self.anyone || self.aws.iter().any(|name| name == "*")
    }
}

/// One line of a `Condition` block. Lines are joined by "and", values by "or" (by "nor" for a negated operator).
#[derive(Clone, PartialEq, Eq)]
pub struct Condition {
    /// As written, such as `ForAnyValue:StringLikeIfExists`; compared without case.
    pub operator: String,
    /// As written; keys are compared without case.
    pub key: String,
    /// As text; booleans and numbers as written.
    pub values: Vec<String>,
}

impl Condition {
    /// Whether it asks for this key, whatever the case.
    pub fn is_about(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Condition");
        shown.field("operator", &self.operator).field("key", &self.key);
        if self.is_about("sts:ExternalId") {
            shown.field("values", &"hidden").finish()
        } else {
            shown.field("values", &self.values).finish()
        }
    }
}

/// A position in the text: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A statement. Exactly one of `actions` and `not_actions` has entries, at most one of `resources` and `not_resources`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) principals: Option<Principals>,
    pub(super) not_principals: Option<Principals>,
    pub(super) actions: Vec<String>,
    pub(super) not_actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) not_resources: Vec<String>,
    pub(super) conditions: Vec<Condition>,
    /// Where the statement begins.
    pub(super) position: Position,
    /// Where each of its elements is, by name.
    pub(super) elements: BTreeMap<String, Position>,
}

impl Statement {
    /// Its id, if it has one. Hostile: escape at every sink.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does when it matches.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// `Principal`, if written.
    pub fn principals(&self) -> Option<&Principals> {
        self.principals.as_ref()
    }

    /// `NotPrincipal`, if written.
    pub fn not_principals(&self) -> Option<&Principals> {
        self.not_principals.as_ref()
    }

    /// `Action`, as written; empty if the statement has `NotAction`.
    pub fn actions(&self) -> &[String] {
        &self.actions
    }

    /// `NotAction`, as written; empty if the statement has `Action`.
    pub fn not_actions(&self) -> &[String] {
        &self.not_actions
    }

    /// `Resource`, as written; empty if it has none (trust policies) or has `NotResource`.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// `NotResource`, as written; empty if it has none.
    pub fn not_resources(&self) -> &[String] {
        &self.not_resources
    }

    /// `Condition`, a line for each operator and key; empty if the statement always applies.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The line it begins on, from 1.
    pub fn line(&self) -> usize {
        self.position.line
    }

    /// The column it begins at, from 1, in characters.
    pub fn column(&self) -> usize {
        self.position.column
    }

    /// Where an element is; the statement itself if it lacks the element.
    pub(super) fn position_of(&self, element: &str) -> Position {
        self.elements.get(element).copied().unwrap_or(self.position)
    }
}

/// A policy document. Equality counts positions too; compare by meaning with [`super::canonical`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub(super) version: Option<Version>,
    pub(super) id: Option<String>,
    pub(super) statements: Vec<Statement>,
    /// Where `Version` is, or the document.
    pub(super) version_position: Position,
}

impl Document {
    /// Reads a policy from JSON text (strict JSON; no comments, no trailing commas).
    ///
    /// # Errors
    /// The first error of the JSON, or every error of the policy at once: duplicate keys, unknown elements, wrong types, a
    /// bad `Version` or `Effect`, a missing or doubled `Action`. What is legal in one type of policy only, [`super::lint`]
    /// tells.
    pub fn parse(text: &str) -> Result<Self, Vec<super::PolicyError>> {
        super::parse::document(text)
    }

    /// The version that holds, written or by default.
    pub fn version(&self) -> Version {
        self.version.unwrap_or(Version::V2008)
    }

    /// `Id`, if written.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Its statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}
