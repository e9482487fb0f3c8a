//! People sign in through one identity provider, not as users of each account.
//!
//! Owns: one check of one account. Must not: ask whether a user has MFA.
//!
//! What counts as federation: a role of IAM Identity Center, which is there only while a permission set is assigned in the
//! account; or a SAML provider that a role's trust policy lets in. OIDC counts for nothing here: programs use it.
//!
//! Source: IAM user guide, "Security best practices in IAM: Require human users to use federation with an identity provider".

use super::credentials::{console_users, failing, have, users};
use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::principals::AUTHORIZATION;
use super::thresholds::Thresholds;
use super::trust::{Trust, is_of_identity_center, is_service_linked};
use crate::model::Cause;
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::policy::{Context, Principal};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: FEDERATED, judge: Judge::Whole(federated) }];

const FEDERATED: CheckMeta = CheckMeta {
    id: "console-users-federated",
    title: "People sign in through Identity Center or SAML, not as IAM users",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "A user with a password in each account is a person to remember in each account when they leave. With one \
                identity provider there is one place to let people in, ask for MFA and let them go. An account passes if no \
                user has a console password, or if a role of IAM Identity Center is assigned or a role trusts a SAML provider: \
                users that remain beside those are taken for break-glass users, which other checks judge.",
    remediation: Remediation {
        console: "In the management account: IAM Identity Center, Enable, connect the identity provider, assign permission sets; \
                  then in the account IAM, Users, the user, Security credentials, Manage console access, Disable.",
        cli: "# in the management account\n\
              aws sso-admin create-account-assignment --instance-arn <instance ARN> --target-id <account id> \
              --target-type AWS_ACCOUNT --permission-set-arn <permission set ARN> --principal-type GROUP \
              --principal-id <group id>\n\
              # then in the account\n\
              aws iam delete-login-profile --user-name <user>",
        playbook: None,
    },
    references: &[Reference {
        document: "IAM user guide",
        section: "Security best practices in IAM: Require human users to use federation with an identity provider to access AWS using \
                  temporary credentials",
    }],
    facts: &[Fact::CredentialReport, Fact::Authorization, Fact::SamlProviders],
};

fn federated(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    if let Some(proof) = facts.any_of(&[&nobody, &identity_center, &saml]) {
        return Ok(Outcome::pass(proof));
    }
    // Any of the ways could have been the proof.
    facts.certain()?;
    let report = facts.credential_report()?;
    let found = console_users(facts, report).into_iter().map(|user| failing(user, "has a console password"));
    let summary =
        |count| format!("{} {} a console password, and nobody signs in by federation", users(count), have(count));
    Ok(Outcome::of(found.collect(), summary, "no user has a console password"))
}

fn nobody(facts: &mut Facts<'_>) -> Result<Option<String>, Cause> {
    let report = facts.credential_report()?;
    let none = console_users(facts, report).is_empty();
    Ok(none.then(|| "no user has a console password".to_owned()))
}

fn identity_center(facts: &mut Facts<'_>) -> Result<Option<String>, Cause> {
    let roles = facts.authorization()?.roles.iter().filter(|role| is_of_identity_center(role)).count();
    let words = if roles == 1 {
        "1 role of IAM Identity Center is".to_owned()
    } else {
        format!("{roles} roles of IAM Identity Center are")
    };
    Ok((roles > 0).then(|| format!("{words} assigned in the account")))
}

/// A provider that is there and that a role lets in. A trust policy can name one that was deleted.
fn saml(facts: &mut Facts<'_>) -> Result<Option<String>, Cause> {
    let authorization = facts.authorization()?;
    let providers = facts.saml_providers()?;
    if providers.is_empty() {
        return Ok(None);
    }
    let (mut unread, shared) = (None, facts.shared());
    for role in authorization.roles.iter().filter(|role| !is_service_linked(role)) {
        let trust = match Trust::read(&shared.documents, role) {
            Ok(trust) => trust,
            Err(why) => {
                unread = unread.or(Some(why));
                continue;
            }
        };
        for provider in providers {
            let who = Principal::federated(&provider.arn);
            if trust.may(who, "sts:AssumeRoleWithSAML", Context::partial()) {
                return Ok(Some(format!("people sign in through `{}`", provider.arn)));
            }
        }
    }
    // A role whose trust policy can't be read might be the one.
    unread.map_or(Ok(None), |why| Err(facts.doubt(AUTHORIZATION, why)))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, LITTLE, root_row, seen, user_row};
    use super::super::tests::{hidden, judge};
    use super::*;
    use crate::model::credential::SamlProvider;
    use crate::model::iam::{CredentialReport, CredentialRow, IamRole};
    use crate::model::{AccountFacts, Finding, Verdict};

    const PROVIDER: &str = "arn:aws:iam::222222222222:saml-provider/corp";

    fn found(rows: Vec<CredentialRow>, role: Option<IamRole>, providers: &[&str]) -> Finding {
        let report = CredentialReport { generated_at: fixtures::days_ago(0), rows };
        let providers = providers.iter().map(|arn| SamlProvider { arn: (*arn).to_owned(), valid_until: None });
        let mut facts = AccountFacts {
            credential_report: seen("iam:GetCredentialReport", report),
            saml_providers: seen("iam:ListSAMLProviders", providers.collect()),
            ..fixtures::account()
        };
        facts.authorization = facts.authorization.map(|mut all| {
            all.roles.retain(|role| !is_of_identity_center(role));
            all.roles.extend(role);
            all
        });
        judge(&fixtures::org(), &facts, "console-users-federated")
    }

    fn trusting(provider: &str, action: &str) -> IamRole {
        let trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"{action}",
                 "Condition":{{"StringEquals":{{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}}}}]}}"#
        );
        IamRole { trust_policy, ..fixtures::role("people", LITTLE) }
    }

    #[test]
    fn console_users_without_federation_fail() {
        let finding = found(vec![root_row(), user_row("ann")], None, &[]);
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.message, "1 user has a console password, and nobody signs in by federation");
        let robot = CredentialRow { password_enabled: Some(false), ..user_row("robot") };
        let finding = found(vec![root_row(), robot], None, &[]);
        assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Pass, "no user has a console password"));
    }

    #[test]
    fn identity_center_or_a_trusted_saml_provider_counts() {
        let users = || vec![user_row("ann")];
        let mut assigned = fixtures::role("AWSReservedSSO_ReadOnly_1", LITTLE);
        assigned.path = "/aws-reserved/sso.amazonaws.com/eu-central-1/".to_owned();
        assert_eq!(found(users(), Some(assigned), &[]).verdict, Verdict::Pass);
        let saml = trusting(PROVIDER, "sts:AssumeRoleWithSAML");
        assert_eq!(found(users(), Some(saml.clone()), &[PROVIDER]).verdict, Verdict::Pass);
        assert_eq!(found(users(), Some(saml), &[]).verdict, Verdict::Fail, "the provider was deleted");
        assert_eq!(found(users(), None, &[PROVIDER]).verdict, Verdict::Fail, "no role lets it in");
        let web = trusting(PROVIDER, "sts:AssumeRoleWithWebIdentity");
        assert_eq!(found(users(), Some(web), &[PROVIDER]).verdict, Verdict::Fail);
    }

    #[test]
    fn a_failure_needs_full_knowledge() {
        let mut facts = fixtures::with_authorization(|all| {
            all.roles.retain(|role| !is_of_identity_center(role));
        });
        facts.saml_providers = hidden();
        assert_eq!(judge(&fixtures::org(), &facts, "console-users-federated").verdict, Verdict::Unknown);
    }
}
