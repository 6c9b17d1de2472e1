//! Response body: its bytes or lines, as they arrive.

use std::os::fd::OwnedFd;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame, Incoming};

use super::{Client, SILENCE, broken, failed, suspended};
use crate::control::error::ControlError;
use crate::control::response_stream::ResponseStream;
use crate::control::routes::KEEP_ALIVE;

/// A silent stream is not checked before this: a server that runs has sent a keep-alive by then, so an idle
/// connection causes no wake-ups.
const IDLE: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(1));

/// What each line of an answer means, as it comes.
pub(super) fn lines<T: Send + 'static>(
    mut body: BodyChunks,
    mut read: impl FnMut(&str) -> serde_json::Result<Option<T>> + Send + 'static,
) -> ResponseStream<Vec<T>> {
    ResponseStream::of(|sink| async move {
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = sink.gone() => return,
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
            if !sink.put(pieces).await || is_over {
                return;
            }
        }
    })
}

/// Takes out the lines that are whole.
fn take_lines<T>(
    rest: &mut Vec<u8>,
    read: &mut impl FnMut(&str) -> serde_json::Result<Option<T>>,
) -> Result<Vec<T>, ControlError> {
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

/// The body of a response. Reports if the other side is suspended while nothing arrives.
#[derive(Debug)]
pub struct BodyChunks {
    body: Incoming,
    client: Client,
    peer: Option<OwnedFd>,
    /// Checks in a row that found the other side suspended.
    suspended_checks: u32,
}

impl BodyChunks {
    pub(super) fn new(body: Incoming, client: Client, peer: Option<OwnedFd>) -> Self {
        Self { body, client, peer, suspended_checks: 0 }
    }

    /// Returns the next bytes, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, ControlError>> {
        loop {
            match self.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
                Err(error) => return Some(Err(broken(&error))),
            }
        }
    }

    pub(super) async fn collect(self) -> Result<Bytes, ControlError> {
        Ok(self.body.collect().await.map_err(|error| broken(&error))?.to_bytes())
    }

    async fn frame(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        loop {
            let pause = if self.suspended_checks == 0 { IDLE } else { SILENCE };
            tokio::select! {
                frame = self.body.frame() => {
                    self.set_suspended(None);
                    return frame;
                }
                () = tokio::time::sleep(pause) => {
                    let peer = self.peer.as_ref();
                    self.set_suspended(peer.and_then(self.client.who_is_suspended));
                }
            }
        }
    }

    /// Reports a suspension at the second check, as a process that is being debugged continues at once.
    fn set_suspended(&mut self, pid: Option<u32>) {
        let before = self.suspended_checks;
        self.suspended_checks = if pid.is_some() { before.saturating_add(1) } else { 0 };
        if let (Some(pid), 1) = (pid, before) {
            let problem = suspended(&self.client.project, pid);
            (self.client.report_suspension)(Some(problem));
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
            .noticing(|_| IS_SUSPENDED.load(Ordering::Relaxed).then_some(7))
            .reporting(move |problem| sender.send(problem.map(|problem| problem.message)).unwrap());
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
