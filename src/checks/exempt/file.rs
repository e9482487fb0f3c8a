//! The file of exemptions and attestations: its form, and every mistake in it with file, line and fix.
//!
//! Owns: the YAML. Must not: open a file, know an organization, or decide what is exempt.

use super::super::frameworks;
use crate::model::exemption::{Attestation, ExemptScope, Exemption, Exemptions, day};
use crate::model::framework::{Answer, Control};
use crate::model::{AccountId, digest, nearest, wild};
use crate::yaml::node::{self, Node, Value};
use crate::yaml::read::{Fields, Reader};
use crate::yaml::{At, LoadError, LoadErrors, SourceText};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The version of the file this build reads.
pub const EXEMPTIONS_VERSION: i32 = 1;

/// What a file of exemptions may name.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The ids of all checks, custom ones too.
    pub checks: &'a [&'a str],
    /// Now: what reaches further than a year from here is told.
    pub now: Timestamp,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub exemptions: Exemptions,
    /// What is allowed and worth a second look, with file and line.
    pub notes: Vec<String>,
}

/// Reads the text of a file; `name` is what messages call it.
///
/// # Errors
/// Every mistake in it, each with its place; a later version by its number alone.
pub fn read(name: &str, text: &str, known: Known<'_>) -> Result<Read, LoadErrors> {
    let source = SourceText::new(name, text);
    let tree = node::parse(&source).map_err(|error| LoadErrors(vec![error]))?;
    let mut reading = Reading {
        source: source.clone(),
        reader: Reader::new(&source),
        known,
        notes: Vec::new(),
        ids: BTreeMap::new(),
        attested: BTreeMap::new(),
    };
    let (exemptions, attestations) = reading.file(&tree)?;
    let Reading { reader, notes, .. } = reading;
    if !reader.errors.is_empty() {
        return Err(LoadErrors::sorted(reader.errors));
    }
    let exemptions = Exemptions { file: name.to_owned(), digest: digest(text.as_bytes()), exemptions, attestations };
    Ok(Read { exemptions, notes })
}

struct Reading<'k> {
    source: SourceText,
    reader: Reader,
    known: Known<'k>,
    notes: Vec<String>,
    /// The line of each exemption's id.
    ids: BTreeMap<String, u32>,
    /// The line of each attested control.
    attested: BTreeMap<(String, String), u32>,
}

type Both = (Vec<Exemption>, Vec<Attestation>);

