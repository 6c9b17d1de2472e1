//! The asking side: one connection for each question.

use std::fmt::Write as _;
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
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::frame::{FRAMES, Form, NDJSON};
use super::routes::other_version;
use super::wire::{
    Asked, Checked, Details, Found, Given, Grown, Looked, Order, Outcome, Pushed, Reload, Reloaded,
    SearchAsked, SeekAsked, Sent, Shutdown, SliceAsked, SliceGiven, Sought, Status, Told, Watched,
    Whose, Why,
};
use super::{Control, Flow, Kind, Measure, PROTOCOL, PROTOCOL_HEADER, Problem, VERSION_HEADER};

/// How a connection is made.
type Connect = dyn Fn() -> io::Result<Stream> + Send + Sync;

/// So long an answer may take before it is looked whether anybody can give one, and then again.
const SILENCE: Duration = Duration::from_millis(700);

/// A project that runs in another process. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    connect: Arc<Connect>,
    who_is_suspended: fn(&OwnedFd) -> Option<u32>,
    project: Arc<str>,
}

impl Client {
    /// The project of this name, reached over what `connect` gives.
    pub fn new(
        project: &str,
        connect: impl Fn() -> io::Result<Stream> + Send + Sync + 'static,
    ) -> Self {
        let who_is_suspended = |_: &OwnedFd| None;
        Self { connect: Arc::new(connect), who_is_suspended, project: project.into() }
    }

    /// With a way to learn which process of the other side is stopped, if one is, so that a question
    /// is not waited for that nobody will answer.
    #[must_use]
    pub fn noticing(self, who_is_suspended: fn(&OwnedFd) -> Option<u32>) -> Self {
        Self { who_is_suspended, ..self }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let response = self.request(method, path, body).await?;
        let bytes =
            response.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("the answer makes no sense: {error}")))
    }

    /// The same as [`Control::output`] as it comes over the socket: JSON lines, or what
    /// [`Frames`](super::Frames) reads, which is several times cheaper.
    pub async fn raw_output(&self, asked: &Asked, form: Form) -> Result<Chunks, Problem> {
        let kind = if form == Form::Frames { FRAMES } else { NDJSON };
        let path = format!("/v1/output?{}", query(asked)?);
        self.request_as(Method::GET, &path, &(), kind)
            .await
            .map(|answer| Chunks(answer.into_body()))
    }

    async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Problem> {
        self.request(Method::POST, path, body).await.map(drop)
    }

    /// Sends a request; a problem that is answered is the error.
    async fn request(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Incoming>, Problem> {
        self.request_as(method, path, body, "*/*").await
    }

    /// The same, answered in this form.
    async fn request_as(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        form: &str,
    ) -> Result<Response<Incoming>, Problem> {
        let stream = (self.connect)().map_err(|error| self.not_reached(&error))?;
        let peer = stream.as_fd().try_clone_to_owned();
        let answer = self.request_over(stream, method, path, body, form);
        let Ok(peer) = peer else { return answer.await };
        tokio::select! {
            answer = answer => answer,
            problem = self.suspended(&peer) => Err(problem),
        }
    }

    /// Ends when whoever would answer has been stopped for a while.
    async fn suspended(&self, peer: &OwnedFd) -> Problem {
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
    ) -> Result<Response<Incoming>, Problem> {
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
    ) -> Result<Flow<T>, Problem> {
        let body = self.request(Method::GET, path, &()).await?.into_body();
        let mut pieces = lines(body, |line| match line.strip_prefix("data: ") {
            Some(data) => serde_json::from_str(data).map(Some),
            None => Ok(None),
        });
        Ok(Flow::latest(|taker| async move {
            loop {
                let some = tokio::select! {
                    some = pieces.next() => some,
                    () = taker.gone() => return,
                };
                match some {
                    None => return,
                    Some(Ok(some)) => {
                        for one in some {
                            if !taker.put(Ok(one)).await {
                                return;
                            }
                        }
                    }
                    Some(Err(problem)) => {
                        taker.put(Err(problem)).await;
                        return;
                    }
                }
            }
        }))
    }

    fn not_reached(&self, error: &io::Error) -> Problem {
        let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        if nobody.contains(&error.kind()) {
            let text = format!("{} is not running; `pitcrew up` starts it", self.project);
            return Problem::new(Kind::NotRunning, text);
        }
        failed(format!("cannot reach {}: {error}", self.project))
    }

    /// Before anything of the answer is read, as it may look different in another version.
    fn check_version(&self, response: &Response<Incoming>) -> Result<(), Problem> {
        let header = |name| response.headers().get(name).and_then(|text| text.to_str().ok());
        if header(PROTOCOL_HEADER).and_then(|text| text.parse().ok()) == Some(PROTOCOL) {
            return Ok(());
        }
        let text = other_version(
            &format!("the running {}", self.project),
            header(VERSION_HEADER),
            "this pitcrew",
        );
        Err(Problem::new(Kind::Version, text))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("project", &self.project).finish_non_exhaustive()
    }
}

