//! Tests of packing several policies into fewer documents.

use super::policy;
use super::properties::{decisions_of, document};
use crate::policy::*;
use proptest::prelude::*;

fn deny(sid: &str, action: &str) -> Document {
    policy(&format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Sid": "{sid}", "Effect": "Deny", "Action": "{action}", "Resource": "*"}}}}"#
    ))
}

fn texts(documents: &[Document], most: usize) -> Vec<String> {
    pack(documents, most).unwrap().into_iter().map(|packed| packed.text).collect()
}

#[test]
fn what_fits_goes_into_one_document_with_names_that_stay_unique() {
    let documents = [deny("A", "s3:*"), deny("A", "iam:*"), deny("A2", "ec2:*"), deny("B", "S3:*")];
    let packed = texts(&documents, 10_240);
    assert_eq!(
        packed,
        [concat!(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Deny","Action":"s3:*","Resource":"*"},"#,
            r#"{"Sid":"A3","Effect":"Deny","Action":"iam:*","Resource":"*"},"#,
            r#"{"Sid":"A2","Effect":"Deny","Action":"ec2:*","Resource":"*"}]}"#
        )]
    );
    assert_eq!(lint(&policy(&packed[0]), Rules::Scp), []);
    assert_eq!(pack(&[], 10_240), Ok(vec![]));
    let places: Vec<_> = pack(&documents, 10_240).unwrap().into_iter().map(|packed| packed.statements).collect();
    assert_eq!(places, [[(0, 0), (1, 0), (2, 0)]], "the fourth says what the first does");
}

#[test]
fn documents_are_no_larger_than_they_may_be() {
    let documents: Vec<Document> =
        (0..40).map(|n| deny(&format!("S{n}"), &format!("s3:Get{}", "x".repeat(n)))).collect();
    let packed = texts(&documents, 1_000);
    assert!((4..=6).contains(&packed.len()), "{}", packed.len());
    assert!(packed.iter().all(|text| size(text).characters <= 1_000));
    let statements: usize = packed.iter().map(|text| policy(text).statements().len()).sum();
    assert_eq!(statements, 40);
}

#[test]
fn a_statement_too_large_alone_is_named() {
    let error = pack(&[deny("A", "s3:*"), deny("B", &format!("s3:{}", "é".repeat(60)))], 200).unwrap_err();
    assert_eq!((error.document, error.index), (1, 0));
    assert_eq!(
        error.to_string(),
        "statement 1 of document 2 does not fit into a policy of 200 characters, split its lists"
    );
}

#[test]
fn versions_are_not_mixed() {
    let old =
        policy(r#"{"Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"}}"#);
    let new = policy(
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::${aws:username}"}}"#,
    );
    let packed = texts(&[old, new], 10_240);
    assert_eq!(packed.len(), 2);
    assert!(packed[0].contains("2008-10-17") && packed[1].contains("2012-10-17"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn packing_changes_no_decision(policies in prop::collection::vec(document(), 1..6), most in 400usize..4_000) {
        let before: Vec<Document> = policies.iter().map(|json| policy(&json.to_string())).collect();
        let packed = match pack(&before, most) {
            Ok(packed) => packed,
            Err(error) => {
                let alone = pack(&before[error.document..=error.document], most);
                prop_assert!(alone.is_err());
                return Ok(());
            }
        };
        for packed in &packed {
            prop_assert_eq!(packed.statements.len(), policy(&packed.text).statements().len());
        }
        let packed: Vec<String> = packed.into_iter().map(|packed| packed.text).collect();
        prop_assert!(packed.iter().all(|text| size(text).characters.max(size(text).bytes) <= most));
        let after: Vec<Document> = packed.iter().map(|text| policy(text)).collect();
        prop_assert_eq!(decisions_of(&before), decisions_of(&after));
        let mut sids: Vec<&str> = after.iter().flat_map(Document::statements).filter_map(Statement::sid).collect();
        let named = sids.len();
        sids.sort_unstable();
        sids.dedup();
        prop_assert_eq!(sids.len(), named);
        prop_assert_eq!(pack(&after, most).map(|again| again.len()), Ok(packed.len()));
    }
}
