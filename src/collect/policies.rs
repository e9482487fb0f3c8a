//! The organization's policies: lists, documents, attachments, tags.
//!
//! Owns: what is asked of them and in which order. Must not: wait for the tree, which the attachments of all but one policy do
//! not need.
//!
//! Organizations counts lists (with attachments), documents and tags in three buckets. Each kind of call goes at its own pace,
//! so that no bucket stands idle while another one is drained.

use super::wanted::{Wanted, not_asked};
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::check::Fact;
use crate::model::ids::{PolicyId, TargetId};
use crate::model::observed::{Observed, Source};
use crate::model::org::{Policy, PolicyType, PolicyTypeState, Root};
use crate::resources::policy::{self, Summary};
use futures::{StreamExt, future, stream};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const POLICIES: &str = "organizations:ListPolicies";
pub(super) const CONTENT: &str = "organizations:DescribePolicy";
pub(super) const TARGETS: &str = "organizations:ListTargetsForPolicy";
pub(super) const TAGS: &str = "organizations:ListTagsForResource";

/// Calls of a kind in flight for a type of policy; Organizations allows 2 to 10 a second.
const AT_ONCE: usize = 4;

/// The policy that AWS attaches to everything and that can't be detached.
const RCP_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// Policies by type.
pub(super) type Policies = BTreeMap<PolicyType, Observed<Vec<Policy>>>;

/// The policies of every enabled type; types that orgward does not know come along with service control policies. What is
/// attached to everything still lacks its targets: see [`attach_to_all`].
pub(super) async fn policies(session: &AccountSession, watch: &Watch, wanted: &Wanted, root: &Root) -> Policies {
    let enabled = root.policy_types.iter().filter(|(_, state)| **state == PolicyTypeState::Enabled);
    let all = enabled.map(|(kind, _)| Box::pin(of_kind(session, watch, wanted, kind.clone())));
    future::join_all(all).await.into_iter().collect()
}

/// Gives the policies that are attached to everything (hundreds of pages would say nothing else) their targets.
pub(super) fn attach_to_all(policies: &mut Policies, everything: &[TargetId]) {
    let seen = policies.values_mut().filter_map(|seen| match seen {
        Observed::Present { value, .. } => Some(value),
        _ => None,
    });
    for policy in seen.flatten().filter(|policy| is_on_all(policy.aws_managed, policy.id.as_str())) {
        if let Observed::Present { value, .. } = &mut policy.targets {
            value.extend(everything.iter().cloned());
        }
    }
}

fn is_on_all(aws_managed: bool, id: &str) -> bool {
    aws_managed && id == RCP_FULL_ACCESS
}

async fn of_kind(
    session: &AccountSession,
    watch: &Watch,
    wanted: &Wanted,
    kind: PolicyType,
) -> (PolicyType, Observed<Vec<Policy>>) {
    let fact = if kind == PolicyType::Rcp { Fact::ResourceControlPolicies } else { Fact::ServiceControlPolicies };
    if !wanted.has(fact) {
        return (kind, not_asked(fact));
    }
    let seen = match watch.observed(POLICIES, policy::list(session, &kind)).await {
        Observed::Present { value, source } => {
            let value = whole(session, watch, &kind, value, &source).await;
            Observed::Present { value, source }
        }
        Observed::Absent { source } => Observed::Absent { source },
        Observed::Unknown { cause } => Observed::Unknown { cause },
    };
    (kind, seen)
}

/// The policies with documents, attachments and tags, in the order they were listed.
async fn whole(
    session: &AccountSession,
    watch: &Watch,
    kind: &PolicyType,
    listed: Vec<Summary>,
    source: &Source,
) -> Vec<Policy> {
    // AWS's own policy is the one attached to every account: its pages take longest, so they are asked for first.
    let mut order: Vec<(usize, PolicyId, bool)> =
        listed.iter().enumerate().map(|(at, summary)| (at, summary.id.clone(), summary.aws_managed)).collect();
    order.sort_by_key(|(_, _, aws_managed)| !aws_managed);
    let targets = stream::iter(order.clone()).map(|(at, id, aws_managed)| async move {
        if is_on_all(aws_managed, id.as_str()) {
            return (at, Observed::Present { value: BTreeSet::new(), source: source.clone() });
        }
        (at, watch.observed(TARGETS, policy::targets(session, &id)).await)
    });
    let contents = stream::iter(order.clone())
        .map(|(at, id, _)| async move { (at, watch.observed(CONTENT, policy::content(session, &id)).await) });
    let tags = stream::iter(order).map(|(at, id, aws_managed)| async move {
        if aws_managed {
            return (at, Observed::Absent { source: source.clone() });
        }
        (at, watch.observed(TAGS, policy::tags(session, id.as_str())).await)
    });
    let (mut targets, mut contents, mut tags): (BTreeMap<_, _>, BTreeMap<_, _>, BTreeMap<_, _>) = future::join3(
        Box::pin(targets.buffer_unordered(AT_ONCE).collect()),
        Box::pin(contents.buffer_unordered(AT_ONCE).collect()),
        Box::pin(tags.buffer_unordered(AT_ONCE).collect()),
    )
    .await;
    let policy = |(at, summary): (usize, Summary)| Policy {
        id: summary.id,
        arn: summary.arn,
        name: summary.name,
        description: summary.description,
        kind: kind.clone(),
        aws_managed: summary.aws_managed,
        content: contents.remove(&at).unwrap_or_else(|| Observed::not_collected(CONTENT)),
        targets: targets.remove(&at).unwrap_or_else(|| Observed::not_collected(TARGETS)),
        tags: tags.remove(&at).unwrap_or_else(|| Observed::not_collected(TAGS)),
    };
    listed.into_iter().enumerate().map(policy).collect()
}
