//! Bundles of a small organization: written, read, and changed in every way a byte can be.

use super::archive::Archive;
use super::*;
use crate::audit::{Asked, AuditRun, Job, Judged, Known, RunFindings};
use crate::checks::{Selection, Thresholds, fixtures};
use crate::model::scope::Scope;
use crate::model::{AccountFacts, OrgFacts, Tally};
use crate::report::{Audit, Context, RunStats};
use crate::store::{Frame, FrameKey, Kept, Run, RunStatus, StateDir};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use secrecy::SecretString;
use std::io::{Read, Write};

/// An audit that is kept, with all that a report of it needs.
struct Audited {
    _dir: tempfile::TempDir,
    run: Run,
    org: OrgFacts,
    scope: Scope,
    tally: Tally,
    findings: RunFindings,
    context: Context,
}

const WEBHOOK: &str = "https://hooks.example.com/services/T0/B0/secret";

const CHECKS: [&str; 4] = ["root-mfa", "root-access-key", "trail-multi-region", "org-deny-leave"];

impl Audited {
    /// Of two accounts, with or without their facts; `status`: how the run ended.
    fn new(facts: bool, status: RunStatus) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("state")).unwrap();
        let org = fixtures::org();
        // Whoever has the rest of a webhook's address can post to it.
        let text = serde_json::to_string(&org).unwrap().replace("security@example.com", WEBHOOK);
        assert!(text.contains(WEBHOOK));
        let org: OrgFacts = serde_json::from_str(&text).unwrap();
        let scope = Scope {
            accounts: org.accounts.keys().take(2).cloned().collect(),
            left_out: org.accounts.keys().skip(2).map(|id| (id.clone(), "excluded by id".to_owned())).collect(),
        };
        let selection = Selection::of(CHECKS);
        let ids: Vec<String> = selection.metas().iter().map(|meta| meta.id.to_owned()).collect();
        let job = Job::new(org.as_of, "eu-central-1".parse().unwrap(), Asked::default(), ids, "sha256:00".to_owned());
        let run = state.create_run(&org.organization.id, "audit", org.as_of).unwrap();
        let mut kept = AuditRun::begin(run, &job).unwrap();
        kept.keep_organization(&Known { organization: org.clone(), scope: scope.clone() }).unwrap();
        let mut tally = Tally::default();
        let mut keep = |key: FrameKey, mut findings: Vec<crate::model::Finding>, kept: &mut AuditRun| {
            findings.sort_by(crate::model::Finding::in_order);
            findings.iter().for_each(|finding| tally.add(finding));
            kept.keep_findings(&key, &Frame::of(&Judged { finished: true, findings }).unwrap()).unwrap();
        };
        let thresholds = Thresholds::default();
        keep(FrameKey::Organization, selection.organization(&org, &thresholds), &mut kept);
        for account in &scope.accounts {
            let of_account = AccountFacts { account: account.clone(), ..fixtures::account() };
            keep(account.into(), selection.account(&org, &of_account, &thresholds), &mut kept);
            kept.keep_facts(account, &Frame::of(&of_account).unwrap()).unwrap();
        }
        kept.sync().unwrap();
        let mut run = kept.close(facts).unwrap();
        run.finish(status, org.as_of).unwrap();
        let findings = RunFindings::open(&run).unwrap();
        Self { _dir: dir, run, org, scope, tally, findings, context: Context::default() }
    }

    fn report<T>(&self, show: impl FnOnce(&Audit<'_>) -> T) -> T {
        show(&Audit {
            org: &self.org,
            scope: &self.scope,
            checks: &Selection::of(CHECKS).metas(),
            findings: &self.findings,
            tally: &self.tally,
            frameworks: &[],
            context: &self.context,
            before: None,
            stats: RunStats::default(),
            interrupted: false,
        })
    }

    fn bundle(&self, with_facts: bool, key: Option<&SigningKey>) -> Result<Vec<u8>, NoBundle> {
        self.report(|audit| {
            let mut bytes = Vec::new();
            let now = fixtures::as_of();
            let written = Bundle::of(&self.run, audit, with_facts)?.write(key.map(|key| (key, now)), &mut bytes)?;
            assert_eq!((written.bytes, written.digest), (bytes.len() as u64, crate::model::digest(&bytes)));
            Ok(bytes)
        })
    }
}

fn keys() -> (SigningKey, PublicKey) {
    let text = SecretString::from(include_str!("../../tests/evidence/test-only.key").to_owned());
    let key = SigningKey::read::<KeyError>(&text, || Ok(SecretString::from("correct horse".to_owned()))).unwrap();
    (key, PublicKey::read(include_str!("../../tests/evidence/test-only.pub")).unwrap())
}

