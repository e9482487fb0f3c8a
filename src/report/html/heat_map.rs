//! The tree as a heat map: an SVG with a row for each OU and a column for each severity.
//!
//! Owns: where things stand in it. Must not: count.

use super::figure;
use super::roll_up::{Branch, SEVERITIES, Tree};
use super::words::Words;
use crate::report::text::{count, cut};

/// OUs drawn; what is deeper is counted above.
const ROWS: usize = 200;
/// Height of a row, and of the head.
const ROW: usize = 30;
/// Where severities begin, and how wide one is.
const COLUMNS: usize = 530;
const COLUMN: usize = 104;
/// The deepest that names are moved to the right.
const INDENT: usize = 18;

/// The heat map.
pub(super) struct HeatMap {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) heads: Vec<(usize, &'static str)>,
    pub(super) rows: Vec<HeatRow>,
    /// OUs that are not drawn.
    pub(super) deeper: usize,
}

/// The root or an OU.
pub(super) struct HeatRow {
    /// Its number, as the script knows it.
    pub(super) number: usize,
    pub(super) y: usize,
    /// Where its name begins.
    pub(super) x: usize,
    /// The lines that lead to it: x1, y1, x2, y2.
    pub(super) lines: Vec<[usize; 4]>,
    pub(super) name: String,
    pub(super) accounts: usize,
    pub(super) score: String,
    /// The bar of the score, of 90.
    pub(super) bar: u64,
    pub(super) cells: Vec<HeatCell>,
    /// Everything in a sentence.
    pub(super) told: String,
}

/// The squares of a severity that fail.
pub(super) struct HeatCell {
    pub(super) x: usize,
    /// 0 none to 4 most.
    pub(super) level: u8,
    pub(super) text: String,
}

impl HeatMap {
    /// Of the tree.
    pub(super) fn of(tree: &Tree, words: &Words<'_>) -> Self {
        // As deep as there is room for.
        let within = |depth: usize| tree.branches.iter().filter(|branch| branch.depth <= depth).count();
        let deepest = (0..=6).rev().find(|depth| within(*depth) <= ROWS).unwrap_or(0);
        let drawn: Vec<(usize, &Branch)> =
            tree.branches.iter().enumerate().filter(|(_, branch)| branch.depth <= deepest).collect();
        let mut rows: Vec<HeatRow> = Vec::with_capacity(drawn.len());
        // The y of the last row of each depth: a line goes up to where its parent stands.
        let mut last = [0usize; 8];
        for (place, (number, branch)) in drawn.iter().enumerate() {
            let y = ROW * (place + 1);
            let mut lines = Vec::new();
            if let Some(above) = branch.depth.checked_sub(1) {
                let x = 10 + INDENT * above;
                let up = last.get(above).copied().unwrap_or(0) + ROW - 6;
                lines = vec![[x, up, x, y + ROW / 2], [x, y + ROW / 2, x + INDENT - 8, y + ROW / 2]];
            }
            if let Some(slot) = last.get_mut(branch.depth) {
                *slot = y;
            }
            rows.push(row(words, *number, branch, y, lines));
        }
        let mut heads: Vec<(usize, &'static str)> =
            SEVERITIES.iter().enumerate().map(|(n, severity)| (COLUMNS + n * COLUMN, severity.as_str())).collect();
        heads.push((COLUMNS + SEVERITIES.len() * COLUMN, "not told"));
        Self {
            width: COLUMNS + (SEVERITIES.len() + 1) * COLUMN,
            height: ROW * (rows.len() + 1) + 4,
            heads,
            deeper: tree.branches.len() - rows.len(),
            rows,
        }
    }
}

fn row(words: &Words<'_>, number: usize, branch: &Branch, y: usize, lines: Vec<[usize; 4]>) -> HeatRow {
    let sum = branch.sum;
    let path = words.text(&branch.path);
    let name = if branch.depth == 0 { "All accounts".to_owned() } else { words.text(&branch.name) };
    let shares = sum.squares.iter().chain([&sum.unknown]).enumerate();
    let cells = shares.map(|(column, (part, whole))| HeatCell {
        x: COLUMNS + column * COLUMN,
        level: level(*part, *whole),
        text: match (part, (part * 100).checked_div(*whole)) {
            (0, _) | (_, None) => "–".to_owned(),
            (_, Some(0)) => format!("{} · <1 %", figure(*part)),
            (_, Some(share)) => format!("{} · {share} %", figure(*part)),
        },
    });
    let mut told = format!("{path}: {}, score {}", count(sum.accounts, "account"), sum.score.words());
    for (severity, n) in SEVERITIES.iter().zip(sum.failing).filter(|(_, n)| *n > 0) {
        told.push_str(&format!(", {} failures in {}", severity.as_str(), count(n, "account")));
    }
    if sum.unknown.0 > 0 {
        told.push_str(&format!(", {} not told", count(sum.unknown.0, "square")));
    }
    HeatRow {
        number,
        y,
        x: 6 + INDENT * branch.depth,
        lines,
        name: cut(&name, 34usize.saturating_sub(branch.depth * 2)),
        accounts: sum.accounts,
        score: sum.score.words(),
        bar: sum.score.tenths().unwrap_or(0) * 9 / 100,
        cells: cells.collect(),
        told,
    }
}

/// How much of the whole: none, up to 2 %, 5 %, 15 %, more.
fn level(part: usize, whole: usize) -> u8 {
    match (part, whole) {
        (0, _) | (_, 0) => 0,
        (part, whole) if part * 50 <= whole => 1,
        (part, whole) if part * 20 <= whole => 2,
        (part, whole) if part * 20 <= whole * 3 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::super::roll_up::Sum;
    use super::*;
    use crate::checks::fixtures;

    #[test]
    fn levels_grow_with_the_share_and_none_is_told_apart() {
        let levels: Vec<u8> = [0, 1, 2, 3, 5, 6, 15, 16].iter().map(|n| level(*n, 100)).collect();
        assert_eq!(levels, [0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(level(1, 1), 4);
        assert_eq!(level(0, 0), 0);
    }

    #[test]
    fn a_large_tree_is_drawn_as_deep_as_there_is_room() {
        let branch = |depth, parent| Branch { name: "x".into(), path: "/x".into(), depth, parent, sum: Sum::default() };
        let mut branches = vec![branch(0, None)];
        branches.extend((0..50).map(|_| branch(1, Some(0))));
        branches.extend((0..300).map(|_| branch(2, Some(1))));
        let org = fixtures::org();
        let map = HeatMap::of(&Tree { branches, places: Vec::new() }, &Words::new(&org, false));
        assert_eq!((map.rows.len(), map.deeper), (51, 300));
    }
}
