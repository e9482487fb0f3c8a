//! The one door to everything orgward manages: reads and writes by address.
//!
//! Owns: which session and which resource an address means, and that Organizations writes go one at a time. Must not:
//! decide what to write.

use super::call::refused;
use super::policy::Summary;
use super::subscription::{Receiver, Removal};
use super::{alarm, attachment, metric_filter, password_policy, policy, subscription, topic};
use crate::aws::{AccountSession, Purpose, Sessions};
use crate::model::address::{Address, Doc};
use crate::model::ids::{AccountId, Region, TargetId};
use crate::model::observed::{Cause, CauseKind, Observed};
use crate::model::org::{OrgFacts, PolicyType};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Mutex;

/// Policies of a type by name.
type Names = BTreeMap<String, Summary>;

/// How many sessions are kept: each holds clients, and a plan may touch every account of a large organization.
const MOST_SESSIONS: usize = 256;

/// Reads and writes whatever an [`Address`] names, each in the account it belongs to.
///
/// Organizations is reached with the caller's own credentials, members with the role of the purpose given.
#[derive(Debug)]
pub struct World<'a> {
    sessions: &'a Sessions,
    partition: String,
    purpose: Purpose,
    entered: Mutex<BTreeMap<AccountId, AccountSession>>,
    names: Mutex<BTreeMap<PolicyType, Names>>,
    /// Organizations answers `ConcurrentModificationException` to parallel writes.
    turn: Mutex<()>,
    /// Pending subscriptions that were deleted as far as AWS lets them be.
    lapsing: Mutex<BTreeSet<Address>>,
}

impl<'a> World<'a> {
    /// The world of one organization, entered for one purpose. Nothing is called yet.
    pub fn new(sessions: &'a Sessions, org: &OrgFacts, purpose: Purpose) -> Self {
        Self {
            sessions,
            partition: org.organization.partition.clone(),
            purpose,
            entered: Mutex::default(),
            names: Mutex::default(),
            turn: Mutex::default(),
            lapsing: Mutex::default(),
        }
    }

    /// The document at an address; absent where there is nothing.
    pub async fn read(&self, address: &Address) -> Observed<Doc> {
        Box::pin(self.try_read(address)).await.unwrap_or_else(Observed::unknown)
    }

    async fn try_read(&self, address: &Address) -> Result<Observed<Doc>, Cause> {
        let session = self.session(address).await?;
        Ok(match address {
            Address::Policy { policy_type, name } => self.read_policy(&session, policy_type, name).await,
            Address::Attachment { policy_type, policy, target } => {
                attachment::read(&session, policy_type, policy, target).await
            }
            Address::PasswordPolicy { .. } => password_policy::read(&session).await,
            Address::MetricFilter { region, log_group, name, .. } => {
                metric_filter::read(&session, region, log_group, name).await
            }
            Address::Alarm { region, name, .. } => alarm::read(&session, region, name).await,
            Address::Topic { account, region, name } => {
                topic::read(&session, region, &self.topic_arn(account, region, name)).await
            }
            Address::Subscription { account, region, topic, protocol, endpoint } => {
                let topic_arn = &self.topic_arn(account, region, topic);
                let seen = subscription::read(&session, region, Receiver { topic_arn, protocol, endpoint }).await;
                match seen {
                    Observed::Present { source, .. } if self.lapsing.lock().await.contains(address) => {
                        Observed::Absent { source }
                    }
                    seen => seen,
                }
            }
        })
    }

