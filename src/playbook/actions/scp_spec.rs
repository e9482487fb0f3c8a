//! Reads the `scp` action.
//!
//! Must not: look at an organization.

use super::targets;
use crate::playbook::load::Loading;
use crate::playbook::node::{Node, Value};
use crate::playbook::policy_text::PolicyText;
use crate::playbook::schema::{Action, PackedSpec, ScpSpec};
use crate::playbook::source::At;
use crate::policy::{Document, Packed, pack};

/// The most documents one step may be packed into: their numbers have two digits.
const MOST_DOCUMENTS: usize = 99;

/// The form of names and descriptions.
const FORM: &str = "printable characters";

/// Reads `scp`.
pub fn read(loading: &mut Loading<'_>, body: &Node) -> Option<Action> {
    let mut fields = loading.reader.fields(body, "`scp`")?;
    let name = loading
        .reader
        .required(&mut fields, "name")
        .and_then(|node| loading.reader.word(node, "name", 128, |c| !c.is_control(), FORM));
    let given = fields.get("description");
    let description = given.and_then(|node| loading.reader.word(node, "description", 512, |c| !c.is_control(), FORM));
    let at = fields.place("pack");
    let text = match (fields.get("document"), fields.get("content"), fields.get("pack")) {
        (Some(document), None, None) => loading.document(document).filter(|text| loading.fits(text)).map(Given::One),
        (None, Some(content), None) => loading.content(content).filter(|text| loading.fits(text)).map(Given::One),
        (None, None, Some(list)) => packed(loading, list).map(Given::Packed),
        (None, None, None) => {
            let message = "`scp` needs `document` (a file), `content` (the policy itself) or `pack` (a list of either)";
            loading.reader.error(fields.at, message);
            None
        }
        (_, second, third) => {
            let at = third.or(second).map_or(fields.at, |node| node.at);
            loading.reader.error(at, "`scp` takes one of `document`, `content` and `pack`");
            None
        }
    };
    let found =
        loading.reader.required(&mut fields, "targets").and_then(|node| targets(&mut loading.reader, node, "targets"));
    let adopt = fields.get("adopt").and_then(|node| loading.reader.flag(node, "adopt")).unwrap_or(false);
    loading.reader.done(&fields);
    let (name, targets) = (name?, found?);
    let spec = |name: String, content: String, origins: Vec<String>, holds: Vec<String>| {
        let (description, targets) = (description.clone(), targets.clone());
        ScpSpec { name, description, content, origins, holds, targets, adopt }
    };
    match text? {
        Given::One(text) => Some(Action::Scp(spec(name, text.content, text.origins, Vec::new()))),
        Given::Packed(entries) => {
            let documents = documents(loading, &entries, at)?;
            if name.chars().count() > 125 {
                loading.reader.error(at, "`name` has more than 125 characters: `pack` adds a number to it");
                return None;
            }
            let policies = documents.into_iter().enumerate().map(|(index, packed)| {
                let (origins, holds) = (origins(&entries, &packed), holds(&entries, &packed));
                spec(format!("{name}-{}", index + 1), packed.text, origins, holds)
            });
            let policies = policies.collect();
            Some(Action::Packed(PackedSpec { name, policies }))
        }
    }
}

/// What the documents of a step are.
enum Given {
    One(PolicyText),
    Packed(Vec<Entry>),
}

/// A policy of `pack`.
struct Entry {
    /// What plans call it.
    label: String,
    text: PolicyText,
}

/// The policies of `pack`.
fn packed(loading: &mut Loading<'_>, node: &Node) -> Option<Vec<Entry>> {
    let items = loading.reader.list(node, "pack")?;
    let read: Vec<Option<Entry>> = items.iter().map(|item| entry(loading, item)).collect();
    let entries: Vec<Entry> = read.into_iter().collect::<Option<_>>()?;
    for (index, entry) in entries.iter().enumerate() {
        if let (true, Some(item)) =
            (entries.iter().take(index).any(|other| other.label == entry.label), items.get(index))
        {
            let message = format!("`pack` already has a policy called `{}`", entry.label);
            loading.reader.error_with(item.at, message, "give it another `name`");
        }
    }
    Some(entries)
}

fn entry(loading: &mut Loading<'_>, item: &Node) -> Option<Entry> {
    let mut fields = loading.reader.fields(item, "a policy of `pack`")?;
    let given = fields.get("name");
    let name = given.and_then(|node| loading.reader.word(node, "name", 128, |c| !c.is_control(), FORM));
    let (label, text) = match (fields.get("document"), fields.get("content")) {
        (Some(document), None) => {
            let file = if let Value::Text(file) = &document.value { file.clone() } else { String::new() };
            (file, loading.document(document))
        }
        (None, Some(content)) => (format!("the policy in line {}", item.at.line), loading.content(content)),
        _ => {
            let message = "a policy of `pack` needs either `document` (a file) or `content` (the policy itself)";
            loading.reader.error(fields.at, message);
            (String::new(), None)
        }
    };
    loading.reader.done(&fields);
    Some(Entry { label: name.unwrap_or(label), text: text? })
}

/// The documents that hold them all.
fn documents(loading: &mut Loading<'_>, entries: &[Entry], at: At) -> Option<Vec<Packed>> {
    let parsed: Vec<Document> = entries.iter().map(|entry| entry.text.document.clone()).collect();
    let wrong = match pack(&parsed, loading.limits.scp.size) {
        Ok(documents) if !documents.is_empty() && documents.len() <= MOST_DOCUMENTS => return Some(documents),
        Ok(documents) => format!("`pack` comes to {} documents, at most {MOST_DOCUMENTS} can be", documents.len()),
        Err(large) => {
            let entry = entries.get(large.document);
            let origin = entry.and_then(|entry| entry.text.origins.get(large.index)).cloned().unwrap_or_default();
            format!("the statement at {origin} does not fit into an SCP of {} characters, split its lists", large.most)
        }
    };
    loading.reader.error(at, wrong);
    None
}

/// Where each statement of a packed document stands.
fn origins(entries: &[Entry], packed: &Packed) -> Vec<String> {
    let origin = |(document, index): &(usize, usize)| {
        entries.get(*document).and_then(|entry| entry.text.origins.get(*index)).cloned().unwrap_or_default()
    };
    packed.statements.iter().map(origin).collect()
}

/// Which policies a packed document holds, in words.
fn holds(entries: &[Entry], packed: &Packed) -> Vec<String> {
    let count = |document: usize| packed.statements.iter().filter(|(from, _)| *from == document).count();
    let counted = entries.iter().enumerate().map(|(at, entry)| (entry, count(at), entry.text.origins.len()));
    let words = counted.filter(|(_, here, _)| *here > 0).map(|(entry, here, all)| match here == all {
        true => entry.label.clone(),
        false => format!("{} ({here} of {all} statements)", entry.label),
    });
    words.collect()
}
