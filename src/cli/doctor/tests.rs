//! A doctor at work in the sandbox, on virtual time: what it says of an organization that is well, and of each thing that is not.

use super::*;
use crate::aws::{Clock, SharedHttpClient, StaticCredentials};
use crate::cli::ui::{Color, Shown};
use crate::config::{ConfigFile, Overrides};
use crate::doctor::State;
use crate::model::org::PolicyType;
use crate::model::{Share, TargetId};
use crate::report::text::Paint;
use crate::sandbox::generate::Problem;
use crate::sandbox::{Sandbox, Scenario, generate, scenario};
use clap::Parser;
use jiff::SignedDuration;

#[derive(Debug, Parser)]
struct Words {
    #[command(flatten)]
    args: DoctorArgs,
}

/// What a test changes of a doctor's own circumstances.
struct Patient {
    sandbox: Sandbox,
    words: Vec<&'static str>,
    /// How far this machine's clock is ahead.
    ahead: SignedDuration,
    key: Option<(String, String)>,
    external_id: Option<&'static str>,
    http: Option<SharedHttpClient>,
}

impl Patient {
    fn of(scenario: Scenario) -> Self {
        Self {
            sandbox: Sandbox::new(scenario),
            words: Vec::new(),
            ahead: SignedDuration::ZERO,
            key: None,
            external_id: Some(generate::AUDIT_EXTERNAL_ID),
            http: None,
        }
    }

    fn asked(self, words: &[&'static str]) -> Self {
        Self { words: words.to_vec(), ..self }
    }

    fn environment(&self) -> Environment {
        let (key, secret) = self.key.clone().unwrap_or_else(|| self.sandbox.credentials());
        Environment {
            http: self.http.clone().unwrap_or_else(|| self.sandbox.http_client()),
            clock: Clock::virtual_from(scenario::EPOCH + self.ahead),
            credentials: Some(StaticCredentials {
                access_key_id: key,
                secret_access_key: secret.into(),
                session_token: None,
            }),
            ..Environment::real()
        }
    }

    fn settings(&self) -> Settings {
        let flags = Overrides {
            role_name: Some(generate::AUDIT_ROLE.to_owned()),
            external_id: self.external_id.map(Into::into),
            apply_role_name: Some(generate::APPLY_ROLE.to_owned()),
            apply_external_id: Some(generate::APPLY_EXTERNAL_ID.into()),
            region: Some(Scenario::small().home),
            ..Overrides::default()
        };
        Settings::resolve(flags, ConfigFile::default(), Some("/nowhere".into())).unwrap()
    }

    async fn diagnosed(&self) -> Diagnosis {
        let (environment, settings) = (self.environment(), self.settings());
        let words = [&["doctor"], &self.words[..]].concat();
        let args = Words::try_parse_from(words).unwrap().args;
        let chosen = Chosen::of(&args, &settings).unwrap();
        let machine = Line::ok(Section::Machine, "state_dir", "runs are kept somewhere");
        let ui = Ui::new(Color::Never, Shown::Auto, true);
        let cancel = CancellationToken::new();
        diagnose(environment, &settings, (&args, &chosen), machine, &ui, &cancel).await.unwrap()
    }

    async fn text(&self) -> String {
        let text = text::render(&self.diagnosed().await, Share::ALL, Paint { on: false, width: Some(80) });
        // The order in which accounts come is not the same in every run, nor are the seconds.
        match text.split_once("takes about ").and_then(|(head, tail)| Some((head, tail.split_once(".\n")?.1))) {
            Some((head, tail)) => format!("{head}takes about SO LONG.\n{tail}"),
            None => text,
        }
    }
}

/// What is not as it has to be, by its code.
fn wrong(diagnosis: &Diagnosis) -> Vec<&'static str> {
    let wrong = diagnosis.lines.iter().filter(|line| matches!(line.state, State::Problem | State::Unknown));
    wrong.map(|line| line.code).collect()
}

