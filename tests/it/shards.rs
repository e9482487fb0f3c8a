//! An audit on three machines, as `config/deploy/job.sh` runs it: real processes against one sandbox on a socket. Together they
//! say what one machine says, byte for byte but for moments, request ids and digests of answers, also after a machine was lost.

use crate::harness::{Run, Served, run};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What differs between two runs that saw the same: when each answer came, and what names it.
const OF_THE_ANSWER: [&str; 5] = ["observed_at", "made_at", "age_seconds", "request_id", "digest"];

/// A report without these lines and without what the run cost.
fn essence(report: &str) -> String {
    let (told, _cost) = report.split_once("\n  \"run\": {").expect("the last part of the report");
    let own = |line: &&str| {
        let key = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\": ")).map(|(key, _)| key);
        !key.is_some_and(|key| OF_THE_ANSWER.contains(&key))
    };
    told.lines().filter(own).map(|line| line.trim_end_matches(',')).collect::<Vec<_>>().join("\n")
}

/// Several machines with one shared file system and one sandbox.
struct Machines {
    served: Served,
    as_of: String,
}

impl Machines {
    fn start(arguments: &[&str]) -> Self {
        // Whole seconds, a little ahead: no fact is older than the audit says.
        let as_of = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 600).unwrap();
        Self { served: Served::start(arguments), as_of: as_of.to_string() }
    }

    fn work(&self) -> PathBuf {
        self.served.home().join("q4")
    }

    /// `job.sh` on a machine.
    fn job(&self, step: &str, index: Option<usize>, flags: &[&str]) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_orgward")).parent().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/config/deploy/job.sh");
        let mut command = Command::new("sh");
        command.arg(script).arg(step).args(flags).env_clear().current_dir(self.served.home()).stdin(Stdio::null());
        command.envs(self.served.variables.iter().cloned());
        command.env("PATH", format!("{}:{}", binary.display(), std::env::var("PATH").unwrap()));
        command.env("ORGWARD_SHARED", self.served.home()).env("ORGWARD_RUN", "q4").env("ORGWARD_SHARDS", "3");
        command.envs(index.map(|index| ("JOB_COMPLETION_INDEX", index.to_string())));
        command
    }

    #[track_caller]
    fn step(&self, step: &str, index: Option<usize>, flags: &[&str]) -> Run {
        run(&mut self.job(step, index, flags))
    }

    /// A shard, to its end.
    #[track_caller]
    fn shard(&self, index: usize, flags: &[&str]) -> Run {
        self.step("shard", Some(index), &[&["--as-of", &self.as_of], flags].concat())
    }

    /// The runs of a shard.
    fn runs(&self, index: usize) -> Vec<PathBuf> {
        let Ok(runs) = std::fs::read_dir(self.work().join(format!("shard-{index}/runs"))) else { return Vec::new() };
        let mut runs: Vec<PathBuf> = runs.map(|run| run.unwrap().path()).collect();
        runs.sort();
        runs
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.work().join("report.json")).unwrap()
    }

    /// What one machine says.
    #[track_caller]
    fn alone(&self, flags: &[&str]) -> Run {
        self.served.run(&[&["audit", "--as-of", &self.as_of, "--format", "json"], flags].concat())
    }
}

