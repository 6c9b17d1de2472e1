//! Conditions of `depends_on`: the single place that decides whether one holds.
//!
//! The machine asks it before it starts a dependant, the control socket for whoever waits, the
//! interface for its graph. Each knows a process by another record, so all of them make a
//! [`ConditionSubject`] or a [`Progress`] of what they have.

use super::{ProcessView, StateName};
use crate::spec::{Condition, ProcessKind};

/// How far one process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub state: StateName,
    /// Exec of its latest run has succeeded.
    pub started: bool,
    /// Its latest run has ended well.
    pub succeeded: bool,
}

/// What the name in front of a condition means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionScope {
    /// A process, a replica or a job: this one has to get there itself.
    Process,
    /// A pool: its jobs together have to get there, so one that is done keeps nobody waiting.
    Pool,
}

/// How a process stands to a condition. Of several, the greatest is that of all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionStatus {
    Met,
    /// It does not hold yet.
    Pending,
    /// It will not hold before somebody starts the process again.
    Unreachable,
}

impl Progress {
    /// Whether it is where a service or a one-shot is meant to get: ready, or done and successful.
    pub fn is_settled(self) -> bool {
        matches!(self.state, StateName::Ready | StateName::Succeeded)
    }

    /// How it stands to being settled, which is what people wait for when they name no condition.
    pub fn settling(self) -> ConditionStatus {
        if self.is_settled() { ConditionStatus::Met } else { self.unmet() }
    }

    /// The status of a condition that does not hold.
    fn unmet(self) -> ConditionStatus {
        match self.state {
            StateName::Succeeded | StateName::Failed | StateName::Skipped => {
                ConditionStatus::Unreachable
            }
            // One that a user stopped may come back.
            StateName::Stopped
            | StateName::Idle
            | StateName::Waiting
            | StateName::Queued
            | StateName::Starting
            | StateName::Ready
            | StateName::Unhealthy
            | StateName::Stopping
            | StateName::Backoff => ConditionStatus::Pending,
        }
    }
}

impl Condition {
    /// How a process that has come so far stands to this condition.
    pub fn status(self, progress: Progress, scope: ConditionScope) -> ConditionStatus {
        let Progress { state, started, succeeded } = progress;
        let of_pool = scope == ConditionScope::Pool;
        let is_met = match self {
            Self::Started => started,
            Self::Ready => state == StateName::Ready || of_pool && succeeded,
            Self::Succeeded => succeeded,
            Self::Completed => match state {
                StateName::Succeeded | StateName::Failed => true,
                StateName::Stopped | StateName::Skipped => of_pool,
                StateName::Idle
                | StateName::Waiting
                | StateName::Queued
                | StateName::Starting
                | StateName::Ready
                | StateName::Unhealthy
                | StateName::Stopping
                | StateName::Backoff => false,
            },
        };
        if is_met { ConditionStatus::Met } else { progress.unmet() }
    }

    /// Whether jobs that were added to a pool while it ran count. A pool has succeeded when the jobs
    /// of the file have, and is completed when none at all is left.
    pub fn counts_added_jobs(self) -> bool {
        self == Self::Completed
    }
}

/// One process, as far as conditions on it and on its pool need to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionSubject<'a> {
    /// `worker.1`
    pub name: &'a str,
    /// `worker`
    pub process: &'a str,
    /// The pool it is a job of; nothing for a process of the file, whatever pool it is in.
    pub job_of: Option<&'a str>,
    /// It was added while the project ran.
    pub added: bool,
    /// How far it has come.
    pub progress: Progress,
}

impl ConditionSubject<'_> {
    /// In which scope a condition on `name` is about this process; nothing when it is not.
    pub fn scope(&self, name: &str, condition: Condition) -> Option<ConditionScope> {
        let is_counted = !self.added || condition.counts_added_jobs();
        if self.process == name || self.name == name {
            Some(ConditionScope::Process)
        } else if self.job_of == Some(name) && is_counted {
            Some(ConditionScope::Pool)
        } else {
            None
        }
    }

    /// How it stands to a condition on `name`; nothing when that is not about this process.
    pub fn status(&self, name: &str, condition: Condition) -> Option<ConditionStatus> {
        self.scope(name, condition).map(|scope| condition.status(self.progress, scope))
    }
}

