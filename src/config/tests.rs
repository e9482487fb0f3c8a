//! What settings come from, and what is refused. Must not: show a secret, not even here.

use super::*;
use secrecy::ExposeSecret as _;

fn file(text: &str) -> ConfigFile {
    ConfigFile::parse(text).unwrap()
}

fn settings(flags: Overrides, text: &str) -> Result<Settings, ConfigError> {
    Settings::resolve(flags, file(text), Some("/state".into()))
}

#[test]
fn a_flag_beats_the_file_which_beats_the_default() {
    let text = "role_name: FromFile\nregion: eu-central-1\n";
    let flags = Overrides { role_name: Some("FromFlag".into()), ..Overrides::default() };
    let settings = settings(flags, text).unwrap();
    assert_eq!(settings.role_name, "FromFlag");
    assert_eq!(settings.region.as_ref().map(Region::as_str), Some("eu-central-1"));
    assert_eq!(settings.session_name, DEFAULT_SESSION_NAME);
    let origin = |name| settings.origins.get(name).copied();
    assert_eq!(origin("role_name"), Some(Origin::Flag));
    assert_eq!(origin("region"), Some(Origin::File));
    assert_eq!(origin("session_name"), Some(Origin::Default));
}

#[test]
fn a_share_is_written_either_way_and_a_flag_beats_the_file() {
    for (text, factor) in [("share: 50%\n", 0.5), ("share: 0.25\n", 0.25), ("share: '10%'\n", 0.1), ("share: 1\n", 1.0)]
    {
        let settings = settings(Overrides::default(), text).unwrap();
        assert_eq!((settings.share.factor(), settings.origins.get("share")), (factor, Some(&Origin::File)), "{text}");
    }
    let flags = Overrides { share: "75%".parse().ok(), ..Overrides::default() };
    let flagged = settings(flags, "share: 50%\n").unwrap();
    assert_eq!((flagged.share.factor(), flagged.origins.get("share")), (0.75, Some(&Origin::Flag)));
    let usual = settings(Overrides::default(), "").unwrap();
    assert_eq!((usual.share.factor(), usual.origins.get("share")), (1.0, Some(&Origin::Default)));
    let error = ConfigFile::parse("version: 1\nshare: half\n").unwrap_err().join("\n");
    assert!(error.contains("line 2") && error.contains("`half` is not a share of the quotas"), "{error}");
}

#[test]
fn an_account_id_with_leading_zeros_stays_text() {
    let settings = settings(Overrides::default(), "accounts:\n  \"012345678901\": {role_name: Other}\n").unwrap();
    let id: AccountId = "012345678901".parse().unwrap();
    assert_eq!(settings.accounts.get(&id).and_then(|o| o.role_name.as_deref()), Some("Other"));
}

#[test]
fn a_wrong_key_names_line_and_nearest_word() {
    let error = ConfigFile::parse("version: 1\nrolename: X\n").unwrap_err().join("\n");
    assert!(error.contains("line 2"), "{error}");
    assert!(error.contains("did you mean `role_name`?"), "{error}");
}

#[test]
fn wrong_values_are_errors() {
    for text in [
        "max_concurrency: many\n",
        "keep_facts: 7\n",
        "share: half\n",
        "share: 0\n",
        "share: 0.0\n",
        "share: 50\n",
        "share: 150%\n",
        "share: .nan\n",
        "share: [50%]\n",
        "region: nowhere\n",
        "accounts: {\"12\": {}}\n",
        "role_name: A\nrole_name: B\n",
        "version: 2\n",
    ] {
        assert!(ConfigFile::parse(text).is_err(), "{text}");
    }
    assert!(settings(Overrides::default(), "max_concurrency: 0\n").is_err());
    assert!(settings(Overrides::default(), "session_duration_seconds: 60\n").is_err());
    assert!(ConfigFile::parse("# nothing here\n").is_ok());
}

#[test]
fn secrets_stay_out_of_debug_and_errors() {
    let settings = settings(Overrides::default(), "external_id: hunter2-secret\n").unwrap();
    assert_eq!(settings.external_id.as_ref().map(|s| s.expose_secret()), Some("hunter2-secret"));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let error = ConfigFile::parse("external_id: [hunter2-secret]\n").unwrap_err().join("\n");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_secret_comes_from_the_first_line_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("id");
    std::fs::write(&path, "hunter2\nnotes\n").unwrap();
    let flags = Overrides { external_id_file: Some(path.clone()), ..Overrides::default() };
    let settings = Settings::resolve(flags, ConfigFile::default(), Some("/state".into())).unwrap();
    assert_eq!(settings.external_id.unwrap().expose_secret(), "hunter2");
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(secret(None, Some(&path)), Err(SecretError::Empty { .. })));
    assert!(matches!(secret(Some("x".to_owned().into()), Some(&path)), Err(SecretError::Both { .. })));
    assert!(matches!(secret(None, Some(&dir.path().join("none"))), Err(SecretError::Unreadable { .. })));
}

#[test]
fn the_example_file_is_valid() {
    let file = ConfigFile::parse(include_str!("../../config/orgward.example.yaml")).unwrap();
    assert_eq!(file.role_name.as_deref(), Some(DEFAULT_ROLE));
    assert_eq!(file.accounts.len(), 2);
}

