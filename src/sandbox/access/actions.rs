//! What a call needs to be allowed: the IAM action of each operation, and the ARNs of what it touches.
//!
//! Owns: a table per service. Must not: decide anything.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service. Operations on
//! `*` name no resource there.

use crate::model::ids::Arn;
use crate::model::{PolicyId, TargetId};
use crate::sandbox::{Caller, Org};
use serde_json::Value;

/// An action on resources; each of them has to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) action: String,
    pub(crate) resources: Vec<String>,
}

/// A call as the table's functions see it.
#[derive(Clone, Copy)]
struct Call<'a> {
    org: &'a Org,
    caller: &'a Caller,
    input: &'a Value,
}

/// Finds the ARNs in a call's input.
type Resources = fn(Call<'_>) -> Vec<String>;

/// A row: operation, IAM action, what it is done to.
type Row = (&'static str, &'static str, Resources);

const TABLES: &[(&str, &[Row])] = &[
    ("access-analyzer", ACCESS_ANALYZER),
    ("account", ACCOUNT),
    ("budgets", BUDGETS),
    ("cloudtrail", CLOUDTRAIL),
    ("cloudwatch", CLOUDWATCH),
    ("config", CONFIG),
    ("guardduty", GUARDDUTY),
    ("iam", IAM),
    ("logs", LOGS),
    ("organizations", ORGANIZATIONS),
    ("s3", S3),
    ("securityhub", SECURITY_HUB),
    ("sns", SNS),
];

const ACCESS_ANALYZER: &[Row] = &[
    ("ListAnalyzers", "access-analyzer:ListAnalyzers", anything),
    ("ListFindingsV2", "access-analyzer:ListFindings", |call| arn_in(call, "analyzerArn")),
];

const ACCOUNT: &[Row] = &[
    ("GetAlternateContact", "account:GetAlternateContact", own_account),
    ("GetContactInformation", "account:GetContactInformation", own_account),
    ("ListRegions", "account:ListRegions", own_account),
];

const BUDGETS: &[Row] = &[
    ("DescribeBudgetNotificationsForAccount", "budgets:ViewBudget", budget),
    ("DescribeBudgets", "budgets:ViewBudget", budget),
];

const CLOUDTRAIL: &[Row] = &[
    ("DescribeTrails", "cloudtrail:DescribeTrails", anything),
    ("GetEventSelectors", "cloudtrail:GetEventSelectors", |call| trail(call, "TrailName")),
    ("GetTrailStatus", "cloudtrail:GetTrailStatus", |call| trail(call, "Name")),
    ("ListTrails", "cloudtrail:ListTrails", anything),
    ("LookupEvents", "cloudtrail:LookupEvents", anything),
];

const CLOUDWATCH: &[Row] = &[
    ("DeleteAlarms", "cloudwatch:DeleteAlarms", |call| {
        let names = call.input.get("AlarmNames").and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(|name| alarm(call, name)).collect()
    }),
    ("DescribeAlarms", "cloudwatch:DescribeAlarms", |call| vec![alarm(call, "*")]),
    ("ListTagsForResource", "cloudwatch:ListTagsForResource", |call| arn_in(call, "ResourceARN")),
    ("PutMetricAlarm", "cloudwatch:PutMetricAlarm", |call| {
        call.text("AlarmName").map(|name| alarm(call, name)).into_iter().collect()
    }),
    ("TagResource", "cloudwatch:TagResource", |call| arn_in(call, "ResourceARN")),
];

const CONFIG: &[Row] = &[
    ("DescribeConfigRules", "config:DescribeConfigRules", anything),
    ("DescribeConfigurationRecorderStatus", "config:DescribeConfigurationRecorderStatus", anything),
    ("DescribeConfigurationRecorders", "config:DescribeConfigurationRecorders", anything),
];

const GUARDDUTY: &[Row] = &[
    ("GetDetector", "guardduty:GetDetector", |call| {
        let arn = |id| format!("arn:aws:guardduty:{}:{}:detector/{id}", call.caller.region, call.caller.account);
        call.text("DetectorId").map(arn).into_iter().collect()
    }),
    ("ListDetectors", "guardduty:ListDetectors", anything),
];

const S3: &[Row] = &[
    ("GetBucketAcl", "s3:GetBucketAcl", bucket),
    ("GetBucketLogging", "s3:GetBucketLogging", bucket),
    ("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", bucket),
    ("ListBuckets", "s3:ListAllMyBuckets", anything),
];

const SECURITY_HUB: &[Row] = &[("DescribeHub", "securityhub:DescribeHub", |call| {
    vec![format!("arn:aws:securityhub:{}:{}:hub/default", call.caller.region, call.caller.account)]
})];

const IAM: &[Row] = &[
    ("DeleteAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy", anything),
    ("GenerateCredentialReport", "iam:GenerateCredentialReport", anything),
    ("GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails", anything),
    ("GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy", anything),
    ("GetAccountSummary", "iam:GetAccountSummary", anything),
    ("GetCredentialReport", "iam:GetCredentialReport", anything),
    ("GetRole", "iam:GetRole", role),
    ("ListAccountAliases", "iam:ListAccountAliases", anything),
    ("ListOrganizationsFeatures", "iam:ListOrganizationsFeatures", anything),
    ("ListRoles", "iam:ListRoles", anything),
    ("ListSAMLProviders", "iam:ListSAMLProviders", anything),
    ("ListSSHPublicKeys", "iam:ListSSHPublicKeys", user),
    ("ListServerCertificates", "iam:ListServerCertificates", anything),
    ("ListServiceSpecificCredentials", "iam:ListServiceSpecificCredentials", user),
    ("ListVirtualMFADevices", "iam:ListVirtualMFADevices", anything),
    ("SimulateCustomPolicy", "iam:SimulateCustomPolicy", anything),
    ("UpdateAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy", anything),
];

const LOGS: &[Row] = &[
    ("DeleteMetricFilter", "logs:DeleteMetricFilter", log_group),
    ("DescribeLogGroups", "logs:DescribeLogGroups", |call| vec![log_group_arn(call, "")]),
    ("DescribeMetricFilters", "logs:DescribeMetricFilters", log_group),
    ("FilterLogEvents", "logs:FilterLogEvents", log_group),
    ("PutMetricFilter", "logs:PutMetricFilter", log_group),
];

const ORGANIZATIONS: &[Row] = &[
    ("AttachPolicy", "organizations:AttachPolicy", |call| both(policy(call), entity(call, "TargetId"))),
    ("CreatePolicy", "organizations:CreatePolicy", anything),
    ("DeletePolicy", "organizations:DeletePolicy", policy),
    ("DescribeAccount", "organizations:DescribeAccount", |call| entity(call, "AccountId")),
    ("DescribeOrganization", "organizations:DescribeOrganization", anything),
    ("DescribeOrganizationalUnit", "organizations:DescribeOrganizationalUnit", |call| {
        entity(call, "OrganizationalUnitId")
    }),
    ("DescribePolicy", "organizations:DescribePolicy", policy),
    ("DescribeResourcePolicy", "organizations:DescribeResourcePolicy", anything),
    ("DetachPolicy", "organizations:DetachPolicy", |call| both(policy(call), entity(call, "TargetId"))),
    ("EnablePolicyType", "organizations:EnablePolicyType", |call| entity(call, "RootId")),
    ("ListAWSServiceAccessForOrganization", "organizations:ListAWSServiceAccessForOrganization", anything),
    ("ListAccounts", "organizations:ListAccounts", anything),
    ("ListAccountsForParent", "organizations:ListAccountsForParent", |call| entity(call, "ParentId")),
    ("ListChildren", "organizations:ListChildren", |call| entity(call, "ParentId")),
    ("ListDelegatedAdministrators", "organizations:ListDelegatedAdministrators", anything),
    ("ListDelegatedServicesForAccount", "organizations:ListDelegatedServicesForAccount", |call| {
        entity(call, "AccountId")
    }),
    ("ListOrganizationalUnitsForParent", "organizations:ListOrganizationalUnitsForParent", |call| {
        entity(call, "ParentId")
    }),
    ("ListParents", "organizations:ListParents", |call| entity(call, "ChildId")),
    ("ListPolicies", "organizations:ListPolicies", anything),
    ("ListPoliciesForTarget", "organizations:ListPoliciesForTarget", |call| entity(call, "TargetId")),
    ("ListRoots", "organizations:ListRoots", anything),
    ("ListTagsForResource", "organizations:ListTagsForResource", |call| entity(call, "ResourceId")),
    ("ListTargetsForPolicy", "organizations:ListTargetsForPolicy", policy),
    ("TagResource", "organizations:TagResource", |call| entity(call, "ResourceId")),
    ("UntagResource", "organizations:UntagResource", |call| entity(call, "ResourceId")),
    ("UpdatePolicy", "organizations:UpdatePolicy", policy),
];

const SNS: &[Row] = &[
    ("CreateTopic", "sns:CreateTopic", |call| {
        let arn = |name| format!("arn:aws:sns:{}:{}:{name}", call.caller.region, call.caller.account);
        call.text("Name").map(arn).into_iter().collect()
    }),
    ("DeleteTopic", "sns:DeleteTopic", |call| arn_in(call, "TopicArn")),
    ("GetTopicAttributes", "sns:GetTopicAttributes", |call| arn_in(call, "TopicArn")),
    ("ListSubscriptionsByTopic", "sns:ListSubscriptionsByTopic", |call| arn_in(call, "TopicArn")),
    ("ListTagsForResource", "sns:ListTagsForResource", |call| arn_in(call, "ResourceArn")),
    ("ListTopics", "sns:ListTopics", anything),
    ("Publish", "sns:Publish", |call| arn_in(call, "TopicArn")),
    ("Subscribe", "sns:Subscribe", |call| arn_in(call, "TopicArn")),
    ("TagResource", "sns:TagResource", |call| arn_in(call, "ResourceArn")),
    ("Unsubscribe", "sns:Unsubscribe", anything),
    ("UntagResource", "sns:UntagResource", |call| arn_in(call, "ResourceArn")),
];

/// Operations that also need their service's `TagResource` when they are given tags.
const TAGGING: &[&str] = &["CreatePolicy", "CreateTopic", "PutMetricAlarm"];

/// What a call needs; `None` for an operation in no table. STS stands in none: `GetCallerIdentity` needs nothing, and
/// `AssumeRole` is decided together with the role's trust policy.
pub(crate) fn needs(org: &Org, caller: &Caller, service: &str, operation: &str, input: &Value) -> Option<Vec<Need>> {
    let (_, table) = TABLES.iter().find(|(name, _)| *name == service)?;
    let (_, action, resources) = table.iter().find(|(name, ..)| *name == operation)?;
    // An input without the member is the handler's to refuse.
    let mut resources = resources(Call { org, caller, input });
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let mut needs = vec![Need { action: (*action).to_owned(), resources: resources.clone() }];
    let tags = input.get("Tags").and_then(Value::as_array).is_some_and(|tags| !tags.is_empty());
    if tags && TAGGING.contains(&operation) {
        needs.push(Need { action: format!("{service}:TagResource"), resources });
    }
    Some(needs)
}

impl<'a> Call<'a> {
    fn text(self, member: &str) -> Option<&'a str> {
        self.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
    }
}

