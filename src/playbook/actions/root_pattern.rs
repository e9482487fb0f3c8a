//! The metric filter pattern for use of a root user, and which patterns mean the same.
//!
//! Source: CIS 4.3 in v1.4 to v5.0, 5.3 in v6.0 and v7.0.

/// Calls by a root user that no AWS service made for it. `sts:AssumeRoot` matches too.
pub const ROOT_USAGE: &str = "{ ($.userIdentity.type = \"Root\") && ($.userIdentity.invokedBy NOT EXISTS) && \
                              ($.eventType != \"AwsServiceEvent\") }";

/// Whether two patterns mean the same, white space apart.
pub fn same_pattern(a: &str, b: &str) -> bool {
    normal(a) == normal(b)
}

/// The text without white space outside quotes.
fn normal(pattern: &str) -> String {
    let mut quoted = false;
    pattern
        .chars()
        .filter(|c| {
            quoted ^= *c == '"';
            quoted || !c.is_whitespace()
        })
        .collect()
}
