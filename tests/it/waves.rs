//! Rollouts: wave by wave through the binary, gates that hold, and denials found in the sandbox's trail.

use crate::harness::{Background, Served};
use crate::rolling::{carry_out, planned, progress, survey};
use crate::sandboxed::{operator, settings};
use jiff::SignedDuration;
use orgward::collect;
use orgward::execute::{self, Undo};
use orgward::lockout::{Protected, Roles, Terms, prove};
use orgward::model::denial::{DenialKind, DenialQuery, DenialReport};
use orgward::model::{AccountId, OrgFacts};
use orgward::sandbox::{Sandbox, Scenario};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PLAYBOOK: &str = r#"version: 1
name: guard
description: d
rollout:
  bake: 0s
  waves:
    - { name: canary, count: 1 }
    - { name: rest }
steps:
  - id: s3
    scp:
      name: guard-s3
      targets: [/Security]
      content:
        Version: "2012-10-17"
        Statement: [{ Effect: Deny, Action: "s3:DeleteBucket", Resource: "*" }]
"#;

#[test]
fn a_rollout_goes_wave_by_wave_and_a_change_replaces_the_policy() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let path = served.file("guard.yaml", PLAYBOOK);
    let path = path.to_str().unwrap();
    served.run(&["plan", path]).ends(0).shows(&[
        "Wave 1 of 2: canary (2 changes, no failure tolerated, no wait behind it, denials stop it)",
        "Wave 2 of 2: rest",
        "- delete attachment of \"guard-s3\"",
        "note: wave `canary` bakes for no time",
    ]);
    served.run(&["apply", "--yes", path]).ends(0).says(&["Wave 1 (canary) begins", "Wave 2 (rest) begins"]);
    served.run(&["plan", "--detailed-exitcode", path]).ends(0);

    let changed = served.file("guard.yaml", &PLAYBOOK.replace("s3:DeleteBucket", "s3:DeleteBucketPolicy"));
    let changed = changed.to_str().unwrap();
    let plan = served.run(&["plan", "--format", "json", changed]).ends(0).json();
    let waves: Vec<&str> =
        plan["waves"].as_array().unwrap().iter().map(|wave| wave["name"].as_str().unwrap()).collect();
    assert_eq!(waves, ["canary", "rest", "retire", "delete"]);
    let asked: Vec<&str> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|change| change["confirmations"].as_array().unwrap())
        .map(|one| one["target"].as_str().unwrap())
        .collect();
    let mut apply = vec!["apply", "--yes", changed];
    asked.iter().for_each(|target| apply.extend(["--confirm", *target]));
    served.run(&apply).ends(0).says(&["Wave 4 (delete) begins"]);
    served.run(&["plan", "--detailed-exitcode", changed]).ends(0);
}

#[test]
fn a_trail_that_can_t_be_read_holds_the_rollout() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", "logs:FilterLogEvents=deny"]);
    let path = served.file("guard.yaml", PLAYBOOK);
    served.run(&["apply", "--yes", path.to_str().unwrap()]).ends(8).says(&[
        "the gate behind wave 1 (canary) holds",
        "orgward resume",
        "orgward rollback",
    ]);
}

#[test]
fn a_rollout_that_stops_is_undone_where_its_playbook_asks() {
    let text = "version: 1\nname: pw\ndescription: d\nrollout: {bake: 0s, rollback_on_stop: true, waves: [{name: canary, count: \
                1}, {name: rest}]}\nsteps:\n  - id: length\n    password_policy: {minimum_length: 20}\n";
    let arguments = ["--accounts", "5", "--seed", "3"];
    let first = Served::start(&arguments);
    let playbook = first.file("pw.yaml", text);
    let plan = first.run(&["plan", "--format", "json", playbook.to_str().unwrap()]).ends(0).json();
    let last = plan["changes"].as_array().unwrap().last().unwrap()["address"]["account"].as_str().unwrap().to_owned();
    assert!(plan["waves"].as_array().is_some_and(|waves| waves.len() == 2), "{plan}");
    let fault = format!("iam:UpdateAccountPasswordPolicy=deny@{last}");
    let served = Served::start(&[&arguments[..], &["--fault", &fault]].concat());
    let playbook = served.file("pw.yaml", text);
    let playbook = playbook.to_str().unwrap();
    served.run(&["apply", "--yes", playbook]).ends(7).says(&["the playbook asks to undo"]).shows(&["Rollback: "]);
    let after = served.run(&["plan", "--format", "json", playbook]).ends(0).json();
    assert_eq!(after["changes"], plan["changes"], "everything is as it was");
}

