//! The organization: whether service control policies can work at all, and whether they keep members in.
//!
//! Owns: two checks of the organization. SCPs don't bind the management account, so it is never judged here. Must not: compare
//! policy texts; a denial is proved by evaluating each account's chain.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, Tree};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::TargetId;
use crate::model::org::{Account, Policy, PolicyType, PolicyTypeState};
use crate::model::{Cause, CauseKind, Source};
use crate::policy::{Context, Decision, Document, Principal, Request, evaluate_chain};
use std::collections::BTreeMap;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: SCP_ENABLED, judge: Judge::Whole(scp_enabled) },
    Check { meta: DENY_LEAVE, judge: Judge::Whole(deny_leave) },
];

pub(super) const SCP_ENABLED: CheckMeta = CheckMeta {
    id: "org-scp-enabled",
    title: "All features and service control policies are enabled",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "Without service control policies nothing bounds what an administrator, or the root user, of a member account \
                may do.",
    remediation: Remediation {
        console: "AWS Organizations, Settings, Enable all features (members invited earlier must agree); then Policies, \
                  Service control policies, Enable.",
        cli: "aws organizations enable-all-features; then aws organizations enable-policy-type --root-id <root id> \
              --policy-type SERVICE_CONTROL_POLICY",
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
    let root = tree.root();
    let state = match root.policy_types.get(&PolicyType::Scp) {
        Some(PolicyTypeState::Enabled) => {
            return Ok(Outcome::pass("all features and service control policies are enabled"));
        }
        Some(PolicyTypeState::PendingEnable) => "still being enabled",
        Some(PolicyTypeState::PendingDisable) => "being disabled",
        None => "not enabled",
    };
    Ok(Outcome::fail(root.id.as_str(), format!("service control policies are {state} on root {}", root.id)))
}

pub(super) const DENY_LEAVE: CheckMeta = CheckMeta {
    id: "org-deny-leave",
    title: "No member account can leave the organization",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "An account that leaves takes its data out from under every guardrail and out of the organization's trail. Its \
                own administrator can do that unless a service control policy denies organizations:LeaveOrganization. Proved \
                for each working member by evaluating its chain of policies; the management account can't leave and is not bound.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, Service control policies: create one that denies \
                  organizations:LeaveOrganization on *, and attach it to the OUs that hold the accounts, a test OU first.",
        cli: "aws organizations create-policy --type SERVICE_CONTROL_POLICY --name deny-leave-organization --description \
              <text> --content '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\
              \"organizations:LeaveOrganization\",\"Resource\":\"*\"}]}'; then aws organizations attach-policy \
              --policy-id <id> --target-id <OU id>",
        playbook: Some("deny-leave-organization"),
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Example SCPs: prevent member accounts from leaving the organization",
    )],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

const ACTION: &str = "organizations:LeaveOrganization";

