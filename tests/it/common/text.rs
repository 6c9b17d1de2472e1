//! An output of a child, read on a thread, with waits for its content.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::BOUND;

/// An output so far. Clones are the same output.
#[derive(Clone, Default)]
pub struct Text(Arc<(Mutex<TextState>, Condvar)>);

#[derive(Default)]
struct TextState {
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Text {
    pub fn read(mut from: impl Read + Send + 'static) -> Self {
        let text = Self(Arc::default());
        let into = text.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let length = match from.read(&mut buffer) {
                    Ok(length) => length,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => 0,
                };
                into.push(&buffer[..length]);
                if length == 0 {
                    return;
                }
            }
        });
        text
    }

    /// Appends bytes; an empty slice is the end.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.0.0.lock().unwrap();
        state.bytes.extend_from_slice(bytes);
        state.has_ended |= bytes.is_empty();
        self.0.1.notify_all();
    }

    /// Waits for a line with this text and returns it; `None` if the output ends or time is up.
    pub fn wait(&self, wanted: &str) -> Option<String> {
        let until = Instant::now() + BOUND;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if let Some(at) = memchr::memmem::find(&state.bytes, wanted.as_bytes()) {
                let start =
                    state.bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
                let end = state.bytes[at..].iter().position(|b| *b == b'\n').map(|n| at + n);
                if let Some(end) = end.or(state.has_ended.then_some(state.bytes.len())) {
                    return Some(String::from_utf8_lossy(&state.bytes[start..end]).into_owned());
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.has_ended || left.is_zero() {
                return None;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for text that may be in an incomplete line, such as a prompt.
    pub fn wait_part(&self, wanted: &str) -> bool {
        self.wait_for(|bytes| memchr::memmem::find(bytes, wanted.as_bytes()).is_some())
    }

    pub fn wait_for(&self, condition: impl Fn(&[u8]) -> bool) -> bool {
        let until = Instant::now() + BOUND;
        let mut state = self.0.0.lock().unwrap();
        loop {
            if condition(&state.bytes) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if state.has_ended || left.is_zero() {
                return false;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    #[track_caller]
    pub fn wait_end(&self) {
        let until = Instant::now() + BOUND;
        let mut state = self.0.0.lock().unwrap();
        while !state.has_ended {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "an output stays open after the end");
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.0.lock().unwrap().bytes.clone()
    }

    pub fn lossy(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap().bytes).into_owned()
    }

    /// The number of occurrences of a text.
    pub fn count(&self, wanted: &str) -> usize {
        memchr::memmem::find_iter(&self.0.0.lock().unwrap().bytes, wanted.as_bytes()).count()
    }
}
