//! Credentials and certificates that no credential report shows: SSH keys, service-specific credentials, certificates of
//! servers and of SAML providers.
//!
//! Owns: four checks, each of one account. Must not: judge passwords and access keys.
//!
//! Source: IAM user guide, "IAM credentials for CodeCommit", "Manage server certificates in IAM" and "SAML 2.0 federation".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use jiff::Timestamp;

/// What users keep.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: SSH_KEY_AGE, judge: Judge::Whole(ssh_key_age) },
    Check { meta: SERVICE_SPECIFIC, judge: Judge::Whole(service_specific) },
];

/// What the account keeps.
pub(super) const CERTIFICATES: &[Check] = &[
    Check { meta: SERVER_CERTIFICATE, judge: Judge::Whole(server_certificate) },
    Check { meta: SAML_CERTIFICATE, judge: Judge::Whole(saml_certificate) },
];

const GUIDE: &str = "IAM user guide";

const SSH_KEY_AGE: CheckMeta = CheckMeta {
    id: "ssh-key-age",
    title: "No active SSH public key is older than 90 days",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "SSH keys of users open CodeCommit's repositories, never expire, and are in no credential report. Listing them \
                costs a call per user, so it is done only with --deep.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials, SSH public keys for AWS CodeCommit: upload a new one, then \
                  Actions, Deactivate the old one.",
        cli: "aws iam upload-ssh-public-key --user-name <user> --ssh-public-key-body file://new-key.pub\n\
              # once the new key is in use\n\
              aws iam update-ssh-public-key --user-name <user> --ssh-public-key-id <old key id> --status Inactive",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "IAM credentials for CodeCommit" }],
    facts: &[Fact::SshPublicKeys],
};

fn ssh_key_age(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let limit = i64::from(thresholds.ssh_key_age_days);
    let mut old = Vec::new();
    for key in facts.ssh_public_keys()?.iter().filter(|key| key.active) {
        let Some(uploaded) = key.uploaded else {
            let message = format!("the answer does not tell when SSH key `{}` of `{}` was uploaded", key.id, key.user);
            facts.doubt("iam:ListSSHPublicKeys", message);
            continue;
        };
        let age = facts.days_since(uploaded);
        if age > limit {
            let message = format!("this SSH key of user `{}` is {} old, more than {limit}", key.user, days(age));
            old.push(FailingResource { resource: key.id.clone(), message });
        }
    }
    let summary = |count| match count {
        1 => format!("1 active SSH key is older than {}", days(limit)),
        _ => format!("{count} active SSH keys are older than {}", days(limit)),
    };
    Ok(Outcome::of(old, summary, &format!("no active SSH key is older than {}", days(limit))))
}

const SERVICE_SPECIFIC: CheckMeta = CheckMeta {
    id: "service-specific-credentials",
    title: "No service-specific credential can be used",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "User names, passwords and API keys for single services (CodeCommit, Keyspaces, Bedrock) are long-term secrets \
                outside the credential report, without MFA and mostly without an end. Each of these services takes temporary \
                credentials of a role. One that is active and not expired fails; what can't do without needs an exemption.",
    remediation: Remediation {
        console: "IAM, Users, the user, Security credentials: the credentials for CodeCommit, Keyspaces or the API keys, \
                  Actions, Deactivate; then Delete.",
        cli: "aws iam update-service-specific-credential --user-name <user> --service-specific-credential-id \
              <credential id> --status Inactive\n\
              # once nothing fails\n\
              aws iam delete-service-specific-credential --user-name <user> --service-specific-credential-id \
              <credential id>",
        playbook: None,
    },
    references: &[Reference { document: "IAM API reference", section: "ListServiceSpecificCredentials" }],
    facts: &[Fact::ServiceSpecificCredentials],
};

fn service_specific(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let credentials = facts.service_specific_credentials()?;
    let now = facts.org.as_of;
    let usable = credentials.iter().filter(|one| one.active && one.expires.is_none_or(|end| end > now));
    let found = usable.map(|one| {
        let age = one.created.map(|made| format!(", made {} ago", days(facts.days_since(made)))).unwrap_or_default();
        let end = if one.expires.is_none() { " and never expires" } else { "" };
        let message = format!("this credential of user `{}` for `{}`{age}, can be used{end}", one.user, one.service);
        FailingResource { resource: one.id.clone(), message }
    });
    let summary = |count| match count {
        1 => "1 service-specific credential can be used".to_owned(),
        _ => format!("{count} service-specific credentials can be used"),
    };
    Ok(Outcome::of(found.collect(), summary, "no service-specific credential can be used"))
}

