//! Secrets from a value or a file. They never reach a message: errors name the file, not what is in it.

use crate::model::os_words;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// Why a secret can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error("the ExternalId file `{path}` can't be read: {}", os_words(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds nothing.
    #[error("the ExternalId file `{path}` is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Both were given.
    #[error("both an ExternalId and a file for it (`{path}`) are given, keep one")]
    Both {
        /// The file.
        path: PathBuf,
    },
}

/// The secret from its text or from the first line of its file.
///
/// # Errors
/// If both are given, or the file can't be read or is empty.
pub fn secret(text: Option<SecretString>, file: Option<&Path>) -> Result<Option<SecretString>, SecretError> {
    match (text, file) {
        (Some(_), Some(path)) => Err(SecretError::Both { path: path.to_owned() }),
        (Some(text), None) => Ok(Some(text)),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let content = std::fs::read_to_string(path)
                .map_err(|source| SecretError::Unreadable { path: path.to_owned(), source })?;
            match content.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
                Some(line) => Ok(Some(SecretString::from(line.to_owned()))),
                None => Err(SecretError::Empty { path: path.to_owned() }),
            }
        }
    }
}
