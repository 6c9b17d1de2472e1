//! Client of the control socket: one connection per request.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as Stream;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

pub use body::BodyChunks;
use body::lines;

use super::frame::{FRAMES, LineFormat, NDJSON};
use super::routes::other_version;
use super::wire::{
    CheckResponse, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, SearchProgress, SearchQuery, SeekQuery, SeekResponse, ShutdownRequest,
    SliceQuery, SliceResponse, StateQuery, StateUpdate, WhyResponse,
};
use super::{
    Control, ControlError, ControlErrorKind, Measure, PROTOCOL, PROTOCOL_HEADER, ResponseStream,
    VERSION_HEADER,
};

mod body;

/// How a connection is made.
type Connect = dyn Fn() -> io::Result<Stream> + Send + Sync;
/// Called when a stream stops because the other side is suspended, and with `None` when it goes on.
type ReportSuspension = dyn Fn(Option<ControlError>) + Send + Sync;

/// So long an answer may take before it is looked whether anybody can give one, and then again.
const SILENCE: Duration = Duration::from_millis(700);

/// A project that runs in another process. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    connect: Arc<Connect>,
    who_is_suspended: fn(&OwnedFd) -> Option<u32>,
    report_suspension: Arc<ReportSuspension>,
    project: Arc<str>,
}

impl Client {
    /// The project of this name, reached over what `connect` gives.
    pub fn new(
        project: &str,
        connect: impl Fn() -> io::Result<Stream> + Send + Sync + 'static,
    ) -> Self {
        Self {
            connect: Arc::new(connect),
            who_is_suspended: |_| None,
            report_suspension: Arc::new(|_| ()),
            project: project.into(),
        }
    }

    /// With a way to learn which process of the other side is stopped, if one is, so that a question
    /// is not waited for that nobody will answer.
    #[must_use]
    pub fn noticing(self, who_is_suspended: fn(&OwnedFd) -> Option<u32>) -> Self {
        Self { who_is_suspended, ..self }
    }

