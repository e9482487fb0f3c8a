//! Credentials and certificates of IAM that no report and no `GetAccountAuthorizationDetails` shows.
//!
//! Owns: their facts. Must not: judge. Source: IAM API reference.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A server certificate kept in IAM: `iam:ListServerCertificates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it expires.
    pub expires: Option<Timestamp>,
}

/// A SAML identity provider: `iam:ListSAMLProviders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlProvider {
    /// Its ARN.
    pub arn: String,
    /// Until when its metadata document, and so its signing certificate, is valid.
    pub valid_until: Option<Timestamp>,
}

/// A service-specific credential (CodeCommit, Keyspaces, Bedrock): `iam:ListServiceSpecificCredentials` with `AllUsers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpecificCredential {
    /// The user's name.
    pub user: String,
    /// The service, such as `codecommit.amazonaws.com`.
    pub service: String,
    /// Its id; no secret.
    pub id: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it expires; `None`: never.
    pub expires: Option<Timestamp>,
}

/// An SSH public key of a user: `iam:ListSSHPublicKeys`, one call per user, so only with `--deep`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshPublicKey {
    /// The user's name.
    pub user: String,
    /// Its id.
    pub id: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was uploaded.
    pub uploaded: Option<Timestamp>,
}
