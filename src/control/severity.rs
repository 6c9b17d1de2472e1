//! Severity of a log line, read from its text; `docs/cli.md` describes the rule.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memchr;
use regex::bytes::Regex;

use super::wire::Severity;
use crate::output::{StyleMode, safe_line};

/// How many bytes of a line are searched for its severity.
const MAX_SEARCHED: usize = 256;

/// Words for severities; a word comes before its own prefixes.
const WORDS: &str = "trace|debug|info|notice|warning|warn|error|err|fatal|critical|crit|alert|\
                     emergency|emerg|panic|severe";

/// The capture group of crash messages.
const CRASH_GROUP: usize = 4;

/// Capture groups in this order: a key with a word or number as its value, a word in capitals, a word in
/// brackets or before a colon, and a crash message.
static SEVERITY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let capitals = WORDS.to_uppercase();
    let pattern = format!(
        r#"(?-u)(?i:\b(?:level|lvl|severity)\b["']?\s*[:=]\s*["']?([a-z]+|[1-6]0)\b)|\b({capitals})\b|(?i:(?:^|[\[(<\s])({WORDS})[\]):>])|(^Traceback \(most|\bpanicked at |^(?:[A-Za-z_]+\.)*[A-Z][A-Za-z]*(?:Error|Exception)(?::|$))"#
    );
    Regex::new(&pattern).ok()
});

/// Returns the severity that a line states, if it states one.
pub(super) fn severity(line: &[u8]) -> Option<Severity> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let start = line.get(..MAX_SEARCHED).unwrap_or(line);
    let start = without_escapes(start);
    let captures = SEVERITY.as_ref()?.captures(&start)?;
    if captures.get(CRASH_GROUP).is_some() {
        return Some(Severity::Error);
    }
    let word = (1..CRASH_GROUP).find_map(|group| captures.get(group))?;
    Some(match word.as_bytes().to_ascii_lowercase().as_slice() {
        b"trace" | b"10" => Severity::Trace,
        b"debug" | b"20" => Severity::Debug,
        b"info" | b"notice" | b"30" => Severity::Info,
        b"warn" | b"warning" | b"40" => Severity::Warn,
        b"error" | b"err" | b"fatal" | b"critical" | b"crit" | b"alert" | b"emergency"
        | b"emerg" | b"panic" | b"severe" | b"50" | b"60" => Severity::Error,
        _ => return None,
    })
}

/// Returns the visible text of a line: without its newline and without escape sequences.
pub(super) fn visible_text(line: &[u8]) -> Cow<'_, [u8]> {
    without_escapes(line.strip_suffix(b"\n").unwrap_or(line))
}

/// Removes escape sequences as the interface does. A line without any stays as it is, byte for byte.
fn without_escapes(line: &[u8]) -> Cow<'_, [u8]> {
    if memchr(0x1b, line).is_none() {
        return Cow::Borrowed(line);
    }
    match safe_line(line, StyleMode::Drop) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_its_level_in_one_of_the_usual_ways() {
        for (line, expected) in [
            ("2026-01-02 INFO  GET / 200", Some(Severity::Info)),
            ("\x1b[32mINFO\x1b[0m boot", Some(Severity::Info)),
            ("ERROR smtp connect refused", Some(Severity::Error)),
            ("time=1 level=warn msg=\"no ERROR here\"", Some(Severity::Warn)),
            (r#"{"time":1,"level":"error","msg":"x"}"#, Some(Severity::Error)),
            (r#"{"level":50,"msg":"x"}"#, Some(Severity::Error)),
            (r#"{"severity": "DEBUG"}"#, Some(Severity::Debug)),
            ("[error] 12#0: connect() failed", Some(Severity::Error)),
            ("error: could not compile", Some(Severity::Error)),
            ("warning: unused variable", Some(Severity::Warn)),
            ("error[E0308]: mismatched types", None),
            ("thread 'main' panicked at src/main.rs:1:1:", Some(Severity::Error)),
            ("Traceback (most recent call last):", Some(Severity::Error)),
            ("TypeError: x is not a function", Some(Severity::Error)),
            ("java.lang.IllegalStateException: no", Some(Severity::Error)),
            ("LOG:  checkpoint complete", None),
            ("no errors were found", None),
            ("the information is here", None),
            ("", None),
        ] {
            assert_eq!(severity(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn colours_are_not_looked_at() {
        assert_eq!(&*visible_text(b"\x1b[1;31mERR\x1b[0mOR 31\n"), b"ERROR 31");
        assert_eq!(&*visible_text(b"\x1b]8;;http://x/ERROR\x1b\\link\x1b]8;;\x1b\\\n"), b"link");
        assert!(matches!(visible_text(b"ERROR 31\n"), Cow::Borrowed(b"ERROR 31")));
    }

    #[test]
    fn bytes_that_are_no_text_say_nothing_and_do_no_harm() {
        for line in [&b"\xff\xfe\x1b"[..], b"\x1b[", b"\x1b[31", b"\x1b[999999999m\n"] {
            assert_eq!(severity(line), None);
        }
    }
}
