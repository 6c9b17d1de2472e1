//! The `exec` probe: runs a command, ends its whole tree, and limits its output.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::ProbeFailure;
use crate::output::{PerStream, StyleMode, safe_line};
use crate::spec::{Exit, ProbeResult, io_error_text};
use crate::sys::{Child, Host, Launch};

/// The number of bytes kept of the end of each output.
const MAX_KEPT: usize = 4 << 10;
/// How long outputs are read after the end: other processes may hold them open.
const DRAIN_TIME: Duration = Duration::from_millis(100);
/// How long to wait for the end of a killed leader.
const END_TIME: Duration = Duration::from_secs(2);

pub(super) async fn probe<H: Host>(
    host: &H,
    launch: Launch,
    end: impl Future<Output = ProbeFailure>,
) -> Option<ProbeResult> {
    let mut end = pin!(end);
    let mut launch = pin!(host.launch(launch));
    let (launched, ended) = tokio::select! {
        biased;
        launched = &mut launch => (launched, None),
        // A start in progress is ended like a running command.
        end = &mut end => {
            let Ok(launched) = timeout(END_TIME, launch).await else {
                // The launch was dropped, so its child is ended as soon as it exists.
                let text = |limit: &str| format!("timed out after {limit} (not started yet)");
                return end.into_result(text);
            };
            (launched, Some(end))
        }
    };
    let mut child = match launched {
        Ok(child) => child,
        Err(error) => return Some(ProbeResult::bad(format!("cannot start: {error}"))),
    };
    let output = OutputReaders::start(child.stdout(), child.stderr());
    let result = if let Some(end) = ended {
        Err(end)
    } else {
        tokio::select! {
            biased;
            exit = child.exited() => Ok(exit),
            end = end => Err(end),
        }
    };
    let left = child.kill_tree().await.err().map(|error| format!("; {error}")).unwrap_or_default();
    let output = match output.last_line().await {
        line if line.is_empty() => line,
        line => format!(": {line}"),
    };
    if timeout(END_TIME, child.exited()).await.is_ok() {
        // If this fails, it is reaped in the background.
        _ = child.reap();
    }
    match result {
        Ok(Ok(exit @ Exit::Code(0))) => Some(ProbeResult::good(format!("{exit}{output}"))),
        Ok(Ok(exit)) => Some(ProbeResult::bad(format!("{exit}{left}{output}"))),
        Ok(Err(error)) => {
            Some(ProbeResult::bad(format!("{}{left}{output}", io_error_text(&error))))
        }
        Err(end) => {
            end.into_result(|limit| format!("timed out after {limit}, killed{left}{output}"))
        }
    }
}

/// The ends of both outputs, which a task reads.
struct OutputReaders {
    tails: Arc<PerStream<Mutex<Vec<u8>>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for OutputReaders {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl OutputReaders {
    fn start<R: AsyncRead + Unpin + Send + 'static>(out: Option<R>, err: Option<R>) -> Self {
        let tails = Arc::<PerStream<Mutex<Vec<u8>>>>::default();
        let target = Arc::clone(&tails);
        let task = tokio::spawn(async move {
            tokio::join!(read_tail(out, &target.out), read_tail(err, &target.err));
        });
        Self { tails, task }
    }

    /// Returns the last line of stderr, or else of stdout.
    async fn last_line(mut self) -> String {
        _ = timeout(DRAIN_TIME, &mut self.task).await;
        let PerStream { out, err } = &*self.tails;
        [err, out].into_iter().map(last_line).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

fn last_line(tail: &Mutex<Vec<u8>>) -> String {
    let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = tail.split(|byte| *byte == b'\n').rev();
    let mut lines = lines.map(|line| safe_line(line, StyleMode::Drop).trim().to_owned());
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

/// Reads to the end and keeps the last bytes.
async fn read_tail(reader: Option<impl AsyncRead + Unpin>, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    let Some(mut reader) = reader else { return };
    while let Ok(length @ 1..) = reader.read(&mut buffer).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(buffer.get(..length).unwrap_or_default());
        let excess = tail.len().saturating_sub(MAX_KEPT);
        tail.drain(..excess);
    }
}
