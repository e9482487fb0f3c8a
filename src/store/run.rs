//! A run: its directory with `manifest.json`, and whatever the command saves beside it (plan, journal, findings).

use super::error::StoreError;
use super::files::{folder_of, plain_name, private_dir, replace, sync_folder};
use super::journal::{Journal, JournalContents, read_journal};
use super::plan_file::{PlanFileError, read_plan, write_plan};
use crate::model::{Plan, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The version of `manifest.json` this build writes and reads.
pub const MANIFEST_VERSION: u32 = 1;

/// The id of a run, such as `20260718T100000Z-4000`: its start in UTC and the fraction of the second in 65,536ths, as hex,
/// moved on while taken. Ids sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids to try for a run that starts at `now`, first the right one.
    fn candidates(now: Timestamp) -> impl Iterator<Item = Self> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let nanos = u64::try_from(now.subsec_nanosecond()).unwrap_or_default();
        let fraction = nanos * 65_536 / 1_000_000_000;
        (fraction..65_536).map(move |suffix| Self(format!("{stamp}-{suffix:04x}")))
    }
}

impl FromStr for RunId {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let shape = |(b, want): (u8, u8)| match want {
            b'0' => b.is_ascii_digit(),
            b'x' => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
            literal => b == literal,
        };
        let form = b"00000000T000000Z-xxxx";
        if text.len() == form.len() && text.bytes().zip(form.iter().copied()).all(shape) {
            Ok(Self(text.to_owned()))
        } else {
            Err(StoreError::NoRun(text.chars().take(64).collect()))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = StoreError;
    fn try_from(text: String) -> Result<Self, StoreError> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// At work, or ended without a word (a crash, a kill).
    Running,
    /// Ended with nothing left to do.
    Done,
    /// Ended with something failed.
    Failed,
    /// Stopped by the operator.
    Interrupted,
    /// It was to undo another run, and some of it could not be undone.
    UndoFailed,
    /// Another run has undone it.
    RolledBack,
}

impl RunStatus {
    /// The word in the manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::UndoFailed => "undo_failed",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// What a run is, as `manifest.json` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run: RunId,
    /// The organization.
    pub organization: String,
    /// The command: `audit`, `apply`.
    pub command: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended, if it did.
    pub ended: Option<Timestamp>,
    /// How it stands.
    pub status: RunStatus,
    /// The run it undoes, if it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<RunId>,
    /// The last run that began to undo it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<RunId>,
    /// `sha256:<hex>` of the files of the run that nothing else vouches for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digests: BTreeMap<String, String>,
}

/// A run's directory.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    manifest: Manifest,
}

impl Run {
    pub(super) fn create(runs: &Path, organization: &str, command: &str, now: Timestamp) -> Result<Self, StoreError> {
        let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
        for id in RunId::candidates(now) {
            let dir = runs.join(id.as_str());
            // `create_dir` fails if it exists, so two processes never share a run.
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&dir) {
                Ok(()) => {
                    let manifest = Manifest {
                        version: MANIFEST_VERSION,
                        run: id,
                        organization: organization.to_owned(),
                        command: command.to_owned(),
                        started: now,
                        ended: None,
                        status: RunStatus::Running,
                        undoes: None,
                        undone_by: None,
                        digests: BTreeMap::new(),
                    };
                    let run = Self { dir, manifest };
                    run.write_manifest()?;
                    sync_folder(runs).map_err(|source| StoreError::io("write", runs, source))?;
                    return Ok(run);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(StoreError::io("create the directory", &dir, error)),
            }
        }
        Err(StoreError::io("create a run in", runs, taken))
    }

    pub(super) fn open(runs: &Path, id: &RunId) -> Result<Self, StoreError> {
        let dir = runs.join(id.as_str());
        let path = dir.join("manifest.json");
        let text = fs::read(&path).map_err(|source| StoreError::io("read", &path, source))?;
        let damaged = |why: String| StoreError::Damaged { path: path.clone(), why };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(found) = version.filter(|found| *found > u64::from(MANIFEST_VERSION)) {
            return Err(StoreError::Newer { path, what: "manifest", found, supported: u64::from(MANIFEST_VERSION) });
        }
        let manifest: Manifest = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        if &manifest.run != id {
            return Err(damaged(format!("it is the manifest of run `{}`", manifest.run)));
        }
        Ok(Self { dir, manifest })
    }

