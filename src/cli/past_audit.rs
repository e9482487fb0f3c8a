//! What `orgward runs` tells of an audit's run: how many accounts are judged, what is kept on disk and how large it is, and
//! how far damaged files are good.
//!
//! Must not: change a run, or hold its findings.

use crate::audit::{self, Job, Known};
use crate::report::text::{bytes, count, moment};
use crate::store::{FrameKey, FrameReader, Kept, Run, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};

/// The files of frames that a run has, with their bytes.
///
/// # Errors
/// If they can't be looked at.
pub fn sizes(run: &Run) -> Result<Vec<(Kept, u64)>, StoreError> {
    let mut sizes = Vec::new();
    for kept in Kept::ALL {
        sizes.extend(run.size(kept)?.map(|bytes| (kept, bytes)));
    }
    Ok(sizes)
}

/// `facts 12.3 MiB, findings 1.2 MiB`; what is as small as the organization's file is left out.
pub fn in_words(sizes: &[(Kept, u64)]) -> String {
    let told = sizes.iter().filter(|(kept, _)| *kept != Kept::Organization);
    told.map(|(kept, size)| format!("{} {}", kept.as_str(), bytes(*size))).collect::<Vec<_>>().join(", ")
}

/// The same for programs.
pub fn in_json(sizes: &[(Kept, u64)]) -> Value {
    sizes.iter().map(|(kept, size)| (kept.as_str().to_owned(), Value::from(*size))).collect()
}

/// An audit of before.
pub struct PastAudit {
    /// What it was asked, or why that can't be read.
    job: Result<Job, String>,
    sizes: Vec<(Kept, u64)>,
    /// Accounts whose findings are complete.
    judged: usize,
    /// Accounts whose facts are kept.
    with_facts: usize,
    /// Accounts in scope, once that is known.
    in_scope: Option<usize>,
    /// What is damaged or cut off, in words.
    damage: Vec<String>,
}

/// Whether an account was asked to its end; the findings beside it are passed over.
#[derive(Deserialize)]
struct Finished {
    finished: bool,
}

impl PastAudit {
    /// Reads the run of an audit; `None` if it is no audit's. What can't be read of it is told, not an error.
    ///
    /// # Errors
    /// If its files can't be looked at.
    pub fn read(run: &Run) -> Result<Option<Self>, StoreError> {
        let sizes = sizes(run)?;
        if sizes.is_empty() {
            return Ok(None);
        }
        let mut past = Self {
            job: audit::job(run).map_err(|error| error.to_string()),
            sizes,
            judged: 0,
            with_facts: 0,
            in_scope: None,
            damage: Vec::new(),
        };
        if let Some(organization) = past.open(run, Kept::Organization) {
            let known: Option<Known> = past.told(organization.read(&FrameKey::Organization)).flatten();
            past.in_scope = known.map(|known| known.scope.accounts.len());
        }
        if let Some(findings) = past.open(run, Kept::Findings) {
            for key in findings.keys().filter(|key| key.account().is_some()) {
                let judged: Option<Finished> = past.told(findings.read(key)).flatten();
                past.judged += usize::from(judged.is_some_and(|judged| judged.finished));
            }
        }
        let facts = past.open(run, Kept::Facts);
        past.with_facts = facts.map_or(0, |facts| facts.keys().filter(|key| key.account().is_some()).count());
        Ok(Some(past))
    }

    fn open(&mut self, run: &Run, kept: Kept) -> Option<FrameReader> {
        let reader = self.told(run.read_frames(kept)).flatten()?;
        self.damage.extend(reader.cut().map(|cut| format!("`{}`: {cut}", kept.file_name())));
        Some(reader)
    }

