//! Examples of the manual: how each action and the rollout look where they are used.
//!
//! Owns: the texts. Must not: show what does not load; tests load each.

use super::errors::LoadErrors;
use super::limits::Limits;
use super::load::{Documents, load_text};
use super::parameters::Values;
use super::schema::Playbook;
use super::shipped::DOCUMENTS;

/// How an action or a part looks where it is used. Tests load each.
pub struct Example {
    /// The shape of `published` of which it is one.
    pub of: &'static str,
    /// A playbook, from its parameters or steps on.
    pub text: &'static str,
}

/// Every example, in the order of the manual.
pub const EXAMPLES: [Example; 6] = [
    Example {
        of: "Scp",
        text: "\
steps:
  - id: deny-leave
    scp:
      name: our-deny-leave
      description: Member accounts cannot leave the organization
      content:
        Version: \"2012-10-17\"
        Statement:
          - Sid: DenyLeave
            Effect: Deny
            Action: organizations:LeaveOrganization
            Resource: \"*\"
      targets: [/Workloads, \"111122223333\"]
",
    },
    Example {
        of: "Packed",
        text: "\
steps:
  - id: guards
    scp:
      name: our-guards
      pack:
        - { document: policies/deny-leave-organization.json }
        - { name: mfa, document: policies/require-mfa.json }
      targets: [/]
",
    },
    Example {
        of: "PasswordPolicy",
        text: "\
steps:
  - id: passwords
    password_policy:
      targets: [/Workloads]
      minimum_length: 14
      require_symbols: true
      reuse_prevention: 24
      max_age: 90
",
    },
    Example {
        of: "RootUsageAlarm",
        text: "\
parameters:
  endpoint: { description: who is told }
steps:
  - id: alarm
    root_usage_alarm:
      subscriptions:
        - { protocol: email, endpoint: \"${endpoint}\" }
        - { protocol: https, endpoint: \"https://alerts.example.com/orgward\" }
",
    },
    Example {
        of: "EventAlarms",
        text: "\
parameters:
  endpoint: { description: who is told }
steps:
  - id: alarms
    event_alarms:
      events: [iam-changes, access-key-created]
      subscriptions:
        - { protocol: email, endpoint: \"${endpoint}\" }
",
    },
    Example {
        of: "Rollout",
        text: "\
parameters:
  bake: { description: how long each wave waits, default: 30m }
rollout:
  bake: ${bake}
  max_failures: 1
  waves:
    - { name: canary, count: 1 }
    - { name: sandbox, ous: [/Sandbox], max_failures: 0 }
    - { name: tier-2, tags: { tier: \"2\" } }
    - { name: quarter, percent: 25 }
    - { name: rest }
steps:
  - id: passwords
    password_policy: { minimum_length: 14 }
",
    },
];

/// Loads an example of the manual, with a value for each parameter that has no default.
///
/// # Errors
/// Every mistake in it; a test holds that there is none.
pub fn load_example(example: &Example) -> Result<Playbook, LoadErrors> {
    let text = format!("version: 1\nname: example\ndescription: An example\n{}", example.text);
    let values = Values::from([("endpoint".to_owned(), "security@example.com".to_owned())]);
    let given = if example.text.contains("${endpoint}") { values } else { Values::new() };
    load_text(("example.yaml", &text), &Documents::Embedded(DOCUMENTS), &given, &Limits::default())
}
