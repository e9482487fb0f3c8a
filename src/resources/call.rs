//! How a resource talks to AWS: pages put together, absence told from failure, tag differences.
//!
//! Owns: the shape of an answer. Must not: know any one resource.

use crate::aws;
use crate::model::observed::{Cause, CauseKind};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

/// What an SDK call gives.
pub(crate) type Answer<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// Hands every page to `take`; an empty page with a token goes on to the next one. `token` is a page's token: one that came before
/// ends it with a cause (the SDK looks for the same twice in a row only, and ends there without a word).
pub(crate) async fn pages<T, E>(
    operation: &str,
    stream: PaginationStream<Answer<T, E>>,
    token: impl Fn(&T) -> Option<&str>,
    take: impl FnMut(T),
) -> Result<(), Cause>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    present_pages(operation, stream, &[], token, take).await.map(drop)
}

/// The same where AWS may answer with one of the codes `absent`: nothing then.
pub(crate) async fn present_pages<T, E>(
    operation: &str,
    mut stream: PaginationStream<Answer<T, E>>,
    absent: &[&str],
    token: impl Fn(&T) -> Option<&str>,
    mut take: impl FnMut(T),
) -> Result<Option<()>, Cause>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (mut tokens, mut more) = (Tokens::default(), false);
    while let Some(page) = stream.next().await {
        let Some(page) = present(operation, page, absent)? else { return Ok(None) };
        more = tokens.next(operation, token(&page).map(str::to_owned))?.is_some();
        take(page);
    }
    if more { Err(endless(operation)) } else { Ok(Some(())) }
}

/// The tokens of the pages of one list.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    seen: BTreeSet<String>,
}

impl Tokens {
    /// The token to go on with, `None` after the last page. A token that came before would go round for ever.
    pub(crate) fn next(&mut self, operation: &str, token: Option<String>) -> Result<Option<String>, Cause> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        if self.seen.insert(token.clone()) {
            return Ok(Some(token));
        }
        Err(endless(operation))
    }
}

fn endless(operation: &str) -> Cause {
    let message = "the answer's page token came before, so the pages have no end";
    Cause::new(CauseKind::NotAnAwsAnswer, operation, message)
}

/// The answer, or nothing where AWS's error code is one of `absent`.
pub(crate) fn present<T, E>(operation: &str, answer: Answer<T, E>, absent: &[&str]) -> Result<Option<T>, Cause>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is(&error, absent) => Ok(None),
        Err(error) => Err(aws::cause(operation, &error)),
    }
}

/// Whether the error's code is one of `codes`.
pub(crate) fn is<E>(error: &SdkError<E, HttpResponse>, codes: &[&str]) -> bool
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    aws::code(error).is_some_and(|code| codes.contains(&code.as_str()))
}

/// The answer's error as a cause.
pub(crate) fn done<T, E>(operation: &str, answer: Answer<T, E>) -> Result<T, Cause>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    answer.map_err(|error| aws::cause(operation, &error))
}

/// An answer that lacks something AWS always sends.
pub(crate) fn incomplete(operation: &str, what: &str) -> Cause {
    Cause::new(CauseKind::NotAnAwsAnswer, operation, format!("the answer has no {what}"))
}

/// A write orgward refuses to send.
pub(crate) fn refused(operation: &str, why: impl Into<String>) -> Cause {
    Cause::new(CauseKind::Other, operation, why)
}

/// The calls of one write that takes several.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    done: usize,
}

impl Calls {
    /// The next answer. A failure after a call that succeeded leaves the write made in part, whatever AWS says of it: its
    /// kind is then one of which only reading back tells what is there.
    pub(crate) fn next<T>(&mut self, answer: Result<T, Cause>) -> Result<T, Cause> {
        let cause = match answer {
            Ok(value) => {
                self.done = self.done.saturating_add(1);
                return Ok(value);
            }
            Err(cause) => cause,
        };
        Err(match cause.kind {
            _ if self.done == 0 => cause,
            CauseKind::Unreachable | CauseKind::TimedOut | CauseKind::NotAnAwsAnswer => cause,
            _ => {
                let message = format!("only a part of the change was made, then: {}", cause.message);
                Cause::new(CauseKind::Interrupted, cause.operation, message)
            }
        })
    }
}

