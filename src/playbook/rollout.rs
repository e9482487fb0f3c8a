//! `rollout:`: the named waves of a playbook, as written.
//!
//! Owns: its words and their mistakes. Must not: look at an organization (`waves` does).

use super::node::{Node, Value};
use super::read::{Fields, Reader};
use super::schema::TargetRef;
use super::source::At;
use crate::model::{SPAN_FORM, seconds};
use std::collections::BTreeMap;

/// How a playbook's changes reach their accounts: wave by wave, canary first.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The waves, in order. The last takes every account that is left.
    pub waves: Vec<WaveSpec>,
}

/// A wave, as written; what it leaves out is the rollout's own value or the default.
#[derive(Debug, Clone, PartialEq)]
pub struct WaveSpec {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: At,
    /// Whom it takes, of the target accounts that no earlier wave takes.
    pub take: Take,
    /// Failed changes it tolerates.
    pub max_failures: u32,
    /// Changes at work at once.
    pub max_concurrency: Option<usize>,
    /// Seconds between its last change and its gates.
    pub bake_seconds: u64,
    /// Whether new denials stop the rollout.
    pub watch_denials: bool,
    /// Whether a stopped rollout is undone at once.
    pub rollback_on_stop: bool,
}

/// Whom a wave takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Take {
    /// The accounts under these OUs.
    Ous(Vec<TargetRef>),
    /// Accounts with all of these tags.
    Tags(BTreeMap<String, String>),
    /// So many, in the order of their ids.
    Count(usize),
    /// So many hundredths of all target accounts, rounded up, in the order of their ids.
    Percent(usize),
    /// All that are left: the last wave.
    Rest,
}

/// Seconds that CloudTrail takes to deliver an event, at most as a rule (CloudTrail User Guide: about 15 minutes).
pub const DELIVERY_SECONDS: u64 = 15 * 60;

/// The longest bake: a week.
const LONGEST: u64 = 7 * 86_400;

/// What stands beside a wave's selector, in the rollout for every wave or in the wave itself.
#[derive(Debug, Clone, Copy)]
struct Settings {
    max_failures: u32,
    max_concurrency: Option<usize>,
    bake_seconds: u64,
    watch_denials: bool,
    rollback_on_stop: bool,
}

impl Rollout {
    /// Whether a wave takes accounts by their tags, which have to be collected then.
    pub fn needs_tags(&self) -> bool {
        self.waves.iter().any(|wave| matches!(wave.take, Take::Tags(_)))
    }

    /// The OUs that waves name.
    pub fn ous(&self) -> impl Iterator<Item = &TargetRef> {
        self.waves.iter().flat_map(|wave| match &wave.take {
            Take::Ous(ous) => ous.as_slice(),
            _ => &[],
        })
    }
}

/// Reads `rollout`.
pub(super) fn read(reader: &mut Reader, node: &Node) -> Option<Rollout> {
    let mut fields = reader.fields(node, "`rollout`")?;
    let defaults = Settings {
        max_failures: 0,
        max_concurrency: None,
        bake_seconds: DELIVERY_SECONDS,
        watch_denials: true,
        rollback_on_stop: false,
    };
    let settings = settings(reader, &mut fields, defaults);
    let items = reader.required(&mut fields, "waves").and_then(|node| reader.list(node, "waves"));
    let mut waves: Vec<WaveSpec> = Vec::new();
    let count = items.map_or(0, <[Node]>::len);
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let Some(wave) = wave(reader, item, settings, index + 1 == count) else { continue };
        if let Some(first) = waves.iter().find(|first| first.name == wave.name) {
            let message = format!("wave `{}` is already defined in line {}", wave.name, first.at.line);
            reader.error(wave.at, message);
        }
        waves.push(wave);
    }
    reader.done(&fields);
    (!waves.is_empty()).then_some(Rollout { waves })
}

fn wave(reader: &mut Reader, node: &Node, settings: Settings, last: bool) -> Option<WaveSpec> {
    let mut fields = reader.fields(node, "a wave")?;
    let form = "lower-case letters, digits and `-`";
    let name =
        reader.required(&mut fields, "name").and_then(|node| reader.word(node, "name", 64, super::read::slug, form));
    let take = take(reader, &mut fields, last);
    let settings = self::settings(reader, &mut fields, settings);
    reader.done(&fields);
    let Settings { max_failures, max_concurrency, bake_seconds, watch_denials, rollback_on_stop } = settings;
    Some(WaveSpec {
        name: name?,
        at: node.at,
        take: take?,
        max_failures,
        max_concurrency,
        bake_seconds,
        watch_denials,
        rollback_on_stop,
    })
}

