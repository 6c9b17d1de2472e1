//! Patterns for lines: regular expressions that can also be tested on many lines at the same time.

use memchr::memchr;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Look;

use super::error::{ControlError, ControlResult};
use crate::output::Slice;

/// The largest compiled regular expression, in bytes.
const MAX_COMPILED_SIZE: usize = 1 << 20;

/// A regular expression for single lines.
#[derive(Debug, Clone)]
pub(super) struct LinePattern {
    line: Regex,
    /// The same for a text of many lines; `None` if it could miss a match in one of them.
    text: Option<Regex>,
}

impl LinePattern {
    pub(super) fn new(text: &str) -> ControlResult<Self> {
        let build = |multi_line| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(MAX_COMPILED_SIZE).multi_line(multi_line).build()
        };
        let line = build(false).map_err(|error| invalid(&error))?;
        let text = if is_line_based(text) { build(true).ok() } else { None };
        Ok(Self { line, text })
    }

    /// Whether the visible text of a line matches.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        self.line.is_match(line)
    }

    /// Returns false only if no line of the slice matches. Tests all lines at the same time, at a tenth of
    /// the cost of testing each.
    pub(super) fn may_match(&self, slice: &Slice) -> bool {
        let text = slice.text();
        // A line without its escape sequences may match although its bytes do not.
        let has_escapes = || memchr(0x1b, text).is_some();
        self.text.as_ref().is_none_or(|pattern| has_escapes() || pattern.is_match(text))
    }
}

/// Returns a regular expression for the rows of a screen, in which `^` and `$` match at the ends of rows.
pub(super) fn screen_pattern(text: &str) -> ControlResult<regex::Regex> {
    let mut builder = regex::RegexBuilder::new(text);
    let builder = builder.size_limit(MAX_COMPILED_SIZE).multi_line(true);
    builder.build().map_err(|error| invalid(&error))
}

fn invalid(error: &regex::Error) -> ControlError {
    ControlError::invalid_request(format!("invalid regular expression: {error}"))
}

/// Whether all anchors of the pattern match at line ends in multi-line mode, and none only at the ends of
/// the text.
fn is_line_based(text: &str) -> bool {
    let hir = ParserBuilder::new().utf8(false).multi_line(true).build().parse(text);
    hir.is_ok_and(|hir| {
        let looks = hir.properties().look_set();
        ![Look::Start, Look::End, Look::StartCRLF, Look::EndCRLF]
            .into_iter()
            .any(|look| looks.contains(look))
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::severity::visible_text;
    use super::*;
    use crate::output::{LineSplitter, LogStore, ReadLimit, SourceSelection, Stream};
    use crate::spec::{Name, OutputLimits};

    fn slice(text: &[u8]) -> Slice {
        let store = LogStore::new(OutputLimits::default());
        let source = store.source(&Name::new("web"));
        let mut intake = LineSplitter::new(&store, source, 1, None);
        intake.push(Stream::Out, text, Timestamp::UNIX_EPOCH);
        store.read(&SourceSelection::All, 0, ReadLimit::lines(1000))
    }

    #[test]
    fn a_pattern_that_no_line_contains_is_ruled_out_early() {
        let lines = slice(b"one 1\ntwo 2\r\nthree 3\n\n");
        for (pattern, may_be) in [
            ("four", false),
            ("^two", true),
            ("^1", false),
            ("1$", true),
            ("2$", false),
            ("two$", false),
            ("(?i)TWO", true),
            ("(?i)FOUR", false),
            ("^$", true),
            (r"\Atwo", true),
            (r"3\z", true),
            (r"(?-m)^two", true),
            (r"(?x)( ?-m)^two", true),
            (r"(?Rm)2$", true),
            (r"\bthree\b", true),
            (r"\bthre\b", false),
        ] {
            assert_eq!(LinePattern::new(pattern).unwrap().may_match(&lines), may_be, "{pattern}");
        }
        let coloured = slice(b"fo\x1b[1mur\n");
        assert!(LinePattern::new("four").unwrap().may_match(&coloured));
    }

    proptest! {
        #[test]
        fn what_is_in_a_line_may_be_in_the_lines(
            pattern in r"(\(\?[imsx]\))?(\^|\\A|\\b)?[ab.]{0,2}(\[\^a\]|\(a\|b\n\))?[ab+*?]{0,2}(\$|\\z|\\B)?",
            text in proptest::collection::vec(
                prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n'), Just(b'\r'), Just(b'A'), any::<u8>()],
                0..40,
            ),
        ) {
            let Ok(pattern) = LinePattern::new(&pattern) else { return Ok(()) };
            let lines = slice(&text);
            let is_in_one = lines.lines().any(|line| pattern.is_match(&visible_text(line.bytes)));
            prop_assert!(!is_in_one || pattern.may_match(&lines));
        }
    }
}
