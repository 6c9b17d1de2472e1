//! Graph screen: dependencies with live states, and what blocks them.
//!
//! Drawn as a tree from what depends on nothing: everything stands once, under the one it comes
//! latest after, and names the others it depends on.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::nothing;
use crate::machine::StateName;
use crate::spec::format_duration;
use crate::tui::appearance::{Appearance, put, tint, window};
use crate::tui::text;
use crate::tui::theme::Role;

/// One process of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphNode {
    pub name: String,
    pub state: StateName,
    /// A check says when it is ready.
    pub checked: bool,
    /// Why it is there, where that is worth a word.
    pub why: String,
    pub on: Vec<GraphViewEdge>,
    /// How long its latest run took to be ready.
    pub took: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphViewEdge {
    pub name: String,
    /// What it must reach: `ready`.
    pub condition: String,
    pub fulfilled: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphView {
    rows: Vec<GraphRow>,
    narrowed: bool,
    /// The chain that takes longest to be ready.
    critical: Vec<(String, Duration)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct GraphRow {
    node: GraphNode,
    /// For each level above: whether its line goes on below.
    above: Vec<bool>,
    last: bool,
}

impl GraphView {
    /// Lays it out. Names that are not there and circles, which a file cannot have, do no harm.
    pub fn new(nodes: &[GraphNode]) -> Self {
        let known: HashMap<String, usize> =
            nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), at)).collect();
        let depths = depths(nodes, &known);
        let mut below: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        let mut roots = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            let parents = node.on.iter().filter_map(|edge| known.get(&edge.name).copied());
            let depth = |at: &usize| depths.get(*at).copied().unwrap_or(0);
            match parents.filter(|parent| depth(parent) < depth(&at)).max_by_key(depth) {
                Some(parent) => below.get_mut(parent).into_iter().for_each(|of| of.push(at)),
                None => roots.push(at),
            }
        }
        // What nothing hangs on comes last.
        roots.sort_by_key(|at| below.get(*at).is_none_or(Vec::is_empty));
        let critical = critical(nodes, &known);
        let mut graph = Self { rows: Vec::with_capacity(nodes.len()), narrowed: false, critical };
        for root in roots {
            graph.lay(root, nodes, &below, &[], true);
        }
        graph
    }

    fn lay(
        &mut self,
        at: usize,
        nodes: &[GraphNode],
        below: &[Vec<usize>],
        above: &[bool],
        last: bool,
    ) {
        let (Some(node), Some(children)) = (nodes.get(at), below.get(at)) else { return };
        self.rows.push(GraphRow { node: node.clone(), above: above.to_vec(), last });
        for (place, child) in children.iter().enumerate() {
            let mut lines = above.to_vec();
            lines.push(!last);
            self.lay(*child, nodes, below, &lines, place + 1 == children.len());
        }
    }

    /// Keeps the rows of these names. What they hang on may not be among them, so that they stand by
    /// themselves, and name it.
    pub fn narrow(&mut self, shows: impl Fn(&str) -> bool) {
        self.rows.retain(|row| shows(&row.node.name));
        self.rows.iter_mut().for_each(|row| row.above.clear());
        self.narrowed = true;
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The name in this row.
    pub fn name(&self, row: usize) -> Option<&str> {
        self.rows.get(row).map(|row| row.node.name.as_str())
    }

    /// `db 1.1s → api 1.4s`
    pub fn critical_path(&self, look: &Appearance) -> String {
        let parts: Vec<String> = self
            .critical
            .iter()
            .map(|(name, took)| format!("{name} {}", format_duration(*took)))
            .collect();
        parts.join(&format!(" {} ", look.glyphs.arrow))
    }

    /// Draws it, with the cursor in this row.
    pub fn draw(&self, area: Rect, cursor: usize, look: &Appearance, buffer: &mut Buffer) {
        let path = self.critical_path(look);
        let title = match path.as_str() {
            _ if self.narrowed => format!("Dependency graph {} filtered", look.glyphs.dot),
            "" => "Dependency graph".to_owned(),
            path => format!("Dependency graph {} critical path: {path}", look.glyphs.dot),
        };
        let framed = area.height >= 8 && area.width >= 40;
        let inside = if framed { look.pane(area, &title, true, buffer) } else { area };
        if self.rows.is_empty() {
            let words =
                if self.narrowed { "nothing fits the filter" } else { "there are no processes" };
            return nothing(inside, words, look, buffer);
        }
        let columns = usize::from(inside.width);
        let cursor = cursor.min(self.rows.len() - 1);
        let rows = window(self.rows.len(), cursor, usize::from(inside.height));
        let shown = self.rows.get(rows.clone()).unwrap_or_default();
        let named = |row: &GraphRow| 3 * row.above.len() + 2 + text::width(&row.node.name);
        let tree = shown.iter().map(named).max().unwrap_or(0).min(columns * 2 / 5);
        for (at, row) in shown.iter().enumerate() {
            if rows.start + at == cursor {
                tint(inside, at, look.style(Role::Cursor), buffer);
            }
            put(inside, at, &row.line(tree, columns, look), buffer);
        }
    }
}

