//! `orgward org`: the tree of the organization.

use super::args::{ConnectionArgs, ScopeArgs};
use super::connect::Environment;
use super::exit::{Exit, Failure, Outcome};
use super::survey;
use super::ui::Ui;
use crate::collect::Wanted;
use crate::model::address::shown_endpoint;
use crate::model::check::Fact;
use crate::model::{Observed, OrgFacts};
use crate::report::org_tree;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

/// Print the tree of OUs and accounts, with the SCPs attached to each
#[derive(Debug, Args)]
pub struct OrgArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Tree)]
    format: Format,
}

/// Forms of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Tree,
    /// Every fact that was enumerated, as JSON
    Json,
}

/// Runs the command.
pub async fn run(args: &OrgArgs, ui: &Ui, cancel: &CancellationToken) -> Outcome {
    let settings = args.connection.settings()?;
    let sessions = Environment::real().connect(&settings).await?;
    let wanted = match args.format {
        Format::Tree => Wanted::of_a_plan(),
        Format::Json => Wanted::of(Fact::ALL.into_iter().filter(|fact| fact.of_organization())),
    };
    let mut survey = survey::survey_with(&sessions, &args.scope, (false, &wanted), ui, cancel).await?;
    hide_endpoints(&mut survey.org);
    let text = match args.format {
        Format::Tree => org_tree::render(&survey.org, ui.out),
        Format::Json => {
            let document = serde_json::json!({
                "format": "orgward.org", "version": 1, "organization": survey.org, "scope": survey.scope,
            });
            let mut text = serde_json::to_string_pretty(&document).map_err(Failure::error)?;
            text.push('\n');
            text
        }
    };
    ui.data(&text)?;
    Ok(Exit::Clean)
}

/// Webhooks among the subscriptions carry their key in the URL.
fn hide_endpoints(org: &mut OrgFacts) {
    let watched = org.monitoring.iter_mut().flat_map(|monitoring| monitoring.subscriptions.values_mut());
    let billed = match &mut org.services.billing_alarms {
        Observed::Present { value, .. } => Some(&mut value.subscriptions),
        _ => None,
    };
    for seen in watched.chain(billed.into_iter().flat_map(|subscriptions| subscriptions.values_mut())) {
        if let Observed::Present { value, .. } = seen {
            value.iter_mut().for_each(|subscription| subscription.endpoint = shown_endpoint(&subscription.endpoint));
        }
    }
}
