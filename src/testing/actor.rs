//! Scripted process: the task that runs a script and handles signals.
//!
//! Signals are handled before steps, so a signal takes effect before anything more is printed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::run::{Process, RunState};
use super::script::{End, Grandchild, Reaction, Script, Step};
use super::scripted_fds::{ScriptedFds, StepProgress};
use crate::spec::{Exit, Signal};

/// Starts a process of a run. Must be called in a runtime.
pub(super) fn start(
    run: &Arc<RunState>,
    command: String,
    (parent, in_group): (Option<u32>, bool),
    script: &Script,
    files: ScriptedFds,
) -> Arc<Process> {
    let (inbox, signals) = mpsc::unbounded_channel();
    let exit = watch::Sender::new(None);
    let pid = run.pids.next();
    let process = Arc::new(Process { pid, parent, command, in_group, inbox, exit });
    run.add(Arc::clone(&process));
    let body = ScriptRunner {
        run: Arc::clone(run),
        pid,
        in_group,
        files,
        frames: vec![ScriptFrame::new(script, Some(script.end))],
    };
    let actor = Actor {
        signals,
        body,
        reactions: script.reactions.clone(),
        unkillable: script.unkillable,
        stopped: false,
        pending: VecDeque::new(),
    };
    let me = Arc::clone(&process);
    tokio::spawn(async move {
        let exit = actor.live().await;
        me.exit.send_replace(Some(exit));
    });
    process
}

struct Actor {
    signals: mpsc::UnboundedReceiver<Signal>,
    body: ScriptRunner,
    reactions: BTreeMap<Signal, Reaction>,
    unkillable: bool,
    stopped: bool,
    /// Signals that came while it was stopped.
    pending: VecDeque<Signal>,
}

impl Actor {
    /// Runs the process to its end. All its descriptors are closed before the end is visible.
    async fn live(mut self) -> Exit {
        loop {
            let exit = tokio::select! {
                biased;
                Some(signal) = self.signals.recv() => self.take(signal),
                done = self.body.go_on(), if !self.stopped => match done {
                    StopReason::Exit(exit) => Some(exit),
                    StopReason::Broken => self.react(Signal::PIPE),
                },
            };
            if let Some(exit) = exit {
                return exit;
            }
        }
    }

    /// Handles a signal; returns the exit if it ends the process.
    fn take(&mut self, signal: Signal) -> Option<Exit> {
        match signal {
            Signal::KILL => return (!self.unkillable).then_some(Exit::Signal(signal)),
            Signal::STOP => {
                self.stopped = true;
                return None;
            }
            Signal::CONT => self.stopped = false,
            _ if self.stopped => {
                if !self.pending.contains(&signal) {
                    self.pending.push_back(signal);
                }
                return None;
            }
            _ => {}
        }
        let mut exit = self.react(signal);
        while exit.is_none() && !self.stopped {
            let Some(signal) = self.pending.pop_front() else { break };
            exit = self.react(signal);
        }
        exit
    }

    fn react(&mut self, signal: Signal) -> Option<Exit> {
        match self.reactions.get(&signal).cloned() {
            None => match usual(signal) {
                DefaultReaction::Ends => return Some(Exit::Signal(signal)),
                DefaultReaction::Stops => self.stopped = true,
                DefaultReaction::Nothing => {}
            },
            Some(Reaction::Ignore) => {}
            Some(Reaction::Become(script)) => {
                self.body.frames = vec![ScriptFrame::new(&script, Some(script.end))];
                self.unkillable |= script.unkillable;
                self.reactions.insert(signal, Reaction::Ignore);
                self.reactions.extend(script.reactions.clone());
            }
            Some(Reaction::Interlude(script)) => {
                self.body.frames.push(ScriptFrame::new(&script, None));
            }
        }
        None
    }
}

/// The default reaction to a signal.
enum DefaultReaction {
    Ends,
    Stops,
    Nothing,
}

fn usual(signal: Signal) -> DefaultReaction {
    match signal.to_string().as_str() {
        "CHLD" | "CONT" | "URG" | "WINCH" => DefaultReaction::Nothing,
        "STOP" | "TSTP" | "TTIN" | "TTOU" => DefaultReaction::Stops,
        _ => DefaultReaction::Ends,
    }
}

struct ScriptRunner {
    run: Arc<RunState>,
    pid: u32,
    in_group: bool,
    files: ScriptedFds,
    /// The script, and above it the scripts that interrupted it.
    frames: Vec<ScriptFrame>,
}

/// A position in a script.
struct ScriptFrame {
    steps: Arc<[Step]>,
    place: usize,
    /// `None` if the frame below continues.
    end: Option<End>,
    progress: StepProgress,
}

/// Why the script stops.
enum StopReason {
    Exit(Exit),
    /// It printed to a pipe without a reader.
    Broken,
}

impl ScriptFrame {
    fn new(script: &Script, end: Option<End>) -> Self {
        let steps = script.steps.as_slice().into();
        Self { steps, place: 0, end, progress: StepProgress::default() }
    }

    fn step_over(&mut self) {
        self.place += 1;
        self.progress = StepProgress::default();
    }
}

impl ScriptRunner {
    /// Runs the steps. Cancel safe: no step is repeated or skipped.
    async fn go_on(&mut self) -> StopReason {
        loop {
            let Self { frames, files, run, .. } = self;
            let Some(frame) = frames.last_mut() else { return StopReason::Exit(Exit::Code(0)) };
            let Some(step) = frame.steps.get(frame.place).cloned() else {
                match frame.end {
                    Some(End::Exit(exit)) => return StopReason::Exit(exit),
                    Some(End::Forever) => std::future::pending().await,
                    Some(End::Repeat) => {
                        frame.place = 0;
                        tokio::task::yield_now().await;
                    }
                    None => _ = frames.pop(),
                }
                continue;
            };
            let broken = if let Step::Leave(grandchild) = step {
                self.leave(&grandchild);
                false
            } else {
                files.perform(step, &mut frame.progress, run).await.is_err()
            };
            if let Some(frame) = self.frames.last_mut() {
                frame.step_over();
            }
            if broken {
                return StopReason::Broken;
            }
        }
    }

    fn leave(&self, grandchild: &Grandchild) {
        let ScriptedFds { stdout, stderr, .. } = &self.files;
        let files = ScriptedFds { stdin: None, stdout: stdout.clone(), stderr: stderr.clone() };
        let place = (Some(self.pid), self.in_group && grandchild.in_group);
        start(&self.run, grandchild.command.clone(), place, &grandchild.script, files);
    }
}
