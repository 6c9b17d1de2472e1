//! A gate, with which a script and a test wait for each other.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// A one-way gate: closed at first; once open, it stays open. Clones are the same gate.
///
/// A script waits at one with [`Script::hold_until`](super::Script::hold_until), and opens one with
/// [`Script::open`](super::Script::open) to signal its progress.
///
/// ```
/// use pitcrew::testing::{Gate, Script, ScriptedHost};
/// use pitcrew::{Command, ProcessManager};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), pitcrew::Error> {
/// let (reached, go) = (Gate::new(), Gate::new());
/// let host = ScriptedHost::new()
///     .on("migrate", Script::new().open(&reached).hold_until(&go).out("done"));
/// let manager = ProcessManager::with_host(host.clone());
///
/// let migration = manager.start(Command::new("migrate")).await?;
/// reached.opened().await;
/// assert!(host.assert_ran("migrate").is_running());
/// go.open();
/// assert!(migration.wait().await?.stdout_contains("done"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Creates a closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it permanently.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open. Cancel safe.
    pub async fn opened(&self) {
        // No error: the sender lives as long as `self`.
        _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_open() { "Gate(open)" } else { "Gate(shut)" })
    }
}
