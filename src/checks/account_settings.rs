//! What every account should have switched on once: contacts that AWS can reach, Security Hub, GuardDuty.
//!
//! Owns: four checks. Must not: judge what Security Hub or GuardDuty find, or keep a name, an address or a telephone number.

use super::evaluate::{Check, Facts, Judge, Judgement, Outcome};
use super::references::aws;
use super::regions::disabled;
use super::thresholds::Thresholds;
use crate::model::Region;
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::contact::Contact;
use crate::model::finding::FailingResource;

/// The family.
pub(super) const CHECKS: &[Check] = &[
    Check { meta: SECURITY_CONTACT, judge: Judge::Whole(security_contact) },
    Check { meta: CONTACT_DETAILS, judge: Judge::Whole(contact_details) },
    Check { meta: SECURITY_HUB, judge: Judge::Region(security_hub) },
    Check { meta: GUARDDUTY, judge: Judge::Region(guardduty) },
];

const ACCOUNT_GUIDE: &str = "AWS Account Management reference guide";

pub(super) const SECURITY_CONTACT: CheckMeta = CheckMeta {
    id: "account-security-contact",
    title: "A security contact is registered",
    severity: Severity::Medium,
    granularity: Granularity::Account,
    rationale: "AWS writes to this contact when it sees an account abused. Without one the notice goes to the root user's \
                address only. The API proves that a contact is there, not that anyone reads what is sent to it: that stays a \
                manual control.",
    remediation: Remediation {
        console: "Account, Alternate contacts, Edit, Security contact: a mailbox of the security team, not of one person.",
        cli: "# from the management account, for a member\n\
              aws account put-alternate-contact --account-id <account id> --alternate-contact-type SECURITY --name \
              <team> --title <job title> --email-address <mailbox> --phone-number <phone number>",
        playbook: None,
    },
    references: &[aws(ACCOUNT_GUIDE, "Update the alternate contacts for your AWS account")],
    facts: &[Fact::SecurityContact],
};

/// What a security contact has to have.
const REACHABLE: [&str; 3] = ["EmailAddress", "Name", "PhoneNumber"];

fn security_contact(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let contact = facts.security_contact()?;
    Ok(present("security contact", contact, &REACHABLE))
}

pub(super) const CONTACT_DETAILS: CheckMeta = CheckMeta {
    id: "account-contact-details",
    title: "The account's contact details are filled in",
    severity: Severity::Low,
    granularity: Granularity::Account,
    rationale: "AWS uses the primary contact when the root user's address does not answer, also to give an account back to its \
                owner. The API proves that the details are there, not that they are still right: that stays a manual control.",
    remediation: Remediation {
        console: "Account, Contact information, Edit: full name, address and telephone number of the organization.",
        cli: "# from the management account, for a member\n\
              aws account put-contact-information --account-id <account id> --contact-information '{\"FullName\": \
              \"<name>\", \"AddressLine1\": \"<street>\", \"City\": \"<city>\", \"PostalCode\": \"<postal code>\", \
              \"CountryCode\": \"<country code>\", \"PhoneNumber\": \"<phone number>\"}'",
        playbook: None,
    },
    references: &[aws(ACCOUNT_GUIDE, "Update the primary contact for your AWS account")],
    facts: &[Fact::ContactInformation],
};

/// What the contact information has to have.
const DETAILS: [&str; 5] = ["AddressLine1", "City", "CountryCode", "FullName", "PhoneNumber"];

fn contact_details(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let contact = facts.contact_information()?;
    Ok(present("contact information", contact, &DETAILS))
}

/// Whether a contact is there with all of `wanted`. `what` has no ARN and stands for itself.
fn present(what: &str, contact: Option<&Contact>, wanted: &[&str]) -> Outcome {
    let Some(contact) = contact else {
        return Outcome::fail(what, format!("no {what} is registered"));
    };
    let missing: Vec<&str> = wanted.iter().copied().filter(|field| !contact.filled.contains(*field)).collect();
    if missing.is_empty() {
        return Outcome::pass(format!("a {what} is registered; whether it is right, no API can tell"));
    }
    Outcome::fail(what, format!("the {what} lacks {}", missing.join(", ")))
}

pub(super) const SECURITY_HUB: CheckMeta = CheckMeta {
    id: "account-security-hub",
    title: "Security Hub is on in every enabled Region",
    severity: Severity::Medium,
    granularity: Granularity::AccountRegion,
    rationale: "Security Hub gathers what other services find and checks configurations all day, not each quarter. What it does \
                not watch it can't tell.",
    remediation: Remediation {
        console: "In the delegated administrator: Security Hub, Configuration: central configuration for all accounts and \
                  Regions. In one account: Security Hub, Enable.",
        cli: "# in one account; central configuration does it for all\n\
              aws securityhub enable-security-hub --region <region>",
        playbook: None,
    },
    references: &[aws("AWS Security Hub user guide", "Enabling Security Hub CSPM")],
    facts: &[Fact::Regions, Fact::SecurityHub],
};

fn security_hub(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if let Some(outcome) = disabled(facts, region)? {
        return Ok(outcome);
    }
    Ok(match facts.security_hub(region)? {
        Some(hub) => Outcome::pass(match hub.subscribed_at {
            Some(then) => format!("on in {region} since {}", then.strftime("%Y-%m-%d")),
            None => format!("on in {region}"),
        }),
        None => Outcome::fail("Security Hub", format!("the account is not subscribed to Security Hub in {region}")),
    })
}

