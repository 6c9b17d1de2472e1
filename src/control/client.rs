//! Client of the control socket: one connection per request.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HeaderName, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

pub use body::BodyChunks;
use body::line_items;

use super::frame::{FRAMES, LineFormat, NDJSON};
use super::routes::incompatible_versions;
use super::wire::{
    CheckReport, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, ScreenQuery, ScreenResponse, SearchProgress, SearchQuery, SeekQuery,
    SeekResponse, ShutdownRequest, SliceQuery, SliceResponse, StateQuery, StateUpdate, WhyResponse,
};
use super::{
    Control, ControlError, ControlErrorKind, ControlResult, Measure, PROTOCOL, PROTOCOL_HEADER,
    ResponseStream, TerminalStream, VERSION_HEADER, terminal_protocol,
};
use crate::spec::io_error_text;

mod body;

/// Opens a connection.
type Connect = dyn Fn() -> io::Result<StdUnixStream> + Send + Sync;
/// Called with the error when a stream stops because the server is suspended, and with `None` when it
/// continues.
type ReportSuspension = dyn Fn(Option<ControlError>) + Send + Sync;

/// How often a client that waits for a response checks whether the server is suspended.
const SUSPENSION_CHECK_INTERVAL: Duration = Duration::from_millis(700);
/// Any media type.
const ANY: &str = "*/*";

/// A project that runs in another process. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    connect: Arc<Connect>,
    suspended_peer: fn(&OwnedFd) -> Option<u32>,
    report_suspension: Arc<ReportSuspension>,
    project: Arc<str>,
}

impl Client {
    /// Creates a client of the project with this name; `connect` opens a connection to its socket.
    pub fn new(
        project: &str,
        connect: impl Fn() -> io::Result<StdUnixStream> + Send + Sync + 'static,
    ) -> Self {
        Self {
            connect: Arc::new(connect),
            suspended_peer: |_| None,
            report_suspension: Arc::new(|_| ()),
            project: project.into(),
        }
    }

    /// Sets the function that returns the pid of a suspended process of the server, if there is one, so that
    /// requests fail instead of waiting for a suspended server.
    #[must_use]
    pub fn with_suspension_check(self, suspended_peer: fn(&OwnedFd) -> Option<u32>) -> Self {
        Self { suspended_peer, ..self }
    }

    /// Sets a callback for the streams of this client: it is called with the error if the server is
    /// suspended while a stream waits for it, and with `None` when it continues.
    #[must_use]
    pub fn on_suspension(
        self,
        report: impl Fn(Option<ControlError>) + Send + Sync + 'static,
    ) -> Self {
        Self { report_suspension: Arc::new(report), ..self }
    }

    async fn request_json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> ControlResult<T> {
        let response = self.request(method, path, body, ANY).await?;
        let bytes = response.collect().await?;
        serde_json::from_slice(&bytes).map_err(|error| failed(format!("invalid response: {error}")))
    }

    /// Like [`Control::output`], but returns the encoded response body: JSON lines, or frames for
    /// [`FrameReader`](super::FrameReader), which are several times cheaper.
    pub async fn raw_output(
        &self,
        query: &OutputQuery,
        format: LineFormat,
    ) -> ControlResult<BodyChunks> {
        let accept = if format == LineFormat::Frames { FRAMES } else { NDJSON };
        let path = with_query("/v1/output", query)?;
        self.request(Method::GET, &path, &(), accept).await
    }

