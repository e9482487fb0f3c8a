//! The fields of the view, version 1: what each holds, and the fact it comes from.
//!
//! Owns: the published names. A field is never renamed or given another meaning within a version; new ones may come. Must not:
//! judge, or know CEL.

use super::iam;
use super::view::{Seen, View};
use crate::model::check::Fact;
use crate::model::monitoring::{Alarm, Subscription};
use crate::model::org::{Account, Policy, PolicyType};
use crate::model::region::Analyzer;
use crate::model::trail::Trail;
use crate::model::{AccountFacts, Observed, OrgFacts};
use std::collections::BTreeMap;

/// The version of the view; a file of custom checks names the one it was written against.
pub const VIEW_VERSION: u32 = 1;

/// A field of `account` or `org`.
#[derive(Clone, Copy)]
pub(super) struct Field<F> {
    /// Its name.
    pub name: &'static str,
    /// The fact it comes from; `None` for what is known before anything is collected.
    pub fact: Option<Fact>,
    /// What it holds, as `type: words`.
    pub about: &'static str,
    /// Its view.
    pub view: F,
}

/// How a field of `account` is made.
pub(super) type OfAccount = fn(&mut Seen, &OrgFacts, &AccountFacts) -> View;

/// How a field of `org` is made.
pub(super) type OfOrg = fn(&mut Seen, &OrgFacts) -> View;

const fn of_account(name: &'static str, fact: Fact, about: &'static str, view: OfAccount) -> Field<OfAccount> {
    Field { name, fact: Some(fact), about, view }
}

const fn known(name: &'static str, about: &'static str, view: OfAccount) -> Field<OfAccount> {
    Field { name, fact: None, about, view }
}

const fn of_org(name: &'static str, fact: Fact, about: &'static str, view: OfOrg) -> Field<OfOrg> {
    Field { name, fact: Some(fact), about, view }
}

/// The field of `account` that needs the tags of accounts, which a run lists only if asked to.
pub(super) const TAGS: &str = "tags";

