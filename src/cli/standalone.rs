//! Runs a single process in the foreground, outside of the running project.

use std::sync::Arc;

use indexmap::IndexMap;

use super::engine_main::{self, EngineSetup};
use super::{ExitResult, GlobalOptions, ProgramExit, locked_project};
use crate::engine::Foreground;
use crate::machine::{Supervisor, SupervisorOptions};
use crate::spec::{ProcessSpec, Project, Spec};

/// Runs the process as the only one of its project. `forward_output` runs on a separate thread.
pub(super) fn run(
    global: &GlobalOptions,
    project: Project,
    process: ProcessSpec,
    foreground: Foreground,
    forward_output: Option<Box<dyn FnOnce() + Send>>,
) -> ExitResult {
    let has_terminal = process.tty;
    let processes = IndexMap::from([(process.name.clone(), Arc::new(process))]);
    let spec = Spec { project, processes, pools: IndexMap::new(), template: None };
    let options = SupervisorOptions { seed: engine_main::seed(), ..SupervisorOptions::default() };
    let supervisor = Supervisor::new(spec, options);
    let id = supervisor.names().next().map(|(id, _)| id).ok_or(ProgramExit::FAILURE)?;
    let passes_terminal = has_terminal && matches!(foreground, Foreground::Passed(_));
    let setup = EngineSetup::foreground(supervisor, id, foreground);
    let setup = EngineSetup { forward_output, passes_terminal, ..setup };
    engine_main::run(global, locked_project::without_project()?, setup)
}
