//! Run task: owns one child from exec to reap.
//!
//! Everything that touches the child happens here, in one order, so a signal after the reap is
//! impossible: read the outputs, see the exit, end strays, drain, reap, report.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

mod input_watch;
mod output_sink;
mod pipes;
mod port_conflict;
mod stop_command;
mod strays;
mod terminal_run;

pub(super) use output_sink::OutputSink;

use input_watch::InputWatch;
use pipes::Pipes;

use stop_command::StopCommand;
use terminal_run::{ScreenFeed, TerminalIo, TerminalStep};

use super::ad_hoc::{StdinFeed, StdinWriter};
use super::context::EngineContext;
use super::environment::RunLabel;
use super::notice::Notice;
use super::notify::NotifyListener;
use super::terminal::TerminalRun;
use crate::machine::{Fact, InputRequest, Moment, RunId};
use crate::output::{LineSplitter, LogFile, Stream};
use crate::spec::{Exit, Name, ProcessSpec, Signal, io_error_text};
use crate::sys::{Child, Host};

/// How long the outputs may be silent after the exit before they are closed.
const DRAIN_QUIET: Duration = Duration::from_millis(150);
/// The maximum time that the outputs are read after the exit.
const DRAIN_LIMIT: Duration = Duration::from_secs(2);
/// The same after a kill, whose end must be reported before the machine calls the run unkillable.
const DRAIN_LIMIT_KILLED: Duration = Duration::from_secs(1);
/// An incomplete line is shown after this time without output: it is a prompt.
const PARTIAL_AFTER: Duration = Duration::from_millis(50);
/// HUP follows TERM after this time, so that a program which handles TERM is not surprised.
const HANG_UP_AFTER: Duration = Duration::from_millis(100);
/// The number of bytes read before the task yields.
const YIELD_AFTER: usize = 1 << 20;

/// A command of the engine to a run task.
#[derive(Debug)]
pub(super) enum RunCommand {
    /// Stop by the policy of this spec.
    Stop(Arc<ProcessSpec>),
    /// Kill the whole tree.
    Kill,
    /// Send a signal to the group.
    Signal(Signal),
    /// Report since when the run has been silent.
    QueryLastOutput,
    /// Use this spec and this log file from now on.
    UpdateSpec(Arc<ProcessSpec>, Option<LogFile>),
}

/// Receives raw chunks of a child's output, to pass them on.
pub type RawOutput = mpsc::Sender<RawChunk>;
type RawChunk = (Stream, Vec<u8>);

/// The properties of a run.
pub(super) struct RunContext<H: Host> {
    pub(super) engine: Arc<EngineContext<H>>,
    pub(super) replica: Option<u32>,
    /// The port in effect.
    pub(super) port: Option<u16>,
    pub(super) run: RunId,
    pub(super) name: Name,
    pub(super) spec: Arc<ProcessSpec>,
    /// Whether it has a pseudo-terminal.
    pub(super) has_terminal: bool,
    /// Sends commands to the run's own task.
    pub(super) commands: mpsc::UnboundedSender<RunCommand>,
}

/// The ends of the input and output of a run.
pub(super) struct RunIo {
    pub(super) sink: OutputSink,
    pub(super) raw_output: Option<RawOutput>,
    pub(super) feed: Option<StdinFeed>,
    pub(super) terminal: Option<TerminalRun>,
}

