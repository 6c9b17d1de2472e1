//! The host that runs real processes.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::child::RealChild;
use super::deadline::{Deadline, pause};
use super::journal::SessionStrayRules;
use super::kill;
use super::launch_plan::resource;
use super::listeners::{ListenPlace, Listener, Listeners, LookupResult};
use super::own_process::adopts_orphans;
use super::preflight;
use super::registry::Registry;
use super::spawn::{self, SpawnFailure};
use super::spawners::Spawners;
use super::stray::{FoundProcess, ProcessTree, ScanScope, StrayTracker, without};
use super::sweep::{Sweep, SweepRound};
use super::usage::{self, Usage};
use super::{Descendant, Host, HostOptions, Launch};
use crate::spec::{Signal, StartError, StartErrorKind};

/// The number of attempts for a program that is open for writing, with a pause in between.
const BUSY_TRIES: usize = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(50);
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
            registry.numbers.disable();
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
        self.tracker.ask(ScanScope::Adopted, ProcessTree::reap).await.unwrap_or_default()
    }

    /// Returns live adopted processes of runs that no longer exist: those that cleared their environment
    /// and lost their parent, and those that ended runs left behind, except what `spare` leaves alive.
    ///
    /// Only meaningful in a subreaper that creates all its children through this host.
    pub async fn unclaimed(&self, spare: SessionStrayRules) -> Vec<Descendant> {
        let look = self.tracker.ask(ScanScope::Adopted, move |tree| {
            let left = without(tree.unclaimed(), |one| spare.spares_stray(&one.stat));
            left.into_iter().map(FoundProcess::describe).collect()
        });
        look.await.unwrap_or_default()
    }

    /// Ends everything below this process, including leaders, except what `spare` leaves alive; returns
    /// the processes that cannot be ended. Takes at most two seconds.
    ///
    /// Leaders stay with their [`RealChild`], which notices their end and reaps them. Nothing may be
    /// launched meanwhile: a child that is just being created can be missed.
    pub async fn kill_all(&self, spare: SessionStrayRules) -> Vec<Descendant> {
        let spare = Arc::new(spare);
        let deadline = Deadline::after(KILL_BOUND);
        let mut sweep = Sweep::default();
        loop {
            let spare = Arc::clone(&spare);
            let round = self.tracker.ask(ScanScope::All, move |tree| {
                if adopts_orphans() {
                    tree.reap();
                }
                let going =
                    without(tree.all(), |one| !one.is_leader && spare.spares_stray(&one.stat));
                let next = sweep.round(going.iter().map(|one| &one.stat));
                let left: Vec<FoundProcess> = going.into_iter().cloned().collect();
                (sweep, next, left)
            });
            let Some((after, next, left)) = round.await else {
                self.kill_groups();
                return Vec::new();
            };
            sweep = after;
            match next {
                SweepRound::Look(span) if !deadline.is_over() => tokio::time::sleep(span).await,
                SweepRound::Done | SweepRound::Look(_) => {
                    return left.iter().map(FoundProcess::describe).collect();
                }
            }
        }
    }

    /// The fallback if the descendants cannot be determined.
    fn kill_groups(&self) {
        for leader in self.registry.lock().keys() {
            // A group that is gone needs no signal.
            _ = kill::group(*leader, Signal::KILL);
        }
    }
}

impl Host for RealHost {
    type Child = RealChild;

    fn preflight(&self, launch: Launch) -> Result<(), StartError> {
        preflight::look(launch, self.descriptors)
    }

    fn may_end(&self, pid: u32) -> io::Result<()> {
        kill::may_signal(pid)
    }

    fn end_everything(&self) {
        self.kill_groups();
        let deadline = Deadline::after(END_BOUND);
        let mut sweep = Sweep::default();
        while !self.registry.lock().is_empty() && !deadline.is_over() {
            let (answer, answered) = mpsc::channel();
            let look = self.tracker.ask(ScanScope::Mine, move |tree| {
                let alive: Vec<_> = tree.claimed().map(|one| one.stat.clone()).collect();
                let next = sweep.round(&alive);
                _ = answer.send((sweep, next));
            });
            // The request is queued by the call; the answer needs no runtime.
            drop(look);
            match answered.recv_timeout(END_BOUND) {
                Ok((after, SweepRound::Look(span))) => {
                    sweep = after;
                    pause(span);
                }
                Ok((_, SweepRound::Done)) | Err(_) => return,
            }
        }
    }

    /// Must be called in a tokio runtime. Processes whose parents have ended are found in a subreaper
    /// only.
    fn measure(&self) -> impl Future<Output = HashMap<u32, Usage>> + Send + use<> {
        let registry = Arc::clone(&self.registry);
        let orphans = self.tracker.ask(ScanScope::Adopted, |tree| {
            tree.claimed().filter_map(|one| Some((one.run?, one.stat.clone()))).collect::<Vec<_>>()
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
        let token = leader.and_then(|pid| self.registry.lock().get(&pid).map(|one| one.token));
        async move {
            let look = move || listeners.look(&place, leader);
            let Ok(seen) = tokio::task::spawn_blocking(look).await else {
                return Listener::Unchecked;
            };
            let (LookupResult::Orphan(holder), Some(token)) = (&seen, token) else {
                return seen.settle(|_| false);
            };
            let pid = holder.pid;
            let tree = tracker.ask(ScanScope::Run(token), move |tree| {
                tree.of(token).any(|one| one.stat.pid == pid)
            });
            let is_of_run = tree.await.unwrap_or(false);
            seen.settle(|_| is_of_run)
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
            let mut tries = BUSY_TRIES;
            loop {
                match answered.await.map_err(|_| spawn::no_spawner())? {
                    Ok(spawned) => {
                        return RealChild::new(spawned, host.tracker.clone())
                            .map_err(|error| resource("cannot watch the process", &error));
                    }
                    Err(SpawnFailure::Failed(error)) => return Err(error),
                    Err(SpawnFailure::Busy(launch)) => {
                        let Some(left) = tries.checked_sub(1) else {
                            return Err(busy(&launch));
                        };
                        tries = left;
                        tokio::time::sleep(BUSY_PAUSE).await;
                        answered = host.spawners.launch(launch);
                    }
                }
            }
        }
    }
}

fn busy(launch: &Launch) -> StartError {
    let program = launch.argv.first().map(|text| text.to_string_lossy()).unwrap_or_default();
    let message = format!("{program:?} is open for writing elsewhere");
    StartError { kind: StartErrorKind::Other, message }
}
