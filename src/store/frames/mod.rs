//! Frames: what a run keeps of each account, one compressed piece of JSON after the other in a file that only grows.
//!
//! Owns: the form of the file, its checksums, and how far a file that was cut short or damaged is good. Must not: know what
//! is in a frame.
//!
//! The file: a head of 16 bytes (`orgward\n`, the version, CRC-32 of both), then frames. A frame: a head of 28 bytes (the key,
//! which is an account id or `organization`, 12 bytes each; the length compressed; the length as JSON; CRC-32 of the compressed
//! bytes; CRC-32 of the head so far), then the bytes, compressed with zstd. Numbers are little-endian. Of two frames with one
//! key the later counts.
//!
//! CRC-32 and not the journal's SHA-256: it finds what disks and cut writes do to bytes, at a tenth of the time, and against
//! who can write the file neither helps. A head has its own, so that a damaged length is never believed.

mod file;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use file::lock;
pub use file::{FrameFile, Reopened};
pub use reader::FrameReader;

use crate::model::AccountId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, BufWriter, Read, Write};

/// The version of the files this build writes and reads.
pub const FRAMES_VERSION: u32 = 1;

/// The most bytes of JSON in a frame: above all that IAM's quotas let an account hold, and not more than a machine has.
pub const MAX_JSON: u32 = 1 << 30;

/// How hard zstd tries. Of the facts of an account with 50 users, 100 roles and 60 policies (185 KB of JSON), level 1 makes
/// 21.8 KB in 0.12 ms, level 2 21.9 KB in 0.13 ms, level 3 21.5 KB in 0.20 ms; below 1 it saves a tenth of the time and
/// takes a third more room.
const LEVEL: i32 = 1;

/// The largest window a frame may ask memory for, as a power of two: what level 1 uses is below.
const WINDOW_LOG_MAX: u32 = 23;

const MAGIC: &[u8; 8] = b"orgward\n";
const FILE_HEAD: usize = 16;
const FRAME_HEAD: usize = 28;
const KEY: usize = 12;

/// Whose frame it is; the order is that of reports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameKey {
    /// What is of no account.
    Organization,
    /// An account's.
    Account(AccountId),
}

impl FrameKey {
    /// The key as text: `organization` or an account id, 12 bytes either way.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Organization => "organization",
            Self::Account(id) => id.as_str(),
        }
    }

    /// The account, if it is one's.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Organization => None,
            Self::Account(id) => Some(id),
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        match std::str::from_utf8(bytes).ok()? {
            "organization" => Some(Self::Organization),
            id => id.parse().ok().map(Self::Account),
        }
    }
}

impl From<AccountId> for FrameKey {
    fn from(id: AccountId) -> Self {
        Self::Account(id)
    }
}

impl From<&AccountId> for FrameKey {
    fn from(id: &AccountId) -> Self {
        Self::Account(id.clone())
    }
}

impl fmt::Display for FrameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a value is no frame, or a frame no value.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// More JSON than [`MAX_JSON`].
    #[error("it is larger than {} MiB", MAX_JSON >> 20)]
    TooLarge,
    /// The bytes changed after they were written.
    #[error("its checksum does not match: it was changed after it was written")]
    Checksum,
    /// The bytes are not what zstd writes.
    #[error("it can't be decompressed: {0}")]
    Compressed(io::Error),
    /// It is as long as it should not be.
    #[error("it holds another number of bytes than the {0} it says")]
    Length(u32),
    /// It does not say what is asked of it, or the value has no form as JSON.
    #[error("its JSON is not what is looked for: {0}")]
    Json(serde_json::Error),
}

/// A value, compressed. Made anywhere (in the task that has the value), written by whoever has the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// How many bytes of JSON.
    json: u32,
    /// CRC-32 of the compressed bytes.
    checksum: u32,
    /// The JSON, compressed.
    bytes: Vec<u8>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("json", &self.json).field("bytes", &self.bytes.len()).finish()
    }
}

impl Frame {
    /// Writes a value as JSON and compresses it on the way: the JSON is never whole in memory.
    ///
    /// # Errors
    /// If the value has no form as JSON, or one of more than [`MAX_JSON`] bytes.
    pub fn of(value: &impl Serialize) -> Result<Self, FrameError> {
        Self::within(value, MAX_JSON)
    }

