//! A row: what the formats for machines say of a failing resource, or of a cell without any.
//!
//! Owns: how a finding becomes rows, and what stays the same of a row from run to run. Must not: know any format.

use super::{Audit, ReportError};
use crate::model::check::CheckMeta;
use crate::model::exemption::Exemption;
use crate::model::finding::{Finding, Target, has_whole_row};
use crate::model::history::{Became, Changed};
use crate::model::org::AccountState;
use crate::model::{AccountId, Verdict};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// One failing resource, one that would fail and someone answers for, or one cell without any.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The finding it is of.
    pub finding: &'a Finding,
    /// The resource; `None` for the whole cell. Hostile: escape at every sink.
    pub resource: Option<&'a str>,
    /// The row's own verdict: a finding that fails can have exempt rows.
    pub verdict: Verdict,
    /// Why, one sentence, lower case, no full stop. Hostile too.
    pub message: &'a str,
    /// The id of the exemption, on exempt rows.
    exemption: Option<&'a str>,
    /// Why this audit has no such row, where the audit before had: it is told once more, so that whoever keeps rows closes it.
    pub gone: Option<Gone>,
}

/// Why what failed in the audit before has no row any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It was looked for and does not fail.
    Mended,
    /// Its account has left the organization, or is closed: nobody can look.
    AccountLeft,
}

/// Who answers for an exempt row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Answered<'a> {
    /// The exemption's id.
    pub id: &'a str,
    /// Who answers for it; absent where the run does not keep the exemption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<&'a str>,
    /// Where it was agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<&'a str>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// The last day on which it holds, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires: Option<Date>,
    /// Its line in the file of exemptions.
    #[serde(skip)]
    pub line: Option<u64>,
}

/// The rows of a finding: its failing resources, then what someone answers for; the whole cell where there is neither.
pub fn rows(finding: &Finding) -> impl Iterator<Item = Row<'_>> {
    let whole = has_whole_row(finding.verdict, &finding.resources, &finding.exempt);
    let whole = whole.then_some(Row {
        finding,
        resource: None,
        verdict: finding.verdict,
        message: &finding.message,
        exemption: None,
        gone: None,
    });
    let failing = finding.resources.iter().map(move |failing| Row {
        finding,
        resource: Some(&failing.resource),
        verdict: finding.verdict,
        message: &failing.message,
        exemption: None,
        gone: None,
    });
    let exempt = finding.exempt.iter().map(move |exempted| Row {
        finding,
        resource: exempted.resource.as_deref(),
        verdict: Verdict::Exempt,
        message: &exempted.message,
        exemption: Some(&exempted.exemption),
        gone: None,
    });
    whole.into_iter().chain(failing).chain(exempt)
}

/// Hands over every row of the audit, and then those of the audit before that it has none of: for formats that go where rows are
/// kept by their fingerprint, and would else stand open for ever.
pub(super) fn with_gone(
    audit: &Audit<'_>,
    visit: &mut dyn FnMut(&Row<'_>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    audit.findings.each(&mut |finding| rows(finding).try_for_each(|row| visit(&row)))?;
    let Some(before) = audit.before else { return Ok(()) };
    let close = &mut |changed: &Changed<'_>| {
        let Some(gone) = gone(changed, audit) else { return Ok(()) };
        let (verdict, why) = match gone {
            Gone::Mended => (Verdict::Pass, "does not fail any more"),
            Gone::AccountLeft => (Verdict::NotApplicable, "the account has left the organization or is closed"),
        };
        let finding = Finding {
            check: changed.check.to_owned(),
            target: changed.target.clone(),
            verdict,
            severity: changed.severity,
            message: format!("{why}; before: {}", changed.message),
            resources: Vec::new(),
            exempt: Vec::new(),
            doubt: None,
            evidence: Vec::new(),
            cause: None,
        };
        let (resource, message) = (changed.resource, &finding.message);
        visit(&Row { finding: &finding, resource, verdict, message, exemption: None, gone: Some(gone) })
    };
    before.each(close).map(drop)
}

