//! The organization of `orgward demo`: 24 accounts, five levels of OUs, most things healthy, each planted problem named.
//!
//! Owns: which account has which problem. Must not: know how a problem looks inside an account (`generate`).

use super::{Builder, Scenario};
use crate::model::org::AccountState as Standing;
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::generate::{Flaw, Problem};

/// The accounts below each OU path, with the value of their `env` tag.
const ACCOUNTS: &[(&str, &str, &[&str])] = &[
    ("Security", "security", &["log-archive", "audit", "security-tooling"]),
    ("Infrastructure/Network", "infra", &["network-hub", "dns"]),
    ("Infrastructure/Shared", "infra", &["shared-services", "ci-build"]),
    ("Workloads/Prod", "prod", &["web-prod", "data-prod", "mobile-prod"]),
    ("Workloads/Prod/Payments/US", "prod", &["payments-us"]),
    ("Workloads/Prod/Payments/EU", "prod", &["payments-eu"]),
    ("Workloads/Prod/Payments/EU/Ledger", "prod", &["ledger-core", "ledger-batch"]),
    ("Workloads/NonProd", "nonprod", &["web-staging", "data-staging", "payments-staging", "mobile-dev"]),
    ("Sandbox", "sandbox", &["sandbox-amara", "sandbox-jonas", "sandbox-mei"]),
    ("Acquired", "prod", &["acquired-fintech"]),
    ("Suspended", "none", &["legacy-crm"]),
];

/// The account whose IAM throttles, and the share of its requests that it turns away.
const THROTTLED: (&str, f64) = ("data-prod", 0.45);

/// Which Region of which account is not watched as it should be.
const FLAWS: &[(&str, &str, Flaw)] = &[
    ("sandbox-amara", "us-west-2", Flaw::NoAnalyzer),
    ("mobile-dev", "eu-west-1", Flaw::NoAnalyzer),
    ("data-prod", "eu-central-1", Flaw::Findings(3)),
    ("sandbox-amara", "us-west-2", Flaw::NoRecorder),
    ("web-staging", "ap-southeast-2", Flaw::RecorderStopped),
    ("mobile-dev", "eu-central-1", Flaw::NoKeyRule),
    ("payments-staging", "eu-west-1", Flaw::NoSecurityHub),
    ("sandbox-mei", "eu-central-1", Flaw::NoSecurityHub),
    ("sandbox-mei", "us-east-1", Flaw::NoDetector),
    ("dns", "sa-east-1", Flaw::DetectorDisabled),
];

/// What is wrong with which account.
pub(super) fn problems() -> Vec<(&'static str, Problem)> {
    vec![
        // Accounts that cannot be entered: a role nobody rolled out, a role rolled out under an older contract.
        ("sandbox-jonas", Problem::NoAuditRole),
        ("acquired-fintech", Problem::OtherExternalId("fintech-2019".into())),
        // Password policies.
        ("web-staging", Problem::NoPasswordPolicy),
        ("mobile-dev", Problem::NoPasswordPolicy),
        ("data-staging", Problem::WeakPasswordPolicy { length: 8, reuse: None }),
        ("sandbox-amara", Problem::WeakPasswordPolicy { length: 6, reuse: None }),
        ("payments-us", Problem::WeakPasswordPolicy { length: 12, reuse: Some(5) }),
        ("ledger-batch", Problem::WeakPasswordPolicy { length: 16, reuse: Some(12) }),
        // Keys.
        ("ci-build", Problem::StaleKey(214)),
        ("ci-build", Problem::StaleKey(131)),
        ("data-prod", Problem::StaleKey(365)),
        ("web-prod", Problem::StaleKey(97)),
        ("payments-staging", Problem::NeverUsedKey),
        ("sandbox-mei", Problem::NeverUsedKey),
        // People.
        ("sandbox-amara", Problem::UserWithoutMfa),
        ("mobile-dev", Problem::UserWithoutMfa),
        ("mobile-dev", Problem::UserWithoutMfa),
        ("dns", Problem::UnusedPassword(163)),
        ("web-staging", Problem::UnusedPassword(52)),
        ("data-staging", Problem::NeverUsedPassword),
        // Root users.
        ("shared-services", Problem::RootKey),
        ("sandbox-mei", Problem::RootWithoutMfa),
        ("network-hub", Problem::RootVirtualMfa),
        ("mobile-prod", Problem::RootUsed(9)),
        // Policies and roles.
        ("ci-build", Problem::AdminStar),
        // Buckets of trails.
        ("payments-us", Problem::OwnTrail { public: true, logged: true }),
        ("data-staging", Problem::OwnTrail { public: false, logged: false }),
        ("data-staging", Problem::LongSessions),
        // Certificates and further credentials.
        ("web-prod", Problem::ExpiredCertificate(33)),
        ("shared-services", Problem::ExpiredSamlProvider(12)),
        ("mobile-dev", Problem::ServiceCredential(400)),
        ("ci-build", Problem::OldSshKey(260)),
        // Contacts.
        ("sandbox-amara", Problem::NoSecurityContact),
        ("sandbox-mei", Problem::NoSecurityContact),
        ("dns", Problem::NoSecurityContact),
    ]
}

pub(super) fn scenario() -> Scenario {
    let mut builder = Builder::new(2026, "larkspur");
    for (path, env, names) in ACCOUNTS {
        let parent = builder.path(path);
        for name in *names {
            builder.account(name, &parent, &[("env", env), ("owner", "platform")]);
        }
    }
    let audit = builder.scenario.account("audit").map(|account| account.id.clone());
    if let Some(audit) = audit {
        builder.organization_trail(&audit);
        builder.organization_analyzer(&audit);
    }
    if let Some(archive) = builder.scenario.account("log-archive").map(|account| account.id.clone()) {
        builder.trail_bucket(&archive);
    }
    let mut scenario = builder.finish();
    for (name, problem) in problems() {
        scenario.plant(name, problem);
    }
    for (name, region, flaw) in FLAWS {
        if let Ok(region) = region.parse() {
            scenario.plant(name, Problem::Unwatched(region, flaw.clone()));
        }
    }
    // Not wrong, but particular.
    if let Ok(region) = "eu-south-1".parse() {
        scenario.plant("payments-eu", Problem::OptInRegion(region));
    }
    let (throttled, rate) = THROTTLED;
    if let Some(id) = scenario.account(throttled).map(|account| account.id.clone()) {
        scenario.faults.push(Fault::new(FaultKind::Throttle { rate }).account(&id).service("iam"));
    }
    for account in &mut scenario.accounts {
        match account.name.as_str() {
            "legacy-crm" => account.state = Standing::Suspended,
            "acquired-fintech" => account.created = false,
            _ => {}
        }
    }
    scenario
}
