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

/// All mistakes in the files of a project, each with its place; or that there are no files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProjectError(String);

impl ScriptedProject {
    /// Reads and checks the project files of this folder, as `pitcrew up` does. Blocks.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, ProjectError> {
        let dir = folder.as_ref().to_owned();
        match spec::load(&ProjectLocator { files: Vec::new(), dir, stdin: None }) {
            Ok(loaded) => Ok(Self(loaded.spec)),
            Err(faults) => Err(ProjectError(faults.render(false))),
        }
    }

    /// Runs all processes with autostart, until the project ends.
    pub async fn run(self, host: &ScriptedHost) -> ProjectExit {
        let (engine, chosen) = self.engine(host);
        engine.run(chosen, true).await
    }

    /// Like [`ScriptedProject::run`], and stops the project after this time.
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
