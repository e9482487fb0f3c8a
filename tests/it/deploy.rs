//! The definitions of `config/deploy/`: they agree with each other, ask for no permission too many or too few, and speak
//! orgward's language.

use crate::harness::run;
use orgward::collect::CATALOG;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

const JOBS: [&str; 3] = ["enumerate", "shards", "merge"];

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/deploy")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a YAML file, by their kind.
fn yaml(name: &str) -> Vec<Value> {
    let text = text(name);
    let documents = text.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap());
    documents.collect()
}

fn job(step: &str) -> Value {
    yaml(&format!("kubernetes/{step}.yaml")).remove(0)
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("nothing at {pointer} in {value}"))
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

#[test]
fn the_caller_s_policy_is_what_orgward_calls_and_no_more() {
    let policy = json("caller-policy.json");
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| match &statement["Action"] {
        Value::Array(list) => list.iter().map(|action| action.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    });
    let given: BTreeSet<&str> = actions.collect();
    let called: BTreeSet<&str> = CATALOG.iter().flat_map(|source| source.permissions).copied().collect();
    assert_eq!(given, called);
    let assumes = statements.iter().find(|statement| statement["Action"] == "sts:AssumeRole").unwrap();
    assert_eq!(assumes["Resource"], "arn:aws:iam::*:role/OrgwardAudit");
    assert_eq!(at(assumes, "/Condition/StringEquals/aws:ResourceOrgID"), "${aws:PrincipalOrgID}");
}

#[test]
fn the_definitions_agree_on_shards_image_and_steps() {
    let setup = yaml("kubernetes/setup.yaml");
    let of_kind = |kind: &str| setup.iter().find(|document| document["kind"] == kind).unwrap();
    let count: u64 = at(of_kind("ConfigMap"), "/data/ORGWARD_SHARDS").as_str().unwrap().parse().unwrap();
    let definition = json("batch/job-definition.json");
    let image = at(&definition, "/containerProperties/image");
    let role = at(&definition, "/containerProperties/jobRoleArn");
    assert_eq!(at(of_kind("ServiceAccount"), "/metadata/annotations/eks.amazonaws.com~1role-arn"), role);

    for step in JOBS {
        let job = job(step);
        let argument = if step == "shards" { "shard" } else { step };
        assert_eq!(at(&job, &format!("{CONTAINER}/args")), &serde_json::json!([argument]), "{step}");
        assert_eq!(at(&job, &format!("{CONTAINER}/image")), image, "{step}");
        assert_eq!(at(&job, "/spec/template/spec/restartPolicy"), "Never", "a failure policy asks for it");
        assert_eq!(at(&job, "/metadata/name"), &Value::from(format!("orgward-{step}")));
        for (pointer, wanted) in [
            ("/spec/template/spec/securityContext/runAsNonRoot", Value::from(true)),
            ("/spec/template/spec/automountServiceAccountToken", Value::from(false)),
        ] {
            assert_eq!(at(&job, pointer), &wanted, "{step}");
        }
        assert_eq!(at(&job, &format!("{CONTAINER}/securityContext/readOnlyRootFilesystem")), true);
        assert_eq!(at(&job, &format!("{CONTAINER}/resources/limits/memory")), "384Mi", "about 200 MiB and room");
        assert!(at(&job, "/spec/template/spec/securityContext").get("fsGroup").is_none(), "{step}");
        let submission = json(&format!("batch/{step}.json"));
        assert_eq!(at(&submission, "/containerOverrides/command"), &serde_json::json!([argument]));
        assert_eq!(at(&submission, "/jobDefinition"), at(&definition, "/jobDefinitionName"));
    }
    let shards = job("shards");
    assert_eq!(at(&shards, "/spec/completionMode"), "Indexed");
    assert_eq!(at(&shards, "/spec/podReplacementPolicy"), "Failed", "never two pods on one shard");
    for number in [at(&shards, "/spec/completions"), at(&shards, "/spec/parallelism")] {
        assert_eq!(number.as_u64(), Some(count));
    }
    assert_eq!(at(&json("batch/shards.json"), "/arrayProperties/size").as_u64(), Some(count));
    assert!(text("step-functions/state-machine.json").contains(&format!("{{\\\"shards\\\": {count}}}")));
    assert!(text("README.md").contains(&format!("--input '{{\"shards\": {count}}}'")));
}

