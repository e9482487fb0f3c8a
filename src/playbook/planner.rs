//! The planner: playbooks and facts in, a plan out. Accounts stream through it; none is kept.
//!
//! Owns: the order of changes and what is said when something can't be planned. Must not: call anything or read a clock;
//! the same inputs give the same plan, in whatever order accounts arrive.

use super::actions::{alarm, password, scp};
use super::limits::Limits;
use super::lint::lint;
use super::own_roles;
use super::schema::{Action, PasswordPolicySpec, Playbook, TargetRef};
use super::source::SourceText;
use super::targets::{WrongTarget, resolve};
use super::waves::{self, Placed};
use crate::model::check::Fact;
use crate::model::plan::{Change, PLAN_VERSION, Plan, PlaybookRef, Refusal, RefusalKind, Unplanned};
use crate::model::scope::Scope;
use crate::model::{AccountFacts, AccountId, Address, Cause, Doc, OrgFacts, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// Who plans, and the roles that orgward uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanContext {
    /// The caller's ARN.
    pub caller_arn: String,
    /// The role that reads in members.
    pub audit_role_name: String,
    /// The role that writes in members.
    pub apply_role_name: String,
}

/// One step with everything it may look at.
pub(super) struct Planning<'p> {
    pub org: &'p OrgFacts,
    pub scope: &'p Scope,
    pub limits: &'p Limits,
    /// The playbook's name.
    pub playbook: &'p str,
    /// The step's id.
    pub step: &'p str,
    /// `playbook/step`.
    pub name: String,
    pub source: &'p SourceText,
    /// The playbook's waves, if it has a rollout.
    pub placed: Option<Placed<'p>>,
}

impl Planning<'_> {
    /// A change of this step, with nothing to depend on and nobody hit.
    pub fn change(&self, address: Address, before: Option<Doc>, after: Doc, reason: &str) -> Change {
        Change {
            address,
            before,
            after: Some(after),
            step: self.name.clone(),
            reason: reason.to_owned(),
            depends_on: Vec::new(),
            impact: Vec::new(),
            confirmations: Vec::new(),
            wave: self.placed.map_or(0, |placed| placed.index(0)),
            origins: Vec::new(),
        }
    }
}

/// The plan as it grows.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub changes: Vec<Change>,
    pub refusals: Vec<Refusal>,
    pub unknowns: Vec<Unplanned>,
    pub operator_steps: Vec<String>,
    pub notes: Vec<String>,
    /// The texts of the SCPs that this plan attaches, by target.
    pub attached: BTreeMap<TargetId, Vec<String>>,
    /// Waves that detach a policy which allows something.
    pub narrowing: BTreeSet<usize>,
    /// Which step defines an SCP.
    pub policy_steps: BTreeMap<String, String>,
}

impl Draft {
    /// The text that this plan gives to an SCP, if it writes it.
    pub fn text_of(&self, name: &str) -> Option<&String> {
        let writes = |change: &&Change| matches!(&change.address, Address::Policy { name: of, .. } if of == name);
        let change = self.changes.iter().filter(writes).find_map(|change| change.after.as_ref())?;
        match change.0.get("content") {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Refuses something.
    pub fn refuse(&mut self, planning: &Planning<'_>, address: Option<Address>, kind: RefusalKind, message: String) {
        self.refusals.push(Refusal { step: planning.name.clone(), address, kind, message });
    }

    /// Something could not be planned for.
    pub fn unplanned(&mut self, planning: &Planning<'_>, account: Option<AccountId>, cause: Cause) {
        self.unknowns.push(Unplanned { step: planning.name.clone(), account, cause });
    }

    /// A target that the organization does not have.
    pub fn wrong_target(&mut self, planning: &Planning<'_>, target: &TargetRef, wrong: WrongTarget) {
        let (file, at) = (planning.source.name(), target.at);
        let hint = wrong.hint.map(|hint| format!(", {hint}")).unwrap_or_default();
        let message = format!("{file}:{}:{}: {}{hint}", at.line, at.column, wrong.message);
        self.refuse(planning, None, RefusalKind::Missing, message);
    }
}

/// A `password_policy` step and the accounts it is for.
struct PasswordStep<'p> {
    /// The playbook's and the step's place in the run.
    index: (usize, usize),
    name: String,
    spec: &'p PasswordPolicySpec,
    accounts: BTreeSet<AccountId>,
}

/// Makes a plan: hand it every account of [`Planner::accounts_needed`], then [`Planner::finish`] it.
pub struct Planner<'p> {
    playbooks: &'p [Playbook],
    org: &'p OrgFacts,
    scope: &'p Scope,
    context: PlanContext,
    limits: Limits,
    password_steps: Vec<PasswordStep<'p>>,
    outcomes: BTreeMap<AccountId, Result<Option<Change>, Cause>>,
}

