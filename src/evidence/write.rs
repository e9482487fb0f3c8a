//! Writing a bundle of a kept audit: once to learn the digest of each part, once to write it. No part is whole in memory.
//!
//! Must not: bundle what is not over, or what is damaged.

use super::archive::Archive;
use super::error::NoBundle;
use super::lines::Sum;
use super::manifest::{EVIDENCE_VERSION, FORMAT, FactsKept, Manifest, Part, Ran};
use super::page::page;
use super::parts;
use super::signature::SigningKey;
use crate::audit;
use crate::model::address::shown_endpoint;
use crate::model::framework::Cells;
use crate::model::scope::Scope;
use crate::model::{AccountFacts, AccountId, OrgFacts, digest};
use crate::report::{Audit, ReportError};
use crate::store::{FrameKey, FrameReader, Kept, Run, RunStatus, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

/// A bundle that is about to be written.
pub struct Bundle<'a> {
    audit: &'a Audit<'a>,
    facts: Option<FrameReader>,
    page: String,
    manifest: Manifest,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The length of the file.
    pub bytes: u64,
    /// `sha256:<hex>` of the file.
    pub digest: String,
}

#[derive(Serialize)]
struct Organization<'a> {
    organization: &'a OrgFacts,
    scope: &'a Scope,
}

#[derive(Serialize)]
struct Framework<'a> {
    framework: &'a str,
    title: &'a str,
    controls: Vec<Control<'a>>,
}

#[derive(Serialize)]
struct Control<'a> {
    control: &'a str,
    title: &'a str,
    verdict: &'static str,
    checks: Vec<Answering<'a>>,
}

#[derive(Serialize)]
struct Answering<'a> {
    check: &'a str,
    #[serde(flatten)]
    cells: &'a Cells,
}

impl<'a> Bundle<'a> {
    /// The bundle of an audit that `run` keeps; `with_facts`: and of the facts of its accounts, if they are kept.
    ///
    /// # Errors
    /// If the audit is not over, or something of it can't be read to its end: with how far it is good.
    pub fn of(run: &Run, audit: &'a Audit<'a>, with_facts: bool) -> Result<Self, NoBundle> {
        let accounts = &audit.scope.accounts;
        is_over(run, accounts)?;
        let facts = match with_facts {
            true => run.read_frames(Kept::Facts)?,
            false => None,
        };
        if let Some((reader, cut)) = facts.as_ref().and_then(|reader| reader.cut().map(|cut| (reader, cut))) {
            let (path, why) = (reader.path().to_owned(), format!("{cut}; leave the facts out with --without-facts"));
            return Err(StoreError::Damaged { path, why }.into());
        }
        let kept = match (&facts, with_facts) {
            (Some(reader), _) => FactsKept::Included { accounts: in_scope(reader, accounts).count() },
            (None, true) => FactsKept::NotKept,
            (None, false) => FactsKept::LeftOut,
        };
        let asked = audit::job(run)?;
        let Audit { org, tally, context, .. } = audit;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            version: EVIDENCE_VERSION,
            orgward: env!("CARGO_PKG_VERSION").to_owned(),
            run: Ran { id: run.id().to_string(), started: run.manifest().started, ended: run.manifest().ended },
            organization: org.organization.id.clone(),
            management_account: org.organization.management_account.clone(),
            as_of: org.as_of,
            accounts: accounts.len(),
            facts: kept,
            rules: asked.rules.clone(),
            exemptions: context.exemptions.digest.clone(),
            findings: tally.all().clone(),
            asked,
            parts: Vec::new(),
        };
        let mut bundle = Self { audit, facts, page: page(&manifest, tally), manifest };
        for name in parts::listed(kept) {
            let mut sum = Sum::default();
            bundle.part(name, &mut sum)?;
            let (digest, bytes) = sum.end();
            bundle.manifest.parts.push(Part { name: name.to_owned(), bytes, digest });
        }
        Ok(bundle)
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Writes it, signed with a key if there is one.
    ///
    /// # Errors
    /// If it can't be written or signed, or the run changed meanwhile.
    pub fn write(&self, sign: Option<(&SigningKey, Timestamp)>, out: &mut dyn Write) -> Result<Written, NoBundle> {
        let text = self.manifest.text()?;
        let signature = sign.map(|(key, now)| key.sign(&text, &self.manifest.run.id, now)).transpose()?;
        let mut first = vec![(parts::MANIFEST, digest(&text))];
        first.extend(signature.as_ref().map(|signature| (parts::SIGNATURE, digest(signature.as_bytes()))));
        let mut file = Both { to: out, sum: Sum::default() };
        let mut archive = Archive::new(&mut file);
        whole(&mut archive, parts::MANIFEST, &text)?;
        if let Some(signature) = &signature {
            whole(&mut archive, parts::SIGNATURE, signature.as_bytes())?;
        }
        for name in parts::listed(self.manifest.facts) {
            let Some(part) = self.manifest.parts.iter().find(|part| part.name == name) else { continue };
            archive.entry(name, part.bytes, |out| {
                let mut both = Both { to: out, sum: Sum::default() };
                self.part(name, &mut both)?;
                match both.sum.end() {
                    (digest, _) if digest == part.digest => Ok(()),
                    _ => Err(NoBundle::Changed { name }),
                }
            })?;
        }
        whole(&mut archive, parts::SUMS, parts::sums(&self.manifest, &first).as_bytes())?;
        archive.end()?;
        let (digest, bytes) = file.sum.end();
        Ok(Written { bytes, digest })
    }

