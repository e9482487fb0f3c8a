//! The journal: one JSON object a line, numbered, each with a checksum, on the disk before the call it announces.
//!
//! Owns: the line format, fsync, and what a torn end means. Must not: know what a record says (that is `execute`).
//!
//! A line: `{"version":1,"sequence":0,"at":"...","record":{...},"checksum":"<16 hex>"}`. The checksum covers the line up
//! to `,"checksum":`. Every line is fsynced before the next is begun, so only the last can be torn, and what is torn was
//! never acted on.

use super::error::StoreError;
use super::files::{folder_of, private_options, sync_folder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of the lines this build writes and reads.
pub const JOURNAL_VERSION: u32 = 1;

/// The text between the record and its checksum.
const SEAM: &str = ",\"checksum\":\"";

/// One line as read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The version of the line.
    version: u32,
    /// Its number, from 0.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub record: serde_json::Value,
}

/// One line as written.
#[derive(Serialize)]
struct Line<'a, T> {
    version: u32,
    sequence: u64,
    at: Timestamp,
    record: &'a T,
}

/// An end that was never written in full: the process or the machine died while writing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Its line number, from 1.
    pub line: usize,
    /// How many bytes of it there are.
    pub bytes: usize,
}

/// What a journal holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JournalContents {
    /// Its lines.
    pub entries: Vec<Entry>,
    /// The torn end, if it has one: nothing was done under it, and it is to be told.
    pub torn: Option<Torn>,
    /// How many bytes are whole lines.
    whole: usize,
}

/// Why a journal can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalDamage {
    /// A line that is not as it was written.
    #[error("line {line}: {why}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Written by a later orgward.
    #[error("version {found}")]
    Newer {
        /// Its version.
        found: u64,
    },
}

/// Reads the bytes of a journal.
///
/// # Errors
/// If a line other than a torn last one is damaged, out of sequence, or of a later version.
pub fn parse_journal(bytes: &[u8]) -> Result<JournalContents, JournalDamage> {
    let mut contents = JournalContents::default();
    for (index, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let number = index + 1;
        // A line without its end, or with blocks of zeros that the disk never got, is a write that was cut short.
        let last = contents.whole + line.len() == bytes.len();
        if last && (!line.ends_with(b"\n") || line.contains(&0)) {
            contents.torn = Some(Torn { line: number, bytes: line.len() });
            return Ok(contents);
        }
        let entry = parse_line(line.strip_suffix(b"\n").unwrap_or(line), number)?;
        if usize::try_from(entry.sequence) != Ok(index) {
            let why = format!("it has number {} where {index} comes next: lines are missing or moved", entry.sequence);
            return Err(JournalDamage::Line { line: number, why });
        }
        contents.whole += line.len();
        contents.entries.push(entry);
    }
    Ok(contents)
}

fn parse_line(line: &[u8], number: usize) -> Result<Entry, JournalDamage> {
    let bad = |why: &str| JournalDamage::Line { line: number, why: why.to_owned() };
    let text = std::str::from_utf8(line).map_err(|_| bad("it is not text"))?;
    let digits: String =
        text.strip_prefix("{\"version\":").unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    if let Some(found) = digits.parse::<u64>().ok().filter(|found| *found > u64::from(JOURNAL_VERSION)) {
        return Err(JournalDamage::Newer { found });
    }
    let (body, tail) = text.rsplit_once(SEAM).ok_or_else(|| bad("it has no checksum"))?;
    if tail.strip_suffix("\"}") != Some(checksum(body).as_str()) {
        return Err(bad("its checksum does not match: it was changed after it was written"));
    }
    serde_json::from_str(&format!("{body}}}")).map_err(|error| bad(&error.to_string()))
}

/// The text of a line, its end included.
fn line(sequence: u64, at: Timestamp, record: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string(&Line { version: JOURNAL_VERSION, sequence, at, record })?;
    text.pop();
    let sum = checksum(&text);
    text.push_str(&format!("{SEAM}{sum}\"}}\n"));
    Ok(text)
}