impl<H: Host> RunContext<H> {
    pub(super) fn label(&self, role: Option<&'static str>) -> RunLabel<'_> {
        let (spec, replica, port) = (&*self.spec, self.replica, self.port);
        let has_terminal = self.has_terminal && role.is_none();
        RunLabel { spec, replica, run: self.run.run, port, role, has_terminal }
    }

    fn notify(&self, text: String) {
        self.engine.notices.send(Notice::about(&self.name, text));
    }
}

pub(super) struct RunTask<H: Host> {
    context: RunContext<H>,
    child: H::Child,
    pipes: Pipes<<H::Child as Child>::Read>,
    /// Writes to the input, or keeps it open.
    _stdin: Option<StdinWriter>,
    terminal: Option<TerminalIo<<H::Child as Child>::Write>>,
    input_watch: Option<InputWatch>,
    /// When HUP is due after TERM.
    hang_up_at: Option<Instant>,
    commands: mpsc::UnboundedReceiver<RunCommand>,
    started: Moment,
    last_output: Moment,
    /// The number of bytes read since the task yielded.
    unyielded: usize,
    /// Whether there may be an incomplete line that is not shown.
    has_partial: bool,
    phase: StopPhase,
    /// How the leader has exited.
    exit: Option<Exit>,
    stop_command: Option<StopCommand>,
    /// Dropped before the end is reported.
    notify: Option<NotifyListener>,
}

/// Whether the end of a run was requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopPhase {
    Running,
    Stopping,
    Killing,
}

/// Why the pump stops.
enum PumpEvent {
    Command(RunCommand),
    Exited(Exit),
    /// Both outputs are closed.
    Closed,
    /// The given time is over.
    Elapsed,
}

impl<H: Host> RunTask<H> {
    pub(super) fn new(
        context: RunContext<H>,
        mut child: H::Child,
        io: RunIo,
        commands: mpsc::UnboundedReceiver<RunCommand>,
        notify: Option<NotifyListener>,
    ) -> Self {
        let started = context.engine.clock.now();
        let RunIo { sink, raw_output, feed, terminal } = io;
        let screen = terminal.as_ref().map(ScreenFeed::new);
        let pipes = Pipes::new(&mut child, sink, raw_output, screen);
        let input_watch = child.input_looker().map(InputWatch::new);
        let input = child.stdin();
        let (stdin, terminal) = if let Some(run) = terminal {
            (None, Some(TerminalIo::new(run, feed, input)))
        } else {
            let written = input_watch.as_ref().map(InputWatch::written);
            (input.zip(feed).map(|(input, feed)| feed.start(input, written)), None)
        };
        Self {
            context,
            child,
            pipes,
            _stdin: stdin,
            terminal,
            input_watch,
            hang_up_at: None,
            commands,
            started,
            last_output: started,
            unyielded: 0,
            has_partial: false,
            phase: StopPhase::Running,
            exit: None,
            stop_command: None,
            notify,
        }
    }

    /// Runs until the run is over, and reports its end.
    pub(super) async fn run(mut self) {
        let run = self.context.run;
        let exited = |exit, strays, note| Fact::Exited { run, exit, strays, note };
        let killed = exited(Exit::Signal(Signal::KILL), Vec::new(), None);
        let mut end = self.context.engine.fact_on_drop(killed);
        let exit = self.wait_for_exit().await;
        let strays = self.sweep().await;
        // Usually both outputs have ended by now, and the end can be reported immediately.
        if !self.is_drained() {
            self.report_lingering(Vec::new());
            self.drain().await;
        }
        self.pipes.finish();
        let note = self.port_note(exit).await;
        if let Err(error) = self.child.reap() {
            tracing::warn!(run = %run, %error, "cannot reap");
        }
        self.notify = None;
        end.fact = exited(exit, strays, note);
    }

    async fn wait_for_exit(&mut self) -> Exit {
        loop {
            match self.pump(None).await {
                PumpEvent::Exited(exit) => {
                    self.exit = Some(exit);
                    (self.terminal, self.input_watch, self.hang_up_at) = (None, None, None);
                    return exit;
                }
                PumpEvent::Command(command) => self.handle_command(command).await,
                PumpEvent::Closed | PumpEvent::Elapsed => {}
            }
        }
    }

