//! Graph screen: dependencies with live states and blocked conditions.
//!
//! Drawn as a tree: each process has one row, under the deepest of its dependencies, and names all
//! of them.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use indexmap::IndexMap;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{placeholder, screen_pane};
use crate::control::wire::{DependencyState, ProcessState, ProjectState};
use crate::machine::StateName;
use crate::machine::condition::{ConditionStatus, combined_status};
use crate::spec::format_duration;
use crate::tui::appearance::{Appearance, window};
use crate::tui::model::Model;
use crate::tui::model::usage::ReadyTimes;
use crate::tui::text;
use crate::tui::theme::Role;

/// One process with all its replicas, or one pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphNode {
    pub(crate) name: String,
    pub(crate) state: StateName,
    /// A check decides when it is ready.
    pub(crate) checked: bool,
    /// The reason of its state; empty if the state is as desired.
    pub(crate) why: String,
    pub(crate) dependencies: Vec<GraphEdge>,
    /// Time until ready of its latest run.
    pub(crate) ready_time: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphEdge {
    pub(crate) name: String,
    pub(crate) condition: String,
    pub(crate) is_fulfilled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::tui) struct Graph {
    rows: Vec<GraphRow>,
    /// The chain that takes longest to be ready.
    critical: Vec<(String, Duration)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct GraphRow {
    node: GraphNode,
    /// For each level above: whether its line continues below.
    above: Vec<bool>,
    is_last: bool,
}

/// The longest chain of dependencies up to a node.
#[derive(Debug, Clone, Copy, Default)]
struct GraphPath<'a> {
    /// Steps from a node without dependencies.
    depth: usize,
    /// The sum of ready times along the slowest chain.
    duration: Duration,
    /// The node before this one on the slowest chain.
    before: Option<&'a str>,
}

/// Nodes for all processes, and for the pools that a process depends on.
pub(crate) fn nodes(overview: &ProjectState, ready_times: &ReadyTimes) -> Vec<GraphNode> {
    let mut groups: IndexMap<&str, Vec<&ProcessState>> = IndexMap::new();
    for process in &overview.processes {
        groups.entry(&process.process).or_default().push(process);
    }
    let edges = |members: &[&ProcessState]| -> Vec<GraphEdge> {
        let first =
            members.first().map(|first| first.options.depends_on.as_slice()).unwrap_or_default();
        let edge = |on: &DependencyState| {
            let subjects = overview.processes.iter().map(|process| process.condition_subject());
            let status = combined_status(subjects, &on.name, on.dependency.condition);
            GraphEdge {
                name: on.name.clone(),
                condition: on.dependency.condition.as_str().to_owned(),
                is_fulfilled: status == ConditionStatus::Met,
            }
        };
        first.iter().map(edge).collect()
    };
    let processes = groups.iter().map(|(name, members)| GraphNode {
        dependencies: edges(members),
        ..node(name, members, ready_times)
    });
    let is_dependency = |name: &str| {
        overview.processes.iter().flat_map(|p| &p.options.depends_on).any(|on| on.name == name)
    };
    let pools = overview.pools.iter().map(|pool| pool.name.as_str());
    let pools = pools.filter(|pool| is_dependency(pool)).map(|pool| {
        let is_member = |process: &&ProcessState| process.pool.as_deref() == Some(pool);
        node(pool, &overview.processes.iter().filter(is_member).collect::<Vec<_>>(), ready_times)
    });
    processes.chain(pools).collect()
}

/// The node of replicas or members of a pool, without its dependencies. Like a condition on it, a pool
/// without members has succeeded.
fn node(name: &str, members: &[&ProcessState], ready_times: &ReadyTimes) -> GraphNode {
    let worst = members.iter().max_by_key(|process| urgency(process.state));
    let state = worst.map_or(StateName::Succeeded, |process| process.state);
    let reason = worst.filter(|_| !state.is_settled()).map(|process| process.why.as_str());
    let mut parts = Vec::new();
    if members.len() > 1 {
        let done = members.iter().filter(|process| process.state.is_settled()).count();
        parts.push(format!("{done} of {}", members.len()));
    }
    parts.extend(reason.map(str::to_owned));
    GraphNode {
        name: name.to_owned(),
        state,
        checked: members.iter().any(|process| process.checked),
        why: parts.join("; "),
        dependencies: Vec::new(),
        ready_time: members.iter().filter_map(|process| ready_times.of(&process.name)).max(),
    }
}

