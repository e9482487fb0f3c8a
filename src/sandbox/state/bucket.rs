//! A bucket of S3, as far as its owner is asked about it.
//!
//! Owns: the shape of it. Must not: hold objects, or know a wire format.

use crate::model::Region;
use jiff::Timestamp;

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Where it is.
    pub region: Region,
    /// When it was created.
    pub created: Timestamp,
    /// Whether its policy makes it public; `None`: it has no policy.
    pub public_policy: Option<bool>,
    /// Grants to predefined groups: URI and permission.
    pub group_grants: Vec<(String, String)>,
    /// Where access logs go.
    pub log_bucket: Option<String>,
}
