//! What is attached: administrator access, retired and over-wide AWS-managed policies, and policies attached to nothing.
//!
//! Owns: four checks of one account, each by who carries which managed policy. Must not: weigh boundaries; that a boundary
//! limits a policy is told, and excuses nothing.

use super::super::admin_policy::allows_everything;
use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::principals::{AUTHORIZATION, is_administrator_access};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use super::deprecated::find;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::{Authorization, ManagedPolicy};
use std::collections::BTreeMap;

pub(super) const ADMIN: CheckMeta = CheckMeta {
    id: "policy-admin-attached",
    title: "No user, group or role carries a managed policy that allows everything",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "Whoever carries AdministratorAccess, or a policy that amounts to it, owns the account and all its data. The few \
                that must (a break-glass role, Identity Center's administrators, the roles of Control Tower and account creation) \
                are exempted by name, so that each is someone's decision.",
    remediation: Remediation {
        console: "IAM, the user, group or role, Permissions: remove the policy and attach one for the task; Last Accessed shows \
                  what was used. For the few that stay, write an exemption with a date.",
        cli: "aws iam detach-role-policy --role-name <role> --policy-arn <policy ARN>\n\
              # or, from a user or a group\n\
              aws iam detach-user-policy --user-name <user> --policy-arn <policy ARN>\n\
              aws iam detach-group-policy --group-name <group> --policy-arn <policy ARN>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Security best practices in IAM: apply least-privilege permissions")],
    facts: &[Fact::Authorization],
};

pub(super) fn admin(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let mut failing = Vec::new();
    let mut judged: BTreeMap<&str, Option<String>> = BTreeMap::new();
    let shared = facts.shared();
    for policy in &authorization.policies {
        let why = match policy.document.as_deref().map(|text| allows_everything(&shared.documents, text)) {
            Some(Ok(why)) => why,
            Some(Err(_)) | None if is_administrator_access(&policy.arn) => None,
            Some(Err(why)) if in_use(policy, authorization) => {
                facts.doubt(AUTHORIZATION, format!("policy `{}` can't be read: {why}", policy.arn));
                None
            }
            None if in_use(policy, authorization) => {
                facts.doubt(AUTHORIZATION, format!("the answer has no document for `{}`", policy.arn));
                None
            }
            Some(Err(_)) | None => None,
        };
        judged.insert(&policy.arn, why);
    }
    for carrier in carriers(authorization) {
        let mut whys = Vec::new();
        for arn in carrier.attached {
            match judged.get(arn.as_str()) {
                _ if is_administrator_access(arn) => whys.push(format!("carries `{}`", name(arn))),
                Some(Some(why)) => whys.push(format!("carries `{}`, whose {why}", name(arn))),
                Some(None) => {}
                None => {
                    facts.doubt(AUTHORIZATION, format!("the answer has no policy `{arn}` of `{}`", carrier.arn));
                }
            }
        }
        if let Some(boundary) = carrier.boundary.filter(|_| !whys.is_empty()) {
            whys.push(format!("within the boundary `{}`", name(boundary)));
        }
        if !whys.is_empty() {
            failing.push(FailingResource { resource: carrier.arn.to_owned(), message: whys.join(", ") });
        }
    }
    let summary = |count| match count {
        1 => "1 user, group or role carries a managed policy that allows everything".to_owned(),
        _ => format!("{count} users, groups or roles carry a managed policy that allows everything"),
    };
    Ok(Outcome::of(failing, summary, "nobody carries a managed policy that allows everything"))
}

