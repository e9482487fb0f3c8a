//! From the SDK's errors to a [`Cause`]: one kind, one clean line.
//!
//! A message is AWS's own text, cut to one line and freed of control characters. What AWS echoes of a request (canonical
//! requests, authorization headers, tokens) and what a stranger answered is never repeated.

use super::{answer, doubt};
use crate::model::hidden;
use crate::model::observed::{Cause, CauseKind};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;

/// The longest message, in characters.
const LONGEST: usize = 400;

/// Why there was no answer of AWS, decided at the gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// None in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection failed or broke.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that is not AWS's.
    #[error("{0}")]
    Foreign(String),
}

/// Codes with which AWS denies a call.
const DENIED: [&str; 8] = [
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

/// Codes with which AWS refuses credentials or a signature.
const EXPIRED: [&str; 16] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotSignedUp",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes of an account that can't be used.
const NOT_ACTIVE: [&str; 4] =
    ["AccountNotActiveException", "AccountSuspended", "OptInRequired", "SubscriptionRequiredException"];

/// The AWS error code, such as `NoSuchEntity`; `None` if AWS did not answer with an error.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let metadata = error.as_service_error().and_then(|error| error.meta().code()).map(plain_code);
    metadata.or_else(|| error.raw_response().and_then(answer::error_code))
}

/// What went wrong in the call named `operation` (`service:Operation`). An answer to a retry does not tell what became of an
/// attempt of a write that was sent and not answered: then the kind is one of which only reading back tells what is there.
pub fn cause<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Cause
where
    E: ProvideErrorMetadata + Error + 'static,
{
    doubt::settle(last_cause(operation, error), error.raw_response())
}

/// What went wrong in the last attempt.
fn last_cause<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Cause
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(ours) = in_chain::<Cause>(error) {
        return ours.clone();
    }
    if let Some(no_answer) = in_chain::<NoAnswer>(error) {
        let kind = match no_answer {
            NoAnswer::TimedOut => CauseKind::TimedOut,
            NoAnswer::Unreachable(_) => CauseKind::Unreachable,
            NoAnswer::Foreign(_) => CauseKind::NotAnAwsAnswer,
        };
        return Cause::new(kind, operation, clean(&no_answer.to_string()));
    }
    match error {
        SdkError::ServiceError(service) => {
            let message = service.err().meta().message().unwrap_or_default();
            match code(error) {
                Some(code) => {
                    let throttled = answer::is_throttle(service.raw().status().as_u16(), Some(&code));
                    let kind = if throttled { CauseKind::Throttled } else { kind_of_code(&code) };
                    Cause::new(kind, operation, message_of(&code, message))
                }
                None => uncoded(operation, service.raw()),
            }
        }
        SdkError::ResponseError(response) => foreign(operation, response.raw()),
        SdkError::TimeoutError(_) => Cause::new(CauseKind::TimedOut, operation, "no answer in time"),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) if error.is_timeout() => Cause::new(CauseKind::TimedOut, operation, "no answer in time"),
            Some(error) => Cause::new(CauseKind::Unreachable, operation, why_unreachable(error)),
            None => Cause::new(CauseKind::Unreachable, operation, "the request could not be sent"),
        },
        other => Cause::new(CauseKind::Other, operation, format!("the request could not be made: {}", deepest(other))),
    }
}

/// The kind an AWS error code stands for.
fn kind_of_code(code: &str) -> CauseKind {
    match code {
        _ if DENIED.contains(&code) => CauseKind::AccessDenied,
        _ if EXPIRED.contains(&code) => CauseKind::ExpiredCredentials,
        _ if NOT_ACTIVE.contains(&code) => CauseKind::AccountNotActive,
        "RequestTimeout" | "RequestTimeoutException" => CauseKind::TimedOut,
        _ => CauseKind::Other,
    }
}

/// An error answer without a code.
fn uncoded(operation: &str, raw: &HttpResponse) -> Cause {
    let status = raw.status().as_u16();
    if answer::is_throttle(status, None) {
        return Cause::new(CauseKind::Throttled, operation, format!("HTTP {status}"));
    }
    if from_aws(raw) {
        Cause::new(CauseKind::Other, operation, format!("HTTP {status}"))
    } else {
        foreign(operation, raw)
    }
}

/// An answer that AWS did not write, or that broke on the way.
fn foreign(operation: &str, raw: &HttpResponse) -> Cause {
    let status = raw.status().as_u16();
    let body = raw.body().bytes().unwrap_or_default();
    let what = if answer::looks_like_html(body) { "an HTML page" } else { "a body that can't be read" };
    Cause::new(CauseKind::NotAnAwsAnswer, operation, format!("HTTP {status} with {what}"))
}

/// Whether an answer carries AWS's request id and is no page.
fn from_aws(raw: &HttpResponse) -> bool {
    let id = ["x-amzn-requestid", "x-amz-request-id"].iter().any(|name| raw.headers().get(*name).is_some());
    id && !answer::looks_like_html(raw.body().bytes().unwrap_or_default())
}

/// A code without namespace and address.
fn plain_code(code: &str) -> String {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    clean(code.split([':', ';']).next().unwrap_or_default())
}

/// `Code: message`, without what AWS may have echoed of the request.
fn message_of(code: &str, message: &str) -> String {
    const ECHOES: [&str; 5] =
        ["the canonical string", "aws4-hmac", "x-amz-security-token", "authorization=", "authorization header"];
    let lower = message.to_ascii_lowercase();
    let end = ECHOES.iter().filter_map(|echo| lower.find(echo)).min().unwrap_or(message.len());
    let message = clean(message.get(..end).unwrap_or_default());
    if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") }
}

/// Text on one line without control and direction characters, cut at [`LONGEST`] characters.
pub(super) fn clean(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(std::iter::once('…')).collect()
}

/// `cause` with every occurrence of a secret in its message taken out.
pub(super) fn without(mut cause: Cause, secret: &str) -> Cause {
    if !secret.is_empty() && cause.message.contains(secret) {
        cause.message = cause.message.replace(secret, "***");
    }
    cause
}

/// The connection's own words: the last two errors of the chain.
pub(super) fn why_unreachable(error: &ConnectorError) -> String {
    clean(&deepest(error))
}

/// The last two distinct messages of a chain of errors.
pub(super) fn deepest(error: &dyn Error) -> String {
    let mut messages: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        let message = clean(&error.to_string());
        if messages.last() != Some(&message) {
            messages.push(message);
        }
        next = error.source();
    }
    let skip = messages.len().saturating_sub(2);
    messages.split_off(skip).join(": ")
}

/// The first error of type `T` in a chain.
pub(super) fn in_chain<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