/// The one line of this code.
#[track_caller]
fn line<'d>(diagnosis: &'d Diagnosis, code: &str) -> &'d Line {
    let found: Vec<&Line> = diagnosis.lines.iter().filter(|line| line.code == code).collect();
    match found.as_slice() {
        [one] => one,
        _ => panic!("{} lines of {code}: {:?}", found.len(), diagnosis.lines),
    }
}

/// A line as text and fix.
#[track_caller]
fn told<'d>(diagnosis: &'d Diagnosis, code: &str) -> (&'d str, &'d str) {
    let line = line(diagnosis, code);
    (&line.text, line.fix.as_deref().unwrap_or_default())
}

fn account(name: &str) -> AccountId {
    Scenario::small().account(name).unwrap().id.clone()
}

/// Changes the apply role of an account.
fn apply_role(patient: &Patient, name: &str, change: impl FnOnce(&mut crate::sandbox::state::Role)) {
    let id = account(name);
    patient.sandbox.with(|org| change(org.state_mut(&id).roles.get_mut(generate::APPLY_ROLE).unwrap()));
}

/// A key of a new user, who may do this.
fn user(patient: &Patient, of: &AccountId, allowed: &str) -> (String, String) {
    patient.sandbox.with(|org| {
        let state = org.state_mut(of);
        let mut user = state.users.values().next().expect("someone to make a user after").clone();
        user.name = "least".to_owned();
        (user.groups, user.attached, user.boundary, user.keys) = Default::default();
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{allowed},"Resource":"*"}}]}}"#
        );
        user.inline = [("all".to_owned(), policy)].into();
        let arn = format!("arn:aws:iam::{of}:user{}least", user.path);
        state.users.insert(user.name.clone(), user);
        org.add_key(of, &arn)
    })
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_is_well() {
    let patient = Patient::of(Scenario::small());
    insta::assert_snapshot!(patient.text().await);
    let diagnosis = Patient::of(Scenario::small()).diagnosed().await;
    assert_eq!(exit(&diagnosis), Exit::Clean, "{:?}", wrong(&diagnosis));
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_not_well() {
    let mut scenario = Scenario::small();
    scenario.plant("app-two", Problem::NoAuditRole);
    let patient = Patient { ahead: SignedDuration::from_secs(400), ..Patient::of(scenario.clone()) };
    let (audit, one) = (account("audit"), account("app-one"));
    patient.sandbox.with(|org| {
        let role = org.state_mut(&audit).roles.get_mut(generate::AUDIT_ROLE).unwrap();
        role.trust_policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            scenario.management
        );
        let regions = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Regions","Effect":"Deny","NotAction":["iam:*","sts:*","account:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","us-east-1"]}}}]}"#;
        let reads = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["iam:GetCredentialReport","iam:UpdateAccountPasswordPolicy"],"Resource":"*"}]}"#;
        org.add_policy(PolicyType::Scp, "regions \u{1b}[2J", "", regions, [TargetId::from(one.clone())]);
        org.add_policy(PolicyType::Scp, "no-reports", "", reads, [TargetId::from(one.clone())]);
        org.service_access.clear();
        org.root_features.clear();
        org.state_mut(&one).roles.get_mut(generate::AUDIT_ROLE).unwrap().attached.clear();
    });
    let patient = patient.asked(&["--playbook", "cis-password-policy", "--probe-external-id"]);
    insta::assert_snapshot!(patient.text().await);
    assert_eq!(exit(&patient.diagnosed().await), Exit::Incomplete, "two of it could not be told");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_and_nothing_tried_unless_asked() {
    let patient = Patient::of(Scenario::small()).asked(&["--playbook", "cis-password-policy"]);
    let before = patient.sandbox.with(|org| format!("{:?} {:?}", org.policies, org.written));
    let diagnosis = patient.diagnosed().await;
    assert_eq!(wrong(&diagnosis), [""; 0]);
    let requests = patient.sandbox.requests();
    let entered = requests.iter().filter(|request| request.operation == "AssumeRole").count();
    let entered_again = |extra: usize| assert!(entered > 0 && extra == 3, "{extra} further roles assumed");
    for request in &requests {
        let (service, operation) = (&request.service, &request.operation);
        let reads = ["Describe", "Generate", "Get", "List"].iter().any(|verb| operation.starts_with(verb));
        assert!(reads || operation == "AssumeRole", "{service}:{operation}");
    }
    assert_eq!(patient.sandbox.with(|org| format!("{:?} {:?}", org.policies, org.written)), before);
    patient.sandbox.forget_requests();
    let probing = patient.asked(&["--playbook", "cis-password-policy", "--probe-external-id"]);
    let diagnosis = probing.diagnosed().await;
    assert_eq!(
        line(&diagnosis, "external_id_tried").text,
        "tried without its ExternalId, it kept the caller out in all 3 other accounts"
    );
    let tried = probing.sandbox.requests().iter().filter(|request| request.operation == "AssumeRole").count();
    entered_again(tried - entered);
}

