//! What IAM says of an account.
//!
//! Owns: which of IAM's facts are asked for, all at once. Must not: know how an answer becomes a fact (`iam`), or fetch the credential report, which takes its own time.

use super::account::Ask;
use super::iam;
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::resources::password_policy;

pub(super) const PASSWORD_POLICY: &str = "iam:GetAccountPasswordPolicy";

/// Asks, and answers with what puts the answers into the facts.
pub(super) async fn ask(ask: &Ask<'_>) -> impl FnOnce(&mut AccountFacts) + use<> {
    let session = ask.session;
    let (summary, policy, authorization, devices) = tokio::join!(
        ask.fact(Fact::AccountSummary, iam::SUMMARY, iam::summary(session)),
        ask.fact(Fact::PasswordPolicy, PASSWORD_POLICY, password_policy::get(session)),
        ask.fact(Fact::Authorization, iam::AUTHORIZATION, iam::authorization(session)),
        ask.fact(Fact::VirtualMfaDevices, iam::VIRTUAL_MFA, iam::virtual_mfa_devices(session)),
    );
    move |facts| {
        facts.summary = summary;
        facts.password_policy = policy;
        facts.authorization = authorization;
        facts.virtual_mfa_devices = devices;
    }
}
