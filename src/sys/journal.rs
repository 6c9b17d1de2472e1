//! Journal: records which strays of a session may stay. Read by the guardian when the engine has
//! ended, and by the next start when both have ended.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::proc::{self, Stat};
use super::sweep::end_all;
use crate::spec::{Stray, StraysPolicy, is_kept};

/// The maximum time to end what an earlier session left.
const RECOVERY_BOUND: Duration = Duration::from_secs(2);

/// The maximum number of scans until one has missed no process; on a busy machine some process always
/// ends during a scan.
const MAX_SCANS: u32 = 50;

/// The stray policy of one process.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StrayRules {
    /// Which of them are ended.
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
    fn of(&self, process: &[u8]) -> Option<&StrayRules> {
        let name = std::str::from_utf8(process).ok()?;
        self.processes.get(name).or_else(|| {
            // A replica has the policy of its process.
            let (base, number) = name.rsplit_once('.')?;
            number.parse::<u32>().ok()?;
            self.processes.get(base)
        })
    }

    /// Whether this process is left alive, provided that it is not a leader.
    ///
    /// Whether it was in the group of its leader, which is gone, is not known for sure: pitcrew's groups
    /// are in its own session, and a process that leaves a group does so with a new session.
    pub(super) fn spares_stray(&self, stat: &Stat) -> bool {
        self.spares_of_session(stat, own_session())
    }

    fn spares_of_session(&self, stat: &Stat, session: u32) -> bool {
        if self.processes.is_empty() {
            return false;
        }
        let marker = proc::marker(stat.pid);
        if marker.session.as_deref() != Some(self.session.as_bytes()) {
            return false;
        }
        let Some(leftovers) = marker.process.as_deref().and_then(|name| self.of(name)) else {
            return false;
        };
        is_kept(&stat.program, &leftovers.keep)
            || match leftovers.strays {
                StraysPolicy::Kill => false,
                StraysPolicy::Group => stat.session != session,
                StraysPolicy::Leave => true,
            }
    }

    /// Removes from `all` (parents first) the processes that the session leaves alive, and everything
    /// below them. Leaders are always ended, because without the engine nothing supervises them.
    pub(super) fn leave_out(&self, all: &mut Vec<Stat>) {
        self.leave_out_of_session(all, own_session());
    }

    fn leave_out_of_session(&self, all: &mut Vec<Stat>, session: u32) {
        let mut spared = HashSet::new();
        all.retain(|one| {
            let leads = one.pid == one.group && one.session == session;
            let spare =
                spared.contains(&one.parent) || !leads && self.spares_of_session(one, session);
            if spare {
                spared.insert(one.pid);
            }
            !spare
        });
    }
}

/// Our session as `/proc` shows it: 0 if its leader is outside of our pid namespace, which is a
/// valid number here, though not for `getsid`.
fn own_session() -> u32 {
    proc::stat(std::process::id()).map_or(0, |stat| stat.session)
}

/// Creates a new value for `PITCREW_SESSION`.
pub fn new_session() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}

fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The file with the policies of the current or last session.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
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
        Self::at(folder.join("journal"))
    }

    /// The journal in this file.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Replaces the contents atomically.
    pub fn write(&self, policies: &SessionStrayRules) -> io::Result<()> {
        let record =
            JournalRecord { boot: boot()?, leaders_in: own_session(), policies: policies.clone() };
        let new = self.path.with_extension("new");
        let mut file = std::fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec(&record)?)?;
        std::fs::rename(&new, &self.path)
    }

    /// Reads the contents; `None` if there are none, or none of this boot.
    pub fn read(&self) -> io::Result<Option<SessionStrayRules>> {
        Ok(self.record()?.map(|record| record.policies))
    }

    fn record(&self) -> io::Result<Option<JournalRecord>> {
        let bytes = match std::fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let record: JournalRecord = serde_json::from_slice(&bytes)?;
        Ok((record.boot == boot()?).then_some(record))
    }

    /// Removes the record, once nothing of the session is left.
    pub fn clear(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Ends what is left of an earlier session whose processes were all killed. The caller holds the
    /// lock of the project, so that session is over.
    ///
    /// Its processes are recognised by the session in their environment, never by pid. This process and
    /// its ancestors are left alone in any case. Blocks for at most two seconds.
    pub fn recover(&self) -> io::Result<RecoveryReport> {
        let useless = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
        };
        let record = match self.record() {
            // Not ours, or truncated: it contains nothing useful.
            Err(error) if useless(&error) => None,
            other => other?,
        };
        let Some(record) = record else {
            return self.clear().map(|()| RecoveryReport::default());
        };
        let mut leavings = SessionSurvivors { record: &record, others: ancestors() };
        let mut met: BTreeMap<(u32, u64), Stray> = BTreeMap::new();
        let left = end_all(RECOVERY_BOUND, || {
            let all = leavings.look();
            for one in &all {
                met.entry(one.identity()).or_insert_with(|| stray(one));
            }
            all
        });
        for one in &left {
            met.remove(&one.identity());
        }
        if left.is_empty() {
            self.clear()?;
        }
        Ok(RecoveryReport {
            ended: met.into_values().collect(),
            unkillable: left.iter().map(stray).collect(),
        })
    }
}

fn stray(stat: &Stat) -> Stray {
    Stray { pid: stat.pid, command: proc::command_line(stat) }
}

fn ancestors() -> HashSet<u32> {
    let mut ancestors = HashSet::new();
    let mut pid = std::process::id();
    while pid > 0 && ancestors.insert(pid) {
        pid = proc::stat(pid).map_or(0, |stat| stat.parent);
    }
    ancestors
}

/// Finds what is left of a session, by repeated scans.
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
    fn look(&mut self) -> Vec<Stat> {
        for _ in 0..MAX_SCANS {
            let (all, missed) = self.once();
            if !all.is_empty() || !missed {
                return all;
            }
        }
        Vec::new()
    }

    fn once(&mut self) -> (Vec<Stat>, bool) {
        let session = self.record.policies.session.as_bytes();
        let mut pids: Vec<u32> = proc::pids().filter(|pid| !self.others.contains(pid)).collect();
        // Newest first, because they may end soon.
        pids.sort_unstable_by(|a, b| b.cmp(a));
        let mut missed = false;
        let mut all = Vec::new();
        for pid in pids {
            let Some(found) = proc::stat(pid) else {
                missed = true;
                continue;
            };
            if !found.zombie && proc::marker(pid).session.as_deref() == Some(session) {
                all.push(found);
                continue;
            }
            let same = |now: Stat| now.identity() == found.identity() && now.zombie == found.zombie;
            if proc::stat(pid).is_some_and(same) {
                self.others.insert(pid);
                missed |= found.zombie;
            } else {
                missed = true;
            }
        }
        all.sort_by_key(|one| (one.start, one.pid));
        self.record.policies.leave_out_of_session(&mut all, self.record.leaders_in);
        (all, missed)
    }
}
