//! The chain from a trail to a person: log group, metric filter, alarm, topic, confirmed subscription.
//!
//! Owns: following the chain for one trail and naming each broken link. Several filters may share the work, if each has its
//! own way to a person. Source: CIS AWS Foundations Benchmark, monitoring section; CloudWatch user guide, "Using Amazon
//! CloudWatch alarms". Must not: know for which events (the subject says) or give a verdict.

use super::recording::{Recording, but, recording};
use super::subject::{Catches, Subject};
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring};
use crate::model::trail::Trail;
use crate::model::{Cause, CauseKind, Observed, Source};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What following a chain found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Chain {
    /// Every link holds.
    Whole {
        /// What it leads through, for the message.
        through: String,
        /// What this rests on.
        sources: Vec<Source>,
    },
    /// These links are broken, the first that can be mended first.
    Broken(Vec<String>),
    /// No link is known to be broken for certain, and some can't be told.
    Unknown(Cause),
}

/// Follows the chain of one trail. `watched` is what watches its log group, if that was collected.
pub(super) fn follow(trail: &Trail, watched: Option<&Monitoring>, subject: &Subject) -> Chain {
    let mut broken = Vec::new();
    let mut unknown = None;
    let mut sources = Vec::new();
    let mut through = format!("trail `{}`", trail.name);
    if !trail.multi_region {
        broken.push(format!("records {} only", trail.home_region));
    }
    match recording(trail) {
        Recording::Whole { excluded } => {
            through.push_str(&but(&excluded));
            let needed = subject.sources();
            let lost: Vec<&str> =
                excluded.iter().map(String::as_str).filter(|source| needed.contains(source)).collect();
            if !lost.is_empty() {
                broken.push(format!("leaves out events of {}", lost.join(" and ")));
            }
        }
        Recording::Broken(links) => broken.extend(links),
        Recording::Unknown(cause) => unknown = Some(cause),
    }
    let undelivered = trail.status.value().and_then(|status| status.log_group_delivery_error.as_ref());
    broken.extend(undelivered.map(|error| format!("can't deliver to its log group: {error}")));
    sources.extend([trail.status.source(), trail.selectors.source()].into_iter().flatten().cloned());
    match (trail.log_group_arn.as_deref(), watched) {
        (None, _) => broken.push("delivers to no log group".to_owned()),
        (Some(group), None) => {
            let cause = Cause::not_collected(format!("logs:DescribeMetricFilters on `{group}`"));
            unknown = unknown.or(Some(cause));
        }
        (Some(_), Some(watched)) => match watch(watched, subject) {
            Chain::Whole { through: rest, sources: more } => {
                through.push_str(&rest);
                sources.extend(more);
            }
            Chain::Broken(links) => broken.extend(links),
            Chain::Unknown(cause) => unknown = unknown.or(Some(cause)),
        },
    }
    match unknown {
        _ if !broken.is_empty() => Chain::Broken(broken),
        Some(cause) => Chain::Unknown(cause),
        None => Chain::Whole { through, sources },
    }
}

/// What the filters of a log group do for a subject.
#[derive(Default)]
struct Watch {
    /// Parts with a whole way to a person.
    covered: BTreeSet<usize>,
    /// Those ways.
    through: Vec<String>,
    sources: Vec<Source>,
    /// Parts that someone may be told of; `None` is any of them.
    hoped: Vec<(Option<BTreeSet<usize>>, Cause)>,
    /// Parts caught by a filter whose way breaks, after how many good links, and where.
    broken: Vec<(BTreeSet<usize>, usize, String)>,
    /// Filters that match nearly everything, with an event each that shows it.
    too_much: Vec<(String, String)>,
    /// Filters that leave out some of what they seem to catch, with the field by which they do.
    narrowed: Vec<(String, String)>,
}

/// The chain from a log group on.
fn watch(watched: &Monitoring, subject: &Subject) -> Chain {
    let filters = match watched.filters.known() {
        Ok(filters) => filters.map_or(&[][..], Vec::as_slice),
        Err(cause) => return Chain::Unknown(cause.clone()),
    };
    let mut watch = Watch::default();
    let mut counted: Vec<(&MetricFilter, BTreeSet<usize>)> = Vec::new();
    for filter in filters {
        match subject.catches(filter) {
            Catches::Parts(parts) if parts.is_empty() => {}
            Catches::Parts(parts) => counted.push((filter, parts)),
            Catches::Narrowed(parts, field) => {
                watch.narrowed.push((filter.name.clone(), field));
                if !parts.is_empty() {
                    counted.push((filter, parts));
                }
            }
            Catches::TooMuch(event) => watch.too_much.push((filter.name.clone(), event)),
            Catches::CannotTell(why) => {
                let message = format!("the pattern of filter `{}` can't be read: {why}", filter.name);
                watch.hoped.push((None, Cause::new(CauseKind::Other, "logs:DescribeMetricFilters", message)));
            }
        }
    }
    // One filter for all of it reads better than many.
    counted.sort_by_key(|(_, parts)| Reverse(parts.len()));
    for (filter, parts) in counted {
        if parts.is_subset(&watch.covered) {
            continue;
        }
        let mut best = Best::default();
        heard(watched, filter, &mut best);
        match best.chain() {
            Way::Whole { through, sources } => {
                watch.covered.extend(parts);
                watch.through.push(through);
                watch.sources.extend(sources);
            }
            Way::Broken(links, message) => watch.broken.push((parts, links, message)),
            Way::Unknown(cause) => watch.hoped.push((Some(parts), cause)),
        }
        if subject.all(&watch.covered) {
            return Chain::Whole { through: format!(", {}", watch.through.join("; ")), sources: watch.sources };
        }
    }
    watch.broken(&watched.log_group.name, subject)
}

