//! The root usage alarm: where it goes, in which order, whose it is, and what is unknown.

use super::super::fixtures::{plan as plan_of, *};
use crate::model::monitoring::{Alarm, MetricFilter, Subscription};
use crate::model::org::OrgFacts;
use crate::model::plan::{Plan, RefusalKind};
use crate::model::scope::Scope;
use crate::model::{Address, Observed};
use crate::playbook::{Documents, Values, load_str};

const TOPIC: &str = "arn:aws:sns:eu-west-1:444444444444:orgward-alerts";

fn planned(org: &OrgFacts) -> Plan {
    plan(&[shipped("root-usage-alarm")], org, &everyone(org), &[])
}

/// The organization after the plan was applied and `arn` is the subscription's.
fn applied(plan: &Plan, arn: &str) -> OrgFacts {
    let mut org = org();
    let (mut filters, mut alarms, mut topics, mut subscriptions) = (vec![], vec![], vec![], vec![]);
    for change in &plan.changes {
        let mut after = change.after.as_ref().unwrap().0.clone();
        match &change.address {
            Address::MetricFilter { name, .. } => {
                after["name"] = name.as_str().into();
                filters.push(serde_json::from_value::<MetricFilter>(after).unwrap());
            }
            Address::Alarm { name, .. } => {
                after["name"] = name.as_str().into();
                alarms.push(serde_json::from_value::<Alarm>(after).unwrap());
            }
            Address::Topic { .. } => topics.push(TOPIC.to_owned()),
            Address::Subscription { protocol, endpoint, .. } => subscriptions.push(Subscription {
                arn: arn.into(),
                protocol: protocol.clone(),
                endpoint: endpoint.clone(),
            }),
            other => panic!("{other}"),
        }
    }
    let monitoring = &mut org.monitoring[0];
    monitoring.filters = seen(filters);
    monitoring.alarms = seen(alarms);
    monitoring.topics = seen(topics);
    monitoring.subscriptions.insert(TOPIC.into(), seen(subscriptions));
    org
}

fn alarm_of(org: &mut OrgFacts) -> &mut Alarm {
    match &mut org.monitoring[0].alarms {
        Observed::Present { value, .. } => &mut value[0],
        _ => panic!(),
    }
}

fn filter_of(org: &mut OrgFacts) -> &mut MetricFilter {
    match &mut org.monitoring[0].filters {
        Observed::Present { value, .. } => &mut value[0],
        _ => panic!(),
    }
}

#[test]
fn the_whole_chain_is_made_where_the_log_group_lives() {
    let plan = planned(&org());
    assert!(plan.applyable() && plan.complete());
    insta::assert_json_snapshot!(plan.changes, @r#"
    [
      {
        "address": {
          "kind": "metric_filter",
          "account": "444444444444",
          "region": "eu-west-1",
          "log_group": "org-trail",
          "name": "orgward-root-usage"
        },
        "before": null,
        "after": {
          "default_value": null,
          "metric_name": "RootUsage",
          "metric_namespace": "orgward",
          "metric_value": "1",
          "pattern": "{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && ($.eventType != \"AwsServiceEvent\") }"
        },
        "step": "root-usage-alarm/alarm",
        "reason": "nothing counts use of the root user in the organization trail",
        "depends_on": [],
        "impact": [],
        "confirmations": []
      },
      {
        "address": {
          "kind": "topic",
          "account": "444444444444",
          "region": "eu-west-1",
          "name": "orgward-alerts"
        },
        "before": null,
        "after": {
          "tags": {
            "orgward:playbook": "root-usage-alarm",
            "orgward:step": "alarm"
          }
        },
        "step": "root-usage-alarm/alarm",
        "reason": "the topic does not exist yet",
        "depends_on": [],
        "impact": [],
        "confirmations": []
      },
      {
        "address": {
          "kind": "subscription",
          "account": "444444444444",
          "region": "eu-west-1",
          "topic": "orgward-alerts",
          "protocol": "email",
          "endpoint": "security@example.com"
        },
        "before": null,
        "after": {},
        "step": "root-usage-alarm/alarm",
        "reason": "it is not subscribed to the topic",
        "depends_on": [
          {
            "kind": "topic",
            "account": "444444444444",
            "region": "eu-west-1",
            "name": "orgward-alerts"
          }
        ],
        "impact": [],
        "confirmations": []
      },
      {
        "address": {
          "kind": "alarm",
          "account": "444444444444",
          "region": "eu-west-1",
          "name": "orgward-root-usage"
        },
        "before": null,
        "after": {
          "actions_enabled": true,
          "alarm_actions": [
            "arn:aws:sns:eu-west-1:444444444444:orgward-alerts"
          ],
          "comparison": "GreaterThanOrEqualToThreshold",
          "description": "Tells of use of the root user in any account of the organization. orgward:root-usage-alarm/alarm",
          "evaluation_periods": 1,
          "metric_name": "RootUsage",
          "namespace": "orgward",
          "period": 300,
          "statistic": "Sum",
          "threshold": 1.0,
          "treat_missing_data": "notBreaching"
        },
        "step": "root-usage-alarm/alarm",
        "reason": "nothing rings for use of the root user",
        "depends_on": [
          {
            "kind": "metric_filter",
            "account": "444444444444",
            "region": "eu-west-1",
            "log_group": "org-trail",
            "name": "orgward-root-usage"
          },
          {
            "kind": "topic",
            "account": "444444444444",
            "region": "eu-west-1",
            "name": "orgward-alerts"
          }
        ],
        "impact": [],
        "confirmations": []
      }
    ]
    "#);
    insta::assert_json_snapshot!(plan.operator_steps, @r#"
    [
      "email security@example.com has to confirm its subscription to topic orgward-alerts (account 444444444444, eu-west-1): until then nobody is told"
    ]
    "#);
}

#[test]
fn a_second_plan_is_empty_and_a_pending_subscription_is_for_a_person() {
    let first = planned(&org());
    let pending = planned(&applied(&first, "PendingConfirmation"));
    assert!(pending.is_empty() && pending.applyable(), "{pending:?}");
    assert_eq!(pending.operator_steps, first.operator_steps);
    let confirmed = planned(&applied(&first, &format!("{TOPIC}:1234")));
    assert!(confirmed.is_empty() && confirmed.operator_steps.is_empty());
    let deleted = planned(&applied(&first, "Deleted"));
    assert_eq!(deleted.changes.len(), 1);
}

#[test]
fn patterns_are_compared_by_meaning() {
    let mut org = applied(&planned(&org()), &format!("{TOPIC}:1"));
    filter_of(&mut org).pattern =
        "{$.eventType!=\"AwsServiceEvent\"&&$.userIdentity.type=Root&&$.userIdentity.invokedBy NOT EXISTS}".into();
    assert!(planned(&org).is_empty());
    filter_of(&mut org).pattern = "{ $.userIdentity.type = \"Root\" }".into();
    let plan = planned(&org);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].reason, "it matches other events");
}

