//! Policies that allow everything.
//!
//! Owns: one check of one account, over customer-managed policies that are attached and inline policies. Must not: judge
//! AWS-managed policies (AdministratorAccess is known for what it is), or weigh boundaries and SCPs against them.

use super::documents::Documents;
use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::few_quoted;
use crate::model::finding::FailingResource;
use crate::model::iam::{Authorization, InlinePolicy};
use crate::policy::{Context, Decision, Document, Effect, Principal, Request, Statement, evaluate};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: ADMIN_STAR, judge: Judge::Whole(admin_star) }];

pub(super) const ADMIN_STAR: CheckMeta = CheckMeta {
    id: "policy-admin-star",
    title: "No policy of the account's own allows every action on every resource",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "Action * on Resource * is administrator access, often by accident and under a name that hides it. The same \
                holds for NotAction that leaves out something small: whoever may still write IAM policies can give \
                themselves the rest. Judged are customer-managed policies that are attached and every inline policy.",
    remediation: Remediation {
        console: "IAM, Policies (or the user, group or role for an inline policy), the policy, Edit: list the actions that \
                  are needed; Last Accessed shows which were used.",
        cli: "# which services were used: a job, and what it found\n\
              aws iam generate-service-last-accessed-details --arn <principal ARN>\n\
              aws iam get-service-last-accessed-details --job-id <job id>\n\
              # then a version that allows no more\n\
              aws iam create-policy-version --policy-arn <policy ARN> --policy-document file://narrow.json \
              --set-as-default\n\
              # or, for an inline policy of a role\n\
              aws iam put-role-policy --role-name <role> --policy-name <policy name> --policy-document \
              file://narrow.json",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Security best practices in IAM: apply least-privilege permissions")],
    facts: &[Fact::Authorization],
};

const OPERATION: &str = "iam:GetAccountAuthorizationDetails";

/// Each of these lets its holder take every other permission.
const ESCALATIONS: [&str; 9] = [
    "iam:AttachUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:PutUserPolicy",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
];

fn admin_star(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let (mut failing, shared) = (Vec::new(), facts.shared());
    for (owner, policy) in inline_policies(authorization) {
        let name = format!("inline policy `{}`", policy.name);
        match allows_everything(&shared.documents, &policy.document) {
            Ok(None) => {}
            Ok(Some(why)) => {
                // An inline policy has no ARN, and its owner may have several.
                failing.push(FailingResource { resource: format!("{owner} ({name})"), message: why });
            }
            Err(why) => {
                facts.doubt(OPERATION, format!("{name} of `{owner}` can't be read: {why}"));
            }
        }
    }
    for policy in authorization.policies.iter().filter(|policy| !policy.aws_managed() && policy.attachment_count > 0) {
        let Some(document) = &policy.document else {
            facts.doubt(OPERATION, format!("the answer has no document for `{}`", policy.arn));
            continue;
        };
        match allows_everything(&shared.documents, document) {
            Ok(None) => {}
            Ok(Some(message)) => failing.push(FailingResource { resource: policy.arn.clone(), message }),
            Err(why) => {
                facts.doubt(OPERATION, format!("policy `{}` can't be read: {why}", policy.arn));
            }
        }
    }
    let summary = |count| match count {
        1 => "1 policy allows every action on every resource".to_owned(),
        _ => format!("{count} policies allow every action on every resource"),
    };
    Ok(Outcome::of(failing, summary, "no attached policy of the account's own allows every action on every resource"))
}

/// Inline policies with their owner's ARN.
pub(super) fn inline_policies(authorization: &Authorization) -> impl Iterator<Item = (&str, &InlinePolicy)> {
    let users = authorization.users.iter().map(|user| (user.arn.as_str(), &user.inline));
    let groups = authorization.groups.iter().map(|group| (group.arn.as_str(), &group.inline));
    let roles = authorization.roles.iter().map(|role| (role.arn.as_str(), &role.inline));
    users.chain(groups).chain(roles).flat_map(|(owner, inline)| inline.iter().map(move |policy| (owner, policy)))
}

/// Why a document allows everything; `None` if it does not; an error if it can't be read.
pub(super) fn allows_everything<'a>(documents: &Documents<'a>, text: &'a str) -> Result<Option<String>, String> {
    documents.read(text).map(|document| everything_in(&document))
}

/// Why a document allows everything; `None` if it does not.
pub(super) fn everything_in(document: &Document) -> Option<String> {
    let numbered = document.statements().iter().zip(1_usize..);
    numbered.filter_map(|(statement, number)| all(document, statement, number)).next()
}

/// Why a statement allows everything; `None` if it does not.
fn all(document: &Document, statement: &Statement, number: usize) -> Option<String> {
    if statement.effect() != Effect::Allow {
        return None;
    }
    let everywhere = statement.resources().iter().any(|resource| is_every_resource(resource));
    let resources = match statement.not_resources() {
        [] if everywhere => "every resource".to_owned(),
        [] => return None,
        but => format!("every resource but {}", some(but)),
    };
    let actions = if statement.actions().iter().any(|action| is_every_action(action)) {
        "every action".to_owned()
    } else if statement.not_actions().is_empty() {
        return None;
    } else {
        let escalation = ESCALATIONS.into_iter().find(|action| may_allow(document, action))?;
        format!("every action but {} (and so {escalation}, which gives the rest)", some(statement.not_actions()))
    };
    let conditions = if statement.conditions().is_empty() { "" } else { ", under a condition" };
    let name = statement.sid().map_or_else(|| format!("statement {number}"), |sid| format!("statement `{sid}`"));
    Some(format!("{name} allows {actions} on {resources}{conditions}"))
}

