//! An organization of a few accounts, plans over it, and the tests of the proof.

mod data;
mod moments;
mod proof;
mod questions;
mod standing;

use crate::lockout::{Proof, Protected, Roles, Terms, prove};
use crate::model::account::RegionState;
use crate::model::org::{Account, AccountState, Organization, Ou, Policy, PolicyType, PolicyTypeState, Root};
use crate::model::{AccountId, Address, Change, Doc, Observed, OrgFacts, Plan, Source, TargetId};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ROOT: &str = "r-ab12";
pub(super) const OU: &str = "ou-ab12-11111111";
pub(super) const INNER: &str = "ou-ab12-22222222";
pub(super) const MANAGEMENT: &str = "111111111111";
pub(super) const SECOND: &str = "222222222222";
pub(super) const THIRD: &str = "333333333333";
pub(super) const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];
pub(super) const FULL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

pub(super) fn present<T>(value: T) -> Observed<T> {
    let source = Source {
        operation: "organizations:ListPolicies".into(),
        region: "us-east-1".parse().unwrap(),
        observed_at: jiff::Timestamp::UNIX_EPOCH,
        made_at: None,
        request_id: None,
        digest: None,
        pages: 1,
    };
    Observed::Present { value, source }
}

pub(super) fn target(id: &str) -> TargetId {
    id.parse().unwrap()
}

pub(super) fn policy(kind: PolicyType, name: &str, content: &str, targets: &[&str]) -> Policy {
    Policy {
        id: format!("p-{:0>12}", name.len()).parse().unwrap(),
        arn: String::new(),
        name: name.into(),
        description: String::new(),
        aws_managed: name.ends_with("FullAWSAccess"),
        kind,
        content: present(content.into()),
        targets: present(targets.iter().map(|id| target(id)).collect()),
        tags: present(BTreeMap::new()),
    }
}

pub(super) fn scp(name: &str, content: &str, targets: &[&str]) -> Policy {
    policy(PolicyType::Scp, name, content, targets)
}

/// Root over the management account and an OU; the OU over account 2 and an inner OU with account 3. `FullAWSAccess` is
/// everywhere, and these.
pub(super) fn org(policies: Vec<Policy>) -> OrgFacts {
    let ou = |id: &str, name: &str, parent: &str| {
        (target(id), Ou { id: target(id), name: name.into(), parent: target(parent) })
    };
    let everywhere = [ROOT, OU, INNER, MANAGEMENT, SECOND, THIRD];
    let mut by_type: BTreeMap<PolicyType, Vec<Policy>> = BTreeMap::from([
        (PolicyType::Scp, vec![scp("FullAWSAccess", FULL, &everywhere)]),
        (PolicyType::Rcp, vec![policy(PolicyType::Rcp, "RCPFullAWSAccess", RCP_FULL, &everywhere)]),
    ]);
    for policy in policies {
        by_type.entry(policy.kind.clone()).or_default().push(policy);
    }
    OrgFacts {
        organization: Organization {
            id: "o-abc123".into(),
            arn: String::new(),
            partition: "aws".into(),
            feature_set: "ALL".into(),
            management_account: MANAGEMENT.parse().unwrap(),
            caller_arn: "arn:aws:sts::111111111111:assumed-role/Platform/me".into(),
            home_region: "eu-central-1".parse().unwrap(),
        },
        root: Root {
            id: target(ROOT),
            name: "Root".into(),
            policy_types: BTreeMap::from([
                (PolicyType::Scp, PolicyTypeState::Enabled),
                (PolicyType::Rcp, PolicyTypeState::Enabled),
            ]),
        },
        ous: BTreeMap::from([ou(OU, "Workloads", ROOT), ou(INNER, "Prod", OU)]),
        accounts: BTreeMap::from([member(MANAGEMENT, ROOT), member(SECOND, OU), member(THIRD, INNER)]),
        policies: by_type.into_iter().map(|(kind, policies)| (kind, present(policies))).collect(),
        delegated_administrators: present(Vec::new()),
        organization_trails: present(Vec::new()),
        monitoring: Vec::new(),
        regions: present(REGIONS.iter().map(|name| (name.parse().unwrap(), RegionState::Enabled)).collect()),
        services: crate::model::org::OrgServices::not_collected(),
        sources: Vec::new(),
        as_of: jiff::Timestamp::UNIX_EPOCH,
    }
}

