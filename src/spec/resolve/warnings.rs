//! What is allowed, and cannot do what it seems to: paths in which nothing is expanded, folders that
//! are not there, one-shots that would run again.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::super::fault::{Fault, SourceSpan, shown_path};
use super::super::procfile::tree::{TableNode, ValueNode};
use super::super::{CommandLine, Condition, Name, ProcessSpec, Restart};
use super::layers::OptionLayers;
use super::{Diagnostics, MergedProcess, dependencies};

/// Programs that expand what stands behind `-c` themselves.
const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "fish", "busybox", "env"];

pub(super) fn check(
    root: &TableNode,
    layered: &[(MergedProcess<'_>, OptionLayers<'_>)],
    processes: &IndexMap<Name, Arc<ProcessSpec>>,
    findings: &mut Diagnostics,
) {
    let warnings = &mut findings.warnings;
    let project = root.table("project");
    if let Some(node) = project.and_then(|keys| keys.table("log")?.get("dir")) {
        warnings.extend(unexpanded(node));
    }
    warnings.extend(project.into_iter().flat_map(optional_env_files).filter_map(unexpanded));
    for (member, layers) in layered {
        let keys = &layers.merged;
        let before = warnings.len();
        warnings.extend(paths(keys).into_iter().filter_map(unexpanded));
        let is_expanded_in_vain = warnings.len() > before;
        let Some(spec) = processes.get(member.name.as_str()) else { continue };
        if !is_expanded_in_vain {
            warnings.extend(missing_folder(keys, spec));
        }
        warnings.extend(unexpanded_arguments(keys, spec));
        warnings.extend(program_with_arguments(keys, spec));
        warnings.extend(unexpanded_search_path(keys));
        for (name, place, _) in dependencies(keys) {
            let condition = spec.depends_on.get(name).map(|dependency| dependency.condition);
            let waits = match condition {
                Some(Condition::Succeeded) => "to succeed",
                Some(Condition::Completed) => "to end for good",
                Some(Condition::Ready | Condition::Started) | None => continue,
            };
            if runs_again(processes, name) {
                let text = format!("`{}` waits for `{name}` {waits}", member.name);
                warnings.push(endless(place, &text, name));
            }
        }
        let action = keys.table("watch").and_then(|watch| watch.get("action"));
        let first = action.and_then(|node| Some((node, node.text()?.strip_prefix("run:")?)));
        if let Some((node, name)) = first.filter(|(_, name)| runs_again(processes, name)) {
            let text = format!("`{}` runs `{name}` first when its files change", member.name);
            warnings.push(endless(&node.place, &text, name));
        }
    }
}

/// Every path among the keys of a process, but env files that must exist: a wrong one is a mistake.
fn paths(keys: &TableNode) -> Vec<&ValueNode> {
    let check = |which| keys.table(which).into_iter().flat_map(path_of_check);
    let own = [keys.get("cwd"), keys.table("log").and_then(|log| log.get("file"))];
    let watch = match keys.table("watch") {
        Some(watch) => watch.items("paths"),
        None => keys.items("watch"),
    };
    own.into_iter()
        .flatten()
        .chain(check("ready"))
        .chain(check("health"))
        .chain(watch)
        .chain(optional_env_files(keys))
        .collect()
}

fn path_of_check(check: &TableNode) -> impl Iterator<Item = &ValueNode> {
    ["unix", "file"].into_iter().filter_map(|key| check.get(key))
}

/// The env files that may be missing.
fn optional_env_files(keys: &TableNode) -> impl Iterator<Item = &ValueNode> {
    let is_optional = |node: &&ValueNode| node.text().is_some_and(|path| path.ends_with('?'));
    keys.items("env_file").iter().filter(is_optional)
}

/// What a shell would expand in this text, and nobody does.
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
    let message = format!("`{word}` stands for itself here: nothing is expanded in a path");
    Some(Fault::at(&node.place, message).with_hint("write the path itself"))
}

/// An array goes to the program as it is.
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
    let message = format!("`{word}` stands for itself here: there is no shell for an array");
    let hint = "write the command as one string, which the shell runs";
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// A whole command line as the only entry of an array: its spaces belong to the program's name.
fn program_with_arguments(keys: &TableNode, spec: &ProcessSpec) -> Option<Fault> {
    let [node] = keys.items("command") else { return None };
    let text = node.text()?.trim();
    let (program, _) = text.split_once(char::is_whitespace)?;
    if program.contains('/') && spec.cwd.join(text).exists() {
        return None;
    }
    let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
    let message = format!("`{text}` is the name of a program here, spaces included");
    let hint = format!(
        "write one entry for each word: [{}]; or a string without brackets",
        words.join(", ")
    );
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// `PATH` with variables in it finds no program.
fn unexpanded_search_path(keys: &TableNode) -> Option<Fault> {
    let node = keys.table("env")?.get("PATH")?;
    let word = expansion(node.text()?).or_else(|| node.text()?.contains(":~").then_some("~"))?;
    let message = format!("`{word}` stands for itself here: nothing is expanded in `env`");
    let hint = "set it in the command: `command = \"PATH=$HOME/bin:$PATH exec …\"`";
    Some(Fault::at(&node.place, message).with_hint(hint))
}

/// A folder that nothing makes before it is needed.
fn missing_folder(keys: &TableNode, spec: &ProcessSpec) -> Option<Fault> {
    let node = keys.get("cwd")?;
    if !spec.depends_on.is_empty() || spec.cwd.is_dir() {
        return None;
    }
    let what = if spec.cwd.exists() { "is no folder" } else { "does not exist" };
    let message = format!("the folder {} {what}", shown_path(Path::new(node.text()?)));
    Some(Fault::at(&node.place, message).with_hint("it must be there when the process starts"))
}

/// Whether it goes on for ever as long as it succeeds.
fn runs_again(processes: &IndexMap<Name, Arc<ProcessSpec>>, name: &str) -> bool {
    processes.get(name).is_some_and(|process| process.restart == Restart::Always)
}

fn endless(place: &SourceSpan, waits: &str, name: &str) -> Fault {
    let message = format!("{waits}, but it runs again each time it has");
    let hint = format!("`restart = \"on-failure\"` lets `{name}` be done");
    Fault::at(place, message).with_hint(hint)
}
