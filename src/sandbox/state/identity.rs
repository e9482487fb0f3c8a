//! What IAM, Account Management and Budgets keep besides users, groups, roles and policies.
//!
//! Owns: the shape of certificates, providers, further credentials of users, contacts and budgets. Must not: generate them.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// Certificates, providers, and credentials of users that are no keys and no passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Server certificates by name.
    pub certificates: BTreeMap<String, ServerCertificate>,
    /// SAML providers by ARN.
    pub saml_providers: BTreeMap<String, SamlProvider>,
    /// SSH public keys by user.
    pub ssh_keys: BTreeMap<String, Vec<SshKey>>,
    /// Service-specific credentials by user.
    pub service_credentials: BTreeMap<String, Vec<ServiceCredential>>,
}

/// A server certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// `ASCA` and 17 characters.
    pub id: String,
    /// Its path.
    pub path: String,
    /// When it was uploaded.
    pub uploaded: Timestamp,
    /// When it expires.
    pub expires: Timestamp,
}

/// A SAML provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlProvider {
    /// When it was created.
    pub created: Timestamp,
    /// Until when its metadata is valid.
    pub valid_until: Timestamp,
}

/// An SSH public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// `APKA` and 17 characters.
    pub id: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was uploaded.
    pub uploaded: Timestamp,
}

/// A service-specific credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCredential {
    /// `ACCA` and 17 characters.
    pub id: String,
    /// The service, such as `codecommit.amazonaws.com`.
    pub service: String,
    /// Whether it can be used.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// Whom AWS can reach. Fields by AWS's names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contacts {
    /// Alternate contacts by type: `BILLING`, `OPERATIONS`, `SECURITY`.
    pub alternate: BTreeMap<String, BTreeMap<String, String>>,
    /// The contact information; empty if there is none.
    pub information: BTreeMap<String, String>,
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// `COST`, `USAGE` ...
    pub kind: String,
    /// The limit in US dollars.
    pub limit: u32,
    /// Percents at which someone is told.
    pub notifications: Vec<u32>,
    /// Its cost filters: values by name; empty if it counts everything.
    pub filters: BTreeMap<String, Vec<String>>,
    /// When it ends; AWS's default of 2087-06-15 if nobody said.
    pub ends: Option<Timestamp>,
}
