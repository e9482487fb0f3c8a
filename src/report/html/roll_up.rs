//! The tree rolled up: each OU with its own accounts and all below it.
//!
//! Must not: draw.

use super::squares::{Score, Square, Squares};
use crate::model::check::{CheckMeta, Severity};
use crate::model::{AccountId, OrgFacts, TargetId};
use std::collections::BTreeMap;

/// Severities in the columns of the heat map, worst first.
pub(super) const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// The root or an OU, with everything at and below it.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    /// Its name. Hostile.
    pub(super) name: String,
    /// Its path by names. Hostile.
    pub(super) path: String,
    /// 0 for the root.
    pub(super) depth: usize,
    /// The branch above.
    pub(super) parent: Option<usize>,
    /// What was counted.
    pub(super) sum: Sum,
}

/// What was counted at and below a branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Accounts with verdicts.
    pub(super) accounts: usize,
    /// Accounts in which a check of each of [`SEVERITIES`] fails.
    pub(super) failing: [usize; 4],
    /// Squares of each of [`SEVERITIES`]: those that fail, and those that apply.
    pub(super) squares: [(usize, usize); 4],
    /// Squares that could not be told, and all that apply, of any severity.
    pub(super) unknown: (usize, usize),
    /// Its score.
    pub(super) score: Score,
}

impl Sum {
    /// What the squares of one row say; `accounts`: how many accounts it stands for.
    fn of_row(accounts: usize, row: impl Iterator<Item = Square>, checks: &[&CheckMeta]) -> Self {
        let mut sum = Self { accounts, ..Self::default() };
        for (square, meta) in row.zip(checks).filter(|(square, _)| *square >= Square::Pass) {
            sum.score.add(meta.severity, square);
            sum.unknown.0 += usize::from(square == Square::Unknown);
            sum.unknown.1 += 1;
            let column = SEVERITIES.iter().position(|severity| *severity == meta.severity);
            if let Some((fails, applies)) = column.and_then(|column| sum.squares.get_mut(column)) {
                *fails += usize::from(square == Square::Fail);
                *applies += 1;
            }
        }
        for ((fails, _), n) in sum.squares.iter().zip(&mut sum.failing) {
            *n = if *fails > 0 { accounts } else { 0 };
        }
        sum
    }

    fn add(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.unknown = (self.unknown.0 + other.unknown.0, self.unknown.1 + other.unknown.1);
        self.score = self.score.and(other.score);
        self.failing.iter_mut().zip(other.failing).for_each(|(n, more)| *n += more);
        for (sum, more) in self.squares.iter_mut().zip(other.squares) {
            *sum = (sum.0 + more.0, sum.1 + more.1);
        }
    }
}

/// The whole tree.
pub(super) struct Tree {
    /// The root, then each OU behind the one it belongs to, by name.
    pub(super) branches: Vec<Branch>,
    /// The branch of each row but the first.
    pub(super) places: Vec<usize>,
}

