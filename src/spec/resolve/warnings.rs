//! Warnings about valid keys without the expected effect: paths with `~` or variables, which are not
//! expanded, missing folders, dependencies on processes that never end.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::fault::{Fault, SourceSpan, shown_path};
use super::super::procfile::tree::{TableNode, ValueNode};
use super::super::{CommandLine, Condition, Name, ProcessSpec, Restart};
use super::{Diagnostics, MergedProcess, dependencies, watch};

/// Programs that expand variables in their arguments.
const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "fish", "busybox", "env"];

pub(super) fn check(
    root: &TableNode,
    members: &[MergedProcess<'_>],
    processes: &IndexMap<Name, Arc<ProcessSpec>>,
    findings: &mut Diagnostics,
) {
    let warnings = &mut findings.warnings;
    let always_restarts =
        |name: &str| processes.get(name).is_some_and(|process| process.restart == Restart::Always);
    let project = root.table("project");
    warnings.extend(project.and_then(|keys| unexpanded(keys.table("log")?.get("dir")?)));
    warnings.extend(project.into_iter().flat_map(optional_env_files).filter_map(unexpanded));
    for MergedProcess { name: member, keys, .. } in members {
        let unexpanded_paths: Vec<Fault> = paths(keys).filter_map(unexpanded).collect();
        let Some(spec) = processes.get(member.as_str()) else { continue };
        if unexpanded_paths.is_empty() {
            warnings.extend(missing_folder(keys, spec));
        }
        warnings.extend(unexpanded_paths);
        warnings.extend(unexpanded_arguments(keys, spec));
        warnings.extend(program_with_arguments(keys, spec));
        warnings.extend(unexpanded_search_path(keys));
        for (name, place, _) in dependencies(keys) {
            let condition = spec.depends_on.get(name).map(|dependency| dependency.condition);
            let goal = match condition {
                Some(Condition::Succeeded) => "to succeed",
                Some(Condition::Completed) => "to end permanently",
                Some(Condition::Ready | Condition::Started) | None => continue,
            };
            if always_restarts(name) {
                let wait = format!("`{member}` waits for `{name}` {goal}");
                warnings.push(endless(place, &wait, name));
            }
        }
        if let Some((place, name)) = watch::runs_first(keys)
            && always_restarts(name.as_str())
        {
            let wait = format!("`{member}` runs `{name}` first when its files change");
            warnings.push(endless(place, &wait, name.as_str()));
        }
    }
}

/// Every path among the keys of a process except required env files, whose absence is a mistake.
fn paths(keys: &TableNode) -> impl Iterator<Item = &ValueNode> {
    let keys_of = |table, key| keys.table(table)?.get(key);
    let checks = [("ready", "unix"), ("ready", "file"), ("health", "unix"), ("health", "file")];
    let checks = checks.map(|(table, key)| keys_of(table, key));
    let watched = keys.table("watch").map_or(keys.items("watch"), |watch| watch.items("paths"));
    [keys.get("cwd"), keys_of("log", "file")]
        .into_iter()
        .chain(checks)
        .flatten()
        .chain(watched)
        .chain(optional_env_files(keys))
}

/// The env files that may be missing.
fn optional_env_files(keys: &TableNode) -> impl Iterator<Item = &ValueNode> {
    let is_optional = |node: &&ValueNode| node.text().is_some_and(|path| path.ends_with('?'));
    keys.items("env_file").iter().filter(is_optional)
}

/// Returns the part of a text that a shell would expand.
fn expansion(text: &str) -> Option<&str> {
    if text == "~" || text.starts_with("~/") {
        return Some("~");
    }
    let (_, rest) = text.split_once('$')?;
    let is_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{');
    if !rest.starts_with(is_start) {
        return None;
    }
    let start = text.len() - rest.len() - 1;
    let end = match rest.strip_prefix('{') {
        Some(braced) => braced.find('}')? + 2,
        None => rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()),
    };
    text.get(start..=start + end)
}

fn unexpanded(node: &ValueNode) -> Option<Fault> {
    let word = expansion(node.text()?)?;
    let message = format!("`{word}` is not expanded in a path");
    Some(Fault::at(&node.place, message).with_hint("write the path itself"))
}

/// The arguments of an array are not expanded.
fn unexpanded_arguments(keys: &TableNode, spec: &ProcessSpec) -> Option<Fault> {
    let CommandLine::Argv(argv) = &spec.command else { return None };
    let program = argv.first().and_then(|program| Path::new(program).file_name());
    if program.is_some_and(|name| SHELLS.iter().any(|shell| name == *shell)) {
        return None;
    }
    let is_whole = |text: &str, word: &str| text == word || word == "~";
    let nodes = keys.items("command").iter().enumerate();
    let (node, word) = nodes.into_iter().find_map(|(index, node)| {
        let text = node.text()?;
        // An argument may be for a program that expands it itself, such as `awk '$1 > 2'`.
        Some((node, expansion(text).filter(|word| index == 0 || is_whole(text, word))?))
    })?;
    let message = format!("`{word}` is not expanded: an array runs without a shell");
    let hint = "write the command as one string, which a shell runs";
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// A whole command line as the only entry of an array would be the name of the program.
fn program_with_arguments(keys: &TableNode, spec: &ProcessSpec) -> Option<Fault> {
    let [node] = keys.items("command") else { return None };
    let text = node.text()?.trim();
    let (program, _) = text.split_once(char::is_whitespace)?;
    if program.contains('/') && spec.cwd.join(text).exists() {
        return None;
    }
    let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
    let message = format!("the whole text `{text}` is the name of the program");
    let hint = format!(
        "write one entry for each word: [{}]; or a string without brackets",
        words.join(", ")
    );
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// A `PATH` with unexpanded variables finds no program.
fn unexpanded_search_path(keys: &TableNode) -> Option<Fault> {
    let node = keys.table("env")?.get("PATH")?;
    let word = expansion(node.text()?).or_else(|| node.text()?.contains(":~").then_some("~"))?;
    let message = format!("`{word}` is not expanded in `env`");
    let hint = "set it in the command: `command = \"PATH=$HOME/bin:$PATH exec …\"`";
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// A missing folder, unless a dependency may create it.
fn missing_folder(keys: &TableNode, spec: &ProcessSpec) -> Option<Fault> {
    let node = keys.get("cwd")?;
    if !spec.depends_on.is_empty() || spec.cwd.is_dir() {
        return None;
    }
    let problem = if spec.cwd.exists() { "is not a folder" } else { "does not exist" };
    let message = format!("the folder {} {problem}", shown_path(Path::new(node.text()?)));
    Some(Fault::at(&node.place, message).with_hint("it must exist when the process starts"))
}

fn endless(place: &SourceSpan, wait: &str, name: &str) -> Fault {
    let message = format!("{wait}, but `{name}` restarts after each success");
    let hint = format!("`restart = \"on-failure\"` lets `{name}` end");
    Fault::at(place, message).with_hint(hint)
}
