//! The proof: after every change of a plan, each protected principal keeps what it had and must keep.
//!
//! Owns: walking through a plan's moments, comparing each chain with how it is now, and refusing. A distinct chain is judged
//! once, however many accounts have it. Must not: ask AWS, or lift a refusal that was not accepted by its target.

use super::Roles;
use super::chain::{Block, Chain, Loss, Setting, losses, nothing_allows};
use super::protected::Protected;
use super::relied::touched;
use super::standing::Standing;
use super::texts::{TextId, Texts};
use super::words;
use crate::model::org::PolicyType;
use crate::model::plan::{Refusal, RefusalKind};
use crate::model::{AccountId, Address, Change, OrgFacts, Plan, Region, TargetId};
use crate::policy::Effect;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

/// What a proof is held against.
#[derive(Debug, Clone)]
pub struct Terms<'t> {
    /// Who must not be locked out.
    pub protected: &'t Protected,
    /// The names that the patterns of those stand for.
    pub roles: &'t Roles,
    /// The Regions in scope; `None`: every Region of the partition.
    pub regions: Option<&'t [Region]>,
    /// Targets whose risk was accepted.
    pub accepted: &'t BTreeSet<TargetId>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Proof {
    /// Why the plan may not be carried out; empty if nobody is locked out.
    pub refusals: Vec<Refusal>,
    /// What was accepted, for the plan's notes.
    pub notes: Vec<String>,
    /// How many distinct chains were judged.
    pub chains: usize,
}

/// Proves that a plan locks nobody out: in plan order, after each change of a policy or an attachment; and after each change
/// that takes something away once more with no other changes made than those it waits for, as when others failed.
pub fn prove(org: &OrgFacts, plan: &Plan, terms: &Terms<'_>) -> Proof {
    walk(org, plan, terms).0.into_proof()
}

/// Goes through every moment of a plan; gives what was found, and how everything stands in the end.
pub(super) fn walk<'w>(org: &'w OrgFacts, plan: &Plan, terms: &'w Terms<'w>) -> (Walk<'w>, Standing<'w>) {
    let known: Option<Vec<Region>> = org.regions.value().map(|regions| regions.keys().cloned().collect());
    let regions = terms.regions.map(<[Region]>::to_vec).or(known).filter(|regions| !regions.is_empty());
    let setting = Setting { organization: &org.organization, protected: terms.protected, regions };
    let now = Standing::now(org);
    let mut walk = Walk {
        org,
        terms,
        setting,
        places: places(org, terms, &now, plan),
        under: BTreeMap::new(),
        texts: Texts::of(plan),
        verdicts: HashMap::new(),
        reported: BTreeSet::new(),
        asked: Vec::new(),
        met: HashSet::new(),
        lifted: BTreeMap::new(),
        refusals: Vec::new(),
        now,
    };
    for (index, place) in walk.places.iter().enumerate() {
        for target in &place.chain {
            walk.under.entry(target.clone()).or_default().push(index);
        }
    }
    let index_of: HashMap<&Address, usize> =
        plan.changes.iter().enumerate().map(|(index, change)| (&change.address, index)).collect();
    let mut standing = walk.now.clone();
    for (index, change) in plan.changes.iter().enumerate() {
        let Some((kind, name)) = subject(change) else { continue };
        if let Some(why) = untold(kind, &standing) {
            let message = format!("whether the change of {} locks anybody out can't be told: {why}", change.address);
            let target = targets(change, kind, name, &standing).pop_first();
            walk.refuse(change, target.as_ref(), message);
            continue;
        }
        let same =
            matches!(change.address, Address::Policy { .. }) && content(&change.before) == content(&change.after);
        let reached = targets(change, kind, name, &standing);
        let so_already = stands(change, &standing) == Some(change.after.is_some());
        standing.make(change);
        if same || so_already || reached.is_empty() {
            continue;
        }
        walk.root(change, kind, name, &reached, &standing);
        let bare = walk.judge(change, kind, &reached, &standing, "");
        if bare {
            continue;
        }
        if change.after.is_none() || matches!(change.address, Address::Policy { .. }) {
            let mut alone = walk.now.clone();
            needed(plan, &index_of, index)
                .into_iter()
                .filter_map(|at| plan.changes.get(at))
                .for_each(|other| alone.make(other));
            let reached = targets(change, kind, name, &alone);
            alone.make(change);
            let when = " if the changes before it fail (make it depend on them)";
            walk.judge(change, kind, &reached, &alone, when);
        }
    }
    (walk, standing)
}

