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

use rustix::process::{Pid, WaitOptions, waitpid};
use tokio::sync::oneshot;

use super::Descendant;
use super::deadline::pause;
use super::nested_sessions;
use super::own_process::adopts_orphans;
use super::proc::{self, ChildTable, ProcessMarker, Stat};
use super::registry::{CLONING, Registry, RunToken};
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
    Mine,
    /// Everything below this process, leaders too.
    All,
}

/// A request: a function that runs on the thread, on a scan that began after the request.
pub(super) struct ScanRequest {
    scope: ScanScope,
    answer: Box<dyn FnOnce(&ProcessTree) + Send>,
}

#[derive(Debug, Clone)]
pub(super) struct StrayTracker {
    questions: mpsc::Sender<ScanRequest>,
}

impl StrayTracker {
    /// Starts the thread. It ends when the last handle is dropped.
    pub(super) fn start(registry: Arc<Registry>) -> std::io::Result<Self> {
        let (questions, asked) = mpsc::channel();
        let mut looker = ProcessScanner { registry, known: HashMap::new(), born: started() };
        std::thread::Builder::new()
            .name("pitcrew-strays".to_owned())
            .spawn(move || looker.run(&asked))?;
        Ok(Self { questions })
    }

    /// Requests a scan; `None` only if the scan failed by a fault of ours.
    pub(super) fn ask<T, A>(
        &self,
        scope: ScanScope,
        answer: A,
    ) -> impl Future<Output = Option<T>> + Send + use<T, A>
    where
        T: Send + 'static,
        A: FnOnce(&ProcessTree) -> T + Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        let question = ScanRequest {
            scope,
            answer: Box::new(move |tree| {
                let _ = send.send(answer(tree));
            }),
        };
        let asked = self.questions.send(question);
        async move {
            asked.ok()?;
            receive.await.ok()
        }
    }
}

fn started() -> u64 {
    proc::stat(std::process::id()).map_or(0, |stat| stat.start)
}

/// A live process below us.
#[derive(Debug, Clone)]
pub(super) struct FoundProcess {
    pub(super) stat: Stat,
    /// The run it belongs to, if that was not reaped.
    pub(super) run: Option<RunToken>,
    pub(super) is_leader: bool,
    in_group: bool,
}

impl FoundProcess {
    pub(super) fn is_in_group(&self) -> bool {
        self.in_group
    }

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
    found: Vec<FoundProcess>,
    /// Adopted children that have ended.
    zombies: Vec<u32>,
}

impl ProcessTree {
    /// The descendants of one run, without its leader.
    pub(super) fn of(&self, run: RunToken) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter().filter(move |one| one.run == Some(run) && !one.is_leader)
    }

    /// The processes of runs that no longer exist.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter().filter(|one| one.run.is_none())
    }

    /// The processes of existing runs, without the leaders.
    pub(super) fn claimed(&self) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter().filter(|one| one.run.is_some() && !one.is_leader)
    }

    /// Everyone, leaders too.
    pub(super) fn all(&self) -> impl Iterator<Item = &FoundProcess> {
        self.found.iter()
    }

    /// Reaps adopted orphans that have ended, each by its pid, never "any child".
    pub(super) fn reap(&self) -> usize {
        let reap = |pid: &&u32| {
            let pid = i32::try_from(**pid).ok().and_then(Pid::from_raw);
            pid.is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_))))
        };
        self.zombies.iter().filter(reap).count()
    }
}

/// Leaves out the processes that `spared` selects, and everything below them.
pub(super) fn without<'a>(
    found: impl Iterator<Item = &'a FoundProcess>,
    mut spared: impl FnMut(&FoundProcess) -> bool,
) -> Vec<&'a FoundProcess> {
    let mut kept = HashSet::new();
    found
        .filter(|one| {
            let keep = kept.contains(&one.stat.parent) || spared(one);
            if keep {
                kept.insert(one.stat.pid);
            }
            !keep
        })
        .collect()
}

