//! Parameters: values a playbook asks its user for, and where they may stand.
//!
//! Owns: declaration, values, and substitution of `${name}`. Must not: read files.
//!
//! # Substitution
//! Only declared names are substituted. In a playbook, after the YAML was parsed, so that no value can add keys or
//! entries: a text that is `${name}` and nothing else becomes the value (a list parameter as an entry of a list adds its
//! entries there); inside a longer text only texts and numbers may stand.
//!
//! In a policy document, inside JSON strings only, so that the document stays JSON whatever the value holds: inside a
//! string the value is JSON-escaped; a string that is `"${name}"` and nothing else becomes, for a list, that many strings
//! (as an entry of a list) or a list of strings (as a value). Names of members are never substituted. IAM's own variables
//! (`${aws:username}`, `${*}`) are no parameter names and stay. A value may not hold `*`, `?` or `${` there, because IAM
//! would read them as wildcards and variables.

use super::errors::{LoadError, nearest};
use super::node::{MAX_BYTES, Node, Value};
use super::read::{Fields, Reader};
use super::source::{At, SourceText};
use crate::model::Region;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Values for parameters by name, as given on the command line. A list is given as `a,b` or as a JSON list of texts.
/// The command line adds `audit_role` and `apply_role`, the names of the roles orgward uses.
pub type Values = BTreeMap<String, String>;

/// A kind of parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// One text.
    Text,
    /// One whole number.
    Number,
    /// Texts.
    List,
    /// Region codes.
    Regions,
}

impl ParameterKind {
    /// The words for kinds.
    pub const WORDS: [&'static str; 4] = ["text", "number", "list", "regions"];

    fn parse(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "number" => Some(Self::Number),
            "list" => Some(Self::List),
            "regions" => Some(Self::Regions),
            _ => None,
        }
    }
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name: lower-case letters, digits and `_`.
    pub name: String,
    /// Its kind.
    pub kind: ParameterKind,
    /// What it is for.
    pub description: String,
    /// Whether it has no default.
    pub required: bool,
    /// The Regions given, if it is of kind `regions`: whether there are such is for the organization to say.
    pub regions: Vec<Region>,
    /// Where it is declared.
    pub at: At,
}

/// The value of a parameter in one load.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given {
    Text(String),
    Number(i64),
    List(Vec<String>),
    /// Required and not given: reported where it is declared.
    Missing,
}

/// Names among `values` that none of `declared` knows, each as a message with the nearest name.
pub fn undeclared<'p>(declared: impl Iterator<Item = &'p Parameter>, values: &Values) -> Vec<String> {
    let names: Vec<&str> = declared.map(|p| p.name.as_str()).collect();
    let unknown = values.keys().filter(|name| !names.contains(&name.as_str()));
    unknown.map(|name| format!("no playbook has a parameter `{name}`: {}", nearest(name, &names))).collect()
}

/// Parameters with their values.
#[derive(Debug, Default)]
pub(super) struct Bound {
    given: BTreeMap<String, Given>,
    /// Bytes of values that were put in so far.
    put_in: Cell<usize>,
}

/// The most that may be put in, in bytes: a small file can name a large value very often.
const MOST_PUT_IN: usize = 8 * MAX_BYTES;

/// What stands for every value once that is reached, which is reported once.
static NO_ROOM: Given = Given::Missing;

impl Given {
    /// How much room it takes where it is put in.
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(|item| item.len().saturating_add(ENTRY)).sum(),
            Self::Number(_) | Self::Missing => ENTRY,
        }
    }
}

/// What an entry of a list takes beside its text.
const ENTRY: usize = 64;

