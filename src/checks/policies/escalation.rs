//! Privilege escalation: who can take more than they were given.
//!
//! Owns: trying each published way (`paths`) for each user and role of an account, over all policies that hold for it less its
//! permissions boundary. Must not: know the ways themselves, or weigh SCPs.
//!
//! What counts. A way through users, groups, roles or policies counts where the principal may use it on what does not exist
//! yet (that is: on any), on a policy, or on a principal that no boundary limits and that it would then fill; keys, passwords,
//! groups and trust policies of others count if those others are stronger. A way through a service counts where it is held on
//! anything at all: with `iam:PassRole` on any role, or on a stronger role that the service may assume; and, for what exists
//! already, on any such thing, or where a stronger role that the service may assume exists. Stronger are administrators and
//! whoever has a way of their own. A principal that may do everything but IAM gains by a service's role only if that is stronger.

use super::super::admin_policy::everything_in;
use super::super::documents::Documents;
use super::super::evaluate::{Facts, Judgement, Outcome};
use super::super::principals::{AUTHORIZATION, Holder, INVENTED, Kind, Principals, Standing, may_allow, named};
use super::super::references::aws;
use super::super::thresholds::Thresholds;
use super::paths::{Path, Published};
use crate::model::check::{CheckMeta, Fact, Granularity, Remediation, Severity};
use crate::model::finding::FailingResource;
use crate::policy::{Context, Decision, Document, Effect, Principal, Request, evaluate};
use std::collections::BTreeSet;

pub(super) const ESCALATION: CheckMeta = CheckMeta {
    id: "policy-privilege-escalation",
    title: "No user or role can take more than it was given",
    severity: Severity::High,
    granularity: Granularity::Account,
    rationale: "Some permissions are worth more than they look: who may write a policy, make a key for another user, or give a \
                role to a machine of theirs, can become administrator. Each published way is tried for each user and role, over \
                its inline, attached, AWS-managed and group policies together, less its permissions boundary. Administrators \
                have nothing left to take: only those are named whom no single policy makes one. SCPs are not subtracted.",
    remediation: Remediation {
        console: "IAM, the user or role: narrow the action named (iam:PassRole to the ARNs of the roles and with \
                  iam:PassedToService), or set a permissions boundary that leaves it out.",
        cli: "# a policy without the action that is named\n\
              aws iam create-policy-version --policy-arn <policy ARN> --policy-document file://narrow.json \
              --set-as-default\n\
              # or a boundary that leaves it out\n\
              aws iam put-role-permissions-boundary --role-name <role> --permissions-boundary <boundary policy ARN>",
        playbook: None,
    },
    references: &[aws("IAM user guide", "Grant a user permissions to pass a role to an AWS service")],
    facts: &[Fact::Organization, Fact::Authorization],
};

pub(super) fn escalation(facts: &mut Facts<'_>, _: &Thresholds) -> Judgement {
    let principals = Principals::of(facts)?;
    let (mut failing, mut administrators) = (Vec::new(), 0_usize);
    let search = Search::run(&principals, &facts.shared().documents);
    for (holder, found) in principals.holders().iter().zip(&search.found) {
        if holder.kind == Kind::Group {
            continue;
        }
        let message = match found {
            Found::Administrator if principals.policies_of(holder).iter().any(|at| alone(&principals, *at)) => {
                administrators += 1;
                continue;
            }
            Found::Administrator => "is an administrator by several policies together".to_owned(),
            Found::Nothing => continue,
            Found::Unclear(why) => {
                facts.doubt(AUTHORIZATION, format!("`{}`: {why}", holder.arn));
                continue;
            }
            Found::Ways(ways) => {
                let shown = ways.iter().take(3).cloned().collect::<Vec<_>>().join("; ");
                match ways.len().saturating_sub(3) {
                    0 => format!("can take more by {shown}"),
                    more => format!("can take more by {shown}; and {more} more ways"),
                }
            }
        };
        failing.push(FailingResource { resource: holder.arn.to_owned(), message });
    }
    let summary = |count| match count {
        1 => "1 user or role can take more than it was given".to_owned(),
        _ => format!("{count} users or roles can take more than they were given"),
    };
    let pass = match administrators {
        0 => "no user or role can take more than it was given".to_owned(),
        1 => "no user or role can take more than it was given, 1 administrator left out".to_owned(),
        _ => format!("no user or role can take more than it was given, {administrators} administrators left out"),
    };
    Ok(Outcome::of(failing, summary, &pass))
}

/// Whether one policy allows everything by itself.
fn alone(principals: &Principals<'_>, at: usize) -> bool {
    principals.document(at).is_some_and(|document| everything_in(document).is_some())
}

/// What was found for a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// It may do everything already.
    Administrator,
    /// It has these ways.
    Ways(Vec<String>),
    /// It has none.
    Nothing,
    /// It may have one, and why that can't be told.
    Unclear(String),
}

