//! Sending a notice: each channel at once, each with a limit of time, none able to fail a run.
//!
//! Must not: follow a redirect, read an answer beyond its status, run a shell, or let a program see the run's environment.

use super::channel::{Address, Channel};
use super::notice::Notice;
use crate::aws::{Sessions, post};
use crate::model::os_words;
use crate::resources;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long an address may take.
const ADDRESS_TIME: Duration = Duration::from_secs(10);
/// How long a program may take.
const PROGRAM_TIME: Duration = Duration::from_secs(30);
/// The most that SNS takes, in bytes.
const SNS_MOST: usize = 256 * 1024;
/// The longest subject of SNS, in characters.
const SUBJECT: usize = 100;
/// What a program sees of the environment: nothing that a credential could be in.
const ENVIRONMENT: [&str; 9] = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT"];

/// Sends notices.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    channels: Vec<Channel>,
    /// The key that webhooks are signed with.
    key: Option<SecretString>,
}

/// A notice that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{channel} was not told: {why}")]
pub struct NotSent {
    channel: String,
    why: String,
}

impl Sender {
    /// To these channels; `key` signs what webhooks get.
    pub fn new(channels: Vec<Channel>, key: Option<SecretString>) -> Self {
        Self { channels, key }
    }

    /// Whether there is anyone to tell.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Tells everyone at once, and gives those that it did not reach. `sessions`: with whose credentials topics are written to.
    pub async fn send(&self, notice: &Notice, sessions: Option<&Sessions>) -> Vec<NotSent> {
        let told = self.channels.iter().map(|channel| async move {
            let outcome = self.tell(channel, notice, sessions).await;
            outcome.err().map(|why| NotSent { channel: channel.to_string(), why })
        });
        futures::future::join_all(told).await.into_iter().flatten().collect()
    }

    async fn tell(&self, channel: &Channel, notice: &Notice, sessions: Option<&Sessions>) -> Result<(), String> {
        let body = notice.json().map_err(|error| error.to_string())?;
        match channel {
            Channel::Slack(address) => {
                let body = serde_json::to_vec(&slack(notice)).map_err(|error| error.to_string())?;
                posted(address, &[], body).await
            }
            Channel::Webhook(address) => {
                let mut headers = vec![("x-orgward-event", notice.event().to_owned())];
                if let Some(key) = &self.key {
                    headers.push(("x-orgward-signature", signature(key, &body)?));
                }
                posted(address, &headers, body).await
            }
            Channel::Sns { arn, region } => {
                let Some(sessions) = sessions else {
                    return Err("a topic needs AWS, and nothing is asked of it here".to_owned());
                };
                let subject: String = notice.title().chars().filter(char::is_ascii).take(SUBJECT).collect();
                let message = message(notice, &body);
                let session = sessions.base();
                let work = resources::publish(&session, region, arn, &subject, &message);
                match tokio::time::timeout(ADDRESS_TIME, work).await {
                    Ok(outcome) => outcome.map_err(|cause| cause.to_string()),
                    Err(_) => Err(too_late(ADDRESS_TIME)),
                }
            }
            Channel::Command(program) => run(program, &body, PROGRAM_TIME).await,
        }
    }
}

/// What a topic's subscribers read: lines for people, then the JSON, as far as there is room.
fn message(notice: &Notice, json: &[u8]) -> String {
    let text = notice.text();
    match std::str::from_utf8(json) {
        Ok(json) if text.len() + json.len() + 2 <= SNS_MOST => format!("{text}\n\n{json}"),
        _ => text,
    }
}

fn too_late(time: Duration) -> String {
    format!("no answer in {} s", time.as_secs())
}

/// `sha256=<hex>`: HMAC-SHA256 of the body, as GitHub signs its webhooks.
fn signature(key: &SecretString, body: &[u8]) -> Result<String, String> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes());
    let mut mac = mac.map_err(|_| "its key can't be used".to_owned())?;
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256={hex}"))
}

