//! Signatures: minisign's, so that `minisign -Vm manifest.json -p KEY.pub` needs nothing of ours.
//!
//! Owns: reading keys, signing a manifest, and verifying with a crate that can't sign. Must not: show a secret key or a
//! password in an error, or keep either longer than it takes.

use crate::evidence::parts;
use jiff::Timestamp;
use minisign::{SecretKey, SecretKeyBox};
use minisign_verify::Signature;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;

/// Why a key can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no secret key of minisign's.
    #[error("it is no secret key of minisign: make one with `minisign -G`")]
    NotSecret,
    /// It is no public key of minisign's.
    #[error("it is no public key of minisign: it is the second line of the `.pub` file and begins with `RW`")]
    NotPublic,
    /// The password is wrong, or the key damaged.
    #[error("the password does not open the key, or the key is damaged")]
    Password,
    /// There is a password, and none was given.
    #[error("the key is encrypted: give its password in ORGWARD_SIGNING_PASSWORD or with --password-file")]
    NoPassword,
    /// Signing failed.
    #[error("it does not sign: it is damaged, or the machine has no randomness")]
    Failed,
}

/// A key that signs.
pub struct SigningKey(SecretKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The crate's own shows the key.
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads a secret key as `minisign -G` writes it; `password` is asked for where it is encrypted.
    ///
    /// # Errors
    /// If it is none, or the password does not open it; or as `password` fails.
    pub fn read<E: From<KeyError>>(
        text: &SecretString,
        password: impl FnOnce() -> Result<SecretString, E>,
    ) -> Result<Self, E> {
        let bytes = bytes(text.expose_secret()).ok_or(KeyError::NotSecret)?;
        let key = match bytes.get(2..4) {
            // minisign leaves the checksum of a key without a password empty, and the crate misses it.
            Some([0, 0]) => SecretKey::from_bytes(&bytes).map_err(|_| KeyError::NotSecret)?,
            Some(b"Sc") => {
                let boxed = SecretKeyBox::from_string(text.expose_secret()).map_err(|_| KeyError::NotSecret)?;
                let opened = boxed.into_secret_key(Some(password()?.expose_secret().to_owned()));
                opened.map_err(|_| KeyError::Password)?
            }
            _ => return Err(KeyError::NotSecret.into()),
        };
        Ok(Self(key))
    }

    /// Signs a manifest; the trusted comment names the run and the moment.
    ///
    /// # Errors
    /// If the key is damaged, or the machine has no randomness.
    pub(super) fn sign(&self, manifest: &[u8], run: &str, now: Timestamp) -> Result<String, KeyError> {
        let trusted = format!("timestamp:{}\tfile:{}\thashed\trun:{run}", now.as_second(), parts::MANIFEST);
        let untrusted = "signature of an orgward evidence bundle's manifest";
        let signed = minisign::sign(None, &self.0, manifest, Some(&trusted), Some(untrusted));
        let signature = signed.map(|signed| signed.into_string()).map_err(|_| KeyError::Failed)?;
        // A damaged key makes signatures that nobody can verify.
        let public = minisign::PublicKey::from_secret_key(&self.0).map_err(|_| KeyError::Failed)?;
        let holds = PublicKey::read(&public.to_base64())?.verify(manifest, &signature);
        holds.map_err(|_| KeyError::Failed)?;
        Ok(signature)
    }
}

/// The bytes of a secret key of minisign: `Ed`, how its password is used, `B2`, and 152 more.
fn bytes(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let line = text.lines().nth(1)?.trim();
    let bytes = base64::engine::general_purpose::STANDARD.decode(line).ok()?;
    let form = bytes.len() == 158 && bytes.starts_with(b"Ed") && bytes.get(4..6) == Some(b"B2");
    form.then_some(bytes)
}

/// A key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(minisign_verify::PublicKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

