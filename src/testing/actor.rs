//! Script actor: the task of a scripted process, which runs its script and handles signals.
//!
//! Signals are handled before steps, so a signal takes effect before anything more is printed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::run::{RunState, ScriptedProcess};
use super::script::{Grandchild, Script, ScriptEnd, ScriptStep, SignalReaction};
use super::scripted_fds::{ScriptedFds, StepProgress};
use crate::spec::{Exit, Signal};

/// Starts a process of a run. Must be called in a runtime.
pub(super) fn start(
    run: &Arc<RunState>,
    command: String,
    (parent, in_group): (Option<u32>, bool),
    script: &Script,
    mut fds: ScriptedFds,
) -> Arc<ScriptedProcess> {
    let (sender, signals) = mpsc::unbounded_channel();
    let exit = watch::Sender::new(None);
    let pid = run.pids.next();
    fds.pid = pid;
    let process =
        Arc::new(ScriptedProcess { pid, parent, command, in_group, signals: sender, exit });
    run.add(Arc::clone(&process));
    let runner = ScriptRunner {
        run: Arc::clone(run),
        pid,
        in_group,
        fds,
        frames: vec![ScriptFrame::new(script, Some(script.end))],
    };
    let actor = Actor {
        signals,
        runner,
        reactions: script.reactions.clone(),
        unkillable: script.unkillable,
        is_stopped: false,
        pending: VecDeque::new(),
    };
    let actor_process = Arc::clone(&process);
    tokio::spawn(async move {
        let exit = actor.run().await;
        actor_process.exit.send_replace(Some(exit));
    });
    process
}

struct Actor {
    signals: mpsc::UnboundedReceiver<Signal>,
    runner: ScriptRunner,
    reactions: BTreeMap<Signal, SignalReaction>,
    unkillable: bool,
    is_stopped: bool,
    /// Signals that were received while it was stopped.
    pending: VecDeque<Signal>,
}

impl Actor {
    /// Runs the process to its end. All its descriptors are closed before the end is visible.
    async fn run(mut self) -> Exit {
        loop {
            let exit = tokio::select! {
                biased;
                Some(signal) = self.signals.recv() => self.handle(signal),
                exit = self.runner.run(), if !self.is_stopped => match exit {
                    Ok(exit) => Some(exit),
                    // It printed to a pipe without a reader.
                    Err(_) => self.react(Signal::PIPE),
                },
            };
            if let Some(exit) = exit {
                return exit;
            }
        }
    }

    /// Handles a signal; returns the exit if it ends the process.
    fn handle(&mut self, signal: Signal) -> Option<Exit> {
        match signal {
            Signal::KILL => return (!self.unkillable).then_some(Exit::Signal(signal)),
            Signal::STOP => {
                self.is_stopped = true;
                return None;
            }
            Signal::CONT => self.is_stopped = false,
            _ if self.is_stopped => {
                if !self.pending.contains(&signal) {
                    self.pending.push_back(signal);
                }
                return None;
            }
            _ => {}
        }
        let mut exit = self.react(signal);
        while exit.is_none() && !self.is_stopped {
            let Some(signal) = self.pending.pop_front() else { break };
            exit = self.react(signal);
        }
        exit
    }

    fn react(&mut self, signal: Signal) -> Option<Exit> {
        match self.reactions.get(&signal).cloned() {
            None => match signal.to_string().as_str() {
                "CHLD" | "CONT" | "URG" | "WINCH" => {}
                "STOP" | "TSTP" | "TTIN" | "TTOU" => self.is_stopped = true,
                _ => return Some(Exit::Signal(signal)),
            },
            Some(SignalReaction::Ignore) => {}
            Some(SignalReaction::Become(script)) => {
                self.runner.frames = vec![ScriptFrame::new(&script, Some(script.end))];
                self.unkillable |= script.unkillable;
                self.reactions.insert(signal, SignalReaction::Ignore);
                self.reactions.extend(script.reactions.clone());
            }
            Some(SignalReaction::Interlude(script)) => {
                self.runner.frames.push(ScriptFrame::new(&script, None));
            }
        }
        None
    }
}

struct ScriptRunner {
    run: Arc<RunState>,
    pid: u32,
    in_group: bool,
    fds: ScriptedFds,
    /// The script, and above it the scripts that interrupted it.
    frames: Vec<ScriptFrame>,
}

/// A position in a script.
struct ScriptFrame {
    steps: Arc<[ScriptStep]>,
    index: usize,
    /// `None` if the frame below continues.
    end: Option<ScriptEnd>,
    progress: StepProgress,
}

impl ScriptFrame {
    fn new(script: &Script, end: Option<ScriptEnd>) -> Self {
        let steps = script.steps.as_slice().into();
        Self { steps, index: 0, end, progress: StepProgress::default() }
    }
}

impl ScriptRunner {
    /// Runs the steps to the end of the script; an error is that of an output. Cancel safe: no step is
    /// repeated or skipped.
    async fn run(&mut self) -> io::Result<Exit> {
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(Exit::Code(0)) };
            let Some(step) = frame.steps.get(frame.index).cloned() else {
                match frame.end {
                    Some(ScriptEnd::Exit(exit)) => return Ok(exit),
                    Some(ScriptEnd::Forever) => std::future::pending().await,
                    Some(ScriptEnd::Repeat) => {
                        frame.index = 0;
                        tokio::task::yield_now().await;
                    }
                    None => _ = self.frames.pop(),
                }
                continue;
            };
            if let ScriptStep::Leave(grandchild) = &step {
                let ScriptedFds { stdout, stderr, is_terminal, .. } = &self.fds;
                let mut fds = ScriptedFds::new(None, stdout.clone(), stderr.clone());
                fds.is_terminal = *is_terminal;
                let place = (Some(self.pid), self.in_group && grandchild.in_group);
                let Grandchild { command, script, .. } = &**grandchild;
                start(&self.run, command.clone(), place, script, fds);
            }
            let performed = self.fds.perform(step, &mut frame.progress, &self.run).await;
            frame.index += 1;
            frame.progress = StepProgress::default();
            performed?;
        }
    }
}
