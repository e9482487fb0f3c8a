//! A CloudTrail trail as seen from one account and Region.
//!
//! Source: CloudTrail API reference, `DescribeTrails`, `GetTrailStatus`, `GetEventSelectors`.

use super::ids::{AccountId, Arn, Region};
use super::observed::{Cause, Observed};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A trail. A multi-Region trail is seen in each Region, an organization trail in each member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Its ARN; names the owner and the home Region.
    pub arn: String,
    /// Where it was created.
    pub home_region: Region,
    /// Whether it records every enabled Region.
    pub multi_region: bool,
    /// Whether it records every account of the organization.
    pub organization_trail: bool,
    /// Whether log files are signed.
    pub log_file_validation: bool,
    /// The bucket.
    pub s3_bucket: Option<String>,
    /// The key, if logs are encrypted with one.
    pub kms_key: Option<String>,
    /// The log group it delivers to; names the account and Region that own the group.
    pub log_group_arn: Option<String>,
    /// `GetTrailStatus`; asked only by the owner.
    pub status: Observed<TrailStatus>,
    /// `GetEventSelectors`; asked only by the owner.
    pub selectors: Observed<EventSelectors>,
}

/// Why trails, or what they do, are unknown.
pub fn causes(seen: &Observed<Vec<Trail>>) -> impl Iterator<Item = &Cause> {
    let each = seen.value().into_iter().flatten();
    seen.cause().into_iter().chain(each.flat_map(|trail| [trail.status.cause(), trail.selectors.cause()]).flatten())
}

impl Trail {
    /// The account that owns the trail, from its ARN.
    pub fn owner(&self) -> Option<AccountId> {
        Arn::parse(&self.arn)?.account.parse().ok()
    }

    /// The log group it delivers to, taken apart.
    pub fn log_group(&self) -> Option<LogGroup> {
        LogGroup::parse(self.log_group_arn.as_deref()?)
    }
}

/// A log group's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogGroup {
    /// The account that owns it.
    pub account: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its name.
    pub name: String,
}

impl LogGroup {
    /// Reads `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`, with or without the `:*`.
    pub fn parse(arn: &str) -> Option<Self> {
        let arn = Arn::parse(arn)?;
        let name = arn.resource.strip_prefix("log-group:")?;
        let name = name.strip_suffix(":*").unwrap_or(name);
        Some(Self { account: arn.account.parse().ok()?, region: arn.region.parse().ok()?, name: name.to_owned() })
    }
}

/// Whether the trail records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailStatus {
    /// Whether it is recording now.
    pub is_logging: bool,
    /// The last delivery to the bucket.
    pub latest_delivery: Option<Timestamp>,
    /// The last delivery to the log group.
    pub latest_log_group_delivery: Option<Timestamp>,
    /// The error of the last delivery to the bucket, as S3's code.
    pub delivery_error: Option<String>,
    /// The error of the last delivery to the log group.
    #[serde(default)]
    pub log_group_delivery_error: Option<String>,
}

/// Which events a trail records: basic selectors or advanced ones, never both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSelectors {
    /// Basic selectors.
    pub basic: Vec<BasicSelector>,
    /// Advanced selectors.
    pub advanced: Vec<AdvancedSelector>,
}

/// A basic selector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicSelector {
    /// `All`, `ReadOnly` or `WriteOnly`.
    pub read_write_type: String,
    /// Whether management events are recorded.
    pub include_management_events: bool,
    /// Sources left out, such as `kms.amazonaws.com`.
    pub excluded_sources: Vec<String>,
}

/// An advanced selector: every field must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvancedSelector {
    /// Its name.
    pub name: Option<String>,
    /// Its fields.
    pub fields: Vec<FieldSelector>,
}

/// One field of an advanced selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSelector {
    /// The field, such as `eventCategory`, `readOnly`, `eventSource`.
    pub field: String,
    /// Equal to one of these.
    pub equals: Vec<String>,
    /// Equal to none of these.
    pub not_equals: Vec<String>,
    /// Starting with one of these.
    pub starts_with: Vec<String>,
    /// Starting with none of these.
    pub not_starts_with: Vec<String>,
    /// Ending with one of these.
    pub ends_with: Vec<String>,
    /// Ending with none of these.
    pub not_ends_with: Vec<String>,
}
