//! An account's state from nothing but (seed, account id, profile): the same three give the same state, always.
//!
//! Owns: what a healthy account looks like and how each planted problem changes it. Must not: keep anything between calls
//! (10,000 accounts cost nothing), read a clock, or apply AWS's rules.

pub mod buckets;
mod contacts;
pub mod dice;
pub mod managed;
pub mod names;
mod people;
mod roles;
mod trails;
pub mod watchers;

use super::state::{AccountState, Contacts, Identity, MfaUser, RegionOptStatus, RootMfa, RootUser};
use crate::model::iam::PasswordPolicy;
use crate::model::{AccountId, Region};
use dice::Dice;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The role orgward assumes to read.
pub const AUDIT_ROLE: &str = "OrgwardAudit";
/// The role orgward assumes to write.
pub const APPLY_ROLE: &str = "OrgwardApply";
/// The ExternalId that the audit role's trust policy asks for.
pub const AUDIT_EXTERNAL_ID: &str = "orgward-demo";
/// The ExternalId that the apply role's trust policy asks for.
pub const APPLY_EXTERNAL_ID: &str = "orgward-demo-apply";
/// The management account's user whose key the sandbox hands out.
pub const OPERATOR_USER: &str = "orgward-operator";

/// How many of each thing an account holds, as `(least, most)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// IAM users.
    pub users: (u32, u32),
    /// Roles besides orgward's own and the service-linked ones.
    pub roles: (u32, u32),
    /// Customer-managed policies besides those that planted problems bring.
    pub policies: (u32, u32),
}

impl Default for Population {
    fn default() -> Self {
        Self { users: (2, 6), roles: (3, 8), policies: (1, 4) }
    }
}

/// Something wrong, or particular, about one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The audit role does not exist.
    NoAuditRole,
    /// The apply role does not exist.
    NoApplyRole,
    /// The audit role's trust policy asks for this ExternalId instead.
    OtherExternalId(String),
    /// No password policy.
    NoPasswordPolicy,
    /// A password policy of this length that remembers this many passwords.
    WeakPasswordPolicy {
        /// 6 to 128.
        length: i32,
        /// 1 to 24, or none.
        reuse: Option<i32>,
    },
    /// A user whose active key is this many days old, and in use.
    StaleKey(u64),
    /// A user with an active key older than the limit that was never used.
    NeverUsedKey,
    /// A console user without MFA.
    UserWithoutMfa,
    /// A console user who has not signed in for this many days.
    UnusedPassword(u64),
    /// A console user who never signed in.
    NeverUsedPassword,
    /// The root user has an access key.
    RootKey,
    /// The root user has no MFA.
    RootWithoutMfa,
    /// The root user's MFA device is virtual.
    RootVirtualMfa,
    /// The root user signed in this many days ago.
    RootUsed(u64),
    /// The account has no root credentials at all (centralised root access).
    NoRootCredentials,
    /// A customer-managed policy that allows everything, attached to a role.
    AdminStar,
    /// The account owns the organization trail, which delivers to the log group of this account.
    OrganizationTrail {
        /// Who owns the log group.
        log_account: AccountId,
    },
    /// The account owns the log group that the organization trail delivers to.
    TrailLogGroup,
    /// The account owns the bucket that the organization trail writes to.
    TrailBucket,
    /// The account has a trail of its own besides, with a bucket of its own.
    OwnTrail {
        /// Whether the bucket is public.
        public: bool,
        /// Whether access to the bucket is logged.
        logged: bool,
    },
    /// An opt-in Region is switched on.
    OptInRegion(Region),
    /// The account holds the organization's analyzer.
    OrganizationAnalyzer,
    /// A Region is not watched as it should be.
    Unwatched(Region, Flaw),
    /// No security contact.
    NoSecurityContact,
    /// A server certificate that expired this many days ago.
    ExpiredCertificate(u64),
    /// A SAML provider whose metadata expired this many days ago.
    ExpiredSamlProvider(u64),
    /// A user with a service-specific credential this many days old.
    ServiceCredential(u64),
    /// A user with an SSH public key this many days old.
    OldSshKey(u64),
    /// A workload's role with sessions of twelve hours.
    LongSessions,
    /// The account has a budget that tells somebody; in the management account it speaks for the organization.
    Budget,
    /// The account has an alarm on its own estimated charges.
    BillingAlarm,
}

