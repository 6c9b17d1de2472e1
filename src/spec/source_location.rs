//! Finds the definition of a process in the files of a project.

use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::ProjectLocator;
use super::locate::files;

/// Returns the first file that defines this process or job, and the line from 1. Reads the current files;
/// blocks while it does.
pub fn place_of(request: &ProjectLocator, process: &str) -> Option<(PathBuf, usize)> {
    files(request).into_iter().find_map(|file| {
        let text = std::fs::read_to_string(&file).ok()?;
        let start = start_of(&text, process)?;
        let line = text.get(..start)?.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some((file, line))
    })
}

fn start_of(text: &str, process: &str) -> Option<usize> {
    let (table, _) = DeTable::parse_recoverable(text);
    let key = |table: &DeTable<'_>, name: &str| {
        let (key, _) = table.get_key_value(name)?;
        Some(key.span().start)
    };
    let root = table.get_ref();
    let processes = root.get("process").and_then(|processes| processes.get_ref().as_table());
    processes.and_then(|processes| key(processes, process)).or_else(|| {
        let pools = root.get("pool")?.get_ref().as_table()?;
        pools.iter().find_map(|(name, pool)| {
            let jobs = pool.get_ref().as_table()?.get("jobs")?.get_ref();
            match jobs.as_table() {
                Some(jobs) => key(jobs, process),
                None => find_job(name.get_ref(), jobs.as_array()?, process),
            }
        })
    })
}

/// Finds a job in a list by its name, or by the name of its pool and its number.
fn find_job(pool: &str, jobs: &DeArray<'_>, process: &str) -> Option<usize> {
    let is_match = |(index, job): &(usize, &Spanned<DeValue<'_>>)| {
        let own = job.get_ref().as_table().and_then(|job| job.get("name")?.get_ref().as_str());
        match own {
            Some(own) => own == process,
            None => format!("{pool}.{}", index + 1) == process,
        }
    };
    jobs.iter().enumerate().find(is_match).map(|(_, job)| job.span().start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_however_it_is_written() {
        let text = "# first\n[process]\nweb = 'a'\n\n[process.api]\ncommand = 'b'\n\
                    [pool.p]\njobs = { j1 = 'c' }\n[pool.q.jobs]\nj2 = 'd'\n";
        let line = |name: &str| {
            let start = start_of(text, name)?;
            Some(text[..start].matches('\n').count() + 1)
        };
        let lines = ["web", "api", "j1", "j2", "none"].map(line);
        assert_eq!(lines, [Some(3), Some(5), Some(8), Some(10), None]);
        let text = "[pool.p]\njobs = [\n{ name = 'j1', command = 'c' },\n'd',\n{ command = 'e' }]";
        let line = |name: &str| Some(text[..start_of(text, name)?].matches('\n').count() + 1);
        let lines = ["j1", "p.2", "p.3", "p.1", "p"].map(line);
        assert_eq!(lines, [Some(3), Some(4), Some(5), None, None]);
    }
}
