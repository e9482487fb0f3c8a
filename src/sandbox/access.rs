//! Whether a caller may do what it asks for: identity policies, permissions boundary, session policy, SCPs and RCPs.
//!
//! Owns: which policies bind which caller, how their decisions join, and AWS's words for a denial. Must not: evaluate a
//! statement (`policy` does), or allow what can't be told (501).
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "Troubleshoot access denied error messages"; Organizations User
//! Guide, "Service control policies" and "Resource control policies".

pub(crate) mod actions;
mod context;
mod documents;
mod guardrails;

pub(crate) use context::principal;
pub(crate) use documents::{Cache, Carried, Held, Parsed};

use super::services::Service;
use super::{ApiError, Caller, Org};
use crate::model::AccountId;
use crate::model::org::PolicyType;
use crate::policy::{self, Context, Decision, Request};
use guardrails::Levels;
use serde_json::Value;
use std::sync::Arc;

/// What was decided for one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// Denied, with the reason as AWS ends its message.
    Denied(String),
    /// It can't be told, and why.
    CannotTell(String),
}

/// A kind of policy, in the order AWS reports implicit denials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Rcp,
    Scp,
    Identity,
    Boundary,
    Session,
}

impl Layer {
    fn name(self) -> &'static str {
        match self {
            Self::Rcp => "resource control policy",
            Self::Scp => "service control policy",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }

    fn article(self) -> &'static str {
        if self == Self::Identity { "an" } else { "a" }
    }
}

/// One layer's decision, and the ARN of the policy behind an explicit denial.
struct Part {
    layer: Layer,
    decision: Decision,
    source: Option<String>,
}

/// Everything that binds a caller.
pub(crate) struct Bounds {
    pub(crate) carried: Arc<Carried>,
    scps: Option<Levels>,
    /// Those above the caller's own account, whose resources it asks for.
    rcps: Option<Levels>,
}

/// What is asked: one action on one resource.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// The Region of the endpoint.
    pub(crate) region: &'a str,
    pub(crate) input: &'a Value,
}

/// What a role's account has to say on who assumes the role.
pub(crate) struct Door<'a> {
    /// The role's account; its RCPs bind whoever comes.
    pub(crate) account: &'a AccountId,
    /// Whether the trust policy names a caller of the same account itself, who then needs no identity policy.
    pub(crate) direct: bool,
}

/// Holds a call against every policy that binds the caller.
///
/// # Errors
/// The service's denial, or 501 if a policy asks what the sandbox does not know.
pub(crate) fn authorize(
    org: &mut Org,
    caller: &Caller,
    service: &Service,
    operation: &str,
    input: &Value,
) -> Result<(), ApiError> {
    // `GetCallerIdentity` needs no permission and nothing takes it away; `AssumeRole` is decided with the trust policy.
    if service.prefix == "sts" {
        return Ok(());
    }
    let needs = actions::needs(org, caller, service.prefix, operation, input).ok_or_else(|| {
        ApiError::not_implemented(format!("the sandbox does not know what {}:{operation} needs", service.prefix))
    })?;
    let bounds = bounds(org, caller)?;
    let region = if service.global { "us-east-1" } else { caller.region.as_str() };
    for need in &needs {
        for resource in &need.resources {
            let ask = Ask { action: &need.action, resource, region, input };
            match decide(org, caller, &bounds, ask) {
                Verdict::Allowed => {}
                Verdict::Denied(because) => return Err(service.denies(&caller.arn, &need.action, resource, &because)),
                Verdict::CannotTell(why) => return Err(cannot_tell(&need.action, resource, &why)),
            }
        }
    }
    Ok(())
}

/// 501, naming what can't be evaluated.
pub(crate) fn cannot_tell(action: &str, resource: &str, why: &str) -> ApiError {
    ApiError::not_implemented(format!("the sandbox cannot evaluate {action} on {resource}: {why}"))
}

/// What binds a caller.
///
/// # Errors
/// 501 for a policy that the sandbox can't read.
pub(crate) fn bounds(org: &mut Org, caller: &Caller) -> Result<Bounds, ApiError> {
    with_cache(org, |org, cache| {
        let carried = cache.carried(org, caller)?;
        bounds_of(org, cache, caller, carried)
    })
}

/// What binds a caller who carries these policies.
///
/// # Errors
/// 501 for a policy that the sandbox can't read.
pub(crate) fn bounds_carrying(org: &mut Org, caller: &Caller, carried: Arc<Carried>) -> Result<Bounds, ApiError> {
    with_cache(org, |org, cache| bounds_of(org, cache, caller, carried))
}

fn bounds_of(org: &Org, cache: &mut Cache, caller: &Caller, carried: Arc<Carried>) -> Result<Bounds, ApiError> {
    // SCPs bind neither the management account nor service-linked roles.
    let bound = !org.is_management(&caller.account) && !principal(caller).is_service_linked_role();
    let scps = if bound { guardrails::levels(org, cache, &caller.account, &PolicyType::Scp)? } else { None };
    let rcps = rcps(org, cache, &caller.account)?;
    Ok(Bounds { carried, scps, rcps })
}

/// The RCPs that bind an account's resources: none those of the management account.
fn rcps(org: &Org, cache: &mut Cache, account: &AccountId) -> Result<Option<Levels>, ApiError> {
    if org.is_management(account) {
        return Ok(None);
    }
    guardrails::levels(org, cache, account, &PolicyType::Rcp)
}

