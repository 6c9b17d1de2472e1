//! From a system call that a thread is in to what it waits for.

/// The system call that a thread is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SystemCall {
    /// None, or it is running.
    None,
    /// This one, and blocked in it.
    Blocked {
        /// Its number.
        number: i64,
        /// Its arguments.
        arguments: [u64; 6],
    },
}

impl SystemCall {
    /// Reads a line of `/proc/PID/task/TID/syscall`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next()?;
        // `-1` and two words: blocked, but not in a call.
        if first == "running" || first == "-1" {
            return Some(Self::None);
        }
        let number = first.parse().ok()?;
        let mut arguments = [0; 6];
        for argument in &mut arguments {
            let digits = words.next()?.strip_prefix("0x")?;
            *argument = u64::from_str_radix(digits, 16).ok()?;
        }
        Some(Self::Blocked { number, arguments })
    }
}

/// What a descriptor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The run's input.
    Input,
    /// Something that only the process itself feeds: an event descriptor, a pipe to itself,
    /// signals.
    Internal,
    /// Descriptors that are watched together.
    Epoll,
    /// Anything else.
    Other,
}

/// The descriptors and the memory of a process.
pub(crate) trait Files {
    /// What a descriptor stands for.
    fn source(&self, descriptor: i32) -> Source;
    /// The descriptors that an epoll watches, and the events it watches them for.
    fn watched(&self, descriptor: i32) -> Option<Vec<(i32, u32)>>;
    /// Bytes at an address.
    fn memory(&self, address: u64, length: usize) -> Option<Vec<u8>>;
}

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wait {
    /// The input, and nothing else.
    Input,
    /// The input, in an event loop that the process itself can wake too.
    InputLoop,
    /// The process itself: locks, other threads, signals.
    Internal,
    /// Something else, or nothing: it is busy.
    Other,
    /// It may not be looked at.
    Unknown,
}

/// Descriptors looked at in one call.
const LIMIT: u64 = 1024;
/// Readable, in `poll` and `epoll`.
const READABLE: u32 = 1;

/// Says what a thread in this call waits for.
pub(crate) fn classify(call: SystemCall, files: &impl Files) -> Wait {
    let SystemCall::Blocked { number, arguments } = call else { return Wait::Other };
    let [first, second, third, fourth, fifth, _] = arguments;
    let forever = |pointer: u64| pointer == 0;
    // A negative C int.
    let negative = |value: u64| (value as u32).cast_signed() < 0;
    match number {
        libc::SYS_read | libc::SYS_readv => match files.source(first as i32) {
            Source::Input => Wait::Input,
            Source::Internal => Wait::Internal,
            Source::Epoll | Source::Other => Wait::Other,
        },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll if negative(third) => polled(first, second, files),
        libc::SYS_ppoll if forever(third) => polled(first, second, files),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select if forever(fifth) => selected(first, [second, third, fourth], files),
        libc::SYS_pselect6 if forever(fifth) => selected(first, [second, third, fourth], files),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait if negative(fourth) => looped(first, files),
        libc::SYS_epoll_pwait if negative(fourth) => looped(first, files),
        libc::SYS_epoll_pwait2 if forever(fourth) => looped(first, files),
        libc::SYS_futex | libc::SYS_rt_sigsuspend => Wait::Internal,
        libc::SYS_rt_sigtimedwait if forever(third) => Wait::Internal,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_pause => Wait::Internal,
        _ => Wait::Other,
    }
}

