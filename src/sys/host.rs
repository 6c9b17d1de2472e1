//! The host that runs real processes.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::child::RealChild;
use super::deadline::Deadline;
use super::journal::{SessionStrayRules, own_kernel_session};
use super::launch_plan::resource;
use super::listeners::{ListenPlace, Listener, Listeners};
use super::own_process::adopts_orphans;
use super::registry::Registry;
use super::spawn::{self, SpawnFailure};
use super::spawners::Spawners;
use super::stray::{FoundProcess, ProcessTree, ScanScope, StrayTracker, without};
use super::sweep::end_all;
use super::usage::{self, Usage};
use super::{Descendant, Host, HostOptions, Launch, kill, preflight};
use crate::spec::{Signal, StartError, StartErrorKind};

/// The number of further attempts for a program that is open for writing, with a delay in between.
const MAX_RETRIES: usize = 5;
const RETRY_DELAY: Duration = Duration::from_millis(50);
/// The maximum duration of [`Host::end_everything`].
const END_BOUND: Duration = Duration::from_secs(1);
/// How long [`RealHost::kill_all`] keeps trying.
const KILL_BOUND: Duration = Duration::from_secs(2);

/// Starts real processes of this machine.
///
/// Has a thread that spawns children (more if it cannot keep up, at most four) and one that finds
/// their descendants. They live as long as the host or any of its children. A clone is the same host.
#[derive(Debug, Clone)]
pub struct RealHost {
    registry: Arc<Registry>,
    spawners: Spawners,
    tracker: StrayTracker,
    listeners: Arc<Listeners>,
    /// The number of descriptors that a launch needs temporarily.
    descriptors: usize,
}

impl RealHost {
    /// Creates a host and starts its threads.
    pub fn new(options: HostOptions) -> io::Result<Self> {
        let registry = Arc::new(Registry::default());
        let tracker = StrayTracker::start(Arc::clone(&registry))?;
        if options.is_thrifty {
            registry.recent_pids.disable();
        }
        let spawners = Spawners::start(Arc::clone(&registry), options)?;
        let listeners = Arc::new(Listeners::new(Arc::clone(&registry)));
        let descriptors = spawn::descriptors(options.is_thrifty);
        Ok(Self { registry, spawners, tracker, listeners, descriptors })
    }

    /// Reaps adopted orphans that have ended; returns their number.
    ///
    /// Call it on SIGCHLD, but not too often. Does nothing unless this process is a subreaper: only then
    /// are all its children leaders or adopted, and not those of other code in the same program.
    pub async fn reap_adopted(&self) -> usize {
        if !adopts_orphans() {
            return 0;
        }
        self.tracker.scan(ScanScope::Adopted, ProcessTree::reap).await.unwrap_or_default()
    }

    /// Returns live adopted processes of runs that no longer exist: processes that cleared their
    /// environment and lost their parent, and survivors of ended runs, except those that `spare`
    /// keeps.
    ///
    /// Only meaningful in a subreaper that creates all its children through this host.
    pub async fn unclaimed(&self, spare: SessionStrayRules) -> Vec<Descendant> {
        let scan = self.tracker.scan(ScanScope::Adopted, move |tree| {
            let session = own_kernel_session();
            let left = without(tree.unclaimed(), |found| spare.spares(&found.stat, session));
            left.into_iter().map(FoundProcess::describe).collect()
        });
        scan.await.unwrap_or_default()
    }

    /// Ends everything below this process, including leaders, except what `spare` leaves alive; returns
    /// the processes that cannot be ended. Takes at most two seconds.
    ///
    /// Leaders stay with their [`RealChild`], which notices their end and reaps them. Nothing may be
    /// launched meanwhile: a child that is just being created can be missed.
    pub async fn kill_all(&self, spare: SessionStrayRules) -> Vec<Descendant> {
        let select = move |tree: &ProcessTree| {
            if adopts_orphans() {
                tree.reap();
            }
            let session = own_kernel_session();
            let is_spared =
                |found: &FoundProcess| !found.is_leader && spare.spares(&found.stat, session);
            without(tree.found.iter(), is_spared).into_iter().cloned().collect()
        };
        let Some(left) = self.tracker.kill(ScanScope::All, KILL_BOUND, select).await else {
            self.kill_groups();
            return Vec::new();
        };
        left.iter().map(FoundProcess::describe).collect()
    }

