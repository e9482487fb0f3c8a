//! Who calls: the access key id of a request, turned into a [`Caller`].
//!
//! Owns: callers and the sessions that `AssumeRole` handed out. Must not: verify signatures (the sandbox hands out its
//! own keys and takes any signature), or answer an operation.

use crate::model::{AccountId, Region};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// Who calls, from where.
#[derive(Clone)]
pub struct Caller {
    /// The caller's account.
    pub account: AccountId,
    /// Its ARN: a user's, the root user's, or an assumed-role session's.
    pub arn: String,
    /// `AIDA...`, `AROA...:session`, or the account id for root.
    pub user_id: String,
    /// The role's ARN, for an assumed-role session.
    pub role_arn: Option<String>,
    /// The Region of the credential scope.
    pub region: Region,
    /// Whether this is a root user.
    pub is_root: bool,
    /// The session, for temporary credentials.
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) access_key: String,
}

/// Temporary credentials as they were handed out.
pub(crate) struct Session {
    pub(crate) account: AccountId,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub(crate) arn: String,
    pub(crate) role_arn: String,
    /// `AROA...:SESSION`.
    pub(crate) user_id: String,
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
    pub(crate) policy: Option<String>,
    pub(crate) source_identity: Option<String>,
    pub(crate) tags: std::collections::BTreeMap<String, String>,
    pub(crate) transitive_tags: std::collections::BTreeSet<String>,
}

impl Caller {
    /// `userIdentity` as CloudTrail records it.
    pub fn identity(&self) -> Value {
        let kind = if self.is_root {
            "Root"
        } else if self.role_arn.is_some() {
            "AssumedRole"
        } else {
            "IAMUser"
        };
        let mut identity = json!({
            "type": kind,
            "principalId": self.user_id,
            "arn": self.arn,
            "accountId": self.account.as_str(),
            "accessKeyId": self.access_key,
        });
        let Some(fields) = identity.as_object_mut() else { return identity };
        if let Some(role) = &self.role_arn {
            let name = role.rsplit('/').next().unwrap_or_default();
            let issuer = json!({
                "type": "Role",
                "principalId": self.user_id.split(':').next(),
                "arn": role,
                "accountId": self.account.as_str(),
                "userName": name,
            });
            fields.insert("sessionContext".to_owned(), json!({ "sessionIssuer": issuer }));
        } else if !self.is_root {
            fields.insert("userName".to_owned(), self.arn.rsplit('/').next().into());
        }
        identity
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("arn", &self.arn).field("region", &self.region).finish_non_exhaustive()
    }
}