/// The type and name of the policy that a change is about.
fn subject(change: &Change) -> Option<(&PolicyType, &str)> {
    match &change.address {
        Address::Policy { policy_type, name } | Address::Attachment { policy_type, policy: name, .. } => {
            Some((policy_type, name))
        }
        _ => None,
    }
}

/// Whether an attachment is there; `None` for a change of anything else.
fn stands(change: &Change, standing: &Standing<'_>) -> Option<bool> {
    let Address::Attachment { policy_type, policy, target } = &change.address else { return None };
    Some(standing.names(policy_type, target).is_some_and(|names| names.contains(policy)))
}

/// Why nothing can be said of a type of policy.
fn untold(kind: &PolicyType, standing: &Standing<'_>) -> Option<String> {
    match kind {
        PolicyType::Other(name) => Some(format!("policies of type {name} are not evaluated")),
        PolicyType::Scp | PolicyType::Rcp => standing.unseen(kind).map(str::to_owned),
    }
}

/// Where a change is felt.
fn targets(change: &Change, kind: &PolicyType, name: &str, standing: &Standing<'_>) -> BTreeSet<TargetId> {
    match &change.address {
        Address::Attachment { target, .. } => BTreeSet::from([target.clone()]),
        _ => standing.targets_of(kind, name),
    }
}

fn content(doc: &Option<crate::model::Doc>) -> Option<&str> {
    doc.as_ref()?.0.get("content")?.as_str()
}

/// The changes that one waits for, in plan order.
fn needed(plan: &Plan, index_of: &HashMap<&Address, usize>, change: usize) -> BTreeSet<usize> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<&Address> = plan.changes.get(change).into_iter().flat_map(|change| &change.depends_on).collect();
    while let Some(address) = open.pop() {
        let Some(at) = index_of.get(address).copied() else { continue };
        if needed.insert(at) {
            open.extend(plan.changes.get(at).into_iter().flat_map(|change| &change.depends_on));
        }
    }
    needed
}

/// An account under policies, and the way to it from the root.
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) chain: Vec<TargetId>,
    /// An account that is not there yet: it brings its own Allow along.
    arrival: bool,
    /// The protected principals it has, in short.
    who: String,
}

/// Every member account, and one yet to come for each target of the plan that has none.
fn places(org: &OrgFacts, terms: &Terms<'_>, now: &Standing<'_>, plan: &Plan) -> Vec<Place> {
    let place = |account: &AccountId, chain: Vec<TargetId>, arrival: bool| {
        let guarded = terms.protected.of(account, &org.organization, terms.roles);
        let who: Vec<String> = guarded.iter().map(|guard| format!("{} {}", guard.entry.name, guard.shown)).collect();
        Place { account: account.clone(), chain, arrival, who: who.join("\n") }
    };
    let members = org.accounts.keys().filter(|account| !org.is_management(account));
    let mut places: Vec<Place> =
        members.map(|account| place(account, org.chain(&account.clone().into()), false)).collect();
    let touched: BTreeSet<TargetId> = touched(now, plan).into_values().flatten().collect();
    let Ok(nobody) = "000000000000".parse::<AccountId>() else { return places };
    for target in touched.iter().filter(|target| target.account().is_none()) {
        let mut chain = org.chain(target);
        if !chain.is_empty() && !places.iter().any(|place| place.chain.contains(target)) {
            chain.push(nobody.clone().into());
            places.push(place(&nobody, chain, true));
        }
    }
    places
}

/// What a verdict depends on, and no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) kind: PolicyType,
    pub(super) levels: Vec<Vec<TextId>>,
    who: String,
    /// Only where a text can tell one account from another.
    account: Option<AccountId>,
}

/// A chain that came to be, and the first change that made it.
pub(super) struct Asked {
    pub(super) key: Key,
    /// A place that has it.
    pub(super) place: usize,
    pub(super) step: String,
    pub(super) address: Address,
}

