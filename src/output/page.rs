//! Read buffers: pages of memory that output is read into, stored and logged without a copy.
//!
//! A read that fills most of a [`ReadBuffer`] takes its memory along: the store keeps the page, the
//! log file is written from it, and the last user returns it for the next read. So a flood costs one
//! copy, out of the pipe, and no new memory once the store is full. Small reads are copied, so that a
//! page is never kept for a few lines.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex};

use super::block::IndexEntry;
use super::wakers::lock;

/// The size of a page in bytes.
pub(super) const SIZE: usize = 256 << 10;
/// Alignment: the page size of the system, or a divisor of it.
const ALIGNMENT: usize = 4 << 10;
/// Bytes left free before the read position, for the beginning of an unfinished line.
pub(super) const HEADROOM: usize = 4 << 10;
/// Reads of fewer bytes are copied.
pub(super) const MIN_READ: usize = (SIZE - HEADROOM) / 4 * 3;
/// The number of free pages and indexes that are kept for reuse.
const MAX_SPARE: usize = 16;

/// A buffer for reading output. One buffer serves many runs, one after another.
pub struct ReadBuffer(PageMemory);

impl ReadBuffer {
    /// Returns the memory to read into.
    pub fn room(&mut self) -> &mut [u8] {
        self.0.bytes_mut().get_mut(HEADROOM..).unwrap_or_default()
    }

    /// Returns the bytes that were read.
    pub fn filled(&self, read: usize) -> &[u8] {
        self.get(HEADROOM..HEADROOM + read)
    }

    /// Places `before` in front of the bytes that were read; `None` if it is too long.
    pub(super) fn joined(&mut self, before: &[u8], read: usize) -> Option<Range<usize>> {
        let start = HEADROOM.checked_sub(before.len())?;
        self.0.bytes_mut().get_mut(start..HEADROOM)?.copy_from_slice(before);
        Some(start..HEADROOM + read)
    }

    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        self.0.bytes().get(range).unwrap_or_default()
    }
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self(PageMemory::new())
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBuffer").finish_non_exhaustive()
    }
}

/// The memory of a page. It starts at a page boundary of the system, because the kernel copies faster
/// if source and destination are aligned alike.
#[derive(Default)]
struct PageMemory {
    memory: Vec<u8>,
    start: usize,
}

impl PageMemory {
    fn new() -> Self {
        let memory = vec![0; SIZE + ALIGNMENT - 1];
        let address = memory.as_ptr().addr();
        Self { start: address.next_multiple_of(ALIGNMENT) - address, memory }
    }

    fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.start + SIZE).unwrap_or_default()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.start + SIZE).unwrap_or_default()
    }
}

/// The free pages of one store.
#[derive(Default)]
pub(super) struct PagePool(Mutex<FreePages>);

#[derive(Default)]
struct FreePages {
    pages: Vec<PageMemory>,
    indexes: Vec<Vec<IndexEntry>>,
}

impl PagePool {
    /// Takes the memory that was read into, and gives the buffer other memory.
    pub(super) fn take(self: &Arc<Self>, buffer: &mut ReadBuffer) -> Arc<Page> {
        let spare = lock(&self.0).pages.pop();
        let fresh = spare.map_or_else(ReadBuffer::default, ReadBuffer);
        let ReadBuffer(memory) = std::mem::replace(buffer, fresh);
        Arc::new(Page { memory, pool: Arc::clone(self) })
    }

    /// Returns an empty index for about this many lines, reused if possible.
    pub(super) fn index(&self, lines: usize) -> Vec<IndexEntry> {
        lock(&self.0).indexes.pop().unwrap_or_else(|| Vec::with_capacity(lines))
    }

    /// Returns an index for reuse.
    pub(super) fn recycle(&self, mut index: Vec<IndexEntry>) {
        index.clear();
        let mut spare = lock(&self.0);
        if spare.indexes.len() < MAX_SPARE {
            spare.indexes.push(index);
        }
    }
}

/// A page that was read into and is immutable from then on.
pub(super) struct Page {
    memory: PageMemory,
    pool: Arc<PagePool>,
}

/// Bytes of output.
pub(super) enum OutputBytes {
    /// A copy.
    Own(Vec<u8>),
    /// A range of the page that the output was read into.
    Page(Arc<Page>, Range<usize>),
}

impl OutputBytes {
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.capacity(),
            Self::Page(..) => SIZE,
        }
    }

    /// Removes the first bytes.
    pub(super) fn skip(&mut self, count: usize) {
        match self {
            Self::Own(bytes) => _ = bytes.drain(..count.min(bytes.len())),
            Self::Page(_, range) => range.start = range.end.min(range.start + count),
        }
    }
}

impl Deref for OutputBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Page(page, range) => page.memory.bytes().get(range.clone()).unwrap_or_default(),
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let mut spare = lock(&self.pool.0);
        if spare.pages.len() < MAX_SPARE {
            spare.pages.push(memory);
        }
    }
}
