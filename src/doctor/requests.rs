//! Requests as they will be sent, made of what a policy document has to allow.
//!
//! Owns: one resource for each pattern, and what is known around a request. Must not: decide anything.

use super::allowed::Holder;
use crate::grants::Grant;
use crate::model::{AccountId, OrgFacts, Region};
use crate::policy::{Context, Request};

/// What stands for a name that is not known before.
const SOME: &str = "orgward-example";
/// Services whose requests carry one Region of the partition, whatever Region they are sent from.
const GLOBAL: [&str; 4] = ["account", "budgets", "iam", "organizations"];

/// Where requests go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    pub(super) org: &'p OrgFacts,
    /// The account that is asked.
    pub(super) account: &'p AccountId,
    /// The Region that regional services are asked in.
    pub(super) region: &'p Region,
    /// The Region that global services' requests carry.
    pub(super) global: &'p Region,
}

impl Place<'_> {
    /// A request of somebody.
    pub(super) fn request(&self, holder: &Holder, action: &str, resource: &str) -> Request {
        let organization = &self.org.organization;
        let service = action.split_once(':').map_or(action, |(service, _)| service);
        let region = if GLOBAL.contains(&service) { self.global } else { self.region };
        let mut context = Context::partial()
            .with("aws:PrincipalOrgID", &organization.id)
            .with("aws:ResourceOrgID", &organization.id)
            .with("aws:RequestedRegion", region.as_str())
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .without("aws:AssumedRoot")
            .without("aws:CalledVia")
            .with_all("aws:TagKeys", ["orgward:managed"]);
        for (key, value) in &holder.tags {
            context = context.with(&format!("aws:PrincipalTag/{key}"), value);
        }
        Request {
            principal: holder.principal.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            context,
        }
    }

    /// The requests that a grant is for, each action on each kind of resource.
    pub(super) fn requests<'g>(
        &'g self,
        holder: &'g Holder,
        grant: &'g Grant,
    ) -> impl Iterator<Item = Request> + use<'g> {
        let resources: Vec<String> = grant.resources.iter().map(|pattern| self.concrete(pattern)).collect();
        grant.actions.iter().flat_map(move |action| {
            let resources = resources.clone();
            resources.into_iter().map(move |resource| self.request(holder, action, &resource))
        })
    }

    /// A resource that a pattern of ARNs matches.
    fn concrete(&self, pattern: &str) -> String {
        let parts: Vec<&str> = pattern.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts.as_slice() else { return pattern.to_owned() };
        let region = region.replace('*', self.region.as_str());
        let account = account.replace('*', self.account.as_str());
        let resource = resource.replace("o-*", &self.org.organization.id).replace('*', SOME);
        format!("{arn}:{partition}:{service}:{region}:{account}:{resource}")
    }
}
