//! AWS Config: recorders of a Region with their status, and rules.
//!
//! Owns: three calls and how their answers become the model's. Must not: judge.
//!
//! Source: AWS Config API reference, `DescribeConfigurationRecorders`, `DescribeConfigurationRecorderStatus`,
//! `DescribeConfigRules`.

use crate::aws::AccountSession;
use crate::model::ids::Region;
use crate::model::observed::{Cause, Observed};
use crate::model::region::{ConfigRecorder, ConfigRule};
use crate::resources::call::{done, incomplete, pages};
use aws_sdk_config::types::{self, ConfigRuleState, ConfigurationRecorderStatus, Owner, ResourceType};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const RECORDERS: &str = "config:DescribeConfigurationRecorders";
pub(super) const STATUS: &str = "config:DescribeConfigurationRecorderStatus";
pub(super) const RULES: &str = "config:DescribeConfigRules";

/// The recorders of a Region. Where there is none, nobody is asked for its status.
pub(super) async fn recorders(session: &AccountSession, region: &Region) -> Observed<Vec<ConfigRecorder>> {
    let work = async {
        let client = session.config_service(region);
        let answer = done(RECORDERS, client.describe_configuration_recorders().send().await)?;
        let recorders = answer.configuration_recorders.unwrap_or_default();
        if recorders.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let answer = done(STATUS, client.describe_configuration_recorder_status().send().await)?;
        let statuses = answer.configuration_recorders_status.unwrap_or_default();
        recorders.iter().map(|found| recorder(found, &statuses)).collect::<Result<Vec<_>, _>>().map(Some)
    };
    session.observe(RECORDERS, region, work).await
}

fn recorder(
    found: &types::ConfigurationRecorder,
    statuses: &[ConfigurationRecorderStatus],
) -> Result<ConfigRecorder, Cause> {
    let name = found.name().ok_or_else(|| incomplete(RECORDERS, "recorder name"))?;
    let status = statuses.iter().find(|status| status.name() == Some(name));
    let status = status.ok_or_else(|| incomplete(STATUS, &format!("status of recorder `{name}`")))?;
    let group = found.recording_group();
    let strategy = group.and_then(|group| group.recording_strategy()).and_then(|strategy| strategy.use_only());
    let named = |resources: &[ResourceType]| -> BTreeSet<String> {
        resources.iter().map(|resource| resource.as_str().to_owned()).collect()
    };
    let excluded = group.and_then(|group| group.exclusion_by_resource_types());
    Ok(ConfigRecorder {
        name: name.to_owned(),
        all_supported: group.is_some_and(|group| group.all_supported),
        include_global: group.is_some_and(|group| group.include_global_resource_types),
        strategy: strategy.map_or_else(String::new, |strategy| strategy.as_str().to_owned()),
        included: group.map(|group| named(group.resource_types())).unwrap_or_default(),
        excluded: excluded.map(|excluded| named(excluded.resource_types())).unwrap_or_default(),
        recording: status.recording,
        last_status: status.last_status().map(|status| status.as_str().to_owned()),
    })
}

/// The rules of a Region.
pub(super) async fn rules(session: &AccountSession, region: &Region) -> Observed<Vec<ConfigRule>> {
    let work = async {
        let mut found = Vec::new();
        let stream = session.config_service(region).describe_config_rules().into_paginator().send();
        pages(RULES, stream, |page| page.next_token(), |page| found.extend(page.config_rules.unwrap_or_default()))
            .await?;
        found.iter().map(rule).collect::<Result<Vec<_>, _>>().map(Some)
    };
    session.observe(RULES, region, work).await
}

fn rule(found: &types::ConfigRule) -> Result<ConfigRule, Cause> {
    let name = found.config_rule_name().ok_or_else(|| incomplete(RULES, "rule name"))?;
    let managed = found.source().filter(|source| *source.owner() == Owner::Aws);
    Ok(ConfigRule {
        name: name.to_owned(),
        identifier: managed.and_then(|source| source.source_identifier()).map(str::to_owned),
        // A rule that evaluates right now is active too.
        active: matches!(found.config_rule_state(), Some(ConfigRuleState::Active | ConfigRuleState::Evaluating)),
        parameters: parameters(name, found.input_parameters().unwrap_or_default())?,
    })
}

/// The parameters of a rule, which Config keeps as the text of a JSON object; numbers and the like as their text.
fn parameters(rule: &str, text: &str) -> Result<BTreeMap<String, String>, Cause> {
    if text.trim().is_empty() {
        return Ok(BTreeMap::new());
    }
    let read: Map<String, Value> = serde_json::from_str(text)
        .map_err(|_| incomplete(RULES, &format!("JSON object in the parameters of rule `{rule}`")))?;
    let plain = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    Ok(read.into_iter().map(|(key, value)| (key, plain(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorder_without_a_status_is_not_taken_for_stopped() {
        let found = types::ConfigurationRecorder::builder().name("default").build();
        let status = |name: &str| ConfigurationRecorderStatus::builder().name(name).recording(true).build();
        let error = recorder(&found, &[status("other")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "config:DescribeConfigurationRecorderStatus: the answer has no status of recorder `default`"
        );
        let known = recorder(&found, &[status("other"), status("default")]).unwrap();
        assert!(known.recording && !known.all_supported && known.strategy.is_empty() && known.last_status.is_none());
        assert!(recorder(&types::ConfigurationRecorder::builder().build(), &[]).is_err());
    }

    #[test]
    fn only_aws_managed_rules_have_an_identifier() {
        let rule_of = |owner: Owner, state: Option<ConfigRuleState>, parameters: &str| {
            let source = types::Source::builder().owner(owner).source_identifier("ACCESS_KEYS_ROTATED").build();
            let found = types::ConfigRule::builder().config_rule_name("keys").set_config_rule_state(state);
            rule(&found.source(source.unwrap()).input_parameters(parameters).build())
        };
        let managed = rule_of(Owner::Aws, Some(ConfigRuleState::Active), r#"{"maxAccessKeyAge":"90","n":5}"#).unwrap();
        assert_eq!(managed.identifier.as_deref(), Some("ACCESS_KEYS_ROTATED"));
        assert!(managed.active);
        let parameters = [("maxAccessKeyAge", "90"), ("n", "5")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(managed.parameters, BTreeMap::from(parameters));
        let custom = rule_of(Owner::CustomLambda, Some(ConfigRuleState::Deleting), "").unwrap();
        assert_eq!((custom.identifier, custom.active), (None, false));
        assert!(!rule_of(Owner::Aws, None, "{}").unwrap().active, "nothing says that it is");
        assert!(rule_of(Owner::Aws, Some(ConfigRuleState::Evaluating), "{}").unwrap().active);
        assert!(rule_of(Owner::Aws, None, "[90").unwrap_err().to_string().contains("rule `keys`"));
    }
}
