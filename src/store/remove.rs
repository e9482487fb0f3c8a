//! Removing whole runs.
//!
//! Owns: that a run is either there whole or gone, and that none at work is removed. Must not: decide which.

use super::error::StoreError;
use super::files::sync_folder;
use super::run::{Run, RunId};
use super::state::StateDir;
use std::fs;
use std::io;
use std::path::Path;

/// What a run that is being removed is called: no run's name.
const GOING: &str = ".removed-";

impl Run {
    /// How many bytes its files have.
    ///
    /// # Errors
    /// If they can't be looked at.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        let fail = |source| StoreError::io("look at", self.dir(), source);
        let mut total = 0;
        for entry in fs::read_dir(self.dir()).map_err(fail)? {
            total += entry.and_then(|entry| entry.metadata()).map_err(fail)?.len();
        }
        Ok(total)
    }
}

impl StateDir {
    /// Removes a run with all its files and says how many bytes they had. It is renamed first: what a crash leaves of it is no
    /// run any more, and goes with the next one that is removed.
    ///
    /// # Errors
    /// If a process writes it, or it can't be removed.
    pub fn remove_run(&self, id: &RunId) -> Result<u64, StoreError> {
        let runs = self.runs_dir();
        self.sweep(&runs)?;
        let run = self.run(id)?;
        if run.at_work() {
            return Err(StoreError::InUse { path: run.dir().to_owned() });
        }
        let bytes = run.bytes()?;
        let going = runs.join(format!("{GOING}{id}"));
        fs::rename(run.dir(), &going)
            .and_then(|()| sync_folder(&runs))
            .and_then(|()| fs::remove_dir_all(&going))
            .map_err(|source| StoreError::io("remove", run.dir(), source))?;
        Ok(bytes)
    }

    /// Removes what is left of runs that were being removed.
    fn sweep(&self, runs: &Path) -> Result<(), StoreError> {
        let fail = |source| StoreError::io("list", runs, source);
        for entry in fs::read_dir(runs).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if entry.file_name().to_string_lossy().starts_with(GOING) {
                match fs::remove_dir_all(entry.path()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::io("remove", &entry.path(), error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Kept, RunStatus};

    #[test]
    fn a_run_is_removed_whole_and_none_at_work() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let now = "2026-07-18T10:00:00Z".parse().unwrap();
        let run = |ended: bool| {
            let mut run = state.create_run("o-abc123", "audit", now).unwrap();
            run.save("audit.json", b"{}").unwrap();
            drop(run.frames(Kept::Findings).unwrap());
            if ended {
                run.finish(RunStatus::Done, now).unwrap();
            }
            run
        };
        let (first, second) = (run(true), run(false));
        let at_work = second.continue_frames(Kept::Findings).unwrap();
        // What a crash left of another.
        let torn = state.path().join("runs/.removed-20260101T000000Z-0000");
        fs::create_dir(&torn).unwrap();
        fs::write(torn.join("manifest.json"), "{").unwrap();
        let bytes = first.bytes().unwrap();
        assert!(bytes > 0);
        assert_eq!(state.remove_run(first.id()).unwrap(), bytes);
        assert!(!first.dir().exists() && !torn.exists());
        assert!(matches!(state.remove_run(second.id()), Err(StoreError::InUse { .. })));
        assert!(second.dir().exists(), "it stays as it is");
        drop(at_work);
        state.remove_run(second.id()).unwrap();
        assert_eq!(state.runs().unwrap(), []);
        assert!(state.remove_run(second.id()).is_err(), "it is gone");
    }
}
