//! Copies to the clipboard with OSC 52 of the terminal; inside tmux, which ignores OSC 52 by default,
//! also with a command of tmux.

use base64::Engine as _;

use crate::spec::counted;

/// The length in base64 that terminals usually accept. A longer text goes to a file.
pub const MAX_BASE64: usize = 74_994;

/// The way to copy a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClipboardMethod {
    /// Write these bytes to the terminal.
    Terminal(Vec<u8>),
    /// Write these bytes to the terminal, and run the command with the text as its input.
    Tmux {
        /// For a tmux that passes OSC 52 on to its terminal.
        bytes: Vec<u8>,
        command: &'static [&'static str],
    },
    /// The text is too long for a terminal: save it to a file and show its path.
    TooLong,
}

/// Returns the way to copy this text. `tmux`: the variable `TMUX` is set.
///
/// ```
/// use pitcrew::tui::clipboard::{ClipboardMethod, copy_method};
///
/// assert_eq!(copy_method("hi", false), ClipboardMethod::Terminal(b"\x1b]52;c;aGk=\x07".to_vec()));
/// ```
pub fn copy_method(text: &str, tmux: bool) -> ClipboardMethod {
    match osc_52('c', text) {
        // tmux has no limit of the length, as it reads the text from its input; `-w` passes the text
        // on to its terminal.
        bytes if tmux => ClipboardMethod::Tmux {
            bytes: bytes.unwrap_or_default(),
            command: &["tmux", "load-buffer", "-w", "-"],
        },
        Some(bytes) => ClipboardMethod::Terminal(bytes),
        None => ClipboardMethod::TooLong,
    }
}

/// Returns the bytes that put a text into the primary selection; none if it is too long for a terminal.
pub fn primary_selection(text: &str) -> Vec<u8> {
    osc_52('p', text).unwrap_or_default()
}

/// Returns the sequence that puts a text into a selection; `None` if it is too long for a terminal.
fn osc_52(selection: char, text: &str) -> Option<Vec<u8>> {
    let encoded = base64::prelude::BASE64_STANDARD.encode(text);
    let fits = encoded.len() <= MAX_BASE64;
    fits.then(|| format!("\x1b]52;{selection};{encoded}\x07").into_bytes())
}

/// Returns the notice after a copy: `copied 3 lines`.
pub fn copy_notice(text: &str) -> String {
    let what = match text.lines().count() {
        0 => "nothing".to_owned(),
        1 => counted(text.trim_end_matches('\n').chars().count(), "character"),
        lines => counted(lines, "line"),
    };
    format!("copied {what}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn inside_tmux_tmux_takes_it_as_well() {
        let ClipboardMethod::Tmux { bytes, command } = copy_method("a\tb\n", true) else {
            panic!("no tmux")
        };
        assert_eq!(bytes, b"\x1b]52;c;YQliCg==\x07");
        assert_eq!(command, ["tmux", "load-buffer", "-w", "-"]);
    }

    #[test]
    fn what_is_too_long_is_said_to_be() {
        let long = "x".repeat(MAX_BASE64 / 4 * 3 + 3);
        assert_eq!(copy_method(&long, false), ClipboardMethod::TooLong);
        assert!(
            matches!(copy_method(&long, true), ClipboardMethod::Tmux { bytes, .. } if bytes.is_empty())
        );
        let fits = "x".repeat(MAX_BASE64 / 4 * 3);
        assert!(matches!(copy_method(&fits, false), ClipboardMethod::Terminal(_)));
    }

    #[test]
    fn what_was_copied_is_counted() {
        assert_eq!(copy_notice("a\nb\nc\n"), "copied 3 lines");
        assert_eq!(copy_notice("häm\n"), "copied 3 characters");
        assert_eq!(copy_notice(""), "copied nothing");
    }

    proptest! {
        #[test]
        fn the_text_cannot_leave_the_sequence(text in any::<String>()) {
            let ClipboardMethod::Terminal(bytes) = copy_method(&text, false) else { panic!("too long") };
            let inner = bytes.strip_prefix(b"\x1b]52;c;").and_then(|b| b.strip_suffix(b"\x07")).unwrap();
            prop_assert!(inner.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)));
            prop_assert_eq!(base64::prelude::BASE64_STANDARD.decode(inner).unwrap(), text.as_bytes());
        }
    }
}