#[tokio::test(start_paused = true)]
async fn the_way_back_passes_over_an_account_that_left() {
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    let members = Scenario::small();
    let (stays, leaves) = (&members.account("app-one").unwrap().id, &members.account("app-two").unwrap().id);
    let text = format!(
        "version: 1\nname: guard\ndescription: d\nsteps:\n  - id: s3\n    scp:\n      name: guard-s3\n      targets: [\"{stays}\", \
         \"{leaves}\"]\n      content: {{Version: \"2012-10-17\", Statement: [{{Effect: Deny, Action: \"s3:DeleteBucket\", Resource: \
         \"*\"}}]}}\n"
    );
    let (org, plan) = planned(&sessions, &text).await;
    let dir = tempfile::tempdir().unwrap();
    let (done, undone) = (dir.path().join("apply.jsonl"), dir.path().join("undo.jsonl"));
    assert!(carry_out(&sessions, &org, &plan, &done, None).await.unwrap().clean());
    sandbox.with(|org| {
        org.members.remove(leaves);
        org.policies.values_mut().for_each(|policy| policy.targets.retain(|target| *target != leaves.clone().into()));
    });
    let org = survey(&sessions).await;
    let (now, found) = (sessions.clock().now(), BTreeMap::new());
    let undo = Undo { run: "20261102T080000Z-4000", caller_arn: &plan.caller_arn, now, found: &found };
    let back = execute::rollback(&plan, &progress(&plan, &done), &undo);
    assert_eq!(back.changes.len(), 3);
    let (protected, roles) = (Protected::embedded().unwrap(), Roles::new("OrgwardAudit", "OrgwardApply"));
    let terms = Terms { protected: &protected, roles: &roles, regions: None, accepted: &BTreeSet::new() };
    assert_eq!(prove(&org, &back, &terms).refusals, [], "nobody is locked out of an account that left");
    let report = carry_out(&sessions, &org, &back, &undone, None).await.unwrap();
    assert!(report.clean(), "{report:?}");
    let names = |org: &OrgFacts| format!("{:?}", org.policies);
    assert!(!names(&survey(&sessions).await).contains("guard-s3"));
}

/// What the trail shows behind a wave.
async fn look(sandbox: &Sandbox, org: &OrgFacts, query: &DenialQuery) -> DenialReport {
    let sessions = crate::sandboxed::connect(sandbox, settings(sandbox)).await.unwrap();
    collect::denials(&sessions, org, query).await
}

/// A call in an account that a service control policy denied, pushed into the trail.
fn deny(sandbox: &Sandbox, account: &AccountId, message: &str) {
    sandbox.with(|org| {
        let mut event = org.events.last().expect("somebody has called").clone();
        (event.account, event.at) = (account.clone(), org.now);
        event.id = format!("denied-{}", org.events.len());
        (event.name, event.source) = ("PutObject".into(), "s3.amazonaws.com".into());
        event.identity =
            json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{account}:assumed-role/app/i-1")}).into();
        (event.error_code, event.error_message) = (Some("AccessDenied".into()), Some(message.into()));
        org.events.push(event);
    });
}

