//! Who calls: the access key id of a request, turned into a [`Caller`].
//!
//! Owns: callers and the sessions that `AssumeRole` handed out. Must not: verify signatures (the sandbox hands out its
//! own keys and takes any signature), or answer an operation.

use super::access::Parsed;
use super::error::ApiError;
use super::org::Org;
use super::services::Service;
use super::wire::Protocol;
use crate::model::{AccountId, Region};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// The session policy, if one was given.
    pub(crate) policy: Option<Arc<Parsed>>,
    pub(crate) source_identity: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) transitive_tags: BTreeSet<String>,
}

/// The parts of an `Authorization` header that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) region: &'a str,
    /// The signing name of the service, such as `monitoring`.
    pub(crate) service: &'a str,
}

impl<'a> Credential<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...`.
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let scope = fields.split([',', ' ']).find_map(|field| field.strip_prefix("Credential="))?;
        let mut parts = scope.split('/');
        let (access_key, _date) = (parts.next()?, parts.next()?);
        let credential = Self { access_key, region: parts.next()?, service: parts.next()? };
        (parts.next() == Some("aws4_request")).then_some(credential)
    }
}

/// The caller that holds the credentials.
///
/// # Errors
/// As AWS does: unknown keys, a missing or foreign session token, an expired session, a Region that is not enabled.
pub(crate) fn caller(
    org: &Org,
    credential: &Credential<'_>,
    token: Option<&str>,
    service: &Service,
    protocol: Protocol,
) -> Result<Caller, ApiError> {
    let unknown = || unrecognized(protocol);
    let region: Region = credential.region.parse().map_err(|_| unknown())?;
    let access_key = credential.access_key.to_owned();
    let caller = if let Some(key) = org.keys.get(credential.access_key) {
        Caller {
            account: key.account.clone(),
            is_root: key.arn.ends_with(":root"),
            arn: key.arn.clone(),
            user_id: key.user_id.clone(),
            role_arn: None,
            region,
            session: None,
            access_key,
        }
    } else {
        let session = org.sessions.get(credential.access_key).ok_or_else(unknown)?;
        if token != Some(session.token.as_str()) {
            return Err(unknown());
        }
        if session.expires <= org.now {
            return Err(expired(protocol));
        }
        Caller {
            account: session.account.clone(),
            arn: session.arn.clone(),
            user_id: session.user_id.clone(),
            role_arn: Some(session.role_arn.clone()),
            region,
            is_root: false,
            session: Some(Arc::clone(session)),
            access_key,
        }
    };
    // A closed account's credentials work no longer, and a Region that is not enabled knows no credentials at all.
    if !org.works(&caller.account) || !(service.global || org.region_usable(&caller.account, &caller.region)) {
        return Err(unknown());
    }
    Ok(caller)
}

/// The answer to credentials nobody knows.
pub(crate) fn unrecognized(protocol: Protocol) -> ApiError {
    let code = match protocol {
        Protocol::Query => "InvalidClientTokenId",
        Protocol::RestXml => "InvalidAccessKeyId",
        _ => "UnrecognizedClientException",
    };
    ApiError::new(code, "The security token included in the request is invalid.").with_status(403)
}

/// The answer to no credentials.
pub(crate) fn unsigned(protocol: Protocol) -> ApiError {
    let code = match protocol {
        Protocol::Query => "MissingAuthenticationToken",
        Protocol::RestXml => "AccessDenied",
        _ => "MissingAuthenticationTokenException",
    };
    ApiError::new(code, "Request is missing Authentication Token").with_status(403)
}

/// The answer to credentials past their time.
pub(crate) fn expired(protocol: Protocol) -> ApiError {
    let (code, status) = match protocol {
        Protocol::Query => ("ExpiredToken", 403),
        Protocol::RestXml => ("ExpiredToken", 400),
        _ => ("ExpiredTokenException", 400),
    };
    ApiError::new(code, "The security token included in the request is expired").with_status(status)
}

impl Service {
    /// The service's way to deny an action.
    pub(crate) fn denies(&self, caller_arn: &str, action: &str, resource: &str, because: &str) -> ApiError {
        let (code, status) = self.denied;
        let message =
            format!("User: {caller_arn} is not authorized to perform: {action} on resource: {resource} {because}");
        ApiError::new(code, message.trim_end()).with_status(status)
    }
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