const SERVER_CERTIFICATE: CheckMeta = CheckMeta {
    id: "server-certificate-expired",
    title: "No server certificate kept in IAM has expired",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "An expired certificate that stays can be put on a load balancer by mistake, and visitors then learn to click \
                warnings away. IAM renews nothing; AWS Certificate Manager does.",
    remediation: Remediation {
        console: "The console does not show certificates kept in IAM. Put the load balancer on one of Certificate Manager, then \
                  delete the old one with the CLI.",
        cli: "aws iam list-server-certificates\n\
              # once no load balancer uses it\n\
              aws iam delete-server-certificate --server-certificate-name <certificate name>",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "Manage server certificates in IAM" }],
    facts: &[Fact::ServerCertificates],
};

fn server_certificate(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let mut found = Vec::new();
    for certificate in facts.server_certificates()? {
        match certificate.expires {
            Some(end) => found.extend(expiring(facts, &certificate.arn, end, thresholds)),
            None => {
                let message = format!("the answer does not tell when `{}` expires", certificate.arn);
                facts.doubt("iam:ListServerCertificates", message);
            }
        }
    }
    let summary = |count| expired(count, "server certificate", thresholds);
    Ok(Outcome::of(found, summary, "no server certificate kept in IAM has expired"))
}

const SAML_CERTIFICATE: CheckMeta = CheckMeta {
    id: "saml-provider-certificate",
    title: "No SAML provider's metadata has expired",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "When the certificate in a SAML provider's metadata runs out nobody signs in through it any more, and the way out \
                is then the root user or a break-glass user. A provider that expired long ago and that nobody missed is a way \
                in that nobody watches.",
    remediation: Remediation {
        console: "IAM, Identity providers, the provider, Replace metadata; or delete a provider that no role trusts.",
        cli: "aws iam update-saml-provider --saml-provider-arn <provider ARN> --saml-metadata-document \
              file://metadata.xml\n\
              # or, where no role trusts it\n\
              aws iam delete-saml-provider --saml-provider-arn <provider ARN>",
        playbook: None,
    },
    references: &[Reference { document: GUIDE, section: "Create a SAML identity provider in IAM" }],
    facts: &[Fact::SamlProviders],
};

fn saml_certificate(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let providers = facts.saml_providers()?;
    if providers.is_empty() {
        return Ok(Outcome::NotApplicable("the account has no SAML provider".to_owned()));
    }
    let mut found = Vec::new();
    for provider in providers {
        match provider.valid_until {
            Some(end) => found.extend(expiring(facts, &provider.arn, end, thresholds)),
            None => {
                let message = format!("the answer does not tell until when `{}` is valid", provider.arn);
                facts.doubt("iam:ListSAMLProviders", message);
            }
        }
    }
    let summary = |count| expired(count, "SAML provider", thresholds);
    Ok(Outcome::of(found, summary, "no SAML provider's metadata has expired"))
}

/// Something that expired, or that does within `certificate_days`.
fn expiring(facts: &Facts<'_>, resource: &str, end: Timestamp, thresholds: &Thresholds) -> Option<FailingResource> {
    let now = facts.org.as_of;
    let day = end.strftime("%Y-%m-%d");
    let left = end.as_second().saturating_sub(now.as_second());
    let message = if left <= 0 {
        format!("expired {} ago, on {day}", days(facts.days_since(end)))
    } else if left <= i64::from(thresholds.certificate_days) * 86_400 {
        format!("expires in {}, on {day}", days(left / 86_400))
    } else {
        return None;
    };
    Some(FailingResource { resource: resource.to_owned(), message })
}