/// Why a row of the audit before has none in this one, if so. An account that is only out of this audit's scope, or suspended, is
/// not gone.
fn gone(changed: &Changed<'_>, audit: &Audit<'_>) -> Option<Gone> {
    let there = |account| audit.org.accounts.get(account).is_some_and(|one| one.state != AccountState::Closed);
    match (changed.gone, changed.became) {
        (true, _) => Some(Gone::Mended),
        (false, Became::AccountLeft) => changed.target.account().filter(|id| !there(*id)).map(|_| Gone::AccountLeft),
        (false, _) => None,
    }
}

impl<'a> Row<'a> {
    /// The account, if the row is of one.
    pub fn account(&self) -> Option<&'a AccountId> {
        self.finding.target.account()
    }

    /// The Region, if the row is of one.
    pub fn region(&self) -> Option<&'a str> {
        self.finding.target.region().map(|region| region.as_str())
    }

    /// The account whose row it is in formats that know no organization: the management account for the organization's own.
    pub fn owner<'o>(&'o self, audit: &Audit<'o>) -> &'o AccountId {
        self.account().unwrap_or(&audit.org.organization.management_account)
    }

    /// What the check says of itself; `None` where it is not known.
    pub fn meta<'m>(&self, audit: &Audit<'m>) -> Option<&'m CheckMeta> {
        audit.checks.iter().find(|meta| meta.id == self.finding.check).copied()
    }

    /// What the check asks for, or its id where it is not known.
    pub fn title<'m>(&self, audit: &Audit<'m>) -> &'m str
    where
        'a: 'm,
    {
        self.meta(audit).map_or(self.finding.check.as_str(), |meta| meta.title)
    }

    /// Who answers for it, on exempt rows.
    pub fn answered<'e>(&self, exemptions: &'e [Exemption]) -> Option<Answered<'e>>
    where
        'a: 'e,
    {
        let id = self.exemption?;
        let known = exemptions.iter().find(|exemption| exemption.id == id);
        Some(Answered {
            id,
            owner: known.map(|known| known.owner.as_str()),
            ticket: known.map(|known| known.ticket.as_str()),
            reason: known.map(|known| known.reason.as_str()),
            expires: known.map(|known| known.expires),
            line: known.map(|known| known.line),
        })
    }

    /// What stays the same of it from run to run.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.finding.check, &self.finding.target, self.resource)
    }
}

/// How to mend what a check finds: the command that shows the way.
pub fn mend(meta: &CheckMeta) -> String {
    match meta.remediation.playbook {
        Some(playbook) => format!("orgward plan {}", filled_in(playbook)),
        None => format!("orgward checks explain {}", meta.id),
    }
}

/// A shipped playbook with what has to be set for it.
pub(super) fn filled_in(playbook: &str) -> String {
    format!("{playbook}{}", to_set(playbook))
}

/// The parameters of a shipped playbook that have no default: a line with them can be filled in and run.
pub(super) fn to_set(playbook: &str) -> &'static str {
    match playbook {
        "deny-leave-organization" | "protect-cloudtrail" | "require-mfa" => " --set targets=...",
        "region-restriction" => " --set regions=... --set targets=...",
        "root-usage-alarm" | "cis-monitoring" => " --set endpoint=...",
        "baseline" => " --set targets=... --set endpoint=...",
        _ => "",
    }
}

/// What stays the same for the same problem from run to run: SHA-256 over check, account, Region and resource, the
/// first 128 bits as hex. Message, severity, verdict and time do not enter.
pub fn fingerprint(check: &str, target: &Target, resource: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let account = target.account().map_or("", |id| id.as_str());
    let region = target.region().map_or("", |region| region.as_str());
    for part in ["orgward/1", check, account, region, resource.unwrap_or("")] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `text` of at most `most` characters, the cut shown as `…`. Never empty: formats that ask for a text refuse an empty one.
pub(super) fn short(text: &str, most: usize) -> String {
    let cut = super::text::cut(text, most);
    if cut.trim().is_empty() { "-".to_owned() } else { cut }
}
