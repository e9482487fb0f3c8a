//! Security Hub: whether an account is subscribed in a Region.
//!
//! Owns: one read. Must not: hold findings or standards.
//!
//! Source: AWS Security Hub API reference, `DescribeHub`.

use super::Operations;
use crate::sandbox::generate::watchers::watched;
use crate::sandbox::wire::rest::Route;
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations = &[("DescribeHub", describe_hub)];

/// Where they are asked for.
pub(crate) const ROUTES: &[Route] = &[("GET", "/accounts", "DescribeHub")];

fn describe_hub(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    let arn = format!("arn:aws:securityhub:{}:{}:hub/default", caller.region, caller.account);
    let Some(subscribed) = watched(&org.unpeopled(&caller.account), &caller.region).hub else {
        let message = format!("Account {} is not subscribed to AWS Security Hub", caller.account);
        return Err(ApiError::new("InvalidAccessException", message)
            .with_status(401)
            .with("Code", "InvalidAccessException"));
    };
    if let Some(asked) = input::opt_text(&request, "HubArn")?.filter(|asked| *asked != arn) {
        return Err(ApiError::new("ResourceNotFoundException", format!("Hub {asked} was not found"))
            .with_status(404)
            .with("Code", "ResourceNotFoundException"));
    }
    Ok(json!({
        "HubArn": arn,
        "SubscribedAt": subscribed.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "AutoEnableControls": true,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::generate::watchers::watched_mut;
    use crate::sandbox::services::testing::{account, call, caller, small};

    #[test]
    fn an_account_is_subscribed_or_has_no_access() {
        let mut org = small();
        let one = caller(&org, "app-one", "eu-west-1");
        let ask = |org: &mut Org, input: Value| call(OPERATIONS, org, &one, "DescribeHub", input);
        let hub = ask(&mut org, json!({})).unwrap();
        assert_eq!(ask(&mut org, json!({"HubArn": hub["HubArn"]})).unwrap(), hub);
        let since: jiff::Timestamp = hub["SubscribedAt"].as_str().unwrap().parse().unwrap();
        assert!(since < org.now);
        assert_eq!(ask(&mut org, json!({"HubArn": "other"})).unwrap_err().code, "ResourceNotFoundException");
        let id = account(&org, "app-one");
        watched_mut(org.state_mut(&id), &one.region).hub = None;
        let error = ask(&mut org, json!({})).unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("InvalidAccessException", 401));
    }
}