/// The entries of a bundle, by a reader that is not ours to the archive's form.
fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut tar = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut tar).unwrap();
    let (mut at, mut found) = (0, Vec::new());
    while tar[at] != 0 {
        let name = tar[at..at + 100].split(|byte| *byte == 0).next().unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&tar[at + 124..at + 135]).unwrap(), 8).unwrap();
        found.push((String::from_utf8(name.to_vec()).unwrap(), tar[at + 512..at + 512 + size].to_vec()));
        at += 512 + size.div_ceil(512) * 512;
    }
    found
}

fn packed(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = Archive::new(&mut bytes);
    for (name, body) in entries {
        archive.entry(name, body.len() as u64, |out| out.write_all(body)).unwrap();
    }
    archive.end().unwrap();
    bytes
}

/// Name and bytes of every entry.
type Entries = Vec<(String, Vec<u8>)>;

#[test]
fn a_bundle_holds_with_and_without_facts_and_signature() {
    let audited = Audited::new(true, RunStatus::Done);
    let (key, public) = keys();
    for with_facts in [true, false] {
        let bytes = audited.bundle(with_facts, None).unwrap();
        assert_eq!(bytes, audited.bundle(with_facts, None).unwrap(), "the same run, the same bytes");
        let verified = verify(bytes.as_slice(), None).unwrap();
        assert_eq!(verified.signed, Signed::Not);
        assert_eq!(verified.manifest.findings, *audited.tally.all());
        assert!(verified.manifest.findings.total() > 5, "{:?}", verified.manifest.findings);
        assert!(verified.cited > 10, "{verified:?}");
        assert_eq!(verified.without_facts == 0, with_facts, "{verified:?}");
        let said = if with_facts { FactsKept::Included { accounts: 2 } } else { FactsKept::LeftOut };
        assert_eq!(verified.manifest.facts, said);
        assert_eq!(verify(bytes.as_slice(), Some(&public)), Err(Mismatch::NotSigned));

        let signed = audited.bundle(with_facts, Some(&key)).unwrap();
        let verified = verify(signed.as_slice(), Some(&public)).unwrap();
        let Signed::Holds(trusted) = verified.signed else { panic!("{:?}", verified.signed) };
        assert!(trusted.ends_with(&format!("run:{}", audited.run.id())), "{trusted}");
        assert_eq!(verify(signed.as_slice(), None).unwrap().signed, Signed::NotChecked);
    }
    let names: Vec<String> = unpacked(&audited.bundle(true, None).unwrap()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "manifest.json",
            "WHAT-THIS-DOES-NOT-PROVE.md",
            "organization.json",
            "checks.json",
            "exemptions.json",
            "frameworks.json",
            "facts.ndjson",
            "findings.ndjson",
            "SHA256SUMS"
        ]
    );
}

