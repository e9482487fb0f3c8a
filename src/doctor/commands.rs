//! The commands that mend, made of what doctor was run with.
//!
//! Must not: put a hostile text into a command: only ids, and names that whoever runs it chose.

use super::gathered::Fix;
use crate::model::ids::{Arn, Region, TargetId};
use crate::model::{AccountFacts, PolicyId};

/// What the commands have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commands {
    /// The flags that choose checks and playbooks, ready for a shell, each with a blank before it.
    pub(super) chosen: String,
    /// The flags that choose checks alone.
    pub(super) checks: String,
    /// Where the StackSet of `bootstrap` is.
    pub(super) home: Region,
    /// The root, which the StackSet is rolled out to.
    pub(super) root: TargetId,
}

/// Whose policy is too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    AuditCaller,
    AuditRole,
    ApplyCaller,
    ApplyRole,
}

impl Document {
    /// Its name in `permissions --for`.
    fn name(self) -> &'static str {
        match self {
            Self::AuditCaller => "audit-caller",
            Self::AuditRole => "audit-role",
            Self::ApplyCaller => "apply-caller",
            Self::ApplyRole => "apply-role",
        }
    }
}

impl Commands {
    /// Writes the policy, then gives it away.
    fn permissions(&self, document: Document) -> String {
        let flags = match document {
            Document::AuditCaller | Document::AuditRole => &self.checks,
            Document::ApplyCaller | Document::ApplyRole => &self.chosen,
        };
        let name = document.name();
        format!("orgward permissions{flags} --for {name} > {name}.json")
    }

    /// Gives a user or role the policy that the document needs.
    pub(super) fn grant(&self, arn: &str, document: Document) -> String {
        let permissions = self.permissions(document);
        let file = format!("file://{}.json", document.name());
        let resource = Arn::parse(arn).map(|arn| arn.resource).unwrap_or_default();
        let (kind, path) = resource.split_once('/').unwrap_or((resource, ""));
        // A session names its role first, whatever the role's path; a role or user has its path before its name.
        let name = match kind {
            "assumed-role" => path.split('/').next(),
            _ => path.rsplit('/').next(),
        };
        let name = name.unwrap_or_default();
        if name.starts_with("AWSReservedSSO_") {
            return format!(
                "{permissions} && aws sso-admin put-inline-policy-to-permission-set --instance-arn INSTANCE \
                 --permission-set-arn PERMISSION_SET --inline-policy {file}"
            );
        }
        let what = match kind {
            "user" => format!("put-user-policy --user-name {name} --policy-name orgward-{}", document.name()),
            // The name that an inline policy of the role's own has where bootstrap made one.
            _ if matches!(document, Document::AuditRole | Document::ApplyRole) => {
                format!("put-role-policy --role-name {name} --policy-name {name}")
            }
            _ => format!("put-role-policy --role-name {name} --policy-name orgward-{}", document.name()),
        };
        format!("{permissions} && aws iam {what} --policy-document {file}")
    }

    /// Gives a role the policy that the document needs: in one account by hand, in many with what made them. A role that has the
    /// managed policy of its own name, as `bootstrap` makes it, gets a new version of that.
    pub(super) fn grant_role(&self, arn: &str, document: Document, facts: &AccountFacts) -> Fix {
        let policy = arn.replace(":role/", ":policy/");
        let authorization = facts.authorization.value();
        let role = authorization.and_then(|all| all.roles.iter().find(|role| role.arn == arn));
        let one = match role.is_some_and(|role| role.attached.contains(&policy)) {
            true => format!(
                "{} && aws iam create-policy-version --policy-arn {} --policy-document file://{}.json --set-as-default",
                self.permissions(document),
                policy.replace(&format!("::{}:", facts.account), "::{account}:"),
                document.name()
            ),
            false => self.grant(arn, document),
        };
        Fix::each(format!("{one} # with credentials of {{account}}"), self.bootstrap())
    }

    /// Makes the roles everywhere, or makes them anew.
    pub(super) fn bootstrap(&self) -> String {
        format!("orgward bootstrap{} --out orgward-setup && (cd orgward-setup && sh bootstrap.sh)", self.chosen)
    }

    /// Makes the roles in accounts that lack them, where others have them.
    pub(super) fn roll_out(&self) -> Fix {
        Fix::of(format!(
            "aws cloudformation create-stack-instances --region {} --stack-set-name orgward-members --regions {} \
             --deployment-targets OrganizationalUnitIds={},Accounts={{accounts}},AccountFilterType=INTERSECTION",
            self.home, self.home, self.root
        ))
    }

    /// Puts a trust policy right that `bootstrap` wrote, or somebody else.
    pub(super) fn trust(&self, arn: &str) -> Fix {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        Fix::each(
            format!(
                "aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json # with \
                 StringEquals sts:ExternalId, in {{account}}"
            ),
            self.bootstrap(),
        )
    }

    /// Lets a role pass a service control policy.
    pub(super) fn exempt(&self, policy: &PolicyId, role: &str) -> Fix {
        let pattern = Arn::parse(role).map_or_else(|| role.to_owned(), |arn| format!("arn:*:iam::*:{}", arn.resource));
        Fix::of(format!(
            "aws organizations update-policy --policy-id {policy} --content file://policy.json # with ArnNotLike \
             aws:PrincipalArn {pattern}"
        ))
    }
}
