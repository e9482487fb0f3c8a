//! Reads a playbook: YAML, parameters, steps and the policy documents they name, with every mistake at once.
//!
//! Owns: opening playbook and document files, and the digest over them. Must not: look at an organization.

use super::actions;
use super::errors::{LoadError, LoadErrors};
use super::limits::Limits;
use super::node::{self, Node};
use super::parameters::{self, Bound, Values};
use super::policy_text::PolicyText;
use super::read::{Fields, Reader, slug};
use super::rollout;
use super::schema::{Action, PLAYBOOK_VERSION, Playbook, Step};
use super::source::{At, SourceText};
use crate::model::os_words;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where the policy documents that a playbook names are looked up.
#[derive(Debug, Clone)]
pub enum Documents {
    /// In this folder: the playbook's own.
    Folder(PathBuf),
    /// Among embedded texts, by name.
    Embedded(&'static [(&'static str, &'static str)]),
}

impl Documents {
    /// The document of this name and what messages call it.
    fn read(&self, name: &str) -> Result<SourceText, String> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                beside(folder, &path)?;
                let text = read_file(&path)?;
                Ok(SourceText::new(&path.display().to_string(), &text))
            }
            Self::Embedded(documents) => match documents.iter().find(|(known, _)| *known == name) {
                Some((_, text)) => Ok(SourceText::new(name, text)),
                None => Err("there is no such embedded document".to_owned()),
            },
        }
    }
}

/// Loads a playbook file; documents are looked up beside it.
///
/// # Errors
/// Every mistake in the playbook, its parameters and its documents.
pub fn load(path: &Path, values: &Values) -> Result<Playbook, LoadErrors> {
    load_within(path, values, &Limits::default())
}