fn anything(_: Call<'_>) -> Vec<String> {
    Vec::new()
}

fn own_account(call: Call<'_>) -> Vec<String> {
    vec![format!("arn:aws:account::{}:account", call.caller.account)]
}

fn bucket(call: Call<'_>) -> Vec<String> {
    call.text("Bucket").map(|name| format!("arn:aws:s3:::{name}")).into_iter().collect()
}

fn both(mut one: Vec<String>, other: Vec<String>) -> Vec<String> {
    one.extend(other);
    one
}

fn arn_in(call: Call<'_>, member: &str) -> Vec<String> {
    call.text(member).filter(|text| Arn::parse(text).is_some()).map(str::to_owned).into_iter().collect()
}

fn trail(call: Call<'_>, member: &str) -> Vec<String> {
    let arn = |name: &str| {
        if name.starts_with("arn:") {
            return name.to_owned();
        }
        format!("arn:aws:cloudtrail:{}:{}:trail/{name}", call.caller.region, call.caller.account)
    };
    call.text(member).map(arn).into_iter().collect()
}

fn alarm(call: Call<'_>, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", call.caller.region, call.caller.account)
}

fn role(call: Call<'_>) -> Vec<String> {
    let Some(name) = call.text("RoleName") else { return Vec::new() };
    let account = &call.caller.account;
    let arn = call.org.state(account).roles.get(name).map(|role| role.arn(account));
    vec![arn.unwrap_or_else(|| format!("arn:aws:iam::{account}:role/{name}"))]
}

