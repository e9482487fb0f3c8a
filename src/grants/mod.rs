//! What each principal has to be allowed so that orgward can do what it is asked, and nothing more.
//!
//! Owns: the four policy documents (who calls audits, the audit role, who calls apply, the apply role), made of the fact
//! catalogue's and the resource catalogue's own lists. Must not: call AWS, or know a file format of infrastructure as code.
//!
//! Source: IAM User Guide, "Grant least privilege"; Service Authorization Reference.

mod document;
mod needs;

pub use document::{Condition, Document, Grant, document};
pub use needs::Needs;

use crate::collect::{self, Place};
use crate::model::ids::AccountId;
use crate::resources::{self, Kind, Narrowed};
use std::collections::{BTreeMap, BTreeSet};

/// The names that stand in the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, or a template's own word for it.
    pub partition: String,
    /// The audit role's name, with its path.
    pub audit_role: String,
    /// The apply role's name, with its path.
    pub apply_role: String,
    /// Single accounts that are entered through a role of another name.
    pub other_roles: BTreeMap<AccountId, String>,
    /// The management account; `None`: any, for a document that is not bound to one yet.
    pub management: Option<AccountId>,
    /// The delegated administrator that orgward is run from; `None`: it is run from the management account.
    pub delegated: Option<AccountId>,
}

/// The policy documents, as grants. Those of apply are empty where no playbook is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Who calls `org`, `audit` and `plan`, in the account that orgward is run from.
    pub audit_caller: Vec<Grant>,
    /// The role that is assumed in every other account to look.
    pub audit_role: Vec<Grant>,
    /// Who calls `apply`, `resume` and `rollback`, beside what an audit needs.
    pub apply_caller: Vec<Grant>,
    /// The role that is assumed in members to change things.
    pub apply_role: Vec<Grant>,
}

/// What these needs take.
pub fn grants(needs: &Needs, names: &Names) -> Grants {
    let facts = |places: &[Place]| {
        let sources = collect::CATALOG.iter().filter(|source| needs.facts.contains(&source.fact));
        let wanted = sources.filter(|source| places.contains(&source.place)).flat_map(|source| source.permissions);
        wanted.map(|action| (*action).to_owned()).collect::<BTreeSet<_>>()
    };
    let mut organization = facts(&[Place::Management]);
    organization.remove(ASSUME);
    // The caller's own account is read with the caller's own credentials, and may be any of the others' places too.
    let mut management = facts(&[Place::Account, Place::LogGroupOwner, Place::Administrator]);
    let mut member = management.clone();
    management.extend(collect::ENUMERATING.iter().map(|action| (*action).to_owned()));
    for (action, _) in needs.kinds.iter().flat_map(|kind| reads(*kind)) {
        let of_member = !action.starts_with("organizations:");
        (if of_member { &mut management } else { &mut organization }).insert((*action).to_owned());
        if of_member {
            member.insert((*action).to_owned());
        }
    }
    if needs.denials {
        let watched = ["account:ListRegions", "cloudtrail:LookupEvents", "logs:FilterLogEvents"].map(str::to_owned);
        member.extend(watched.clone());
        management.extend(watched);
    }
    if needs.simulate {
        management.insert("iam:SimulateCustomPolicy".to_owned());
    }
    let of_organization = |action: &String| action.starts_with("organizations:");
    let moved: Vec<String> = organization.iter().filter(|action| !of_organization(action)).cloned().collect();
    organization.retain(of_organization);
    // A delegated administrator asks the management account through the audit role.
    let (of_role, own_account) = match names.delegated {
        None => (false, "ReadTheManagementAccount"),
        Some(_) => (true, "ReadTheCallersAccount"),
    };
    (if of_role { &mut member } else { &mut management }).extend(moved);
    let audit_caller = [
        Grant::on_anything("Enumerate", organization),
        Grant::on_anything(own_account, management),
        enter("EnterMembersToLook", &names.audit_role, needs, names),
    ];
    let audit_caller = audit_caller.into_iter().filter(|grant| !grant.actions.is_empty()).collect();
    let audit_role = vec![Grant::on_anything("Look", member)];
    if needs.kinds.is_empty() {
        return Grants { audit_caller, audit_role, apply_caller: Vec::new(), apply_role: Vec::new() };
    }
    let writes = writes(needs, names);
    let (of_organization, of_accounts): (Vec<Grant>, Vec<Grant>) =
        writes.into_iter().partition(|grant| grant.actions.iter().any(|action| action.starts_with("organizations:")));
    let mut apply_role = of_accounts.clone();
    let of_kinds: BTreeSet<String> = needs
        .kinds
        .iter()
        .flat_map(|kind| reads(*kind))
        .map(|(action, _)| (*action).to_owned())
        .filter(|action| !action.starts_with("organizations:"))
        .collect();
    apply_role.extend((!of_kinds.is_empty()).then(|| Grant::on_anything("ReadBack", of_kinds)));
    let mut apply_caller = of_organization;
    if of_role && !apply_caller.is_empty() {
        let asked = BTreeSet::from(["organizations:DescribeResourcePolicy".to_owned()]);
        apply_caller.push(Grant::on_anything("SeeWhatIsDelegated", asked));
    }
    apply_caller.extend(of_accounts);
    if needs.kinds.iter().any(|kind| !matches!(kind, Kind::Policy | Kind::Attachment)) {
        apply_caller.push(enter("EnterMembersToChange", &names.apply_role, needs, names));
    }
    Grants { audit_caller, audit_role, apply_caller, apply_role }
}

