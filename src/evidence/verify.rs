//! Verifying a bundle, offline, in one pass: the signature, every digest, size and name, their order, and that what findings cite
//! is where the facts say they came from. The first thing that does not match is told.
//!
//! Must not: unpack anything, believe a length before the manifest vouches for it, or judge.

use super::archive::{Opened, damaged};
use super::error::Mismatch;
use super::lines::{self, NoLine, Summed};
use super::manifest::{FactsKept, Manifest, Part};
use super::parts;
use super::seen::{Cited, Seen};
use super::signature::{PublicKey, run_of};
use crate::model::exemption::Exemptions;
use crate::model::framework::Cells;
use crate::model::{AccountId, Finding, digest};
use crate::store::MAX_JSON;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

/// The largest manifest: what was asked may name every account.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// The largest signature.
const LARGEST_SIGNATURE: u64 = 4 << 10;
/// The longest line of findings.
const LONGEST_FINDING: usize = 64 << 20;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the bundle says of itself, all of which holds.
    pub manifest: Manifest,
    /// What became of the signature.
    pub signed: Signed,
    /// Sources cited by findings that are those of facts in the bundle.
    pub cited: usize,
    /// Sources cited by findings on accounts whose facts are not in it.
    pub without_facts: usize,
}

/// What became of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// It holds for the key that was given; the trusted comment.
    Holds(String),
    /// There is one, and no key to hold it against.
    NotChecked,
    /// There is none.
    Not,
}

/// Verifies a bundle; `key`: and its signature.
///
/// # Errors
/// The first thing that does not match.
pub fn verify(from: impl BufRead, key: Option<&PublicKey>) -> Result<Verified, Mismatch> {
    let mut opened = Opened::new(from)?;
    let missing = |wanted: &str| Mismatch::Missing { wanted: wanted.to_owned() };
    let text = opened.entry(|name, size, body| match name {
        parts::MANIFEST => whole(name, size, LARGEST_MANIFEST, body),
        _ => Err(Mismatch::Foreign { why: "it does not begin with a manifest" }),
    })?;
    let text = text.ok_or_else(|| missing(parts::MANIFEST))?;
    let mut first = vec![(parts::MANIFEST, digest(&text))];
    // What comes second says whether it is signed; nothing of the manifest is believed before.
    let mut reading = None;
    let signature = opened.entry(|name, size, body| {
        if name == parts::SIGNATURE {
            return whole(name, size, LARGEST_SIGNATURE, body).map(Some);
        }
        if key.is_some() {
            return Err(Mismatch::NotSigned);
        }
        let mut begun = Reading::of(&text, 2)?;
        begun.part(name, size, body)?;
        reading = Some(begun);
        Ok(None)
    })?;
    let signature = signature.ok_or_else(|| missing(parts::PAGE))?;
    let signed = match (&signature, key) {
        (None, _) => Signed::Not,
        (Some(_), None) => Signed::NotChecked,
        (Some(signature), Some(key)) => {
            let signature = String::from_utf8_lossy(signature);
            Signed::Holds(key.verify(&text, &signature).map_err(|why| Mismatch::Signature { why })?)
        }
    };
    first.extend(signature.map(|signature| (parts::SIGNATURE, digest(&signature))));
    let mut reading = reading.map_or_else(|| Reading::of(&text, first.len() + 1), Ok)?;
    if let Signed::Holds(trusted) = &signed
        && let signed = run_of(trusted).unwrap_or_default()
        && signed != reading.manifest.run.id
    {
        return Err(Mismatch::OtherRun { signed: signed.to_owned(), run: reading.manifest.run.id.clone() });
    }
    while let Some(wanted) = reading.wanted() {
        let read = opened.entry(|name, size, body| reading.part(name, size, body))?;
        read.ok_or_else(|| missing(wanted))?;
    }
    reading.agree()?;
    let sums = parts::sums(&reading.manifest, &first);
    let number = reading.number;
    let read = opened.entry(|name, size, body| {
        if name != parts::SUMS {
            return Err(Mismatch::Added { found: name.to_owned() });
        }
        let found = whole(name, size, sums.len() as u64, body)?;
        match found == sums.as_bytes() {
            true => Ok(()),
            false => Err(Mismatch::content(format!("`{name}` (entry {number})"), "it is not of these files")),
        }
    })?;
    read.ok_or_else(|| missing(parts::SUMS))?;
    let more = opened.entry(|name, _, _| Err::<(), _>(Mismatch::Added { found: name.to_owned() }))?;
    debug_assert!(more.is_none(), "an entry is an error here");
    opened.end()?;
    let Reading { manifest, cited: Cited { found, without_facts }, .. } = reading;
    Ok(Verified { manifest, signed, cited: found, without_facts })
}

