//! A live child process of the real host.
#![expect(unsafe_code, reason = "AsyncFd wants a promise about its descriptor")]

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{WaitIdOptions, WaitIdStatus, waitid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe::Sender;

use super::deadline::Deadline;
use super::leader::Leader;
use super::pipe::OutputPipe;
use super::registry::of_leader;
use super::spawn::SpawnedChild;
use super::stray::{FoundProcess, ScanScope, StrayTracker, without};
use super::sweep::{Sweep, SweepRound};
use super::{Child, Descendant, Strays, kill};
use crate::spec::{Exit, Signal, StraysPolicy, is_kept};

/// How long [`Child::kill_tree`] keeps trying.
const KILL_BOUND: Duration = Duration::from_secs(2);
/// The interval at which a leader without a pidfd is checked for its end.
const END_LOOK: Duration = Duration::from_millis(25);
/// The maximum number of scans for new descendants in [`Child::signal_strays`].
const LOOKS: usize = 10;

/// A run of [`super::RealHost`].
#[derive(Debug)]
pub struct RealChild {
    // Before `leader`, so that it leaves the runtime before the descriptor is closed.
    /// `None` if descriptors are short; then the end is polled.
    end: Option<AsyncFd<Arc<OwnedFd>>>,
    stdin: Option<Sender>,
    stdout: Option<OutputPipe>,
    stderr: Option<OutputPipe>,
    _open_input: Option<OwnedFd>,
    exit: Option<Exit>,
    tracker: StrayTracker,
    leader: Leader,
}

impl RealChild {
    /// Registers a spawned child with the runtime. On an error the child is killed.
    pub(super) fn new(spawned: SpawnedChild, tracker: StrayTracker) -> io::Result<Self> {
        let SpawnedChild { leader, stdin, stdout, stderr, open_input } = spawned;
        let fd = leader.pidfd.clone();
        // SAFETY: an open descriptor that the `Arc` keeps open and the same as long as it lives.
        let register = |fd| unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        let end = fd.map(register).transpose()?;
        Ok(Self {
            end,
            stdin: stdin.map(Sender::from_owned_fd).transpose()?,
            stdout: stdout.map(OutputPipe::new).transpose()?,
            stderr: stderr.map(OutputPipe::new).transpose()?,
            _open_input: open_input,
            exit: None,
            tracker,
            leader,
        })
    }

    /// How the leader ended, if it has; it is not reaped.
    fn peek(leader: &Leader) -> io::Result<Option<Exit>> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let status = waitid(of_leader(leader.pid, leader.pidfd.as_deref())?, options)?;
        Ok(status.and_then(|status| exit_of(&status)))
    }

    /// Queries the descendants on the scanner thread.
    fn ask<T, A>(&self, answer: A) -> impl Future<Output = Option<T>> + Send + use<T, A>
    where
        T: Send + 'static,
        A: FnOnce(&mut dyn Iterator<Item = &FoundProcess>) -> T + Send + 'static,
    {
        let run = self.leader.token;
        let scope = if self.exit.is_some() { ScanScope::Ended(run) } else { ScanScope::Run(run) };
        self.tracker.ask(scope, move |tree| answer(&mut tree.of(run)))
    }
}

fn exit_of(status: &WaitIdStatus) -> Option<Exit> {
    if let Some(code) = status.exit_status() {
        return Some(Exit::Code(code));
    }
    status.terminating_signal().and_then(Signal::from_number).map(Exit::Signal)
}

impl Child for RealChild {
    type Read = OutputPipe;
    type Write = Sender;

    fn pid(&self) -> u32 {
        self.leader.pid
    }

    fn stdout(&mut self) -> Option<OutputPipe> {
        self.stdout.take()
    }

    fn stderr(&mut self) -> Option<OutputPipe> {
        self.stderr.take()
    }

    fn stdin(&mut self) -> Option<Sender> {
        self.stdin.take()
    }

    async fn exited(&mut self) -> io::Result<Exit> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        loop {
            let mut ready = match &self.end {
                Some(end) => Some(end.readable().await?),
                None => None,
            };
            if let Some(exit) = Self::peek(&self.leader)? {
                self.exit = Some(exit);
                return Ok(exit);
            }
            match &mut ready {
                Some(ready) => ready.clear_ready(),
                None => tokio::time::sleep(END_LOOK).await,
            }
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.leader.signal(signal)?;
        if signal == Signal::TERM {
            // A stopped child would keep the signal pending for ever.
            self.leader.signal(Signal::CONT)?;
        }
        Ok(())
    }

