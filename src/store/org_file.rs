//! Organization files: everything `orgward org --out` enumerated, once, for every machine that audits a shard of it.
//!
//! Owns: the format, its digest, and what a file has to hold for a run. Must not: resolve a scope or ask AWS.
//!
//! Two lines of JSON, so that `jq` and a person can read it: a header, and the facts (450 bytes for each account, 650 with
//! its tags: 5 to 7 MB for 10,000). The digest in the header covers the rest of the header and the facts: it finds edits and damage, and names
//! the enumeration in the runs that used it; it is no signature. The facts are whole: names and addresses of root users,
//! policies, and endpoints of subscriptions, which may carry a key. So the file is its owner's alone.

use super::error::StoreError;
use super::files::write_output;
use crate::model::check::Fact;
use crate::model::scope::RegionRequest;
use crate::model::{OrgFacts, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The version of organization files this build writes and reads.
pub const ORG_FILE_VERSION: u32 = 1;

/// What an organization file calls itself.
const FORMAT: &str = "orgward.org-facts";

/// What was asked when an organization was enumerated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enumerated {
    /// The Regions that analyzers of the organization were looked for in.
    pub regions: RegionRequest,
    /// Whether the tags of every account were asked for.
    pub tags: bool,
    /// The facts of the organization that were asked for.
    pub facts: BTreeSet<Fact>,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgHeader {
    format: String,
    version: u32,
    /// The version of the orgward that enumerated.
    pub orgward: String,
    /// When enumeration ended.
    pub made_at: Timestamp,
    /// The organization.
    pub organization: String,
    /// How many accounts it has, closed ones included.
    pub accounts: usize,
    /// What was asked for.
    pub asked: Enumerated,
    /// The length of the second line with its end.
    facts_bytes: usize,
    /// `sha256:<hex>` over this line without it and the digest of the second.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
}

/// An organization file as read.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgFile {
    /// Where it was.
    path: PathBuf,
    /// What it says of itself.
    pub header: OrgHeader,
    /// The organization.
    pub org: OrgFacts,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenOrg {
    /// The digest that names this enumeration.
    pub digest: String,
    /// The length of the file.
    pub bytes: usize,
}

/// Why an organization file is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum OrgFileError {
    /// It can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is something else.
    #[error("`{}` is not an organization file: {why}; make one with `orgward org --out FILE`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Where and how.
        why: String,
    },
    /// A part of it is missing.
    #[error(
        "`{}` is cut short: {found} of {whole} bytes of facts are there; copy it again, or make it again with `orgward org --out FILE`",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How many bytes there are.
        found: usize,
        /// How many there should be.
        whole: usize,
    },
    /// A later orgward wrote it.
    #[error("`{}` is an organization file of version {found}, and this orgward reads version {ORG_FILE_VERSION}: use the orgward that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It was changed after it was written.
    #[error("`{}` was edited or damaged after it was written (its digest does not match): copy it again, or make it again with `orgward org --out FILE`", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },
    /// It lacks what a run asks for.
    #[error("`{}` does not serve this run: {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What it lacks, and the fix.
        why: String,
    },
}

/// Writes an organization file in one step, mode 0600. `orgward` is the version that enumerated.
///
/// # Errors
/// If it can't be written.
pub fn write_org(path: &Path, orgward: &str, asked: &Enumerated, org: &OrgFacts) -> Result<WrittenOrg, OrgFileError> {
    let (bytes, digest) = org_bytes(orgward, asked, org).map_err(|error| foreign(path, &error))?;
    write_output(path, &bytes)?;
    Ok(WrittenOrg { digest, bytes: bytes.len() })
}

/// The bytes of an organization file and its digest.
///
/// # Errors
/// If the facts can't be serialised, which none that orgward makes are known not to be.
pub fn org_bytes(orgward: &str, asked: &Enumerated, org: &OrgFacts) -> Result<(Vec<u8>, String), serde_json::Error> {
    let mut facts = serde_json::to_vec(org)?;
    facts.push(b'\n');
    let mut header = OrgHeader {
        format: FORMAT.to_owned(),
        version: ORG_FILE_VERSION,
        orgward: orgward.to_owned(),
        made_at: org.as_of,
        organization: org.organization.id.clone(),
        accounts: org.accounts.len(),
        asked: asked.clone(),
        facts_bytes: facts.len(),
        digest: String::new(),
    };
    header.digest = digest_of(&header, &facts)?;
    let mut bytes = serde_json::to_vec(&header)?;
    bytes.push(b'\n');
    bytes.append(&mut facts);
    Ok((bytes, header.digest))
}

/// Reads an organization file.
///
/// # Errors
/// If it can't be read, is another file, is cut short, was edited, or a later orgward wrote it.
pub fn read_org(path: &Path) -> Result<OrgFile, OrgFileError> {
    let bytes = fs::read(path).map_err(|source| StoreError::io("read", path, source))?;
    parse_org(path, &bytes)
}

