//! Resolves files to a [`Spec`]: merges files and option sets, looks up names, fills in defaults.
//!
//! A spec is always built, however much is wrong, so that one run finds every mistake; the caller
//! discards it if there are any.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::fault::{Fault, SourceSpan};
use super::procfile::Procfile;
use super::procfile::tree::{TableNode, ValueNode};
use super::{Name, OutputLimits, PoolSpec, ProcessSpec, Project, Spec};

mod checks;
mod cycle;
mod environment;
mod layers;
mod ports;
mod process;
mod reference;
mod warnings;
mod watch;

use environment::EnvFiles;
pub(crate) use environment::EnvReading;
use layers::MergedProcess;
use process::Resolver;

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

/// Builds the spec of a project; the first file has the lowest precedence.
pub(crate) fn resolve(
    paths: &ProjectPaths,
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
    if let (false, false, Some(first)) = (has_members(&root), broken, files.first()) {
        let message = "this file declares no process and no job";
        let hint = "write `[process]` and under it `web = \"npm run dev\"`";
        let place = SourceSpan::start_of(&first.source);
        findings.faults.push(Fault::at(&place, message).with_hint(hint));
    }
    duplicates(&root, &members, &mut findings.faults);
    reference::check(&root, &members, broken, &mut findings.faults);
    let env_files = EnvFiles::new(&paths.dir, &root, reading, &members);
    let resolver = Resolver::new(&paths.dir, &root, broken, &env_files);
    let mut processes: IndexMap<Name, Arc<ProcessSpec>> = IndexMap::new();
    for member in &members {
        let process = resolver.process(member, findings);
        processes.entry(process.name.clone()).or_insert_with(|| Arc::new(process));
    }
    cycle::check(&members, &mut findings.faults);
    ports::check(&members, &processes, findings);
    warnings::check(&root, &members, &processes, findings);
    let template = files
        .first()
        .map(|file| resolver.template("run", &SourceSpan::start_of(&file.source), None));
    let pools = pools(&members, &resolver, findings);
    let (env_files, env_pipes) = env_files.paths();
    let project = Project { env_files, env_pipes, ..project(paths, &root) };
    Spec { project, processes, pools, template }
}

/// Whether there is a process or a job, even an invalid one.
fn has_members(root: &TableNode) -> bool {
    let has_jobs = |pool: &TableNode| {
        let jobs = pool.get("jobs");
        jobs.is_some_and(|jobs| jobs.items().is_none_or(|jobs| !jobs.is_empty()))
    };
    let has_process = |node: &ValueNode| node.table().is_none_or(|table| table.len() > 0);
    let has_job = |node: &ValueNode| {
        let is_pool_with_jobs = |pool: &ValueNode| pool.table().is_none_or(has_jobs);
        node.table()
            .is_none_or(|table| table.iter().any(|(_, entry)| is_pool_with_jobs(&entry.node)))
    };
    root.get("process").is_some_and(has_process) || root.get("pool").is_some_and(has_job)
}

/// Processes in the order of the file, then the jobs of each pool.
fn members(root: &TableNode) -> Vec<MergedProcess<'_>> {
    let processes = root
        .tables("process")
        .map(|(name, entry, own)| MergedProcess::new(root, name, own, &entry.key, None));
    let jobs = root.tables("pool").flat_map(|(pool, _, keys)| {
        let jobs = keys.items("jobs").iter().enumerate();
        jobs.filter_map(move |(index, node)| {
            let own = node.table()?;
            let numbered = || format!("{pool}.{}", index + 1);
            let name = own.text("name").map_or_else(numbered, str::to_owned);
            Some(MergedProcess::new(root, &name, own, &node.place, Some(pool)))
        })
    });
    let mut members: Vec<MergedProcess<'_>> = processes.chain(jobs).collect();
    let runs_first = members.iter().filter_map(|member| Some(watch::runs_first(&member.keys)?.1));
    let runs_first: HashSet<Name> = runs_first.collect();
    for member in &mut members {
        member.is_run_first = runs_first.contains(member.name.as_str());
    }
    members
}

