//! What holds for all checks: the catalogue is whole, and no unknown fact ever gives a pass.

use super::fixtures::{self, MEMBER, region};
use super::*;
use crate::model::check::Fact;
use crate::model::finding::Verdict;
use crate::model::monitoring::Monitoring;
use crate::model::org::PolicyType;
use crate::model::trail::Trail;
use crate::model::{Cause, CauseKind, Observed};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The one finding of an account check, or of an organization check.
pub(super) fn judge(org: &OrgFacts, facts: &AccountFacts, check: &str) -> Finding {
    let found = judge_all(org, facts, &Thresholds::default(), check);
    assert_eq!(found.len(), 1, "{check} gives one finding");
    found.into_iter().next().unwrap()
}

/// Every finding of a check.
pub(super) fn judge_all(org: &OrgFacts, facts: &AccountFacts, thresholds: &Thresholds, check: &str) -> Vec<Finding> {
    let only = Selection::of([check]);
    [only.organization(org, thresholds), only.account(org, facts, thresholds)].concat()
}

/// An unknown fact.
pub(super) fn hidden<T>() -> Observed<T> {
    Observed::unknown(Cause::new(CauseKind::AccessDenied, "test:Denied", "AccessDenied: no"))
}

const FACTS: [Fact; 33] = Fact::ALL;

/// Makes a fact unknown: as a whole (depth 0), or in one of the parts it is made of.
fn hide(org: &mut OrgFacts, facts: &mut AccountFacts, fact: Fact, depth: usize) {
    match fact {
        // The tree is what a run starts from: without it there is no run.
        Fact::Organization => {}
        Fact::ServiceControlPolicies => hide_policies(org, &PolicyType::Scp, depth),
        Fact::ResourceControlPolicies => hide_policies(org, &PolicyType::Rcp, depth),
        Fact::RootFeatures => org.services.root_features = hidden(),
        Fact::OrganizationServices => match depth {
            0 => (org.services.trusted, org.delegated_administrators) = (hidden(), hidden()),
            1 => org.services.delegated.values_mut().for_each(|services| *services = hidden()),
            _ => org.delegated_administrators = hidden(),
        },
        Fact::OrganizationAnalyzers => org.services.analyzers.values_mut().for_each(|seen| *seen = hidden()),
        Fact::OrganizationBilling => match depth {
            0 => (org.services.billing_alarms, org.services.budgets) = (hidden(), hidden()),
            1 => org.services.billing_alarms = hidden(),
            _ => org.services.budgets = hidden(),
        },
        // Known of every account that was entered.
        Fact::AuditRole => {}
        Fact::RoleSessions => facts.role_sessions = hidden(),
        Fact::ServerCertificates => facts.server_certificates = hidden(),
        Fact::SamlProviders => facts.saml_providers = hidden(),
        Fact::ServiceSpecificCredentials => facts.service_specific_credentials = hidden(),
        Fact::SshPublicKeys => facts.ssh_public_keys = hidden(),
        Fact::SecurityContact => facts.security_contact = hidden(),
        Fact::ContactInformation => facts.contact_information = hidden(),
        Fact::Analyzers => facts.watchers.values_mut().for_each(|watchers| match &mut watchers.analyzers {
            Observed::Present { value, .. } if depth > 0 && !value.is_empty() => {
                value.iter_mut().for_each(|analyzer| analyzer.findings = hidden());
            }
            analyzers => *analyzers = hidden(),
        }),
        Fact::ConfigRecorders => facts.watchers.values_mut().for_each(|watchers| watchers.config_recorders = hidden()),
        Fact::SecurityHub => facts.watchers.values_mut().for_each(|watchers| watchers.security_hub = hidden()),
        Fact::Detectors => facts.watchers.values_mut().for_each(|watchers| watchers.detectors = hidden()),
        Fact::TrailBuckets => match &mut facts.trail_buckets {
            Observed::Present { value, .. } if depth > 0 && !value.is_empty() => {
                value.iter_mut().for_each(|bucket| match depth {
                    1 => (bucket.public_policy, bucket.access_log_bucket) = (hidden(), hidden()),
                    _ => (bucket.group_grants, bucket.access_log_bucket) = (hidden(), hidden()),
                })
            }
            buckets => *buckets = hidden(),
        },
        Fact::ConfigRules => facts.config_rules = hidden(),
        Fact::BillingAlarms => facts.billing_alarms = hidden(),
        Fact::RecentEvents => facts.recent_events.values_mut().for_each(|events| *events = hidden()),
        Fact::OrganizationTrails => hide_trails(&mut org.organization_trails, depth),
        Fact::OrganizationMonitoring => org.monitoring.iter_mut().for_each(|watched| hide_monitoring(watched, depth)),
        Fact::AccountSummary => facts.summary = hidden(),
        Fact::PasswordPolicy => facts.password_policy = hidden(),
        Fact::CredentialReport => facts.credential_report = hidden(),
        Fact::Authorization => facts.authorization = hidden(),
        Fact::VirtualMfaDevices => facts.virtual_mfa_devices = hidden(),
        Fact::Regions => facts.regions = hidden(),
        Fact::Trails => facts.trails.values_mut().for_each(|trails| hide_trails(trails, depth)),
        Fact::Monitoring => facts.monitoring.iter_mut().for_each(|watched| hide_monitoring(watched, depth)),
    }
}

