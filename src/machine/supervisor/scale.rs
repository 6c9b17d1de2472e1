//! Scaling: changes the number of replicas and adds jobs while the project runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Supervisor;
use crate::machine::lifecycle::{Outcome, State, Watch};
use crate::machine::targets::{NameKind, UnknownName};
use crate::machine::{Moment, NewMember, ProcessId, Retention};
use crate::spec::{CommandLine, Name, ProcessKind, StdinKind, name_fault};

/// The maximum number of replicas, so that a typo does not exhaust the system.
const MAX_REPLICAS: u32 = 10_000;

/// Why a change of replicas, a new member or a change of the watch was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScaleError {
    #[error(transparent)]
    Unknown(UnknownName),
    #[error("`{0}` is not a process, so it has no replicas")]
    NoProcess(String),
    #[error("`{0}` is not a pool, so it takes no jobs")]
    NoPool(String),
    #[error("{MAX_REPLICAS} replicas at most")]
    TooMany,
    #[error("the ports of the replicas, from {0} on, would exceed 65535")]
    NoPort(u16),
    #[error("{0}")]
    Name(String),
    #[error("the command contains a NUL byte, which no argument can contain")]
    Nul,
    #[error("{0} has no `watch` in the file")]
    NoWatch(String),
    #[error("file watching is off: the project was started with `--no-watch`")]
    WatchDisabled,
    #[error("this project has no procfile")]
    NoFile,
    #[error("the name `{0}` is taken; names of processes, jobs and pools must be unique")]
    Taken(String),
}

/// The processes to start and to stop after a change of the number of replicas.
#[derive(Debug, Default)]
pub(crate) struct ScalePlan {
    pub(crate) start: Vec<ProcessId>,
    pub(crate) stop: Vec<ProcessId>,
}

impl Supervisor {
    /// Makes `count` replicas of a process members, and removes the others when they have ended.
    ///
    /// Replica 1 always stays a member, if only as stopped: dependants of the process wait for it,
    /// and it can be started again.
    pub(crate) fn scale(
        &mut self,
        now: Moment,
        process: &str,
        count: u32,
    ) -> Result<ScalePlan, ScaleError> {
        self.cx.now = now;
        let Some(spec) = self.spec.processes.get(process).map(Arc::clone) else {
            return Err(self.name_error(process, NameKind::Process, ScaleError::NoProcess));
        };
        if spec.kind != ProcessKind::Process {
            return Err(ScaleError::NoProcess(process.to_owned()));
        }
        if count > MAX_REPLICAS {
            return Err(ScaleError::TooMany);
        }
        if let Some(port) = spec.port
            && u32::from(port) + count.saturating_sub(1) > u32::from(u16::MAX)
        {
            return Err(ScaleError::NoPort(port));
        }
        let replicas = self
            .members
            .iter()
            .filter(|member| member.spec.name == spec.name && member.spec.kind == spec.kind);
        let existing: BTreeMap<u32, ProcessId> =
            replicas.map(|replica| (replica.replica.unwrap_or(1), replica.id)).collect();
        let mut plan = ScalePlan::default();
        for (number, id) in &existing {
            if *number <= count {
                self.keep_replica(*id, &mut plan);
            } else {
                if *number > 1 {
                    self.with(*id, |process, _| process.retention = Retention::RemoveOnExit);
                }
                plan.stop.push(*id);
            }
        }
        for number in (1..=count).filter(|number| !existing.contains_key(number)) {
            plan.start.push(self.add_replica(&spec, Some(number)));
        }
        self.members_changed();
        for id in &plan.stop {
            // A process that is not busy has no further event that would remove it.
            if self.members.get(*id).is_some_and(|process| !process.is_busy()) {
                self.retire(*id);
            }
        }
        Ok(plan)
    }

    /// Keeps a replica, and starts it unless it is running or was stopped by its own end.
    fn keep_replica(&mut self, id: ProcessId, plan: &mut ScalePlan) {
        let Some(process) = self.members.get(id) else { return };
        let is_leaving = process.retention == Retention::RemoveOnExit;
        let is_stopped = matches!(process.state, State::Idle | State::Ended(Outcome::Stopped));
        if is_stopped || is_leaving || process.will_stay_stopped() {
            plan.start.push(id);
        }
        if is_leaving {
            self.keep_member(id);
        }
    }