    /// The fallback if the descendants cannot be determined.
    fn kill_groups(&self) {
        for leader in self.registry.lock().keys() {
            // A group that is gone needs no signal.
            _ = kill::signal_group(*leader, Signal::KILL);
        }
    }
}

impl Host for RealHost {
    type Child = RealChild;

    fn preflight(&self, launch: Launch) -> Result<(), StartError> {
        preflight::check(launch, self.descriptors)
    }

    fn may_end(&self, pid: u32) -> io::Result<()> {
        kill::may_signal(pid)
    }

    fn end_everything(&self) {
        self.kill_groups();
        let deadline = Deadline::after(END_BOUND);
        let scan = || {
            if self.registry.lock().is_empty() {
                return Vec::new();
            }
            let (answer, answered) = mpsc::channel();
            // The request is queued by the call; the answer needs no runtime.
            drop(self.tracker.scan(ScanScope::AllLeaders, move |tree| {
                let stats = tree.claimed().map(|process| process.stat.clone());
                _ = answer.send(stats.collect::<Vec<_>>());
            }));
            answered.recv_timeout(deadline.remaining()).unwrap_or_default()
        };
        end_all(END_BOUND, scan);
    }

    /// Must be called in a tokio runtime. Processes whose parents have ended are found in a subreaper
    /// only.
    fn measure(&self) -> impl Future<Output = HashMap<u32, Usage>> + Send + use<> {
        let registry = Arc::clone(&self.registry);
        let orphans = self.tracker.scan(ScanScope::Adopted, |tree| {
            let orphans = tree.claimed().filter_map(|found| Some((found.run?, found.stat.clone())));
            orphans.collect::<Vec<_>>()
        });
        async move {
            let orphans = orphans.await.unwrap_or_default();
            let measured = tokio::task::spawn_blocking(move || usage::measure(&registry, &orphans));
            measured.await.unwrap_or_default()
        }
    }

    /// Must be called in a tokio runtime.
    fn listener(
        &self,
        place: ListenPlace,
        leader: Option<u32>,
    ) -> impl Future<Output = Listener> + Send + use<> {
        let (listeners, tracker) = (Arc::clone(&self.listeners), self.tracker.clone());
        let token = leader.and_then(|pid| self.registry.lock().get(&pid).map(|entry| entry.token));
        async move {
            let look_up = move || listeners.look_up(&place, leader);
            let Ok(verdict) = tokio::task::spawn_blocking(look_up).await else {
                return Listener::Unchecked;
            };
            let (Some(orphan), Some(token)) = (verdict.orphan, token) else {
                return verdict.listener;
            };
            let is_of_run = tracker.scan(ScanScope::Run(token), move |tree| {
                tree.of(token).any(|process| process.stat.pid == orphan)
            });
            if is_of_run.await.unwrap_or(false) { Listener::Own } else { verdict.listener }
        }
    }

    /// Must be called in a tokio runtime with I/O and time; queued at the call, not at the first
    /// poll.
    fn launch(
        &self,
        launch: Launch,
    ) -> impl Future<Output = Result<RealChild, StartError>> + Send + use<> {
        let host = self.clone();
        let mut answered = self.spawners.launch(Box::new(launch));
        async move {
            let mut retries = MAX_RETRIES;
            loop {
                match answered.await.map_err(|_| spawn::no_spawner())? {
                    Ok(spawned) => {
                        return RealChild::new(spawned, host.tracker.clone())
                            .map_err(|error| resource("cannot watch the process", &error));
                    }
                    Err(SpawnFailure::Busy(launch)) if retries > 0 => {
                        retries -= 1;
                        tokio::time::sleep(RETRY_DELAY).await;
                        answered = host.spawners.launch(launch);
                    }
                    Err(SpawnFailure::Busy(launch)) => {
                        let program = launch.argv.first().map(|program| program.to_string_lossy());
                        let program = program.unwrap_or_default();
                        let message = format!("{program:?} is open for writing elsewhere");
                        return Err(StartError { kind: StartErrorKind::Other, message });
                    }
                    Err(SpawnFailure::Failed(error)) => return Err(error),
                }
            }
        }
    }
}
