//! What service control policies must deny in every member account: leaving, tampering with trails, unwanted Regions, and work
//! without MFA.
//!
//! Owns: four checks of the organization that differ in what they try. Must not: compare policy texts; a denial is proved by
//! evaluating each account's chain (`guardrails`).

use super::super::evaluate::{Facts, Judgement, Outcome, Tree};
use super::super::guardrails::{EVERYONE, Fate, Guardrails, Probe, Tried};
use super::super::principals::ANY_ACTION;
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::org::{Account, PolicyType};
use crate::model::{Cause, few_quoted};
use std::collections::{BTreeMap, BTreeSet};

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
        cli: "aws organizations create-policy --type SERVICE_CONTROL_POLICY --name deny-leave-organization \
              --description <description> --content '{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Deny\", \
              \"Action\": \"organizations:LeaveOrganization\", \"Resource\": \"*\"}]}'\n\
              # a test OU first\n\
              aws organizations attach-policy --policy-id <policy id> --target-id <OU id>",
        playbook: Some("deny-leave-organization"),
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Example SCPs: prevent member accounts from leaving the organization",
    )],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

pub(super) fn deny_leave(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let probes = |_: Tree<'_>, _: &Account| vec![Probe::new("organizations:LeaveOrganization")];
    let denial = Denial {
        open: ("can leave the organization", "can leave"),
        denied: "organizations:LeaveOrganization is denied",
        tried: &EVERYONE,
        probes: &probes,
        left_open: None,
    };
    denial.judge(facts)
}

pub(super) const PROTECT_TRAIL: CheckMeta = CheckMeta {
    id: "org-protect-trail",
    title: "No member account can stop, delete or narrow a trail",
    severity: Severity::High,
    granularity: Granularity::Organization,
    rationale: "Who breaks in turns the record off first. A service control policy that denies stopping, deleting and changing \
                trails holds against administrators and the root user of an account. Tried for each working member by evaluating \
                its chain of policies; the management account is not bound by service control policies.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, Service control policies: create one that denies cloudtrail:StopLogging, \
                  cloudtrail:DeleteTrail, cloudtrail:UpdateTrail and cloudtrail:PutEventSelectors on *, but for the role that \
                  deploys trails, and attach it to the OUs that hold the accounts, a test OU first.",
        cli: "aws organizations create-policy --type SERVICE_CONTROL_POLICY --name protect-cloudtrail --description \
              <text> --content file://policy.json\n\
              # a test OU first\n\
              aws organizations attach-policy --policy-id <policy id> --target-id <OU id>",
        playbook: Some("protect-cloudtrail"),
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Example SCPs: prevent users from disabling CloudTrail or altering its configuration",
    )],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

const TRAIL_ACTIONS: [&str; 4] =
    ["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"];

pub(super) fn protect_trail(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let probes = |tree: Tree<'_>, account: &Account| {
        let (partition, home) = (&tree.organization().partition, tree.organization().home_region.as_str());
        // A trail can have its home anywhere, and is changed there.
        let places = [(home, "4b1d-no-such-trail"), (NO_REGION, "another-4b1d-trail")];
        let probe = |action: &'static str| {
            places.map(|(region, name)| {
                let plain = if region == home {
                    let plain = Probe::new(action);
                    Probe { context: plain.context.clone().with("aws:RequestedRegion", home), ..plain }
                } else {
                    in_region(action, region)
                };
                Probe { resource: format!("arn:{partition}:cloudtrail:{region}:{}:trail/{name}", account.id), ..plain }
            })
        };
        TRAIL_ACTIONS.into_iter().flat_map(probe).collect()
    };
    let denial = Denial {
        open: ("can tamper with their trails", "can tamper with its trails"),
        denied: "stopping, deleting and changing trails is denied",
        tried: &EVERYONE,
        probes: &probes,
        left_open: None,
    };
    denial.judge(facts)
}

pub(super) const REGION_RESTRICTION: CheckMeta = CheckMeta {
    id: "org-region-restriction",
    title: "Member accounts can use chosen Regions only",
    severity: Severity::Medium,
    granularity: Granularity::Organization,
    rationale: "In a Region that nobody uses nobody looks, which is where stolen credentials mine coins and hide copies. A \
                service control policy that denies every Region but those named closes also the Regions to come, which a list \
                of forbidden ones does not. Tried for each working member in a Region that does not exist; the management \
                account is not bound by service control policies.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, Service control policies: create one that denies everything but global services \
                  where aws:RequestedRegion is none of yours, and attach it to the OUs that hold the accounts, a test OU first; \
                  or Control Tower's Region deny control.",
        cli: "aws organizations create-policy --type SERVICE_CONTROL_POLICY --name region-restriction --description \
              <text> --content file://policy.json\n\
              # a test OU first\n\
              aws organizations attach-policy --policy-id <policy id> --target-id <OU id>",
        playbook: Some("region-restriction"),
    },
    references: &[aws(
        "AWS Organizations user guide",
        "Example SCPs: deny access to AWS based on the requested AWS Region",
    )],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