#[tokio::test(start_paused = true)]
async fn a_plain_member_is_told_where_to_go() {
    let patient = Patient::of(Scenario::small());
    let key = user(&patient, &account("app-one"), "\"*\"");
    let patient = Patient { key: Some(key), ..patient };
    insta::assert_snapshot!(patient.text().await, @"
    Caller
      ok       signed in as arn:aws:iam::995622698386:user/machines/least

    Organization
      problem  account 995622698386 is a plain member of organization o-u3eol0nr5i:
               Organizations answers management account 283687946201 and delegated
               administrators
               fix: aws organizations register-delegated-administrator --account-id 995622698386 --service-principal access-analyzer.amazonaws.com # from 283687946201, or run doctor from there: --profile PROFILE

    This machine
      ok       this machine's clock agrees with AWS's
      ok       runs are kept somewhere

    1 problem, 0 unknown, 0 notes, 3 ok
    ");
    assert_eq!(exit(&patient.diagnosed().await), Exit::Findings);
}

#[tokio::test(start_paused = true)]
async fn a_delegated_administrator_is_told_what_it_can_t() {
    let patient = Patient::of(Scenario::small().run_from("audit"));
    let key = patient.sandbox.operator_of(&account("audit"));
    let words = &["--playbook", "deny-leave-organization", "--set", "targets=/"];
    let patient = Patient { key, ..patient }.asked(words);
    let diagnosis = patient.diagnosed().await;
    assert_eq!(line(&diagnosis, "delegated").state, State::Note);
    assert_eq!(
        line(&diagnosis, "assumable").text,
        "it can be assumed in all 3 other accounts",
        "management among them"
    );
    assert_eq!(wrong(&diagnosis), ["delegation"], "{:?}", diagnosis.lines);
    let (text, fix) = told(&diagnosis, "delegation");
    assert!(text.contains("the organization has no delegation policy"), "{text}");
    assert!(fix.starts_with("aws organizations put-resource-policy "), "{fix}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_knows_is_told_with_the_clock() {
    let key = Some(("AKIAIOSFODNN7EXAMPLE".to_owned(), "secret".to_owned()));
    let patient = Patient { key, ahead: SignedDuration::from_secs(-90), ..Patient::of(Scenario::small()) };
    insta::assert_snapshot!(patient.text().await, @"
    Caller
      problem  nobody is signed in: sts:GetCallerIdentity: InvalidClientTokenId: The
               security token included in the request is invalid.
               fix: aws sso login # or whichever way you sign in

    This machine
      ok       runs are kept somewhere
      problem  this machine's clock is 90 s behind AWS's: from five minutes on AWS
               refuses every request
               fix: sudo timedatectl set-ntp true # or whatever sets the clock here

    2 problems, 0 unknown, 0 notes, 1 ok
    ");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_nobody_can_enter_are_the_role_s_fault_or_the_caller_s() {
    let wrong_id = Patient { external_id: Some("another-one"), ..Patient::of(Scenario::small()) };
    let diagnosis = wrong_id.diagnosed().await;
    let (text, fix) = told(&diagnosis, "role_not_assumable");
    assert!(
        text.starts_with("role `OrgwardAudit` could not be assumed (assume_role_denied), in 3 accounts: "),
        "{text}"
    );
    assert_eq!(
        fix,
        "orgward bootstrap --out orgward-setup && (cd orgward-setup && sh bootstrap.sh) # orgward config shows the role and \
         whence its ExternalId came"
    );
    assert!(!format!("{diagnosis:?}").contains("another-one"), "an ExternalId is a secret");

    let patient = Patient::of(Scenario::small());
    let management = patient.sandbox.management_account();
    let reads = "[\"organizations:*\",\"iam:Get*\",\"iam:List*\",\"iam:Generate*\"]";
    let key = user(&patient, &management, reads);
    let diagnosis = Patient { key: Some(key), ..patient }.diagnosed().await;
    let (_, fix) = told(&diagnosis, "role_not_assumable");
    assert_eq!(
        fix,
        "orgward permissions --for audit-caller > audit-caller.json && aws iam put-user-policy --user-name least \
         --policy-name orgward-audit-caller --policy-document file://audit-caller.json"
    );
}

#[tokio::test(start_paused = true)]
async fn what_apply_lacks_is_told_account_by_account() {
    let mut scenario = Scenario::small();
    scenario.plant("audit", Problem::NoApplyRole);
    let patient = Patient::of(scenario).asked(&["--playbook", "cis-password-policy"]);
    apply_role(&patient, "app-one", |role| role.inline.clear());
    apply_role(&patient, "app-two", |role| {
        role.boundary = Some("arn:aws:iam::aws:policy/SecurityAudit".to_owned());
        role.trust_policy = role.trust_policy.replace(generate::APPLY_EXTERNAL_ID, "of-somebody-else");
    });
    let diagnosis = patient.diagnosed().await;
    let (text, fix) = told(&diagnosis, "apply_role_missing");
    assert!(
        text.contains("role `OrgwardApply` is not there, in account") && fix.contains("--playbook cis-password-policy")
    );
    let (text, fix) = told(&diagnosis, "write_not_granted");
    assert!(
        text.contains("is not allowed iam:DeleteAccountPasswordPolicy, iam:UpdateAccountPasswordPolicy, in account"),
        "{text}"
    );
    assert_eq!(
        fix,
        format!(
            "orgward permissions --playbook cis-password-policy --for apply-role > apply-role.json && aws iam put-role-policy \
             --role-name OrgwardApply --policy-name OrgwardApply --policy-document file://apply-role.json # with credentials \
             of {}",
            account("app-one")
        )
    );
    let (_, fix) = told(&diagnosis, "write_beyond_boundary");
    assert!(fix.starts_with("aws iam delete-role-permissions-boundary --role-name OrgwardApply"), "{fix}");
    let (text, _) = told(&diagnosis, "apply_role_refuses");
    assert!(text.contains(account("app-two").as_str()), "{text}");
    assert!(!format!("{diagnosis:?}").contains(generate::APPLY_EXTERNAL_ID), "an ExternalId is a secret");
}

#[tokio::test(start_paused = true)]
async fn policies_of_the_organization_take_writes_away_too() {
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:UpdateAccountPasswordPolicy","Resource":"*"}]}"#;
    let doubtful = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:DeleteAccountPasswordPolicy","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}]}"#;
    let patient = Patient::of(Scenario::small()).asked(&["--playbook", "cis-password-policy"]);
    patient.sandbox.with(|org| {
        let root = org.info.root.clone();
        org.add_policy(PolicyType::Scp, "freeze", "", deny, [root.clone()]);
        org.add_policy(PolicyType::Scp, "network", "", doubtful, [root]);
    });
    let diagnosis = patient.diagnosed().await;
    let (text, fix) = told(&diagnosis, "write_denied_by_scp");
    assert!(
        text.starts_with("SCP `freeze` denies the apply role iam:UpdateAccountPasswordPolicy, in 3 accounts"),
        "{text}"
    );
    assert!(fix.contains("with ArnNotLike aws:PrincipalArn arn:*:iam::*:role/OrgwardApply"), "{fix}");
    let (text, fix) = told(&diagnosis, "write_unknown");
    assert!(text.contains("can't be told") && fix.starts_with("aws iam simulate-principal-policy"), "{text} {fix}");
    assert_eq!(exit(&diagnosis), Exit::Incomplete);
    let writable = "what the playbook would write is allowed in 1 of 4 accounts";
    assert_eq!(line(&diagnosis, "writable").text, writable, "no policy binds the management account");
}

