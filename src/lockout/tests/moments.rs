//! Moments in the middle of a plan, and how often a chain is judged.

use super::*;

const S3_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

#[test]
fn full_access_leaves_after_its_replacement_and_not_before() {
    let ours = write("ours", None, Some(FULL));
    let in_place = attach("ours", OU, &[&ours]);
    let gone = detach("FullAWSAccess", OU, &[&in_place]);
    let org = org(Vec::new());
    let good = plan(vec![ours.clone(), in_place.clone(), gone.clone()]);
    assert_eq!(messages(&proved(&org, &good)), [] as [&str; 0]);
    let proof = proved(&org, &plan(vec![ours.clone(), gone, in_place.clone()]));
    assert!(messages(&proof)[0].contains("the last SCP there"), "{proof:?}");
    let unbound = detach("FullAWSAccess", OU, &[]);
    let proof = proved(&org, &plan(vec![ours, in_place, unbound]));
    assert_eq!(proof.refusals.len(), 1, "{proof:?}");
    assert!(messages(&proof)[0].contains("if the changes before it fail"), "{proof:?}");
}

#[test]
fn the_last_scp_stays_and_something_allows() {
    let gone = || plan(vec![detach("FullAWSAccess", OU, &[])]);
    let proof = proved(&org(Vec::new()), &gone());
    assert_eq!(proof.refusals.len(), 1, "said once, not for each principal: {proof:?}");
    assert!(messages(&proof)[0].contains("detaches `FullAWSAccess` from OU /Workloads"), "{proof:?}");
    let only_denies = deny(r#""Action": "organizations:LeaveOrganization", "Resource": "*""#);
    let proof = proved(&org(vec![scp("guard", &only_denies, &[OU])]), &gone());
    assert_eq!(proof.refusals.len(), 1);
    assert!(messages(&proof)[0].contains("no policy attached to OU /Workloads"), "{proof:?}");
    let proof = proved(&org(vec![scp("guard", S3_ONLY, &[OU])]), &gone());
    let all = messages(&proof);
    assert!(all.iter().any(|message| message.starts_with("no policy attached to") && message.contains("role/apply")));
    assert_eq!(messages(&proved_with(&org(Vec::new()), &gone(), &roles(), &[OU])), [] as [&str; 0]);
    // Nobody at all is below it: a later account would be.
    let mut empty = org(Vec::new());
    empty.accounts.retain(|id, _| id.as_str() == MANAGEMENT);
    assert_eq!(proved(&empty, &gone()).refusals.len(), 1);
}

#[test]
fn what_is_so_already_takes_nothing() {
    // Detached where it is not attached, as in the way back that is made from the facts of before; and where an OU was deleted since.
    let guard = write("guard", None, Some(&deny(r#""Action": "s3:*", "Resource": "*""#)));
    for place in [ROOT, "ou-ab12-99999999"] {
        let gone = plan(vec![guard.clone(), detach("guard", place, &[])]);
        assert_eq!(
            messages(&proved_with(&org(Vec::new()), &gone, &Roles::new("audit", "apply"), &[])),
            [] as [&str; 0]
        );
    }
    let back = plan(vec![attach("FullAWSAccess", ROOT, &[])]);
    assert_eq!(messages(&proved_with(&org(Vec::new()), &back, &Roles::new("audit", "apply"), &[])), [] as [&str; 0]);
}

#[test]
fn a_moment_between_two_good_ends_is_judged() {
    // The plan ends harmlessly, but in between both a Deny and its rewrite are attached.
    let harmful = deny(r#""Action": "cloudwatch:*", "Resource": "*""#);
    let guard = write("guard", None, Some(&harmful));
    let there = attach("guard", OU, &[&guard]);
    let mut gone = detach("guard", OU, &[&there]);
    gone.step = "test/undo".into();
    let proof = proved(&org(Vec::new()), &plan(vec![guard, there, gone]));
    assert_eq!(proof.refusals.len(), 2);
    assert!(proof.refusals.iter().all(|refusal| refusal.step == "test/scp"));
}

#[test]
fn a_new_version_replaces_the_old_one_wave_by_wave() {
    let old = deny(r#""Action": "organizations:LeaveOrganization", "Resource": "*""#);
    let new = deny(r#""Action": ["organizations:LeaveOrganization", "s3:DeleteBucket"], "Resource": "*""#);
    let made = write("guard-2", None, Some(&new));
    let (first, second) = (attach("guard-2", SECOND, &[&made]), attach("guard-2", INNER, &[&made]));
    let (left, right) = (detach("guard-1", SECOND, &[&first]), detach("guard-1", INNER, &[&second]));
    let ended = write("guard-1", Some(&old), None);
    let org = org(vec![scp("guard-1", &old, &[SECOND, INNER])]);
    let mut changes = vec![made, first, second, left, right, ended];
    changes.iter_mut().enumerate().for_each(|(index, change)| change.wave = index / 2);
    assert_eq!(messages(&proved(&org, &plan(changes))), [] as [&str; 0]);
}

#[test]
fn a_changed_text_is_judged_wherever_it_is_attached() {
    let harmful = deny(r#""Action": "cloudwatch:*", "Resource": "*""#);
    let update = plan(vec![write("guard", Some(FULL), Some(&harmful))]);
    let at = |targets: &[&str]| proved(&org(vec![scp("guard", FULL, targets)]), &update).refusals.len();
    assert_eq!(at(&[SECOND]), 2);
    assert_eq!(at(&[]), 0, "attached nowhere, it binds nobody");
    assert_eq!(at(&[MANAGEMENT]), 0, "no SCP binds the management account");
    // The only Allow of a level that becomes narrower.
    let mut facts = org(vec![scp("ours", FULL, &[INNER])]);
    let Some(Observed::Present { value, .. }) = facts.policies.get_mut(&PolicyType::Scp) else { panic!() };
    value[0].targets = present([ROOT, OU, MANAGEMENT, SECOND, THIRD].map(target).into());
    let narrower = plan(vec![write("ours", Some(FULL), Some(S3_ONLY))]);
    let proof = proved(&facts, &narrower);
    assert!(messages(&proof)[0].contains("no policy attached to OU /Workloads/Prod"), "{proof:?}");
}

/// An organization with this many accounts in the inner OU, each with `FullAWSAccess`.
fn many(count: usize, policies: Vec<Policy>) -> OrgFacts {
    let mut org = org(policies);
    let ids: Vec<String> = (0..count).map(|number| format!("4{number:011}")).collect();
    org.accounts.extend(ids.iter().map(|id| member(id, INNER)));
    let Some(Observed::Present { value, .. }) = org.policies.get_mut(&PolicyType::Scp) else { panic!() };
    let mut targets = value[0].targets.value().cloned().unwrap();
    targets.extend(ids.iter().map(|id| target(id)));
    value[0].targets = present(targets);
    org
}

#[test]
fn equal_chains_are_judged_once_whatever_the_number_of_accounts() {
    let org = many(300, Vec::new());
    let harmless = deny(r#""Action": "s3:DeleteBucket", "Resource": "*""#);
    assert_eq!(proved(&org, &rollout(&harmless, INNER)).chains, 1);
    // Above account 2 and the inner OU: two chains of different length.
    assert_eq!(proved(&org, &rollout(&harmless, OU)).chains, 2);
    // Attached to each account by itself, the chains are equal all the same.
    let guard = write("guard", None, Some(&harmless));
    let each: Vec<Change> = org
        .accounts
        .values()
        .filter(|account| account.parent == target(INNER))
        .map(|a| attach("guard", a.id.as_str(), &[&guard]))
        .collect();
    let mut changes = vec![guard];
    changes.extend(each);
    assert_eq!(changes.len(), 302);
    let start = std::time::Instant::now();
    let proof = proved(&org, &plan(changes));
    assert_eq!((proof.chains, proof.refusals.len()), (1, 0));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn accounts_are_judged_one_by_one_where_a_text_names_one() {
    let spared = deny(
        r#""Action": "cloudwatch:*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn":
           ["arn:aws:iam::400000000001:role/*", "arn:aws:iam::333333333333:role/apply"]}}"#,
    );
    let proof = proved(&many(5, Vec::new()), &rollout(&spared, INNER));
    assert_eq!(proof.chains, 6 + 1, "six accounts, and the one chain they have now");
    let [apply, audit] = messages(&proof)[..] else { panic!("{proof:?}") };
    assert!(apply.contains("in 4 accounts, 400000000000 among them"), "{apply}");
    assert!(audit.contains("in 5 accounts, 333333333333 among them"), "{audit}");
}
