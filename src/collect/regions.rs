//! Which Regions an account can use, and which of them this run asks about.
//!
//! Owns: `ListRegions` and the choice of Regions. Must not: call into any Region.
//!
//! Source: Account Management API reference, `ListRegions`.

use crate::aws::AccountSession;
use crate::model::account::RegionState;
use crate::model::ids::Region;
use crate::model::observed::Observed;
use crate::model::scope::RegionRequest;
use crate::resources::call::pages;
use aws_sdk_account::types::RegionOptStatus;
use std::collections::BTreeMap;

pub(super) const REGIONS: &str = "account:ListRegions";

/// The most that `ListRegions` gives in one page.
const PAGE: i32 = 50;

/// Every Region of the partition and whether the account can use it.
pub(super) async fn regions(session: &AccountSession) -> Observed<BTreeMap<Region, RegionState>> {
    let work = async {
        let mut regions = BTreeMap::new();
        let stream = session.account_api().list_regions().max_results(PAGE).into_paginator().send();
        pages(
            REGIONS,
            stream,
            |page| page.next_token(),
            |page| {
                regions.extend(page.regions().iter().filter_map(|region| {
                    Some((region.region_name()?.parse().ok()?, state(region.region_opt_status()?)))
                }));
            },
        )
        .await?;
        Ok(Some(regions))
    };
    session.observe(REGIONS, &session.global_region(), work).await
}

fn state(status: &RegionOptStatus) -> RegionState {
    match status {
        RegionOptStatus::Disabled | RegionOptStatus::Disabling => RegionState::Disabled,
        RegionOptStatus::EnabledByDefault => RegionState::EnabledByDefault,
        _ => RegionState::Enabled,
    }
}

/// The Regions with verdicts: the ones named, or every one that is not disabled; home Region first if it is one of them.
/// Where the account's Regions are unknown: the ones named, or the home Region alone. A named one may be disabled, and is
/// then not applicable: see [`usable`].
pub(super) fn in_scope(
    request: &RegionRequest,
    regions: &Observed<BTreeMap<Region, RegionState>>,
    home: &Region,
) -> Vec<Region> {
    let mut chosen: Vec<Region> = match (request, regions.value()) {
        (RegionRequest::Only(named), _) => named.clone(),
        (RegionRequest::AllEnabled, Some(known)) => {
            known.keys().filter(|region| usable(regions, region)).cloned().collect()
        }
        (RegionRequest::AllEnabled, None) => vec![home.clone()],
    };
    if chosen.is_empty() {
        // No account is without an enabled Region, whatever was answered.
        chosen.push(home.clone());
    }
    chosen.sort_by_key(|region| (region != home, region.clone()));
    chosen.dedup();
    chosen
}

/// Whether calls into a Region can be answered, as far as is known.
pub(super) fn usable(regions: &Observed<BTreeMap<Region, RegionState>>, region: &Region) -> bool {
    regions.value().is_none_or(|known| known.get(region).is_none_or(|state| state.usable()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observed::Source;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    fn known() -> Observed<BTreeMap<Region, RegionState>> {
        let value = BTreeMap::from([
            (region("ap-east-1"), RegionState::Disabled),
            (region("eu-central-1"), RegionState::Enabled),
            (region("us-east-1"), RegionState::Enabled),
        ]);
        let source = Source {
            operation: REGIONS.into(),
            region: region("us-east-1"),
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        Observed::Present { value, source }
    }

    #[test]
    fn disabled_regions_are_left_out_unless_named_and_home_comes_first() {
        let home = region("us-east-1");
        let all = in_scope(&RegionRequest::AllEnabled, &known(), &home);
        assert_eq!(all, [region("us-east-1"), region("eu-central-1")]);
        let named = ["eu-central-1", "ap-east-1", "us-east-1", "eu-central-1"].map(region).to_vec();
        let with_disabled = [region("us-east-1"), region("ap-east-1"), region("eu-central-1")];
        assert_eq!(in_scope(&RegionRequest::Only(named), &known(), &home), with_disabled);
        assert!(!usable(&known(), &region("ap-east-1")) && usable(&known(), &home));
        let named = RegionRequest::Only(vec![region("eu-central-1")]);
        assert_eq!(in_scope(&named, &known(), &home), [region("eu-central-1")]);
    }

    #[test]
    fn unknown_regions_leave_what_was_named() {
        let home = region("us-east-1");
        let unknown = Observed::not_collected(REGIONS);
        assert_eq!(in_scope(&RegionRequest::AllEnabled, &unknown, &home), [region("us-east-1")]);
        let named = RegionRequest::Only(vec![region("ap-east-1")]);
        assert_eq!(in_scope(&named, &unknown, &home), [region("ap-east-1")]);
        let none = known().map(|_| BTreeMap::new());
        assert_eq!(in_scope(&RegionRequest::AllEnabled, &none, &home), [region("us-east-1")]);
    }
}