/// The order in which states of several processes decide the state of their node.
fn urgency(state: StateName) -> u8 {
    match state {
        StateName::Ready | StateName::Succeeded => 0,
        StateName::Idle => 1,
        StateName::Stopped => 2,
        StateName::Queued => 3,
        StateName::Waiting => 4,
        StateName::Starting => 5,
        StateName::Stopping => 6,
        StateName::Skipped => 7,
        StateName::Unhealthy => 8,
        StateName::Backoff => 9,
        StateName::Failed => 10,
    }
}

pub(in crate::tui) fn draw(ui: &Model, area: Rect, buffer: &mut Buffer) {
    Graph::of(ui).draw(ui, area, buffer);
}

impl Graph {
    pub(in crate::tui) fn of(ui: &Model) -> Self {
        let mut graph = Self::new(&nodes(&ui.overview, &ui.ready_times));
        if ui.has_row_filter() {
            graph.rows.retain(|row| ui.row_filter.shows(&row.node.name));
            // Their dependencies may not be among them.
            graph.rows.iter_mut().for_each(|row| row.above.clear());
        }
        graph
    }

    /// Lays out a tree. Unknown names and circles, which a file cannot have, do no harm.
    pub(in crate::tui) fn new(nodes: &[GraphNode]) -> Self {
        let by_name: HashMap<&str, &GraphNode> =
            nodes.iter().map(|node| (node.name.as_str(), node)).collect();
        let mut paths = HashMap::new();
        for node in nodes {
            find_path(node, &by_name, &mut paths);
        }
        let depth = |name: &str| paths.get(name).map_or(0, |path| path.depth);
        let mut children: HashMap<&str, Vec<&GraphNode>> = HashMap::new();
        let mut roots = Vec::new();
        for node in nodes {
            let parents = node.dependencies.iter().map(|edge| edge.name.as_str());
            let parents = parents.filter(|parent| by_name.contains_key(parent));
            let parents = parents.filter(|parent| depth(parent) < depth(&node.name));
            match parents.max_by_key(|parent| depth(parent)) {
                Some(parent) => children.entry(parent).or_default().push(node),
                None => roots.push(node),
            }
        }
        // Nodes without children come last.
        roots.sort_by_key(|root| !children.contains_key(root.name.as_str()));
        let mut graph = Self { rows: Vec::new(), critical: critical(nodes, &by_name, &paths) };
        for root in roots {
            graph.add_tree(root, &children, &[], true);
        }
        graph
    }

    fn add_tree(
        &mut self,
        node: &GraphNode,
        children: &HashMap<&str, Vec<&GraphNode>>,
        above: &[bool],
        is_last: bool,
    ) {
        self.rows.push(GraphRow { node: node.clone(), above: above.to_vec(), is_last });
        let above = [above, &[!is_last]].concat();
        let mut children_left = children.get(node.name.as_str()).into_iter().flatten().peekable();
        while let Some(child) = children_left.next() {
            self.add_tree(child, children, &above, children_left.peek().is_none());
        }
    }

    pub(in crate::tui) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The name in this row.
    pub(in crate::tui) fn name(&self, row: usize) -> Option<&str> {
        self.rows.get(row).map(|row| row.node.name.as_str())
    }

    /// `db 1.1s → api 1.4s`
    pub(in crate::tui) fn critical_path(&self, look: &Appearance) -> String {
        let step = |(name, time): &(String, _)| format!("{name} {}", format_duration(*time));
        let steps: Vec<String> = self.critical.iter().map(step).collect();
        steps.join(&format!(" {} ", look.glyphs.arrow))
    }

    pub(in crate::tui) fn draw(&self, ui: &Model, area: Rect, buffer: &mut Buffer) {
        let look = &ui.look;
        let note = match self.critical_path(look) {
            _ if ui.has_row_filter() => " filtered".to_owned(),
            path if path.is_empty() => path,
            path => format!(" critical path: {path}"),
        };
        let dot = if note.is_empty() { "" } else { look.glyphs.dot };
        let title = format!("Dependency graph {dot}{note}");
        let inside = screen_pane(area, title.trim_end(), look, buffer);
        if self.rows.is_empty() {
            let text =
                if ui.has_row_filter() { "no process matches the filter" } else { "no processes" };
            return placeholder(inside, text, look, buffer);
        }
        let columns = usize::from(inside.width);
        let cursor = ui.row.min(self.rows.len() - 1);
        let visible = window(self.rows.len(), cursor, usize::from(inside.height));
        let visible = self.rows.get(visible).unwrap_or_default().iter();
        let wide = |row: &GraphRow| 3 * row.above.len() + 2 + text::width(&row.node.name);
        let tree = visible.map(wide).max().unwrap_or(0).min(columns * 2 / 5);
        look.draw_rows(inside, self.rows.len(), cursor, buffer, |row| {
            self.rows.get(row).map(|row| row.line(tree, columns, look)).unwrap_or_default()
        });
    }
}

