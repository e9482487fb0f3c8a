//! Writing a file of frames: one writer at a time, and it only grows.
//!
//! Owns: creation, going on after a crash, and when bytes are on the disk. Must not: change a frame that is there.

use super::reader::Scan;
use super::{Cut, FILE_HEAD, FRAMES_VERSION, Frame, FrameKey, Head, file_head};
use crate::store::StoreError;
use crate::store::files::{folder_of, private_options, sync_folder};
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file of frames, open to be written. While it is, the operating system's lock keeps other writers out.
#[derive(Debug)]
pub struct FrameFile {
    file: File,
    path: PathBuf,
    bytes: u64,
    stopped: bool,
}

/// What a file of frames held when it was opened to go on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reopened {
    /// The keys of good frames, in order.
    pub keys: Vec<FrameKey>,
    /// The keys whose frame is not as it was written: to be made and written again, and to be told.
    pub damaged: Vec<FrameKey>,
    /// The end that was cut off, if one was: to be told.
    pub cut: Option<Cut>,
}

impl FrameFile {
    /// Starts a file that must not exist, for the owner alone (mode 0600).
    ///
    /// # Errors
    /// If it exists or can't be written.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::io("create", path, source);
        let file = private_options().append(true).create_new(true).open(path).map_err(fail)?;
        lock(&file, path)?;
        let mut frames = Self { file, path: path.to_owned(), bytes: 0, stopped: false };
        frames.begin().map_err(fail)?;
        sync_folder(&folder_of(path)).map_err(fail)?;
        Ok(frames)
    }

    /// Opens a file to go on writing it. Every frame is read against its checksum; from where on the file is not as frames are
    /// written, it is cut off.
    ///
    /// # Errors
    /// If it can't be read or written, another process writes it, it is no file of frames, or a later orgward wrote it.
    pub fn reopen(path: &Path) -> Result<(Self, Reopened), StoreError> {
        let fail = |source| StoreError::io("open", path, source);
        let mut file = private_options().read(true).append(true).open(path).map_err(fail)?;
        lock(&file, path)?;
        let scan = Scan::of(&mut file, true).map_err(|error| error.of(path))?;
        let bytes = scan.good();
        if bytes < scan.length {
            file.set_len(bytes).and_then(|()| file.sync_all()).map_err(fail)?;
        }
        let mut frames = Self { file, path: path.to_owned(), bytes, stopped: false };
        if bytes == 0 {
            frames.begin().map_err(fail)?;
        }
        // Of two frames with one key the later counts, good or not: readers look at no other.
        let good: BTreeMap<_, bool> = scan
            .frames
            .into_iter()
            .enumerate()
            .map(|(at, (key, _))| (key, scan.bad.binary_search(&at).is_err()))
            .collect();
        let (keys, damaged): (Vec<_>, Vec<_>) = good.into_iter().partition(|(_, good)| *good);
        let keys_of = |pairs: Vec<(FrameKey, bool)>| pairs.into_iter().map(|(key, _)| key).collect();
        Ok((frames, Reopened { keys: keys_of(keys), damaged: keys_of(damaged), cut: scan.cut }))
    }

    fn begin(&mut self) -> io::Result<()> {
        self.file.write_all(&file_head(FRAMES_VERSION))?;
        self.file.sync_all()?;
        self.bytes = FILE_HEAD as u64;
        Ok(())
    }

    /// Adds a frame; [`FrameFile::sync`] has it on the disk.
    ///
    /// # Errors
    /// If it can't be written (a full disk): then nothing of it stays, and the file takes no more frames.
    pub fn append(&mut self, key: &FrameKey, frame: &Frame) -> Result<(), StoreError> {
        if self.stopped {
            return Err(StoreError::Stopped { path: self.path.clone() });
        }
        let head = Head::of(key, frame)
            .ok_or_else(|| StoreError::io("write", &self.path, io::ErrorKind::FileTooLarge.into()))?;
        if let Err(source) = self.file.write_all(&head.bytes()).and_then(|()| self.file.write_all(&frame.bytes)) {
            self.stopped = true;
            // What is left of the frame would only be a torn end; if it can't be cut off, the reader copes.
            let _ = self.file.set_len(self.bytes);
            return Err(StoreError::io("write", &self.path, source));
        }
        self.bytes += frame.bytes_on_disk();
        Ok(())
    }

    /// Has all frames on the disk before it returns.
    ///
    /// # Errors
    /// If the disk does not take them.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| StoreError::io("write", &self.path, source))
    }

    /// How many bytes the file has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file on a disk that is full: for tests of what happens then.
    #[cfg(test)]
    pub(crate) fn on_a_full_disk(path: &Path) -> Self {
        let file = std::fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        Self { file, path: path.to_owned(), bytes: FILE_HEAD as u64, stopped: false }
    }
}

/// Keeps other writers out until the file is closed.
pub(in super::super) fn lock(file: &File, path: &Path) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        // Some network file systems have no locks: there, nobody is kept out.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(source)) => Err(StoreError::io("lock", path, source)),
    }
}
