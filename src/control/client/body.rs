//! Response body: its bytes or lines, as they arrive.

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};

use super::{broken, failed};
use crate::control::error::ControlError;
use crate::control::response_stream::ResponseStream;

/// What each line of an answer means, as it comes.
pub(super) fn lines<T: Send + 'static>(
    mut body: Incoming,
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

/// An answer as it comes.
#[derive(Debug)]
pub struct BodyChunks(pub(super) Incoming);

impl BodyChunks {
    /// The next bytes; nothing when there are no more.
    pub async fn next(&mut self) -> Option<Result<Bytes, ControlError>> {
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
