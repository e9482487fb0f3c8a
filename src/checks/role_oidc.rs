//! Roles that OIDC identities assume: only identities of ours.
//!
//! Owns: one check of one account, and what each known provider puts into a token. Must not: judge SAML.
//!
//! A provider that serves many customers signs tokens for all of them with one key, so that the trust policy alone tells our
//! tokens from a stranger's. The check makes a stranger's token up, once with a subject nobody mentions and once for each
//! pattern of the policy with its wildcards filled in, and asks the policy evaluator. A claim that nobody here can
//! know counts as fulfilled, but for those that say whose token it is.
//!
//! Source: IAM user guide, "Create a role for OpenID Connect federation", "Available keys for AWS OIDC federation" and "Identity-
//! provider controls for shared OIDC providers".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::principals::INVENTED;
use super::thresholds::Thresholds;
use super::trust::{Party, Trust, listed, roles, trusts};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::policy::{Context, Principal};
use std::collections::BTreeSet;

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: SUBJECT, judge: Judge::Whole(subject) }];

/// What in a provider's tokens says whose they are.
struct Provider {
    /// The issuer's host, or its end.
    host: &'static str,
    /// The claims that say whose a token is, besides `sub`.
    claims: &'static [&'static str],
    /// How a subject begins, and what ends the part of it that says whose it is; none where `sub` says nothing of the kind.
    subject: Option<(&'static str, char)>,
}

/// Known providers. Sources: each provider's documentation of OIDC tokens for AWS, and IAM's "Available keys for AWS OIDC
/// federation" for claims that became condition keys in January 2026.
const PROVIDERS: &[Provider] = &[
    // GitHub, "About security hardening with OpenID Connect".
    Provider {
        host: "token.actions.githubusercontent.com",
        claims: &[
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "enterprise",
            "enterprise_id",
        ],
        subject: Some(("repo:", '/')),
    },
    // GitLab, "Configure OpenID Connect in AWS to retrieve temporary credentials".
    Provider { host: "gitlab.com", claims: &[], subject: Some(("project_path:", '/')) },
    // Terraform, "Dynamic credentials with the AWS provider".
    Provider { host: "app.terraform.io", claims: &[], subject: Some(("organization:", ':')) },
    // Bitbucket, "Deploy on AWS using Bitbucket Pipelines OpenID Connect": the issuer names the workspace.
    Provider { host: "api.bitbucket.org", claims: &["aud"], subject: Some(("", ':')) },
    // CircleCI, "Using OpenID Connect tokens in jobs": the issuer and the audience name the organization.
    Provider { host: "oidc.circleci.com", claims: &["aud"], subject: Some(("org/", '/')) },
    // Buildkite, "OIDC with AWS".
    Provider { host: "agent.buildkite.com", claims: &[], subject: Some(("organization:", ':')) },
    // EKS user guide, "Assign IAM roles to Kubernetes service accounts": the issuer is the cluster, the subject the account.
    Provider { host: "oidc.eks.", claims: &[], subject: Some(("system:serviceaccount:", ':')) },
    // IAM user guide, "Available keys for AWS OIDC federation": the audience is the identity pool, or the application.
    Provider { host: "cognito-identity.amazonaws.com", claims: &["aud", "sub"], subject: None },
    Provider {
        host: "accounts.google.com",
        claims: &["aud", "oaud", "sub", "email", "google/organization_number"],
        subject: None,
    },
    Provider { host: "www.amazon.com", claims: &["app_id", "user_id"], subject: None },
    Provider { host: "graph.facebook.com", claims: &["app_id", "id"], subject: None },
];

