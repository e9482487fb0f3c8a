//! Every text on the page goes through here: made visible, and, where accounts are hidden, without their ids and names.
//!
//! Owns: the pseudonyms. Must not: escape for HTML; templates do that, and the script only ever sets text.

use crate::model::{AccountId, OrgFacts};
use crate::report::text::plain;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Texts from outside, fit to be shown.
pub(super) struct Words<'a> {
    org: &'a OrgFacts,
    hidden: Option<Hidden<'a>>,
}

/// What stands for the ids of accounts.
struct Hidden<'a> {
    /// The accounts of the organization by when they joined: one that joins later changes no other's number.
    members: BTreeMap<&'a str, usize>,
    /// Other accounts, numbered as they come.
    strangers: RefCell<BTreeMap<String, usize>>,
}

/// Prefixes of the unique ids of IAM: the account is encoded in what follows.
const UNIQUE_IDS: [&str; 12] =
    ["ABIA", "ACCA", "AGPA", "AIDA", "AIPA", "AKIA", "ANPA", "ANVA", "APKA", "AROA", "ASCA", "ASIA"];

impl<'a> Words<'a> {
    /// Words about this organization; `redact`: without account ids and names.
    pub(super) fn new(org: &'a OrgFacts, redact: bool) -> Self {
        let hidden = redact.then(|| {
            let mut members: Vec<_> = org.accounts.values().collect();
            members.sort_by_key(|account| (account.joined.is_none(), account.joined, &account.id));
            let numbered = members.into_iter().zip(1..).map(|(account, number)| (account.id.as_str(), number));
            Hidden { members: numbered.collect(), strangers: RefCell::default() }
        });
        Self { org, hidden }
    }

    /// Whether accounts are hidden.
    pub(super) fn redacted(&self) -> bool {
        self.hidden.is_some()
    }

    /// A text from outside: a message, a name, an ARN.
    pub(super) fn text(&self, text: &str) -> String {
        let shown = plain(text);
        match &self.hidden {
            None => shown,
            Some(hidden) => self.without_accounts(&shown, hidden),
        }
    }

    /// The same of a text of several lines, which it keeps: commands.
    pub(super) fn lines(&self, text: &str) -> String {
        text.lines().map(|line| self.text(line)).collect::<Vec<_>>().join("\n")
    }

    /// The id of an account, or what stands for it.
    pub(super) fn id(&self, id: &AccountId) -> String {
        match &self.hidden {
            None => id.to_string(),
            Some(hidden) => hidden.pseudonym(id.as_str()),
        }
    }

    /// The name of an account; nothing where accounts are hidden.
    pub(super) fn name(&self, id: &AccountId) -> String {
        match (&self.hidden, self.org.accounts.get(id)) {
            (None, Some(account)) => plain(&account.name),
            _ => String::new(),
        }
    }

    /// Both: `app-one (123456789012)`.
    pub(super) fn account(&self, id: &AccountId) -> String {
        let (id, name) = (self.id(id), self.name(id));
        if name.is_empty() { id } else { format!("{name} ({id})") }
    }

    /// `text` without ids and names of accounts, IAM's unique ids and mail addresses.
    fn without_accounts(&self, text: &str, hidden: &Hidden<'_>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-' | '@');
        while let Some(first) = rest.chars().next() {
            if !inner(first) {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let end = rest.find(|c| !inner(c)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(end);
            rest = after;
            if token.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.')) {
                out.push_str("(address)");
            } else if let Some(id) = hidden.token(token, &mut out) {
                rest = self.past_name(id, rest);
            }
        }
        out
    }

    /// `rest` without the name of the account that was just named, ` (name)` or ` name`.
    fn past_name<'t>(&self, id: &str, rest: &'t str) -> &'t str {
        let account = id.parse::<AccountId>().ok().and_then(|id| self.org.accounts.get(&id));
        let Some(name) = account.map(|account| plain(&account.name)).filter(|name| !name.is_empty()) else {
            return rest;
        };
        let bare = |rest: &'t str| {
            let after = rest.strip_prefix(' ')?.strip_prefix(name.as_str())?;
            after.chars().next().is_none_or(|c| !c.is_alphanumeric()).then_some(after)
        };
        rest.strip_prefix(&format!(" ({name})")).or_else(|| bare(rest)).unwrap_or(rest)
    }
}

