//! A healthy organization and healthy accounts, to be broken one fact at a time.
//!
//! Owns: builders of facts under which every check passes. Must not: read anything; each value is written here.

use crate::model::billing::Budget;
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring, Subscription};
use crate::model::org::{
    Account, AccountState, OrgServices, Organization, Ou, Policy, PolicyType, PolicyTypeState, Root,
};
use crate::model::region::Analyzer;
use crate::model::trail::{BasicSelector, EventSelectors, LogGroup, Trail, TrailStatus};
use crate::model::{AccountId, Observed, OrgFacts, Region, Source, TargetId};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

mod account;

pub(crate) use account::{
    LITTLE, account, account_with_trail, contact, key, quiet, role, root_row, trail_bucket, user_row,
    with_authorization,
};

/// The management account.
pub(crate) const MANAGEMENT: &str = "111111111111";
/// A working member.
pub(crate) const MEMBER: &str = "222222222222";
/// A suspended member.
pub(crate) const SUSPENDED: &str = "333333333333";
/// The root.
pub(crate) const ROOT: &str = "r-ab12";
/// The one OU, `/Workloads`.
pub(crate) const OU: &str = "ou-ab12-workload";
/// The CIS pattern for use of the root user.
pub(crate) const ROOT_USAGE: &str =
    r#"{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }"#;

/// The moment of the run.
pub(crate) fn as_of() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// That many days before the run.
pub(crate) fn days_ago(days: i64) -> Timestamp {
    as_of() - SignedDuration::from_hours(24 * days)
}

/// An account id.
pub(crate) fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

/// A target.
pub(crate) fn target(text: &str) -> TargetId {
    text.parse().unwrap()
}

/// A Region.
pub(crate) fn region(text: &str) -> Region {
    text.parse().unwrap()
}

/// The home Region.
pub(crate) fn home() -> Region {
    region("eu-central-1")
}

/// Where a fact came from.
pub(crate) fn source(operation: &str) -> Source {
    Source {
        operation: operation.to_owned(),
        region: home(),
        observed_at: as_of(),
        made_at: None,
        request_id: Some("11111111-2222-3333-4444-555555555555".to_owned()),
        digest: None,
        pages: 1,
    }
}

/// A fact that was seen.
pub(crate) fn seen<T>(operation: &str, value: T) -> Observed<T> {
    Observed::Present { value, source: source(operation) }
}

/// A fact that AWS said does not exist.
pub(crate) fn absent<T>(operation: &str) -> Observed<T> {
    Observed::Absent { source: source(operation) }
}

/// An account below `parent`.
pub(crate) fn member(number: &str, state: AccountState, parent: &str) -> Account {
    Account {
        id: id(number),
        arn: format!("arn:aws:organizations::{MANAGEMENT}:account/o-exampleorg/{number}"),
        name: format!("account-{number}"),
        email: format!("aws+{number}@example.com"),
        state,
        parent: target(parent),
        joined: Some(days_ago(400)),
        tags: Observed::not_collected("organizations:ListTagsForResource"),
    }
}

/// A service control policy.
pub(crate) fn scp(number: &str, name: &str, content: &str, targets: &[&str]) -> Policy {
    Policy {
        id: number.parse().unwrap(),
        arn: format!("arn:aws:organizations::{MANAGEMENT}:policy/o-exampleorg/service_control_policy/{number}"),
        name: name.to_owned(),
        description: String::new(),
        kind: PolicyType::Scp,
        aws_managed: number == "p-FullAWSAccess",
        content: seen("organizations:DescribePolicy", content.to_owned()),
        targets: seen("organizations:ListTargetsForPolicy", targets.iter().map(|text| target(text)).collect()),
        tags: seen("organizations:ListTagsForResource", BTreeMap::new()),
    }
}

/// The document of FullAWSAccess.
pub(crate) const FULL_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
/// A document that denies leaving.
pub(crate) const NO_LEAVING: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"DenyLeave","Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;

/// A document that denies tampering with trails.
pub(crate) const NO_TAMPERING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["cloudtrail:DeleteTrail","cloudtrail:PutEventSelectors","cloudtrail:StopLogging","cloudtrail:UpdateTrail"],"Resource":"*"}]}"#;
/// A document that denies every Region but two.
pub(crate) const TWO_REGIONS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["iam:*","organizations:*","sts:*","support:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","us-east-1"]}}}]}"#;
/// A document that denies IAM users everything but setting up MFA without it.
pub(crate) const MFA_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["iam:ChangePassword","iam:CreateVirtualMFADevice","iam:EnableMFADevice","iam:GetUser","iam:ListMFADevices","sts:GetSessionToken"],"Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:*:iam::*:user/*"},"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;

