//! Facts of an account that an earlier run saw, and that stand in for asking again.
//!
//! Owns: which wanted facts they cover, and putting them in their places. Must not: know how old they are: whoever hands them
//! in has left out (unknown, not collected) what is too old.
//!
//! What depends on an account's Regions is reused as a whole or not at all: a Region that was enabled since has to be asked
//! everything. Recent events are of a span of time that has moved on.

use super::regions;
use super::wanted::Wanted;
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::model::ids::Region;
use crate::model::observed::Observed;
use crate::model::scope::RegionRequest;
use std::collections::BTreeSet;

/// Facts that depend on which Regions an account can use.
const REGIONAL: [Fact; 9] = [
    Fact::Regions,
    Fact::Trails,
    Fact::Monitoring,
    Fact::TrailBuckets,
    Fact::Analyzers,
    Fact::ConfigRecorders,
    Fact::SecurityHub,
    Fact::Detectors,
    Fact::RecentEvents,
];

/// What is known of one account, and which wanted facts that is.
pub(super) struct Reused {
    known: AccountFacts,
    covered: BTreeSet<Fact>,
}

impl Reused {
    /// What `known` covers of what is wanted.
    pub(super) fn of(known: AccountFacts, wanted: &Wanted, request: &RegionRequest, home: &Region) -> Self {
        let mut covered: BTreeSet<Fact> = wanted.facts().filter(|fact| covers(&known, *fact)).collect();
        let regional: Vec<Fact> = wanted.facts().filter(|fact| REGIONAL.contains(fact)).collect();
        let in_scope = regions::in_scope(request, &known.regions, home);
        if regional.iter().all(|fact| covers_regional(&known, *fact, &in_scope)) {
            covered.extend(regional);
        }
        // Whose keys to ask for.
        if wanted.has(Fact::SshPublicKeys) && !covered.contains(&Fact::SshPublicKeys) {
            covered.remove(&Fact::Authorization);
        }
        Self { known, covered }
    }

    /// What is still to be asked.
    pub(super) fn left(&self, wanted: &Wanted) -> Wanted {
        wanted.without(&self.covered)
    }

    /// Puts what is reused in its places.
    pub(super) fn fill(self, facts: &mut AccountFacts, request: &RegionRequest, home: &Region) {
        let Self { known, covered } = self;
        let in_scope = regions::in_scope(request, &known.regions, home);
        let take = |fact| covered.contains(&fact);
        put(take(Fact::AccountSummary), &mut facts.summary, known.summary);
        put(take(Fact::PasswordPolicy), &mut facts.password_policy, known.password_policy);
        put(take(Fact::CredentialReport), &mut facts.credential_report, known.credential_report);
        put(take(Fact::Authorization), &mut facts.authorization, known.authorization);
        put(take(Fact::VirtualMfaDevices), &mut facts.virtual_mfa_devices, known.virtual_mfa_devices);
        put(take(Fact::RoleSessions), &mut facts.role_sessions, known.role_sessions);
        put(take(Fact::ServerCertificates), &mut facts.server_certificates, known.server_certificates);
        put(take(Fact::SamlProviders), &mut facts.saml_providers, known.saml_providers);
        let credentials = known.service_specific_credentials;
        put(take(Fact::ServiceSpecificCredentials), &mut facts.service_specific_credentials, credentials);
        put(take(Fact::SshPublicKeys), &mut facts.ssh_public_keys, known.ssh_public_keys);
        put(take(Fact::SecurityContact), &mut facts.security_contact, known.security_contact);
        put(take(Fact::ContactInformation), &mut facts.contact_information, known.contact_information);
        put(take(Fact::ConfigRules), &mut facts.config_rules, known.config_rules);
        put(take(Fact::BillingAlarms), &mut facts.billing_alarms, known.billing_alarms);
        if take(Fact::Regions) {
            facts.regions_in_scope = in_scope;
            facts.regions = known.regions;
            facts.trails = known.trails;
            facts.monitoring = known.monitoring;
            facts.trail_buckets = known.trail_buckets;
            facts.watchers = known.watchers;
        }
    }
}

fn put<T>(take: bool, place: &mut Observed<T>, known: Observed<T>) {
    if take {
        *place = known;
    }
}

/// Whether a fact that no Region matters to is known.
fn covers(known: &AccountFacts, fact: Fact) -> bool {
    let cause = match fact {
        Fact::AccountSummary => known.summary.cause(),
        Fact::PasswordPolicy => known.password_policy.cause(),
        Fact::CredentialReport => known.credential_report.cause(),
        Fact::Authorization => known.authorization.cause(),
        Fact::VirtualMfaDevices => known.virtual_mfa_devices.cause(),
        Fact::RoleSessions => known.role_sessions.cause(),
        Fact::ServerCertificates => known.server_certificates.cause(),
        Fact::SamlProviders => known.saml_providers.cause(),
        Fact::ServiceSpecificCredentials => known.service_specific_credentials.cause(),
        Fact::SshPublicKeys => known.ssh_public_keys.cause(),
        Fact::SecurityContact => known.security_contact.cause(),
        Fact::ContactInformation => known.contact_information.cause(),
        Fact::ConfigRules => known.config_rules.cause(),
        Fact::BillingAlarms => known.billing_alarms.cause(),
        // Facts of the organization are not asked of an account, and its role is known without a call.
        Fact::AuditRole => None,
        fact => return fact.of_organization(),
    };
    cause.is_none()
}

/// Whether a fact is known in every Region in scope that the account can use.
fn covers_regional(known: &AccountFacts, fact: Fact, in_scope: &[Region]) -> bool {
    let everywhere = |seen: fn(&crate::model::region::RegionFacts) -> bool| {
        let usable = in_scope.iter().filter(|region| regions::usable(&known.regions, region));
        usable.into_iter().all(|region| known.watchers.get(region).is_some_and(seen))
    };
    match fact {
        Fact::Regions => known.regions.cause().is_none(),
        Fact::Trails => {
            let mut usable = in_scope.iter().filter(|region| regions::usable(&known.regions, region));
            known.trails.values().all(|seen| seen.cause().is_none())
                && usable.all(|region| known.trails.contains_key(region))
        }
        Fact::Monitoring => covers_regional(known, Fact::Trails, in_scope),
        Fact::TrailBuckets => known.trail_buckets.cause().is_none(),
        Fact::Analyzers => everywhere(|region| region.analyzers.cause().is_none()),
        Fact::ConfigRecorders => everywhere(|region| region.config_recorders.cause().is_none()),
        Fact::SecurityHub => everywhere(|region| region.security_hub.cause().is_none()),
        Fact::Detectors => everywhere(|region| region.detectors.cause().is_none()),
        _ => false,
    }
}