/// The way through a plan.
pub(super) struct Walk<'w> {
    pub(super) org: &'w OrgFacts,
    pub(super) terms: &'w Terms<'w>,
    pub(super) setting: Setting<'w>,
    now: Standing<'w>,
    pub(super) places: Vec<Place>,
    /// The places at or below each target.
    under: BTreeMap<TargetId, Vec<usize>>,
    pub(super) texts: Texts,
    /// Every distinct chain that a change made, in the order of the plan.
    pub(super) asked: Vec<Asked>,
    met: HashSet<Key>,
    verdicts: HashMap<Key, Rc<Vec<Loss>>>,
    /// What was said of a place: who, and the id of what is in the way.
    reported: BTreeSet<(usize, String, String)>,
    /// Refusals that were accepted.
    lifted: BTreeMap<TargetId, Vec<String>>,
    refusals: Vec<Refusal>,
}

impl Walk<'_> {
    /// Refuses what no longer allows anything at a target, and gives whether there was any; else whatever is lost in the
    /// accounts there.
    fn judge(
        &mut self,
        change: &Change,
        kind: &PolicyType,
        reached: &BTreeSet<TargetId>,
        standing: &Standing<'_>,
        when: &str,
    ) -> bool {
        let mut said = false;
        for target in reached.iter().filter(|_| *kind == PolicyType::Scp) {
            if let Some(message) = self.bare(change, target, standing, when) {
                self.refuse(change, Some(target), message);
                said = true;
            }
        }
        let mut groups: BTreeMap<(Key, Key), Vec<usize>> = BTreeMap::new();
        let places: BTreeSet<usize> =
            reached.iter().filter_map(|target| self.under.get(target)).flatten().copied().collect();
        for index in places {
            if let (Some(after), Some(before)) = (self.key(index, kind, Some(standing)), self.key(index, kind, None)) {
                groups.entry((after, before)).or_default().push(index);
            }
        }
        // Who, what is in the way and at which target of the change: what is lost, and where.
        let mut lost: BTreeMap<(String, String, TargetId), (Loss, Vec<usize>)> = BTreeMap::new();
        for ((after, before), members) in groups {
            let Some(first) = members.first().copied() else { continue };
            if self.met.insert(after.clone()) {
                let (step, address) = (change.step.clone(), change.address.clone());
                self.asked.push(Asked { key: after.clone(), place: first, step, address });
            }
            let found = self.verdict(after, first);
            if found.is_empty() {
                continue;
            }
            let had = self.verdict(before, first);
            for loss in found.iter().filter_map(|loss| new(loss, &had)) {
                for index in &members {
                    let key = (*index, loss.who.clone(), loss.blocker.id.clone());
                    let at =
                        self.places.get(*index).and_then(|place| place.chain.iter().find(|at| reached.contains(at)));
                    if let (true, Some(at)) = (self.reported.insert(key), at) {
                        let key = (loss.who.clone(), loss.blocker.id.clone(), at.clone());
                        lost.entry(key).or_insert_with(|| (loss.clone(), Vec::new())).1.push(*index);
                    }
                }
            }
        }
        if said {
            return true;
        }
        for ((_, _, target), (loss, members)) in lost {
            let here: Vec<&Place> = members.iter().filter_map(|index| self.places.get(*index)).collect();
            let Some(first) = here.first() else { continue };
            let place = match here.as_slice() {
                [one] if one.arrival => "in any account that comes there".to_owned(),
                [one] => format!("in account {}", one.account),
                _ => format!("in {} accounts, {} among them", here.len(), first.account),
            };
            let message = words::loss(&loss, self.org, &first.chain, &format!("{place}{when}"));
            self.refuse(change, Some(&target), message);
        }
        false
    }

    /// Whether a detach, or a new text, leaves a target with nothing that allows.
    fn bare(&self, change: &Change, target: &TargetId, standing: &Standing<'_>, when: &str) -> Option<String> {
        let place = self.org.describe(target);
        let (kind, name) = subject(change)?;
        let Some(names) = standing.names(kind, target) else {
            return Some(format!(
                "it detaches `{}` from {place}, the last SCP there{when}: every account needs one at each level, attach its replacement first",
                words::shown(name)
            ));
        };
        let allows = |standing: &Standing<'_>, name: &String| match standing.text(kind, name) {
            Some(Ok(text)) => allows_something(text),
            _ => true,
        };
        let had = self.now.names(kind, target).is_some_and(|names| names.iter().any(|name| allows(&self.now, name)));
        let takes = change.after.is_none() || matches!(change.address, Address::Policy { .. });
        if !takes || !had || names.iter().any(|name| allows(standing, name)) {
            return None;
        }
        Some(format!(
            "after it no policy attached to {place} allows anything{when}: `{}` needs a replacement that is attached first",
            words::shown(name)
        ))
    }

    /// Refuses to change what binds every account at once, with no way back in.
    fn root(
        &mut self,
        change: &Change,
        kind: &PolicyType,
        name: &str,
        reached: &BTreeSet<TargetId>,
        standing: &Standing<'_>,
    ) {
        let root = &self.org.root.id;
        // To detach what only denies gives back, and takes nothing.
        let gives_back = change.after.is_none()
            && standing.text(kind, name).is_some_and(|text| text.as_ref().is_ok_and(|text| !allows_something(text)));
        if !self.terms.roles.break_glass.is_empty() || !reached.contains(root) || gives_back {
            return;
        }
        let message = format!(
            "it changes what `{}` does at root {root}, which reaches every account, and no break-glass role is configured: name one under `break_glass_roles` in the config file, or use OUs as targets",
            words::shown(name)
        );
        self.refuse(change, Some(&root.clone()), message);
    }

    /// A refusal, or a note if the target's risk was accepted.
    fn refuse(&mut self, change: &Change, target: Option<&TargetId>, message: String) {
        let message = match target {
            Some(target) if self.terms.accepted.contains(target) => {
                self.lifted.entry(target.clone()).or_default().push(message);
                return;
            }
            Some(target) => format!("{message}; --accept-lockout-risk {target} goes on all the same"),
            None => message,
        };
        let address = Some(change.address.clone());
        let refusal = Refusal { step: change.step.clone(), address, kind: RefusalKind::LockOut, message };
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// What decides about a place at a moment; `None` for now.
    pub(super) fn key(&mut self, index: usize, kind: &PolicyType, standing: Option<&Standing<'_>>) -> Option<Key> {
        let Self { texts, places, now, .. } = self;
        let (standing, place) = (standing.unwrap_or(now), places.get(index)?);
        let mut levels = Vec::new();
        for target in &place.chain {
            let names = standing.names(kind, target);
            levels.push(match names {
                None if place.arrival && target.account().is_some() => {
                    let full: super::standing::Text = Ok(FULL.into());
                    vec![texts.id("FullAWSAccess", Some(&full))]
                }
                names => names.into_iter().flatten().map(|name| texts.id(name, standing.text(kind, name))).collect(),
            });
        }
        let all: Vec<TextId> = levels.iter().flatten().copied().collect();
        let account = texts.tell_accounts_apart(&all).then(|| place.account.clone());
        Some(Key { kind: kind.clone(), levels, who: place.who.clone(), account })
    }

    /// What a chain takes, judged the first time it is met.
    fn verdict(&mut self, key: Key, index: usize) -> Rc<Vec<Loss>> {
        if let Some(known) = self.verdicts.get(&key) {
            return Rc::clone(known);
        }
        let found = self.places.get(index).map(|place| {
            let levels = key.levels.iter().map(|ids| self.texts.get(ids)).collect();
            let guarded = self.terms.protected.of(&place.account, &self.org.organization, self.terms.roles);
            losses(&Chain { kind: &key.kind, levels }, &place.account, &guarded, &self.setting)
        });
        let found = Rc::new(found.unwrap_or_default());
        self.verdicts.insert(key, Rc::clone(&found));
        found
    }

    fn into_proof(self) -> Proof {
        let note = |(target, messages): (&TargetId, &Vec<String>)| {
            let place = self.org.describe(target);
            format!("the risk of a lock-out at {place} was accepted: {}", messages.join("; "))
        };
        let notes = self.lifted.iter().map(note).collect();
        Proof { refusals: self.refusals, notes, chains: self.verdicts.len() }
    }
}

/// What an account that comes into an OU has attached.
const FULL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Whether a text has an Allow; one that can't be read may have.
fn allows_something(text: &str) -> bool {
    crate::policy::Document::parse(text)
        .map_or(true, |document| document.statements().iter().any(|statement| statement.effect() == Effect::Allow))
}

/// The part of a loss that was not lost before, by the same statement.
fn new(loss: &Loss, had: &[Loss]) -> Option<Loss> {
    let mut left = loss.clone();
    for before in had.iter().filter(|before| before.who == loss.who) {
        let same = before.blocker.id == loss.blocker.id;
        let milder = matches!(loss.blocker.what, Block::NotAllowed { doubt: Some(_) })
            && before.blocker.id == nothing_allows(loss.blocker.level, true);
        if same || milder {
            left.actions.retain(|action| !before.actions.contains(action));
        }
    }
    (!left.actions.is_empty()).then_some(left)
}
