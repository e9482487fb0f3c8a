//! IAM: the report's states and columns, the password policy's reset, pages, encodings.

use super::*;
use crate::sandbox::Scenario;
use crate::sandbox::generate::{AUDIT_ROLE, Population, Problem};
use crate::sandbox::services::testing::{account, call, caller, small, wait};
use base64::Engine;

fn iam(org: &mut Org, caller: &Caller, operation: &str, input: Value) -> Result<Value, ApiError> {
    call(OPERATIONS, org, caller, operation, input)
}

fn in_app_one(org: &Org) -> Caller {
    caller(org, "app-one", "us-east-1")
}

/// The rows of the report, as maps by column.
fn report(org: &mut Org, caller: &Caller) -> Vec<BTreeMap<String, String>> {
    iam(org, caller, "GenerateCredentialReport", json!({})).unwrap();
    wait(org, report::MAKING);
    let answer = iam(org, caller, "GetCredentialReport", json!({})).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(answer["Content"]["$blob"].as_str().unwrap()).unwrap();
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), report::COLUMNS);
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn a_report_is_started_made_and_kept_for_four_hours() {
    let mut org = small();
    let caller = in_app_one(&org);
    let code = |result: Result<Value, ApiError>| result.unwrap_err().code;
    assert_eq!(code(iam(&mut org, &caller, "GetCredentialReport", json!({}))), "ReportNotPresent");
    assert_eq!(iam(&mut org, &caller, "GenerateCredentialReport", json!({})).unwrap()["State"], "STARTED");
    assert_eq!(iam(&mut org, &caller, "GenerateCredentialReport", json!({})).unwrap()["State"], "INPROGRESS");
    assert_eq!(code(iam(&mut org, &caller, "GetCredentialReport", json!({}))), "ReportInProgress");
    wait(&mut org, report::MAKING);
    assert_eq!(iam(&mut org, &caller, "GenerateCredentialReport", json!({})).unwrap()["State"], "COMPLETE");
    let first = iam(&mut org, &caller, "GetCredentialReport", json!({})).unwrap();
    wait(&mut org, 3_600);
    assert_eq!(iam(&mut org, &caller, "GenerateCredentialReport", json!({})).unwrap()["State"], "COMPLETE");
    assert_eq!(iam(&mut org, &caller, "GetCredentialReport", json!({})).unwrap(), first);
    wait(&mut org, report::GOOD_FOR);
    assert_eq!(code(iam(&mut org, &caller, "GetCredentialReport", json!({}))), "ReportExpired");
    assert_eq!(iam(&mut org, &caller, "GenerateCredentialReport", json!({})).unwrap()["State"], "STARTED");
    assert!(org.written.is_empty(), "asking for a report writes nothing to the account");
}

#[test]
fn the_report_has_aws_columns_and_words() {
    let mut scenario = Scenario::small();
    for problem in [Problem::RootKey, Problem::NeverUsedPassword, Problem::NeverUsedKey] {
        scenario.plant("app-one", problem);
    }
    scenario.plant("app-two", Problem::NoRootCredentials);
    let mut org = Org::from(scenario);
    let caller = in_app_one(&org);
    let rows = report(&mut org, &caller);
    let root = &rows[0];
    assert_eq!(root["user"], "<root_account>");
    assert_eq!(root["password_enabled"], "not_supported");
    assert_eq!(root["access_key_1_active"], "true");
    assert!(root["access_key_1_last_rotated"].ends_with("+00:00"));
    assert_eq!(rows.len(), org.state(&caller.account).users.len() + 1);
    assert!(rows.iter().any(|row| row["password_enabled"] == "true" && row["password_last_used"] == "no_information"));
    assert!(rows.iter().any(|row| row["access_key_1_active"] == "true" && row["access_key_1_last_used_date"] == "N/A"));
    let machine = rows.iter().find(|row| row["password_enabled"] == "false").unwrap();
    assert_eq!((machine["password_last_used"].as_str(), machine["cert_1_active"].as_str()), ("N/A", "false"));
    let caller = super::tests::caller(&org, "app-two", "us-east-1");
    let root = &report(&mut org, &caller)[0];
    assert_eq!((root["password_enabled"].as_str(), root["mfa_active"].as_str()), ("false", "false"));
}

