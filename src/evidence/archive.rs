//! The file: a tar archive (POSIX ustar) in one gzip member, which every system opens.
//!
//! Owns: its form, to the byte. There is one way to write an entry, and reading accepts no other: what is not in a digest (a
//! header, padding, the end) has nowhere to hide a change. Must not: know what is in an entry.

use super::error::Mismatch;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, BufRead, Read, Write};

/// A block of a tar archive.
const BLOCK: usize = 512;
/// The first bytes of the gzip member: deflate, without a name, a comment or extra fields. Time and system, which follow, are
/// of no meaning: `gzip -n` writes others.
const GZIP: [u8; 4] = [0x1f, 0x8b, 8, 0];
/// The largest size that a ustar header has room for in octal digits.
const OCTAL: u64 = 0o77_777_777_777;

/// Writes an archive.
pub(super) struct Archive<W: Write> {
    to: GzEncoder<W>,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(to: W) -> Self {
        let to = flate2::GzBuilder::new().mtime(0).operating_system(255).write(to, Compression::default());
        Self { to }
    }

    /// Writes an entry of `bytes` bytes from what `write` writes.
    ///
    /// # Errors
    /// As `write` fails, if it writes another number of bytes, or the file can't be written.
    pub(super) fn entry<E: From<io::Error>>(
        &mut self,
        name: &str,
        bytes: u64,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(), E> {
        self.to.write_all(&header(name, bytes))?;
        let mut body = Bounded { to: &mut self.to, left: bytes };
        write(&mut body)?;
        if body.left > 0 {
            return Err(other_length(name).into());
        }
        let padding = vec![0; padding(bytes)];
        Ok(self.to.write_all(&padding)?)
    }

    /// Ends the archive.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        self.to.finish().map(drop)
    }
}

fn other_length(name: &str) -> io::Error {
    io::Error::other(format!("`{name}` has another length than it was said to have"))
}

/// Lets through what an entry has room for.
struct Bounded<'w, W> {
    to: &'w mut W,
    left: u64,
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.left = self.left.checked_sub(written as u64).ok_or_else(|| other_length("an entry"))?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The header of a plain file that everyone may read, of nobody, from the beginning of time.
fn header(name: &str, bytes: u64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).zip(text) {
            *to = *from;
        }
    };
    put(0, name.get(..100).unwrap_or(name).as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if bytes <= OCTAL {
        put(124, format!("{bytes:011o}\0").as_bytes());
    } else {
        // As GNU tar writes what is larger: a mark, then the number itself.
        put(124, &[0x80, 0, 0, 0]);
        put(128, &bytes.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let text = format!("{sum:06o}\0 ");
    for (to, from) in header.iter_mut().skip(148).zip(text.as_bytes()) {
        *to = *from;
    }
    header
}

/// How many zeros follow a body.
fn padding(bytes: u64) -> usize {
    let over = usize::try_from(bytes % BLOCK as u64).unwrap_or_default();
    (BLOCK - over) % BLOCK
}

/// Name and size, if a header says them as [`header`] writes them.
fn said(header: &[u8; BLOCK]) -> Option<(String, u64)> {
    let field = |at: usize, length: usize| header.get(at..at + length).unwrap_or_default();
    let name = field(0, 100).split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).ok()?.to_owned();
    let size = match field(124, 1) {
        [0x80] => u64::from_be_bytes(field(128, 8).try_into().ok()?),
        _ => u64::from_str_radix(std::str::from_utf8(field(124, 11)).ok()?, 8).ok()?,
    };
    (self::header(&name, size) == *header).then_some((name, size))
}

/// Reads an archive, entry by entry; nothing is unpacked, and no entry is held in memory.
pub(super) struct Opened<R: BufRead> {
    from: GzDecoder<R>,
    /// How many entries were read.
    entries: usize,
}

impl<R: BufRead> Opened<R> {
    /// Opens one; the first bytes are read.
    ///
    /// # Errors
    /// If it does not begin as a bundle does.
    pub(super) fn new(mut from: R) -> Result<Self, Mismatch> {
        // The decoder wants the head too.
        let head = from.fill_buf().map_err(|error| Mismatch::unread(&error))?;
        match head.get(..GZIP.len()) {
            Some(head) if head == GZIP => Ok(Self { from: GzDecoder::new(from), entries: 0 }),
            _ => Err(Mismatch::Foreign { why: "it is no gzip file as `orgward evidence` or `gzip -n` writes it" }),
        }
    }

    /// The next entry, handed to `read` with its name and size; `None` after the last.
    ///
    /// # Errors
    /// If its header is not as it is written, its body is cut short, or as `read` fails.
    pub(super) fn entry<T>(
        &mut self,
        read: impl FnOnce(&str, u64, &mut dyn Read) -> Result<T, Mismatch>,
    ) -> Result<Option<T>, Mismatch> {
        let place = format!("entry {}", self.entries + 1);
        let mut header = [0; BLOCK];
        self.fill(&place, &mut header)?;
        if header == [0; BLOCK] {
            return Ok(None);
        }
        let (name, size) = said(&header).ok_or_else(|| Mismatch::Header { place: place.clone() })?;
        self.entries += 1;
        let mut body = Body { from: &mut self.from, left: size };
        let value = read(&name, size, &mut body)?;
        if body.left > 0 {
            return Err(Mismatch::Header { place });
        }
        let mut rest = vec![0; padding(size)];
        self.fill(&name, &mut rest)?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(Mismatch::Padding { name });
        }
        Ok(Some(value))
    }

    /// What follows the last entry: the end, and nothing behind it.
    ///
    /// # Errors
    /// If there is something else.
    pub(super) fn end(mut self) -> Result<(), Mismatch> {
        let mut block = [0; BLOCK];
        self.fill("the end", &mut block)?;
        let mut more = [0; 1];
        // Reading on to the end has the checksum of the whole compared.
        let after = self.from.read(&mut more).map_err(|error| damaged("the end", &error))?;
        if block != [0; BLOCK] || after > 0 {
            return Err(Mismatch::Behind);
        }
        let mut behind = self.from.into_inner();
        match behind.fill_buf().map_err(|error| Mismatch::unread(&error))? {
            [] => Ok(()),
            _ => Err(Mismatch::Behind),
        }
    }

    fn fill(&mut self, place: &str, to: &mut [u8]) -> Result<(), Mismatch> {
        self.from.read_exact(to).map_err(|error| damaged(place, &error))
    }
}

