//! One service, every way to speak to it; and each of the other services once, by its SDK client.

use super::dispatch::{Incoming, Reply, handle};
use super::*;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Statistic};
use serde_json::json;

/// What a raw request is answered: status, `content-type`, body.
fn raw(small: &Small, service: &str, target: Option<&str>, content_type: &str, body: &str) -> (u16, String, String) {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261102/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0",
        small.operator().0
    );
    let request = Incoming {
        method: "POST",
        path: "/",
        query: "",
        authorization: Some(&scope),
        token: None,
        target,
        content_type: Some(content_type),
        bucket_owner: None,
        body: body.as_bytes(),
    };
    match handle(&small.sandbox, &request).1 {
        Reply::Answer(answer) => {
            let kind = answer.headers.iter().find(|(name, _)| *name == "content-type").unwrap().1.clone();
            (answer.status, kind, String::from_utf8(answer.body).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn cloudwatch_speaks_cbor_json_and_query() {
    let small = Small::new();
    let client = aws_sdk_cloudwatch::Client::new(&small.config(&small.operator(), "eu-central-1"));
    client
        .put_metric_alarm()
        .alarm_name("root & <usage>")
        .namespace("CIS")
        .metric_name("RootUsage")
        .statistic(Statistic::Sum)
        .period(300)
        .evaluation_periods(1)
        .threshold(1.0)
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .send()
        .await
        .unwrap();
    let alarms = client.describe_alarms().alarm_names("root & <usage>").send().await.unwrap();
    let alarm = alarms.metric_alarms().first().unwrap();
    assert_eq!((alarm.threshold(), alarm.period()), (Some(1.0), Some(300)));
    assert!(alarm.alarm_configuration_updated_timestamp().is_some());
    let error = client.describe_alarms().max_records(101).send().await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("ValidationError"), "{error:?}");

    let target = Some("GraniteServiceVersion20100801.DescribeAlarms");
    let asked = json!({"AlarmNames": ["root & <usage>"]}).to_string();
    let (status, kind, body) = raw(&small, "monitoring", target, "application/x-amz-json-1.0", &asked);
    assert_eq!((status, kind.as_str()), (200, "application/x-amz-json-1.0"), "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["MetricAlarms"][0]["Threshold"], 1.0);

    let form = "Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=root+%26+%3Cusage%3E";
    let (status, kind, body) = raw(&small, "monitoring", None, "application/x-www-form-urlencoded", form);
    assert_eq!((status, kind.as_str()), (200, "text/xml"), "{body}");
    assert!(body.contains("<MetricAlarms><member>"), "{body}");
    assert!(body.contains("<AlarmName>root &amp; &lt;usage&gt;</AlarmName>"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_refused() {
    let small = Small::new();
    let form = "application/x-www-form-urlencoded";
    for (service, target, body, wanted) in [
        ("ec2", None, "Action=DescribeRegions", "ec2:DescribeRegions"),
        ("iam", None, "nothing", "without an operation"),
        ("iam", None, "Action=%3Cscript%3E", "without an operation"),
        ("kms", Some("TrentService.ListKeys"), "{}", "TrentService.ListKeys"),
    ] {
        let (status, _, body) = raw(&small, service, target, form, body);
        assert_eq!(status, 501);
        assert!(body.contains(wanted), "{body}");
    }
    let target = Some("AWSOrganizationsV20161128.ListRoots");
    let (status, _, body) = raw(&small, "organizations", target, "application/x-amz-json-1.1", "[]");
    assert_eq!(status, 400);
    assert!(body.contains("SerializationException"), "{body}");
    let unsigned = Incoming {
        method: "POST",
        path: "/",
        query: "",
        authorization: None,
        token: None,
        target,
        content_type: None,
        bucket_owner: None,
        body: b"{}",
    };
    let Reply::Answer(answer) = handle(&small.sandbox, &unsigned).1 else { panic!() };
    assert_eq!(answer.status, 403);
}

#[tokio::test(start_paused = true)]
async fn the_other_services_answer_their_clients() {
    let small = Small::unlimited();
    let config = small.config(&small.apply_role(&small.account("audit")).await, "eu-central-1");
    let iam = aws_sdk_iam::Client::new(&config);
    assert!(!iam.get_account_summary().send().await.unwrap().summary_map().unwrap().is_empty());
    let details = iam.get_account_authorization_details().send().await.unwrap();
    assert!(!details.role_detail_list().is_empty());
    iam.update_account_password_policy().minimum_password_length(14).send().await.unwrap();
    let policy = iam.get_account_password_policy().send().await.unwrap();
    assert_eq!(policy.password_policy().unwrap().minimum_password_length(), Some(14));
    assert!(iam.generate_credential_report().send().await.is_ok());
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let report = iam.get_credential_report().send().await.unwrap();
    assert!(report.content().unwrap().as_ref().starts_with(b"user,arn,"));
    let sns = aws_sdk_sns::Client::new(&config);
    let tag = aws_sdk_sns::types::Tag::builder().key("orgward").value("a/b").build().unwrap();
    let topic = sns.create_topic().name("alarms").tags(tag).send().await.unwrap();
    let arn = topic.topic_arn().unwrap();
    sns.subscribe().topic_arn(arn).protocol("email").endpoint("soc@example.com").send().await.unwrap();
    let subscriptions = sns.list_subscriptions_by_topic().topic_arn(arn).send().await.unwrap();
    assert_eq!(subscriptions.subscriptions().first().unwrap().subscription_arn(), Some("PendingConfirmation"));
    let trails = aws_sdk_cloudtrail::Client::new(&config).describe_trails().send().await.unwrap();
    let trail = trails.trail_list().first().unwrap();
    assert_eq!(trail.is_organization_trail(), Some(true));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    let group = trail.cloud_watch_logs_log_group_arn().unwrap();
    let name = group.split(':').nth(6).unwrap();
    let filters = logs.describe_metric_filters().log_group_name(name).send().await;
    assert!(filters.is_ok(), "{filters:?}");
    let missing = logs.describe_metric_filters().log_group_name("missing").send().await;
    assert_eq!(code(missing), "ResourceNotFoundException");
}
