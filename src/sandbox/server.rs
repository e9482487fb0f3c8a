//! The sandbox over HTTP/1.1, for the AWS CLI, boto3 and the real binary.
//!
//! Owns: connections. Must not: add latency; the network has its own.

use super::Sandbox;
use super::dispatch::{Incoming, Reply, handle};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming as Body};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// No AWS request that orgward sends is larger.
const LARGEST_BODY: usize = 2 * 1024 * 1024;

/// Accepts connections until `stop` is cancelled; those open are cut then.
pub(super) async fn serve(sandbox: Sandbox, listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, or a peer gone before it was accepted: the listener itself still stands.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        let (sandbox, stop) = (sandbox.clone(), stop.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| respond(sandbox.clone(), request));
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = stop.cancelled() => {}
                // A connection that breaks is the client's business.
                _ = connection => {}
            }
        });
    }
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// # Errors
/// To break the connection.
async fn respond(sandbox: Sandbox, request: http::Request<Body>) -> Result<http::Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        authorization: header("authorization"),
        token: header("x-amz-security-token"),
        target: header("x-amz-target"),
        content_type: header("content-type"),
        bucket_owner: header("x-amz-expected-bucket-owner"),
        body: &body,
    };
    let (delay, reply) = handle(&sandbox, &incoming);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match reply {
        Reply::Hang => std::future::pending().await,
        Reply::Drop => Err(io::Error::other("the sandbox breaks the connection")),
        Reply::Answer(answer) => {
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(name, value);
            }
            response.body(Full::new(Bytes::from(answer.body))).map_err(io::Error::other)
        }
    }
}
