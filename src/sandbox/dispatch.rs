//! A request's way through the sandbox: which service and operation, who calls, quotas, faults, handler, answer, log.
//!
//! Owns: that order. Must not: answer an operation itself, or wait (a delay is handed back to the transport).

use super::access;
use super::auth::{self, Caller, Credential};
use super::error::VALIDATION;
use super::faults::{FaultKind, Hit};
use super::gate::throttled;
use super::log::{Event, LoggedRequest, request_parameters};
use super::org::{Org, uuid_of};
use super::services::{SERVICES, Service};
use super::wire::{Answer, Frame, Protocol, query, rest};
use super::{ApiError, Sandbox};
use crate::model::{AccountId, Region};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// A request as both transports bring it.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
    pub(crate) target: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
    /// `x-amz-expected-bucket-owner`.
    pub(crate) bucket_owner: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// What a transport has to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// Send this.
    Answer(Answer),
    /// Break the connection.
    Drop,
    /// Never answer.
    Hang,
}

/// Which operation a request is for, and how it is written.
struct Call {
    service: &'static Service,
    protocol: Protocol,
    operation: String,
    /// Members that the request has outside its body.
    members: Map<String, Value>,
}

/// Answers a request, and dates the answer. The delay is what a fault adds before the reply goes out.
pub(crate) fn handle(sandbox: &Sandbox, request: &Incoming<'_>) -> (Duration, Reply) {
    let (delay, mut reply) = reply(sandbox, request);
    if let Reply::Answer(answer) = &mut reply {
        let org = sandbox.org();
        // By the clients' clock, whatever moment the sandbox plays.
        let now = org.now.checked_add(org.ahead).unwrap_or(org.now);
        answer.headers.push(("date", now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    }
    (delay, reply)
}

fn reply(sandbox: &Sandbox, request: &Incoming<'_>) -> (Duration, Reply) {
    let request_id = sandbox.next_request_id();
    let credential = request.authorization.and_then(Credential::parse);
    let call = match identify(request, credential.as_ref()) {
        Ok(call) => call,
        Err(error) => {
            let operation = error.members.get("Operation").and_then(Value::as_str).unwrap_or_default().to_owned();
            let region = credential.map(|c| c.region.to_owned()).unwrap_or_default();
            sandbox.log(None, "", (&operation, &region), error.status, false);
            return (
                Duration::ZERO,
                Reply::Answer(Protocol::Json11.encode_error(&error, bare(&operation, &request_id))),
            );
        }
    };
    let Call { service, protocol, ref operation, .. } = call;
    let frame = Frame {
        operation,
        namespace: service.query.or(service.xml).unwrap_or_default(),
        request_id: &request_id,
        query_compatible: service.query_compatible(protocol),
        error_shapes: service.error_shapes,
        message_member: service.message_member,
    };
    let region = credential.as_ref().map(|c| c.region).unwrap_or_default().to_owned();
    let mut account = None;
    let mut hit = Hit::default();
    let outcome = serve(sandbox, request, credential, (&call, &request_id), &mut account, &mut hit);
    let mut throttle = false;
    let reply = match outcome {
        Ok(Served::Output(output)) => Reply::Answer(protocol.encode(&output, frame)),
        Ok(Served::Broken(reply)) => reply,
        Err(mut error) => {
            throttle = error.code == throttled(service.prefix).code;
            if error.code == VALIDATION {
                service.validation.clone_into(&mut error.code);
            }
            Reply::Answer(protocol.encode_error(&error, frame))
        }
    };
    let status = if let Reply::Answer(answer) = &reply { answer.status } else { 0 };
    sandbox.log(account, service.prefix, (operation, &region), status, throttle);
    (hit.delay, reply)
}

/// The frame of an answer to a request that names no service.
fn bare<'a>(operation: &'a str, request_id: &'a str) -> Frame<'a> {
    Frame {
        operation,
        namespace: "",
        request_id,
        query_compatible: false,
        error_shapes: &[],
        message_member: "message",
    }
}

enum Served {
    Output(Value),
    Broken(Reply),
}

/// Everything between identification and encoding.
fn serve(
    sandbox: &Sandbox,
    request: &Incoming<'_>,
    credential: Option<Credential<'_>>,
    (call, request_id): (&Call, &str),
    account: &mut Option<AccountId>,
    hit: &mut Hit,
) -> Result<Served, ApiError> {
    let Call { service, protocol, operation, members } = call;
    let (service, protocol): (&'static Service, Protocol) = (service, *protocol);
    let credential = credential.ok_or_else(|| auth::unsigned(protocol))?;
    let mut org = sandbox.org();
    org.tick();
    let caller = auth::caller(&org, &credential, request.token, service, protocol)?;
    *account = Some(caller.account.clone());
    let handler = service.handler(operation).ok_or_else(|| {
        ApiError::not_implemented(format!("the sandbox has no operation {}:{operation}", service.prefix))
    })?;
    let mut input = protocol.decode(request.body)?;
    if let Some(input) = input.as_object_mut() {
        input.extend(members.clone());
    }
    let role_account = input.get("RoleArn").and_then(Value::as_str).and_then(|arn| arn.split(':').nth(4)?.parse().ok());
    *hit = sandbox.faults().hit(&caller.account, role_account.as_ref(), service.prefix, operation);
    let (kind, after) = hit.kind.clone().map_or((None, false), |(kind, after)| (Some(kind), after));
    if let Some(kind) = kind.as_ref().filter(|kind| !after && **kind != FaultKind::Contradict) {
        return fail(kind, &caller, service, protocol, operation);
    }
    let place = (service.prefix, service.global);
    let now = Instant::now();
    let mut gate = sandbox.gate();
    gate.pass(&caller.account, &caller.region, place, operation, now)?;
    for limit in &hit.limits {
        gate.pass_limit(&caller.account, service.prefix, limit, now)?;
    }
    drop(gate);
    let parameters = if is_read_only(operation) { Value::Null } else { request_parameters(&input) };
    let outcome = access::authorize(&mut org, &caller, service, operation, &input)
        .and_then(|()| handler(&mut org, &caller, input));
    if org.keeps_events {
        record(&mut org, &caller, (service, operation, request_id), parameters, outcome.as_ref().err());
    }
    match kind {
        Some(FaultKind::Contradict) => outcome.map(|output| Served::Output(contradicted(output))),
        Some(kind) => fail(&kind, &caller, service, protocol, operation),
        None => outcome.map(Served::Output),
    }
}

/// Carries a fault out.
fn fail(
    kind: &FaultKind,
    caller: &Caller,
    service: &Service,
    protocol: Protocol,
    operation: &str,
) -> Result<Served, ApiError> {
    let page = |status, content_type: &str, body: &[u8]| {
        let headers = vec![("content-type", content_type.to_owned())];
        Ok(Served::Broken(Reply::Answer(Answer { status, headers, body: body.to_vec() })))
    };
    match kind {
        FaultKind::Deny => Err(service.denies(&caller.arn, &format!("{}:{operation}", service.prefix), "*", "")),
        FaultKind::Throttle { .. } => Err(throttled(service.prefix)),
        FaultKind::ExpiredToken => Err(auth::expired(protocol)),
        FaultKind::Error { status, code, message } => {
            Err(ApiError::new(code.clone(), message.clone()).with_status(*status))
        }
        FaultKind::Drop => Ok(Served::Broken(Reply::Drop)),
        FaultKind::Hang => Ok(Served::Broken(Reply::Hang)),
        FaultKind::Html => {
            page(503, "text/html", b"<!DOCTYPE html><html><body><h1>503 Service Unavailable</h1></body></html>")
        }
        FaultKind::Garbage => page(200, "application/octet-stream", b"\xde\xad\xbe\xef not an answer {<[\x00"),
        // Delays and limits are no failures; `Faults::hit` never gives one here.
        FaultKind::Latency(_) | FaultKind::Limit { .. } => {
            Err(ApiError::not_implemented("a delay or a limit is not a failure"))
        }
        FaultKind::Contradict => Err(ApiError::not_implemented("a contradiction is not a failure")),
    }
}

/// Simulations turned round.
fn contradicted(mut output: Value) -> Value {
    let results = output.get_mut("EvaluationResults").and_then(Value::as_array_mut);
    for result in results.into_iter().flatten().filter_map(Value::as_object_mut) {
        let detail = result.get_mut("OrganizationsDecisionDetail");
        let Some(allowed) = detail.and_then(|detail| detail.get_mut("AllowedByOrganizations")) else { continue };
        let opposite = !allowed.as_bool().unwrap_or_default();
        *allowed = Value::Bool(opposite);
        result.insert("EvalDecision".to_owned(), if opposite { "allowed" } else { "explicitDeny" }.into());
    }
    output
}

/// Finds service, protocol and operation.
///
/// # Errors
/// What nobody answers to, by name.
fn identify(request: &Incoming<'_>, credential: Option<&Credential<'_>>) -> Result<Call, ApiError> {
    let unknown = |what: &str| {
        ApiError::not_implemented(format!("the sandbox does not know {what}")).with("Operation", what.to_owned())
    };
    if let Some(rest) = request.path.strip_prefix("/service/") {
        let (name, operation) = rest.split_once("/operation/").ok_or_else(|| unknown(request.path))?;
        let service = SERVICES.iter().find(|s| s.cbor == Some(name)).ok_or_else(|| unknown(name))?;
        return Ok(Call::new(service, Protocol::Cbor, operation));
    }
    if let Some(target) = request.target {
        let (prefix, operation) = target.rsplit_once('.').ok_or_else(|| unknown(target))?;
        // The Java-style targets put a package before the name.
        let prefix = prefix.rsplit('.').next().unwrap_or(prefix);
        let service = SERVICES.iter().find(|s| s.target == Some(prefix)).ok_or_else(|| unknown(target))?;
        let old = request.content_type.is_some_and(|kind| kind.contains("amz-json-1.0"));
        let protocol = if old { Protocol::Json10 } else { Protocol::Json11 };
        return Ok(Call::new(service, protocol, operation));
    }
    if let Some(call) = routed(request, credential)? {
        return Ok(call);
    }
    if request.path != "/" {
        let found = SERVICES.iter().find_map(|service| {
            let (_, operation) = service.paths.iter().find(|(path, _)| *path == request.path)?;
            Some(Call::new(service, Protocol::RestJson, operation))
        });
        return found
            .filter(|_| request.method == "POST")
            .ok_or_else(|| unknown(&format!("{} {}", request.method, request.path)));
    }
    let signing = credential.map(|c| c.service).unwrap_or_default();
    let service = SERVICES.iter().find(|s| s.query.is_some() && s.signing == signing);
    let fields = query::fields(request.body)?;
    let action = fields.into_iter().find(|(name, _)| name == "Action").map(|(_, value)| value);
    match (service, action) {
        (Some(service), Some(operation)) if is_name(&operation) => Ok(Call::new(service, Protocol::Query, &operation)),
        (None, Some(operation)) => Err(unknown(&format!("{signing}:{operation}"))),
        _ => Err(unknown("a request without an operation")),
    }
}

/// The call of a request that is on a service's route. Who signed tells services apart whose routes overlap.
fn routed(request: &Incoming<'_>, credential: Option<&Credential<'_>>) -> Result<Option<Call>, ApiError> {
    let line = (request.method, request.path, request.query);
    for service in SERVICES.iter().filter(|service| credential.is_none_or(|c| c.service == service.signing)) {
        let protocol = if service.xml.is_some() { Protocol::RestXml } else { Protocol::RestJson };
        for route in service.routes {
            if let Some(mut members) = rest::on(route, line)? {
                members.extend(request.bucket_owner.map(|owner| ("ExpectedBucketOwner".to_owned(), owner.into())));
                return Ok(Some(Call { members, ..Call::new(service, protocol, route.2) }));
            }
        }
    }
    Ok(None)
}

impl Call {
    fn new(service: &'static Service, protocol: Protocol, operation: &str) -> Self {
        Self { service, protocol, operation: operation.to_owned(), members: Map::new() }
    }
}

/// Whether this can be an operation's name; it becomes an XML element.
fn is_name(operation: &str) -> bool {
    !operation.is_empty() && operation.len() <= 128 && operation.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether CloudTrail calls the operation read-only.
pub(crate) fn is_read_only(operation: &str) -> bool {
    ["Get", "List", "Describe", "Lookup", "Filter", "Generate", "AssumeRole", "Simulate"]
        .iter()
        .any(|prefix| operation.starts_with(prefix))
}

/// Remembers the call as CloudTrail would.
fn record(
    org: &mut Org,
    caller: &Caller,
    (service, operation, request_id): (&Service, &str, &str),
    parameters: Value,
    error: Option<&ApiError>,
) {
    // Reading log events is a data event: trails do not record it unless told to.
    if (service.prefix, operation) == ("logs", "FilterLogEvents") {
        return;
    }
    let source = if service.prefix == "cloudwatch" { "monitoring" } else { service.prefix };
    let event = Event {
        id: uuid_of(request_id),
        at: org.now,
        name: operation.into(),
        source: format!("{source}.amazonaws.com").into(),
        region: event_region(service, &caller.region),
        account: caller.account.clone(),
        identity: caller.identity().into(),
        parameters,
        error_code: error.map(|error| service.recorded(&error.code)),
        error_message: error.map(|error| error.message.clone()),
        read_only: is_read_only(operation),
    };
    org.events.push(event);
}

/// Global services record in us-east-1.
fn event_region(service: &Service, region: &Region) -> Region {
    if service.global { "us-east-1".parse().unwrap_or_else(|_| region.clone()) } else { region.clone() }
}

impl Sandbox {
    fn next_request_id(&self) -> String {
        let count = self.inner.served.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        uuid_of(&format!("request {count}"))
    }

    fn log(
        &self,
        account: Option<AccountId>,
        service: &str,
        (operation, region): (&str, &str),
        status: u16,
        throttled: bool,
    ) {
        self.inner.log.push(throttled, || LoggedRequest {
            account,
            service: service.to_owned(),
            operation: operation.to_owned(),
            region: region.to_owned(),
            status,
        });
    }
}
