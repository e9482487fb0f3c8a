//! What orgward learned of an organization from run to run: a small file of each, replaced in one step.
//!
//! Must not: know what was learned (whoever did writes and reads it as JSON).

use super::error::StoreError;
use super::files::{private_dir, replace};
use super::state::{StateDir, named};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The version of the file this build writes and reads.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learned<T> {
    version: u32,
    organization: String,
    learned: T,
}

impl StateDir {
    /// What was learned of an organization before; `None` if nothing was.
    ///
    /// # Errors
    /// If it can't be read, is damaged, says something else, or a later orgward wrote it. What it holds only saves time: a
    /// caller may say so and go on without.
    pub fn load_learned<T: DeserializeOwned>(&self, organization: &str) -> Result<Option<T>, StoreError> {
        let path = self.learned_path(organization)?;
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("read", &path, source)),
        };
        let damaged = |why: String| StoreError::Damaged { path: path.clone(), why };
        let value: Value = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if let Some(found) = value.get("version").and_then(Value::as_u64).filter(|found| *found > u64::from(VERSION)) {
            return Err(StoreError::Newer {
                path,
                what: "file of learned limits",
                found,
                supported: u64::from(VERSION),
            });
        }
        let read: Learned<T> = serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        if read.organization != organization {
            let other: String = read.organization.chars().take(64).collect();
            return Err(damaged(format!("it is that of organization `{other}`")));
        }
        Ok(Some(read.learned))
    }

    /// Saves what was learned of an organization in the place of what was there.
    ///
    /// # Errors
    /// If the id can't be the name of a file, or it can't be written.
    pub fn save_learned(&self, organization: &str, learned: &impl Serialize) -> Result<(), StoreError> {
        let path = self.learned_path(organization)?;
        private_dir(&self.path().join("learned"))?;
        let file = Learned { version: VERSION, organization: organization.to_owned(), learned };
        let mut text =
            serde_json::to_vec_pretty(&file).map_err(|error| StoreError::io("write", &path, error.into()))?;
        text.push(b'\n');
        replace(&path, &text)
    }

    fn learned_path(&self, organization: &str) -> Result<PathBuf, StoreError> {
        let name = named(organization, "file of learned limits")?;
        Ok(self.path().join("learned").join(format!("{name}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_learned_is_kept_for_each_organization() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        assert_eq!(state.load_learned::<Value>("o-abc123").unwrap(), None);
        let mut rates = BTreeMap::from([("iam".to_owned(), 4.5)]);
        state.save_learned("o-abc123", &rates).unwrap();
        rates.insert("sns".to_owned(), 1.0);
        state.save_learned("o-abc123", &rates).unwrap();
        assert_eq!(state.load_learned("o-abc123").unwrap(), Some(rates));
        assert_eq!(state.load_learned::<Value>("o-other1").unwrap(), None);
        let path = state.path().join("learned/o-abc123.json");
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert!(state.save_learned("../x", &1).is_err() && state.load_learned::<Value>("../x").is_err());
    }

    #[test]
    fn a_damaged_newer_or_foreign_file_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        state.save_learned("o-abc123", &[1, 2]).unwrap();
        let path = state.path().join("learned/o-abc123.json");
        let text = fs::read_to_string(&path).unwrap();
        for (broken, says) in [
            (text.replace("\"version\": 1", "\"version\": 7"), "a file of learned limits of version 7"),
            (text.chars().take(20).collect(), "is damaged"),
            (text.replace("o-abc123", "o-other1"), "that of organization `o-other1`"),
            (text.replace("    2", "    \"two\""), "two"),
        ] {
            fs::write(&path, broken).unwrap();
            let error = state.load_learned::<Vec<u32>>("o-abc123").unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("o-abc123.json"), "{error}");
        }
    }
}
