//! The gate that looks for denials: what it asks, and what an answer means.
//!
//! Owns: the question and the verdict. Must not: call AWS; who can read the trail implements [`DenialSource`].

use crate::model::denial::{Denial, DenialKind, DenialQuery, DenialReport};
use crate::model::org::PolicyType;
use crate::model::{Address, Plan};
use futures::future::LocalBoxFuture;
use jiff::Timestamp;

/// Who can read denials from the organization's trail.
pub trait DenialSource {
    /// What the trail shows. What can't be read is a doubt in the report, never an error.
    fn denials<'a>(&'a self, query: &'a DenialQuery) -> LocalBoxFuture<'a, DenialReport>;
}

/// What a report means for the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody is denied anything by it.
    Open,
    /// Somebody is.
    Stop(String),
    /// It can't be told.
    CannotTell(String),
}

/// How many denials are told in words.
const TOLD: usize = 3;

/// What a report means: one denial that names our policy, or one that no policy allows, stops; a doubt holds.
pub fn verdict(report: &DenialReport) -> Verdict {
    let ours: Vec<&Denial> = report.denials.iter().filter(|denial| denial.kind != DenialKind::Unattributed).collect();
    if !ours.is_empty() {
        return Verdict::Stop(format!("{} since the wave began: {}", denials(ours.len()), in_words(&ours)));
    }
    let unattributed: Vec<&Denial> = report.denials.iter().collect();
    let mut doubts = report.doubts.clone();
    if !unattributed.is_empty() {
        doubts.push(format!(
            "{} by a service control policy that the message does not name: {}",
            denials(unattributed.len()),
            in_words(&unattributed)
        ));
    }
    if doubts.is_empty() { Verdict::Open } else { Verdict::CannotTell(doubts.join("; ")) }
}

fn denials(n: usize) -> String {
    if n == 1 { "1 denial".to_owned() } else { format!("{n} denials") }
}

fn in_words(denials: &[&Denial]) -> String {
    let one = |denial: &&Denial| {
        let why = match denial.kind {
            DenialKind::Named => "by our policy",
            DenialKind::Implicit => "because no service control policy allows it",
            DenialKind::Unattributed => "by an unnamed policy",
        };
        format!("{} in account {} to {} at {} {why}", denial.call, denial.account, denial.principal, denial.at)
    };
    let mut words: Vec<String> = denials.iter().take(TOLD).map(one).collect();
    if denials.len() > TOLD {
        words.push(format!("and {} more", denials.len() - TOLD));
    }
    words.join(", ")
}

/// What to look for behind a wave: its service control policies and where it attached, changed or detached them.
/// `None` if the wave has none.
pub(super) fn query(
    plan: &Plan,
    wave: usize,
    aws_ids: &[Option<String>],
    since: Timestamp,
    last_write: Timestamp,
) -> Option<DenialQuery> {
    let mut query = DenialQuery { policies: Vec::new(), targets: Default::default(), since, last_write };
    let mut add = |name: &String| {
        if !query.policies.iter().any(|(known, _)| known == name) {
            query.policies.push((name.clone(), created(plan, aws_ids, name)));
        }
    };
    for change in plan.changes.iter().filter(|change| change.wave == wave) {
        match &change.address {
            Address::Attachment { policy_type: PolicyType::Scp, policy, target } => {
                add(policy);
                query.targets.insert(target.clone());
            }
            Address::Policy { policy_type: PolicyType::Scp, name } => add(name),
            _ => {}
        }
    }
    (!query.policies.is_empty()).then_some(query)
}

/// AWS's id of a policy that this plan created.
fn created(plan: &Plan, aws_ids: &[Option<String>], name: &str) -> Option<String> {
    let is = |address: &Address| matches!(address, Address::Policy { name: found, .. } if found == name);
    plan.changes.iter().zip(aws_ids).find(|(change, id)| is(&change.address) && id.is_some())?.1.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(kind: DenialKind) -> Denial {
        Denial {
            kind,
            account: "222222222222".parse().unwrap(),
            at: "2026-07-18T10:00:00Z".parse().unwrap(),
            call: "s3:PutObject".into(),
            principal: "arn:aws:sts::222222222222:assumed-role/app/i-1".into(),
        }
    }

    #[test]
    fn a_denial_stops_and_a_doubt_holds() {
        let report = |denials, doubts| DenialReport { denials, doubts };
        assert_eq!(verdict(&report(vec![], vec![])), Verdict::Open);
        let doubt = vec!["cut off".to_owned()];
        assert_eq!(verdict(&report(vec![], doubt.clone())), Verdict::CannotTell("cut off".into()));
        for kind in [DenialKind::Named, DenialKind::Implicit] {
            assert!(matches!(verdict(&report(vec![denial(kind)], doubt.clone())), Verdict::Stop(_)));
        }
        let unnamed = verdict(&report(vec![denial(DenialKind::Unattributed)], vec![]));
        assert!(matches!(unnamed, Verdict::CannotTell(_)), "{unnamed:?}");
        let Verdict::Stop(text) = verdict(&report(vec![denial(DenialKind::Named); 5], vec![])) else { panic!() };
        assert!(text.starts_with("5 denials since the wave began: s3:PutObject in account 222222222222"), "{text}");
        assert!(text.ends_with("and 2 more"), "{text}");
    }
}
