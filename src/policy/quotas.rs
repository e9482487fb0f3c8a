//! What Organizations allows of a policy: its size, how many fit on a target, which services an RCP binds.
//!
//! Owns: `config/policies.yaml`, the one place where these figures are. Must not: know which policies there are.

use super::{Size, size};
use crate::model::org::PolicyType;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::LazyLock;

/// The embedded file.
const EMBEDDED: &str = include_str!("../../config/policies.yaml");

/// How much room policies of one type have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Most characters, and most UTF-8 bytes, of one policy as saved.
    pub size: usize,
    /// Most policies attached directly to a root, OU or account.
    pub per_target: usize,
}

/// The quotas of all types, and what RCPs bind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Of this form of the file.
    version: u32,
    /// Of service control policies.
    pub scp: Quota,
    /// Of resource control policies, AWS's own `RCPFullAWSAccess` counted.
    pub rcp: Quota,
    /// The action prefixes of the services that RCPs bind.
    rcp_services: Vec<String>,
    /// Actions of those services that RCPs do not impact.
    rcp_exempt_actions: Vec<String>,
}

/// A user's file: figures that differ from the published ones.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    version: u32,
    #[serde(default)]
    scp: QuotaOverride,
    #[serde(default)]
    rcp: QuotaOverride,
}

/// One of its lines.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuotaOverride {
    size: Option<usize>,
    per_target: Option<usize>,
}

impl QuotaOverride {
    /// The quota with these figures in place of its own.
    fn over(self, quota: Quota, name: &str) -> Result<Quota, String> {
        let zero = [("size", self.size), ("per_target", self.per_target)].into_iter().find(|(_, one)| *one == Some(0));
        match zero {
            Some((field, _)) => Err(format!("`{field}` of `{name}` is 0, use 1 or more")),
            None => Ok(Quota {
                size: self.size.unwrap_or(quota.size),
                per_target: self.per_target.unwrap_or(quota.per_target),
            }),
        }
    }
}

impl Quotas {
    /// The same with a user's file over it: sizes and numbers per target, each optional. `file` is what messages call it.
    ///
    /// # Errors
    /// If the text is not of that form, or a figure is 0.
    pub fn with_overrides(mut self, file: &str, text: &str) -> Result<Self, String> {
        let wrong = |message: String| format!("policy quotas `{file}`: {message}");
        let over: Overrides = serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if over.version != 1 {
            return Err(wrong(format!("version `{}` is not known, use 1", over.version)));
        }
        self.scp = over.scp.over(self.scp, "scp").map_err(wrong)?;
        self.rcp = over.rcp.over(self.rcp, "rcp").map_err(wrong)?;
        Ok(self)
    }

    /// AWS's published figures, as shipped. A test reads the file, so that it can always be read here; were it not, no
    /// room would be left for anything.
    pub fn embedded() -> &'static Self {
        static QUOTAS: LazyLock<Quotas> = LazyLock::new(|| {
            let none = Quota { size: 0, per_target: 0 };
            serde_saphyr::from_str(EMBEDDED).unwrap_or_else(|_| Quotas {
                version: 0,
                scp: none,
                rcp: none,
                rcp_services: Vec::new(),
                rcp_exempt_actions: Vec::new(),
            })
        });
        &QUOTAS
    }

    /// The quota of one type; `None` for a type that this file knows nothing of.
    pub fn of(&self, kind: &PolicyType) -> Option<Quota> {
        match kind {
            PolicyType::Scp => Some(self.scp),
            PolicyType::Rcp => Some(self.rcp),
            PolicyType::Other(_) => None,
        }
    }

    /// Whether RCPs bind a service, by the prefix of its actions, such as `s3`.
    pub fn rcps_bind(&self, service: &str) -> bool {
        self.rcp_services.iter().any(|known| known.eq_ignore_ascii_case(service))
    }

    /// Whether RCPs do not impact an action of a service that they bind.
    pub fn rcps_spare(&self, action: &str) -> bool {
        self.rcp_exempt_actions.iter().any(|known| known.eq_ignore_ascii_case(action))
    }
}

/// How much of its quota a target uses: `9,812 of 10,240 characters, 6 of 10 slots`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The size of the largest of its policies; each has the whole quota for itself.
    pub largest: Size,
    /// How many are attached to it directly.
    pub attached: usize,
    /// What it may have.
    pub quota: Quota,
}