fn hide_policies(org: &mut OrgFacts, kind: &PolicyType, depth: usize) {
    let policies = org.policies.get_mut(kind).unwrap();
    match policies {
        Observed::Present { value, .. } if depth > 0 => value.iter_mut().for_each(|policy| match depth {
            1 => policy.content = hidden(),
            _ => policy.targets = hidden(),
        }),
        _ => *policies = hidden(),
    }
}

fn hide_trails(trails: &mut Observed<Vec<Trail>>, depth: usize) {
    match trails {
        // No trail has no parts.
        Observed::Present { value, .. } if depth > 0 && !value.is_empty() => {
            value.iter_mut().for_each(|trail| match depth {
                1 => trail.status = hidden(),
                _ => trail.selectors = hidden(),
            });
        }
        _ => *trails = hidden(),
    }
}

fn hide_monitoring(watched: &mut Monitoring, depth: usize) {
    match depth {
        0 => watched.filters = hidden(),
        1 => watched.alarms = hidden(),
        _ => watched.subscriptions.values_mut().for_each(|seen| *seen = hidden()),
    }
}

/// Sets of facts each of which is enough for a pass. All that a check declares, but for the checks that have two ways.
fn proofs(meta: &CheckMeta) -> Vec<Vec<Fact>> {
    match meta.id {
        "trail-multi-region" => {
            vec![vec![Fact::Regions, Fact::Trails], vec![Fact::Regions, Fact::OrganizationTrails]]
        }
        id if id == "root-usage-alarm" || id.starts_with("monitor-") => {
            let shared = vec![Fact::Regions, Fact::OrganizationTrails, Fact::OrganizationMonitoring];
            vec![shared, vec![Fact::Trails, Fact::Monitoring]]
        }
        // What an SCP denies is asked only where the users' own policies don't.
        "mfa-enforced" => vec![vec![Fact::CredentialReport, Fact::Authorization]],
        "console-users-federated" => {
            vec![
                vec![Fact::CredentialReport],
                vec![Fact::Authorization],
                vec![Fact::Authorization, Fact::SamlProviders],
            ]
        }
        // A member's sight of the organization trail is completed by the organization; what an account owns is not.
        "trail-logging" | "trail-cloudwatch-logs" => vec![vec![Fact::Trails], meta.facts.to_vec()],
        "trail-management-events" => vec![vec![Fact::Regions, Fact::OrganizationTrails], vec![Fact::Trails]],
        // An account with an analyzer of its own needs no other.
        "access-analyzer-findings" => vec![vec![Fact::Regions, Fact::Analyzers], meta.facts.to_vec()],
        "billing-alarm" => vec![vec![Fact::OrganizationBilling], vec![Fact::BillingAlarms]],
        "access-analyzer-enabled" => {
            vec![vec![Fact::Regions, Fact::OrganizationAnalyzers], vec![Fact::Regions, Fact::Analyzers]]
        }
        _ => vec![meta.facts.to_vec()],
    }
}

