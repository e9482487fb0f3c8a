//! Organization-wide services: central root access, trusted services, delegated administrators, the bill.
//!
//! Owns: what the management account is asked about them. Must not: judge, or ask a member.
//!
//! Source: Organizations API reference, `ListAWSServiceAccessForOrganization`, `ListDelegatedAdministrators`,
//! `ListDelegatedServicesForAccount`; IAM API reference, `ListOrganizationsFeatures`.

use super::head::Managing;
use super::wanted::{Wanted, not_asked};
use super::watch::Watch;
use super::{billing, tree};
use crate::aws::AccountSession;
use crate::model::billing::{BillingAlarms, Budget};
use crate::model::check::Fact;
use crate::model::ids::AccountId;
use crate::model::observed::Observed;
use crate::model::org::OrgServices;
use crate::resources::call::{pages, present};
use futures::{StreamExt, future, stream};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FEATURES: &str = "iam:ListOrganizationsFeatures";
pub(super) const TRUSTED: &str = "organizations:ListAWSServiceAccessForOrganization";
pub(super) const DELEGATED: &str = "organizations:ListDelegatedAdministrators";
pub(super) const SERVICES: &str = "organizations:ListDelegatedServicesForAccount";

/// Administrators asked at a time; Organizations allows one such call a second.
const AT_ONCE: usize = 2;

/// The delegated administrators and what else Organizations says with the caller's own session, and what the management account
/// says, as far as it is wanted; the bill aside.
pub(super) async fn of_organization(
    (session, managing): (&AccountSession, &Managing),
    watch: &Watch,
    wanted: &Wanted,
) -> (Observed<Vec<AccountId>>, OrgServices) {
    let (administrators, trusted, root_features) = future::join3(
        watch.observed(DELEGATED, delegated_administrators(session)),
        when(wanted, Fact::OrganizationServices, watch.observed(TRUSTED, trusted(session))),
        when(wanted, Fact::RootFeatures, async {
            match managing {
                Ok(session) => watch.observed(FEATURES, root_features(session)).await,
                Err(cause) => Observed::unknown(cause.clone()),
            }
        }),
    )
    .await;
    let asked = if wanted.has(Fact::OrganizationServices) { administrators.value() } else { None };
    let delegated: BTreeMap<AccountId, Observed<Vec<String>>> = stream::iter(asked.into_iter().flatten().cloned())
        .map(|account| async move {
            let seen = watch.observed(SERVICES, delegated_services(session, &account)).await;
            (account, seen)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let not_asked = OrgServices::not_collected();
    let services = OrgServices { root_features, trusted, delegated, ..not_asked };
    (administrators, services)
}

/// The management account's alarms on estimated charges, and its budgets.
pub(super) async fn bill(
    managing: &Managing,
    watch: &Watch,
    wanted: &Wanted,
) -> (Observed<BillingAlarms>, Observed<Vec<Budget>>) {
    let fact = Fact::OrganizationBilling;
    if !wanted.has(fact) {
        return (not_asked(fact), not_asked(fact));
    }
    let session = match managing {
        Ok(session) => session,
        Err(cause) => return (Observed::unknown(cause.clone()), Observed::unknown(cause.clone())),
    };
    let budgets = watch.observed(billing::BUDGETS, billing::budgets(session));
    future::join(billing::alarms(session, watch), budgets).await
}

/// A fact, if it is wanted.
async fn when<T>(wanted: &Wanted, fact: Fact, work: impl Future<Output = Observed<T>>) -> Observed<T> {
    if wanted.has(fact) { work.await } else { not_asked(fact) }
}

/// Accounts that administer a service for the organization, in id order.
async fn delegated_administrators(session: &AccountSession) -> Observed<Vec<AccountId>> {
    let work = async {
        let mut found = BTreeSet::new();
        let stream = session.organizations().list_delegated_administrators().max_results(tree::PAGE);
        pages(
            DELEGATED,
            stream.into_paginator().send(),
            |page| page.next_token(),
            |page| {
                let accounts = page.delegated_administrators.unwrap_or_default();
                found.extend(accounts.iter().filter_map(|account| account.id()?.parse::<AccountId>().ok()));
            },
        )
        .await?;
        Ok(Some(found.into_iter().collect()))
    };
    session.observe(DELEGATED, &session.global_region(), work).await
}

/// Principals of the services that may work in the organization's accounts, in order.
async fn trusted(session: &AccountSession) -> Observed<Vec<String>> {
    let work = async {
        let mut found = BTreeSet::new();
        let stream = session.organizations().list_aws_service_access_for_organization().max_results(tree::PAGE);
        pages(
            TRUSTED,
            stream.into_paginator().send(),
            |page| page.next_token(),
            |page| {
                let services = page.enabled_service_principals.unwrap_or_default();
                found.extend(services.into_iter().filter_map(|service| service.service_principal));
            },
        )
        .await?;
        Ok(Some(found.into_iter().collect()))
    };
    session.observe(TRUSTED, &session.global_region(), work).await
}

/// Principals of the services that an account administers, in order.
async fn delegated_services(session: &AccountSession, account: &AccountId) -> Observed<Vec<String>> {
    let work = async {
        let mut found = BTreeSet::new();
        let stream = session.organizations().list_delegated_services_for_account().account_id(account.as_str());
        pages(
            SERVICES,
            stream.max_results(tree::PAGE).into_paginator().send(),
            |page| page.next_token(),
            |page| {
                let services = page.delegated_services.unwrap_or_default();
                found.extend(services.into_iter().filter_map(|service| service.service_principal));
            },
        )
        .await?;
        Ok(Some(found.into_iter().collect()))
    };
    session.observe(SERVICES, &session.global_region(), work).await
}

/// What IAM answers where it may not look into the organization: no feature can be on then, which is known and not denied.
const NO_FEATURES: [&str; 2] = ["ServiceAccessNotEnabledException", "OrganizationNotInAllFeaturesModeException"];

/// Features of central root access that are on; absent where IAM has no trusted access, or not all features are enabled.
async fn root_features(session: &AccountSession) -> Observed<Vec<String>> {
    let work = async {
        let answer = session.iam().list_organizations_features().send().await;
        let answer = present(FEATURES, answer, &NO_FEATURES)?;
        let features =
            |on: Vec<aws_sdk_iam::types::FeatureType>| on.iter().map(|one| one.as_str().to_owned()).collect();
        Ok(answer.map(|answer| features(answer.enabled_features.unwrap_or_default())))
    };
    session.observe(FEATURES, &session.global_region(), work).await
}
