//! Journal: records which strays of a session may stay. Read by the guardian when the engine has
//! ended, and by the next start when both have ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::proc::{self, ProcessIdentity, Stat, Subtrees};
use super::sweep::end_all;
use crate::spec::{Stray, StraysPolicy, is_kept};

/// The maximum time to end the processes that an earlier session left.
const RECOVERY_BOUND: Duration = Duration::from_secs(2);

/// The maximum number of scans until one has missed no process; on a busy machine some process always
/// ends during a scan.
const MAX_SCANS: u32 = 50;

/// The stray policy of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StrayRules {
    /// Which strays are ended.
    pub strays: StraysPolicy,
    /// Program names that are never ended.
    #[serde(default)]
    pub keep: BTreeSet<String>,
}

/// The stray policies of a session, by the value of `PITCREW_PROCESS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionStrayRules {
    /// The value of `PITCREW_SESSION`.
    pub session: String,
    /// By name of the process; for other names the default applies: all are ended.
    pub processes: BTreeMap<String, StrayRules>,
}

impl SessionStrayRules {
    fn rules_of(&self, process: &[u8]) -> Option<&StrayRules> {
        let name = std::str::from_utf8(process).ok()?;
        self.processes.get(name).or_else(|| {
            // A replica has the policy of its process.
            let (process, replica) = name.rsplit_once('.')?;
            replica.parse::<u32>().ok()?;
            self.processes.get(process)
        })
    }

    /// Whether this process is left alive, provided that it is not a leader.
    ///
    /// Whether it was in the group of its leader, which is gone, is not known for sure: pitcrew's groups
    /// are in its own session, and a process that leaves a group does so with a new session.
    /// `kernel_session` is that of the engine.
    pub(super) fn spares(&self, stat: &Stat, kernel_session: u32) -> bool {
        if self.processes.is_empty() {
            return false;
        }
        let marker = proc::marker(stat.pid);
        if marker.session.as_deref() != Some(self.session.as_bytes()) {
            return false;
        }
        let Some(rules) = marker.process.as_deref().and_then(|name| self.rules_of(name)) else {
            return false;
        };
        is_kept(&stat.program, &rules.keep)
            || match rules.strays {
                StraysPolicy::Kill => false,
                StraysPolicy::Group => stat.session != kernel_session,
                StraysPolicy::Leave => true,
            }
    }

    /// Removes from `processes` (parents first) the processes that the session leaves alive, and
    /// everything below them. Leaders are always ended, because without the engine nothing
    /// supervises them.
    pub(super) fn leave_out(&self, processes: &mut Vec<Stat>, kernel_session: u32) {
        let mut spared = Subtrees::default();
        processes.retain(|process| {
            let is_leader = process.pid == process.group && process.session == kernel_session;
            !spared.contains(process, || !is_leader && self.spares(process, kernel_session))
        });
    }
}

/// Our kernel session as `/proc` shows it: 0 if its leader is outside of our pid namespace, which is a
/// valid number here, though not for `getsid`.
pub(super) fn own_kernel_session() -> u32 {
    proc::stat(std::process::id()).map_or(0, |stat| stat.session)
}

/// Creates a new value for `PITCREW_SESSION`.
pub fn new_session() -> io::Result<String> {
    random_id("uuid")
}

/// Reads an id from the kernel: a new one, or that of the current boot.
fn random_id(name: &str) -> io::Result<String> {
    let text = std::fs::read_to_string(Path::new("/proc/sys/kernel/random").join(name))?;
    Ok(text.trim().to_owned())
}

/// The file with the policies of the current or last session.
#[derive(Debug, Clone)]
pub struct Journal {
    pub path: PathBuf,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct JournalRecord {
    boot: String,
    /// The kernel session of the engine, which contains its leaders and their groups.
    leaders_in: u32,
    #[serde(flatten)]
    policies: SessionStrayRules,
}

/// The result of [`Journal::recover`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    pub ended: Vec<Stray>,
    pub unkillable: Vec<Stray>,
}

