//! How one value of a request compares with one value of a policy.
//!
//! Owns: texts, ARNs, booleans, numbers, dates, binary values and IP addresses. Must not: know of sets, negation or absent
//! keys (`condition` does), or guess what an unreadable value means.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

use super::condition::Truth;
use super::document::Version;
use super::glob::{Expanded, Glob};
use super::request::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::net::IpAddr;

/// How one value of the request is compared with one of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Text { wildcards: bool, fold: bool },
    Arn,
    Bool,
    Number(Order),
    Date(Order),
    Binary,
    Ip,
}

/// What order is asked of the request's value to the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Test {
    /// What a value should be, with its article.
    fn what(self) -> &'static str {
        match self {
            Self::Text { .. } => "a text",
            Self::Arn => "an ARN",
            Self::Bool => "`true` or `false`",
            Self::Number(_) => "a number",
            Self::Date(_) => "a date (ISO 8601 with a time zone, or seconds since 1970)",
            Self::Binary => "base64",
            Self::Ip => "an IP address or a CIDR range",
        }
    }

    /// Whether `${...}` in the policy's value is a variable: in strings and ARNs, and in what is compared as text.
    fn takes_variables(self) -> bool {
        matches!(self, Self::Text { .. } | Self::Arn | Self::Bool | Self::Binary)
    }

    /// What a value of a policy should be, if it is not. ARNs are left to the request: some keys take `*`.
    pub(super) fn unfit(self, value: &str) -> Option<&'static str> {
        if self.takes_variables() && value.contains("${") {
            return None;
        }
        let fits = match self {
            Self::Text { .. } | Self::Arn => true,
            Self::Bool => boolean(value).is_some(),
            Self::Number(_) => number(value).is_some(),
            Self::Date(_) => date(value).is_some(),
            Self::Binary => STANDARD.decode(value).is_ok(),
            Self::Ip => Range::parse(value).is_some(),
        };
        (!fits).then(|| self.what())
    }
}

/// Whether one value of the request fits one of the policy, before negation.
///
/// A variable that is not in the request is no value: nothing equals it, and so every negated operator holds ("Variables
/// and tags", "Policy variables with no value").
pub(super) fn compare(test: Test, value: &str, wanted: &str, version: Version, request: &Request, key: &str) -> Truth {
    if !test.takes_variables() {
        return plain(test, value, wanted).map_or_else(|| unfit(test, key), Truth::from);
    }
    let wildcards = matches!(test, Test::Arn | Test::Text { wildcards: true, .. });
    let wanted = match Glob::expand(wanted, wildcards, version, request) {
        Expanded::Glob(glob) => glob,
        Expanded::Unknown(why) => return Truth::Unknown(why),
        Expanded::Nothing => return Truth::No,
    };
    let held = match test {
        Test::Text { fold, .. } => Some(wanted.matches(value, fold)),
        Test::Arn => wanted.matches_arn(value),
        _ => plain(test, value, &wanted.literal()),
    };
    held.map_or_else(|| unfit(test, key), Truth::from)
}

fn unfit(test: Test, key: &str) -> Truth {
    Truth::Unknown(format!("`{key}` is compared as {}, and one side is not", test.what()))
}

/// Compares where nothing is special in the policy's value; `None` if one side can't be read.
fn plain(test: Test, value: &str, wanted: &str) -> Option<bool> {
    match test {
        Test::Bool => Some(boolean(value)? == boolean(wanted)?),
        Test::Number(order) => Some(order.holds(number(value)?.total_cmp(&number(wanted)?))),
        Test::Date(order) => Some(order.holds(date(value)?.cmp(&date(wanted)?))),
        Test::Binary => Some(STANDARD.decode(value).ok()? == STANDARD.decode(wanted).ok()?),
        Test::Ip => Range::parse(wanted)?.holds(value.parse().ok()?),
        Test::Text { .. } | Test::Arn => None,
    }
}

/// `true` or `false`, whatever the case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A finite number; minus zero is zero.
fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number + 0.0)
}

/// A moment: seconds since 1970, or one of the W3C's forms of ISO 8601. A day or a month is its first moment in UTC. A
/// time without a zone could be anywhere, four digits could be a year or seconds: neither is a moment.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return if text.len() == 4 { None } else { Timestamp::from_second(seconds).ok() };
    }
    if text.contains(['T', 't']) {
        return text.parse().ok();
    }
    let day: Date = if text.len() == 7 { format!("{text}-01").parse() } else { text.parse() }.ok()?;
    day.to_zoned(TimeZone::UTC).ok().map(|moment| moment.timestamp())
}

/// Addresses that share their first bits.
struct Range {
    address: IpAddr,
    prefix: u32,
}

impl Range {
    /// `10.0.0.0/8`, `2001:db8::/32`, or one address.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(prefix.parse::<u32>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(most);
        (prefix <= most).then_some(Self { address, prefix })
    }

    /// Whether an address is in it. `None` where one is IPv4 and the other IPv4 written as IPv6: AWS does not say.
    fn holds(&self, address: IpAddr) -> Option<bool> {
        let wrapped = |address: &IpAddr| matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
        let differ = |a: u128, b: u128, width: u32| match width - self.prefix {
            128 => 0,
            unused => (a ^ b) >> unused,
        };
        match (self.address, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                Some(differ(u128::from(range.to_bits()), u128::from(address.to_bits()), 32) == 0)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => Some(differ(range.to_bits(), address.to_bits(), 128) == 0),
            (range, address) => (!wrapped(&range) && !wrapped(&address)).then_some(false),
        }
    }
}
