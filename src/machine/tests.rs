//! Test harness of the machine: an invented clock, a scripted host, and laws that are checked after
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

mod host;
mod laws;
mod project;
mod words;

mod checks;
mod coming;
mod cost;
mod dependencies;
mod edits;
mod ending;
mod every_key;
mod explaining;
mod health;
mod pools;
mod ports;
mod random;
mod reloading;
mod renewed;
mod retrying;
#[cfg(feature = "control")]
mod scaling;
mod stopping;
#[cfg(feature = "control")]
mod waiting;
mod watching;

/// A project, its host, and everything that was told.
struct World {
    machine: Supervisor,
    host: Host,
    now: Moment,
    events: Vec<(Moment, Event)>,
    started: HashMap<RunId, Moment>,
    /// How many have come while it ran.
    came: u32,
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
            came: 0,
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

    /// When something happens next without anybody asking for it.
    fn next(&self) -> Option<Moment> {
        [self.host.next(), self.machine.deadline()].into_iter().flatten().min()
    }

    /// Lets the next thing happen.
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
            laws.leaving = self.machine.removed_members();
        }
    }

    /// The file says this now.
    fn reload(&mut self, spec: Spec) {
        self.input(Input::Tick);
        let leaving = self.machine.removed_members();
        let (step, _) = self.machine.reload(self.now, spec, Cause::User);
        if let Some(laws) = &mut self.laws {
            laws.forget_stops(&leaving);
            laws.spec = self.machine.spec().clone();
            laws.leaving = self.machine.removed_members();
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

    /// Something comes while the project runs, and is started; nothing when it is not let in.
    fn come(
        &mut self,
        pool: Option<&str>,
        set: impl FnOnce(&mut NewMember),
        script: Script,
    ) -> Option<ProcessId> {
        self.came += 1;
        let name = format!("come{}", self.came);
        let drafted = project().process(&name, |spec| spec.pool = pool.map(Name::from)).spec();
        let mut newcomer = NewMember::one_off(Arc::clone(&drafted.processes[name.as_str()]));
        set(&mut newcomer);
        let id = *self.machine.admit(vec![newcomer])?.first()?;
        self.host.scripts.insert(id, vec![script]);
        self.input(Input::Intent(Intent::Start(vec![id])));
        Some(id)
    }

    /// So many replicas, as the engine does it.
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

    /// What was told about this process, in words; what was told before is forgotten.
    fn told(&mut self, name: &str) -> Vec<String> {
        let all = std::mem::take(&mut self.events);
        let (told, rest): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|(_, event)| event.subject().is_some_and(|of| of.name.as_str() == name));
        self.events = rest;
        told.iter().map(|(_, event)| words::of_process(event)).collect()
    }

    /// Names of those an event of this kind was told about, in order.
    fn order_of(&self, kind: &str) -> Vec<String> {
        let of_kind = self.events.iter().filter(|(_, event)| words::kind(event) == kind);
        of_kind.filter_map(|(_, e)| e.subject().map(|of| of.name.to_string())).collect()
    }

    /// When events of this kind were told, with the names.
    fn times_of(&self, kind: &str) -> Vec<(u128, String)> {
        let of_kind = self.events.iter().filter(|(_, event)| words::kind(event) == kind);
        of_kind
            .map(|(at, e)| {
                let name = e.subject().map_or(String::new(), |of| of.name.to_string());
                (at.since_start().as_millis(), name)
            })
            .collect()
    }

    /// How often an event of this kind was told.
    fn count_of(&self, kind: &str) -> usize {
        self.events.iter().filter(|(_, event)| words::kind(event) == kind).count()
    }
}
