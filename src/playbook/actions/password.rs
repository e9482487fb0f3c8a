//! `password_policy`: merges what is wanted into what is there, and tells whom the result hits.
//!
//! Source: IAM API reference, `UpdateAccountPasswordPolicy` (no partial update: the whole policy is written); IAM User
//! Guide, "Set an account password policy" (the default policy, expiry). CIS 1.8 and 1.9 in v1.4 to v4.0.

use crate::model::iam::{CredentialReport, CredentialRow, PasswordPolicy};
use crate::model::plan::{Change, Confirmation, ConfirmationReason};
use crate::model::{AccountFacts, Address, Cause, CauseKind, Doc};
use crate::playbook::schema::PasswordPolicySpec;
use jiff::{SignedDuration, Timestamp};

/// What stands in an account without a policy of its own: IAM's default. It also asks for three of four kinds of
/// characters, which no policy can say; see [`merge`].
fn iam_default() -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: 8,
        require_symbols: false,
        require_numbers: false,
        require_uppercase_characters: false,
        require_lowercase_characters: false,
        allow_users_to_change_password: false,
        max_password_age: None,
        password_reuse_prevention: None,
        hard_expiry: false,
    }
}

/// What one account needs, given the steps that reach it (each with its `playbook/step` name), in order.
///
/// `Ok(None)`: it is as wanted.
///
/// # Errors
/// The cause, if a fact that the answer depends on is unknown.
pub fn plan(
    facts: &AccountFacts,
    steps: &[(&str, &PasswordPolicySpec)],
    as_of: Timestamp,
) -> Result<Option<Change>, Cause> {
    let live = facts.password_policy.known().map_err(Clone::clone)?;
    let start = live.cloned().unwrap_or_else(iam_default);
    let (mut wanted, mut impact, mut names) = (start.clone(), Vec::new(), Vec::new());
    for (index, (name, spec)) in steps.iter().enumerate() {
        let from_default = live.is_none() && index == 0;
        let next = merge(&wanted, spec, from_default);
        if next != wanted || from_default {
            names.push(*name);
        }
        wanted = next;
    }
    if live == Some(&wanted) || names.is_empty() {
        return Ok(None);
    }
    if live.is_none() {
        impact.push(default_replaced(&wanted));
    }
    let hit = hit(facts, live, &wanted, as_of)?;
    let confirmations = confirmations(facts, &hit, live, &wanted);
    impact.extend(hit.lines(&wanted));
    Ok(Some(Change {
        address: Address::PasswordPolicy { account: facts.account.clone() },
        before: live.map(doc).transpose()?,
        after: Some(doc(&wanted)?),
        step: names.join(", "),
        reason: reason(&start, &wanted, live.is_none()),
        depends_on: Vec::new(),
        impact,
        confirmations,
        wave: 0,
        origins: Vec::new(),
    }))
}

fn doc(policy: &PasswordPolicy) -> Result<Doc, Cause> {
    Doc::of(policy).map_err(|error| Cause::new(CauseKind::Other, "iam:UpdateAccountPasswordPolicy", error.to_string()))
}

