//! Builds the environment of a child.

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;

use crate::machine::{RunId, Supervisor};
use crate::spec;
pub(crate) use crate::spec::NEVER_INHERITED as OURS;
use crate::spec::{ColorMode, CommandLine, Name, ProcessSpec};
use crate::sys::LogicalFolders;

/// What all children of one engine have in common.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentContext {
    /// Pitcrew's own environment, as it was at the start.
    pub(crate) inherited: Arc<[(OsString, OsString)]>,
    /// What `PWD` is in each folder.
    pub(crate) folders: Arc<LogicalFolders>,
    /// `PITCREW_SESSION`, by which a stray is known to be ours.
    pub(crate) session: Arc<str>,
    /// Output is shown in colour and `NO_COLOR` is unset.
    pub(crate) colour: bool,
    /// The ports in effect, by the variables that tell them; kept up by the engine.
    pub(crate) ports: PortVariables,
}

/// Variables that tell the ports of the processes, each with its port.
#[derive(Debug, Clone, Default)]
pub(crate) struct PortVariables(Arc<Mutex<Vec<(String, u16)>>>);

impl PortVariables {
    /// The ports as they are now.
    pub(crate) fn update(&self, supervisor: &Supervisor) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = port_variables(supervisor);
    }

    fn all(&self) -> Vec<(String, u16)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// `PITCREW_PORT_WEB` and so on, of every process that has a port.
fn port_variables(supervisor: &Supervisor) -> Vec<(String, u16)> {
    let port = |(id, name, port): (_, &'_ Name, u16)| {
        let process = supervisor.process_of(id).unwrap_or(name);
        (name.to_string(), process.to_string(), port)
    };
    let ports: Vec<(String, String, u16)> = supervisor.ports().map(port).collect();
    spec::port_variables(
        ports.iter().map(|(name, process, port)| (name.as_str(), process.as_str(), *port)),
    )
}

type Variables = Vec<(OsString, OsString)>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct RunLabel<'a> {
    pub(crate) spec: &'a ProcessSpec,
    pub(crate) replica: Option<u32>,
    pub(crate) run: u32,
    /// The port in effect.
    pub(crate) port: Option<u16>,
    /// What it does for the run, where it is not the run itself.
    pub(crate) role: Option<&'static str>,
}

impl EnvironmentContext {
    /// The whole environment of one run.
    pub(crate) fn of(&self, whose: RunLabel<'_>) -> Vec<(OsString, OsString)> {
        let env = &whose.spec.env;
        let mut all: IndexMap<OsString, OsString> = IndexMap::new();
        if env.inherit {
            all.extend(self.inherited.iter().cloned());
            all.insert("PWD".into(), self.folders.name(&whose.spec.cwd).into());
            for name in env.unset.iter().map(String::as_str).chain(OURS) {
                all.shift_remove(OsStr::new(name));
            }
        }
        let port = whose.port.map(|port| port.to_string());
        let ports = self.ports.all();
        let marks = self.marks(whose, whose.spec.name.as_str());
        let at_start = |name: &str| match name {
            "PORT" => port.clone().map(OsString::from),
            "PWD" => Some(self.folders.name(&whose.spec.cwd).into()),
            name => {
                let mark = || marks.iter().find(|(mark, _)| *mark == name)?.1.clone();
                let port = ports.iter().find(|(variable, _)| variable == name);
                port.map(|(_, port)| port.to_string()).or_else(mark).map(OsString::from)
            }
        };
        for (name, value) in &env.set {
            all.insert(name.into(), value.resolve(at_start));
        }
        if let (Some(port), false) = (port.clone(), env.names_port) {
            all.insert("PORT".into(), port.into());
        }
        for (name, port) in &ports {
            all.insert(name.into(), port.to_string().into());
        }
        self.colour(whose.spec.color, &mut all);
        self.mark(whose, whose.spec.name.as_str(), &mut all);
        all.into_iter().collect()
    }

    /// The environment of one run of a guest, who may share its name with others.
    pub(crate) fn of_guest(&self, run: RunId, whose: RunLabel<'_>, base: &Variables) -> Variables {
        let known = format!("{}@{}", whose.spec.name, run.process.0);
        let marks = self.marks(whose, &known);
        // In one go: this is done for each run, and a map of it all costs more than everything else.
        let kept = base.iter().filter(|(name, _)| !marks.iter().any(|(mark, _)| name == mark));
        let mut all: Variables = kept.cloned().collect();
        all.extend(
            marks.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))),
        );
        all
    }

    /// Puts in by what its descendants are known.
    fn mark(&self, whose: RunLabel<'_>, known: &str, all: &mut IndexMap<OsString, OsString>) {
        for (name, value) in self.marks(whose, known) {
            match value {
                Some(value) => all.insert(name.into(), value.into()),
                None => all.shift_remove(OsStr::new(name)),
            };
        }
    }

    /// By what the descendants of a run are known: what is set, and what must not be.
    fn marks(&self, whose: RunLabel<'_>, known: &str) -> [(&'static str, Option<String>); 6] {
        [
            ("PITCREW_SESSION", Some(self.session.to_string())),
            ("PITCREW_PROCESS", Some(known.to_owned())),
            ("PITCREW_RUN", Some(whose.run.to_string())),
            ("PITCREW_ROLE", whose.role.map(str::to_owned)),
            ("PITCREW_REPLICA", whose.replica.map(|n| n.to_string())),
            ("PITCREW_POOL", whose.spec.pool.as_ref().map(Name::to_string)),
        ]
    }

    /// Asks for colour, and for output that is not held back; anything already set wins.
    fn colour(&self, wish: ColorMode, all: &mut IndexMap<OsString, OsString>) {
        let asked = match wish {
            ColorMode::Always => true,
            ColorMode::Auto => {
                self.colour && all.get(OsStr::new("NO_COLOR")).is_none_or(|value| value.is_empty())
            }
            ColorMode::Never => false,
        };
        let colour =
            [("FORCE_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("CARGO_TERM_COLOR", "always")];
        for (name, value) in colour.into_iter().filter(|_| asked) {
            all.entry(name.into()).or_insert_with(|| value.into());
        }
        all.entry("PYTHONUNBUFFERED".into()).or_insert_with(|| "1".into());
    }
}

/// A command as program and arguments.
pub(crate) fn argv(command: &CommandLine) -> Vec<OsString> {
    match command {
        CommandLine::Argv(argv) => argv.iter().map(OsString::from).collect(),
        CommandLine::Shell { shell, script } => {
            shell.iter().chain(std::iter::once(script)).map(OsString::from).collect()
        }
    }
}

#[cfg(test)]
mod tests;
