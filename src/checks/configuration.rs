//! AWS Config: whether resources are recorded in each Region, and whether a rule watches the age of access keys.
//!
//! Owns: two checks. Must not: judge what Config's rules find. Source: AWS Config developer guide, "Managing the configuration
//! recorder", "access-keys-rotated".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::regions::disabled;
use super::thresholds::Thresholds;
use crate::model::Region;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::region::{ConfigRecorder, ConfigRule};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: RECORDER, judge: Judge::Region(recorder) },
    Check { meta: KEYS_ROTATED, judge: Judge::Whole(keys_rotated) },
];

const CONFIG_GUIDE: &str = "AWS Config developer guide";

pub(super) const RECORDER: CheckMeta = CheckMeta {
    id: "config-recorder",
    title: "AWS Config records all resources in every enabled Region",
    severity: Severity::Medium,
    granularity: Granularity::AccountRegion,
    rationale: "Config keeps what each resource looked like and who changed it. What it does not record can't be compared with \
                what it should be. Global resources (IAM's) have to be recorded in one Region, which is the home Region or \
                another that was looked at.",
    remediation: Remediation {
        console: "Config, Settings, Edit: all resource types with customizable overrides and no override; include global \
                  resource types in the home Region; then Start recording.",
        cli: "# includeGlobalResourceTypes: true in one Region alone\n\
              aws configservice put-configuration-recorder --region <region> --configuration-recorder '{\"name\": \
              \"default\", \"roleARN\": \"<role ARN>\", \"recordingGroup\": {\"allSupported\": true, \
              \"includeGlobalResourceTypes\": true}}'\n\
              aws configservice put-delivery-channel --region <region> --delivery-channel \
              name=default,s3BucketName=<bucket>\n\
              aws configservice start-configuration-recorder --region <region> --configuration-recorder-name default",
        playbook: None,
    },
    references: &[aws(CONFIG_GUIDE, "Managing the configuration recorder")],
    facts: &[Fact::Organization, Fact::Regions, Fact::ConfigRecorders],
};

fn recorder(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if let Some(outcome) = disabled(facts, region)? {
        return Ok(outcome);
    }
    let recorders = facts.config_recorders(region)?;
    let whole = |recorder: &&ConfigRecorder| lacks(recorder).is_empty();
    let home = &facts.tree()?.organization().home_region == region;
    if let Some(good) = recorders.iter().filter(whole).max_by_key(|recorder| recorder.include_global) {
        if !home || good.include_global {
            return Ok(Outcome::pass(format!("recorder `{}` records all resources in {region}", good.name)));
        }
        let elsewhere = facts.global_recorder_outside(region)?;
        return Ok(match elsewhere {
            Some(other) => Outcome::pass(format!(
                "recorder `{}` records all resources in {region}, and global ones are recorded in {other}",
                good.name
            )),
            None => {
                let words = "records no global resources, such as users and roles, and no other Region looked at does";
                Outcome::fail(&good.name, format!("recorder `{}` of home Region {region} {words}", good.name))
            }
        });
    }
    let failing: Vec<FailingResource> = recorders
        .iter()
        .map(|recorder| FailingResource {
            resource: recorder.name.clone(),
            message: format!("recorder `{}` {}", recorder.name, lacks(recorder).join(" and ")),
        })
        .collect();
    Ok(match failing.as_slice() {
        [] => Outcome::fail("configuration recorder", format!("no configuration recorder in {region}")),
        [one] => Outcome::Fail(format!("{} in {region}", one.message), failing),
        more => Outcome::Fail(format!("none of {} recorders records all resources in {region}", more.len()), failing),
    })
}

/// What keeps a recorder from recording everything.
fn lacks(recorder: &ConfigRecorder) -> Vec<String> {
    let mut words = Vec::new();
    if !recorder.recording {
        words.push("is stopped".to_owned());
    }
    // `AllSupported` and the newer strategy say the same; either may be missing in an answer.
    let all = recorder.strategy == "ALL_SUPPORTED_RESOURCE_TYPES" || recorder.all_supported;
    match (all, recorder.excluded.len(), recorder.included.len()) {
        (true, 0, _) => {}
        (_, 0, chosen) => words.push(format!("records {chosen} chosen resource types only")),
        (_, left_out, _) => words.push(format!(
            "leaves out {left_out} resource types ({})",
            recorder.excluded.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ")
        )),
    }
    if recorder.last_status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("failure")) {
        words.push("failed to deliver last".to_owned());
    }
    words
}

