//! Who may do what in an account: users, groups and roles with every policy that holds for each.
//!
//! Owns: joining inline, attached and group policies with the permissions boundary, reading each document once, and telling
//! administrators. Service-linked roles are left out: AWS alone writes them. Must not: weigh SCPs, or give a verdict.
//!
//! Source: IAM User Guide, "Policy evaluation logic" and "Permissions boundaries for IAM entities".

use super::documents::Documents;
use super::evaluate::Facts;
use crate::model::iam::{Authorization, InlinePolicy};
use crate::model::org::Organization;
use crate::model::{AccountId, Cause};
use crate::policy::{Context, Decision, Document, Effect, Principal, Request, evaluate, evaluate_chain};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The call that principals and policies come from.
pub(super) const AUTHORIZATION: &str = "iam:GetAccountAuthorizationDetails";

/// A name that nothing has.
pub(super) const INVENTED: &str = "4b1d-no-such-name";
/// An action that no service has: what allows it allows everything but what it leaves out.
pub(super) const ANY_ACTION: &str = "4b1d:NoSuchAction";
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
    Role,
}

/// A user, a group or a role.
pub(super) struct Holder<'a> {
    pub kind: Kind,
    pub name: &'a str,
    pub arn: &'a str,
    /// The trust policy of a role.
    pub trust: Option<&'a str>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<&'a str>,
    pub tags: Option<&'a BTreeMap<String, String>>,
    /// Positions among the documents of the account.
    policies: Vec<usize>,
    bounded_by: Option<usize>,
    /// Why a document that holds for it can't be read, for each such document.
    unread: Vec<String>,
}

/// How much a principal may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything, or all but a few things it could give itself.
    Administrator,
    /// Everything but IAM, or so: any action that nothing names.
    PowerUser,
    /// Less.
    Less,
    /// It can't be told, and why.
    CannotTell(String),
}

/// The principals of an account.
pub(super) struct Principals<'a> {
    pub account: &'a AccountId,
    pub partition: &'a str,
    home: &'a str,
    organization: &'a str,
    own_policies: Vec<&'a str>,
    as_of: String,
    holders: Vec<Holder<'a>>,
    documents: Vec<Rc<Document>>,
    /// Whether each document may allow an action that nothing names.
    open: Vec<bool>,
}

impl<'a> Principals<'a> {
    /// Reads `Authorization` and `Organization`, both of which the check must declare. The checks of an account share what
    /// is made of them.
    ///
    /// # Errors
    /// The cause of a fact that is not known.
    pub fn of(facts: &mut Facts<'a>) -> Result<Rc<Self>, Cause> {
        let organization = facts.tree()?.organization();
        let authorization = facts.authorization()?;
        let Some(account) = facts.account_id() else { return Err(Cause::not_collected(AUTHORIZATION)) };
        let (as_of, shared) = (facts.org.as_of, facts.shared());
        let read = || Rc::new(Self::read(organization, account, authorization, (&shared.documents, as_of)));
        Ok(Rc::clone(shared.principals.get_or_init(read)))
    }

    fn read(
        organization: &'a Organization,
        account: &'a AccountId,
        authorization: &'a Authorization,
        (known, as_of): (&Documents<'a>, Timestamp),
    ) -> Self {
        let mut library = Library { known, documents: Vec::new(), managed: BTreeMap::new() };
        let holders = holders(authorization, &mut library);
        let own = authorization.policies.iter().filter(|policy| !policy.aws_managed() && policy.attachment_count > 0);
        let open = library.documents.iter().map(|document| may_allow(document, ANY_ACTION)).collect();
        Self {
            account,
            partition: &organization.partition,
            home: organization.home_region.as_str(),
            own_policies: own.map(|policy| policy.arn.as_str()).collect(),
            organization: &organization.id,
            as_of: as_of.to_string(),
            holders,
            documents: library.documents,
            open,
        }
    }

    /// Users, groups and roles, in AWS's order.
    pub fn holders(&self) -> &[Holder<'a>] {
        &self.holders
    }

    /// The home Region.
    pub fn home(&self) -> &'a str {
        self.home
    }

    /// ARNs of customer-managed policies that somebody carries.
    pub fn own_policies(&self) -> &[&'a str] {
        &self.own_policies
    }

