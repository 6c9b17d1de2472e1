//! Colour themes. Only selections have a background colour, so that every terminal stays readable.

use ratatui::style::{Color, Modifier, Style};

use crate::machine::StateName;
use crate::spec::choices;

choices! {
    /// A set of colours.
    pub enum ThemeName {
        /// For a dark terminal.
        Dark = "dark",
        /// For a light terminal.
        Light = "light",
        /// Strong colours on any terminal.
        Contrast = "contrast",
        /// Blue and orange instead of green and red.
        ColourBlind = "colour-blind",
        /// The sixteen colours of the terminal itself.
        Terminal = "terminal",
        /// No colours: shapes, words, bold and reverse.
        None = "none",
    }
}

/// The meaning of a text on the screen, which decides its style.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Text,
    Dim,
    /// The border of a pane.
    Border,
    /// The border of the pane that has the focus.
    Focus,
    Title,
    /// A key in a hint.
    Key,
    /// The row of the cursor.
    Cursor,
    /// Text that is selected to be copied.
    Selection,
    /// A match of the search.
    Match,
    /// The match at the cursor of the search.
    CurrentMatch,
    Good,
    Busy,
    Warn,
    Bad,
    Off,
    /// A line between runs, or a marker.
    Separator,
    Added,
    Removed,
    Changed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Theme {
    pub name: ThemeName,
}

/// The colours a theme is made of.
struct ThemeColors {
    accent: Color,
    title: Color,
    good: Color,
    busy: Color,
    warn: Color,
    bad: Color,
    cursor: Color,
    selection: Color,
    matched: (Color, Color),
    names: [Color; 8],
}

const fn index(number: u8) -> Color {
    Color::Indexed(number)
}

// The colours of names do not include red or yellow, which have a meaning.
const DARK: ThemeColors = ThemeColors {
    accent: index(75),
    title: index(153),
    good: index(78),
    busy: index(80),
    warn: index(214),
    bad: index(203),
    cursor: index(237),
    selection: index(24),
    matched: (index(16), index(179)),
    names: [
        index(75),
        index(114),
        index(176),
        index(80),
        index(147),
        index(109),
        index(182),
        index(151),
    ],
};

const LIGHT: ThemeColors = ThemeColors {
    accent: index(25),
    title: index(24),
    good: index(28),
    busy: index(30),
    warn: index(130),
    bad: index(124),
    cursor: index(254),
    selection: index(153),
    matched: (index(16), index(222)),
    names: [index(25), index(28), index(90), index(30), index(61), index(23), index(96), index(64)],
};

const CONTRAST: ThemeColors = ThemeColors {
    accent: Color::LightCyan,
    title: Color::LightCyan,
    good: Color::LightGreen,
    busy: Color::LightCyan,
    warn: Color::LightYellow,
    bad: Color::LightRed,
    cursor: Color::Blue,
    selection: Color::Blue,
    matched: (Color::Black, Color::LightYellow),
    names: [
        Color::LightCyan,
        Color::LightGreen,
        Color::LightMagenta,
        Color::LightBlue,
        Color::Cyan,
        Color::Green,
        Color::Magenta,
        Color::LightCyan,
    ],
};

const COLOUR_BLIND: ThemeColors = ThemeColors {
    accent: index(75),
    title: index(75),
    good: index(33),
    busy: index(117),
    warn: index(178),
    bad: index(208),
    cursor: index(239),
    selection: index(24),
    matched: (index(16), index(179)),
    names: [
        index(75),
        index(117),
        index(140),
        index(110),
        index(147),
        index(146),
        index(67),
        index(152),
    ],
};

const TERMINAL: ThemeColors = ThemeColors {
    accent: Color::Cyan,
    title: Color::Cyan,
    good: Color::Green,
    busy: Color::Cyan,
    warn: Color::Yellow,
    bad: Color::Red,
    // Reversed instead: none of the sixteen colours is a subtle background.
    cursor: Color::Reset,
    selection: Color::Reset,
    matched: (Color::Black, Color::Yellow),
    names: [
        Color::Cyan,
        Color::Green,
        Color::Magenta,
        Color::Blue,
        Color::LightCyan,
        Color::LightGreen,
        Color::LightMagenta,
        Color::LightBlue,
    ],
};