#[test]
fn an_alarm_keeps_its_other_actions_and_is_refused_if_not_ours() {
    let mut org = applied(&planned(&org()), &format!("{TOPIC}:1"));
    alarm_of(&mut org).threshold = Some(5.0);
    alarm_of(&mut org).alarm_actions = vec!["arn:aws:sns:eu-west-1:444444444444:pager".into()];
    let plan = planned(&org);
    assert_eq!(plan.changes.len(), 1);
    let after = &plan.changes[0].after.as_ref().unwrap().0;
    assert_eq!(after["alarm_actions"].as_array().map(Vec::len), Some(2));
    assert_eq!(after["threshold"], 1.0);

    alarm_of(&mut org).description = Some("by hand orgward:root-usage-alarm/alarm2".into());
    let plan = planned(&org);
    assert!(plan.is_empty());
    assert_eq!(plan.refusals[0].kind, RefusalKind::NotOurs);
}

#[test]
fn adopt_takes_over_by_any_name() {
    let text = "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    root_usage_alarm:\n      filter_name: mine\n      topic_name: mine\n      \
                adopt: ADOPT\n      subscriptions: [{protocol: https, endpoint: 'https://example.com/hook'}]\n";
    let refused = load_str("p.yaml", &text.replace("ADOPT", "false"), &Documents::Embedded(&[]), &Values::new());
    assert_eq!(refused.unwrap_err().0.len(), 2);
    let playbook =
        load_str("p.yaml", &text.replace("ADOPT", "true"), &Documents::Embedded(&[]), &Values::new()).unwrap();
    let mut org = applied(&planned(&org()), &format!("{TOPIC}:1"));
    filter_of(&mut org).name = "mine".into();
    let plan = plan(&[playbook], &org, &everyone(&org), &[]);
    assert!(plan.applyable());
    // The filter is the same; the alarm is taken over; topic and subscription are new.
    let kinds: Vec<String> =
        plan.changes.iter().map(|c| c.address.to_string().split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["topic", "subscription", "alarm"]);
    let steps = plan.operator_steps.join("\n");
    assert!(steps.contains("https https://example.com/... has to confirm") && !steps.contains("hook"), "{steps}");
}

