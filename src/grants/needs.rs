//! What is to be done: facts to read, kinds of resources to change, and how members are entered.
//!
//! Must not: decide which actions that takes.

use crate::collect::Wanted;
use crate::model::check::Fact;
use crate::playbook::{Action, Planner, Playbook};
use crate::resources::Kind;
use std::collections::BTreeSet;

/// What orgward is to be able to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Facts to read.
    pub facts: BTreeSet<Fact>,
    /// Kinds of resources to change.
    pub kinds: BTreeSet<Kind>,
    /// Names of the alarms to change.
    pub alarms: BTreeSet<String>,
    /// Names of the topics to change.
    pub topics: BTreeSet<String>,
    /// Whether new denials are watched for behind a wave.
    pub denials: bool,
    /// Whether plans are put to AWS's policy simulator.
    pub simulate: bool,
    /// Whether sessions carry tags.
    pub session_tags: bool,
    /// Whether sessions carry a source identity.
    pub source_identity: bool,
}

impl Needs {
    /// What `orgward doctor` reads of every account to tell whether a playbook's writes are allowed there: whatever the checks,
    /// whoever is to roll a playbook out can ask that first.
    pub const EVALUATED: [Fact; 2] = [Fact::Authorization, Fact::Regions];

    /// The same with what these playbooks read and change.
    #[must_use]
    pub fn and_playbooks(mut self, playbooks: &[Playbook]) -> Self {
        if !playbooks.is_empty() {
            self.facts.extend(Wanted::of_a_plan().and(Planner::FACTS).and(Self::EVALUATED).facts());
        }
        for playbook in playbooks {
            self.denials |= playbook.rollout.is_some();
            playbook.steps.iter().for_each(|step| self.add(&step.action));
        }
        self
    }

    fn add(&mut self, action: &Action) {
        match action {
            Action::Scp(_) | Action::Packed(_) => self.kinds.extend([Kind::Policy, Kind::Attachment]),
            Action::PasswordPolicy(_) => self.kinds.extend([Kind::PasswordPolicy]),
            Action::EventAlarms(specs) => {
                self.kinds.extend([Kind::MetricFilter, Kind::Alarm, Kind::Topic, Kind::Subscription]);
                self.alarms.extend(specs.iter().map(|spec| spec.alarm_name.clone()));
                self.topics.extend(specs.iter().map(|spec| spec.topic_name.clone()));
            }
        }
    }
}
