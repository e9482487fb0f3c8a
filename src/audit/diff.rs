//! Two kept audits of one organization held against each other, one account at a time.
//!
//! Owns: what of two runs is compared, and whether a check judged alike in both. Must not: hold the findings of more than one
//! account.

use super::audit_run;
use super::became::{self, Said, Word};
use super::job::Job;
use crate::model::history::{Changed, Changes};
use crate::model::scope::Scope;
use crate::model::{AccountId, OrgFacts};
use crate::report::ReportError;
use crate::report::diff::{Differences, Side};
use crate::store::{FrameKey, FrameReader, Kept, Run, RunStatus, StoreError};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A kept audit, as far as another is held against it.
#[derive(Debug)]
pub struct Compared {
    run: String,
    job: Job,
    scope: Scope,
    complete: bool,
    organization: String,
    findings: FrameReader,
}

/// The scope beside the organization, which is passed over.
#[derive(Deserialize)]
struct Scoped {
    scope: Scope,
}

/// The organization beside the scope.
#[derive(Deserialize)]
struct Organized {
    organization: OrgFacts,
}

/// What was said of an account.
#[derive(Deserialize)]
struct Spoken {
    findings: Vec<Said>,
}

/// Why audits can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// One stopped before there was anything to compare.
    #[error("run `{0}` stopped before it had anything to compare: go on with it or audit anew")]
    Nothing(String),
    /// They are of two organizations.
    #[error("run `{one}` is of organization `{here}`, and run `{other}` of `{there}`: there is nothing to compare")]
    Organizations {
        /// The run before.
        one: String,
        /// Its organization.
        here: String,
        /// The run after.
        other: String,
        /// Its organization.
        there: String,
    },
    /// A file can't be read to its end.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Compared {
    /// Opens the audit of a run.
    ///
    /// # Errors
    /// If it is no audit's, has nothing to compare, or its files can't be read to their end.
    pub fn open(run: &Run) -> Result<Self, DiffError> {
        let job = audit_run::job(run)?;
        let nothing = || DiffError::Nothing(run.id().to_string());
        let organization = run.read_frames(Kept::Organization)?.ok_or_else(nothing)?;
        let Scoped { scope } = organization.read(&FrameKey::Organization)?.ok_or_else(nothing)?;
        let findings = run.read_frames(Kept::Findings)?.ok_or_else(nothing)?;
        // What is lost must not be taken for what was not judged.
        if let Some(cut) = findings.cut() {
            return Err(StoreError::Damaged { path: findings.path().to_owned(), why: cut.to_string() }.into());
        }
        Ok(Self {
            run: run.id().to_string(),
            job,
            scope,
            complete: run.manifest().status == RunStatus::Done,
            organization: run.manifest().organization.clone(),
            findings,
        })
    }

    /// The organization as the audit of a run saw it.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn organization(run: &Run) -> Result<Option<OrgFacts>, StoreError> {
        let Some(reader) = run.read_frames(Kept::Organization)? else { return Ok(None) };
        Ok(reader.read::<Organized>(&FrameKey::Organization)?.map(|kept| kept.organization))
    }

    fn in_scope(&self, account: Option<&AccountId>) -> bool {
        account.is_none_or(|account| self.scope.contains(account))
    }

    fn said(&self, key: &FrameKey) -> Result<Vec<Said>, StoreError> {
        let spoken: Option<Spoken> = self.findings.read(key)?;
        Ok(spoken.map(|spoken| spoken.findings).unwrap_or_default())
    }

    fn side(&self) -> Side<'_> {
        let Job { as_of, orgward, checks, .. } = &self.job;
        Side {
            run: &self.run,
            as_of: *as_of,
            orgward,
            accounts: self.scope.accounts.len(),
            checks: checks.len(),
            complete: self.complete,
        }
    }
}

/// Two audits of one organization.
#[derive(Debug)]
pub struct Diff {
    before: Compared,
    after: Compared,
}

impl Diff {
    /// Of the audits of two runs, whichever began first.
    ///
    /// # Errors
    /// As [`Compared::open`]; if they are of two organizations.
    pub fn between(before: &Run, after: &Run) -> Result<Self, DiffError> {
        Self::of(Compared::open(before)?, Compared::open(after)?)
    }

    fn of(before: Compared, after: Compared) -> Result<Self, DiffError> {
        if before.organization == after.organization {
            return Ok(Self { before, after });
        }
        Err(DiffError::Organizations {
            one: before.run,
            here: before.organization,
            other: after.run,
            there: after.organization,
        })
    }

    /// How many rows became what.
    ///
    /// # Errors
    /// If the findings can't be read.
    pub fn counts(&self) -> Result<Changes, ReportError> {
        self.each(&mut |_| Ok(()))
    }

