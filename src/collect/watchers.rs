//! What watches one Region of an account: which of these facts are asked for, all at once.
//!
//! Owns: the choice. Must not: know how an answer becomes a fact.

use super::account::Ask;
use super::{analyzers, configuration, detection};
use crate::model::check::Fact;
use crate::model::ids::Region;
use crate::model::region::RegionFacts;
use futures::future;

/// The watchers of a Region.
pub(super) async fn of_region(ask: &Ask<'_>, region: &Region) -> RegionFacts {
    // The clients of a Region are dropped when it is done.
    let session = &ask.session.apart();
    let (analyzers, config_recorders, security_hub, detectors) = future::join4(
        ask.fact(Fact::Analyzers, analyzers::ANALYZERS, || analyzers::of_account(session, ask.watch, region)),
        ask.fact(Fact::ConfigRecorders, configuration::RECORDERS, || configuration::recorders(session, region)),
        ask.fact(Fact::SecurityHub, detection::HUB, || detection::hub(session, region)),
        ask.fact(Fact::Detectors, detection::DETECTORS, || detection::detectors(session, region)),
    )
    .await;
    RegionFacts { analyzers, config_recorders, security_hub, detectors }
}
