//! Line matcher: looks for the line that a `log` check waits for.

use super::block::LineEnd;
use super::sanitize::{StyleMode, safe_line};
use super::{PerStream, Stream};
use crate::spec::{OutputPattern, one_line};

/// The number of bytes of an incomplete line that are matched again together with its next piece.
const OVERLAP: usize = 4 << 10;
/// Inserted where a piece is cut, so that `^` and `$` do not match there.
const CUT_MARK: u8 = 0;

/// Matches each line of a run until one fits.
#[derive(Debug)]
pub(super) struct LineMatcher {
    pattern: OutputPattern,
    /// The end of an incomplete line.
    carry: PerStream<Vec<u8>>,
}

impl LineMatcher {
    pub(super) fn new(pattern: OutputPattern) -> Self {
        Self { pattern, carry: PerStream::default() }
    }

    /// Returns the first line of a chunk that matches, safe to display.
    pub(super) fn match_chunk(
        &mut self,
        stream: Stream,
        chunk: &[u8],
        cuts: &[LineEnd],
    ) -> Option<String> {
        let mut start = 0;
        cuts.iter().find_map(|cut| {
            let line = chunk.get(start..cut.end()).unwrap_or_default();
            start = cut.end();
            self.match_piece(stream, line, cut.continues())
        })
    }

    /// Matches one line or one piece of a line.
    pub(super) fn match_piece(
        &mut self,
        stream: Stream,
        line: &[u8],
        continues: bool,
    ) -> Option<String> {
        let carry = self.carry.get_mut(stream);
        let begins = carry.is_empty();
        if begins && !continues {
            return find(&self.pattern, trimmed(line), LineAnchors { begins, ends: true });
        }
        let mut text = std::mem::take(carry);
        text.extend_from_slice(trimmed(line));
        if continues {
            let end = text.len().saturating_sub(OVERLAP);
            carry.extend_from_slice(text.get(end..).unwrap_or_default());
        }
        find(&self.pattern, &text, LineAnchors { begins, ends: !continues })
    }
}