impl Theme {
    pub fn new(name: ThemeName) -> Self {
        Self { name }
    }

    fn palette(self) -> Option<&'static ThemeColors> {
        match self.name {
            ThemeName::Dark => Some(&DARK),
            ThemeName::Light => Some(&LIGHT),
            ThemeName::Contrast => Some(&CONTRAST),
            ThemeName::ColourBlind => Some(&COLOUR_BLIND),
            ThemeName::Terminal => Some(&TERMINAL),
            ThemeName::None => None,
        }
    }

    /// Whether the colours of process output are shown.
    pub fn coloured(self) -> bool {
        self.name != ThemeName::None
    }

    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let Some(colours) = self.palette() else { return bare(role) };
        let back = |colour: Color| {
            if colour == Color::Reset {
                plain.add_modifier(Modifier::REVERSED)
            } else {
                plain.bg(colour)
            }
        };
        match role {
            Role::Text => plain,
            // Not grey, which is unreadable on some backgrounds.
            Role::Dim | Role::Border | Role::Off => plain.add_modifier(Modifier::DIM),
            Role::Focus => plain.fg(colours.accent),
            Role::Title => plain.fg(colours.title).add_modifier(Modifier::BOLD),
            Role::Key => plain.fg(colours.accent).add_modifier(Modifier::BOLD),
            Role::Cursor => back(colours.cursor).add_modifier(Modifier::BOLD),
            Role::Selection => back(colours.selection),
            Role::Match => plain.fg(colours.matched.0).bg(colours.matched.1),
            Role::CurrentMatch => {
                self.style(Role::Match).add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
            }
            Role::Good | Role::Added => plain.fg(colours.good),
            Role::Busy => plain.fg(colours.busy),
            Role::Warn | Role::Changed => plain.fg(colours.warn),
            Role::Bad | Role::Removed => plain.fg(colours.bad),
            Role::Separator => plain.fg(colours.accent).add_modifier(Modifier::DIM),
        }
    }

    pub fn state(self, state: StateName) -> Style {
        self.style(match state {
            StateName::Ready | StateName::Succeeded => Role::Good,
            StateName::Starting | StateName::Stopping => Role::Busy,
            StateName::Waiting | StateName::Queued => Role::Dim,
            StateName::Backoff | StateName::Unhealthy => Role::Warn,
            StateName::Failed => Role::Bad,
            StateName::Idle | StateName::Stopped | StateName::Skipped => Role::Off,
        })
    }

    /// The colour of the name of a process, which is always the same.
    pub fn process(self, name: &str) -> Style {
        let Some(colours) = self.palette() else { return Style::new() };
        // FNV-1a: the same in every version, unlike the hasher of the standard library.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let slot = hash as usize % colours.names.len();
        Style::new().fg(colours.names.get(slot).copied().unwrap_or(Color::Reset))
    }
}

fn bare(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Text
        | Role::Border
        | Role::Good
        | Role::Busy
        | Role::Separator
        | Role::Added
        | Role::Removed
        | Role::Changed => plain,
        Role::Dim | Role::Off => plain.add_modifier(Modifier::DIM),
        Role::Focus | Role::Title | Role::Key | Role::Warn | Role::Bad => {
            plain.add_modifier(Modifier::BOLD)
        }
        Role::Cursor | Role::Selection | Role::Match => plain.add_modifier(Modifier::REVERSED),
        Role::CurrentMatch => plain.add_modifier(Modifier::REVERSED | Modifier::UNDERLINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_means_none() {
        let theme = Theme::new(ThemeName::None);
        for role in [Role::Text, Role::Bad, Role::Match, Role::Cursor, Role::Selection] {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_eq!(theme.process("web"), Style::new());
    }

    #[test]
    fn a_background_is_only_behind_what_is_chosen() {
        for name in ThemeName::ALL {
            let theme = Theme::new(*name);
            for role in [Role::Text, Role::Dim, Role::Border, Role::Title, Role::Key, Role::Bad] {
                assert_eq!(theme.style(role).bg, None, "{name:?} {role:?}");
            }
        }
    }
}
