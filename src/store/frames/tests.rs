//! What is written is read; a file cut at any byte is good up to there and goes on; a changed byte is always told.

use super::*;
use crate::store::StoreError;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn account(n: u64) -> FrameKey {
    format!("{n:012}").parse::<AccountId>().unwrap().into()
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("facts.frames");
    (dir, path)
}

/// A file of these frames, as bytes.
fn file_of(frames: &[(FrameKey, Value)]) -> Vec<u8> {
    let mut bytes = file_head(FRAMES_VERSION);
    for (key, value) in frames {
        let frame = Frame::of(value).unwrap();
        bytes.extend(Head::of(key, &frame).unwrap().bytes());
        bytes.extend(&frame.bytes);
    }
    bytes
}

fn over(bytes: &[u8]) -> Result<FrameReader<Cursor<Vec<u8>>>, StoreError> {
    FrameReader::over(Cursor::new(bytes.to_vec()), Path::new("facts.frames"))
}

fn sample() -> Vec<(FrameKey, Value)> {
    vec![
        (FrameKey::Organization, json!({"id": "o-abc123"})),
        (account(2), json!(["two", "ä \u{0} 💥", 0.1])),
        (account(1), json!({"users": vec!["someone"; 500]})),
    ]
}

/// What a reader has to find: of each key the last value.
fn last(frames: &[(FrameKey, Value)]) -> BTreeMap<FrameKey, Value> {
    frames.iter().cloned().collect()
}

fn all<R: io::Read + io::Seek>(reader: &FrameReader<R>) -> BTreeMap<FrameKey, Value> {
    reader.keys().map(|key| (key.clone(), reader.read(key).unwrap().unwrap())).collect()
}

#[test]
fn what_is_written_is_read_by_key() {
    let (_dir, path) = place();
    let mut file = FrameFile::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(FrameFile::create(&path).is_err(), "there is only one");
    for (key, value) in sample() {
        file.append(&key, &Frame::of(&value).unwrap()).unwrap();
    }
    file.append(&account(2), &Frame::of(&json!("again")).unwrap()).unwrap();
    file.sync().unwrap();
    let reader = FrameReader::open(&path).unwrap();
    let keys: Vec<String> = reader.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["organization", "000000000001", "000000000002"], "in the order of reports");
    assert_eq!(reader.read::<Value>(&account(2)).unwrap(), Some(json!("again")), "the later frame counts");
    assert_eq!(reader.read::<Value>(&account(3)).unwrap(), None);
    assert_eq!((reader.cut(), reader.bytes()), (None, file.bytes()));
    assert_eq!(fs::metadata(&path).unwrap().len(), file.bytes());
    let wrong = reader.read::<Vec<u32>>(&FrameKey::Organization).unwrap_err().to_string();
    assert!(wrong.contains("facts.frames") && wrong.contains("`organization`") && wrong.contains("JSON"), "{wrong}");
}

#[test]
fn a_frame_is_carried_to_another_file_as_it_is() {
    let reader = over(&file_of(&sample())).unwrap();
    let (_dir, path) = place();
    let mut other = FrameFile::create(&path).unwrap();
    for key in reader.keys() {
        other.append(key, &reader.frame(key).unwrap().unwrap()).unwrap();
    }
    assert_eq!(all(&FrameReader::open(&path).unwrap()), last(&sample()));
    assert!(reader.frame(&account(9)).unwrap().is_none());
}

#[test]
fn a_frame_is_small_and_its_debug_form_tells_no_facts() {
    let frame = Frame::of(&sample()[2].1).unwrap();
    assert!(frame.bytes_on_disk() * 10 < frame.bytes_of_json(), "{frame:?}");
    assert!(!format!("{frame:?}").contains("someone"));
}

