//! Whom TLS trusts: the certificates of public CAs that this machine has, or none at all.
//!
//! Owns: telling that there are none before anything is sent. Must not: choose other certificates than the SDK does, which
//! reads the same ones once more: SSL_CERT_FILE and SSL_CERT_DIR, else where the system keeps them.

use crate::model::observed::{Cause, CauseKind};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::path::Path;
use std::sync::LazyLock;

/// What a cause names instead of an operation.
const OPERATION: &str = "TLS";

/// Why nobody could be trusted; `None`: somebody is. Read once.
static NOBODY: LazyLock<Option<Cause>> = LazyLock::new(|| {
    let found = rustls_native_certs::load_native_certs();
    let listed = found.certs.len();
    let (usable, _) = rustls::RootCertStore::empty().add_parsable_certificates(found.certs);
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(|name| Some((name, named(name)?)));
    let named: Vec<String> =
        named.map(|(name, value)| format!("{name} names `{}`", Path::new(&value).display())).collect();
    (usable == 0).then(|| nobody(&named, listed))
});

/// The cause in words.
fn nobody(named: &[String], listed: usize) -> Cause {
    let whence = match named {
        [] => "on this machine".to_owned(),
        named => format!("where the environment looks for them ({})", named.join(", ")),
    };
    let what = match listed {
        0 => "there are no certificates of public CAs",
        _ => "no certificate of a public CA can be used",
    };
    let message = super::errors::clean(&format!("{what} {whence}, so no HTTPS answer can be trusted"));
    Cause::new(CauseKind::NoCertificates, OPERATION, message)
}

/// Why no HTTPS request could be sent; `None`: it could.
pub(super) fn nobody_trusted() -> Option<Cause> {
    NOBODY.clone()
}

/// `with_tls`; where nobody can be trusted, `plain` for HTTP, and for HTTPS nothing but the reason.
#[derive(Debug)]
pub(super) struct Trusting {
    pub(super) with_tls: SharedHttpClient,
    pub(super) plain: SharedHttpClient,
}

impl HttpClient for Trusting {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        match nobody_trusted() {
            None => self.with_tls.http_connector(settings, components),
            Some(why) => {
                let plain = self.plain.http_connector(settings, components);
                SharedHttpConnector::new(PlainOnly { plain, why })
            }
        }
    }
}

/// HTTP, and a reason why not HTTPS.
#[derive(Debug)]
struct PlainOnly {
    plain: SharedHttpConnector,
    why: Cause,
}

impl HttpConnector for PlainOnly {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().starts_with("https:") {
            return HttpConnectorFuture::ready(Err(ConnectorError::other(self.why.clone().into(), None)));
        }
        self.plain.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_names_where_they_were_looked_for() {
        let said = nobody(&[], 0);
        assert_eq!(said.kind, CauseKind::NoCertificates);
        assert_eq!(
            said.to_string(),
            "TLS: there are no certificates of public CAs on this machine, so no HTTPS answer can be trusted"
        );
        let said = nobody(&["SSL_CERT_FILE names `/etc/\u{1b}[2Jx`".to_owned()], 3).to_string();
        assert!(
            said.starts_with("TLS: no certificate of a public CA can be used where the environment looks"),
            "{said}"
        );
        assert!(said.contains("(SSL_CERT_FILE names `/etc/ [2Jx`)"), "{said}");
    }
}
