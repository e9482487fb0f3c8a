//! `cargo bench --bench scale -- --accounts 300,1000,10000`: audits of sandbox organizations, each figure beside its limit.
//!
//! Owns: the arguments, and processes of its own for each measured run and for what it asks, so that their memory stays apart. Must not: audit
//! (`run`) or say what is too much (`limits`).
//!
//! Time is virtual: requests take 50 ms and quotas hold, but nobody waits. What is said of time, throttling and requests is
//! the same in every profile and on every machine; memory and CPU time are only judged in the release profile. So the lane of
//! CI runs `cargo bench --profile dev`, on what `cargo test` has compiled already: a release build of the SDK takes many
//! times as long as the bench.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench is a command of its own")]

mod far;
mod job;
mod limits;
mod machine;
#[path = "../replay.rs"]
mod replay;
mod request;
mod run;

use job::{Child, Job, Kind, Plan};
use run::Measured;
use std::process::{Command, ExitCode, Stdio};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let outcome = match Child::of(&arguments) {
        Some(child) => child.and_then(|child| part(&child)),
        None => Plan::read(&arguments).and_then(|plan| every_size(&plan)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// What a child process does.
fn part(child: &Child) -> Result<bool, String> {
    match child {
        Child::Asked(job) => far::serve(job)?,
        Child::Measures(job) => {
            let text = serde_json::to_string(&run::measure(job)?).map_err(|error| error.to_string())?;
            println!("{text}");
        }
    }
    Ok(true)
}

/// Measures every size in every scenario and prints what came of it. Whether every limit held.
fn every_size(plan: &Plan) -> Result<bool, String> {
    let request = limits::of_request(request::measure()?);
    print!("{}", limits::table(std::slice::from_ref(&request)));
    let mut held = request.holds();
    for scenario in &plan.scenarios {
        let jobs = |kind| move |accounts: &usize| plan.job(kind, *scenario, *accounts);
        // What a run costs before the first account of any number; subtracted where growth is judged.
        let every: Vec<usize> = std::iter::once(job::FEWEST).chain(plan.accounts.iter().copied()).collect();
        let mut wholes = best(plan, &every.iter().map(jobs(Kind::Audit)).collect::<Vec<_>>())?.into_iter();
        let fixed = wholes.next().ok_or("no size was measured")?;
        let alone =
            plan.accounts.iter().map(jobs(Kind::Alone)).map(|job| child(&job)).collect::<Result<Vec<_>, _>>()?;
        let sizes: Vec<(Measured, Measured)> = wholes.zip(alone).collect();
        for (whole, alone) in &sizes {
            print!("{}", limits::told(*scenario, whole, alone));
        }
        let rows = limits::rows(*scenario, &fixed, &sizes);
        print!("{}", limits::table(&rows));
        held &= rows.iter().all(limits::Row::holds);
    }
    Ok(held)
}

/// Of each job the run that took the least CPU time, of as many as the plan says. In turns: a machine that gets slower in an hour
/// must not look like an audit that gets slower with its accounts.
fn best(plan: &Plan, jobs: &[Job]) -> Result<Vec<Measured>, String> {
    let mut best = jobs.iter().map(child).collect::<Result<Vec<_>, _>>()?;
    for _ in 1..plan.best_of {
        for (best, job) in best.iter_mut().zip(jobs) {
            let again = child(job)?;
            if again.cpu_seconds < best.cpu_seconds {
                *best = again;
            }
        }
    }
    Ok(best)
}

/// Runs a job in a process of its own.
fn child(job: &Job) -> Result<Measured, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(here)
        .args(Child::Measures(*job).arguments())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("the bench can't run itself: {error}"))?;
    if !output.status.success() {
        return Err(format!("a run over {} accounts failed: {}", job.accounts, output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("a run's figures can't be read: {error}"))
}
