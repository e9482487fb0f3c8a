//! Service control policies put to AWS's own policy simulator.
//!
//! Owns: the calls and their pages. Must not: judge an answer. Nothing is simulated but SCPs: the identity policy of each call
//! allows everything.
//!
//! Source: IAM API reference, `SimulateCustomPolicy`, `OrderedOrganizationPolicyType` and `EvaluationResult`. A caller is
//! given by its context keys, because `CallerArn` takes no session.

use crate::aws::Sessions;
use crate::model::simulation::{Simulated, Simulation};
use crate::model::{Cause, CauseKind};
use crate::resources::call::{Tokens, done};
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, OrderedOrganizationPolicyType};
use futures::{StreamExt, stream};
use std::sync::OnceLock;
use tokio_util::sync::CancellationToken;

const SIMULATE: &str = "iam:SimulateCustomPolicy";

/// Calls at work at once; their rate is the limiter's.
const AT_ONCE: usize = 4;

/// What allows everything but what the SCPs do not.
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Asks each of these, with the caller's own credentials; the answers are in the order of the questions. After a denial
/// nothing more is asked: every further answer is that denial. `on_answer` hears of each.
pub async fn simulate(
    sessions: &Sessions,
    asked: &[Simulation],
    cancel: &CancellationToken,
    on_answer: &(dyn Fn() + Sync),
) -> Vec<Result<Vec<Simulated>, Cause>> {
    let denied: OnceLock<Cause> = OnceLock::new();
    let answers = stream::iter(asked).map(|simulation| {
        let denied = &denied;
        async move {
            if let Some(cause) = denied.get() {
                return Err(cause.clone());
            }
            let answer = tokio::select! {
                answer = one(sessions, simulation) => answer,
                () = cancel.cancelled() => Err(Cause::new(CauseKind::Interrupted, SIMULATE, "interrupted")),
            };
            if let Err(cause) = &answer
                && matches!(cause.kind, CauseKind::AccessDenied | CauseKind::ExpiredCredentials)
            {
                denied.get_or_init(|| cause.clone());
            }
            on_answer();
            answer
        }
    });
    answers.buffered(AT_ONCE).collect().await
}

async fn one(sessions: &Sessions, simulation: &Simulation) -> Result<Vec<Simulated>, Cause> {
    let client = sessions.base().iam();
    let levels = simulation.levels.iter().map(|documents| {
        OrderedOrganizationPolicyType::builder().set_service_control_policy_input_list(Some(documents.clone())).build()
    });
    let levels: Vec<OrderedOrganizationPolicyType> = levels.collect();
    let entries: Vec<ContextEntry> = simulation.context.iter().map(|(key, values)| entry(key, values)).collect();
    let (mut found, mut tokens, mut marker) = (Vec::new(), Tokens::default(), None);
    loop {
        let call = client
            .simulate_custom_policy()
            .policy_input_list(EVERYTHING)
            .set_ordered_organization_policy_input_list(Some(levels.clone()))
            .set_action_names(Some(simulation.actions.clone()))
            .resource_arns(&simulation.resource)
            .set_context_entries(Some(entries.clone()))
            .set_marker(marker);
        let answer = done(SIMULATE, call.send().await)?;
        found.extend(answer.evaluation_results().iter().map(|result| Simulated {
            action: result.eval_action_name().to_owned(),
            allowed: result.organizations_decision_detail().map(|detail| detail.allowed_by_organizations()),
            decision: result.eval_decision().as_str().to_owned(),
        }));
        let token = answer.marker.filter(|_| answer.is_truncated);
        marker = tokens.next(SIMULATE, token)?;
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// A context key with its values, and of which type they are.
fn entry(key: &str, values: &[String]) -> ContextEntry {
    let kind = match values {
        [one] if one == "true" || one == "false" => ContextKeyTypeEnum::Boolean,
        [_] if ["aws:sourceip", "aws:vpcsourceip"].contains(&key.to_ascii_lowercase().as_str()) => {
            ContextKeyTypeEnum::Ip
        }
        [_] => ContextKeyTypeEnum::String,
        _ => ContextKeyTypeEnum::StringList,
    };
    let entry = ContextEntry::builder().context_key_name(key).context_key_type(kind);
    entry.set_context_key_values(Some(values.to_vec())).build()
}
