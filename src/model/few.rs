//! The beginning of a list in words. Must not: decide what a message says around it.

use std::fmt::Display;

/// The first `most` of a list, and how many more there are: `a, b, c and 4 more`.
pub fn few(items: impl IntoIterator<Item = impl Display>, most: usize) -> String {
    let mut items = items.into_iter();
    let shown: Vec<String> = items.by_ref().take(most).map(|item| item.to_string()).collect();
    match items.count() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The same with each in backticks: `` `a`, `b`, `c` and 4 more ``.
pub fn few_quoted(items: impl IntoIterator<Item = impl Display>, most: usize) -> String {
    few(items.into_iter().map(|item| format!("`{item}`")), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_only_where_something_is_left() {
        let told = |length: usize| few(0..length, 3);
        assert_eq!([told(0), told(1), told(3)], ["", "0", "0, 1, 2"]);
        assert_eq!([told(4), told(50)], ["0, 1, 2 and 1 more", "0, 1, 2 and 47 more"]);
        assert_eq!(few_quoted(["a", "b"], 1), "`a` and 1 more");
    }
}
