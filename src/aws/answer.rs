//! What an HTTP answer is: its AWS error code in any of the wire formats, and whether it is AWS's at all.
//!
//! Pure. It looks only for the code; the SDK does the parsing.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// The body format of a service's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// awsJson and restJson.
    Json,
    /// The query protocol.
    Xml,
    /// S3's restXml.
    RestXml,
    /// RPC v2 CBOR.
    Cbor,
}

/// Codes with which AWS says "slower". `LimitExceededException` is one only with status 429, as Security Hub sends it: else it
/// may be a quota that no waiting cures.
///
/// Source: the SDKs' common list of throttling errors.
const THROTTLES: [&str; 13] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// Whether an error code means "slower".
pub(super) fn is_throttle_code(code: &str) -> bool {
    THROTTLES.contains(&code)
}

/// Whether an answer means "slower".
pub(super) fn is_throttle(status: u16, code: Option<&str>) -> bool {
    match code {
        Some("LimitExceededException") | None => status == 429,
        Some(code) => is_throttle_code(code),
    }
}

/// The AWS error code of an answer whose body is in memory; `None` for a success or if it has none.
pub(super) fn error_code(response: &HttpResponse) -> Option<String> {
    if response.status().is_success() {
        return None;
    }
    let headers = response.headers();
    let body = response.body().bytes().unwrap_or_default();
    // The body's code is preferred to `x-amzn-query-error`, which repeats it in another form.
    headers
        .get("x-amzn-errortype")
        .and_then(short)
        .or_else(|| json_code(body))
        .or_else(|| xml_code(body))
        .or_else(|| cbor_code(body))
        .or_else(|| headers.get("x-amzn-query-error").and_then(short))
}

/// `prefix#Code:uri` or `Code;Sender` without what surrounds the code; `None` if that is not a plausible code.
fn short(raw: &str) -> Option<String> {
    let code = raw.rsplit_once('#').map_or(raw, |(_, code)| code);
    let code = code.split([':', ';']).next().unwrap_or_default().trim();
    let plausible = !code.is_empty()
        && code.len() <= 128
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    plausible.then(|| code.to_owned())
}

fn json_code(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = value.get("__type").or_else(|| value.get("code")).or_else(|| value.get("Code"))?;
    short(code.as_str()?)
}

fn xml_code(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, error) = text.split_once("<Error>")?;
    let (_, rest) = error.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    short(code)
}

/// The text after the key `__type` of a CBOR map.
fn cbor_code(body: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\x66__type";
    let at = body.windows(KEY.len()).position(|window| window == KEY)?;
    let rest = body.get(at.checked_add(KEY.len())?..)?;
    let (length, text) = match rest {
        [head @ 0x60..=0x77, text @ ..] => (usize::from(head - 0x60), text),
        [0x78, length, text @ ..] => (usize::from(*length), text),
        [0x79, high, low, text @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), text),
        _ => return None,
    };
    short(std::str::from_utf8(text.get(..length)?).ok()?)
}

/// Why an answer without an error code can't be AWS's, if it can't: a proxy's page must not be taken for an empty success.
///
/// The body decides, not the content type: a page can claim to be anything, and emulators send JSON as `text/html`.
pub(super) fn foreign(response: &HttpResponse, format: Format) -> Option<String> {
    let body = response.body().bytes().unwrap_or_default();
    if looks_like_html(body) {
        return Some(format!("HTTP {} with an HTML page", response.status().as_u16()));
    }
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace()).copied();
    let plausible = match (format, first) {
        (_, None) => true,
        (Format::Json, Some(first)) => first == b'{',
        (Format::RestXml, Some(_)) => root_element(body).is_some_and(|name| S3_ROOTS.contains(&name)),
        (Format::Xml, Some(_)) => root_element(body).is_some_and(|name| name.ends_with("Response")),
        (Format::Cbor, Some(_)) => body.first().is_some_and(|first| (0xa0..=0xbf).contains(first)),
    };
    (!plausible).then(|| format!("HTTP {} with a body that is not {format:?}", response.status().as_u16()))
}

/// The root elements of what orgward asks S3. Source: Amazon S3 API reference, `ListBuckets`, `GetBucketAcl`,
/// `GetBucketPolicyStatus`, `GetBucketLogging`.
const S3_ROOTS: [&str; 4] = ["ListAllMyBucketsResult", "AccessControlPolicy", "PolicyStatus", "BucketLoggingStatus"];

