//! The pages of the manual that are made: each is what `orgward reference` prints.

use crate::harness::{orgward, run};

#[test]
fn every_page_that_is_made_is_as_it_is_made() {
    let home = tempfile::tempdir().unwrap();
    let list = run(orgward(home.path()).arg("reference")).ends(0).out;
    let mut stale = Vec::new();
    assert_eq!(list.lines().next().map(|head| head.split_whitespace().next()), Some(Some("PAGE")), "its header");
    for line in list.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (name, file) = (words.next().unwrap(), words.next().unwrap());
        let made = run(orgward(home.path()).args(["reference", name])).ends(0).out;
        let kept = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
        if made != kept {
            stale.push(format!("cargo run --quiet -- reference {name} > {file}"));
        }
        // A line that is one long word or has blanks at its end is a slip of whoever makes it.
        assert!(made.lines().all(|line| line == line.trim_end()), "{file}");
    }
    assert!(list.lines().count() > 1);
    assert!(stale.is_empty(), "pages are not what orgward prints, make them again:\n{}", stale.join("\n"));
}

#[test]
fn a_page_that_is_none_is_refused() {
    let home = tempfile::tempdir().unwrap();
    run(orgward(home.path()).args(["reference", "setings"])).ends(2).says(&["did you mean `settings`?"]);
}
