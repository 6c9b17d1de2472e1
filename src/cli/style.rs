//! Output style: colours and width on a terminal, plain and complete elsewhere.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::GlobalOptions;
use super::messages::use_colour;
use crate::machine::StateName;
use crate::sys::own_process;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutputStyle {
    pub(super) colour: bool,
    /// Columns of the terminal; `None` if stdout is not a terminal, and then nothing is cut.
    pub(super) width: Option<usize>,
}

impl OutputStyle {
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { colour: false, width: None };

    pub(super) fn of(global: &GlobalOptions) -> Self {
        let colour = use_colour(global.color, &std::io::stdout());
        Self { colour, width: own_process::terminal_width(std::io::stdout()) }
    }

    /// Returns the text in this colour, given as the numbers of an escape sequence.
    pub(super) fn paint(self, text: &str, colour: &str) -> String {
        if self.colour && !colour.is_empty() && !text.is_empty() {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Returns the text in this colour, with spaces up to this width after it.
    pub(super) fn pad(self, text: &str, width: usize, colour: &str) -> String {
        let spaces = " ".repeat(width.saturating_sub(text.width()));
        format!("{}{spaces}", self.paint(text, colour))
    }
}

pub(super) const DIM: &str = "2";
pub(super) const BOLD: &str = "1";

pub(super) fn state_colour(state: StateName) -> &'static str {
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

/// Cuts text to this width; `…` marks a cut.
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
