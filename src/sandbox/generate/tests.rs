//! Generated accounts: the same from the same seed, healthy without problems, each problem visible.

use super::*;
use crate::sandbox::scenario::EPOCH;

fn generator() -> Generator {
    Generator {
        seed: 5,
        epoch: EPOCH,
        organization: "o-abcdefghij".into(),
        management: id("999999999999"),
        home: "eu-central-1".parse().unwrap(),
        population: Population::default(),
        operated_from: None,
    }
}

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn days_ago(time: Timestamp) -> i64 {
    (EPOCH.as_second() - time.as_second()) / 86_400
}

#[test]
fn the_same_seed_and_id_give_the_same_state_and_others_give_others() {
    let generator = generator();
    let one = generator.account(&id("111122223333"), &[Problem::AdminStar, Problem::StaleKey(200)]);
    assert_eq!(
        format!("{one:?}"),
        format!("{:?}", generator.account(&id("111122223333"), &[Problem::AdminStar, Problem::StaleKey(200)]))
    );
    let other = generator.account(&id("111122223334"), &[]);
    assert_ne!(one.users.keys().collect::<Vec<_>>(), other.users.keys().collect::<Vec<_>>());
    let reseeded = Generator { seed: 6, ..generator }.account(&id("111122223333"), &[]);
    assert_ne!(one.roles.keys().collect::<Vec<_>>(), reseeded.roles.keys().collect::<Vec<_>>());
}

#[test]
fn an_account_without_problems_is_healthy() {
    let generator = generator();
    for number in 0..200 {
        let state = generator.account(&id(&format!("{:012}", 100_000_000_000_u64 + number)), &[]);
        let policy = state.password_policy.as_ref().unwrap();
        assert!(policy.minimum_password_length >= 14 && policy.password_reuse_prevention == Some(24));
        assert!(state.root.keys.is_empty() && state.root.mfa == RootMfa::Hardware);
        assert!(state.root.password_last_used.is_none_or(|at| days_ago(at) > 100));
        assert!(state.roles.contains_key(AUDIT_ROLE) && state.roles.contains_key(APPLY_ROLE));
        for user in state.users.values() {
            assert!(user.created >= state.created && (user.password.is_none() || user.mfa), "{user:?}");
            assert!(user.password.as_ref().is_none_or(|p| p.last_used.is_some_and(|at| days_ago(at) < 45)), "{user:?}");
            for key in user.keys.iter().filter(|key| key.active) {
                assert!(key.created >= user.created && days_ago(key.created) < 90, "{user:?}");
                let used = key.last_used.as_ref().unwrap().at;
                assert!(used >= key.created && days_ago(used) < 45, "{user:?}");
            }
        }
        for document in
            state.roles.values().map(|r| &r.trust_policy).chain(state.policies.values().map(|p| &p.document))
        {
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            assert_eq!(document["Version"], "2012-10-17");
        }
        let attached: Vec<&String> = state.roles.values().flat_map(|r| &r.attached).collect();
        assert!(attached.iter().all(|arn| state.policies.contains_key(*arn) || managed::find(arn).is_some()));
    }
}

