//! `graph`: prints the dependencies in the file.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::style::{BOLD, DIM, OutputStyle};
use super::{ExitResult, GlobalOptions, ProgramExit, project, stdout};
use crate::spec::{Dependency, Name, ProcessKind, Spec};

#[derive(Debug, Clone, Args)]
pub(super) struct GraphArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: GraphFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum GraphFormat {
    #[default]
    Tree,
    Mermaid,
    Dot,
    Json,
}

pub(super) fn graph(global: &GlobalOptions, args: &GraphArgs) -> ExitResult {
    let spec = project::inspect(global)?;
    match if args.json { GraphFormat::Json } else { args.format } {
        GraphFormat::Tree => stdout::print(&tree(&spec, OutputStyle::of(global))),
        GraphFormat::Mermaid => stdout::print(&mermaid(&spec)),
        GraphFormat::Dot => stdout::print(&dot(&spec)),
        GraphFormat::Json => stdout::print_json(&json(&spec)),
    }
    Ok(ProgramExit::SUCCESS)
}

/// All dependencies: the first process depends on the second one, or on that pool.
fn edges(spec: &Spec) -> impl Iterator<Item = (&Name, &Name, &Dependency)> {
    spec.processes.values().flat_map(|process| {
        process.depends_on.iter().map(|(to, dependency)| (&process.name, to, dependency))
    })
}

/// All processes, jobs and pools, with their kind.
fn nodes(spec: &Spec) -> impl Iterator<Item = (&Name, &'static str)> {
    let processes = spec.processes.values().map(|process| {
        let kind = match process.kind {
            ProcessKind::Process => "process",
            ProcessKind::Job => "job",
        };
        (&process.name, kind)
    });
    processes.chain(spec.pools.keys().map(|name| (name, "pool")))
}

/// All jobs with their pools.
fn jobs(spec: &Spec) -> impl Iterator<Item = (&Name, &Name)> {
    spec.pools.values().flat_map(|pool| pool.jobs.iter().map(|job| (&pool.name, job)))
}

/// The pool whose slots a process or job takes.
fn pool_of<'a>(spec: &'a Spec, name: &Name) -> Option<&'a Name> {
    spec.processes.get(name)?.pool.as_ref()
}

/// The processes that nothing depends on, with their dependencies below them.
fn tree(spec: &Spec, style: OutputStyle) -> String {
    let mut text = String::new();
    let is_needed = |name: &Name| {
        edges(spec).any(|(_, to, _)| to == name)
            || spec.pools.values().any(|pool| pool.jobs.contains(name))
    };
    for (name, kind) in nodes(spec) {
        if !is_needed(name) {
            let kind = if kind == "process" { String::new() } else { format!(" ({kind})") };
            _ = writeln!(text, "{}{}", style.paint(name.as_str(), BOLD), style.paint(&kind, DIM));
            branches(spec, name, "", style, &mut text);
        }
    }
    text
}

fn branches(spec: &Spec, name: &Name, indent: &str, style: OutputStyle, text: &mut String) {
    let dependencies = edges(spec).filter(|(from, ..)| *from == name);
    let jobs = jobs(spec).filter(|(pool, _)| *pool == name).map(|(_, job)| (job, "job"));
    let mut children = dependencies
        .map(|(_, to, dependency)| (to, dependency.condition.as_str()))
        .chain(jobs)
        .peekable();
    while let Some((child, word)) = children.next() {
        let is_last = children.peek().is_none();
        let (branch, space) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let lines = style.paint(&format!("{indent}{branch}"), DIM);
        _ = writeln!(text, "{lines}{child} {}", style.paint(&format!("({word})"), DIM));
        branches(spec, child, &format!("{indent}{space}"), style, text);
    }
}

/// Names consist of letters, digits, `_`, `-` and the `.` of a job, which neither tool accepts
/// without quotes.
fn quoted(name: &Name) -> String {
    format!("\"{name}\"")
}

fn mermaid(spec: &Spec) -> String {
    let mut text = "graph TD\n".to_owned();
    let index = |name: &Name| nodes(spec).position(|(node, _)| node == name).unwrap_or_default();
    for (name, _) in nodes(spec) {
        _ = writeln!(text, "  n{}[{}]", index(name), quoted(name));
    }
    for (from, to, dependency) in edges(spec) {
        _ = writeln!(text, "  n{} -->|{}| n{}", index(from), dependency.condition, index(to));
    }
    for (pool, job) in jobs(spec) {
        _ = writeln!(text, "  n{} -.- n{}", index(pool), index(job));
    }
    text
}

fn dot(spec: &Spec) -> String {
    let mut text = "digraph {\n".to_owned();
    for (name, kind) in nodes(spec) {
        let shape = if kind == "pool" { " [shape=box]" } else { "" };
        _ = writeln!(text, "  {}{shape};", quoted(name));
    }
    for (from, to, dependency) in edges(spec) {
        let (from, to) = (quoted(from), quoted(to));
        _ = writeln!(text, "  {from} -> {to} [label=\"{}\"];", dependency.condition);
    }
    for (pool, job) in jobs(spec) {
        _ = writeln!(text, "  {} -> {} [style=dotted, arrowhead=none];", quoted(pool), quoted(job));
    }
    text.push_str("}\n");
    text
}

fn json(spec: &Spec) -> serde_json::Value {
    let nodes: Vec<_> = nodes(spec)
        .map(|(name, kind)| json!({ "name": name, "kind": kind, "pool": pool_of(spec, name) }))
        .collect();
    let edge = |(from, to, dependency): (&Name, &Name, &Dependency)| {
        let Dependency { condition, restart } = dependency;
        json!({ "from": from, "to": to, "condition": condition, "restart": restart })
    };
    json!({ "nodes": nodes, "edges": edges(spec).map(edge).collect::<Vec<_>>() })
}
