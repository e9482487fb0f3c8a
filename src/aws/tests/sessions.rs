//! Who the caller is and how accounts are entered.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_caller_is_known_after_connecting() {
    let fake = Fake::new(|_, _| ok(""));
    let (sessions, base) = fake.base().await;
    assert_eq!(sessions.caller().account.as_str(), MANAGEMENT);
    assert_eq!(sessions.caller().partition, "aws");
    assert!(!sessions.caller().is_role_session());
    assert_eq!(base.account().as_str(), MANAGEMENT);
    assert_eq!(base.global_region(), region());
    assert_eq!(sessions.home_region().as_str(), "eu-central-1");
    assert!(!format!("{sessions:?} {base:?}").contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn requests_go_to_the_region_that_answers_them() {
    let fake = Fake::new(|seen, _| match seen.service.as_str() {
        "iam" => ok(SUMMARY),
        "monitoring" => Reply::Answer(200, b"\xa0".to_vec()),
        "sts" => granted("ASIA1", "2026-11-02T10:00:00Z"),
        _ => ok("{}"),
    });
    let (sessions, base) = fake.base().await;
    let west: Region = "us-west-2".parse().unwrap();
    summary(&base).await.unwrap();
    describe(&base).await.unwrap();
    base.account_api().list_regions().send().await.unwrap();
    base.cloudtrail(&west).describe_trails().send().await.unwrap();
    base.logs(&west).describe_log_groups().send().await.unwrap();
    base.cloudwatch(&west).describe_alarms().send().await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    let seen: Vec<(String, String)> = fake.seen().into_iter().map(|seen| (seen.service, seen.region)).collect();
    let want = [
        ("iam", "us-east-1"),
        ("organizations", "us-east-1"),
        ("account", "us-east-1"),
        ("cloudtrail", "us-west-2"),
        ("logs", "us-west-2"),
        ("monitoring", "us-west-2"),
        ("sts", "eu-central-1"),
    ];
    assert_eq!(seen, want.map(|(service, region)| (service.to_owned(), region.to_owned())));
}

fn member_settings() -> SessionSettings {
    SessionSettings {
        role_name: "audit/OrgwardAudit".into(),
        external_id: Some(SecretString::from(EXTERNAL_ID)),
        duration: Some(Duration::from_secs(7200)),
        source_identity: Some("alice".into()),
        tags: [("team".to_owned(), "platform".to_owned())].into(),
        apply_role_name: Some("OrgwardApply".into()),
        ..SessionSettings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_audit_session_is_read_only_and_an_apply_session_is_not() {
    let fake = Fake::new(|_, _| granted("ASIA1", "2026-11-02T11:00:00Z"));
    let sessions = fake.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    sessions.enter(&member(), Purpose::Apply).await.unwrap();
    let own = sessions.enter(&MANAGEMENT.parse().unwrap(), Purpose::Apply).await.unwrap();
    assert_eq!(own.account().as_str(), MANAGEMENT);
    let seen = fake.seen();
    let [audit, apply] = seen.as_slice() else { panic!("{} requests", seen.len()) };
    assert!(
        audit.body.contains("role%2Faudit%2FOrgwardAudit") && audit.body.contains("Policy=%7B%22Version"),
        "{}",
        audit.body
    );
    assert!(audit.body.contains(&format!("ExternalId={EXTERNAL_ID}")) && audit.body.contains("DurationSeconds=7200"));
    assert!(audit.body.contains("SourceIdentity=alice") && audit.body.contains("Tags.member.1.Key=team"));
    assert!(apply.body.contains("role%2FOrgwardApply") && !apply.body.contains("Policy="), "{}", apply.body);
    assert_eq!(sessions.role_arn(&member(), Purpose::Apply), format!("arn:aws:iam::{MEMBER}:role/OrgwardApply"));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_assumed_is_told_without_the_external_id() {
    let fake = Fake::new(|_, _| {
        error(
            403,
            &format!(
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not with {EXTERNAL_ID}!</Message></Error></ErrorResponse>"
            ),
        )
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let cause = sessions.enter(&member(), Purpose::Audit).await.unwrap_err();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AssumeRoleDenied, "sts:AssumeRole"));
    assert!(!cause.message.contains(EXTERNAL_ID) && cause.message.contains("OrgwardAudit"), "{cause}");
    assert_eq!(fake.seen().len(), 1, "a denial is not retried");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_renewed_once_before_it_expires() {
    let fake = Fake::new(|seen, number| match seen.service.as_str() {
        "sts" if number == 1 => granted("ASIA1", "2026-11-02T09:15:00Z"),
        "sts" => granted("ASIA2", "2026-11-02T12:00:00Z"),
        _ => ok(SUMMARY),
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    summary(&session).await.unwrap();
    sessions.clock().wait(Duration::from_secs(11 * 60)).await;
    futures::future::try_join_all((0..5).map(|_| summary(&session))).await.unwrap();
    let keys: Vec<String> = fake.seen().into_iter().map(|seen| format!("{} {}", seen.service, seen.key)).collect();
    assert_eq!(keys[..4], ["sts AKIDCALLER", "iam ASIA1", "sts AKIDCALLER", "iam ASIA2"]);
    assert!(keys[4..].iter().all(|key| key == "iam ASIA2"), "{keys:?}");
    assert_eq!(sessions.asking(&member()).map(|asking| asking.requests), Some(6), "AssumeRole is the caller's");
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_uses_what_is_left_and_then_says_why() {
    let fake = Fake::new(|seen, number| match seen.service.as_str() {
        "sts" if number == 1 => granted("ASIA1", "2026-11-02T09:15:00Z"),
        "sts" => {
            error(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>gone</Message></Error></ErrorResponse>")
        }
        _ => ok(SUMMARY),
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    sessions.clock().wait(Duration::from_secs(12 * 60)).await;
    summary(&session).await.unwrap();
    sessions.clock().wait(Duration::from_secs(5 * 60)).await;
    let cause = summary(&session).await.unwrap_err();
    assert_eq!((cause.kind, cause.operation.as_str()), (CauseKind::AssumeRoleDenied, "sts:AssumeRole"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_duration_the_role_does_not_allow_falls_back_and_chaining_caps_it() {
    let refuse = "<ErrorResponse><Error><Code>ValidationError</Code><Message>The requested DurationSeconds exceeds the \
                  MaxSessionDuration set for this role.</Message></Error></ErrorResponse>";
    let fake = Fake::new(move |seen, _| {
        if seen.body.contains("DurationSeconds=7200") {
            error(400, refuse)
        } else {
            granted("ASIA1", "2026-11-02T10:00:00Z")
        }
    });
    let sessions = fake.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    assert!(fake.seen().last().unwrap().body.contains("DurationSeconds=3600"));

    let mut chained = Fake::new(|_, _| granted("ASIA1", "2026-11-02T10:00:00Z"));
    chained.caller = "arn:aws:sts::111111111111:assumed-role/Ops/alice";
    let sessions = chained.sessions(member_settings()).await.unwrap();
    sessions.enter(&member(), Purpose::Audit).await.unwrap();
    assert!(sessions.caller().is_role_session());
    assert!(chained.seen()[0].body.contains("DurationSeconds=3600"));
}

#[tokio::test(start_paused = true)]
async fn another_partition_has_its_own_arns_and_regions() {
    let mut fake =
        Fake::new(|seen, _| if seen.service == "sts" { granted("ASIA1", "2026-11-02T10:00:00Z") } else { ok(SUMMARY) });
    fake.caller = "arn:aws-us-gov:iam::111111111111:user/ops";
    let settings = SessionSettings { region: "us-gov-east-1".parse().ok(), ..SessionSettings::default() };
    let sessions = fake.sessions(settings).await.unwrap();
    let session = sessions.enter(&member(), Purpose::Audit).await.unwrap();
    summary(&session).await.unwrap();
    let seen = fake.seen();
    assert!(seen[0].body.contains("arn%3Aaws-us-gov%3Aiam"), "{}", seen[0].body);
    assert_eq!((seen[0].region.as_str(), seen[1].region.as_str()), ("us-gov-east-1", "us-gov-west-1"));
    assert!(seen[1].target.is_empty());
}