    /// Writes the bytes of a part.
    fn part(&self, name: &'static str, out: &mut dyn Write) -> Result<(), NoBundle> {
        let Audit { org, scope, checks, context, .. } = self.audit;
        // A later orgward knows more checks than ran.
        let ran = |id: &str| checks.iter().find(|meta| meta.id == id);
        match name {
            parts::PAGE => out.write_all(self.page.as_bytes())?,
            parts::ORGANIZATION => pretty(&shown(&Organization { organization: org, scope })?, out)?,
            parts::CHECKS => {
                pretty(&self.manifest.asked.checks.iter().filter_map(|id| ran(id)).collect::<Vec<_>>(), out)?;
            }
            parts::EXEMPTIONS => pretty(&context.exemptions, out)?,
            parts::FRAMEWORKS => pretty(&self.frameworks(), out)?,
            parts::FACTS => self.facts(out)?,
            parts::FINDINGS => self.audit.findings.each(&mut |finding| {
                serde_json::to_writer(&mut *out, finding).map_err(ReportError::Json)?;
                Ok(out.write_all(b"\n")?)
            })?,
            _ => {}
        }
        Ok(())
    }

    fn facts(&self, out: &mut dyn Write) -> Result<(), NoBundle> {
        let Some(reader) = &self.facts else { return Ok(()) };
        for account in in_scope(reader, &self.audit.scope.accounts) {
            let facts: Option<AccountFacts> = reader.read(&account.into())?;
            let Some(facts) = facts else { continue };
            serde_json::to_writer(&mut *out, &shown(&facts)?)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn frameworks(&self) -> Vec<Framework<'_>> {
        let judged = self.audit.frameworks.iter();
        judged
            .map(|judged| Framework {
                framework: &judged.framework.name,
                title: &judged.framework.title,
                controls: judged
                    .controls
                    .iter()
                    .map(|control| Control {
                        control: &control.control.id,
                        title: &control.control.title,
                        verdict: control.verdict.as_str(),
                        checks: control.checks.iter().map(|(check, cells)| Answering { check, cells }).collect(),
                    })
                    .collect(),
            })
            .collect()
    }
}

/// Refuses an audit that was cut short, or lacks the findings of an account.
fn is_over(run: &Run, accounts: &[AccountId]) -> Result<(), NoBundle> {
    let findings = run.read_frames(Kept::Findings)?;
    let judged = match &findings {
        Some(findings) => accounts.iter().filter(|id| findings.contains(&FrameKey::from(*id))).count(),
        None => 0,
    };
    let status = run.manifest().status;
    if status == RunStatus::Done && judged == accounts.len() {
        return Ok(());
    }
    let stands = match status {
        RunStatus::Done => "lacks findings".to_owned(),
        RunStatus::Running => "is at work, or ended without a word".to_owned(),
        other => format!("ended as `{}`", other.as_str().replace('_', " ")),
    };
    Err(NoBundle::NotOver { run: run.id().to_string(), stands, judged, accounts: accounts.len() })
}

/// Accounts of the scope whose facts are there, in order.
fn in_scope<'r>(reader: &'r FrameReader, accounts: &'r [AccountId]) -> impl Iterator<Item = &'r AccountId> {
    accounts.iter().filter(|account| reader.contains(&FrameKey::from(*account)))
}

/// Facts as someone outside may see them: of a subscription's endpoint only scheme and host, because webhooks carry their key in
/// the rest.
fn shown(facts: &impl Serialize) -> Result<Value, serde_json::Error> {
    fn cut(value: &mut Value) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
                Value::String(text) if name == "endpoint" => *text = shown_endpoint(text),
                value => cut(value),
            }),
            Value::Array(items) => items.iter_mut().for_each(cut),
            _ => {}
        }
    }
    let mut facts = serde_json::to_value(facts)?;
    cut(&mut facts);
    Ok(facts)
}

fn pretty(value: &(impl Serialize + ?Sized), out: &mut dyn Write) -> Result<(), NoBundle> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    Ok(out.write_all(b"\n")?)
}

fn whole<W: Write>(archive: &mut Archive<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    archive.entry(name, bytes.len() as u64, |out| out.write_all(bytes))
}

/// Writes, and sums what it writes.
struct Both<'w> {
    to: &'w mut dyn Write,
    sum: Sum,
}

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.write_all(bytes.get(..written).unwrap_or_default())?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
