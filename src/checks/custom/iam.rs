//! Views of what IAM and CloudTrail say of one account, record by record.
//!
//! Owns: the names of these records' fields. Must not: judge.

use super::view::View;
use crate::model::credential::{SamlProvider, ServerCertificate, ServiceSpecificCredential, SshPublicKey};
use crate::model::event::RecentEvents;
use crate::model::iam::{
    CredentialRow, IamGroup, IamRole, IamUser, InlinePolicy, ManagedPolicy, PasswordPolicy, VirtualMfaDevice,
};
use crate::model::{Cause, CauseKind};

pub(super) fn password_policy(policy: &PasswordPolicy) -> View {
    let maybe = |number: Option<i32>| number.map_or(View::Null, |number| View::Int(number.into()));
    View::map([
        ("minimum_length", View::Int(policy.minimum_password_length.into())),
        ("require_symbols", View::Bool(policy.require_symbols)),
        ("require_numbers", View::Bool(policy.require_numbers)),
        ("require_uppercase", View::Bool(policy.require_uppercase_characters)),
        ("require_lowercase", View::Bool(policy.require_lowercase_characters)),
        ("self_change", View::Bool(policy.allow_users_to_change_password)),
        ("max_age_days", maybe(policy.max_password_age)),
        ("reuse_prevention", maybe(policy.password_reuse_prevention)),
        ("hard_expiry", View::Bool(policy.hard_expiry)),
    ])
}

pub(super) fn credential_row(row: &CredentialRow) -> View {
    View::map([
        ("user", View::text(&row.user)),
        ("arn", View::text(&row.arn)),
        ("created", View::time(row.created.at())),
        ("password_enabled", row.password_enabled.map_or(View::Null, View::Bool)),
        ("password_last_used", View::time(row.password_last_used.at())),
        ("password_last_changed", View::time(row.password_last_changed.at())),
        ("mfa_active", View::Bool(row.mfa_active)),
        (
            "keys",
            View::list(&row.keys, |key| {
                View::map([
                    ("active", View::Bool(key.active)),
                    ("last_rotated", View::time(key.last_rotated.at())),
                    ("last_used", View::time(key.last_used.at())),
                ])
            }),
        ),
        (
            "certificates",
            View::list(&row.certificates, |certificate| {
                View::map([
                    ("active", View::Bool(certificate.active)),
                    ("last_rotated", View::time(certificate.last_rotated.at())),
                ])
            }),
        ),
    ])
}

fn inline(policies: &[InlinePolicy]) -> View {
    View::list(policies, |policy| {
        View::map([("name", View::text(&policy.name)), ("document", View::text(&policy.document))])
    })
}

pub(super) fn user(user: &IamUser) -> View {
    View::map([
        ("name", View::text(&user.name)),
        ("arn", View::text(&user.arn)),
        ("created", View::time(user.created)),
        ("groups", View::texts(&user.groups)),
        ("inline", inline(&user.inline)),
        ("attached", View::texts(&user.attached)),
        ("boundary", View::maybe(user.boundary.as_deref())),
        ("tags", View::tags(&user.tags)),
    ])
}

pub(super) fn group(group: &IamGroup) -> View {
    View::map([
        ("name", View::text(&group.name)),
        ("arn", View::text(&group.arn)),
        ("inline", inline(&group.inline)),
        ("attached", View::texts(&group.attached)),
    ])
}

pub(super) fn role(role: &IamRole) -> View {
    View::map([
        ("name", View::text(&role.name)),
        ("arn", View::text(&role.arn)),
        ("path", View::text(&role.path)),
        ("created", View::time(role.created)),
        ("trust_policy", View::text(&role.trust_policy)),
        ("inline", inline(&role.inline)),
        ("attached", View::texts(&role.attached)),
        ("boundary", View::maybe(role.boundary.as_deref())),
        ("last_used", View::time(role.last_used)),
        ("tags", View::tags(&role.tags)),
    ])
}

pub(super) fn policy(policy: &ManagedPolicy) -> View {
    View::map([
        ("name", View::text(&policy.name)),
        ("arn", View::text(&policy.arn)),
        ("aws_managed", View::Bool(policy.aws_managed())),
        ("attachment_count", View::Int(policy.attachment_count.into())),
        ("document", View::maybe(policy.document.as_deref())),
    ])
}

pub(super) fn mfa_device(device: &VirtualMfaDevice) -> View {
    View::map([("serial", View::text(&device.serial)), ("user_arn", View::maybe(device.user_arn.as_deref()))])
}

pub(super) fn server_certificate(certificate: &ServerCertificate) -> View {
    View::map([
        ("name", View::text(&certificate.name)),
        ("arn", View::text(&certificate.arn)),
        ("expires", View::time(certificate.expires)),
    ])
}

pub(super) fn saml_provider(provider: &SamlProvider) -> View {
    View::map([("arn", View::text(&provider.arn)), ("valid_until", View::time(provider.valid_until))])
}

pub(super) fn service_specific_credential(credential: &ServiceSpecificCredential) -> View {
    View::map([
        ("user", View::text(&credential.user)),
        ("service", View::text(&credential.service)),
        ("id", View::text(&credential.id)),
        ("active", View::Bool(credential.active)),
        ("created", View::time(credential.created)),
        ("expires", View::time(credential.expires)),
    ])
}

pub(super) fn ssh_public_key(key: &SshPublicKey) -> View {
    View::map([
        ("user", View::text(&key.user)),
        ("id", View::text(&key.id)),
        ("active", View::Bool(key.active)),
        ("uploaded", View::time(key.uploaded)),
    ])
}

/// Events of one Region; a list that was cut off is no list.
pub(super) fn events(events: &RecentEvents) -> View {
    if let Some(name) = events.cut_off.first() {
        let message = format!("more `{name}` events than were read, ask for fewer days");
        return View::Unknown(Cause::new(CauseKind::NotCollected, "cloudtrail:LookupEvents", message));
    }
    View::list(&events.events, |event| {
        View::map([
            ("id", View::text(&event.id)),
            ("name", View::text(&event.name)),
            ("source", View::text(&event.source)),
            ("at", View::text(event.at.to_string())),
            ("region", View::text(event.region.as_str())),
            ("actor_kind", View::text(&event.actor_kind)),
            ("actor", View::text(&event.actor)),
            ("error", View::maybe(event.error.as_deref())),
            ("fields", View::tags(&event.fields)),
        ])
    })
}
