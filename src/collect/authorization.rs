//! Every principal and policy of an account, hundreds of kilobytes, and what hangs on them.
//!
//! Owns: what is asked for last, because it is heavy. Must not: know how an answer becomes a fact (`iam`, `iam_lists`).

use super::account::Ask;
use super::{iam, iam_lists};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;

/// Asks, and answers with what puts the answers into the facts.
pub(super) async fn ask(ask: Ask<'_>) -> impl FnOnce(&mut AccountFacts) + use<> {
    let session = ask.session;
    let authorization = ask.fact(Fact::Authorization, iam::AUTHORIZATION, || iam::authorization(session)).await;
    let keys = || iam_lists::ssh_public_keys(session, &authorization);
    let keys = ask.fact(Fact::SshPublicKeys, iam_lists::SSH_KEYS, keys).await;
    move |facts| {
        facts.authorization = authorization;
        facts.ssh_public_keys = keys;
    }
}
