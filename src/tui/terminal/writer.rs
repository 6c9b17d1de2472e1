//! Terminal writer on a separate thread: a terminal that does not read stops only the drawing.

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
    news: Notify,
}

#[derive(Debug, Default)]
struct WriterState {
    /// Given and not written yet.
    open: usize,
    written: u64,
    failed: Option<io::ErrorKind>,
}

#[derive(Debug)]
pub(super) struct TerminalWriter {
    sender: Sender<Vec<u8>>,
    shared: Arc<WriterShared>,
}

impl TerminalWriter {
    /// Begins to write to `out`.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, pieces) = channel();
        let shared = Arc::new(WriterShared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("draw".to_owned())
            .spawn(move || write(out, &pieces, &of_thread))?;
        Ok(Self { sender, shared })
    }

    /// Hands over what is to be written.
    pub(super) fn write(&self, piece: Vec<u8>) {
        if piece.is_empty() {
            return;
        }
        self.shared.lock().open += 1;
        if self.sender.send(piece).is_err() {
            self.shared.lock().open -= 1;
        }
    }

    /// Whether everything has been written.
    pub(super) fn is_idle(&self) -> bool {
        self.shared.lock().open == 0
    }

    /// The first error.
    pub(super) fn failed(&self) -> Option<io::ErrorKind> {
        self.shared.lock().failed
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> u64 {
        self.shared.lock().written
    }

    /// Returns when something has been written, or could not be. Cancel safe.
    pub(super) async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// Waits so long for everything to be written; false when it is not.
    pub(super) fn settle(&self, limit: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.idle.wait_timeout_while(state, limit, |state| state.open > 0);
        waited.map_or_else(|error| error.into_inner().0.open, |(state, _)| state.open) == 0
    }
}

impl WriterShared {
    fn lock(&self) -> std::sync::MutexGuard<'_, WriterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(mut out: impl Write, pieces: &Receiver<Vec<u8>>, shared: &WriterShared) {
    while let Ok(piece) = pieces.recv() {
        let done = modes::while_ours(|| out.write_all(&piece).and_then(|()| out.flush()));
        let mut state = shared.lock();
        state.open -= 1;
        match done {
            Ok(()) => state.written += piece.len() as u64,
            Err(error) => _ = state.failed.get_or_insert(error.kind()),
        }
        drop(state);
        shared.idle.notify_all();
        shared.news.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_takes_nothing_holds_up_nobody() {
        let (reader, pipe) = io::pipe().unwrap();
        let writer = TerminalWriter::start(pipe).unwrap();
        writer.write(vec![b'x'; 1 << 20]);
        assert!(!writer.settle(Duration::from_millis(20)));
        assert!(!writer.is_idle());
        drop(reader);
        assert!(writer.settle(Duration::from_secs(20)));
        assert_eq!(writer.failed(), Some(io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn what_is_given_is_written_in_order() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let writer = TerminalWriter::start(pipe).unwrap();
        for piece in ["a", "", "b", "c"] {
            writer.write(piece.as_bytes().to_vec());
        }
        assert!(writer.settle(Duration::from_secs(20)));
        assert_eq!(writer.written(), 3);
        drop(writer);
        let mut all = String::new();
        io::Read::read_to_string(&mut reader, &mut all).unwrap();
        assert_eq!(all, "abc");
    }
}