/// Reads the bytes of an organization file; `path` is for the errors.
///
/// # Errors
/// As [`read_org`], but for reading it.
pub fn parse_org(path: &Path, bytes: &[u8]) -> Result<OrgFile, OrgFileError> {
    let (line, facts) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => bytes.split_at(end + 1),
        None => (bytes, &[][..]),
    };
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|error| foreign(path, &error))?;
    let format = value.get("format").and_then(serde_json::Value::as_str);
    if format != Some(FORMAT) {
        return Err(foreign(path, &format_args!("its first line does not say `\"format\":\"{FORMAT}\"`")));
    }
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    let Some(found) = version else { return Err(foreign(path, &"it has no version")) };
    if found > u64::from(ORG_FILE_VERSION) {
        return Err(OrgFileError::Newer { path: path.to_owned(), found });
    }
    let header: OrgHeader = serde_json::from_value(value).map_err(|error| foreign(path, &error))?;
    if facts.len() < header.facts_bytes {
        let (found, whole) = (facts.len(), header.facts_bytes);
        return Err(OrgFileError::Truncated { path: path.to_owned(), found, whole });
    }
    if digest_of(&header, facts).ok().as_deref() != Some(&header.digest) {
        return Err(OrgFileError::Edited { path: path.to_owned() });
    }
    let org: OrgFacts = serde_json::from_slice(facts).map_err(|error| foreign(path, &error))?;
    Ok(OrgFile { path: path.to_owned(), header, org })
}

impl OrgFile {
    /// Whether it holds what a run needs: its analyzers were looked for in the same Regions, tags are in it if they are asked
    /// for, and so is each fact of the organization among `facts`.
    ///
    /// # Errors
    /// Naming what it lacks, and the fix.
    pub fn serves(
        &self,
        regions: &RegionRequest,
        tags: bool,
        facts: impl IntoIterator<Item = Fact>,
    ) -> Result<(), OrgFileError> {
        let unfit = |why: String| Err(OrgFileError::Unfit { path: self.path.clone(), why });
        let asked = &self.header.asked;
        let (made, wanted) = (in_words(&asked.regions), in_words(regions));
        if made != wanted {
            return unfit(format!(
                "it was made for Regions {made} and the run asks for {wanted}: give `--regions` the same value in both"
            ));
        }
        if tags && !asked.tags {
            return unfit(
                "it has no tags of accounts: make it again with `orgward org --out FILE --account-tags`".to_owned(),
            );
        }
        let missing = facts.into_iter().find(|fact| fact.of_organization() && !asked.facts.contains(fact));
        match missing {
            Some(fact) => unfit(format!(
                "a check reads {fact:?}, which orgward {} did not enumerate: make it again with `orgward org --out FILE`",
                self.header.orgward
            )),
            None => Ok(()),
        }
    }
}

/// Regions in id order, each once, or `all`.
fn in_words(regions: &RegionRequest) -> String {
    match regions {
        RegionRequest::AllEnabled => "`all`".to_owned(),
        RegionRequest::Only(list) => {
            let list: BTreeSet<&str> = list.iter().map(|region| region.as_str()).collect();
            format!("`{}`", Vec::from_iter(list).join(","))
        }
    }
}

/// Over the header without its digest and the digest of the facts.
fn digest_of(header: &OrgHeader, facts: &[u8]) -> Result<String, serde_json::Error> {
    let mut covered = serde_json::to_vec(&OrgHeader { digest: String::new(), ..header.clone() })?;
    covered.extend(digest(facts).bytes());
    Ok(digest(&covered))
}

