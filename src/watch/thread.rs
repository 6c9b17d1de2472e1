//! The watch thread: waits for kernel events, reads folders, and reports changes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::compiled_plan::CompiledPlan;
use super::debouncer::Debouncer;
use super::inotify::Inotify;
use super::messages;
use super::tree::{FolderTree, RunStarts};
use super::{ClockPair, WatchPlan, WatchReport};

/// The number of folders read between two reads of the kernel's event queue, which is bounded.
const FOLDERS_PER_TURN: usize = 64;
/// The minimum time between two polls of folders that the kernel does not watch.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The minimum ratio of the time between two polls to the time that a poll takes.
const POLL_SHARE: u32 = 20;

/// A command to the watch thread.
#[derive(Debug)]
enum WatchCommand {
    /// Replace the watched targets; files that changed after this wall-clock time count.
    Watch(WatchPlan, Duration),
}

/// A handle of the watch thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    commands: Option<Sender<WatchCommand>>,
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
        let (commands, received) = channel();
        let (woken, run_starts) = (Arc::clone(&wake), RunStarts::default());
        let shared = run_starts.clone();
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut watch_loop = WatchLoop::new(plan, context, received, max_folders);
            watch_loop.tree.run_starts = shared;
            watch_loop.run(&woken);
        })?;
        Ok(Self { commands: Some(commands), wake, run_starts })
    }

    /// Replaces the watched targets as of this wall-clock time. Unfinished batches are reported first.
    pub(crate) fn watch(&self, plan: WatchPlan, wall: Duration) {
        self.order(WatchCommand::Watch(plan, wall));
    }

    /// Tells the thread that processes run from this wall-clock time on: files that change after it
    /// count, even if their folder is not watched yet.
    pub(crate) fn begin(&self, wall: Duration) {
        self.run_starts.set(wall);
    }

    fn order(&self, order: WatchCommand) {
        if let Some(commands) = &self.commands {
            _ = commands.send(order);
        }
        self.wake();
    }

    fn wake(&self) {
        _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Watcher {
    /// Does not join the thread, which may be blocked on a file system that hangs.
    fn drop(&mut self) {
        self.commands = None;
        self.wake();
    }
}

/// The state of the watch thread.
struct WatchLoop {
    plan: WatchPlan,
    context: WatchContext,
    commands: Receiver<WatchCommand>,
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
        commands: Receiver<WatchCommand>,
        max_folders: usize,
    ) -> Self {
        let kernel = match Inotify::open() {
            Ok(kernel) => Some(kernel),
            Err(error) => {
                (context.report)(WatchReport::Problem {
                    about: None,
                    text: messages::no_queue(error),
                });
                None
            }
        };
        let limit_reported = kernel.is_none();
        let rules = CompiledPlan::new(&plan);
        let debouncers = plan.targets.iter().map(|_| None).collect();
        let tree = FolderTree::new(rules, kernel, max_folders);
        Self {
            plan,
            context,
            commands,
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
            if self.wait(woken).is_err() || self.handle_commands().is_none() {
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
        let apply_event = self.tree.kernel.as_mut().map(Inotify::read).unwrap_or_default();
        for event in &apply_event {
            self.tree.apply_event(event);
        }
    }

    /// Blocks until there is work to do.
    fn wait(&self, woken: &OwnedFd) -> Result<(), Errno> {
        let timeout = self.timeout();
        let timeout = timeout.and_then(|left| Timespec::try_from(left).ok());
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
        let dues = (0..self.debouncers.len()).filter_map(|target| self.due(target));
        let next = dues.chain(polls).min()?;
        Some(next.saturating_sub((self.context.now)().moment))
    }

    /// Returns when a batch is complete. While folders with possible further changes are still to be
    /// read, this is the latest time.
    fn due(&self, target: usize) -> Option<Duration> {
        let window = self.debouncers.get(target)?.as_ref()?;
        let debounce = self.plan.targets.get(target)?.debounce;
        let latest = if self.tree.may_detect() { super::debouncer::MAX_DELAY } else { debounce };
        Some(window.due(debounce.max(latest)))
    }

    /// Handles pending commands; returns `None` if the handle was dropped.
    fn handle_commands(&mut self) -> Option<()> {
        loop {
            match self.commands.try_recv() {
                Ok(WatchCommand::Watch(plan, wall)) => self.replace(plan, wall),
                Err(TryRecvError::Empty) => return Some(()),
                Err(TryRecvError::Disconnected) => return None,
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
            if let Some(window) = self.debouncers.get_mut(usize::from(change.target)) {
                let window = window.get_or_insert_with(|| Debouncer::new(now));
                window.add(now, change.path, change.age);
            }
        }
    }

    /// Handles the moment when all folders are read.
    fn on_idle(&mut self, now: Duration) {
        self.tree.drop_unused_watches();
        if !std::mem::replace(&mut self.ready, true) {
            for (target, text) in messages::warnings(&self.tree, &self.plan) {
                let about = self.plan.targets.get(usize::from(target)).map(|one| one.owner.clone());
                (self.context.report)(WatchReport::Problem { about, text });
            }
            (self.context.report)(WatchReport::Ready);
        }
        let polled = self.tree.polled.len();
        if polled > 0 && !std::mem::replace(&mut self.limit_reported, true) {
            let text = messages::limit(polled);
            (self.context.report)(WatchReport::Problem { about: None, text });
        }
        if let Some(began) = self.polling.take() {
            let took = now.saturating_sub(began);
            self.next_poll = now + POLL_INTERVAL.max(took * POLL_SHARE);
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
        let Some(window) = self.debouncers.get_mut(target).and_then(Option::take) else { return };
        let Some(wanted) = self.plan.targets.get(target) else { return };
        let (first, last) = (window.first, window.last);
        if let Some(burst) = window.close(messages::path_kind) {
            let path = messages::relative(&burst.path, &wanted.base);
            let (owner, more) = (wanted.owner.clone(), burst.more);
            (self.context.report)(WatchReport::Changed { owner, path, more, first, last });
        }
    }
}
