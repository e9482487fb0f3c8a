//! `event_alarms` and `root_usage_alarm`: for each event metric filter, topic, subscriptions and alarm, where the organization
//! trail's log group lives.
//!
//! Source: CIS 4.1 to 4.15 in v1.4 to v5.0, 5.1 to 5.15 in v6.0 and v7.0; CloudWatch Logs `PutMetricFilter`, CloudWatch `PutMetricAlarm`,
//! SNS `CreateTopic` and `Subscribe`.

use super::alarm_spec::OUR_PREFIX;
use super::scp::marks;
use crate::model::address::shown_endpoint;
use crate::model::monitoring::{Alarm, MetricFilter, Monitoring, Subscription};
use crate::model::plan::{Change, Refusal, RefusalKind};
use crate::model::trail::{LogGroup, Trail};
use crate::model::{Address, Cause, CauseKind, Doc};
use crate::playbook::planner::{Draft, Planning};
use crate::playbook::schema::EventAlarmSpec;
use serde_json::json;
use std::collections::BTreeMap;

/// Adds what the alarms of one step need to the draft; what stands in the way of several is told once.
pub fn plan(planning: &Planning<'_>, specs: &[EventAlarmSpec], draft: &mut Draft) {
    let (refused, unknown, noted) = (draft.refusals.len(), draft.unknowns.len(), draft.notes.len());
    specs.iter().for_each(|spec| alarm(planning, spec, draft));
    once(&mut draft.refusals, refused);
    once(&mut draft.unknowns, unknown);
    once(&mut draft.notes, noted);
}

/// Takes out what stands twice from a place on.
fn once<T: PartialEq>(told: &mut Vec<T>, from: usize) {
    for one in told.split_off(from) {
        if !told.iter().skip(from).any(|known| *known == one) {
            told.push(one);
        }
    }
}

/// Adds what one alarm needs.
fn alarm(planning: &Planning<'_>, spec: &EventAlarmSpec, draft: &mut Draft) {
    let (trail, group) = match place(planning, spec) {
        Ok(place) => place,
        Err(Stop::Unknown(cause)) => return draft.unplanned(planning, None, cause),
        Err(Stop::Missing(message)) => return draft.refuse(planning, None, RefusalKind::Missing, message),
    };
    let account = Some(group.account.clone());
    let Some(monitoring) = planning.org.monitoring.iter().find(|monitoring| monitoring.log_group == group) else {
        return draft.unplanned(planning, account, Cause::not_collected("logs:DescribeMetricFilters"));
    };
    let known = match Known::of(monitoring) {
        Ok(known) => known,
        Err(cause) => return draft.unplanned(planning, account, cause),
    };
    let planned = draft.changes.iter().filter(|change| makes_filter(change, &group)).count();
    let chain = Chain { planning, spec, group: &group, known, planned };
    let mut added = Draft::default();
    if let Err(cause) = chain.plan(monitoring, &mut added) {
        return draft.unplanned(planning, account, cause);
    }
    if !added.changes.is_empty() && !planning.scope.contains(&group.account) {
        let message = format!(
            "the log group `{}` of organization trail `{}` belongs to account {}, which is out of scope: widen the scope \
             or leave the step out",
            group.name, trail.name, group.account
        );
        draft.refuse(planning, None, RefusalKind::OutOfScope, message);
        return;
    }
    // Alarms may share a filter, a topic and its subscriptions, but an alarm carries one step's mark.
    let twice = |change: &Change| draft.changes.iter().find(|known| known.address == change.address);
    for change in &added.changes {
        if let Some(first) = twice(change).filter(|first| !shared(&change.address) && first.after != change.after) {
            let message = format!("step `{}` already defines it, keep one of the two", first.step);
            added.refusals.push(refusal(planning, change, message));
        }
    }
    if added.refusals.is_empty() {
        added.changes.retain(|change| twice(change).is_none());
        draft.changes.append(&mut added.changes);
        // What one topic asks for is asked for once.
        added.operator_steps.retain(|asked| !draft.operator_steps.contains(asked));
        draft.operator_steps.append(&mut added.operator_steps);
    }
    draft.refusals.append(&mut added.refusals);
    if !logging(trail) {
        draft.notes.push(format!(
            "{}: organization trail `{}` is not known to be recording, until it is no alarm can ring",
            planning.name, trail.name
        ));
    }
}

/// Whether a change makes a metric filter in a log group.
fn makes_filter(change: &Change, group: &LogGroup) -> bool {
    let Address::MetricFilter { account, region, log_group, .. } = &change.address else { return false };
    let here = (account, region, log_group) == (&group.account, &group.region, &group.name);
    here && change.before.is_none()
}

