//! Each link of the chain broken in turn, and patterns judged by what they match.

use super::super::fixtures::{self, MANAGEMENT, MEMBER, ROOT_USAGE, monitoring, seen, trail};
use super::super::subject::Catches;
use super::super::tests::{hidden, judge};
use super::*;
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring, Subscription};
use crate::model::trail::{BasicSelector, Trail, TrailStatus};
use crate::model::{Finding, Observed, Verdict};
use std::collections::BTreeMap;

/// The finding for a member under an organization whose trail and monitoring were changed.
fn under(change: impl FnOnce(&mut Trail, &mut Monitoring)) -> Finding {
    let mut org = fixtures::org();
    let mut trail = trail("org-trail", MANAGEMENT, true);
    change(&mut trail, &mut org.monitoring[0]);
    org.organization_trails = seen("cloudtrail:DescribeTrails", vec![trail]);
    judge(&org, &fixtures::account(), ALARM.id)
}

fn filter(watched: &mut Monitoring, change: impl FnOnce(&mut MetricFilter)) {
    if let Observed::Present { value, .. } = &mut watched.filters {
        change(&mut value[0]);
    }
}

fn alarm(watched: &mut Monitoring, change: impl FnOnce(&mut Alarm)) {
    if let Observed::Present { value, .. } = &mut watched.alarms {
        change(&mut value[0]);
    }
}

fn subscriptions(watched: &mut Monitoring, list: Vec<Subscription>) {
    watched.subscriptions.values_mut().for_each(|seen| *seen = fixtures::seen("sns:List", list.clone()));
}

#[test]
fn members_are_covered_by_the_organization_trail() {
    let finding = under(|_, _| {});
    assert_eq!(finding.verdict, Verdict::Pass);
    assert_eq!(
        finding.message,
        "covered by the organization trail: trail `org-trail`, filter `root-usage`, alarm `root-usage` and topic \
         `arn:aws:sns:eu-central-1:111111111111:security`"
    );
    assert_eq!(finding.evidence.len(), 7, "Regions, trails, status, selectors, filters, alarms, subscriptions");
}

#[test]
fn each_broken_link_is_named() {
    type Break = fn(&mut Trail, &mut Monitoring);
    let breaks: [(Break, &str); 25] = [
        (|t, _| t.multi_region = false, "records eu-central-1 only"),
        (
            |t, _| t.status = t.status.clone().map(|status| TrailStatus { is_logging: false, ..status }),
            "is not logging",
        ),
        (
            |t, _| {
                t.selectors = t.selectors.clone().map(|mut selectors| {
                    selectors.basic[0] =
                        BasicSelector { read_write_type: "WriteOnly".to_owned(), ..selectors.basic[0].clone() };
                    selectors
                });
            },
            "records write events only",
        ),
        (
            |t, _| {
                let error = Some("AccessDenied".to_owned());
                let undelivered = |status| TrailStatus { log_group_delivery_error: error, ..status };
                t.status = t.status.clone().map(undelivered);
            },
            "can't deliver to its log group: AccessDenied",
        ),
        (
            |t, _| {
                let error = Some("NoSuchBucket".to_owned());
                t.status = t.status.clone().map(|status| TrailStatus { delivery_error: error, ..status });
            },
            "can't deliver to its bucket: NoSuchBucket",
        ),
        (|t, _| t.log_group_arn = None, "delivers to no log group"),
        (
            |_, w| w.filters = seen("logs:X", Vec::new()),
            "no metric filter on log group `trail` catches use of the root user",
        ),
        (|_, w| filter(w, |f| f.pattern = "Root".to_owned()), "no metric filter on log group"),
        (|_, w| w.alarms = seen("cloudwatch:X", Vec::new()), "no alarm watches metric `orgward/RootUsage`"),
        (|_, w| alarm(w, |a| a.namespace = Some("other".to_owned())), "no alarm watches metric"),
        (|_, w| alarm(w, |a| a.actions_enabled = false), "alarm `root-usage` has its actions disabled"),
        (|_, w| alarm(w, |a| a.threshold = Some(5.0)), "has threshold 5, which one event does not reach"),
        (|_, w| alarm(w, |a| a.threshold = Some(0.0)), "is in alarm without any event"),
        (|_, w| alarm(w, |a| a.comparison = Some("LessThanThreshold".to_owned())), "compares with `LessThanThreshold`"),
        (|_, w| alarm(w, |a| a.evaluation_periods = Some(3)), "waits for 3 periods in a row"),
        (
            |_, w| {
                alarm(w, |a| (a.evaluation_periods, a.datapoints_to_alarm) = (Some(3), Some(2)));
            },
            "waits for 2 of 3 periods",
        ),
        (
            |_, w| alarm(w, |a| a.dimensions = [("Account".to_owned(), "222222222222".to_owned())].into()),
            "alarm `root-usage` watches a dimension (Account) that filter `root-usage` does not emit",
        ),
        (|_, w| alarm(w, |a| a.unit = Some("Count".to_owned())), "watches the unit `Count`"),
        (
            |_, w| alarm(w, |a| (a.statistic, a.extended_statistic) = (None, Some("p99".to_owned()))),
            "uses statistic `p99`",
        ),
        (
            |_, w| filter(w, |f| f.dimensions = [("Account".to_owned(), "$.recipientAccountId".to_owned())].into()),
            "filter `root-usage` spreads its metric over dimensions (Account)",
        ),
        (
            |_, w| filter(w, |f| f.system_dimensions = vec!["@aws.region".to_owned()]),
            "spreads its metric over dimensions (@aws.region)",
        ),
        (
            |_, w| filter(w, |f| f.field_selection = Some("@aws.region = \"eu-central-1\"".to_owned())),
            "filter `root-usage` looks only at events where @aws.region",
        ),
        (|_, w| alarm(w, |a| a.alarm_actions = Vec::new()), "sends to no SNS topic"),
        (|_, w| subscriptions(w, Vec::new()), "has no subscription"),
        (
            |_, w| {
                let pending = "PendingConfirmation".to_owned();
                let (protocol, endpoint) = ("email".to_owned(), "a@example.com".to_owned());
                subscriptions(w, vec![Subscription { arn: pending, protocol, endpoint }]);
            },
            "has 1 subscription, which is not confirmed",
        ),
    ];
    for (change, words) in breaks {
        let finding = under(change);
        assert_eq!(finding.verdict, Verdict::Fail, "{words}: {}", finding.message);
        assert!(finding.message.contains(words), "`{words}` in: {}", finding.message);
        assert!(finding.resources[0].resource.ends_with("trail/org-trail"));
    }
}