/// Whether a check reads a fact down to the parts that `hide` hides at this depth. Each reads a fact as a whole.
fn reads(meta: &CheckMeta, fact: Fact, depth: usize) -> bool {
    match (meta.id, fact) {
        // The tree is never unknown, and neither is the role with which an account was entered.
        (_, Fact::Organization | Fact::AuditRole) => false,
        // Trusted access for CloudTrail is used if there is an organization trail, whatever it does.
        ("org-trusted-access", Fact::OrganizationTrails) => depth == 0,
        // Where a policy is attached does not rest on its document, and AWS's own (the only RCP there is) are not judged.
        ("org-unused-policies", Fact::ServiceControlPolicies) => depth != 1,
        ("org-unused-policies", Fact::ResourceControlPolicies) => depth == 0,
        ("org-policy-headroom", Fact::ResourceControlPolicies) => depth != 1,
        // Whether log files are signed or encrypted does not rest on status and selectors.
        ("trail-log-validation" | "trail-kms", Fact::Trails) => depth == 0,
        // Where a trail is at home is in its outline.
        ("trail-org-home-region", Fact::OrganizationTrails) => depth == 0,
        // The status of a trail that is not the account's own is read with the organization.
        ("trail-logging" | "trail-cloudwatch-logs", _) => depth == 0,
        // A bucket is known by the trails' outlines.
        ("trail-bucket-public" | "trail-bucket-logging", Fact::Trails) => depth == 0,
        // A budget speaks for everyone where nothing is known of alarms.
        ("billing-alarm", Fact::OrganizationBilling) => depth != 1,
        // Nor does whether an analyzer looks rest on what it found.
        ("access-analyzer-enabled", Fact::Analyzers) => depth == 0,
        _ => true,
    }
}

fn orgs() -> [OrgFacts; 2] {
    [fixtures::org(), fixtures::org_without_trail()]
}

fn accounts() -> [AccountFacts; 3] {
    let mut bare = fixtures::account();
    bare.trails.values_mut().for_each(|trails| *trails = fixtures::seen("cloudtrail:DescribeTrails", Vec::new()));
    [fixtures::account(), fixtures::account_with_trail(), bare]
}

