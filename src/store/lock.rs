//! One orgward at a time for each organization: a locked file that names its holder.
//!
//! The operating system's lock decides, not the file's content: it ends with the process, so a dead holder never blocks.

use super::error::StoreError;
use super::files::private_options;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// The host's name: the state directory may be shared.
    pub host: String,
    /// What it runs: `apply`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// This process, running `command` since `since`.
    pub fn this_process(command: &str, since: Timestamp) -> Self {
        Self { pid: std::process::id(), host: host(), command: command.to_owned(), since }
    }
}

/// The host's name as the kernel or the environment tells it.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().chars().filter(|c| !c.is_control()).take(64).collect::<String>())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "an unnamed host".to_owned())
}

/// A held lock; let go when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Who held it before and ended without letting go (a crash, a kill).
    pub abandoned_by: Option<Holder>,
}

impl Lock {
    /// Takes the lock at `path`.
    pub(super) fn take(path: &Path, organization: &str, holder: &Holder) -> Result<Self, StoreError> {
        let fail = |source| StoreError::io("lock", path, source);
        let mut file =
            private_options().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { organization: organization.to_owned(), holder: read(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        let abandoned_by = read(&mut file);
        let text = serde_json::to_vec(holder).map_err(|error| fail(error.into()))?;
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)).map_err(fail)?;
        Ok(Self { file, abandoned_by })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // An empty file means: let go in order. If this fails, the next holder merely reads an abandoned lock.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// The holder a lock file names; `None` if it is empty or can't be read.
fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(command: &str) -> Holder {
        Holder::this_process(command, "2026-07-18T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_second_taker_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("o-abc123.lock");
        let first = Lock::take(&path, "o-abc123", &holder("apply")).unwrap();
        assert_eq!(first.abandoned_by, None);
        let error = Lock::take(&path, "o-abc123", &holder("plan")).unwrap_err();
        let StoreError::Held { holder: Some(held), .. } = &error else { panic!("{error}") };
        assert_eq!((held.pid, held.command.as_str()), (std::process::id(), "apply"));
        let text = error.to_string();
        assert!(text.contains("o-abc123") && text.contains("`apply` with process id"), "{text}");
        drop(first);
        assert_eq!(Lock::take(&path, "o-abc123", &holder("plan")).unwrap().abandoned_by, None);
    }

    #[test]
    fn the_lock_of_a_dead_process_is_taken_over_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("o-abc123.lock");
        let mut dead = holder("apply");
        dead.pid = 4_194_000;
        std::fs::write(&path, serde_json::to_vec(&dead).unwrap()).unwrap();
        let lock = Lock::take(&path, "o-abc123", &holder("plan")).unwrap();
        assert_eq!(lock.abandoned_by, Some(dead));
    }

    #[test]
    fn a_lock_file_full_of_garbage_is_still_a_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("o-abc123.lock");
        std::fs::write(&path, [0xff; 9000]).unwrap();
        let lock = Lock::take(&path, "o-abc123", &holder("apply")).unwrap();
        assert_eq!(lock.abandoned_by, None);
        std::fs::write(&path, "x").unwrap();
        let error = Lock::take(&path, "o-abc123", &holder("plan")).unwrap_err();
        assert!(matches!(error, StoreError::Held { holder: None, .. }), "{error}");
    }
}