/// The policy with the step's values merged in: floors, or as given with `exact`.
///
/// `from_default`: the account has no policy. IAM's default asks for three of four kinds of characters; so that the
/// result is not weaker, at least three kinds are required, unless `exact`.
pub(super) fn merge(live: &PasswordPolicy, spec: &PasswordPolicySpec, from_default: bool) -> PasswordPolicy {
    let floor = |live: bool, wanted: Option<bool>| match wanted {
        Some(wanted) if spec.exact => wanted,
        Some(wanted) => live || wanted,
        None => live,
    };
    // Larger is stronger for length and reuse, smaller for age; "none" is the weakest of all.
    let larger = |live: Option<i32>, wanted: Option<i32>| if spec.exact { wanted.or(live) } else { live.max(wanted) };
    let smaller = |live: Option<i32>, wanted: Option<i32>| match (live, wanted) {
        (Some(live), Some(wanted)) if !spec.exact => Some(live.min(wanted)),
        (live, wanted) => wanted.or(live),
    };
    let length = larger(Some(live.minimum_password_length), spec.minimum_length);
    let mut merged = PasswordPolicy {
        minimum_password_length: length.unwrap_or(live.minimum_password_length),
        require_symbols: floor(live.require_symbols, spec.require_symbols),
        require_numbers: floor(live.require_numbers, spec.require_numbers),
        require_uppercase_characters: floor(live.require_uppercase_characters, spec.require_uppercase),
        require_lowercase_characters: floor(live.require_lowercase_characters, spec.require_lowercase),
        allow_users_to_change_password: spec.allow_users_to_change.unwrap_or(live.allow_users_to_change_password),
        max_password_age: smaller(live.max_password_age, spec.max_age),
        password_reuse_prevention: larger(live.password_reuse_prevention, spec.reuse_prevention),
        hard_expiry: floor(live.hard_expiry, spec.hard_expiry),
    };
    if from_default && !spec.exact {
        let kinds = |p: &PasswordPolicy| {
            [p.require_lowercase_characters, p.require_uppercase_characters, p.require_numbers, p.require_symbols]
                .into_iter()
                .filter(|required| *required)
                .count()
        };
        if kinds(&merged) < 3 {
            merged.require_lowercase_characters = true;
        }
        if kinds(&merged) < 3 {
            merged.require_uppercase_characters = true;
        }
        if kinds(&merged) < 3 {
            merged.require_numbers = true;
        }
    }
    merged
}

fn default_replaced(wanted: &PasswordPolicy) -> String {
    let required = [
        (wanted.require_lowercase_characters, "lower-case letters"),
        (wanted.require_uppercase_characters, "upper-case letters"),
        (wanted.require_numbers, "digits"),
        (wanted.require_symbols, "symbols"),
    ];
    let kinds: Vec<&str> = required.iter().filter(|(on, _)| *on).map(|(_, kind)| *kind).collect();
    let kinds = if kinds.is_empty() { "no kind of characters".to_owned() } else { kinds.join(", ") };
    format!("replaces IAM's default (8 characters, three of four kinds of characters, no expiry): requires {kinds}")
}

fn reason(before: &PasswordPolicy, after: &PasswordPolicy, from_default: bool) -> String {
    let mut parts = Vec::new();
    let number = |n: Option<i32>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
    let mut say = |name: &str, from: String, to: String| {
        if from != to {
            parts.push(format!("{name} {from} to {to}"));
        }
    };
    say("length", before.minimum_password_length.to_string(), after.minimum_password_length.to_string());
    say("reuse prevention", number(before.password_reuse_prevention), number(after.password_reuse_prevention));
    say("maximum age", number(before.max_password_age), number(after.max_password_age));
    for (name, from, to) in [
        ("symbols", before.require_symbols, after.require_symbols),
        ("digits", before.require_numbers, after.require_numbers),
        ("upper case", before.require_uppercase_characters, after.require_uppercase_characters),
        ("lower case", before.require_lowercase_characters, after.require_lowercase_characters),
        ("own change", before.allow_users_to_change_password, after.allow_users_to_change_password),
        ("hard expiry", before.hard_expiry, after.hard_expiry),
    ] {
        say(name, on_off(from).to_owned(), on_off(to).to_owned());
    }
    match (from_default, parts.is_empty()) {
        (true, true) => "the account has no password policy of its own".to_owned(),
        (true, false) => format!("the account has no password policy of its own: {}", parts.join(", ")),
        (false, _) => parts.join(", "),
    }
}

fn on_off(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// Whose passwords the change hits.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hit {
    /// Users whose passwords expire the moment the policy is written.
    expire: Vec<String>,
    /// Users who are then locked out until an administrator resets their password.
    locked_out: Vec<String>,
    /// When the credential report was made.
    counted_at: Option<Timestamp>,
}

