//! Every format of one small audit, as it is read: a failure, an exemption, what could not be told, what does not apply, and
//! hostile text wherever text is somebody else's.

use super::*;
use crate::checks::frameworks;
use crate::model::exemption::{ExemptScope, Exemption, Exemptions};
use crate::model::finding::Exempted;
use crate::model::history::{Became, Changed, Changes};
use crate::report::diff::{Differences, Side};
use crate::report::ocsf::Version;
use crate::report::row::fingerprint;
use serde_json::Value;

/// A name that is a formula, markup, a link, an argument, and moves the cursor.
const HOSTILE: &str = "=cmd|' /C calc'!A0 </failure>]]>&\"<script> [x](http://evil) {0}\u{1b}[2J\u{202e}\u{0}";

/// An audit with everything that formats have to tell.
fn small<T>(make: impl FnOnce(&Audit<'_>) -> T) -> T {
    let mut org = fixtures::org();
    let member = fixtures::id(fixtures::MEMBER);
    org.accounts.get_mut(&member).unwrap().name = HOSTILE.to_owned();
    let exempted = |resource: Option<&str>| Exempted {
        exemption: "legacy-key".to_owned(),
        resource: resource.map(str::to_owned),
        message: "the old build server needs it".to_owned(),
    };
    let of = |check: &str, target: Target, finding: Finding| Finding { check: check.to_owned(), target, ..finding };
    let home = Target::AccountRegion(member.clone(), fixtures::home());
    let member = Target::Account(member);
    let findings = vec![
        of("org-deny-leave", Target::Organization, finding(0, Verdict::Fail, "no SCP denies it", &[])),
        of(
            "root-mfa",
            Target::Account(fixtures::id(fixtures::MANAGEMENT)),
            finding(0, Verdict::Pass, "it has one", &[]),
        ),
        of("password-policy-length", member.clone(), finding(0, Verdict::Unknown, "can't tell: iam:X: slow down", &[])),
        Finding {
            exempt: vec![exempted(Some("arn:aws:iam::222222222222:user/build"))],
            ..of(
                "root-access-keys",
                member.clone(),
                finding(0, Verdict::Fail, "two keys", &["arn:aws:iam::222222222222:user/ops", HOSTILE]),
            )
        },
        Finding {
            exempt: vec![exempted(None)],
            ..of("root-mfa", member, finding(0, Verdict::Exempt, "it has none, and someone answers for it", &[]))
        },
        of("trail-multi-region", home, finding(0, Verdict::NotApplicable, "the Region is disabled", &[])),
    ];
    let exemption = Exemption {
        id: "legacy-key".to_owned(),
        checks: vec!["root-access-keys".to_owned()],
        scope: ExemptScope::default(),
        resources: Vec::new(),
        owner: "build-team@example.com".to_owned(),
        reason: format!("moves in March {HOSTILE}"),
        ticket: "SEC-17".to_owned(),
        expires: "2027-03-31".parse().unwrap(),
        line: 12,
    };
    let context = Context {
        run: "20260601T000000Z-1".to_owned(),
        exemptions: Exemptions {
            file: "exemptions.yaml".to_owned(),
            digest: "sha256:00".to_owned(),
            exemptions: vec![exemption],
            attestations: Vec::new(),
        },
        ..Context::default()
    };
    let tally = Tally::of(&findings);
    let scope = Scope { accounts: org.accounts.keys().cloned().collect(), left_out: Default::default() };
    make(&Audit {
        org: &org,
        scope: &scope,
        checks: CATALOG,
        findings: &findings,
        tally: &tally,
        frameworks: &[],
        context: &context,
        before: None,
        stats: RunStats::default(),
        interrupted: false,
    })
}

fn text(write: impl FnOnce(&Audit<'_>, &mut Vec<u8>)) -> String {
    small(|audit| {
        let mut out = Vec::new();
        write(audit, &mut out);
        String::from_utf8(out).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
    })
}

/// Lines of JSON, made readable.
fn pretty(lines: &str) -> String {
    let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    serde_json::to_string_pretty(&values).unwrap()
}

/// The CIS Benchmark of one version: all of them would change the snapshot with every framework.
fn cis() -> Standards<'static> {
    Standards::of(frameworks::all().iter().filter(|framework| framework.name == "cis-5.0"))
}

#[test]
fn ndjson_is_as_it_was_read() {
    let lines = text(|audit, out| ndjson::write(audit, out).unwrap());
    insta::assert_snapshot!(pretty(&lines));
}

#[test]
fn csv_is_as_it_was_read() {
    let csv = text(|audit, out| super::super::csv::write(audit, out).unwrap());
    assert!(csv.lines().count() == 9 && csv.matches("\r\n").count() == 9, "a line for each row: {csv}");
    insta::assert_snapshot!(csv.replace("\r\n", "\n"));
}

#[test]
fn junit_is_as_it_was_read() {
    insta::assert_snapshot!(text(|audit, out| junit::write(audit, out).unwrap()));
}

#[test]
fn sarif_is_as_it_was_read() {
    let beside = sarif::Beside { catalogue: CATALOG, config: "orgward.yaml" };
    let sarif = text(|audit, out| assert!(sarif::write(audit, &beside, out).unwrap().is_empty()));
    let mut sarif: Value = serde_json::from_str(&sarif).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap();
    assert_eq!(rules.len(), CATALOG.len(), "the whole catalogue");
    rules.truncate(1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&sarif).unwrap());
}