impl Found {
    fn stronger(&self) -> bool {
        matches!(self, Self::Administrator | Self::Ways(_))
    }
}

/// Whether a principal holds an action.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Held {
    /// On this, in words.
    Yes(String),
    No,
    /// It can't be told, and why.
    Unclear(String),
}

impl Held {
    /// The first that holds; else the first that can't be told.
    fn any(tries: impl IntoIterator<Item = Self>) -> Self {
        let mut unclear = Self::No;
        for held in tries {
            match held {
                Self::Yes(_) => return held,
                Self::Unclear(_) if unclear == Self::No => unclear = held,
                Self::Unclear(_) | Self::No => {}
            }
        }
        unclear
    }

    /// Both: what the later says, once the first holds.
    fn and(self, later: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes(_) => later(),
            Self::No => Self::No,
            Self::Unclear(why) => match later() {
                Self::No => Self::No,
                _ => Self::Unclear(why),
            },
        }
    }
}

/// The search through one account.
struct Search<'p, 'a> {
    principals: &'p Principals<'a>,
    published: &'static Published,
    /// Which of the ways' actions each document may allow.
    reach: Vec<BTreeSet<&'static str>>,
    standings: Vec<Standing>,
    /// The services among those of the ways that may assume each role.
    trusting: Vec<BTreeSet<&'static str>>,
    /// Regions to try, where a policy asks for one.
    regions: Vec<String>,
    found: Vec<Found>,
}

