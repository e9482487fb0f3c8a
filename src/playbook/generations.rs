//! The policies that a step calls its own: `NAME`, and `NAME-xxxxxxxx` for what rollouts made of it.
//!
//! Must not: decide what becomes of them (`actions::scp`).

use super::actions::scp::{TAG_PLAYBOOK, TAG_STEP};
use super::planner::Planning;
use super::schema::ScpSpec;
use crate::model::org::Policy;
use crate::model::{Cause, CauseKind};
use crate::policy::same_meaning;
use sha2::{Digest, Sha256};

/// Characters that a rollout adds to a name.
pub(super) const SUFFIX: usize = 9;

/// The name of a policy that takes over from one called `name`: with the first eight hexadecimal digits of the SHA-256 of
/// its text.
pub(super) fn successor(name: &str, content: &str) -> String {
    let digest: String = Sha256::digest(content.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{name}-{digest}")
}

/// Whether `found` is what [`successor`] makes of `name`.
fn succeeds(found: &str, name: &str) -> bool {
    let digits = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|d| d.len() == 8 && d.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

/// What of a step's policies is there.
pub(super) struct Generations<'p> {
    /// The one that is used on: its text means what the step says, else `NAME` itself, else the first by name.
    pub current: Option<&'p Policy>,
    /// Whether the text of `current` means what the step says.
    pub same: bool,
    /// The rest of the step's own, by name.
    pub others: Vec<&'p Policy>,
}

/// Finds the policies of a step. A policy called `NAME` counts whether it has the step's tags or not: who may touch it is
/// decided later.
///
/// # Errors
/// The cause, if the tags or the text of one of them is not known.
pub(super) fn find<'p>(
    planning: &Planning<'_>,
    policies: &'p [Policy],
    name: &str,
    content: &str,
) -> Result<Generations<'p>, Cause> {
    let mut found: Vec<&Policy> = Vec::new();
    for policy in policies {
        if policy.name == name || (succeeds(&policy.name, name) && ours(planning, policy)?) {
            found.push(policy);
        }
    }
    // `NAME` is a prefix of every successor, so it comes first.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let mut same = None;
    for (index, policy) in found.iter().enumerate() {
        let text = policy.content.known().map_err(Clone::clone)?.ok_or_else(|| {
            let message = "AWS returned the policy without its document";
            Cause::new(CauseKind::Other, "organizations:DescribePolicy", message)
        })?;
        if same.is_none() && same_meaning(text, content) {
            same = Some(index);
        }
    }
    let index = same.unwrap_or(0);
    let current = found.get(index).copied();
    let others = found.iter().enumerate().filter(|(at, _)| *at != index).map(|(_, policy)| *policy);
    let mut rest = Vec::new();
    for policy in others {
        // A same-named policy that is not the step's is not its to retire.
        if ours(planning, policy)? {
            rest.push(policy);
        }
    }
    Ok(Generations { current, same: same.is_some(), others: rest })
}

/// Policies of a step that are of none of its names any more, because it is packed into fewer documents, or packed where
/// it was not, or the other way round. By name.
///
/// # Errors
/// The cause, if the tags of one that may be such are not known.
pub(super) fn left_over<'p>(
    planning: &Planning<'_>,
    policies: &'p [Policy],
    name: &str,
    specs: &[ScpSpec],
) -> Result<Vec<&'p Policy>, Cause> {
    let of = |found: &str, name: &str| found == name || succeeds(found, name);
    let in_use = |policy: &&Policy| specs.iter().any(|spec| of(&policy.name, &spec.name));
    let numbered = |found: &str| {
        let rest = found.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).unwrap_or_default();
        let number = rest.split('-').next().unwrap_or_default();
        let is_number = matches!(number.len(), 1 | 2) && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number && of(found, &format!("{name}-{number}"))
    };
    let mut found = Vec::new();
    for policy in policies.iter().filter(|policy| !in_use(policy)) {
        if (of(&policy.name, name) || numbered(&policy.name)) && ours(planning, policy)? {
            found.push(policy);
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Whether the policy carries the step's two tags.
pub(super) fn ours(planning: &Planning<'_>, policy: &Policy) -> Result<bool, Cause> {
    let tags = policy.tags.known().map_err(Clone::clone)?;
    let is = |key: &str, value: &str| tags.is_some_and(|tags| tags.get(key).is_some_and(|found| found == value));
    Ok(is(TAG_PLAYBOOK, planning.playbook) && is(TAG_STEP, planning.step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_successor_is_recognised(name in "[ -~]{1,119}", content in ".*") {
            let next = successor(&name, &content);
            prop_assert!(succeeds(&next, &name));
            prop_assert_eq!(next.len(), name.len() + SUFFIX);
            prop_assert!(!succeeds(&name, &name));
        }
    }
}
