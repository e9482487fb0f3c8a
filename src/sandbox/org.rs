//! `Org`: everything the sandbox knows of one organization.
//!
//! Owns: the tree, policies, attachments, tags, delegated administrators, credentials handed out, the calls made, and
//! what was written to accounts over their generated state. Must not: apply AWS's rules (`services`).

use super::access;
use super::faults::Fault;
use super::generate::names;
use super::state::{AccountState, ReportRequest, Tags};
use super::states::{Read, States};
use super::workload;
use crate::model::org::{AccountState as Lifecycle, PolicyType};
use crate::model::{AccountId, PolicyId, Region, TargetId};
use crate::policy::RCP_FULL_AWS_ACCESS;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

pub use super::log::Event;

/// Where the state of an account comes from. Equal ids give equal states, each time.
pub trait Population: Send + Sync {
    /// The state of the account as long as nothing is written to it. Any id has one.
    fn account(&self, id: &AccountId) -> AccountState;

    /// The same with nobody in it, which is quicker: no users, groups, roles, policies, MFA devices or further credentials.
    fn unpeopled(&self, id: &AccountId) -> AccountState {
        self.account(id).unpeopled()
    }
}

/// The organization itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgInfo {
    /// `o-xxxxxxxxxx`.
    pub id: String,
    /// The management account.
    pub management_account: AccountId,
    /// The management account's address.
    pub email: String,
    /// `ALL` or `CONSOLIDATED_BILLING`.
    pub feature_set: String,
    /// `r-xxxx`.
    pub root: TargetId,
    /// Policy types enabled at the root.
    pub enabled_types: BTreeSet<PolicyType>,
    /// Whether responses carry the older `Status` only, without `State`, `Paths` and `Path`.
    pub older_responses: bool,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ou {
    /// `ou-xxxx-xxxxxxxx`.
    pub id: TargetId,
    /// Its name, unique under its parent.
    pub name: String,
    /// The root or the OU above.
    pub parent: TargetId,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The root user's address.
    pub email: String,
    /// Where it is in its life.
    pub state: Lifecycle,
    /// The root or OU that holds it.
    pub parent: TargetId,
    /// When it joined.
    pub joined: Timestamp,
    /// Whether it was invited rather than created.
    pub invited: bool,
}

/// An Organizations policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `p-xxxxxxxx`.
    pub id: PolicyId,
    /// Its name, unique within its type.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Its type.
    pub kind: PolicyType,
    /// Whether AWS owns it.
    pub aws_managed: bool,
    /// The text as saved.
    pub content: String,
    /// Where it is attached.
    pub targets: BTreeSet<TargetId>,
}

/// A long-lived access key.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) secret: String,
    pub(crate) account: AccountId,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// The organization.
pub struct Org {
    /// What everything generated derives from.
    pub seed: u64,
    /// The organization itself.
    pub info: OrgInfo,
    /// OUs by id.
    pub tree: BTreeMap<TargetId, Ou>,
    /// Accounts by id.
    pub members: BTreeMap<AccountId, Member>,
    /// Policies by id, AWS's own included.
    pub policies: BTreeMap<PolicyId, Policy>,
    /// Tags of roots, OUs, accounts and policies by id.
    pub tags: BTreeMap<String, Tags>,
    /// Service principals an account administers for the organization.
    pub delegated: BTreeMap<AccountId, BTreeMap<String, Timestamp>>,
    /// The resource-based delegation policy: who besides the management account may write policies.
    pub resource_policy: Option<String>,
    /// Services with trusted access and since when.
    pub service_access: BTreeMap<String, Timestamp>,
    /// Features of central root access that are on: `RootCredentialsManagement`, `RootSessions`.
    pub root_features: BTreeSet<String>,
    /// Accounts that were written to.
    pub written: BTreeMap<AccountId, AccountState>,
    /// Credential reports asked for.
    pub reports: BTreeMap<AccountId, ReportRequest>,
    /// Faults in force from the start; the sandbox takes them over.
    pub faults: Vec<Fault>,
    /// The calls made, oldest first.
    pub events: Vec<Event>,
    /// Whether calls made through the sandbox become events.
    pub keeps_events: bool,
    /// How long after a call its event can be read. AWS takes minutes; unless told otherwise the sandbox takes no time.
    pub delivery: SignedDuration,
    /// Now on the sandbox's clock; set before each handler.
    pub now: Timestamp,
    /// When the sandbox's clock began.
    pub epoch: Timestamp,
    /// How far the clients' clock is ahead of the sandbox's: credentials say when they expire by the clients' clock.
    pub ahead: SignedDuration,
    pub(crate) keys: BTreeMap<String, Key>,
    pub(crate) sessions: BTreeMap<String, Arc<super::auth::Session>>,
    /// Policies read so far.
    pub(crate) access: access::Cache,
    /// Calls of others that wait for their time.
    pub(crate) schedule: workload::Schedule,
    states: States,
    started: Option<Instant>,
    counter: u64,
    operator_key: String,
    /// Ids of deleted policies; AWS never gives one again.
    pub(crate) retired: BTreeSet<PolicyId>,
}

