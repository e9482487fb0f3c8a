//! The lock-out proof from outside: what ships is proved, what locks out is refused, a risk is accepted by its target.

use crate::harness::{Served, run};
use serde_json::Value;

fn served() -> Served {
    Served::start(&["--accounts", "5", "--seed", "3"])
}

/// A playbook in the home directory that attaches this policy to /Security; gives its path.
fn playbook(served: &Served, policy: &str) -> String {
    served.file("guard.json", policy);
    let text = "version: 1\nname: ours\ndescription: test\nsteps:\n  - id: guard\n    scp:\n      name: our-guard\n      \
                document: guard.json\n      targets: [/Security]\n";
    served.file("ours.yaml", text);
    "./ours.yaml".to_owned()
}

/// The id of the OU /Security.
fn security(served: &Served) -> String {
    let plan = served.run(&["plan", "--format", "json", "deny-leave-organization", "--set", "targets=/Security"]);
    let plan: Value = plan.ends(0).json();
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().find_map(|change| change["address"]["target"].as_str()).unwrap().to_owned()
}

#[test]
fn shipped_playbooks_are_proved_on_the_root_too() {
    let served = served();
    served.file("orgward.yaml", "version: 1\nbreak_glass_roles: [BreakGlass]\n");
    for name in ["deny-leave-organization", "protect-cloudtrail", "region-restriction", "require-mfa", "baseline"] {
        for target in ["targets=/Security", "targets=/"] {
            let mut args = vec!["plan", "--format", "json", name, "--set", target];
            match name {
                "region-restriction" => args.extend(["--set", "regions=eu-central-1"]),
                "baseline" => args.extend(["--set", "endpoint=security@example.com"]),
                _ => {}
            }
            let plan: Value = served.run(&args).ends(0).json();
            assert_eq!(plan["refusals"], Value::Array(Vec::new()), "{name} {target}");
            assert!(!plan["relied_on"].as_array().unwrap().is_empty(), "{name} {target}");
        }
    }
}

#[test]
fn a_region_restriction_without_its_exemption_is_refused_with_statement_and_principal() {
    let served = served();
    let shipped: Value =
        serde_json::from_str(include_str!("../../playbooks/policies/region-restriction.json")).unwrap();
    let mut policy = shipped;
    let condition = policy["Statement"][0]["Condition"].as_object_mut().unwrap();
    condition.remove("ArnNotLike").unwrap();
    condition.insert("StringNotEquals".into(), serde_json::json!({ "aws:RequestedRegion": ["eu-central-1"] }));
    let playbook = playbook(&served, &serde_json::to_string_pretty(&policy).unwrap());
    let run = served.run(&["plan", &playbook]).ends(6);
    run.shows(&[
        "statement `DenyOtherRegions` (number 1, ./guard.json:3) of `our-guard`, attached to OU /Security",
        "denies `cloudwatch:DeleteAlarms` and 14 more in af-south-1 and 30 more to role/OrgwardApply",
        "(the apply role of orgward)",
        "(the execution roles of StackSets)",
        "exempt it with a Condition",
    ]);
    served.run(&["apply", "--yes", &playbook]).ends(6).says(&["nothing was changed"]);
    // Where only that Region is in scope, the proof holds there.
    served.run(&["plan", "--regions", "eu-central-1", &playbook]).ends(0);
}

#[test]
fn a_risk_is_accepted_by_its_target_and_again_when_the_saved_plan_is_applied() {
    let served = served();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoAlarms","Effect":"Deny","Action":"cloudwatch:*","Resource":"*"}]}"#;
    let playbook = playbook(&served, policy);
    let target = security(&served);
    let hint = format!("--accept-lockout-risk {target}");
    served.run(&["plan", &playbook]).ends(6).shows(&["`NoAlarms`", &hint]);
    served.run(&["plan", &playbook, "--accept-lockout-risk", "nowhere"]).ends(2);
    served.run(&["plan", &playbook, "--accept-lockout-risk", "r-zzzz"]).ends(6);
    let path = served.home().join("plan.json").to_str().unwrap().to_owned();
    let saved = served.run(&["plan", &playbook, "--accept-lockout-risk", &target, "--out", &path]).ends(0);
    saved.shows(&["the risk of a lock-out at OU /Security", "was accepted", "`NoAlarms`"]);
    served.run(&["apply", "--yes", &path]).ends(6).shows(&["`NoAlarms`"]);
    served.run(&["apply", "--yes", &path, "--accept-lockout-risk", &target]).ends(0).shows(&["Apply: 2 done"]);
}

