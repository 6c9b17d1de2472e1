//! `exec`: a command of a check, which is a process like any other: it is ended with its whole
//! tree, and what it prints is bounded.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::End;
use crate::output::{Styles, safe_line};
use crate::spec::{Answer, Exit};
use crate::sys::{Child, Host, Launch};

/// How much of the end of each output is kept.
const KEPT: usize = 4 << 10;
/// How long the outputs are read when everything has ended: somebody else may hold them.
const DRAIN: Duration = Duration::from_millis(100);
/// How long a killed leader may take to go.
const GONE: Duration = Duration::from_secs(2);

pub(super) async fn ask<H: Host>(
    host: &H,
    launch: Launch,
    end: impl Future<Output = End>,
) -> Option<Answer> {
    let mut end = pin!(end);
    let mut launch = pin!(host.launch(launch));
    let launched = tokio::select! {
        biased;
        launched = &mut launch => launched.map(|child| (child, None)),
        // One that is on its way is ended like any other.
        end = &mut end => match timeout(GONE, launch).await {
            Ok(launched) => launched.map(|child| (child, Some(end))),
            // Its child is ended as soon as it is there: it has been dropped by then.
            Err(_) => return late(end),
        },
    };
    let (mut child, early) = match launched {
        Ok(launched) => launched,
        Err(error) => return Some(Answer::bad(format!("cannot start: {error}"))),
    };
    let words = Words::read(child.stdout(), child.stderr());
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
        // Not reaped, it goes in the background.
        _ = child.reap();
    }
    let (colon, left) = (if words.is_empty() { "" } else { ": " }, left.unwrap_or_default());
    match over {
        Ok(Ok(exit @ Exit::Code(0))) => Some(Answer::good(format!("{exit}{colon}{words}"))),
        Ok(Ok(exit)) => Some(Answer::bad(format!("{exit}{left}{colon}{words}"))),
        Ok(Err(error)) => Some(Answer::bad(format!("{error}{left}{colon}{words}"))),
        Err(End::TimedOut(limit)) => {
            Some(Answer::bad(format!("no end within {limit:?}, killed{left}{colon}{words}")))
        }
        Err(End::CalledOff) => None,
    }
}

fn late(end: End) -> Option<Answer> {
    match end {
        End::TimedOut(limit) => {
            Some(Answer::bad(format!("no end within {limit:?} (still being started)")))
        }
        End::CalledOff => None,
    }
}

/// The ends of both outputs.
#[derive(Default)]
struct Kept {
    out: Mutex<Vec<u8>>,
    err: Mutex<Vec<u8>>,
}

/// The same, read while it runs.
struct Words {
    kept: Arc<Kept>,
    reading: tokio::task::JoinHandle<()>,
}

impl Drop for Words {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Words {
    fn read<R: AsyncRead + Unpin + Send + 'static>(out: Option<R>, err: Option<R>) -> Self {
        let kept = Arc::new(Kept::default());
        let into = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            tokio::join!(tail(out, &into.out), tail(err, &into.err));
        });
        Self { kept, reading }
    }

    /// Its last words: of the errors, if there were any.
    async fn last(mut self) -> String {
        _ = timeout(DRAIN, &mut self.reading).await;
        let Kept { out, err } = &*self.kept;
        [err, out].into_iter().map(last_line).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

fn last_line(kept: &Mutex<Vec<u8>>) -> String {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let lines = kept.split(|byte| *byte == b'\n').rev();
    let mut lines = lines.map(|line| safe_line(line, Styles::Drop).trim().to_owned());
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

/// Reads to the end; keeps the last bytes.
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