#[test]
fn a_run_that_keeps_no_facts_says_so_and_no_bundle_has_an_address_with_a_key() {
    let audited = Audited::new(false, RunStatus::Done);
    let verified = verify(audited.bundle(true, None).unwrap().as_slice(), None).unwrap();
    assert_eq!(verified.manifest.facts, FactsKept::NotKept);
    for (name, text) in unpacked(&audited.bundle(true, None).unwrap()) {
        assert!(!String::from_utf8(text).unwrap().contains("T0/B0/secret"), "{name}");
    }
    let page = &unpacked(&audited.bundle(true, None).unwrap())[1].1;
    let page = String::from_utf8(page.clone()).unwrap();
    for words in ["does not keep them", "Whose key it is", "minisign -Vm manifest.json", "`unknown` is not `pass`"] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn what_is_not_over_or_cut_off_is_no_evidence() {
    for status in [RunStatus::Running, RunStatus::Interrupted, RunStatus::Failed] {
        let error = Audited::new(true, status).bundle(true, None).unwrap_err().to_string();
        assert!(error.contains("2 of 2 accounts are judged") && error.contains("--resume"), "{error}");
    }
    for (kept, words) in [(Kept::Facts, "--without-facts"), (Kept::Findings, "1 of 2 accounts are judged")] {
        let audited = Audited::new(true, RunStatus::Done);
        let path = audited.run.frames_path(kept);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let error = audited.bundle(true, None).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        if kept == Kept::Facts {
            assert!(error.contains("1 frame before that is good"), "{error}");
            audited.bundle(false, None).unwrap();
        }
    }
}

#[test]
fn the_first_thing_that_does_not_match_is_named() {
    let audited = Audited::new(true, RunStatus::Done);
    let (key, public) = keys();
    let entries = unpacked(&audited.bundle(true, Some(&key)).unwrap());
    let told = |change: &dyn Fn(&mut Entries)| {
        let mut changed = entries.clone();
        change(&mut changed);
        verify(packed(&changed).as_slice(), Some(&public)).unwrap_err().to_string()
    };
    let at = |name: &str| entries.iter().position(|(known, _)| known == name).unwrap();
    let edit = |name: &'static str, from: &'static str, to: &'static str| {
        let place = at(name);
        told(&move |entries| {
            let text = String::from_utf8(entries[place].1.clone()).unwrap();
            assert!(text.contains(from), "{from}");
            entries[place].1 = text.replacen(from, to, 1).into_bytes();
        })
    };
    let says = |told: String, words: &str| assert!(told.contains(words), "{told}");
    says(edit("manifest.json", "\"fail\": ", "\"fail\": 1"), "the signature does not hold: the manifest or");
    says(edit("manifest.json.minisig", "run:2", "run:3"), "the signature does not hold");
    says(edit("findings.ndjson", "\"pass\"", "\"fail\""), "`findings.ndjson` was changed: its digest is sha256:");
    says(edit("findings.ndjson", "}\n", "} \n"), "`findings.ndjson` has ");
    says(edit("facts.ndjson", "\"account\"", "\"acc0unt\""), "`facts.ndjson` was changed");
    says(edit("SHA256SUMS", "manifest.json", "manifest.jsom"), "it is not of these files");
    let facts = at("facts.ndjson");
    says(told(&|entries| entries.swap(facts, facts + 1)), "entry 8 is `findings.ndjson`, where `facts.ndjson` belongs");
    says(told(&|entries| drop(entries.remove(facts))), "entry 8 is `findings.ndjson`, where `facts.ndjson` belongs");
    says(told(&|entries| drop(entries.pop())), "`SHA256SUMS` is missing");
    says(told(&|entries| entries.truncate(facts)), "`facts.ndjson` is missing");
    says(told(&|entries| drop(entries.remove(1))), "it is not signed");
    says(told(&|entries| drop(entries.remove(0))), "it does not begin with a manifest");
    for name in ["more.txt", "../../../etc/cron.d/x", "/etc/passwd", "findings.ndjson"] {
        let added = (name.to_owned(), b"x".to_vec());
        let wanted = format!("`{name}` does not belong into it");
        says(told(&|entries| entries.push(added.clone())), &wanted);
        if name != "findings.ndjson" {
            says(told(&|entries| entries.insert(4, added.clone())), &wanted);
        }
    }
}

#[test]
fn a_bundle_that_was_made_to_lie_is_found_without_a_signature() {
    let audited = Audited::new(true, RunStatus::Done);
    let entries = unpacked(&audited.bundle(true, None).unwrap());
    // Someone changes a part and makes every digest right again.
    let forged = |name: &str, change: &dyn Fn(String) -> String| {
        let mut entries = entries.clone();
        let place = entries.iter().position(|(known, _)| known == name).unwrap();
        let mut manifest = Manifest::parse(&entries[0].1).unwrap();
        entries[place].1 = change(String::from_utf8(entries[place].1.clone()).unwrap()).into_bytes();
        for part in &mut manifest.parts {
            let bytes = &entries.iter().find(|(known, _)| *known == part.name).unwrap().1;
            (part.bytes, part.digest) = (bytes.len() as u64, crate::model::digest(bytes));
        }
        if name != "manifest.json" {
            entries[0].1 = manifest.text().unwrap();
        }
        let first = [("manifest.json", crate::model::digest(&entries[0].1))];
        entries.last_mut().unwrap().1 = super::parts::sums(&manifest, &first).into_bytes();
        match verify(packed(&entries).as_slice(), None) {
            Ok(_) => String::new(),
            Err(mismatch) => mismatch.to_string(),
        }
    };
    let replace = |from: &'static str, to: &'static str| {
        move |text: String| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        }
    };
    let says = |told: String, words: &str| assert!(told.contains(words), "{told}");
    says(forged("findings.ndjson", &replace("\"verdict\":\"pass\"", "\"verdict\":\"exempt\"")), "the manifest counts");
    says(forged("findings.ndjson", &replace("iam:Get", "iam:Put")), "which no fact in the bundle came from");
    says(forged("findings.ndjson", &replace("\"root-mfa\"", "\"root-mfx\"")), "there is no check `root-mfx`");
    let reversed = |text: String| text.lines().rev().map(|line| format!("{line}\n")).collect();
    says(forged("findings.ndjson", &reversed), "`findings.ndjson` line 2: the finding is not in order");
    let exempted =
        r#"\"exempt\":[{\"exemption\":\"nobody\",\"resource\":null,\"message\":\"x\"}]"#.replace("\\\"", "\"");
    let invented = move |text: String| text.replacen("\"evidence\":", &format!("{exempted},\"evidence\":"), 1);
    says(forged("findings.ndjson", &invented), "exempt by `nobody`, which is not in `exemptions.json`");
    says(forged("facts.ndjson", &reversed), "`facts.ndjson` line 2: account");
    says(
        forged("facts.ndjson", &|text| text.lines().take(1).map(|line| format!("{line}\n")).collect()),
        "are of 1 acc",
    );
    says(forged("facts.ndjson", &|text| text.trim_end().to_owned()), "line 2: it has no end");
    says(forged("facts.ndjson", &replace("iam:GetAccountSummary", "iam:GetAccountSummarx")), "no fact in the bundle");
    says(forged("organization.json", &replace("\"o-", "\"o-x")), "another organization");
    says(forged("checks.json", &replace("\"root-mfa\"", "\"root-mfx\"")), "others than the manifest says");
    says(forged("exemptions.json", &replace("\"digest\": \"\"", "\"digest\": \"sha256:1\"")), "another file");
    says(
        forged("manifest.json", &replace("\"version\": 1", "\"version\": 2")),
        "version 2, and this orgward reads up to",
    );
    says(forged("manifest.json", &replace("orgward.evidence", "orgward.other")), "another format");
    says(forged("manifest.json", &replace("\"format\"", "\"more\": 1, \"format\"")), "unknown field `more`");
    says(forged("manifest.json", &replace("frameworks.json", "../../etc/x.json")), "other parts than a bundle has");
    assert_eq!(forged("frameworks.json", &|text| text), "", "what is not changed holds");
}

