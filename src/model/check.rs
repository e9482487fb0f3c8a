//! What a check says of itself: the one source of `checks list`, README tables, permissions and JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a failure is, worst last so that `>=` means "at least as bad".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Little harm alone.
    Low,
    /// A gap an attacker could use with others.
    Medium,
    /// A gap an attacker could use.
    High,
    /// Close now.
    Critical,
}

impl Severity {
    /// All, mildest first.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The name used in flags, JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What kind of target a check gives a verdict for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One verdict for the organization.
    Organization,
    /// One verdict for each account.
    Account,
    /// One verdict for each account and Region in scope.
    AccountRegion,
}

/// A fact a check reads. Each is produced by named API calls (the fact catalogue in `collect`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The tree, the accounts and the enabled policy types.
    Organization,
    /// Service control policies with documents and attachments.
    ServiceControlPolicies,
    /// Organization trails with status and selectors.
    OrganizationTrails,
    /// Filters, alarms and subscriptions around an organization trail's log group.
    OrganizationMonitoring,
    /// `GetAccountSummary`.
    AccountSummary,
    /// `GetAccountPasswordPolicy`.
    PasswordPolicy,
    /// The credential report.
    CredentialReport,
    /// `GetAccountAuthorizationDetails`.
    Authorization,
    /// `ListVirtualMFADevices`.
    VirtualMfaDevices,
    /// `ListRegions`.
    Regions,
    /// The account's trails with status and selectors.
    Trails,
    /// Filters, alarms and subscriptions around log groups of the account's own trails.
    Monitoring,
    /// Resource control policies with documents and attachments.
    ResourceControlPolicies,
    /// Central management of root credentials: `ListOrganizationsFeatures`.
    RootFeatures,
    /// Services with trusted access, and delegated administrators with their services.
    OrganizationServices,
    /// Access Analyzer's analyzers of the organization.
    OrganizationAnalyzers,
    /// The management account's billing alarms and budgets.
    OrganizationBilling,
    /// The role with which the account was entered.
    AuditRole,
    /// The longest session of each role: `ListRoles`.
    RoleSessions,
    /// `ListServerCertificates`.
    ServerCertificates,
    /// `ListSAMLProviders`.
    SamlProviders,
    /// `ListServiceSpecificCredentials`.
    ServiceSpecificCredentials,
    /// `ListSSHPublicKeys` of every user, with `--deep`.
    SshPublicKeys,
    /// The security contact: `GetAlternateContact`.
    SecurityContact,
    /// `GetContactInformation`.
    ContactInformation,
    /// Analyzers of IAM Access Analyzer in a Region, with their active findings.
    Analyzers,
    /// Configuration recorders of AWS Config in a Region.
    ConfigRecorders,
    /// Security Hub in a Region.
    SecurityHub,
    /// GuardDuty in a Region.
    Detectors,
    /// Buckets of the account that trails write to.
    TrailBuckets,
    /// Config rules of the home Region.
    ConfigRules,
    /// The account's own alarms on estimated charges.
    BillingAlarms,
    /// Recent management events, with `--events`.
    RecentEvents,
}

impl Fact {
    /// Every fact, in order.
    pub const ALL: [Self; 33] = [
        Self::Organization,
        Self::ServiceControlPolicies,
        Self::OrganizationTrails,
        Self::OrganizationMonitoring,
        Self::AccountSummary,
        Self::PasswordPolicy,
        Self::CredentialReport,
        Self::Authorization,
        Self::VirtualMfaDevices,
        Self::Regions,
        Self::Trails,
        Self::Monitoring,
        Self::ResourceControlPolicies,
        Self::RootFeatures,
        Self::OrganizationServices,
        Self::OrganizationAnalyzers,
        Self::OrganizationBilling,
        Self::AuditRole,
        Self::RoleSessions,
        Self::ServerCertificates,
        Self::SamlProviders,
        Self::ServiceSpecificCredentials,
        Self::SshPublicKeys,
        Self::SecurityContact,
        Self::ContactInformation,
        Self::Analyzers,
        Self::ConfigRecorders,
        Self::SecurityHub,
        Self::Detectors,
        Self::TrailBuckets,
        Self::ConfigRules,
        Self::BillingAlarms,
        Self::RecentEvents,
    ];

    /// Whether it is about the organization, and known before any account is looked at.
    pub fn of_organization(self) -> bool {
        matches!(
            self,
            Self::Organization
                | Self::ServiceControlPolicies
                | Self::ResourceControlPolicies
                | Self::OrganizationTrails
                | Self::OrganizationMonitoring
                | Self::RootFeatures
                | Self::OrganizationServices
                | Self::OrganizationAnalyzers
                | Self::OrganizationBilling
        )
    }
}

/// What a check rests on. The controls it answers are the frameworks' to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// The AWS document.
    pub document: &'static str,
    /// Its section.
    pub section: &'static str,
}

/// How to mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remediation {
    /// In the console.
    pub console: &'static str,
    /// With the AWS CLI: lines of a shell, each a whole command or a comment that begins with `# `. `<...>` marks what to fill
    /// in.
    pub cli: &'static str,
    /// The shipped playbook that does it, if one does.
    pub playbook: Option<&'static str>,
}

/// Everything a check says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckMeta {
    /// Fixed forever: reports, exemptions and fingerprints use it.
    pub id: &'static str,
    /// What is right when the check passes, as a sentence without a full stop.
    pub title: &'static str,
    /// How bad a failure is.
    pub severity: Severity,
    /// The target of its verdict.
    pub granularity: Granularity,
    /// Why it matters.
    pub rationale: &'static str,
    /// How to mend a failure.
    pub remediation: Remediation,
    /// AWS documents that say so.
    pub references: &'static [Reference],
    /// Facts it reads. A read fact that is unknown never gives a pass.
    pub facts: &'static [Fact],
}
