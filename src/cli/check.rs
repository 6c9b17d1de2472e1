//! `check` and `schema`: validate the file, run nothing.

use std::io::Write as _;
use std::sync::Arc;

use super::{CheckArgs, GlobalOptions, ProgramExit, project, remote};
use crate::spec::{self, ProcessKind, ProcessSpec, counted};

pub(super) fn check(global: &GlobalOptions, args: &CheckArgs) -> ProgramExit {
    let locate = match project::read_stdin(global).and_then(|()| project::locate(global)) {
        Ok(locate) => locate,
        Err(ending) => return ending,
    };
    let colour = project::colour(global.color, &std::io::stderr());
    if args.json {
        let report = spec::report(&locate);
        remote::print_json(&report);
        return if report.faults.is_empty() { ProgramExit::GOOD } else { ProgramExit::WRONG };
    }
    match spec::inspect(&locate) {
        Ok(spec::LoadedProject { spec, warnings }) => {
            _ = write!(std::io::stderr(), "{}", warnings.render_warnings(colour));
            let name = crate::output::safe_name(&spec.project.name).into_owned();
            remote::print(&format!("{name}: no mistakes, {}\n", contents(&spec)));
            ProgramExit::GOOD
        }
        Err(faults) => {
            _ = write!(std::io::stderr(), "{}", faults.warnings().render_warnings(colour));
            project::show(&faults, colour);
            ProgramExit::WRONG
        }
    }
}

/// What a project is made of, such as `2 processes, 1 job, 1 pool`.
fn contents(spec: &spec::Spec) -> String {
    let is_job = |process: &&Arc<ProcessSpec>| process.kind == ProcessKind::Job;
    let jobs = spec.processes.values().filter(is_job).count();
    let counts =
        [(spec.processes.len() - jobs, "process"), (jobs, "job"), (spec.pools.len(), "pool")];
    let parts = counts.iter().filter(|(count, _)| *count > 0);
    let parts = parts.map(|(count, noun)| counted(*count, noun));
    parts.collect::<Vec<_>>().join(", ")
}

pub(super) fn schema() -> ProgramExit {
    let schema = spec::schema();
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => {
            remote::print(&format!("{text}\n"));
            ProgramExit::GOOD
        }
        Err(error) => project::failed(&format!("cannot write the schema: {error}")),
    }
}