impl GraphRow {
    fn line(&self, tree: usize, columns: usize, look: &Appearance) -> Line<'static> {
        let node = &self.node;
        let mut lines = String::new();
        for (level, goes_on) in self.above.iter().enumerate() {
            let sign = match (level + 1 == self.above.len(), self.last, goes_on) {
                (true, true, _) => look.glyphs.last_branch,
                (true, false, _) => look.glyphs.branch,
                (false, ..) if self.above.get(level + 1).is_some_and(|next| *next) => {
                    look.glyphs.pipe
                }
                (false, ..) => " ",
            };
            let dash = if level + 1 == self.above.len() { look.glyphs.dash } else { " " };
            _ = write!(lines, "{sign}{dash} ");
        }
        // No room for lines and a few letters of the name: a step for each level.
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
        // Narrow: the word of the state alone.
        let word = look.pad(word, 10.min(room));
        spans.extend([Span::raw("  "), Span::styled(word, style)]);
        let mut left = room.saturating_sub(12);
        if left < 8 {
            return Line::from(spans);
        }
        spans.push(Span::raw("  "));
        let others = node.on.iter().map(|edge| {
            let sign = if edge.fulfilled { look.glyphs.yes } else { look.glyphs.no };
            let role = if edge.fulfilled { Role::Dim } else { Role::Warn };
            (format!("{sign} {} {}  ", edge.name, edge.condition), role)
        });
        for (words, role) in others {
            let words = look.fit(&words, left);
            left -= text::width(&words);
            spans.push(look.span(words, role));
        }
        if left > 8 && !node.why.is_empty() {
            spans.push(look.span(look.fit(&node.why, left), Role::Dim));
        }
        Line::from(spans)
    }
}

/// How many steps from what depends on nothing, the long way. A circle ends where it began.
fn depths(nodes: &[GraphNode], known: &HashMap<String, usize>) -> Vec<usize> {
    let mut depths = vec![0; nodes.len()];
    // As often as there are nodes: the longest way has no more steps.
    for _ in 0..nodes.len() {
        let mut moved = false;
        for (at, node) in nodes.iter().enumerate() {
            let on = node.on.iter().filter_map(|edge| known.get(&edge.name));
            let deepest = on.filter(|on| **on != at).filter_map(|on| depths.get(*on)).max();
            let depth = deepest.map_or(0, |depth: &usize| (depth + 1).min(nodes.len()));
            if let Some(now) = depths.get_mut(at).filter(|now| **now < depth) {
                *now = depth;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    depths
}

/// The chain whose times add up to most, from its beginning.
fn critical(nodes: &[GraphNode], known: &HashMap<String, usize>) -> Vec<(String, Duration)> {
    let mut best: HashMap<usize, (Duration, Option<usize>)> = HashMap::new();
    for start in 0..nodes.len() {
        total(start, nodes, known, &mut best, &mut HashSet::new());
    }
    let chosen = best.iter().max_by_key(|(at, (sum, _))| (*sum, std::cmp::Reverse(**at)));
    let Some((mut at, _)) = chosen.filter(|(_, (sum, _))| !sum.is_zero()) else {
        return Vec::new();
    };
    let mut path = Vec::new();
    while let Some(node) = nodes.get(*at).filter(|_| path.len() < nodes.len()) {
        if let Some(took) = node.took {
            path.push((node.name.clone(), took));
        }
        match best.get(at) {
            Some((_, Some(before))) => at = before,
            _ => break,
        }
    }
    path.reverse();
    path
}

fn total(
    at: usize,
    nodes: &[GraphNode],
    known: &HashMap<String, usize>,
    best: &mut HashMap<usize, (Duration, Option<usize>)>,
    on_the_way: &mut HashSet<usize>,
) -> Duration {
    if let Some((sum, _)) = best.get(&at) {
        return *sum;
    }
    let Some(node) = nodes.get(at).filter(|_| on_the_way.insert(at)) else {
        return Duration::ZERO;
    };
    let mut before: Option<(Duration, usize)> = None;
    for on in node.on.iter().filter_map(|edge| known.get(&edge.name).copied()) {
        let sum = total(on, nodes, known, best, on_the_way);
        if !sum.is_zero() && before.is_none_or(|(most, _)| sum > most) {
            before = Some((sum, on));
        }
    }
    on_the_way.remove(&at);
    let sum = before.map_or(Duration::ZERO, |(sum, _)| sum) + node.took.unwrap_or_default();
    best.insert(at, (sum, before.map(|(_, on)| on)));
    sum
}