#[tokio::test(start_paused = true)]
async fn denials_by_our_policy_are_told_from_all_others() {
    let sandbox = Sandbox::new(Scenario::small());
    let sessions = operator(&sandbox).await;
    let org = collect::organization(&sessions, false, &CancellationToken::new()).await.unwrap();
    let since = sessions.clock().now();
    let member = org.accounts.keys().find(|id| !org.is_management(id)).unwrap().clone();
    let other = org.accounts.keys().filter(|id| !org.is_management(id)).nth(1).unwrap().clone();
    let query = DenialQuery {
        policies: vec![("g".into(), Some("p-abc12345".into()))],
        targets: [member.clone().into()].into(),
        since,
        last_write: since + SignedDuration::from_secs(60),
    };
    tokio::time::sleep(Duration::from_secs(900)).await;
    sessions.enter(&member, orgward::aws::Purpose::Audit).await.unwrap();
    let quiet = look(&sandbox, &org, &query).await;
    assert_eq!(quiet, DenialReport::default(), "calls as late as the last write show, and nobody is denied");

    let text = "not authorized to perform: s3:PutObject with an explicit deny in a service control policy";
    deny(&sandbox, &other, &format!("{text}: arn:aws:organizations::1:policy/o-a/service_control_policy/p-abc12345"));
    deny(&sandbox, &member, &format!("{text}: arn:aws:organizations::1:policy/o-a/service_control_policy/p-zzzzzzzz"));
    deny(&sandbox, &member, "not authorized because no service control policy allows the s3:PutObject action");
    deny(&sandbox, &other, "not authorized because no service control policy allows the s3:PutObject action");
    deny(&sandbox, &member, "not authorized with an explicit deny in an identity-based policy");
    let seen = look(&sandbox, &org, &query).await;
    let found: Vec<_> = seen.denials.iter().map(|denial| (denial.kind, denial.account.clone())).collect();
    assert!(seen.doubts.is_empty(), "{seen:?}");
    assert_eq!(found.len(), 2, "{seen:?}");
    assert!(found.contains(&(DenialKind::Named, other)) && found.contains(&(DenialKind::Implicit, member.clone())));
    assert_eq!(seen.denials[0].call, "s3:PutObject");

    // A trail that shows nothing as late as the last write can't tell.
    let early = DenialQuery { last_write: sessions.clock().now() + SignedDuration::from_secs(3600), ..query.clone() };
    let late = look(&sandbox, &org, &early).await;
    assert!(late.doubts.iter().any(|doubt| doubt.contains("it is behind")), "{late:?}");

    // Without a log group each account's own history is read.
    let mut blind = org.clone();
    blind.organization_trails = orgward::model::Observed::not_collected("cloudtrail:DescribeTrails");
    let history = look(&sandbox, &blind, &query).await;
    assert!(history.denials.iter().any(|denial| denial.kind == DenialKind::Implicit), "{history:?}");
}

/// Passwords in two waves, with time to stop the run in between.
const PASSWORDS: &str = "version: 1\nname: pw\ndescription: d\nrollout: {bake: 3s, waves: [{name: canary, count: 1}, {name: rest}]}\n\
                         steps:\n  - id: length\n    password_policy: {minimum_length: 20}\n";

/// The newest run.
#[track_caller]
fn newest(served: &Served) -> String {
    let runs = served.run(&["runs", "list", "--format", "json"]).ends(0).json();
    runs["runs"].as_array().unwrap().last().unwrap()["run"].as_str().unwrap().to_owned()
}

/// Applies a playbook and stops it while its first wave bakes.
#[track_caller]
fn stopped_in_the_bake(served: &Served, playbook: &str) -> String {
    let mut apply = Background::start(&mut served.command(&["apply", "--yes", playbook]));
    apply.until("bakes for");
    apply.interrupt().ends(130);
    newest(served)
}

#[test]
fn a_resumed_rollout_that_stops_is_undone_where_its_playbook_asks() {
    let text = PASSWORDS.replace("bake: 3s", "bake: 3s, rollback_on_stop: true");
    let arguments = ["--accounts", "5", "--seed", "3"];
    let first = Served::start(&arguments);
    let playbook = first.file("pw.yaml", &text);
    let plan = first.run(&["plan", "--format", "json", playbook.to_str().unwrap()]).ends(0).json();
    let last = plan["changes"].as_array().unwrap().last().unwrap()["address"]["account"].as_str().unwrap().to_owned();
    let fault = format!("iam:UpdateAccountPasswordPolicy=deny@{last}");
    let served = Served::start(&[&arguments[..], &["--fault", &fault]].concat());
    let playbook = served.file("pw.yaml", &text);
    let id = stopped_in_the_bake(&served, playbook.to_str().unwrap());
    let resume = ["resume", &id, "--yes", "--approver", "Grace", "--ticket", "OPS-8"];
    served.run(&resume).ends(7).says(&["the playbook asks to undo"]).shows(&["Rollback: "]);
    let after = served.run(&["plan", "--format", "json", playbook.to_str().unwrap()]).ends(0).json();
    assert_eq!(after["changes"], plan["changes"], "everything is as it was");
    let undo = newest(&served);
    served.run(&["runs", "show", &id]).ends(0).shows(&["Grace", "OPS-8", &format!("undone by     {undo}")]);
}