struct ProcessScanner {
    registry: Arc<Registry>,
    /// Processes that earlier scans assigned to a run: they stay with it after they have cleared their
    /// environment and lost their parent.
    known: HashMap<(u32, u64), RunToken>,
    /// When this process started: no descendant is older.
    born: u64,
}

/// The runs that a scan knows.
struct KnownRuns {
    by_leader: HashMap<u32, RunToken>,
    by_marker: HashMap<ProcessMarker, RunToken>,
    launching: Vec<i64>,
}

impl ProcessScanner {
    fn run(&mut self, asked: &mpsc::Receiver<ScanRequest>) {
        while let Ok(first) = asked.recv() {
            let batch: Vec<ScanRequest> = std::iter::once(first).chain(asked.try_iter()).collect();
            // A panic in one scan must not prevent later ones: the request gets no answer.
            _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let scopes: Vec<_> = batch.iter().map(|question| question.scope).collect();
                let tree = self.look(&scopes);
                for question in batch {
                    (question.answer)(&tree);
                }
            }));
        }
    }

    /// Lists our own children, and which of them are leaders. The lock prevents reaping meanwhile, so the
    /// list is complete; the order (list first, then the children being launched) ensures that a child
    /// that was just cloned is recognised.
    fn own_children(&self, children: &ChildTable) -> (Vec<u32>, KnownRuns) {
        let listed = {
            let _no_reaps = self.registry.lock();
            children.of(std::process::id())
        };
        let settled = |one: &AtomicI64| loop {
            match one.load(Ordering::SeqCst) {
                CLONING => pause(Duration::from_micros(50)),
                other => break other,
            }
        };
        let launching = self.registry.launching.iter().map(settled).collect();
        let leaders = self.registry.lock();
        let by_leader = leaders.iter().map(|(pid, entry)| (*pid, entry.token)).collect();
        let by_marker = leaders
            .values()
            .filter_map(|entry| Some((entry.marker.clone()?, entry.token)))
            .collect();
        (listed, KnownRuns { by_leader, by_marker, launching })
    }

    fn look(&mut self, scopes: &[ScanScope]) -> ProcessTree {
        let all = scopes.contains(&ScanScope::All);
        let (mut wanted, mut ended) = (HashSet::new(), HashSet::new());
        for scope in scopes {
            match scope {
                ScanScope::Run(token) => _ = wanted.insert(*token),
                ScanScope::Ended(token) => _ = ended.insert(*token),
                ScanScope::Mine => wanted.extend(self.registry.lock().values().map(|e| e.token)),
                ScanScope::Adopted | ScanScope::All => {}
            }
        }
        let mut tree = ProcessTree::default();
        let mut met = HashSet::new();
        let mut known = None;
        // A process that is orphaned between our list of children and that of its parent is in neither: scan
        // until a list contains no new process.
        for _ in 0..8 {
            let children = ChildTable::look();
            let (own, runs) = self.own_children(&children);
            let before = met.len();
            for pid in own {
                if runs.launching.contains(&i64::from(pid)) || met.contains(&pid) {
                    continue;
                }
                match runs.by_leader.get(&pid) {
                    Some(token) if !all && !wanted.contains(token) => {}
                    _ => self.follow(pid, &runs, &children, &mut met, &mut tree),
                }
            }
            known = Some(runs);
            if met.len() == before {
                break;
            }
        }
        wanted.extend(ended);
        if let (Some(mut runs), false) = (known, wanted.is_empty() || adopts_orphans()) {
            // The runs asked about existed before the scan.
            runs.by_leader.retain(|_, token| wanted.contains(token));
            runs.by_marker.retain(|_, token| wanted.contains(token));
            self.look_everywhere(&wanted, &runs, &mut met, &mut tree);
        }
        self.remember(&tree);
        tree
    }

    /// Adds a child and everything below it.
    fn follow(
        &self,
        root: u32,
        runs: &KnownRuns,
        children: &ChildTable,
        met: &mut HashSet<u32>,
        tree: &mut ProcessTree,
    ) {
        let mut queue = VecDeque::from([(root, None::<RunToken>, true)]);
        while let Some((pid, parents_run, is_root)) = queue.pop_front() {
            if !met.insert(pid) {
                continue;
            }
            let Some(stat) = proc::stat(pid) else { continue };
            let leads = is_root.then(|| runs.by_leader.get(&pid).copied()).flatten();
            if stat.zombie {
                if is_root && leads.is_none() {
                    tree.zombies.push(pid);
                }
                continue;
            }
            if leads.is_none() && nested_sessions::is_project(&stat) {
                continue;
            }
            let run = leads.or(parents_run).or_else(|| self.attribute(&stat, runs));
            queue.extend(children.of(pid).into_iter().map(|child| (child, run, false)));
            let in_group = run.is_some() && runs.by_leader.get(&stat.group).copied() == run;
            tree.found.push(FoundProcess { stat, run, is_leader: leads.is_some(), in_group });
        }
    }

    /// Finds the run of an orphan, by its group, an earlier scan, or its markers.
    fn attribute(&self, stat: &Stat, runs: &KnownRuns) -> Option<RunToken> {
        let by_group = runs.by_leader.get(&stat.group).copied();
        by_group.or_else(|| self.known.get(&stat.identity()).copied()).or_else(|| {
            if runs.by_marker.is_empty() {
                return None;
            }
            runs.by_marker.get(&proc::marker(stat.pid)).copied()
        })
    }

    /// Without a subreaper orphans are re-parented elsewhere: all processes younger than the leaders are
    /// checked.
    fn look_everywhere(
        &self,
        wanted: &HashSet<RunToken>,
        runs: &KnownRuns,
        met: &mut HashSet<u32>,
        tree: &mut ProcessTree,
    ) {
        let (leaders, oldest) = {
            let leaders = self.registry.lock();
            let asked = leaders.iter().filter(|(_, entry)| wanted.contains(&entry.token));
            let oldest = asked.min_by_key(|(_, entry)| entry.made).map(|(pid, e)| (*pid, e.made));
            (leaders.keys().copied().collect::<HashSet<u32>>(), oldest)
        };
        let children = ChildTable::look();
        // A process that is orphaned meanwhile has a later pid than its parent, and is met later.
        let Some((first, made)) = oldest else { return };
        let mut from = first + 1;
        while let Some(numbers) = self.registry.numbers.after(first, made) {
            let next = numbers.end() + 1;
            if from >= next {
                return;
            }
            for pid in (from..next).filter(|pid| !leaders.contains(pid)) {
                // Processes below a remaining one are found with it.
                let stat = proc::stat(pid).filter(|stat| self.registry.adopts(stat.parent));
                if let Some(stat) = stat {
                    self.claim(&stat, runs, &children, met, tree);
                }
            }
            from = next;
        }
        for stat in proc::everyone() {
            self.claim(&stat, runs, &children, met, tree);
        }
    }

    /// Adds a process and everything below it, if it belongs to one of these runs and is new.
    fn claim(
        &self,
        stat: &Stat,
        runs: &KnownRuns,
        children: &ChildTable,
        met: &mut HashSet<u32>,
        tree: &mut ProcessTree,
    ) {
        let (pid, leads) = (stat.pid, runs.by_leader.contains_key(&stat.pid));
        let is_ours = pid == std::process::id();
        if stat.zombie || leads || is_ours || stat.start < self.born || met.contains(&pid) {
            return;
        }
        if self.attribute(stat, runs).is_some() && proc::is_process(pid) {
            self.follow(pid, runs, children, met, tree);
        }
    }

    fn remember(&mut self, tree: &ProcessTree) {
        let live: HashSet<RunToken> = self.registry.lock().values().map(|e| e.token).collect();
        self.known.retain(|_, token| live.contains(token));
        let found = tree.found.iter().filter(|one| !one.is_leader);
        self.known.extend(found.filter_map(|one| Some((one.stat.identity(), one.run?))));
    }
}
