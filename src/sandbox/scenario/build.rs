//! A scenario turned into the `Org` that handlers work on.
//!
//! Owns: the one place where a scenario's fields meet the organization's. Must not: plant anything.

use super::{Scenario, ScenarioAccount};
use crate::model::AccountId;
use crate::model::org::PolicyType;
use crate::sandbox::generate::{Generator, OPERATOR_USER, Problem};
use crate::sandbox::org::{Member, Org, OrgInfo, Ou, Population};
use crate::sandbox::state::AccountState;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Generates each account's state on each read, with the problems planted in it.
struct Planted {
    generator: Generator,
    problems: BTreeMap<AccountId, Vec<Problem>>,
}

impl Planted {
    fn problems(&self, id: &AccountId) -> &[Problem] {
        self.problems.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Population for Planted {
    fn account(&self, id: &AccountId) -> AccountState {
        self.generator.account(id, self.problems(id))
    }

    fn unpeopled(&self, id: &AccountId) -> AccountState {
        self.generator.unpeopled(id, self.problems(id))
    }
}

fn member(account: &ScenarioAccount) -> Member {
    Member {
        id: account.id.clone(),
        name: account.name.clone(),
        email: account.email.clone(),
        state: account.state,
        parent: account.parent.clone(),
        joined: account.joined,
        invited: !account.created,
    }
}

impl From<Scenario> for Org {
    fn from(scenario: Scenario) -> Self {
        let generator = scenario.generator();
        let problems = scenario.accounts.iter().filter(|account| !account.problems.is_empty());
        let problems = problems.map(|account| (account.id.clone(), account.problems.clone())).collect();
        let management = scenario.accounts.iter().find(|account| account.id == scenario.management);
        let management = management.map(member).unwrap_or_else(|| Member {
            id: scenario.management.clone(),
            name: "management".into(),
            email: String::new(),
            state: crate::model::org::AccountState::Active,
            parent: scenario.root.clone(),
            joined: scenario.epoch,
            invited: false,
        });
        let info = OrgInfo {
            id: scenario.organization,
            management_account: scenario.management.clone(),
            email: management.email.clone(),
            feature_set: "ALL".into(),
            root: scenario.root,
            enabled_types: BTreeSet::from([PolicyType::Scp]),
            older_responses: false,
        };
        let population = Arc::new(Planted { generator, problems });
        let operated_from = scenario.operated_from.clone();
        let mut org = Self::new(scenario.seed, scenario.epoch, info, management, OPERATOR_USER, population);
        org.faults = scenario.faults;
        for ou in scenario.ous {
            org.add_ou(Ou { id: ou.id, name: ou.name, parent: ou.parent });
        }
        for account in scenario.accounts {
            if account.id != scenario.management {
                org.add_account(member(&account));
            }
            if !account.tags.is_empty() {
                org.tags.insert(account.id.as_str().to_owned(), account.tags);
            }
        }
        if !scenario.root_features.is_empty() {
            org.service_access.insert("iam.amazonaws.com".into(), scenario.epoch);
        }
        org.root_features = scenario.root_features.into_iter().collect();
        for (account, service) in scenario.delegated {
            org.service_access.insert(service.clone(), scenario.epoch);
            org.delegated.entry(account).or_default().insert(service, scenario.epoch);
        }
        if let Some(account) = operated_from {
            org.give_operator(&account, OPERATOR_USER);
        }
        org
    }
}
