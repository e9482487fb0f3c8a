//! Squares of the matrix: what each check says of each account, its Regions together, and the score made of them.
//!
//! Must not: know how they are drawn.

use crate::model::Verdict;
use crate::model::check::Severity;

/// What a check says of an account; of several Regions the worst. The script knows the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Square {
    /// The check has no verdict there, or nobody asked for what it reads.
    Blank,
    /// Does not apply.
    NotApplicable,
    /// As it should be, everywhere.
    Pass,
    /// What fails, someone answers for.
    Exempt,
    /// Somewhere it could not be told.
    Unknown,
    /// Somewhere it fails.
    Fail,
}

impl Square {
    const ALL: [Self; 6] = [Self::Blank, Self::NotApplicable, Self::Pass, Self::Exempt, Self::Unknown, Self::Fail];

    /// Its number in the matrix.
    pub(super) fn number(self) -> u8 {
        self as u8
    }
}

impl From<Verdict> for Square {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::NotApplicable => Self::NotApplicable,
            Verdict::Pass => Self::Pass,
            Verdict::Exempt => Self::Exempt,
            Verdict::Unknown => Self::Unknown,
            Verdict::Fail => Self::Fail,
        }
    }
}

/// A row for the organization and one for each account, a column for each check.
pub(super) struct Squares {
    columns: usize,
    numbers: Vec<u8>,
}

impl Squares {
    /// Blank ones.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { columns, numbers: vec![Square::Blank.number(); rows * columns] }
    }

    /// One more verdict of a check in a row; rows are made as they are needed.
    pub(super) fn add(&mut self, row: usize, column: usize, square: Square) {
        let at = row * self.columns + column;
        if self.numbers.len() <= at {
            self.numbers.resize((row + 1) * self.columns, Square::Blank.number());
        }
        if let Some(number) = self.numbers.get_mut(at) {
            *number = (*number).max(square.number());
        }
    }

    /// The squares of each row, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = Square> + Clone + '_> + '_ {
        let square = |number: &u8| Square::ALL.get(usize::from(*number)).copied().unwrap_or(Square::Blank);
        self.numbers.chunks(self.columns.max(1)).map(move |row| row.iter().map(square))
    }

    /// Their numbers, row after row.
    pub(super) fn numbers(&self) -> &[u8] {
        &self.numbers
    }
}

/// What a square of this severity weighs.
pub(super) fn weight(severity: Severity) -> u64 {
    match severity {
        Severity::Critical => 10,
        Severity::High => 5,
        Severity::Medium => 3,
        Severity::Low => 1,
        Severity::Info => 0,
    }
}

/// The weight of squares that pass, of those that apply. What is unknown or exempt applies and does not pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Score {
    /// That pass.
    pub(super) passing: u64,
    /// That apply.
    pub(super) of: u64,
}

impl Score {
    /// Counts one more square.
    pub(super) fn add(&mut self, severity: Severity, square: Square) {
        match square {
            Square::Blank | Square::NotApplicable => {}
            Square::Pass => {
                self.passing += weight(severity);
                self.of += weight(severity);
            }
            Square::Exempt | Square::Unknown | Square::Fail => self.of += weight(severity),
        }
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self { passing: self.passing + other.passing, of: self.of + other.of }
    }

    /// 1000 x passing / of, cut, so that 1000 means all; `None` where nothing applies.
    pub(super) fn tenths(self) -> Option<u64> {
        (self.passing * 1000).checked_div(self.of)
    }

    /// `68.4`, or `–` where nothing applies.
    pub(super) fn words(self) -> String {
        self.tenths().map_or_else(|| "–".to_owned(), |tenths| format!("{}.{}", tenths / 10, tenths % 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_several_regions_the_worst_stands() {
        let mut squares = Squares::new(1, 2);
        for (row, square) in [(0, Square::Pass), (0, Square::Unknown), (0, Square::NotApplicable), (2, Square::Exempt)]
        {
            squares.add(row, 1, square);
        }
        let rows: Vec<Vec<Square>> = squares.rows().map(Iterator::collect).collect();
        let blank = Square::Blank;
        assert_eq!(rows, [vec![blank, Square::Unknown], vec![blank; 2], vec![blank, Square::Exempt]]);
        assert_eq!(squares.numbers(), [0, 4, 0, 0, 0, 3]);
    }

    #[test]
    fn a_score_is_cut_and_never_rounded_up_to_all() {
        assert_eq!(Score::default().words(), "–");
        assert_eq!(Score { passing: 9_999, of: 10_000 }.words(), "99.9");
        assert_eq!(Score { passing: 7, of: 7 }.words(), "100.0");
    }

    proptest! {
        /// Neither what is unknown nor what is exempt ever earns anything.
        #[test]
        fn only_passes_raise_a_score(others in prop::collection::vec(0usize..6, 0..30)) {
            let mut score = Score { passing: 10, of: 20 };
            for number in others {
                let before = score.tenths();
                let square = Square::ALL[number];
                score.add(Severity::Medium, square);
                match square {
                    Square::Pass => prop_assert!(score.tenths() >= before),
                    Square::Blank | Square::NotApplicable => prop_assert_eq!(score.tenths(), before),
                    Square::Exempt | Square::Unknown | Square::Fail => prop_assert!(score.tenths() <= before),
                }
            }
        }
    }
}