    /// Sets a callback for the streams of this client: it is called with the error if the other side is
    /// suspended while a stream waits for it, and with `None` when it continues.
    #[must_use]
    pub fn reporting(self, report: impl Fn(Option<ControlError>) + Send + Sync + 'static) -> Self {
        Self { report_suspension: Arc::new(report), ..self }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ControlError> {
        let response = self.request(method, path, body).await?;
        let bytes = response.collect().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("the answer makes no sense: {error}")))
    }

    /// The same as [`Control::output`] as it comes over the socket: JSON lines, or what
    /// [`Frames`](super::FrameReader) reads, which is several times cheaper.
    pub async fn raw_output(
        &self,
        asked: &OutputQuery,
        form: LineFormat,
    ) -> Result<BodyChunks, ControlError> {
        let kind = if form == LineFormat::Frames { FRAMES } else { NDJSON };
        let path = format!("/v1/output?{}", query(asked)?);
        self.request_as(Method::GET, &path, &(), kind).await
    }

    async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), ControlError> {
        self.request(Method::POST, path, body).await.map(drop)
    }

    /// Sends a request; a problem that is answered is the error.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<BodyChunks, ControlError> {
        self.request_as(method, path, body, "*/*").await
    }

    /// The same, answered in this form.
    async fn request_as(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        form: &str,
    ) -> Result<BodyChunks, ControlError> {
        let stream = (self.connect)().map_err(|error| self.not_reached(&error))?;
        let peer = stream.as_fd().try_clone_to_owned().ok();
        let answer = self.request_over(stream, method, path, body, form);
        let response = match &peer {
            None => answer.await,
            Some(peer) => tokio::select! {
                answer = answer => answer,
                problem = self.suspended(peer) => Err(problem),
            },
        }?;
        Ok(BodyChunks::new(response.into_body(), self.clone(), peer))
    }

    /// Ends when whoever would answer has been stopped for a while.
    async fn suspended(&self, peer: &OwnedFd) -> ControlError {
        let mut stopped = 0;
        loop {
            tokio::time::sleep(SILENCE).await;
            let Some(pid) = (self.who_is_suspended)(peer) else {
                stopped = 0;
                continue;
            };
            stopped += 1;
            // The second time: one that is debugged, or on its way through a stop, goes on at once.
            if stopped > 1 {
                return suspended(&self.project, pid);
            }
        }
    }

    async fn request_over(
        &self,
        stream: Stream,
        method: Method,
        path: &str,
        body: &impl Serialize,
        form: &str,
    ) -> Result<Response<Incoming>, ControlError> {
        let stream = UnixStream::from_std(stream).map_err(|error| self.not_reached(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let body = match method {
            Method::GET => Bytes::new(),
            _ => serde_json::to_vec(body).map_err(|error| failed(error.to_string()))?.into(),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "pitcrew")
            .header("accept", form)
            .header("content-type", "application/json")
            .header(PROTOCOL_HEADER, PROTOCOL)
            .header(VERSION_HEADER, env!("CARGO_PKG_VERSION"))
            .body(Full::new(body))
            .map_err(|error| failed(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        self.check_version(&response)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes =
            response.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| unknown(status)))
    }

    /// What is told from now on, each piece one JSON object.
    async fn follow<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
    ) -> Result<ResponseStream<T>, ControlError> {
        let body = self.request(Method::GET, path, &()).await?;
        let mut pieces = lines(body, |line| match line.strip_prefix("data: ") {
            Some(data) => serde_json::from_str(data).map(Some),
            None => Ok(None),
        });
        Ok(ResponseStream::latest(|sink| async move {
            loop {
                let some = tokio::select! {
                    some = pieces.next() => some,
                    () = sink.gone() => return,
                };
                match some {
                    None => return,
                    Some(Ok(some)) => {
                        for one in some {
                            if !sink.put(Ok(one)).await {
                                return;
                            }
                        }
                    }
                    Some(Err(problem)) => {
                        sink.put(Err(problem)).await;
                        return;
                    }
                }
            }
        }))
    }

    fn not_reached(&self, error: &io::Error) -> ControlError {
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        if nobody.contains(&error.kind()) {
            let text = format!("{} is not running; `pitcrew up` starts it", self.project);
            return ControlError::new(ControlErrorKind::NotRunning, text);
        }
        failed(format!("cannot reach {}: {error}", self.project))
    }

    /// Before anything of the answer is read, as it may look different in another version.
    fn check_version(&self, response: &Response<Incoming>) -> Result<(), ControlError> {
        let header = |name| response.headers().get(name).and_then(|text| text.to_str().ok());
        if header(PROTOCOL_HEADER).and_then(|text| text.parse().ok()) == Some(PROTOCOL) {
            return Ok(());
        }
        let text = other_version(
            &format!("the running {}", self.project),
            header(VERSION_HEADER),
            "this pitcrew",
        );
        Err(ControlError::new(ControlErrorKind::Version, text))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("project", &self.project).finish_non_exhaustive()
    }
}

fn failed(text: String) -> ControlError {
    ControlError::new(ControlErrorKind::Failed, text)
}

fn suspended(project: &str, pid: u32) -> ControlError {
    let text = format!(
        "{project} is suspended: pid {pid} is stopped; `kill -CONT {pid}` continues it, `pitcrew down --kill` ends it"
    );
    ControlError::new(ControlErrorKind::Suspended, text)
}

/// The other side is gone in the middle.
fn broken(error: &hyper::Error) -> ControlError {
    if error.is_incomplete_message() {
        return ControlError::new(ControlErrorKind::Ended, "the project ended before it answered");
    }
    ControlError::new(
        ControlErrorKind::Ended,
        format!("the project ended before it answered: {error}"),
    )
}

fn unknown(status: StatusCode) -> ControlError {
    failed(format!("the running project answered with {status}"))
}

/// Events that are not kept any more.
#[derive(serde::Deserialize)]
struct MissedEvents {
    from: u64,
    to: u64,
}

