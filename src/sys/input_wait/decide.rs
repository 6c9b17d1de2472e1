//! From readings of a run's processes to whether it waits for input.

use std::time::Duration;

use super::call::Wait;

/// How long a thread must not have run until it is said to wait.
pub(crate) const SETTLE: Duration = Duration::from_millis(500);

/// A thread at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadReading {
    /// Its number.
    pub tid: u32,
    /// What it waits for.
    pub wait: Wait,
    /// How often it has given up the processor: the same number means that it has not run.
    pub switches: u64,
}

/// A process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessReading {
    /// Its number.
    pub pid: u32,
    /// When it was started, which tells it from another with its number.
    pub started: u64,
    /// Its parent.
    pub parent: u32,
    /// It is in the foreground of the terminal, or the run has none.
    pub is_foreground: bool,
    /// It has ended or is stopped: it waits for nothing.
    pub is_halted: bool,
    /// Its threads; one that is busy can stand for all.
    pub threads: Vec<ThreadReading>,
}

/// A thread that waits for input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingThread {
    /// Its process.
    pub pid: u32,
    /// When that was started.
    pub started: u64,
    /// Its number.
    pub tid: u32,
    /// How often it has given up the processor.
    pub switches: u64,
    /// What is typed is not shown: to be asked for without showing it.
    pub is_secret: bool,
}

/// Finds a thread that waits for input among the processes of a run, by the rules of this module but for the
/// time. `asks_secret`: the terminal is in the mode that secrets are asked in.
pub(crate) fn waiting_thread(
    processes: &[ProcessReading],
    asks_secret: bool,
) -> Option<WaitingThread> {
    let has_child = |pid| processes.iter().any(|other| other.parent == pid && !other.is_halted);
    processes.iter().find_map(|process| {
        if process.is_halted || !process.is_foreground {
            return None;
        }
        let all = |allowed: &[Wait]| process.threads.iter().all(|t| allowed.contains(&t.wait));
        let find = |wait| process.threads.iter().find(|thread| thread.wait == wait);
        let (thread, is_waiting) = if let Some(thread) = find(Wait::Input) {
            // A loop beside it can only be woken by the same input.
            (thread, all(&[Wait::Input, Wait::InputLoop, Wait::Internal]))
        } else if let Some(thread) = find(Wait::InputLoop) {
            (thread, all(&[Wait::InputLoop, Wait::Internal]) && !has_child(process.pid))
        } else {
            (find(Wait::Unknown)?, asks_secret && all(&[Wait::Unknown, Wait::Internal]))
        };
        is_waiting.then_some(WaitingThread {
            pid: process.pid,
            started: process.started,
            tid: thread.tid,
            switches: thread.switches,
            is_secret: asks_secret,
        })
    })
}

/// Decides whether a run waits for input, from one look after the other.
#[derive(Debug, Clone, Default)]
pub struct InputDetector {
    /// The thread that waits, how much the run had written, and when that was seen first.
    seen: Option<(WaitingThread, u64, Duration)>,
}

impl InputDetector {
    /// Takes a look made at `now`, counted from any fixed moment, after the run had written `output`
    /// bytes. Returns the thread that waits for input once it has done nothing else for [`SETTLE`].
    pub fn observe(
        &mut self,
        now: Duration,
        output: u64,
        thread: Option<WaitingThread>,
    ) -> Option<WaitingThread> {
        let Some(thread) = thread else {
            self.seen = None;
            return None;
        };
        match self.seen {
            Some((seen, written, since)) if seen == thread && output == written => {
                (now.saturating_sub(since) >= SETTLE).then_some(thread)
            }
            _ => {
                self.seen = Some((thread, output, now));
                None
            }
        }
    }

    /// Whether the last reading found a thread whose time is not over yet: another reading should
    /// follow after [`SETTLE`].
    pub fn is_undecided(&self) -> bool {
        self.seen.is_some()
    }

