//! User configuration: `~/.config/pitcrew/config.toml`.
//!
//! No fault in the file prevents the interface from starting: an invalid part gives a warning with its
//! place, and the rest applies. A project cannot set any of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "other types of TOML values are one error")]

mod key_bindings;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::appearance::Appearance;
use super::keymap::Keymap;
use super::theme::ThemeName;
use crate::output::{is_dumb_terminal, safe_name};
use crate::spec::{UnknownChoice, choices, io_error_text, nearest, suggestion};

/// Size limit of the file in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The keys at the top level of the file.
pub(super) const SETTINGS: &[&str] =
    &["theme", "glyphs", "mouse", "timestamps", "wrap", "layout", "wheel", "clipboard", "keys"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Colours; `None` for those of the terminal.
    pub theme: Option<ThemeName>,
    /// Whether glyphs beyond ASCII are used; `None` to decide by the locale.
    pub unicode: Option<bool>,
    pub mouse: bool,
    /// The format of the times before lines.
    pub timestamps: TimestampStyle,
    pub wrap: bool,
    /// The positions of list and logs.
    pub layout: PaneLayout,
    /// Rows that one notch of the mouse wheel scrolls.
    pub wheel: u16,
    /// Whether a process that the user types into may write to the clipboard.
    pub clipboard: bool,
    pub keymap: Keymap,
    /// The time zone of displayed times; not a setting of the file.
    pub zone: TimeZone,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            theme: None,
            unicode: None,
            mouse: true,
            timestamps: TimestampStyle::Time,
            wrap: false,
            layout: PaneLayout::Auto,
            wheel: 3,
            clipboard: true,
            keymap: Keymap::default(),
            zone: TimeZone::UTC,
        }
    }
}

choices! {
    /// The format of the times before lines.
    #[derive(Default)]
    pub enum TimestampStyle {
        /// No times.
        Off = "off",
        /// The time of day.
        #[default]
        Time = "time",
        /// The age of the line.
        Relative = "relative",
        /// The time since the previous line.
        Delta = "delta",
    }
}

choices! {
    /// The positions of list and logs.
    #[derive(Default)]
    pub enum PaneLayout {
        /// Depends on the size of the terminal.
        #[default]
        Auto = "auto",
        /// Side by side.
        Side = "side",
        /// The list above the logs.
        Stacked = "stacked",
    }
}

/// Pairs choices with their words.
fn with_words<T: Copy + Into<&'static str>>(choices: &[T]) -> Vec<(&'static str, T)> {
    choices.iter().map(|choice| ((*choice).into(), *choice)).collect()
}

/// A fault in the file that does not stop the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub file: String,
    /// Line and column, from 1.
    pub place: Option<(usize, usize)>,
    pub message: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Returns the path of the file: in `XDG_CONFIG_HOME` if that is absolute, else in `~/.config`; `None`
/// if neither variable is set.
pub fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("pitcrew/config.toml"))
}

impl Config {
    /// Reads the file; a missing file gives the defaults. Blocks.
    pub fn load(path: &Path) -> (Self, Vec<Warning>) {
        match read(path) {
            Ok(Some(text)) => Self::parse(&path.display().to_string(), &text),
            Ok(None) => (Self::default(), Vec::new()),
            Err(error) => {
                let file = safe_name(&path.display().to_string()).into_owned();
                let message = format!("cannot be read: {}", io_error_text(&error));
                (Self::default(), vec![Warning { file, place: None, message }])
            }
        }
    }

    /// Parses the text of the file; warnings contain `file` as its name.
    ///
    /// ```
    /// use pitcrew::tui::config::Config;
    ///
    /// let (config, warnings) = Config::parse("config.toml", "mouse = false\n[keys]\nx = 'stpo'\n");
    /// assert!(!config.mouse);
    /// assert_eq!(
    ///     warnings[0].to_string(),
    ///     "config.toml:3:5: unknown action `stpo`; did you mean `stop`?"
    /// );
    /// ```
    pub fn parse(file: &str, text: &str) -> (Self, Vec<Warning>) {
        let mut reader =
            ConfigReader { file: safe_name(file).into_owned(), text, warnings: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        let is_valid = errors.is_empty();
        for error in errors {
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            reader.warn(error.span().unwrap_or_default(), &message);
        }
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            // A placeholder for an invalid value, which has its warning already.
            if !is_valid && value.span().is_empty() {
                continue;
            }
            reader.read_setting(&mut config, key.get_ref(), key.span(), value);
        }
        reader.warnings.sort_by_key(|warning| warning.place);
        (config, reader.warnings)
    }

