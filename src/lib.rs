//! orgward keeps every account of an AWS Organization at its security baseline.
//!
//! ```text
//! config + playbook ─┐
//! Organization ─> Scope ─> collect ─> Snapshot ─> checks ──> Findings ─> report
//!                                         └─────> planner ─> Plan ─> execute ─> Journal ─> verify
//! ```
//!
//! Left of a snapshot and right of a plan talks to AWS. Everything between is pure: no client, no clock, no environment.
//!
//! Who may import whom: `cli` -> all; `audit` -> `collect`, `checks`, `store`, `aws`, `report`, `model`; `collect` ->
//! `resources`, `aws`, `policy`, `model`; `execute` -> `resources`, `aws`, `lockout`, `policy`, `store`, `model`;
//! `resources` -> `aws`, `policy`, `model`; `checks`, `playbook` -> `yaml`, `policy`, `pattern`, `model`; `lockout` -> `policy`,
//! `model`; `sandbox` -> `policy`, `pattern`, `model`; `config` -> `yaml`, `model`; `report`, `aws`, `policy`, `pattern`, `store`,
//! `yaml` -> `model`; `grants` -> `collect`, `playbook`, `resources`, `model`; `bootstrap` -> `grants`, `model`; `doctor` -> `checks`,
//! `collect`, `grants`, `policy`, `model`; `fuzz` ->
//! `policy`, `playbook`, `store`, `execute`; `evidence` -> `audit`, `store`, `report`, `model`; `notify` -> `resources`,
//! `aws`, `model`; `model` -> nothing of ours. `tests/it/architecture.rs`
//! matches every `crate::name` path against this list.

pub mod audit;
pub mod aws;
pub mod bootstrap;
pub mod checks;
pub mod cli;
pub mod collect;
pub mod config;
pub mod doctor;
pub mod evidence;
pub mod execute;
#[doc(hidden)]
pub mod fuzz;
pub mod grants;
pub mod lockout;
pub mod model;
pub mod notify;
pub mod pattern;
pub mod playbook;
pub mod policy;
pub mod report;
pub mod resources;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod store;
mod yaml;