/// A healthy organization: all features, SCPs that deny leaving, an organization trail with a whole alarm chain.
pub(crate) fn org() -> OrgFacts {
    let account = |number, state, parent| (id(number), member(number, state, parent));
    let everywhere = [ROOT, OU, MANAGEMENT, MEMBER, SUSPENDED];
    let policies = vec![
        scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &everywhere),
        scp("p-denyleave01", "deny-leave-organization", NO_LEAVING, &[OU]),
        scp("p-protecttrail", "protect-trails", NO_TAMPERING, &[OU]),
        scp("p-regions001", "regions", TWO_REGIONS, &[OU]),
        scp("p-requiremfa", "require-mfa", MFA_ONLY, &[OU]),
    ];
    OrgFacts {
        organization: Organization {
            id: "o-exampleorg".to_owned(),
            arn: format!("arn:aws:organizations::{MANAGEMENT}:organization/o-exampleorg"),
            partition: "aws".to_owned(),
            feature_set: "ALL".to_owned(),
            management_account: id(MANAGEMENT),
            caller_arn: format!("arn:aws:iam::{MANAGEMENT}:role/auditor"),
            home_region: home(),
        },
        root: Root {
            id: target(ROOT),
            name: "Root".to_owned(),
            policy_types: BTreeMap::from([
                (PolicyType::Scp, PolicyTypeState::Enabled),
                (PolicyType::Rcp, PolicyTypeState::Enabled),
            ]),
        },
        ous: BTreeMap::from([(target(OU), Ou { id: target(OU), name: "Workloads".to_owned(), parent: target(ROOT) })]),
        accounts: BTreeMap::from([
            account(MANAGEMENT, AccountState::Active, ROOT),
            account(MEMBER, AccountState::Active, OU),
            account(SUSPENDED, AccountState::Suspended, OU),
        ]),
        policies: BTreeMap::from([
            (PolicyType::Scp, seen("organizations:ListPolicies", policies)),
            (PolicyType::Rcp, seen("organizations:ListPolicies", vec![rcp_full_access(&everywhere)])),
        ]),
        regions: seen("account:ListRegions", std::collections::BTreeMap::new()),
        delegated_administrators: seen("organizations:ListDelegatedAdministrators", vec![id(MEMBER)]),
        organization_trails: seen("cloudtrail:DescribeTrails", vec![trail("org-trail", MANAGEMENT, true)]),
        monitoring: vec![monitoring(MANAGEMENT)],
        services: services(),
        sources: vec![source("organizations:DescribeOrganization")],
        as_of: as_of(),
    }
}

/// RCPFullAWSAccess.
fn rcp_full_access(targets: &[&str]) -> Policy {
    Policy {
        kind: PolicyType::Rcp,
        name: "RCPFullAWSAccess".to_owned(),
        aws_managed: true,
        ..scp(
            "p-RCPFullAWSAccess",
            "RCPFullAWSAccess",
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
            targets,
        )
    }
}

/// Central root access, trusted access and analyzers as they should be; a budget, and no billing alarm.
pub(crate) fn services() -> OrgServices {
    let analyzers = [home(), region("us-east-1")].map(|region| {
        (region, seen("access-analyzer:ListAnalyzers", vec![analyzer("organization", MANAGEMENT, "ORGANIZATION")]))
    });
    OrgServices {
        root_features: seen(
            "iam:ListOrganizationsFeatures",
            ["RootCredentialsManagement", "RootSessions"].map(str::to_owned).to_vec(),
        ),
        trusted: seen(
            "organizations:ListAWSServiceAccessForOrganization",
            ["access-analyzer.amazonaws.com", "cloudtrail.amazonaws.com", "iam.amazonaws.com"]
                .map(str::to_owned)
                .to_vec(),
        ),
        delegated: BTreeMap::from([(
            id(MEMBER),
            seen(
                "organizations:ListDelegatedServicesForAccount",
                ["access-analyzer.amazonaws.com", "cloudtrail.amazonaws.com"].map(str::to_owned).to_vec(),
            ),
        )]),
        analyzers: BTreeMap::from(analyzers),
        billing_alarms: absent("cloudwatch:DescribeAlarms"),
        budgets: seen(
            "budgets:DescribeBudgets",
            vec![Budget {
                name: "monthly".to_owned(),
                kind: "COST".to_owned(),
                notifications: 1,
                filters: Vec::new(),
                starts: None,
                ends: None,
            }],
        ),
    }
}