#[test]
fn the_next_rotation_follows_the_password_policy() {
    let mut org = small();
    let caller = in_app_one(&org);
    iam(&mut org, &caller, "UpdateAccountPasswordPolicy", json!({ "MaxPasswordAge": 90 })).unwrap();
    let rows = report(&mut org, &caller);
    let state = (*org.state(&caller.account)).clone();
    for row in rows.iter().filter(|row| row["password_enabled"] == "true") {
        let changed = state.users[&row["user"]].password.as_ref().unwrap().changed;
        let next: jiff::Timestamp = row["password_next_rotation"].parse().unwrap();
        assert_eq!(next.as_second() - changed.as_second(), 90 * 86_400);
    }
}

#[test]
fn an_update_of_the_password_policy_resets_what_it_leaves_out() {
    let mut org = small();
    let caller = in_app_one(&org);
    let before = iam(&mut org, &caller, "GetAccountPasswordPolicy", json!({})).unwrap();
    assert_eq!(before["PasswordPolicy"]["PasswordReusePrevention"], 24);
    // The query protocol brings text.
    iam(
        &mut org,
        &caller,
        "UpdateAccountPasswordPolicy",
        json!({ "MinimumPasswordLength": "16", "RequireSymbols": "true" }),
    )
    .unwrap();
    let after = iam(&mut org, &caller, "GetAccountPasswordPolicy", json!({})).unwrap();
    assert_eq!(
        after["PasswordPolicy"],
        json!({
            "MinimumPasswordLength": 16,
            "RequireSymbols": true,
            "RequireNumbers": false,
            "RequireUppercaseCharacters": false,
            "RequireLowercaseCharacters": false,
            "AllowUsersToChangePassword": false,
            "ExpirePasswords": false,
            "MaxPasswordAge": null,
            "PasswordReusePrevention": null,
            "HardExpiry": false,
        })
    );
    iam(&mut org, &caller, "DeleteAccountPasswordPolicy", json!({})).unwrap();
    for operation in ["GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"] {
        let error = iam(&mut org, &caller, operation, json!({})).unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("NoSuchEntity", 404));
    }
}

#[test]
fn the_password_policy_has_ranges() {
    let mut org = small();
    let caller = in_app_one(&org);
    for bad in [
        json!({ "MinimumPasswordLength": 5 }),
        json!({ "MinimumPasswordLength": 129 }),
        json!({ "MaxPasswordAge": 0 }),
        json!({ "MaxPasswordAge": 1_096 }),
        json!({ "PasswordReusePrevention": 0 }),
        json!({ "PasswordReusePrevention": 25 }),
        json!({ "HardExpiry": "perhaps" }),
    ] {
        let error = iam(&mut org, &caller, "UpdateAccountPasswordPolicy", bad.clone()).unwrap_err();
        assert_eq!(error.status, 400, "{bad}: {error:?}");
    }
    assert!(org.written.is_empty());
}

#[test]
fn the_summary_tells_of_the_root_user() {
    let mut scenario = Scenario::small();
    scenario.plant("app-one", Problem::RootKey);
    scenario.plant("app-two", Problem::RootWithoutMfa);
    let mut org = Org::from(scenario);
    let mut summary = |name: &str| {
        let caller = caller(&org, name, "us-east-1");
        iam(&mut org, &caller, "GetAccountSummary", json!({})).unwrap()["SummaryMap"]["$map"].clone()
    };
    let (one, two) = (summary("app-one"), summary("app-two"));
    assert_eq!((&one["AccountAccessKeysPresent"], &one["AccountMFAEnabled"]), (&json!(1), &json!(1)));
    assert_eq!((&two["AccountAccessKeysPresent"], &two["AccountMFAEnabled"]), (&json!(0), &json!(0)));
    assert_eq!(one["AccountPasswordPresent"], 1);
}

