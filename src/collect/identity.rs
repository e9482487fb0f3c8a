//! What IAM says of an account.
//!
//! Owns: which of IAM's facts are asked for, all at once. Must not: know how an answer becomes a fact (`iam`,
//! `iam_lists`), fetch the credential report, which takes its own time, or ask for what is heavy (`authorization`).

use super::account::Ask;
use super::{iam, iam_lists};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::resources::password_policy;

pub(super) const PASSWORD_POLICY: &str = "iam:GetAccountPasswordPolicy";

/// Asks, and answers with what puts the answers into the facts.
pub(super) async fn ask(ask: Ask<'_>) -> impl FnOnce(&mut AccountFacts) + use<> {
    let session = ask.session;
    let (summary, policy, devices, sessions, certificates, providers, credentials) = tokio::join!(
        ask.fact(Fact::AccountSummary, iam::SUMMARY, || iam::summary(session)),
        ask.fact(Fact::PasswordPolicy, PASSWORD_POLICY, || password_policy::get(session)),
        ask.fact(Fact::VirtualMfaDevices, iam::VIRTUAL_MFA, || iam::virtual_mfa_devices(session)),
        ask.fact(Fact::RoleSessions, iam_lists::ROLES, || iam_lists::role_sessions(session)),
        ask.fact(Fact::ServerCertificates, iam_lists::CERTIFICATES, || iam_lists::server_certificates(session)),
        ask.fact(Fact::SamlProviders, iam_lists::PROVIDERS, || iam_lists::saml_providers(session)),
        ask.fact(Fact::ServiceSpecificCredentials, iam_lists::CREDENTIALS, || iam_lists::service_specific_credentials(
            session
        )),
    );
    move |facts| {
        facts.summary = summary;
        facts.password_policy = policy;
        facts.virtual_mfa_devices = devices;
        facts.role_sessions = sessions;
        facts.server_certificates = certificates;
        facts.saml_providers = providers;
        facts.service_specific_credentials = credentials;
    }
}
