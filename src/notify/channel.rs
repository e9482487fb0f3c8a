//! Where a notice goes, as `--notify KIND=WHERE` and `notify` of the config file say it.
//!
//! Must not: show the address of a webhook beyond its host: whoever has the rest can post to it.

use crate::model::Region;
use crate::model::ids::Arn;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::path::PathBuf;

/// Where a notice goes.
#[derive(Debug, Clone)]
pub enum Channel {
    /// An incoming webhook of Slack.
    Slack(Address),
    /// Anything that takes JSON by POST.
    Webhook(Address),
    /// An SNS topic.
    Sns {
        /// Its ARN.
        arn: String,
        /// Its Region.
        region: Region,
    },
    /// A program that reads JSON from stdin; it has no arguments.
    Command(PathBuf),
}

/// The address of a webhook: a secret but for its host.
#[derive(Clone)]
pub struct Address {
    whole: SecretString,
    host: String,
}

impl Address {
    /// The whole address.
    pub(super) fn whole(&self) -> &str {
        self.whole.expose_secret()
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}/...)", self.host)
    }
}

/// Why a word names no channel. What was given is never repeated: it may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// It begins with no kind.
    #[error(
        "write slack=URL, webhook=URL, sns=ARN or command=PROGRAM; slack=@FILE and webhook=@FILE read the URL from a file"
    )]
    Kind,
    /// It is no address.
    #[error("{0}: it is no URL such as https://hooks.example.com/...")]
    NoUrl(&'static str),
    /// It is sent in the clear.
    #[error("{0}: the URL has to be https: what is sent, and the key in the address, would be read on the way")]
    Clear(&'static str),
    /// It has a name and a password in it.
    #[error("{0}: the URL has a name or password before its host, which is not sent; leave it out")]
    UserInfo(&'static str),
    /// It is no topic.
    #[error("sns: it is no ARN of a topic such as arn:aws:sns:eu-central-1:111122223333:orgward")]
    NoTopic,
    /// It names no program.
    #[error("command: it names no program")]
    NoProgram,
}

impl Channel {
    /// Reads `KIND=WHERE`.
    ///
    /// # Errors
    /// Without a word of what was given.
    pub fn parse(text: &SecretString) -> Result<Self, ChannelError> {
        let (kind, place) = text.expose_secret().split_once('=').ok_or(ChannelError::Kind)?;
        match kind {
            "slack" => address("slack", place).map(Self::Slack),
            "webhook" => address("webhook", place).map(Self::Webhook),
            "sns" => topic(place),
            "command" if place.trim().is_empty() => Err(ChannelError::NoProgram),
            "command" => Ok(Self::Command(PathBuf::from(place))),
            _ => Err(ChannelError::Kind),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slack(address) => write!(f, "slack ({})", address.host),
            Self::Webhook(address) => write!(f, "webhook ({})", address.host),
            Self::Sns { arn, .. } => write!(f, "sns ({arn})"),
            Self::Command(program) => write!(f, "command ({})", program.display()),
        }
    }
}

fn address(kind: &'static str, text: &str) -> Result<Address, ChannelError> {
    let uri: http::Uri = text.trim().parse().map_err(|_| ChannelError::NoUrl(kind))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(ChannelError::NoUrl(kind));
    };
    if authority.as_str().contains('@') {
        return Err(ChannelError::UserInfo(kind));
    }
    let host = authority.host().to_owned();
    let on_this_machine = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    match scheme {
        "https" => {}
        "http" if on_this_machine => {}
        "http" => return Err(ChannelError::Clear(kind)),
        _ => return Err(ChannelError::NoUrl(kind)),
    }
    Ok(Address { whole: SecretString::from(text.trim().to_owned()), host })
}

fn topic(text: &str) -> Result<Channel, ChannelError> {
    let parts = Arn::parse(text).filter(|parts| parts.service == "sns" && !parts.resource.is_empty());
    let region = parts.and_then(|parts| parts.region.parse().ok()).ok_or(ChannelError::NoTopic)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":-_.".contains(c);
    if !text.chars().all(plain) {
        return Err(ChannelError::NoTopic);
    }
    Ok(Channel::Sns { arn: text.to_owned(), region })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Channel, ChannelError> {
        Channel::parse(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn channels_are_named_by_kind_and_shown_without_their_keys() {
        let url = "https://hooks.slack.com/services/T0/B0/secret?key=secret";
        for (text, shown) in [
            (format!("slack={url}"), "slack (hooks.slack.com)"),
            (format!("webhook={url}"), "webhook (hooks.slack.com)"),
            ("webhook=http://127.0.0.1:8080/secret".to_owned(), "webhook (127.0.0.1)"),
            (
                "sns=arn:aws:sns:eu-central-1:111122223333:orgward".to_owned(),
                "sns (arn:aws:sns:eu-central-1:111122223333:orgward)",
            ),
            ("command=./tell".to_owned(), "command (./tell)"),
        ] {
            let channel = parse(&text).unwrap();
            assert_eq!(channel.to_string(), shown);
            assert!(!format!("{channel:?} {channel}").contains("secret"), "{channel:?}");
        }
    }

    #[test]
    fn what_is_no_channel_is_refused_without_repeating_it() {
        for (text, wanted) in [
            ("https://hooks.slack.com/secret", ChannelError::Kind),
            ("https://hooks.slack.com/?a=secret", ChannelError::Kind),
            ("mail=secret@example.com", ChannelError::Kind),
            ("slack=secret", ChannelError::NoUrl("slack")),
            ("slack=ftp://example.com/secret", ChannelError::NoUrl("slack")),
            ("webhook=http://example.com/secret", ChannelError::Clear("webhook")),
            ("webhook=https://user:secret@example.com/", ChannelError::UserInfo("webhook")),
            ("sns=secret", ChannelError::NoTopic),
            ("sns=arn:aws:sqs:eu-central-1:111122223333:secret", ChannelError::NoTopic),
            ("sns=arn:aws:sns:eu-central-1:111122223333:a b", ChannelError::NoTopic),
            ("command= ", ChannelError::NoProgram),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, wanted, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
