//! Assuming roles: trust policies, session policies, limits, expiry.

use super::*;
use aws_sdk_sts::types::Tag;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn the_caller_is_told_who_it_is() {
    let small = Small::new();
    let me = small.sts(&small.operator()).get_caller_identity().send().await.unwrap();
    let management = small.sandbox.management_account();
    assert_eq!(me.account(), Some(management.as_str()));
    assert_eq!(me.arn(), Some(format!("arn:aws:iam::{management}:user/{}", generate::OPERATOR_USER).as_str()));
    let app = small.account("app-one");
    let keys = small.audit_role(&app).await;
    let session = small.sts(&keys).get_caller_identity().send().await.unwrap();
    assert_eq!(session.arn(), Some(format!("arn:aws:sts::{app}:assumed-role/OrgwardAudit/test").as_str()));
    assert_eq!(session.account(), Some(app.as_str()));
}

#[tokio::test(start_paused = true)]
async fn the_trust_policy_decides() {
    let small = Small::new();
    let app = small.account("app-one");
    assert!(small.assume(&app).send().await.is_ok());
    for wrong in [
        small.assume(&app).external_id("not-this-one"),
        small.assume(&app).set_external_id(None),
        small.assume(&app).role_arn(format!("arn:aws:iam::{app}:role/Missing")),
        small.assume(&app).role_arn(format!("arn:aws:iam::{app}:role/path/OrgwardAudit")),
        small.assume(&"999999999999".parse().unwrap()),
    ] {
        let error = wrong.send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
        let message = error.into_service_error().message().unwrap().to_owned();
        assert!(
            message.contains("is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"),
            "{message}"
        );
        assert!(!message.contains("not-this-one"), "{message}");
    }
    // From another member: the trust policy names the management account alone.
    let other = small.user(&small.account("app-two"));
    let foreign = small
        .sts(&other)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{app}:role/OrgwardAudit"))
        .role_session_name("test")
        .external_id(generate::AUDIT_EXTERNAL_ID);
    assert_eq!(code(foreign.send().await), "AccessDenied");
    let root = small.sandbox.with(|org| org.add_key(&small_management(org), "arn:aws:iam::1:root"));
    let as_root = small.sts(&(root.0, root.1, None)).assume_role();
    let as_root = as_root.role_arn(format!("arn:aws:iam::{app}:role/OrgwardAudit")).role_session_name("test");
    assert_eq!(code(as_root.send().await), "AccessDenied");
}

fn small_management(org: &Org) -> AccountId {
    org.info.management_account.clone()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_evaluated_is_never_allowed() {
    let small = Small::new();
    let app = small.account("app-one");
    small.sandbox.with(|org| {
        let role = org.state_mut(&app).roles.get_mut(generate::AUDIT_ROLE).unwrap();
        role.trust_policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:ResourceTag/team":"platform"}}}]}"#.into();
    });
    let error = small.assume(&app).send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 501);
    assert_eq!(error.into_service_error().code(), Some("NotImplemented"));
}

#[tokio::test(start_paused = true)]
async fn a_closed_account_lets_nobody_in() {
    let small = Small::new();
    let app = small.account("app-one");
    let keys = small.audit_role(&app).await;
    small.sandbox.with(|org| org.members.get_mut(&app).unwrap().state = crate::model::org::AccountState::Suspended);
    assert_eq!(code(small.assume(&app).send().await), "AccessDenied");
    assert_eq!(code(small.sts(&keys).get_caller_identity().send().await), "InvalidClientTokenId");
}

