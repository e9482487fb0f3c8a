//! What lies between client and handler: protocols, faults, quotas, logs, HTTP.

use super::*;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn unknown_operations_fail_by_name() {
    let small = Small::new();
    let client = small.organizations();
    let error = client.leave_organization().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 501);
    assert!(error.into_service_error().message().unwrap().contains("organizations:LeaveOrganization"));
    let iam = aws_sdk_iam::Client::new(&small.config(&small.operator(), "us-east-1"));
    let error = iam.create_user().user_name("x").send().await.unwrap_err();
    assert!(error.into_service_error().message().unwrap().contains("iam:CreateUser"));
    let account = aws_sdk_account::Client::new(&small.config(&small.operator(), "us-east-1"));
    let error = account.get_account_information().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 501);
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&small.config(&small.operator(), "eu-central-1"));
    let error = cloudwatch.list_dashboards().send().await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("NotImplemented"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn regions_are_listed_over_rest() {
    let small = Small::new();
    let client = aws_sdk_account::Client::new(&small.config(&small.operator(), "us-east-1"));
    let answer = client.list_regions().send().await.unwrap();
    assert!(answer.regions().iter().any(|region| region.region_name() == Some("us-east-1")));
    let member = client.list_regions().account_id(small.account("app-one").as_str());
    assert_eq!(code(member.clone().send().await), "AccessDeniedException");
    small.sandbox.with(|org| org.service_access.insert("account.amazonaws.com".into(), org.epoch));
    assert!(member.send().await.is_ok());
    assert_eq!(code(client.list_regions().max_results(51).send().await), "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_its_latency_and_is_logged() {
    let small = Small::new();
    let start = Instant::now();
    small.sts(&small.operator()).get_caller_identity().send().await.unwrap();
    assert_eq!(start.elapsed(), Sandbox::LATENCY);
    let expected = LoggedRequest {
        account: Some(small.sandbox.management_account()),
        service: "sts".into(),
        operation: "GetCallerIdentity".into(),
        region: "eu-central-1".into(),
        status: 200,
    };
    assert_eq!(small.sandbox.requests(), [expected]);
    small.sandbox.forget_requests();
    assert!(small.sandbox.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn faults_do_what_they_say() {
    let small = Small::new();
    let sts = small.sts(&small.operator());
    let with = async |kind: FaultKind| {
        small.sandbox.faults().clear();
        small.sandbox.faults().add(Fault::new(kind).operation("sts", "GetCallerIdentity"));
        sts.get_caller_identity().send().await
    };
    assert_eq!(code(with(FaultKind::Deny).await), "AccessDenied");
    assert_eq!(code(with(FaultKind::Throttle { rate: 1.0 }).await), "Throttling");
    assert_eq!(code(with(FaultKind::ExpiredToken).await), "ExpiredToken");
    let odd = FaultKind::Error { status: 500, code: "InternalFailure".into(), message: "oops".into() };
    assert_eq!(code(with(odd).await), "InternalFailure");
    let dropped = with(FaultKind::Drop).await.unwrap_err();
    assert!(dropped.as_service_error().is_none() && dropped.raw_response().is_none(), "{dropped:?}");
    let html = with(FaultKind::Html).await.unwrap_err();
    assert_eq!(html.raw_response().unwrap().status().as_u16(), 503);
    let garbage = with(FaultKind::Garbage).await.unwrap_err();
    assert!(garbage.as_service_error().is_none_or(|error| error.code().is_none()), "{garbage:?}");
    let start = Instant::now();
    assert!(with(FaultKind::Latency(Duration::from_secs(9))).await.is_ok());
    assert_eq!(start.elapsed(), Duration::from_secs(9) + Sandbox::LATENCY);
    assert!(tokio::time::timeout(Duration::from_secs(600), with(FaultKind::Hang)).await.is_err());
    assert!(small.sandbox.requests().iter().any(|request| request.status == 0));
}

#[tokio::test(start_paused = true)]
async fn a_read_time_out_ends_a_hang() {
    let small = Small::new();
    small.sandbox.faults().add(Fault::new(FaultKind::Hang));
    let timeouts = aws_smithy_types::timeout::TimeoutConfig::builder().read_timeout(Duration::from_secs(20)).build();
    let config = config(&small.operator(), "us-east-1")
        .http_client(small.sandbox.http_client())
        .timeout_config(timeouts)
        .build();
    let start = Instant::now();
    assert!(aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.is_err());
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_still_been_carried_out() {
    let small = Small::new();
    let client = small.organizations();
    let fault = Fault::new(FaultKind::Drop).operation("organizations", "TagResource").times(1).after_the_call();
    small.sandbox.faults().add(fault);
    let app = small.account("app-one");
    let tag = aws_sdk_organizations::types::Tag::builder().key("k").value("v").build().unwrap();
    assert!(client.tag_resource().resource_id(app.as_str()).tags(tag).send().await.is_err());
    assert_eq!(small.sandbox.with(|org| org.tags[app.as_str()]["k"].clone()), "v");
}

#[tokio::test(start_paused = true)]
async fn published_quotas_hold_on_the_virtual_clock() {
    let small = Small::new();
    let client = small.organizations();
    let mut outcomes = Vec::new();
    for _ in 0..30 {
        outcomes.push(client.list_roots().send().await.map_err(|error| error.into_service_error()));
    }
    // 30 calls of 50 ms: a burst of 2, then 1 a second.
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    let refused = outcomes.into_iter().find_map(Result::err).unwrap();
    assert!(refused.is_too_many_requests_exception(), "{refused:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(client.list_roots().send().await.is_ok());
    let throttled = small.sandbox.requests().iter().filter(|request| request.status == 400).count();
    assert_eq!(throttled, 27);
}

#[tokio::test(start_paused = true)]
async fn an_unannounced_limit_holds_for_each_account_over_all_it_matches() {
    let small = Small::new();
    small.sandbox.faults().add(Fault::new(FaultKind::Limit { rate: 5.0, burst: 5 }).service("iam"));
    let (one, two) = (small.account("app-one"), small.account("app-two"));
    let (one, two) = (small.audit_role(&one).await, small.audit_role(&two).await);
    let [one, two] = [one, two].map(|keys| aws_sdk_iam::Client::new(&small.config(&keys, "us-east-1")));
    let mut outcomes = Vec::new();
    for _ in 0..10 {
        outcomes.push(one.get_account_summary().send().await.is_ok());
        outcomes.push(one.list_virtual_mfa_devices().send().await.is_ok());
    }
    // 20 calls of 50 ms take 950 ms until the last: a burst of 5, then 5 a second.
    assert_eq!(outcomes.iter().filter(|passed| **passed).count(), 9, "{outcomes:?}");
    let refused = one.get_account_summary().send().await;
    assert!(refused.is_ok() || code(refused) == "Throttling");
    assert!(two.get_account_summary().send().await.is_ok(), "accounts do not share");
    assert!(small.sts(&small.operator()).get_caller_identity().send().await.is_ok(), "nor do services");
    let limits: Vec<_> =
        small.sandbox.loads().into_iter().filter(|load| load.service == "iam" && load.rate == 5.0).collect();
    assert_eq!(limits.len(), 1, "{limits:?}");
    assert!(limits[0].requests >= 9 && limits[0].seconds() > 0.5, "{limits:?}");
}

#[tokio::test(start_paused = true)]
async fn counting_keeps_no_request_and_no_event() {
    let small = Small::new();
    small.organizations().list_roots().send().await.unwrap();
    small.sandbox.only_count();
    let app = small.account("app-one");
    small.audit_role(&app).await;
    let client = small.organizations();
    for _ in 0..4 {
        let _ = client.list_roots().send().await;
    }
    assert!(small.sandbox.requests().is_empty());
    assert!(small.sandbox.with(|org| org.events.is_empty()));
    assert_eq!(small.sandbox.tally(), Tally { requests: 6, throttled: 3 });
    let roots = small.sandbox.loads().into_iter().find(|load| load.group == "ListRoots").unwrap();
    assert_eq!((roots.requests, roots.management), (2, true), "what was throttled is no load");
}

#[tokio::test(start_paused = true)]
async fn credentials_expire_by_the_clients_clock() {
    let small = Small::new();
    let ahead = jiff::SignedDuration::from_hours(24 * 400);
    small.sandbox.with(|org| org.ahead = ahead);
    let app = small.account("app-one");
    let answer = small.assume(&app).send().await.unwrap();
    let expires = answer.credentials().unwrap().expiration().secs();
    let epoch = small.sandbox.with(|org| org.epoch).as_second();
    assert!((expires - epoch - ahead.as_secs() - 3_600).abs() < 5, "{expires}");
}

#[tokio::test(start_paused = true)]
async fn calls_become_events() {
    let small = Small::new();
    let app = small.account("app-one");
    small.audit_role(&app).await;
    let _ = small.assume(&app).external_id("not-this-one").send().await;
    small.sandbox.with(|org| {
        let seen: Vec<(&str, Option<&str>)> =
            org.events.iter().map(|event| (event.account.as_str(), event.error_code.as_deref())).collect();
        let management = org.info.management_account.as_str();
        assert_eq!(seen, [(app.as_str(), None), (management, None), (management, Some("AccessDenied"))]);
        let record = org.events[1].record();
        assert_eq!(record["eventName"], "AssumeRole");
        assert_eq!(record["eventSource"], "sts.amazonaws.com");
        assert_eq!(record["userIdentity"]["type"], "IAMUser");
        let all: String = org.events.iter().map(|event| event.record().to_string()).collect();
        assert!(!all.contains("not-this-one"), "an ExternalId is not recorded");
    });
}

#[tokio::test]
async fn the_server_answers_the_same_over_http() {
    let small = Small::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let server = tokio::spawn({
        let (sandbox, stop) = (small.sandbox.clone(), stop.clone());
        async move { sandbox.serve(listener, stop).await }
    });
    let sdk = config(&small.operator(), "us-east-1")
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(format!("http://{address}"))
        .build();
    let me = aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await.unwrap();
    assert_eq!(me.account(), Some(small.sandbox.management_account().as_str()));
    let accounts = aws_sdk_organizations::Client::new(&sdk).list_accounts().send().await.unwrap();
    assert_eq!(accounts.accounts().len(), 4);
    assert!(aws_sdk_account::Client::new(&sdk).list_regions().send().await.is_ok());
    small.sandbox.faults().add(Fault::new(FaultKind::Drop));
    assert!(aws_sdk_sts::Client::new(&sdk).get_caller_identity().send().await.is_err());
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
}