pub(super) const DEPRECATED: CheckMeta = CheckMeta {
    id: "policy-deprecated-managed",
    title: "No AWS-managed policy that AWS has replaced or retired is attached",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "AWS replaces a policy when the old one grants too much to be mended in place. Whoever still carries the old one \
                keeps the excess, gets no updates, and can't have it back once it is detached.",
    remediation: Remediation {
        console: "IAM, Policies, the deprecated policy, Entities attached: attach the replacement to each, test, then detach the \
                  old one.",
        cli: "aws iam list-entities-for-policy --policy-arn <deprecated policy ARN>\n\
              # for each role; users and groups have commands like these\n\
              aws iam attach-role-policy --role-name <role> --policy-arn <replacement ARN>\n\
              aws iam detach-role-policy --role-name <role> --policy-arn <deprecated policy ARN>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Deprecated AWS managed policies")],
    facts: &[Fact::Authorization],
};

pub(super) fn deprecated(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let failing = carried(authorization, |arn| {
        let policy = find(arn)?;
        Some(match &policy.replacement {
            Some(replacement) => format!("carries `{}`, which AWS replaced by `{replacement}`", policy.name),
            None => format!("carries `{}`, which AWS retired without a replacement", policy.name),
        })
    });
    let summary = |count| match count {
        1 => "a deprecated AWS-managed policy is attached once".to_owned(),
        _ => format!("deprecated AWS-managed policies are attached {count} times"),
    };
    Ok(Outcome::of(failing, summary, "no attached AWS-managed policy is known to be deprecated"))
}

pub(super) const CLOUDSHELL: CheckMeta = CheckMeta {
    id: "policy-cloudshell-full",
    title: "AWSCloudShellFullAccess is attached to nobody",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "CloudShell gives a machine with internet access and the caller's credentials. With full access files can be \
                uploaded to it and downloaded from it: a way to carry data out, past the controls of a laptop or a network.",
    remediation: Remediation {
        console: "IAM, Policies, AWSCloudShellFullAccess, Entities attached: detach it; where CloudShell is needed, attach a policy \
                  that allows it and denies cloudshell:GetFileDownloadUrls and cloudshell:GetFileUploadUrls.",
        cli: "aws iam list-entities-for-policy --policy-arn arn:aws:iam::aws:policy/AWSCloudShellFullAccess\n\
              # for each role; users and groups have commands like it\n\
              aws iam detach-role-policy --role-name <role> --policy-arn \
              arn:aws:iam::aws:policy/AWSCloudShellFullAccess",
        playbook: None,
    },
    references: &[aws("CloudShell user guide", "Managing AWS CloudShell access and usage with IAM policies")],
    facts: &[Fact::Authorization],
};

pub(super) fn cloudshell(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let failing = carried(authorization, |arn| {
        arn.ends_with(":iam::aws:policy/AWSCloudShellFullAccess")
            .then(|| "carries `AWSCloudShellFullAccess`".to_owned())
    });
    let summary = |count| match count {
        1 => "1 user, group or role carries `AWSCloudShellFullAccess`".to_owned(),
        _ => format!("{count} users, groups or roles carry `AWSCloudShellFullAccess`"),
    };
    Ok(Outcome::of(failing, summary, "nobody carries `AWSCloudShellFullAccess`"))
}

pub(super) const UNATTACHED: CheckMeta = CheckMeta {
    id: "policy-unattached",
    title: "Every customer-managed policy is in use",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A policy attached to nothing is reviewed by nobody, and one click away from giving what it holds. In use is one \
                that a user, group or role carries, or has as its permissions boundary.",
    remediation: Remediation {
        console: "IAM, Policies, filter by Customer managed, sort by Used as: delete what nobody needs.",
        cli: "aws iam list-policy-versions --policy-arn <policy ARN>\n\
              # for each version that is not the default\n\
              aws iam delete-policy-version --policy-arn <policy ARN> --version-id <version id>\n\
              aws iam delete-policy --policy-arn <policy ARN>",
        playbook: None,
    },
    references: &[aws(
        "IAM user guide",
        "Security best practices in IAM: regularly review and remove unused users, roles, permissions, policies and \
                  credentials",
    )],
    facts: &[Fact::Authorization],
};

