//! Custom checks at the command line: read from a folder, tested, and the view they are written against.
//!
//! Owns: opening the files. Must not: know CEL.

use super::exit::{Exit, Failure};
use super::ui::Ui;
use crate::checks;
use crate::checks::custom::{self, CustomCheck, FieldInfo};
use crate::model::os_words;
use crate::report::table::table;
use crate::report::text::{Paint, Style, plain};
use clap::Args;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where custom checks are.
#[derive(Debug, Clone, Default, Args)]
pub struct CustomArgs {
    /// Folder of custom checks: every *.yaml in it
    #[arg(long, value_name = "DIR")]
    pub checks_dir: Option<PathBuf>,
}

impl CustomArgs {
    /// Reads the folder; none is no check.
    ///
    /// # Errors
    /// Every mistake in every file; a folder that can't be read or holds no file.
    pub fn load(&self) -> Result<Vec<CustomCheck>, Failure> {
        self.checks_dir.as_deref().map_or_else(|| Ok(Vec::new()), load)
    }
}

/// The greatest file that is read, in bytes.
const GREATEST: u64 = 1 << 20;

/// Reads a folder of custom checks.
///
/// # Errors
/// Every mistake in every file; a folder that can't be read or holds no file.
pub fn load(folder: &Path) -> Result<Vec<CustomCheck>, Failure> {
    let mut taken: BTreeSet<String> = checks::CATALOG.iter().map(|meta| meta.id.to_owned()).collect();
    let (mut loaded, mut problems) = (Vec::new(), Vec::new());
    for path in files(folder)? {
        let text = match read(&path) {
            Ok(text) => text,
            Err(problem) => {
                problems.push(format!("`{}` can't be read: {}", path.display(), os_words(&problem)));
                continue;
            }
        };
        match custom::load(&path.display().to_string(), &text, &mut taken) {
            Ok(checks) => loaded.extend(checks),
            Err(errors) => problems.extend(errors.iter().map(ToString::to_string)),
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(Failure::usage(problems)) }
}

/// Every `*.yaml` and `*.yml` of a folder, in name order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage([format!(
            "the folder of custom checks `{}` can't be read: {}",
            folder.display(),
            os_words(&error)
        )])
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Failure::usage([format!("the folder of custom checks `{}` holds no *.yaml", folder.display())]));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(GREATEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > GREATEST {
        return Err(std::io::Error::other(format!("it has more than {GREATEST} bytes")));
    }
    Ok(text)
}

/// Runs the fixtures of custom checks, and tells how each went.
///
/// # Errors
/// If standard output can't be written.
pub fn test(checks: &[CustomCheck], ui: &Ui) -> Result<Exit, Failure> {
    let mut out = String::new();
    let (mut ran, mut failed) = (0_usize, 0_usize);
    for check in checks {
        if check.fixtures.is_empty() {
            ui.warn(&format!(
                "{}: check `{}` has no fixtures: give it one that passes and one that fails",
                check.file, check.meta.id
            ));
        }
        for outcome in check.test() {
            ran += 1;
            let (word, style) = if outcome.problem.is_none() { ("ok  ", Style::Green) } else { ("FAIL", Style::Red) };
            let why = outcome.problem.map(|problem| format!(": {problem}")).unwrap_or_default();
            failed += usize::from(!why.is_empty());
            let words = format!("{} / {}{why}", outcome.check, outcome.fixture);
            out += &ui.out.sentence(&format!("{} ", ui.out.paint(style, word)), &plain(&words));
        }
    }
    let _ = writeln!(out, "{ran} fixtures of {} checks, {failed} failed", checks.len());
    ui.data(&out)?;
    Ok(if failed == 0 { Exit::Clean } else { Exit::Error })
}

/// The view as JSON.
#[derive(Debug, serde::Serialize)]
pub struct View {
    version: u32,
    fields: Vec<FieldInfo>,
}

impl View {
    /// The view of this orgward.
    pub fn here() -> Self {
        Self { version: custom::VIEW_VERSION, fields: custom::view_fields() }
    }
}

/// The view that custom checks are written against, as a table.
pub fn view(paint: Paint) -> String {
    let rows = custom::view_fields().into_iter().map(|field: FieldInfo| {
        let fact = field.fact.and_then(|fact| serde_json::to_value(fact).ok());
        let fact = fact.and_then(|fact| fact.as_str().map(str::to_owned)).unwrap_or_else(|| "-".to_owned());
        vec![(field.name, Some(Style::Bold)), (fact, None), (field.about.to_owned(), None)]
    });
    table(["FIELD", "FACT", "WHAT IT HOLDS"], rows, &[], paint)
}
