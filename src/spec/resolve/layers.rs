//! Option layers of a process: its option sets, weakest first, and its own keys on top.

use std::collections::HashSet;

use super::super::fault::SourceSpan;
use super::super::procfile::keys::JOB;
use super::super::procfile::tree::TableNode;
use super::DEFAULT;

/// A process or job of the merged files.
#[derive(Debug)]
pub(super) struct MergedProcess<'a> {
    pub(super) name: String,
    /// Its own keys, without option sets.
    pub(super) own: &'a TableNode,
    /// Its name, or for a job its entry in the list.
    pub(super) place: &'a SourceSpan,
    /// The pool it is a job of.
    pub(super) job_of: Option<&'a str>,
    /// Option sets first, its own keys last.
    pub(super) layers: Vec<&'a TableNode>,
    /// All layers merged.
    pub(super) keys: TableNode,
    /// Whether a watch runs it before it restarts another process.
    pub(super) is_run_first: bool,
}

impl<'a> MergedProcess<'a> {
    pub(super) fn new(
        root: &'a TableNode,
        name: &str,
        own: &'a TableNode,
        place: &'a SourceSpan,
        job_of: Option<&'a str>,
    ) -> Self {
        let mut layers = option_sets(own, root);
        layers.push(own);
        let mut keys = TableNode::default();
        for layer in &layers {
            if job_of.is_some() {
                // Keys of option sets that a job cannot have are ignored.
                keys.merge(&layer.filtered(|name| JOB.own_key(name).is_some()));
            } else {
                keys.merge(layer);
            }
        }
        Self { name: name.to_owned(), own, place, job_of, layers, keys, is_run_first: false }
    }

    /// The precedence of the layer that sets a key; the highest number is the strongest.
    pub(super) fn strength(&self, key: &str) -> Option<usize> {
        self.layers.iter().rposition(|table| table.has(key))
    }

    /// The pool whose slot it takes.
    pub(super) fn pool(&self) -> Option<&str> {
        self.job_of.or_else(|| self.keys.text("pool"))
    }
}

/// Returns the option sets of a process: `default`, then the named ones, each preceded by the sets that
/// it names itself. Each counts once, so a cycle (reported elsewhere) ends here too.
fn option_sets<'a>(own: &'a TableNode, root: &'a TableNode) -> Vec<&'a TableNode> {
    /// The traversal is iterative because a chain of sets can be as long as a file has lines.
    enum Visit<'a> {
        Enter(&'a str),
        Leave(&'a TableNode),
    }
    let options = root.table("options");
    let mut found = Vec::new();
    let mut entered = HashSet::new();
    let names: Vec<&str> = std::iter::once(DEFAULT).chain(own.texts("options")).collect();
    let mut pending: Vec<Visit<'a>> = names.into_iter().rev().map(Visit::Enter).collect();
    while let Some(visit) = pending.pop() {
        match visit {
            Visit::Leave(set) => found.push(set),
            Visit::Enter(name) => {
                let Some(set) = options.and_then(|options| options.table(name)) else { continue };
                if entered.insert(name) {
                    pending.push(Visit::Leave(set));
                    let inner: Vec<&str> = set.texts("options").collect();
                    pending.extend(inner.into_iter().rev().map(Visit::Enter));
                }
            }
        }
    }
    found
}
