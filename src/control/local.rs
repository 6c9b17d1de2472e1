//! `Control` for a project in this process.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::blocking::cancellable_blocking;
use super::event_log::EventLog;
use super::frame::LineFormat;
use super::output_request::OutputRequest;
use super::run_markers::RunMarkers;
use super::search::{self, SearchJob};
use super::slice::{ScanLimit, SliceJob, SourceChoice};
use super::tail_watch::{NewLineCounter, TailWatch};
use super::usage_sampler::{self, UsageSampler};
use super::wire::{
    CheckResponse, CommandResponse, ControlCommand, DetailsQuery, EventItem, OutputItem,
    OutputProgress, OutputQuery, ProcessDetails, ProgressQuery, ProjectState, ReloadRequest,
    ReloadResponse, SearchProgress, SearchQuery, SeekQuery, SeekResponse, ShutdownRequest,
    SliceQuery, SliceResponse, StateUpdate, WhyLink, WhyResponse,
};
use super::{Control, ControlError, ControlErrorKind, Measure, ResponseStream};
use crate::engine::{self, Clock, EngineHandle, ReloadMode, Request, RequestError, SpecLoader};
use crate::machine::{Event, Explanation, Intent, Moment, ScaleError, ShutdownReason};
use crate::output::SourceSelection;
use crate::spec::{self, Name, ProjectLocator};

mod commands;
mod failure;
mod waiting;

/// A moment is shown at the same time again while the clocks agree to this.
const STEADY: SignedDuration = SignedDuration::from_millis(50);

/// More would take the machine from those that are supervised.
const SEARCHES: usize = 2;

/// How long lines are scanned for the rows of one response.
const SCAN_BUDGET: Duration = Duration::from_millis(250);

/// A project that runs in this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LocalControl {
    pub(super) engine: EngineHandle,
    pub(super) project: Arc<str>,
    pub(super) pid: u32,
    ring: EventLog,
    marks: RunMarkers,
    /// Searches at a time.
    searches: Arc<Semaphore>,
    pub(super) meter: UsageSampler,
    pub(super) files: Arc<ProjectLocator>,
    /// What has become of its file, if it is gone.
    pub(super) file_status: watch::Receiver<Option<String>>,
    /// How its files are read again, and whether they have changed.
    reread: Option<Arc<dyn SpecLoader>>,
    /// The wall clock at moment zero, as it was used last.
    zero: Arc<Mutex<Timestamp>>,
}

impl LocalControl {
    /// The project of this name, whose outermost process is `pid`, whose files are found at
    /// `files`, and which tells its `events`. Needs a runtime.
    pub fn new(
        engine: EngineHandle,
        project: &str,
        pid: u32,
        files: ProjectLocator,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        let zero = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let marks = RunMarkers::default();
        let noted = marks.clone();
        let ring = EventLog::keep(events, move |event| noted.note(event));
        Self {
            engine,
            project: project.into(),
            pid,
            ring,
            marks,
            searches: Arc::new(Semaphore::new(SEARCHES)),
            meter: UsageSampler::default(),
            files: Arc::new(files),
            file_status: watch::channel(None).1,
            reread: None,
            zero,
        }
    }

    /// The outermost process of the project.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// With news of the project's file: a sentence when it is not where it was.
    #[must_use]
    pub fn with_file_status(self, file_status: watch::Receiver<Option<String>>) -> Self {
        Self { file_status, ..self }
    }

    /// With what knows whether the project's files have changed since they were read.
    #[must_use]
    pub fn with_reread(self, reread: Option<Arc<dyn SpecLoader>>) -> Self {
        Self { reread, ..self }
    }

    pub(super) fn file_gone(&self) -> Option<String> {
        self.file_status.borrow().clone()
    }

    pub(super) fn marks(&self) -> &RunMarkers {
        &self.marks
    }

    /// When a moment was. The same answer for the same moment, unless one of the clocks was set or
    /// stood still.
    pub(super) fn wall(&self, moment: Moment) -> String {
        let since = |moment: Moment| {
            SignedDuration::try_from(moment.since_start()).unwrap_or(SignedDuration::MAX)
        };
        let fresh = Clock::wall().saturating_sub(since(self.engine.clock().now()));
        let fresh = fresh.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut zero = self.zero.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.duration_since(*zero).abs() > STEADY {
            *zero = fresh;
        }
        let time = zero.saturating_add(since(moment)).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{time:.3}")
    }

