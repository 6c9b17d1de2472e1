//! Run markers: starts and ends of runs between the lines of the output.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::wire::{OutputRow, RunMarker, RunMarkerKind};
use super::{ControlError, ControlResult};
use crate::machine::{Event, event_text};
use crate::spec::Name;

/// The most markers that are stored.
const MAX_MARKERS: usize = 20_000;

/// The position of a row. A marker comes before the line `seq`, ordered by the number of its event; the
/// line itself has the highest event number, so it comes after its markers.
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

    /// The position before that line and all its markers.
    pub(super) fn start_of(seq: u64) -> Self {
        Self { seq, event: 0 }
    }

    pub(super) fn of_marker(marker: &RunMarker) -> Self {
        Self { seq: marker.seq, event: marker.event }
    }

    pub(super) fn of_row(row: &OutputRow) -> Self {
        match row {
            OutputRow::Line { line, .. } => Self::line(line.seq),
            OutputRow::Mark(marker) => Self::of_marker(marker),
        }
    }

    /// Parses `12`, or `12.7` for the marker of event 7 before line 12.
    pub(super) fn parse(text: &str) -> ControlResult<Self> {
        let (seq, event) = match text.split_once('.') {
            Some((seq, event)) => (seq.parse().ok(), event.parse().ok()),
            None => (text.parse().ok(), Some(u64::MAX)),
        };
        let (Some(seq), Some(event)) = (seq, event) else {
            let text = format!("invalid position `{text}`: expected a line number, such as `12`");
            return Err(ControlError::invalid_request(text));
        };
        Ok(Self { seq, event })
    }

    /// The smallest position after this one.
    pub(super) fn next(self) -> Self {
        match self.event.checked_add(1) {
            Some(event) => Self { event, ..self },
            None => Self::start_of(self.seq.saturating_add(1)),
        }
    }
}

impl fmt::Display for RowPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            u64::MAX => write!(f, "{}", self.seq),
            event => write!(f, "{}.{event}", self.seq),
        }
    }
}

/// The stored run markers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct RunMarkers {
    markers: Arc<Mutex<VecDeque<RunMarker>>>,
    /// Number of changes.
    change_count: Arc<watch::Sender<u64>>,
}

impl RunMarkers {
    /// Records an event, if it is the start or the end of a run, or says what follows an end.
    pub(super) fn record(&self, event: &Event) {
        if record(&mut self.lock(), event) {
            self.change_count.send_modify(|count| *count += 1);
        }
    }

    /// The number of changes, as a channel.
    pub(super) fn change_count(&self) -> watch::Receiver<u64> {
        self.change_count.subscribe()
    }

    /// Returns the first markers of the range that match, at most `limit`.
    pub(super) fn after(
        &self,
        (from, to): (RowPosition, RowPosition),
        limit: usize,
        is_match: &dyn Fn(&RunMarker) -> bool,
    ) -> Vec<RunMarker> {
        let markers = self.lock();
        let start = markers.partition_point(|marker| RowPosition::of_marker(marker) < from);
        let in_range =
            markers.range(start..).take_while(|marker| RowPosition::of_marker(marker) <= to);
        in_range.filter(|marker| is_match(marker)).take(limit).cloned().collect()
    }

    /// Returns the last markers of the range that match, without its end, at most `limit`; the last
    /// one first.
    pub(super) fn before(
        &self,
        (from, to): (RowPosition, RowPosition),
        limit: usize,
        is_match: &dyn Fn(&RunMarker) -> bool,
    ) -> Vec<RunMarker> {
        let markers = self.lock();
        let end = markers.partition_point(|marker| RowPosition::of_marker(marker) < to);
        let in_range =
            markers.range(..end).rev().take_while(|marker| RowPosition::of_marker(marker) >= from);
        in_range.filter(|marker| is_match(marker)).take(limit).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<RunMarker>> {
        self.markers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records an event; returns whether a marker was added or changed.
fn record(markers: &mut VecDeque<RunMarker>, event: &Event) -> bool {
    let (kind, subject, cause, end) = match event {
        Event::ProcessStarted(e) => (RunMarkerKind::Started, &e.of, &e.cause, None),
        Event::ProcessCompleted(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
        Event::ProcessKilled(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
        Event::ProcessFailed(e) => (RunMarkerKind::Ended, &e.of, &e.cause, Some(&e.end)),
        Event::ProcessRetrying(e) => {
            let next = event_text::next_run(e.retry, e.retries, e.delay_ms);
            return set_next(markers, &e.of.name, next);
        }
        Event::ProcessGaveUp(e) => {
            return set_next(markers, &e.of.name, event_text::gave_up(e.retries));
        }
        Event::ProcessQueued(_)
        | Event::ProcessWaiting(_)
        | Event::ProcessReady(_)
        | Event::ProcessUnhealthy(_)
        | Event::ProcessStopping(_)
        | Event::ProcessSkipped(_)
        | Event::FileChanged(_)
        | Event::WatchSuspended(_)
        | Event::ConfigReloaded(_)
        | Event::ConfigRejected(_)
        | Event::PoolDrained(_)
        | Event::ProjectReady(_)
        | Event::ProjectStopping(_)
        | Event::ProjectStopped(_) => return false,
    };
    let stamp = event.stamp();
    let marker = RunMarker {
        seq: stamp.output,
        event: stamp.seq,
        time: format!("{:.3}", stamp.time),
        name: subject.name.to_string(),
        run: subject.run,
        kind,
        success: end.map(|end| end.success),
        duration_ms: end.map(|end| end.duration_ms),
        text: event_text::marker(event),
        next: None,
        cause: cause.clone(),
    };
    // The position of a start is before the first line of its run, which may be before the positions of
    // earlier events.
    let position = RowPosition::of_marker(&marker);
    let index = markers.partition_point(|other| RowPosition::of_marker(other) < position);
    markers.insert(index, marker);
    if markers.len() > MAX_MARKERS {
        markers.pop_front();
    }
    true
}

/// Sets the text after the last run of a process, if that run has ended.
fn set_next(markers: &mut VecDeque<RunMarker>, name: &Name, next: String) -> bool {
    let last = markers.iter_mut().rev().find(|marker| marker.name == name.as_str());
    let Some(marker) = last.filter(|marker| marker.kind == RunMarkerKind::Ended) else {
        return false;
    };
    marker.next = Some(next);
    true
}

/// The markers that an event creates or changes, after the end of a run.
#[cfg(test)]
pub(crate) fn markers_of(event: &Event) -> Vec<RunMarker> {
    use crate::machine::event::{Cause, EndDetails, EventStamp, ProcessCompleted};
    let markers = RunMarkers::default();
    if matches!(event, Event::ProcessRetrying(_) | Event::ProcessGaveUp(_)) {
        let of = event.subject().unwrap().clone();
        let (end, hint) = (EndDetails::default(), None);
        let (stamp, cause) = (EventStamp::default(), Cause::Exit { exit_code: 1 });
        markers.record(&ProcessCompleted { stamp, of, end, hint, cause }.into());
    }
    markers.record(event);
    markers.lock().iter().cloned().collect()
}
