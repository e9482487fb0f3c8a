//! The command line: a file for each command, and one place where an error becomes an exit code.

mod apply;
mod args;
mod audit;
mod begun;
mod bootstrap;
mod carry;
mod checks;
mod config;
mod confirm;
mod connect;
mod custom;
mod delegated;
#[cfg(feature = "sandbox")]
mod demo;
mod diff;
mod doctor;
mod environment;
mod eta;
mod evidence;
mod exemptions;
mod exit;
mod explain;
mod help;
mod init;
mod kept_audit;
mod lockout;
mod merge;
mod notify;
mod org;
mod past;
mod past_audit;
mod permissions;
mod plan;
mod plan_from;
mod playbooks;
mod progress;
mod prune;
mod reference;
mod rejudge;
mod report;
mod resume;
mod rollback;
mod runs;
#[cfg(feature = "sandbox")]
mod sandbox;
mod saved;
mod schema;
mod select;
mod shell;
mod simulate;
mod steps;
mod survey;
mod told;
mod ui;
mod verify;

use clap::{FromArgMatches, Parser, Subcommand};
use exit::{Exit, Failure, Outcome};
use std::ffi::OsString;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use ui::{Color, Shown, Ui};

/// Keeps every account of an AWS Organization at its security baseline: audit, preview, apply
#[derive(Debug, Parser)]
#[command(name = "orgward", version, max_term_width = 120)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say only what is asked for: no progress, no notes
    #[arg(long, short, global = true)]
    quiet: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, value_name = "WHEN")]
    color: Color,
    /// How to show progress
    #[arg(long, env = "ORGWARD_PROGRESS", value_enum, default_value_t = Shown::Auto, global = true, value_name = "HOW")]
    progress: Shown,
}

#[derive(Debug, Subcommand)]
enum Command {
    Org(org::OrgArgs),
    Audit(audit::AuditArgs),
    Merge(merge::MergeArgs),
    Report(report::ReportArgs),
    Diff(diff::DiffArgs),
    Evidence(evidence::EvidenceArgs),
    Verify(verify::VerifyArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Resume(resume::ResumeArgs),
    Rollback(rollback::RollbackArgs),
    Runs(runs::RunsArgs),
    Exemptions(exemptions::ExemptionsArgs),
    Checks(checks::ChecksArgs),
    Permissions(permissions::PermissionsArgs),
    Init(init::InitArgs),
    Explain(explain::ExplainArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
    Bootstrap(bootstrap::BootstrapArgs),
    Doctor(doctor::DoctorArgs),
    Playbooks(playbooks::PlaybooksArgs),
    Config(config::ConfigArgs),
    Schema(schema::SchemaArgs),
    Reference(reference::ReferenceArgs),
    #[cfg(feature = "sandbox")]
    Demo(demo::DemoArgs),
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::SandboxArgs),
}

/// Runs the program: arguments in, exit code out.
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = parse(words).unwrap_or_else(|mut error| {
        // It would show every flag that the environment gives as if it had to be typed, the ExternalId among them.
        error.remove(clap::error::ContextKind::Usage);
        error.exit()
    });
    let ui = Ui::new(cli.color, cli.progress, cli.quiet);
    match run(&cli.command, &ui) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.fail(&failure);
            failure.exit.into()
        }
    }
}

/// The command line, and the environment variables that stand for flags.
fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = environment::without_empty(help::command());
    let parsed = command
        .try_get_matches_from_mut(&words)
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command)));
    parsed.map_err(|error| environment::name_variable(error, &command, &words))
}

/// Whether a command line, the program's name first, is one that orgward understands; nothing is run. For tests of
/// definitions that name command lines.
///
/// # Errors
/// What orgward would say.
#[doc(hidden)]
pub fn understands(words: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>) -> Result<(), String> {
    Cli::try_parse_from(words).map(drop).map_err(|error| error.to_string())
}

fn run(command: &Command, ui: &Ui) -> Outcome {
    #[cfg(feature = "sandbox")]
    if let Command::Demo(args) = command {
        // The demo lives in virtual time, which only a paused single thread has.
        return runtime(tokio::runtime::Builder::new_current_thread().start_paused(true))?.block_on(async {
            let cancel = interruptible(ui);
            demo::run(args, ui, &cancel).await
        });
    }
    runtime(&mut tokio::runtime::Builder::new_multi_thread())?.block_on(async {
        let cancel = interruptible(ui);
        match command {
            Command::Org(args) => org::run(args, ui, &cancel).await,
            Command::Audit(args) => audit::run(args, ui, &cancel).await,
            Command::Merge(args) => merge::run(args, ui),
            Command::Report(args) => report::run(args, ui),
            Command::Diff(args) => diff::run(args, ui),
            Command::Evidence(args) => evidence::run(args, ui),
            Command::Verify(args) => verify::run(args, ui),
            Command::Plan(args) => plan::run(args, ui, &cancel).await,
            Command::Apply(args) => apply::run(args, ui, &cancel).await,
            Command::Resume(args) => resume::run(args, ui, &cancel).await,
            Command::Rollback(args) => rollback::run(args, ui, &cancel).await,
            Command::Runs(args) => runs::run(args, ui),
            Command::Exemptions(args) => exemptions::run(args, ui),
            Command::Checks(args) => checks::run(args, ui),
            Command::Permissions(args) => permissions::run(args, ui),
            Command::Init(args) => init::run(args, ui),
            Command::Explain(args) => explain::run(args, ui),
            Command::Completions(args) => shell::completions(args, ui),
            Command::Man(args) => shell::man(args, ui),
            Command::Bootstrap(args) => bootstrap::run(args, ui),
            Command::Doctor(args) => doctor::run(args, ui, &cancel).await,
            Command::Playbooks(args) => playbooks::run(args, ui),
            Command::Config(args) => config::run(args, ui),
            Command::Schema(args) => schema::run(args, ui),
            Command::Reference(args) => reference::run(args, ui),
            #[cfg(feature = "sandbox")]
            Command::Demo(_) => Err(Failure::error("the demo runs on its own clock")),
            #[cfg(feature = "sandbox")]
            Command::Sandbox(args) => sandbox::run(args, ui, &cancel).await,
        }
    })
}

fn runtime(builder: &mut tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    builder.enable_all().build().map_err(Failure::error)
}

/// A token that the first Ctrl-C (or SIGTERM) fires; the second one ends the process at once.
fn interruptible(ui: &Ui) -> CancellationToken {
    let cancel = CancellationToken::new();
    let fired = cancel.clone();
    let paint = ui.paint();
    tokio::spawn(async move {
        interrupt().await;
        fired.cancel();
        let note = paint
            .paint(crate::report::text::Style::Yellow, "stopping: no further calls; press Ctrl-C again to end at once");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{note}\n").as_bytes());
        interrupt().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    cancel
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupt() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    // Without a handler Ctrl-C ends the process, as it would have anyway.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