impl<'p, 'a> Search<'p, 'a> {
    fn run(principals: &'p Principals<'a>, documents: &Documents<'a>) -> Self {
        let published = Published::embedded();
        let (actions, services) = (published.actions(), published.services());
        let reach = |document| actions.iter().copied().filter(|action| may_allow(document, action)).collect();
        let trusting = |holder: &Holder<'a>| match holder.trust.map(|text| documents.read(text)) {
            Some(Ok(trust)) => trusted(holder, &trust, &services, principals),
            Some(Err(_)) => services.clone(),
            None => BTreeSet::new(),
        };
        let standings: Vec<Standing> = principals.holders().iter().map(|holder| principals.standing(holder)).collect();
        let found = standings.iter().map(|standing| match standing {
            Standing::Administrator => Found::Administrator,
            Standing::PowerUser | Standing::Less => Found::Nothing,
            Standing::CannotTell(why) => Found::Unclear(why.clone()),
        });
        let found = found.collect();
        let mut search = Self {
            principals,
            published,
            reach: principals.documents().map(reach).collect(),
            trusting: principals.holders().iter().map(trusting).collect(),
            regions: regions(principals),
            standings,
            found,
        };
        // Who turns out to have a way is a target worth taking: look again until nobody new does.
        let mut fresh: Vec<usize> = search.stronger();
        let mut first = true;
        while first || !fresh.is_empty() {
            let before = search.stronger();
            for at in 0..principals.holders().len() {
                search.look(at, if first { &before } else { &fresh }, first);
            }
            fresh = search.stronger().into_iter().filter(|at| !before.contains(at)).collect();
            first = false;
        }
        search
    }

    fn stronger(&self) -> Vec<usize> {
        (0..self.found.len()).filter(|at| self.found.get(*at).is_some_and(Found::stronger)).collect()
    }

    /// Tries every way for a principal that has none yet; later rounds try new targets only.
    fn look(&mut self, at: usize, targets: &[usize], first: bool) {
        let (Some(holder), Some(standing)) = (self.principals.holders().get(at), self.standings.get(at)) else {
            return;
        };
        let unclear = match self.found.get(at) {
            Some(Found::Nothing) => None,
            Some(Found::Unclear(why)) if !matches!(standing, Standing::CannotTell(_)) => Some(why.clone()),
            _ => return,
        };
        let reach: BTreeSet<&str> = self
            .principals
            .policies_of(holder)
            .iter()
            .filter_map(|at| self.reach.get(*at))
            .flatten()
            .copied()
            .collect();
        let within = |path: &&Path| path.needs.iter().all(|action| reach.contains(action.as_str()));
        let mut ways = Vec::new();
        let mut unclear = unclear;
        for path in self.published.paths.iter().filter(within) {
            match self.way(holder, standing, path, targets, first) {
                Held::Yes(on) => ways.push(format!("{}{on}", path.words())),
                Held::No => {}
                Held::Unclear(why) => unclear = unclear.or(Some(format!("{}: {why}", path.words()))),
            }
        }
        let found = match (ways.is_empty(), unclear) {
            (false, _) => Found::Ways(ways),
            (true, Some(why)) => Found::Unclear(why),
            (true, None) => Found::Nothing,
        };
        self.found.splice(at..=at, [found]);
    }

    fn way(&self, holder: &Holder<'a>, standing: &Standing, path: &Path, targets: &[usize], first: bool) -> Held {
        let Some(service) = path.service() else {
            // Each of these is one action.
            return Held::any(path.needs.iter().map(|action| self.on_iam(holder, action, targets, first)));
        };
        let others: Vec<&String> = path.needs.iter().filter(|action| *action != "iam:PassRole").collect();
        let mut held = Held::Yes(String::new());
        for action in &others {
            held = held.and(|| self.on_anything(holder, action));
        }
        let roles = || {
            targets.iter().filter_map(|at| Some((self.principals.holders().get(*at)?, self.trusting.get(*at)?))).filter(
                |(role, trusting)| role.kind == Kind::Role && role.arn != holder.arn && trusting.contains(service),
            )
        };
        let wide = first && *standing != Standing::PowerUser;
        if path.passes.is_some() {
            let any = wide.then(|| self.pass(holder, &self.invented("role"), service, " on any role"));
            let stronger =
                roles().map(|(role, _)| self.pass(holder, role.arn, service, &format!(" on `{}`", role.name)));
            return held.and(|| Held::any(any.into_iter().chain(stronger)));
        }
        held.and(|| {
            let mut any = Held::Yes(String::new());
            if wide {
                for action in &others {
                    any = any.and(|| self.on_probe(holder, action));
                }
            } else {
                any = Held::No;
            }
            let stronger = roles().map(|(role, _)| Held::Yes(format!(" that runs as `{}`", role.name)));
            Held::any(std::iter::once(any).chain(stronger))
        })
    }

    fn pass(&self, holder: &Holder<'a>, role: &str, service: &str, words: &str) -> Held {
        let context = self.principals.context(holder, "iam:PassRole").with("iam:PassedToService", service);
        self.ask(holder, "iam:PassRole", role, context, words)
    }

    /// One action on users, groups, roles or policies.
    fn on_iam(&self, holder: &Holder<'a>, action: &str, targets: &[usize], first: bool) -> Held {
        let name = action.strip_prefix("iam:").unwrap_or_default();
        let holders = self.principals.holders();
        let is_self = |other: &Holder<'_>| other.arn == holder.arn;
        let on = |other: &Holder<'_>| {
            let words = if is_self(other) { " on itself".to_owned() } else { format!(" on `{}`", other.name) };
            let mut context = self.iam_context(holder, action);
            context = match other.boundary {
                Some(boundary) => context.with("iam:PermissionsBoundary", boundary),
                None => context.without("iam:PermissionsBoundary"),
            };
            for (key, value) in other.tags.into_iter().flatten() {
                context = context.with(&format!("aws:ResourceTag/{key}"), value);
                context = context.with(&format!("iam:ResourceTag/{key}"), value);
            }
            self.ask(holder, action, other.arn, context, &words)
        };
        let any = |kind: &str| {
            let context = self.iam_context(holder, action).without("iam:PermissionsBoundary");
            let try_any = || self.ask(holder, action, &self.invented(kind), context, &format!(" on any {kind}"));
            if first { try_any() } else { Held::No }
        };
        let stronger = |kind: Kind| {
            let known = targets.iter().filter_map(|at| holders.get(*at));
            known.filter(move |other| other.kind == kind && other.arn != holder.arn && !reserved(other)).map(on)
        };
        // What it fills with a policy is as strong as it likes, unless a boundary limits it.
        let unbounded = |kind: Kind| {
            let all = holders.iter().filter(move |other| other.kind == kind && other.boundary.is_none());
            all.filter(|other| first && !reserved(other)).map(on)
        };
        match name {
            "CreatePolicyVersion" | "SetDefaultPolicyVersion" => {
                let known = self.principals.own_policies().iter().filter(|_| first);
                let known = known.map(|arn| {
                    let words = format!(" on `{}`", arn.rsplit('/').next().unwrap_or(arn));
                    self.ask(holder, action, arn, self.iam_context(holder, action), &words)
                });
                Held::any(std::iter::once(any("policy")).chain(known))
            }
            "AttachUserPolicy" | "PutUserPolicy" => {
                Held::any(std::iter::once(any("user")).chain(unbounded(Kind::User)))
            }
            "AttachGroupPolicy" | "PutGroupPolicy" => {
                Held::any(std::iter::once(any("group")).chain(unbounded(Kind::Group)))
            }
            "AttachRolePolicy" | "PutRolePolicy" => {
                Held::any(std::iter::once(any("role")).chain(unbounded(Kind::Role)))
            }
            "CreateAccessKey" | "CreateLoginProfile" | "UpdateLoginProfile" => {
                Held::any(std::iter::once(any("user")).chain(stronger(Kind::User)))
            }
            "AddUserToGroup" => {
                let apart = stronger(Kind::Group);
                Held::any(std::iter::once(any("group")).chain(apart))
            }
            "UpdateAssumeRolePolicy" => Held::any(std::iter::once(any("role")).chain(stronger(Kind::Role))),
            "DeleteUserPermissionsBoundary" | "PutUserPermissionsBoundary" if holder.kind == Kind::User => {
                if holder.boundary.is_some() && first { on(holder) } else { Held::No }
            }
            "DeleteRolePermissionsBoundary" | "PutRolePermissionsBoundary" if holder.kind == Kind::Role => {
                if holder.boundary.is_some() && first { on(holder) } else { Held::No }
            }
            _ => Held::No,
        }
    }

    /// What is known around a change in IAM: who escalates attaches AdministratorAccess.
    fn iam_context(&self, holder: &Holder<'a>, action: &str) -> Context {
        self.principals.context(holder, action).with("iam:PolicyARN", &self.principals.administrator_access())
    }

    fn invented(&self, kind: &str) -> String {
        self.principals.arn(&format!("{kind}/{INVENTED}"))
    }

    /// An action on what stands for everything.
    fn on_probe(&self, holder: &Holder<'a>, action: &str) -> Held {
        let template = self.published.probe(action);
        let tries = self.regions.iter().map(|region| {
            let resource = template
                .replace("${partition}", self.principals.partition)
                .replace("${region}", region)
                .replace("${account}", self.principals.account.as_str())
                .replace("${name}", INVENTED);
            self.ask_in(holder, action, &resource, region)
        });
        Held::any(tries)
    }

    /// An action on what stands for everything, or on anything that a policy of the principal names.
    fn on_anything(&self, holder: &Holder<'a>, action: &str) -> Held {
        let tries = self.named(holder, action).into_iter().flat_map(|pattern| {
            self.regions.iter().map(move |region| match named(self.principals, holder, pattern, region) {
                Some(resource) => self.ask_in(holder, action, &resource, region),
                None => Held::Unclear(format!("`{pattern}` has a variable that is not known")),
            })
        });
        Held::any(std::iter::once(self.on_probe(holder, action)).chain(tries))
    }

    /// What the principal's policies name where they allow an action.
    fn named(&self, holder: &Holder<'a>, action: &str) -> Vec<&'p str> {
        let documents = self.principals.policies_of(holder).iter().filter_map(|at| self.principals.document(*at));
        let allows = documents
            .flat_map(Document::statements)
            .filter(|statement| statement.effect() == Effect::Allow && statement.covers_action(action));
        let mut named: Vec<&str> = allows.flat_map(|statement| statement.resources()).map(String::as_str).collect();
        named.sort_unstable();
        named.dedup();
        named.retain(|resource| *resource != "*");
        named
    }

    fn ask_in(&self, holder: &Holder<'a>, action: &str, resource: &str, region: &str) -> Held {
        let context = self.principals.context(holder, action).with("aws:RequestedRegion", region);
        self.ask(holder, action, resource, context, "")
    }

    fn ask(&self, holder: &Holder<'a>, action: &str, resource: &str, context: Context, words: &str) -> Held {
        match self.principals.decide(holder, action, resource, context) {
            Decision::Allow => Held::Yes(words.to_owned()),
            Decision::Deny { .. } | Decision::NoMatch => Held::No,
            Decision::CannotTell { why } => Held::Unclear(why),
        }
    }
}