pub(super) const KEYS_ROTATED: CheckMeta = CheckMeta {
    id: "config-rule-access-keys-rotated",
    title: "A Config rule watches the age of access keys",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "The managed rule access-keys-rotated tells of an old key within a day, not at the next audit. It is looked for in \
                the home Region.",
    remediation: Remediation {
        console: "Config, Rules, Add rule, access-keys-rotated, maxAccessKeyAge: 90.",
        cli: "aws configservice put-config-rule --config-rule '{\"ConfigRuleName\": \"access-keys-rotated\", \
              \"Source\": {\"Owner\": \"AWS\", \"SourceIdentifier\": \"ACCESS_KEYS_ROTATED\"}, \"InputParameters\": \
              \"{\\\"maxAccessKeyAge\\\":\\\"90\\\"}\"}'",
        playbook: None,
    },
    references: &[aws(CONFIG_GUIDE, "access-keys-rotated")],
    facts: &[Fact::ConfigRules],
};

/// The managed rule and its one parameter, with the value that applies where it is not given.
const RULE: &str = "ACCESS_KEYS_ROTATED";
const AGE: &str = "maxAccessKeyAge";
const DEFAULT_AGE: &str = "90";

fn keys_rotated(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let most = thresholds.key_age_days;
    let rules = facts.config_rules()?;
    let of_keys = rules.iter().filter(|rule| rule.identifier.as_deref() == Some(RULE));
    let mut failing = Vec::new();
    for rule in of_keys {
        match slack(rule, most) {
            None => return Ok(Outcome::pass(format!("rule `{}` flags keys older than {}", rule.name, age(rule)))),
            Some(message) => failing.push(FailingResource { resource: rule.name.clone(), message }),
        }
    }
    failing.sort();
    Ok(match failing.as_slice() {
        [] => Outcome::fail("Config rules", "no Config rule access-keys-rotated in the home Region"),
        [one] => Outcome::Fail(one.message.clone(), failing),
        more => Outcome::Fail(format!("none of {} rules access-keys-rotated serves", more.len()), failing),
    })
}

fn age(rule: &ConfigRule) -> String {
    let days = rule.parameters.get(AGE).map_or(DEFAULT_AGE, String::as_str);
    format!("{} days", days.trim())
}

