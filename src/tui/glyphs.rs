//! Glyphs of the screen, with and without Unicode.
//!
//! All are one column wide everywhere, and no terminal draws them as emoji.

use ratatui::symbols::border;

use crate::machine::StateName;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Whether some are not ASCII.
    pub unicode: bool,
    /// Before the row of the cursor.
    pub cursor: &'static str,
    pub mark: &'static str,
    /// A process that waits for input.
    pub waits_for_input: &'static str,
    /// A process whose bell has rung.
    pub bell: &'static str,
    pub all: &'static str,
    /// A group that is folded.
    pub folded: &'static str,
    /// A group that is unfolded.
    pub unfolded: &'static str,
    /// A member of a group.
    pub branch: &'static str,
    /// The last member of a group.
    pub last_branch: &'static str,
    /// The line of a level above.
    pub pipe: &'static str,
    pub dash: &'static str,
    /// Between the name and the text of a log line.
    pub gutter: &'static str,
    /// From one step to the next.
    pub arrow: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub restarts: &'static str,
    /// At the end of a text that was cut.
    pub ellipsis: &'static str,
    /// Between parts of a title.
    pub dot: &'static str,
    pub yes: &'static str,
    pub no: &'static str,
    /// Bars of a chart, from empty to full.
    pub bars: [&'static str; 9],
    /// The border of a pane.
    pub border: border::Set<'static>,
    /// The border of the pane that has the focus.
    pub focus_border: border::Set<'static>,
}

/// Returns a border of these signs for corners, vertical lines and horizontal lines.
const fn plain_border([corner, side, level]: [&'static str; 3]) -> border::Set<'static> {
    border::Set {
        top_left: corner,
        top_right: corner,
        bottom_left: corner,
        bottom_right: corner,
        vertical_left: side,
        vertical_right: side,
        horizontal_top: level,
        horizontal_bottom: level,
    }
}

pub const UNICODE: Glyphs = Glyphs {
    unicode: true,
    cursor: "▌",
    mark: "+",
    waits_for_input: "?",
    bell: "♪",
    all: "Σ",
    folded: "▸",
    unfolded: "▾",
    branch: "├",
    last_branch: "└",
    pipe: "│",
    dash: "─",
    gutter: "│",
    arrow: "→",
    up: "↑",
    down: "↓",
    restarts: "↻",
    ellipsis: "…",
    dot: "·",
    yes: "✓",
    no: "✗",
    bars: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    border: border::ROUNDED,
    focus_border: border::THICK,
};

pub const ASCII: Glyphs = Glyphs {
    unicode: false,
    cursor: ">",
    mark: "+",
    waits_for_input: "?",
    bell: "!",
    all: "=",
    folded: ">",
    unfolded: "v",
    branch: "|",
    last_branch: "`",
    pipe: "|",
    dash: "-",
    gutter: "|",
    arrow: ">",
    up: "^",
    down: "v",
    restarts: "@",
    ellipsis: "~",
    dot: "-",
    yes: "y",
    no: "x",
    bars: [" ", ".", ".", ":", ":", "-", "=", "+", "#"],
    border: plain_border(["+", "|", "-"]),
    focus_border: plain_border(["#", "#", "="]),
};

impl Glyphs {
    /// The glyph of a state. `checked`: a check decides when the process is ready.
    pub fn state(&self, state: StateName, checked: bool) -> &'static str {
        let (unicode, ascii) = match state {
            StateName::Idle | StateName::Stopped => ("○", "o"),
            StateName::Waiting => ("◌", "."),
            StateName::Queued => ("◇", ","),
            StateName::Starting => ("◐", "~"),
            StateName::Ready if checked => ("●", "*"),
            StateName::Ready => ("◆", "+"),
            StateName::Unhealthy => ("▲", "!"),
            StateName::Stopping => ("▼", "v"),
            StateName::Backoff => ("↻", "@"),
            StateName::Succeeded => ("✓", "="),
            StateName::Failed => ("✗", "x"),
            StateName::Skipped => ("⊘", "-"),
        };
        if self.unicode { unicode } else { ascii }
    }

    /// The bar of a chart for a share from 0 to 1.
    pub fn bar(&self, share: f64) -> &'static str {
        // NaN becomes 0.
        let height = (share.clamp(0.0, 1.0) * 8.0).round() as usize;
        self.bars.get(height).copied().unwrap_or(" ")
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const STATES: &[StateName] = &[
        StateName::Idle,
        StateName::Waiting,
        StateName::Queued,
        StateName::Starting,
        StateName::Ready,
        StateName::Unhealthy,
        StateName::Stopping,
        StateName::Backoff,
        StateName::Stopped,
        StateName::Succeeded,
        StateName::Failed,
        StateName::Skipped,
    ];

    #[test]
    fn every_sign_is_one_column_wide() {
        for set in [&UNICODE, &ASCII] {
            let mut signs = vec![set.cursor, set.mark, set.all, set.folded, set.unfolded];
            signs.extend([set.branch, set.last_branch, set.pipe, set.dash, set.gutter, set.arrow]);
            signs.extend([set.up, set.down, set.restarts, set.ellipsis, set.dot]);
            signs.extend([set.yes, set.no, set.waits_for_input, set.bell]);
            signs.extend(set.bars);
            for state in STATES {
                signs.extend([set.state(*state, true), set.state(*state, false)]);
            }
            for sign in signs {
                assert_eq!(sign.width(), 1, "{sign:?}");
                assert!(set.unicode || sign.is_ascii(), "{sign:?}");
            }
        }
    }

    #[test]
    fn the_shape_alone_distinguishes_a_state() {
        let mut shapes: Vec<_> = STATES.iter().map(|state| UNICODE.state(*state, true)).collect();
        shapes.push(UNICODE.state(StateName::Ready, false));
        let before = shapes.len();
        shapes.sort_unstable();
        shapes.dedup();
        assert_eq!(before - shapes.len(), 1, "only what does not run shares a shape");
    }

    #[test]
    fn a_bar_takes_any_number() {
        for share in [f64::NAN, f64::INFINITY, -1.0, 0.0, 0.5, 1.0, 7.0] {
            assert_eq!(UNICODE.bar(share).width(), 1);
        }
        assert_eq!((UNICODE.bar(0.0), UNICODE.bar(1.0)), (" ", "█"));
    }
}
