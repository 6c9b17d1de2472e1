//! In-memory pipes with the capacity of kernel pipes, and their ends for engine and scripts.

use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{
    AsyncBufRead, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf,
};
use tokio::sync::Mutex;

use super::run::RunState;

/// The capacity of a pipe.
const CAPACITY: usize = 64 << 10;

/// Creates a pipe: data written to the first end is read from the second.
pub(super) fn pipe() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(CAPACITY)
}

/// The output of a script. Clones are the same end, which is closed when all are dropped.
#[derive(Debug, Clone)]
pub(super) enum ScriptOutput {
    Pipe(Arc<Mutex<DuplexStream>>),
    File(Arc<File>),
    Nowhere,
}

impl From<DuplexStream> for ScriptOutput {
    fn from(pipe: DuplexStream) -> Self {
        Self::Pipe(Arc::new(Mutex::new(pipe)))
    }
}

impl ScriptOutput {
    /// Writes part of the data. Cancel safe: the progress is recorded.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.lock().await.write(bytes).await,
            Self::File(file) => (&**file).write(bytes),
            Self::Nowhere => Ok(bytes.len()),
        }
    }
}

/// The input of a script, and how it is recorded.
pub(super) struct ScriptInput {
    pub(super) reader: Box<dyn AsyncBufRead + Send + Sync + Unpin>,
    /// Whether input is recorded when it is read, not when it is written.
    pub(super) is_recorded: bool,
}

impl ScriptInput {
    pub(super) fn recorded(reader: impl AsyncBufRead + Send + Sync + Unpin + 'static) -> Self {
        Self { reader: Box::new(reader), is_recorded: true }
    }

    pub(super) fn unrecorded(reader: impl AsyncRead + Send + Sync + Unpin + 'static) -> Self {
        Self { reader: Box::new(BufReader::new(reader)), is_recorded: false }
    }
}

/// An input that never ends and never delivers data.
#[derive(Debug)]
pub(super) struct EndlessInput;

impl AsyncRead for EndlessInput {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// The writing end of a scripted process's input. Written data is recorded, whether it is read or
/// not.
#[derive(Debug)]
pub struct ScriptedInput {
    pub(super) pipe: DuplexStream,
    pub(super) run: Arc<RunState>,
}

impl AsyncWrite for ScriptedInput {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.pipe).poll_write(cx, bytes))?;
        self.run.note_input(bytes.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A pipe is closed by dropping it, not before.
        Pin::new(&mut self.pipe).poll_flush(cx)
    }
}

impl Drop for ScriptedInput {
    fn drop(&mut self) {
        self.run.note_input_closed();
    }
}
