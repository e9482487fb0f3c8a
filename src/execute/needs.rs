//! What orgward's roles call in member accounts: the actions no guardrail may deny them. Data only.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys" of each service.

/// An action orgward calls with a role of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// The IAM action.
    pub action: &'static str,
    /// Whether it is decided on a resource (a trail, a log group); else on `*`.
    pub on_resource: bool,
}

const fn anywhere(action: &'static str) -> Need {
    Need { action, on_resource: false }
}

const fn on(action: &'static str) -> Need {
    Need { action, on_resource: true }
}

/// Every such action. Reads come from collection and read-back, writes from apply.
pub const NEEDS: &[Need] = &[
    on("account:ListRegions"),
    anywhere("cloudtrail:DescribeTrails"),
    on("cloudtrail:GetEventSelectors"),
    on("cloudtrail:GetTrailStatus"),
    on("cloudwatch:DeleteAlarms"),
    on("cloudwatch:DescribeAlarms"),
    on("cloudwatch:PutMetricAlarm"),
    anywhere("iam:DeleteAccountPasswordPolicy"),
    anywhere("iam:GenerateCredentialReport"),
    anywhere("iam:GetAccountAuthorizationDetails"),
    anywhere("iam:GetAccountPasswordPolicy"),
    anywhere("iam:GetAccountSummary"),
    anywhere("iam:GetCredentialReport"),
    anywhere("iam:ListVirtualMFADevices"),
    anywhere("iam:UpdateAccountPasswordPolicy"),
    on("logs:DeleteMetricFilter"),
    on("logs:DescribeMetricFilters"),
    on("logs:PutMetricFilter"),
    on("sns:CreateTopic"),
    on("sns:DeleteTopic"),
    on("sns:ListSubscriptionsByTopic"),
    on("sns:ListTagsForResource"),
    anywhere("sns:ListTopics"),
    on("sns:Subscribe"),
    on("sns:TagResource"),
    anywhere("sns:Unsubscribe"),
    on("sns:UntagResource"),
];
