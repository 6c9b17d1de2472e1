//! A live run of the scripted host.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::pipe::{ScriptedInput, ScriptedOutput};
use super::run::{Process, RunState, SignalTarget};
use crate::spec::{Exit, Signal, Stray, StraysPolicy, is_kept};
use crate::sys::{Child, Descendant, Strays};

/// The maximum time that [`Child::kill_tree`] waits for ends.
const KILL_BOUND: Duration = Duration::from_secs(2);

/// A run of a [`ScriptedHost`](super::ScriptedHost).
#[derive(Debug)]
pub struct ScriptedChild {
    pub(super) run: Arc<RunState>,
    pub(super) leader: Arc<Process>,
    pub(super) stdin: Option<ScriptedInput>,
    pub(super) stdout: Option<ScriptedOutput>,
    pub(super) stderr: Option<ScriptedOutput>,
    pub(super) is_reaped: bool,
}

impl Drop for ScriptedChild {
    fn drop(&mut self) {
        if !self.is_reaped {
            if self.leader.is_alive() {
                self.to_group(Signal::KILL);
            }
            self.run.note_reaped();
        }
    }
}

impl ScriptedChild {
    fn to_group(&self, signal: Signal) {
        self.run.note_sent(signal, SignalTarget::Group);
        for one in self.run.alive().iter().filter(|one| one.in_group) {
            deliver(one, signal);
        }
    }

    fn to_one(&self, one: &Process, signal: Signal) {
        self.run.note_sent(signal, SignalTarget::Grandchild(one.pid));
        deliver(one, signal);
    }

    /// Splits the descendants by whether a policy ends them.
    fn sorted(
        &self,
        policy: StraysPolicy,
        keep: &BTreeSet<String>,
    ) -> (Vec<Arc<Process>>, HashSet<u32>) {
        let all = self.run.descendants();
        // Parents come before their children, so one pass is enough.
        let mut kept = HashSet::new();
        for one in &all {
            if is_kept(&one.program(), keep) || one.parent.is_some_and(|pid| kept.contains(&pid)) {
                kept.insert(one.pid);
            }
        }
        let goes = |one: &Arc<Process>| match policy {
            StraysPolicy::Kill => !kept.contains(&one.pid),
            StraysPolicy::Group => one.in_group && !kept.contains(&one.pid),
            StraysPolicy::Leave => false,
        };
        let going = all.iter().filter(|one| goes(one)).map(|one| one.pid).collect();
        (all, going)
    }
}

/// Delivers a signal; a process that is gone needs none.
pub(super) fn deliver(one: &Process, signal: Signal) {
    _ = one.inbox.send(signal);
    if signal == Signal::TERM {
        _ = one.inbox.send(Signal::CONT);
    }
}

fn describe(one: &Arc<Process>) -> Descendant {
    Descendant {
        stray: Stray { pid: one.pid, command: one.command.clone() },
        program: one.program(),
        in_group: one.in_group,
        is_dying: false,
    }
}

impl Child for ScriptedChild {
    type Read = ScriptedOutput;
    type Write = ScriptedInput;

    fn pid(&self) -> u32 {
        self.leader.pid
    }

    fn stdout(&mut self) -> Option<ScriptedOutput> {
        self.stdout.take()
    }

    fn stderr(&mut self) -> Option<ScriptedOutput> {
        self.stderr.take()
    }

    fn stdin(&mut self) -> Option<ScriptedInput> {
        self.stdin.take()
    }

    async fn exited(&mut self) -> io::Result<Exit> {
        Ok(self.leader.ended().await)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.to_group(signal);
        Ok(())
    }

    async fn strays(&self, policy: StraysPolicy, keep: &Arc<BTreeSet<String>>) -> Strays {
        let (all, going) = self.sorted(policy, keep);
        let (going, staying): (Vec<_>, Vec<_>) =
            all.iter().map(describe).partition(|one| going.contains(&one.stray.pid));
        Strays { going, staying }
    }

    async fn signal_these(&self, signal: Signal, pids: Vec<u32>) {
        for one in self.run.descendants().iter().filter(|one| pids.contains(&one.pid)) {
            self.to_one(one, signal);
        }
    }

    async fn signal_strays(
        &self,
        signal: Signal,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> Vec<Descendant> {
        let (all, going) = self.sorted(policy, keep);
        for one in all.iter().filter(|one| going.contains(&one.pid)) {
            self.to_one(one, signal);
        }
        // All scripted processes can be signalled, even unkillable ones.
        Vec::new()
    }

    async fn kill_tree(&self) -> io::Result<()> {
        self.run.note_sent(Signal::KILL, SignalTarget::Tree);
        if self.leader.is_alive() {
            deliver(&self.leader, Signal::KILL);
        }
        let all_gone = async {
            loop {
                let left = self.run.descendants();
                if left.is_empty() {
                    return;
                }
                for one in &left {
                    deliver(one, Signal::KILL);
                }
                for one in left {
                    one.ended().await;
                }
            }
        };
        tokio::time::timeout(KILL_BOUND, all_gone).await.map_err(|_| {
            let left = self.run.descendants();
            let pids: Vec<String> = left.iter().map(|one| one.pid.to_string()).collect();
            io::Error::other(format!("cannot end {}", pids.join(", ")))
        })
    }

    fn reap(mut self) -> io::Result<()> {
        if self.leader.is_alive() {
            // Its drop ends it.
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the process has not ended"));
        }
        self.is_reaped = true;
        self.run.note_reaped();
        Ok(())
    }
}
