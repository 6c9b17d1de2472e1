//! The `exec` probe: runs a command, ends its whole tree, and limits its output.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::ProbeFailure;
use crate::output::{StyleMode, safe_line};
use crate::spec::{Exit, ProbeResult};
use crate::sys::{Child, Host, Launch};

/// The number of bytes kept of the end of each output.
const KEPT: usize = 4 << 10;
/// How long outputs are read after the end: other processes may hold them open.
const DRAIN: Duration = Duration::from_millis(100);
/// How long to wait for the end of a killed leader.
const GONE: Duration = Duration::from_secs(2);

pub(super) async fn ask<H: Host>(
    host: &H,
    launch: Launch,
    end: impl Future<Output = ProbeFailure>,
) -> Option<ProbeResult> {
    let mut end = pin!(end);
    let mut launch = pin!(host.launch(launch));
    let launched = tokio::select! {
        biased;
        launched = &mut launch => launched.map(|child| (child, None)),
        // A start in progress is ended like a running command.
        end = &mut end => match timeout(GONE, launch).await {
            Ok(launched) => launched.map(|child| (child, Some(end))),
            // The launch was dropped, so its child is ended as soon as it exists.
            Err(_) => return late(end),
        },
    };
    let (mut child, early) = match launched {
        Ok(launched) => launched,
        Err(error) => return Some(ProbeResult::bad(format!("cannot start: {error}"))),
    };
    let words = OutputReaders::read(child.stdout(), child.stderr());
    let over = if let Some(end) = early {
        Err(end)
    } else {
        tokio::select! {
            biased;
            exit = child.exited() => Ok(exit),
            end = end => Err(end),
        }
    };
    let left = child.kill_tree().await.err().map(|error| format!("; {error}"));
    let words = words.last().await;
    if timeout(GONE, child.exited()).await.is_ok() {
        // If this fails, it is reaped in the background.
        _ = child.reap();
    }
    let (colon, left) = (if words.is_empty() { "" } else { ": " }, left.unwrap_or_default());
    match over {
        Ok(Ok(exit @ Exit::Code(0))) => Some(ProbeResult::good(format!("{exit}{colon}{words}"))),
        Ok(Ok(exit)) => Some(ProbeResult::bad(format!("{exit}{left}{colon}{words}"))),
        Ok(Err(error)) => Some(ProbeResult::bad(format!("{error}{left}{colon}{words}"))),
        Err(ProbeFailure::TimedOut(limit)) => {
            Some(ProbeResult::bad(format!("no end within {limit:?}, killed{left}{colon}{words}")))
        }
        Err(ProbeFailure::CalledOff) => None,
    }
}

fn late(end: ProbeFailure) -> Option<ProbeResult> {
    match end {
        ProbeFailure::TimedOut(limit) => {
            Some(ProbeResult::bad(format!("no end within {limit:?} (still being started)")))
        }
        ProbeFailure::CalledOff => None,
    }
}

/// The ends of both outputs.
#[derive(Default)]
struct OutputTails {
    out: Mutex<Vec<u8>>,
    err: Mutex<Vec<u8>>,
}

/// The same, read while it runs.
struct OutputReaders {
    kept: Arc<OutputTails>,
    reading: tokio::task::JoinHandle<()>,
}

impl Drop for OutputReaders {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl OutputReaders {
    fn read<R: AsyncRead + Unpin + Send + 'static>(out: Option<R>, err: Option<R>) -> Self {
        let kept = Arc::new(OutputTails::default());
        let into = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            tokio::join!(tail(out, &into.out), tail(err, &into.err));
        });
        Self { kept, reading }
    }

    /// Returns the last line of stderr, or else of stdout.
    async fn last(mut self) -> String {
        _ = timeout(DRAIN, &mut self.reading).await;
        let OutputTails { out, err } = &*self.kept;
        [err, out].into_iter().map(last_line).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

fn last_line(kept: &Mutex<Vec<u8>>) -> String {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = kept.split(|byte| *byte == b'\n').rev();
    let mut lines = lines.map(|line| safe_line(line, StyleMode::Drop).trim().to_owned());
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

/// Reads to the end and keeps the last bytes.
async fn tail(reader: Option<impl AsyncRead + Unpin>, into: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    let Some(mut reader) = reader else { return };
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
        let extra = kept.len().saturating_sub(KEPT);
        kept.drain(..extra);
    }
}