#[tokio::test(start_paused = true)]
async fn forms_and_durations_are_bounded() {
    let small = Small::new();
    let app = small.account("app-one");
    for wrong in [
        small.assume(&app).role_session_name("x"),
        small.assume(&app).role_session_name("has space"),
        small.assume(&app).external_id("x"),
        small.assume(&app).source_identity("no/slash"),
        small.assume(&app).duration_seconds(899),
        small.assume(&app).duration_seconds(43_201),
        small.assume(&app).duration_seconds(3_601),
        small.assume(&app).role_arn("nonsense"),
        small.assume(&app).policy(format!("{{{}}}", " ".repeat(2_048))),
    ] {
        assert_eq!(code(wrong.send().await), "ValidationError");
    }
    let malformed = small.assume(&app).policy(r#"{"Version":"2012-10-17"}"#).send().await;
    assert_eq!(code(malformed), "MalformedPolicyDocument");
    small.sandbox.with(|org| {
        org.state_mut(&app).roles.get_mut(generate::AUDIT_ROLE).unwrap().max_session_seconds = 7_200;
    });
    assert!(small.assume(&app).duration_seconds(7_200).send().await.is_ok());
    // From a session, an hour is the most whatever the role allows.
    let management = small.sandbox.management_account();
    small.sandbox.with(|org| {
        let mut role = org.state(&app).roles[generate::AUDIT_ROLE].clone();
        role.attached.push(generate::managed::ADMINISTRATOR.into());
        org.state_mut(&management).roles.insert(role.name.clone(), role);
    });
    let chained = small.audit_role(&management).await;
    let chain = |seconds: i32| {
        small
            .sts(&chained)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{app}:role/OrgwardAudit"))
            .role_session_name("chained")
            .external_id(generate::AUDIT_EXTERNAL_ID)
            .duration_seconds(seconds)
            .send()
    };
    assert!(chain(3_600).await.is_ok());
    let error = chain(3_601).await.unwrap_err().into_service_error();
    assert!(error.message().unwrap().contains("role chaining"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn identity_and_tags_need_their_own_permission() {
    let small = Small::new();
    let app = small.account("app-one");
    let tag = Tag::builder().key("team").value("platform").build().unwrap();
    let full = || small.assume(&app).source_identity("alice").tags(tag.clone());
    assert_eq!(full().send().await.unwrap().source_identity(), Some("alice"));
    let management = small.sandbox.management_account();
    small.sandbox.with(|org| {
        let role = org.state_mut(&app).roles.get_mut(generate::AUDIT_ROLE).unwrap();
        role.trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{management}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
    });
    let message = full().send().await.unwrap_err().into_service_error().message().unwrap().to_owned();
    assert!(message.contains("sts:SetSourceIdentity"), "{message}");
    let message = small.assume(&app).tags(tag.clone()).send().await.unwrap_err().into_service_error();
    assert!(message.message().unwrap().contains("sts:TagSession"), "{message:?}");
    assert!(small.assume(&app).send().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_session_policy_binds_every_call() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let session = async |statement: &str| {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let answer = small.assume_apply(&app).policy(policy).send().await.unwrap();
        let config = small.config(&keys_of(answer.credentials().unwrap()), "us-east-1");
        (aws_sdk_iam::Client::new(&config), aws_sdk_sts::Client::new(&config))
    };
    let (iam, sts) = session(r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#).await;
    assert!(iam.get_account_summary().send().await.is_ok());
    let error = iam.update_account_password_policy().minimum_password_length(14).send().await.unwrap_err();
    let message = error.into_service_error().message().unwrap().to_owned();
    assert!(
        message.contains("because no session policy allows the iam:UpdateAccountPasswordPolicy action"),
        "{message}"
    );
    assert!(sts.get_caller_identity().send().await.is_ok(), "needs no permission");
    let (iam, _) = session(
        r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:GetAccountSummary","Resource":"*"}"#,
    )
    .await;
    assert_eq!(code(iam.get_account_summary().send().await), "AccessDenied");
    let (iam, _) = session(r#"{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/*"}"#).await;
    assert_eq!(code(iam.get_account_summary().send().await), "AccessDenied", "it names no user");
    let condition = r#""Condition":{"StringEquals":{"aws:UserAgent":"x"}}"#;
    let (iam, _) = session(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*",{condition}}}"#)).await;
    let error = iam.get_account_summary().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 501);
    let message = error.into_service_error().message().unwrap().to_owned();
    assert!(message.contains("a session policy") && message.contains("aws:UserAgent"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn sessions_expire_and_strangers_are_unknown() {
    let small = Small::new();
    let app = small.account("app-one");
    let keys = small.audit_role(&app).await;
    let json = |keys: &Keys| aws_sdk_organizations::Client::new(&small.config(keys, "us-east-1"));
    assert!(small.sts(&keys).get_caller_identity().send().await.is_ok());
    let without_token = (keys.0.clone(), keys.1.clone(), None);
    assert_eq!(code(small.sts(&without_token).get_caller_identity().send().await), "InvalidClientTokenId");
    let stranger = ("AKIANOBODY".to_owned(), "x".to_owned(), None);
    assert_eq!(code(small.sts(&stranger).get_caller_identity().send().await), "InvalidClientTokenId");
    assert_eq!(code(json(&stranger).list_roots().send().await), "UnrecognizedClientException");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert_eq!(code(small.sts(&keys).get_caller_identity().send().await), "ExpiredToken");
    assert_eq!(code(json(&keys).list_roots().send().await), "ExpiredTokenException");
    // A Region that is not enabled knows no credentials.
    let off = aws_sdk_sts::Client::new(&small.config(&small.operator(), "af-south-1"));
    let enabled =
        small.sandbox.with(|org| org.region_usable(&org.info.management_account, &"af-south-1".parse().unwrap()));
    assert_eq!(off.get_caller_identity().send().await.is_ok(), enabled);
}
