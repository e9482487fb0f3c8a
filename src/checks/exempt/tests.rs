//! The file says what it says or is refused by place; and an exemption touches failures alone.

use super::*;
use crate::checks::{self, CATALOG, Thresholds, fixtures};
use crate::model::check::Severity;
use crate::model::exemption::{ExemptScope, Exemption, Exemptions};
use crate::model::finding::{FailingResource, Target};
use crate::model::{AccountId, Cause, CauseKind, Finding, Observed, OrgFacts, Tally, Verdict};
use crate::yaml::LoadErrors;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ONE: &str = "exemptions:
  - id: a
    checks: [root-mfa]
    scope: {accounts: [222222222222]}
    owner: jane
    reason: because
    ticket: T-1
    expires: 2026-12-31
";

fn parsed(text: &str) -> Result<Read, LoadErrors> {
    let ids: Vec<&str> = CATALOG.iter().map(|meta| meta.id).collect();
    read("e.yaml", text, Known { checks: &ids, now: "2026-11-22T10:00:00Z".parse().unwrap() })
}

fn good(text: &str) -> Exemptions {
    parsed(&format!("version: 1\n{text}")).unwrap_or_else(|errors| panic!("{errors}")).exemptions
}

/// What is said of a file, without the lines it shows.
#[track_caller]
fn refused(text: &str) -> Vec<String> {
    let LoadErrors(errors) = parsed(text).expect_err("a mistake");
    let hint = |hint: &Option<String>| hint.as_ref().map(|hint| format!(" [{hint}]")).unwrap_or_default();
    errors.iter().map(|error| format!("{}: {}{}", error.line, error.message, hint(&error.hint))).collect()
}

#[test]
fn the_example_is_read_and_says_what_it_shows() {
    let example = include_str!("../../../config/exemptions.example.yaml");
    let Read { exemptions, notes } = parsed(example).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(notes, Vec::<String>::new());
    let ids: Vec<&str> = exemptions.exemptions.iter().map(|exemption| exemption.id.as_str()).collect();
    assert_eq!(ids, ["build-users-keys", "sandbox-trails", "leaving", "mailbox-pattern"]);
    let [keys, trails, leaving, everywhere] = exemptions.exemptions.as_slice() else { panic!() };
    assert_eq!(keys.scope.tags, BTreeMap::from([("stage".to_owned(), "sandbox".to_owned())]));
    assert_eq!((keys.scope.accounts.len(), keys.resources.len(), keys.line), (1, 1, 12));
    assert_eq!(trails.scope.ous, ["/Sandbox", "ou-ab12-workload"]);
    assert!(leaving.scope.organization && everywhere.scope.everywhere);
    assert_eq!(exemptions.attestations[0].control, "1.1");
    assert!(exemptions.digest.starts_with("sha256:") && exemptions.wants_tags() && !exemptions.is_none());
    assert!(good("exemptions: []\n").exemptions.is_empty() && good("").attestations.is_empty());
}

#[test]
fn every_mistake_is_told_at_once_with_its_line_and_the_nearest_word() {
    let told = refused(
        "version: 1
exemptions:
  - id: a b
    checks: [root-mfaa, 'zzz-*']
    scope: {account: [1]}
    owner: ''
    reason: because
    ticket: 7
    expires: 2026-02-30
  - id: b
    check: [root-mfa]
    scope: elsewhere
    owner: jane
    reason: because
    expires: tomorrow
  - id: b
    checks: [root-mfa]
    owner: jane
    reason: because
    ticket: T-1
    expires: 2026-12-31
atestations: []
",
    );
    let expected = [
        "3: `id` can't hold ` `, only letters, digits, `-`, `_` and `.`",
        "4: there is no check `root-mfaa` [did you mean `root-mfa`?]",
        "4: there is no check `zzz-*` [see `orgward checks list`; your own checks are known with --checks-dir]",
        "5: unknown key `account` in a scope [did you mean `accounts`?]",
        "6: `owner` is empty",
        "8: `ticket` has to be a text, found the number `7` [put it in quotes]",
        "9: `expires`: `2026-02-30` is no day of the calendar",
        "10: an exemption needs the key `checks`",
        "10: an exemption needs the key `ticket`",
        "11: unknown key `check` in an exemption [did you mean `checks`?]",
        "12: `scope` can't be the text `elsewhere` [name `accounts`, `ous`, `tags` or `organization: true`, or write `scope: everywhere`]",
        "15: `expires` has to be a day such as 2026-12-31, found the text `tomorrow`",
        "16: an exemption needs the key `scope` [name `accounts`, `ous`, `tags` or `organization: true`, or write `scope: everywhere`]",
        "16: there is another exemption `b` in line 10 [findings name an exemption by its id: choose another]",
        "22: unknown key `atestations` in a file of exemptions [did you mean `attestations`?]",
    ];
    assert_eq!(told, expected, "{told:#?}");
}

