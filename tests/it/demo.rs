//! `orgward demo` with the real binary: its chapters, in order, and nothing left behind.

use crate::harness::{orgward, run, texts};

#[test]
fn the_demo_tells_its_story_twice_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let demo = run(orgward(home.path()).arg("demo").env("TMPDIR", home.path())).ends(0);
    let mut rest = demo.out.as_str();
    for part in [
        "\n1. The organization\n",
        "24 accounts",
        "\n2. Audit\n",
        "root-access-keys",
        "Could not be told",
        "assume_role_denied",
        "Not audited, suspended",
        "Coverage ",
        "throttled",
        "\n3. Plan the baseline",
        "create password policy",
        "impact: ",
        "digest sha256:",
        "\n4. Apply that plan\n",
        "Apply: ",
        "\n5. Plan again",
        "0 to create, 0 to update, 0 to delete",
        "\n6. ",
        "FAIL BEFORE",
        "mended",
        "of virtual time",
    ] {
        let (_, after) =
            rest.split_once(part).unwrap_or_else(|| panic!("`{part}` is missing or too early:\n{}", demo.out));
        rest = after;
    }
    assert!(!demo.out.contains('\u{1b}'), "no colour where nobody sees it");
    assert_eq!(texts(home.path()), [], "its state was temporary");

    // Again: the same findings, changes and outcomes. How long a retry waits is left to chance, so moments differ, and with
    // them the digest of the plan.
    let again = run(orgward(home.path()).args(["demo", "--quiet"])).ends(0);
    assert_eq!(again.err, "", "--quiet");
    let told = |text: &str| -> Vec<String> {
        let chance = ["attempts, ", "digest sha256:", "of virtual time"];
        text.lines().filter(|line| !chance.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
    };
    assert_eq!(told(&again.out), told(&demo.out));
}