impl Reading<'_> {
    fn file(&mut self, tree: &Node) -> Result<Both, LoadErrors> {
        let Some(mut fields) = self.reader.fields(tree, "a file of exemptions") else { return Ok(Both::default()) };
        if let Some(version) = self.reader.required(&mut fields, "version") {
            // A later form has other keys: they are not this file's mistakes.
            if let Value::Int(later) = version.value
                && later > EXEMPTIONS_VERSION.into()
            {
                let message = format!(
                    "is of version {later}, and this orgward reads up to version {EXEMPTIONS_VERSION}: use the orgward it was \
                     written for, or a later one"
                );
                return Err(LoadErrors(vec![LoadError::new(&self.source, version.at, message)]));
            }
            self.reader.number(version, "version", EXEMPTIONS_VERSION..=EXEMPTIONS_VERSION);
        }
        let exemptions = self.each(&mut fields, "exemptions", Self::exemption);
        let attestations = self.each(&mut fields, "attestations", Self::attestation);
        self.reader.done(&fields);
        Ok((exemptions, attestations))
    }

    /// The entries of a list that may be empty, or not there.
    fn each<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        one: fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        match fields.get(key).map(|node| (node, &node.value)) {
            None | Some((_, Value::Null)) => Vec::new(),
            Some((_, Value::List(items))) => items.iter().filter_map(|item| one(self, item)).collect(),
            Some((node, value)) => {
                self.reader.error(node.at, format!("`{key}` has to be a list, found {}", value.describe()));
                Vec::new()
            }
        }
    }

    fn exemption(&mut self, node: &Node) -> Option<Exemption> {
        let mut fields = self.reader.fields(node, "an exemption")?;
        let id = self.word(&mut fields, "id");
        if let (Some(id), at) = (&id, fields.place("id"))
            && let Some(first) = self.ids.insert(id.clone(), at.line)
        {
            self.reader.error_with(
                at,
                format!("there is another exemption `{id}` in line {first}"),
                "findings name an exemption by its id: choose another",
            );
        }
        let checks = self.reader.required(&mut fields, "checks").and_then(|node| self.checks(node));
        let scope = self.scope(&mut fields);
        let resources = match fields.get("resources") {
            Some(node) => self.texts(node, "resources"),
            None => Some(Vec::new()),
        };
        let (owner, reason, ticket) =
            (self.line(&mut fields, "owner"), self.line(&mut fields, "reason"), self.line(&mut fields, "ticket"));
        let expires = self.date(&mut fields, "expires");
        self.reader.done(&fields);
        if let (Some(id), Some(expires)) = (&id, expires) {
            self.far(&format!("exemption `{id}`"), expires, fields.place("expires"));
        }
        Some(Exemption {
            id: id?,
            checks: checks?,
            scope: scope?,
            resources: resources?,
            owner: owner?,
            reason: reason?,
            ticket: ticket?,
            expires: expires?,
            line: fields.at.line.into(),
        })
    }

    /// Ids of checks, or words with `*` that some check fits.
    fn checks(&mut self, node: &Node) -> Option<Vec<String>> {
        let words = self.texts(node, "checks")?;
        let mut good = true;
        for word in &words {
            if !word.is_empty() && word.chars().all(|c| c == '*') {
                const HOW: &str = "name the checks, or a family such as `monitor-*`; an account that is not to be judged is \
                                   left out by --exclude-account";
                self.reader.error_with(node.at, format!("`{word}` would exempt every check, new ones too"), HOW);
                good = false;
                continue;
            }
            if self.known.checks.iter().any(|id| wild(word, id)) {
                continue;
            }
            let near = nearest(word, self.known.checks.iter().copied(), 0.7);
            let hint = near.map_or_else(
                || "see `orgward checks list`; your own checks are known with --checks-dir".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.reader.error_with(node.at, format!("there is no check `{word}`"), hint);
            good = false;
        }
        good.then_some(words)
    }

    /// Where it holds, which has to be said.
    fn scope(&mut self, fields: &mut Fields<'_>) -> Option<ExemptScope> {
        const HOW: &str = "name `accounts`, `ous`, `tags` or `organization: true`, or write `scope: everywhere`";
        let Some(node) = fields.get("scope") else {
            self.reader.error_with(fields.at, "an exemption needs the key `scope`", HOW);
            return None;
        };
        match &node.value {
            Value::Text(word) if word == "everywhere" => {
                return Some(ExemptScope { everywhere: true, ..ExemptScope::default() });
            }
            Value::Map(_) => {}
            other => {
                self.reader.error_with(node.at, format!("`scope` can't be {}", other.describe()), HOW);
                return None;
            }
        }
        let before = self.reader.errors.len();
        let mut inner = self.reader.fields(node, "a scope")?;
        let scope = ExemptScope {
            everywhere: false,
            organization: inner
                .get("organization")
                .and_then(|node| self.reader.flag(node, "organization"))
                .unwrap_or_default(),
            accounts: inner.get("accounts").map(|node| self.accounts(node)).unwrap_or_default(),
            ous: inner.get("ous").and_then(|node| self.texts(node, "ous")).unwrap_or_default(),
            tags: inner.get("tags").map(|node| self.tags(node)).unwrap_or_default(),
        };
        self.reader.done(&inner);
        if self.reader.errors.len() > before {
            return None;
        }
        let alone = ExemptScope { organization: true, ..ExemptScope::default() };
        if scope.is_empty() {
            self.reader.error_with(node.at, "`scope` names nothing", HOW);
            return None;
        }
        if scope.organization && scope != alone {
            self.reader.error_with(
                inner.place("organization"),
                "`organization` is about no account, and stands beside nothing else in a scope",
                "write two exemptions",
            );
            return None;
        }
        Some(scope)
    }

    /// Ids of accounts, with or without quotes.
    fn accounts(&mut self, node: &Node) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        let items = match &node.value {
            Value::List(items) if !items.is_empty() => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for item in items {
            let text = match &item.value {
                Value::Text(text) => Some(text.clone()),
                Value::Int(number) => Some(number.to_string()),
                _ => None,
            };
            match text.and_then(|text| text.parse().ok()) {
                Some(account) => accounts.push(account),
                None => {
                    let message = format!("`accounts` holds ids of 12 digits, found {}", item.value.describe());
                    self.reader.error(item.at, message);
                }
            }
        }
        accounts
    }

    fn tags(&mut self, node: &Node) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let Some(fields) = self.reader.fields(node, "`tags`") else { return tags };
        if fields.entries().is_empty() {
            self.reader.error(node.at, "`tags` is empty, it needs at least one entry");
        }
        for (key, _, value) in fields.entries() {
            // An empty value is a value.
            let text = match &value.value {
                Value::Text(text) => Some(text.clone()),
                _ => self.reader.text(value, key),
            };
            tags.extend(text.map(|text| ((*key).to_owned(), text)));
        }
        tags
    }

    fn attestation(&mut self, node: &Node) -> Option<Attestation> {
        let mut fields = self.reader.fields(node, "an attestation")?;
        let (framework, control) = (self.line(&mut fields, "framework"), self.line(&mut fields, "control"));
        let (owner, statement) = (self.line(&mut fields, "owner"), self.line(&mut fields, "statement"));
        let (date, expires) = (self.date(&mut fields, "date"), self.date(&mut fields, "expires"));
        self.reader.done(&fields);
        if let (Some(framework), Some(control)) = (&framework, &control) {
            self.control(framework, control, &fields);
        }
        if let Some(date) = date.filter(|date| *date > day(self.known.now)) {
            let message = format!("`date` is {date}, which is still to come: it is the day on which somebody looked");
            self.reader.error(fields.place("date"), message);
        }
        if let (Some(date), Some(expires)) = (date, expires)
            && expires < date
        {
            let message = format!("`expires` is {expires}, before its `date`, {date}");
            self.reader.error(fields.place("expires"), message);
        }
        if let (Some(framework), Some(control), Some(expires)) = (&framework, &control, expires) {
            self.far(&format!("the attestation of `{framework}` {control}"), expires, fields.place("expires"));
        }
        Some(Attestation {
            framework: framework?,
            control: control?,
            owner: owner?,
            statement: statement?,
            date: date?,
            expires: expires?,
            line: fields.at.line.into(),
        })
    }

    /// The control has to be there, left to a person, and attested once.
    fn control(&mut self, framework: &str, control: &str, fields: &Fields<'_>) {
        let found = match frameworks::find(framework) {
            Ok(found) => found,
            Err(message) => return self.reader.error(fields.place("framework"), message),
        };
        let at = fields.place("control");
        let Some(known) = found.controls.iter().find(|known| known.id == control) else {
            let message = format!("`{framework}` has no control `{control}`");
            let near = nearest(control, found.controls.iter().map(|known| known.id.as_str()), 0.7);
            let hint = near.map_or_else(
                || format!("see `orgward checks list --framework {framework}`"),
                |near| format!("did you mean `{near}`?"),
            );
            return self.reader.error_with(at, message, hint);
        };
        if let Some((why, hint)) = nothing_left(known) {
            self.reader.error_with(at, format!("control `{control}` of `{framework}` {why}"), hint);
        }
        let key = (framework.to_owned(), control.to_owned());
        if let Some(first) = self.attested.insert(key, at.line) {
            self.reader.error_with(
                at,
                format!("control `{control}` of `{framework}` is already attested in line {first}"),
                "keep one of the two",
            );
        }
    }

    /// Says what holds for more than a year: nobody looks at it again in time.
    fn far(&mut self, what: &str, expires: Date, at: At) {
        let year = day(self.known.now).checked_add(jiff::Span::new().days(366));
        if year.is_ok_and(|year| expires > year) {
            let place = LoadError::new(&self.source, at, "").place();
            self.notes.push(format!("{place}: {what} holds until {expires}, for more than a year from now"));
        }
    }

    /// A required text in one line: line breaks of a block are spaces.
    fn line(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
        let node = self.reader.required(fields, key)?;
        let text = self.reader.text(node, key)?;
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().any(char::is_control) {
            self.reader.error(node.at, format!("`{key}` holds a control character"));
            return None;
        }
        Some(text)
    }

    /// A required name.
    fn word(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
        let node = self.reader.required(fields, key)?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        self.reader.word(node, key, 64, good, "letters, digits, `-`, `_` and `.`")
    }

    /// A text, or a list of them.
    fn texts(&mut self, node: &Node, key: &str) -> Option<Vec<String>> {
        let items = match &node.value {
            Value::Text(_) => std::slice::from_ref(node),
            _ => self.reader.list(node, key)?,
        };
        let texts: Vec<Option<String>> = items.iter().map(|item| self.reader.text(item, key)).collect();
        texts.into_iter().collect()
    }

    /// A required day, such as 2026-12-31.
    fn date(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Date> {
        let node = self.reader.required(fields, key)?;
        let text = self.reader.text(node, key)?;
        let form = b"0000-00-00";
        let fits = text.len() == form.len()
            && text.bytes().zip(form).all(|(b, want)| if *want == b'0' { b.is_ascii_digit() } else { b == *want });
        match text.parse::<Date>() {
            Ok(date) if fits => return Some(date),
            Err(_) if fits => self.reader.error(node.at, format!("`{key}`: `{text}` is no day of the calendar")),
            _ => {
                let message = format!("`{key}` has to be a day such as 2026-12-31, found {}", node.value.describe());
                self.reader.error(node.at, message);
            }
        }
        None
    }
}

/// Why nobody can attest a control, and what to do instead; `None` if something of it is a person's to tell.
fn nothing_left(control: &Control) -> Option<(String, String)> {
    match &control.answer {
        Answer::Manual { .. } | Answer::Checks { part: Some(_), .. } => None,
        Answer::Checks { checks, part: None } => Some((
            format!("is answered by checks ({}), and leaves nothing to attest", checks.join(", ")),
            "what they find is exempted, not attested".to_owned(),
        )),
        Answer::NotCovered { .. } => Some((
            "is not covered by orgward, which counts it so whatever anybody says".to_owned(),
            "leave it out".to_owned(),
        )),
    }
}