/// The fields of `account`.
pub(super) const ACCOUNT: &[Field<OfAccount>] = &[
    known("id", "string: 12 digits", |_, _, facts| View::text(facts.account.as_str())),
    known("name", "string: the account's name", |_, org, facts| {
        member(org, facts, |account| View::text(&account.name))
    }),
    known("email", "string: the root user's address", |_, org, facts| {
        member(org, facts, |account| View::text(&account.email))
    }),
    known("state", "string: ACTIVE, PENDING_CLOSURE ...", |_, org, facts| {
        member(org, facts, |account| serial(&account.state))
    }),
    known("joined", "string: when it joined, RFC 3339, or null", |_, org, facts| {
        member(org, facts, |account| View::time(account.joined))
    }),
    known("ou_path", "string: /Workloads/Prod, / for the root", |_, org, facts| {
        View::text(org.path(&facts.account.clone().into()))
    }),
    known("is_management", "bool: whether it is the management account", |_, org, facts| {
        View::Bool(org.is_management(&facts.account))
    }),
    known(TAGS, "map of string: the account's tags", |seen, org, facts| match org.accounts.get(&facts.account) {
        Some(account) => seen.fact(&account.tags, |_, tags| View::tags(tags)),
        None => View::Null,
    }),
    of_account("entered_as", Fact::AuditRole, "string: ARN of the role used, or null", |_, _, facts| {
        View::maybe(facts.entered_as.as_deref())
    }),
    of_account("summary", Fact::AccountSummary, "map of int: GetAccountSummary, by AWS's names", |seen, _, facts| {
        let entries = |summary: &BTreeMap<String, i64>| {
            View::Map(summary.iter().map(|(name, count)| (name.clone(), View::Int(*count))).collect())
        };
        seen.fact(&facts.summary, |_, summary| entries(summary))
    }),
    of_account(
        "password_policy",
        Fact::PasswordPolicy,
        "map or null: minimum_length, require_symbols, require_numbers, require_uppercase, require_lowercase, self_change, \
         max_age_days (or null), reuse_prevention (or null), hard_expiry",
        |seen, _, facts| seen.fact(&facts.password_policy, |_, policy| iam::password_policy(policy)),
    ),
    of_account(
        "credential_report",
        Fact::CredentialReport,
        "list: user, arn, created, password_enabled (or null), password_last_used, password_last_changed, mfa_active, keys \
         (active, last_rotated, last_used), certificates (active, last_rotated); times are null where there is none",
        |seen, _, facts| seen.fact(&facts.credential_report, |_, report| View::list(&report.rows, iam::credential_row)),
    ),
    of_account(
        "users",
        Fact::Authorization,
        "list: name, arn, created, groups, inline (name, document), attached (ARNs), boundary (or null), tags",
        |seen, _, facts| seen.fact(&facts.authorization, |_, all| View::list(&all.users, iam::user)),
    ),
    of_account(
        "groups",
        Fact::Authorization,
        "list: name, arn, inline (name, document), attached (ARNs)",
        |seen, _, facts| seen.fact(&facts.authorization, |_, all| View::list(&all.groups, iam::group)),
    ),
    of_account(
        "roles",
        Fact::Authorization,
        "list: name, arn, path, created, trust_policy, inline (name, document), attached (ARNs), boundary (or null), \
         last_used (or null), tags",
        |seen, _, facts| seen.fact(&facts.authorization, |_, all| View::list(&all.roles, iam::role)),
    ),
    of_account(
        "policies",
        Fact::Authorization,
        "list: name, arn, aws_managed, attachment_count, document (or null)",
        |seen, _, facts| seen.fact(&facts.authorization, |_, all| View::list(&all.policies, iam::policy)),
    ),
    of_account(
        "role_sessions",
        Fact::RoleSessions,
        "map of int: longest session in seconds, by role ARN",
        |seen, _, facts| {
            seen.fact(&facts.role_sessions, |_, sessions| {
                View::Map(sessions.iter().map(|(arn, seconds)| (arn.clone(), View::Int((*seconds).into()))).collect())
            })
        },
    ),
    of_account("mfa_devices", Fact::VirtualMfaDevices, "list: serial, user_arn (or null)", |seen, _, facts| {
        seen.each(&facts.virtual_mfa_devices, |_, device| iam::mfa_device(device))
    }),
    of_account(
        "server_certificates",
        Fact::ServerCertificates,
        "list: name, arn, expires (or null)",
        |seen, _, facts| seen.each(&facts.server_certificates, |_, certificate| iam::server_certificate(certificate)),
    ),
    of_account("saml_providers", Fact::SamlProviders, "list: arn, valid_until (or null)", |seen, _, facts| {
        seen.each(&facts.saml_providers, |_, provider| iam::saml_provider(provider))
    }),
    of_account(
        "service_specific_credentials",
        Fact::ServiceSpecificCredentials,
        "list: user, service, id, active, created, expires (or null)",
        |seen, _, facts| {
            seen.each(&facts.service_specific_credentials, |_, credential| iam::service_specific_credential(credential))
        },
    ),
    of_account(
        "ssh_public_keys",
        Fact::SshPublicKeys,
        "list (--deep): user, id, active, uploaded",
        |seen, _, facts| seen.each(&facts.ssh_public_keys, |_, key| iam::ssh_public_key(key)),
    ),
    of_account("security_contact", Fact::SecurityContact, "list of string or null: fields filled", |seen, _, facts| {
        seen.fact(&facts.security_contact, |_, contact| View::texts(&contact.filled))
    }),
    of_account(
        "contact_information",
        Fact::ContactInformation,
        "list of string or null: fields filled",
        |seen, _, facts| seen.fact(&facts.contact_information, |_, contact| View::texts(&contact.filled)),
    ),
    of_account(
        "regions",
        Fact::Regions,
        "map of string: enabled_by_default, enabled or disabled, by Region",
        |seen, _, facts| {
            seen.fact(&facts.regions, |_, regions| {
                View::Map(regions.iter().map(|(region, state)| (region.to_string(), serial(state))).collect())
            })
        },
    ),
    of_account(
        "trails",
        Fact::Trails,
        "map of lists by Region asked: name, arn, home_region, multi_region, organization_trail, log_file_validation, \
         s3_bucket, kms_key, log_group_arn (each or null), is_logging",
        |seen, _, facts| {
            if let Some(cause) = facts.regions.cause() {
                return View::Unknown(cause.clone());
            }
            let mut by_region = BTreeMap::new();
            for (region, trails) in &facts.trails {
                by_region.insert(region.to_string(), seen.each(trails, trail));
            }
            View::Map(by_region)
        },
    ),
    of_account(
        "analyzers",
        Fact::Analyzers,
        "map of lists by Region: arn, name, type, status, findings (id, resource, resource_type, owner)",
        |seen, _, facts| by_region(seen, facts, |seen, watchers| seen.each(&watchers.analyzers, analyzer)),
    ),
    of_account(
        "config_recorders",
        Fact::ConfigRecorders,
        "map of lists by Region: name, all_supported, include_global, included, excluded, recording, last_status (or null)",
        |seen, _, facts| {
            by_region(seen, facts, |seen, watchers| {
                seen.each(&watchers.config_recorders, |_, recorder| {
                    View::map([
                        ("name", View::text(&recorder.name)),
                        ("all_supported", View::Bool(recorder.all_supported)),
                        ("include_global", View::Bool(recorder.include_global)),
                        ("included", View::texts(&recorder.included)),
                        ("excluded", View::texts(&recorder.excluded)),
                        ("recording", View::Bool(recorder.recording)),
                        ("last_status", View::maybe(recorder.last_status.as_deref())),
                    ])
                })
            })
        },
    ),
    of_account("security_hub", Fact::SecurityHub, "map by Region: null, or arn and subscribed_at", |seen, _, facts| {
        by_region(seen, facts, |seen, watchers| {
            seen.fact(&watchers.security_hub, |_, hub| {
                View::map([("arn", View::text(&hub.arn)), ("subscribed_at", View::time(hub.subscribed_at))])
            })
        })
    }),
    of_account("detectors", Fact::Detectors, "map of lists by Region: id, enabled (GuardDuty)", |seen, _, facts| {
        by_region(seen, facts, |seen, watchers| {
            seen.each(&watchers.detectors, |_, detector| {
                View::map([("id", View::text(&detector.id)), ("enabled", View::Bool(detector.enabled))])
            })
        })
    }),
    of_account(
        "trail_buckets",
        Fact::TrailBuckets,
        "list: name, region, public_policy (or null), group_grants (group, permission), access_log_bucket (or null)",
        |seen, _, facts| {
            // A trail that was not seen may write to another bucket.
            let unseen = facts.trails.values().find_map(Observed::cause).or(facts.regions.cause());
            if let Some(cause) = unseen {
                return View::Unknown(cause.clone());
            }
            seen.each(&facts.trail_buckets, |seen, bucket| {
                View::map([
                    ("name", View::text(&bucket.name)),
                    ("region", View::text(bucket.region.as_str())),
                    ("public_policy", seen.fact(&bucket.public_policy, |_, public| View::Bool(*public))),
                    (
                        "group_grants",
                        seen.each(&bucket.group_grants, |_, grant| {
                            View::map([
                                ("group", View::text(&grant.group)),
                                ("permission", View::text(&grant.permission)),
                            ])
                        }),
                    ),
                    ("access_log_bucket", seen.fact(&bucket.access_log_bucket, |_, name| View::text(name))),
                ])
            })
        },
    ),
    of_account(
        "config_rules",
        Fact::ConfigRules,
        "list: name, identifier (or null), active, parameters (map of string)",
        |seen, _, facts| {
            seen.each(&facts.config_rules, |_, rule| {
                View::map([
                    ("name", View::text(&rule.name)),
                    ("identifier", View::maybe(rule.identifier.as_deref())),
                    ("active", View::Bool(rule.active)),
                    ("parameters", View::tags(&rule.parameters)),
                ])
            })
        },
    ),
    of_account(
        "alarms",
        Fact::Monitoring,
        "list: the alarms around the account's own trails' log groups",
        |seen, _, facts| match facts.trails.values().find_map(Observed::cause) {
            // Whose log groups nobody knows.
            Some(cause) => View::Unknown(cause.clone()),
            None => chains(seen, &facts.monitoring),
        },
    ),
    of_account(
        "recent_events",
        Fact::RecentEvents,
        "list (--events): id, name, source, at, region, actor_kind, actor, error (or null), fields (map of string)",
        |seen, _, facts| {
            if facts.recent_events.is_empty() {
                return View::Unknown(crate::model::Cause::not_collected("cloudtrail:LookupEvents"));
            }
            let mut all = Vec::new();
            for events in facts.recent_events.values() {
                match seen.fact(events, |_, events| iam::events(events)) {
                    View::List(events) => all.extend(events),
                    View::Null => {}
                    unknown => return unknown,
                }
            }
            View::List(all)
        },
    ),
];

