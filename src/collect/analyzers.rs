//! IAM Access Analyzer: an account's analyzers of a Region with their active findings, and the organization's analyzers.
//!
//! Owns: two calls and how their answers become the model's. Must not: judge a finding.
//!
//! Source: IAM Access Analyzer API reference, `ListAnalyzers`, `ListFindingsV2`.

use super::account::ENTER;
use super::regions;
use super::services::DELEGATED;
use super::watch::Watch;
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::ids::{AccountId, Region};
use crate::model::observed::{Cause, Observed};
use crate::model::org::OrgFacts;
use crate::model::region::{Analyzer, AnalyzerFinding};
use crate::model::scope::RegionRequest;
use crate::resources::call::pages;
use aws_sdk_accessanalyzer::types::{AnalyzerSummary, Criterion, FindingSummaryV2, Type};
use futures::future;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

pub(super) const ANALYZERS: &str = "access-analyzer:ListAnalyzers";
pub(super) const FINDINGS: &str = "access-analyzer:ListFindingsV2";
/// Access Analyzer in `ListDelegatedAdministrators`.
const PRINCIPAL: &str = "access-analyzer.amazonaws.com";
/// Analyzers and findings in a page, the most there can be.
const PAGE: i32 = 100;

/// The analyzers of a Region, whatever they look for, each with its active findings.
pub(super) async fn of_account(session: &AccountSession, watch: &Watch, region: &Region) -> Observed<Vec<Analyzer>> {
    let mut seen = watch.observed(ANALYZERS, list(session, region, None)).await;
    if let Observed::Present { value, .. } = &mut seen {
        let asked = value.iter_mut().map(async |analyzer| {
            analyzer.findings = watch.observed(FINDINGS, findings(session, region, &analyzer.arn)).await;
        });
        future::join_all(asked).await;
    }
    seen
}

/// Analyzers of a Region; with a kind, those of that kind. Findings are not collected yet.
async fn list(session: &AccountSession, region: &Region, kind: Option<Type>) -> Observed<Vec<Analyzer>> {
    let work = async {
        let mut found = Vec::new();
        let request = session.access_analyzer(region).list_analyzers().set_type(kind).max_results(PAGE);
        let stream = request.into_paginator().send();
        pages(
            ANALYZERS,
            stream,
            |page| page.next_token(),
            |page| found.extend(page.analyzers.into_iter().map(analyzer)),
        )
        .await?;
        Ok(Some(found))
    };
    session.observe(ANALYZERS, region, work).await
}

fn analyzer(summary: AnalyzerSummary) -> Analyzer {
    Analyzer {
        arn: summary.arn,
        name: summary.name,
        kind: summary.r#type.as_str().to_owned(),
        status: summary.status.as_str().to_owned(),
        findings: Observed::not_collected(FINDINGS),
    }
}

/// The active findings of an analyzer.
async fn findings(session: &AccountSession, region: &Region, analyzer: &str) -> Observed<Vec<AnalyzerFinding>> {
    let work = async {
        let mut found = Vec::new();
        let active = Criterion::builder().eq("ACTIVE").build();
        let request = session.access_analyzer(region).list_findings_v2().analyzer_arn(analyzer).max_results(PAGE);
        let stream = request.filter("status", active).into_paginator().send();
        pages(FINDINGS, stream, |page| page.next_token(), |page| found.extend(page.findings.into_iter().map(finding)))
            .await?;
        Ok(Some(found))
    };
    session.observe(FINDINGS, region, work).await
}

fn finding(summary: FindingSummaryV2) -> AnalyzerFinding {
    AnalyzerFinding {
        id: summary.id,
        resource: summary.resource.unwrap_or_default(),
        resource_type: summary.resource_type.as_str().to_owned(),
        owner: summary.resource_owner_account,
        kind: summary.finding_type.map_or_else(String::new, |kind| kind.as_str().to_owned()),
    }
}

