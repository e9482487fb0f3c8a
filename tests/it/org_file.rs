//! `orgward org --out`: the file that shards share, made by the real binary and read back.

use crate::harness::SHARED;
use orgward::model::check::Fact;
use orgward::model::scope::{RegionRequest, Scope, ScopeRequest};
use orgward::store;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_whole_organization_is_in_the_file_whatever_the_scope() {
    let path = SHARED.home().join("org.jsonl");
    let name = path.to_str().unwrap();
    let run = SHARED.run(&["org", "--out", name, "--ou", "/Security", "--account-tags"]).ends(0);
    assert_eq!(run.out, "", "the tree is not asked for");
    let file = store::read_org(&path).unwrap();
    let size = std::fs::metadata(&path).unwrap();
    assert_eq!(size.permissions().mode() & 0o777, 0o600);
    run.says(&["Organization of 5 accounts written to", &format!("{} bytes, {}", size.len(), file.header.digest)]);

    // As much as an audit of everything is told, tags too.
    let told = SHARED.org();
    assert_eq!(file.org.accounts.len(), told["accounts"].as_object().unwrap().len());
    assert!(file.org.accounts.values().all(|account| account.tags.cause().is_none()));
    assert!(!file.org.services.analyzers.is_empty() && file.org.services.budgets.cause().is_none());
    assert!(file.org.policies.values().any(|seen| seen.value().is_some_and(|policies| !policies.is_empty())));
    file.serves(&RegionRequest::AllEnabled, true, Fact::ALL).unwrap();
    let everyone = Scope::resolve(&ScopeRequest::default(), &file.org).unwrap();
    assert_eq!(everyone.accounts.len() + everyone.left_out.len(), 5);

    // Another enumeration is another file, even of the same organization.
    let again = SHARED.home().join("again.jsonl");
    SHARED.run(&["org", "--out", again.to_str().unwrap(), "--regions", "us-east-1", "--quiet"]).ends(0);
    let again = store::read_org(&again).unwrap();
    assert_ne!(again.header.digest, file.header.digest);
    assert!(!again.header.asked.tags && again.org.accounts.values().all(|account| account.tags.value().is_none()));
    let unfit = again.serves(&RegionRequest::AllEnabled, false, []).unwrap_err().to_string();
    assert!(unfit.contains("for Regions `us-east-1` and the run asks for `all`"), "{unfit}");
}

#[test]
fn what_can_not_be_written_or_told_is_said_before_or_after() {
    let missing = SHARED.home().join("no/such/org.jsonl");
    let run = SHARED.run(&["org", "--out", missing.to_str().unwrap()]).ends(1).says(&["no/such/org.jsonl"]);
    assert!(!run.err.contains("Enumerating"), "AWS was asked first:\n{}", run.err);
    let path = SHARED.home().join("wrong.jsonl");
    let name = path.to_str().unwrap();
    SHARED.run(&["org", "--out", name, "--ou", "/Securty"]).ends(2).says(&["did you mean `/Security`?"]);
    assert!(!path.exists());
    SHARED.run(&["org", "--out", name, "--format", "json"]).ends(2).says(&["cannot be used with"]);
    SHARED.run(&["org", "--account-tags"]).ends(2).says(&["--out"]);

    let denied = crate::harness::Served::start(&["--accounts", "3", "--fault", "budgets=deny"]);
    let path = denied.home().join("org.jsonl");
    let run = denied.run(&["org", "--out", path.to_str().unwrap(), "--quiet"]).ends(0);
    run.says(&["unknown in the file, and so in every shard (1): budgets:DescribeBudget"]);
}