impl Tree {
    /// Rolls the squares up. What the checks say of the organization itself counts at the root.
    pub(super) fn of(org: &OrgFacts, accounts: &[AccountId], squares: &Squares, checks: &[&CheckMeta]) -> Self {
        let mut below: BTreeMap<&TargetId, Vec<&TargetId>> = BTreeMap::new();
        for (id, ou) in &org.ous {
            below.entry(&ou.parent).or_default().push(id);
        }
        let name = |id: &TargetId| org.ous.get(id).map_or("", |ou| ou.name.as_str());
        below.values_mut().for_each(|ids| ids.sort_by_key(|id| (name(id), *id)));
        let mut branches: Vec<Branch> = Vec::new();
        let mut numbers: BTreeMap<&TargetId, usize> = BTreeMap::new();
        // A stack of (OU, branch above), the next on top. An OU has one parent, so none comes twice.
        let mut next: Vec<(&TargetId, Option<usize>)> = vec![(&org.root.id, None)];
        while let Some((id, parent)) = next.pop() {
            let number = branches.len();
            let above = parent.and_then(|parent| branches.get(parent));
            let own = if parent.is_none() { org.root.name.clone() } else { name(id).to_owned() };
            let path = match above {
                None => "/".to_owned(),
                Some(above) => format!("{}/{own}", above.path.trim_end_matches('/')),
            };
            let depth = above.map_or(0, |above| above.depth + 1);
            branches.push(Branch { name: own, path, depth, parent, sum: Sum::default() });
            numbers.insert(id, number);
            next.extend(below.get(id).into_iter().flatten().rev().map(|id| (*id, Some(number))));
        }
        let place = |id: &AccountId| {
            org.accounts.get(id).and_then(|account| numbers.get(&account.parent)).copied().unwrap_or(0)
        };
        let places: Vec<usize> = accounts.iter().map(place).collect();
        let mut rows = squares.rows();
        let organization = rows.next().map(|row| Sum::of_row(0, row, checks)).unwrap_or_default();
        add(&mut branches, 0, &organization);
        for (place, row) in places.iter().zip(rows) {
            add(&mut branches, *place, &Sum::of_row(1, row, checks));
        }
        Self { branches, places }
    }

    /// The sum of everything.
    pub(super) fn whole(&self) -> Sum {
        self.branches.first().map(|root| root.sum).unwrap_or_default()
    }

    /// The OUs that stand worst, at most so many: those with accounts and a score that is not full.
    pub(super) fn worst(&self, most: usize) -> Vec<(usize, &Branch)> {
        let scored = |branch: &Branch| branch.sum.score.tenths().is_some_and(|tenths| tenths < 1000);
        let mut worst: Vec<(usize, &Branch)> = self.branches.iter().enumerate().skip(1).collect();
        worst.retain(|(_, branch)| branch.sum.accounts > 0 && scored(branch));
        worst.sort_by_key(|(_, branch)| (branch.sum.score.tenths(), std::cmp::Reverse(branch.sum.accounts)));
        worst.truncate(most);
        worst
    }
}

/// Adds to a branch and all above it.
fn add(branches: &mut [Branch], at: usize, sum: &Sum) {
    let mut at = Some(at);
    while let Some(branch) = at.and_then(|at| branches.get_mut(at)) {
        branch.sum.add(sum);
        at = branch.parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{CATALOG, fixtures};

    #[test]
    fn an_ou_counts_its_own_accounts_and_all_below() {
        let mut org = fixtures::org();
        let inner = crate::model::org::Ou {
            name: "Inner".into(),
            parent: fixtures::target(fixtures::OU),
            id: fixtures::target("ou-ab12-innerinn"),
        };
        org.ous.insert(inner.id.clone(), inner.clone());
        let member = fixtures::id(fixtures::MEMBER);
        org.accounts.get_mut(&member).unwrap().parent = inner.id;
        let accounts = [fixtures::id(fixtures::MANAGEMENT), member];
        let checks = &CATALOG[..2];
        let mut squares = Squares::new(3, 2);
        squares.add(1, 0, Square::Pass);
        squares.add(2, 0, Square::Fail);
        squares.add(2, 1, Square::Unknown);
        let tree = Tree::of(&org, &accounts, &squares, checks);
        let told: Vec<_> =
            tree.branches.iter().map(|b| (b.path.as_str(), b.depth, b.sum.accounts, b.sum.unknown)).collect();
        assert_eq!(told, [("/", 0, 2, (1, 3)), ("/Workloads", 1, 1, (1, 2)), ("/Workloads/Inner", 2, 1, (1, 2))]);
        assert_eq!(tree.places, [0, 2]);
        let column = SEVERITIES.iter().position(|severity| *severity == checks[0].severity).unwrap();
        assert!(tree.branches.iter().all(|branch| branch.sum.failing[column] == 1));
        assert_eq!((checks[1].severity, tree.whole().squares[column]), (checks[0].severity, (1, 3)));
        assert_eq!(tree.worst(5).len(), 2, "the root is no OU");
        assert_eq!(tree.worst(1)[0].1.path, "/Workloads");
    }
}
