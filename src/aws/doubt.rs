//! Whether a write may have happened although its call failed: an attempt before was sent and not answered by AWS, and the
//! retry's answer (denied, throttled, expired) tells of the retry alone.
//!
//! Owns: the note that a call carries over its attempts, and the mark on an answer that settles nothing. Must not: read back.

use super::errors::deepest;
use crate::model::observed::{Cause, CauseKind};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the operations begin that change nothing: sent twice or not at all, they leave nothing to doubt. Credentials that
/// `AssumeRole` made and nobody received are no change either.
const READS: [&str; 8] = ["Assume", "Describe", "Filter", "Generate", "Get", "List", "Lookup", "Simulate"];

/// The note of one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt(Arc<AtomicBool>);

impl Storable for Doubt {
    type Storer = StoreReplace<Self>;
}

/// The mark on an answer that came after an attempt without one.
#[derive(Debug, Clone, Copy)]
struct Unsettled;

impl Doubt {
    /// The note for an operation; `None` for one that reads.
    pub(super) fn of(operation: &str) -> Option<Self> {
        (!READS.iter().any(|verb| operation.starts_with(verb))).then(Self::default)
    }

    /// An attempt may have been carried out, and nobody knows.
    pub(super) fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Marks an answer to a later attempt.
    pub(super) fn mark(&self, response: &mut HttpResponse) {
        if self.raised() {
            response.add_extension(Unsettled);
        }
    }

    /// Why a later attempt could not even be sent, as what the whole call came to.
    pub(super) fn explain(&self, operation: &str, error: BoxError) -> BoxError {
        if !self.raised() {
            return error;
        }
        let why = deepest(error.as_ref() as &(dyn Error + 'static));
        unsettled(Cause::new(CauseKind::Interrupted, operation, why)).into()
    }

    fn raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a call came to whose last answer is `response`.
pub(super) fn settle(cause: Cause, response: Option<&HttpResponse>) -> Cause {
    match response.and_then(HttpResponse::extension::<Unsettled>) {
        Some(Unsettled) => unsettled(cause),
        None => cause,
    }
}

/// The cause as one of which only reading back tells what is there.
fn unsettled(cause: Cause) -> Cause {
    let kind = match cause.kind {
        kind @ (CauseKind::Unreachable | CauseKind::TimedOut | CauseKind::NotAnAwsAnswer) => kind,
        _ => CauseKind::Interrupted,
    };
    let message = format!("an earlier attempt was sent and not answered, then: {}", cause.message);
    Cause::new(kind, cause.operation, message)
}
