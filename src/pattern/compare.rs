//! Comparing patterns by meaning.
//!
//! Owns: the normal form. Must not: look at events.
//!
//! A pattern joins tests by "and" and "or" alone, so it is a monotone function of its tests: it has one shortest form as
//! alternatives of tests, and one pattern covers another if each alternative of the other implies one of its own.

use super::Expression;
use super::test::Test;

/// One alternative: all of these tests.
type Alternative<'a> = Vec<&'a Test>;

/// More alternatives than this are not compared.
const MOST: usize = 2_000;

/// Whether `general` matches whatever `special` matches, as far as the tests tell.
pub(super) fn covers(general: &Expression, special: &Expression) -> bool {
    if general == special {
        return true;
    }
    match (alternatives(general), alternatives(special)) {
        (Some(general), Some(special)) => {
            special.iter().all(|special| general.iter().any(|general| implied(general, special)))
        }
        _ => false,
    }
}

/// Whether each test of `general` follows from one of `special`.
fn implied(general: &Alternative<'_>, special: &Alternative<'_>) -> bool {
    general.iter().all(|wanted| special.iter().any(|given| given.implies(wanted)))
}

/// The alternatives; `None` if there are too many.
fn alternatives(expression: &Expression) -> Option<Vec<Alternative<'_>>> {
    match expression {
        Expression::Test(test) => Some(vec![vec![test]]),
        Expression::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(alternatives(part)?);
            }
            (all.len() <= MOST).then_some(all)
        }
        Expression::And(parts) => {
            let mut all: Vec<Alternative<'_>> = vec![Vec::new()];
            for part in parts {
                let more = alternatives(part)?;
                if all.len().saturating_mul(more.len()) > MOST {
                    return None;
                }
                all = all
                    .iter()
                    .flat_map(|left| more.iter().map(|right| left.iter().chain(right).copied().collect()))
                    .collect();
            }
            Some(all)
        }
    }
}