/// The user of a call; none for `AllUsers`, which IAM authorizes on `*`.
fn user(call: Call<'_>) -> Vec<String> {
    let Some(name) = call.text("UserName") else { return Vec::new() };
    let account = &call.caller.account;
    let state = call.org.state(account);
    let arn = state.users.get(name).map(|user| state.user_arn(user));
    vec![arn.unwrap_or_else(|| format!("arn:aws:iam::{account}:user/{name}"))]
}

fn budget(call: Call<'_>) -> Vec<String> {
    vec![format!("arn:aws:budgets::{}:budget/*", call.text("AccountId").unwrap_or(call.caller.account.as_str()))]
}

/// The form CloudWatch Logs gives in its own denials; both `log-group:NAME:*` and `log-group:NAME*` match it.
fn log_group_arn(call: Call<'_>, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{name}:log-stream:", call.caller.region, call.caller.account)
}

fn log_group(call: Call<'_>) -> Vec<String> {
    let given = call.text("logGroupName").or_else(|| call.text("logGroupIdentifier")).unwrap_or_default();
    let name = crate::model::trail::LogGroup::parse(given).map_or_else(|| given.to_owned(), |group| group.name);
    vec![log_group_arn(call, &name)]
}

fn policy(call: Call<'_>) -> Vec<String> {
    let id = call.text("PolicyId").and_then(|id| id.parse::<PolicyId>().ok());
    id.and_then(|id| call.org.policies.get(&id)).map(|policy| call.org.policy_arn(policy)).into_iter().collect()
}