const SUBJECT: CheckMeta = CheckMeta {
    id: "role-oidc-subject",
    title: "OIDC identities that assume roles are named, not any",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "GitHub, GitLab and their like sign tokens for everybody: a role that asks for the audience alone can be assumed from \
                anybody's pipeline, and repo:our-org* lets in whoever registers our-org-2. The subject must name the owner before \
                its first wildcard; an EKS role must name the namespace; roles for Cognito, Google, Amazon and Facebook must \
                name the identity pool or the application; for any other issuer the subject must be asked for.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Trust relationships, Edit trust policy: add the condition StringLike <issuer>:sub with the \
                  owner and repository, such as repo:our-org/our-repo:ref:refs/heads/main, and StringEquals <issuer>:aud.",
        cli: "aws iam get-role --role-name <role> --query Role.AssumeRolePolicyDocument\n\
              # the same with conditions on the issuer's sub and aud\n\
              aws iam update-assume-role-policy --role-name <role> --policy-document file://trust.json",
        playbook: None,
    },
    references: &[
        Reference { document: "IAM user guide", section: "Create a role for OpenID Connect federation (console)" },
        Reference { document: "IAM user guide", section: "Identity-provider controls for shared OIDC providers" },
        Reference { document: "EKS user guide", section: "Assign IAM roles to Kubernetes service accounts" },
    ],
    facts: &[Fact::Authorization],
};

fn subject(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let authorization = facts.authorization()?;
    let mut found = Vec::new();
    let mut any = false;
    for trust in trusts(facts, authorization) {
        let mut open = Vec::new();
        for party in trust.parties() {
            if party == Party::Anyone {
                let issuers = open_to_everyone(&trust);
                any |= !issuers.is_empty();
                let whole = issuers.iter().any(|issuer| issuer == INVENTED);
                open.extend(if whole { vec!["any issuer".to_owned()] } else { backticked(&issuers) });
            }
            let Party::Provider(name) = &party else { continue };
            let Some(issuer) = issuer(name) else { continue };
            any = true;
            if strangers(&trust, issuer)
                .into_iter()
                .any(|token| trust.may(Principal::federated(name), "sts:AssumeRoleWithWebIdentity", token))
            {
                open.push(format!("`{issuer}`"));
            }
        }
        if !open.is_empty() {
            let message = format!("may be assumed with a stranger's token of {}", listed(&open));
            found.push(FailingResource { resource: trust.role.arn.clone(), message });
        }
    }
    if !any && found.is_empty() {
        return Ok(Outcome::pass("no role trusts an OIDC provider"));
    }
    let summary = |count| format!("{} may be assumed with a stranger's token", roles(count));
    Ok(Outcome::of(found, summary, "every role that trusts an OIDC provider says whose tokens"))
}

