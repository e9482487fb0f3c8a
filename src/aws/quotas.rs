//! AWS's request quotas as data: `config/quotas.yaml`, and a user's file of the same form over it.
//!
//! Figures live in the file, never here. This module reads and looks up; the limiter enforces.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The embedded file.
const EMBEDDED: &str = include_str!("../../config/quotas.yaml");

/// What a token bucket allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Requests per second to start with.
    pub rate: f64,
    /// Requests at once.
    pub burst: u32,
    /// Requests per second never exceeded: `rate`, unless AWS publishes none.
    pub ceiling: f64,
}

impl Allowance {
    /// Whether AWS publishes no rate, so that it has to be found out.
    pub fn unpublished(&self) -> bool {
        self.ceiling > self.rate
    }
}

/// Why a quotas file can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("quotas file `{file}`: {message}")]
pub struct QuotasError {
    /// The file as named by whoever gave it.
    pub file: String,
    /// What is wrong, with line and column where the text can't be read.
    pub message: String,
}

/// The quotas of every service.
#[derive(Debug, Clone, PartialEq)]
pub struct Quotas {
    unlisted: Others,
    services: BTreeMap<String, ServiceQuotas>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotasFile {
    version: u32,
    unlisted: Option<Others>,
    #[serde(default)]
    services: BTreeMap<String, ServiceQuotas>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceQuotas {
    others: Option<Others>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    operations: Vec<String>,
    rate: f64,
    burst: u32,
    ceiling: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Others {
    share: Share,
    rate: f64,
    burst: u32,
    ceiling: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Share {
    Service,
    Operation,
}

/// The group name of operations that share a service's `others` bucket.
const OTHERS: &str = "others";

impl Quotas {
    /// AWS's published quotas, as shipped. A test reads the file, so that it can always be read here.
    pub fn embedded() -> Self {
        let slow = Others { share: Share::Operation, rate: 1.0, burst: 1, ceiling: None };
        match parse("config/quotas.yaml", EMBEDDED) {
            Ok(file) => Self { unlisted: file.unlisted.unwrap_or(slow), services: file.services },
            Err(_) => Self { unlisted: slow, services: BTreeMap::new() },
        }
    }

    /// These quotas with a user's over them: groups replaced by name, `others` and `unlisted` where given. An operation
    /// that the user's groups name leaves the group it was in.
    ///
    /// # Errors
    /// If the text can't be read, or a figure makes no sense.
    pub fn with_overrides(mut self, file: &str, text: &str) -> Result<Self, QuotasError> {
        let over = parse(file, text)?;
        if let Some(unlisted) = over.unlisted {
            self.unlisted = unlisted;
        }
        for (service, theirs) in over.services {
            let ours = self.services.entry(service).or_insert(ServiceQuotas { others: None, groups: Vec::new() });
            if theirs.others.is_some() {
                ours.others = theirs.others;
            }
            for group in theirs.groups {
                ours.groups.retain(|existing| existing.name != group.name);
                for existing in &mut ours.groups {
                    existing.operations.retain(|operation| !group.operations.contains(operation));
                }
                ours.groups.push(group);
            }
        }
        Ok(self)
    }

    /// The group an operation belongs to and what its bucket allows.
    ///
    /// `service` is the prefix of the service's IAM actions, such as `organizations`.
    pub fn lookup(&self, service: &str, operation: &str) -> (String, Allowance) {
        let quotas = self.services.get(service);
        let group = quotas.and_then(|q| q.groups.iter().find(|g| g.operations.iter().any(|o| o == operation)));
        if let Some(group) = group {
            return (group.name.clone(), allowance(group.rate, group.burst, group.ceiling));
        }
        let others = quotas.and_then(|quotas| quotas.others.as_ref()).unwrap_or(&self.unlisted);
        let name = match others.share {
            Share::Service => OTHERS.to_owned(),
            Share::Operation => operation.to_owned(),
        };
        (name, allowance(others.rate, others.burst, others.ceiling))
    }

    /// What an operation is allowed of which nothing else is known, if AWS publishes no rates for the service.
    pub fn others(&self, service: &str) -> Option<Allowance> {
        let others = self.services.get(service).and_then(|quotas| quotas.others.as_ref()).unwrap_or(&self.unlisted);
        Some(allowance(others.rate, others.burst, others.ceiling)).filter(Allowance::unpublished)
    }
}

fn allowance(rate: f64, burst: u32, ceiling: Option<f64>) -> Allowance {
    Allowance { rate, burst, ceiling: ceiling.unwrap_or(rate) }
}

/// Reads and checks a file.
fn parse(name: &str, text: &str) -> Result<QuotasFile, QuotasError> {
    let wrong = |message: String| QuotasError { file: name.to_owned(), message };
    let file: QuotasFile = serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if file.version != 1 {
        return Err(wrong(format!("version `{}` is not known, use 1", file.version)));
    }
    if let Some(others) = &file.unlisted {
        sane("unlisted", others.rate, others.burst, others.ceiling).map_err(wrong)?;
    }
    for (service, quotas) in &file.services {
        if let Some(others) = &quotas.others {
            sane(&format!("{service}/others"), others.rate, others.burst, others.ceiling).map_err(wrong)?;
        }
        for group in &quotas.groups {
            let place = format!("{service}/{}", group.name);
            sane(&place, group.rate, group.burst, group.ceiling).map_err(wrong)?;
            let twice = group.operations.iter().find(|operation| {
                quotas.groups.iter().filter(|other| other.operations.contains(operation)).count() > 1
            });
            if let Some(operation) = twice {
                return Err(wrong(format!("`{operation}` of {service} is in more than one group")));
            }
            if quotas.groups.iter().filter(|other| other.name == group.name).count() > 1 {
                return Err(wrong(format!("{place} is there twice")));
            }
        }
    }
    Ok(file)
}

/// Checks the figures of a bucket.
fn sane(place: &str, rate: f64, burst: u32, ceiling: Option<f64>) -> Result<(), String> {
    if !(0.001..=100_000.0).contains(&rate) {
        return Err(format!("{place}: rate `{rate}` is not between 0.001 and 100000 requests a second"));
    }
    if !(1..=100_000).contains(&burst) {
        return Err(format!("{place}: burst `{burst}` is not between 1 and 100000 requests"));
    }
    match ceiling {
        Some(ceiling) if !(rate..=100_000.0).contains(&ceiling) => {
            Err(format!("{place}: ceiling `{ceiling}` is not between the rate `{rate}` and 100000 requests a second"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_quotas_are_aws_published_ones() {
        assert_eq!(parse("config/quotas.yaml", EMBEDDED).map(|file| file.unlisted.is_some()), Ok(true));
        let quotas = Quotas::embedded();
        for (service, operation, group, rate, burst) in [
            ("organizations", "ListAccounts", "list-accounts", 8.0, 12),
            ("organizations", "ListTargetsForPolicy", "list-policies", 5.0, 8),
            ("organizations", "ListPolicies", "list-policies", 5.0, 8),
            ("organizations", "DescribeOrganization", "describe-organization", 1.0, 2),
            ("organizations", "AttachPolicy", "write-policy", 2.0, 3),
            ("sts", "AssumeRole", "others", 600.0, 600),
            ("sts", "GetCallerIdentity", "others", 600.0, 600),
            ("cloudtrail", "LookupEvents", "lookup-events", 2.0, 2),
            ("cloudtrail", "CreateTrail", "CreateTrail", 1.0, 1),
            ("logs", "DescribeMetricFilters", "DescribeMetricFilters", 5.0, 5),
            ("cloudwatch", "DescribeAlarms", "describe-alarms", 9.0, 9),
            ("sns", "ListSubscriptionsByTopic", "list-subscriptions", 30.0, 30),
            ("account", "GetAlternateContact", "get-alternate-contact", 10.0, 15),
        ] {
            let (name, allowance) = quotas.lookup(service, operation);
            assert_eq!((name.as_str(), allowance.rate, allowance.burst), (group, rate, burst), "{service}:{operation}");
            assert_eq!(allowance.ceiling, allowance.rate, "{service}:{operation} is published");
        }
        let (name, iam) = quotas.lookup("iam", "GetAccountSummary");
        assert_eq!(name, "GetAccountSummary");
        assert!(iam.unpublished(), "IAM publishes none, so it is found out");
        assert_eq!(quotas.others("iam"), Some(iam));
        assert_eq!(quotas.others("organizations"), None);
        assert_eq!(
            quotas.others("logs"),
            None,
            "one operation's rate depends on the Region, the others' are published"
        );
        assert_eq!(quotas.lookup("newservice", "Frob").0, "Frob");
    }

    #[test]
    fn a_user_file_replaces_by_name_and_takes_operations_over() {
        let quotas = Quotas::embedded();
        let text = "version: 1\nservices:\n  organizations:\n    groups:\n      - { name: mine, operations: [ListAccounts, \
                    ListPolicies], rate: 0.5, burst: 1 }\n  iam:\n    others: { share: service, rate: 3, burst: 3 }\n";
        let quotas = quotas.with_overrides("mine.yaml", text).unwrap();
        assert_eq!(quotas.lookup("organizations", "ListAccounts").0, "mine");
        assert_eq!(quotas.lookup("organizations", "ListPolicies").1.rate, 0.5);
        assert_eq!(quotas.lookup("organizations", "ListTargetsForPolicy").1.rate, 5.0);
        assert_eq!(quotas.lookup("iam", "GetAccountSummary").0, "others");
    }

    #[test]
    fn bad_files_say_what_is_wrong() {
        let quotas = Quotas::embedded();
        for (text, want) in [
            ("version: 2\n", "version `2`"),
            ("version: 1\nservices:\n  iam:\n    others: { share: service, rate: 0, burst: 1 }\n", "rate `0`"),
            ("version: 1\nservices:\n  iam:\n    others: { share: service, rate: 1, burst: 0 }\n", "burst `0`"),
            (
                "version: 1\nservices:\n  iam:\n    others: { share: service, rate: 2, burst: 1, ceiling: 1 }\n",
                "ceiling `1`",
            ),
            ("version: 1\nservises: {}\n", "servises"),
            (
                "version: 1\nservices:\n  iam:\n    groups:\n      - { name: a, operations: [X], rate: 1, burst: 1 }\n      - { \
                 name: b, operations: [X], rate: 1, burst: 1 }\n",
                "more than one group",
            ),
        ] {
            let error = quotas.clone().with_overrides("mine.yaml", text).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("mine.yaml"), "{error}");
        }
    }
}