    /// Lines as they are sent.
    pub(super) async fn written(
        &self,
        asked: &OutputQuery,
        form: LineFormat,
    ) -> Result<ResponseStream<Vec<u8>>, ControlError> {
        Ok(self.wanted(asked).await?.written(Arc::clone(self.engine.store()), form))
    }

    async fn wanted(&self, asked: &OutputQuery) -> Result<OutputRequest, ControlError> {
        let store = self.engine.store();
        let sources = match &asked.names {
            None => None,
            Some(names) => {
                let names = names.split(',').map(str::to_owned).collect();
                let who = self.ask(|reply| Request::Resolve { names, reply }).await?;
                let views = who.ids.iter().filter_map(|id| who.before.get(*id));
                Some(views.map(|view| store.source(&view.name)).collect())
            }
        };
        OutputRequest::new(asked, sources)
    }

    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, RequestError>>) -> Request,
    ) -> Result<T, ControlError> {
        let (answer, answered) = oneshot::channel();
        if !self.engine.request(question(answer)) {
            return Err(ControlError::ended());
        }
        Ok(answered.await.map_err(|_| ControlError::ended())??)
    }

    /// Whose lines are meant. A name that is one's very own is known even after its end, and the
    /// engine is asked about the others.
    async fn choice(&self, names: Option<&str>) -> Result<SourceChoice, ControlError> {
        let Some(names) = names else {
            return Ok(SourceChoice { selection: SourceSelection::All, names: None });
        };
        let store = self.engine.store();
        let mut meant: HashSet<String> = HashSet::new();
        let mut others = Vec::new();
        for name in names.split(',').map(str::to_owned) {
            if store.known(&name).is_some() {
                meant.insert(name);
            } else {
                others.push(name);
            }
        }
        if !others.is_empty() {
            let who = self.ask(|reply| Request::Resolve { names: others, reply }).await?;
            let views = who.ids.iter().filter_map(|id| who.before.get(*id));
            meant.extend(views.map(|view| view.name.to_string()));
        }
        let sources = meant.iter().map(|name| store.source(&Name::new(name)));
        Ok(SourceChoice { selection: SourceSelection::only(sources), names: Some(Arc::new(meant)) })
    }
}

impl Control for LocalControl {
    async fn status(&self, measure: Measure) -> Result<ProjectState, ControlError> {
        let figures = match measure {
            Measure::Yes => self.meter.read(&self.engine, usage_sampler::GLANCE).await,
            Measure::No => Arc::default(),
        };
        let snapshot = self.engine.snapshot();
        Ok(self.project_state(&snapshot, |view| {
            self.process_state(view).with_usage(usage_sampler::of(&figures, view))
        }))
    }

    async fn watch(&self, measure: Measure) -> Result<ResponseStream<StateUpdate>, ControlError> {
        let local = self.clone();
        Ok(ResponseStream::latest(|sink| local.push(measure, sink)))
    }

    async fn slice(&self, asked: SliceQuery) -> Result<SliceResponse, ControlError> {
        let choice = self.choice(asked.names.as_deref()).await?;
        let of = (Arc::clone(self.engine.store()), self.marks.clone());
        let cutting = SliceJob::new(of, choice, &asked)?;
        if cutting.is_quick() {
            return Ok(cutting.cut(&ScanLimit::NEVER));
        }
        let clock = self.engine.clock().clone();
        cancellable_blocking(move |is_gone| {
            let start = clock.now();
            let is_late = || clock.now().since(start) >= SCAN_BUDGET;
            cutting.cut(&ScanLimit { gone: is_gone, late: &is_late })
        })
        .await
    }

    async fn search(
        &self,
        asked: SearchQuery,
    ) -> Result<ResponseStream<SearchProgress>, ControlError> {
        let choice = self.choice(asked.names.as_deref()).await?;
        let search = SearchJob::new(Arc::clone(self.engine.store()), choice, &asked)?;
        Ok(search.flow(Arc::clone(&self.searches)))
    }

    async fn seek(&self, asked: SeekQuery) -> Result<SeekResponse, ControlError> {
        let choice = self.choice(asked.names.as_deref()).await?;
        let of = (Arc::clone(self.engine.store()), self.marks.clone());
        cancellable_blocking(search::seek(of, choice, &asked)?).await
    }

