//! What a check found: one verdict for each cell (check, target), with the failing resources and the evidence.

use super::check::Severity;
use super::ids::{AccountId, Region};
use super::observed::{Cause, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The verdict of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// A fact it needs is unknown.
    Unknown,
    /// Does not apply to this target.
    NotApplicable,
    /// A failure someone answers for, until a date.
    Exempt,
}

impl Verdict {
    /// The name used in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not_applicable",
            Self::Exempt => "exempt",
        }
    }
}

/// What a verdict is about. The order is that of reports: the organization, then each account, followed by its Regions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The organization.
    Organization,
    /// An account.
    Account(AccountId),
    /// An account in a Region.
    AccountRegion(AccountId, Region),
}

impl Target {
    /// The account, if the target is in one.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Organization => None,
            Self::Account(account) | Self::AccountRegion(account, _) => Some(account),
        }
    }

    /// The Region, if the target is in one.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::AccountRegion(_, region) => Some(region),
            _ => None,
        }
    }
}

impl Ord for Target {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.account(), self.region()).cmp(&(other.account(), other.region()))
    }
}

impl PartialOrd for Target {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A resource that fails, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FailingResource {
    /// Its ARN, or its name where it has none; a part without either is named after its owner's ARN, in parentheses. No two
    /// that fail one check in one target are the same: fingerprints are made of it. Hostile: escape at every sink.
    pub resource: String,
    /// What is wrong with it, one sentence, lower case, no full stop.
    pub message: String,
}

/// What would fail, and someone answers for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exempted {
    /// The exemption's id.
    pub exemption: String,
    /// The resource; `None` where the cell fails without naming any. Hostile: escape at every sink.
    pub resource: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

/// A fact a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Where the fact came from.
    #[serde(flatten)]
    pub source: Source,
}

/// The outcome of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's id.
    pub check: String,
    /// What the verdict is about.
    pub target: Target,
    /// The one verdict.
    pub verdict: Verdict,
    /// The check's severity.
    pub severity: Severity,
    /// Why, one sentence, lower case, no full stop.
    pub message: String,
    /// What fails, in a stable order; empty unless the verdict is fail.
    pub resources: Vec<FailingResource>,
    /// What would fail too, and someone answers for; the verdict is exempt where nothing else fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<Exempted>,
    /// Of a failure: what could not be told besides. Once all that fails is exempt, this is what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Cause>,
    /// The facts it rests on.
    pub evidence: Vec<Evidence>,
    /// Why it is unknown; set exactly when the verdict is unknown.
    pub cause: Option<Cause>,
}

/// Whether a verdict has a row of its whole cell: where no resource fails, and none is exempt in place of it.
pub fn has_whole_row(verdict: Verdict, resources: &[FailingResource], exempt: &[Exempted]) -> bool {
    resources.is_empty() && (exempt.is_empty() || verdict == Verdict::Fail)
}

impl Finding {
    /// The order of reports: by target, then by check.
    pub fn in_order(&self, other: &Self) -> Ordering {
        (&self.target, &self.check).cmp(&(&other.target, &other.check))
    }

    /// Takes the verdict back: it can't be told, and nothing of what it said stands.
    pub fn take_back(&mut self, cause: Cause) {
        self.verdict = Verdict::Unknown;
        self.message = format!("can't tell: {cause}");
        self.resources.clear();
        self.exempt.clear();
        self.doubt = None;
        self.cause = Some(cause);
    }
}

#[cfg(test)]
mod tests {
    use super::super::observed::CauseKind;
    use super::*;

    #[test]
    fn a_verdict_taken_back_says_nothing_of_what_it_said() {
        let cause = |message| Cause::new(CauseKind::Other, "iam:ListUsers", message);
        let resource = FailingResource { resource: "a".to_owned(), message: "open".to_owned() };
        let mut finding = Finding {
            check: "a-check".to_owned(),
            target: Target::Organization,
            verdict: Verdict::Fail,
            severity: Severity::Low,
            message: "1 is open".to_owned(),
            resources: vec![resource],
            exempt: vec![Exempted { exemption: "e".to_owned(), resource: None, message: "open too".to_owned() }],
            doubt: Some(cause("a part was not read")),
            evidence: Vec::new(),
            cause: None,
        };
        finding.take_back(cause("nobody looked"));
        assert_eq!((finding.verdict, finding.cause), (Verdict::Unknown, Some(cause("nobody looked"))));
        assert!(finding.message.contains("nobody looked") && !finding.message.contains("open"), "{}", finding.message);
        assert!(finding.resources.is_empty() && finding.exempt.is_empty() && finding.doubt.is_none());
    }
}
