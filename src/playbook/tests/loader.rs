//! Every mistake is reported, at its place, with the nearest valid word.

use crate::playbook::node;
use crate::playbook::source::SourceText;
use crate::playbook::{Action, Documents, Playbook, Values, load, load_str};
use proptest::prelude::*;

fn read(text: &str) -> Result<Playbook, String> {
    let documents = Documents::Folder("/nonexistent".into());
    load_str("p.yaml", text, &documents, &Values::new()).map_err(|errors| errors.to_string())
}

fn errors(text: &str) -> String {
    match read(text) {
        Ok(playbook) => panic!("loaded: {playbook:?}"),
        Err(errors) => errors,
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "\
version: 2
name: My Playbook
descripton: typo
steps:
  - id: one
    password_polcy:
      minimum_length: 14
  - id: two
    password_policy:
      minimum_length: 200
      require_symbols: yes
      reuse_prevention: '24'
      max_ages: 90
  - id: two
    scp:
      name: guard
      document: missing.json
      targets: []
    password_policy:
      max_age: 90
";
    insta::assert_snapshot!(errors(text), @r"
    p.yaml:1:1: a playbook needs the key `description`
      1 | version: 2
        | ^

    p.yaml:1:10: `version` has to be 1, found the number `2`
      1 | version: 2
        |          ^

    p.yaml:2:7: `name` can't hold `M`, only lower-case letters, digits and `-`
      2 | name: My Playbook
        |       ^

    p.yaml:3:1: unknown key `descripton` in a playbook
      3 | descripton: typo
        | ^
      hint: did you mean `description`?

    p.yaml:6:5: unknown key `password_polcy` in a step
      6 |     password_polcy:
        |     ^
      hint: did you mean `password_policy`?

    p.yaml:10:23: `minimum_length` is 200, it has to be from 6 to 128
      10 |       minimum_length: 200
         |                       ^

    p.yaml:11:24: `require_symbols` has to be true or false, found `yes`
      11 |       require_symbols: yes
         |                        ^
      hint: write `true`

    p.yaml:12:25: `reuse_prevention` has to be a whole number, found the text `24`
      12 |       reuse_prevention: '24'
         |                         ^

    p.yaml:13:7: unknown key `max_ages` in `password_policy`
      13 |       max_ages: 90
         |       ^
      hint: did you mean `max_age`?

    p.yaml:14:9: step `two` is already defined in line 8
      14 |   - id: two
         |         ^

    p.yaml:19:5: a step has exactly one action, found 2 of `scp`, `password_policy`, `root_usage_alarm`, `event_alarms`
      19 |     password_policy:
         |     ^
    ");
}

#[test]
fn duplicate_keys_and_steps_are_mistakes() {
    let text = "\
version: 1
name: p
name: q
description: d
steps:
  - id: a
    password_policy: {minimum_length: 14, minimum_length: 8}
  - id: a
    root_usage_alarm:
      filter_name: root
      namespace: AWS/Own
      subscriptions:
        - {protocol: emial, endpoint: someone}
        - {protocol: https, endpoint: 'http://example.com'}
        - protocol: email
";
    insta::assert_snapshot!(errors(text), @r"
    p.yaml:3:1: key `name` is already set in line 2
      3 | name: q
        | ^
      hint: keep one of the two

    p.yaml:7:43: key `minimum_length` is already set in line 7
      7 |     password_policy: {minimum_length: 14, minimum_length: 8}
        |                                           ^
      hint: keep one of the two

    p.yaml:8:9: step `a` is already defined in line 6
      8 |   - id: a
        |         ^

    p.yaml:10:20: `filter_name` has to start with `orgward-`, by which orgward knows its own
      10 |       filter_name: root
         |                    ^
      hint: `orgward-root`, or `adopt: true`

    p.yaml:11:18: `namespace` can't start with `AWS/`: those are AWS's own
      11 |       namespace: AWS/Own
         |                  ^

    p.yaml:13:22: unknown protocol `emial`
      13 |         - {protocol: emial, endpoint: someone}
         |                      ^
      hint: did you mean `email`?

    p.yaml:14:39: the endpoint of protocol `https` has to be a text that starts with `https://`
      14 |         - {protocol: https, endpoint: 'http://example.com'}
         |                                       ^

    p.yaml:15:11: a subscription needs the key `endpoint`
      15 |         - protocol: email
         |           ^
    ");
}

#[test]
fn an_inline_policy_is_linted_where_it_stands() {
    let text = "\
version: 1
name: p
description: d
steps:
  - id: a
    scp:
      name: guard
      targets: [/Workloads]
      content:
        Version: '2012-10-17'
        Statement: [{Effect: Deny, Acton: 's3:*', Resource: '*'}]
";
    insta::assert_snapshot!(errors(text), @r"
    p.yaml:11:21: a statement needs `Action` or `NotAction`
      11 |         Statement: [{Effect: Deny, Acton: 's3:*', Resource: '*'}]
         |                     ^

    p.yaml:11:36: unknown element `Acton` in a statement, did you mean `Action`?
      11 |         Statement: [{Effect: Deny, Acton: 's3:*', Resource: '*'}]
         |                                    ^
    ");
}

#[test]
fn an_inline_policy_is_minified() {
    let text = "\
version: 1
name: p
description: d
steps:
  - id: a
    scp:
      name: guard
      targets: [012345678901, 111122223333, '/Workloads', root]
      content:
        Version: '2012-10-17'
        Statement: [{Effect: Deny, Action: 's3:*', Resource: '*', Condition: {Bool: {'aws:SecureTransport': 'false'}}}]
";
    let playbook = read(text).unwrap();
    let Action::Scp(spec) = &playbook.steps[0].action else { panic!("{playbook:?}") };
    assert_eq!(
        spec.content,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#
    );
    let targets: Vec<&str> = spec.targets.iter().map(|target| target.text.as_str()).collect();
    assert_eq!(targets, ["012345678901", "111122223333", "/Workloads", "root"]);
    assert_eq!((spec.targets[1].at.line, spec.targets[1].at.column), (8, 31));
}

#[test]
fn a_document_file_is_linted_with_its_own_lines() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = folder.path().join("p.yaml");
    let text = "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    scp: {name: g, document: g.json, targets: [root]}\n";
    std::fs::write(&playbook, text).unwrap();
    let policy = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\n    \"Effect\": \"Denied\",\n    \"Principal\": \"*\",\n    \"Action\": \"s3:*\"\n  }]\n}\n";
    std::fs::write(folder.path().join("g.json"), policy).unwrap();
    let errors = load(&playbook, &Values::new()).unwrap_err();
    let shown = errors.to_string().replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(shown, @r#"
    DIR/g.json:4:15: `Effect` is `Denied`, it must be `Allow` or `Deny`
      4 |     "Effect": "Denied",
        |               ^
    "#);
}

#[test]
fn a_policy_over_its_size_is_a_mistake() {
    let actions: Vec<String> = (0..700).map(|n| format!("\"service{n}:Action\"")).collect();
    let text = format!(
        "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    scp:\n      name: g\n      targets: [root]\n      content: \
         {{Version: '2012-10-17', Statement: [{{Effect: Deny, Resource: '*', Action: [{}]}}]}}\n",
        actions.join(", ")
    );
    let shown = errors(&text);
    assert!(shown.contains("an SCP may have 10240"), "{shown}");
}

#[test]
fn broken_yaml_and_bombs_are_one_mistake() {
    insta::assert_snapshot!(errors("version: 1\nsteps: [\n"), @r"
    p.yaml:2:8: is not valid YAML: unclosed bracket '['
      2 | steps: [
        |        ^
    ");
    insta::assert_snapshot!(errors(""), @"p.yaml:1:1: a playbook has to be a mapping, found nothing");
    insta::assert_snapshot!(errors("a: 1\n---\nb: 2\n"), @r"
    p.yaml:3:1: holds several YAML documents, put each into a file of its own
      3 | b: 2
        | ^
    ");
    insta::assert_snapshot!(errors("base: &a {x: 1}\nmore: {<<: *a}\n"), @r"
    p.yaml:2:8: merge keys (`<<`) are not read, write the keys out
      2 | more: {<<: *a}
        |        ^
    ");
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let list = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{list}]\n"));
    }
    assert!(errors(&bomb).contains("p.yaml:"), "{}", errors(&bomb));
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    assert!(errors(&deep).contains("p.yaml:"), "{}", errors(&deep));
    let large = "x".repeat(node::MAX_BYTES + 1);
    assert!(errors(&large).contains("larger than"));
}

#[test]
fn a_missing_file_is_named() {
    let errors = load(std::path::Path::new("/nonexistent/p.yaml"), &Values::new()).unwrap_err().to_string();
    assert!(errors.starts_with("/nonexistent/p.yaml: can't be read: "), "{errors}");
}

#[test]
fn what_steers_a_terminal_is_not_shown() {
    let shown = errors("version: 1\nname: \"a\\e[31m\"\ndescription: d\n\u{202e}key: 1\nsteps: []\n");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'), "{shown:?}");
}

#[test]
fn an_alias_points_where_it_is_used() {
    let text = "version: 1\nname: p\ndescription: &d 7\nsteps:\n  - id: *d\n    password_policy: {max_age: 1}\n";
    insta::assert_snapshot!(errors(text), @r"
    p.yaml:3:17: `description` has to be a text, found the number `7`
      3 | description: &d 7
        |                 ^
      hint: put it in quotes

    p.yaml:5:9: `id` has to be a text, found the number `7`
      5 |   - id: *d
        |         ^
      hint: put it in quotes
    ");
}

/// Lines that look like a playbook, in any order and number.
fn playbook_like() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "version: 1",
        "name: p",
        "description: d",
        "parameters:",
        "  x:",
        "    description: y",
        "    type: list",
        "steps:",
        "  - id: a",
        "    scp:",
        "      name: n",
        "      targets: ${x}",
        "      content: {\"${x}\": \"${x}\"}",
        "    password_policy:",
        "      minimum_length: 14",
        "      exact: ${x}",
        "    root_usage_alarm: *a",
        "&a",
        "      subscriptions:",
        "        - protocol: email",
        "\t",
        "- - -",
        "? [a]",
        "<<: *a",
        "'",
        "...",
    ]);
    prop::collection::vec(line, 0..24).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(shown) = read(&text) {
            prop_assert!(!shown.is_empty());
        }
    }

    #[test]
    fn no_playbook_like_text_makes_it_panic(text in playbook_like()) {
        if let Err(shown) = read(&text) {
            prop_assert!(!shown.is_empty());
        }
    }

    #[test]
    fn places_are_inside_the_text(text in playbook_like()) {
        let source = SourceText::new("p.yaml", &text);
        if let Err(errors) = load_str("p.yaml", &text, &Documents::Folder("/nonexistent".into()), &Values::new()) {
            for error in errors.0 {
                prop_assert!(error.line == 0 || usize::try_from(error.line).unwrap() <= source.text().split('\n').count() + 1);
            }
        }
    }
}

#[test]
fn events_have_names_that_are_known_and_stand_once() {
    let step = |events: &str| {
        format!(
            "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    event_alarms:\n      events: {events}\n      subscriptions: [{{protocol: email, endpoint: a@example.com}}]\n"
        )
    };
    for (events, wanted) in [
        ("[iam-change]", "p.yaml:7:16: unknown event `iam-change`"),
        ("[iam-change]", "did you mean `iam-changes`?"),
        ("[\"\\e[2J\"]", "unknown event `\\u{1b}[2J`"),
        ("[vpc, vpc]", "p.yaml:7:21: event `vpc` stands here twice"),
        ("[]", "p.yaml:7:15: `events` is empty, it needs at least one entry"),
        ("vpc", "`events` has to be a list"),
        ("[1]", "`an event` has to be a text"),
    ] {
        let told = read(&step(events)).unwrap_err();
        assert!(told.contains(wanted), "{events}: {told}");
    }
    read(&step("[vpc, root-usage]")).unwrap();
}

#[test]
fn a_document_is_beside_its_playbook() {
    let dir = tempfile::tempdir().unwrap();
    let (playbooks, elsewhere) = (dir.path().join("playbooks"), dir.path().join("elsewhere"));
    std::fs::create_dir_all(playbooks.join("policies")).unwrap();
    std::fs::write(&elsewhere, "aws_secret_access_key = hunter2\n").unwrap();
    std::os::unix::fs::symlink(&elsewhere, playbooks.join("link.json")).unwrap();
    let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;
    std::fs::write(playbooks.join("policies/good.json"), good).unwrap();
    let playbook = playbooks.join("p.yaml");
    let read = |document: &str| {
        let text = format!(
            "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    scp: {{name: guard, document: {document}, targets: [r-abcd]}}\n"
        );
        std::fs::write(&playbook, text).unwrap();
        load(&playbook, &Values::new()).map(drop).map_err(|errors| errors.to_string())
    };
    assert_eq!(read("policies/good.json"), Ok(()));
    assert_eq!(read("./policies/../policies/good.json"), Ok(()));
    for outside in ["../elsewhere", "link.json", elsewhere.to_str().unwrap(), "/proc/self/environ"] {
        let error = read(outside).unwrap_err();
        assert!(error.contains("not in the folder of the playbook"), "{outside}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
