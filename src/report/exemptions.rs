//! Exemptions and attestations of an audit: what each matched, which are over or soon will be, and which are of no use.
//!
//! Owns: how each stands, for every format. Must not: decide what is exempt.

use super::table::table;
use super::text::{Paint, Style, count, plain};
use super::{Audit, framework_table};
use crate::model::exemption::{Attestation, Exemption, Exemptions, day};
use crate::model::scope::find_ou;
use crate::model::tally::Matched;
use crate::model::{OrgFacts, wild};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// What expires within this many days is listed as such.
pub const SOON_DAYS: i32 = 30;

/// How an exemption or attestation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is over: what it covered counts again.
    Expired,
    /// It will be over within [`SOON_DAYS`].
    ExpiresSoon,
    /// It holds, and nothing is there that would fail without it. Said only where everything was looked at.
    Unmatched,
    /// It holds.
    InForce,
    /// The day on which it was given is still to come, as of the audit.
    NotYet,
}

impl State {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::ExpiresSoon => "expires soon",
            Self::Unmatched => "matches nothing",
            Self::InForce => "in force",
            Self::NotYet => "not yet given",
        }
    }

    /// Of what holds until a day.
    fn of(expires: Date, today: Date) -> Self {
        let soon = today.checked_add(jiff::Span::new().days(SOON_DAYS));
        match expires {
            _ if today > expires => Self::Expired,
            _ if soon.is_ok_and(|soon| expires <= soon) => Self::ExpiresSoon,
            _ => Self::InForce,
        }
    }
}

/// An exemption, as it stands in an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExemptionStanding<'a> {
    /// The exemption.
    #[serde(flatten)]
    pub exemption: &'a Exemption,
    /// How it stands.
    pub state: State,
    /// What would fail without it.
    pub matched: Matched,
    /// What it names that is not in the organization, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// An attestation, as it stands in an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AttestationStanding<'a> {
    /// The attestation.
    #[serde(flatten)]
    pub attestation: &'a Attestation,
    /// How it stands.
    pub state: State,
}

/// The exemptions of an audit, by the day on which they expire.
pub fn exemptions<'a>(audit: &Audit<'a>) -> Vec<ExemptionStanding<'a>> {
    let today = day(audit.org.as_of);
    let standing = |exemption: &'a Exemption| {
        let matched = audit.tally.exemptions().get(&exemption.id).copied().unwrap_or_default();
        let state = match State::of(exemption.expires, today) {
            State::Expired => State::Expired,
            _ if matched.resources == 0 && looked_at(audit, exemption) => State::Unmatched,
            state => state,
        };
        ExemptionStanding { exemption, state, matched, unknown: unknown(exemption, audit.org) }
    };
    by_expiry(audit.context.exemptions.exemptions.iter().map(standing), |standing| standing.exemption.expires)
}

/// The attestations of an audit, by the day on which they expire.
pub fn attestations<'a>(audit: &Audit<'a>) -> Vec<AttestationStanding<'a>> {
    let today = day(audit.org.as_of);
    let standing =
        |attestation: &'a Attestation| AttestationStanding { attestation, state: of_day(attestation, today) };
    by_expiry(audit.context.exemptions.attestations.iter().map(standing), |standing| standing.attestation.expires)
}

fn of_day(attestation: &Attestation, today: Date) -> State {
    if attestation.date > today { State::NotYet } else { State::of(attestation.expires, today) }
}

fn by_expiry<T>(standings: impl Iterator<Item = T>, expires: impl Fn(&T) -> Date) -> Vec<T> {
    let mut standings: Vec<T> = standings.collect();
    standings.sort_by_key(|standing| expires(standing));
    standings
}

/// Whether everything was looked at that an exemption could match.
fn looked_at(audit: &Audit<'_>, exemption: &Exemption) -> bool {
    let ran = |pattern: &String| {
        let mut fit = audit.checks.iter().filter(|meta| wild(pattern, meta.id)).peekable();
        fit.peek().is_some() && fit.all(|meta| audit.tally.check(meta.id).unknown == 0)
    };
    audit.context.whole && !audit.interrupted && exemption.checks.iter().all(ran)
}

/// What an exemption names that is not in the organization.
fn unknown(exemption: &Exemption, org: &OrgFacts) -> Vec<String> {
    let scope = &exemption.scope;
    let accounts = scope.accounts.iter().filter(|id| !org.accounts.contains_key(*id));
    let accounts = accounts.map(|id| format!("account `{id}` is not in the organization"));
    accounts.chain(scope.ous.iter().filter_map(|name| find_ou(name, org).err().map(|why| why.to_string()))).collect()
}

