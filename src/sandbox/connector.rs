//! The sandbox as an HTTP client of the AWS SDK: no socket, latency by tokio's clock.
//!
//! Owns: carrying requests in and replies out in-process. Must not: retry or read an answer.

use super::Sandbox;
use super::dispatch::{Incoming, Reply, handle};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use std::time::Duration;

/// A client whose every request goes to the sandbox.
pub(super) fn http_client(sandbox: Sandbox) -> SharedHttpClient {
    SharedHttpClient::new(InProcess { sandbox })
}

#[derive(Debug)]
struct InProcess {
    sandbox: Sandbox,
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connector = Connector { sandbox: self.sandbox.clone(), read_timeout: settings.read_timeout() };
        SharedHttpConnector::new(connector)
    }
}

#[derive(Debug)]
struct Connector {
    sandbox: Sandbox,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = self.sandbox.clone();
        let limit = self.read_timeout;
        HttpConnectorFuture::new(async move {
            let answer = answer(&sandbox, request);
            match limit {
                None => answer.await,
                Some(limit) => match tokio::time::timeout(limit, answer).await {
                    Ok(answer) => answer,
                    Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
                },
            }
        })
    }
}

/// Half the latency on the way in, half on the way out.
pub(super) async fn answer(sandbox: &Sandbox, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let way = sandbox.inner.latency / 2;
    let method = request.method().to_owned();
    let (path, query) = target_of(request.uri());
    let parts = request.into_parts();
    let body = parts.body.collect().await.map_err(ConnectorError::io)?.to_bytes();
    if !way.is_zero() {
        tokio::time::sleep(way).await;
    }
    let incoming = Incoming {
        method: &method,
        path: &path,
        query: &query,
        authorization: parts.headers.get("authorization"),
        token: parts.headers.get("x-amz-security-token"),
        target: parts.headers.get("x-amz-target"),
        content_type: parts.headers.get("content-type"),
        bucket_owner: parts.headers.get("x-amz-expected-bucket-owner"),
        body: &body,
    };
    let (delay, reply) = handle(sandbox, &incoming);
    if !(way + delay).is_zero() {
        tokio::time::sleep(way + delay).await;
    }
    match reply {
        Reply::Hang => std::future::pending().await,
        Reply::Drop => Err(ConnectorError::io("connection reset by the sandbox".into())),
        Reply::Answer(answer) => {
            let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::user(error.into()))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            for (name, value) in answer.headers {
                response.headers_mut().try_append(name, value).map_err(|error| ConnectorError::user(error.into()))?;
            }
            Ok(response)
        }
    }
}

/// Path and query of a URI.
fn target_of(uri: &str) -> (String, String) {
    let parsed = uri.parse::<http::Uri>();
    parsed.map_or_else(
        |_| ("/".to_owned(), String::new()),
        |uri| (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned()),
    )
}