#[tokio::test(start_paused = true)]
async fn the_caller_s_own_policies_are_evaluated_where_it_writes_itself() {
    let playbook = &["--playbook", "deny-leave-organization", "--set", "targets=/"];
    let patient = Patient::of(Scenario::small()).asked(playbook);
    let diagnosis = patient.diagnosed().await;
    assert_eq!(wrong(&diagnosis), [""; 0], "an administrator may");
    let management = patient.sandbox.management_account();
    let reads = "[\"organizations:List*\",\"organizations:Describe*\",\"iam:*\",\"account:*\",\"cloudtrail:*\",\"cloudwatch:*\",\"logs:*\",\"sns:*\",\"config:*\",\"guardduty:*\",\"securityhub:*\",\"access-analyzer:*\",\"s3:*\",\"budgets:*\",\"sts:*\"]";
    let key = user(&patient, &management, reads);
    let diagnosis = Patient { key: Some(key), ..patient }.diagnosed().await;
    assert_eq!(wrong(&diagnosis), ["write_not_granted"]);
    let lacking = line(&diagnosis, "write_not_granted");
    assert!(lacking.actions.contains(&"organizations:AttachPolicy".to_owned()), "{:?}", lacking.actions);
    assert!(lacking.fix.as_deref().unwrap().contains("--for apply-caller"), "{:?}", lacking.fix);
}

