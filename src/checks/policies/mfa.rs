//! MFA that is enforced: what console users may do without it.
//!
//! Owns: one check of one account, by trying requests without MFA against each console user's policies, its boundary, and the
//! service control policies that bind the account. Must not: look for the text of a known policy.
//!
//! What is tried. An action and a resource that no policy names stand for everything: where they are denied for certain, only what
//! those denials leave out is tried further. Else each action that a policy allows is tried, on what it is allowed on. From the
//! console `aws:MultiFactorAuthPresent` is false; from an access key it is absent, which `Bool` never matches and `BoolIfExists`
//! does. Setting MFA up needs to be possible without it.
//!
//! Source: IAM User Guide, "AWS: Allows MFA-authenticated IAM users to manage their own credentials on the Security credentials
//! page" and "AWS global condition context keys: aws:MultiFactorAuthPresent".

use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::guardrails::{Bound, Guardrails, Probe};
use super::super::principals::{ANY_ACTION, Holder, INVENTED, Principals, named};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use crate::model::Cause;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::CredentialRow;
use crate::model::org::{Account, PolicyType};
use crate::policy::{Context, Decision, Document, Effect, Principal, Statement};
use std::collections::BTreeSet;

pub(super) const ENFORCED: CheckMeta = CheckMeta {
    id: "mfa-enforced",
    title: "Console users can do nothing without MFA but set it up",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "That a user has an MFA device does not mean that it must be used: an access key works without it, and a device can \
                be taken away. Only a policy that denies, on the user, its groups or by SCP, makes a password or key alone \
                worthless. Tried with requests without MFA, from the console and, where the user has an active key, from that.",
    remediation: Remediation {
        console: "IAM, User groups, the users' group, Permissions: add a policy that denies everything but setting up MFA where \
                  aws:MultiFactorAuthPresent is false, with BoolIfExists.",
        cli: "aws iam put-group-policy --group-name <group> --policy-name require-mfa --policy-document file://require-mfa.json",
        playbook: Some("require-mfa"),
    },
    references: &[
        aws(
            "IAM user guide",
            "AWS: Allows MFA-authenticated IAM users to manage their own credentials on the Security credentials page",
        ),
        aws("AWS Organizations user guide", "Example SCPs: require MFA to perform an API operation"),
    ],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies, Fact::CredentialReport, Fact::Authorization],
};

const REPORT: &str = "iam:GetCredentialReport";

/// What a user needs to set MFA up and to see who it is.
const SET_UP: [&str; 16] = [
    "iam:ChangePassword",
    "iam:CreateVirtualMFADevice",
    "iam:DeleteVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:GetAccountPasswordPolicy",
    "iam:GetAccountSummary",
    "iam:GetLoginProfile",
    "iam:GetMFADevice",
    "iam:GetUser",
    "iam:ListAccountAliases",
    "iam:ListMFADevices",
    "iam:ListUsers",
    "iam:ListVirtualMFADevices",
    "iam:ResyncMFADevice",
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
];

/// What no service and no action is named: it stands where a pattern has `*`.
const UNNAMED: &str = "4b1d";

/// How a user comes in without MFA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Console,
    AccessKey,
}