/// Waiting for any of these descriptors, each with whether it is waited for to become readable.
fn any(descriptors: &[(i32, bool)], files: &impl Files) -> Wait {
    let (mut input, mut internal) = (false, false);
    for (descriptor, is_readable) in descriptors {
        match (files.source(*descriptor), is_readable) {
            (Source::Input, true) => input = true,
            // The terminal's other direction, or errors only.
            (Source::Input, false) => {}
            (Source::Internal, _) => internal = true,
            (Source::Epoll, _) => match looped(u64::from(descriptor.cast_unsigned()), files) {
                Wait::Input | Wait::InputLoop => (input, internal) = (true, true),
                Wait::Internal => internal = true,
                Wait::Other | Wait::Unknown => return Wait::Other,
            },
            (Source::Other, _) => return Wait::Other,
        }
    }
    match (input, internal) {
        (true, false) => Wait::Input,
        (true, true) => Wait::InputLoop,
        (false, true) => Wait::Internal,
        // For nothing at all: asleep until a signal.
        (false, false) => Wait::Other,
    }
}

fn polled(address: u64, count: u64, files: &impl Files) -> Wait {
    /// Bytes of a `struct pollfd`: descriptor, events, results.
    const SIZE: usize = 8;
    if count > LIMIT {
        return Wait::Other;
    }
    let Some(bytes) = files.memory(address, count as usize * SIZE) else { return Wait::Unknown };
    let entries = bytes.chunks_exact(SIZE).filter_map(|entry| {
        let (descriptor, rest) = entry.split_first_chunk()?;
        let descriptor = i32::from_ne_bytes(*descriptor);
        let events = u16::from_ne_bytes(*rest.first_chunk()?);
        (descriptor >= 0).then_some((descriptor, u32::from(events) & READABLE != 0))
    });
    any(&entries.collect::<Vec<_>>(), files)
}

fn selected(count: u64, sets: [u64; 3], files: &impl Files) -> Wait {
    let [readable, _, _] = sets;
    // A shell's prompt: no need to look at its memory.
    if count == 1 && readable != 0 {
        return any(&[(0, true)], files);
    }
    if count > LIMIT {
        return Wait::Other;
    }
    let mut descriptors = Vec::new();
    for (index, address) in sets.into_iter().enumerate().filter(|(_, address)| *address != 0) {
        let length = (count as usize).div_ceil(64) * 8;
        let Some(bytes) = files.memory(address, length) else { return Wait::Unknown };
        let is_set = |descriptor: &i32| {
            let place = descriptor.cast_unsigned() as usize;
            // The words are little-endian on all machines we run on.
            bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1)
        };
        let found = (0..count as i32).filter(is_set);
        descriptors.extend(found.map(|descriptor| (descriptor, index == 0)));
    }
    any(&descriptors, files)
}

