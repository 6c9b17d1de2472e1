//! The engine: the event loop between the machine and the outside.
//!
//! input → `step` → effects → publish. The loop never awaits anything but its next input; every run
//! has a task of its own that owns the child. Starts are answered in the order in which they were made.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::machine::event::{Cause, EventStamp};
use crate::machine::{
    Effect, Event, Fact, FileChange, Input, Intent, Moment, ProcessId, ProjectExit, RunId,
    ShutdownReason, Snapshot, Step, Supervisor,
};
use crate::output::{LogStore, SourceId};
use crate::sys::notify::NotifySockets;
use crate::sys::{Host, LogicalFolders};

mod clock;
#[cfg(feature = "control")]
pub(crate) mod command;
mod environment;
mod files;
mod handle;
mod logs;
mod message;
mod notice;
mod notify;
mod pending_starts;
mod ports;
mod preflight;
mod probes;
mod reload;
#[cfg(feature = "control")]
mod requests;
mod run;
mod spawn;
mod stdio;

#[cfg(feature = "control")]
pub(crate) use crate::sys::Usage;
pub use clock::Clock;
pub(crate) use environment::OURS;
pub use handle::{EngineHandle, EventFeed};
pub(crate) use message::{AdmitRequest, EngineMessage};
pub use message::{ReloadMode, ReloadReport};
pub use notice::{Notice, NoticeSender};
pub use reload::SpecLoader;
#[cfg(feature = "control")]
pub(crate) use requests::{Accepted, Request, RequestError};
pub use run::RawOutput;
pub(crate) use stdio::{OutputTarget, StdinSource, StdinWrite, Stdio, StepObserver, TakeOnce};

use environment::EnvironmentContext;
use files::{FileEvent, FileWatch};
use logs::LogFiles;
use message::ReloadMessage;
use pending_starts::PendingStarts;
use probes::RunningProbes;
use reload::{LoadResult, Reloader};
use run::RunCommand;

/// Facts taken in one go before anything is published.
const BATCH: usize = 256;
/// From so many processes on, not every change is shown at once: all of them are in a snapshot
/// (10,000: 0.3 ms to make and to drop), so one after each of 10,000 jobs would take as long as the
/// jobs. It comes at most so often then, for each process.
const CROWD: usize = 1000;
const CROWD_PACE: std::time::Duration = std::time::Duration::from_micros(10);

/// What a child's descriptors are, where it is not what its process says.
#[derive(Debug, Clone)]
pub enum Foreground {
    /// The process has pitcrew's own terminal: its input, its outputs, its foreground group.
    Terminal,
    /// The process has pitcrew's own input; its outputs are passed on as they come.
    Passed(RawOutput),
}

/// What an engine is made of, besides the project.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The environment that children inherit.
    pub inherited: Vec<(OsString, OsString)>,
    /// Output is shown in colour, so children may be asked for it.
    pub colour: bool,
    /// A folder of the project's own, for sockets.
    pub runtime: Option<PathBuf>,
    /// The value of `PITCREW_SESSION`.
    pub session: String,
    /// The process that runs in the foreground, if one does.
    pub front: Option<(ProcessId, Foreground)>,
    /// That process becomes the terminal's foreground group.
    pub takes_terminal: bool,
    /// Files of pitcrew itself: it is no news when they change.
    pub own_files: Vec<PathBuf>,
    /// How the project's file is read again, if there is one.
    pub reread: Option<Arc<dyn SpecLoader>>,
    /// Who keeps the books about guests.
    pub(crate) witness: Option<Arc<dyn StepObserver>>,
}

