//! `orgward sandbox`: the sandbox organization over HTTP on 127.0.0.1, for the AWS CLI, boto3 and orgward itself.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::sandbox::generate::Population;
use crate::sandbox::state::ReportRequest;
use crate::sandbox::{Fault, FaultKind, Org, Sandbox, Scenario, generate};
use clap::Args;
use jiff::Timestamp;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serve an AWS organization that exists only in this process, on 127.0.0.1
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Accounts; 24 is the demo organization with its planted problems
    #[arg(long, default_value_t = 24)]
    accounts: usize,
    /// Same seed, same organization
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No waiting: no request quotas, and every account has a credential report
    #[arg(long)]
    fast: bool,
    /// The moment its clock starts at, such as 2026-11-02T08:00:00Z; now unless given. Same seed and moment, same data,
    /// whenever it is served; sessions expire by the real clock
    #[arg(long, value_name = "TIMESTAMP")]
    epoch: Option<Timestamp>,
    /// How much each account holds, such as users=50,roles=100,policies=60 or users=2-6
    #[arg(long, value_name = "KIND=COUNT,...", value_parser = population)]
    population: Option<Population>,
    /// Call an account by another name, such as audit="=1+1 <b>"; repeatable
    #[arg(long, value_name = "NAME=NEW", value_parser = renamed)]
    rename: Vec<(String, String)>,
    /// Run orgward from this member, by id or name: the keys are of an operator there, and every role trusts it too. `audit` is a
    /// delegated administrator in most organizations
    #[arg(long, value_name = "ACCOUNT")]
    caller: Option<String>,
    /// Let that member write service control policies: the organization's resource-based delegation policy says so
    #[arg(long, requires = "caller")]
    delegate_policies: bool,
    /// What goes wrong; repeatable. SERVICE[:OPERATION] or * is what it hits; @ACCOUNT (id or name) narrows it to one account.
    /// KIND: deny, throttle:SHARE (0 to 1), limit:RATE[/BURST] (an unannounced limit of each account, a second), latency:MS, drop,
    /// html, garbage, hang, expired, error:CODE
    #[arg(long = "fault", value_name = "WHAT=KIND[@ACCOUNT]", value_parser = ordered)]
    faults: Vec<Ordered>,
}

/// Users, roles or policies of one account, at most.
const MOST_OF_A_KIND: u32 = 10_000;

/// Gives every account a credential report that was made a minute ago.
fn make_reports(org: &mut Org) {
    let requested_at = org.now - jiff::SignedDuration::from_mins(1);
    let accounts: Vec<_> = org.members.keys().cloned().collect();
    for account in accounts {
        let max_password_age =
            org.unpeopled(&account).password_policy.as_ref().and_then(|policy| policy.max_password_age);
        org.reports.insert(account, ReportRequest { requested_at, max_password_age });
    }
}

/// Reads `KIND=COUNT` or `KIND=LEAST-MOST`, with commas between; what is not named stays as it is.
fn population(text: &str) -> Result<Population, String> {
    let mut population = Population::default();
    for part in text.split(',') {
        let (kind, count) = part.split_once('=').ok_or(format!("`{part}` is not KIND=COUNT"))?;
        let (least, most) = count.split_once('-').unwrap_or((count, count));
        let range = match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) if least <= most && most <= MOST_OF_A_KIND => (least, most),
            _ => return Err(format!("`{count}` is not a number up to {MOST_OF_A_KIND}, or two with a hyphen between")),
        };
        match kind {
            "users" => population.users = range,
            "roles" => population.roles = range,
            "policies" => population.policies = range,
            _ => return Err(format!("`{kind}` is not one of users, roles, policies")),
        }
    }
    Ok(population)
}

/// Reads `NAME=NEW`; the new name has the form of AWS's: 1 to 50 printable ASCII characters.
fn renamed(text: &str) -> Result<(String, String), String> {
    let (name, new) = text.split_once('=').ok_or(format!("`{text}` is not NAME=NEW"))?;
    let good = (1..=50).contains(&new.len()) && new.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match good {
        true => Ok((name.to_owned(), new.to_owned())),
        false => Err("the new name has to be of 1 to 50 printable ASCII characters".to_owned()),
    }
}

/// A fault as ordered; the account may be a name, which only the organization knows.
#[derive(Debug, Clone, PartialEq)]
struct Ordered {
    fault: Fault,
    account: Option<String>,
}

