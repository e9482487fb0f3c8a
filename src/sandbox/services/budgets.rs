//! AWS Budgets: the account's budgets and who they tell.
//!
//! Owns: two reads. Must not: compute what was spent.
//!
//! Source: AWS Budgets API reference, `DescribeBudgets`, `DescribeBudgetNotificationsForAccount`.

use super::Operations;
use crate::sandbox::state::Budget;
use crate::sandbox::{ApiError, Caller, Org, input, page::page, wire};
use serde_json::{Value, json};

/// The operations.
pub const OPERATIONS: Operations =
    &[("DescribeBudgetNotificationsForAccount", describe_notifications), ("DescribeBudgets", describe_budgets)];

/// Budgets on a page where the caller does not say; the most there can be.
const PAGE: (i64, i64) = (100, 1_000);

/// 2087-06-15T00:00:00Z, the end of a budget for which nobody gave one.
const NO_END: f64 = 3_706_473_600.0;

/// The budgets on the page that is asked for.
fn budgets(org: &Org, caller: &Caller, request: &Value, member: &str, show: Show) -> Result<Value, ApiError> {
    if input::text(request, "AccountId")? != caller.account.as_str() {
        let message = "Account is not authorized to view the budgets of another account.";
        return Err(ApiError::new("AccessDeniedException", message));
    }
    let size = input::opt_int(request, "MaxResults")?.unwrap_or(PAGE.0);
    let size = usize::try_from(size).ok().filter(|_| (1..=PAGE.1).contains(&size));
    let size = size.ok_or_else(|| ApiError::validation("MaxResults must be between 1 and 1000."))?;
    let state = org.unpeopled(&caller.account);
    let all: Vec<(&String, &Budget)> = state.budgets.iter().collect();
    let (part, next) = page(&all, input::opt_text(request, "NextToken")?, size, "InvalidNextTokenException")?;
    let shown: Vec<Value> = part.iter().map(|(name, budget)| show(org, name, budget)).collect();
    Ok(json!({ member: shown, "NextToken": next }))
}

/// How a budget is shown.
type Show = fn(&Org, &str, &Budget) -> Value;

fn describe_budgets(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    budgets(org, caller, &request, "Budgets", |org, name, budget| {
        json!({
            "BudgetName": name,
            "BudgetType": budget.kind,
            "BudgetLimit": {"Amount": format!("{}.0", budget.limit), "Unit": "USD"},
            "CostFilters": budget.filters,
            "TimeUnit": "MONTHLY",
            "TimePeriod": {
                "Start": wire::timestamp(org.epoch.min(budget.ends.unwrap_or(org.epoch))),
                "End": budget.ends.map_or(json!(NO_END), |ends| json!(wire::timestamp(ends))),
            },
            "CalculatedSpend": {"ActualSpend": {"Amount": "0.0", "Unit": "USD"}},
            "LastUpdatedTime": wire::timestamp(org.epoch),
        })
    })
}

fn describe_notifications(org: &mut Org, caller: &Caller, request: Value) -> Result<Value, ApiError> {
    budgets(org, caller, &request, "BudgetNotificationsForAccount", |_, name, budget| {
        let notification = |percent: &u32| {
            json!({
                "NotificationType": "ACTUAL",
                "ComparisonOperator": "GREATER_THAN",
                "Threshold": f64::from(*percent),
                "ThresholdType": "PERCENTAGE",
                "NotificationState": "OK",
            })
        };
        json!({"BudgetName": name, "Notifications": budget.notifications.iter().map(notification).collect::<Vec<_>>()})
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::services::testing::{call, caller, small};

    #[test]
    fn budgets_are_paged_and_kept_from_other_accounts() {
        let mut org = small();
        let caller = caller(&org, "app-one", "us-east-1");
        let state = org.state_mut(&caller.account);
        for name in ["a", "b", "c"] {
            let budget = Budget {
                kind: "COST".into(),
                limit: 10,
                notifications: vec![80],
                filters: [("Region".to_owned(), vec!["eu-central-1".to_owned()])].into(),
                ends: None,
            };
            state.budgets.insert(name.into(), budget);
        }
        let account = caller.account.as_str().to_owned();
        let mut ask = |operation: &str, input: Value| call(OPERATIONS, &mut org, &caller, operation, input);
        let first = ask("DescribeBudgets", json!({"AccountId": account, "MaxResults": 2})).unwrap();
        assert_eq!(first["Budgets"].as_array().map(Vec::len), Some(2));
        assert_eq!(first["Budgets"][0]["CostFilters"], json!({"Region": ["eu-central-1"]}));
        assert_eq!(first["Budgets"][0]["TimePeriod"]["End"], json!(3_706_473_600_f64));
        let rest = json!({"AccountId": account, "NextToken": first["NextToken"]});
        assert_eq!(ask("DescribeBudgets", rest).unwrap()["Budgets"][0]["BudgetName"], "c");
        let told = ask("DescribeBudgetNotificationsForAccount", json!({"AccountId": account})).unwrap();
        assert_eq!(told["BudgetNotificationsForAccount"][0]["Notifications"][0]["Threshold"], 80.0);
        let refused = |answer: Result<Value, ApiError>| answer.unwrap_err().code;
        assert_eq!(refused(ask("DescribeBudgets", json!({"AccountId": "000000000000"}))), "AccessDeniedException");
        let wrong = json!({"AccountId": account, "NextToken": "x"});
        assert_eq!(refused(ask("DescribeBudgets", wrong)), "InvalidNextTokenException");
        assert!(ask("DescribeBudgets", json!({"AccountId": account, "MaxResults": 1001})).is_err());
        assert!(ask("DescribeBudgets", json!({})).is_err());
    }
}
