//! Policy texts made ready to be judged, each once.
//!
//! Owns: parsing, taking statements apart, and telling what a text depends on. Must not: judge.

use super::standing::Text;
use crate::model::{Address, Change, Plan};
use crate::policy::{Document, Effect};
use serde_json::Value;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The number of a text among those seen.
pub(super) type TextId = usize;

/// A policy's text, ready.
pub(super) struct Ready {
    /// Its name.
    pub(super) name: String,
    /// As it is saved.
    pub(super) saved: Option<Arc<str>>,
    /// What it says, or why that can't be read.
    pub(super) parts: Result<Parts, String>,
    /// Whether it can judge two accounts differently that are equal but for their ids.
    pub(super) tells_accounts_apart: bool,
    /// Whether it depends on the Region of a request.
    pub(super) regional: bool,
    /// Whether lines mean something: a minified text is one line.
    pub(super) has_lines: bool,
    /// Where each statement stands in the files of a playbook, if the plan says so.
    pub(super) origins: Vec<String>,
}

impl Ready {
    /// Where a person finds a statement: in a file, or on a line of the document as it is saved.
    pub(super) fn place(&self, index: usize, statement: &Single) -> Option<String> {
        let origin = self.origins.get(index).map(|origin| plain(origin));
        origin.or_else(|| self.has_lines.then(|| format!("line {}", statement.line)))
    }
}

/// A path without what a terminal would act on.
fn plain(origin: &str) -> String {
    origin.chars().flat_map(char::escape_debug).collect()
}

/// A document whole, and statement by statement. "Wide" is with every Deny about every resource.
pub(super) struct Parts {
    pub(super) plain: Document,
    pub(super) wide: Document,
    /// The text of `wide`, where it is not the same as `plain`.
    pub(super) widened: Option<String>,
    pub(super) statements: Vec<Single>,
}

/// One statement of a document.
pub(super) struct Single {
    pub(super) plain: Document,
    pub(super) wide: Document,
    pub(super) effect: Effect,
    /// Its id. Hostile.
    pub(super) sid: Option<String>,
    pub(super) line: usize,
    /// As JSON: the same statement in another policy, or at another place, is the same.
    pub(super) text: String,
}

/// Every text seen so far.
#[derive(Default)]
pub(super) struct Texts {
    ids: HashMap<(String, Option<Arc<str>>), TextId>,
    /// Where the statements of texts stand that a plan writes, by name and text.
    origins: HashMap<(String, String), Vec<String>>,
    ready: Vec<Rc<Ready>>,
}

impl Texts {
    /// No texts; those that the plan writes are known by where their statements stand.
    pub(super) fn of(plan: &Plan) -> Self {
        let origin = |change: &Change| {
            let Address::Policy { name, .. } = &change.address else { return None };
            let text = change.after.as_ref()?.0.get("content")?.as_str()?;
            (!change.origins.is_empty()).then(|| ((name.clone(), text.to_owned()), change.origins.clone()))
        };
        Self { origins: plan.changes.iter().filter_map(origin).collect(), ..Self::default() }
    }

    /// The number of a policy's text; `None` for a policy that is attached and not there.
    pub(super) fn id(&mut self, name: &str, text: Option<&Text>) -> TextId {
        let key = (name.to_owned(), text.and_then(|text| text.as_ref().ok()).map(Arc::clone));
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let parts = match text {
            Some(Ok(text)) => parts(text),
            Some(Err(why)) => Err(why.clone()),
            None => Err("there is no such policy".to_owned()),
        };
        let readable = |test: fn(&Document) -> bool| parts.as_ref().is_ok_and(|parts| test(&parts.plain));
        let ready = Ready {
            name: name.to_owned(),
            saved: key.1.clone(),
            tells_accounts_apart: readable(tells_accounts_apart),
            regional: readable(is_regional),
            origins: key
                .1
                .as_ref()
                .and_then(|text| self.origins.get(&(name.to_owned(), text.to_string())).cloned())
                .unwrap_or_default(),
            has_lines: key.1.as_ref().is_some_and(|text| text.trim().contains('\n')),
            parts,
        };
        let id = self.ready.len();
        self.ready.push(Rc::new(ready));
        self.ids.insert(key, id);
        id
    }

