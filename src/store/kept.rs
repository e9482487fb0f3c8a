//! What a run keeps of every account, in files of frames, and how much room that takes.
//!
//! Owns: which files there are. Must not: know what is in a frame.

use super::error::StoreError;
use super::files::sync_folder;
use super::frames::{Frame, FrameFile, FrameKey, FrameReader, Reopened, lock};
use super::run::{Run, RunId};
use super::state::StateDir;
use jiff::{SignedDuration, Timestamp};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What is kept, each in a file of frames of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kept {
    /// The organization as it was enumerated.
    Organization,
    /// The facts of each account.
    Facts,
    /// What the checks found, of the organization and of each account.
    Findings,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Organization, Self::Facts, Self::Findings];

    /// The name of its file in the directory of the run.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Organization => "organization.frames",
            Self::Facts => "facts.frames",
            Self::Findings => "findings.frames",
        }
    }

    /// What is in it, in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Facts => "facts",
            Self::Findings => "findings",
        }
    }
}

impl Run {
    /// Where the frames are.
    pub fn frames_path(&self, kept: Kept) -> PathBuf {
        self.dir().join(kept.file_name())
    }

    /// Starts a file of frames; there is only one of each.
    ///
    /// # Errors
    /// If it exists already or can't be written.
    pub fn frames(&self, kept: Kept) -> Result<FrameFile, StoreError> {
        FrameFile::create(&self.frames_path(kept))
    }

    /// Writes a file of this one frame in one step, in place of any that is there: the old one or the whole new one is there.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn replace_frames(&self, kept: Kept, key: &FrameKey, frame: &Frame) -> Result<(), StoreError> {
        let path = self.frames_path(kept);
        let fail = |source| StoreError::io("write", &path, source);
        let new = path.with_extension("new");
        // What a crash left of an earlier try.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let mut file = FrameFile::create(&new)?;
        file.append(key, frame)?;
        file.sync()?;
        drop(file);
        fs::rename(&new, &path).and_then(|()| sync_folder(self.dir())).map_err(fail)
    }

    /// Opens a file of frames to go on writing it, or starts it if the run ended before it had one; with what it holds.
    ///
    /// # Errors
    /// As [`FrameFile::reopen`] and [`FrameFile::create`].
    pub fn continue_frames(&self, kept: Kept) -> Result<(FrameFile, Reopened), StoreError> {
        let path = self.frames_path(kept);
        if path.exists() { FrameFile::reopen(&path) } else { Ok((FrameFile::create(&path)?, Reopened::default())) }
    }

    /// Opens a file of frames to read it; `None` if the run has none.
    ///
    /// # Errors
    /// As [`FrameReader::open`].
    pub fn read_frames(&self, kept: Kept) -> Result<Option<FrameReader>, StoreError> {
        let path = self.frames_path(kept);
        if path.exists() { FrameReader::open(&path).map(Some) } else { Ok(None) }
    }

    /// How many bytes a file of frames has; `None` if the run has none.
    ///
    /// # Errors
    /// If it can't be looked at.
    pub fn size(&self, kept: Kept) -> Result<Option<u64>, StoreError> {
        let path = self.frames_path(kept);
        match fs::metadata(&path) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("look at", &path, source)),
        }
    }

    /// Deletes a file of frames and says how many bytes it had; `None` if the run has none.
    ///
    /// # Errors
    /// If a process writes it, or it can't be deleted.
    pub fn remove(&self, kept: Kept) -> Result<Option<u64>, StoreError> {
        let path = self.frames_path(kept);
        let fail = |source| StoreError::io("delete", &path, source);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(fail(source)),
        };
        lock(&file, &path)?;
        let bytes = file.metadata().map_err(fail)?.len();
        fs::remove_file(&path).map_err(fail)?;
        Ok(Some(bytes))
    }

    /// Whether a process writes frames of this run. On file systems without locks this can't be told, and is `false`.
    pub fn at_work(&self) -> bool {
        Kept::ALL.into_iter().any(|kept| {
            let path = self.frames_path(kept);
            let free = |file: File| lock(&file, &path).is_ok();
            File::open(&path).is_ok_and(|file| !free(file))
        })
    }
}

impl StateDir {
    /// Deletes the facts of runs that ended (or, cut short, began) `older_than` ago or earlier, never of one at work, and
    /// says of which runs and how many bytes. Findings and journals stay. A run whose manifest can't be read is passed over.
    ///
    /// # Errors
    /// If the runs can't be listed, or facts not be deleted.
    pub fn expire_facts(&self, older_than: Duration, now: Timestamp) -> Result<Vec<(RunId, u64)>, StoreError> {
        let mut deleted = Vec::new();
        let least = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
        for id in self.runs()? {
            let Ok(run) = self.run(&id) else { continue };
            let since = run.manifest().ended.unwrap_or(run.manifest().started);
            if now.duration_since(since) >= least && !run.at_work() {
                deleted.extend(run.remove(Kept::Facts)?.map(|bytes| (id, bytes)));
            }
        }
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RunStatus;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn state() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        (dir, state)
    }