#[test]
fn each_problem_shows_in_the_state() {
    let generator = generator();
    let with = |problem: Problem| generator.account(&id("111122223333"), &[problem]);
    assert!(!with(Problem::NoAuditRole).roles.contains_key(AUDIT_ROLE));
    assert!(!with(Problem::NoApplyRole).roles.contains_key(APPLY_ROLE));
    let state = with(Problem::OtherExternalId("old \"one\"".into()));
    assert!(state.roles[AUDIT_ROLE].trust_policy.contains(r#""old \"one\"""#));
    assert!(with(Problem::NoPasswordPolicy).password_policy.is_none());
    let weak = with(Problem::WeakPasswordPolicy { length: 8, reuse: None }).password_policy.unwrap();
    assert_eq!((weak.minimum_password_length, weak.password_reuse_prevention), (8, None));
    let stale = with(Problem::StaleKey(200));
    assert!(stale.users.values().flat_map(|u| &u.keys).any(|key| key.active && days_ago(key.created) == 200));
    let idle = with(Problem::NeverUsedKey);
    assert!(idle.users.values().flat_map(|u| &u.keys).any(|key| key.active && key.last_used.is_none()));
    let open = with(Problem::UserWithoutMfa);
    assert!(open.users.values().any(|user| user.password.is_some() && !user.mfa));
    let gone = with(Problem::UnusedPassword(163));
    let last = |user: &crate::sandbox::state::User| user.password.as_ref().and_then(|p| p.last_used).map(days_ago);
    assert!(gone.users.values().any(|user| last(user) == Some(163)));
    assert_eq!(with(Problem::RootKey).root.keys.len(), 1);
    assert_eq!(with(Problem::RootWithoutMfa).root.mfa, RootMfa::None);
    let state = with(Problem::RootVirtualMfa);
    assert!(state.virtual_mfa.keys().any(|serial| serial.ends_with(":mfa/root-account-mfa-device")));
    assert_eq!(with(Problem::RootUsed(9)).root.password_last_used.map(days_ago), Some(9));
    assert!(!with(Problem::NoRootCredentials).root.has_password);
    let star = with(Problem::AdminStar);
    let (arn, _) = star.policies.iter().find(|(_, p)| p.document.contains(r#""Action":"*""#)).unwrap();
    assert_eq!(star.roles.values().filter(|role| role.attached.contains(arn)).count(), 1);
    let region: Region = "eu-south-1".parse().unwrap();
    assert!(!with(Problem::NoAuditRole).regions[&region].usable());
    assert!(with(Problem::OptInRegion(region.clone())).regions[&region].usable());
}

#[test]
fn every_region_is_watched_but_where_a_flaw_was_planted() {
    let generator = generator();
    let (west, east): (Region, Region) = ("eu-west-1".parse().unwrap(), "us-east-1".parse().unwrap());
    let state = generator.account(&id("111122223333"), &[Problem::Unwatched(west.clone(), Flaw::NoAnalyzer)]);
    assert!(watchers::watched(&state, &west).analyzers.is_empty());
    assert_eq!(watchers::watched(&state, &east).analyzers[watchers::ANALYZER].findings, []);
    let found = generator.account(&id("111122223333"), &[Problem::Unwatched(west.clone(), Flaw::Findings(2))]);
    let watched = watchers::watched(&found, &west).into_owned();
    let statuses: Vec<&str> =
        watched.analyzers[watchers::ANALYZER].findings.iter().map(|finding| finding.status.as_str()).collect();
    assert_eq!(statuses, ["ACTIVE", "ACTIVE", "ARCHIVED"]);
    let with = |flaw: Flaw| {
        let state = generator.account(&id("111122223333"), &[Problem::Unwatched(generator.home.clone(), flaw)]);
        watchers::watched(&state, &generator.home).into_owned()
    };
    let whole = watchers::watched(&state, &generator.home).into_owned();
    assert!(whole.hub.is_some() && whole.rules.contains_key(watchers::KEY_RULE));
    assert!(
        whole.recorders[watchers::RECORDER].include_global && whole.recorders[watchers::RECORDER].stopped.is_none()
    );
    assert!(!watchers::watched(&state, &east).recorders[watchers::RECORDER].include_global);
    assert!(whole.detectors.values().all(|detector| detector.enabled) && whole.detectors.len() == 1);
    assert_ne!(whole.detectors, watchers::watched(&state, &east).detectors, "each Region has its own");
    assert!(with(Flaw::NoRecorder).recorders.is_empty() && with(Flaw::NoKeyRule).rules.is_empty());
    assert!(with(Flaw::RecorderStopped).recorders[watchers::RECORDER].stopped.is_some());
    assert!(with(Flaw::NoSecurityHub).hub.is_none() && with(Flaw::NoDetector).detectors.is_empty());
    assert!(with(Flaw::DetectorDisabled).detectors.values().all(|detector| !detector.enabled));
    let administrator = generator.account(&id("111122223333"), &[Problem::OrganizationAnalyzer]);
    assert_eq!(watchers::watched(&administrator, &generator.home).analyzers.len(), 2);
}

#[test]
fn each_problem_of_certificates_contacts_and_bills_shows_in_the_state() {
    let generator = generator();
    let with = |problem: Problem| generator.account(&id("111122223333"), &[problem]);
    let healthy = generator.account(&id("111122223333"), &[]);
    assert!(healthy.contacts.alternate.contains_key("SECURITY") && healthy.contacts.information.len() > 5);
    assert!(healthy.identity.saml_providers.values().all(|provider| provider.valid_until > EPOCH));
    assert!(healthy.identity.certificates.values().all(|certificate| certificate.expires > EPOCH));
    assert!(healthy.identity.ssh_keys.values().flatten().all(|key| days_ago(key.uploaded) < 90));
    assert!(healthy.identity.service_credentials.is_empty() && healthy.budgets.is_empty());
    assert!(with(Problem::NoSecurityContact).contacts.alternate.is_empty());
    let expired = with(Problem::ExpiredCertificate(33)).identity.certificates;
    assert!(expired.values().any(|certificate| days_ago(certificate.expires) == 33));
    let expired = with(Problem::ExpiredSamlProvider(12)).identity.saml_providers;
    assert!(expired.values().any(|provider| days_ago(provider.valid_until) == 12));
    let held = with(Problem::ServiceCredential(400));
    assert!(held.identity.service_credentials.keys().all(|user| held.users.contains_key(user)));
    assert_eq!(held.identity.service_credentials.len(), 1);
    let old = with(Problem::OldSshKey(200)).identity.ssh_keys;
    assert!(old.values().flatten().any(|key| days_ago(key.uploaded) == 200));
    let long = with(Problem::LongSessions).roles;
    assert!(long.values().any(|role| role.path == "/" && role.max_session_seconds == 43_200));
    assert_eq!(with(Problem::Budget).budgets.len(), 1);
    let alarmed = with(Problem::BillingAlarm);
    let ((region, _), alarm) = alarmed.alarms.first_key_value().unwrap();
    assert_eq!((region.as_str(), &alarm.settings["Namespace"]), ("us-east-1", &"AWS/Billing".into()));
    assert!(alarm.settings["AlarmActions"][0].as_str().is_some_and(|arn| alarmed.topics.contains_key(arn)));
}

#[test]
fn the_bucket_of_a_trail_belongs_to_who_has_the_problem() {
    let generator = generator();
    let administrator = generator.account(&id("111122223333"), &[Problem::TrailBucket]);
    let trail = Problem::OrganizationTrail { log_account: id("111122223333") };
    let management = generator.account(&generator.management.clone(), &[trail]);
    let bucket = &administrator.buckets[&management.trails.values().next().unwrap().bucket];
    assert_eq!((bucket.public_policy, bucket.group_grants.len()), (Some(false), 0));
    assert!(administrator.buckets.contains_key(bucket.log_bucket.as_deref().unwrap()));
    let own = generator.account(&id("111122223333"), &[Problem::OwnTrail { public: true, logged: false }]);
    let bucket = &own.buckets[&own.trails.values().next().unwrap().bucket];
    assert_eq!((bucket.public_policy, bucket.log_bucket.as_deref()), (Some(true), None));
    assert_eq!(bucket.group_grants, [(buckets::ALL_USERS.to_owned(), "READ".to_owned())]);
    assert_eq!(generator.account(&id("111122223333"), &[]).buckets.len(), 1, "a workload's");
}

#[test]
fn the_management_account_has_the_operator_and_no_member_roles() {
    let generator = generator();
    let state = generator.account(&generator.management.clone(), &[]);
    assert!(state.users.contains_key(OPERATOR_USER));
    assert!(!state.roles.contains_key(AUDIT_ROLE) && !state.roles.contains_key(APPLY_ROLE));
}

#[test]
fn generating_is_cheap() {
    let generator = generator();
    let started = std::time::Instant::now();
    for number in 0..2_000_u64 {
        generator.account(&id(&format!("{:012}", 100_000_000_000 + number)), &[]);
    }
    // Generous: an unoptimised build on a busy machine stays far below 2 ms each.
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
}
