//! What a roll-out would write, held against policies: nothing is called.
//!
//! Owns: the apply role of each account, and the caller where it writes itself. Must not: know a playbook; what it takes is
//! given.

use super::account::session_arn;
use super::allowed::{Answer, Block, Holder};
use super::commands::Document;
use super::diagnosis::{Section, State};
use super::gathered::{Fix, Issue};
use super::ground::{Doctor, Entry, listed, name_of};
use super::requests::Place;
use crate::checks::open_without_external_id;
use crate::grants::Grant;
use crate::model::iam::{Authorization, IamRole};
use crate::model::ids::Arn;
use crate::model::{AccountFacts, CauseKind};
use crate::policy::{Decision, Document as Policy, evaluate};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};

/// The caller with its policies, from the facts of its own account; `None` where they do not have it.
pub(super) fn caller(facts: &AccountFacts, arn: &str) -> Option<Holder> {
    let authorization = facts.authorization.value()?;
    if let Some(user) = authorization.users.iter().find(|user| user.arn == arn) {
        return Some(Holder::of_user(user, authorization));
    }
    let parsed = Arn::parse(arn)?;
    let (name, _) = parsed.resource.strip_prefix("assumed-role/")?.split_once('/')?;
    let role = authorization.roles.iter().find(|role| role.name == name)?;
    Some(Holder::of_role(role, authorization, arn))
}

/// Looks at what may be written in an account.
pub(super) fn changes(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) {
    if facts.account == doctor.ground.account {
        of_caller(doctor, facts);
    } else {
        of_member(doctor, facts, entry);
    }
}

fn issue(state: State, code: &'static str, text: String, fix: Fix) -> Issue {
    Issue::new(Section::Changing, state, code, text).mended_by(fix)
}

/// The caller writes the organization's policies, and in its own account.
fn of_caller(doctor: &mut Doctor<'_>, facts: &AccountFacts) {
    let grants = doctor.ground.grants.apply_caller.clone();
    if grants.is_empty() || doctor.ground.arn.ends_with(":root") {
        doctor.figures.writable += usize::from(doctor.ground.playbooks > 0);
        return;
    }
    let Some(holder) = doctor.caller.take() else {
        let cause = facts.authorization.cause().filter(|cause| cause.kind != CauseKind::NotCollected);
        let why = cause.map_or_else(|| "its policies are not known".to_owned(), ToString::to_string);
        let fix = simulate(&doctor.ground.arn, &grants.iter().flat_map(|grant| grant.actions.clone()).collect());
        let text = format!("what the caller may write could not be told: {why}");
        doctor.gathered.add(issue(State::Unknown, "writes_unknown", text, fix), &facts.account, None);
        return;
    };
    let arn = doctor.ground.arn.clone();
    evaluated(doctor, facts, &holder, &grants, ("the caller", &arn, Document::ApplyCaller));
    doctor.caller = Some(holder);
}

/// A member's apply role.
fn of_member(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry) {
    let grants = doctor.ground.grants.apply_role.clone();
    let role = name_of(&entry.apply).to_owned();
    let authorization = match facts.authorization.known() {
        Ok(Some(authorization)) => authorization,
        Ok(None) => return,
        Err(cause) => {
            if !grants.is_empty() {
                let text = format!("what role `{role}` may write could not be told ({})", cause.operation);
                let fix = match cause.kind {
                    CauseKind::AccessDenied => doctor.commands.grant_role(&entry.audit, Document::AuditRole, facts),
                    kind => Fix::of(kind.fix()),
                };
                doctor.gathered.add(issue(State::Unknown, "writes_unknown", text, fix), &facts.account, None);
            }
            return;
        }
    };
    let Some(found) = authorization.roles.iter().find(|role| role.arn == entry.apply) else {
        if grants.is_empty() {
            doctor.figures.no_apply_role += 1;
        } else {
            let text = format!("role `{role}` is not there");
            let fix = Fix::of(doctor.commands.bootstrap());
            doctor.gathered.add(issue(State::Problem, "apply_role_missing", text, fix), &facts.account, None);
        }
        return;
    };
    doctor.figures.apply_roles += 1;
    trust(doctor, facts, entry, found);
    if !grants.is_empty() {
        written(doctor, facts, entry, (found, authorization), &grants);
    }
}

fn written(
    doctor: &mut Doctor<'_>,
    facts: &AccountFacts,
    entry: &Entry,
    (role, authorization): (&IamRole, &Authorization),
    grants: &[Grant],
) {
    let holder = Holder::of_role(role, authorization, &session_arn(&entry.apply));
    evaluated(doctor, facts, &holder, grants, ("the apply role", &entry.apply, Document::ApplyRole));
}

