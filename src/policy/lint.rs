//! What a type of policy allows beyond the common grammar.
//!
//! Owns: the rules of identity policies, trust policies, SCPs, RCPs and session policies. Must not: judge whether a policy
//! is wise, or count its size (quotas are data).
//!
//! Source: IAM User Guide, "IAM JSON policy element reference"; Organizations User Guide, "SCP syntax" and "RCP syntax".

use super::condition::{unfit_value, unknown_operator};
use super::document::{Document, Effect, Position, Principals, Statement, Version};
use super::quotas::Quotas;
use super::{PolicyError, shown};
use std::collections::BTreeSet;

/// What kind of policy it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rules {
    /// Attached to a user, group or role.
    Identity,
    /// A role's trust policy.
    Trust,
    /// A service control policy.
    Scp,
    /// A resource control policy written by a customer: AWS's own `RCPFullAWSAccess` is the only one that may allow.
    Rcp,
    /// Given along when a role is assumed.
    Session,
}

impl Rules {
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "an identity policy",
            Self::Trust => "a trust policy",
            Self::Scp => "an SCP",
            Self::Rcp => "an RCP",
            Self::Session => "a session policy",
        }
    }
}

/// Everything that AWS would reject in a policy of this type, in the order of the text.
pub fn lint(document: &Document, rules: Rules) -> Vec<PolicyError> {
    let mut errors = Errors { rules, found: Vec::new() };
    if matches!(rules, Rules::Scp | Rules::Rcp) && document.version != Some(Version::V2012) {
        errors.add(document.version_position, format!("{} needs `Version` `2012-10-17`", rules.name()));
    }
    let mut sids = BTreeSet::new();
    for statement in document.statements() {
        if let Some(sid) = statement.sid() {
            errors.sid(statement, sid, sids.insert(sid));
        }
        errors.principals(statement);
        errors.actions(statement);
        errors.resources(statement);
        for condition in statement.conditions() {
            if let Some(message) = unknown_operator(&condition.operator).or_else(|| unfit_value(condition)) {
                errors.add(statement.position_of("Condition"), message);
            }
        }
        if rules == Rules::Rcp && statement.effect() != Effect::Deny {
            errors.add(statement.position_of("Effect"), "an RCP can only have `Effect` `Deny`".to_owned());
        }
    }
    errors.found.sort();
    errors.found
}

struct Errors {
    rules: Rules,
    found: Vec<PolicyError>,
}

impl Errors {
    fn add(&mut self, position: Position, message: String) {
        self.found.push(PolicyError { line: position.line, column: position.column, message });
    }

    fn sid(&mut self, statement: &Statement, sid: &str, first: bool) {
        let at = statement.position_of("Sid");
        if !first && !sid.is_empty() {
            self.add(at, format!("`Sid` `{}` is used twice, each must be unique", shown(sid)));
        }
        if self.rules != Rules::Trust && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.add(at, format!("`Sid` `{}` may only hold letters and digits (A-Z, a-z, 0-9)", shown(sid)));
        }
    }

    fn principals(&mut self, statement: &Statement) {
        let (named, spared) = (statement.principals(), statement.not_principals());
        let name = self.rules.name();
        match self.rules {
            Rules::Identity | Rules::Session | Rules::Scp => {
                for (found, element) in [(named, "Principal"), (spared, "NotPrincipal")] {
                    if found.is_some() {
                        self.add(statement.position_of(element), format!("{name} can't have `{element}`, remove it"));
                    }
                }
            }
            Rules::Trust | Rules::Rcp => {
                if spared.is_some() {
                    let at = statement.position_of("NotPrincipal");
                    self.add(at, format!("{name} can't have `NotPrincipal`, use `Principal` and a condition"));
                } else if let Some(named) = named {
                    self.named(statement, named);
                } else {
                    self.add(statement.position, format!("a statement of {name} needs `Principal`"));
                }
            }
        }
    }

    fn named(&mut self, statement: &Statement, named: &Principals) {
        let at = statement.position_of("Principal");
        if self.rules == Rules::Rcp {
            if !named.anyone {
                self.add(at, "`Principal` of an RCP must be `\"*\"`, narrow it with a condition".to_owned());
            }
            return;
        }
        for name in named.aws.iter().chain(&named.service).chain(&named.federated) {
            if name.contains(['*', '?']) && name != "*" {
                let message = format!("principal `{}` has a wildcard, only `*` alone is legal", shown(name));
                self.add(at, message);
            }
        }
        for name in &named.aws {
            let account = name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit());
            let unique_id = name.len() > 12 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !(account || unique_id || name == "*" || name.starts_with("arn:")) {
                self.add(at, format!("principal `{}` is neither an account id nor an ARN", shown(name)));
            }
        }
    }

    fn actions(&mut self, statement: &Statement) {
        if self.rules == Rules::Rcp && !statement.not_actions().is_empty() {
            self.add(statement.position_of("NotAction"), "an RCP can't have `NotAction`, use `Action`".to_owned());
        }
        for (element, list) in [("Action", statement.actions()), ("NotAction", statement.not_actions())] {
            let at = statement.position_of(element);
            for action in list {
                if !is_action(action) {
                    self.add(at, format!("action `{}` must be `service:Name` or `*`", shown(action)));
                } else if self.rules == Rules::Rcp && matches!(action.as_str(), "*" | "*:*") {
                    self.add(at, "an RCP can't name action `*`, name the service (such as `s3:*`)".to_owned());
                } else if self.rules == Rules::Trust && !action.to_ascii_lowercase().starts_with("sts:") {
                    self.add(at, format!("a trust policy can only name actions of `sts`, not `{}`", shown(action)));
                } else if let (Rules::Rcp, Some((service, _))) = (self.rules, action.split_once(':'))
                    && !Quotas::embedded().rcps_bind(service)
                {
                    self.add(
                        at,
                        format!("RCPs do not support service `{}`, remove `{}`", shown(service), shown(action)),
                    );
                }
            }
        }
    }

    fn resources(&mut self, statement: &Statement) {
        let missing = statement.resources().is_empty() && statement.not_resources().is_empty();
        let name = self.rules.name();
        if self.rules == Rules::Trust {
            for (element, list) in [("Resource", statement.resources()), ("NotResource", statement.not_resources())] {
                if !list.is_empty() {
                    self.add(statement.position_of(element), format!("{name} can't have `{element}`, remove it"));
                }
            }
            return;
        }
        if missing {
            self.add(statement.position, format!("a statement of {name} needs `Resource` or `NotResource`"));
        }
        for (element, list) in [("Resource", statement.resources()), ("NotResource", statement.not_resources())] {
            for resource in list {
                if resource != "*" && !resource.starts_with("arn:") {
                    let message = format!("resource `{}` must be an ARN or `*`", shown(resource));
                    self.add(statement.position_of(element), message);
                }
            }
        }
    }
}

/// `*`, `*:*` or `service:Name`, where wildcards may stand in the name only.
fn is_action(action: &str) -> bool {
    if matches!(action, "*" | "*:*") {
        return true;
    }
    let Some((service, name)) = action.split_once(':') else { return false };
    let in_service = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte);
    !service.is_empty() && !name.is_empty() && service.bytes().all(in_service) && name.bytes().all(in_name)
}
