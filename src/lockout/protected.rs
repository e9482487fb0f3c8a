//! Who must not be locked out: read from `config/protected-principals.yaml` and the user's own file.
//!
//! Owns: that data, and turning its patterns into principals of one account. Must not: evaluate a policy.
//!
//! Source: IAM User Guide, "AWS global condition context keys"; Control Tower User Guide, "How AWS Control Tower works with
//! roles"; IAM Identity Center User Guide, "Referencing permission sets in resource policies".

use super::Roles;
use crate::model::org::Organization;
use crate::model::{AccountId, Region};
use crate::policy::{Context, Principal};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The embedded defaults.
const EMBEDDED: &str = include_str!("../../config/protected-principals.yaml");

/// Every protected principal, and where requests of each service go.
#[derive(Debug, Clone)]
pub struct Protected(File);

/// The file as written. Unknown keys are errors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    global_services: Vec<String>,
    #[serde(default)]
    global_regions: BTreeMap<String, Region>,
    #[serde(default)]
    home_services: Vec<String>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    principals: Vec<Entry>,
}

/// One kind of principal, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    arn: String,
    #[serde(default)]
    examples: Vec<String>,
    #[serde(default)]
    pub(super) entered: bool,
    #[serde(default)]
    pub(super) actions: Vec<String>,
    #[serde(default)]
    pub(super) actions_on_resources: Vec<String>,
    #[serde(default)]
    context: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
}

/// A protected principal of one account.
#[derive(Debug, Clone)]
pub(super) struct Guarded<'p> {
    pub(super) entry: &'p Entry,
    /// What it is called in messages: the resource part of its ARN, such as `role/OrgwardApply`.
    pub(super) shown: String,
    pub(super) principal: Principal,
    pub(super) context: Context,
}

/// Where the requests of a service go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent<'p> {
    /// To every Region in scope.
    Everywhere,
    /// To the home Region.
    Home,
    /// To one Region of the partition; `None` where the data has none.
    Global(Option<&'p Region>),
}

impl Protected {
    /// The defaults.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn embedded() -> Result<Self, String> {
        parse("config/protected-principals.yaml", EMBEDDED).map(Self)
    }

    /// The same with a user's file over it: its principals replace those of the same name, others are added. `name` is
    /// what messages call the file.
    ///
    /// # Errors
    /// If the text is not of the form of `config/protected-principals.yaml`.
    pub fn with_file(mut self, name: &str, text: &str) -> Result<Self, String> {
        let file = parse(name, text)?;
        self.0.context.extend(file.context);
        self.0.absent.extend(file.absent);
        self.0.global_services.extend(file.global_services);
        self.0.global_regions.extend(file.global_regions);
        self.0.home_services.extend(file.home_services);
        for entry in file.principals {
            match self.0.principals.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => *known = entry,
                None => self.0.principals.push(entry),
            }
        }
        Ok(self)
    }

    /// The protected principals of an account.
    pub(super) fn of(&self, account: &AccountId, organization: &Organization, roles: &Roles) -> Vec<Guarded<'_>> {
        let mut found = Vec::new();
        for entry in self.0.principals.iter().filter(|entry| entry.protects()) {
            for arn in entry.arns(account, organization, roles) {
                let principal = principal(&arn, &organization.home_region);
                if principal.account != account.as_str() {
                    continue;
                }
                let context = self.context(entry, organization);
                let shown = arn.splitn(6, ':').nth(5).unwrap_or(&arn).to_owned();
                found.push(Guarded { entry, shown, principal, context });
            }
        }
        found
    }

    fn context(&self, entry: &Entry, organization: &Organization) -> Context {
        let mut context = Context::partial().with("aws:PrincipalOrgID", &organization.id);
        for (key, value) in self.0.context.iter().chain(&entry.context) {
            context = context.with(key, value);
        }
        for key in self.0.absent.iter().chain(&entry.absent) {
            context = context.without(key);
        }
        context
    }

    /// Where requests for an action go.
    pub(super) fn sent(&self, action: &str, organization: &Organization) -> Sent<'_> {
        let service = action.split_once(':').map_or(action, |(service, _)| service);
        let among = |list: &[String]| list.iter().any(|name| name.eq_ignore_ascii_case(service));
        if among(&self.0.global_services) {
            Sent::Global(self.0.global_regions.get(&organization.partition))
        } else if among(&self.0.home_services) {
            Sent::Home
        } else {
            Sent::Everywhere
        }
    }

    /// Every action of the entry whose pattern holds this text; tests compare it with what orgward calls.
    #[cfg(test)]
    pub(super) fn actions_of(&self, pattern: &str) -> Vec<&str> {
        let entries = self.0.principals.iter().filter(|entry| entry.arn.contains(pattern));
        entries.flat_map(|entry| entry.actions.iter().chain(&entry.actions_on_resources)).map(String::as_str).collect()
    }
}

