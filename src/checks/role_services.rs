//! Roles that AWS services assume: only for resources of ours.
//!
//! Owns: one check of one account, and the services that can't tell for whom they act. Must not: judge whom else a role trusts.
//!
//! A service principal is the same for every customer. A service that takes a role's ARN from anybody could be made to use
//! ours (the confused deputy), unless the trust policy asks for whom it acts: `aws:SourceAccount`, `aws:SourceArn`,
//! `aws:SourceOrgID` or `aws:SourceOrgPaths`. The check makes the service act for a resource of a stranger and asks the
//! policy evaluator.
//!
//! Source: IAM user guide, "The confused deputy problem: Cross-service confused deputy prevention".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::thresholds::Thresholds;
use super::trust::{OTHER_ORGANIZATION, Party, STRANGER, Trust, filled, filled_arn, listed, roles, trusts};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::Arn;
use crate::policy::{Context, Principal};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: CONFUSED_DEPUTY, judge: Judge::Whole(confused_deputy) }];

/// A service whose requests to assume a role do not say for whom, so that a condition would lock it out.
struct Silent {
    /// The service principal.
    service: &'static str,
    /// Who says so. AWS publishes no list; its support says that there is none (prowler-cloud/prowler issue 2810).
    #[cfg_attr(not(test), allow(dead_code, reason = "read by people, and by a test that it is there"))]
    source: &'static str,
}

/// Services that can't tell for whom they act. A role of one of them can only be passed to it by someone who has iam:PassRole
/// on the role, in the role's own account.
const SILENT: &[Silent] = &[
    Silent {
        service: "ec2.amazonaws.com",
        source: "EC2 user guide, Grant permissions to attach an IAM role to an instance; prowler-cloud/prowler issue 2810",
    },
    Silent { service: "lambda.amazonaws.com", source: "prowler-cloud/prowler issues 2792 and 2810" },
    Silent { service: "apigateway.amazonaws.com", source: "prowler-cloud/prowler issue 2810" },
    Silent { service: "backup.amazonaws.com", source: "prowler-cloud/prowler issue 2810" },
    Silent { service: "elastictranscoder.amazonaws.com", source: "prowler-cloud/prowler issue 4714" },
    Silent {
        service: "cloudtrail.amazonaws.com",
        source: "prowler-cloud/prowler issue 4714, delivery to CloudWatch Logs",
    },
];

const CONFUSED_DEPUTY: CheckMeta = CheckMeta {
    id: "role-service-confused-deputy",
    title: "Services assume roles only for resources of ours",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A service that takes a role's ARN from any customer can be made to use ours for a stranger, unless the trust policy \
                asks for whom the service acts. Services that do not tell are left out, because a condition would lock them \
                out: EC2, Lambda, API Gateway, Backup, Elastic Transcoder, and CloudTrail's delivery to CloudWatch Logs. \
                Service-linked roles are left out: AWS alone writes whom they trust.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Trust relationships, Edit trust policy: add the condition StringEquals aws:SourceAccount \
                  with the account's id, and ArnLike aws:SourceArn where the service documents its form. Try it out: a service that \
                  does not send the key is locked out.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # the same with a condition on aws:SourceAccount\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[Reference {
        document: "IAM user guide",
        section: "The confused deputy problem: Cross-service confused deputy prevention",
    }],
    facts: &[Fact::Authorization],
};

fn confused_deputy(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let found = trusts(facts, authorization).into_iter().filter_map(|trust| {
        let services: Vec<String> = trust
            .parties()
            .into_iter()
            .filter(|party| match party {
                Party::Service(service) => tells(service) && may_act_for_a_stranger(&trust, service),
                _ => false,
            })
            .map(|party| party.words())
            .collect();
        let message = format!("lets {} in whoever it acts for", listed(&services));
        (!services.is_empty()).then(|| FailingResource { resource: trust.role.arn.clone(), message })
    });
    let summary = |count| format!("{} can be used by a service for a stranger", roles(count));
    Ok(Outcome::of(found.collect(), summary, "no role can be used by a service for a stranger"))
}

/// Whether a service tells for whom it acts. Principals of a partition end in its domain (`.amazonaws.com.cn`).
fn tells(service: &str) -> bool {
    let name = service.strip_suffix(".cn").unwrap_or(service);
    !SILENT.iter().any(|silent| silent.service == name)
}

