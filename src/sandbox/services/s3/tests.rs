//! Buckets, straight at the handlers.

use super::*;
use crate::sandbox::generate::buckets::ALL_USERS;
use crate::sandbox::services::testing::{account, call, caller, small};

fn ask(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

/// The bucket of the organization trail.
fn trail_bucket(org: &Org) -> String {
    let management = org.info.management_account.clone();
    org.state(&management).trails.values().next().unwrap().bucket.clone()
}

#[test]
fn buckets_are_listed_with_their_region_if_anything_is_asked() {
    let mut org = small();
    let audit = caller(&org, "audit", "us-east-1");
    let plain = ask(&mut org, &audit, "ListBuckets", json!({})).unwrap();
    let all = plain["ListAllMyBucketsResult"]["Buckets"]["Bucket"].as_array().unwrap().clone();
    assert_eq!(all.len(), 3, "the trail's, its access logs', a workload's");
    assert!(all.iter().all(|bucket| bucket["BucketRegion"].is_null()));
    let trail = trail_bucket(&org);
    assert!(all.iter().any(|bucket| bucket["Name"] == trail));
    let first = ask(&mut org, &audit, "ListBuckets", json!({"max-buckets": "2"})).unwrap();
    let first = &first["ListAllMyBucketsResult"];
    assert_eq!(first["Buckets"]["Bucket"][0]["BucketRegion"], "eu-central-1");
    let rest = json!({"continuation-token": first["ContinuationToken"]});
    let rest = ask(&mut org, &audit, "ListBuckets", rest).unwrap();
    assert_eq!(rest["ListAllMyBucketsResult"]["Buckets"]["Bucket"].as_array().unwrap().len(), 1);
    assert!(rest["ListAllMyBucketsResult"]["ContinuationToken"].is_null());
    let prefixed = ask(&mut org, &audit, "ListBuckets", json!({"prefix": "org-", "bucket-region": "x"})).unwrap();
    assert_eq!(prefixed["ListAllMyBucketsResult"]["Buckets"]["Bucket"], json!([]));
    for wrong in [json!({"max-buckets": "0"}), json!({"max-buckets": "10001"}), json!({"continuation-token": "x"})] {
        assert_eq!(ask(&mut org, &audit, "ListBuckets", wrong).unwrap_err().code, INVALID);
    }
}

#[test]
fn a_bucket_answers_its_owner_in_its_region() {
    let mut org = small();
    let bucket = trail_bucket(&org);
    let named = json!({"Bucket": bucket});
    let audit = caller(&org, "audit", "eu-central-1");
    let status = ask(&mut org, &audit, "GetBucketPolicyStatus", named.clone()).unwrap();
    assert_eq!(status["PolicyStatus"]["IsPublic"], false);
    let acl = ask(&mut org, &audit, "GetBucketAcl", named.clone()).unwrap();
    assert_eq!(acl["AccessControlPolicy"]["AccessControlList"]["Grant"].as_array().unwrap().len(), 1);
    let logging = ask(&mut org, &audit, "GetBucketLogging", named.clone()).unwrap();
    let target = logging["BucketLoggingStatus"]["LoggingEnabled"]["TargetBucket"].as_str().unwrap().to_owned();
    let unlogged = ask(&mut org, &audit, "GetBucketLogging", json!({"Bucket": target})).unwrap();
    assert!(unlogged["BucketLoggingStatus"]["LoggingEnabled"].is_null());

    let (other, abroad) = (caller(&org, "app-one", "eu-central-1"), caller(&org, "audit", "us-east-1"));
    for operation in ["GetBucketAcl", "GetBucketLogging", "GetBucketPolicyStatus"] {
        let mut refused = |caller: &Caller, input: Value| ask(&mut org, caller, operation, input).unwrap_err();
        assert_eq!(refused(&audit, json!({"Bucket": "none"})).code, "NoSuchBucket");
        assert_eq!(refused(&other, named.clone()).code, "AccessDenied", "another account's");
        let error = refused(&abroad, named.clone());
        assert_eq!(
            (error.code.as_str(), &error.members["Region"]),
            ("AuthorizationHeaderMalformed", &json!("eu-central-1"))
        );
        let wrong_owner = json!({"Bucket": bucket, "ExpectedBucketOwner": "111122223333"});
        assert_eq!(refused(&audit, wrong_owner).code, "AccessDenied");
    }
    assert_eq!(
        ask(&mut org, &audit, "GetBucketPolicyStatus", json!({"Bucket": target})).unwrap_err().code,
        "NoSuchBucketPolicy"
    );
    let id = account(&org, "audit");
    org.state_mut(&id).buckets.get_mut(&bucket).unwrap().group_grants = vec![(ALL_USERS.into(), "WRITE".into())];
    let acl = ask(&mut org, &audit, "GetBucketAcl", named).unwrap();
    let grant = &acl["AccessControlPolicy"]["AccessControlList"]["Grant"][1];
    assert_eq!((&grant["Grantee"]["URI"], &grant["Permission"]), (&json!(ALL_USERS), &json!("WRITE")));
}