fn expired(count: usize, what: &str, thresholds: &Thresholds) -> String {
    let (plural, has) = if count == 1 { ("", "has") } else { ("s", "have") };
    match thresholds.certificate_days {
        0 => format!("{count} {what}{plural} {has} expired"),
        soon => format!("{count} {what}{plural} {has} expired or will within {}", days(soon.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, days_ago, seen};
    use super::super::tests::{hidden, judge, judge_all};
    use super::*;
    use crate::model::credential::{SamlProvider, ServerCertificate, ServiceSpecificCredential, SshPublicKey};
    use crate::model::{AccountFacts, Finding, Observed, Verdict};

    fn on(facts: &AccountFacts, check: &str) -> Finding {
        judge(&fixtures::org(), facts, check)
    }

    #[test]
    fn old_ssh_keys_fail_and_without_the_flag_nothing_is_told() {
        let key = |active, uploaded| SshPublicKey { user: "ann".into(), id: "APKA1".into(), active, uploaded };
        let with =
            |key| AccountFacts { ssh_public_keys: seen("iam:ListSSHPublicKeys", vec![key]), ..fixtures::account() };
        for (days, verdict) in [(90, Verdict::Pass), (91, Verdict::Fail)] {
            assert_eq!(on(&with(key(true, Some(days_ago(days)))), "ssh-key-age").verdict, verdict, "{days}");
        }
        assert_eq!(on(&with(key(false, Some(days_ago(900)))), "ssh-key-age").verdict, Verdict::Pass);
        assert_eq!(on(&with(key(true, None)), "ssh-key-age").verdict, Verdict::Unknown);
        let found = on(&with(key(true, Some(days_ago(91)))), "ssh-key-age");
        assert_eq!(found.resources[0].message, "this SSH key of user `ann` is 91 days old, more than 90");
        let keys = Observed::not_collected("iam:ListSSHPublicKeys");
        assert_eq!(
            on(&AccountFacts { ssh_public_keys: keys, ..fixtures::account() }, "ssh-key-age").verdict,
            Verdict::Unknown
        );
    }

    #[test]
    fn a_service_specific_credential_that_works_fails() {
        let check = "service-specific-credentials";
        let with = |active, expires| {
            let one = ServiceSpecificCredential {
                user: "ann".into(),
                service: "codecommit.amazonaws.com".into(),
                id: "ACCA1".into(),
                active,
                created: Some(days_ago(12)),
                expires,
            };
            let seen = seen("iam:ListServiceSpecificCredentials", vec![one]);
            on(&AccountFacts { service_specific_credentials: seen, ..fixtures::account() }, check)
        };
        assert_eq!(with(false, None).verdict, Verdict::Pass);
        assert_eq!(with(true, Some(days_ago(1))).verdict, Verdict::Pass, "expired");
        assert_eq!(with(true, Some(days_ago(-1))).verdict, Verdict::Fail);
        let found = with(true, None);
        let message = "this credential of user `ann` for `codecommit.amazonaws.com`, made 12 days ago, can be used and never expires";
        assert_eq!(found.resources[0].message, message);
    }

    #[test]
    fn a_server_certificate_fails_from_the_second_it_expires() {
        let check = "server-certificate-expired";
        let with = |expires| {
            let one =
                ServerCertificate { name: "web".into(), arn: "arn:aws:iam::1:server-certificate/web".into(), expires };
            AccountFacts { server_certificates: seen("iam:ListServerCertificates", vec![one]), ..fixtures::account() }
        };
        assert_eq!(on(&with(Some(days_ago(0))), check).verdict, Verdict::Fail);
        assert_eq!(on(&with(Some(days_ago(-10))), check).verdict, Verdict::Pass);
        assert_eq!(on(&with(None), check).verdict, Verdict::Unknown);
        assert_eq!(on(&with(Some(days_ago(3))), check).resources[0].message, "expired 3 days ago, on 2026-05-29");
        let soon = Thresholds { certificate_days: 10, ..Thresholds::default() };
        let found = judge_all(&fixtures::org(), &with(Some(days_ago(-10))), &soon, check).remove(0);
        assert_eq!(found.message, "1 server certificate has expired or will within 10 days");
        assert_eq!(on(&fixtures::account(), check).verdict, Verdict::Pass, "none is kept");
    }

    #[test]
    fn a_saml_provider_is_judged_only_where_there_is_one() {
        let check = "saml-provider-certificate";
        let with = |ends: &[Option<Timestamp>]| {
            let arn = |at| format!("arn:aws:iam::222222222222:saml-provider/{at}");
            let all = ends.iter().enumerate().map(|(at, end)| SamlProvider { arn: arn(at), valid_until: *end });
            AccountFacts { saml_providers: seen("iam:ListSAMLProviders", all.collect()), ..fixtures::account() }
        };
        assert_eq!(on(&with(&[]), check).verdict, Verdict::NotApplicable);
        assert_eq!(on(&with(&[Some(days_ago(-400))]), check).verdict, Verdict::Pass);
        assert_eq!(on(&with(&[Some(days_ago(-400)), None]), check).verdict, Verdict::Unknown);
        let found = on(&with(&[None, Some(days_ago(1))]), check);
        assert_eq!((found.verdict, found.resources.len()), (Verdict::Fail, 1));
        assert_eq!(found.message, "1 SAML provider has expired");
        let denied = AccountFacts { saml_providers: hidden(), ..fixtures::account() };
        assert_eq!(on(&denied, check).verdict, Verdict::Unknown);
    }
}
