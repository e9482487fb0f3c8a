//! Pages: a slice of a list and the token of the next one.
//!
//! Owns: what a page token looks like. Must not: know how many items a service puts on a page.

use super::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The items of the page that `token` names (the first without one), at most `size`, and the token of the next page.
///
/// # Errors
/// `code` (`InvalidInputException`, `InvalidMarker` ...) for a token that no page gave.
pub fn page<'a, T>(
    items: &'a [T],
    token: Option<&str>,
    size: usize,
    code: &str,
) -> Result<(&'a [T], Option<String>), ApiError> {
    let start = match token {
        None => 0,
        Some(token) => offset(token)
            .ok_or_else(|| ApiError::new(code, "You specified an invalid value for the token of the next page."))?,
    };
    let start = start.min(items.len());
    let end = start.saturating_add(size.max(1)).min(items.len());
    let next = (end < items.len()).then(|| token_at(end));
    Ok((items.get(start..end).unwrap_or_default(), next))
}

/// The token of the page that begins at `offset`.
pub fn token_at(offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("orgward-page-{offset}"))
}

/// The offset in a token; `None` if no page gave it.
pub fn offset(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("orgward-page-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_and_foreign_tokens_are_refused() {
        let items: Vec<u32> = (0..45).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (part, next) = page(&items, token.as_deref(), 20, "Bad").unwrap();
            seen.extend_from_slice(part);
            match next {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, items);
        let error = page(&items, Some("garbage"), 20, "Bad").unwrap_err();
        assert_eq!((error.code.as_str(), error.members.len()), ("Bad", 0));
        assert_eq!(page(&items, Some(&token_at(400)), 20, "Bad").unwrap(), (&[][..], None));
    }
}