/// The headroom of a target, given the texts of the policies attached directly to it, as they are saved.
pub fn headroom<'a>(quota: Quota, attached: impl IntoIterator<Item = &'a str>) -> Headroom {
    let mut room = Headroom { largest: Size { characters: 0, bytes: 0 }, attached: 0, quota };
    for text in attached {
        let size = size(text);
        room.largest.characters = room.largest.characters.max(size.characters);
        room.largest.bytes = room.largest.bytes.max(size.bytes);
        room.attached += 1;
    }
    room
}

impl Headroom {
    /// Whether every policy is small enough and none is attached too many.
    pub fn fits(&self) -> bool {
        self.largest.characters.max(self.largest.bytes) <= self.quota.size && self.attached <= self.quota.per_target
    }

    /// How many more policies can be attached.
    pub fn free_slots(&self) -> usize {
        self.quota.per_target.saturating_sub(self.attached)
    }
}

impl fmt::Display for Headroom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size { characters, bytes } = self.largest;
        write!(f, "{} of {} characters", grouped(characters), grouped(self.quota.size))?;
        if bytes > characters {
            write!(f, " ({} bytes)", grouped(bytes))?;
        }
        write!(f, ", {} of {} slots", grouped(self.attached), grouped(self.quota.per_target))
    }
}

/// A number with a comma at each thousand.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_read_and_says_what_aws_publishes() {
        let read: Quotas = serde_saphyr::from_str(EMBEDDED).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&read, Quotas::embedded());
        assert_eq!(read.version, 1);
        assert_eq!(read.of(&PolicyType::Scp), Some(Quota { size: 10_240, per_target: 10 }));
        assert_eq!(read.of(&PolicyType::Rcp), Some(Quota { size: 5_120, per_target: 5 }));
        assert_eq!(read.of(&PolicyType::Other("BACKUP_POLICY".into())), None);
        assert!(read.rcps_bind("s3") && read.rcps_bind("STS") && !read.rcps_bind("ec2") && !read.rcps_bind("iam"));
        assert!(read.rcps_spare("kms:retiregrant") && !read.rcps_spare("kms:Decrypt"));
    }

    #[test]
    fn a_user_s_figures_come_over_the_published_ones_and_wrong_ones_are_refused() {
        let over = |text: &str| Quotas::embedded().clone().with_overrides("ours.yaml", text);
        let quotas = over("version: 1\nscp: { per_target: 12 }\nrcp: { size: 6000 }\n").unwrap();
        assert_eq!(quotas.scp, Quota { size: 10_240, per_target: 12 });
        assert_eq!(quotas.rcp, Quota { size: 6_000, per_target: 5 });
        assert!(quotas.rcps_bind("s3"));
        assert_eq!(&over("version: 1").unwrap(), Quotas::embedded());
        for (text, says) in [
            ("version: 2", "version `2`"),
            ("scp: { size: 9 }", "version"),
            ("version: 1\nscp: { size: 0 }", "`size` of `scp` is 0"),
            ("version: 1\nscp: { slots: 9 }", "slots"),
            ("version: 1\nscp: { size: -1 }", "-1"),
            ("version: 1\nrcp_services: []", "rcp_services"),
        ] {
            let error = over(text).unwrap_err();
            assert!(error.starts_with("policy quotas `ours.yaml`: ") && error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn headroom_is_told_in_words() {
        let quota = Quotas::embedded().scp;
        let long = "x".repeat(9_812);
        let room = headroom(quota, [long.as_str(), "{}", "{}", "{}", "{}", "{}"]);
        assert_eq!(room.to_string(), "9,812 of 10,240 characters, 6 of 10 slots");
        assert!(room.fits());
        assert_eq!(room.free_slots(), 4);
        assert_eq!(headroom(quota, []).to_string(), "0 of 10,240 characters, 0 of 10 slots");
    }

    #[test]
    fn bytes_and_slots_count_too() {
        let quota = Quotas::embedded().rcp;
        let accents = "é".repeat(3_000);
        let room = headroom(quota, [accents.as_str()]);
        assert_eq!(room.to_string(), "3,000 of 5,120 characters (6,000 bytes), 1 of 5 slots");
        assert!(!room.fits());
        let many = headroom(quota, ["{}"; 6]);
        assert!(!many.fits());
        assert_eq!(many.free_slots(), 0);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
