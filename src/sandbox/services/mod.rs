//! The services: a file each, a table of the operations orgward calls in each file.
//!
//! Owns: which services exist, how each is spoken to, and its words for the errors all services have. Must not: see a
//! wire format.

pub mod access_analyzer;
pub mod account;
pub mod budgets;
pub mod cloudtrail;
pub mod cloudwatch;
pub mod config;
pub mod guardduty;
pub mod iam;
pub mod logs;
pub mod organizations;
pub mod s3;
pub mod securityhub;
pub mod sns;
pub mod sts;
#[cfg(test)]
pub(crate) mod testing;

use super::Handler;
use super::wire::Protocol;
use super::wire::rest::Route;

/// Operations by name.
pub type Operations = &'static [(&'static str, Handler)];

/// A service.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    /// The prefix of its actions in policies; also its name in faults and logs.
    pub(crate) prefix: &'static str,
    /// Its name in a credential scope.
    pub(crate) signing: &'static str,
    /// What comes before the operation in `X-Amz-Target`.
    pub(crate) target: Option<&'static str>,
    /// Its name in an RPC v2 CBOR path.
    pub(crate) cbor: Option<&'static str>,
    /// The XML namespace of its query protocol, if it speaks it.
    pub(crate) query: Option<&'static str>,
    /// The XML namespace of its restXml protocol, if it speaks it.
    pub(crate) xml: Option<&'static str>,
    /// `POST` paths and their operations, for a REST service.
    pub(crate) paths: &'static [(&'static str, &'static str)],
    /// The other routes of a REST service.
    pub(crate) routes: &'static [Route],
    /// Whether one endpoint serves every Region.
    pub(crate) global: bool,
    /// Code and status of a denied call.
    pub(crate) denied: (&'static str, u16),
    /// The code of an input its model rejects.
    pub(crate) validation: &'static str,
    /// Errors whose shape has another name than the code the query protocol writes: code and name. JSON and CBOR write the
    /// name, and the code in `x-amzn-query-error`.
    pub(crate) error_shapes: &'static [(&'static str, &'static str)],
    /// Where an error's message is, in JSON.
    pub(crate) message_member: &'static str,
    /// Its operations, in as many tables as it has files.
    pub(crate) operations: &'static [Operations],
}

const PLAIN: Service = Service {
    prefix: "",
    signing: "",
    target: None,
    cbor: None,
    query: None,
    xml: None,
    paths: &[],
    routes: &[],
    global: false,
    denied: ("AccessDeniedException", 400),
    validation: "ValidationException",
    error_shapes: &[],
    message_member: "message",
    operations: &[],
};

/// Every service the sandbox has.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        prefix: "organizations",
        signing: "organizations",
        target: Some("AWSOrganizationsV20161128"),
        global: true,
        validation: "InvalidInputException",
        message_member: "Message",
        operations: organizations::OPERATIONS,
        ..PLAIN
    },
    Service {
        prefix: "sts",
        signing: "sts",
        query: Some("https://sts.amazonaws.com/doc/2011-06-15/"),
        denied: ("AccessDenied", 403),
        validation: "ValidationError",
        operations: &[sts::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "access-analyzer",
        signing: "access-analyzer",
        routes: access_analyzer::ROUTES,
        denied: ("AccessDeniedException", 403),
        operations: &[access_analyzer::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "account",
        signing: "account",
        paths: &[
            ("/getAlternateContact", "GetAlternateContact"),
            ("/getContactInformation", "GetContactInformation"),
            ("/listRegions", "ListRegions"),
        ],
        global: true,
        denied: ("AccessDeniedException", 403),
        operations: &[account::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "iam",
        signing: "iam",
        query: Some("https://iam.amazonaws.com/doc/2010-05-08/"),
        global: true,
        denied: ("AccessDenied", 403),
        validation: "ValidationError",
        operations: &[iam::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "budgets",
        signing: "budgets",
        target: Some("AWSBudgetServiceGateway"),
        global: true,
        validation: "InvalidParameterException",
        message_member: "Message",
        operations: &[budgets::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "cloudtrail",
        signing: "cloudtrail",
        target: Some("CloudTrail_20131101"),
        operations: &[cloudtrail::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "logs",
        signing: "logs",
        target: Some("Logs_20140328"),
        validation: "InvalidParameterException",
        operations: &[logs::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "cloudwatch",
        signing: "monitoring",
        target: Some("GraniteServiceVersion20100801"),
        cbor: Some("GraniteServiceVersion20100801"),
        query: Some("http://monitoring.amazonaws.com/doc/2010-08-01/"),
        denied: ("AccessDenied", 403),
        validation: "ValidationError",
        error_shapes: &[
            ("InvalidParameterValue", "InvalidParameterValueException"),
            ("InvalidParameterCombination", "InvalidParameterCombinationException"),
            ("MissingParameter", "MissingRequiredParameterException"),
            ("ValidationError", "ValidationException"),
        ],
        operations: &[cloudwatch::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "config",
        signing: "config",
        target: Some("StarlingDoveService"),
        operations: &[config::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "guardduty",
        signing: "guardduty",
        routes: guardduty::ROUTES,
        denied: ("AccessDeniedException", 403),
        validation: guardduty::BAD_REQUEST,
        operations: &[guardduty::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "s3",
        signing: "s3",
        xml: Some("http://s3.amazonaws.com/doc/2006-03-01/"),
        routes: s3::ROUTES,
        denied: ("AccessDenied", 403),
        validation: "InvalidArgument",
        operations: &[s3::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "securityhub",
        signing: "securityhub",
        routes: securityhub::ROUTES,
        denied: ("AccessDeniedException", 403),
        validation: "InvalidInputException",
        message_member: "Message",
        operations: &[securityhub::OPERATIONS],
        ..PLAIN
    },
    Service {
        prefix: "sns",
        signing: "sns",
        query: Some("http://sns.amazonaws.com/doc/2010-03-31/"),
        denied: ("AuthorizationError", 403),
        validation: "InvalidParameter",
        operations: &[sns::OPERATIONS],
        ..PLAIN
    },
];

impl Service {
    /// The handler of an operation.
    pub(crate) fn handler(&self, operation: &str) -> Option<Handler> {
        let mut all = self.operations.iter().flat_map(|table| table.iter());
        all.find(|(name, _)| *name == operation).map(|(_, handler)| *handler)
    }

    /// An error's code as CloudTrail records it: each service's word for a denial is `AccessDenied` there.
    pub(crate) fn recorded(&self, code: &str) -> String {
        if code == self.denied.0 { "AccessDenied".to_owned() } else { code.to_owned() }
    }

    /// Whether errors in other protocols carry the query protocol's code along.
    pub(crate) fn query_compatible(&self, protocol: Protocol) -> bool {
        self.query.is_some() && protocol != Protocol::Query
    }
}
