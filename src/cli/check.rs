//! `check` and `schema`: look at the file, run nothing.

use std::io::Write as _;

use super::{CheckArgs, Ending, Global, input, project};
use crate::spec;

pub(super) fn check(global: &Global, args: &CheckArgs) -> Ending {
    let locate = match input::read(global).and_then(|()| project::locate(global)) {
        Ok(locate) => locate,
        Err(ending) => return ending,
    };
    let mut stdout = std::io::stdout();
    let colour = project::colour(global.color, &std::io::stderr());
    match spec::load(&locate) {
        Ok(_) if args.json => {
            _ = writeln!(stdout, "{}", spec::Faults::default().to_json());
            Ending::GOOD
        }
        Ok(spec::Loaded { spec, warnings }) => {
            _ = write!(std::io::stderr(), "{}", warnings.render_warnings(colour));
            let (processes, pools) = (spec.processes.len(), spec.pools.len());
            let name = crate::output::safe_name(&spec.project.name).into_owned();
            _ = writeln!(
                stdout,
                "{name}: no mistakes, {processes} processes and jobs, {pools} pools"
            );
            Ending::GOOD
        }
        Err(faults) if args.json => {
            _ = writeln!(stdout, "{}", faults.to_json());
            Ending::WRONG
        }
        Err(faults) => {
            project::show(&faults, colour);
            Ending::WRONG
        }
    }
}

pub(super) fn schema() -> Ending {
    let schema = spec::schema();
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => {
            _ = writeln!(std::io::stdout(), "{text}");
            Ending::GOOD
        }
        Err(error) => project::failed(&format!("cannot write the schema: {error}")),
    }
}