    /// Returns colours and glyphs for this terminal, by its environment variables.
    pub fn appearance(&self, variable: impl Fn(&str) -> Option<String>) -> Appearance {
        let non_empty = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is_dumb = non_empty("TERM").is_some_and(|term| is_dumb_terminal(term.as_ref()));
        let theme = match self.theme {
            _ if is_dumb => ThemeName::None,
            // The user's file is more specific than `NO_COLOR`, which is for all programs.
            Some(theme) => theme,
            None if non_empty("NO_COLOR").is_some() => ThemeName::None,
            None => ThemeName::Terminal,
        };
        // The first variable that is set decides, as in the C library.
        let locale =
            non_empty("LC_ALL").or_else(|| non_empty("LC_CTYPE")).or_else(|| non_empty("LANG"));
        let is_utf8 = |locale: &String| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        let unicode = !is_dumb && locale.as_ref().is_none_or(is_utf8);
        // An explicit setting overrides the environment.
        let ascii = !unicode && self.unicode != Some(true);
        Appearance { ascii, ..Appearance::new(theme, self.unicode.unwrap_or(unicode)) }
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(Some(text))
}

/// A parse of the file, with the warnings so far.
struct ConfigReader<'a> {
    file: String,
    text: &'a str,
    warnings: Vec<Warning>,
}

impl ConfigReader<'_> {
    fn warn(&mut self, span: Range<usize>, message: &str) {
        let before = self.text.get(..span.start.min(self.text.len())).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message = safe_name(message).into_owned();
        self.warnings.push(Warning {
            file: self.file.clone(),
            place: Some((line, column)),
            message,
        });
    }

    fn read_setting(
        &mut self,
        config: &mut Config,
        name: &str,
        place: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match name {
            "theme" => {
                let themes = ThemeName::ALL.iter().map(|theme| (theme.as_str(), Some(*theme)));
                let choices: Vec<_> = [("auto", None)].into_iter().chain(themes).collect();
                self.read_choice(value, &choices, &mut config.theme);
            }
            "glyphs" => {
                let choices = [("auto", None), ("unicode", Some(true)), ("ascii", Some(false))];
                self.read_choice(value, &choices, &mut config.unicode);
            }
            "mouse" => self.read_bool(value, &mut config.mouse),
            "clipboard" => self.read_bool(value, &mut config.clipboard),
            "wrap" => self.read_bool(value, &mut config.wrap),
            "timestamps" => {
                self.read_choice(value, &with_words(TimestampStyle::ALL), &mut config.timestamps);
            }
            "layout" => self.read_choice(value, &with_words(PaneLayout::ALL), &mut config.layout),
            "wheel" => {
                let number = value.get_ref().as_integer();
                match number.and_then(|number| number.as_str().parse().ok()) {
                    Some(rows @ 1..=100) => config.wheel = rows,
                    _ => self.warn(value.span(), "`wheel` is a number of rows from 1 to 100"),
                }
            }
            "keys" => match value.get_ref() {
                DeValue::Table(keys) => key_bindings::apply(self, &mut config.keymap, keys),
                _ => self.warn(value.span(), "`keys` is a table: \"ctrl-r\" = \"reload\""),
            },
            _ => {
                let near = suggestion(nearest(name, SETTINGS.iter().copied()));
                self.warn(place, &format!("unknown setting `{name}`{near}"));
            }
        }
    }

    fn read_bool(&mut self, value: &Spanned<DeValue<'_>>, into: &mut bool) {
        match value.get_ref() {
            DeValue::Boolean(value) => *into = *value,
            _ => self.warn(value.span(), "expected `true` or `false`"),
        }
    }

    fn read_choice<T: Copy>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        choices: &[(&str, T)],
        into: &mut T,
    ) {
        let word = value.get_ref().as_str().unwrap_or_default();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            *into = *choice;
            return;
        }
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.warn(value.span(), &UnknownChoice::new(word, &names).to_string());
    }
}
