//! Where a fact came from: what the gate stamps on answers while the work that reads the fact runs.
//!
//! The stamps travel in a tokio task-local, so work that is spawned onto another task is not seen. Answers of STS are
//! never stamped: they hold credentials.

use crate::model::ids::Region;
use crate::model::observed::{Cause, Observed, Source};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static STAMPS: Arc<Mutex<Stamps>>;
}

/// What was stamped so far.
#[derive(Default)]
struct Stamps {
    digest: Sha256,
    pages: u32,
    last: Option<(Timestamp, Option<String>)>,
}

/// A handle on the stamps of the work that is running, for an answer that arrives later.
#[derive(Clone, Default)]
pub(super) struct Stamper(Option<Arc<Mutex<Stamps>>>);

impl Stamper {
    /// The stamps of the work that is running; stamping does nothing outside of [`observe`].
    pub(super) fn current() -> Self {
        Self(STAMPS.try_with(Arc::clone).ok())
    }

    /// Notes an answer.
    pub(super) fn stamp(&self, body: &[u8], request_id: Option<&str>, at: Timestamp) {
        if let Some(stamps) = &self.0 {
            let mut stamps = stamps.lock().unwrap_or_else(PoisonError::into_inner);
            stamps.digest.update(body);
            stamps.pages = stamps.pages.saturating_add(1);
            stamps.last = Some((at, request_id.map(str::to_owned)));
        }
    }
}

/// Runs `work` and makes a fact of its outcome, with the answers it was read from. `now` is asked if there were none.
pub(super) async fn observe<T>(
    operation: &str,
    region: &Region,
    now: impl Fn() -> Timestamp,
    work: impl Future<Output = Result<Option<T>, Cause>>,
) -> Observed<T> {
    let stamps = Arc::new(Mutex::new(Stamps::default()));
    let outcome = STAMPS.scope(Arc::clone(&stamps), work).await;
    let source = || {
        let mut stamps = stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let (observed_at, request_id) = stamps.last.take().unwrap_or_else(|| (now(), None));
        let digest = (stamps.pages > 0).then(|| hex(&std::mem::take(&mut stamps.digest).finalize()));
        Source {
            operation: operation.to_owned(),
            region: region.clone(),
            observed_at,
            made_at: None,
            request_id,
            digest,
            pages: stamps.pages,
        }
    };
    match outcome {
        Ok(Some(value)) => Observed::Present { value, source: source() },
        Ok(None) => Observed::Absent { source: source() },
        Err(cause) => Observed::Unknown { cause },
    }
}

/// `sha256:` and the digest in hexadecimal.
fn hex(digest: &[u8]) -> String {
    let mut text = String::with_capacity("sha256:".len() + digest.len() * 2);
    text.push_str("sha256:");
    for byte in digest {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    text
}
