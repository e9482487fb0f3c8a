//! The fact catalogue: which calls make each fact, and which permissions they need.
//!
//! Owns: the one list that permissions, documentation and request bounds are unions over. Must not: call anything.

use crate::model::check::Fact;
use serde::Serialize;

/// Where a fact is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the management account, with the caller's own credentials.
    Management,
    /// In the account that owns the organization trail's log group, with the audit role.
    LogGroupOwner,
    /// In the management account and in the delegated administrator of the service.
    Administrator,
    /// In each account, with the audit role (the management account: with the caller's own credentials).
    Account,
}

/// How a fact is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FactSource {
    /// The fact.
    pub fact: Fact,
    /// Where it is read.
    pub place: Place,
    /// The calls, as `service:Operation`.
    pub calls: &'static [&'static str],
    /// The IAM actions these calls need.
    pub permissions: &'static [&'static str],
}

/// What every run calls before any fact: who the caller is, and entering an account.
pub const ENTERING: &[&str] = &["sts:GetCallerIdentity", "sts:AssumeRole"];

/// What every run calls in the caller's own account while the organization is enumerated, whatever its facts: Regions that are
/// named are held against those there are.
pub const ENUMERATING: &[&str] = &["account:ListRegions"];

/// Calls whose IAM action has the same name, which is all of them.
const fn source(fact: Fact, place: Place, calls: &'static [&'static str]) -> FactSource {
    FactSource { fact, place, calls, permissions: calls }
}

