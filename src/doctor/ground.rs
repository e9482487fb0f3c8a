//! A doctor at work: what it goes by, what it has found, and what it says in the end.
//!
//! Owns: the order of what is judged, and the lines of what is as it has to be. Must not: hold an account's facts.

use super::account;
use super::allowed::{Answer, Holder};
use super::caller;
use super::chains::Chains;
use super::changes;
use super::commands::{Commands, Document};
use super::diagnosis::{Line, Section, State};
use super::gathered::{Fix, Gathered, Issue};
use super::organization;
use super::reading;
use super::requests::Place;
use crate::checks::{Selection, Thresholds};
use crate::grants::Grants;
use crate::model::scope::RegionRequest;
use crate::model::{AccountFacts, AccountId, Cause, OrgFacts, Region, few};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};

/// Regions that a line names.
pub(super) const REGIONS_NAMED: usize = 6;

/// What a doctor goes by.
#[derive(Debug)]
pub struct Ground<'o> {
    /// The organization, whole.
    pub org: &'o OrgFacts,
    /// The caller's account.
    pub account: AccountId,
    /// The caller's ARN.
    pub arn: String,
    /// The Region that requests to global services carry.
    pub global: Region,
    /// The Regions asked for.
    pub regions: RegionRequest,
    /// The checks that an audit would run.
    pub selection: Selection,
    /// What they compare with.
    pub thresholds: Thresholds,
    /// What they, and the playbooks that were named, have to be allowed.
    pub grants: Grants,
    /// How many playbooks were named.
    pub playbooks: usize,
    /// The flags that choose checks, ready for a shell, each with a blank before it.
    pub checks: String,
    /// The flags that choose playbooks, likewise.
    pub chosen: String,
}

/// How an account is entered.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The ARN of the audit role.
    pub audit: String,
    /// The ARN of the apply role.
    pub apply: String,
    /// The ExternalId that the apply role is assumed with.
    pub apply_external_id: Option<SecretString>,
}

/// What came of assuming an audit role without its ExternalId.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// Nobody is let in.
    KeptOut,
    /// The caller is let in.
    LetIn,
    /// STS did not say.
    Untold(Cause),
}

/// A doctor at work.
#[derive(Debug)]
pub struct Doctor<'o> {
    pub(super) ground: Ground<'o>,
    pub(super) commands: Commands,
    pub(super) chains: Chains<'o>,
    pub(super) gathered: Gathered,
    pub(super) figures: Figures,
    /// The caller with its policies, once its account was looked at.
    pub(super) caller: Option<Holder>,
    /// Which Regions which policy closes, by what binds an account and what it may use.
    pub(super) closed: BTreeMap<(Vec<String>, Vec<Region>), account::Closed>,
}

/// How often something is as it has to be.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) members: usize,
    pub(super) entered: BTreeSet<AccountId>,
    pub(super) audit_trust: usize,
    pub(super) read: usize,
    pub(super) accounts: usize,
    pub(super) apply_roles: usize,
    pub(super) apply_trust: usize,
    pub(super) no_apply_role: usize,
    pub(super) writable: usize,
    pub(super) kept_out: usize,
    pub(super) answering: BTreeSet<Region>,
    /// An account that the audit role could not be assumed in.
    pub(super) refused: Option<String>,
}

impl<'o> Doctor<'o> {
    /// One that has seen nothing but the organization.
    pub fn new(ground: Ground<'o>) -> Self {
        let commands = Commands {
            chosen: format!("{}{}", ground.checks, ground.chosen),
            checks: ground.checks.clone(),
            home: ground.org.organization.home_region.clone(),
            root: ground.org.root.id.clone(),
        };
        Self {
            commands,
            chains: Chains::of(ground.org),
            gathered: Gathered::default(),
            figures: Figures::default(),
            caller: None,
            closed: BTreeMap::new(),
            ground,
        }
    }

    /// Looks at an account; at the caller's own first.
    pub fn account(&mut self, facts: &AccountFacts, entry: &Entry) {
        let own = facts.account == self.ground.account;
        if own {
            self.caller = changes::caller(facts, &self.ground.arn);
        } else {
            self.figures.members += 1;
            if !account::entered(self, facts, entry) {
                return;
            }
            self.figures.entered.insert(facts.account.clone());
            account::trust(self, facts, entry);
        }
        self.figures.accounts += 1;
        reading::reads(self, facts, entry);
        account::regions(self, facts, entry);
        changes::changes(self, facts, entry);
    }

    /// Members whose audit role could be assumed.
    pub fn entered(&self) -> &BTreeSet<AccountId> {
        &self.figures.entered
    }

    /// An audit role was assumed without its ExternalId, or was not.
    pub fn probed(&mut self, account: &AccountId, entry: &Entry, probe: &Probe) {
        let issue = |state, code, text: &str, fix| Issue::new(Section::Roles, state, code, text).mended_by(fix);
        match probe {
            Probe::KeptOut => self.figures.kept_out += 1,
            Probe::LetIn => {
                let text = "the audit role let this caller in without its ExternalId";
                let fix = self.commands.trust(&entry.audit);
                self.gathered.add(issue(State::Problem, "role_let_in", text, fix), account, None);
            }
            Probe::Untold(cause) => {
                let text = "what the audit role does without its ExternalId can't be told";
                let fix = Fix::of(cause.kind.fix());
                self.gathered.add(issue(State::Unknown, "probe_untold", text, fix), account, Some(&cause.to_string()));
            }
        }
    }

    /// What the caller writes to the organization itself, by what is to be applied.
    pub fn organization_writes(&self) -> BTreeSet<&str> {
        let actions = self.ground.grants.apply_caller.iter().flat_map(|grant| &grant.actions).map(String::as_str);
        let reads = ["organizations:Describe", "organizations:List"];
        let writes = |action: &&str| !reads.iter().any(|read| action.starts_with(read));
        actions.filter(|action| action.starts_with("organizations:")).filter(writes).collect()
    }

