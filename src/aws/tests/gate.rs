//! What the gate does with each attempt.

use super::*;
use crate::aws::gate::throttled_attempts;

#[tokio::test(start_paused = true)]
async fn a_fact_carries_the_digest_of_its_answers() {
    let fake = Fake::new(|_, number| if number == 1 { error(400, IAM_RATE) } else { ok(SUMMARY) });
    let (_, base) = fake.base().await;
    let sts = base.sts();
    let observed = base
        .observe("iam:GetAccountSummary", &region(), async {
            sts.get_caller_identity().send().await.map_err(|e| cause("sts:GetCallerIdentity", &e))?;
            summary(&base).await?;
            summary(&base).await.map(Some)
        })
        .await;
    let source = observed.source().unwrap();
    let want: String = Sha256::digest([SUMMARY, SUMMARY].concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        source.digest.as_deref(),
        Some(format!("sha256:{want}").as_str()),
        "neither the throttle nor STS counts"
    );
    assert_eq!((source.pages, source.request_id.as_deref()), (2, Some("req-1")));
    assert!(source.observed_at >= "2026-11-02T09:00:00Z".parse().unwrap());
    let absent: Observed<()> = base.observe("iam:X", &region(), async { Ok(None) }).await;
    assert!(matches!(absent, Observed::Absent { source } if source.pages == 0 && source.digest.is_none()));
}

#[tokio::test(start_paused = true)]
async fn throttles_of_every_shape_are_retried_and_slow_their_bucket() {
    let fake = Fake::new(|seen, number| match (seen.service.as_str(), number % 3) {
        ("iam", 0) => ok(SUMMARY),
        ("iam", _) => error(400, IAM_RATE),
        ("organizations", 0) => ok("{}"),
        ("organizations", _) => error(400, r#"{"__type":"TooManyRequestsException","Type":"RateExceeded"}"#),
        (_, 0) => Reply::Answer(200, b"\xa0".to_vec()),
        (_, _) => Reply::Answer(400, b"\xa1\x66__type\x78\x20com.amazon.x#ThrottlingException".to_vec()),
    });
    let (sessions, base) = fake.base().await;
    summary(&base).await.unwrap();
    describe(&base).await.unwrap();
    base.cloudwatch(&region()).describe_alarms().send().await.unwrap();
    let stats = sessions.stats();
    assert_eq!((stats.calls, stats.attempts, stats.throttled), (4, 10, 6), "{stats:?}");
    let asking = sessions.asking(&base.account().clone()).unwrap();
    assert_eq!((asking.requests, asking.operation.as_deref()), (9, Some("cloudwatch:DescribeAlarms")));
    assert!(asking.last_answer > asking.first && sessions.requests_per_second() > 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_never_ends_is_told_as_such() {
    let fake = Fake::new(|_, _| error(400, IAM_RATE));
    let (sessions, base) = fake.base().await;
    let cause = summary(&base).await.unwrap_err();
    assert_eq!((cause.kind, cause.message.as_str()), (CauseKind::Throttled, "Throttling: Rate exceeded"));
    let attempts = throttled_attempts(DEFAULT_MAX_ATTEMPTS);
    assert_eq!((fake.seen().len() as u32, sessions.stats().throttled), (attempts, u64::from(attempts)));
    assert!(attempts > 2 * DEFAULT_MAX_ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_comes_back_soon_and_other_errors_have_fewer_attempts() {
    let fake = Fake::new(|_, number| if number == 1 { error(400, IAM_RATE) } else { ok(SUMMARY) });
    let (_, base) = fake.base().await;
    let before = Instant::now();
    summary(&base).await.unwrap();
    let took = before.elapsed().as_secs_f64();
    assert!((0.2..0.4).contains(&took), "the bucket, now of 3.5 a second, decides, no second of backoff: {took}");

    let broken =
        Fake::new(|_, _| error(500, "<ErrorResponse><Error><Code>ServiceFailure</Code></Error></ErrorResponse>"));
    let (sessions, base) = broken.base().await;
    summary(&base).await.unwrap_err();
    assert_eq!((broken.seen().len() as u32, sessions.stats().throttled), (DEFAULT_MAX_ATTEMPTS, 0));

    // Throttled and broken by turns: the last word is the broken one's.
    let mixed =
        Fake::new(|_, number| if number % 4 > 0 { error(400, IAM_RATE) } else { error(500, "<html>oh</html>") });
    let (_, base) = mixed.base().await;
    summary(&base).await.unwrap_err();
    assert_eq!(mixed.seen().len() as u32, DEFAULT_MAX_ATTEMPTS.min(4));

    let once = SessionSettings { max_attempts: 1, ..SessionSettings::default() };
    let fake = Fake::new(|_, _| error(400, IAM_RATE));
    let base = fake.sessions(once).await.unwrap().base();
    assert_eq!(summary(&base).await.unwrap_err().kind, CauseKind::Throttled);
    assert_eq!(fake.seen().len(), 1, "who asks for one attempt gets one");
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_neither_retried_nor_a_throttle_and_a_conflict_is_retried() {
    let quota = Fake::new(|_, _| error(400, r#"{"__type":"LimitExceededException","message":"too many filters"}"#));
    let (sessions, base) = quota.base().await;
    let call = base.logs(&region()).describe_metric_filters();
    let cause = call.send().await.map_err(|e| cause("logs:DescribeMetricFilters", &e)).unwrap_err();
    assert_eq!(cause.kind, CauseKind::Other);
    assert_eq!((quota.seen().len(), sessions.stats().throttled), (1, 0));

    for code in ["ConcurrentModificationException", "PolicyChangesInProgressException"] {
        let busy = Fake::new(move |_, number| {
            if number < 3 { error(400, &format!(r#"{{"__type":"{code}","Message":"busy"}}"#)) } else { ok("{}") }
        });
        let (sessions, base) = busy.base().await;
        describe(&base).await.unwrap();
        assert_eq!((busy.seen().len(), sessions.stats().throttled), (3, 0), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_wait_for_their_bucket_before_they_are_signed() {
    let fake = Fake::new(|_, _| ok("{}"));
    let (sessions, base) = fake.base().await;
    let calls = (0..12).map(|_| describe(&base));
    futures::future::try_join_all(calls).await.unwrap();
    let seen = fake.seen();
    let last = seen.last().unwrap();
    assert!((9.9..10.1).contains(&last.at.as_secs_f64()), "burst 2, then 1 a second: {last:?}");
    assert_eq!(last.signed, "20261102T090010Z", "signed when sent, not when queued");
    assert!(sessions.stats().waited > Duration::from_secs(50));
    // Another account has buckets of its own; another API of the same account too.
    let before = Instant::now();
    base.organizations().list_accounts().send().await.unwrap();
    assert!(before.elapsed() < Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn a_fifth_of_attempts_throttled_loses_no_call() {
    // Deterministic: which attempts are throttled depends on their number alone.
    let fake = Fake::new(|_, number| if (number * 7919) % 100 < 20 { error(400, IAM_RATE) } else { ok(SUMMARY) });
    let (sessions, base) = fake.base().await;
    futures::future::try_join_all((0..200).map(|_| summary(&base))).await.unwrap();
    let stats = sessions.stats();
    assert!(stats.throttled >= 40 && stats.calls == 201, "{stats:?}");
}
