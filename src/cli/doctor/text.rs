//! A diagnosis for people: as wide as the terminal, words before colours, commands on one line each so that they can be copied.
//! In a pipe each line of the diagnosis is one line.
//!
//! Must not: decide anything. Every text is escaped here.

use crate::cli::eta::round;
use crate::doctor::{Diagnosis, Line, Rate, Section, State};
use crate::model::Share;
use crate::report::table::{Align, columns, row};
use crate::report::text::{Paint, Style, count, cut, plain};

/// What AWS said is cut at these.
const SAID: usize = 300;
/// Blanks before the text of a line: two, the word, two.
const INDENT: &str = "           ";

/// The whole of it.
pub fn render(diagnosis: &Diagnosis, share: Share, paint: Paint) -> String {
    let mut out = String::new();
    for section in Section::ALL {
        let lines: Vec<&Line> = diagnosis.lines.iter().filter(|line| line.section == section).collect();
        if lines.is_empty() {
            continue;
        }
        out += &paint.entry("", &paint.paint(Style::Bold, section.title()));
        lines.iter().for_each(|line| out += &told(line, paint));
        out.push('\n');
    }
    if !diagnosis.rates.is_empty() {
        out += &rates(diagnosis, share, paint);
    }
    out + &end(diagnosis, paint)
}

fn told(line: &Line, paint: Paint) -> String {
    let (word, style) = match line.state {
        State::Ok => (line.state.as_str(), Style::Green),
        State::Note => (line.state.as_str(), Style::Cyan),
        State::Problem => (line.state.as_str(), Style::Red),
        State::Unknown => (line.state.as_str(), Style::Yellow),
    };
    let pad = " ".repeat(7_usize.saturating_sub(word.len()));
    let mut out = paint.sentence(&format!("  {}{pad}  ", paint.paint(style, word)), &plain(&line.text));
    if let (Some(said), State::Problem | State::Unknown) = (&line.said, line.state) {
        out += &paint.sentence(INDENT, &format!("AWS said: {}", cut(&plain(said), SAID)));
    }
    if let Some(fix) = &line.fix {
        // Never wrapped: it is there to be copied.
        out += &format!("{INDENT}{} {}\n", paint.paint(Style::Bold, "fix:"), plain(fix));
    }
    out
}

fn rates(diagnosis: &Diagnosis, share: Share, paint: Paint) -> String {
    let told = |rate: &Rate| {
        let whose = if rate.of_each_account { "each account" } else { "the caller's account" };
        let most = if rate.at_most > rate.per_second { format!("up to {}/s", rate.at_most) } else { String::new() };
        row([format!("  {}", rate.operation), format!("{}/s", rate.per_second), whose.to_owned(), most])
    };
    let rows: Vec<_> = diagnosis.rates.iter().map(told).collect();
    let title = format!("Request rates assumed ({share} of each quota; up to: not published, so found out)");
    let mut out = paint.entry("", &paint.paint(Style::Bold, &title));
    out += &columns(&rows, &[Align::Left, Align::Right, Align::Left, Align::Left], paint);
    if diagnosis.learned_limits > 0 {
        out += &format!("  {} found out by runs before\n", count(diagnosis.learned_limits, "limit"));
    }
    out.push('\n');
    out
}

fn end(diagnosis: &Diagnosis, paint: Paint) -> String {
    let summary = diagnosis.summary;
    let figures = format!(
        "{}, {} unknown, {}, {} ok",
        count(summary.problems, "problem"),
        summary.unknown,
        count(summary.notes, "note"),
        summary.ok
    );
    let mut out = paint.entry("", &paint.paint(Style::Bold, &figures));
    if let Some(estimate) = &diagnosis.estimate {
        let time = match estimate.seconds {
            Some(seconds) => format!("about {}", round(seconds)),
            None => "more than a week".to_owned(),
        };
        let requests = usize::try_from(estimate.requests_per_account).unwrap_or(usize::MAX);
        out += &format!(
            "An audit of {} in {} takes {time}.\nIt sends some {} for each account.\n",
            count(estimate.accounts, "account"),
            count(estimate.regions, "Region"),
            count(requests, "request"),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_eighty_columns_and_commands_are_not() {
        let long = "word ".repeat(40);
        let line = Line::problem(Section::Caller, "x", long.trim(), format!("aws {}", "x".repeat(100)));
        let text = told(&line, Paint { on: false, width: Some(80) });
        let (fix, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("fix:"));
        assert_eq!(fix.len(), 1);
        assert!(others.len() > 2 && others.iter().all(|line| line.chars().count() <= 80), "{text}");
        let piped = told(&line, Paint::PLAIN);
        assert_eq!(piped.lines().count(), 2, "{piped}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let line = Line::ok(Section::Roles, "x", "a\u{1b}[2J\nb");
        assert_eq!(told(&line, Paint::PLAIN), "  ok       a\\u{1b}[2J\\u{a}b\n");
    }
}