fn deny_leave(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let members: Vec<&Account> = tree.working_members().collect();
    if members.is_empty() {
        return Ok(Outcome::NotApplicable("the organization has no working member account".to_owned()));
    }
    if !tree.enabled(&PolicyType::Scp) {
        let failing = members.iter().map(|account| free(account, "no service control policy binds it")).collect();
        let message = "service control policies are not enabled, so every member account can leave".to_owned();
        return Ok(Outcome::Fail(message, failing));
    }
    let Some(policies) = facts.service_control_policies()? else {
        return Err(Cause::not_collected("organizations:ListPolicies"));
    };
    let guardrails = Guardrails::new(policies);
    let mut failing = Vec::new();
    let mut spared = 0_usize;
    for account in &members {
        match guardrails.judge(tree, account) {
            Fate::Kept => {}
            Fate::KeptButForNamed => spared += 1,
            Fate::Free(why) => failing.push(free(account, &why)),
            Fate::CannotTell(cause) => facts.doubt_of(cause),
        }
    }
    guardrails.sources().for_each(|source| facts.rest_on(Some(source)));
    let total = members.len();
    let summary = |count: usize| format!("{count} of {total} member accounts can leave the organization");
    let pass = match spared {
        0 => format!("{ACTION} is denied in all {total} member accounts"),
        _ => format!(
            "{ACTION} is denied in all {total} member accounts, but for principals a condition exempts in {spared}"
        ),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

fn free(account: &Account, why: &str) -> FailingResource {
    FailingResource { resource: account.arn.clone(), message: format!("account {} can leave: {why}", account.id) }
}

/// What becomes of a member's wish to leave.
enum Fate {
    /// Denied to everyone in it.
    Kept,
    /// Denied to the root user and to any user or role that no condition names.
    KeptButForNamed,
    /// Allowed, and why.
    Free(String),
    /// It can't be told.
    CannotTell(Cause),
}

/// Service control policies, parsed once, by where they are attached.
struct Guardrails<'a> {
    /// Policy documents, or why there is none.
    documents: Vec<Result<Document, Cause>>,
    /// Positions in `documents` by target.
    attached: BTreeMap<&'a TargetId, Vec<usize>>,
    /// Causes of policies whose targets are unknown: they may be anywhere.
    adrift: Vec<Cause>,
    policies: &'a [Policy],
}

impl<'a> Guardrails<'a> {
    fn new(policies: &'a [Policy]) -> Self {
        let mut attached: BTreeMap<&TargetId, Vec<usize>> = BTreeMap::new();
        let mut adrift = Vec::new();
        for (at, policy) in policies.iter().enumerate() {
            match policy.targets.known() {
                Ok(targets) => {
                    targets.into_iter().flatten().for_each(|target| attached.entry(target).or_default().push(at));
                }
                Err(cause) => adrift.push(cause.clone()),
            }
        }
        Self { documents: policies.iter().map(document).collect(), attached, adrift, policies }
    }

    fn sources(&self) -> impl Iterator<Item = &'a Source> {
        self.policies.iter().flat_map(|policy| [policy.content.source(), policy.targets.source()]).flatten()
    }

    /// Judges one member. A certain Deny stands whatever else is unknown.
    fn judge(&self, tree: Tree<'_>, account: &Account) -> Fate {
        let chain = tree.chain(&account.id.clone().into());
        if chain.is_empty() {
            let message = format!("account {} is in no OU that was listed", account.id);
            return Fate::CannotTell(Cause::new(CauseKind::Other, "organizations:ListParents", message));
        }
        let mut unknown = self.adrift.first();
        let mut levels: Vec<Vec<&Document>> = Vec::new();
        for target in &chain {
            let mut level = Vec::new();
            for at in self.attached.get(target).into_iter().flatten() {
                match self.documents.get(*at) {
                    Some(Ok(document)) => level.push(document),
                    Some(Err(cause)) => unknown = unknown.or(Some(cause)),
                    None => {}
                }
            }
            levels.push(level);
        }
        let id = account.id.as_str();
        let partition = account.arn.split(':').nth(1).unwrap_or("aws");
        let anyone = Principal { account: id.to_owned(), ..Principal::default() };
        let why = match (decide(&levels, anyone), unknown) {
            (Decision::Deny { .. }, _) | (Decision::NoMatch, None) => return Fate::Kept,
            (_, Some(cause)) => return Fate::CannotTell(cause.clone()),
            (Decision::Allow, None) => return Fate::Free(format!("no policy on its chain denies {ACTION}")),
            (Decision::CannotTell { why }, None) => why,
        };
        // A condition decides. Whoever it may name, these three it can name by a pattern only.
        let iam = |resource: &str| Principal::iam(&format!("arn:{partition}:iam::{id}:{resource}"));
        for (name, principal) in [
            ("the root user", iam("root")),
            ("a user", iam("user/4b1d-no-such-user")),
            ("a role", iam("role/4b1d-no-such-role")),
        ] {
            match decide(&levels, principal) {
                Decision::Deny { .. } | Decision::NoMatch => {}
                Decision::Allow => return Fate::Free(format!("{name} may call {ACTION}")),
                Decision::CannotTell { .. } => {
                    let message = format!("account {}: {why}", account.id);
                    return Fate::CannotTell(Cause::new(CauseKind::Other, "organizations:DescribePolicy", message));
                }
            }
        }
        Fate::KeptButForNamed
    }
}

fn document(policy: &Policy) -> Result<Document, Cause> {
    let nothing =
        || Cause::new(CauseKind::Other, "organizations:DescribePolicy", format!("`{}` has no document", policy.name));
    let text = policy.content.known().map_err(Clone::clone)?.ok_or_else(nothing)?;
    Document::parse(text).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        let message = format!("policy `{}` can't be read: {first}", policy.name);
        Cause::new(CauseKind::Other, "organizations:DescribePolicy", message)
    })
}

