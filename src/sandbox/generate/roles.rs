//! Roles and customer-managed policies of a generated account, orgward's own roles among them.
//!
//! Owns: trust policies and permissions. Must not: make users (`people`).

use super::dice::Dice;
use super::{APPLY_EXTERNAL_ID, APPLY_ROLE, AUDIT_EXTERNAL_ID, AUDIT_ROLE, Generator, contacts, managed, names};
use crate::model::AccountId;
use crate::sandbox::state::{AccountState, Policy, Role, Tags};
use std::collections::BTreeMap;

/// What the audit role may do beyond `SecurityAudit`.
const AUDIT_EXTRA: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["account:GetAlternateContact","account:GetContactInformation","account:ListRegions","cloudwatch:ListTagsForResource","iam:GenerateCredentialReport","logs:FilterLogEvents","sns:ListTagsForResource"],"Resource":"*"}]}"#;

/// What the apply role may do beyond `SecurityAudit`.
const APPLY_EXTRA: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["account:GetAlternateContact","account:GetContactInformation","account:ListRegions","cloudwatch:DeleteAlarms","cloudwatch:ListTagsForResource","cloudwatch:PutMetricAlarm","cloudwatch:TagResource","iam:DeleteAccountPasswordPolicy","iam:GenerateCredentialReport","iam:UpdateAccountPasswordPolicy","logs:DeleteMetricFilter","logs:FilterLogEvents","logs:PutMetricFilter","sns:CreateTopic","sns:DeleteTopic","sns:ListTagsForResource","sns:Subscribe","sns:TagResource","sns:Unsubscribe","sns:UntagResource"],"Resource":"*"}]}"#;

/// What the audit role may do in the management account besides, where it is entered from a delegated administrator.
const BILL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["budgets:ViewBudget","iam:ListOrganizationsFeatures"],"Resource":"*"}]}"#;

/// A trust policy that lets whoever orgward is run from in with an ExternalId.
pub(super) fn trust(generator: &Generator, external_id: &str) -> String {
    let external_id = serde_json::Value::from(external_id);
    let root = |account: &AccountId| format!("\"arn:aws:iam::{account}:root\"");
    let trusted = match &generator.operated_from {
        None => root(&generator.management),
        Some(member) => format!("[{},{}]", root(&generator.management), root(member)),
    };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":{trusted}}},"Action":["sts:AssumeRole"],"Condition":{{"StringEquals":{{"sts:ExternalId":{external_id}}}}}}},{{"Effect":"Allow","Principal":{{"AWS":{trusted}}},"Action":["sts:SetSourceIdentity","sts:TagSession"]}}]}}"#
    )
}

