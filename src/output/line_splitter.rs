//! Line splitter: turns raw chunks of output into whole lines.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use memchr::{memchr, memchr_iter, memrchr};

use super::block::{LineEnd, LineMeta, PagedLines, index};
use super::line_matcher::LineMatcher;
use super::page::{self, OutputBytes, ReadBuffer};
use super::{
    LogFile, LogStore, PartialLine, PerStream, ReadLimit, SourceId, SourceSelection, Stream,
    StyleMode, safe_line,
};
use crate::spec::OutputPattern;

#[cfg(test)]
mod tests;

/// The number of bytes processed under one lock of the store, so that it is held only briefly.
const MAX_APPEND: usize = 256 << 10;
/// The number of bytes shown of the end of an unfinished line.
const MAX_PARTIAL: usize = 4 << 10;
/// A carry buffer that grew beyond this capacity is freed.
const MAX_CARRY_CAPACITY: usize = 4 << 10;
/// The number of stored lines searched under one lock of the store.
const LINES_PER_SEARCH: usize = 1000;

/// Splits the output of one run of one source.
///
/// The lines do not depend on how the bytes are divided into chunks. A line longer than `output.line`
/// is split into pieces of exactly that size, so an unfinished line never takes more memory.
///
/// Nothing here blocks. With a log file, wait for [`LineSplitter::poll_room`] before each read from
/// the child, so that a slow disk slows down this child only.
#[derive(Debug)]
pub struct LineSplitter {
    store: Arc<LogStore>,
    source: SourceId,
    run: u32,
    max_line: usize,
    log: Option<LogFile>,
    /// The unfinished line of each stream.
    carry: PerStream<Vec<u8>>,
    /// The buffer for the line ends of a chunk.
    cuts: Vec<LineEnd>,
    /// The number of lines in the last page.
    last_page_lines: usize,
    matcher: Option<LineMatcher>,
    found: Option<String>,
}

impl LineSplitter {
    /// Creates a splitter for run number `run` of `source`; whole lines also go to `log`.
    pub fn new(store: &Arc<LogStore>, source: SourceId, run: u32, log: Option<LogFile>) -> Self {
        Self {
            store: Arc::clone(store),
            source,
            run,
            max_line: store.max_line(),
            log,
            carry: PerStream::default(),
            cuts: Vec::new(),
            last_page_lines: 0,
            matcher: None,
            found: None,
        }
    }

    /// Looks for a line that matches in all further output.
    pub fn look_for(&mut self, pattern: OutputPattern) {
        self.matcher = Some(LineMatcher::new(pattern));
    }

    /// Replaces the pattern, and searches the stored lines of the run as well; `None` stops looking.
    pub fn look_again(&mut self, pattern: Option<OutputPattern>) {
        (self.found, self.matcher) = (None, None);
        let Some(mut matcher) = pattern.map(LineMatcher::new) else { return };
        let (selection, mut from) = (SourceSelection::from(self.source), 0);
        loop {
            let stored = self.store.read(&selection, from, ReadLimit::lines(LINES_PER_SEARCH));
            let mut lines = stored.lines().filter(|line| line.run == self.run);
            self.found =
                lines.find_map(|line| matcher.match_piece(line.stream, line.bytes, line.continues));
            if self.found.is_some() {
                return;
            }
            if stored.is_empty() {
                break;
            }
            from = stored.next();
        }
        self.matcher = Some(matcher);
    }

    /// Takes the matching line, if one was found.
    pub fn found(&mut self) -> Option<String> {
        self.found.take()
    }

    /// Writes whole lines to another log file from now on.
    pub fn log_to(&mut self, log: Option<LogFile>) {
        self.log = log;
    }

    /// Adds the next bytes of a stream; lines that they complete can be read immediately.
    pub fn push(&mut self, stream: Stream, bytes: &[u8], now: Timestamp) {
        for chunk in bytes.chunks(MAX_APPEND) {
            self.split(stream, chunk, now);
        }
    }

