//! Whom AWS can reach about an account.
//!
//! Owns: two calls, of whose answers only the names of filled fields are kept. Must not: keep a name, an address or a number.
//!
//! Source: Account Management API reference, `GetAlternateContact`, `GetContactInformation`.

use crate::aws::AccountSession;
use crate::model::contact::Contact;
use crate::model::observed::Observed;
use crate::resources::call::present;
use aws_sdk_account::types::AlternateContactType;

pub(super) const SECURITY: &str = "account:GetAlternateContact";
pub(super) const INFORMATION: &str = "account:GetContactInformation";

/// What is answered where there is none.
const NONE: [&str; 1] = ["ResourceNotFoundException"];

/// The security contact.
pub(super) async fn security(session: &AccountSession) -> Observed<Contact> {
    let work = async {
        let request = session.account_api().get_alternate_contact();
        let request = request.alternate_contact_type(AlternateContactType::Security);
        let answer = present(SECURITY, request.send().await, &NONE)?;
        Ok(answer.and_then(|answer| answer.alternate_contact).map(|contact| {
            filled(&[
                ("EmailAddress", contact.email_address()),
                ("Name", contact.name()),
                ("PhoneNumber", contact.phone_number()),
                ("Title", contact.title()),
            ])
        }))
    };
    session.observe(SECURITY, &session.global_region(), work).await
}

/// The account's own contact information.
pub(super) async fn information(session: &AccountSession) -> Observed<Contact> {
    let work = async {
        let answer = present(INFORMATION, session.account_api().get_contact_information().send().await, &NONE)?;
        Ok(answer.and_then(|answer| answer.contact_information).map(|contact| {
            filled(&[
                ("AddressLine1", Some(contact.address_line1())),
                ("AddressLine2", contact.address_line2()),
                ("AddressLine3", contact.address_line3()),
                ("City", Some(contact.city())),
                ("CompanyName", contact.company_name()),
                ("CountryCode", Some(contact.country_code())),
                ("DistrictOrCounty", contact.district_or_county()),
                ("FullName", Some(contact.full_name())),
                ("PhoneNumber", Some(contact.phone_number())),
                ("PostalCode", Some(contact.postal_code())),
                ("StateOrRegion", contact.state_or_region()),
                ("WebsiteUrl", contact.website_url()),
            ])
        }))
    };
    session.observe(INFORMATION, &session.global_region(), work).await
}

/// The names of the fields that hold something.
fn filled(fields: &[(&str, Option<&str>)]) -> Contact {
    let held = fields.iter().filter(|(_, value)| value.is_some_and(|value| !value.trim().is_empty()));
    Contact { filled: held.map(|(name, _)| (*name).to_owned()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_filled_fields_are_kept() {
        let contact = filled(&[("EmailAddress", Some("a@example.com")), ("Name", Some("  ")), ("Title", None)]);
        assert_eq!(contact.filled.iter().map(String::as_str).collect::<Vec<_>>(), ["EmailAddress"]);
        assert!(!format!("{contact:?}").contains("example"));
    }
}
