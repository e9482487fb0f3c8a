//! What a change is about: a symbolic address and the document found or wanted there.
//!
//! Addresses are symbolic: an attachment names its policy by type and name, so it can name one not yet created.

use super::ids::{AccountId, Region, TargetId};
use super::org::PolicyType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The address of something orgward manages.
///
/// The document at each address is a JSON object with the fields named here; a missing thing has no document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Address {
    /// An Organizations policy: `{description, content, tags}`; `content` is the text exactly as saved.
    Policy {
        /// Its type.
        policy_type: PolicyType,
        /// Its name, unique within the type.
        name: String,
    },
    /// A policy attached to a target: `{}`.
    Attachment {
        /// The policy's type.
        policy_type: PolicyType,
        /// The policy's name.
        policy: String,
        /// Where.
        target: TargetId,
    },
    /// An account's password policy: the fields of [`super::iam::PasswordPolicy`].
    PasswordPolicy {
        /// The account.
        account: AccountId,
    },
    /// A metric filter: the fields of [`super::monitoring::MetricFilter`] without its name; `dimensions`, `system_dimensions`,
    /// `unit` and `field_selection` only where they are set.
    MetricFilter {
        /// The account that owns the log group.
        account: AccountId,
        /// Its Region.
        region: Region,
        /// The log group.
        log_group: String,
        /// The filter's name.
        name: String,
    },
    /// A metric alarm: the fields of [`super::monitoring::Alarm`] without its name; `dimensions`, `unit`,
    /// `datapoints_to_alarm`, `extended_statistic` and `expression` only where they are set.
    Alarm {
        /// The account.
        account: AccountId,
        /// The Region.
        region: Region,
        /// Its name.
        name: String,
    },
    /// An SNS topic: `{tags}`.
    Topic {
        /// The account.
        account: AccountId,
        /// The Region.
        region: Region,
        /// Its name.
        name: String,
    },
    /// A subscription, confirmed or pending: `{}`.
    Subscription {
        /// The account of the topic.
        account: AccountId,
        /// The Region of the topic.
        region: Region,
        /// The topic's name.
        topic: String,
        /// `email`, `https` ...
        protocol: String,
        /// Where it goes.
        endpoint: String,
    },
}

impl Address {
    /// The account whose resource it is; `None` for what belongs to the organization.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Policy { .. } | Self::Attachment { .. } => None,
            Self::PasswordPolicy { account }
            | Self::MetricFilter { account, .. }
            | Self::Alarm { account, .. }
            | Self::Topic { account, .. }
            | Self::Subscription { account, .. } => Some(account),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy { policy_type, name } => write!(f, "policy {} \"{name}\"", policy_type.as_str()),
            Self::Attachment { policy, target, .. } => write!(f, "attachment of \"{policy}\" to {target}"),
            Self::PasswordPolicy { account } => write!(f, "password policy of {account}"),
            Self::MetricFilter { account, region, log_group, name } => {
                write!(f, "metric filter {account}/{region} \"{log_group}\" \"{name}\"")
            }
            Self::Alarm { account, region, name } => write!(f, "alarm {account}/{region} \"{name}\""),
            Self::Topic { account, region, name } => write!(f, "topic {account}/{region} \"{name}\""),
            Self::Subscription { account, region, topic, protocol, endpoint } => {
                write!(f, "subscription {account}/{region} \"{topic}\" {protocol} {}", shown_endpoint(endpoint))
            }
        }
    }
}

/// An endpoint as people may see it: of a URL only scheme and host, because webhooks carry their key in the rest.
pub fn shown_endpoint(endpoint: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/...")
        }
        None => endpoint.to_owned(),
    }
}

/// The document at an address: a JSON object, keys sorted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Doc(pub serde_json::Value);

impl Doc {
    /// A document from anything that serialises to a JSON object.
    ///
    /// # Errors
    /// If it can't be serialised.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(value).map(Self)
    }

    /// Reads the document as a type.
    ///
    /// # Errors
    /// If a field is missing or of another type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::shown_endpoint;

    #[test]
    fn a_webhook_does_not_show_its_key() {
        assert_eq!(shown_endpoint("https://hooks.example.com/services/T0/B0/secret"), "https://hooks.example.com/...");
        assert_eq!(shown_endpoint("https://user:secret@example.com?key=1"), "https://example.com/...");
        assert_eq!(shown_endpoint("security@example.com"), "security@example.com");
    }
}
