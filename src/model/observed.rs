//! What was seen, and from where: a fact is present, absent or unknown, never silently missing.

use super::ids::Region;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a fact came from, stamped at the HTTP gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// `service:Operation`, such as `iam:GetAccountSummary`.
    pub operation: String,
    /// The Region the request was sent to.
    pub region: Region,
    /// When the (last) answer arrived.
    pub observed_at: Timestamp,
    /// When AWS made what it answered, where it says that this was earlier: a credential report may be 4 hours old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// AWS's request id of the (last) answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `sha256:<hex>` over the answer bodies, in page order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many answers (pages) the fact was read from.
    pub pages: u32,
}

impl Source {
    /// How old the fact was at `now`, in whole seconds; 0 if it is younger.
    pub fn age_seconds(&self, now: Timestamp) -> i64 {
        let made = self.made_at.unwrap_or(self.observed_at);
        now.as_second().saturating_sub(made.as_second()).max(0)
    }
}

/// Why a fact is unknown. The kinds are what summaries group by; each has one fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The audit or apply role could not be assumed: missing, a wrong ExternalId, or not trusted by the caller.
    AssumeRoleDenied,
    /// The call was denied by an identity policy, a session policy, an SCP or an RCP.
    AccessDenied,
    /// The credentials in use have expired or are not valid.
    ExpiredCredentials,
    /// Still throttled after every retry.
    Throttled,
    /// No connection, or it broke.
    Unreachable,
    /// This machine has no certificates of public CAs: nothing was sent.
    NoCertificates,
    /// No answer in time.
    TimedOut,
    /// An answer that is not AWS's (an HTML page of a proxy, garbage).
    NotAnAwsAnswer,
    /// The account is suspended, closed or was closed during the run.
    AccountNotActive,
    /// The run was interrupted before this fact was collected.
    Interrupted,
    /// Nobody asked for it in this run.
    NotCollected,
    /// It costs much and is asked for with a flag that this run was not given: no gap in what was asked.
    OptIn,
    /// Any other error AWS answered with; the message has its code.
    Other,
}

impl CauseKind {
    /// The name used in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRoleDenied => "assume_role_denied",
            Self::AccessDenied => "access_denied",
            Self::ExpiredCredentials => "expired_credentials",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::NoCertificates => "no_certificates",
            Self::TimedOut => "timed_out",
            Self::NotAnAwsAnswer => "not_an_aws_answer",
            Self::AccountNotActive => "account_not_active",
            Self::Interrupted => "interrupted",
            Self::NotCollected => "not_collected",
            Self::OptIn => "opt_in",
            Self::Other => "other",
        }
    }

    /// What the reader can do about it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::AssumeRoleDenied => {
                "check that the role exists in the account, trusts this caller, and that --role-name and the ExternalId are right"
            }
            Self::AccessDenied => "grant the role the named action, or look for an SCP that denies it",
            Self::ExpiredCredentials => "sign in again and repeat the run",
            Self::Throttled => "lower --max-concurrency, or run when the account is quieter",
            Self::Unreachable => "check the network, the proxy and AWS_ENDPOINT_URL",
            Self::NoCertificates => {
                "install the package ca-certificates, copy or mount /etc/ssl/certs/ca-certificates.crt into the container, or name a \
                 file of them with SSL_CERT_FILE"
            }
            Self::TimedOut => "check the network and the proxy, or run again",
            Self::NotAnAwsAnswer => "check AWS_ENDPOINT_URL and any proxy in between",
            Self::AccountNotActive => "nothing to do unless the account should be active",
            Self::Interrupted => "go on with `orgward audit --resume RUN`, or run again",
            Self::NotCollected | Self::OptIn => "run with the option that collects it",
            Self::Other => "see the message",
        }
    }
}

/// Why a fact is unknown or a call failed. Never holds a secret: messages are AWS's own error text, cut and cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{operation}: {message}")]
pub struct Cause {
    /// The kind, which summaries group by.
    pub kind: CauseKind,
    /// `service:Operation` that failed.
    pub operation: String,
    /// One line for people: AWS's error code and message.
    pub message: String,
}

impl Cause {
    /// A cause from its parts.
    pub fn new(kind: CauseKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, operation: operation.into(), message: message.into() }
    }

    /// A fact nobody asked for.
    pub fn not_collected(operation: impl Into<String>) -> Self {
        Self::new(CauseKind::NotCollected, operation, "not collected in this run")
    }
}

/// A fact: present, known to be absent, or unknown with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observed<T> {
    /// Seen.
    Present {
        /// The value.
        value: T,
        /// Where it came from.
        source: Source,
    },
    /// AWS said that it does not exist.
    Absent {
        /// Where that was said.
        source: Source,
    },
    /// It could not be seen.
    Unknown {
        /// Why.
        cause: Cause,
    },
}

impl<T> Observed<T> {
    /// An unknown fact.
    pub fn unknown(cause: Cause) -> Self {
        Self::Unknown { cause }
    }

    /// A fact nobody asked for.
    pub fn not_collected(operation: impl Into<String>) -> Self {
        Self::Unknown { cause: Cause::not_collected(operation) }
    }

    /// The value, if present.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Present { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The source, unless unknown.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Present { source, .. } | Self::Absent { source } => Some(source),
            Self::Unknown { .. } => None,
        }
    }

    /// The cause, if unknown.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Unknown { cause } => Some(cause),
            _ => None,
        }
    }

    /// `Ok(Some)` if present, `Ok(None)` if absent, `Err` with the cause if unknown: lets a check use `?`.
    ///
    /// # Errors
    /// The cause, if the fact is unknown.
    pub fn known(&self) -> Result<Option<&T>, &Cause> {
        match self {
            Self::Present { value, .. } => Ok(Some(value)),
            Self::Absent { .. } => Ok(None),
            Self::Unknown { cause } => Err(cause),
        }
    }

    /// The same fact with its value changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Observed<U> {
        match self {
            Self::Present { value, source } => Observed::Present { value: change(value), source },
            Self::Absent { source } => Observed::Absent { source },
            Self::Unknown { cause } => Observed::Unknown { cause },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_as_old_as_what_aws_answered_with() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let asked = Source {
            operation: "iam:GetCredentialReport".into(),
            region: "us-east-1".parse().unwrap(),
            observed_at: at(10_000),
            made_at: None,
            request_id: None,
            digest: None,
            pages: 1,
        };
        assert_eq!(asked.age_seconds(at(10_060)), 60);
        assert_eq!(asked.age_seconds(at(9_000)), 0, "seen after the moment of the run");
        let made = Source { made_at: Some(at(4_000)), ..asked };
        assert_eq!(made.age_seconds(at(10_060)), 6_060);
    }
}
