//! Run task: owns one child from exec to reap.
//!
//! Everything that touches the child happens here, in one place and one order, so a signal after the
//! reap is impossible: pump the outputs, see the exit, deal with strays, drain, reap, tell.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

mod exit_guard;
mod pipes;
mod port_conflict;
mod stop_command;

pub(in crate::engine) use pipes::Outlet;
use pipes::{Pipes, place};

use exit_guard::ExitGuard;
use stop_command::StopCommand;

use super::clock::Clock;
use super::environment::EnvironmentContext;
use super::notice::{Notice, NoticeSender};
use super::notify::NotifyListener;
use super::preflight::os_error_text;
use super::stdio::{StdinWrite, StdinWriter, Stdio, feed};
use crate::machine::{Fact, Moment, RunId};
use crate::output::{LogFile, Stream};
use crate::spec::{Exit, Name, ProcessSpec, Signal, Stray};
use crate::sys::{Child, Descendant, Host, Strays};

/// How long the outputs may be silent after the end, before they are closed.
const DRAIN_QUIET: Duration = Duration::from_millis(150);
/// How long the outputs are read after the end at most.
const DRAIN_MOST: Duration = Duration::from_secs(2);
/// The same after a kill, whose end has to be told before the machine calls it unkillable.
const DRAIN_KILLED: Duration = Duration::from_secs(1);
/// An unfinished line is shown when nothing came for this long: a prompt.
const PARTIAL_AFTER: Duration = Duration::from_millis(50);
/// How often it is looked whether strays that were asked to go are gone.
const STRAY_LOOK: Duration = Duration::from_millis(25);
/// Bytes read before other tasks have their turn.
const TURN: usize = 1 << 20;

/// What the engine tells a run task.
#[derive(Debug)]
pub(super) enum RunCommand {
    /// Ask it to end by this policy.
    Stop(Arc<ProcessSpec>),
    /// End the whole tree.
    Kill,
    /// Send this to the group.
    Signal(Signal),
    /// Say since when it has been silent.
    AskQuiet,
    /// Go by this spec from now on, and write this log.
    Renew(Arc<ProcessSpec>, Option<LogFile>),
}

/// Raw chunks of a child, for somebody who passes them on as they come.
pub type RawOutput = mpsc::Sender<RawChunk>;
type RawChunk = (Stream, Vec<u8>);

/// What a run task needs to know.
pub(super) struct RunContext<H: Host> {
    pub(super) host: Arc<H>,
    pub(super) surroundings: EnvironmentContext,
    pub(super) replica: Option<u32>,
    /// The port in effect.
    pub(super) port: Option<u16>,
    pub(super) run: RunId,
    pub(super) name: Name,
    pub(super) spec: Arc<ProcessSpec>,
    pub(super) clock: Clock,
    pub(super) facts: mpsc::UnboundedSender<Fact>,
    pub(super) notices: NoticeSender,
    /// Orders to itself, for a stop command that cannot be started.
    pub(super) fallback: mpsc::UnboundedSender<RunCommand>,
}

pub(super) struct RunTask<H: Host> {
    context: RunContext<H>,
    child: H::Child,
    pipes: Pipes<<H::Child as Child>::Read>,
    /// What writes to its input, or holds it open.
    _input: Option<StdinWriter>,
    orders: mpsc::UnboundedReceiver<RunCommand>,
    began: Moment,
    last_output: Moment,
    /// Bytes since other tasks had their turn.
    spent: usize,
    unshown: bool,
    asked: StopState,
    stop_command: Option<StopCommand>,
    /// Goes before the end is told.
    ear: Option<NotifyListener>,
}

/// Where the input of a child that has a pipe for it comes from.
pub(super) enum StdinFeed<'a> {
    /// What a guest brings with it.
    Guest(&'a Stdio),
    /// What is sent to it; open as long as it lives.
    Sent(mpsc::Receiver<StdinWrite>),
    Nothing,
}

/// What this run was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopState {
    Nothing,
    Stop,
    Kill,
}

/// What the pump has to tell.
enum PumpEvent {
    Order(RunCommand),
    Exited(Exit),
    /// Both outputs are closed.
    Closed,
    /// Nothing came until the given moment.
    Quiet,
}

impl<H: Host> RunTask<H> {
    pub(super) fn new(
        context: RunContext<H>,
        mut child: H::Child,
        outlet: Outlet,
        source: StdinFeed<'_>,
        tap: Option<RawOutput>,
        orders: mpsc::UnboundedReceiver<RunCommand>,
    ) -> Self {
        let (out, err, stdin) = (child.stdout(), child.stderr(), child.stdin());
        let last_output = context.clock.now();
        let pipes = Pipes { out, err, outlet, tap, place: None, held_up: false };
        let input = stdin.and_then(|stdin| match source {
            StdinFeed::Guest(wiring) => wiring.stdin.start(stdin),
            StdinFeed::Sent(parcels) => Some(feed(stdin, parcels)),
            StdinFeed::Nothing => None,
        });
        Self {
            context,
            child,
            pipes,
            _input: input,
            orders,
            began: last_output,
            last_output,
            spent: 0,
            unshown: false,
            asked: StopState::Nothing,
            stop_command: None,
            ear: None,
        }
    }