/// A root, an OU, an account or a policy, by its id.
fn entity(call: Call<'_>, member: &str) -> Vec<String> {
    let Some(id) = call.text(member) else { return Vec::new() };
    let org = call.org;
    if let Some(policy) = id.parse::<PolicyId>().ok().and_then(|id| org.policies.get(&id)) {
        return vec![org.policy_arn(policy)];
    }
    let Ok(target) = id.parse::<TargetId>() else { return Vec::new() };
    vec![org.target_arn(&target)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::services::SERVICES;
    use crate::sandbox::services::testing::{caller, small};
    use serde_json::json;

    #[test]
    fn every_operation_has_its_action() {
        let org = small();
        let caller = caller(&org, "app-one", "eu-central-1");
        for service in SERVICES.iter().filter(|service| service.prefix != "sts") {
            for (operation, _) in service.operations.iter().flat_map(|table| table.iter()) {
                let needs = needs(&org, &caller, service.prefix, operation, &Value::Null);
                let needs = needs.unwrap_or_else(|| panic!("{}:{operation} has no row", service.prefix));
                assert!(needs[0].action.starts_with(&format!("{}:", service.prefix)), "{needs:?}");
                assert!(!needs[0].resources.is_empty(), "{operation}");
            }
        }
        for (service, rows) in TABLES {
            let known = SERVICES.iter().find(|known| known.prefix == *service).unwrap();
            assert!(rows.is_sorted_by_key(|(operation, ..)| *operation), "{service}");
            for (operation, ..) in *rows {
                assert!(known.handler(operation).is_some(), "{service}:{operation} does not exist");
            }
        }
    }

    #[test]
    fn resources_are_named_as_aws_names_them() {
        let org = small();
        let caller = caller(&org, "app-one", "eu-west-1");
        let account = &caller.account;
        let resources = |service: &str, operation: &str, input: Value| {
            needs(&org, &caller, service, operation, &input).unwrap().remove(0).resources
        };
        assert_eq!(
            resources("logs", "PutMetricFilter", json!({"logGroupName": "trail"})),
            [format!("arn:aws:logs:eu-west-1:{account}:log-group:trail:log-stream:")]
        );
        assert_eq!(
            resources("cloudtrail", "GetTrailStatus", json!({"Name": "t"})),
            [format!("arn:aws:cloudtrail:eu-west-1:{account}:trail/t")]
        );
        assert_eq!(
            resources("cloudwatch", "DeleteAlarms", json!({"AlarmNames": ["a", "b"]})).len(),
            2,
            "each alarm is a resource"
        );
        let attach = resources(
            "organizations",
            "AttachPolicy",
            json!({"PolicyId": "p-FullAWSAccess", "TargetId": org.info.root.as_str()}),
        );
        assert_eq!(attach[0], "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess");
        assert!(attach[1].contains(":root/o-"), "{attach:?}");
        assert_eq!(resources("sns", "Subscribe", json!({"TopicArn": "nonsense"})), ["*"]);
    }

    #[test]
    fn tags_at_creation_need_their_own_action() {
        let org = small();
        let caller = caller(&org, "app-one", "eu-west-1");
        let input = json!({"Name": "t", "Tags": [{"Key": "a", "Value": "b"}]});
        let needs = needs(&org, &caller, "sns", "CreateTopic", &input).unwrap();
        assert_eq!(needs[1].action, "sns:TagResource");
        assert_eq!(needs[1].resources, needs[0].resources);
    }
}
