//! The write queue of a log file, which counts the lines that do not fit.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::chunk::{Chunk, LostLines, QueueItem};
use super::{BATCH_SIZE, CHUNK_SIZE, MAX_QUEUED, MIN_CHUNK};
use crate::output::page::OutputBytes;
use crate::output::wakers::WakerSet;
use crate::output::writers::WriterPool;
use crate::spec::LogPolicy;

/// The write queue of a log file.
#[derive(Default)]
pub(super) struct Queue {
    /// Each chunk is whole lines; a piece, or a line without a newline, is the last in its chunk.
    pub(super) items: VecDeque<QueueItem>,
    /// Bytes in `items` and in the batch being written.
    pub(super) bytes: usize,
    /// The current outage, from the first failure until everything is written again.
    pub(super) outage: Option<WriteOutage>,
    /// A new policy, applied at the next write.
    pub(super) policy: Option<LogPolicy>,
    /// Whether a thread writes this file or will do so.
    pub(super) scheduled: bool,
    pub(super) closing: bool,
    pub(super) closed: bool,
    pub(super) wakers: WakerSet,
}

/// A period in which the file could not be written.
pub(super) struct WriteOutage {
    /// The latest error of the system.
    pub(super) error: String,
    /// Whether the latest attempt failed too.
    pub(super) is_failing: bool,
    /// The gap in the file so far.
    pub(super) lost: LostLines,
}

impl Queue {
    pub(super) fn is_failing(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| outage.is_failing)
    }

    /// Counts text that does not fit in the queue.
    fn record_loss(&mut self, text: &[u8], now: Timestamp) {
        if !matches!(self.items.back(), Some(QueueItem::Gap(_))) {
            let error = self.outage.as_ref().map(|outage| outage.error.clone());
            self.items.push_back(QueueItem::Gap(LostLines::new(error.unwrap_or_default(), now)));
        }
        if let Some(QueueItem::Gap(lost)) = self.items.back_mut() {
            lost.add(text, now, now);
        }
    }

    pub(super) fn push(&mut self, text: &[u8], now: Timestamp, pool: &WriterPool) {
        if self.is_failing() && self.bytes + text.len() > MAX_QUEUED {
            self.record_loss(text, now);
            return;
        }
        self.bytes += text.len();
        if let Some(QueueItem::Chunk(Chunk { bytes: OutputBytes::Own(bytes), last, .. })) =
            self.items.back_mut()
            && bytes.len() + text.len() <= CHUNK_SIZE
            && bytes.last() == Some(&b'\n')
        {
            bytes.extend_from_slice(text);
            *last = now;
            return;
        }
        let bytes = if (MIN_CHUNK..=CHUNK_SIZE).contains(&text.len()) && text.last() == Some(&b'\n')
        {
            let mut bytes = pool.buffer(CHUNK_SIZE);
            bytes.extend_from_slice(text);
            bytes
        } else {
            text.to_vec()
        };
        let chunk = Chunk { bytes: OutputBytes::Own(bytes), first: now, last: now };
        self.items.push_back(QueueItem::Chunk(chunk));
    }

    /// Removes the items to write in one batch.
    pub(super) fn take_batch(&mut self) -> Vec<QueueItem> {
        let mut bytes = 0;
        let is_within = |item: &&QueueItem| {
            let is_within = bytes < BATCH_SIZE;
            bytes += item.len();
            is_within
        };
        let count = self.items.iter().take_while(is_within).count();
        self.items.drain(..count).collect()
    }

    /// Records that items were written; returns the losses if the outage is over, which it is not if the
    /// next item failed.
    pub(super) fn record_written(&mut self, items: &[QueueItem], is_ok: bool) -> Option<LostLines> {
        let outage = self.outage.as_mut()?;
        outage.is_failing = false;
        for item in items {
            if let QueueItem::Gap(gap) = item {
                outage.lost.merge(gap);
            }
        }
        let is_over = is_ok && !self.items.iter().any(|item| matches!(item, QueueItem::Gap(_)));
        self.outage.take_if(|_| is_over).map(|outage| outage.lost)
    }
}
