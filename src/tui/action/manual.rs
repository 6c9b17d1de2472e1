//! The keymap as tables for the manual page.

use std::fmt::Write as _;

use super::{ActionEntry, Group, TABLE};

/// Tables of Markdown, one for each group.
pub fn keymap() -> String {
    let mut page = String::new();
    for group in Group::ALL {
        _ = write!(page, "### {}\n\n| key | action | does |\n|---|---|---|\n", group.as_str());
        for entry in TABLE.iter().filter(|entry| entry.group == *group) {
            let shape = entry.takes.shape();
            let call = format!("{} {shape}", entry.name);
            let (keys, words) = (keys(entry), escaped(entry.description));
            _ = writeln!(page, "| {keys} | `{}` | {words} |", escaped(call.trim_end()));
        }
        page.push('\n');
    }
    page.trim_end().to_owned()
}

/// Returns each key once: `` `x`, `ctrl-k` ``.
fn keys(entry: &ActionEntry) -> String {
    let mut keys: Vec<String> = Vec::new();
    for (_, key) in entry.keys {
        // A bar would end the cell, and code cannot contain an entity.
        let key = if *key == "|" { "<kbd>&#124;</kbd>".to_owned() } else { format!("`{key}`") };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.join(", ")
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