    /// Everything there is to say.
    pub fn lines(&self) -> Vec<Line> {
        let ground = &self.ground;
        let mut lines = caller::caller(ground.org, &ground.account, &ground.arn);
        lines.extend(organization::lines(self));
        lines.extend(self.roles());
        lines.extend(self.reading());
        lines.extend(self.changing());
        let regions = &self.figures.answering;
        if !regions.is_empty() {
            let text = format!("{} of the Regions in scope answer: {}", regions.len(), few(regions, REGIONS_NAMED));
            lines.push(Line::ok(Section::Regions, "regions", text));
        }
        let gathered = self.gathered.lines(ground.org);
        lines
            .extend(gathered.into_iter().map(|line| if line.code == NOT_ASSUMABLE { self.mended(line) } else { line }));
        lines
    }

    fn roles(&self) -> Vec<Line> {
        let Figures { members, audit_trust, kept_out, .. } = self.figures;
        let entered = self.figures.entered.len();
        let section = Section::Roles;
        let mut lines = Vec::new();
        if members == 0 {
            lines.push(Line::note(section, "no_members", "no account but the caller's own is in scope"));
        } else if entered > 0 {
            lines.push(Line::ok(section, "assumable", format!("it can be assumed in {}", of(entered, members))));
        }
        if audit_trust > 0 {
            let text = format!("it demands its ExternalId in {}, by its trust policy", of(audit_trust, entered));
            lines.push(Line::ok(section, "external_id", text));
        }
        if kept_out > 0 {
            let text = format!("tried without its ExternalId, it kept the caller out in {}", of(kept_out, entered));
            lines.push(Line::ok(section, "external_id_tried", text));
        }
        lines
    }

    fn reading(&self) -> Vec<Line> {
        let Figures { read, accounts, .. } = self.figures;
        let checks = self.ground.selection.metas().len();
        if read == 0 {
            return Vec::new();
        }
        let checks = if checks == 1 { "the one check chosen".to_owned() } else { format!("{checks} checks") };
        let text = format!("what {checks} read was answered in {}", of_accounts(read, accounts));
        vec![Line::ok(Section::Reading, "readable", text)]
    }

    fn changing(&self) -> Vec<Line> {
        let Figures { apply_roles, apply_trust, no_apply_role, writable, accounts, .. } = self.figures;
        let section = Section::Changing;
        let mut lines = Vec::new();
        if apply_trust > 0 {
            let text = format!(
                "the apply role demands its ExternalId in {}, by its trust policy",
                of(apply_trust, apply_roles)
            );
            lines.push(Line::ok(section, "apply_external_id", text));
        }
        if no_apply_role > 0 {
            let text = format!(
                "there is no apply role in {}: nothing can be changed there",
                of(no_apply_role, self.figures.entered.len())
            );
            lines.push(Line::note(section, "no_apply_role", text));
        }
        if self.ground.playbooks == 0 {
            let text = "no playbook was named, so what may be written is not evaluated";
            lines.push(
                Line::note(section, "no_playbook", text)
                    .with_fix("orgward doctor --playbook NAME # see: orgward playbooks"),
            );
        } else if writable > 0 {
            let what = match self.ground.playbooks {
                1 => "the playbook".to_owned(),
                many => format!("the {many} playbooks"),
            };
            let text = format!("what {what} would write is allowed in {}", of_accounts(writable, accounts));
            lines.push(Line::ok(section, "writable", text));
        }
        lines
    }

    /// The line of accounts that could not be entered, with what helps: that depends on whether others could.
    fn mended(&self, line: Line) -> Line {
        let fix = if !self.figures.entered.is_empty() {
            self.commands.roll_out().filled(&line.accounts)
        } else if self.caller_may_not_enter() {
            Some(self.commands.grant(&self.ground.arn, Document::AuditCaller))
        } else {
            Some(format!(
                "{} # orgward config shows the role and whence its ExternalId came",
                self.commands.bootstrap()
            ))
        };
        Line { fix, ..line }
    }

    /// Whether it is the caller's own policies that keep it out.
    fn caller_may_not_enter(&self) -> bool {
        let (Some(caller), Some(role)) = (&self.caller, &self.figures.refused) else { return false };
        let organization = &self.ground.org.organization;
        let place = Place {
            org: self.ground.org,
            account: &self.ground.account,
            region: &organization.home_region,
            global: &self.ground.global,
        };
        let request = place.request(caller, "sts:AssumeRole", role);
        matches!(caller.may(&self.chains.levels(&self.ground.account), &request), Answer::No(_))
    }
}

/// The code of the line of accounts that could not be entered.
pub(super) const NOT_ASSUMABLE: &str = "role_not_assumable";

/// `all 3 other accounts`, `2 of 3 other accounts`: other than the caller's.
fn of(count: usize, total: usize) -> String {
    match (count, total) {
        (1, 1) => "the one other account".to_owned(),
        _ if count == total => format!("all {total} other accounts"),
        _ => format!("{count} of {total} other accounts"),
    }
}

/// The same of accounts.
fn of_accounts(count: usize, total: usize) -> String {
    match (count, total) {
        (1, 1) => "the one account".to_owned(),
        _ if count == total => format!("all {total} accounts"),
        _ => format!("{count} of {total} accounts"),
    }
}

/// A role by its name, for a line.
pub(super) fn name_of(arn: &str) -> &str {
    arn.split_once(":role/").map_or(arn, |(_, name)| name)
}

/// Actions in words.
pub(super) fn listed(actions: &BTreeSet<String>) -> String {
    few(actions, 4)
}
