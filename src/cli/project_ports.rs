//! The ports of a project, for a process that is not started by its engine: `exec --in`, and `run`
//! while the project is running.

use std::ffi::OsString;

use super::running_project;
use crate::control::wire::ProjectState;
use crate::machine::Supervisor;
use crate::spec::{Environment, Spec, port_variables};

pub(super) struct ProjectPorts(Vec<ProcessPort>);

/// The port of a process or replica.
struct ProcessPort {
    name: String,
    process: String,
    port: u16,
}

impl ProjectPorts {
    /// The ports in the file.
    pub(super) fn of_file(supervisor: &Supervisor) -> Self {
        let ports = supervisor.ports().map(|(id, name, port)| {
            let process = supervisor.process_of(id).unwrap_or(name).to_string();
            ProcessPort { name: name.to_string(), process, port }
        });
        Self(ports.collect())
    }

    /// Replaces the ports by the actual ports of the running project, if it responds.
    pub(super) fn with_running_ports(self, spec: &Spec) -> Self {
        let Some(dirs) = running_project::dirs_if_running(spec) else { return self };
        let state = running_project::block_on(async {
            let client = running_project::connect(&spec.project.name, dirs).await;
            running_project::state(&client).await
        });
        match state {
            Ok(Ok(state)) => self.with_ports_of(&state),
            Ok(Err(_)) | Err(_) => self,
        }
    }

    /// Replaces the ports by the actual ports of a running project.
    pub(super) fn with_ports_of(mut self, project: &ProjectState) -> Self {
        for port in &mut self.0 {
            let running = project.processes.iter().find(|state| state.name == port.name);
            port.port = running.and_then(|state| state.port).unwrap_or(port.port);
        }
        self
    }

    /// The port of a process or replica.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.0.iter().find(|port| port.name == name).map(|port| port.port)
    }

    /// Sets the port variables, and expands them in other values; `known` returns other variables
    /// of the process.
    pub(super) fn fill_in(
        &self,
        environment: &mut Environment,
        known: impl Fn(&str) -> Option<OsString>,
    ) {
        let ports = self.0.iter();
        let variables = port_variables(
            ports.map(|port| (port.name.as_str(), port.process.as_str(), port.port)),
        );
        for value in environment.set.values_mut() {
            *value = value.with_known(|name| {
                let port = variables.iter().find(|(variable, _)| variable == name);
                port.map(|(_, port)| port.to_string().into()).or_else(|| known(name))
            });
        }
        for (name, port) in variables {
            environment.set.insert(name, port.to_string().into());
        }
    }
}
