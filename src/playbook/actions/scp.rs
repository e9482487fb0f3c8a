//! `scp`: a service control policy with its text, its marks and its attachments.
//!
//! Source: Organizations User Guide, "Service control policies", "Quotas"; Organizations API reference.

use super::scp_rollout::Rolling;
use crate::model::org::{Policy, PolicyType, PolicyTypeState};
use crate::model::plan::{AFTERWARDS, Change, Confirmation, ConfirmationReason, RefusalKind};
use crate::model::{Address, Cause, CauseKind, Doc, TargetId};
use crate::playbook::errors::plain;
use crate::playbook::generations::{self, Generations, successor};
use crate::playbook::planner::{Draft, Planning};
use crate::playbook::schema::ScpSpec;
use crate::playbook::targets::{out_of_scope, reached, resolve};
use crate::policy::{headroom, same_meaning};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The tag that names the playbook.
pub const TAG_PLAYBOOK: &str = "orgward:playbook";
/// The tag that names the step.
pub const TAG_STEP: &str = "orgward:step";

/// The tag of a policy that took over from another: that one's id.
pub const TAG_REPLACES: &str = "orgward:replaces";

/// The tags of what this step makes.
pub fn marks(playbook: &str, step: &str) -> BTreeMap<String, String> {
    [(TAG_PLAYBOOK.to_owned(), playbook.to_owned()), (TAG_STEP.to_owned(), step.to_owned())].into()
}

/// Adds what one step needs to the draft: its policy, or those that its policies are packed into. `name` is the one in the
/// playbook.
pub fn plan(planning: &Planning<'_>, name: &str, specs: &[ScpSpec], draft: &mut Draft) {
    let org = planning.org;
    let address = |name: &str| Address::Policy { policy_type: PolicyType::Scp, name: name.to_owned() };
    if let Some(message) = not_usable(planning) {
        draft.refuse(planning, Some(address(name)), RefusalKind::Missing, message);
        return;
    }
    let policies = match org.policies_of(&PolicyType::Scp).map(|policies| policies.known()) {
        Some(Ok(policies)) => policies.map(Vec::as_slice).unwrap_or_default(),
        Some(Err(cause)) => return draft.unplanned(planning, None, cause.clone()),
        None => return draft.unplanned(planning, None, Cause::not_collected("organizations:ListPolicies")),
    };
    let mut left = match generations::left_over(planning, policies, name, specs) {
        Ok(left) => left,
        Err(cause) => return draft.unplanned(planning, None, cause),
    };
    let from = draft.changes.len();
    // New documents first: what moves into one is there before it leaves another.
    let there = |spec: &&ScpSpec| policies.iter().any(|policy| policy.name == spec.name);
    let (old, new): (Vec<&ScpSpec>, Vec<&ScpSpec>) = specs.iter().partition(there);
    for spec in new.into_iter().chain(old) {
        if let Some(first) = draft.policy_steps.get(&spec.name).filter(|first| **first != planning.name) {
            let message = format!("step `{first}` already defines the SCP `{}`, keep one of the two", spec.name);
            draft.refuse(planning, Some(address(&spec.name)), RefusalKind::NotOurs, message);
            continue;
        }
        draft.policy_steps.insert(spec.name.clone(), planning.name.clone());
        if let Err(cause) = decide(planning, spec, policies, std::mem::take(&mut left), draft) {
            draft.unplanned(planning, None, cause);
        }
    }
    wait_for_successors(planning, from, draft);
    let written = |change: &&Change| matches!(change.address, Address::Policy { .. }) && change.after.is_some();
    let written: Vec<&Change> = draft.changes.iter().skip(from).filter(written).collect();
    if planning.placed.is_none() && written.len() > 1 && written.iter().any(|change| change.before.is_some()) {
        draft.notes.push(format!(
            "{}: statements may move between its {} documents, which are written one after the other: for that moment one \
             may be in neither, with `rollout:` it is in both",
            planning.name,
            specs.len()
        ));
    }
}