#[test]
fn authorization_details_come_in_pages_that_cover_everything_once() {
    let scenario =
        Scenario::small().with_population(Population { users: (40, 40), roles: (90, 90), policies: (30, 30) });
    let mut org = Org::from(scenario);
    let caller = in_app_one(&org);
    let state = (*org.state(&caller.account)).clone();
    let (mut users, mut roles, mut policies, mut pages) = (0, 0, 0, 0);
    let mut input = json!({ "MaxItems": 50 });
    loop {
        let answer = iam(&mut org, &caller, "GetAccountAuthorizationDetails", input.clone()).unwrap();
        let count = |list: &str| answer[list].as_array().unwrap().len();
        users += count("UserDetailList");
        roles += count("RoleDetailList");
        policies += count("Policies");
        pages += 1;
        if answer["IsTruncated"] == false {
            assert_eq!(answer["Marker"], Value::Null);
            break;
        }
        input["Marker"] = answer["Marker"].clone();
    }
    assert_eq!((users, roles), (state.users.len(), state.roles.len()));
    assert!(policies > state.policies.len(), "AWS's attached policies are listed too");
    assert!(pages > 3);
    let bad = json!({ "Marker": "nonsense" });
    assert_eq!(iam(&mut org, &caller, "GetAccountAuthorizationDetails", bad).unwrap_err().code, "ValidationError");
    let only = iam(&mut org, &caller, "GetAccountAuthorizationDetails", json!({ "Filter": ["LocalManagedPolicy"] }));
    let only = only.unwrap();
    assert_eq!(only["Policies"].as_array().unwrap().len(), state.policies.len());
    assert!(only["RoleDetailList"].as_array().unwrap().is_empty());
    assert!(iam(&mut org, &caller, "GetAccountAuthorizationDetails", json!({ "Filter": ["Robot"] })).is_err());
}

#[test]
fn documents_are_percent_encoded() {
    let mut org = small();
    let caller = in_app_one(&org);
    let role = iam(&mut org, &caller, "GetRole", json!({ "RoleName": AUDIT_ROLE })).unwrap();
    let document = role["Role"]["AssumeRolePolicyDocument"].as_str().unwrap();
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");
    assert!(urlencoding::decode(document).unwrap().contains("sts:ExternalId"));
    let account = caller.account.clone();
    org.state_mut(&account).roles.values_mut().for_each(|role| role.tags.clear());
    let role = iam(&mut org, &caller, "GetRole", json!({ "RoleName": AUDIT_ROLE })).unwrap();
    assert_eq!(role["Role"].get("Tags"), None, "a role without tags has no list of them here");
    let error = iam(&mut org, &caller, "GetRole", json!({ "RoleName": "Nobody" })).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("NoSuchEntity", 404));
}

#[test]
fn roles_are_listed_by_path_and_page() {
    let mut org = small();
    let caller = in_app_one(&org);
    let linked = iam(&mut org, &caller, "ListRoles", json!({ "PathPrefix": "/aws-service-role/" })).unwrap();
    let linked = linked["Roles"].as_array().unwrap();
    assert!(linked.len() >= 4 && linked.iter().all(|r| r["RoleName"].as_str().unwrap().starts_with("AWSServiceRole")));
    let page = iam(&mut org, &caller, "ListRoles", json!({ "MaxItems": "1" })).unwrap();
    assert_eq!((page["Roles"].as_array().unwrap().len(), &page["IsTruncated"]), (1, &json!(true)));
    for size in [0, 1_001] {
        assert!(iam(&mut org, &caller, "ListRoles", json!({ "MaxItems": size })).is_err());
    }
}

#[test]
fn virtual_devices_are_listed_by_assignment() {
    let mut scenario = Scenario::small();
    scenario.plant("app-one", Problem::RootVirtualMfa);
    let mut org = Org::from(scenario);
    let caller = in_app_one(&org);
    let serial = format!("arn:aws:iam::{}:mfa/spare", caller.account);
    let spare = crate::sandbox::state::VirtualMfa { assigned: None };
    org.state_mut(&caller.account).virtual_mfa.insert(serial.clone(), spare);
    let mut devices = |status: &str| {
        let answer = iam(&mut org, &caller, "ListVirtualMFADevices", json!({ "AssignmentStatus": status })).unwrap();
        answer["VirtualMFADevices"].as_array().unwrap().clone()
    };
    assert_eq!(devices("Unassigned"), [json!({ "SerialNumber": serial })]);
    let assigned = devices("Assigned");
    assert!(assigned.iter().any(|d| d["User"]["Arn"].as_str().unwrap().ends_with(":root")));
    assert_eq!(devices("Any").len(), assigned.len() + 1);
    assert!(iam(&mut org, &caller, "ListVirtualMFADevices", json!({ "AssignmentStatus": "Lost" })).is_err());
}

#[test]
fn aliases_are_a_list() {
    let mut org = small();
    let one = account(&org, "app-one");
    org.state_mut(&one).alias = Some("fernhill-one".into());
    let caller = in_app_one(&org);
    let answer = iam(&mut org, &caller, "ListAccountAliases", json!({})).unwrap();
    assert_eq!((&answer["AccountAliases"], &answer["IsTruncated"]), (&json!(["fernhill-one"]), &json!(false)));
}