impl PublicKey {
    /// Reads a public key: the whole of a `.pub` file, or its second line alone.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        minisign_verify::PublicKey::from_base64(line).map(Self).map_err(|_| KeyError::NotPublic)
    }

    /// Verifies the signature of a manifest and gives its trusted comment.
    ///
    /// # Errors
    /// Why it does not hold, in words.
    pub(super) fn verify(&self, manifest: &[u8], signature: &str) -> Result<String, String> {
        let read = Signature::decode(signature).map_err(|_| "it is no signature of minisign".to_owned())?;
        // Not the old form: it reads the whole file into the signature, and minisign has not written it for years.
        self.0.verify(manifest, &read, false).map_err(|error| match error {
            minisign_verify::Error::UnexpectedKeyId => "it was made with another key".to_owned(),
            _ => "the manifest or the signature was changed".to_owned(),
        })?;
        Ok(read.trusted_comment().to_owned())
    }
}

/// The run that a trusted comment names.
pub(super) fn run_of(trusted: &str) -> Option<&str> {
    trusted.split('\t').find_map(|field| field.strip_prefix("run:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (SigningKey, PublicKey) {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let text = pair.sk.to_box(None).unwrap().into_string();
        let key = SigningKey::read::<KeyError>(&SecretString::from(text), || Err(KeyError::NoPassword)).unwrap();
        (key, PublicKey::read(&pair.pk.to_box().unwrap().into_string()).unwrap())
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_and_the_key_that_signed() {
        let (key, public) = pair();
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let signature = key.sign(b"manifest", "20260718T100000Z-4000", now).unwrap();
        let trusted = public.verify(b"manifest", &signature).unwrap();
        assert_eq!(run_of(&trusted), Some("20260718T100000Z-4000"));
        assert!(trusted.starts_with("timestamp:1795341600\t"), "{trusted}");
        assert!(public.verify(b"manifesto", &signature).unwrap_err().contains("was changed"));
        let other_run = signature.replace("4000", "4001");
        assert!(public.verify(b"manifest", &other_run).unwrap_err().contains("was changed"));
        let (_, other) = pair();
        assert!(other.verify(b"manifest", &signature).unwrap_err().contains("another key"));
        for no in ["", "\n\n\n\n", "untrusted comment: x\nAAAA\ntrusted comment: y\nAAAA\n"] {
            assert!(public.verify(b"manifest", no).unwrap_err().contains("no signature"), "{no}");
        }
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none_and_shows_nothing() {
        let no = |text: &str| {
            SigningKey::read::<KeyError>(&SecretString::from(text.to_owned()), || Err(KeyError::NoPassword))
                .unwrap_err()
        };
        for text in ["", "hunter2", "untrusted comment: x\nRWQhunter2\n", "a\nb\nc"] {
            assert_eq!(no(text), KeyError::NotSecret, "{text}");
        }
        for text in ["", "RW", "untrusted comment: minisign public key\n", "RWQ!!"] {
            assert_eq!(PublicKey::read(text).unwrap_err(), KeyError::NotPublic, "{text}");
        }
        let (key, _) = pair();
        assert_eq!(format!("{key:?}"), "SigningKey");
    }

    #[test]
    fn a_damaged_key_signs_nothing() {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        let mut bytes = pair.sk.to_bytes();
        let signs = |bytes: &[u8]| {
            use base64::Engine as _;
            let line = base64::engine::general_purpose::STANDARD.encode(bytes);
            let text = SecretString::from(format!("untrusted comment: x\n{line}\n"));
            let key = SigningKey::read::<KeyError>(&text, || Err(KeyError::NoPassword)).unwrap();
            key.sign(b"manifest", "run", Timestamp::UNIX_EPOCH)
        };
        assert!(signs(&bytes).is_ok());
        // As minisign writes it: without a checksum.
        bytes[126..].fill(0);
        assert!(signs(&bytes).is_ok());
        bytes[70] ^= 1;
        assert_eq!(signs(&bytes), Err(KeyError::Failed));
    }

    /// A key that a password opens in no time: minisign's own takes a GiB.
    #[test]
    fn an_encrypted_key_is_opened_by_its_password_alone() {
        let text = SecretString::from(include_str!("../../tests/evidence/test-only.key").to_owned());
        let read = |password: &str| {
            SigningKey::read::<KeyError>(&text, || Ok(SecretString::from(password.to_owned()))).map(drop)
        };
        assert_eq!(read("correct horse"), Ok(()));
        assert_eq!(read("wrong"), Err(KeyError::Password));
        let asked = SigningKey::read::<KeyError>(&text, || Err(KeyError::NoPassword)).unwrap_err();
        assert_eq!(asked, KeyError::NoPassword);
    }
}
