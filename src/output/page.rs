//! Memory that output is read into, and that is then kept and written to the log without a copy.
//!
//! A read that fills most of a [`ReadBuffer`] takes its memory along: the store keeps the page, the log
//! file writes from it, and whoever lets go of it last gives it back for the next read. So a flood
//! costs one copy, out of the pipe, and no fresh memory once the store is full. What is read in small
//! portions is copied, so that a page is never kept for a few lines.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, Mutex};

use super::block::IndexEntry;
use super::wakers::lock;

/// Memory of one page.
pub(super) const SIZE: usize = 256 << 10;
/// A page of the system, or a part of one.
const ALIGNED: usize = 4 << 10;
/// Left free in front of what is read, for the line that was begun before.
pub(super) const HEADROOM: usize = 4 << 10;
/// A read of less is copied.
pub(super) const MUCH: usize = (SIZE - HEADROOM) / 4 * 3;
/// Pages and indexes that are kept for the next flood.
const SPARE: usize = 16;

/// What a child's output is read into. One serves many runs, one after the other.
pub struct ReadBuffer(PageMemory);

impl ReadBuffer {
    pub fn room(&mut self) -> &mut [u8] {
        self.0.get_mut(HEADROOM..).unwrap_or_default()
    }

    /// The first bytes of the room, which have been read.
    pub fn filled(&self, read: usize) -> &[u8] {
        self.0.get(HEADROOM..HEADROOM + read).unwrap_or_default()
    }

    /// What was read, behind the bytes that came before: `None` when those are too many.
    pub(super) fn joined(&mut self, before: &[u8], read: usize) -> Option<Range<usize>> {
        let start = HEADROOM.checked_sub(before.len())?;
        self.0.get_mut(start..HEADROOM)?.copy_from_slice(before);
        Some(start..HEADROOM + read)
    }

    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        self.0.get(range).unwrap_or_default()
    }
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self(PageMemory::new())
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// The memory itself. It begins where a page of the system does: the kernel copies from page to page,
/// and does so faster when both begin alike.
#[derive(Default)]
struct PageMemory {
    bytes: Vec<u8>,
    start: usize,
}

impl PageMemory {
    fn new() -> Self {
        let bytes = vec![0; SIZE + ALIGNED - 1];
        let address = bytes.as_ptr().addr();
        Self { start: address.next_multiple_of(ALIGNED) - address, bytes }
    }
}

impl Deref for PageMemory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + SIZE).unwrap_or_default()
    }
}

impl DerefMut for PageMemory {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + SIZE).unwrap_or_default()
    }
}

/// Pages that are not in use, of one store.
#[derive(Default)]
pub(super) struct PagePool(Mutex<FreePages>);

#[derive(Default)]
struct FreePages {
    pages: Vec<PageMemory>,
    indexes: Vec<Vec<IndexEntry>>,
}

impl PagePool {
    /// Takes the memory that was read into, and leaves other memory in its place.
    pub(super) fn take(self: &Arc<Self>, scratch: &mut ReadBuffer) -> Arc<Page> {
        let spare = lock(&self.0).pages.pop();
        let fresh = spare.map_or_else(ReadBuffer::default, ReadBuffer);
        let ReadBuffer(bytes) = std::mem::replace(scratch, fresh);
        Arc::new(Page { bytes, home: Arc::clone(self) })
    }

    /// An empty index for about so many lines, used before if there is one.
    pub(super) fn index(&self, lines: usize) -> Vec<IndexEntry> {
        lock(&self.0).indexes.pop().unwrap_or_else(|| Vec::with_capacity(lines))
    }

    /// Takes back an index that nobody needs any more.
    pub(super) fn give_back(&self, mut index: Vec<IndexEntry>) {
        index.clear();
        let mut spare = lock(&self.0);
        if spare.indexes.len() < SPARE {
            spare.indexes.push(index);
        }
    }
}

/// A page that has been read into, and does not change any more.
pub(super) struct Page {
    bytes: PageMemory,
    home: Arc<PagePool>,
}

impl Page {
    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut spare = lock(&self.home.0);
        if spare.pages.len() < SPARE {
            spare.pages.push(bytes);
        }
    }
}