pub(super) fn enforced(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let report = facts.credential_report()?;
    let mut users: Vec<&CredentialRow> = Vec::new();
    for row in report.rows.iter().filter(|row| !row.is_root()) {
        match row.password_enabled {
            Some(true) => users.push(row),
            Some(false) => {}
            None => {
                let message = format!("the report does not tell whether `{}` has a console password", row.user);
                facts.doubt(REPORT, message);
            }
        }
    }
    let total = users.len();
    if users.is_empty() {
        return Ok(Outcome::NotApplicable("no user has a console password".to_owned()));
    }
    let principals = Principals::of(facts)?;
    let mut free: Vec<(&Holder<'_>, &CredentialRow, Allowed)> = Vec::new();
    for row in users {
        let Some(holder) = principals.holders().iter().find(|holder| holder.arn == row.arn) else {
            facts.doubt(REPORT, format!("`{}` is not among the users of the account", row.arn));
            continue;
        };
        match without_mfa(&principals, holder, row, None) {
            Allowed::Nothing => {}
            allowed => free.push((holder, row, allowed)),
        }
    }
    let mut failing = Vec::new();
    if !free.is_empty() {
        // What their own policies leave open, an SCP may still deny.
        let tree = facts.tree()?;
        let account =
            tree.account(principals.account).filter(|account| tree.organization().management_account != account.id);
        let policies = match account.filter(|_| tree.enabled(&PolicyType::Scp)) {
            Some(account) => match facts.service_control_policies()? {
                Some(policies) => Some((policies, account)),
                None => return Err(Cause::not_collected("organizations:ListPolicies")),
            },
            None => None,
        };
        let guardrails = policies.map(|(policies, account)| (Guardrails::of_account(policies, tree, account), account));
        if let Some((guardrails, _)) = &guardrails {
            guardrails.sources().for_each(|source| facts.rest_on(Some(source)));
        }
        let bound = match &guardrails {
            Some((guardrails, account)) => Some(Scps { bound: guardrails.binding(tree, account)?, account }),
            None => None,
        };
        for (holder, row, allowed) in free {
            let allowed = match &bound {
                Some(scps) => without_mfa(&principals, holder, row, Some(scps)),
                None => allowed,
            };
            match allowed {
                Allowed::Nothing => {}
                Allowed::Something(what) => {
                    failing.push(FailingResource { resource: holder.arn.to_owned(), message: what });
                }
                Allowed::CannotTell(cause) => facts.doubt_of(cause),
            }
        }
    }
    let summary = |count| match count {
        1 => format!("1 of {total} console users can work without MFA"),
        _ => format!("{count} of {total} console users can work without MFA"),
    };
    let pass = match total {
        1 => "the 1 console user is denied without MFA".to_owned(),
        _ => format!("all {total} console users are denied without MFA"),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

/// What a user may do without MFA.
enum Allowed {
    /// Nothing but setting it up.
    Nothing,
    /// This, in words.
    Something(String),
    /// It can't be told.
    CannotTell(Cause),
}

/// The service control policies that bind the account.
struct Scps<'g> {
    bound: Bound<'g>,
    account: &'g Account,
}

fn without_mfa(
    principals: &Principals<'_>,
    holder: &Holder<'_>,
    row: &CredentialRow,
    scps: Option<&Scps<'_>>,
) -> Allowed {
    let key = row.keys.iter().any(|key| key.active).then_some(Way::AccessKey);
    let mut unclear = None;
    for way in std::iter::once(Way::Console).chain(key) {
        let asker = Asker { principals, holder, scps, way };
        match asker.first_allowed() {
            Allowed::Nothing => {}
            something @ Allowed::Something(_) => return something,
            Allowed::CannotTell(cause) => unclear = unclear.or(Some(cause)),
        }
    }
    unclear.map_or(Allowed::Nothing, Allowed::CannotTell)
}

/// One user coming in one way.
struct Asker<'p, 'a> {
    principals: &'p Principals<'a>,
    holder: &'p Holder<'a>,
    scps: Option<&'p Scps<'p>>,
    way: Way,
}

impl Asker<'_, '_> {
    /// The first request that is allowed; else why one can't be told.
    fn first_allowed(&self) -> Allowed {
        let documents = || {
            let policies = self.principals.policies_of(self.holder).iter();
            policies.filter_map(|at| self.principals.documents().get(*at))
        };
        let allows: Vec<&Statement> =
            documents().flat_map(Document::statements).filter(|s| s.effect() == Effect::Allow).collect();
        let everything = self.principals.regional_arn(UNNAMED, INVENTED);
        let broadly_denied = self.denied_for_certain(ANY_ACTION, &everything);
        let tries: BTreeSet<(String, String)> = if broadly_denied {
            // Only what a denial leaves out can be allowed: actions by NotAction, resources by NotResource.
            let scp_denials = self.scps.iter().flat_map(|scps| scps.bound.denials());
            let denials =
                documents().flat_map(Document::statements).filter(|s| s.effect() == Effect::Deny).chain(scp_denials);
            let mut tries = BTreeSet::new();
            for denial in denials {
                for action in denial.not_actions().iter().map(|pattern| example(pattern)) {
                    for allow in allows.iter().filter(|allow| allow.covers_action(&action)) {
                        tries.extend(self.resources(allow).map(|resource| (action.clone(), resource)));
                    }
                }
                for resource in denial.not_resources() {
                    let Some(resource) = named(self.principals, self.holder, resource, self.principals.home()) else {
                        continue;
                    };
                    let actions = allows.iter().flat_map(|allow| actions(allow));
                    tries.extend(actions.map(|action| (action, resource.clone())));
                }
            }
            tries
        } else {
            let each = allows.iter().flat_map(|allow| {
                actions(allow).flat_map(|action| self.resources(allow).map(move |resource| (action.clone(), resource)))
            });
            each.collect()
        };
        let mut unclear = None;
        let is_set_up = |action: &str| SET_UP.iter().any(|known| known.eq_ignore_ascii_case(action));
        for (action, resource) in tries.iter().filter(|(action, _)| !is_set_up(action)) {
            match self.ask(action, resource) {
                Decision::Deny { .. } | Decision::NoMatch => {}
                Decision::Allow => return Allowed::Something(self.words(action)),
                Decision::CannotTell { why } => unclear = unclear.or(Some(why)),
            }
        }
        match (unclear, self.principals.unread(self.holder)) {
            (None, None) => Allowed::Nothing,
            (Some(why), _) => self.cannot_tell(&why),
            (None, Some(why)) => self.cannot_tell(why),
        }
    }

    fn cannot_tell(&self, why: &str) -> Allowed {
        if let Some(cause) = self.scps.and_then(|scps| scps.bound.unknown) {
            return Allowed::CannotTell(cause.clone());
        }
        let operation = super::super::principals::AUTHORIZATION;
        let message = format!("`{}` without MFA: {why}", self.holder.arn);
        Allowed::CannotTell(Cause::new(crate::model::CauseKind::Other, operation, message))
    }

    fn words(&self, action: &str) -> String {
        // What was tried where a policy has a wildcard is told as the wildcard.
        let action = if action == ANY_ACTION { "any action".to_owned() } else { action.replace(UNNAMED, "*") };
        match self.way {
            Way::Console => format!("may call `{action}` in the console without MFA"),
            Way::AccessKey => format!(
                "may call `{action}` with an access key without MFA (`Bool` does not see that aws:MultiFactorAuthPresent is absent, `BoolIfExists` does)"
            ),
        }
    }

    fn context(&self, action: &str) -> Context {
        let context = self.principals.context(self.holder, action).without("aws:MultiFactorAuthAge");
        match self.way {
            Way::Console => context.with("aws:MultiFactorAuthPresent", "false"),
            Way::AccessKey => context.without("aws:MultiFactorAuthPresent"),
        }
    }

    /// Whether a Deny, of the user's policies or an SCP, is certain.
    fn denied_for_certain(&self, action: &str, resource: &str) -> bool {
        self.principals.denies(self.holder, action, resource, self.context(action))
            || matches!(self.scp(action, resource), Some(Decision::Deny { .. }))
    }

    fn scp(&self, action: &str, resource: &str) -> Option<Decision> {
        let scps = self.scps?;
        let probe = Probe { resource: resource.to_owned(), context: self.context(action), ..Probe::new(action) };
        let decision = scps.bound.decide(&probe, Principal::iam(self.holder.arn));
        Some(match (decision, scps.bound.unknown) {
            (denied @ Decision::Deny { .. }, _) => denied,
            (_, Some(cause)) => Decision::CannotTell { why: format!("account {}: {cause}", scps.account.id) },
            (decision, None) => decision,
        })
    }

    /// What the user's policies, its boundary and the SCPs decide together.
    fn ask(&self, action: &str, resource: &str) -> Decision {
        let own = self.principals.decide(self.holder, action, resource, self.context(action));
        match (own, self.scp(action, resource)) {
            (no @ (Decision::Deny { .. } | Decision::NoMatch), _) => no,
            (_, Some(no @ (Decision::Deny { .. } | Decision::NoMatch | Decision::CannotTell { .. }))) => no,
            (own, _) => own,
        }
    }

    /// One resource for each that a statement names; one that nothing names for `*` and `NotResource`.
    fn resources(&self, statement: &Statement) -> impl Iterator<Item = String> {
        let any = self.principals.regional_arn(UNNAMED, INVENTED);
        let home = self.principals.home();
        let mut found: Vec<String> = match statement.resources() {
            [] => vec![any],
            list => list
                .iter()
                .filter_map(|pattern| match pattern.as_str() {
                    "*" => Some(any.clone()),
                    pattern => named(self.principals, self.holder, pattern, home),
                })
                .collect(),
        };
        found.truncate(8);
        found.into_iter()
    }
}

/// One action for each that a statement names; one that nothing names for `*` and `NotAction`.
fn actions(statement: &Statement) -> impl Iterator<Item = String> {
    let any = statement.actions().is_empty().then(|| ANY_ACTION.to_owned());
    any.into_iter().chain(statement.actions().iter().map(|pattern| example(pattern)))
}

/// One action of those a pattern takes in.
fn example(pattern: &str) -> String {
    match pattern {
        "*" | "*:*" => ANY_ACTION.to_owned(),
        pattern => pattern.replace('*', UNNAMED).replace('?', "x"),
    }
}

#[cfg(test)]
mod tests;
