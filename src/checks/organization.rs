//! The organization: whether its policies can work, whom they bind, and what room is left.
//!
//! Owns: the order of the family, and the checks of policy types, placement, headroom and leftovers; what SCPs must deny
//! is in `denials`, whom they bind in `coverage`, delegation and trusted access in `services`. SCPs don't bind the management account, so it is never judged by
//! them. Must not: compare policy texts.

mod coverage;
mod denials;
mod services;

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, Tree};
use super::guardrails::Guardrails;
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::Cause;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::org::{Account, Policy, PolicyType, PolicyTypeState};
use crate::policy::{Quotas, headroom, size};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: ALL_FEATURES, judge: Judge::Whole(all_features) },
    Check { meta: SCP_ENABLED, judge: Judge::Whole(scp_enabled) },
    Check { meta: RCP_ENABLED, judge: Judge::Whole(rcp_enabled) },
    Check { meta: coverage::COVER_ALL, judge: Judge::Whole(coverage::cover_all) },
    Check { meta: denials::DENY_LEAVE, judge: Judge::Whole(denials::deny_leave) },
    Check { meta: denials::PROTECT_TRAIL, judge: Judge::Whole(denials::protect_trail) },
    Check { meta: denials::REGION_RESTRICTION, judge: Judge::Whole(denials::region_restriction) },
    Check { meta: denials::REQUIRE_MFA, judge: Judge::Whole(denials::require_mfa) },
    Check { meta: ACCOUNTS_IN_ROOT, judge: Judge::Whole(accounts_in_root) },
    Check { meta: services::DELEGATED, judge: Judge::Whole(services::delegated) },
    Check { meta: services::TRUSTED, judge: Judge::Whole(services::trusted) },
    Check { meta: HEADROOM, judge: Judge::Whole(room) },
    Check { meta: UNUSED, judge: Judge::Whole(unused) },
];

const ALL_FEATURES: CheckMeta = CheckMeta {
    id: "org-all-features",
    title: "All features of the organization are enabled",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "An organization with consolidated billing alone shares a bill and nothing else: no policies, no organization \
                trail, no central root access, no delegated administrators.",
    remediation: Remediation {
        console: "AWS Organizations, Settings, Begin process to enable all features; accounts that were invited must agree. It \
                  can't be undone.",
        cli: "# accounts that were invited must agree; can't be undone\n\
              aws organizations enable-all-features",
        playbook: None,
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Enabling all features for an organization with AWS Organizations",
    )],
    facts: &[Fact::Organization],
};

fn all_features(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let organization = facts.tree()?.organization();
    Ok(match organization.feature_set.as_str() {
        "ALL" => Outcome::pass("all features are enabled"),
        other => Outcome::fail(&organization.arn, format!("the organization's feature set is `{other}`, not `ALL`")),
    })
}

const SCP_ENABLED: CheckMeta = CheckMeta {
    id: "org-scp-enabled",
    title: "All features and service control policies are enabled",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "Without service control policies nothing bounds what an administrator, or the root user, of a member account \
                may do.",
    remediation: Remediation {
        console: "AWS Organizations, Settings, Enable all features (members invited earlier must agree); then Policies, \
                  Service control policies, Enable.",
        cli: "# where only billing is consolidated; can't be undone\n\
              aws organizations enable-all-features\n\
              # once every account that was invited has agreed\n\
              aws organizations enable-policy-type --root-id <root id> --policy-type SERVICE_CONTROL_POLICY",
        playbook: None,
    },
    references: &[aws("AWS Organizations user guide", "Enabling a policy type")],
    facts: &[Fact::Organization],
};

fn scp_enabled(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let organization = tree.organization();
    if organization.feature_set != "ALL" {
        let message = format!("the organization's feature set is `{}`, not `ALL`", organization.feature_set);
        return Ok(Outcome::fail(&organization.arn, message));
    }
    Ok(type_enabled(tree, &PolicyType::Scp, "all features and service control policies are enabled"))
}

/// Whether a policy type is enabled at the root.
fn type_enabled(tree: Tree<'_>, kind: &PolicyType, pass: &str) -> Outcome {
    let (root, names) = (tree.root(), words(kind));
    let state = match root.policy_types.get(kind) {
        Some(PolicyTypeState::Enabled) => return Outcome::pass(pass),
        Some(PolicyTypeState::PendingEnable) => "still being enabled",
        Some(PolicyTypeState::PendingDisable) => "being disabled",
        None => "not enabled",
    };
    Outcome::fail(root.id.as_str(), format!("{names} are {state} on root {}", root.id))
}

