//! Calls by others than orgward: workloads whose denials show up in the events once a policy bites.
//!
//! Owns: who acts, the calls that wait for their time, and the events they leave. Must not: carry a call out; what it would
//! do is not modelled, only whether it may.

use super::access::{self, Ask, Bounds, Carried, Held, Verdict, actions::Need};
use super::error::ApiError;
use super::generate::managed;
use super::log::Event;
use super::org::{Org, uuid_of};
use super::services::SERVICES;
use super::{Caller, Sandbox};
use crate::model::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Services with one endpoint, besides those that the sandbox answers for: their `aws:RequestedRegion` is us-east-1.
const GLOBAL: &[&str] = &["cloudfront", "globalaccelerator", "route53", "shield", "support"];

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// An instance role with `PowerUserAccess`. It is in no list of roles: acting does not change what an audit sees.
    Instance,
    /// A deployment role with `AdministratorAccess`, listed nowhere either.
    Pipeline,
    /// The root user.
    Root,
    /// A role of the account, by name or ARN.
    Role(String),
    /// A user of the account, by name.
    User(String),
}

impl From<&str> for Actor {
    /// `instance`, `ci`, `root`, `user/NAME`; anything else is a role's name or ARN.
    fn from(text: &str) -> Self {
        match text {
            "instance" => Self::Instance,
            "ci" => Self::Pipeline,
            "root" => Self::Root,
            other => match other.strip_prefix("user/") {
                Some(name) => Self::User(name.to_owned()),
                None => Self::Role(other.to_owned()),
            },
        }
    }
}

/// A call by somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// In which account.
    pub account: AccountId,
    /// By whom.
    pub actor: Actor,
    /// The prefix of the service's actions, such as `ec2`; it need not be one the sandbox answers for.
    pub service: String,
    /// The operation; its name is the action's.
    pub operation: String,
    /// To which Region's endpoint.
    pub region: Region,
    /// On what, if not on `*`.
    pub resource: Option<String>,
}

impl Act {
    /// A call on `*`.
    pub fn new(account: &AccountId, actor: impl Into<Actor>, service: &str, operation: &str, region: &Region) -> Self {
        Self {
            account: account.clone(),
            actor: actor.into(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            region: region.clone(),
            resource: None,
        }
    }

    /// The same call on this ARN.
    #[must_use]
    pub fn on(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }
}

/// Calls that wait for their time, in order.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    waiting: BTreeMap<(Timestamp, u64), Act>,
    count: u64,
}

impl Schedule {
    fn add(&mut self, at: Timestamp, act: Act) {
        self.count += 1;
        self.waiting.insert((at, self.count), act);
    }

    fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Act)> {
        let entry = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        let at = entry.key().0;
        Some((at, entry.remove()))
    }
}

impl Sandbox {
    /// Makes a call as another principal, now: it is held against every policy and recorded as an event, and does nothing
    /// else. `actor` is an [`Actor`], or its text: `ci`, `instance`, `root`, `user/NAME`, a role's name or ARN.
    ///
    /// # Errors
    /// The denial; 501 if it can't be told; `NoSuchEntity` for a principal or an account that does not exist, unrecorded.
    pub fn act(
        &self,
        account: &AccountId,
        actor: impl Into<Actor>,
        service: &str,
        operation: &str,
        region: &Region,
    ) -> Result<(), ApiError> {
        self.perform(&Act::new(account, actor, service, operation, region))
    }

    /// The same for a call made before.
    ///
    /// # Errors
    /// As [`Self::act`].
    pub fn perform(&self, act: &Act) -> Result<(), ApiError> {
        self.with(|org| perform(org, act))
    }

    /// Lets calls happen when so much time has passed from now. They run before the first request that comes after their
    /// time, each with the policies and the clock of its own moment; what can't be performed then is left out.
    pub fn schedule(&self, calls: impl IntoIterator<Item = (Duration, Act)>) {
        self.with(|org| {
            for (after, act) in calls {
                let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX);
                if let Ok(at) = org.now.checked_add(after) {
                    org.schedule.add(at, act);
                }
            }
        });
    }
}

/// Performs what is due by now.
pub(crate) fn run_due(org: &mut Org) {
    let now = org.now;
    while let Some((at, act)) = org.schedule.due(now) {
        org.now = at;
        // Its event says what came of it.
        let _ = perform(org, &act);
    }
    org.now = now;
}

