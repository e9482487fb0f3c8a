//! Trails and their shadows, selectors, and lookups of the calls made.

use super::*;
use crate::sandbox::Scenario;
use crate::sandbox::services::testing::{call, caller, record, small, wait};

fn trail(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

fn described(org: &mut Org, caller: &Caller, input: Value) -> Vec<Value> {
    trail(org, caller, "DescribeTrails", input).unwrap()["trailList"].as_array().unwrap().clone()
}

#[test]
fn the_organization_trail_shows_in_every_account_and_region() {
    let mut org = small();
    let owner = org.info.management_account.clone();
    for name in ["management", "audit", "app-one"] {
        for region in ["eu-central-1", "us-east-1", "ap-south-1"] {
            let caller = caller(&org, name, region);
            let list = described(&mut org, &caller, json!({}));
            assert_eq!(list.len(), 1, "{name} {region}");
            assert_eq!(list[0]["IsOrganizationTrail"], true);
            assert!(list[0]["TrailARN"].as_str().unwrap().contains(owner.as_str()));
            let shown = described(&mut org, &caller, json!({ "includeShadowTrails": false })).len();
            assert_eq!(shown, usize::from(name == "management" && region == "eu-central-1"), "{name} {region}");
            let listed = trail(&mut org, &caller, "ListTrails", json!({})).unwrap();
            assert_eq!(listed["Trails"][0]["HomeRegion"], "eu-central-1");
        }
    }
}

#[test]
fn trails_are_found_by_arn_everywhere_and_by_name_at_home() {
    let mut org = small();
    let home = caller(&org, "management", "eu-central-1");
    let away = caller(&org, "management", "us-east-1");
    let member = caller(&org, "app-one", "eu-central-1");
    let arn = described(&mut org, &home, json!({}))[0]["TrailARN"].as_str().unwrap().to_owned();
    for (caller, name, found) in [
        (&home, "organization-trail", true),
        (&away, "organization-trail", false),
        (&member, "organization-trail", false),
        (&away, arn.as_str(), true),
        (&member, arn.as_str(), true),
        (&home, "other", false),
    ] {
        assert_eq!(described(&mut org, caller, json!({ "trailNameList": [name] })).len(), usize::from(found), "{name}");
        match trail(&mut org, caller, "GetTrailStatus", json!({ "Name": name })) {
            Ok(status) => assert!(found && status["IsLogging"] == true),
            Err(error) => assert!(!found && error.code == "TrailNotFoundException", "{error:?}"),
        }
    }
}

#[test]
fn selectors_are_told_to_the_owner_only() {
    let mut org = small();
    let owner = caller(&org, "management", "eu-central-1");
    let member = caller(&org, "app-one", "eu-central-1");
    let arn = described(&mut org, &owner, json!({}))[0]["TrailARN"].clone();
    let input = json!({ "TrailName": arn });
    let answer = trail(&mut org, &owner, "GetEventSelectors", input.clone()).unwrap();
    assert_eq!(answer["EventSelectors"][0]["ReadWriteType"], "All");
    assert_eq!(answer["EventSelectors"][0]["IncludeManagementEvents"], true);
    let error = trail(&mut org, &member, "GetEventSelectors", input.clone()).unwrap_err();
    assert_eq!(error.code, "CloudTrailARNInvalidException");
    let missing = trail(&mut org, &owner, "GetEventSelectors", json!({ "TrailName": "x" })).unwrap_err();
    assert_eq!(missing.code, "TrailNotFoundException");
    let advanced = vec![json!({ "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Management"] }] })];
    let management = org.info.management_account.clone();
    for trail in org.state_mut(&management).trails.values_mut() {
        trail.selectors = Selectors::Advanced(advanced.clone());
    }
    let answer = trail(&mut org, &owner, "GetEventSelectors", input).unwrap();
    assert_eq!(answer["AdvancedEventSelectors"], json!(advanced));
    assert_eq!(answer.get("EventSelectors"), None);
    assert_eq!(described(&mut org, &member, json!({}))[0]["HasCustomEventSelectors"], true);
}

