//! `OrgFacts`: the organization as it was enumerated, kept in memory for a whole run.
//!
//! Source: Organizations API reference.

use super::account::RegionState;
use super::billing::{BillingAlarms, Budget};
use super::ids::{AccountId, Arn, PolicyId, Region, TargetId};
use super::monitoring::Monitoring;
use super::observed::{Cause, Observed, Source};
use super::region::Analyzer;
use super::trail::Trail;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the organization before any account is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrgFacts {
    /// `DescribeOrganization`.
    pub organization: Organization,
    /// The one root.
    pub root: Root,
    /// Every OU by id.
    pub ous: BTreeMap<TargetId, Ou>,
    /// Every account by id, suspended and closed ones included.
    pub accounts: BTreeMap<AccountId, Account>,
    /// Policies by type, with documents and attachments. A type that is not enabled is absent.
    pub policies: BTreeMap<PolicyType, Observed<Vec<Policy>>>,
    /// `account:ListRegions` of the management account: every Region of the partition.
    pub regions: Observed<BTreeMap<Region, RegionState>>,
    /// Accounts that administer a service for the organization.
    pub delegated_administrators: Observed<Vec<AccountId>>,
    /// Organization trails as the management account sees them, asked there whoever calls.
    pub organization_trails: Observed<Vec<Trail>>,
    /// Filters, alarms and subscriptions around each organization trail's log group, in whichever account owns it.
    pub monitoring: Vec<Monitoring>,
    /// What the management account says of organization-wide services.
    pub services: OrgServices,
    /// Where the organization, its root and its accounts came from.
    pub sources: Vec<Source>,
    /// The moment against which ages are computed in the whole run: when enumeration ended, or, where accounts are looked at
    /// meanwhile, when it began.
    pub as_of: Timestamp,
}

/// Organization-wide services as the management account, or the service's delegated administrator, shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrgServices {
    /// `iam:ListOrganizationsFeatures`: `RootCredentialsManagement`, `RootSessions`; empty where IAM has no trusted access.
    pub root_features: Observed<Vec<String>>,
    /// `organizations:ListAWSServiceAccessForOrganization`: principals of services with trusted access.
    pub trusted: Observed<Vec<String>>,
    /// `organizations:ListDelegatedServicesForAccount`: the services each delegated administrator administers.
    pub delegated: BTreeMap<AccountId, Observed<Vec<String>>>,
    /// Access Analyzer's analyzers of the management account and of its delegated administrator, by Region asked.
    pub analyzers: BTreeMap<Region, Observed<Vec<Analyzer>>>,
    /// Alarms on the organization's estimated charges.
    pub billing_alarms: Observed<BillingAlarms>,
    /// `budgets:DescribeBudgets`.
    pub budgets: Observed<Vec<Budget>>,
}

impl OrgServices {
    /// Whether somebody surely hears when the organization's bill grows: a cost budget over all costs that counts at `now` and
    /// notifies, or an alarm on estimated charges whose topic has a confirmed subscription. Both count the members' charges.
    pub fn bill_is_watched(&self, now: Timestamp) -> bool {
        let budgets = self.budgets.value().into_iter().flatten();
        let budget = budgets.into_iter().any(|budget| budget.watches_costs(now));
        budget || self.billing_alarms.value().is_some_and(BillingAlarms::heard)
    }

    /// Nothing asked.
    pub fn not_collected() -> Self {
        Self {
            root_features: Observed::not_collected("iam:ListOrganizationsFeatures"),
            trusted: Observed::not_collected("organizations:ListAWSServiceAccessForOrganization"),
            delegated: BTreeMap::new(),
            analyzers: BTreeMap::new(),
            billing_alarms: Observed::not_collected("cloudwatch:DescribeAlarms"),
            budgets: Observed::not_collected("budgets:DescribeBudgets"),
        }
    }
}

/// The organization itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// `o-xxxxxxxxxx`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`.
    pub partition: String,
    /// `ALL` or `CONSOLIDATED_BILLING`.
    pub feature_set: String,
    /// The management account.
    pub management_account: AccountId,
    /// Who enumerated: the caller's ARN from `GetCallerIdentity`.
    pub caller_arn: String,
    /// The home Region of this run, where global facts were asked for.
    pub home_region: Region,
}

