//! Custom checks from file to finding.

use super::*;
use crate::checks::fixtures;
use crate::model::{CauseKind, Observed};
use proptest::prelude::*;
use std::collections::BTreeSet;

const FILE: &str = "\
version: 1
checks:
  - id: long-passwords
    title: Passwords have 16 characters or more
    severity: high
    rationale: Our own rule.
    remediation: {console: IAM > Account settings, cli: aws iam update-account-password-policy}
    expression: account.password_policy != null && account.password_policy.minimum_length >= 16
    fixtures:
      - {name: long, account: {password_policy: {minimum_length: 20}}, verdict: pass}
      - {name: short, account: {password_policy: {minimum_length: 8}}, verdict: fail}
      - {name: none at all, account: {password_policy: null}, verdict: fail}
      - {name: denied, account: {password_policy: {$unknown: denied}}, verdict: unknown}
      - {name: left out, verdict: unknown}
  - id: users-have-owners
    title: Every user has an owner tag
    severity: low
    rationale: Our own rule.
    remediation: {console: IAM > Users, cli: aws iam tag-user}
    references:
      - {document: House rules, section: '7'}
    applies: size(account.users) > 0
    expression: >
      account.users.all(u, 'owner' in u.tags)
    resources: account.users.filter(u, !('owner' in u.tags)).map(u, u.arn)
    fixtures:
      - {name: nobody, account: {users: []}, verdict: not_applicable}
      - name: one of two
        account: {users: [{arn: a, tags: {owner: x}}, {arn: b, tags: {}}]}
        verdict: fail
        resources: [b]
  - id: hub-in-every-region
    title: Security Hub is on
    severity: medium
    target: account_region
    rationale: Our own rule.
    remediation: {console: Security Hub, cli: aws securityhub enable-security-hub}
    applies: account.regions[region] != 'disabled'
    expression: account.security_hub[region] != null
  - id: few-accounts
    title: There are fewer than ten accounts
    severity: info
    target: organization
    rationale: Our own rule.
    remediation: {console: Organizations, cli: aws organizations list-accounts}
    expression: size(org.accounts) < 10
";

fn checks() -> Vec<CustomCheck> {
    load("own.yaml", FILE, &mut BTreeSet::new()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn check(id: &str) -> CustomCheck {
    checks().into_iter().find(|check| check.meta.id == id).unwrap()
}

#[test]
fn fixtures_run_and_say_what_is_wrong() {
    let outcomes: Vec<Outcome> = checks().iter().flat_map(CustomCheck::test).collect();
    assert_eq!(outcomes.len(), 7);
    assert!(outcomes.iter().all(|outcome| outcome.problem.is_none()), "{outcomes:?}");
    let wrong = FILE.replace("minimum_length: 20}}, verdict: pass", "minimum_length: 12}}, verdict: pass");
    let wrong = wrong.replace("resources: [b]", "resources: [a]");
    let checks = load("own.yaml", &wrong, &mut BTreeSet::new()).unwrap();
    let problems: Vec<String> =
        checks.iter().flat_map(CustomCheck::test).filter_map(|outcome| outcome.problem).collect();
    assert_eq!(
        problems,
        ["is fail, not pass: not so: Passwords have 16 characters or more", "fails for `b`, not for `a`"]
    );
}

#[test]
fn a_custom_check_gives_findings_like_any_other() {
    let (org, facts) = (fixtures::org(), fixtures::account());
    let found = check("long-passwords").account(&org, &facts);
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.verdict, finding.severity.as_str()), (Verdict::Fail, "high"));
    assert_eq!(finding.resources[0].resource, fixtures::MEMBER);
    assert_eq!(finding.evidence[0].source.operation, "iam:GetAccountPasswordPolicy");
    let found = check("users-have-owners").account(&org, &facts);
    assert_eq!(found[0].resources[0].resource, format!("arn:aws:iam::{}:user/ann", fixtures::MEMBER));
    let found = check("hub-in-every-region").account(&org, &facts);
    let verdicts: Vec<Verdict> = found.iter().map(|finding| finding.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::NotApplicable]);
    assert_eq!(check("few-accounts").organization(&org).unwrap().verdict, Verdict::Pass);
    assert!(check("few-accounts").account(&org, &facts).is_empty());
    assert_eq!(check("long-passwords").organization(&org), None);
}