impl<'p> Planner<'p> {
    /// A planner for these playbooks, in this order.
    pub fn new(playbooks: &'p [Playbook], org: &'p OrgFacts, scope: &'p Scope, context: PlanContext) -> Self {
        let mut password_steps = Vec::new();
        for (first, playbook) in playbooks.iter().enumerate() {
            for (second, step) in playbook.steps.iter().enumerate() {
                let Action::PasswordPolicy(spec) = &step.action else { continue };
                let accounts = match &spec.targets {
                    None => scope.accounts.iter().cloned().collect(),
                    Some(targets) => targets
                        .iter()
                        .filter_map(|target| resolve(&target.text, org).ok())
                        .flat_map(|id| org.accounts_under(&id))
                        .map(|account| account.id.clone())
                        .filter(|id| scope.contains(id))
                        .collect(),
                };
                let name = format!("{}/{}", playbook.name, step.id);
                password_steps.push(PasswordStep { index: (first, second), name, spec, accounts });
            }
        }
        let limits = Limits::default();
        Self { playbooks, org, scope, context, limits, password_steps, outcomes: BTreeMap::new() }
    }

    /// Plans within other limits than AWS's published ones.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The facts of these accounts that steps read: the password policy, and whose passwords it makes expire.
    pub const FACTS: [Fact; 2] = [Fact::PasswordPolicy, Fact::CredentialReport];

    /// The accounts whose facts the steps depend on. The rest of a plan needs the organization's facts alone.
    pub fn accounts_needed(&self) -> BTreeSet<AccountId> {
        self.password_steps.iter().flat_map(|step| step.accounts.iter().cloned()).collect()
    }

    /// Takes in an account's facts, in any order; accounts that no step is for are passed over.
    pub fn account(&mut self, facts: &AccountFacts) {
        let steps: Vec<(&str, &PasswordPolicySpec)> = self
            .password_steps
            .iter()
            .filter(|step| step.accounts.contains(&facts.account))
            .map(|step| (step.name.as_str(), step.spec))
            .collect();
        if !steps.is_empty() {
            let outcome = password::plan(facts, &steps, self.org.as_of);
            self.outcomes.insert(facts.account.clone(), outcome);
        }
    }

