//! `orgward reference`: the pages of the manual that are lists, made of what they list.
//!
//! Owns: which pages there are. Must not: know what stands in them, or ask AWS.

mod checks;
mod codes;
mod markdown;
mod playbook;
mod settings;

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::model::nearest;
use crate::report::table::{row, table};
use clap::Args;

/// Print a page of the manual as Markdown, made of this orgward; without a name, which there are
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// checks, playbook, settings or codes
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// A page.
struct Page {
    name: &'static str,
    /// The file of the manual that it is.
    file: &'static str,
    about: &'static str,
    make: fn() -> Result<String, Failure>,
}

/// Every page, in the order of the list.
const PAGES: [Page; 4] = [
    Page {
        name: "checks",
        file: "docs/checks.md",
        about: "every check: why, what it reads, its permissions and controls, how to mend it",
        make: checks::page,
    },
    Page {
        name: "playbook",
        file: "docs/playbook-reference.md",
        about: "every key of a playbook: its type and default, with examples",
        make: playbook::page,
    },
    Page {
        name: "settings",
        file: "docs/settings.md",
        about: "every setting: its flag, variable, config key and default",
        make: settings::page,
    },
    Page {
        name: "codes",
        file: "docs/codes.md",
        about: "every exit code, cause and refusal: why it comes about, what to do",
        make: codes::page,
    },
];

/// Runs the command.
pub fn run(args: &ReferenceArgs, ui: &Ui) -> Outcome {
    let text = match &args.name {
        None => {
            let pages = PAGES.iter().map(|page| row([page.name, page.file, page.about]));
            table(["PAGE", "FILE", "WHAT IT LISTS"], pages, &[], ui.out)
        }
        Some(name) => {
            let found = PAGES.iter().find(|page| page.name == name);
            found.ok_or_else(|| Failure::usage([no_page(name)]))?.text()?
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

impl Page {
    /// The page as its file has it.
    fn text(&self) -> Result<String, Failure> {
        let made =
            format!("<!-- Made by `orgward reference {}`: change what it lists, then make it again. -->\n", self.name);
        Ok(made + &(self.make)()?)
    }
}

fn no_page(name: &str) -> String {
    let names: Vec<&str> = PAGES.iter().map(|page| page.name).collect();
    let hint = match nearest(name, names.iter().copied(), 0.7) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    format!("there is no page `{}`, {hint}", name.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_stands_in_the_help_and_begins_with_how_it_is_made() {
        let command = <ReferenceArgs as clap::Args>::augment_args(clap::Command::new("reference"));
        let help = command.clone().render_long_help().to_string();
        for page in PAGES {
            assert!(help.contains(page.name), "{}:\n{help}", page.name);
            let text = page.text().unwrap_or_else(|failure| panic!("{failure:?}"));
            let (first, rest) = text.split_once('\n').unwrap();
            assert!(first.contains(&format!("`orgward reference {}`", page.name)), "{first}");
            assert!(rest.starts_with("# ") && text.ends_with('\n') && !text.ends_with("\n\n"), "{}", page.name);
        }
    }

    #[test]
    fn a_page_that_is_none_is_told_with_the_nearest() {
        assert_eq!(no_page("setting"), "there is no page `setting`, did you mean `settings`?");
        assert!(no_page("\u{1b}[2J").starts_with("there is no page `\\u{1b}[2J`, there are "));
    }
}
