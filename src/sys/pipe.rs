//! The reading end of a child's output pipe, which grows when the pipe is often full.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe::Receiver;

/// The default capacity of a pipe.
const DEFAULT_CAPACITY: usize = 64 << 10;
/// The enlarged capacity: the maximum for an unprivileged user.
const LARGE_CAPACITY: usize = 1 << 20;
/// The number of consecutive reads of a full pipe after which it is enlarged.
const FULL_READS: u8 = 4;

/// The reading end of a child's output.
///
/// Enlarges the pipe after several consecutive reads found it full. Not from the start: all pipes of
/// a user share 16,384 pages, which a thousand large ones would use up.
#[derive(Debug)]
pub struct OutputPipe {
    inner: Receiver,
    /// The number of consecutive reads that found it full; `None` once it was enlarged (or may not be).
    full: Option<u8>,
}

impl OutputPipe {
    pub(super) fn new(fd: OwnedFd) -> io::Result<Self> {
        // Our own pipe, so the checks of `from_owned_fd` are unnecessary.
        rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK)?;
        Ok(Self { inner: Receiver::from_owned_fd_unchecked(fd)?, full: Some(0) })
    }

    /// Returns the current capacity in bytes.
    pub fn capacity(&self) -> io::Result<usize> {
        Ok(rustix::pipe::fcntl_getpipe_size(self.inner.as_fd())?)
    }

    /// Counts a read, and enlarges the pipe if it is often full.
    fn count_read(&mut self, read: usize, room: usize) {
        let Some(full) = &mut self.full else { return };
        if read < room.min(DEFAULT_CAPACITY) {
            *full = 0;
            return;
        }
        *full += 1;
        if *full >= FULL_READS {
            self.full = None;
            // EPERM: the user's pages are used up. The pipe still works, only slower.
            let _ = rustix::pipe::fcntl_setpipe_size(self.inner.as_fd(), LARGE_CAPACITY);
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
        // A small buffer is filled even if the pipe is not full.
        if room >= 8 << 10 {
            let read = buf.filled().len() - before;
            self.count_read(read, room);
        }
        Poll::Ready(Ok(()))
    }
}
