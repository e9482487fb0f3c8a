//! A request as a policy sees it: who, what, on what, and what is known around it.
//!
//! Owns: principals, context keys and what follows from the principal's ARN. Must not: match anything.

use crate::model::ids::Arn;
use std::collections::BTreeMap;
use std::fmt;

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The ARN of the role, user or root; empty for a service or an outside identity.
    pub arn: String,
    /// The ARN of the session (`arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`), if it is one.
    pub session_arn: Option<String>,
    /// The account it belongs to, 12 digits; empty for a service.
    pub account: String,
    /// The service principal, such as `cloudtrail.amazonaws.com`, if an AWS service asks.
    pub service: Option<String>,
    /// The identity provider, if an outside identity asks (as in `sts:AssumeRoleWithSAML`).
    pub federated: Option<String>,
}

impl Principal {
    /// A user, a role or the root user (`arn:aws:iam::ACCOUNT:root`), by its IAM ARN.
    pub fn iam(arn: &str) -> Self {
        Self { arn: arn.to_owned(), account: account_of(arn), ..Self::default() }
    }

    /// A session of a role, by both ARNs.
    pub fn session(role_arn: &str, session_arn: &str) -> Self {
        Self { session_arn: Some(session_arn.to_owned()), ..Self::iam(role_arn) }
    }

    /// An AWS service, such as `cloudtrail.amazonaws.com`.
    pub fn service(name: &str) -> Self {
        Self { service: Some(name.to_owned()), ..Self::default() }
    }

    /// An identity from an outside provider.
    pub fn federated(provider: &str) -> Self {
        Self { federated: Some(provider.to_owned()), ..Self::default() }
    }

    /// Whether it is the root user of its account.
    pub fn is_root(&self) -> bool {
        Arn::parse(&self.arn).is_some_and(|arn| arn.service == "iam" && arn.resource == "root")
    }

    /// Whether it is a service-linked role (or a session of one, by its role's ARN): no SCP and no RCP binds those.
    pub fn is_service_linked_role(&self) -> bool {
        Arn::parse(&self.arn)
            .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/aws-service-role/"))
    }

    /// What a global condition key says of this principal, where that follows from who it is.
    fn key(&self, key: &str) -> Value {
        let one = |text: &str| Value::Present(vec![text.to_owned()]);
        let (is_service, is_aws) = (self.service.is_some(), !self.arn.is_empty());
        match key {
            "aws:principalisawsservice" if is_service || is_aws => one(if is_service { "true" } else { "false" }),
            "aws:principalservicename" => match &self.service {
                Some(name) => one(name),
                None if is_aws => Value::Absent,
                None => Value::Unknown,
            },
            "aws:principalarn" if is_aws => one(&self.arn),
            "aws:principalaccount" if !self.account.is_empty() => one(&self.account),
            "aws:principalarn" | "aws:principalaccount" | "aws:username" if is_service => Value::Absent,
            "aws:principaltype" | "aws:username" if is_aws => {
                let resource = Arn::parse(&self.arn).map(|arn| arn.resource).unwrap_or_default();
                let (kind, name) = match resource.split_once('/') {
                    None if resource == "root" => ("Account", None),
                    Some(("user", path)) => ("User", path.rsplit('/').next()),
                    Some(("role", _)) => ("AssumedRole", None),
                    _ => return Value::Unknown,
                };
                match (key, name) {
                    ("aws:principaltype", _) => one(kind),
                    (_, Some(name)) => one(name),
                    (_, None) => Value::Absent,
                }
            }
            _ => Value::Unknown,
        }
    }
}

/// The account in an ARN, or nothing.
fn account_of(arn: &str) -> String {
    Arn::parse(arn).map(|arn| arn.account.to_owned()).unwrap_or_default()
}

/// What is known of a context key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It has these values; more than one only for multi-valued keys.
    Present(Vec<String>),
    /// It is not in the request.
    Absent,
    /// Nobody said.
    Unknown,
}

/// The context keys of a request. Keys are compared without case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Values by lower-case key; `None` for a key known to be absent.
    keys: BTreeMap<String, Option<Vec<String>>>,
    /// Whether a key that is not given is absent; else it is unknown.
    pub complete: bool,
}

impl Context {
    /// A context in which a key that is not given is absent.
    pub fn complete() -> Self {
        Self { complete: true, ..Self::default() }
    }

    /// A context in which a key that is not given is unknown.
    pub fn partial() -> Self {
        Self::default()
    }

    /// The same with a key of one value.
    #[must_use]
    pub fn with(self, key: &str, value: &str) -> Self {
        self.with_all(key, [value])
    }

    /// The same with a multi-valued key.
    #[must_use]
    pub fn with_all<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.keys.insert(key.to_ascii_lowercase(), Some(values.into_iter().map(str::to_owned).collect()));
        self
    }

    /// The same with a key known to be absent.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.keys.insert(key.to_ascii_lowercase(), None);
        self
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for (key, values) in &self.keys {
            if key == "sts:externalid" && values.is_some() {
                shown.entry(key, &"hidden");
            } else {
                shown.entry(key, values);
            }
        }
        shown.entry(&"complete", &self.complete).finish()
    }
}

/// One request for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// What for, such as `organizations:LeaveOrganization`.
    pub action: String,
    /// On what: an ARN, or `*` for an action that names no resource.
    pub resource: String,
    /// What is known around it.
    pub context: Context,
}

/// The keys that follow from who asks.
const OF_PRINCIPAL: [&str; 6] = [
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalType",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalServiceName",
    "aws:username",
];

impl Request {
    /// Every key with a value: those of the context, in lower case, and those that follow from the principal.
    pub fn known(&self) -> Vec<(String, Vec<String>)> {
        let given = self.context.keys.iter().filter_map(|(key, values)| Some((key.clone(), values.clone()?)));
        let derived = OF_PRINCIPAL.iter().filter(|key| !self.context.keys.contains_key(&key.to_ascii_lowercase()));
        let derived = derived.filter_map(|key| match self.value(key) {
            Value::Present(values) => Some(((*key).to_owned(), values)),
            Value::Absent | Value::Unknown => None,
        });
        given.chain(derived).collect()
    }

    /// What is known of a context key: what the context says, else what follows from the principal.
    pub fn value(&self, key: &str) -> Value {
        let key = key.to_ascii_lowercase();
        match self.context.keys.get(&key) {
            Some(Some(values)) if !values.is_empty() => Value::Present(values.clone()),
            Some(_) => Value::Absent,
            None => match self.principal.key(&key) {
                Value::Unknown if self.context.complete => Value::Absent,
                derived => derived,
            },
        }
    }
}
