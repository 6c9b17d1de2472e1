//! The port of a process, and the variables that pass it to other processes.

use indexmap::IndexMap;

use super::choices;

choices! {
    /// What happens when another program listens on the port of a process before its start.
    #[derive(Default)]
    pub enum PortBusy {
        /// The start fails.
        #[default]
        Fail = "fail",
        /// The start waits a limited time for the port, then fails.
        Wait = "wait",
        /// The process gets the next free port.
        Next = "next",
    }
}

/// Returns the variable with the port of the process or replica of this name.
pub(crate) fn port_variable(name: &str) -> String {
    let letter = |c: char| if c == '-' || c == '.' { '_' } else { c.to_ascii_uppercase() };
    let name: String = name.chars().map(letter).collect();
    format!("PITCREW_PORT_{name}")
}

/// Returns these variables for ports, each given with the names of the replica and of its process. The
/// port of the first replica is also that of the process.
pub(crate) fn port_variables<'a>(
    ports: impl IntoIterator<Item = (&'a str, &'a str, u16)>,
) -> Vec<(String, u16)> {
    let mut variables: IndexMap<String, u16> = IndexMap::new();
    for (name, process, port) in ports {
        variables.insert(port_variable(name), port);
        if process != name {
            variables.entry(port_variable(process)).or_insert(port);
        }
    }
    variables.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replica_has_a_variable_and_the_first_one_that_of_the_process() {
        let ports = [("my-web", "my-web", 80), ("api.1", "api", 90), ("api.2", "api", 91)];
        let all = port_variables(ports);
        let all: Vec<String> = all.iter().map(|(name, port)| format!("{name}={port}")).collect();
        let names = ["MY_WEB=80", "API_1=90", "API=90", "API_2=91"];
        assert_eq!(all, names.map(|name| format!("PITCREW_PORT_{name}")));
    }
}
