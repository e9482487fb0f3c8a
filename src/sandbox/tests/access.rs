//! Who may do what: every kind of denial as the SDK hears it, and who is exempt.

use super::*;
use crate::model::org::PolicyType;
use crate::model::{PolicyId, Region};
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, OrderedOrganizationPolicyType, PolicyEvaluationDecisionType,
};

const DENY_ALIASES: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"NoAliases","Effect":"Deny","Action":"iam:ListAccountAliases","Resource":"*"}]}"#;

fn allow(action: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#)
}

/// The message of an error answer.
fn message<T: std::fmt::Debug>(result: Result<T, impl ProvideErrorMetadata>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"), "{:?}", error.message());
    error.message().unwrap().to_owned()
}

impl Small {
    fn iam(&self, keys: &Keys) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.config(keys, "us-east-1"))
    }

    /// Attaches a policy; gives its id and its ARN.
    fn attach(&self, kind: PolicyType, name: &str, content: &str, target: impl Into<TargetId>) -> (PolicyId, String) {
        self.sandbox.with(|org| {
            let id = org.add_policy(kind, name, "", content, [target.into()]);
            let arn = org.policy_arn(&org.policies[&id]);
            (id, arn)
        })
    }

    fn scp(&self, content: &str, target: impl Into<TargetId>) -> (PolicyId, String) {
        self.attach(PolicyType::Scp, "scp", content, target)
    }

    fn change_role(&self, account: &AccountId, name: &str, change: impl FnOnce(&mut state::Role)) {
        self.sandbox.with(|org| change(org.state_mut(account).roles.get_mut(name).unwrap()));
    }

    /// Puts a customer policy into an account; gives its ARN.
    fn customer_policy(&self, account: &AccountId, document: &str) -> String {
        let arn = format!("arn:aws:iam::{account}:policy/test");
        self.sandbox.with(|org| {
            let state = org.state_mut(account);
            let made = state::Policy {
                name: "test".into(),
                id: "ANPATEST".into(),
                path: "/".into(),
                created: state.created,
                document: document.to_owned(),
            };
            state.policies.insert(arn.clone(), made);
        });
        arn
    }

    fn ou(&self, name: &str) -> TargetId {
        self.sandbox.with(|org| org.tree.values().find(|ou| ou.name == name).unwrap().id.clone())
    }
}

