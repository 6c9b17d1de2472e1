//! The keymap as tables for the manual page.

use std::fmt::Write as _;

use super::{ActionEntry, Group, TABLE};

/// Tables of Markdown, one for each group.
pub fn keymap() -> String {
    let mut page = String::new();
    for group in Group::ALL {
        _ = write!(page, "### {}\n\n| key | action | does |\n|---|---|---|\n", group.title());
        for entry in TABLE.iter().filter(|entry| entry.group == *group) {
            let shape = entry.takes.shape();
            let call = format!("{} {shape}", entry.name);
            let (keys, words) = (keys(entry), escaped(entry.words));
            _ = writeln!(page, "| {keys} | `{}` | {words} |", escaped(call.trim_end()));
        }
        page.push('\n');
    }
    page.trim_end().to_owned()
}

/// `` `x`, `ctrl-k` ``, each once; where it does not work everywhere in its group, with where.
fn keys(entry: &ActionEntry) -> String {
    let mut all: Vec<String> = Vec::new();
    for (_, key) in entry.keys {
        // A table is no place for a bar, and a code no place for an entity.
        let key = if *key == "|" { "<kbd>&#124;</kbd>".to_owned() } else { format!("`{key}`") };
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all.join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
