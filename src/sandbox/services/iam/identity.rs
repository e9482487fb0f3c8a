//! Certificates, SAML providers, further credentials of users, and central root access.
//!
//! Owns: how IAM lists them. Must not: make or change one.
//!
//! Source: IAM API reference, `ListServerCertificates`, `ListSAMLProviders`, `ListSSHPublicKeys`,
//! `ListServiceSpecificCredentials`, `ListOrganizationsFeatures`.

use super::{no_such_entity, paged, pages};
use crate::sandbox::state::AccountState;
use crate::sandbox::{ApiError, Caller, Org, input, wire};
use serde_json::{Value, json};

pub(super) fn server_certificates(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let prefix = input::opt_text(&input, "PathPrefix")?.unwrap_or("/");
    let state = org.state(&caller.account);
    let shown: Vec<Value> = state
        .identity
        .certificates
        .iter()
        .filter(|(_, certificate)| certificate.path.starts_with(prefix))
        .map(|(name, certificate)| {
            json!({
                "Path": certificate.path,
                "ServerCertificateName": name,
                "ServerCertificateId": certificate.id,
                "Arn": format!("arn:aws:iam::{}:server-certificate{}{name}", state.account, certificate.path),
                "UploadDate": wire::timestamp(certificate.uploaded),
                "Expiration": wire::timestamp(certificate.expires),
            })
        })
        .collect();
    let (part, marker) = pages(&shown, &input)?;
    Ok(paged("ServerCertificateMetadataList", part.to_vec(), marker))
}

pub(super) fn saml_providers(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    let state = org.state(&caller.account);
    let shown: Vec<Value> = state
        .identity
        .saml_providers
        .iter()
        .map(|(arn, provider)| {
            json!({
                "Arn": arn,
                "ValidUntil": wire::timestamp(provider.valid_until),
                "CreateDate": wire::timestamp(provider.created),
            })
        })
        .collect();
    Ok(json!({ "SAMLProviderList": shown }))
}

/// A user who must exist.
fn known<'a>(state: &AccountState, name: &'a str) -> Result<&'a str, ApiError> {
    match state.users.contains_key(name) {
        true => Ok(name),
        false => Err(no_such_entity(format!("The user with name {name} cannot be found."))),
    }
}

pub(super) fn ssh_public_keys(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let state = org.state(&caller.account);
    // Without a name IAM takes the caller, and a role session is no user.
    let name = known(&state, input::text(&input, "UserName")?)?;
    let shown: Vec<Value> = state
        .identity
        .ssh_keys
        .get(name)
        .into_iter()
        .flatten()
        .map(|key| {
            json!({
                "UserName": name,
                "SSHPublicKeyId": key.id,
                "Status": if key.active { "Active" } else { "Inactive" },
                "UploadDate": wire::timestamp(key.uploaded),
            })
        })
        .collect();
    let (part, marker) = pages(&shown, &input)?;
    Ok(paged("SSHPublicKeys", part.to_vec(), marker))
}

pub(super) fn service_specific_credentials(org: &mut Org, caller: &Caller, input: Value) -> Result<Value, ApiError> {
    let everybody = input::opt_bool(&input, "AllUsers")?.unwrap_or(false);
    let named = input::opt_text(&input, "UserName")?;
    let service = input::opt_text(&input, "ServiceName")?;
    let state = org.state(&caller.account);
    let wanted = match (everybody, named) {
        (true, Some(_)) => return Err(ApiError::validation("AllUsers must not be specified together with UserName.")),
        (true, None) => None,
        (false, Some(name)) => Some(known(&state, name)?),
        (false, None) => return Err(input::missing("UserName")),
    };
    let all = state.identity.service_credentials.iter().filter(|(user, _)| wanted.is_none_or(|name| name == *user));
    let shown: Vec<Value> = all
        .flat_map(|(user, held)| held.iter().map(move |credential| (user, credential)))
        .filter(|(_, credential)| service.is_none_or(|service| service == credential.service))
        .map(|(user, credential)| {
            json!({
                "UserName": user,
                "Status": if credential.active { "Active" } else { "Inactive" },
                "ServiceUserName": format!("{user}-at-{}", state.account),
                "CreateDate": wire::timestamp(credential.created),
                "ServiceSpecificCredentialId": credential.id,
                "ServiceName": credential.service,
            })
        })
        .collect();
    let (part, marker) = pages(&shown, &input)?;
    Ok(paged("ServiceSpecificCredentials", part.to_vec(), marker))
}

pub(super) fn organizations_features(org: &mut Org, caller: &Caller, _input: Value) -> Result<Value, ApiError> {
    let administers = |service: &str| {
        org.is_management(&caller.account)
            || org.delegated.get(&caller.account).is_some_and(|services| services.contains_key(service))
    };
    if !administers("iam.amazonaws.com") {
        let message = "The account is neither the management account nor a delegated administrator for IAM.";
        return Err(ApiError::new("AccountNotManagementOrDelegatedAdministratorException", message));
    }
    if org.info.feature_set != "ALL" {
        let message = "The organization does not have all features enabled.";
        return Err(ApiError::new("OrganizationNotInAllFeaturesModeException", message));
    }
    if !org.service_access.contains_key("iam.amazonaws.com") {
        let message = "IAM does not have trusted access to the organization.";
        return Err(ApiError::new("ServiceAccessNotEnabledException", message));
    }
    Ok(json!({ "OrganizationId": org.info.id, "EnabledFeatures": org.root_features }))
}
