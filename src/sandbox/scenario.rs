//! What organization a sandbox starts with: the tree, the accounts, what is wrong with each, and the moment it starts at.
//!
//! Owns: `Scenario::demo`, `Scenario::small`, `Scenario::sized`. Must not: hold the state of an account (`generate` makes
//! that on each read).

mod build;
mod demo;
mod sized;

use super::faults::Fault;
use super::generate::dice::Dice;
use super::generate::{Generator, Population, Problem};
use super::state::Tags;
use crate::model::org::AccountState as Standing;
use crate::model::{AccountId, Region, TargetId};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The moment every shipped scenario starts at: 2026-11-02T08:00:00Z.
pub const EPOCH: Timestamp = Timestamp::constant(1_793_606_400, 0);

/// An organization before anything happens in it. Equal for equal arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The seed of everything generated.
    pub seed: u64,
    /// The moment the sandbox starts at.
    pub epoch: Timestamp,
    /// `o-xxxxxxxxxx`.
    pub organization: String,
    /// The root, `r-xxxx`.
    pub root: TargetId,
    /// The management account, one of `accounts`.
    pub management: AccountId,
    /// The Region of the organization trail.
    pub home: Region,
    /// OUs, each after the one above it.
    pub ous: Vec<ScenarioOu>,
    /// Every account, in the order they joined.
    pub accounts: Vec<ScenarioAccount>,
    /// Delegated administrators: account and service principal.
    pub delegated: Vec<(AccountId, String)>,
    /// Features of central root access that are on; without any, IAM has no trusted access.
    pub root_features: Vec<String>,
    /// How much each account holds.
    pub population: Population,
    /// What goes wrong from the start.
    pub faults: Vec<Fault>,
    /// A member that orgward is run from instead of the management account: it has an operator too, whom every role trusts.
    pub operated_from: Option<AccountId>,
}

/// An OU of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioOu {
    /// `ou-xxxx-xxxxxxxx`.
    pub id: TargetId,
    /// Its name.
    pub name: String,
    /// The root or the OU above.
    pub parent: TargetId,
}

/// An account of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioAccount {
    /// 12 digits.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The root user's address.
    pub email: String,
    /// Active, suspended, closed ...
    pub state: Standing,
    /// The root or OU that holds it.
    pub parent: TargetId,
    /// When it joined.
    pub joined: Timestamp,
    /// Whether it was created by the organization (else it was invited).
    pub created: bool,
    /// Its tags.
    pub tags: Tags,
    /// What is wrong, or particular, about it.
    pub problems: Vec<Problem>,
}

impl Scenario {
    /// The 24 accounts of `orgward demo`.
    pub fn demo() -> Self {
        demo::scenario()
    }

    /// Four healthy accounts for tests: management, audit (owns the organization trail's log group), two workloads.
    pub fn small() -> Self {
        let mut builder = Builder::new(7, "fernhill");
        let root = builder.scenario.root.clone();
        let security = builder.ou("Security", &root);
        let workloads = builder.ou("Workloads", &root);
        let audit = builder.account("audit", &security, &[("env", "security")]);
        builder.account("app-one", &workloads, &[("env", "prod")]);
        builder.account("app-two", &workloads, &[("env", "dev")]);
        builder.organization_trail(&audit);
        builder.trail_bucket(&audit);
        builder.organization_analyzer(&audit);
        builder.finish()
    }

    /// `accounts` accounts (the management account included, at least 2) in a tree that grows with them, with problems at
    /// the rates of an ordinary organization.
    pub fn sized(accounts: usize, seed: u64) -> Self {
        sized::scenario(accounts, seed)
    }

    /// The same scenario with other numbers of users, roles and policies in each account.
    pub fn with_population(mut self, population: Population) -> Self {
        self.population = population;
        self
    }

    /// The same scenario with orgward run from the account of this name; unchanged if there is none. The account is a delegated
    /// administrator only if the scenario has it as one.
    #[must_use]
    pub fn run_from(mut self, name: &str) -> Self {
        self.operated_from = self.account(name).map(|account| account.id.clone());
        self
    }

    /// The account of this name.
    pub fn account(&self, name: &str) -> Option<&ScenarioAccount> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// Adds a problem to the account of this name; nothing happens if there is none.
    pub fn plant(&mut self, name: &str, problem: Problem) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.name == name) {
            account.problems.push(problem);
        }
    }

    /// What generates the accounts' states.
    pub fn generator(&self) -> Generator {
        Generator {
            seed: self.seed,
            epoch: self.epoch,
            organization: self.organization.clone(),
            management: self.management.clone(),
            home: self.home.clone(),
            population: self.population,
            operated_from: self.operated_from.clone(),
        }
    }
}

/// Puts a scenario together, making ids as it goes.
struct Builder {
    scenario: Scenario,
    company: String,
    ids: BTreeSet<AccountId>,
    dice: Dice,
}

