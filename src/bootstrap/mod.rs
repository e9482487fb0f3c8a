//! The files that set an organization up for orgward: roles in every member, and what their callers need.
//!
//! Owns: the forms (CloudFormation, Terraform, AWS CLI) and that all of them carry the same policies. Must not: decide what a
//! principal needs (`grants` does), write a file, or hold an ExternalId: every form asks for it where it is used.
//!
//! Source: CloudFormation User Guide, "StackSets with service-managed permissions" (they do not reach the management
//! account); IAM User Guide, "Access to AWS accounts owned by third parties".

mod cloudformation;
mod guide;

use crate::grants::{Document, Grants, Names, document};
use crate::model::ids::Region;
use serde::Serialize;

/// Everybody in the account that orgward is run from: a pattern of an ARN, part by part, which `*` alone is not (IAM User Guide, "ARN
/// condition operators").
const ANY_CALLER: &str = "arn:*:iam::*:*";

/// What the files are made of.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// What each principal needs.
    pub grants: &'a Grants,
    /// The names of the roles.
    pub names: &'a Names,
    /// Where the stacks are.
    pub region: Region,
    /// Longest session of the roles, in seconds: 3,600 at least.
    pub session_seconds: u32,
}

impl Setup<'_> {
    /// Whether anything is to be applied.
    pub(crate) fn applies(&self) -> bool {
        !self.grants.apply_caller.is_empty()
    }

    /// Whether orgward is run from a delegated administrator.
    pub(crate) fn delegated(&self) -> bool {
        self.names.delegated.is_some()
    }

    /// The policy documents by file name, those that say something.
    fn documents(&self) -> Vec<(&'static str, Document<'_>)> {
        let Grants { audit_caller, audit_role, apply_caller, apply_role } = self.grants;
        let all = [
            ("audit-caller", audit_caller),
            ("audit-role", audit_role),
            ("apply-caller", apply_caller),
            ("apply-role", apply_role),
        ];
        all.into_iter()
            .filter(|(_, grants)| !grants.is_empty())
            .map(|(name, grants)| (name, document(grants)))
            .collect()
    }
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder.
    pub path: String,
    /// Its text.
    pub text: String,
    /// Whether it is a program.
    pub runs: bool,
}

/// The longest managed policy, in characters without white space (IAM User Guide, "IAM and AWS STS quotas").
const LONGEST_POLICY: usize = 6_144;

/// Every file, in the order of their names.
///
/// # Errors
/// If a policy is longer than IAM takes, or a value has no form as text, which no value made here is known to do.
pub fn files(setup: &Setup<'_>) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for (name, document) in setup.documents() {
        let text = serde_json::to_string(&document).map_err(|error| error.to_string())?;
        let length = text.chars().filter(|c| !c.is_whitespace()).count();
        if length > LONGEST_POLICY {
            return Err(format!(
                "the policy `{name}` has {length} characters and IAM takes {LONGEST_POLICY}: name fewer playbooks, or roll them out from \
                 folders and roles of their own (--apply-role-name)"
            ));
        }
        files.push(file(&format!("policies/{name}.json"), pretty(&document)?));
    }
    files.push(file("members.template.json", pretty(&cloudformation::members(setup)?)?));
    files.push(file("management.template.json", pretty(&cloudformation::management(setup)?)?));
    if setup.delegated() {
        files.push(file("caller.template.json", pretty(&cloudformation::caller(setup)?)?));
    }
    files.extend(guide::terraform(setup).into_iter().map(|(path, text)| file(path, text)));
    files.push(File { runs: true, ..file("bootstrap.sh", guide::script(setup)) });
    files.push(file("README.md", guide::readme(setup)));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), text, runs: false }
}

fn pretty(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
