//! `--notify` and `notify` of the config file: who is told what came of a run.
//!
//! Owns: the flag, files that hold an address, and that a notice that does not arrive is a warning. Must not: change what a
//! command ends with.

use super::args::secret;
use super::exit::{Exit, Failure};
use super::kept_audit::KeptAudit;
use super::plan::Planned;
use super::ui::Ui;
use crate::aws::Sessions;
use crate::config::Settings;
use crate::model::os_words;
use crate::notify::{Channel, Notice, Sender};
use crate::report::text::plain;
use clap::Args;
use secrecy::{ExposeSecret, SecretString};

/// The variable of the key that webhooks are signed with.
const KEY: &str = "ORGWARD_WEBHOOK_SECRET";

/// Who is told.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Notify")]
pub struct NotifyArgs {
    /// Tell what came of it: slack=@FILE (the URL of a webhook), webhook=@FILE, sns=ARN or command=PROGRAM; repeatable
    #[arg(long, env = "ORGWARD_NOTIFY", hide_env_values = true, value_name = "KIND=WHERE", value_parser = secret)]
    pub notify: Vec<SecretString>,
}

/// Whoever is told.
pub struct Told {
    sender: Sender,
}

impl Told {
    /// As the settings say: a channel that can't be is found before anything is asked.
    ///
    /// # Errors
    /// If one is none, or its file can't be read.
    pub fn of(settings: &Settings) -> Result<Self, Failure> {
        let (mut channels, mut wrong) = (Vec::new(), Vec::new());
        for text in &settings.notify {
            match channel(text) {
                Ok(channel) => channels.push(channel),
                Err(why) => wrong.push(format!("--notify: {why}")),
            }
        }
        if !wrong.is_empty() {
            return Err(Failure::usage(wrong));
        }
        let key = std::env::var(KEY).ok().filter(|key| !key.is_empty()).map(SecretString::from);
        Ok(Self { sender: Sender::new(channels, key) })
    }

    /// Of an audit.
    pub async fn audit(&self, audited: &KeptAudit, exit: Exit, sessions: Option<&Sessions>, ui: &Ui) {
        let notice = audited.told(|report| {
            let of = (report.org.organization.id.as_str(), report.org.as_of);
            let ended = (report.interrupted, exit.code());
            Ok(Notice::audit(of, audited.run().id().as_str(), report.tally, report.context.changes.as_ref(), ended))
        });
        if let Ok(notice) = notice {
            self.send(&notice, sessions, ui).await;
        }
    }

    /// Of a plan.
    pub async fn plan(&self, planned: &Planned, exit: Exit, sessions: Option<&Sessions>, ui: &Ui) {
        self.send(&Notice::plan(&planned.plan, &planned.digest, exit.code()), sessions, ui).await;
    }

    /// Of a plan that was carried out.
    pub async fn apply(&self, planned: &Planned, exit: Exit, sessions: &Sessions, ui: &Ui) {
        self.send(&Notice::apply(&planned.plan, &planned.digest, exit.code()), Some(sessions), ui).await;
    }

    async fn send(&self, notice: &Notice, sessions: Option<&Sessions>, ui: &Ui) {
        if self.sender.is_empty() {
            return;
        }
        for failure in self.sender.send(notice, sessions).await {
            ui.warn(&plain(&failure.to_string()));
        }
    }
}

/// The channels of the settings, without their keys.
pub fn shown(settings: &Settings) -> Vec<String> {
    let told = |text: &SecretString| match (text.expose_secret().split_once("=@"), Channel::parse(text)) {
        (Some((kind @ ("slack" | "webhook"), file)), _) => format!("{kind}=@{file}"),
        (_, Ok(channel)) => channel.to_string(),
        (_, Err(_)) => "(set, not shown)".to_owned(),
    };
    settings.notify.iter().map(told).collect()
}

/// A channel; of `KIND=@FILE` the first line of the file.
fn channel(text: &SecretString) -> Result<Channel, String> {
    let read = match text.expose_secret().split_once("=@") {
        Some((kind @ ("slack" | "webhook"), file)) => {
            let content = std::fs::read_to_string(file)
                .map_err(|error| format!("the file `{}` of {kind} can't be read: {}", plain(file), os_words(&error)))?;
            let line = content.lines().next().unwrap_or_default().trim().to_owned();
            Channel::parse(&SecretString::from(format!("{kind}={line}")))
        }
        _ => Channel::parse(text),
    };
    read.map_err(|error| error.to_string())
}
