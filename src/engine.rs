//! The engine: the event loop between the state machine and the system.
//!
//! input → `step` → effects → publish. The loop awaits only its next input. Each run has its own task,
//! which owns the child. Results of starts are handled in the order of the starts.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::machine::event::EventStamp;
use crate::machine::{
    Effect, Event, Fact, FileChange, Input, Intent, Moment, ProcessId, ProjectExit, RunId,
    ShutdownReason, Snapshot, Step, Supervisor,
};
use crate::output::{LogStore, SourceId};
use crate::sys::notify::NotifySockets;
use crate::sys::{Host, LogicalFolders};

mod ad_hoc;
mod clock;
#[cfg(feature = "control")]
pub(crate) mod command;
mod context;
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
pub(crate) mod terminal;
#[cfg(feature = "control")]
mod terminal_requests;

#[cfg(feature = "control")]
pub(crate) use crate::sys::Usage;
pub(crate) use ad_hoc::{AdHocLaunch, StdinFeed, StdinWrite, StepObserver};
pub use clock::Clock;
pub(crate) use environment::{TERMINAL_KIND, TERMINAL_SIZE};
pub use handle::{EngineHandle, EventFeed};
pub(crate) use message::EngineMessage;
pub use message::{ReloadMode, ReloadReport};
pub use notice::{Notice, NoticeSender};
pub use reload::SpecLoader;
#[cfg(feature = "control")]
pub(crate) use requests::{AcceptedRequest, Request, RequestError};
pub use run::RawOutput;

use context::EngineContext;
use environment::EnvironmentContext;
use files::FileWatch;
use logs::LogFiles;
use pending_starts::PendingStarts;
use probes::RunningProbes;
use reload::Reloader;
use run::RunCommand;

/// The maximum number of facts handled before the next snapshot is published.
const FACT_BATCH: usize = 256;
/// From this number of processes on, snapshots are published at a pace: a snapshot holds all processes
/// (10,000: 0.3 ms to create and drop), so one after each of 10,000 jobs would take as long as the
/// jobs.
const LARGE_PROJECT: usize = 1000;
/// The minimum time between two snapshots of a large project, for each process.
const PUBLISH_PACE: Duration = Duration::from_micros(10);

/// The descriptors of the process in the foreground, which override those of its spec.
#[derive(Debug, Clone)]
pub enum Foreground {
    /// The process has pitcrew's terminal: input, outputs, foreground group.
    Terminal,
    /// The process has pitcrew's input; its outputs are passed on as raw chunks.
    Passed(RawOutput),
}

/// The options of an engine, besides the project.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The environment that children inherit.
    pub inherited: Vec<(OsString, OsString)>,
    /// Whether output is shown in colour, which is requested of children too.
    pub colour: bool,
    /// The runtime folder of the project, for sockets.
    pub runtime_dir: Option<PathBuf>,
    /// The value of `PITCREW_SESSION`.
    pub session: String,
    /// The process that runs in the foreground.
    pub foreground: Option<(ProcessId, Foreground)>,
    /// Whether that process becomes the terminal's foreground group.
    pub takes_terminal: bool,
    /// Files that pitcrew itself writes: their changes are ignored.
    pub own_files: Vec<PathBuf>,
    /// Reads the project's file again; `None` if there is no file.
    pub loader: Option<Arc<dyn SpecLoader>>,
    /// Keeps the records of ad-hoc processes.
    pub(crate) observer: Option<Arc<dyn StepObserver>>,
}

/// One project being run on a host.
pub struct Engine<H: Host> {
    context: Arc<EngineContext<H>>,
    supervisor: Supervisor,
    options: EngineOptions,
    reloader: Reloader,
    store: Arc<LogStore>,
    processes: HashMap<ProcessId, ProcessEntry>,
    logs: LogFiles,
    probes: RunningProbes<H>,
    sockets: NotifySockets,
    facts: mpsc::UnboundedReceiver<Fact>,
    messages: mpsc::UnboundedReceiver<EngineMessage>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// The earliest time of the next snapshot.
    next_publish: Moment,
    /// Whether something has changed since the latest snapshot.
    is_stale: bool,
    events: Vec<mpsc::UnboundedSender<Event>>,
    /// Until [`Engine::feed`] takes them.
    notices: Option<mpsc::UnboundedReceiver<Notice>>,
    starts: PendingStarts,
    /// The number of the latest event.
    seq: u64,
    /// File changes whose command has succeeded, so that a restart is due.
    unchecked_restarts: VecDeque<FileChange>,
    handle: EngineHandle,
}

