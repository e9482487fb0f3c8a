//! Families: what checks are about, by their ids, for filters and lists.
//!
//! Owns: the names of families. Must not: decide the order of reports (`FAMILIES` does).

/// Prefixes of ids and the family they belong to; the longest that fits counts.
const PREFIXES: &[(&str, &str)] = &[
    ("root-", "root"),
    ("password-policy-", "password-policy"),
    ("user-", "users"),
    ("access-key-", "users"),
    ("console-", "users"),
    ("group-", "users"),
    ("ssh-key-", "users"),
    ("service-specific-credentials", "users"),
    ("admin-principal-", "users"),
    ("role-inline-policies", "users"),
    ("policy-", "policies"),
    ("mfa-enforced", "policies"),
    ("role-", "roles"),
    ("audit-role-", "roles"),
    ("server-certificate-", "certificates"),
    ("saml-provider-", "certificates"),
    ("access-analyzer-", "access-analyzer"),
    ("trail-", "trails"),
    ("monitor-", "monitoring"),
    ("billing-", "monitoring"),
    ("event-", "events"),
    ("config-", "config"),
    ("org-", "organization"),
    ("account-", "account"),
];

/// Every family, in the order of lists.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for (_, family) in PREFIXES {
        if !names.contains(family) {
            names.push(family);
        }
    }
    names
}

/// The family of checks that are not orgward's own.
pub const CUSTOM: &str = "custom";

/// The family of a check; [`CUSTOM`] for an id that none of ours begins like.
pub fn of(check: &str) -> &'static str {
    let fitting = PREFIXES.iter().filter(|(prefix, _)| check.starts_with(prefix));
    fitting.max_by_key(|(prefix, _)| prefix.len()).map_or(CUSTOM, |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_a_family_and_every_family_a_check() {
        let ids: Vec<&str> = super::super::tests::IDS.split_whitespace().collect();
        let strangers: Vec<&&str> = ids.iter().filter(|id| of(id) == "custom").collect();
        assert!(strangers.is_empty(), "{strangers:?}");
        for (prefix, _) in PREFIXES {
            assert!(ids.iter().any(|id| id.starts_with(prefix)), "no check begins with `{prefix}`");
        }
        assert_eq!((of("role-inline-policies"), of("role-unused"), of("ours-1")), ("users", "roles", "custom"));
        assert_eq!(names().len(), 13);
    }
}
