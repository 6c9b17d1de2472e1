//! Detects cycles of dependencies (including pools, which depend on their members) and of option sets.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::super::fault::{Fault, SourceSpan};
use super::super::procfile::tree::TableNode;
use super::{MergedProcess, dependencies};

/// The maximum number of reported cycles, because a file of a megabyte can contain very many.
const MAX_REPORTED: usize = 100;

#[derive(Debug)]
struct CycleEdge {
    to: String,
    place: SourceSpan,
    label: &'static str,
}

type CycleGraph = IndexMap<String, Vec<CycleEdge>>;

/// Reports every cycle of dependencies.
pub(super) fn check(members: &[MergedProcess<'_>], faults: &mut Vec<Fault>) {
    let mut graph = CycleGraph::new();
    for member in members {
        // A job with the name of its pool is another mistake, not a cycle.
        if let Some(pool) = member.pool().filter(|pool| *pool != member.name) {
            let to = member.name.clone();
            let label = if member.job_of.is_some() { "has the job" } else { "has the member" };
            let edge = CycleEdge { to, place: member.place.clone(), label };
            graph.entry(pool.to_owned()).or_default().push(edge);
        }
        let edges = dependencies(&member.keys).into_iter().map(|(to, place, _)| CycleEdge {
            to: to.to_owned(),
            place: place.clone(),
            label: "depends on",
        });
        graph.entry(member.name.clone()).or_default().extend(edges);
    }
    report(&graph, "circular dependency", faults);
}

/// Reports every cycle of option sets.
pub(super) fn check_sets(root: &TableNode, faults: &mut Vec<Fault>) {
    let mut graph = CycleGraph::new();
    for (name, _, keys) in root.tables("options") {
        let edges = keys.items("options").iter().filter_map(|node| {
            let to = node.text()?.to_owned();
            Some(CycleEdge { to, place: node.place.clone(), label: "takes" })
        });
        graph.insert(name.to_owned(), edges.collect());
    }
    report(&graph, "circular option sets", faults);
}

fn report(graph: &CycleGraph, kind: &str, faults: &mut Vec<Fault>) {
    for cycle in cycles(graph) {
        let mut names: Vec<String> = cycle.iter().map(|(from, _)| format!("`{from}`")).collect();
        names.extend(names.first().cloned());
        let message = format!("{kind}: {}", names.join(" -> "));
        let mut edges = cycle
            .iter()
            .map(|(from, edge)| (&edge.place, format!("`{from}` {} `{}`", edge.label, edge.to)));
        if let Some((place, _)) = edges.next_back() {
            let fault = Fault::at(place, message);
            faults
                .push(edges.fold(fault, |fault, (place, label)| fault.with_related(place, label)));
        }
    }
}

/// Visits every edge once; an edge back to an open node closes a cycle. Iterative, because a chain can
/// be as long as a file has lines.
fn cycles(graph: &CycleGraph) -> Vec<Vec<(&str, &CycleEdge)>> {
    let mut found: Vec<Vec<(&str, &CycleEdge)>> = Vec::new();
    let mut depth_of: HashMap<&str, usize> = HashMap::new();
    let mut done: HashSet<&str> = HashSet::new();
    for start in graph.keys() {
        let mut path: Vec<(&str, std::slice::Iter<'_, CycleEdge>)> = Vec::new();
        let mut edges: Vec<&CycleEdge> = Vec::new();
        let open =
            |name| graph.get_key_value(name).map(|(name, edges)| (name.as_str(), edges.iter()));
        if !done.contains(start.as_str()) {
            path.extend(open(start.as_str()));
            depth_of.insert(start, 0);
        }
        while let Some((name, rest)) = path.last_mut() {
            let Some(edge) = rest.next() else {
                done.insert(name);
                depth_of.remove(name);
                path.pop();
                edges.pop();
                continue;
            };
            if let Some(&depth) = depth_of.get(edge.to.as_str()) {
                if found.len() < MAX_REPORTED {
                    let path_edges = edges.iter().copied().chain([edge]);
                    let names = path.iter().map(|(name, _)| *name);
                    found.push(names.zip(path_edges).skip(depth).collect());
                }
            } else if !done.contains(edge.to.as_str())
                && let Some(next) = open(edge.to.as_str())
            {
                depth_of.insert(next.0, path.len());
                path.push(next);
                edges.push(edge);
            }
        }
    }
    found
}
