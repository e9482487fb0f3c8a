//! The files as they are written.

use super::*;
use crate::collect::Wanted;
use crate::grants::{Needs, grants};
use crate::playbook::{Values, load_shipped};
use std::collections::BTreeMap;

fn written(playbooks: &[(&str, &[(&str, &str)])]) -> Vec<File> {
    written_for(playbooks, None)
}

fn written_for(playbooks: &[(&str, &[(&str, &str)])], delegated: Option<&str>) -> Vec<File> {
    let roles = [("audit_role", "team/OrgwardAudit"), ("apply_role", "OrgwardApply")];
    let loaded: Vec<_> = playbooks
        .iter()
        .map(|(name, values)| {
            let values: Values =
                values.iter().chain(&roles).map(|(name, value)| ((*name).into(), (*value).into())).collect();
            load_shipped(name, &values).unwrap()
        })
        .collect();
    let needs = Needs { facts: Wanted::everything().facts().collect(), ..Needs::default() }.and_playbooks(&loaded);
    let names = Names {
        partition: "aws".to_owned(),
        audit_role: "team/OrgwardAudit".to_owned(),
        apply_role: "OrgwardApply".to_owned(),
        other_roles: BTreeMap::new(),
        management: None,
        delegated: delegated.map(|account| account.parse().unwrap()),
    };
    let grants = grants(&needs, &names);
    files(&Setup { grants: &grants, names: &names, region: "eu-central-1".parse().unwrap(), session_seconds: 3_600 })
        .unwrap()
}

fn text<'f>(files: &'f [File], path: &str) -> &'f str {
    &files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path}")).text
}

#[test]
fn an_audit_alone_makes_no_role_that_writes() {
    let files = written(&[]);
    let all: String = files.iter().map(|file| file.text.as_str()).collect();
    assert!(!all.contains("ApplyExternalId") && !all.contains("apply_external_id"), "{all}");
    assert!(!files.iter().any(|file| file.path.contains("apply")));
    assert!(!all.contains("#@") && !all.contains("@REGION@") && !all.contains("_ROLE@"));
    let members: serde_json::Value = serde_json::from_str(text(&files, "members.template.json")).unwrap();
    let role = &members["Resources"]["AuditRole"]["Properties"];
    assert_eq!((role["RoleName"].as_str(), role["Path"].as_str()), (Some("OrgwardAudit"), Some("/team/")));
    let trust = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Condition"]["StringEquals"]["sts:ExternalId"]["Ref"], "AuditExternalId");
    assert_eq!(members["Parameters"]["AuditExternalId"]["NoEcho"], true);
}

#[test]
fn permissions_are_managed_policies_beside_their_roles_and_fit() {
    let files = written(&[("baseline", &[("targets", "/"), ("endpoint", "a@example.com")])]);
    let members: serde_json::Value = serde_json::from_str(text(&files, "members.template.json")).unwrap();
    for (role, path, name) in [("AuditRole", "/team/", "OrgwardAudit"), ("ApplyRole", "/", "OrgwardApply")] {
        let resources = &members["Resources"];
        assert!(resources[role]["Properties"]["Policies"].is_null(), "none is inline");
        assert_eq!(resources[role]["Properties"]["ManagedPolicyArns"][0]["Ref"], format!("{role}Policy"));
        let policy = &resources[format!("{role}Policy")]["Properties"];
        assert_eq!((policy["Path"].as_str(), policy["ManagedPolicyName"].as_str()), (Some(path), Some(name)));
    }
    let alarms = (0..200).map(|number| format!("of-a-team-with-a-long-name-{number}")).collect();
    let needs = Needs { kinds: [crate::resources::Kind::Alarm].into(), alarms, ..Needs::default() };
    let names = Names {
        partition: "aws".to_owned(),
        audit_role: "OrgwardAudit".to_owned(),
        apply_role: "OrgwardApply".to_owned(),
        other_roles: BTreeMap::new(),
        management: None,
        delegated: None,
    };
    let grants = grants(&needs, &names);
    let region = "eu-central-1".parse().unwrap();
    let error = super::files(&Setup { grants: &grants, names: &names, region, session_seconds: 3_600 }).unwrap_err();
    assert!(error.starts_with("the policy `apply-caller` has ") && error.contains("IAM takes 6144"), "{error}");
}

#[test]
fn a_playbook_brings_the_apply_role_only_where_it_changes_members() {
    let organization = written(&[("deny-leave-organization", &[("targets", "/")])]);
    assert!(organization.iter().any(|file| file.path == "policies/apply-caller.json"));
    assert!(!text(&organization, "members.template.json").contains("ApplyRole"));
    assert!(!text(&organization, "bootstrap.sh").contains("ORGWARD_APPLY_EXTERNAL_ID"));
    let members = written(&[("cis-password-policy", &[])]);
    assert!(text(&members, "members.template.json").contains("ApplyRole"));
    assert!(text(&members, "bootstrap.sh").contains("ORGWARD_APPLY_EXTERNAL_ID:?"));
    assert!(text(&members, "terraform/main.tf").contains("var.apply_external_id"));
}

#[test]
fn the_files_are_as_they_were_read() {
    let files = written(&[("baseline", &[("targets", "/"), ("endpoint", "a@example.com")])]);
    for path in ["members.template.json", "management.template.json", "bootstrap.sh", "README.md", "terraform/main.tf"]
    {
        insta::assert_snapshot!(path.replace(['/', '.'], "_"), text(&files, path), path);
    }
}

#[test]
fn a_delegated_administrator_is_trusted_in_the_management_account_too() {
    let apply: &[(&str, &[(&str, &str)])] = &[("baseline", &[("targets", "/"), ("endpoint", "a@example.com")])];
    let files = written_for(apply, Some("444455556666"));
    for path in ["members.template.json", "management.template.json"] {
        let roles: serde_json::Value = serde_json::from_str(text(&files, path)).unwrap();
        assert_eq!(roles["Parameters"]["CallerAccountId"]["Default"], "444455556666", "{path}");
        let role = &roles["Resources"]["AuditRole"]["Properties"];
        assert_eq!(role["ManagedPolicyArns"][0]["Ref"], "AuditRolePolicy", "{path}");
        let may = roles["Resources"]["AuditRolePolicy"]["Properties"]["PolicyDocument"].to_string();
        assert!(may.contains("iam:ListOrganizationsFeatures") && may.contains("budgets:ViewBudget"), "{path}: {may}");
        assert!(roles["Resources"]["ApplyRole"].is_object(), "{path}");
    }
    let caller = text(&files, "caller.template.json");
    assert!(
        caller.contains("organizations:DescribeResourcePolicy") && !caller.contains("budgets:ViewBudget"),
        "{caller}"
    );
    let script = text(&files, "bootstrap.sh");
    assert!(script.contains("account=444455556666") && script.contains("--parameter-overrides"), "{script}");
    let all: String = files.iter().map(|file| file.text.as_str()).collect();
    assert!(!all.contains("#@") && !all.contains("@DELEGATED@"));
    assert!(text(&files, "README.md").contains("register-delegated-administrator --account-id 444455556666"));
    assert!(!files.iter().any(|file| file.path == "terraform/apply.tf"));
    insta::assert_snapshot!("delegated_terraform_main_tf", text(&files, "terraform/main.tf"));
}
