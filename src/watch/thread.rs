//! The thread: waits for the kernel, reads folders, and tells what has changed.

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

/// Folders read before the kernel is listened to again: its queue is not endless.
const TURN: usize = 64;
/// How often folders are read that the kernel does not watch …
const POLL: Duration = Duration::from_secs(2);
/// … and how much longer than reading them that takes at least.
const POLL_SHARE: u32 = 20;

/// What the thread is told.
#[derive(Debug)]
enum WatchCommand {
    /// Watch this instead; what has changed since then on the wall clock counts.
    Watch(WatchPlan, Duration),
}

/// The thread that watches files; ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    orders: Option<Sender<WatchCommand>>,
    wake: Arc<OwnedFd>,
    begun: RunStarts,
}

/// What the thread needs from outside.
pub(crate) struct WatchContext {
    pub(crate) now: Box<dyn Fn() -> ClockPair + Send>,
    /// Takes what is to be told; must not wait.
    pub(crate) report: Box<dyn Fn(WatchReport) + Send>,
}

impl Watcher {
    pub(crate) fn start(plan: WatchPlan, outside: WatchContext) -> std::io::Result<Self> {
        Self::start_with(plan, outside, usize::MAX)
    }

    /// The same with a kernel that takes so many folders.
    pub(super) fn start_with(
        plan: WatchPlan,
        outside: WatchContext,
        most: usize,
    ) -> std::io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (orders, received) = channel();
        let (woken, begun) = (Arc::clone(&wake), RunStarts::default());
        let shared = begun.clone();
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || {
            let mut keeper = WatchLoop::new(plan, outside, received, most);
            keeper.tree.begun = shared;
            keeper.run(&woken);
        })?;
        Ok(Self { orders: Some(orders), wake, begun })
    }

    /// Watches this instead of what was watched, from this moment on the wall clock. Bursts that are
    /// not over are told all the same.
    pub(crate) fn watch(&self, plan: WatchPlan, wall: Duration) {
        self.order(WatchCommand::Watch(plan, wall));
    }

    /// Processes run from now on, which is this on the wall clock: files that change before their
    /// folder is watched count.
    pub(crate) fn begin(&self, wall: Duration) {
        self.begun.set(wall);
    }

    fn order(&self, order: WatchCommand) {
        if let Some(orders) = &self.orders {
            _ = orders.send(order);
        }
        self.wake();
    }

    fn wake(&self) {
        _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Watcher {
    /// It is not waited for: it may hang in a folder that hangs.
    fn drop(&mut self) {
        self.orders = None;
        self.wake();
    }
}

/// What the thread has in hand.
struct WatchLoop {
    plan: WatchPlan,
    outside: WatchContext,
    orders: Receiver<WatchCommand>,
    tree: FolderTree,
    /// One for each that is wanted, while a burst lasts.
    windows: Vec<Option<Debouncer>>,
    /// Whether it was told that everything is watched.
    ready: bool,
    /// Whether it was told that folders are polled.
    told_limit: bool,
    /// When a round of polling began and when the next does.
    polling: Option<Duration>,
    next_poll: Duration,
}

impl WatchLoop {
    fn new(
        plan: WatchPlan,
        outside: WatchContext,
        orders: Receiver<WatchCommand>,
        most: usize,
    ) -> Self {
        let kernel = match Inotify::open() {
            Ok(kernel) => Some(kernel),
            Err(error) => {
                (outside.report)(WatchReport::Problem {
                    about: None,
                    text: messages::no_queue(error),
                });
                None
            }
        };
        let told_limit = kernel.is_none();
        let rules = CompiledPlan::new(&plan);
        let windows = plan.wanted.iter().map(|_| None).collect();
        let tree = FolderTree::new(rules, kernel, most);
        Self {
            plan,
            outside,
            orders,
            tree,
            windows,
            ready: false,
            told_limit,
            polling: None,
            next_poll: Duration::ZERO,
        }
    }

    fn run(&mut self, woken: &OwnedFd) {
        loop {
            if self.wait(woken).is_err() || self.handle_commands().is_none() {
                return;
            }
            self.hear();
            let now = (self.outside.now)();
            self.tree.reread(now.wall);
            self.tree.work(TURN);
            let now = (self.outside.now)().moment;
            self.note_changes(now);
            if self.tree.todo.is_empty() {
                self.rest(now);
            }
            self.close_windows(now);
        }
    }

    /// Takes in what the kernel has to tell.
    fn hear(&mut self) {
        let happened = self.tree.kernel.as_mut().map(Inotify::read).unwrap_or_default();
        for it in &happened {
            self.tree.happened(it);
        }
    }

    /// Until there is something to do.
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
        let dues = (0..self.windows.len()).filter_map(|target| self.due(target));
        let next = dues.chain(polls).min()?;
        Some(next.saturating_sub((self.outside.now)().moment))
    }

    /// When a burst is over; while folders are read in which there may be more of it, at its latest.
    fn due(&self, target: usize) -> Option<Duration> {
        let window = self.windows.get(target)?.as_ref()?;
        let debounce = self.plan.wanted.get(target)?.debounce;
        let latest = if self.tree.is_counting() { super::debouncer::LATEST } else { debounce };
        Some(window.due(debounce.max(latest)))
    }

    /// Does what it was told; nothing when nobody wants it any more.
    fn handle_commands(&mut self) -> Option<()> {
        loop {
            match self.orders.try_recv() {
                Ok(WatchCommand::Watch(plan, wall)) => self.replace(plan, wall),
                Err(TryRecvError::Empty) => return Some(()),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
    }

    /// Nothing is read anew where nothing is different: a file that went meanwhile would be missed.
    fn replace(&mut self, plan: WatchPlan, wall: Duration) {
        if plan == self.plan {
            return;
        }
        self.hear();
        self.note_changes((self.outside.now)().moment);
        for target in 0..self.windows.len() {
            self.close(target);
        }
        self.tree.replace(CompiledPlan::new(&plan), wall);
        self.windows = plan.wanted.iter().map(|_| None).collect();
        (self.plan, self.ready) = (plan, false);
    }

    fn note_changes(&mut self, now: Duration) {
        for change in std::mem::take(&mut self.tree.changes) {
            if let Some(window) = self.windows.get_mut(usize::from(change.target)) {
                let window = window.get_or_insert_with(|| Debouncer::new(now));
                window.add(now, change.path, change.new);
            }
        }
    }

    /// Everything is read.
    fn rest(&mut self, now: Duration) {
        self.tree.sweep();
        if !std::mem::replace(&mut self.ready, true) {
            for (target, text) in messages::doubts(&self.tree, &self.plan) {
                let about = self.plan.wanted.get(usize::from(target)).map(|one| one.whose.clone());
                (self.outside.report)(WatchReport::Problem { about, text });
            }
            (self.outside.report)(WatchReport::Ready);
        }
        let polled = self.tree.polled.len();
        if polled > 0 && !std::mem::replace(&mut self.told_limit, true) {
            let text = messages::limit(polled);
            (self.outside.report)(WatchReport::Problem { about: None, text });
        }
        if let Some(began) = self.polling.take() {
            let took = now.saturating_sub(began);
            self.next_poll = now + POLL.max(took * POLL_SHARE);
        } else if polled > 0 && self.next_poll <= now {
            self.polling = Some(now);
            self.tree.begin_poll();
        }
    }

    fn close_windows(&mut self, now: Duration) {
        for target in 0..self.windows.len() {
            if self.due(target).is_some_and(|due| due <= now) {
                self.close(target);
            }
        }
    }

    /// Tells what a burst came to.
    fn close(&mut self, target: usize) {
        let Some(window) = self.windows.get_mut(target).and_then(Option::take) else { return };
        let Some(wanted) = self.plan.wanted.get(target) else { return };
        let (first, last) = (window.first, window.last);
        if let Some(burst) = window.close(messages::look) {
            let path = messages::relative(&burst.path, &wanted.base);
            let (whose, more) = (wanted.whose.clone(), burst.more);
            (self.outside.report)(WatchReport::Changed { whose, path, more, first, last });
        }
    }
}
