//! Findings on their way into a run: put in order, told apart where somebody answers for them, kept as one frame, and counted.
//!
//! Must not: judge, or know where facts come from.

use super::audit_run::{self, AuditRun, Judged};
use crate::checks::exempt::Exempting;
use crate::model::tally::Tally;
use crate::model::{Finding, OrgFacts};
use crate::store::{Frame, FrameKey, StoreError};
use std::path::Path;

/// The findings of an account, or of the organization, as its run keeps them.
pub(super) struct Verdicts {
    key: FrameKey,
    judged: Judged,
    frame: Frame,
}

impl Verdicts {
    /// Of findings in any order. `finished`: everything was asked.
    ///
    /// # Errors
    /// If they have no form as a frame.
    pub(super) fn of(
        (key, finished): (FrameKey, bool),
        mut findings: Vec<Finding>,
        exempting: &Exempting,
        org: &OrgFacts,
    ) -> Result<Self, StoreError> {
        findings.sort_by(Finding::in_order);
        exempting.apply(org, key.account(), &mut findings);
        let judged = Judged { finished, findings };
        let frame = Frame::of(&judged).map_err(|error| audit_run::no_frame(Path::new(key.as_str()), error))?;
        Ok(Self { key, judged, frame })
    }

    /// Keeps them, after the account's facts where those are kept too.
    ///
    /// # Errors
    /// If they can't be written.
    pub(super) fn keep(&self, kept: &mut AuditRun, tally: &mut Tally, facts: Option<&Frame>) -> Result<(), StoreError> {
        if let (Some(account), Some(facts)) = (self.key.account(), facts) {
            kept.keep_facts(account, facts)?;
        }
        kept.keep_findings(&self.key, &self.frame)?;
        self.judged.findings.iter().for_each(|finding| tally.add(finding));
        Ok(())
    }
}