#[test]
fn what_still_fits_has_no_empty_waves() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let playbook = served.file("pw.yaml", PASSWORDS);
    let file = served.home().join("plan.json").to_str().unwrap().to_owned();
    let plan = served.run(&["plan", "--format", "json", "--out", &file, playbook.to_str().unwrap()]).ends(0).json();
    let canary = plan["changes"][0]["address"]["account"].as_str().unwrap().to_owned();
    let policy =
        [("Action", "UpdateAccountPasswordPolicy"), ("Version", "2010-05-08"), ("MinimumPasswordLength", "11")];
    served.in_account(&canary, "iam", &policy);
    let apply = served.run(&["apply", "--yes", "--still-valid", &file]).ends(0);
    assert!(!apply.err.contains("(canary) begins"), "{}", apply.err);
    apply.says(&["wave `canary` has nothing left", "Wave 1 (rest) begins"]);
}

#[test]
fn a_saved_way_back_is_linked_to_the_run_it_undoes() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let playbook = served.file("pw.yaml", PASSWORDS);
    let plan = ["plan", "--format", "json", playbook.to_str().unwrap()];
    let before = served.run(&plan).ends(0).json()["changes"].clone();
    let id = stopped_in_the_bake(&served, playbook.to_str().unwrap());
    let file = served.home().join("back.json").to_str().unwrap().to_owned();
    let save = ["rollback", &id, "--out", &file];
    served.run(&save).ends(0).shows(&[&format!("undoes: run {id}")]);
    served.run(&["resume", &id, "--yes", "--approver", "Grace", "--ticket", "OPS-8"]).ends(0);
    served.run(&["runs", "show", &id]).ends(0).shows(&["approved by   Grace", "ticket        OPS-8"]);
    // The run went on since: the file would undo a part of it.
    served.run(&["apply", &file, "--yes"]).ends(6).says(&["went on at", "make it again"]);
    assert_eq!(served.run(&plan).ends(0).json()["changes"], json!([]), "nothing was undone");

    served.run(&save).ends(0);
    let saved: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(saved["undoes"], id);
    served.run(&["apply", &file, "--yes"]).ends(0).shows(&["Rollback: "]);
    assert_eq!(served.run(&plan).ends(0).json()["changes"], before);
    let undo = newest(&served);
    served.run(&["runs", "show", &undo]).ends(0).shows(&[&format!("undoes        {id}")]);
    served.run(&["runs", "show", &id]).ends(0).shows(&["rolled back", &format!("undone by     {undo}")]);
    served.run(&["resume", &id, "--yes"]).ends(6).says(&["was rolled back"]);
    // Where that run is not kept, it is still told which one is undone.
    served.run(&["apply", "--yes", playbook.to_str().unwrap()]).ends(0);
    let again = newest(&served);
    served.run(&["rollback", &again, "--out", &file]).ends(0);
    let elsewhere = served.home().join("elsewhere").to_str().unwrap().to_owned();
    let apply = ["apply", &file, "--yes", "--state-dir", &elsewhere];
    served.run(&apply).ends(0).says(&["is not kept here"]).shows(&["Rollback: "]);
}

#[test]
fn a_run_is_proved_over_the_regions_it_was_planned_for() {
    let served = Served::start(&["--accounts", "5", "--seed", "3", "--fault", "logs:FilterLogEvents=deny"]);
    let text = PLAYBOOK.replace(
        r#"Action: "s3:DeleteBucket", Resource: "*""#,
        r#"Action: "*", Resource: "*", Condition: { StringEquals: { "aws:RequestedRegion": eu-west-3 } }"#,
    );
    let playbook = served.file("guard.yaml", &text);
    let playbook = playbook.to_str().unwrap();
    served.run(&["plan", playbook]).ends(6).shows(&["in eu-west-3"]);
    let apply = ["apply", "--yes", "--regions", "eu-central-1", playbook];
    served.run(&apply).ends(8).says(&["the gate behind wave 1 (canary) holds"]);
    let id = newest(&served);
    served.run(&["resume", &id, "--yes"]).ends(8).says(&["the gate behind wave 1 (canary) holds"]);
}
