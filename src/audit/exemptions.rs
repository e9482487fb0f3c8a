//! The exemptions of an audit as its run keeps them (`exemptions.json`): they are judged with again, and told again, as they
//! were when it began, whatever became of the file.
//!
//! Must not: apply them.

use super::job::Job;
use crate::model::exemption::Exemptions;
use crate::store::{Run, StoreError};
use serde::{Deserialize, Serialize};

/// The version of `exemptions.json` this build writes and reads.
const VERSION: u32 = 1;
/// The file's own name for what it is.
const FORMAT: &str = "orgward.exemptions";
/// Its name in the run.
const FILE: &str = "exemptions.json";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptExemptions {
    format: String,
    version: u32,
    exemptions: Exemptions,
}

/// Keeps them in a run; a run without any has no such file.
pub(super) fn keep(run: &mut Run, exemptions: &Exemptions) -> Result<(), StoreError> {
    if exemptions.is_none() {
        return Ok(());
    }
    let kept = KeptExemptions { format: FORMAT.to_owned(), version: VERSION, exemptions: exemptions.clone() };
    let text = serde_json::to_vec_pretty(&kept).map_err(|error| StoreError::io("write", run.dir(), error.into()))?;
    run.save_sealed(FILE, &text)
}

/// The exemptions that the audit of a run was judged with; none if it had none.
///
/// # Errors
/// If they can't be read, are of a later orgward, or are not those of its description.
pub fn exemptions(run: &Run, job: &Job) -> Result<Exemptions, StoreError> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
        version: u32,
    }
    let Some(digest) = &job.exemptions else { return Ok(Exemptions::default()) };
    let path = run.dir().join(FILE);
    let damaged = |why: String| StoreError::Damaged { path: path.clone(), why };
    let text = run.load_sealed(FILE)?;
    let head: Head = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if head.format != FORMAT {
        return Err(damaged(format!("its format is `{}`", head.format.escape_debug())));
    }
    if head.version > VERSION {
        let (found, supported) = (head.version.into(), VERSION.into());
        return Err(StoreError::Newer { path, what: "list of exemptions", found, supported });
    }
    let kept: KeptExemptions = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
    if &kept.exemptions.digest != digest {
        return Err(damaged("it is not the one that the audit began with".to_owned()));
    }
    Ok(kept.exemptions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Asked, AuditRun};
    use crate::checks::fixtures;
    use crate::store::StateDir;

    fn run_with(exemptions: &Exemptions) -> (tempfile::TempDir, Run, Job) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let (as_of, home) = (fixtures::as_of(), "eu-central-1".parse().unwrap());
        let mut job = Job::new(as_of, home, Asked::default(), Vec::new(), "sha256:00".to_owned());
        job.exemptions = (!exemptions.is_none()).then(|| exemptions.digest.clone());
        let mut run = state.create_run("o-abc123", "audit", as_of).unwrap();
        keep(&mut run, exemptions).unwrap();
        (dir, AuditRun::begin(run, &job).unwrap().close(true).unwrap(), job)
    }

    /// The run as one of before digests were kept.
    fn unsealed(run: Run) -> Run {
        let path = run.dir().join("manifest.json");
        let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        manifest.as_object_mut().unwrap().remove("digests").unwrap();
        std::fs::write(&path, manifest.to_string()).unwrap();
        Run::at(run.dir()).unwrap()
    }

    #[test]
    fn a_run_keeps_its_exemptions_and_one_without_any_has_no_file() {
        let some = Exemptions { file: "e.yaml".into(), digest: "sha256:11".into(), ..Exemptions::default() };
        let (_dir, run, job) = run_with(&some);
        assert_eq!(exemptions(&run, &job).unwrap(), some);
        let (_dir, run, job) = run_with(&Exemptions::default());
        assert_eq!(exemptions(&run, &job).unwrap(), Exemptions::default());
        assert!(!run.dir().join(FILE).exists());
    }

    #[test]
    fn exemptions_that_were_edited_in_the_run_are_refused() {
        let some = Exemptions { file: "e.yaml".into(), digest: "sha256:11".into(), ..Exemptions::default() };
        let (_dir, run, job) = run_with(&some);
        let path = run.dir().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        // What the audit was asked is the same; only what is in the file is not.
        std::fs::write(&path, text.replace("e.yaml", "other.yaml")).unwrap();
        let error = exemptions(&run, &job).unwrap_err().to_string();
        assert!(error.contains("changed since the run wrote it") && error.contains(FILE), "{error}");
        std::fs::write(&path, text).unwrap();
        assert_eq!(exemptions(&run, &job).unwrap(), some);
    }

    #[test]
    fn exemptions_that_are_gone_edited_or_newer_are_refused_by_name() {
        let some = Exemptions { file: "e.yaml".into(), digest: "sha256:11".into(), ..Exemptions::default() };
        let (_dir, run, job) = run_with(&some);
        let path = run.dir().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let run = unsealed(run);
        for (from, to, says) in [
            ("sha256:11", "sha256:22", "not the one that the audit began with"),
            ("\"version\": 1", "\"version\": 2", "list of exemptions of version 2"),
            ("\"attestations\"", "\"atestations\"", "atestations"),
            ("orgward.exemptions", "orgward.plan", "its format is `orgward.plan`"),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = exemptions(&run, &job).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(FILE), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(exemptions(&run, &job).is_err());
    }
}
