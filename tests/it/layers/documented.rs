//! The table of layers in `docs/architecture.md` is that of `LAYERS`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{LAYERS, root};

#[test]
fn the_page_allows_the_same_layers() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let names: BTreeSet<&str> = LAYERS.iter().map(|layer| layer.name).collect();
    let lines = page.lines().skip_while(|line| *line != "| layer | purpose | may use |").skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let words = cells[3].split('`').skip(1).step_by(2);
        (cells[1].trim_matches('`'), words.filter(|word| names.contains(word)).collect())
    });
    let documented: BTreeMap<&str, BTreeSet<&str>> = rows.collect();
    let allowed = LAYERS.iter().map(|layer| (layer.name, layer.layers.iter().copied().collect()));
    let allowed: BTreeMap<&str, BTreeSet<&str>> = allowed.collect();
    assert_eq!(documented, allowed);
}
