//! An organization in which the files of `orgward bootstrap` were rolled out and nothing else is allowed: what the binary itself
//! wrote, installed in a sandbox in this process, which the binary is then run against.

use crate::harness::{Run, orgward, run};
use crate::sandboxed;
use orgward::model::AccountId;
use orgward::sandbox::org::Org;
use orgward::sandbox::state::{Policy, ReportRequest};
use orgward::sandbox::{Sandbox, Scenario, generate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The user who runs orgward.
const CALLER: &str = "least";

/// The sandbox on a socket, with what was rolled out in it.
pub struct Installed {
    pub sandbox: Sandbox,
    home: TempDir,
    endpoint: String,
    key: (String, String),
    stop: CancellationToken,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Installed {
    /// Runs `orgward bootstrap` with these arguments, and rolls its files out. `caller` is the name of the account that orgward is
    /// run from; of another than the management account the arguments have to say so.
    pub fn with(mut scenario: Scenario, caller: &str, arguments: &[&str]) -> Self {
        // The binary lives in real time.
        scenario.epoch = jiff::Timestamp::now();
        let home = tempfile::tempdir().unwrap();
        let mut command = orgward(home.path());
        command.args(["bootstrap", "--out", "setup", "--region", scenario.home.as_str()]).args(arguments);
        run(&mut command).ends(0);
        let sandbox = Sandbox::new(scenario.clone());
        sandbox.set_quotas(false);
        let account = match scenario.account(caller) {
            Some(account) => account.id.clone(),
            None => scenario.management.clone(),
        };
        let key = sandbox.with(|org| roll_out(org, &home.path().join("setup"), &account));
        let (endpoint, stop, serving) = serve(&sandbox);
        Self { sandbox, home, endpoint, key, stop, serving: Some(serving) }
    }

    /// `orgward` as whoever has the caller's policies and no other.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = orgward(self.home.path());
        command.args(arguments);
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_REGION", Scenario::small().home.as_str());
        command.env("AWS_ACCESS_KEY_ID", &self.key.0).env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        command.env("ORGWARD_EXTERNAL_ID", generate::AUDIT_EXTERNAL_ID);
        command.env("ORGWARD_APPLY_EXTERNAL_ID", generate::APPLY_EXTERNAL_ID);
        command
    }

    /// Runs it.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.command(arguments))
    }

    /// What was asked and denied since the requests were last forgotten.
    pub fn denied(&self) -> BTreeSet<String> {
        sandboxed::denied(&self.sandbox)
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.stop.cancel();
        // It is over already if the thread failed, and then the test did too.
        let _ = self.serving.take().map(std::thread::JoinHandle::join);
    }
}

fn serve(sandbox: &Sandbox) -> (String, CancellationToken, std::thread::JoinHandle<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sandbox, stop) = (sandbox.clone(), CancellationToken::new());
    let until = stop.clone();
    let serving = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            sandbox.serve(listener, until).await.unwrap();
        });
    });
    (endpoint, stop, serving)
}

/// Rolls the files out, takes every other role of orgward's away, and gives a key of who calls it.
fn roll_out(org: &mut Org, setup: &Path, caller: &AccountId) -> (String, String) {
    let template = |name: &str| -> Option<Value> {
        let text = std::fs::read_to_string(setup.join(name)).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    };
    let management = org.info.management_account.clone();
    let members: Vec<AccountId> = org.members.keys().cloned().collect();
    for account in &members {
        let roles = &mut org.state_mut(account).roles;
        let own = [generate::AUDIT_ROLE, generate::APPLY_ROLE].map(|name| roles.remove(name));
        let asked =
            ReportRequest { requested_at: org.now - jiff::SignedDuration::from_mins(1), max_password_age: None };
        org.reports.insert(account.clone(), asked);
        let place = Place { account, caller };
        if *account != management {
            // Service-managed StackSets do not reach the management account.
            place.roles(org, &template("members.template.json").unwrap(), &own);
        } else if *caller != management {
            place.roles(org, &template("management.template.json").unwrap(), &own);
        }
    }
    let of_caller = if *caller == management { "management.template.json" } else { "caller.template.json" };
    let place = Place { account: caller, caller };
    let attached = place.policies(org, &template(of_caller).unwrap());
    let state = org.state_mut(caller);
    let mut user = state.users.values().next().expect("someone to make a user after").clone();
    user.name = CALLER.to_owned();
    (user.groups, user.inline, user.boundary, user.keys) = Default::default();
    user.attached = attached.into_values().collect();
    let arn = format!("arn:aws:iam::{caller}:user{}{CALLER}", user.path);
    state.users.insert(CALLER.to_owned(), user);
    org.add_key(caller, &arn)
}

