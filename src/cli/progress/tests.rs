//! What is read while an audit runs, and when it is said.

use super::*;

fn figures() -> Figures {
    Figures {
        done: 310,
        total: 1_240,
        whole: false,
        per_second: 182.4,
        throttled: 12,
        eta: Some(Duration::from_secs(171)),
        in_work: 32,
        slow: vec![
            ("111122223333".into(), Duration::from_secs(41), Some("iam:GetCredentialReport".into())),
            ("222233334444".into(), Duration::from_secs(12), None),
        ],
    }
}

#[test]
fn the_lines_are_as_they_were_read() {
    let growing = figures();
    let fast = Figures { whole: true, eta: Some(Duration::from_secs(20)), slow: Vec::new(), done: 1_215, ..figures() };
    let tail = Figures { eta: Some(Duration::from_secs(2)), in_work: 25, ..fast.clone() };
    let done = Figures { done: 1_240, eta: None, ..fast.clone() };
    let started = Figures { done: 0, per_second: 0.0, throttled: 0, eta: None, slow: Vec::new(), ..figures() };
    let nobody = Figures { total: 0, ..started.clone() };
    let large = Figures {
        done: 49_999,
        total: 50_000,
        per_second: 12_345.6,
        throttled: 123_456,
        eta: Some(Duration::from_secs(5 * 3_600)),
        ..figures()
    };
    let mut text = String::new();
    for figures in [nobody, started, growing, large, fast, tail, done] {
        text += &format!("{}\n", figures.line());
        text += &figures.slowest().map(|line| format!("{line}\n")).unwrap_or_default();
        text += &format!("[====>    ] {}\n\n", figures.beside_a_bar());
    }
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let hostile = "\u{1b}[2Jiam:\u{202e}X\r\n".to_owned() + &"y".repeat(200);
    let figures = Figures { slow: vec![("111122223333".into(), SLOW, Some(hostile))], ..figures() };
    let line = figures.slowest().unwrap();
    assert!(!line.contains(char::is_control) && !line.contains('\u{202e}') && line.chars().count() <= WIDTH, "{line}");
}

#[test]
fn tenths_are_told_once_the_total_is_known() {
    let told = |whole, total: usize| {
        let mut state = State { total, whole, ..State::default() };
        let due = (0..total).filter(|_| {
            state.done += 1;
            state.at_a_tenth()
        });
        due.count()
    };
    assert_eq!((told(true, 1_000), told(false, 1_000), told(true, 3), told(true, 25)), (10, 0, 3, 9));
}

#[test]
fn the_slowest_are_those_longest_in_work() {
    let account = |number: u64| -> AccountId { format!("{number:012}").parse().unwrap() };
    let mut state = State::default();
    state.in_work.extend((0..5).map(|number| (account(number), Duration::from_secs(20 - number * 4))));
    let slow = state.slow(Duration::from_secs(25));
    assert_eq!(slow, [(account(4), Duration::from_secs(21)), (account(3), Duration::from_secs(17))]);
    assert_eq!(state.slow(Duration::from_secs(13)).len(), 0, "nobody is slow yet");
}

#[test]
fn numbers_are_in_groups_of_three() {
    let shown = [0, 999, 1_000, 12_345, 1_234_567].map(thousands);
    assert_eq!(shown, ["0", "999", "1,000", "12,345", "1,234,567"]);
}

#[cfg(feature = "sandbox")]
mod live {
    use super::*;
    use crate::aws::{Clock, Purpose, Quotas, SessionSettings, StaticCredentials};
    use crate::collect::Progress as _;
    use crate::model::CauseKind;
    use crate::sandbox::{Sandbox, Scenario, generate, scenario};
    use std::sync::Arc;