#[test]
fn three_machines_say_what_one_says() {
    let machines =
        Machines::start(&["--accounts", "7", "--seed", "3", "--fault", "iam:GetAccountPasswordPolicy=deny@audit"]);
    machines.step("enumerate", None, &[]).ends(0).says(&["Organization of 7 accounts written to"]);
    for index in [2, 0, 1] {
        // Findings and gaps are results: a shard that is done ends with 0.
        let run = machines.shard(index, &[]).ends(0);
        assert_eq!(run.out, "");
        assert_eq!(machines.runs(index).len(), 1);
    }
    machines.step("merge", None, &[]).ends(4);
    let alone = machines.alone(&[]).ends(4);
    let (one, three) = (essence(&alone.out), essence(&machines.report()));
    assert!(one.matches("\"fingerprint\"").count() > 500, "there is something to compare");
    assert_eq!(one, three);

    // The exit code follows the flags of `merge`, as that of an audit does.
    let again = |flags: &[&str]| machines.step("merge", None, flags);
    again(&["--allow-partial"]).ends(3);
    again(&["--allow-partial", "--fail-on", "none"]).ends(0);
    let runs: Vec<String> =
        (0..3).flat_map(|index| machines.runs(index)).map(|path| path.display().to_string()).collect();
    let table = |runs: &[String]| {
        machines.served.run(&[&["merge"], &*runs.iter().map(String::as_str).collect::<Vec<_>>()].concat())
    };
    table(&runs).ends(4).shows(&["password-policy-length", "over 7 accounts"]);
    let listed = machines.served.run(&["runs", "list"]).ends(0);
    let words = listed.out.lines().map(|line| line.split_whitespace().skip(1).take(2).collect::<Vec<_>>());
    let done = words.filter(|words| *words == ["audit", "done"]).count();
    assert_eq!(done, 2, "the merged run is one like any other:\n{}", listed.out);

    // What does not belong together.
    table(&runs[..2]).ends(2).says(&["a gap: shard `2/3` is in none of the runs"]);
    table(&[&runs[..], &runs[..1]].concat()).ends(2).says(&["shard `0/3` is there twice"]);
    table(&["no/such/run".to_owned()]).ends(2).says(&["no/such/run"]);
    let other = machines.served.home().join("other");
    let file = machines.work().join("org.jsonl");
    let strange = ["--org", file.to_str().unwrap(), "--shard", "2/3", "--checks", "root-mfa", "--fail-on", "none"];
    let strange =
        [&["audit", "--as-of", &machines.as_of, "--state-dir", other.to_str().unwrap()], &strange[..]].concat();
    machines.served.run(&[&strange[..], &["--quiet"]].concat()).ends(0);
    let made = std::fs::read_dir(other.join("runs")).unwrap().next().unwrap().unwrap().path();
    table(&[&runs[..2], &[made.display().to_string()]].concat()).ends(2).says(&["differ in checks", "runs/"]);
}

#[test]
fn a_machine_that_was_lost_is_replaced_and_nothing_is_missing() {
    let machines =
        Machines::start(&["--accounts", "12", "--seed", "5", "--fault", "iam:GetAccountSummary=latency:150"]);
    let flags = ["--checks", "root-*,password-policy-*,org-*", "--max-concurrency", "1"];
    machines.step("enumerate", None, &[]).ends(0);
    machines.shard(0, &flags).ends(0);
    machines.shard(2, &flags).ends(0);

    let arguments = [&["--as-of", &machines.as_of], &flags[..]].concat();
    let mut lost = machines.job("shard", Some(1), &arguments);
    let mut lost = lost.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    // An account or two, never all four.
    let kept = || {
        let size = |run: &PathBuf| std::fs::metadata(run.join("findings.frames")).map_or(0, |meta| meta.len());
        let organization = |run: &PathBuf| run.join("organization.frames").exists();
        machines.runs(1).iter().filter(|run| organization(run)).map(size).max().unwrap_or_default()
    };
    let mut first = None;
    loop {
        let now = kept();
        // The organization's frame comes first; the file grows again with the first account.
        match first {
            None if now > 16 => first = Some(now),
            Some(first) if now > first => break,
            _ => {}
        }
        assert!(lost.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(began.elapsed() < Duration::from_secs(60), "no account was kept");
        std::thread::sleep(Duration::from_millis(2));
    }
    lost.kill().unwrap();
    lost.wait().unwrap();

    let refused = machines.step("merge", None, &[]).ends(2);
    let run = machines.runs(1).remove(0);
    let id = run.file_name().unwrap().to_str().unwrap();
    refused.says(&["is not finished", &format!("go on with `orgward audit --resume {id} --state-dir ")]);

    // The engine starts the shard again; it goes on in the run that is there.
    machines.shard(1, &flags).ends(0);
    assert_eq!(machines.runs(1), std::slice::from_ref(&run));
    machines.step("merge", None, &["--fail-on", "none", "--allow-partial"]).ends(0);
    let alone =
        machines.alone(&["--checks", "root-*,password-policy-*,org-*", "--fail-on", "none", "--allow-partial"]).ends(0);
    assert_eq!(essence(&alone.out), essence(&machines.report()));
    let report: Value = serde_json::from_str(&machines.report()).unwrap();
    let many = |part: &str| report["scope"][part].as_array().unwrap().len();
    assert_eq!(many("accounts") + many("left_out"), 12);

    // Lost before it kept the organization: nothing to go on with, and no other organization is taken for it.
    std::fs::remove_file(run.join("organization.frames")).unwrap();
    let state = machines.work().join("shard-1");
    let resume = ["audit", "--resume", id, "--state-dir", state.to_str().unwrap()];
    machines.served.run(&resume).ends(2).says(&["begin again with --org"]);
}
