//! The sandbox in a process of its own: what is measured is orgward, and not the organization it looks at.
//!
//! Owns: the pipe between both, and virtual time on its other side. Must not: measure, or read what is carried.
//!
//! A request is written and its answer awaited without giving the thread away: to a runtime whose time is paused, waiting
//! for another process would look like having nothing to do, and its clock would run on. So each request carries the time.

use crate::job::{self, Job, Limits};
use crate::machine;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use orgward::sandbox::{Fault, FaultKind, Sandbox, Scenario};
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What every sandbox here is made from.
const SEED: u64 = 11;
/// Asks how it stands, in place of a method.
const TELL: &[u8] = b"tell";

/// What the sandbox says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// The key of the operator in the management account.
    pub credentials: (String, String),
    /// Requests that reached it, and those that it throttled.
    pub requests: u64,
    pub throttled: u64,
    /// The busiest bucket of the groups that need the longest: name, requests, seconds.
    pub buckets: Vec<(String, u64, f64)>,
    /// The most memory it ever had, in MiB.
    pub peak: f64,
}

/// Serves the organization of a job on standard input and output until the input ends.
///
/// # Errors
/// If the pipe breaks in the middle of a request.
pub fn serve(job: &Job) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let text = |error: io::Error| format!("the sandbox's process stops: {error}");
    let (from, to) = (io::stdin().lock(), io::stdout().lock());
    runtime.map_err(text)?.block_on(answers(&sandbox(job), BufReader::new(from), BufWriter::new(to))).map_err(text)
}

/// The organization of a job, which counts and keeps nothing else. The way to it takes its time on this side of the pipe.
fn sandbox(job: &Job) -> Sandbox {
    let scenario = Scenario::sized(job.accounts, SEED).with_population(job.population());
    let sandbox = Sandbox::with_latency(scenario, Duration::ZERO);
    sandbox.only_count();
    if job.limits == Limits::HiddenIam {
        sandbox.faults().add(Fault::new(FaultKind::Limit { rate: 5.0, burst: 5 }).service("iam"));
    }
    sandbox
}

