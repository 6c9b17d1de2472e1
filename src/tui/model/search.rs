//! State of a search and its progress.

use regex::Regex;

use super::log_window::RowKey;
use crate::control::wire::{SearchProgress, SliceQuery};

/// Where to go as soon as something is found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchJump {
    /// To the next one, and from the last to the first.
    Forward,
    /// To the one before, and from the first to the last.
    Back,
    /// To the nearest, an older one first or a newer one first.
    Near {
        /// An older one.
        back: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JumpTarget {
    /// A line that says that something went wrong.
    Error,
    /// The start of a run.
    Run,
    Event(u64),
}

/// A look for the next one of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeekRequest {
    /// The number of the question.
    pub question: u64,
    pub target: JumpTarget,
    /// Towards the beginning.
    pub back: bool,
    /// How often the same key was pressed since.
    pub owed: u32,
}

#[derive(Debug, Clone)]
pub struct SearchState {
    pub text: String,
    /// For the lines that are visible.
    pub regex: Regex,
    /// For those that are not.
    pub expression: String,
    /// The match somebody went to.
    pub current: Option<RowKey>,
    /// Among which lines it is searched.
    pub among: SliceQuery,
    /// The number of the latest question.
    pub question: u64,
    pub going: Option<SearchJump>,
    /// How often the same key was pressed since.
    pub owed: u32,
    found: SearchProgress,
    /// How many there were when it had come to its end last.
    total: Option<u64>,
    /// Which of all the current one is, and how many came before the place that was asked about
    /// when that was known: of these some may be dropped later.
    place: Option<(u64, u64)>,
}

impl SearchState {
    /// One that has not begun.
    pub fn new(text: &str, regex: Regex, expression: String, among: SliceQuery) -> Self {
        Self {
            text: text.to_owned(),
            regex,
            expression,
            current: None,
            among,
            question: 0,
            going: None,
            owed: 0,
            found: SearchProgress::default(),
            total: None,
            place: None,
        }
    }

    /// Begins anew: the number of the question, and where to go.
    pub fn ask(&mut self, question: u64, going: Option<SearchJump>) {
        (self.question, self.going, self.found) = (question, going, SearchProgress::default());
        (self.owed, self.place) = (0, None);
    }

    /// It has come so far: where that leads, and whether from the other end. Once everything was
    /// looked at it leads nowhere any more: it goes on counting, and nobody is taken away by that.
    pub fn take(&mut self, found: SearchProgress) -> Option<(RowKey, bool)> {
        self.found = found;
        if found.over {
            self.total = Some(found.hits);
        }
        let to = self.leads_to(found);
        if found.over {
            self.going = None;
        }
        self.place = self.counted().map(|nth| (nth, found.before)).or(self.place);
        to
    }

    fn leads_to(&mut self, found: SearchProgress) -> Option<(RowKey, bool)> {
        let or_other = |near: Option<u64>, other: Option<u64>, wraps: bool| match near {
            Some(near) => Some((near, false)),
            None => other.filter(|_| found.over).map(|other| (other, wraps)),
        };
        let (to, wrapped) = match self.going? {
            SearchJump::Forward => or_other(found.next, found.first, true),
            SearchJump::Back => or_other(found.previous, found.last, true),
            SearchJump::Near { back: true } => or_other(found.previous, found.next, false),
            SearchJump::Near { back: false } => or_other(found.next, found.previous, false),
        }?;
        self.going = None;
        self.current = Some(RowKey::line(to));
        Some((RowKey::line(to), wrapped))
    }

    /// Nothing is found, and it has looked everywhere.
    pub fn is_vain(&self) -> bool {
        self.found.over && self.found.hits == 0
    }

    /// Which of all the current one is, once they are counted; however many come and are dropped
    /// since.
    fn nth(&self) -> Option<u64> {
        let (nth, before) = self.place?;
        Some(nth.saturating_sub(before.saturating_sub(self.found.before)).max(1))
    }

    /// The same, where it is told.
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

    /// `3 of 214`; while it goes on, what is found already.
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
    fn it_goes_to_the_nearest_at_once_and_is_counted_at_the_end() {
        let mut search = search();
        search.ask(1, Some(SearchJump::Back));
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
        search.ask(2, Some(SearchJump::Forward));
        assert_eq!(search.words("…"), "1,214");
    }

    #[test]
    fn it_goes_on_from_the_other_end_when_all_was_looked_at() {
        let mut search = search();
        search.ask(1, Some(SearchJump::Forward));
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
        search.ask(2, Some(SearchJump::Near { back: false }));
        assert_eq!(search.take(over), Some((RowKey::line(4), false)));
        assert_eq!(search.words("…"), "2 of 2");
    }

    #[test]
    fn it_goes_on_counting_and_takes_nobody_away() {
        let mut search = search();
        search.ask(1, Some(SearchJump::Forward));
        let none = SearchProgress { looked: 5, of: 5, over: true, ..SearchProgress::default() };
        assert_eq!(search.take(none), None);
        assert_eq!((search.is_vain(), search.words("…").as_str()), (true, "no match"));
        let some = SearchProgress { hits: 1, next: Some(7), first: Some(7), last: Some(7), ..none };
        assert_eq!(search.take(some), None, "it came later");
        assert_eq!(search.words("…"), "1");
        search.ask(2, Some(SearchJump::Back));
        let on = SearchProgress { hits: 4, before: 0, last: Some(19), ..some };
        assert_eq!(search.take(on), Some((RowKey::line(19), true)));
        assert_eq!(search.words("…"), "4 of 4");
        assert_eq!(search.take(SearchProgress { hits: 6, last: Some(30), ..on }), None);
        assert_eq!(search.words("…"), "4 of 6");
        search.ask(3, Some(SearchJump::Back));
        let back = SearchProgress { hits: 6, before: 4, previous: Some(12), next: Some(19), ..on };
        assert_eq!(search.take(back), Some((RowKey::line(12), false)));
        assert_eq!(search.words("…"), "4 of 6");
        let dropped = SearchProgress { hits: 7, before: 2, ..back };
        assert_eq!(search.take(dropped), None);
        assert_eq!(search.words("…"), "2 of 7", "the first two are not kept any more");
    }
}
