//! Whether a guardrail binds every member account.
//!
//! Owns: one check, and the requests made up to try it. Must not: take a statement's word for what it denies; a guardrail is
//! proved by a request that it denies in the account.
//!
//! Denials of leaving the organization and of closing the account don't count: organizations made in the console since July
//! 2026 have both by default.

use super::super::evaluate::{Facts, Judgement, Outcome, Tree};
use super::super::guardrails::{Bound, EVERYONE, Guardrails, Probe};
use super::super::principals::{ANY_ACTION, INVENTED};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use super::super::trust::{OTHER_ORGANIZATION, STRANGER, filled, filled_arn};
use super::denials::NO_REGION;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::Arn;
use crate::model::org::{Account, PolicyType};
use crate::model::{Cause, CauseKind};
use crate::policy::{Context, Decision, Principal, Statement, matches_wildcards};
use std::collections::BTreeMap;

pub(super) const COVER_ALL: CheckMeta = CheckMeta {
    id: "org-guardrails-cover-all",
    title: "A guardrail beyond FullAWSAccess binds every member account",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "An account that no service control policy restricts is as free as one outside the organization. It happens to \
                accounts left in the root, in a new OU, or moved there in a hurry. A guardrail is a policy on the way from the root \
                to the account that denies some request in the account, or a level whose policies don't allow everything. Requests \
                are made up from what the policies deny, and evaluated. Leaving the organization and closing the account don't \
                count, because AWS denies both by default in organizations made since July 2026. The management account is not \
                bound by service control policies.",
    remediation: Remediation {
        console: "AWS Organizations, AWS accounts: move the account to an OU with guardrails, or attach one to its OU; a test OU \
                  first.",
        cli: "# a test OU first\n\
              aws organizations attach-policy --policy-id <policy id> --target-id <OU id>\n\
              # or, to an OU that has guardrails\n\
              aws organizations move-account --account-id <account id> --source-parent-id <parent id> \
              --destination-parent-id <OU id>",
        playbook: Some("baseline"),
    },
    references: &[aws("AWS Organizations user guide", "Service control policies (SCPs): SCP evaluation")],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

pub(super) fn cover_all(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let members: Vec<&Account> = tree.working_members().collect();
    let total = members.len();
    if members.is_empty() {
        return Ok(Outcome::NotApplicable("the organization has no working member account".to_owned()));
    }
    if !tree.enabled(&PolicyType::Scp) {
        let failing = members.iter().map(|account| bare(account)).collect();
        let message = format!("service control policies are not enabled, so they bind none of {total} member accounts");
        return Ok(Outcome::Fail(message, failing));
    }
    let Some(policies) = facts.service_control_policies()? else {
        return Err(Cause::not_collected("organizations:ListPolicies"));
    };
    let guardrails = Guardrails::new(policies);
    let mut failing = Vec::new();
    // Most accounts are bound by the same policies.
    let mut known: BTreeMap<Vec<Vec<usize>>, Result<bool, Cause>> = BTreeMap::new();
    for account in &members {
        let judge = || guardrails.binding(tree, account).and_then(|bound| restricts(&bound, tree, account));
        let restricted = match guardrails.likeness(tree, account) {
            Some(likeness) => known.entry(likeness).or_insert_with(judge).clone(),
            None => judge(),
        };
        match restricted {
            Ok(true) => {}
            Ok(false) => failing.push(bare(account)),
            Err(mut cause) => {
                cause.message = format!("account {}: {}", account.id, cause.message);
                facts.doubt_of(cause);
            }
        }
    }
    guardrails.sources().for_each(|source| facts.rest_on(Some(source)));
    let summary = |count: usize| format!("no guardrail binds {count} of {total} member accounts");
    let management = &tree.organization().management_account;
    let pass = format!("guardrails bind all {total} member accounts; the management account {management} is not bound");
    Ok(Outcome::of(failing, summary, &pass))
}

fn bare(account: &Account) -> FailingResource {
    let message = format!(
        "no service control policy restricts account {}, beyond leaving the organization and closing the account",
        account.id
    );
    FailingResource { resource: account.arn.clone(), message }
}

/// Whether some request, but for leaving and closing, is denied in an account for certain.
fn restricts(bound: &Bound<'_>, tree: Tree<'_>, account: &Account) -> Result<bool, Cause> {
    let id = account.id.as_str();
    let organization = tree.organization();
    let who: Vec<Principal> = EVERYONE
        .iter()
        .map(|(_, name)| Principal::iam(&format!("arn:{}:iam::{id}:{name}", organization.partition)))
        .collect();
    let contexts = contexts(&organization.id, organization.home_region.as_str());
    let made_up = [(ANY_ACTION.to_owned(), format!("arn:{}:4b1d:::{INVENTED}", organization.partition))];
    let mut unknown = bound.unknown.cloned();
    for (action, resource) in made_up.into_iter().chain(bound.denials().flat_map(|denial| requests(denial, id))) {
        for context in &contexts {
            let probe = Probe { resource: resource.clone(), context: context.clone(), ..Probe::new(&action) };
            for principal in &who {
                match bound.decide(&probe, principal.clone()) {
                    Decision::Deny { .. } => return Ok(true),
                    Decision::NoMatch if bound.unknown.is_none() => return Ok(true),
                    Decision::CannotTell { why } => {
                        let message = format!("{action} is denied under a condition only: {why}");
                        let cause = || Cause::new(CauseKind::Other, "organizations:DescribePolicy", message);
                        unknown.get_or_insert_with(cause);
                    }
                    Decision::NoMatch | Decision::Allow => {}
                }
            }
        }
    }
    unknown.map_or(Ok(false), Err)
}

/// What may be known around a request: one in a Region that nobody chose on what is of another organization, and one at home;
/// neither with MFA.
fn contexts(ours: &str, home: &str) -> [Context; 2] {
    let known = Context::partial()
        .with("aws:PrincipalOrgID", ours)
        .with("aws:MultiFactorAuthPresent", "false")
        .without("aws:MultiFactorAuthAge");
    let away = known.clone().with("aws:ResourceOrgID", OTHER_ORGANIZATION).with("aws:ResourceAccount", STRANGER);
    [away.with("aws:RequestedRegion", NO_REGION), known.with("aws:RequestedRegion", home)]
}

/// Actions and resources that a statement takes in: its patterns with their wildcards filled in, or made up where it says what
/// it spares.
fn requests(denial: &Statement, account: &str) -> Vec<(String, String)> {
    let mut actions: Vec<String> =
        denial.actions().iter().filter(|pattern| !is_default(pattern)).map(|pattern| filled(pattern)).collect();
    if denial.actions().is_empty() {
        actions.extend([ANY_ACTION.to_owned(), "ec2:RunInstances".to_owned()]);
    }
    let mut resources: Vec<String> =
        denial.resources().iter().filter_map(|pattern| resource(pattern, account)).collect();
    if denial.resources().is_empty() {
        resources.push(format!("arn:aws:4b1d::{account}:{INVENTED}"));
    }
    actions.iter().flat_map(|action| resources.iter().map(|resource| (action.clone(), resource.clone()))).collect()
}

/// Whether a pattern takes in leaving the organization or closing the account and little else.
fn is_default(pattern: &str) -> bool {
    let takes_in = |action: &str| matches_wildcards(pattern, action, true);
    ["organizations:LeaveOrganization", "organizations:CloseAccount", "account:CloseAccount"].into_iter().any(takes_in)
        && !["organizations:DescribeOrganization", "account:PutContactInformation"].into_iter().any(takes_in)
}

/// A resource that a pattern matches in an account, or of no account (a bucket); none if it matches none there.
fn resource(pattern: &str, account: &str) -> Option<String> {
    match Arn::parse(pattern) {
        Some(arn) if !arn.account.is_empty() => filled_arn(pattern, account),
        _ => Some(filled(pattern)),
    }
}
