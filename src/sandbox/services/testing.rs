//! What tests of services share: a small organization and calls straight to the handlers.
//!
//! Owns: callers made out of thin air. Must not: be compiled outside tests.

use crate::model::AccountId;
use crate::sandbox::scenario::Scenario;
use crate::sandbox::{ApiError, Caller, Event, Handler, Org};
use jiff::SignedDuration;
use serde_json::Value;

/// The organization of `Scenario::small`.
pub(crate) fn small() -> Org {
    Org::from(Scenario::small())
}

/// The account of this name.
pub(crate) fn account(org: &Org, name: &str) -> AccountId {
    org.members.values().find(|member| member.name == name).unwrap().id.clone()
}

/// A role session in the account of this name, in `region`.
pub(crate) fn caller(org: &Org, name: &str, region: &str) -> Caller {
    let account = account(org, name);
    Caller {
        arn: format!("arn:aws:sts::{account}:assumed-role/OrgwardAudit/test"),
        user_id: "AROAEXAMPLE:test".into(),
        role_arn: Some(format!("arn:aws:iam::{account}:role/OrgwardAudit")),
        region: region.parse().unwrap(),
        is_root: false,
        session: None,
        access_key: "ASIAEXAMPLE".into(),
        account,
    }
}

/// Calls an operation of a service.
pub(crate) fn call(
    operations: &[(&str, Handler)],
    org: &mut Org,
    caller: &Caller,
    operation: &str,
    input: Value,
) -> Result<Value, ApiError> {
    let (_, handler) = operations.iter().find(|(name, _)| *name == operation).unwrap();
    handler(org, caller, input)
}

/// Moves the sandbox's clock.
pub(crate) fn wait(org: &mut Org, seconds: i64) {
    org.now = org.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
}

/// Records a call as dispatch does.
pub(crate) fn record(org: &mut Org, caller: &Caller, service: &str, operation: &str, error_code: Option<&str>) {
    let event = Event {
        id: org.fresh_uuid(),
        at: org.now,
        name: operation.into(),
        source: format!("{service}.amazonaws.com").into(),
        region: caller.region.clone(),
        account: caller.account.clone(),
        identity: caller.identity().into(),
        parameters: Value::Null,
        error_code: error_code.map(str::to_owned),
        error_message: None,
        read_only: operation.starts_with("Get") || operation.starts_with("List") || operation.starts_with("Lookup"),
    };
    org.events.push(event);
}