impl GraphRow {
    fn line(&self, tree: usize, columns: usize, look: &Appearance) -> Line<'static> {
        let node = &self.node;
        let mut lines = String::new();
        for level in 1..=self.above.len() {
            let (sign, dash) = match self.above.get(level) {
                Some(true) => (look.glyphs.pipe, " "),
                Some(false) => (" ", " "),
                None if self.is_last => (look.glyphs.last_branch, look.glyphs.dash),
                None => (look.glyphs.branch, look.glyphs.dash),
            };
            _ = write!(lines, "{sign}{dash} ");
        }
        // Without room for lines and a few letters of the name: one column for each level.
        let least = 2 + text::width(&node.name).min(6);
        if text::width(&lines) + least > tree {
            lines = " ".repeat(self.above.len().min(tree.saturating_sub(least)));
        }
        let used = text::width(&lines) + 2;
        let name = look.pad(&node.name, tree.saturating_sub(used));
        let sign = look.glyphs.state(node.state, node.checked);
        let style = look.theme.state(node.state);
        let word = node.state.word(node.checked);
        let mut spans = vec![
            look.span(lines, Role::Dim),
            Span::styled(format!("{sign} "), style),
            look.span(name, Role::Text),
        ];
        let room = columns.saturating_sub(tree + 2);
        let word = look.pad(word, 10.min(room));
        spans.extend([Span::raw("  "), Span::styled(word, style)]);
        let mut left = room.saturating_sub(12);
        if left < 8 {
            return Line::from(spans);
        }
        spans.push(Span::raw("  "));
        for edge in &node.dependencies {
            let (sign, role) = if edge.is_fulfilled {
                (look.glyphs.yes, Role::Dim)
            } else {
                (look.glyphs.no, Role::Warn)
            };
            let dependency = format!("{sign} {} {}  ", edge.name, edge.condition);
            let dependency = look.fit(&dependency, left);
            left -= text::width(&dependency);
            spans.push(look.span(dependency, role));
        }
        if left > 8 && !node.why.is_empty() {
            spans.push(look.span(look.fit(&node.why, left), Role::Dim));
        }
        Line::from(spans)
    }
}

fn find_path<'a>(
    node: &'a GraphNode,
    by_name: &HashMap<&'a str, &'a GraphNode>,
    paths: &mut HashMap<&'a str, GraphPath<'a>>,
) -> GraphPath<'a> {
    if let Some(path) = paths.get(node.name.as_str()) {
        return *path;
    }
    // A circle ends here.
    paths.insert(&node.name, GraphPath::default());
    let mut path = GraphPath::default();
    for dependency in node.dependencies.iter().filter_map(|edge| by_name.get(edge.name.as_str())) {
        let before = find_path(dependency, by_name, paths);
        path.depth = path.depth.max(before.depth + 1);
        if before.duration > path.duration {
            (path.duration, path.before) = (before.duration, Some(dependency.name.as_str()));
        }
    }
    path.duration += node.ready_time.unwrap_or_default();
    paths.insert(&node.name, path);
    path
}

/// The chain with the longest sum of ready times, from its beginning.
fn critical(
    nodes: &[GraphNode],
    by_name: &HashMap<&str, &GraphNode>,
    paths: &HashMap<&str, GraphPath<'_>>,
) -> Vec<(String, Duration)> {
    let path = |node: &GraphNode| paths.get(node.name.as_str()).copied().unwrap_or_default();
    // Of several, the first one.
    let slowest = nodes.iter().rev().max_by_key(|node| path(node).duration);
    let slowest = slowest.filter(|node| !path(node).duration.is_zero());
    let before = |node: &&GraphNode| by_name.get(path(node).before?).copied();
    let chain = std::iter::successors(slowest, before);
    let mut steps: Vec<_> =
        chain.filter_map(|node| Some((node.name.clone(), node.ready_time?))).collect();
    steps.reverse();
    steps
}
