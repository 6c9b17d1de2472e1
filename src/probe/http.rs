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

use super::address::{Refusals, addresses, connect_to};
use super::ownership::ListenerOwnership;
use super::{ProbeStage, with_note};
use crate::spec::{ProbeResult, Url};
use crate::sys::Host;

/// Limits of the response: head, body, number of headers.
const HEAD: usize = 64 << 10;
const BODY: usize = 64 << 10;
const HEADERS: usize = 200;
/// How long the body is read; only the status decides, but the server is not cut off.
const BODY_TIME: Duration = Duration::from_millis(100);

/// Tries each address until one succeeds; else returns the answer that got furthest.
pub(super) async fn ask<H: Host>(
    url: &Url,
    statuses: &[u16],
    own: Option<u16>,
    stage: &ProbeStage,
    ownership: ListenerOwnership<'_, H>,
) -> ProbeResult {
    let addresses = match addresses(&url.server, own, stage).await {
        Ok(addresses) => addresses,
        Err(error) => return ProbeResult::bad(error),
    };
    let (mut refusals, mut missed) = (Refusals::default(), None);
    for (place, address) in addresses.iter().enumerate() {
        let is_last = place + 1 == addresses.len();
        let (stream, note) = match connect_to(*address, is_last, stage, ownership).await {
            Ok(connected) => connected,
            Err(error) => {
                refusals.add(error);
                continue;
            }
        };
        stage.reach("connected, no answer yet");
        match exchange(stream, url, own, stage).await {
            Ok((status, _)) if fits(status, statuses) => {
                let note = note.or(refusals.taken);
                return ProbeResult::good(with_note(&shown(status, ""), note));
            }
            Ok((status, words)) => _ = missed.get_or_insert(shown(status, &words)),
            Err(error) => _ = missed.get_or_insert(error),
        }
    }
    ProbeResult::bad(missed.unwrap_or_else(|| refusals.told()))
}

fn fits(status: StatusCode, statuses: &[u16]) -> bool {
    match statuses {
        [] => (200..400).contains(&status.as_u16()),
        statuses => statuses.contains(&status.as_u16()),
    }
}

/// `503 Service Unavailable: starting up`
fn shown(status: StatusCode, words: &str) -> String {
    let colon = if words.is_empty() { "" } else { ": " };
    format!("{status}{colon}{words}").replace("<unknown status code>", "").trim().to_owned()
}

/// Sends one request; returns the status and the first line of the body.
async fn exchange(
    stream: TcpStream,
    url: &Url,
    own: Option<u16>,
    stage: &ProbeStage,
) -> Result<(StatusCode, String), String> {
    let request = Request::get(&url.target)
        .header(HOST, url.server.shown(own))
        .header(USER_AGENT, concat!("pitcrew/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD).max_headers(HEADERS);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| said(&error))?;
    let answered = async move {
        let response = sender.send_request(request).await.map_err(|error| said(&error))?;
        stage.reach("answered, still sending the body");
        let status = response.status();
        let words = timeout(BODY_TIME, words(response.into_body())).await.unwrap_or_default();
        Ok((status, words))
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
async fn words(mut body: Incoming) -> String {
    const LINE: usize = 512;
    let (mut read, mut start) = (0, Vec::new());
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        read += data.len();
        let room = LINE.saturating_sub(start.len()).min(data.len());
        start.extend_from_slice(data.get(..room).unwrap_or_default());
        if read >= BODY {
            break;
        }
    }
    let text = String::from_utf8_lossy(&start);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// Formats an error with its cause.
fn said(error: &hyper::Error) -> String {
    use std::error::Error as _;

    let source = error.source().map(ToString::to_string).unwrap_or_default();
    let source = source.split(" (os error").next().unwrap_or_default();
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