/// Encodes the fields that are set as the query string of an address.
fn query(fields: &impl Serialize) -> Result<String, ControlError> {
    serde_urlencoded::to_string(fields).map_err(|error| failed(error.to_string()))
}

/// Encodes text as one segment of a path.
fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

impl Control for Client {
    async fn status(&self, measure: Measure) -> Result<ProjectState, ControlError> {
        let watched = StateQuery { follow: false, measure: measure == Measure::Yes };
        self.ask(Method::GET, &format!("/v1/snapshot?{}", query(&watched)?), &()).await
    }

    async fn why(&self, name: &str) -> Result<WhyResponse, ControlError> {
        self.ask(Method::GET, &format!("/v1/why/{}", segment(name)), &()).await
    }

    async fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> Result<ResponseStream<Vec<EventItem>>, ControlError> {
        let path = format!("/v1/events?after={after}&follow={follow}");
        let body = self.request(Method::GET, &path, &()).await?;
        let mut number = after;
        let mut is_missed = false;
        Ok(lines(body, move |line| {
            if let Some(id) = line.strip_prefix("id: ") {
                number = id.parse().unwrap_or(number);
            } else if line.is_empty() {
                is_missed = false;
            } else if line == "event: missed" {
                is_missed = true;
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Ok(Some(if is_missed {
                    let MissedEvents { from, to } = serde_json::from_str(data)?;
                    EventItem::Missed { from, to }
                } else {
                    EventItem::Event { seq: number, event: data.into() }
                }));
            }
            Ok(None)
        }))
    }

    async fn watch(&self, measure: Measure) -> Result<ResponseStream<StateUpdate>, ControlError> {
        let watched = StateQuery { follow: true, measure: measure == Measure::Yes };
        self.follow(&format!("/v1/snapshot?{}", query(&watched)?)).await
    }

    async fn slice(&self, asked: SliceQuery) -> Result<SliceResponse, ControlError> {
        self.ask(Method::GET, &format!("/v1/slice?{}", query(&asked)?), &()).await
    }

    async fn growth(
        &self,
        whose: ProgressQuery,
    ) -> Result<ResponseStream<OutputProgress>, ControlError> {
        self.follow(&format!("/v1/growth?{}", query(&whose)?)).await
    }

    async fn search(
        &self,
        asked: SearchQuery,
    ) -> Result<ResponseStream<SearchProgress>, ControlError> {
        self.follow(&format!("/v1/search?{}", query(&asked)?)).await
    }

    async fn seek(&self, asked: SeekQuery) -> Result<SeekResponse, ControlError> {
        self.ask(Method::GET, &format!("/v1/seek?{}", query(&asked)?), &()).await
    }

    async fn details(
        &self,
        name: &str,
        looked: DetailsQuery,
    ) -> Result<ProcessDetails, ControlError> {
        let path = format!("/v1/process/{}?{}", segment(name), query(&looked)?);
        self.ask(Method::GET, &path, &()).await
    }

    async fn output(
        &self,
        asked: OutputQuery,
    ) -> Result<ResponseStream<Vec<OutputItem>>, ControlError> {
        let path = format!("/v1/output?{}", query(&asked)?);
        let body = self.request(Method::GET, &path, &()).await?;
        Ok(lines(body, |line| serde_json::from_str(line).map(Some)))
    }

    async fn check(&self) -> Result<CheckResponse, ControlError> {
        self.ask(Method::GET, "/v1/check", &()).await
    }

    async fn reload(&self, how: ReloadRequest) -> Result<ReloadResponse, ControlError> {
        self.ask(Method::POST, "/v1/reload", &how).await
    }

    async fn execute(&self, command: ControlCommand) -> Result<CommandResponse, ControlError> {
        self.ask(Method::POST, &format!("/v1/{}", command.name()), &command).await
    }

    async fn shutdown(&self, how: ShutdownRequest) -> Result<(), ControlError> {
        self.tell("/v1/shutdown", &how).await
    }
}
