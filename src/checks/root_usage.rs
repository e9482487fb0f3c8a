//! Whether someone is told when the root user is used: the whole chain from trail to confirmed subscription.
//!
//! Owns: one check of one account. Must not: compare pattern texts; patterns are judged by what they match (`subject`), over
//! the chain that `told` follows.

use super::evaluate::{Check, Facts, Judge, Judgement};
use super::monitor::events;
use super::monitor::made::root_usage;
use super::references::aws;
use super::subject::Subject;
use super::thresholds::Thresholds;
use super::told::{Scene, someone};
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};

/// The family.
pub(super) const CHECKS: &[Check] = &[Check { meta: ALARM, judge: Judge::Whole(alarm) }];

const ABOUT: &str = "use of the root user";

pub(super) const ALARM: CheckMeta = CheckMeta {
    id: "root-usage-alarm",
    title: "Someone is told when the root user is used",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "The root user should never act, so each act deserves a look within minutes. The alarm works only if every \
                link holds: a multi-Region trail that logs all management events to a log group, a metric filter, an alarm \
                with actions, a topic, a confirmed subscription. An organization trail does it once for all accounts.",
    remediation: Remediation {
        console: "In the account that owns the trail's log group: CloudWatch, Log groups, the group, Metric filters, Create; \
                  then create an alarm on that metric (Sum, 5 minutes, >= 1) that notifies an SNS topic, and confirm the \
                  subscription from the receiver's side.",
        cli: "# in the account that owns the trail's log group\n\
              aws logs put-metric-filter --log-group-name <log group> --filter-name root-usage --filter-pattern '{ \
              $.userIdentity.type = \"Root\" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != \
              \"AwsServiceEvent\" }' --metric-transformations \
              metricName=RootUsage,metricNamespace=<metric namespace>,metricValue=1\n\
              aws sns create-topic --name root-usage\n\
              # whoever gets the mail must confirm it\n\
              aws sns subscribe --topic-arn <topic ARN> --protocol email --notification-endpoint <mailbox>\n\
              aws cloudwatch put-metric-alarm --alarm-name root-usage --namespace <metric namespace> --metric-name RootUsage \
              --statistic Sum --period 300 --evaluation-periods 1 --threshold 1 --comparison-operator \
              GreaterThanOrEqualToThreshold --treat-missing-data notBreaching --alarm-actions <topic ARN>",
        playbook: Some("root-usage-alarm"),
    },
    references: &[aws("AWS CloudTrail user guide", "Creating CloudWatch alarms for CloudTrail events: examples")],
    facts: &[Fact::Regions, Fact::OrganizationTrails, Fact::OrganizationMonitoring, Fact::Trails, Fact::Monitoring],
};

fn alarm(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    someone(facts, (ABOUT, &subject))
}

/// Use of the root user in a scene.
fn subject(scene: &Scene<'_>) -> Subject {
    events::subject(scene, ABOUT, root_usage(scene))
}

#[cfg(test)]
mod tests;
