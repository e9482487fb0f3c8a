//! Policies attached to the root, an OU or an account.
//!
//! Owns: their read and their write. Must not: create a policy.
//!
//! Source: Organizations API reference, `ListPoliciesForTarget`, `AttachPolicy`, `DetachPolicy`. A target has at most ten
//! policies of a type, so asking the target is one page, where asking `FullAWSAccess` is hundreds.

use super::call::{present, present_pages};
use super::document;
use crate::aws::AccountSession;
use crate::model::address::Doc;
use crate::model::ids::{PolicyId, TargetId};
use crate::model::observed::{Cause, Observed};
use crate::model::org::PolicyType;
use aws_sdk_organizations::types;

const READ: &str = "organizations:ListPoliciesForTarget";
const ATTACH: &str = "organizations:AttachPolicy";
const DETACH: &str = "organizations:DetachPolicy";

/// What Organizations answers where the root, OU or account is not there.
const GONE: [&str; 1] = ["TargetNotFoundException"];

/// The empty document, if the policy is attached directly to the target. Where the target is gone nothing is attached: to detach
/// from there is done, and to attach there is what AWS refuses.
pub(super) async fn read(
    session: &AccountSession,
    kind: &PolicyType,
    policy: &str,
    target: &TargetId,
) -> Observed<Doc> {
    let work = async {
        let client = session.organizations();
        let filter = types::PolicyType::from(kind.as_str());
        let request = client.list_policies_for_target().target_id(target.as_str()).filter(filter);
        let mut found = false;
        present_pages(
            READ,
            request.into_paginator().send(),
            &GONE,
            |page| page.next_token(),
            |page| {
                found |= page.policies.unwrap_or_default().iter().any(|attached| attached.name() == Some(policy));
            },
        )
        .await?;
        Ok(found.then(document::empty))
    };
    session.observe(READ, &session.global_region(), work).await
}

/// Attaches the policy; that it is attached already is success.
pub(super) async fn attach(session: &AccountSession, policy: &PolicyId, target: &TargetId) -> Result<(), Cause> {
    let client = session.organizations();
    let answer = client.attach_policy().policy_id(policy.as_str()).target_id(target.as_str()).send().await;
    present(ATTACH, answer, &["DuplicatePolicyAttachmentException"]).map(drop)
}

/// Detaches the policy; that it is not attached, or that it or the target is not there any more, is success.
pub(super) async fn detach(session: &AccountSession, policy: &PolicyId, target: &TargetId) -> Result<(), Cause> {
    let client = session.organizations();
    let answer = client.detach_policy().policy_id(policy.as_str()).target_id(target.as_str()).send().await;
    present(DETACH, answer, &["PolicyNotAttachedException", "PolicyNotFoundException", "TargetNotFoundException"])
        .map(drop)
}