/// One project being run on a host.
pub struct Engine<H: Host> {
    host: Arc<H>,
    supervisor: Supervisor,
    surroundings: EnvironmentContext,
    front: Option<(ProcessId, Foreground)>,
    takes_terminal: bool,
    own_files: Vec<PathBuf>,
    rereading: Reloader,
    clock: Clock,
    store: Arc<LogStore>,
    sources: HashMap<ProcessId, SourceId>,
    logs: LogFiles,
    probes: RunningProbes<H>,
    sockets: NotifySockets,
    orders: HashMap<ProcessId, (u32, mpsc::UnboundedSender<RunCommand>)>,
    facts: (mpsc::UnboundedSender<Fact>, mpsc::UnboundedReceiver<Fact>),
    messages: mpsc::UnboundedReceiver<EngineMessage>,
    witness: Option<Arc<dyn StepObserver>>,
    guests: HashMap<ProcessId, Arc<Stdio>>,
    /// Ways to the inputs of those that have a pipe for it.
    inputs: HashMap<ProcessId, mpsc::Sender<StdinWrite>>,
    /// The number of the next line of output when the latest run was spawned.
    begun: HashMap<ProcessId, u64>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// Not before then is there another snapshot.
    paced: Moment,
    /// Something has changed since the last one.
    stale: bool,
    observers: Vec<mpsc::UnboundedSender<Event>>,
    notices: NoticeSender,
    told: Option<mpsc::UnboundedReceiver<Notice>>,
    starts: PendingStarts,
    seq: u64,
    /// Changes for which another process has run first, so that a restart is due.
    unchecked_restarts: VecDeque<FileChange>,
    handle: EngineHandle,
}

/// What the loop does next.
enum LoopEvent {
    Input(Input),
    Message(EngineMessage),
    FileChange(FileEvent),
    /// The project's file was read again.
    Reread(Box<LoadResult>),
}

impl<H: Host> Engine<H> {
    /// An engine for this project; nothing runs before [`Engine::run`].
    ///
    /// Must be called within a tokio runtime.
    pub fn new(host: Arc<H>, mut supervisor: Supervisor, settings: EngineOptions) -> Self {
        let clock = Clock::start();
        let store = LogStore::new(supervisor.spec().project.output);
        let sources = supervisor.names().map(|(id, name)| (id, store.source(name))).collect();
        let (notices, told) = NoticeSender::new();
        let (messages, received) = mpsc::unbounded_channel();
        let snapshot = Arc::new(supervisor.snapshot(Moment::default()));
        let (snapshots, seen) = watch::channel(snapshot);
        let handle = EngineHandle {
            messages,
            snapshots: seen,
            store: Arc::clone(&store),
            clock: clock.clone(),
        };
        let sockets = NotifySockets::new(settings.runtime.as_deref(), &settings.session);
        let pwd = settings.inherited.iter().find(|(name, _)| name == "PWD");
        let surroundings = EnvironmentContext {
            folders: Arc::new(LogicalFolders::of(pwd.map(|(_, pwd)| pwd.as_os_str()))),
            inherited: settings.inherited.into(),
            session: settings.session.into(),
            colour: settings.colour,
            ports: environment::PortVariables::default(),
        };
        let facts = mpsc::unbounded_channel();
        let told_by = (surroundings.clone(), clock.clone(), facts.0.clone());
        let probes = RunningProbes::new(Arc::clone(&host), told_by.0, told_by.1, told_by.2);
        Self {
            host,
            supervisor,
            surroundings,
            probes,
            sockets,
            front: settings.front,
            takes_terminal: settings.takes_terminal,
            own_files: settings.own_files,
            rereading: Reloader::new(settings.reread),
            clock,
            store,
            sources,
            logs: LogFiles::new(notices.clone()),
            orders: HashMap::new(),
            facts,
            messages: received,
            witness: settings.witness,
            guests: HashMap::new(),
            inputs: HashMap::new(),
            begun: HashMap::new(),
            snapshots,
            paced: Moment::default(),
            stale: false,
            observers: Vec::new(),
            notices,
            told: Some(told),
            starts: PendingStarts::default(),
            seq: 0,
            unchecked_restarts: VecDeque::new(),
            handle,
        }
    }

    /// A handle to this engine, for front ends.
    pub fn handle(&self) -> EngineHandle {
        self.handle.clone()
    }

