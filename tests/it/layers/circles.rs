//! Circular imports between the files of a layer, read from the sources.
//!
//! A file depends on another if it names an item that is defined there. A file may use its parent modules: they are
//! one unit.
use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{code, is_test, sources};

/// Files that depend on each other, and why that is harmless.
const HARMLESS: &[(&[&str], &str)] = &[
    (&["library/error", "library/result"], "a failed result is an error, which holds the result"),
    (&["output/block", "output/page"], "a page takes the memory of the index of its block along"),
    (&["output/reader", "output/store"], "the store makes readers, which lock it to read"),
    (
        &["machine/lifecycle/checks", "machine/lifecycle/port", "machine/lifecycle/state"],
        "`impl Lifecycle` is spread over files; the state of each part is in the state of the run",
    ),
    (
        &["sys/leader", "sys/spawn", "sys/spawners"],
        "a child keeps the thread alive that made it, and is reaped there when it is dropped",
    ),
];

type Module = Vec<String>;

/// What one `use` brings in: its path, the name it gets here, and whether it is handed on.
struct Import {
    path: Vec<String>,
    name: String,
    is_public: bool,
}

/// One file: what it defines, what it imports, and its code without the imports.
struct File {
    items: BTreeSet<String>,
    imports: Vec<Import>,
    code: String,
}

struct Crate(BTreeMap<Module, File>);

impl Crate {
    fn read() -> Self {
        let item = r#"(?m)^(?:    (?:pub(?:\([^)]*\))? )?enum|(?:pub(?:\([^)]*\))? )?(?:async |const |unsafe |extern "" )*(?:fn|struct|enum|trait|type|const|static|union|macro_rules!)) (\w+)"#;
        let item = Regex::new(item).unwrap();
        let import = Regex::new(r"(?m)^ *(pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
        let string = Regex::new(r#""(?:[^"\\]|\\.)*""#).unwrap();
        let file = |text: &str| {
            let text = code(text);
            let text = string.replace_all(&text, "\"\"");
            let mut imports = Vec::new();
            for found in import.captures_iter(&text) {
                let tree: String = found[2].split_whitespace().collect::<Vec<_>>().join(" ");
                for (path, name) in expand(&tree) {
                    imports.push(Import { path, name, is_public: found.get(1).is_some() });
                }
            }
            File {
                items: item.captures_iter(&text).map(|found| found[1].to_owned()).collect(),
                imports,
                code: import.replace_all(&text, "").into_owned(),
            }
        };
        let mut files = BTreeMap::from([(Module::new(), file(""))]);
        for (path, text) in sources() {
            let module: Module = path
                .with_extension("")
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            if !is_test(&path) && !matches!(module[0].as_str(), "lib" | "main") {
                files.insert(module, file(&text));
            }
        }
        Self(files)
    }

    /// The file that defines what a path in `module` leads to.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        if depth == 0 {
            return None;
        }
        match first.as_str() {
            "crate" => return self.resolve(&[], rest, depth - 1),
            "self" => return self.resolve(module, rest, depth - 1),
            "super" => return self.resolve(module.split_last()?.1, rest, depth - 1),
            _ => {}
        }
        let child = [module, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.resolve(&child, rest, depth - 1);
        }
        let file = self.0.get(module)?;
        if file.items.contains(first) {
            return Some(module.to_vec());
        }
        let named = |import: &&Import| import.name == *first && import.path != [first.clone()];
        file.imports
            .iter()
            .filter(named)
            .find_map(|import| self.resolve(module, &[&import.path, rest].concat(), depth - 1))
    }

    /// The files that each file depends on.
    fn dependencies(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let path = Regex::new(r"[A-Za-z_]\w*(?:::\w+)+").unwrap();
        let word = Regex::new(r"\w+").unwrap();
        let mut all = BTreeMap::new();
        for (module, file) in &self.0 {
            let words: BTreeSet<&str> =
                word.find_iter(&file.code).map(|word| word.as_str()).collect();
            let is_used = |one: &&Import| !one.is_public || words.contains(one.name.as_str());
            let imported = file.imports.iter().filter(is_used).map(|import| import.path.clone());
            let inline = path.find_iter(&file.code);
            let inline = inline.map(|path| path.as_str().split("::").map(str::to_owned).collect());
            let found = imported.chain(inline).filter_map(|path| self.resolve(module, &path, 16));
            let is_other = |found: &Module| !module.starts_with(found);
            all.insert(module.clone(), found.filter(is_other).collect());
        }
        all
    }
}

/// `a::{b, c::d as e}` as the paths and names it stands for.
fn expand(tree: &str) -> Vec<(Vec<String>, String)> {
    let segments = |path: &str| -> Vec<String> {
        path.split("::").map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    let Some((prefix, group)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = segments(path);
        let last = path.last().cloned().unwrap_or_default();
        return vec![(path, if name.is_empty() { last } else { name.trim().to_owned() })];
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut found, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, char) in group.char_indices().chain([(group.len(), ',')]) {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(expand(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    let prefix = segments(prefix);
    let whole = |(path, name): (Vec<String>, String)| match path.as_slice() {
        [only] if only == "self" => (prefix.clone(), prefix.last().cloned().unwrap_or(name)),
        _ => ([prefix.as_slice(), &path].concat(), name),
    };
    found.into_iter().filter(|(path, _)| !path.is_empty()).map(whole).collect()
}

/// The modules that are reachable from this one.
fn reachable(from: &Module, all: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        for other in all.get(module).into_iter().flatten() {
            if reached.insert(other.clone()) {
                next.push(other);
            }
        }
    }
    reached
}

/// The files that depend on each other, in groups.
fn circles(all: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<_, _> = all.keys().map(|module| (module, reachable(module, all))).collect();
    let circle = |module: &Module| -> Vec<String> {
        let back = |other: &&Module| reach.get(other).is_some_and(|from| from.contains(module));
        reach[module].iter().filter(back).map(|module| module.join("/")).collect()
    };
    all.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn no_files_of_a_layer_depend_on_each_other_but_a_few_for_a_reason() {
    let found = circles(&Crate::read().dependencies());
    let allowed: BTreeSet<Vec<String>> = HARMLESS
        .iter()
        .map(|(files, _)| files.iter().map(|&file| file.to_owned()).collect())
        .collect();
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "these files depend on each other: {new:#?}");
    let gone: Vec<_> = allowed.difference(&found).collect();
    assert!(gone.is_empty(), "these are no circles any more, so take them out here: {gone:#?}");
}

#[test]
fn a_circle_is_seen() {
    let module = |name: &str| name.split('/').map(str::to_owned).collect::<Module>();
    let edges = [("a/b", "a/c"), ("a/c", "a/d"), ("a/d", "a/b"), ("a/e", "a/b")];
    let mut all = BTreeMap::<Module, BTreeSet<Module>>::new();
    for (from, to) in edges {
        all.entry(module(from)).or_default().insert(module(to));
    }
    assert_eq!(circles(&all), BTreeSet::from([["a/b", "a/c", "a/d"].map(str::to_owned).to_vec()]));
    let paths = expand("super::{self, x::{Y, z as w}, V}");
    let paths: Vec<_> = paths.iter().map(|(path, name)| (path.join("::"), name.as_str())).collect();
    let expected =
        [("super", "super"), ("super::x::Y", "Y"), ("super::x::z", "w"), ("super::V", "V")];
    assert_eq!(paths, expected.map(|(path, name)| (path.to_owned(), name)));
}
