//! The word that was probably meant. Must not: decide what a message says.

/// The nearest of `words` to `word`, small and capital letters alike; the first in the alphabet of several. `least` is the
/// Jaro-Winkler similarity it needs, 0 (any word is near) to 1 (the same).
pub fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>, least: f64) -> Option<&'w str> {
    let wanted = word.to_lowercase();
    // A word that was begun and not ended is nearer than any that is merely alike.
    let score = |known: &str| match strsim::jaro_winkler(&wanted, known) {
        alike if wanted.chars().count() > 2 && known.starts_with(&wanted) => alike.max(0.99),
        alike => alike,
    };
    let scored = words.into_iter().map(|word| (score(&word.to_lowercase()), word));
    let near = scored.filter(|(score, _)| *score >= least);
    near.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1))).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let words = ["targets", "target", "content", "name"];
        assert_eq!(nearest("tragets", words, 0.8), Some("targets"));
        assert_eq!(nearest("cis-5", ["cis-1.5", "cis-5.0"], 0.8), Some("cis-5.0"), "begun and not ended");
        assert_eq!(nearest("TARGET", words, 0.8), Some("target"));
        assert_eq!(nearest("zzz", words, 0.8), None);
        assert_eq!(nearest("zzz", words, 0.0), Some("content"), "the first in the alphabet where all are as far");
        assert_eq!(nearest("x", [], 0.0), None);
    }
}
