//! The house rules a compiler doesn't know: who may import whom, what each file says of itself, how long it may be.
//!
//! The import table is read from the documentation of `src/lib.rs`, so that what people read is what holds. Tests inside
//! `src` are free: they may use the sandbox and any fixture.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a file may be, in lines.
const LONGEST: usize = 800;

/// The modules that may name types of the AWS SDK.
const SDK: [&str; 3] = ["aws", "collect", "resources"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under a directory, in a stable order.
fn files(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![under.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no files under {}", under.display());
    found
}

/// Who may import whom, as `src/lib.rs` tells it.
fn table(lib: &str) -> BTreeMap<String, BTreeSet<String>> {
    let text: String = lib
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .skip_while(|line| !line.contains("Who may import whom:"))
        .take_while(|line| !line.trim().is_empty())
        .collect();
    let (_, text) = text.split_once("Who may import whom:").expect("src/lib.rs tells who may import whom");
    let names = |text: &str| -> BTreeSet<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut table = BTreeMap::new();
    for rule in text.split(';') {
        let (from, to) = rule.split_once("->").expect("a rule reads `a`, `b` -> `c`, `d`");
        let to = to.split_once(". ").map_or(to, |(to, _)| to);
        for from in names(from) {
            assert!(table.insert(from.clone(), names(to)).is_none(), "`{from}` has two rules");
        }
    }
    let all: BTreeSet<String> = table.keys().cloned().collect();
    if let Some(cli) = table.get_mut("cli") {
        *cli = all;
    }
    table
}

/// The code of a file without comments, texts and test modules.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let test_module = line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.contains("mod ") && next.trim_end().ends_with('{'));
        if test_module {
            // Formatted code closes a module at the indentation it opens with.
            let indent = line.len() - line.trim_start().len();
            let close = format!("{}}}", " ".repeat(indent));
            lines.by_ref().find(|line| *line == close);
            continue;
        }
        kept.push_str(line.split_once("//").map_or(line, |(before, _)| before));
        kept.push('\n');
    }
    kept
}

/// The modules of a file's folder that exist for tests only: `#[cfg(test)] mod name;`.
fn test_modules(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0].starts_with("#[cfg(test)]"));
    pairs.filter_map(|pair| pair[1].strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name.to_owned())).collect()
}

/// Every file of the product: without the modules that exist for tests only.
fn product() -> Vec<(PathBuf, String)> {
    let all: Vec<(PathBuf, String)> =
        files(&root().join("src")).into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let mut for_tests: Vec<PathBuf> = Vec::new();
    for (path, text) in &all {
        let stem = path.file_stem().unwrap();
        let home =
            if stem == "mod" || stem == "lib" { path.parent().unwrap().to_owned() } else { path.with_extension("") };
        for name in test_modules(text) {
            for_tests.push(home.join(format!("{name}.rs")));
            for_tests.push(home.join(name));
        }
    }
    all.into_iter().filter(|(path, _)| !for_tests.iter().any(|test| path.starts_with(test))).collect()
}

/// The names right after each `prefix` in some code; of `{a, b::c}` every first name.
fn after(code: &str, prefix: &str) -> Vec<String> {
    let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            found.push(name(rest));
            continue;
        };
        let mut depth = 0usize;
        let mut first = true;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => first = true,
                c if first && !c.is_whitespace() => {
                    found.push(name(&group[at..]));
                    first = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The top module a file belongs to and how deep it is in it; `None` for `lib.rs` and `main.rs`.
fn place(path: &Path) -> Option<(String, usize)> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let parts: Vec<String> = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    let (module, rest) = parts.split_first()?;
    let file = rest.last()?;
    Some((module.clone(), if file == "mod.rs" { rest.len() } else { rest.len() + 1 }))
}

#[test]
fn every_module_imports_only_what_its_rule_allows() {
    let table = table(&fs::read_to_string(root().join("src/lib.rs")).unwrap());
    let folders: BTreeSet<String> =
        files(&root().join("src")).iter().filter_map(|path| place(path)).map(|p| p.0).collect();
    assert_eq!(folders, table.keys().cloned().collect(), "the table in src/lib.rs and the folders of src");
    let mut wrong = Vec::new();
    for (path, text) in product() {
        let Some((module, depth)) = place(&path) else { continue };
        let code = code(&text);
        let allowed = &table[&module];
        for name in after(&code, "crate::") {
            if table.contains_key(&name) && name != module && !allowed.contains(&name) {
                wrong.push(format!("{}: `{module}` may not import `crate::{name}`", path.display()));
            }
        }
        // A path that climbs out of its top module would get round the table.
        for name in after(&code, &"super::".repeat(depth)) {
            if name == "super" || table.contains_key(&name) {
                wrong.push(format!("{}: it leaves its module through `super`; say `crate::`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_aws_sdk_is_named_where_it_may_be() {
    let mut wrong = Vec::new();
    for (path, text) in product() {
        let module = place(&path).map(|(module, _)| module).unwrap_or_default();
        if code(&text).contains("aws_sdk_") && !SDK.contains(&module.as_str()) {
            wrong.push(path.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "these name a type of the AWS SDK:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_owns_and_none_is_too_long() {
    let mut wrong = Vec::new();
    for path in files(&root().join("src")).into_iter().chain(files(&root().join("tests"))) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: it does not open with `//!`", path.display()));
        }
        let lines = text.lines().count();
        if lines > LONGEST {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
    }
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap().lines().count();
    if main >= 20 {
        wrong.push(format!("src/main.rs: {main} lines, and it should have fewer than 20"));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The readers above, on what they have to understand: a rule that sees nothing would hold for ever.
#[test]
fn the_rules_see_what_they_should() {
    let table = table(
        "//! Who may import whom: `cli` -> all; `a`, `b` -> `c`,\n//! `d`; `c` -> nothing of ours. `x` is no rule.\n",
    );
    assert_eq!(table.keys().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c", "cli"]);
    assert!(table["b"].contains("d") && table["c"].is_empty() && table["cli"].contains("a"));

    let text = "use crate::{a, b::{c, d}, e};\nlet x = crate::f::G; // crate::g\nmycrate::h;\n#[cfg(test)]\nmod tests {\n    use crate::i;\n}\nuse crate::j;\n";
    assert_eq!(after(&code(text), "crate::"), ["a", "b", "e", "f", "j"]);
    assert_eq!(
        test_modules("#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod fixtures;\nmod real;"),
        ["tests", "fixtures"]
    );
    assert_eq!(after("use super::super::model;", "super::super::"), ["model"]);
    assert_eq!(place(&root().join("src/aws/mod.rs")), Some(("aws".into(), 1)));
    assert_eq!(place(&root().join("src/sandbox/wire/json.rs")), Some(("sandbox".into(), 3)));
    assert_eq!(place(&root().join("src/lib.rs")), None);
    assert!(product().iter().any(|(path, _)| path.ends_with("src/execute/apply.rs")));
    assert!(product().iter().all(|(path, _)| !path.ends_with("src/execute/tests/applying.rs")));
}

#[test]
fn every_file_of_this_suite_runs() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = std::fs::read_to_string(here.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(&here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "rs") && name != "main" {
            assert!(main.contains(&format!("mod {name};")), "tests/it/{name}.rs is not in main.rs, so it never runs");
        }
    }
}