const RCP_FULL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

pub(super) fn member(id: &str, parent: &str) -> (AccountId, Account) {
    let id: AccountId = id.parse().unwrap();
    let account = Account {
        id: id.clone(),
        arn: String::new(),
        name: format!("account {id}"),
        email: String::new(),
        state: AccountState::Active,
        parent: target(parent),
        joined: None,
        tags: Observed::not_collected("organizations:ListTagsForResource"),
    };
    (id, account)
}

pub(super) fn change(address: Address, before: Option<Doc>, after: Option<Doc>, depends_on: &[&Change]) -> Change {
    Change {
        address,
        before,
        after,
        step: "test/scp".into(),
        reason: "a test wants it".into(),
        depends_on: depends_on.iter().map(|change| change.address.clone()).collect(),
        impact: Vec::new(),
        confirmations: Vec::new(),
        wave: 0,
        origins: Vec::new(),
    }
}

/// Writes a policy; `None` for what is not there.
pub(super) fn write(name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    written(PolicyType::Scp, name, before, after)
}

pub(super) fn written(kind: PolicyType, name: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let doc = |text: &str| Doc(json!({ "description": "", "content": text, "tags": {} }));
    change(Address::Policy { policy_type: kind, name: name.into() }, before.map(doc), after.map(doc), &[])
}

pub(super) fn attach(name: &str, to: &str, depends_on: &[&Change]) -> Change {
    attached(PolicyType::Scp, name, to, depends_on)
}

pub(super) fn attached(kind: PolicyType, name: &str, to: &str, depends_on: &[&Change]) -> Change {
    let address = Address::Attachment { policy_type: kind, policy: name.into(), target: target(to) };
    change(address, None, Some(Doc(json!({}))), depends_on)
}

pub(super) fn detach(name: &str, from: &str, depends_on: &[&Change]) -> Change {
    let mut change = attach(name, from, depends_on);
    std::mem::swap(&mut change.before, &mut change.after);
    change
}

pub(super) fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        version: 1,
        organization: "o-abc123".into(),
        management_account: MANAGEMENT.parse().unwrap(),
        caller_arn: "arn:aws:sts::111111111111:assumed-role/Platform/me".into(),
        as_of: jiff::Timestamp::UNIX_EPOCH,
        playbooks: Vec::new(),
        waves: Vec::new(),
        changes,
        relied_on: Vec::new(),
        refusals: Vec::new(),
        unknowns: Vec::new(),
        operator_steps: Vec::new(),
        regions: Vec::new(),
        undoes: None,
        notes: Vec::new(),
    }
}

/// Roles `audit` and `apply`, and a break-glass role.
pub(super) fn roles() -> Roles {
    Roles { break_glass: vec!["BreakGlass".into()], ..Roles::new("audit", "apply") }
}

pub(super) fn proved_with(org: &OrgFacts, plan: &Plan, roles: &Roles, accepted: &[&str]) -> Proof {
    let protected = Protected::embedded().unwrap();
    let accepted: BTreeSet<TargetId> = accepted.iter().map(|id| target(id)).collect();
    prove(org, plan, &Terms { protected: &protected, roles, regions: None, accepted: &accepted })
}

pub(super) fn proved(org: &OrgFacts, plan: &Plan) -> Proof {
    proved_with(org, plan, &roles(), &[])
}

/// Why a plan is refused.
pub(super) fn messages(proof: &Proof) -> Vec<&str> {
    proof.refusals.iter().map(|refusal| refusal.message.as_str()).collect()
}

/// Makes a policy of this content and attaches it.
pub(super) fn rollout(content: &str, to: &str) -> Plan {
    let guard = write("guard", None, Some(content));
    let attachment = attach("guard", to, &[&guard]);
    plan(vec![guard, attachment])
}

/// A policy of one Deny with the id `NoWay`, over several lines.
pub(super) fn deny(rest: &str) -> String {
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{ \"Sid\": \"NoWay\", \"Effect\": \"Deny\", {rest} }}\n  ]\n}}"
    )
}