/// How a Region is not watched as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Without an analyzer of IAM Access Analyzer.
    NoAnalyzer,
    /// The analyzer has this many active findings.
    Findings(usize),
    /// Without a recorder of AWS Config.
    NoRecorder,
    /// The recorder does not record.
    RecorderStopped,
    /// Without the rule that access keys are rotated; it lies in the home Region.
    NoKeyRule,
    /// Not subscribed to Security Hub.
    NoSecurityHub,
    /// Without a detector of GuardDuty.
    NoDetector,
    /// The detector is off.
    DetectorDisabled,
}

/// What all accounts of an organization have in common, and all that generating one needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// The seed.
    pub seed: u64,
    /// The moment the sandbox starts at; ages count back from it.
    pub epoch: Timestamp,
    /// `o-xxxxxxxxxx`.
    pub organization: String,
    /// The management account: roles trust it.
    pub management: AccountId,
    /// A member that orgward is run from instead: it has an operator too, roles trust it as well, and the management account
    /// has the roles.
    pub operated_from: Option<AccountId>,
    /// The Region where the organization trail, its log group and other regional things live.
    pub home: Region,
    /// How much each account holds.
    pub population: Population,
}

/// Every Region and its state where nothing was changed.
static REGIONS: LazyLock<BTreeMap<Region, RegionOptStatus>> = LazyLock::new(|| {
    let on = names::REGIONS_ON.iter().map(|code| (code, RegionOptStatus::EnabledByDefault));
    let off = names::REGIONS_OPT_IN.iter().map(|code| (code, RegionOptStatus::Disabled));
    on.chain(off).filter_map(|(code, status)| Some((code.parse().ok()?, status))).collect()
});

impl Generator {
    /// The state of `account` before anything was written to it.
    pub fn account(&self, account: &AccountId, problems: &[Problem]) -> AccountState {
        let dice = Dice::new(self.seed, account.as_str());
        let mut state = self.blank(account, &dice);
        people::groups(self, &mut state, &dice);
        roles::policies(self, &mut state, &dice);
        roles::roles(self, &mut state, &dice);
        people::users(self, &mut state, &dice);
        self.surroundings(&mut state, &dice);
        if account == &self.management || self.operated_from.as_ref() == Some(account) {
            people::operator(self, &mut state, &dice);
        }
        if account == &self.management && self.operated_from.is_none() {
            roles::no_member_roles(&mut state);
        }
        for (index, problem) in problems.iter().enumerate() {
            self.plant(&mut state, problem, dice.fork("problem").nth(index));
        }
        state
    }

    /// What [`AccountState::unpeopled`] leaves of it, without making the rest first.
    pub fn unpeopled(&self, account: &AccountId, problems: &[Problem]) -> AccountState {
        let dice = Dice::new(self.seed, account.as_str());
        let mut state = self.blank(account, &dice);
        self.surroundings(&mut state, &dice);
        for (index, problem) in problems.iter().enumerate() {
            self.plant(&mut state, problem, dice.fork("problem").nth(index));
        }
        state.unpeopled()
    }

    /// The account itself and its root user.
    fn blank(&self, account: &AccountId, dice: &Dice) -> AccountState {
        AccountState {
            account: account.clone(),
            created: dice.fork("created").ago(self.epoch, 400, 1_900),
            alias: alias(&mut dice.fork("alias")),
            root: root(&mut dice.fork("root"), self.epoch),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            password_policy: Some(healthy_password_policy(&mut dice.fork("password policy"))),
            virtual_mfa: BTreeMap::new(),
            trails: BTreeMap::new(),
            log_groups: BTreeMap::new(),
            alarms: BTreeMap::new(),
            topics: BTreeMap::new(),
            buckets: BTreeMap::new(),
            watched: BTreeMap::new(),
            regions: REGIONS.clone(),
            identity: Identity::default(),
            contacts: Contacts::default(),
            budgets: BTreeMap::new(),
        }
    }

    /// What a healthy account has besides its users, groups, roles and policies.
    fn surroundings(&self, state: &mut AccountState, dice: &Dice) {
        contacts::healthy(self, state, dice);
        trails::log_groups(self, state, dice);
        watchers::home(self, state, dice);
        buckets::of_workload(self, state, dice);
    }

