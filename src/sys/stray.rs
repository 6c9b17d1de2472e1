//! Stray scanner: one thread finds the descendants of runs, on behalf of all tasks.
//!
//! All requests that come during a scan share the next one, so a thousand runs that end together cost
//! a handful of scans. A scan lists our own children (0.24 ms for a thousand), leaves the leaders out,
//! and follows only the rest and the leaders that were asked about. That is complete if this process
//! is a subreaper, because orphans are then re-parented to it. Otherwise all of `/proc` is also
//! searched for the groups and marker variables of the runs asked about.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{WaitOptions, waitpid};
use tokio::sync::oneshot;

use super::deadline::{Deadline, pause};
use super::own_process::adopts_orphans;
use super::proc::{self, ChildTable, ProcessIdentity, ProcessMarker, Stat, Subtrees};
use super::registry::{CLONING, Registry, RunToken};
use super::sweep::{Sweep, SweepRound};
use super::{Descendant, kill, nested_sessions};
use crate::spec::Stray;

/// The processes a scan must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanScope {
    /// Adopted orphans only.
    Adopted,
    /// Adopted orphans and the tree of one leader.
    Run(RunToken),
    /// The same for a leader that has ended: what it left is among the orphans, so it need not be
    /// followed, and most often nothing is left.
    Ended(RunToken),
    /// The trees of all leaders.
    AllLeaders,
    /// Everything below this process, leaders too.
    All,
}

/// A request: a function that runs on the thread, on a scan that began after the request.
struct ScanRequest {
    scope: ScanScope,
    answer: Box<dyn FnOnce(&ProcessTree) + Send>,
}

/// A handle of the scanner thread.
#[derive(Debug, Clone)]
pub(super) struct StrayTracker {
    requests: mpsc::Sender<ScanRequest>,
}

impl StrayTracker {
    /// Starts the thread. It ends when the last handle is dropped.
    pub(super) fn start(registry: Arc<Registry>) -> std::io::Result<Self> {
        let (requests, received) = mpsc::channel();
        let started = proc::stat(std::process::id()).map_or(0, |stat| stat.start);
        let mut scanner = ProcessScanner { registry, known: HashMap::new(), started };
        std::thread::Builder::new()
            .name("pitcrew-strays".to_owned())
            .spawn(move || scanner.run(&received))?;
        Ok(Self { requests })
    }

    /// Requests a scan; queued by the call, not by the first poll. `None` only if the scan failed by a
    /// fault of ours.
    pub(super) fn scan<T, A>(
        &self,
        scope: ScanScope,
        answer: A,
    ) -> impl Future<Output = Option<T>> + Send + use<T, A>
    where
        T: Send + 'static,
        A: FnOnce(&ProcessTree) -> T + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let answer = Box::new(move |tree: &ProcessTree| {
            let _ = send.send(answer(tree));
        });
        let is_queued = self.requests.send(ScanRequest { scope, answer }).is_ok();
        async move { if is_queued { receive.await.ok() } else { None } }
    }

    /// Kills the processes that `select` picks from each scan, for at most `bound`; returns those that are
    /// left. `None` if a scan failed.
    pub(super) async fn kill(
        &self,
        scope: ScanScope,
        bound: Duration,
        select: impl Fn(&ProcessTree) -> Vec<FoundProcess> + Send + Sync + 'static,
    ) -> Option<Vec<FoundProcess>> {
        let (select, deadline) = (Arc::new(select), Deadline::after(bound));
        let mut sweep = Sweep::default();
        loop {
            let select = Arc::clone(&select);
            let round = self.scan(scope, move |tree| {
                let alive = select(tree);
                let next = sweep.round(alive.iter().map(|process| &process.stat));
                (sweep, next, alive)
            });
            let (after, next, alive) = round.await?;
            sweep = after;
            match next {
                SweepRound::ScanAfter(delay) if !deadline.is_over() => {
                    tokio::time::sleep(delay).await;
                }
                SweepRound::Done | SweepRound::ScanAfter(_) => return Some(alive),
            }
        }
    }
}

/// A live process below us.
#[derive(Debug, Clone)]
pub(super) struct FoundProcess {
    pub(super) stat: Stat,
    /// The run it belongs to, if that was not reaped.
    pub(super) run: Option<RunToken>,
    pub(super) is_leader: bool,
    /// Whether it is in the group of the leader.
    pub(super) in_group: bool,
    /// Whether it is in the session that the leader leads. An interactive shell makes a group of each of
    /// its jobs.
    pub(super) in_session: bool,
}

impl FoundProcess {
    pub(super) fn describe(&self) -> Descendant {
        Descendant {
            stray: Stray { pid: self.stat.pid, command: proc::command_line(&self.stat) },
            program: self.stat.program.clone(),
            in_group: self.in_group,
            is_dying: proc::is_dying(self.stat.pid),
        }
    }
}

/// The result of a scan, parents before their children.
#[derive(Debug, Default)]
pub(super) struct ProcessTree {
    /// All processes, leaders too.
    pub(super) found: Vec<FoundProcess>,
    /// Adopted children that have ended.
    zombies: Vec<u32>,
}

