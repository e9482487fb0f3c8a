//! What happened lately, from the event history of each account: one check for each row of a table.
//!
//! Owns: the table, and which events count. Must not: look further back than was asked for, or take a list that was cut off
//! for a whole one. Source: CloudTrail user guide, "CloudTrail record contents", "AWS Management Console sign-in events";
//! "Global service events": IAM's are in the partition's main Region.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::event::{Event, RecentEvents};
use crate::model::finding::FailingResource;
use crate::model::{Cause, CauseKind, Region};
use std::collections::BTreeSet;

/// One kind of event.
struct Row {
    /// The check's id.
    id: &'static str,
    /// The check's title.
    title: &'static str,
    /// The check's severity.
    severity: Severity,
    /// One such event in words.
    about: &'static str,
    /// Why it matters.
    rationale: &'static str,
    /// Names it was looked up by; `root` is a user name, and stands for events of every name.
    names: &'static [&'static str],
    /// Whether it is recorded in the partition's main Region alone.
    global: bool,
    /// Which of them count.
    what: What,
}

/// Which events of a row's names count.
enum What {
    /// Those for which this holds.
    Event(fn(&Event) -> bool),
    /// Sessions from an identity provider that no role trusts.
    Stranger,
}

/// The user name under which the root user's events are looked up.
const ROOT: &str = "root";

/// The table, in the order of reports.
const ROWS: &[Row] = &[
    Row {
        id: "event-console-no-mfa",
        title: "No console sign-in went without MFA in the days looked at",
        severity: Severity::High,
        about: "console sign-in without MFA",
        rationale: "A password alone opened the console. Sign-ins through single sign-on do MFA elsewhere and are spared: \
            only users and the root user count.",
        names: &["ConsoleLogin"],
        global: false,
        what: What::Event(without_mfa),
    },
    Row {
        id: "event-root-use",
        title: "The root user was not used in the days looked at",
        severity: Severity::High,
        about: "use of the root user",
        rationale: "The root user should never act. Sign-ins that failed, and what AWS does in the root user's name, do not \
            count.",
        names: &["root"],
        global: false,
        what: What::Event(by_root),
    },
    Row {
        id: "event-user-created",
        title: "No IAM user was created in the days looked at",
        severity: Severity::Low,
        about: "new IAM user",
        rationale: "People sign in through Identity Center; each new IAM user should have someone who knows why.",
        names: &["CreateUser"],
        global: true,
        what: What::Event(Event::succeeded),
    },
    Row {
        id: "event-admin-attached",
        title: "AdministratorAccess was not attached in the days looked at",
        severity: Severity::High,
        about: "attachment of AdministratorAccess",
        rationale: "Full administration is given rarely, and each time someone should know why.",
        names: &["AttachGroupPolicy", "AttachRolePolicy", "AttachUserPolicy"],
        global: true,
        what: What::Event(of_administrators),
    },
    Row {
        id: "event-role-created",
        title: "No role was created in the days looked at",
        severity: Severity::Low,
        about: "new role",
        rationale: "A role that trusts someone outside is a door. Roles that deployments create are expected; look for \
            those by people.",
        names: &["CreateRole"],
        global: true,
        what: What::Event(Event::succeeded),
    },
    Row {
        id: "event-trust-policy-changed",
        title: "No trust policy was changed in the days looked at",
        severity: Severity::Medium,
        about: "changed trust policy",
        rationale: "Who may use a role is decided in its trust policy, and a change lets strangers in with no new role to \
            see.",
        names: &["UpdateAssumeRolePolicy"],
        global: true,
        what: What::Event(Event::succeeded),
    },
    Row {
        id: "event-trail-tampering",
        title: "No trail was stopped, deleted or changed in the days looked at",
        severity: Severity::High,
        about: "tampering with a trail",
        rationale: "Who wants to stay unseen stops or narrows the trail first.",
        names: &["DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"],
        global: false,
        what: What::Event(Event::succeeded),
    },
    Row {
        id: "event-web-identity-unknown",
        title: "No web identity that no role trusts began a session in the days looked at",
        severity: Severity::Medium,
        about: "session from a web identity that no role trusts",
        rationale: "A session from an identity provider that no role of the account trusts today came through a trust \
            policy that has been changed since, which is how someone covers their way in.",
        names: &["AssumeRoleWithWebIdentity"],
        global: false,
        what: What::Stranger,
    },
    Row {
        id: "event-access-key-created",
        title: "No access key was created in the days looked at",
        severity: Severity::Low,
        about: "new access key",
        rationale: "A key works from everywhere until someone turns it off; each new one should have someone who knows why.",
        names: &["CreateAccessKey"],
        global: true,
        what: What::Event(Event::succeeded),
    },
    Row {
        id: "event-user-inline-policy",
        title: "No inline policy was put on a user in the days looked at",
        severity: Severity::Low,
        about: "inline policy put on a user",
        rationale: "An inline policy is seen in no list of policies: a quiet way to give a user more.",
        names: &["PutUserPolicy"],
        global: true,
        what: What::Event(Event::succeeded),
    },
];