const ASSUME: &str = "sts:AssumeRole";

/// Entering members: only those of the caller's own organization.
fn enter(sid: &str, role: &str, needs: &Needs, names: &Names) -> Grant {
    let mut actions = BTreeSet::from([ASSUME.to_owned()]);
    actions.extend(needs.session_tags.then(|| "sts:TagSession".to_owned()));
    actions.extend(needs.source_identity.then(|| "sts:SetSourceIdentity".to_owned()));
    let mut resources = vec![format!("arn:{}:iam::*:role/{role}", names.partition)];
    let others = names.other_roles.iter();
    resources.extend(others.map(|(account, role)| format!("arn:{}:iam::{account}:role/{role}", names.partition)));
    Grant {
        sid: sid.to_owned(),
        actions,
        resources,
        condition: Some(Condition::from([("StringEquals", [("aws:ResourceOrgID", "${aws:PrincipalOrgID}")].into())])),
    }
}

fn reads(kind: Kind) -> &'static [(&'static str, Narrowed)] {
    resources::CATALOG.iter().find(|source| source.kind == kind).map_or(&[], |source| source.reads)
}

/// The writes of every kind, those that can be narrowed to the same resources together.
fn writes(needs: &Needs, names: &Names) -> Vec<Grant> {
    let mut found: BTreeMap<(bool, Vec<String>), BTreeSet<String>> = BTreeMap::new();
    let sources = resources::CATALOG.iter().filter(|source| needs.kinds.contains(&source.kind));
    for (action, narrowed) in sources.flat_map(|source| source.writes) {
        let organization = action.starts_with("organizations:");
        found.entry((organization, on(*narrowed, needs, names))).or_default().insert((*action).to_owned());
    }
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut grants = Vec::new();
    for ((organization, resources), actions) in found {
        let word = if organization { "ChangePolicies" } else { "ChangeAccounts" };
        let count = taken.entry(word).or_default();
        *count += 1;
        grants.push(Grant { sid: format!("{word}{count}"), actions, resources, condition: None });
    }
    if needs.kinds.contains(&Kind::Policy) {
        grants.push(mark());
    }
    grants
}

/// Tagging a policy as it is created, when it has no ARN yet: with orgward's own marks and no other tag.
fn mark() -> Grant {
    Grant {
        sid: "MarkNewPolicies".to_owned(),
        actions: BTreeSet::from(["organizations:TagResource".to_owned()]),
        resources: vec!["*".to_owned()],
        condition: Some(Condition::from([
            ("ForAllValues:StringLike", [("aws:TagKeys", "orgward:*")].into()),
            ("Null", [("aws:TagKeys", "false")].into()),
        ])),
    }
}

/// The resources that an action is allowed on.
fn on(narrowed: Narrowed, needs: &Needs, names: &Names) -> Vec<String> {
    let Names { partition, management, .. } = names;
    let owner = management.as_ref().map_or("*", |account| account.as_str());
    let organizations = |what: &str| format!("arn:{partition}:organizations::{owner}:{what}");
    let named = |service: &str, what: &str, names: &BTreeSet<String>| -> Vec<String> {
        names.iter().map(|name| format!("arn:{partition}:{service}:*:*:{what}{name}")).collect()
    };
    match narrowed {
        Narrowed::Anything => vec!["*".to_owned()],
        Narrowed::ServiceControlPolicies => vec![organizations("policy/o-*/service_control_policy/p-*")],
        Narrowed::Attachments => vec![
            organizations("account/o-*/*"),
            organizations("ou/o-*/*"),
            organizations("policy/o-*/service_control_policy/p-*"),
            organizations("root/o-*/r-*"),
        ],
        Narrowed::LogGroups => vec![format!("arn:{partition}:logs:*:*:log-group:*")],
        Narrowed::Alarm => named("cloudwatch", "alarm:", &needs.alarms),
        Narrowed::Topic => named("sns", "", &needs.topics),
    }
}

#[cfg(test)]
mod tests;
