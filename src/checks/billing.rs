//! Whether someone is told when the bill grows.
//!
//! Owns: one check. What watches the management account's bill watches every member's, and credits it. Must not: judge how
//! much is too much. Source: CloudWatch user guide, "Create a billing alarm to monitor your estimated AWS charges".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::billing::{BillingAlarms, rings_above};
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::Arn;
use crate::model::monitoring::{Alarm, Subscription};
use crate::model::{Cause, Observed};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: ALARM, judge: Judge::Whole(alarm) }];

pub(super) const ALARM: CheckMeta = CheckMeta {
    id: "billing-alarm",
    title: "Someone is told when the bill grows",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "Stolen credentials are often seen on the bill first. An alarm on the management account's estimated charges \
                (published in us-east-1 only) or one of its cost budgets with notifications speaks for every member. A budget \
                narrowed to some costs, or one that has ended, speaks for nobody; whether an amount is a sensible one stays a \
                manual control.",
    remediation: Remediation {
        console: "In the management account: Billing, Budgets, Create budget, Cost budget, with an alert to a group's mailbox; \
                  or CloudWatch in us-east-1, Alarms, Create alarm, Billing, Total Estimated Charge.",
        cli: "# in the management account\n\
              aws budgets create-budget --account-id <management account id> --budget '{\"BudgetName\": \"monthly\", \
              \"BudgetType\": \"COST\", \"TimeUnit\": \"MONTHLY\", \"BudgetLimit\": {\"Amount\": \"<amount>\", \
              \"Unit\": \"USD\"}}' --notifications-with-subscribers '[{\"Notification\": {\"NotificationType\": \
              \"ACTUAL\", \"ComparisonOperator\": \"GREATER_THAN\", \"Threshold\": 80}, \"Subscribers\": \
              [{\"SubscriptionType\": \"EMAIL\", \"Address\": \"<mailbox>\"}]}]'",
        playbook: None,
    },
    references: &[aws("Amazon CloudWatch user guide", "Create a billing alarm to monitor your estimated AWS charges")],
    facts: &[Fact::OrganizationBilling, Fact::BillingAlarms],
};

fn alarm(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let shared = |facts: &mut Facts<'_>| {
        let alarms = facts.organization_billing_alarms()?;
        Ok(heard(facts, alarms).map(|words| format!("covered by the management account's {words}")))
    };
    let budget = |facts: &mut Facts<'_>| {
        let budgets = facts.budgets()?;
        let told = budgets.iter().find(|budget| budget.watches_costs(facts.now()));
        Ok(told.map(|budget| format!("covered by the management account's budget `{}`", budget.name)))
    };
    let own = |facts: &mut Facts<'_>| {
        let alarms = facts.billing_alarms()?;
        Ok(heard(facts, alarms))
    };
    if let Some(pass) = facts.any_of(&[&shared, &budget, &own]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    // Everything was known, so these reads succeed again.
    let alarms = [facts.organization_billing_alarms()?, facts.billing_alarms()?];
    let account = facts.account_id().map(|id| id.as_str());
    let mut failing: Vec<FailingResource> = alarms
        .into_iter()
        .flatten()
        .flat_map(|found| found.alarms.iter().map(|alarm| (alarm, silent(alarm, found, account))))
        .filter_map(|(alarm, why)| Some((alarm, why.ok()??)))
        .map(|(alarm, why)| FailingResource {
            resource: alarm.name.clone(),
            message: format!("alarm `{}` {why}", alarm.name),
        })
        .collect();
    for budget in facts.budgets()?.iter().filter(|budget| budget.kind == "COST") {
        let why = budget.unheard(facts.now()).unwrap_or_else(|| "is not heard".to_owned());
        let message = format!("budget `{}` {why}", budget.name);
        failing.push(FailingResource { resource: budget.name.clone(), message });
    }
    failing.sort();
    failing.dedup_by(|a, b| a.resource == b.resource);
    let words: Vec<&str> = failing.iter().map(|failing| failing.message.as_str()).collect();
    let message = match words.as_slice() {
        [] => "nobody is told when the bill grows: no alarm on estimated charges and no cost budget".to_owned(),
        words => format!("nobody is told when the bill grows: {}", words.join("; ")),
    };
    Ok(Outcome::Fail(message, failing))
}

/// The first alarm that surely reaches someone, in words. If there is none, what stays unknown is noted.
fn heard(facts: &mut Facts<'_>, found: Option<&BillingAlarms>) -> Option<String> {
    let found = found?;
    let account = facts.account_id().map(|id| id.as_str());
    let mut unknown = Vec::new();
    for alarm in &found.alarms {
        match silent(alarm, found, account) {
            Ok(None) => {
                for topic in &alarm.alarm_actions {
                    facts.rest_on(found.subscriptions.get(topic).and_then(Observed::source));
                }
                return Some(format!("billing alarm `{}`", alarm.name));
            }
            Ok(Some(_)) => {}
            Err(cause) => unknown.push(cause),
        }
    }
    unknown.into_iter().for_each(|cause| facts.doubt_of(cause));
    None
}

