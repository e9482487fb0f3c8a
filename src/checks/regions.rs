//! Regions in which a check does not apply.
//!
//! Owns: the one answer for a Region that the account has not enabled. Must not: judge anything else.

use super::evaluate::{Facts, Outcome};
use crate::model::{Cause, Region};

/// That the check does not apply, if the account has disabled the Region. Reads `Fact::Regions`.
pub(super) fn disabled(facts: &mut Facts<'_>, region: &Region) -> Result<Option<Outcome>, Cause> {
    let usable = facts.region_state(region)?.usable();
    Ok((!usable).then(|| Outcome::NotApplicable(format!("{region} is disabled in this account"))))
}