fn shared(address: &Address) -> bool {
    matches!(address, Address::Topic { .. } | Address::Subscription { .. })
}

fn refusal(planning: &Planning<'_>, change: &Change, message: String) -> Refusal {
    let address = Some(change.address.clone());
    Refusal { step: planning.name.clone(), address, kind: RefusalKind::NotOurs, message }
}

/// Why there is no place for the chain.
enum Stop {
    /// A fact is unknown.
    Unknown(Cause),
    /// Something has to be made first.
    Missing(String),
}

/// The organization trail and its log group. Of several, the one that already has the step's filter, then one that
/// records, then one that covers every Region, then the first by ARN.
fn place<'p>(planning: &Planning<'p>, spec: &EventAlarmSpec) -> Result<(&'p Trail, LogGroup), Stop> {
    let org = planning.org;
    let trails = org.organization_trails.known().map_err(|cause| Stop::Unknown(cause.clone()))?;
    let mut trails: Vec<&Trail> = trails.into_iter().flatten().filter(|trail| trail.organization_trail).collect();
    if trails.is_empty() {
        let fix = "create one with `aws cloudtrail create-trail --is-organization-trail --is-multi-region-trail`";
        return Err(Stop::Missing(format!("the organization has no organization trail, {fix}")));
    }
    let has_filter = |trail: &Trail| {
        let group = trail.log_group();
        let monitoring = org.monitoring.iter().find(|m| Some(&m.log_group) == group.as_ref());
        let filters = monitoring.and_then(|monitoring| monitoring.filters.value());
        filters.is_some_and(|filters| filters.iter().any(|filter| filter.name == spec.filter_name))
    };
    trails.sort_by_key(|trail| (!has_filter(trail), !logging(trail), !trail.multi_region, trail.arn.clone()));
    let found = trails.iter().find_map(|trail| trail.log_group().map(|group| (*trail, group)));
    let Some((trail, group)) = found else {
        let names: Vec<&str> = trails.iter().map(|trail| trail.name.as_str()).collect();
        return Err(Stop::Missing(format!(
            "organization trail `{}` delivers to no log group, add one with `aws cloudtrail update-trail \
             --cloud-watch-logs-log-group-arn`",
            names.join("`, `")
        )));
    };
    match org.accounts.get(&group.account).map(|account| account.state.why_not_audited()) {
        Some(None) => Ok((trail, group)),
        Some(Some(why)) => {
            Err(Stop::Missing(format!("account {}, which owns the trail's log group, is {why}", group.account)))
        }
        None => Err(Stop::Missing(format!(
            "account {}, which owns the trail's log group, is not in the organization",
            group.account
        ))),
    }
}

fn logging(trail: &Trail) -> bool {
    trail.status.value().is_some_and(|status| status.is_logging)
}

/// What is there.
struct Known<'m> {
    filters: &'m [MetricFilter],
    alarms: &'m [Alarm],
    topics: &'m [String],
}

impl<'m> Known<'m> {
    fn of(monitoring: &'m Monitoring) -> Result<Self, Cause> {
        Ok(Self {
            filters: monitoring.filters.known().map_err(Clone::clone)?.map(Vec::as_slice).unwrap_or_default(),
            alarms: monitoring.alarms.known().map_err(Clone::clone)?.map(Vec::as_slice).unwrap_or_default(),
            topics: monitoring.topics.known().map_err(Clone::clone)?.map(Vec::as_slice).unwrap_or_default(),
        })
    }
}

/// The whole chain of one alarm.
struct Chain<'c> {
    planning: &'c Planning<'c>,
    spec: &'c EventAlarmSpec,
    group: &'c LogGroup,
    known: Known<'c>,
    /// Metric filters of the log group that the draft makes before.
    planned: usize,
}