    async fn handle_command(&mut self, command: RunCommand) {
        let is_alive = self.exit.is_none();
        match command {
            RunCommand::Stop(spec) => {
                self.context.spec = spec;
                // After the exit, stopping the group again would be a second signal.
                if is_alive {
                    self.phase = StopPhase::Stopping;
                    self.stop();
                }
            }
            RunCommand::Kill => {
                self.phase = StopPhase::Killing;
                // After the exit, `sweep` kills the remaining processes.
                if is_alive {
                    self.kill().await;
                }
            }
            RunCommand::Signal(signal) => self.signal(signal),
            RunCommand::UpdateSpec(spec, log) => self.update_spec(spec, log),
            RunCommand::QueryLastOutput if is_alive => {
                let (run, since) = (self.context.run, self.last_output);
                self.context.engine.send_fact(Fact::LastOutput { run, since });
            }
            RunCommand::QueryLastOutput => {}
        }
    }

    fn update_spec(&mut self, spec: Arc<ProcessSpec>, log: Option<LogFile>) {
        let old = std::mem::replace(&mut self.context.spec, spec);
        let Some(splitter) = self.pipes.sink.line_splitter() else { return };
        splitter.log_to(log);
        let pattern = self.context.spec.ready_line();
        if old.ready_line() != pattern {
            splitter.look_again(pattern.cloned());
            self.report_match();
        }
    }

