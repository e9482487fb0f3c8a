//! `ApiError`: how an operation says no.
//!
//! Owns: the error as handlers make it. Must not: know how a protocol writes it (`wire`).

use serde_json::{Map, Value};

/// An error answer: HTTP status, AWS's code and message, and members some codes carry (`Reason`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// AWS's code, such as `NoSuchEntity`.
    pub code: String,
    /// The message.
    pub message: String,
    /// Further members, such as `Reason`.
    pub members: Map<String, Value>,
}

/// The code of [`ApiError::validation`]; dispatch puts the service's own word in its place.
pub(crate) const VALIDATION: &str = "ValidationException";

impl ApiError {
    /// An error with status 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), members: Map::new() }
    }

    /// An input the service's model rejects. Each service words the code differently; dispatch takes care of it.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(VALIDATION, message)
    }

    /// Something the sandbox can't evaluate or does not have: status 501, so that it is never taken for an answer.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new("NotImplemented", message).with_status(501)
    }

    /// The same error with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same error with a further member, such as `Reason`.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }
}
