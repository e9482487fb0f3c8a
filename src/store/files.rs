//! Private directories, files that replace others in one step, and whether an output path can be written.
//!
//! Must not: know what is in the files.

use super::error::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes a directory (and those above it) for the owner alone. One that exists stays as it is.
pub(super) fn private_dir(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StoreError::io("create the directory", path, source))
}

/// The permission bits of group and others, and all bits; `None` where the system has no such thing.
pub(super) fn open_to_others(path: &Path) -> Result<Option<u32>, StoreError> {
    let meta = fs::metadata(path).map_err(|source| StoreError::io("look at", path, source))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o7777;
        Ok((mode & 0o077 != 0).then_some(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        Ok(None)
    }
}

/// Options that create files for the owner alone.
pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a file in one step: the old content or the new one is there, never half of it. Mode 0600.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fail = |source| StoreError::io("write", path, source);
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new().prefix(".orgward-").tempfile_in(&folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    sync_folder(&folder).map_err(fail)
}

/// Makes a new or renamed entry of a directory survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// The directory a path is in; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether a name can be that of a file in a directory of ours.
pub(super) fn plain_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=128).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(good)
}

/// Says before a long run whether its `--output` or `--out` can be written after it. Leaves nothing behind and changes
/// nothing that is there.
///
/// # Errors
/// With the path and the reason: no such directory, a directory in its place, no permission, a full disk.
pub fn check_writable(path: &Path) -> Result<(), StoreError> {
    let fail = |source| StoreError::io("write", path, source);
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(fail(io::ErrorKind::IsADirectory.into())),
        // A device or a pipe is written as it is: opening a pipe here would wait for its reader.
        Ok(meta) if !meta.is_file() => return Ok(()),
        Ok(_) => drop(OpenOptions::new().append(true).open(path).map_err(fail)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    // The file is replaced in one step, so its directory has to take a new file, with at least a byte of room.
    let mut probe = tempfile::Builder::new().prefix(".orgward-").tempfile_in(folder_of(&real(path))).map_err(fail)?;
    probe.write_all(b" ").and_then(|()| probe.flush()).map_err(fail)
}

/// Writes a report or plan to a path that a person named: a file in one step with mode 0600, a device or pipe as it is.
///
/// # Errors
/// With the path and the reason.
pub fn write_output(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let special = fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if special {
        let fail = |source| StoreError::io("write", path, source);
        let mut file = OpenOptions::new().write(true).open(path).map_err(fail)?;
        return file.write_all(bytes).and_then(|()| file.flush()).map_err(fail);
    }
    replace(&real(path), bytes)
}

/// Where a symbolic link leads, so that the link stays and its target is replaced.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_output_path_is_judged_before_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let good = dir.path().join("report.json");
        check_writable(&good).unwrap();
        assert!(!good.exists(), "nothing is left behind");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        fs::write(&good, "old").unwrap();
        check_writable(&good).unwrap();
        assert_eq!(fs::read_to_string(&good).unwrap(), "old", "and nothing is changed");

        let missing = check_writable(&dir.path().join("no/such/report.json")).unwrap_err().to_string();
        assert!(missing.contains("no/such/report.json") && missing.ends_with("check the path"), "{missing}");
        let folder = check_writable(dir.path()).unwrap_err().to_string();
        assert!(folder.contains("name a file in it"), "{folder}");
        let under_a_file = check_writable(&good.join("x")).unwrap_err();
        assert!(under_a_file.to_string().contains("report.json"), "{under_a_file}");
        check_writable(Path::new("/dev/null")).unwrap();
        write_output(Path::new("/dev/null"), b"x").unwrap();
    }

    #[test]
    fn an_output_is_replaced_in_one_step_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write_output(&path, b"one").unwrap();
        write_output(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_output(&link, b"three").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary files stay");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_in_words() {
        let error = write_output(Path::new("/dev/full"), b"x").unwrap_err();
        assert!(error.is_full_disk());
        assert_eq!(
            error.to_string(),
            "can't write `/dev/full`: no space left on device; free space there and run again"
        );
    }

    #[test]
    fn names_that_leave_the_directory_are_no_names() {
        for bad in ["", "..", ".hidden", "a/b", "a\\b", "ä", "a b"] {
            assert!(!plain_name(bad), "{bad}");
        }
        assert!(plain_name("findings.json") && plain_name("o-abc123"));
    }
}
