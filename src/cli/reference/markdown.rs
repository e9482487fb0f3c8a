//! Words as Markdown that shows them as they are (CommonMark, and the tables of GFM).
//!
//! Owns: escaping. Must not: know what is told.

use crate::report::text::plain;
use std::fmt::Write as _;

/// Words in a paragraph, a list or a heading: nothing in them is markup, but what stands between backticks is code.
pub fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        // A backtick without a second one is a character.
        match (at % 2, at + 1 < parts.len()) {
            (0, _) => out.push_str(&bare(part)),
            (_, true) => out.push_str(&code(part)),
            (_, false) => {
                out.push_str("\\`");
                out.push_str(&bare(part));
            }
        }
    }
    out.trim().to_owned()
}

/// Words without any code.
fn bare(text: &str) -> String {
    let mut out = String::new();
    // The end of the words before is not the beginning of a word.
    let mut before = ' ';
    for c in plain(&text.replace('\n', " ")).chars() {
        let inside = c == '_' && before.is_alphanumeric();
        if "\\*_[]<>|#~&".contains(c) && !inside {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

/// Code in a line of words, whatever is in it.
pub fn code(text: &str) -> String {
    let text = plain(&text.replace('\n', " "));
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let edge = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    match text.trim().is_empty() {
        true => String::new(),
        false => format!("{fence}{edge}{text}{edge}{fence}"),
    }
}

/// Code in a block of its own.
pub fn block(language: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// A table: the heads, and rows of what is Markdown already.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| piped(cell)).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out
}

/// A bar would begin the next cell, in code too.
fn piped(cell: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in cell.chars() {
        if c == '|' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_shown_as_it_is() {
        for (text, wanted) in [
            ("a * b * c", "a \\* b \\* c"),
            ("role/* of [x](y)", "role/\\* of \\[x\\](y)"),
            ("<script>", "\\<script\\>"),
            ("&lt;", "\\&lt;"),
            ("user_unused and _this_", "user_unused and \\_this_"),
            ("a\nb", "a b"),
            ("\u{1b}[2J\u{202e}", "\\\\u{1b}\\[2J\\\\u{202e}"),
        ] {
            assert_eq!(prose(text), wanted, "{text}");
        }
    }

    #[test]
    fn code_stays_code_whatever_is_in_it() {
        assert_eq!(prose("name it `a*_b` or so"), "name it `a*_b` or so");
        assert_eq!(prose("one ` alone *"), "one \\` alone \\*");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(""), "");
        assert_eq!(block("sh", "a\n```\nb"), "````sh\na\n```\nb\n````\n");
    }

    #[test]
    fn a_bar_does_not_end_a_cell() {
        let row = vec![code("a|b"), prose("c|d")];
        assert_eq!(table(&["x", "y"], &[row]), "| x | y |\n|---|---|\n| `a\\|b` | c\\|d |\n");
    }
}
