//! `Control` for a project in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::blocking::{blocking, cancellable_blocking};
use super::event_log::EventLog;
use super::frame::LineFormat;
use super::output_request::OutputRequest;
use super::run_markers::RunMarkers;
use super::search::{self, SearchJob};
use super::slice::{ScanLimit, SliceJob, SourceChoice};
use super::tail_watch::{NewLineCounter, TailWatch};
use super::usage_sampler::{self, UsageSampler};
use super::wire::{
    CheckReport, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, ScreenQuery, ScreenResponse, SearchProgress, SearchQuery, SeekQuery,
    SeekResponse, ShutdownRequest, SliceQuery, SliceResponse, StateUpdate, WhyLink, WhyResponse,
};
use super::{
    Control, ControlError, ControlErrorKind, ControlResult, Measure, ResponseStream, TerminalStream,
};
use crate::engine::{self, Clock, EngineHandle, ReloadMode, Request, RequestError, SpecLoader};
use crate::machine::{Event, Intent, Moment, ScaleError, ShutdownReason};
use crate::output::SourceSelection;
use crate::spec::{self, Name, ProjectLocator};

mod commands;
mod failure;
mod terminals;
mod waiting;

/// The offset between the monotonic clock and the wall clock is kept while it changes by less than this, so
/// that a moment always has the same wall-clock time.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_millis(50);

/// The most searches at the same time; more would take too much CPU time from the supervised processes.
const MAX_SEARCHES: usize = 2;

/// How long lines are scanned for the rows of one response.
const SCAN_BUDGET: Duration = Duration::from_millis(250);

/// A project that runs in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalControl {
    pub(super) engine: EngineHandle,
    pub(super) project: Arc<str>,
    pub(super) pid: u32,
    event_log: EventLog,
    pub(super) markers: RunMarkers,
    /// Limits the searches at the same time.
    search_permits: Arc<Semaphore>,
    pub(super) usage_sampler: UsageSampler,
    pub(super) files: Arc<ProjectLocator>,
    /// What happened to the project's file, if it is no longer at its path.
    pub(super) file_status: watch::Receiver<Option<String>>,
    /// Reads the project's files again, and knows whether they have changed.
    spec_loader: Option<Arc<dyn SpecLoader>>,
    /// The wall-clock time of moment zero, as it was used last.
    zero: Arc<Mutex<Timestamp>>,
}

impl LocalControl {
    /// Creates the control of a project: `pid` is its outermost process, `files` locates its files, and
    /// `events` receives its events. Must be called in a Tokio runtime.
    pub fn new(
        engine: EngineHandle,
        project: &str,
        pid: u32,
        files: ProjectLocator,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        let zero = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let markers = RunMarkers::default();
        let event_log = EventLog::start(events, markers.clone());
        Self {
            engine,
            project: project.into(),
            pid,
            event_log,
            markers,
            search_permits: Arc::new(Semaphore::new(MAX_SEARCHES)),
            usage_sampler: UsageSampler::default(),
            files: Arc::new(files),
            file_status: watch::channel(None).1,
            spec_loader: None,
            zero,
        }
    }

    /// Returns the pid of the outermost process of the project.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sets the channel of the file status: a sentence if the project's file is no longer at its path.
    #[must_use]
    pub fn with_file_status(self, file_status: watch::Receiver<Option<String>>) -> Self {
        Self { file_status, ..self }
    }

    /// Sets the loader that knows whether the project's files have changed since they were read.
    #[must_use]
    pub fn with_spec_loader(self, spec_loader: Option<Arc<dyn SpecLoader>>) -> Self {
        Self { spec_loader, ..self }
    }

    pub(super) fn file_gone(&self) -> Option<String> {
        self.file_status.borrow().clone()
    }

    /// Returns the wall-clock time of a moment: always the same for the same moment, unless one of the
    /// clocks was set or suspended.
    pub(super) fn wall_time(&self, moment: Moment) -> String {
        let since_start = |moment: Moment| {
            SignedDuration::try_from(moment.since_start()).unwrap_or(SignedDuration::MAX)
        };
        let fresh = Clock::wall().saturating_sub(since_start(self.engine.clock().now()));
        let fresh = fresh.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut zero = self.zero.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.duration_since(*zero).abs() > CLOCK_TOLERANCE {
            *zero = fresh;
        }
        let time = zero.saturating_add(since_start(moment)).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{time:.3}")
    }