/// Reads `parameters:` and binds the values.
pub(super) fn bind(reader: &mut Reader, node: Option<&Node>, values: &Values) -> (Vec<Parameter>, Bound) {
    let (mut parameters, mut bound) = (Vec::new(), Bound::default());
    let Some(fields) = node.and_then(|node| reader.fields(node, "`parameters`")) else { return (parameters, bound) };
    let names: Vec<&str> = fields.entries().iter().map(|(name, ..)| *name).collect();
    for (name, at, node) in fields.entries() {
        if !is_name(name) {
            reader.error(*at, format!("`{name}` is no parameter name, use lower-case letters, digits and `_`"));
            continue;
        }
        let Some(mut inner) = reader.fields(node, &format!("parameter `{name}`")) else { continue };
        let description = reader.required(&mut inner, "description").and_then(|n| reader.text(n, "description"));
        let kind = kind(reader, &mut inner);
        let default = inner.get("default").and_then(|node| default(reader, node, name, kind));
        reader.done(&inner);
        let given = match (values.get(*name), &default) {
            (Some(value), _) => match parse(kind, value) {
                Ok(given) => given,
                Err(problem) => {
                    reader.error(*at, format!("the value given for parameter `{name}` {problem}"));
                    Given::Missing
                }
            },
            (None, Some(default)) => default.clone(),
            (None, None) => {
                let what = description.as_deref().unwrap_or("required");
                // What was given under a name that is nearly this one was meant for it.
                let others = values.keys().map(String::as_str).filter(|given| !names.contains(given));
                let hint = match crate::model::nearest(name, others, 0.85) {
                    Some(near) => format!("give it with `--set {name}=...`, not `{near}`: {what}"),
                    None => format!("give it with `--set {name}=...`: {what}"),
                };
                reader.error_with(*at, format!("parameter `{name}` has no value"), hint);
                Given::Missing
            }
        };
        let regions = match (&given, kind) {
            (Given::List(texts), ParameterKind::Regions) => texts.iter().filter_map(|text| text.parse().ok()).collect(),
            _ => Vec::new(),
        };
        bound.given.insert((*name).to_owned(), given);
        parameters.push(Parameter {
            name: (*name).to_owned(),
            kind,
            description: description.unwrap_or_default(),
            required: default.is_none(),
            regions,
            at: *at,
        });
    }
    (parameters, bound)
}

fn kind(reader: &mut Reader, fields: &mut Fields<'_>) -> ParameterKind {
    let Some(node) = fields.get("type") else { return ParameterKind::Text };
    let Some(word) = reader.text(node, "type") else { return ParameterKind::Text };
    ParameterKind::parse(&word).unwrap_or_else(|| {
        reader.error_with(node.at, format!("unknown type `{word}`"), nearest(&word, &ParameterKind::WORDS));
        ParameterKind::Text
    })
}

/// The default as it stands in the playbook.
fn default(reader: &mut Reader, node: &Node, name: &str, kind: ParameterKind) -> Option<Given> {
    let text = match (&node.value, kind) {
        (Value::List(items), ParameterKind::List | ParameterKind::Regions) => {
            let texts: Vec<String> = items.iter().filter_map(|item| reader.text(item, "default")).collect();
            serde_json::to_string(&texts).ok()?
        }
        (Value::Int(value), ParameterKind::Number) => value.to_string(),
        _ => reader.text(node, "default")?,
    };
    match parse(kind, &text) {
        Ok(given) => Some(given),
        Err(problem) => {
            reader.error(node.at, format!("the default of parameter `{name}` {problem}"));
            Some(Given::Missing)
        }
    }
}

/// A value from the command line.
fn parse(kind: ParameterKind, value: &str) -> Result<Given, String> {
    if value.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    match kind {
        ParameterKind::Text => Ok(Given::Text(value.to_owned())),
        ParameterKind::Number => {
            value.trim().parse().map(Given::Number).map_err(|_| "is not a whole number".to_owned())
        }
        ParameterKind::List => list(value).map(Given::List),
        ParameterKind::Regions => {
            let regions = list(value)?;
            match regions.iter().find_map(|region| region.parse::<Region>().err()) {
                Some(error) => Err(format!("is wrong: {error}")),
                None => Ok(Given::List(regions)),
            }
        }
    }
}