/// Lets what the step detaches wait for every attachment that it makes in an earlier wave in the same place or above: where one
/// of those fails, what it would have taken over from stays.
fn wait_for_successors(planning: &Planning<'_>, from: usize, draft: &mut Draft) {
    let mut made: Vec<(Address, String, TargetId, usize)> = Vec::new();
    for change in draft.changes.iter().skip(from).filter(|change| change.after.is_some()) {
        if let Address::Attachment { policy, target, .. } = &change.address {
            made.push((change.address.clone(), policy.clone(), target.clone(), change.wave));
        }
    }
    for change in draft.changes.iter_mut().skip(from).filter(|change| change.after.is_none()) {
        let Address::Attachment { policy, target, .. } = &change.address else { continue };
        let above = planning.org.chain(target);
        let successors = made.iter().filter(|(_, name, at, wave)| {
            // What the step attaches for a while and detaches again waits for its wider attachment already.
            name != policy && *wave < change.wave && above.contains(at)
        });
        let open = successors.map(|(address, ..)| address).filter(|address| !change.depends_on.contains(address));
        let open: Vec<Address> = open.cloned().collect();
        change.depends_on.extend(open);
    }
}

/// Which of the step's policies is used on, what becomes of it, and where it is attached.
///
/// `left`: policies of the step that nothing of it is in any more.
fn decide(
    planning: &Planning<'_>,
    spec: &ScpSpec,
    policies: &[Policy],
    left: Vec<&Policy>,
    draft: &mut Draft,
) -> Result<(), Cause> {
    let org = planning.org;
    let Generations { current, same, mut others } = generations::find(planning, policies, &spec.name, &spec.content)?;
    others.extend(left);
    // Under a rollout a changed document becomes a new policy: an update would reach every attachment at once.
    let replaced = match (planning.placed, current) {
        (Some(_), Some(old)) if !same && !old.aws_managed => {
            (spec.adopt || generations::ours(planning, old)?).then_some(old)
        }
        _ => None,
    };
    let name = match (replaced, current) {
        (Some(_), _) => successor(&spec.name, &spec.content),
        (None, Some(policy)) => policy.name.clone(),
        (None, None) => spec.name.clone(),
    };
    if let Some(old) = replaced {
        if policies.iter().any(|policy| policy.name == name) {
            let message =
                format!("an SCP `{name}` exists with another text than its name stands for: delete or rename it");
            let address = Address::Policy { policy_type: PolicyType::Scp, name };
            draft.refuse(planning, Some(address), RefusalKind::NotOurs, message);
            return Ok(());
        }
        others.insert(0, old);
    }
    let spec = &ScpSpec { name, ..spec.clone() };
    let live = current.filter(|_| replaced.is_none());
    let attached = match live {
        Some(policy) => policy.targets.known().map_err(Clone::clone)?.cloned().unwrap_or_default(),
        None => BTreeSet::new(),
    };
    let mut written = match text(planning, spec, live, &attached, draft) {
        Ok(change) => change,
        Err(Stop::Refused) => return Ok(()),
        Err(Stop::Unknown(cause)) => return Err(cause),
    };
    if let (Some(old), Some(change)) = (replaced, &mut written) {
        succeed(change, old, spec);
    }
    if let (Some(change), false) = (&written, spec.holds.is_empty()) {
        let name = if let Address::Policy { name, .. } = &change.address { name } else { &spec.name };
        draft.notes.push(format!("{}: `{name}` holds {}", planning.name, plain(&spec.holds.join(", "))));
    }
    let depends_on: Vec<Address> = written.iter().map(|change| change.address.clone()).collect();
    let planned = draft.changes.len();
    draft.changes.extend(written);
    let mut targets = BTreeSet::new();
    let mut order = Vec::new();
    for target in &spec.targets {
        match resolve(&target.text, org) {
            Ok(id) if !targets.insert(id.clone()) => {}
            Ok(id) => order.push(id),
            Err(wrong) => draft.wrong_target(planning, target, wrong),
        }
    }
    if let Some(placed) = planning.placed {
        let (attached, replaced, depends_on) = (&attached, others.as_slice(), depends_on.as_slice());
        let rolling = Rolling { planning, placed, spec, policies, attached, replaced, depends_on };
        // Half a rollout is none.
        return rolling.plan(&targets, draft).inspect_err(|_| draft.changes.truncate(planned));
    }
    for id in order.iter().filter(|id| !attached.contains(id)) {
        let reason = format!("it is not attached to {}", org.describe(id));
        attach(planning, spec, policies, Attach { target: id, depends_on: &depends_on, wave: 0, reason }, draft);
    }
    for other in others {
        draft.notes.push(format!(
            "{}: `{}` is left of an earlier rollout or packing, `{}` is used on: with `rollout:` it would be retired",
            planning.name, other.name, spec.name
        ));
    }
    Ok(())
}

