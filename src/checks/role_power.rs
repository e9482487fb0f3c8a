//! Who holds power over IAM: boundaries, the split of making and giving, and administrators that nobody uses.
//!
//! Owns: four checks, each of one account, over what principals may do as `principals` evaluates it. Must not: judge single
//! policies (`admin_policy` does) or ways to escalate.
//!
//! Administrators, who may do everything, are told apart: a boundary or a split of duties would make them something else, and
//! policy-admin-attached judges that they exist. Service-linked roles are left out: AWS alone writes what they may do. Roles of
//! IAM Identity Center are judged: an assignment of administrator that nobody uses is one to take back.
//!
//! Source: IAM user guide, "Permissions boundaries for IAM entities" and "Security best practices in IAM".

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome, days};
use super::principals::{
    AUTHORIZATION, Holder, INVENTED, Kind, Principals, Standing, is_administrator_access, may_allow,
};
use super::role_use::idle;
use super::thresholds::Thresholds;
use super::trust::{filled_arn, listed, roles};
use super::user_credentials::last_active;
use crate::model::check::{CheckMeta, Fact, Granularity, Reference, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::policy::{Decision, Effect};
use std::collections::BTreeSet;

/// What users may do.
pub(super) const USERS: &[Check] = &[
    Check { meta: USER_BOUNDARY, judge: Judge::Whole(user_boundary) },
    Check { meta: ADMIN_INACTIVE, judge: Judge::Whole(admin_inactive) },
];

/// What roles may do.
pub(super) const ROLES: &[Check] = &[
    Check { meta: ROLE_BOUNDARY, judge: Judge::Whole(role_boundary) },
    Check { meta: MASTER_MANAGER, judge: Judge::Whole(master_manager) },
];

const BOUNDARIES: Reference =
    Reference { document: "IAM user guide", section: "Permissions boundaries for IAM entities" };

const USER_BOUNDARY: CheckMeta = CheckMeta {
    id: "user-permissions-boundary",
    title: "Every user with permissions has a permissions boundary",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "A user's credentials live long and leak; a boundary caps what a leaked one can do, whatever policies are attached to \
                the user or its groups later. Users without any permission need none. AdministratorAccess as a boundary bounds \
                nothing and counts as none.",
    remediation: Remediation {
        console: "IAM, Users, the user, Permissions, Permissions boundary, Set boundary.",
        cli: "aws iam put-user-permissions-boundary --user-name <user> --permissions-boundary <boundary policy ARN>",
        playbook: None,
    },
    references: &[BOUNDARIES],
    facts: &[Fact::Organization, Fact::Authorization],
};

fn user_boundary(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let principals = Principals::of(facts)?;
    let found = principals.holders().iter().filter(|holder| {
        let powers = !principals.policies_of(holder).is_empty() || principals.unread(holder).is_some();
        holder.kind == Kind::User && powers && !bounded(holder)
    });
    let found = found.map(|holder| FailingResource {
        resource: holder.arn.to_owned(),
        message: "has permissions and no permissions boundary".to_owned(),
    });
    let summary = |count| match count {
        1 => "1 user has permissions and no permissions boundary".to_owned(),
        _ => format!("{count} users have permissions and no permissions boundary"),
    };
    Ok(Outcome::of(found.collect(), summary, "every user with permissions has a permissions boundary"))
}

/// Whether a boundary is set that bounds anything.
fn bounded(holder: &Holder<'_>) -> bool {
    holder.boundary.is_some_and(|arn| !is_administrator_access(arn))
}

const ROLE_BOUNDARY: CheckMeta = CheckMeta {
    id: "role-permissions-boundary",
    title: "Roles that can create principals are bounded",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "Whoever can create a role or a user can make one that may do more than the maker. A boundary on the maker, or a \
                condition (iam:PermissionsBoundary) that what it makes has one, keeps delegation from becoming administration. \
                Administrators are not judged here: bounded they would be none, and policy-admin-attached names them.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Permissions, Permissions boundary, Set boundary; or add the condition StringEquals \
                  iam:PermissionsBoundary to the statement that allows iam:CreateRole.",
        cli: "aws iam put-role-permissions-boundary --role-name <role> --permissions-boundary <boundary policy ARN>",
        playbook: None,
    },
    references: &[Reference {
        document: "IAM user guide",
        section: "Permissions boundaries for IAM entities: Delegating responsibility to others using permissions boundaries",
    }],
    facts: &[Fact::Organization, Fact::Authorization],
};

