//! AWS-managed policies that AWS has replaced or retired.
//!
//! Owns: `config/deprecated-policies.yaml`. Must not: know what is attached.

use serde::Deserialize;
use std::sync::LazyLock;

/// The embedded file.
const EMBEDDED: &str = include_str!("../../../config/deprecated-policies.yaml");

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    sources: Vec<Source>,
    policies: Vec<Deprecated>,
}

/// Where it is published.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    id: String,
    title: String,
    url: String,
}

/// A policy that AWS has replaced or retired.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deprecated {
    /// The last part of its ARN.
    pub name: String,
    /// What AWS wants attached instead.
    pub replacement: Option<String>,
    source: String,
}

/// The deprecated policy with this ARN. A test reads the file, so that it can always be read here.
pub(super) fn find(arn: &str) -> Option<&'static Deprecated> {
    static FILE: LazyLock<File> = LazyLock::new(|| serde_saphyr::from_str(EMBEDDED).unwrap_or_default());
    let (_, path) = arn.split_once(":iam::aws:policy/")?;
    let name = path.rsplit('/').next()?;
    FILE.policies.iter().find(|policy| policy.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_embedded_file_is_whole() {
        let file: File = serde_saphyr::from_str(EMBEDDED).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.version, 1);
        let sources: BTreeSet<&str> = file.sources.iter().map(|source| source.id.as_str()).collect();
        assert_eq!(sources.len(), file.sources.len(), "a source twice");
        for source in &file.sources {
            assert!(source.url.starts_with("https://") && !source.title.is_empty(), "{}", source.id);
            assert!(file.policies.iter().any(|policy| policy.source == source.id), "{} is not used", source.id);
        }
        assert!(file.policies.is_sorted_by_key(|policy| &policy.name), "sorted by name");
        let names: BTreeSet<&str> = file.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names.len(), file.policies.len(), "a policy twice");
        for policy in &file.policies {
            let word =
                |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            assert!(sources.contains(policy.source.as_str()), "{}", policy.name);
            assert!(word(&policy.name) && policy.replacement.as_deref().is_none_or(word), "{}", policy.name);
            let replacement = policy.replacement.as_deref().unwrap_or_default();
            assert!(!names.contains(replacement), "{}: `{replacement}` is deprecated too", policy.name);
        }
    }

    #[test]
    fn policies_are_found_by_arn_whatever_the_path_and_partition() {
        assert!(find("arn:aws:iam::aws:policy/AWSLambdaFullAccess").is_some());
        assert!(find("arn:aws-cn:iam::aws:policy/service-role/AWSConfigRole").is_some());
        assert!(find("arn:aws:iam::aws:policy/AWSLambda_FullAccess").is_none());
        assert!(
            find("arn:aws:iam::222222222222:policy/AWSLambdaFullAccess").is_none(),
            "a customer's own of that name"
        );
    }
}