#[test]
fn ocsf_is_as_it_was_read() {
    insta::assert_snapshot!(pretty(&text(|audit, out| ocsf::write(audit, &cis(), Version::V1_5, out).unwrap())));
}

#[test]
fn older_ocsf_has_one_resource_and_tells_calls_as_enrichments() {
    let older = text(|audit, out| ocsf::write(audit, &Standards::default(), Version::V1_1, out).unwrap());
    for line in older.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["resource"]["uid"].is_string() && event.get("resources").is_none(), "{event}");
        assert!(event["enrichments"][0]["value"].is_string() && event.get("evidences").is_none(), "{event}");
        assert_eq!(event["compliance"]["standards"][0], "orgward", "1.1.0 wants a standard");
        assert_eq!(event["metadata"]["version"], "1.1.0");
    }
}

#[test]
fn asff_is_as_it_was_read() {
    insta::assert_snapshot!(pretty(&text(|audit, out| asff::write(audit, &cis(), out).unwrap())));
}

#[test]
fn json_tells_who_answers_for_what() {
    let report: Value = serde_json::from_str(&text(|audit, out| audit_json::write(audit, out).unwrap())).unwrap();
    let exempt: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|row| row["verdict"] == "exempt").collect();
    assert_eq!(exempt.len(), 2, "one beside two that fail, one alone");
    for row in exempt {
        assert_eq!(
            (&row["exemption"]["id"], &row["exemption"]["expires"]),
            (&"legacy-key".into(), &"2027-03-31".into())
        );
        assert_eq!(
            (&row["exemption"]["owner"], &row["exemption"]["ticket"]),
            (&"build-team@example.com".into(), &"SEC-17".into())
        );
    }
}

#[test]
fn a_fingerprint_is_the_same_in_every_format_and_when_someone_answers_for_it() {
    let of = |resource: &str| {
        let target = Target::Account(fixtures::id(fixtures::MEMBER));
        row::fingerprint("root-access-keys", &target, Some(resource))
    };
    let build = of("arn:aws:iam::222222222222:user/build");
    let beside = sarif::Beside { catalogue: CATALOG, config: "orgward.yaml" };
    let formats = [
        text(|audit, out| ndjson::write(audit, out).unwrap()),
        text(|audit, out| super::super::csv::write(audit, out).unwrap()),
        text(|audit, out| drop(sarif::write(audit, &beside, out).unwrap())),
        text(|audit, out| ocsf::write(audit, &cis(), Version::V1_8, out).unwrap()),
        text(|audit, out| asff::write(audit, &cis(), out).unwrap()),
        text(|audit, out| audit_json::write(audit, out).unwrap()),
    ];
    for format in formats {
        assert!(format.contains(&build) && format.contains(&of(HOSTILE)), "{format}");
    }
}

