//! Who is told what came of a run: addresses on this machine, programs and a topic of the sandbox; none of them fails a run.

use crate::harness::{Served, run};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

/// What an address was sent: the head and the body.
type Sent = (String, Vec<u8>);

/// An address on this machine that answers every request with a status; its port, and what it is sent.
fn address(status: &'static str) -> (u16, Receiver<Sent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, sent) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
            let (head, length) = loop {
                let read = stream.read(&mut piece).unwrap();
                bytes.extend(&piece[..read]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, _)) = text.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    break (head.to_owned(), length.unwrap_or(0usize));
                }
                assert!(read > 0, "{text}");
            };
            while bytes.len() < head.len() + 4 + length {
                let read = stream.read(&mut piece).unwrap();
                assert!(read > 0);
                bytes.extend(&piece[..read]);
            }
            let body = bytes.split_off(head.len() + 4);
            let answer = format!(
                "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            let _ = send.send((head, body));
        }
    });
    (port, sent)
}

fn program(served: &Served, name: &str, text: &str) -> PathBuf {
    let path = served.file(name, &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

const AUDIT: [&str; 6] = ["audit", "--checks", "root-*,org-*", "--fail-on", "none", "--allow-partial"];

#[test]
fn an_audit_is_told_to_every_channel_without_a_word_of_its_findings() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let (hook, hooked) = address("200 OK");
    let (slack, slacked) = address("200 OK");
    served.file("slack-url", &format!("http://127.0.0.1:{slack}/services/T0/B0/hidden\n"));
    let told = program(&served, "tell", "cat > told.json; env > seen; echo noise");
    let config = format!("version: 1\nnotify: [\"slack=@slack-url\", \"command={}\"]\n", told.display());
    served.file("orgward.yaml", &config);
    let shown = served.run(&["config"]).ends(0);
    assert!(shown.out.contains("slack=@") && !shown.out.contains("hidden"), "{}", shown.out);

    let told =
        run(served.command(&[&AUDIT[..], &["--format", "json"]].concat()).env("ORGWARD_WEBHOOK_SECRET", "k3y")).ends(0);
    told.json();
    let text = std::fs::read(served.home().join("told.json")).unwrap();
    let notice: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&notice["format"], &notice["event"]), (&"orgward.notice".into(), &"audit".into()));
    assert_eq!(notice["findings"]["fail"], told.json()["coverage"]["fail"], "{notice}");
    assert!(notice["run"].is_string() && notice["failing"]["critical"].is_u64(), "{notice}");
    let seen = std::fs::read_to_string(served.home().join("seen")).unwrap();
    assert!(!seen.contains("AWS_") && !seen.contains("ORGWARD") && !seen.contains("k3y"), "{seen}");
    let (head, body) = slacked.recv().unwrap();
    assert!(head.starts_with("POST /services/T0/B0/hidden HTTP/1.1"), "{head}");
    let message: Value = serde_json::from_slice(&body).unwrap();
    assert!(message["text"].as_str().unwrap().contains("orgward: "), "{message}");

    // Flags are in place of the file; a webhook is signed.
    let url = format!("webhook=http://127.0.0.1:{hook}/hidden");
    let flags = [&AUDIT[..], &["--notify", &url, "--quiet"]].concat();
    let told = run(served.command(&flags).env("ORGWARD_WEBHOOK_SECRET", "k3y")).ends(0);
    assert!(!told.err.contains("hidden") && !told.err.contains("warning"), "{}", told.err);
    let (head, body) = hooked.recv().unwrap();
    let head = head.to_lowercase();
    for words in ["content-type: application/json", "x-orgward-event: audit", "x-orgward-signature: sha256="] {
        assert!(head.contains(words), "`{words}` is missing in {head}");
    }
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["event"], "audit");
    assert!(slacked.try_recv().is_err(), "the file's channels are not told");

    // What is sent in the clear stays on this machine, whatever proxy there is.
    let again = [&AUDIT[..1], &["--from", "last", "--fail-on", "none", "--allow-partial", "--notify", &url]].concat();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = run(served.command(&again).env("HTTP_PROXY", format!("http://{gone}")).env_remove("NO_PROXY")).ends(0);
    assert!(!told.err.contains("was not told"), "{}", told.err);
    assert!(hooked.recv().unwrap().0.starts_with("POST /hidden"), "as it is sent without one");
}