/// The family, in the order of its rows.
pub(super) const CHECKS: &[Check] = &checks();

const fn checks() -> [Check; ROWS.len()] {
    let mut checks = [const { Check { meta: NO_META, judge: Judge::Whole(happened) } }; ROWS.len()];
    let mut slots: &mut [Check] = &mut checks;
    let mut rows: &[Row] = ROWS;
    while let (Some((row, others)), Some((slot, free))) = (rows.split_first(), slots.split_first_mut()) {
        let Row { id, title, severity, rationale, .. } = *row;
        slot.meta = CheckMeta { id, title, severity, rationale, ..NO_META };
        if matches!(row.what, What::Stranger) {
            slot.meta.facts = &[Fact::RecentEvents, Fact::Authorization];
        }
        slots = free;
        rows = others;
    }
    checks
}

/// What each slot holds until its row is written over it.
const NO_META: CheckMeta = CheckMeta {
    id: "",
    title: "",
    severity: Severity::Info,
    granularity: Granularity::Account,
    rationale: "",
    remediation: Remediation {
        console: "CloudTrail, Event history, Event ID: the one named, in its Region; ask whoever acted. Look with `--events \
                  DAYS` again at the next audit.",
        cli: "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue=<event id> --region \
              <region>",
        playbook: None,
    },
    references: &[aws("AWS CloudTrail user guide", "Working with CloudTrail event history")],
    facts: &[Fact::RecentEvents],
};

/// Where each partition records the events of IAM.
const MAIN_REGIONS: [&str; 4] = ["us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"];

fn happened(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let Some(row) = ROWS.iter().find(|row| row.id == facts.check()) else {
        return Err(Cause::new(CauseKind::Other, facts.check(), "no row of the table has this id"));
    };
    let seen = facts.recent_events()?;
    let trusted = match row.what {
        What::Stranger => Some(trusted(facts)?),
        What::Event(_) => None,
    };
    let mut failing: Vec<FailingResource> = seen
        .iter()
        .flat_map(|(_, found)| &found.events)
        .filter(|event| row.counts(event, trusted.as_ref()))
        .map(|event| FailingResource { resource: event.id.clone(), message: told(event) })
        .collect();
    failing.sort();
    failing.dedup_by(|a, b| a.resource == b.resource);
    if !failing.is_empty() {
        let message = match failing.len() {
            1 => format!("1 {}", row.about),
            count => format!("{count} events: {}", row.about),
        };
        return Ok(Outcome::Fail(message, failing));
    }
    whole(facts, row, &seen);
    let since = seen.iter().map(|(_, found)| found.since).max().unwrap_or_default();
    Ok(Outcome::pass(format!("no {} in {} Regions since {}", row.about, seen.len(), since.strftime("%Y-%m-%d"))))
}

