//! `--events FILE`: appends every event as a line of JSON.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tokio::sync::mpsc;

use crate::engine::{Engine, Notice, NoticeSender};
use crate::machine::Event;
use crate::plain::FrontThread;
use crate::spec::counted;
use crate::sys::{Host, own_process};

/// Writes events on a thread of its own.
pub(super) struct EventWriter(FrontThread);

impl EventWriter {
    /// Begins to append to `path`.
    pub(super) fn open<H: Host>(path: &Path, engine: &mut Engine<H>) -> std::io::Result<Self> {
        let file = own_process::append_without_waiting(path)?;
        let (events, notices) = (engine.observe(), engine.notices());
        let path = path.to_owned();
        FrontThread::start("pitcrew-events", move || record(file, &path, events, &notices))
            .map(Self)
    }

    /// Waits until the last event is written.
    pub(super) async fn finish(self) {
        self.0.done().await;
    }
}

fn record(
    mut file: File,
    path: &Path,
    mut events: mpsc::UnboundedReceiver<Event>,
    notices: &NoticeSender,
) {
    let mut lost: u64 = 0;
    while let Some(event) = events.blocking_recv() {
        let Ok(mut line) = serde_json::to_vec(&event) else { continue };
        line.push(b'\n');
        match file.write_all(&line) {
            Ok(()) if lost > 0 => {
                let text = format!(
                    "{} is written again; lost: {}",
                    path.display(),
                    counted(lost, "event")
                );
                notices.tell(Notice::general(text));
                lost = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if lost == 0 {
                    let text = format!("cannot write {}: {error}", path.display());
                    notices.tell(Notice::general(text));
                }
                lost += 1;
            }
        }
    }
}
