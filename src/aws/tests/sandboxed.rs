//! Sessions in a sandbox organization, which holds AWS's rules.

use super::*;
use crate::sandbox::faults::{Fault, FaultKind};
use crate::sandbox::generate::{APPLY_EXTERNAL_ID, APPLY_ROLE, AUDIT_EXTERNAL_ID, AUDIT_ROLE};
use crate::sandbox::{Sandbox, Scenario};

fn small() -> (Sandbox, AccountId) {
    let scenario = Scenario::small();
    let account = scenario.account("app-one").unwrap().id.clone();
    (Sandbox::new(scenario), account)
}

fn settings(role_name: &str, external_id: Option<&str>) -> SessionSettings {
    SessionSettings {
        role_name: role_name.into(),
        external_id: external_id.map(SecretString::from),
        ..SessionSettings::default()
    }
}

async fn connect(sandbox: &Sandbox, settings: SessionSettings) -> Result<Sessions, Cause> {
    let (access_key_id, secret) = sandbox.credentials();
    let credentials = StaticCredentials { access_key_id, secret_access_key: secret.into(), session_token: None };
    let settings = SessionSettings { credentials: Some(credentials), ..settings };
    let clock = Clock::virtual_from(Scenario::small().epoch);
    Sessions::connect(sandbox.http_client(), clock, settings, Quotas::embedded()).await
}

async fn shorten_passwords(session: &AccountSession) -> Result<(), Cause> {
    let call = session.iam().update_account_password_policy().minimum_password_length(8);
    call.send().await.map(drop).map_err(|e| cause("iam:UpdateAccountPasswordPolicy", &e))
}

#[tokio::test(start_paused = true)]
async fn the_external_id_opens_the_door_and_nothing_else_does() {
    let (sandbox, account) = small();
    for (external_id, opens) in [(Some(AUDIT_EXTERNAL_ID), true), (Some("another"), false), (None, false)] {
        let sessions = connect(&sandbox, settings(AUDIT_ROLE, external_id)).await.unwrap();
        match sessions.enter(&account, Purpose::Audit).await {
            Ok(session) => {
                assert!(opens, "{external_id:?}");
                summary(&session).await.unwrap();
            }
            Err(cause) => {
                assert!(!opens && cause.kind == CauseKind::AssumeRoleDenied, "{external_id:?}: {cause}");
                assert!(external_id.is_none_or(|id| !cause.message.contains(id)), "{cause}");
            }
        }
    }
    let sessions = connect(&sandbox, settings("NoSuchRole", Some(AUDIT_EXTERNAL_ID))).await.unwrap();
    let missing = sessions.enter(&account, Purpose::Audit).await.unwrap_err();
    assert_eq!(missing.kind, CauseKind::AssumeRoleDenied, "{missing}");
}

#[tokio::test(start_paused = true)]
async fn even_a_mighty_role_cannot_write_in_an_audit() {
    let (sandbox, account) = small();
    let sessions = connect(&sandbox, settings(APPLY_ROLE, Some(APPLY_EXTERNAL_ID))).await.unwrap();
    let audit = sessions.enter(&account, Purpose::Audit).await.unwrap();
    let denied = shorten_passwords(&audit).await.unwrap_err();
    assert_eq!(denied.kind, CauseKind::AccessDenied, "{denied}");
    summary(&audit).await.unwrap();
    let apply = sessions.enter(&account, Purpose::Apply).await.unwrap();
    shorten_passwords(&apply).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_its_credentials() {
    let (sandbox, account) = small();
    let sessions = connect(
        &sandbox,
        SessionSettings { duration: Some(Duration::from_secs(900)), ..settings(AUDIT_ROLE, Some(AUDIT_EXTERNAL_ID)) },
    )
    .await
    .unwrap();
    let session = sessions.enter(&account, Purpose::Audit).await.unwrap();
    for _ in 0..5 {
        sessions.clock().wait(Duration::from_secs(700)).await;
        summary(&session).await.unwrap();
    }
    let assumed = sandbox.requests().iter().filter(|request| request.operation == "AssumeRole").count();
    assert_eq!(assumed, 6);
}

#[tokio::test(start_paused = true)]
async fn aws_never_has_to_throttle_and_when_it_does_nothing_is_lost() {
    let (sandbox, account) = small();
    let sessions = connect(&sandbox, settings(AUDIT_ROLE, Some(AUDIT_EXTERNAL_ID))).await.unwrap();
    let base = sessions.base();
    futures::future::try_join_all((0..20).map(|_| describe(&base))).await.unwrap();
    assert_eq!(sessions.stats().throttled, 0, "the published quota of 1 a second was kept");

    sandbox.faults().add(Fault::new(FaultKind::Throttle { rate: 0.2 }));
    let session = sessions.enter(&account, Purpose::Audit).await.unwrap();
    futures::future::try_join_all((0..100).map(|_| summary(&session))).await.unwrap();
    let stats = sessions.stats();
    assert!(stats.throttled > 5 && stats.attempts > stats.calls, "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_way_have_their_kinds() {
    for (fault, kind) in [
        (FaultKind::Drop, CauseKind::Unreachable),
        (FaultKind::Hang, CauseKind::TimedOut),
        (FaultKind::Html, CauseKind::NotAnAwsAnswer),
        (FaultKind::Garbage, CauseKind::NotAnAwsAnswer),
        (FaultKind::Deny, CauseKind::AccessDenied),
        (FaultKind::ExpiredToken, CauseKind::ExpiredCredentials),
        (FaultKind::Throttle { rate: 1.0 }, CauseKind::Throttled),
    ] {
        let (sandbox, _) = small();
        let sessions = connect(&sandbox, settings(AUDIT_ROLE, None)).await.unwrap();
        sandbox.faults().add(Fault::new(fault.clone()));
        let base = sessions.base();
        let region = sessions.home_region();
        let json = describe(&base).await.unwrap_err();
        let xml = summary(&base).await.unwrap_err();
        let cbor = base.cloudwatch(region).describe_alarms().send().await;
        let cbor = cbor.map_err(|e| cause("cloudwatch:DescribeAlarms", &e)).unwrap_err();
        assert_eq!((json.kind, xml.kind), (kind, kind), "{fault:?}: {json}, {xml}");
        // Until the sandbox has CloudWatch it refuses it by name, before any fault.
        assert!(cbor.kind == kind || cbor.kind == CauseKind::Other, "{fault:?}: {cbor}");
    }
}
