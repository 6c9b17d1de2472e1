//! Memory for a flood: many pieces of one size, taken from the system in large portions.
//!
//! Where the system has huge pages for those who ask, one fault brings 2 MiB instead of 4 KiB. Where it
//! has none, this is memory like any other. A piece that is dropped goes back to the system at once.

#![expect(unsafe_code, reason = "memory comes from the system as an address")]

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::{fmt, slice};

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// A portion: the usual size of a huge page, where it also has to begin.
const PORTION: usize = 2 << 20;

/// Some zeroed bytes in a mapping of their own.
pub struct Memory {
    start: NonNull<u8>,
    size: usize,
}

impl Memory {
    /// As many pieces of `size` bytes as a portion has. Empty when the system gives none, or when it
    /// cannot be divided like that: `size` must be a power of two, and a page at least.
    pub fn portion(size: usize) -> Vec<Self> {
        if !size.is_power_of_two() || size > PORTION || size < rustix::param::page_size() {
            return Vec::new();
        }
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // Twice as much as is needed, to have it where a huge page can be.
        let nowhere = std::ptr::null_mut();
        // SAFETY: a new mapping at a place of the kernel's choice touches no other memory.
        let map = unsafe { rustix::mm::mmap_anonymous(nowhere, 2 * PORTION, protection, flags) };
        let Some(map) = map.ok().and_then(|map| NonNull::new(map.cast::<u8>())) else {
            return Vec::new();
        };
        let before = map.as_ptr().addr().next_multiple_of(PORTION) - map.as_ptr().addr();
        let piece = |offset: usize, size: usize| {
            // SAFETY: all pieces are within the `2 * PORTION` bytes of the mapping.
            Self { start: unsafe { map.add(offset) }, size }
        };
        // Each byte of the mapping is in one piece only, and each piece has whole pages.
        drop(piece(before + PORTION, PORTION - before));
        drop(piece(0, before));
        let start = piece(before, 0).start.as_ptr().cast();
        // SAFETY: it is ours, nobody has a reference to it, and the advice does not change its bytes.
        // Without huge pages it fails, and changes nothing.
        _ = unsafe { rustix::mm::madvise(start, PORTION, Advice::LinuxHugepage) };
        (0..PORTION / size).map(|index| piece(before + index * size, size)).collect()
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are mapped, readable, initialised by the kernel, and ours alone until drop.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.size) }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and writable; `&mut self` is the only way to them.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.size) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.size > 0 {
            // SAFETY: whole pages of a mapping of ours, to which nothing refers any more.
            _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.size) };
        }
    }
}

// SAFETY: it owns its bytes like a `Box<[u8]>`, and no thread has a part in the mapping.
unsafe impl Send for Memory {}
// SAFETY: through a shared reference they are only read.
unsafe impl Sync for Memory {}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_apart_and_outlive_each_other() {
        const SIZE: usize = 256 << 10;
        let mut pieces = Memory::portion(SIZE);
        assert_eq!(pieces.len(), PORTION / SIZE);
        for (number, piece) in (1..).zip(&mut pieces) {
            assert_eq!(piece.len(), SIZE);
            assert!(piece.iter().all(|&byte| byte == 0));
            piece.fill(number);
        }
        pieces.remove(3);
        pieces.remove(0);
        let numbers = [2, 3, 5, 6, 7, 8];
        for (number, piece) in numbers.into_iter().zip(&pieces) {
            assert!(piece.iter().all(|&byte| byte == number));
        }
    }

    #[test]
    fn sizes_that_do_not_divide_a_portion_give_nothing() {
        for size in [0, 1, 100, 3 << 12, 4 << 20] {
            assert!(Memory::portion(size).is_empty(), "{size}");
        }
    }
}