/// The finding of an expression about an account or the organization.
fn judged(target: &str, expression: &str, org: &OrgFacts, facts: &AccountFacts) -> Finding {
    let text = format!(
        "version: 1\nchecks:\n  - id: asked\n    title: It is so\n    severity: low\n    target: {target}\n    rationale: Our own \
         rule.\n    remediation: {{console: none, cli: none}}\n    expression: {expression}\n"
    );
    let loaded = load("own.yaml", &text, &mut BTreeSet::new()).unwrap_or_else(|errors| panic!("{errors:?}"));
    loaded[0].organization(org).unwrap_or_else(|| loaded[0].account(org, facts).remove(0))
}

#[test]
fn a_list_is_not_empty_for_want_of_what_it_is_made_of() {
    let all_heard = "account.alarms.all(a, a.confirmed_subscriber)";
    let all_detect = "account.detectors.all(r, account.detectors[r].exists(d, d.enabled))";
    let all_signed = "account.trails.all(r, account.trails[r].all(t, t.log_file_validation))";
    let denied = || Observed::unknown(Cause::new(CauseKind::AccessDenied, "any:Call", "denied"));
    let (org, facts) = (fixtures::org(), fixtures::account());
    for expression in [all_heard, all_detect, all_signed] {
        assert_eq!(judged("account", expression, &org, &facts).verdict, Verdict::Pass, "{expression}");
    }
    // Without the trails nobody knows which log groups' alarms to look at.
    let mut blind = facts.clone();
    blind.trails.values_mut().for_each(|trails| *trails = denied());
    assert_eq!(judged("account", all_heard, &org, &blind).verdict, Verdict::Unknown);
    // Without the Regions, where else to look.
    let lost =
        AccountFacts { regions: Observed::unknown(Cause::not_collected("account:ListRegions")), ..facts.clone() };
    assert_eq!(judged("account", all_detect, &org, &lost).verdict, Verdict::Unknown);
    assert_eq!(judged("account", all_signed, &org, &lost).verdict, Verdict::Unknown);
    let all_named = "org.alarms.all(a, a.name != '')";
    assert_eq!(judged("organization", all_named, &org, &facts).verdict, Verdict::Pass);
    let hidden = OrgFacts { organization_trails: denied(), monitoring: Vec::new(), ..org };
    assert_eq!(judged("organization", all_named, &hidden, &facts).verdict, Verdict::Unknown);
}

#[test]
fn facts_and_their_words_come_from_what_is_read() {
    let facts = |id: &str| check(id).meta.facts.to_vec();
    assert_eq!(facts("long-passwords"), [Fact::PasswordPolicy]);
    assert_eq!(facts("hub-in-every-region"), [Fact::Regions, Fact::SecurityHub]);
    assert_eq!(check("users-have-owners").meta.references[0].document, "House rules");
    let mut names: Vec<String> = view_fields().into_iter().map(|field| field.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "a name twice");
}

