//! IAM Access Analyzer: whether somebody looks for access from outside in each Region, and what was found.
//!
//! Owns: two checks. An organization's analyzer looks into every account, and credits it. Must not: judge unused or internal
//! access. Source: IAM user guide, "Using AWS Identity and Access Management Access Analyzer".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::regions::disabled;
use super::thresholds::Thresholds;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::model::ids::Arn;
use crate::model::region::{Analyzer, AnalyzerFinding};
use crate::model::{CauseKind, Region};
use std::collections::{BTreeMap, BTreeSet};

/// The family.
pub(super) const CHECKS: &[Check] =
    &[Check { meta: ENABLED, judge: Judge::Region(enabled) }, Check { meta: FINDINGS, judge: Judge::Region(findings) }];

const IAM_GUIDE: &str = "IAM user guide";

pub(super) const ENABLED: CheckMeta = CheckMeta {
    id: "access-analyzer-enabled",
    title: "IAM Access Analyzer looks for external access in every enabled Region",
    severity: Severity::Medium,
    granularity: Granularity::AccountRegion,
    rationale: "A bucket, role, key or queue shared with someone outside is seen only by who looks for it, in its own Region. One \
                analyzer of the organization looks into every account. An analyzer of unused access is none of external access.",
    remediation: Remediation {
        console: "In the management account or the delegated administrator, in each Region: IAM, Access analyzer, Create \
                  analyzer, Resource analysis: external access, Zone of trust: the organization.",
        cli: "# in the management account or the delegated administrator\n\
              aws accessanalyzer create-analyzer --analyzer-name organization --type ORGANIZATION --region <region>",
        playbook: None,
    },
    references: &[aws(IAM_GUIDE, "Using AWS Identity and Access Management Access Analyzer")],
    facts: &[Fact::Regions, Fact::OrganizationAnalyzers, Fact::Analyzers],
};

fn enabled(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if let Some(outcome) = disabled(facts, region)? {
        return Ok(outcome);
    }
    let shared = |facts: &mut Facts<'_>| {
        let analyzers = facts.organization_analyzers(region)?.unwrap_or_default();
        let found = analyzers.iter().find(|analyzer| looks(analyzer) && analyzer.organization_wide());
        Ok(found.map(|analyzer| format!("covered by the organization's analyzer `{}` in {region}", analyzer.name)))
    };
    let own = |facts: &mut Facts<'_>| {
        let found = facts.analyzers(region)?.iter().find(|analyzer| looks(analyzer));
        Ok(found.map(|analyzer| format!("analyzer `{}` is active in {region}", analyzer.name)))
    };
    if let Some(pass) = facts.any_of(&[&shared, &own]) {
        return Ok(Outcome::pass(pass));
    }
    facts.certain()?;
    let asleep: Vec<FailingResource> = facts
        .analyzers(region)?
        .iter()
        .map(|analyzer| FailingResource { resource: analyzer.arn.clone(), message: why_not(analyzer) })
        .collect();
    if asleep.is_empty() {
        return Ok(Outcome::fail("Access Analyzer", format!("no analyzer looks for external access in {region}")));
    }
    let words: Vec<&str> = asleep.iter().map(|failing| failing.message.as_str()).collect();
    Ok(Outcome::Fail(format!("no analyzer looks for external access in {region}: {}", words.join("; ")), asleep))
}

/// Whether an analyzer looks for external access now.
fn looks(analyzer: &Analyzer) -> bool {
    analyzer.external_access() && analyzer.status == "ACTIVE"
}

fn why_not(analyzer: &Analyzer) -> String {
    if analyzer.external_access() {
        return format!("analyzer `{}` is {}", analyzer.name, analyzer.status.to_lowercase());
    }
    format!("analyzer `{}` is of kind {}", analyzer.name, analyzer.kind)
}