fn region(code: &str) -> Region {
    code.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_scp_denies_by_name_at_any_level_and_the_denial_is_on_record() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let keys = small.audit_role(&app).await;
    let iam = small.iam(&keys);
    assert!(iam.list_account_aliases().send().await.is_ok());
    for target in [small.root(), small.ou("Workloads"), app.clone().into()] {
        let (id, arn) = small.scp(DENY_ALIASES, target);
        let text = message(iam.list_account_aliases().send().await);
        let management = small.sandbox.management_account();
        assert!(arn.starts_with(&format!("arn:aws:organizations::{management}:policy/o-")), "{arn}");
        assert_eq!(
            text,
            format!(
                "User: arn:aws:sts::{app}:assumed-role/OrgwardAudit/test is not authorized to perform: \
                 iam:ListAccountAliases on resource: * with an explicit deny in a service control policy: {arn}"
            )
        );
        assert!(arn.contains("/service_control_policy/p-"), "{arn}");
        small.sandbox.with(|org| {
            let event = org.events.last().unwrap();
            assert_eq!((event.error_code.as_deref(), &event.account), (Some("AccessDenied"), &app));
            assert_eq!(event.error_message.as_deref(), Some(text.as_str()));
            org.policies.remove(&id);
        });
        assert!(iam.list_account_aliases().send().await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn denials_are_found_by_lookup_and_in_the_log_group() {
    let small = Small::unlimited();
    let (app, audit) = (small.account("app-one"), small.account("audit"));
    let keys = small.audit_role(&app).await;
    small.scp(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sns:*","Resource":"*"}]}"#,
        app.clone(),
    );
    let home = small.config(&keys, "eu-central-1");
    let denied = aws_sdk_sns::Client::new(&home).list_topics().send().await;
    assert_eq!(code(denied), "AuthorizationError", "SNS's own word");
    let trail = aws_sdk_cloudtrail::Client::new(&home);
    let found = trail.lookup_events().send().await.unwrap();
    let record = found.events().first().unwrap().cloud_trail_event().unwrap();
    assert!(
        record.contains(r#""errorCode":"AccessDenied""#) && record.contains("service_control_policy/p-"),
        "{record}"
    );
    let owner = small.config(&small.audit_role(&audit).await, "eu-central-1");
    let logs = aws_sdk_cloudwatchlogs::Client::new(&owner);
    let trails = aws_sdk_cloudtrail::Client::new(&owner).describe_trails().send().await.unwrap();
    let group = trails.trail_list()[0].cloud_watch_logs_log_group_arn().unwrap().split(':').nth(6).unwrap().to_owned();
    let events = logs.filter_log_events().log_group_name(group);
    let pattern = r#"{ $.errorCode = "AccessDenied" && $.errorMessage = "*service_control_policy/p-*" }"#;
    let events = events.filter_pattern(pattern).send().await.unwrap();
    assert_eq!(events.events().len(), 1);
    assert!(events.events()[0].message().unwrap().contains("sns:ListTopics"));
}

#[tokio::test(start_paused = true)]
async fn each_level_has_to_allow() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let iam = small.iam(&small.audit_role(&app).await);
    let full: PolicyId = "p-FullAWSAccess".parse().unwrap();
    for target in [small.root(), small.ou("Workloads"), app.clone().into()] {
        small.sandbox.with(|org| org.policies.get_mut(&full).unwrap().targets.remove(&target));
        let text = message(iam.get_account_summary().send().await);
        assert!(text.ends_with("because no service control policy allows the iam:GetAccountSummary action"), "{text}");
        // What takes its place at that level is enough.
        let (id, _) = small.scp(&allow("iam:Get*"), target.clone());
        assert!(iam.get_account_summary().send().await.is_ok());
        let text = message(iam.list_account_aliases().send().await);
        assert!(text.contains("because no service control policy allows"), "{text}");
        small.sandbox.with(|org| {
            org.policies.remove(&id);
            org.policies.get_mut(&full).unwrap().targets.insert(target);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn the_management_account_and_service_linked_roles_are_not_bound() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    small.scp(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#, small.root());
    assert!(small.iam(&small.operator()).list_account_aliases().send().await.is_ok());
    let linked = small.sandbox.with(|org| {
        let state = org.state_mut(&app);
        let role = state.roles.values_mut().find(|role| role.path.starts_with("/aws-service-role/")).unwrap();
        role.inline.insert("own".into(), allow("cloudtrail:*"));
        role.arn(&app)
    });
    let home = region("eu-central-1");
    assert_eq!(small.sandbox.act(&app, linked.as_str(), "cloudtrail", "CreateTrail", &home), Ok(()));
    // The root user of a member is bound like everybody else.
    for actor in ["root", "ci", "instance"] {
        let error = small.sandbox.act(&app, actor, "cloudtrail", "CreateTrail", &home).unwrap_err();
        assert!(error.message.contains("with an explicit deny in a service control policy: arn:"), "{error:?}");
    }
    let management = small.sandbox.management_account();
    assert_eq!(small.sandbox.act(&management, "root", "cloudtrail", "CreateTrail", &home), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn exemptions_look_at_the_role_behind_the_session() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    small.scp(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1"]},"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::*:role/OrgwardAudit"]}}}]}"#,
        small.root(),
    );
    let keys = small.audit_role(&app).await;
    let apply = small.apply_role(&app).await;
    let trails = |keys: &Keys, region: &str| aws_sdk_cloudtrail::Client::new(&small.config(keys, region));
    assert!(trails(&keys, "eu-west-3").describe_trails().send().await.is_ok(), "exempt");
    assert!(trails(&apply, "eu-central-1").describe_trails().send().await.is_ok(), "in its Region");
    let error = trails(&apply, "eu-west-3").describe_trails().send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    // A global service is in us-east-1 wherever it is called from.
    let only = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}]}"#;
    small.scp(only, app.clone());
    let iam = aws_sdk_iam::Client::new(&small.config(&keys, "eu-central-1"));
    assert!(message(iam.get_account_summary().send().await).contains("service_control_policy"));
}

#[tokio::test(start_paused = true)]
async fn identity_policies_decide_and_a_deny_beats_every_allow() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let iam = small.iam(&small.audit_role(&app).await);
    let text = message(iam.update_account_password_policy().minimum_password_length(14).send().await);
    assert!(
        text.ends_with(
            "iam:UpdateAccountPasswordPolicy on resource: * because no identity-based policy allows the \
             iam:UpdateAccountPasswordPolicy action"
        ),
        "{text}"
    );
    assert!(iam.list_account_aliases().send().await.is_ok());
    small.change_role(&app, generate::AUDIT_ROLE, |role| {
        role.attached.push(generate::managed::ADMINISTRATOR.into());
        role.inline.insert("deny".into(), DENY_ALIASES.into());
    });
    assert!(iam.update_account_password_policy().minimum_password_length(14).send().await.is_ok());
    let text = message(iam.list_account_aliases().send().await);
    assert!(text.ends_with("with an explicit deny in an identity-based policy"), "{text}");
    // A policy of the account is named by its ARN.
    let arn = small.customer_policy(&app, DENY_ALIASES);
    small.change_role(&app, generate::AUDIT_ROLE, |role| {
        role.inline.remove("deny");
        role.attached.push(arn.clone());
    });
    let text = message(iam.list_account_aliases().send().await);
    assert!(text.ends_with(&format!("with an explicit deny in an identity-based policy: {arn}")), "{text}");
    // A role that is gone may do nothing any more.
    small.sandbox.with(|org| org.state_mut(&app).roles.remove(generate::AUDIT_ROLE));
    let text = message(iam.get_account_summary().send().await);
    assert!(text.contains("because no identity-based policy allows"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_user_has_its_groups_policies_too() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let keys = small.user(&app);
    let iam = small.iam(&keys);
    small.sandbox.with(|org| {
        let state = org.state_mut(&app);
        let group = state.groups.values().next().unwrap().name.clone();
        let user = state.users.get_mut("u").unwrap();
        user.attached.clear();
        user.groups = vec![group];
    });
    assert!(iam.get_account_summary().send().await.is_ok(), "ReadOnlyAccess comes with the group");
    let text = message(iam.update_account_password_policy().minimum_password_length(14).send().await);
    assert!(text.starts_with(&format!("User: arn:aws:iam::{app}:user/u is not authorized")), "{text}");
    let arn = small.customer_policy(
        &app,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:username}"},"Null":{"aws:MultiFactorAuthPresent":"true"},"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"DateGreaterThan":{"aws:CurrentTime":"2026-11-01T00:00:00Z"}}}]}"#,
    );
    small.sandbox.with(|org| {
        let user = org.state_mut(&app).users.get_mut("u").unwrap();
        user.attached.push(arn);
        user.tags.insert("team".into(), "u".into());
    });
    assert!(iam.update_account_password_policy().minimum_password_length(14).send().await.is_ok());
    small.sandbox.with(|org| org.state_mut(&app).users.get_mut("u").unwrap().tags.clear());
    assert_eq!(code(iam.delete_account_password_policy().send().await), "AccessDenied", "an absent tag equals nothing");
}

#[tokio::test(start_paused = true)]
async fn a_boundary_a_session_policy_and_an_scp_all_have_to_allow() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let boundary = small.customer_policy(
        &app,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},{"Effect":"Deny","Action":"iam:ListRoles","Resource":"*"}]}"#,
    );
    small.change_role(&app, generate::AUDIT_ROLE, |role| role.boundary = Some(boundary.clone()));
    let iam = small.iam(&small.audit_role(&app).await);
    assert!(iam.list_account_aliases().send().await.is_ok());
    let text = message(iam.generate_credential_report().send().await);
    assert!(text.ends_with("because no permissions boundary allows the iam:GenerateCredentialReport action"), "{text}");
    let text = message(iam.list_roles().send().await);
    assert!(text.ends_with(&format!("with an explicit deny in a permissions boundary: {boundary}")), "{text}");
    // The session takes away more, the SCP more again.
    let narrow = small.assume(&app).policy(allow("iam:Get*")).send().await.unwrap();
    let narrow = small.iam(&keys_of(narrow.credentials().unwrap()));
    let text = message(narrow.list_account_aliases().send().await);
    assert!(text.ends_with("because no session policy allows the iam:ListAccountAliases action"), "{text}");
    assert!(narrow.get_account_summary().send().await.is_ok());
    small.sandbox.with(|org| {
        let full: PolicyId = "p-FullAWSAccess".parse().unwrap();
        org.policies.get_mut(&full).unwrap().targets.remove(&app.clone().into());
    });
    small.scp(&allow("iam:GetAccountPasswordPolicy"), app.clone());
    let text = message(narrow.get_account_summary().send().await);
    assert!(text.contains("because no service control policy allows"), "{text}");
    assert!(narrow.get_account_password_policy().send().await.is_ok(), "all four allow it");
}

