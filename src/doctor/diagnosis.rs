//! What came of it: lines in sections, the request rates assumed, and how long an audit will take. The JSON form is versioned.
//!
//! Must not: judge, or escape; whoever shows a line escapes it.

use crate::model::AccountId;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it has to be.
    Ok,
    /// Worth knowing, and nothing is in the way.
    Note,
    /// In the way, or soon to be.
    Problem,
    /// It could not be told.
    Unknown,
}

impl State {
    /// The word for it, in text and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
            Self::Unknown => "unknown",
        }
    }
}

/// What a line is about; in the order in which lines are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Who runs orgward.
    Caller,
    /// The organization, its features and trusted access.
    Organization,
    /// The audit role in every member.
    Roles,
    /// What an audit asks.
    Reading,
    /// What a roll-out writes.
    Changing,
    /// This machine: its clock, and where it keeps runs.
    Machine,
    /// Regions.
    Regions,
    /// Slots and sizes of organization policies.
    Policies,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 8] = [
        Self::Caller,
        Self::Organization,
        Self::Roles,
        Self::Reading,
        Self::Changing,
        Self::Machine,
        Self::Regions,
        Self::Policies,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Caller => "Caller",
            Self::Organization => "Organization",
            Self::Roles => "Audit role",
            Self::Reading => "Read permissions (by calling)",
            Self::Changing => "Write permissions (by evaluating policies; nothing is written)",
            Self::Machine => "This machine",
            Self::Regions => "Regions",
            Self::Policies => "Policy slots and sizes",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// What it is about.
    pub section: Section,
    /// How it stands.
    pub state: State,
    /// Its name for machines, such as `role_not_assumable`.
    pub code: &'static str,
    /// One sentence, lower case, no full stop. Hostile: escape at every sink.
    pub text: String,
    /// The command that mends it; what follows ` # ` are words for whoever runs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What AWS said, of one of the accounts. Hostile: escape at every sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// The calls or IAM actions it is about, all of them; the text names the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// The accounts it holds for, in order; empty where it is not about accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
}

impl Line {
    /// Something that is as it has to be.
    pub fn ok(section: Section, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            section,
            state: State::Ok,
            code,
            text: text.into(),
            fix: None,
            said: None,
            actions: Vec::new(),
            accounts: Vec::new(),
        }
    }

    /// Something worth knowing.
    pub fn note(section: Section, code: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Note, ..Self::ok(section, code, text) }
    }

    /// Something in the way, and what mends it.
    pub fn problem(section: Section, code: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Problem, fix: Some(fix.into()), ..Self::ok(section, code, text) }
    }

    /// Something that could not be told, and what helps.
    pub fn unknown(section: Section, code: &'static str, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Unknown, fix: Some(fix.into()), ..Self::ok(section, code, text) }
    }

    /// The same with a command.
    #[must_use]
    pub fn with_fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

/// A request rate that a run goes by.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rate {
    /// `service:Operation`.
    pub operation: &'static str,
    /// Whose quota it is: the caller's own, which all accounts share, or each account's.
    pub of_each_account: bool,
    /// Requests per second, of which this run begins with so many.
    pub per_second: f64,
    /// Requests per second that are never exceeded: more than `per_second` where AWS publishes no quota and it is found out.
    pub at_most: f64,
}

/// How long an audit will take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Estimate {
    /// Accounts in scope.
    pub accounts: usize,
    /// Regions looked at in each.
    pub regions: usize,
    /// Requests for each account.
    pub requests_per_account: u64,
    /// Seconds, from the rates and from how fast this run was; `None`: longer than anybody would believe.
    pub seconds: Option<u64>,
}

/// How many lines there are of each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// As they have to be.
    pub ok: usize,
    /// Worth knowing.
    pub notes: usize,
    /// In the way.
    pub problems: usize,
    /// Not told.
    pub unknown: usize,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diagnosis {
    format: &'static str,
    version: u32,
    /// The orgward that looked.
    orgward: &'static str,
    /// When it began.
    pub as_of: Timestamp,
    /// Who runs it, an ARN; `None` where STS did not say.
    pub caller: Option<String>,
    /// The organization; `None` where it could not be read.
    pub organization: Option<String>,
    /// How many lines there are of each state.
    pub summary: Summary,
    /// The lines, section by section.
    pub lines: Vec<Line>,
    /// The request rates assumed.
    pub rates: Vec<Rate>,
    /// Limits that runs before found out and that this one begins with.
    pub learned_limits: usize,
    /// How long an audit will take; `None` where nothing could be measured.
    pub estimate: Option<Estimate>,
}

impl Diagnosis {
    /// Of these lines, which are put in order.
    pub fn new(as_of: Timestamp, caller: Option<String>, organization: Option<String>, mut lines: Vec<Line>) -> Self {
        // Stable: within a section they stay as they were found.
        lines.sort_by_key(|line| line.section);
        let count = |state| lines.iter().filter(|line| line.state == state).count();
        let summary = Summary {
            ok: count(State::Ok),
            notes: count(State::Note),
            problems: count(State::Problem),
            unknown: count(State::Unknown),
        };
        Self {
            format: "orgward.doctor",
            version: VERSION,
            orgward: env!("CARGO_PKG_VERSION"),
            as_of,
            caller,
            organization,
            summary,
            lines,
            rates: Vec::new(),
            learned_limits: 0,
            estimate: None,
        }
    }
}
