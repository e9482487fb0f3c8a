//! A file for each thing orgward manages: how it is read, and how it is written.
//!
//! Owns: the one read and the one write of each resource, which collection, apply, verification and rollback share.
//! Must not: decide what a resource should be, journal, or ask anyone.

pub(crate) mod alarm;
mod attachment;
pub(crate) mod call;
mod catalog;
mod delegation;
mod document;
pub(crate) mod metric_filter;
pub(crate) mod password_policy;
pub(crate) mod policy;
pub(crate) mod subscription;
pub(crate) mod topic;
mod world;

pub use catalog::{CATALOG, Kind, KindSource, Narrowed};
pub use delegation::delegation_policy;
pub use topic::publish;
pub use world::World;
