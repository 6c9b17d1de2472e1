//! The port of a process, and the variables that tell it to others.

use indexmap::IndexMap;

use super::choices;

choices! {
    /// What happens when somebody else listens on the port of a process that is to start.
    #[derive(Default)]
    pub enum PortBusy {
        /// The start fails.
        #[default]
        Fail = "fail",
        /// The start waits for the port, for a limited time, and fails then.
        Wait = "wait",
        /// The process gets the next free port.
        Next = "next",
    }
}

/// The variable in which every process finds the port of the process or replica with this name.
pub(crate) fn port_variable(name: &str) -> String {
    let letter = |c: char| if c == '-' || c == '.' { '_' } else { c.to_ascii_uppercase() };
    let name: String = name.chars().map(letter).collect();
    format!("PITCREW_PORT_{name}")
}

/// These variables for ports that are given with the name of the replica and that of its process. The
/// first replica's is also the one of the process.
pub(crate) fn port_variables<'a>(
    ports: impl IntoIterator<Item = (&'a str, &'a str, u16)>,
) -> Vec<(String, u16)> {
    let mut all: IndexMap<String, u16> = IndexMap::new();
    for (name, process, port) in ports {
        all.insert(port_variable(name), port);
        if process != name {
            all.entry(port_variable(process)).or_insert(port);
        }
    }
    all.into_iter().collect()
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
