//! Reading a file of frames: an index of keys made from the heads, and each frame when it is asked for.
//!
//! Must not: believe a length that no checksum vouches for, or keep more than a frame in memory.

use super::{Cut, FILE_HEAD, FRAME_HEAD, FRAMES_VERSION, Frame, FrameError, FrameKey, Head, MAGIC, number, sealed};
use crate::store::StoreError;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file of frames, read by key.
#[derive(Debug)]
pub struct FrameReader<R = File> {
    path: PathBuf,
    from: Mutex<R>,
    index: BTreeMap<FrameKey, Place>,
    bytes: u64,
    cut: Option<Cut>,
}

impl FrameReader {
    /// Opens a file and reads the heads of its frames. A file that was cut short or damaged is read as far as it is good,
    /// and [`FrameReader::cut`] says how far.
    ///
    /// # Errors
    /// If it can't be read, is no file of frames, or a later orgward wrote it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|source| StoreError::io("read", path, source))?;
        Self::over(file, path)
    }
}

impl<R: Read + Seek> FrameReader<R> {
    /// The same over any bytes; `path` is what errors name.
    ///
    /// # Errors
    /// As [`FrameReader::open`].
    pub fn over(mut from: R, path: &Path) -> Result<Self, StoreError> {
        let scan = Scan::of(&mut from, false).map_err(|error| error.of(path))?;
        let index = scan.frames.into_iter().collect();
        Ok(Self { path: path.to_owned(), from: Mutex::new(from), index, bytes: scan.length, cut: scan.cut })
    }

    /// The keys, `organization` first, then accounts by id.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &FrameKey> {
        self.index.keys()
    }

    /// Whether there is a frame of this key.
    pub fn contains(&self, key: &FrameKey) -> bool {
        self.index.contains_key(key)
    }

    /// From where on the file is not good, if it is not good to its end.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// How many bytes the file has on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the frame of a key says; `None` if there is none.
    ///
    /// # Errors
    /// If the frame is damaged or says something else, naming file and key.
    pub fn read<T: DeserializeOwned>(&self, key: &FrameKey) -> Result<Option<T>, StoreError> {
        let Some((place, frame)) = self.fetch(key)? else { return Ok(None) };
        frame.read().map(Some).map_err(|error| self.damaged(key, place, &error))
    }

    /// The frame of a key as it is, to be written into another file; `None` if there is none.
    ///
    /// # Errors
    /// If the frame is damaged, naming file and key.
    pub fn frame(&self, key: &FrameKey) -> Result<Option<Frame>, StoreError> {
        let Some((place, frame)) = self.fetch(key)? else { return Ok(None) };
        if crc32fast::hash(&frame.bytes) != frame.checksum {
            return Err(self.damaged(key, place, &FrameError::Checksum));
        }
        Ok(Some(frame))
    }

    fn fetch(&self, key: &FrameKey) -> Result<Option<(Place, Frame)>, StoreError> {
        let Some(place) = self.index.get(key).copied() else { return Ok(None) };
        let mut bytes = vec![0; place.compressed as usize];
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        from.seek(SeekFrom::Start(place.at))
            .and_then(|_| from.read_exact(&mut bytes))
            .map_err(|source| StoreError::io("read", &self.path, source))?;
        Ok(Some((place, Frame { json: place.json, checksum: place.checksum, bytes })))
    }

    fn damaged(&self, key: &FrameKey, place: Place, error: &FrameError) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            why: format!("the frame of `{key}` at byte {}: {error}", place.at),
        }
    }
}

/// Where the bytes of a frame are, and what its head says of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    at: u64,
    compressed: u32,
    json: u32,
    checksum: u32,
}

/// Why a file is no file of frames.
pub(super) enum ScanError {
    Io(io::Error),
    Foreign,
    Newer(u32),
}

