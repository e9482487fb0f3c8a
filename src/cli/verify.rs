//! `orgward verify`: whether an evidence bundle is what it says, offline.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::evidence::{self, FactsKept, PublicKey, Signed, Verified};
use crate::model::os_words;
use crate::report::text::{Style, count, moment, plain};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Verify an evidence bundle offline: its signature, every digest, and that findings cite the facts
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The bundle, as `orgward evidence` wrote it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The public key of whoever signed: the `.pub` file of minisign, or the key itself (RW...)
    #[arg(long, value_name = "KEY|FILE")]
    public_key: Option<String>,
    /// Be content with digests that agree, whoever made them: do not exit with 4 without a public key
    #[arg(long, conflicts_with = "public_key")]
    digests_only: bool,
}

/// Runs the command.
pub fn run(args: &VerifyArgs, ui: &Ui) -> Outcome {
    let key = args.public_key.as_deref().map(public_key).transpose()?;
    let name = args.file.display();
    let file = File::open(&args.file)
        .map_err(|error| Failure::usage([format!("`{name}` can't be read: {}", os_words(&error))]))?;
    let verified = evidence::verify(BufReader::with_capacity(64 * 1024, file), key.as_ref()).map_err(|mismatch| {
        let exit = if mismatch.is_refusal() { Exit::Refused } else { Exit::Error };
        Failure::new(exit, format!("`{name}`: {mismatch}"))
    })?;
    ui.data(&told(&verified, ui))?;
    let trusted = matches!(verified.signed, Signed::Holds(_)) || args.digests_only;
    Ok(if trusted { Exit::Clean } else { Exit::Incomplete })
}

/// A public key: the text of one, or the file that holds it.
fn public_key(text: &str) -> Result<PublicKey, Failure> {
    let path = Path::new(text);
    let (place, read) = match PublicKey::read(text) {
        Ok(key) => return Ok(key),
        Err(_) if text.starts_with("RW") && !path.exists() => return Err(wrong("--public-key", PublicKey::read(text))),
        Err(_) => (format!("the key `{}`", path.display()), std::fs::read_to_string(path)),
    };
    let text = read.map_err(|error| Failure::usage([format!("{place} can't be read: {}", os_words(&error))]))?;
    PublicKey::read(&text).map_err(|error| Failure::usage([format!("{place}: {error}")]))
}

fn wrong<T>(place: &str, read: Result<T, evidence::KeyError>) -> Failure {
    Failure::usage(read.err().map(|error| format!("{place}: {error}")))
}

/// What was verified, in words.
fn told(verified: &Verified, ui: &Ui) -> String {
    let Verified { manifest, signed, cited, without_facts } = verified;
    let findings = &manifest.findings;
    let mut rows = vec![
        ("run", format!("{} of orgward {}", plain(&manifest.run.id), plain(&manifest.asked.orgward))),
        ("organization", plain(&manifest.organization)),
        ("as of", moment(manifest.as_of)),
        ("accounts", format!("{} in scope", manifest.accounts)),
        (
            "findings",
            format!(
                "{}: {} pass, {} fail, {} unknown, {} exempt, {} not applicable",
                findings.total(),
                findings.pass,
                findings.fail,
                findings.unknown,
                findings.exempt,
                findings.not_applicable
            ),
        ),
    ];
    rows.push(match manifest.facts {
        FactsKept::Included { accounts } => ("facts", format!("of {}", count(accounts, "account"))),
        FactsKept::LeftOut => ("facts", "left out by whoever bundled".to_owned()),
        FactsKept::NotKept => ("facts", "not kept by the run".to_owned()),
    });
    let mut citations = format!("{cited} are of facts in the bundle");
    if *without_facts > 0 {
        citations.push_str(&format!(", {without_facts} of accounts whose facts are not in it"));
    }
    rows.push(("citations", citations));
    rows.push(match signed {
        Signed::Holds(trusted) => ("signature", format!("holds ({})", plain(&trusted.replace('\t', ", ")))),
        Signed::NotChecked => ("signature", "not checked: give --public-key".to_owned()),
        Signed::Not => ("signature", "none: anyone could have made this".to_owned()),
    });
    let mut out = String::new();
    for (name, value) in rows {
        out += &ui.out.sentence(&format!("{name:13} "), &value);
    }
    let (style, words) = match signed {
        Signed::Holds(_) => (Style::Green, "Verified: the bundle is as it was signed."),
        _ => (Style::Yellow, "The digests agree; who made the bundle can't be told."),
    };
    out.push_str(&format!("\n{}\n", ui.out.paint(style, words)));
    out.push_str("WHAT-THIS-DOES-NOT-PROVE.md in it says what that does not prove.\n");
    out
}
