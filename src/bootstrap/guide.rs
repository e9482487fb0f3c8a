//! Terraform, the AWS CLI script and the words beside them. The templates and policies they use are files of the same folder.
//!
//! Must not: hold an ExternalId.

use super::Setup;

const MAIN: &str = include_str!("templates/main.tf");
const MAIN_APPLY: &str = include_str!("templates/apply.tf");
const VARIABLES: &str = include_str!("templates/variables.tf");
const VARIABLES_APPLY: &str = include_str!("templates/apply_variables.tf");
const SCRIPT: &str = include_str!("templates/bootstrap.sh");
const README: &str = include_str!("templates/README.md");

/// Terraform files by path.
pub(super) fn terraform(setup: &Setup<'_>) -> Vec<(&'static str, String)> {
    let mut files = vec![("terraform/main.tf", said(MAIN, setup)), ("terraform/variables.tf", said(VARIABLES, setup))];
    // A provider of the management account makes nothing in the delegated administrator.
    if setup.applies() && !setup.delegated() {
        files.push(("terraform/apply.tf", said(MAIN_APPLY, setup)));
    }
    if !setup.grants.apply_role.is_empty() {
        files.push(("terraform/apply_variables.tf", said(VARIABLES_APPLY, setup)));
    }
    files
}

/// The script for the AWS CLI.
pub(super) fn script(setup: &Setup<'_>) -> String {
    said(SCRIPT, setup)
}

/// What to do with the files.
pub(super) fn readme(setup: &Setup<'_>) -> String {
    said(README, setup)
}

/// A template with its blocks chosen and its words filled in. `#@apply-role ... #@end` stands where there is an apply role; blocks
/// do not nest.
fn said(template: &str, setup: &Setup<'_>) -> String {
    let (mut text, mut shown) = (String::new(), true);
    for line in template.lines() {
        match line.trim() {
            "#@apply-role" => shown = !setup.grants.apply_role.is_empty(),
            "#@no-apply-role" => shown = setup.grants.apply_role.is_empty(),
            "#@apply" => shown = setup.applies(),
            "#@delegated-apply-role" => shown = setup.delegated() && !setup.grants.apply_role.is_empty(),
            "#@delegated" => shown = setup.delegated(),
            "#@no-delegated" => shown = !setup.delegated(),
            "#@delegated-apply" => shown = setup.delegated() && setup.applies(),
            "#@no-delegated-apply" => shown = !setup.delegated() && setup.applies(),
            "#@end" => shown = true,
            _ if shown => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    text.replace("@REGION@", setup.region.as_str())
        .replace("@AUDIT_ROLE@", &setup.names.audit_role)
        .replace("@APPLY_ROLE@", &setup.names.apply_role)
        .replace("@DELEGATED@", setup.names.delegated.as_ref().map_or("", |account| account.as_str()))
}
