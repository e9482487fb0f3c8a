//! `ORGWARD_*`: flag > variable > config file > default, told by `orgward config`, for every setting that has a variable.

use crate::harness::{Run, orgward, run};
use serde_json::Value;
use std::path::Path;

/// Variable, flag, key, and three values: of the variable, of the flag, of the file.
const SETTINGS: [(&str, &str, &str, [&str; 3]); 18] = [
    ("ORGWARD_PROFILE", "--profile", "profile", ["one", "two", "three"]),
    ("ORGWARD_REGION", "--region", "region", ["eu-west-1", "eu-west-2", "eu-west-3"]),
    ("ORGWARD_ROLE_NAME", "--role-name", "role_name", ["One", "Two", "Three"]),
    ("ORGWARD_APPLY_ROLE_NAME", "--apply-role-name", "apply_role_name", ["One", "Two", "Three"]),
    ("ORGWARD_EXTERNAL_ID", "--external-id", "external_id", ["one", "two", "three"]),
    ("ORGWARD_EXTERNAL_ID_FILE", "--external-id-file", "external_id", ["id", "id", "id"]),
    ("ORGWARD_APPLY_EXTERNAL_ID", "--apply-external-id", "apply_external_id", ["one", "two", "three"]),
    ("ORGWARD_APPLY_EXTERNAL_ID_FILE", "--apply-external-id-file", "apply_external_id", ["id", "id", "id"]),
    ("ORGWARD_SESSION_NAME", "--session-name", "session_name", ["one", "two", "three"]),
    ("ORGWARD_SESSION_DURATION", "--session-duration", "session_duration_seconds", ["901", "902", "903"]),
    ("ORGWARD_SOURCE_IDENTITY", "--source-identity", "source_identity", ["one", "two", "three"]),
    ("ORGWARD_MAX_CONCURRENCY", "--max-concurrency", "max_concurrency", ["1", "2", "3"]),
    ("ORGWARD_SHARE", "--share", "share", ["10%", "20%", "30%"]),
    ("ORGWARD_QUOTAS", "--quotas", "quotas_file", ["/one", "/two", "/three"]),
    ("ORGWARD_POLICY_QUOTAS", "--policy-quotas", "policy_quotas_file", ["/one", "/two", "/three"]),
    ("ORGWARD_STATE_DIR", "--state-dir", "state_dir", ["/one", "/two", "/three"]),
    ("ORGWARD_KEEP_FACTS", "--keep-facts", "keep_facts", ["1d", "2d", "3d"]),
    ("ORGWARD_EXEMPTIONS", "--exemptions", "exemptions", ["/one", "/two", "/three"]),
];

/// What `orgward config` says of a setting: value and origin.
fn told(run: Run, key: &str) -> (String, String) {
    let all: Value = serde_yaml::from_str(&run.ends(0).out).unwrap();
    let word = |part: &str| match &all[key][part] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (word("value"), word("from"))
}

fn config(home: &Path, variables: &[(&str, &str)], args: &[&str]) -> Run {
    run(orgward(home).arg("config").args(args).envs(variables.iter().copied()))
}

#[test]
fn a_flag_beats_its_variable_which_beats_the_file_which_beats_the_default() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("id"), "secret\n").unwrap();
    for (variable, flag, key, [of_variable, of_flag, of_file]) in SETTINGS {
        let seen =
            |value: &str| if key.ends_with("external_id") { "(set, not shown)".to_owned() } else { value.to_owned() };
        let variables = [(variable, of_variable)];
        let line = match flag.ends_with("id-file") {
            true => format!("{key}_file: {of_file}\n"),
            false => format!("{key}: {of_file}\n"),
        };
        let file = home.path().join("file.yaml");
        std::fs::write(&file, line).unwrap();
        let with_file = ["--config", "file.yaml"];
        let all = [&with_file[..], &[flag, of_flag]].concat();
        let is = |run: Run, value: &str, from: &str| {
            assert_eq!(told(run, key), (value.to_owned(), from.to_owned()), "{variable}")
        };
        is(config(home.path(), &variables, &all), &seen(of_flag), "flag");
        is(config(home.path(), &variables, &with_file), &seen(of_variable), "environment");
        is(config(home.path(), &[], &with_file), &seen(of_file), "config file");
        assert_eq!(told(config(home.path(), &[], &[]), key).1, "default", "{key}");
        // In a pipeline a variable without a value is set to nothing.
        assert_eq!(told(config(home.path(), &[(variable, "")], &[]), key).1, "default", "{variable}");
    }
}