#[test]
fn what_takes_much_room_is_refused_before_it_is_read() {
    // A manifest that would unpack to more than any machine has, in a file of a few KiB.
    let mut bytes = Vec::new();
    let mut archive = Archive::new(&mut bytes);
    let zeros = vec![0; 1 << 20];
    let written = archive.entry("manifest.json", 1 << 40, |out| (0..8).try_for_each(|_| out.write_all(&zeros)));
    assert!(written.is_err());
    archive.end().unwrap();
    let error = verify(bytes.as_slice(), None).unwrap_err();
    assert_eq!(error, Mismatch::TooLarge { name: "manifest.json".to_owned(), found: 1 << 40 });
    assert!(verify(&b""[..], None).is_err() && verify(&b"PK\x03\x04"[..], None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    /// A byte that is changed, wherever it is, is found, or changes nothing of what is in the bundle: the last bits of the
    /// compressed bytes are of no meaning.
    #[test]
    fn a_changed_byte_is_found(place: prop::sample::Index, bit in 0u32..8, cut in any::<bool>()) {
        static BUNDLE: std::sync::LazyLock<(Vec<u8>, Entries)> = std::sync::LazyLock::new(|| {
            let bytes = Audited::new(true, RunStatus::Done).bundle(true, Some(&keys().0)).unwrap();
            let entries = unpacked(&bytes);
            (bytes, entries)
        });
        let (bytes, entries) = &*BUNDLE;
        let (_, public) = keys();
        let mut changed = bytes.clone();
        let at = place.index(bytes.len());
        changed[at] ^= 1 << bit;
        if cut {
            changed.truncate(at);
        }
        if verify(changed.as_slice(), Some(&public)).is_ok() {
            prop_assert!(unpacked(&changed) == *entries, "byte {at}");
        }
    }

    /// The same of what is compressed: no byte of the archive is without meaning.
    #[test]
    fn a_changed_byte_of_the_archive_is_found(place: prop::sample::Index, bit in 0u32..8) {
        static TAR: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let bytes = Audited::new(true, RunStatus::Done).bundle(true, None).unwrap();
            let mut tar = Vec::new();
            GzDecoder::new(bytes.as_slice()).read_to_end(&mut tar).unwrap();
            tar
        });
        let mut tar = TAR.clone();
        let at = place.index(tar.len());
        tar[at] ^= 1 << bit;
        let mut bytes = Vec::new();
        let mut gzip = flate2::GzBuilder::new().operating_system(255).write(&mut bytes, flate2::Compression::default());
        gzip.write_all(&tar).unwrap();
        gzip.finish().unwrap();
        prop_assert!(verify(bytes.as_slice(), None).is_err(), "byte {at}");
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify(bytes.as_slice(), None).is_err());
    }
}
