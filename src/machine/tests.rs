//! Test harness of the machine: a simulated clock, a scripted host, and laws that are checked after
//! every step.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test names what it is about")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::event::Cause;
use super::{
    Effect, Event, FileChange, Input, Intent, Moment, NewMember, ProcessId, ProjectExit, RunId,
    StateName, Supervisor, SupervisorOptions,
};
use super::{ShutdownReason, Step};
use crate::spec::{Name, Signal, Spec};

use host::{Host, Script};
use laws::Laws;
use project::project;

mod event_lines;
mod host;
mod laws;
mod project;

mod admission;
mod checks;
mod cost;
mod dependencies;
mod edits;
mod ending;
mod every_key;
mod health;
mod pools;
mod ports;
mod random;
mod reloading;
mod reloading_live_runs;
mod retrying;
#[cfg(feature = "control")]
mod scaling;
mod stopping;
#[cfg(feature = "control")]
mod waiting;
mod watching;
mod why;

/// A project, its host, and all events.
struct World {
    machine: Supervisor,
    host: Host,
    now: Moment,
    events: Vec<(Moment, Event)>,
    started: HashMap<RunId, Moment>,
    /// The number of members that were admitted while it ran.
    admitted: u32,
    laws: Option<Laws>,
    /// No restart could be carried out.
    refuses_restarts: bool,
}

/// A world with default options in which nothing has started.
fn world(spec: Spec) -> World {
    World::new(spec, SupervisorOptions::default())
}

impl World {
    fn new(spec: Spec, options: SupervisorOptions) -> Self {
        let mut laws = Laws::new(&spec);
        laws.ignores_files = options.no_watch;
        let machine = Supervisor::new(spec, options);
        Self {
            machine,
            admitted: 0,
            host: Host::default(),
            now: Moment::default(),
            events: Vec::new(),
            started: HashMap::new(),
            laws: Some(laws),
            refuses_restarts: false,
        }
    }

    /// Without the checks after each step, which look at everything.
    fn unchecked(mut self) -> Self {
        self.laws = None;
        self
    }

    /// What the runs of this process do, one after the other; the last is repeated.
    fn script(mut self, name: &str, scripts: impl IntoIterator<Item = Script>) -> Self {
        let scripts: Vec<Script> = scripts.into_iter().collect();
        for id in self.ids(&[name]) {
            self.host.scripts.insert(id, scripts.clone());
        }
        self
    }

