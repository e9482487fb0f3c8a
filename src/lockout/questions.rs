//! What AWS's own simulator can be asked about a plan, and where its answer is not the proof's.
//!
//! Owns: one question for each distinct chain of SCPs, protected principal and Region, with the proof's own answer. Must not:
//! ask AWS.
//!
//! The simulator takes a key that nobody gives as absent. The answer that AWS's is held against is therefore given under the
//! same assumption; where the proof could not tell, it has refused already.
//!
//! Source: IAM API reference, `SimulateCustomPolicy`: service control policies only, no wildcards in actions; the statement
//! of an SCP that decided is not named.

use super::chain::{Block, Chain, Wanted, blockers, levels, wanted};
use super::prove::{Asked, Terms, Walk, walk};
use super::words::{shown, some};
use crate::model::org::PolicyType;
use crate::model::plan::{Refusal, RefusalKind};
use crate::model::simulation::{Simulated, Simulation};
use crate::model::{Address, OrgFacts, Plan, Region, TargetId};
use crate::policy::{Decision, evaluate_chain};
use std::collections::{BTreeMap, BTreeSet};

/// The most levels the simulator takes: the root, five of OUs, the account.
const MOST_LEVELS: usize = 7;

/// A question, and the proof's own answer.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub simulation: Simulation,
    /// Who, in which account, under which chain: for messages. Hostile.
    pub about: String,
    /// What the proof says of each action: nothing where it is allowed, else what denies it.
    ours: BTreeMap<String, Option<String>>,
    step: String,
    address: Address,
}

/// Everything that can be asked about a plan.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    /// The questions: first about how everything stands in the end, then about the moments before it, in plan order.
    pub list: Vec<Question>,
    /// What can't be asked, and why. Hostile.
    pub left_out: Vec<String>,
}

/// What to ask about a plan, under the terms of its proof.
pub fn questions(org: &OrgFacts, plan: &Plan, terms: &Terms<'_>) -> Questions {
    let (mut walk, end) = walk(org, plan, terms);
    let mut last = BTreeSet::new();
    for index in 0..walk.places.len() {
        last.extend(walk.key(index, &PolicyType::Scp, Some(&end)));
    }
    let asked = std::mem::take(&mut walk.asked);
    let (in_the_end, before): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| last.contains(&asked.key));
    let mut questions = Questions::default();
    for asked in in_the_end.into_iter().chain(before) {
        match asked.key.kind {
            PolicyType::Scp => ask(&walk, asked, &mut questions),
            _ => {
                let why = "resource control policies: AWS's simulator does not take them".to_owned();
                if !questions.left_out.contains(&why) {
                    questions.left_out.push(why);
                }
            }
        }
    }
    questions
}

/// Adds what is to be asked about one chain.
fn ask(walk: &Walk<'_>, asked: &Asked, questions: &mut Questions) {
    let Some(place) = walk.places.get(asked.place) else { return };
    let chain =
        Chain { kind: &asked.key.kind, levels: asked.key.levels.iter().map(|ids| walk.texts.get(ids)).collect() };
    let way = place.chain.iter().map(TargetId::as_str).collect::<Vec<_>>().join(" > ");
    let texts = chain.levels.iter().flatten();
    let unfit = texts.clone().find(|ready| ready.parts.is_err()).map(|ready| {
        let name = shown(&ready.name);
        format!("chain {way}: the document of `{name}` can't be read")
    });
    let deep = (chain.levels.len() > MOST_LEVELS).then(|| format!("chain {way}: more than {MOST_LEVELS} levels"));
    if let Some(why) = unfit.or(deep) {
        questions.left_out.push(why);
        return;
    }
    let regional = texts.clone().any(|ready| ready.regional);
    let about_all = texts.clone().any(|ready| ready.parts.as_ref().is_ok_and(|parts| parts.widened.is_some()));
    let guarded = walk.terms.protected.of(&place.account, &walk.org.organization, walk.terms.roles);
    // One call for the actions of one principal in one Region, as far as the same documents are asked about.
    let mut calls: BTreeMap<(String, Option<Region>, bool), Vec<Wanted>> = BTreeMap::new();
    for guard in &guarded {
        for one in wanted(guard, &place.account, chain.kind, regional, &walk.setting) {
            let key = (one.who.clone(), one.region.clone(), one.wide && about_all);
            calls.entry(key).or_default().push(one);
        }
    }
    for ((who, region, wide), requests) in calls {
        let Some(first) = requests.first() else { continue };
        let simulation = Simulation {
            levels: saved(&chain, wide),
            actions: requests.iter().map(|wanted| wanted.request.action.clone()).collect(),
            resource: first.request.resource.clone(),
            context: first.request.known(),
        };
        let ours = requests.into_iter().map(|wanted| (wanted.request.action.clone(), own(&chain, wanted, wide)));
        let region = region.map(|region| format!(" in {region}")).unwrap_or_default();
        questions.list.push(Question {
            ours: ours.collect(),
            simulation,
            about: format!("{who}{region} in account {} (chain {way})", place.account),
            step: asked.step.clone(),
            address: asked.address.clone(),
        });
    }
}

