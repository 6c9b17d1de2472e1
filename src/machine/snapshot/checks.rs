//! Explains the state of a live run by its checks.

use std::fmt::Write as _;

use super::ProbeView;
use crate::machine::lifecycle::{CheckState, Checks, Readiness};
use crate::machine::{InputRequest, Moment};
use crate::spec::{Check, CheckRole, Probe, ProbeResult, ProcessSpec, counted};

/// The reason of the state of a live run, and when the state changes by itself at the latest.
pub(super) fn explain(
    checks: &Checks,
    spec: &ProcessSpec,
    own_port: Option<u16>,
    waiting: Option<&InputRequest>,
) -> (String, Option<Moment>) {
    let ready = spec.ready.as_ref().zip(checks.ready.as_ref());
    let (mut why, until) = match (checks.level, ready) {
        (Readiness::NotYet, Some((check, state))) => not_yet(checks, check, state, own_port),
        (Readiness::Ready, Some((check, state))) => {
            (format!("ready: {}", with_misses(check, state, own_port)), None)
        }
        (Readiness::Ready, None) => {
            (waiting.map_or_else(|| "running".to_owned(), InputRequest::describe), None)
        }
        (Readiness::Unhealthy, Some((check, state))) => {
            let misses = counted(state.bad, "miss");
            (format!("{}; {misses} in a row", with_answer(check, state, own_port)), None)
        }
        (Readiness::NotYet | Readiness::Unhealthy, None) => {
            ("the main process has exited".to_owned(), None)
        }
    };
    if let (Some(request), Some(_)) = (waiting, ready) {
        why = format!("{}; {why}", request.describe());
    }
    if let Some((check, state)) = spec.health.as_ref().zip(checks.health.as_ref())
        && state.answer.is_some()
    {
        _ = write!(why, "; health: {}", with_misses(check, state, own_port));
    }
    if let (Some(status), None) = (&checks.status, until) {
        _ = write!(why, "; status: {status}");
    }
    (why, until)
}

/// Whether the reason begins with the word of the state, `ready` or `running`.
pub(super) fn names_state(checks: &Checks, spec: &ProcessSpec) -> bool {
    // A reload can add a check to a live run: it is `ready`, because it is `running`.
    checks.level == Readiness::Ready && (spec.ready.is_none() || checks.ready.is_some())
}

pub(super) fn probes(checks: &Checks, spec: &ProcessSpec, own_port: Option<u16>) -> Vec<ProbeView> {
    let both = [
        (CheckRole::Ready, spec.ready.as_ref().zip(checks.ready.as_ref())),
        (CheckRole::Health, spec.health.as_ref().zip(checks.health.as_ref())),
    ];
    let existing = both.into_iter().filter_map(|(which, check)| Some((which, check?)));
    let view = |(which, (check, state)): (CheckRole, (&Check, &CheckState))| ProbeView {
        which,
        probe: check.probe.shown(own_port),
        answer: state.answer.clone(),
        good: state.good,
        bad: state.bad,
    };
    existing.map(view).collect()
}

fn not_yet(
    checks: &Checks,
    check: &Check,
    state: &CheckState,
    own_port: Option<u16>,
) -> (String, Option<Moment>) {
    let mut why = match &check.probe {
        Probe::Delay(_) if checks.ready_by.is_none_or(|by| Some(by) >= state.due) => {
            return ("delay; ready".to_owned(), state.due);
        }
        Probe::Log(pattern) => format!("waiting for a line that matches /{}/", pattern.as_str()),
        Probe::Delay(_) | Probe::Notify => format!("waiting for {}", check.probe.shown(own_port)),
        Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
            let mut why = format!("waiting for {}", with_answer(check, state, own_port));
            if state.number > 0 {
                _ = write!(why, "; {} probe", ordinal(state.number));
            }
            if state.good > 0 {
                _ = write!(why, "; {} of {} successes", state.good, check.successes);
            }
            why
        }
    };
    if let Some(by) = checks.ready_by {
        if let Some(status) = &checks.status {
            _ = write!(why, "; status: {status}");
        }
        why.push_str("; fails");
        return (why, Some(by));
    }
    (why, None)
}

/// The probe and its latest answer.
fn with_answer(check: &Check, state: &CheckState, own_port: Option<u16>) -> String {
    let probe = check.probe.shown(own_port);
    match &state.answer {
        Some(answer) => format!("{probe}: {}", answer.text()),
        None => probe,
    }
}

/// The same for a successful check, with the misses that do not count yet.
fn with_misses(check: &Check, state: &CheckState, own_port: Option<u16>) -> String {
    let text = with_answer(check, state, own_port);
    match (&state.answer, state.bad) {
        (Some(ProbeResult::Bad(_)), bad) => format!("{text} ({bad} of {} misses)", check.failures),
        (Some(ProbeResult::Good(_)) | None, _) => text,
    }
}

/// `1st`, `2nd`, `11th`
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, n) if n != 11 => "st",
        (2, n) if n != 12 => "nd",
        (3, n) if n != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn ordinals_are_english() {
        let shown: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).to_vec();
        let wanted = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"];
        assert_eq!(shown, wanted);
    }
}
