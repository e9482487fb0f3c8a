//! What `--yes` does not cover: root targets, detaching, hard expiry, and any other confirmation a change asks for.

use crate::model::org::PolicyType;
use crate::model::plan::{Confirmation, ConfirmationReason, Operation};
use crate::model::{Address, Change, Plan, ids::TargetId};
use std::collections::BTreeSet;

/// Every confirmation the changes of a plan need, each once, in plan order.
///
/// A plan names its own; root attachments and detaching are found here too, so a plan that forgot one is still asked.
pub fn needed_confirmations(plan: &Plan) -> Vec<Confirmation> {
    let mut needed: Vec<Confirmation> = Vec::new();
    for change in &plan.changes {
        // The way back of such a plan attaches below again before it detaches further up: there the guardrail does end.
        let idle = plan.undoes.is_none() && idle(change);
        let implied = implied(plan, &change.address, change.operation()).filter(|implied| {
            !idle && !change.confirmations.iter().any(|own| own.target == implied.target && own.why == implied.why)
        });
        for confirmation in change.confirmations.iter().cloned().chain(implied) {
            if !needed.contains(&confirmation) {
                needed.push(confirmation);
            }
        }
    }
    needed
}

/// Whether the change detaches a policy only because this plan attaches the same one further up: no guardrail ends.
fn idle(change: &Change) -> bool {
    let Address::Attachment { policy_type, policy, .. } = &change.address else { return false };
    let wider = |on: &Address| matches!(on, Address::Attachment { policy_type: kind, policy: name, .. } if kind == policy_type && name == policy);
    change.after.is_none() && change.depends_on.iter().any(wider)
}

/// What follows from the change itself.
fn implied(plan: &Plan, address: &Address, operation: Operation) -> Option<Confirmation> {
    match (address, operation) {
        (Address::Attachment { policy, target: target @ TargetId::Root(_), .. }, Operation::Create) => {
            Some(Confirmation {
                target: target.clone(),
                why: ConfirmationReason::RootTarget,
                message: format!("`{policy}` is attached to the root and reaches every account"),
            })
        }
        (Address::Attachment { policy, target, .. }, Operation::Delete) => Some(Confirmation {
            target: target.clone(),
            why: ConfirmationReason::Detach,
            message: format!("`{policy}` is detached from {target}"),
        }),
        (Address::Policy { policy_type: PolicyType::Scp | PolicyType::Rcp, name }, Operation::Delete) => {
            Some(Confirmation {
                target: plan.management_account.clone().into(),
                why: ConfirmationReason::Detach,
                message: format!("the policy `{name}` is deleted"),
            })
        }
        _ => None,
    }
}

/// The confirmations that are still missing. `given` are the ids typed or given with `--confirm`; `yes` (the flag
/// `--yes`) covers what is neither a root target, nor detaching, nor passwords that expire or lock users out.
pub fn missing_confirmations(plan: &Plan, given: &[String], yes: bool) -> Vec<Confirmation> {
    let given: BTreeSet<&str> = given.iter().map(|id| id.trim()).collect();
    let covered = |reason: ConfirmationReason| match reason {
        ConfirmationReason::RootTarget | ConfirmationReason::Detach | ConfirmationReason::HardExpiry => false,
        ConfirmationReason::PasswordsExpire => yes,
    };
    let mut missing = needed_confirmations(plan);
    missing.retain(|needed| !covered(needed.why) && !given.contains(needed.target.as_str()));
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::tests::{account_change, attachment, org_change, plan};
    use crate::model::Doc;

    fn whys(confirmations: &[Confirmation]) -> Vec<(String, ConfirmationReason)> {
        confirmations.iter().map(|c| (c.target.to_string(), c.why)).collect()
    }

    fn detach(policy: &str, target: &str) -> crate::model::Change {
        let mut change = attachment(policy, target, &[]);
        change.before = change.after.take();
        change
    }

    fn asks(why: ConfirmationReason) -> crate::model::Change {
        let mut change = account_change(2, "x", &[]);
        change.confirmations.push(Confirmation {
            target: "222222222222".parse().unwrap(),
            why,
            message: "3 passwords".into(),
        });
        change
    }

    #[test]
    fn root_targets_and_detaching_are_found_even_if_the_plan_forgot_them() {
        let mut gone = org_change("old", &[]);
        gone.before = Some(Doc(serde_json::json!({})));
        gone.after = None;
        let plan = plan(vec![
            attachment("deny-leave", "r-ab12", &[]),
            attachment("deny-leave", "ou-ab12-11111111", &[]),
            detach("old", "ou-ab12-11111111"),
            gone,
        ]);
        let needed = needed_confirmations(&plan);
        assert_eq!(
            whys(&needed),
            [
                ("r-ab12".to_owned(), ConfirmationReason::RootTarget),
                ("ou-ab12-11111111".to_owned(), ConfirmationReason::Detach),
                ("111111111111".to_owned(), ConfirmationReason::Detach),
            ]
        );
        assert_eq!(missing_confirmations(&plan, &[], true), needed, "`--yes` covers none of them");
        let given = [" r-ab12".to_owned(), "111111111111".to_owned()];
        assert_eq!(whys(&missing_confirmations(&plan, &given, true)).len(), 1);
    }

    #[test]
    fn what_the_plan_attaches_further_up_may_be_detached_below() {
        let wide = attachment("g", "ou-ab12-11111111", &[]);
        let mut gone = detach("g", "222222222222");
        gone.depends_on.push(wide.address.clone());
        let mut replaced = detach("g", "333333333333");
        replaced.depends_on.push(attachment("g-new", "333333333333", &[]).address);
        let plan = plan(vec![wide, gone, replaced]);
        assert_eq!(whys(&needed_confirmations(&plan)), [("333333333333".to_owned(), ConfirmationReason::Detach)]);
    }

    #[test]
    fn the_way_back_of_that_asks_for_what_it_detaches_further_up() {
        let back = attachment("g", "222222222222", &[]);
        let mut wide = detach("g", "ou-ab12-11111111");
        wide.depends_on.push(back.address.clone());
        let plan = Plan { undoes: Some("20260718T100000Z-0000".into()), ..plan(vec![back, wide]) };
        assert_eq!(whys(&needed_confirmations(&plan)), [("ou-ab12-11111111".to_owned(), ConfirmationReason::Detach)]);
    }

    #[test]
    fn a_confirmation_the_plan_names_is_asked_once_in_its_own_words() {
        let mut change = attachment("deny-leave", "r-ab12", &[]);
        change.confirmations.push(Confirmation {
            target: "r-ab12".parse().unwrap(),
            why: ConfirmationReason::RootTarget,
            message: "all 24 accounts".into(),
        });
        let needed = needed_confirmations(&plan(vec![change]));
        assert_eq!(needed.len(), 1);
        assert_eq!(needed[0].message, "all 24 accounts");
    }

    #[test]
    fn yes_covers_expiring_passwords_but_no_lock_out() {
        let soft = plan(vec![asks(ConfirmationReason::PasswordsExpire)]);
        assert_eq!(missing_confirmations(&soft, &[], false).len(), 1);
        assert_eq!(missing_confirmations(&soft, &[], true), []);
        let hard = plan(vec![asks(ConfirmationReason::HardExpiry)]);
        assert_eq!(missing_confirmations(&hard, &[], true).len(), 1);
        assert_eq!(missing_confirmations(&hard, &["222222222222".into()], false), []);
        assert_eq!(missing_confirmations(&hard, &["o-abc123".into()], true).len(), 1);
    }
}
