//! Denials behind a wave of a rollout: from the organization trail's log group, else from each account's event history.
//!
//! Owns: where they are looked for, and telling "none" from "can't tell". Must not: judge what a denial means.
//!
//! Source: CloudWatch Logs API reference, `FilterLogEvents`; CloudTrail API reference, `LookupEvents` (one account and
//! Region at a time, and it can't filter on errors).

use super::decode::time;
use super::lookup::{MOST, PAGES, lookup};
use super::regions::regions;
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::denial::{Denial, DenialKind, DenialQuery, DenialReport, classify};
use crate::model::org::PolicyType;
use crate::model::trail::{LogGroup, Trail};
use crate::model::{AccountId, OrgFacts, Region};
use crate::resources::call::done;
use crate::resources::policy;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

const FILTER: &str = "logs:FilterLogEvents";

/// Accounts looked into at once.
const AT_ONCE: usize = 8;
/// Clocks may differ by so much, and a trail knows whole seconds only.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// Every denial by a service control policy says so; what it says exactly is read by [`classify`].
const PATTERN: &str = "{ $.errorMessage = \"*service control policy*\" }";

/// What the trail shows behind a wave. What can't be read, is cut off or is late is a doubt in the report.
pub async fn denials(sessions: &Sessions, org: &OrgFacts, query: &DenialQuery) -> DenialReport {
    let mut report = DenialReport::default();
    let Some(ids) = ids(sessions, org, query, &mut report).await else { return report };
    let search = Search { org, query, ids, accounts: affected(org, query) };
    match trail(org) {
        Some(group) => search.log_group(sessions, &group, &mut report).await,
        None => search.histories(sessions, &mut report).await,
    }
    report
        .denials
        .sort_by(|a, b| (a.at, &a.account, &a.call, &a.principal).cmp(&(b.at, &b.account, &b.call, &b.principal)));
    report.denials.dedup();
    report
}

/// The ids of the query's policies: known, live when the plan was made, or listed now.
async fn ids(
    sessions: &Sessions,
    org: &OrgFacts,
    query: &DenialQuery,
    report: &mut DenialReport,
) -> Option<Vec<String>> {
    let live = org.policies_of(&PolicyType::Scp).and_then(|policies| policies.value());
    let mut ids = Vec::new();
    let mut missing = Vec::new();
    for (name, id) in &query.policies {
        let planned = || live?.iter().find(|policy| policy.name == *name).map(|policy| policy.id.to_string());
        match id.clone().or_else(planned) {
            Some(id) => ids.push(id),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Some(ids);
    }
    match policy::list(&sessions.base(), &PolicyType::Scp).await.known() {
        Ok(listed) => {
            for name in missing {
                match listed.into_iter().flatten().find(|policy| policy.name == *name) {
                    Some(policy) => ids.push(policy.id.to_string()),
                    None => report.doubts.push(format!("the policy `{name}` is not there any more")),
                }
            }
            Some(ids)
        }
        Err(cause) => {
            report.doubts.push(format!("the ids of the wave's policies are not known: {cause}"));
            None
        }
    }
}

/// Accounts that can feel the wave.
fn affected(org: &OrgFacts, query: &DenialQuery) -> BTreeSet<AccountId> {
    let accounts = query.targets.iter().flat_map(|target| org.accounts_under(target));
    let feels = accounts.filter(|account| !org.is_management(&account.id) && account.state.why_not_audited().is_none());
    feels.map(|account| account.id.clone()).collect()
}

/// The log group that sees every call in every account: of an organization trail that records all management events of all
/// Regions.
fn trail(org: &OrgFacts) -> Option<LogGroup> {
    let sees_all = |trail: &&Trail| {
        let logging = trail.status.value().is_some_and(|status| status.is_logging);
        let whole = trail.selectors.value().is_none_or(|selectors| {
            selectors.basic.is_empty()
                || selectors.basic.iter().any(|one| one.include_management_events && one.read_write_type == "All")
        });
        trail.organization_trail && trail.multi_region && logging && whole
    };
    let mut trails: Vec<&Trail> = org.organization_trails.value().into_iter().flatten().filter(sees_all).collect();
    trails.sort_by(|a, b| a.arn.cmp(&b.arn));
    trails.iter().find_map(|trail| trail.log_group())
}

/// One search.
struct Search<'s> {
    org: &'s OrgFacts,
    query: &'s DenialQuery,
    ids: Vec<String>,
    accounts: BTreeSet<AccountId>,
}

/// What one account's history shows.
#[derive(Default)]
struct History {
    denials: Vec<Denial>,
    newest: Option<Timestamp>,
    doubt: Option<String>,
}

