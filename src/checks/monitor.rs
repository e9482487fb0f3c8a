//! Whether someone is told of events that matter: one check for each row of a table.
//!
//! Owns: how a row becomes a check. Must not: compare pattern texts (`subject` asks patterns about events), follow a chain
//! (`told` and `chain` do), or hold a row (`rows` does). Source: CIS AWS Foundations Benchmark, monitoring section; CloudTrail
//! user guide, "Creating CloudWatch alarms for CloudTrail events: examples".

pub(super) mod events;
pub(super) mod made;
mod rows;
#[cfg(test)]
pub(super) mod tests;

use super::evaluate::{Check, Facts, Judge, Judgement};
use super::references::aws;
use super::subject::{Part, Subject};
use super::thresholds::Thresholds;
use super::told::{Scene, someone};
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::{Cause, CauseKind};
use crate::pattern::watched::Watched;
use rows::ROWS;
use serde_json::Value;

/// One kind of event that someone has to be told of.
struct Row {
    /// The check's id.
    id: &'static str,
    /// The check's title.
    title: &'static str,
    /// The check's severity.
    severity: Severity,
    /// Why it matters.
    rationale: &'static str,
    /// How to make the metric filter; the pattern stands there in single quotes.
    cli: &'static str,
    /// The shipped playbook that does it, if one does.
    playbook: Option<&'static str>,
    /// The events.
    what: What,
}

/// Where a row's events come from.
enum What {
    /// Calls of one source by name; each is a part.
    Calls(&'static str, &'static [&'static str]),
    /// Made by hand: parts, and everyday events beyond those of every row.
    Made(fn(&Scene<'_>) -> (Vec<Part>, Vec<Value>)),
}

/// The family, in the order of its rows.
pub(super) const CHECKS: &[Check] = &checks();

const fn checks() -> [Check; ROWS.len()] {
    let mut checks = [const { Check { meta: NO_META, judge: Judge::Whole(monitored) } }; ROWS.len()];
    let mut slots: &mut [Check] = &mut checks;
    let mut rows: &[Row] = ROWS;
    while let (Some((row, others)), Some((slot, free))) = (rows.split_first(), slots.split_first_mut()) {
        slot.meta = meta(row);
        slots = free;
        rows = others;
    }
    checks
}

const REFERENCES: &[Reference] =
    &[aws("AWS CloudTrail user guide", "Creating CloudWatch alarms for CloudTrail events: examples")];

const CONSOLE: &str = "In the account that owns the trail's log group: CloudWatch, Log groups, the group, Metric filters, Create, \
                       with the pattern given for the AWS CLI; then create an alarm on that metric (Sum, 5 minutes, >= 1) that \
                       notifies an SNS topic, and confirm the subscription from the receiver's side.";

/// What each slot holds until its row is written over it.
const NO_META: CheckMeta = CheckMeta {
    id: "",
    title: "",
    severity: Severity::Info,
    granularity: Granularity::Account,
    rationale: "",
    remediation: Remediation { console: CONSOLE, cli: "", playbook: None },
    references: REFERENCES,
    facts: &[Fact::Regions, Fact::OrganizationTrails, Fact::OrganizationMonitoring, Fact::Trails, Fact::Monitoring],
};

const fn meta(row: &Row) -> CheckMeta {
    let Row { id, title, severity, rationale, cli, playbook, .. } = *row;
    CheckMeta {
        id,
        title,
        severity,
        rationale,
        remediation: Remediation { console: CONSOLE, cli, playbook },
        ..NO_META
    }
}

fn monitored(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let Some(row) = ROWS.iter().find(|row| row.id == facts.check()) else {
        return Err(Cause::new(CauseKind::Other, facts.check(), "no row of the table has this id"));
    };
    someone(facts, (row.about(), &|scene| row.subject(scene)))
}

impl Row {
    /// What it is about, in words that follow "nobody is told of".
    fn about(&self) -> &'static str {
        let name = self.id.strip_prefix("monitor-").unwrap_or(self.id);
        Watched::find(name).map_or(self.title, |watched| watched.about)
    }

    /// What has to be caught in a scene.
    fn subject(&self, scene: &Scene<'_>) -> Subject {
        let made = match self.what {
            What::Calls(source, names) => (events::calls(scene, source, names, &Value::Null), Vec::new()),
            What::Made(make) => make(scene),
        };
        events::subject(scene, self.about(), made)
    }
}
