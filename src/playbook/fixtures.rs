//! Organizations and accounts for the tests of this module.

use super::{PlanContext, Planner, Playbook, Values, load_shipped};
use crate::model::iam::{Cell, CredentialReport, CredentialRow, PasswordPolicy};
use crate::model::monitoring::Monitoring;
use crate::model::org::{Account, AccountState, OrgFacts, Organization, Ou, Policy, PolicyType, PolicyTypeState, Root};
use crate::model::plan::Plan;
use crate::model::scope::{Scope, ScopeRequest};
use crate::model::trail::{LogGroup, Trail, TrailStatus};
use crate::model::{AccountFacts, Cause, CauseKind, Observed, Region, Source, TargetId};
use jiff::Timestamp;
use std::collections::BTreeMap;

pub const MANAGEMENT: &str = "111111111111";
pub const APP: &str = "222222222222";
pub const DEV: &str = "333333333333";
pub const LOGS: &str = "444444444444";
pub const SUSPENDED: &str = "555555555555";
pub const ROOT: &str = "r-ab12";
pub const WORKLOADS: &str = "ou-ab12-11111111";
pub const PROD: &str = "ou-ab12-22222222";
pub const SECURITY: &str = "ou-ab12-33333333";

pub fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

pub fn seen<T>(value: T) -> Observed<T> {
    Observed::Present { value, source: source() }
}

pub fn absent<T>() -> Observed<T> {
    Observed::Absent { source: source() }
}

pub fn denied<T>() -> Observed<T> {
    Observed::unknown(Cause::new(CauseKind::AccessDenied, "test:Call", "AccessDenied"))
}

fn source() -> Source {
    Source {
        operation: "test:Call".into(),
        region: region(),
        observed_at: now(),
        made_at: None,
        request_id: None,
        digest: None,
        pages: 1,
    }
}

pub fn target(id: &str) -> TargetId {
    id.parse().unwrap()
}

fn account(id: &str, name: &str, parent: &str, state: AccountState) -> Account {
    Account {
        id: id.parse().unwrap(),
        arn: format!("arn:aws:organizations::{MANAGEMENT}:account/o-example123/{id}"),
        name: name.into(),
        email: format!("{name}@example.com"),
        state,
        parent: target(parent),
        joined: None,
        tags: Observed::not_collected("organizations:ListTagsForResource"),
    }
}

fn ou(id: &str, name: &str, parent: &str) -> Ou {
    Ou { id: target(id), name: name.into(), parent: target(parent) }
}

pub fn policy(id: &str, name: &str, content: &str, targets: &[&str]) -> Policy {
    Policy {
        id: id.parse().unwrap(),
        arn: format!("arn:aws:organizations::{MANAGEMENT}:policy/o-example123/service_control_policy/{id}"),
        name: name.into(),
        description: String::new(),
        kind: PolicyType::Scp,
        aws_managed: false,
        content: seen(content.into()),
        targets: seen(targets.iter().map(|id| target(id)).collect()),
        tags: seen(BTreeMap::new()),
    }
}

/// `/`: management. `/Workloads`: dev and a suspended account. `/Workloads/Prod`: app. `/Security`: logs.
pub fn org() -> OrgFacts {
    let full = Policy {
        aws_managed: true,
        ..policy("p-FullAWSAccess", "FullAWSAccess", "{}", &[ROOT, WORKLOADS, PROD, SECURITY, APP, DEV, LOGS])
    };
    OrgFacts {
        organization: Organization {
            id: "o-example123".into(),
            arn: format!("arn:aws:organizations::{MANAGEMENT}:organization/o-example123"),
            partition: "aws".into(),
            feature_set: "ALL".into(),
            management_account: MANAGEMENT.parse().unwrap(),
            caller_arn: format!("arn:aws:iam::{MANAGEMENT}:user/operator"),
            home_region: region(),
        },
        root: Root {
            id: target(ROOT),
            name: "Root".into(),
            policy_types: [(PolicyType::Scp, PolicyTypeState::Enabled)].into(),
        },
        ous: [ou(WORKLOADS, "Workloads", ROOT), ou(PROD, "Prod", WORKLOADS), ou(SECURITY, "Security", ROOT)]
            .into_iter()
            .map(|ou| (ou.id.clone(), ou))
            .collect(),
        accounts: [
            account(MANAGEMENT, "management", ROOT, AccountState::Active),
            account(APP, "app", PROD, AccountState::Active),
            account(DEV, "dev", WORKLOADS, AccountState::Active),
            account(LOGS, "logs", SECURITY, AccountState::Active),
            account(SUSPENDED, "old", WORKLOADS, AccountState::Suspended),
        ]
        .into_iter()
        .map(|account| (account.id.clone(), account))
        .collect(),
        policies: [(PolicyType::Scp, seen(vec![full]))].into(),
        regions: Observed::not_collected("account:ListRegions"),
        delegated_administrators: seen(Vec::new()),
        organization_trails: seen(vec![trail()]),
        monitoring: vec![monitoring()],
        services: crate::model::org::OrgServices::not_collected(),
        sources: Vec::new(),
        as_of: now(),
    }
}