    /// The events and notices for the one front end that shows notices; `None` the second time.
    pub fn feed(&mut self) -> Option<EventFeed> {
        let notices = self.told.take()?;
        Some(EventFeed { events: self.observe(), notices })
    }

    /// Every event from now on, without a gap; to be asked for before [`Engine::run`].
    pub fn observe(&mut self) -> mpsc::UnboundedReceiver<Event> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.observers.push(sender);
        receiver
    }

    /// A place to put notices of one's own, in one order with those of the engine.
    pub fn notices(&self) -> NoticeSender {
        self.notices.clone()
    }

    /// Runs the project from its start to its end and says how it ended.
    pub async fn run(mut self, chosen: Vec<ProcessId>, dependencies: bool) -> ProjectExit {
        let mut files = FileWatch::start(self.plan(), &self.clock, &self.notices).await;
        let step = self.supervisor.begin(self.clock.now(), &chosen, dependencies);
        self.carry_out(step);
        let finish = loop {
            if let Some(finish) = self.supervisor.finish() {
                break finish.clone();
            }
            self.publish_at_pace();
            match self.next(&mut files).await {
                LoopEvent::Input(input) => self.take(input),
                LoopEvent::Message(message) => self.receive(message),
                LoopEvent::FileChange(FileEvent::Process(change)) => {
                    if !self.is_refused(&change) {
                        self.take(Input::Changed(change));
                    }
                }
                LoopEvent::FileChange(FileEvent::Project { path }) => {
                    self.reload(ReloadMessage::unwatched(Cause::FileChanged { path }));
                }
                LoopEvent::Reread(outcome) => self.reread(*outcome, &mut files),
            }
            for _ in 0..BATCH {
                let known = self.facts.1.try_recv().ok().or_else(|| self.starts.try_next());
                let Some(fact) = known else { break };
                self.take(Input::Fact(fact));
            }
            self.check_restarts();
        };
        self.publish();
        self.probes.finish().await;
        self.logs.close(&self.notices).await;
        self.store.close();
        finish
    }

    /// Facts before wishes, so that nothing is decided on stale truth; then time.
    async fn next(&mut self, files: &mut FileWatch) -> LoopEvent {
        let shown = self.stale.then_some(self.paced);
        let deadline = self.supervisor.deadline().into_iter().chain(shown).min();
        tokio::select! {
            biased;
            Some(fact) = self.facts.1.recv() => LoopEvent::Input(Input::Fact(fact)),
            fact = self.starts.next() => LoopEvent::Input(Input::Fact(fact)),
            Some(message) = self.messages.recv() => LoopEvent::Message(message),
            outcome = self.rereading.next() => LoopEvent::Reread(Box::new(outcome)),
            change = files.next() => LoopEvent::FileChange(change),
            () = self.clock.until(deadline) => LoopEvent::Input(Input::Tick),
        }
    }

    fn receive(&mut self, message: EngineMessage) {
        match message {
            EngineMessage::Intent(intent) => self.take(Input::Intent(intent)),
            EngineMessage::Admit(admission) => self.admit(admission),
            #[cfg(feature = "control")]
            EngineMessage::Request(request) => self.respond(request),
            EngineMessage::Reload(message) => self.reload(message),
        }
    }

    /// Lets guests in and starts them.
    fn admit(&mut self, admission: AdmitRequest) {
        let AdmitRequest { pool, guests, admitted } = admission;
        if let Some(pool) = pool {
            self.supervisor.add_pool(pool);
        }
        let (newcomers, wirings): (Vec<_>, Vec<_>) = guests.into_iter().unzip();
        let ids = self.supervisor.admit(newcomers);
        admitted(ids.as_deref());
        if let Some(ids) = ids {
            self.guests.extend(ids.iter().copied().zip(wirings));
            self.take(Input::Intent(Intent::Start(ids)));
        }
    }

    fn take(&mut self, input: Input) {
        if self.witness.as_ref().is_some_and(|witness| witness.is_abandoned()) {
            self.step(Input::Intent(Intent::ShutdownNow(ShutdownReason::Asked)));
        }
        self.step(input);
    }

    fn step(&mut self, input: Input) {
        let step = self.supervisor.step(self.clock.now(), input);
        self.carry_out(step);
    }

    fn carry_out(&mut self, mut step: Step) {
        for event in &mut step.events {
            self.seq += 1;
            event.set_stamp(EventStamp {
                seq: self.seq,
                time: Clock::wall(),
                output: self.place_of(event),
            });
            tracing::debug!(?event, "event");
        }
        if let Some(witness) = &self.witness {
            let over = step.effects.iter().filter_map(|effect| match effect {
                Effect::Over { process, view } => Some((*process, Arc::clone(view))),
                Effect::Spawn { .. }
                | Effect::Stop { .. }
                | Effect::Kill { .. }
                | Effect::Signal { .. }
                | Effect::Renew { .. }
                | Effect::Tell { .. }
                | Effect::Probe(_)
                | Effect::LookAtPort { .. }
                | Effect::EndProbes { .. }
                | Effect::CheckRestart { .. }
                | Effect::AskQuiet { .. } => None,
            });
            let over: Vec<_> = over.collect();
            if !(step.events.is_empty() && over.is_empty()) {
                witness.step(&step.events, &over);
            }
        }
        for event in step.events {
            self.observers.retain(|observer| observer.send(event.clone()).is_ok());
        }
        for effect in step.effects {
            self.perform(effect);
        }
    }

    /// Between which lines of output it happened. What a run printed comes after its start, though
    /// some of it may have been kept before that was told.
    fn place_of(&self, event: &Event) -> u64 {
        let started = if let Event::ProcessStarted(event) = event { event.of.id } else { None };
        let begun = started.and_then(|id| self.begun.get(&id));
        begun.copied().unwrap_or_else(|| self.store.next_seq())
    }

    fn publish_at_pace(&mut self) {
        let now = self.clock.now();
        self.stale = now < self.paced;
        if !self.stale {
            self.publish();
            let crowd = self.supervisor.len();
            if crowd >= CROWD {
                self.paced = now + CROWD_PACE * crowd as u32;
            }
        }
        if let Some(witness) = &self.witness {
            witness.published();
        }
    }

    fn publish(&mut self) {
        let snapshot = self.supervisor.snapshot(self.clock.now());
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Hands an effect to the task whose business it is; never awaits.
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { run, name, replica, port, spec } => {
                self.spawn(run, name, (replica, port), spec);
            }
            Effect::LookAtPort { run, ports } => self.look_at_port(run, ports),
            Effect::Stop { run, spec } => self.order(run, RunCommand::Stop(spec)),
            Effect::Kill { run } => self.order(run, RunCommand::Kill),
            Effect::Signal { run, signal } => self.order(run, RunCommand::Signal(signal)),
            Effect::Renew { run, name, replica, spec } => self.renew(run, &name, replica, spec),
            Effect::Tell { about, text } => self.notices.tell(Notice::about(&about, text)),
            Effect::Probe(request) => self.probes.begin(request),
            Effect::EndProbes { run } => self.probes.end(run),
            Effect::Over { process, .. } => self.forget(process),
            Effect::CheckRestart { change } => self.unchecked_restarts.push_back(change),
            Effect::AskQuiet { run } => self.order(run, RunCommand::AskQuiet),
        }
    }

    /// Lets go of what is kept for a process that is no member any more.
    fn forget(&mut self, process: ProcessId) {
        self.orders.remove(&process);
        self.sources.remove(&process);
        self.inputs.remove(&process);
        self.begun.remove(&process);
        self.guests.remove(&process);
        self.logs.forget(process);
    }

    fn order(&self, run: RunId, order: RunCommand) {
        if let Some((number, orders)) = self.orders.get(&run.process)
            && *number == run.run
        {
            _ = orders.send(order);
        }
    }
}