/// Makes the creation of a policy that of a successor: it names what it takes over from and keeps what a step leaves out.
fn succeed(change: &mut Change, old: &Policy, spec: &ScpSpec) {
    change.reason =
        format!("its document says something else than `{}`, which it takes over from wave by wave", old.name);
    let Some(doc) = change.after.as_mut().and_then(|doc| doc.0.as_object_mut()) else { return };
    if spec.description.is_none() {
        doc.insert("description".to_owned(), old.description.clone().into());
    }
    if let Some(tags) = doc.get_mut("tags").and_then(|tags| tags.as_object_mut()) {
        let kept = old.tags.value().into_iter().flatten();
        for (key, value) in kept.filter(|(key, _)| !key.starts_with("orgward:")) {
            tags.insert(key.clone(), value.clone().into());
        }
        tags.insert(TAG_REPLACES.to_owned(), old.id.as_str().into());
    }
}

/// Why no SCP can be used in this organization at all, with the fix.
fn not_usable(planning: &Planning<'_>) -> Option<String> {
    let org = planning.org;
    if org.organization.feature_set != "ALL" {
        return Some("the organization has consolidated billing only, enable all features first".to_owned());
    }
    match org.root.policy_types.get(&PolicyType::Scp) {
        Some(PolicyTypeState::Enabled) => None,
        Some(_) => Some("service control policies are being switched on or off, plan again in a minute".to_owned()),
        None => Some(format!(
            "service control policies are not enabled, run `aws organizations enable-policy-type --root-id {} \
             --policy-type SERVICE_CONTROL_POLICY`",
            org.root.id
        )),
    }
}

/// Why the text gives no change.
enum Stop {
    /// Said in a refusal.
    Refused,
    /// A fact is unknown.
    Unknown(Cause),
}

/// The change of the policy itself, if one is needed.
fn text(
    planning: &Planning<'_>,
    spec: &ScpSpec,
    live: Option<&Policy>,
    attached: &BTreeSet<TargetId>,
    draft: &mut Draft,
) -> Result<Option<Change>, Stop> {
    let address = Address::Policy { policy_type: PolicyType::Scp, name: spec.name.clone() };
    let marks = marks(planning.playbook, planning.step);
    let Some(live) = live else {
        let description = spec.description.clone().unwrap_or_default();
        let after = Doc(json!({ "description": description, "content": spec.content, "tags": marks }));
        let change = planning.change(address, None, after, "the policy does not exist yet");
        return Ok(Some(Change { origins: spec.origins.clone(), ..change }));
    };
    if live.aws_managed {
        let message = format!("`{}` is a policy of AWS, which is never edited: choose another name", spec.name);
        draft.refuse(planning, Some(address), RefusalKind::NotOurs, message);
        return Err(Stop::Refused);
    }
    let known = |cause: &Cause| Stop::Unknown(cause.clone());
    let tags = live.tags.known().map_err(known)?.cloned().unwrap_or_default();
    let content = content_of(live).map_err(Stop::Unknown)?;
    let ours = marks.iter().all(|(key, value)| tags.get(key) == Some(value));
    if !ours && !spec.adopt {
        let owner = match (tags.get(TAG_PLAYBOOK), tags.get(TAG_STEP)) {
            (Some(playbook), Some(step)) => format!("it was made by step `{playbook}/{step}`"),
            _ => "orgward did not make it".to_owned(),
        };
        let message = format!(
            "an SCP `{}` ({}) exists and {owner}: rename the step's policy, or say `adopt: true`",
            spec.name, live.id
        );
        draft.refuse(planning, Some(address), RefusalKind::NotOurs, message);
        return Err(Stop::Refused);
    }
    let same = same_meaning(content, &spec.content);
    let description = spec.description.clone().unwrap_or_else(|| live.description.clone());
    let mut reasons = Vec::new();
    if !same {
        reasons.push("its document says something else");
    }
    if description != live.description {
        reasons.push("its description differs");
    }
    if !ours {
        reasons.push("it is taken over");
    }
    if reasons.is_empty() {
        return Ok(None);
    }
    // A text that means the same stays as it is, so that the change shows what it does and no more.
    let text = if same { content } else { &spec.content };
    let before = Doc(json!({ "description": live.description, "content": content, "tags": tags }));
    let mut tags = tags;
    tags.extend(marks);
    let after = Doc(json!({ "description": description, "content": text, "tags": tags }));
    let mut change = planning.change(address.clone(), Some(before), after, &reasons.join(", "));
    if same {
        return Ok(Some(change));
    }
    change.origins.clone_from(&spec.origins);
    let mut refused = false;
    for target in attached {
        let place = planning.org.describe(target);
        change.impact.extend(reached(planning.org, target).iter().map(|line| format!("{line}, through {place}")));
        let outside = out_of_scope(planning.org, planning.scope, target);
        if !outside.is_empty() {
            let message = format!(
                "the SCP `{}` is attached to {place}, so changing it reaches accounts out of scope: {}",
                spec.name,
                list(&outside)
            );
            draft.refuse(planning, Some(address.clone()), RefusalKind::OutOfScope, message);
            refused = true;
        }
        if *target == planning.org.root.id {
            change.confirmations.push(root_target(planning, target, "changes"));
        }
    }
    if refused { Err(Stop::Refused) } else { Ok(Some(change)) }
}

