//! State of a search and its progress.

use regex::Regex;

use super::log_window::RowKey;
use crate::control::wire::{SearchProgress, SliceQuery};

/// The match to jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchJump {
    /// The next one; after the last the first.
    Forward,
    /// The previous one; before the first the last.
    Back,
    /// The nearest one.
    Near {
        /// Prefer an older one.
        back: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JumpTarget {
    /// A line of severity `error`.
    Error,
    /// The start of a run.
    Run,
    Event(u64),
}

/// A seek in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeekRequest {
    /// The number of the question.
    pub question: u64,
    pub target: JumpTarget,
    /// Towards the beginning.
    pub back: bool,
    /// How often the same key was pressed since.
    pub repeats: u32,
}

#[derive(Debug, Clone)]
pub struct SearchState {
    pub text: String,
    /// For visible lines.
    pub regex: Regex,
    /// For the project, which searches the others.
    pub expression: String,
    /// The match of the last jump.
    pub current: Option<RowKey>,
    /// The lines that are searched.
    pub lines: SliceQuery,
    /// The number of the latest question.
    pub question: u64,
    /// The jump that is pending.
    pub jump: Option<SearchJump>,
    /// How often the same key was pressed since.
    pub repeats: u32,
    found: SearchProgress,
    /// The number of matches when the last search was complete.
    total: Option<u64>,
    /// The number of the current match, and of the matches before the start of the search at that time, as
    /// lines may be dropped later.
    place: Option<(u64, u64)>,
}

impl SearchState {
    pub fn new(text: &str, regex: Regex, expression: String, lines: SliceQuery) -> Self {
        Self {
            text: text.to_owned(),
            regex,
            expression,
            current: None,
            lines,
            question: 0,
            jump: None,
            repeats: 0,
            found: SearchProgress::default(),
            total: None,
            place: None,
        }
    }

    /// Starts a search again.
    pub fn start(&mut self, question: u64, jump: Option<SearchJump>) {
        (self.question, self.jump, self.found) = (question, jump, SearchProgress::default());
        (self.repeats, self.place) = (0, None);
    }

    /// Updates the progress, and returns the match to jump to and whether the search wrapped. A complete search
    /// only continues to count.
    pub fn take(&mut self, found: SearchProgress) -> Option<(RowKey, bool)> {
        self.found = found;
        if found.over {
            self.total = Some(found.hits);
        }
        let target = self.jump_target(found);
        if found.over {
            self.jump = None;
        }
        self.place = self.counted().map(|nth| (nth, found.before)).or(self.place);
        target
    }

    fn jump_target(&mut self, found: SearchProgress) -> Option<(RowKey, bool)> {
        let or_other = |near: Option<u64>, other: Option<u64>, wraps: bool| match near {
            Some(near) => Some((near, false)),
            None => other.filter(|_| found.over).map(|other| (other, wraps)),
        };
        let (to, wrapped) = match self.jump? {
            SearchJump::Forward => or_other(found.next, found.first, true),
            SearchJump::Back => or_other(found.previous, found.last, true),
            SearchJump::Near { back: true } => or_other(found.previous, found.next, false),
            SearchJump::Near { back: false } => or_other(found.next, found.previous, false),
        }?;
        self.jump = None;
        self.current = Some(RowKey::line(to));
        Some((RowKey::line(to), wrapped))
    }

    /// Whether the search is complete without a match.
    pub fn has_no_match(&self) -> bool {
        self.found.over && self.found.hits == 0
    }

    /// Returns the number of the current match, also after lines were dropped.
    fn nth(&self) -> Option<u64> {
        let (nth, before) = self.place?;
        Some(nth.saturating_sub(before.saturating_sub(self.found.before)).max(1))
    }

    /// Returns the number of the current match, if the progress contains it.
    fn counted(&self) -> Option<u64> {
        let found = &self.found;
        let current = self.current.filter(|_| found.over).map(|key| key.seq);
        current.and_then(|_| {
            [
                (found.previous, found.before),
                (found.next, found.before + 1),
                (found.first, 1),
                (found.last, found.hits),
            ]
            .into_iter()
            .find_map(|(place, nth)| (place == current).then_some(nth))
        })
    }