/// An account, and the one that orgward is run from.
struct Place<'a> {
    account: &'a AccountId,
    caller: &'a AccountId,
}

impl Place<'_> {
    /// A value of a template as CloudFormation fills it in.
    fn filled(&self, template: &Value, value: &Value, made: &BTreeMap<String, String>) -> Value {
        let mut value = value.clone();
        fill(&mut value, &|word| match word {
            "CallerArn" => template["Parameters"]["CallerArn"]["Default"].as_str().unwrap().to_owned(),
            "AuditExternalId" => generate::AUDIT_EXTERNAL_ID.to_owned(),
            "ApplyExternalId" => generate::APPLY_EXTERNAL_ID.to_owned(),
            other => made.get(other).cloned().unwrap_or_else(|| {
                other.replace("${AWS::Partition}", "aws").replace("${CallerAccountId}", self.caller.as_str())
            }),
        });
        value
    }

    /// The resources of a type, by their name in the template.
    fn resources<'t>(template: &'t Value, kind: &'static str) -> impl Iterator<Item = (&'t String, &'t Value)> {
        let all = template["Resources"].as_object().unwrap().iter();
        all.filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(name, resource)| (name, &resource["Properties"]))
    }

    /// Makes the managed policies; their ARNs by their names in the template.
    fn policies(&self, org: &mut Org, template: &Value) -> BTreeMap<String, String> {
        let (created, mut made) = (org.now, BTreeMap::new());
        for (logical, wanted) in Self::resources(template, "AWS::IAM::ManagedPolicy") {
            let name = wanted["ManagedPolicyName"].as_str().unwrap().to_owned();
            let path = wanted["Path"].as_str().unwrap_or("/").to_owned();
            let arn = format!("arn:aws:iam::{}:policy{path}{name}", self.account);
            let document = self.filled(template, &wanted["PolicyDocument"], &BTreeMap::new()).to_string();
            let id = format!("ANPA{:0>17}", made.len());
            org.state_mut(self.account).policies.insert(arn.clone(), Policy { name, id, path, created, document });
            made.insert(logical.clone(), arn);
        }
        made
    }

    /// Makes the roles, today, after those that were there.
    fn roles(&self, org: &mut Org, template: &Value, like: &[Option<orgward::sandbox::state::Role>]) {
        let (made, created) = (self.policies(org, template), org.now);
        for (_, wanted) in Self::resources(template, "AWS::IAM::Role") {
            let wanted = self.filled(template, wanted, &made);
            let text = |name: &str| wanted[name].as_str().unwrap_or_default().to_owned();
            let list = |name: &str| wanted[name].as_array().cloned().unwrap_or_default();
            let name = text("RoleName");
            let mut role = like.iter().flatten().find(|role| role.name == name).expect("a role of that name").clone();
            (role.path, role.description, role.created, role.last_used) =
                (text("Path"), text("Description"), created, None);
            role.trust_policy = wanted["AssumeRolePolicyDocument"].to_string();
            role.attached = list("ManagedPolicyArns").iter().map(|arn| arn.as_str().unwrap().to_owned()).collect();
            let inline = list("Policies").into_iter();
            let inline =
                inline.map(|one| (one["PolicyName"].as_str().unwrap().to_owned(), one["PolicyDocument"].to_string()));
            role.inline = inline.collect();
            org.state_mut(self.account).roles.insert(name, role);
        }
    }
}

/// Puts values where a template refers to them, as CloudFormation does.
pub fn fill(value: &mut Value, say: &dyn Fn(&str) -> String) {
    let referred = value.get("Ref").or_else(|| value.get("Fn::Sub")).and_then(Value::as_str).map(say);
    match (referred, value) {
        (Some(text), value) => *value = text.into(),
        (None, Value::Array(items)) => items.iter_mut().for_each(|item| fill(item, say)),
        (None, Value::Object(fields)) => fields.values_mut().for_each(|field| fill(field, say)),
        _ => {}
    }
}