    #[test]
    fn a_run_keeps_its_frames_in_files_of_its_own() {
        let (_dir, state) = state();
        let run = state.create_run("o-abc123", "audit", at("2026-07-18T10:00:00Z")).unwrap();
        assert!(run.read_frames(Kept::Facts).unwrap().is_none());
        assert_eq!((run.size(Kept::Facts).unwrap(), run.remove(Kept::Facts).unwrap()), (None, None));
        for times in 0..3 {
            let (mut file, found) = run.continue_frames(Kept::Facts).unwrap();
            assert_eq!(found.keys.len(), times.min(1));
            file.append(&FrameKey::Organization, &Frame::of(&times).unwrap()).unwrap();
        }
        assert!(run.frames(Kept::Facts).is_err(), "there is only one");
        let reader = run.read_frames(Kept::Facts).unwrap().unwrap();
        assert_eq!(reader.read(&FrameKey::Organization).unwrap(), Some(2));
        assert_eq!(run.size(Kept::Facts).unwrap(), Some(reader.bytes()));
        assert_eq!(run.remove(Kept::Facts).unwrap(), Some(reader.bytes()));
        assert_eq!(run.size(Kept::Facts).unwrap(), None);
        let names: Vec<&str> = Kept::ALL.map(Kept::as_str).to_vec();
        assert_eq!(names, ["organization", "facts", "findings"]);
    }

    #[test]
    fn a_file_of_one_frame_is_there_whole_or_not_at_all() {
        let (_dir, state) = state();
        let run = state.create_run("o-abc123", "audit", at("2026-07-18T10:00:00Z")).unwrap();
        // A try that was cut short is not taken for the file, and does not stand in the way.
        fs::write(run.dir().join("organization.new"), "torn").unwrap();
        for value in [1, 2] {
            run.replace_frames(Kept::Organization, &FrameKey::Organization, &Frame::of(&value).unwrap()).unwrap();
            let reader = run.read_frames(Kept::Organization).unwrap().unwrap();
            assert_eq!(reader.read(&FrameKey::Organization).unwrap(), Some(value));
        }
        let names: Vec<_> = fs::read_dir(run.dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name == "organization.new"), "{names:?}");
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn facts_expire_by_the_age_of_their_run_and_never_of_one_at_work() {
        let (_dir, state) = state();
        let run = |began: &str, ended: Option<&str>| {
            let mut run = state.create_run("o-abc123", "audit", at(began)).unwrap();
            run.frames(Kept::Findings).unwrap();
            let bytes = run.frames(Kept::Facts).unwrap().bytes();
            ended.iter().for_each(|ended| run.finish(RunStatus::Done, at(ended)).unwrap());
            (run, bytes)
        };
        let (done, bytes) = run("2026-07-01T10:00:00Z", Some("2026-07-01T11:00:00Z"));
        let (crashed, _) = run("2026-07-02T10:00:00Z", None);
        let (at_work, _) = run("2026-07-02T11:00:00Z", None);
        let (young, _) = run("2026-07-07T10:00:00Z", Some("2026-07-08T10:00:01Z"));
        let (_file, _) = at_work.continue_frames(Kept::Findings).unwrap();
        let foreign = state.create_run("o-abc123", "apply", at("2026-07-01T10:00:00Z")).unwrap();
        fs::write(foreign.dir().join("manifest.json"), "{").unwrap();

        let week = Duration::from_secs(7 * 86_400);
        let expired = state.expire_facts(week, at("2026-07-15T10:00:00Z")).unwrap();
        assert_eq!(expired, [(done.id().clone(), bytes), (crashed.id().clone(), bytes)]);
        for (run, kept) in [(&done, false), (&crashed, false), (&at_work, true), (&young, true)] {
            assert_eq!(run.size(Kept::Facts).unwrap().is_some(), kept, "{}", run.id());
            assert!(run.size(Kept::Findings).unwrap().is_some(), "findings stay");
        }
        assert_eq!(state.expire_facts(week, at("2026-07-15T10:00:00Z")).unwrap(), []);
        assert_eq!(state.expire_facts(Duration::MAX, at("2026-07-15T10:00:00Z")).unwrap(), []);
        let all = state.expire_facts(Duration::ZERO, at("2026-07-15T10:00:00Z")).unwrap();
        assert_eq!(all, [(young.id().clone(), bytes)]);
        let error = at_work.remove(Kept::Findings).unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    }
}
