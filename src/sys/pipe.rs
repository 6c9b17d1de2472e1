//! Our end of an output.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;

/// A pipe holds this much unless it was made larger.
const USUAL: usize = 64 << 10;
/// What a busy one is made to hold: as much as an unprivileged user may ask for.
const LARGE: usize = 1 << 20;
/// After so many reads in a row that found it full.
const OFTEN: u8 = 4;

/// The reading end of a child's output.
///
/// Makes the pipe larger once it was found full several times in a row. Not from the start: all
/// pipes of a user share 16,384 pages, which a thousand large ones would use up.
#[derive(Debug)]
pub struct OutputPipe {
    inner: Receiver,
    /// Reads in a row that found it full; `None` once it was made larger (or may not be).
    full: Option<u8>,
}

impl OutputPipe {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        // A pipe of our own, so what `from_owned_fd` would ask the system about is known.
        rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self { inner: Receiver::from_owned_fd_unchecked(fd)?, full: Some(0) })
    }

    /// What the pipe can hold now, in bytes.
    pub fn capacity(&self) -> io::Result<usize> {
        Ok(rustix::pipe::fcntl_getpipe_size(self.inner.as_fd())?)
    }

    fn note(&mut self, read: usize, room: usize) {
        let Some(full) = &mut self.full else { return };
        if read < room.min(USUAL) {
            *full = 0;
            return;
        }
        *full += 1;
        if *full >= OFTEN {
            self.full = None;
            // EPERM: the user's pages are used up. It works as it is, only slower.
            let _ = rustix::pipe::fcntl_setpipe_size(self.inner.as_fd(), LARGE);
        }
    }
}

impl AsFd for OutputPipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsyncRead for OutputPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        // A small buffer that is filled says nothing about the pipe.
        if room >= 8 << 10 {
            let read = buf.filled().len() - before;
            self.note(read, room);
        }
        Poll::Ready(Ok(()))
    }
}
