//! Who administers what for the whole organization: delegated administrators and trusted access.
//!
//! Owns: two checks of the organization. Must not: guess which OU is for security where none says so by its name.

use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use crate::model::AccountId;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::TargetId;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const DELEGATED: CheckMeta = CheckMeta {
    id: "org-delegated-admins",
    title: "Security services are administered from member accounts meant for that",
    severity: Severity::Medium,
    granularity: Granularity::Organization,
    rationale: "The management account is bound by no policy, so as little as possible should be done in it: a service that can be \
                administered from a member should be. A delegated administrator sees and steers that service in every account, so \
                it must be an account in use and looked after. Fails: a security service with trusted access that nobody is \
                delegated; an administrator that is suspended, closed or the management account itself; and, where an OU is \
                named after security, one of a security service outside such OUs. Every delegation is listed.",
    remediation: Remediation {
        console: "The service's own settings, Delegated administrator: name the security account, which the service's console does \
                  for every Region where it must be done by Region.",
        cli: "# the account that is meant for it\n\
              aws organizations register-delegated-administrator --account-id <security account id> \
              --service-principal <service principal>\n\
              # one that is not\n\
              aws organizations deregister-delegated-administrator --account-id <account id> --service-principal \
              <service principal>",
        playbook: None,
    },
    references: &[
        aws(
            "AWS Organizations user guide",
            "Best practices for the management account: delegate responsibilities outside the management account",
        ),
        aws("AWS Security Reference Architecture", "Security OU: Security Tooling account"),
    ],
    facts: &[Fact::Organization, Fact::OrganizationServices],
};

/// Security services that take a delegated administrator, by their principal.
///
/// Source: Organizations User Guide, "AWS services that you can use with AWS Organizations"; Security Reference Architecture,
/// "Security Tooling account".
const SECURITY_SERVICES: [&str; 11] = [
    "access-analyzer.amazonaws.com",
    "auditmanager.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "config-multiaccountsetup.amazonaws.com",
    "config.amazonaws.com",
    "detective.amazonaws.com",
    "fms.amazonaws.com",
    "guardduty.amazonaws.com",
    "inspector2.amazonaws.com",
    "macie.amazonaws.com",
    "securityhub.amazonaws.com",
];