/// The documents of each level as texts.
fn saved(chain: &Chain<'_>, wide: bool) -> Vec<Vec<String>> {
    let text = |ready: &std::rc::Rc<super::texts::Ready>| {
        let widened = ready.parts.as_ref().ok().and_then(|parts| parts.widened.clone()).filter(|_| wide);
        widened.or_else(|| ready.saved.as_ref().map(ToString::to_string))
    };
    chain.levels.iter().map(|level| level.iter().filter_map(text).collect()).collect()
}

/// The proof's own answer, with every key that is not given absent: nothing if it is allowed, else what denies it.
fn own(chain: &Chain<'_>, mut wanted: Wanted, wide: bool) -> Option<String> {
    wanted.request.context.complete = true;
    wanted.wide = wide;
    match evaluate_chain(&levels(chain, None, wide), &wanted.request) {
        Decision::Allow => None,
        Decision::CannotTell { why } => Some(why),
        Decision::Deny { .. } | Decision::NoMatch => {
            let found = blockers(chain, &wanted);
            let certain =
                found.iter().find(|blocker| !matches!(&blocker.what, Block::Statement { doubt: Some(_), .. }));
            Some(match certain.map(|blocker| &blocker.what) {
                Some(Block::Statement { policy, number, sid, place, .. }) => {
                    let sid = sid.as_deref().map(|sid| format!(" `{}`", shown(sid))).unwrap_or_default();
                    let place = place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
                    format!("statement{sid} (number {number}{place}) of `{}`", shown(policy))
                }
                _ => "no statement of one level, which allows nothing of it".to_owned(),
            })
        }
    }
}

/// Where AWS's answers are not the proof's, as refusals of the plan; and what AWS did not say.
///
/// Actions of a question for which AWS and the proof are at odds in the same way are told together.
pub fn disagreements(question: &Question, answers: &[Simulated]) -> (Vec<Refusal>, Vec<String>) {
    let mut odds: BTreeMap<(bool, Option<&String>, &str), Vec<String>> = BTreeMap::new();
    let mut untold = Vec::new();
    for (action, ours) in &question.ours {
        let answer = answers.iter().find(|answer| answer.action.eq_ignore_ascii_case(action));
        match answer.and_then(|answer| Some((answer.allowed?, answer.decision.as_str()))) {
            None => untold.push(format!("`{action}`")),
            Some((theirs, _)) if theirs == ours.is_none() => {}
            Some((theirs, decision)) => {
                odds.entry((theirs, ours.as_ref(), decision)).or_default().push(format!("`{action}`"));
            }
        }
    }
    let refusal = |((theirs, ours, decision), actions): ((bool, Option<&String>, &str), Vec<String>)| {
        let said = if theirs { "allows" } else { "denies" };
        let ours = match ours {
            Some(why) => format!("orgward's evaluator denies it by {why}"),
            None => "orgward's evaluator allows it, no statement denies it".to_owned(),
        };
        let message = format!(
            "AWS's simulator {said} {} to {} (it says `{}` and names no statement of an SCP), {ours}: one of the two is wrong, and nothing is proved until it is known which; test it in an account apart and report it",
            some(&actions),
            question.about,
            shown(decision)
        );
        let (step, address) = (question.step.clone(), Some(question.address.clone()));
        Refusal { step, address, kind: RefusalKind::Disagreement, message }
    };
    let untold = match untold.as_slice() {
        [] => Vec::new(),
        some_ => vec![format!("{}: AWS does not say what SCPs decide of {}", question.about, some(some_))],
    };
    (odds.into_iter().map(refusal).collect(), untold)
}
