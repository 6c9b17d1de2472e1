//! The watch thread: waits for kernel events, reads folders, and reports changes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::compiled_plan::CompiledPlan;
use super::debouncer::{ChangeBatch, Debouncer, MAX_DELAY};
use super::inotify::Inotify;
use super::messages;
use super::tree::{FolderTree, RunStarts};
use super::{ClockPair, WatchPlan, WatchReport, WatchTarget};

/// The number of folders read between two reads of the kernel's event queue, which is bounded.
const FOLDERS_PER_TURN: usize = 64;
/// The minimum time between two polls of folders that the kernel does not watch.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The minimum ratio of the time between two polls to the time that a poll takes.
const MIN_POLL_RATIO: u32 = 20;

/// A request to replace the watched targets; files that changed after this wall-clock time count.
type ReplaceRequest = (WatchPlan, Duration);

/// A handle of the watch thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    requests: Option<Sender<ReplaceRequest>>,
    wake: Arc<OwnedFd>,
    run_starts: RunStarts,
}

/// The thread's access to the clock and the engine.
pub(crate) struct WatchContext {
    pub(crate) now: Box<dyn Fn() -> ClockPair + Send>,
    /// Receives reports; must not block.
    pub(crate) report: Box<dyn Fn(WatchReport) + Send>,
}

impl Watcher {
    /// Starts the thread.
    pub(crate) fn start(plan: WatchPlan, context: WatchContext) -> std::io::Result<Self> {
        Self::start_with(plan, context, usize::MAX)
    }

