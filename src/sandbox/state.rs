//! `AccountState`: everything one account of the sandbox holds.
//!
//! Owns: the shape of an account's IAM, trails, log groups, alarms, topics, buckets, watchers and Regions. Must not: generate population data
//! (`generate`), apply AWS's rules (`services`), or know a wire format.

mod bucket;
mod identity;
mod watched;

pub use bucket::Bucket;
pub use identity::{Budget, Contacts, Identity, SamlProvider, ServerCertificate, ServiceCredential, SshKey};
pub use watched::{Analyzer, AnalyzerFinding, Detector, Recorder, Rule, Watched};

use crate::model::iam::PasswordPolicy;
use crate::model::{AccountId, Region};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The state of one account. Equal for equal (seed, id, profile) until something is written.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountState {
    /// Whose state.
    pub account: AccountId,
    /// When the account was created.
    pub created: Timestamp,
    /// The account alias, if it has one.
    pub alias: Option<String>,
    /// The root user.
    pub root: RootUser,
    /// Users by name.
    pub users: BTreeMap<String, User>,
    /// Groups by name.
    pub groups: BTreeMap<String, Group>,
    /// Roles by name (without path).
    pub roles: BTreeMap<String, Role>,
    /// Customer-managed policies by ARN.
    pub policies: BTreeMap<String, Policy>,
    /// The password policy; `None`: `NoSuchEntity`.
    pub password_policy: Option<PasswordPolicy>,
    /// Virtual MFA devices by serial number.
    pub virtual_mfa: BTreeMap<String, VirtualMfa>,
    /// The account's own trails by ARN. An organization trail lives in its owner only.
    pub trails: BTreeMap<String, Trail>,
    /// Log groups by Region and name.
    pub log_groups: BTreeMap<(Region, String), LogGroup>,
    /// Metric alarms by Region and name.
    pub alarms: BTreeMap<(Region, String), Alarm>,
    /// Topics by ARN.
    pub topics: BTreeMap<String, Topic>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
    /// What watches each Region that differs from a healthy one: `generate::watched` knows those too.
    pub watched: BTreeMap<Region, Watched>,
    /// Every Region and whether the account can use it.
    pub regions: BTreeMap<Region, RegionOptStatus>,
    /// Certificates, providers and further credentials.
    pub identity: Identity,
    /// Whom AWS can reach.
    pub contacts: Contacts,
    /// Budgets by name.
    pub budgets: BTreeMap<String, Budget>,
}

/// `RegionOptStatus` of `account:ListRegions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionOptStatus {
    /// On since the account exists.
    EnabledByDefault,
    /// Switched on.
    Enabled,
    /// Being switched on.
    Enabling,
    /// Off.
    Disabled,
    /// Being switched off.
    Disabling,
}

impl RegionOptStatus {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnabledByDefault => "ENABLED_BY_DEFAULT",
            Self::Enabled => "ENABLED",
            Self::Enabling => "ENABLING",
            Self::Disabled => "DISABLED",
            Self::Disabling => "DISABLING",
        }
    }

    /// Whether a Region's endpoints answer this account.
    pub fn usable(self) -> bool {
        matches!(self, Self::EnabledByDefault | Self::Enabled | Self::Disabling)
    }
}

/// The root user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RootUser {
    /// Whether it has a password. Accounts made under centralised root access have none.
    pub has_password: bool,
    /// When it last signed in.
    pub password_last_used: Option<Timestamp>,
    /// Its MFA devices.
    pub mfa: RootMfa,
    /// Its access keys, at most two.
    pub keys: Vec<AccessKey>,
}

/// What second factor the root user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RootMfa {
    /// None.
    None,
    /// A virtual device; `AccountState::virtual_mfa` holds it.
    Virtual,
    /// A security key or hardware token.
    #[default]
    Hardware,
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// `AIDA` and 17 characters.
    pub id: String,
    /// Its path, `/` or `/x/`.
    pub path: String,
    /// When it was created.
    pub created: Timestamp,
    /// Its console password.
    pub password: Option<ConsolePassword>,
    /// Whether an MFA device is assigned.
    pub mfa: bool,
    /// Its access keys, at most two.
    pub keys: Vec<AccessKey>,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// Inline policies by name, documents not encoded.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A console password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsolePassword {
    /// When it was set or last changed.
    pub changed: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

/// An access key. The secret exists nowhere in the sandbox but for the caller's own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// `AKIA` and 16 characters.
    pub id: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was created.
    pub created: Timestamp,
    /// When, where and for which service it was last used.
    pub last_used: Option<KeyUse>,
}

/// The last use of an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// When.
    pub at: Timestamp,
    /// The Region's code.
    pub region: String,
    /// The service's prefix.
    pub service: String,
}

