//! A world in memory with scripted trouble.

use crate::execute::World;
use crate::model::{Address, Cause, CauseKind, Doc, Observed, Source};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What goes wrong with one call.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The write is refused.
    Refuse(CauseKind),
    /// The write happens and its answer is lost.
    LostAfter,
    /// The write never arrives and nobody answers.
    LostBefore,
    /// The write is accepted and something else is there afterwards.
    Bent,
    /// The write is accepted and shows only after this many reads.
    Late(usize),
    /// The next read fails.
    Unreadable,
    /// The write happens, the answer is lost, and then somebody else writes.
    LostThenOverwritten,
}

/// The world.
#[derive(Default)]
pub struct Memory {
    pub docs: RefCell<BTreeMap<Address, Doc>>,
    pub writes: RefCell<Vec<Address>>,
    pub trouble: RefCell<BTreeMap<Address, VecDeque<Trouble>>>,
    late: RefCell<BTreeMap<Address, (usize, Option<Doc>)>>,
    unreadable: RefCell<Vec<Address>>,
    pub in_flight: Cell<usize>,
    pub most_in_flight: Cell<usize>,
    /// Dies at the call with this number: before its effect, or after it.
    pub dies_at: Cell<Option<(usize, bool)>>,
    pub calls: Cell<usize>,
    pub died: CancellationToken,
    /// Cancelled when the write with this number (from 1) is at work.
    pub cancel_at_write: RefCell<Option<(usize, CancellationToken)>>,
}

impl Memory {
    pub fn with(self, address: &Address, troubles: &[Trouble]) -> Self {
        self.trouble.borrow_mut().entry(address.clone()).or_default().extend(troubles.iter().cloned());
        self
    }

    pub fn put(self, address: &Address, doc: serde_json::Value) -> Self {
        self.docs.borrow_mut().insert(address.clone(), Doc(doc));
        self
    }

    /// Counts the call and dies if it is its turn: nobody hears from a dead process again.
    async fn call(&self, after: bool) {
        if !after {
            self.calls.set(self.calls.get() + 1);
        }
        if self.dies_at.get() == Some((self.calls.get(), after)) {
            self.died.cancel();
            std::future::pending::<()>().await;
        }
    }

    fn set(&self, address: &Address, doc: Option<&Doc>) {
        match doc {
            Some(doc) => drop(self.docs.borrow_mut().insert(address.clone(), doc.clone())),
            None => drop(self.docs.borrow_mut().remove(address)),
        }
    }

    fn next_trouble(&self, address: &Address, read: bool) -> Option<Trouble> {
        let mut all = self.trouble.borrow_mut();
        let queue = all.get_mut(address)?;
        let for_read = matches!(queue.front()?, Trouble::Unreadable);
        if for_read == read { queue.pop_front() } else { None }
    }
}

pub fn source() -> Source {
    Source {
        operation: "memory:Read".into(),
        region: "eu-central-1".parse().unwrap(),
        observed_at: "2026-07-18T10:00:00Z".parse().unwrap(),
        made_at: None,
        request_id: None,
        digest: None,
        pages: 1,
    }
}

impl World for Memory {
    async fn read(&self, address: &Address) -> Observed<Doc> {
        self.call(false).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        if self.next_trouble(address, true).is_some() || self.unreadable.borrow().contains(address) {
            return Observed::unknown(Cause::new(CauseKind::AccessDenied, "memory:Read", "denied"));
        }
        let mut doc = self.docs.borrow().get(address).cloned();
        if let Some((left, old)) = self.late.borrow_mut().get_mut(address)
            && *left > 0
        {
            *left -= 1;
            doc.clone_from(old);
        }
        match doc {
            Some(value) => Observed::Present { value, source: source() },
            None => Observed::Absent { source: source() },
        }
    }

    async fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        self.call(false).await;
        let number = self.writes.borrow().len() + 1;
        self.writes.borrow_mut().push(address.clone());
        if let Some((_, token)) = self.cancel_at_write.borrow().as_ref().filter(|(at, _)| *at == number) {
            token.cancel();
        }
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.in_flight.set(self.in_flight.get() - 1);
        let trouble = self.next_trouble(address, false);
        let lost = || Err(Cause::new(CauseKind::TimedOut, "memory:Write", "no answer in 30 s"));
        let answer = match trouble {
            Some(Trouble::Refuse(kind)) => return Err(Cause::new(kind, "memory:Write", "AccessDenied: no")),
            Some(Trouble::LostBefore) => lost(),
            Some(Trouble::LostAfter) => {
                self.set(address, after);
                lost()
            }
            Some(Trouble::LostThenOverwritten) => {
                self.set(address, Some(&Doc(serde_json::json!({"somebody": "else"}))));
                lost()
            }
            Some(Trouble::Bent) => {
                self.set(address, Some(&Doc(serde_json::json!({"bent": true}))));
                Ok(None)
            }
            Some(Trouble::Late(reads)) => {
                self.late.borrow_mut().insert(address.clone(), (reads, before.cloned()));
                self.set(address, after);
                Ok(None)
            }
            Some(Trouble::Unreadable) | None => {
                self.set(address, after);
                Ok(Some("p-12345678".to_owned()))
            }
        };
        self.call(true).await;
        answer
    }
}