    /// Its id.
    pub fn id(&self) -> &RunId {
        &self.manifest.run
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it is.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes down how it ended.
    ///
    /// # Errors
    /// If the manifest can't be written.
    pub fn finish(&mut self, status: RunStatus, now: Timestamp) -> Result<(), StoreError> {
        self.manifest.status = status;
        self.manifest.ended = Some(now);
        self.write_manifest()
    }

    /// Writes down that it is at work again.
    ///
    /// # Errors
    /// If the manifest can't be written.
    pub fn go_on(&mut self) -> Result<(), StoreError> {
        self.manifest.status = RunStatus::Running;
        self.manifest.ended = None;
        self.write_manifest()
    }

    /// Writes down that it undoes another run.
    ///
    /// # Errors
    /// If the manifest can't be written.
    pub fn set_undoes(&mut self, other: &RunId) -> Result<(), StoreError> {
        self.manifest.undoes = Some(other.clone());
        self.write_manifest()
    }

    /// Writes down that another run has begun to undo it, or (`over`) has undone it.
    ///
    /// # Errors
    /// If the manifest can't be written.
    pub fn set_undone_by(&mut self, other: &RunId, over: bool) -> Result<(), StoreError> {
        self.manifest.undone_by = Some(other.clone());
        if over {
            self.manifest.status = RunStatus::RolledBack;
        }
        self.write_manifest()
    }

    /// Saves a file of the run (`findings.json`) in one step.
    ///
    /// # Errors
    /// If the name is not a plain file name, or it can't be written.
    pub fn save(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let path = self.file(name)?;
        replace(&path, bytes)?;
        Ok(path)
    }

    /// The same, and writes its digest down in the manifest: [`Run::load_sealed`] holds it against that.
    ///
    /// # Errors
    /// As [`Run::save`]; if the manifest can't be written.
    pub fn save_sealed(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.save(name, bytes)?;
        self.manifest.digests.insert(name.to_owned(), digest(bytes));
        self.write_manifest()
    }

    /// Reads a file whose digest is in the manifest; one that was saved without any is taken as it is.
    ///
    /// # Errors
    /// As [`Run::load`]; if it is not the file that was saved.
    pub fn load_sealed(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let bytes = self.load(name)?;
        match self.manifest.digests.get(name) {
            Some(wanted) if *wanted != digest(&bytes) => {
                let path = self.dir.join(name);
                let why =
                    "it was changed since the run wrote it: its digest is not the one in `manifest.json`".to_owned();
                Err(StoreError::Damaged { path, why })
            }
            _ => Ok(bytes),
        }
    }

    /// Reads a file of the run.
    ///
    /// # Errors
    /// If the name is not a plain file name, or it can't be read.
    pub fn load(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.file(name)?;
        fs::read(&path).map_err(|source| StoreError::io("read", &path, source))
    }

    /// Saves the plan of the run as `plan.json` and gives its digest.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn save_plan(&self, plan: &Plan) -> Result<String, PlanFileError> {
        write_plan(&self.dir.join("plan.json"), plan)
    }

    /// Reads the plan of the run.
    ///
    /// # Errors
    /// If it is missing, damaged, edited or of a later orgward.
    pub fn load_plan(&self) -> Result<Plan, PlanFileError> {
        read_plan(&self.dir.join("plan.json"))
    }

