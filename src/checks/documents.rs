//! The policy documents of an account, each text read once.
//!
//! Owns: what was read so far. Must not: say what a document means. An account has hundreds of documents, many with one text
//! (the same trust policy in every role of a service), and a dozen checks read them.

use crate::policy::Document;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Documents by their text.
#[derive(Default)]
pub(super) struct Documents<'a>(RefCell<HashMap<&'a str, Result<Rc<Document>, String>>>);

impl<'a> Documents<'a> {
    /// The document of a text.
    ///
    /// # Errors
    /// The first reason why it is none.
    pub fn read(&self, text: &'a str) -> Result<Rc<Document>, String> {
        let parse = || match Document::parse(text) {
            Ok(document) => Ok(Rc::new(document)),
            Err(errors) => Err(errors.first().map_or_else(|| "not a policy".to_owned(), ToString::to_string)),
        };
        self.0.borrow_mut().entry(text).or_insert_with(parse).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_and_what_is_wrong_with_it_is_said_each_time() {
        let (good, bad) =
            (r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#.to_owned(), "{");
        let again = good.clone();
        let documents = Documents::default();
        let first = documents.read(&good).unwrap();
        assert!(Rc::ptr_eq(&first, &documents.read(&again).unwrap()));
        assert_eq!(documents.read(bad).unwrap_err(), documents.read(bad).unwrap_err());
        assert!(documents.read(bad).unwrap_err().contains("not JSON"));
    }
}
