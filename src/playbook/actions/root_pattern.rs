//! The metric filter pattern for use of a root user, and which patterns mean the same.
//!
//! Source: CIS 4.3 in v1.4 to v5.0, 5.3 in v6.0 and v7.0.

use crate::pattern::Pattern;

/// Calls by a root user that no AWS service made for it. `sts:AssumeRoot` matches too.
pub const ROOT_USAGE: &str = "{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && \
                              ($.eventType != \"AwsServiceEvent\") }";

/// Whether two patterns match the same events. Texts that can't be read as patterns are compared as texts.
pub fn same_pattern(a: &str, b: &str) -> bool {
    match (Pattern::parse(a), Pattern::parse(b)) {
        (Ok(a), Ok(b)) => a.same_meaning(&b),
        _ => a == b,
    }
}
