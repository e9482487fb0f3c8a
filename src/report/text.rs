//! Text for terminals: hostile characters made visible, colour only where it is wanted, columns that line up.

use super::prose::width;
use std::fmt::Write as _;

/// `text` safe for a terminal or a log line: control characters and the marks that reorder text are shown as `\u{..}`.
///
/// Account names, tags, resource names and AWS's messages go through here.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        if c.is_control() || invisible {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// `text` cut to `width` characters, the cut shown as `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(width.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// `1 account`, `2 accounts`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `512 B`, `1.2 KiB`, `34.5 MiB`: cut, never rounded up.
pub fn bytes(n: u64) -> String {
    let unit = |shift: u32, name| format!("{}.{} {name}", n >> shift, ((n >> (shift - 10)) & 1023) * 10 / 1024);
    match n {
        0..=1023 => format!("{n} B"),
        1024..=0xf_ffff => unit(10, "KiB"),
        0x10_0000..=0x3fff_ffff => unit(20, "MiB"),
        _ => unit(30, "GiB"),
    }
}

/// A style of emphasis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Headings.
    Bold,
    /// Less important.
    Dim,
    /// Bad.
    Red,
    /// Attention.
    Yellow,
    /// Good.
    Green,
    /// Names.
    Cyan,
}

/// Paints text, or leaves it alone where colour is not wanted (`NO_COLOR`, a pipe, `--color never`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Whether to paint.
    pub on: bool,
    /// How many columns a line has; `None` where lines have no end, as in a pipe or a file.
    pub width: Option<usize>,
}

impl Paint {
    /// Neither colour nor an end of lines: for files and pipes.
    pub const PLAIN: Self = Self { on: false, width: None };

