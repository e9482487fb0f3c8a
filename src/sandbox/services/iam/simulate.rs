//! `SimulateCustomPolicy`: policies given in the call, decided for a request that never happens.
//!
//! Owns: reading what is given and showing what was decided. Must not: look at any policy of the account, or guess what can't
//! be told (501).
//!
//! Source: IAM API reference, `SimulateCustomPolicy` and `EvaluationResult`. A context key that is not given counts as absent.

use super::{paged, pages};
use crate::policy::{self, Context, Decision, Document, Principal, Request, Rules};
use crate::sandbox::{ApiError, Caller, Org, input};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Levels of an organization: the root, five of OUs, the account.
const MOST_LEVELS: usize = 7;

/// What is simulated.
struct Simulation {
    identity: Vec<Document>,
    boundary: Option<Document>,
    levels: Option<Vec<Vec<Document>>>,
    principal: Principal,
    context: Context,
    given: BTreeSet<String>,
}

pub(super) fn custom_policy(_: &mut Org, _: &Caller, input: Value) -> Result<Value, ApiError> {
    let actions = input::texts(&input, "ActionNames")?;
    if actions.is_empty() {
        return Err(input::missing("actionNames"));
    }
    if let Some(action) = actions.iter().find(|action| !is_action(action)) {
        let message =
            format!("Invalid action name: {action}. A service and an operation without wildcards are needed.");
        return Err(invalid(message));
    }
    for member in ["ResourcePolicy", "ResourceHandlingOption"] {
        if input::opt_text(&input, member)?.is_some_and(|text| !text.is_empty()) {
            return Err(ApiError::not_implemented(format!("the sandbox does not simulate with {member}")));
        }
    }
    let simulation = read(&input)?;
    let mut resources = input::texts(&input, "ResourceArns")?;
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let mut results = Vec::new();
    for action in &actions {
        for resource in &resources {
            results.push(simulation.run(action, resource)?);
        }
    }
    let (part, marker) = pages(&results, &input)?;
    Ok(paged("EvaluationResults", part.to_vec(), marker))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", message)
}

/// Whether it is `service:Operation`.
fn is_action(action: &str) -> bool {
    let name = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    action.split_once(':').is_some_and(|(service, operation)| name(service) && name(operation))
}

fn documents(texts: &[String], rules: Rules, member: &str) -> Result<Vec<Document>, ApiError> {
    let read = |text: &String| {
        let document = Document::parse(text).map_err(|errors| errors.first().map(ToString::to_string));
        let wrong = match document {
            Ok(document) => match policy::lint(&document, rules).first() {
                None => return Ok(document),
                Some(error) => error.to_string(),
            },
            Err(error) => error.unwrap_or_default(),
        };
        Err(invalid(format!("Invalid policy document in {member}: {wrong}.")))
    };
    texts.iter().map(read).collect()
}

fn read(input: &Value) -> Result<Simulation, ApiError> {
    let identity = documents(&input::texts(input, "PolicyInputList")?, Rules::Identity, "PolicyInputList")?;
    let member = "PermissionsBoundaryPolicyInputList";
    let mut boundaries = documents(&input::texts(input, member)?, Rules::Identity, member)?;
    if boundaries.len() > 1 {
        return Err(invalid("Only one permissions boundary can be given."));
    }
    let member = "OrderedOrganizationPolicyInputList";
    let levels = input::list(input, member)?;
    if levels.len() > MOST_LEVELS {
        return Err(invalid(format!("{member} has more than {MOST_LEVELS} levels.")));
    }
    let levels = levels
        .iter()
        .map(|level| documents(&input::texts(level, "ServiceControlPolicyInputList")?, Rules::Scp, member))
        .collect::<Result<Vec<_>, _>>()?;
    let caller = input::opt_text(input, "CallerArn")?.unwrap_or_default();
    let (mut context, mut given) = (Context::complete(), BTreeSet::new());
    for entry in input::list(input, "ContextEntries")? {
        let key = input::text(entry, "ContextKeyName")?;
        let values = input::texts(entry, "ContextKeyValues")?;
        context = context.with_all(key, values.iter().map(String::as_str));
        given.insert(key.to_ascii_lowercase());
    }
    if !caller.is_empty() {
        given.extend(
            ["aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:username"].map(String::from),
        );
    }
    Ok(Simulation {
        identity,
        boundary: boundaries.pop(),
        levels: (!levels.is_empty()).then_some(levels),
        principal: if caller.is_empty() { Principal::default() } else { Principal::iam(caller) },
        context,
        given,
    })
}

impl Simulation {
    fn run(&self, action: &str, resource: &str) -> Result<Value, ApiError> {
        let request = Request {
            principal: self.principal.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: self.context.clone(),
        };
        let identity = policy::evaluate(&self.identity.iter().collect::<Vec<_>>(), &request);
        let boundary = self.boundary.as_ref().map(|document| policy::evaluate(&[document], &request));
        let organization = self.levels.as_ref().map(|levels| {
            let levels: Vec<Vec<&Document>> = levels.iter().map(|level| level.iter().collect()).collect();
            policy::evaluate_chain(&levels, &request)
        });
        let all = || [Some(&identity), boundary.as_ref(), organization.as_ref()].into_iter().flatten();
        let denied = all().any(|decision| matches!(decision, Decision::Deny { .. }));
        let unclear = all().find_map(|decision| match decision {
            Decision::CannotTell { why } => Some(why),
            _ => None,
        });
        let decision = match unclear {
            _ if denied => "explicitDeny",
            _ if all().any(|decision| *decision == Decision::NoMatch) => "implicitDeny",
            Some(why) => {
                let message = format!("the sandbox cannot simulate {action} on {resource}: {why}");
                return Err(ApiError::not_implemented(message));
            }
            None => "allowed",
        };
        let allows = |decision: &Decision| *decision == Decision::Allow;
        Ok(json!({
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decision,
            "MatchedStatements": self.matched(&identity),
            "MissingContextValues": self.missing(),
            "OrganizationsDecisionDetail":
                organization.as_ref().map(|decision| json!({ "AllowedByOrganizations": allows(decision) })),
            "PermissionsBoundaryDecisionDetail":
                boundary.as_ref().map(|decision| json!({ "AllowedByPermissionsBoundary": allows(decision) })),
        }))
    }

    /// The statement that denies, if it is none of an SCP, which AWS does not tell; those that allow are not told apart.
    fn matched(&self, identity: &Decision) -> Value {
        let Decision::Deny { statement } = identity else { return json!([]) };
        let found =
            self.identity.get(statement.document).and_then(|document| document.statements().get(statement.index));
        json!([{
            "SourcePolicyId": format!("PolicyInputList.{}", statement.document + 1),
            "SourcePolicyType": "IAM Policy",
            "StartPosition": { "Line": statement.line, "Column": found.map(crate::policy::Statement::column) },
        }])
    }

    /// Keys that a policy asks for and nobody gave; those of SCPs are not told.
    fn missing(&self) -> Vec<String> {
        let documents = self.identity.iter().chain(&self.boundary);
        let statements = documents.flat_map(Document::statements);
        let keys = statements.flat_map(|statement| statement.conditions()).map(|condition| condition.key.clone());
        keys.filter(|key| !self.given.contains(&key.to_ascii_lowercase()))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}
