//! Metric filters with their limits, and the calls of all accounts in the trail's log group.

use super::*;
use crate::sandbox::generate::dice::Dice;
use crate::sandbox::services::testing::{call, caller, record, small, wait};

const GROUP: &str = "organization-trail-events";

fn logs(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

fn audit(org: &Org) -> Caller {
    caller(org, "audit", "eu-central-1")
}

fn filter(name: &str) -> Value {
    json!({
        "logGroupName": GROUP,
        "filterName": name,
        "filterPattern": r#"{ $.userIdentity.type = "Root" }"#,
        "metricTransformations": [
            { "metricName": "RootUsage", "metricNamespace": "Orgward", "metricValue": "1", "defaultValue": 0 }
        ],
    })
}

#[test]
fn log_groups_are_those_of_the_region() {
    let mut org = small();
    let caller = audit(&org);
    let answer = logs(&mut org, &caller, "DescribeLogGroups", json!({ "logGroupNamePrefix": GROUP })).unwrap();
    let group = &answer["logGroups"][0];
    assert_eq!(group["arn"], json!(format!("arn:aws:logs:eu-central-1:{}:log-group:{GROUP}:*", caller.account)));
    assert_eq!(group["metricFilterCount"], 0);
    let all = logs(&mut org, &caller, "DescribeLogGroups", json!({})).unwrap();
    assert!(all["logGroups"].as_array().unwrap().len() > 1);
    let within = logs(&mut org, &caller, "DescribeLogGroups", json!({ "logGroupNamePattern": "TRAIL" })).unwrap();
    assert_eq!(within["logGroups"].as_array().unwrap().len(), 1);
    let elsewhere = super::tests::caller(&org, "audit", "us-east-1");
    let none = logs(&mut org, &elsewhere, "DescribeLogGroups", json!({})).unwrap();
    assert_eq!(none["logGroups"], json!([]));
    assert!(logs(&mut org, &caller, "DescribeLogGroups", json!({ "limit": 51 })).is_err());
}

#[test]
fn a_filter_is_put_overwritten_and_deleted() {
    let mut org = small();
    let caller = audit(&org);
    logs(&mut org, &caller, "PutMetricFilter", filter("root")).unwrap();
    let mut other = filter("root");
    other["filterPattern"] = json!(r#"{ $.eventName = "StopLogging" }"#);
    logs(&mut org, &caller, "PutMetricFilter", other).unwrap();
    let read = |org: &mut Org| {
        let answer = logs(org, &caller, "DescribeMetricFilters", json!({ "logGroupName": GROUP })).unwrap();
        answer["metricFilters"].as_array().unwrap().clone()
    };
    let filters = read(&mut org);
    assert_eq!(filters.len(), 1);
    assert_eq!(filters[0]["filterPattern"], r#"{ $.eventName = "StopLogging" }"#);
    assert_eq!(filters[0]["metricTransformations"][0]["defaultValue"], 0.0);
    let by_metric = json!({ "metricName": "RootUsage", "metricNamespace": "Orgward" });
    let found = logs(&mut org, &caller, "DescribeMetricFilters", by_metric).unwrap();
    assert_eq!(found["metricFilters"].as_array().unwrap().len(), 1);
    let name = json!({ "logGroupName": GROUP, "filterName": "root" });
    logs(&mut org, &caller, "DeleteMetricFilter", name.clone()).unwrap();
    assert!(read(&mut org).is_empty());
    let error = logs(&mut org, &caller, "DeleteMetricFilter", name).unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
}

#[test]
fn filters_are_checked_and_limited() {
    let mut org = small();
    let caller = audit(&org);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut input = filter("root");
        change(&mut input);
        input
    };
    let one = filter("root")["metricTransformations"][0].clone();
    for (input, code) in [
        (with(&|f| f["logGroupName"] = json!("nowhere")), "ResourceNotFoundException"),
        (with(&|f| f["filterPattern"] = json!("{ $.x = ")), "InvalidParameterException"),
        (with(&|f| f["filterPattern"] = json!("x".repeat(1_025))), "InvalidParameterException"),
        (with(&|f| f["filterPattern"] = json!("some terms")), "NotImplemented"),
        (with(&|f| f["filterName"] = json!("a:b")), "InvalidParameterException"),
        (with(&|f| f["metricTransformations"] = json!([])), "InvalidParameterException"),
        (with(&|f| f["metricTransformations"] = json!([one, one])), "InvalidParameterException"),
        (with(&|f| f["metricTransformations"][0]["metricNamespace"] = json!("AWS/Logs")), "InvalidParameterException"),
        (with(&|f| f["metricTransformations"][0]["metricValue"] = json!("many")), "InvalidParameterException"),
    ] {
        assert_eq!(logs(&mut org, &caller, "PutMetricFilter", input.clone()).unwrap_err().code, code, "{input}");
    }
    assert!(org.written.is_empty());
    for number in 0..filters::LIMIT {
        logs(&mut org, &caller, "PutMetricFilter", filter(&format!("filter-{number}"))).unwrap();
    }
    let error = logs(&mut org, &caller, "PutMetricFilter", filter("one-more")).unwrap_err();
    assert_eq!(error.code, "LimitExceededException");
    logs(&mut org, &caller, "PutMetricFilter", filter("filter-7")).unwrap();
    let first = logs(&mut org, &caller, "DescribeMetricFilters", json!({ "logGroupName": GROUP })).unwrap();
    assert_eq!(first["metricFilters"].as_array().unwrap().len(), 50);
    let next = json!({ "logGroupName": GROUP, "nextToken": first["nextToken"] });
    let second = logs(&mut org, &caller, "DescribeMetricFilters", next).unwrap();
    assert_eq!((second["metricFilters"].as_array().unwrap().len(), &second["nextToken"]), (50, &Value::Null));
}

#[test]
fn the_trails_log_group_holds_the_calls_of_every_account() {
    let mut org = small();
    let caller = audit(&org);
    let one = super::tests::caller(&org, "app-one", "us-east-1");
    let two = super::tests::caller(&org, "app-two", "eu-west-1");
    record(&mut org, &one, "iam", "GetAccountSummary", None);
    wait(&mut org, 30);
    record(&mut org, &two, "sns", "CreateTopic", Some("AuthorizationError"));
    let names = |org: &mut Org, input: Value| -> Vec<String> {
        let mut input = input;
        input["logGroupName"] = json!(GROUP);
        let answer = logs(org, &caller, "FilterLogEvents", input).unwrap();
        let events = answer["events"].as_array().unwrap().clone();
        let messages = events.iter().map(|e| serde_json::from_str::<Value>(e["message"].as_str().unwrap()).unwrap());
        messages.map(|m| m["eventName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&mut org, json!({})), ["GetAccountSummary", "CreateTopic"]);
    assert_eq!(names(&mut org, json!({ "filterPattern": "{ $.errorCode = * }" })), ["CreateTopic"]);
    let source = r#"{ ($.eventSource = "iam.amazonaws.com") && ($.errorCode NOT EXISTS) }"#;
    assert_eq!(names(&mut org, json!({ "filterPattern": source })), ["GetAccountSummary"]);
    let later = org.now.as_millisecond();
    assert_eq!(names(&mut org, json!({ "startTime": later })), ["CreateTopic"]);
    assert_eq!(names(&mut org, json!({ "endTime": later - 1 })), ["GetAccountSummary"]);
    assert!(logs(&mut org, &caller, "FilterLogEvents", json!({ "logGroupName": "nowhere" })).is_err());
    let arn = format!("arn:aws:logs:eu-central-1:{}:log-group:{GROUP}", caller.account);
    let by_arn = logs(&mut org, &caller, "FilterLogEvents", json!({ "logGroupIdentifier": arn })).unwrap();
    assert_eq!(by_arn["events"].as_array().unwrap().len(), 2);
    let management = org.info.management_account.clone();
    for trail in org.state_mut(&management).trails.values_mut() {
        trail.logging = false;
    }
    assert!(names(&mut org, json!({})).is_empty());
}

#[test]
fn log_events_come_in_pages() {
    let mut org = small();
    let caller = audit(&org);
    let mut dice = Dice::new(1, "calls");
    for _ in 0..2_500 {
        let name = ["app-one", "app-two"][dice.below(2) as usize];
        let member = super::tests::caller(&org, name, "us-east-1");
        record(&mut org, &member, "iam", "ListRoles", None);
    }
    let (mut count, mut pages, mut input) = (0, 0, json!({ "logGroupName": GROUP }));
    loop {
        let answer = logs(&mut org, &caller, "FilterLogEvents", input.clone()).unwrap();
        count += answer["events"].as_array().unwrap().len();
        pages += 1;
        if answer["nextToken"].is_null() {
            break;
        }
        input["nextToken"] = answer["nextToken"].clone();
    }
    assert_eq!(count, 2_500);
    assert!(pages > 1);
    let few = logs(&mut org, &caller, "FilterLogEvents", json!({ "logGroupName": GROUP, "limit": 3 })).unwrap();
    assert_eq!(few["events"].as_array().unwrap().len(), 3);
    let bad = json!({ "logGroupName": GROUP, "nextToken": "x" });
    assert_eq!(logs(&mut org, &caller, "FilterLogEvents", bad).unwrap_err().code, "InvalidParameterException");
}

#[test]
fn other_log_groups_hold_no_calls() {
    let mut org = small();
    let one = caller(&org, "app-one", "eu-central-1");
    record(&mut org, &one, "iam", "ListRoles", None);
    let name = org.state(&one.account).log_groups.keys().next().unwrap().1.clone();
    let answer = logs(&mut org, &one, "FilterLogEvents", json!({ "logGroupName": name })).unwrap();
    assert_eq!(answer["events"], json!([]));
}
