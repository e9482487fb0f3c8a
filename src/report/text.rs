//! Text for terminals: hostile characters made visible, colour only where it is wanted.

use crate::model::hidden;
use jiff::Timestamp;
use std::fmt::Write as _;

/// A moment to the second, as people are told it; machines get all of it.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `text` safe for a terminal or a log line: control characters, the marks that reorder text and what takes no room are shown as
/// `\u{..}`. Once safe, a text stays as it is.
///
/// Account names, tags, resource names and AWS's messages go through here.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
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
}
