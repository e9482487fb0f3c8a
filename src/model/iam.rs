//! What an account's IAM holds: summary, password policy, credential report, principals and policies.
//!
//! Source: IAM API reference and "Getting credential reports for your AWS account".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GetAccountSummary`, as AWS names its entries (`AccountMFAEnabled`, `AccountAccessKeysPresent` ...).
pub type AccountSummary = BTreeMap<String, i64>;

/// The account's password policy: every field of `GetAccountPasswordPolicy` that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordPolicy {
    /// 6 to 128.
    pub minimum_password_length: i32,
    /// At least one symbol.
    pub require_symbols: bool,
    /// At least one digit.
    pub require_numbers: bool,
    /// At least one upper-case letter.
    pub require_uppercase_characters: bool,
    /// At least one lower-case letter.
    pub require_lowercase_characters: bool,
    /// Whether users may change their own.
    pub allow_users_to_change_password: bool,
    /// Days until a password expires, 1 to 1,095; `None`: never.
    pub max_password_age: Option<i32>,
    /// How many old passwords may not be used again, 1 to 24; `None`: any may.
    pub password_reuse_prevention: Option<i32>,
    /// Whether an expired password locks its user out until an administrator resets it.
    pub hard_expiry: bool,
}

/// The credential report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialReport {
    /// When IAM made it; at most one new report every 4 hours.
    pub generated_at: Timestamp,
    /// A row per user, the root user first where AWS sends it.
    pub rows: Vec<CredentialRow>,
}

/// A cell of the credential report that is not a plain value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// A time.
    At(Timestamp),
    /// `N/A`: does not apply, or never happened.
    NotApplicable,
    /// `no_information`: never happened since AWS began to track it.
    NoInformation,
    /// `not_supported`: the report does not cover it (the root user's password).
    NotSupported,
}

impl Cell {
    /// The time, if there is one.
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(time) => Some(time),
            _ => None,
        }
    }
}

/// A row of the credential report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRow {
    /// The user's name, `<root_account>` for the root user.
    pub user: String,
    /// The ARN.
    pub arn: String,
    /// When the user was created.
    pub created: Cell,
    /// Whether there is a console password; `None` where AWS says `not_supported`.
    pub password_enabled: Option<bool>,
    /// When the password was last used.
    pub password_last_used: Cell,
    /// When the password was last changed.
    pub password_last_changed: Cell,
    /// Whether an MFA device is assigned.
    pub mfa_active: bool,
    /// Access keys 1 and 2.
    pub keys: Vec<KeyRow>,
    /// Signing certificates 1 and 2.
    pub certificates: Vec<CertificateRow>,
}

impl CredentialRow {
    /// Whether this is the root user's row.
    pub fn is_root(&self) -> bool {
        self.user == "<root_account>"
    }
}

/// An access key in the credential report. A key that does not exist is not active and has no dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// Whether it can be used.
    pub active: bool,
    /// When it was created or last rotated.
    pub last_rotated: Cell,
    /// When it was last used.
    pub last_used: Cell,
}

/// A signing certificate in the credential report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateRow {
    /// Whether it can be used.
    pub active: bool,
    /// When it was last rotated.
    pub last_rotated: Cell,
}

/// `GetAccountAuthorizationDetails`: principals and policies, with documents already URL-decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Users.
    pub users: Vec<IamUser>,
    /// Groups.
    pub groups: Vec<IamGroup>,
    /// Roles.
    pub roles: Vec<IamRole>,
    /// Customer-managed policies, and AWS-managed ones that are attached.
    pub policies: Vec<ManagedPolicy>,
}

/// A policy written into a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// Its name.
    pub name: String,
    /// Its document.
    pub document: String,
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamUser {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Inline policies.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An IAM group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Inline policies.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamRole {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its path.
    pub path: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its trust policy.
    pub trust_policy: String,
    /// Inline policies.
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Its name; empty where the API leaves it out.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// How many principals it is attached to.
    pub attachment_count: i32,
    /// The default version's document.
    pub document: Option<String>,
}

impl ManagedPolicy {
    /// Whether AWS owns it.
    pub fn aws_managed(&self) -> bool {
        self.arn.contains(":iam::aws:policy/")
    }
}

/// A virtual MFA device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualMfaDevice {
    /// Its serial number, an ARN.
    pub serial: String,
    /// ARN of the user it is assigned to; the root user's ends in `:root`.
    pub user_arn: Option<String>,
}
