//! `orgward init`: a few questions, or flags, and a commented config file.
//!
//! Owns: the questions and the form of the file. Must not: ask AWS, write over a file, or take a secret itself: the file names
//! where it is.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::config::ConfigFile;
use crate::model::{Region, Share};
use crate::store;
use clap::Args;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

/// Write a commented config file, by a few questions or by flags
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The file to write; it must not be there
    #[arg(long, alias = "output", value_name = "FILE", default_value = "orgward.yaml")]
    out: PathBuf,
    /// Ask nothing: what no flag says is left to the defaults
    #[arg(long)]
    yes: bool,
    /// Profile of the shared AWS config with credentials of the management account
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Home Region: where the organization trail is
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
    /// Role to assume in every member, to look
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// File whose first line is the ExternalId of that role
    #[arg(long, value_name = "FILE")]
    external_id_file: Option<PathBuf>,
    /// Role that people get back in with; repeatable
    #[arg(long = "break-glass-role", value_name = "NAME|ARN")]
    break_glass_roles: Vec<String>,
    /// How much of every request quota to take at most, such as 50%
    #[arg(long, value_name = "SHARE")]
    share: Option<Share>,
}

/// What the file says; `None` is left to the default, and shown as a comment.
#[derive(Debug, Default)]
struct Answers {
    profile: Option<String>,
    region: Option<String>,
    role_name: Option<String>,
    external_id_file: Option<String>,
    break_glass_roles: Vec<String>,
    share: Option<String>,
}

/// Runs the command.
pub fn run(args: &InitArgs, ui: &Ui) -> Outcome {
    if args.out.exists() {
        let message = format!("`{}` is there already: name another file with --out, or edit it", args.out.display());
        return Err(Failure::usage([message]));
    }
    store::check_writable(&args.out).map_err(Failure::error)?;
    let mut answers = Answers {
        profile: args.profile.clone(),
        region: args.region.as_ref().map(ToString::to_string),
        role_name: args.role_name.clone(),
        external_id_file: args.external_id_file.as_ref().map(|path| path.display().to_string()),
        break_glass_roles: args.break_glass_roles.clone(),
        share: args.share.map(|share| share.to_string()),
    };
    if !args.yes && std::io::stdin().is_terminal() {
        answers = asked(answers, ui)?;
    }
    let text = answers.file();
    // What was typed has to be a value before it is a file.
    ConfigFile::parse(&text)
        .map_err(|error| Failure::usage([format!("that makes no config file: {}", error.join("; "))]))?;
    store::write_output(&args.out, text.as_bytes()).map_err(Failure::error)?;
    ui.say(&format!("{} written; `orgward config` shows what a run would use", args.out.display()));
    if answers.break_glass_roles.is_empty() {
        ui.warn("no break-glass role is named: no plan may change what the root has attached until one is");
    }
    Ok(Exit::Clean)
}

/// Asks for what no flag says.
fn asked(answers: Answers, ui: &Ui) -> Result<Answers, Failure> {
    let ask = |known: Option<String>, question: &str| match known {
        Some(known) => Ok(Some(known)),
        None => answer(ui, question),
    };
    let profile = ask(answers.profile, "AWS profile of the management account [the usual credentials]: ")?;
    let region = ask(answers.region, "Home Region, where the organization trail is [that of the profile]: ")?;
    let role_name = ask(answers.role_name, "Role to assume in every member [OrgwardAudit]: ")?;
    let external_id_file = ask(answers.external_id_file, "File with its ExternalId [none]: ")?;
    let mut break_glass_roles = answers.break_glass_roles;
    if break_glass_roles.is_empty() {
        let typed = answer(ui, "Roles people get back in with, commas between [none]: ")?.unwrap_or_default();
        break_glass_roles =
            typed.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    }
    let share = ask(answers.share, "How much of AWS's request quotas to take at most [100%]: ")?;
    Ok(Answers { profile, region, role_name, external_id_file, break_glass_roles, share })
}

/// One answer; `None` for an empty one.
fn answer(ui: &Ui, question: &str) -> Result<Option<String>, Failure> {
    ui.ask(question);
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::error)?;
    Ok(Some(line.trim().to_owned()).filter(|line| !line.is_empty()))
}

/// A text as YAML: JSON's form of it is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Answers {
    /// The file, every key with its words; what was not said is a comment with the default.
    fn file(&self) -> String {
        let line = |key: &str, value: Option<&String>, default: &str| match value {
            Some(value) => format!("{key}: {}\n", quoted(value)),
            None => format!("# {key}: {default}\n"),
        };
        let roles = match self.break_glass_roles.as_slice() {
            [] => "# break_glass_roles: [BreakGlass]\n".to_owned(),
            roles => {
                let roles: Vec<String> = roles.iter().map(|role| quoted(role)).collect();
                format!("break_glass_roles: [{}]\n", roles.join(", "))
            }
        };
        [
            "# orgward's settings. Flags and ORGWARD_* variables beat it; `orgward config` tells each value and where it came from.\n".to_owned(),
            "# Every key there is: config/orgward.example.yaml.\nversion: 1\n".to_owned(),
            "\n# Where credentials of the management account are found; without it, where the AWS CLI finds them.\n".to_owned(),
            line("profile", self.profile.as_ref(), "management"),
            "\n# Where STS is asked and the organization trail is looked for.\n".to_owned(),
            line("region", self.region.as_ref(), "eu-central-1"),
            "\n# The role every member is entered with to look (`orgward bootstrap` makes it).\n".to_owned(),
            line("role_name", self.role_name.as_ref(), "OrgwardAudit"),
            "\n# A file whose first line is its ExternalId, for you alone (chmod 600). Never the ExternalId itself: files get shared.\n".to_owned(),
            line("external_id_file", self.external_id_file.as_ref(), "audit-external-id.txt"),
            "\n# Roles that people get back in with when all else fails. Every plan is proved to leave them what they need.\n".to_owned(),
            roles,
            "\n# How much of every request quota a run takes at most; the rest is left to what else runs in the accounts.\n".to_owned(),
            line("share", self.share.as_ref(), "50%"),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_what_is_read_whatever_it_is() {
        let answers = Answers {
            profile: Some("we: \"quote\" # and\thide".to_owned()),
            region: Some("eu-central-1".to_owned()),
            role_name: Some("team/Audit".to_owned()),
            external_id_file: Some("/home/you/id".to_owned()),
            break_glass_roles: vec!["One".to_owned(), "arn:aws:iam::*:role/Two".to_owned()],
            share: Some("50%".to_owned()),
        };
        let file = ConfigFile::parse(&answers.file()).unwrap();
        assert_eq!(file.profile, answers.profile);
        assert_eq!(file.region.map(|region| region.to_string()), answers.region);
        assert_eq!(file.role_name, answers.role_name);
        assert_eq!(file.break_glass_roles, answers.break_glass_roles);
        assert_eq!(file.share.map(|share| share.to_string()), answers.share);
    }

    #[test]
    fn what_is_not_said_is_a_comment() {
        let text = Answers::default().file();
        let file = ConfigFile::parse(&text).unwrap();
        assert!(file.profile.is_none() && file.break_glass_roles.is_empty() && file.version == Some(1));
        insta::assert_snapshot!(text);
    }
}
