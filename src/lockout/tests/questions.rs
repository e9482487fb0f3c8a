//! What the simulator is asked, and what comes of its answers.

use super::{OU, REGIONS, SECOND, attach, attached, deny, detach, org, plan, roles, rollout, scp, write, written};
use crate::lockout::{Protected, Questions, Terms, disagreements, questions};
use crate::model::org::PolicyType;
use crate::model::plan::RefusalKind;
use crate::model::simulation::Simulated;
use crate::model::{OrgFacts, Plan};
use std::collections::BTreeSet;

fn asked(org: &OrgFacts, plan: &Plan) -> Questions {
    let (protected, roles, accepted) = (Protected::embedded().unwrap(), roles(), BTreeSet::new());
    questions(org, plan, &Terms { protected: &protected, roles: &roles, regions: None, accepted: &accepted })
}

/// What a simulator would say that allows, or denies, everything.
fn answers(actions: &[String], allowed: Option<bool>) -> Vec<Simulated> {
    let answer = |action: &String| Simulated {
        action: action.clone(),
        allowed,
        decision: if allowed == Some(true) { "allowed".into() } else { "explicitDeny".into() },
    };
    actions.iter().map(answer).collect()
}

#[test]
fn a_chain_is_asked_about_from_the_root_down_once_for_each_principal() {
    let org = org(Vec::new());
    let found = asked(&org, &rollout(&deny(r#""Action": "ecs:*", "Resource": "*""#), OU));
    assert!(found.left_out.is_empty());
    let first = &found.list[0].simulation;
    let texts: Vec<usize> = first.levels.iter().map(Vec::len).collect();
    assert!(texts == [1, 2, 1] || texts == [1, 2, 1, 1], "{texts:?}");
    assert!(first.levels[1].iter().any(|text| text.contains("NoWay")), "as it will be saved");
    assert!(found.list.iter().all(|question| question.simulation.resource == "*"));
    assert!(found.list.iter().flat_map(|question| &question.simulation.actions).all(|action| !action.contains('*')));
    let who: BTreeSet<&str> = found.list.iter().map(|question| question.about.as_str()).collect();
    assert_eq!(who.len(), found.list.len(), "nobody is asked about twice");
    let known = &first.context;
    for key in ["aws:PrincipalArn", "aws:PrincipalType", "aws:principalorgid", "aws:securetransport"] {
        assert!(known.iter().any(|(known, _)| known == key), "{key} in {known:?}");
    }
}

#[test]
fn regions_are_asked_one_by_one_where_they_matter() {
    let org = org(Vec::new());
    let rest =
        r#""Action": "ecs:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}"#;
    let found = asked(&org, &rollout(&deny(rest), OU));
    let regions: BTreeSet<&str> = found
        .list
        .iter()
        .flat_map(|question| &question.simulation.context)
        .filter(|(key, _)| key == "aws:requestedregion")
        .flat_map(|(_, values)| values.iter().map(String::as_str))
        .collect();
    assert_eq!(regions, BTreeSet::from(REGIONS));
}

#[test]
fn how_it_stands_in_the_end_is_asked_first_and_moments_between_after_it() {
    let strict = deny(r#""Action": "ecs:*", "Resource": "*""#);
    let org = org(vec![scp("old", &strict, &[OU])]);
    let new = write("new", None, Some(&strict.replace("NoWay", "Newer")));
    let attachment = attach("new", OU, &[&new]);
    let gone = detach("old", OU, &[&attachment]);
    let found = asked(&org, &plan(vec![new, attachment, gone]));
    let sids = |index: usize| {
        let texts = found.list[index].simulation.levels.iter().flatten();
        texts.filter(|text| text.contains("Newer") || text.contains("NoWay")).count()
    };
    assert_eq!((sids(0), sids(found.list.len() - 1)), (1, 2), "one in the end, both in between");
}

#[test]
fn a_deny_on_some_resource_is_asked_about_as_the_proof_judges_it() {
    let org = org(Vec::new());
    let text = deny(r#""Action": "logs:PutMetricFilter", "Resource": "arn:aws:logs:*:*:log-group:x""#);
    let found = asked(&org, &rollout(&text, OU));
    let about = |action: &str| {
        let with = found.list.iter().find(|question| question.simulation.actions.iter().any(|one| one == action));
        with.unwrap().simulation.levels.concat().concat()
    };
    assert!(!about("logs:PutMetricFilter").contains("log-group:x"));
    assert!(about("iam:GetAccountPasswordPolicy").contains("log-group:x"));
}

#[test]
fn an_answer_that_is_not_the_proof_s_refuses_the_plan_and_says_both() {
    let org = org(Vec::new());
    let found = asked(&org, &rollout(&deny(r#""Action": "cloudwatch:PutMetricAlarm", "Resource": "*""#), OU));
    let has = |action: &str| {
        let with = found.list.iter().find(|question| question.simulation.actions.iter().any(|one| one == action));
        with.unwrap()
    };
    let question = has("cloudwatch:PutMetricAlarm");
    let mut right = answers(&question.simulation.actions, Some(true));
    right.iter_mut().filter(|answer| answer.action == "cloudwatch:PutMetricAlarm").for_each(|answer| {
        answer.allowed = Some(false);
    });
    assert_eq!(disagreements(question, &right), (Vec::new(), Vec::new()));

    let (refusals, _) = disagreements(question, &answers(&question.simulation.actions, Some(true)));
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].kind, RefusalKind::Disagreement);
    for part in [
        "simulator allows `cloudwatch:PutMetricAlarm`",
        "role/apply (the apply role of orgward)",
        SECOND,
        "chain r-ab12 > ou-ab12-11111111",
        "`allowed`",
        "statement `NoWay` (number 1, line 4) of `guard`",
    ] {
        assert!(refusals[0].message.contains(part), "`{part}` is missing: {}", refusals[0].message);
    }
    let other = has("iam:GetAccountAuthorizationDetails");
    let (refusals, _) = disagreements(other, &answers(&other.simulation.actions, Some(false)));
    assert!(refusals[0].message.contains("simulator denies"), "{}", refusals[0].message);
    assert!(refusals[0].message.contains("evaluator allows it"), "{}", refusals[0].message);
}

#[test]
fn what_aws_does_not_say_is_told() {
    let org = org(Vec::new());
    let found = asked(&org, &rollout(&deny(r#""Action": "ecs:*", "Resource": "*""#), OU));
    let question = &found.list[0];
    for silent in [Vec::new(), answers(&question.simulation.actions, None)] {
        let (refusals, untold) = disagreements(question, &silent);
        assert!(refusals.is_empty());
        assert!(untold[0].contains("AWS does not say"), "{untold:?}");
    }
}

#[test]
fn resource_control_policies_and_unreadable_documents_are_left_out_by_name() {
    let org = org(vec![scp("broken", "{", &[OU])]);
    let text =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
    let guard = written(PolicyType::Rcp, "guard", None, Some(text));
    let rcp = attached(PolicyType::Rcp, "guard", OU, &[&guard]);
    let ours = write("ours", None, Some(&deny(r#""Action": "ecs:*", "Resource": "*""#)));
    let attachment = attach("ours", OU, &[&ours]);
    let found = asked(&org, &plan(vec![guard, rcp, ours, attachment]));
    assert!(found.list.is_empty());
    assert!(found.left_out.iter().any(|why| why.contains("resource control policies")), "{:?}", found.left_out);
    assert!(found.left_out.iter().any(|why| why.contains("`broken` can't be read")), "{:?}", found.left_out);
}
