//! Sessions into a sandbox, on virtual time.

use orgward::aws::{Clock, Quotas, SessionSettings, Sessions, StaticCredentials};
use orgward::collect::{self, CollectOptions};
use orgward::model::scope::RegionRequest;
use orgward::model::{AccountFacts, AccountId, Cause, OrgFacts};
use orgward::sandbox::{LoggedRequest, Sandbox, Scenario, generate, scenario};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Settings as an operator of the sandbox has them.
pub fn settings(sandbox: &Sandbox) -> SessionSettings {
    let (access_key_id, secret) = sandbox.credentials();
    SessionSettings {
        role_name: generate::AUDIT_ROLE.to_owned(),
        external_id: Some(generate::AUDIT_EXTERNAL_ID.into()),
        apply_role_name: Some(generate::APPLY_ROLE.to_owned()),
        apply_external_id: Some(generate::APPLY_EXTERNAL_ID.into()),
        region: Some(Scenario::small().home),
        credentials: Some(StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None }),
        ..SessionSettings::default()
    }
}

/// Sessions with these settings.
pub async fn connect(sandbox: &Sandbox, settings: SessionSettings) -> Result<Sessions, Cause> {
    let clock = Clock::virtual_from(scenario::EPOCH);
    Sessions::connect(sandbox.http_client(), clock, settings, Quotas::embedded()).await
}

/// Sessions of the operator.
pub async fn operator(sandbox: &Sandbox) -> Sessions {
    connect(sandbox, settings(sandbox)).await.unwrap()
}

/// Every request an account's quotas paid for, and the `AssumeRole` that led there, which the caller paid for, left out.
pub fn requests_of(requests: &[LoggedRequest], account: &AccountId) -> Vec<String> {
    let of_account = requests.iter().filter(|request| request.account.as_ref() == Some(account));
    of_account.map(|request| format!("{}:{}", request.service, request.operation)).collect()
}

/// What was asked and denied since the requests were last forgotten.
pub fn denied(sandbox: &Sandbox) -> BTreeSet<String> {
    let denied = sandbox.requests().into_iter().filter(|request| request.status == 403);
    denied.map(|request| format!("{}:{}", request.service, request.operation)).collect()
}

/// The causes of every fact of an account that is unknown, by the name of its field.
pub fn unknowns(facts: &AccountFacts) -> Vec<(&'static str, Cause)> {
    let mut found = Vec::new();
    let mut note = |name, cause: Option<&Cause>| found.extend(cause.map(|cause| (name, cause.clone())));
    note("summary", facts.summary.cause());
    note("password_policy", facts.password_policy.cause());
    note("credential_report", facts.credential_report.cause());
    note("authorization", facts.authorization.cause());
    note("virtual_mfa_devices", facts.virtual_mfa_devices.cause());
    note("role_sessions", facts.role_sessions.cause());
    note("server_certificates", facts.server_certificates.cause());
    note("saml_providers", facts.saml_providers.cause());
    note("service_specific_credentials", facts.service_specific_credentials.cause());
    note("security_contact", facts.security_contact.cause());
    note("contact_information", facts.contact_information.cause());
    note("regions", facts.regions.cause());
    note("config_rules", facts.config_rules.cause());
    note("trail_buckets", facts.trail_buckets.cause());
    for bucket in facts.trail_buckets.value().into_iter().flatten() {
        note("public_policy", bucket.public_policy.cause());
        note("group_grants", bucket.group_grants.cause());
        note("access_log_bucket", bucket.access_log_bucket.cause());
    }
    for trails in facts.trails.values() {
        note("trails", trails.cause());
        for trail in trails.value().into_iter().flatten() {
            note("status", trail.status.cause());
            note("selectors", trail.selectors.cause());
        }
    }
    for chain in &facts.monitoring {
        note("filters", chain.filters.cause());
        note("alarms", chain.alarms.cause());
        for subscriptions in chain.subscriptions.values() {
            note("subscriptions", subscriptions.cause());
        }
    }
    for watchers in facts.watchers.values() {
        note("analyzers", watchers.analyzers.cause());
        for analyzer in watchers.analyzers.value().into_iter().flatten() {
            note("findings", analyzer.findings.cause());
        }
        note("config_recorders", watchers.config_recorders.cause());
        note("security_hub", watchers.security_hub.cause());
        note("detectors", watchers.detectors.cause());
    }
    found
}

/// The organization as the operator enumerates it.
pub async fn enumerate(sessions: &Sessions) -> OrgFacts {
    collect::organization(sessions, false, &CancellationToken::new()).await.unwrap()
}

/// The facts of one account, in the Regions named (none: every one it can use). Only its own requests are left in the log.
pub async fn facts_of(sandbox: &Sandbox, account: &AccountId, regions: &[&str]) -> AccountFacts {
    let sessions = operator(sandbox).await;
    let org = enumerate(&sessions).await;
    sandbox.forget_requests();
    let regions = match regions {
        [] => RegionRequest::AllEnabled,
        named => RegionRequest::Only(named.iter().map(|name| name.parse().unwrap()).collect()),
    };
    let options = CollectOptions { regions, ..CollectOptions::default() };
    let mut seen = None;
    let accounts = std::slice::from_ref(account);
    collect::each_account(&sessions, &org, accounts, &options, &CancellationToken::new(), Arc::new(()), &mut |facts| {
        seen = Some(facts);
    })
    .await;
    seen.unwrap()
}