    /// The plan.
    pub fn finish(self) -> Plan {
        let mut draft = Draft::default();
        let placed = waves::place(self.playbooks);
        let password_waves: Vec<_> = self.password_steps.iter().map(|step| self.waves_of(step, &placed)).collect();
        for (first, playbook) in self.playbooks.iter().enumerate() {
            for (second, step) in playbook.steps.iter().enumerate() {
                let planning = Planning {
                    org: self.org,
                    scope: self.scope,
                    limits: &self.limits,
                    playbook: &playbook.name,
                    step: &step.id,
                    name: format!("{}/{}", playbook.name, step.id),
                    source: &playbook.source,
                    placed: placed.get(first).copied().flatten(),
                };
                match &step.action {
                    Action::Scp(spec) => scp::plan(&planning, &spec.name, std::slice::from_ref(spec), &mut draft),
                    Action::Packed(spec) => scp::plan(&planning, &spec.name, &spec.policies, &mut draft),
                    Action::EventAlarms(specs) => alarm::plan(&planning, specs, &mut draft),
                    Action::PasswordPolicy(spec) => {
                        self.passwords((first, second), &planning, spec, &password_waves, &mut draft);
                    }
                }
            }
        }
        let waves = waves::settle(self.playbooks, &placed, &mut draft);
        let mut plan = Plan {
            version: PLAN_VERSION,
            organization: self.org.organization.id.clone(),
            management_account: self.org.organization.management_account.clone(),
            caller_arn: self.context.caller_arn.clone(),
            as_of: self.org.as_of,
            playbooks: self
                .playbooks
                .iter()
                .map(|playbook| PlaybookRef { name: playbook.name.clone(), digest: playbook.digest.clone() })
                .collect(),
            waves,
            relied_on: Vec::new(),
            changes: draft.changes,
            refusals: draft.refusals,
            unknowns: draft.unknowns,
            // Whoever resolved the scope adds its Regions: no change depends on them.
            regions: Vec::new(),
            undoes: None,
            operator_steps: draft.operator_steps,
            notes: draft.notes,
        };
        let mut notes = lint(&plan);
        notes.extend(own_roles::notes(&plan, self.org, &self.context));
        plan.notes.extend(notes);
        plan
    }

    /// The wave of each account of a `password_policy` step.
    fn waves_of(
        &self,
        step: &PasswordStep<'_>,
        placed: &[Option<Placed<'_>>],
    ) -> Result<BTreeMap<AccountId, usize>, Cause> {
        match placed.get(step.index.0).copied().flatten() {
            None => Ok(step.accounts.iter().map(|account| (account.clone(), 0)).collect()),
            Some(placed) => {
                let waves = placed.assign(self.org, &step.accounts)?;
                let wave = |account| placed.index(waves.get(account).copied().unwrap_or_else(|| placed.last()));
                Ok(step.accounts.iter().map(|account| (account.clone(), wave(account))).collect())
            }
        }
    }

    /// The accounts of one `password_policy` step. An account that several steps are for is planned once, with the first, in the
    /// last of the waves they put it in: no step's policy comes before its own canary.
    fn passwords(
        &self,
        index: (usize, usize),
        planning: &Planning<'_>,
        spec: &PasswordPolicySpec,
        waves: &[Result<BTreeMap<AccountId, usize>, Cause>],
        draft: &mut Draft,
    ) {
        for target in spec.targets.as_deref().unwrap_or_default() {
            if let Err(wrong) = resolve(&target.text, self.org) {
                draft.wrong_target(planning, target, wrong);
            }
        }
        let Some((at, step)) = self.password_steps.iter().enumerate().find(|(_, step)| step.index == index) else {
            return;
        };
        if let Some(Err(cause)) = waves.get(at) {
            return draft.unplanned(planning, None, cause.clone());
        }
        let earlier = |account: &AccountId| {
            self.password_steps.iter().any(|other| other.index < index && other.accounts.contains(account))
        };
        // The wave, or why one of the steps that the account is for can't tell.
        let wave = |account: &AccountId| {
            let of_it = self.password_steps.iter().zip(waves).filter(|(step, _)| step.accounts.contains(account));
            of_it
                .map(|(_, waves)| waves.as_ref())
                .try_fold(0, |last, waves| waves.map(|waves| last.max(waves.get(account).copied().unwrap_or_default())))
        };
        for account in step.accounts.iter().filter(|account| !earlier(account)) {
            match (self.outcomes.get(account), wave(account)) {
                (Some(Ok(Some(change))), Ok(wave)) => draft.changes.push(Change { wave, ..change.clone() }),
                (Some(Ok(None)), _) => {}
                (Some(Err(cause)), _) | (_, Err(cause)) => {
                    draft.unplanned(planning, Some(account.clone()), cause.clone());
                }
                (None, _) => {
                    let cause = Cause::not_collected("iam:GetAccountPasswordPolicy");
                    draft.unplanned(planning, Some(account.clone()), cause);
                }
            }
        }
    }
}