    /// Returns output lines in the encoding of the response body.
    pub(super) async fn encoded_output(
        &self,
        query: &OutputQuery,
        format: LineFormat,
    ) -> ControlResult<ResponseStream<Vec<u8>>> {
        let request = self.output_request(query).await?;
        Ok(request.encoded_stream(Arc::clone(self.engine.store()), format))
    }

    async fn output_request(&self, query: &OutputQuery) -> ControlResult<OutputRequest> {
        let store = self.engine.store();
        let sources = match &query.names {
            None => None,
            Some(names) => {
                let names = self.resolve(names.split(',').map(str::to_owned).collect()).await?;
                Some(names.iter().map(|name| store.source(name)).collect())
            }
        };
        OutputRequest::new(query, sources)
    }

    /// Returns the names of the processes that these names and tags match.
    async fn resolve(&self, names: Vec<String>) -> ControlResult<Vec<Name>> {
        let resolved = self.ask(|reply| Request::Resolve { names, reply }).await?;
        let views = resolved.ids.iter().filter_map(|id| resolved.before.get(*id));
        Ok(views.map(|view| view.name.clone()).collect())
    }

    pub(super) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, RequestError>>) -> Request,
    ) -> ControlResult<T> {
        let (reply, response) = oneshot::channel();
        if !self.engine.request(request(reply)) {
            return Err(ControlError::ended());
        }
        Ok(response.await.map_err(|_| ControlError::ended())??)
    }

    /// Resolves the names of a query. The exact name of a process that has printed something is valid even
    /// if the process is no longer a member; the engine resolves the other names.
    async fn choice(&self, names: Option<&str>) -> ControlResult<SourceChoice> {
        let Some(names) = names else {
            return Ok(SourceChoice { selection: SourceSelection::All, names: None });
        };
        let store = self.engine.store();
        let names = names.split(',').map(str::to_owned);
        let (names, others): (Vec<String>, Vec<String>) =
            names.partition(|name| store.known(name).is_some());
        let mut names: HashSet<String> = names.into_iter().collect();
        if !others.is_empty() {
            names.extend(self.resolve(others).await?.iter().map(Name::to_string));
        }
        let sources = names.iter().map(|name| store.source(&Name::new(name)));
        Ok(SourceChoice { selection: SourceSelection::only(sources), names: Some(Arc::new(names)) })
    }
}

impl Control for LocalControl {
    async fn status(&self, measure: Measure) -> ControlResult<ProjectState> {
        let usage = match measure {
            Measure::Yes => {
                self.usage_sampler.read(&self.engine, usage_sampler::MAX_AGE_ONCE).await
            }
            Measure::No => Arc::default(),
        };
        let snapshot = self.engine.snapshot();
        Ok(self.project_state(&snapshot, |view| {
            self.process_state(view).with_usage(usage_sampler::usage_of(&usage, view))
        }))
    }

    async fn watch(&self, measure: Measure) -> ControlResult<ResponseStream<StateUpdate>> {
        let local = self.clone();
        Ok(ResponseStream::latest(|sink| local.send_updates(measure, sink)))
    }

    async fn slice(&self, query: SliceQuery) -> ControlResult<SliceResponse> {
        let choice = self.choice(query.names.as_deref()).await?;
        let output = (Arc::clone(self.engine.store()), self.markers.clone());
        let job = SliceJob::new(output, choice, &query)?;
        if job.is_quick() {
            return Ok(job.run(&ScanLimit::NONE));
        }
        let clock = self.engine.clock().clone();
        cancellable_blocking(move |is_cancelled| {
            let start = clock.now();
            let is_late = || clock.now().since(start) >= SCAN_BUDGET;
            job.run(&ScanLimit { is_cancelled, is_late: &is_late })
        })
        .await
    }

    async fn search(&self, query: SearchQuery) -> ControlResult<ResponseStream<SearchProgress>> {
        let choice = self.choice(query.names.as_deref()).await?;
        let job = SearchJob::new(Arc::clone(self.engine.store()), choice, &query)?;
        Ok(job.stream(Arc::clone(&self.search_permits)))
    }

    async fn seek(&self, query: SeekQuery) -> ControlResult<SeekResponse> {
        let choice = self.choice(query.names.as_deref()).await?;
        let output = (Arc::clone(self.engine.store()), self.markers.clone());
        cancellable_blocking(search::seek(output, choice, &query)?).await
    }

    async fn details(&self, name: &str, query: DetailsQuery) -> ControlResult<ProcessDetails> {
        self.details_of(name, query.reveal).await
    }