    /// The texts of these numbers.
    pub(super) fn get(&self, ids: &[TextId]) -> Vec<Rc<Ready>> {
        ids.iter().filter_map(|id| self.ready.get(*id)).map(Rc::clone).collect()
    }

    /// Whether any of these can tell accounts apart.
    pub(super) fn tell_accounts_apart(&self, ids: &[TextId]) -> bool {
        ids.iter().filter_map(|id| self.ready.get(*id)).any(|ready| ready.tells_accounts_apart)
    }
}

/// A document and its statements, one by one. The error is why it can't be read.
fn parts(text: &str) -> Result<Parts, String> {
    let plain = Document::parse(text).map_err(|errors| match errors.first() {
        Some(first) => first.to_string(),
        None => "it is no policy".to_owned(),
    })?;
    let unfit = || "its statements can't be taken apart".to_owned();
    let mut whole: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let members = whole.as_object_mut().ok_or_else(unfit)?;
    let list = match members.remove("Statement").ok_or_else(unfit)? {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mut build = |statements: Vec<Value>| {
        members.insert("Statement".to_owned(), Value::Array(statements));
        let text = serde_json::to_string(members).map_err(|error| error.to_string())?;
        Document::parse(&text).map(|document| (document, text)).map_err(|_| unfit())
    };
    let about_all: Vec<Value> = list.iter().cloned().map(widened).collect();
    let differs = about_all != list;
    let (wide, text) = build(about_all)?;
    let mut statements = Vec::new();
    for (value, statement) in list.into_iter().zip(plain.statements()) {
        statements.push(Single {
            text: value.to_string(),
            plain: build(vec![value.clone()])?.0,
            wide: build(vec![widened(value)])?.0,
            effect: statement.effect(),
            sid: statement.sid().map(str::to_owned),
            line: statement.line(),
        });
    }
    Ok(Parts { plain, wide, widened: differs.then_some(text), statements })
}

/// A Deny made about every resource: what it denies on one may be the one that is needed.
fn widened(mut statement: Value) -> Value {
    if let Value::Object(elements) = &mut statement
        && elements.get("Effect").and_then(Value::as_str) == Some("Deny")
    {
        elements.remove("NotResource");
        elements.insert("Resource".to_owned(), Value::from("*"));
    }
    statement
}

/// Whether a text could match one account's id and not another's. Ids are all of 12 digits, so a pattern without a digit
/// where an account id stands can't.
fn tells_accounts_apart(document: &Document) -> bool {
    document.statements().iter().any(|statement| {
        let resources = statement.resources().iter().chain(statement.not_resources());
        let conditions = statement.conditions().iter();
        let by_id = conditions.clone().filter(|condition| {
            ["aws:PrincipalArn", "aws:PrincipalAccount", "aws:ResourceAccount"]
                .iter()
                .any(|key| condition.is_about(key))
        });
        let variable = conditions.flat_map(|condition| &condition.values).any(|value| value.contains("${"));
        variable || resources.chain(by_id.flat_map(|condition| &condition.values)).any(|value| names_an_account(value))
    })
}

fn names_an_account(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let digit = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    match parts.as_slice() {
        _ if value.contains("${") => true,
        ["arn", _, _, _, account, _] => digit(account),
        _ => digit(value),
    }
}

fn is_regional(document: &Document) -> bool {
    document.statements().iter().any(|statement| {
        let texts = statement.resources().iter().chain(statement.not_resources());
        let conditions = statement.conditions();
        let variable = |text: &String| text.to_ascii_lowercase().contains("${aws:requestedregion");
        conditions.iter().any(|condition| condition.is_about("aws:RequestedRegion"))
            || texts.chain(conditions.iter().flat_map(|condition| &condition.values)).any(variable)
    })
}
