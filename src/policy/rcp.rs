//! What a chain of resource control policies decides.
//!
//! Owns: which requests RCPs bind, and the RCP that AWS attaches everywhere. Must not: know where a resource is; RCPs do
//! not bind those of the management account, and the caller knows which these are.
//!
//! Source: Organizations User Guide, "Resource control policies (RCPs)" and "RCP evaluation".

use super::document::Document;
use super::evaluate::{Decision, evaluate_chain};
use super::quotas::Quotas;
use super::request::Request;
use super::shown;
use std::sync::LazyLock;

/// `RCPFullAWSAccess`: AWS attaches it to the root, every OU and every account, and it can't be detached.
pub const RCP_FULL_AWS_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// Joins the RCPs of root, OUs and account, the customer's own at each level: an Allow is needed at each level, and
/// `RCPFullAWSAccess`, which is at each level whether it was listed or not, gives it; a Deny at any level wins.
///
/// No levels at all are RCPs that are not enabled: `Allow`. Service-linked roles, services that RCPs do not reach and actions
/// that they spare are `Allow` too; but where a policy names a service that we don't know to be reached, that is "cannot
/// tell": AWS extends that list.
pub fn evaluate_rcp_chain(levels: &[Vec<&Document>], request: &Request) -> Decision {
    static FULL: LazyLock<Option<Document>> = LazyLock::new(|| Document::parse(RCP_FULL_AWS_ACCESS).ok());
    let quotas = Quotas::embedded();
    if request.principal.is_service_linked_role() || quotas.rcps_spare(&request.action) {
        return Decision::Allow;
    }
    let with_full: Vec<Vec<&Document>> =
        levels.iter().map(|level| level.iter().copied().chain(FULL.as_ref()).collect()).collect();
    let decision = evaluate_chain(&with_full, request);
    let service = request.action.split_once(':').map_or("", |(service, _)| service);
    if quotas.rcps_bind(service) || decision == Decision::Allow {
        return decision;
    }
    let why =
        format!("an RCP may deny `{}`, and `{}` is not known to support RCPs", shown(&request.action), shown(service));
    Decision::CannotTell { why }
}
