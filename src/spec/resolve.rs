//! Resolves files to a [`Spec`]: merges files and option sets, looks up names, fills in defaults.
//!
//! A spec is always built, however much is wrong, so that one run finds every mistake; the caller
//! discards it if there are any.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::fault::{Fault, SourceSpan};
use super::procfile::Procfile;
use super::procfile::tree::{TableNode, ValueNode};
use super::{Name, OutputLimits, PoolSpec, ProcessKind, ProcessSpec, Project, Spec};

mod checks;
mod cycle;
mod environment;
mod layers;
mod ports;
mod process;
mod reference;
mod warnings;
mod watch;

pub(crate) use environment::EnvReading;
use environment::{EnvFiles, PortVariables};
use layers::OptionLayers;

/// The name of the option set and the retry policy that apply by default.
const DEFAULT: &str = "default";

#[derive(Debug, Clone)]
pub(crate) struct ProjectPaths {
    /// Canonical path of the first file.
    pub(crate) file: PathBuf,
    /// Its folder, the base of relative paths.
    pub(crate) dir: PathBuf,
    /// Every file, the first one first.
    pub(crate) files: Vec<PathBuf>,
}

/// The collected mistakes and warnings.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Fault>,
}

/// A process or job of the merged files.
#[derive(Debug, Clone)]
struct MergedProcess<'a> {
    name: String,
    kind: ProcessKind,
    /// Its own keys, without option sets.
    own: &'a TableNode,
    /// Its name, or for a job its entry in the list.
    place: &'a SourceSpan,
    /// The pool it is a job of.
    job_of: Option<&'a str>,
}

/// Builds the spec of a project; the first file has the lowest precedence.
pub(crate) fn resolve(
    home: &ProjectPaths,
    files: &[Procfile],
    reading: &EnvReading<'_>,
    findings: &mut Diagnostics,
) -> Spec {
    let mut root = TableNode::default();
    for file in files {
        root.merge_file(&file.fields);
    }
    let broken = files.iter().any(|file| file.broken);
    let members = members(&root);
    if let (false, false, Some(first)) = (says_what_to_run(&root), broken, files.first()) {
        let message = "this file has no process and no job";
        let hint = "write `[process]` and under it `web = \"npm run dev\"`";
        let place = SourceSpan::start_of(&first.source);
        findings.faults.push(Fault::at(&place, message).with_hint(hint));
    }
    duplicates(&root, &members, &mut findings.faults);
    reference::check(&root, &members, broken, &mut findings.faults);
    let layered: Vec<(MergedProcess<'_>, OptionLayers<'_>)> =
        members.iter().map(|member| (member.clone(), OptionLayers::of(member, &root))).collect();
    let run_first = layered.iter().filter_map(|(_, layers)| watch::runs_first(&layers.merged));
    let env_files = EnvFiles::new(&home.dir, reading, port_variables(&layered));
    let mut resolver =
        process::Resolver::new(home, &root, broken, &env_files, findings).runs_first(run_first);
    let mut processes: IndexMap<Name, Arc<ProcessSpec>> = IndexMap::new();
    for (member, layers) in &layered {
        let process = resolver.process(member, layers);
        processes.entry(process.name.clone()).or_insert_with(|| Arc::new(process));
    }
    cycle::check(&layered, &mut findings.faults);
    ports::check(&layered, &processes, findings);
    warnings::check(&root, &layered, &processes, findings);
    let blanks = blanks(home, &root, &env_files);
    let blank = files
        .first()
        .map(|file| Arc::new(blank(home, &root, &env_files, &SourceSpan::start_of(&file.source))));
    let (env_files, env_pipes) = env_files.paths();
    Spec {
        project: Project { env_files, env_pipes, ..project(home, &root) },
        processes,
        pools: pools(&root, &members, blanks, broken, findings),
        blank,
    }
}

/// The variables that tell the ports of these.
fn port_variables(layered: &[(MergedProcess<'_>, OptionLayers<'_>)]) -> PortVariables {
    let mut variables = PortVariables::default();
    for (member, layers) in layered.iter().filter(|(_, layers)| layers.merged.has("port")) {
        variables.add(&member.name, layers.merged.integer("replicas").unwrap_or(0));
    }
    variables
}

/// A process without a key of its own.
fn blank(
    home: &ProjectPaths,
    root: &TableNode,
    env_files: &EnvFiles<'_>,
    place: &SourceSpan,
) -> ProcessSpec {
    let mut untold = Diagnostics::default();
    let mut resolver = process::Resolver::new(home, root, true, env_files, &mut untold);
    let own = TableNode::default();
    let (name, kind) = ("run".to_owned(), ProcessKind::Process);
    let member = MergedProcess { name, kind, own: &own, place, job_of: None };
    resolver.process(&member, &OptionLayers::of(&member, root))
}

/// Builds a job without own keys for each pool. Its mistakes are those of other jobs too, or of none,
/// so they are not reported.
fn blanks(
    home: &ProjectPaths,
    root: &TableNode,
    env_files: &EnvFiles<'_>,
) -> HashMap<String, ProcessSpec> {
    let mut untold = Diagnostics::default();
    let mut resolver = process::Resolver::new(home, root, true, env_files, &mut untold);
    let own = TableNode::default();
    let blank = |(name, entry, _): (&str, &'_ super::procfile::tree::TableEntry, _)| {
        let member = MergedProcess {
            name: name.to_owned(),
            kind: ProcessKind::Job,
            own: &own,
            place: &entry.key,
            job_of: Some(name),
        };
        (name.to_owned(), resolver.process(&member, &OptionLayers::of(&member, root)))
    };
    root.tables("pool").map(blank).collect()
}

