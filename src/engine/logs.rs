//! Opens, updates and closes the log files of all processes.

use std::collections::HashMap;
use std::time::Duration;

use super::notice::{Notice, NoticeSender};
use crate::machine::ProcessId;
use crate::output::{LogFile, LogWriters};
use crate::spec::{LogPolicy, Name};

/// How long log files may take to be written when everything has ended.
const CLOSE: Duration = Duration::from_secs(5);

/// Log files by process, and those that are not used any more but may not be written to the end.
pub(super) struct LogFiles {
    writers: LogWriters,
    open: HashMap<ProcessId, (LogPolicy, LogFile)>,
    old: Vec<LogFile>,
}

impl LogFiles {
    pub(super) fn new(notices: NoticeSender) -> Self {
        let writers = LogWriters::new(move |notice| notices.tell(notice.into()));
        Self { writers, open: HashMap::new(), old: Vec::new() }
    }

    /// Where a process logs to by this policy; opened when it is not yet.
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
        if let Some((known, log)) = self.open.get_mut(&process)
            && known.file == policy.file
        {
            if known != policy {
                log.limit(policy);
                known.clone_from(policy);
            }
            return Some(log.clone());
        }
        self.forget(process);
        let log = self.writers.open(name, policy, replica);
        self.open.insert(process, (policy.clone(), log.clone()));
        Some(log)
    }

    /// It logs there no more.
    pub(super) fn forget(&mut self, process: ProcessId) {
        self.old.extend(self.open.remove(&process).map(|(_, log)| log));
    }

    /// Waits until what was printed is in the log files, or known to be lost.
    pub(super) async fn close(&mut self, notices: &NoticeSender) {
        let open = self.open.drain().map(|(_, (_, log))| log);
        let logs: Vec<LogFile> = open.chain(self.old.drain(..)).collect();
        if logs.is_empty() {
            return;
        }
        let closed = tokio::task::spawn_blocking(move || {
            logs.iter().filter(|log| !log.close(CLOSE)).count()
        });
        if let Ok(late @ 1..) = closed.await {
            let text = format!("{late} log files could not be written to the end");
            notices.tell(Notice::general(text));
        }
    }
}