/// The one selector of a wave; the last has none, or `percent: 100`.
fn take(reader: &mut Reader, fields: &mut Fields<'_>, last: bool) -> Option<Take> {
    const WORDS: [&str; 4] = ["ous", "tags", "count", "percent"];
    let before = reader.errors.len();
    let found: Vec<(&'static str, &Node)> =
        WORDS.into_iter().filter_map(|word| fields.get(word).map(|node| (word, node))).collect();
    let take = match found.as_slice() {
        [] if last => Some(Take::Rest),
        [] => {
            reader.error_with(
                fields.at,
                "a wave needs one of `ous`, `tags`, `count`, `percent`",
                "only the last wave goes without: it takes every account that is left",
            );
            None
        }
        [("ous", node)] => super::actions::targets(reader, node, "ous").map(Take::Ous),
        [("tags", node)] => tags(reader, node).map(Take::Tags),
        [("count", node)] => {
            reader.number(node, "count", 1..=50_000).and_then(|n| usize::try_from(n).ok()).map(Take::Count)
        }
        [(_, node)] => match reader.number(node, "percent", 1..=100) {
            Some(100) if last => Some(Take::Rest),
            n => n.and_then(|n| usize::try_from(n).ok()).map(Take::Percent),
        },
        [_, (second, _), ..] => {
            let at = fields.place(second);
            reader.error(at, "a wave takes accounts by one of `ous`, `tags`, `count`, `percent`, not by several");
            None
        }
    };
    match &take {
        Some(Take::Rest) | None => take,
        Some(_) if last && reader.errors.len() == before => {
            let at = found.first().map_or(fields.at, |(word, _)| fields.place(word));
            let message = "the last wave takes every account that is left, it can't leave some out";
            reader.error_with(at, message, "add a wave behind it, such as `- name: rest`");
            None
        }
        Some(_) => take,
    }
}

fn tags(reader: &mut Reader, node: &Node) -> Option<BTreeMap<String, String>> {
    let fields = reader.fields(node, "`tags`")?;
    let before = reader.errors.len();
    let mut tags = BTreeMap::new();
    for (key, _, value) in fields.entries() {
        let text = match &value.value {
            Value::Text(text) if text.is_empty() => Some(String::new()),
            _ => reader.text(value, key),
        };
        tags.extend(text.map(|text| ((*key).to_owned(), text)));
    }
    if tags.is_empty() && reader.errors.len() == before {
        reader.error(fields.at, "`tags` is empty, it needs at least one tag");
    }
    (!tags.is_empty()).then_some(tags)
}

fn settings(reader: &mut Reader, fields: &mut Fields<'_>, or: Settings) -> Settings {
    let number = |reader: &mut Reader, node: Option<&Node>, what: &str, least: i32| {
        node.and_then(|node| reader.number(node, what, least..=50_000)).and_then(|n| u32::try_from(n).ok())
    };
    let flag = |reader: &mut Reader, node: Option<&Node>, what: &str| node.and_then(|node| reader.flag(node, what));
    let max_failures = number(reader, fields.get("max_failures"), "max_failures", 0);
    let max_concurrency = number(reader, fields.get("max_concurrency"), "max_concurrency", 1);
    Settings {
        max_failures: max_failures.unwrap_or(or.max_failures),
        max_concurrency: max_concurrency.and_then(|n| usize::try_from(n).ok()).or(or.max_concurrency),
        bake_seconds: fields.get("bake").and_then(|node| duration(reader, node)).unwrap_or(or.bake_seconds),
        watch_denials: flag(reader, fields.get("watch_denials"), "watch_denials").unwrap_or(or.watch_denials),
        rollback_on_stop: flag(reader, fields.get("rollback_on_stop"), "rollback_on_stop")
            .unwrap_or(or.rollback_on_stop),
    }
}

/// A whole number with a unit: `90s`, `15m`, `2h`, `1d`; `0` needs none.
fn duration(reader: &mut Reader, node: &Node) -> Option<u64> {
    let text = match &node.value {
        Value::Int(0) => return Some(0),
        Value::Text(text) => text.trim(),
        Value::Missing => return None,
        other => {
            reader.error_with(
                node.at,
                format!("`bake` has to be a time, found {}", other.describe()),
                format!("write {SPAN_FORM}"),
            );
            return None;
        }
    };
    match seconds(text) {
        Some(seconds) if seconds <= LONGEST => Some(seconds),
        Some(_) => {
            reader.error(node.at, "`bake` is longer than 7 days");
            None
        }
        None => {
            let shown: String = text.chars().take(40).collect();
            reader.error_with(
                node.at,
                format!("`bake` has to be a time, found the text `{shown}`"),
                format!("write {SPAN_FORM}"),
            );
            None
        }
    }
}
