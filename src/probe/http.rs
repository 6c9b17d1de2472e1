//! The `http` probe: one GET on a new connection, without redirects, with limits.

use std::pin::pin;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::try_addresses;
use super::{ProbeSession, result_of};
use crate::spec::{ProbeResult, Url, io_error_text};
use crate::sys::Host;

/// Limits of the response: head, body, number of headers.
const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 64 << 10;
const MAX_HEADERS: usize = 200;
/// How long the body is read; only the status decides, but the server is not cut off.
const BODY_TIME: Duration = Duration::from_millis(100);

/// Tries each address until one answers with an expected status.
pub(super) async fn probe<H: Host>(
    session: &ProbeSession<'_, H>,
    url: &Url,
    statuses: &[u16],
) -> ProbeResult {
    let ask = |stream| async move {
        session.set_stage("connected, no answer yet");
        let (status, text) = exchange(session, stream, url).await?;
        if is_expected(status, statuses) {
            Ok(shown(status, ""))
        } else {
            Err(shown(status, &text))
        }
    };
    result_of(try_addresses(session, &url.server, ask).await)
}

fn is_expected(status: StatusCode, statuses: &[u16]) -> bool {
    match statuses {
        [] => (200..400).contains(&status.as_u16()),
        statuses => statuses.contains(&status.as_u16()),
    }
}

/// `503 Service Unavailable: starting up`
fn shown(status: StatusCode, text: &str) -> String {
    let colon = if text.is_empty() { "" } else { ": " };
    format!("{status}{colon}{text}").replace("<unknown status code>", "").trim().to_owned()
}

/// Sends one request; returns the status and the first line of the body.
async fn exchange<H>(
    session: &ProbeSession<'_, H>,
    stream: TcpStream,
    url: &Url,
) -> Result<(StatusCode, String), String> {
    let request = Request::get(&url.target)
        .header(HOST, url.server.shown(session.own_port))
        .header(USER_AGENT, concat!("pitcrew/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| error_text(&error))?;
    let answered = async move {
        let response = sender.send_request(request).await.map_err(|error| error_text(&error))?;
        session.set_stage("answered, still sending the body");
        let status = response.status();
        let text = timeout(BODY_TIME, first_line(response.into_body())).await.unwrap_or_default();
        Ok((status, text))
    };
    let (mut answered, mut connection) = (pin!(answered), pin!(connection));
    tokio::select! {
        biased;
        answer = &mut answered => answer,
        // The connection has ended; everything was read.
        _ = &mut connection => answered.await,
    }
}

/// Reads the body within limits; returns its first line.
async fn first_line(mut body: Incoming) -> String {
    const MAX_LINE: usize = 512;
    let (mut read, mut start) = (0, Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        let room = MAX_LINE.saturating_sub(start.len()).min(data.len());
        start.extend_from_slice(data.get(..room).unwrap_or_default());
        if read >= MAX_BODY {
            break;
        }
    }
    let text = String::from_utf8_lossy(&start);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// Formats an error with its cause.
fn error_text(error: &hyper::Error) -> String {
    use std::error::Error as _;

    let source = error.source().map(io_error_text).unwrap_or_default();
    let colon = if source.is_empty() { "" } else { ": " };
    let what = if error.is_incomplete_message() {
        "the connection was closed before an answer".to_owned()
    } else if error.is_parse() {
        format!("the answer is not HTTP: {error}")
    } else {
        error.to_string()
    };
    format!("{what}{colon}{source}")
}