pub(super) fn delegated(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let tree = facts.tree()?;
    let trusted = facts.trusted_services()?;
    let mut delegated: BTreeMap<&AccountId, &[String]> = BTreeMap::new();
    for (account, services) in facts.delegated_administrators()? {
        delegated.insert(account, facts.part(services)?.map_or(&[], Vec::as_slice));
    }
    let mut failing = Vec::new();
    let security = |service: &str| SECURITY_SERVICES.contains(&service);
    let is_delegated = |service: &String| delegated.values().any(|services| services.contains(service));
    for service in trusted.iter().filter(|service| security(service) && !is_delegated(service)) {
        let message = format!("`{service}` is administered from the management account: nobody is delegated");
        failing.push(FailingResource { resource: service.clone(), message });
    }
    let in_security_ou = |account: &AccountId| {
        let chain = tree.chain(&TargetId::from(account.clone()));
        chain.iter().any(|target| tree.named_after_security(target))
    };
    let has_security_ou = tree.targets().iter().any(|target| tree.named_after_security(target));
    for (id, services) in &delegated {
        let mut fail = |why: String| {
            let resource = tree.account(id).map_or_else(|| id.as_str().to_owned(), |account| account.arn.clone());
            failing.push(FailingResource {
                resource,
                message: format!("account {id}, which administers {}, {why}", some(services)),
            });
        };
        match tree.account(id) {
            None => fail("is not in the organization".to_owned()),
            Some(account) => {
                if let Some(state) = account.state.why_not_audited() {
                    fail(format!("is {state}"));
                } else if tree.organization().management_account == account.id {
                    fail("is the management account".to_owned());
                } else if has_security_ou && services.iter().any(|service| security(service)) && !in_security_ou(id) {
                    fail(format!("is in no OU named after security ({})", tree.path(id)));
                }
            }
        }
    }
    let summary = |count| match count {
        1 => "1 delegation is not as it should be".to_owned(),
        _ => format!("{count} delegations are not as they should be"),
    };
    let listed: Vec<String> = delegated
        .iter()
        .map(|(account, services)| format!("account {account} administers {}", some(services)))
        .collect();
    let pass = match listed.as_slice() {
        [] => "no security service has trusted access, and no account is a delegated administrator".to_owned(),
        listed => listed.join("; "),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

pub(super) const TRUSTED: CheckMeta = CheckMeta {
    id: "org-trusted-access",
    title: "Trusted access is given to services that are in use",
    severity: Severity::Low,
    granularity: Granularity::Organization,
    rationale: "A service with trusted access may create a role for itself in every account, those to come included. One that is \
                no longer used keeps that right. What an API can prove is judged: trusted access for CloudTrail without an \
                organization trail, for IAM without central root access, and delegations left over for a service without trusted \
                access; whether other services are used, their owners must say, so every service with trusted access is listed.",
    remediation: Remediation {
        console: "AWS Organizations, Services: look at each with trusted access; disable it in the service's own console, which cleans \
                  up its roles.",
        cli: "# where the service has no command of its own for it\n\
              aws organizations disable-aws-service-access --service-principal <service principal>\n\
              # for an administrator that is left over\n\
              aws organizations deregister-delegated-administrator --account-id <account id> --service-principal \
              <service principal>",
        playbook: None,
    },
    references: &[aws("AWS Organizations user guide", "Using AWS Organizations with other AWS services")],
    facts: &[Fact::OrganizationServices, Fact::OrganizationTrails, Fact::RootFeatures],
};

/// Delegations that need no trusted access: Organizations' own, and account management that is always there.
const WITHOUT_TRUST: [&str; 2] = ["organizations.amazonaws.com", "account.amazonaws.com"];

pub(super) fn trusted(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let trusted: BTreeSet<&String> = facts.trusted_services()?.iter().collect();
    let has = |service: &str| trusted.iter().any(|known| known.as_str() == service);
    let mut failing = Vec::new();
    if has("cloudtrail.amazonaws.com") && facts.organization_trails().is_ok_and(<[_]>::is_empty) {
        let message = "has trusted access, and there is no organization trail".to_owned();
        failing.push(FailingResource { resource: "cloudtrail.amazonaws.com".to_owned(), message });
    }
    if has("iam.amazonaws.com") && facts.root_features().is_ok_and(<[_]>::is_empty) {
        let message = "has trusted access, and no feature of central root access is on".to_owned();
        failing.push(FailingResource { resource: "iam.amazonaws.com".to_owned(), message });
    }
    for (account, services) in facts.delegated_administrators()? {
        let services = facts.part(services)?.map_or(&[][..], Vec::as_slice);
        for service in services.iter().filter(|service| !has(service) && !WITHOUT_TRUST.contains(&service.as_str())) {
            let message = format!("account {account} is delegated `{service}`, which has no trusted access");
            failing.push(FailingResource { resource: format!("{account} ({service})"), message });
        }
    }
    let summary = |count| match count {
        1 => "1 service has trusted access or a delegation that is not in use".to_owned(),
        _ => format!("{count} services have trusted access or a delegation that is not in use"),
    };
    let names: Vec<&str> = trusted.iter().map(|service| service.as_str()).collect();
    let pass = match names.as_slice() {
        [] => "no service has trusted access".to_owned(),
        [one] => format!("1 service has trusted access: `{one}`"),
        all => format!("{} services have trusted access: `{}`", all.len(), all.join("`, `")),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

fn some(services: &[String]) -> String {
    match services {
        [] => "no service".to_owned(),
        services => format!("`{}`", services.join("`, `")),
    }
}