impl Organization {
    /// The account that organization's facts were asked from; `None` if the caller's ARN names none.
    pub fn caller_account(&self) -> Option<AccountId> {
        Arn::parse(&self.caller_arn)?.account.parse().ok()
    }

    /// The caller's account, if it is a member that Organizations answered all the same: a delegated administrator. SCPs bind
    /// it as they bind any member.
    pub fn delegated_caller(&self) -> Option<AccountId> {
        self.caller_account().filter(|caller| *caller != self.management_account)
    }
}

/// The root of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// `r-xxxx`.
    pub id: TargetId,
    /// Usually `Root`.
    pub name: String,
    /// Policy types and whether each is enabled at the root.
    pub policy_types: BTreeMap<PolicyType, PolicyTypeState>,
}

/// Whether a policy type can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PolicyTypeState {
    /// Usable.
    Enabled,
    /// Being enabled.
    PendingEnable,
    /// Being disabled.
    PendingDisable,
}

/// A type of Organizations policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub enum PolicyType {
    /// `SERVICE_CONTROL_POLICY`.
    Scp,
    /// `RESOURCE_CONTROL_POLICY`.
    Rcp,
    /// Any other, by AWS's name.
    Other(String),
}

impl PolicyType {
    /// AWS's name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Scp => "SERVICE_CONTROL_POLICY",
            Self::Rcp => "RESOURCE_CONTROL_POLICY",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for PolicyType {
    fn from(name: String) -> Self {
        match name.as_str() {
            "SERVICE_CONTROL_POLICY" => Self::Scp,
            "RESOURCE_CONTROL_POLICY" => Self::Rcp,
            _ => Self::Other(name),
        }
    }
}

impl From<PolicyType> for String {
    fn from(kind: PolicyType) -> Self {
        kind.as_str().to_owned()
    }
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ou {
    /// `ou-xxxx-xxxxxxxx`.
    pub id: TargetId,
    /// Its name. Hostile: escape at every sink.
    pub name: String,
    /// The root or the OU above.
    pub parent: TargetId,
}

/// The state of an account, from `State`, or from the older `Status` where AWS still sends only that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccountState {
    /// Being created.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by AWS.
    Suspended,
    /// Closing; still works.
    PendingClosure,
    /// Closed, listed for 90 days.
    Closed,
    /// A state orgward does not know.
    Unknown,
}

impl AccountState {
    /// Why the account cannot be looked into; `None` if it can.
    pub fn why_not_audited(self) -> Option<&'static str> {
        match self {
            Self::Active | Self::PendingClosure | Self::Unknown => None,
            Self::PendingActivation => Some("not activated yet"),
            Self::Suspended => Some("suspended"),
            Self::Closed => Some("closed"),
        }
    }
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// 12 digits.
    pub id: AccountId,
    /// Its ARN.
    pub arn: String,
    /// Its name. Hostile: escape at every sink.
    pub name: String,
    /// The root user's address.
    pub email: String,
    /// Its state.
    pub state: AccountState,
    /// The root or OU that holds it.
    pub parent: TargetId,
    /// When it joined.
    pub joined: Option<Timestamp>,
    /// Its tags; collected only when a scope asks for tags.
    pub tags: Observed<BTreeMap<String, String>>,
}

/// A policy with its document and its attachments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `p-xxxxxxxx`.
    pub id: PolicyId,
    /// Its ARN.
    pub arn: String,
    /// Its name, unique within the type.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its type.
    pub kind: PolicyType,
    /// Whether AWS owns it; such a policy is never edited.
    pub aws_managed: bool,
    /// The document exactly as saved (its characters count against the quota).
    pub content: Observed<String>,
    /// Where it is attached.
    pub targets: Observed<BTreeSet<TargetId>>,
    /// Its tags; AWS-managed policies have none.
    pub tags: Observed<BTreeMap<String, String>>,
}