/// Reads a document, once.
///
/// # Errors
/// 501 with `what` it is, if it can't be read.
pub(crate) fn parse(org: &mut Org, text: &str, what: &str) -> Result<Arc<Parsed>, ApiError> {
    org.access.parse(text, what)
}

/// The cache lies in the organization and is filled from it: it steps aside meanwhile.
fn with_cache<T>(org: &mut Org, act: impl FnOnce(&Org, &mut Cache) -> T) -> T {
    let mut cache = std::mem::take(&mut org.access);
    let result = act(org, &mut cache);
    org.access = cache;
    result
}

/// Decides what the caller's own side says.
pub(crate) fn decide(org: &Org, caller: &Caller, bounds: &Bounds, ask: Ask<'_>) -> Verdict {
    join(ask.action, sides(org, caller, bounds, ask, bounds.rcps.as_ref(), std::convert::identity))
}

/// Decides whether the caller's own side and the role's RCPs let it assume a role; the trust policy is not asked here.
///
/// # Errors
/// 501 for an RCP that the sandbox can't read.
pub(crate) fn decide_assume(
    org: &mut Org,
    caller: &Caller,
    bounds: &Bounds,
    (ask, door): (Ask<'_>, &Door<'_>),
    enrich: impl Fn(Context) -> Context,
) -> Result<Verdict, ApiError> {
    let rcps = with_cache(org, |org, cache| rcps(org, cache, door.account))?;
    let mut parts = sides(org, caller, bounds, ask, rcps.as_ref(), enrich);
    if door.direct {
        parts.retain(|part| part.layer != Layer::Identity || part.decision != Decision::NoMatch);
    }
    Ok(join(ask.action, parts))
}

/// The request as every document is asked it.
fn request<'a>(
    org: &Org,
    caller: &Caller,
    bounds: &Bounds,
    ask: Ask<'_>,
    documents: impl Iterator<Item = &'a Parsed>,
    enrich: impl Fn(Context) -> Context,
) -> Request {
    let tags = &bounds.carried.tags;
    let context = context::context(org, caller, tags, (ask.region, ask.resource), ask.input, documents);
    Request {
        principal: principal(caller),
        action: ask.action.to_owned(),
        resource: ask.resource.to_owned(),
        context: enrich(context),
    }
}

/// The request as a role's trust policy is asked it.
pub(crate) fn trust_request(
    org: &Org,
    caller: &Caller,
    bounds: &Bounds,
    ask: Ask<'_>,
    trust: &Parsed,
    enrich: impl Fn(Context) -> Context,
) -> Request {
    request(org, caller, bounds, ask, std::iter::once(trust), enrich)
}

/// What each layer says: the RCPs above the resource, and what stands in the caller's own account and above it.
fn sides(
    org: &Org,
    caller: &Caller,
    bounds: &Bounds,
    ask: Ask<'_>,
    rcps: Option<&Levels>,
    enrich: impl Fn(Context) -> Context,
) -> Vec<Part> {
    let carried = &bounds.carried;
    let session = caller.session.as_ref().and_then(|session| session.policy.clone());
    let session = session.map(|parsed| vec![Held { parsed, arn: None }]);
    let boundary = carried.boundary.clone().map(|held| vec![held]);
    let flat = [(Layer::Identity, &carried.identity), (Layer::Boundary, &boundary), (Layer::Session, &session)];
    let held = flat.iter().filter_map(|(_, held)| held.as_ref()).flatten().map(|held| held.parsed.as_ref());
    let above = rcps.into_iter().chain(&bounds.scps).flat_map(Levels::documents);
    let request = request(org, caller, bounds, ask, above.chain(held), enrich);
    let mut parts = Vec::new();
    parts.extend(rcps.map(|levels| chain(Layer::Rcp, org, levels, &request)));
    parts.extend(bounds.scps.as_ref().map(|levels| chain(Layer::Scp, org, levels, &request)));
    for (layer, held) in flat {
        let Some(held) = held else { continue };
        let documents: Vec<_> = held.iter().map(|held| held.parsed.document()).collect();
        let decision = policy::evaluate(&documents, &request);
        let source = match &decision {
            Decision::Deny { statement } => held.get(statement.document).and_then(|held| held.arn.clone()),
            _ => None,
        };
        parts.push(Part { layer, decision, source });
    }
    parts
}

fn chain(layer: Layer, org: &Org, levels: &Levels, request: &Request) -> Part {
    let decision = levels.evaluate(layer == Layer::Rcp, request);
    let source = match &decision {
        Decision::Deny { statement } => levels.arn(org, statement),
        _ => None,
    };
    Part { layer, decision, source }
}

/// An explicit denial wins, then an implicit one, then what can't be told; what is left is allowed.
fn join(action: &str, parts: Vec<Part>) -> Verdict {
    for part in &parts {
        if let Decision::Deny { .. } = part.decision {
            let (article, name) = (part.layer.article(), part.layer.name());
            let source = part.source.as_ref().map(|arn| format!(": {arn}")).unwrap_or_default();
            return Verdict::Denied(format!("with an explicit deny in {article} {name}{source}"));
        }
    }
    if let Some(part) = parts.iter().find(|part| part.decision == Decision::NoMatch) {
        return Verdict::Denied(format!("because no {} allows the {action} action", part.layer.name()));
    }
    let unclear = parts.into_iter().find_map(|part| match part.decision {
        Decision::CannotTell { why } => Some(format!("{} {}: {why}", part.layer.article(), part.layer.name())),
        _ => None,
    });
    unclear.map_or(Verdict::Allowed, Verdict::CannotTell)
}
