//! `AccountFacts`: what was collected from one account. Accounts stream: collected, checked, stored, dropped.

use super::billing::{self, BillingAlarms};
use super::bucket::TrailBucket;
use super::contact::Contact;
use super::credential::{SamlProvider, ServerCertificate, ServiceSpecificCredential, SshPublicKey};
use super::event::RecentEvents;
use super::iam::{AccountSummary, Authorization, CredentialReport, PasswordPolicy, VirtualMfaDevice};
use super::ids::{AccountId, Region};
use super::monitoring::Monitoring;
use super::observed::{Cause, Observed};
use super::region::{ConfigRule, RegionFacts};
use super::trail::{self, Trail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a Region can be used by the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionState {
    /// Enabled for every account, without a choice.
    EnabledByDefault,
    /// Enabled by this account's choice (an opt-in Region), or being enabled.
    Enabled,
    /// Disabled, or being disabled: not applicable.
    Disabled,
}

impl RegionState {
    /// Whether calls into the Region can be answered.
    pub fn usable(self) -> bool {
        self != Self::Disabled
    }
}

/// What one account said. Every field is present, absent or unknown with its cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// Whose facts.
    pub account: AccountId,
    /// `iam:GetAccountSummary`.
    pub summary: Observed<AccountSummary>,
    /// `iam:GetAccountPasswordPolicy`; absent means IAM's default applies.
    pub password_policy: Observed<PasswordPolicy>,
    /// `iam:GetCredentialReport`.
    pub credential_report: Observed<CredentialReport>,
    /// `iam:GetAccountAuthorizationDetails`.
    pub authorization: Observed<Authorization>,
    /// `iam:ListVirtualMFADevices`.
    pub virtual_mfa_devices: Observed<Vec<VirtualMfaDevice>>,
    /// `account:ListRegions`: every Region of the partition and its state.
    pub regions: Observed<BTreeMap<Region, RegionState>>,
    /// The Regions with verdicts, home Region first. One that was named may be disabled.
    pub regions_in_scope: Vec<Region>,
    /// `cloudtrail:DescribeTrails` by Region looked at, home Region included. Where that showed a multi-Region trail, the others
    /// show no replicas; where its answer is unknown, no other was asked, and is missing here.
    pub trails: BTreeMap<Region, Observed<Vec<Trail>>>,
    /// Around each log group that a trail of this account delivers to and this account owns.
    pub monitoring: Vec<Monitoring>,
    /// The ARN of the role with which the account was entered; `None` where the caller's own credentials served.
    pub entered_as: Option<String>,
    /// `iam:ListRoles`: the longest session of each role in seconds, by ARN. `GetAccountAuthorizationDetails` leaves it out.
    pub role_sessions: Observed<BTreeMap<String, i32>>,
    /// `iam:ListServerCertificates`.
    pub server_certificates: Observed<Vec<ServerCertificate>>,
    /// `iam:ListSAMLProviders`.
    pub saml_providers: Observed<Vec<SamlProvider>>,
    /// `iam:ListServiceSpecificCredentials`.
    pub service_specific_credentials: Observed<Vec<ServiceSpecificCredential>>,
    /// `iam:ListSSHPublicKeys` of every user; asked only with `--deep`.
    pub ssh_public_keys: Observed<Vec<SshPublicKey>>,
    /// `account:GetAlternateContact` for SECURITY; absent where there is none.
    pub security_contact: Observed<Contact>,
    /// `account:GetContactInformation`.
    pub contact_information: Observed<Contact>,
    /// The watchers of each Region in scope that is not disabled.
    pub watchers: BTreeMap<Region, RegionFacts>,
    /// Buckets of this account that its own trails or an organization trail write to, as far as [`Self::trails`] shows those.
    pub trail_buckets: Observed<Vec<TrailBucket>>,
    /// `config:DescribeConfigRules` in the home Region.
    pub config_rules: Observed<Vec<ConfigRule>>,
    /// Alarms on estimated charges; not asked where the management account's alarm or budget already speaks for members.
    pub billing_alarms: Observed<BillingAlarms>,
    /// `cloudtrail:LookupEvents` by Region; asked only with `--events DAYS`.
    pub recent_events: BTreeMap<Region, Observed<RecentEvents>>,
}

impl AccountFacts {
    /// The Regions with verdicts, each once, in the order of `regions_in_scope`.
    pub fn regions_to_judge(&self) -> Vec<&Region> {
        let mut regions: Vec<&Region> = Vec::new();
        for region in &self.regions_in_scope {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        regions
    }

    /// Why facts, and parts of facts, are unknown, in no particular order.
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        let of_account = [
            self.summary.cause(),
            self.password_policy.cause(),
            self.credential_report.cause(),
            self.authorization.cause(),
            self.virtual_mfa_devices.cause(),
            self.regions.cause(),
            self.role_sessions.cause(),
            self.server_certificates.cause(),
            self.saml_providers.cause(),
            self.service_specific_credentials.cause(),
            self.ssh_public_keys.cause(),
            self.security_contact.cause(),
            self.contact_information.cause(),
            self.trail_buckets.cause(),
            self.config_rules.cause(),
        ];
        let events = self.recent_events.values().filter_map(Observed::cause);
        let trails = self.trails.values().flat_map(trail::causes);
        let buckets = self.trail_buckets.value().into_iter().flatten().flat_map(TrailBucket::causes);
        let of_account = of_account.into_iter().flatten().chain(billing::causes(&self.billing_alarms));
        let chains = self.monitoring.iter().flat_map(Monitoring::causes);
        let watchers = self.watchers.values().flat_map(RegionFacts::causes);
        of_account.chain(events).chain(trails).chain(buckets).chain(chains).chain(watchers)
    }

    /// Facts that are all unknown for one cause: the account could not be entered.
    pub fn unknown(account: AccountId, home: Region, cause: &Cause) -> Self {
        Self {
            account,
            summary: Observed::unknown(cause.clone()),
            password_policy: Observed::unknown(cause.clone()),
            credential_report: Observed::unknown(cause.clone()),
            authorization: Observed::unknown(cause.clone()),
            virtual_mfa_devices: Observed::unknown(cause.clone()),
            regions: Observed::unknown(cause.clone()),
            regions_in_scope: vec![home.clone()],
            trails: BTreeMap::from([(home.clone(), Observed::unknown(cause.clone()))]),
            monitoring: Vec::new(),
            entered_as: None,
            role_sessions: Observed::unknown(cause.clone()),
            server_certificates: Observed::unknown(cause.clone()),
            saml_providers: Observed::unknown(cause.clone()),
            service_specific_credentials: Observed::unknown(cause.clone()),
            ssh_public_keys: Observed::unknown(cause.clone()),
            security_contact: Observed::unknown(cause.clone()),
            contact_information: Observed::unknown(cause.clone()),
            watchers: BTreeMap::from([(home.clone(), RegionFacts::unknown(cause))]),
            trail_buckets: Observed::unknown(cause.clone()),
            config_rules: Observed::unknown(cause.clone()),
            billing_alarms: Observed::unknown(cause.clone()),
            recent_events: BTreeMap::from([(home, Observed::unknown(cause.clone()))]),
        }
    }
}