#[test]
fn what_can_t_be_told_is_a_warning_and_changes_no_exit_code() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let told = |channel: &str, words: &[&str]| {
        let told = served.run(&[&AUDIT[..], &["--notify", channel]].concat()).ends(0).says(words);
        assert!(!told.err.contains("hidden") && !told.out.contains("hidden"), "{}", told.err);
    };
    let (failing, _sent) = address("500 Internal Server Error");
    let (elsewhere, _sent) = address("302 Found");
    told(&format!("slack=http://127.0.0.1:{failing}/hidden"), &["slack (127.0.0.1) was not told: it answered 500"]);
    told(&format!("webhook=http://127.0.0.1:{elsewhere}/hidden"), &["it answered 302, and no redirect is followed"]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    told(&format!("webhook=http://127.0.0.1:{gone}/hidden"), &["webhook (127.0.0.1) was not told: no connection"]);
    let fails = program(&served, "fails", "exit 9");
    told(&format!("command={}", fails.display()), &["was not told: it ended with exit status: 9"]);
    told("command=./nowhere", &["was not told: it can't be started"]);
    told(
        "sns=arn:aws:sns:eu-central-1:111122223333:none",
        &["sns (arn:aws:sns:eu-central-1:111122223333:none) was not told: "],
    );
    for (channel, words) in [
        ("https://hooks.slack.com/?a=hidden", "write slack=URL"),
        ("webhook=http://example.com/hidden", "has to be https"),
        ("slack=@nowhere", "the file `nowhere` of slack can't be read"),
    ] {
        let refused = served.run(&[&AUDIT[..], &["--notify", channel]].concat()).ends(2).says(&["--notify: ", words]);
        assert!(!refused.err.contains("hidden"), "{}", refused.err);
    }
}

#[test]
fn a_plan_and_its_apply_are_told_by_digest_and_a_topic_takes_them() {
    let served = Served::start(&["--accounts", "5", "--seed", "3"]);
    let management = served.org()["organization"]["management_account"].as_str().unwrap().to_owned();
    let operator = (served.variable("AWS_ACCESS_KEY_ID").to_owned(), None::<&str>);
    // The harness signs its calls for us-east-1.
    served.call(
        "sns",
        (&operator.0, operator.1),
        &[("Action", "CreateTopic"), ("Version", "2010-03-31"), ("Name", "told")],
    );
    let topic = format!("sns=arn:aws:sns:us-east-1:{management}:told");
    let told = program(&served, "tell", "cat >> told.ndjson; echo >> told.ndjson");
    let command = format!("command={}", told.display());
    let channels = ["--notify", &topic, "--notify", &command];
    let plan = [&["plan", "cis-password-policy", "--out", "plan.json"], &channels[..]].concat();
    let planned = served.run(&plan).ends(0);
    assert!(!planned.err.contains("was not told"), "{}", planned.err);
    served.run(&[&["apply", "plan.json", "--yes"], &channels[..]].concat()).ends(0);
    let text = std::fs::read_to_string(served.home().join("told.ndjson")).unwrap();
    let notices: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(notices.iter().map(|n| n["event"].as_str().unwrap()).collect::<Vec<_>>(), ["plan", "apply"]);
    assert_eq!(notices[0]["digest"], notices[1]["digest"]);
    assert!(planned.out.contains(notices[0]["digest"].as_str().unwrap()), "{}", planned.out);
    assert!(notices[0]["update"].as_u64().unwrap() + notices[0]["create"].as_u64().unwrap() > 0, "{}", notices[0]);
}
