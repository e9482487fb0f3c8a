//! What reading and writing each kind of resource calls, as IAM actions with the resources that AWS lets them be narrowed to.
//!
//! Owns: the one list that the permissions of playbooks are unions over. Must not: call anything.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".

/// A kind of thing that playbooks manage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A policy of the organization.
    Policy,
    /// A policy attached to the root, an OU or an account.
    Attachment,
    /// An account's password policy.
    PasswordPolicy,
    /// A metric filter.
    MetricFilter,
    /// A metric alarm.
    Alarm,
    /// An SNS topic.
    Topic,
    /// A subscription of a topic.
    Subscription,
}

/// What an action can be narrowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Narrowed {
    /// Nothing: it is allowed on `*`.
    Anything,
    /// Service control policies of the organization.
    ServiceControlPolicies,
    /// The same, and what they are attached to.
    Attachments,
    /// Log groups.
    LogGroups,
    /// The alarm of this name.
    Alarm,
    /// The topic of this name.
    Topic,
}

/// The actions that a kind needs.
#[derive(Debug, Clone, Copy)]
pub struct KindSource {
    /// The kind.
    pub kind: Kind,
    /// To read it.
    pub reads: &'static [(&'static str, Narrowed)],
    /// To create, change and remove it.
    pub writes: &'static [(&'static str, Narrowed)],
}

/// Every kind, in order.
pub const CATALOG: &[KindSource] = &[
    KindSource {
        kind: Kind::Policy,
        reads: &[
            ("organizations:ListPolicies", Narrowed::Anything),
            ("organizations:DescribePolicy", Narrowed::Anything),
            ("organizations:ListTagsForResource", Narrowed::Anything),
        ],
        writes: &[
            ("organizations:CreatePolicy", Narrowed::Anything),
            ("organizations:UpdatePolicy", Narrowed::ServiceControlPolicies),
            ("organizations:DeletePolicy", Narrowed::ServiceControlPolicies),
            ("organizations:TagResource", Narrowed::ServiceControlPolicies),
            ("organizations:UntagResource", Narrowed::ServiceControlPolicies),
        ],
    },
    KindSource {
        kind: Kind::Attachment,
        reads: &[
            ("organizations:ListPoliciesForTarget", Narrowed::Anything),
            ("organizations:ListTargetsForPolicy", Narrowed::Anything),
        ],
        writes: &[
            ("organizations:AttachPolicy", Narrowed::Attachments),
            ("organizations:DetachPolicy", Narrowed::Attachments),
        ],
    },
    KindSource {
        kind: Kind::PasswordPolicy,
        reads: &[("iam:GetAccountPasswordPolicy", Narrowed::Anything)],
        writes: &[
            ("iam:UpdateAccountPasswordPolicy", Narrowed::Anything),
            ("iam:DeleteAccountPasswordPolicy", Narrowed::Anything),
        ],
    },
    KindSource {
        kind: Kind::MetricFilter,
        reads: &[("logs:DescribeMetricFilters", Narrowed::Anything)],
        writes: &[("logs:PutMetricFilter", Narrowed::LogGroups), ("logs:DeleteMetricFilter", Narrowed::LogGroups)],
    },
    KindSource {
        kind: Kind::Alarm,
        reads: &[("cloudwatch:DescribeAlarms", Narrowed::Anything)],
        writes: &[("cloudwatch:PutMetricAlarm", Narrowed::Alarm), ("cloudwatch:DeleteAlarms", Narrowed::Alarm)],
    },
    KindSource {
        kind: Kind::Topic,
        reads: &[
            ("sns:ListTopics", Narrowed::Anything),
            ("sns:ListTagsForResource", Narrowed::Anything),
            ("sns:ListSubscriptionsByTopic", Narrowed::Anything),
        ],
        writes: &[
            ("sns:CreateTopic", Narrowed::Topic),
            ("sns:DeleteTopic", Narrowed::Topic),
            ("sns:TagResource", Narrowed::Topic),
            ("sns:UntagResource", Narrowed::Topic),
        ],
    },
    KindSource {
        kind: Kind::Subscription,
        reads: &[("sns:ListSubscriptionsByTopic", Narrowed::Anything)],
        writes: &[("sns:Subscribe", Narrowed::Topic), ("sns:Unsubscribe", Narrowed::Anything)],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_once_and_reads_nothing_that_audits_may_not() {
        let kinds: Vec<Kind> = CATALOG.iter().map(|source| source.kind).collect();
        assert!(kinds.is_sorted() && kinds.len() == 7, "{kinds:?}");
        for source in CATALOG {
            for (action, _) in source.reads {
                let covered = crate::aws::READ_ACTIONS.contains(action) || action.starts_with("organizations:List");
                assert!(covered || *action == "organizations:DescribePolicy", "{action}");
            }
            for (action, _) in source.writes {
                assert!(!crate::aws::READ_ACTIONS.contains(action), "{action}");
            }
        }
    }
}
