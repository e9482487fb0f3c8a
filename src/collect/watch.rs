//! When to stop: cancellation and the deadline, put around every piece of collecting.
//!
//! Owns: turning "stop" into a cause. Must not: know what is collected.

use crate::model::observed::{Cause, CauseKind, Observed};
use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Cancellation and a deadline. Work put under it is dropped, with its call in flight, the moment either comes.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    cancel: CancellationToken,
    until: Option<(Instant, Duration)>,
}

impl Watch {
    /// No deadline.
    pub(crate) fn new(cancel: &CancellationToken) -> Self {
        Self { cancel: cancel.clone(), until: None }
    }

    /// The same with a deadline counted from now.
    pub(crate) fn within(&self, limit: Duration) -> Self {
        // A limit beyond what an instant can hold is no limit.
        let until = Instant::now().checked_add(limit).map(|until| (until, limit));
        Self { cancel: self.cancel.clone(), until }
    }

    /// Whether everything stops.
    pub(crate) fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The cause for work that was not done because of cancellation.
    pub(crate) fn interrupted(operation: &str) -> Cause {
        Cause::new(CauseKind::Interrupted, operation, "the run was interrupted before this was collected")
    }

    /// Does the work unless it has to stop. The work is boxed: calls make large futures, and many are joined.
    pub(crate) fn attempt<T>(
        &self,
        operation: &str,
        work: impl Future<Output = Result<T, Cause>>,
    ) -> impl Future<Output = Result<T, Cause>> {
        let work = Box::pin(work);
        async move {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Self::interrupted(operation)),
                cause = self.overdue(operation) => Err(cause),
                done = work => done,
            }
        }
    }

    /// Observes unless it has to stop.
    pub(crate) fn observed<T>(
        &self,
        operation: &str,
        work: impl Future<Output = Observed<T>>,
    ) -> impl Future<Output = Observed<T>> {
        let work = Box::pin(work);
        async move { self.attempt(operation, async { Ok(work.await) }).await.unwrap_or_else(Observed::unknown) }
    }

    /// Waits for the deadline; for ever, if there is none.
    async fn overdue(&self, operation: &str) -> Cause {
        let Some((until, limit)) = self.until else { return std::future::pending().await };
        tokio::time::sleep_until(until).await;
        let message = format!("the account was not collected within {} s", limit.as_secs());
        Cause::new(CauseKind::TimedOut, operation, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_deadline_and_the_token_stop_work() {
        let cancel = CancellationToken::new();
        let watch = Watch::new(&cancel).within(Duration::from_secs(5));
        assert_eq!(watch.attempt("a:B", async { Ok(1) }).await, Ok(1));
        let late = watch.attempt("a:B", std::future::pending::<Result<(), Cause>>()).await.unwrap_err();
        assert_eq!(
            (late.kind, late.message.as_str()),
            (CauseKind::TimedOut, "the account was not collected within 5 s")
        );
        // Past the deadline nothing new begins.
        assert!(watch.attempt("a:B", async { Ok(1) }).await.is_err());
        cancel.cancel();
        let seen: Observed<u8> = watch.observed("a:B", async { panic!("must not be polled") }).await;
        assert_eq!(seen.cause().map(|cause| cause.kind), Some(CauseKind::Interrupted));
        let endless = Watch::new(&CancellationToken::new()).within(Duration::MAX);
        assert_eq!(endless.attempt("a:B", async { Ok(1) }).await, Ok(1));
    }
}
