//! Characters that nobody sees, or that steer what shows a text: one list, whoever makes a text safe.
//!
//! Must not: say what is shown in their place; each sink has a form of its own.

/// Whether a character has no form of its own: control characters (which steer a terminal), the marks that turn the direction of
/// writing, and those that take no room, with which one name can look like another. Selectors of a letter's variant (emoji) are
/// seen and stay, those beyond the first plane are not.
///
/// Source: Unicode 16.0, properties `Bidi_Control` and `Default_Ignorable_Code_Point`; Unicode Technical Report 36, section 3.
pub fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::hidden;

    #[test]
    fn what_steers_or_hides_is_hidden_and_what_is_read_is_not() {
        for c in "\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{200b}\u{200e}\u{202a}\u{202e}\u{2066}\u{2069}\u{206f}\u{feff}\u{fff9}\u{3164}\u{e0041}\u{e01ef}".chars() {
            assert!(hidden(c), "{c:?}");
        }
        for c in "aZ09 ~äßéкאع中日한\u{1f600}\u{fe0f}\u{a0}\u{fffd}".chars() {
            assert!(!hidden(c), "{c:?}");
        }
    }
}