impl ProcessTree {
    /// The descendants of one run, without its leader.
    pub(super) fn of(&self, run: RunToken) -> impl Iterator<Item = &FoundProcess> {
        self.claimed().filter(move |process| process.run == Some(run))
    }

    /// The processes of runs that no longer exist.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter().filter(|process| process.run.is_none())
    }

    /// The processes of existing runs, without the leaders.
    pub(super) fn claimed(&self) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter().filter(|process| process.run.is_some() && !process.is_leader)
    }

    /// Reaps adopted orphans that have ended, each by its pid, never "any child".
    pub(super) fn reap(&self) -> usize {
        let reap = |pid: &&u32| {
            let pid = kill::pid_of(**pid).ok();
            pid.is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))))
        };
        self.zombies.iter().filter(reap).count()
    }
}

/// Leaves out the processes that `is_spared` selects, and everything below them.
pub(super) fn without<'a>(
    found: impl Iterator<Item = &'a FoundProcess>,
    mut is_spared: impl FnMut(&FoundProcess) -> bool,
) -> Vec<&'a FoundProcess> {
    let mut spared = Subtrees::default();
    found.filter(|process| !spared.contains(&process.stat, || is_spared(process))).collect()
}

/// The state of the scanner thread.
struct ProcessScanner {
    registry: Arc<Registry>,
    /// Processes that earlier scans assigned to a run: they stay with it after they have cleared their
    /// environment and lost their parent.
    known: HashMap<ProcessIdentity, RunToken>,
    /// When this process started: no descendant is older.
    started: u64,
}

/// The runs that a scan knows.
#[derive(Default)]
struct KnownRuns {
    by_leader: HashMap<u32, RunToken>,
    /// The leaders that lead a session.
    by_session: HashMap<u32, RunToken>,
    by_marker: HashMap<ProcessMarker, RunToken>,
    launching: Vec<i64>,
}

/// A scan in progress.
struct Scan<'a> {
    scanner: &'a ProcessScanner,
    children: ChildTable,
    runs: KnownRuns,
    visited: HashSet<u32>,
    tree: ProcessTree,
}

impl ProcessScanner {
    fn run(&mut self, requests: &mpsc::Receiver<ScanRequest>) {
        while let Ok(first) = requests.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(requests.try_iter()).collect();
            // A panic in one scan must not prevent later ones: the request gets no answer.
            _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let scopes: Vec<_> = batch.iter().map(|request| request.scope).collect();
                let tree = self.scan(&scopes);
                for request in batch {
                    (request.answer)(&tree);
                }
            }));
        }
    }

    fn scan(&mut self, scopes: &[ScanScope]) -> ProcessTree {
        let all = scopes.contains(&ScanScope::All);
        let (mut wanted, mut ended) = (HashSet::new(), HashSet::new());
        for scope in scopes {
            match scope {
                ScanScope::Run(token) => _ = wanted.insert(*token),
                ScanScope::Ended(token) => _ = ended.insert(*token),
                ScanScope::AllLeaders => {
                    wanted.extend(self.registry.lock().values().map(|entry| entry.token));
                }
                ScanScope::Adopted | ScanScope::All => {}
            }
        }
        let mut scan = Scan {
            scanner: self,
            children: ChildTable::default(),
            runs: KnownRuns::default(),
            visited: HashSet::new(),
            tree: ProcessTree::default(),
        };
        // A process that is orphaned between our list of children and that of its parent is in neither: scan
        // until a list contains no new process.
        for _ in 0..8 {
            scan.children = ChildTable::read();
            let own_children;
            (own_children, scan.runs) = self.own_children(&scan.children);
            let before = scan.visited.len();
            for pid in own_children {
                let is_launching = scan.runs.launching.contains(&i64::from(pid));
                let is_unwanted = |token| !all && !wanted.contains(token);
                if !is_launching && !scan.runs.by_leader.get(&pid).is_some_and(is_unwanted) {
                    scan.follow(pid);
                }
            }
            if scan.visited.len() == before {
                break;
            }
        }
        wanted.extend(ended);
        if !wanted.is_empty() && !adopts_orphans() {
            // The runs asked about existed before the scan.
            scan.runs.by_leader.retain(|_, token| wanted.contains(token));
            scan.runs.by_session.retain(|_, token| wanted.contains(token));
            scan.runs.by_marker.retain(|_, token| wanted.contains(token));
            scan.search_everywhere(&wanted);
        }
        let tree = scan.tree;
        self.remember(&tree);
        tree
    }

    /// Lists our own children, and which of them are leaders. The lock prevents reaping meanwhile, so the
    /// list is complete; the order (list first, then the children being launched) ensures that a child
    /// that was just cloned is recognised.
    fn own_children(&self, children: &ChildTable) -> (Vec<u32>, KnownRuns) {
        let listed = {
            let _no_reaps = self.registry.lock();
            children.of(std::process::id())
        };
        let settled = |slot: &AtomicI64| loop {
            match slot.load(Ordering::SeqCst) {
                CLONING => pause(Duration::from_micros(50)),
                pid => break pid,
            }
        };
        let launching = self.registry.launching.iter().map(settled).collect();
        let leaders = self.registry.lock();
        let by_leader = leaders.iter().map(|(pid, entry)| (*pid, entry.token)).collect();
        let sessions = leaders.iter().filter(|(_, entry)| entry.leads_session);
        let by_session = sessions.map(|(pid, entry)| (*pid, entry.token)).collect();
        let by_marker = leaders
            .values()
            .filter_map(|entry| Some((entry.marker.clone()?, entry.token)))
            .collect();
        (listed, KnownRuns { by_leader, by_session, by_marker, launching })
    }

    fn remember(&mut self, tree: &ProcessTree) {
        let leaders = self.registry.lock();
        let live: HashSet<RunToken> = leaders.values().map(|entry| entry.token).collect();
        drop(leaders);
        self.known.retain(|_, token| live.contains(token));
        let found = tree.found.iter().filter(|process| !process.is_leader);
        self.known.extend(found.filter_map(|found| Some((found.stat.identity(), found.run?))));
    }
}