    /// With somebody who hears what it says.
    pub(super) fn with_notify(mut self, ear: Option<NotifyListener>) -> Self {
        self.ear = ear;
        self
    }

    /// Lives as long as the run does, and tells its end.
    pub(super) async fn live(mut self) {
        let (run, facts) = (self.context.run, self.context.facts.clone());
        let mut obituary = ExitGuard { run, facts, told: false };
        let exit = self.until_exit().await;
        let strays = self.sweep(exit).await;
        // Most often both outputs have ended with it, and the end itself can be told at once.
        if !self.is_drained() {
            let (exit_known, left) = (Some(exit), Vec::new());
            _ = self.context.facts.send(Fact::Lingering { run, exit: exit_known, left });
            self.drain().await;
        }
        self.pipes.outlet.finish();
        let note = self.port_note(exit).await;
        if let Err(error) = self.child.reap() {
            tracing::warn!(run = %run, %error, "cannot reap");
        }
        self.ear = None;
        obituary.told = true;
        _ = self.context.facts.send(Fact::Exited { run, exit, strays, note });
    }

    /// From exec to the end of the leader.
    async fn until_exit(&mut self) -> Exit {
        loop {
            match self.pump(true, None).await {
                PumpEvent::Exited(exit) => return exit,
                PumpEvent::Order(order) => self.handle_command(order).await,
                PumpEvent::Closed | PumpEvent::Quiet => {}
            }
        }
    }

    async fn handle_command(&mut self, order: RunCommand) {
        match order {
            RunCommand::Stop(spec) => {
                self.asked = StopState::Stop;
                self.context.spec = spec;
                self.ask_to_stop();
            }
            RunCommand::Kill => {
                self.asked = StopState::Kill;
                self.kill().await;
            }
            RunCommand::Signal(signal) => self.signal(signal),
            RunCommand::Renew(spec, log) => self.renew(spec, log),
            RunCommand::AskQuiet => {
                let (run, since) = (self.context.run, self.last_output);
                _ = self.context.facts.send(Fact::Quiet { run, since });
            }
        }
    }

    fn renew(&mut self, spec: Arc<ProcessSpec>, log: Option<LogFile>) {
        let old = std::mem::replace(&mut self.context.spec, spec);
        self.pipes.outlet.log_to(log);
        let (old, new) = (old.ready_line(), self.context.spec.ready_line());
        if old != new {
            self.pipes.outlet.look_again(new.cloned());
            self.tell_found();
        }
    }

