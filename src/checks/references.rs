//! References in one line: the CIS AWS Foundations Benchmark numbers one control differently from version to version.
//!
//! Owns: the form of references. Must not: know any check.

use crate::model::check::Reference;

/// A control of the CIS AWS Foundations Benchmark by its numbers in versions 1.4 to 4.0, 5.0, 6.0 and 7.0, and a best
/// practice of the Well-Architected Framework's security pillar.
pub(super) const fn cis(numbers: [&'static str; 4], practice: &'static str) -> [Reference; 9] {
    let [to_v4, v5, v6, v7] = numbers;
    [
        Reference { framework: "cis-1.4", control: to_v4 },
        Reference { framework: "cis-1.5", control: to_v4 },
        Reference { framework: "cis-2.0", control: to_v4 },
        Reference { framework: "cis-3.0", control: to_v4 },
        Reference { framework: "cis-4.0", control: to_v4 },
        Reference { framework: "cis-5.0", control: v5 },
        Reference { framework: "cis-6.0", control: v6 },
        Reference { framework: "cis-7.0", control: v7 },
        Reference { framework: "well-architected", control: practice },
    ]
}