/// The document AWS attaches everywhere.
pub(crate) const FULL_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

impl Org {
    /// An organization with its management account, a root, and AWS's own policies; SCPs are enabled if `info` says so.
    /// `operator` is the user in the management account whose key the sandbox hands out: the key that the population
    /// gives that user, or a new one.
    pub fn new(
        seed: u64,
        epoch: Timestamp,
        info: OrgInfo,
        management: Member,
        operator: &str,
        population: Arc<dyn Population>,
    ) -> Self {
        let mut org = Self {
            seed,
            tree: BTreeMap::new(),
            members: BTreeMap::new(),
            policies: BTreeMap::new(),
            tags: BTreeMap::new(),
            delegated: BTreeMap::new(),
            resource_policy: None,
            service_access: BTreeMap::new(),
            root_features: BTreeSet::new(),
            written: BTreeMap::new(),
            reports: BTreeMap::new(),
            faults: Vec::new(),
            events: Vec::new(),
            keeps_events: true,
            delivery: SignedDuration::ZERO,
            now: epoch,
            epoch,
            ahead: SignedDuration::ZERO,
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            access: access::Cache::default(),
            schedule: workload::Schedule::default(),
            states: States::new(population),
            started: None,
            counter: 0,
            operator_key: String::new(),
            retired: BTreeSet::new(),
            info,
        };
        for (id, name, kind, content) in [
            ("p-FullAWSAccess", "FullAWSAccess", PolicyType::Scp, FULL_ACCESS),
            ("p-RCPFullAWSAccess", "RCPFullAWSAccess", PolicyType::Rcp, RCP_FULL_AWS_ACCESS),
        ] {
            let Ok(id) = id.parse::<PolicyId>() else { continue };
            let targets = if org.info.enabled_types.contains(&kind) {
                BTreeSet::from([org.info.root.clone()])
            } else {
                BTreeSet::new()
            };
            let policy = Policy {
                id: id.clone(),
                name: name.to_owned(),
                description: format!("Allows access to every operation ({name})"),
                kind,
                aws_managed: true,
                content: content.to_owned(),
                targets,
            };
            org.policies.insert(id, policy);
        }
        let account = management.id.clone();
        org.add_account(management);
        org.give_operator(&account, operator);
        org
    }

    /// Gives a user of an account the key that the sandbox hands out: the key that the population gives that user, or a new one.
    pub(crate) fn give_operator(&mut self, account: &AccountId, operator: &str) {
        let state = self.state(account);
        let user = state.users.get(operator);
        let (arn, known) = match user {
            Some(user) => (state.user_arn(user), user.keys.first().map(|key| (key.id.clone(), user.id.clone()))),
            None => (format!("arn:aws:iam::{account}:user/{operator}"), None),
        };
        drop(state);
        let (id, user_id) = known.unwrap_or_else(|| (self.fresh_id("AKIA", 16), self.fresh_id("AIDA", 17)));
        let secret = self.fresh_id("", 40);
        self.operator_key.clone_from(&id);
        self.keys.insert(id, Key { secret, account: account.clone(), arn, user_id });
    }