impl Chain<'_> {
    fn plan(&self, monitoring: &Monitoring, draft: &mut Draft) -> Result<(), Cause> {
        let filter = self.filter(draft)?;
        let topic = self.topic(draft);
        let mut before_alarm: Vec<Address> = filter.iter().map(|change| change.address.clone()).collect();
        before_alarm.extend(topic.iter().map(|change| change.address.clone()));
        let before_subscription: Vec<Address> = topic.iter().map(|change| change.address.clone()).collect();
        draft.changes.extend(filter);
        draft.changes.extend(topic);
        self.subscriptions(monitoring, &before_subscription, draft)?;
        if let Some(mut alarm) = self.alarm(draft)? {
            alarm.depends_on = before_alarm;
            draft.changes.push(alarm);
        }
        Ok(())
    }

    fn topic_arn(&self) -> String {
        let partition = &self.planning.org.organization.partition;
        format!("arn:{partition}:sns:{}:{}:{}", self.group.region, self.group.account, self.spec.topic_name)
    }

    fn not_ours(&self, address: Address, what: &str, draft: &mut Draft) {
        let message = format!(
            "{what} exists in account {}, {}, and orgward did not make it: rename it in the step, or say `adopt: true`",
            self.group.account, self.group.region
        );
        draft.refuse(self.planning, Some(address), RefusalKind::NotOurs, message);
    }

    fn filter(&self, draft: &mut Draft) -> Result<Option<Change>, Cause> {
        let (spec, group) = (self.spec, self.group);
        let address = Address::MetricFilter {
            account: group.account.clone(),
            region: group.region.clone(),
            log_group: group.name.clone(),
            name: spec.filter_name.clone(),
        };
        let live = self.known.filters.iter().find(|filter| filter.name == spec.filter_name);
        let wanted = MetricFilter {
            name: spec.filter_name.clone(),
            pattern: live
                .filter(|live| spec.event.is_caught_alike(&live.pattern))
                .map_or(spec.event.pattern, |live| &live.pattern)
                .to_owned(),
            metric_namespace: spec.namespace.clone(),
            metric_name: spec.metric_name.clone(),
            metric_value: "1".to_owned(),
            default_value: live.and_then(|live| live.default_value.clone()),
            // Whatever narrows it or spreads it over several metrics keeps the alarm from hearing of an event.
            dimensions: BTreeMap::new(),
            system_dimensions: Vec::new(),
            unit: None,
            field_selection: None,
        };
        let Some(live) = live else {
            let most = self.planning.limits.metric_filters_per_log_group;
            let there = self.known.filters.len() + self.planned;
            if there >= most {
                let message = match self.planned {
                    0 => format!("log group `{}` has {there} metric filters, AWS allows {most}", group.name),
                    _ => {
                        format!("log group `{}` would have more metric filters than the {most} AWS allows", group.name)
                    }
                };
                draft.refuse(self.planning, Some(address), RefusalKind::Quota, message);
                return Ok(None);
            }
            let reason = format!("nothing counts {} in the organization trail", spec.event.about);
            return Ok(Some(self.planning.change(address, None, nameless(&wanted)?, &reason)));
        };
        let one = live.metric_value.parse::<f64>() == Ok(1.0);
        let wanted = if one { MetricFilter { metric_value: live.metric_value.clone(), ..wanted } } else { wanted };
        if *live == wanted {
            return Ok(None);
        }
        if !spec.adopt && !spec.filter_name.starts_with(OUR_PREFIX) {
            self.not_ours(address, &format!("a metric filter `{}`", spec.filter_name), draft);
            return Ok(None);
        }
        let same_metric = (&live.metric_namespace, &live.metric_name, &live.metric_value)
            == (&wanted.metric_namespace, &wanted.metric_name, &wanted.metric_value);
        let reason = match () {
            () if live.pattern != wanted.pattern => "it matches other events",
            () if !same_metric => "it feeds another metric",
            () => "its unit, dimensions or field selection keep the alarm from hearing of every event",
        };
        Ok(Some(self.planning.change(address, Some(nameless(live)?), nameless(&wanted)?, reason)))
    }

    /// A topic that is there is used as it is: its tags are not among the facts.
    fn topic(&self, draft: &mut Draft) -> Option<Change> {
        let (spec, group) = (self.spec, self.group);
        let address = Address::Topic {
            account: group.account.clone(),
            region: group.region.clone(),
            name: spec.topic_name.clone(),
        };
        if self.known.topics.contains(&self.topic_arn()) {
            if !spec.adopt && !spec.topic_name.starts_with(OUR_PREFIX) {
                self.not_ours(address, &format!("a topic `{}`", spec.topic_name), draft);
            }
            return None;
        }
        let tags = marks(self.planning.playbook, self.planning.step);
        Some(self.planning.change(address, None, Doc(json!({ "tags": tags })), "the topic does not exist yet"))
    }

    fn subscriptions(&self, monitoring: &Monitoring, after: &[Address], draft: &mut Draft) -> Result<(), Cause> {
        let (spec, group, arn) = (self.spec, self.group, self.topic_arn());
        let live: &[Subscription] = if self.known.topics.contains(&arn) {
            let Some(subscriptions) = monitoring.subscriptions.get(&arn) else {
                return Err(Cause::not_collected("sns:ListSubscriptionsByTopic"));
            };
            subscriptions.known().map_err(Clone::clone)?.map(Vec::as_slice).unwrap_or_default()
        } else {
            &[]
        };
        for wanted in &spec.subscriptions {
            let found = live.iter().find(|live| {
                live.protocol == wanted.protocol && live.endpoint == wanted.endpoint && live.arn != "Deleted"
            });
            if found.is_none() {
                let address = Address::Subscription {
                    account: group.account.clone(),
                    region: group.region.clone(),
                    topic: spec.topic_name.clone(),
                    protocol: wanted.protocol.clone(),
                    endpoint: wanted.endpoint.clone(),
                };
                if draft.changes.iter().any(|change| change.address == address) {
                    continue;
                }
                let mut change =
                    self.planning.change(address, None, Doc(json!({})), "it is not subscribed to the topic");
                change.depends_on = after.to_vec();
                draft.changes.push(change);
            }
            // SNS delivers to a queue or function of the same account without asking it first.
            let confirms = !matches!(wanted.protocol.as_str(), "sqs" | "lambda" | "sms");
            if found.map_or(confirms, |live| !live.confirmed()) {
                draft.operator_steps.push(format!(
                    "{} {} has to confirm its subscription to topic {} (account {}, {}): until then nobody is told",
                    wanted.protocol,
                    shown_endpoint(&wanted.endpoint),
                    spec.topic_name,
                    group.account,
                    group.region
                ));
            }
        }
        Ok(())
    }

    fn alarm(&self, draft: &mut Draft) -> Result<Option<Change>, Cause> {
        let (spec, group, arn) = (self.spec, self.group, self.topic_arn());
        let address = Address::Alarm {
            account: group.account.clone(),
            region: group.region.clone(),
            name: spec.alarm_name.clone(),
        };
        let mark = format!("orgward:{}", self.planning.name);
        let live = self.known.alarms.iter().find(|alarm| alarm.name == spec.alarm_name);
        let description = live.and_then(|live| live.description.clone()).unwrap_or_default();
        let ours = marked(&description, &mark);
        // Other actions of an alarm that is there stay.
        let mut actions = live.map(|live| live.alarm_actions.clone()).unwrap_or_default();
        if !actions.contains(&arn) {
            actions.push(arn);
        }
        let described = match ours {
            true => description,
            false => format!("Tells of {} in any account of the organization. {mark}", spec.event.about),
        };
        let wanted = Alarm {
            name: spec.alarm_name.clone(),
            description: Some(described),
            namespace: Some(spec.namespace.clone()),
            metric_name: Some(spec.metric_name.clone()),
            statistic: Some("Sum".to_owned()),
            comparison: Some("GreaterThanOrEqualToThreshold".to_owned()),
            threshold: Some(1.0),
            period: Some(300),
            evaluation_periods: Some(1),
            treat_missing_data: Some("notBreaching".to_owned()),
            actions_enabled: true,
            alarm_actions: actions,
            dimensions: BTreeMap::new(),
            unit: None,
            datapoints_to_alarm: None,
            extended_statistic: None,
            expression: false,
        };
        let Some(live) = live else {
            let reason = format!("nothing rings for {}", spec.event.about);
            return Ok(Some(self.planning.change(address, None, nameless(&wanted)?, &reason)));
        };
        if *live == wanted {
            return Ok(None);
        }
        if live.expression {
            // Its expressions are in no document, so nothing could bring them back.
            let message = format!(
                "an alarm `{}` over expressions or several metrics exists in account {}, {}, and is never replaced: choose \
                 another `alarm_name`, or delete it by hand",
                spec.alarm_name, group.account, group.region
            );
            draft.refuse(self.planning, Some(address), RefusalKind::NotOurs, message);
            return Ok(None);
        }
        if !ours && !spec.adopt {
            self.not_ours(address, &format!("an alarm `{}`", spec.alarm_name), draft);
            return Ok(None);
        }
        let reason = if ours { "it is not as the step wants it" } else { "it is taken over" };
        Ok(Some(self.planning.change(address, Some(nameless(live)?), nameless(&wanted)?, reason)))
    }
}

/// Whether a description carries the mark as a word of its own, so that `a/b` is not taken for `a/b2`.
fn marked(description: &str, mark: &str) -> bool {
    description.split_whitespace().any(|word| word == mark)
}

/// A document of what has its name in its address.
fn nameless(value: &impl serde::Serialize) -> Result<Doc, Cause> {
    let mut doc = Doc::of(value).map_err(|error| Cause::new(CauseKind::Other, "orgward", error.to_string()))?;
    if let Some(fields) = doc.0.as_object_mut() {
        fields.remove("name");
    }
    Ok(doc)
}
