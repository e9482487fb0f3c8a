//! Telling others what came of a run: Slack, a webhook, an SNS topic or a program.
//!
//! Owns: what is told (a notice: figures, ids and digests, no text of a finding, no name or tag of an account), and how each
//! channel takes it. Must not: fail a run, show more of an address than its host, or hand text to a shell or an argument.

mod channel;
mod notice;
mod send;

pub use channel::{Address, Channel, ChannelError};
pub use notice::{NOTICE_VERSION, Notice};
pub use send::{NotSent, Sender};
