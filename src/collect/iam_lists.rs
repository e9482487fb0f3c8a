//! What IAM keeps in plain lists: how long a role's sessions may be, certificates, providers, further credentials of users.
//!
//! Owns: these calls and how their answers become the model's. Must not: judge them.
//!
//! Source: IAM API reference, `ListRoles`, `ListServerCertificates`, `ListSAMLProviders`, `ListServiceSpecificCredentials`,
//! `ListSSHPublicKeys`.

use super::decode::{maybe_time, time};
use crate::aws::AccountSession;
use crate::model::credential::{SamlProvider, ServerCertificate, ServiceSpecificCredential, SshPublicKey};
use crate::model::iam::Authorization;
use crate::model::observed::{Cause, Observed};
use crate::resources::call::{Tokens, done, is, pages};
use aws_sdk_iam::types::{ServiceSpecificCredentialMetadata, SshPublicKeyMetadata, StatusType};
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

pub(super) const ROLES: &str = "iam:ListRoles";
pub(super) const CERTIFICATES: &str = "iam:ListServerCertificates";
pub(super) const PROVIDERS: &str = "iam:ListSAMLProviders";
pub(super) const CREDENTIALS: &str = "iam:ListServiceSpecificCredentials";
pub(super) const SSH_KEYS: &str = "iam:ListSSHPublicKeys";

/// The most items IAM gives in one page.
const PAGE: i32 = 1000;

/// Users asked for their keys at a time.
const USERS_AT_ONCE: usize = 4;

/// The longest session of each role in seconds, by ARN.
pub(super) async fn role_sessions(session: &AccountSession) -> Observed<BTreeMap<String, i32>> {
    let work = async {
        let mut found = BTreeMap::new();
        let stream = session.iam().list_roles().max_items(PAGE).into_paginator().send();
        pages(
            ROLES,
            stream,
            |page| page.marker(),
            |page| {
                let roles = page.roles.into_iter();
                found.extend(roles.filter_map(|role| Some((role.arn, role.max_session_duration?))));
            },
        )
        .await?;
        Ok(Some(found))
    };
    session.observe(ROLES, &session.global_region(), work).await
}

/// Server certificates.
pub(super) async fn server_certificates(session: &AccountSession) -> Observed<Vec<ServerCertificate>> {
    let work = async {
        let mut found = Vec::new();
        let stream = session.iam().list_server_certificates().max_items(PAGE).into_paginator().send();
        pages(
            CERTIFICATES,
            stream,
            |page| page.marker(),
            |page| {
                found.extend(page.server_certificate_metadata_list.into_iter().map(|one| ServerCertificate {
                    expires: maybe_time(one.expiration()),
                    name: one.server_certificate_name,
                    arn: one.arn,
                }));
            },
        )
        .await?;
        Ok(Some(found))
    };
    session.observe(CERTIFICATES, &session.global_region(), work).await
}

/// SAML providers. The answer has no pages.
pub(super) async fn saml_providers(session: &AccountSession) -> Observed<Vec<SamlProvider>> {
    let work = async {
        let answer = done(PROVIDERS, session.iam().list_saml_providers().send().await)?;
        let provider = |one: &aws_sdk_iam::types::SamlProviderListEntry| SamlProvider {
            arn: one.arn.clone().unwrap_or_default(),
            valid_until: maybe_time(one.valid_until()),
        };
        Ok(Some(answer.saml_provider_list().iter().map(provider).collect()))
    };
    session.observe(PROVIDERS, &session.global_region(), work).await
}

/// Service-specific credentials of every user.
pub(super) async fn service_specific_credentials(session: &AccountSession) -> Observed<Vec<ServiceSpecificCredential>> {
    let work = async {
        let mut found = Vec::new();
        let mut tokens = Tokens::default();
        let mut marker = None;
        loop {
            let request = session.iam().list_service_specific_credentials().all_users(true).max_items(PAGE);
            let answer = done(CREDENTIALS, request.set_marker(marker).send().await)?;
            found.extend(answer.service_specific_credentials().iter().map(service_specific));
            marker = tokens.next(CREDENTIALS, answer.marker)?;
            if marker.is_none() {
                return Ok(Some(found));
            }
        }
    };
    session.observe(CREDENTIALS, &session.global_region(), work).await
}

fn service_specific(one: &ServiceSpecificCredentialMetadata) -> ServiceSpecificCredential {
    ServiceSpecificCredential {
        user: one.user_name.clone(),
        service: one.service_name.clone(),
        id: one.service_specific_credential_id.clone(),
        active: one.status == StatusType::Active,
        created: time(&one.create_date),
        expires: maybe_time(one.expiration_date()),
    }
}

/// SSH public keys of every user of the account, one call each. Without the users they can't be known.
pub(super) async fn ssh_public_keys(
    session: &AccountSession,
    authorization: &Observed<Authorization>,
) -> Observed<Vec<SshPublicKey>> {
    let users = match authorization.known() {
        Ok(known) => known.map_or(&[][..], |authorization| &authorization.users),
        Err(cause) => return Observed::unknown(cause.clone()),
    };
    let work = async {
        let names: Vec<String> = users.iter().map(|user| user.name.clone()).collect();
        let each = stream::iter(names).map(|name| keys_of(session, name)).buffered(USERS_AT_ONCE);
        let keys: Vec<Vec<SshPublicKey>> = each.try_collect().await?;
        Ok(Some(keys.into_iter().flatten().collect()))
    };
    session.observe(SSH_KEYS, &session.global_region(), work).await
}

/// One user's keys; none where the user is gone since.
async fn keys_of(session: &AccountSession, user: String) -> Result<Vec<SshPublicKey>, Cause> {
    let mut found = Vec::new();
    let mut tokens = Tokens::default();
    let mut marker = None;
    loop {
        let request = session.iam().list_ssh_public_keys().user_name(&user).max_items(PAGE).set_marker(marker);
        let answer = match request.send().await {
            Err(error) if is(&error, &["NoSuchEntity", "NoSuchEntityException"]) => return Ok(Vec::new()),
            answer => done(SSH_KEYS, answer)?,
        };
        found.extend(answer.ssh_public_keys().iter().map(ssh_key));
        marker = tokens.next(SSH_KEYS, answer.marker)?;
        if marker.is_none() {
            return Ok(found);
        }
    }
}

fn ssh_key(one: &SshPublicKeyMetadata) -> SshPublicKey {
    SshPublicKey {
        user: one.user_name.clone(),
        id: one.ssh_public_key_id.clone(),
        active: one.status == StatusType::Active,
        uploaded: time(&one.upload_date),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime;

    #[test]
    fn status_and_dates_are_read() {
        let key = |status| {
            let key = SshPublicKeyMetadata::builder().user_name("u").ssh_public_key_id("APKA").status(status);
            ssh_key(&key.upload_date(DateTime::from_secs(60)).build().unwrap())
        };
        assert!(key(StatusType::Active).active && !key(StatusType::Inactive).active);
        assert!(!key(StatusType::from("Expired")).active, "a status of later years is not active");
        assert_eq!(key(StatusType::Active).uploaded.map(|at| at.as_second()), Some(60));
        let credential = ServiceSpecificCredentialMetadata::builder()
            .user_name("u")
            .service_name("bedrock.amazonaws.com")
            .service_specific_credential_id("ACCA")
            .status(StatusType::Active)
            .create_date(DateTime::from_secs(1))
            .expiration_date(DateTime::from_secs(2))
            .build()
            .unwrap();
        let read = service_specific(&credential);
        assert_eq!((read.active, read.expires.map(|at| at.as_second())), (true, Some(2)));
    }
}
