//! What the kernel says of this process: memory and CPU time.
//!
//! Owns: reading /proc/self. Must not: judge. Elsewhere than on Linux every figure is 0.

use std::fs;
use std::path::Path;

/// Clock ticks a second, as Linux counts them for user space on every platform.
const TICKS: f64 = 100.0;

/// Memory in MiB: what is resident now.
pub fn resident() -> f64 {
    status("VmRSS:")
}

/// Memory in MiB: the most that was ever resident.
pub fn peak() -> f64 {
    status("VmHWM:")
}

fn status(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1_024.0
}

/// CPU seconds of this process so far, in user space and kernel.
pub fn cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The process's name, in parentheses, may hold spaces.
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// Bytes of every file in a folder and below.
pub fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
