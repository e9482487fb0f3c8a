//! `orgward runs prune`: removes audits of before, shown first.
//!
//! Owns: which runs go. Must not: remove a run at work, or one that changed something unless asked for.

use super::args::ConnectionArgs;
use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::aws::Clock;
use crate::model::{SPAN_FORM, seconds};
use crate::report::table::{row, table};
use crate::report::text::{bytes, count, plain};
use crate::store::{Holder, Manifest, StateDir};
use clap::{ArgGroup, Args};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Remove audits of before; without --yes it only says which
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true).args(["keep", "older_than"])))]
pub struct PruneArgs {
    /// Keep the newest N of each organization
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Only what ended (or, cut short, began) this long ago or earlier, such as 90d
    #[arg(long, value_name = "TIME", value_parser = age)]
    older_than: Option<u64>,
    /// Also runs of apply and rollback: what they did can't be resumed, undone or looked up any more
    #[arg(long)]
    all: bool,
    /// Remove them
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

fn age(text: &str) -> Result<u64, String> {
    seconds(text).ok_or_else(|| format!("write {SPAN_FORM}"))
}

/// Runs the command.
pub fn run(args: &PruneArgs, ui: &Ui) -> Outcome {
    let state = StateDir::open(&args.connection.settings()?.state_dir).map_err(Failure::error)?;
    let now = Clock::system().now();
    let mut manifests = Vec::new();
    for id in state.runs().map_err(Failure::error)? {
        match state.run(&id) {
            Ok(run) => manifests.push(run.manifest().clone()),
            Err(error) => ui.warn(&format!("run {id} stays: {}", plain(&error.to_string()))),
        }
    }
    let going = chosen(&manifests, (args.keep, args.older_than, args.all), now);
    let head = ["RUN", "COMMAND", "STATUS", "ORGANIZATION", "SIZE"];
    let (mut rows, mut total, mut removed) = (Vec::new(), 0, 0);
    for manifest in &going {
        let size = match remove(&state, manifest, args.yes, now) {
            Ok(size) => size,
            Err(failure) => {
                failure.messages.iter().for_each(|why| ui.warn(&format!("run {} stays: {why}", manifest.run)));
                continue;
            }
        };
        (total, removed) = (total + size, removed + 1);
        let Manifest { run, command, status, organization, .. } = manifest;
        let status = status.as_str().replace('_', " ");
        rows.push(row([run.to_string(), plain(command), status, plain(organization), bytes(size)]));
    }
    let mut text = if removed > 0 { table(head, rows, &[], ui.out) } else { String::new() };
    let (what, size) = (count(removed, "run"), bytes(total));
    let end = match args.yes {
        _ if going.is_empty() => "Nothing to remove".to_owned(),
        true => format!("Removed {what} ({size})"),
        false => format!("Would remove {what} ({size}); nothing was removed: give --yes to remove"),
    };
    text += &ui.out.entry("", &end);
    ui.data(&text)?;
    Ok(Exit::Clean)
}

/// Removes a run, if that is `wanted`, and says how large it is.
fn remove(state: &StateDir, manifest: &Manifest, wanted: bool, now: Timestamp) -> Result<u64, Failure> {
    if !wanted {
        return Ok(state.run(&manifest.run)?.bytes()?);
    }
    // A run that changes things holds the lock of its organization.
    let _lock = match manifest.command.as_str() {
        "audit" => None,
        _ => Some(state.lock(&manifest.organization, &Holder::this_process("runs prune", now))?),
    };
    Ok(state.remove_run(&manifest.run)?)
}

/// The runs that go: audits (`all`: and every other), but the newest `keep` of each organization, and none younger than
/// `older_than` seconds.
fn chosen(
    manifests: &[Manifest],
    (keep, older_than, all): (Option<u32>, Option<u64>, bool),
    now: Timestamp,
) -> Vec<Manifest> {
    let least = older_than.map(|seconds| SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)));
    let mut seen: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    let mut going = Vec::new();
    // Newest first: ids sort by time.
    let mut newest: Vec<&Manifest> = manifests.iter().filter(|manifest| all || manifest.command == "audit").collect();
    newest.sort_by(|a, b| b.run.cmp(&a.run));
    for manifest in newest {
        let of_audits = manifest.command == "audit";
        let newer = seen.entry((&manifest.organization, of_audits)).or_default();
        *newer += 1;
        let since = manifest.ended.unwrap_or(manifest.started);
        let kept =
            keep.is_some_and(|keep| *newer <= keep) || least.is_some_and(|least| now.duration_since(since) < least);
        if !kept {
            going.push(manifest.clone());
        }
    }
    going.reverse();
    going
}