fn perform(org: &mut Org, act: &Act) -> Result<(), ApiError> {
    if !org.works(&act.account) {
        let message = format!("The account {} cannot act.", act.account);
        return Err(ApiError::new("NoSuchEntity", message).with_status(404));
    }
    let (caller, bounds) = actor(org, act)?;
    let known = SERVICES.iter().find(|service| service.prefix == act.service);
    let global = known.map_or_else(|| GLOBAL.contains(&act.service.as_str()), |service| service.global);
    let region = if global { "us-east-1" } else { act.region.as_str() };
    let action = format!("{}:{}", act.service, act.operation);
    let resources = act.resource.clone().unwrap_or_else(|| "*".to_owned());
    let needs = match &act.resource {
        None => access::actions::needs(org, &caller, &act.service, &act.operation, &Value::Null),
        Some(_) => None,
    };
    let needs = needs.unwrap_or_else(|| vec![Need { action, resources: vec![resources] }]);
    let mut outcome = Ok(());
    for (need, resource) in needs.iter().flat_map(|need| need.resources.iter().map(move |resource| (need, resource))) {
        let ask = Ask { action: &need.action, resource, region, input: &Value::Null };
        match access::decide(org, &caller, &bounds, ask) {
            Verdict::Allowed => continue,
            Verdict::CannotTell(why) => return Err(access::cannot_tell(&need.action, resource, &why)),
            Verdict::Denied(because) => {
                let message = format!(
                    "User: {} is not authorized to perform: {} on resource: {resource} {because}",
                    caller.arn, need.action
                );
                outcome = Err(ApiError::new("AccessDenied", message).with_status(403));
            }
        }
        break;
    }
    let source = if act.service == "cloudwatch" { "monitoring" } else { &act.service };
    let error = outcome.as_ref().err();
    org.events.push(Event {
        id: uuid_of(&format!("act {} {}", org.events.len(), org.now)),
        at: org.now,
        name: act.operation.as_str().into(),
        source: format!("{source}.amazonaws.com").into(),
        region: region.parse().unwrap_or_else(|_| act.region.clone()),
        account: act.account.clone(),
        identity: caller.identity().into(),
        parameters: Value::Null,
        error_code: error.map(|error| error.code.clone()),
        error_message: error.map(|error| error.message.clone()),
        read_only: super::dispatch::is_read_only(&act.operation),
    });
    outcome
}

/// The one who acts, and what binds them.
fn actor(org: &mut Org, act: &Act) -> Result<(Caller, Bounds), ApiError> {
    let account = &act.account;
    let missing =
        |name: &str| ApiError::new("NoSuchEntity", format!("The principal {name} cannot be found.")).with_status(404);
    let state = org.state(account);
    let (arn, id, listed) = match &act.actor {
        Actor::Instance => (format!("arn:aws:iam::{account}:role/web-instance"), role_id(account, "web"), None),
        Actor::Pipeline => (format!("arn:aws:iam::{account}:role/ci-deploy"), role_id(account, "ci"), None),
        Actor::Root => (format!("arn:aws:iam::{account}:root"), account.to_string(), Some(())),
        Actor::Role(name) => {
            let role = state.roles.get(name.rsplit('/').next().unwrap_or_default());
            let role = role.filter(|role| role.name == *name || role.arn(account) == *name);
            let role = role.ok_or_else(|| missing(name))?;
            (role.arn(account), role.id.clone(), Some(()))
        }
        Actor::User(name) => {
            let user = state.users.get(name).ok_or_else(|| missing(name))?;
            (state.user_arn(user), user.id.clone(), Some(()))
        }
    };
    drop(state);
    let mut caller = Caller {
        account: account.clone(),
        is_root: act.actor == Actor::Root,
        arn,
        user_id: id,
        role_arn: None,
        region: act.region.clone(),
        session: None,
        access_key: "ASIAWORKLOAD".to_owned(),
    };
    if !matches!(act.actor, Actor::Root | Actor::User(_)) {
        let session = if act.actor == Actor::Instance { "i-0f3a9c1d5e7b2a468" } else { "workload" };
        let name = caller.arn.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        caller.role_arn = Some(std::mem::replace(&mut caller.arn, arn));
        caller.user_id = format!("{}:{session}", caller.user_id);
    }
    if listed.is_some() {
        let bounds = access::bounds(org, &caller)?;
        return Ok((caller, bounds));
    }
    let policy = if act.actor == Actor::Instance { managed::POWER_USER } else { managed::ADMINISTRATOR };
    let text = managed::find(policy).map(|policy| policy.document).unwrap_or_default();
    let held = Held { parsed: access::parse(org, text, policy)?, arn: Some(policy.to_owned()) };
    let carried = Carried { identity: Some(vec![held]), ..Carried::default() };
    let bounds = access::bounds_carrying(org, &caller, Arc::new(carried))?;
    Ok((caller, bounds))
}

/// The id of a role that is listed nowhere.
fn role_id(account: &AccountId, name: &str) -> String {
    let id = uuid_of(&format!("{account}/{name}")).replace('-', "").to_ascii_uppercase();
    format!("AROA{}", id.get(..17).unwrap_or_default())
}
