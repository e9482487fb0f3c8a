//! MFA that is enforced: what console users may do without it.
//!
//! Owns: one check of one account, by trying requests without MFA against each console user's policies, its boundary, and the
//! service control policies that bind the account. Must not: look for the text of a known policy.
//!
//! What is tried. Each action that a policy allows, and what it has in common with each action that a denial leaves out, on what
//! it is allowed on and on what denials leave out; left aside is only what a certain denial on every resource covers. What can't
//! be tried (a variable that is not known, too many requests) can't be told. From the console `aws:MultiFactorAuthPresent` is false; from an access key it is absent, which `Bool` never matches and `BoolIfExists`
//! does. Setting MFA up needs to be possible without it.
//!
//! Source: IAM User Guide, "AWS: Allows MFA-authenticated IAM users to manage their own credentials on the Security credentials
//! page" and "AWS global condition context keys: aws:MultiFactorAuthPresent".

use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::guardrails::{Bound, Guardrails, Probe};
use super::super::principals::{ANY_ACTION, Holder, INVENTED, Principals, resolved};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use crate::model::Cause;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::CredentialRow;
use crate::model::org::{Account, PolicyType};
use crate::policy::{
    Context, Decision, Document, Effect, Principal, Request, Statement, StatementRef, evaluate, evaluate_chain,
};
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
        cli: "aws iam put-group-policy --group-name <group> --policy-name require-mfa --policy-document \
              file://require-mfa.json",
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

/// An account that nobody has.
const ANOTHER_ACCOUNT: &str = "000000000000";