/// The same, with documents of another size than AWS's published one.
///
/// # Errors
/// As [`load`].
pub(super) fn load_within(path: &Path, values: &Values, limits: &Limits) -> Result<Playbook, LoadErrors> {
    let name = path.display().to_string();
    let text = read_file(path).map_err(|problem| {
        LoadErrors(vec![LoadError::new(&SourceText::new(&name, ""), At::FILE, format!("can't be read: {problem}"))])
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    load_text((&name, &text), &Documents::Folder(folder), values, limits)
}

/// Loads a playbook from its text; `name` is what messages call it.
///
/// # Errors
/// Every mistake in the playbook, its parameters and its documents.
pub fn load_str(name: &str, text: &str, documents: &Documents, values: &Values) -> Result<Playbook, LoadErrors> {
    load_text((name, text), documents, values, &Limits::default())
}

/// The same, with documents of another size than AWS's published one.
pub(super) fn load_text(
    (name, text): (&str, &str),
    documents: &Documents,
    values: &Values,
    limits: &Limits,
) -> Result<Playbook, LoadErrors> {
    let source = SourceText::new(name, text);
    let tree = node::parse(&source).map_err(|error| LoadErrors(vec![error]))?;
    let mut loading = Loading::new(&source, documents, limits);
    let playbook = loading.playbook(&tree, values);
    let mut errors = loading.reader.errors;
    errors.append(&mut loading.document_errors);
    match playbook {
        Some(playbook) if errors.is_empty() => Ok(playbook),
        _ if errors.is_empty() => {
            Err(LoadErrors(vec![LoadError::new(&source, At::FILE, "could not be read as a playbook")]))
        }
        _ => Err(LoadErrors::sorted(errors)),
    }
}

/// One load under way; what the readers of actions work with.
pub(super) struct Loading<'l> {
    /// Collects the playbook's mistakes.
    pub reader: Reader,
    /// Parameters with their values.
    bound: Bound,
    source: SourceText,
    documents: &'l Documents,
    /// What Organizations allows of a policy.
    pub limits: Limits,
    document_errors: Vec<LoadError>,
    hash: Sha256,
}

impl<'l> Loading<'l> {
    fn new(source: &SourceText, documents: &'l Documents, limits: &Limits) -> Self {
        let mut loading = Self {
            reader: Reader::new(source),
            bound: Bound::default(),
            source: source.clone(),
            documents,
            limits: *limits,
            document_errors: Vec::new(),
            hash: Sha256::new(),
        };
        loading.digest(source.text());
        loading
    }

    /// Adds a text to the digest, its length first, so that texts can't run into each other.
    fn digest(&mut self, text: &str) {
        self.hash.update(text.len().to_be_bytes());
        self.hash.update(text.as_bytes());
    }

    fn playbook(&mut self, tree: &Node, values: &Values) -> Option<Playbook> {
        let mut fields = self.reader.fields(tree, "a playbook")?;
        self.version(&mut fields);
        let name = self.reader.required(&mut fields, "name").and_then(|n| self.slug(n, "name"));
        let description =
            self.reader.required(&mut fields, "description").and_then(|n| self.reader.text(n, "description"));
        let (declared, bound) = parameters::bind(&mut self.reader, fields.get("parameters"), values);
        self.bound = bound;
        for parameter in &declared {
            if let Some(value) = values.get(&parameter.name) {
                self.digest(&parameter.name);
                self.digest(value);
            }
        }
        let rollout = fields.get("rollout").map(|node| {
            let tree = self.bound.apply(&mut self.reader, node.clone());
            rollout::read(&mut self.reader, &tree)
        });
        let steps = self.steps(&mut fields);
        self.reader.done(&fields);
        if rollout.is_some() {
            self.names_leave_room(steps.as_deref().unwrap_or_default());
        }
        let digest: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Playbook {
            name: name?,
            description: description?,
            parameters: declared,
            rollout: match rollout {
                None => None,
                Some(read) => Some(read?),
            },
            steps: steps?,
            digest: format!("sha256:{digest}"),
            source: self.source.clone(),
        })
    }

    /// Under a rollout a changed SCP becomes a new policy, whose name is longer.
    fn names_leave_room(&mut self, steps: &[Step]) {
        let most = 128 - super::generations::SUFFIX;
        for step in steps {
            if scp_names(step).iter().any(|name| name.chars().count() > most) {
                let message = format!("under `rollout` the name of an SCP may have {most} characters at most");
                self.reader.error(step.at, message);
            }
        }
    }

    fn version(&mut self, fields: &mut Fields<'_>) {
        let Some(node) = self.reader.required(fields, "version") else { return };
        if node.value != node::Value::Int(PLAYBOOK_VERSION) {
            let message = format!("`version` has to be {PLAYBOOK_VERSION}, found {}", node.value.describe());
            self.reader.error(node.at, message);
        }
    }

    fn slug(&mut self, node: &Node, what: &str) -> Option<String> {
        self.reader.word(node, what, 64, slug, "lower-case letters, digits and `-`")
    }

    fn steps(&mut self, fields: &mut Fields<'_>) -> Option<Vec<Step>> {
        let node = self.reader.required(fields, "steps")?;
        let tree = self.bound.apply(&mut self.reader, node.clone());
        let items = self.reader.list(&tree, "steps")?;
        let mut steps: Vec<Step> = Vec::new();
        let mut ids: BTreeMap<String, At> = BTreeMap::new();
        for item in items {
            let Some(step) = self.step(item, &mut ids) else { continue };
            for name in scp_names(&step) {
                if let Some(first) = steps.iter().find(|other| scp_names(other).contains(&name)) {
                    let message = format!("step `{}` already defines the SCP `{name}`", first.id);
                    self.reader.error(step.at, message);
                }
            }
            steps.push(step);
        }
        Some(steps)
    }

    fn step(&mut self, node: &Node, ids: &mut BTreeMap<String, At>) -> Option<Step> {
        let mut fields = self.reader.fields(node, "a step")?;
        let id = self.reader.required(&mut fields, "id").and_then(|n| {
            let id = self.slug(n, "id")?;
            match ids.entry(id.clone()) {
                Entry::Vacant(free) => drop(free.insert(n.at)),
                Entry::Occupied(first) => {
                    let message = format!("step `{id}` is already defined in line {}", first.get().line);
                    self.reader.error(n.at, message);
                }
            }
            Some(id)
        });
        let found: Vec<(&'static str, &Node)> =
            Action::WORDS.into_iter().filter_map(|word| fields.get(word).map(|node| (word, node))).collect();
        let mistakes = self.reader.errors.len();
        self.reader.done(&fields);
        let actions = Action::WORDS.map(|word| format!("`{word}`")).join(", ");
        match found.as_slice() {
            [(word, body)] => {
                let action = actions::read(self, word, body)?;
                Some(Step { id: id?, at: node.at, action })
            }
            [] => {
                // A misspelt action is reported already.
                if self.reader.errors.len() == mistakes {
                    self.reader.error(fields.at, format!("a step needs one action: {actions}"));
                }
                None
            }
            [_, (second, _), ..] => {
                let at = fields.place(second);
                self.reader.error(at, format!("a step has exactly one action, found {} of {actions}", found.len()));
                None
            }
        }
    }

    /// A policy document from a file: parameters replaced, linted and minified.
    pub fn document(&mut self, node: &Node) -> Option<PolicyText> {
        let name = self.reader.text(node, "document")?;
        match self.documents.read(&name) {
            Ok(document) => self.policy(&document, None),
            Err(problem) => {
                let message = format!("document `{name}` can't be read: {problem}");
                // A shipped playbook that was printed and saved comes without what it names.
                match super::shipped::is_shipped_document(&name) {
                    true => self.reader.error_with(
                        node.at,
                        message,
                        "`orgward playbooks NAME --out DIR` writes a shipped playbook with the documents that it names",
                    ),
                    false => self.reader.error(node.at, message),
                }
                None
            }
        }
    }

    /// A policy document written into the playbook as a mapping.
    pub fn content(&mut self, node: &Node) -> Option<PolicyText> {
        let (json, places) = actions::json(&mut self.reader, node)?;
        let document = SourceText::new(self.source.name(), &json);
        self.policy(&document, Some(&places))
    }

    /// Whether a policy is small enough by itself; else it is a mistake.
    pub fn fits(&mut self, text: &PolicyText) -> bool {
        let error = text.too_large(&self.limits);
        let fits = error.is_none();
        self.document_errors.extend(error);
        fits
    }

    /// `places`: where each line of the document stands in the playbook, if it has no file of its own.
    fn policy(&mut self, document: &SourceText, places: Option<&[At]>) -> Option<PolicyText> {
        let in_file = |line: u32| match places {
            Some(places) => {
                let line = usize::try_from(line).unwrap_or(0).saturating_sub(1);
                places.get(line).or(places.first()).copied().unwrap_or_default()
            }
            None => At { line, column: 0 },
        };
        let mut errors = Vec::new();
        let read = self.bound.apply_json(document, &mut errors).and_then(|text| {
            let read = PolicyText::read(document, &text, &in_file, &mut errors)?;
            Some((text, read))
        });
        let errors = errors.into_iter().map(|error| match places {
            Some(_) => {
                LoadError { hint: error.hint, ..LoadError::new(&self.source, in_file(error.line), error.message) }
            }
            None => error,
        });
        self.document_errors.extend(errors);
        let (text, read) = read?;
        self.digest(&text);
        Some(match places.and_then(<[At]>::first) {
            Some(at) => read.within(&self.source, *at),
            None => read,
        })
    }
}

/// The names of the SCPs that a step makes.
fn scp_names(step: &Step) -> Vec<&str> {
    match &step.action {
        Action::Scp(spec) => vec![&spec.name],
        Action::Packed(spec) => spec.policies.iter().map(|policy| policy.name.as_str()).collect(),
        Action::PasswordPolicy(_) | Action::EventAlarms(_) => Vec::new(),
    }
}

/// Refuses a document that is elsewhere, whatever leads there: a mistake in it is shown with its line, and a stranger's playbook is not
/// to show what else is on the machine.
fn beside(folder: &Path, document: &Path) -> Result<(), String> {
    let real = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().map_err(|error| error.to_string())
    };
    match real(document)?.starts_with(real(folder)?) {
        true => Ok(()),
        false => Err("it is not in the folder of the playbook, or below it: put it there".to_owned()),
    }
}

/// A text file, no larger than a playbook may be.
fn read_file(path: &Path) -> Result<String, String> {
    let most = node::MAX_BYTES;
    let file = std::fs::File::open(path).map_err(|error| os_words(&error))?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| os_words(&error))?;
    if bytes.len() > most {
        return Err(format!("it is larger than {most} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}