impl OrgFacts {
    /// Why facts, and parts of facts, are unknown, in no particular order.
    pub fn causes(&self) -> impl Iterator<Item = &Cause> {
        let policies = self.policies.values().flat_map(|seen| {
            let each = seen.value().into_iter().flatten();
            let parts = each.flat_map(|one| [one.content.cause(), one.targets.cause(), one.tags.cause()]);
            seen.cause().into_iter().chain(parts.flatten())
        });
        let OrgServices { root_features, trusted, delegated, analyzers, billing_alarms, budgets } = &self.services;
        let whole = [
            self.regions.cause(),
            self.delegated_administrators.cause(),
            root_features.cause(),
            trusted.cause(),
            budgets.cause(),
        ];
        let analyzers = analyzers.values().filter_map(Observed::cause);
        let delegated = delegated.values().filter_map(Observed::cause);
        let tags = self.accounts.values().filter_map(|account| account.tags.cause());
        let of_services = whole.into_iter().flatten().chain(analyzers).chain(delegated);
        let trails = super::trail::causes(&self.organization_trails);
        let chains = self.monitoring.iter().flat_map(Monitoring::causes);
        let billing = super::billing::causes(billing_alarms);
        policies.chain(of_services).chain(tags).chain(trails).chain(chains).chain(billing)
    }

    /// The way from the root down to `target`, both included. Empty if `target` is not in the tree.
    pub fn chain(&self, target: &TargetId) -> Vec<TargetId> {
        let mut chain = vec![target.clone()];
        let mut at = target.clone();
        while at != self.root.id {
            let parent = match &at {
                TargetId::Account(id) => self.accounts.get(id).map(|a| a.parent.clone()),
                TargetId::Ou(_) => self.ous.get(&at).map(|ou| ou.parent.clone()),
                TargetId::Root(_) => None,
            };
            // A tree deeper than its OUs is a cycle: treat it as not in the tree.
            let Some(parent) = parent.filter(|_| chain.len() <= self.ous.len() + 2) else { return Vec::new() };
            chain.push(parent.clone());
            at = parent;
        }
        chain.reverse();
        chain
    }

    /// The accounts at or below `target`, in id order.
    pub fn accounts_under(&self, target: &TargetId) -> Vec<&Account> {
        self.accounts.values().filter(|a| self.chain(&a.id.clone().into()).contains(target)).collect()
    }

    /// The path of a target by names, such as `/Workloads/Prod`; `/` for the root. An account's is that of its parent.
    pub fn path(&self, target: &TargetId) -> String {
        let names: Vec<&str> =
            self.chain(target).iter().filter_map(|id| self.ous.get(id)).map(|ou| ou.name.as_str()).collect();
        format!("/{}", names.join("/"))
    }

    /// A target in words people know: `root`, `OU /Workloads`, `account 111122223333 (name)`.
    pub fn describe(&self, target: &TargetId) -> String {
        match target {
            TargetId::Root(id) => format!("root {id}"),
            TargetId::Ou(id) => format!("OU {} ({id})", self.path(target)),
            TargetId::Account(id) => match self.accounts.get(id) {
                Some(account) => format!("account {id} ({})", account.name),
                None => format!("account {id}"),
            },
        }
    }

    /// Policies of a type, if they were seen.
    pub fn policies_of(&self, kind: &PolicyType) -> Option<&Observed<Vec<Policy>>> {
        self.policies.get(kind)
    }

    /// Whether a policy type is enabled at the root.
    pub fn enabled(&self, kind: &PolicyType) -> bool {
        self.root.policy_types.get(kind) == Some(&PolicyTypeState::Enabled)
    }

    /// Regions among `named` that the partition does not have, each with the nearest that it has. Empty where the
    /// partition's Regions are unknown.
    pub fn unknown_regions<'r>(
        &self,
        named: impl IntoIterator<Item = &'r Region>,
    ) -> Vec<(&'r Region, Option<&Region>)> {
        let Some(known) = self.regions.value() else { return Vec::new() };
        let near = |region: &Region| {
            let name = super::nearest(region.as_str(), known.keys().map(Region::as_str), 0.0)?;
            known.keys().find(|known| known.as_str() == name)
        };
        named.into_iter().filter(|region| !known.contains_key(*region)).map(|region| (region, near(region))).collect()
    }

    /// Whether this is the management account.
    pub fn is_management(&self, account: &AccountId) -> bool {
        &self.organization.management_account == account
    }
}
