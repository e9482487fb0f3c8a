//! Identifiers of AWS Organizations, each checked once, where it enters.
//!
//! Formats: the Organizations API reference (`PolicyId`, `TargetId`, `AccountId` patterns).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    /// The text as given, cut at 64 characters.
    pub text: String,
    /// What was expected, as a noun phrase with its form.
    pub expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(64).collect(), expected }
    }
}

/// A 12-digit AWS account id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9]{12}$"))]
pub struct AccountId(String);

impl AccountId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::new(text, "an account id (12 digits)"))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An Organizations policy id, such as `p-FullAWSAccess`: `^p-[0-9a-zA-Z_]{8,128}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^p-[0-9a-zA-Z_]{8,128}$"))]
pub struct PolicyId(String);

impl PolicyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let good = text.strip_prefix("p-").is_some_and(|rest| {
            (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        if good { Ok(Self(text.to_owned())) } else { Err(IdError::new(text, "a policy id (p-xxxxxxxx)")) }
    }
}

impl TryFrom<String> for PolicyId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PolicyId> for String {
    fn from(id: PolicyId) -> Self {
        id.0
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a policy can be attached to: the root (`r-xxxx`), an OU (`ou-xxxx-xxxxxxxx`) or an account (12 digits).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|[0-9]{12})$"))]
pub enum TargetId {
    /// The organization's root.
    Root(String),
    /// An organizational unit.
    Ou(String),
    /// A member account or the management account.
    Account(AccountId),
}

impl TargetId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root(id) | Self::Ou(id) => id,
            Self::Account(id) => id.as_str(),
        }
    }

    /// The account's id, if this is an account.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Account(id) => Some(id),
            _ => None,
        }
    }
}

/// `true` if `text` is made of lower-case letters and digits and its length is in `range`.
fn lower_alnum(text: &str, range: std::ops::RangeInclusive<usize>) -> bool {
    range.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

impl FromStr for TargetId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if let Some(rest) = text.strip_prefix("r-").filter(|rest| lower_alnum(rest, 4..=32)) {
            return Ok(Self::Root(format!("r-{rest}")));
        }
        let ou = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
        if ou.is_some_and(|(root, unit)| lower_alnum(root, 4..=32) && lower_alnum(unit, 8..=32)) {
            return Ok(Self::Ou(text.to_owned()));
        }
        text.parse().map(Self::Account).map_err(|_| {
            IdError::new(text, "a target: a root (r-xxxx), an OU (ou-xxxx-xxxxxxxx) or an account (12 digits)")
        })
    }
}

impl TryFrom<String> for TargetId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<TargetId> for String {
    fn from(id: TargetId) -> Self {
        id.as_str().to_owned()
    }
}

impl From<AccountId> for TargetId {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An AWS Region code, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-z]{1,12}(-[0-9a-z]{1,12}){1,3}-[0-9]{1,12}$"))]
pub struct Region(String);

impl Region {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let parts: Vec<&str> = text.split('-').collect();
        let good = (3..=5).contains(&parts.len())
            && parts.iter().all(|part| lower_alnum(part, 1..=12))
            && parts.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if good { Ok(Self(text.to_owned())) } else { Err(IdError::new(text, "a Region (such as eu-central-1)")) }
    }
}

impl TryFrom<String> for Region {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The parts of an ARN: `arn:partition:service:region:account:resource`.
///
/// Source: IAM user guide, "Identify AWS resources with ARNs".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc` ...
    pub partition: &'a str,
    /// The service prefix, such as `iam`.
    pub service: &'a str,
    /// The Region, empty for global services.
    pub region: &'a str,
    /// The account id, empty where the service has none.
    pub account: &'a str,
    /// The rest, colons and slashes included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits an ARN; `None` if it has fewer than six parts or does not start with `arn`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        Some(Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_where_they_enter() {
        assert!("123456789012".parse::<AccountId>().is_ok());
        for bad in ["12345678901", "1234567890123", "12345678901a", "", "１２３４５６７８９０１２"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
        assert!("p-FullAWSAccess".parse::<PolicyId>().is_ok());
        assert!("p-short".parse::<PolicyId>().is_err());
        assert_eq!("r-ab12".parse::<TargetId>(), Ok(TargetId::Root("r-ab12".into())));
        assert_eq!("ou-ab12-11111111".parse::<TargetId>(), Ok(TargetId::Ou("ou-ab12-11111111".into())));
        assert!("ou-ab12".parse::<TargetId>().is_err());
        for good in ["eu-central-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-7"] {
            assert!(good.parse::<Region>().is_ok(), "{good}");
        }
        for bad in ["eu-central", "EU-central-1", "eu_central_1", "-1", "eu--1"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_arn_keeps_colons_in_its_resource() {
        let arn = Arn::parse("arn:aws:logs:eu-west-1:111122223333:log-group:trail:*");
        assert_eq!(
            arn.map(|a| (a.region, a.account, a.resource)),
            Some(("eu-west-1", "111122223333", "log-group:trail:*"))
        );
        assert_eq!(Arn::parse("arn:aws:iam"), None);
    }
}