impl Guarded<'_> {
    /// The pattern of an ARN that exempts it in every account.
    pub(super) fn exempt(&self) -> String {
        match self.entry.arn.contains("${") {
            true => format!("arn:*:iam::*:{}", self.shown),
            false => self.entry.arn.clone(),
        }
    }
}

impl Entry {
    fn protects(&self) -> bool {
        !self.actions.is_empty() || !self.actions_on_resources.is_empty()
    }

    /// The ARNs it stands for in an account.
    fn arns(&self, account: &AccountId, organization: &Organization, roles: &Roles) -> Vec<String> {
        let (audit, apply) = roles.of(account);
        let arn = self.arn.replace("${audit_role}", audit).replace("${apply_role}", apply);
        let arn = arn.replace("${caller}", &organization.caller_arn);
        let filled: Vec<String> = match arn.split_once("${break_glass_role}") {
            None => vec![arn],
            // A name, or a whole ARN for a role that one account has.
            Some((before, after)) => {
                let fill = |name: &String| {
                    if name.starts_with("arn:") { name.clone() } else { format!("{before}{name}{after}") }
                };
                roles.break_glass.iter().map(fill).collect()
            }
        };
        filled.iter().flat_map(|arn| self.concrete(arn, account, organization)).collect()
    }

    /// A pattern with a partition, an account and names in place of its wildcards.
    fn concrete(&self, arn: &str, account: &AccountId, organization: &Organization) -> Vec<String> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, partition, service, region, owner, resource] = parts.as_slice() else { return Vec::new() };
        let partition = if partition.contains('*') { &organization.partition } else { *partition };
        let owner = if owner.contains('*') { account.as_str() } else { owner };
        let names = match resource.split_once('/') {
            Some((kind, name)) if name.contains(['*', '?']) && !self.examples.is_empty() => {
                let home = organization.home_region.as_str();
                self.examples.iter().map(|example| format!("{kind}/{}", example.replace("${region}", home))).collect()
            }
            _ => vec![resource.replace('*', "orgward-example").replace('?', "x")],
        };
        names.into_iter().map(|name| format!("arn:{partition}:{service}:{region}:{owner}:{name}")).collect()
    }
}

/// Who asks under an ARN: a role as a session of it; the ARN of a session as that session.
///
/// A session's ARN does not say its role's path: roles of IAM Identity Center have a known one, others are taken to have
/// none.
pub(super) fn principal(arn: &str, home: &Region) -> Principal {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, partition, _, _, account, resource] = parts.as_slice() else { return Principal::iam(arn) };
    if let Some((role, session)) = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split_once('/')) {
        let path = match role.starts_with("AWSReservedSSO_") {
            true if home.as_str() == "us-east-1" => "aws-reserved/sso.amazonaws.com/".to_owned(),
            true => format!("aws-reserved/sso.amazonaws.com/{home}/"),
            false => String::new(),
        };
        let role_arn = format!("arn:{partition}:iam::{account}:role/{path}{role}");
        return Principal::session(&role_arn, &format!("arn:{partition}:sts::{account}:assumed-role/{role}/{session}"));
    }
    match resource.strip_prefix("role/") {
        Some(role) => {
            let name = role.rsplit('/').next().unwrap_or(role);
            Principal::session(arn, &format!("arn:{partition}:sts::{account}:assumed-role/{name}/orgward"))
        }
        None => Principal::iam(arn),
    }
}

fn parse(name: &str, text: &str) -> Result<File, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| format!("protected principals `{name}`: {error}"))?;
    if file.version != 1 {
        return Err(format!(
            "protected principals `{name}`: version `{}` is not known to this orgward, which reads version 1",
            file.version
        ));
    }
    for entry in &file.principals {
        if entry.arn != "${caller}" && (!entry.arn.starts_with("arn:") || entry.arn.splitn(6, ':').count() != 6) {
            return Err(format!(
                "protected principals `{name}`: `arn` of `{}` is not of the form arn:*:iam::*:role/NAME",
                entry.name.escape_debug()
            ));
        }
        for action in entry.actions.iter().chain(&entry.actions_on_resources) {
            if action.contains(['*', '?']) || !action.contains(':') {
                return Err(format!(
                    "protected principals `{name}`: `{}` is no action, write each out as service:Name",
                    action.escape_debug()
                ));
            }
        }
    }
    Ok(file)
}