/// Why an alarm would not tell anyone of this account's bill; `None` if it would.
fn silent(alarm: &Alarm, found: &BillingAlarms, account: Option<&str>) -> Result<Option<String>, Cause> {
    // Without further dimensions the metric is the whole bill, for the management account that of all members.
    let narrow = alarm.dimensions.iter().find(|(name, value)| match name.as_str() {
        "Currency" => false,
        "LinkedAccount" => account != Some(value.as_str()),
        _ => true,
    });
    if let Some((name, value)) = narrow {
        return Ok(Some(format!("watches the charges of {name} `{value}` only")));
    }
    if !alarm.actions_enabled {
        return Ok(Some("has its actions disabled".to_owned()));
    }
    if !rings_above(alarm) {
        return Ok(Some(format!("compares with `{}`", alarm.comparison.as_deref().unwrap_or("none"))));
    }
    let topics = alarm.alarm_actions.iter().filter(|action| Arn::parse(action).is_some_and(|arn| arn.service == "sns"));
    let (mut any, mut unknown) = (false, None);
    for topic in topics {
        any = true;
        match found.subscriptions.get(topic).map(Observed::known) {
            Some(Ok(list)) if list.into_iter().flatten().any(Subscription::confirmed) => return Ok(None),
            Some(Ok(_)) => {}
            Some(Err(cause)) => unknown = Some(cause.clone()),
            None => unknown = Some(Cause::not_collected(format!("sns:ListSubscriptionsByTopic of `{topic}`"))),
        }
    }
    match unknown {
        Some(cause) => Err(cause),
        None if any => Ok(Some("tells a topic without a confirmed subscription".to_owned())),
        None => Ok(Some("sends to no SNS topic".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, MEMBER, absent, seen};
    use super::super::tests::{hidden, judge};
    use super::*;
    use crate::model::billing::Budget;
    use crate::model::{AccountFacts, Finding, OrgFacts, Verdict};
    use std::collections::BTreeMap;

    const TOPIC: &str = "arn:aws:sns:us-east-1:111111111111:billing";

    fn alarms(change: impl FnOnce(&mut Alarm), subscription: &str) -> BillingAlarms {
        let mut alarm = Alarm {
            name: "bill".to_owned(),
            namespace: Some("AWS/Billing".to_owned()),
            metric_name: Some("EstimatedCharges".to_owned()),
            comparison: Some("GreaterThanThreshold".to_owned()),
            threshold: Some(1000.0),
            actions_enabled: true,
            alarm_actions: vec![TOPIC.to_owned()],
            dimensions: BTreeMap::from([("Currency".to_owned(), "USD".to_owned())]),
            ..Alarm::default()
        };
        change(&mut alarm);
        let (protocol, endpoint) = ("email".to_owned(), "finance@example.com".to_owned());
        let list = vec![Subscription { arn: subscription.to_owned(), protocol, endpoint }];
        let subscriptions = BTreeMap::from([(TOPIC.to_owned(), seen("sns:ListSubscriptionsByTopic", list))]);
        BillingAlarms { alarms: vec![alarm], subscriptions }
    }

    fn org(billing_alarms: Observed<BillingAlarms>, budgets: Observed<Vec<Budget>>) -> OrgFacts {
        let mut org = fixtures::org();
        (org.services.billing_alarms, org.services.budgets) = (billing_alarms, budgets);
        org
    }

    fn none<T>() -> Observed<Vec<T>> {
        seen("budgets:DescribeBudgets", Vec::new())
    }

    fn shared(alarms: BillingAlarms) -> Finding {
        let org = org(seen("cloudwatch:DescribeAlarms", alarms), none());
        judge(&org, &fixtures::account(), ALARM.id)
    }

    const CONFIRMED: &str = "arn:aws:sns:us-east-1:111111111111:billing:0f1e";

    #[test]
    fn the_management_account_s_alarm_or_budget_credits_members() {
        assert!(alarms(|_| {}, CONFIRMED).heard());
        let finding = shared(alarms(|_| {}, CONFIRMED));
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!(finding.message, "covered by the management account's billing alarm `bill`");
        let finding = judge(&fixtures::org(), &fixtures::account(), ALARM.id);
        assert_eq!(finding.message, "covered by the management account's budget `monthly`");
        let mine = shared(alarms(
            |alarm| drop(alarm.dimensions.insert("LinkedAccount".to_owned(), MEMBER.to_owned())),
            CONFIRMED,
        ));
        assert_eq!(mine.verdict, Verdict::Pass, "it is this account's");
    }

    #[test]
    fn an_alarm_that_nobody_hears_is_none() {
        type Break = fn(&mut Alarm);
        let breaks: [(Break, &str, &str); 6] = [
            (|_| {}, "PendingConfirmation", "tells a topic without a confirmed subscription"),
            (|alarm| alarm.actions_enabled = false, CONFIRMED, "has its actions disabled"),
            (|alarm| alarm.alarm_actions.clear(), CONFIRMED, "sends to no SNS topic"),
            (
                |alarm| alarm.comparison = Some("LessThanThreshold".to_owned()),
                CONFIRMED,
                "compares with `LessThanThreshold`",
            ),
            (
                |alarm| drop(alarm.dimensions.insert("LinkedAccount".to_owned(), "999999999999".to_owned())),
                CONFIRMED,
                "watches the charges of LinkedAccount `999999999999` only",
            ),
            (
                |alarm| drop(alarm.dimensions.insert("ServiceName".to_owned(), "AmazonEC2".to_owned())),
                CONFIRMED,
                "watches the charges of ServiceName `AmazonEC2` only",
            ),
        ];
        for (change, subscription, words) in breaks {
            let alarms = alarms(change, subscription);
            assert!(!alarms.heard(), "members are asked for alarms of their own where it {words}");
            let finding = shared(alarms);
            assert_eq!(finding.verdict, Verdict::Fail, "{words}");
            assert_eq!(finding.message, format!("nobody is told when the bill grows: alarm `bill` {words}"));
        }
    }

    #[test]
    fn a_budget_has_to_be_of_costs_and_to_notify() {
        let budget = |kind: &str, notifications| Budget {
            name: "b".to_owned(),
            kind: kind.to_owned(),
            notifications,
            filters: Vec::new(),
            starts: None,
            ends: None,
        };
        let with = |budget| {
            let org = org(absent("cloudwatch:DescribeAlarms"), seen("budgets:DescribeBudgets", vec![budget]));
            judge(&org, &fixtures::account(), ALARM.id)
        };
        assert_eq!(with(budget("COST", 1)).verdict, Verdict::Pass);
        assert!(with(budget("COST", 0)).message.ends_with("budget `b` notifies nobody"));
        assert!(with(budget("USAGE", 3)).message.ends_with("no alarm on estimated charges and no cost budget"));
        let narrowed = with(Budget { filters: vec!["LinkedAccount".to_owned()], ..budget("COST", 1) });
        assert_eq!(narrowed.verdict, Verdict::Fail);
        assert!(
            narrowed.message.ends_with("budget `b` is narrowed by LinkedAccount to some costs"),
            "{}",
            narrowed.message
        );
        let now = fixtures::org().as_of;
        let (before, after) = (now - jiff::SignedDuration::from_secs(1), now + jiff::SignedDuration::from_secs(1));
        let ended = with(Budget { ends: Some(before), ..budget("COST", 1) });
        assert_eq!(ended.verdict, Verdict::Fail);
        assert!(ended.message.ends_with(&format!("budget `b` ended at {before}")), "{}", ended.message);
        assert_eq!(with(Budget { starts: Some(after), ..budget("COST", 1) }).verdict, Verdict::Fail);
        let runs = Budget { starts: Some(before), ends: Some(after), ..budget("COST", 1) };
        assert_eq!(with(runs).verdict, Verdict::Pass);
    }

    #[test]
    fn an_account_may_have_an_alarm_of_its_own() {
        let nothing = || org(absent("cloudwatch:DescribeAlarms"), none());
        let with = |billing_alarms| AccountFacts { billing_alarms, ..fixtures::account() };
        let own = with(seen("cloudwatch:DescribeAlarms", alarms(|_| {}, CONFIRMED)));
        let finding = judge(&nothing(), &own, ALARM.id);
        assert_eq!((finding.verdict, finding.message.as_str()), (Verdict::Pass, "billing alarm `bill`"));
        assert_eq!(judge(&org(hidden(), hidden()), &own, ALARM.id).verdict, Verdict::Pass);
        assert_eq!(judge(&nothing(), &with(absent("cloudwatch:DescribeAlarms")), ALARM.id).verdict, Verdict::Fail);
        assert_eq!(judge(&nothing(), &with(hidden()), ALARM.id).verdict, Verdict::Unknown);
        assert_eq!(judge(&org(hidden(), none()), &fixtures::account(), ALARM.id).verdict, Verdict::Unknown);
        let mut unasked = alarms(|_| {}, CONFIRMED);
        unasked.subscriptions.clear();
        assert_eq!(shared(unasked).verdict, Verdict::Unknown);
    }
}
