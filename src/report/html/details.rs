//! What a finding's drawer shows, packed: parts of a few accounts each, which the script unpacks when one is opened.
//!
//! Owns: the form of a part and what is cut off it. Must not: keep a finding; a part that is full is kept compressed.

use super::squares::Square;
use super::words::Words;
use crate::model::finding::Evidence;
use crate::model::{Finding, Verdict};
use crate::report::ReportError;
use crate::report::text::cut;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use std::io::Write;

/// Accounts in one part.
const ACCOUNTS: usize = 32;
/// Characters of one text.
const TEXT: usize = 600;

/// What is left out where there is much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Limits {
    /// Resources listed of each cell.
    pub(super) resources: usize,
    /// Whether the facts behind passing cells are listed too.
    pub(super) passes: bool,
}

impl Limits {
    /// For so many accounts.
    pub(super) fn of(accounts: usize) -> Self {
        match accounts {
            0..=2_500 => Self { resources: 100, passes: true },
            _ => Self { resources: 20, passes: false },
        }
    }
}

/// Texts by number.
#[derive(Default)]
pub(super) struct Numbered {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Numbered {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    /// In the order of their numbers.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// An answer of AWS: operation, Region, seconds after the moment of the run, the same for when it was made, the first half of
/// its digest and its request id; the last two of cells that do not pass.
#[derive(Serialize)]
struct Fact(usize, usize, i64, Option<i64>, String, String);

/// A cell: check, Region or -1, verdict, message, facts; then, where there is one, what fails, how many fail, what is exempt
/// (exemption, resource or -1, message), and kind and operation of the cause.
#[derive(Serialize)]
#[serde(untagged)]
enum Cell {
    Plain(usize, i64, u8, usize, Vec<usize>),
    Full(
        usize,
        i64,
        u8,
        usize,
        Vec<usize>,
        Vec<(usize, usize)>,
        usize,
        Vec<(usize, i64, usize)>,
        Option<(usize, usize)>,
    ),
}

#[derive(Serialize, Default)]
struct Account {
    /// Its row.
    r: usize,
    /// Facts.
    f: Vec<Fact>,
    /// Cells.
    c: Vec<Cell>,
}

/// The part that is being filled.
#[derive(Default)]
struct Part {
    texts: Numbered,
    accounts: Vec<Account>,
    /// Facts of the last account, by operation, Region and time.
    facts: HashMap<(usize, usize, Timestamp), usize>,
}

#[derive(Serialize)]
struct Written<'a> {
    s: &'a [String],
    a: &'a [Account],
}

/// All parts.
pub(super) struct Details<'a> {
    words: &'a Words<'a>,
    as_of: Timestamp,
    limits: Limits,
    /// Operations, as parts number them.
    pub(super) operations: Numbered,
    /// Regions, as parts number them.
    pub(super) regions: Numbered,
    part: Part,
    full: Vec<Vec<u8>>,
    /// The part of each row, from 1; 0: nothing is told of it.
    places: Vec<usize>,
}

impl<'a> Details<'a> {
    /// None yet.
    pub(super) fn new(words: &'a Words<'a>, as_of: Timestamp, limits: Limits) -> Self {
        Self {
            words,
            as_of,
            limits,
            operations: Numbered::default(),
            regions: Numbered::default(),
            part: Part::default(),
            full: Vec::new(),
            places: Vec::new(),
        }
    }