fn trust_service(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

fn blank(name: &str, dice: &mut Dice, generator: &Generator, trust_policy: String) -> Role {
    Role {
        name: name.to_owned(),
        id: dice.id("AROA", 17),
        path: "/".into(),
        description: String::new(),
        created: dice.ago(generator.epoch, 40, 390),
        trust_policy,
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: None,
        max_session_seconds: 3_600,
        last_used: None,
        tags: Tags::new(),
    }
}

/// Customer-managed policies, each for one workload.
pub(super) fn policies(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let dice = dice.fork("policies");
    let (least, most) = generator.population.policies;
    for index in 0..dice.clone().between(least.into(), most.into()) {
        let mut dice = dice.nth(usize::try_from(index).unwrap_or(0));
        let workload = dice.pick(names::WORKLOADS);
        let name = format!("{workload}-{}-{}", dice.pick(names::PARTS), dice.lower(4));
        let table = format!("arn:aws:dynamodb:{}:{}:table/{workload}-*", generator.home, state.account);
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Table","Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:PutItem","dynamodb:Query"],"Resource":"{table}"}},{{"Sid":"Objects","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{workload}-{}/*"}}]}}"#,
            dice.lower(6)
        );
        add_policy(generator, state, &mut dice, &name, document);
    }
}

fn add_policy(
    generator: &Generator,
    state: &mut AccountState,
    dice: &mut Dice,
    name: &str,
    document: String,
) -> String {
    let arn = format!("arn:aws:iam::{}:policy/{name}", state.account);
    let policy = Policy {
        name: name.to_owned(),
        id: dice.id("ANPA", 17),
        path: "/".into(),
        created: dice.ago(generator.epoch, 60, 390),
        document,
    };
    state.policies.insert(arn.clone(), policy);
    arn
}

/// orgward's two roles, service-linked roles, Identity Center's roles and the workloads' roles.
pub(super) fn roles(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let dice = dice.fork("roles");
    let own = [(AUDIT_ROLE, AUDIT_EXTERNAL_ID, AUDIT_EXTRA), (APPLY_ROLE, APPLY_EXTERNAL_ID, APPLY_EXTRA)];
    for (name, external_id, extra) in own {
        let mut role = blank(name, &mut dice.fork(name), generator, trust(generator, external_id));
        role.description = "Assumed by orgward from the management account".into();
        role.attached.push(managed::SECURITY_AUDIT.into());
        role.inline.insert(name.to_owned(), extra.to_owned());
        if state.account == generator.management {
            // Who is not in the management account reads its bill through the role.
            role.inline.insert("Bill".to_owned(), BILL.to_owned());
        }
        state.roles.insert(name.to_owned(), role);
    }
    linked(generator, state, &dice.fork("linked"));
    identity_center(generator, state, dice.fork("sso"));
    workloads(generator, state, &dice.fork("workloads"));
}

fn linked(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    for (index, (service, name)) in names::LINKED.iter().enumerate() {
        let mut dice = dice.nth(index);
        // The first four come with the account, the others with the service's first use.
        if index < 4 || dice.chance(400) {
            let mut role = blank(name, &mut dice, generator, trust_service(service));
            role.path = format!("/aws-service-role/{service}/");
            state.roles.insert(role.name.clone(), role);
        }
    }
}

fn identity_center(generator: &Generator, state: &mut AccountState, mut dice: Dice) {
    let provider = format!("arn:aws:iam::{}:saml-provider/AWSSSO_{}_DO_NOT_DELETE", state.account, dice.lower(16));
    contacts::identity_center_provider(generator, state, &provider, &mut dice.fork("provider"));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Condition":{{"StringEquals":{{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}}}}]}}"#
    );
    for (set, policy) in [("ReadOnly", managed::READ_ONLY), ("Developer", managed::POWER_USER)] {
        let name = format!("AWSReservedSSO_{set}_{}", dice.lower(16));
        let mut role = blank(&name, &mut dice, generator, trust.clone());
        role.path = format!("/aws-reserved/sso.amazonaws.com/{}/", generator.home);
        role.max_session_seconds = 43_200;
        role.attached.push(policy.into());
        role.last_used = Some((dice.ago(generator.epoch, 0, 20), generator.home.as_str().to_owned()));
        state.roles.insert(name, role);
    }
}

fn workloads(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    let policies: Vec<String> = state.policies.keys().cloned().collect();
    let (least, most) = generator.population.roles;
    for index in 0..dice.clone().between(least.into(), most.into()) {
        let mut dice = dice.nth(usize::try_from(index).unwrap_or(0));
        let compute = names::COMPUTE.get(dice.below(names::COMPUTE.len() as u64) as usize);
        let Some((service, policy)) = compute else { continue };
        let name = format!("{}-{}-{}", dice.pick(names::WORKLOADS), dice.pick(names::PARTS), dice.lower(4));
        let mut role = blank(&name, &mut dice, generator, trust_service(service));
        role.attached.push((*policy).to_owned());
        if let Some(arn) = policies.get(dice.below(policies.len() as u64) as usize) {
            role.attached.push(arn.clone());
        }
        if dice.chance(750) {
            role.last_used = Some((dice.ago(generator.epoch, 0, 60), generator.home.as_str().to_owned()));
        }
        role.tags.insert("team".into(), dice.pick(names::TEAMS).into());
        state.roles.insert(name, role);
    }
}

/// The management account needs no role to be entered by itself.
pub(super) fn no_member_roles(state: &mut AccountState) {
    state.roles.remove(AUDIT_ROLE);
    state.roles.remove(APPLY_ROLE);
}

/// A policy that allows everything, attached to a role that a build machine uses.
pub(super) fn admin_star(generator: &Generator, state: &mut AccountState, dice: &mut Dice) {
    let name = format!("{}-break-glass-{}", dice.pick(names::TEAMS), dice.lower(4));
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let arn = add_policy(generator, state, dice, &name, document.to_owned());
    let name = format!("{}-runner-{}", dice.pick(names::MACHINES), dice.lower(4));
    let mut role = blank(&name, dice, generator, trust_service("ec2.amazonaws.com"));
    role.attached.push(arn);
    role.last_used = Some((dice.ago(generator.epoch, 0, 5), generator.home.as_str().to_owned()));
    state.roles.insert(name, role);
}
