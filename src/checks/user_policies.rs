//! Where permissions are kept: users get them from groups, and policies stand by themselves.
//!
//! Owns: four checks, each of one account, that differ in whose policies they look at. Must not: judge what a policy allows.
//!
//! Left out: service-linked roles, whose policies AWS writes, and roles of IAM Identity Center, whose inline policy is how a
//! permission set arrives and can't be kept otherwise.
//!
//! Source: IAM user guide, "Managed policies and inline policies".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::thresholds::Thresholds;
use super::trust::{is_of_identity_center, is_service_linked};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::Authorization;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: USER_DIRECT, judge: Judge::Whole(user_direct) },
    Check { meta: USER_INLINE, judge: Judge::Whole(user_inline) },
    Check { meta: GROUP_INLINE, judge: Judge::Whole(group_inline) },
    Check { meta: ROLE_INLINE, judge: Judge::Whole(role_inline) },
];

const CHOOSE: Reference = Reference {
    document: "IAM user guide",
    section: "Managed policies and inline policies: Choosing between managed policies and inline policies",
};

const USER_DIRECT: CheckMeta = CheckMeta {
    id: "user-direct-policies",
    title: "No managed policy is attached to a user",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Permissions that come from groups are given and taken with a task. What is attached to a user stays when the \
                task is gone, and nobody sees it when looking at the group.",
    remediation: Remediation {
        console: "IAM, User groups: attach the policy to a group, add the user; then IAM, Users, the user, Permissions, Remove.",
        cli: "aws iam attach-group-policy --group-name <group> --policy-arn <policy ARN>\n\
              aws iam add-user-to-group --group-name <group> --user-name <user>\n\
              aws iam detach-user-policy --user-name <user> --policy-arn <policy ARN>",
        playbook: None,
    },
    references: &[Reference { document: "IAM user guide", section: "IAM user groups" }],
    facts: &[Fact::Authorization],
};

fn user_direct(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let users = facts.authorization()?.users.iter();
    let found = users.map(|user| (user.arn.as_str(), user.attached.len()));
    Ok(judged(found, ("managed policy attached", "managed policies attached"), "user"))
}

const USER_INLINE: CheckMeta = CheckMeta {
    id: "user-inline-policies",
    title: "No user has an inline policy",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "An inline policy of a user has no versions, no ARN and no second user: nobody reviews it, and no inventory of \
                policies shows it.",
    remediation: Remediation {
        console: "IAM, Policies, Create policy with the same document; attach it to a group of the user; then IAM, Users, the \
                  user, Permissions, the inline policy, Remove.",
        cli: "aws iam get-user-policy --user-name <user> --policy-name <policy name>\n\
              # the same document, for a group of the user\n\
              aws iam create-policy --policy-name <policy name> --policy-document file://policy.json\n\
              aws iam attach-group-policy --group-name <group> --policy-arn <policy ARN>\n\
              aws iam delete-user-policy --user-name <user> --policy-name <policy name>",
        playbook: None,
    },
    references: &[CHOOSE],
    facts: &[Fact::Authorization],
};

fn user_inline(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let users = facts.authorization()?.users.iter();
    let found = users.map(|user| (user.arn.as_str(), user.inline.len()));
    Ok(judged(found, ("inline policy", "inline policies"), "user"))
}

const GROUP_INLINE: CheckMeta = CheckMeta {
    id: "group-inline-policies",
    title: "No group has an inline policy",
    severity: Severity::Info,
    granularity: Granularity::Account,
    rationale: "A managed policy has versions to go back to, can be used again, and is seen where policies are reviewed; an \
                inline policy of a group has none of it.",
    remediation: Remediation {
        console: "IAM, Policies, Create policy with the same document; attach it to the group; then IAM, User groups, the \
                  group, Permissions, the inline policy, Remove.",
        cli: "aws iam get-group-policy --group-name <group> --policy-name <policy name>\n\
              # the same document\n\
              aws iam create-policy --policy-name <policy name> --policy-document file://policy.json\n\
              aws iam attach-group-policy --group-name <group> --policy-arn <policy ARN>\n\
              aws iam delete-group-policy --group-name <group> --policy-name <policy name>",
        playbook: None,
    },
    references: &[CHOOSE],
    facts: &[Fact::Authorization],
};

fn group_inline(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let groups = facts.authorization()?.groups.iter();
    let found = groups.map(|group| (group.arn.as_str(), group.inline.len()));
    Ok(judged(found, ("inline policy", "inline policies"), "group"))
}