    /// Whether a check of both audits judged otherwise in one of them. Runs that did not keep what decides each check are
    /// compared as wholes.
    fn check_changed(&self, check: &str) -> bool {
        let (a, b) = (&self.before.job, &self.after.job);
        match (a.deciding.get(check), b.deciding.get(check)) {
            (Some(here), Some(there)) => here != there,
            _ => a.rules != b.rules && (a.orgward != b.orgward || a.checks == b.checks),
        }
    }
}

impl Differences for Diff {
    fn sides(&self) -> (Side<'_>, Side<'_>) {
        (self.before.side(), self.after.side())
    }

    fn each(&self, visit: &mut dyn FnMut(&Changed<'_>) -> Result<(), ReportError>) -> Result<Changes, ReportError> {
        let (before, after) = (&self.before, &self.after);
        let mut changes =
            Changes { before: before.run.clone(), before_as_of: Some(before.job.as_of), ..Changes::default() };
        let keys: BTreeSet<&FrameKey> = before.findings.keys().chain(after.findings.keys()).collect();
        let changed = |check: &str| self.check_changed(check);
        for key in keys {
            let (was, is) =
                (before.said(key).map_err(ReportError::source)?, after.said(key).map_err(ReportError::source)?);
            let word = |of: &Compared, findings| Word { in_scope: of.in_scope(key.account()), findings };
            became::compare(word(before, &was), word(after, &is), &changed, &mut |row| {
                became::count(&mut changes, row);
                visit(row)
            })?;
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{audit, findings, job, state};
    use super::*;
    use crate::model::history::Became;
    use std::fs;

    fn counts(before: &Run, after: &Run) -> Changes {
        Diff::between(before, after).unwrap().counts().unwrap()
    }

    #[test]
    fn an_audit_differs_in_nothing_from_itself() {
        let (_dir, state) = state();
        let run = audit(&state, 0, &job(), findings(false), RunStatus::Done);
        let changes = counts(&run, &run);
        assert_eq!(changes.rows.keys().collect::<Vec<_>>(), [&Became::Unchanged]);
        let failing: usize = findings(false).iter().map(|finding| finding.resources.len()).sum();
        assert_eq!(changes.rows[&Became::Unchanged], failing);
    }

    #[test]
    fn a_check_that_judged_otherwise_is_told_apart_by_itself() {
        let (_dir, state) = state();
        let (old, mut other, mut silent) = (job(), job(), job());
        other.deciding.insert("password-policy-length".to_owned(), "0123456789abcdef".to_owned());
        other.rules = "sha256:11".to_owned();
        let before = audit(&state, 0, &old, findings(true), RunStatus::Done);
        let run = |minute, job: &Job| audit(&state, minute, job, findings(false), RunStatus::Done);
        let of = |changes: &Changes, check: &str| changes.checks[check].keys().copied().collect::<Vec<_>>();
        let changes = counts(&before, &run(1, &other));
        assert_eq!(of(&changes, "password-policy-length"), [Became::CheckChanged]);
        assert_eq!(of(&changes, "password-policy-reuse"), [Became::New]);
        // A run of before kept none of that: the same rules are the same checks, others may be any.
        silent.deciding.clear();
        assert_eq!(of(&counts(&before, &run(2, &silent)), "password-policy-length"), [Became::New]);
        silent.rules = "sha256:11".to_owned();
        assert_eq!(of(&counts(&before, &run(3, &silent)), "password-policy-reuse"), [Became::CheckChanged]);
        silent.checks.pop();
        assert_eq!(of(&counts(&before, &run(4, &silent)), "password-policy-reuse"), [Became::New]);
        silent.orgward = "0.0.1".to_owned();
        assert_eq!(of(&counts(&before, &run(5, &silent)), "password-policy-reuse"), [Became::CheckChanged]);
    }

    #[test]
    fn what_can_t_be_compared_is_refused_by_name() {
        let (_dir, state) = state();
        let run = audit(&state, 0, &job(), findings(true), RunStatus::Done);
        let other = state.create_run("o-other", "audit", job().as_of).unwrap();
        for name in ["audit.json", "organization.frames", "findings.frames"] {
            fs::copy(run.dir().join(name), other.dir().join(name)).unwrap();
        }
        let error = Diff::between(&run, &other).unwrap_err().to_string();
        assert!(error.contains("`o-other`") && error.contains(run.id().as_str()), "{error}");
        let path = other.frames_path(Kept::Findings);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let error = Compared::open(&other).unwrap_err().to_string();
        assert!(error.contains("findings.frames") && error.contains("good"), "{error}");
        fs::remove_file(other.frames_path(Kept::Organization)).unwrap();
        assert!(matches!(Compared::open(&other), Err(DiffError::Nothing(_))));
        fs::remove_file(other.dir().join("audit.json")).unwrap();
        assert!(Compared::open(&other).unwrap_err().to_string().contains("audit.json"));
    }
}