#[test]
fn one_breaching_period_of_several_and_the_same_unit_are_heard() {
    let finding = under(|_, watched| {
        filter(watched, |filter| filter.unit = Some("Count".to_owned()));
        alarm(watched, |alarm| {
            (alarm.evaluation_periods, alarm.datapoints_to_alarm) = (Some(3), Some(1));
            alarm.unit = Some("Count".to_owned());
        });
    });
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
    let finding = under(|_, watched| alarm(watched, |alarm| alarm.unit = Some("None".to_owned())));
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
}

#[test]
fn several_broken_links_are_all_named() {
    let finding = under(|trail, watched| {
        trail.multi_region = false;
        subscriptions(watched, Vec::new());
    });
    assert!(finding.message.contains("records eu-central-1 only; topic "), "{}", finding.message);
    assert!(finding.message.ends_with("has no subscription"), "{}", finding.message);
}

#[test]
fn an_unknown_link_is_unknown_unless_another_is_broken() {
    assert_eq!(under(|_, watched| watched.alarms = hidden()).verdict, Verdict::Unknown);
    let broken = under(|trail, watched| {
        trail.multi_region = false;
        watched.alarms = hidden();
    });
    assert_eq!(broken.verdict, Verdict::Fail);
    let elsewhere = under(|_, watched| watched.subscriptions.clear());
    assert_eq!(elsewhere.verdict, Verdict::Unknown, "a topic of another account was not asked");
    let unread = under(|_, watched| filter(watched, |f| f.pattern = "{ $.a = ".to_owned()));
    assert_eq!(unread.verdict, Verdict::Unknown);
    assert!(unread.message.contains("the pattern of filter `root-usage` can't be read"), "{}", unread.message);
}

#[test]
fn an_account_may_have_a_chain_of_its_own() {
    let own = judge(&fixtures::org_without_trail(), &fixtures::account_with_trail(), ALARM.id);
    assert_eq!(own.verdict, Verdict::Pass);
    assert!(own.message.starts_with("trail `own-trail`, filter"), "{}", own.message);
    let mut unwatched = fixtures::account_with_trail();
    unwatched.monitoring.clear();
    assert_eq!(judge(&fixtures::org_without_trail(), &unwatched, ALARM.id).verdict, Verdict::Unknown);
    let mut bare = fixtures::account();
    bare.trails = BTreeMap::from([(fixtures::home(), seen("cloudtrail:DescribeTrails", Vec::new()))]);
    let finding = judge(&fixtures::org_without_trail(), &bare, ALARM.id);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert!(finding.message.ends_with("no trail records this account"), "{}", finding.message);
}

