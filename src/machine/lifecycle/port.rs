//! Port check: asks which process listens on the port before the spawn is requested.

use std::time::Duration;

use super::{Lifecycle, State};
use crate::machine::event::Cause;
use crate::machine::step_context::StepContext;
use crate::machine::{Effect, Moment, RunId};
use crate::spec::{PortBusy, StartError, StartErrorKind, format_limit};

/// How long a start waits for its port.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How often the port is checked meanwhile.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The number of ports after its own that a process may get instead.
pub(in crate::machine) const ALTERNATIVES: u16 = 20;

/// The progress of the port check of a process that is starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::machine) enum PortPhase {
    /// There is no port, or the check is over: the spawn was requested.
    Settled,
    /// An answer is pending. `until`: the start has been waiting for its port, which `holder` had,
    /// and fails then.
    Checking { until: Option<Moment>, holder: String },
    /// `holder` listens on the port; the next check is at `due`.
    Busy { due: Moment, until: Moment, holder: String },
}

impl PortPhase {
    pub(super) fn deadline(&self) -> Option<Moment> {
        if let Self::Busy { due, .. } = self { Some(*due) } else { None }
    }

    /// Why the process has not started, and when it fails because of that.
    pub(in crate::machine) fn explain(&self, port: Option<u16>) -> (String, Option<Moment>) {
        let port = port.unwrap_or_default();
        match self {
            Self::Settled => ("spawning".to_owned(), None),
            Self::Checking { until: None, .. } => (format!("checking port {port}"), None),
            Self::Checking { until: Some(until), holder } | Self::Busy { until, holder, .. } => {
                (format!("waiting for port {port} (in use by {holder}); gives up"), Some(*until))
            }
        }
    }
}

impl Lifecycle {
    /// The port in effect: the port found for the current run, or the port in the file.
    pub(in crate::machine) fn port(&self) -> Option<u16> {
        self.port.or_else(|| self.spec.port_of(self.replica))
    }

    /// Whether the current run has got this port instead of its own.
    pub(in crate::machine) fn has_taken(&self, port: u16) -> bool {
        self.port == Some(port)
    }

    /// Spawns, after a check of the port if there is one.
    pub(super) fn begin_start(&mut self, cause: Cause, again: bool, cx: &mut StepContext) {
        self.port = None;
        if self.spec.port.is_none() {
            self.spawn(cause, cx);
            return;
        }
        let port = PortPhase::Checking { until: None, holder: String::new() };
        self.enter(cx.now, State::starting(cause, again, port));
        self.check_port(cx);
    }

    /// The run that will start; its number is taken only then.
    fn next_run(&self) -> RunId {
        RunId { process: self.id, run: self.run.saturating_add(1) }
    }

    pub(in crate::machine) fn check_port(&mut self, cx: &mut StepContext) {
        let (run, ports) = (self.next_run(), self.candidate_ports());
        let State::Starting { port, .. } = &mut self.state else { return };
        if let PortPhase::Busy { until, holder, .. } = port {
            *port = PortPhase::Checking { until: Some(*until), holder: std::mem::take(holder) };
        }
        cx.request(Effect::CheckPort { run, ports });
    }

    /// The ports that the next run can get.
    pub(in crate::machine) fn candidate_ports(&self) -> Vec<u16> {
        let Some(own) = self.spec.port_of(self.replica) else { return Vec::new() };
        let last = match self.spec.port_busy {
            PortBusy::Fail | PortBusy::Wait => own,
            PortBusy::Next => own.saturating_add(ALTERNATIVES),
        };
        (own..=last).collect()
    }

    /// Whether an answer about the port of this run is pending.
    pub(in crate::machine) fn expects_port(&self, run: RunId) -> bool {
        let is_checking =
            matches!(self.state, State::Starting { port: PortPhase::Checking { .. }, .. });
        is_checking && run == self.next_run()
    }

    /// Handles the answer: the first `free` port, and the `holder` of the own one. `holds`: its
    /// dependencies still hold.
    pub(in crate::machine) fn port_checked(
        &mut self,
        free: Option<u16>,
        holder: Option<String>,
        holds: bool,
        cx: &mut StepContext,
    ) {
        let own = self.spec.port_of(self.replica);
        let State::Starting { cause, again, port, .. } = &mut self.state else { return };
        let PortPhase::Checking { until, .. } = port else { return };
        let (cause, again, until) = (cause.clone(), *again, *until);
        let waits = self.spec.port_busy == PortBusy::Wait;
        let holder = holder.unwrap_or_else(|| "another program".to_owned());
        let taken = format!("port {} is in use by {holder}", own.unwrap_or_default());
        match free {
            Some(_) if !holds => self.wait(cause, again, cx),
            Some(free) => {
                if Some(free) != own {
                    self.port = Some(free);
                    cx.notify(&self.name, format!("{taken}; using port {free}"));
                }
                self.spawn(cause, cx);
            }
            None if waits && until.is_none_or(|until| until > cx.now) => {
                if until.is_none() {
                    cx.notify(&self.name, format!("{taken}; waiting for the port"));
                }
                let until = until.unwrap_or(cx.now + LONGEST_WAIT);
                *port =
                    PortPhase::Busy { due: (cx.now + CHECK_INTERVAL).min(until), until, holder };
                self.transitions += 1;
            }
            None => {
                let message = match self.spec.port_busy {
                    PortBusy::Fail => taken,
                    PortBusy::Wait => format!(
                        "port {} is still in use by {holder} after {}",
                        own.unwrap_or_default(),
                        format_limit(LONGEST_WAIT)
                    ),
                    PortBusy::Next => format!("{taken}, as are the next {ALTERNATIVES} ports"),
                };
                self.begin_run(cause, cx.now);
                let error = StartError { kind: StartErrorKind::PortBusy, message };
                self.spawn_failed(&error, cx);
            }
        }
    }
}