    /// The stop command, or the signal and then CONT (which a child sends along with TERM itself),
    /// so that a stopped child can go.
    fn ask_to_stop(&mut self) {
        let signal = self.context.spec.stop.signal;
        if let Some(command) = StopCommand::start(&self.context, &self.child) {
            self.stop_command = Some(command);
            return;
        }
        self.signal(signal);
        if signal != Signal::TERM && signal != Signal::KILL {
            self.signal(Signal::CONT);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = self.child.signal(signal) {
            let (run, reason) = (self.context.run, os_error_text(&error));
            let text = format!("cannot send {signal} to its group: {reason}");
            self.context.notices.tell(Notice::about(&self.context.name, text));
            _ = self.context.facts.send(Fact::SignalFailed { run, reason });
        }
    }

    /// Ends what the policy lets go; the group goes whatever it says.
    async fn kill(&mut self) {
        self.stop_command = None;
        self.signal(Signal::KILL);
        let stop = self.context.spec.stop.clone();
        self.child.signal_strays(Signal::KILL, stop.strays, &stop.keep).await;
    }

    /// Deals with what is left of the tree when the leader has ended; gives who outlived it.
    async fn sweep(&mut self, exit: Exit) -> Vec<Stray> {
        let Strays { mut going, staying } = self.strays().await;
        // After a kill nobody has been left, however long it takes them to go.
        let (by_itself, killed) = (self.asked == StopState::Nothing, self.asked == StopState::Kill);
        let mut ended = if by_itself { Descendant::left(&going) } else { Vec::new() };
        if !going.is_empty() {
            self.ask_strays(&going).await;
        }
        while !going.is_empty() {
            let left = going.iter().map(|one| one.stray.clone()).collect();
            let run = self.context.run;
            _ = self.context.facts.send(Fact::Lingering { run, exit: Some(exit), left });
            if self.asked == StopState::Kill {
                if !by_itself && !killed && ended.is_empty() {
                    ended = Descendant::left(&going);
                }
                self.kill().await;
            }
            self.wait_a_moment().await;
            going = self.strays().await.going;
        }
        self.name_strays("ended", &ended);
        self.name_strays("left alone", &staying);
        ended.into_iter().chain(staying).map(|one| one.stray).collect()
    }

    async fn strays(&self) -> Strays {
        let stop = self.context.spec.stop.clone();
        self.child.strays(stop.strays, &stop.keep).await
    }

    /// Waits until it is worth looking again, doing what is ordered meanwhile.
    async fn wait_a_moment(&mut self) {
        let until = now() + STRAY_LOOK;
        loop {
            match self.pump(false, Some(until)).await {
                PumpEvent::Quiet => return,
                PumpEvent::Order(order) => {
                    self.handle_after_exit(&order);
                    if self.asked == StopState::Kill {
                        return;
                    }
                }
                PumpEvent::Closed => {
                    tokio::select! {
                        biased;
                        Some(order) = self.orders.recv() => self.handle_after_exit(&order),
                        () = sleep_until(until) => return,
                    }
                    if self.asked == StopState::Kill {
                        return;
                    }
                }
                PumpEvent::Exited(_) => {}
            }
        }
    }

    /// The leader has ended already; asking the group again would be a second signal.
    fn handle_after_exit(&mut self, order: &RunCommand) {
        match order {
            RunCommand::Stop(spec) => self.context.spec = Arc::clone(spec),
            RunCommand::Kill => self.asked = StopState::Kill,
            RunCommand::Signal(signal) => self.signal(*signal),
            RunCommand::Renew(spec, log) => self.renew(Arc::clone(spec), log.clone()),
            RunCommand::AskQuiet => {}
        }
    }

    /// TERM for strays: to all after an end of its own, else to those the group did not reach.
    async fn ask_strays(&self, going: &[Descendant]) {
        let told = self.asked == StopState::Stop && self.context.spec.stop.command.is_none();
        let untold = going.iter().filter(|one| !(one.is_dying || told && one.in_group));
        let pids: Vec<u32> = untold.map(|one| one.stray.pid).collect();
        if !pids.is_empty() {
            self.child.signal_these(Signal::TERM, pids).await;
        }
    }

    /// Each stray is named, with what became of it.
    fn name_strays(&self, what: &str, strays: &[Descendant]) {
        for one in strays {
            let run = self.context.run.run;
            let Stray { pid, command } = &one.stray;
            let text = format!("run {run} left a stray behind, {what}: {pid} {command}");
            self.context.notices.tell(Notice::about(&self.context.name, text));
        }
    }

    /// Reads what is there already, one turn's worth at most; whether both outputs have ended.
    fn is_drained(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        while self.pipes.are_open() && self.spent <= TURN {
            let Poll::Ready(read) = self.pipes.poll(&mut cx) else { return false };
            self.took(read);
        }
        !self.pipes.are_open()
    }

    /// Reads what is left in the pipes: until they are closed, or silent, or time is up.
    ///
    /// While the log file or the tap takes nothing, it is not the pipes that are silent: that is
    /// waited for, so that nothing is lost, until there is a kill.
    async fn drain(&mut self) {
        let mut most = now() + DRAIN_MOST;
        let mut killed = false;
        while now() < most {
            if self.asked == StopState::Kill && !std::mem::replace(&mut killed, true) {
                most = most.min(now() + DRAIN_KILLED);
            }
            let (before, begun) = (self.last_output, now());
            let pumped = self.pump(false, Some((begun + DRAIN_QUIET).min(most))).await;
            let waits = self.pipes.held_up && !killed;
            if waits {
                most += now() - begun;
            }
            match pumped {
                PumpEvent::Closed => return,
                PumpEvent::Quiet if self.last_output == before && !waits => return,
                PumpEvent::Order(order) => self.handle_after_exit(&order),
                PumpEvent::Quiet | PumpEvent::Exited(_) => {}
            }
        }
    }

    /// Reads the outputs until there is something to tell.
    async fn pump(&mut self, watch_exit: bool, until: Option<Instant>) -> PumpEvent {
        loop {
            if self.spent > TURN {
                self.spent = 0;
                tokio::task::yield_now().await;
            }
            let closed = !self.pipes.are_open();
            if closed && !watch_exit {
                return PumpEvent::Closed;
            }
            let partial = now() + PARTIAL_AFTER;
            let Self { child, pipes, orders, unshown, .. } = self;
            let show_partial = *unshown;
            tokio::select! {
                biased;
                Some(order) = orders.recv() => return PumpEvent::Order(order),
                exit = child.exited(), if watch_exit => {
                    return PumpEvent::Exited(exit.unwrap_or(Exit::Signal(Signal::KILL)));
                }
                place = place(pipes.tap.clone()), if pipes.needs_place() => pipes.has_place(place),
                read = std::future::poll_fn(|cx| pipes.poll(cx)), if !closed => self.took(read),
                () = sleep_until(partial), if show_partial => {
                    self.unshown = false;
                    self.pipes.outlet.show_partial();
                }
                () = sleep_until(until.unwrap_or(partial)), if until.is_some() => {
                    return PumpEvent::Quiet;
                }
            }
        }
    }

    fn tell_found(&mut self) {
        if let Some(line) = self.pipes.outlet.found() {
            let run = self.context.run;
            _ = self.context.facts.send(Fact::Matched { run, line });
        }
    }

    /// Something was read and kept, or one of the outputs has ended.
    fn took(&mut self, length: usize) {
        self.tell_found();
        if length > 0 {
            self.spent += length;
            self.last_output = self.context.clock.now();
            self.unshown = true;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "for the bounds of this file, which are no policy")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
