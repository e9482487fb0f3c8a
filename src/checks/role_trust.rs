//! Whom roles trust: outsiders, everyone, outsiders without a second proof, and our own audit role.
//!
//! Owns: four checks, each of one account, over trust policies as `trust` evaluates them. Must not: judge services (`role_services`)
//! and OIDC providers (`role_oidc`), or what a role may do.
//!
//! Service-linked roles are not judged: AWS alone writes whom they trust. Roles of IAM Identity Center are, and trust a SAML
//! provider of the account, which is no outsider here.
//!
//! Source: IAM user guide, "Access to AWS accounts owned by third parties" and "The confused deputy problem".

use super::documents::Documents;
use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, Tree};
use super::principals::AUTHORIZATION;
use super::role_oidc::token_may;
use super::thresholds::Thresholds;
use super::trust::{Party, STRANGER, Trust, listed, roles, trusts, without_external_id, without_mfa};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::iam::IamRole;
use crate::model::org::Organization;
use crate::policy::Context;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: EXTERNAL, judge: Judge::Whole(external) },
    Check { meta: EXTERNAL_ID, judge: Judge::Whole(external_id) },
    Check { meta: WILDCARD, judge: Judge::Whole(wildcard) },
    Check { meta: AUDIT_ROLE, judge: Judge::Whole(audit_role) },
];

const GUIDE: &str = "IAM user guide";
const THIRD_PARTIES: &str = "Access to AWS accounts owned by third parties";

const EXTERNAL: CheckMeta = CheckMeta {
    id: "role-external-trust",
    title: "No role trusts an account outside the organization",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "Whoever a role trusts has what the role has, and what happens in an account outside the organization no policy \
                of ours decides and no trail of ours records. A vendor that needs a role is a decision to write down: exempt \
                the role until a date. A condition that keeps everyone outside the organization away (aws:PrincipalOrgID) counts.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Trust relationships, Edit trust policy: remove the account, or delete the role.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # the same without the account\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: THIRD_PARTIES }],
    facts: &[Fact::Organization, Fact::Authorization],
};

fn external(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let authorization = facts.authorization()?;
    let found = trusts(facts, authorization).into_iter().filter_map(|trust| {
        let outsiders = outsiders(tree, &trust, |contexts| contexts.to_vec());
        let message = format!("trusts {}, outside the organization", listed(&outsiders));
        (!outsiders.is_empty()).then(|| FailingResource { resource: trust.role.arn.clone(), message })
    });
    let summary = |count| format!("{} {} somebody outside the organization", roles(count), trust_verb(count));
    Ok(Outcome::of(found.collect(), summary, "no role trusts anybody outside the organization"))
}

const EXTERNAL_ID: CheckMeta = CheckMeta {
    id: "role-trust-external-id",
    title: "Outsiders need an ExternalId or MFA to assume a role",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "A vendor assumes roles of many customers with one account. Without an ExternalId that it keeps for each, another \
                customer can name our role and have the vendor use it (the confused deputy). People from outside show MFA \
                instead. Judged by what the policy decides: an IfExists that lets a missing key pass, or a * for the ExternalId, \
                asks for nothing.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Trust relationships, Edit trust policy: add the condition StringEquals sts:ExternalId with \
                  the value the vendor gives, or Bool aws:MultiFactorAuthPresent true for people.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # the same with a condition on sts:ExternalId, or on MFA\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[
        Reference { document: GUIDE, section: THIRD_PARTIES },
        Reference { document: "IAM user guide", section: "Cross-account confused deputy prevention" },
    ],
    facts: &[Fact::Organization, Fact::Authorization],
};

fn external_id(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let authorization = facts.authorization()?;
    let found = trusts(facts, authorization).into_iter().filter_map(|trust| {
        let outsiders = outsiders(tree, &trust, |contexts| without_mfa(&without_external_id(contexts)));
        let message = format!("may be assumed by {} without an agreed ExternalId and without MFA", listed(&outsiders));
        (!outsiders.is_empty()).then(|| FailingResource { resource: trust.role.arn.clone(), message })
    });
    let summary = |count| format!("{} {} outsiders without ExternalId or MFA", roles(count), trust_verb(count));
    Ok(Outcome::of(found.collect(), summary, "no outsider may assume a role without ExternalId or MFA"))
}

const WILDCARD: CheckMeta = CheckMeta {
    id: "role-trust-wildcard",
    title: "No role trusts everyone",
    severity: Severity::Critical,
    granularity: Granularity::Account,
    rationale: "A trust policy whose Principal is * lets every AWS account in that its conditions do not keep out. A condition on \
                the organization, an account or an ARN keeps strangers out, and the role passes; an ExternalId, a tag or an \
                address does not: those a stranger can bring or guess. Where it lets everyone in with a token or a SAML assertion, anybody's \
                issuer will do, unless the conditions say whose.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Trust relationships, Edit trust policy: name the accounts or roles, or add the condition \
                  StringEquals aws:PrincipalOrgID with the organization's id.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # accounts or roles in place of *\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "AWS JSON policy elements: Principal" }],
    facts: &[Fact::Organization, Fact::Authorization],
};