    /// Starts the journal of the run; there is only one.
    ///
    /// # Errors
    /// If it exists already or can't be written.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        Journal::create(&self.journal_path())
    }

    /// Opens the journal of the run to go on writing, with what it holds. A torn last line is cut off.
    ///
    /// # Errors
    /// If it can't be read, is damaged, or a later orgward wrote it.
    pub fn reopen_journal(&self) -> Result<(Journal, JournalContents), StoreError> {
        Journal::reopen(&self.journal_path())
    }

    /// What the journal of the run holds; nothing if there is none.
    ///
    /// # Errors
    /// If it can't be read, is damaged, or a later orgward wrote it.
    pub fn read_journal(&self) -> Result<JournalContents, StoreError> {
        let path = self.journal_path();
        if path.exists() { read_journal(&path) } else { Ok(JournalContents::default()) }
    }

    /// Opens the journal of the run to go on writing it, or starts it if the run ended before it had one.
    ///
    /// # Errors
    /// As [`Run::reopen_journal`] and [`Run::journal`].
    pub fn continue_journal(&self) -> Result<(Journal, JournalContents), StoreError> {
        if self.journal_path().exists() {
            self.reopen_journal()
        } else {
            Ok((self.journal()?, JournalContents::default()))
        }
    }

    /// Where the journal of the run is.
    pub fn journal_path(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    fn file(&self, name: &str) -> Result<PathBuf, StoreError> {
        if plain_name(name) {
            Ok(self.dir.join(name))
        } else {
            Err(StoreError::Name { name: name.chars().take(64).collect(), what: "file" })
        }
    }

    fn write_manifest(&self) -> Result<(), StoreError> {
        let path = self.dir.join("manifest.json");
        let mut text =
            serde_json::to_vec_pretty(&self.manifest).map_err(|error| StoreError::io("write", &path, error.into()))?;
        text.push(b'\n');
        private_dir(&folder_of(&path))?;
        replace(&path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ids_sort_by_time_and_never_collide() {
        let dir = tempfile::tempdir().unwrap();
        let moment = at("2026-07-18T10:00:00.25Z");
        let first = Run::create(dir.path(), "o-abc123", "audit", moment).unwrap();
        let second = Run::create(dir.path(), "o-abc123", "audit", moment).unwrap();
        let third = Run::create(dir.path(), "o-abc123", "audit", at("2026-07-18T10:00:00.26Z")).unwrap();
        assert_eq!(first.id().as_str(), "20260718T100000Z-4000");
        assert_eq!(second.id().as_str(), "20260718T100000Z-4001");
        assert!(first.id() < second.id() && second.id() < third.id());
        assert_eq!(first.id().as_str().parse::<RunId>().unwrap(), *first.id());
        for bad in ["", "20260718T100000Z-400", "20260718T100000Z-400G", "../../../../../etc/pas", "ä"] {
            assert!(bad.parse::<RunId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_tells_how_the_run_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mut run = Run::create(dir.path(), "o-abc123", "apply", at("2026-07-18T10:00:00Z")).unwrap();
        assert_eq!(Run::open(dir.path(), run.id()).unwrap().manifest().status, RunStatus::Running);
        run.finish(RunStatus::Interrupted, at("2026-07-18T10:05:00Z")).unwrap();
        let read = Run::open(dir.path(), run.id()).unwrap();
        assert_eq!(read.manifest(), run.manifest());
        assert_eq!(read.manifest().ended, Some(at("2026-07-18T10:05:00Z")));
    }

    #[test]
    fn a_run_that_is_undone_names_the_run_that_did_it() {
        let dir = tempfile::tempdir().unwrap();
        let now = at("2026-07-18T10:00:00Z");
        let mut first = Run::create(dir.path(), "o-abc123", "apply", now).unwrap();
        let mut undo = Run::create(dir.path(), "o-abc123", "rollback", now).unwrap();
        first.finish(RunStatus::Failed, now).unwrap();
        undo.set_undoes(first.id()).unwrap();
        first.set_undone_by(undo.id(), false).unwrap();
        let read = Run::open(dir.path(), first.id()).unwrap();
        assert_eq!((read.manifest().status, read.manifest().undone_by.as_ref()), (RunStatus::Failed, Some(undo.id())));
        first.set_undone_by(undo.id(), true).unwrap();
        assert_eq!(Run::open(dir.path(), first.id()).unwrap().manifest().status, RunStatus::RolledBack);
        assert_eq!(Run::open(dir.path(), undo.id()).unwrap().manifest().undoes.as_ref(), Some(first.id()));
        let text = serde_json::to_string(&RunStatus::UndoFailed).unwrap();
        assert_eq!(text.trim_matches('"'), RunStatus::UndoFailed.as_str());
    }

    #[test]
    fn a_journal_is_gone_on_with_or_begun() {
        let dir = tempfile::tempdir().unwrap();
        let now = at("2026-07-18T10:00:00Z");
        let run = Run::create(dir.path(), "o-abc123", "apply", now).unwrap();
        assert_eq!(run.read_journal().unwrap(), JournalContents::default());
        for lines in 0..3 {
            let (mut journal, contents) = run.continue_journal().unwrap();
            assert_eq!(contents.entries.len(), lines);
            journal.append(now, &serde_json::json!({})).unwrap();
        }
        assert_eq!(run.read_journal().unwrap().entries.len(), 3);
    }

    #[test]
    fn a_damaged_newer_or_foreign_manifest_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::create(dir.path(), "o-abc123", "apply", at("2026-07-18T10:00:00Z")).unwrap();
        let path = run.dir().join("manifest.json");
        let text = fs::read_to_string(&path).unwrap();
        for (broken, says) in [
            (text.replace("\"version\": 1", "\"version\": 7"), "a manifest of version 7"),
            (text.chars().take(40).collect(), "is damaged"),
            (text.replace("\"command\"", "\"comand\""), "comand"),
            (text.replace("Z-0000", "Z-0001"), "the manifest of run `20260718T100000Z-0001`"),
        ] {
            fs::write(&path, broken).unwrap();
            let error = Run::open(dir.path(), run.id()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("manifest.json"), "{error}");
        }
    }

    #[test]
    fn files_of_a_run_are_saved_in_one_step_under_plain_names() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::create(dir.path(), "o-abc123", "audit", at("2026-07-18T10:00:00Z")).unwrap();
        run.save("findings.json", b"[1]").unwrap();
        run.save("findings.json", b"[2]").unwrap();
        assert_eq!(run.load("findings.json").unwrap(), b"[2]");
        assert!(run.save("../out", b"").is_err());
        assert!(run.load("missing").is_err());
        let _journal = run.journal().unwrap();
        assert!(run.journal().is_err(), "there is only one journal");
    }
}