impl Journal {
    /// The journal of a project, in this folder.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join("journal") }
    }

    /// Replaces the contents atomically.
    pub fn write(&self, policies: &SessionStrayRules) -> io::Result<()> {
        let (boot, policies) = (random_id("boot_id")?, policies.clone());
        let record = JournalRecord { boot, leaders_in: own_kernel_session(), policies };
        let new = self.path.with_extension("new");
        let mut file = std::fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec(&record)?)?;
        std::fs::rename(&new, &self.path)
    }

    /// Reads the contents; `None` if there is no file, or it was written before this boot.
    pub fn read(&self) -> io::Result<Option<SessionStrayRules>> {
        Ok(self.record()?.map(|record| record.policies))
    }

    fn record(&self) -> io::Result<Option<JournalRecord>> {
        let bytes = match std::fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let record: JournalRecord = serde_json::from_slice(&bytes)?;
        Ok((record.boot == random_id("boot_id")?).then_some(record))
    }

    /// Removes the record, once nothing of the session is left.
    pub fn clear(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Ends the remaining processes of an earlier session that was killed completely. The caller
    /// holds the lock of the project, so that session is over.
    ///
    /// Its processes are recognised by the session in their environment, never by pid. This process and
    /// its ancestors are left alone in any case. Blocks for at most two seconds.
    pub fn recover(&self) -> io::Result<RecoveryReport> {
        let is_invalid = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        };
        let record = match self.record() {
            // Another file, or truncated.
            Err(error) if is_invalid(&error) => None,
            other => other?,
        };
        let Some(record) = record else {
            return self.clear().map(|()| RecoveryReport::default());
        };
        let own = std::process::id();
        let ancestors = proc::with_ancestors(own).map(|process| process.parent);
        let mut survivors =
            SessionSurvivors { record: &record, others: ancestors.chain([own]).collect() };
        let mut found: BTreeMap<ProcessIdentity, Stray> = BTreeMap::new();
        let left = end_all(RECOVERY_BOUND, || {
            let processes = survivors.scan();
            for process in &processes {
                found.entry(process.identity()).or_insert_with(|| stray(process));
            }
            processes
        });
        for process in &left {
            found.remove(&process.identity());
        }
        if left.is_empty() {
            self.clear()?;
        }
        Ok(RecoveryReport {
            ended: found.into_values().collect(),
            unkillable: left.iter().map(stray).collect(),
        })
    }
}

fn stray(stat: &Stat) -> Stray {
    Stray { pid: stat.pid, command: proc::command_line(stat) }
}

/// Finds the remaining processes of a session, by repeated scans.
struct SessionSurvivors<'a> {
    record: &'a JournalRecord,
    /// Processes that were checked and do not belong to it. Only the first scan is slow: a process that
    /// forks and ends every few milliseconds would otherwise always be gone before it is signalled.
    others: HashSet<u32>,
}

impl SessionSurvivors<'_> {
    /// Returns the processes of the session, parents before children, except those that stay alive.
    ///
    /// An empty result is final only if no process ended before it was checked: it may have been one of
    /// ours whose child did not exist yet when the pids were read.
    fn scan(&mut self) -> Vec<Stat> {
        for _ in 0..MAX_SCANS {
            let (processes, missed) = self.scan_once();
            if !processes.is_empty() || !missed {
                return processes;
            }
        }
        Vec::new()
    }

    /// Also returns whether a process ended before it was checked.
    fn scan_once(&mut self) -> (Vec<Stat>, bool) {
        let session = self.record.policies.session.as_bytes();
        let mut pids: Vec<u32> = proc::pids().filter(|pid| !self.others.contains(pid)).collect();
        // Newest first, because they may end soon.
        pids.sort_unstable_by(|a, b| b.cmp(a));
        let mut missed = false;
        let mut processes = Vec::new();
        for pid in pids {
            let Some(found) = proc::stat(pid) else {
                missed = true;
                continue;
            };
            if !found.zombie && proc::marker(pid).session.as_deref() == Some(session) {
                processes.push(found);
                continue;
            }
            let is_same =
                |now: Stat| now.identity() == found.identity() && now.zombie == found.zombie;
            if proc::stat(pid).is_some_and(is_same) {
                self.others.insert(pid);
                missed |= found.zombie;
            } else {
                missed = true;
            }
        }
        processes.sort_by_key(|process| (process.start, process.pid));
        self.record.policies.leave_out(&mut processes, self.record.leaders_in);
        (processes, missed)
    }
}
