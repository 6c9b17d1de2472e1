//! Spec diff: the differences of a reloaded project, and the processes that must restart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Environment, Name, PoolSpec, Probe, ProcessKind, ProcessSpec, Spec, choices};

/// Added, changed and removed processes, jobs and pools, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SpecDiff {
    pub added: Vec<Name>,
    pub changed: Vec<Name>,
    pub removed: Vec<Name>,
    /// The members that restart because their command or environment has changed.
    pub restarted: Vec<PlannedRestart>,
}

/// A member that restarts, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlannedRestart {
    /// `worker.1`
    pub name: Name,
    /// The changed parts that require a restart.
    pub because: Vec<RestartReason>,
}

choices! {
    /// A part of a process that cannot change during a run.
    pub enum RestartReason {
        /// The command, or the shell that runs it.
        Command = "command",
        /// The working folder.
        Cwd = "cwd",
        /// The environment.
        Env = "env",
        /// The standard input.
        Stdin = "stdin",
        /// Whether it has a terminal.
        Tty = "tty",
        /// The port.
        Port = "port",
        /// The socket to which it reports readiness.
        Ready = "ready",
    }
}

impl SpecDiff {
    /// Compares two specs.
    pub fn of(old: &Spec, new: &Spec) -> Self {
        let mut diff = Self::default();
        diff.compare(&old.processes, &new.processes, |before, now| before != now);
        // The jobs of a pool are in the diff themselves.
        diff.compare(&old.pools, &new.pools, |before, now| {
            PoolSpec { jobs: now.jobs.clone(), ..PoolSpec::clone(before) } != **now
        });
        diff
    }