/// `*`, `*:*` and the like.
fn is_every_action(pattern: &str) -> bool {
    pattern.contains('*') && pattern.chars().all(|c| c == '*' || c == ':') && pattern.matches(':').count() <= 1
}

/// `*`, `arn:aws:*` and the like: every ARN there is, or every one of a partition. Compared part by part; parts that a short
/// pattern lacks leave all open.
pub(super) fn is_every_resource(pattern: &str) -> bool {
    let open = |part: &str| part.contains('*') && part.chars().all(|c| matches!(c, '*' | '?' | ':'));
    let is_open = |(at, part): (usize, &str)| match at {
        0 => open(part) || part == "arn" || part.strip_suffix('*').is_some_and(|start| "arn".starts_with(start)),
        1 => open(part) || part.starts_with("aws"),
        _ => open(part),
    };
    pattern.contains('*') && pattern.splitn(6, ':').enumerate().all(is_open)
}

/// Whether the document as a whole may allow an action somewhere: only a certain Deny, or nothing, says it does not.
fn may_allow(document: &Document, action: &str) -> bool {
    let request = Request {
        principal: Principal::default(),
        action: action.to_owned(),
        resource: "*".to_owned(),
        context: Context::partial(),
    };
    matches!(evaluate(&[document], &request), Decision::Allow | Decision::CannotTell { .. })
}

/// The first few of a list.
pub(super) fn some(list: &[String]) -> String {
    few_quoted(list, 3)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::tests::judge as judge_facts;
    use super::*;
    use crate::model::iam::ManagedPolicy;
    use crate::model::{Finding, Verdict};

    fn judge(statement: &str) -> Option<String> {
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#);
        allows_everything(&Documents::default(), &text).unwrap()
    }

    #[test]
    fn every_spelling_of_everything_is_found() {
        for statement in [
            r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["s3:Get*", "*"], "Resource": ["arn:aws:s3:::a", "*"]}"#,
            r#"[{"Effect": "Allow", "Action": "*:*", "Resource": "*"}]"#,
            r#"[{"Effect": "Allow", "Action": "**", "Resource": "**"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "Resource": "arn:*"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:*:*:*:*"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "Resource": "arn:aws-cn:*"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "Resource": "arn:aws*"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "Resource": "ar*"}]"#,
            r#"[{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::a"}]"#,
            r#"[{"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "*"}]"#,
            r#"[{"Effect": "Allow", "NotAction": "iam:CreateUser", "Resource": "*"}]"#,
            r#"[{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
                {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]"#,
        ] {
            assert!(judge(statement).is_some(), "{statement}");
        }
    }

    #[test]
    fn less_than_everything_is_let_be() {
        for statement in [
            r#"{"Effect": "Deny", "Action": "*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::a/*"}"#,
            r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:*:*:*"}"#,
            r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:*:eu-west-1:*:*"}"#,
            r#"{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}"#,
            r#"[{"Effect": "Allow", "NotAction": "s3:DeleteBucket", "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]"#,
        ] {
            assert_eq!(judge(statement), None, "{statement}");
        }
    }

    #[test]
    fn a_condition_and_the_sid_are_told() {
        let statement = r#"{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*",
                            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#;
        let message = judge(statement).unwrap();
        assert_eq!(message, "statement `All` allows every action on every resource, under a condition");
    }

    const EVERYTHING: &str =
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

    fn found(change: impl FnOnce(&mut Authorization)) -> Finding {
        let facts = fixtures::with_authorization(change);
        judge_facts(&fixtures::org(), &facts, "policy-admin-star")
    }

    #[test]
    fn inline_and_attached_policies_are_named_and_others_let_be() {
        let managed = |name: &str, count| ManagedPolicy {
            name: name.to_owned(),
            arn: format!("arn:aws:iam::222222222222:policy/{name}"),
            attachment_count: count,
            document: Some(EVERYTHING.to_owned()),
        };
        let aws = ManagedPolicy { arn: "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(), ..managed("x", 3) };
        let finding = found(|all| {
            all.policies = vec![managed("all", 1), managed("unattached", 0), aws];
            let mut boss = fixtures::role("boss", EVERYTHING);
            boss.inline.push(InlinePolicy { name: "more".to_owned(), document: EVERYTHING.to_owned() });
            all.roles.push(boss);
        });
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.message, "3 policies allow every action on every resource");
        let named: Vec<&str> = finding.resources.iter().map(|r| r.resource.as_str()).collect();
        let boss = "arn:aws:iam::222222222222:role/boss";
        let inline = |name: &str| format!("{boss} (inline policy `{name}`)");
        assert_eq!(named, ["arn:aws:iam::222222222222:policy/all", &inline("more"), &inline("work")]);
        assert!(finding.resources[1].message.starts_with("statement 1 allows"));
    }

    #[test]
    fn a_document_that_is_missing_or_broken_is_unknown() {
        let missing = found(|all| all.policies[0].document = None);
        assert_eq!(missing.verdict, Verdict::Unknown);
        let broken = found(|all| all.roles.push(fixtures::role("broken", "{")));
        assert_eq!(broken.verdict, Verdict::Unknown);
        assert!(broken.message.contains("inline policy `work`"), "{}", broken.message);
        let both = found(|all| {
            all.policies[0].document = None;
            all.roles.push(fixtures::role("boss", EVERYTHING));
        });
        assert_eq!(both.verdict, Verdict::Fail);
    }

    #[test]
    fn what_is_not_a_policy_is_an_error() {
        let allows_everything = |text| allows_everything(&Documents::default(), text);
        assert!(allows_everything("{").is_err());
        assert!(allows_everything(r#"{"Statement": [{"Effect": "Maybe", "Action": "*", "Resource": "*"}]}"#).is_err());
    }
}
