//! Conditions of `depends_on`: the single place that decides whether a condition holds.
//!
//! The machine uses it before it starts a dependant, the control socket for `wait`, the interface for
//! its graph. Each has another record of a process and converts it to a [`ConditionSubject`] or a
//! [`Progress`].

use super::StateName;
use crate::spec::Condition;

/// What a condition depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub state: StateName,
    /// Exec of its latest run has succeeded.
    pub started: bool,
    /// Its latest run has succeeded.
    pub succeeded: bool,
}

/// What the name of a dependency means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionScope {
    /// A process, a replica or a job: it has to meet the condition itself.
    Process,
    /// A pool: its jobs have to meet the condition together, so a job that has ended does not block it.
    Pool,
}

/// The status of a condition for a process. The greatest status of several is their common status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionStatus {
    Met,
    /// It does not hold yet.
    Pending,
    /// It cannot hold unless a user starts the process again.
    Unreachable,
}

impl Progress {
    /// Whether the process has reached its goal: a service is ready, a one-shot has succeeded.
    pub fn is_settled(self) -> bool {
        matches!(self.state, StateName::Ready | StateName::Succeeded)
    }

    /// The status of `wait` without a condition.
    pub fn settling(self) -> ConditionStatus {
        if self.is_settled() { ConditionStatus::Met } else { self.unmet() }
    }

    /// The status of a condition that does not hold.
    fn unmet(self) -> ConditionStatus {
        match self.state {
            StateName::Succeeded | StateName::Failed | StateName::Skipped => {
                ConditionStatus::Unreachable
            }
            // A user who has stopped a process may start it again.
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
    /// The status of this condition for a process.
    pub fn status(self, progress: Progress, scope: ConditionScope) -> ConditionStatus {
        let Progress { state, started, succeeded } = progress;
        let is_pool = scope == ConditionScope::Pool;
        let is_met = match self {
            Self::Started => started,
            Self::Ready => state == StateName::Ready || is_pool && succeeded,
            Self::Succeeded => succeeded,
            Self::Completed => {
                matches!(state, StateName::Succeeded | StateName::Failed)
                    || is_pool && matches!(state, StateName::Stopped | StateName::Skipped)
            }
        };
        if is_met { ConditionStatus::Met } else { progress.unmet() }
    }

    /// Whether jobs that were added while the project runs count. A pool has succeeded when the jobs
    /// of the file have, and is completed when no job at all is left.
    pub fn counts_added_jobs(self) -> bool {
        self == Self::Completed
    }
}

/// A process with what conditions on it and on its pool depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionSubject<'a> {
    /// `worker.1`
    pub name: &'a str,
    /// `worker`
    pub process: &'a str,
    /// The pool of a job; `None` for a process of the file, even if it uses a pool.
    pub job_of: Option<&'a str>,
    /// It was added while the project runs.
    pub added: bool,
    pub progress: Progress,
}

impl ConditionSubject<'_> {
    /// The scope of a condition on `name` for this process; `None` if `name` does not include it.
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

    /// The status of a condition on `name`; `None` if `name` does not include this process.
    pub fn status(&self, name: &str, condition: Condition) -> Option<ConditionStatus> {
        self.scope(name, condition).map(|scope| condition.status(self.progress, scope))
    }
}

/// The common status of a condition on `name` for all processes that it includes. A condition on no
/// process holds, such as one on a pool without jobs.
pub fn combined_status<'a>(
    subjects: impl Iterator<Item = ConditionSubject<'a>>,
    name: &str,
    condition: Condition,
) -> ConditionStatus {
    let statuses = subjects.filter_map(|subject| subject.status(name, condition));
    statuses.max().unwrap_or(ConditionStatus::Met)
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
    fn without_a_condition_a_succeeded_process_satisfies_the_wait() {
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