    fn compare<T>(
        &mut self,
        old: &IndexMap<Name, T>,
        new: &IndexMap<Name, T>,
        has_changed: impl Fn(&T, &T) -> bool,
    ) {
        for (name, now) in new {
            match old.get(name) {
                None => self.added.push(name.clone()),
                Some(before) if has_changed(before, now) => self.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        self.removed.extend(old.keys().filter(|name| !new.contains_key(*name)).cloned());
    }
}

impl ProcessSpec {
    /// Whether a run started with `self` must restart to conform to `new`.
    pub(crate) fn needs_new_run(&self, new: &Self) -> bool {
        !self.reasons_for_new_run(new).is_empty()
    }

    pub(crate) fn reasons_for_new_run(&self, new: &Self) -> Vec<RestartReason> {
        let reasons = [
            (RestartReason::Command, self.command != new.command),
            (RestartReason::Cwd, self.cwd != new.cwd),
            (RestartReason::Env, !self.env.is_equivalent(&new.env)),
            (RestartReason::Stdin, self.stdin != new.stdin),
            (RestartReason::Tty, self.tty != new.tty),
            (RestartReason::Port, self.port != new.port),
            (RestartReason::Ready, new.has_socket() && !self.has_socket()),
        ];
        reasons.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect()
    }

    /// Whether the environment contains a notification socket.
    fn has_socket(&self) -> bool {
        matches!(self.ready.as_ref().map(|check| &check.probe), Some(Probe::Notify))
    }

    /// Whether two jobs are equal except for the name and values derived from it.
    fn is_same_job(&self, other: &Self) -> bool {
        let alike = Self { name: other.name.clone(), log: other.log.clone(), ..self.clone() };
        self.kind == ProcessKind::Job && alike == *other
    }
}

impl Environment {
    /// Whether a child would see the same environment.
    fn is_equivalent(&self, other: &Self) -> bool {
        let unset = |env: &Self| env.unset.iter().cloned().collect::<HashSet<_>>();
        self.inherit == other.inherit
            && self.set == other.set
            && self.names_port == other.names_port
            && (!self.inherit || unset(self) == unset(other))
    }
}

impl Spec {
    /// Keeps the names that unnamed jobs had in `old`, even if their numbers have shifted. New ones get
    /// numbers that no job had.
    pub(crate) fn keep_job_names(&mut self, old: &Self) {
        let renamed = self.pools.keys().flat_map(|pool| self.renamed_jobs(old, pool));
        let renamed: HashMap<Name, Name> = renamed.filter(|(from, to)| from != to).collect();
        if renamed.is_empty() {
            return;
        }
        let name = |name: &Name| renamed.get(name).unwrap_or(name).clone();
        self.processes = std::mem::take(&mut self.processes)
            .into_values()
            .map(|process| {
                let mut process = ProcessSpec::clone(&process);
                process.name = name(&process.name);
                let dependencies = std::mem::take(&mut process.depends_on).into_iter();
                process.depends_on = dependencies.map(|(on, value)| (name(&on), value)).collect();
                (process.name.clone(), Arc::new(process))
            })
            .collect();
        for pool in self.pools.values_mut() {
            let jobs = pool.jobs.iter().map(name).collect();
            *pool = Arc::new(PoolSpec { jobs, ..PoolSpec::clone(pool) });
        }
    }

    /// Returns the unnamed jobs of a pool, each with its name and the one to keep.
    fn renamed_jobs(&self, old: &Self, pool: &Name) -> Vec<(Name, Name)> {
        let mut before = old.unnamed_jobs(pool);
        let mut used: HashSet<Name> = before.iter().map(|job| job.name.clone()).collect();
        let (mut renamed, mut new) = (Vec::new(), Vec::new());
        for job in self.unnamed_jobs(pool) {
            match before.iter().position(|old| job.is_same_job(old)) {
                Some(at) => renamed.push((job.name.clone(), before.remove(at).name.clone())),
                None => new.push(job.name.clone()),
            }
        }
        // The remaining ones on both sides were edited: they keep their names where those are free.
        let taken: HashSet<Name> = renamed.iter().map(|(_, to)| to.clone()).collect();
        let mut number = 0_u32;
        for job in new {
            let to = if taken.contains(&job) || renamed.iter().any(|(_, to)| *to == job) {
                loop {
                    number += 1;
                    let free = Name::new(&format!("{pool}.{number}"));
                    if used.insert(free.clone()) {
                        break free;
                    }
                }
            } else {
                used.insert(job.clone());
                job.clone()
            };
            renamed.push((job, to));
        }
        renamed
    }

    fn unnamed_jobs(&self, pool: &Name) -> Vec<Arc<ProcessSpec>> {
        let jobs = self.pools.get(pool).into_iter().flat_map(|pool| &pool.jobs);
        let jobs = jobs.filter_map(|job| self.processes.get(job));
        // Names in a file cannot contain a dot.
        jobs.filter(|job| job.name.as_str().contains('.')).map(Arc::clone).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::CommandLine;
    use super::super::locate::{ProjectLocator, load};
    use super::*;

    fn spec(text: &str) -> Spec {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("procfile.toml"), text).unwrap();
        let mut spec =
            load(&ProjectLocator { files: Vec::new(), dir: folder.path().into(), stdin: None })
                .unwrap()
                .spec;
        // Each is read in a separate folder.
        for process in spec.processes.values_mut() {
            Arc::make_mut(process).cwd = "/".into();
        }
        spec
    }

    fn names(all: &[Name]) -> Vec<&str> {
        all.iter().map(Name::as_str).collect()
    }

    #[test]
    fn differences_are_listed_by_name() {
        let old = spec(
            "[process]\na = 'a'\nb = 'b'\nc = 'c'\n[pool.p]\nconcurrency = 1\njobs = ['x']\n\
             [pool.q]\nconcurrency = 1\n",
        );
        let new = spec(
            "# a comment\n[process]\nd = 'd'\nc = 'other'\na = 'a'\n[pool.p]\nconcurrency = 2\njobs = ['x', 'y']\n",
        );
        let difference = SpecDiff::of(&old, &new);
        assert_eq!(names(&difference.added), ["d", "p.2"]);
        assert_eq!(names(&difference.changed), ["c", "p"]);
        assert_eq!(names(&difference.removed), ["b", "q"]);
        assert_eq!(SpecDiff::of(&old, &old), SpecDiff::default());
    }

    #[test]
    fn only_some_keys_need_a_new_run() {
        let of = |text: &str| {
            let text = format!("[process.a]\n{text}\n");
            ProcessSpec::clone(&spec(&text).processes["a"])
        };
        let old = of("command = 'x'");
        for (text, needs) in [
            ("command = 'y'", true),
            ("command = ['x']", true),
            ("command = 'x'\nenv = { A = 1 }", true),
            ("command = 'x'\nunset_env = ['A']", true),
            ("command = 'x'\nport = 1", true),
            ("command = 'x'\nstdin = 'pipe'", true),
            ("command = 'x'\ntty = true", true),
            ("command = 'x'\ntimeout = '1s'", false),
            ("command = 'x'\nstop.grace = '1s'", false),
            ("command = 'x'\nrestart = 'always'\nretry = { attempts = 1 }", false),
            ("command = 'x'\ntags = ['a']\ndescription = 'x'\nlog.file = 'x'", false),
            ("command = 'x'\nwatch = ['a']", false),
        ] {
            assert_eq!(old.needs_new_run(&of(text)), needs, "{text}");
        }
    }

    #[test]
    fn jobs_without_a_name_keep_the_one_they_had() {
        let pool = |jobs: &str| {
            spec(&format!(
                "[process.after]\ncommand = 'x'\ndepends_on = {{ \"p.2\" = 'succeeded' }}\n\
                 [pool.p]\nconcurrency = 1\njobs = [{jobs}]\n"
            ))
        };
        let old = pool("'one', 'two', { name = 'named', command = 'three' }");
        // What the file says, the jobs by name, and what `p.2` is called that `after` needs.
        for (jobs, named, after) in [
            ("'one', 'two'", ["p.1 one", "p.2 two"].as_slice(), "p.2"),
            ("'new', 'one', 'two'", &["p.3 new", "p.1 one", "p.2 two"], "p.1"),
            ("'two', 'one'", &["p.2 two", "p.1 one"], "p.1"),
            ("'one', 'edited'", &["p.1 one", "p.2 edited"], "p.2"),
            ("'edited', 'one', 'two'", &["p.3 edited", "p.1 one", "p.2 two"], "p.1"),
            ("'one', 'one', 'two'", &["p.1 one", "p.3 one", "p.2 two"], "p.3"),
        ] {
            let mut new = pool(jobs);
            new.keep_job_names(&old);
            let reported = |name: &Name| match &new.processes[name].command {
                CommandLine::Shell { script, .. } => format!("{name} {script}"),
                CommandLine::Argv(argv) => format!("{name} {argv:?}"),
            };
            let reported: Vec<String> = new.pools["p"].jobs.iter().map(reported).collect();
            assert_eq!(reported, named, "{jobs}");
            let on: Vec<&Name> = new.processes["after"].depends_on.keys().collect();
            assert_eq!(on, [&Name::new(after)], "{jobs}");
        }
    }
}
