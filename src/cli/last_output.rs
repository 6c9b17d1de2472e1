//! The last lines of a failed process, below the error.

use std::io::Write as _;

use clap::ColorChoice;

use super::messages::use_colour;
use crate::control::wire::LastOutput;
use crate::output::{StyleMode, safe_line, safe_name};

/// Prints the lines on stderr, as `NAME | text`.
pub(super) fn print(last: &LastOutput, color: ColorChoice) {
    let mut stderr = std::io::stderr();
    let text: Vec<String> = lines(last, use_colour(color, &stderr)).collect();
    _ = writeln!(stderr, "{}", text.join("\n"));
}

/// The lines as `NAME | text`, made safe for a terminal.
pub(super) fn lines(last: &LastOutput, colour: bool) -> impl Iterator<Item = String> {
    let styles = if colour { StyleMode::Keep } else { StyleMode::Drop };
    let name = safe_name(&last.name).into_owned();
    last.lines.iter().map(move |line| format!("{name} | {}", safe_line(line.as_bytes(), styles)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_and_made_safe() {
        let lines_of = vec!["\u{1b}[31mred\u{1b}[0m\u{1b}[2J".to_owned(), "plain".to_owned()];
        let last = LastOutput { name: "web".to_owned(), run: 1, lines: lines_of };
        let plain: Vec<String> = lines(&last, false).collect();
        assert_eq!(plain, ["web | red", "web | plain"]);
        let coloured: Vec<String> = lines(&last, true).collect();
        assert!(coloured.concat().contains("\u{1b}[31m"), "{coloured:?}");
        assert!(!coloured.concat().contains("[2J"), "{coloured:?}");
    }
}