fn foreign(path: &Path, why: &dyn std::fmt::Display) -> OrgFileError {
    OrgFileError::Foreign { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixtures;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    fn asked() -> Enumerated {
        Enumerated {
            regions: RegionRequest::AllEnabled,
            tags: false,
            facts: Fact::ALL.into_iter().filter(|fact| fact.of_organization()).collect(),
        }
    }

    fn file() -> (tempfile::TempDir, PathBuf, WrittenOrg) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("org.jsonl");
        let written = write_org(&path, "0.1.0", &asked(), &fixtures::org()).unwrap();
        (dir, path, written)
    }

    #[test]
    fn an_organization_comes_back_as_it_was_and_is_the_owner_s() {
        let (_dir, path, written) = file();
        let read = read_org(&path).unwrap();
        assert_eq!(read.org, fixtures::org());
        assert_eq!(read.header.asked, asked());
        assert_eq!(read.header.digest, written.digest);
        assert_eq!(read.header.made_at, read.org.as_of);
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.permissions().mode() & 0o777, meta.len()), (0o600, written.bytes as u64));
        let again = write_org(&path, "0.1.0", &asked(), &read.org).unwrap();
        assert_eq!(again, written, "the same facts have the same digest");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 2, "{text}");
    }

    #[test]
    fn an_edit_is_found_wherever_it_is() {
        let (_dir, path, _) = file();
        let text = fs::read_to_string(&path).unwrap();
        let as_of = format!("\"as_of\":\"{}\"", fixtures::org().as_of);
        for (from, to) in [
            ("\"tags\":false", "\"tags\":true"),
            ("\"orgward\":\"0.1.0\"", "\"orgward\":\"0.1.1\""),
            ("\"all_enabled\"", "{\"only\":[\"us-east-1\"]}"),
            (as_of.as_str(), "\"as_of\":\"2020-01-01T00:00:00Z\""),
            ("sha256:", "sha256:0"),
            ("}\n{", "}\n {"),
        ] {
            let edited = text.replacen(from, to, 1);
            assert_ne!(edited, text, "{from}");
            let error = parse_org(&path, edited.as_bytes()).unwrap_err();
            assert!(matches!(error, OrgFileError::Edited { .. }), "{from}: {error}");
            assert!(error.to_string().contains("org.jsonl` was edited"), "{error}");
        }
        for more in ["\n", "{}\n"] {
            let error = parse_org(&path, format!("{text}{more}").as_bytes()).unwrap_err();
            assert!(matches!(error, OrgFileError::Edited { .. }), "{error}");
        }
    }

    #[test]
    fn a_copy_that_was_cut_off_is_told_as_that() {
        let (_dir, path, written) = file();
        let bytes = fs::read(&path).unwrap();
        let header = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for kept in [header, header + 1, bytes.len() / 2, bytes.len() - 1] {
            let error = parse_org(&path, &bytes[..kept]).unwrap_err().to_string();
            let told = format!("is cut short: {} of {} bytes", kept - header, written.bytes - header);
            assert!(error.contains(&told), "{kept}: {error}");
        }
        let in_header = parse_org(&path, &bytes[..header / 2]).unwrap_err();
        assert!(matches!(in_header, OrgFileError::Foreign { .. }), "{in_header}");
    }

    #[test]
    fn a_later_version_is_refused_by_name_before_its_digest() {
        let (_dir, path, _) = file();
        let text = fs::read_to_string(&path).unwrap().replacen("\"version\":1", "\"version\":2,\"new\":{}", 1);
        let error = parse_org(&path, text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("an organization file of version 2, and this orgward reads version 1"), "{error}");
    }

    #[test]
    fn what_is_no_organization_file_is_said_to_be_none() {
        let as_json = "{\n  \"format\": \"orgward.org\", \"version\": 1\n}\n";
        for other in ["", "\n", "{}", "[]\n", "not json", "{\"format\":\"orgward.org-facts\"}\n", as_json] {
            let error = parse_org(Path::new("p"), other.as_bytes()).unwrap_err();
            assert!(matches!(error, OrgFileError::Foreign { .. }), "{other}: {error}");
            assert!(error.to_string().contains("orgward org --out FILE"), "{error}");
        }
        assert!(read_org(Path::new("/no/such/file")).unwrap_err().to_string().contains("check the path"));
    }

    #[test]
    fn a_file_that_lacks_what_a_run_asks_for_says_so() {
        let (_dir, path, _) = file();
        let file = read_org(&path).unwrap();
        let all = RegionRequest::AllEnabled;
        let only = |names: &[&str]| RegionRequest::Only(names.iter().map(|name| name.parse().unwrap()).collect());
        file.serves(&all, false, Fact::ALL).unwrap();
        let says = |seen: Result<(), OrgFileError>| seen.unwrap_err().to_string();
        let regions = says(file.serves(&only(&["us-east-1"]), false, []));
        assert!(regions.contains("for Regions `all` and the run asks for `us-east-1`"), "{regions}");
        let tags = says(file.serves(&all, true, []));
        assert!(tags.contains("--account-tags"), "{tags}");

        let mut older = asked();
        older.facts.remove(&Fact::OrganizationBilling);
        older.regions = only(&["us-east-1", "eu-central-1"]);
        let (bytes, _) = org_bytes("0.0.9", &older, &fixtures::org()).unwrap();
        let file = parse_org(&path, &bytes).unwrap();
        let same = only(&["eu-central-1", "us-east-1"]);
        file.serves(&same, false, [Fact::Organization, Fact::PasswordPolicy]).unwrap();
        let fact = says(file.serves(&same, false, [Fact::OrganizationBilling]));
        assert!(fact.contains("orgward 0.0.9 did not enumerate"), "{fact}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse_org(Path::new("p"), &bytes).is_err());
        }
    }
}