    /// Every document of the account; [`Self::policies_of`] tells whose they are.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().map(Rc::as_ref)
    }

    /// One of them.
    pub fn document(&self, at: usize) -> Option<&Document> {
        self.documents.get(at).map(Rc::as_ref)
    }

    /// Positions among [`Self::documents`] of the policies that give a principal its permissions, groups' included.
    pub fn policies_of<'h>(&self, holder: &'h Holder<'a>) -> &'h [usize] {
        &holder.policies
    }

    /// Why something about a principal can't be told at all: a document is missing or can't be read.
    pub fn unread<'h>(&self, holder: &'h Holder<'a>) -> Option<&'h str> {
        holder.unread.first().map(String::as_str)
    }

    /// An IAM ARN of this account, such as `role/name`.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }

    /// An ARN of this account in the home Region.
    pub fn regional_arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.home, self.account)
    }

    /// What is known around a request of a principal that signed in with MFA, over TLS, by itself. Tags of a session may
    /// hide those of a role, so only tags a role has are known.
    pub fn context(&self, holder: &Holder<'a>, action: &str) -> Context {
        let mut context = Context::partial()
            .with("aws:MultiFactorAuthPresent", "true")
            .with("aws:SecureTransport", "true")
            .with("aws:ViaAWSService", "false")
            .without("aws:CalledVia")
            .with("aws:CurrentTime", &self.as_of)
            .with("aws:PrincipalOrgID", self.organization)
            .with("aws:ResourceAccount", self.account.as_str())
            .with("aws:ResourceOrgID", self.organization);
        if let Some(region) = self.global_region(action) {
            context = context.with("aws:RequestedRegion", region);
        }
        for (key, value) in holder.tags.into_iter().flatten() {
            context = context.with(&format!("aws:PrincipalTag/{key}"), value);
        }
        if holder.kind == Kind::User {
            for key in self.tag_keys(holder) {
                if !holder.tags.is_some_and(|tags| tags.keys().any(|tag| tag.eq_ignore_ascii_case(key))) {
                    context = context.without(&format!("aws:PrincipalTag/{key}"));
                }
            }
        }
        context
    }

    /// The Region that requests of a global service carry.
    fn global_region(&self, action: &str) -> Option<&'static str> {
        let service = action.split(':').next().unwrap_or_default();
        ["account", "iam", "organizations"].contains(&service).then_some(match self.partition {
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            "aws-eusc" => "eusc-de-east-1",
            _ => "us-east-1",
        })
    }

    /// Keys of principal tags that a principal's policies ask for.
    fn tag_keys<'s>(&'s self, holder: &Holder<'a>) -> impl Iterator<Item = &'s str> {
        let documents: Vec<&Document> =
            holder.policies.iter().chain(&holder.bounded_by).filter_map(|at| self.document(*at)).collect();
        let conditions = documents.into_iter().flat_map(|document| document.statements()).flat_map(|s| s.conditions());
        conditions.filter_map(|condition| {
            let (prefix, key) = condition.key.split_once('/')?;
            prefix.eq_ignore_ascii_case("aws:PrincipalTag").then_some(key)
        })
    }

    /// Whether a Deny of the principal's policies or its boundary is certain.
    pub fn denies(&self, holder: &Holder<'a>, action: &str, resource: &str, context: Context) -> bool {
        let request = self.request(holder, action, resource, context);
        let documents = holder.policies.iter().chain(&holder.bounded_by).filter_map(|at| self.document(*at));
        matches!(evaluate(&documents.collect::<Vec<_>>(), &request), Decision::Deny { .. })
    }

    fn request(&self, holder: &Holder<'a>, action: &str, resource: &str, context: Context) -> Request {
        let principal = match holder.kind {
            Kind::Group => Principal { account: self.account.as_str().to_owned(), ..Principal::default() },
            Kind::User | Kind::Role => Principal::iam(holder.arn),
        };
        Request { principal, action: action.to_owned(), resource: resource.to_owned(), context }
    }

    /// Whether the action could be allowed somewhere by a policy of the principal that was read, and by its boundary.
    fn within_reach(&self, holder: &Holder<'a>, action: &str) -> bool {
        let could = |at: &usize| self.document(*at).is_some_and(|document| may_allow(document, action));
        holder.policies.iter().any(could) && holder.bounded_by.iter().all(could)
    }

    /// Whether nothing has to be made up to know that the action is not allowed: every policy was read, and none allows it.
    pub fn out_of_reach(&self, holder: &Holder<'a>, action: &str) -> bool {
        holder.unread.is_empty() && !self.within_reach(holder, action)
    }

    /// What the principal's policies and its boundary decide. A missing document leaves everything but a denial open.
    pub fn decide(&self, holder: &Holder<'a>, action: &str, resource: &str, context: Context) -> Decision {
        let request = self.request(holder, action, resource, context);
        let policies: Vec<&Document> = holder.policies.iter().filter_map(|at| self.document(*at)).collect();
        let boundary: Option<Vec<&Document>> = holder.bounded_by.map(|at| self.document(at).into_iter().collect());
        // What no policy could allow is not allowed, however little is known of a denial.
        let decision = if !self.within_reach(holder, action) {
            Decision::NoMatch
        } else {
            let levels: Vec<Vec<&Document>> = std::iter::once(policies).chain(boundary).collect();
            match levels.as_slice() {
                [only] => evaluate(only, &request),
                levels => evaluate_chain(levels, &request),
            }
        };
        match (decision, holder.unread.first()) {
            (denied @ Decision::Deny { .. }, _) => denied,
            (_, Some(why)) => Decision::CannotTell { why: why.clone() },
            (decision, None) => decision,
        }
    }

    /// How much a principal may do, by what its policies and its boundary decide for requests that only the mighty may make.
    pub fn standing(&self, holder: &Holder<'a>) -> Standing {
        if let Some(why) = holder.unread.first() {
            return Standing::CannotTell(why.clone());
        }
        if !holder.policies.iter().any(|at| self.open.get(*at) == Some(&true)) {
            return Standing::Less;
        }
        let ask = |action: &str, resource: &str| self.decide(holder, action, resource, self.context(holder, action));
        match ask(ANY_ACTION, &self.regional_arn("4b1d", INVENTED)) {
            Decision::Allow => {}
            Decision::Deny { .. } | Decision::NoMatch => return Standing::Less,
            Decision::CannotTell { why } => return Standing::CannotTell(why),
        }
        let role = self.arn(&format!("role/{INVENTED}"));
        let user = self.arn(&format!("user/{INVENTED}"));
        let mut unclear = None;
        for (action, resource) in
            [("iam:AttachRolePolicy", &role), ("iam:PutUserPolicy", &user), ("iam:UpdateAssumeRolePolicy", &role)]
        {
            let context = self.context(holder, action).without("iam:PermissionsBoundary");
            let context = context.with("iam:PolicyARN", &self.administrator_access());
            match self.decide(holder, action, resource, context) {
                Decision::Allow => {}
                Decision::Deny { .. } | Decision::NoMatch => return Standing::PowerUser,
                Decision::CannotTell { why } => unclear = unclear.or(Some(why)),
            }
        }
        unclear.map_or(Standing::Administrator, Standing::CannotTell)
    }

    /// The ARN of AdministratorAccess.
    pub fn administrator_access(&self) -> String {
        format!("arn:{}:iam::aws:policy/AdministratorAccess", self.partition)
    }
}