/// Whether only AWS changes a role: those of Identity Center.
fn reserved(holder: &Holder<'_>) -> bool {
    holder.kind == Kind::Role && holder.arn.contains(":role/aws-reserved/")
}

/// The services that a role's trust policy lets assume it, or may.
fn trusted(
    holder: &Holder<'_>,
    trust: &Document,
    services: &BTreeSet<&'static str>,
    principals: &Principals<'_>,
) -> BTreeSet<&'static str> {
    let may = |service: &&'static str| {
        let context = Context::partial().with("aws:SourceAccount", principals.account.as_str());
        let request = Request {
            principal: Principal::service(service),
            action: "sts:AssumeRole".to_owned(),
            resource: holder.arn.to_owned(),
            context,
        };
        matches!(evaluate(&[trust], &request), Decision::Allow | Decision::CannotTell { .. })
    };
    services.iter().copied().filter(may).collect()
}

/// The home Region, and the first few that policies of the account ask for.
fn regions(principals: &Principals<'_>) -> Vec<String> {
    let conditions = principals.documents().flat_map(Document::statements).flat_map(|s| s.conditions());
    let asked = conditions.filter(|condition| condition.is_about("aws:RequestedRegion"));
    let mut regions: Vec<String> = vec![principals.home().to_owned()];
    for region in asked.flat_map(|condition| &condition.values) {
        let plain = !region.is_empty() && !region.contains(['*', '?', '$']);
        if plain && regions.len() < 4 && !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    regions
}

#[cfg(test)]
mod tests;