/// Whether a text begins and ends where its line does.
#[derive(Clone, Copy)]
struct LineAnchors {
    begins: bool,
    ends: bool,
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Matches the raw line, or the line without colours and control characters.
fn find(pattern: &OutputPattern, line: &[u8], anchors: LineAnchors) -> Option<String> {
    let is_plain = line.iter().all(|byte| *byte >= b' ' || *byte == b'\t');
    let is_match = is_in(pattern, line, anchors)
        || !is_plain && is_in(pattern, safe_line(line, StyleMode::Drop).as_bytes(), anchors);
    is_match.then(|| one_line(&safe_line(line, StyleMode::Drop)))
}

fn is_in(pattern: &OutputPattern, text: &[u8], LineAnchors { begins, ends }: LineAnchors) -> bool {
    if begins && ends {
        return pattern.is_in(text, 0);
    }
    let mark = |is_anchor: bool| (!is_anchor).then_some(CUT_MARK);
    let marked: Vec<u8> =
        mark(begins).into_iter().chain(text.iter().copied()).chain(mark(ends)).collect();
    pattern.is_in(&marked, usize::from(!begins))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use crate::output::{LineSplitter, LogStore, Stream};
    use crate::spec::{OutputLimits, OutputPattern};

    /// Returns the match if the bytes arrive in chunks of this size.
    fn found(pattern: &str, bytes: &[u8], size: usize, longest: u64) -> Option<String> {
        let store = LogStore::new(OutputLimits { memory: 1 << 20, line: longest });
        let source = store.source(&"x".into());
        let mut splitter = LineSplitter::new(&store, source, 1, None);
        splitter.look_for(OutputPattern::new(pattern).unwrap());
        for chunk in bytes.chunks(size.max(1)) {
            splitter.push(Stream::Out, chunk, Timestamp::UNIX_EPOCH);
        }
        splitter.found()
    }

    #[test]
    fn a_line_is_found_however_reads_cut_it() {
        let bytes = b"starting\nlistening on 8080\r\nmore\n";
        for size in 1..40 {
            let line = found("^listening on [0-9]+$", bytes, size, 1000);
            assert_eq!(line.as_deref(), Some("listening on 8080"), "{size}");
            assert_eq!(found("^on", bytes, size, 1000), None);
            assert_eq!(found("starting.listening", bytes, size, 1000), None);
        }
    }

    #[test]
    fn a_line_is_found_without_its_colours_and_with_them() {
        let bytes = b"\x1b[32mlisten\x1b[1ming\x1b[0m on \xff 8080\n";
        for size in 1..50 {
            for pattern in ["^listening on", "\\x1b\\[1m", "(?-u:\\xff)", "8080$"] {
                assert!(found(pattern, bytes, size, 1000).is_some(), "{pattern} by {size}");
            }
        }
        assert_eq!(found("listening", bytes, 7, 1000).unwrap(), "listening on \u{fffd} 8080");
    }

    #[test]
    fn what_is_kept_is_looked_at_when_something_else_is_looked_for() {
        let store = LogStore::new(OutputLimits { memory: 1 << 20, line: 8 });
        let source = store.source(&"x".into());
        let push = |splitter: &mut LineSplitter, bytes: &[u8]| {
            splitter.push(Stream::Out, bytes, Timestamp::UNIX_EPOCH);
        };
        let pattern = |text: &str| Some(OutputPattern::new(text).unwrap());
        push(&mut LineSplitter::new(&store, source, 1, None), b"of the run before\n");
        let mut splitter = LineSplitter::new(&store, source, 2, None);
        for _ in 0..3000 {
            push(&mut splitter, b"a line\n");
        }
        push(&mut splitter, b"a line that comes in pieces\nlast\n");
        splitter.look_again(pattern("before"));
        assert_eq!(splitter.found(), None);
        splitter.look_again(pattern("line that.*pieces$"));
        assert_eq!(splitter.found().as_deref(), Some("a line that comes in pieces"));
        splitter.look_again(pattern("^later"));
        assert_eq!(splitter.found(), None);
        push(&mut splitter, b"later\n");
        assert_eq!(splitter.found().as_deref(), Some("later"));
        splitter.look_again(pattern("never"));
        splitter.look_again(None);
        push(&mut splitter, b"never\n");
        assert_eq!(splitter.found(), None);
    }

    #[test]
    fn an_unfinished_line_is_no_line() {
        assert_eq!(found("ready", b"ready", 2, 1000), None);
        assert!(found("ready", b"ready\n", 2, 1000).is_some());
        assert!(found("^$", b"a\n\n", 2, 1000).is_some());
    }

    #[test]
    fn a_line_in_pieces_is_found_across_them_and_its_cuts_are_no_ends() {
        let bytes = b"aaaaaaaaaa ready bbbbbbbbbb\n";
        for longest in 1..28 {
            assert!(found("ready", bytes, 5, longest).is_some(), "{longest}");
            assert_eq!(found("^ready|ready$|^b|a$|^a+$", bytes, 5, longest), None, "{longest}");
            assert!(found("b$", bytes, 5, longest).is_some(), "{longest}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_found_that_no_line_holds(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'a'), Just(b'b')], 0..200),
            size in 1_usize..20,
            longest in 1_u64..200,
        ) {
            let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines: Vec<&[u8]> = bytes[..end].split(|byte| *byte == b'\n').collect();
            let wanted = lines.iter().any(|line| line.windows(2).any(|two| two == b"ab"));
            // A piece without a newline may already match as a whole line.
            let rest = bytes[end..].windows(2).any(|two| two == b"ab") && longest < 200;
            let got = found("ab", &bytes, size, longest).is_some();
            prop_assert!(got == wanted || rest, "{got} {wanted}");
        }
    }
}