/// Whether a statement of the document allows an action somewhere, whatever denies it.
pub(super) fn may_allow(document: &Document, action: &str) -> bool {
    document.statements().iter().any(|s| s.effect() == Effect::Allow && s.covers_action(action))
}

/// One resource of those that a policy of the principal names by a pattern; `None` if it holds a variable that is not known
/// here.
pub(super) fn named(principals: &Principals<'_>, holder: &Holder<'_>, pattern: &str, region: &str) -> Option<String> {
    let text = resolved(principals, holder, pattern)?;
    let fill = |at: usize, part: &str| match (at, part.contains(['*', '?'])) {
        (_, false) => part.to_owned(),
        (1, true) => principals.partition.to_owned(),
        (3, true) => region.to_owned(),
        (4, true) => principals.account.as_str().to_owned(),
        (_, true) => part.replace('*', INVENTED).replace('?', "x"),
    };
    let parts: Vec<String> = text.splitn(6, ':').enumerate().map(|(at, part)| fill(at, part)).collect();
    Some(parts.join(":"))
}

/// A pattern of a principal's policy with its variables put in; `None` if one is not known here.
pub(super) fn resolved(principals: &Principals<'_>, holder: &Holder<'_>, pattern: &str) -> Option<String> {
    let mut text = pattern.replace("${aws:PrincipalAccount}", principals.account.as_str());
    if holder.kind == Kind::User {
        text = text.replace("${aws:username}", holder.name);
    }
    (!text.contains("${")).then_some(text)
}