fn failed(text: String) -> Problem {
    Problem::new(Kind::Failed, text)
}

fn suspended(project: &str, pid: u32) -> Problem {
    let text = format!(
        "{project} is suspended: pid {pid} is stopped\n`kill -CONT {pid}` continues it, `pitcrew down --kill` ends it"
    );
    Problem::new(Kind::Suspended, text)
}

/// The other side is gone in the middle.
fn broken(error: &hyper::Error) -> Problem {
    if error.is_incomplete_message() {
        return Problem::new(Kind::Ended, "the project ended before it answered");
    }
    Problem::new(Kind::Ended, format!("the project ended before it answered: {error}"))
}

fn unknown(status: StatusCode) -> Problem {
    failed(format!("the running project answered with {status}"))
}

/// Events that are not kept any more.
#[derive(serde::Deserialize)]
struct Gone {
    from: u64,
    to: u64,
}

/// What each line of an answer means, as it comes.
fn lines<T: Send + 'static>(
    mut body: Incoming,
    mut read: impl FnMut(&str) -> serde_json::Result<Option<T>> + Send + 'static,
) -> Flow<Vec<T>> {
    Flow::of(|taker| async move {
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = taker.gone() => return,
            };
            let pieces = match frame {
                Some(Ok(frame)) => {
                    rest.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                    take_lines(&mut rest, &mut read)
                }
                Some(Err(error)) => Err(broken(&error)),
                None => return,
            };
            let is_over = pieces.is_err();
            if pieces.as_ref().is_ok_and(Vec::is_empty) {
                continue;
            }
            if !taker.put(pieces).await || is_over {
                return;
            }
        }
    })
}

/// Takes out the lines that are whole.
fn take_lines<T>(
    rest: &mut Vec<u8>,
    read: &mut impl FnMut(&str) -> serde_json::Result<Option<T>>,
) -> Result<Vec<T>, Problem> {
    let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
    let after = rest.split_off(end + 1);
    let whole = std::mem::replace(rest, after);
    let mut pieces = Vec::new();
    for line in String::from_utf8_lossy(&whole).lines() {
        let piece = read(line);
        pieces
            .extend(piece.map_err(|error| failed(format!("the answer makes no sense: {error}")))?);
    }
    Ok(pieces)
}

/// An answer as it comes.
#[derive(Debug)]
pub struct Chunks(Incoming);

impl Chunks {
    /// The next bytes; nothing when there are no more.
    pub async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        loop {
            match self.0.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some(Err(broken(&error))),
            }
        }
    }
}

/// The fields that are set, as they stand in an address.
fn query(asked: &impl Serialize) -> Result<String, Problem> {
    let fields = serde_json::to_value(asked).map_err(|error| failed(error.to_string()))?;
    let pairs = fields.as_object().into_iter().flatten().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", escaped(&text))
    });
    Ok(pairs.collect::<Vec<_>>().join("&"))
}

/// As it may stand in an address.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

