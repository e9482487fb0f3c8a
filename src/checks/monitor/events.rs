//! CloudTrail records as they stand in a log group, made for asking patterns.
//!
//! Owns: who acts, where and on what, varied in everything that a pattern may look at by mistake. Must not: know any check.
//! Source: CloudTrail user guide, "CloudTrail record contents" and "CloudTrail userIdentity element"; "AWS Management Console
//! sign-in events".

use super::super::subject::{Part, Subject};
use super::super::told::Scene;
use serde_json::{Map, Value, json};

/// Who acts.
#[derive(Clone, Copy)]
pub(in super::super) enum Actor {
    /// An IAM user with an access key.
    User,
    /// A role session.
    Session,
    /// A role session that CloudFormation acts for.
    ByService,
    /// The root user.
    Root,
    /// An AWS service itself.
    Service,
    /// Someone with a token of an identity provider that nobody knows.
    Web,
}

/// Everyone whose call is a change, whoever made it.
const EVERYONE: [Actor; 4] = [Actor::User, Actor::Session, Actor::ByService, Actor::Root];

/// Regions that are far from each other.
const REGIONS: [&str; 2] = ["eu-central-1", "ap-southeast-2"];

/// Where services without Regions record their events.
const GLOBAL: &str = "us-east-1";

const GLOBAL_SOURCES: [&str; 3] = ["iam.amazonaws.com", "organizations.amazonaws.com", "signin.amazonaws.com"];

/// A place in which something happens.
#[derive(Clone, Copy)]
pub(in super::super) struct Place<'p> {
    /// The partition.
    pub partition: &'p str,
    /// The account.
    pub account: &'p str,
    /// The Region.
    pub region: &'p str,
}

/// The `index`th place of a scene: another account and another Region each time.
pub(in super::super) fn place<'p>(scene: &Scene<'p>, index: usize, source: &str) -> Place<'p> {
    let of = |list: &[&'p str], index: usize| list.get(index % list.len().max(1)).copied().unwrap_or_default();
    let region = if GLOBAL_SOURCES.contains(&source) { GLOBAL } else { of(&REGIONS, index) };
    // Accounts change half as fast as Regions, so that each account meets both.
    Place { partition: scene.partition, account: of(scene.accounts, index / 2), region }
}

fn identity(actor: Actor, place: Place<'_>) -> Value {
    let Place { partition, account, .. } = place;
    let session = |service: bool| {
        let mut identity = json!({
            "type": "AssumedRole", "principalId": "AROAEXAMPLE:ann", "accountId": account, "accessKeyId": "ASIAEXAMPLE",
            "arn": format!("arn:{partition}:sts::{account}:assumed-role/ops/ann"),
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE", "userName": "ops", "accountId": account,
                                  "arn": format!("arn:{partition}:iam::{account}:role/ops")},
                "attributes": {"mfaAuthenticated": "false"}
            }
        });
        if let Some(fields) = identity.as_object_mut().filter(|_| service) {
            fields.insert("invokedBy".to_owned(), json!("cloudformation.amazonaws.com"));
        }
        identity
    };
    match actor {
        Actor::User => json!({
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": account, "accessKeyId": "AKIAEXAMPLE",
            "userName": "ann", "arn": format!("arn:{partition}:iam::{account}:user/ann")
        }),
        Actor::Session => session(false),
        Actor::ByService => session(true),
        Actor::Root => json!({
            "type": "Root", "principalId": account, "accountId": account,
            "arn": format!("arn:{partition}:iam::{account}:root")
        }),
        Actor::Service => json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}),
        Actor::Web => json!({
            "type": "WebIdentityUser", "userName": "project/stranger",
            "principalId": format!("arn:{partition}:iam::{account}:oidc-provider/idp.example.net:sts:project/stranger"),
            "identityProvider": format!("arn:{partition}:iam::{account}:oidc-provider/idp.example.net")
        }),
    }
}

