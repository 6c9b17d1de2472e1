//! User configuration: `~/.config/pitcrew/config.toml`.
//!
//! Nothing in it can keep the interface from starting: what is not understood is a warning with its
//! place, and the rest holds. A project cannot set any of it.
#![expect(clippy::wildcard_enum_match_arm, reason = "values of a file")]

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
use super::cycle::following;
use super::keymap::Keymap;
use super::theme::ThemeName;
use crate::output::safe_name;
use crate::spec::choices;

/// Largest file that is read.
const LARGEST: u64 = 1 << 20;

/// What is understood at the top of the file.
pub(super) const SETTINGS: &[&str] =
    &["theme", "glyphs", "mouse", "timestamps", "wrap", "layout", "wheel", "keys"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Colours; chosen by what the terminal can do when none is named.
    pub theme: Option<ThemeName>,
    /// Signs beyond ASCII; chosen by the locale when nothing is said.
    pub unicode: Option<bool>,
    pub mouse: bool,
    /// How times stand before lines.
    pub timestamps: TimestampStyle,
    pub wrap: bool,
    /// Where list and logs stand.
    pub layout: PaneLayout,
    /// Rows a notch of the wheel moves by.
    pub wheel: u16,
    pub keymap: Keymap,
    /// The time zone of displayed times; no setting of the file.
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
            keymap: Keymap::default(),
            zone: TimeZone::UTC,
        }
    }
}

choices! {
    /// How times stand before lines.
    #[derive(Default)]
    pub enum TimestampStyle {
        /// Not at all.
        Off = "off",
        /// The time of day.
        #[default]
        Time = "time",
        /// How long ago.
        Relative = "relative",
        /// How long after the line before.
        Delta = "delta",
    }
}

impl TimestampStyle {
    /// The next one; after the last the first.
    #[must_use]
    pub fn next(self) -> Self {
        following(Self::ALL, self)
    }
}

choices! {
    /// Where list and logs stand.
    #[derive(Default)]
    pub enum PaneLayout {
        /// By the size of the terminal.
        #[default]
        Auto = "auto",
        /// Side by side.
        Side = "side",
        /// One above the other.
        Stacked = "stacked",
    }
}

impl PaneLayout {
    /// The next one; after the last the first.
    #[must_use]
    pub fn next(self) -> Self {
        following(Self::ALL, self)
    }
}

/// Choices with their words.
fn worded<T: Copy + Into<&'static str>>(all: &[T]) -> Vec<(&'static str, T)> {
    all.iter().map(|one| ((*one).into(), *one)).collect()
}

/// Something in the file that does nothing, or not what it seems to.
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

/// Where the file is, by the environment: in `XDG_CONFIG_HOME` if that is absolute, else in
/// `~/.config`. Nothing where neither is known.
pub fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("pitcrew/config.toml"))
}

impl Config {
    /// Reads the file; one that is missing is none. Blocks while it does.
    pub fn load(path: &Path) -> (Self, Vec<Warning>) {
        match read(path) {
            Ok(Some(text)) => Self::parse(&path.display().to_string(), &text),
            Ok(None) => (Self::default(), Vec::new()),
            Err(error) => {
                let file = safe_name(&path.display().to_string()).into_owned();
                let message = format!("cannot be read: {error}");
                (Self::default(), vec![Warning { file, place: None, message }])
            }
        }
    }

    /// The text of the file, called so in warnings.
    ///
    /// ```
    /// use pitcrew::tui::config::Config;
    ///
    /// let (config, warnings) = Config::parse("config.toml", "mouse = false\n[keys]\nx = 'stpo'\n");
    /// assert!(!config.mouse);
    /// assert_eq!(
    ///     warnings[0].to_string(),
    ///     "config.toml:3:5: no action is called `stpo`; did you mean `stop`?"
    /// );
    /// ```
    pub fn parse(file: &str, text: &str) -> (Self, Vec<Warning>) {
        let mut reader =
            ConfigReader { file: safe_name(file).into_owned(), text, warnings: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        let whole = errors.is_empty();
        for error in errors {
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            reader.warn(error.span().unwrap_or_default(), &message);
        }
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            // What stands in the place of a value that cannot be read: that was told above.
            if !whole && value.span().is_empty() {
                continue;
            }
            reader.setting(&mut config, key.get_ref(), key.span(), value);
        }
        reader.warnings.sort_by_key(|warning| warning.place);
        (config, reader.warnings)
    }