const ROLE_INLINE: CheckMeta = CheckMeta {
    id: "role-inline-policies",
    title: "No role has an inline policy",
    severity: Severity::Info,
    granularity: Granularity::Account,
    rationale: "A managed policy has versions to go back to and is seen where policies are reviewed. An inline policy is right \
                where role and policy must live and die together, as many tools make them: exempt those. Service-linked roles \
                and roles of IAM Identity Center are not judged: AWS writes their policies.",
    remediation: Remediation {
        console: "IAM, Policies, Create policy with the same document; attach it to the role; then IAM, Roles, the role, \
                  Permissions, the inline policy, Remove.",
        cli: "aws iam get-role-policy --role-name <role> --policy-name <policy name>\n\
              # the same document\n\
              aws iam create-policy --policy-name <policy name> --policy-document file://policy.json\n\
              aws iam attach-role-policy --role-name <role> --policy-arn <policy ARN>\n\
              aws iam delete-role-policy --role-name <role> --policy-name <policy name>",
        playbook: None,
    },
    references: &[CHOOSE],
    facts: &[Fact::Authorization],
};

fn role_inline(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization: &Authorization = facts.authorization()?;
    let roles = authorization.roles.iter().filter(|role| !is_service_linked(role) && !is_of_identity_center(role));
    let found = roles.map(|role| (role.arn.as_str(), role.inline.len()));
    Ok(judged(found, ("inline policy", "inline policies"), "role"))
}

/// Fails each owner that has some.
fn judged<'a>(owners: impl Iterator<Item = (&'a str, usize)>, (one, many): (&str, &str), owner: &str) -> Outcome {
    let some = owners.filter(|(_, count)| *count > 0).map(|(arn, count)| FailingResource {
        resource: arn.to_owned(),
        message: if count == 1 { format!("has 1 {one}") } else { format!("has {count} {many}") },
    });
    let summary = |count| match count {
        1 => format!("1 {owner} has {many}"),
        _ => format!("{count} {owner}s have {many}"),
    };
    let what = if one.starts_with("inline") { "an inline policy" } else { "a managed policy attached" };
    Outcome::of(some.collect(), summary, &format!("no {owner} has {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::tests::judge;
    use super::*;
    use crate::model::iam::{IamGroup, InlinePolicy};
    use crate::model::{Finding, Verdict};

    fn found(change: impl FnOnce(&mut Authorization), check: &str) -> Finding {
        let facts = fixtures::with_authorization(change);
        judge(&fixtures::org(), &facts, check)
    }

    fn inline(name: &str) -> InlinePolicy {
        InlinePolicy { name: name.to_owned(), document: fixtures::LITTLE.to_owned() }
    }

    #[test]
    fn each_kind_is_seen_by_its_own_check() {
        let attached = |all: &mut Authorization| all.users[0].attached.push("arn:aws:iam::aws:policy/X".to_owned());
        let finding = found(attached, "user-direct-policies");
        assert_eq!(finding.message, "1 user has managed policies attached");
        assert_eq!(finding.resources[0].message, "has 1 managed policy attached");
        assert_eq!(found(attached, "user-inline-policies").verdict, Verdict::Pass);
        let two = |all: &mut Authorization| all.users[0].inline.extend([inline("a"), inline("b")]);
        let finding = found(two, "user-inline-policies");
        assert_eq!(finding.resources[0].message, "has 2 inline policies");
        assert_eq!(found(two, "user-direct-policies").verdict, Verdict::Pass);
    }

    #[test]
    fn a_group_with_an_inline_policy_fails() {
        let group = |inline| IamGroup { name: "g".into(), arn: "arn:g".into(), inline, attached: Vec::new() };
        let with = |inline| found(|all| all.groups = vec![group(inline)], "group-inline-policies");
        let passing = with(Vec::new());
        assert_eq!((passing.verdict, passing.message.as_str()), (Verdict::Pass, "no group has an inline policy"));
        assert_eq!(with(vec![inline("a")]).verdict, Verdict::Fail);
    }

    #[test]
    fn roles_that_aws_writes_are_not_judged() {
        let role = |path: &str| {
            let mut role = fixtures::role("other", fixtures::LITTLE);
            role.path = path.to_owned();
            role
        };
        for (path, verdict) in [
            ("/", Verdict::Fail),
            ("/aws-service-role/x.amazonaws.com/", Verdict::Pass),
            ("/aws-reserved/sso.amazonaws.com/eu-central-1/", Verdict::Pass),
            ("/aws-reserved-by-us/", Verdict::Fail),
        ] {
            let finding = found(|all| all.roles.push(role(path)), "role-inline-policies");
            assert_eq!(finding.verdict, verdict, "{path}");
        }
    }
}
