//! `orgward demo`: the whole job on an organization inside the process, in virtual time.
//!
//! Nothing here is scripted but the order: every line comes from the same code that talks to AWS.

use super::apply;
use super::args::ScopeArgs;
use super::begun::Begun;
use super::carry::How;
use super::connect::Environment;
use super::exit::{Exit, Failure, Outcome};
use super::kept_audit::KeptAudit;
use super::lockout::LockoutArgs;
use super::plan;
use super::select::Selected;
use super::survey;
use super::ui::Ui;
use crate::aws::{Clock, StaticCredentials};
use crate::config::{ConfigFile, Overrides, Settings};
use crate::model::Region;
use crate::playbook::{self, Playbook, Values};
use crate::report::audit_table::{self, Detail};
use crate::report::text::Style;
use crate::report::{compare, org_tree};
use crate::sandbox::{Sandbox, Scenario, generate};
use crate::store::StateDir;
use clap::Args;
use tokio_util::sync::CancellationToken;

/// Watch the whole job on a 24-account organization inside this process: no AWS, no credentials
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// List every failing account and resource
    #[arg(long, short)]
    verbose: bool,
}

/// What the baseline of the demo is: shipped playbooks, each with its values.
const BASELINE: [(&str, &[(&str, &str)]); 6] = [
    ("cis-password-policy", &[]),
    ("root-usage-alarm", &[("endpoint", "security@example.com")]),
    ("deny-leave-organization", &[("targets", "/Workloads,/Security,/Infrastructure,/Sandbox,/Acquired")]),
    ("protect-cloudtrail", &[("targets", "/Workloads,/Security")]),
    ("region-restriction", &[("targets", "/Workloads"), ("regions", "eu-central-1,eu-west-1,us-east-1")]),
    ("require-mfa", &[("targets", "/Workloads")]),
];

/// Runs the command.
pub async fn run(args: &DemoArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let real = std::time::Instant::now();
    let scenario = Scenario::demo();
    let clock = Clock::virtual_from(scenario.epoch);
    let home = scenario.home.clone();
    let sandbox = Sandbox::new(scenario);
    let state = tempfile::tempdir().map_err(|error| Failure::error(format!("no temporary directory: {error}")))?;
    // The store makes its own directory, closed to others.
    let settings = settings(&state.path().join("state"), home)?;
    let (key, secret) = sandbox.credentials();
    let environment = Environment {
        http: sandbox.http_client(),
        clock: clock.clone(),
        credentials: Some(StaticCredentials {
            access_key_id: key,
            secret_access_key: secret.into(),
            session_token: None,
        }),
        max_in_flight: crate::aws::DEFAULT_MAX_IN_FLIGHT,
        memory: crate::aws::Memory::default(),
        shards: 1,
    };
    let story = Story { ui, environment, settings, detail: if args.verbose { Detail::ALL } else { Detail::SHORT } };

    story.chapter("1. The organization")?;
    let before = story.audit(cancel).await?;
    ui.data(&org_tree::render(before.org(), ui.out))?;
    story.chapter("2. Audit")?;
    let table = before.told(|report| audit_table::render(report, story.detail, ui.out).map_err(Failure::error))?;
    ui.data(&table)?;
    story.chapter("3. Plan the baseline: nothing is changed")?;
    let playbooks = story.playbooks()?;
    let planned = story.plan(&playbooks, cancel).await?;
    plan::show(&planned, plan::Format::Text, ui)?;
    story.chapter("4. Apply that plan")?;
    let applied = story.apply(&planned, cancel).await?;
    if applied != Exit::Clean {
        return Ok(applied);
    }
    story.chapter("5. Plan again: nothing is left to change")?;
    let again = story.plan(&playbooks, cancel).await?;
    plan::show(&again, plan::Format::Text, ui)?;
    story.chapter("6. The receiver confirms the subscription; audit again; before and after")?;
    confirm_subscriptions(&sandbox);
    let after = story.audit(cancel).await?;
    ui.data(&compare::render(crate::checks::CATALOG, before.tally(), after.tally(), ui.out))?;
    let requests = sandbox.requests().len();
    let elapsed = real.elapsed();
    let words = format!(
        "{requests} requests in {:.1} s of virtual time (under AWS's request quotas, 50 ms latency), {}.{:02} s of real time",
        clock.elapsed().as_secs_f64(),
        elapsed.as_secs(),
        elapsed.subsec_millis() / 10,
    );
    ui.data(&format!("\n{}", ui.out.entry("", &words)))?;
    Ok(Exit::Clean)
}

/// What the receivers of e-mails do: follow the link.
fn confirm_subscriptions(sandbox: &Sandbox) {
    sandbox.with(|org| {
        for state in org.written.values_mut() {
            let topics = state.topics.values_mut();
            topics.flat_map(|topic| &mut topic.subscriptions).for_each(|subscription| subscription.confirmed = true);
        }
    });
}

/// The settings a user of this organization would have.
fn settings(state: &std::path::Path, home: Region) -> Result<Settings, Failure> {
    let flags = Overrides {
        role_name: Some(generate::AUDIT_ROLE.to_owned()),
        external_id: Some(generate::AUDIT_EXTERNAL_ID.to_owned().into()),
        apply_role_name: Some(generate::APPLY_ROLE.to_owned()),
        apply_external_id: Some(generate::APPLY_EXTERNAL_ID.to_owned().into()),
        region: Some(home),
        ..Overrides::default()
    };
    Settings::resolve(flags, ConfigFile::default(), Some(state.to_owned())).map_err(Failure::error)
}

/// What every chapter needs.
struct Story<'a> {
    ui: &'a Ui,
    environment: Environment,
    settings: Settings,
    detail: Detail,
}

impl Story<'_> {
    fn chapter(&self, title: &str) -> Result<(), Failure> {
        self.ui.data(&format!("\n{}\n\n", self.ui.out.paint(Style::Bold, title)))
    }

    async fn audit(&self, cancel: &CancellationToken) -> Result<KeptAudit, Failure> {
        let sessions = self.environment.connect(&self.settings).await?;
        let state = StateDir::open(&self.settings.state_dir).map_err(Failure::error)?;
        let store = (&state, survey::thresholds(&self.settings)?);
        Begun::whole(Selected::default()).run(&sessions, &self.settings, store, self.ui, cancel).await
    }

    fn playbooks(&self) -> Result<Vec<Playbook>, Failure> {
        let mut playbooks = Vec::new();
        for (name, given) in BASELINE {
            let mut values: Values = plan::role_values(&self.settings);
            values.extend(given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            playbooks.push(playbook::load_shipped(name, &values).map_err(Failure::error)?);
        }
        Ok(playbooks)
    }

    async fn plan(&self, playbooks: &[Playbook], cancel: &CancellationToken) -> Result<plan::Planned, Failure> {
        let sessions = self.environment.connect(&self.settings).await?;
        let scope = ScopeArgs::default();
        plan::make(&sessions, &LockoutArgs::default(), (&self.settings, &scope, playbooks), self.ui, cancel).await
    }

    async fn apply(&self, planned: &plan::Planned, cancel: &CancellationToken) -> Outcome {
        let sessions = self.environment.connect(&self.settings).await?;
        apply::execute(&sessions, &self.settings, planned, &How::default(), self.ui, cancel).await
    }
}