    /// Starts the stop command; or sends the stop signal, and CONT so that a stopped child can handle
    /// it (a child sends CONT along with TERM itself).
    fn stop(&mut self) {
        self.stop_command = StopCommand::start(&self.context, &self.child);
        if self.stop_command.is_none() {
            let signal = self.context.spec.stop.signal;
            self.signal(signal);
            if signal != Signal::TERM && signal != Signal::KILL {
                self.signal(Signal::CONT);
            }
            // An interactive shell ignores TERM, and ends on HUP with its jobs.
            let is_hung_up = self.context.has_terminal && self.context.spec.hangs_up;
            self.hang_up_at = is_hung_up.then(|| now() + HANG_UP_AFTER);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = self.child.signal(signal) {
            let (run, reason) = (self.context.run, io_error_text(&error));
            self.context.notify(format!("cannot send {signal} to its group: {reason}"));
            self.context.engine.send_fact(Fact::SignalFailed { run, reason });
        }
    }

    /// Kills the group, and the strays that the stop policy includes.
    async fn kill(&mut self) {
        self.stop_command = None;
        self.signal(Signal::KILL);
        let stop = self.context.spec.stop.clone();
        self.child.signal_strays(Signal::KILL, stop.strays, &stop.keep).await;
    }

    /// Reads what is available, up to [`YIELD_AFTER`]; returns whether both outputs have ended.
    fn is_drained(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        while self.pipes.are_open() && self.unyielded <= YIELD_AFTER {
            let Poll::Ready(length) = self.pipes.poll(&mut cx) else { return false };
            self.handle_read(length);
        }
        !self.pipes.are_open()
    }

    /// Reads the rest of the outputs: until they are closed, silent, or the time is over.
    ///
    /// While the log file or the raw output has no room, the pipes are not silent. That time does not
    /// count, so that nothing is lost, until there is a kill.
    async fn drain(&mut self) {
        let mut limit = now() + DRAIN_LIMIT;
        let mut is_killed = false;
        while now() < limit {
            if self.phase == StopPhase::Killing && !std::mem::replace(&mut is_killed, true) {
                limit = limit.min(now() + DRAIN_LIMIT_KILLED);
            }
            let (last_output, start) = (self.last_output, now());
            let event = self.pump(Some((start + DRAIN_QUIET).min(limit))).await;
            let is_blocked = self.pipes.is_blocked && !is_killed;
            if is_blocked {
                limit += now() - start;
            }
            match event {
                PumpEvent::Closed => return,
                PumpEvent::Elapsed if self.last_output == last_output && !is_blocked => return,
                PumpEvent::Command(command) => self.handle_command(command).await,
                PumpEvent::Elapsed | PumpEvent::Exited(_) => {}
            }
        }
    }

    /// Reads the outputs until there is an event.
    async fn pump(&mut self, until: Option<Instant>) -> PumpEvent {
        loop {
            if self.unyielded > YIELD_AFTER {
                self.unyielded = 0;
                tokio::task::yield_now().await;
            }
            let (is_alive, is_open) = (self.exit.is_none(), self.pipes.are_open());
            if !is_alive && !is_open {
                return PumpEvent::Closed;
            }
            let partial = now() + PARTIAL_AFTER;
            let Self { child, pipes, commands, has_partial, terminal, input_watch, .. } = self;
            let (has_partial, hang_up_at) = (*has_partial, self.hang_up_at);
            tokio::select! {
                biased;
                Some(command) = commands.recv() => return PumpEvent::Command(command),
                exit = child.exited(), if is_alive => {
                    return PumpEvent::Exited(exit.unwrap_or(Exit::Signal(Signal::KILL)));
                }
                permit = pipes.reserve(), if pipes.needs_permit() => if pipes.set_permit(permit) {
                    self.signal(Signal::HUP);
                },
                () = sleep_until(hang_up_at.unwrap_or(partial)), if hang_up_at.is_some() => {
                    self.hang_up_at = None;
                    self.signal(Signal::HUP);
                }
                // Before the output, so that Ctrl-C reaches a program that prints without end.
                Some(step) = async { Some(terminal.as_mut()?.step().await) } => {
                    self.handle_step(step);
                }
                length = std::future::poll_fn(|cx| pipes.poll(cx)), if is_open => {
                    self.handle_read(length);
                }
                Some(waits) = async { Some(input_watch.as_mut()?.changed().await) } => {
                    self.report_input_wait(waits);
                }
                () = sleep_until(partial), if has_partial => {
                    self.has_partial = false;
                    if let Some(splitter) = self.pipes.sink.line_splitter() {
                        splitter.show_partial(super::Clock::wall());
                    }
                }
                () = sleep_until(until.unwrap_or(partial)), if until.is_some() => {
                    return PumpEvent::Elapsed;
                }
            }
        }
    }

    fn report_match(&mut self) {
        if let Some(line) = self.pipes.sink.line_splitter().and_then(LineSplitter::found) {
            let run = self.context.run;
            self.context.engine.send_fact(Fact::Matched { run, line });
        }
    }

    /// Handles the result of a read; a length of 0 means that an output has ended.
    fn handle_read(&mut self, length: usize) {
        self.report_match();
        if length > 0 {
            self.unyielded += length;
            self.last_output = self.context.engine.clock.now();
            self.has_partial = true;
            self.note_activity(length);
            if let Some(screen) = &mut self.pipes.screen {
                let replies = std::mem::take(&mut screen.replies);
                self.has_partial = screen.full_screen.is_none();
                let status_changed = std::mem::take(&mut screen.status_changed);
                if let Some(terminal) = &mut self.terminal {
                    terminal.reply(&replies);
                    if status_changed {
                        terminal.report_status();
                    }
                }
            }
        }
    }

    fn handle_step(&mut self, step: TerminalStep) {
        match step {
            TerminalStep::Resized(wanted) => {
                if let Err(error) = self.child.resize(wanted.size, wanted.cell) {
                    tracing::warn!(run = %self.context.run, %error, "cannot resize the terminal");
                }
            }
            TerminalStep::Written => self.note_activity(0),
            TerminalStep::Status(status) => {
                let run = self.context.run;
                self.context.engine.send_fact(Fact::TerminalChanged { run, status });
            }
        }
    }

    /// Notes that the run has printed or got something, so it does not wait for input now.
    fn note_activity(&mut self, output: usize) {
        if self.input_watch.as_mut().is_some_and(|watch| watch.note_activity(output)) {
            self.report_input_wait(None);
        }
    }

    fn report_input_wait(&mut self, waits: Option<bool>) {
        let run = self.context.run;
        let waiting = waits.map(|is_secret| {
            let prompt = self.pipes.sink.line_splitter().and_then(|splitter| splitter.prompt());
            InputRequest { prompt, is_secret }
        });
        self.context.engine.send_fact(Fact::WaitsForInput { run, waiting });
    }
}

#[expect(clippy::disallowed_methods, reason = "for the limits of this file, which are no policy")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