#[test]
fn what_keeps_the_chain_from_hearing_is_planned_away() {
    let whole = applied(&planned(&org()), &format!("{TOPIC}:1"));
    type Break = fn(&mut OrgFacts);
    let broken: [(&str, Break); 8] = [
        ("dimensions", |org| alarm_of(org).dimensions = [("Account".into(), "222222222222".into())].into()),
        ("unit", |org| alarm_of(org).unit = Some("Count".into())),
        ("datapoints_to_alarm", |org| alarm_of(org).datapoints_to_alarm = Some(2)),
        ("extended_statistic", |org| alarm_of(org).extended_statistic = Some("p99".into())),
        ("dimensions", |org| filter_of(org).dimensions = [("Account".into(), "$.recipientAccountId".into())].into()),
        ("system_dimensions", |org| filter_of(org).system_dimensions = vec!["@aws.region".into()]),
        ("unit", |org| filter_of(org).unit = Some("Count".into())),
        ("field_selection", |org| filter_of(org).field_selection = Some("@aws.region = \"eu-west-1\"".into())),
    ];
    for (field, break_it) in broken {
        let mut org = whole.clone();
        break_it(&mut org);
        let plan = planned(&org);
        assert!(plan.applyable() && plan.changes.len() == 1, "{field}: {plan:?}");
        let change = &plan.changes[0];
        assert!(change.before.as_ref().unwrap().0.get(field).is_some(), "{field} can be brought back");
        assert_eq!(change.after.as_ref().unwrap().0.get(field), None, "{field}");
    }
}

#[test]
fn an_alarm_over_expressions_is_never_replaced() {
    let adopting = "version: 1\nname: p\ndescription: d\nsteps:\n  - id: a\n    root_usage_alarm:\n      adopt: true\n      \
                    subscriptions: [{protocol: https, endpoint: 'https://example.com/hook'}]\n";
    let playbook = load_str("p.yaml", adopting, &Documents::Embedded(&[]), &Values::new()).unwrap();
    let mut org = applied(&planned(&org()), &format!("{TOPIC}:1"));
    let alarm = alarm_of(&mut org);
    (alarm.expression, alarm.namespace, alarm.metric_name) = (true, None, None);
    for playbook in [playbook, shipped("root-usage-alarm")] {
        let plan = plan(&[playbook], &org, &everyone(&org), &[]);
        assert!(plan.changes.iter().all(|change| !matches!(change.address, Address::Alarm { .. })));
        assert_eq!(plan.refusals[0].kind, RefusalKind::NotOurs);
        assert!(plan.refusals[0].message.contains("over expressions"), "{}", plan.refusals[0].message);
    }
}

#[test]
fn without_a_place_it_is_refused_with_the_fix() {
    let mut no_trail = org();
    no_trail.organization_trails = seen(Vec::new());
    let mut no_group = org();
    no_group.organization_trails = seen(vec![crate::model::trail::Trail { log_group_arn: None, ..trail() }]);
    for org in [no_trail, no_group] {
        let plan = planned(&org);
        assert!(plan.is_empty());
        assert_eq!(plan.refusals[0].kind, RefusalKind::Missing);
        assert!(plan.refusals[0].message.contains("aws cloudtrail"), "{}", plan.refusals[0].message);
    }
    let scope = Scope { accounts: vec![DEV.parse().unwrap()], ..Scope::default() };
    let plan = plan(&[shipped("root-usage-alarm")], &org(), &scope, &[]);
    assert_eq!(plan.refusals[0].kind, RefusalKind::OutOfScope);
    assert!(plan.refusals[0].message.contains(LOGS));
}

#[test]
fn a_full_log_group_is_refused() {
    let mut org = applied(&planned(&org()), "x");
    let filter = MetricFilter { name: "other".into(), ..filter_of(&mut org).clone() };
    org.monitoring[0].filters = seen(vec![filter; 100]);
    assert_eq!(planned(&org).refusals[0].kind, RefusalKind::Quota);
}

#[test]
fn unknown_facts_are_unplanned() {
    let applied = applied(&planned(&org()), "PendingConfirmation");
    type Break = fn(&mut OrgFacts);
    let broken: [(&str, Break); 6] = [
        ("trails", |org| org.organization_trails = denied()),
        ("filters", |org| org.monitoring[0].filters = denied()),
        ("alarms", |org| org.monitoring[0].alarms = denied()),
        ("topics", |org| org.monitoring[0].topics = denied()),
        ("subscriptions", |org| {
            org.monitoring[0].subscriptions.insert(TOPIC.into(), denied());
        }),
        ("monitoring", |org| org.monitoring.clear()),
    ];
    for (name, break_it) in broken {
        let mut org = applied.clone();
        break_it(&mut org);
        let plan = planned(&org);
        assert!(plan.is_empty() && !plan.complete(), "{name}: {plan:?}");
    }
}

