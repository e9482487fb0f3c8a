//! IAM facts of an account: summary, authorization details, virtual MFA devices.
//!
//! Owns: how IAM's structures become the model's. Must not: judge them.
//!
//! Source: IAM API reference, `GetAccountSummary`, `GetAccountAuthorizationDetails`, `ListVirtualMFADevices`.

use super::decode::{document, maybe_time};
use crate::aws::AccountSession;
use crate::model::iam::{
    AccountSummary, Authorization, IamGroup, IamRole, IamUser, InlinePolicy, ManagedPolicy, VirtualMfaDevice,
};
use crate::model::observed::Observed;
use crate::resources::call::{done, pages};
use aws_sdk_iam::types;
use std::collections::BTreeMap;

pub(super) const SUMMARY: &str = "iam:GetAccountSummary";
pub(super) const AUTHORIZATION: &str = "iam:GetAccountAuthorizationDetails";
pub(super) const VIRTUAL_MFA: &str = "iam:ListVirtualMFADevices";

/// The most entities IAM gives in one page.
const PAGE: i32 = 1000;

/// `GetAccountSummary`. Entries this SDK does not know are kept too.
pub(super) async fn summary(session: &AccountSession) -> Observed<AccountSummary> {
    let work = async {
        let answer = done(SUMMARY, session.iam().get_account_summary().send().await)?;
        let entries = answer.summary_map.unwrap_or_default();
        Ok(Some(entries.into_iter().map(|(key, value)| (key.as_str().to_owned(), i64::from(value))).collect()))
    };
    session.observe(SUMMARY, &session.global_region(), work).await
}

/// `GetAccountAuthorizationDetails`, every page, with documents decoded. No filter: all five kinds come in one sweep.
pub(super) async fn authorization(session: &AccountSession) -> Observed<Authorization> {
    let work = async {
        let mut all = Authorization::default();
        let request = session.iam().get_account_authorization_details().max_items(PAGE);
        pages(
            AUTHORIZATION,
            request.into_paginator().send(),
            |page| page.marker(),
            |page| {
                all.users.extend(page.user_detail_list().iter().map(user));
                all.groups.extend(page.group_detail_list().iter().map(group));
                all.roles.extend(page.role_detail_list().iter().map(role));
                all.policies.extend(page.policies().iter().map(managed));
            },
        )
        .await?;
        Ok(Some(all))
    };
    session.observe(AUTHORIZATION, &session.global_region(), work).await
}

/// Virtual MFA devices that are assigned to someone.
pub(super) async fn virtual_mfa_devices(session: &AccountSession) -> Observed<Vec<VirtualMfaDevice>> {
    let work = async {
        let mut devices = Vec::new();
        let request = session.iam().list_virtual_mfa_devices().max_items(PAGE);
        let request = request.assignment_status(types::AssignmentStatusType::Assigned);
        pages(
            VIRTUAL_MFA,
            request.into_paginator().send(),
            |page| page.marker(),
            |page| {
                devices.extend(page.virtual_mfa_devices.into_iter().map(|device| VirtualMfaDevice {
                    serial: device.serial_number,
                    user_arn: device.user.map(|user| user.arn).filter(|arn| !arn.is_empty()),
                }));
            },
        )
        .await?;
        Ok(Some(devices))
    };
    session.observe(VIRTUAL_MFA, &session.global_region(), work).await
}

fn inline(policies: &[types::PolicyDetail]) -> Vec<InlinePolicy> {
    let of = |policy: &types::PolicyDetail| InlinePolicy {
        name: policy.policy_name.clone().unwrap_or_default(),
        document: document(policy.policy_document().unwrap_or_default()),
    };
    policies.iter().map(of).collect()
}

fn attached(policies: &[types::AttachedPolicy]) -> Vec<String> {
    policies.iter().filter_map(|policy| policy.policy_arn.clone()).collect()
}

fn boundary(boundary: Option<&types::AttachedPermissionsBoundary>) -> Option<String> {
    boundary.and_then(|boundary| boundary.permissions_boundary_arn.clone())
}