#[tokio::test(start_paused = true)]
async fn regions_that_are_closed_say_by_whom() {
    let patient = Patient::of(Scenario::small()).asked(&["--regions", "eu-central-1,ap-east-1"]);
    let diagnosis = patient.diagnosed().await;
    let (text, fix) = told(&diagnosis, "region_disabled");
    assert!(text.starts_with("Region ap-east-1 is not enabled: nothing applies there, in 4 accounts"), "{text}");
    assert!(fix.starts_with("aws account enable-region --region-name ap-east-1 --account-id "), "{fix}");
    assert_eq!(exit(&diagnosis), Exit::Clean, "it does not apply there");
    assert_eq!(diagnosis.estimate.as_ref().map(|estimate| estimate.accounts), Some(4));

    let patient = Patient::of(Scenario::small());
    let closed = Patient { http: Some(http::without(&patient.sandbox, "ap-south-1")), ..patient };
    let diagnosis = closed.diagnosed().await;
    assert_eq!(wrong(&diagnosis), ["region_unreachable"], "{:?}", diagnosis.lines);
    let (text, fix) = told(&diagnosis, "region_unreachable");
    assert!(text.starts_with("ap-south-1 can't be reached from here (unreachable)"), "{text}");
    assert!(fix.starts_with("orgward audit --regions ") && !fix.contains("ap-south-1"), "{fix}");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_is_no_problem() {
    let patient = Patient::of(Scenario::small()).asked(&["--checks", "root-mfa"]);
    let diagnosis = patient.diagnosed().await;
    assert_eq!(wrong(&diagnosis), [""; 0]);
    assert_eq!(line(&diagnosis, "readable").text, "what the one check chosen read was answered in all 4 accounts");
}

#[tokio::test(start_paused = true)]
async fn the_json_form_is_that_of_its_schema() {
    let diagnosis = serde_json::to_value(Patient::of(Scenario::small()).diagnosed().await).unwrap();
    assert_eq!((&diagnosis["format"], &diagnosis["version"]), (&"orgward.doctor".into(), &1.into()));
    let schema = crate::cli::schema::SCHEMAS.iter().find(|one| one.name == "doctor").unwrap().text().unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let required = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    for name in required {
        assert!(diagnosis.get(name).is_some(), "{name}");
    }
    for name in diagnosis.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "{name}");
    }
    assert!(diagnosis["lines"].as_array().unwrap().iter().all(|line| line["state"] != "problem"));
    assert!(diagnosis["estimate"]["requests_per_account"].as_u64().unwrap() > 50);
}

