//! What each figure may be at most, and the table that shows both.
//!
//! Owns: the limits of issue 5. Must not: measure, or be eased to fit what was measured.

use crate::job::Limits;
use crate::request::Cost;
use crate::run::Measured;
use orgward::collect::{BASE_REQUESTS, REQUESTS_PER_REGION};
use std::fmt::Write as _;

/// Makespan over the lower bound, under the published quotas.
const MAKESPAN: f64 = 1.10;
/// The same with a limit of IAM's that nobody announced.
const MAKESPAN_HIDDEN: f64 = 1.25;
/// Throttled requests among all, under the published quotas.
const THROTTLED: f64 = 0.005;
/// Regions that an account can use unless somebody switches on more.
const REGIONS: u32 = 17;
/// MiB of memory at the most accounts.
const PEAK: f64 = 150.0;
/// Peak memory at ten times the accounts.
const PEAK_GROWTH: f64 = 1.3;
/// CPU time of an account at ten times the accounts.
const CPU_GROWTH: f64 = 1.10;

/// CPU time of a request over that of a bare SDK call.
const REQUEST: f64 = 1.3;

/// A figure and its limit.
pub struct Row {
    name: String,
    figure: f64,
    limit: Option<f64>,
    unit: &'static str,
    /// Whether a figure that was missed fails the bench.
    counts: bool,
}

impl Row {
    fn new(name: String, figure: f64, limit: f64, unit: &'static str) -> Self {
        Self { name, figure, limit: Some(limit), unit, counts: true }
    }

    /// Memory and CPU time of an unoptimised build say nothing.
    fn of_release(mut self) -> Self {
        self.counts = !cfg!(debug_assertions);
        self
    }

    /// Whether the figure is within its limit, or does not count.
    pub fn holds(&self) -> bool {
        !self.counts || self.limit.is_none_or(|limit| self.figure <= limit)
    }

    fn verdict(&self) -> &'static str {
        match self.limit {
            None => "",
            Some(_) if !self.counts => "not judged in this profile",
            Some(limit) if self.figure <= limit => "ok",
            Some(_) => "MISSED",
        }
    }
}

/// Seconds that nobody can do with less than: the busiest bucket, and then the last account by itself.
fn bound(whole: &Measured, alone: &Measured) -> f64 {
    whole.sandbox.buckets.first().map_or(0.0, |(_, _, seconds)| *seconds) + alone.makespan
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn per(count: u64, of: usize) -> f64 {
    count as f64 / of.max(1) as f64
}

/// What one size came to, in words.
pub fn told(limits: Limits, whole: &Measured, alone: &Measured) -> String {
    let mut text = format!("\n== {} accounts, {} quotas\n", whole.accounts, limits.name());
    for (name, requests, seconds) in &whole.sandbox.buckets {
        let _ = writeln!(text, "bucket       {name}: {requests} requests, {seconds:.1} s");
    }
    let _ = writeln!(text, "last account {:.1} s alone", alone.makespan);
    let _ = writeln!(text, "bound        {:.1} s", bound(whole, alone));
    let _ = writeln!(text, "makespan     {:.1} s", whole.makespan);
    let _ = writeln!(
        text,
        "requests     {}, {:.1} per account, {} throttled",
        whole.sandbox.requests,
        per(whole.sandbox.requests, whole.accounts),
        whole.sandbox.throttled
    );
    let _ =
        writeln!(text, "findings     {}, {} lost, {} accounts without any", whole.findings, whole.lost, whole.missing);
    let _ = writeln!(
        text,
        "memory       {:.0} MiB at the most, {:.0} MiB empty; the sandbox's process {:.0} MiB",
        whole.peak, whole.empty, whole.sandbox.peak
    );
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let each = whole.cpu_seconds * 1e6 / whole.sandbox.requests.max(1) as f64;
    let _ = writeln!(
        text,
        "CPU          {:.1} s, {each:.0} us per request; {:.1} s by the clock",
        whole.cpu_seconds, whole.wall_seconds
    );
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let disk = whole.bytes_on_disk as f64 / 1_048_576.0;
    let _ = writeln!(text, "disk         {disk:.1} MiB");
    text
}

/// Every figure that has a limit. `fixed` is the run over the fewest accounts.
pub fn rows(limits: Limits, fixed: &Measured, sizes: &[(Measured, Measured)]) -> Vec<Row> {
    let mut rows = Vec::new();
    let most = if limits == Limits::Published { MAKESPAN } else { MAKESPAN_HIDDEN };
    for (whole, alone) in sizes {
        let of = |what: &str| format!("{what}, {} accounts, {}", whole.accounts, limits.name());
        rows.push(Row::new(of("makespan over bound"), whole.makespan / bound(whole, alone), most, "x"));
        if limits == Limits::Published {
            let share = per(whole.sandbox.throttled, usize::try_from(whole.sandbox.requests).unwrap_or(usize::MAX));
            rows.push(Row::new(of("throttled"), share * 100.0, THROTTLED * 100.0, "%"));
        }
        let most = f64::from(BASE_REQUESTS + REGIONS * REQUESTS_PER_REGION);
        rows.push(Row::new(of("requests per account"), per(whole.sandbox.requests, whole.accounts), most, ""));
        let missing = whole.missing + whole.lost;
        rows.push(Row::new(of("accounts and verdicts lost"), per(missing as u64, 1), 0.0, ""));
        rows.push(Row::new(of("peak memory"), whole.peak, PEAK, "MiB").of_release());
    }
    for pair in sizes.windows(2) {
        let [(less, _), (more, _)] = pair else { continue };
        let of = |what: &str| format!("{what}, {} over {} accounts, {}", more.accounts, less.accounts, limits.name());
        let grown = |whole: &Measured| (whole.cpu_seconds - fixed.cpu_seconds) / per(whole.accounts as u64, 1);
        rows.push(Row::new(of("CPU per account"), grown(more) / grown(less), CPU_GROWTH, "x").of_release());
        if more.accounts >= 1_000 && less.accounts >= 1_000 {
            rows.push(Row::new(of("peak memory"), more.peak / less.peak, PEAK_GROWTH, "x").of_release());
        }
    }
    rows
}

/// What a request costs.
pub fn of_request(cost: Cost) -> Row {
    let name = format!("a request ({:.0} us) over a bare SDK call ({:.0} us)", cost.through_orgward, cost.bare);
    Row::new(name, cost.through_orgward / cost.bare, REQUEST, "x").of_release()
}

/// The rows beside their limits.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("\n");
    for row in rows {
        let limit = row.limit.map(|limit| format!("at most {limit:.2} {}", row.unit)).unwrap_or_default();
        let _ = writeln!(text, "{:<66} {:>9.3} {:<4} {limit:<18} {}", row.name, row.figure, row.unit, row.verdict());
    }
    text
}