/// The part of a table about exemptions and attestations; nothing where there is no file.
pub(super) fn section(audit: &Audit<'_>, paint: Paint) -> String {
    let mut out = String::new();
    if audit.context.exemptions.is_none() {
        return out;
    }
    let standings = exemptions(audit);
    if !standings.is_empty() {
        let _ = writeln!(out, "\n{}", paint.paint(Style::Cyan, "Exemptions"));
        let rows = standings.iter().map(|standing| {
            let Matched { cells, resources } = standing.matched;
            let matched = match resources {
                0 => "-".to_owned(),
                _ => format!("{} in {}", count(resources, "failure"), count(cells, "verdict")),
            };
            (of_exemption(standing.exemption), standing.state, matched)
        });
        out.push_str(&told(rows, paint));
    }
    for standing in &standings {
        for why in &standing.unknown {
            let Exemption { id, line, .. } = standing.exemption;
            out += &paint.entry("  ", &format!("`{}`, line {line}: {}", plain(id), plain(why)));
        }
    }
    let attested = attestations(audit);
    if !attested.is_empty() {
        let _ = writeln!(out, "\n{}", paint.paint(Style::Cyan, "Attestations"));
        let rows = attested.iter().map(|standing| {
            (of_attestation(standing.attestation), standing.state, framework_table::given(standing.attestation))
        });
        out.push_str(&told(rows, paint));
    }
    out
}

/// What of them somebody has to see to, one line for each kind: what is over, of no use, or names what is not there.
pub fn warnings(audit: &Audit<'_>) -> Vec<String> {
    let standings = exemptions(audit);
    let named = |wanted: &dyn Fn(&ExemptionStanding<'_>) -> bool| -> Vec<String> {
        standings.iter().filter(|standing| wanted(standing)).map(|standing| standing.exemption.id.clone()).collect()
    };
    let attested = attestations(audit);
    let over = attested.iter().filter(|standing| standing.state == State::Expired);
    let line = |ids: Vec<String>, noun: &str, one: &str, many: &str, more: &str| {
        let says = if ids.len() == 1 { one } else { many };
        let ids: Vec<String> = ids.iter().map(|id| format!("`{}`", plain(id))).collect();
        (!ids.is_empty()).then(|| format!("{} {says}{more}: {}", count(ids.len(), noun), ids.join(", ")))
    };
    let is = |state: State| move |standing: &ExemptionStanding<'_>| standing.state == state;
    let lost = |standing: &ExemptionStanding<'_>| !standing.unknown.is_empty();
    let controls = over.map(|standing| format!("{} {}", standing.attestation.framework, standing.attestation.control));
    let lines = [
        line(named(&is(State::Expired)), "exemption", "expired", "expired", ", what they covered fails again"),
        line(named(&is(State::Unmatched)), "exemption", "matches nothing", "match nothing", ""),
        line(named(&lost), "exemption", "names", "name", " accounts or OUs that are not in the organization"),
        line(controls.collect(), "attestation", "expired", "expired", ", their controls are open again"),
    ];
    lines.into_iter().flatten().collect()
}

/// A file of exemptions by itself, by the day on which they expire: what is known of it without an organization.
pub fn listing(exemptions: &Exemptions, today: Date, paint: Paint) -> String {
    let mut rows: Vec<(Date, Row)> = Vec::new();
    for exemption in &exemptions.exemptions {
        let what = format!("{}: {}", exemption.checks.join(", "), exemption.reason);
        rows.push((exemption.expires, (of_exemption(exemption), State::of(exemption.expires, today), what)));
    }
    for attestation in &exemptions.attestations {
        let Attestation { expires, .. } = attestation;
        let given = framework_table::given(attestation);
        rows.push((*expires, (of_attestation(attestation), of_day(attestation, today), given)));
    }
    rows.sort_by_key(|(expires, _)| *expires);
    told(rows.into_iter().map(|(_, row)| row), paint)
}

/// Name, last day, owner and ticket; how it stands; what is told of it.
type Row = ([String; 4], State, String);

fn of_exemption(exemption: &Exemption) -> [String; 4] {
    let Exemption { id, expires, owner, ticket, .. } = exemption;
    [id.clone(), expires.to_string(), owner.clone(), ticket.clone()]
}

fn of_attestation(attestation: &Attestation) -> [String; 4] {
    let Attestation { framework, control, expires, owner, .. } = attestation;
    [format!("{framework} {control}"), expires.to_string(), owner.clone(), "-".to_owned()]
}

/// Rows as they come, one for each exemption or attestation.
fn told(rows: impl Iterator<Item = Row>, paint: Paint) -> String {
    let rows = rows.map(|(names, state, more)| {
        let style = match state {
            State::Expired => Style::Red,
            State::ExpiresSoon | State::Unmatched => Style::Yellow,
            State::InForce => Style::Green,
            State::NotYet => Style::Dim,
        };
        let mut row = vec![(format!("  {}", state.as_str()), Some(style))];
        row.extend(names.into_iter().map(|name| (plain(&name), None)));
        row.push((plain(&more), None));
        row
    });
    table(["  STANDS", "NAME", "UNTIL", "OWNER", "TICKET", "WHAT"], rows, &[], paint)
}
