//! `--events FILE`: appends every event to a file as a line of JSON.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tokio::sync::mpsc;

use crate::engine::{Engine, Notice, NoticeSender};
use crate::machine::Event;
use crate::plain::FrontThread;
use crate::spec::{counted, io_error_text};
use crate::sys::{Host, own_process};

/// Starts a thread that writes the events, up to the last one.
pub(super) fn start<H: Host>(path: &Path, engine: &mut Engine<H>) -> std::io::Result<FrontThread> {
    let file = own_process::append_without_waiting(path)?;
    let (events, notices) = (engine.observe(), engine.notices());
    let path = path.display().to_string();
    FrontThread::start("pitcrew-events", move || write_events(file, &path, events, &notices))
}

fn write_events(
    mut file: File,
    path: &str,
    mut events: mpsc::UnboundedReceiver<Event>,
    notices: &NoticeSender,
) {
    let mut lost: u64 = 0;
    while let Some(event) = events.blocking_recv() {
        let Ok(mut line) = serde_json::to_vec(&event) else { continue };
        line.push(b'\n');
        match file.write_all(&line) {
            Ok(()) if lost > 0 => {
                let lost = counted(std::mem::take(&mut lost), "event");
                let text = format!("{path} is written again; lost: {lost}");
                notices.send(Notice::general(text));
            }
            Ok(()) => {}
            Err(error) => {
                if lost == 0 {
                    notices.send(Notice::general(format!(
                        "cannot write {path}: {}",
                        io_error_text(&error)
                    )));
                }
                lost += 1;
            }
        }
    }
}