/// Policies of a type, in words.
fn words(kind: &PolicyType) -> &str {
    match kind {
        PolicyType::Scp => "service control policies",
        PolicyType::Rcp => "resource control policies",
        PolicyType::Other(name) => name,
    }
}

const RCP_ENABLED: CheckMeta = CheckMeta {
    id: "org-rcp-enabled",
    title: "Resource control policies are enabled",
    severity: Severity::Medium,
    granularity: Granularity::Organization,
    rationale: "Service control policies bound what members ask for; only resource control policies bound what anyone, also from \
                outside, may do with members' buckets, keys, queues and roles.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, Resource control policies, Enable. Nothing changes until one is attached: \
                  RCPFullAWSAccess comes with it.",
        cli: "aws organizations enable-policy-type --root-id <root id> --policy-type RESOURCE_CONTROL_POLICY",
        playbook: None,
    },
    references: &[aws("AWS Organizations user guide", "Resource control policies (RCPs)")],
    facts: &[Fact::Organization],
};

fn rcp_enabled(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    if tree.organization().feature_set != "ALL" {
        let organization = tree.organization();
        let message = format!("the organization's feature set is `{}`, not `ALL`", organization.feature_set);
        return Ok(Outcome::fail(&organization.arn, message));
    }
    Ok(type_enabled(tree, &PolicyType::Rcp, "resource control policies are enabled"))
}

const ACCOUNTS_IN_ROOT: CheckMeta = CheckMeta {
    id: "org-accounts-in-root",
    title: "No member account is directly under the root",
    severity: Severity::Low,
    granularity: Granularity::Organization,
    rationale: "Policies belong to OUs: an account in the root gets only what everybody gets. AWS advises to attach policies to OUs, \
                and to keep the root for what must hold everywhere. The management account may stay there.",
    remediation: Remediation {
        console: "AWS Organizations, AWS accounts, the account, Actions, Move: to the OU of its workload. Look first at what the \
                  OU's policies would deny it.",
        cli: "# what the OU would deny the account, level by level\n\
              aws organizations list-policies-for-target --target-id <OU id> --filter SERVICE_CONTROL_POLICY\n\
              aws organizations move-account --account-id <account id> --source-parent-id <root id> \
              --destination-parent-id <OU id>",
        playbook: None,
    },
    references: &[aws("AWS Organizations user guide", "Best practices for managing organizational units (OUs)")],
    facts: &[Fact::Organization],
};

fn accounts_in_root(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let members: Vec<&Account> = tree.working_members().collect();
    if members.is_empty() {
        return Ok(Outcome::NotApplicable("the organization has no working member account".to_owned()));
    }
    let (root, total) = (&tree.root().id, members.len());
    let in_root = members.into_iter().filter(|account| account.parent == *root);
    let failing = in_root
        .map(|account| FailingResource {
            resource: account.arn.clone(),
            message: format!("account {} is directly under the root", account.id),
        })
        .collect();
    let summary = |count: usize| match count {
        1 => format!("1 of {total} member accounts is directly under the root"),
        _ => format!("{count} of {total} member accounts are directly under the root"),
    };
    Ok(Outcome::of(failing, summary, &format!("all {total} member accounts are in OUs")))
}

const HEADROOM: CheckMeta = CheckMeta {
    id: "org-policy-headroom",
    title: "Every target has a free policy slot, and no organization policy is nearly full",
    severity: Severity::Low,
    granularity: Granularity::Organization,
    rationale: "On the day a guardrail must be attached fast, a target without a free slot or a policy at its greatest size can't \
                take it. Counted as AWS counts: what is attached directly, and characters and bytes as saved. The greatest \
                numbers are those AWS publishes (config/policies.yaml).",
    remediation: Remediation {
        console: "AWS Organizations, Policies: put statements together in fewer policies, take white space out, or attach to a level \
                  above; a quota can be raised in Service Quotas.",
        cli: "# nearly full: the same document without white space\n\
              aws organizations update-policy --policy-id <policy id> --content file://minified.json\n\
              # no free slot: once another policy says the same\n\
              aws organizations detach-policy --policy-id <policy id> --target-id <target id>",
        playbook: None,
    },
    references: &[aws("AWS Organizations user guide", "Quotas and service limits for AWS Organizations")],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies, Fact::ResourceControlPolicies],
};

