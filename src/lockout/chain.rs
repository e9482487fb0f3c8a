//! Whether one chain of policies leaves the protected principals of one account their actions, and what is in the way.
//!
//! Owns: the requests a principal has to stay able to make, and finding the statement that blocks one. Must not: know a
//! plan.
//!
//! Source: Organizations User Guide, "SCP evaluation" and "RCP evaluation".

use super::protected::{Guarded, Protected, Sent, principal};
use super::texts::{Ready, Single};
use crate::model::org::{Organization, PolicyType};
use crate::model::{AccountId, Region};
use crate::policy::{Decision, Document, Effect, Request, evaluate, evaluate_chain};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What AWS keeps attached everywhere for resource control policies.
const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// A chain from the root to an account: the texts at each level.
pub(super) struct Chain<'c> {
    pub(super) kind: &'c PolicyType,
    pub(super) levels: Vec<Vec<Rc<Ready>>>,
}

/// What stays the same for every chain.
pub(super) struct Setting<'s> {
    pub(super) organization: &'s Organization,
    pub(super) protected: &'s Protected,
    /// The Regions in scope; `None`: not known.
    pub(super) regions: Option<Vec<Region>>,
}

/// What stands between a principal and an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocker {
    /// The same for the same reason, in whichever policy and at whichever place.
    pub(super) id: String,
    /// The level of the chain, from the root.
    pub(super) level: usize,
    pub(super) what: Block,
}

/// Kinds of blocker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// A Deny statement; `place` is its file and line, or its line in a document that has some; `doubt` says why it may not
    /// apply.
    Statement { policy: String, number: usize, sid: Option<String>, place: Option<String>, doubt: Option<String> },
    /// No statement at this level allows it.
    NotAllowed { doubt: Option<String> },
    /// A text can't be read.
    Unreadable { policy: String, why: String },
}

/// A principal, and what a blocker takes from it.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// Who, in words; the same in every account.
    pub(super) who: String,
    /// The pattern of an ARN that would exempt it.
    pub(super) exempt: String,
    pub(super) blocker: Blocker,
    pub(super) actions: BTreeSet<String>,
    /// Where; empty if the Region makes no difference.
    pub(super) regions: BTreeSet<Region>,
}

/// A request that has to be allowed.
pub(super) struct Wanted {
    /// Who, in words.
    pub(super) who: String,
    exempt: String,
    pub(super) request: Request,
    /// Whether a Deny on some resource counts as one on all.
    pub(super) wide: bool,
    /// Where; `None` if the Region makes no difference.
    pub(super) region: Option<Region>,
}

/// Everything the chain takes from these principals.
pub(super) fn losses(
    chain: &Chain<'_>,
    account: &AccountId,
    guarded: &[Guarded<'_>],
    setting: &Setting<'_>,
) -> Vec<Loss> {
    let regional = chain.levels.iter().flatten().any(|ready| ready.regional);
    let always = match chain.kind {
        PolicyType::Rcp => Document::parse(ALLOW).ok(),
        _ => None,
    };
    let (plain, wide) = (levels(chain, always.as_ref(), false), levels(chain, always.as_ref(), true));
    let unreadable: Vec<Blocker> =
        chain.levels.iter().enumerate().flat_map(|(at, level)| unreadable(at, level)).collect();
    let mut found: BTreeMap<(String, String), Loss> = BTreeMap::new();
    for guard in guarded {
        for wanted in wanted(guard, account, chain.kind, regional, setting) {
            let levels = if wanted.wide { &wide } else { &plain };
            let mut blockers = unreadable.clone();
            if evaluate_chain(levels, &wanted.request) != Decision::Allow {
                blockers.extend(self::blockers(chain, &wanted));
            }
            for blocker in blockers {
                let loss = found.entry((wanted.who.clone(), blocker.id.clone())).or_insert_with(|| Loss {
                    who: wanted.who.clone(),
                    exempt: wanted.exempt.clone(),
                    blocker,
                    actions: BTreeSet::new(),
                    regions: BTreeSet::new(),
                });
                loss.actions.insert(wanted.request.action.clone());
                loss.regions.extend(wanted.region.clone());
            }
        }
    }
    found.into_values().collect()
}

/// The documents of each level, as they are or with every Deny about every resource.
pub(super) fn levels<'d>(chain: &'d Chain<'_>, always: Option<&'d Document>, wide: bool) -> Vec<Vec<&'d Document>> {
    let mut levels = Vec::new();
    for texts in &chain.levels {
        let parts = texts.iter().filter_map(|ready| ready.parts.as_ref().ok());
        levels
            .push(always.into_iter().chain(parts.map(|parts| if wide { &parts.wide } else { &parts.plain })).collect());
    }
    levels
}

