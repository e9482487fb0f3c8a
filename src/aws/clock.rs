//! The one clock: what the limiter, the SDK's signing and its sleeps, and every `observed_at` are read from.
//!
//! Everything waits with tokio's sleep, so that under tokio's paused time a whole run takes no time. Nothing here or
//! above may sleep or read the time any other way.

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use jiff::Timestamp;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A clock: the system's, or one that starts at a given moment and follows tokio's time.
#[derive(Debug, Clone)]
pub struct Clock {
    /// When this clock was made.
    started: Instant,
    /// The moment it started at; `None` for the system's clock.
    epoch: Option<Timestamp>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self { started: Instant::now(), epoch: None }
    }

    /// A clock that shows `epoch` now and then follows tokio's time, paused or not.
    pub fn virtual_from(epoch: Timestamp) -> Self {
        Self { started: Instant::now(), epoch: Some(epoch) }
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        match self.epoch {
            None => Timestamp::now(),
            Some(epoch) => epoch.checked_add(self.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }

    /// Time since the clock was made, never going back.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits.
    pub async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::from(Clock::now(self))
    }
}

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_virtual_clock_follows_paused_time() {
        let epoch: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        let clock = Clock::virtual_from(epoch);
        assert_eq!(clock.now(), epoch);
        clock.wait(Duration::from_secs(3600)).await;
        assert_eq!(clock.now().as_second(), epoch.as_second() + 3600);
        assert_eq!(TimeSource::now(&clock), SystemTime::from(clock.now()));
    }
}
