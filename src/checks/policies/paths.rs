//! The published ways to take more than one was given.
//!
//! Owns: `config/privilege-escalation.yaml`. Must not: know any principal.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The embedded file.
const EMBEDDED: &str = include_str!("../../../config/privilege-escalation.yaml");

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Published {
    version: u32,
    sources: Vec<Source>,
    /// On what each action is tried, by action.
    probes: BTreeMap<String, String>,
    /// The ways, in the order of messages.
    pub paths: Vec<Path>,
}

/// Where a way was published.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    id: String,
    title: String,
    url: String,
}

/// One way.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Path {
    id: String,
    /// Every action it takes.
    pub needs: Vec<String>,
    /// The service that is given a role.
    pub passes: Option<String>,
    /// The service whose role is taken over.
    pub takes_over: Option<String>,
    source: String,
}

impl Path {
    /// The service whose roles it leads to.
    pub fn service(&self) -> Option<&str> {
        self.passes.as_deref().or(self.takes_over.as_deref())
    }

    /// Its actions, as `iam:PassRole + ec2:RunInstances`.
    pub fn words(&self) -> String {
        self.needs.join(" + ")
    }
}

impl Published {
    /// The embedded file. A test reads it, so that it can always be read here.
    pub fn embedded() -> &'static Self {
        static FILE: LazyLock<Published> = LazyLock::new(|| serde_saphyr::from_str(EMBEDDED).unwrap_or_default());
        &FILE
    }

    /// On what an action is tried to see whether it is held on everything: a template with `${partition}`, `${region}`,
    /// `${account}` and `${name}`.
    pub fn probe(&self, action: &str) -> &str {
        self.probes.get(action).map_or("*", String::as_str)
    }

    /// Every action of every way, once each.
    pub fn actions(&self) -> BTreeSet<&str> {
        self.paths.iter().flat_map(|path| &path.needs).map(String::as_str).collect()
    }

    /// Every service whose roles a way leads to, once each.
    pub fn services(&self) -> BTreeSet<&str> {
        self.paths.iter().filter_map(Path::service).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_whole() {
        let file: Published = serde_saphyr::from_str(EMBEDDED).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(file.version, 1);
        let sources: BTreeSet<&str> = file.sources.iter().map(|source| source.id.as_str()).collect();
        assert_eq!(sources.len(), file.sources.len(), "a source twice");
        for source in &file.sources {
            assert!(source.url.starts_with("https://") && source.title.len() > 10, "{}", source.id);
            assert!(file.paths.iter().any(|path| path.source == source.id), "{} is not used", source.id);
        }
        let ids: BTreeSet<&str> = file.paths.iter().map(|path| path.id.as_str()).collect();
        assert_eq!(ids.len(), file.paths.len(), "a way twice");
        let actions = file.actions();
        assert!(file.probes.keys().all(|action| actions.contains(action.as_str())), "a probe without a way");
        for path in &file.paths {
            assert!(sources.contains(path.source.as_str()), "{}", path.id);
            assert_eq!(path.passes.is_some(), path.needs.iter().any(|action| action == "iam:PassRole"), "{}", path.id);
            assert!(path.passes.is_none() || path.takes_over.is_none(), "{}", path.id);
            assert!(path.service().is_none_or(|service| service.ends_with(".amazonaws.com")), "{}", path.id);
            let iam_only = path.needs.iter().all(|action| action.starts_with("iam:"));
            assert_eq!(path.service().is_none(), iam_only, "{}", path.id);
            for action in &path.needs {
                let (service, name) = action.split_once(':').unwrap();
                assert!(service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{action}");
                assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{action}");
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{action}");
            }
        }
    }

    #[test]
    fn no_way_only_adds_actions_to_another() {
        let paths = &Published::embedded().paths;
        assert!(paths.len() > 55, "{}", paths.len());
        for path in paths {
            let needs: BTreeSet<&String> = path.needs.iter().collect();
            assert_eq!(needs.len(), path.needs.len(), "{}", path.id);
            for other in paths.iter().filter(|other| other.id != path.id && other.takes_over == path.takes_over) {
                let smaller: BTreeSet<&String> = other.needs.iter().collect();
                assert!(!smaller.is_subset(&needs), "{} adds nothing to {}", path.id, other.id);
            }
        }
    }

    #[test]
    fn the_first_published_ways_are_here() {
        let known = |needs: &[&str]| Published::embedded().paths.iter().any(|path| path.needs == needs);
        for action in ["CreatePolicyVersion", "SetDefaultPolicyVersion", "CreateAccessKey", "AddUserToGroup"] {
            assert!(known(&[&format!("iam:{action}")]), "{action}");
        }
        assert!(known(&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]));
        assert!(known(&["iam:PassRole", "ec2:RunInstances"]));
        assert!(known(&["glue:UpdateDevEndpoint"]));
    }
}
