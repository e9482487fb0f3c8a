//! CloudFormation templates: the roles of members, for a StackSet, and what the management account needs, for a stack.
//!
//! Must not: hold an ExternalId; it is a parameter that is not echoed.
//!
//! Source: CloudFormation template reference, `AWS::IAM::Role`, `AWS::IAM::ManagedPolicy`.

use super::Setup;
use crate::grants::{Grant, document};
use serde_json::{Map, Value, json};

/// What an ExternalId may look like (STS API reference, `AssumeRole`).
const EXTERNAL_ID: &str = "[\\w+=,.@:/-]{2,1224}";

/// The roles of every member.
pub(super) fn members(setup: &Setup<'_>) -> Result<Value, String> {
    roles(setup, "Roles that orgward assumes in member accounts")
}

/// What the management account needs: a policy for who calls orgward there, or the roles that a delegated administrator enters.
pub(super) fn management(setup: &Setup<'_>) -> Result<Value, String> {
    match setup.delegated() {
        true => roles(setup, "Roles that orgward assumes in the management account, from a delegated administrator"),
        false => caller(setup),
    }
}

fn roles(setup: &Setup<'_>, description: &str) -> Result<Value, String> {
    let mut account = json!({
        "Type": "String",
        "AllowedPattern": "\\d{12}",
        "Description": "Where orgward is run: the organization's management account, or a delegated administrator"
    });
    if let Some(delegated) = &setup.names.delegated {
        insert(&mut account, "Default", delegated.as_str().into());
    }
    let mut parameters = json!({
        "CallerAccountId": account,
        "CallerArn": {
            "Type": "String",
            "Default": super::ANY_CALLER,
            "AllowedPattern": "arn:[^:]+:iam::[^:]*:.+",
            "Description": "Who in that account may assume the roles: an ARN, with * where it varies"
        },
        "AuditExternalId": external_id("The ExternalId of the audit role"),
    });
    let (name, grants) = (&setup.names.audit_role, &setup.grants.audit_role);
    let mut resources = json!({
        "AuditRole": role(setup, name, "AuditExternalId", "AuditRolePolicy", "to look: reads only"),
        "AuditRolePolicy": policy(name, grants, "What orgward needs to look: reads only")?,
    });
    if !setup.grants.apply_role.is_empty() {
        let (name, grants) = (&setup.names.apply_role, &setup.grants.apply_role);
        insert(
            &mut parameters,
            "ApplyExternalId",
            external_id("The ExternalId of the apply role; another one than the audit role's"),
        );
        insert(
            &mut resources,
            "ApplyRole",
            role(setup, name, "ApplyExternalId", "ApplyRolePolicy", "to change what its playbooks say"),
        );
        insert(
            &mut resources,
            "ApplyRolePolicy",
            policy(name, grants, "What orgward needs to change what its playbooks say")?,
        );
    }
    Ok(template(description, &parameters, &resources))
}

/// What who calls orgward needs in the account it is run from.
pub(super) fn caller(setup: &Setup<'_>) -> Result<Value, String> {
    let mut resources = json!({
        "AuditCaller": policy("OrgwardAuditCaller", &setup.grants.audit_caller, "Who runs orgward audits and plans")?,
    });
    if setup.applies() {
        let grants = &setup.grants.apply_caller;
        insert(
            &mut resources,
            "ApplyCaller",
            policy("OrgwardApplyCaller", grants, "Who runs orgward apply, beside OrgwardAuditCaller")?,
        );
    }
    let place = if setup.delegated() { "delegated administrator" } else { "management account" };
    Ok(template(&format!("What the callers of orgward need in the {place}"), &json!({}), &resources))
}

fn template(description: &str, parameters: &Value, resources: &Value) -> Value {
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Resources": resources,
    });
    if parameters.as_object().is_some_and(|parameters| !parameters.is_empty()) {
        insert(&mut template, "Parameters", parameters.clone());
    }
    template
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(name.to_owned(), value);
    }
}

fn external_id(description: &str) -> Value {
    json!({"Type": "String", "NoEcho": true, "AllowedPattern": EXTERNAL_ID, "Description": description})
}

/// The path and the name alone of a name with its path.
fn path_and_name(name: &str) -> (String, &str) {
    name.rsplit_once('/').map_or(("/".to_owned(), name), |(path, bare)| (format!("/{path}/"), bare))
}

/// A role that only the account orgward is run from enters, and only with the ExternalId. Its permissions are a managed policy of its
/// name: with versions, and in sight where policies are reviewed, which an inline one is not.
fn role(setup: &Setup<'_>, name: &str, external_id: &str, policy: &str, what: &str) -> Value {
    let (path, bare) = path_and_name(name);
    let place = if setup.delegated() { "the delegated administrator" } else { "the management account" };
    let principal = json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${CallerAccountId}:root"}});
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OrgwardWithExternalId",
                "Effect": "Allow",
                "Principal": principal,
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"sts:ExternalId": {"Ref": external_id}},
                    "ArnLike": {"aws:PrincipalArn": {"Ref": "CallerArn"}}
                }
            },
            {
                "Sid": "NamedSessions",
                "Effect": "Allow",
                "Principal": principal,
                "Action": ["sts:SetSourceIdentity", "sts:TagSession"],
                "Condition": {"ArnLike": {"aws:PrincipalArn": {"Ref": "CallerArn"}}}
            }
        ]
    });
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": bare,
            "Path": path,
            "Description": format!("Assumed by orgward from {place}, {what}"),
            "MaxSessionDuration": setup.session_seconds,
            "AssumeRolePolicyDocument": trust,
            "ManagedPolicyArns": [{"Ref": policy}]
        }
    })
}

/// A managed policy; beside a role it has the role's path and name.
fn policy(name: &str, grants: &[Grant], description: &str) -> Result<Value, String> {
    let (path, bare) = path_and_name(name);
    Ok(json!({
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": bare,
            "Path": path,
            "Description": description,
            "PolicyDocument": policy_document(grants)?
        }
    }))
}

/// The document, with the partition of wherever the stack is.
fn policy_document(grants: &[Grant]) -> Result<Value, String> {
    let mut value = serde_json::to_value(document(grants)).map_err(|error| error.to_string())?;
    let statements = value.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten();
    for statement in statements.filter_map(Value::as_object_mut) {
        substitute(statement);
    }
    Ok(value)
}

/// ARNs with a partition in them are put together where the stack is.
fn substitute(statement: &mut Map<String, Value>) {
    let Some(resources) = statement.get_mut("Resource").and_then(Value::as_array_mut) else { return };
    for resource in resources {
        let rest = resource.as_str().and_then(|text| text.strip_prefix("arn:")).and_then(|text| text.split_once(':'));
        if let Some((_, rest)) = rest {
            *resource = json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:{rest}")});
        }
    }
}