#[test]
fn every_field_has_a_view_of_healthy_facts() {
    let (org, facts) = (fixtures::org(), fixtures::account_with_trail());
    for field in ACCOUNT {
        let mut seen = Seen::default();
        let view = (field.view)(&mut seen, &org, &facts);
        let tags = field.name == "tags";
        assert_eq!(matches!(view, View::Unknown(_)), tags, "{}: {view:?}", field.name);
        let sourced = field.fact.is_some_and(|fact| fact != Fact::AuditRole);
        assert_eq!(!seen.sources.is_empty(), sourced, "{}", field.name);
    }
    for field in ORG {
        let view = (field.view)(&mut Seen::default(), &org);
        assert!(!matches!(view, View::Unknown(_)), "{}: {view:?}", field.name);
    }
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (from, to, wanted) in [
        ("version: 1", "version: 2", "own.yaml:1: version `2` is not known to this orgward, which reads version 1"),
        ("id: long-passwords", "id: Long", "own.yaml:3: `id` must be lower-case letters"),
        ("id: users-have-owners", "id: long-passwords", "own.yaml:15: there is another check `long-passwords`"),
        ("    severity: high\n", "", "own.yaml:8: missing field `severity`"),
        ("rationale: Our own rule.", "rationale: \"a\\eb\"", "own.yaml:6: `rationale` has a line break"),
        ("or more\n", "or more \u{202e}\n", "own.yaml:4: `title` has a line break"),
        (
            "cli: aws iam update",
            "playbook: \"x\\e[2J\", cli: aws iam update",
            "own.yaml:3: `playbook` has a line break",
        ),
        ("section: '7'", "section: \"7\\n8\"", "own.yaml:15: `section` has a line break"),
        ("document: House rules", "document: \"House\\e[31m\"", "own.yaml:15: `document` has a line break"),
        ("name: long,", "name: \"long\\nok   other\",", "own.yaml:10: `name` has a line break"),
        ("severity: high", "severity: hihg", "own.yaml:5: "),
        ("rationale: Our own rule.", "rationaal: x", "own.yaml:6: "),
        ("title: Passwords have 16 characters or more", "title: ''", "own.yaml:4: `title` is empty"),
        ("minimum_length >= 16", "minimum_length >=", "own.yaml:8: `expression` is no CEL expression"),
        ("size(account.users) > 0", "size(account.user) > 0", "own.yaml:22: `applies` reads `account.user`"),
        ("account.users.all(u,", "acount.users.all(u,", "own.yaml:24: `expression` names `acount`"),
        ("size(org.accounts)", "size(account.users)", "own.yaml:46: `expression` names `account`"),
        ("{name: long, account", "{name: long, region: x, account", "own.yaml:10: fixture `long` has a `region`"),
        ("verdict: not_applicable", "verdict: skipped", "own.yaml:27: "),
        (
            "minimum_length: 8}}, v",
            "minimum_length: 8}}, now: noon, v",
            "own.yaml:11: fixture `short`: `now` must be a time",
        ),
    ] {
        assert!(FILE.contains(from), "{from}");
        let errors = load("own.yaml", &FILE.replacen(from, to, 1), &mut BTreeSet::new()).unwrap_err();
        let first = errors[0].to_string();
        assert!(first.starts_with(wanted), "{to}: {first}");
    }
    let taken = &mut BTreeSet::from(["few-accounts".to_owned()]);
    assert!(load("own.yaml", FILE, taken).unwrap_err()[0].message.starts_with("there is another check `few-accounts`"));
    assert!(!load("own.yaml", "", &mut BTreeSet::new()).unwrap_err().is_empty());
}

fn hidden<T>() -> Observed<T> {
    Observed::unknown(Cause::new(CauseKind::AccessDenied, "test:Denied", "AccessDenied: no"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// The rule of all checks, for custom ones: a fact that is unknown and read never gives a pass, nor a failure.
    #[test]
    fn an_unknown_fact_gives_no_verdict(policy in any::<bool>(), people in any::<bool>(), hub in any::<bool>()) {
        let org = fixtures::org();
        let mut facts = fixtures::account();
        if policy { facts.password_policy = hidden(); }
        if people { facts.authorization = hidden(); }
        if hub { facts.watchers.values_mut().for_each(|watchers| watchers.security_hub = hidden()); }
        for (id, gone) in [("long-passwords", policy), ("users-have-owners", people), ("hub-in-every-region", hub)] {
            for finding in check(id).account(&org, &facts) {
                let disabled = finding.target.region().is_some_and(|region| region.as_str() == "ap-east-1");
                prop_assert_eq!(finding.verdict == Verdict::Unknown, gone && !disabled, "{}: {}", id, finding.message);
                prop_assert_eq!(finding.cause.is_some(), finding.verdict == Verdict::Unknown);
            }
        }
    }

    /// Reading any text as a file of checks ends with checks or with mistakes.
    #[test]
    fn any_text_is_a_file_or_a_mistake(cut in 0..FILE.len(), junk in "[ -~\n]{0,12}") {
        let mut text = FILE.to_owned();
        if text.is_char_boundary(cut) {
            text.insert_str(cut, &junk);
        }
        if let Err(errors) = load("own.yaml", &text, &mut BTreeSet::new()) {
            prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.line >= 1));
        }
    }
}
