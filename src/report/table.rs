//! Tables for people: columns that line up, below a head, and that go on below where a line ends.
//!
//! Must not: know what a table is about.

use super::prose::width;
use super::text::{Paint, Style};

/// What stands in one place of a table, and how it is emphasised.
pub type Cell = (String, Option<Style>);

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

/// A table: what its columns are called, then its rows, as [`columns`] sets them. A column that `aligns` does not name holds words.
pub fn table(
    head: impl IntoIterator<Item = impl Into<String>>,
    rows: impl IntoIterator<Item = Vec<Cell>>,
    aligns: &[Align],
    paint: Paint,
) -> String {
    let head = head.into_iter().map(|name| (name.into(), Some(Style::Dim))).collect();
    columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>(), aligns, paint)
}

/// A row of which nothing is emphasised.
pub fn row(cells: impl IntoIterator<Item = impl Into<String>>) -> Vec<Cell> {
    cells.into_iter().map(|cell| (cell.into(), None)).collect()
}

/// Rows of cells as lines with two spaces between columns, no trailing blanks. Widths count the text alone, so colour never
/// shifts a column. Where lines have an end, the last column goes on in further lines, below itself or, where it is narrow,
/// below the row; nothing is cut.
pub fn columns(rows: &[Vec<Cell>], aligns: &[Align], paint: Paint) -> String {
    let frame = Frame::around(rows, aligns, paint);
    if paint.width.is_some_and(|end| frame.before.saturating_sub(2) > end) {
        // Not even the others fit: each row by itself, as wide as there is room.
        return rows.iter().map(|row| alone(row, paint)).collect();
    }
    rows.iter().flat_map(|row| frame.lines(row)).map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A row as one entry, without columns.
fn alone(row: &[Cell], paint: Paint) -> String {
    let cells = row.iter().filter(|(text, _)| !text.is_empty());
    paint.entry("", &cells.map(|cell| painted(&cell.0, cell.1, paint)).collect::<Vec<_>>().join("  "))
}

fn painted(text: &str, style: Option<Style>, paint: Paint) -> String {
    style.map_or_else(|| text.to_owned(), |style| paint.paint(style, text))
}

/// The columns that a table's rows stand in.
struct Frame<'a> {
    widths: Vec<usize>,
    aligns: &'a [Align],
    paint: Paint,
    /// What all columns but the last take, with the space behind them.
    before: usize,
    /// The indent of the last column's lines and whether the first of them stands in the row; `None` where it fits as it is.
    last: Option<(usize, bool)>,
}

impl<'a> Frame<'a> {
    fn around(rows: &[Vec<Cell>], aligns: &'a [Align], paint: Paint) -> Self {
        let mut widths: Vec<usize> = Vec::new();
        for row in rows {
            widths.resize(widths.len().max(row.len()), 0);
            widths.iter_mut().zip(row).for_each(|(known, (text, _))| *known = (*known).max(width(text)));
        }
        let (last, others) = widths.split_last().map_or((0, &[][..]), |(last, others)| (*last, others));
        let before: usize = others.iter().map(|width| width + 2).sum();
        let short = paint.width.filter(|end| !others.is_empty() && before + last > *end);
        let last =
            short.map(|end| if end.saturating_sub(before) >= LEAST_LAST { (before, true) } else { (BELOW, false) });
        Self { widths, aligns, paint, before, last }
    }

    /// The lines of a row.
    fn lines(&self, row: &[Cell]) -> Vec<String> {
        let (mut line, mut further) = (String::new(), Vec::new());
        for (at, ((text, style), column)) in row.iter().zip(&self.widths).enumerate() {
            if let Some((indent, beside)) = self.last.filter(|_| at + 1 == self.widths.len()) {
                let room = self.paint.width.unwrap_or(usize::MAX).saturating_sub(indent);
                let mut parts = wrapped(text, room).into_iter().map(|part| painted(&part, *style, self.paint));
                if beside {
                    line.extend(parts.next().map(|part| format!("  {part}")));
                }
                further.extend(parts.map(|part| format!("{}{part}", " ".repeat(indent))));
                continue;
            }
            line.push_str(if at > 0 { "  " } else { "" });
            let pad = " ".repeat(column.saturating_sub(width(text)));
            let text = painted(text, *style, self.paint);
            match self.aligns.get(at).copied().unwrap_or(Align::Left) {
                Align::Left => line.extend([text, pad]),
                Align::Right => line.extend([pad, text]),
            }
        }
        std::iter::once(line).chain(further).collect()
    }
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
