//! The sandbox as AWS's own SDK sees it, in-process and over HTTP.

mod access;
mod answers;
mod organizations;
mod protocols;
mod sts;
mod transport;

use super::scenario::Scenario;
use super::*;
use crate::model::TargetId;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region as SdkRegion;

/// Credentials as the SDK wants them: key id, secret, session token.
pub(super) type Keys = (String, String, Option<String>);

/// A sandbox around `Scenario::small`, and what tests ask of it.
pub(super) struct Small {
    pub(super) sandbox: Sandbox,
}

impl Small {
    pub(super) fn new() -> Self {
        Self { sandbox: Sandbox::new(Scenario::small()) }
    }

    /// Without quotas, for tests that call a lot.
    pub(super) fn unlimited() -> Self {
        let small = Self::new();
        small.sandbox.set_quotas(false);
        small
    }

    pub(super) fn operator(&self) -> Keys {
        let (id, secret) = self.sandbox.credentials();
        (id, secret, None)
    }

    pub(super) fn config(&self, keys: &Keys, region: &str) -> SdkConfig {
        config(keys, region).http_client(self.sandbox.http_client()).build()
    }

    pub(super) fn organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&self.config(&self.operator(), "us-east-1"))
    }

    pub(super) fn sts(&self, keys: &Keys) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config(keys, "eu-central-1"))
    }

    pub(super) fn account(&self, name: &str) -> AccountId {
        self.sandbox.with(|org| org.members.values().find(|member| member.name == name).unwrap().id.clone())
    }

    pub(super) fn root(&self) -> TargetId {
        self.sandbox.with(|org| org.info.root.clone())
    }

    /// A key of a user in an account who may do everything.
    pub(super) fn user(&self, account: &AccountId) -> Keys {
        self.sandbox.with(|org| {
            let operator = org.state(&org.info.management_account).users[generate::OPERATOR_USER].clone();
            let attached = vec![generate::managed::ADMINISTRATOR.to_owned()];
            let user = state::User { name: "u".into(), inline: Default::default(), attached, ..operator };
            org.state_mut(account).users.insert(user.name.clone(), user);
            let (id, secret) = org.add_key(account, &format!("arn:aws:iam::{account}:user/u"));
            (id, secret, None)
        })
    }

    /// Keys of the audit role in an account.
    pub(super) async fn audit_role(&self, account: &AccountId) -> Keys {
        let answer = self.assume(account).send().await.unwrap();
        keys_of(answer.credentials().unwrap())
    }

    /// Keys of the apply role in an account.
    pub(super) async fn apply_role(&self, account: &AccountId) -> Keys {
        let answer = self.assume_apply(account).send().await.unwrap();
        keys_of(answer.credentials().unwrap())
    }

    /// A right request for the apply role in an account.
    pub(super) fn assume_apply(
        &self,
        account: &AccountId,
    ) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
        self.assume(account)
            .role_arn(format!("arn:aws:iam::{account}:role/{}", generate::APPLY_ROLE))
            .external_id(generate::APPLY_EXTERNAL_ID)
    }

    /// A right request for the audit role in an account.
    pub(super) fn assume(
        &self,
        account: &AccountId,
    ) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
        self.sts(&self.operator())
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/{}", generate::AUDIT_ROLE))
            .role_session_name("test")
            .external_id(generate::AUDIT_EXTERNAL_ID)
    }
}

pub(super) fn config(keys: &Keys, region: &str) -> aws_types::sdk_config::Builder {
    let credentials = Credentials::new(&keys.0, &keys.1, keys.2.clone(), None, "test");
    SdkConfig::builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(SdkRegion::new(region.to_owned()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::disabled())
        .behavior_version(aws_config::BehaviorVersion::latest())
}

pub(super) fn keys_of(credentials: &aws_sdk_sts::types::Credentials) -> Keys {
    (
        credentials.access_key_id().to_owned(),
        credentials.secret_access_key().to_owned(),
        Some(credentials.session_token().to_owned()),
    )
}

/// The code of an error answer.
pub(super) fn code<T: std::fmt::Debug>(result: Result<T, impl ProvideErrorMetadata>) -> String {
    result.unwrap_err().code().unwrap_or("(none)").to_owned()
}