fn room(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let types = types(facts)?;
    if types.is_empty() {
        return Ok(Outcome::NotApplicable("neither service nor resource control policies are enabled".to_owned()));
    }
    let (slots, percent) = (usize::from(thresholds.policy_slots_left), usize::from(thresholds.policy_size_percent));
    let mut failing = Vec::new();
    for (kind, policies) in types {
        let Some(quota) = Quotas::embedded().of(&kind) else { continue };
        let guardrails = Guardrails::new(policies);
        guardrails.sources().for_each(|source| facts.rest_on(Some(source)));
        if let Some(cause) = guardrails.adrift() {
            facts.doubt_of(cause.clone());
        }
        for target in tree.targets() {
            // Sizes are judged below: here a text may be missing.
            let texts = guardrails.on(&target).map(|policy| policy.content.value().map_or("", String::as_str));
            let room = headroom(quota, texts);
            if room.free_slots() < slots {
                let message = format!(
                    "{} has {} of {} slots for {} taken, and {slots} must stay free",
                    tree.describe(&target),
                    room.attached,
                    quota.per_target,
                    words(&kind)
                );
                failing.push(FailingResource { resource: format!("{target} ({})", kind.as_str()), message });
            }
        }
        for policy in policies.iter().filter(|policy| !policy.aws_managed) {
            let Ok(Some(text)) = facts.part(&policy.content) else { continue };
            let length = size(text);
            let taken = length.characters.max(length.bytes);
            if taken.saturating_mul(100) > quota.size.saturating_mul(percent) {
                let message = format!(
                    "policy `{}` takes {taken} of {} characters, more than {percent} percent",
                    policy.name, quota.size
                );
                failing.push(FailingResource { resource: policy.arn.clone(), message });
            }
        }
    }
    let summary = |count| match count {
        1 => "1 target or policy is nearly full".to_owned(),
        _ => format!("{count} targets or policies are nearly full"),
    };
    let pass =
        format!("every target has {slots} or more slots free, and no policy is more than {percent} percent full");
    Ok(Outcome::of(failing, summary, &pass))
}

const UNUSED: CheckMeta = CheckMeta {
    id: "org-unused-policies",
    title: "Every organization policy of the customer's own is attached somewhere",
    severity: Severity::Low,
    granularity: Granularity::Organization,
    rationale: "A guardrail attached to nothing guards nothing, and looks in a list as if it did.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, the policy, Targets: attach it, or delete it.",
        cli: "# what it says, to keep it elsewhere\n\
              aws organizations describe-policy --policy-id <policy id>\n\
              aws organizations delete-policy --policy-id <policy id>",
        playbook: None,
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Attaching and detaching organization policies with AWS Organizations",
    )],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies, Fact::ResourceControlPolicies],
};

fn unused(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    facts.tree()?;
    let types = types(facts)?;
    if types.is_empty() {
        return Ok(Outcome::NotApplicable("neither service nor resource control policies are enabled".to_owned()));
    }
    let mut failing = Vec::new();
    for policy in types.into_iter().flat_map(|(_, policies)| policies).filter(|policy| !policy.aws_managed) {
        let Ok(targets) = facts.part(&policy.targets) else { continue };
        if targets.is_none_or(|targets| targets.is_empty()) {
            let message = format!("policy `{}` is attached to nothing", policy.name);
            failing.push(FailingResource { resource: policy.arn.clone(), message });
        }
    }
    let summary = |count| match count {
        1 => "1 organization policy is attached to nothing".to_owned(),
        _ => format!("{count} organization policies are attached to nothing"),
    };
    Ok(Outcome::of(failing, summary, "every organization policy is attached somewhere"))
}

/// Policies of each type that is enabled.
fn types<'a>(facts: &mut Facts<'a>) -> Result<Vec<(PolicyType, &'a [Policy])>, Cause> {
    let scps = facts.service_control_policies()?.map(|policies| (PolicyType::Scp, policies));
    let rcps = facts.resource_control_policies()?.map(|policies| (PolicyType::Rcp, policies));
    Ok(scps.into_iter().chain(rcps).collect())
}

#[cfg(test)]
mod tests;
