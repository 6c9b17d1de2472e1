//! Terminal writer on a separate thread: a terminal that reads nothing blocks only the drawing.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::modes;

#[derive(Debug, Default)]
struct WriterShared {
    state: Mutex<WriterState>,
    idle: Condvar,
    changed: Notify,
}

#[derive(Debug, Default)]
struct WriterState {
    /// Number of pieces that are not written yet.
    pending: usize,
    written: u64,
    failed: Option<io::ErrorKind>,
}

#[derive(Debug)]
pub(super) struct TerminalWriter {
    sender: Sender<Vec<u8>>,
    shared: Arc<WriterShared>,
}

impl TerminalWriter {
    /// Starts a thread that writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = channel();
        let shared = Arc::new(WriterShared::default());
        let thread_shared = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("draw".to_owned())
            .spawn(move || write(out, &pieces, &thread_shared))?;
        Ok(Self { sender, shared })
    }

    /// Queues a piece.
    pub(super) fn write(&self, piece: Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        self.shared.lock().pending += 1;
        if self.sender.send(piece).is_err() {
            self.shared.lock().pending -= 1;
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.shared.lock().pending == 0
    }

    /// The first error.
    pub(super) fn failed(&self) -> Option<io::ErrorKind> {
        self.shared.lock().failed
    }

    /// Number of bytes that were written.
    pub(super) fn written(&self) -> u64 {
        self.shared.lock().written
    }

    /// Returns after a write, successful or not. Cancel safe.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Waits until everything is written; false after the timeout.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let state = self.shared.lock();
        let idle = &self.shared.idle;
        let waited = idle.wait_timeout_while(state, timeout, |state| state.pending > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.pending == 0
    }
}

impl WriterShared {
    fn lock(&self) -> std::sync::MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(mut out: impl Write, pieces: &Receiver<Vec<u8>>, shared: &WriterShared) {
    while let Ok(piece) = pieces.recv() {
        let result = modes::unless_abandoned(|| out.write_all(&piece).and_then(|()| out.flush()));
        let mut state = shared.lock();
        state.pending -= 1;
        match result {
            Ok(()) => state.written += piece.len() as u64,
            Err(error) => _ = state.failed.get_or_insert(error.kind()),
        }
        drop(state);
        shared.idle.notify_all();
        shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_terminal_does_not_block_the_caller() {
        let (reader, pipe) = io::pipe().unwrap();
        let writer = TerminalWriter::start(pipe).unwrap();
        writer.write(vec![b'x'; 1 << 20]);
        assert!(!writer.flush(Duration::from_millis(20)));
        assert!(!writer.is_idle());
        drop(reader);
        assert!(writer.flush(Duration::from_secs(20)));
        assert_eq!(writer.failed(), Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn what_is_given_is_written_in_order() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let writer = TerminalWriter::start(pipe).unwrap();
        for piece in ["a", "", "b", "c"] {
            writer.write(piece.as_bytes().to_vec());
        }
        assert!(writer.flush(Duration::from_secs(20)));
        assert_eq!(writer.written(), 3);
        drop(writer);
        let mut all = String::new();
        io::Read::read_to_string(&mut reader, &mut all).unwrap();
        assert_eq!(all, "abc");
    }
}
