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

use super::input_wait::{InputId, read_process, waiting_thread};
use super::leader::Leader;
use super::pipe::OutputPipe;
use super::pty::LineModes;
use super::registry::LeaderId;
use super::spawn::{ParentFds, SpawnedChild};
use super::stray::{FoundProcess, ProcessTree, ScanScope, StrayTracker, without};
use super::terminal_io::{InputWriter, OutputReader, PtyMaster};
use super::{Child, Descendant, InputLooker, Strays, kill};
use crate::spec::{Exit, Signal, StraysPolicy, is_kept};
use crate::terminal::Size;

/// How long [`Child::kill_tree`] keeps trying.
const KILL_BOUND: Duration = Duration::from_secs(2);
/// The interval at which a leader without a pidfd is checked for its end.
const END_INTERVAL: Duration = Duration::from_millis(25);
/// The maximum number of scans for new descendants in [`Child::signal_strays`].
const MAX_SCANS: usize = 10;

/// A run of [`super::RealHost`].
#[derive(Debug)]
pub struct RealChild {
    // Before `leader`, so that it leaves the runtime before the descriptor is closed.
    /// `None` if descriptors are short; then the end is polled.
    end: Option<AsyncFd<Arc<OwnedFd>>>,
    stdin: Option<InputWriter>,
    stdout: Option<OutputReader>,
    stderr: Option<OutputReader>,
    terminal: Option<PtyMaster>,
    /// What its input is, if something can be written to it.
    input_id: Option<InputId>,
    _open_input: Option<OwnedFd>,
    exit: Option<Exit>,
    tracker: StrayTracker,
    leader: Leader,
}

impl RealChild {
    /// Registers a spawned child with the runtime. On an error the child is killed.
    pub(super) fn new(spawned: SpawnedChild, tracker: StrayTracker) -> io::Result<Self> {
        let SpawnedChild { leader, stdio } = spawned;
        let ParentFds { stdin, stdout, stderr, open_input, terminal, input_id } = stdio;
        let fd = leader.id.pidfd.clone();
        // SAFETY: an open descriptor that the `Arc` keeps open and the same as long as it lives.
        let register = |fd| unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        let end = fd.map(register).transpose()?;
        let terminal = terminal.map(PtyMaster::new).transpose()?;
        let writer = || terminal.clone().map(InputWriter::Terminal);
        let reader = || terminal.clone().map(OutputReader::Terminal);
        let pipe = |fd: Option<OwnedFd>| fd.map(OutputPipe::new).transpose();
        let stdin = stdin.map(Sender::from_owned_fd).transpose()?;
        Ok(Self {
            end,
            stdin: stdin.map(InputWriter::Pipe).or_else(writer),
            stdout: pipe(stdout)?.map(OutputReader::Pipe).or_else(reader),
            stderr: pipe(stderr)?.map(OutputReader::Pipe),
            terminal,
            input_id,
            _open_input: open_input,
            exit: None,
            tracker,
            leader,
        })
    }

    /// The processes that a scan must find.
    fn scope(&self) -> ScanScope {
        let run = self.leader.id.token;
        if self.exit.is_some() { ScanScope::Ended(run) } else { ScanScope::Run(run) }
    }

    /// Requests a scan for the descendants; `answer` runs on the scanner thread.
    fn scan<T, A>(&self, answer: A) -> impl Future<Output = Option<T>> + Send + use<T, A>
    where
        T: Send + 'static,
        A: FnOnce(&mut dyn Iterator<Item = &FoundProcess>) -> T + Send + 'static,
    {
        let run = self.leader.id.token;
        self.tracker.scan(self.scope(), move |tree| answer(&mut tree.of(run)))
    }
}

/// Returns how a leader ended, if it has; it is not reaped.
fn peek_exit(leader: &LeaderId) -> io::Result<Option<Exit>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    let status = waitid(leader.wait_id()?, options)?;
    Ok(status.and_then(|status| exit_of(&status)))
}

fn exit_of(status: &WaitIdStatus) -> Option<Exit> {
    if let Some(code) = status.exit_status() {
        return Some(Exit::Code(code));
    }
    status.terminating_signal().and_then(Signal::from_number).map(Exit::Signal)
}

/// Returns the descendants that `policy` ends, without programs in `keep` and their descendants.
fn ended_by<'a>(
    policy: StraysPolicy,
    keep: &BTreeSet<String>,
    found: impl Iterator<Item = &'a FoundProcess>,
) -> Vec<&'a FoundProcess> {
    let mut ended = without(found, |process| is_kept(&process.stat.program, keep));
    ended.retain(|process| match policy {
        StraysPolicy::Kill => true,
        StraysPolicy::Group => process.in_group || process.in_session,
        StraysPolicy::Leave => false,
    });
    ended
}

impl Child for RealChild {
    type Read = OutputReader;
    type Write = InputWriter;

    fn pid(&self) -> u32 {
        self.leader.id.pid
    }