impl Search<'_> {
    /// Whether a moment is as late as the wave's last write.
    fn late_enough(&self, at: Timestamp) -> bool {
        at.duration_since(self.query.last_write) >= -SKEW
    }

    /// A record of CloudTrail, if it is a denial that the wave may have caused.
    fn denial(&self, record: &Value) -> Option<Denial> {
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        let kind = classify(text("errorMessage")?, &self.ids)?;
        let at = text("eventTime")?.parse::<Timestamp>().ok()?;
        let account: AccountId = text("recipientAccountId")?.parse().ok()?;
        let ours = kind == DenialKind::Named || self.accounts.contains(&account);
        // The record has whole seconds: the second in which the wave began counts.
        if !ours || at.as_second() < self.query.since.as_second() {
            return None;
        }
        let service = text("eventSource").unwrap_or_default().split('.').next().unwrap_or_default();
        let identity = record.get("userIdentity");
        let who = |key: &str| identity.and_then(|identity| identity.get(key)).and_then(Value::as_str);
        Some(Denial {
            kind,
            account,
            at,
            call: format!("{service}:{}", text("eventName").unwrap_or_default()),
            principal: who("arn").or_else(|| who("principalId")).unwrap_or("somebody").to_owned(),
        })
    }

    async fn log_group(&self, sessions: &Sessions, group: &LogGroup, report: &mut DenialReport) {
        let session = match sessions.enter(&group.account, Purpose::Audit).await {
            Ok(session) => session,
            Err(cause) => return report.doubts.push(format!("the organization trail can't be read: {cause}")),
        };
        let mut late = true;
        let on_record = &mut |record: &Value| {
            let at = record.get("eventTime").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
            late &= !at.is_some_and(|at| self.late_enough(at));
            late
        };
        // From the last write on: the first event that is as late shows that the trail has come that far.
        let shown = scan(&session, group, (self.query.last_write - SKEW, None), on_record).await;
        let mut found = Vec::new();
        let on_record = &mut |record: &Value| {
            found.extend(self.denial(record));
            true
        };
        let from = self.query.since - SKEW;
        let doubt = scan(&session, group, (from, Some(PATTERN)), on_record).await.err();
        report.denials.append(&mut found);
        report.doubts.extend(doubt);
        if late {
            let doubt = shown.err().unwrap_or_else(|| {
                format!("log group `{}` shows no event as late as the wave's last write: it is behind", group.name)
            });
            report.doubts.push(doubt);
        }
    }

    async fn histories(&self, sessions: &Sessions, report: &mut DenialReport) {
        let mut histories = stream::iter(&self.accounts)
            .map(|account| async move { (account, self.history(sessions, account).await) })
            .buffer_unordered(AT_ONCE);
        let mut doubts: Vec<(AccountId, String)> = Vec::new();
        while let Some((account, history)) = histories.next().await {
            let behind = !history.newest.is_some_and(|at| self.late_enough(at));
            let behind = behind.then(|| "its event history shows nothing as late as the wave's last write".to_owned());
            doubts.extend(history.doubt.or(behind).map(|doubt| (account.clone(), doubt)));
            report.denials.extend(history.denials);
        }
        doubts.sort();
        if let Some((account, doubt)) = doubts.first() {
            let more = doubts.len() - 1;
            let more = if more > 0 { format!(" (and {more} more accounts)") } else { String::new() };
            report.doubts.push(format!("{}: {doubt}{more}", self.org.describe(&account.clone().into())));
        }
    }

    async fn history(&self, sessions: &Sessions, account: &AccountId) -> History {
        let mut history = History::default();
        let session = match sessions.enter(account, Purpose::Audit).await {
            Ok(session) => session,
            Err(cause) => return History { doubt: Some(cause.to_string()), ..history },
        };
        let known = regions(&session).await;
        let usable: Vec<Region> = match known.known() {
            Ok(known) => {
                let on = known.into_iter().flatten().filter(|(_, state)| state.usable());
                on.map(|(region, _)| region.clone()).collect()
            }
            Err(cause) => return History { doubt: Some(cause.to_string()), ..history },
        };
        for region in usable {
            self.lookup(&session, &region, &mut history).await;
        }
        history
    }

    async fn lookup(&self, session: &AccountSession, region: &Region, history: &mut History) {
        let (newest, found) = (&mut history.newest, &mut history.denials);
        let asked = lookup(session, region, self.query.since - SKEW, None, &mut |event| {
            *newest = (*newest).max(event.event_time().and_then(time));
            let record = event.cloud_trail_event().and_then(|text| serde_json::from_str::<Value>(text).ok());
            found.extend(record.as_ref().and_then(|record| self.denial(record)));
        })
        .await;
        let doubt = match asked {
            Ok(true) => return,
            Ok(false) => format!("{region} has more than {MOST} events since the wave began"),
            Err(cause) => cause.to_string(),
        };
        history.doubt.get_or_insert(doubt);
    }
}

/// Hands the records of a log group to `take`, oldest first, until it answers `false`.
///
/// # Errors
/// Why not every record was seen.
async fn scan(
    session: &AccountSession,
    group: &LogGroup,
    (from, pattern): (Timestamp, Option<&str>),
    take: &mut dyn FnMut(&Value) -> bool,
) -> Result<(), String> {
    let mut token = None;
    for _ in 0..PAGES {
        let request = session
            .logs(&group.region)
            .filter_log_events()
            .log_group_name(&group.name)
            .start_time(from.as_millisecond())
            .set_filter_pattern(pattern.map(str::to_owned))
            .set_next_token(token);
        let answer = done(FILTER, request.send().await).map_err(|cause| cause.to_string())?;
        for event in answer.events() {
            let record = event.message().and_then(|text| serde_json::from_str::<Value>(text).ok());
            if record.is_some_and(|record| !take(&record)) {
                return Ok(());
            }
        }
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(());
        }
    }
    Err(format!("log group `{}` was not searched to its end: {PAGES} pages were not enough", group.name))
}