impl Scan<'_> {
    /// Adds a child and everything below it, as far as they are new.
    fn follow(&mut self, root: u32) {
        let mut queue = VecDeque::from([(root, None::<RunToken>, true)]);
        while let Some((pid, parents_run, is_root)) = queue.pop_front() {
            if !self.visited.insert(pid) {
                continue;
            }
            let Some(stat) = proc::stat(pid) else { continue };
            let led_run = self.runs.by_leader.get(&pid).copied().filter(|_| is_root);
            if stat.zombie {
                if is_root && led_run.is_none() {
                    self.tree.zombies.push(pid);
                }
                continue;
            }
            if led_run.is_none() && nested_sessions::is_project(&stat) {
                continue;
            }
            let run = led_run.or(parents_run).or_else(|| self.attribute(&stat));
            queue.extend(self.children.of(pid).into_iter().map(|child| (child, run, false)));
            let in_group = run.is_some() && self.runs.by_leader.get(&stat.group).copied() == run;
            let session = self.runs.by_session.get(&stat.session).copied();
            let in_session = run.is_some() && session == run;
            let is_leader = led_run.is_some();
            self.tree.found.push(FoundProcess { stat, run, is_leader, in_group, in_session });
        }
    }

    /// Finds the run of an orphan, by its group or session, an earlier scan, or its markers.
    fn attribute(&self, stat: &Stat) -> Option<RunToken> {
        let by_group = self.runs.by_leader.get(&stat.group);
        let by_group = by_group.or_else(|| self.runs.by_session.get(&stat.session)).copied();
        by_group.or_else(|| self.scanner.known.get(&stat.identity()).copied()).or_else(|| {
            if self.runs.by_marker.is_empty() {
                return None;
            }
            self.runs.by_marker.get(&proc::marker(stat.pid)).copied()
        })
    }

    /// Checks all processes younger than the leaders: without a subreaper orphans are re-parented
    /// elsewhere.
    fn search_everywhere(&mut self, wanted: &HashSet<RunToken>) {
        let registry = &self.scanner.registry;
        let (leaders, oldest) = {
            let leaders = registry.lock();
            let wanted = leaders.iter().filter(|(_, entry)| wanted.contains(&entry.token));
            let oldest = wanted.min_by_key(|(_, entry)| entry.cloned_after);
            let oldest = oldest.map(|(pid, entry)| (*pid, entry.cloned_after));
            (leaders.keys().copied().collect::<HashSet<u32>>(), oldest)
        };
        self.children = ChildTable::read();
        // A process that is orphaned meanwhile has a later pid than its parent, so it is checked later.
        let Some((first, cloned_after)) = oldest else { return };
        let mut from = first + 1;
        while let Some(pids) = registry.recent_pids.after(first, cloned_after) {
            let next = pids.end() + 1;
            if from >= next {
                return;
            }
            for pid in (from..next).filter(|pid| !leaders.contains(pid)) {
                // Descendants of a remaining process are found with it.
                if let Some(stat) = proc::stat(pid).filter(|stat| registry.adopts(stat.parent)) {
                    self.claim(&stat);
                }
            }
            from = next;
        }
        for stat in proc::processes() {
            self.claim(&stat);
        }
    }

    /// Adds a process and everything below it, if it belongs to one of these runs and is new.
    fn claim(&mut self, stat: &Stat) {
        let pid = stat.pid;
        let is_leader = self.runs.by_leader.contains_key(&pid);
        let is_older = stat.start < self.scanner.started;
        let is_excluded = stat.zombie || is_leader || is_older || pid == std::process::id();
        if !is_excluded
            && !self.visited.contains(&pid)
            && self.attribute(stat).is_some()
            && proc::is_process(pid)
        {
            self.follow(pid);
        }
    }
}
