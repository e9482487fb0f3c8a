//! Recorders and rules, straight at the handlers.

use super::*;
use crate::sandbox::generate::watchers::{KEY_RULE, RECORDER, watched_mut};
use crate::sandbox::services::testing::{account, call, caller, small};

fn ask(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

#[test]
fn a_recorder_and_its_status_are_there_by_name() {
    let mut org = small();
    let one = caller(&org, "app-one", "eu-west-1");
    let named = json!({"ConfigurationRecorderNames": [RECORDER]});
    for input in [json!({}), named] {
        let found = ask(&mut org, &one, "DescribeConfigurationRecorders", input.clone()).unwrap();
        let group = &found["ConfigurationRecorders"][0]["recordingGroup"];
        assert_eq!((&group["allSupported"], &group["includeGlobalResourceTypes"]), (&json!(true), &json!(false)));
        let status = ask(&mut org, &one, "DescribeConfigurationRecorderStatus", input).unwrap();
        assert_eq!(status["ConfigurationRecordersStatus"][0]["recording"], true);
    }
    let home = caller(&org, "app-one", "eu-central-1");
    let found = ask(&mut org, &home, "DescribeConfigurationRecorders", json!({})).unwrap();
    assert_eq!(found["ConfigurationRecorders"][0]["recordingGroup"]["includeGlobalResourceTypes"], true);
    for operation in ["DescribeConfigurationRecorders", "DescribeConfigurationRecorderStatus"] {
        let error = ask(&mut org, &one, operation, json!({"ConfigurationRecorderNames": ["none"]})).unwrap_err();
        assert_eq!(error.code, "NoSuchConfigurationRecorderException");
        let error = ask(&mut org, &one, operation, json!({"Arn": "x"})).unwrap_err();
        assert_eq!(error.status, 501);
    }
}

#[test]
fn rules_are_those_of_the_home_region_in_pages() {
    let mut org = small();
    let home = caller(&org, "app-one", "eu-central-1");
    let found = ask(&mut org, &home, "DescribeConfigRules", json!({})).unwrap();
    let rule = &found["ConfigRules"][0];
    assert_eq!((&rule["ConfigRuleName"], &rule["ConfigRuleState"]), (&json!(KEY_RULE), &json!("ACTIVE")));
    let elsewhere = caller(&org, "app-one", "eu-west-1");
    assert_eq!(ask(&mut org, &elsewhere, "DescribeConfigRules", json!({})).unwrap()["ConfigRules"], json!([]));

    let id = account(&org, "app-one");
    let rules = &mut watched_mut(org.state_mut(&id), &home.region).rules;
    let rule = rules[KEY_RULE].clone();
    *rules = (0..30).map(|n| (format!("rule-{n:02}"), rule.clone())).collect();
    let first = ask(&mut org, &home, "DescribeConfigRules", json!({})).unwrap();
    assert_eq!(first["ConfigRules"].as_array().unwrap().len(), PAGE);
    let rest = ask(&mut org, &home, "DescribeConfigRules", json!({"NextToken": first["NextToken"]})).unwrap();
    assert_eq!((rest["ConfigRules"].as_array().unwrap().len(), &rest["NextToken"]), (5, &Value::Null));
    for (input, code) in [
        (json!({"NextToken": "x"}), "InvalidNextTokenException"),
        (json!({"ConfigRuleNames": ["none"]}), "NoSuchConfigRuleException"),
        (json!({"Filters": {"EvaluationMode": "DETECTIVE"}}), "NotImplemented"),
    ] {
        assert_eq!(ask(&mut org, &home, "DescribeConfigRules", input).unwrap_err().code, code);
    }
}
