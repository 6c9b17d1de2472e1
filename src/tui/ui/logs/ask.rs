//! What the project is asked for, so that the pane can show what it is to show.

use super::{Logs, Position};
use crate::control::wire::{Asked, SearchAsked, SeekAsked, SliceAsked, Whose};
use crate::tui::ui::window::{From, Key};

/// So many lines that have come are looked through rather than all from the end.
const FEW: u64 = 50_000;

/// What is asked of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Answers to older questions are of no use.
    pub generation: u64,
    /// Which part.
    pub from: From,
    /// The same, as it is sent.
    pub slice: SliceAsked,
}

impl Logs {
    /// What has to be asked so that a pane of so many rows can be drawn and moved in.
    pub fn wanted(&mut self, rows: usize) -> Option<Ask> {
        if self.asked.is_some() {
            return None;
        }
        let from = self.missing(rows)?;
        self.asked = Some(from);
        self.is_stale = false;
        let mut slice = SliceAsked { rows: Some(rows * 3 + 20), ..self.asked_lines() };
        match from {
            From::End => slice.rows = Some(rows * 2 + 20),
            From::At(key) => (slice.at, slice.above) = (Some(key.place()), Some(rows)),
            From::Before(key) => slice.before = Some(key.place()),
            From::After(key) | From::Since(key) => slice.after = Some(key.place()),
        }
        Some(Ask { generation: self.generation, from, slice })
    }

    fn missing(&self, rows: usize) -> Option<From> {
        let window = &self.window;
        let Position::Paused { top, .. } = self.position else {
            return match (self.is_loaded, window.is_end()) {
                (true, true) => None,
                (true, false) => self.since().or(Some(From::End)),
                (false, _) => Some(From::End),
            };
        };
        if !self.is_loaded {
            return Some(From::At(top));
        }
        let place = window.place(top);
        if place < rows && !window.is_start() {
            return window.first().map(From::Before);
        }
        if place + rows * 2 > window.items().len() && !window.is_end() {
            return self.since().or(window.last().map(From::After)).or(Some(From::End));
        }
        None
    }

    /// Where few lines fit, those before were looked through already.
    fn since(&self) -> Option<From> {
        let complete = self.window.complete().filter(|_| self.is_picked_out())?;
        let is_few = self.next.saturating_sub(complete) <= FEW || !self.is_following();
        let last = complete.checked_sub(1).filter(|_| is_few)?;
        Some(From::Since(Key::line(last)))
    }

    /// Some lines are not shown.
    fn is_picked_out(&self) -> bool {
        self.filter.is_some() || self.level.is_some()
    }

    /// Which lines are shown at all.
    pub fn asked_lines(&self) -> SliceAsked {
        SliceAsked {
            names: self.whom.names(),
            grep: self.filter.as_ref().map(|(text, _)| text.clone()),
            invert: self.filter.as_ref().is_some_and(|(_, inverted)| *inverted),
            level: self.level,
            cleared: self.floor.checked_sub(1).map(|last| last.to_string()),
            // Between lines that were picked out they would say more than they know.
            no_marks: self.is_picked_out(),
            ..SliceAsked::default()
        }
    }

    /// The same, all of them.
    pub fn asked_output(&self) -> Asked {
        let SliceAsked { names, grep, invert, level, .. } = self.asked_lines();
        let from = (self.floor > 0).then_some(self.floor);
        Asked { names, grep, invert, level, from, ..Asked::default() }
    }

    /// Looks for this among them, from this line outwards.
    pub fn asked_search(&self, search: String, at: Option<u64>) -> SearchAsked {
        let SliceAsked { names, grep, invert, level, .. } = self.asked_lines();
        let from = (self.floor > 0).then_some(self.floor);
        SearchAsked { names, stream: None, level, grep, invert, search, at, from, follow: true }
    }

    /// The next one of them.
    pub fn asked_seek(&self) -> SeekAsked {
        let SliceAsked { names, grep, invert, level, cleared, .. } = self.asked_lines();
        SeekAsked { names, level, grep, invert, cleared, ..SeekAsked::default() }
    }

    /// Whose growth is wanted, if that is not told already. New lines are counted while it is paused.
    pub fn following(&mut self) -> Option<Whose> {
        let whose = self.whose();
        let is_new = self.followed.as_ref() != Some(&whose);
        if is_new {
            self.followed = Some(whose.clone());
        }
        is_new.then_some(whose)
    }

    /// Whether this is what is told of.
    pub fn is_told_of(&self, whose: &Whose) -> bool {
        self.followed.as_ref() == Some(whose)
    }

    fn whose(&self) -> Whose {
        let SliceAsked { names, grep, invert, level, .. } = self.asked_lines();
        if self.is_following() {
            return Whose { names, ..Whose::default() };
        }
        Whose { names, since: Some(self.seen), grep, invert, level }
    }
}
