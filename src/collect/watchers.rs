//! What watches one Region of an account: which of these facts are asked for, all at once.
//!
//! Owns: the choice. Must not: know how an answer becomes a fact.

use super::account::Ask;
use super::analyzers;
use crate::model::check::Fact;
use crate::model::ids::Region;
use crate::model::observed::Observed;
use crate::model::region::RegionFacts;

/// The watchers of a Region.
pub(super) async fn of_region(ask: &Ask<'_>, region: &Region) -> RegionFacts {
    let (session, watch) = (ask.session, ask.watch);
    let analyzers =
        ask.fact(Fact::Analyzers, analyzers::ANALYZERS, analyzers::of_account(session, watch, region)).await;
    RegionFacts {
        analyzers,
        config_recorders: Observed::not_collected("config:DescribeConfigurationRecorders"),
        security_hub: Observed::not_collected("securityhub:DescribeHub"),
        detectors: Observed::not_collected("guardduty:ListDetectors"),
    }
}
