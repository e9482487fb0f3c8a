//! Subjects that are more than calls by name: denials, sign-ins, the root user, an administrator's policy, web identities.
//!
//! Owns: their events, and everyday events that a careless pattern takes for them. Must not: know any check.

use super::super::subject::Part;
use super::super::told::Scene;
use super::events::{Actor, Place, call, calls, place, sign_in};
use serde_json::{Value, json};

/// Parts, and everyday events beyond those of every subject.
pub(in super::super) type Made = (Vec<Part>, Vec<Value>);

const SIGN_IN: &str = "signin.amazonaws.com";
const IAM: &str = "iam.amazonaws.com";
const STS: &str = "sts.amazonaws.com";

/// The first places of a scene: each account, and for sources with Regions each Region.
fn places<'p>(scene: &Scene<'p>, source: &str) -> [Place<'p>; 4] {
    [0, 1, 2, 3].map(|index| place(scene, index, source))
}

fn part(name: &str, events: Vec<Value>) -> Part {
    Part { name: name.to_owned(), events }
}

/// Calls that were denied. What CloudTrail's own delivery and S3's clients try all day (`HeadBucket`) may be spared.
pub(super) fn unauthorized(scene: &Scene<'_>) -> Made {
    let denied = |actor, index, source: &str, name, code: &str| {
        let more = json!({"errorCode": code, "errorMessage": "not authorized to perform this operation"});
        call(actor, place(scene, index, source), source, name, more)
    };
    let ec2 = "Client.UnauthorizedOperation";
    let operations = vec![
        denied(Actor::User, 0, "ec2.amazonaws.com", "RunInstances", ec2),
        denied(Actor::Session, 1, "ec2.amazonaws.com", "DescribeInstances", ec2),
        denied(Actor::ByService, 2, "ec2.amazonaws.com", "CreateVpc", ec2),
    ];
    let denials = vec![
        denied(Actor::User, 0, IAM, "ListUsers", "AccessDenied"),
        denied(Actor::Session, 1, STS, "AssumeRole", "AccessDenied"),
        denied(Actor::User, 2, "s3.amazonaws.com", "GetBucketPolicy", "AccessDenied"),
        denied(Actor::Root, 3, "organizations.amazonaws.com", "LeaveOrganization", "AccessDenied"),
    ];
    let exceptions = vec![
        denied(Actor::User, 0, "lambda.amazonaws.com", "ListFunctions", "AccessDeniedException"),
        denied(Actor::Session, 3, "secretsmanager.amazonaws.com", "GetSecretValue", "AccessDeniedException"),
    ];
    let parts = vec![
        part("Client.UnauthorizedOperation", operations),
        part("AccessDenied", denials),
        part("AccessDeniedException", exceptions),
    ];
    let others = vec![
        denied(Actor::User, 0, IAM, "GetUser", "NoSuchEntityException"),
        denied(Actor::Session, 1, "ec2.amazonaws.com", "RunInstances", "Client.DryRunOperation"),
        denied(Actor::Session, 0, "dynamodb.amazonaws.com", "DescribeTable", "ThrottlingException"),
    ];
    (parts, others)
}

/// A user's password alone opened the console. Sessions of single sign-on and the root user may be spared.
pub(super) fn console_no_mfa(scene: &Scene<'_>) -> Made {
    let [first, second, third, fourth] = places(scene, SIGN_IN);
    let abroad = Place { region: "eu-central-1", ..fourth };
    let signed_in = [first, second, third, abroad].map(|place| sign_in(Actor::User, place, "No", true)).into();
    (vec![part("ConsoleLogin", signed_in)], Vec::new())
}

/// A password did not fit, of a user or of the root user.
pub(super) fn console_failures(scene: &Scene<'_>) -> Made {
    let [first, second, third, fourth] = places(scene, SIGN_IN);
    let failed = vec![
        sign_in(Actor::User, first, "No", false),
        sign_in(Actor::User, Place { region: "eu-central-1", ..third }, "Yes", false),
        sign_in(Actor::Root, second, "No", false),
        sign_in(Actor::Root, fourth, "Yes", false),
    ];
    (vec![part("ConsoleLogin", failed)], vec![sign_in(Actor::Root, first, "Yes", true)])
}

/// Uses of the root user by a person. What AWS does in the root user's name may be spared.
pub(in super::super) fn root_usage(scene: &Scene<'_>) -> Made {
    let everywhere = |make: &dyn Fn(Place<'_>, Place<'_>) -> Vec<Value>| -> Vec<Value> {
        let [first, second, third, fourth] = places(scene, STS);
        [(first, third), (second, fourth)].into_iter().flat_map(|(here, there)| make(here, there)).collect()
    };
    let sign_ins = everywhere(&|here, there| {
        vec![
            sign_in(Actor::Root, here, "Yes", true),
            sign_in(Actor::Root, there, "No", true),
            sign_in(Actor::Root, there, "No", false),
        ]
    });
    let denied = json!({"errorCode": "AccessDenied"});
    let calls = everywhere(&|here, there| {
        vec![
            call(Actor::Root, here, IAM, "CreateAccessKey", Value::Null),
            call(Actor::Root, there, "ec2.amazonaws.com", "DescribeInstances", json!({"readOnly": true})),
            call(Actor::Root, here, "s3.amazonaws.com", "PutBucketPolicy", denied.clone()),
        ]
    });
    let here = place(scene, 0, IAM);
    let others = vec![
        call(Actor::User, here, IAM, "CreateAccessKey", Value::Null),
        call(Actor::Session, here, IAM, "CreateAccessKey", Value::Null),
        call(Actor::Service, here, IAM, "CreateAccessKey", Value::Null),
        call(
            Actor::Service,
            here,
            IAM,
            "CreateAccessKey",
            json!({"userIdentity": {"accountId": here.account, "invokedBy": "AWS Internal"}, "eventType": "AwsServiceEvent"}),
        ),
    ];
    (vec![part("ConsoleLogin", sign_ins), part("API calls", calls)], others)
}

/// `AdministratorAccess` was attached to a user, a group or a role.
pub(super) fn admin_attached(scene: &Scene<'_>) -> Made {
    let policy = format!("arn:{}:iam::aws:policy/AdministratorAccess", scene.partition);
    let names = ["AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy"];
    (calls(scene, IAM, &names, &json!({"requestParameters": {"policyArn": policy}})), Vec::new())
}

/// A session from an identity provider that nobody knows. Those of known ones may be spared.
pub(super) fn web_identity(scene: &Scene<'_>) -> Made {
    let session = |at: Place<'_>| {
        let provider = format!("arn:{}:iam::{}:oidc-provider/idp.example.net", at.partition, at.account);
        let more = json!({"responseElements": {"provider": provider}, "readOnly": true});
        call(Actor::Web, at, STS, "AssumeRoleWithWebIdentity", more)
    };
    (vec![part("AssumeRoleWithWebIdentity", places(scene, STS).map(session).into())], Vec::new())
}
