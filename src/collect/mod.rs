//! Facts: the organization first, then every account, under a bound.
//!
//! Owns: what is asked of AWS for an audit or a plan, in which order, and the catalogue of it. Must not: judge, write, or
//! keep more than one account's facts longer than it takes to hand them on.
//!
//! A denied, throttled or late answer is a fact that is unknown with its cause, never an error: one bad account is a row.

mod account;
mod analyzers;
mod authorization;
mod billing;
mod buckets;
mod catalog;
mod chain;
mod configuration;
mod contacts;
mod credential_report;
mod credentials;
mod decode;
mod denials;
mod detection;
mod events;
mod fan_out;
mod feed;
mod head;
mod iam;
mod iam_lists;
mod identity;
mod lookup;
mod organization;
mod policies;
mod regional;
mod regions;
mod reused;
mod services;
mod simulate;
mod slots;
mod standing;
mod trails;
mod tree;
mod wanted;
mod watch;
mod watchers;

pub use account::{BASE_REQUESTS, REQUESTS_PER_BUCKET, REQUESTS_PER_REGION, REQUESTS_PER_TRAIL};
pub use analyzers::organization_analyzers;
pub use catalog::{CATALOG, ENTERING, ENUMERATING, FactSource, Place};
pub use credential_report::{ReportError, parse as parse_credential_report};
pub use denials::denials;
pub use fan_out::{CollectOptions, Ended, FanOut, Known, Progress, Work, accounts, each_account};
pub use feed::{Arrivals, Feed, ListedAccount};
pub use organization::{CollectError, enumerate, organization, organization_facts};
pub use simulate::simulate;
pub use wanted::{Wanted, flag_of};
