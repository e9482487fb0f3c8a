//! A bucket that a trail writes to, as its owner sees it.
//!
//! Owns: the facts that CIS asks of such a bucket. Must not: judge. Source: Amazon S3 API reference, `GetBucketAcl`,
//! `GetBucketPolicyStatus`, `GetBucketLogging`.

use super::ids::Region;
use super::observed::{Cause, Observed};
use serde::{Deserialize, Serialize};

/// A trail's bucket in the account that owns it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrailBucket {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Whether its policy makes it public; absent where it has no policy.
    pub public_policy: Observed<bool>,
    /// Grants to predefined groups, such as `http://acs.amazonaws.com/groups/global/AllUsers` with `READ`.
    pub group_grants: Observed<Vec<GroupGrant>>,
    /// The bucket that access logs go to; absent where access is not logged.
    pub access_log_bucket: Observed<String>,
}

impl TrailBucket {
    /// Why parts of it are unknown.
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        let Self { public_policy, group_grants, access_log_bucket, .. } = self;
        [public_policy.cause(), group_grants.cause(), access_log_bucket.cause()].into_iter().flatten()
    }
}

/// A grant of an ACL to a predefined group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupGrant {
    /// The group's URI.
    pub group: String,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`.
    pub permission: String,
}