fn decide(levels: &[Vec<&Document>], principal: Principal) -> Decision {
    let request =
        Request { principal, action: ACTION.to_owned(), resource: "*".to_owned(), context: Context::partial() };
    evaluate_chain(levels, &request)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, FULL_ACCESS, MANAGEMENT, MEMBER, NO_LEAVING, OU, ROOT, SUSPENDED, scp};
    use super::super::tests::{hidden, judge};
    use super::*;
    use crate::model::{Finding, OrgFacts, Verdict};

    fn found(org: &OrgFacts, check: &str) -> Finding {
        judge(org, &fixtures::account(), check)
    }

    /// The organization with FullAWSAccess where it belongs, and these.
    fn with(extra: Vec<Policy>) -> OrgFacts {
        let mut org = fixtures::org();
        let mut policies =
            vec![scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, OU, MANAGEMENT, MEMBER, SUSPENDED])];
        policies.extend(extra);
        org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
        org
    }

    fn denial(condition: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"organizations:*","Resource":"*","Condition":{condition}}}]}}"#
        )
    }

    #[test]
    fn scps_must_be_enabled_with_all_features() {
        let check = "org-scp-enabled";
        let mut org = fixtures::org();
        assert_eq!(found(&org, check).verdict, Verdict::Pass);
        for (state, words) in [
            (Some(PolicyTypeState::PendingEnable), "still being enabled"),
            (Some(PolicyTypeState::PendingDisable), "being disabled"),
            (None, "not enabled"),
        ] {
            org.root.policy_types = state.into_iter().map(|state| (PolicyType::Scp, state)).collect();
            let finding = found(&org, check);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert!(finding.message.contains(words), "{}", finding.message);
        }
        org.organization.feature_set = "CONSOLIDATED_BILLING".to_owned();
        assert!(found(&org, check).message.contains("`CONSOLIDATED_BILLING`"));
    }

    #[test]
    fn members_that_can_leave_are_named() {
        let finding = found(&with(vec![]), "org-deny-leave");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.message, "1 of 1 member accounts can leave the organization");
        assert!(finding.resources[0].resource.ends_with(MEMBER), "suspended and management accounts don't count");
        let elsewhere = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[MANAGEMENT])]);
        assert_eq!(found(&elsewhere, "org-deny-leave").verdict, Verdict::Fail);
        let mut off = fixtures::org();
        off.root.policy_types.clear();
        assert_eq!(found(&off, "org-deny-leave").verdict, Verdict::Fail);
    }

    #[test]
    fn a_denial_at_any_level_or_a_level_that_allows_nothing_keeps_them_in() {
        for place in [ROOT, OU, MEMBER] {
            let org = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[place])]);
            assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass, "{place}");
        }
        let mut org = with(vec![]);
        let narrow = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let policies = vec![
            scp("p-FullAWSAccess", "FullAWSAccess", FULL_ACCESS, &[ROOT, MEMBER]),
            scp("p-narrow0001", "narrow", narrow, &[OU]),
        ];
        org.policies.insert(PolicyType::Scp, fixtures::seen("organizations:ListPolicies", policies));
        assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass);
    }

    #[test]
    fn an_exemption_by_name_is_told_and_one_by_pattern_fails() {
        let named = denial(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/break-glass"}}"#);
        let finding = found(&with(vec![scp("p-denyleave01", "deny", &named, &[OU])]), "org-deny-leave");
        assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
        assert!(finding.message.contains("but for principals a condition exempts"), "{}", finding.message);
        let all_roles = denial(r#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#);
        let finding = found(&with(vec![scp("p-denyleave01", "deny", &all_roles, &[OU])]), "org-deny-leave");
        assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
        assert!(finding.resources[0].message.contains("a role may call"), "{}", finding.resources[0].message);
    }

    #[test]
    fn what_can_not_be_told_is_unknown() {
        let by_address = denial(r#"{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#);
        let garbage = "{\"Statement\": 1}";
        for content in [by_address.as_str(), garbage] {
            let org = with(vec![scp("p-denyleave01", "deny", content, &[OU])]);
            let finding = found(&org, "org-deny-leave");
            assert_eq!(finding.verdict, Verdict::Unknown, "{content}: {}", finding.message);
        }
        for (content, targets) in [(true, false), (false, true)] {
            let mut policy = scp("p-denyleave01", "deny", NO_LEAVING, &[OU]);
            if content {
                policy.content = hidden();
            }
            if targets {
                policy.targets = hidden();
            }
            assert_eq!(found(&with(vec![policy]), "org-deny-leave").verdict, Verdict::Unknown);
        }
        let mut org = fixtures::org();
        org.policies.clear();
        assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Unknown);
    }

    #[test]
    fn a_certain_denial_stands_whatever_else_is_unknown() {
        let mut other = scp("p-other00001", "other", FULL_ACCESS, &[OU]);
        other.content = hidden();
        let org = with(vec![scp("p-denyleave01", "deny", NO_LEAVING, &[OU]), other]);
        assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::Pass);
    }

    #[test]
    fn an_organization_without_members_has_nobody_to_keep() {
        let mut org = fixtures::org();
        org.accounts.remove(&fixtures::id(MEMBER));
        assert_eq!(found(&org, "org-deny-leave").verdict, Verdict::NotApplicable);
    }
}
