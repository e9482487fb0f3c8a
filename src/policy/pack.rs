//! Several policies in fewer documents.
//!
//! Owns: writing statements as text, names that stay unique, and the bins. Must not: change what the policies decide when
//! they are attached to the same target: there, statements are joined whatever document they are in.

use super::canonical::statement_without_sid;
use super::document::{Condition, Document, Principals, Statement, Version};
use super::size;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A statement that is larger than a policy may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("statement {} of document {} does not fit into a policy of {most} characters, split its lists", index + 1, document + 1)]
pub struct TooLarge {
    /// The document among those given, from 0.
    pub document: usize,
    /// The statement in the document, from 0.
    pub index: usize,
    /// The most characters a policy may have.
    pub most: usize,
}

/// A document made of statements of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its text, minified.
    pub text: String,
    /// Where each of its statements was: the document among those given and the statement in it, both from 0.
    pub statements: Vec<(usize, usize)>,
}

/// Packs the statements of some documents into as few minified documents of at most `most` characters and bytes as a
/// first fit of the largest finds. What they decide together is unchanged.
///
/// Documents of different versions are not mixed: `${...}` means something in one of them only. A statement that is there
/// twice is kept once. A `Sid` that is used twice gets a number. `Id`s are dropped: they decide nothing.
///
/// # Errors
/// If one statement alone is too large.
pub fn pack(documents: &[Document], most: usize) -> Result<Vec<Packed>, TooLarge> {
    let mut sids = Sids::of(documents);
    let mut seen = BTreeSet::new();
    let mut pieces = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        for (index, statement) in document.statements().iter().enumerate() {
            if !seen.insert((document.version(), statement_without_sid(statement).to_string())) {
                continue;
            }
            let text = written(statement, sids.name(statement.sid()));
            pieces.push(Piece { version: document.version(), order: (at, index), text });
        }
    }
    pieces.sort_by_key(|piece| (piece.version, std::cmp::Reverse(length(&piece.text)), piece.order));
    let mut bins: Vec<Bin> = Vec::new();
    for piece in pieces {
        let room =
            bins.iter_mut().find(|bin| bin.version == piece.version && bin.size() + 1 + length(&piece.text) <= most);
        if let Some(bin) = room {
            bin.pieces.push(piece);
            continue;
        }
        let bin = Bin { version: piece.version, pieces: vec![piece] };
        if let (true, Some(Piece { order: (document, index), .. })) = (bin.size() > most, bin.pieces.first()) {
            return Err(TooLarge { document: *document, index: *index, most });
        }
        bins.push(bin);
    }
    for bin in &mut bins {
        bin.pieces.sort_by_key(|piece| piece.order);
    }
    bins.sort_by_key(|bin| bin.pieces.first().map(|piece| piece.order));
    let packed =
        |bin: &Bin| Packed { text: bin.text(), statements: bin.pieces.iter().map(|piece| piece.order).collect() };
    Ok(bins.iter().map(packed).collect())
}

/// A statement as text, and where it was.
struct Piece {
    version: Version,
    order: (usize, usize),
    text: String,
}

/// Characters or bytes, whichever are more.
fn length(text: &str) -> usize {
    let size = size(text);
    size.characters.max(size.bytes)
}

/// A document being filled.
struct Bin {
    version: Version,
    pieces: Vec<Piece>,
}

impl Bin {
    fn text(&self) -> String {
        let statements: Vec<&str> = self.pieces.iter().map(|piece| piece.text.as_str()).collect();
        format!(r#"{{"Version":"{}","Statement":[{}]}}"#, self.version.as_str(), statements.join(","))
    }

    fn size(&self) -> usize {
        length(&self.text())
    }
}

/// The names of statements, each given out once.
struct Sids {
    /// Those of the documents: a numbered name is none of them.
    taken: BTreeSet<String>,
    given: BTreeSet<String>,
}

impl Sids {
    fn of(documents: &[Document]) -> Self {
        let all = documents.iter().flat_map(Document::statements).filter_map(Statement::sid);
        Self { taken: all.map(str::to_owned).collect(), given: BTreeSet::new() }
    }

    /// The name itself the first time, then with the first free number.
    fn name(&mut self, sid: Option<&str>) -> Option<String> {
        let sid = sid.filter(|sid| !sid.is_empty())?;
        let mut name = sid.to_owned();
        if self.given.contains(sid) {
            let free = |name: &String| !self.taken.contains(name) && !self.given.contains(name);
            name = (2_u64..).map(|number| format!("{sid}{number}")).find(free)?;
        }
        self.given.insert(name.clone());
        Some(name)
    }
}

/// A statement as minified JSON, in the order people write it.
fn written(statement: &Statement, sid: Option<String>) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            parts.push(format!("{}:{value}", json!(name)));
        }
    };
    put("Sid", sid.map(Value::from));
    put("Effect", Some(statement.effect().as_str().into()));
    put("Principal", statement.principals().map(principals));
    put("NotPrincipal", statement.not_principals().map(principals));
    put("Action", list(statement.actions()));
    put("NotAction", list(statement.not_actions()));
    put("Resource", list(statement.resources()));
    put("NotResource", list(statement.not_resources()));
    put("Condition", conditions(statement.conditions()));
    format!("{{{}}}", parts.join(","))
}

/// One text alone, several as a list, none not at all.
fn list(texts: &[String]) -> Option<Value> {
    match texts {
        [] => None,
        [one] => Some(json!(one)),
        more => Some(json!(more)),
    }
}

fn principals(named: &Principals) -> Value {
    if named.anyone {
        return "*".into();
    }
    let kinds = [
        ("AWS", &named.aws),
        ("Service", &named.service),
        ("Federated", &named.federated),
        ("CanonicalUser", &named.canonical_user),
    ];
    let written = kinds.into_iter().filter_map(|(kind, names)| Some((kind.to_owned(), list(names)?)));
    Value::Object(written.collect())
}

fn conditions(conditions: &[Condition]) -> Option<Value> {
    let mut operators: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for condition in conditions {
        // An empty list is written: it is not the same as no line.
        let values = list(&condition.values).unwrap_or_else(|| json!([]));
        operators.entry(&condition.operator).or_default().insert(condition.key.clone(), values);
    }
    (!operators.is_empty()).then(|| json!(operators))
}
