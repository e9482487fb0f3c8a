//! Sentences as wide as the terminal: broken between words, what goes on indented, what is copied kept whole.
//!
//! Owns: where a line of prose breaks. Must not: guess what is prose. Whoever writes a line knows: sentences go through
//! [`Paint::sentence`] and [`Paint::entry`], while commands, documents and JSON are written as they are. Within a sentence a word is
//! never broken (an ARN, an id, a digest), nor is what stands between backticks (a command, a name). Where lines have no end
//! (a pipe, a file, CI) nothing changes.

use super::text::Paint;
use unicode_width::UnicodeWidthChar;

/// What an entry that goes on is indented by, beyond its own beginning.
const FURTHER: usize = 2;
/// The narrowest that a sentence gets beside its label before it goes on below it.
const LEAST: usize = 24;

/// The columns that `text` takes in a terminal: two for wide characters, none for the escapes that paint.
pub fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // Only orgward's own are left: `plain` has made others visible.
            '\u{1b}' => {
                chars.find(|c| *c == 'm');
            }
            c => columns += c.width().unwrap_or(0),
        }
    }
    columns
}

impl Paint {
    /// `lead`, such as an indentation and a label, and a sentence behind it, with a line feed. Where lines have an end, what
    /// goes on begins below the sentence's first word; below the label where that leaves too little room.
    pub fn sentence(self, lead: &str, text: &str) -> String {
        let taken = width(lead);
        let below = match self.width {
            Some(end) if taken + LEAST > end => indentation(lead) + FURTHER,
            _ => taken,
        };
        self.hanging(lead, text, below)
    }

    /// An entry of a list behind its indentation, with a line feed; what goes on is indented further, so that the next entry
    /// can be told from it.
    pub fn entry(self, indent: &str, text: &str) -> String {
        self.hanging(indent, text, width(indent) + FURTHER)
    }

    fn hanging(self, lead: &str, text: &str, below: usize) -> String {
        let Some(end) = self.width else { return format!("{lead}{text}\n") };
        let lines = broken(text, end.saturating_sub(width(lead)), end.saturating_sub(below));
        format!("{lead}{}\n", lines.join(&format!("\n{}", " ".repeat(below))))
    }
}

/// The blanks that a text begins with.
fn indentation(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// Lines of at most `first` and then `further` columns, broken at blanks. A word that is longer has a line of its own; what
/// stands between two backticks is one word.
fn broken(text: &str, first: usize, further: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut taken, mut room) = (String::new(), 0, first);
    for (blanks, word) in words(text) {
        let wide = width(word);
        if !line.is_empty() && taken + blanks + wide > room {
            lines.push(std::mem::take(&mut line));
            (taken, room) = (0, further);
        } else {
            line.extend(std::iter::repeat_n(' ', blanks));
            taken += blanks;
        }
        line.push_str(word);
        taken += wide;
    }
    lines.push(line);
    lines
}

/// The words of a text, each with the number of blanks before it. Blanks at the end belong to no word.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let word = rest.trim_start_matches(' ');
        if word.is_empty() {
            return words;
        }
        let blanks = rest.len() - word.len();
        let (word, after) = word.split_at(end_of_word(word));
        words.push((blanks, word));
        rest = after;
    }
}

