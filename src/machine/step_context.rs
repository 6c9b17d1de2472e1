//! Step context: the current time, the jitter of back-off, and the result of the current step.

use super::event::Event;
use super::retry::JitterRng;
use super::{Effect, Moment, Step};
use crate::spec::Name;

/// The context of a step: passed to every change of a lifecycle, which adds effects and events to
/// it.
#[derive(Debug)]
pub(super) struct StepContext {
    pub(super) now: Moment,
    pub(super) jitter_rng: JitterRng,
    pub(super) step: Step,
}

impl StepContext {
    pub(super) fn new(seed: u64) -> Self {
        let (now, jitter_rng) = (Moment::default(), JitterRng::new(seed));
        Self { now, jitter_rng, step: Step::default() }
    }

    /// Adds an effect to the step.
    pub(super) fn request(&mut self, effect: Effect) {
        self.step.effects.push(effect);
    }

    /// Adds an event to the step.
    pub(super) fn emit(&mut self, event: impl Into<Event>) {
        self.step.events.push(event.into());
    }

    /// Adds a notice to the step.
    pub(super) fn notify(&mut self, about: &Name, text: String) {
        self.request(Effect::Notice { about: about.clone(), text });
    }
}