/// Whether the service may assume the role for a stranger's resource, as one of the ARNs that the policy could let pass.
fn may_act_for_a_stranger(trust: &Trust<'_>, service: &str) -> bool {
    let partition = Arn::parse(&trust.role.arn).map_or("aws", |arn| arn.partition);
    let short = service.split('.').next().unwrap_or(service);
    let mut arns = vec![format!("arn:{partition}:{short}:us-east-1:{STRANGER}:x")];
    for pattern in trust.values("aws:SourceArn") {
        arns.extend(filled_arn(pattern, STRANGER));
        match Arn::parse(pattern) {
            // A bucket's ARN has no account: one that matches may be anybody's.
            Some(arn) if arn.account.is_empty() && arn.resource.starts_with('*') => arns.push(filled(pattern)),
            Some(_) => {}
            // Shorter than an ARN, as a text: `arn:aws:sns:*`.
            None => arns.push(pattern.replacen('*', &format!("us-east-1:{STRANGER}:x"), 1)),
        }
    }
    arns.iter().any(|arn| {
        let known = Context::partial().with("aws:SourceAccount", STRANGER).with("aws:SourceArn", arn);
        let member = known
            .clone()
            .with("aws:SourceOrgID", OTHER_ORGANIZATION)
            .with_all("aws:SourceOrgPaths", [format!("{OTHER_ORGANIZATION}/r-4b1d/").as_str()]);
        // An account of no organization has neither key, which IfExists and ForAllValues let pass.
        let loner = known.without("aws:SourceOrgID").without("aws:SourceOrgPaths");
        [member, loner].into_iter().any(|context| trust.may(Principal::service(service), "sts:AssumeRole", context))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, LITTLE};
    use super::super::tests::judge;
    use super::*;
    use crate::model::iam::IamRole;
    use crate::model::{Finding, Verdict};

    fn found(service: &str, condition: &str) -> Finding {
        let trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":{service}}},"Action":"sts:AssumeRole","Condition":{condition}}}]}}"#
        );
        let facts = fixtures::with_authorization(|all| {
            all.roles.push(IamRole { trust_policy, ..fixtures::role("deputy", LITTLE) });
        });
        judge(&fixtures::org(), &facts, "role-service-confused-deputy")
    }

    #[test]
    fn any_condition_that_keeps_strangers_resources_out_counts() {
        for (condition, verdict) in [
            ("{}", Verdict::Fail),
            (r#"{"StringEquals":{"aws:SourceAccount":"222222222222"}}"#, Verdict::Pass),
            (r#"{"StringEquals":{"AWS:SOURCEACCOUNT":["222222222222","111111111111"]}}"#, Verdict::Pass),
            (r#"{"StringEqualsIfExists":{"aws:SourceAccount":"222222222222"}}"#, Verdict::Pass),
            (r#"{"StringLike":{"aws:SourceAccount":"*"}}"#, Verdict::Fail),
            (r#"{"StringNotEquals":{"aws:SourceAccount":"222222222222"}}"#, Verdict::Fail),
            (r#"{"StringEquals":{"aws:SourceOrgID":"o-exampleorg"}}"#, Verdict::Pass),
            (r#"{"ForAnyValue:StringLike":{"aws:SourceOrgPaths":"o-exampleorg/*"}}"#, Verdict::Pass),
            // A stranger's account may be in no organization: then neither key is there.
            (r#"{"StringEqualsIfExists":{"aws:SourceOrgID":"o-exampleorg"}}"#, Verdict::Fail),
            (r#"{"ForAllValues:StringLike":{"aws:SourceOrgPaths":"o-exampleorg/*"}}"#, Verdict::Fail),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:states:*:222222222222:stateMachine:*"}}"#, Verdict::Pass),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:states:*:*:stateMachine:ours"}}"#, Verdict::Fail),
            (r#"{"StringLike":{"aws:SourceArn":"arn:aws:states:*"}}"#, Verdict::Fail),
            (r#"{"StringLike":{"aws:SourceArn":"*"}}"#, Verdict::Fail),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::our-bucket"}}"#, Verdict::Pass),
            (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}"#, Verdict::Fail),
            (r#"{"StringEquals":{"aws:RequestTag/team":"ours"}}"#, Verdict::Fail),
        ] {
            let finding = found(r#""states.amazonaws.com""#, condition);
            assert_eq!(finding.verdict, verdict, "{condition}: {}", finding.message);
        }
    }

    #[test]
    fn services_that_do_not_tell_are_left_out_and_the_others_named() {
        for silent in SILENT {
            assert!(!silent.source.is_empty() && silent.service.ends_with(".amazonaws.com"), "{}", silent.service);
            assert_eq!(found(&format!("{:?}", silent.service), "{}").verdict, Verdict::Pass, "{}", silent.service);
        }
        assert_eq!(found(r#""ec2.amazonaws.com.cn""#, "{}").verdict, Verdict::Pass);
        let finding = found(r#"["ec2.amazonaws.com","events.amazonaws.com","scheduler.amazonaws.com"]"#, "{}");
        assert_eq!(finding.message, "1 role can be used by a service for a stranger");
        let told = "lets `events.amazonaws.com`, `scheduler.amazonaws.com` in whoever it acts for";
        assert_eq!(finding.resources[0].message, told);
    }
}