fn tags(tags: &[types::Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

fn user(user: &types::UserDetail) -> IamUser {
    IamUser {
        name: user.user_name.clone().unwrap_or_default(),
        arn: user.arn.clone().unwrap_or_default(),
        created: maybe_time(user.create_date()),
        groups: user.group_list().to_vec(),
        inline: inline(user.user_policy_list()),
        attached: attached(user.attached_managed_policies()),
        boundary: boundary(user.permissions_boundary()),
        tags: tags(user.tags()),
    }
}

fn group(group: &types::GroupDetail) -> IamGroup {
    IamGroup {
        name: group.group_name.clone().unwrap_or_default(),
        arn: group.arn.clone().unwrap_or_default(),
        inline: inline(group.group_policy_list()),
        attached: attached(group.attached_managed_policies()),
    }
}

fn role(role: &types::RoleDetail) -> IamRole {
    IamRole {
        name: role.role_name.clone().unwrap_or_default(),
        arn: role.arn.clone().unwrap_or_default(),
        path: role.path.clone().unwrap_or_else(|| "/".to_owned()),
        created: maybe_time(role.create_date()),
        trust_policy: document(role.assume_role_policy_document().unwrap_or_default()),
        inline: inline(role.role_policy_list()),
        attached: attached(role.attached_managed_policies()),
        boundary: boundary(role.permissions_boundary()),
        last_used: role.role_last_used().and_then(|used| maybe_time(used.last_used_date())),
        tags: tags(role.tags()),
    }
}

fn managed(policy: &types::ManagedPolicyDetail) -> ManagedPolicy {
    let versions = policy.policy_version_list();
    let default = versions.iter().find(|version| version.is_default_version);
    let default = default.or_else(|| {
        versions.iter().find(|version| version.version_id.is_some() && version.version_id == policy.default_version_id)
    });
    ManagedPolicy {
        name: policy.policy_name.clone().unwrap_or_default(),
        arn: policy.arn.clone().unwrap_or_default(),
        attachment_count: policy.attachment_count.unwrap_or(0),
        document: default.and_then(|version| version.document()).map(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_managed_policy_has_its_default_versions_document() {
        let version = |id: &str, default: bool, text: &str| {
            types::PolicyVersion::builder().version_id(id).is_default_version(default).document(text).build()
        };
        let policy = types::ManagedPolicyDetail::builder()
            .policy_name("p")
            .arn("arn:aws:iam::111122223333:policy/p")
            .attachment_count(2)
            .policy_version_list(version("v1", false, "%7B1%7D"))
            .policy_version_list(version("v2", true, "%7B2%7D"));
        assert_eq!(managed(&policy.build()).document.as_deref(), Some("{2}"));
        let policy = types::ManagedPolicyDetail::builder()
            .default_version_id("v1")
            .policy_version_list(version("v0", false, "{0}"))
            .policy_version_list(version("v1", false, "{1}"));
        assert_eq!(managed(&policy.build()).document.as_deref(), Some("{1}"));
        assert_eq!(managed(&types::ManagedPolicyDetail::builder().build()).document, None);
    }

    #[test]
    fn a_role_keeps_its_decoded_trust_policy() {
        let detail = types::RoleDetail::builder()
            .role_name("audit")
            .assume_role_policy_document("%7B%22Version%22%3A%222012-10-17%22%7D")
            .role_last_used(
                types::RoleLastUsed::builder().last_used_date(aws_smithy_types::DateTime::from_secs(60)).build(),
            )
            .tags(types::Tag::builder().key("team").value("a b").build().unwrap())
            .build();
        let role = role(&detail);
        assert_eq!(role.trust_policy, r#"{"Version":"2012-10-17"}"#);
        assert_eq!(role.path, "/");
        assert_eq!(role.last_used.map(|at| at.as_second()), Some(60));
        assert_eq!(role.tags.get("team").map(String::as_str), Some("a b"));
    }
}