/// Data of the engine about a process, besides its state.
#[derive(Debug, Default)]
struct ProcessEntry {
    source: Option<SourceId>,
    /// The number of the latest run, and the sender of its commands.
    run: Option<(u32, mpsc::UnboundedSender<RunCommand>)>,
    /// The number of the next line of output when the latest run was spawned.
    output_start: Option<u64>,
    /// Writes to the input of the latest run, if that is a pipe.
    stdin: Option<mpsc::Sender<StdinWrite>>,
    /// `None` for a process of a file.
    ad_hoc: Option<Arc<AdHocLaunch>>,
}

impl<H: Host> Engine<H> {
    /// Creates an engine for a project; nothing runs before [`Engine::run`].
    ///
    /// Must be called in a tokio runtime.
    pub fn new(host: Arc<H>, mut supervisor: Supervisor, mut options: EngineOptions) -> Self {
        let clock = Clock::start();
        let store = LogStore::new(supervisor.spec().project.output);
        let entry = |(id, name)| {
            let source = Some(store.source(name));
            (id, ProcessEntry { source, ..ProcessEntry::default() })
        };
        let processes = supervisor.names().map(entry).collect();
        let (notice_sender, notices) = NoticeSender::new();
        let (message_sender, messages) = mpsc::unbounded_channel();
        let (fact_sender, facts) = mpsc::unbounded_channel();
        let snapshot = Arc::new(supervisor.snapshot(Moment::default()));
        let (snapshots, seen) = watch::channel(snapshot);
        let handle = EngineHandle {
            messages: message_sender,
            snapshots: seen,
            store: Arc::clone(&store),
            terminals: terminal::Terminals::default(),
            clock: clock.clone(),
        };
        let pwd = options.inherited.iter().find(|(name, _)| name == "PWD");
        let environment = EnvironmentContext {
            folders: LogicalFolders::of(pwd.map(|(_, pwd)| pwd.as_os_str())),
            inherited: std::mem::take(&mut options.inherited),
            session: options.session.clone(),
            colour: options.colour,
            ports: std::sync::Mutex::default(),
        };
        let logs = LogFiles::new(notice_sender.clone());
        let context = Arc::new(EngineContext {
            host,
            environment,
            clock,
            facts: fact_sender,
            notices: notice_sender,
        });
        Self {
            supervisor,
            reloader: Reloader::new(options.loader.clone()),
            sockets: NotifySockets::new(options.runtime_dir.as_deref(), &options.session),
            options,
            store,
            processes,
            logs,
            probes: RunningProbes::new(Arc::clone(&context)),
            context,
            facts,
            messages,
            snapshots,
            next_publish: Moment::default(),
            is_stale: false,
            events: Vec::new(),
            notices: Some(notices),
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

    /// Returns the events and notices for the one front end that shows notices; `None` the second time.
    pub fn feed(&mut self) -> Option<EventFeed> {
        let notices = self.notices.take()?;
        Some(EventFeed { events: self.observe(), notices })
    }

    /// Returns all events from now on, without a gap. Call it before [`Engine::run`].
    pub fn observe(&mut self) -> mpsc::UnboundedReceiver<Event> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.events.push(sender);
        receiver
    }

    /// A sender of notices, which keeps their order with those of the engine.
    pub fn notices(&self) -> NoticeSender {
        self.context.notices.clone()
    }

    /// Runs the project from its start to its end and returns how it ended.
    pub async fn run(mut self, chosen: Vec<ProcessId>, dependencies: bool) -> ProjectExit {
        let context = Arc::clone(&self.context);
        let mut files = FileWatch::start(self.watch_plan(), &context.clock, &context.notices).await;
        let step = self.supervisor.begin(context.clock.now(), &chosen, dependencies);
        self.carry_out(step);
        let finish = loop {
            if let Some(finish) = self.supervisor.finish() {
                break finish.clone();
            }
            self.publish_at_pace();
            let publish = self.is_stale.then_some(self.next_publish);
            let deadline = self.supervisor.deadline().into_iter().chain(publish).min();
            // Facts before requests, so that no decision uses outdated state; then time.
            tokio::select! {
                biased;
                Some(fact) = self.facts.recv() => self.handle_input(Input::Fact(fact)),
                fact = self.starts.next() => self.handle_input(Input::Fact(fact)),
                Some(message) = self.messages.recv() => self.handle_message(message),
                Some(result) = self.reloader.next() => self.finish_reload(result, &mut files),
                Some(report) = files.next() => self.handle_report(report),
                () = context.clock.until(deadline) => self.handle_input(Input::Tick),
            }
            for _ in 0..FACT_BATCH {
                let fact = self.facts.try_recv().ok().or_else(|| self.starts.try_next());
                let Some(fact) = fact else { break };
                self.handle_input(Input::Fact(fact));
            }
            self.check_restarts();
        };
        self.publish();
        self.probes.finish().await;
        self.logs.close(&context.notices).await;
        self.store.close();
        finish
    }

    fn handle_message(&mut self, message: EngineMessage) {
        match message {
            EngineMessage::Intent(intent) => self.handle_input(Input::Intent(intent)),
            EngineMessage::Admit { pool, members, admitted } => {
                if let Some(pool) = pool {
                    self.supervisor.add_pool(pool);
                }
                let (members, launches): (Vec<_>, Vec<_>) = members.into_iter().unzip();
                let ids = self.supervisor.admit(members);
                admitted(ids.as_deref());
                if let Some(ids) = ids {
                    for (id, launch) in ids.iter().zip(launches) {
                        self.processes.entry(*id).or_default().ad_hoc = Some(launch);
                    }
                    self.handle_input(Input::Intent(Intent::Start(ids)));
                }
            }
            #[cfg(feature = "control")]
            EngineMessage::Request(request) => self.respond(request),
            EngineMessage::Reload(request) => self.reload(request),
        }
    }

    fn handle_input(&mut self, input: Input) {
        let observer = self.options.observer.as_ref();
        if observer.is_some_and(|observer| observer.take_abandoned()) {
            self.step(Input::Intent(Intent::ShutdownNow(ShutdownReason::Asked)));
        }
        self.step(input);
    }

    fn step(&mut self, input: Input) {
        let step = self.supervisor.step(self.context.clock.now(), input);
        self.carry_out(step);
    }

    fn carry_out(&mut self, mut step: Step) {
        for event in &mut step.events {
            self.seq += 1;
            let (seq, output) = (self.seq, self.output_position(event));
            event.set_stamp(EventStamp { seq, time: Clock::wall(), output });
            tracing::debug!(?event, "event");
        }
        if let Some(observer) = &self.options.observer {
            let over = |effect: &Effect| {
                if let Effect::MemberRemoved { view, .. } = effect {
                    Some(Arc::clone(view))
                } else {
                    None
                }
            };
            let over: Vec<_> = step.effects.iter().filter_map(over).collect();
            if !(step.events.is_empty() && over.is_empty()) {
                observer.step(&step.events, &over);
            }
        }
        for event in step.events {
            self.events.retain(|subscriber| subscriber.send(event.clone()).is_ok());
        }
        for effect in step.effects {
            self.perform(effect);
        }
    }

    /// Returns the number of the next line of output at an event. The output of a run comes after its
    /// start, though some of it may be stored before the start is reported.
    fn output_position(&self, event: &Event) -> u64 {
        let started = if let Event::ProcessStarted(event) = event { event.of.id } else { None };
        let start = started.and_then(|id| self.processes.get(&id)?.output_start);
        start.unwrap_or_else(|| self.store.next_seq())
    }

    fn publish_at_pace(&mut self) {
        let now = self.context.clock.now();
        self.is_stale = now < self.next_publish;
        if !self.is_stale {
            self.publish();
            let count = self.supervisor.len();
            if count >= LARGE_PROJECT {
                self.next_publish = now + PUBLISH_PACE * count as u32;
            }
        }
        if let Some(observer) = &self.options.observer {
            observer.published();
        }
    }

    fn publish(&mut self) {
        let snapshot = self.supervisor.snapshot(self.context.clock.now());
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Passes an effect to the task that carries it out; never awaits.
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Spawn { run, name, replica, port, spec } => {
                self.spawn(run, name, replica, port, spec);
            }
            Effect::CheckPort { run, ports } => self.find_free_port(run, ports),
            Effect::Stop { run, spec } => self.send_to_run(run, RunCommand::Stop(spec)),
            Effect::Kill { run } => self.send_to_run(run, RunCommand::Kill),
            Effect::Signal { run, signal } => self.send_to_run(run, RunCommand::Signal(signal)),
            Effect::UpdateSpec { run, name, replica, spec } => {
                let log = self.logs.of(run.process, &name, replica, spec.log.as_ref());
                self.send_to_run(run, RunCommand::UpdateSpec(spec, log));
            }
            Effect::Notice { about, text } => {
                self.context.notices.send(Notice::about(&about, text));
            }
            Effect::Probe(request) => self.probes.start(request),
            Effect::CancelProbes { run } => self.probes.cancel(run),
            Effect::MemberRemoved { process, .. } => {
                self.processes.remove(&process);
                self.logs.forget(process);
                self.handle.terminals.remove(process);
            }
            Effect::CheckRestart { change } => self.unchecked_restarts.push_back(change),
            Effect::QueryLastOutput { run } => self.send_to_run(run, RunCommand::QueryLastOutput),
        }
    }

    fn send_to_run(&self, run: RunId, command: RunCommand) {
        if let Some((number, commands)) =
            self.processes.get(&run.process).and_then(|e| e.run.as_ref())
            && *number == run.run
        {
            _ = commands.send(command);
        }
    }
}