pub(super) fn unattached(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let own = authorization.policies.iter().filter(|policy| !policy.aws_managed());
    let failing = own
        .filter(|policy| !in_use(policy, authorization))
        .map(|policy| FailingResource { resource: policy.arn.clone(), message: "is attached to nothing".to_owned() })
        .collect();
    let summary = |count| match count {
        1 => "1 customer-managed policy is attached to nothing".to_owned(),
        _ => format!("{count} customer-managed policies are attached to nothing"),
    };
    Ok(Outcome::of(failing, summary, "every customer-managed policy is in use"))
}

/// Who may carry a managed policy.
struct Carrier<'a> {
    arn: &'a str,
    attached: &'a [String],
    boundary: Option<&'a str>,
}

fn carriers(authorization: &Authorization) -> impl Iterator<Item = Carrier<'_>> {
    let users = authorization.users.iter().map(|user| Carrier {
        arn: &user.arn,
        attached: &user.attached,
        boundary: user.boundary.as_deref(),
    });
    let groups =
        authorization.groups.iter().map(|group| Carrier { arn: &group.arn, attached: &group.attached, boundary: None });
    let roles = authorization.roles.iter().filter(|role| !role.path.starts_with("/aws-service-role/"));
    let roles =
        roles.map(|role| Carrier { arn: &role.arn, attached: &role.attached, boundary: role.boundary.as_deref() });
    users.chain(groups).chain(roles)
}

/// What each carrier carries of some policies, in one row.
fn carried(authorization: &Authorization, wrong: impl Fn(&str) -> Option<String>) -> Vec<FailingResource> {
    let rows = carriers(authorization).filter_map(|carrier| {
        let whys: Vec<String> = carrier.attached.iter().filter_map(|arn| wrong(arn)).collect();
        (!whys.is_empty()).then(|| FailingResource { resource: carrier.arn.to_owned(), message: whys.join(", ") })
    });
    rows.collect()
}

/// Whether somebody carries a policy or is bounded by it. The count of the answer alone misses boundaries.
fn in_use(policy: &ManagedPolicy, authorization: &Authorization) -> bool {
    let bounds = authorization.users.iter().map(|user| &user.boundary);
    let mut bounds = bounds.chain(authorization.roles.iter().map(|role| &role.boundary));
    policy.attachment_count > 0 || bounds.any(|boundary| boundary.as_ref() == Some(&policy.arn))
}