/// Names are unique over processes, jobs and pools.
fn duplicates(root: &TableNode, members: &[MergedProcess<'_>], faults: &mut Vec<Fault>) {
    let of_members = |is_job: bool, kind| {
        let members = members.iter().filter(move |member| member.job_of.is_some() == is_job);
        members.map(move |member| {
            let place = member.own.entry("name").map_or(member.place, |entry| &entry.node.place);
            (member.name.as_str(), place, kind)
        })
    };
    let pools = root.tables("pool").map(|(name, entry, _)| (name, &entry.key, "a pool"));
    let names = of_members(false, "a process").chain(pools).chain(of_members(true, "a job"));
    let mut seen: HashMap<&str, (&SourceSpan, &str)> = HashMap::new();
    for (name, place, kind) in names {
        if let Some((first, first_kind)) = seen.get(name) {
            let fault = Fault::at(place, format!("the name `{name}` is taken"));
            let fault = fault.with_related(first, format!("first used here, by {first_kind}"));
            faults.push(fault.with_hint("names of processes, jobs and pools must be unique"));
        } else {
            seen.insert(name, (place, kind));
        }
    }
}

fn project(paths: &ProjectPaths, root: &TableNode) -> Project {
    let empty = TableNode::default();
    let keys = root.table("project").unwrap_or(&empty);
    let folder = || Some(paths.dir.file_name()?.to_string_lossy().into_owned());
    let name = keys.text("name").map(str::to_owned).or_else(folder);
    let size = |key| keys.table("output")?.size(key);
    let default = OutputLimits::default();
    Project {
        name: name.unwrap_or_else(|| "project".to_owned()),
        file: paths.file.clone(),
        dir: paths.dir.clone(),
        files: paths.files.clone(),
        env_files: Vec::new(),
        env_pipes: Vec::new(),
        reload: keys.boolean("reload").unwrap_or(false),
        output: OutputLimits {
            memory: size("memory").unwrap_or(default.memory),
            line: size("line").unwrap_or(default.line),
        },
        log_dir: keys.table("log").and_then(|log| Some(paths.dir.join(log.text("dir")?))),
    }
}

fn pools(
    members: &[MergedProcess<'_>],
    resolver: &Resolver<'_>,
    findings: &mut Diagnostics,
) -> IndexMap<Name, Arc<PoolSpec>> {
    let mut jobs: HashMap<&str, Vec<Name>> = HashMap::new();
    for member in members {
        if let Some(pool) = member.job_of {
            jobs.entry(pool).or_default().push(Name::new(&member.name));
        }
    }
    let mut pools = IndexMap::new();
    for (name, entry, keys) in resolver.root.tables("pool") {
        if !keys.has("concurrency") && !resolver.broken {
            let message = format!("pool `{name}` needs the key `concurrency`");
            let hint = "it is the number of slots: `concurrency = 2`";
            findings.faults.push(Fault::at(&entry.key, message).with_hint(hint));
        }
        let pool = PoolSpec {
            name: Name::new(name),
            concurrency: keys.integer("concurrency").unwrap_or(1),
            on_failure: keys.word().unwrap_or_default(),
            autostart: keys.boolean("autostart").unwrap_or(true),
            jobs: jobs.remove(name).unwrap_or_default(),
            template: Some(resolver.template(name, &entry.key, Some(name))),
        };
        pools.insert(pool.name.clone(), Arc::new(pool));
    }
    pools
}

/// Returns the names in a `depends_on` with their places, and the values in the table form.
fn dependencies(keys: &TableNode) -> Vec<(&str, &SourceSpan, Option<&ValueNode>)> {
    let list = keys.items("depends_on").iter();
    let list = list.filter_map(|item| Some((item.text()?, &item.place, None)));
    let table = keys.table("depends_on").into_iter().flat_map(TableNode::iter);
    list.chain(table.map(|(name, entry)| (name, &entry.key, Some(&entry.node)))).collect()
}

#[cfg(test)]
mod tests;