    async fn sessions() -> Sessions {
        let mut scenario = Scenario::small();
        scenario.faults.clear();
        let sandbox = Sandbox::new(scenario);
        let (access_key_id, secret) = sandbox.credentials();
        let settings = SessionSettings {
            role_name: generate::AUDIT_ROLE.to_owned(),
            external_id: Some(generate::AUDIT_EXTERNAL_ID.into()),
            region: Some(Scenario::small().home),
            credentials: Some(StaticCredentials {
                access_key_id,
                secret_access_key: secret.into(),
                session_token: None,
            }),
            ..SessionSettings::default()
        };
        let clock = Clock::virtual_from(scenario::EPOCH);
        Sessions::connect(sandbox.http_client(), clock, settings, Quotas::embedded()).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_shows_life_every_thirty_seconds() {
        let sessions = sessions().await;
        let said: Arc<Mutex<Vec<(u64, String)>>> = Arc::default();
        let (sink, clock) = (Arc::clone(&said), sessions.clock().clone());
        let tell = move |line: &str| sink.lock().unwrap().push((clock.elapsed().as_secs(), line.to_owned()));
        let progress = AuditProgress::telling(None, Box::new(tell), &sessions);
        let caller = sessions.caller().account.clone();
        let member = |number: u64| -> AccountId { format!("{number:012}").parse().unwrap() };
        let unread = |account: &AccountId| {
            let cause = crate::model::Cause::not_collected("none");
            AccountFacts::unknown(account.clone(), sessions.home_region().clone(), &cause)
        };
        let work = async {
            let clock = sessions.clock();
            progress.total(20, false);
            progress.started(&caller);
            progress.asking(&caller);
            sessions.enter(&caller, Purpose::Audit).await.unwrap().iam().get_account_summary().send().await.unwrap();
            clock.wait(Duration::from_secs(70)).await;
            progress.total(20, true);
            for number in 0..19 {
                progress.started(&member(number));
                progress.asking(&member(number));
                clock.wait(Duration::from_secs(1)).await;
                progress.finished(&member(number), &unread(&member(number)));
            }
            clock.wait(Duration::from_secs(40)).await;
            progress.finished(&caller, &unread(&caller));
            7
        };
        assert_eq!(progress.beside(work).await, 7);
        let said = said.lock().unwrap();
        let text: Vec<String> = said.iter().map(|(at, line)| format!("{at:>4} s  {line}")).collect();
        insta::assert_snapshot!(text.join("\n"));
        let times: Vec<u64> = said.iter().map(|(at, _)| *at).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= SILENCE.as_secs()), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_cut_short_is_not_done_and_what_was_done_before_counts() {
        let sessions = sessions().await;
        let progress = AuditProgress::telling(None, Box::new(|_| ()), &sessions);
        progress.going_on(700);
        progress.total(300, true);
        let of = |number: u64, kind| {
            let account: AccountId = format!("{number:012}").parse().unwrap();
            let cause = crate::model::Cause::new(kind, "sts:AssumeRole", "x");
            AccountFacts::unknown(account, sessions.home_region().clone(), &cause)
        };
        for (number, kind) in
            [(1, CauseKind::Interrupted), (2, CauseKind::AssumeRoleDenied), (3, CauseKind::ExpiredCredentials)]
        {
            let facts = of(number, kind);
            progress.asking(&facts.account);
            progress.finished(&facts.account, &facts);
        }
        let figures = progress.figures();
        assert_eq!((figures.done, figures.total, figures.in_work), (701, 1_000, 0));
        assert_eq!(progress.lock().pace(&sessions, Duration::ZERO).done, 1, "the pace is this run's own");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_in_shared_buckets_counts_until_it_is_listed() {
        let sessions = sessions().await;
        let progress = AuditProgress::telling(None, Box::new(|_| ()), &sessions);
        progress.total(10_000, true);
        progress.tree(200);
        {
            let mut state = progress.lock();
            (state.first, state.entered, state.done) = (Some(sessions.clock().elapsed()), 5_000, 5_000);
        }
        sessions.clock().wait(Duration::from_secs(10)).await;
        let eta = || progress.figures().eta.map(|eta| eta.as_secs());
        assert_eq!(eta(), Some(102), "511 pages at 5 a second");
        progress.listed();
        assert_eq!(eta(), Some(10), "as many accounts again");
    }
}
