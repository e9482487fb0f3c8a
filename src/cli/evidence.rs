//! `orgward evidence`: one file of a kept audit for someone who has neither orgward nor our word.
//!
//! Owns: where a signing key's password comes from. Must not: ask AWS, or take a password from the command line.

use super::args::ConnectionArgs;
use super::exit::{Exit, Failure, Outcome};
use super::kept_audit::KeptAudit;
use super::past;
use super::ui::Ui;
use crate::aws::Clock;
use crate::evidence::{Bundle, FactsKept, KeyError, SigningKey};
use crate::model::os_words;
use crate::report::text::{bytes, count};
use crate::store::{self, StateDir};
use clap::Args;
use secrecy::SecretString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The variable of the signing key's password.
const PASSWORD: &str = "ORGWARD_SIGNING_PASSWORD";

/// Bundle a kept audit as evidence: findings, facts and their digests in one file, signed with a minisign key
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// The run, as `orgward runs list` names it, or `last` for the last audit that ended
    #[arg(value_name = "RUN")]
    run: String,
    /// The bundle to write: a gzip-compressed tar archive, such as evidence.tar.gz; one that is there is replaced
    #[arg(long, alias = "output", value_name = "FILE")]
    out: PathBuf,
    /// Sign the manifest with this secret key (`minisign -G` makes one); its password: ORGWARD_SIGNING_PASSWORD, or asked for
    #[arg(long, value_name = "KEYFILE")]
    sign: Option<PathBuf>,
    /// File whose first line is the key's password
    #[arg(long, value_name = "FILE", requires = "sign")]
    password_file: Option<PathBuf>,
    /// Leave the facts of accounts out: findings then cite what is not in the bundle
    #[arg(long)]
    without_facts: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Runs the command. Nothing is asked of AWS.
pub fn run(args: &EvidenceArgs, ui: &Ui) -> Outcome {
    store::check_writable(&args.out).map_err(Failure::error)?;
    if args.sign.as_ref().is_some_and(|key| store::place(key) == store::place(&args.out)) {
        let message = format!("`{}` is the key of --sign, which the bundle would replace", args.out.display());
        return Err(Failure::usage([message]));
    }
    let key = args.sign.as_deref().map(|path| key(path, args.password_file.as_deref())).transpose()?;
    let state = StateDir::open(&args.connection.settings()?.state_dir).map_err(Failure::error)?;
    let run = past::audit(&state, &args.run)?;
    let kept = KeptAudit::of_before(past::audit(&state, &args.run)?)?;
    let written = kept.told(|audit| {
        let bundle = Bundle::of(&run, audit, !args.without_facts).map_err(Failure::error)?;
        if bundle.manifest().facts == FactsKept::NotKept {
            ui.warn("the run keeps no facts (any more), so findings cite what is not in the bundle: audit with --keep-facts");
        }
        let now = Clock::system().now();
        let mut written = None;
        store::write_output_with(&args.out, |out| {
            written = Some(bundle.write(key.as_ref().map(|key| (key, now)), out)?);
            Ok(())
        })
        .map_err(|error: crate::evidence::NoBundle| Failure::error(error))?;
        let findings = count(bundle.manifest().findings.total(), "finding");
        Ok(written.map(|written| (written, findings)))
    })?;
    if let Some((written, findings)) = written {
        let signed = if key.is_some() { "signed" } else { "not signed: anyone could have made it, see --sign" };
        ui.say(&format!(
            "Evidence of run {} written to {}: {findings}, {}, {} ({signed})",
            run.id(),
            args.out.display(),
            bytes(written.bytes),
            written.digest
        ));
    }
    Ok(Exit::Clean)
}

/// Reads a secret key, and the password if it has one.
fn key(path: &Path, password_file: Option<&Path>) -> Result<SigningKey, Failure> {
    let text = std::fs::read_to_string(path).map(SecretString::from);
    let text = text.map_err(|error| {
        Failure::usage([format!("the key `{}` can't be read: {}", path.display(), os_words(&error))])
    })?;
    let read = SigningKey::read(&text, || password(password_file));
    read.map_err(|NoKey(why)| Failure::usage([format!("the key `{}`: {why}", path.display())]))
}

/// Why there is no key, in words.
struct NoKey(String);

impl From<KeyError> for NoKey {
    fn from(error: KeyError) -> Self {
        Self(error.to_string())
    }
}

/// The password: from the file, the variable, or whoever sits at the terminal.
fn password(file: Option<&Path>) -> Result<SecretString, NoKey> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            NoKey(format!("its password's file `{}` can't be read: {}", path.display(), os_words(&error)))
        })?;
        return Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()));
    }
    if let Some(value) = std::env::var_os(PASSWORD) {
        let text = value.into_string().map_err(|_| NoKey(format!("{PASSWORD} is no text")))?;
        return Ok(SecretString::from(text));
    }
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(KeyError::NoPassword.into());
    }
    let asked = rpassword::prompt_password("Password of the signing key: ");
    asked.map(SecretString::from).map_err(|error| NoKey(format!("its password can't be asked for: {error}")))
}
