//! The data of frameworks is whole, and a control's verdict never says more than its cells.

use super::super::tests::IDS;
use super::super::{CATALOG, meta};
use super::*;
use crate::model::Tally;
use crate::model::check::Severity;
use crate::model::exemption::{Attestation, Exemptions};
use crate::model::finding::{Finding, Target, Verdict};
use crate::model::framework::{Cells, ControlVerdict};

fn finding(check: &str, verdict: Verdict) -> Finding {
    Finding {
        check: check.to_owned(),
        target: Target::Organization,
        verdict,
        severity: Severity::Low,
        message: "as the test says".to_owned(),
        resources: Vec::new(),
        exempt: Vec::new(),
        doubt: None,
        evidence: Vec::new(),
        cause: None,
    }
}

#[test]
fn every_file_is_read_and_named_after_itself() {
    let read: Vec<Framework> = FILES.iter().map(|text| parse(text).unwrap_or_else(|error| panic!("{error}"))).collect();
    assert_eq!(read, all());
    let mut on_disk: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/frameworks"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut names: Vec<&str> = all().iter().map(|framework| framework.name.as_str()).collect();
    on_disk.sort();
    names.sort_unstable();
    assert_eq!(names, on_disk, "a file is embedded, and called what it names");
}

/// How many controls there are: what `N of M` divides by.
#[test]
fn no_control_is_left_out() {
    let counts: Vec<(&str, usize)> =
        all().iter().map(|framework| (framework.name.as_str(), framework.controls.len())).collect();
    assert_eq!(
        counts,
        [
            ("cis-1.4", 58),
            ("cis-1.5", 63),
            ("cis-2.0", 64),
            ("cis-3.0", 62),
            ("cis-4.0", 64),
            ("cis-5.0", 63),
            ("cis-6.0", 63),
            ("cis-7.0", 70),
            ("aws-well-architected", 63),
            ("aws-fsbp", 286),
            ("iam-guides", 67),
        ]
    );
}

#[test]
fn controls_are_worded_and_answered_by_checks_that_there_are() {
    let ids: BTreeSet<&str> = IDS.split_whitespace().collect();
    for framework in all() {
        let cis = framework.name.starts_with("cis-");
        for control in &framework.controls {
            let at = format!("{} {}", framework.name, control.id);
            let mut seen = BTreeSet::new();
            for check in control.checks() {
                assert!(ids.contains(check), "{at}: there is no check `{check}`");
                assert!(seen.insert(check), "{at} names `{check}` twice");
            }
            assert_eq!(control.level.is_some_and(|level| level == 1 || level == 2), cis, "{at}: level");
            assert_eq!(control.assessment.is_some(), cis, "{at}: assessment");
            let mut texts = vec![&control.title];
            match &control.answer {
                Answer::Checks { part: None, .. } => {}
                Answer::Checks { part: Some(part), .. } => texts.extend([&part.proves, &part.manual]),
                Answer::Manual { manual } => texts.push(manual),
                Answer::NotCovered { not_covered } => texts.push(not_covered),
            }
            for text in texts {
                assert!(text.len() > 2 && !text.ends_with('.') && !text.contains("  "), "{at}: `{text}`");
                // The benchmark's own wording begins so.
                assert!(!text.starts_with("Ensure "), "{at}: `{text}`");
            }
        }
    }
}

/// Every check answers something: a check that nobody asks for is in no report by framework.
#[test]
fn every_check_answers_a_control() {
    let lost: Vec<&str> = IDS.split_whitespace().filter(|id| controls_of(id).next().is_none()).collect();
    assert!(lost.is_empty(), "{lost:?} answer no control of any framework");
}