    /// Creates a job for a pool of the file, with the defaults of the file.
    pub(crate) fn new_job(
        &self,
        pool: &str,
        name: Option<&str>,
        command: CommandLine,
    ) -> Result<NewMember, ScaleError> {
        let Some(pool) = self.spec.pools.get(pool) else {
            return Err(self.name_error(pool, NameKind::Pool, ScaleError::NoPool));
        };
        check_command(&command)?;
        let blank =
            pool.template.as_ref().ok_or_else(|| ScaleError::NoPool(pool.name.to_string()))?;
        let name = match name {
            Some(name) => self.free_name(name)?,
            None => self.next_job_name(&pool.name),
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

    /// Creates an ad-hoc process with the defaults of the file.
    pub(crate) fn new_ad_hoc_process(
        &mut self,
        name: Option<&str>,
        script: String,
    ) -> Result<NewMember, ScaleError> {
        let blank = self.spec.template.clone().ok_or(ScaleError::NoFile)?;
        let name = match name {
            Some(name) => self.free_name(name)?,
            None => self.next_run_name(),
        };
        let mut spec = blank.as_ref().clone();
        if let Some(log) = &mut spec.log {
            log.file.set_file_name(format!("{name}.log"));
        }
        let shell = match spec.command {
            // The shell of the project.
            CommandLine::Shell { shell, .. } => shell,
            CommandLine::Argv(_) => vec!["/bin/sh".to_owned(), "-c".to_owned()],
        };
        spec.command = CommandLine::Shell { shell, script };
        check_command(&spec.command)?;
        (spec.name, spec.replicas, spec.port) = (name, None, None);
        let spec = Arc::new(spec);
        Ok(NewMember { retention: Retention::KeepRecent, ..NewMember::one_off(spec) })
    }

    /// Returns the direct and indirect dependants of these processes, in the order of the file.
    pub(crate) fn dependants_of(&self, ids: &[ProcessId]) -> Vec<ProcessId> {
        let mut found = BTreeSet::new();
        let mut open = ids.to_vec();
        while let Some(id) = open.pop() {
            let dependants = self.graph.dependants(id).iter().copied();
            open.extend(dependants.filter(|id| !ids.contains(id) && found.insert(*id)));
        }
        found.into_iter().collect()
    }

    /// Turns the watch on or off, always for all replicas of a process.
    pub(crate) fn set_watch(&mut self, ids: &[ProcessId], on: bool) -> Result<(), ScaleError> {
        if self.options.no_watch {
            return Err(ScaleError::WatchDisabled);
        }
        let specs = || ids.iter().filter_map(|id| Some(&self.members.get(*id)?.spec));
        let watching = specs().filter(|spec| spec.watch.is_some());
        let names: Vec<Name> = watching.map(|spec| spec.name.clone()).collect();
        if let (true, Some(spec)) = (names.is_empty(), specs().next()) {
            return Err(ScaleError::NoWatch(spec.name.to_string()));
        }
        for name in &names {
            self.watching.forget(name);
        }
        let replicas = self.members.ids_where(|process| {
            process.spec.watch.is_some() && names.contains(&process.spec.name)
        });
        for id in replicas {
            self.with(id, |process, _| process.watch = if on { Watch::On } else { Watch::Off });
        }
        Ok(())
    }

    /// Whether lines can be sent to a process: it gets a pipe as its standard input, or a terminal.
    pub(crate) fn reads_input(&self, id: ProcessId) -> bool {
        let spec = self.members.get(id).map(|process| &process.spec);
        spec.is_some_and(|spec| spec.stdin == StdinKind::Pipe || spec.tty)
    }

    /// Whether a process has a terminal.
    pub(crate) fn has_terminal(&self, id: ProcessId) -> bool {
        self.members.get(id).is_some_and(|process| process.spec.tty)
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

    /// `POOL.N`, where N counts all jobs of the pool from 1.
    fn next_job_name(&self, pool: &Name) -> Name {
        let jobs = self
            .members
            .iter()
            .filter(|process| process.spec.kind == ProcessKind::Job && process.is_in_pool(pool));
        let names = (jobs.count() as u32 + 1..).map(|number| pool.replica(number));
        let mut free = names.filter(|name| !self.is_taken(name.as_str()));
        free.next().unwrap_or_else(|| pool.clone())
    }

    /// `run.N`, with a number that was never used before: old output may still be kept.
    fn next_run_name(&mut self) -> Name {
        loop {
            self.unnamed += 1;
            let name = Name::new("run").replica(self.unnamed);
            if !self.is_taken(name.as_str()) {
                return name;
            }
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        let mut members = self.members.iter();
        self.spec.processes.contains_key(name)
            || self.spec.pools.contains_key(name)
            || members
                .any(|member| member.name.as_str() == name || member.spec.name.as_str() == name)
    }

    /// The error for a name that is not of the wanted kind, or unknown.
    fn name_error(
        &self,
        name: &str,
        kind: NameKind,
        wrong_kind: impl FnOnce(String) -> ScaleError,
    ) -> ScaleError {
        match self.select(&[name.to_owned()]) {
            Ok(_) => wrong_kind(name.to_owned()),
            Err(_) => ScaleError::Unknown(self.unknown_name(name, kind)),
        }
    }
}

/// The rule that the file has for every text, for commands that do not come from it.
fn check_command(command: &CommandLine) -> Result<(), ScaleError> {
    let has_nul = match command {
        CommandLine::Argv(argv) => argv.iter().any(|argument| argument.contains('\0')),
        CommandLine::Shell { script, .. } => script.contains('\0'),
    };
    if has_nul { Err(ScaleError::Nul) } else { Ok(()) }
}
