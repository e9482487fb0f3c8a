//! How far an audit is: a bar on a terminal, lines elsewhere, nothing with `--quiet`.
//!
//! Owns: what is said and when. Must not: decide anything, or hold anybody up. Elsewhere a line comes every tenth of the
//! accounts, and every [`SILENCE`] at least, so that a log shows life.

use super::eta::{Pace, Shared, eta, target_pages_left, words};
use super::ui::Ui;
use crate::audit;
use crate::aws::Sessions;
use crate::collect;
use crate::model::{AccountFacts, AccountId};
use crate::report::text::{cut, plain};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest time without a line.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a bar is painted anew.
const REPAINT: Duration = Duration::from_millis(500);
/// From this time on an account is named as slow.
const SLOW: Duration = Duration::from_secs(10);
/// Slow accounts that are named.
const NAMED: usize = 2;
/// Columns of a line.
const WIDTH: usize = 80;
/// Of which the bar takes these.
const BAR: usize = 12;

/// Progress over the accounts of an organization, from the first page of accounts to the last account.
pub struct AuditProgress {
    sessions: Sessions,
    /// On a terminal.
    bar: Option<ProgressBar>,
    /// Where lines go elsewhere.
    tell: Tell,
    state: Mutex<State>,
}

/// Where a line goes.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// How far it is.
#[derive(Debug, Default)]
struct State {
    total: usize,
    /// All accounts are known.
    whole: bool,
    done: usize,
    /// Accounts that were done when this audit was gone on with: shown, and no measure of its pace.
    before: usize,
    /// Accounts that were entered, or are about to be.
    entered: usize,
    /// Accounts whose facts are asked for, and since when.
    in_work: BTreeMap<AccountId, Duration>,
    /// When the first was entered.
    first: Option<Duration>,
    ous: usize,
    /// Every page of policies and their targets was read.
    listed: bool,
    /// When a line was said last.
    said: Duration,
}

/// What is shown.
#[derive(Debug, Clone, Default, PartialEq)]
struct Figures {
    done: usize,
    total: usize,
    whole: bool,
    per_second: f64,
    throttled: u64,
    eta: Option<Duration>,
    /// Accounts in work.
    in_work: usize,
    /// The slowest accounts, the slowest first: how long they are in work, and what they wait for.
    slow: Vec<(String, Duration, Option<String>)>,
}

impl AuditProgress {
    /// Nothing is known yet. `sessions` tell what is asked and how fast.
    pub fn new(ui: &Ui, sessions: &Sessions) -> Self {
        let ui = *ui;
        Self::telling(ui.bar(), Box::new(move |line| ui.say(line)), sessions)
    }