impl Watch {
    /// What is missing, or that it can't be told.
    fn broken(self, group: &str, subject: &Subject) -> Chain {
        let missing: BTreeSet<usize> = (0..subject.parts.len()).filter(|part| !self.covered.contains(part)).collect();
        let hoped =
            |part: &usize| self.hoped.iter().any(|(parts, _)| parts.as_ref().is_none_or(|parts| parts.contains(part)));
        if let Some((_, cause)) = self.hoped.first().filter(|_| missing.iter().all(hoped)) {
            return Chain::Unknown(cause.clone());
        }
        let caught = |part: &usize| self.broken.iter().any(|(parts, ..)| parts.contains(part));
        let uncaught: BTreeSet<usize> = missing.iter().copied().filter(|part| !caught(part) && !hoped(part)).collect();
        let mut links = Vec::new();
        if !uncaught.is_empty() {
            let all = uncaught.len() == subject.parts.len();
            let what = if all { String::new() } else { format!("{} of ", subject.names(&uncaught)) };
            let narrowed = self.narrowed.iter().map(|(filter, field)| {
                format!("filter `{filter}` is narrowed, it catches only some values of `{field}`")
            });
            let wide: Vec<String> = self
                .too_much
                .iter()
                .map(|(filter, event)| {
                    format!("filter `{filter}` is over-broad, it matches `{event}` of every day too")
                })
                .chain(narrowed)
                .collect();
            let wide = if wide.is_empty() { String::new() } else { format!(" ({})", wide.join(", ")) };
            links.push(format!("no metric filter on log group `{group}` catches {what}{}{wide}", subject.about));
        }
        for part in missing.iter().filter(|part| !hoped(part)) {
            // The way that gets furthest is the one to mend; the first of several.
            let ways = self.broken.iter().filter(|(parts, ..)| parts.contains(part));
            let furthest = ways.rev().max_by_key(|(_, links, _)| *links);
            if let Some((.., message)) = furthest.filter(|(.., message)| !links.contains(message)) {
                links.push(message.clone());
            }
        }
        Chain::Broken(links)
    }
}

/// Where one filter leads.
enum Way {
    /// To a person, through this.
    Whole { through: String, sources: Vec<Source> },
    /// It breaks after so many good links.
    Broken(usize, String),
    /// It can't be told.
    Unknown(Cause),
}

/// The best of several ways: a whole one; else, if one may be whole, unknown; else the one that gets furthest.
#[derive(Default)]
struct Best {
    whole: Option<Way>,
    unknown: Option<Cause>,
    broken: Option<(usize, String)>,
}

impl Best {
    fn unknown(&mut self, cause: Cause) {
        self.unknown.get_or_insert(cause);
    }

    /// A way that breaks after `links` good links. The first of the furthest is kept.
    fn broken(&mut self, links: usize, message: String) {
        if self.broken.as_ref().is_none_or(|(furthest, _)| links > *furthest) {
            self.broken = Some((links, message));
        }
    }

    fn chain(self) -> Way {
        let (links, message) = self.broken.unwrap_or_default();
        self.whole.or(self.unknown.map(Way::Unknown)).unwrap_or(Way::Broken(links, message))
    }
}

/// The chain from a filter on.
fn heard(watched: &Monitoring, filter: &MetricFilter, best: &mut Best) {
    let alarms = match watched.alarms.known() {
        Ok(alarms) => alarms.map_or(&[][..], Vec::as_slice),
        Err(cause) => return best.unknown(cause.clone()),
    };
    if let Some(why) = blind(filter) {
        return best.broken(1, format!("filter `{}` {why}", filter.name));
    }
    let metric = format!("metric `{}/{}`", filter.metric_namespace, filter.metric_name);
    best.broken(1, format!("no alarm watches {metric} of filter `{}`", filter.name));
    for alarm in alarms.iter().filter(|alarm| watches(alarm, filter)) {
        if let Some(why) = silent(alarm, filter) {
            best.broken(2, format!("alarm `{}` {why}", alarm.name));
            continue;
        }
        told(watched, filter, alarm, best);
        if best.whole.is_some() {
            return;
        }
    }
}

