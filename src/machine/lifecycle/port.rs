//! Port check: asks which process listens on the port before the spawn is requested.

use std::time::Duration;

use super::{Lifecycle, State};
use crate::machine::event::Cause;
use crate::machine::retry::JitterRng;
use crate::machine::{Effect, Moment, RunId, Step};
use crate::spec::{PortBusy, StartError, StartErrorKind};

/// How long a start waits for its port.
const LONGEST: Duration = Duration::from_secs(20);
/// How long until it is looked again meanwhile.
const AGAIN: Duration = Duration::from_millis(250);
/// So many ports after its own can be taken instead.
pub(in crate::machine) const NEXT: u16 = 20;

/// What is known of the port of a process that is starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::machine) enum PortPhase {
    /// It has none, or was looked at: exec was asked for.
    Settled,
    /// The answer of a look is waited for. `until`: it has been waiting for its port, and fails
    /// then; `holder` is who had it.
    Looking { until: Option<Moment>, holder: String },
    /// Somebody else has it; it is looked again when `due`.
    Busy { due: Moment, until: Moment, holder: String },
}

impl PortPhase {
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Settled | Self::Looking { .. } => None,
            Self::Busy { due, .. } => Some(*due),
        }
    }

    /// Why it has not started, and when it fails because of it.
    pub(in crate::machine) fn explain(&self, port: Option<u16>) -> (String, Option<Moment>) {
        let port = port.unwrap_or_default();
        match self {
            Self::Settled => ("being spawned".to_owned(), None),
            Self::Looking { until: None, .. } => {
                (format!("looking whether port {port} is free"), None)
            }
            Self::Looking { until: Some(until), holder } | Self::Busy { until, holder, .. } => (
                format!("waiting for port {port}, which is taken by {holder}; fails"),
                Some(*until),
            ),
        }
    }
}

impl Lifecycle {
    /// The port in effect: the one that was found for the run at hand, or that of the file.
    pub(in crate::machine) fn port(&self) -> Option<u16> {
        self.port.or_else(|| self.spec.port_of(self.replica))
    }

    /// Whether it has got this port instead of its own.
    pub(in crate::machine) fn has_taken(&self, port: u16) -> bool {
        self.port == Some(port)
    }

    /// It starts: at once, or when it is known that its port is free.
    pub(super) fn begin(&mut self, now: Moment, cause: Cause, out: &mut Step) {
        self.port = None;
        if self.spec.port.is_none() {
            self.spawn(now, cause, out);
            return;
        }
        let port = PortPhase::Looking { until: None, holder: String::new() };
        self.enter(now, State::Starting { since: now, cause, wish: None, port });
        self.look_at_port(out);
    }

    /// The run that is to start: its number is taken when it does.
    fn next_run(&self) -> RunId {
        RunId { process: self.id, run: self.run.saturating_add(1) }
    }

    pub(in crate::machine) fn look_at_port(&mut self, out: &mut Step) {
        let (run, own) = (self.next_run(), self.spec.port_of(self.replica));
        let (Some(own), State::Starting { port, .. }) = (own, &mut self.state) else { return };
        if let PortPhase::Busy { until, holder, .. } = port {
            *port = PortPhase::Looking { until: Some(*until), holder: std::mem::take(holder) };
        }
        let last = match self.spec.port_busy {
            PortBusy::Fail | PortBusy::Wait => own,
            PortBusy::Next => own.saturating_add(NEXT),
        };
        out.effects.push(Effect::LookAtPort { run, ports: (own..=last).collect() });
    }

    /// Whether the answer about this run is waited for.
    pub(in crate::machine) fn expects_port(&self, run: RunId) -> bool {
        let looks = matches!(self.state, State::Starting { port: PortPhase::Looking { .. }, .. });
        looks && run == self.next_run()
    }

    /// It is known who listens on its port. `holds`: what it depends on still is as it has to be.
    pub(in crate::machine) fn port_looked(
        &mut self,
        now: Moment,
        (free, holder): (Option<u16>, Option<String>),
        holds: bool,
        jitter_rng: &mut JitterRng,
        out: &mut Step,
    ) {
        let own = self.spec.port_of(self.replica);
        let State::Starting { cause, port, .. } = &mut self.state else { return };
        let PortPhase::Looking { until, .. } = port else { return };
        let (cause, until, waits) = (cause.clone(), *until, self.spec.port_busy == PortBusy::Wait);
        let number = own.unwrap_or_default();
        let holder = holder.unwrap_or_else(|| "another program".to_owned());
        match free {
            Some(_) if !holds => self.wait(now, cause, true),
            Some(free) => {
                if Some(free) != own {
                    self.port = Some(free);
                    let text = format!("port {number} is taken by {holder}; it gets port {free}");
                    out.effects.push(Effect::Tell { about: self.name.clone(), text });
                }
                self.spawn(now, cause, out);
            }
            None if waits && until.is_none_or(|until| until > now) => {
                if until.is_none() {
                    let text = format!("port {number} is taken by {holder}; it waits for the port");
                    out.effects.push(Effect::Tell { about: self.name.clone(), text });
                }
                let until = until.unwrap_or(now + LONGEST);
                *port = PortPhase::Busy { due: (now + AGAIN).min(until), until, holder };
                self.moves += 1;
            }
            None => {
                let message = match self.spec.port_busy {
                    PortBusy::Fail => format!("port {number} is taken by {holder}"),
                    PortBusy::Wait => format!(
                        "port {number} is taken by {holder}, for {} seconds now",
                        LONGEST.as_secs()
                    ),
                    PortBusy::Next => format!(
                        "port {number} is taken by {holder}, and so are the {NEXT} after it"
                    ),
                };
                self.begin_run(now, cause);
                let error = StartError { kind: StartErrorKind::PortBusy, message };
                self.spawn_failed(now, &error, jitter_rng, out);
            }
        }
    }
}
