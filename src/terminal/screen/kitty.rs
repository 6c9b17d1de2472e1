//! Stack of the kitty keyboard protocol's flags.
//!
//! The emulator's own stack is not used: it forgets flags set by `CSI = u` when others are popped,
//! answers `CSI ? u` with what was pushed instead of what holds, and panics at the 4,097th push.

use alacritty_terminal::vte::ansi::KeyboardModesApplyBehavior as Change;

/// Entries kept; the oldest goes when another is pushed.
const DEPTH: usize = 32;

/// Flags that exist.
const KNOWN: u8 = 0b1_1111;

/// Flags of one of the two screens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags {
    now: u8,
    saved: Vec<u8>,
}

impl Flags {
    pub(super) fn now(&self) -> u8 {
        self.now
    }

    /// Changes the flags as `CSI = flags ; how u` does.
    pub(super) fn change(&mut self, flags: u8, change: Change) {
        let flags = flags & KNOWN;
        self.now = match change {
            Change::Replace => flags,
            Change::Union => self.now | flags,
            Change::Difference => self.now & !flags,
        };
    }

    pub(super) fn push(&mut self, flags: u8) {
        if self.saved.len() >= DEPTH {
            self.saved.remove(0);
        }
        self.saved.push(self.now);
        self.now = flags & KNOWN;
    }

    pub(super) fn pop(&mut self, count: u16) {
        for _ in 0..count {
            let Some(flags) = self.saved.pop() else {
                self.now = 0;
                return;
            };
            self.now = flags;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_were_set_survive_a_push_and_a_pop() {
        let mut flags = Flags::default();
        flags.change(5, Change::Replace);
        flags.push(1);
        assert_eq!(flags.now(), 1);
        flags.pop(1);
        assert_eq!(flags.now(), 5);
    }

    #[test]
    fn more_pops_than_pushes_give_no_flags() {
        let mut flags = Flags::default();
        flags.push(3);
        flags.change(8, Change::Union);
        assert_eq!(flags.now(), 11);
        flags.pop(u16::MAX);
        assert_eq!(flags.now(), 0);
    }

    #[test]
    fn the_stack_is_bounded_and_unknown_flags_are_dropped() {
        let mut flags = Flags::default();
        for _ in 0..10_000 {
            flags.push(0xff);
        }
        assert_eq!((flags.now(), flags.saved.len()), (31, DEPTH));
    }
}