pub(super) const FINDINGS: CheckMeta = CheckMeta {
    id: "access-analyzer-findings",
    title: "IAM Access Analyzer has no active finding of external access",
    severity: Severity::High,
    granularity: Granularity::AccountRegion,
    rationale: "An active finding is a resource that someone outside can use, and that nobody has said is meant so. What is meant \
                so is archived, with a rule that says why. What the organization's analyzer finds in all accounts is listed once, in the \
                account that owns the analyzer.",
    remediation: Remediation {
        console: "IAM, Access analyzer, the finding: narrow the resource's policy; or, where the access is meant, Archive, or \
                  an archive rule.",
        cli: "aws accessanalyzer list-findings-v2 --analyzer-arn <analyzer ARN> --filter '{\"status\": {\"eq\": \
              [\"ACTIVE\"]}}' --region <region>\n\
              # where the access is meant\n\
              aws accessanalyzer update-findings --analyzer-arn <analyzer ARN> --ids <finding id> --status ARCHIVED \
              --region <region>",
        playbook: None,
    },
    references: &[aws(IAM_GUIDE, "IAM Access Analyzer findings")],
    facts: &[Fact::Regions, Fact::OrganizationAnalyzers, Fact::Analyzers],
};

fn findings(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if let Some(outcome) = disabled(facts, region)? {
        return Ok(outcome);
    }
    let own: Vec<&Analyzer> = facts.analyzers(region)?.iter().filter(|analyzer| looks(analyzer)).collect();
    if !own.is_empty() {
        return listed(facts, region, &own, |_| true);
    }
    let shared = facts.organization_analyzers(region)?.unwrap_or_default();
    let shared = shared.iter().find(|analyzer| looks(analyzer) && analyzer.organization_wide());
    let Some(analyzer) = shared else {
        return Ok(Outcome::NotApplicable(format!("no analyzer looks for external access in {region}")));
    };
    if analyzer.findings.cause().is_some_and(|cause| cause.kind == CauseKind::NotCollected) {
        // One list holds what was found in all accounts: it is read once, by its owner.
        let owner = Arn::parse(&analyzer.arn).map_or("another account", |arn| arn.account);
        return Ok(Outcome::NotApplicable(format!(
            "what the organization's analyzer `{}` finds in {region} is listed in account {owner}, which owns it",
            analyzer.name
        )));
    }
    let account = facts.account_id();
    listed(facts, region, &[analyzer], |finding| account.is_some_and(|account| account.as_str() == finding.owner))
}

/// The verdict on what these analyzers found, as far as it is wanted. What stays unknown of one forbids a pass, and what
/// another found still stands.
fn listed<'a>(
    facts: &mut Facts<'a>,
    region: &Region,
    analyzers: &[&'a Analyzer],
    wanted: impl Fn(&AnalyzerFinding) -> bool,
) -> Judgement {
    let account = facts.account_id().map_or("", |account| account.as_str());
    let mut found: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    for analyzer in analyzers {
        let Ok(list) = facts.part(&analyzer.findings) else { continue };
        for finding in list.into_iter().flatten().filter(|finding| wanted(finding)) {
            found.entry(&finding.resource).or_insert((&finding.owner, BTreeSet::new())).1.insert(&finding.id);
        }
    }
    let failing = found
        .iter()
        .map(|(resource, (owner, ids))| {
            let place = if *owner == account { String::new() } else { format!("in account {owner}: ") };
            FailingResource { resource: (*resource).to_owned(), message: format!("{place}{}", counted(ids)) }
        })
        .collect();
    let summary = |count: usize| match count {
        1 => format!("1 resource in {region} has an active finding of external access"),
        _ => format!("{count} resources in {region} have active findings of external access"),
    };
    Ok(Outcome::of(failing, summary, &format!("no active finding of external access in {region}")))
}