impl ScanError {
    /// In words, for the file at `path`.
    pub(super) fn of(self, path: &Path) -> StoreError {
        match self {
            Self::Io(source) => StoreError::io("read", path, source),
            Self::Foreign => StoreError::Damaged {
                path: path.to_owned(),
                why: "it does not begin as a file of frames does".to_owned(),
            },
            Self::Newer(found) => StoreError::Newer {
                path: path.to_owned(),
                what: "file of frames",
                found: u64::from(found),
                supported: u64::from(FRAMES_VERSION),
            },
        }
    }
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the heads of a file say.
pub(super) struct Scan {
    /// Its frames, in the order of the file.
    pub(super) frames: Vec<(FrameKey, Place)>,
    /// Those of them whose bytes are not as they were written, by number; looked for only where it was asked.
    pub(super) bad: Vec<usize>,
    /// How many bytes it has.
    pub(super) length: u64,
    /// From where on it is not good.
    pub(super) cut: Option<Cut>,
}

impl Scan {
    /// Reads the heads of all frames; `verify`: and the bytes of each, against their checksum.
    pub(super) fn of(from: &mut (impl Read + Seek), verify: bool) -> Result<Self, ScanError> {
        let length = from.seek(SeekFrom::End(0))?;
        from.rewind()?;
        // The heads alone are read in small pieces: what is between them is passed over.
        let mut from = BufReader::with_capacity(if verify { 64 * 1024 } else { 512 }, from);
        let mut scan = Self { frames: Vec::new(), bad: Vec::new(), length, cut: None };
        if !scan.file_head(&mut from)? {
            return Ok(scan);
        }
        let mut at = FILE_HEAD as u64;
        while at < length {
            let left = length - at;
            let mut bytes = [0; FRAME_HEAD];
            if left < FRAME_HEAD as u64 {
                scan.cut_at(at, true);
                break;
            }
            from.read_exact(&mut bytes)?;
            let Some(head) = Head::parse(&bytes) else {
                scan.cut_at(at, false);
                break;
            };
            if left - (FRAME_HEAD as u64) < u64::from(head.compressed) {
                scan.cut_at(at, true);
                break;
            }
            if !verify {
                from.seek_relative(i64::from(head.compressed))?;
            } else if checksum(&mut from, head.compressed)? != head.checksum {
                scan.bad.push(scan.frames.len());
            }
            at += FRAME_HEAD as u64;
            let place = Place { at, compressed: head.compressed, json: head.json, checksum: head.checksum };
            at += u64::from(head.compressed);
            scan.frames.push((head.key, place));
        }
        Ok(scan)
    }

    /// Reads the head of the file; whether there is a whole one.
    fn file_head(&mut self, from: &mut impl Read) -> Result<bool, ScanError> {
        let mut head = Vec::with_capacity(FILE_HEAD);
        from.take(FILE_HEAD as u64).read_to_end(&mut head)?;
        if head.len() < FILE_HEAD {
            // The process died while it made the file; what is there has to be the beginning of it, all the same.
            if !super::file_head(FRAMES_VERSION).starts_with(&head) {
                return Err(ScanError::Foreign);
            }
            self.cut_at(0, true);
            return Ok(false);
        }
        let body = sealed(&head, FILE_HEAD).ok_or(ScanError::Foreign)?;
        let version = body.strip_prefix(MAGIC.as_slice()).and_then(number).ok_or(ScanError::Foreign)?;
        if version > FRAMES_VERSION { Err(ScanError::Newer(version)) } else { Ok(true) }
    }

    fn cut_at(&mut self, at: u64, torn: bool) {
        self.cut = Some(Cut { frames: self.frames.len(), at, bytes: self.length - at, torn });
    }

    /// Up to which byte the file is good.
    pub(super) fn good(&self) -> u64 {
        self.cut.as_ref().map_or(self.length, |cut| cut.at)
    }
}

/// CRC-32 of the next `bytes`.
fn checksum(from: &mut impl Read, bytes: u32) -> io::Result<u32> {
    struct Sum(crc32fast::Hasher);
    impl io::Write for Sum {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sum = Sum(crc32fast::Hasher::new());
    let copied = io::copy(&mut from.take(u64::from(bytes)), &mut sum)?;
    if copied == u64::from(bytes) { Ok(sum.0.finalize()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
