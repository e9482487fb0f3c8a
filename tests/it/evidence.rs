//! Evidence of an audit, by the real binary: bundled and verified with nobody to ask, and refused where it can't be trusted.

use crate::harness::{Served, orgward, run, texts};
use std::path::Path;
use std::process::Command;

const KEY: &str = include_str!("../evidence/test-only.key");
const PUBLIC: &str = include_str!("../evidence/test-only.pub");
const PASSWORD: &str = "correct horse";

/// An audit of a few facts that is kept.
fn audited() -> Served {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    served.run(&["audit", "--checks", "root-*,org-*,trail-*", "--fail-on", "none", "--allow-partial"]).ends(0);
    served.file("key", KEY);
    served.file("key.pub", PUBLIC);
    served
}

/// The command with no way to AWS.
fn alone(home: &Path, args: &[&str]) -> Command {
    let mut command = orgward(home);
    command.args(args).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn evidence_is_signed_and_verified_without_aws() {
    let served = audited();
    let home = served.home();
    let bundle = ["evidence", "last", "--out", "e.tar.gz", "--sign", "key"];
    let refused = run(&mut alone(home, &bundle)).ends(2);
    refused.says(&["the key `key`", "ORGWARD_SIGNING_PASSWORD", "--password-file"]);
    let wrong = run(alone(home, &bundle).env("ORGWARD_SIGNING_PASSWORD", "hunter2")).ends(2);
    assert!(!wrong.err.contains("hunter2"), "{}", wrong.err);
    assert!(!home.join("e.tar.gz").exists());
    let made = run(alone(home, &bundle).env("ORGWARD_SIGNING_PASSWORD", PASSWORD)).ends(0);
    made.says(&["written to e.tar.gz", "sha256:", "(signed)"]);

    let verified = run(&mut alone(home, &["verify", "e.tar.gz", "--public-key", "key.pub"])).ends(0);
    verified.shows(&["Verified: the bundle is as it was signed", "are of facts in the bundle", "holds (timestamp:"]);
    let key = PUBLIC.lines().nth(1).unwrap();
    run(&mut alone(home, &["verify", "e.tar.gz", "--public-key", key])).ends(0);
    run(&mut alone(home, &["verify", "e.tar.gz"])).ends(4).shows(&["not checked: give --public-key"]);
    run(&mut alone(home, &["verify", "e.tar.gz", "--digests-only"])).ends(0);

    // Not a secret of whoever audited is in it, packed or not.
    let unpacked = home.join("unpacked");
    std::fs::create_dir(&unpacked).unwrap();
    let tar = Command::new("tar").args(["xzf", "e.tar.gz", "-C", "unpacked"]).current_dir(home).status().unwrap();
    assert!(tar.success());
    let found = texts(&unpacked);
    assert_eq!(found.len(), 10);
    for name in ["ORGWARD_EXTERNAL_ID", "ORGWARD_APPLY_EXTERNAL_ID", "AWS_SECRET_ACCESS_KEY"] {
        let secret = served.variable(name);
        assert!(found.iter().all(|(_, text)| !text.contains(secret)), "{name}");
    }
    assert!(found.iter().all(|(_, text)| !text.contains(PASSWORD)));

    let mut bytes = std::fs::read(home.join("e.tar.gz")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(home.join("changed.tar.gz"), &bytes).unwrap();
    run(&mut alone(home, &["verify", "changed.tar.gz", "--public-key", "key.pub"])).ends(6).says(&["changed.tar.gz"]);
    std::fs::write(home.join("short.tar.gz"), &bytes[..middle]).unwrap();
    run(&mut alone(home, &["verify", "short.tar.gz", "--digests-only"])).ends(6).says(&["it is cut short in"]);
}

#[test]
fn the_same_run_has_the_same_bundle_and_says_what_it_lacks() {
    let served = audited();
    let home = served.home();
    for out in ["a.tar.gz", "b.tar.gz"] {
        run(&mut alone(home, &["evidence", "last", "--out", out])).ends(0).says(&["not signed: anyone could"]);
    }
    let bytes = |name: &str| std::fs::read(home.join(name)).unwrap();
    assert!(bytes("a.tar.gz") == bytes("b.tar.gz"));
    run(&mut alone(home, &["verify", "a.tar.gz"])).ends(4).shows(&["none: anyone could have made this"]);
    run(&mut alone(home, &["verify", "a.tar.gz", "--public-key", "key.pub"])).ends(6).says(&["it is not signed"]);
    run(&mut alone(home, &["evidence", "last", "--out", "c.tar.gz", "--without-facts"])).ends(0);
    let told = run(&mut alone(home, &["verify", "c.tar.gz", "--digests-only"])).ends(0);
    told.shows(&["left out by whoever bundled", "of accounts whose facts are not in it"]);
}

#[test]
fn what_can_t_be_bundled_or_verified_is_said_with_the_fix() {
    let served = audited();
    let home = served.home();
    let says = |args: &[&str], code: i32, words: &[&str]| drop(run(&mut alone(home, args)).ends(code).says(words));
    says(&["evidence", "last", "--out", "no/such/folder/e.tar.gz"], 1, &["no/such/folder"]);
    says(&["evidence", "20260101T000000Z-0000", "--out", "e.tar.gz"], 2, &["there is no run", "runs list"]);
    says(
        &["evidence", "last", "--out", "e.tar.gz", "--sign", "key.pub"],
        2,
        &["no secret key of minisign", "minisign -G"],
    );
    says(&["evidence", "last", "--out", "e.tar.gz", "--sign", "nowhere"], 2, &["the key `nowhere` can't be read"]);
    says(&["verify", "key"], 1, &["it is no evidence bundle"]);
    says(&["verify", "nowhere"], 2, &["`nowhere` can't be read"]);
    says(&["verify", "key", "--public-key", "key"], 2, &["the key `key`: it is no public key of minisign"]);
    says(&["verify", "key", "--public-key", "RWnonsense"], 2, &["--public-key: it is no public key"]);
    let manifest = texts(home).into_iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap();
    let stopped = manifest.1.replace("\"done\"", "\"interrupted\"");
    assert_ne!(stopped, manifest.1);
    std::fs::write(&manifest.0, stopped).unwrap();
    let id = manifest.0.parent().unwrap().file_name().unwrap().to_str().unwrap();
    says(
        &["evidence", id, "--out", "e.tar.gz"],
        1,
        &["ended as `interrupted`: 5 of 5 accounts are judged", "--resume"],
    );
}
