//! The same thing in many accounts as one line.
//!
//! Owns: grouping, and the words for whom a line holds. Must not: judge.

use super::diagnosis::{Line, Section, State};
use crate::model::{AccountId, OrgFacts, few};
use std::collections::{BTreeMap, BTreeSet};

/// Accounts that a line names.
const NAMED: usize = 3;
/// Accounts that a command names; from there on the command for many serves.
const IN_A_COMMAND: usize = 50;

/// What was found, the same in every account where it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issue {
    pub(super) section: Section,
    pub(super) state: State,
    pub(super) code: &'static str,
    pub(super) text: String,
    /// The calls or actions it is about.
    pub(super) actions: BTreeSet<String>,
    pub(super) fix: Fix,
}

/// The command that mends something in one account, and in many. `{account}` and `{accounts}` stand for ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fix {
    one: String,
    many: String,
}

impl Issue {
    /// About no call and no action, with nothing to run.
    pub(super) fn new(section: Section, state: State, code: &'static str, text: impl Into<String>) -> Self {
        Self { section, state, code, text: text.into(), actions: BTreeSet::new(), fix: Fix::default() }
    }

    /// The same with what mends it.
    #[must_use]
    pub(super) fn mended_by(self, fix: Fix) -> Self {
        Self { fix, ..self }
    }

    /// The same about these calls or actions.
    #[must_use]
    pub(super) fn about(self, actions: BTreeSet<String>) -> Self {
        Self { actions, ..self }
    }
}

impl Fix {
    /// The same command for one and for many.
    pub(super) fn of(command: impl Into<String>) -> Self {
        let one = command.into();
        Self { many: one.clone(), one }
    }

    /// Another command for many.
    pub(super) fn each(one: impl Into<String>, many: impl Into<String>) -> Self {
        Self { one: one.into(), many: many.into() }
    }

    /// The command for these accounts; none where there is nothing to run.
    pub(super) fn filled(&self, accounts: &[AccountId]) -> Option<String> {
        let template = match accounts {
            [] | [_] => &self.one,
            _ => &self.many,
        };
        let ids = accounts.iter().take(IN_A_COMMAND).map(AccountId::as_str).collect::<Vec<_>>().join(",");
        let first = accounts.first().map_or("", AccountId::as_str);
        let filled = template.replace("{accounts}", &ids).replace("{account}", first);
        (!filled.is_empty()).then_some(filled)
    }
}

/// Everything found so far. What is kept does not grow with accounts that are as they have to be.
#[derive(Debug, Default)]
pub(super) struct Gathered(BTreeMap<Issue, Group>);

#[derive(Debug, Default)]
struct Group {
    accounts: BTreeSet<AccountId>,
    said: Option<String>,
}

impl Gathered {
    /// The issue holds for an account; `said`: what AWS said there.
    pub(super) fn add(&mut self, issue: Issue, account: &AccountId, said: Option<&str>) {
        let group = self.0.entry(issue).or_default();
        group.accounts.insert(account.clone());
        if group.said.is_none() {
            group.said = said.map(str::to_owned);
        }
    }

    /// How many accounts an issue of this code holds for.
    pub(super) fn count(&self, code: &str) -> usize {
        let of_code = self.0.iter().filter(|(issue, _)| issue.code == code);
        of_code.flat_map(|(_, group)| &group.accounts).collect::<BTreeSet<_>>().len()
    }

    /// One line for each issue.
    pub(super) fn lines(&self, org: &OrgFacts) -> Vec<Line> {
        let line = |(issue, group): (&Issue, &Group)| {
            let accounts: Vec<AccountId> = group.accounts.iter().cloned().collect();
            Line {
                section: issue.section,
                state: issue.state,
                code: issue.code,
                text: format!("{}, in {}", issue.text, named(&accounts, org)),
                fix: issue.fix.filled(&accounts),
                said: group.said.clone(),
                actions: issue.actions.iter().cloned().collect(),
                accounts,
            }
        };
        self.0.iter().map(line).collect()
    }
}

/// `account 111122223333 (name)`, or a number of accounts and the first of them.
pub(super) fn named(accounts: &[AccountId], org: &OrgFacts) -> String {
    let name = |id: &AccountId| match org.accounts.get(id) {
        Some(account) => format!("{id} ({})", account.name),
        None => id.to_string(),
    };
    if let [one] = accounts {
        return format!("account {}", name(one));
    }
    format!("{} accounts: {}", accounts.len(), few(accounts.iter().map(name), NAMED))
}