/// Actions that make principals, and whose kind of resource each asks for.
const MAKE_PRINCIPALS: [(&str, &str); 2] = [("iam:CreateRole", "role/"), ("iam:CreateUser", "user/")];

fn role_boundary(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let principals = Principals::of(facts)?;
    let mut found = Vec::new();
    for holder in judged_roles(facts, &principals) {
        if bounded(holder) {
            continue;
        }
        let makes = allowed(&principals, holder, &MAKE_PRINCIPALS);
        if !makes.is_empty() {
            let message = format!("is allowed {} without any permissions boundary", listed(&makes));
            found.push(FailingResource { resource: holder.arn.to_owned(), message });
        }
    }
    let summary = |count| format!("{} can create principals without any permissions boundary", roles(count));
    Ok(Outcome::of(found, summary, "no role but administrators can create principals without a permissions boundary"))
}

const MASTER_MANAGER: CheckMeta = CheckMeta {
    id: "role-iam-master-manager",
    title: "No role both makes principals and gives them permissions",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "The guides split IAM between two roles, so that no one person makes a user and gives it power: the IAM master \
                makes users, groups, roles and policies, the IAM manager puts users into groups and gives policies to users and \
                groups. Policies of roles are on the master's side, as in the first CIS benchmark. A role that does both sides \
                fails. Administrators are not judged here: policy-admin-attached names them. No such roles at all is well too: \
                with Identity Center or a pipeline nobody needs them.",
    remediation: Remediation {
        console: "IAM, Roles, the role, Permissions: take the actions of one side away, and give them to a role that other people \
                  assume.",
        cli: "# the policy without the actions of one side\n\
              aws iam create-policy-version --policy-arn <policy ARN> --policy-document file://narrow.json \
              --set-as-default",
        playbook: None,
    },
    references: &[Reference {
        document: "IAM user guide",
        section: "Security best practices in IAM: Apply least-privilege permissions",
    }],
    facts: &[Fact::Organization, Fact::Authorization],
};

/// What the master does: it makes.
const MASTER: [(&str, &str); 4] = [
    ("iam:CreateUser", "user/"),
    ("iam:CreateGroup", "group/"),
    ("iam:CreateRole", "role/"),
    ("iam:CreatePolicy", "policy/"),
];
/// What the manager does: it gives.
const MANAGER: [(&str, &str); 5] = [
    ("iam:AddUserToGroup", "group/"),
    ("iam:AttachUserPolicy", "user/"),
    ("iam:AttachGroupPolicy", "group/"),
    ("iam:PutUserPolicy", "user/"),
    ("iam:PutGroupPolicy", "group/"),
];

fn master_manager(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let principals = Principals::of(facts)?;
    let mut found = Vec::new();
    for holder in judged_roles(facts, &principals) {
        let (makes, gives) = (allowed(&principals, holder, &MASTER), allowed(&principals, holder, &MANAGER));
        if !makes.is_empty() && !gives.is_empty() {
            let message = format!("makes ({}) and gives ({})", listed(&makes), listed(&gives));
            found.push(FailingResource { resource: holder.arn.to_owned(), message });
        }
    }
    let summary = |count| match count {
        1 => "1 role both makes principals and gives them permissions".to_owned(),
        _ => format!("{count} roles both make principals and give them permissions"),
    };
    Ok(Outcome::of(found, summary, "no role but administrators both makes principals and gives them permissions"))
}

