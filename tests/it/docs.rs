//! The manual tells the truth: every link leads somewhere, every command line is one that orgward understands, every config file
//! and rollout shown loads.

use orgward::config::ConfigFile;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page: at the top, and below `docs` and `config`.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root().join("docs"), root().join("config")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root().join(name)));
    found.retain(|path| path.extension().is_some_and(|ext| ext == "md"));
    found.sort();
    assert!(found.len() > 15, "{found:?}");
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Targets of `[words](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The headings of a page as hosts make anchors of them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings =
        text.lines().filter_map(|line| line.strip_prefix('#').map(|line| line.trim_start_matches('#').trim()));
    headings
        .map(|heading| {
            let kept = heading
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .collect::<String>();
            kept.replace(' ', "-")
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_its_heading() {
    let mut wrong = Vec::new();
    for (page, text) in pages() {
        for target in links(&text).filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let there = fs::read_to_string(&file).ok();
            let good = match &there {
                Some(text) => anchor.is_empty() || anchors(text).contains(anchor),
                None => file.is_dir(),
            };
            if !good {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_page_of_the_manual_is_in_its_index() {
    let listed = |index: &Path| -> BTreeSet<PathBuf> {
        let text = fs::read_to_string(index).unwrap();
        let folder = index.parent().unwrap();
        links(&text).filter_map(|target| folder.join(target.split('#').next().unwrap()).canonicalize().ok()).collect()
    };
    let mut known = listed(&root().join("docs/README.md"));
    known.extend(listed(&root().join("docs/adr/README.md")));
    known.insert(root().join("docs/README.md").canonicalize().unwrap());
    let unlisted: Vec<PathBuf> =
        pages().into_iter().map(|(path, _)| path).filter(|path| path.starts_with(root().join("docs"))).collect();
    let unlisted: Vec<&PathBuf> =
        unlisted.iter().filter(|path| !known.contains(&path.canonicalize().unwrap())).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

/// The words of a command line as a shell would have them, up to where something else begins.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        let word = word.trim_matches(['\'', '"']);
        if ["|", "||", "&&", ">", "\\"].contains(&word) || word.starts_with(['#', '>']) || word.starts_with("2>") {
            break;
        }
        words.push(word.to_owned());
    }
    words
}

#[test]
fn every_command_line_of_the_manual_is_understood() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        let mut inside = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                inside = !inside;
                continue;
            }
            let bare = line.trim_start().trim_start_matches(['$', '-']).trim_start();
            let bare = bare.strip_prefix("run:").map_or(bare, str::trim_start);
            let Some(rest) = bare.strip_prefix("orgward ").filter(|_| inside) else { continue };
            let words = words(rest);
            // A page shows what is printed as well.
            if words.first().is_none_or(|word| !word.starts_with(|c: char| c.is_ascii_lowercase())) {
                continue;
            }
            count += 1;
            let line = ["orgward".to_owned()].into_iter().chain(words);
            if let Err(error) = orgward::cli::understands(line) {
                let why = error.lines().find(|line| !line.is_empty()).unwrap_or_default();
                wrong.push(format!("{}: `orgward {rest}`: {why}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 40, "{count}");
}

#[test]
fn the_config_files_of_the_manual_load() {
    let mut count = 0;
    for (page, text) in pages() {
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
        for block in blocks.filter(|block| block.starts_with("# orgward.yaml")) {
            ConfigFile::parse(block).unwrap_or_else(|error| panic!("{}: {error:?}\n{block}", page.display()));
            count += 1;
        }
    }
    assert!(count > 0);
}
