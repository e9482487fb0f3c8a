//! Private directories, files that replace others in one step, and whether an output path can be written.
//!
//! Must not: know what is in the files.

use super::error::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
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
    replace_with(path, |out| out.write_all(bytes).map_err(|source| StoreError::io("write", path, source)))
}

/// The same from what `write` writes, piece by piece.
fn replace_with<E: From<StoreError>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let fail = |source| StoreError::io("write", path, source);
    let folder = folder_of(path);
    let file = tempfile::Builder::new().prefix(".orgward-").tempfile_in(&folder).map_err(fail)?;
    stream(file.as_file(), write).map_err(|error| error.told(fail))?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(sync_folder(&folder).map_err(fail)?)
}

/// Why a stream of bytes ended early.
#[derive(Debug)]
pub enum Streamed<E> {
    /// The bytes could not be written: what the system said, not what became of it on the way up.
    Io(io::Error),
    /// What writes them failed.
    Source(E),
}

impl<E: From<StoreError>> Streamed<E> {
    fn told(self, words: impl FnOnce(io::Error) -> StoreError) -> E {
        match self {
            Self::Io(error) => words(error).into(),
            Self::Source(error) => error,
        }
    }
}

/// Writes to `to` what `write` writes, through a buffer, and flushes it.
///
/// # Errors
/// If the bytes can't be written, or `write` fails.
pub fn stream<E>(to: impl Write, write: impl FnOnce(&mut dyn Write) -> Result<(), E>) -> Result<(), Streamed<E>> {
    let mut out = BufWriter::with_capacity(64 * 1024, Noted { to, failed: None });
    let written = write(&mut out);
    let flushed = out.flush();
    // After a failure what is in the buffer stays there: it is not written a second time when the buffer goes.
    let (noted, _) = out.into_parts();
    match (noted.failed, written, flushed) {
        (Some(error), _, _) => Err(Streamed::Io(error)),
        (None, Err(error), _) => Err(Streamed::Source(error)),
        (None, Ok(()), flushed) => flushed.map_err(Streamed::Io),
    }
}

/// Keeps the first error of what it writes to: layers above put it in words of their own.
struct Noted<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W: Write> Noted<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.failed.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Noted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.note(flushed)
    }
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
    write_output_with(path, |out| out.write_all(bytes).map_err(|source| StoreError::io("write", path, source)))
}

/// The same from what `write` writes, piece by piece: a report that is never whole in memory. A file is there with all of it
/// or as it was before: it is written beside its place, under a name that begins with `.orgward-`, and takes its place once it is
/// on the disk. A link stays, and what it leads to is replaced; one that leads nowhere, or that a stranger put into a directory of
/// everyone's, is replaced itself. A directory is never replaced.
///
/// # Errors
/// With the path and the reason, or as `write` fails.
pub fn write_output_with<E: From<StoreError>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let special = fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
    if special {
        let fail = |source| StoreError::io("write", path, source);
        let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
        return stream(file, write).map_err(|error| error.told(fail));
    }
    replace_with(&real(path), write)
}

/// The one name of a path, whether or not there is something: two names of one file are the same place.
pub fn place(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = fs::canonicalize(folder_of(path)).unwrap_or_else(|_| folder_of(path));
        path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name))
    })
}

/// Where a symbolic link leads, so that the link stays and its target is replaced. A link that somebody else put into a directory that
/// everyone writes to (`/tmp`) is not followed: it would have us replace a file of ours that nobody named.
fn real(path: &Path) -> PathBuf {
    if planted(path) {
        return path.to_owned();
    }
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// As Linux decides with `fs.protected_symlinks`, which sees no link that is resolved before it is opened.
fn planted(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (Ok(link), Ok(folder)) = (fs::symlink_metadata(path), fs::metadata(folder_of(path))) else { return false };
        let shared = folder.mode() & 0o1002 == 0o1002;
        link.is_symlink() && shared && link.uid() != folder.uid() && Some(link.uid()) != user()
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Whose process this is: a number of the system's; `None` where it has no such numbers, or does not say.
pub fn user() -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Where there is no `/proc`: a file of ours says it.
        let here = fs::metadata("/proc/self").or_else(|_| tempfile::tempfile()?.metadata());
        here.ok().map(|meta| meta.uid())
    }
    #[cfg(not(unix))]
    None
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

    /// Only root can make a link of another's; elsewhere the rule alone is tried.
    #[test]
    fn a_stranger_s_link_in_a_directory_of_everyone_s_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (shared, mine) = (dir.path().join("tmp"), dir.path().join("authorized_keys"));
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
        fs::write(&mine, "key").unwrap();
        let link = shared.join("report.json");
        std::os::unix::fs::symlink(&mine, &link).unwrap();
        assert!(!planted(&link) && !planted(&mine), "our own is followed");
        write_output(&link, b"report").unwrap();
        assert_eq!(fs::read(&mine).unwrap(), b"report");
        if std::os::unix::fs::lchown(&link, Some(54_321), None).is_err() {
            return;
        }
        assert!(planted(&link));
        write_output(&link, b"later").unwrap();
        assert_eq!(fs::read(&mine).unwrap(), b"report", "what it leads to stays");
        assert_eq!(fs::read(&link).unwrap(), b"later");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        // Where not everyone writes, links are their owner's matter.
        std::os::unix::fs::symlink(&mine, dir.path().join("other")).unwrap();
        std::os::unix::fs::lchown(dir.path().join("other"), Some(54_321), None).unwrap();
        assert!(!planted(&dir.path().join("other")));
    }

    #[test]
    fn this_user_is_whose_files_are_made() {
        use std::os::unix::fs::MetadataExt;
        let file = tempfile::tempfile().unwrap();
        assert_eq!(user(), Some(file.metadata().unwrap().uid()));
    }

    #[test]
    fn a_stream_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        let lines = |out: &mut dyn Write| -> io::Result<()> { (0..50_000).try_for_each(|n| writeln!(out, "{n}")) };
        write_output_with(&path, |out| lines(out).map_err(|error| StoreError::io("write", &path, error))).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        assert_eq!((whole.lines().count(), whole.lines().last()), (50_000, Some("49999")));
        let failed = write_output_with(&path, |out| {
            lines(out).unwrap();
            Err(StoreError::NoRun("the source of it".to_owned()))
        });
        assert!(failed.unwrap_err().to_string().contains("the source of it"));
        assert_eq!(fs::read_to_string(&path).unwrap(), whole, "it is as it was before");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary files stay");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_in_words_whatever_a_stream_makes_of_it() {
        for size in [1, 1_000_000] {
            let error = write_output_with(Path::new("/dev/full"), |out| {
                out.write_all(&vec![b'x'; size]).map_err(|_| StoreError::NoRun("other words".to_owned()))
            });
            assert!(error.unwrap_err().is_full_disk(), "{size}");
        }
        let error = write_output_with(Path::new("/dev/full"), |out| {
            serde_json::to_writer(out, &vec![0; 100_000]).map_err(|_| StoreError::NoRun("other words".to_owned()))
        });
        assert!(error.unwrap_err().is_full_disk());
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