/// The first 16 hex digits of the SHA-256 of a line's body.
fn checksum(body: &str) -> String {
    Sha256::digest(body.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the journal at `path`.
///
/// # Errors
/// If it can't be read, is damaged, or a later orgward wrote it.
pub fn read_journal(path: &Path) -> Result<JournalContents, StoreError> {
    let bytes = fs::read(path).map_err(|source| StoreError::io("read", path, source))?;
    parse_journal(&bytes).map_err(|damage| match damage {
        JournalDamage::Newer { found } => {
            StoreError::Newer { path: path.to_owned(), what: "journal", found, supported: u64::from(JOURNAL_VERSION) }
        }
        line @ JournalDamage::Line { .. } => StoreError::Damaged { path: path.to_owned(), why: line.to_string() },
    })
}

/// An open journal: it only grows.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    next: u64,
    whole: u64,
    stopped: bool,
    /// How many more records the disk holds, in tests.
    #[cfg(test)]
    room: Option<usize>,
}

impl Journal {
    /// Starts a journal in a file that must not exist.
    ///
    /// # Errors
    /// If it exists or can't be created.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| StoreError::io("create", path, source);
        let file = private_options().append(true).create_new(true).open(path).map_err(fail)?;
        sync_folder(&folder_of(path)).map_err(fail)?;
        Ok(Self {
            file,
            path: path.to_owned(),
            next: 0,
            whole: 0,
            stopped: false,
            #[cfg(test)]
            room: None,
        })
    }

    /// Opens a journal to go on writing it, with what it holds; a torn end is cut off.
    ///
    /// # Errors
    /// If it can't be read, is damaged, or a later orgward wrote it.
    pub fn reopen(path: &Path) -> Result<(Self, JournalContents), StoreError> {
        let contents = read_journal(path)?;
        let fail = |source| StoreError::io("open", path, source);
        let file = private_options().append(true).open(path).map_err(fail)?;
        let whole = contents.whole as u64;
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(fail)?;
        let next = contents.entries.len() as u64;
        Ok((
            Self {
                file,
                path: path.to_owned(),
                next,
                whole,
                stopped: false,
                #[cfg(test)]
                room: None,
            },
            contents,
        ))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A journal on a disk that fills up: for tests of what happens then.
    #[cfg(test)]
    pub(crate) fn with_room_for(mut self, records: usize) -> Self {
        self.room = Some(records);
        self
    }

    /// Adds a record and has it on the disk before it returns its number.
    ///
    /// # Errors
    /// If it can't be written (a full disk): then nothing of it stays, and the journal takes no more records.
    pub fn append(&mut self, at: Timestamp, record: &impl Serialize) -> Result<u64, StoreError> {
        if self.stopped {
            return Err(StoreError::JournalStopped { path: self.path.clone() });
        }
        let sequence = self.next;
        let text = line(sequence, at, record).map_err(|error| StoreError::io("write", &self.path, error.into()))?;
        #[cfg(test)]
        match self.room {
            Some(0) => self.file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap(),
            Some(room) => self.room = Some(room - 1),
            None => {}
        }
        if let Err(source) = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data()) {
            self.stopped = true;
            // What is left of the line would only be a torn end; if it can't be cut off, the reader copes.
            let _ = self.file.set_len(self.whole);
            return Err(StoreError::io("write", &self.path, source));
        }
        self.next += 1;
        self.whole += text.len() as u64;
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn now() -> Timestamp {
        "2026-07-18T10:00:00Z".parse().unwrap()
    }

    fn written(records: &[serde_json::Value]) -> Vec<u8> {
        let lines = records.iter().zip(0..).map(|(record, sequence)| line(sequence, now(), record).unwrap());
        lines.collect::<String>().into_bytes()
    }

    fn sample() -> Vec<serde_json::Value> {
        vec![
            json!({"record": "begin"}),
            json!({"text": "\",\"checksum\":\"0000000000000000\"}\n ä \u{0} 💥", "float": 0.1}),
            json!({"end": null}),
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        for (record, sequence) in sample().iter().zip(0..) {
            assert_eq!(journal.append(now(), record).unwrap(), sequence);
        }
        assert_eq!(fs::read(&path).unwrap(), written(&sample()));
        let contents = read_journal(&path).unwrap();
        let records: Vec<_> = contents.entries.iter().map(|e| e.record.clone()).collect();
        assert_eq!(records, sample());
        assert_eq!(contents.torn, None);
        assert_eq!(parse_journal(b"").unwrap(), JournalContents::default());
    }

    #[test]
    fn the_last_line_cut_at_any_byte_is_torn_and_the_rest_stays() {
        let bytes = written(&sample());
        let start = bytes
            .iter()
            .rposition(|b| *b == b'\n')
            .map(|end| bytes[..end].iter().rposition(|b| *b == b'\n').unwrap() + 1);
        let start = start.unwrap();
        for cut in start..bytes.len() {
            let contents = parse_journal(&bytes[..cut]).unwrap();
            assert_eq!(contents.entries.len(), 2, "cut at {cut}");
            let torn = (cut > start).then(|| Torn { line: 3, bytes: cut - start });
            assert_eq!(contents.torn, torn, "cut at {cut}");
        }
    }

    #[test]
    fn a_torn_end_is_cut_off_and_writing_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut bytes = written(&sample());
        bytes.truncate(bytes.len() - 7);
        fs::write(&path, bytes).unwrap();
        let (mut journal, contents) = Journal::reopen(&path).unwrap();
        assert!(contents.torn.is_some());
        assert_eq!(journal.append(now(), &json!({"again": true})).unwrap(), 2);
        let read = read_journal(&path).unwrap();
        assert_eq!((read.entries.len(), read.torn), (3, None));
    }

    #[test]
    fn zeros_at_the_end_are_a_block_the_disk_never_got() {
        let mut bytes = written(&sample());
        bytes.extend([0; 512]);
        assert_eq!(parse_journal(&bytes).unwrap().torn, Some(Torn { line: 4, bytes: 512 }));
        bytes.push(b'\n');
        assert_eq!(parse_journal(&bytes).unwrap().entries.len(), 3);
    }

    #[test]
    fn a_changed_moved_or_missing_line_is_named() {
        let text = String::from_utf8(written(&sample())).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (broken, says) in [
            (text.replace("begin", "begun"), "line 1: its checksum"),
            (text.replace("\"end\":null", "\"end\":true"), "line 3: its checksum"),
            (format!("{}{}", lines[0], lines[2]), "line 2: it has number 2 where 1 comes next"),
            (format!("{}{}{}", lines[1], lines[0], lines[2]), "line 1: it has number 1"),
            (format!("hello\n{text}"), "line 1: it has no checksum"),
            (format!("{}\n{}", lines[0], lines[1]), "line 2: it has no checksum"),
        ] {
            let error = parse_journal(broken.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error} / {says}");
        }
        let error = parse_journal(b"\xff\xfe\n").unwrap_err().to_string();
        assert!(error.contains("not text"), "{error}");
    }

    #[test]
    fn a_later_version_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        fs::write(&path, "{\"version\":2,\"whatever\":[]}\n").unwrap();
        let error = Journal::reopen(&path).unwrap_err().to_string();
        assert!(error.contains("a journal of version 2") && error.contains("up to version 1"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_stops_the_journal_for_good() {
        let file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = Journal {
            file,
            path: "/dev/full".into(),
            next: 0,
            whole: 0,
            stopped: false,
            #[cfg(test)]
            room: None,
        };
        let error = journal.append(now(), &json!({})).unwrap_err();
        assert!(error.is_full_disk(), "{error}");
        let error = journal.append(now(), &json!({})).unwrap_err();
        assert!(matches!(error, StoreError::JournalStopped { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse_journal(&bytes);
        }

        #[test]
        fn any_change_of_one_byte_is_seen(at in 0usize..400, to in any::<u8>()) {
            let good = written(&sample());
            let mut bytes = good.clone();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(contents) = parse_journal(&bytes) {
                let kept = parse_journal(&good).unwrap().entries;
                prop_assert!(kept.starts_with(&contents.entries), "an entry was changed unseen");
                prop_assert!(bytes == good || contents.torn.is_some());
            }
        }

        #[test]
        fn any_text_comes_back(text in ".*", number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let record = json!({"text": text, "number": number.trunc()});
            let contents = parse_journal(&written(std::slice::from_ref(&record))).unwrap();
            prop_assert_eq!(contents.entries.first().map(|e| e.record["text"].clone()), Some(record["text"].clone()));
        }
    }
}