/// Counts from the credential report, if the change makes expiry stricter.
fn hit(
    facts: &AccountFacts,
    before: Option<&PasswordPolicy>,
    after: &PasswordPolicy,
    as_of: Timestamp,
) -> Result<Hit, Cause> {
    let old_age = before.and_then(|policy| policy.max_password_age);
    let was_hard = before.is_some_and(|policy| policy.hard_expiry);
    let Some(age) = after.max_password_age else { return Ok(Hit::default()) };
    let tightens = old_age.is_none_or(|old| age < old);
    let hardens = after.hard_expiry && !was_hard;
    if !(tightens || hardens) {
        return Ok(Hit::default());
    }
    let report: &CredentialReport = facts.credential_report.known().map_err(Clone::clone)?.ok_or_else(|| {
        let message = "the account has no credential report, so nobody can tell whose passwords would expire";
        Cause::new(CauseKind::Other, "iam:GetCredentialReport", message)
    })?;
    let mut hit = Hit { counted_at: Some(report.generated_at), ..Hit::default() };
    for row in report.rows.iter().filter(|row| row.password_enabled == Some(true) && !row.is_root()) {
        let expired_before = old_age.is_some_and(|old| expired(row, old, as_of));
        let expired_after = expired(row, age, as_of);
        if expired_after && !expired_before {
            hit.expire.push(row.user.clone());
        }
        if expired_after && after.hard_expiry && !(was_hard && expired_before) {
            hit.locked_out.push(row.user.clone());
        }
    }
    hit.expire.sort();
    hit.locked_out.sort();
    Ok(hit)
}

/// Whether a password is as old as the maximum age. One whose date the report does not know counts as expired.
fn expired(row: &CredentialRow, max_age: i32, as_of: Timestamp) -> bool {
    let Some(changed) = row.password_last_changed.at() else { return true };
    as_of.duration_since(changed) >= SignedDuration::from_hours(i64::from(max_age) * 24)
}

impl Hit {
    fn lines(&self, after: &PasswordPolicy) -> Vec<String> {
        let Some(counted_at) = self.counted_at else { return Vec::new() };
        let age = after.max_password_age.unwrap_or_default();
        let mut lines = vec![format!(
            "{} of its console passwords expire at once, being {age} days old or older (credential report of {counted_at})",
            self.expire.len()
        )];
        lines.extend(self.expire.iter().map(|user| format!("the password of user {user} expires at once")));
        if after.hard_expiry {
            lines.extend(
                self.locked_out
                    .iter()
                    .map(|user| format!("user {user} is locked out until an administrator resets the password")),
            );
        }
        lines
    }
}

fn confirmations(
    facts: &AccountFacts,
    hit: &Hit,
    before: Option<&PasswordPolicy>,
    after: &PasswordPolicy,
) -> Vec<Confirmation> {
    let target = || facts.account.clone().into();
    let users = |n: usize| if n == 1 { "1 user".to_owned() } else { format!("{n} users") };
    let mut confirmations = Vec::new();
    if !hit.expire.is_empty() {
        let message =
            format!("the passwords of {} in account {} expire at once", users(hit.expire.len()), facts.account);
        confirmations.push(Confirmation { target: target(), why: ConfirmationReason::PasswordsExpire, message });
    }
    let turned_on = after.hard_expiry && !before.is_some_and(|policy| policy.hard_expiry);
    if turned_on || (after.hard_expiry && !hit.locked_out.is_empty()) {
        let message = match hit.locked_out.len() {
            0 => format!(
                "hard expiry in account {}: from now on, whoever's password expires is locked out until an administrator \
                 resets it (nobody today)",
                facts.account
            ),
            n => format!(
                "{} in account {} are locked out until an administrator resets their passwords",
                users(n),
                facts.account
            ),
        };
        confirmations.push(Confirmation { target: target(), why: ConfirmationReason::HardExpiry, message });
    }
    confirmations
}