/// Whom the apply role lets in: nobody without an ExternalId, and this caller with the one that is given.
fn trust(doctor: &mut Doctor<'_>, facts: &AccountFacts, entry: &Entry, role: &IamRole) {
    let open = open_without_external_id(role, &doctor.ground.org.organization);
    let found = match open {
        Ok(open) if open.is_empty() => {
            doctor.figures.apply_trust += 1;
            None
        }
        Ok(open) => {
            let text = format!("the apply role may be assumed by {} without an agreed ExternalId", open.join(", "));
            Some(issue(State::Problem, "apply_role_without_external_id", text, doctor.commands.trust(&entry.apply)))
        }
        Err(why) => {
            let text = format!("whom the apply role trusts could not be told: {why}");
            Some(issue(State::Unknown, "apply_trust_unknown", text, doctor.commands.trust(&entry.apply)))
        }
    };
    if let Some(found) = found {
        doctor.gathered.add(found, &facts.account, None);
    }
    if doctor.ground.grants.apply_role.is_empty() || !refuses(doctor, facts, entry, role) {
        return;
    }
    let text = "the apply role would not let this caller in with the ExternalId it is given".to_owned();
    let fix = Fix::of("orgward config # shows whence apply_external_id came");
    doctor.gathered.add(issue(State::Problem, "apply_role_refuses", text, fix), &facts.account, None);
}

/// Whether the apply role's trust policy surely keeps this caller out.
fn refuses(doctor: &Doctor<'_>, facts: &AccountFacts, entry: &Entry, role: &IamRole) -> bool {
    let (Some(caller), Ok(trust)) = (&doctor.caller, Policy::parse(&role.trust_policy)) else { return false };
    let place = here(doctor, facts);
    let mut request = place.request(caller, "sts:AssumeRole", &entry.apply);
    request.context = match &entry.apply_external_id {
        Some(id) => request.context.with("sts:ExternalId", id.expose_secret()),
        None => request.context.without("sts:ExternalId"),
    };
    matches!(evaluate(&[&trust], &request), Decision::Deny { .. } | Decision::NoMatch)
}

fn here<'p>(doctor: &'p Doctor<'_>, facts: &'p AccountFacts) -> Place<'p> {
    let ground = &doctor.ground;
    Place {
        org: ground.org,
        account: &facts.account,
        region: &ground.org.organization.home_region,
        global: &ground.global,
    }
}

/// Whether somebody may do all of this.
fn evaluated(
    doctor: &mut Doctor<'_>,
    facts: &AccountFacts,
    holder: &Holder,
    grants: &[Grant],
    (who, arn, document): (&str, &str, Document),
) {
    let mut blocked: BTreeMap<Block, BTreeSet<String>> = BTreeMap::new();
    let mut doubts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    {
        let levels = doctor.chains.levels(&facts.account);
        let place = here(doctor, facts);
        for request in grants.iter().flat_map(|grant| place.requests(holder, grant)) {
            match holder.may(&levels, &request) {
                Answer::Yes => {}
                Answer::No(block) => drop(blocked.entry(block).or_default().insert(request.action)),
                Answer::CannotTell(why) => drop(doubts.entry(why).or_default().insert(request.action)),
            }
        }
    }
    doctor.figures.writable += usize::from(blocked.is_empty() && doubts.is_empty());
    for (block, actions) in blocked {
        let what = listed(&actions);
        let name = arn.rsplit('/').next().unwrap_or(arn);
        let found = match block {
            Block::Scp { id, name } => {
                let fix = doctor.commands.exempt(&id, arn);
                issue(State::Problem, "write_denied_by_scp", format!("SCP `{name}` denies {who} {what}"), fix)
            }
            Block::NoScp(at) => {
                let fix =
                    Fix::of(format!("aws organizations attach-policy --policy-id p-FullAWSAccess --target-id {at}"));
                issue(State::Problem, "write_not_allowed_by_scp", format!("no SCP on {at} allows {who} {what}"), fix)
            }
            Block::Boundary => {
                let kind = if arn.contains(":user/") { "user" } else { "role" };
                let fix = Fix::of(format!(
                    "aws iam delete-{kind}-permissions-boundary --{kind}-name {name} # or allow it in there"
                ));
                issue(
                    State::Problem,
                    "write_beyond_boundary",
                    format!("the permissions boundary of {who} does not allow {what}"),
                    fix,
                )
            }
            Block::OwnDeny | Block::NotGranted => {
                let verb = if block == Block::OwnDeny { "is denied by its own policy" } else { "is not allowed" };
                let fix = match document {
                    Document::ApplyRole | Document::AuditRole => doctor.commands.grant_role(arn, document, facts),
                    Document::ApplyCaller | Document::AuditCaller => Fix::of(doctor.commands.grant(arn, document)),
                };
                issue(State::Problem, "write_not_granted", format!("{who} {verb} {what}"), fix)
            }
        };
        doctor.gathered.add(found.about(actions), &facts.account, None);
    }
    for (why, actions) in doubts {
        let text = format!("whether {who} may {} can't be told: {why}", listed(&actions));
        let found = issue(State::Unknown, "write_unknown", text, simulate(arn, &actions)).about(actions);
        doctor.gathered.add(found, &facts.account, None);
    }
}

/// AWS's own answer to the same question.
fn simulate(arn: &str, actions: &BTreeSet<String>) -> Fix {
    let account = Arn::parse(arn).map_or("", |arn| arn.account);
    let arn = arn.replace(&format!("::{account}:"), "::{account}:");
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    Fix::of(format!(
        "aws iam simulate-principal-policy --policy-source-arn {arn} --action-names {} # with credentials of {{account}}",
        actions.join(" ")
    ))
}