#[test]
fn a_config_file_places_what_no_playbook_mends() {
    let beside = sarif::Beside { catalogue: CATALOG, config: "conf/orgward.yaml" };
    let sarif = text(|audit, out| drop(sarif::write(audit, &beside, out).unwrap()));
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let place = |n: usize| &results[n]["locations"][0]["physicalLocation"];
    assert_eq!(place(0)["artifactLocation"]["uri"], "playbooks/deny-leave-organization.yaml");
    assert_eq!(place(1)["artifactLocation"]["uri"], "conf/orgward.yaml");
    assert_eq!(place(3)["artifactLocation"]["uri"], "exemptions.yaml");
    assert_eq!(place(3)["region"]["startLine"], 12);
    assert_eq!(results[3]["suppressions"][0]["status"], "accepted");
}

/// An audit before: a key that was deleted since, a user nobody knows about any more, a failure that is one still, and those of two
/// accounts that this audit does not judge, of which one has left the organization.
struct Before;

/// An account that has left.
const LEFT: &str = "999999999999";

impl Differences for Before {
    fn sides(&self) -> (Side<'_>, Side<'_>) {
        let run = "20260501T000000Z-1";
        let side = Side { run, as_of: fixtures::as_of(), orgward: "0.1.0", accounts: 1, checks: 1, complete: true };
        (side, side)
    }

    fn each(&self, visit: &mut dyn FnMut(&Changed<'_>) -> Result<(), ReportError>) -> Result<Changes, ReportError> {
        let told = [
            (fixtures::MEMBER, Became::Fixed, "arn:aws:iam::222222222222:user/gone", false, true),
            (fixtures::MEMBER, Became::NoLongerEvaluated, "arn:aws:iam::222222222222:user/unseen", false, false),
            (fixtures::MEMBER, Became::Unchanged, "arn:aws:iam::222222222222:user/ops", true, false),
            (fixtures::MEMBER, Became::AccountLeft, "arn:aws:iam::222222222222:user/elsewhere", false, false),
            (LEFT, Became::AccountLeft, "arn:aws:iam::999999999999:user/ops", false, false),
        ];
        for (account, became, resource, fails, gone) in told {
            let target = Target::Account(fixtures::id(account));
            let (check, resource, severity) = ("root-access-keys", Some(resource), Severity::Critical);
            visit(&Changed { became, check, target: &target, resource, severity, message: HOSTILE, fails, gone })?;
        }
        Ok(Changes::default())
    }
}

#[test]
fn what_failed_before_and_is_gone_is_closed_where_rows_are_kept_by_their_id() {
    let values = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let with = |write: &dyn Fn(&Audit<'_>, &mut Vec<u8>)| {
        values(&text(|audit, out| write(&Audit { before: Some(&Before), ..*audit }, out)))
    };
    let target = Target::Account(fixtures::id(fixtures::MEMBER));
    let id = fingerprint("root-access-keys", &target, Some("arn:aws:iam::222222222222:user/gone"));
    let events = with(&|audit, out| ocsf::write(audit, &cis(), Version::V1_5, out).unwrap());
    let [others @ .., last, left] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        others.len(),
        text(|audit, out| ocsf::write(audit, &cis(), Version::V1_5, out).unwrap()).lines().count()
    );
    assert!(others.iter().all(|event| event["type_uid"] == 200_301 && event["activity_id"] == 1));
    let told = (&last["activity_id"], &last["type_uid"], &last["status_id"], &last["compliance"]["status_id"]);
    assert_eq!(told, (&3.into(), &200_303.into(), &4.into(), &1.into()));
    assert_eq!(last["finding_info"]["uid"], *id);
    let told = (&left["activity_id"], &left["status_id"], &left["cloud"]["account"]["uid"]);
    assert_eq!(told, (&3.into(), &99.into(), &LEFT.into()));
    let requests = with(&|audit, out| asff::write(audit, &cis(), out).unwrap());
    let findings: Vec<&Value> = requests.iter().flat_map(|request| request["Findings"].as_array().unwrap()).collect();
    let (last, others) = findings.split_last().unwrap();
    assert!(last["Id"].as_str().unwrap().ends_with(&format!("/{id}")) && last["AwsAccountId"] == fixtures::MEMBER);
    assert_eq!((&last["RecordState"], &last["Compliance"]["Status"]), (&"ARCHIVED".into(), &"PASSED".into()));
    assert!(others.iter().all(|finding| finding["Id"] != last["Id"]), "once");
    assert!(findings.iter().all(|finding| finding["AwsAccountId"] != LEFT), "nobody can send them from there");
}