/// The name of an XML body's root element; the query protocol's always ends in `Response`.
fn root_element(body: &[u8]) -> Option<&str> {
    let start = body.get(..body.len().min(512)).unwrap_or_default();
    // A cut through a character at the end does not matter for what stands before it.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>")?.1.trim_start(),
        None => text,
    };
    text.strip_prefix('<')?.split([' ', '>', '/', '\t', '\r', '\n']).next()
}

/// Whether a body is an HTML page.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let start: String = body.iter().take(512).map(|&byte| char::from(byte.to_ascii_lowercase())).collect();
    let start = start.trim_start_matches(|c: char| c.is_whitespace() || !c.is_ascii());
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use proptest::prelude::*;

    fn answer(status: u16, body: &[u8]) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_vec()))
    }

    #[test]
    fn codes_are_read_from_every_wire_format() {
        let mut cbor = vec![0xbf];
        cbor.extend(b"\x66__type\x78\x21");
        cbor.extend(b"com.amazonaws.x#ThrottlingExceptio");
        let cbor = cbor.into_iter().take(4096).collect::<Vec<u8>>();
        for (body, want) in [
            (&br#"{"__type":"com.amazonaws.organizations#TooManyRequestsException","Message":"x"}"#[..], "TooManyRequestsException"),
            (br#"{"__type":"AccessDeniedException","message":"Throttling"}"#, "AccessDeniedException"),
            (br#"{"code":"ThrottlingException"}"#, "ThrottlingException"),
            (b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate</Message></Error></ErrorResponse>", "Throttling"),
            (&cbor, "ThrottlingExcepti"),
            (b"\xa1\x66__type\x68SlowDown", "SlowDown"),
        ] {
            assert_eq!(error_code(&answer(400, body)).as_deref(), Some(want));
        }
        let mut headed = answer(400, b"");
        headed.headers_mut().insert("x-amzn-errortype", "ThrottlingException:http://internal.amazon.com/coral/");
        assert_eq!(error_code(&headed).as_deref(), Some("ThrottlingException"));
        assert_eq!(error_code(&answer(200, br#"{"__type":"X"}"#)), None);
        assert_eq!(error_code(&answer(502, b"<html><Error><Code>a b</Code></Error>")), None);
    }

    #[test]
    fn a_quota_is_not_a_throttle() {
        assert!(is_throttle(400, Some("Throttling")));
        assert!(is_throttle(429, None));
        assert!(!is_throttle(400, Some("LimitExceededException")));
        assert!(is_throttle(429, Some("LimitExceededException")) && is_throttle(503, Some("SlowDown")));
        assert!(!is_throttle(503, None));
    }

    #[test]
    fn pages_and_garbage_are_not_aws() {
        assert!(foreign(&answer(200, b"  <!DOCTYPE HTML><html>"), Format::Xml).is_some());
        assert!(foreign(&answer(200, b"\xef\xbb\xbf<html>"), Format::Json).is_some());
        assert!(foreign(&answer(200, b"\x00\x01 garbage"), Format::Json).is_some());
        assert!(foreign(&answer(200, b"garbage"), Format::Xml).is_some());
        assert!(foreign(&answer(200, b"{}"), Format::Cbor).is_some());
        assert!(foreign(&answer(200, b"<!-- login --><html>"), Format::Xml).is_some());
        assert!(foreign(&answer(200, b"<portal/>"), Format::Xml).is_some());
        assert_eq!(foreign(&answer(200, b"<?xml version='1.0'?>\n<XResponse xmlns='y'>"), Format::Xml), None);
        assert_eq!(foreign(&answer(200, b"{}"), Format::Json), None);
        assert_eq!(foreign(&answer(200, b""), Format::Json), None);
        assert_eq!(foreign(&answer(200, b"<GetCallerIdentityResponse/>"), Format::Xml), None);
        assert_eq!(foreign(&answer(200, b"\xbf\xff"), Format::Cbor), None);
        assert_eq!(foreign(&answer(200, b"<AccessControlPolicy xmlns=\"y\"><Owner/>"), Format::RestXml), None);
        assert!(foreign(&answer(200, b"<ErrorResponse/>"), Format::RestXml).is_some());
        assert!(foreign(&answer(200, b"<AccessControlPolicy/>"), Format::Xml).is_some());
    }

    proptest! {
        #[test]
        fn any_body_is_survived(body in proptest::collection::vec(any::<u8>(), 0..200), status in 100u16..600) {
            let answer = answer(status, &body);
            if let Some(code) = error_code(&answer) {
                prop_assert!(code.is_ascii() && code.len() <= 128);
            }
            foreign(&answer, Format::Cbor);
        }
    }
}