    /// Makes a delegation policy that lets whoever orgward is run from write service control policies.
    pub fn delegate_policies(&mut self) {
        let Some(key) = self.keys.get(&self.operator_key) else { return };
        self.resource_policy = Some(format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Policies","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":["organizations:AttachPolicy","organizations:CreatePolicy","organizations:DeletePolicy","organizations:DetachPolicy","organizations:TagResource","organizations:UntagResource","organizations:UpdatePolicy"],"Resource":"*"}}]}}"#,
            key.account
        ));
    }

    /// Adds an OU; AWS's own policies are attached to it.
    pub fn add_ou(&mut self, ou: Ou) {
        self.attach_full_access(&ou.id);
        self.tree.insert(ou.id.clone(), ou);
    }

    /// Adds an account; AWS's own policies are attached to it.
    pub fn add_account(&mut self, member: Member) {
        self.attach_full_access(&member.id.clone().into());
        self.members.insert(member.id.clone(), member);
    }

    /// Adds a customer policy as it is, attached to `targets`; no rule is applied. Gives its id.
    pub fn add_policy(
        &mut self,
        kind: PolicyType,
        name: &str,
        description: &str,
        content: &str,
        targets: impl IntoIterator<Item = TargetId>,
    ) -> PolicyId {
        let mut attempt = 0;
        // From the name alone, so that the same organization gets the same ids whatever was called before.
        let id = loop {
            let hash = uuid_of(&format!("{}/{}/{name}/{attempt}", self.seed, kind.as_str())).replace('-', "");
            attempt += 1;
            match format!("p-{}", hash.get(..10).unwrap_or_default()).parse::<PolicyId>() {
                Ok(id) if !self.policies.contains_key(&id) && !self.retired.contains(&id) => break id,
                _ => {}
            }
        };
        let policy = Policy {
            id: id.clone(),
            name: name.to_owned(),
            description: description.to_owned(),
            kind,
            aws_managed: false,
            content: content.to_owned(),
            targets: targets.into_iter().collect(),
        };
        self.policies.insert(id.clone(), policy);
        id
    }

    /// Adds a long-lived key of a principal (a user or the root user) in any account. Gives key id and secret.
    pub fn add_key(&mut self, account: &AccountId, arn: &str) -> (String, String) {
        let id = self.fresh_id("AKIA", 16);
        let secret = self.fresh_id("", 40);
        let user_id = self.fresh_id("AIDA", 17);
        let key = Key { secret: secret.clone(), account: account.clone(), arn: arn.to_owned(), user_id };
        self.keys.insert(id.clone(), key);
        (id, secret)
    }

    fn attach_full_access(&mut self, target: &TargetId) {
        let enabled = &self.info.enabled_types;
        for policy in self.policies.values_mut().filter(|p| p.aws_managed && enabled.contains(&p.kind)) {
            policy.targets.insert(target.clone());
        }
    }

    /// Id and secret of the key made with the organization.
    pub(crate) fn first_key(&self) -> (String, String) {
        let secret = self.keys.get(&self.operator_key).map(|key| key.secret.clone());
        (self.operator_key.clone(), secret.unwrap_or_default())
    }

    /// The state of an account: what was written, else what the population says.
    pub fn state(&self, id: &AccountId) -> Read<'_> {
        match self.written.get(id) {
            Some(state) => Read::Written(state),
            None => Read::Generated(self.states.whole(id)),
        }
    }

    /// The state of an account for whom its users, groups, roles, policies, MFA devices and further credentials do not
    /// matter: unless somebody wrote to the account it has none.
    pub fn unpeopled(&self, id: &AccountId) -> Read<'_> {
        match self.written.get(id) {
            Some(state) => Read::Written(state),
            None => Read::Generated(self.states.unpeopled(id)),
        }
    }

    /// The state of an account to write to; from now on it is stored.
    pub fn state_mut(&mut self, id: &AccountId) -> &mut AccountState {
        let states = &self.states;
        self.written.entry(id.clone()).or_insert_with(|| states.generate(id))
    }

    /// Sets `now` to the epoch plus what tokio's clock ran since the first call, and lets happen what was due meanwhile.
    pub fn tick(&mut self) {
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(*self.started.get_or_insert(now));
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::ZERO);
        self.now = self.epoch.checked_add(elapsed).unwrap_or(self.epoch);
        workload::run_due(self);
    }

    /// `prefix` and `length` upper-case letters and digits: never the same twice, the same again for the same seed.
    pub fn fresh_id(&mut self, prefix: &str, length: usize) -> String {
        self.counter += 1;
        let mut id = prefix.to_owned();
        let mut block = 0u32;
        while id.len() < prefix.len() + length {
            let digest = Sha256::digest(format!("{}/{}/{block}", self.seed, self.counter).as_bytes());
            let left = prefix.len() + length - id.len();
            id.extend(digest.iter().take(left).map(|byte| char::from(base32(*byte))));
            block += 1;
        }
        id
    }

    /// A UUID, fresh like [`Self::fresh_id`].
    pub fn fresh_uuid(&mut self) -> String {
        self.counter += 1;
        uuid_of(&format!("{}/{}", self.seed, self.counter))
    }

    /// The ids from the root down to `target`, both included; empty if it is not in the tree.
    pub fn chain(&self, target: &TargetId) -> Vec<TargetId> {
        let mut chain = vec![target.clone()];
        let mut at = target.clone();
        while at != self.info.root {
            let Some(parent) = self.parent(&at).filter(|_| chain.len() <= self.tree.len() + 2) else {
                return Vec::new();
            };
            chain.push(parent.clone());
            at = parent;
        }
        chain.reverse();
        chain
    }

    /// The root or OU above.
    pub fn parent(&self, target: &TargetId) -> Option<TargetId> {
        match target {
            TargetId::Account(id) => self.members.get(id).map(|m| m.parent.clone()),
            TargetId::Ou(_) => self.tree.get(target).map(|ou| ou.parent.clone()),
            TargetId::Root(_) => None,
        }
    }

    /// Whether the target exists.
    pub fn exists(&self, target: &TargetId) -> bool {
        match target {
            TargetId::Root(_) => *target == self.info.root,
            TargetId::Ou(_) => self.tree.contains_key(target),
            TargetId::Account(id) => self.members.contains_key(id),
        }
    }

    /// Whether this is the management account.
    pub fn is_management(&self, account: &AccountId) -> bool {
        self.info.management_account == *account
    }

    /// Accounts that are in the organization and answer calls.
    pub fn works(&self, account: &AccountId) -> bool {
        self.members
            .get(account)
            .is_some_and(|m| matches!(m.state, Lifecycle::Active | Lifecycle::PendingClosure | Lifecycle::Unknown))
    }

    /// The organization's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:organizations::{}:organization/{}", self.info.management_account, self.info.id)
    }

    /// The ARN of a policy.
    pub fn policy_arn(&self, policy: &Policy) -> String {
        let kind = policy.kind.as_str().to_ascii_lowercase();
        if policy.aws_managed {
            return format!("arn:aws:organizations::aws:policy/{kind}/{}", policy.id);
        }
        format!("arn:aws:organizations::{}:policy/{}/{kind}/{}", self.info.management_account, self.info.id, policy.id)
    }

    /// The ARN of the root, an OU or an account.
    pub fn target_arn(&self, target: &TargetId) -> String {
        let part = match target {
            TargetId::Root(_) => "root",
            TargetId::Ou(_) => "ou",
            TargetId::Account(_) => "account",
        };
        format!("arn:aws:organizations::{}:{part}/{}/{target}", self.info.management_account, self.info.id)
    }

    /// Whether the endpoints of a Region answer the account.
    pub fn region_usable(&self, account: &AccountId, region: &Region) -> bool {
        names::REGIONS_ON.contains(&region.as_str())
            || self.unpeopled(account).regions.get(region).is_some_and(|state| state.usable())
    }
}

/// A character of RFC 4648's base 32, as AWS's ids use.
fn base32(byte: u8) -> u8 {
    match byte % 32 {
        letter @ 0..=25 => b'A' + letter,
        digit => b'2' + (digit - 26),
    }
}

/// A UUID that a text always gives.
pub(crate) fn uuid_of(text: &str) -> String {
    let hex: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