/// Whether an ARN is that of AWS's AdministratorAccess, in any partition.
pub(super) fn is_administrator_access(arn: &str) -> bool {
    arn.ends_with(":iam::aws:policy/AdministratorAccess")
}

/// Documents, each read once.
struct Library<'a, 'k> {
    known: &'k Documents<'a>,
    documents: Vec<Rc<Document>>,
    managed: BTreeMap<&'a str, Result<usize, String>>,
}

impl<'a> Library<'a, '_> {
    fn read(&mut self, text: &'a str, name: &str) -> Result<usize, String> {
        let document = self.known.read(text).map_err(|why| format!("{name} can't be read: {why}"))?;
        self.documents.push(document);
        Ok(self.documents.len() - 1)
    }

    fn managed(&mut self, arn: &'a str, authorization: &'a Authorization) -> Result<usize, String> {
        if let Some(known) = self.managed.get(arn) {
            return known.clone();
        }
        let text = match authorization.policies.iter().find(|policy| policy.arn == arn) {
            Some(policy) => policy.document.as_deref(),
            None => None,
        };
        let read = match text {
            Some(text) => self.read(text, &format!("policy `{arn}`")),
            None if is_administrator_access(arn) => self.read(EVERYTHING, "AdministratorAccess"),
            None => Err(format!("the answer has no document for `{arn}`")),
        };
        self.managed.insert(arn, read.clone());
        read
    }

    fn all(
        &mut self,
        owner: &str,
        inline: &'a [InlinePolicy],
        attached: &'a [String],
        authorization: &'a Authorization,
    ) -> (Vec<usize>, Vec<String>) {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for policy in inline {
            match self.read(&policy.document, &format!("inline policy `{}` of `{owner}`", policy.name)) {
                Ok(at) => found.push(at),
                Err(why) => unread.push(why),
            }
        }
        for arn in attached {
            match self.managed(arn, authorization) {
                Ok(at) => found.push(at),
                Err(why) => unread.push(why),
            }
        }
        (found, unread)
    }
}

fn holders<'a>(authorization: &'a Authorization, library: &mut Library<'a, '_>) -> Vec<Holder<'a>> {
    let mut holders = Vec::new();
    let mut by_group: BTreeMap<&str, (Vec<usize>, Vec<String>)> = BTreeMap::new();
    for group in &authorization.groups {
        let (policies, unread) = library.all(&group.arn, &group.inline, &group.attached, authorization);
        by_group.insert(&group.name, (policies.clone(), unread.clone()));
        holders.push(Holder {
            kind: Kind::Group,
            name: &group.name,
            arn: &group.arn,
            trust: None,
            boundary: None,
            tags: None,
            policies,
            bounded_by: None,
            unread,
        });
    }
    for user in &authorization.users {
        let (mut policies, mut unread) = library.all(&user.arn, &user.inline, &user.attached, authorization);
        for group in &user.groups {
            match by_group.get(group.as_str()) {
                Some((more, missing)) => {
                    policies.extend(more);
                    unread.extend(missing.iter().cloned());
                }
                None => unread.push(format!("the answer has no group `{group}` of `{}`", user.arn)),
            }
        }
        let bounded_by = bound(user.boundary.as_deref(), authorization, library, &mut unread);
        holders.push(Holder {
            kind: Kind::User,
            name: &user.name,
            arn: &user.arn,
            trust: None,
            boundary: user.boundary.as_deref(),
            tags: Some(&user.tags),
            policies,
            bounded_by,
            unread,
        });
    }
    for role in authorization.roles.iter().filter(|role| !role.path.starts_with("/aws-service-role/")) {
        let (policies, mut unread) = library.all(&role.arn, &role.inline, &role.attached, authorization);
        let bounded_by = bound(role.boundary.as_deref(), authorization, library, &mut unread);
        holders.push(Holder {
            kind: Kind::Role,
            name: &role.name,
            arn: &role.arn,
            trust: Some(&role.trust_policy),
            boundary: role.boundary.as_deref(),
            tags: Some(&role.tags),
            policies,
            bounded_by,
            unread,
        });
    }
    holders
}

fn bound<'a>(
    boundary: Option<&'a str>,
    authorization: &'a Authorization,
    library: &mut Library<'a, '_>,
    unread: &mut Vec<String>,
) -> Option<usize> {
    library.managed(boundary?, authorization).inspect_err(|why| unread.push(why.clone())).ok()
}

#[cfg(test)]
mod tests;
