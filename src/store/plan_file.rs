//! Plan files: canonical JSON (sorted keys, two spaces, one newline at the end) with a digest over everything else in it.
//!
//! The digest finds edits and damage; it is no signature. What is applied is what was shown: an edited plan is refused, and
//! a change of mind is a new plan.

use super::error::StoreError;
use super::files::write_output;
use crate::model::plan::PLAN_VERSION;
use crate::model::{self, Plan};
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Why a plan file is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is no plan, or only part of one.
    #[error("`{}` is not a whole plan file: {why}; make it again with `orgward plan --out`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        why: String,
    },
    /// A later orgward wrote it.
    #[error("`{}` is a plan of version {found}, and this orgward reads version {PLAN_VERSION}: use the orgward that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It was changed after it was written.
    #[error("`{}` was edited after it was written (its digest does not match): change the playbook and make a new plan", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },
}

/// Writes a plan file in one step, mode 0600, and gives its digest.
///
/// # Errors
/// If it can't be written.
pub fn write_plan(path: &Path, plan: &Plan) -> Result<String, PlanFileError> {
    let (text, digest) = plan_text(plan).map_err(|error| damaged(path, &error))?;
    write_output(path, text.as_bytes())?;
    Ok(digest)
}

/// Reads a plan file.
///
/// # Errors
/// If it can't be read, is damaged, was edited, or a later orgward wrote it.
pub fn read_plan(path: &Path) -> Result<Plan, PlanFileError> {
    let bytes = fs::read(path).map_err(|source| StoreError::io("read", path, source))?;
    parse_plan(path, &bytes)
}

/// Reads the bytes of a plan file; `path` is for the errors.
///
/// # Errors
/// If it is damaged, was edited, or a later orgward wrote it.
pub fn parse_plan(path: &Path, bytes: &[u8]) -> Result<Plan, PlanFileError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| damaged(path, &error))?;
    let Value::Object(mut members) = value else { return Err(damaged(path, &"it is not a JSON object")) };
    let version = members.get("version").and_then(Value::as_u64);
    let Some(version) = version else { return Err(damaged(path, &"it has no version")) };
    if version > u64::from(PLAN_VERSION) {
        return Err(PlanFileError::Newer { path: path.to_owned(), found: version });
    }
    let Some(Value::String(digest)) = members.remove("digest") else {
        return Err(damaged(path, &"it has no digest"));
    };
    let flags = FLAGS.map(|flag| members.remove(flag));
    let value = Value::Object(members);
    let text = pretty(&value).map_err(|error| damaged(path, &error))?;
    if digest != model::digest(text.as_bytes()) {
        return Err(PlanFileError::Edited { path: path.to_owned() });
    }
    let plan: Plan = serde_json::from_value(value).map_err(|error| damaged(path, &error))?;
    // The flags follow from the plan; ones that say something else were edited.
    if flags.into_iter().zip(flags_of(&plan)).any(|(read, own)| read.is_some_and(|read| read != Value::Bool(own))) {
        return Err(PlanFileError::Edited { path: path.to_owned() });
    }
    Ok(plan)
}

/// What a reader of the file need not work out: whether the plan covers everything asked for, and whether it may be applied.
const FLAGS: [&str; 2] = ["complete", "applyable"];

fn flags_of(plan: &Plan) -> [bool; 2] {
    [plan.complete(), plan.applyable()]
}

/// The text of a plan file and its digest.
///
/// # Errors
/// If the plan can't be serialised.
pub fn plan_text(plan: &Plan) -> Result<(String, String), serde_json::Error> {
    let mut value = serde_json::to_value(plan)?;
    let digest = model::digest(pretty(&value)?.as_bytes());
    if let Value::Object(members) = &mut value {
        members.insert("digest".to_owned(), Value::String(digest.clone()));
        let flags = FLAGS.into_iter().zip(flags_of(plan));
        members.extend(flags.map(|(flag, value)| (flag.to_owned(), Value::Bool(value))));
    }
    Ok((pretty(&value)?, digest))
}

/// The digest of a plan: `sha256:<hex>` over its canonical text. The same plan has the same digest on every machine.
///
/// # Errors
/// If the plan can't be serialised.
pub fn plan_digest(plan: &Plan) -> Result<String, serde_json::Error> {
    Ok(model::digest(pretty(&serde_json::to_value(plan)?)?.as_bytes()))
}