impl Control for Client {
    async fn status(&self, measure: Measure) -> Result<Status, Problem> {
        let watched = Watched { follow: false, measure: measure == Measure::Yes };
        self.ask(Method::GET, &format!("/v1/snapshot?{}", query(&watched)?), &()).await
    }

    async fn why(&self, name: &str) -> Result<Why, Problem> {
        self.ask(Method::GET, &format!("/v1/why/{}", escaped(name)), &()).await
    }

    async fn events(&self, after: u64, follow: bool) -> Result<Flow<Vec<Told>>, Problem> {
        let path = format!("/v1/events?after={after}&follow={follow}");
        let body = self.request(Method::GET, &path, &()).await?.into_body();
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
                    let Gone { from, to } = serde_json::from_str(data)?;
                    Told::Missed { from, to }
                } else {
                    Told::Event { seq: number, event: data.into() }
                }));
            }
            Ok(None)
        }))
    }

    async fn watch(&self, measure: Measure) -> Result<Flow<Pushed>, Problem> {
        let watched = Watched { follow: true, measure: measure == Measure::Yes };
        self.follow(&format!("/v1/snapshot?{}", query(&watched)?)).await
    }

    async fn slice(&self, asked: SliceAsked) -> Result<SliceGiven, Problem> {
        self.ask(Method::GET, &format!("/v1/slice?{}", query(&asked)?), &()).await
    }

    async fn growth(&self, whose: Whose) -> Result<Flow<Grown>, Problem> {
        self.follow(&format!("/v1/growth?{}", query(&whose)?)).await
    }

    async fn search(&self, asked: SearchAsked) -> Result<Flow<Found>, Problem> {
        self.follow(&format!("/v1/search?{}", query(&asked)?)).await
    }

    async fn seek(&self, asked: SeekAsked) -> Result<Sought, Problem> {
        self.ask(Method::GET, &format!("/v1/seek?{}", query(&asked)?), &()).await
    }

    async fn details(&self, name: &str, looked: Looked) -> Result<Details, Problem> {
        let path = format!("/v1/process/{}?{}", escaped(name), query(&looked)?);
        self.ask(Method::GET, &path, &()).await
    }

    async fn output(&self, asked: Asked) -> Result<Flow<Vec<Given>>, Problem> {
        let path = format!("/v1/output?{}", query(&asked)?);
        let body = self.request(Method::GET, &path, &()).await?.into_body();
        Ok(lines(body, |line| serde_json::from_str(line).map(Some)))
    }

    async fn send(&self, sent: Sent) -> Result<(), Problem> {
        self.tell("/v1/send", &sent).await
    }

    async fn check(&self) -> Result<Checked, Problem> {
        self.ask(Method::GET, "/v1/check", &()).await
    }

    async fn reload(&self, how: Reload) -> Result<Reloaded, Problem> {
        self.ask(Method::POST, "/v1/reload", &how).await
    }

    async fn order(&self, order: Order) -> Result<Outcome, Problem> {
        let post = Method::POST;
        match &order {
            Order::Start(order) => self.ask(post, "/v1/start", order).await,
            Order::Stop(order) => self.ask(post, "/v1/stop", order).await,
            Order::Restart(order) => self.ask(post, "/v1/restart", order).await,
            Order::Kill(order) => self.ask(post, "/v1/kill", order).await,
            Order::Signal(order) => self.ask(post, "/v1/signal", order).await,
            Order::Scale(order) => self.ask(post, "/v1/scale", order).await,
            Order::Enqueue(order) => self.ask(post, "/v1/enqueue", order).await,
            Order::Run(order) => self.ask(post, "/v1/run", order).await,
            Order::Watch(order) => self.ask(post, "/v1/watch", order).await,
            Order::Wait(order) => self.ask(post, "/v1/wait", order).await,
        }
    }

    async fn shutdown(&self, how: Shutdown) -> Result<(), Problem> {
        self.tell("/v1/shutdown", &how).await
    }
}
