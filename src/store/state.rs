//! The state directory: `locks/`, `runs/` and `learned/`, for the owner alone.

use super::error::StoreError;
use super::files::{open_to_others, plain_name, private_dir};
use super::lock::{Holder, Lock};
use super::run::{Run, RunId};
use jiff::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};

/// The open state directory.
#[derive(Debug, Clone)]
pub struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// Opens the state directory, and creates it (mode 0700) if it is not there.
    ///
    /// # Errors
    /// If it can't be created, is no directory, or is open to group or others.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        private_dir(path)?;
        if let Some(mode) = open_to_others(path)? {
            return Err(StoreError::NotPrivate { path: path.to_owned(), mode });
        }
        private_dir(&path.join("locks"))?;
        private_dir(&path.join("runs"))?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the lock of an organization until the [`Lock`] is dropped.
    ///
    /// # Errors
    /// [`StoreError::Held`] naming who has it, or if the file can't be written.
    pub fn lock(&self, organization: &str, holder: &Holder) -> Result<Lock, StoreError> {
        let name = named(organization, "lock")?;
        Lock::take(&self.path.join("locks").join(format!("{name}.lock")), organization, holder)
    }

    /// Starts a run: its directory and manifest. The id sorts by time.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn create_run(&self, organization: &str, command: &str, now: Timestamp) -> Result<Run, StoreError> {
        Run::create(&self.runs_dir(), organization, command, now)
    }

    /// Opens a run of before.
    ///
    /// # Errors
    /// If it is not there, its manifest is damaged, or a later orgward wrote it.
    pub fn run(&self, id: &RunId) -> Result<Run, StoreError> {
        Run::open(&self.runs_dir(), id)
    }

    /// The ids of all runs, oldest first. Directories that are no runs are passed over.
    ///
    /// # Errors
    /// If the directory can't be read.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        let dir = self.runs_dir();
        let fail = |source| StoreError::io("list", &dir, source);
        let mut runs = Vec::new();
        for entry in fs::read_dir(&dir).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            runs.extend(name.to_str().and_then(|name| name.parse::<RunId>().ok()));
        }
        runs.sort();
        Ok(runs)
    }

    pub(super) fn runs_dir(&self) -> PathBuf {
        self.path.join("runs")
    }
}

impl Run {
    /// Opens the run of a directory, of whatever state directory it is: one of another machine, or a copy.
    ///
    /// # Errors
    /// If it is not there, has no name of a run, its manifest is damaged, or a later orgward wrote it.
    pub fn at(dir: &Path) -> Result<Self, StoreError> {
        let real = fs::canonicalize(dir).map_err(|source| StoreError::io("read", dir, source))?;
        let name = real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Self::open(real.parent().unwrap_or(&real), &name.parse()?)
    }
}

pub(super) fn named<'a>(name: &'a str, what: &'static str) -> Result<&'a str, StoreError> {
    if plain_name(name) { Ok(name) } else { Err(StoreError::Name { name: name.chars().take(64).collect(), what }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_is_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/state");
        let state = StateDir::open(&path).unwrap();
        let now = "2026-07-18T10:00:00.25Z".parse().unwrap();
        let _lock = state.lock("o-abc123", &Holder::this_process("audit", now)).unwrap();
        let run = state.create_run("o-abc123", "audit", now).unwrap();
        run.save("findings.json", b"[]").unwrap();
        let mut journal = run.journal().unwrap();
        journal.append(now, &serde_json::json!({})).unwrap();
        let mut seen = 0;
        let mut folders = vec![path.clone()];
        while let Some(folder) = folders.pop() {
            assert_eq!(mode(&folder), 0o700, "{}", folder.display());
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap().path();
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    assert_eq!(mode(&entry), 0o600, "{}", entry.display());
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 4, "lock, manifest, findings, journal");
        StateDir::open(&path).unwrap();
    }

    #[test]
    fn a_directory_open_to_others_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("open");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let error = StateDir::open(&path).unwrap_err();
        assert!(error.to_string().contains("(mode 0755)") && error.to_string().contains("chmod 700"), "{error}");
        assert_eq!(mode(&path), 0o755);
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        fs::write(&path, "").unwrap();
        assert!(StateDir::open(&path).unwrap_err().to_string().contains("state"));
    }

    #[test]
    fn an_organization_id_can_t_leave_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("s")).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let error = state.lock("../../etc/passwd", &Holder::this_process("x", now)).unwrap_err();
        assert!(matches!(error, StoreError::Name { .. }), "{error}");
    }

    #[test]
    fn a_run_is_opened_by_its_directory_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("s")).unwrap();
        let run = state.create_run("o-abc123", "audit", "2026-07-18T10:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(Run::at(&run.dir().join(".")).unwrap().manifest(), run.manifest());
        let elsewhere = dir.path().join(run.id().as_str());
        fs::rename(run.dir(), &elsewhere).unwrap();
        assert_eq!(Run::at(&elsewhere).unwrap().id(), run.id());
        let missing = Run::at(run.dir()).unwrap_err().to_string();
        assert!(missing.contains("can't read") && missing.contains(run.id().as_str()), "{missing}");
        let renamed = dir.path().join("shard-0");
        fs::rename(&elsewhere, &renamed).unwrap();
        assert!(Run::at(&renamed).unwrap_err().to_string().contains("no run `shard-0`"));
        assert!(Run::at(dir.path()).is_err() && Run::at(Path::new("/")).is_err());
    }

    #[test]
    fn runs_are_listed_oldest_first_and_strangers_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("s")).unwrap();
        let mut made = Vec::new();
        for second in [30, 10, 20] {
            let now: Timestamp = format!("2026-07-18T10:00:{second}Z").parse().unwrap();
            made.push(state.create_run("o-abc123", "audit", now).unwrap().id().clone());
        }
        fs::create_dir(state.runs_dir().join("stranger")).unwrap();
        made.sort();
        assert_eq!(state.runs().unwrap(), made);
        assert_eq!(state.run(made.first().unwrap()).unwrap().manifest().command, "audit");
        let missing = "20200101T000000Z-0000".parse().unwrap();
        assert!(state.run(&missing).is_err());
    }
}
