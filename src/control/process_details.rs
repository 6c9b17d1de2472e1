//! Collects the details of a process.

use std::sync::Arc;

use super::blocking::blocking;
use super::run_markers::{RowPosition, RunMarkers};
use super::wire::{
    CheckDetails, DependencyState, EnvVariable, ProcessDetails, RunDetails, RunMarkerKind,
    SourceLocation, StopDetails, WatchDetails, millis,
};
use super::{ControlError, ControlErrorKind, LocalControl};
use crate::engine::Request;
use crate::machine::{ProcessView, Snapshot};
use crate::spec::{
    self, Check, CheckRole, CommandLine, ProbeResult, ProcessSpec, ProjectLocator, RetryPolicy,
    counted, format_limit,
};

/// Starts and ends of runs that are told.
const MARKS: usize = 100;
/// Parts of names of variables whose values are nobody's business.
const SECRETS: [&str; 11] = [
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
    /// Of the one that this name means.
    pub(super) async fn details_of(
        &self,
        name: &str,
        reveal: bool,
    ) -> Result<ProcessDetails, ControlError> {
        let names = vec![name.to_owned()];
        let who = self.ask(|reply| Request::Resolve { names, reply }).await?;
        let [id] = who.ids.as_slice() else {
            let text = format!("`{name}` means several; name one, such as `{name}.1`");
            return Err(ControlError::new(ControlErrorKind::Wrong, text));
        };
        let view = who.before.get(*id).ok_or_else(ControlError::ended)?;
        let (files, process) = (Arc::clone(&self.files), view.process.to_string());
        let defined = blocking(move || defined(&files, &process)).await?;
        Ok(self.detailed(view, &who.before, reveal, defined))
    }

    fn detailed(
        &self,
        view: &ProcessView,
        all: &Snapshot,
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
            command: argv(&spec.command),
            script,
            cwd: spec.cwd.display().to_string(),
            env: env(view, reveal),
            env_inherited: spec.env.inherit,
            restart: spec.restart,
            retry: retry(&spec.retry),
            timeout_ms: spec.timeout.map(millis),
            idle_timeout_ms: spec.idle_timeout.map(millis),
            success_exit_codes: spec.success_exit_codes.iter().copied().collect(),
            shutdown_on: spec.shutdown_on,
            stop: stop(spec),
            checks: checks(view),
            watch: spec.watch.as_ref().map(|watch| WatchDetails {
                paths: watch.paths.clone(),
                ignore: watch.ignore.clone(),
                action: watch.action.to_string(),
                debounce_ms: millis(watch.debounce),
            }),
            needed_by: needed_by(view, all),
            defined,
            runs: runs(self.marks(), view.name.as_str()),
        }
    }
}

fn argv(command: &CommandLine) -> Vec<String> {
    match command {
        CommandLine::Argv(argv) => argv.clone(),
        CommandLine::Shell { shell, script } => {
            shell.iter().chain(std::iter::once(script)).cloned().collect()
        }
    }
}

fn env(view: &ProcessView, reveal: bool) -> Vec<EnvVariable> {
    let set = &view.spec.env.set;
    let port = view.port.filter(|_| !view.spec.env.names_port).map(|port| port.to_string());
    let own = set.iter().filter(|(name, _)| port.is_none() || *name != "PORT");
    let mut all: Vec<EnvVariable> = own
        .map(|(name, value)| EnvVariable {
            name: name.clone(),
            value: Some(value.text()).filter(|value| reveal || !is_secret(name, value)),
        })
        .collect();
    all.extend(port.map(|port| EnvVariable { name: "PORT".to_owned(), value: Some(port) }));
    all
}

/// By the name of a variable, or an address with a password in it.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let userinfo = value.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    let password = userinfo.is_some_and(|(user, _)| user.contains(':') && !user.contains('/'));
    password || SECRETS.iter().any(|part| name.contains(part))
}

fn retry(retry: &RetryPolicy) -> String {
    let most = match retry.attempts {
        Some(0) => return "never".to_owned(),
        Some(most) => format!("up to {}", counted(most, "retry")),
        None => "unlimited retries".to_owned(),
    };
    let first = format_limit(retry.initial.min(retry.max));
    let growth = if retry.factor > 1.0 && retry.initial < retry.max {
        let is_double = (retry.factor - 2.0).abs() < f64::EPSILON;
        let factor = if is_double { "doubling".to_owned() } else { format!("×{}", retry.factor) };
        format!(", {factor} to {}", format_limit(retry.max))
    } else {
        String::new()
    };
    let jitter = if retry.jitter > 0.0 {
        format!(", ±{:.0}%", retry.jitter * 100.0)
    } else {
        String::new()
    };
    let reset = format_limit(retry.reset_after);
    format!("{most} · {first}{growth}{jitter} · resets after {reset} up")
}

fn stop(spec: &ProcessSpec) -> StopDetails {
    StopDetails {
        signal: spec.stop.signal,
        grace_ms: millis(spec.stop.grace),
        command: spec.stop.command.as_ref().map(argv),
        strays: spec.stop.strays,
    }
}

fn checks(view: &ProcessView) -> Vec<CheckDetails> {
    let spec = &view.spec;
    let both = [(CheckRole::Ready, &spec.ready), (CheckRole::Health, &spec.health)];
    let of = |(which, check): (CheckRole, &Option<Check>)| {
        let check = check.as_ref()?;
        let now = view.probes.iter().find(|probe| probe.which == which);
        let answer = now.and_then(|now| now.answer.as_ref());
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
            in_a_row: now.map_or(0, |now| now.good.max(now.bad)),
        })
    };
    both.into_iter().filter_map(of).collect()
}

/// Who names it, or its pool, in `depends_on`.
fn needed_by(view: &ProcessView, all: &Snapshot) -> Vec<DependencyState> {
    let mut found: Vec<DependencyState> = Vec::new();
    for other in &all.processes {
        let on = |(name, _): &(&spec::Name, &spec::Dependency)| {
            **name == view.process || Some(*name) == view.pool.as_ref()
        };
        let needed = other.spec.depends_on.iter().find(on).map(|(_, dependency)| DependencyState {
            name: other.process.to_string(),
            condition: dependency.condition,
            restart: dependency.restart,
        });
        found.extend(needed.filter(|needed| !found.contains(needed)));
    }
    found
}

/// Its last runs, the newest first.
fn runs(marks: &RunMarkers, name: &str) -> Vec<RunDetails> {
    let all = (RowPosition::start_of(0), RowPosition::END);
    let mut runs: Vec<RunDetails> = Vec::new();
    for mark in marks.before(all, MARKS, &|mark| mark.name == name) {
        if runs.last().is_none_or(|last| last.run != mark.run) {
            runs.push(RunDetails { run: mark.run, ..RunDetails::default() });
        }
        let Some(run) = runs.last_mut() else { continue };
        match mark.kind {
            RunMarkerKind::Started => {
                (run.started, run.cause) = (Some(mark.time), Some(mark.cause));
            }
            RunMarkerKind::Ended => {
                (run.ended, run.duration_ms) = (Some(mark.time), mark.duration_ms);
                (run.end, run.success, run.next) = (Some(mark.text), mark.success, mark.next);
            }
        }
    }
    runs
}

/// Where the project's files say what it is.
fn defined(files: &ProjectLocator, process: &str) -> Option<SourceLocation> {
    let (file, line) = spec::place_of(files, process)?;
    // A path that is no text would be another one.
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