fn counted(ids: &BTreeSet<&str>) -> String {
    match Vec::from_iter(ids.iter().copied()).as_slice() {
        [one] => format!("active finding `{one}`"),
        more => format!("{} active findings, the first `{}`", more.len(), more.first().copied().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, MANAGEMENT, MEMBER, analyzer, home, seen};
    use super::super::tests::{hidden, judge_all};
    use super::*;
    use crate::model::region::AnalyzerFinding;
    use crate::model::{AccountFacts, Finding, Observed, OrgFacts, Verdict};

    fn list(analyzers: Vec<Analyzer>) -> Observed<Vec<Analyzer>> {
        seen("access-analyzer:ListAnalyzers", analyzers)
    }

    fn own(analyzers: Observed<Vec<Analyzer>>) -> AccountFacts {
        let mut facts = fixtures::account();
        facts.watchers.get_mut(&home()).unwrap().analyzers = analyzers;
        facts
    }

    fn shared(analyzers: Observed<Vec<Analyzer>>) -> OrgFacts {
        let mut org = fixtures::org();
        org.services.analyzers.insert(home(), analyzers);
        org
    }

    fn alone() -> OrgFacts {
        let mut org = fixtures::org();
        org.services.analyzers.clear();
        org
    }

    fn found(org: &OrgFacts, facts: &AccountFacts, meta: &CheckMeta) -> Finding {
        judge_all(org, facts, &Thresholds::default(), meta.id).swap_remove(0)
    }

    #[test]
    fn the_organization_s_analyzer_credits_members() {
        let bare = own(list(vec![]));
        let finding = found(&fixtures::org(), &bare, &ENABLED);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!(finding.message, "covered by the organization's analyzer `organization` in eu-central-1");
        assert_eq!(found(&fixtures::org(), &own(hidden()), &ENABLED).verdict, Verdict::Pass);
        let none = found(&alone(), &bare, &ENABLED);
        assert_eq!(none.verdict, Verdict::Fail);
        assert_eq!(none.message, "no analyzer looks for external access in eu-central-1");
        assert_eq!(found(&shared(hidden()), &bare, &ENABLED).verdict, Verdict::Unknown);
        assert_eq!(found(&shared(hidden()), &fixtures::account(), &ENABLED).verdict, Verdict::Pass, "its own");
        let finding = judge_all(&fixtures::org(), &bare, &Thresholds::default(), ENABLED.id).swap_remove(2);
        assert_eq!(finding.message, "ap-east-1 is disabled in this account");
    }

    #[test]
    fn only_an_active_analyzer_of_external_access_counts() {
        for (kind, status, words) in [
            ("ACCOUNT", "DISABLED", "analyzer `a` is disabled"),
            ("ACCOUNT", "CREATING", "analyzer `a` is creating"),
            ("ACCOUNT_UNUSED_ACCESS", "ACTIVE", "analyzer `a` is of kind ACCOUNT_UNUSED_ACCESS"),
        ] {
            let analyzer = Analyzer { status: status.to_owned(), ..analyzer("a", MEMBER, kind) };
            let finding = found(&alone(), &own(list(vec![analyzer.clone()])), &ENABLED);
            assert_eq!(finding.verdict, Verdict::Fail);
            assert!(finding.message.ends_with(words), "{}", finding.message);
            assert_eq!(finding.resources[0].resource, analyzer.arn);
        }
        let unused = shared(list(vec![analyzer("u", MANAGEMENT, "ORGANIZATION_UNUSED_ACCESS")]));
        assert_eq!(found(&unused, &own(list(vec![])), &ENABLED).verdict, Verdict::Fail);
        let elsewhere = own(list(vec![]));
        let mut org = fixtures::org();
        org.services.analyzers.remove(&home());
        assert_eq!(found(&org, &elsewhere, &ENABLED).verdict, Verdict::Fail, "an analyzer looks into its own Region");
    }

    fn finding(id: &str, resource: &str, owner: &str) -> AnalyzerFinding {
        AnalyzerFinding {
            id: id.to_owned(),
            resource: resource.to_owned(),
            resource_type: "AWS::S3::Bucket".to_owned(),
            owner: owner.to_owned(),
            kind: "ExternalAccess".to_owned(),
        }
    }

    fn with(analyzer: Analyzer, findings: Vec<AnalyzerFinding>) -> Observed<Vec<Analyzer>> {
        list(vec![Analyzer { findings: seen("access-analyzer:ListFindingsV2", findings), ..analyzer }])
    }

    #[test]
    fn findings_are_listed_by_resource() {
        let clean = found(&fixtures::org(), &fixtures::account(), &FINDINGS);
        assert_eq!(clean.verdict, Verdict::Pass);
        let mine = with(
            analyzer("account", MEMBER, "ACCOUNT"),
            vec![
                finding("f-1", "arn:aws:s3:::b", MEMBER),
                finding("f-2", "arn:aws:s3:::b", MEMBER),
                finding("f-3", "arn:aws:s3:::a", MEMBER),
            ],
        );
        let failed = found(&fixtures::org(), &own(mine), &FINDINGS);
        assert_eq!(failed.verdict, Verdict::Fail);
        assert_eq!(failed.message, "2 resources in eu-central-1 have active findings of external access");
        let words: Vec<(&str, &str)> =
            failed.resources.iter().map(|f| (f.resource.as_str(), f.message.as_str())).collect();
        assert_eq!(
            words,
            [("arn:aws:s3:::a", "active finding `f-3`"), ("arn:aws:s3:::b", "2 active findings, the first `f-1`")]
        );
    }

    #[test]
    fn what_the_organization_s_analyzer_finds_is_listed_by_its_owner_in_every_account() {
        let organization = || analyzer("organization", MANAGEMENT, "ORGANIZATION");
        let others = vec![finding("f-9", "arn:aws:s3:::x", "999999999999")];
        let owner = found(&fixtures::org(), &own(with(organization(), others.clone())), &FINDINGS);
        assert_eq!(owner.verdict, Verdict::Fail);
        assert_eq!(owner.resources[0].message, "in account 999999999999: active finding `f-9`");
        let bare = own(list(vec![]));
        let unread = Analyzer { findings: Observed::not_collected("access-analyzer:ListFindingsV2"), ..organization() };
        let member = found(&shared(list(vec![unread])), &bare, &FINDINGS);
        assert_eq!(member.verdict, Verdict::NotApplicable);
        let words = "what the organization's analyzer `organization` finds in eu-central-1 is listed in account \
                     111111111111, which owns it";
        assert_eq!(member.message, words);
        // Where they were read after all, a member answers for its own.
        assert_eq!(found(&shared(with(organization(), others)), &bare, &FINDINGS).verdict, Verdict::Pass);
        let mine = with(organization(), vec![finding("f-9", "arn:aws:s3:::x", MEMBER)]);
        assert_eq!(found(&shared(mine), &bare, &FINDINGS).verdict, Verdict::Fail);
    }

    #[test]
    fn nobody_who_looks_finds_nothing() {
        let finding = found(&alone(), &own(list(vec![])), &FINDINGS);
        assert_eq!(finding.verdict, Verdict::NotApplicable);
        assert_eq!(finding.message, "no analyzer looks for external access in eu-central-1");
        let unused = list(vec![analyzer("u", MEMBER, "ACCOUNT_UNUSED_ACCESS")]);
        assert_eq!(found(&alone(), &own(unused), &FINDINGS).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn what_one_analyzer_found_stands_even_where_another_does_not_answer() {
        let blind = || Analyzer { findings: hidden(), ..analyzer("blind", MEMBER, "ACCOUNT") };
        assert_eq!(found(&fixtures::org(), &own(list(vec![blind()])), &FINDINGS).verdict, Verdict::Unknown);
        let clear = analyzer("account", MEMBER, "ACCOUNT");
        assert_eq!(
            found(&fixtures::org(), &own(list(vec![blind(), clear.clone()])), &FINDINGS).verdict,
            Verdict::Unknown
        );
        let list = with(clear, vec![finding("f-1", "arn:aws:s3:::b", MEMBER)]).map(|mut list| {
            list.push(blind());
            list
        });
        assert_eq!(found(&fixtures::org(), &own(list), &FINDINGS).verdict, Verdict::Fail);
        // An account with an analyzer of its own needs no other.
        assert_eq!(found(&shared(hidden()), &fixtures::account(), &FINDINGS).verdict, Verdict::Pass);
        let bare = own(seen("access-analyzer:ListAnalyzers", vec![]));
        assert_eq!(found(&shared(hidden()), &bare, &FINDINGS).verdict, Verdict::Unknown);
        assert_eq!(found(&fixtures::org(), &own(hidden()), &FINDINGS).verdict, Verdict::Unknown);
        let denied = shared(seen(
            "access-analyzer:ListAnalyzers",
            vec![Analyzer { findings: hidden(), ..analyzer("organization", MANAGEMENT, "ORGANIZATION") }],
        ));
        assert_eq!(found(&denied, &bare, &FINDINGS).verdict, Verdict::Unknown);
    }
}
