//! Builds a [`Spec`] in Rust.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::spec::{
    CommandLine, Condition, Dependency, Name, OnFailure, OutputLimits, PoolSpec, ProcessKind,
    ProcessSpec, Project, Restart, RetryPolicy, Spec,
};

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) const fn s(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A process with nothing but defaults; no jitter, so that delays are exact.
pub(super) fn process(name: &str, kind: ProcessKind) -> ProcessSpec {
    let command = CommandLine::Argv(vec![name.to_owned()]);
    ProcessSpec {
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::default() },
        ..ProcessSpec::new(name.into(), kind, command, PathBuf::from("/"))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    processes: IndexMap<Name, Arc<ProcessSpec>>,
    pools: IndexMap<Name, Arc<PoolSpec>>,
}

/// A project with nothing in it.
pub(super) fn project() -> Draft {
    Draft::default()
}

impl Draft {
    pub(super) fn process(mut self, name: &str, set: impl FnOnce(&mut ProcessSpec)) -> Self {
        let mut spec = process(name, ProcessKind::Process);
        set(&mut spec);
        self.processes.insert(name.into(), Arc::new(spec));
        self
    }

    /// A process with the defaults.
    pub(super) fn plain(self, name: &str) -> Self {
        self.process(name, |_| {})
    }

    pub(super) fn pool(
        mut self,
        name: &str,
        concurrency: u32,
        set: impl FnOnce(&mut PoolSpec),
    ) -> Self {
        let mut pool = PoolSpec {
            name: name.into(),
            concurrency,
            on_failure: OnFailure::Continue,
            autostart: true,
            jobs: Vec::new(),
            template: None,
        };
        set(&mut pool);
        self.pools.insert(name.into(), Arc::new(pool));
        self
    }

    pub(super) fn job(
        mut self,
        pool: &str,
        name: &str,
        set: impl FnOnce(&mut ProcessSpec),
    ) -> Self {
        let mut spec = process(name, ProcessKind::Job);
        spec.pool = Some(pool.into());
        set(&mut spec);
        self.processes.insert(name.into(), Arc::new(spec));
        if let Some(pool) = self.pools.get_mut(pool) {
            Arc::make_mut(pool).jobs.push(name.into());
        }
        self
    }

    pub(super) fn jobs(self, pool: &str, names: &[&str]) -> Self {
        names.iter().fold(self, |draft, name| draft.job(pool, name, |_| {}))
    }

    pub(super) fn spec(self) -> Spec {
        Spec {
            project: Project {
                name: "test".to_owned(),
                file: PathBuf::from("/procfile.toml"),
                dir: PathBuf::from("/"),
                files: Vec::new(),
                env_files: Vec::new(),
                env_pipes: Vec::new(),
                reload: false,
                output: OutputLimits::default(),
                log_dir: None,
            },
            processes: self.processes,
            pools: self.pools,
            template: None,
        }
    }
}

pub(super) fn needs(spec: &mut ProcessSpec, on: &str, condition: Condition) {
    spec.depends_on.insert(on.into(), Dependency { condition, restart: false });
}

/// Adds a dependency of the long form with `restart = true`.
pub(super) fn follows(spec: &mut ProcessSpec, on: &str, condition: Condition) {
    spec.depends_on.insert(on.into(), Dependency { condition, restart: true });
}

/// `restart = "on-failure"` with this number of attempts.
pub(super) fn retried(spec: &mut ProcessSpec, attempts: u32) {
    spec.restart = Restart::OnFailure;
    spec.retry.attempts = Some(attempts);
}