#[test]
fn a_trail_of_one_region_shows_there_only() {
    let mut org = Org::from(Scenario::sized(5, 4));
    let management = org.info.management_account.clone();
    for trail in org.state_mut(&management).trails.values_mut() {
        trail.multi_region = false;
    }
    let name = org.members[&management].name.clone();
    let (home, away) = (caller(&org, &name, "eu-central-1"), caller(&org, &name, "us-east-1"));
    assert_eq!(described(&mut org, &home, json!({})).len(), 1);
    assert!(described(&mut org, &away, json!({})).is_empty());
}

#[test]
fn a_lookup_finds_the_calls_of_its_account_and_region() {
    let mut org = small();
    let one = caller(&org, "app-one", "us-east-1");
    let two = caller(&org, "app-two", "us-east-1");
    record(&mut org, &one, "iam", "GetAccountSummary", None);
    record(&mut org, &two, "iam", "GetAccountSummary", None);
    wait(&mut org, 60);
    record(&mut org, &one, "iam", "UpdateAccountPasswordPolicy", Some("AccessDenied"));
    let answer = trail(&mut org, &one, "LookupEvents", json!({})).unwrap();
    let events = answer["Events"].as_array().unwrap();
    let names: Vec<&str> = events.iter().map(|e| e["EventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["UpdateAccountPasswordPolicy", "GetAccountSummary"], "newest first, this account only");
    assert_eq!((events[0]["Username"].as_str(), events[0]["ReadOnly"].as_str()), (Some("test"), Some("false")));
    let recorded: Value = serde_json::from_str(events[0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(recorded["errorCode"], "AccessDenied");
    let elsewhere = caller(&org, "app-one", "eu-west-1");
    assert!(trail(&mut org, &elsewhere, "LookupEvents", json!({})).unwrap()["Events"].as_array().unwrap().is_empty());
    let found = |org: &mut Org, input: Value| {
        trail(org, &one, "LookupEvents", input).unwrap()["Events"].as_array().unwrap().len()
    };
    for (key, value, count) in [
        ("EventName", "GetAccountSummary", 1),
        ("EventSource", "iam.amazonaws.com", 2),
        ("ReadOnly", "true", 1),
        ("Username", "test", 2),
        ("AccessKeyId", "ASIAEXAMPLE", 2),
        ("ResourceName", "x", 0),
    ] {
        let input = json!({ "LookupAttributes": [{ "AttributeKey": key, "AttributeValue": value }] });
        assert_eq!(found(&mut org, input), count, "{key}");
    }
    let start = wire::timestamp(org.now);
    assert_eq!(found(&mut org, json!({ "StartTime": start })), 1);
    let end = wire::timestamp(org.epoch);
    assert_eq!(found(&mut org, json!({ "EndTime": end })), 1);
}

#[test]
fn pages_of_events_stay_whole_while_events_arrive() {
    let mut org = small();
    let one = caller(&org, "app-one", "us-east-1");
    for _ in 0..120 {
        record(&mut org, &one, "iam", "GetAccountSummary", None);
    }
    let (mut seen, mut input) = (std::collections::BTreeSet::new(), json!({}));
    let mut sizes = Vec::new();
    loop {
        let answer = trail(&mut org, &one, "LookupEvents", input.clone()).unwrap();
        let events = answer["Events"].as_array().unwrap();
        sizes.push(events.len());
        for event in events {
            assert!(seen.insert(event["EventId"].as_str().unwrap().to_owned()), "twice");
        }
        record(&mut org, &one, "cloudtrail", "LookupEvents", None);
        if answer["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = answer["NextToken"].clone();
    }
    assert_eq!(sizes, [50, 50, 20]);
}

#[test]
fn lookups_are_checked() {
    let mut org = small();
    let one = caller(&org, "app-one", "us-east-1");
    let attribute = json!({ "AttributeKey": "EventName", "AttributeValue": "x" });
    for (input, code) in [
        (json!({ "LookupAttributes": [attribute, attribute] }), "InvalidLookupAttributesException"),
        (
            json!({ "LookupAttributes": [{ "AttributeKey": "errorCode", "AttributeValue": "x" }] }),
            "InvalidLookupAttributesException",
        ),
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "MaxResults": 0 }), "InvalidMaxResultsException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
        (json!({ "StartTime": 2_000_000_000, "EndTime": 1_900_000_000 }), "InvalidTimeRangeException"),
    ] {
        assert_eq!(trail(&mut org, &one, "LookupEvents", input).unwrap_err().code, code);
    }
}
