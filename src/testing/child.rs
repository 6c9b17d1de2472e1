//! Scripted child: a live run of the scripted host.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;

use super::pipe::ScriptedInput;
use super::run::{RunState, ScriptedProcess, SignalTarget};
use crate::spec::{Exit, Signal, Stray, StraysPolicy, is_kept};
use crate::sys::{Child, Descendant, InputLooker, Strays};
use crate::terminal::Size;

/// The maximum time that [`Child::kill_tree`] waits.
const KILL_TIMEOUT: Duration = Duration::from_secs(2);

/// A run of a [`ScriptedHost`](super::ScriptedHost).
#[derive(Debug)]
pub struct ScriptedChild {
    pub(super) run: Arc<RunState>,
    pub(super) leader: Arc<ScriptedProcess>,
    pub(super) stdin: Option<ScriptedInput>,
    pub(super) stdout: Option<DuplexStream>,
    pub(super) stderr: Option<DuplexStream>,
    pub(super) is_reaped: bool,
}

impl Drop for ScriptedChild {
    fn drop(&mut self) {
        if !self.is_reaped {
            if self.leader.is_alive() {
                self.signal_group(Signal::KILL);
            }
            self.run.note_reaped();
        }
    }
}

impl ScriptedChild {
    fn signal_group(&self, signal: Signal) {
        self.run.note_sent(signal, SignalTarget::Group);
        for process in self.run.alive().iter().filter(|process| process.in_group) {
            process.send(signal);
        }
    }

    fn signal_grandchild(&self, process: &ScriptedProcess, signal: Signal) {
        self.run.note_sent(signal, SignalTarget::Grandchild(process.pid));
        process.send(signal);
    }

    /// The descendants that a policy ends, and the others.
    fn split(
        &self,
        policy: StraysPolicy,
        keep: &BTreeSet<String>,
    ) -> (Vec<Arc<ScriptedProcess>>, Vec<Arc<ScriptedProcess>>) {
        // Parents come before their children, so one pass is enough.
        let mut kept = HashSet::new();
        self.run.descendants().into_iter().partition(|process| {
            let is_kept = is_kept(&process.program(), keep)
                || process.parent.is_some_and(|pid| kept.contains(&pid));
            if is_kept {
                kept.insert(process.pid);
            }
            !is_kept
                && match policy {
                    StraysPolicy::Kill => true,
                    StraysPolicy::Group => process.in_group,
                    StraysPolicy::Leave => false,
                }
        })
    }
}

fn describe(process: &Arc<ScriptedProcess>) -> Descendant {
    Descendant {
        stray: Stray { pid: process.pid, command: process.command.clone() },
        program: process.program(),
        in_group: process.in_group,
        is_dying: false,
    }
}

impl Child for ScriptedChild {
    type Read = DuplexStream;
    type Write = ScriptedInput;

    fn pid(&self) -> u32 {
        self.leader.pid
    }

    fn stdout(&mut self) -> Option<DuplexStream> {
        self.stdout.take()
    }

    fn stderr(&mut self) -> Option<DuplexStream> {
        self.stderr.take()
    }

    fn stdin(&mut self) -> Option<ScriptedInput> {
        self.stdin.take()
    }

    async fn exited(&mut self) -> io::Result<Exit> {
        Ok(self.leader.ended().await)
    }

    fn resize(&self, size: Size, _: Option<(u16, u16)>) -> io::Result<()> {
        if self.run.set_size(size) {
            for process in self.run.alive().iter().filter(|process| process.in_group) {
                process.send(Signal::WINCH);
            }
        }
        Ok(())
    }

    fn input_looker(&self) -> Option<InputLooker> {
        let run = Arc::clone(&self.run);
        run.call.has_writable_input().then(|| -> InputLooker {
            Box::new(move || Box::pin(std::future::ready(run.waiting_thread())))
        })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.signal_group(signal);
        Ok(())
    }

    async fn strays(&self, policy: StraysPolicy, keep: &Arc<BTreeSet<String>>) -> Strays {
        let (going, staying) = self.split(policy, keep);
        Strays {
            to_end: going.iter().map(describe).collect(),
            kept: staying.iter().map(describe).collect(),
        }
    }

    async fn signal_these(&self, signal: Signal, pids: Vec<u32>) {
        for process in self.run.descendants().iter().filter(|process| pids.contains(&process.pid)) {
            self.signal_grandchild(process, signal);
        }
    }

    async fn signal_strays(
        &self,
        signal: Signal,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> Vec<Descendant> {
        for process in self.split(policy, keep).0 {
            self.signal_grandchild(&process, signal);
        }
        // All scripted processes can be signalled, even unkillable ones.
        Vec::new()
    }

    async fn kill_tree(&self) -> io::Result<()> {
        self.run.note_sent(Signal::KILL, SignalTarget::Tree);
        if self.leader.is_alive() {
            self.leader.send(Signal::KILL);
        }
        let all_ended = async {
            loop {
                let left = self.run.descendants();
                if left.is_empty() {
                    return;
                }
                for process in &left {
                    process.send(Signal::KILL);
                }
                for process in left {
                    process.ended().await;
                }
            }
        };
        tokio::time::timeout(KILL_TIMEOUT, all_ended).await.map_err(|_| {
            let left = self.run.descendants();
            let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
            io::Error::other(format!("cannot end {}", pids.join(", ")))
        })
    }

    fn reap(mut self) -> io::Result<()> {
        if self.leader.is_alive() {
            // Dropping it kills it.
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the process has not ended"));
        }
        self.is_reaped = true;
        self.run.note_reaped();
        Ok(())
    }
}
