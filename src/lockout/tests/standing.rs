//! What plans rely on, and how policies stand in the middle of one.

use super::*;
use crate::lockout::{Standing, relied_on, value_of};
use crate::model::plan::Subject;

fn attached_to(id: &str) -> Subject {
    Subject::Attached { policy_type: PolicyType::Scp, target: target(id) }
}

fn content(name: &str) -> Subject {
    Subject::Content { policy_type: PolicyType::Scp, name: name.into() }
}

#[test]
fn an_attachment_relies_on_the_chains_below_it() {
    let org = org(Vec::new());
    let guard = write("guard", None, Some(FULL));
    let attachment = attach("guard", INNER, &[&guard]);
    let relied = relied_on(&org, &plan(vec![guard, attachment]));
    let on: Vec<&Subject> = relied.iter().map(|reliance| &reliance.on).collect();
    assert!(on.is_sorted() && on.windows(2).all(|pair| pair[0] != pair[1]));
    for wanted in [
        Subject::Parent { target: target(THIRD) },
        Subject::Parent { target: target(INNER) },
        Subject::Parent { target: target(OU) },
        Subject::Accounts { target: target(INNER) },
        attached_to(THIRD),
        attached_to(INNER),
        attached_to(OU),
        attached_to(ROOT),
        content("FullAWSAccess"),
    ] {
        assert!(on.contains(&&wanted), "{wanted:?}");
    }
    assert_eq!(on.len(), 9, "nothing of account 2 and nothing of what the plan writes: {on:?}");
    assert!(relied.iter().all(|reliance| value_of(&reliance.on, &org).as_ref() == Some(&reliance.value)));
}

#[test]
fn a_plan_without_policies_relies_on_nothing() {
    let password = Address::PasswordPolicy { account: SECOND.parse().unwrap() };
    let change = change(password, None, Some(Doc(json!({}))), &[]);
    assert_eq!(relied_on(&org(Vec::new()), &plan(vec![change])), []);
}

#[test]
fn a_rewritten_policy_relies_on_the_chains_where_it_is_attached_and_not_on_its_own_text() {
    let org = org(vec![scp("guard", FULL, &[SECOND])]);
    let relied = relied_on(&org, &plan(vec![write("guard", Some(FULL), Some("{}"))]));
    assert!(
        relied.iter().any(|reliance| reliance.on == attached_to(SECOND) && reliance.value == "FullAWSAccess,guard")
    );
    assert!(relied.iter().all(|reliance| reliance.on != content("guard")));
}

#[test]
fn values_are_ids_names_and_digests_and_nothing_where_they_are_unknown() {
    let mut facts = org(vec![scp("guard", "{}", &[OU])]);
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!(value_of(&content("guard"), &facts).as_deref(), Some(digest));
    assert_eq!(value_of(&content("nobody"), &facts), None);
    assert_eq!(value_of(&Subject::Parent { target: target(THIRD) }, &facts).as_deref(), Some(INNER));
    assert_eq!(value_of(&Subject::Parent { target: target(ROOT) }, &facts), None);
    let accounts = Subject::Accounts { target: target(OU) };
    assert_eq!(value_of(&accounts, &facts).as_deref(), Some("222222222222,333333333333"));
    assert_eq!(value_of(&Subject::Accounts { target: target("ou-ab12-99999999") }, &facts), None);
    assert_eq!(value_of(&attached_to(OU), &facts).as_deref(), Some("FullAWSAccess,guard"));
    assert_eq!(value_of(&attached_to("ou-ab12-99999999"), &facts), None);
    facts.policies.insert(PolicyType::Scp, Observed::not_collected("organizations:ListPolicies"));
    assert_eq!(value_of(&attached_to(OU), &facts), None);
    assert_eq!(value_of(&content("guard"), &facts), None);
}

#[test]
fn a_standing_moves_on_with_each_change() {
    let org = org(vec![scp("old", "{}", &[OU])]);
    let (new, old) = (write("new", None, Some(FULL)), write("old", Some("{}"), None));
    let mut standing = Standing::now(&org);
    let mut attached = Vec::new();
    for change in [&new, &attach("new", OU, &[&new]), &detach("old", OU, &[]), &old] {
        standing.make(change);
        attached.push(standing.value_of(&attached_to(OU)).unwrap());
    }
    assert_eq!(attached, ["FullAWSAccess,old", "FullAWSAccess,new,old", "FullAWSAccess,new", "FullAWSAccess,new"]);
    assert!(standing.value_of(&content("new")).is_some() && standing.value_of(&content("old")).is_none());
}