    fn stdout(&mut self) -> Option<OutputReader> {
        self.stdout.take()
    }

    fn stderr(&mut self) -> Option<OutputReader> {
        self.stderr.take()
    }

    fn stdin(&mut self) -> Option<InputWriter> {
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
            if let Some(exit) = peek_exit(&self.leader.id)? {
                self.exit = Some(exit);
                return Ok(exit);
            }
            match &mut ready {
                Some(ready) => ready.clear_ready(),
                None => tokio::time::sleep(END_INTERVAL).await,
            }
        }
    }

    fn resize(&self, size: Size, cell: Option<(u16, u16)>) -> io::Result<()> {
        self.terminal.as_ref().map_or(Ok(()), |terminal| terminal.resize(size, cell))
    }

    /// The looks must be made in a tokio runtime.
    fn input_looker(&self) -> Option<InputLooker> {
        let (input, run) = (self.input_id?, &self.leader.id);
        let (leader, token) = (run.pid, run.token);
        let (tracker, terminal) = (self.tracker.clone(), self.terminal.clone());
        Some(Box::new(move || {
            let modes = terminal.as_ref().and_then(|terminal| terminal.line_modes().ok());
            let asks_secret = modes.is_some_and(LineModes::is_secret);
            // Orphans of the run too: a shell that has ended can leave a process that asks.
            let pids = tracker.scan(ScanScope::Run(token), move |tree| {
                tree.of(token).map(|process| process.stat.pid).collect::<Vec<_>>()
            });
            Box::pin(async move {
                let pids = std::iter::once(leader).chain(pids.await?);
                let look = move || {
                    // A process that ends meanwhile waits for nothing.
                    let processes = pids.filter_map(|pid| read_process(pid, input));
                    waiting_thread(&processes.collect::<Vec<_>>(), asks_secret)
                };
                tokio::task::spawn_blocking(look).await.ok()?
            })
        }))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.leader.signal(signal)?;
        if signal == Signal::TERM {
            // A stopped child would never handle the signal.
            self.leader.signal(Signal::CONT)?;
        }
        Ok(())
    }

    async fn strays(&self, policy: StraysPolicy, keep: &Arc<BTreeSet<String>>) -> Strays {
        if self.exit.is_some() && self.leader.left_nothing() {
            return Strays::default();
        }
        let keep = Arc::clone(keep);
        let strays = self.scan(move |found| {
            let found: Vec<&FoundProcess> = found.collect();
            let ended = ended_by(policy, &keep, found.iter().copied());
            let ended: HashSet<u32> = ended.iter().map(|process| process.stat.pid).collect();
            let descendants = found.into_iter().map(FoundProcess::describe);
            let (to_end, mut kept): (Vec<_>, Vec<_>) =
                descendants.partition(|descendant| ended.contains(&descendant.stray.pid));
            kept.retain(|descendant| !descendant.is_dying);
            Strays { to_end, kept }
        });
        strays.await.unwrap_or_default()
    }

    async fn signal_these(&self, signal: Signal, pids: Vec<u32>) {
        let sent = self.scan(move |found| {
            for process in found.filter(|process| pids.contains(&process.stat.pid)) {
                // A process that has ended needs no signal; a process that may not be signalled is
                // reported later.
                _ = send(process, signal);
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
        let mut signalled = HashSet::new();
        let mut denied = Vec::new();
        for _ in 0..MAX_SCANS {
            let keep = Arc::clone(keep);
            let before = signalled.len();
            let scan = self.scan(move |found| {
                let mut refused = Vec::new();
                for process in ended_by(policy, &keep, found) {
                    if signalled.insert(process.stat.identity())
                        && send(process, signal).is_err_and(|error| !kill::is_gone(&error))
                    {
                        refused.push(process.describe());
                    }
                }
                (signalled, refused)
            });
            let Some((after, refused)) = scan.await else { break };
            signalled = after;
            denied.extend(refused);
            if signalled.len() == before {
                break;
            }
        }
        denied
    }

    async fn kill_tree(&self) -> io::Result<()> {
        self.leader.signal(Signal::KILL)?;
        // The leader may have left its own group. It is not reaped, so the pid has not been reused.
        kill::unless_gone(kill::signal_pid(self.leader.id.pid, Signal::KILL))?;
        let run = self.leader.id.token;
        let select = move |tree: &ProcessTree| tree.of(run).cloned().collect();
        let left = self.tracker.kill(self.scope(), KILL_BOUND, select).await.unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        let pids: Vec<String> = left.iter().map(|process| process.stat.pid.to_string()).collect();
        Err(io::Error::other(format!("cannot end {}", pids.join(", "))))
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

fn send(process: &FoundProcess, signal: Signal) -> io::Result<()> {
    kill::signal_process(&process.stat, signal)?;
    // As in `signal`.
    if signal == Signal::TERM { kill::signal_process(&process.stat, Signal::CONT) } else { Ok(()) }
}
