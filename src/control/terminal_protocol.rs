//! Messages of an attached terminal: framing, the project's side, and both halves of the viewer's side.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::{Sleep, sleep};

use super::wire::{TerminalMessage, TerminalNote, ViewerMessage};
use super::{ControlError, ControlErrorKind, ControlResult};
use crate::engine::terminal::{ProcessTerminal, TerminalInputEvent, ViewerGuard, ViewerSize};
use crate::terminal::{ClipboardKind, Frame, Version};

/// The name of the protocol in the `Upgrade` header.
pub(super) const UPGRADE: &str = "pitcrew-terminal";

/// The largest message of a viewer. A larger paste is refused.
const MAX_FROM_VIEWER: usize = 1 << 20;
/// The largest message of the project: a screen of the largest size with a style for each cell.
const MAX_FROM_PROJECT: usize = 32 << 20;
/// How long a frame waits for the end of a change that the program has announced (mode 2026).
const MAX_UPDATE: Duration = Duration::from_millis(150);

/// The kind of a message.
const JSON: u8 = b'j';
const FRAME: u8 = b'f';

/// Reads messages from a connection.
struct MessageReader<R> {
    reader: R,
    buffer: Vec<u8>,
    largest: usize,
}

impl<R: AsyncRead + Unpin> MessageReader<R> {
    fn new(reader: R, largest: usize) -> Self {
        Self { reader, buffer: Vec::new(), largest }
    }

    /// Returns the next message: its kind and its body. `None` at the end. Cancel safe.
    async fn next(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        loop {
            if let Some((head, rest)) = self.buffer.split_first_chunk::<4>() {
                let length = u32::from_le_bytes(*head) as usize;
                if length == 0 || length > self.largest {
                    return Err(io::Error::other(format!("a message of {length} bytes")));
                }
                if let Some((kind, body)) = rest.get(..length).and_then(<[u8]>::split_first) {
                    let message = (*kind, body.to_vec());
                    self.buffer.drain(..4 + length);
                    return Ok(Some(message));
                }
            }
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(io::Error::other)
}

/// Returns a message whose body `write` appends.
fn message(kind: u8, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, kind];
    write(&mut message);
    let length = u32::try_from(message.len() - 4).unwrap_or(u32::MAX);
    message.splice(..4, length.to_le_bytes());
    message
}

fn json_message(body: &impl Serialize) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(body)?;
    Ok(message(JSON, |message| message.extend(body)))
}

/// Serves a viewer of a terminal until it closes the connection.
///
/// # Errors
/// The connection has failed, or the viewer has sent an invalid message.
pub(super) async fn serve(
    terminal: Arc<ProcessTerminal>,
    stream: impl AsyncRead + AsyncWrite,
) -> io::Result<()> {
    let (reader, mut writer) = split(stream);
    let reader = &mut MessageReader::new(Box::pin(reader), MAX_FROM_VIEWER);
    let viewer = terminal.attach();
    let mut changes = terminal.subscribe();
    // The version that the viewer had when it asked.
    let mut wanted: Option<Version> = None;
    let mut update = UpdateTimer::default();
    let mut clipboard_seen = *changes.borrow();
    loop {
        if let Some(since) = wanted {
            let number = *changes.borrow_and_update();
            let (version, is_updating) = terminal.version();
            if version == since {
                update = UpdateTimer::default();
            } else if is_updating && !update.is_over {
                update.start();
            } else {
                (wanted, update) = (None, UpdateTimer::default());
                for note in clipboard_notes(&terminal, &mut clipboard_seen, number) {
                    writer.write_all(&json_message(&note)?).await?;
                }
                let frame = terminal.frame(since);
                writer.write_all(&message(FRAME, |message| frame.encode(message))).await?;
                writer.flush().await?;
            }
        }
        tokio::select! {
            message = reader.next() => {
                let Some((_, body)) = message? else { return Ok(()) };
                let message = parse(&body)?;
                if let ViewerMessage::Take(since) = message {
                    wanted = Some(since);
                } else if let Err(reason) = pass_on(&viewer, message) {
                    writer.write_all(&json_message(&TerminalNote::Refused(reason))?).await?;
                    writer.flush().await?;
                }
            }
            result = changes.changed(), if wanted.is_some() => if result.is_err() { return Ok(()) },
            () = update.elapsed() => {}
        }
    }
}

/// Limits how long a frame waits for the end of an announced change.
#[derive(Default)]
struct UpdateTimer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl UpdateTimer {
    fn start(&mut self) {
        self.sleep.get_or_insert_with(|| Box::pin(sleep(MAX_UPDATE)));
    }