#[test]
fn a_scope_has_to_name_something_and_only_what_goes_together() {
    let scoped = |scope: &str| format!("version: 1\n{}", ONE.replace("{accounts: [222222222222]}", scope));
    for (scope, says) in [
        ("{}", "`scope` names nothing"),
        ("{organization: false}", "`scope` names nothing"),
        ("{accounts: []}", "`accounts` holds ids of 12 digits, found a list"),
        ("{accounts: [12345]}", "found the number `12345`"),
        ("{accounts: ['*']}", "found the text `*`"),
        ("{ous: []}", "`ous` is empty"),
        ("{ous: ['']}", "`ous` is empty"),
        ("{tags: {}}", "`tags` is empty"),
        ("{tags: {a: 1}}", "`a` has to be a text"),
        ("{organization: true, ous: [/]}", "`organization` is about no account"),
        ("{organization: yes}", "true or false"),
        ("[a]", "`scope` can't be a list"),
    ] {
        let told = refused(&scoped(scope));
        assert!(told[0].contains(says), "{scope}: {told:?}");
    }
    let ids = good(&ONE.replace("[222222222222]", "['012345678901', 012345678902, 222222222222]"));
    let ids: Vec<&str> = ids.exemptions[0].scope.accounts.iter().map(AccountId::as_str).collect();
    assert_eq!(ids, ["012345678901", "012345678902", "222222222222"]);
}

#[test]
fn a_later_version_is_refused_by_its_number_alone() {
    let told = refused("version: 2\nnew-key: 1\nexemptions: 7\n");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("1: is of version 2, and this orgward reads up to version 1"), "{told:?}");
    assert!(refused("exemptions: []\n")[0].contains("needs the key `version`"));
    assert!(refused("version: 0\n")[0].contains("has to be from 1 to 1"));
    assert!(refused("[]")[0].contains("has to be a mapping"));
}

fn attested(framework: &str, control: &str, date: &str, expires: &str) -> String {
    format!(
        "  - {{framework: {framework}, control: '{control}', owner: jane, statement: looked, date: {date}, expires: {expires}}}\n"
    )
}