    /// Forgets what was seen: input was sent.
    pub fn reset(&mut self) {
        self.seen = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, waits: &[Wait]) -> ProcessReading {
        let thread = |(index, wait): (usize, &Wait)| ThreadReading {
            tid: pid + index as u32,
            wait: *wait,
            switches: 5,
        };
        ProcessReading {
            pid,
            started: 1000,
            parent: 1,
            is_foreground: true,
            is_halted: false,
            threads: waits.iter().enumerate().map(thread).collect(),
        }
    }

    fn waits(processes: &[ProcessReading]) -> Option<u32> {
        waiting_thread(processes, false).map(|thread| thread.tid)
    }

    #[test]
    fn a_thread_in_a_read_waits_if_no_other_is_busy() {
        use Wait::{Input, Internal, Other, Unknown};
        assert_eq!(waits(&[process(10, &[Input])]), Some(10));
        assert_eq!(waits(&[process(10, &[Internal, Internal, Input])]), Some(12));
        assert_eq!(waits(&[process(10, &[Input, Other])]), None);
        assert_eq!(waits(&[process(10, &[Input, Unknown])]), None);
        assert_eq!(waits(&[process(10, &[Internal])]), None);
        assert_eq!(waits(&[process(10, &[])]), None);
        assert_eq!(waits(&[]), None);
    }

    #[test]
    fn a_child_of_a_busy_shell_waits_for_it() {
        let child = ProcessReading { parent: 10, ..process(11, &[Wait::Input]) };
        assert_eq!(waits(&[process(10, &[Wait::Other]), child]), Some(11));
    }

    #[test]
    fn an_event_loop_does_not_wait_while_it_has_a_child() {
        use Wait::{InputLoop, Internal, Other};
        let parent = process(10, &[InputLoop, Internal]);
        let child = ProcessReading { parent: 10, ..process(11, &[Other]) };
        assert_eq!(waits(std::slice::from_ref(&parent)), Some(10));
        assert_eq!(waits(&[parent.clone(), child.clone()]), None);
        let dead = ProcessReading { is_halted: true, ..child.clone() };
        assert_eq!(waits(&[parent, dead]), Some(10));
        // A shell at its prompt does, whatever runs in the background.
        assert_eq!(waits(&[process(10, &[Wait::Input]), child]), Some(10));
    }

    #[test]
    fn what_is_in_the_background_or_stopped_does_not_wait() {
        let process = process(10, &[Wait::Input]);
        assert_eq!(waits(&[ProcessReading { is_foreground: false, ..process.clone() }]), None);
        assert_eq!(waits(&[ProcessReading { is_halted: true, ..process }]), None);
    }

    #[test]
    fn a_secret_is_waited_for_even_by_what_cannot_be_looked_into() {
        let mut processes = vec![process(10, &[Wait::Unknown])];
        assert_eq!(waiting_thread(&processes, false), None);
        assert!(waiting_thread(&processes, true).unwrap().is_secret);
        processes[0].is_foreground = false;
        assert_eq!(waiting_thread(&processes, true), None);
    }

    #[test]
    fn it_must_last() {
        let mut detector = InputDetector::default();
        let mut run = vec![process(10, &[Wait::Input])];
        let mut output = 0;
        let mut observe = |run: &[ProcessReading], output, ms| {
            let now = Duration::from_millis(ms);
            let found = detector.observe(now, output, waiting_thread(run, false));
            (found.is_some(), detector.is_undecided())
        };
        assert_eq!(observe(&run, output, 1000), (false, true));
        assert_eq!(observe(&run, output, 1499), (false, true));
        assert_eq!(observe(&run, output, 1500), (true, true));
        assert_eq!(observe(&run, output, 9000), (true, true));
        // It has run meanwhile.
        run[0].threads[0].switches = 6;
        assert_eq!(observe(&run, output, 9001), (false, true));
        assert_eq!(observe(&run, output, 9600), (true, true));
        // It has written something.
        output = 7;
        assert_eq!(observe(&run, output, 9700), (false, true));
        assert_eq!(observe(&run, output, 10_300), (true, true));
        // Another process with the same number.
        run[0].started = 2000;
        assert_eq!(observe(&run, output, 10_400), (false, true));
        run.clear();
        assert_eq!(observe(&run, output, 11_000), (false, false));
        detector.reset();
        assert!(!detector.is_undecided());
    }
}