    fn ids(&self, names: &[&str]) -> Vec<ProcessId> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.machine.select(&names).unwrap()
    }

    /// Starts everything that starts with the project.
    fn begin(mut self) -> Self {
        let chosen = self.machine.autostart();
        self.begin_with(&chosen, true);
        self
    }

    /// Starts these, and what they depend on.
    fn begin_only(mut self, names: &[&str]) -> Self {
        let chosen = self.ids(names);
        self.begin_with(&chosen, true);
        self
    }

    fn begin_with(&mut self, chosen: &[ProcessId], dependencies: bool) {
        let step = self.machine.begin(self.now, chosen, dependencies);
        self.take(&step, None);
    }

    fn input(&mut self, input: Input) {
        let before = input.clone();
        let step = self.machine.step(self.now, input);
        self.take(&step, Some(&before));
    }

    fn take(&mut self, step: &Step, input: Option<&Input>) {
        for event in &step.events {
            self.events.push((self.now, event.clone()));
            if let Event::ProcessStarted(e) = event {
                let process = e.of.id.unwrap();
                self.started.insert(RunId { process, run: e.of.run }, self.now);
            }
        }
        if let Some(laws) = &mut self.laws {
            laws.hold(&mut self.machine, self.now, step, input);
        }
        self.host.reserved = self.machine.ports().map(|(id, _, port)| (id, port)).collect();
        for effect in &step.effects {
            self.host.perform(self.now, effect);
        }
        for effect in &step.effects {
            if let Effect::CheckRestart { change } = effect {
                let (change, is_refused) = (change.clone(), self.refuses_restarts);
                self.input(Input::RestartChecked { change, is_refused });
            }
        }
    }

    /// The time of the next timer or planned fact.
    fn next(&self) -> Option<Moment> {
        [self.host.next(), self.machine.deadline()].into_iter().flatten().min()
    }

    /// Advances to the next timer or planned fact.
    fn pass(&mut self) {
        let Some(next) = self.next() else { return };
        self.now = self.now.max(next);
        if self.machine.deadline().is_some_and(|due| due <= self.now) {
            self.input(Input::Tick);
        } else if let Some(fact) = self.host.tell(&self.started) {
            self.input(Input::Fact(fact));
        }
    }

    /// Lets time pass, and everything happen that happens meanwhile.
    fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while self.next().is_some_and(|next| next <= until) {
            self.pass();
        }
        self.now = until;
    }

    /// Lets things happen until the project has ended; gives how long that took.
    fn run_out(&mut self, most: Duration) -> Duration {
        let (start, until) = (self.now, self.now + most);
        while self.machine.finish().is_none() {
            let next = self.next().expect("something has to end the project");
            assert!(next <= until, "still there after {most:?}: {:?}", self.states());
            self.pass();
        }
        self.now.since(start)
    }

    fn start(&mut self, names: &[&str]) {
        let ids = self.ids(names);
        self.input(Input::Intent(Intent::Start(ids)));
    }

    fn stop(&mut self, names: &[&str]) {
        let ids = self.ids(names);
        self.input(Input::Intent(Intent::Stop(ids)));
    }

    fn kill(&mut self, names: &[&str]) {
        let ids = self.ids(names);
        self.input(Input::Intent(Intent::Kill(ids)));
    }

    fn restart(&mut self, names: &[&str]) {
        let ids = self.ids(names);
        self.input(Input::Intent(Intent::Restart(ids)));
    }

    fn shutdown(&mut self) {
        self.input(Input::Intent(Intent::Shutdown(ShutdownReason::Asked)));
    }

    fn signal(&mut self, signal: Signal) {
        self.input(Input::Intent(Intent::Shutdown(ShutdownReason::Signal(signal))));
    }

    /// Files of this process have changed just now, or so long ago.
    fn change_before(&mut self, name: &str, ago: Duration) {
        let last = Moment::after_start(self.now.since_start().saturating_sub(ago));
        let (process, path) = (Name::new(name), format!("src/{name}"));
        self.input(Input::Changed(FileChange { process, path, more: 0, first: last, last }));
    }

    fn change(&mut self, name: &str) {
        self.change_before(name, Duration::ZERO);
    }

    fn know_leavers(&mut self) {
        if let Some(laws) = &mut self.laws {
            laws.leaving = self.machine.departing();
        }
    }

    /// Replaces the file by this one.
    fn reload(&mut self, spec: Spec) {
        self.input(Input::Tick);
        let leaving = self.machine.departing();
        let (step, _) = self.machine.reload(self.now, spec, Cause::User);
        if let Some(laws) = &mut self.laws {
            laws.forget_stops(&leaving);
            laws.spec = self.machine.spec().clone();
            laws.leaving = self.machine.departing();
        }
        self.take(&step, None);
    }

    fn finish(&self) -> Option<ProjectExit> {
        self.machine.finish().cloned()
    }

    fn state(&mut self, name: &str) -> StateName {
        let id = self.ids(&[name])[0];
        self.machine.snapshot(self.now).get(id).unwrap().state
    }

    fn why(&mut self, name: &str) -> String {
        let id = self.ids(&[name])[0];
        self.machine.snapshot(self.now).get(id).unwrap().why(self.now)
    }

    fn states(&mut self) -> Vec<String> {
        let views = self.machine.snapshot(self.now).processes;
        views.iter().map(|view| format!("{} {:?}", view.name, view.state)).collect()
    }

    /// Admits and starts a member while the project runs; `None` if it is not admitted.
    fn admit(
        &mut self,
        pool: Option<&str>,
        set: impl FnOnce(&mut NewMember),
        script: Script,
    ) -> Option<ProcessId> {
        self.admitted += 1;
        let name = format!("added{}", self.admitted);
        let drafted = project().process(&name, |spec| spec.pool = pool.map(Name::from)).spec();
        let mut newcomer = NewMember::one_off(Arc::clone(&drafted.processes[name.as_str()]));
        set(&mut newcomer);
        let id = *self.machine.admit(vec![newcomer])?.first()?;
        self.host.scripts.insert(id, vec![script]);
        self.input(Input::Intent(Intent::Start(vec![id])));
        Some(id)
    }

    /// Changes the number of replicas, as the engine does.
    #[cfg(feature = "control")]
    fn scale(&mut self, process: &str, count: u32) {
        let is_up = self.machine.snapshot(self.now).phase == super::ProjectPhase::Up;
        if !is_up || self.machine.finish().is_some() {
            return;
        }
        if let Ok(scaled) = self.machine.scale(self.now, process, count) {
            self.know_leavers();
            self.input(Input::Intent(Intent::Stop(scaled.stop)));
            self.input(Input::Intent(Intent::Start(scaled.start)));
        }
    }

    /// Takes the events of this process in short form; earlier calls have taken the earlier ones.
    fn take_events(&mut self, name: &str) -> Vec<String> {
        let all = std::mem::take(&mut self.events);
        let (taken, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(_, event)| event.subject().is_some_and(|of| of.name.as_str() == name));
        self.events = rest;
        taken.iter().map(|(_, event)| event_lines::of_process(event)).collect()
    }

    /// The names in the events of this kind, in order.
    fn order_of(&self, kind: &str) -> Vec<String> {
        let of_kind = self.events.iter().filter(|(_, event)| event_lines::kind(event) == kind);
        of_kind.filter_map(|(_, e)| e.subject().map(|of| of.name.to_string())).collect()
    }

    /// The times of the events of this kind, with the names.
    fn times_of(&self, kind: &str) -> Vec<(u128, String)> {
        let of_kind = self.events.iter().filter(|(_, event)| event_lines::kind(event) == kind);
        of_kind
            .map(|(at, e)| {
                let name = e.subject().map_or(String::new(), |of| of.name.to_string());
                (at.since_start().as_millis(), name)
            })
            .collect()
    }

    /// The number of events of this kind.
    fn count_of(&self, kind: &str) -> usize {
        self.events.iter().filter(|(_, event)| event_lines::kind(event) == kind).count()
    }
}
