//! Talking to AWS: sessions in every account, one gate for every attempt, one clock, and errors as causes.
//!
//! It knows how to call, not what to call: the calls are in `collect` and `resources`. Nothing here prints, or keeps
//! anything on disk.

mod account_session;
mod answer;
mod clock;
mod credentials;
mod dates;
mod doubt;
mod endpoints;
mod errors;
mod gate;
mod http;
mod learned;
mod limiter;
mod observe;
mod open_files;
mod paced;
mod quotas;
mod session_policy;
mod sessions;
mod settings;
mod sharing;
mod siblings;
mod stats;
#[cfg(test)]
mod tests;
mod trust;

pub use account_session::AccountSession;
pub use aws_smithy_runtime_api::client::http::SharedHttpClient;
pub use clock::Clock;
pub use dates::Dates;
pub use errors::{cause, code};
pub use gate::THROTTLED_FACTOR;
pub use http::{post, production_http};
pub use learned::{BELIEVED, Learned, Memory, MemoryError, Place};
pub use limiter::{Bucket, Limiter, Pace};
pub use open_files::room_for;
pub use quotas::{Allowance, Quotas, QuotasError};
pub use session_policy::READ_ACTIONS;
pub use sessions::{Caller, Sessions};
pub use settings::{
    DEFAULT_MAX_ATTEMPTS, DEFAULT_MAX_IN_FLIGHT, DEFAULT_READ_TIMEOUT, Purpose, RoleOverride, SessionSettings,
    StaticCredentials,
};
pub use sharing::Sharing;
pub use stats::{Asking, CallStats};
