//! Looking for something in the output.

use super::whole::whole;
use crate::control::wire::{Level, MarkKind, Row, SliceAsked};
use crate::control::{Control, Problem};
use crate::tui::msg::{Found, Target};
use crate::tui::ui::window::Key;

/// Rows that are looked through at once.
const ROWS: usize = 2000;

/// One look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) question: u64,
    pub(super) slice: SliceAsked,
    pub(super) target: Target,
    pub(super) from: Option<Key>,
    pub(super) back: bool,
}

impl Look {
    /// Looks to the end of the output, and then once more from its other end.
    pub(super) async fn run(self, control: &impl Control) -> Result<Found, Problem> {
        let from = self.from.unwrap_or(if self.back { END } else { Key::default() });
        let mut found = Found {
            question: self.question,
            is_search: matches!(self.target, Target::Match(_)),
            place: self.once(control, from).await?,
            wrapped: false,
            count: None,
            nth: None,
        };
        if found.place.is_none() {
            let other = if self.back { END } else { Key::default() };
            found.place = self.once(control, other).await?;
            found.wrapped = found.place.is_some();
        }
        Ok(found)
    }

    /// From here to the end.
    async fn once(&self, control: &impl Control, mut from: Key) -> Result<Option<Key>, Problem> {
        loop {
            let mut asked = SliceAsked { rows: Some(self.rows()), ..self.slice.clone() };
            match &self.target {
                Target::Match(expression) if asked.grep.is_none() => {
                    (asked.grep, asked.no_marks) = (Some(expression.clone()), true);
                }
                Target::Error => (asked.level, asked.no_marks) = (Some(Level::Error), true),
                Target::Match(_) | Target::Run | Target::Event(_) => {}
            }
            let place = Some(from.place());
            if self.back {
                asked.before = place;
            } else {
                asked.after = place;
            }
            let given = whole(control, asked).await?;
            let mut rows = given.rows.iter();
            let found = if self.back {
                rows.rev().find(|row| self.is_it(row))
            } else {
                rows.find(|row| self.is_it(row))
            };
            if let Some(row) = found {
                return Ok(Some(key(row)));
            }
            let more = if self.back { given.before } else { given.after };
            let edge = if self.back { given.rows.first() } else { given.rows.last() };
            match edge {
                Some(row) if more => from = key(row),
                _ => return Ok(None),
            }
        }
    }

    /// How many rows are wanted at once: where the project itself looks, the first one it finds.
    fn rows(&self) -> usize {
        match &self.target {
            Target::Match(_) if self.slice.grep.is_none() => 1,
            Target::Error => 1,
            Target::Match(_) | Target::Run | Target::Event(_) => ROWS,
        }
    }

    fn is_it(&self, row: &Row) -> bool {
        match (&self.target, row) {
            (Target::Match(expression), Row::Line { line, .. }) => {
                let regex = regex::bytes::Regex::new(expression);
                regex.is_ok_and(|regex| regex.is_match(&line.bytes()))
            }
            (Target::Error, Row::Line { level, .. }) => *level == Some(Level::Error),
            (Target::Run, Row::Mark(mark)) => mark.kind == MarkKind::Started,
            (Target::Event(event), Row::Mark(mark)) => mark.event <= *event,
            (Target::Match(_) | Target::Error, Row::Mark(_))
            | (Target::Run | Target::Event(_), Row::Line { .. }) => false,
        }
    }
}

/// Beyond the last line.
const END: Key = Key { seq: u64::MAX, line: true, event: 0 };

fn key(row: &Row) -> Key {
    match row {
        Row::Line { line, .. } => Key::line(line.seq),
        Row::Mark(mark) => Key { seq: mark.seq, line: false, event: mark.event },
    }
}
