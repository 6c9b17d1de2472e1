//! Clipboard: through the terminal (OSC 52), and inside tmux through tmux, which by default ignores
//! OSC 52.

use std::fmt::Write;

use crate::spec::counted;

/// How much a terminal usually takes, in base64. Beyond it the text goes to a file.
pub const MOST: usize = 74_994;

/// How a text gets to the clipboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClipboardMethod {
    /// These bytes are written to the terminal.
    Terminal(Vec<u8>),
    /// These bytes are written to the terminal, and this is run with the text as its input.
    Tmux {
        /// For terminals that tmux passes it on to.
        bytes: Vec<u8>,
        command: &'static [&'static str],
    },
    /// It is more than a terminal takes: it has to be saved, and its place said.
    TooLong,
}

/// Returns how to copy this text. `tmux` says whether the variable `TMUX` is set.
///
/// ```
/// use pitcrew::tui::clipboard::{ClipboardMethod, copying};
///
/// assert_eq!(copying("hi", false), ClipboardMethod::Terminal(b"\x1b]52;c;aGk=\x07".to_vec()));
/// ```
pub fn copying(text: &str, tmux: bool) -> ClipboardMethod {
    let encoded = base64(text.as_bytes());
    if encoded.len() > MOST {
        // tmux has no such bound, and takes it by its input.
        return if tmux { through_tmux(Vec::new()) } else { ClipboardMethod::TooLong };
    }
    let bytes = format!("\x1b]52;c;{encoded}\x07").into_bytes();
    if tmux { through_tmux(bytes) } else { ClipboardMethod::Terminal(bytes) }
}

fn through_tmux(bytes: Vec<u8>) -> ClipboardMethod {
    // `-w` passes it on to the terminal outside.
    ClipboardMethod::Tmux { bytes, command: &["tmux", "load-buffer", "-w", "-"] }
}

/// What is said when it was copied: `copied 3 lines`.
pub fn copied(text: &str) -> String {
    let lines = text.lines().count();
    let mut said = "copied ".to_owned();
    _ = match lines {
        0 => write!(said, "nothing"),
        1 => said.write_str(&counted(text.trim_end_matches('\n').chars().count(), "character")),
        _ => said.write_str(&counted(lines, "line")),
    };
    said
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inside_tmux_tmux_takes_it_as_well() {
        let ClipboardMethod::Tmux { bytes, command } = copying("a\tb\n", true) else {
            panic!("no tmux")
        };
        assert_eq!(bytes, b"\x1b]52;c;YQliCg==\x07");
        assert_eq!(command, ["tmux", "load-buffer", "-w", "-"]);
    }

    #[test]
    fn what_is_too_long_is_said_to_be() {
        let long = "x".repeat(MOST / 4 * 3 + 3);
        assert_eq!(copying(&long, false), ClipboardMethod::TooLong);
        assert!(
            matches!(copying(&long, true), ClipboardMethod::Tmux { bytes, .. } if bytes.is_empty())
        );
        let fits = "x".repeat(MOST / 4 * 3);
        assert!(matches!(copying(&fits, false), ClipboardMethod::Terminal(_)));
    }

    #[test]
    fn what_was_copied_is_counted() {
        assert_eq!(copied("a\nb\nc\n"), "copied 3 lines");
        assert_eq!(copied("häm\n"), "copied 3 characters");
        assert_eq!(copied(""), "copied nothing");
    }

    proptest! {
        #[test]
        fn the_text_cannot_leave_the_sequence(text in any::<String>()) {
            let ClipboardMethod::Terminal(bytes) = copying(&text, false) else { panic!("too long") };
            let inner = bytes.strip_prefix(b"\x1b]52;c;").and_then(|b| b.strip_suffix(b"\x07")).unwrap();
            prop_assert!(inner.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)));
            prop_assert_eq!(base64::prelude::BASE64_STANDARD.decode(inner).unwrap(), text.as_bytes());
        }
    }
}