#[test]
fn session_tags_are_told_apart_by_commas_and_added_to_those_of_the_file() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("orgward.yaml"), "session_tags: {team: platform, kind: file}\n").unwrap();
    let variables = [("ORGWARD_SESSION_TAGS", "kind=variable,stage=prod=1")];
    let tags = |args: &[&str], variables: &[(&str, &str)]| told(config(home.path(), variables, args), "session_tags");
    let all = |text: &str, from: &str| (text.to_owned(), from.to_owned());
    assert_eq!(tags(&[], &[]), all(r#"{"kind":"file","team":"platform"}"#, "config file"));
    let with = r#"{"kind":"variable","stage":"prod=1","team":"platform"}"#;
    assert_eq!(tags(&[], &variables), all(with, "environment"));
    let typed = r#"{"kind":"flag","team":"platform"}"#;
    assert_eq!(tags(&["--session-tag", "kind=flag"], &variables), all(typed, "flag"));
    config(home.path(), &[("ORGWARD_SESSION_TAGS", "kind=variable,prod")], &[])
        .ends(2)
        .says(&["KEY=VALUE", "ORGWARD_SESSION_TAGS"]);
}

#[test]
fn what_is_typed_beats_the_variable_of_the_other_way_to_give_a_secret() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("id"), "secret\n").unwrap();
    for (text, file, key) in [
        ("external-id", "external-id-file", "external_id"),
        ("apply-external-id", "apply-external-id-file", "apply_external_id"),
    ] {
        let variable = |flag: &str| format!("ORGWARD_{}", flag.to_uppercase().replace('-', "_"));
        let (of_text, of_file) = (variable(text), variable(file));
        let (text, file) = (format!("--{text}"), format!("--{file}"));
        let origin = |run: Run| told(run, key).1;
        // A file that is not there would be told: it is not even looked for.
        let missing = [(of_file.as_str(), "no-such-file")];
        assert_eq!(origin(config(home.path(), &missing, &[&text, "typed"])), "flag");
        assert_eq!(origin(config(home.path(), &[(&of_text, "set")], &[&file, "id"])), "flag");
        let both = config(home.path(), &[(&of_text, "set-elsewhere"), (&of_file, "id")], &[]).ends(2);
        let typed = config(home.path(), &[], &[&text, "typed-here", &file, "id"]).ends(2);
        for refused in [both, typed] {
            let refused = refused.says(&["both an ExternalId and a file for it (`id`) are given, keep one"]);
            assert!(!refused.err.contains("set-elsewhere") && !refused.err.contains("typed-here"), "{}", refused.err);
        }
    }
}

#[test]
fn a_wrong_variable_is_named_unless_the_flag_was_typed() {
    let home = tempfile::tempdir().unwrap();
    let variables = [("ORGWARD_SESSION_DURATION", "soon")];
    let tip = "it is the value of the environment variable ORGWARD_SESSION_DURATION";
    config(home.path(), &variables, &[])
        .ends(2)
        .says(&["invalid value 'soon' for '--session-duration <SECONDS>'", tip]);
    run(orgward(home.path()).args(["runs", "list"]).envs(variables)).ends(2).says(&[tip]);
    for typed in [&["--session-duration", "later"][..], &["--session-duration=later"][..]] {
        let run = config(home.path(), &variables, typed).ends(2).says(&["'later'"]);
        assert!(!run.err.contains("environment variable"), "{}", run.err);
    }
    // A secret that is no value stays untold.
    let wrong =
        config(home.path(), &[("ORGWARD_NOTIFY", "https://hooks.example.com/key"), ("ORGWARD_SHARE", "half")], &[]);
    assert!(!wrong.ends(2).err.contains("hooks.example.com"));
}
