//! Who hears when the bill grows: alarms on estimated charges with their subscriptions, and the management account's budgets.
//!
//! Owns: where these are asked for, and when a member need not be. Must not: judge.
//!
//! Source: CloudWatch user guide, "Create a billing alarm to monitor your estimated AWS charges"; AWS Budgets API reference,
//! `DescribeBudgets`, `DescribeBudgetNotificationsForAccount`.

use super::chain;
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::billing::{BillingAlarms, Budget};
use crate::model::observed::{Cause, Observed};
use crate::resources::alarm;
use crate::resources::call::{Tokens, present};
use std::collections::BTreeMap;

pub(super) const ALARMS: &str = chain::ALARMS;
pub(super) const BUDGETS: &str = "budgets:DescribeBudgets";
pub(super) const NOTIFICATIONS: &str = "budgets:DescribeBudgetNotificationsForAccount";

/// Budgets on a page of either call.
const PAGE: i32 = 100;

/// The alarms on `AWS/Billing` `EstimatedCharges` and who they tell; absent where there is none.
pub(super) async fn alarms(session: &AccountSession, watch: &Watch) -> Observed<BillingAlarms> {
    let region = session.billing_region();
    match watch.observed(ALARMS, alarm::list(session, &region)).await {
        Observed::Present { value, source } => {
            let mut alarms = value;
            alarms.retain(|alarm| {
                alarm.namespace.as_deref() == Some("AWS/Billing")
                    && alarm.metric_name.as_deref() == Some("EstimatedCharges")
            });
            if alarms.is_empty() {
                return Observed::Absent { source };
            }
            let subscriptions = chain::told_by(session, watch, &region, &alarms).await;
            Observed::Present { value: BillingAlarms { alarms, subscriptions }, source }
        }
        Observed::Absent { source } => Observed::Absent { source },
        Observed::Unknown { cause } => Observed::Unknown { cause },
    }
}

/// Every budget with the number of its notifications.
pub(super) async fn budgets(session: &AccountSession) -> Observed<Vec<Budget>> {
    let work = async {
        let told = notifications(session).await?;
        let mut found = Vec::new();
        let (mut tokens, mut token) = (Tokens::default(), None);
        loop {
            let request = session.budgets().describe_budgets().account_id(session.account().as_str());
            let answer = request.max_results(PAGE).set_next_token(token).send().await;
            // An account that never had a budget has none.
            let Some(answer) = present(BUDGETS, answer, &NONE)? else { return Ok(Some(found)) };
            found.extend(answer.budgets().iter().map(|budget| Budget {
                name: budget.budget_name.clone(),
                kind: budget.budget_type.as_str().to_owned(),
                notifications: told.get(&budget.budget_name).copied().unwrap_or(0),
            }));
            token = tokens.next(BUDGETS, answer.next_token)?;
            if token.is_none() {
                return Ok(Some(found));
            }
        }
    };
    session.observe(BUDGETS, &session.budgets_region(), work).await
}

/// What Budgets answers where there is none.
const NONE: [&str; 1] = ["NotFoundException"];

/// How many notifications each budget has, by name.
async fn notifications(session: &AccountSession) -> Result<BTreeMap<String, u32>, Cause> {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let (mut tokens, mut token) = (Tokens::default(), None);
    loop {
        let request =
            session.budgets().describe_budget_notifications_for_account().account_id(session.account().as_str());
        let answer = request.max_results(PAGE).set_next_token(token).send().await;
        let Some(answer) = present(NOTIFICATIONS, answer, &NONE)? else { return Ok(found) };
        for budget in answer.budget_notifications_for_account() {
            let count = u32::try_from(budget.notifications().len()).unwrap_or(u32::MAX);
            let held = found.entry(budget.budget_name.clone().unwrap_or_default()).or_default();
            *held = held.saturating_add(count);
        }
        token = tokens.next(NOTIFICATIONS, answer.next_token)?;
        if token.is_none() {
            return Ok(found);
        }
    }
}