/// An IAM group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `AGPA` and 17 characters.
    pub id: String,
    /// Its path.
    pub path: String,
    /// When it was created.
    pub created: Timestamp,
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// `AROA` and 17 characters.
    pub id: String,
    /// Its path.
    pub path: String,
    /// Its description.
    pub description: String,
    /// When it was created.
    pub created: Timestamp,
    /// Its trust policy, JSON not encoded.
    pub trust_policy: String,
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub attached: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// The longest session in seconds, 3,600 to 43,200.
    pub max_session_seconds: i32,
    /// When and in which Region it was last used.
    pub last_used: Option<(Timestamp, String)>,
    /// Its tags.
    pub tags: Tags,
}

impl Role {
    /// Its ARN in `account`.
    pub fn arn(&self, account: &AccountId) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }
}

/// A customer-managed policy with its default version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `ANPA` and 17 characters.
    pub id: String,
    /// Its path.
    pub path: String,
    /// When it was created.
    pub created: Timestamp,
    /// The default version's document, not encoded.
    pub document: String,
}

/// A virtual MFA device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualMfa {
    /// Whom it is assigned to, and since when.
    pub assigned: Option<(MfaUser, Timestamp)>,
}

/// Whom a device is assigned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MfaUser {
    /// The root user.
    Root,
    /// A user, by name.
    User(String),
}

/// A CloudTrail trail.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where it was created.
    pub home_region: Region,
    /// Whether it records every enabled Region.
    pub multi_region: bool,
    /// Whether it records every account of the organization.
    pub organization: bool,
    /// Whether log files are signed.
    pub log_file_validation: bool,
    /// Whether events of global services are recorded.
    pub global_services: bool,
    /// The bucket.
    pub bucket: String,
    /// The key's ARN.
    pub kms_key: Option<String>,
    /// The log group's ARN, ending in `:*`.
    pub log_group_arn: Option<String>,
    /// The role that delivers to the log group.
    pub log_role_arn: Option<String>,
    /// Whether it records now.
    pub logging: bool,
    /// When recording began.
    pub started: Timestamp,
    /// What it records.
    pub selectors: Selectors,
}

/// What a trail records, in AWS's JSON form.
#[derive(Debug, Clone, PartialEq)]
pub enum Selectors {
    /// Nothing was set: one basic selector, `All`, with management events.
    Default,
    /// Basic selectors.
    Basic(Vec<Value>),
    /// Advanced selectors.
    Advanced(Vec<Value>),
}

/// A log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    /// When it was created.
    pub created: Timestamp,
    /// Days events are kept; `None`: forever.
    pub retention_days: Option<i32>,
    /// Bytes stored when the sandbox began.
    pub stored_bytes: i64,
    /// Metric filters by name, at most 100.
    pub filters: BTreeMap<String, MetricFilter>,
}

/// A metric filter with its one transformation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricFilter {
    /// The pattern.
    pub pattern: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// The value a match adds, as text.
    pub value: String,
    /// The value when nothing matches, as text (JSON number).
    pub default_value: Option<String>,
    /// The unit.
    pub unit: Option<String>,
    /// When it was put.
    pub created: Timestamp,
}

/// A metric alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Every setting given to `PutMetricAlarm` but its name and tags, in AWS's member names, numbers as numbers.
    pub settings: BTreeMap<String, Value>,
    /// When it was last put.
    pub updated: Timestamp,
    /// Its tags.
    pub tags: Tags,
}

/// An SNS topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Attributes that were set at creation (`DisplayName`, `KmsMasterKeyId` ...).
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
    /// Its subscriptions in the order they were made.
    pub subscriptions: Vec<Subscription>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The ARN it has, or will have once confirmed.
    pub arn: String,
    /// `email`, `https`, `sqs`, `lambda` ...
    pub protocol: String,
    /// Where it goes.
    pub endpoint: String,
    /// Whether the receiver confirmed.
    pub confirmed: bool,
}

/// When a credential report was asked for. Its rows are those of the account's state; nothing in the sandbox changes
/// users, so the report as of then is the report of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRequest {
    /// When `GenerateCredentialReport` started it.
    pub requested_at: Timestamp,
    /// `MaxPasswordAge` at that moment, in days: the `password_next_rotation` column comes from it.
    pub max_password_age: Option<i32>,
}

impl AccountState {
    /// The same account with nobody in it: no users, groups, roles, policies, MFA devices or further credentials.
    #[must_use]
    pub fn unpeopled(mut self) -> Self {
        self.users.clear();
        self.groups.clear();
        self.roles.clear();
        self.policies.clear();
        self.virtual_mfa.clear();
        self.identity = Identity::default();
        self
    }

    /// The ARN of a user.
    pub fn user_arn(&self, user: &User) -> String {
        format!("arn:aws:iam::{}:user{}{}", self.account, user.path, user.name)
    }
}
