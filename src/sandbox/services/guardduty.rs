//! GuardDuty: the detector of a Region.
//!
//! Owns: two reads. Must not: detect anything.
//!
//! Source: Amazon GuardDuty API reference, `ListDetectors`, `GetDetector`.

use super::Operations;
use crate::sandbox::generate::watchers::watched;
use crate::sandbox::wire::rest::Route;
use crate::sandbox::{ApiError, Caller, Org, input, page::page};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations = &[("GetDetector", get_detector), ("ListDetectors", list_detectors)];

/// Where they are asked for.
pub(crate) const ROUTES: &[Route] =
    &[("GET", "/detector", "ListDetectors"), ("GET", "/detector/{DetectorId}", "GetDetector")];

/// The code of everything that GuardDuty does not take.
pub(crate) const BAD_REQUEST: &str = "BadRequestException";

fn list_detectors(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let size = input::opt_int(&request, "maxResults")?.unwrap_or(50);
    let size = usize::try_from(size).ok().filter(|size| (1..=50).contains(size)).ok_or_else(|| {
        ApiError::validation("The request is rejected because the parameter maxResults has an invalid value.")
    })?;
    let state = org.unpeopled(&caller.account);
    let watched = watched(&state, &caller.region);
    let ids: Vec<&String> = watched.detectors.keys().collect();
    let (part, next) = page(&ids, input::opt_text(&request, "nextToken")?, size, BAD_REQUEST)?;
    Ok(json!({"detectorIds": part, "nextToken": next}))
}

fn get_detector(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let id = input::text(&request, "DetectorId")?;
    let state = org.unpeopled(&caller.account);
    let watched = watched(&state, &caller.region);
    let detector = watched.detectors.get(id).ok_or_else(|| {
        ApiError::validation(
            "The request is rejected because the input detectorId is not owned by the current account.",
        )
    })?;
    let status = if detector.enabled { "ENABLED" } else { "DISABLED" };
    let role = "aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty";
    Ok(json!({
        "createdAt": detector.created.to_string(),
        "updatedAt": detector.created.to_string(),
        "findingPublishingFrequency": "SIX_HOURS",
        "serviceRole": format!("arn:aws:iam::{}:role/{role}", caller.account),
        "status": status,
        "features": [
            {"name": "CLOUD_TRAIL", "status": status},
            {"name": "DNS_LOGS", "status": status},
            {"name": "FLOW_LOGS", "status": status},
        ],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::error::VALIDATION;
    use crate::sandbox::services::testing::{call, caller, small};

    #[test]
    fn a_detector_is_found_by_its_id() {
        let mut org = small();
        let one = caller(&org, "app-one", "eu-west-1");
        let mut ask = |operation: &str, input: Value| call(OPERATIONS, &mut org, &one, operation, input);
        let ids = ask("ListDetectors", json!({})).unwrap()["detectorIds"].clone();
        assert_eq!(ids.as_array().unwrap().len(), 1);
        let id = ids[0].as_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(ask("GetDetector", json!({"DetectorId": id})).unwrap()["status"], "ENABLED");
        assert_eq!(ask("GetDetector", json!({"DetectorId": "none"})).unwrap_err().code, VALIDATION);
        assert_eq!(ask("ListDetectors", json!({"maxResults": "51"})).unwrap_err().code, VALIDATION);
        assert_eq!(ask("ListDetectors", json!({"nextToken": "x"})).unwrap_err().code, BAD_REQUEST);
    }
}
