//! Two audits of the same organization side by side: what failed before, what fails after.

use super::table::{Align, table};
use super::text::{Paint, Style};
use crate::model::Tally;
use crate::model::check::CheckMeta;

/// A line for each check whose figures differ or that still fails; the others are counted below.
pub fn render(checks: &[&CheckMeta], before: &Tally, after: &Tally, paint: Paint) -> String {
    let head = ["CHECK", "FAIL BEFORE", "FAIL AFTER", "UNKNOWN BEFORE", "UNKNOWN AFTER", "SO IT IS"];
    let (mut rows, mut untouched) = (Vec::new(), 0);
    for meta in checks {
        let [then, now] = [before, after].map(|tally| tally.check(meta.id));
        let (fail_before, fail_after, unknown_before, unknown_after) = (then.fail, now.fail, then.unknown, now.unknown);
        if fail_before + fail_after + unknown_before + unknown_after == 0 {
            untouched += 1;
            continue;
        }
        let (word, style) = match (fail_before, fail_after) {
            (b, a) if a > b => ("worse", Style::Red),
            (b, 0) if b > 0 => ("mended", Style::Green),
            (b, a) if a < b => ("better", Style::Green),
            (0, 0) => ("unknown", Style::Dim),
            _ => ("open", Style::Yellow),
        };
        rows.push(vec![
            (meta.id.to_owned(), Some(Style::Bold)),
            (fail_before.to_string(), None),
            (fail_after.to_string(), None),
            (unknown_before.to_string(), None),
            (unknown_after.to_string(), None),
            (word.to_owned(), Some(style)),
        ]);
    }
    let aligns = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right];
    let mut out = table(head, rows, &aligns, paint);
    if untouched > 0 {
        let words = format!("{untouched} more checks neither fail nor are unknown, before or after");
        out += &paint.entry("", &words);
    }
    out
}