/// The fields of `org`.
pub(super) const ORG: &[Field<OfOrg>] = &[
    of_org("id", Fact::Organization, "string: o-...", |_, org| View::text(&org.organization.id)),
    of_org("partition", Fact::Organization, "string: aws, aws-cn ...", |_, org| {
        View::text(&org.organization.partition)
    }),
    of_org("feature_set", Fact::Organization, "string: ALL or CONSOLIDATED_BILLING", |_, org| {
        View::text(&org.organization.feature_set)
    }),
    of_org("management_account", Fact::Organization, "string: 12 digits", |_, org| {
        View::text(org.organization.management_account.as_str())
    }),
    of_org("accounts", Fact::Organization, "list: id, name, email, state, joined (or null), ou_path", |_, org| {
        View::list(org.accounts.values(), |account| {
            View::map([
                ("id", View::text(account.id.as_str())),
                ("name", View::text(&account.name)),
                ("email", View::text(&account.email)),
                ("state", serial(&account.state)),
                ("joined", View::time(account.joined)),
                ("ou_path", View::text(org.path(&account.id.clone().into()))),
            ])
        })
    }),
    of_org("ous", Fact::Organization, "list: id, name, path", |_, org| {
        View::list(org.ous.values(), |ou| {
            View::map([
                ("id", View::text(ou.id.as_str())),
                ("name", View::text(&ou.name)),
                ("path", View::text(org.path(&ou.id))),
            ])
        })
    }),
    of_org("policy_types", Fact::Organization, "map of string: ENABLED ..., by type", |_, org| {
        View::Map(org.root.policy_types.iter().map(|(kind, state)| (kind.as_str().to_owned(), serial(state))).collect())
    }),
    of_org(
        "scps",
        Fact::ServiceControlPolicies,
        "list: id, name, description, aws_managed, content, targets (ids), tags",
        |seen, org| policies(seen, org, &PolicyType::Scp),
    ),
    of_org(
        "rcps",
        Fact::ResourceControlPolicies,
        "list: id, name, description, aws_managed, content, targets (ids), tags",
        |seen, org| policies(seen, org, &PolicyType::Rcp),
    ),
    of_org("trails", Fact::OrganizationTrails, "list: like account.trails", |seen, org| {
        seen.each(&org.organization_trails, trail)
    }),
    of_org(
        "alarms",
        Fact::OrganizationMonitoring,
        "list: the alarms around the organization trail's log group",
        |seen, org| match org.organization_trails.cause() {
            Some(cause) => View::Unknown(cause.clone()),
            None => chains(seen, &org.monitoring),
        },
    ),
    of_org(
        "root_features",
        Fact::RootFeatures,
        "list of string: RootCredentialsManagement, RootSessions",
        |seen, org| seen.each(&org.services.root_features, |_, feature| View::text(feature)),
    ),
    of_org("trusted_services", Fact::OrganizationServices, "list of string: service principals", |seen, org| {
        seen.each(&org.services.trusted, |_, service| View::text(service))
    }),
    of_org("delegated_administrators", Fact::OrganizationServices, "list: account, services", |seen, org| {
        seen.each(&org.delegated_administrators, |seen, account| {
            let services = match org.services.delegated.get(account) {
                Some(services) => seen.each(services, |_, service| View::text(service)),
                None => {
                    View::Unknown(crate::model::Cause::not_collected("organizations:ListDelegatedServicesForAccount"))
                }
            };
            View::map([("account", View::text(account.as_str())), ("services", services)])
        })
    }),
    of_org("analyzers", Fact::OrganizationAnalyzers, "map of lists by Region: like account.analyzers", |seen, org| {
        let analyzers = org.services.analyzers.iter();
        View::Map(analyzers.map(|(region, seen_there)| (region.to_string(), seen.each(seen_there, analyzer))).collect())
    }),
    of_org("budgets", Fact::OrganizationBilling, "list: name, type, notifications", |seen, org| {
        seen.each(&org.services.budgets, |_, budget| {
            View::map([
                ("name", View::text(&budget.name)),
                ("type", View::text(&budget.kind)),
                ("notifications", View::Int(budget.notifications.into())),
            ])
        })
    }),
];

