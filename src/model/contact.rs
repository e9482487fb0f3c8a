//! Whom AWS can reach about an account.
//!
//! Owns: which fields are filled. Names, addresses and telephone numbers themselves are never kept. Source: Account Management
//! API reference, `GetAlternateContact`, `GetContactInformation`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A contact: the names of the fields that hold something, as AWS names them (`EmailAddress`, `PhoneNumber`, `FullName` ...).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Fields that hold something.
    pub filled: BTreeSet<String>,
}
