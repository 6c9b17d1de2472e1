//! Collects the details of a process.

use std::sync::Arc;

use super::blocking::blocking;
use super::run_markers::{RowPosition, RunMarkers};
use super::wire::{
    CheckDetails, DependencyState, EnvVariable, ProcessDetails, RunDetails, RunMarkerKind,
    SourceLocation, millis,
};
use super::{ControlResult, LocalControl};
use crate::engine::Request;
use crate::machine::{ProcessView, Snapshot};
use crate::spec::{self, Check, CheckRole, CommandLine, ProbeResult, ProjectLocator};

/// The most markers that are read for the list of runs.
const MAX_MARKERS: usize = 100;
/// Parts of the names of variables whose values are secret.
const SECRET_NAMES: [&str; 11] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "KEY",
    "CREDENTIAL",
    "PRIVATE",
    "AUTH",
    "COOKIE",
    "DSN",
];

impl LocalControl {
    /// Returns the details of the process with this name.
    pub(super) async fn details_of(
        &self,
        name: &str,
        reveal: bool,
    ) -> ControlResult<ProcessDetails> {
        let names = vec![name.to_owned()];
        let resolved = self.ask(|reply| Request::Resolve { names, reply }).await?;
        let view = resolved.only(name)?;
        let (files, process) = (Arc::clone(&self.files), view.process.to_string());
        let location = blocking(move || source_location(&files, &process)).await?;
        Ok(self.process_details(view, &resolved.before, reveal, location))
    }

    fn process_details(
        &self,
        view: &ProcessView,
        snapshot: &Snapshot,
        reveal: bool,
        defined: Option<SourceLocation>,
    ) -> ProcessDetails {
        let spec = &view.spec;
        let script = match &spec.command {
            CommandLine::Shell { script, .. } => Some(script.clone()),
            CommandLine::Argv(_) => None,
        };
        ProcessDetails {
            member: self.process_state(view),
            command: spec.command.argv(),
            script,
            cwd: spec.cwd.display().to_string(),
            env: env(view, reveal),
            env_inherited: spec.env.inherit,
            restart: spec.restart,
            retry: spec.retry.clone(),
            timeout_ms: spec.timeout.map(millis),
            idle_timeout_ms: spec.idle_timeout.map(millis),
            success_exit_codes: spec.success_exit_codes.iter().copied().collect(),
            shutdown_on: spec.shutdown_on,
            stop: spec.stop.clone(),
            checks: check_details(view),
            watch: spec.watch.clone(),
            needed_by: dependents(view, snapshot),
            defined,
            runs: recent_runs(&self.markers, view.name.as_str()),
        }
    }
}

fn env(view: &ProcessView, reveal: bool) -> Vec<EnvVariable> {
    let set = &view.spec.env.set;
    let port = view.port.filter(|_| !view.spec.env.names_port).map(|port| port.to_string());
    let variables = set.iter().filter(|(name, _)| port.is_none() || *name != "PORT");
    let mut variables: Vec<EnvVariable> = variables
        .map(|(name, value)| EnvVariable {
            name: name.clone(),
            value: Some(value.text()).filter(|value| reveal || !is_secret(name, value)),
        })
        .collect();
    variables.extend(port.map(|port| EnvVariable { name: "PORT".to_owned(), value: Some(port) }));
    variables
}

/// Whether a variable is secret: its name says so, or its value is a URL with a password.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let userinfo = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    let password = userinfo.is_some_and(|(user, _)| user.contains(':') && !user.contains('/'));
    password || SECRET_NAMES.iter().any(|part| name.contains(part))
}

fn check_details(view: &ProcessView) -> Vec<CheckDetails> {
    let spec = &view.spec;
    let checks = [(CheckRole::Ready, &spec.ready), (CheckRole::Health, &spec.health)];
    let details = |(which, check): (CheckRole, &Option<Check>)| {
        let check = check.as_ref()?;
        let state = view.probes.iter().find(|probe| probe.which == which);
        let answer = state.and_then(|state| state.answer.as_ref());
        Some(CheckDetails {
            which,
            kind: check.probe.kind(),
            probe: check.probe.shown(view.port),
            interval_ms: millis(check.interval),
            timeout_ms: check.timeout.map(millis),
            successes: check.successes,
            failures: check.failures,
            answer: answer.map(|answer| answer.text().to_owned()),
            good: answer.map(|answer| matches!(answer, ProbeResult::Good(_))),
            in_a_row: state.map_or(0, |state| state.good.max(state.bad)),
        })
    };
    checks.into_iter().filter_map(details).collect()
}

/// The processes that name this one, or its pool, in `depends_on`.
fn dependents(view: &ProcessView, snapshot: &Snapshot) -> Vec<DependencyState> {
    let mut dependents: Vec<DependencyState> = Vec::new();
    for other in &snapshot.processes {
        let is_this = |(name, _): &(&spec::Name, &spec::Dependency)| {
            **name == view.process || Some(*name) == view.pool.as_ref()
        };
        let dependent = other.spec.depends_on.iter().find(is_this).map(|(_, dependency)| {
            DependencyState { name: other.process.to_string(), dependency: *dependency }
        });
        dependents.extend(dependent.filter(|dependent| !dependents.contains(dependent)));
    }
    dependents
}

/// The latest runs of a process, newest first.
fn recent_runs(markers: &RunMarkers, name: &str) -> Vec<RunDetails> {
    let range = (RowPosition::start_of(0), RowPosition::END);
    let mut runs: Vec<RunDetails> = Vec::new();
    for marker in markers.before(range, MAX_MARKERS, &|marker| marker.name == name) {
        if runs.last().is_none_or(|last| last.run != marker.run) {
            runs.push(RunDetails { run: marker.run, ..RunDetails::default() });
        }
        let Some(run) = runs.last_mut() else { continue };
        match marker.kind {
            RunMarkerKind::Started => {
                (run.started, run.cause) = (Some(marker.time), Some(marker.cause));
            }
            RunMarkerKind::Ended => {
                (run.ended, run.duration_ms) = (Some(marker.time), marker.duration_ms);
                (run.end, run.success, run.next) = (Some(marker.text), marker.success, marker.next);
            }
        }
    }
    runs
}

/// Where the project's files define a process.
fn source_location(files: &ProjectLocator, process: &str) -> Option<SourceLocation> {
    let (file, line) = spec::place_of(files, process)?;
    // Lossy conversion of a path that is not UTF-8 would name another file.
    Some(SourceLocation { file: file.to_str()?.to_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_one() {
        for name in ["API_KEY", "github_token", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AUTH"] {
            assert!(is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("DATABASE_URL", "postgres://me:secret@localhost/db"));
        for (name, value) in [
            ("NODE_ENV", "development"),
            ("PORT", "1"),
            ("DATABASE_URL", "postgres://localhost/db"),
            ("HOST", "http://localhost:80/@scope"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }
}
