//! Bodies of fuzz targets: what must hold for any bytes at all.
//!
//! Owns: the readers of hostile input, called with anything, and what is asserted of them. Must not: read files, or be
//! called by the product. Each panics when something does not hold: `tests/it/fuzz.rs` drives them on stable, cargo-fuzz
//! where a nightly compiler is (CONTRIBUTING tells how).

use crate::execute::{Progress, Record};
use crate::playbook::{Documents, Values, load_str};
use crate::policy::{
    Context, Decision, Document, PolicyError, Principal, Quotas, Request, Rules, canonical, evaluate,
    evaluate_rcp_chain, lint, minify, pack, same_meaning,
};
use crate::store::{Frame, FrameKey, FrameReader, parse_journal};
use serde_json::Value;
use std::io::Cursor;
use std::path::Path;

/// The policy parser, and what works on what it read.
///
/// # Panics
/// If an error has no place in the text, or minifying, the canonical form or packing change what a policy decides.
pub fn fuzz_policy(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(same_meaning(text, text), "a text means what it means");
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(errors) => {
            assert!(!errors.is_empty(), "a refused policy has an error");
            return told_in(text, &errors);
        }
    };
    for rules in [Rules::Identity, Rules::Trust, Rules::Scp, Rules::Rcp, Rules::Session] {
        told_in(text, &lint(&document, rules));
    }
    let decided = decisions(&[&document]);
    let small = minify(text);
    assert!(small.is_ok(), "what is a policy can be minified");
    let small = small.unwrap_or_default();
    assert_eq!(minify(&small).as_ref(), Ok(&small), "minified is minified");
    let form = canonical(&document).to_string();
    let mut others = vec![small, form];
    let packed = pack(std::slice::from_ref(&document), Quotas::embedded().scp.size).unwrap_or_default();
    others.extend(packed.into_iter().map(|packed| packed.text));
    for (at, other) in others.iter().enumerate() {
        let read = Document::parse(other);
        assert!(read.is_ok(), "what is written can be read: {other}");
        let read: Vec<Document> = read.into_iter().collect();
        if at < 2 {
            assert!(same_meaning(text, other), "the meaning is kept: {other}");
            assert_eq!(decisions(&read.iter().collect::<Vec<_>>()), decided, "the decisions are kept: {other}");
        }
    }
    let packed: Vec<Document> = others.iter().skip(2).filter_map(|text| Document::parse(text).ok()).collect();
    if !packed.is_empty() {
        assert_eq!(decisions(&packed.iter().collect::<Vec<_>>()), decided, "packing keeps the decisions");
    }
}

/// Every error is at a place in the text.
fn told_in(text: &str, errors: &[PolicyError]) {
    let lines = text.matches('\n').count() + 1;
    for error in errors {
        assert!((1..=lines).contains(&error.line) && error.column >= 1, "{error} is not in the text");
        assert!(!error.message.chars().any(char::is_control), "{error:?} has a control character");
    }
}

/// What some policies decide together of a few requests.
fn decisions(policies: &[&Document]) -> Vec<&'static str> {
    let principals = [
        Principal::iam("arn:aws:iam::111122223333:user/anna"),
        Principal::session("arn:aws:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s"),
        Principal::service("ec2.amazonaws.com"),
    ];
    let contexts = [
        Context::partial(),
        Context::complete().with("aws:SourceIp", "10.0.0.1").with("aws:CurrentTime", "2026-01-01T00:00:00Z"),
    ];
    let mut decided = Vec::new();
    for principal in &principals {
        for context in &contexts {
            for (action, resource) in [("s3:GetObject", "arn:aws:s3:::bucket/key"), ("sts:AssumeRole", "*")] {
                let (principal, context) = (principal.clone(), context.clone());
                let request = Request { principal, action: action.to_owned(), resource: resource.to_owned(), context };
                for decision in [evaluate(policies, &request), evaluate_rcp_chain(&[policies.to_vec()], &request)] {
                    decided.push(match decision {
                        Decision::Allow => "allow",
                        Decision::Deny { .. } => "deny",
                        Decision::NoMatch => "no match",
                        Decision::CannotTell { .. } => "cannot tell",
                    });
                }
            }
        }
    }
    decided
}

