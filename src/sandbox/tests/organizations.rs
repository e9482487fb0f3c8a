//! AWS's rules for organizations, each met through the SDK.

use super::*;
use aws_sdk_organizations::types::{ChildType, ConstraintViolationExceptionReason, PolicyType, Tag};

const DENY_LEAVE: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","Action":"organizations:LeaveOrganization","Resource":"*"}]}"#;

async fn create(client: &aws_sdk_organizations::Client, name: &str) -> String {
    let policy = client
        .create_policy()
        .name(name)
        .description("")
        .content(DENY_LEAVE)
        .r#type(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .unwrap();
    policy.policy().unwrap().policy_summary().unwrap().id().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_tree_reads_as_it_is() {
    let small = Small::unlimited();
    let client = small.organizations();
    let organization = client.describe_organization().send().await.unwrap();
    let organization = organization.organization().unwrap();
    assert_eq!(organization.master_account_id(), Some(small.sandbox.management_account().as_str()));
    let roots = client.list_roots().send().await.unwrap();
    let root = roots.roots().first().unwrap();
    assert_eq!(root.policy_types().len(), 1);
    let root = root.id().unwrap();
    let ous = client.list_organizational_units_for_parent().parent_id(root).send().await.unwrap();
    assert_eq!(ous.organizational_units().len(), 2);
    let accounts = client.list_accounts().send().await.unwrap();
    assert_eq!(accounts.accounts().len(), 4);
    for account in accounts.accounts() {
        let path = account.paths().first().unwrap();
        assert!(path.starts_with(&format!("{}/{root}/", organization.id().unwrap())), "{path}");
        assert!(path.ends_with(&format!("/{}/", account.id().unwrap())), "{path}");
        assert!(account.state().is_some());
        let parents = client.list_parents().child_id(account.id().unwrap()).send().await.unwrap();
        let parent = parents.parents().first().unwrap().id().unwrap();
        let here = client.list_accounts_for_parent().parent_id(parent).send().await.unwrap();
        assert!(here.accounts().iter().any(|other| other.id() == account.id()));
        let children = client.list_children().parent_id(parent).child_type(ChildType::Account).send().await.unwrap();
        assert!(children.children().iter().any(|other| other.id() == account.id()));
        let described = client.describe_account().account_id(account.id().unwrap()).send().await.unwrap();
        assert_eq!(described.account(), Some(account));
    }
    let ou = ous.organizational_units().first().unwrap();
    let described =
        client.describe_organizational_unit().organizational_unit_id(ou.id().unwrap()).send().await.unwrap();
    assert_eq!(described.organizational_unit(), Some(ou));
    assert_eq!(
        code(client.list_children().parent_id("r-zzzz").child_type(ChildType::Account).send().await),
        "ParentNotFoundException"
    );
    assert_eq!(code(client.list_parents().child_id("999999999999").send().await), "ChildNotFoundException");
    assert_eq!(code(client.describe_account().account_id("999999999999").send().await), "AccountNotFoundException");
    assert_eq!(
        code(client.describe_organizational_unit().organizational_unit_id("ou-zzzz-zzzzzzzz").send().await),
        "OrganizationalUnitNotFoundException"
    );
    assert_eq!(code(client.list_accounts().next_token("garbage").send().await), "InvalidInputException");
    assert_eq!(code(client.list_accounts().max_results(21).send().await), "InvalidInputException");
}

#[tokio::test(start_paused = true)]
async fn older_responses_have_a_status_and_no_paths() {
    let small = Small::unlimited();
    small.sandbox.with(|org| org.info.older_responses = true);
    let accounts = small.organizations().list_accounts().send().await.unwrap();
    for account in accounts.accounts() {
        let status = account.status();
        assert!(status.is_some() && account.state().is_none() && account.paths().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn accounts_come_in_pages_one_of_them_empty() {
    let sandbox = Sandbox::new(Scenario::sized(45, 3));
    let small = Small { sandbox };
    let client = small.organizations();
    let (mut sizes, mut token) = (Vec::new(), None);
    loop {
        let page = client.list_accounts().set_next_token(token).send().await.unwrap();
        sizes.push(page.accounts().len());
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [0, 20, 20, 5]);
}

#[tokio::test(start_paused = true)]
async fn members_are_kept_out_and_delegated_administrators_read() {
    let small = Small::unlimited();
    let member = small.account("app-one");
    let client = aws_sdk_organizations::Client::new(&small.config(&small.user(&member), "us-east-1"));
    assert!(client.describe_organization().send().await.is_ok());
    assert_eq!(code(client.list_accounts().send().await), "AccessDeniedException");
    small.sandbox.with(|org| {
        org.delegated.entry(member.clone()).or_default().insert("config.amazonaws.com".into(), org.epoch);
    });
    assert_eq!(client.list_accounts().send().await.unwrap().accounts().len(), 4);
    let administrators = client.list_delegated_administrators().send().await.unwrap();
    assert!(administrators.delegated_administrators().iter().any(|admin| admin.id() == Some(member.as_str())));
    let create = client.create_policy().name("x").description("").content(DENY_LEAVE);
    assert_eq!(code(create.r#type(PolicyType::ServiceControlPolicy).send().await), "AccessDeniedException");
    let outsider = small.user(&"999999999999".parse().unwrap());
    let outside = aws_sdk_organizations::Client::new(&small.config(&outsider, "us-east-1"));
    assert_eq!(code(outside.describe_organization().send().await), "UnrecognizedClientException");
}

#[tokio::test(start_paused = true)]
async fn a_policy_lives_and_dies() {
    let small = Small::unlimited();
    let client = small.organizations();
    let id = create(&client, "deny-leave").await;
    let again = client.create_policy().name("deny-leave").description("").content(DENY_LEAVE);
    assert_eq!(code(again.r#type(PolicyType::ServiceControlPolicy).send().await), "DuplicatePolicyException");
    let renamed =
        client.update_policy().policy_id(&id).name("deny-leaving").content(format!("{DENY_LEAVE} ")).send().await;
    assert_eq!(renamed.unwrap().policy().unwrap().content(), Some(format!("{DENY_LEAVE} ").as_str()), "saved verbatim");
    let listed = client.list_policies().filter(PolicyType::ServiceControlPolicy).send().await.unwrap();
    let names: Vec<&str> = listed.policies().iter().filter_map(|policy| policy.name()).collect();
    assert!(names.contains(&"FullAWSAccess") && names.contains(&"deny-leaving"), "{names:?}");
    let target = small.account("app-one");
    client.attach_policy().policy_id(&id).target_id(target.as_str()).send().await.unwrap();
    assert_eq!(code(client.delete_policy().policy_id(&id).send().await), "PolicyInUseException");
    let targets = client.list_targets_for_policy().policy_id(&id).send().await.unwrap();
    assert_eq!(targets.targets().first().unwrap().name(), Some("app-one"));
    client.detach_policy().policy_id(&id).target_id(target.as_str()).send().await.unwrap();
    client.delete_policy().policy_id(&id).send().await.unwrap();
    assert_eq!(code(client.describe_policy().policy_id(&id).send().await), "PolicyNotFoundException");
    assert_ne!(create(&client, "deny-leave").await, id, "an id is never given twice");
}

#[tokio::test(start_paused = true)]
async fn documents_are_held_to_size_and_form() {
    let small = Small::unlimited();
    let client = small.organizations();
    let try_it = |content: String, kind: PolicyType| {
        client.create_policy().name(format!("p{}", content.len())).description("").content(content).r#type(kind).send()
    };
    let sized = |characters: usize| {
        let padding = " ".repeat(characters - DENY_LEAVE.len());
        format!("{DENY_LEAVE}{padding}")
    };
    assert!(try_it(sized(10_240), PolicyType::ServiceControlPolicy).await.is_ok());
    let error = try_it(sized(10_241), PolicyType::ServiceControlPolicy).await.unwrap_err().into_service_error();
    assert!(error.is_constraint_violation_exception());
    for bad in [
        "{",
        r#"{"Version":"2012-10-17","Statement":[]}x"#,
        r#"{"hello":"world"}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}"#,
    ] {
        let error = try_it(bad.to_owned(), PolicyType::ServiceControlPolicy).await;
        assert_eq!(code(error), "MalformedPolicyDocumentException", "{bad}");
    }
    let rcp = |characters: usize| {
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}"#;
        format!("{text}{}", " ".repeat(characters - text.len()))
    };
    assert!(try_it(rcp(5_120), PolicyType::ResourceControlPolicy).await.is_ok());
    assert_eq!(code(try_it(rcp(5_121), PolicyType::ResourceControlPolicy).await), "ConstraintViolationException");
    let update = client.update_policy().policy_id("p-FullAWSAccess").content(DENY_LEAVE).send().await;
    assert_eq!(code(update), "InvalidInputException");
    assert_eq!(code(client.delete_policy().policy_id("p-FullAWSAccess").send().await), "InvalidInputException");
}

#[tokio::test(start_paused = true)]
async fn attachments_have_limits() {
    let small = Small::unlimited();
    let client = small.organizations();
    let target = small.account("app-one");
    let attach = |id: String| client.attach_policy().policy_id(id).target_id(target.as_str()).send();
    let detach = |id: &str| client.detach_policy().policy_id(id).target_id(target.as_str()).send();
    // FullAWSAccess sits there already.
    let error = detach("p-FullAWSAccess").await.unwrap_err().into_service_error();
    let aws_sdk_organizations::operation::detach_policy::DetachPolicyError::ConstraintViolationException(error) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(error.reason(), Some(&ConstraintViolationExceptionReason::MinPolicyTypeAttachmentLimitExceeded));
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(create(&client, &format!("policy-{number}")).await);
    }
    for id in ids.iter().take(9) {
        attach(id.clone()).await.unwrap();
    }
    assert_eq!(code(attach(ids[0].clone()).await), "DuplicatePolicyAttachmentException");
    let error = attach(ids[9].clone()).await.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("ConstraintViolationException"));
    detach("p-FullAWSAccess").await.unwrap();
    assert_eq!(code(detach("p-FullAWSAccess").await), "PolicyNotAttachedException");
    attach(ids[9].clone()).await.unwrap();
    let here = client
        .list_policies_for_target()
        .target_id(target.as_str())
        .filter(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .unwrap();
    assert_eq!(here.policies().len(), 10);
    let nowhere = client.attach_policy().policy_id(&ids[0]).target_id("ou-zzzz-zzzzzzzz").send().await;
    assert_eq!(code(nowhere), "TargetNotFoundException");
    assert_eq!(code(attach("p-00000000".into()).await), "PolicyNotFoundException");
    assert_eq!(code(attach("nonsense".into()).await), "InvalidInputException");
}

#[tokio::test(start_paused = true)]
async fn a_type_must_be_enabled_and_then_is_everywhere() {
    let small = Small::unlimited();
    let client = small.organizations();
    let root = small.root();
    let attach = || client.attach_policy().policy_id("p-RCPFullAWSAccess").target_id(root.as_str()).send();
    assert_eq!(code(attach().await), "PolicyTypeNotEnabledException");
    let enable =
        || client.enable_policy_type().root_id(root.as_str()).policy_type(PolicyType::ResourceControlPolicy).send();
    assert_eq!(enable().await.unwrap().root().unwrap().policy_types().len(), 2);
    assert_eq!(code(enable().await), "PolicyTypeAlreadyEnabledException");
    assert_eq!(code(attach().await), "DuplicatePolicyAttachmentException");
    let targets = client.list_targets_for_policy().policy_id("p-RCPFullAWSAccess").send().await.unwrap();
    assert_eq!(targets.targets().len(), 1 + 2 + 4);
    let detach = client.detach_policy().policy_id("p-RCPFullAWSAccess").target_id(root.as_str()).send().await;
    assert_eq!(code(detach), "ConstraintViolationException");
}

#[tokio::test(start_paused = true)]
async fn tags_are_kept_and_bounded() {
    let small = Small::unlimited();
    let client = small.organizations();
    let id = create(&client, "tagged").await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let put = |tag: Tag| client.tag_resource().resource_id(&id).tags(tag).send();
    put(tag("orgward", "x/y")).await.unwrap();
    let tags = client.list_tags_for_resource().resource_id(&id).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("orgward", "x/y")]);
    assert_eq!(code(put(tag("aws:mine", "")).await), "InvalidInputException");
    for number in 1..50 {
        put(tag(&format!("k{number}"), "")).await.unwrap();
    }
    assert_eq!(code(put(tag("one-more", "")).await), "ConstraintViolationException");
    client.untag_resource().resource_id(&id).tag_keys("orgward").send().await.unwrap();
    let first = client.list_tags_for_resource().resource_id(&id).send().await.unwrap();
    assert_eq!((first.tags().len(), first.next_token().is_some()), (20, true));
    let missing = client.list_tags_for_resource().resource_id("p-00000000").send().await;
    assert_eq!(code(missing), "TargetNotFoundException");
    let services = client.list_aws_service_access_for_organization().send().await;
    assert!(services.is_ok());
}
