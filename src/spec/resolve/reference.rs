//! Names that refer to something: each is looked up once, where it is written.

use indexmap::IndexSet;

use super::super::ProcessKind;
use super::super::fault::{Fault, SourceSpan};
use super::super::nearest::did_you_mean;
use super::super::procfile::tree::{TableNode, ValueNode};
use super::{DEFAULT, MergedProcess, cycle, dependencies};

/// After so many unknown names no more are compared with all known ones: a file of a megabyte can
/// hold tens of thousands of both, and nobody reads so far.
const MOST_HINTS: usize = 50;

/// Looks up what is written in every process, job, pool and option set.
pub(super) fn check(
    root: &TableNode,
    members: &[MergedProcess<'_>],
    broken: bool,
    faults: &mut Vec<Fault>,
) {
    let named = |section| root.tables(section).map(|(name, _, _)| name).collect::<IndexSet<_>>();
    let pools = named("pool");
    let targets = members.iter().map(|member| member.name.as_str()).chain(pools.iter().copied());
    let mut lookup = NameLookup {
        targets: targets.collect(),
        processes: named("process"),
        policies: with_default(named("retry")),
        sets: with_default(named("options")),
        pools,
        hints_left: MOST_HINTS,
        broken,
        faults,
    };
    for (name, _, keys) in root.tables("options") {
        lookup.table(keys, &format!("option set `{name}`"));
    }
    for (name, _, keys) in root.tables("pool") {
        lookup.table(keys, &format!("pool `{name}`"));
    }
    for member in members {
        let what = match member.kind {
            ProcessKind::Process => "process",
            ProcessKind::Job => "job",
        };
        lookup.table(member.own, &format!("{what} `{}`", member.name));
    }
    cycle::check_sets(root, faults);
}

fn with_default(mut names: IndexSet<&str>) -> IndexSet<&str> {
    names.insert(DEFAULT);
    names
}

struct NameLookup<'a> {
    targets: IndexSet<&'a str>,
    processes: IndexSet<&'a str>,
    policies: IndexSet<&'a str>,
    sets: IndexSet<&'a str>,
    pools: IndexSet<&'a str>,
    hints_left: usize,
    broken: bool,
    faults: &'a mut Vec<Fault>,
}

impl NameLookup<'_> {
    fn table(&mut self, keys: &TableNode, owner: &str) {
        for set in keys.items("options") {
            if let Some(name) = set.text().filter(|name| !self.sets.contains(*name)) {
                let near = near(name, &self.sets, &mut self.hints_left);
                let message =
                    format!("{owner} takes the option set `{name}`, which does not exist");
                self.unknown(&set.place, &message, near);
            }
        }
        if let Some((node, name)) = named(keys, "retry", &self.policies) {
            let near = near(name, &self.policies, &mut self.hints_left);
            let message = format!("{owner} names the retry policy `{name}`, which does not exist");
            self.unknown(&node.place, &message, near);
        }
        if let Some((node, name)) = named(keys, "pool", &self.pools) {
            let near = near(name, &self.pools, &mut self.hints_left);
            let message =
                format!("{owner} takes a slot of the pool `{name}`, which does not exist");
            self.unknown(&node.place, &message, near);
        }
        for (name, place, _) in dependencies(keys) {
            self.target(place, name, &format!("{owner} depends on `{name}`"));
        }
        let action = keys.table("watch").and_then(|watch| watch.get("action"));
        if let Some((node, name)) =
            action.and_then(|node| Some((node, node.text()?.strip_prefix("run:")?)))
        {
            self.target(&node.place, name, &format!("{owner} runs `{name}` first"));
        }
    }

    fn target(&mut self, place: &SourceSpan, name: &str, message: &str) {
        if self.targets.contains(name) {
            return;
        }
        let replica =
            name.rsplit_once('.').filter(|(process, _)| self.processes.contains(*process));
        let hint = match replica {
            Some((process, _)) => {
                Some(format!("name `{process}`: all its replicas must fulfil it"))
            }
            None => near(name, &self.targets, &mut self.hints_left),
        };
        self.unknown(place, &format!("{message}, which does not exist"), hint);
    }

    /// After a syntax error only what was clearly misspelt is told: what is missing may be there.
    fn unknown(&mut self, place: &SourceSpan, message: &str, hint: Option<String>) {
        if hint.is_some() || !self.broken {
            self.faults.push(Fault::at(place, message).maybe_hint(hint));
        }
    }
}

/// A name that is not among those that are known.
fn named<'k>(
    keys: &'k TableNode,
    key: &str,
    known: &IndexSet<&str>,
) -> Option<(&'k ValueNode, &'k str)> {
    let node = keys.get(key)?;
    let name = node.text()?;
    (!known.contains(name)).then_some((node, name))
}

fn near(name: &str, known: &IndexSet<&str>, left: &mut usize) -> Option<String> {
    *left = left.checked_sub(1)?;
    did_you_mean(name, known.iter().copied())
}
