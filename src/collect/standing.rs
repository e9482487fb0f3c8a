//! What an account says of itself outside IAM and Regions: whom AWS can reach, and who hears when the bill grows.
//!
//! Owns: which of these are asked for. Must not: know how an answer becomes a fact (`contacts`, `billing`).

use super::account::Ask;
use super::wanted::not_asked;
use super::{billing, contacts};
use crate::model::account::AccountFacts;
use crate::model::check::Fact;
use crate::model::observed::{Cause, Observed};

/// Asks, and answers with what puts the answers into the facts.
pub(super) async fn ask(ask: Ask<'_>) -> impl FnOnce(&mut AccountFacts) + use<> {
    let session = ask.session;
    let (security, information, alarms) = tokio::join!(
        ask.fact(Fact::SecurityContact, contacts::SECURITY, || contacts::security(session)),
        ask.fact(Fact::ContactInformation, contacts::INFORMATION, || contacts::information(session)),
        Box::pin(billing_alarms(&ask)),
    );
    move |facts| {
        facts.security_contact = security;
        facts.contact_information = information;
        facts.billing_alarms = alarms;
    }
}

/// The account's own billing alarms. The management account's are known already; a member need not be asked where they, or
/// a budget, speak for it.
async fn billing_alarms(ask: &Ask<'_>) -> Observed<crate::model::billing::BillingAlarms> {
    let (org, account) = (&ask.run.org, ask.session.account());
    if !ask.wanted.has(Fact::BillingAlarms) {
        return not_asked(Fact::BillingAlarms);
    }
    if org.is_management(account) {
        return org.services.billing_alarms.clone();
    }
    if org.services.bill_is_watched(org.as_of) {
        let mut cause = Cause::not_collected(billing::ALARMS);
        "the management account's budget or alarm speaks for this account".clone_into(&mut cause.message);
        return Observed::unknown(cause);
    }
    billing::alarms(ask.session, ask.watch).await
}
