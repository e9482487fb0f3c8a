//! How wide the account's own policies reach: whole services, and changes on every resource.
//!
//! Owns: two checks of one account over customer-managed policies that are attached and inline policies, and
//! `config/resourceless-actions.yaml`. Must not: judge AWS-managed policies.

use super::super::admin_policy::{inline_policies, is_every_resource, some};
use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::principals::AUTHORIZATION;
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use crate::model::Cause;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::policy::{Effect, Statement};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

pub(super) const ACTION: CheckMeta = CheckMeta {
    id: "policy-wildcard-action",
    title: "No policy of the account's own allows every action of a service",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A whole service (s3:*) takes in what nobody thought of, and what AWS adds next year; so does everything but a \
                list (NotAction). Judged are customer-managed policies that are attached and every inline policy; part of a \
                service (s3:Get*) is let be.",
    remediation: Remediation {
        console: "IAM, the policy, Edit: list the actions that are needed; Access Analyzer's policy generation and Last Accessed \
                  show which were used.",
        cli: "# which actions were used: a job, and what it found\n\
              aws iam generate-service-last-accessed-details --arn <principal ARN> --granularity ACTION_LEVEL\n\
              aws iam get-service-last-accessed-details --job-id <job id>\n\
              # then a version that allows no more\n\
              aws iam create-policy-version --policy-arn <policy ARN> --policy-document file://narrow.json \
              --set-as-default",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Security best practices in IAM: apply least-privilege permissions")],
    facts: &[Fact::Authorization],
};

pub(super) fn action(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let failing = failing(facts, |statement| {
        let conditions = if statement.conditions().is_empty() { "" } else { ", under a condition" };
        if !statement.not_actions().is_empty() {
            return Some(format!("allows every action but {}{conditions}", some(statement.not_actions())));
        }
        let whole: Vec<String> =
            statement.actions().iter().filter(|action| is_whole_service(action)).cloned().collect();
        (!whole.is_empty()).then(|| format!("allows {}{conditions}", some(&whole)))
    })?;
    let summary = |count| match count {
        1 => "1 policy allows every action of a service".to_owned(),
        _ => format!("{count} policies allow every action of a service"),
    };
    Ok(Outcome::of(failing, summary, "no attached policy of the account's own allows every action of a service"))
}

pub(super) const RESOURCE: CheckMeta = CheckMeta {
    id: "policy-wildcard-resource",
    title: "No policy of the account's own allows changes, or reading secrets, on every resource",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A policy that names no resource reaches those of every other team, and those of tomorrow. Actions that take no \
                resource in IAM need * and are let be, and so is what only reads; a condition on tags of resources, or on a key \
                that names them, counts as naming one. Every role (arn:aws:iam::*:role/*) is every resource too. Judged are customer-managed policies that are attached and every inline policy.",
    remediation: Remediation {
        console: "IAM, the policy, Edit: give ARNs, or a condition on aws:ResourceTag, to the actions named.",
        cli: "# ARNs, or a condition on aws:ResourceTag, in place of *\n\
              aws iam create-policy-version --policy-arn <policy ARN> --policy-document file://narrow.json \
              --set-as-default",
        playbook: None,
    },
    references: &[aws("Service Authorization Reference", "Actions, resources, and condition keys for AWS services")],
    facts: &[Fact::Authorization],
};

pub(super) fn resource(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let failing = failing(facts, |statement| {
        if names_a_resource(statement) {
            return None;
        }
        let everywhere = statement.resources().iter().any(|resource| is_every_resource(resource));
        let allowed = |resources: &str, reaches: &dyn Fn(&str) -> bool| {
            if !statement.not_actions().is_empty() {
                return Some(format!("allows every action but {} on {resources}", some(statement.not_actions())));
            }
            let wide = statement.actions().iter().filter(|action| needs_resource(action) && reaches(action));
            let wide: Vec<String> = wide.cloned().collect();
            (!wide.is_empty()).then(|| format!("allows {} on {resources}", some(&wide)))
        };
        match statement.not_resources() {
            [] if everywhere => allowed("every resource", &|_| true),
            [] => {
                let mut kinds = statement.resources().iter().filter(|resource| is_every_of_its_kind(resource));
                kinds.find_map(|kind| allowed(&format!("every `{kind}`"), &|action| is_of_service(action, kind)))
            }
            but => allowed(&format!("every resource but {}", some(but)), &|_| true),
        }
    })?;
    let summary = |count| match count {
        1 => "1 policy allows changes on every resource".to_owned(),
        _ => format!("{count} policies allow changes on every resource"),
    };
    Ok(Outcome::of(failing, summary, "no attached policy of the account's own allows changes on every resource"))
}

/// The account's own policies of which a statement that allows is wrong, with the first that is.
fn failing<'a>(
    facts: &mut Facts<'a>,
    wrong: impl Fn(&Statement) -> Option<String>,
) -> Result<Vec<FailingResource>, Cause> {
    let authorization = facts.authorization()?;
    let mut failing = Vec::new();
    let shared = facts.shared();
    let mut judge = |facts: &mut Facts<'_>, resource: String, text: &'a str| match shared.documents.read(text) {
        Ok(document) => {
            let allows = document.statements().iter().zip(1_usize..).filter(|(s, _)| s.effect() == Effect::Allow);
            let found = allows.into_iter().find_map(|(statement, number)| {
                let name =
                    statement.sid().map_or_else(|| format!("statement {number}"), |sid| format!("statement `{sid}`"));
                wrong(statement).map(|why| format!("{name} {why}"))
            });
            failing.extend(found.map(|message| FailingResource { resource, message }));
        }
        Err(why) => {
            facts.doubt(AUTHORIZATION, format!("policy `{resource}` can't be read: {why}"));
        }
    };
    for (owner, policy) in inline_policies(authorization) {
        judge(facts, format!("{owner} (inline policy `{}`)", policy.name), &policy.document);
    }
    for policy in authorization.policies.iter().filter(|policy| !policy.aws_managed() && policy.attachment_count > 0) {
        match &policy.document {
            Some(document) => judge(facts, policy.arn.clone(), document),
            None => {
                facts.doubt(AUTHORIZATION, format!("the answer has no document for `{}`", policy.arn));
            }
        }
    }
    Ok(failing)
}

/// `s3:*`, `*`, `s3:**` and the like.
fn is_whole_service(pattern: &str) -> bool {
    let name = pattern.split_once(':').map_or(pattern, |(_, name)| name);
    name.contains('*') && name.chars().all(|c| c == '*' || c == '?')
}

/// Operators that hold only for the values listed. Negated ones, `Null`, `IfExists` and `ForAllValues` let in what has no value.
const CERTAIN: [&str; 6] = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "Bool"];

/// Keys, in lower case, of which a value is the resource itself or what it is part of; tags of resources are known by their form.
const NAMING: [&str; 14] = [
    "ec2:instanceid",
    "ec2:subnet",
    "ec2:vpc",
    "ec2:vpcid",
    "ecs:cluster",
    "ecs:service",
    "elasticfilesystem:accesspointarn",
    "iam:awsservicename",
    "kms:requestalias",
    "kms:resourcealiases",
    "lambda:functionarn",
    "route53:changeresourcerecordsetsnormalizedrecordnames",
    "s3:dataaccesspointarn",
    "secretsmanager:secretid",
];

/// Whether a condition says which resources, by their tags or their names. Where a role may be passed to, or how an object must
/// be encrypted, does not.
fn names_a_resource(statement: &Statement) -> bool {
    statement.conditions().iter().any(|condition| {
        let key = condition.key.to_ascii_lowercase();
        let (service, name) = key.split_once(':').unwrap_or_default();
        let by_tag = name.starts_with("resourcetag/")
            || key.starts_with("s3:existingobjecttag/")
            || service == "rds" && name.contains("-tag/") && !name.starts_with("req-tag/");
        let operator = match condition.operator.split_once(':') {
            Some((set, operator)) if set.eq_ignore_ascii_case("ForAnyValue") => operator,
            _ => &condition.operator,
        };
        let says_something = |value: &String| value.chars().any(|c| !matches!(c, '*' | '?' | ':'));
        (by_tag || NAMING.contains(&key.as_str()))
            && CERTAIN.iter().any(|certain| certain.eq_ignore_ascii_case(operator))
            && condition.values.iter().all(says_something)
    })
}

/// Services whose ARNs begin the resource with its name, not its type.
const UNTYPED: [&str; 5] = ["codecommit", "codepipeline", "execute-api", "s3", "sns"];

/// Whether a pattern takes in every resource of its kind: `arn:aws:iam::*:role/*`. A Region names something, the account does not:
/// it is where the policy is.
fn is_every_of_its_kind(pattern: &str) -> bool {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let [_, _, service, region, account, resource] = parts.as_slice() else { return false };
    let open = |part: &str| part.chars().all(|c| matches!(c, '*' | '?' | '/' | ':'));
    let account_open = open(account) || account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
    let of_a_type = resource.split_once(['/', ':']).is_some_and(|(_, name)| name.contains('*') && open(name));
    let resource_open = resource.contains('*') && open(resource)
        || of_a_type && !UNTYPED.contains(&service.to_ascii_lowercase().as_str());
    open(region) && account_open && resource_open
}

/// Whether an action is one of the service that an ARN names.
fn is_of_service(action: &str, pattern: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    service.contains(['*', '?'])
        || pattern
            .split(':')
            .nth(2)
            .is_some_and(|named| named.contains(['*', '?']) || named.eq_ignore_ascii_case(service))
}

/// The embedded file.
const EMBEDDED: &str = include_str!("../../../config/resourceless-actions.yaml");

/// Actions for which `*` says nothing. All in lower case once read.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actions {
    version: u32,
    reads: Vec<String>,
    secrets: BTreeSet<String>,
    actions: BTreeMap<String, BTreeSet<String>>,
}

impl Actions {
    /// The embedded file. A test reads it, so that it can always be read here; were it not, everything would need a resource.
    fn embedded() -> &'static Self {
        static FILE: LazyLock<Actions> =
            LazyLock::new(|| serde_saphyr::from_str::<Actions>(EMBEDDED).unwrap_or_default().lower());
        &FILE
    }

    fn lower(self) -> Self {
        let lower = |names: BTreeSet<String>| names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self {
            version: self.version,
            reads: self.reads.into_iter().map(|verb| verb.to_ascii_lowercase()).collect(),
            secrets: lower(self.secrets),
            actions: self.actions.into_iter().map(|(service, names)| (service, lower(names))).collect(),
        }
    }
}

/// Whether an action, or one that a pattern may take in, changes something that a policy could name, or reads a secret.
fn needs_resource(pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let Some((service, name)) = pattern.split_once(':') else { return true };
    let data = Actions::embedded();
    let (start, wild) = match name.find(['*', '?']) {
        Some(at) => (name.get(..at).unwrap_or_default(), true),
        None => (name, false),
    };
    let secret = |full: &String| {
        let same_start = full.strip_prefix(service).is_some_and(|rest| rest.starts_with(&format!(":{start}")));
        if wild { same_start } else { *full == pattern }
    };
    let wild_service = service.contains(['*', '?']);
    let reads = data.reads.iter().any(|verb| start.starts_with(verb.as_str()));
    let let_be = !wild && data.actions.get(service).is_some_and(|names| names.contains(name));
    wild_service && !reads || data.secrets.iter().any(secret) || !(reads || let_be)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{self, role};
    use super::super::super::tests::judge;
    use super::*;
    use crate::model::{Finding, Verdict};

    fn found(check: &str, statement: &str) -> Finding {
        let facts = fixtures::with_authorization(|authorization| {
            authorization.roles =
                vec![role("app", &format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#))];
        });
        judge(&fixtures::org(), &facts, check)
    }

    #[test]
    fn the_embedded_file_is_whole() {
        let file: Actions = serde_saphyr::from_str(EMBEDDED).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.version, 1);
        assert!(file.actions.len() > 300 && file.reads.len() > 10);
        let word = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric());
        for (service, names) in &file.actions {
            assert!(service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{service}");
            assert!(!names.is_empty() && names.iter().all(|name| word(name)), "{service}");
        }
        assert!(file.secrets.iter().all(|full| full.split_once(':').is_some_and(|(_, name)| word(name))));
    }

    #[test]
    fn whole_services_and_all_but_a_list_are_found() {
        for (statement, message) in [
            (r#"{"Effect":"Allow","Action":["s3:GetObject","s3:*"],"Resource":"*"}"#, "statement 1 allows `s3:*`"),
            (r#"{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}"#, "statement `All` allows `*`"),
            (
                r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#,
                "statement 1 allows every action but `iam:*`, under a condition",
            ),
        ] {
            let finding = found("policy-wildcard-action", statement);
            assert_eq!(finding.verdict, Verdict::Fail, "{statement}");
            assert_eq!(finding.resources[0].message, message);
        }
        for statement in [
            r#"{"Effect":"Allow","Action":["s3:Get*","ec2:Describe*"],"Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
        ] {
            assert_eq!(found("policy-wildcard-action", statement).verdict, Verdict::Pass, "{statement}");
        }
    }

    #[test]
    fn changes_and_secrets_on_every_resource_are_found() {
        for statement in [
            r#"{"Effect":"Allow","Action":["ec2:DescribeInstances","s3:PutObject"],"Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:Put*","Resource":["arn:aws:s3:::a","*"]}"#,
            r#"{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"secretsmanager:Get*","Resource":"arn:*"}"#,
            r#"{"Effect":"Allow","Action":"kms:Decrypt","NotResource":"arn:aws:kms:*:*:key/a"}"#,
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}}}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:*:*:*:*"}"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/*"}"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::222222222222:role/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:DeleteBucket","Resource":["arn:aws:s3:::a","arn:aws:s3:::*"]}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceTag/team":"a"}}}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"Null":{"aws:ResourceTag/team":"false"}}}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:ResourceTag/team":"a"}}}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringLike":{"ec2:ResourceTag/team":["a","*"]}}}"#,
            r#"{"Effect":"Allow","Action":"rds:DeleteDBInstance","Resource":"*","Condition":{"StringEquals":{"rds:req-tag/team":"a"}}}"#,
        ] {
            assert_eq!(found("policy-wildcard-resource", statement).verdict, Verdict::Fail, "{statement}");
        }
        for statement in [
            r#"{"Effect":"Allow","Action":["ec2:Describe*","s3:GetObject","s3:List*"],"Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":["iam:GenerateCredentialReport","kms:CreateKey","sts:GetCallerIdentity"],"Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}"#,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}"#,
            r#"{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringLike":{"ec2:ResourceTag/team":"a-*"}}}"#,
            r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/a"}}}"#,
            r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/team/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":["arn:aws:iam::*:role/*","arn:aws:s3:::a/*"]}"#,
            r#"{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:222222222222:*"}"#,
        ] {
            assert_eq!(found("policy-wildcard-resource", statement).verdict, Verdict::Pass, "{statement}");
        }
        let finding = found(
            "policy-wildcard-resource",
            r#"{"Effect":"Allow","Action":["s3:PutObject","s3:DeleteObject","sqs:SendMessage","sns:Publish"],"Resource":"*"}"#,
        );
        assert_eq!(
            finding.resources[0].message,
            "statement 1 allows `s3:PutObject`, `s3:DeleteObject`, `sqs:SendMessage` and 1 more on every resource"
        );
    }

    #[test]
    fn a_policy_that_can_not_be_read_is_unknown() {
        for check in ["policy-wildcard-action", "policy-wildcard-resource"] {
            assert_eq!(found(check, r#"{"Effect":"Maybe"}"#).verdict, Verdict::Unknown);
        }
    }
}
