//! Answers to the letter of AWS's models: what an operation without output says, what errors are called and carry.

use super::dispatch::{Incoming, Reply, handle};
use super::wire::{Answer, Protocol};
use super::*;
use serde_json::json;

const CBOR: &str = "/service/GraniteServiceVersion20100801/operation/";

/// Calls an operation as the operator: over CBOR, by `X-Amz-Target`, by form or by path, as `service` has it.
fn answer(sandbox: &Sandbox, service: &str, path: &str, target: Option<&str>, body: &[u8]) -> Answer {
    let key = sandbox.credentials().0;
    let scope = format!("AWS4-HMAC-SHA256 Credential={key}/20261102/eu-central-1/{service}/aws4_request, Signature=0");
    let request = Incoming {
        method: "POST",
        path,
        query: "",
        authorization: Some(&scope),
        token: None,
        target,
        content_type: None,
        bucket_owner: None,
        body,
    };
    match handle(sandbox, &request).1 {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn cbor(sandbox: &Sandbox, operation: &str, input: &Value) -> Answer {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    answer(sandbox, "monitoring", &format!("{CBOR}{operation}"), None, &body)
}

fn form(sandbox: &Sandbox, service: &str, body: &str) -> String {
    String::from_utf8(answer(sandbox, service, "/", None, body.as_bytes()).body).unwrap()
}

fn json_of(sandbox: &Sandbox, service: &str, target: &str, input: &Value) -> Value {
    let answer = answer(sandbox, service, "/", Some(target), input.to_string().as_bytes());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_output_answers_without_one() {
    let small = Small::unlimited();
    let alarm = json!({
        "AlarmName": "a", "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 300, "EvaluationPeriods": 1,
        "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
    });
    for (operation, input) in [("PutMetricAlarm", alarm), ("DeleteAlarms", json!({"AlarmNames": ["a"]}))] {
        let answer = cbor(&small.sandbox, operation, &input);
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{operation}");
        assert!(!answer.headers.iter().any(|(name, _)| *name == "content-type"), "{operation}");
    }
    let topic = format!("arn:aws:sns:eu-central-1:{}:none", small.sandbox.management_account());
    for (service, body) in [
        ("iam", "Action=UpdateAccountPasswordPolicy".to_owned()),
        ("iam", "Action=DeleteAccountPasswordPolicy".to_owned()),
        ("sns", format!("Action=DeleteTopic&TopicArn={topic}")),
    ] {
        let xml = form(&small.sandbox, service, &body);
        assert!(xml.contains("<RequestId>") && !xml.contains("Result"), "{xml}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_has_its_shapes_name_outside_the_query_protocol() {
    let small = Small::unlimited();
    for (input, code, name) in [
        (json!({"MaxRecords": 101}), "ValidationError", "ValidationException"),
        (
            json!({"AlarmNames": ["a"], "AlarmNamePrefix": "b"}),
            "InvalidParameterCombination",
            "InvalidParameterCombinationException",
        ),
        (json!({"NextToken": "x"}), "InvalidNextToken", "InvalidNextToken"),
    ] {
        let answer = cbor(&small.sandbox, "DescribeAlarms", &input);
        assert!(answer.headers.contains(&("x-amzn-query-error", format!("{code};Sender"))), "{answer:?}");
        let body = Protocol::Cbor.decode(&answer.body).unwrap();
        assert_eq!(body.get("__type").unwrap(), name);
    }
    let xml = form(&small.sandbox, "monitoring", "Action=DescribeAlarms&MaxRecords=101");
    assert!(xml.contains("<Code>ValidationError</Code>"), "{xml}");
}

#[tokio::test(start_paused = true)]
async fn only_organizations_gives_the_reason_of_a_wrong_token() {
    let small = Small::unlimited();
    let target = "AWSOrganizationsV20161128.ListAccounts";
    let error = json_of(&small.sandbox, "organizations", target, &json!({"NextToken": "x"}));
    assert_eq!(error["Reason"], "INVALID_NEXT_TOKEN");
    for (service, target, code) in [
        ("cloudtrail", "CloudTrail_20131101.ListTrails", "ValidationException"),
        ("logs", "Logs_20140328.DescribeLogGroups", "InvalidParameterException"),
    ] {
        let error = json_of(&small.sandbox, service, target, &json!({"NextToken": "x", "nextToken": "x"}));
        assert_eq!(error["__type"], code);
        assert_eq!(error.get("Reason"), None, "{service}");
    }
    let xml = form(&small.sandbox, "sns", "Action=ListTopics&NextToken=x");
    assert!(!xml.contains("Reason>"), "{xml}");
}

#[tokio::test(start_paused = true)]
async fn the_empty_first_page_does_not_hide_a_wrong_input() {
    let sandbox = Sandbox::new(Scenario::sized(30, 1));
    sandbox.set_quotas(false);
    let list = |input: Value| json_of(&sandbox, "organizations", "AWSOrganizationsV20161128.ListAccounts", &input);
    assert_eq!(list(json!({"MaxResults": 21}))["__type"], "InvalidInputException");
    assert_eq!(list(json!({"MaxResults": "many"}))["__type"], "InvalidInputException");
    let first = list(json!({"MaxResults": 20}));
    assert_eq!(first["Accounts"], json!([]));
    assert_eq!(list(json!({"NextToken": first["NextToken"]}))["Accounts"].as_array().unwrap().len(), 20);
}
