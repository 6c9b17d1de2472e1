//! Scaling: changes the number of replicas and adds jobs while the project runs.

use std::sync::Arc;

use super::Supervisor;
use crate::machine::lifecycle::{Lifecycle, Outcome, State, Watch};
use crate::machine::targets::UnknownName;
use crate::machine::{Moment, NewMember, ProcessId, Retention};
use crate::spec::{CommandLine, Name, ProcessKind, StdinKind, name_fault};

/// Replicas of one process at most: a mistyped number shall not take the machine along.
const MOST: u32 = 10_000;

/// Why there cannot be so many, or not this job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScaleError {
    #[error(transparent)]
    Unknown(UnknownName),
    #[error("`{0}` is not a process, so it has no replicas")]
    NoProcess(String),
    #[error("`{0}` is not a pool, so it takes no jobs")]
    NoPool(String),
    #[error("{MOST} replicas at most")]
    TooMany,
    #[error("with the first port {0} so many replicas need ports above 65535")]
    NoPort(u16),
    #[error("{0}")]
    Name(String),
    #[error("{0} watches no files; `watch` in the file says which")]
    NoWatch(String),
    #[error("no files are watched, as the project was started with `--no-watch`")]
    NothingWatched,
    #[error("this project has no file that says how things are run")]
    NoFile,
    #[error("the name `{0}` is taken; names of processes, jobs and pools must be unique")]
    Taken(String),
}

/// What a change of the number of replicas asks for.
#[derive(Debug, Default)]
pub(crate) struct ScalePlan {
    pub(crate) start: Vec<ProcessId>,
    pub(crate) stop: Vec<ProcessId>,
}

impl Supervisor {
    /// Makes `count` replicas of a process members, and lets the others go when they have ended.
    ///
    /// The first one always stays a member, if only as stopped: what depends on the process waits
    /// for it, and it can be started again.
    pub(crate) fn scale(
        &mut self,
        now: Moment,
        process: &str,
        count: u32,
    ) -> Result<ScalePlan, ScaleError> {
        let Some(spec) = self.spec.processes.get(process).map(Arc::clone) else {
            return Err(self.misfit(process, ScaleError::NoProcess));
        };
        if spec.kind != ProcessKind::Process {
            return Err(ScaleError::NoProcess(process.to_owned()));
        }
        if count > MOST {
            return Err(ScaleError::TooMany);
        }
        if let Some(port) = spec.port
            && u32::from(port) + count.saturating_sub(1) > u32::from(u16::MAX)
        {
            return Err(ScaleError::NoPort(port));
        }
        let mut there: Vec<(u32, ProcessId)> = self
            .all
            .iter()
            .filter(|one| one.spec.name == spec.name && one.spec.kind == spec.kind)
            .map(|one| (one.replica.unwrap_or(1), one.id))
            .collect();
        there.sort_unstable();
        let mut scaled = ScalePlan::default();
        for (number, id) in &there {
            if *number <= count {
                self.stay(now, *id, &mut scaled);
            } else {
                if *number > 1 {
                    self.with(*id, |one, _, _| one.retention = Retention::RemoveOnExit);
                }
                scaled.stop.push(*id);
            }
        }
        let is_new = |number: &u32| there.binary_search_by_key(number, |(n, _)| *n).is_err();
        for number in (1..=count).filter(is_new) {
            scaled.start.push(self.add_replica(&spec, Some(number)));
        }
        self.follow_members(now);
        for id in &scaled.stop {
            self.retire_at_rest(*id);
        }
        Ok(scaled)
    }

    /// One that is to stay, whatever was said before; it starts if it was told to rest.
    fn stay(&mut self, now: Moment, id: ProcessId, scaled: &mut ScalePlan) {
        let Some(one) = self.all.get(id) else { return };
        let rests = matches!(one.state, State::Idle | State::Ended(Outcome::Stopped));
        let goes = rests || one.retention == Retention::RemoveOnExit || one.is_going_to_rest();
        if goes && !scaled.start.contains(&id) {
            scaled.start.push(id);
        }
        if one.retention == Retention::RemoveOnExit {
            self.keep_member(now, id);
        }
    }

    /// Nothing will happen to it that would let it go.
    fn retire_at_rest(&mut self, id: ProcessId) {
        if self.all.get(id).is_some_and(|one| !Lifecycle::is_busy(one)) {
            self.retire(id);
        }
    }

    /// A job for a pool of the file; it has what every job of the file has without asking.
    pub(crate) fn job(
        &self,
        pool: &str,
        name: Option<&str>,
        command: CommandLine,
    ) -> Result<NewMember, ScaleError> {
        let Some(pool) = self.spec.pools.get(pool) else {
            return Err(self.misfit(pool, ScaleError::NoPool));
        };
        let blank = pool.blank.as_ref().ok_or_else(|| ScaleError::NoPool(pool.name.to_string()))?;
        let name = match name {
            Some(name) => self.free_name(name)?,
            None => self.next_name(&pool.name),
        };
        let mut spec = blank.as_ref().clone();
        if let Some(log) = &mut spec.log {
            let blank_file = format!("{}.log", spec.name);
            if log.file.file_name().is_some_and(|file| *file == *blank_file) {
                log.file.set_file_name(format!("{name}.log"));
            }
        }
        (spec.name, spec.command) = (name, command);
        let spec = Arc::new(spec);
        Ok(NewMember { retention: Retention::Keep, ..NewMember::one_off(spec) })
    }

