//! Where a process stands in the files of a project.

use std::path::PathBuf;

use toml::de::DeTable;

use super::Locate;
use super::locate::files;

/// The first file that has this process, or job, and the line from 1. Reads the files as they are
/// now; blocks while it does.
pub fn place_of(request: &Locate, process: &str) -> Option<(PathBuf, usize)> {
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
    let declared = root.get("process").and_then(|all| key(all.get_ref().as_table()?, process));
    declared.or_else(|| {
        let pools = root.get("pool")?.get_ref().as_table()?;
        let jobs = |pool: &DeTable<'_>| key(pool.get("jobs")?.get_ref().as_table()?, process);
        pools.values().find_map(|pool| jobs(pool.get_ref().as_table()?))
    })
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
    }
}