/// Roles that are no administrators. A role of which nothing can be told is a doubt.
fn judged_roles<'p, 'a>(facts: &mut Facts<'_>, principals: &'p Principals<'a>) -> Vec<&'p Holder<'a>> {
    let mut found = Vec::new();
    for holder in principals.holders().iter().filter(|holder| holder.kind == Kind::Role) {
        match principals.unread(holder) {
            Some(why) => {
                facts.doubt(AUTHORIZATION, why);
            }
            None if principals.standing(holder) == Standing::Administrator => {}
            None => found.push(holder),
        }
    }
    found
}

/// Which of these actions the holder may do somewhere, on something it may bound or not. Conditions nobody here can know
/// count as fulfilled.
fn allowed(principals: &Principals<'_>, holder: &Holder<'_>, actions: &[(&str, &str)]) -> Vec<String> {
    let may = |action: &str, kind: &str| {
        let places = || places(principals, holder, action, kind);
        !principals.out_of_reach(holder, action)
            && places().iter().any(|resource| {
                let context = principals.context(holder, action).without("iam:PermissionsBoundary");
                matches!(
                    principals.decide(holder, action, resource, context),
                    Decision::Allow | Decision::CannotTell { .. }
                )
            })
    };
    actions.iter().filter(|(action, kind)| may(action, kind)).map(|(action, _)| (*action).to_owned()).collect()
}

/// Resources to try an action on: one that nothing names, and one for each pattern of a statement that allows the action.
fn places(principals: &Principals<'_>, holder: &Holder<'_>, action: &str, kind: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([principals.arn(&format!("{kind}{INVENTED}"))]);
    let documents = principals.policies_of(holder).iter().filter_map(|at| principals.document(*at));
    for document in documents.filter(|document| may_allow(document, action)) {
        let statements = document.statements().iter();
        for statement in statements.filter(|s| s.effect() == Effect::Allow && s.covers_action(action)) {
            let account = principals.account.as_str();
            found.extend(statement.resources().iter().filter_map(|pattern| filled_arn(pattern, account)));
        }
    }
    found
}

const ADMIN_INACTIVE: CheckMeta = CheckMeta {
    id: "admin-principal-inactive",
    title: "No administrator is unused for 45 days",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "An administrator that nobody uses is the best one to steal: nobody notices. Users and roles count that may do \
                everything by all their policies, groups and boundary together; one never used counts from the day it was made. \
                Roles of IAM Identity Center count: take the assignment back. Break-glass roles and \
                OrganizationAccountAccessRole are meant to be unused: exempt them until the day they are tried next.",
    remediation: Remediation {
        console: "IAM, Users or Roles, the principal: see Last activity; detach the policy or delete the principal. In Identity \
                  Center: AWS accounts, the account, Remove access.",
        cli: "aws iam detach-role-policy --role-name <role> --policy-arn <policy ARN>\n\
              # or, for a user\n\
              aws iam detach-user-policy --user-name <user> --policy-arn <policy ARN>",
        playbook: None,
    },
    references: &[Reference {
        document: "IAM user guide",
        section: "Security best practices in IAM: Regularly review and remove unused users, roles, permissions, policies, and \
                  credentials",
    }],
    facts: &[Fact::Organization, Fact::CredentialReport, Fact::Authorization, Fact::AuditRole],
};