/// Whether there is a process or a job, even an invalid one.
fn says_what_to_run(root: &TableNode) -> bool {
    let has_jobs = |pool: &TableNode| {
        let jobs = pool.get("jobs");
        jobs.is_some_and(|jobs| jobs.items().is_none_or(|jobs| !jobs.is_empty()))
    };
    let process = |node: &ValueNode| node.table().is_none_or(|all| all.iter().next().is_some());
    let pool = |node: &ValueNode| {
        node.table()
            .is_none_or(|all| all.iter().any(|(_, entry)| entry.node.table().is_none_or(has_jobs)))
    };
    root.get("process").is_some_and(process) || root.get("pool").is_some_and(pool)
}

/// Processes in the order of the file, then the jobs of each pool.
fn members(root: &TableNode) -> Vec<MergedProcess<'_>> {
    let processes = root.tables("process").map(|(name, entry, own)| MergedProcess {
        name: name.to_owned(),
        kind: ProcessKind::Process,
        own,
        place: &entry.key,
        job_of: None,
    });
    let jobs = root.tables("pool").flat_map(|(pool, _, keys)| {
        let jobs = keys.items("jobs").iter().enumerate();
        jobs.filter_map(move |(index, node)| {
            let own = node.table()?;
            let name =
                own.text("name").map_or_else(|| format!("{pool}.{}", index + 1), str::to_owned);
            Some(MergedProcess {
                name,
                kind: ProcessKind::Job,
                own,
                place: &node.place,
                job_of: Some(pool),
            })
        })
    });
    processes.chain(jobs).collect()
}

/// Names are unique over processes, jobs and pools.
fn duplicates(root: &TableNode, members: &[MergedProcess<'_>], faults: &mut Vec<Fault>) {
    let of = |kind, what| {
        members.iter().filter(move |member| member.kind == kind).map(move |member| {
            let place = member.own.entry("name").map_or(member.place, |entry| &entry.node.place);
            (member.name.as_str(), place, what)
        })
    };
    let processes = of(ProcessKind::Process, "a process");
    let pools = root.tables("pool").map(|(name, entry, _)| (name, &entry.key, "a pool"));
    let names = processes.chain(pools).chain(of(ProcessKind::Job, "a job"));
    let mut seen: HashMap<&str, (&SourceSpan, &str)> = HashMap::new();
    for (name, place, what) in names {
        if let Some((first, earlier)) = seen.get(name) {
            let message = format!("the name `{name}` is taken");
            let label = format!("{earlier} has it");
            let hint = "names of processes, jobs and pools must be unique";
            faults.push(Fault::at(place, message).also(first, label).with_hint(hint));
        } else {
            seen.insert(name, (place, what));
        }
    }
}

fn project(home: &ProjectPaths, root: &TableNode) -> Project {
    let keys = root.table("project");
    let folder = home.dir.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = keys.and_then(|keys| keys.text("name")).map(str::to_owned).or(folder);
    let output = keys.and_then(|keys| keys.table("output"));
    let size = |key| output.and_then(|output| output.size(key));
    let usual = OutputLimits::default();
    Project {
        name: name.unwrap_or_else(|| "project".to_owned()),
        file: home.file.clone(),
        dir: home.dir.clone(),
        files: home.files.clone(),
        env_files: Vec::new(),
        env_pipes: Vec::new(),
        reload: keys.and_then(|keys| keys.boolean("reload")).unwrap_or(false),
        output: OutputLimits {
            memory: size("memory").unwrap_or(usual.memory),
            line: size("line").unwrap_or(usual.line),
        },
        log_dir: keys.and_then(|keys| keys.table("log")?.text("dir")).map(|dir| home.dir.join(dir)),
    }
}

fn pools(
    root: &TableNode,
    members: &[MergedProcess<'_>],
    mut blanks: HashMap<String, ProcessSpec>,
    broken: bool,
    findings: &mut Diagnostics,
) -> IndexMap<Name, Arc<PoolSpec>> {
    let mut jobs: HashMap<&str, Vec<Name>> = HashMap::new();
    for member in members {
        if let Some(pool) = member.job_of {
            jobs.entry(pool).or_default().push(Name::new(&member.name));
        }
    }
    let mut pools = IndexMap::new();
    for (name, entry, keys) in root.tables("pool") {
        if !keys.has("concurrency") && !broken {
            let message = format!("pool `{name}` needs the key `concurrency`");
            let hint = "it is the number of slots: `concurrency = 2`";
            findings.faults.push(Fault::at(&entry.key, message).with_hint(hint));
        }
        let pool = PoolSpec {
            name: Name::new(name),
            concurrency: keys.integer("concurrency").unwrap_or(1),
            on_failure: keys.choice("on_failure").unwrap_or_default(),
            autostart: keys.boolean("autostart").unwrap_or(true),
            jobs: jobs.remove(name).unwrap_or_default(),
            blank: blanks.remove(name).map(Arc::new),
        };
        pools.insert(pool.name.clone(), Arc::new(pool));
    }
    pools
}

/// Returns the names in a `depends_on` with their places, and the values in the table form.
fn dependencies(keys: &TableNode) -> Vec<(&str, &SourceSpan, Option<&ValueNode>)> {
    match keys.get("depends_on") {
        Some(node) => match (node.items(), node.table()) {
            (Some(items), _) => {
                items.iter().filter_map(|item| Some((item.text()?, &item.place, None))).collect()
            }
            (None, Some(table)) => {
                table.iter().map(|(name, entry)| (name, &entry.key, Some(&entry.node))).collect()
            }
            (None, None) => Vec::new(),
        },
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
