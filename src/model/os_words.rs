//! An error of the operating system in orgward's words.

use std::io;

/// Whether the disk, or what one may take of it, is full.
pub fn disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The system's words without its error number, and what to do: `no such file or directory; check the path`.
pub fn os_words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let lower: String = letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_else(|| "unknown".to_owned());
    let fix = match error.kind() {
        _ if disk_full(error) => "; free space there and run again",
        io::ErrorKind::PermissionDenied => "; check who owns it, or name another place",
        io::ErrorKind::ReadOnlyFilesystem => "; name another place",
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::IsADirectory => "; name a file in it",
        _ => "",
    };
    format!("{lower}{fix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_goes_and_the_fix_comes() {
        let missing = io::Error::from_raw_os_error(2);
        assert!(missing.to_string().contains("os error"), "{missing}");
        assert_eq!(os_words(&missing), "no such file or directory; check the path");
        let own = io::Error::new(io::ErrorKind::InvalidData, "It is larger than 4 bytes");
        assert_eq!((os_words(&own), disk_full(&own)), ("it is larger than 4 bytes".to_owned(), false));
        assert!(disk_full(&io::Error::from_raw_os_error(28)));
    }
}
