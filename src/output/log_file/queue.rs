//! What waits for the disk, and what found no room to wait.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::chunk::{Bytes, Chunk, LostLines, QueueItem};
use super::{CHUNK, MUCH, QUEUE, TURN};
use crate::output::wakers::WakerSet;
use crate::output::writers::WriterPool;

#[derive(Default)]
pub(super) struct Queue {
    /// Each chunk is whole lines; a piece, or a line without newline, is the last of its chunk.
    pub(super) items: VecDeque<QueueItem>,
    /// Bytes in `items` and in the hands of the writer.
    pub(super) bytes: usize,
    /// There is from a failure until all is well again.
    pub(super) failing: Option<WriteOutage>,
    /// To be rotated by these from the next write on.
    pub(super) limits: Option<(u64, u32)>,
    /// A thread has it, or will.
    pub(super) scheduled: bool,
    pub(super) closing: bool,
    pub(super) closed: bool,
    pub(super) wakers: WakerSet,
}

/// A file that could not be written.
pub(super) struct WriteOutage {
    /// What the system said last.
    pub(super) error: String,
    /// The latest try failed too.
    pub(super) still: bool,
    /// What is missing in the file so far.
    pub(super) lost: LostLines,
}

impl Queue {
    pub(super) fn fails(&self) -> bool {
        self.failing.as_ref().is_some_and(|failing| failing.still)
    }

    /// Counts what finds no room.
    fn lose(&mut self, text: &[u8], now: Timestamp) {
        if !matches!(self.items.back(), Some(QueueItem::Gap(_))) {
            let error = self.failing.as_ref().map(|failing| failing.error.clone());
            self.items.push_back(QueueItem::Gap(LostLines::new(error.unwrap_or_default(), now)));
        }
        if let Some(QueueItem::Gap(lost)) = self.items.back_mut() {
            lost.add(text, now, now);
        }
    }

    pub(super) fn push(&mut self, text: &[u8], now: Timestamp, pool: &WriterPool) {
        if self.fails() && self.bytes + text.len() > QUEUE {
            self.lose(text, now);
            return;
        }
        self.bytes += text.len();
        if let Some(QueueItem::Chunk(Chunk { bytes: Bytes::Own(bytes), last, .. })) =
            self.items.back_mut()
            && bytes.len() + text.len() <= CHUNK
            && bytes.last() == Some(&b'\n')
        {
            bytes.extend_from_slice(text);
            *last = now;
            return;
        }
        let bytes = if (MUCH..=CHUNK).contains(&text.len()) && text.last() == Some(&b'\n') {
            let mut bytes = pool.buffer(CHUNK);
            bytes.extend_from_slice(text);
            bytes
        } else {
            text.to_vec()
        };
        let chunk = Chunk { bytes: Bytes::Own(bytes), first: now, last: now };
        self.items.push_back(QueueItem::Chunk(chunk));
    }

    /// Takes out what is written in one turn.
    pub(super) fn turn(&mut self) -> Vec<QueueItem> {
        let mut bytes = 0;
        let count = self.items.iter().take_while(|item| {
            let more = bytes < TURN;
            bytes += item.len();
            more
        });
        let count = count.count();
        self.items.drain(..count).collect()
    }

    /// Notes that items are in the file; gives what was lost where all is well again, which it is not
    /// when the next one failed.
    pub(super) fn wrote(&mut self, items: &[QueueItem], is_ok: bool) -> Option<LostLines> {
        let failing = self.failing.as_mut()?;
        failing.still = false;
        for item in items {
            if let QueueItem::Gap(gap) = item {
                failing.lost.merge(gap);
            }
        }
        let is_whole = is_ok && !self.items.iter().any(|item| matches!(item, QueueItem::Gap(_)));
        is_whole.then(|| self.failing.take().map(|failing| failing.lost)).flatten()
    }
}