/// Where the word ends that `text` begins with: at a blank that is not between backticks.
fn end_of_word(text: &str) -> usize {
    let mut at = 0;
    while let Some((before, c)) = text.get(at..).and_then(|rest| {
        let here = rest.find([' ', '`'])?;
        Some((here, rest.get(here..)?.chars().next()?))
    }) {
        at += before;
        if c == ' ' {
            return at;
        }
        // A backtick without another is a character like any other.
        let inside = text.get(at + 1..).unwrap_or_default();
        at += 1 + inside.find('`').map_or(0, |closing| closing + 1);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::super::text::Style;
    use super::*;
    use proptest::prelude::*;

    fn at(width: usize) -> Paint {
        Paint { on: false, width: Some(width) }
    }

    #[test]
    fn a_sentence_goes_on_below_itself_and_an_entry_further_in() {
        let text = "the account has no password policy of its own: length 8 to 14";
        assert_eq!(
            at(40).sentence("  why: ", text),
            "  why: the account has no password\n       policy of its own: length 8 to 14\n"
        );
        assert_eq!(at(40).entry("  ", text), "  the account has no password policy of\n    its own: length 8 to 14\n");
        assert_eq!(Paint::PLAIN.sentence("  why: ", text), format!("  why: {text}\n"), "a pipe has no end of lines");
        assert_eq!(Paint::PLAIN.entry("  ", text), format!("  {text}\n"));
    }

    #[test]
    fn a_label_that_leaves_no_room_stands_above() {
        let text = at(40).sentence("    a label that leaves no room: ", "what is said goes on below the label");
        assert_eq!(text, "    a label that leaves no room: what is\n      said goes on below the label\n");
    }

    #[test]
    fn what_is_copied_stays_whole() {
        let text = "undo it with `orgward rollback 20261122T223917Z-2523`, or look at arn:aws:iam::100175113278:mfa/root-account-mfa-device";
        let lines = at(40).sentence("", text);
        assert!(lines.lines().any(|line| line == "`orgward rollback 20261122T223917Z-2523`,"), "{lines}");
        assert!(lines.lines().any(|line| line == "arn:aws:iam::100175113278:mfa/root-account-mfa-device"), "{lines}");
        assert_eq!(broken("a ` b", 1, 1), ["a", "`", "b"], "half a pair is none");
    }

    #[test]
    fn paint_takes_no_room_and_wide_characters_two() {
        let paint = Paint { on: true, width: Some(20) };
        let painted = paint.paint(Style::Red, "critical");
        assert_eq!(width(&painted), 8);
        assert_eq!(paint.sentence("", &format!("{painted} and no more")), format!("{painted} and no more\n"));
        assert_eq!((width("口座"), width("e\u{301}")), (4, 1));
        assert_eq!(broken("口座 口座", 8, 8), ["口座", "口座"]);
    }

    /// Words as they come: short and long, wide ones, commands between backticks, lone backticks.
    fn text() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            4 => "[a-z]{1,12}",
            1 => "[a-z0-9:/-]{30,90}",
            1 => "[口座é`]{1,6}",
            1 => "`[a-z]{1,9} [a-z -]{1,60}`[,.]?",
        ];
        proptest::collection::vec((word, 1_usize..3), 0..30)
            .prop_map(|words| words.into_iter().map(|(word, blanks)| word + &" ".repeat(blanks)).collect::<String>())
    }

    proptest! {
        #[test]
        fn words_and_indentation_stay_and_only_what_is_one_word_runs_over(
            text in text(), indent in 0_usize..20, label in "[a-z]{0,8}", end in 1_usize..100
        ) {
            let lead = format!("{}{label}", " ".repeat(indent));
            for (told, least) in [(at(end).sentence(&lead, &text), indent), (at(end).entry(&lead, &text), indent + 2)] {
                let told = told.strip_suffix('\n').unwrap();
                let lines: Vec<&str> = told.split('\n').collect();
                prop_assert!(lines[0].starts_with(&lead));
                let first = &lines[0][lead.len()..];
                let whole: Vec<&str> = std::iter::once(first).chain(lines[1..].iter().copied()).collect();
                let before: Vec<&str> = words(&text).into_iter().map(|(_, word)| word).collect();
                let after: Vec<&str> = whole.iter().flat_map(|line| words(line)).map(|(_, word)| word).collect();
                prop_assert_eq!(before, after, "the words of the text");
                for (n, line) in whole.iter().enumerate() {
                    let room = if n == 0 { end.saturating_sub(width(&lead)) } else { end };
                    prop_assert!(width(line.trim_end()) <= room || words(line).len() == 1, "{line:?} at {end}");
                    prop_assert!(n == 0 || indentation(line) >= least, "{line:?}");
                }
            }
        }

        #[test]
        fn without_an_end_of_lines_nothing_changes(text in text(), lead in " {0,9}[a-z]{0,9}") {
            prop_assert_eq!(Paint::PLAIN.sentence(&lead, &text), format!("{lead}{text}\n"));
            prop_assert_eq!(Paint::PLAIN.entry(&lead, &text), format!("{lead}{text}\n"));
        }
    }
}
