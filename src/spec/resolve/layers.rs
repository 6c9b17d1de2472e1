//! Which tables make up a process: its option sets, weakest first, and its own keys on top.

use std::collections::HashSet;

use super::super::ProcessKind;
use super::super::procfile::keys::JOB;
use super::super::procfile::tree::TableNode;
use super::{DEFAULT, MergedProcess};

/// The layers of one process, and what they come to.
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
                // What a job cannot take is passed over when it comes from a set.
                ProcessKind::Job => {
                    let takes = |name: &str| JOB.own_keys().any(|key| key.name == name);
                    merged.merge(&table.only(takes));
                }
            }
        }
        Self { tables, merged }
    }

    /// The keys written for the process alone.
    pub(super) fn own(&self) -> Option<&'a TableNode> {
        self.tables.last().copied()
    }

    /// How strong the layer is that decides about a key; the strongest has the highest number.
    pub(super) fn strength(&self, key: &str) -> Option<usize> {
        self.tables.iter().rposition(|table| table.has(key))
    }
}

/// The option sets of a process: `default`, then those it names. A set that names sets stands on
/// top of them. Each counts once, so a circle of sets (a mistake told elsewhere) ends here too.
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