#[test]
fn the_owner_of_an_organization_trail_is_judged_by_the_chain_around_another_account_s_log_group() {
    let judged = |subscribed: bool| {
        let mut org = fixtures::org();
        let trail = Trail {
            log_group_arn: Some(format!("arn:aws:logs:eu-central-1:{MEMBER}:log-group:trail:*")),
            ..trail("org-trail", MANAGEMENT, true)
        };
        org.monitoring = vec![monitoring(MEMBER)];
        org.monitoring[0].log_group = trail.log_group().unwrap();
        if !subscribed {
            subscriptions(&mut org.monitoring[0], vec![]);
        }
        org.organization_trails = seen("cloudtrail:DescribeTrails", vec![trail.clone()]);
        let mut owner = fixtures::account();
        owner.account = fixtures::id(MANAGEMENT);
        owner.monitoring.clear();
        let in_each = owner.trails.values_mut();
        in_each.for_each(|trails| *trails = seen("cloudtrail:DescribeTrails", vec![trail.clone()]));
        judge(&org, &owner, ALARM.id)
    };
    assert_eq!(judged(true).verdict, Verdict::Pass);
    assert_eq!(judged(false).verdict, Verdict::Fail, "known to be broken, not unknown");
}

#[test]
fn the_second_alarm_or_filter_may_complete_the_chain() {
    let finding = under(|_, watched| {
        watched.filters = watched.filters.clone().map(|filters| {
            let deaf =
                MetricFilter { name: "deaf".to_owned(), pattern: "{ $.a = 1 }".to_owned(), ..filters[0].clone() };
            vec![deaf, filters[0].clone()]
        });
        watched.alarms = watched.alarms.clone().map(|alarms| {
            let mute = Alarm { name: "mute".to_owned(), actions_enabled: false, ..alarms[0].clone() };
            vec![mute, alarms[0].clone()]
        });
    });
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.message);
}

fn catches(pattern: &str) -> Option<bool> {
    let filter = MetricFilter { pattern: pattern.to_owned(), ..monitoring(MEMBER).filters.value().unwrap()[0].clone() };
    let subject = subject(&Scene { partition: "aws", accounts: &[MANAGEMENT, MEMBER] });
    match subject.catches(&filter) {
        Catches::Parts(parts) | Catches::Narrowed(parts, _) => Some(subject.all(&parts)),
        Catches::TooMuch(_) => Some(false),
        Catches::CannotTell(_) => None,
    }
}

#[test]
fn patterns_are_judged_by_what_they_match() {
    for good in [
        ROOT_USAGE,
        r#"{$.eventType!="AwsServiceEvent"&&$.userIdentity.type=Root&&$.userIdentity.invokedBy NOT EXISTS}"#,
        r#"{ ($.userIdentity.type = "Root") && ($.userIdentity.invokedBy NOT EXISTS) }"#,
        r#"{ $.userIdentity.arn = "*:root" }"#,
    ] {
        assert_eq!(catches(good), Some(true), "{good}");
    }
    for bad in [
        "",
        "Root",
        "[a, b]",
        r#"{ $.eventName = "ConsoleLogin" && $.userIdentity.type = "Root" }"#,
        r#"{ $.userIdentity.type = "Root" && $.awsRegion = "us-east-1" }"#,
        r#"{ $.userIdentity.type = "Root" && $.recipientAccountId = "111111111111" }"#,
        r#"{ $.userIdentity.type = "Root" && $.errorCode NOT EXISTS }"#,
        r#"{ $.userIdentity.type = "Root" && $.awsRegion != "us-west-2" }"#,
        r#"{ $.userIdentity.type = "Root" && $.eventTime = "2026-01-01*" }"#,
        r#"{ $.userIdentity.type = "Root" && $.eventVersion = "1.11" }"#,
        r#"{ $.userIdentity.type = "Root" && $.sourceIPAddress != "198.51.*" }"#,
        r#"{ $.userIdentity.type = "Root" || $.userIdentity.type = "IAMUser" }"#,
        r#"{ $.userIdentity.type != "Root" }"#,
        r#"{ $.userIdentity.accountId = "*" }"#,
        r#"{ $.eventType = "*" }"#,
    ] {
        assert_eq!(catches(bad), Some(false), "{bad}");
    }
    assert_eq!(catches("{ $.userIdentity.type = "), None);
}

#[test]
fn an_organization_trail_at_home_in_a_region_that_is_not_enabled_tells_nobody_of_the_account() {
    let finding = under(|trail, _| trail.home_region = fixtures::region("ap-east-1"));
    assert_eq!(finding.verdict, Verdict::Fail, "{}", finding.message);
    assert_eq!(
        finding.message,
        "nobody is told of use of the root user: trail `org-trail`: has its home in ap-east-1, which this account has not \
         enabled"
    );
}

#[test]
fn a_filter_that_leaves_out_one_account_does_not_do_for_that_account() {
    let finding = |excluded: &str| {
        under(|_, watched| {
            filter(watched, |filter| {
                filter.pattern =
                    format!(r#"{{ $.userIdentity.type = "Root" && $.recipientAccountId != "{excluded}" }}"#);
            });
        })
    };
    assert_eq!(finding(MEMBER).verdict, Verdict::Fail, "{}", finding(MEMBER).message);
    assert_eq!(finding("999999999999").verdict, Verdict::Pass, "another account's");
}
