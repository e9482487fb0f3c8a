//! How one bucket slows down and comes back, on virtual time.

use super::*;
use jiff::Timestamp;

fn paced(rate: f64, burst: u32, ceiling: f64) -> Paced {
    Paced::new(Allowance { rate, burst, ceiling }, Clock::virtual_from(Timestamp::UNIX_EPOCH))
}

fn near(bucket: &Paced, rate: f64) {
    assert!((bucket.rate() - rate).abs() < 1e-9, "{} instead of {rate}", bucket.rate());
}

async fn seconds(bucket: &Paced, seconds: f64) {
    bucket.clock.wait(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_cut_per_window_however_many_throttles() {
    let bucket = paced(10.0, 10, 10.0);
    for _ in 0..50 {
        bucket.throttled();
    }
    near(&bucket, 7.0);
    seconds(&bucket, 1.0).await;
    assert_eq!(bucket.throttled(), None, "still in the window");
    near(&bucket, 7.0);
    seconds(&bucket, 2.0).await;
    assert_eq!(bucket.throttled(), Some(7.0));
    near(&bucket, 4.9);
    for _ in 0..100 {
        seconds(&bucket, 30.0).await;
        bucket.throttled();
    }
    assert!((bucket.rate() - 0.5).abs() < 1e-9, "never under the floor: {}", bucket.rate());
}

#[tokio::test(start_paused = true)]
async fn where_most_is_refused_the_rate_falls_to_what_was_let_through() {
    let bucket = paced(10.0, 10, 10.0);
    bucket.throttled();
    near(&bucket, 7.0);
    for _ in 0..3 {
        seconds(&bucket, 0.8).await;
        // 3 of 7 pass.
        (0..4).for_each(|_| assert!(bucket.throttled().is_none_or(|before| before == 7.0)));
        (0..3).for_each(|_| bucket.succeeded());
    }
    let passed = 6.0 / 2.4;
    assert!((bucket.rate() - passed).abs() < 1e-9, "what passed in the window: {}", bucket.rate());
    let silent = paced(10.0, 10, 10.0);
    for _ in 0..40 {
        silent.throttled();
        seconds(&silent, 0.1).await;
    }
    assert!(silent.rate() >= 7.0 * DEEPEST_CUT * DEEPEST_CUT, "one window does not stop it: {}", silent.rate());
}

#[tokio::test(start_paused = true)]
async fn successes_bring_the_rate_back_step_by_step_up_to_the_ceiling() {
    let bucket = paced(10.0, 10, 10.0);
    bucket.throttled();
    for _ in 0..100 {
        bucket.succeeded();
    }
    near(&bucket, 7.0);
    for _ in 0..60 {
        seconds(&bucket, 1.0).await;
        bucket.succeeded();
    }
    near(&bucket, 10.0);
    let unpublished = paced(2.0, 2, 4.0);
    for _ in 0..60 {
        seconds(&unpublished, 1.0).await;
        unpublished.succeeded();
    }
    assert!((unpublished.rate() - 4.0).abs() < 1e-9, "found out, and not exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_step_is_small_soon_after_a_cut_and_grows_with_time() {
    let bucket = paced(10.0, 10, 100.0);
    bucket.throttled();
    let mut rates = vec![bucket.rate()];
    for _ in 0..40 {
        seconds(&bucket, 1.0).await;
        bucket.succeeded();
        rates.push(bucket.rate());
    }
    let step = |n: usize| rates[n + 1] - rates[n];
    assert!(step(0) < 0.06 * rates[0], "the first step: {}", step(0));
    assert!(step(20) > 2.0 * STEP * rates[20], "a late step: {} at {}", step(20), rates[20]);
    assert!(rates[40] > 70.0, "far from a limit it is back soon: {}", rates[40]);
    assert!((0..40).all(|n| step(n) <= 100.0 * STEP + 1e-9), "never more than before any cut");
}

#[tokio::test(start_paused = true)]
async fn no_step_while_throttles_come() {
    let bucket = paced(10.0, 10, 10.0);
    bucket.throttled();
    seconds(&bucket, 1.5).await;
    bucket.throttled();
    bucket.succeeded();
    near(&bucket, 7.0);
    seconds(&bucket, 0.9).await;
    bucket.succeeded();
    near(&bucket, 7.0);
    seconds(&bucket, 0.2).await;
    bucket.succeeded();
    assert!(bucket.rate() > 7.0);
}

#[tokio::test(start_paused = true)]
async fn a_cut_empties_the_bucket_and_those_waiting_go_at_the_new_rate() {
    let bucket = paced(10.0, 10, 10.0);
    for _ in 0..10 {
        assert_eq!(bucket.pass().await, Duration::ZERO);
    }
    bucket.throttled();
    let start = bucket.clock.elapsed();
    for _ in 0..7 {
        bucket.pass().await;
    }
    let took = (bucket.clock.elapsed() - start).as_secs_f64();
    assert!((0.95..1.1).contains(&took), "seven at 7 a second took {took}");
}

#[tokio::test(start_paused = true)]
async fn a_step_up_keeps_the_tokens_that_were_left() {
    let bucket = paced(5.0, 10, 15.0);
    for _ in 0..4 {
        bucket.pass().await;
    }
    seconds(&bucket, 1.0).await;
    bucket.succeeded();
    assert!(bucket.rate() > 5.0);
    for _ in 0..10 {
        assert_eq!(bucket.pass().await, Duration::ZERO, "6 were left and 5 came in");
    }
    assert!(bucket.pass().await > Duration::ZERO);
    assert_eq!(bucket.taken(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_served_in_order_and_leaving_it_costs_nothing() {
    let bucket = paced(1.0, 1, 1.0);
    bucket.pass().await;
    let impatient = tokio::time::timeout(Duration::from_millis(10), bucket.pass()).await;
    assert!(impatient.is_err());
    let order = Mutex::new(Vec::new());
    let visit = |id: u32| {
        let (bucket, order) = (&bucket, &order);
        async move {
            bucket.pass().await;
            order.lock().unwrap().push(id);
        }
    };
    futures::future::join_all((0..5).map(visit)).await;
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    let took = bucket.clock.elapsed().as_secs_f64();
    assert!((4.9..5.2).contains(&took), "the one who left took no token: {took}");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_begins_slow_steps_up_and_can_be_cut_at_once() {
    let allowance = Allowance { rate: 5.0, burst: 10, ceiling: 15.0 };
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let bucket = Paced::slowed_to(allowance, 2.0, clock.clone());
    near(&bucket, 2.0);
    assert!(!bucket.was_throttled());
    assert_eq!(bucket.throttled(), Some(2.0));
    let now = Paced::slowed_now(allowance, 2.0, clock.clone());
    assert_eq!(now.throttled(), None, "the throttle that made it");
    for _ in 0..100 {
        seconds(&now, 1.0).await;
        now.succeeded();
    }
    near(&now, 15.0);
    assert!(Paced::slowed_to(allowance, 0.0, clock.clone()).rate() > 0.5, "never under the floor");
    near(&Paced::slowed_to(allowance, 99.0, clock), 15.0);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_idle_once_a_new_one_would_do_as_well() {
    let allowance = Allowance { rate: 5.0, burst: 10, ceiling: 15.0 };
    let clock = Clock::virtual_from(Timestamp::UNIX_EPOCH);
    let bucket = Paced::new(allowance, clock.clone());
    for _ in 0..3 {
        bucket.pass().await;
    }
    seconds(&bucket, 0.5).await;
    assert!(!bucket.idle(clock.elapsed()), "half a token is missing");
    seconds(&bucket, 0.2).await;
    assert!(bucket.idle(clock.elapsed()), "it is full, and as it was made");
    bucket.throttled();
    seconds(&bucket, 2.0).await;
    assert!(!bucket.idle(clock.elapsed()), "what AWS said of it is fresh");
    seconds(&bucket, 30.0).await;
    assert!(bucket.idle(clock.elapsed()));
}