#[test]
fn every_check_that_a_control_names_is_in_the_catalogue() {
    let named: BTreeSet<&str> = all().iter().flat_map(|framework| framework.checks()).collect();
    let missing: Vec<&&str> = named.iter().filter(|id| meta(id).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The word of a person stands for what is left to people, while it holds, and for nothing that a check can tell.
#[test]
fn an_attestation_stands_for_what_a_person_has_to_tell_alone() {
    let framework = find("cis-5.0").unwrap();
    let said = Exemptions {
        attestations: framework.controls.iter().map(|control| attestation(&control.id)).collect(),
        ..Exemptions::default()
    };
    let mut left_to_people = 0;
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::NotApplicable, Verdict::Exempt] {
        let found: Vec<Finding> = CATALOG.iter().map(|check| finding(check.id, verdict)).collect();
        let tally = Tally::of(&found);
        let without = judge(framework, &tally);
        for (moment, holds) in [
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-06-30T23:59:59Z", true),
            ("2026-07-01T00:00:00Z", false),
        ] {
            let with = judge_attested(framework, &tally, &said, moment.parse().unwrap());
            for (without, with) in without.controls.iter().zip(&with.controls) {
                let expected = match without.verdict {
                    ControlVerdict::Manual if holds => ControlVerdict::Attested,
                    verdict => verdict,
                };
                assert_eq!(with.verdict, expected, "{} {moment}", with.control.id);
                assert!(with.attestation.is_some());
            }
        }
        left_to_people += without.tally(ControlVerdict::Manual);
    }
    assert!(left_to_people > 0);
}

fn attestation(control: &str) -> Attestation {
    Attestation {
        framework: "cis-5.0".to_owned(),
        control: control.to_owned(),
        owner: "jane".to_owned(),
        statement: "looked".to_owned(),
        date: "2026-01-01".parse().unwrap(),
        expires: "2026-06-30".parse().unwrap(),
        line: 1,
    }
}

/// A check that gave no cell says nothing, and its control is unknown.
#[test]
fn a_check_without_a_cell_keeps_its_control_from_passing() {
    for silent in CATALOG {
        let others = CATALOG.iter().filter(|other| other.id != silent.id);
        let found: Vec<Finding> = others.map(|other| finding(other.id, Verdict::Pass)).collect();
        for (framework, control) in controls_of(silent.id) {
            let judged = judge(framework, &Tally::of(&found));
            let judged = judged.controls.iter().find(|judged| judged.control.id == control.id).unwrap();
            assert_eq!(judged.verdict, ControlVerdict::Unknown, "{} {}", framework.name, control.id);
        }
    }
}

#[test]
fn the_numbers_of_cis_are_those_of_each_version() {
    let numbers = |check: &str| -> Vec<String> {
        let cis = controls_of(check).filter(|(framework, _)| framework.name.starts_with("cis-"));
        cis.map(|(_, control)| control.id.clone()).collect()
    };
    assert_eq!(numbers("root-access-keys"), ["1.4", "1.4", "1.4", "1.4", "1.4", "1.3", "2.3", "2.4"]);
    assert_eq!(numbers("access-key-two-active"), ["1.13", "1.13", "1.13", "1.13", "1.13", "1.12", "2.12"]);
    assert_eq!(numbers("policy-cloudshell-full"), ["1.22", "1.22", "1.22", "1.21", "2.21", "2.20"]);
    assert_eq!(numbers("trail-bucket-public"), ["3.3", "3.3", "3.3"]);
    assert_eq!(numbers("monitor-vpc"), ["4.14", "4.14", "4.14", "4.14", "4.14", "4.14", "5.14", "5.14"]);
    assert_eq!(numbers("account-security-hub"), ["4.16", "4.16", "4.16", "4.16", "4.16", "5.16", "5.16"]);
    assert_eq!(numbers("org-delegated-admins"), ["2.1.5", "2.1.6"]);
}

#[test]
fn a_control_never_says_more_than_its_cells() {
    let framework = parse(
        "name: ours\ntitle: Ours\ncontrols:\n\
         - { id: whole, title: Both, checks: [a, b] }\n\
         - { id: part, title: A part, checks: [a], proves: this, manual: that }\n\
         - { id: person, title: A person, manual: look }\n\
         - { id: none, title: Nobody, not_covered: Amazon S3 }\n",
    )
    .unwrap();
    let verdicts = |found: &[(&str, Verdict)]| -> Vec<ControlVerdict> {
        let findings: Vec<Finding> = found.iter().map(|(check, verdict)| finding(check, *verdict)).collect();
        judge(&framework, &Tally::of(&findings)).controls.iter().map(|judged| judged.verdict).collect()
    };
    let rest = [ControlVerdict::Manual, ControlVerdict::NotCovered];
    let expect = |found: &[(&str, Verdict)], whole, part| {
        assert_eq!(verdicts(found), [[whole, part], rest].concat(), "{found:?}");
    };
    use ControlVerdict as C;
    use Verdict::{Exempt, Fail, NotApplicable, Pass, Unknown};
    expect(&[("a", Pass), ("b", Pass), ("b", NotApplicable)], C::Pass, C::Manual);
    expect(&[("a", Pass), ("b", NotApplicable)], C::Pass, C::Manual);
    expect(&[("a", NotApplicable), ("b", NotApplicable)], C::NotApplicable, C::Manual);
    expect(&[("a", Pass), ("b", Pass), ("b", Unknown)], C::Unknown, C::Manual);
    expect(&[("a", Unknown), ("a", Fail), ("b", Pass)], C::Fail, C::Fail);
    expect(&[("a", Exempt), ("b", Pass)], C::Exempt, C::Manual);
    expect(&[("a", Exempt), ("b", Unknown)], C::Unknown, C::Manual);
    // A check without a cell did not run.
    expect(&[("a", Pass)], C::Unknown, C::Manual);
    expect(&[], C::Unknown, C::Unknown);

    let judged = judge(&framework, &Tally::of(&[finding("a", Fail), finding("a", Fail), finding("b", Pass)]));
    assert_eq!(judged.controls[0].checks[0], ("a", Cells { fail: 2, ..Cells::default() }));
    assert_eq!(judged.tally(ControlVerdict::Fail), 2);
    let all: usize = ControlVerdict::ALL.iter().map(|verdict| judged.tally(*verdict)).sum();
    assert_eq!(all, framework.controls.len(), "manual and not covered are counted too");
}

#[test]
fn a_wrong_file_is_refused_with_the_control_that_is_wrong() {
    let with = |controls: &str| parse(&format!("name: x\ntitle: X\ncontrols:\n{controls}")).unwrap_err();
    insta::assert_snapshot!(
        [
            with("- { id: '1', title: No answer }"),
            with("- { id: '1', title: Two, checks: [a], not_covered: S3 }"),
            with("- { id: '1', title: Half, checks: [a], proves: this }"),
            with("- { id: '1', title: Half, checks: [a], manual: that }"),
            with("- { id: '1', title: Nothing, proves: this }"),
            with("- { id: '1', title: A, manual: a }\n- { id: '1', title: B, manual: b }"),
            parse("name: x\ntitle: X\ncontrols: [{ id: '1', title: A, manual: a }]\nnot_covered: { S3: ['1'] }").unwrap_err(),
        ]
        .join("\n"),
        @r"
    framework `x`, control `1`: say `checks`, `manual` or `not_covered`
    framework `x`, control `1`: what is `not_covered` is neither checked nor left to a person
    framework `x`, control `1`: `proves` says a part, `manual` has to say the rest
    framework `x`, control `1`: `checks` with `manual` also need `proves`
    framework `x`, control `1`: `proves` needs `checks`
    framework `x` has the control `1` twice
    framework `x` has the control `1` twice
    "
    );
    assert!(with("- { id: '1', title: A, manual: a, levle: 1 }").contains("levle"));
}

#[test]
fn a_wrong_name_is_refused_with_the_nearest() {
    assert_eq!(find("cis-5.0").unwrap().title, "CIS AWS Foundations Benchmark v5.0.0");
    assert_eq!(find("cis-50").unwrap_err(), "there is no framework `cis-50`, did you mean `cis-5.0`?");
    assert_eq!(find("iam-guide").unwrap_err(), "there is no framework `iam-guide`, did you mean `iam-guides`?");
    // Neither a beginning of several nor a version that there never was stands for one of them.
    for far in ["zzz", "cis", "cis-9"] {
        let none = find(far).unwrap_err();
        let begin = format!("there is no framework `{far}`, there are `cis-1.4`, ");
        assert!(none.starts_with(&begin) && none.ends_with("`iam-guides`"), "{none}");
    }
}
