//! `up`: runs the project, or part of it, from start to end.

use std::sync::Arc;

use super::engine_main::{self, Display, EngineSetup};
use super::reload::FileReloader;
use super::{GlobalOptions, ProgramExit, UpArgs, background, project, remote};
use crate::machine::{AddedProcesses, Moment, Supervisor, SupervisorOptions};

pub(super) fn up(global: &GlobalOptions, args: &UpArgs) -> ProgramExit {
    // The process that runs the project reads its env files, which may be pipes, once.
    let is_elsewhere = args.detach || opens_interface(args);
    let read = if is_elsewhere { project::inspect(global) } else { project::load(global) };
    let spec = match read {
        Ok(spec) => spec,
        Err(ending) => {
            remote::tell_running_without_file(global);
            return ending;
        }
    };
    let options = SupervisorOptions {
        keep: args.keep,
        fail_fast: args.fail_fast,
        no_watch: args.no_watch,
        later: if args.names.is_empty() {
            AddedProcesses::Start
        } else {
            AddedProcesses::LeaveIdle
        },
        seed: engine_main::seed(),
    };
    let mut supervisor = Supervisor::new(spec.clone(), options);
    let chosen = if args.names.is_empty() {
        supervisor.autostart()
    } else {
        match supervisor.select(&args.names) {
            Ok(chosen) => chosen,
            Err(error) => return project::wrong(&error.to_string()),
        }
    };
    if args.detach {
        let names = chosen
            .iter()
            .filter_map(|id| supervisor.names().find(|(one, _)| one == id))
            .map(|(_, name)| name.to_string())
            .collect();
        return background::up(global, args, &spec, names);
    }
    #[cfg(feature = "tui")]
    if opens_interface(args) {
        return super::tui::up(global, args, &spec, &supervisor.snapshot(Moment::default()));
    }
    let held = match project::hold(&spec, &args.names) {
        Ok(held) => held,
        Err(ending) => return ending,
    };
    let again = match project::locate(global) {
        Ok(locate) => FileReloader::new(locate, &spec, &held),
        Err(ending) => return ending,
    };
    let serve = EngineSetup {
        supervisor,
        chosen,
        dependencies: !args.no_deps,
        shows: Display::Everything { quiet: args.quiet, timestamps: args.timestamps },
        events: args.events.clone(),
        log_file: args.log_file.clone(),
        listen: args.listen,
        foreground: None,
        again: Some(Arc::new(again)),
        owned: args.owned,
        passing: None,
    };
    engine_main::serve(global, held, serve)
}

#[cfg(feature = "tui")]
fn opens_interface(args: &UpArgs) -> bool {
    super::tui::is_wanted(args)
}

#[cfg(not(feature = "tui"))]
fn opens_interface(_args: &UpArgs) -> bool {
    false
}
