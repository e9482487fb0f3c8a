//! Spans of time as people write them: `90s`, `15m`, `2h`, `7d`.

/// The form, for error messages.
pub const SPAN_FORM: &str = "a whole number with a unit, such as `15m`, `90s`, `2h`, `1d`";

/// Seconds of a whole number with a unit (s, m, h, d); `None` if it is none, or too long to count.
pub fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text.get(digits.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| digits.parse::<u64>().ok()?.checked_mul(factor))?
}

/// Seconds in the largest unit that needs no fraction: `2h`, `90s`.
pub fn span(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds}s"), |(unit, letter)| format!("{}{letter}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_whole_numbers_with_a_unit() {
        for (text, wanted) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        for text in ["", "7", "d", "1.5h", "-1h", "+1h", "1 h", "1w", "1H", "ü1h", "99999999999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_span_is_read_as_it_was_written(amount in 0u64..10_000_000) {
            prop_assert_eq!(seconds(&span(amount)), Some(amount));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = seconds(&text);
        }
    }
}