fn backticked(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

/// Whether someone with a token of an issuer that everyone shares, or with a SAML assertion, may assume a role as one of the
/// `everyone` that its trust policy names.
pub(super) fn token_may(trust: &Trust<'_>) -> bool {
    let asserted = || {
        let assertion = without_identity(of_issuer(trust, INVENTED, Context::partial()));
        trust.may(Principal::federated(INVENTED), "sts:AssumeRoleWithSAML", assertion)
    };
    !open_to_everyone(trust).is_empty() || asserted()
}

/// Issuers with a stranger's token of which a role may be assumed that everyone may assume: those that conditions mention, those
/// known, and one made up (`INVENTED`).
fn open_to_everyone(trust: &Trust<'_>) -> Vec<String> {
    let mentioned = trust.keys().filter_map(|key| key.rsplit_once(':')).map(|(issuer, _)| issuer.to_ascii_lowercase());
    let mentioned = mentioned.filter(|issuer| issuer.contains('.'));
    let known = PROVIDERS.iter().map(|provider| provider.host.to_owned());
    let issuers: BTreeSet<String> = mentioned.chain(known).chain([INVENTED.to_owned()]).collect();
    let open = |issuer: &String| {
        strangers(trust, issuer).into_iter().any(|token| {
            let token = without_identity(of_issuer(trust, issuer, token));
            trust.may(Principal::federated(issuer), "sts:AssumeRoleWithWebIdentity", token)
        })
    };
    issuers.into_iter().filter(open).collect()
}

/// A token of one issuer, which has no claim of another.
fn of_issuer(trust: &Trust<'_>, issuer: &str, token: Context) -> Context {
    let other =
        |key: &&str| key.rsplit_once(':').is_some_and(|(of, _)| of.contains('.') && !of.eq_ignore_ascii_case(issuer));
    trust.keys().filter(other).fold(token, Context::without)
}

/// Who brings a token is nobody in AWS: in no account and no organization, without MFA and ExternalId.
fn without_identity(token: Context) -> Context {
    let absent = [
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:MultiFactorAuthAge",
        "aws:MultiFactorAuthPresent",
        "sts:ExternalId",
    ];
    absent.into_iter().fold(token, Context::without)
}

/// The issuer as condition keys begin with it: an OIDC provider's path, or a domain that AWS knows. None for SAML.
fn issuer(provider: &str) -> Option<&str> {
    match provider.split_once(":oidc-provider/") {
        Some((_, issuer)) => Some(issuer),
        None if provider.contains(":saml-provider/") || provider.starts_with("arn:") => None,
        None => Some(provider),
    }
}

/// Tokens of strangers, as the context of their requests.
fn strangers(trust: &Trust<'_>, issuer: &str) -> Vec<Context> {
    let known = PROVIDERS.iter().find(|provider| issuer.starts_with(provider.host));
    let (claims, form) = known.map_or((&[][..], Some(("", '\0'))), |provider| (provider.claims, provider.subject));
    let key = |claim: &str| format!("{issuer}:{claim}");
    let mut token = Context::partial();
    for claim in claims {
        token = token.with(&key(claim), INVENTED);
    }
    let Some(form) = form else { return vec![token] };
    let mut subjects = vec![format!("{}{INVENTED}", form.0), format!("{}{INVENTED}{}{INVENTED}", form.0, form.1)];
    let mentioned = trust.values(&key("sub"));
    subjects.extend(mentioned.into_iter().filter(|pattern| !names_owner(pattern, form)).map(|pattern| {
        // Whatever the first wildcard stands for, a stranger's name is among it.
        pattern.replacen('*', INVENTED, 1).replace(['*', '?'], "x")
    }));
    subjects.iter().map(|subject| token.clone().with(&key("sub"), subject)).collect()
}

/// Whether a pattern of subjects says whose they are before its first wildcard.
fn names_owner(pattern: &str, (prefix, end): (&str, char)) -> bool {
    let Some(at) = pattern.find(['*', '?']) else { return true };
    let fixed = pattern.get(..at).unwrap_or_default();
    match fixed.strip_prefix(prefix) {
        // An issuer nobody knows: something must be fixed.
        Some(owner) if end == '\0' => !owner.is_empty(),
        Some(owner) => owner.find(end).is_some_and(|at| at > 0),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, LITTLE};
    use super::super::tests::judge;
    use crate::model::iam::IamRole;
    use crate::model::{Finding, Verdict};

    fn found(provider: &str, condition: &str) -> Finding {
        let provider = if provider.contains('/') || provider.contains("github") || provider.contains("gitlab") {
            format!("arn:aws:iam::222222222222:oidc-provider/{provider}")
        } else {
            provider.to_owned()
        };
        let trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}]}}"#
        );
        let facts = fixtures::with_authorization(|all| {
            all.roles.push(IamRole { trust_policy, ..fixtures::role("pipeline", LITTLE) });
        });
        judge(&fixtures::org(), &facts, "role-oidc-subject")
    }

    #[track_caller]
    fn verdicts(provider: &str, cases: &[(&str, Verdict)]) {
        for (condition, verdict) in cases {
            let condition = condition.replace("ISS", provider);
            let finding = found(provider, &condition);
            assert_eq!(finding.verdict, *verdict, "{condition}: {}", finding.message);
        }
    }

    #[test]
    fn a_github_subject_names_its_owner_before_the_first_wildcard() {
        verdicts(
            "token.actions.githubusercontent.com",
            &[
                ("{}", Verdict::Fail),
                (r#"{"StringEquals":{"ISS:aud":"sts.amazonaws.com"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"repo:*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"repo:our-org*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"repo:our-or?/app:*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"repo:*/app:ref:refs/heads/main"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":["repo:our-org/app:*","*"]}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"repo:our-org/*"}}"#, Verdict::Pass),
                (r#"{"StringEquals":{"ISS:sub":"repo:our-org/app:ref:refs/heads/main"}}"#, Verdict::Pass),
                // A wildcard is plain text to StringEquals.
                (r#"{"StringEquals":{"ISS:sub":"repo:*"}}"#, Verdict::Pass),
                (r#"{"StringEqualsIfExists":{"ISS:sub":"repo:our-org/app:pull_request"}}"#, Verdict::Pass),
                (r#"{"StringNotEquals":{"ISS:sub":"repo:our-org/app:pull_request"}}"#, Verdict::Fail),
                (r#"{"StringEquals":{"ISS:repository_owner_id":"12345"}}"#, Verdict::Pass),
                (r#"{"StringEquals":{"ISS:ref":"refs/heads/main"}}"#, Verdict::Fail),
            ],
        );
        let finding = found("token.actions.githubusercontent.com", "{}");
        let message = "may be assumed with a stranger's token of `token.actions.githubusercontent.com`";
        assert_eq!(finding.resources[0].message, message);
    }

    #[test]
    fn other_providers_have_their_own_form() {
        verdicts(
            "gitlab.com",
            &[
                (r#"{"StringLike":{"ISS:sub":"project_path:our-group/*:ref_type:branch:ref:main"}}"#, Verdict::Pass),
                (r#"{"StringLike":{"ISS:sub":"project_path:our-gr*"}}"#, Verdict::Fail),
                (r#"{"StringEquals":{"ISS:aud":"https://gitlab.com"}}"#, Verdict::Fail),
            ],
        );
        verdicts(
            "oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF",
            &[
                (r#"{"StringEquals":{"ISS:aud":"sts.amazonaws.com"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"system:serviceaccount:*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"system:serviceaccount:shop:*"}}"#, Verdict::Pass),
                (r#"{"StringEquals":{"ISS:sub":"system:serviceaccount:shop:web"}}"#, Verdict::Pass),
            ],
        );
        verdicts(
            "sso.example.com/realms/ci",
            &[
                (r#"{"StringEquals":{"ISS:aud":"aws"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"*"}}"#, Verdict::Fail),
                (r#"{"StringLike":{"ISS:sub":"robot-*"}}"#, Verdict::Pass),
            ],
        );
    }

    #[test]
    fn an_identity_pool_or_an_application_must_be_named() {
        verdicts(
            "cognito-identity.amazonaws.com",
            &[
                (r#"{"StringEquals":{"ISS:aud":"eu-central-1:12345678-aaaa"}}"#, Verdict::Pass),
                (r#"{"StringLike":{"ISS:aud":"*"}}"#, Verdict::Fail),
                (r#"{"ForAnyValue:StringLike":{"ISS:amr":"authenticated"}}"#, Verdict::Fail),
            ],
        );
        verdicts(
            "accounts.google.com",
            &[("{}", Verdict::Fail), (r#"{"StringEquals":{"ISS:aud":"1-a.apps"}}"#, Verdict::Pass)],
        );
        verdicts(
            "graph.facebook.com",
            &[(r#"{"StringEquals":{"ISS:app_id":"1"}}"#, Verdict::Pass), ("{}", Verdict::Fail)],
        );
    }

    #[test]
    fn everyone_is_every_issuer() {
        let found = |action: &str, condition: &str| {
            let trust_policy = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"{action}","Condition":{condition}}}]}}"#
            );
            let facts = fixtures::with_authorization(|all| {
                all.roles.push(IamRole { trust_policy, ..fixtures::role("pipeline", LITTLE) });
            });
            judge(&fixtures::org(), &facts, "role-oidc-subject")
        };
        let web = "sts:AssumeRoleWithWebIdentity";
        let finding = found(web, "{}");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.resources[0].message, "may be assumed with a stranger's token of any issuer");
        let like = |subject: &str| {
            found(web, &format!(r#"{{"StringLike":{{"token.actions.githubusercontent.com:sub":"{subject}"}}}}"#))
        };
        let finding = like("repo:*");
        assert_eq!(finding.verdict, Verdict::Fail);
        let message = "may be assumed with a stranger's token of `token.actions.githubusercontent.com`";
        assert_eq!(finding.resources[0].message, message);
        assert_eq!(like("repo:our-org/app:*").verdict, Verdict::Pass);
        // Whoever brings no token is another check's.
        assert_eq!(found("sts:AssumeRole", "{}").verdict, Verdict::Pass);
    }

    #[test]
    fn without_a_provider_nothing_is_asked() {
        let finding = judge(&fixtures::org(), &fixtures::account(), "role-oidc-subject");
        assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Pass, "no role trusts an OIDC provider"));
    }
}
