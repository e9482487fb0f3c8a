//! The organization's resource-based delegation policy: whom the management account lets write policies.
//!
//! Owns: its read; orgward never writes it. Must not: judge what it allows.
//!
//! Source: Organizations API reference, `DescribeResourcePolicy`; Organizations User Guide, "Delegated administrator for AWS
//! Organizations".

use super::call::{incomplete, present};
use crate::aws::Sessions;
use crate::model::observed::Observed;

const READ: &str = "organizations:DescribeResourcePolicy";

/// The policy's text, asked with the caller's own credentials; absent where the organization has none.
pub async fn delegation_policy(sessions: &Sessions) -> Observed<String> {
    let session = sessions.base();
    let work = async {
        let answer = session.organizations().describe_resource_policy().send().await;
        let Some(answer) = present(READ, answer, &["ResourcePolicyNotFoundException"])? else { return Ok(None) };
        let content = answer.resource_policy.and_then(|policy| policy.content);
        content.map(Some).ok_or_else(|| incomplete(READ, "content"))
    };
    session.observe(READ, &session.global_region(), work).await
}
