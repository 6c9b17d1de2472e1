//! `graph`: prints the dependencies in the file.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::style::{BOLD, DIM, OutputStyle};
use super::{GlobalOptions, ProgramExit, project, remote};
use crate::spec::{Name, Spec};

#[derive(Debug, Clone, Args)]
pub(super) struct GraphArgs {
    /// In which form
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

pub(super) fn graph(global: &GlobalOptions, args: &GraphArgs) -> ProgramExit {
    let spec = match project::inspect(global) {
        Ok(spec) => spec,
        Err(ending) => return ending,
    };
    let format = if args.json { GraphFormat::Json } else { args.format };
    match format {
        GraphFormat::Tree => remote::print(&tree(&spec, OutputStyle::of(global))),
        GraphFormat::Mermaid => remote::print(&mermaid(&spec)),
        GraphFormat::Dot => remote::print(&dot(&spec)),
        GraphFormat::Json => remote::print_json(&json(&spec)),
    }
    ProgramExit::GOOD
}

/// A dependency: who, on whom, and what it must have reached.
struct GraphEdge<'a> {
    from: &'a Name,
    to: &'a Name,
    condition: &'static str,
    restart: bool,
}

fn edges(spec: &Spec) -> impl Iterator<Item = GraphEdge<'_>> {
    spec.processes.values().flat_map(|process| {
        process.depends_on.iter().map(|(to, dependency)| GraphEdge {
            from: &process.name,
            to,
            condition: dependency.condition.as_str(),
            restart: dependency.restart,
        })
    })
}

/// Processes, jobs, and pools that something depends on.
fn nodes(spec: &Spec) -> impl Iterator<Item = (&Name, &'static str)> {
    let kind = |process: &crate::spec::ProcessSpec| match process.kind {
        crate::spec::ProcessKind::Process => "process",
        crate::spec::ProcessKind::Job => "job",
    };
    let processes = spec.processes.values().map(move |one| (&one.name, kind(one)));
    processes.chain(spec.pools.keys().map(|name| (name, "pool")))
}

/// Which jobs are of which pool.
fn members(spec: &Spec) -> impl Iterator<Item = (&Name, &Name)> {
    spec.pools.values().flat_map(|pool| pool.jobs.iter().map(|job| (&pool.name, job)))
}

/// The pool it takes a slot of.
fn pool_of<'a>(spec: &'a Spec, name: &Name) -> Option<&'a Name> {
    let of_job = members(spec).find(|(_, job)| *job == name).map(|(pool, _)| pool);
    of_job.or_else(|| spec.processes.get(name)?.pool.as_ref())
}

/// What nothing depends on, and below each what it depends on.
fn tree(spec: &Spec, paper: OutputStyle) -> String {
    let mut text = String::new();
    let is_needed = |name: &Name| {
        edges(spec).any(|edge| edge.to == name)
            || spec.pools.values().any(|pool| pool.jobs.contains(name))
    };
    for (name, kind) in nodes(spec) {
        if !is_needed(name) {
            let kind = if kind == "process" { String::new() } else { format!(" ({kind})") };
            _ = writeln!(text, "{}{}", paper.paint(name.as_str(), BOLD), paper.paint(&kind, DIM));
            branches(spec, name, "", paper, &mut text);
        }
    }
    text
}

fn branches(spec: &Spec, name: &Name, indent: &str, paper: OutputStyle, text: &mut String) {
    let below: Vec<GraphEdge<'_>> = edges(spec).filter(|edge| edge.from == name).collect();
    let jobs = spec.pools.get(name).map(|pool| pool.jobs.as_slice()).unwrap_or_default();
    let jobs = jobs.iter().map(|job| (job, "job"));
    let all: Vec<(&Name, &str)> =
        below.iter().map(|edge| (edge.to, edge.condition)).chain(jobs).collect();
    for (place, (to, word)) in all.iter().enumerate() {
        let is_last = place + 1 == all.len();
        let (branch, space) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let lines = paper.paint(&format!("{indent}{branch}"), DIM);
        _ = writeln!(text, "{lines}{to} {}", paper.paint(&format!("({word})"), DIM));
        branches(spec, to, &format!("{indent}{space}"), paper, text);
    }
}

/// Names are letters, digits, `_`, `-` and the `.` of a job, none of which both tools take bare.
fn quoted(name: &Name) -> String {
    format!("\"{name}\"")
}

fn mermaid(spec: &Spec) -> String {
    let mut text = "graph TD\n".to_owned();
    let place = |name: &Name| nodes(spec).position(|(one, _)| one == name).unwrap_or_default();
    for (name, _) in nodes(spec) {
        _ = writeln!(text, "  n{}[{}]", place(name), quoted(name));
    }
    for edge in edges(spec) {
        _ = writeln!(text, "  n{} -->|{}| n{}", place(edge.from), edge.condition, place(edge.to));
    }
    for (pool, job) in members(spec) {
        _ = writeln!(text, "  n{} -.- n{}", place(pool), place(job));
    }
    text
}

fn dot(spec: &Spec) -> String {
    let mut text = "digraph {\n".to_owned();
    for (name, kind) in nodes(spec) {
        let shape = if kind == "pool" { " [shape=box]" } else { "" };
        _ = writeln!(text, "  {}{shape};", quoted(name));
    }
    for edge in edges(spec) {
        let (from, to) = (quoted(edge.from), quoted(edge.to));
        _ = writeln!(text, "  {from} -> {to} [label=\"{}\"];", edge.condition);
    }
    for (pool, job) in members(spec) {
        _ = writeln!(text, "  {} -> {} [style=dotted, arrowhead=none];", quoted(pool), quoted(job));
    }
    text.push_str("}\n");
    text
}

fn json(spec: &Spec) -> serde_json::Value {
    let nodes: Vec<_> = nodes(spec)
        .map(|(name, kind)| json!({ "name": name, "kind": kind, "pool": pool_of(spec, name) }))
        .collect();
    let edge = |edge: GraphEdge<'_>| {
        json!({
            "from": edge.from, "to": edge.to,
            "condition": edge.condition, "restart": edge.restart,
        })
    };
    json!({ "nodes": nodes, "edges": edges(spec).map(edge).collect::<Vec<_>>() })
}
