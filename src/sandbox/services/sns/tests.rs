//! Topics made twice, subscriptions that wait, pages, and whose topics can be reached.

use super::*;
use crate::sandbox::services::testing::{call, caller, small};

fn sns(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

fn audit(org: &Org) -> Caller {
    caller(org, "audit", "eu-central-1")
}

fn topic(org: &mut Org, caller: &Caller, name: &str) -> String {
    sns(org, caller, "CreateTopic", json!({ "Name": name })).unwrap()["TopicArn"].as_str().unwrap().to_owned()
}

fn subscriptions(org: &mut Org, caller: &Caller, topic: &str) -> Vec<Value> {
    let answer = sns(org, caller, "ListSubscriptionsByTopic", json!({ "TopicArn": topic })).unwrap();
    answer["Subscriptions"].as_array().unwrap().clone()
}

#[test]
fn creating_a_topic_again_is_fine_unless_it_would_change() {
    let mut org = small();
    let caller = audit(&org);
    let tags = json!([{ "Key": "orgward:playbook", "Value": "root-usage" }]);
    let input = json!({ "Name": "security", "Tags": tags, "Attributes": { "DisplayName": "Security" } });
    let first = sns(&mut org, &caller, "CreateTopic", input.clone()).unwrap();
    assert_eq!(first["TopicArn"], json!(format!("arn:aws:sns:eu-central-1:{}:security", caller.account)));
    assert_eq!(sns(&mut org, &caller, "CreateTopic", input).unwrap(), first);
    assert_eq!(sns(&mut org, &caller, "CreateTopic", json!({ "Name": "security" })).unwrap(), first);
    for other in [
        json!({ "Name": "security", "Tags": [{ "Key": "a", "Value": "b" }] }),
        json!({ "Name": "security", "Attributes": { "DisplayName": "Other" } }),
        json!({ "Name": "no spaces" }),
        json!({ "Name": "" }),
    ] {
        assert_eq!(sns(&mut org, &caller, "CreateTopic", other.clone()).unwrap_err().status, 400, "{other}");
    }
    let listed = sns(&mut org, &caller, "ListTagsForResource", json!({ "ResourceArn": first["TopicArn"] })).unwrap();
    assert_eq!(listed["Tags"], tags);
    let attributes = sns(&mut org, &caller, "GetTopicAttributes", json!({ "TopicArn": first["TopicArn"] })).unwrap();
    assert_eq!(attributes["Attributes"]["$map"]["DisplayName"], "Security");
    assert_eq!(attributes["Attributes"]["$map"]["SubscriptionsPending"], "0");
}

#[test]
fn mail_waits_for_its_receiver_and_queues_do_not() {
    let mut org = small();
    let caller = audit(&org);
    let topic = topic(&mut org, &caller, "security");
    let mail = json!({ "TopicArn": topic, "Protocol": "email", "Endpoint": "soc@larkspur.example" });
    let answer = sns(&mut org, &caller, "Subscribe", mail.clone()).unwrap();
    assert_eq!(answer["SubscriptionArn"], "pending confirmation");
    sns(&mut org, &caller, "Subscribe", mail.clone()).unwrap();
    let queue = json!({
        "TopicArn": topic,
        "Protocol": "sqs",
        "Endpoint": "arn:aws:sqs:eu-central-1:111122223333:alerts",
    });
    let queue = sns(&mut org, &caller, "Subscribe", queue).unwrap()["SubscriptionArn"].clone();
    assert!(queue.as_str().unwrap().starts_with(&topic));
    let list = subscriptions(&mut org, &caller, &topic);
    assert_eq!(list.len(), 2, "the same endpoint is subscribed once");
    assert_eq!((&list[0]["SubscriptionArn"], &list[1]["SubscriptionArn"]), (&json!("PendingConfirmation"), &queue));
    let error = sns(&mut org, &caller, "Unsubscribe", json!({ "SubscriptionArn": "PendingConfirmation" })).unwrap_err();
    assert_eq!(error.code, "InvalidParameter");
    let whole = json!({ "TopicArn": topic, "Protocol": "email", "Endpoint": "soc@larkspur.example", "ReturnSubscriptionArn": true });
    let waiting = sns(&mut org, &caller, "Subscribe", whole).unwrap()["SubscriptionArn"].clone();
    let error = sns(&mut org, &caller, "Unsubscribe", json!({ "SubscriptionArn": waiting })).unwrap_err();
    assert_eq!(error.code, "InvalidParameter", "its ARN is known, but nobody can delete what waits");
    assert!(confirm(&mut org, &topic, "soc@larkspur.example"));
    assert!(!confirm(&mut org, &topic, "soc@larkspur.example"));
    let arn = subscriptions(&mut org, &caller, &topic)[0]["SubscriptionArn"].clone();
    assert!(arn.as_str().unwrap().starts_with("arn:"));
    assert_eq!(sns(&mut org, &caller, "Subscribe", mail).unwrap()["SubscriptionArn"], arn);
    sns(&mut org, &caller, "Unsubscribe", json!({ "SubscriptionArn": arn })).unwrap();
    assert_eq!(subscriptions(&mut org, &caller, &topic).len(), 1);
    assert_eq!(sns(&mut org, &caller, "Unsubscribe", json!({ "SubscriptionArn": arn })).unwrap_err().code, "NotFound");
}

#[test]
fn endpoints_are_checked() {
    let mut org = small();
    let caller = audit(&org);
    let topic = topic(&mut org, &caller, "security");
    for (protocol, endpoint) in [
        ("email", "nobody"),
        ("https", "http://example.com"),
        ("sqs", "alerts"),
        ("lambda", "arn:aws:sqs:eu-central-1:111122223333:alerts"),
        ("pigeon", "roof"),
    ] {
        let input = json!({ "TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint });
        assert_eq!(sns(&mut org, &caller, "Subscribe", input).unwrap_err().code, "InvalidParameter", "{protocol}");
    }
    assert!(subscriptions(&mut org, &caller, &topic).is_empty());
}

#[test]
fn subscriptions_and_topics_come_in_pages_of_100() {
    let mut org = small();
    let caller = audit(&org);
    let arn = topic(&mut org, &caller, "security");
    for number in 0..130 {
        let input = json!({ "TopicArn": arn, "Protocol": "email", "Endpoint": format!("p{number}@larkspur.example") });
        sns(&mut org, &caller, "Subscribe", input).unwrap();
        topic(&mut org, &caller, &format!("t{number}"));
    }
    let first = sns(&mut org, &caller, "ListSubscriptionsByTopic", json!({ "TopicArn": arn })).unwrap();
    assert_eq!(first["Subscriptions"].as_array().unwrap().len(), 100);
    let next = json!({ "TopicArn": arn, "NextToken": first["NextToken"] });
    let second = sns(&mut org, &caller, "ListSubscriptionsByTopic", next).unwrap();
    assert_eq!((second["Subscriptions"].as_array().unwrap().len(), &second["NextToken"]), (30, &Value::Null));
    let topics = sns(&mut org, &caller, "ListTopics", json!({})).unwrap();
    assert_eq!(topics["Topics"].as_array().unwrap().len(), 100);
    let rest = sns(&mut org, &caller, "ListTopics", json!({ "NextToken": topics["NextToken"] })).unwrap();
    assert_eq!(rest["Topics"].as_array().unwrap().len(), 31);
    let elsewhere = super::tests::caller(&org, "audit", "us-east-1");
    assert_eq!(sns(&mut org, &elsewhere, "ListTopics", json!({})).unwrap()["Topics"], json!([]));
}

#[test]
fn only_own_topics_of_the_region_are_reached() {
    let mut org = small();
    let caller = audit(&org);
    let arn = topic(&mut org, &caller, "security");
    let code = |org: &mut Org, caller: &Caller, operation: &str, arn: &str| {
        sns(org, caller, operation, json!({ "TopicArn": arn })).map_err(|error| error.code)
    };
    let stranger = super::tests::caller(&org, "app-one", "eu-central-1");
    let away = super::tests::caller(&org, "audit", "us-east-1");
    let missing = arn.replace("security", "nothing");
    assert_eq!(code(&mut org, &stranger, "GetTopicAttributes", &arn), Err("AuthorizationError".into()));
    assert_eq!(code(&mut org, &away, "GetTopicAttributes", &arn), Err("InvalidParameter".into()));
    assert_eq!(code(&mut org, &caller, "GetTopicAttributes", "security"), Err("InvalidParameter".into()));
    assert_eq!(code(&mut org, &caller, "ListSubscriptionsByTopic", &missing), Err("NotFound".into()));
    assert_eq!(code(&mut org, &caller, "DeleteTopic", &missing), Ok(Value::Null));
    assert_eq!(code(&mut org, &caller, "DeleteTopic", &arn), Ok(Value::Null));
    assert_eq!(code(&mut org, &caller, "GetTopicAttributes", &arn), Err("NotFound".into()));
    let error = sns(&mut org, &caller, "TagResource", json!({ "ResourceArn": arn, "Tags": [] })).unwrap_err();
    assert_eq!(error.code, "ResourceNotFound");
}
