//! The kept audits of the organization as a line: how much passed in each.
//!
//! Owns: where things stand in the drawing. Must not: compare what can't be compared; the score needs every square, so the
//! line is of verdicts.

use super::day;
use super::figure;
use crate::model::check::Severity;
use crate::model::history::Standing;

/// Points drawn: the newest.
const POINTS: usize = 60;
/// Rows of the table: the newest.
const ROWS: usize = 12;
/// The drawing.
const WIDTH: i64 = 760;
const HEIGHT: i64 = 180;
const LEFT: i64 = 44;
const RIGHT: i64 = 16;
const TOP: i64 = 14;
const BOTTOM: i64 = 26;

/// The trend.
pub(super) struct Trend {
    pub(super) width: i64,
    pub(super) height: i64,
    /// Of the line: `x,y x,y`.
    pub(super) line: String,
    pub(super) points: Vec<(i64, i64, String)>,
    /// y and label of each line across.
    pub(super) grid: Vec<(i64, String)>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) rows: Vec<TrendRow>,
    pub(super) audits: usize,
}

/// One audit.
pub(super) struct TrendRow {
    pub(super) when: String,
    pub(super) accounts: String,
    pub(super) passing: String,
    pub(super) failing: String,
    pub(super) worst: String,
    pub(super) unknown: String,
}

/// Of verdicts that were asked for and apply, how many pass, in tenths of a percent, cut: what counts for the score counts here.
fn passing(standing: &Standing) -> i64 {
    let cells = &standing.cells;
    let of = cells.total().saturating_sub(cells.not_applicable + standing.not_asked);
    let tenths = (cells.pass * 1000).checked_div(of).unwrap_or(0);
    i64::try_from(tenths).unwrap_or(0)
}

impl Trend {
    /// Of two audits or more, oldest first.
    pub(super) fn of(trend: &[Standing]) -> Option<Self> {
        let shown = trend.get(trend.len().saturating_sub(POINTS)..).unwrap_or_default();
        let (first, last) = match shown {
            [first, .., last] => (first, last),
            _ => return None,
        };
        let shares: Vec<i64> = shown.iter().map(passing).collect();
        // A band of whole tenths of the scale, so that a line that hardly moves looks as it does.
        let low = shares.iter().min().copied().unwrap_or(0) / 100 * 100;
        let high = (shares.iter().max().copied().unwrap_or(1000) / 100 * 100 + 100).min(1000).max(low + 100);
        let (begin, end) = (first.as_of.as_second(), last.as_of.as_second());
        let x = |at: i64| LEFT + (WIDTH - LEFT - RIGHT) * (at - begin) / (end - begin).max(1);
        let y = |share: i64| TOP + (HEIGHT - TOP - BOTTOM) * (high - share) / (high - low);
        let points: Vec<(i64, i64, String)> = shown
            .iter()
            .zip(&shares)
            .map(|(standing, share)| {
                let told = format!("{}: {}.{} %", day(standing.as_of), share / 10, share % 10);
                (x(standing.as_of.as_second()), y(*share), told)
            })
            .collect();
        let step = if high - low > 300 { 200 } else { 100 };
        let across = (0..=10).map(|n| low + n * step).take_while(|share| *share <= high);
        Some(Self {
            width: WIDTH,
            height: HEIGHT,
            line: points.iter().map(|(x, y, _)| format!("{x},{y}")).collect::<Vec<_>>().join(" "),
            grid: across.map(|share| (y(share), format!("{} %", share / 10))).collect(),
            first: day(first.as_of),
            last: day(last.as_of),
            rows: shown.iter().rev().take(ROWS).map(row).collect(),
            audits: trend.len(),
            points,
        })
    }
}

fn row(standing: &Standing) -> TrendRow {
    let share = passing(standing);
    let failing = |severity| standing.failing.get(&severity).copied().unwrap_or(0);
    TrendRow {
        when: day(standing.as_of),
        accounts: figure(standing.accounts),
        passing: format!("{}.{} %", share / 10, share % 10),
        failing: figure(standing.cells.fail),
        worst: format!("{} critical, {} high", figure(failing(Severity::Critical)), figure(failing(Severity::High))),
        unknown: figure(standing.cells.unknown.saturating_sub(standing.not_asked)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::framework::Cells;

    fn standing(second: i64, pass: usize, fail: usize) -> Standing {
        Standing {
            run: "r".into(),
            as_of: jiff::Timestamp::from_second(second).unwrap(),
            accounts: 1,
            cells: Cells { pass, fail, not_applicable: 50, unknown: 30, ..Cells::default() },
            not_asked: 30,
            failing: Default::default(),
        }
    }

    #[test]
    fn one_audit_is_no_trend_and_two_of_the_same_second_are_drawn() {
        assert!(Trend::of(&[]).is_none());
        assert!(Trend::of(&[standing(0, 1, 1)]).is_none());
        let trend = Trend::of(&[standing(5, 0, 0), standing(5, 10, 0)]).unwrap();
        assert_eq!(trend.points.len(), 2);
    }

    #[test]
    fn a_line_goes_from_edge_to_edge_and_up_where_more_passes() {
        let trend = Trend::of(&[standing(0, 60, 40), standing(50, 70, 30), standing(100, 75, 25)]).unwrap();
        let xs: Vec<i64> = trend.points.iter().map(|(x, _, _)| *x).collect();
        assert_eq!(xs, [LEFT, LEFT + (WIDTH - LEFT - RIGHT) / 2, WIDTH - RIGHT]);
        let ys: Vec<i64> = trend.points.iter().map(|(_, y, _)| *y).collect();
        assert!(ys[0] > ys[1] && ys[1] > ys[2] && ys.iter().all(|y| (TOP..=HEIGHT - BOTTOM).contains(y)), "{ys:?}");
        assert_eq!(trend.rows[0].passing, "75.0 %", "the newest first, and what does not apply does not count");
        assert_eq!(trend.rows[0].unknown, "0", "what nobody asked for is no gap");
        let mut gaps = standing(150, 75, 25);
        gaps.not_asked = 5;
        let trend = Trend::of(&[standing(0, 60, 40), gaps]).unwrap();
        assert_eq!((trend.rows[0].passing.as_str(), trend.rows[0].unknown.as_str()), ("60.0 %", "25"));
    }

    /// What is asked for in one Region and weighed alike is a share of verdicts in the trend and of squares in the score.
    #[test]
    fn the_trend_counts_what_the_score_counts() {
        use super::super::squares::{Score, Square};
        use crate::model::Verdict;
        let verdicts = |verdict, count| std::iter::repeat_n(verdict, count);
        let told = verdicts(Verdict::Pass, 7).chain(verdicts(Verdict::Fail, 2)).chain(verdicts(Verdict::Exempt, 1));
        let told = told.chain(verdicts(Verdict::Unknown, 3)).chain(verdicts(Verdict::NotApplicable, 4));
        let (mut score, mut cells, not_asked) = (Score::default(), Cells::default(), 6);
        for verdict in told {
            score.add(Severity::High, verdict.into());
            cells.count(verdict);
        }
        for _ in 0..not_asked {
            score.add(Severity::High, Square::Blank);
            cells.count(Verdict::Unknown);
        }
        let stood = Standing { cells, not_asked, ..standing(0, 0, 0) };
        assert_eq!(u64::try_from(passing(&stood)).ok(), score.tenths());
        assert_eq!(score.words(), "53.8");
    }
}