    /// `3 of 214`; until the search is complete, the number so far.
    pub fn words(&self, ellipsis: &str) -> String {
        let number = crate::spec::thousands;
        match (self.found.over, self.found.hits, self.nth()) {
            (true, 0, _) => "no match".to_owned(),
            (true, hits, Some(nth)) => format!("{} of {}", number(nth), number(hits)),
            (true, hits, None) => number(hits),
            (false, hits, _) => match self.total {
                Some(total) if total >= hits => number(total),
                _ => format!("{}{ellipsis}", number(hits)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> SearchState {
        SearchState::new("x", Regex::new("x").unwrap(), "x".to_owned(), SliceQuery::default())
    }

    #[test]
    fn the_nearest_match_is_shown_immediately_and_counted_at_the_end() {
        let mut search = search();
        search.start(1, Some(SearchJump::Back));
        let far = SearchProgress {
            looked: 100,
            of: 900,
            hits: 3,
            before: 3,
            previous: Some(40),
            ..SearchProgress::default()
        };
        assert_eq!(search.take(far), Some((RowKey::line(40), false)));
        assert_eq!(search.words("…"), "3…");
        let over = SearchProgress {
            hits: 1214,
            before: 3,
            next: Some(60),
            over: true,
            first: Some(2),
            last: Some(900),
            ..far
        };
        assert_eq!(search.take(over), None, "it goes there once");
        assert_eq!(search.words("…"), "3 of 1,214");
        search.start(2, Some(SearchJump::Forward));
        assert_eq!(search.words("…"), "1,214");
    }

    #[test]
    fn it_goes_on_from_the_other_end_when_all_was_looked_at() {
        let mut search = search();
        search.start(1, Some(SearchJump::Forward));
        let none = SearchProgress {
            looked: 5,
            of: 10,
            hits: 2,
            before: 2,
            previous: Some(4),
            ..SearchProgress::default()
        };
        assert_eq!(search.take(none), None);
        let over = SearchProgress { over: true, first: Some(1), last: Some(4), ..none };
        assert_eq!(search.take(over), Some((RowKey::line(1), true)));
        assert_eq!(search.words("…"), "1 of 2");
        search.start(2, Some(SearchJump::Near { back: false }));
        assert_eq!(search.take(over), Some((RowKey::line(4), false)));
        assert_eq!(search.words("…"), "2 of 2");
    }

    #[test]
    fn counting_continues_without_moving_the_view() {
        let mut search = search();
        search.start(1, Some(SearchJump::Forward));
        let none = SearchProgress { looked: 5, of: 5, over: true, ..SearchProgress::default() };
        assert_eq!(search.take(none), None);
        assert_eq!((search.has_no_match(), search.words("…").as_str()), (true, "no match"));
        let some = SearchProgress { hits: 1, next: Some(7), first: Some(7), last: Some(7), ..none };
        assert_eq!(search.take(some), None, "it came later");
        assert_eq!(search.words("…"), "1");
        search.start(2, Some(SearchJump::Back));
        let on = SearchProgress { hits: 4, before: 0, last: Some(19), ..some };
        assert_eq!(search.take(on), Some((RowKey::line(19), true)));
        assert_eq!(search.words("…"), "4 of 4");
        assert_eq!(search.take(SearchProgress { hits: 6, last: Some(30), ..on }), None);
        assert_eq!(search.words("…"), "4 of 6");
        search.start(3, Some(SearchJump::Back));
        let back = SearchProgress { hits: 6, before: 4, previous: Some(12), next: Some(19), ..on };
        assert_eq!(search.take(back), Some((RowKey::line(12), false)));
        assert_eq!(search.words("…"), "4 of 6");
        let dropped = SearchProgress { hits: 7, before: 2, ..back };
        assert_eq!(search.take(dropped), None);
        assert_eq!(search.words("…"), "2 of 7", "the first two are not kept any more");
    }
}