#[test]
fn more_json_than_the_limit_is_no_frame() {
    let text = "x".repeat(100_000);
    let length = u32::try_from(text.len()).unwrap() + 2;
    assert!(Frame::within(&text, length).is_ok());
    for most in [length - 1, 40_000, 10] {
        assert!(matches!(Frame::within(&text, most), Err(FrameError::TooLarge)), "{most}");
    }
    let error = Frame::of(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
    assert!(matches!(error, FrameError::Json(_)), "{error}");
}

#[test]
fn a_length_that_lies_is_an_error_and_no_allocation() {
    let honest = Frame::of(&vec![0; 5000]).unwrap();
    for json in [honest.json - 1, honest.json + 1, 0, MAX_JSON, u32::MAX] {
        let lies = Frame { json, ..honest.clone() };
        assert!(matches!(lies.read::<Value>(), Err(FrameError::Length(said)) if said == json), "{json}");
        let mut bytes = file_head(FRAMES_VERSION);
        bytes.extend(Head::of(&account(7), &lies).unwrap().bytes());
        bytes.extend(&lies.bytes);
        match over(&bytes) {
            Ok(reader) if json <= MAX_JSON => {
                let error = reader.read::<Value>(&account(7)).map(|_| ()).or(reader.cut().map(|_| ()).ok_or("told"));
                assert!(error.is_err(), "{json}");
            }
            Ok(reader) => assert_eq!(reader.cut().map(|cut| (cut.frames, cut.torn)), Some((0, false)), "{json}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn bytes_that_only_look_compressed_are_an_error() {
    // 128 KiB of one byte for each four bytes of input: as much as zstd can be made to promise.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for _ in 0..1000 {
        bomb.extend([0x02, 0x00, 0x10, b'1']);
    }
    for (bytes, json) in [(bomb.clone(), 100), (bomb, 64 << 20), (b"hello".to_vec(), 5), (Vec::new(), 10)] {
        let error = Frame::compressed(bytes, json).read::<Value>().unwrap_err();
        assert!(matches!(error, FrameError::Length(_) | FrameError::Compressed(_)), "{error}");
    }
    // A window of 2 GiB.
    let huge = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    let error = Frame::compressed(huge, 1).read::<Value>().unwrap_err();
    assert!(matches!(error, FrameError::Compressed(_)), "{error}");
}

#[test]
fn a_later_version_and_a_foreign_file_are_refused_by_name_and_left_as_they_are() {
    let (_dir, path) = place();
    let mut newer = file_head(7);
    newer.extend(b"whatever");
    let mut damaged = file_of(&sample());
    damaged[9] ^= 1;
    for (bytes, says) in [
        (newer, "a file of frames of version 7"),
        (b"{\"version\":1}\n and more".to_vec(), "does not begin as a file of frames does"),
        (b"{}".to_vec(), "does not begin as a file of frames does"),
        (damaged, "does not begin as a file of frames does"),
    ] {
        fs::write(&path, &bytes).unwrap();
        let read = FrameReader::open(&path).unwrap_err().to_string();
        let reopened = FrameFile::reopen(&path).unwrap_err().to_string();
        assert!(read.contains(says) && read.contains("facts.frames"), "{read}");
        assert_eq!(read, reopened);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let missing = FrameReader::open(&path.with_extension("none")).unwrap_err().to_string();
    assert!(missing.contains("facts.none") && missing.contains("check the path"), "{missing}");
}

#[test]
fn one_process_writes_at_a_time_and_others_read() {
    let (_dir, path) = place();
    let file = FrameFile::create(&path).unwrap();
    let error = FrameFile::reopen(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }) && error.to_string().contains("facts.frames"), "{error}");
    assert_eq!(FrameReader::open(&path).unwrap().keys().len(), 0);
    drop(file);
    FrameFile::reopen(&path).unwrap();
}

#[test]
fn a_full_disk_stops_the_file_for_good() {
    let mut file = FrameFile::on_a_full_disk(Path::new("facts.frames"));
    let frame = Frame::of(&1).unwrap();
    let error = file.append(&account(1), &frame).unwrap_err();
    assert!(error.is_full_disk() && error.to_string().contains("facts.frames"), "{error}");
    assert!(matches!(file.append(&account(1), &frame), Err(StoreError::Stopped { .. })));
    assert_eq!(file.bytes(), 16);
}

#[test]
fn a_cut_says_how_far_the_file_is_good() {
    let bytes = file_of(&sample());
    let second = file_of(&sample()[..2]).len() as u64;
    let torn = over(&bytes[..bytes.len() - 1]).unwrap();
    let left = bytes.len() as u64 - 1 - second;
    assert_eq!(torn.cut(), Some(&Cut { frames: 2, at: second, bytes: left, torn: true }));
    let says = torn.cut().unwrap().to_string();
    assert_eq!(
        says,
        format!(
            "its last frame was not written in full from byte {second} on: 2 frames before that are good, {left} bytes after it are not"
        )
    );
    let mut damaged = bytes;
    damaged[16] ^= 0x80;
    let says = over(&damaged).unwrap().cut().unwrap().to_string();
    assert!(says.starts_with("it is not as it was written from byte 16 on: 0 frames"), "{says}");
}

#[test]
fn zeros_that_a_disk_never_filled_are_cut_off() {
    let (_dir, path) = place();
    let mut bytes = file_of(&sample());
    let good = bytes.len();
    bytes.extend([0; 4096]);
    fs::write(&path, &bytes).unwrap();
    let (file, found) = FrameFile::reopen(&path).unwrap();
    assert_eq!((file.bytes(), found.keys.len()), (good as u64, 3));
    assert_eq!(found.cut.map(|cut| (cut.frames, cut.bytes)), Some((3, 4096)));
    assert_eq!(fs::metadata(&path).unwrap().len(), good as u64);
}

fn frames() -> impl Strategy<Value = Vec<(FrameKey, Value)>> {
    let key = prop_oneof![1 => Just(FrameKey::Organization), 4 => (0u64..4).prop_map(account)];
    let value = prop_oneof![
        any::<u32>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        (0usize..600).prop_map(|n| json!({"users": vec!["someone"; n]})),
    ];
    vec((key, value), 0..6)
}

proptest! {
    #[test]
    fn cut_at_any_byte_it_reopens_to_a_prefix_and_goes_on(before in frames(), after in frames(), cut in any::<Index>()) {
        let (_dir, path) = place();
        let whole = file_of(&before);
        let cut = cut.index(whole.len() + 1);
        fs::write(&path, &whole[..cut]).unwrap();
        // The frames that are whole within the cut.
        let kept = (0..=before.len()).rev().find(|n| file_of(&before[..*n]).len() <= cut).unwrap_or(0);
        let good = file_of(&before[..kept]).len();
        let (mut file, found) = FrameFile::reopen(&path).unwrap();
        prop_assert_eq!(found.keys, last(&before[..kept]).into_keys().collect::<Vec<_>>());
        prop_assert_eq!(found.damaged, []);
        let told = found.cut.map(|cut| (cut.frames, cut.torn));
        prop_assert_eq!(told, (cut != good).then_some((kept, true)), "what is missing is told");
        for (key, value) in &after {
            file.append(key, &Frame::of(value).unwrap()).unwrap();
        }
        file.sync().unwrap();
        let together: Vec<_> = before[..kept].iter().chain(&after).cloned().collect();
        prop_assert_eq!(fs::read(&path).unwrap(), file_of(&together));
        let reader = FrameReader::open(&path).unwrap();
        prop_assert_eq!(reader.cut(), None);
        prop_assert_eq!(all(&reader), last(&together));
    }

    #[test]
    fn a_changed_byte_anywhere_is_told(written in frames(), at in any::<Index>(), bits in 1u8..) {
        let (_dir, path) = place();
        let mut bytes = file_of(&written);
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        fs::write(&path, &bytes).unwrap();
        let right = last(&written);
        if let Ok(reader) = FrameReader::open(&path) {
            let read: Vec<_> = reader.keys().map(|key| (key, reader.read::<Value>(key))).collect();
            let told = reader.cut().is_some() || read.iter().any(|(_, value)| value.is_err());
            // A frame that a later one of its key hides may be damaged unseen: nobody reads it.
            prop_assert!(told || read.iter().all(|(key, value)| value.as_ref().unwrap().as_ref() == right.get(key)));
            if reader.cut().is_none() {
                for (key, value) in read {
                    prop_assert!(value.is_err() || value.unwrap().as_ref() == right.get(key), "never a wrong value");
                }
            }
            let (mut file, found) = FrameFile::reopen(&path).unwrap();
            prop_assert_eq!(told, found.cut.is_some() || !found.damaged.is_empty());
            for key in right.keys().filter(|key| !found.keys.contains(key)) {
                file.append(key, &Frame::of(&right[key]).unwrap()).unwrap();
            }
            let reader = FrameReader::open(&path).unwrap();
            prop_assert_eq!(reader.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
            prop_assert!(reader.keys().all(|key| reader.read::<Value>(key).is_ok()), "what was lost can be written again");
        } else {
            prop_assert!(at < FILE_HEAD, "only the head of the file decides what it is");
            prop_assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300), json in 0u32..4000) {
        let _ = over(&bytes);
        let _ = over(&[file_head(FRAMES_VERSION), bytes.clone()].concat()).unwrap();
        let _ = Frame::compressed(bytes, json).read::<Value>();
    }
}