/// A policy's document.
///
/// # Errors
/// Why it is not known.
pub(super) fn content_of(policy: &Policy) -> Result<&String, Cause> {
    policy.content.known().map_err(Clone::clone)?.ok_or_else(|| {
        let message = "AWS returned the policy without its document";
        Cause::new(CauseKind::Other, "organizations:DescribePolicy", message)
    })
}

/// One attachment to add.
pub(super) struct Attach<'a> {
    /// Where.
    pub target: &'a TargetId,
    /// What comes first.
    pub depends_on: &'a [Address],
    /// Its wave.
    pub wave: usize,
    /// Why.
    pub reason: String,
}

/// Adds one attachment.
pub(super) fn attach(
    planning: &Planning<'_>,
    spec: &ScpSpec,
    policies: &[Policy],
    attach: Attach<'_>,
    draft: &mut Draft,
) {
    let Attach { target, depends_on, wave, reason } = attach;
    let (org, place) = (planning.org, planning.org.describe(target));
    let address =
        Address::Attachment { policy_type: PolicyType::Scp, policy: spec.name.clone(), target: target.clone() };
    let outside = out_of_scope(org, planning.scope, target);
    if !outside.is_empty() {
        let message = format!("attaching `{}` to {place} reaches accounts out of scope: {}", spec.name, list(&outside));
        draft.refuse(planning, Some(address), RefusalKind::OutOfScope, message);
        return;
    }
    let mut texts: Vec<String> = draft.attached.get(target).cloned().unwrap_or_default();
    texts.push(spec.content.clone());
    for policy in policies {
        match policy.targets.known() {
            Ok(targets) if targets.is_some_and(|targets| targets.contains(target)) => {
                texts.push(draft.text_of(&policy.name).or(policy.content.value()).cloned().unwrap_or_default());
            }
            Ok(_) => {}
            Err(cause) => return draft.unplanned(planning, target.account().cloned(), cause.clone()),
        }
    }
    let room = headroom(planning.limits.scp, texts.iter().map(String::as_str));
    if room.attached > room.quota.per_target {
        let message = format!(
            "{place} would have {} SCPs attached directly, AWS allows {}: detach some, or `pack` several into fewer",
            room.attached, room.quota.per_target
        );
        draft.refuse(planning, Some(address), RefusalKind::Quota, message);
        return;
    }
    draft.attached.entry(target.clone()).or_default().push(spec.content.clone());
    let mut change = planning.change(address, None, Doc(json!({})), &reason);
    change.wave = wave;
    change.depends_on = depends_on.to_vec();
    change.impact = reached(org, target);
    change.impact.push(format!("{AFTERWARDS}, the largest SCP and the slots of {place}: {room}"));
    if *target == org.root.id {
        change.confirmations.push(root_target(planning, target, "is attached to"));
    }
    if target.account().is_some_and(|account| org.is_management(account)) {
        draft.notes.push(format!(
            "{}: SCPs do not bind the management account, attaching one there does nothing",
            planning.name
        ));
    }
    draft.changes.push(change);
}

fn root_target(planning: &Planning<'_>, target: &TargetId, what: &str) -> Confirmation {
    let bound = planning.org.accounts.len().saturating_sub(1);
    let message = match what {
        "changes" => format!("a policy attached to root {target} changes, {bound} accounts feel it at once"),
        _ => format!("a policy is attached to root {target}, {bound} accounts feel it at once"),
    };
    Confirmation { target: target.clone(), why: ConfirmationReason::RootTarget, message: plain(&message) }
}

pub(super) fn list(accounts: &[crate::model::AccountId]) -> String {
    accounts.iter().map(crate::model::AccountId::as_str).collect::<Vec<_>>().join(", ")
}