    async fn growth(&self, query: ProgressQuery) -> ControlResult<ResponseStream<OutputProgress>> {
        let SourceChoice { selection, .. } = self.choice(query.names.as_deref()).await?;
        let (store, markers) = (Arc::clone(self.engine.store()), self.markers.clone());
        let counter = NewLineCounter::new(&query)?;
        let watch = TailWatch { store, selection, markers, counter };
        Ok(ResponseStream::latest(|sink| watch.send_progress(sink)))
    }

    async fn why(&self, name: &str) -> ControlResult<WhyResponse> {
        let name = name.to_owned();
        let explanation = self.ask(|reply| Request::Why { name, reply }).await?;
        let explanation = explanation.ok_or_else(ControlError::ended)?;
        let snapshot = self.engine.snapshot();
        let mut links = explanation.flatten().into_iter().map(|(depth, link)| {
            let view = snapshot.processes.iter().find(|view| view.name == link.name);
            WhyLink {
                depth,
                name: link.name.to_string(),
                condition: link.condition,
                state: link.state,
                why: link.why.clone(),
                why_names_state: link.why_names_state,
                checked: link.checked,
                cause: link.cause.clone(),
                suspended_by: link.suspended_by.clone(),
                last_output: view.and_then(|view| self.last_output(view, &snapshot)),
            }
        });
        let mut root = links.next().ok_or_else(ControlError::ended)?;
        // The output of another process belongs to its link.
        root.last_output = root.last_output.filter(|last| last.name == root.name);
        Ok(WhyResponse { root, file_gone: self.file_gone(), chain: links.collect() })
    }

    async fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> ControlResult<ResponseStream<Vec<EventItem>>> {
        Ok(self.event_log.stream(after, follow))
    }

    async fn output(&self, query: OutputQuery) -> ControlResult<ResponseStream<Vec<OutputItem>>> {
        let request = self.output_request(&query).await?;
        Ok(request.stream(Arc::clone(self.engine.store())))
    }

    async fn check(&self) -> ControlResult<CheckReport> {
        let files = Arc::clone(&self.files);
        blocking(move || spec::report(&files)).await
    }

    async fn reload(&self, request: ReloadRequest) -> ControlResult<ReloadResponse> {
        let mode = if request.dry_run { ReloadMode::DryRun } else { ReloadMode::Apply };
        match self.engine.reload_and_wait(mode).await {
            engine::ReloadReport::Applied(difference)
            | engine::ReloadReport::Planned(difference) => {
                Ok(ReloadResponse::of(difference, request.dry_run))
            }
            engine::ReloadReport::Rejected(faults) => {
                Ok(ReloadResponse::rejected(&faults, request))
            }
            engine::ReloadReport::Refused(text) => {
                Err(ControlError::new(ControlErrorKind::Conflict, text))
            }
        }
    }

    async fn execute(&self, command: ControlCommand) -> ControlResult<CommandResponse> {
        self.execute_command(command).await
    }

    async fn screen(&self, name: &str, query: ScreenQuery) -> ControlResult<ScreenResponse> {
        self.wait_for_screen(name, query).await
    }

    async fn terminal(&self, name: &str) -> ControlResult<TerminalStream> {
        self.attach(name).await
    }

    async fn shutdown(&self, request: ShutdownRequest) -> ControlResult<()> {
        let reason = ShutdownReason::Asked;
        let intent =
            if request.kill { Intent::ShutdownNow(reason) } else { Intent::Shutdown(reason) };
        self.engine.send(intent);
        Ok(())
    }
}

impl From<RequestError> for ControlError {
    fn from(error: RequestError) -> Self {
        let kind = match &error {
            RequestError::Unknown(_) | RequestError::Misfit(ScaleError::Unknown(_)) => {
                ControlErrorKind::UnknownName
            }
            RequestError::Ending => ControlErrorKind::Ended,
            RequestError::Misfit(
                ScaleError::Taken(_) | ScaleError::NoWatch(_) | ScaleError::WatchDisabled,
            )
            | RequestError::NotRunning(_)
            | RequestError::NoReader(_)
            | RequestError::CannotRestart(_)
            | RequestError::Forbidden { .. }
            | RequestError::NoInput(_)
            | RequestError::NoTerminal(_)
            | RequestError::OwnTerminal(_)
            | RequestError::NoKeyReader(_)
            | RequestError::UnreadKeys(_)
            | RequestError::Unread(_) => ControlErrorKind::Conflict,
            RequestError::Missing(_)
            | RequestError::WaitAndNoWait
            | RequestError::UnknownKey(_)
            | RequestError::KeysOrText
            | RequestError::Misfit(_)
            | RequestError::NotOne { .. } => ControlErrorKind::InvalidRequest,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests;
