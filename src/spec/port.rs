//! The port of a process.

/// What happens when somebody else listens on the port of a process that is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PortBusy {
    #[default]
    Fail,
    /// The start waits for the port, for a limited time, and fails then.
    Wait,
    /// The process gets the next free port.
    Next,
}
