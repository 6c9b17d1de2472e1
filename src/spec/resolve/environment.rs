//! The environment of a process, layer on layer, and the env files it is read from.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use super::super::Environment;
use super::super::fault::{Fault, Place, Source, shown_path};
use super::super::locate::LARGEST;
use super::super::procfile::tree::{Fields, Node};
use super::Findings;
use super::layers::Layers;

/// Set for every child by pitcrew; what a file says about them is passed over.
const OURS: &[&str] =
    &["PITCREW_SESSION", "PITCREW_PROCESS", "PITCREW_RUN", "PITCREW_REPLICA", "PITCREW_POOL"];

type Variables = Rc<Vec<(String, String)>>;

/// The env files of a project, each read once.
#[derive(Debug)]
pub(super) struct EnvFiles<'a> {
    dir: &'a Path,
    read: HashMap<PathBuf, Option<Variables>>,
}

impl<'a> EnvFiles<'a> {
    pub(super) fn new(dir: &'a Path) -> Self {
        Self { dir, read: HashMap::new() }
    }

    /// All that were looked for, in order of their names.
    pub(super) fn paths(self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.read.into_keys().collect();
        paths.sort();
        paths
    }

    /// The environment of one process, weakest layer first: the project, each option set, its own;
    /// in each the env files, then `env`.
    pub(super) fn environment(
        &mut self,
        project: Option<&Fields>,
        layers: &Layers<'_>,
        findings: &mut Findings,
    ) -> Environment {
        let mut set = IndexMap::new();
        let mut names_port = false;
        for table in project.into_iter().chain(layers.tables.iter().copied()) {
            let added = self.layer(table, findings);
            if layers.own().is_some_and(|own| std::ptr::eq(own, table)) {
                names_port = added.contains_key("PORT");
            }
            set.extend(added);
        }
        Environment {
            inherit: layers.merged.boolean("inherit_env").unwrap_or(true),
            unset: layers.merged.texts("unset_env").map(str::to_owned).collect(),
            set,
            names_port,
        }
    }

    /// What one table adds.
    fn layer(&mut self, table: &Fields, findings: &mut Findings) -> IndexMap<String, String> {
        let mut added = IndexMap::new();
        for node in table.items("env_file") {
            if let Some(variables) = self.file(node, findings) {
                added.extend(variables.iter().cloned());
            }
        }
        for (name, entry) in table.table("env").into_iter().flat_map(Fields::iter) {
            if OURS.contains(&name) {
                let message = format!("`{name}` is set by pitcrew; this value is passed over");
                findings.warnings.push(Fault::at(&entry.key, message));
            }
            if let Some(value) = entry.node.text() {
                added.insert(name.to_owned(), value.to_owned());
            }
        }
        added.retain(|name, _| !OURS.contains(&name.as_str()));
        added
    }

    /// The variables of one env file; nothing where it is missing or cannot be read.
    fn file(&mut self, node: &Node, findings: &mut Findings) -> Option<Variables> {
        let text = node.text()?;
        let (name, may_be_missing) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let path = self.dir.join(name);
        let known = self.read.get(&path).cloned();
        let variables = known.unwrap_or_else(|| {
            let variables = read(&path, node, findings);
            self.read.insert(path.clone(), variables.clone());
            variables
        });
        if variables.is_none() && !may_be_missing {
            let message = format!("there is no env file {}", shown_path(&path));
            let hint = "put `?` at the end of its name if it may be missing";
            findings.faults.push(Fault::at(&node.place, message).with_hint(hint));
        }
        variables
    }
}

/// Reads an env file; `None` when there is none. Every line that is wrong is a fault of that file.
fn read(path: &Path, node: &Node, findings: &mut Findings) -> Option<Variables> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let nothing = Some(Variables::default());
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            let message = format!("cannot read {}: {error}", shown_path(path));
            findings.faults.push(Fault::at(&node.place, message));
            return nothing;
        }
        Ok(_) if bytes.len() as u64 > LARGEST => {
            let message = format!("{} is larger than 1 MiB", shown_path(path));
            findings.faults.push(Fault::at(&node.place, message));
            return nothing;
        }
        Ok(_) => {}
    }
    let Ok(text) = String::from_utf8(bytes) else {
        let message = format!("{} is not UTF-8", shown_path(path));
        findings.faults.push(Fault::at(&node.place, message));
        return nothing;
    };
    // Its lines are secrets: a mistake names the place and shows nothing.
    let source = Source::secret(path.to_owned(), text);
    let body = source.text().trim_start_matches('\u{feff}');
    let start = source.text().len() - body.len();
    let mut variables = Vec::new();
    let mut from = 0;
    // A blank before an end without a newline is an error to the reader.
    for item in dotenvy::from_read_iter(body.as_bytes().chain(&b"\n"[..])) {
        match item {
            Ok((_, value)) if value.contains('\0') => {
                let at = start + body.find('\0').unwrap_or(0);
                let place = Place::new(&source, at..at);
                findings.faults.push(Fault::at(&place, "a value has a NUL byte in it"));
            }
            Ok(variable) => variables.push(variable),
            // The reader says which line it was, but not where that line stands.
            Err(dotenvy::Error::LineParse(line, _)) => {
                let rest = body.get(from..).unwrap_or_default();
                // A quote that is never closed takes all that follows, our own newline too.
                let line = line.trim_end();
                let at = from + rest.find(line).unwrap_or(0);
                from = (at + line.len()).min(body.len());
                let place = Place::new(&source, start + at..start + from);
                let fault = Fault::at(&place, "this line of the env file cannot be read");
                findings.faults.push(fault.with_hint(if line.contains('\n') {
                    "a quote that is opened here is never closed"
                } else {
                    "lines are written NAME=value or NAME=\"value\""
                }));
            }
            Err(error) => {
                let message = format!("cannot read {}: {error}", shown_path(path));
                findings.faults.push(Fault::at(&node.place, message));
                break;
            }
        }
    }
    Some(Rc::new(variables))
}
