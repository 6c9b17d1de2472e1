//! `check` and `schema`: look at the file, run nothing.

use std::io::Write as _;

use super::{CheckArgs, GlobalOptions, ProgramExit, procfile_input, project};
use crate::spec;

pub(super) fn check(global: &GlobalOptions, args: &CheckArgs) -> ProgramExit {
    let locate = match procfile_input::read(global).and_then(|()| project::locate(global)) {
        Ok(locate) => locate,
        Err(ending) => return ending,
    };
    let mut stdout = std::io::stdout();
    let colour = project::colour(global.color, &std::io::stderr());
    if args.json {
        let report = spec::report(&locate);
        _ = writeln!(stdout, "{}", serde_json::json!(report));
        return if report.faults.is_empty() { ProgramExit::GOOD } else { ProgramExit::WRONG };
    }
    match spec::inspect(&locate) {
        Ok(spec::LoadedProject { spec, warnings }) => {
            _ = write!(std::io::stderr(), "{}", warnings.render_warnings(colour));
            let (processes, pools) = (spec.processes.len(), spec.pools.len());
            let name = crate::output::safe_name(&spec.project.name).into_owned();
            _ = writeln!(
                stdout,
                "{name}: no mistakes, {processes} processes and jobs, {pools} pools"
            );
            ProgramExit::GOOD
        }
        Err(faults) => {
            _ = write!(std::io::stderr(), "{}", faults.warnings().render_warnings(colour));
            project::show(&faults, colour);
            ProgramExit::WRONG
        }
    }
}

pub(super) fn schema() -> ProgramExit {
    let schema = spec::schema();
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => {
            _ = writeln!(std::io::stdout(), "{text}");
            ProgramExit::GOOD
        }
        Err(error) => project::failed(&format!("cannot write the schema: {error}")),
    }
}