    /// Starts the thread with a limit on the number of watched folders, for tests.
    pub(super) fn start_with(
        plan: WatchPlan,
        context: WatchContext,
        max_folders: usize,
    ) -> std::io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (requests, received) = channel();
        let (woken, run_starts) = (Arc::clone(&wake), RunStarts::default());
        let shared = run_starts.clone();
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut watch_loop = WatchLoop::new(plan, context, received, max_folders);
            watch_loop.tree.run_starts = shared;
            watch_loop.run(&woken);
        })?;
        Ok(Self { requests: Some(requests), wake, run_starts })
    }

    /// Replaces the watched targets as of this wall-clock time. Unfinished batches are reported first.
    pub(crate) fn watch(&self, plan: WatchPlan, wall: Duration) {
        if let Some(requests) = &self.requests {
            _ = requests.send((plan, wall));
        }
        self.wake();
    }

    /// Tells the thread that processes run from this wall-clock time on: files that change after it
    /// count, even if their folder is not watched yet.
    pub(crate) fn begin(&self, wall: Duration) {
        self.run_starts.set(wall);
    }

    fn wake(&self) {
        _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Watcher {
    /// Does not join the thread, which may be blocked on a file system that hangs.
    fn drop(&mut self) {
        self.requests = None;
        self.wake();
    }
}

/// The state of the watch thread.
struct WatchLoop {
    plan: WatchPlan,
    context: WatchContext,
    requests: Receiver<ReplaceRequest>,
    tree: FolderTree,
    /// One for each target with an unfinished batch.
    debouncers: Vec<Option<Debouncer>>,
    /// Whether [`WatchReport::Ready`] was sent.
    ready: bool,
    /// Whether the user knows that folders are polled.
    limit_reported: bool,
    /// When the current poll began, and when the next one is due.
    polling: Option<Duration>,
    next_poll: Duration,
}

impl WatchLoop {
    fn new(
        plan: WatchPlan,
        context: WatchContext,
        requests: Receiver<ReplaceRequest>,
        max_folders: usize,
    ) -> Self {
        let report_problem = |error| {
            let text = messages::no_queue(error);
            (context.report)(WatchReport::Problem { about: None, text });
        };
        let kernel = Inotify::open().map_err(report_problem).ok();
        let limit_reported = kernel.is_none();
        let rules = CompiledPlan::new(&plan);
        let debouncers = plan.targets.iter().map(|_| None).collect();
        let tree = FolderTree::new(rules, kernel, max_folders);
        Self {
            plan,
            context,
            requests,
            tree,
            debouncers,
            ready: false,
            limit_reported,
            polling: None,
            next_poll: Duration::ZERO,
        }
    }

    fn run(&mut self, woken: &OwnedFd) {
        loop {
            if self.wait(woken).is_err() || self.handle_requests().is_err() {
                return;
            }
            self.read_events();
            let now = (self.context.now)();
            self.tree.reread(now.wall);
            self.tree.work(FOLDERS_PER_TURN);
            let now = (self.context.now)().moment;
            self.note_changes(now);
            if self.tree.todo.is_empty() {
                self.on_idle(now);
            }
            self.close_due(now);
        }
    }

    /// Reads the pending kernel events.
    fn read_events(&mut self) {
        let events = self.tree.kernel.as_mut().map(Inotify::read).unwrap_or_default();
        for event in &events {
            self.tree.apply_event(event);
        }
    }

    /// Blocks until there is work to do.
    fn wait(&self, woken: &OwnedFd) -> Result<(), Errno> {
        let timeout = self.timeout().and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN)];
        if let Some(kernel) = &self.tree.kernel {
            fds.push(PollFd::from_borrowed_fd(kernel.fd(), PollFlags::IN));
        }
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut count = [0; 8];
        _ = rustix::io::read(woken, &mut count);
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.tree.todo.is_empty() {
            return Some(Duration::ZERO);
        }
        let polls = (!self.tree.polled.is_empty()).then_some(self.next_poll);
        let due_times = (0..self.debouncers.len()).filter_map(|target| self.due(target));
        let next = due_times.chain(polls).min()?;
        Some(next.saturating_sub((self.context.now)().moment))
    }

    /// Returns when a batch is complete. While folders with possible further changes are still to be
    /// read, this is the latest time.
    fn due(&self, target: usize) -> Option<Duration> {
        let batch = self.debouncers.get(target)?.as_ref()?;
        let debounce = self.plan.targets.get(target)?.debounce;
        let min_delay = if self.tree.may_detect() { MAX_DELAY } else { debounce };
        Some(batch.due(debounce.max(min_delay)))
    }

    /// Handles pending requests; returns an error if the handle was dropped.
    fn handle_requests(&mut self) -> Result<(), TryRecvError> {
        loop {
            match self.requests.try_recv() {
                Ok((plan, wall)) => self.replace(plan, wall),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(error @ TryRecvError::Disconnected) => return Err(error),
            }
        }
    }

    /// An unchanged plan is not read again: a file removed in between would be missed.
    fn replace(&mut self, plan: WatchPlan, wall: Duration) {
        if plan == self.plan {
            return;
        }
        self.read_events();
        self.note_changes((self.context.now)().moment);
        for target in 0..self.debouncers.len() {
            self.close(target);
        }
        self.tree.replace(CompiledPlan::new(&plan), wall);
        self.debouncers = plan.targets.iter().map(|_| None).collect();
        (self.plan, self.ready) = (plan, false);
    }

    fn note_changes(&mut self, now: Duration) {
        for change in std::mem::take(&mut self.tree.changes) {
            if let Some(batch) = self.debouncers.get_mut(usize::from(change.target)) {
                let batch = batch.get_or_insert_with(|| Debouncer::new(now));
                batch.add(now, change.path, change.age);
            }
        }
    }

    /// Handles the moment when all folders are read.
    fn on_idle(&mut self, now: Duration) {
        self.tree.drop_unused_watches();
        if !std::mem::replace(&mut self.ready, true) {
            for (target, text) in messages::warnings(&self.tree, &self.plan) {
                let target = self.plan.targets.get(usize::from(target));
                let about = target.map(|target| target.owner.clone());
                (self.context.report)(WatchReport::Problem { about, text });
            }
            (self.context.report)(WatchReport::Ready);
        }
        let polled = self.tree.polled.len();
        if polled > 0 && !std::mem::replace(&mut self.limit_reported, true) {
            let text = messages::limit(polled);
            (self.context.report)(WatchReport::Problem { about: None, text });
        }
        if let Some(start) = self.polling.take() {
            let duration = now.saturating_sub(start);
            self.next_poll = now + POLL_INTERVAL.max(duration * MIN_POLL_RATIO);
        } else if polled > 0 && self.next_poll <= now {
            self.polling = Some(now);
            self.tree.begin_poll();
        }
    }

    fn close_due(&mut self, now: Duration) {
        for target in 0..self.debouncers.len() {
            if self.due(target).is_some_and(|due| due <= now) {
                self.close(target);
            }
        }
    }

    /// Ends a batch and reports it.
    fn close(&mut self, target: usize) {
        let Some(debouncer) = self.debouncers.get_mut(target).and_then(Option::take) else {
            return;
        };
        let Some(WatchTarget { owner, base, .. }) = self.plan.targets.get(target) else { return };
        let (first, last) = (debouncer.first, debouncer.last);
        if let Some(ChangeBatch { path, more }) = debouncer.close(messages::path_kind) {
            let (owner, path) = (owner.clone(), messages::relative(&path, base));
            (self.context.report)(WatchReport::Changed { owner, path, more, first, last });
        }
    }
}