pub fn trail() -> Trail {
    Trail {
        name: "org-trail".into(),
        arn: format!("arn:aws:cloudtrail:eu-west-1:{MANAGEMENT}:trail/org-trail"),
        home_region: region(),
        multi_region: true,
        organization_trail: true,
        log_file_validation: true,
        s3_bucket: Some("trail".into()),
        kms_key: None,
        log_group_arn: Some(format!("arn:aws:logs:eu-west-1:{LOGS}:log-group:org-trail:*")),
        status: seen(TrailStatus {
            is_logging: true,
            latest_delivery: None,
            latest_log_group_delivery: None,
            delivery_error: None,
            log_group_delivery_error: None,
        }),
        selectors: Observed::not_collected("cloudtrail:GetEventSelectors"),
    }
}

pub fn monitoring() -> Monitoring {
    Monitoring {
        log_group: LogGroup { account: LOGS.parse().unwrap(), region: region(), name: "org-trail".into() },
        filters: seen(Vec::new()),
        alarms: seen(Vec::new()),
        subscriptions: BTreeMap::new(),
        topics: seen(Vec::new()),
    }
}

/// SCPs of an organization, for change.
pub fn scps(org: &mut OrgFacts) -> &mut Vec<Policy> {
    match org.policies.get_mut(&PolicyType::Scp) {
        Some(Observed::Present { value, .. }) => value,
        _ => panic!("the fixture has SCPs"),
    }
}

pub fn everyone(org: &OrgFacts) -> Scope {
    Scope::resolve(&ScopeRequest::default(), org).unwrap()
}

pub fn weak() -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: 8,
        require_symbols: true,
        require_numbers: false,
        require_uppercase_characters: false,
        require_lowercase_characters: false,
        allow_users_to_change_password: true,
        max_password_age: None,
        password_reuse_prevention: None,
        hard_expiry: false,
    }
}

/// A console user whose password was changed so many days ago.
pub fn user(name: &str, days: i64) -> CredentialRow {
    let changed = now() - jiff::SignedDuration::from_hours(24 * days);
    CredentialRow {
        user: name.into(),
        arn: format!("arn:aws:iam::{APP}:user/{name}"),
        created: Cell::At(changed),
        password_enabled: Some(true),
        password_last_used: Cell::NoInformation,
        password_last_changed: Cell::At(changed),
        mfa_active: false,
        keys: Vec::new(),
        certificates: Vec::new(),
    }
}

pub fn facts(id: &str, policy: Observed<PasswordPolicy>, users: Vec<CredentialRow>) -> AccountFacts {
    let cause = Cause::not_collected("test:Call");
    AccountFacts {
        password_policy: policy,
        credential_report: seen(CredentialReport { generated_at: now(), rows: users }),
        ..AccountFacts::unknown(id.parse().unwrap(), region(), &cause)
    }
}

/// Values for every parameter of the shipped playbooks.
pub fn values() -> Values {
    [
        ("targets", "/Workloads"),
        ("regions", "eu-central-1,eu-west-1"),
        ("endpoint", "security@example.com"),
        ("apply_role", "OrgwardApply"),
        ("audit_role", "OrgwardAudit"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

pub fn shipped(name: &str) -> Playbook {
    load_shipped(name, &values()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A plan with the facts of these accounts.
pub fn plan(playbooks: &[Playbook], org: &OrgFacts, scope: &Scope, accounts: &[AccountFacts]) -> Plan {
    let context = PlanContext {
        caller_arn: org.organization.caller_arn.clone(),
        audit_role_name: "OrgwardAudit".into(),
        apply_role_name: "OrgwardApply".into(),
    };
    let mut planner = Planner::new(playbooks, org, scope, context);
    for facts in accounts {
        planner.account(facts);
    }
    planner.finish()
}