/// The organization's analyzers for external access, by Region: those of the management account and of the account that
/// administers Access Analyzer for it, each asked in the Regions it can use. Findings are not asked for. Two calls in the
/// management account and one in the administrator, besides one for each Region in both.
pub async fn organization_analyzers(
    sessions: &Sessions,
    org: &OrgFacts,
    request: &RegionRequest,
    cancel: &CancellationToken,
) -> BTreeMap<Region, Observed<Vec<Analyzer>>> {
    let (watch, base, home) = (&Watch::new(cancel), &sessions.base(), sessions.home_region());
    let ask = async |account: &AccountId| {
        let entered = watch.attempt(ENTER, sessions.enter(account, Purpose::Audit)).await;
        match entered {
            Ok(session) => in_regions(&session, watch, request, home).await,
            Err(cause) => Asked::Nowhere(cause),
        }
    };
    let management = &org.organization.management_account;
    let administrators = async {
        let known = administrators(base, watch, org).await?;
        let others: Vec<&AccountId> = known.iter().filter(|account| *account != management).collect();
        Ok(future::join_all(others.into_iter().map(&ask)).await)
    };
    let (management, others) = future::join(Box::pin(ask(management)), Box::pin(administrators)).await;
    let others = others.unwrap_or_else(|cause| vec![Asked::Nowhere(cause)]);
    let anywhere = match (request, org.regions.value()) {
        (RegionRequest::Only(named), _) => named.clone(),
        (RegionRequest::AllEnabled, Some(known)) => known.keys().cloned().collect(),
        (RegionRequest::AllEnabled, None) => vec![home.clone()],
    };
    joined(std::iter::once(management).chain(others), &anywhere)
}

/// The accounts that administer Access Analyzer: as known of the organization, else asked for.
async fn administrators(session: &AccountSession, watch: &Watch, org: &OrgFacts) -> Result<Vec<AccountId>, Cause> {
    let services = &org.services.delegated;
    let known = org.delegated_administrators.value().and_then(|accounts| {
        let known = accounts.iter().map(|account| Some((account, services.get(account)?.value()?)));
        known.collect::<Option<Vec<(&AccountId, &Vec<String>)>>>()
    });
    if let Some(known) = known {
        let ours = known.into_iter().filter(|(_, services)| services.iter().any(|service| service == PRINCIPAL));
        return Ok(ours.map(|(account, _)| account.clone()).collect());
    }
    let work = async {
        let mut found = Vec::new();
        let request = session.organizations().list_delegated_administrators().service_principal(PRINCIPAL);
        pages(
            DELEGATED,
            request.into_paginator().send(),
            |page| page.next_token(),
            |page| {
                let accounts = page.delegated_administrators.unwrap_or_default();
                found.extend(accounts.iter().filter_map(|account| account.id()?.parse().ok()));
            },
        )
        .await?;
        Ok(found)
    };
    watch.attempt(DELEGATED, work).await
}

/// What one account said, Region by Region.
enum Asked {
    In(BTreeMap<Region, Observed<Vec<Analyzer>>>),
    /// It could not be entered: whatever Region was asked elsewhere is in doubt.
    Nowhere(Cause),
}

async fn in_regions(session: &AccountSession, watch: &Watch, request: &RegionRequest, home: &Region) -> Asked {
    let known = watch.observed(regions::REGIONS, regions::regions(session)).await;
    let in_scope = regions::in_scope(request, &known, home);
    let usable = in_scope.into_iter().filter(|region| regions::usable(&known, region));
    let asked = usable.map(async |region| {
        let seen = watch.observed(ANALYZERS, list(session, &region, Some(Type::Organization))).await;
        (region, seen)
    });
    Asked::In(future::join_all(asked).await.into_iter().collect())
}

