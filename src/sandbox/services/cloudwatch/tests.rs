//! Alarms: overwritten whole, checked, paged, tagged, deleted.

use super::*;
use crate::sandbox::services::testing::{call, caller, small, wait};

fn watch(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

fn audit(org: &Org) -> Caller {
    caller(org, "audit", "eu-central-1")
}

fn alarm(name: &str) -> Value {
    json!({
        "AlarmName": name,
        "AlarmDescription": "root was used",
        "Namespace": "Orgward",
        "MetricName": "RootUsage",
        "Statistic": "Sum",
        "Period": "300",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": ["arn:aws:sns:eu-central-1:111122223333:security"],
        "Tags": [{ "Key": "orgward:playbook", "Value": "root-usage" }],
    })
}

fn alarms(org: &mut Org, caller: &Caller, input: Value) -> Vec<Value> {
    watch(org, caller, "DescribeAlarms", input).unwrap()["MetricAlarms"].as_array().unwrap().clone()
}

#[test]
fn putting_an_alarm_replaces_all_of_it_but_its_tags() {
    let mut org = small();
    let caller = audit(&org);
    watch(&mut org, &caller, "PutMetricAlarm", alarm("root")).unwrap();
    let first = alarms(&mut org, &caller, json!({ "AlarmNames": ["root"] }))[0].clone();
    assert_eq!(first["Period"], 300);
    assert_eq!((&first["ActionsEnabled"], &first["OKActions"]), (&json!(true), &json!([])));
    assert_eq!(first["StateValue"], "INSUFFICIENT_DATA");
    wait(&mut org, 60);
    let mut second = alarm("root");
    for member in ["AlarmDescription", "AlarmActions", "TreatMissingData"] {
        second.as_object_mut().unwrap().remove(member);
    }
    second["Tags"] = json!([{ "Key": "x", "Value": "y" }]);
    second["ActionsEnabled"] = json!("false");
    watch(&mut org, &caller, "PutMetricAlarm", second).unwrap();
    let now = alarms(&mut org, &caller, json!({}))[0].clone();
    assert_eq!((&now["AlarmActions"], &now["ActionsEnabled"]), (&json!([]), &json!(false)));
    assert_eq!((now.get("AlarmDescription"), now.get("TreatMissingData")), (None, None));
    assert_ne!(now["AlarmConfigurationUpdatedTimestamp"], first["AlarmConfigurationUpdatedTimestamp"]);
    let tags = watch(&mut org, &caller, "ListTagsForResource", json!({ "ResourceARN": now["AlarmArn"] })).unwrap();
    assert_eq!(tags["Tags"], json!([{ "Key": "orgward:playbook", "Value": "root-usage" }]));
}

#[test]
fn alarms_are_checked() {
    let mut org = small();
    let caller = audit(&org);
    for (member, value) in [
        ("AlarmName", json!(null)),
        ("Namespace", json!(null)),
        ("Statistic", json!("Total")),
        ("Statistic", json!(null)),
        ("ExtendedStatistic", json!("p99")),
        ("Period", json!(45)),
        ("EvaluationPeriods", json!(0)),
        ("EvaluationPeriods", json!(400)),
        ("DatapointsToAlarm", json!(2)),
        ("Threshold", json!("much")),
        ("Threshold", json!(null)),
        ("ComparisonOperator", json!("Above")),
        ("ComparisonOperator", json!("GreaterThanUpperThreshold")),
        ("TreatMissingData", json!("panic")),
        ("AlarmActions", json!(["not an arn"])),
        ("AlarmActions", json!(["arn:a", "arn:b", "arn:c", "arn:d", "arn:e", "arn:f"])),
    ] {
        let mut input = alarm("root");
        input[member] = value.clone();
        let error = watch(&mut org, &caller, "PutMetricAlarm", input).unwrap_err();
        assert_eq!(error.status, 400, "{member} {value}: {error:?}");
    }
    let mut expression = alarm("root");
    expression["Metrics"] = json!([{ "Id": "m" }]);
    assert_eq!(watch(&mut org, &caller, "PutMetricAlarm", expression).unwrap_err().status, 501);
    assert!(org.written.is_empty());
}

#[test]
fn alarms_are_found_by_name_prefix_action_and_page() {
    let mut org = small();
    let caller = audit(&org);
    for number in 0..60 {
        watch(&mut org, &caller, "PutMetricAlarm", alarm(&format!("root-{number:02}"))).unwrap();
    }
    let first = watch(&mut org, &caller, "DescribeAlarms", json!({})).unwrap();
    assert_eq!(first["MetricAlarms"].as_array().unwrap().len(), 50);
    let rest = alarms(&mut org, &caller, json!({ "NextToken": first["NextToken"] }));
    assert_eq!(rest.len(), 10);
    for (input, count) in [
        (json!({ "AlarmNamePrefix": "root-0" }), 10),
        (json!({ "AlarmNames": ["root-05", "nobody"] }), 1),
        (json!({ "ActionPrefix": "arn:aws:sns", "MaxRecords": 100 }), 60),
        (json!({ "ActionPrefix": "arn:aws:lambda" }), 0),
        (json!({ "StateValue": "ALARM" }), 0),
        (json!({ "AlarmTypes": ["CompositeAlarm"] }), 0),
    ] {
        assert_eq!(alarms(&mut org, &caller, input.clone()).len(), count, "{input}");
    }
    let elsewhere = super::tests::caller(&org, "audit", "us-east-1");
    assert!(alarms(&mut org, &elsewhere, json!({})).is_empty());
    for bad in [json!({ "MaxRecords": 101 }), json!({ "NextToken": "x" })] {
        assert!(watch(&mut org, &caller, "DescribeAlarms", bad).is_err());
    }
    let both = json!({ "AlarmNames": ["a"], "AlarmNamePrefix": "b" });
    assert_eq!(watch(&mut org, &caller, "DescribeAlarms", both).unwrap_err().code, "InvalidParameterCombination");
}

#[test]
fn deleting_is_all_or_nothing() {
    let mut org = small();
    let caller = audit(&org);
    watch(&mut org, &caller, "PutMetricAlarm", alarm("root")).unwrap();
    let error = watch(&mut org, &caller, "DeleteAlarms", json!({ "AlarmNames": ["root", "nobody"] })).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("ResourceNotFound", 404));
    assert_eq!(alarms(&mut org, &caller, json!({})).len(), 1);
    watch(&mut org, &caller, "DeleteAlarms", json!({ "AlarmNames": ["root"] })).unwrap();
    assert!(alarms(&mut org, &caller, json!({})).is_empty());
}

#[test]
fn tags_are_added_to_those_there_are() {
    let mut org = small();
    let caller = audit(&org);
    watch(&mut org, &caller, "PutMetricAlarm", alarm("root")).unwrap();
    let arn = arn(&caller, "root");
    let tags = json!({ "ResourceARN": arn, "Tags": [{ "Key": "team", "Value": "security" }] });
    watch(&mut org, &caller, "TagResource", tags).unwrap();
    let listed = watch(&mut org, &caller, "ListTagsForResource", json!({ "ResourceARN": arn })).unwrap();
    assert_eq!(listed["Tags"].as_array().unwrap().len(), 2);
    for unknown in [super::arn(&caller, "nobody"), "arn:aws:cloudwatch:x".to_owned()] {
        let error = watch(&mut org, &caller, "ListTagsForResource", json!({ "ResourceARN": unknown })).unwrap_err();
        assert_eq!(error.code, "ResourceNotFoundException");
    }
}
