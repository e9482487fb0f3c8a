//! References: the AWS documents that checks rest on.
//!
//! Owns: the form of references. Must not: know any check, or number controls (`config/frameworks/` does).

use crate::model::check::Reference;

/// A section of an AWS document.
pub(super) const fn aws(document: &'static str, section: &'static str) -> Reference {
    Reference { document, section }
}