impl Builder {
    /// An organization with its management account at the root.
    fn new(seed: u64, company: &str) -> Self {
        let mut dice = Dice::new(seed, "organization");
        let mut ids = BTreeSet::new();
        let management = account_id(&mut dice.fork("management"), &mut ids);
        let root = TargetId::Root(format!("r-{}", dice.lower(4)));
        let scenario = Scenario {
            seed,
            epoch: EPOCH,
            organization: format!("o-{}", dice.lower(10)),
            root: root.clone(),
            management: management.clone(),
            home: home(),
            ous: Vec::new(),
            accounts: Vec::new(),
            delegated: Vec::new(),
            root_features: vec!["RootCredentialsManagement".into(), "RootSessions".into()],
            population: Population::default(),
            faults: Vec::new(),
            operated_from: None,
        };
        let mut builder = Self { scenario, company: company.to_owned(), ids, dice };
        builder.push(management, "management", &root, &[("env", "management")]);
        builder
    }

    fn ou(&mut self, name: &str, parent: &TargetId) -> TargetId {
        let root = self.scenario.root.as_str().trim_start_matches("r-").to_owned();
        let id = TargetId::Ou(format!("ou-{root}-{}", self.dice.lower(8)));
        self.scenario.ous.push(ScenarioOu { id: id.clone(), name: name.to_owned(), parent: parent.clone() });
        id
    }

    /// The OU at a path of names such as `Workloads/Prod`, made where it is missing.
    fn path(&mut self, path: &str) -> TargetId {
        let mut at = self.scenario.root.clone();
        for name in path.split('/') {
            let found = self.scenario.ous.iter().find(|ou| ou.parent == at && ou.name == name).map(|ou| ou.id.clone());
            at = match found {
                Some(id) => id,
                None => self.ou(name, &at),
            };
        }
        at
    }

    fn account(&mut self, name: &str, parent: &TargetId, tags: &[(&str, &str)]) -> AccountId {
        let id = account_id(&mut self.dice, &mut self.ids);
        self.push(id.clone(), name, parent, tags);
        id
    }

    fn push(&mut self, id: AccountId, name: &str, parent: &TargetId, tags: &[(&str, &str)]) {
        // Accounts join in the order they are listed, over the last three years.
        let place = self.scenario.accounts.len() as u64;
        let joined =
            Dice::new(self.scenario.seed, id.as_str()).ago(EPOCH, 120, 1_100_u64.saturating_sub(place.min(970)));
        self.scenario.accounts.push(ScenarioAccount {
            email: format!("aws+{name}@{}.example", self.company),
            name: name.to_owned(),
            state: Standing::Active,
            parent: parent.clone(),
            joined,
            created: true,
            tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            problems: Vec::new(),
            id,
        });
    }

    /// The scenario, with a budget in the management account.
    fn finish(mut self) -> Scenario {
        self.scenario.plant("management", Problem::Budget);
        self.scenario
    }

    /// Gives the management account the organization trail and `log_account` its log group.
    fn organization_trail(&mut self, log_account: &AccountId) {
        let management = self.scenario.management.clone();
        for account in &mut self.scenario.accounts {
            if account.id == management {
                account.problems.push(Problem::OrganizationTrail { log_account: log_account.clone() });
            }
            if &account.id == log_account {
                account.problems.push(Problem::TrailLogGroup);
            }
        }
        if log_account != &management {
            self.scenario.delegated.push((log_account.clone(), "cloudtrail.amazonaws.com".into()));
        }
    }

    /// Gives an account the bucket of the organization trail.
    fn trail_bucket(&mut self, owner: &AccountId) {
        if let Some(account) = self.scenario.accounts.iter_mut().find(|account| &account.id == owner) {
            account.problems.push(Problem::TrailBucket);
        }
    }

    /// Gives an account the organization's analyzer, as its delegated administrator.
    fn organization_analyzer(&mut self, administrator: &AccountId) {
        if let Some(account) = self.scenario.accounts.iter_mut().find(|account| &account.id == administrator) {
            account.problems.push(Problem::OrganizationAnalyzer);
        }
        self.scenario.delegated.push((administrator.clone(), "access-analyzer.amazonaws.com".into()));
    }
}

/// The Region every shipped scenario lives in.
#[expect(clippy::expect_used, reason = "a constant, and a test builds every scenario")]
fn home() -> Region {
    "eu-central-1".parse().expect("a Region code")
}

/// An account id that no other account has.
fn account_id(dice: &mut Dice, taken: &mut BTreeSet<AccountId>) -> AccountId {
    loop {
        if let Ok(id) = dice.digits(12).parse::<AccountId>()
            && taken.insert(id.clone())
        {
            return id;
        }
    }
}

#[cfg(test)]
mod tests;