/// The last part of an ARN.
fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{self, LITTLE, MEMBER, role};
    use super::super::super::tests::judge;
    use super::*;
    use crate::model::iam::{IamGroup, IamRole};
    use crate::model::{Finding, Verdict};

    const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

    fn found(check: &str, change: impl FnOnce(&mut Authorization)) -> Finding {
        let facts = fixtures::with_authorization(change);
        judge(&fixtures::org(), &facts, check)
    }

    fn aws(name: &str) -> String {
        format!("arn:aws:iam::aws:policy/{name}")
    }

    fn managed(arn: &str, count: i32, document: Option<&str>) -> ManagedPolicy {
        let document = document.map(str::to_owned);
        ManagedPolicy { name: name(arn).to_owned(), arn: arn.to_owned(), attachment_count: count, document }
    }

    fn carrying(role_name: &str, arns: &[String]) -> IamRole {
        IamRole { attached: arns.to_vec(), ..role(role_name, LITTLE) }
    }

    #[test]
    fn administrators_are_named_by_who_carries_what() {
        let own = format!("arn:aws:iam::{MEMBER}:policy/ops");
        let finding = found("policy-admin-attached", |authorization| {
            let group = IamGroup {
                name: "admins".to_owned(),
                arn: format!("arn:aws:iam::{MEMBER}:group/admins"),
                inline: Vec::new(),
                attached: vec![aws("AdministratorAccess")],
            };
            authorization.groups.push(group);
            authorization.roles.push(carrying("ops", std::slice::from_ref(&own)));
            authorization.roles.push(IamRole {
                boundary: Some(format!("arn:aws:iam::{MEMBER}:policy/little")),
                ..carrying("bounded", &[aws("AdministratorAccess")])
            });
            authorization.policies.push(managed(&own, 1, Some(EVERYTHING)));
        });
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.message, "3 users, groups or roles carry a managed policy that allows everything");
        let messages: Vec<&str> = finding.resources.iter().map(|row| row.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "carries `AdministratorAccess`",
                "carries `AdministratorAccess`, within the boundary `little`",
                "carries `ops`, whose statement 1 allows every action on every resource",
            ]
        );
    }

    #[test]
    fn aws_s_own_policies_are_judged_by_what_they_say() {
        let wide = aws("SomethingNew");
        let finding = found("policy-admin-attached", |authorization| {
            authorization.roles.push(carrying("app", std::slice::from_ref(&wide)));
            authorization.policies.push(managed(&wide, 1, Some(EVERYTHING)));
        });
        assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
        for document in [None, Some("{")] {
            let finding = found("policy-admin-attached", |authorization| {
                authorization.policies.push(managed(&wide, 1, document));
            });
            assert_eq!(finding.verdict, Verdict::Unknown);
            let unused = found("policy-admin-attached", |authorization| {
                authorization.policies.push(managed(&wide, 0, document));
            });
            assert_eq!(unused.verdict, Verdict::Pass);
        }
        let missing = found("policy-admin-attached", |authorization| {
            authorization.roles.push(carrying("app", std::slice::from_ref(&wide)));
        });
        assert_eq!(missing.verdict, Verdict::Unknown, "{}", missing.message);
    }

    #[test]
    fn deprecated_policies_name_their_replacement() {
        let finding = found("policy-deprecated-managed", |authorization| {
            authorization.roles.push(carrying("app", &[aws("AWSLambdaFullAccess"), aws("AWSOpsWorksFullAccess")]));
            authorization.users[0].attached.push(aws("service-role/AWSConfigRole"));
        });
        assert_eq!(finding.message, "deprecated AWS-managed policies are attached 2 times");
        assert_eq!(
            finding.resources[0].message,
            "carries `AWSLambdaFullAccess`, which AWS replaced by `AWSLambda_FullAccess`, carries `AWSOpsWorksFullAccess`, \
             which AWS retired without a replacement"
        );
        let current = found("policy-deprecated-managed", |authorization| {
            authorization.users[0].attached.push(aws("AWSLambda_FullAccess"));
        });
        assert_eq!(current.verdict, Verdict::Pass);
    }

    #[test]
    fn cloudshell_is_found_wherever_it_is_attached() {
        let finding = found("policy-cloudshell-full", |authorization| {
            authorization.users[0].attached.push(aws("AWSCloudShellFullAccess"));
        });
        assert_eq!(finding.message, "1 user, group or role carries `AWSCloudShellFullAccess`");
        assert!(finding.resources[0].resource.ends_with(":user/ann"));
        let own = found("policy-cloudshell-full", |authorization| {
            authorization.users[0].attached.push(format!("arn:aws:iam::{MEMBER}:policy/AWSCloudShellFullAccess"));
        });
        assert_eq!(own.verdict, Verdict::Pass, "a customer's policy of the same name is not AWS's");
    }

    #[test]
    fn a_policy_that_is_a_boundary_is_in_use() {
        let own = format!("arn:aws:iam::{MEMBER}:policy/spare");
        let finding = found("policy-unattached", |authorization| {
            authorization.policies.push(managed(&own, 0, Some(LITTLE)));
            authorization.policies.push(managed(&aws("Unused"), 0, None));
        });
        assert_eq!(finding.message, "1 customer-managed policy is attached to nothing");
        assert_eq!(finding.resources[0].resource, own);
        let bounded = found("policy-unattached", |authorization| {
            authorization.policies.push(managed(&own, 0, Some(LITTLE)));
            authorization.roles[0].boundary = Some(own.clone());
        });
        assert_eq!(bounded.verdict, Verdict::Pass);
    }
}