/// A small entry, whole.
fn whole(name: &str, size: u64, most: u64, body: &mut dyn Read) -> Result<Vec<u8>, Mismatch> {
    if size > most {
        return Err(Mismatch::TooLarge { name: name.to_owned(), found: size });
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(|error| damaged(&format!("`{name}`"), &error))?;
    Ok(bytes)
}

/// How far reading is, and what has to agree in the end.
struct Reading {
    manifest: Manifest,
    wanted: Vec<&'static str>,
    next: usize,
    /// Of the entry that comes, from 1.
    number: usize,
    seen: Seen,
    checks: BTreeSet<String>,
    /// Ids of the exemptions.
    exemptions: BTreeSet<String>,
    cells: Cells,
    cited: Cited,
}

impl Reading {
    fn of(manifest: &[u8], number: usize) -> Result<Self, Mismatch> {
        let manifest = Manifest::parse(manifest)?;
        let wanted = parts::listed(manifest.facts);
        if !manifest.parts.iter().map(|part| part.name.as_str()).eq(wanted.iter().copied()) {
            return Err(Mismatch::content(parts::MANIFEST, "it lists other parts than a bundle has"));
        }
        if manifest.rules != manifest.asked.rules || manifest.as_of != manifest.asked.as_of {
            return Err(Mismatch::content(parts::MANIFEST, "what it says of the audit is not what was asked"));
        }
        let (seen, cells, cited) = (Seen::default(), Cells::default(), Cited::default());
        Ok(Self {
            manifest,
            wanted,
            next: 0,
            number,
            seen,
            checks: BTreeSet::new(),
            exemptions: BTreeSet::new(),
            cells,
            cited,
        })
    }

    /// The part that comes; `None` after the last.
    fn wanted(&self) -> Option<&'static str> {
        self.wanted.get(self.next).copied()
    }

    /// Reads a part, holding it against the manifest.
    fn part(&mut self, name: &str, size: u64, body: &mut dyn Read) -> Result<(), Mismatch> {
        let (number, found) = (self.number, name.to_owned());
        let part = self.manifest.parts.get(self.next).cloned();
        let Some(part) = part.filter(|part| part.name == name) else {
            return Err(match self.wanted() {
                Some(wanted) if self.wanted.contains(&name) || [parts::SUMS, parts::SIGNATURE].contains(&name) => {
                    Mismatch::Order { number, found, wanted: wanted.to_owned() }
                }
                _ => Mismatch::Added { found },
            });
        };
        (self.next, self.number) = (self.next + 1, number + 1);
        if size != part.bytes {
            return Err(Mismatch::Size { name: found, found: size, wanted: part.bytes });
        }
        let mut body = BufReader::with_capacity(64 * 1024, Summed::new(body));
        let content = self.content(&part, &mut body);
        // What is not read is summed all the same: that something was changed is told before what it says now.
        let read = io::copy(&mut body, &mut io::sink());
        read.map_err(|error| damaged(&format!("`{name}`"), &error))?;
        let (digest, _) = body.into_inner().sum.end();
        if digest != part.digest {
            return Err(Mismatch::Digest { name: found, found: digest, wanted: part.digest });
        }
        content
    }

    /// What a part says, as far as it has to agree with the rest.
    fn content(&mut self, part: &Part, body: &mut dyn BufRead) -> Result<(), Mismatch> {
        match part.name.as_str() {
            parts::ORGANIZATION => self.organization(body),
            parts::CHECKS => self.checks(body),
            parts::EXEMPTIONS => {
                let read: Exemptions = json(parts::EXEMPTIONS, body)?;
                let agrees = read.digest == self.manifest.exemptions;
                self.exemptions = read.exemptions.into_iter().map(|exemption| exemption.id).collect();
                let why = "they are of another file than the manifest says";
                if agrees { Ok(()) } else { Err(Mismatch::content(parts::EXEMPTIONS, why)) }
            }
            parts::FACTS => self.facts(body),
            parts::FINDINGS => self.findings(body),
            _ => Ok(()),
        }
    }

    fn organization(&mut self, body: &mut dyn BufRead) -> Result<(), Mismatch> {
        let told: Value = json(parts::ORGANIZATION, body)?;
        let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let accounts = told.pointer("/scope/accounts").and_then(Value::as_array).map(Vec::len);
        let manifest = &self.manifest;
        let agrees = text("/organization/organization/id") == manifest.organization
            && text("/organization/organization/management_account") == manifest.management_account.as_str()
            && text("/organization/as_of").parse().ok() == Some(manifest.as_of)
            && accounts == Some(manifest.accounts);
        if !agrees {
            let why = "it is another organization, moment or scope than the manifest says";
            return Err(Mismatch::content(parts::ORGANIZATION, why));
        }
        self.seen.organization(&told);
        Ok(())
    }

    fn checks(&mut self, body: &mut dyn BufRead) -> Result<(), Mismatch> {
        #[derive(Deserialize)]
        struct Check {
            id: String,
        }
        let told: Vec<Check> = json(parts::CHECKS, body)?;
        if !told.iter().map(|check| &check.id).eq(&self.manifest.asked.checks) {
            return Err(Mismatch::content(parts::CHECKS, "they are others than the manifest says"));
        }
        self.checks = told.into_iter().map(|check| check.id).collect();
        Ok(())
    }

    fn facts(&mut self, body: &mut dyn BufRead) -> Result<(), Mismatch> {
        let mut last: Option<AccountId> = None;
        each_line(parts::FACTS, body, MAX_JSON as usize, |facts: Value| {
            let account = facts.get("account").and_then(Value::as_str).and_then(|id| id.parse::<AccountId>().ok());
            let account = account.ok_or_else(|| "it names no account".to_owned())?;
            if last.as_ref().is_some_and(|last| *last >= account) {
                return Err(format!("account {account} is not in order, or there twice"));
            }
            last = Some(account.clone());
            self.seen.account(account, &facts);
            Ok(())
        })?;
        let (found, said) = (self.seen.accounts(), self.manifest.facts);
        match said {
            FactsKept::Included { accounts } if accounts == found => Ok(()),
            _ => Err(Mismatch::content(parts::FACTS, format!("they are of {found} accounts, not of those it says"))),
        }
    }

    fn findings(&mut self, body: &mut dyn BufRead) -> Result<(), Mismatch> {
        let mut last: Option<Finding> = None;
        each_line(parts::FINDINGS, body, LONGEST_FINDING, |finding: Finding| {
            if last.as_ref().is_some_and(|last| last.in_order(&finding).is_ge()) {
                return Err("the finding is not in order, or there twice".to_owned());
            }
            if !self.checks.contains(&finding.check) {
                return Err(format!("there is no check `{}` in `{}`", finding.check.escape_debug(), parts::CHECKS));
            }
            if let Some(lost) = finding.exempt.iter().find(|exempt| !self.exemptions.contains(&exempt.exemption)) {
                let id = lost.exemption.escape_debug();
                return Err(format!("it is exempt by `{id}`, which is not in `{}`", parts::EXEMPTIONS));
            }
            self.seen.cites(&finding, &mut self.cited).map_err(|source| {
                format!(
                    "it cites {} in {} at {}, which no fact in the bundle came from",
                    source.operation.escape_debug(),
                    source.region,
                    source.observed_at
                )
            })?;
            self.cells.count(finding.verdict);
            last = Some(finding);
            Ok(())
        })
    }

    /// Whether what was counted is what the manifest says.
    fn agree(&self) -> Result<(), Mismatch> {
        if self.cells == self.manifest.findings {
            return Ok(());
        }
        let (found, said) = (self.cells.total(), self.manifest.findings.total());
        let why = format!("there are {found} findings, and the manifest counts {said}, or others by verdict");
        Err(Mismatch::content(parts::FINDINGS, why))
    }
}

/// A part of one value.
fn json<T: serde::de::DeserializeOwned>(name: &str, body: &mut dyn BufRead) -> Result<T, Mismatch> {
    let read = serde_json::from_reader(body.take(u64::from(MAX_JSON)));
    read.map_err(|error| Mismatch::content(name, format!("it is not what it should be: {error}")))
}

/// Hands over the value of each line; what `take` says of one is told with its number.
fn each_line<T: serde::de::DeserializeOwned>(
    name: &str,
    mut body: &mut dyn BufRead,
    longest: usize,
    mut take: impl FnMut(T) -> Result<(), String>,
) -> Result<(), Mismatch> {
    let (mut line, mut number) = (Vec::new(), 0usize);
    loop {
        number += 1;
        let wrong = |why: String| Mismatch::content(format!("`{name}` line {number}"), why);
        match lines::next(&mut body, &mut line, longest) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(NoLine::Io(error)) => return Err(damaged(&format!("`{name}` line {number}"), &error)),
            Err(NoLine::TooLong) => return Err(wrong(format!("it is longer than {longest} bytes"))),
            Err(NoLine::Open) => return Err(wrong("it has no end".to_owned())),
        }
        let value = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        take(value).map_err(wrong)?;
    }
}
