//! A delegated administrator who applies: whether the organization lets it write policies, asked before the first write.
//!
//! Owns: the refusal and its words. Must not: write anything, or refuse what the policy may allow.
//!
//! Source: Organizations User Guide, "Delegated administrator for AWS Organizations": writing policies takes a resource-based
//! delegation policy that names the account; being a delegated administrator of a service is not enough.

use super::exit::{Exit, Failure};
use super::ui::Ui;
use crate::aws::Sessions;
use crate::model::{AccountId, Address, Change, Observed, OrgFacts, Plan};
use crate::policy::{self, Document, Effect, Statement};
use crate::report::text::{count, plain};
use crate::resources;
use std::collections::BTreeSet;

/// Warns that a plan holds what AWS lets a delegated administrator do only where the organization says so.
pub fn warn(plan: &Plan, org: &OrgFacts, ui: &Ui) {
    let Some(caller) = org.organization.delegated_caller() else { return };
    let changes = organization_changes(plan);
    if changes > 0 {
        ui.warn(&format!(
            "the plan has {}: delegated administrator {caller} may make such only where the organization's delegation policy says \
             so, which `orgward apply` looks at before it changes anything",
            count(changes, "organization-level change")
        ));
    }
}

/// Refuses a plan that the organization does not let a delegated administrator carry out. What can't be asked is said, and AWS
/// decides then.
///
/// # Errors
/// If nothing lets this caller make one of the plan's organization-level writes: nothing was changed.
pub async fn check(sessions: &Sessions, plan: &Plan, org: &OrgFacts, ui: &Ui) -> Result<(), Failure> {
    let Some(caller) = org.organization.delegated_caller() else { return Ok(()) };
    let wanted = writes(plan);
    if wanted.is_empty() {
        return Ok(());
    }
    let (missing, why) = match missing(sessions, &caller, wanted).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(()),
        Err(why) => {
            let why = plain(&why);
            ui.warn(&format!(
                "whether delegated administrator {caller} may write policies can't be told, AWS decides: {why}"
            ));
            return Ok(());
        }
    };
    let missing: Vec<&str> = missing.into_iter().collect();
    Err(Failure::new(
        Exit::Refused,
        format!(
            "account `{caller}` is a delegated administrator and may not make {} of this plan ({}): {why}; apply with credentials \
             of the management account `{}`, or let the account there with `aws organizations put-resource-policy`; nothing was \
             changed",
            count(organization_changes(plan), "organization-level change"),
            missing.join(", "),
            org.organization.management_account
        ),
    ))
}

/// What of this no statement of the organization's delegation policy allows a delegated administrator, and why; `None`: nothing.
///
/// # Errors
/// Why it can't be told.
pub async fn missing<'w>(
    sessions: &Sessions,
    caller: &AccountId,
    wanted: BTreeSet<&'w str>,
) -> Result<Option<(BTreeSet<&'w str>, String)>, String> {
    let text = match resources::delegation_policy(sessions).await {
        Observed::Absent { .. } => return Ok(Some((wanted, "the organization has no delegation policy".to_owned()))),
        Observed::Present { value, .. } => value,
        Observed::Unknown { cause } => return Err(cause.to_string()),
    };
    let document = Document::parse(&text).map_err(|errors| {
        let why = errors.first().map(ToString::to_string).unwrap_or_default();
        format!("the organization's delegation policy can't be read ({why})")
    })?;
    let missing: BTreeSet<_> = wanted.into_iter().filter(|action| !names(&document, caller, action)).collect();
    let why = "the organization's delegation policy does not allow it these".to_owned();
    Ok((!missing.is_empty()).then_some((missing, why)))
}

/// How many changes are Organizations' own.
fn organization_changes(plan: &Plan) -> usize {
    plan.changes.iter().filter(|change| change.address.account().is_none()).count()
}

/// The actions that a plan's organization-level changes take.
fn writes(plan: &Plan) -> BTreeSet<&'static str> {
    plan.changes.iter().flat_map(actions).copied().collect()
}

fn actions(change: &Change) -> &'static [&'static str] {
    match (&change.address, &change.before, &change.after) {
        (Address::Policy { .. }, None, Some(_)) => &["organizations:CreatePolicy", "organizations:TagResource"],
        (Address::Policy { .. }, Some(_), Some(_)) => &["organizations:UpdatePolicy"],
        (Address::Policy { .. }, _, None) => &["organizations:DeletePolicy"],
        (Address::Attachment { .. }, _, Some(_)) => &["organizations:AttachPolicy"],
        (Address::Attachment { .. }, _, None) => &["organizations:DetachPolicy"],
        _ => &[],
    }
}

/// Whether any statement allows the account the action on anything at all. Its resources and conditions are left to AWS: only
/// what is surely not allowed is refused.
fn names(document: &Document, account: &AccountId, action: &str) -> bool {
    let allows = |statement: &&Statement| statement.effect() == Effect::Allow;
    let of_account = |name: &String| name == account.as_str() || name.contains(&format!("::{account}:"));
    document.statements().iter().filter(allows).any(|statement| {
        let principal = match (statement.principals(), statement.not_principals()) {
            (Some(named), _) => named.is_anyone() || named.aws.iter().any(of_account),
            (None, not) => not.is_some(),
        };
        let held =
            |patterns: &[String]| patterns.iter().any(|pattern| policy::matches_wildcards(pattern, action, true));
        let action = match statement.not_actions() {
            [] => held(statement.actions()),
            not => !held(not),
        };
        principal && action
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(principal: &str, action: &str, effect: &str) -> Document {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"A","Effect":"{effect}","Principal":{principal},{action},"Resource":"*"}}]}}"#
        );
        Document::parse(&text).unwrap()
    }

    #[test]
    fn only_what_no_statement_allows_the_account_is_missing() {
        let account: AccountId = "111122223333".parse().unwrap();
        let attach = r#""Action":["organizations:Attach*","organizations:List*"]"#;
        let root = r#"{"AWS":"arn:aws:iam::111122223333:root"}"#;
        for (principal, action, effect, wanted) in [
            (root, attach, "Allow", true),
            (r#"{"AWS":"111122223333"}"#, attach, "Allow", true),
            (
                r#"{"AWS":["arn:aws:iam::444455556666:root","arn:aws:iam::111122223333:role/ci"]}"#,
                attach,
                "Allow",
                true,
            ),
            (r#""*""#, attach, "Allow", true),
            (root, r#""NotAction":"organizations:DeletePolicy""#, "Allow", true),
            (root, attach, "Deny", false),
            (root, r#""Action":"organizations:CreatePolicy""#, "Allow", false),
            (root, r#""NotAction":"organizations:*""#, "Allow", false),
            (r#"{"AWS":"arn:aws:iam::444455556666:root"}"#, attach, "Allow", false),
        ] {
            let found = names(&document(principal, action, effect), &account, "organizations:AttachPolicy");
            assert_eq!(found, wanted, "{principal} {action} {effect}");
        }
    }
}
