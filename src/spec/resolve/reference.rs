//! Names that refer to something: each is looked up once, where it is written.

use indexmap::IndexSet;

use super::super::fault::{Fault, SourceSpan};
use super::super::nearest::did_you_mean;
use super::super::procfile::tree::TableNode;
use super::{DEFAULT, MergedProcess, cycle, dependencies, watch};

/// The maximum number of unknown names that are compared with all known ones: a file of a megabyte
/// can hold tens of thousands of both.
const MAX_HINTS: usize = 50;

/// Looks up the names in every process, job, pool and option set.
pub(super) fn check(
    root: &TableNode,
    members: &[MergedProcess<'_>],
    broken: bool,
    faults: &mut Vec<Fault>,
) {
    let tables = |section| root.tables(section).map(|(name, ..)| name).collect::<IndexSet<_>>();
    let with_default = |mut names: IndexSet<_>| {
        names.insert(DEFAULT);
        names
    };
    let pools = tables("pool");
    let targets = members.iter().map(|member| member.name.as_str()).chain(pools.iter().copied());
    let names = DeclaredNames {
        targets: targets.collect(),
        processes: tables("process"),
        policies: with_default(tables("retry")),
        sets: with_default(tables("options")),
        pools,
    };
    let mut lookup = NameLookup { names: &names, hints_left: MAX_HINTS, broken, faults };
    for (name, _, keys) in root.tables("options") {
        lookup.table(keys, &format!("option set `{name}`"));
    }
    for (name, _, keys) in root.tables("pool") {
        lookup.table(keys, &format!("pool `{name}`"));
    }
    for member in members {
        let kind = if member.job_of.is_some() { "job" } else { "process" };
        lookup.table(member.own, &format!("{kind} `{}`", member.name));
    }
    cycle::check_sets(root, faults);
}

struct DeclaredNames<'a> {
    targets: IndexSet<&'a str>,
    processes: IndexSet<&'a str>,
    policies: IndexSet<&'a str>,
    sets: IndexSet<&'a str>,
    pools: IndexSet<&'a str>,
}

struct NameLookup<'a> {
    names: &'a DeclaredNames<'a>,
    hints_left: usize,
    broken: bool,
    faults: &'a mut Vec<Fault>,
}

impl NameLookup<'_> {
    fn table(&mut self, keys: &TableNode, owner: &str) {
        let names = self.names;
        for node in keys.items("options") {
            if let Some(name) = node.text() {
                let use_of = format!("{owner} uses option set `{name}`");
                self.look_up(&node.place, name, &names.sets, &use_of);
            }
        }
        let text = |key| keys.get(key).and_then(|node| Some((&node.place, node.text()?)));
        if let Some((place, name)) = text("retry") {
            let use_of = format!("{owner} uses retry policy `{name}`");
            self.look_up(place, name, &names.policies, &use_of);
        }
        if let Some((place, name)) = text("pool") {
            let use_of = format!("{owner} uses pool `{name}`");
            self.look_up(place, name, &names.pools, &use_of);
        }
        for (name, place, _) in dependencies(keys) {
            self.look_up(place, name, &names.targets, &format!("{owner} depends on `{name}`"));
        }
        if let Some((place, name)) = watch::runs_first(keys) {
            let use_of = format!("{owner} runs `{name}` first");
            self.look_up(place, name.as_str(), &names.targets, &use_of);
        }
    }

    fn look_up(&mut self, place: &SourceSpan, name: &str, known: &IndexSet<&str>, use_of: &str) {
        if known.contains(name) {
            return;
        }
        let process = name.rsplit_once('.').map(|(process, _)| process);
        let hint = match process.filter(|process| self.names.processes.contains(process)) {
            Some(process) => {
                Some(format!("depend on `{process}`; the condition must hold for all replicas"))
            }
            None if self.hints_left == 0 => None,
            None => {
                self.hints_left -= 1;
                did_you_mean(name, known.iter().copied())
            }
        };
        // After a syntax error, only clear misspellings are reported: the name may be in the unreadable
        // part.
        if hint.is_some() || !self.broken {
            let message = format!("{use_of}, which does not exist");
            self.faults.push(Fault::at(place, message).maybe_hint(hint));
        }
    }
}