    fn plant(&self, state: &mut AccountState, problem: &Problem, mut dice: Dice) {
        match problem {
            Problem::NoAuditRole => drop(state.roles.remove(AUDIT_ROLE)),
            Problem::NoApplyRole => drop(state.roles.remove(APPLY_ROLE)),
            Problem::OtherExternalId(id) => {
                if let Some(role) = state.roles.get_mut(AUDIT_ROLE) {
                    role.trust_policy = roles::trust(self, id);
                }
            }
            Problem::NoPasswordPolicy => state.password_policy = None,
            Problem::WeakPasswordPolicy { length, reuse } => {
                state.password_policy = Some(weak_password_policy(*length, *reuse, &mut dice));
            }
            Problem::StaleKey(_)
            | Problem::NeverUsedKey
            | Problem::UserWithoutMfa
            | Problem::UnusedPassword(_)
            | Problem::NeverUsedPassword => people::plant(self, state, problem, &mut dice),
            Problem::RootKey => state.root.keys.push(people::key(&mut dice, self.epoch, (120, 390), Some((2, 40)))),
            Problem::RootWithoutMfa => state.root.mfa = RootMfa::None,
            Problem::RootVirtualMfa => people::root_virtual_mfa(self, state, &mut dice),
            Problem::RootUsed(days) => state.root.password_last_used = Some(dice.ago(self.epoch, *days, *days)),
            Problem::NoRootCredentials => {
                state.virtual_mfa.retain(|_, device| !matches!(device.assigned, Some((MfaUser::Root, _))));
                state.root =
                    RootUser { has_password: false, password_last_used: None, mfa: RootMfa::None, keys: Vec::new() };
            }
            Problem::AdminStar => roles::admin_star(self, state, &mut dice),
            Problem::OrganizationTrail { log_account } => {
                trails::organization_trail(self, state, log_account, &mut dice)
            }
            Problem::TrailLogGroup => trails::trail_log_group(self, state, &mut dice),
            Problem::TrailBucket => {
                let name = buckets::of_organization_trail(self);
                buckets::of_trail(self, state, name, (false, true));
            }
            Problem::OwnTrail { public, logged } => trails::own_trail(self, state, (*public, *logged), &mut dice),
            Problem::OrganizationAnalyzer => watchers::organization_analyzer(self, state),
            Problem::Unwatched(region, flaw) => watchers::plant(self, state, region, flaw, &mut dice),
            Problem::OptInRegion(region) => {
                if let Some(status) = state.regions.get_mut(region) {
                    *status = RegionOptStatus::Enabled;
                }
            }
            Problem::NoSecurityContact
            | Problem::ExpiredCertificate(_)
            | Problem::ExpiredSamlProvider(_)
            | Problem::ServiceCredential(_)
            | Problem::OldSshKey(_)
            | Problem::LongSessions
            | Problem::Budget
            | Problem::BillingAlarm => contacts::plant(self, state, problem, &mut dice),
        }
    }
}

/// A random-looking UUID of version 4.
fn uuid(dice: &mut Dice) -> String {
    let (high, low) = (dice.roll(), dice.roll());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn alias(dice: &mut Dice) -> Option<String> {
    let word = dice.pick(names::WORKLOADS);
    dice.chance(600).then(|| format!("{word}-{}", dice.lower(5)))
}

/// A root user with a hardware key who has not signed in for a long time, if ever.
fn root(dice: &mut Dice, now: Timestamp) -> RootUser {
    let password_last_used = if dice.chance(550) { Some(dice.ago(now, 130, 390)) } else { None };
    RootUser { has_password: true, password_last_used, mfa: RootMfa::Hardware, keys: Vec::new() }
}

fn healthy_password_policy(dice: &mut Dice) -> PasswordPolicy {
    let length = 14 + i32::try_from(dice.below(4)).unwrap_or(0) * 2;
    PasswordPolicy {
        minimum_password_length: length,
        require_symbols: dice.chance(700),
        require_numbers: true,
        require_uppercase_characters: dice.chance(800),
        require_lowercase_characters: true,
        allow_users_to_change_password: true,
        max_password_age: None,
        password_reuse_prevention: Some(24),
        hard_expiry: false,
    }
}

fn weak_password_policy(length: i32, reuse: Option<i32>, dice: &mut Dice) -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: length,
        require_symbols: false,
        require_numbers: dice.chance(500),
        require_uppercase_characters: false,
        require_lowercase_characters: dice.chance(500),
        allow_users_to_change_password: dice.chance(800),
        max_password_age: None,
        password_reuse_prevention: reuse,
        hard_expiry: false,
    }
}

#[cfg(test)]
mod tests;
