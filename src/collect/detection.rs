//! Security Hub and GuardDuty in one Region of an account.
//!
//! Owns: three calls and how their answers become the model's. Must not: judge.
//!
//! Source: AWS Security Hub API reference, `DescribeHub`; Amazon GuardDuty API reference, `ListDetectors`, `GetDetector`.

use crate::aws::AccountSession;
use crate::model::ids::Region;
use crate::model::observed::Observed;
use crate::model::region::{Detector, SecurityHub};
use crate::resources::call::{done, incomplete, is, pages};
use aws_sdk_guardduty::types::DetectorStatus;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

pub(super) const HUB: &str = "securityhub:DescribeHub";
pub(super) const DETECTORS: &str = "guardduty:ListDetectors";
pub(super) const DETECTOR: &str = "guardduty:GetDetector";

/// What Security Hub answers for an account that is not subscribed, and for other trouble with the account too: the message
/// tells which.
const NO_ACCESS: [&str; 1] = ["InvalidAccessException"];
const NOT_SUBSCRIBED: &str = "not subscribed";

/// The hub of a Region; absent where the account is not subscribed.
pub(super) async fn hub(session: &AccountSession, region: &Region) -> Observed<SecurityHub> {
    let work = async {
        let answer = session.security_hub(region).describe_hub().send().await;
        if let Err(error) = &answer
            && is(error, &NO_ACCESS)
            && error.message().is_some_and(|message| message.to_ascii_lowercase().contains(NOT_SUBSCRIBED))
        {
            return Ok(None);
        }
        let hub = done(HUB, answer)?;
        let arn = hub.hub_arn.ok_or_else(|| incomplete(HUB, "hub ARN"))?;
        Ok(Some(SecurityHub { arn, subscribed_at: hub.subscribed_at.and_then(|at| at.parse().ok()) }))
    };
    session.observe(HUB, region, work).await
}

/// GuardDuty's detectors of a Region, of which there is one at most.
pub(super) async fn detectors(session: &AccountSession, region: &Region) -> Observed<Vec<Detector>> {
    let work = async {
        let client = session.guardduty(region);
        let mut ids = Vec::new();
        let stream = client.list_detectors().into_paginator().send();
        pages(DETECTORS, stream, |page| page.next_token(), |page| ids.extend(page.detector_ids.unwrap_or_default()))
            .await?;
        let mut detectors = Vec::new();
        for id in ids {
            let detector = done(DETECTOR, client.get_detector().detector_id(&id).send().await)?;
            let status = detector.status.ok_or_else(|| incomplete(DETECTOR, "detector status"))?;
            detectors.push(Detector { id, enabled: status == DetectorStatus::Enabled });
        }
        Ok(Some(detectors))
    };
    session.observe(DETECTORS, region, work).await
}
