//! What is searched for, and how far that has come.

use regex::Regex;

use super::window::Key;
use crate::control::wire::{Found, SliceAsked};

/// Where to go as soon as something is found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Going {
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

/// What is gone to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A line that says that something went wrong.
    Error,
    /// The start of a run.
    Run,
    /// Where this event stands.
    Event(u64),
}

/// A look for the next one of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeking {
    /// The number of the question.
    pub question: u64,
    /// Of what.
    pub target: Target,
    /// Towards the beginning.
    pub back: bool,
    /// How often the same key was pressed since.
    pub owed: u32,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// As it was typed.
    pub text: String,
    /// For the lines that are visible.
    pub regex: Regex,
    /// For those that are not.
    pub expression: String,
    /// The match somebody went to.
    pub current: Option<Key>,
    /// Among which lines it is searched.
    pub among: SliceAsked,
    /// The number of the latest question.
    pub question: u64,
    /// Where to go.
    pub going: Option<Going>,
    /// How often the same key was pressed since.
    pub owed: u32,
    found: Found,
    /// Which of all the current one was when all were counted: others come behind it only.
    nth: Option<u64>,
    /// How many there were when it had come to its end last.
    total: Option<u64>,
}

impl Search {
    /// One that has not begun.
    pub fn new(text: &str, regex: Regex, expression: String, among: SliceAsked) -> Self {
        Self {
            text: text.to_owned(),
            regex,
            expression,
            current: None,
            among,
            question: 0,
            going: None,
            owed: 0,
            found: Found::default(),
            nth: None,
            total: None,
        }
    }

    /// Begins anew: the number of the question, and where to go.
    pub fn ask(&mut self, question: u64, going: Option<Going>) {
        (self.question, self.going, self.found) = (question, going, Found::default());
        (self.owed, self.nth) = (0, None);
    }

    /// It has come so far: where that leads, and whether from the other end.
    pub fn take(&mut self, found: Found) -> Option<(Key, bool)> {
        self.found = found;
        let to = self.arrive();
        if found.over {
            // What comes later is counted, and nobody is taken there.
            (self.going, self.total) = (None, Some(found.hits));
            self.nth = self.nth.or_else(|| self.place());
        }
        to
    }

    fn arrive(&mut self) -> Option<(Key, bool)> {
        let found = &self.found;
        let or_other = |near: Option<u64>, other: Option<u64>, wraps: bool| match near {
            Some(near) => Some((near, false)),
            None => other.filter(|_| found.over).map(|other| (other, wraps)),
        };
        let (to, wrapped) = match self.going? {
            Going::Forward => or_other(found.next, found.first, true),
            Going::Back => or_other(found.previous, found.last, true),
            Going::Near { back: true } => or_other(found.previous, found.next, false),
            Going::Near { back: false } => or_other(found.next, found.previous, false),
        }?;
        self.going = None;
        self.current = Some(Key::line(to));
        Some((Key::line(to), wrapped))
    }

    /// Nothing is found, and it has looked everywhere.
    pub fn is_vain(&self) -> bool {
        self.found.over && self.found.hits == 0
    }

    /// Which of all the current one is.
    fn place(&self) -> Option<u64> {
        let found = &self.found;
        let current = self.current.map(|key| key.seq);
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
        let number = crate::tui::views::thousands;
        match (self.found.over, self.found.hits, self.nth) {
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

    fn search() -> Search {
        Search::new("x", Regex::new("x").unwrap(), "x".to_owned(), SliceAsked::default())
    }

    #[test]
    fn it_goes_to_the_nearest_at_once_and_is_counted_at_the_end() {
        let mut search = search();
        search.ask(1, Some(Going::Back));
        let far = Found {
            looked: 100,
            of: 900,
            hits: 3,
            before: 3,
            previous: Some(40),
            ..Found::default()
        };
        assert_eq!(search.take(far), Some((Key::line(40), false)));
        assert_eq!(search.words("…"), "3…");
        let over = Found {
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
        assert_eq!(search.take(Found { hits: 1215, ..over }), None);
        assert_eq!(search.words("…"), "3 of 1,215");
        search.ask(2, Some(Going::Forward));
        assert_eq!(search.words("…"), "1,215");
    }

    #[test]
    fn nobody_is_taken_to_what_comes_later() {
        let mut search = search();
        search.ask(1, Some(Going::Near { back: true }));
        let none = Found { looked: 10, of: 10, over: true, ..Found::default() };
        assert_eq!(search.take(none), None);
        assert_eq!(search.words("…"), "no match");
        assert!(search.is_vain());
        assert_eq!(search.take(Found { hits: 1, ..none }), None);
        assert_eq!(search.words("…"), "1");
    }

    #[test]
    fn it_goes_on_from_the_other_end_when_all_was_looked_at() {
        let mut search = search();
        search.ask(1, Some(Going::Forward));
        let none =
            Found { looked: 5, of: 10, hits: 2, before: 2, previous: Some(4), ..Found::default() };
        assert_eq!(search.take(none), None);
        let over = Found { over: true, first: Some(1), last: Some(4), ..none };
        assert_eq!(search.take(over), Some((Key::line(1), true)));
        assert_eq!(search.words("…"), "1 of 2");
        search.ask(2, Some(Going::Near { back: false }));
        assert_eq!(search.take(over), Some((Key::line(4), false)));
        assert_eq!(search.words("…"), "2 of 2");
    }
}