impl Ordered {
    /// The fault in this organization.
    fn within(&self, scenario: &Scenario) -> Result<Fault, Failure> {
        let Some(wanted) = &self.account else { return Ok(self.fault.clone()) };
        match scenario.accounts.iter().find(|account| account.id.as_str() == wanted || &account.name == wanted) {
            Some(account) => Ok(self.fault.clone().account(&account.id)),
            None => Err(Failure::usage([format!("--fault: no account has the id or name `{wanted}`")])),
        }
    }
}

/// Reads `SERVICE[:OPERATION]=KIND[:VALUE][@ACCOUNT]`.
fn ordered(text: &str) -> Result<Ordered, String> {
    let (what, kind) = text.split_once('=').ok_or("expected WHAT=KIND, such as `iam:GetAccountSummary=deny`")?;
    let (kind, account) = match kind.split_once('@') {
        Some((kind, account)) => (kind, Some(account.to_owned())),
        None => (kind, None),
    };
    let fault = Fault::new(kind_of(kind)?);
    let fault = match what.split_once(':') {
        Some((service, operation)) if !service.is_empty() && !operation.is_empty() => {
            fault.operation(service, operation)
        }
        None if what == "*" => fault,
        None if !what.is_empty() => fault.service(what),
        _ => return Err(format!("`{what}` is not SERVICE, SERVICE:OPERATION or *")),
    };
    Ok(Ordered { fault, account })
}

fn kind_of(text: &str) -> Result<FaultKind, String> {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    let share = || value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    match (kind, value) {
        ("deny", "") => Ok(FaultKind::Deny),
        ("drop", "") => Ok(FaultKind::Drop),
        ("html", "") => Ok(FaultKind::Html),
        ("garbage", "") => Ok(FaultKind::Garbage),
        ("hang", "") => Ok(FaultKind::Hang),
        ("expired", "") => Ok(FaultKind::ExpiredToken),
        ("contradict", "") => Ok(FaultKind::Contradict),
        ("error", code) if !code.is_empty() => {
            Ok(FaultKind::Error { status: 400, code: code.to_owned(), message: "ordered with --fault".to_owned() })
        }
        ("throttle", _) => {
            share().map(|rate| FaultKind::Throttle { rate }).ok_or(format!("`{value}` is not a share from 0 to 1"))
        }
        ("limit", _) => {
            let (rate, burst) = value.split_once('/').unwrap_or((value, ""));
            let rate = rate.parse::<f64>().ok().filter(|rate| (0.001..=100_000.0).contains(rate));
            let rate =
                rate.ok_or(format!("`{value}` is not RATE or RATE/BURST, the rate from 0.001 to 100000 a second"))?;
            let burst = match burst {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 100,000")]
                "" => rate.ceil() as u32,
                burst => burst
                    .parse()
                    .ok()
                    .filter(|burst| (1..=100_000).contains(burst))
                    .ok_or(format!("`{burst}` is not a burst from 1 to 100000"))?,
            };
            Ok(FaultKind::Limit { rate, burst })
        }
        ("latency", _) => match value.parse() {
            Ok(milliseconds) => Ok(FaultKind::Latency(Duration::from_millis(milliseconds))),
            Err(_) => Err(format!("`{value}` is not a number of milliseconds")),
        },
        _ => Err(format!(
            "`{text}` is not one of deny, throttle:SHARE, limit:RATE[/BURST], latency:MS, drop, html, garbage, hang, expired, contradict, error:CODE"
        )),
    }
}

