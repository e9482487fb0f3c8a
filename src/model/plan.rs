//! The plan: every change with its before and after. A plan decides everything; apply decides nothing.

use super::address::{Address, Doc};
use super::ids::{AccountId, Region, TargetId};
use super::observed::Cause;
use super::org::PolicyType;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the plan file this build writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// What a run would change, as decided from a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// The organization it was made for.
    pub organization: String,
    /// Its management account.
    pub management_account: AccountId,
    /// Who made it.
    pub caller_arn: String,
    /// The facts' moment.
    pub as_of: Timestamp,
    /// The playbooks it was made from.
    pub playbooks: Vec<PlaybookRef>,
    /// The Regions in scope, over which the lock-out proof runs; empty means every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<Region>,
    /// The run it undoes, if it is the way back of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// Waves in the order in which they are rolled out; empty means one wave with nothing to wait for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// Changes in an order in which they can be made.
    pub changes: Vec<Change>,
    /// What was decided on besides the `before` of each change: a plan is stale when one of these is different now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relied_on: Vec<Reliance>,
    /// Why the plan may not be applied as it is. Not empty means not applyable.
    pub refusals: Vec<Refusal>,
    /// Accounts or facts that could not be planned for. Not empty means not complete.
    pub unknowns: Vec<Unplanned>,
    /// What a person has to do (confirm a subscription).
    pub operator_steps: Vec<String>,
    /// Worth knowing before applying.
    pub notes: Vec<String>,
}

/// A playbook a plan was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaybookRef {
    /// Its name.
    pub name: String,
    /// `sha256:<hex>` over the file and every policy document it names.
    pub digest: String,
}

/// What is done to the thing at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `before` is absent.
    Create,
    /// Both are present.
    Update,
    /// `after` is absent.
    Delete,
}

/// How a line of [`Change::impact`] begins that holds only once the change is made: one that undoes the change drops it.
pub const AFTERWARDS: &str = "afterwards";

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What it is about.
    pub address: Address,
    /// What is there now.
    pub before: Option<Doc>,
    /// What will be there.
    pub after: Option<Doc>,
    /// The playbook and step that want it: `playbook/step`.
    pub step: String,
    /// Why, one sentence, lower case, no full stop.
    pub reason: String,
    /// Addresses in this plan whose changes come first.
    pub depends_on: Vec<Address>,
    /// Who feels it, in words: accounts under an attachment, passwords that expire.
    pub impact: Vec<String>,
    /// What `--yes` does not cover.
    pub confirmations: Vec<Confirmation>,
    /// The wave it belongs to: an index into [`Plan::waves`], 0 where there are none.
    #[serde(default, skip_serializing_if = "first")]
    pub wave: usize,
    /// For a policy: where each statement of its new document stands in the playbook's files, `file:line`. The document
    /// itself is minified and has one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
}

/// Whether this is the first wave, which is not written: most plans have no other.
fn first(wave: &usize) -> bool {
    *wave == 0
}

/// A wave of a rollout. The words are those of CloudFormation StackSets: failure tolerance, maximum concurrency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Its name.
    pub name: String,
    /// Failed changes it tolerates before the rollout stops.
    pub max_failures: u32,
    /// Changes at work at once; `None`: as many as the run allows.
    pub max_concurrency: Option<usize>,
    /// Seconds to wait after its last change before its gates are read. CloudTrail delivers within about 15 minutes.
    pub bake_seconds: u64,
    /// Whether new denials, seen in CloudTrail after the bake, stop the rollout.
    pub watch_denials: bool,
    /// Whether a stopped rollout is undone at once, without an operator.
    pub rollback_on_stop: bool,
}

/// Something a plan was decided on, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reliance {
    /// What.
    pub on: Subject,
    /// As it was, in a form people can compare: an id, a digest, ids with commas between.
    pub value: String,
}

/// What a plan can rely on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// The parent of an account or OU; the value is its id.
    Parent {
        /// The account or OU.
        target: TargetId,
    },
    /// The accounts at or below a target; the value is their ids.
    Accounts {
        /// The root, OU or account.
        target: TargetId,
    },
    /// The policies of a type attached directly to a target; the value is their names.
    Attached {
        /// The policies' type.
        policy_type: PolicyType,
        /// The root, OU or account.
        target: TargetId,
    },
    /// A policy's document; the value is `sha256:<hex>` of the text as saved.
    Content {
        /// The policy's type.
        policy_type: PolicyType,
        /// Its name.
        name: String,
    },
}

impl Change {
    /// What is done, from `before` and `after`.
    pub fn operation(&self) -> Operation {
        match (&self.before, &self.after) {
            (None, _) => Operation::Create,
            (Some(_), Some(_)) => Operation::Update,
            (Some(_), None) => Operation::Delete,
        }
    }
}

/// Something that has to be confirmed by naming its target: typed when asked, or `--confirm TARGET_ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// What has to be typed: the id of the root, OU or account.
    pub target: TargetId,
    /// What happens there.
    pub why: ConfirmationReason,
    /// The same in words with figures.
    pub message: String,
}

/// Why a change needs its own confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationReason {
    /// A policy is attached to the root: every account at once.
    RootTarget,
    /// A policy is detached or deleted: a guardrail ends.
    Detach,
    /// Passwords expire the moment the policy is written.
    PasswordsExpire,
    /// Users are locked out until an administrator resets them.
    HardExpiry,
}

/// Why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The playbook and step.
    pub step: String,
    /// What it is about, if one thing.
    pub address: Option<Address>,
    /// Why.
    pub kind: RefusalKind,
    /// The same in words, with the fix.
    pub message: String,
}

/// Kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// A same-named thing exists that orgward did not make.
    NotOurs,
    /// An attachment reaches an account outside the scope.
    OutOfScope,
    /// A quota (characters, attachments, filters) would be exceeded.
    Quota,
    /// A policy document that AWS would reject.
    Malformed,
    /// It could lock orgward or the operators out.
    LockOut,
    /// A target, type or feature it needs is missing.
    Missing,
    /// AWS's policy simulator and the lock-out proof do not agree on what it does.
    Disagreement,
}

/// Something that could not be planned for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unplanned {
    /// The playbook and step.
    pub step: String,
    /// The account, if one.
    pub account: Option<AccountId>,
    /// Why.
    pub cause: Cause,
}

impl Plan {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether it covers everything the playbooks ask for.
    pub fn complete(&self) -> bool {
        self.unknowns.is_empty()
    }

    /// Whether it may be applied.
    pub fn applyable(&self) -> bool {
        self.refusals.is_empty()
    }
}