#[tokio::test(start_paused = true)]
async fn the_estimate_is_near_what_an_audit_takes() {
    let sandbox = || {
        let sandbox = Sandbox::new(Scenario::sized(40, 5));
        sandbox.with(|org| {
            let accounts: Vec<AccountId> = org.members.keys().cloned().collect();
            for account in accounts {
                let requested_at = org.now;
                let request = crate::sandbox::state::ReportRequest { requested_at, max_password_age: None };
                org.reports.insert(account, request);
            }
        });
        sandbox
    };
    let diagnosis = Patient { sandbox: sandbox(), ..Patient::of(Scenario::small()) }.diagnosed().await;
    let estimate = diagnosis.estimate.unwrap();
    let audited = Patient { sandbox: sandbox(), ..Patient::of(Scenario::small()) };
    let sessions = audited.environment().connect(&audited.settings()).await.unwrap();
    let began = sessions.clock().elapsed();
    let cancel = CancellationToken::new();
    let org = collect::organization_facts(&sessions, false, &Wanted::everything(), &cancel).await.unwrap();
    let accounts: Vec<AccountId> = Scope::resolve(&Default::default(), &org).unwrap().accounts;
    let before = sessions.stats().calls;
    let nobody: Arc<dyn collect::Progress> = Arc::new(());
    let options = CollectOptions::default();
    collect::each_account(&sessions, &org, &accounts, &options, &cancel, nobody, &mut |_| {}).await;
    let took = (sessions.clock().elapsed() - began).as_secs();
    let calls = (sessions.stats().calls - before) / accounts.len() as u64;
    let seconds = estimate.seconds.unwrap();
    assert!(seconds <= took * 2 && took <= seconds * 2, "{seconds} s estimated, {took} s taken");
    let asked = estimate.requests_per_account;
    assert!(asked <= calls * 3 / 2 && calls <= asked * 3 / 2, "{asked} requests estimated, {calls} made");
}

/// The network.
mod http {
    use super::*;
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

    #[derive(Debug)]
    struct Without(SharedHttpClient, &'static str);

    /// The sandbox, but for hosts of a Region.
    pub fn without(sandbox: &Sandbox, region: &'static str) -> SharedHttpClient {
        SharedHttpClient::new(Without(sandbox.http_client(), region))
    }

    impl HttpClient for Without {
        fn http_connector(&self, settings: &HttpConnectorSettings, rest: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(Through(self.0.http_connector(settings, rest), self.1))
        }
    }

    #[derive(Debug)]
    struct Through(SharedHttpConnector, &'static str);

    impl HttpConnector for Through {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            if request.uri().contains(self.1) {
                return HttpConnectorFuture::ready(Err(ConnectorError::io("no route to host".into())));
            }
            self.0.call(request)
        }
    }
}
