//! Option layers of a process: its option sets, weakest first, and its own keys on top.

use std::collections::HashSet;

use super::super::ProcessKind;
use super::super::procfile::keys::JOB;
use super::super::procfile::tree::TableNode;
use super::{DEFAULT, MergedProcess};

/// The layers of one process, and the merged result.
#[derive(Debug)]
pub(super) struct OptionLayers<'a> {
    /// Option sets first, the process's own keys last.
    pub(super) tables: Vec<&'a TableNode>,
    pub(super) merged: TableNode,
}

impl<'a> OptionLayers<'a> {
    pub(super) fn of(member: &MergedProcess<'a>, root: &'a TableNode) -> Self {
        let mut tables = sets(member, root);
        tables.push(member.own);
        let mut merged = TableNode::default();
        for table in &tables {
            match member.kind {
                ProcessKind::Process => merged.merge(table),
                // Keys of option sets that a job cannot have are ignored.
                ProcessKind::Job => {
                    let takes = |name: &str| JOB.own_keys().any(|key| key.name == name);
                    merged.merge(&table.only(takes));
                }
            }
        }
        Self { tables, merged }
    }

    /// The keys of the process itself.
    pub(super) fn own(&self) -> Option<&'a TableNode> {
        self.tables.last().copied()
    }

    /// The precedence of the layer that sets a key; the highest number is the strongest.
    pub(super) fn strength(&self, key: &str) -> Option<usize> {
        self.tables.iter().rposition(|table| table.has(key))
    }
}

/// Returns the option sets of a process: `default`, then the named ones, each preceded by the sets that
/// it names itself. Each counts once, so a cycle (reported elsewhere) ends here too.
fn sets<'a>(member: &MergedProcess<'a>, root: &'a TableNode) -> Vec<&'a TableNode> {
    enum Step<'a> {
        Enter(&'a str),
        Leave(&'a TableNode),
    }
    let options = root.table("options");
    let mut found = Vec::new();
    let mut entered = HashSet::new();
    let own: Vec<&str> = std::iter::once(DEFAULT).chain(member.own.texts("options")).collect();
    let mut steps: Vec<Step<'a>> = own.into_iter().rev().map(Step::Enter).collect();
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(set) => found.push(set),
            Step::Enter(name) => {
                let Some(set) = options.and_then(|options| options.table(name)) else { continue };
                if entered.insert(name) {
                    steps.push(Step::Leave(set));
                    let inner: Vec<&str> = set.texts("options").collect();
                    steps.extend(inner.into_iter().rev().map(Step::Enter));
                }
            }
        }
    }
    found
}