fn admin_inactive(facts: &mut Facts<'_>, thresholds: &Thresholds) -> Judgement {
    let limit = i64::from(thresholds.admin_inactive_days);
    let principals = Principals::of(facts)?;
    let (authorization, in_use) = (facts.authorization()?, facts.in_use()?);
    // A role's use is told without the report; without it nothing passes.
    let report = facts.credential_report().ok();
    let mut found = Vec::new();
    for holder in principals.holders().iter().filter(|holder| holder.kind != Kind::Group) {
        match principals.standing(holder) {
            Standing::Administrator => {}
            Standing::PowerUser | Standing::Less => continue,
            Standing::CannotTell(why) => {
                facts
                    .doubt(AUTHORIZATION, format!("whether `{}` is an administrator can't be told: {why}", holder.arn));
                continue;
            }
        }
        let idle = match holder.kind {
            Kind::User => {
                let row = report.and_then(|report| report.rows.iter().find(|row| row.arn == holder.arn));
                row.and_then(|row| last_active(facts, row))
            }
            _ => authorization
                .roles
                .iter()
                .find(|role| role.arn == holder.arn)
                .and_then(|role| idle(facts, role, in_use)),
        };
        match idle {
            Some((ago, told)) if ago >= limit => {
                let message = format!("is an administrator and {told}");
                found.push(FailingResource { resource: holder.arn.to_owned(), message });
            }
            Some(_) => {}
            None => {
                facts.doubt(
                    AUTHORIZATION,
                    format!("when the administrator `{}` was last used can't be told", holder.arn),
                );
            }
        }
    }
    let summary = |count| match count {
        1 => format!("1 administrator is unused for {} or more", days(limit)),
        _ => format!("{count} administrators are unused for {} or more", days(limit)),
    };
    Ok(Outcome::of(found, summary, &format!("no administrator is unused for {}", days(limit))))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, LITTLE, MEMBER, days_ago, user_row};
    use super::super::tests::judge;
    use crate::model::iam::{Authorization, Cell, CredentialRow, IamRole, InlinePolicy};
    use crate::model::{AccountFacts, Finding, Verdict};

    const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

    fn policy(action: &str, rest: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{action}{rest}}}]}}"#)
    }

    fn account(change: impl FnOnce(&mut Authorization)) -> AccountFacts {
        fixtures::with_authorization(change)
    }

    fn found(change: impl FnOnce(&mut Authorization), check: &str) -> Finding {
        judge(&fixtures::org(), &account(change), check)
    }

    fn with_role(document: &str, boundary: Option<&str>, check: &str) -> Finding {
        let boundary = boundary.map(str::to_owned);
        let role = IamRole { boundary, ..fixtures::role("maker", document) };
        found(|all| all.roles.push(role), check)
    }

    #[test]
    fn a_user_with_permissions_needs_a_boundary_that_bounds() {
        let with = |boundary: Option<&str>| {
            found(
                |all| {
                    let inline = InlinePolicy { name: "work".to_owned(), document: LITTLE.to_owned() };
                    all.users[0].inline.push(inline);
                    all.users[0].boundary = boundary.map(str::to_owned);
                },
                "user-permissions-boundary",
            )
        };
        assert_eq!(with(None).message, "1 user has permissions and no permissions boundary");
        assert_eq!(with(Some(&format!("arn:aws:iam::{MEMBER}:policy/little"))).verdict, Verdict::Pass);
        assert_eq!(with(Some("arn:aws:iam::aws:policy/AdministratorAccess")).verdict, Verdict::Fail);
        assert_eq!(found(|_| {}, "user-permissions-boundary").verdict, Verdict::Pass, "a user without permissions");
    }

    #[test]
    fn a_role_that_makes_principals_is_bounded_or_bounds_what_it_makes() {
        let check = "role-permissions-boundary";
        let little = format!("arn:aws:iam::{MEMBER}:policy/little");
        let everywhere = r#","Resource":"*""#;
        let finding = with_role(&policy(r#"["iam:CreateRole","iam:Get*"]"#, everywhere), None, check);
        assert_eq!(finding.resources[0].message, "is allowed iam:CreateRole without any permissions boundary");
        let path = policy(r#""iam:CreateUser""#, r#","Resource":"arn:aws:iam::*:user/robots/*""#);
        assert_eq!(with_role(&path, None, check).verdict, Verdict::Fail, "somewhere is enough");
        let bounding = r#","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::222222222222:policy/little"}}"#;
        assert_eq!(with_role(&policy(r#""iam:Create*""#, bounding), None, check).verdict, Verdict::Pass);
        let tagged = r#","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}"#;
        assert_eq!(with_role(&policy(r#""iam:CreateRole""#, tagged), None, check).verdict, Verdict::Fail);
        assert_eq!(with_role(&policy(r#""iam:*""#, everywhere), Some(&little), check).verdict, Verdict::Pass);
        assert_eq!(with_role(&policy(r#""iam:*""#, everywhere), None, check).verdict, Verdict::Fail);
        assert_eq!(with_role(&policy(r#""iam:List*""#, everywhere), None, check).verdict, Verdict::Pass);
        assert_eq!(with_role(ADMIN, None, check).verdict, Verdict::Pass, "an administrator is judged elsewhere");
        assert_eq!(with_role("{", None, check).verdict, Verdict::Unknown);
        let denied = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:CreateRole","Resource":"*"},
            {"Effect":"Deny","Action":"iam:Create*","Resource":"*"}]}"#;
        assert_eq!(with_role(denied, None, check).verdict, Verdict::Pass);
    }

    #[test]
    fn one_role_makes_or_gives_but_not_both() {
        let check = "role-iam-master-manager";
        let verdict = |action: &str| with_role(&policy(action, r#","Resource":"*""#), None, check).verdict;
        assert_eq!(
            verdict(r#"["iam:Create*","iam:AttachRolePolicy","iam:PutRolePolicy"]"#),
            Verdict::Pass,
            "the master"
        );
        assert_eq!(verdict(r#"["iam:AddUserToGroup","iam:AttachGroupPolicy"]"#), Verdict::Pass, "the manager");
        assert_eq!(verdict(r#"["iam:CreateUser","iam:AddUserToGroup"]"#), Verdict::Fail);
        assert_eq!(verdict(r#""iam:*""#), Verdict::Fail);
        assert_eq!(with_role(ADMIN, None, check).verdict, Verdict::Pass, "an administrator is judged elsewhere");
        let finding =
            with_role(&policy(r#"["iam:CreateUser","iam:PutUserPolicy"]"#, r#","Resource":"*""#), None, check);
        assert_eq!(finding.message, "1 role both makes principals and gives them permissions");
        assert_eq!(finding.resources[0].message, "makes (iam:CreateUser) and gives (iam:PutUserPolicy)");
    }

    #[test]
    fn an_idle_administrator_fails_whatever_makes_it_one() {
        let check = "admin-principal-inactive";
        let role = |used: Option<i64>, path: &str| IamRole {
            last_used: used.map(days_ago),
            path: path.to_owned(),
            ..fixtures::role("boss", ADMIN)
        };
        let with = |role: IamRole| found(|all| all.roles.push(role), check);
        assert_eq!(with(role(Some(44), "/")).verdict, Verdict::Pass);
        let finding = with(role(Some(45), "/"));
        assert_eq!(finding.message, "1 administrator is unused for 45 days or more");
        assert_eq!(finding.resources[0].message, "is an administrator and was last used 45 days ago");
        assert_eq!(with(role(None, "/")).verdict, Verdict::Fail, "never used, made 200 days ago");
        assert_eq!(with(role(None, "/aws-reserved/sso.amazonaws.com/")).verdict, Verdict::Fail);
        assert_eq!(with(role(None, "/aws-service-role/x.amazonaws.com/")).verdict, Verdict::Pass);
        assert_eq!(with(IamRole { created: None, ..role(None, "/") }).verdict, Verdict::Unknown);
        let bound = Some(format!("arn:aws:iam::{MEMBER}:policy/little"));
        assert_eq!(with(IamRole { boundary: bound, ..role(None, "/") }).verdict, Verdict::Pass, "no administrator");
    }

    #[test]
    fn an_administrators_user_is_judged_by_the_report() {
        let check = "admin-principal-inactive";
        let with = |rows: Vec<CredentialRow>| {
            let mut facts = account(|all| {
                let inline = InlinePolicy { name: "all".to_owned(), document: ADMIN.to_owned() };
                all.users[0].inline.push(inline);
            });
            facts.credential_report = facts.credential_report.map(|mut report| {
                report.rows = rows;
                report
            });
            judge(&fixtures::org(), &facts, check)
        };
        assert_eq!(with(vec![user_row("ann")]).verdict, Verdict::Pass);
        let stale = CredentialRow { password_last_used: Cell::At(days_ago(60)), keys: Vec::new(), ..user_row("ann") };
        assert_eq!(with(vec![stale]).resources[0].message, "is an administrator and was last active 60 days ago");
        assert_eq!(with(Vec::new()).verdict, Verdict::Unknown, "no row");
    }
}