    /// Colours and signs for this terminal, by the variables of its environment.
    pub fn look(&self, variable: impl Fn(&str) -> Option<String>) -> Appearance {
        let some = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dumb = some("TERM").is_some_and(|term| term == "dumb");
        let theme = match self.theme {
            _ if dumb => ThemeName::None,
            // The user's own file says more than `NO_COLOR`, which is for all programs.
            Some(theme) => theme,
            None if some("NO_COLOR").is_some() => ThemeName::None,
            None => ThemeName::Terminal,
        };
        // The first of them that is set decides, as for every program.
        let locale = some("LC_ALL").or_else(|| some("LC_CTYPE")).or_else(|| some("LANG"));
        let utf8 = |locale: &String| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        let unicode = !dumb && locale.as_ref().is_none_or(utf8);
        // Who asks for signs by name knows the terminal better.
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
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(Some(text))
}

/// Reads the file, and keeps what is wrong with it.
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

    fn setting(
        &mut self,
        config: &mut Config,
        name: &str,
        place: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        match name {
            "theme" => {
                let themes = ThemeName::ALL.iter().map(|theme| (theme.as_str(), Some(*theme)));
                let all: Vec<_> = [("auto", None)].into_iter().chain(themes).collect();
                self.one_of(value, &all, &mut config.theme);
            }
            "glyphs" => {
                let all = [("auto", None), ("unicode", Some(true)), ("ascii", Some(false))];
                self.one_of(value, &all, &mut config.unicode);
            }
            "mouse" => self.boolean(value, &mut config.mouse),
            "wrap" => self.boolean(value, &mut config.wrap),
            "timestamps" => {
                self.one_of(value, &worded(TimestampStyle::ALL), &mut config.timestamps);
            }
            "layout" => self.one_of(value, &worded(PaneLayout::ALL), &mut config.layout),
            "wheel" => match value.get_ref() {
                DeValue::Integer(number) => match number.as_str().parse() {
                    Ok(rows @ 1..=100) => config.wheel = rows,
                    _ => self.warn(value.span(), "`wheel` is a number of rows from 1 to 100"),
                },
                _ => self.warn(value.span(), "`wheel` is a number of rows from 1 to 100"),
            },
            "keys" => match value.get_ref() {
                DeValue::Table(keys) => key_bindings::keys(self, &mut config.keymap, keys),
                _ => self.warn(value.span(), "`keys` is a table: \"ctrl-r\" = \"reload\""),
            },
            _ => {
                let near = crate::spec::nearest(name, SETTINGS.iter().copied());
                let near = near.map(|near| format!("; did you mean `{near}`?"));
                let message = format!("unknown setting `{name}`{}", near.unwrap_or_default());
                self.warn(place, &message);
            }
        }
    }

    fn boolean(&mut self, value: &Spanned<DeValue<'_>>, into: &mut bool) {
        match value.get_ref() {
            DeValue::Boolean(value) => *into = *value,
            _ => self.warn(value.span(), "this is `true` or `false`"),
        }
    }

    fn one_of<T: Copy>(&mut self, value: &Spanned<DeValue<'_>>, all: &[(&str, T)], into: &mut T) {
        let found = match value.get_ref() {
            DeValue::String(text) => all.iter().find(|(name, _)| *name == text.as_ref()),
            _ => None,
        };
        if let Some((_, one)) = found {
            *into = *one;
            return;
        }
        let names: Vec<String> = all.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let word = value.get_ref().as_str().unwrap_or_default();
        let near = crate::spec::nearest(word, all.iter().map(|(name, _)| *name));
        let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        self.warn(value.span(), &format!("this is one of {}{near}", names.join(", ")));
    }
}
