//! A folder of files that a person asked for: all of them or none, and nothing that is there is written over.
//!
//! Must not: know what is in the files.

use super::error::StoreError;
use super::files::folder_of;
use std::fs;
use std::io;
use std::path::Path;

/// Writes files (path below the folder, bytes, whether it is a program) into a new folder, or one that is empty. The folder
/// takes its place in one step.
///
/// # Errors
/// If there is something in the folder, or it can't be written: then nothing of it stays.
pub fn write_folder<'a>(
    folder: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8], bool)>,
) -> Result<(), StoreError> {
    let fail = |source| StoreError::io("write the folder", folder, source);
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(fail(io::Error::other("there is something in it: name another, or empty it")));
            }
            fs::remove_dir(folder).map_err(fail)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fail(error)),
    }
    let made = tempfile::Builder::new().prefix(".orgward-").tempdir_in(folder_of(folder)).map_err(fail)?;
    #[cfg(unix)]
    fs::set_permissions(made.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).map_err(fail)?;
    for (path, bytes, runs) in files {
        let path = made.path().join(path);
        fs::create_dir_all(folder_of(&path)).map_err(fail)?;
        fs::write(&path, bytes).map_err(fail)?;
        #[cfg(unix)]
        if runs {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).map_err(fail)?;
        }
        #[cfg(not(unix))]
        let _ = runs;
    }
    fs::rename(made.path(), folder).map_err(fail)?;
    // It is not there any more under the name it would be removed by.
    let _ = made.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("setup");
        let files = [("a/b.json", b"{}".as_slice(), false), ("run.sh", b"#!/bin/sh\n".as_slice(), true)];
        write_folder(&folder, files.into_iter()).unwrap();
        assert_eq!(fs::read(folder.join("a/b.json")).unwrap(), b"{}");
        let error = write_folder(&folder, files.into_iter()).unwrap_err().to_string();
        assert!(error.contains("setup") && error.contains("name another"), "{error}");
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let error = write_folder(&empty, [("a", b"x".as_slice(), false), ("a/b", b"y", false)].into_iter());
        assert!(error.is_err());
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["setup"], "nothing of what failed stays");
        write_folder(&empty, files.into_iter()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| fs::metadata(empty.join(name)).unwrap().permissions().mode() & 0o111;
            assert_eq!((mode("run.sh"), mode("a/b.json")), (0o111, 0));
            assert_eq!(fs::metadata(&empty).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(write_folder(&dir.path().join("no/such"), files.into_iter()).is_err());
    }
}
