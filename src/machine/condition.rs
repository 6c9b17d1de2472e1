//! Conditions of `depends_on`: the single place that decides whether a condition holds.
//!
//! The machine uses it before it starts a dependant, the control socket for `wait`, the interface for
//! its graph. The lifecycle and the published record both convert to a [`ConditionSubject`] or a
//! [`Progress`].

use super::StateName;
use crate::spec::{Condition, ProcessKind};

/// The facts about a process that decide a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub state: StateName,
    /// Exec of its latest run has succeeded.
    pub started: bool,
    /// Its latest run has succeeded.
    pub succeeded: bool,
}

/// The kind of a dependency: a process, or a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionScope {
    /// A process, a replica or a job: it has to meet the condition itself.
    Process,
    /// A pool: its members have to meet the condition together, so one that has ended does not block it.
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
    /// The status of `wait` without a condition.
    pub fn settling(self) -> ConditionStatus {
        if self.state.is_settled() { ConditionStatus::Met } else { self.unmet() }
    }

    /// The status of a condition that does not hold.
    fn unmet(self) -> ConditionStatus {
        use StateName::{Failed, Skipped, Succeeded};
        // `Stopped` is pending: a user who has stopped a process may start it again.
        let is_final = matches!(self.state, Succeeded | Failed | Skipped);
        if is_final { ConditionStatus::Unreachable } else { ConditionStatus::Pending }
    }
}

impl Condition {
    /// The status of this condition for a process.
    #[doc(hidden)]
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

    /// Whether a member of a pool counts for this condition on the pool; `added`: while the project runs. A
    /// pool has succeeded when the jobs of the file have, and is completed when no member is left.
    pub(crate) fn counts_member(self, kind: ProcessKind, added: bool) -> bool {
        match self {
            Self::Started | Self::Ready => !added,
            Self::Succeeded => kind == ProcessKind::Job && !added,
            Self::Completed => true,
        }
    }
}

/// A process with the data that decides conditions on it and on its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionSubject<'a> {
    /// `worker.1`
    pub name: &'a str,
    /// `worker`
    pub process: &'a str,
    /// The pool of a job, or of a process that uses its slots.
    pub pool: Option<&'a str>,
    pub kind: ProcessKind,
    /// It was added while the project runs.
    pub added: bool,
    pub progress: Progress,
}

impl ConditionSubject<'_> {
    /// The scope of a condition on `name` for this process; `None` if `name` does not include it.
    pub fn scope(&self, name: &str, condition: Condition) -> Option<ConditionScope> {
        let is_counted = condition.counts_member(self.kind, self.added);
        if self.process == name || self.name == name {
            Some(ConditionScope::Process)
        } else if self.pool == Some(name) && is_counted {
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
/// process holds, such as one on a pool without members.
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
        assert!(!again.state.is_settled());
    }

    #[test]
    fn a_condition_on_a_pool_is_about_its_members() {
        let job = ConditionSubject {
            name: "build.1",
            process: "build.1",
            pool: Some("build"),
            kind: ProcessKind::Job,
            added: false,
            progress: progress(StateName::Skipped),
        };
        assert_eq!(job.status("build", Condition::Completed), Some(Met));
        assert_eq!(job.status("build.1", Condition::Completed), Some(Unreachable));
        assert_eq!(job.status("web", Condition::Completed), None);
        let added = ConditionSubject { added: true, ..job };
        assert_eq!(added.status("build", Condition::Succeeded), None);
        assert_eq!(added.status("build", Condition::Completed), Some(Met));
        let kind = ProcessKind::Process;
        let user = ConditionSubject { name: "web.1", process: "web", kind, ..job };
        assert_eq!(user.status("build", Condition::Ready), Some(Unreachable));
        assert_eq!(user.status("build", Condition::Succeeded), None, "a service never succeeds");
        assert_eq!(user.status("build", Condition::Completed), Some(Met));
        assert_eq!(user.status("web", Condition::Completed), Some(Unreachable));
        assert_eq!(combined_status([user, added].into_iter(), "other", Condition::Ready), Met);
    }
}
