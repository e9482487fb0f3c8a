//! Who hears when the bill grows: alarms on estimated charges with their subscriptions, and the management account's budgets.
//!
//! Owns: where these are asked for, and when a member need not be. Must not: judge.
//!
//! Source: CloudWatch user guide, "Create a billing alarm to monitor your estimated AWS charges"; AWS Budgets API reference,
//! `DescribeBudgets`, `DescribeBudgetNotificationsForAccount`.

use super::chain;
use super::decode::maybe_time;
use super::watch::Watch;
use crate::aws::AccountSession;
use crate::model::billing::{BillingAlarms, Budget};
use crate::model::observed::{Cause, Observed};
use crate::resources::alarm;
use crate::resources::call::{Tokens, present};
use aws_sdk_budgets::types;
use std::collections::{BTreeMap, BTreeSet};

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
            found.extend(answer.budgets().iter().map(|budget| from_aws(budget, &told)));
            token = tokens.next(BUDGETS, answer.next_token)?;
            if token.is_none() {
                return Ok(Some(found));
            }
        }
    };
    session.observe(BUDGETS, &session.budgets_region(), work).await
}

/// A budget, with the number of notifications of each by name.
fn from_aws(budget: &types::Budget, told: &BTreeMap<String, u32>) -> Budget {
    let period = budget.time_period();
    Budget {
        name: budget.budget_name.clone(),
        kind: budget.budget_type.as_str().to_owned(),
        notifications: told.get(&budget.budget_name).copied().unwrap_or(0),
        filters: filters(budget),
        starts: maybe_time(period.and_then(types::TimePeriod::start)),
        ends: maybe_time(period.and_then(types::TimePeriod::end)),
    }
}

/// What narrows a budget. AWS answers the old `CostFilters`, the newer `FilterExpression`, or both.
#[expect(deprecated, reason = "budgets made before 2025 have cost filters only")]
fn filters(budget: &types::Budget) -> Vec<String> {
    let old = budget.cost_filters().into_iter().flatten();
    let mut found: BTreeSet<String> =
        old.filter(|(_, values)| !values.is_empty()).map(|(name, _)| name.clone()).collect();
    budget.filter_expression().into_iter().for_each(|expression| narrowing(expression, &mut found));
    // The primary billing view is the whole bill.
    if budget.billing_view_arn().is_some_and(|view| !view.ends_with("/primary")) {
        found.insert("BillingView".to_owned());
    }
    found.into_iter().collect()
}

/// Kinds of charges that the console's budgets leave out: without them a bill is still the whole bill.
const SPARED: [&str; 3] = ["Credit", "Refund", "Tax"];

/// Names what an expression looks at, but for charges of the kinds that are spared.
fn narrowing(expression: &types::Expression, found: &mut BTreeSet<String>) {
    let all = expression.or().iter().chain(expression.and());
    all.for_each(|part| narrowing(part, found));
    if let Some(part) = expression.not() {
        let spared = part.dimensions().is_some_and(|dimension| {
            dimension.key.as_str() == "RECORD_TYPE"
                && dimension.values.iter().all(|value| SPARED.contains(&value.as_str()))
                && dimension.match_options().iter().all(|option| option.as_str() == "EQUALS")
        });
        if !spared {
            narrowing(part, found);
        }
    }
    found.extend(expression.dimensions().map(|dimension| dimension.key.as_str().to_owned()));
    found.extend(expression.tags().map(|_| "Tags".to_owned()));
    found.extend(expression.cost_categories().map(|_| "CostCategories".to_owned()));
    found.extend(expression.product_attributes().map(|_| "ProductAttributes".to_owned()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Dimension, Expression, ExpressionDimensionValues};

    fn looks_at(key: Dimension, value: &str) -> Expression {
        let dimension = ExpressionDimensionValues::builder().key(key).values(value).build().unwrap();
        Expression::builder().dimensions(dimension).build()
    }

    fn narrowed(expression: &Expression) -> Vec<String> {
        let mut found = BTreeSet::new();
        narrowing(expression, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn an_expression_names_what_narrows_it_but_not_credits_left_out() {
        assert_eq!(narrowed(&looks_at(Dimension::Service, "AWS Lambda")), ["SERVICE"]);
        let not = |part| Expression::builder().not(part).build();
        let credits = not(looks_at(Dimension::RecordType, "Credit"));
        assert!(narrowed(&credits).is_empty());
        assert_eq!(narrowed(&not(looks_at(Dimension::RecordType, "Usage"))), ["RECORD_TYPE"]);
        assert_eq!(narrowed(&looks_at(Dimension::RecordType, "Tax")), ["RECORD_TYPE"]);
        let both = Expression::builder().and(credits).and(not(looks_at(Dimension::LinkedAccount, "111122223333")));
        assert_eq!(narrowed(&both.build()), ["LINKED_ACCOUNT"]);
    }
}