/// Doubts a list that was cut off, and one that can't hold what is looked for.
fn whole(facts: &mut Facts<'_>, row: &Row, seen: &[(&Region, &RecentEvents)]) {
    for (region, found) in seen {
        for name in found.cut_off.iter().filter(|name| row.names.contains(&name.as_str())) {
            let message = format!("the list of `{name}` in {region} was cut off, run with fewer days");
            facts.doubt("cloudtrail:LookupEvents", message);
        }
    }
    if row.global && !seen.iter().any(|(region, _)| MAIN_REGIONS.contains(&region.as_str())) {
        facts.doubt("cloudtrail:LookupEvents", "the Region in which IAM's events are recorded was not looked at");
    }
}

impl Row {
    fn counts(&self, event: &Event, trusted: Option<&BTreeSet<String>>) -> bool {
        let named = self.names.contains(&ROOT) || self.names.contains(&event.name.as_str());
        named
            && match self.what {
                What::Event(holds) => holds(event),
                What::Stranger => event.succeeded() && provider(event).is_none_or(|provider| !known(provider, trusted)),
            }
    }
}

fn told(event: &Event) -> String {
    const ON: [&str; 5] = ["userName", "roleName", "groupName", "name", "trailName"];
    let on = ON.iter().find_map(|key| event.field(&format!("requestParameters.{key}")));
    let on = on.map_or_else(String::new, |on| format!(" on `{on}`"));
    format!("event `{}`: `{}`{on} by `{}` at {} in {}", event.id, event.name, event.actor, event.at, event.region)
}

/// A user's or the root user's password alone opened the console.
fn without_mfa(event: &Event) -> bool {
    event.succeeded()
        && event.field("responseElements.ConsoleLogin") != Some("Failure")
        && event.field("additionalEventData.MFAUsed") != Some("Yes")
        && event.field("additionalEventData.SamlProviderArn").is_none()
        && matches!(event.actor_kind.as_str(), "IAMUser" | "Root")
}

/// The root user acted. A failed sign-in is no use of it.
fn by_root(event: &Event) -> bool {
    event.actor_kind == "Root"
        && event.field("userIdentity.invokedBy").is_none()
        && event.field("eventType") != Some("AwsServiceEvent")
        && event.field("responseElements.ConsoleLogin") != Some("Failure")
}

/// AWS's own policy of this name, in any partition.
fn of_administrators(event: &Event) -> bool {
    let policy = event.field("requestParameters.policyArn").unwrap_or_default();
    event.succeeded() && policy.ends_with(":iam::aws:policy/AdministratorAccess")
}

/// Identity providers that a role of the account trusts.
fn trusted(facts: &mut Facts<'_>) -> Result<BTreeSet<String>, Cause> {
    let mut trusted = BTreeSet::new();
    let shared = facts.shared();
    for role in &facts.authorization()?.roles {
        let Ok(document) = shared.documents.read(&role.trust_policy) else {
            facts.doubt(
                "iam:GetAccountAuthorizationDetails",
                format!("the trust policy of `{}` can't be read", role.arn),
            );
            continue;
        };
        let named = document.statements().iter().filter_map(|statement| statement.principals());
        trusted.extend(named.flat_map(|principals| principals.federated.iter().cloned()));
    }
    Ok(trusted)
}

/// Who vouched for a session.
fn provider(event: &Event) -> Option<&str> {
    event.field("userIdentity.identityProvider").or_else(|| event.field("responseElements.provider"))
}

/// Whether a role trusts a provider. A record names it by its ARN or by its host alone, as a trust policy may.
fn known(provider: &str, trusted: Option<&BTreeSet<String>>) -> bool {
    let host = |name: &str| name.rsplit_once(":oidc-provider/").map_or(name, |(_, host)| host).to_owned();
    trusted.is_some_and(|trusted| trusted.iter().any(|name| host(name) == host(provider)))
}

#[cfg(test)]
mod tests;