/// The chain from an alarm on.
fn told(watched: &Monitoring, filter: &MetricFilter, alarm: &Alarm, best: &mut Best) {
    best.broken(3, format!("alarm `{}` sends to no SNS topic", alarm.name));
    for topic in alarm.alarm_actions.iter().filter(|action| is_topic(action)) {
        let subscriptions = match watched.subscriptions.get(topic) {
            None => {
                best.unknown(Cause::not_collected(format!("sns:ListSubscriptionsByTopic of `{topic}`")));
                continue;
            }
            Some(Observed::Unknown { cause }) => {
                best.unknown(cause.clone());
                continue;
            }
            Some(Observed::Absent { .. }) => {
                best.broken(4, format!("topic `{topic}` of alarm `{}` does not exist", alarm.name));
                continue;
            }
            Some(seen) => seen,
        };
        let all = subscriptions.value().map_or(&[][..], Vec::as_slice);
        if all.iter().any(|subscription| subscription.confirmed()) {
            let sources = [watched.filters.source(), watched.alarms.source(), subscriptions.source()];
            best.whole = Some(Way::Whole {
                through: format!("filter `{}`, alarm `{}` and topic `{topic}`", filter.name, alarm.name),
                sources: sources.into_iter().flatten().cloned().collect(),
            });
            return;
        }
        let why = match all.len() {
            0 => "has no subscription".to_owned(),
            1 => "has 1 subscription, which is not confirmed".to_owned(),
            pending => format!("has {pending} subscriptions, none of them confirmed"),
        };
        best.broken(5, format!("topic `{topic}` {why}"));
    }
}

/// Whether an action is an SNS topic.
fn is_topic(action: &str) -> bool {
    crate::model::ids::Arn::parse(action).is_some_and(|arn| arn.service == "sns")
}

/// Whether an alarm is on the metric of a filter.
fn watches(alarm: &Alarm, filter: &MetricFilter) -> bool {
    alarm.namespace.as_deref() == Some(filter.metric_namespace.as_str())
        && alarm.metric_name.as_deref() == Some(filter.metric_name.as_str())
}

/// Why a filter does not count every matching event in one metric; `None` if it does.
fn blind(filter: &MetricFilter) -> Option<String> {
    if let Some(criteria) = &filter.field_selection {
        return Some(format!("looks only at events where {criteria}"));
    }
    let names: Vec<&str> = filter.dimensions.keys().chain(&filter.system_dimensions).map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!("spreads its metric over dimensions ({}), so no one alarm hears of every event", names.join(", "))
    })
}

/// Why one matching event would not make the alarm speak; `None` if it would.
pub(super) fn silent(alarm: &Alarm, filter: &MetricFilter) -> Option<String> {
    if !alarm.actions_enabled {
        return Some("has its actions disabled".to_owned());
    }
    if !alarm.dimensions.is_empty() {
        let names: Vec<&str> = alarm.dimensions.keys().map(String::as_str).collect();
        return Some(format!("watches a dimension ({}) that filter `{}` does not emit", names.join(", "), filter.name));
    }
    // A filter without a unit emits the unit `None`.
    let emitted = filter.unit.as_deref().unwrap_or("None");
    if let Some(unit) = alarm.unit.as_deref().filter(|unit| *unit != emitted) {
        return Some(format!("watches the unit `{unit}`, and filter `{}` emits `{emitted}`", filter.name));
    }
    let default = filter.default_value.as_deref().map(|text| text.trim().parse::<f64>());
    let (value, rest) = match (filter.metric_value.trim().parse::<f64>(), default) {
        (Ok(value), None) => (value, 0.0),
        (Ok(value), Some(Ok(rest))) => (value, rest),
        // A value taken from the event (`$.field`) may be anything.
        _ => return Some(format!("counts `{}`, not a fixed value for each event", filter.metric_value)),
    };
    let statistic = alarm.statistic.as_deref().or(alarm.extended_statistic.as_deref()).unwrap_or("none");
    let peak = match statistic {
        "Sum" | "Maximum" => value,
        "Average" | "Minimum" if filter.default_value.is_none() => value,
        "SampleCount" if filter.default_value.is_none() => 1.0,
        _ => return Some(format!("uses statistic `{statistic}`, which one event does not move for certain")),
    };
    let threshold = alarm.threshold.unwrap_or(f64::INFINITY);
    let comparison = alarm.comparison.as_deref().unwrap_or("none");
    let (rings, always) = match comparison {
        "GreaterThanOrEqualToThreshold" => (peak >= threshold, rest >= threshold),
        "GreaterThanThreshold" => (peak > threshold, rest > threshold),
        _ => return Some(format!("compares with `{comparison}`")),
    };
    if !rings {
        return Some(format!("has threshold {threshold}, which one event does not reach"));
    }
    if always || (filter.default_value.is_none() && alarm.treat_missing_data.as_deref() == Some("breaching")) {
        return Some("is in alarm without any event, so an event changes nothing".to_owned());
    }
    match (alarm.datapoints_to_alarm, alarm.evaluation_periods) {
        (Some(1), _) | (None, None | Some(1)) => None,
        (Some(points), periods) => {
            Some(format!("waits for {points} of {} periods", periods.map_or("its".to_owned(), |all| all.to_string())))
        }
        (None, Some(periods)) => Some(format!("waits for {periods} periods in a row")),
    }
}