/// No list of forbidden Regions has this one.
pub(super) const NO_REGION: &str = "xx-nowhere-1";
/// What must be denied there: what costs or hides most, and an action made up, so that no list of actions has it.
const REGIONAL_ACTIONS: [&str; 5] =
    ["ec2:RunInstances", "lambda:CreateFunction", "rds:CreateDBInstance", "s3:CreateBucket", ANY_ACTION];

/// An action in words.
fn called(action: &str) -> &str {
    if action == ANY_ACTION { "an action that no policy names" } else { action }
}

fn in_region(action: &str, region: &str) -> Probe {
    let plain = Probe::new(action);
    let context = plain.context.clone().with("aws:RequestedRegion", region);
    Probe { context, words: format!("{} in a Region that no policy names", called(action)), ..plain }
}

pub(super) fn region_restriction(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let probes = |_: Tree<'_>, _: &Account| REGIONAL_ACTIONS.map(|action| in_region(action, NO_REGION)).into();
    let left_open = |guardrails: &Guardrails<'_>, tree: Tree<'_>, account: &Account| {
        let Ok(bound) = guardrails.binding(tree, account) else { return BTreeSet::new() };
        let named: BTreeSet<String> =
            bound.asked("ec2:RunInstances", "aws:RequestedRegion").map(str::to_owned).collect();
        let open = |region: &String| {
            let probe = in_region("ec2:RunInstances", region);
            !matches!(guardrails.fate(tree, account, &probe, &EVERYONE), Fate::Denied | Fate::DeniedBut(_))
        };
        named.into_iter().filter(open).collect()
    };
    let denial = Denial {
        open: ("can use any Region", "can use any Region"),
        denied: "every Region but those named is denied",
        tried: &EVERYONE,
        probes: &probes,
        left_open: Some(&left_open),
    };
    denial.judge(facts)
}

pub(super) const REQUIRE_MFA: CheckMeta = CheckMeta {
    id: "org-require-mfa",
    title: "IAM users of member accounts can do nothing without MFA",
    severity: Severity::Medium,
    granularity: Granularity::Organization,
    rationale: "A password or an access key that leaked is of no use where a service control policy denies IAM users whatever \
                they ask without MFA, but for setting MFA up. Tried for each working member, for the console (where the key \
                aws:MultiFactorAuthPresent is false) and for access keys (where it is absent). Roles are not tried: workloads and \
                Identity Center sessions have no MFA of this kind. The management account is not bound by service control \
                policies.",
    remediation: Remediation {
        console: "AWS Organizations, Policies, Service control policies: create one that denies IAM users (aws:PrincipalArn like \
                  arn:*:iam::*:user/*) everything but setting up MFA with BoolIfExists aws:MultiFactorAuthPresent false, and \
                  attach it to the OUs that hold the accounts, a test OU first.",
        cli: "aws organizations create-policy --type SERVICE_CONTROL_POLICY --name require-mfa --description <description> \
              --content file://policy.json\n\
              # a test OU first\n\
              aws organizations attach-policy --policy-id <policy id> --target-id <OU id>",
        playbook: Some("require-mfa"),
    },
    references: &[
        aws("AWS Organizations user guide", "Example SCPs: require MFA to perform an API operation"),
        aws("IAM user guide", "AWS global condition context keys: aws:MultiFactorAuthPresent"),
    ],
    facts: &[Fact::Organization, Fact::ServiceControlPolicies],
};

/// What a user does without MFA must be denied: made up, so that no list of actions has it; making machines and credentials,
/// and reading data.
const MFA_ACTIONS: [&str; 4] = [ANY_ACTION, "ec2:RunInstances", "iam:CreateUser", "s3:GetObject"];
const USERS: [Tried; 1] = [("a user", "user/4b1d-no-such-user")];

pub(super) fn require_mfa(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let probes = |tree: Tree<'_>, _: &Account| {
        let home = tree.organization().home_region.as_str();
        let ways = [("with a password", Some("false")), ("with an access key", None)];
        let probe = |action: &'static str| {
            ways.map(|(way, present)| {
                let plain = Probe::new(action);
                let context = plain.context.clone().with("aws:RequestedRegion", home).without("aws:MultiFactorAuthAge");
                let context = match present {
                    Some(value) => context.with("aws:MultiFactorAuthPresent", value),
                    None => context.without("aws:MultiFactorAuthPresent"),
                };
                Probe { context, words: format!("{} {way} alone", called(action)), ..plain }
            })
        };
        MFA_ACTIONS.into_iter().flat_map(probe).collect()
    };
    let denial = Denial {
        open: ("let users work without MFA", "lets users work without MFA"),
        denied: "work without MFA is denied to IAM users",
        tried: &USERS,
        probes: &probes,
        left_open: None,
    };
    denial.judge(facts)
}

