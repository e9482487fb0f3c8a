//! Analyzers and findings, straight at the handlers.

use super::*;
use crate::sandbox::generate::watchers::{ANALYZER, ORGANIZATION_ANALYZER, watched_mut};
use crate::sandbox::services::testing::{account, call, caller, small};

fn ask(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

#[test]
fn every_region_has_an_analyzer_and_the_administrator_the_organizations() {
    let mut org = small();
    let audit = caller(&org, "audit", "eu-central-1");
    let all = ask(&mut org, &audit, "ListAnalyzers", json!({})).unwrap();
    let names: Vec<&Value> = all["analyzers"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, [ANALYZER, ORGANIZATION_ANALYZER]);
    let wide = ask(&mut org, &audit, "ListAnalyzers", json!({"type": "ORGANIZATION"})).unwrap();
    assert_eq!(wide["analyzers"].as_array().unwrap().len(), 1);
    assert_eq!(ask(&mut org, &audit, "ListAnalyzers", json!({"type": "X"})).unwrap_err().code, VALIDATION);
    let elsewhere = caller(&org, "audit", "us-east-1");
    let wide = ask(&mut org, &elsewhere, "ListAnalyzers", json!({"type": "ORGANIZATION"})).unwrap();
    assert_eq!(wide["analyzers"], json!([]));
}

#[test]
fn findings_come_in_pages_and_by_status() {
    let mut org = small();
    let one = caller(&org, "app-one", "eu-west-1");
    let id = account(&org, "app-one");
    let state = org.state_mut(&id);
    let analyzer = watched_mut(state, &one.region).analyzers.get_mut(ANALYZER).unwrap();
    let finding = |n: usize| AnalyzerFinding {
        id: format!("f-{n}"),
        resource: "arn:aws:s3:::b".into(),
        resource_type: "AWS::S3::Bucket".into(),
        owner: id.clone(),
        kind: "ExternalAccess".into(),
        status: if n == 0 { "ARCHIVED" } else { "ACTIVE" }.into(),
        found: state_time(),
    };
    analyzer.findings = (0..5).map(finding).collect();
    let arn = arn_of(&one, ANALYZER);
    let active = json!({"analyzerArn": arn, "filter": {"status": {"eq": ["ACTIVE"]}}, "maxResults": 3});
    let first = ask(&mut org, &one, "ListFindingsV2", active.clone()).unwrap();
    assert_eq!(first["findings"].as_array().unwrap().len(), 3);
    let mut rest = active;
    rest["nextToken"] = first["nextToken"].clone();
    let rest = ask(&mut org, &one, "ListFindingsV2", rest).unwrap();
    assert_eq!((rest["findings"].as_array().unwrap().len(), &rest["nextToken"]), (1, &Value::Null));
    let all = ask(&mut org, &one, "ListFindingsV2", json!({"analyzerArn": arn})).unwrap();
    assert_eq!(all["findings"].as_array().unwrap().len(), 5);
    for (input, code) in [
        (json!({"analyzerArn": format!("{arn}-none")}), "ResourceNotFoundException"),
        (json!({}), VALIDATION),
        (json!({"analyzerArn": arn, "maxResults": 101}), VALIDATION),
        (json!({"analyzerArn": arn, "nextToken": "x"}), VALIDATION),
        (json!({"analyzerArn": arn, "filter": {"resource": {"eq": ["x"]}}}), "NotImplemented"),
        (json!({"analyzerArn": arn, "filter": {"status": {"neq": ["ACTIVE"]}}}), "NotImplemented"),
    ] {
        let error = ask(&mut org, &one, "ListFindingsV2", input.clone()).unwrap_err();
        assert_eq!((error.code.as_str(), error.members.contains_key("reason")), (code, code == VALIDATION), "{input}");
    }
}

fn state_time() -> jiff::Timestamp {
    crate::sandbox::scenario::EPOCH
}
