//! Our end of the terminal of a child: its output, its input, and its size.
#![expect(unsafe_code, reason = "AsyncFd wants a promise about its descriptor")]

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::unix::pipe::Sender;

use super::pipe::OutputPipe;
use super::pty::{self, LineModes};
use crate::terminal::Size;

/// The master of a pseudo-terminal. Registered with the runtime once for both directions: a second
/// registration of the same descriptor fails.
#[derive(Debug, Clone)]
pub struct PtyMaster(Arc<AsyncFd<OwnedFd>>);

impl PtyMaster {
    /// Registers a master that does not block.
    pub(super) fn new(master: OwnedFd) -> io::Result<Self> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        // SAFETY: an open descriptor that the `AsyncFd` owns, and so the same as long as it lives.
        let master = unsafe { AsyncFd::register_with_interest(master, interest) }?;
        Ok(Self(Arc::new(master)))
    }

    pub(super) fn resize(&self, size: Size, cell: Option<(u16, u16)>) -> io::Result<()> {
        pty::resize(self.0.get_ref(), size, cell)
    }

    pub(super) fn line_modes(&self) -> io::Result<LineModes> {
        pty::line_modes(self.0.get_ref())
    }

    /// Reads until there is no more or the buffer is full: one read returns at most 4 KiB, and a wake-up
    /// for each of them would cost more than the read.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            while buf.remaining() > 0 {
                match rustix::io::read(self.0.get_ref(), buf.initialize_unfilled()) {
                    Ok(0) | Err(Errno::IO) => return Poll::Ready(Ok(())),
                    Ok(length) => buf.advance(length),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        ready.clear_ready();
                        break;
                    }
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
            if buf.filled().len() > before || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            match rustix::io::write(self.0.get_ref(), bytes) {
                Ok(length) => return Poll::Ready(Ok(length)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

/// The reading end of an output of a child.
#[derive(Debug)]
pub enum OutputReader {
    /// A pipe.
    Pipe(OutputPipe),
    /// The terminal of the child.
    Terminal(PtyMaster),
}

impl OutputReader {
    /// Returns the current capacity of the pipe in bytes.
    ///
    /// # Errors
    /// It is no pipe.
    pub fn capacity(&self) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.capacity(),
            Self::Terminal(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl AsyncRead for OutputReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
            Self::Terminal(master) => master.poll_read(cx, buf),
        }
    }
}

/// The writing end of the input of a child.
#[derive(Debug)]
pub enum InputWriter {
    /// A pipe.
    Pipe(Sender),
    /// The terminal of the child. Dropping it does not end the input.
    Terminal(PtyMaster),
}

impl AsyncWrite for InputWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
            Self::Terminal(master) => master.poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
            Self::Terminal(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
            Self::Terminal(_) => Poll::Ready(Ok(())),
        }
    }
}
