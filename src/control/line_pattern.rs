//! Patterns for lines.

use memchr::memchr;
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Look;

use super::error::{ControlError, ControlErrorKind};
use crate::output::Slice;

/// Largest program of a regular expression, in bytes.
const LARGEST: usize = 1 << 20;

/// A regular expression for single lines.
#[derive(Debug, Clone)]
pub(super) struct LinePattern {
    line: Regex,
    /// The same for many lines at once; nothing where it could miss what is in one of them.
    lines: Option<Regex>,
}

impl LinePattern {
    pub(super) fn new(text: &str) -> Result<Self, ControlError> {
        let build = |lines| {
            let mut builder = RegexBuilder::new(text);
            builder.size_limit(LARGEST).multi_line(lines).build()
        };
        let line = build(false).map_err(|error| {
            ControlError::new(
                ControlErrorKind::Wrong,
                format!("this is no regular expression: {error}"),
            )
        })?;
        let lines = if is_of_lines(text) { build(true).ok() } else { None };
        Ok(Self { line, lines })
    }

    /// Whether it is in a line, as it is shown.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        self.line.is_match(line)
    }

    /// False when it is in none of these lines: found out with one look at all of them, at a tenth
    /// of the cost.
    pub(super) fn may_be_in(&self, lines: &Slice) -> bool {
        let text = lines.text();
        // Without its colours a line can have what is not in its bytes.
        self.lines.as_ref().is_none_or(|lines| memchr(0x1b, text).is_some() || lines.is_match(text))
    }
}

/// Whether its anchors can be told to mean the ends of lines, not those of the text.
fn is_of_lines(text: &str) -> bool {
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

    use super::super::severity::shown;
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
    fn it_is_known_at_once_that_it_is_in_no_line() {
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
            assert_eq!(LinePattern::new(pattern).unwrap().may_be_in(&lines), may_be, "{pattern}");
        }
        let coloured = slice(b"fo\x1b[1mur\n");
        assert!(LinePattern::new("four").unwrap().may_be_in(&coloured));
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
            let is_in_one = lines.lines().any(|line| pattern.is_match(&shown(line.bytes)));
            prop_assert!(!is_in_one || pattern.may_be_in(&lines));
        }
    }
}