#[test]
fn a_role_name_is_the_text_that_policies_exempt() {
    let named = |name: &str| settings(Overrides { role_name: Some(name.into()), ..Overrides::default() }, "");
    assert_eq!(named("/OrgwardAudit").unwrap().role_name, "OrgwardAudit");
    assert_eq!(named("team/audit").unwrap().role_name, "team/audit");
    for bad in ["", "/", "//OrgwardAudit", "a//b", "a b", "audit*", "arn:aws:iam::1:role/x", "a/"] {
        assert!(named(bad).is_err(), "{bad}");
    }
    let text = "accounts: {\"012345678901\": {role_name: \"a b\"}}\n";
    assert!(settings(Overrides::default(), text).is_err());
}

#[test]
fn a_pattern_that_matches_no_address_is_refused() {
    let good = settings(Overrides::default(), "root_email_patterns: [\"aws-root+*@example.com\"]\n").unwrap();
    assert_eq!(good.root_email_patterns, ["aws-root+*@example.com"]);
    assert_eq!(good.origins.get("root_email_patterns"), Some(&Origin::File));
    let error = settings(Overrides::default(), "root_email_patterns: [\"aws-root\"]\n").unwrap_err().to_string();
    assert_eq!(
        error,
        "`root_email_patterns`: `aws-root` matches no address, write it whole, such as `aws-root+*@example.com`"
    );
}

#[test]
fn facts_are_kept_as_long_as_the_flag_says_else_the_file() {
    let kept = |flag: Option<KeepFacts>, file: &str| {
        settings(Overrides { keep_facts: flag, ..Overrides::default() }, file).unwrap().keep_facts
    };
    assert_eq!(kept(None, ""), KeepFacts::DEFAULT);
    assert_eq!(kept(None, "keep_facts: always\n"), KeepFacts::Always);
    assert_eq!(kept(Some(KeepFacts::No), "keep_facts: 30d\n"), KeepFacts::No);
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_with_its_line_and_no_secret() {
    let text = "version: 1
rolename: OrgwardAudit
external_id: [hunter2-secret]
accounts:
  \"11112222333\":
    role_nam: X
session_duration_seconds: never
region: eu-central-1
region: eu-west-1
thresholds:
  key_age_days: soon
notify: hunter3-secret
";
    let mistakes = ConfigFile::parse(text).unwrap_err();
    let all = mistakes.join("\n");
    let wanted = [
        (2, "did you mean `role_name`?"),
        (3, "`external_id` has to be a text in quotes"),
        (5, "12 digits"),
        (6, "did you mean `role_name`?"),
        (7, "session_duration_seconds"),
        (9, "`region` is already set in line 8"),
        (11, "key_age_days"),
        (12, "notify"),
    ];
    assert_eq!(mistakes.len(), wanted.len(), "{all}");
    for ((line, words), told) in wanted.iter().zip(&mistakes) {
        assert!(told.starts_with(&format!("line {line}: ")) && told.contains(words), "{words}: {told}");
    }
    assert!(!all.contains("hunter"), "{all}");
    for text in [
        "accounts: hunter2-secret\n",
        "accounts: [hunter2-secret]\n",
        "accounts:\n",
        "accounts: {\"111122223333\": hunter2-secret}\n",
        "accounts:\n  \"111122223333\": external_id=hunter2-secret\n",
        "accounts: {\"111122223333\": [hunter2-secret]}\n",
        "notify: slack=https://hooks.example.com/hunter2-secret\n",
        "notify: [unknown field hunter2-secret, [hunter2]]\n",
    ] {
        let told = ConfigFile::parse(text).unwrap_err().join("\n");
        assert!(told.starts_with("line ") && !told.contains("hunter"), "{text}: {told}");
    }
    let tab = ConfigFile::parse("version: 1\naccounts:\n\t\"111122223333\": {}\n").unwrap_err();
    assert_eq!(tab.len(), 1);
    assert!(tab[0].starts_with("line 3: ") && tab[0].contains("spaces only"), "{tab:?}");
    let newer = ConfigFile::parse("version: 2\nrole: x\n").unwrap_err();
    assert!(newer[0].contains("version `2`") && newer[1].contains("`role`"), "{newer:?}");
}

#[cfg(unix)]
#[test]
fn a_stranger_s_file_has_no_program_run_unless_it_is_named() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("orgward.yaml");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let program = "version: 1\nnotify: [\"command=./tell\"]\n";
    std::fs::write(&path, program).unwrap();
    mode(0o644);
    let owner = Some(std::fs::metadata(&path).unwrap().uid());
    assert_eq!(ConfigFile::found(&path, owner).unwrap().notify.len(), 1);
    mode(0o646);
    let error = ConfigFile::found(&path, owner).unwrap_err().to_string();
    assert!(error.contains("`notify` has a program run") && error.contains("--config"), "{error}");
    assert_eq!(ConfigFile::read(&path).unwrap().notify.len(), 1, "whoever names it trusts it");
    std::fs::write(&path, "version: 1\nnotify: [\"sns=arn:aws:sns:eu-central-1:111122223333:x\"]\n").unwrap();
    assert!(ConfigFile::found(&path, owner).is_ok(), "nothing is run");
    // Only root can give a file away.
    std::fs::write(&path, program).unwrap();
    mode(0o644);
    if std::os::unix::fs::chown(&path, Some(54_321), None).is_ok() {
        assert!(matches!(ConfigFile::found(&path, owner), Err(ConfigError::Stranger { .. })));
        assert!(matches!(ConfigFile::found(&path, None), Err(ConfigError::Stranger { .. })));
        assert!(ConfigFile::found(&path, Some(54_321)).is_ok());
    }
}