/// What reading said of a place.
pub(super) fn damaged(place: &str, error: &io::Error) -> Mismatch {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Mismatch::CutShort { place: place.to_owned() },
        _ => Mismatch::Compressed { place: place.to_owned(), why: error.to_string() },
    }
}

/// The body of an entry.
struct Body<'r, R> {
    from: &'r mut R,
    left: u64,
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        if most == 0 {
            return Ok(0);
        }
        let read = self.from.read(to.get_mut(..most).unwrap_or_default())?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        for (name, body) in entries {
            archive.entry(name, body.len() as u64, |out| out.write_all(body)).unwrap();
        }
        archive.end().unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Mismatch> {
        let mut opened = Opened::new(bytes)?;
        let mut found = Vec::new();
        while let Some(entry) = opened.entry(|name, _, body| {
            let mut text = Vec::new();
            body.read_to_end(&mut text).map_err(|error| damaged(name, &error))?;
            Ok((name.to_owned(), text))
        })? {
            found.push(entry);
        }
        opened.end().map(|()| found)
    }

    #[test]
    fn what_is_written_is_read() {
        let long = vec![7; 1500];
        let entries: [(&str, &[u8]); 3] = [("a", b""), ("b", b"text\n"), ("c", &long)];
        let bytes = archive(&entries);
        let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        assert_eq!(bytes[..10], head, "nothing of the machine or the moment is in it");
        // As `gzip -n` writes it: of another system.
        let mut anew = bytes.clone();
        anew[9] = 3;
        assert_eq!(read(&anew).unwrap().len(), 3);
        assert_eq!(bytes, archive(&entries));
        let found = read(&bytes).unwrap();
        let found: Vec<(&str, &[u8])> = found.iter().map(|(name, body)| (name.as_str(), body.as_slice())).collect();
        assert_eq!(found, entries);
    }

    #[test]
    fn a_header_is_read_as_it_is_written_and_no_other() {
        for bytes in [0, 1, 511, 512, OCTAL, OCTAL + 1, u64::MAX] {
            let whole = header("manifest.json", bytes);
            assert_eq!(said(&whole), Some(("manifest.json".to_owned(), bytes)));
            for at in 0..BLOCK {
                let mut changed = whole;
                changed[at] ^= 1;
                assert_ne!(said(&changed), Some(("manifest.json".to_owned(), bytes)), "byte {at}");
            }
        }
    }

    #[test]
    fn a_body_of_another_length_is_not_written() {
        for body in ["no", "too long"] {
            let mut archive = Archive::new(Vec::new());
            let written = archive.entry("a", 3, |out| out.write_all(body.as_bytes()));
            assert!(written.unwrap_err().to_string().contains("another length"), "{body}");
        }
    }

    #[test]
    fn what_is_cut_off_or_follows_is_found() {
        let bytes = archive(&[("a", b"text")]);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
        let more = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(read(&more), Err(Mismatch::Behind)));
        // A second gzip member, which `gzip` itself would read on into.
        let twice = [bytes.as_slice(), bytes.as_slice()].concat();
        assert!(matches!(read(&twice), Err(Mismatch::Behind)));
    }
}
