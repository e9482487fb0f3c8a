//! Small readings shared by the collectors: SDK times, URL-encoded documents, organization paths.
//!
//! Owns: conversions of single values. Must not: call anything.

use crate::model::ids::TargetId;
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// An SDK time; `None` where it is out of range.
pub(crate) fn time(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// An optional SDK time.
pub(crate) fn maybe_time(time_in: Option<&DateTime>) -> Option<Timestamp> {
    time_in.and_then(time)
}

/// An IAM policy document, which IAM sends URL-encoded (RFC 3986, so `+` is a plus sign). What does not decode to UTF-8
/// is kept as it came: the policy parser then says what is wrong with it.
pub(crate) fn document(encoded: &str) -> String {
    urlencoding::decode(encoded).map_or_else(|_| encoded.to_owned(), std::borrow::Cow::into_owned)
}

/// The root or OU that holds an account, from `Account.Paths`: `o-xxxx/r-xxxx/ou-xxxx-xxxxxxxx/.../`, with or without
/// the account's own id at the end. `None` if there is no path, or it names neither root nor OU.
pub(crate) fn parent_of(paths: &[String]) -> Option<TargetId> {
    paths.iter().find_map(|path| {
        path.split('/').rev().filter_map(|part| part.parse::<TargetId>().ok()).find(|id| id.account().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_gives_the_nearest_parent() {
        let parent = |path: &str| parent_of(&[path.to_owned()]).map(String::from);
        assert_eq!(
            parent("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/ou-ab12-22222222/").as_deref(),
            Some("ou-ab12-22222222")
        );
        assert_eq!(parent("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/111122223333/").as_deref(), Some("ou-ab12-11111111"));
        assert_eq!(parent("o-a1b2c3d4e5/r-ab12/").as_deref(), Some("r-ab12"));
        assert_eq!(parent("r-ab12").as_deref(), Some("r-ab12"));
        for nothing in ["", "/", "o-a1b2c3d4e5", "o-a1b2c3d4e5/111122223333", "nonsense"] {
            assert_eq!(parent(nothing), None, "{nothing}");
        }
        assert_eq!(parent_of(&[]), None);
    }

    #[test]
    fn documents_are_url_decoded() {
        assert_eq!(document("%7B%22Sid%22%3A%22a+b%22%7D"), r#"{"Sid":"a+b"}"#);
        assert_eq!(document(r#"{"plain":1}"#), r#"{"plain":1}"#);
        assert_eq!(document("%ff%fe"), "%ff%fe");
    }

    #[test]
    fn times_out_of_range_are_none() {
        assert_eq!(time(&DateTime::from_secs(0)), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(time(&DateTime::from_secs(i64::MAX)), None);
    }

    proptest! {
        #[test]
        fn any_text_survives_encoding(text in "\\PC{0,200}") {
            prop_assert_eq!(document(&urlencoding::encode(&text)), text);
        }
    }
}
