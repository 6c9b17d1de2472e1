//! Response body: its bytes or lines, as they arrive.

use std::os::fd::OwnedFd;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame, Incoming};

use super::{Client, SUSPENSION_CHECK_INTERVAL, connection_error, failed, suspended_error};
use crate::control::error::ControlResult;
use crate::control::response_stream::ResponseStream;
use crate::control::routes::KEEP_ALIVE;

/// How long a stream may be silent before the first check: a running server has sent a keep-alive by then, so
/// an idle connection causes no extra wake-ups.
const IDLE: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(1));

/// Streams the items that `parse` returns for the lines of a response body.
pub(super) fn line_items<T: Send + 'static>(
    mut body: BodyChunks,
    mut parse: impl FnMut(&str) -> serde_json::Result<Option<T>> + Send + 'static,
) -> ResponseStream<Vec<T>> {
    ResponseStream::of(|sink| async move {
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let Some(Some(frame)) = sink.unless_closed(body.frame()).await else { return };
            let items = match frame {
                Ok(frame) => {
                    rest.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                    parse_lines(&mut rest, &mut parse)
                }
                Err(error) => Err(connection_error(&error)),
            };
            let is_over = items.is_err();
            if items.as_ref().is_ok_and(Vec::is_empty) {
                continue;
            }
            if !sink.send(items).await || is_over {
                return;
            }
        }
    })
}

/// Removes the complete lines and parses them.
fn parse_lines<T>(
    rest: &mut Vec<u8>,
    parse: &mut impl FnMut(&str) -> serde_json::Result<Option<T>>,
) -> ControlResult<Vec<T>> {
    let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
    let after = rest.split_off(end + 1);
    let complete = std::mem::replace(rest, after);
    let mut items = Vec::new();
    for line in String::from_utf8_lossy(&complete).lines() {
        let item = parse(line);
        items.extend(item.map_err(|error| failed(format!("invalid response: {error}")))?);
    }
    Ok(items)
}

/// The body of a response. Reports if the server is suspended while nothing arrives.
#[derive(Debug)]
pub struct BodyChunks {
    body: Incoming,
    client: Client,
    peer: Option<OwnedFd>,
    /// Consecutive checks that found the server suspended.
    suspended_checks: u32,
}

impl BodyChunks {
    pub(super) fn new(body: Incoming, client: Client, peer: Option<OwnedFd>) -> Self {
        Self { body, client, peer, suspended_checks: 0 }
    }

    /// Returns the next bytes, or `None` at the end.
    pub async fn next(&mut self) -> Option<ControlResult<Bytes>> {
        loop {
            match self.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some(Err(connection_error(&error))),
            }
        }
    }

    pub(super) async fn collect(self) -> ControlResult<Bytes> {
        Ok(self.body.collect().await.map_err(|error| connection_error(&error))?.to_bytes())
    }

    async fn frame(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        loop {
            let pause = if self.suspended_checks == 0 { IDLE } else { SUSPENSION_CHECK_INTERVAL };
            tokio::select! {
                frame = self.body.frame() => {
                    self.set_suspended(None);
                    return frame;
                }
                () = tokio::time::sleep(pause) => {
                    let peer = self.peer.as_ref();
                    self.set_suspended(peer.and_then(self.client.suspended_peer));
                }
            }
        }
    }

    /// Reports a suspension at the second check, because a process that is being debugged continues soon.
    fn set_suspended(&mut self, pid: Option<u32>) {
        let before = self.suspended_checks;
        self.suspended_checks = if pid.is_some() { before.saturating_add(1) } else { 0 };
        if let (Some(pid), 1) = (pid, before) {
            let error = suspended_error(&self.client.project, pid);
            (self.client.report_suspension)(Some(error));
        } else if pid.is_none() && before > 1 {
            (self.client.report_suspension)(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::mpsc;

    use super::*;
    use crate::control::LineFormat;
    use crate::control::wire::OutputQuery;

    static IS_SUSPENDED: AtomicBool = AtomicBool::new(false);

    #[tokio::test(start_paused = true)]
    async fn a_stream_reports_that_the_engine_is_suspended_and_continues() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        for stream in [&ours, &theirs] {
            stream.set_nonblocking(true).unwrap();
        }
        let (sender, mut reports) = mpsc::unbounded_channel();
        let ours = Mutex::new(Some(ours));
        let client = Client::new("shop", move || Ok(ours.lock().unwrap().take().unwrap()))
            .with_suspension_check(|_| IS_SUSPENDED.load(Ordering::Relaxed).then_some(7))
            .on_suspension(move |error| sender.send(error.map(|error| error.message)).unwrap());
        let mut server = tokio::net::UnixStream::from_std(theirs).unwrap();
        let head = "HTTP/1.1 200 OK\r\npitcrew-protocol: 1\r\ntransfer-encoding: chunked\r\n\r\n";
        server.write_all(head.as_bytes()).await.unwrap();
        let mut chunks =
            client.raw_output(&OutputQuery::default(), LineFormat::Json).await.unwrap();
        _ = server.read(&mut [0; 4096]).await.unwrap();
        IS_SUSPENDED.store(true, Ordering::Relaxed);
        let next = tokio::spawn(async move { chunks.next().await.unwrap().unwrap() });
        let report = reports.recv().await.unwrap().unwrap();
        assert!(report.starts_with("shop is suspended: pid 7 is stopped"), "{report}");
        IS_SUSPENDED.store(false, Ordering::Relaxed);
        assert_eq!(reports.recv().await.unwrap(), None);
        server.write_all(b"2\r\nhi\r\n").await.unwrap();
        assert_eq!(next.await.unwrap(), "hi");
        assert!(reports.try_recv().is_err(), "each is reported once");
    }
}