    async fn strays(&self, policy: StraysPolicy, keep: &Arc<BTreeSet<String>>) -> Strays {
        if self.exit.is_some() && self.leader.left_nobody() {
            return Strays::default();
        }
        let keep = Arc::clone(keep);
        let sorted = self.ask(move |found| {
            let all: Vec<&FoundProcess> = found.collect();
            let going = without(all.iter().copied(), |one| is_kept(&one.stat.program, &keep));
            let goes = |one: &FoundProcess| match policy {
                StraysPolicy::Kill => true,
                StraysPolicy::Group => one.is_in_group(),
                StraysPolicy::Leave => false,
            };
            let going: HashSet<u32> =
                going.into_iter().filter(|one| goes(one)).map(|one| one.stat.pid).collect();
            let (going, staying): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|one| going.contains(&one.stat.pid));
            let describe =
                |all: Vec<&FoundProcess>| all.into_iter().map(FoundProcess::describe).collect();
            let mut strays = Strays { going: describe(going), staying: describe(staying) };
            strays.staying.retain(|one| !one.is_dying);
            strays
        });
        sorted.await.unwrap_or_default()
    }

    async fn signal_these(&self, signal: Signal, pids: Vec<u32>) {
        let sent = self.ask(move |found| {
            for one in found.filter(|one| pids.contains(&one.stat.pid)) {
                // A process that is gone needs no signal; one that may not be signalled is reported later.
                _ = send(one, signal);
            }
        });
        _ = sent.await;
    }

    async fn signal_strays(
        &self,
        signal: Signal,
        policy: StraysPolicy,
        keep: &Arc<BTreeSet<String>>,
    ) -> Vec<Descendant> {
        if policy == StraysPolicy::Leave {
            return Vec::new();
        }
        let mut met = HashSet::new();
        let mut denied = Vec::new();
        for _ in 0..LOOKS {
            let keep = Arc::clone(keep);
            let look = self.ask(move |found| {
                let mut new = false;
                let mut refused = Vec::new();
                let going = without(found, |one| is_kept(&one.stat.program, &keep));
                for one in going {
                    let spared = policy == StraysPolicy::Group && !one.is_in_group();
                    if spared || !met.insert(one.stat.identity()) {
                        continue;
                    }
                    new = true;
                    if send(one, signal).is_err_and(|error| !kill::is_gone(&error)) {
                        refused.push(one.describe());
                    }
                }
                (met, new, refused)
            });
            let Some((seen, new, refused)) = look.await else { break };
            met = seen;
            denied.extend(refused);
            if !new {
                break;
            }
        }
        denied
    }

    async fn kill_tree(&self) -> io::Result<()> {
        self.leader.signal(Signal::KILL)?;
        // The leader may have left its own group.
        // Not reaped, so the pid has not been reused.
        kill::pid(self.leader.pid, Signal::KILL)
            .or_else(|error| if kill::is_gone(&error) { Ok(()) } else { Err(error) })?;
        let deadline = Deadline::after(KILL_BOUND);
        let mut sweep = Sweep::default();
        loop {
            let round = self.ask(move |found| {
                let alive: Vec<_> = found.map(|one| one.stat.clone()).collect();
                let next = sweep.round(&alive);
                (sweep, next, alive)
            });
            let Some((after, next, alive)) = round.await else { return Ok(()) };
            sweep = after;
            match next {
                SweepRound::Done if alive.is_empty() => return Ok(()),
                SweepRound::Look(span) if !deadline.is_over() => tokio::time::sleep(span).await,
                SweepRound::Done | SweepRound::Look(_) => {
                    let pids: Vec<String> = alive.iter().map(|one| one.pid.to_string()).collect();
                    return Err(io::Error::other(format!("cannot end {}", pids.join(", "))));
                }
            }
        }
    }

    fn reap(mut self) -> io::Result<()> {
        match self.leader.reap() {
            Ok(true) => Ok(()),
            // Its drop kills and reaps it.
            Ok(false) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, "the process has not ended"))
            }
            Err(error) => Err(error),
        }
    }
}

fn send(one: &FoundProcess, signal: Signal) -> io::Result<()> {
    kill::seen(&one.stat, signal)?;
    if signal == Signal::TERM { kill::seen(&one.stat, Signal::CONT) } else { Ok(()) }
}
