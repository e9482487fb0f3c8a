//! The one HTTP pool of a run against AWS, and the way to any other address.

use super::trust::{Trusting, nobody_trusted};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use std::error::Error;
use std::time::Duration;

/// An HTTP client with one pool for everything, TLS through rustls, and the proxy of `HTTPS_PROXY`, `HTTP_PROXY` and
/// `NO_PROXY`. Connect and read time-outs come from the session settings. Where this machine has no certificates of public CAs,
/// an HTTPS request fails with that as its cause before anything is sent; HTTP goes on (a sandbox, the metadata of an instance).
pub fn production_http() -> SharedHttpClient {
    SharedHttpClient::new(Trusting { with_tls: pool(true), plain: pool(false) })
}

fn pool(tls: bool) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            builder = builder.connector_settings(settings.clone());
        }
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        match tls {
            true => builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build(),
            false => builder.build_http(),
        }
    })
}

/// Posts JSON to an address that is not AWS's, through the same proxy and TLS (without a proxy where it is `http:`), and gives the
/// status of the answer. Redirects are not followed and no answer is read.
///
/// # Errors
/// Why there was no answer, in words without the address: the rest of it may be a key.
pub async fn post(url: &str, headers: &[(&'static str, String)], body: Vec<u8>, time: Duration) -> Result<u16, String> {
    let settings = HttpConnectorSettings::builder().connect_timeout(time).read_timeout(time).build();
    // In the clear it goes to this machine only, where a proxy has no business: it would read the key.
    let clear = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
    let builder = Connector::builder()
        .proxy_config(if clear { ProxyConfig::disabled() } else { ProxyConfig::from_env() })
        .connector_settings(settings)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()));
    let connector = match nobody_trusted() {
        None => builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build(),
        Some(why) if !clear => return Err(format!("no connection: {}", why.message)),
        Some(_) => builder.build_http(),
    };
    let mut request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("orgward/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let unsent = || "the request can't be made of it".to_owned();
    let request = request.body(SdkBody::from(body)).map_err(|_| unsent())?;
    let request = HttpRequest::try_from(request).map_err(|_| unsent())?;
    match tokio::time::timeout(time, connector.call(request)).await {
        Ok(Ok(answer)) => Ok(answer.status().as_u16()),
        Ok(Err(error)) if error.is_timeout() => Err(format!("no answer in {} s", time.as_secs())),
        Ok(Err(error)) => Err(root(&error, url)),
        Err(_) => Err(format!("no answer in {} s", time.as_secs())),
    }
}

/// What lies under an error, unless it repeats the address.
fn root(error: &dyn Error, url: &str) -> String {
    let mut under = error;
    while let Some(source) = under.source() {
        under = source;
    }
    let text = under.to_string();
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    match text.contains(url) || (!path.is_empty() && text.contains(path)) {
        true => "no connection".to_owned(),
        false => format!("no connection: {text}"),
    }
}
