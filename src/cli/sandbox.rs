//! `orgward sandbox`: the sandbox organization over HTTP on 127.0.0.1, for the AWS CLI, boto3 and orgward itself.

use super::exit::{Exit, Failure, Outcome};
use super::ui::Ui;
use crate::sandbox::{Sandbox, Scenario, generate};
use clap::Args;
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
}

/// Runs the command until it is interrupted.
pub async fn run(args: &SandboxArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let mut scenario = if args.accounts == 24 { Scenario::demo() } else { Scenario::sized(args.accounts, args.seed) };
    // Clients on a socket live in real time: an older moment would hand out sessions that have already expired.
    scenario.epoch = jiff::Timestamp::now();
    let home = scenario.home.clone();
    let sandbox = Sandbox::new(scenario);
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