fn pretty(value: &Value) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::pretty(&mut bytes);
    sorted(value).serialize(&mut writer)?;
    bytes.push(b'\n');
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The same value with the keys of every object sorted, whatever order the map type keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            Value::Object(members.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> PlanFileError {
    PlanFileError::Damaged { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::PlaybookRef;
    use crate::model::{Address, Change, Doc};
    use proptest::prelude::*;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    fn plan(after: Value) -> Plan {
        Plan {
            version: PLAN_VERSION,
            organization: "o-abc123".into(),
            management_account: "111111111111".parse().unwrap(),
            caller_arn: "arn:aws:iam::111111111111:user/admin".into(),
            as_of: "2026-07-18T10:00:00Z".parse().unwrap(),
            playbooks: vec![PlaybookRef { name: "baseline".into(), digest: "sha256:00".into() }],
            waves: Vec::new(),
            relied_on: Vec::new(),
            changes: vec![Change {
                address: Address::PasswordPolicy { account: "222222222222".parse().unwrap() },
                before: None,
                after: Some(Doc(after)),
                step: "baseline/password-policy".into(),
                reason: "its length is under the floor".into(),
                depends_on: Vec::new(),
                impact: vec!["3 passwords expire".into()],
                confirmations: Vec::new(),
                wave: 0,
                origins: Vec::new(),
            }],
            refusals: Vec::new(),
            unknowns: Vec::new(),
            operator_steps: Vec::new(),
            regions: Vec::new(),
            undoes: None,
            notes: Vec::new(),
        }
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        write_plan(&path, &plan(json!({"minimum_length": 14, "max_age": 0.1}))).unwrap();
        (dir, path)
    }

    #[test]
    fn a_plan_comes_back_as_it_was_and_is_the_owner_s() {
        let (_dir, path) = file();
        let read = read_plan(&path).unwrap();
        assert_eq!(read, plan(json!({"minimum_length": 14, "max_age": 0.1})));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("}\n") && text.contains("\n  \"digest\": \"sha256:"));
        let keys: Vec<&str> = text.lines().filter(|l| l.starts_with("  \"")).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(text.contains(&plan_digest(&read).unwrap()));
    }

    #[test]
    fn white_space_may_change_but_nothing_else() {
        let (_dir, path) = file();
        let text = fs::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(parse_plan(&path, value.to_string().as_bytes()).is_ok());
        for (from, to) in [
            ("\"minimum_length\": 14", "\"minimum_length\": 6"),
            ("222222222222", "333333333333"),
            ("o-abc123", "o-abc124"),
            ("3 passwords", "0 passwords"),
            ("\"notes\": []", "\"notes\": [], \"extra\": 1"),
            ("sha256:00", "sha256:01"),
        ] {
            let edited = text.replace(from, to);
            assert_ne!(edited, text);
            let error = parse_plan(&path, edited.as_bytes()).unwrap_err();
            assert!(matches!(error, PlanFileError::Edited { .. }), "{error}");
            assert!(error.to_string().contains("plan.json"), "{error}");
        }
    }

    #[test]
    fn a_later_version_is_refused_by_name_before_its_digest() {
        let (_dir, path) = file();
        let text = fs::read_to_string(&path).unwrap().replace("\"version\": 1", "\"version\": 2");
        let error = parse_plan(&path, text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("a plan of version 2"), "{error}");
    }

    #[test]
    fn what_is_no_plan_is_said_to_be_none() {
        let (_dir, path) = file();
        let text = fs::read_to_string(&path).unwrap();
        let no_digest: String =
            text.lines().filter(|l| !l.contains("\"digest\": \"sha256:") || l.starts_with("   ")).collect();
        for bad in ["", "[]", "{}", "{\"version\": 1}", "not json", &text[..text.len() / 2], &no_digest] {
            let error = parse_plan(&path, bad.as_bytes()).unwrap_err();
            assert!(matches!(error, PlanFileError::Damaged { .. }), "{bad}: {error}");
        }
        let honest = json!({"version": 1, "hello": "world"});
        let digest = model::digest(pretty(&honest).unwrap().as_bytes());
        let foreign = json!({"version": 1, "hello": "world", "digest": digest});
        let error = parse_plan(&path, foreign.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, PlanFileError::Damaged { .. }), "{error}");
        assert!(read_plan(Path::new("/no/such/plan")).unwrap_err().to_string().contains("check the path"));
    }

    #[test]
    fn the_flags_of_a_plan_are_written_and_can_not_be_edited() {
        let (text, _) = plan_text(&plan(json!({"a": 1}))).unwrap();
        assert!(text.contains("\"complete\": true") && text.contains("\"applyable\": true"), "{text}");
        let edited = text.replace("\"applyable\": true", "\"applyable\": false");
        let read = parse_plan(Path::new("p"), edited.as_bytes());
        assert!(matches!(read, Err(PlanFileError::Edited { .. })), "{read:?}");
    }

    proptest! {
        #[test]
        fn any_number_and_text_survive(number in any::<f64>(), whole in any::<i64>(), text in ".*") {
            let plan = plan(json!({"n": number, "i": whole, "t": text, "z": {"b": 1, "a": [1.5, null, true]}}));
            let (text, digest) = plan_text(&plan).unwrap();
            let read = parse_plan(Path::new("p"), text.as_bytes()).unwrap();
            prop_assert_eq!(plan_digest(&read).unwrap(), digest);
            prop_assert_eq!(plan_text(&read).unwrap().0, text);
        }

        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse_plan(Path::new("p"), &bytes).is_err());
        }
    }
}
