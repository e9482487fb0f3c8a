//! Words in which `*` stands for any letters and `?` for one. Must not: know what the words name.

/// Whether the whole of `text` fits `pattern`. Small and capital letters differ. The time is at most the product of both
/// lengths, whatever the pattern.
pub fn wild(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on if what follows the last `*` does not fit: behind the `*`, one letter further in the text.
    let mut retry = None;
    loop {
        let left = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = left.clone();
                retry = Some((pattern.clone(), left));
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if wanted == found => continue,
            _ => {}
        }
        let Some((after, mut from)) = retry else { return false };
        if from.next().is_none() {
            return false;
        }
        (pattern, text) = (after.clone(), from.clone());
        retry = Some((after, from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_any_letters_and_question_marks_for_one() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "root-mfa"),
            ("root-*", "root-mfa"),
            ("*-mfa", "root-mfa"),
            ("r*-*a", "root-mfa"),
            ("a**a", "aa"),
            ("r??t-mfa", "root-mfa"),
            ("arn:aws:iam::*:user/build-?", "arn:aws:iam::111122223333:user/build-7"),
            ("*ab*ab", "abxabab"),
            ("ä?", "äö"),
            ("", ""),
        ] {
            assert!(wild(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("root", "root-mfa"),
            ("*-mf", "root-mfa"),
            ("a*a", "a"),
            ("r*x*a", "root-mfa"),
            ("", "root-mfa"),
            ("root-mfa?", "root-mfa"),
            ("ROOT-*", "root-mfa"),
        ] {
            assert!(!wild(pattern, text), "{pattern} {text}");
        }
        // What takes others exponential time.
        assert!(!wild(&"*a".repeat(40), &"a".repeat(39)));
    }

    /// The rule, read off its definition.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(('*', rest)), _) => (0..=text.len()).any(|skipped| slow(rest, &text[skipped..])),
            (Some(_), None) => false,
            (Some((wanted, rest)), Some((found, left))) => (*wanted == '?' || wanted == found) && slow(rest, left),
        }
    }

    proptest! {
        #[test]
        fn it_says_what_the_definition_says(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            let (letters, found): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(wild(&pattern, &text), slow(&letters, &found));
        }
    }
}