#[test]
fn only_what_is_left_to_a_person_is_attested_and_once() {
    let (date, until) = ("2026-11-01", "2027-02-28");
    let rows = [
        attested("cis-5.0", "1.1", date, until),
        attested("cis-5.0", "1.1", date, until),
        attested("cis-5.0", "1.4", date, until),
        attested("cis-5.0", "9.9.9", date, until),
        attested("cis-50", "1.1", date, until),
        attested("cis-4.0", "1.1", "2026-11-23", "2026-11-22"),
    ];
    let told = refused(&format!("version: 1\nattestations:\n{}", rows.concat()));
    for (line, says) in [
        "control `1.1` of `cis-5.0` is already attested in line 3",
        "control `1.4` of `cis-5.0` is answered by checks (root-mfa), and leaves nothing to attest",
        "`cis-5.0` has no control `9.9.9`",
        "there is no framework `cis-50`, did you mean `cis-5.0`?",
        "`date` is 2026-11-23, which is still to come",
        "`expires` is 2026-11-22, before its `date`, 2026-11-23",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(told[line].contains(says), "{says}: {told:#?}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
}

#[test]
fn what_holds_for_more_than_a_year_is_noted() {
    let text = format!("version: 1\n{}", ONE.replace("2026-12-31", "2028-01-01"));
    let notes = parsed(&text).unwrap().notes;
    assert_eq!(notes, ["e.yaml:9:5: exemption `a` holds until 2028-01-01, for more than a year from now"]);
    let past = ONE.replace("2026-12-31", "2020-01-01");
    assert_eq!(
        parsed(&format!("version: 1\n{past}")).unwrap().notes,
        Vec::<String>::new(),
        "it is over, and is told so"
    );
}

fn exemption(id: &str, scope: ExemptScope, resources: &[&str], expires: &str) -> Exemption {
    Exemption {
        id: id.into(),
        checks: vec!["root-*".into()],
        scope,
        resources: resources.iter().map(|text| (*text).to_owned()).collect(),
        owner: "jane".into(),
        reason: "because".into(),
        ticket: "T-1".into(),
        expires: expires.parse().unwrap(),
        line: 1,
    }
}

fn everywhere() -> ExemptScope {
    ExemptScope { everywhere: true, ..ExemptScope::default() }
}

fn finding(verdict: Verdict, resources: &[&str]) -> Finding {
    let failing = |name: &&str| FailingResource { resource: (*name).to_owned(), message: format!("{name} is wrong") };
    Finding {
        check: "root-mfa".to_owned(),
        target: Target::Account(fixtures::id(fixtures::MEMBER)),
        verdict,
        severity: Severity::High,
        message: "wrong".to_owned(),
        resources: resources.iter().map(failing).collect(),
        exempt: Vec::new(),
        doubt: None,
        evidence: Vec::new(),
        cause: (verdict == Verdict::Unknown).then(|| Cause::new(CauseKind::Throttled, "iam:X", "no")),
    }
}

/// What exemptions make of a finding in the member account, on the fixture's day: 2026-06-01.
fn applied(exemptions: &[Exemption], mut finding: Finding) -> Finding {
    let org = fixtures::org();
    let account = finding.target.account().cloned();
    let exempting = Exempting::new(&all(exemptions), &org);
    exempting.apply(&org, account.as_ref(), std::slice::from_mut(&mut finding));
    finding
}

fn all(exemptions: &[Exemption]) -> Exemptions {
    Exemptions { exemptions: exemptions.to_vec(), digest: "sha256:00".into(), ..Exemptions::default() }
}

#[test]
fn what_matches_is_moved_and_the_cell_is_exempt_when_nothing_is_left() {
    let build = exemption("build", everywhere(), &["build-?"], "2026-06-01");
    let two = applied(std::slice::from_ref(&build), finding(Verdict::Fail, &["build-1", "build-22", "jane"]));
    assert_eq!((two.verdict, two.message.as_str()), (Verdict::Fail, "wrong (1 of 3 exempt)"));
    assert_eq!((two.resources.len(), two.exempt.len()), (2, 1));
    assert_eq!(two.exempt[0].message, "build-1 is wrong");
    let whole = applied(std::slice::from_ref(&build), finding(Verdict::Fail, &["build-1"]));
    assert_eq!((whole.verdict, whole.message.as_str(), whole.resources.len()), (Verdict::Exempt, "wrong", 0));
    let unnamed = exemption("all", everywhere(), &[], "2026-06-01");
    let cell = applied(&[build, unnamed], finding(Verdict::Fail, &[]));
    assert_eq!((cell.verdict, cell.exempt[0].exemption.as_str()), (Verdict::Exempt, "all"));
    assert_eq!(cell.exempt[0].resource, None, "a pattern fits no cell without a resource");
}

#[test]
fn the_first_in_the_file_that_holds_counts_and_an_expired_one_is_named() {
    let (old, new) =
        (exemption("old", everywhere(), &[], "2026-05-31"), exemption("new", everywhere(), &[], "2026-06-01"));
    let fails = applied(std::slice::from_ref(&old), finding(Verdict::Fail, &["a"]));
    assert_eq!(fails.verdict, Verdict::Fail);
    assert_eq!(fails.message, "wrong (exemption `old` expired on 2026-05-31)");
    assert_eq!(fails.resources[0].message, "a is wrong (exemption `old` expired on 2026-05-31)");
    let renewed = applied(
        &[old, new.clone(), exemption("late", everywhere(), &[], "2027-06-01")],
        finding(Verdict::Fail, &["a"]),
    );
    assert_eq!((renewed.verdict, renewed.exempt[0].exemption.as_str()), (Verdict::Exempt, "new"));
    let other = Exemption { checks: vec!["user-*".into()], ..new };
    assert_eq!(applied(&[other], finding(Verdict::Fail, &["a"])), finding(Verdict::Fail, &["a"]));
}

#[test]
fn it_holds_where_everything_that_is_named_fits() {
    let tags = |text: &[(&str, &str)]| text.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let mut org = fixtures::org();
    let member = fixtures::id(fixtures::MEMBER);
    org.accounts.get_mut(&member).unwrap().tags = fixtures::seen("organizations:X", tags(&[("stage", "dev")]));
    let holds = |org: &OrgFacts, scope: ExemptScope, account: Option<&AccountId>| {
        let mut found = [finding(Verdict::Fail, &["a"])];
        Exempting::new(&all(&[exemption("x", scope, &[], "2026-06-01")]), org).apply(org, account, &mut found);
        found[0].verdict == Verdict::Exempt
    };
    let nothing = ExemptScope::default;
    let of_account = ExemptScope { accounts: vec![member.clone()], ..nothing() };
    let of_ou = |name: &str| ExemptScope { ous: vec![name.to_owned()], ..nothing() };
    let tagged = |value: &str| ExemptScope { tags: tags(&[("stage", value)]), ..nothing() };
    let organization = ExemptScope { organization: true, ..nothing() };
    for (scope, here, of_organization, of_management) in [
        (nothing(), false, false, false),
        (everywhere(), true, true, true),
        (organization, false, true, false),
        (of_account.clone(), true, false, false),
        (of_ou("/Workloads"), true, false, false),
        (of_ou(fixtures::OU), true, false, false),
        (of_ou("/"), true, false, true),
        (of_ou("/Nowhere"), false, false, false),
        (tagged("dev"), true, false, false),
        (tagged("prod"), false, false, false),
        (ExemptScope { ous: vec!["/Workloads".into()], ..tagged("prod") }, false, false, false),
        (ExemptScope { ous: vec!["/Nowhere".into()], ..of_account }, false, false, false),
    ] {
        let management = fixtures::id(fixtures::MANAGEMENT);
        assert_eq!(holds(&org, scope.clone(), Some(&member)), here, "{scope:?}");
        assert_eq!(holds(&org, scope.clone(), None), of_organization, "{scope:?}");
        assert_eq!(holds(&org, scope.clone(), Some(&management)), of_management, "{scope:?}");
    }
    org.accounts.get_mut(&member).unwrap().tags = Observed::not_collected("organizations:X");
    assert!(!holds(&org, tagged("dev"), Some(&member)), "unknown tags fit nothing");
}

/// Exemptions of all kinds, over few names, so that they meet.
fn some_exemptions() -> impl Strategy<Value = Vec<Exemption>> {
    let scope = prop_oneof![
        Just(everywhere()),
        Just(ExemptScope { organization: true, ..ExemptScope::default() }),
        Just(ExemptScope { accounts: vec![fixtures::id(fixtures::MEMBER)], ..ExemptScope::default() }),
        Just(ExemptScope { ous: vec!["/".into()], ..ExemptScope::default() }),
        Just(ExemptScope::default()),
    ];
    let resources = proptest::collection::vec(prop_oneof![Just("a*"), Just("?"), Just("b")], 0..3);
    let one = (scope, resources, prop_oneof![Just("2026-05-31"), Just("2026-06-01")]);
    proptest::collection::vec(one, 0..5).prop_map(|rows| {
        let numbered = rows.into_iter().enumerate();
        numbered
            .map(|(n, (scope, resources, expires))| exemption(&format!("x{n}"), scope, &resources, expires))
            .collect()
    })
}

fn some_finding() -> impl Strategy<Value = Finding> {
    let verdict = prop_oneof![
        3 => Just(Verdict::Fail),
        1 => Just(Verdict::Pass),
        1 => Just(Verdict::Unknown),
        1 => Just(Verdict::NotApplicable),
    ];
    let names = proptest::collection::btree_set(prop_oneof![Just("a"), Just("ab"), Just("b"), Just("c")], 0..4);
    (verdict, names, any::<bool>()).prop_map(|(verdict, names, of_organization)| {
        let names: Vec<&str> = if verdict == Verdict::Fail { names.into_iter().collect() } else { Vec::new() };
        let mut made = finding(verdict, &names);
        if of_organization {
            made.target = Target::Organization;
        }
        made
    })
}

proptest! {
    /// Whatever is exempted: nothing that is no failure changes, nothing is lost, and a cell is exempt exactly when nothing
    /// failing is left in it.
    #[test]
    fn failures_alone_are_touched_and_none_is_lost(exemptions in some_exemptions(), before in some_finding()) {
        let after = applied(&exemptions, before.clone());
        if before.verdict != Verdict::Fail {
            prop_assert_eq!(&after, &before);
            return Ok(());
        }
        let mut names: Vec<Option<&str>> = after.resources.iter().map(|failing| Some(failing.resource.as_str())).collect();
        names.extend(after.exempt.iter().map(|exempt| exempt.resource.as_deref()));
        names.sort_unstable();
        match before.resources.as_slice() {
            [] => prop_assert!(names.is_empty() || names == [None]),
            some => prop_assert_eq!(names, some.iter().map(|failing| Some(failing.resource.as_str())).collect::<Vec<_>>()),
        }
        let nothing_left = after.resources.is_empty() && !after.exempt.is_empty();
        prop_assert_eq!(after.verdict, if nothing_left { Verdict::Exempt } else { Verdict::Fail });
        let in_force: Vec<&str> = exemptions.iter()
            .filter(|exemption| exemption.expires.to_string() == "2026-06-01").map(|exemption| exemption.id.as_str()).collect();
        prop_assert!(after.exempt.iter().all(|exempt| in_force.contains(&exempt.exemption.as_str())));
        prop_assert_eq!(&applied(&exemptions, after.clone()), &after, "applied again, they change nothing");
    }

    /// Over every check of the catalogue: no exemption makes a pass, or tells what is unknown.
    #[test]
    fn no_exemption_makes_a_pass(exemptions in some_exemptions()) {
        let (org, thresholds) = (fixtures::org(), Thresholds::default());
        let mut facts = fixtures::account();
        facts.summary = Observed::not_collected("iam:GetAccountSummary");
        facts.password_policy = fixtures::absent("iam:GetAccountPasswordPolicy");
        let exemptions: Vec<Exemption> =
            exemptions.into_iter().map(|exemption| Exemption { checks: vec!["*".into()], ..exemption }).collect();
        let before = checks::account(&org, &facts, &thresholds);
        let mut after = before.clone();
        Exempting::new(&all(&exemptions), &org).apply(&org, Some(&facts.account), &mut after);
        let (was, is) = (Tally::of(&before), Tally::of(&after));
        prop_assert!(was.all().fail > 0 && was.all().unknown > 0);
        prop_assert_eq!((was.all().pass, was.all().unknown, was.all().total()), (is.all().pass, is.all().unknown, is.all().total()));
        prop_assert_eq!(was.all().fail, is.all().fail + is.all().exempt);
        let matched: usize = is.exemptions().values().map(|matched| matched.resources).sum();
        prop_assert_eq!(matched, after.iter().map(|finding| finding.exempt.len()).sum::<usize>());
    }
}

#[test]
fn the_published_schema_has_the_keys_of_the_loader() {
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let schema: serde_json::Value = published::schema(generator).into();
    // The hint of an unknown key has every other key that is known there and missing.
    let loaded = |text: &str| -> Vec<String> {
        let errors = parsed(&format!("version: 1\n{text}")).unwrap_err();
        let unknown = errors.0.iter().find(|error| error.message.contains("`nobody-knows-this`"));
        let hint = unknown.and_then(|error| error.hint.clone()).unwrap_or_else(|| panic!("{errors}"));
        let mut words: Vec<String> = hint
            .trim_start_matches("valid words: ")
            .split(", ")
            .map(|word| word.trim_matches('`').to_owned())
            .collect();
        words.sort();
        words
    };
    let published = |of: &serde_json::Value| -> Vec<String> {
        assert_eq!(of["additionalProperties"], false, "{of}");
        of["properties"].as_object().unwrap().keys().filter(|key| *key != "version").cloned().collect()
    };
    let defs = &schema["$defs"];
    for (of, text) in [
        (&schema, "nobody-knows-this: 1"),
        (&defs["Exemption"], "exemptions: [{nobody-knows-this: 1}]"),
        (&defs["Named"], "exemptions: [{scope: {nobody-knows-this: 1}}]"),
        (&defs["Attestation"], "attestations: [{nobody-knows-this: 1}]"),
    ] {
        assert_eq!(published(of), loaded(text), "{text}");
    }
}

#[test]
fn what_could_not_be_told_besides_is_left_when_all_that_fails_is_exempt() {
    let one = exemption("one", everywhere(), &[], "2026-12-31");
    let cause = Cause::new(CauseKind::AccessDenied, "s3:GetBucketAcl", "denied");
    let doubtful = |resources: &[&str]| Finding { doubt: Some(cause.clone()), ..finding(Verdict::Fail, resources) };
    for resources in [&["a", "b"][..], &[]] {
        let after = applied(std::slice::from_ref(&one), doubtful(resources));
        assert_eq!((after.verdict, after.cause.as_ref()), (Verdict::Unknown, Some(&cause)));
        assert!(after.message.contains("the rest can't be told: s3:GetBucketAcl: denied"), "{}", after.message);
        assert_eq!(applied(std::slice::from_ref(&one), after.clone()), after, "applied again");
    }
    let some = Exemption { resources: vec!["a".to_owned()], ..one };
    let after = applied(std::slice::from_ref(&some), doubtful(&["a", "b"]));
    assert_eq!((after.verdict, after.doubt), (Verdict::Fail, Some(cause)), "it fails, and is in doubt besides");
}

#[test]
fn an_exemption_of_every_check_is_none() {
    for word in ["*", "**"] {
        let text = format!("version: 1\n{}", ONE.replace("root-mfa", &format!("'{word}'")));
        let error = parsed(&text).unwrap_err().to_string();
        assert!(error.contains("would exempt every check, new ones too"), "{text}\n{error}");
    }
}