/// The answers of all accounts by Region. Where one of them is unknown, only an active analyzer that another has settles it: one
/// that could not be entered puts all Regions of `anywhere` in doubt.
fn joined(all: impl IntoIterator<Item = Asked>, anywhere: &[Region]) -> BTreeMap<Region, Observed<Vec<Analyzer>>> {
    let mut regions: BTreeMap<Region, Observed<Vec<Analyzer>>> = BTreeMap::new();
    let mut nowhere = Vec::new();
    for asked in all {
        match asked {
            Asked::In(seen) => {
                for (region, seen) in seen {
                    let one = regions.remove(&region);
                    regions.insert(region, one.map_or(seen.clone(), |one| both(one, seen)));
                }
            }
            Asked::Nowhere(cause) => nowhere.push(cause),
        }
    }
    for cause in nowhere {
        for seen in regions.values_mut() {
            let one = std::mem::replace(seen, Observed::not_collected(ANALYZERS));
            *seen = both(one, Observed::unknown(cause.clone()));
        }
        for region in anywhere {
            regions.entry(region.clone()).or_insert_with(|| Observed::unknown(cause.clone()));
        }
    }
    regions
}

fn both(one: Observed<Vec<Analyzer>>, other: Observed<Vec<Analyzer>>) -> Observed<Vec<Analyzer>> {
    let settles = |seen: &Observed<Vec<Analyzer>>| {
        seen.value().is_some_and(|analyzers| analyzers.iter().any(|analyzer| analyzer.status == "ACTIVE"))
    };
    match (one, other) {
        (Observed::Present { mut value, source }, Observed::Present { value: more, .. }) => {
            value.extend(more);
            Observed::Present { value, source }
        }
        (known, Observed::Unknown { cause }) | (Observed::Unknown { cause }, known) => {
            if settles(&known) {
                known
            } else {
                Observed::Unknown { cause }
            }
        }
        (Observed::Absent { .. }, known) | (known, Observed::Absent { .. }) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::{CauseKind, Source};

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    fn seen(statuses: &[&str]) -> Observed<Vec<Analyzer>> {
        let analyzer = |status: &&str| Analyzer {
            arn: format!("arn-{status}"),
            name: "a".into(),
            kind: "ORGANIZATION".into(),
            status: (*status).into(),
            findings: Observed::not_collected(FINDINGS),
        };
        let source = Source {
            operation: ANALYZERS.into(),
            region: region("us-east-1"),
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        Observed::Present { value: statuses.iter().map(analyzer).collect(), source }
    }

    fn denied() -> Observed<Vec<Analyzer>> {
        Observed::unknown(Cause::new(CauseKind::AccessDenied, ANALYZERS, "AccessDeniedException: no"))
    }

    #[test]
    fn an_account_that_can_not_be_asked_leaves_only_what_another_settles() {
        for (one, other, wanted) in [
            (seen(&[]), seen(&["ACTIVE"]), Some(1)),
            (seen(&["FAILED"]), seen(&["ACTIVE"]), Some(2)),
            (seen(&["ACTIVE"]), denied(), Some(1)),
            (denied(), seen(&["ACTIVE"]), Some(1)),
            (seen(&[]), denied(), None),
            (denied(), seen(&["FAILED"]), None),
            (denied(), denied(), None),
        ] {
            assert_eq!(both(one, other).value().map(Vec::len), wanted);
        }
    }

    #[test]
    fn an_administrator_that_can_not_be_entered_puts_every_region_in_doubt() {
        let management = BTreeMap::from([(region("us-east-1"), seen(&[])), (region("eu-west-1"), seen(&["ACTIVE"]))]);
        let cause = Cause::new(CauseKind::AssumeRoleDenied, "sts:AssumeRole", "AccessDenied: no");
        let all = joined([Asked::Nowhere(cause), Asked::In(management)], &[region("us-east-1"), region("sa-east-1")]);
        assert_eq!(all[&region("sa-east-1")].cause().map(|cause| cause.kind), Some(CauseKind::AssumeRoleDenied));
        assert_eq!(all[&region("us-east-1")].cause().map(|cause| cause.kind), Some(CauseKind::AssumeRoleDenied));
        assert!(all[&region("eu-west-1")].value().is_some());
        let member = BTreeMap::from([(region("af-south-1"), seen(&["ACTIVE"]))]);
        let all = joined([Asked::In(BTreeMap::from([(region("us-east-1"), seen(&[]))])), Asked::In(member)], &[]);
        assert_eq!(all.len(), 2, "a Region that only the administrator can use");
    }
}