    /// Adds bytes that were read into a [`ReadBuffer`]. If there are many, their memory is kept without
    /// a copy and the buffer gets other memory for the next read.
    pub fn take(&mut self, stream: Stream, buffer: &mut ReadBuffer, read: usize, now: Timestamp) {
        if read < page::MIN_READ || !self.keep_page(stream, buffer, read, now) {
            self.push(stream, buffer.filled(read), now);
        }
    }

    /// Keeps the memory that was read into. Returns `false`, without any change, if lines in it are too
    /// long or too short for that.
    fn keep_page(
        &mut self,
        stream: Stream,
        buffer: &mut ReadBuffer,
        read: usize,
        now: Timestamp,
    ) -> bool {
        let Some(pages) = self.store.pages().filter(|_| self.matcher.is_none()) else {
            return false;
        };
        let carry = self.carry.get_mut(stream);
        let Some(mut range) = buffer.joined(carry, read) else { return false };
        let text = buffer.get(range.clone());
        let Some(last) = memrchr(b'\n', text) else { return false };
        let (whole, rest) = text.split_at(last + 1);
        let meta = LineMeta { run: self.run, stream, ms: now.as_millisecond() };
        let mut lines = pages.index(self.last_page_lines + self.last_page_lines / 16);
        if rest.len() > self.max_line || !index(whole, self.max_line, meta, &mut lines) {
            pages.recycle(lines);
            return false;
        }
        self.last_page_lines = lines.len();
        range.end = range.start + whole.len();
        *carry = rest.to_vec();
        let page = pages.take(buffer);
        if let Some(log) = &self.log {
            log.push_page(&page, range.clone(), now);
        }
        let text = OutputBytes::Page(page, range);
        self.store.append_page(self.source, meta, PagedLines { text, lines });
        true
    }

    /// Handles the end of the stream: the remaining bytes are its last line, without a newline.
    pub fn finish(&mut self, stream: Stream, now: Timestamp) {
        let carry = std::mem::take(self.carry.get_mut(stream));
        if !carry.is_empty() {
            let cut = [LineEnd::new(carry.len(), false)];
            self.dispatch(stream, now, &[(&carry, &cut)]);
        }
    }

    /// Shows readers the unfinished lines, such as a prompt. Call it when no output has come for a
    /// moment; the lines stay visible until they continue or end. Returns whether there was one.
    pub fn show_partial(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        for &stream in Stream::ALL {
            let carry = self.carry.get(stream);
            let start = carry.len().saturating_sub(MAX_PARTIAL);
            if let Some(end) = carry.get(start..).filter(|end| !end.is_empty()) {
                let (source, run, bytes) = (self.source, self.run, end.to_vec());
                self.store.show_partial(PartialLine { source, run, stream, at: now, bytes });
                any = true;
            }
        }
        any
    }

    /// Adds a line that the run has not printed: it is in the store, but not in the log file, and no pattern
    /// is compared with it. An unfinished line continues after it.
    pub(crate) fn mark(&mut self, text: &str, now: Timestamp) {
        let line = format!("{text}\n");
        let meta = LineMeta { run: self.run, stream: Stream::Out, ms: now.as_millisecond() };
        let end = [LineEnd::new(line.len(), false)];
        self.store.append(self.source, meta, &[(line.as_bytes(), &end)]);
    }

    /// Shows readers a line that the run has not printed, until it prints more.
    pub(crate) fn show_mark(&mut self, text: &str, now: Timestamp) {
        let (source, run, stream) = (self.source, self.run, Stream::Out);
        self.store.show_partial(PartialLine { source, run, stream, at: now, bytes: text.into() });
    }

    /// Returns the unfinished line of standard output, or of standard error, made safe to display.
    pub(crate) fn prompt(&self) -> Option<String> {
        let carries = Stream::ALL.iter().map(|stream| self.carry.get(*stream));
        let mut prompts = carries.map(|carry| {
            let end = carry.get(carry.len().saturating_sub(MAX_PARTIAL)..).unwrap_or_default();
            safe_line(end, StyleMode::Drop).trim().to_owned()
        });
        prompts.find(|prompt| !prompt.is_empty())
    }