fn wildcard(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let authorization = facts.authorization()?;
    let found = trusts(facts, authorization).into_iter().filter_map(|trust| {
        let open = trust.parties().contains(&Party::Anyone) && stranger_may(tree, &trust);
        let message = "may be assumed by a stranger: its trust policy names everyone".to_owned();
        open.then(|| FailingResource { resource: trust.role.arn.clone(), message })
    });
    let summary = |count| format!("{} {} everyone", roles(count), trust_verb(count));
    Ok(Outcome::of(found.collect(), summary, "no role trusts everyone"))
}

fn stranger_may(tree: Tree<'_>, trust: &Trust<'_>) -> bool {
    let organization = tree.organization();
    let stranger = trust.faces(&Party::Account(STRANGER.to_owned()), &organization.partition);
    trust.any_may(&stranger, &trust.outside(organization)) || token_may(trust)
}

const AUDIT_ROLE: CheckMeta = CheckMeta {
    id: "audit-role-external-id",
    title: "Our own audit role can't be assumed without its ExternalId",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "The role with which the account is read should let nobody in who lacks the ExternalId agreed on. It is read from \
                the role's trust policy; nothing is tried. The check does not apply to the account that orgward is run from, which is \
                read with the caller's own credentials, nor to roles that AWS makes without ExternalId and advises to leave so: \
                OrganizationAccountAccessRole, and AWSControlTowerExecution, which Control Tower sets back.",
    remediation: Remediation {
        console: "IAM, Roles, the audit role, Trust relationships, Edit trust policy: add the condition StringEquals \
                  sts:ExternalId to every statement that allows sts:AssumeRole.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # the same with a condition on sts:ExternalId\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[
        Reference { document: GUIDE, section: THIRD_PARTIES },
        Reference {
            document: "AWS Organizations user guide",
            section: "Accessing a member account that has OrganizationAccountAccessRole",
        },
    ],
    facts: &[Fact::Organization, Fact::Authorization, Fact::AuditRole],
};

/// Roles that AWS makes for the management account, without ExternalId.
const MADE_BY_AWS: [&str; 2] = ["OrganizationAccountAccessRole", "AWSControlTowerExecution"];

fn audit_role(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let organization = facts.tree()?.organization();
    let management = Some(&organization.management_account);
    if facts.account_id() == management && organization.caller_account().as_ref() == management {
        return Ok(Outcome::NotApplicable(
            "the management account is read with the caller's own credentials".to_owned(),
        ));
    }
    // An account that was not entered tells of no role either: the facts below say why.
    let authorization = facts.authorization()?;
    let Some(arn) = facts.entered_as()? else {
        return Ok(Outcome::NotApplicable("the account was read with the caller's own credentials".to_owned()));
    };
    let name = arn.rsplit('/').next().unwrap_or(arn);
    if MADE_BY_AWS.contains(&name) {
        return Ok(Outcome::NotApplicable(format!("`{name}` is made by AWS, which advises no ExternalId for it")));
    }
    let Some(role) = authorization.roles.iter().find(|role| role.arn == arn) else {
        return Err(
            facts.doubt(AUTHORIZATION, format!("the answer has no role `{arn}`, with which the account was entered"))
        );
    };
    let Some(trust) = Trust::of(facts, role) else {
        return Err(facts.doubt(AUTHORIZATION, "the trust policy of the audit role can't be read"));
    };
    let open = open(&trust, organization);
    if open.is_empty() {
        return Ok(Outcome::pass("nobody may assume the audit role without its ExternalId"));
    }
    Ok(Outcome::fail(arn, format!("the audit role may be assumed by {} without an agreed ExternalId", listed(&open))))
}

/// Who may assume a role without an agreed ExternalId, in words; empty: nobody. Hostile: escape at every sink.
///
/// # Errors
/// Why its trust policy can't be read.
pub fn open_without_external_id(role: &IamRole, organization: &Organization) -> Result<Vec<String>, String> {
    Trust::read(&Documents::default(), role).map(|trust| open(&trust, organization))
}

fn open(trust: &Trust<'_>, organization: &Organization) -> Vec<String> {
    let anyone = without_external_id(&[Context::partial(), Trust::inside(organization)]);
    trust
        .parties()
        .into_iter()
        .filter(|party| {
            let faces = trust.faces(party, &organization.partition);
            let web = ["sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
            let provider = matches!(party, Party::Provider(_));
            trust.any_may(&faces, &anyone)
                || *party == Party::Anyone && token_may(trust)
                || provider
                    && faces.iter().any(|who| web.iter().any(|how| trust.may(who.clone(), how, Context::partial())))
        })
        .map(|party| party.words())
        .collect()
}

/// Parties outside the organization that may assume a role in one of the contexts that `change` makes of an outsider's.
fn outsiders(tree: Tree<'_>, trust: &Trust<'_>, change: impl Fn(&[Context]) -> Vec<Context>) -> Vec<String> {
    let organization = tree.organization();
    let contexts = change(&trust.outside(organization));
    let mut found = Vec::new();
    for party in trust.parties() {
        let accounts = trust.accounts_outside(&party, |id| tree.account(id).is_some());
        let may = accounts.iter().any(|account| {
            let stand_in = if party == Party::Anyone { Party::Account(account.clone()) } else { party.clone() };
            trust.any_may(&trust.faces(&stand_in, &organization.partition), &contexts)
        });
        if may || party == Party::Anyone && token_may(trust) {
            found.push(party.words());
        }
    }
    found
}

fn trust_verb(count: usize) -> &'static str {
    if count == 1 { "trusts" } else { "trust" }
}

#[cfg(test)]
mod tests;
