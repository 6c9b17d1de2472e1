//! Opens, updates and closes the log files of all processes.

use std::collections::HashMap;
use std::time::Duration;

use super::notice::{Notice, NoticeSender};
use crate::machine::ProcessId;
use crate::output::{LogFile, LogWriters};
use crate::spec::{LogPolicy, Name, counted};

/// The maximum time to write the log files to the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Log files by process.
pub(super) struct LogFiles {
    writers: LogWriters,
    open: HashMap<ProcessId, (LogPolicy, LogFile)>,
    /// Files that are no longer used but may not be written to the end yet.
    closing: Vec<LogFile>,
}

impl LogFiles {
    pub(super) fn new(notices: NoticeSender) -> Self {
        let writers = LogWriters::new(move |notice| notices.send(notice.into()));
        Self { writers, open: HashMap::new(), closing: Vec::new() }
    }

    /// Returns the log file of a process under this policy, and opens it if necessary.
    pub(super) fn of(
        &mut self,
        process: ProcessId,
        name: &Name,
        replica: Option<u32>,
        policy: Option<&LogPolicy>,
    ) -> Option<LogFile> {
        let Some(policy) = policy else {
            self.forget(process);
            return None;
        };
        if let Some((open, log)) = self.open.get_mut(&process)
            && open.file == policy.file
        {
            if open != policy {
                log.limit(policy);
                open.clone_from(policy);
            }
            return Some(log.clone());
        }
        self.forget(process);
        let log = self.writers.open(name, policy, replica);
        self.open.insert(process, (policy.clone(), log.clone()));
        Some(log)
    }

    /// Closes the log file of a process.
    pub(super) fn forget(&mut self, process: ProcessId) {
        self.closing.extend(self.open.remove(&process).map(|(_, log)| log));
    }

    /// Waits until all output is in the log files, or known to be lost.
    pub(super) async fn close(&mut self, notices: &NoticeSender) {
        let open = self.open.drain().map(|(_, (_, log))| log);
        let logs: Vec<LogFile> = open.chain(self.closing.drain(..)).collect();
        if logs.is_empty() {
            return;
        }
        let closed = tokio::task::spawn_blocking(move || {
            logs.iter().filter(|log| !log.close(CLOSE_TIMEOUT)).count()
        });
        if let Ok(late @ 1..) = closed.await {
            let files = counted(late, "log file");
            notices.send(Notice::general(format!("{files} could not be written to the end")));
        }
    }
}
