//! What a playbook says, once it is read: steps with exactly one action each.
//!
//! Owns: the types and the words of each action. Must not: read YAML (`load`) or decide changes (`planner`).

use super::parameters::Parameter;
use super::rollout::Rollout;
use super::source::{At, SourceText};
use crate::pattern::watched::Watched;

/// The version of the playbook format this build reads.
pub const PLAYBOOK_VERSION: i64 = 1;

/// A playbook, read and valid in itself. Whether its targets exist is for the organization to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Playbook {
    /// Its name: lower-case letters, digits and `-`. Part of every mark orgward leaves.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Parameters it declares.
    pub parameters: Vec<Parameter>,
    /// How its changes reach their accounts; `None`: all at once.
    pub rollout: Option<Rollout>,
    /// What it does, in order.
    pub steps: Vec<Step>,
    /// `sha256:<hex>` over its text, every document it names and every parameter value used.
    pub digest: String,
    /// The text it was read from, for messages that point into it.
    pub source: SourceText,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unique in the playbook: lower-case letters, digits and `-`.
    pub id: String,
    /// Where it stands.
    pub at: At,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create or update a service control policy and attach it.
    Scp(ScpSpec),
    /// The same for several in fewer documents.
    Packed(PackedSpec),
    /// Raise accounts' IAM password policies.
    PasswordPolicy(PasswordPolicySpec),
    /// Tell people of events: one alarm each.
    EventAlarms(Vec<EventAlarmSpec>),
}

impl Action {
    /// The words for actions, as they stand in a playbook.
    pub const WORDS: [&'static str; 4] = ["scp", "password_policy", "root_usage_alarm", "event_alarms"];
}

/// A target as written: the root (`/`, `root` or its id), an OU (id or path), or an account id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    /// As written, or as given for a parameter.
    pub text: String,
    /// Where.
    pub at: At,
}

/// `scp`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScpSpec {
    /// The policy's name, unique among service control policies.
    pub name: String,
    /// Its description; `None` keeps what is there.
    pub description: Option<String>,
    /// The document, minified: exactly what is saved.
    pub content: String,
    /// Where each of its statements stands: `file:line`.
    pub origins: Vec<String>,
    /// The policies packed into it, in words; empty if it is one by itself.
    pub holds: Vec<String>,
    /// Where it is attached.
    pub targets: Vec<TargetRef>,
    /// Whether to take over a same-named policy that orgward did not make for this step.
    pub adopt: bool,
}

/// `scp` with `pack`: documents called `NAME-1`, `NAME-2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedSpec {
    /// The name as written.
    pub name: String,
    /// The documents; at least one.
    pub policies: Vec<ScpSpec>,
}

/// `password_policy`. A setting that is left out keeps its live value; one that is given is a floor, so that a stronger
/// live value is kept, unless `exact`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PasswordPolicySpec {
    /// Where; `None`: every account in scope.
    pub targets: Option<Vec<TargetRef>>,
    /// 6 to 128 (CIS 1.8 in v1.4 to v4.0: 14).
    pub minimum_length: Option<i32>,
    /// At least one symbol.
    pub require_symbols: Option<bool>,
    /// At least one digit.
    pub require_numbers: Option<bool>,
    /// At least one upper-case letter.
    pub require_uppercase: Option<bool>,
    /// At least one lower-case letter.
    pub require_lowercase: Option<bool>,
    /// Days until a password expires, 1 to 1,095.
    pub max_age: Option<i32>,
    /// How many old passwords may not be used again, 1 to 24 (CIS 1.9 in v1.4 to v4.0: 24).
    pub reuse_prevention: Option<i32>,
    /// Whether an expired password locks its user out until an administrator resets it.
    pub hard_expiry: Option<bool>,
    /// Whether users may change their own. Neither value is the stronger one, so it is set as given.
    pub allow_users_to_change: Option<bool>,
    /// Whether values are set as given, even where that weakens a live setting.
    pub exact: bool,
}

/// One alarm of `event_alarms`, or that of `root_usage_alarm`: metric filter, alarm, topic and subscriptions in the account and
/// Region that own the log group of the organization trail (CIS 4.1 to 4.15 in v1.4 to v5.0, 5.1 to 5.15 in v6.0 and v7.0).
#[derive(Debug, Clone, PartialEq)]
pub struct EventAlarmSpec {
    /// What people are told of.
    pub event: &'static Watched,
    /// The metric filter's name.
    pub filter_name: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric_name: String,
    /// The alarm's name.
    pub alarm_name: String,
    /// The topic's name.
    pub topic_name: String,
    /// Who is told.
    pub subscriptions: Vec<SubscriptionSpec>,
    /// Whether to take over same-named things that orgward did not make for this step.
    pub adopt: bool,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// `email`, `email-json`, `https`, `http`, `sms`, `sqs`, `lambda`.
    pub protocol: String,
    /// The address of that protocol.
    pub endpoint: String,
}