/// What Slack's incoming webhooks take. `<`, `>` and `&` are all that can make a link or a mention there; nothing else in the text
/// is looked for.
fn slack(notice: &Notice) -> serde_json::Value {
    let text = notice.text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": text, "mrkdwn": false, "parse": "none", "link_names": false, "unfurl_links": false })
}

async fn posted(address: &Address, headers: &[(&'static str, String)], body: Vec<u8>) -> Result<(), String> {
    let status = post(address.whole(), headers, body, ADDRESS_TIME).await?;
    match status {
        200..=299 => Ok(()),
        300..=399 => Err(format!("it answered {status}, and no redirect is followed")),
        _ => Err(format!("it answered {status}")),
    }
}

/// Runs a program with the notice on its stdin. What it says on stderr is its own; its stdout goes nowhere.
async fn run(program: &Path, body: &[u8], time: Duration) -> Result<(), String> {
    let kept = ENVIRONMENT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let mut child = tokio::process::Command::new(program)
        .env_clear()
        .envs(kept)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {}", os_words(&error)))?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read to the end may have had enough.
            let _ = stdin.write_all(body).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(time, work).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(format!("it can't be waited for: {error}")),
        Err(_) => {
            // It is gone before the run ends.
            let _ = child.kill().await;
            Err(format!("it was stopped after {} s", time.as_secs()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixtures;
    use crate::model::Tally;
    use std::os::unix::fs::PermissionsExt;

    fn notice(organization: &str) -> Notice {
        let of = (organization, fixtures::as_of());
        Notice::audit(of, "20260718T100000Z-4000", &Tally::default(), None, (false, 0))
    }

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        let key = SecretString::from("Jefe".to_owned());
        let wanted = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature(&key, b"what do ya want for nothing?").unwrap(), wanted);
    }

    #[test]
    fn slack_mentions_nobody() {
        let told = slack(&notice("o-<!channel> & @here <https://evil>"));
        let text = told["text"].as_str().unwrap();
        assert!(!text.contains('<') && !text.contains('>'), "{text}");
        assert!(text.contains("o-&lt;!channel&gt; &amp; @here"), "{text}");
        assert_eq!((&told["link_names"], &told["parse"]), (&json!(false), &json!("none")));
    }

    #[test]
    fn a_message_of_a_topic_has_room() {
        let notice = notice("o-abc123");
        let small = message(&notice, &notice.json().unwrap());
        assert!(small.starts_with(&notice.text()) && small.contains("\"orgward.notice\""), "{small}");
        let large = vec![b'x'; SNS_MOST];
        assert_eq!(message(&notice, &large), notice.text());
    }

    fn program(dir: &Path, text: &str) -> std::path::PathBuf {
        let path = dir.join("tell");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_program_reads_the_notice_and_sees_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("told");
        let path = program(dir.path(), &format!("{{ echo \"$#\"; cat; env; }} > {}", told.display()));
        run(&path, b"{\"a\":1}", PROGRAM_TIME).await.unwrap();
        let text = std::fs::read_to_string(&told).unwrap();
        assert!(text.starts_with("0\n{\"a\":1}"), "{text}");
        assert!(!text.contains("CARGO"), "{text}");
    }

    #[tokio::test]
    async fn a_program_that_fails_hangs_or_does_not_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let body = vec![b'x'; 1 << 20];
        run(&program(dir.path(), "exit 0"), &body, PROGRAM_TIME).await.unwrap();
        let failed = run(&program(dir.path(), "exit 3"), &body, PROGRAM_TIME).await.unwrap_err();
        assert!(failed.contains("exit status: 3"), "{failed}");
        let slow = run(&program(dir.path(), "exec sleep 60"), b"", Duration::from_millis(50)).await.unwrap_err();
        assert!(slow.contains("it was stopped"), "{slow}");
        let none = run(&dir.path().join("none"), b"", PROGRAM_TIME).await.unwrap_err();
        assert!(none.contains("can't be started"), "{none}");
    }
}