#[tokio::test(start_paused = true)]
async fn an_rcp_on_sts_closes_the_door_of_member_accounts() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    small.sandbox.with(|org| org.info.enabled_types.insert(PolicyType::Rcp));
    assert!(small.assume(&app).send().await.is_ok(), "AWS's own RCP is everywhere");
    let closed = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalArn":"arn:aws:iam::1:role/none"}}}]}"#;
    let (id, arn) = small.attach(PolicyType::Rcp, "closed", closed, small.root());
    let text = message(small.assume(&app).send().await);
    let operator = format!("arn:aws:iam::{}:user/{}", small.sandbox.management_account(), generate::OPERATOR_USER);
    assert_eq!(
        text,
        format!(
            "User: {operator} is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::{app}:role/OrgwardAudit with an explicit deny in a resource control policy: {arn}"
        )
    );
    // It does not bind the management account's own roles.
    let management = small.sandbox.management_account();
    small.sandbox.with(|org| {
        let role = org.state(&app).roles[generate::AUDIT_ROLE].clone();
        org.state_mut(&management).roles.insert(role.name.clone(), role);
    });
    assert!(small.assume(&management).send().await.is_ok());
    small.sandbox.with(|org| org.policies.remove(&id));
    assert!(small.assume(&app).send().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_assumes_a_role_needs_both_sides() {
    let small = Small::unlimited();
    let management = small.sandbox.management_account();
    let app = small.account("app-one");
    small.sandbox.with(|org| {
        let user = org.state_mut(&management).users.get_mut(generate::OPERATOR_USER).unwrap();
        user.inline.insert("orgward".into(), allow("iam:*"));
    });
    let text = message(small.assume(&app).send().await);
    assert!(text.ends_with("because no identity-based policy allows the sts:AssumeRole action"), "{text}");
    // In its own account, a trust policy that names the caller itself is enough.
    small.sandbox.with(|org| {
        let mut role = org.state(&app).roles[generate::AUDIT_ROLE].clone();
        let trust = |who: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"sts:AssumeRole"}}]}}"#);
        role.trust_policy = trust(&format!("arn:aws:iam::{management}:user/{}", generate::OPERATOR_USER));
        org.state_mut(&management).roles.insert(role.name.clone(), role.clone());
        role.name = "ByAccount".into();
        role.trust_policy = trust(management.as_str());
        org.state_mut(&management).roles.insert(role.name.clone(), role);
    });
    assert!(small.assume(&management).send().await.is_ok());
    let by_account = small.assume(&management).role_arn(format!("arn:aws:iam::{management}:role/ByAccount"));
    assert!(message(by_account.send().await).contains("no identity-based policy allows"));
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_asks_and_nobody_knows_is_501() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let iam = small.iam(&small.audit_role(&app).await);
    small.scp(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:List*","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/x":"y"}}}]}"#,
        app.clone(),
    );
    let error = iam.list_account_aliases().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 501);
    let text = error.message().unwrap().to_owned();
    assert!(text.contains("a service control policy") && text.contains("iam:ResourceTag/x"), "{text}");
    assert!(iam.get_account_summary().send().await.is_ok(), "the statement is not about it");
    let error = small.sandbox.act(&app, "ci", "iam", "ListAccountAliases", &region("eu-central-1")).unwrap_err();
    assert_eq!(error.status, 501);
}

