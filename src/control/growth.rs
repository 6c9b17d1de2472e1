//! That there is more of the output, told at the pace of who wants to know.

use std::sync::Arc;
use std::time::Duration;

use super::flow::Taker;
use super::marks::Marks;
use super::wire::Grown;
use crate::output::{LogStore, Newer, Selection, Start};

/// Between two tellings, so that a flood does not become one of these too.
const PACE: Duration = Duration::from_millis(16);

pub(super) async fn tell(
    store: Arc<LogStore>,
    selection: Selection,
    marks: Marks,
    taker: Taker<Grown>,
) {
    let mut count = marks.count();
    let mut reader = store.reader(selection.clone(), Start::Now);
    let mut told = None;
    loop {
        let Some(place) = taker.place().await else { return };
        reader.skip();
        let extent = store.extent(&selection, u64::MAX);
        let marks = *count.borrow_and_update();
        let (next, lines, first) = (extent.next, extent.lines, extent.first);
        let grown = Grown { next, lines, first, marks, partials: extent.partials };
        // Lines of others may have come in between.
        let is_same = told.replace(grown).is_some_and(|told| Grown { next, ..told } == grown);
        if !is_same {
            place.send(Ok(grown));
            tokio::time::sleep(PACE).await;
        }
        tokio::select! {
            newer = std::future::poll_fn(|cx| reader.poll_newer(cx)) => if newer == Newer::Closed {
                return;
            },
            changed = count.changed() => if changed.is_err() {
                return;
            },
            () = taker.gone() => return,
        }
    }
}