fn of(org: &OrgFacts, facts: &AccountFacts, meta: &CheckMeta) -> Vec<Finding> {
    judge_all(org, facts, &Thresholds::default(), meta.id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The one property of all checks: whatever is unknown, a pass rests on known facts alone, and what a check does not
    /// declare does not move its finding.
    #[test]
    fn an_unknown_fact_never_gives_a_pass(
        base in (0..2_usize, 0..3_usize),
        hiding in proptest::collection::vec(proptest::option::of(0..3_usize), FACTS.len()),
    ) {
        let (org, facts) = (orgs()[base.0].clone(), accounts()[base.1].clone());
        let masked = |wanted: &dyn Fn(Fact) -> bool| {
            let (mut org, mut facts) = (org.clone(), facts.clone());
            for (fact, depth) in FACTS.into_iter().zip(&hiding).filter(|(fact, _)| wanted(*fact)) {
                depth.iter().for_each(|depth| hide(&mut org, &mut facts, fact, *depth));
            }
            (org, facts)
        };
        for meta in CATALOG {
            let (declared_org, declared_facts) = masked(&|fact| meta.facts.contains(&fact));
            let (all_org, all_facts) = masked(&|_| true);
            let found = of(&declared_org, &declared_facts, meta);
            prop_assert_eq!(&found, &of(&all_org, &all_facts, meta), "{} reads a fact it does not declare", meta.id);
            let gone: BTreeSet<Fact> = FACTS
                .into_iter()
                .zip(&hiding)
                .filter_map(|(fact, depth)| depth.filter(|depth| reads(meta, fact, *depth)).map(|_| fact))
                .collect();
            let provable = proofs(meta).iter().any(|proof| proof.iter().all(|fact| !gone.contains(fact)));
            for finding in found {
                prop_assert!(
                    provable || finding.verdict != Verdict::Pass,
                    "{} passes without {:?}: {}", meta.id, gone, finding.message
                );
                prop_assert_eq!(finding.cause.is_some(), finding.verdict == Verdict::Unknown);
                prop_assert_eq!(finding.resources.is_empty() || finding.verdict == Verdict::Fail, true);
                prop_assert!(!finding.message.is_empty() && !finding.message.ends_with('.'), "{}", finding.message);
                let first = finding.message.chars().next().unwrap_or(' ');
                prop_assert!(!first.is_uppercase(), "{}", finding.message);
            }
        }
    }
}

#[test]
fn healthy_facts_pass_everything() {
    let facts = fixtures::account();
    let found = [
        organization(&fixtures::org(), &Thresholds::default()),
        account(&fixtures::org(), &facts, &Thresholds::default()),
    ];
    for finding in found.concat() {
        let disabled = finding.target.region() == Some(&region("ap-east-1"));
        // Nobody said what addresses should look like, and the trail's bucket is its owner's.
        let elsewhere = ["root-email-pattern", "trail-bucket-public", "trail-bucket-logging"];
        let silent = disabled || elsewhere.contains(&finding.check.as_str());
        let wanted = if silent { Verdict::NotApplicable } else { Verdict::Pass };
        assert_eq!(finding.verdict, wanted, "{}: {}", finding.check, finding.message);
    }
    let own = account(&fixtures::org_without_trail(), &fixtures::account_with_trail(), &Thresholds::default());
    // A pattern for root addresses is not configured, and without an organization trail its home does not matter.
    let silent = |finding: &&Finding| ["root-email-pattern", "trail-org-home-region"].contains(&finding.check.as_str());
    let own = own.iter().filter(|finding| !silent(finding));
    for finding in own.filter(|finding| finding.target.region() != Some(&region("ap-east-1"))) {
        assert_eq!(finding.verdict, Verdict::Pass, "{}: {}", finding.check, finding.message);
    }
}

/// Checks of the trails an account sees.
const WITH_A_TRAIL: [&str; 4] = ["trail-log-validation", "trail-logging", "trail-cloudwatch-logs", "trail-kms"];

#[test]
fn each_declared_fact_is_needed() {
    // One way to pass only, so that every fact of that way counts.
    for (org, facts, ways) in [
        (fixtures::org(), accounts()[2].clone(), vec![Fact::OrganizationTrails, Fact::OrganizationMonitoring]),
        (fixtures::org_without_trail(), fixtures::account_with_trail(), vec![Fact::Trails, Fact::Monitoring]),
    ] {
        for meta in CATALOG {
            let two_ways = proofs(meta).len() > 1;
            for fact in meta.facts.iter().filter(|fact| !matches!(fact, Fact::Organization | Fact::AuditRole)) {
                // A fact that only some passes rest on.
                if proofs(meta).iter().all(|proof| !proof.contains(fact)) {
                    continue;
                }
                // Without an organization trail, trusted access for CloudTrail is not used: no pass to lose.
                if meta.id == "org-trusted-access" && !ways.contains(&Fact::OrganizationTrails) {
                    continue;
                }
                if two_ways && *fact != Fact::Regions && !ways.contains(fact) {
                    continue;
                }
                // A trail of its own needs no word on where the organization's has its home.
                let every_way = proofs(meta).iter().all(|proof| proof.contains(fact));
                if *fact == Fact::Regions && !every_way && !ways.contains(&Fact::OrganizationTrails) {
                    continue;
                }
                // A member without a trail has nothing to set up, and no pass to lose.
                if WITH_A_TRAIL.contains(&meta.id) && ways.contains(&Fact::OrganizationTrails) {
                    continue;
                }
                let (mut org, mut facts) = (org.clone(), facts.clone());
                hide(&mut org, &mut facts, *fact, 0);
                // A disabled Region needs no trail.
                let disabled = Target::AccountRegion(fixtures::id(MEMBER), region("ap-east-1"));
                let found = of(&org, &facts, meta).into_iter();
                for finding in found.filter(|finding| *fact == Fact::Regions || finding.target != disabled) {
                    assert_eq!(finding.verdict, Verdict::Unknown, "{} without {fact:?}: {}", meta.id, finding.message);
                }
            }
        }
    }
}

#[test]
fn an_account_that_could_not_be_entered_has_a_row_for_each_check() {
    let cause = Cause::new(CauseKind::AssumeRoleDenied, "sts:AssumeRole", "AccessDenied");
    let facts = AccountFacts::unknown(fixtures::id(MEMBER), fixtures::home(), &cause);
    // Nothing of the organization speaks for its members: no trail, no budget, no analyzer.
    let mut org = fixtures::org_without_trail();
    org.services.budgets = fixtures::absent("budgets:DescribeBudgets");
    let found = account(&org, &facts, &Thresholds::default());
    assert_eq!(found.len(), CATALOG.iter().filter(|meta| meta.granularity != Granularity::Organization).count());
    // The address is told by the organization, not by the account.
    for finding in found.into_iter().filter(|finding| finding.check != "root-email-pattern") {
        assert_eq!(finding.verdict, Verdict::Unknown, "{}", finding.check);
        assert_eq!(finding.cause.as_ref(), Some(&cause), "{}", finding.check);
    }
}

#[test]
fn findings_follow_the_catalogue() {
    let found = account(&fixtures::org(), &fixtures::account(), &Thresholds::default());
    let at = |id: &str| CATALOG.iter().position(|meta| meta.id == id).unwrap();
    assert!(found.is_sorted_by_key(|finding| at(&finding.check)));
    assert_eq!(found, account(&fixtures::org(), &fixtures::account(), &Thresholds::default()));
}

/// Every id there is; reports, exemptions and fingerprints rest on them.
pub(super) const IDS: &str = "
    root-access-keys root-mfa root-hardware-mfa root-recent-use root-signing-certificates root-usage-alarm
    root-credentials-centralized root-email-pattern
    password-policy-length password-policy-reuse password-policy-complexity password-policy-max-age
    password-policy-hard-expiry password-policy-self-change
    user-mfa access-key-age access-key-unused access-key-two-active access-key-at-setup console-password-unused
    user-inactive user-direct-policies user-inline-policies group-inline-policies role-inline-policies ssh-key-age
    user-permissions-boundary user-long-term-keys service-specific-credentials user-signing-certificate
    admin-principal-inactive console-users-federated
    policy-admin-star policy-admin-attached policy-wildcard-action policy-wildcard-resource policy-privilege-escalation
    policy-deprecated-managed policy-cloudshell-full policy-unattached mfa-enforced
    role-external-trust role-trust-external-id role-trust-wildcard role-service-confused-deputy role-oidc-subject
    role-unused role-session-duration role-permissions-boundary role-support role-iam-master-manager
    audit-role-external-id
    server-certificate-expired saml-provider-certificate
    access-analyzer-enabled access-analyzer-findings
    trail-multi-region trail-logging trail-management-events trail-log-validation trail-cloudwatch-logs trail-kms
    trail-bucket-public trail-bucket-logging trail-org-home-region
    monitor-unauthorized-calls monitor-console-no-mfa monitor-root-usage monitor-iam-changes monitor-trail-changes
    monitor-console-failures monitor-kms-deletion monitor-bucket-policy monitor-config-changes monitor-security-groups
    monitor-network-acls monitor-gateways monitor-route-tables monitor-vpc monitor-organizations monitor-user-created
    monitor-access-key-created monitor-role-created monitor-trust-policy-changed monitor-admin-attached
    monitor-user-inline-policy monitor-web-identity billing-alarm
    event-console-no-mfa event-root-use event-user-created event-admin-attached event-role-created
    event-trust-policy-changed event-trail-tampering event-web-identity-unknown event-access-key-created
    event-user-inline-policy
    config-recorder config-rule-access-keys-rotated
    org-all-features org-scp-enabled org-rcp-enabled org-guardrails-cover-all org-deny-leave org-protect-trail
    org-region-restriction org-require-mfa org-accounts-in-root org-delegated-admins org-trusted-access
    org-policy-headroom org-unused-policies
    account-security-contact account-contact-details account-security-hub account-guardduty
";

#[test]
fn the_catalogue_is_whole() {
    let ids: Vec<&str> = CATALOG.iter().map(|meta| meta.id).collect();
    let (have, fixed): (BTreeSet<&str>, BTreeSet<&str>) =
        (ids.iter().copied().collect(), IDS.split_whitespace().collect());
    assert_eq!(have, fixed, "ids are fixed: reports, exemptions and fingerprints rest on them");
    assert_eq!(have.len(), ids.len(), "an id twice");
    for check in checks(|_| true) {
        let by_region = matches!(check.judge, Judge::Region(_));
        assert_eq!(by_region, check.meta.granularity == Granularity::AccountRegion, "{}", check.meta.id);
    }
    for meta in CATALOG {
        assert_eq!(super::meta(meta.id).map(|found| found.title), Some(meta.title));
        for text in [meta.title, meta.rationale, meta.remediation.console, meta.remediation.cli] {
            assert!(!text.is_empty() && !text.contains("  "), "{}: `{text}`", meta.id);
        }
        assert!(!meta.title.ends_with('.') && !meta.references.is_empty() && !meta.facts.is_empty(), "{}", meta.id);
        for reference in meta.references {
            let text = [reference.document, reference.section].concat();
            // Controls are told by `config/frameworks/`, in one place.
            assert!(!text.contains("CIS") && !text.contains("FSBP") && !text.contains("-BP0"), "{}: {text}", meta.id);
        }
        if meta.granularity == Granularity::Organization {
            assert!(meta.facts.iter().all(|fact| fact.of_organization()), "{}", meta.id);
        }
    }
    assert!(super::meta("no-such-check").is_none());
}

/// `tests/moto/remediation_witness.py` holds the commands against botocore's models.
#[test]
fn every_remediation_is_lines_of_a_shell() {
    for meta in CATALOG {
        let mut commands = 0;
        for line in meta.remediation.cli.lines() {
            let at = format!("{}: `{line}`", meta.id);
            let placeholders = line.split('<').skip(1).map(|rest| rest.split_once('>').map_or("", |(name, _)| name));
            for name in placeholders {
                assert!(!name.is_empty() && name == name.trim(), "a placeholder has a name: {at}");
            }
            assert_eq!(line.matches('<').count(), line.matches('>').count(), "a placeholder is open: {at}");
            if let Some(comment) = line.strip_prefix("# ") {
                // Indented by two it fits 60 columns, so that nobody has to break it.
                assert!(!comment.trim().is_empty() && line.chars().count() <= 58, "{at}");
                continue;
            }
            commands += 1;
            assert!(line.starts_with("aws ") || line.starts_with("orgward "), "neither command nor comment: {at}");
            let parts: Vec<&str> = line.split('\'').collect();
            assert_eq!(parts.len() % 2, 1, "a quote is open: {at}");
            let bare: String = parts.into_iter().step_by(2).collect();
            assert!(!bare.contains(|c| "{}[]()|&;$`\"#!*?~\\".contains(c)), "the shell reads it otherwise: {at}");
            assert!(!bare.contains(" then ") && !bare.contains(" or "), "prose in a command: {at}");
            assert!(line.ends_with(|c: char| c.is_alphanumeric() || ">'".contains(c)), "{at}");
        }
        assert!(commands > 0, "{} has no command", meta.id);
    }
}