/// Documents that a playbook of the corpus may name.
const DOCUMENTS: &[(&str, &str)] = &[(
    "guard.json",
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}}"#,
)];

/// The playbook loader.
///
/// # Panics
/// If a refused playbook has no error, or the same text is not read the same twice.
pub fn fuzz_playbook(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let load = || load_str("fuzz.yaml", &text, &Documents::Embedded(DOCUMENTS), &Values::new());
    match (load(), load()) {
        (Ok(one), Ok(other)) => {
            assert_eq!(format!("{one:?}"), format!("{other:?}"), "the same text is the same playbook")
        }
        (Err(one), Err(other)) => {
            assert!(!one.0.is_empty(), "a refused playbook has an error");
            assert_eq!(one.to_string(), other.to_string(), "the same text has the same errors");
        }
        _ => assert!(text.is_empty(), "a text is a playbook or it is not"),
    }
}

/// The journal reader, and the state machine over what it read, whether the checksums are right or not.
///
/// # Panics
/// If entries are out of sequence, a cut end is not told as one, or a refused record changes the state.
pub fn fuzz_journal(bytes: &[u8]) {
    if let Ok(contents) = parse_journal(bytes) {
        for (at, entry) in contents.entries.iter().enumerate() {
            assert_eq!(usize::try_from(entry.sequence), Ok(at), "entries are in sequence");
        }
        if contents.torn.is_none() {
            let cut = [bytes, b"{\"version\":1"].concat();
            let again = parse_journal(&cut);
            assert!(again.is_ok(), "a cut last line is no damage");
            let again = again.unwrap_or_default();
            assert!(again.torn.is_some(), "a cut last line is told");
            assert_eq!(again.entries.len(), contents.entries.len(), "what was whole before is read");
        }
    }
    let mut progress = Progress::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let record = line.get("record").cloned().and_then(|record| serde_json::from_value::<Record>(record).ok());
        let Some(record) = record else { continue };
        // A count of changes decides how much is kept in mind: a plan of more is none that anyone wrote.
        if matches!(&record, Record::Begin { changes, .. } if *changes > 10_000) {
            continue;
        }
        let before = progress.clone();
        if progress.accept(&record).is_err() {
            assert_eq!(progress, before, "what is refused changes nothing");
        }
    }
}

/// The reader of frames, and the decompression of bytes whose checksum is right.
///
/// # Panics
/// If a cut end is not told as one, or frames that were whole before it are lost.
pub fn fuzz_frames(bytes: &[u8]) {
    let over = |bytes: &[u8]| FrameReader::over(Cursor::new(bytes.to_vec()), Path::new("fuzz.frames"));
    if let Ok(reader) = over(bytes) {
        let keys: Vec<FrameKey> = reader.keys().cloned().collect();
        let read = |key: &FrameKey| reader.read::<Value>(key).ok();
        let values: Vec<Option<Option<Value>>> = keys.iter().map(read).collect();
        assert!(values.iter().flatten().all(Option::is_some), "a key has a frame");
        let good = reader.cut().map_or(bytes.len() as u64, |cut| cut.at);
        assert!(good <= bytes.len() as u64, "what is good is in the file");
        let good = bytes.get(..usize::try_from(good).unwrap_or_default()).unwrap_or_default();
        if !good.is_empty() {
            let again = over(&[good, b"0123"].concat());
            assert!(again.as_ref().is_ok_and(|again| again.cut().is_some_and(|cut| cut.torn)), "a cut end is told");
            let kept = again.map(|again| again.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
            assert_eq!(kept, keys, "what was whole before a cut end is read");
        }
    }
    for json in [bytes.len(), 40, 1 << 20] {
        let frame = Frame::compressed(bytes.to_vec(), u32::try_from(json).unwrap_or(u32::MAX));
        let _ = frame.read::<Value>();
    }
}
