//! A project from a file, run on a scripted host.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::ScriptedHost;
use crate::engine::{Engine, EngineOptions};
use crate::machine::{Intent, ProjectExit, ShutdownReason, Supervisor, SupervisorOptions};
use crate::spec::{self, ProjectLocator, Spec};

/// The project of a `procfile.toml`, to be run on a [`ScriptedHost`].
///
/// ```
/// use std::time::Duration;
/// use pitcrew::Signal;
/// use pitcrew::testing::{ScriptedProject, ProjectExit, Script, ScriptedHost};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("procfile.toml"), "[process]\nweb = 'npm start'\n")?;
///
/// let host = ScriptedHost::new().on("npm start", Script::forever());
/// let day = Duration::from_secs(24 * 3600);
/// let exit = ScriptedProject::load(folder.path())?.run_for(day, &host).await;
/// assert_eq!(exit, ProjectExit::Asked);
/// assert_eq!(host.assert_ran("npm start").signals()[0].signal, Signal::TERM);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ScriptedProject(Spec);

/// The files of a project have mistakes, or there are none. Says all of them, each with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProjectError(String);

impl ScriptedProject {
    /// Reads and checks the files of the project in this folder, which are found as `pitcrew up` finds
    /// them there. Blocks while it reads.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, ProjectError> {
        let dir = folder.as_ref().to_owned();
        let loaded = spec::load(&ProjectLocator { files: Vec::new(), dir, stdin: None });
        let faulty = |faults: spec::Faults| ProjectError(faults.render(false));
        loaded.map(|loaded| Self(loaded.spec)).map_err(faulty)
    }

    /// Runs everything that starts by itself, until nothing is left to run.
    pub async fn run(self, host: &ScriptedHost) -> ProjectExit {
        let (engine, chosen) = self.engine(host);
        engine.run(chosen, true).await
    }

    /// The same, stopped after some time.
    pub async fn run_for(self, time: Duration, host: &ScriptedHost) -> ProjectExit {
        let (engine, chosen) = self.engine(host);
        let handle = engine.handle();
        let mut running = std::pin::pin!(engine.run(chosen, true));
        tokio::select! {
            exit = &mut running => exit,
            () = tokio::time::sleep(time) => {
                handle.send(Intent::Shutdown(ShutdownReason::Asked));
                running.await
            }
        }
    }

    fn engine(self, host: &ScriptedHost) -> (Engine<ScriptedHost>, Vec<crate::ProcessId>) {
        let supervisor = Supervisor::new(self.0, SupervisorOptions::default());
        let chosen = supervisor.autostart();
        let engine = Engine::new(Arc::new(host.clone()), supervisor, EngineOptions::default());
        (engine, chosen)
    }
}