/// A successful call. `more` goes over it: fields given there replace or add.
pub(in super::super) fn call(actor: Actor, place: Place<'_>, source: &str, name: &str, more: Value) -> Value {
    let by_service = matches!(actor, Actor::ByService);
    let service = "cloudformation.amazonaws.com";
    let (address, agent) = match actor {
        Actor::User => ("198.51.100.7", "aws-cli/2.17.0"),
        Actor::Service => ("cloudtrail.amazonaws.com", "cloudtrail.amazonaws.com"),
        _ if by_service => (service, service),
        _ => ("203.0.113.90", "Mozilla/5.0"),
    };
    let mut record: Map<String, Value> = [
        ("eventVersion", json!("1.11")),
        ("userIdentity", identity(actor, place)),
        ("eventTime", json!("2026-01-01T00:00:00Z")),
        ("eventSource", json!(source)),
        ("eventName", json!(name)),
        ("awsRegion", json!(place.region)),
        ("sourceIPAddress", json!(address)),
        ("userAgent", json!(agent)),
        ("eventID", json!("11111111-2222-3333-4444-555555555555")),
        ("readOnly", json!(false)),
        ("eventType", json!("AwsApiCall")),
        ("managementEvent", json!(true)),
        ("eventCategory", json!("Management")),
        ("recipientAccountId", json!(place.account)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    if let Value::Object(more) = more {
        record.extend(more);
    }
    Value::Object(record)
}

/// A sign-in to the console.
pub(in super::super) fn sign_in(actor: Actor, place: Place<'_>, mfa: &str, success: bool) -> Value {
    let mut more = json!({
        "eventType": "AwsConsoleSignIn",
        "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": mfa},
        "responseElements": {"ConsoleLogin": if success { "Success" } else { "Failure" }}
    });
    if let Some(fields) = more.as_object_mut().filter(|_| !success) {
        fields.insert("errorMessage".to_owned(), json!("Failed authentication"));
    }
    call(actor, place, "signin.amazonaws.com", "ConsoleLogin", more)
}

/// A part for each name: a successful call of `source` by everyone, in all accounts and Regions. `more` as in [`call`].
pub(in super::super) fn calls(scene: &Scene<'_>, source: &str, names: &[&str], more: &Value) -> Vec<Part> {
    let part = |name: &&str| Part {
        name: (*name).to_owned(),
        events: EVERYONE
            .into_iter()
            .enumerate()
            .map(|(index, actor)| call(actor, place(scene, index, source), source, name, more.clone()))
            .collect(),
    };
    names.iter().map(part).collect()
}

/// What happens all day in every account: reads of every service that is watched, and work of machines.
pub(in super::super) fn every_day(scene: &Scene<'_>) -> Vec<Value> {
    let read = json!({"readOnly": true});
    let reads = [
        (Actor::Session, "ec2.amazonaws.com", "DescribeInstances"),
        (Actor::User, "ec2.amazonaws.com", "DescribeSecurityGroups"),
        (Actor::User, "ec2.amazonaws.com", "DescribeNetworkAcls"),
        (Actor::User, "ec2.amazonaws.com", "DescribeInternetGateways"),
        (Actor::User, "ec2.amazonaws.com", "DescribeRouteTables"),
        (Actor::User, "ec2.amazonaws.com", "DescribeVpcs"),
        (Actor::User, "iam.amazonaws.com", "ListUsers"),
        (Actor::Session, "iam.amazonaws.com", "GetRole"),
        (Actor::Service, "s3.amazonaws.com", "GetBucketAcl"),
        (Actor::User, "s3.amazonaws.com", "GetBucketPolicy"),
        (Actor::Session, "cloudtrail.amazonaws.com", "DescribeTrails"),
        (Actor::Session, "config.amazonaws.com", "DescribeConfigurationRecorders"),
        (Actor::Session, "organizations.amazonaws.com", "ListAccounts"),
        (Actor::Session, "kms.amazonaws.com", "Decrypt"),
        (Actor::ByService, "kms.amazonaws.com", "GenerateDataKey"),
        (Actor::Service, "sts.amazonaws.com", "AssumeRole"),
        (Actor::User, "sts.amazonaws.com", "GetCallerIdentity"),
    ];
    let read = |(index, (actor, source, name)): (usize, (Actor, &str, &str))| {
        call(actor, place(scene, index, source), source, name, read.clone())
    };
    let mut noise: Vec<Value> = reads.into_iter().enumerate().map(read).collect();
    let signin = "signin.amazonaws.com";
    noise.push(sign_in(Actor::User, place(scene, 0, signin), "Yes", true));
    let work = ("logs.amazonaws.com", "CreateLogStream");
    noise.push(call(Actor::Session, place(scene, 0, work.0), work.0, work.1, Value::Null));
    let work = ("ec2.amazonaws.com", "RunInstances");
    noise.push(call(Actor::ByService, place(scene, 1, work.0), work.0, work.1, Value::Null));
    noise
}

/// A subject of these parts, which everyday events must not be mistaken for, nor those given beyond them.
pub(in super::super) fn subject(
    scene: &Scene<'_>,
    about: &'static str,
    (parts, more): (Vec<Part>, Vec<Value>),
) -> Subject {
    let mut noise = every_day(scene);
    noise.extend(more);
    Subject::new(about, parts, noise)
}