/// How a condition on `name` stands, over all processes it is about. One on nothing holds, such as
/// that on a pool without jobs.
pub fn combined_status<'a>(
    all: impl Iterator<Item = ConditionSubject<'a>>,
    name: &str,
    condition: Condition,
) -> ConditionStatus {
    all.filter_map(|one| one.status(name, condition)).max().unwrap_or(ConditionStatus::Met)
}

impl ProcessView {
    /// How far it has come.
    #[doc(hidden)]
    pub fn progress(&self) -> Progress {
        Progress { state: self.state, started: self.started, succeeded: self.succeeded }
    }

    /// What conditions on it need to know.
    #[doc(hidden)]
    pub fn condition_subject(&self) -> ConditionSubject<'_> {
        let is_job = self.kind == ProcessKind::Job || self.added;
        let pool = self.pool.as_ref().filter(|_| is_job);
        ConditionSubject {
            name: self.name.as_str(),
            process: self.process.as_str(),
            job_of: pool.map(crate::spec::Name::as_str),
            added: self.added,
            progress: self.progress(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConditionStatus::{Met, Pending, Unreachable};
    use super::*;

    fn progress(state: StateName) -> Progress {
        let started = !matches!(state, StateName::Idle | StateName::Waiting | StateName::Skipped);
        Progress { state, started, succeeded: state == StateName::Succeeded }
    }

    #[test]
    fn a_condition_on_a_pool_takes_a_job_that_is_done_and_one_on_a_process_does_not() {
        use Condition::{Completed, Ready, Started, Succeeded};
        use StateName as S;
        for (state, condition, process, pool) in [
            (S::Ready, Ready, Met, Met),
            (S::Succeeded, Ready, Unreachable, Met),
            (S::Failed, Ready, Unreachable, Unreachable),
            (S::Stopped, Ready, Pending, Pending),
            (S::Unhealthy, Ready, Pending, Pending),
            (S::Succeeded, Started, Met, Met),
            (S::Idle, Started, Pending, Pending),
            (S::Succeeded, Succeeded, Met, Met),
            (S::Failed, Succeeded, Unreachable, Unreachable),
            (S::Failed, Completed, Met, Met),
            (S::Skipped, Completed, Unreachable, Met),
            (S::Stopped, Completed, Pending, Met),
            (S::Backoff, Completed, Pending, Pending),
        ] {
            let status = |scope| condition.status(progress(state), scope);
            assert_eq!(status(ConditionScope::Process), process, "{state} {condition:?}");
            assert_eq!(status(ConditionScope::Pool), pool, "{state} {condition:?} of a pool");
        }
    }

    #[test]
    fn without_a_condition_one_that_has_succeeded_is_there() {
        for (state, expected) in [
            (StateName::Ready, Met),
            (StateName::Succeeded, Met),
            (StateName::Failed, Unreachable),
            (StateName::Skipped, Unreachable),
            (StateName::Backoff, Pending),
            (StateName::Idle, Pending),
        ] {
            assert_eq!(progress(state).settling(), expected, "{state}");
        }
    }

    #[test]
    fn a_success_lasts_until_the_next_run_whatever_the_state() {
        let again = Progress { state: StateName::Backoff, started: true, succeeded: true };
        assert_eq!(Condition::Succeeded.status(again, ConditionScope::Process), Met);
        assert!(!again.is_settled());
    }

    #[test]
    fn a_condition_on_a_pool_is_about_its_jobs() {
        let job = ConditionSubject {
            name: "build.1",
            process: "build.1",
            job_of: Some("build"),
            added: false,
            progress: progress(StateName::Skipped),
        };
        assert_eq!(job.status("build", Condition::Completed), Some(Met));
        assert_eq!(job.status("build.1", Condition::Completed), Some(Unreachable));
        assert_eq!(job.status("web", Condition::Completed), None);
        let added = ConditionSubject { added: true, ..job };
        assert_eq!(added.status("build", Condition::Succeeded), None);
        assert_eq!(added.status("build", Condition::Completed), Some(Met));
    }
}
