//! The public items of the crate, read from the sources.
//!
//! The list is `public_items.txt`. It has the items at the root of the crate and those of its documented modules, with
//! their fields, variants and functions. `PITCREW_TEST_WRITE=1` writes it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{code, is_test, root, sources};

/// The documented modules, and the file of each.
const MODULES: &[(&str, &str)] = &[("event", "machine/event.rs"), ("testing", "testing.rs")];

/// Everything that is public under some name: its fields, variants and functions.
#[derive(Default)]
struct Items {
    members: BTreeMap<String, BTreeSet<String>>,
    /// Types, and functions of types, without a comment.
    undocumented: BTreeSet<String>,
}

impl Items {
    fn read() -> Self {
        let mut items = Self::default();
        let public = "pub (?:(?:async|const|unsafe) )*";
        let start = Regex::new(&format!(
            r"^(?:{public}(struct|enum|trait|fn|type) (\w+)|(impl)(?:<.*?>)? (\w+)(?:<.*>)? \{{)"
        ))
        .unwrap();
        let member =
            Regex::new(&format!(r"^    (?:{public}fn (\w+)|pub (\w+):|pub const (\w+):)")).unwrap();
        let variant = Regex::new(r"^    ([A-Z]\w*)(?:[ ({,]|$)").unwrap();
        let event = Regex::new(r#"^    ([A-Z]\w*) "[a-z_]+" \{"#).unwrap();
        let field = Regex::new(r"^        (\w+): ").unwrap();
        let choice = Regex::new(r"^    pub enum (\w+) \{").unwrap();
        let word = Regex::new(r#"^        ([A-Z]\w*) = ""#).unwrap();
        let method = Regex::new(r"^    (?:async )?fn (\w+)").unwrap();
        for (path, text) in sources() {
            if is_test(&path) {
                continue;
            }
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            // What a line belongs to: the kind of its item, and the name.
            let (mut kind, mut owner) = (String::new(), String::new());
            let (mut has_comment, mut is_hidden, mut in_attribute) = (false, false, false);
            for line in text.lines() {
                if let Some(found) = start.captures(line) {
                    let part = |a, b| {
                        found.get(a).or(found.get(b)).map_or("", |part| part.as_str()).to_owned()
                    };
                    (kind, owner) = (part(1, 3), part(2, 4));
                    if kind != "impl" {
                        items.members.entry(owner.clone()).or_default();
                        if !has_comment {
                            items.undocumented.insert(owner.clone());
                        }
                    }
                    if line.ends_with('}') || line.ends_with(';') {
                        owner.clear();
                    }
                } else if let Some(found) = event.captures(line) {
                    (kind, owner) = ("event".to_owned(), found[1].to_owned());
                    for (of, name) in [("Event", owner.as_str()), (owner.as_str(), "stamp")] {
                        items.members.entry(of.to_owned()).or_default().insert(name.to_owned());
                    }
                } else if let Some(found) = choice.captures(line) {
                    // Declared by `choices!`, which adds these.
                    (kind, owner) = ("choices".to_owned(), found[1].to_owned());
                    let members = items.members.entry(owner.clone()).or_default();
                    members.extend(["ALL", "WORDS", "as_str"].map(str::to_owned));
                    if !has_comment {
                        items.undocumented.insert(owner.clone());
                    }
                } else if line == "}" {
                    owner.clear();
                } else if !owner.is_empty() {
                    let found = match kind.as_str() {
                        "enum" => variant.captures(line),
                        "trait" => method.captures(line),
                        "event" => field.captures(line),
                        "choices" => word.captures(line),
                        _ => member.captures(line),
                    };
                    let name = found.and_then(|found| found.iter().skip(1).flatten().next());
                    if let Some(name) = name.filter(|_| !is_hidden) {
                        let name = name.as_str();
                        let members = items.members.entry(owner.clone()).or_default();
                        members.insert(name.to_owned());
                        if kind == "impl" && !has_comment {
                            items.undocumented.insert(format!("{owner}::{name}"));
                        }
                    }
                }
                let line = line.trim();
                in_attribute = (in_attribute || line.starts_with("#[")) && !line.ends_with(']');
                let keeps = in_attribute || line.ends_with(']') || line.is_empty();
                is_hidden =
                    line == "#[doc(hidden)]" || is_hidden && (keeps || line.starts_with("///"));
                has_comment = line.starts_with("///") || has_comment && keeps;
            }
        }
        items
    }
}

/// The names that `pub use` hands on in a file, without those of modules.
fn reexports(text: &str) -> Vec<String> {
    let import = Regex::new(r"(?m)^(#\[doc\(hidden\)\]\n)?pub use ([^;]+);").unwrap();
    let word = Regex::new(r"\b[A-Z]\w*").unwrap();
    let text = code(text);
    let names = |found: regex::Captures<'_>| -> Vec<String> {
        let shown = found.get(1).is_none().then(|| word.find_iter(&found[2]));
        shown.into_iter().flatten().map(|name| name.as_str().to_owned()).collect()
    };
    import.captures_iter(&text).flat_map(names).collect()
}

fn public() -> (Vec<String>, Vec<String>) {
    let items = Items::read();
    let read = |file: &str| std::fs::read_to_string(root().join("src").join(file)).unwrap();
    let mut names: Vec<(String, String)> = Vec::new();
    let root = reexports(&read("lib.rs"));
    names.extend(root.iter().map(|name| (name.clone(), name.clone())));
    let declared =
        Regex::new(r"(?m)^(?:pub (?:struct|enum|trait) |    )([A-Z]\w*)(?: \{| \x22)").unwrap();
    for (module, file) in MODULES {
        let text = read(file);
        let own = declared.captures_iter(&text).map(|found| found[1].to_owned());
        let is_type = |name: &String| items.members.contains_key(name);
        for name in reexports(&text).into_iter().chain(own.filter(is_type)) {
            if !root.contains(&name) {
                names.push((format!("{module}::{name}"), name));
            }
        }
    }
    let mut all = BTreeSet::new();
    let mut undocumented = Vec::new();
    for (path, name) in names {
        all.insert(path.clone());
        if items.undocumented.contains(&name) {
            undocumented.push(path.clone());
        }
        for member in items.members.get(&name).into_iter().flatten() {
            all.insert(format!("{path}::{member}"));
            if items.undocumented.contains(&format!("{name}::{member}")) {
                undocumented.push(format!("{path}::{member}"));
            }
        }
    }
    (all.into_iter().collect(), undocumented)
}

#[test]
fn the_public_items_are_those_of_the_list() {
    let (items, undocumented) = public();
    assert!(undocumented.is_empty(), "these have no comment: {undocumented:#?}");
    let text = items.join("\n") + "\n";
    let path = root().join("tests/it/layers/public_items.txt");
    if std::env::var_os("PITCREW_TEST_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let (now, then): (BTreeSet<_>, BTreeSet<_>) =
        (text.lines().collect(), golden.lines().collect());
    let (new, gone): (Vec<_>, Vec<_>) =
        (now.difference(&then).collect(), then.difference(&now).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "not in the list: {new:#?}; only in the list: {gone:#?}"
    );
}

#[test]
fn no_other_module_is_documented() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let is_hidden = |at: usize| {
        lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#["))
            .any(|line| *line == "#[doc(hidden)]")
    };
    let shown = |(at, line): (usize, &&str)| {
        let module = line.strip_prefix("pub mod ")?.trim_end_matches(';');
        (!is_hidden(at)).then(|| module.to_owned())
    };
    let shown: Vec<String> = lines.iter().enumerate().filter_map(shown).collect();
    assert_eq!(shown, ["testing"], "`#[doc(hidden)]` is missing, or the module in this test");
}