/// Runs the command until it is interrupted.
pub async fn run(args: &SandboxArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let mut scenario = if args.accounts == 24 { Scenario::demo() } else { Scenario::sized(args.accounts, args.seed) };
    let now = Timestamp::now();
    scenario.epoch = args.epoch.unwrap_or(now);
    if let Some(population) = args.population {
        scenario = scenario.with_population(population);
    }
    for ordered in &args.faults {
        let fault = ordered.within(&scenario)?;
        scenario.faults.push(fault);
    }
    for (name, new) in &args.rename {
        let found = scenario.accounts.iter_mut().find(|account| account.name == *name);
        let account = found.ok_or_else(|| Failure::usage([format!("--rename: no account is called `{name}`")]))?;
        new.clone_into(&mut account.name);
    }
    if let Some(wanted) = &args.caller {
        let found = scenario.accounts.iter().find(|one| one.id.as_str() == wanted || one.name == *wanted);
        let account =
            found.ok_or_else(|| Failure::usage([format!("--caller: no account has the id or name `{wanted}`")]))?;
        scenario.operated_from = Some(account.id.clone());
    }
    let home = scenario.home.clone();
    let sandbox = Sandbox::new(scenario);
    // Clients on a socket live in real time: by an older moment sessions would have expired when they are handed out.
    sandbox.with(|org| org.ahead = now.duration_since(org.epoch));
    if args.delegate_policies {
        sandbox.with(Org::delegate_policies);
    }
    if args.fast {
        sandbox.set_quotas(false);
        sandbox.with(make_reports);
    }
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .map_err(|error| Failure::error(format!("port {} of 127.0.0.1 can't be used: {error}", args.port)))?;
    let address = listener.local_addr().map_err(Failure::error)?;
    let (key, secret) = sandbox.credentials();
    ui.data(&format!(
        "export AWS_ENDPOINT_URL=http://{address}\nexport AWS_ACCESS_KEY_ID={key}\nexport AWS_SECRET_ACCESS_KEY={secret}\n\
         export AWS_REGION={home}\nexport ORGWARD_EXTERNAL_ID={}\nexport ORGWARD_APPLY_ROLE_NAME={}\n\
         export ORGWARD_APPLY_EXTERNAL_ID={}\n",
        generate::AUDIT_EXTERNAL_ID,
        generate::APPLY_ROLE,
        generate::APPLY_EXTERNAL_ID,
    ))?;
    ui.say("Serving; stop with Ctrl-C");
    sandbox.serve(listener, cancel.clone()).await.map_err(Failure::error)?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_with_their_place_and_account() {
        let throttle = ordered("iam=throttle:0.2@web-prod").unwrap();
        assert_eq!(throttle.fault, Fault::new(FaultKind::Throttle { rate: 0.2 }).service("iam"));
        let demo = Scenario::demo();
        let hit = throttle.within(&demo).unwrap().account;
        assert_eq!(hit.as_ref(), demo.account("web-prod").map(|account| &account.id));
        let everywhere = ordered("*=latency:1500").unwrap();
        assert_eq!(everywhere.fault, Fault::new(FaultKind::Latency(Duration::from_millis(1500))));
        let limit = |text| ordered(text).unwrap().fault.kind;
        assert_eq!(limit("iam=limit:5"), FaultKind::Limit { rate: 5.0, burst: 5 });
        assert_eq!(limit("iam=limit:0.5/20"), FaultKind::Limit { rate: 0.5, burst: 20 });
        let one = ordered("sts:AssumeRole=deny").unwrap().fault;
        assert_eq!(one, Fault::new(FaultKind::Deny).operation("sts", "AssumeRole"));
        let FaultKind::Error { code, .. } = ordered("iam:GetUser=error:NoSuchEntity").unwrap().fault.kind else {
            panic!()
        };
        assert_eq!(code, "NoSuchEntity");
    }

    #[test]
    fn what_is_no_fault_is_refused_with_what_it_may_be() {
        for (text, part) in [
            ("iam", "WHAT=KIND"),
            (":x=deny", "`:x` is not"),
            ("=deny", "`` is not"),
            ("iam=throttle:2", "`2` is not a share"),
            ("iam=limit:0", "`0` is not RATE"),
            ("iam=limit:5/0", "`0` is not a burst"),
            ("iam=latency:soon", "`soon` is not a number"),
            ("iam=deny:1", "one of deny"),
            ("iam=error", "error:CODE"),
        ] {
            let error = ordered(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let lost = ordered("iam=deny@nobody").unwrap().within(&Scenario::demo()).unwrap_err();
        assert!(lost.messages[0].contains("`nobody`"), "{lost:?}");
    }

    #[test]
    fn a_name_may_be_a_formula_but_no_line() {
        assert_eq!(renamed("audit==1+1 <b>"), Ok(("audit".to_owned(), "=1+1 <b>".to_owned())));
        for text in ["audit", "audit=", "audit=a\nb", "audit=ü", &format!("audit={}", "x".repeat(51))] {
            assert!(renamed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_population_is_read_kind_by_kind() {
        let wanted = Population { users: (50, 50), roles: (10, 20), ..Population::default() };
        assert_eq!(population("users=50,roles=10-20"), Ok(wanted));
        for (text, part) in [
            ("users", "not KIND=COUNT"),
            ("people=3", "`people` is not one of"),
            ("users=9-3", "`9-3` is not"),
            ("users=-1", "`-1` is not"),
            ("users=1000000", "`1000000` is not"),
        ] {
            let error = population(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
