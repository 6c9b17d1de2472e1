//! The state of a live run according to its checks, and why.

use std::fmt::Write as _;

use super::{ProbeView, StateName};
use crate::machine::Moment;
use crate::machine::lifecycle::{CheckState, Checks, Level};
use crate::spec::{Check, CheckRole, Probe, ProbeResult, ProcessSpec, counted};

/// State, reason, and when it changes by itself at the latest.
pub(super) fn explain(
    checks: &Checks,
    spec: &ProcessSpec,
    own: Option<u16>,
) -> (StateName, String, Option<Moment>) {
    let ready = spec.ready.as_ref().zip(checks.ready.as_ref());
    let (state, mut why, until) = match (checks.level, ready) {
        (Level::NotYet, Some((check, trial))) => {
            let (why, until) = not_yet(checks, check, trial, own);
            (StateName::Starting, why, until)
        }
        (Level::NotYet, None) => (StateName::Starting, "its leader has ended".to_owned(), None),
        (Level::Ready, Some((check, trial))) => {
            (StateName::Ready, format!("ready: {}", stands(check, trial, own)), None)
        }
        (Level::Ready, None) => (StateName::Ready, "running".to_owned(), None),
        (Level::Unhealthy, Some((check, trial))) => {
            let misses = format!("; {} in a row", counted(trial.bad, "miss"));
            (StateName::Unhealthy, format!("{}{misses}", asked(check, trial, own)), None)
        }
        (Level::Unhealthy, None) => (StateName::Unhealthy, "its leader has ended".to_owned(), None),
    };
    if let Some((check, trial)) = spec.health.as_ref().zip(checks.health.as_ref())
        && trial.answer.is_some()
    {
        _ = write!(why, "; health: {}", stands(check, trial, own));
    }
    if let (Some(status), None) = (&checks.status, until) {
        _ = write!(why, "; it says: {status}");
    }
    (state, why, until)
}

pub(super) fn probes(checks: &Checks, spec: &ProcessSpec, own: Option<u16>) -> Vec<ProbeView> {
    let both = [
        (CheckRole::Ready, spec.ready.as_ref().zip(checks.ready.as_ref())),
        (CheckRole::Health, spec.health.as_ref().zip(checks.health.as_ref())),
    ];
    let there = both.into_iter().filter_map(|(which, check)| Some((which, check?)));
    let view = |(which, (check, trial)): (CheckRole, (&Check, &CheckState))| ProbeView {
        which,
        probe: check.probe.shown(own),
        answer: trial.answer.clone(),
        good: trial.good,
        bad: trial.bad,
    };
    there.map(view).collect()
}

fn not_yet(
    checks: &Checks,
    check: &Check,
    trial: &CheckState,
    own: Option<u16>,
) -> (String, Option<Moment>) {
    let mut why = match &check.probe {
        Probe::Delay(_) if checks.ready_by.is_none_or(|by| Some(by) >= trial.due) => {
            return ("waiting a while; ready".to_owned(), trial.due);
        }
        Probe::Log(pattern) => format!("waiting for a line that matches /{}/", pattern.as_str()),
        Probe::Delay(_) | Probe::Notify => format!("waiting for {}", check.probe.shown(own)),
        Probe::Exec(_) | Probe::Http(..) | Probe::Tcp(_) | Probe::Unix(_) | Probe::File(_) => {
            let mut why = format!("waiting for {}", asked(check, trial, own));
            if trial.number > 0 {
                _ = write!(why, "; {} probe", ordinal(trial.number));
            }
            if trial.good > 0 {
                _ = write!(why, "; {} of {} successes", trial.good, check.successes);
            }
            why
        }
    };
    if let Some(by) = checks.ready_by {
        if let Some(status) = &checks.status {
            _ = write!(why, "; it says: {status}");
        }
        why.push_str("; fails");
        return (why, Some(by));
    }
    (why, None)
}

/// The probe and its last answer.
fn asked(check: &Check, trial: &CheckState, own: Option<u16>) -> String {
    let probe = check.probe.shown(own);
    match &trial.answer {
        Some(answer) => format!("{probe}: {}", answer.text()),
        None => probe,
    }
}

/// The same for one that is as it should be, with the misses that do not count yet.
fn stands(check: &Check, trial: &CheckState, own: Option<u16>) -> String {
    let asked = asked(check, trial, own);
    match (&trial.answer, trial.bad) {
        (Some(ProbeResult::Bad(_)), bad) => format!("{asked} ({bad} of {} misses)", check.failures),
        (Some(ProbeResult::Good(_)) | None, _) => asked,
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