fn list(value: &str) -> Result<Vec<String>, String> {
    let items: Vec<String> = if value.trim_start().starts_with('[') {
        serde_json::from_str(value).map_err(|error| format!("is no JSON list of texts ({error})"))?
    } else {
        value.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    };
    if items.is_empty() { Err("is an empty list".to_owned()) } else { Ok(items) }
}

fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A part of a text.
enum Piece<'t> {
    Literal(&'t str),
    /// `${name}`; the name looks like a parameter's.
    Name(&'t str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut searched = 0;
    while let Some(start) = rest.get(searched..).and_then(|tail| tail.find("${")).map(|at| at + searched) {
        let inner = rest.get(start + 2..).unwrap_or_default();
        let name = inner.find('}').and_then(|end| inner.get(..end)).filter(|name| is_name(name));
        let Some(name) = name else {
            searched = start + 2;
            continue;
        };
        found.push(Piece::Literal(rest.get(..start).unwrap_or_default()));
        found.push(Piece::Name(name));
        rest = inner.get(name.len() + 1..).unwrap_or_default();
        searched = 0;
    }
    found.push(Piece::Literal(rest));
    found.retain(|piece| !matches!(piece, Piece::Literal("")));
    found
}

impl Bound {
    fn look_up(&self, name: &str) -> Result<&Given, (String, String)> {
        let names: Vec<&str> = self.given.keys().map(String::as_str).collect();
        let unknown = || {
            (
                format!("there is no parameter `{name}`"),
                format!("declare it under `parameters`, or {}", nearest(name, &names)),
            )
        };
        let given = self.given.get(name).ok_or_else(unknown)?;
        let before = self.put_in.get();
        if before > MOST_PUT_IN {
            return Ok(&NO_ROOM);
        }
        self.put_in.set(before.saturating_add(given.size()));
        if self.put_in.get() > MOST_PUT_IN {
            let message = format!("with `{name}` here, parameters put in more than {MOST_PUT_IN} bytes");
            return Err((message, "name long values less often".to_owned()));
        }
        Ok(given)
    }

    /// The tree with its parameters replaced. `content` of a step is left alone: it is a policy document.
    pub fn apply(&self, reader: &mut Reader, node: Node) -> Node {
        let at = node.at;
        let value = match node.value {
            Value::Text(text) => self.text(reader, at, text),
            Value::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    let spliced = matches!(item.value, Value::Text(_));
                    match self.apply(reader, item) {
                        Node { value: Value::List(more), .. } if spliced => list.extend(more),
                        other => list.push(other),
                    }
                }
                // A list with an entry that has no value is as unknown as the entry.
                if list.iter().any(|item| item.value == Value::Missing) { Value::Missing } else { Value::List(list) }
            }
            Value::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let document = key.value == Value::Text("content".to_owned());
                        let value = if document { value } else { self.apply(reader, value) };
                        (key, value)
                    })
                    .collect(),
            ),
            other => other,
        };
        Node { at, value }
    }

    fn text(&self, reader: &mut Reader, at: At, text: String) -> Value {
        let pieces = pieces(&text);
        if let [Piece::Name(name)] = pieces.as_slice() {
            return match self.look_up(name) {
                Ok(Given::Text(text)) => Value::Text(text.clone()),
                Ok(Given::Number(number)) => Value::Int(*number),
                Ok(Given::List(items)) => {
                    Value::List(items.iter().map(|item| Node { at, value: Value::Text(item.clone()) }).collect())
                }
                Ok(Given::Missing) => Value::Missing,
                Err((message, hint)) => {
                    reader.error_with(at, message, hint);
                    Value::Missing
                }
            };
        }
        let mut whole = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => whole.push_str(literal),
                Piece::Name(name) => match self.look_up(name) {
                    Ok(Given::Text(text)) => whole.push_str(text),
                    Ok(Given::Number(number)) => whole.push_str(&number.to_string()),
                    Ok(Given::Missing) => return Value::Missing,
                    Ok(Given::List(_)) => {
                        reader.error(at, format!("the list parameter `{name}` can't stand inside a text"));
                        return Value::Missing;
                    }
                    Err((message, hint)) => {
                        reader.error_with(at, message, hint);
                        return Value::Missing;
                    }
                },
            }
        }
        Value::Text(whole)
    }

    /// A policy document with its parameters replaced; lines keep their numbers.
    ///
    /// `None`: a parameter it needs has no value, or a mistake was added to `errors`.
    pub fn apply_json(&self, document: &SourceText, errors: &mut Vec<LoadError>) -> Option<String> {
        let text = document.text();
        let (mut out, mut whole) = (String::with_capacity(text.len()), true);
        let mut at = 0;
        while let Some(open) = text.get(at..).and_then(|tail| tail.find('"')).map(|found| found + at) {
            out.push_str(text.get(at..open)?);
            let Some(close) = closing_quote(text, open + 1) else {
                at = open;
                break;
            };
            let inner = text.get(open + 1..close)?;
            let is_key = text.get(close + 1..)?.trim_start().starts_with(':');
            let in_list = text.get(..open)?.trim_end().ends_with(['[', ',']);
            match self.json_string(inner, is_key, in_list) {
                Ok(Some(replaced)) => out.push_str(&replaced),
                Ok(None) => whole = false,
                Err((message, hint)) => {
                    let error = LoadError::new(document, place(text, open), message);
                    errors.push(match hint {
                        Some(hint) => error.hint(hint),
                        None => error,
                    });
                    whole = false;
                }
            }
            at = close + 1;
        }
        out.push_str(text.get(at..)?);
        whole.then_some(out)
    }

    /// What stands for a JSON string, quotes included; `None` if a value is missing.
    fn json_string(
        &self,
        inner: &str,
        is_key: bool,
        in_list: bool,
    ) -> Result<Option<String>, (String, Option<String>)> {
        let pieces = pieces(inner);
        if !pieces.iter().any(|piece| matches!(piece, Piece::Name(_))) {
            return Ok(Some(format!("\"{inner}\"")));
        }
        if is_key {
            return Err(("a member's name can't be a parameter".to_owned(), None));
        }
        let known = |name: &str| self.look_up(name).map_err(|(message, hint)| (message, Some(hint)));
        if let [Piece::Name(name)] = pieces.as_slice()
            && let Given::List(items) = known(name)?
        {
            let strings = items.iter().map(|item| escaped(name, item)).collect::<Result<Vec<_>, _>>()?;
            let joined = strings.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(", ");
            return Ok(Some(if in_list { joined } else { format!("[{joined}]") }));
        }
        let mut whole = String::from("\"");
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => whole.push_str(literal),
                Piece::Name(name) => match known(name)? {
                    Given::Text(text) => whole.push_str(&escaped(name, text)?),
                    Given::Number(number) => whole.push_str(&number.to_string()),
                    Given::Missing => return Ok(None),
                    Given::List(_) => {
                        return Err((format!("the list parameter `{name}` can't stand inside a text"), None));
                    }
                },
            }
        }
        whole.push('"');
        Ok(Some(whole))
    }
}

/// A value as the inside of a JSON string.
fn escaped(name: &str, value: &str) -> Result<String, (String, Option<String>)> {
    if value.contains(['*', '?']) || value.contains("${") {
        let hint = "IAM reads `*`, `?` and `${` as wildcards and variables: write those into the document itself";
        return Err((
            format!("the value of parameter `{name}` can't stand in a policy document"),
            Some(hint.to_owned()),
        ));
    }
    let quoted = serde_json::Value::from(value).to_string();
    Ok(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned())
}

/// Where the JSON string that begins at `from` ends: its closing quote.
fn closing_quote(text: &str, from: usize) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in text.as_bytes().iter().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index),
            _ => {}
        }
    }
    None
}

fn place(text: &str, offset: usize) -> At {
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    At { line: number(line), column: number(column) }
}
