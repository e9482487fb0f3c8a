//! The page of codes: what `orgward explain` says, all of it.
//!
//! Must not: know any code.

use super::super::exit::Failure;
use super::super::explain::entries;
use super::markdown::{code, prose};
use std::fmt::Write as _;

/// What each kind of code is; the words are the headings too.
const KINDS: [(&str, &str, &str); 3] = [
    ("exit code", "Exit codes", "How a command ends."),
    ("cause", "Causes", "Why something could not be told. Reports group by them, and name each account and call."),
    ("refusal", "Refusals", "Why a plan may not be applied. `orgward plan` names the step and the target."),
];

/// The page.
///
/// # Errors
/// None.
pub fn page() -> Result<String, Failure> {
    let mut out = "# Codes\n\n`orgward explain CODE` says the same of one of them.\n".to_owned();
    for (what, heading, about) in KINDS {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n## {heading}\n\n{about}\n");
        for entry in entries().iter().filter(|entry| entry.what == what) {
            let _ = write!(
                out,
                "\n### {}: {}\n\n{}\n\nWhat to do: {}\n",
                code(&entry.code),
                prose(entry.title),
                prose(entry.why),
                prose(entry.fix)
            );
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_place_on_the_page() {
        let page = page().unwrap_or_else(|failure| panic!("{failure:?}"));
        for entry in entries() {
            assert!(page.contains(&format!("### `{}`: ", entry.code)), "{} {}", entry.what, entry.code);
        }
        assert_eq!(page.matches("\n### ").count(), entries().len());
    }
}
