//! Where runs started and ended between the lines of the output.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::wire::{RunMarker, RunMarkerKind};
use crate::machine::event::{Cause, EndCause, EndDetails, EventStamp, EventSubject};
use crate::machine::{Event, format_duration};
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
    fn note(&mut self, event: &Event) -> bool {
        let stamp = event.stamp();
        let mark = match event {
            Event::ProcessStarted(e) => {
                let what = if e.of.run > 1 { "restarted" } else { "started" };
                let text = match e.cause.origin() {
                    Some(origin) => format!("{what} {origin}"),
                    None => what.to_owned(),
                };
                mark(stamp, &e.of, RunMarkerKind::Started, text, &e.cause)
            }
            Event::ProcessCompleted(e) => ended(stamp, &e.of, &e.end, how(&e.end), &e.cause),
            Event::ProcessKilled(e) => ended(stamp, &e.of, &e.end, by(e.by, &e.end), &e.cause),
            Event::ProcessFailed(e) => ended(stamp, &e.of, &e.end, e.message.clone(), &e.cause),
            Event::ProcessRetrying(e) => {
                let delay = format_duration(Duration::from_millis(e.delay_ms));
                let next = match (e.retry, e.retries) {
                    (0, _) => format!("runs again in {delay}"),
                    (retry, Some(of)) => format!("retry {retry} of {of} in {delay}"),
                    (retry, None) => format!("retry {retry} in {delay}"),
                };
                return self.follow(&e.of.name, next);
            }
            Event::ProcessGaveUp(e) => {
                let next =
                    format!("gave up after {}", crate::machine::snapshot::retries(e.retries));
                return self.follow(&e.of.name, next);
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

fn mark(
    stamp: EventStamp,
    of: &EventSubject,
    kind: RunMarkerKind,
    text: String,
    cause: &Cause,
) -> RunMarker {
    RunMarker {
        seq: stamp.output,
        event: stamp.seq,
        time: format!("{:.3}", stamp.time),
        name: of.name.to_string(),
        run: of.run,
        kind,
        success: None,
        duration_ms: None,
        text,
        next: None,
        cause: cause.clone(),
    }
}

fn ended(
    stamp: EventStamp,
    of: &EventSubject,
    end: &EndDetails,
    text: String,
    cause: &Cause,
) -> RunMarker {
    let success = Some(end.success);
    let duration_ms = Some(end.duration_ms);
    RunMarker { success, duration_ms, ..mark(stamp, of, RunMarkerKind::Ended, text, cause) }
}

/// How a run ended by itself.
fn how(end: &EndDetails) -> String {
    let after = format_duration(Duration::from_millis(end.duration_ms));
    match (end.exit_code, end.signal) {
        (Some(code), _) => format!("exited {code} after {after}"),
        (None, Some(signal)) => format!("was ended by {signal} after {after}"),
        (None, None) => format!("ended after {after}"),
    }
}

fn by(by: EndCause, end: &EndDetails) -> String {
    let why = match by {
        EndCause::Stop => "stopped",
        EndCause::Kill => "killed",
        EndCause::Restart => "ended for a restart",
        EndCause::FileChange => "ended for a change of its files",
        EndCause::Reload => "ended for a reload",
        EndCause::Health => "ended because its health check failed",
        EndCause::Shutdown => "ended with the project",
    };
    format!("{why} after {}", format_duration(Duration::from_millis(end.duration_ms)))
}