/// What turns one set of tags into another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TagChange {
    /// To set.
    pub(crate) set: Vec<(String, String)>,
    /// Keys to remove.
    pub(crate) remove: Vec<String>,
}

/// The difference between two sets of tags.
pub(crate) fn tag_change(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> TagChange {
    let set = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    TagChange {
        set: set.map(|(key, value)| (key.clone(), value.clone())).collect(),
        remove: before.keys().filter(|key| !after.contains_key(*key)).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_organizations::operation::list_tags_for_resource::ListTagsForResourceError;
    use aws_smithy_async::future::pagination_stream::fn_stream::FnStream;

    #[test]
    fn tags_change_by_difference() {
        let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let change =
            tag_change(&tags(&[("a", "1"), ("b", "1"), ("c", "1")]), &tags(&[("a", "1"), ("b", "2"), ("d", "1")]));
        assert_eq!(change.set, [("b".into(), "2".into()), ("d".into(), "1".into())]);
        assert_eq!(change.remove, ["c"]);
        assert_eq!(tag_change(&tags(&[]), &tags(&[])), TagChange { set: vec![], remove: vec![] });
    }

    #[test]
    fn pages_that_go_round_end_with_a_cause() {
        let mut tokens = Tokens::default();
        for token in ["a", "b"] {
            assert_eq!(tokens.next("x:List", Some(token.into())), Ok(Some(token.into())));
        }
        assert_eq!(tokens.next("x:List", None), Ok(None));
        assert_eq!(tokens.next("x:List", Some(String::new())), Ok(None));
        let error = tokens.next("x:List", Some("a".into())).unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (CauseKind::NotAnAwsAnswer, "x:List"));
    }

    /// Pages with these tokens.
    fn stream(tokens: &'static [&'static str]) -> PaginationStream<Answer<&'static str, ListTagsForResourceError>> {
        PaginationStream::new(FnStream::new(move |pages| {
            Box::pin(async move {
                for token in tokens {
                    drop(pages.send(Ok(*token)).await);
                }
            })
        }))
    }

    #[tokio::test]
    async fn a_stream_that_ends_before_its_last_page_is_no_whole_list() {
        let mut seen = Vec::new();
        let whole = present_pages("x:List", stream(&["a", "b", ""]), &[], |token| Some(*token), |t| seen.push(t)).await;
        assert_eq!((whole, seen), (Ok(Some(())), vec!["a", "b", ""]));
        // The SDK ends so where a token comes twice in a row, and goes round for ever where two take turns.
        for (tokens, pages) in [(&["a", "a"][..], 1), (&["a", "b"], 2), (&["a", "b", "a", "b", "a"], 2)] {
            let mut seen = Vec::new();
            let told = present_pages("x:List", stream(tokens), &[], |token| Some(*token), |t| seen.push(t)).await;
            let cut = told.unwrap_err();
            assert_eq!((cut.kind, cut.operation.as_str()), (CauseKind::NotAnAwsAnswer, "x:List"));
            assert_eq!(seen.len(), pages, "{tokens:?}");
        }
    }

    #[test]
    fn a_later_call_that_fails_leaves_the_write_in_doubt() {
        let denied = Cause::new(CauseKind::AccessDenied, "sns:UntagResource", "AuthorizationError: no");
        let mut calls = Calls::default();
        assert_eq!(calls.next::<()>(Err(denied.clone())), Err(denied.clone()), "nothing was done before it");
        assert_eq!(calls.next(Ok(1)), Ok(1));
        let error = calls.next::<()>(Err(denied)).unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (CauseKind::Interrupted, "sns:UntagResource"));
        assert_eq!(error.message, "only a part of the change was made, then: AuthorizationError: no");
        let lost = Cause::new(CauseKind::TimedOut, "sns:UntagResource", "no answer");
        assert_eq!(calls.next::<()>(Err(lost.clone())), Err(lost));
    }
}