pub(super) const GUARDDUTY: CheckMeta = CheckMeta {
    id: "account-guardduty",
    title: "GuardDuty is on in every enabled Region",
    severity: Severity::High,
    granularity: Granularity::AccountRegion,
    rationale: "GuardDuty reads trails, flow logs and name look-ups for signs of stolen credentials and misused resources, also \
                in Regions nobody uses, which intruders like.",
    remediation: Remediation {
        console: "In the delegated administrator: GuardDuty, Accounts, Auto-enable for all accounts, in each Region. In one \
                  account: GuardDuty, Get started, Enable.",
        cli: "aws guardduty create-detector --enable --region <region>\n\
              # or, where a detector is suspended\n\
              aws guardduty update-detector --detector-id <detector id> --enable --region <region>",
        playbook: None,
    },
    references: &[aws("Amazon GuardDuty user guide", "Getting started with GuardDuty")],
    facts: &[Fact::Regions, Fact::Detectors],
};

fn guardduty(facts: &mut Facts<'_>, region: &Region, _: &Thresholds) -> Judgement {
    if let Some(outcome) = disabled(facts, region)? {
        return Ok(outcome);
    }
    let detectors = facts.detectors(region)?;
    if let Some(detector) = detectors.iter().find(|detector| detector.enabled) {
        return Ok(Outcome::pass(format!("detector `{}` is enabled in {region}", detector.id)));
    }
    let suspended: Vec<FailingResource> = detectors
        .iter()
        .map(|detector| FailingResource {
            resource: detector.id.clone(),
            message: format!("detector `{}` is suspended", detector.id),
        })
        .collect();
    if suspended.is_empty() {
        return Ok(Outcome::fail("GuardDuty", format!("no GuardDuty detector in {region}")));
    }
    Ok(Outcome::Fail(format!("the GuardDuty detector in {region} is suspended"), suspended))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, absent, contact, home, region, seen};
    use super::super::tests::{judge, judge_all};
    use super::*;
    use crate::model::region::{Detector, SecurityHub};
    use crate::model::{AccountFacts, Finding, Observed, Verdict};

    fn of(facts: &AccountFacts, meta: &CheckMeta) -> Finding {
        judge(&fixtures::org(), facts, meta.id)
    }

    fn in_regions(facts: &AccountFacts, meta: &CheckMeta) -> Vec<Finding> {
        judge_all(&fixtures::org(), facts, &Thresholds::default(), meta.id)
    }

    #[test]
    fn a_contact_is_there_or_fails_by_what_it_lacks() {
        let with = |security_contact| AccountFacts { security_contact, ..fixtures::account() };
        let finding = of(&fixtures::account(), &SECURITY_CONTACT);
        assert_eq!(finding.verdict, Verdict::Pass);
        assert_eq!(finding.message, "a security contact is registered; whether it is right, no API can tell");
        let none = of(&with(absent("account:GetAlternateContact")), &SECURITY_CONTACT);
        assert_eq!((none.verdict, none.message.as_str()), (Verdict::Fail, "no security contact is registered"));
        assert_eq!(none.resources[0].resource, "security contact");
        let half = of(&with(seen("account:GetAlternateContact", contact(&["Name", "Title"]))), &SECURITY_CONTACT);
        assert_eq!(half.verdict, Verdict::Fail);
        assert_eq!(half.message, "the security contact lacks EmailAddress, PhoneNumber");
    }

    #[test]
    fn contact_details_are_judged_by_presence_alone() {
        let with = |contact_information| AccountFacts { contact_information, ..fixtures::account() };
        assert_eq!(of(&fixtures::account(), &CONTACT_DETAILS).verdict, Verdict::Pass);
        assert_eq!(of(&with(absent("account:GetContactInformation")), &CONTACT_DETAILS).verdict, Verdict::Fail);
        let half = of(&with(seen("account:GetContactInformation", contact(&["FullName"]))), &CONTACT_DETAILS);
        assert_eq!(half.message, "the contact information lacks AddressLine1, City, CountryCode, PhoneNumber");
    }

    #[test]
    fn security_hub_is_judged_region_by_region() {
        let mut facts = fixtures::account();
        facts.watchers.get_mut(&region("us-east-1")).unwrap().security_hub = absent("securityhub:DescribeHub");
        let found = in_regions(&facts, &SECURITY_HUB);
        let verdicts: Vec<Verdict> = found.iter().map(|finding| finding.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::NotApplicable]);
        assert_eq!(found[0].message, "on in eu-central-1 since 2025-08-05");
        assert_eq!(found[1].message, "the account is not subscribed to Security Hub in us-east-1");
        facts.watchers.get_mut(&home()).unwrap().security_hub =
            seen("securityhub:DescribeHub", SecurityHub { arn: "hub".to_owned(), subscribed_at: None });
        assert_eq!(in_regions(&facts, &SECURITY_HUB)[0].message, "on in eu-central-1");
    }

    #[test]
    fn a_suspended_detector_is_no_detector() {
        let with = |detectors: Observed<Vec<Detector>>| {
            let mut facts = fixtures::account();
            facts.watchers.get_mut(&home()).unwrap().detectors = detectors;
            in_regions(&facts, &GUARDDUTY).swap_remove(0)
        };
        let detector = |id: &str, enabled| Detector { id: id.to_owned(), enabled };
        let list = |detectors: Vec<Detector>| seen("guardduty:ListDetectors", detectors);
        assert_eq!(with(list(vec![detector("a", false), detector("b", true)])).verdict, Verdict::Pass);
        let none = with(list(vec![]));
        assert_eq!((none.verdict, none.message.as_str()), (Verdict::Fail, "no GuardDuty detector in eu-central-1"));
        let suspended = with(list(vec![detector("a", false)]));
        assert_eq!(suspended.verdict, Verdict::Fail);
        assert_eq!(suspended.resources[0].message, "detector `a` is suspended");
        let facts = fixtures::account();
        assert_eq!(in_regions(&facts, &GUARDDUTY)[2].verdict, Verdict::NotApplicable);
    }
}
