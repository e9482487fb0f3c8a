//! Open files: how many requests may be on the wire at once before the system refuses another connection.
//!
//! Source: getrlimit(2), `RLIMIT_NOFILE`. The soft limit is 256 on macOS and 1,024 on most Linux systems; a process may raise it
//! up to the hard one.

/// Connections for each request on the wire: the pool keeps idle ones, host by host, for a while.
const CONNECTIONS: u64 = 4;

/// Open files for everything else: the run's own, the three of every process, sockets of the credential chain.
const OTHERS: u64 = 64;

/// Raises this process's soft limit of open files to what `requests` at once need, as far as the hard limit lets it, and tells
/// how many there is room for: at most `requests`, at least 1. Where the limit can't be read, `requests`.
pub fn room_for(requests: usize) -> usize {
    let wanted = u64::try_from(requests).unwrap_or(u64::MAX);
    let needed = wanted.saturating_mul(CONNECTIONS).saturating_add(OTHERS);
    match rlimit::increase_nofile_limit(needed) {
        Ok(allowed) => within(requests, allowed),
        Err(_) => requests,
    }
}

/// How many of `requests` a limit of open files leaves room for.
fn within(requests: usize, allowed: u64) -> usize {
    let room = allowed.saturating_sub(OTHERS) / CONNECTIONS;
    usize::try_from(room).unwrap_or(usize::MAX).clamp(1, requests.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_lowers_the_bound_and_a_high_one_does_not_raise_it() {
        assert_eq!(within(1_000, 4_096), 1_000);
        assert_eq!(within(1_000, 1_024), 240);
        assert_eq!(within(1_000, 256), 48);
        assert_eq!(within(1_000, 3), 1);
        assert_eq!(within(0, u64::MAX), 1);
        assert_eq!(within(8, u64::MAX), 8);
    }

    #[test]
    fn there_is_room_for_a_few_requests_anywhere() {
        assert_eq!(room_for(2), 2);
    }
}
