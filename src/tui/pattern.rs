//! Search and filter patterns, as typed.

use regex::{Regex, RegexBuilder};

use super::fuzzy;

/// Limit of the size of a compiled expression; expressions that people type are far below it.
const SIZE_LIMIT: usize = 1 << 20;

/// Whether the case of letters matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaseMode {
    /// It matters if the pattern contains a capital letter.
    #[default]
    Smart,
    Sensitive,
    Insensitive,
}

/// How a pattern is interpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternMode {
    pub case: CaseMode,
    /// It is a regular expression; otherwise literal text.
    pub regex: bool,
    /// It matches whole words only.
    pub word: bool,
}

impl Default for PatternMode {
    fn default() -> Self {
        Self { case: CaseMode::Smart, regex: true, word: false }
    }
}

/// The reason why a pattern is not a valid regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(pub String);

impl PatternMode {
    /// Converts a pattern to one regular expression that contains the case mode, so that it can be
    /// sent to the project. A suffix `\c` or `\C` sets the case mode, as in vim.
    ///
    /// ```
    /// use pitcrew::tui::pattern::PatternMode;
    ///
    /// assert_eq!(PatternMode::default().expression("error"), "(?i)error");
    /// assert_eq!(PatternMode::default().expression("Error"), "Error");
    /// assert_eq!(PatternMode::default().expression("error\\C"), "error");
    /// ```
    pub fn expression(self, typed: &str) -> String {
        let suffixes = [("\\c", CaseMode::Insensitive), ("\\C", CaseMode::Sensitive)];
        let suffix = suffixes.into_iter().find_map(|(suffix, case)| {
            let rest = typed.strip_suffix(suffix).filter(|rest| !rest.ends_with('\\'))?;
            Some((rest, case))
        });
        let (typed, case) = suffix.unwrap_or((typed, self.case));
        let mut expression = if self.regex { typed.to_owned() } else { regex::escape(typed) };
        if self.word {
            expression = format!(r"\b(?:{expression})\b");
        }
        let is_insensitive = match case {
            CaseMode::Insensitive => true,
            CaseMode::Sensitive => false,
            CaseMode::Smart => !has_capital(typed, self.regex),
        };
        if is_insensitive { format!("(?i){expression}") } else { expression }
    }

    /// Compiles a pattern; `None` for an empty one.
    pub fn compile(self, typed: &str) -> Result<Option<Regex>, BadPattern> {
        if typed.is_empty() {
            return Ok(None);
        }
        let expression = self.expression(typed);
        let regex = RegexBuilder::new(&expression).size_limit(SIZE_LIMIT).build();
        regex.map(Some).map_err(|error| BadPattern(one_line(&error)))
    }
}

/// Whether a pattern has a capital letter, other than the `W` of `\W`.
fn has_capital(typed: &str, regex: bool) -> bool {
    let mut escaped = false;
    typed.chars().any(|char| {
        let is_capital = !escaped && char.is_uppercase();
        escaped = regex && !escaped && char == '\\';
        is_capital
    })
}

/// The last line of the message: the other lines draw the expression.
fn one_line(error: &regex::Error) -> String {
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return "too large".to_owned();
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// A filter of a list.
#[derive(Debug, Clone, Default)]
pub enum ListFilter {
    #[default]
    All,
    Matching(Regex),
    /// `!regex`
    NotMatching(Regex),
    /// `-f letters`: texts that have these letters in this order.
    Fuzzy(String),
}

impl ListFilter {
    pub fn of(typed: &str, mode: PatternMode) -> Result<Self, BadPattern> {
        if let Some(letters) = typed.strip_prefix("-f ").map(str::trim) {
            let is_empty = letters.is_empty();
            return Ok(if is_empty { Self::All } else { Self::Fuzzy(letters.to_owned()) });
        }
        let filter = match typed.strip_prefix('!') {
            Some(typed) => mode.compile(typed)?.map(Self::NotMatching),
            None => mode.compile(typed)?.map(Self::Matching),
        };
        Ok(filter.unwrap_or(Self::All))
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
        let insensitive = PatternMode { case: CaseMode::Insensitive, ..PatternMode::default() };
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
    fn an_invalid_pattern_is_reported_in_one_line() {
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
            let mode = PatternMode { regex, word, ..PatternMode::default() };
            let compiled = mode.compile(&typed);
            if !regex {
                prop_assert!(compiled.is_ok());
            }
            if let Err(error) = compiled {
                prop_assert!(!error.to_string().is_empty() && !error.to_string().contains('\n'));
            }
        }
    }
}