impl Hidden<'_> {
    /// `account-0001` for one of ours, `outside-0001` for any other.
    fn pseudonym(&self, id: &str) -> String {
        if let Some(number) = self.members.get(id) {
            return format!("account-{number:04}");
        }
        let mut strangers = self.strangers.borrow_mut();
        let next = strangers.len() + 1;
        format!("outside-{:04}", strangers.entry(id.to_owned()).or_insert(next))
    }

    /// Writes a token without ids; the id it ends with, if it does.
    fn token<'t>(&self, token: &'t str, out: &mut String) -> Option<&'t str> {
        let mut last = None;
        for word in token.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let unique = matches!(bare.len(), 16..=21)
                && bare.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                && UNIQUE_IDS.iter().any(|prefix| bare.starts_with(prefix));
            if unique {
                let (head, tail) = (bare.get(..4).unwrap_or_default(), bare.get(bare.len() - 4..).unwrap_or_default());
                out.extend([head, "…", tail, word.get(bare.len()..).unwrap_or_default()]);
                last = None;
            } else {
                last = self.digits(word, out);
            }
        }
        last
    }

    /// Writes a word, each run of exactly twelve digits as a pseudonym; the last run, if the word ends with it.
    fn digits<'t>(&self, word: &'t str, out: &mut String) -> Option<&'t str> {
        let (mut rest, mut last) = (word, None);
        while !rest.is_empty() {
            let n = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (run, after) = rest.split_at(n);
            if n == 12 {
                out.push_str(&self.pseudonym(run));
            } else {
                out.push_str(run);
            }
            last = (n == 12 && after.is_empty()).then_some(run);
            let next = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
            let (other, after) = after.split_at(next);
            out.push_str(other);
            rest = after;
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixtures;

    #[test]
    fn ids_names_keys_and_addresses_are_hidden_wherever_they_stand() {
        let mut org = fixtures::org();
        let member = fixtures::id(fixtures::MEMBER);
        org.accounts.get_mut(&member).unwrap().name = "pay\u{202e}roll (eu)".to_owned();
        let words = Words::new(&org, true);
        let who = words.id(&member);
        assert!(who.starts_with("account-000"), "{who}");
        assert_eq!((words.name(&member), words.account(&member)), (String::new(), who.clone()));
        for (text, hidden) in [
            ("arn:aws:iam::222222222222:role/x", "arn:aws:iam::WHO:role/x"),
            ("logs-222222222222-eu and t222222222222x", "logs-WHO-eu and tWHOx"),
            ("account 222222222222 (pay\u{202e}roll (eu)) can leave", "account WHO can leave"),
            ("222222222222 pay\u{202e}roll (eu)", "WHO"),
            ("outsider 999999999999, again 999999999999", "outsider outside-0001, again outside-0001"),
            ("1222222222222 and 22222222222", "1222222222222 and 22222222222"),
            ("key AKIAIOSFODNN7EXAMPLE of ops@example.com", "key AKIA…MPLE of (address)"),
            ("Ünï 222222222222", "Ünï WHO"),
            ("user@ and @host", "user@ and @host"),
        ] {
            assert_eq!(words.text(text), hidden.replace("WHO", &who));
        }
    }

    #[test]
    fn nothing_is_hidden_unless_asked_for_and_marks_are_visible() {
        let org = fixtures::org();
        let words = Words::new(&org, false);
        assert_eq!(words.text("222222222222 \u{202e}x"), "222222222222 \\u{202e}x");
        assert_eq!(words.id(&fixtures::id(fixtures::MEMBER)), fixtures::MEMBER);
    }
}
