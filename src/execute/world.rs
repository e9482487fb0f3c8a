//! What `apply` needs of AWS: one read and one write for each address.

use crate::model::{Address, Cause, Doc, Observed};
use std::future::Future;

/// One read and one write for each thing orgward manages. Production is `resources::World`; tests have one in memory.
pub trait World {
    /// Reads what is at an address now.
    fn read(&self, address: &Address) -> impl Future<Output = Observed<Doc>>;

    /// Makes `after` be at the address; `before` is what was there. Gives AWS's id on creation.
    ///
    /// An answer that says "it is so already" is success. The error is the cause of the last attempt.
    fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> impl Future<Output = Result<Option<String>, Cause>>;
}

impl<W: World> World for &W {
    async fn read(&self, address: &Address) -> Observed<Doc> {
        (**self).read(address).await
    }

    async fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        (**self).write(address, before, after).await
    }
}

impl World for crate::resources::World<'_> {
    async fn read(&self, address: &Address) -> Observed<Doc> {
        crate::resources::World::read(self, address).await
    }

    async fn write(
        &self,
        address: &Address,
        before: Option<&Doc>,
        after: Option<&Doc>,
    ) -> Result<Option<String>, Cause> {
        crate::resources::World::write(self, address, before, after).await
    }
}
