//! The fuzz bodies, driven over the committed corpus and what a few cuts and splices make of it.
//!
//! Owns: the mutations. An input that once broke something belongs into `tests/corpus/`.

use orgward::fuzz::{fuzz_frames, fuzz_journal, fuzz_playbook, fuzz_policy};
use orgward::store::FrameReader;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// How many inputs each body gets: 512, or as many as `ORGWARD_FUZZ_CASES` says.
fn cases() -> u32 {
    std::env::var("ORGWARD_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512)
}

/// The files of one corpus, in a stable order.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 2, "a corpus of {name}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What is done to an input, at some places of it.
#[derive(Debug, Clone)]
enum Change {
    Cut(Index, Index),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Double(Index, Index),
    Splice(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let words: &[&str] = &[
        "\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\n",
        "  ",
        "- ",
        "${",
        "}",
        "*",
        "?",
        "\\u0000",
        "\\ud800",
        "\u{feff}",
        "&a ",
        "*a",
        "!!",
        "|",
        "null",
        "true",
        "-1",
        "1e999",
        "99999999999999999999",
        "\"*\"",
        "Deny",
        "Not",
        "IfExists",
        "ForAllValues:",
        "/0",
    ];
    let piece = prop_oneof![
        3 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    prop_oneof![
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Cut(from, to)),
        any::<(Index, u8)>().prop_map(|(at, bits)| Change::Flip(at, bits)),
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Double(from, to)),
        any::<(Index, Index)>().prop_map(|(other, at)| Change::Splice(other, at)),
    ]
}

/// An input of the corpus after some changes; at most 64 KiB.
fn input(name: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let corpus = corpus(name);
    (any::<Index>(), prop::collection::vec(change(), 0..6)).prop_map(move |(which, changes)| {
        let mut bytes = corpus[which.index(corpus.len())].clone();
        for change in changes {
            let range = |from: &Index, to: &Index| {
                let (a, b) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
                a.min(b)..a.max(b)
            };
            match &change {
                Change::Cut(from, to) => drop(bytes.drain(range(from, to)).collect::<Vec<_>>()),
                Change::Flip(at, bits) => {
                    if !bytes.is_empty() {
                        let at = at.index(bytes.len());
                        bytes[at] ^= bits;
                    }
                }
                Change::Insert(at, piece) => {
                    let at = at.index(bytes.len() + 1);
                    bytes.splice(at..at, piece.iter().copied());
                }
                Change::Double(from, to) => {
                    let piece = bytes[range(from, to)].to_vec();
                    bytes.extend(piece);
                }
                Change::Splice(other, at) => {
                    let other = &corpus[other.index(corpus.len())];
                    bytes.truncate(at.index(bytes.len() + 1));
                    bytes.extend_from_slice(&other[at.index(other.len() + 1)..]);
                }
            }
            bytes.truncate(64 * 1024);
        }
        bytes
    })
}

#[test]
fn the_corpus_itself_holds() {
    corpus("policy").iter().for_each(|bytes| fuzz_policy(bytes));
    corpus("playbook").iter().for_each(|bytes| fuzz_playbook(bytes));
    corpus("journal").iter().for_each(|bytes| fuzz_journal(bytes));
    let journals = corpus("journal");
    let whole = journals.iter().filter_map(|bytes| orgward::store::parse_journal(bytes).ok());
    assert!(whole.into_iter().any(|contents| contents.entries.len() > 3), "one journal of the corpus is a real one");
    let frames = corpus("frames");
    frames.iter().for_each(|bytes| fuzz_frames(bytes));
    let whole = frames.iter().filter_map(|bytes| FrameReader::over(Cursor::new(bytes), Path::new("corpus")).ok());
    assert!(
        whole.into_iter().any(|reader| reader.keys().len() > 2 && reader.cut().is_none()),
        "so is one of the frames"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn any_policy_text_ends_well(bytes in input("policy")) {
        fuzz_policy(&bytes);
    }

    #[test]
    fn any_playbook_text_ends_well(bytes in input("playbook")) {
        fuzz_playbook(&bytes);
    }

    #[test]
    fn any_journal_ends_well(bytes in input("journal")) {
        fuzz_journal(&bytes);
    }

    #[test]
    fn any_file_of_frames_ends_well(bytes in input("frames")) {
        fuzz_frames(&bytes);
    }
}