    /// One more finding, of a row and a check; those of a row come one after the other.
    ///
    /// # Errors
    /// If a part can't be packed.
    pub(super) fn add(&mut self, row: usize, check: usize, finding: &Finding) -> Result<(), ReportError> {
        let tells = !matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable);
        if !tells && !self.limits.passes {
            return Ok(());
        }
        if self.part.accounts.last().is_none_or(|last| last.r != row) {
            // The organization's own are many, and opened at once or not at all.
            if self.part.accounts.len() == ACCOUNTS || self.part.accounts.first().is_some_and(|first| first.r == 0) {
                self.close()?;
            }
            self.part.accounts.push(Account { r: row, ..Account::default() });
            self.part.facts.clear();
            if self.places.len() <= row {
                self.places.resize(row + 1, 0);
            }
            if let Some(place) = self.places.get_mut(row) {
                *place = self.full.len() + 1;
            }
        }
        let cell = self.cell(check, finding, tells);
        if let Some(account) = self.part.accounts.last_mut() {
            account.c.push(cell);
        }
        Ok(())
    }

    fn cell(&mut self, check: usize, finding: &Finding, tells: bool) -> Cell {
        let region = finding.target.region().map_or(-1, |region| number(self.regions.number(region.as_str())));
        let verdict = Square::from(finding.verdict).number();
        let facts = finding.evidence.iter().map(|evidence| self.fact(evidence, tells)).collect();
        let message = self.text(&finding.message);
        if finding.resources.is_empty() && finding.exempt.is_empty() && finding.cause.is_none() {
            return Cell::Plain(check, region, verdict, message, facts);
        }
        let listed = finding.resources.iter().take(self.limits.resources);
        let resources = listed.map(|one| (self.text(&one.resource), self.text(&one.message))).collect();
        let exempt = finding.exempt.iter().take(self.limits.resources).map(|one| {
            let resource = one.resource.as_ref().map_or(-1, |resource| number(self.text(resource)));
            (self.text(&one.exemption), resource, self.text(&one.message))
        });
        let exempt = exempt.collect();
        let cause = finding.cause.as_ref().map(|cause| (self.text(cause.kind.as_str()), self.text(&cause.operation)));
        Cell::Full(check, region, verdict, message, facts, resources, finding.resources.len(), exempt, cause)
    }

    fn text(&mut self, text: &str) -> usize {
        self.part.texts.number(&self.words.text(&cut(text, TEXT)))
    }

    /// The number of a fact among those of its account.
    fn fact(&mut self, evidence: &Evidence, tells: bool) -> usize {
        let source = &evidence.source;
        let key = (
            self.operations.number(&source.operation),
            self.regions.number(source.region.as_str()),
            source.observed_at,
        );
        let Some(account) = self.part.accounts.last_mut() else { return 0 };
        let place = *self.part.facts.entry(key).or_insert_with(|| {
            let after = |at: Timestamp| at.as_second() - self.as_of.as_second();
            let made = source.made_at.map(after);
            account.f.push(Fact(key.0, key.1, after(source.observed_at), made, String::new(), String::new()));
            account.f.len() - 1
        });
        if let Some(fact) = account.f.get_mut(place).filter(|fact| tells && fact.4.is_empty()) {
            let digest = source.digest.as_deref().unwrap_or_default();
            fact.4 = digest.strip_prefix("sha256:").unwrap_or(digest).chars().take(16).collect();
            fact.5 = source.request_id.clone().unwrap_or_default();
        }
        place
    }

    /// Packs the part that is being filled.
    fn close(&mut self) -> Result<(), ReportError> {
        if self.part.accounts.is_empty() {
            return Ok(());
        }
        let part = std::mem::take(&mut self.part);
        let written = Written { s: part.texts.texts(), a: &part.accounts };
        self.full.push(packed(&written)?);
        Ok(())
    }

    /// The packed parts, and the part of each row.
    ///
    /// # Errors
    /// If the last part can't be packed.
    pub(super) fn parts(&mut self) -> Result<(&[Vec<u8>], &[usize]), ReportError> {
        self.close()?;
        Ok((&self.full, &self.places))
    }
}

/// Counts on the page stay far below 2^63.
fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A value as JSON, compressed as browsers unpack it (`deflate-raw`).
///
/// # Errors
/// If it has no form as JSON.
pub(super) fn packed(value: &impl Serialize) -> Result<Vec<u8>, ReportError> {
    let text = serde_json::to_vec(value).map_err(ReportError::Json)?;
    packed_bytes(&text)
}

/// Bytes, compressed the same way.
///
/// # Errors
/// If they can't be compressed.
pub(super) fn packed_bytes(bytes: &[u8]) -> Result<Vec<u8>, ReportError> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::new(7));
    deflate.write_all(bytes)?;
    Ok(deflate.finish()?)
}