    /// `text` in `style`.
    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Red => "31",
            Style::Yellow => "33",
            Style::Green => "32",
            Style::Cyan => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Left or right in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// The narrowest that a last column may get beside the others before it moves below them.
const LEAST_LAST: usize = 24;
/// How far it is indented there.
const BELOW: usize = 6;

/// Rows of cells as lines with two spaces between columns, no trailing blanks. Cells are (text, style); widths count
/// the text alone, so colour never shifts a column. Where lines have an end, the last column goes on in further lines, below
/// itself or, where it is narrow, below the row; nothing is cut.
pub fn columns(rows: &[Vec<(String, Option<Style>)>], aligns: &[Align], paint: Paint) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (i, (text, _)) in row.iter().enumerate() {
            let width = width(text);
            match widths.get_mut(i) {
                Some(known) => *known = (*known).max(width),
                None => widths.push(width),
            }
        }
    }
    let last = widths.len().saturating_sub(1);
    let before: usize = widths.iter().take(last).map(|width| width + 2).sum();
    let fits = paint.width.is_none_or(|end| before + widths.last().copied().unwrap_or(0) <= end);
    let mut out = String::new();
    if paint.width.is_some_and(|end| before.saturating_sub(2) > end) {
        // Not even the others fit: each row by itself, as wide as there is room.
        for row in rows {
            let cells =
                row.iter().map(|(text, style)| style.map_or_else(|| text.clone(), |style| paint.paint(style, text)));
            out += &paint.entry("", &cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  "));
        }
        return out;
    }
    for row in rows {
        let mut line = String::new();
        let mut further = Vec::new();
        for (i, (text, style)) in row.iter().enumerate() {
            let column = widths.get(i).copied().unwrap_or(0);
            let paint_it = |text: &str| style.map_or_else(|| text.to_owned(), |style| paint.paint(style, text));
            if let (true, Some(end), false) = (i == last && last > 0, paint.width, fits) {
                let beside = end.saturating_sub(before) >= LEAST_LAST;
                let indent = if beside { before } else { BELOW };
                let mut parts = wrapped(text, end.saturating_sub(indent)).into_iter();
                if beside {
                    line.extend(parts.next().map(|part| format!("  {}", paint_it(&part))));
                }
                further.extend(parts.map(|part| format!("{}{}", " ".repeat(indent), paint_it(&part))));
                continue;
            }
            let pad = " ".repeat(column.saturating_sub(width(text)));
            let painted = paint_it(text);
            if i > 0 {
                line.push_str("  ");
            }
            match aligns.get(i).copied().unwrap_or(Align::Left) {
                Align::Left => line.extend([painted.as_str(), pad.as_str()]),
                Align::Right => line.extend([pad.as_str(), painted.as_str()]),
            }
        }
        for line in std::iter::once(line).chain(further) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// `text` in lines of at most `room` columns, broken between words, and inside a word that is longer than a line: beside a
/// cell there is no room for it.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    let (mut line, mut taken) = (String::new(), 0);
    for word in text.split(' ') {
        if taken > 0 && taken + 1 + width(word) > room {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        } else if taken > 0 {
            line.push(' ');
            taken += 1;
        }
        for c in word.chars() {
            let wide = width(c.encode_utf8(&mut [0; 4]));
            if taken > 0 && taken + wide > room {
                lines.push(std::mem::take(&mut line));
                taken = 0;
            }
            line.push(c);
            taken += wide;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_cut() {
        let told = [0, 1023, 1024, 1_048_575, 1_048_576, 36_175_872, u64::from(u32::MAX)].map(bytes);
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "1023.9 KiB", "1.0 MiB", "34.5 MiB", "3.9 GiB"]);
    }

    #[test]
    fn hostile_text_cannot_move_the_cursor_or_reorder_a_line() {
        assert_eq!(plain("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\u{a}\\u{202e}c");
        assert_eq!(plain("Ünï-cödé ok"), "Ünï-cödé ok");
    }

    #[test]
    fn colour_does_not_shift_columns() {
        let rows = vec![
            vec![("high".to_owned(), Some(Style::Red)), ("3".to_owned(), None)],
            vec![("medium".to_owned(), None), ("12".to_owned(), None)],
        ];
        let aligns = [Align::Left, Align::Right];
        let bare = columns(&rows, &aligns, Paint::PLAIN);
        assert_eq!(bare, "high     3\nmedium  12\n");
        let painted = columns(&rows, &aligns, Paint { on: true, width: None });
        assert_eq!(painted.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""), bare);
    }

    #[test]
    fn where_not_even_the_figures_fit_each_row_is_by_itself() {
        let cells = |cells: [&str; 4]| cells.map(|text| (text.to_owned(), None)).to_vec();
        let rows = vec![
            cells(["CHECK", "FAIL", "UNKNOWN", "WHAT"]),
            cells(["root-mfa", "12", "", "MFA is on for the root user"]),
        ];
        let text = columns(&rows, &[], Paint { on: false, width: Some(20) });
        assert_eq!(text, "CHECK  FAIL  UNKNOWN\n  WHAT\nroot-mfa  12  MFA is\n  on for the root\n  user\n");
    }

    #[test]
    fn a_table_that_is_too_wide_goes_on_in_further_lines_and_loses_no_word() {
        let words = "a role has no inline policy unless somebody answers for it with a ticket";
        let cell = |text: &str| (text.to_owned(), None);
        let rows = vec![vec![cell("CHECK"), cell("WHAT")], vec![cell("role-inline-policies"), cell(words)]];
        let at = |width| columns(&rows, &[], Paint { on: false, width });
        assert_eq!(at(None).lines().count(), 2, "a pipe has no end of lines");
        assert_eq!(at(Some(120)), at(None));
        for width in [80, 60, 46, 45, 30] {
            let text = at(Some(width));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            let told: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(told.join(" "), format!("CHECK WHAT role-inline-policies {words}"), "{width}:\n{text}");
        }
        assert!(at(Some(60)).lines().nth(2).unwrap().starts_with(&" ".repeat(22)), "below itself");
        assert!(at(Some(30)).lines().nth(3).unwrap().starts_with("      "), "below the row");
        assert_eq!(wrapped("aaaaaaaaaa b", 4), ["aaaa", "aaaa", "aa b"]);
    }
}