/// How many requests are tried for one user: an evaluation takes long where policies are, and what is beyond can't be told.
const MOST: usize = 4000;

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
        let documents: Vec<&Document> = {
            let policies = self.principals.policies_of(self.holder).iter();
            policies.filter_map(|at| self.principals.document(*at)).collect()
        };
        let statements = || documents.iter().flat_map(|document| document.statements());
        let scp_denials = self.scps.iter().flat_map(|scps| scps.bound.denials());
        let denials: Vec<&Statement> = statements().filter(|s| s.effect() == Effect::Deny).chain(scp_denials).collect();
        let blanket = self.blanket(&documents);
        let mut tries: BTreeSet<(String, String)> = BTreeSet::new();
        let mut unclear = None;
        for allow in statements().filter(|s| s.effect() == Effect::Allow && !asks_for_mfa(s)) {
            let mut wanted = actions(allow, &denials);
            wanted.retain(|action| !is_set_up(action) && !blanket.iter().any(|denial| denial.covers_action(action)));
            let everything = allow.resources().is_empty().then_some("*").into_iter();
            let left_out = denials.iter().flat_map(|denial| denial.not_resources());
            let patterns = everything.chain(allow.resources().iter().chain(left_out).map(String::as_str));
            for pattern in patterns {
                let Some(text) = resolved(self.principals, self.holder, pattern) else {
                    let some = without_variables(pattern);
                    if !wanted.iter().all(|action| self.denied_for_certain(action, &some)) {
                        unclear = Some(format!("`{pattern}` has a variable that is not known"));
                    }
                    continue;
                };
                for resource in self.probes(&text) {
                    tries.extend(wanted.iter().map(|action| (action.clone(), resource.clone())));
                }
            }
        }
        if tries.len() > MOST {
            unclear = Some(format!("its policies name more than the {MOST} requests that are tried"));
        }
        for (action, resource) in tries.iter().take(MOST) {
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

    fn context(&self, action: &str, resource: &str) -> Context {
        let mut context = self.principals.context(self.holder, action).without("aws:MultiFactorAuthAge");
        if let Some(account) = resource.split(':').nth(4).filter(|account| account.len() == 12) {
            context = context.with("aws:ResourceAccount", account);
        }
        match self.way {
            Way::Console => context.with("aws:MultiFactorAuthPresent", "false"),
            Way::AccessKey => context.without("aws:MultiFactorAuthPresent"),
        }
    }

    /// Whether a Deny, of the user's policies or an SCP, is certain.
    fn denied_for_certain(&self, action: &str, resource: &str) -> bool {
        self.principals.denies(self.holder, action, resource, self.context(action, resource))
            || matches!(self.scp(action, resource), Some(Decision::Deny { .. }))
    }

    fn scp(&self, action: &str, resource: &str) -> Option<Decision> {
        let scps = self.scps?;
        let probe =
            Probe { resource: resource.to_owned(), context: self.context(action, resource), ..Probe::new(action) };
        let decision = scps.bound.decide(&probe, Principal::iam(self.holder.arn));
        Some(match (decision, scps.bound.unknown) {
            (denied @ Decision::Deny { .. }, _) => denied,
            (_, Some(cause)) => Decision::CannotTell { why: format!("account {}: {cause}", scps.account.id) },
            (decision, None) => decision,
        })
    }

    /// What the user's policies, its boundary and the SCPs decide together.
    fn ask(&self, action: &str, resource: &str) -> Decision {
        let own = self.principals.decide(self.holder, action, resource, self.context(action, resource));
        match (own, self.scp(action, resource)) {
            (no @ (Decision::Deny { .. } | Decision::NoMatch), _) => no,
            (_, Some(no @ (Decision::Deny { .. } | Decision::NoMatch | Decision::CannotTell { .. }))) => no,
            (own, _) => own,
        }
    }

    /// The statements that deny, for certain and on every resource, an action that nothing names. Whether they do must not
    /// hang on the resource, so that they deny whatever action they cover.
    fn blanket<'d>(&'d self, documents: &[&'d Document]) -> Vec<&'d Statement> {
        let everything = self.principals.regional_arn(UNNAMED, INVENTED);
        let request = Request {
            principal: Principal::iam(self.holder.arn),
            action: ANY_ACTION.to_owned(),
            context: self.context(ANY_ACTION, &everything),
            resource: everything,
        };
        let statement = |documents: &[&'d Document], found: &StatementRef| -> Option<&'d Statement> {
            documents.get(found.document).and_then(|document| document.statements().get(found.index))
        };
        let own = match evaluate(documents, &request) {
            Decision::Deny { statement: found } => statement(documents, &found),
            _ => None,
        };
        let by_scp = self.scps.and_then(|scps| match evaluate_chain(&scps.bound.levels, &request) {
            Decision::Deny { statement: found } => statement(scps.bound.levels.get(found.level)?, &found),
            _ => None,
        });
        let on_all = |denial: &&Statement| {
            let by_resource = |key: &str| key.to_ascii_lowercase().starts_with("aws:resource");
            denial.resources().iter().any(|resource| resource == "*")
                && !denial.conditions().iter().any(|condition| by_resource(&condition.key))
        };
        own.into_iter().chain(by_scp).filter(on_all).collect()
    }

    /// Resources of those that a pattern takes in: where it leaves the account open, in this one, in another, and in none.
    fn probes(&self, text: &str) -> BTreeSet<String> {
        if !text.contains(['*', '?']) {
            return BTreeSet::from([text.to_owned()]);
        }
        let (own, home) = (self.principals.account.as_str(), self.principals.home());
        let fill = |part: &str, open: &str| match part {
            "*" => open.to_owned(),
            part => part.replace('*', UNNAMED).replace('?', "x"),
        };
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or("*");
        let (_, partition, service, region, account, resource) = (next(), next(), next(), next(), next(), next());
        let partition = if partition.contains(['*', '?']) { self.principals.partition } else { partition };
        let (service, resource) = (fill(service, UNNAMED), fill(resource, INVENTED));
        let places = [(home, own), ("", own), (UNNAMED, own), (home, ANOTHER_ACCOUNT), ("", "")];
        let arns = places.into_iter().map(|(in_region, of)| {
            format!("arn:{partition}:{service}:{}:{}:{resource}", fill(region, in_region), fill(account, of))
        });
        // Actions that take no resource are asked for `*`.
        arns.chain((text == "*").then(|| "*".to_owned())).collect()
    }
}

fn is_set_up(action: &str) -> bool {
    SET_UP.iter().any(|known| known.eq_ignore_ascii_case(action))
}

/// Whether a statement applies only with MFA: `Bool` holds neither for false nor for an absent key.
fn asks_for_mfa(statement: &Statement) -> bool {
    statement.conditions().iter().any(|condition| {
        condition.operator.eq_ignore_ascii_case("Bool")
            && condition.is_about("aws:MultiFactorAuthPresent")
            && condition.values.iter().all(|value| value.eq_ignore_ascii_case("true"))
    })
}

/// Something in the place of each variable.
fn without_variables(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        text.push_str(INVENTED);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace('*', UNNAMED).replace('?', "x")
}

/// One action for each that a statement allows, and for each part of it that a denial leaves out.
fn actions(allow: &Statement, denials: &[&Statement]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = allow.actions().iter().map(|pattern| example(pattern)).collect();
    let left_out = denials.iter().flat_map(|denial| denial.not_actions());
    if allow.actions().is_empty() {
        let all = left_out.map(|pattern| example(pattern)).chain([ANY_ACTION.to_owned()]);
        found.extend(all.filter(|action| allow.covers_action(action)));
    } else {
        let both = left_out.flat_map(|out| allow.actions().iter().filter_map(move |own| in_both(own, out)));
        found.extend(both);
    }
    found
}

/// One action that two patterns both take in; `None` if there is none.
fn in_both(one: &str, other: &str) -> Option<String> {
    match (example(one) == ANY_ACTION, example(other) == ANY_ACTION) {
        (true, _) => return Some(example(other)),
        (_, true) => return Some(example(one)),
        _ => {}
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    meet(&one, &other, &mut BTreeSet::new())
}

/// What the rests of two patterns have in common. What failed once is not tried again.
fn meet(one: &[char], other: &[char], failed: &mut BTreeSet<(usize, usize)>) -> Option<String> {
    let place = (one.len(), other.len());
    if failed.contains(&place) {
        return None;
    }
    let found = match (one, other) {
        ([], []) => Some(String::new()),
        (['*', left @ ..], ['*', right @ ..]) => {
            let rest = meet(left, right, failed).or_else(|| meet(left, other, failed));
            rest.or_else(|| meet(one, right, failed)).map(|rest| format!("{UNNAMED}{rest}"))
        }
        (['*', left @ ..], [c, right @ ..]) => {
            meet(one, right, failed).map(|rest| format!("{}{rest}", letter(*c))).or_else(|| meet(left, other, failed))
        }
        ([c, left @ ..], ['*', right @ ..]) => {
            meet(left, other, failed).map(|rest| format!("{}{rest}", letter(*c))).or_else(|| meet(one, right, failed))
        }
        (['*', left @ ..], []) => meet(left, other, failed),
        ([], ['*', right @ ..]) => meet(one, right, failed),
        ([a, left @ ..], [b, right @ ..]) if *a == '?' || *b == '?' || a.eq_ignore_ascii_case(b) => {
            let c = if *a == '?' { *b } else { *a };
            meet(left, right, failed).map(|rest| format!("{}{rest}", letter(c)))
        }
        _ => None,
    };
    if found.is_none() {
        failed.insert(place);
    }
    found
}

/// A letter for `?`.
fn letter(c: char) -> char {
    if c == '?' { 'x' } else { c }
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