    /// Sends a request with this `Accept` header; an error response becomes the error.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        accept: &str,
    ) -> ControlResult<BodyChunks> {
        let (response, peer) = self.send(method, path, body, &[(ACCEPT, accept)]).await?;
        Ok(BodyChunks::new(response.into_body(), self.clone(), peer))
    }

    /// Sends a request with these headers; returns the response and a descriptor of the connection.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        headers: &[(HeaderName, &str)],
    ) -> ControlResult<(Response<Incoming>, Option<OwnedFd>)> {
        let stream = (self.connect)().map_err(|error| self.connect_error(&error))?;
        let peer = stream.as_fd().try_clone_to_owned().ok();
        let response = self.request_over(stream, method, path, body, headers);
        let response = match &peer {
            None => response.await,
            Some(peer) => tokio::select! {
                response = response => response,
                error = self.until_suspended(peer) => Err(error),
            },
        }?;
        Ok((response, peer))
    }

    /// Returns when the server has been suspended for a while.
    async fn until_suspended(&self, peer: &OwnedFd) -> ControlError {
        let mut checks = 0;
        loop {
            tokio::time::sleep(SUSPENSION_CHECK_INTERVAL).await;
            let Some(pid) = (self.suspended_peer)(peer) else {
                checks = 0;
                continue;
            };
            checks += 1;
            // At the second check, because a process that is being debugged or stopped continues soon.
            if checks > 1 {
                return suspended_error(&self.project, pid);
            }
        }
    }

    async fn request_over(
        &self,
        stream: StdUnixStream,
        method: Method,
        path: &str,
        body: &impl Serialize,
        headers: &[(HeaderName, &str)],
    ) -> ControlResult<Response<Incoming>> {
        let stream = UnixStream::from_std(stream).map_err(|error| self.connect_error(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| connection_error(&error))?;
        tokio::spawn(connection.with_upgrades());
        let body = match method {
            Method::GET => Bytes::new(),
            _ => serde_json::to_vec(body).map_err(|error| failed(error.to_string()))?.into(),
        };
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request
            .header("host", "pitcrew")
            .header("content-type", "application/json")
            .header(PROTOCOL_HEADER, PROTOCOL)
            .header(VERSION_HEADER, env!("CARGO_PKG_VERSION"))
            .body(Full::new(body))
            .map_err(|error| failed(error.to_string()))?;
        let response =
            sender.send_request(request).await.map_err(|error| connection_error(&error))?;
        self.check_version(&response)?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let bytes = response
            .into_body()
            .collect()
            .await
            .map_err(|error| connection_error(&error))?
            .to_bytes();
        Err(serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| failed(format!("the running project responded with {status}"))))
    }

    /// Streams server-sent events, each with one JSON object.
    async fn follow<T: DeserializeOwned + Send + 'static>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> ControlResult<ResponseStream<T>> {
        let body = self.request(Method::GET, &with_query(path, query)?, &(), ANY).await?;
        let mut batches = line_items(body, |line| match line.strip_prefix("data: ") {
            Some(data) => serde_json::from_str(data).map(Some),
            None => Ok(None),
        });
        Ok(ResponseStream::latest(|sink| async move {
            while let Some(Some(batch)) = sink.unless_closed(batches.next()).await {
                let items = match batch {
                    Ok(items) => items.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                };
                for item in items {
                    if !sink.send(item).await {
                        return;
                    }
                }
            }
        }))
    }

    fn connect_error(&self, error: &io::Error) -> ControlError {
        let not_running = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        if not_running.contains(&error.kind()) {
            let text = format!("{} is not running; `pitcrew up` starts it", self.project);
            return ControlError::new(ControlErrorKind::NotRunning, text);
        }
        failed(format!("cannot reach {}: {}", self.project, io_error_text(error)))
    }

    /// Called before the body is read, because its format may differ in another version.
    fn check_version(&self, response: &Response<Incoming>) -> ControlResult<()> {
        let header = |name| response.headers().get(name).and_then(|text| text.to_str().ok());
        if header(PROTOCOL_HEADER).and_then(|text| text.parse().ok()) == Some(PROTOCOL) {
            return Ok(());
        }
        let text = incompatible_versions(
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

fn suspended_error(project: &str, pid: u32) -> ControlError {
    let text = format!(
        "{project} is suspended: pid {pid} is stopped; `kill -CONT {pid}` continues it, `pitcrew down --kill` ends it"
    );
    ControlError::new(ControlErrorKind::Suspended, text)
}

/// The error for a connection that ended before the response.
fn connection_error(error: &hyper::Error) -> ControlError {
    let mut text = "the project ended before it responded".to_owned();
    if !error.is_incomplete_message() {
        _ = write!(text, ": {error}");
    }
    ControlError::new(ControlErrorKind::Ended, text)
}

/// The data of a `missed` event.
#[derive(serde::Deserialize)]
struct MissedEvents {
    from: u64,
    to: u64,
}

/// Appends the fields that are set to the path, as a query string.
fn with_query(path: &str, fields: &impl Serialize) -> ControlResult<String> {
    let query = serde_urlencoded::to_string(fields).map_err(|error| failed(error.to_string()))?;
    Ok(format!("{path}?{query}"))
}

/// Encodes text as a segment of a path.
fn path_segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

impl Control for Client {
    async fn status(&self, measure: Measure) -> ControlResult<ProjectState> {
        let query = StateQuery { follow: false, measure: measure == Measure::Yes };
        self.request_json(Method::GET, &with_query("/v1/snapshot", &query)?, &()).await
    }

    async fn why(&self, name: &str) -> ControlResult<WhyResponse> {
        self.request_json(Method::GET, &format!("/v1/why/{}", path_segment(name)), &()).await
    }

    async fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> ControlResult<ResponseStream<Vec<EventItem>>> {
        let path = format!("/v1/events?after={after}&follow={follow}");
        let body = self.request(Method::GET, &path, &(), ANY).await?;
        let mut number = after;
        let mut is_missed = false;
        Ok(line_items(body, move |line| {
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

    async fn watch(&self, measure: Measure) -> ControlResult<ResponseStream<StateUpdate>> {
        let query = StateQuery { follow: true, measure: measure == Measure::Yes };
        self.follow("/v1/snapshot", &query).await
    }

    async fn slice(&self, query: SliceQuery) -> ControlResult<SliceResponse> {
        self.request_json(Method::GET, &with_query("/v1/slice", &query)?, &()).await
    }

    async fn growth(&self, query: ProgressQuery) -> ControlResult<ResponseStream<OutputProgress>> {
        self.follow("/v1/growth", &query).await
    }

    async fn search(&self, query: SearchQuery) -> ControlResult<ResponseStream<SearchProgress>> {
        self.follow("/v1/search", &query).await
    }

    async fn seek(&self, query: SeekQuery) -> ControlResult<SeekResponse> {
        self.request_json(Method::GET, &with_query("/v1/seek", &query)?, &()).await
    }

    async fn details(&self, name: &str, query: DetailsQuery) -> ControlResult<ProcessDetails> {
        let path = with_query(&format!("/v1/process/{}", path_segment(name)), &query)?;
        self.request_json(Method::GET, &path, &()).await
    }

    async fn output(&self, query: OutputQuery) -> ControlResult<ResponseStream<Vec<OutputItem>>> {
        let path = with_query("/v1/output", &query)?;
        let body = self.request(Method::GET, &path, &(), ANY).await?;
        Ok(line_items(body, |line| serde_json::from_str(line).map(Some)))
    }

    async fn check(&self) -> ControlResult<CheckReport> {
        self.request_json(Method::GET, "/v1/check", &()).await
    }

    async fn reload(&self, request: ReloadRequest) -> ControlResult<ReloadResponse> {
        self.request_json(Method::POST, "/v1/reload", &request).await
    }

    async fn execute(&self, command: ControlCommand) -> ControlResult<CommandResponse> {
        self.request_json(Method::POST, command.path(), &command).await
    }

    async fn screen(&self, name: &str, query: ScreenQuery) -> ControlResult<ScreenResponse> {
        let path = with_query(&format!("/v1/screen/{}", path_segment(name)), &query)?;
        self.request_json(Method::GET, &path, &()).await
    }

    async fn terminal(&self, name: &str) -> ControlResult<TerminalStream> {
        let path = format!("/v1/terminal/{}", path_segment(name));
        let headers = [(CONNECTION, "upgrade"), (UPGRADE, terminal_protocol::UPGRADE)];
        let (response, _) = self.send(Method::GET, &path, &(), &headers).await?;
        let connection = hyper::upgrade::on(response).await;
        let connection = connection.map_err(|error| connection_error(&error))?;
        Ok(TerminalStream::new(TokioIo::new(connection)))
    }

    async fn shutdown(&self, request: ShutdownRequest) -> ControlResult<()> {
        self.request(Method::POST, "/v1/shutdown", &request, ANY).await.map(drop)
    }
}
