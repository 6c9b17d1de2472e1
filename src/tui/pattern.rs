//! Search and filter patterns, as typed.

use regex::{Regex, RegexBuilder};

use super::fuzzy;

/// Most a regular expression may take, compiled: a typed one is far below it.
const SIZE: usize = 1 << 20;

/// How the case of letters counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaseMode {
    /// It counts where a capital is typed.
    #[default]
    Smart,
    Counts,
    Ignored,
}

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternMode {
    pub case: CaseMode,
    /// As a regular expression; otherwise letter by letter.
    pub regex: bool,
    /// Whole words only.
    pub word: bool,
}

impl Default for PatternMode {
    fn default() -> Self {
        Self { case: CaseMode::Smart, regex: true, word: false }
    }
}

/// It is no regular expression, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(pub String);

impl PatternMode {
    /// What is to be found, as one regular expression that says by itself how the case counts: it
    /// can be sent to the project. A suffix `\c` or `\C` says it too, as in vim.
    ///
    /// ```
    /// use pitcrew::tui::pattern::PatternMode;
    ///
    /// assert_eq!(PatternMode::default().expression("error"), "(?i)error");
    /// assert_eq!(PatternMode::default().expression("Error"), "Error");
    /// assert_eq!(PatternMode::default().expression("error\\C"), "error");
    /// ```
    pub fn expression(self, typed: &str) -> String {
        let (typed, case) = match typed.strip_suffix("\\c") {
            Some(rest) if !rest.ends_with('\\') => (rest, CaseMode::Ignored),
            _ => match typed.strip_suffix("\\C") {
                Some(rest) if !rest.ends_with('\\') => (rest, CaseMode::Counts),
                _ => (typed, self.case),
            },
        };
        let mut expression = if self.regex { typed.to_owned() } else { regex::escape(typed) };
        if self.word {
            expression = format!(r"\b(?:{expression})\b");
        }
        let ignored = match case {
            CaseMode::Ignored => true,
            CaseMode::Counts => false,
            CaseMode::Smart => !has_capital(typed, self.regex),
        };
        if ignored { format!("(?i){expression}") } else { expression }
    }

    /// The same, ready to be used; nothing for no text.
    pub fn compile(self, typed: &str) -> Result<Option<Regex>, BadPattern> {
        if typed.is_empty() {
            return Ok(None);
        }
        let expression = self.expression(typed);
        let built = RegexBuilder::new(&expression).size_limit(SIZE).build();
        built.map(Some).map_err(|error| BadPattern(one_line(&error)))
    }
}

/// A capital that is meant: not the `W` of `\W`.
fn has_capital(typed: &str, regex: bool) -> bool {
    let mut escaped = false;
    typed.chars().any(|char| {
        let meant = !escaped && char.is_uppercase();
        escaped = regex && !escaped && char == '\\';
        meant
    })
}

/// The last line of what the parser says: the others draw the expression.
fn one_line(error: &regex::Error) -> String {
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return "too large".to_owned();
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// What of a list is shown.
#[derive(Debug, Clone, Default)]
pub enum ListFilter {
    #[default]
    All,
    Matching(Regex),
    /// What does not: `!regex`.
    NotMatching(Regex),
    /// What has these letters in this order: `-f letters`.
    Fuzzy(String),
}

impl ListFilter {
    pub fn of(typed: &str, reading: PatternMode) -> Result<Self, BadPattern> {
        if let Some(letters) = typed.strip_prefix("-f ").map(str::trim) {
            let some = !letters.is_empty();
            return Ok(if some { Self::Fuzzy(letters.to_owned()) } else { Self::All });
        }
        let (typed, inverted) = match typed.strip_prefix('!') {
            Some(rest) => (rest, true),
            None => (typed, false),
        };
        Ok(match (reading.compile(typed)?, inverted) {
            (None, _) => Self::All,
            (Some(regex), false) => Self::Matching(regex),
            (Some(regex), true) => Self::NotMatching(regex),
        })
    }

    pub fn shows(&self, text: &str) -> bool {
        match self {
            Self::All => true,
            Self::Matching(regex) => regex.is_match(text),
            Self::NotMatching(regex) => !regex.is_match(text),
            Self::Fuzzy(letters) => fuzzy::score(letters, text).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(typed: &str, text: &str) -> bool {
        PatternMode::default().compile(typed).unwrap().unwrap().is_match(text)
    }

    #[test]
    fn case_counts_where_a_capital_is_typed() {
        assert!(finds("error", "ERROR"));
        assert!(!finds("Error", "ERROR"));
        assert!(finds(r"\W", "a b") && finds(r"err\W", "ERR "), "the capital of a class is none");
        assert!(finds(r"Error\c", "ERROR"));
        assert!(!finds(r"error\C", "ERROR"));
        let insensitive = PatternMode { case: CaseMode::Ignored, ..PatternMode::default() };
        assert_eq!(insensitive.expression("A"), "(?i)A");
    }

    #[test]
    fn letter_by_letter_and_whole_words() {
        let plain = PatternMode { regex: false, ..PatternMode::default() };
        assert_eq!(plain.expression("a.b("), r"(?i)a\.b\(");
        let word = PatternMode { word: true, ..PatternMode::default() };
        let regex = word.compile("a|b").unwrap().unwrap();
        assert!(regex.is_match("x a y") && !regex.is_match("xay"));
    }

    #[test]
    fn a_faulty_one_is_told_in_one_line() {
        let wrong = |typed| PatternMode::default().compile(typed).unwrap_err().to_string();
        assert_eq!(wrong("("), "unclosed group");
        assert_eq!(wrong("a{1000}{1000}{1000}"), "too large");
        assert_eq!(wrong("[z-a]"), "invalid character class range, the start must be <= the end");
    }

    #[test]
    fn a_list_is_filtered_in_three_ways() {
        let shown = |typed: &str| {
            let filter = ListFilter::of(typed, PatternMode::default()).unwrap();
            ["web.1", "web.2", "worker", "db"]
                .into_iter()
                .filter(|name| filter.shows(name))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(""), ["web.1", "web.2", "worker", "db"]);
        assert_eq!(shown("we"), ["web.1", "web.2"]);
        assert_eq!(shown("!we"), ["worker", "db"]);
        assert_eq!(shown("-f wr"), ["worker"]);
        assert_eq!(shown("-f ").len(), 4);
        assert!(ListFilter::of("!(", PatternMode::default()).is_err());
    }

    proptest! {
        #[test]
        fn anything_can_be_typed(typed in "\\PC{0,20}", regex: bool, word: bool) {
            let reading = PatternMode { regex, word, ..PatternMode::default() };
            let compiled = reading.compile(&typed);
            if !regex {
                prop_assert!(compiled.is_ok());
            }
            if let Err(error) = compiled {
                prop_assert!(!error.to_string().is_empty() && !error.to_string().contains('\n'));
            }
        }
    }
}
