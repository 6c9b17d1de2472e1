//! Builds the environment of a child.

use std::ffi::{OsStr, OsString};
use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;

use crate::machine::{RunId, Supervisor};
use crate::spec::{ColorMode, CommandLine, NEVER_INHERITED, Name, ProcessSpec, port_variables};
use crate::sys::{Launch, LogicalFolders, OutputFd, StdinTarget};

/// The common part of the environments of all children of an engine.
#[derive(Debug)]
pub(crate) struct EnvironmentContext {
    /// Pitcrew's own environment, as it was at the start.
    pub(crate) inherited: Vec<(OsString, OsString)>,
    /// The value of `PWD` for each folder.
    pub(crate) folders: LogicalFolders,
    /// `PITCREW_SESSION`, which identifies strays of this engine.
    pub(crate) session: String,
    /// Output is shown in colour and `NO_COLOR` is unset.
    pub(crate) colour: bool,
    /// The ports in effect, by variable (`PITCREW_PORT_WEB`).
    pub(crate) ports: Mutex<Vec<(String, u16)>>,
}

/// What the emulator of a terminal is compatible with.
pub(crate) const TERMINAL_KIND: [(&str, &str); 2] =
    [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
/// Variables that programs believe more than their terminal, and that are those of pitcrew's terminal.
pub(crate) const TERMINAL_SIZE: [&str; 2] = ["COLUMNS", "LINES"];

type Variables = Vec<(OsString, OsString)>;

/// The variables that identify a run in its environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunLabel<'a> {
    pub(crate) spec: &'a ProcessSpec,
    pub(crate) replica: Option<u32>,
    pub(crate) run: u32,
    /// The port in effect.
    pub(crate) port: Option<u16>,
    /// The role of a command that helps a run; `None` for the run itself.
    pub(crate) role: Option<&'static str>,
    /// Whether it has a pseudo-terminal.
    pub(crate) has_terminal: bool,
}

impl EnvironmentContext {
    pub(super) fn update_ports(&self, supervisor: &Supervisor) {
        let ports = supervisor.ports().map(|(id, name, port)| {
            (name.as_str(), supervisor.process_of(id).unwrap_or(name).as_str(), port)
        });
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = port_variables(ports);
    }

    /// Returns the complete environment of a run.
    pub(crate) fn of_run(&self, label: RunLabel<'_>) -> Variables {
        let (env, cwd) = (&label.spec.env, &label.spec.cwd);
        let mut variables: IndexMap<OsString, OsString> = IndexMap::new();
        if env.inherit {
            variables.extend(self.inherited.iter().cloned());
            variables.insert("PWD".into(), self.folders.name(cwd).into());
            for name in env.unset.iter().map(String::as_str).chain(NEVER_INHERITED) {
                variables.shift_remove(OsStr::new(name));
            }
        }
        if label.has_terminal {
            for name in TERMINAL_SIZE {
                variables.shift_remove(OsStr::new(name));
            }
            variables.extend(TERMINAL_KIND.map(|(name, value)| (name.into(), value.into())));
        }
        let port = label.port.map(|port| port.to_string());
        let ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let markers = self.markers(label, label.spec.name.as_str());
        let at_start = |name: &str| match name {
            "PORT" => port.clone().map(OsString::from),
            "PWD" => Some(self.folders.name(cwd).into()),
            name => {
                let marker = || markers.iter().find(|(marker, _)| *marker == name)?.1.clone();
                let port = ports.iter().find(|(variable, _)| variable == name);
                port.map(|(_, port)| port.to_string()).or_else(marker).map(OsString::from)
            }
        };
        for (name, value) in &env.set {
            variables.insert(name.into(), value.resolve(at_start));
        }
        if let (Some(port), false) = (port.clone(), env.names_port) {
            variables.insert("PORT".into(), port.into());
        }
        for (name, port) in &ports {
            variables.insert(name.into(), port.to_string().into());
        }
        // A program asks its terminal what that can show.
        if !label.has_terminal {
            self.request_colour(label.spec.color, &mut variables);
        }
        for (name, value) in markers {
            match value {
                Some(value) => variables.insert(name.into(), value.into()),
                None => variables.shift_remove(OsStr::new(name)),
            };
        }
        variables.into_iter().collect()
    }

    /// Returns the environment of a run of an ad-hoc process, whose name need not be unique.
    pub(crate) fn of_ad_hoc_run(
        &self,
        run: RunId,
        label: RunLabel<'_>,
        base: &[(OsString, OsString)],
    ) -> Variables {
        let markers = self.markers(label, &format!("{}@{}", label.spec.name, run.process.0));
        // In one pass: this is done for each run, and a map of all variables costs more than the rest.
        let kept =
            base.iter().filter(|(name, _)| !markers.iter().any(|(marker, _)| name == marker));
        let mut variables: Variables = kept.cloned().collect();
        let set = |(name, value): (&str, Option<String>)| Some((name.into(), value?.into()));
        variables.extend(markers.into_iter().filter_map(set));
        variables
    }

    /// Returns the launch of a command that helps a run: its stop command, or the command of a check.
    pub(super) fn helper_launch(&self, command: &CommandLine, label: RunLabel<'_>) -> Launch {
        Launch {
            argv: argv(command),
            cwd: label.spec.cwd.clone(),
            env: self.of_run(label),
            stdin: StdinTarget::Null,
            stdout: OutputFd::Pipe,
            stderr: OutputFd::Pipe,
            foreground: false,
            terminal: None,
        }
    }

    /// The variables that identify the descendants of a run; those without a value must be unset.
    fn markers(&self, label: RunLabel<'_>, process: &str) -> [(&'static str, Option<String>); 6] {
        [
            ("PITCREW_SESSION", Some(self.session.clone())),
            ("PITCREW_PROCESS", Some(process.to_owned())),
            ("PITCREW_RUN", Some(label.run.to_string())),
            ("PITCREW_ROLE", label.role.map(str::to_owned)),
            ("PITCREW_REPLICA", label.replica.map(|n| n.to_string())),
            ("PITCREW_POOL", label.spec.pool.as_ref().map(Name::to_string)),
        ]
    }

    /// Requests colour and unbuffered output; variables that are set already win.
    fn request_colour(&self, mode: ColorMode, variables: &mut IndexMap<OsString, OsString>) {
        let is_coloured = match mode {
            ColorMode::Always => true,
            ColorMode::Auto => {
                let no_color = variables.get(OsStr::new("NO_COLOR"));
                self.colour && no_color.is_none_or(|value| value.is_empty())
            }
            ColorMode::Never => false,
        };
        let colour =
            [("FORCE_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("CARGO_TERM_COLOR", "always")];
        let colour = colour.into_iter().filter(|_| is_coloured);
        for (name, value) in colour.chain([("PYTHONUNBUFFERED", "1")]) {
            variables.entry(name.into()).or_insert_with(|| value.into());
        }
    }
}

/// Returns program and arguments of a command.
pub(super) fn argv(command: &CommandLine) -> Vec<OsString> {
    command.argv().into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests;