    async fn details(
        &self,
        name: &str,
        looked: DetailsQuery,
    ) -> Result<ProcessDetails, ControlError> {
        self.details_of(name, looked.reveal).await
    }

    async fn growth(
        &self,
        whose: ProgressQuery,
    ) -> Result<ResponseStream<OutputProgress>, ControlError> {
        let choice = self.choice(whose.names.as_deref()).await?;
        let (store, marks) = (Arc::clone(self.engine.store()), self.marks.clone());
        let new = NewLineCounter::of(&whose)?;
        let growth = TailWatch { store, selection: choice.selection, marks, new };
        Ok(ResponseStream::latest(|sink| growth.tell(sink)))
    }

    async fn why(&self, name: &str) -> Result<WhyResponse, ControlError> {
        let name = name.to_owned();
        let explained = self.ask(|reply| Request::Why { name, reply }).await?;
        let explained = explained.ok_or_else(ControlError::ended)?;
        let snapshot = self.engine.snapshot();
        let last_output = |name: &Name| {
            let view = snapshot.processes.iter().find(|view| view.name == *name)?;
            self.last_output(view, &snapshot)
        };
        let below = explained.flatten().into_iter().skip(1);
        let chain = below.map(|(depth, one)| WhyLink {
            depth,
            name: one.name.to_string(),
            condition: one.condition,
            state: one.state,
            why: one.why.clone(),
            checked: one.checked,
            cause: one.cause.clone(),
            suspended_by: one.suspended_by.clone(),
            last_output: last_output(&one.name),
        });
        let chain = chain.collect();
        let Explanation { name, state, why, checked, cause, suspended_by, .. } = explained;
        let last_output = last_output(&name).filter(|last| *last.name == *name.as_str());
        let (name, file_gone) = (name.to_string(), self.file_gone());
        Ok(WhyResponse {
            name,
            state,
            why,
            checked,
            cause,
            suspended_by,
            last_output,
            file_gone,
            chain,
        })
    }

    async fn events(
        &self,
        after: u64,
        follow: bool,
    ) -> Result<ResponseStream<Vec<EventItem>>, ControlError> {
        Ok(self.ring.flow(after, follow))
    }

    async fn output(
        &self,
        asked: OutputQuery,
    ) -> Result<ResponseStream<Vec<OutputItem>>, ControlError> {
        let wanted = self.wanted(&asked).await?;
        Ok(wanted.flow(Arc::clone(self.engine.store())))
    }

    async fn check(&self) -> Result<CheckResponse, ControlError> {
        let files = Arc::clone(&self.files);
        let read = move || CheckResponse::of(&spec::report(&files));
        let checked = tokio::task::spawn_blocking(read).await;
        checked.map_err(|error| ControlError::new(ControlErrorKind::Failed, error.to_string()))
    }

    async fn reload(&self, how: ReloadRequest) -> Result<ReloadResponse, ControlError> {
        let wish = if how.dry_run { ReloadMode::DryRun } else { ReloadMode::Apply };
        match self.engine.reload_and_wait(wish).await {
            engine::ReloadReport::Applied(difference)
            | engine::ReloadReport::Foreseen(difference) => {
                Ok(ReloadResponse::of(difference, how.dry_run))
            }
            engine::ReloadReport::Rejected(faults) => Ok(ReloadResponse::rejected(&faults, how)),
            engine::ReloadReport::Refused(text) => {
                Err(ControlError::new(ControlErrorKind::Conflict, text))
            }
        }
    }

    async fn execute(&self, command: ControlCommand) -> Result<CommandResponse, ControlError> {
        self.execute_command(command).await
    }

    async fn shutdown(&self, how: ShutdownRequest) -> Result<(), ControlError> {
        let reason = ShutdownReason::Asked;
        let intent = if how.kill { Intent::ShutdownNow(reason) } else { Intent::Shutdown(reason) };
        self.engine.send(intent);
        Ok(())
    }
}

impl From<RequestError> for ControlError {
    fn from(refusal: RequestError) -> Self {
        let kind = match &refusal {
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
            | RequestError::Unread(_) => ControlErrorKind::Conflict,
            RequestError::Missing(_)
            | RequestError::WaitAndNoWait
            | RequestError::Misfit(_)
            | RequestError::Several(_) => ControlErrorKind::Wrong,
        };
        Self::new(kind, refusal.to_string())
    }
}

#[cfg(test)]
mod tests;
