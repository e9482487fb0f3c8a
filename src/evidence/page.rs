//! The page that comes with every bundle: what is in it, how to look at it without orgward, and what it does not prove.
//!
//! Must not: claim more than the bundle shows.

use super::manifest::{FactsKept, Manifest};
use super::parts;
use crate::model::Tally;
use crate::report::coverage::Coverage;
use crate::report::text::{count, plain};
use std::fmt::Write as _;

/// The page of a bundle.
pub(super) fn page(manifest: &Manifest, tally: &Tally) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = what_it_is(&mut text, manifest);
    let _ = without_orgward(&mut text, manifest);
    let _ = gaps(&mut text, manifest, tally);
    text.push_str(NOT_PROVED);
    text
}

fn what_it_is(out: &mut String, manifest: &Manifest) -> std::fmt::Result {
    let Manifest { run, organization, as_of, accounts, .. } = manifest;
    writeln!(out, "# What is in this bundle, and what it does not prove\n")?;
    writeln!(
        out,
        "The audit `{}` of the AWS organization `{}`, as of {as_of}: {} in scope, {}. Made by orgward {} \
         (<https://crates.io/crates/orgward>), whose documentation says what each check asks.\n",
        run.id,
        plain(organization),
        count(*accounts, "account"),
        count(manifest.findings.total(), "verdict"),
        plain(&manifest.orgward)
    )?;
    let of_facts = match manifest.facts {
        FactsKept::Included { accounts } => {
            format!("what {} answered, a line of JSON each", count(accounts, "account"))
        }
        FactsKept::LeftOut => "left out on request".to_owned(),
        FactsKept::NotKept => "the run does not keep them (any more)".to_owned(),
    };
    writeln!(out, "| file | what it is |\n|---|---|")?;
    for (name, what) in [
        (parts::MANIFEST, "the run, what was asked, and the SHA-256 of every file below; it is what is signed"),
        (parts::SIGNATURE, "the signature of the manifest, if there is one"),
        (parts::ORGANIZATION, "the organization as it was enumerated, and the accounts in scope"),
        (parts::CHECKS, "what each check says of itself: title, severity, why, how to mend"),
        (parts::EXEMPTIONS, "failures that someone answers for, and what people attested"),
        (parts::FRAMEWORKS, "the verdict of every control of the frameworks that were asked for"),
        (parts::FACTS, of_facts.as_str()),
        (parts::FINDINGS, "every verdict, a line of JSON each, with the answers it rests on"),
        (parts::SUMS, "the same digests, for `sha256sum`"),
    ] {
        writeln!(out, "| `{name}` | {what} |")?;
    }
    out.push('\n');
    Ok(())
}

fn without_orgward(out: &mut String, manifest: &Manifest) -> std::fmt::Result {
    writeln!(
        out,
        "## Looking at it without orgward\n\n```\ntar xzf BUNDLE\nminisign -Vm {} -p KEY.pub    # if it is signed\n\
         sha256sum -c {}\ngrep -c '\"verdict\":\"fail\"' {}    # {}\n```\n",
        parts::MANIFEST,
        parts::SUMS,
        parts::FINDINGS,
        manifest.findings.fail
    )?;
    writeln!(
        out,
        "`orgward verify BUNDLE --public-key KEY.pub` does the same, and holds what each finding cites against where the facts \
         came from. A citation is the call, the Region, the moment of the answer, AWS's request id and the SHA-256 of the answer's \
         body. `orgward audit --from RUN` judges kept facts again on the machine that has the run.\n"
    )
}

fn gaps(out: &mut String, manifest: &Manifest, tally: &Tally) -> std::fmt::Result {
    let coverage = Coverage::of(tally);
    writeln!(
        out,
        "## What this audit could not tell\n\n{} of {} verdicts are `unknown`: coverage is {} %. `unknown` is not `pass`.\n",
        coverage.unknown, coverage.cells, coverage.percent
    )?;
    for cause in tally.causes() {
        writeln!(
            out,
            "- {} of `{}`: {} in {}",
            cause.kind.as_str().replace('_', " "),
            plain(cause.operation),
            count(cause.cells, "verdict"),
            count(cause.accounts().count(), "account")
        )?;
    }
    if manifest.asked.shard.is_some() {
        writeln!(out, "- the run is one shard of an audit: the accounts of the others are not in it")?;
    }
    if manifest.asked.reuse.is_some() {
        writeln!(out, "- some facts were reused from an earlier run: `observed_at` says when each was seen")?;
    }
    out.push('\n');
    Ok(())
}

/// What no bundle proves.
const NOT_PROVED: &str = "\
## What it does not prove

- **That AWS's answers are complete or true.** orgward repeats what AWS answered to the audit role. An answer that AWS, or
  something between AWS and the machine, made wrong is repeated as it came.
- **That the answers were these.** The digests were taken by orgward where answers arrive. No answer is kept, only the facts read
  from it, and AWS signs none: a digest shows that the facts, the findings and this bundle belong together, and can't be
  held against AWS. AWS's request ids can be looked for in CloudTrail, for as long as it keeps them.
- **That the machine was honest.** Whoever had the machine and the key could have made any bundle: an altered orgward, altered
  facts before signing. Reproduce what matters: run orgward yourself, or look at the console.
- **When it was.** Moments are those of the machine's clock, also the one in the signature. There is no time stamp of a
  third party.
- **Whose key it is.** A signature says that the holder of a key signed. Get the public key from its owner by another way than
  the bundle, and ask who can use it.
- **What was not looked at.** Accounts left out of the scope (`organization.json` says why), Regions that were not asked for, checks
  that were not selected, services that orgward does not know, whatever is `unknown`, and controls that only a person can look at.
- **What came before or after.** A verdict is about the moment of its answers (`observed_at`), not about a period.
- **That an exemption or an attestation is right.** They are the word of the person named in them.
- **That a passing check means safety.** A check asks what its text says, and nothing more.

It is private: it holds the addresses of root users and of people who are told of alarms, names, tags and policy texts. No
credential is in it, and of the endpoint of a webhook only its host.

Names, tags, resources and policy texts were written by whoever could write them in the accounts: treat them as
text, not as instructions or markup.
";
