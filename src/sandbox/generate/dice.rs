//! A small hash-based generator: the same words give the same rolls on every machine and in every version.
//!
//! Owns: bytes to numbers, names and times. Must not: know what an account is. Not for secrets.

use jiff::Timestamp;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// A stream of numbers that depends on nothing but the words it was made from.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

/// Mixes the bits (SplitMix64's finaliser).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a over the bytes.
fn hash(start: u64, text: &str) -> u64 {
    text.bytes().fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl Dice {
    /// Dice for a seed and a word, such as an account id.
    pub fn new(seed: u64, word: &str) -> Self {
        Self { state: mix(hash(0xcbf2_9ce4_8422_2325 ^ mix(seed), word)) }
    }

    /// Independent dice for a part, so that rolling more in one part changes nothing in another.
    pub fn fork(&self, word: &str) -> Self {
        Self { state: mix(hash(self.state, word)) }
    }

    /// Independent dice for the `index`-th thing of a kind.
    pub fn nth(&self, index: usize) -> Self {
        Self { state: mix(self.state ^ mix(index as u64 ^ 0x9e37_79b9_7f4a_7c15)) }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll().checked_rem(limit).unwrap_or(0)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// `true` in `permille` of 1,000 rolls.
    pub fn chance(&mut self, permille: u32) -> bool {
        self.below(1_000) < u64::from(permille)
    }

    /// One of the choices; the empty text if there is none.
    pub fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let index = self.below(choices.len() as u64) as usize;
        choices.get(index).copied().unwrap_or_default()
    }

    /// A moment between `low` and `high` days before `now`, to the second.
    pub fn ago(&mut self, now: Timestamp, low: u64, high: u64) -> Timestamp {
        let from = low.saturating_mul(DAY as u64);
        let to = high.max(low).saturating_mul(DAY as u64);
        let seconds = i64::try_from(self.between(from, to)).unwrap_or(DAY);
        Timestamp::from_second(now.as_second().saturating_sub(seconds)).unwrap_or(now)
    }

    /// `prefix` and `length` characters of AWS's id alphabet (upper-case base 32).
    pub fn id(&mut self, prefix: &str, length: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + length);
        text.push_str(prefix);
        self.fill(&mut text, length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        text
    }

    /// `length` lower-case letters and digits.
    pub fn lower(&mut self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        self.fill(&mut text, length, b"0123456789abcdefghijklmnopqrstuv");
        text
    }

    /// `length` decimal digits, the first not 0.
    pub fn digits(&mut self, length: usize) -> String {
        let low = 10_u64.saturating_pow(u32::try_from(length.saturating_sub(1)).unwrap_or(0));
        self.between(low, low.saturating_mul(10).saturating_sub(1)).to_string()
    }

    fn fill(&mut self, text: &mut String, length: usize, alphabet: &[u8; 32]) {
        let mut bits = 0;
        for place in 0..length {
            if place % 12 == 0 {
                bits = self.roll();
            }
            let letter = alphabet.get((bits & 31) as usize).copied().unwrap_or(b'A');
            text.push(char::from(letter));
            bits >>= 5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_rolls() {
        let mut a = Dice::new(7, "111122223333");
        let mut b = Dice::new(7, "111122223333");
        let mut c = Dice::new(8, "111122223333");
        let rolls: Vec<u64> = (0..8).map(|_| a.roll()).collect();
        assert_eq!(rolls, (0..8).map(|_| b.roll()).collect::<Vec<_>>());
        assert_ne!(rolls, (0..8).map(|_| c.roll()).collect::<Vec<_>>());
    }

    #[test]
    fn forks_do_not_depend_on_rolls_elsewhere() {
        let dice = Dice::new(1, "x");
        let mut users = dice.fork("users");
        let mut roles = dice.fork("roles");
        let first = roles.clone().roll();
        users.roll();
        assert_eq!(roles.roll(), first);
        assert_ne!(dice.nth(0).roll(), dice.nth(1).roll());
    }

    #[test]
    fn ids_and_ranges_have_their_form() {
        let mut dice = Dice::new(3, "y");
        let id = dice.id("AIDA", 17);
        assert!(id.starts_with("AIDA") && id.len() == 21, "{id}");
        assert_eq!(dice.digits(12).len(), 12);
        for _ in 0..200 {
            assert!((5..=9).contains(&dice.between(5, 9)));
        }
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.pick(&[]), "");
        let now: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
        let then = dice.ago(now, 10, 12);
        let days = (now.as_second() - then.as_second()) / DAY;
        assert!((10..=12).contains(&days), "{days}");
    }
}
