//! `AccountFacts`: what was collected from one account. Accounts stream: collected, checked, stored, dropped.

use super::iam::{AccountSummary, Authorization, CredentialReport, PasswordPolicy, VirtualMfaDevice};
use super::ids::{AccountId, Region};
use super::monitoring::Monitoring;
use super::observed::{Cause, Observed};
use super::trail::Trail;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a Region can be used by the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionState {
    /// Enabled, by default or by choice, or being enabled.
    Enabled,
    /// Disabled, or being disabled: not applicable.
    Disabled,
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
    /// `cloudtrail:DescribeTrails` by Region. A Region is asked only where no Region before it already showed a
    /// multi-Region trail; one that was not asked is missing here.
    pub trails: BTreeMap<Region, Observed<Vec<Trail>>>,
    /// Around each log group that a trail of this account delivers to and this account owns.
    pub monitoring: Vec<Monitoring>,
}

impl AccountFacts {
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
            trails: BTreeMap::from([(home, Observed::unknown(cause.clone()))]),
            monitoring: Vec::new(),
        }
    }
}
