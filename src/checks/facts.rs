//! The readers of facts: one method for each fact, each logging what it read.
//!
//! Owns: which part of the facts each `Fact` names. Must not: judge.

use super::evaluate::{Facts, Tree};
use crate::model::account::RegionState;
use crate::model::billing::{BillingAlarms, Budget};
use crate::model::bucket::TrailBucket;
use crate::model::check::Fact;
use crate::model::contact::Contact;
use crate::model::credential::{SamlProvider, ServerCertificate, ServiceSpecificCredential, SshPublicKey};
use crate::model::event::RecentEvents;
use crate::model::iam::{AccountSummary, Authorization, CredentialReport, PasswordPolicy, VirtualMfaDevice};
use crate::model::ids::{AccountId, Region};
use crate::model::monitoring::Monitoring;
use crate::model::org::{Policy, PolicyType};
use crate::model::region::{Analyzer, ConfigRecorder, ConfigRule, Detector, RegionFacts, SecurityHub};
use crate::model::trail::Trail;
use crate::model::{Cause, CauseKind, Observed};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A delegated administrator and its services.
pub(super) type Administrator<'a> = (&'a AccountId, &'a Observed<Vec<String>>);

impl<'a> Facts<'a> {
    /// The tree, the accounts and the enabled policy types.
    pub fn tree(&mut self) -> Result<Tree<'a>, Cause> {
        self.declared(Fact::Organization)?;
        self.org.sources.iter().for_each(|source| self.rest_on(Some(source)));
        Ok(Tree(self.org))
    }

    /// Service control policies; absent if the type is not enabled.
    pub fn service_control_policies(&mut self) -> Result<Option<&'a [Policy]>, Cause> {
        self.policies_of(Fact::ServiceControlPolicies, &PolicyType::Scp)
    }

    /// Resource control policies; absent if the type is not enabled.
    pub fn resource_control_policies(&mut self) -> Result<Option<&'a [Policy]>, Cause> {
        self.policies_of(Fact::ResourceControlPolicies, &PolicyType::Rcp)
    }

    fn policies_of(&mut self, fact: Fact, kind: &PolicyType) -> Result<Option<&'a [Policy]>, Cause> {
        self.declared(fact)?;
        match self.org.policies_of(kind) {
            Some(policies) => Ok(self.part(policies)?.map(Vec::as_slice)),
            None => Ok(None),
        }
    }

    /// Features of central root access that are on, such as `RootCredentialsManagement`.
    pub fn root_features(&mut self) -> Result<&'a [String], Cause> {
        self.declared(Fact::RootFeatures)?;
        Ok(self.part(&self.org.services.root_features)?.map_or(&[], Vec::as_slice))
    }

    /// Principals of services with trusted access.
    pub fn trusted_services(&mut self) -> Result<&'a [String], Cause> {
        self.declared(Fact::OrganizationServices)?;
        Ok(self.part(&self.org.services.trusted)?.map_or(&[], Vec::as_slice))
    }

    /// Delegated administrators, each with the services it administers, which are read one by one as parts.
    pub fn delegated_administrators(&mut self) -> Result<Vec<Administrator<'a>>, Cause> {
        self.declared(Fact::OrganizationServices)?;
        let accounts = self.part(&self.org.delegated_administrators)?.map_or(&[][..], Vec::as_slice);
        let mut found = Vec::new();
        for account in accounts {
            match self.org.services.delegated.get(account) {
                Some(services) => found.push((account, services)),
                None => {
                    let asked = "organizations:ListDelegatedServicesForAccount";
                    return Err(self.doubt(asked, format!("account `{account}` was not asked about")));
                }
            }
        }
        Ok(found)
    }

    /// Analyzers of the organization in a Region; `None` where that Region was not asked.
    pub fn organization_analyzers(&mut self, region: &Region) -> Result<Option<&'a [Analyzer]>, Cause> {
        self.declared(Fact::OrganizationAnalyzers)?;
        match self.org.services.analyzers.get(region) {
            Some(seen) => Ok(Some(self.part(seen)?.map_or(&[], Vec::as_slice))),
            None => Ok(None),
        }
    }

    /// Alarms on the organization's estimated charges; `None` if there is none.
    pub fn organization_billing_alarms(&mut self) -> Result<Option<&'a BillingAlarms>, Cause> {
        self.declared(Fact::OrganizationBilling)?;
        self.part(&self.org.services.billing_alarms)
    }

    /// Budgets of the management account.
    pub fn budgets(&mut self) -> Result<&'a [Budget], Cause> {
        self.declared(Fact::OrganizationBilling)?;
        Ok(self.part(&self.org.services.budgets)?.map_or(&[], Vec::as_slice))
    }

    /// Organization trails; none is an empty slice.
    pub fn organization_trails(&mut self) -> Result<&'a [Trail], Cause> {
        self.declared(Fact::OrganizationTrails)?;
        Ok(self.part(&self.org.organization_trails)?.map_or(&[], Vec::as_slice))
    }

    /// What watches organization trails' log groups. Its parts are read one by one.
    pub fn organization_monitoring(&mut self) -> Result<&'a [Monitoring], Cause> {
        self.declared(Fact::OrganizationMonitoring)?;
        Ok(&self.org.monitoring)
    }

    /// An entry of `GetAccountSummary`.
    pub fn summary(&mut self, key: &str) -> Result<i64, Cause> {
        let account = self.of_account(Fact::AccountSummary)?;
        let summary: &AccountSummary = self.required(&account.summary)?;
        let missing = || format!("the answer has no `{key}`");
        summary.get(key).copied().ok_or_else(|| self.doubt("iam:GetAccountSummary", missing()))
    }

    /// An entry of `GetAccountSummary` that not every answer has; a missing one is no doubt.
    pub fn summary_if_there(&mut self, key: &str) -> Result<Option<i64>, Cause> {
        let account = self.of_account(Fact::AccountSummary)?;
        let summary: &AccountSummary = self.required(&account.summary)?;
        Ok(summary.get(key).copied())
    }

    /// The password policy; `None` if there is none.
    pub fn password_policy(&mut self) -> Result<Option<&'a PasswordPolicy>, Cause> {
        let account = self.of_account(Fact::PasswordPolicy)?;
        self.part(&account.password_policy)
    }

    /// The credential report.
    pub fn credential_report(&mut self) -> Result<&'a CredentialReport, Cause> {
        let account = self.of_account(Fact::CredentialReport)?;
        self.required(&account.credential_report)
    }

    /// Principals and policies.
    pub fn authorization(&mut self) -> Result<&'a Authorization, Cause> {
        let account = self.of_account(Fact::Authorization)?;
        self.required(&account.authorization)
    }

    /// Virtual MFA devices.
    pub fn virtual_mfa_devices(&mut self) -> Result<&'a [VirtualMfaDevice], Cause> {
        let account = self.of_account(Fact::VirtualMfaDevices)?;
        Ok(self.part(&account.virtual_mfa_devices)?.map_or(&[], Vec::as_slice))
    }

    /// Every Region of the partition with its state.
    pub fn regions(&mut self) -> Result<&'a BTreeMap<Region, RegionState>, Cause> {
        let account = self.of_account(Fact::Regions)?;
        self.required(&account.regions)
    }

    /// The state of a Region.
    pub fn region_state(&mut self, region: &Region) -> Result<RegionState, Cause> {
        let account = self.of_account(Fact::Regions)?;
        let regions = self.required(&account.regions)?;
        let missing = || format!("the answer does not name `{region}`");
        regions.get(region).copied().ok_or_else(|| self.doubt("account:ListRegions", missing()))
    }

    /// `DescribeTrails` by Region asked. Each Region's answer is read as a part.
    pub fn trails(&mut self) -> Result<&'a BTreeMap<Region, Observed<Vec<Trail>>>, Cause> {
        Ok(&self.of_account(Fact::Trails)?.trails)
    }

    /// What watches log groups of the account's own trails. Its parts are read one by one.
    pub fn monitoring(&mut self) -> Result<&'a [Monitoring], Cause> {
        Ok(&self.of_account(Fact::Monitoring)?.monitoring)
    }

    /// The ARN of the role with which the account was entered; `None` where the caller's own credentials served.
    pub fn entered_as(&mut self) -> Result<Option<&'a str>, Cause> {
        Ok(self.of_account(Fact::AuditRole)?.entered_as.as_deref())
    }

    /// The role with which the account was entered, and when it was in use for certain: as the account told its roles.
    pub fn in_use(&mut self) -> Result<Option<(&'a str, Timestamp)>, Cause> {
        let account = self.of_account(Fact::AuditRole)?;
        let told = account.authorization.source().map(|source| source.observed_at);
        Ok(account.entered_as.as_deref().zip(told))
    }

    /// The longest session of each role in seconds, by ARN.
    pub fn role_sessions(&mut self) -> Result<&'a BTreeMap<String, i32>, Cause> {
        let account = self.of_account(Fact::RoleSessions)?;
        self.required(&account.role_sessions)
    }

    /// Server certificates kept in IAM.
    pub fn server_certificates(&mut self) -> Result<&'a [ServerCertificate], Cause> {
        let account = self.of_account(Fact::ServerCertificates)?;
        self.list(&account.server_certificates)
    }

    /// SAML providers.
    pub fn saml_providers(&mut self) -> Result<&'a [SamlProvider], Cause> {
        let account = self.of_account(Fact::SamlProviders)?;
        self.list(&account.saml_providers)
    }

    /// Service-specific credentials.
    pub fn service_specific_credentials(&mut self) -> Result<&'a [ServiceSpecificCredential], Cause> {
        let account = self.of_account(Fact::ServiceSpecificCredentials)?;
        self.list(&account.service_specific_credentials)
    }

    /// SSH public keys of every user.
    pub fn ssh_public_keys(&mut self) -> Result<&'a [SshPublicKey], Cause> {
        let account = self.of_account(Fact::SshPublicKeys)?;
        self.list(&account.ssh_public_keys)
    }

    /// The security contact; `None` if there is none.
    pub fn security_contact(&mut self) -> Result<Option<&'a Contact>, Cause> {
        let account = self.of_account(Fact::SecurityContact)?;
        self.part(&account.security_contact)
    }

    /// The account's contact information; `None` if there is none.
    pub fn contact_information(&mut self) -> Result<Option<&'a Contact>, Cause> {
        let account = self.of_account(Fact::ContactInformation)?;
        self.part(&account.contact_information)
    }

    /// Analyzers in a Region, whose findings are read one by one as parts.
    pub fn analyzers(&mut self, region: &Region) -> Result<&'a [Analyzer], Cause> {
        let watchers = self.watchers(Fact::Analyzers, region)?;
        self.list(&watchers.analyzers)
    }

    /// Configuration recorders in a Region.
    pub fn config_recorders(&mut self, region: &Region) -> Result<&'a [ConfigRecorder], Cause> {
        let watchers = self.watchers(Fact::ConfigRecorders, region)?;
        self.list(&watchers.config_recorders)
    }

    /// A Region other than `region` whose recorder records everything, global resources included. Regions that were not read
    /// are doubted if none does.
    pub fn global_recorder_outside(&mut self, region: &Region) -> Result<Option<&'a Region>, Cause> {
        let account = self.of_account(Fact::ConfigRecorders)?;
        let others = || account.watchers.iter().filter(|(other, _)| *other != region);
        for (other, watchers) in others() {
            let recorders = watchers.config_recorders.value().map_or(&[][..], Vec::as_slice);
            if recorders.iter().any(|recorder| recorder.recording && recorder.include_global) {
                self.part(&watchers.config_recorders)?;
                return Ok(Some(other));
            }
        }
        for (_, watchers) in others() {
            self.part(&watchers.config_recorders)?;
        }
        Ok(None)
    }

    /// Security Hub in a Region; `None` if the account is not subscribed.
    pub fn security_hub(&mut self, region: &Region) -> Result<Option<&'a SecurityHub>, Cause> {
        let watchers = self.watchers(Fact::SecurityHub, region)?;
        self.part(&watchers.security_hub)
    }

    /// GuardDuty's detectors in a Region.
    pub fn detectors(&mut self, region: &Region) -> Result<&'a [Detector], Cause> {
        let watchers = self.watchers(Fact::Detectors, region)?;
        self.list(&watchers.detectors)
    }

    /// Buckets of the account that trails write to, whose parts are read one by one.
    pub fn trail_buckets(&mut self) -> Result<&'a [TrailBucket], Cause> {
        let account = self.of_account(Fact::TrailBuckets)?;
        self.list(&account.trail_buckets)
    }

    /// Config rules of the home Region.
    pub fn config_rules(&mut self) -> Result<&'a [ConfigRule], Cause> {
        let account = self.of_account(Fact::ConfigRules)?;
        self.list(&account.config_rules)
    }

    /// The account's own alarms on estimated charges; `None` if there is none.
    pub fn billing_alarms(&mut self) -> Result<Option<&'a BillingAlarms>, Cause> {
        let account = self.of_account(Fact::BillingAlarms)?;
        self.part(&account.billing_alarms)
    }

    /// Recent events of every Region that answered. One that did not is doubted, and hides nothing that another saw.
    pub fn recent_events(&mut self) -> Result<Vec<(&'a Region, &'a RecentEvents)>, Cause> {
        let account = self.of_account(Fact::RecentEvents)?;
        let mut cause = None;
        let mut found = Vec::new();
        for (region, seen) in &account.recent_events {
            match self.part(seen) {
                Ok(events) => found.extend(events.map(|events| (region, events))),
                Err(unknown) => cause = Some(unknown),
            }
        }
        match cause {
            _ if !found.is_empty() => Ok(found),
            Some(cause) => Err(cause),
            None => {
                let message = "not collected: run with `--events DAYS`";
                let cause = Cause::new(CauseKind::OptIn, "cloudtrail:LookupEvents", message);
                self.doubt_of(cause.clone());
                Err(cause)
            }
        }
    }

    /// A list; absent is an empty one.
    fn list<T>(&mut self, observed: &'a Observed<Vec<T>>) -> Result<&'a [T], Cause> {
        Ok(self.part(observed)?.map_or(&[], Vec::as_slice))
    }

    fn watchers(&mut self, fact: Fact, region: &Region) -> Result<&'a RegionFacts, Cause> {
        let account = self.of_account(fact)?;
        match account.watchers.get(region) {
            Some(watchers) => Ok(watchers),
            None => {
                let cause = Cause::not_collected(format!("{fact:?} in {region}"));
                self.doubt_of(cause.clone());
                Err(cause)
            }
        }
    }
}