/// An active analyzer without findings.
pub(crate) fn analyzer(name: &str, owner: &str, kind: &str) -> Analyzer {
    Analyzer {
        arn: format!("arn:aws:access-analyzer:eu-central-1:{owner}:analyzer/{name}"),
        name: name.to_owned(),
        kind: kind.to_owned(),
        status: "ACTIVE".to_owned(),
        findings: seen("access-analyzer:ListFindingsV2", Vec::new()),
    }
}

/// The same organization without an organization trail.
pub(crate) fn org_without_trail() -> OrgFacts {
    let organization_trails = seen("cloudtrail:DescribeTrails", Vec::new());
    OrgFacts { organization_trails, monitoring: Vec::new(), ..org() }
}

/// A multi-Region trail with everything on, as its owner sees it.
pub(crate) fn trail(name: &str, owner: &str, organization_trail: bool) -> Trail {
    Trail {
        name: name.to_owned(),
        arn: format!("arn:aws:cloudtrail:eu-central-1:{owner}:trail/{name}"),
        home_region: home(),
        multi_region: true,
        organization_trail,
        log_file_validation: true,
        s3_bucket: Some("logs".to_owned()),
        kms_key: Some(format!("arn:aws:kms:eu-central-1:{owner}:key/11111111-2222")),
        log_group_arn: Some(format!("arn:aws:logs:eu-central-1:{owner}:log-group:trail:*")),
        status: seen(
            "cloudtrail:GetTrailStatus",
            TrailStatus {
                is_logging: true,
                latest_delivery: Some(days_ago(0)),
                latest_log_group_delivery: Some(days_ago(0)),
                delivery_error: None,
                log_group_delivery_error: None,
            },
        ),
        selectors: seen(
            "cloudtrail:GetEventSelectors",
            EventSelectors {
                basic: vec![BasicSelector {
                    read_write_type: "All".to_owned(),
                    include_management_events: true,
                    excluded_sources: Vec::new(),
                }],
                advanced: Vec::new(),
            },
        ),
    }
}

/// The organization trail as a member sees it: no status, no selectors.
pub(crate) fn shadow() -> Trail {
    Trail {
        status: Observed::not_collected("cloudtrail:GetTrailStatus"),
        selectors: Observed::not_collected("cloudtrail:GetEventSelectors"),
        ..trail("org-trail", MANAGEMENT, true)
    }
}

/// A whole chain from the log group `trail` of `owner` to a confirmed subscription, for everything that is watched for; the
/// root user's first.
pub(crate) fn monitoring(owner: &str) -> Monitoring {
    let topic = format!("arn:aws:sns:eu-central-1:{owner}:security");
    let root = ("root-usage".to_owned(), "RootUsage".to_owned(), ROOT_USAGE.to_owned());
    let others = super::monitor::tests::given().into_iter().filter(|(check, _)| *check != "monitor-root-usage");
    let watched: Vec<(String, String, String)> =
        std::iter::once(root).chain(others.map(|(check, text)| (check.to_owned(), check.to_owned(), text))).collect();
    let filter = |(name, metric, pattern): &(String, String, String)| MetricFilter {
        name: name.clone(),
        pattern: pattern.clone(),
        metric_namespace: "orgward".to_owned(),
        metric_name: metric.clone(),
        metric_value: "1".to_owned(),
        ..MetricFilter::default()
    };
    let alarm = |(name, metric, _): &(String, String, String)| Alarm {
        name: name.clone(),
        description: None,
        namespace: Some("orgward".to_owned()),
        metric_name: Some(metric.clone()),
        statistic: Some("Sum".to_owned()),
        comparison: Some("GreaterThanOrEqualToThreshold".to_owned()),
        threshold: Some(1.0),
        period: Some(300),
        evaluation_periods: Some(1),
        treat_missing_data: Some("notBreaching".to_owned()),
        actions_enabled: true,
        alarm_actions: vec![topic.clone()],
        ..Alarm::default()
    };
    Monitoring {
        log_group: LogGroup { account: id(owner), region: home(), name: "trail".to_owned() },
        filters: seen("logs:DescribeMetricFilters", watched.iter().map(filter).collect()),
        alarms: seen("cloudwatch:DescribeAlarms", watched.iter().map(alarm).collect()),
        subscriptions: BTreeMap::from([(
            topic.clone(),
            seen(
                "sns:ListSubscriptionsByTopic",
                vec![Subscription {
                    arn: format!("{topic}:0f1e2d3c"),
                    protocol: "email".to_owned(),
                    endpoint: "security@example.com".to_owned(),
                }],
            ),
        )]),
        topics: seen("sns:ListTopics", vec![topic]),
    }
}