    /// Makes the thing at an address what `after` says, or removes it where `after` is `None`. `before` is what was last
    /// read there. Gives AWS's id where something was created that has one.
    ///
    /// Outcomes that are already so are success. A pending subscription can't be removed (AWS refuses); it lapses by
    /// itself or with its topic, nobody hears through it, and this world counts it as removed.
    ///
    /// # Errors
    /// AWS's answer, or why orgward would not send the write.
    pub async fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        // SDK calls make large futures: the caller's should not grow with them.
        Box::pin(self.write_in(address, before, after)).await
    }

    async fn write_in(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        let session = self.session(address).await?;
        match address {
            Address::Policy { policy_type, name } => {
                let _turn = self.turn.lock().await;
                self.write_policy(&session, policy_type, name, before, after).await
            }
            Address::Attachment { policy_type, policy, target } => {
                let _turn = self.turn.lock().await;
                self.write_attachment(&session, policy_type, policy, target, after).await.map(|()| None)
            }
            Address::PasswordPolicy { .. } => password_policy::write(&session, after).await.map(|()| None),
            Address::MetricFilter { region, log_group, name, .. } => {
                metric_filter::write(&session, region, (log_group, name), before, after).await.map(|()| None)
            }
            Address::Alarm { region, name, .. } => {
                alarm::write(&session, region, name, before, after).await.map(|()| None)
            }
            Address::Topic { account, region, name } => {
                let arn = self.topic_arn(account, region, name);
                topic::write(&session, region, (&arn, name), before, after).await
            }
            Address::Subscription { account, region, topic, protocol, endpoint } => {
                let topic_arn = &self.topic_arn(account, region, topic);
                let receiver = Receiver { topic_arn, protocol, endpoint };
                if after.is_some() {
                    self.lapsing.lock().await.remove(address);
                    return subscription::subscribe(&session, region, receiver).await;
                }
                if subscription::unsubscribe(&session, region, receiver).await? == Removal::Pending {
                    self.lapsing.lock().await.insert(address.clone());
                }
                Ok(None)
            }
        }
    }

    /// The session for an address, kept for the next one.
    async fn session(&self, address: &Address) -> Result<AccountSession, Cause> {
        let account = address.account().unwrap_or(&self.sessions.caller().account);
        if let Some(session) = self.entered.lock().await.get(account) {
            return Ok(session.clone());
        }
        let session = self.sessions.enter(account, self.purpose).await?;
        let mut entered = self.entered.lock().await;
        if entered.len() >= MOST_SESSIONS {
            entered.clear();
        }
        entered.insert(account.clone(), session.clone());
        Ok(session)
    }

    fn topic_arn(&self, account: &AccountId, region: &Region, name: &str) -> String {
        format!("arn:{}:sns:{region}:{account}:{name}", self.partition)
    }

    /// The policy of a name. A name not seen yet is looked for anew.
    async fn resolve(&self, session: &AccountSession, kind: &PolicyType, name: &str) -> Result<Option<Summary>, Cause> {
        let mut names = self.names.lock().await;
        if let Some(known) = names.get(kind).and_then(|of_kind| of_kind.get(name)) {
            return Ok(Some(known.clone()));
        }
        let all = policy::fetch_all(session, kind).await?;
        let of_kind: Names = all.into_iter().map(|summary| (summary.name.clone(), summary)).collect();
        let found = of_kind.get(name).cloned();
        names.insert(kind.clone(), of_kind);
        Ok(found)
    }

    async fn remember(&self, kind: &PolicyType, summary: Summary) {
        self.names.lock().await.entry(kind.clone()).or_default().insert(summary.name.clone(), summary);
    }

    async fn forget(&self, kind: &PolicyType, name: &str) {
        if let Some(of_kind) = self.names.lock().await.get_mut(kind) {
            of_kind.remove(name);
        }
    }

    async fn read_policy(&self, session: &AccountSession, kind: &PolicyType, name: &str) -> Observed<Doc> {
        let known = self.names.lock().await.get(kind).and_then(|of_kind| of_kind.get(name)).cloned();
        if let Some(known) = known {
            let seen = policy::read(session, &known.id).await;
            if !matches!(seen, Observed::Absent { .. }) {
                return seen;
            }
            // Deleted since it was listed, and perhaps made anew under another id.
            self.forget(kind, name).await;
        }
        let work = async { self.resolve(session, kind, name).await };
        match session.observe("organizations:ListPolicies", &session.global_region(), work).await {
            Observed::Present { value, .. } => policy::read(session, &value.id).await,
            Observed::Absent { source } => Observed::Absent { source },
            Observed::Unknown { cause } => Observed::Unknown { cause },
        }
    }

    async fn write_policy(
        &self,
        session: &AccountSession,
        kind: &PolicyType,
        name: &str,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        match (before, after) {
            (_, None) => {
                if let Some(policy) = self.resolve(session, kind, name).await? {
                    policy::delete(session, &policy).await?;
                    self.forget(kind, name).await;
                }
                Ok(None)
            }
            (Some(before), Some(after)) => {
                let missing = || refused("organizations:UpdatePolicy", format!("there is no policy `{name}` any more"));
                let policy = self.resolve(session, kind, name).await?.ok_or_else(missing)?;
                policy::update(session, &policy, before, after).await?;
                Ok(None)
            }
            (None, Some(after)) => match policy::create(session, kind, name, after).await? {
                Some(created) => {
                    let id = created.id.to_string();
                    self.remember(kind, created).await;
                    Ok(Some(id))
                }
                None => self.already_created(session, kind, name, after).await.map(Some),
            },
        }
    }

    /// The id of a policy that was already there when it was to be created, if it is the one that is wanted.
    async fn already_created(
        &self,
        session: &AccountSession,
        kind: &PolicyType,
        name: &str,
        wanted: &Doc,
    ) -> Result<String, Cause> {
        let taken = || {
            Cause::new(
                CauseKind::Other,
                "organizations:CreatePolicy",
                format!("another policy `{name}` is already there"),
            )
        };
        match self.read_policy(session, kind, name).await {
            Observed::Present { value, .. } if value == *wanted => {
                self.resolve(session, kind, name).await?.map(|policy| policy.id.to_string()).ok_or_else(taken)
            }
            Observed::Unknown { cause } => Err(cause),
            _ => Err(taken()),
        }
    }

    async fn write_attachment(
        &self,
        session: &AccountSession,
        kind: &PolicyType,
        name: &str,
        target: &TargetId,
        after: Option<&Doc>,
    ) -> Result<(), Cause> {
        match (self.resolve(session, kind, name).await?, after) {
            (Some(policy), Some(_)) => attachment::attach(session, &policy.id, target).await,
            (Some(policy), None) => attachment::detach(session, &policy.id, target).await,
            (None, Some(_)) => {
                Err(refused("organizations:AttachPolicy", format!("there is no policy `{name}` to attach")))
            }
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sendable<T: Send>(_: &T) {}

    /// Apply may run worlds on other threads.
    #[allow(dead_code)]
    fn reads_and_writes_can_move_between_threads(world: &World<'_>, address: &Address) {
        sendable(&world.read(address));
        sendable(&world.write(address, None, None));
    }
}