fn member(org: &OrgFacts, facts: &AccountFacts, view: impl FnOnce(&Account) -> View) -> View {
    org.accounts.get(&facts.account).map_or(View::Null, view)
}

/// A value by the name it has in JSON.
fn serial(value: &impl serde::Serialize) -> View {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(View::text)).unwrap_or(View::Null)
}

/// What each Region says; unknown where it is not known which there are.
fn by_region(
    seen: &mut Seen,
    facts: &AccountFacts,
    view: impl Fn(&mut Seen, &crate::model::region::RegionFacts) -> View,
) -> View {
    if let Some(cause) = facts.regions.cause() {
        return View::Unknown(cause.clone());
    }
    View::Map(facts.watchers.iter().map(|(region, watchers)| (region.to_string(), view(seen, watchers))).collect())
}

fn trail(seen: &mut Seen, trail: &Trail) -> View {
    View::map([
        ("name", View::text(&trail.name)),
        ("arn", View::text(&trail.arn)),
        ("home_region", View::text(trail.home_region.as_str())),
        ("multi_region", View::Bool(trail.multi_region)),
        ("organization_trail", View::Bool(trail.organization_trail)),
        ("log_file_validation", View::Bool(trail.log_file_validation)),
        ("s3_bucket", View::maybe(trail.s3_bucket.as_deref())),
        ("kms_key", View::maybe(trail.kms_key.as_deref())),
        ("log_group_arn", View::maybe(trail.log_group_arn.as_deref())),
        ("is_logging", seen.fact(&trail.status, |_, status| View::Bool(status.is_logging))),
    ])
}