    fn within(value: &impl Serialize, most: u32) -> Result<Self, FrameError> {
        let encoder = zstd::stream::write::Encoder::new(Vec::new(), LEVEL).map_err(FrameError::Compressed)?;
        let mut out = BufWriter::with_capacity(32 * 1024, Counted { to: encoder, json: 0, most });
        let written = serde_json::to_writer(&mut out, value);
        let counted = out.into_inner().map_err(|error| too_large_or(error.into_error()))?;
        written.map_err(|error| if error.is_io() { too_large_or(error.into()) } else { FrameError::Json(error) })?;
        let bytes = counted.to.finish().map_err(FrameError::Compressed)?;
        Ok(Self::compressed(bytes, counted.json))
    }

    /// A frame of bytes that are said to be compressed, and to hold so much JSON.
    pub(crate) fn compressed(bytes: Vec<u8>, json: u32) -> Self {
        Self { json, checksum: crc32fast::hash(&bytes), bytes }
    }

    /// The value.
    ///
    /// # Errors
    /// If the bytes are not as they were written, or hold something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        if crc32fast::hash(&self.bytes) != self.checksum {
            return Err(FrameError::Checksum);
        }
        let compressed = FrameError::Compressed;
        let mut decoder = zstd::stream::read::Decoder::with_buffer(self.bytes.as_slice()).map_err(compressed)?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(compressed)?;
        // Room for what such bytes commonly hold; a length that lies costs no more than the bytes there are.
        let likely = self.bytes.len().saturating_mul(32).min(self.json as usize);
        let mut json = Vec::with_capacity(likely);
        decoder.take(u64::from(self.json) + 1).read_to_end(&mut json).map_err(compressed)?;
        if json.len() != self.json as usize {
            return Err(FrameError::Length(self.json));
        }
        serde_json::from_slice(&json).map_err(FrameError::Json)
    }

    /// How many bytes it takes on disk, its head included.
    pub fn bytes_on_disk(&self) -> u64 {
        (FRAME_HEAD + self.bytes.len()) as u64
    }

    /// How many bytes of JSON it holds.
    pub fn bytes_of_json(&self) -> u64 {
        u64::from(self.json)
    }
}

fn too_large_or(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::FileTooLarge { FrameError::TooLarge } else { FrameError::Compressed(error) }
}

/// Counts what goes through, up to a limit.
struct Counted<W> {
    to: W,
    json: u32,
    most: u32,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        let written = self.to.write(bytes)?;
        let more = u32::try_from(written).map_err(|_| too_large())?;
        self.json = self.json.checked_add(more).filter(|json| *json <= self.most).ok_or_else(too_large)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The head of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    key: FrameKey,
    compressed: u32,
    json: u32,
    checksum: u32,
}

impl Head {
    /// The head of a frame; `None` if it is too long to be written.
    fn of(key: &FrameKey, frame: &Frame) -> Option<Self> {
        let compressed = u32::try_from(frame.bytes.len()).ok()?;
        Some(Self { key: key.clone(), compressed, json: frame.json, checksum: frame.checksum })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRAME_HEAD);
        bytes.extend(self.key.as_str().as_bytes());
        for number in [self.compressed, self.json, self.checksum] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The head these bytes are, if they are one.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let body = sealed(bytes, FRAME_HEAD)?;
        let (key, numbers) = body.split_at_checked(KEY)?;
        let mut numbers = numbers.chunks_exact(4).filter_map(number);
        let head = Self {
            key: FrameKey::parse(key)?,
            compressed: numbers.next()?,
            json: numbers.next()?,
            checksum: numbers.next()?,
        };
        (head.json <= MAX_JSON).then_some(head)
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_le_bytes)
}

/// `bytes` without the CRC-32 at their end, if there are `length` of them and it matches.
fn sealed(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let (body, sum) = bytes.split_at_checked(length.checked_sub(4)?)?;
    (number(sum)? == crc32fast::hash(body)).then_some(body)
}

/// The head of a file of `version`.
fn file_head(version: u32) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// Where a file of frames stops being good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// How many frames before are good.
    pub frames: usize,
    /// From which byte on it is not.
    pub at: u64,
    /// How many bytes are not.
    pub bytes: u64,
    /// Whether its end is merely missing: the process or the machine died while writing a frame.
    pub torn: bool,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { frames, at, bytes, torn } = self;
        let what = if *torn { "its last frame was not written in full" } else { "it is not as it was written" };
        let good = if *frames == 1 { "frame before that is" } else { "frames before that are" };
        write!(f, "{what} from byte {at} on: {frames} {good} good, {bytes} bytes after it are not")
    }
}