/// What is tried in an account.
type Probes<'d> = &'d dyn Fn(Tree<'_>, &Account) -> Vec<Probe>;
/// What a denial leaves open in an account on purpose.
type LeftOpen<'d> = &'d dyn Fn(&Guardrails<'_>, Tree<'_>, &Account) -> BTreeSet<String>;

/// A denial that every member must feel.
struct Denial<'d> {
    /// What accounts that don't can do: of several, of one.
    open: (&'static str, &'static str),
    /// What is so where it holds.
    denied: &'static str,
    /// Who is tried.
    tried: &'d [Tried],
    /// What is tried, each of which must be denied.
    probes: Probes<'d>,
    /// What is told with a pass.
    left_open: Option<LeftOpen<'d>>,
}

impl Denial<'_> {
    fn judge(&self, facts: &mut Facts<'_>) -> Judgement {
        let tree = facts.tree()?;
        let members: Vec<&Account> = tree.working_members().collect();
        if members.is_empty() {
            return Ok(Outcome::NotApplicable("the organization has no working member account".to_owned()));
        }
        let (total, (all, one)) = (members.len(), self.open);
        if !tree.enabled(&PolicyType::Scp) {
            let failing =
                members.iter().map(|account| free(account, one, "no service control policy binds it")).collect();
            let message =
                format!("service control policies are not enabled, so every one of {total} member accounts {one}");
            return Ok(Outcome::Fail(message, failing));
        }
        let Some(policies) = facts.service_control_policies()? else {
            return Err(Cause::not_collected("organizations:ListPolicies"));
        };
        let guardrails = Guardrails::new(policies);
        let (mut failing, mut spared, mut exempt, mut open) = (Vec::new(), 0_usize, BTreeSet::new(), BTreeSet::new());
        // Most accounts are bound by the same policies.
        let mut known: BTreeMap<Vec<Vec<usize>>, (Fate, BTreeSet<String>)> = BTreeMap::new();
        for account in &members {
            let judge = || {
                let left_open = self.left_open.map(|left_open| left_open(&guardrails, tree, account));
                (self.worst(&guardrails, tree, account), left_open.unwrap_or_default())
            };
            let (fate, left_open) = match guardrails.likeness(tree, account) {
                Some(likeness) => known.entry(likeness).or_insert_with(judge).clone(),
                None => judge(),
            };
            open.extend(left_open);
            match fate {
                Fate::Denied => {}
                Fate::DeniedBut(named) => {
                    spared += 1;
                    exempt.extend(named);
                }
                Fate::Open(why) => failing.push(free(account, one, &why)),
                Fate::CannotTell(mut cause) => {
                    cause.message = format!("account {}: {}", account.id, cause.message);
                    facts.doubt_of(cause);
                }
            }
        }
        guardrails.sources().for_each(|source| facts.rest_on(Some(source)));
        let summary = |count: usize| format!("{count} of {total} member accounts {all}");
        let mut pass = format!("{} in all {total} member accounts", self.denied);
        if spared > 0 {
            pass.push_str(&format!(", but for principals a condition exempts in {spared}"));
        }
        if !exempt.is_empty() {
            pass.push_str(&format!(": {}", listed(&exempt)));
        }
        if !open.is_empty() {
            pass.push_str(&format!("; left open: {}", listed(&open)));
        }
        pass.push_str(&format!("; the management account {} is not bound", tree.organization().management_account));
        Ok(Outcome::of(failing, summary, &pass))
    }

    /// The worst fate of all that is tried: open, then unknown, then with exemptions.
    fn worst(&self, guardrails: &Guardrails<'_>, tree: Tree<'_>, account: &Account) -> Fate {
        let (mut exempt, mut spared, mut unknown) = (BTreeSet::new(), false, None);
        for probe in (self.probes)(tree, account) {
            match guardrails.fate(tree, account, &probe, self.tried) {
                Fate::Denied => {}
                Fate::DeniedBut(named) => {
                    spared = true;
                    exempt.extend(named);
                }
                open @ Fate::Open(_) => return open,
                Fate::CannotTell(cause) => unknown = unknown.or(Some(cause)),
            }
        }
        match (unknown, spared) {
            (Some(cause), _) => Fate::CannotTell(cause),
            (None, true) => Fate::DeniedBut(exempt.into_iter().collect()),
            (None, false) => Fate::Denied,
        }
    }
}

fn free(account: &Account, can: &str, why: &str) -> FailingResource {
    FailingResource { resource: account.arn.clone(), message: format!("account {} {can}: {why}", account.id) }
}

/// The first few of a list, in backticks.
fn listed(names: &BTreeSet<String>) -> String {
    few_quoted(names, 8)
}