    /// Waits until the time is over; forever if the timer is not running. Cancel safe.
    async fn elapsed(&mut self) {
        match &mut self.sleep {
            Some(sleep) => sleep.await,
            None => std::future::pending().await,
        }
        (self.sleep, self.is_over) = (None, true);
    }
}

fn clipboard_notes(terminal: &ProcessTerminal, seen: &mut u64, now: u64) -> Vec<TerminalNote> {
    let writes = terminal.clipboard(std::mem::replace(seen, now));
    let note = |write: crate::terminal::ClipboardWrite| TerminalNote::Clipboard {
        primary: write.kind == ClipboardKind::Primary,
        text: write.text,
    };
    writes.into_iter().map(note).collect()
}

/// Passes input and sizes of a viewer on.
fn pass_on(viewer: &ViewerGuard, message: ViewerMessage) -> Result<(), String> {
    let input = match message {
        ViewerMessage::Take(_) => return Ok(()),
        ViewerMessage::Size { size, cell, interactive } => {
            viewer.set_size(ViewerSize { size, cell, is_interactive: interactive });
            return Ok(());
        }
        ViewerMessage::Key(event) => TerminalInputEvent::Key(event),
        ViewerMessage::Paste(text) => TerminalInputEvent::Paste(text),
        ViewerMessage::Mouse(event) => TerminalInputEvent::Mouse(event),
        ViewerMessage::Focus(has_focus) => TerminalInputEvent::Focus(has_focus),
        ViewerMessage::Palette(palette) => TerminalInputEvent::Palette(palette),
    };
    viewer.send(input).map_err(|error| error.to_string())
}

/// The connection of a viewer to a terminal. The viewer is detached when both halves are dropped.
#[derive(Debug)]
pub struct TerminalStream {
    /// Sends the viewer's messages.
    pub sender: TerminalSender,
    /// Receives frames and notes.
    pub receiver: TerminalReceiver,
}

impl TerminalStream {
    /// Creates the viewer's side of a connection.
    pub(super) fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = split(stream);
        let reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(reader);
        Self {
            sender: TerminalSender { writer: Box::new(writer), unsent: Vec::new() },
            receiver: TerminalReceiver(MessageReader::new(reader, MAX_FROM_PROJECT)),
        }
    }
}

/// The sending half of a [`TerminalStream`].
pub struct TerminalSender {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    unsent: Vec<u8>,
}

impl TerminalSender {
    /// Sends a message. Waits while the project does not read. Cancel safe: a message whose sending was
    /// cancelled is sent with the next one.
    ///
    /// # Errors
    /// [`ControlErrorKind::Ended`] if the connection has ended.
    pub async fn send(&mut self, message: &ViewerMessage) -> ControlResult<()> {
        self.write(message).await.map_err(|error| connection_error(&error))
    }

    async fn write(&mut self, message: &ViewerMessage) -> io::Result<()> {
        self.unsent.extend(json_message(message)?);
        while !self.unsent.is_empty() {
            let written = self.writer.write(&self.unsent).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.unsent.drain(..written);
        }
        self.writer.flush().await
    }
}

impl std::fmt::Debug for TerminalSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TerminalSender").field("unsent", &self.unsent.len()).finish_non_exhaustive()
    }
}

/// The receiving half of a [`TerminalStream`].
pub struct TerminalReceiver(MessageReader<Box<dyn AsyncRead + Send + Unpin>>);

impl TerminalReceiver {
    /// Returns the next message; `None` when the project has closed the connection. Cancel safe.
    ///
    /// # Errors
    /// [`ControlErrorKind::Ended`] if the connection has failed or an invalid message has arrived.
    pub async fn next(&mut self) -> ControlResult<Option<TerminalMessage>> {
        self.read().await.map_err(|error| connection_error(&error))
    }

    async fn read(&mut self) -> io::Result<Option<TerminalMessage>> {
        let Some((kind, body)) = self.0.next().await? else { return Ok(None) };
        Ok(Some(match kind {
            FRAME => TerminalMessage::Frame(Frame::decode(&body).map_err(io::Error::other)?),
            _ => TerminalMessage::Note(parse(&body)?),
        }))
    }
}

impl std::fmt::Debug for TerminalReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TerminalReceiver").finish_non_exhaustive()
    }
}

fn connection_error(error: &io::Error) -> ControlError {
    let text = format!("the connection to the terminal has ended: {error}");
    ControlError::new(ControlErrorKind::Ended, text)
}

#[cfg(test)]
mod tests;