async fn answers(sandbox: &Sandbox, mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let start = Instant::now();
    while let Some(message) = receive(&mut from)? {
        let answer = match message.as_slice() {
            [tell] if tell == TELL => vec![serde_json::to_vec(&told(sandbox))?],
            [elapsed, method, uri, body, headers @ ..] => {
                let then = Duration::from_nanos(u64::from_le_bytes(exactly(elapsed)?));
                tokio::time::advance(then.saturating_sub(start.elapsed())).await;
                let mut request = HttpRequest::new(SdkBody::from(body.clone()));
                request.set_method(text(method)?).map_err(io::Error::other)?;
                request.set_uri(text(uri)?).map_err(io::Error::other)?;
                for (name, value) in pairs(headers) {
                    let (name, value) = (text(name)?.to_owned(), text(value)?.to_owned());
                    request.headers_mut().try_append(name, value).map_err(io::Error::other)?;
                }
                let response = sandbox.answer(request).await.map_err(io::Error::other)?;
                let headers = response.headers().iter().flat_map(|(name, value)| [name, value]);
                let mut answer = vec![response.status().as_u16().to_le_bytes().to_vec()];
                answer.push(response.body().bytes().unwrap_or_default().to_vec());
                answer.extend(headers.map(|text| text.as_bytes().to_vec()));
                answer
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        send(&mut to, answer.iter().map(Vec::as_slice))?;
    }
    Ok(())
}

fn told(sandbox: &Sandbox) -> Told {
    let tally = sandbox.tally();
    let buckets = sandbox.loads().into_iter().take(3).map(|load| {
        let whose = if load.management { "management" } else { "a member" };
        (format!("{} {} ({whose})", load.service, load.group), load.requests, load.seconds())
    });
    Told {
        credentials: sandbox.credentials(),
        requests: tally.requests,
        throttled: tally.throttled,
        buckets: buckets.collect(),
        peak: machine::peak(),
    }
}

/// A sandbox in another process, as an HTTP client.
#[derive(Debug, Clone)]
pub struct Far(Arc<Other>);

#[derive(Debug)]
struct Other {
    pipe: Mutex<Pipe>,
    /// Of virtual time.
    start: Instant,
}

#[derive(Debug)]
struct Pipe {
    to: Option<BufWriter<ChildStdin>>,
    from: BufReader<ChildStdout>,
    child: Child,
}

impl Far {
    /// Starts it. Its time is that of the runtime this is called in.
    ///
    /// # Errors
    /// If the bench can't run itself.
    pub fn start(job: &Job) -> Result<Self, String> {
        let text = |error: io::Error| format!("the sandbox's process can't be started: {error}");
        let mut command = Command::new(std::env::current_exe().map_err(text)?);
        let command = command.args(job::Child::Asked(*job).arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(text)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the sandbox's process has no pipes".to_owned());
        };
        let pipe = Pipe { to: Some(BufWriter::new(to)), from: BufReader::new(from), child };
        Ok(Self(Arc::new(Other { pipe: Mutex::new(pipe), start: Instant::now() })))
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// If it is gone.
    pub fn tell(&self) -> Result<Told, String> {
        let answer = self.0.ask([TELL].into_iter());
        let text = |error: &dyn std::fmt::Display| format!("the sandbox's process does not answer: {error}");
        serde_json::from_slice(&answer.map_err(|error| text(&error))?.concat()).map_err(|error| text(&error))
    }
}

impl Other {
    fn ask<'m>(&self, message: impl Iterator<Item = &'m [u8]>) -> io::Result<Vec<Vec<u8>>> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let Pipe { to: Some(to), from, .. } = &mut *pipe else { return Err(io::ErrorKind::BrokenPipe.into()) };
        send(to, message)?;
        receive(from)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn carry(&self, request: &HttpRequest) -> io::Result<HttpResponse> {
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).map_err(io::Error::other)?.to_le_bytes();
        let body = request.body().bytes().ok_or(io::ErrorKind::Unsupported)?;
        let first = [elapsed.as_slice(), request.method().as_bytes(), request.uri().as_bytes(), body];
        let headers = request.headers().iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let answer = self.ask(first.into_iter().chain(headers))?;
        let [status, body, headers @ ..] = answer.as_slice() else { return Err(io::ErrorKind::InvalidData.into()) };
        let status = StatusCode::try_from(u16::from_le_bytes(exactly(status)?)).map_err(io::Error::other)?;
        let mut response = HttpResponse::new(status, SdkBody::from(body.as_slice()));
        for (name, value) in pairs(headers) {
            let (name, value) = (text(name)?.to_owned(), text(value)?.to_owned());
            response.headers_mut().try_append(name, value).map_err(io::Error::other)?;
        }
        Ok(response)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let pipe = self.pipe.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The end of its input ends it.
        pipe.to = None;
        let _ = pipe.child.wait();
    }
}

impl HttpClient for Far {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Far {
    /// Half the latency on the way in, half on the way out.
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let other = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(Sandbox::LATENCY / 2).await;
            let answer = other.carry(&request);
            drop(request);
            tokio::time::sleep(Sandbox::LATENCY / 2).await;
            answer.map_err(|error| ConnectorError::io(error.into()))
        })
    }
}

/// Writes a message: how many parts, then each with its length before it.
fn send<'m>(to: &mut impl Write, message: impl Iterator<Item = &'m [u8]>) -> io::Result<()> {
    let parts: Vec<&[u8]> = message.collect();
    let number = |length: usize| u32::try_from(length).map(u32::to_le_bytes).map_err(io::Error::other);
    to.write_all(&number(parts.len())?)?;
    for part in parts {
        to.write_all(&number(part.len())?)?;
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads a message; `None` where they end.
fn receive(from: &mut impl Read) -> io::Result<Option<Vec<Vec<u8>>>> {
    let mut number = [0; 4];
    match from.read_exact(&mut number) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let parts = u32::from_le_bytes(number);
    let part = |_| {
        from.read_exact(&mut number)?;
        let mut part = vec![0; u32::from_le_bytes(number) as usize];
        from.read_exact(&mut part)?;
        Ok(part)
    };
    (0..parts).map(part).collect::<io::Result<_>>().map(Some)
}

fn exactly<const N: usize>(bytes: &[u8]) -> io::Result<[u8; N]> {
    bytes.try_into().map_err(io::Error::other)
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(io::Error::other)
}

fn pairs(headers: &[Vec<u8>]) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers
        .chunks_exact(2)
        .filter_map(|pair| if let [name, value] = pair { Some((name.as_slice(), value.as_slice())) } else { None })
}