    /// Returns the last stored lines of this run as raw bytes.
    pub(crate) fn last_lines(&self, lines: usize) -> Vec<u8> {
        let slice = self.store.tail(&SourceSelection::from(self.source), lines);
        let mut text = Vec::new();
        for line in slice.lines().filter(|line| line.run == self.run) {
            text.extend_from_slice(line.bytes);
        }
        text
    }

    /// Ready if the log file, if any, has room for more.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.log.as_ref().map_or(Poll::Ready(()), |log| log.poll_room(cx))
    }

    /// Blocks the thread until there is room; returns `false` if `timeout` has passed.
    pub fn wait_room(&self, timeout: Option<Duration>) -> bool {
        self.log.as_ref().is_none_or(|log| log.wait_room(timeout))
    }

    fn split(&mut self, stream: Stream, bytes: &[u8], now: Timestamp) {
        let mut carry = std::mem::take(self.carry.get_mut(stream));
        let mut bytes = bytes;
        let mut first = None;
        if !carry.is_empty() {
            let Some((cut, rest)) = complete(&mut carry, bytes, self.max_line) else {
                *self.carry.get_mut(stream) = carry;
                return;
            };
            (first, bytes) = (Some(cut), rest);
        }
        let mut cuts = std::mem::take(&mut self.cuts);
        cuts.clear();
        let end = cut_lines(bytes, self.max_line, &mut cuts);
        let (whole, rest) = bytes.split_at(end);
        match (&first, cuts.is_empty()) {
            (None, true) => {}
            (None, false) => self.dispatch(stream, now, &[(whole, &cuts)]),
            (Some(first), true) => self.dispatch(stream, now, &[(&carry, &[*first])]),
            (Some(first), false) => {
                self.dispatch(stream, now, &[(&carry, &[*first]), (whole, &cuts)]);
            }
        }
        self.cuts = cuts;
        carry.clear();
        if carry.capacity() > MAX_CARRY_CAPACITY {
            carry = Vec::new();
        }
        carry.extend_from_slice(rest);
        *self.carry.get_mut(stream) = carry;
    }

    fn dispatch(&mut self, stream: Stream, now: Timestamp, chunks: &[(&[u8], &[LineEnd])]) {
        let meta = LineMeta { run: self.run, stream, ms: now.as_millisecond() };
        self.store.append(self.source, meta, chunks);
        if let Some(log) = &self.log {
            for (text, cuts) in chunks {
                log.push(text, cuts, now);
            }
        }
        if let Some(matcher) = &mut self.matcher {
            self.found =
                chunks.iter().find_map(|(text, cuts)| matcher.match_chunk(stream, text, cuts));
            if self.found.is_some() {
                self.matcher = None;
            }
        }
    }
}

/// Extends `carry` to the end of its line or to the maximum size of a piece. `None` if all bytes were
/// added and the line is still unfinished.
fn complete<'a>(
    carry: &mut Vec<u8>,
    bytes: &'a [u8],
    max_line: usize,
) -> Option<(LineEnd, &'a [u8])> {
    let room = max_line.saturating_sub(carry.len());
    let near = bytes.get(..=room).unwrap_or(bytes);
    let (take, continues) = match memchr(b'\n', near) {
        Some(at) => (at + 1, false),
        None if bytes.len() > room => (room, true),
        None => {
            carry.extend_from_slice(bytes);
            return None;
        }
    };
    let (end, rest) = bytes.split_at(take);
    carry.extend_from_slice(end);
    Some((LineEnd::new(carry.len(), continues), rest))
}

/// Finds the ends of all lines and pieces; returns the end of the last one.
fn cut_lines(bytes: &[u8], max_line: usize, cuts: &mut Vec<LineEnd>) -> usize {
    let mut start = 0;
    let pieces = |start: &mut usize, end: usize, cuts: &mut Vec<LineEnd>| {
        while end - *start > max_line {
            *start += max_line;
            cuts.push(LineEnd::new(*start, true));
        }
    };
    for newline in memchr_iter(b'\n', bytes) {
        pieces(&mut start, newline, cuts);
        start = newline + 1;
        cuts.push(LineEnd::new(start, false));
    }
    pieces(&mut start, bytes.len(), cuts);
    start
}