/// Every fact, in the order of [`Fact`].
pub const CATALOG: &[FactSource] = &[
    source(
        Fact::Organization,
        Place::Management,
        &[
            "organizations:DescribeOrganization",
            "organizations:ListRoots",
            "organizations:ListAccounts",
            "organizations:DescribeAccount",
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:ListChildren",
            "organizations:ListParents",
            "organizations:ListTagsForResource",
            "organizations:ListDelegatedAdministrators",
        ],
    ),
    source(
        Fact::ServiceControlPolicies,
        Place::Management,
        &[
            "organizations:ListPolicies",
            "organizations:DescribePolicy",
            "organizations:ListTargetsForPolicy",
            "organizations:ListTagsForResource",
        ],
    ),
    source(
        Fact::OrganizationTrails,
        Place::Management,
        &["cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"],
    ),
    source(
        Fact::OrganizationMonitoring,
        Place::LogGroupOwner,
        &["logs:DescribeMetricFilters", "cloudwatch:DescribeAlarms", "sns:ListTopics", "sns:ListSubscriptionsByTopic"],
    ),
    source(Fact::AccountSummary, Place::Account, &["iam:GetAccountSummary"]),
    source(Fact::PasswordPolicy, Place::Account, &["iam:GetAccountPasswordPolicy"]),
    source(Fact::CredentialReport, Place::Account, &["iam:GenerateCredentialReport", "iam:GetCredentialReport"]),
    source(Fact::Authorization, Place::Account, &["iam:GetAccountAuthorizationDetails"]),
    source(Fact::VirtualMfaDevices, Place::Account, &["iam:ListVirtualMFADevices"]),
    source(Fact::Regions, Place::Account, &["account:ListRegions"]),
    source(
        Fact::Trails,
        Place::Account,
        &["cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"],
    ),
    source(
        Fact::Monitoring,
        Place::Account,
        &["logs:DescribeMetricFilters", "cloudwatch:DescribeAlarms", "sns:ListSubscriptionsByTopic"],
    ),
    source(
        Fact::ResourceControlPolicies,
        Place::Management,
        &[
            "organizations:ListPolicies",
            "organizations:DescribePolicy",
            "organizations:ListTargetsForPolicy",
            "organizations:ListTagsForResource",
        ],
    ),
    source(Fact::RootFeatures, Place::Management, &["iam:ListOrganizationsFeatures"]),
    source(
        Fact::OrganizationServices,
        Place::Management,
        &[
            "organizations:ListAWSServiceAccessForOrganization",
            "organizations:ListDelegatedAdministrators",
            "organizations:ListDelegatedServicesForAccount",
        ],
    ),
    source(Fact::OrganizationAnalyzers, Place::Administrator, &["access-analyzer:ListAnalyzers"]),
    FactSource {
        fact: Fact::OrganizationBilling,
        place: Place::Management,
        calls: &[
            "cloudwatch:DescribeAlarms",
            "sns:ListSubscriptionsByTopic",
            "budgets:DescribeBudgets",
            "budgets:DescribeBudgetNotificationsForAccount",
        ],
        permissions: &["cloudwatch:DescribeAlarms", "sns:ListSubscriptionsByTopic", "budgets:ViewBudget"],
    },
    source(Fact::AuditRole, Place::Management, &["sts:AssumeRole"]),
    source(Fact::RoleSessions, Place::Account, &["iam:ListRoles"]),
    source(Fact::ServerCertificates, Place::Account, &["iam:ListServerCertificates"]),
    source(Fact::SamlProviders, Place::Account, &["iam:ListSAMLProviders"]),
    source(Fact::ServiceSpecificCredentials, Place::Account, &["iam:ListServiceSpecificCredentials"]),
    source(Fact::SshPublicKeys, Place::Account, &["iam:ListSSHPublicKeys"]),
    source(Fact::SecurityContact, Place::Account, &["account:GetAlternateContact"]),
    source(Fact::ContactInformation, Place::Account, &["account:GetContactInformation"]),
    FactSource {
        fact: Fact::Analyzers,
        place: Place::Account,
        calls: &["access-analyzer:ListAnalyzers", "access-analyzer:ListFindingsV2"],
        permissions: &["access-analyzer:ListAnalyzers", "access-analyzer:ListFindings"],
    },
    source(
        Fact::ConfigRecorders,
        Place::Account,
        &["config:DescribeConfigurationRecorders", "config:DescribeConfigurationRecorderStatus"],
    ),
    source(Fact::SecurityHub, Place::Account, &["securityhub:DescribeHub"]),
    source(Fact::Detectors, Place::Account, &["guardduty:ListDetectors", "guardduty:GetDetector"]),
    FactSource {
        fact: Fact::TrailBuckets,
        place: Place::Account,
        calls: &["s3:ListBuckets", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl", "s3:GetBucketLogging"],
        permissions: &["s3:ListAllMyBuckets", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl", "s3:GetBucketLogging"],
    },
    source(Fact::ConfigRules, Place::Account, &["config:DescribeConfigRules"]),
    source(Fact::BillingAlarms, Place::Account, &["cloudwatch:DescribeAlarms", "sns:ListSubscriptionsByTopic"]),
    source(Fact::RecentEvents, Place::Account, &["cloudtrail:LookupEvents"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls whose action has another name: service authorization reference of each service.
    const OTHERWISE: [(&str, &str); 4] = [
        ("access-analyzer:ListFindingsV2", "access-analyzer:ListFindings"),
        ("s3:ListBuckets", "s3:ListAllMyBuckets"),
        ("budgets:DescribeBudgets", "budgets:ViewBudget"),
        ("budgets:DescribeBudgetNotificationsForAccount", "budgets:ViewBudget"),
    ];

    #[test]
    fn every_fact_is_there_once_and_every_call_is_a_permission() {
        let facts: Vec<Fact> = CATALOG.iter().map(|source| source.fact).collect();
        let mut sorted = facts.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(facts, sorted);
        assert_eq!(facts, Fact::ALL);
        for source in CATALOG {
            assert!(!source.calls.is_empty());
            for call in source.calls {
                assert!(call.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()));
                assert!(
                    OTHERWISE.iter().any(|(other, _)| other == call) || source.permissions.contains(call),
                    "{call}"
                );
                for (_, action) in OTHERWISE.iter().filter(|(other, _)| other == call) {
                    assert!(source.permissions.contains(action), "{call}");
                }
            }
        }
    }

    #[test]
    fn the_read_only_session_policy_lets_every_call_through() {
        for source in CATALOG.iter().filter(|source| source.place != Place::Management) {
            for action in source.permissions {
                assert!(crate::aws::READ_ACTIONS.contains(action), "{action}");
            }
        }
    }
}