/// Exit codes that mean the same again: nobody tries these a second time.
#[test]
fn results_and_wrong_use_are_never_tried_again() {
    let ending = |step: &str| -> Vec<u64> {
        let job = job(step);
        let rules = at(&job, "/spec/podFailurePolicy/rules").as_array().unwrap();
        assert_eq!(rules[0]["action"], "Ignore", "an evicted pod counts for nothing, whatever its exit code");
        assert_eq!(at(&rules[0], "/onPodConditions/0/type"), "DisruptionTarget");
        let ends = rules.iter().filter(|rule| rule["action"] == "FailJob");
        let codes = ends.flat_map(|rule| at(rule, "/onExitCodes/values").as_array().unwrap());
        codes.map(|code| code.as_u64().unwrap()).collect()
    };
    assert_eq!(ending("enumerate"), [2]);
    assert_eq!(ending("shards"), [2]);
    assert_eq!(ending("merge"), [2, 3, 4]);
    let definition = json("batch/job-definition.json");
    let rules = at(&definition, "/retryStrategy/evaluateOnExit").as_array().unwrap();
    let ends: Vec<&str> =
        rules.iter().filter(|rule| rule["action"] == "EXIT").map(|rule| rule["onExitCode"].as_str().unwrap()).collect();
    assert_eq!(ends, ["2", "3", "4"]);
    assert_eq!(rules.last().unwrap()["action"], "RETRY", "what no rule names would end the job");
    let choice = json("step-functions/state-machine.json");
    let results = at(&choice, "/States/Is it a result?/Choices").as_array().unwrap();
    let codes: Vec<u64> = results.iter().map(|choice| at(choice, "/And/1/NumericEquals").as_u64().unwrap()).collect();
    assert_eq!(codes, [3, 4]);
}

/// `job.sh` with something that writes down its arguments in place of orgward; they are read as orgward reads them.
#[test]
fn every_command_line_is_one_that_orgward_understands() {
    let home = tempfile::tempdir().unwrap();
    let spy = home.path().join("orgward");
    std::fs::write(&spy, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    std::fs::set_permissions(&spy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", home.path().display(), std::env::var("PATH").unwrap());
    let job = |arguments: &[&str], more: &[(&str, &str)]| {
        let mut command = Command::new("sh");
        command.arg(file("job.sh")).args(arguments).env_clear().env("PATH", &path);
        command.env("ORGWARD_SHARED", home.path()).env("ORGWARD_RUN", "q4").envs(more.iter().copied());
        run(&mut command)
    };
    let understood = |arguments: &[&str], more: &[(&str, &str)]| -> String {
        let line = job(arguments, more).ends(0).out;
        let words = std::iter::once("orgward").chain(line.lines());
        orgward::cli::understands(words).unwrap_or_else(|error| panic!("{line}\n{error}"));
        line.replace('\n', " ")
    };
    let kubernetes = [("JOB_COMPLETION_INDEX", "7"), ("ORGWARD_SHARDS", "8")];
    let batch = [("AWS_BATCH_JOB_ARRAY_INDEX", "7"), ("AWS_BATCH_JOB_ARRAY_SIZE", "8")];
    let states = [("ORGWARD_SHARD_INDEX", "7"), ("ORGWARD_SHARDS", "8")];
    assert!(understood(&["enumerate", "--regions", "us-east-1"], &[]).starts_with("org --out "));
    for engine in [kubernetes, batch, states] {
        let line = understood(&["shard", "--ou", "/Workloads"], &engine);
        assert!(line.starts_with("audit --org ") && line.contains(" --shard 7/8 "), "{line}");
        assert!(line.contains(" --fail-on none --allow-partial ") && line.ends_with(" --ou /Workloads "), "{line}");
        assert!(!line.contains("--resume"), "{line}");
    }
    let kept = home.path().join("q4/shard-7/runs/20260718T100000Z-4000");
    std::fs::create_dir_all(&kept).unwrap();
    assert!(!understood(&["shard"], &kubernetes).contains("--resume"), "a run without its organization never began");
    std::fs::write(kept.join("organization.frames"), "").unwrap();
    let line = understood(&["shard"], &kubernetes);
    assert!(line.contains("--resume 20260718T100000Z-4000 "), "{line}");
    let line = understood(&["merge"], &[]);
    assert!(line.starts_with("merge ") && line.contains("/q4/shard-7/runs/20260718T100000Z-4000"), "{line}");

    // Once the organization is enumerated, a second try leaves it alone.
    std::fs::write(home.path().join("q4/org.jsonl"), "").unwrap();
    assert_eq!(job(&["enumerate"], &[]).ends(0).out, "");
    job(&["shard"], &[]).ends(2).says(&["set ORGWARD_SHARD_INDEX"]);
    job(&["shard"], &[("JOB_COMPLETION_INDEX", "1")]).ends(2).says(&["ORGWARD_SHARDS has to be"]);
    for name in ["", "../q4", ".", "a/b"] {
        job(&["merge"], &[("ORGWARD_RUN", name)]).ends(2).says(&["ORGWARD_RUN"]);
    }
    job(&["audit"], &[]).ends(2).says(&["enumerate, shard or merge"]);
    assert!(orgward::cli::understands(["orgward", "audit", "--shards", "1/8"]).is_err(), "the reader reads");
}