fn analyzer(seen: &mut Seen, analyzer: &Analyzer) -> View {
    View::map([
        ("arn", View::text(&analyzer.arn)),
        ("name", View::text(&analyzer.name)),
        ("type", View::text(&analyzer.kind)),
        ("status", View::text(&analyzer.status)),
        (
            "findings",
            seen.each(&analyzer.findings, |_, finding| {
                View::map([
                    ("id", View::text(&finding.id)),
                    ("resource", View::text(&finding.resource)),
                    ("resource_type", View::text(&finding.resource_type)),
                    ("owner", View::text(&finding.owner)),
                ])
            }),
        ),
    ])
}

/// Every alarm around some log groups, with whether anyone hears it; unknown if one log group's alarms are.
fn chains(seen: &mut Seen, monitoring: &[crate::model::monitoring::Monitoring]) -> View {
    let mut all = Vec::new();
    for chain in monitoring {
        match seen.each(&chain.alarms, |seen, alarm| heard(seen, alarm, &chain.subscriptions)) {
            View::List(alarms) => all.extend(alarms),
            other => return other,
        }
    }
    View::List(all)
}

fn heard(seen: &mut Seen, alarm: &Alarm, subscriptions: &BTreeMap<String, Observed<Vec<Subscription>>>) -> View {
    let mut confirmed = View::Bool(false);
    for topic in &alarm.alarm_actions {
        let Some(subscribers) = subscriptions.get(topic) else { continue };
        match seen.fact(subscribers, |_, all| View::Bool(all.iter().any(Subscription::confirmed))) {
            View::Bool(true) => {
                confirmed = View::Bool(true);
                break;
            }
            unknown @ View::Unknown(_) => confirmed = unknown,
            _ => {}
        }
    }
    View::map([
        ("name", View::text(&alarm.name)),
        ("namespace", View::maybe(alarm.namespace.as_deref())),
        ("metric_name", View::maybe(alarm.metric_name.as_deref())),
        ("actions_enabled", View::Bool(alarm.actions_enabled)),
        ("alarm_actions", View::texts(&alarm.alarm_actions)),
        ("confirmed_subscriber", confirmed),
    ])
}

fn policies(seen: &mut Seen, org: &OrgFacts, kind: &PolicyType) -> View {
    let view = |seen: &mut Seen, policy: &Policy| {
        View::map([
            ("id", View::text(policy.id.as_str())),
            ("name", View::text(&policy.name)),
            ("description", View::text(&policy.description)),
            ("aws_managed", View::Bool(policy.aws_managed)),
            ("content", seen.fact(&policy.content, |_, content| View::text(content))),
            ("targets", seen.fact(&policy.targets, |_, targets| View::list(targets, |id| View::text(id.as_str())))),
            ("tags", seen.fact(&policy.tags, |_, tags| View::tags(tags))),
        ])
    };
    org.policies_of(kind).map_or_else(|| View::List(Vec::new()), |policies| seen.each(policies, view))
}