/// The requests of a principal under policies of a type; in every Region only where that makes a difference.
pub(super) fn wanted(
    guard: &Guarded<'_>,
    account: &AccountId,
    kind: &PolicyType,
    regional: bool,
    setting: &Setting<'_>,
) -> Vec<Wanted> {
    let home = &setting.organization.home_region;
    let context = match kind {
        PolicyType::Rcp => guard
            .context
            .clone()
            .with("aws:ResourceAccount", account.as_str())
            .with("aws:ResourceOrgID", &setting.organization.id),
        _ => guard.context.clone(),
    };
    let exact = guard.entry.actions.iter().map(|action| (action, false));
    let on_any = guard.entry.actions_on_resources.iter().map(|action| (action, true));
    let mut list = Vec::new();
    for (action, wide) in exact.chain(on_any) {
        let request = Request {
            principal: guard.principal.clone(),
            action: action.clone(),
            resource: "*".to_owned(),
            context: context.clone(),
        };
        let who = format!("{} ({})", guard.shown, guard.entry.name);
        list.push(Wanted { who, exempt: guard.exempt(), request, wide, region: None });
    }
    if *kind == PolicyType::Rcp && guard.entry.entered {
        // The caller enters the role, and the role is the resource.
        let caller = principal(&setting.organization.caller_arn, home);
        let who = format!("{}, who enters {}", caller.arn, guard.shown);
        let (exempt, resource) = (caller.arn.clone(), guard.principal.arn.clone());
        let request = Request { principal: caller, action: "sts:AssumeRole".to_owned(), resource, context };
        list.push(Wanted { who, exempt, request, wide: false, region: None });
    }
    list.into_iter().flat_map(|wanted| everywhere(&wanted, regional, setting)).collect()
}

/// A request in each Region it can be sent to; in one where that makes no difference.
fn everywhere(wanted: &Wanted, regional: bool, setting: &Setting<'_>) -> Vec<Wanted> {
    let regions: Vec<Option<&Region>> =
        match (setting.protected.sent(&wanted.request.action, setting.organization), setting.regions.as_deref()) {
            (Sent::Home, _) => vec![Some(&setting.organization.home_region)],
            (Sent::Global(region), _) => vec![region],
            (Sent::Everywhere, None) => vec![None],
            (Sent::Everywhere, Some(regions)) if regional => regions.iter().map(Some).collect(),
            (Sent::Everywhere, Some(regions)) => vec![regions.first()],
        };
    let sent = |region: Option<&Region>| {
        let mut request = wanted.request.clone();
        if let Some(region) = region {
            request.context = request.context.with("aws:RequestedRegion", region.as_str());
        }
        let (who, exempt, region) = (wanted.who.clone(), wanted.exempt.clone(), region.filter(|_| regional).cloned());
        Wanted { who, exempt, request, wide: wanted.wide, region }
    };
    regions.into_iter().map(sent).collect()
}

/// What is in the way of a request that is not allowed for certain.
pub(super) fn blockers(chain: &Chain<'_>, wanted: &Wanted) -> Vec<Blocker> {
    let mut found = Vec::new();
    let judge = |single: &Single| {
        let document = if wanted.wide { &single.wide } else { &single.plain };
        evaluate(&[document], &wanted.request)
    };
    for (level, texts) in chain.levels.iter().enumerate() {
        for ready in texts {
            let singles = ready.parts.iter().flat_map(|parts| parts.statements.iter().enumerate());
            for (index, single) in singles.filter(|(_, single)| single.effect == Effect::Deny) {
                let doubt = match judge(single) {
                    Decision::Deny { .. } => None,
                    Decision::CannotTell { why } => Some(reason(&why)),
                    Decision::Allow | Decision::NoMatch => continue,
                };
                found.push(Blocker {
                    id: single.text.clone(),
                    level,
                    what: Block::Statement {
                        policy: ready.name.clone(),
                        number: index + 1,
                        sid: single.sid.clone(),
                        place: ready.place(index, single),
                        doubt,
                    },
                });
            }
        }
        if let Some(what) = not_allowed(chain.kind, texts, wanted) {
            let sure = matches!(what, Block::NotAllowed { doubt: None });
            found.push(Blocker { id: nothing_allows(level, sure), level, what });
        }
    }
    found
}

/// The id of the blocker that is a missing Allow.
pub(super) fn nothing_allows(level: usize, sure: bool) -> String {
    format!("nothing {} allows it at level {level}", if sure { "surely" } else { "perhaps" })
}

/// Whether a level lacks a certain Allow.
fn not_allowed(kind: &PolicyType, texts: &[Rc<Ready>], wanted: &Wanted) -> Option<Block> {
    if *kind == PolicyType::Rcp {
        return None;
    }
    let singles = texts.iter().flat_map(|ready| &ready.parts).flat_map(|parts| &parts.statements);
    let mut doubt = None;
    for single in singles.filter(|single| single.effect == Effect::Allow) {
        match evaluate(&[&single.plain], &wanted.request) {
            Decision::Allow => return None,
            Decision::CannotTell { why } => doubt = doubt.or(Some(reason(&why))),
            Decision::Deny { .. } | Decision::NoMatch => {}
        }
    }
    Some(Block::NotAllowed { doubt })
}

fn unreadable(level: usize, texts: &[Rc<Ready>]) -> Vec<Blocker> {
    let unread = |ready: &Rc<Ready>| {
        let why = ready.parts.as_ref().err()?.clone();
        let policy = ready.name.clone();
        Some(Blocker { id: format!("unreadable {policy}: {why}"), level, what: Block::Unreadable { policy, why } })
    };
    texts.iter().filter_map(unread).collect()
}

/// The reason without the statement it begins with, which is always number 1 here.
fn reason(why: &str) -> String {
    why.split_once("): ").or_else(|| why.split_once("number 1: ")).map_or(why, |(_, reason)| reason).to_owned()
}