    fn telling(bar: Option<ProgressBar>, tell: Tell, sessions: &Sessions) -> Self {
        // The template is a constant; were it wrong, indicatif's own style would show.
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template("[{bar:9}] {msg}")) {
            bar.set_style(style.progress_chars("=> "));
        }
        let state = State { said: sessions.clock().elapsed(), ..State::default() };
        Self { sessions: sessions.clone(), bar, tell, state: Mutex::new(state) }
    }

    /// So many accounts were done before.
    pub fn going_on(&self, done: usize) {
        self.lock().before = done;
    }

    /// The tree has so many OUs; their policies are still to be listed, until [`Self::listed`].
    pub fn tree(&self, ous: usize) {
        let mut state = self.lock();
        (state.ous, state.listed) = (ous, false);
    }

    /// Every policy and every target of one is known.
    pub fn listed(&self) {
        self.lock().listed = true;
    }

    /// Does the work and shows meanwhile how far it is.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.beat() => match never {},
        }
    }

    /// Shows how far it is, again and again.
    async fn beat(&self) -> Infallible {
        let clock = self.sessions.clock();
        loop {
            let silent = clock.elapsed().saturating_sub(self.lock().said);
            let rest = if self.bar.is_some() { REPAINT } else { SILENCE.saturating_sub(silent) };
            clock.wait(rest.max(Duration::from_millis(10))).await;
            match &self.bar {
                Some(bar) => self.paint(bar),
                None if clock.elapsed().saturating_sub(self.lock().said) >= SILENCE => self.say(true),
                None => {}
            }
        }
    }

    /// Paints the bar.
    fn paint(&self, bar: &ProgressBar) {
        let figures = self.figures();
        bar.set_length(figures.total as u64);
        bar.set_position(figures.done as u64);
        bar.set_message(figures.beside_a_bar());
    }

    /// Says a line, and with `slow` one of the slowest accounts.
    fn say(&self, slow: bool) {
        let figures = self.figures();
        self.lock().said = self.sessions.clock().elapsed();
        (self.tell)(&figures.line());
        if let Some(line) = figures.slowest().filter(|_| slow) {
            (self.tell)(&line);
        }
    }

    fn figures(&self) -> Figures {
        let now = self.sessions.clock().elapsed();
        let (pace, whole, slow, before) = {
            let state = self.lock();
            (state.pace(&self.sessions, now), state.whole, state.slow(now), state.before)
        };
        let shown = |accounts: u64| usize::try_from(accounts).unwrap_or(usize::MAX).saturating_add(before);
        let slow = slow.into_iter().map(|(account, since)| {
            let asking = self.sessions.asking(&account).and_then(|asking| asking.operation);
            (account.as_str().to_owned(), since, asking)
        });
        Figures {
            done: shown(pace.done),
            total: shown(pace.total),
            whole,
            per_second: self.sessions.requests_per_second(),
            throttled: self.sessions.stats().throttled,
            eta: eta(&pace),
            in_work: usize::try_from(pace.in_work).unwrap_or(usize::MAX),
            slow: slow.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AuditProgress {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

impl collect::Progress for AuditProgress {
    fn total(&self, accounts: usize, last: bool) {
        let mut state = self.lock();
        (state.total, state.whole) = (accounts, last);
    }

    fn started(&self, _account: &AccountId) {
        let now = self.sessions.clock().elapsed();
        let mut state = self.lock();
        state.first.get_or_insert(now);
        state.entered += 1;
    }

    fn asking(&self, account: &AccountId) {
        let now = self.sessions.clock().elapsed();
        self.lock().in_work.insert(account.clone(), now);
    }

    fn finished(&self, account: &AccountId, facts: &AccountFacts) {
        // Whoever was cut short is asked again when the audit is gone on with.
        let whole = audit::finished(facts);
        let due = {
            let mut state = self.lock();
            state.in_work.remove(account);
            if !whole {
                return;
            }
            state.done += 1;
            state.at_a_tenth()
        };
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if due => self.say(false),
            None => {}
        }
    }
}

impl State {
    /// Whether the account just done makes a tenth of all full, or is the last. While the total grows there are no tenths.
    fn at_a_tenth(&self) -> bool {
        let tenth = self.total.div_ceil(10).max(1);
        self.whole && (self.done.is_multiple_of(tenth) || self.done == self.total)
    }

    fn pace(&self, sessions: &Sessions, now: Duration) -> Pace {
        let (done, in_work, total) = (self.done as u64, self.in_work.len() as u64, self.total as u64);
        let roles = sessions.own_pace("sts", "AssumeRole").rate;
        let mut shared = vec![Shared { requests: total.saturating_sub(self.entered as u64), rate: roles }];
        if !self.listed {
            let listing = sessions.own_pace("organizations", "ListTargetsForPolicy");
            let requests = target_pages_left(total, self.ous as u64, listing.taken);
            shared.push(Shared { requests, rate: listing.rate });
        }
        let elapsed = self.first.map(|first| now.saturating_sub(first)).unwrap_or_default();
        Pace { done, in_work, total, elapsed, shared }
    }

    /// The accounts longest in work, the slowest first.
    fn slow(&self, now: Duration) -> Vec<(AccountId, Duration)> {
        let since = self.in_work.iter().map(|(account, began)| (account, now.saturating_sub(*began)));
        let mut slow: Vec<_> = since.filter(|(_, since)| *since >= SLOW).collect();
        slow.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        slow.into_iter().take(NAMED).map(|(account, since)| (account.clone(), since)).collect()
    }
}

impl Figures {
    /// As a line of its own.
    fn line(&self) -> String {
        cut(&format!("accounts: {}", self.counts()), WIDTH)
    }

    /// As it stands beside a bar, with a line for the slowest below.
    fn beside_a_bar(&self) -> String {
        let slow = self.slowest().map(|line| format!("\n{line}")).unwrap_or_default();
        format!("{}{slow}", cut(&self.counts(), WIDTH - BAR))
    }

    /// The figures.
    fn counts(&self) -> String {
        let more = if self.whole { "" } else { "+" };
        let mut text = format!("{} of {}{more}", thousands(self.done as u64), thousands(self.total as u64));
        if self.total == 0 && !self.whole {
            text = "none listed yet".to_owned();
        }
        // Far below what the cast holds, and never negative.
        let per_second = self.per_second.round() as u64;
        text += &format!(", {} req/s, {} throttled", thousands(per_second), thousands(self.throttled));
        let left = self.total.saturating_sub(self.done);
        let soon = self.eta.is_none_or(|eta| eta < SLOW);
        if self.whole && left > 0 && left <= self.in_work && soon {
            // How long the last ones take, the others do not tell.
            text += &format!(", {} still in work", thousands(left as u64));
        } else if !self.whole || left > 0 {
            text += &format!(", {}", words(self.eta, self.whole));
        }
        text
    }

    /// The slowest accounts, if there are slow ones.
    fn slowest(&self) -> Option<String> {
        let named = self.slow.iter().map(|(account, since, asking)| {
            let asking = asking.as_deref().map(|asking| format!(" ({})", plain(asking))).unwrap_or_default();
            format!("{} {} s{asking}", plain(account), since.as_secs())
        });
        let named: Vec<String> = named.collect();
        (!named.is_empty()).then(|| cut(&format!("  slowest: {}", named.join(", ")), WIDTH))
    }
}

/// `1,240`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