    fn told<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        result.map_err(|error| self.damage.push(error.to_string())).ok()
    }

    /// Name and value of each row, for people.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        match &self.job {
            Ok(job) => {
                rows.push(("as of", moment(job.as_of)));
                rows.push(("checks", count(job.checks.len(), "check")));
                rows.extend(job.shard.as_ref().map(|shard| ("shard", shard.to_string())));
                rows.extend(job.exemptions.clone().map(|digest| ("exemptions", digest)));
                rows.extend(job.from.as_ref().map(|from| ("judged again", format!("the facts of {}", from.run))));
                rows.extend(job.reuse.as_ref().map(|reuse| ("facts of", reuse.run.to_string())));
            }
            Err(error) => rows.push(("asked", error.clone())),
        }
        rows.push(match self.in_scope {
            Some(in_scope) => ("accounts", format!("{} of {in_scope} judged", self.judged)),
            None => ("accounts", "the organization was not enumerated to its end".to_owned()),
        });
        for (kept, size) in &self.sizes {
            let of = match kept {
                Kept::Facts => format!(" on disk, of {}", count(self.with_facts, "account")),
                Kept::Organization | Kept::Findings => " on disk".to_owned(),
            };
            rows.push((kept.as_str(), bytes(*size) + &of));
        }
        rows.extend(self.damage.iter().map(|damage| ("damage", damage.clone())));
        rows
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let (job, error) = (self.job.as_ref().ok(), self.job.as_ref().err());
        json!({
            "asked": job,
            "error": error,
            "accounts": {"judged": self.judged, "with_facts": self.with_facts, "in_scope": self.in_scope},
            "bytes": in_json(&self.sizes),
            "damage": self.damage,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Asked, AuditRun, Judged};
    use crate::checks::fixtures;
    use crate::model::scope::Scope;
    use crate::store::{Frame, StateDir};
    use std::fs;

    /// A run that kept the organization, facts of three accounts and findings of four, one of them cut short.
    fn kept() -> (tempfile::TempDir, Run) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let organization = fixtures::org();
        let ids: Vec<_> = (1..=5).map(|n| fixtures::id(&format!("{n:012}"))).collect();
        let job = Job::new(
            organization.as_of,
            "eu-central-1".parse().unwrap(),
            Asked::default(),
            vec!["root-mfa".to_owned()],
            "sha256:00".to_owned(),
        );
        let run = state.create_run("o-abc123", "audit", organization.as_of).unwrap();
        let mut audit = AuditRun::begin(run, &job).unwrap();
        let scope = Scope { accounts: ids.clone(), left_out: Default::default() };
        audit.keep_organization(&Known { organization, scope }).unwrap();
        let judged = |finished| Frame::of(&Judged { finished, findings: Vec::new() }).unwrap();
        audit.keep_findings(&FrameKey::Organization, &judged(true)).unwrap();
        for (id, n) in ids.iter().zip(0..4) {
            audit.keep_findings(&id.into(), &judged(n != 3)).unwrap();
        }
        for id in ids.iter().take(3) {
            audit.keep_facts(id, &Frame::of(&fixtures::account()).unwrap()).unwrap();
        }
        audit.sync().unwrap();
        (dir, audit.close(true).unwrap())
    }

    fn row(past: &PastAudit, name: &str) -> String {
        past.rows()
            .into_iter()
            .filter(|(known, _)| *known == name)
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn an_audit_tells_its_accounts_and_its_sizes() {
        let (_dir, run) = kept();
        let past = PastAudit::read(&run).unwrap().unwrap();
        assert_eq!(row(&past, "accounts"), "3 of 5 judged");
        assert_eq!(row(&past, "checks"), "1 check");
        let facts = run.size(Kept::Facts).unwrap().unwrap();
        assert_eq!(row(&past, "facts"), format!("{} on disk, of 3 accounts", bytes(facts)));
        assert_eq!((row(&past, "damage"), row(&past, "shard")), (String::new(), String::new()));
        let json = past.json();
        assert_eq!(json["accounts"], json!({"judged": 3, "with_facts": 3, "in_scope": 5}));
        assert_eq!(json["bytes"]["facts"], facts);
        assert_eq!(
            in_words(&sizes(&run).unwrap()).matches(" B").count()
                + in_words(&sizes(&run).unwrap()).matches("KiB").count(),
            2
        );
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_told_and_the_rest_is_shown() {
        let (_dir, run) = kept();
        let path = run.frames_path(Kept::Findings);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let past = PastAudit::read(&run).unwrap().unwrap();
        assert_eq!(row(&past, "accounts"), "3 of 5 judged", "the last was not finished anyway");
        let says = row(&past, "damage");
        assert!(says.starts_with("`findings.frames`: its last frame was not written in full from byte "), "{says}");
        assert!(says.contains("4 frames before that are good"), "{says}");

        let mut changed = bytes;
        let second = changed.len() / 2;
        changed[second] ^= 1;
        fs::write(&path, &changed).unwrap();
        fs::write(run.dir().join("audit.json"), "{}").unwrap();
        let past = PastAudit::read(&run).unwrap().unwrap();
        assert!(row(&past, "damage").contains("findings.frames"), "{:?}", past.rows());
        assert!(row(&past, "asked").contains("audit.json"), "{:?}", past.rows());
    }

    #[test]
    fn a_run_without_frames_is_no_audit() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let run = state.create_run("o-abc123", "apply", fixtures::as_of()).unwrap();
        assert!(PastAudit::read(&run).unwrap().is_none());
    }
}
