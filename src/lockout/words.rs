//! What a proof says: who loses what, where, and which statement takes it.

use super::chain::{Block, Loss};
use crate::model::{OrgFacts, TargetId};

/// A loss in words. `place` says in which accounts, `chain` is the way to the first of them.
pub(super) fn loss(loss: &Loss, org: &OrgFacts, chain: &[TargetId], place: &str) -> String {
    let Loss { who, exempt, blocker, actions, regions } = loss;
    let what = some(&actions.iter().map(|action| format!("`{action}`")).collect::<Vec<_>>());
    let regions = match regions.len() {
        0 => String::new(),
        _ => format!(" in {}", some(&regions.iter().map(ToString::to_string).collect::<Vec<_>>())),
    };
    let at = chain.get(blocker.level).map_or_else(String::new, |target| org.describe(target));
    let way: Vec<String> = chain.iter().map(ToString::to_string).collect();
    let place = format!("{place} (chain {})", way.join(" > "));
    match &blocker.what {
        Block::Statement { policy, number, sid, place: at_line, doubt } => {
            let statement = match sid {
                Some(sid) => format!("statement `{}` (number {number}", shown(sid)),
                None => format!("a statement (number {number}"),
            };
            let line = at_line.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
            let denies = if doubt.is_some() { "may deny" } else { "denies" };
            let why = doubt.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!(
                "{statement}{line}) of `{}`, attached to {at}, {denies} {what}{regions} to {who} {place}{why}: exempt it with a Condition \"ArnNotLike\": {{\"aws:PrincipalArn\": \"{exempt}\"}}",
                shown(policy)
            )
        }
        Block::NotAllowed { doubt: None } => {
            format!("no policy attached to {at} allows {what}{regions} to {who} {place}: attach one that does first")
        }
        Block::NotAllowed { doubt: Some(why) } => format!(
            "whether a policy attached to {at} allows {what}{regions} to {who} {place} can't be told ({why}): attach one that surely does first"
        ),
        Block::Unreadable { policy, why } => format!(
            "whether `{}`, attached to {at}, leaves {what} to {who} {place} can't be told ({})",
            shown(policy),
            why.escape_debug()
        ),
    }
}

/// The first of a list and how many more.
pub(super) fn some(list: &[String]) -> String {
    match list {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// A hostile text made fit for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}
