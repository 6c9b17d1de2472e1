//! Output style: colours and width on a terminal, plain and complete elsewhere.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{GlobalOptions, project};
use crate::machine::StateName;
use crate::sys::own_process;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutputStyle {
    pub(super) colour: bool,
    /// Columns of the terminal; nothing where it is none, and then nothing is cut.
    pub(super) width: Option<usize>,
}

impl OutputStyle {
    /// A pipe, or what is for programs.
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { colour: false, width: None };

    pub(super) fn of(global: &GlobalOptions) -> Self {
        let colour = project::colour(global.color, &std::io::stdout());
        Self { colour, width: own_process::terminal_width(std::io::stdout()) }
    }

    /// In this colour, the numbers of an escape sequence.
    pub(super) fn paint(self, text: &str, colour: &str) -> String {
        if self.colour && !colour.is_empty() && !text.is_empty() {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

pub(super) const DIM: &str = "2";
/// The head of a table.
pub(super) const BOLD: &str = "1";

/// The colour of a state: good, busy, waiting, in trouble, over.
pub(super) fn of_state(state: StateName) -> &'static str {
    match state {
        StateName::Ready | StateName::Succeeded => "32",
        StateName::Starting | StateName::Stopping => "36",
        StateName::Backoff | StateName::Unhealthy => "33",
        StateName::Failed => "31",
        StateName::Waiting
        | StateName::Queued
        | StateName::Idle
        | StateName::Stopped
        | StateName::Skipped => DIM,
    }
}

/// Cut to this width, with a sign that it was.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 0;
    let mut fitted: String = text
        .chars()
        .take_while(|char| {
            used += char.width().unwrap_or(0);
            used < width
        })
        .collect();
    if width > 0 {
        fitted.push('…');
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_does_not_fit_and_not_before() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("abc", 1, "…"),
            ("abc", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(fit(text, width), expected, "{text} in {width}");
        }
    }
}
