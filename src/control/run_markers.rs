//! Run markers: starts and ends of runs between the lines of the output.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::wire::{RunMarker, RunMarkerKind};
use crate::machine::{Event, event_text};
use crate::spec::Name;

/// So many are kept at most.
const KEPT: usize = 20_000;

/// Where something stands: before the line of this number, by the number of its event; a line
/// itself stands after all that stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowPosition {
    pub(super) seq: u64,
    pub(super) event: u64,
}

impl RowPosition {
    pub(super) const END: Self = Self { seq: u64::MAX, event: u64::MAX };

    pub(super) fn line(seq: u64) -> Self {
        Self { seq, event: u64::MAX }
    }

    /// Right before that line and all that stands before it.
    pub(super) fn start_of(seq: u64) -> Self {
        Self { seq, event: 0 }
    }

    /// As it is asked for.
    pub(super) fn written(self) -> String {
        match self.event {
            u64::MAX => self.seq.to_string(),
            event => format!("{}.{event}", self.seq),
        }
    }

    /// The next one there could be.
    pub(super) fn next(self) -> Self {
        match self.event.checked_add(1) {
            Some(event) => Self { event, ..self },
            None => Self::start_of(self.seq.saturating_add(1)),
        }
    }
}

/// A bounded number of starts and ends of runs. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct RunMarkers {
    kept: Arc<Mutex<VecDeque<RunMarker>>>,
    /// How often something has changed.
    count: Arc<watch::Sender<u64>>,
}

impl Default for RunMarkers {
    fn default() -> Self {
        Self { kept: Arc::default(), count: Arc::new(watch::Sender::new(0)) }
    }
}

impl RunMarkers {
    /// Takes note of what happened, if that is worth a mark.
    pub(super) fn note(&self, event: &Event) {
        if !self.kept().note(event) {
            return;
        }
        self.count.send_modify(|count| *count += 1);
    }

    /// How often something has changed, and when it does again.
    pub(super) fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// The first so many from this place on, up to that one.
    pub(super) fn after(
        &self,
        (from, to): (RowPosition, RowPosition),
        most: usize,
        is_meant: &dyn Fn(&RunMarker) -> bool,
    ) -> Vec<RunMarker> {
        let kept = self.kept();
        let start = kept.partition_point(|mark| place(mark) < from);
        let marks = kept.range(start..).take_while(|mark| place(mark) <= to);
        marks.filter(|mark| is_meant(mark)).take(most).cloned().collect()
    }

    /// The last so many before this place, down to that one; the last one first.
    pub(super) fn before(
        &self,
        (from, to): (RowPosition, RowPosition),
        most: usize,
        is_meant: &dyn Fn(&RunMarker) -> bool,
    ) -> Vec<RunMarker> {
        let kept = self.kept();
        let end = kept.partition_point(|mark| place(mark) < to);
        let marks = kept.range(..end).rev().take_while(|mark| place(mark) >= from);
        marks.filter(|mark| is_meant(mark)).take(most).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<RunMarker>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn place(mark: &RunMarker) -> RowPosition {
    RowPosition { seq: mark.seq, event: mark.event }
}

trait Note {
    fn note(&mut self, event: &Event) -> bool;
    fn put(&mut self, mark: RunMarker);
    fn follow(&mut self, name: &Name, next: String) -> bool;
}

impl Note for VecDeque<RunMarker> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is about a start or an end")]
    fn note(&mut self, event: &Event) -> bool {
        let (kind, of, cause, end) = match event {
            Event::ProcessStarted(e) => (RunMarkerKind::Started, &e.of, &e.cause, None),
            Event::ProcessCompleted(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
            Event::ProcessKilled(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
            Event::ProcessFailed(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
            Event::ProcessRetrying(e) => {
                let next = event_text::next_run(e.retry, e.retries, e.delay_ms);
                return self.follow(&e.of.name, next);
            }
            Event::ProcessGaveUp(e) => {
                return self.follow(&e.of.name, event_text::gave_up(e.retries));
            }
            _ => return false,
        };
        let stamp = event.stamp();
        let mark = RunMarker {
            seq: stamp.output,
            event: stamp.seq,
            time: format!("{:.3}", stamp.time),
            name: of.name.to_string(),
            run: of.run,
            kind,
            success: end.map(|end| end.success),
            duration_ms: end.map(|end| end.duration_ms),
            text: event_text::marker(event),
            next: None,
            cause: cause.clone(),
        };
        self.put(mark);
        true
    }

    /// In order: the start of a run stands before others that are told earlier.
    fn put(&mut self, mark: RunMarker) {
        let at = self.partition_point(|other| place(other) < place(&mark));
        self.insert(at, mark);
        if self.len() > KEPT {
            self.pop_front();
        }
    }

    /// What follows on the last end of a run of this process.
    fn follow(&mut self, name: &Name, next: String) -> bool {
        let of_it = |mark: &&mut RunMarker| mark.name == name.as_str();
        match self.iter_mut().rev().find(of_it) {
            Some(mark) if mark.kind == RunMarkerKind::Ended => {
                mark.next = Some(next);
                true
            }
            _ => false,
        }
    }
}

/// The markers that an event makes, after the start and the end of a run.
#[cfg(test)]
pub(crate) fn markers_of(event: &Event) -> Vec<RunMarker> {
    use crate::machine::event::{Cause, EndDetails, EventStamp, ProcessCompleted};
    let markers = RunMarkers::default();
    if matches!(event, Event::ProcessRetrying(_) | Event::ProcessGaveUp(_)) {
        let of = event.subject().unwrap().clone();
        let (end, hint) = (EndDetails::default(), None);
        let (stamp, cause) = (EventStamp::default(), Cause::Exit { exit_code: 1 });
        markers.note(&ProcessCompleted { stamp, of, end, hint, cause }.into());
    }
    markers.note(event);
    markers.kept().iter().cloned().collect()
}