#[tokio::test(start_paused = true)]
async fn workloads_act_when_their_time_has_come() {
    let small = Small::unlimited();
    let app = small.account("app-one");
    let elsewhere = region("eu-north-1");
    let minute = |n: u64| std::time::Duration::from_secs(60 * n);
    let run = Act::new(&app, "instance", "ec2", "RunInstances", &elsewhere);
    assert_eq!(small.sandbox.perform(&run), Ok(()));
    small.sandbox.schedule((1..=3).map(|n| (minute(10 * n), run.clone())));
    small.sandbox.schedule([(minute(15), Act::new(&app, "user/nobody", "ec2", "RunInstances", &elsewhere))]);
    tokio::time::sleep(minute(12)).await;
    small.sandbox.with(|org| {
        assert_eq!(org.events.iter().filter(|event| &*event.name == "RunInstances").count(), 2);
    });
    let (id, _) = small.scp(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-north-1"}}}]}"#,
        app.clone(),
    );
    tokio::time::sleep(minute(30)).await;
    small.sandbox.with(|org| {
        let run: Vec<_> = org.events.iter().filter(|event| &*event.name == "RunInstances").collect();
        let since = |place: usize| run[place].at.duration_since(run[0].at).as_secs();
        assert_eq!((run.len(), since(1), since(2), since(3)), (4, 600, 1_200, 1_800), "each at its own time");
        assert_eq!(run[1].error_code, None);
        for denied in &run[2..] {
            assert_eq!(denied.error_code.as_deref(), Some("AccessDenied"));
            let text = denied.error_message.as_deref().unwrap();
            assert!(text.contains(":assumed-role/web-instance/i-") && text.contains(id.as_str()), "{text}");
            assert_eq!((&*denied.source, denied.region.as_str()), ("ec2.amazonaws.com", "eu-north-1"));
        }
        assert!(!org.written.contains_key(&app), "acting leaves no trace in the account");
    });
    assert_eq!(small.sandbox.act(&app, "no-such-role", "ec2", "RunInstances", &elsewhere).unwrap_err().status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_simulation_decides_like_the_chain() {
    let small = Small::unlimited();
    let iam = small.iam(&small.operator());
    let level = |documents: &[&str]| {
        let documents = documents.iter().map(|text| (*text).to_owned()).collect();
        OrderedOrganizationPolicyType::builder().set_service_control_policy_input_list(Some(documents)).build()
    };
    let full = allow("*");
    let regions = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}}}]}"#;
    let simulate = || {
        iam.simulate_custom_policy()
            .policy_input_list(allow("ec2:*"))
            .action_names("ec2:RunInstances")
            .action_names("s3:GetObject")
            .ordered_organization_policy_input_list(level(&[&full]))
    };
    let region = |code: &str| {
        ContextEntry::builder()
            .context_key_name("aws:RequestedRegion")
            .context_key_values(code)
            .context_key_type(ContextKeyTypeEnum::String)
            .build()
    };
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    for (levels, code, run, by_organization) in [
        (vec![level(&[&full, regions])], "eu-central-1", Allowed, true),
        (vec![level(&[&full, regions])], "eu-west-1", ExplicitDeny, false),
        (vec![level(&[regions])], "eu-central-1", ImplicitDeny, false),
    ] {
        let mut call = simulate().context_entries(region(code));
        for level in levels {
            call = call.ordered_organization_policy_input_list(level);
        }
        let answer = call.send().await.unwrap();
        let [ran, got] = answer.evaluation_results() else { panic!("one result for each action") };
        assert_eq!((ran.eval_decision(), got.eval_decision()), (&run, &ImplicitDeny), "{code}");
        let detail = ran.organizations_decision_detail().unwrap();
        assert_eq!(detail.allowed_by_organizations(), by_organization);
        assert!(ran.missing_context_values().is_empty());
    }
    let missing = simulate().ordered_organization_policy_input_list(level(&[&full, regions])).send().await.unwrap();
    // IAM API reference, `EvaluationResult`: keys of identity policies are told, keys of SCPs are not.
    assert!(missing.evaluation_results()[0].missing_context_values().is_empty());
    let missing = simulate().policy_input_list(regions).send().await.unwrap();
    assert_eq!(missing.evaluation_results()[0].missing_context_values(), ["aws:RequestedRegion"]);
    let boundary = simulate().permissions_boundary_policy_input_list(allow("s3:*")).send().await.unwrap();
    assert_eq!(*boundary.evaluation_results()[0].eval_decision(), ImplicitDeny);
    let wild = simulate().action_names("ec2:*").send().await;
    assert_eq!(code(wild), "InvalidInput");
    let malformed = simulate().policy_input_list("{").send().await;
    assert_eq!(code(malformed), "InvalidInput");
    let many = simulate().set_ordered_organization_policy_input_list(Some(vec![level(&[&full]); 8])).send().await;
    assert_eq!(code(many), "InvalidInput");
}