/// Why a rule does not serve; `None` if it does.
fn slack(rule: &ConfigRule, most: u16) -> Option<String> {
    let name = &rule.name;
    if !rule.active {
        return Some(format!("rule `{name}` is not active"));
    }
    let given = rule.parameters.get(AGE).map_or(DEFAULT_AGE, String::as_str);
    match given.trim().parse::<u32>() {
        Ok(days) if days <= u32::from(most) => None,
        Ok(days) => Some(format!("rule `{name}` lets keys get {days} days old, {most} are wanted")),
        Err(_) => Some(format!("rule `{name}` has `{given}` for {AGE}, which is no number of days")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, home, region, seen};
    use super::super::tests::{hidden, judge, judge_all};
    use super::*;
    use crate::model::{AccountFacts, Finding, Verdict};
    use std::collections::{BTreeMap, BTreeSet};

    fn changed(at: &Region, change: impl FnOnce(&mut ConfigRecorder)) -> AccountFacts {
        let mut facts = fixtures::account();
        let watchers = facts.watchers.get_mut(at).unwrap();
        watchers.config_recorders = watchers.config_recorders.clone().map(|mut recorders| {
            change(&mut recorders[0]);
            recorders
        });
        facts
    }

    fn found(facts: &AccountFacts) -> Vec<Finding> {
        judge_all(&fixtures::org(), facts, &Thresholds::default(), RECORDER.id)
    }

    #[test]
    fn each_way_a_recorder_falls_short_is_named() {
        let some = || BTreeSet::from(["AWS::EC2::Instance".to_owned()]);
        type Break = Box<dyn FnOnce(&mut ConfigRecorder)>;
        let breaks: [(Break, &str); 5] = [
            (Box::new(|r| r.recording = false), "recorder `default` is stopped in us-east-1"),
            (
                Box::new(move |r| (r.all_supported, r.strategy, r.included) = (false, String::new(), some())),
                "records 1 chosen resource types only",
            ),
            (
                Box::new(move |r| {
                    (r.all_supported, r.strategy, r.excluded) =
                        (false, "EXCLUSION_BY_RESOURCE_TYPES".to_owned(), some());
                }),
                "leaves out 1 resource types (AWS::EC2::Instance)",
            ),
            (Box::new(|r| r.last_status = Some("FAILURE".to_owned())), "failed to deliver last"),
            (
                Box::new(|r| (r.recording, r.last_status) = (false, Some("Failure".to_owned()))),
                "is stopped and failed to deliver last",
            ),
        ];
        for (change, words) in breaks {
            let finding = &found(&changed(&region("us-east-1"), change))[1];
            assert_eq!(finding.verdict, Verdict::Fail, "{words}");
            assert!(finding.message.contains(words), "`{words}` in: {}", finding.message);
            assert_eq!(finding.resources[0].resource, "default");
        }
        let fresh = changed(&home(), |r| (r.last_status, r.strategy) = (None, String::new()));
        assert_eq!(
            found(&fresh)[0].verdict,
            Verdict::Pass,
            "older answers have no strategy, new recorders no delivery"
        );
    }

    #[test]
    fn no_recorder_fails_and_a_disabled_region_does_not_apply() {
        let mut facts = fixtures::account();
        facts.watchers.get_mut(&home()).unwrap().config_recorders = seen("config:X", Vec::new());
        let found = found(&facts);
        assert_eq!(found[0].message, "no configuration recorder in eu-central-1");
        assert_eq!((found[0].verdict, found[2].verdict), (Verdict::Fail, Verdict::NotApplicable));
    }

    #[test]
    fn global_resources_are_recorded_in_one_region() {
        let nowhere = changed(&home(), |r| r.include_global = false);
        let finding = &found(&nowhere)[0];
        assert_eq!(finding.verdict, Verdict::Fail);
        assert!(finding.message.contains("records no global resources"), "{}", finding.message);
        assert_eq!(found(&nowhere)[1].verdict, Verdict::Pass, "only the home Region answers for it");
        let mut elsewhere = changed(&region("us-east-1"), |r| r.include_global = true);
        let there = elsewhere.watchers[&region("us-east-1")].clone();
        elsewhere.watchers.insert(home(), nowhere.watchers[&home()].clone());
        assert!(found(&elsewhere)[0].message.ends_with("global ones are recorded in us-east-1"));
        elsewhere.watchers.insert(region("us-east-1"), there);
        elsewhere.watchers.get_mut(&region("us-east-1")).unwrap().config_recorders = hidden();
        assert_eq!(found(&elsewhere)[0].verdict, Verdict::Unknown, "the other Region may record them");
    }

    fn rule(identifier: &str, age: Option<&str>) -> ConfigRule {
        ConfigRule {
            name: "keys".to_owned(),
            identifier: Some(identifier.to_owned()),
            active: true,
            parameters: age.map(|age| (AGE.to_owned(), age.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
        }
    }

    fn ruled(rules: Vec<ConfigRule>) -> Finding {
        let config_rules = seen("config:DescribeConfigRules", rules);
        judge(&fixtures::org(), &AccountFacts { config_rules, ..fixtures::account() }, KEYS_ROTATED.id)
    }

    #[test]
    fn the_rule_serves_up_to_90_days() {
        for age in [None, Some("90"), Some(" 30 ")] {
            assert_eq!(ruled(vec![rule(RULE, age)]).verdict, Verdict::Pass, "{age:?}");
        }
        for (rules, words) in [
            (vec![], "no Config rule access-keys-rotated in the home Region"),
            (vec![rule("IAM_USER_MFA_ENABLED", Some("90"))], "no Config rule access-keys-rotated"),
            (vec![rule(RULE, Some("365"))], "rule `keys` lets keys get 365 days old, 90 are wanted"),
            (vec![rule(RULE, Some("ninety"))], "rule `keys` has `ninety` for maxAccessKeyAge"),
            (vec![ConfigRule { active: false, ..rule(RULE, None) }], "rule `keys` is not active"),
        ] {
            let finding = ruled(rules);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert!(finding.message.contains(words), "{}", finding.message);
        }
        let both = vec![rule(RULE, Some("365")), ConfigRule { name: "strict".to_owned(), ..rule(RULE, Some("60")) }];
        assert_eq!(ruled(both).message, "rule `strict` flags keys older than 60 days");
    }
}
