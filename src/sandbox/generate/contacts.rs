//! Certificates, providers, contacts, budgets and bills of a generated account.
//!
//! Owns: what a healthy account has of each, and how planted problems change it. Must not: make users (`people`).

use super::dice::Dice;
use super::{Generator, Problem, names};
use crate::sandbox::state::Subscription;
use crate::sandbox::state::{
    AccountState, Alarm, Budget, Contacts, SamlProvider, ServerCertificate, ServiceCredential, SshKey, Tags, Topic,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where AWS publishes what an account will be charged.
const BILLING_REGION: &str = "us-east-1";

/// Hours in a day.
const DAY: i64 = 24;

fn later(generator: &Generator, days: u64) -> Timestamp {
    let hours = i64::try_from(days).unwrap_or(0).saturating_mul(DAY);
    generator.epoch.checked_add(SignedDuration::from_hours(hours)).unwrap_or(generator.epoch)
}

/// What a healthy account has: contacts, here and there a valid certificate, a fresh SSH key.
pub(super) fn healthy(generator: &Generator, state: &mut AccountState, dice: &Dice) {
    state.contacts = contacts(&mut dice.fork("contacts"));
    let mut certificates = dice.fork("certificates");
    if certificates.chance(200) {
        let expires = later(generator, certificates.between(40, 700));
        certificate(generator, state, &mut certificates, expires);
    }
    let people: Vec<String> =
        state.users.values().filter(|user| user.password.is_some()).map(|user| user.name.clone()).collect();
    let mut keys = dice.fork("ssh keys");
    for name in people {
        if keys.chance(120) {
            let key = ssh_key(generator, &mut keys, (5, 80));
            state.identity.ssh_keys.insert(name, vec![key]);
        }
    }
}

/// Identity Center's own SAML provider, which its roles trust.
pub(super) fn identity_center_provider(generator: &Generator, state: &mut AccountState, arn: &str, dice: &mut Dice) {
    let created = dice.ago(generator.epoch, 100, 390);
    let provider = SamlProvider { created, valid_until: later(generator, 36_000) };
    state.identity.saml_providers.insert(arn.to_owned(), provider);
}

fn contacts(dice: &mut Dice) -> Contacts {
    let field = |name: &str, value: String| (name.to_owned(), value);
    let phone = |dice: &mut Dice| format!("+1 206 555 {:04}", dice.below(10_000));
    let person = format!("{} {}", dice.pick(names::FIRST), dice.pick(names::LAST));
    let security = BTreeMap::from([
        field("Name", "Security Operations".into()),
        field("Title", "On call".into()),
        field("EmailAddress", "security@example.com".into()),
        field("PhoneNumber", phone(dice)),
    ]);
    let information = BTreeMap::from([
        field("FullName", person),
        field("CompanyName", "Example".into()),
        field("AddressLine1", format!("{} Example Street", dice.between(1, 400))),
        field("City", "Seattle".into()),
        field("StateOrRegion", "WA".into()),
        field("PostalCode", "98101".into()),
        field("CountryCode", "US".into()),
        field("PhoneNumber", phone(dice)),
    ]);
    Contacts { alternate: BTreeMap::from([("SECURITY".to_owned(), security)]), information }
}

fn certificate(generator: &Generator, state: &mut AccountState, dice: &mut Dice, expires: Timestamp) {
    let name = format!("{}-{}", dice.pick(names::WORKLOADS), dice.lower(4));
    let uploaded = dice.ago(generator.epoch, 366, 390);
    let certificate = ServerCertificate { id: dice.id("ASCA", 17), path: "/".into(), uploaded, expires };
    state.identity.certificates.insert(name, certificate);
}

fn ssh_key(generator: &Generator, dice: &mut Dice, (least, most): (u64, u64)) -> SshKey {
    SshKey { id: dice.id("APKA", 17), active: true, uploaded: dice.ago(generator.epoch, least, most) }
}

/// The user who gets a planted credential: the first with a password, else the first.
fn somebody(state: &AccountState) -> Option<String> {
    let person = state.users.values().find(|user| user.password.is_some()).or_else(|| state.users.values().next());
    person.map(|user| user.name.clone())
}

/// Plants a problem of what this file owns.
pub(super) fn plant(generator: &Generator, state: &mut AccountState, problem: &Problem, dice: &mut Dice) {
    match problem {
        Problem::NoSecurityContact => drop(state.contacts.alternate.remove("SECURITY")),
        Problem::ExpiredCertificate(days) => {
            let expires = dice.ago(generator.epoch, *days, *days);
            certificate(generator, state, dice, expires);
        }
        Problem::ExpiredSamlProvider(days) => {
            let arn = format!("arn:aws:iam::{}:saml-provider/{}-idp", state.account, dice.pick(names::TEAMS));
            let (created, valid_until) = (dice.ago(generator.epoch, 400, 700), dice.ago(generator.epoch, *days, *days));
            state.identity.saml_providers.insert(arn, SamlProvider { created, valid_until });
        }
        Problem::ServiceCredential(days) => {
            let Some(user) = somebody(state) else { return };
            let credential = ServiceCredential {
                id: dice.id("ACCA", 17),
                service: "codecommit.amazonaws.com".into(),
                active: true,
                created: dice.ago(generator.epoch, *days, *days),
            };
            state.identity.service_credentials.entry(user).or_default().push(credential);
        }
        Problem::OldSshKey(days) => {
            let Some(user) = somebody(state) else { return };
            let key = ssh_key(generator, dice, (*days, *days));
            state.identity.ssh_keys.entry(user).or_default().push(key);
        }
        Problem::LongSessions => {
            let role = state.roles.values_mut().find(|role| !role.path.starts_with("/aws-"));
            if let Some(role) = role {
                role.max_session_seconds = 43_200;
            }
        }
        Problem::Budget => {
            let budget = Budget {
                kind: "COST".into(),
                limit: 25_000,
                notifications: vec![80, 100],
                filters: BTreeMap::new(),
                ends: None,
            };
            state.budgets.insert("organization-monthly".into(), budget);
        }
        Problem::BillingAlarm => billing_alarm(generator, state, dice),
        _ => {}
    }
}

/// An alarm on the account's estimated charges, and a topic that somebody listens to.
fn billing_alarm(generator: &Generator, state: &mut AccountState, dice: &mut Dice) {
    let Ok(region) = BILLING_REGION.parse() else { return };
    let arn = format!("arn:aws:sns:{BILLING_REGION}:{}:billing", state.account);
    let subscription = Subscription {
        arn: format!("{arn}:{}", dice.lower(16)),
        protocol: "email".into(),
        endpoint: "finance@example.com".into(),
        confirmed: true,
    };
    let topic = Topic {
        name: "billing".into(),
        attributes: BTreeMap::new(),
        tags: Tags::new(),
        subscriptions: vec![subscription],
    };
    state.topics.insert(arn.clone(), topic);
    let settings: BTreeMap<String, Value> = [
        ("Namespace", json!("AWS/Billing")),
        ("MetricName", json!("EstimatedCharges")),
        ("Dimensions", json!([{"Name": "Currency", "Value": "USD"}])),
        ("Statistic", json!("Maximum")),
        ("Period", json!(21_600)),
        ("EvaluationPeriods", json!(1)),
        ("Threshold", json!(500.0)),
        ("ComparisonOperator", json!("GreaterThanThreshold")),
        ("ActionsEnabled", json!(true)),
        ("AlarmActions", json!([arn])),
        ("OKActions", json!([])),
        ("InsufficientDataActions", json!([])),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let alarm = Alarm { settings, updated: dice.ago(generator.epoch, 50, 300), tags: Tags::new() };
    state.alarms.insert((region, "estimated-charges".to_owned()), alarm);
}