/// An account with one of everything.
fn with_everything() -> Org {
    let mut scenario = Scenario::small();
    for problem in [
        Problem::ExpiredCertificate(9),
        Problem::ExpiredSamlProvider(12),
        Problem::ServiceCredential(400),
        Problem::OldSshKey(200),
        Problem::UserWithoutMfa,
        Problem::OldSshKey(201),
    ] {
        scenario.plant("app-one", problem);
    }
    Org::from(scenario)
}

#[test]
fn certificates_providers_and_further_credentials_are_listed() {
    let mut org = with_everything();
    let caller = caller(&org, "app-one", "us-east-1");
    let mut ask = |operation: &str, input: Value| call(OPERATIONS, &mut org, &caller, operation, input).unwrap();
    let certificates = ask("ListServerCertificates", json!({}));
    let certificates = certificates["ServerCertificateMetadataList"].as_array().unwrap().clone();
    assert!(certificates.iter().all(|one| one["Arn"].as_str().unwrap().contains(":server-certificate/")));
    assert!(!certificates.is_empty());
    assert_eq!(
        ask("ListServerCertificates", json!({"PathPrefix": "/none/"}))["ServerCertificateMetadataList"],
        json!([])
    );
    let providers = ask("ListSAMLProviders", json!({}));
    let arns: Vec<&str> =
        providers["SAMLProviderList"].as_array().unwrap().iter().map(|one| one["Arn"].as_str().unwrap()).collect();
    assert!(arns.len() == 2 && arns.iter().any(|arn| arn.contains("saml-provider/AWSSSO_")), "{arns:?}");
    let credentials = ask("ListServiceSpecificCredentials", json!({"AllUsers": "true"}));
    let credential = &credentials["ServiceSpecificCredentials"][0];
    assert_eq!(credential["ServiceName"], "codecommit.amazonaws.com");
    let user = credential["UserName"].as_str().unwrap().to_owned();
    let own = ask("ListServiceSpecificCredentials", json!({"UserName": user}));
    assert_eq!(own["ServiceSpecificCredentials"].as_array().map(Vec::len), Some(1));
    let other = json!({"AllUsers": true, "ServiceName": "cassandra.amazonaws.com"});
    assert_eq!(ask("ListServiceSpecificCredentials", other)["ServiceSpecificCredentials"], json!([]));
    let keys = ask("ListSSHPublicKeys", json!({"UserName": user, "MaxItems": 1}));
    assert_eq!(keys["SSHPublicKeys"][0]["Status"], "Active");
    assert_eq!(ask("ListSSHPublicKeys", json!({"UserName": user}))["IsTruncated"], false);
}

#[test]
fn who_or_what_is_not_there_is_told() {
    let mut org = with_everything();
    let caller = caller(&org, "app-one", "us-east-1");
    let mut code =
        |operation: &str, input: Value| call(OPERATIONS, &mut org, &caller, operation, input).unwrap_err().code;
    assert_eq!(code("ListSSHPublicKeys", json!({"UserName": "nobody"})), "NoSuchEntity");
    assert_eq!(code("ListServiceSpecificCredentials", json!({"UserName": "nobody"})), "NoSuchEntity");
    let both = json!({"UserName": "nobody", "AllUsers": true});
    assert_eq!(code("ListServiceSpecificCredentials", both), "ValidationException");
    assert_eq!(code("ListSSHPublicKeys", json!({})), "ValidationException");
}

#[test]
fn central_root_access_is_for_the_management_account_with_trusted_access() {
    let mut org = small();
    let management = caller(&org, "management", "us-east-1");
    let member = caller(&org, "app-one", "us-east-1");
    let ask = |org: &mut Org, caller| call(OPERATIONS, org, caller, "ListOrganizationsFeatures", json!({}));
    let features = ask(&mut org, &management).unwrap();
    assert_eq!(features["EnabledFeatures"], json!(["RootCredentialsManagement", "RootSessions"]));
    let refused = ask(&mut org, &member).unwrap_err().code;
    assert_eq!(refused, "AccountNotManagementOrDelegatedAdministratorException");
    org.delegated.entry(member.account.clone()).or_default().insert("iam.amazonaws.com".into(), org.epoch);
    assert!(ask(&mut org, &member).is_ok(), "delegated");
    org.service_access.clear();
    assert_eq!(ask(&mut org, &management).unwrap_err().code, "ServiceAccessNotEnabledException");
    org.info.feature_set = "CONSOLIDATED_BILLING".into();
    assert_eq!(ask(&mut org, &management).unwrap_err().code, "OrganizationNotInAllFeaturesModeException");
}