fn looped(descriptor: u64, files: &impl Files) -> Wait {
    let Some(watched) = files.watched(descriptor as i32) else { return Wait::Unknown };
    // One within another within another is nobody's prompt.
    let is_nested = |descriptor: i32| files.source(descriptor) == Source::Epoll;
    let mut all = Vec::new();
    for (descriptor, events) in watched {
        if is_nested(descriptor) {
            let Some(inner) = files.watched(descriptor) else { return Wait::Unknown };
            if inner.iter().any(|(descriptor, _)| is_nested(*descriptor)) {
                return Wait::Other;
            }
            all.extend(inner);
        } else {
            all.push((descriptor, events));
        }
    }
    let all: Vec<_> = all.iter().map(|(one, events)| (*one, events & READABLE != 0)).collect();
    match any(&all, files) {
        Wait::Input => Wait::InputLoop,
        wait @ (Wait::InputLoop | Wait::Internal | Wait::Other | Wait::Unknown) => wait,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(Default)]
    struct Fake {
        sources: HashMap<i32, Source>,
        epolls: HashMap<i32, Vec<(i32, u32)>>,
        memory: HashMap<u64, Vec<u8>>,
    }

    impl Files for Fake {
        fn source(&self, descriptor: i32) -> Source {
            if self.epolls.contains_key(&descriptor) {
                return Source::Epoll;
            }
            self.sources.get(&descriptor).copied().unwrap_or(Source::Other)
        }
        fn watched(&self, descriptor: i32) -> Option<Vec<(i32, u32)>> {
            self.epolls.get(&descriptor).cloned()
        }
        fn memory(&self, address: u64, length: usize) -> Option<Vec<u8>> {
            self.memory.get(&address)?.get(..length).map(<[u8]>::to_vec)
        }
    }

    /// 0 is the input, 1 its other direction, 4 an event descriptor, 5 a socket.
    fn fake() -> Fake {
        let sources = [(0, Source::Input), (1, Source::Input), (4, Source::Internal)];
        Fake { sources: sources.into(), ..Fake::default() }
    }

    fn call(number: i64, arguments: &[u64]) -> SystemCall {
        let mut all = [0; 6];
        all[..arguments.len()].copy_from_slice(arguments);
        SystemCall::Blocked { number, arguments: all }
    }

    fn pollfds(entries: &[(i32, u16)]) -> Vec<u8> {
        let entry = |(fd, events): &(i32, u16)| {
            [fd.to_ne_bytes().as_slice(), &events.to_ne_bytes(), &[0, 0]].concat()
        };
        entries.iter().flat_map(entry).collect()
    }

    const FOREVER: u64 = 0xffff_ffff;

    #[test]
    fn lines_of_proc_are_read() {
        let line = "0 0x3 0x7fa02589f000 0x20000 0x7fa025932b60 0xffffffff 0x0 0x7ffd 0x7fa0";
        let arguments = [3, 0x7fa0_2589_f000, 0x20000, 0x7fa0_2593_2b60, 0xffff_ffff, 0];
        assert_eq!(SystemCall::parse(line), Some(SystemCall::Blocked { number: 0, arguments }));
        assert_eq!(SystemCall::parse("running\n"), Some(SystemCall::None));
        assert_eq!(SystemCall::parse("-1 0x7ffd1595c4e8 0x7fa025a1b2ad"), Some(SystemCall::None));
        assert_eq!(SystemCall::parse(""), None);
        assert_eq!(SystemCall::parse("0 0x3"), None);
    }

    #[test]
    fn reading_the_input_waits_for_it() {
        let files = fake();
        let wait = |call| classify(call, &files);
        assert_eq!(wait(call(libc::SYS_read, &[0])), Wait::Input);
        assert_eq!(wait(call(libc::SYS_readv, &[1])), Wait::Input);
        assert_eq!(wait(call(libc::SYS_read, &[5])), Wait::Other);
        assert_eq!(wait(call(libc::SYS_read, &[4])), Wait::Internal);
        assert_eq!(wait(SystemCall::None), Wait::Other);
        assert_eq!(wait(call(libc::SYS_futex, &[0])), Wait::Internal);
        assert_eq!(wait(call(libc::SYS_wait4, &[0])), Wait::Other);
        assert_eq!(wait(call(libc::SYS_clock_nanosleep, &[0])), Wait::Other);
        assert_eq!(wait(call(libc::SYS_rt_sigtimedwait, &[1, 2, 0])), Wait::Internal);
        assert_eq!(wait(call(libc::SYS_rt_sigtimedwait, &[1, 2, 3])), Wait::Other);
    }

    #[test]
    fn select_counts_without_a_timeout_and_without_others() {
        let mut files = fake();
        files.memory.insert(0x10, vec![0b1, 0, 0, 0, 0, 0, 0, 0]);
        files.memory.insert(0x20, vec![0b1_0001, 0, 0, 0, 0, 0, 0, 0]);
        files.memory.insert(0x30, vec![0b10_0001, 0, 0, 0, 0, 0, 0, 0]);
        files.memory.insert(0x40, vec![0b10, 0, 0, 0, 0, 0, 0, 0]);
        let wait = |arguments: &[u64]| classify(call(libc::SYS_pselect6, arguments), &files);
        assert_eq!(wait(&[1, 0x999]), Wait::Input);
        assert_eq!(wait(&[1, 0]), Wait::Other);
        assert_eq!(wait(&[1, 0x999, 0, 0, 0x50]), Wait::Other);
        assert_eq!(wait(&[6, 0x10]), Wait::Input);
        assert_eq!(wait(&[6, 0x10, 0x40, 0x10]), Wait::Input);
        assert_eq!(wait(&[6, 0x20]), Wait::InputLoop);
        assert_eq!(wait(&[6, 0x30]), Wait::Other);
        assert_eq!(wait(&[6, 0, 0x40]), Wait::Other);
        assert_eq!(wait(&[6, 0x60]), Wait::Unknown);
        assert_eq!(wait(&[5000, 0x10]), Wait::Other);
    }

    #[test]
    fn poll_counts_without_a_timeout_and_without_others() {
        let mut files = fake();
        files.memory.insert(0x10, pollfds(&[(0, 1), (-1, 1)]));
        files.memory.insert(0x20, pollfds(&[(0, 1), (4, 1)]));
        files.memory.insert(0x30, pollfds(&[(0, 1), (5, 4)]));
        files.memory.insert(0x40, pollfds(&[(1, 4), (0, 0)]));
        let wait = |address, count| classify(call(libc::SYS_ppoll, &[address, count, 0]), &files);
        assert_eq!(wait(0x10, 2), Wait::Input);
        assert_eq!(wait(0x20, 2), Wait::InputLoop);
        assert_eq!(wait(0x30, 2), Wait::Other);
        assert_eq!(wait(0x40, 2), Wait::Other);
        assert_eq!(wait(0x50, 2), Wait::Unknown);
        assert_eq!(wait(0x10, 5000), Wait::Other);
        assert_eq!(classify(call(libc::SYS_ppoll, &[0x10, 1, 0x77]), &files), Wait::Other);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn older_calls_have_a_number_as_timeout() {
        let mut files = fake();
        files.memory.insert(0x10, pollfds(&[(0, 1)]));
        files.epolls.insert(7, vec![(0, 1)]);
        let wait = |number, arguments: &[u64]| classify(call(number, arguments), &files);
        assert_eq!(wait(libc::SYS_poll, &[0x10, 1, FOREVER]), Wait::Input);
        assert_eq!(wait(libc::SYS_poll, &[0x10, 1, 1000]), Wait::Other);
        assert_eq!(wait(libc::SYS_epoll_wait, &[7, 0, 1, FOREVER]), Wait::InputLoop);
        assert_eq!(wait(libc::SYS_epoll_wait, &[7, 0, 1, 20]), Wait::Other);
        assert_eq!(wait(libc::SYS_select, &[1, 0x10, 0, 0, 0]), Wait::Input);
    }

    #[test]
    fn an_event_loop_counts_if_nothing_else_can_wake_it() {
        let mut files = fake();
        files.epolls.insert(7, vec![(4, 1), (0, 0x19), (1, 4)]);
        files.epolls.insert(8, vec![(4, 1), (0, 0x19), (5, 1)]);
        files.epolls.insert(9, vec![(4, 1)]);
        files.epolls.insert(10, vec![(9, 1), (0, 1)]);
        files.epolls.insert(11, vec![(10, 1), (0, 1)]);
        files.epolls.insert(12, vec![]);
        let wait = |epoll| classify(call(libc::SYS_epoll_pwait, &[epoll, 0, 1, FOREVER]), &files);
        assert_eq!(wait(7), Wait::InputLoop);
        assert_eq!(wait(8), Wait::Other);
        assert_eq!(wait(9), Wait::Internal);
        assert_eq!(wait(10), Wait::InputLoop);
        assert_eq!(wait(11), Wait::Other);
        assert_eq!(wait(12), Wait::Other);
        assert_eq!(wait(13), Wait::Unknown);
        let timed = call(libc::SYS_epoll_pwait, &[7, 0, 1, 500]);
        assert_eq!(classify(timed, &files), Wait::Other);
    }

    #[test]
    fn an_epoll_that_watches_itself_is_no_prompt() {
        let mut files = fake();
        files.epolls.insert(7, vec![(7, 1), (0, 1)]);
        let wait = classify(call(libc::SYS_epoll_pwait, &[7, 0, 1, FOREVER]), &files);
        assert_eq!(wait, Wait::Other);
    }
}
