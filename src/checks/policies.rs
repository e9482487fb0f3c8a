//! Policies beyond those that allow everything: what is attached, how wide it reaches, and what its holder can make of it.
//!

mod attached;
mod deprecated;
mod escalation;
mod mfa;
mod paths;
mod wildcards;

use super::evaluate::{Check, Judge};

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: attached::ADMIN, judge: Judge::Whole(attached::admin) },
    Check { meta: wildcards::ACTION, judge: Judge::Whole(wildcards::action) },
    Check { meta: wildcards::RESOURCE, judge: Judge::Whole(wildcards::resource) },
    Check { meta: escalation::ESCALATION, judge: Judge::Whole(escalation::escalation) },
    Check { meta: attached::DEPRECATED, judge: Judge::Whole(attached::deprecated) },
    Check { meta: attached::CLOUDSHELL, judge: Judge::Whole(attached::cloudshell) },
    Check { meta: attached::UNATTACHED, judge: Judge::Whole(attached::unattached) },
    Check { meta: mfa::ENFORCED, judge: Judge::Whole(mfa::enforced) },
];
