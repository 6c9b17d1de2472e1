//! `up`: the project, or a part of it, from its start to its end.

use std::sync::Arc;

use super::front::{self, Serve, Shows};
use super::reload::Again;
use super::{Ending, Global, UpArgs, background, project, remote};
use crate::machine::{Later, Moment, Options, Orchestra};

pub(super) fn up(global: &Global, args: &UpArgs) -> Ending {
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
    let options = Options {
        keep: args.keep,
        fail_fast: args.fail_fast,
        no_watch: args.no_watch,
        later: if args.names.is_empty() { Later::Starts } else { Later::Rests },
        seed: front::seed(),
    };
    let mut orchestra = Orchestra::new(spec.clone(), options);
    let chosen = if args.names.is_empty() {
        orchestra.autostart()
    } else {
        match orchestra.select(&args.names) {
            Ok(chosen) => chosen,
            Err(error) => return project::wrong(&error.to_string()),
        }
    };
    if args.detach {
        let names = chosen
            .iter()
            .filter_map(|id| orchestra.names().find(|(one, _)| one == id))
            .map(|(_, name)| name.to_string())
            .collect();
        return background::up(global, args, &spec, names);
    }
    #[cfg(feature = "tui")]
    if opens_interface(args) {
        return super::tui::up(global, args, &spec, &orchestra.snapshot(Moment::default()));
    }
    let held = match project::hold(&spec, &args.names) {
        Ok(held) => held,
        Err(ending) => return ending,
    };
    let again = match project::locate(global) {
        Ok(locate) => Again::new(locate, &spec, &held),
        Err(ending) => return ending,
    };
    let serve = Serve {
        orchestra,
        chosen,
        dependencies: !args.no_deps,
        shows: Shows::Everything { quiet: args.quiet, timestamps: args.timestamps },
        events: args.events.clone(),
        log_file: args.log_file.clone(),
        listen: args.listen,
        foreground: None,
        again: Some(Arc::new(again)),
        owned: args.owned,
        passing: None,
    };
    front::serve(global, held, serve)
}

#[cfg(feature = "tui")]
fn opens_interface(args: &UpArgs) -> bool {
    super::tui::is_wanted(args)
}

#[cfg(not(feature = "tui"))]
fn opens_interface(_args: &UpArgs) -> bool {
    false
}
