//! Output sink: where the output of a run goes.

use std::sync::Arc;

use crate::engine::clock::Clock;
use crate::output::{Capture, LineSplitter, ReadBuffer, Stream};

/// The destination of the output of a run.
pub(in crate::engine) enum OutputSink {
    /// The log store of the project, and the log file.
    Store(Box<LineSplitter>),
    /// The capture of an ad-hoc process.
    Capture(Arc<Capture>),
}

impl OutputSink {
    pub(super) fn line_splitter(&mut self) -> Option<&mut LineSplitter> {
        match self {
            Self::Store(splitter) => Some(splitter),
            Self::Capture(_) => None,
        }
    }

    pub(super) fn push(&mut self, stream: Stream, buffer: &mut ReadBuffer, length: usize) {
        match self {
            Self::Store(splitter) => splitter.take(stream, buffer, length, Clock::wall()),
            Self::Capture(capture) => capture.push(stream, buffer.filled(length)),
        }
    }

    pub(super) fn push_bytes(&mut self, stream: Stream, bytes: &[u8]) {
        match self {
            _ if bytes.is_empty() => {}
            Self::Store(splitter) => splitter.push(stream, bytes, Clock::wall()),
            Self::Capture(capture) => capture.push(stream, bytes),
        }
    }

    /// Adds a line that is no output; a capture has only output.
    pub(super) fn mark(&mut self, text: &str) {
        if let Some(splitter) = self.line_splitter() {
            splitter.mark(text, Clock::wall());
        }
    }

    /// Shows a line that is no output until more comes.
    pub(super) fn show_mark(&mut self, text: &str) {
        if let Some(splitter) = self.line_splitter() {
            splitter.show_mark(text, Clock::wall());
        }
    }

    /// The last lines of the run.
    pub(super) fn last_lines(&self, lines: usize) -> Vec<u8> {
        match self {
            Self::Store(splitter) => splitter.last_lines(lines),
            Self::Capture(capture) => {
                let mut text = capture.kept(Stream::Out).bytes;
                text.push(b'\n');
                text.extend(capture.kept(Stream::Err).bytes);
                let start = text.len().saturating_sub(lines * 200);
                text.split_off(start)
            }
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(splitter) = self.line_splitter() {
            let now = Clock::wall();
            splitter.finish(Stream::Out, now);
            splitter.finish(Stream::Err, now);
        }
    }
}