#[test]
fn protected_principals_are_the_users_to_add() {
    let served = served();
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoDeploys","Effect":"Deny","Action":"ecs:*","Resource":"*"}]}"#;
    let playbook = playbook(&served, policy);
    served.run(&["plan", &playbook]).ends(0);
    let principals = "version: 1\nprincipals:\n  - name: deployment\n    arn: \"arn:*:iam::*:role/Deploy\"\n    actions: [ecs:UpdateService]\n";
    served.file("principals.yaml", principals);
    served.file("orgward.yaml", "version: 1\nprotected_principals: principals.yaml\n");
    served.run(&["plan", &playbook]).ends(6).shows(&["`NoDeploys`", "role/Deploy (deployment)"]);
    served.file("principals.yaml", "version: 1\nprincipal: []\n");
    served.run(&["plan", &playbook]).ends(2).says(&["principals.yaml"]);
    // Told before the first call, which would fail here.
    served.file("orgward.yaml", "version: 1\nprotected_principals: principal.yaml\n");
    for command in [["plan", &playbook], ["apply", &playbook], ["resume", MISSING], ["rollback", MISSING]] {
        let nowhere = run(served.command(&command).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"));
        nowhere.ends(2).says(&["protected principals `", "principal.yaml` can't be read"]);
    }
}

/// A run that nobody made.
const MISSING: &str = "20200101T000000Z-0000";

#[test]
fn the_simulator_of_aws_agrees_on_what_ships() {
    let served = served();
    served.file("orgward.yaml", "version: 1\nbreak_glass_roles: [BreakGlass]\n");
    let baseline = ["baseline", "--set", "targets=/Security", "--set", "endpoint=security@example.com"];
    let restriction = ["region-restriction", "--set", "targets=/Security", "--set", "regions=eu-central-1"];
    for playbook in [baseline, restriction] {
        let args = [&["plan", "--simulate", "--regions", "eu-central-1,eu-west-1"], &playbook[..]].concat();
        served
            .run(&args)
            .ends(0)
            .shows(&["AWS's policy simulator was asked about ", "it agrees with the lock-out proof"]);
    }
    let dry = ["apply", "--dry-run", "--simulate", "cis-password-policy"];
    served.run(&dry).ends(0).says(&["not simulated: the plan changes no service control policy"]);
    served.run(&["apply", "--simulate", "cis-password-policy"]).ends(2).says(&["--dry-run"]);
}

#[test]
fn a_simulator_that_says_otherwise_makes_the_plan_a_refused_one() {
    let served = Served::start(&["--accounts", "5", "--fault", "iam:SimulateCustomPolicy=contradict"]);
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoDeploys","Effect":"Deny","Action":"ecs:*","Resource":"*"}]}"#;
    let playbook = playbook(&served, policy);
    served.run(&["plan", &playbook]).ends(0);
    let path = served.home().join("plan.json").to_str().unwrap().to_owned();
    let words = [
        "refused ours/guard: AWS's simulator denies `",
        "role/OrgwardApply (the apply role of orgward)",
        "(chain r-",
        "orgward's evaluator allows it",
        "it does not agree with the lock-out proof",
    ];
    served.run(&["plan", "--simulate", &playbook, "--out", &path]).ends(6).shows(&words);
    served.run(&["apply", "--yes", &path]).ends(6).says(&["nothing was changed"]);
    served.run(&["apply", "--dry-run", "--simulate", &playbook]).ends(6).shows(&words);
}

#[test]
fn a_simulation_that_is_not_allowed_is_told_and_not_passed_over() {
    let served = Served::start(&["--accounts", "5", "--fault", "iam:SimulateCustomPolicy=deny"]);
    let run = served.run(&["plan", "--simulate", "deny-leave-organization", "--set", "targets=/Security"]).ends(0);
    run.says(&["not simulated: ", "iam:SimulateCustomPolicy", "AccessDenied"]).shows(&["note: not simulated: "]);
}

#[test]
fn a_refusal_names_the_line_a_person_wrote_in_a_file_a_playbook_and_a_pack() {
    let served = served();
    served.file(
        "guard.json",
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Deny\", \"Action\": \"ecs:*\", \"Resource\": \"*\" },\n    { \"Effect\": \"Deny\", \"Action\": \"sns:ListTopics\", \"Resource\": \"*\" }\n  ]\n}\n",
    );
    let head = "version: 1\nname: ours\ndescription: test\nsteps:\n  - id: guard\n    scp:\n      name: our-guard\n      targets: [/Security]\n";
    let inline = "content:\n        Version: '2012-10-17'\n        Statement:\n          - { Effect: Deny, Action: 'ecs:*', Resource: '*' }\n          - { Effect: Deny, Action: 'sns:ListTopics', Resource: '*' }\n";
    for (body, place) in [
        ("      document: guard.json\n".to_owned(), "(number 2, ./guard.json:6)"),
        (format!("      {inline}"), "(number 2, ./ours.yaml:13)"),
        ("      pack:\n        - document: guard.json\n".to_owned(), "(number 2, ./guard.json:6)"),
    ] {
        served.file("ours.yaml", &format!("{head}{body}"));
        served.run(&["plan", "./ours.yaml"]).ends(6).shows(&["denies `sns:ListTopics`", place]);
    }
    // A saved plan still knows.
    served.run(&["plan", "./ours.yaml", "--out", "plan.json"]).ends(6);
    served.run(&["apply", "--yes", "plan.json"]).ends(6).shows(&["(number 2, ./guard.json:6)"]);
}
