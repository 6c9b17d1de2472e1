//! The ports of a project, for a process that belongs to it but is not started by its engine: that of `exec --in`,
//! and that of `run` beside a running project.

use std::ffi::OsString;

use super::remote;
use crate::control::wire::ProjectState;
use crate::machine::Supervisor;
use crate::spec::{Environment, port_variables};
use crate::sys::ProjectDirs;

/// The ports of a project.
pub(super) struct ProjectPorts(Vec<ProcessPort>);

/// The port of a process or replica.
struct ProcessPort {
    name: String,
    process: String,
    port: u16,
}

impl ProjectPorts {
    /// The ports that the file gives.
    pub(super) fn of_file(supervisor: &Supervisor) -> Self {
        let ports = supervisor.ports().map(|(id, name, port)| {
            let process = supervisor.process_of(id).unwrap_or(name).to_string();
            ProcessPort { name: name.to_string(), process, port }
        });
        Self(ports.collect())
    }

    /// The same, with the ports that the processes of a running project have got instead.
    pub(super) fn of_running(mut self, project: &ProjectState) -> Self {
        for one in &mut self.0 {
            let running = project.processes.iter().find(|state| state.status.name == one.name);
            one.port = running.and_then(|state| state.status.port).unwrap_or(one.port);
        }
        self
    }

    /// The same, if the project in these folders runs and answers.
    pub(super) fn of_running_in(self, name: &str, folders: ProjectDirs) -> Self {
        let asked = remote::block_on(async {
            let client = remote::reach(name, folders).await;
            remote::overview(&client).await
        });
        match asked {
            Ok(Ok(project)) => self.of_running(&project),
            Ok(Err(_)) | Err(_) => self,
        }
    }

    /// The port of a process or replica.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.0.iter().find(|one| one.name == name).map(|one| one.port)
    }

    /// Sets the variables that tell the ports, and fills them in where other values use them; `known` has
    /// what else is known of the process.
    pub(super) fn fill_in(
        &self,
        environment: &mut Environment,
        known: impl Fn(&str) -> Option<OsString>,
    ) {
        let ports = self.0.iter();
        let variables =
            port_variables(ports.map(|one| (one.name.as_str(), one.process.as_str(), one.port)));
        for value in environment.set.values_mut() {
            *value = value.filled_in(|name| {
                let port = variables.iter().find(|(variable, _)| variable == name);
                port.map(|(_, port)| port.to_string().into()).or_else(|| known(name))
            });
        }
        for (name, port) in variables {
            environment.set.insert(name, port.to_string().into());
        }
    }
}