    /// A process that comes by hand; it has what every process of the file has without asking.
    pub(crate) fn by_hand(
        &mut self,
        name: Option<&str>,
        script: String,
    ) -> Result<NewMember, ScaleError> {
        let blank = self.spec.blank.clone().ok_or(ScaleError::NoFile)?;
        let name = match name {
            Some(name) => self.free_name(name)?,
            None => self.next_aside(),
        };
        let mut spec = blank.as_ref().clone();
        if let Some(log) = &mut spec.log {
            log.file.set_file_name(format!("{name}.log"));
        }
        // The shell of the project.
        if let CommandLine::Shell { shell, .. } = spec.command {
            spec.command = CommandLine::Shell { shell, script };
        } else {
            let shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
            spec.command = CommandLine::Shell { shell, script };
        }
        (spec.name, spec.replicas, spec.port) = (name, None, None);
        let spec = Arc::new(spec);
        Ok(NewMember { retention: Retention::KeepRecent, ..NewMember::one_off(spec) })
    }

    /// Those that depend on these, directly or not; those that rest because nobody asked for them
    /// are left out.
    pub(crate) fn dependants_of(&self, ids: &[ProcessId]) -> Vec<ProcessId> {
        let mut found: Vec<ProcessId> = Vec::new();
        let mut open = ids.to_vec();
        while let Some(id) = open.pop() {
            for dependant in self.order.dependants(id) {
                if !ids.contains(dependant) && !found.contains(dependant) {
                    found.push(*dependant);
                    open.push(*dependant);
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Whether a change of their files counts from now on; all replicas of a process are alike.
    pub(crate) fn set_watch(&mut self, ids: &[ProcessId], on: bool) -> Result<(), ScaleError> {
        if self.options.no_watch {
            return Err(ScaleError::NothingWatched);
        }
        let ones = || ids.iter().filter_map(|id| self.all.get(*id));
        let names: Vec<Name> = ones()
            .filter(|one| one.spec.watch.is_some())
            .map(|one| one.spec.name.clone())
            .collect();
        if let (true, Some(one)) = (names.is_empty(), ones().next()) {
            return Err(ScaleError::NoWatch(one.spec.name.to_string()));
        }
        for name in &names {
            self.watching.forget(name);
        }
        let is_meant =
            |one: &&Lifecycle| one.spec.watch.is_some() && names.contains(&one.spec.name);
        let meant: Vec<ProcessId> = self.all.iter().filter(is_meant).map(|one| one.id).collect();
        for id in meant {
            self.with(id, |one, _, _| one.watch = if on { Watch::On } else { Watch::Off });
        }
        Ok(())
    }

    /// Whether it has a pipe for its input while it runs.
    pub(crate) fn reads_input(&self, id: ProcessId) -> bool {
        self.all.get(id).is_some_and(|one| one.spec.stdin == StdinKind::Pipe)
    }

    fn free_name(&self, name: &str) -> Result<Name, ScaleError> {
        if let Some(fault) = name_fault(name) {
            return Err(ScaleError::Name(fault));
        }
        if self.is_taken(name) {
            Err(ScaleError::Taken(name.to_owned()))
        } else {
            Ok(Name::new(name))
        }
    }

    /// `POOL.N`, N counting all jobs of the pool from 1.
    fn next_name(&self, pool: &Name) -> Name {
        let is_job = |one: &&Lifecycle| {
            one.spec.kind == ProcessKind::Job && one.spec.pool.as_ref() == Some(pool)
        };
        let jobs = self.all.iter().filter(is_job).count() as u32;
        let names = (jobs + 1..).map(|number| pool.replica(number));
        let mut free = names.filter(|name| !self.is_taken(name.as_str()));
        free.next().unwrap_or_else(|| pool.clone())
    }

    /// `run.N`, with a number that nothing had before: what it printed may still be kept.
    fn next_aside(&mut self) -> Name {
        loop {
            self.asides += 1;
            let name = Name::new("run").replica(self.asides);
            if !self.is_taken(name.as_str()) {
                return name;
            }
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        self.spec.processes.contains_key(name)
            || self.spec.pools.contains_key(name)
            || self
                .all
                .iter()
                .any(|one| one.name.as_str() == name || one.spec.name.as_str() == name)
    }

    /// A name that means something else, or nothing.
    fn misfit(&self, name: &str, other: impl FnOnce(String) -> ScaleError) -> ScaleError {
        match self.select(&[name.to_owned()]) {
            Ok(_) => other(name.to_owned()),
            Err(unknown) => ScaleError::Unknown(unknown),
        }
    }
}