#[test]
fn one_alarm_of_two_playbooks_is_refused() {
    let org = org();
    let plan = plan(&[shipped("root-usage-alarm"), shipped("root-usage-alarm")], &org, &everyone(&org), &[]);
    assert!(plan.applyable() && plan.changes.len() == 4, "the same step twice is one");
    let mut renamed = shipped("root-usage-alarm");
    renamed.name = "other".into();
    let plan = plan_of(&[shipped("root-usage-alarm"), renamed], &org, &everyone(&org), &[]);
    assert_eq!(plan.refusals.iter().map(|refusal| refusal.kind).collect::<Vec<_>>(), [RefusalKind::NotOurs]);
}

#[test]
fn each_event_has_its_filter_and_alarm_and_one_topic_tells_of_all() {
    let playbook = shipped("cis-monitoring");
    let plan = plan_of(std::slice::from_ref(&playbook), &org(), &everyone(&org()), &[]);
    assert!(plan.applyable() && plan.complete(), "{:?}", plan.refusals);
    let of =
        |kind: fn(&Address) -> bool| plan.changes.iter().filter(|change| kind(&change.address)).collect::<Vec<_>>();
    let filters = of(|address| matches!(address, Address::MetricFilter { .. }));
    let alarms = of(|address| matches!(address, Address::Alarm { .. }));
    let topics = of(|address| matches!(address, Address::Topic { .. }));
    assert_eq!((filters.len(), alarms.len(), topics.len(), plan.changes.len()), (14, 14, 1, 30));
    assert_eq!(plan.operator_steps.len(), 1, "{:?}", plan.operator_steps);
    for (filter, alarm) in filters.iter().zip(&alarms) {
        assert_eq!(alarm.depends_on, [filter.address.clone(), topics[0].address.clone()]);
        let (Address::MetricFilter { name: filter, .. }, Address::Alarm { name: alarm, .. }) =
            (&filter.address, &alarm.address)
        else {
            panic!()
        };
        assert_eq!(filter, alarm);
    }
    let patterns: Vec<String> =
        filters.iter().map(|change| change.after.as_ref().unwrap().0["pattern"].to_string()).collect();
    assert!(patterns[0].contains("UnauthorizedOperation") && patterns[2].contains("PutRolePolicy"), "{patterns:?}");
    let done = applied(&plan, "arn:aws:sns:eu-west-1:444444444444:orgward-alerts:1");
    let again = plan_of(&[playbook], &done, &everyone(&done), &[]);
    assert!(again.changes.is_empty() && again.refusals.is_empty() && again.operator_steps.is_empty(), "{again:?}");
}

#[test]
fn what_stands_in_the_way_of_all_alarms_is_told_once() {
    let told = |change: &dyn Fn(&mut OrgFacts)| {
        let mut org = org();
        change(&mut org);
        let plan = plan_of(&[shipped("cis-monitoring")], &org, &everyone(&org), &[]);
        assert!(plan.is_empty(), "{plan:?}");
        (plan.refusals.len(), plan.unknowns.len())
    };
    assert_eq!(told(&|org| org.organization_trails = seen(Vec::new())), (1, 0));
    assert_eq!(told(&|org| org.organization_trails = denied()), (0, 1));
    assert_eq!(told(&|org| org.monitoring[0].alarms = denied()), (0, 1));
}

#[test]
fn that_the_trail_is_not_known_to_record_is_noted_once() {
    let mut org = org();
    let Observed::Present { value, .. } = &mut org.organization_trails else { panic!() };
    value.iter_mut().for_each(|trail| trail.status = denied());
    let plan = plan_of(&[shipped("cis-monitoring")], &org, &everyone(&org), &[]);
    let noted = plan.notes.iter().filter(|note| note.contains("is not known to be recording")).count();
    assert_eq!((noted, plan.changes.len()), (1, 30), "{:?}", plan.notes);
}

#[test]
fn alarms_of_events_stand_beside_that_of_the_root_user() {
    let playbooks = [shipped("cis-monitoring"), shipped("root-usage-alarm")];
    let plan = plan_of(&playbooks, &org(), &everyone(&org()), &[]);
    assert!(plan.applyable() && plan.complete(), "{:?}", plan.refusals);
    assert_eq!((plan.changes.len(), plan.operator_steps.len()), (32, 1), "{:?}", plan.operator_steps);
}

#[test]
fn a_log_group_that_has_no_room_for_all_filters_is_refused() {
    let mut org = org();
    let filter = |n: usize| MetricFilter {
        name: format!("theirs-{n}"),
        pattern: "{ $.a = 1 }".to_owned(),
        ..MetricFilter::default()
    };
    org.monitoring[0].filters = seen((0..87).map(filter).collect());
    let plan = plan_of(&[shipped("cis-monitoring")], &org, &everyone(&org), &[]);
    let refused: Vec<&str> = plan.refusals.iter().map(|refusal| refusal.message.as_str()).collect();
    assert_eq!(refused, ["log group `org-trail` would have more metric filters than the 100 AWS allows"]);
    assert_eq!(plan.refusals[0].kind, RefusalKind::Quota);
}
