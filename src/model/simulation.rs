//! Requests put to AWS's own policy simulator, and what it says of them.

/// What is asked in one call: the same principal, context and policies for several actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// The service control policies of each level, from the root down to the account.
    pub levels: Vec<Vec<String>>,
    /// The actions, such as `iam:GetRole`; no wildcards.
    pub actions: Vec<String>,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// What is known around the request: key and values. A key that is not here is absent.
    pub context: Vec<(String, Vec<String>)>,
}

/// What the simulator says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The action.
    pub action: String,
    /// Whether the service control policies allow it; `None` where AWS does not say.
    pub allowed: Option<bool>,
    /// The decision in AWS's word. Hostile.
    pub decision: String,
}
