//! Tree of validated values with their places, and how such trees merge.

use std::str::FromStr;
use std::time::Duration;

use indexmap::IndexMap;

use super::super::fault::SourceSpan;

/// Keys whose tables merge key by key; every other key is replaced as a whole.
pub(crate) const MERGED: &[&str] = &["env", "stop", "log"];

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct ValueNode {
    pub(crate) place: SourceSpan,
    pub(crate) value: Value,
}

/// A value that was checked against its kind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Present but invalid, and already reported.
    Faulty,
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Duration(Duration),
    Size(u64),
    List(Vec<ValueNode>),
    Table(TableNode),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct TableEntry {
    pub(crate) key: SourceSpan,
    pub(crate) node: ValueNode,
}

/// A table, in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableNode(IndexMap<String, TableEntry>);

impl ValueNode {
    pub(crate) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    pub(crate) fn items(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    pub(crate) fn table(&self) -> Option<&TableNode> {
        if let Value::Table(fields) = &self.value { Some(fields) } else { None }
    }
}

impl TableNode {
    pub(crate) fn insert(&mut self, name: String, entry: TableEntry) {
        self.0.insert(name, entry);
    }

    /// Inserts a node if there is none; adds missing keys if both are tables.
    pub(crate) fn fill(&mut self, name: &str, key: &SourceSpan, node: ValueNode) {
        match (self.0.get_mut(name), node.value) {
            (None, value) => {
                let node = ValueNode { place: node.place, value };
                self.insert(name.to_owned(), TableEntry { key: key.clone(), node });
            }
            (
                Some(TableEntry { node: ValueNode { value: Value::Table(there), .. }, .. }),
                Value::Table(more),
            ) => {
                for (name, entry) in more.0 {
                    there.0.entry(name).or_insert(entry);
                }
            }
            (Some(_), _) => {}
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &TableEntry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&TableEntry> {
        self.0.get(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&ValueNode> {
        self.0.get(name).map(|entry| &entry.node)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(ValueNode::text)
    }

    /// The choice that a word stands for.
    pub(crate) fn choice<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// The entries of a list, none when there is no list.
    pub(crate) fn items(&self, name: &str) -> &[ValueNode] {
        self.get(name).and_then(ValueNode::items).unwrap_or_default()
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.items(name).iter().filter_map(ValueNode::text)
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Self> {
        self.get(name).and_then(ValueNode::table)
    }

    /// The tables of a table of tables, such as `[process]`.
    pub(crate) fn tables(&self, name: &str) -> impl Iterator<Item = (&str, &TableEntry, &Self)> {
        let entries = self.table(name).into_iter().flat_map(Self::iter);
        entries.filter_map(|(name, entry)| Some((name, entry, entry.node.table()?)))
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        let Some(Value::Boolean(value)) = self.get(name).map(|node| &node.value) else {
            return None;
        };
        Some(*value)
    }

    /// An integer that fits; what the table of keys allows always does.
    pub(crate) fn integer<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let Some(Value::Integer(number)) = self.get(name).map(|node| &node.value) else {
            return None;
        };
        T::try_from(*number).ok()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        let Some(Value::Float(number)) = self.get(name).map(|node| &node.value) else {
            return None;
        };
        Some(*number)
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        let Some(Value::Duration(duration)) = self.get(name).map(|node| &node.value) else {
            return None;
        };
        Some(*duration)
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        let Some(Value::Size(size)) = self.get(name).map(|node| &node.value) else {
            return None;
        };
        Some(*size)
    }

    /// Overrides these keys by those of `over`: a process over its option sets, a table of a later file
    /// over that of an earlier file.
    pub(crate) fn merge(&mut self, over: &Self) {
        self.merge_by(over, |key, base, over| {
            let merges = MERGED.contains(&key);
            if merges {
                base.0.extend(over.0.clone());
            }
            merges
        });
    }

    /// Overrides this file by a later one.
    pub(crate) fn merge_file(&mut self, over: &Self) {
        self.merge_by(over, |section, base, over| {
            if section == "project" {
                base.merge(over);
            } else {
                base.merge_by(over, |_, base, over| {
                    base.merge(over);
                    true
                });
            }
            true
        });
    }

    /// Merges two tables of one key with `join`; other values, and what it does not handle, are replaced.
    fn merge_by(&mut self, over: &Self, join: impl Fn(&str, &mut Self, &Self) -> bool) {
        for (name, entry) in &over.0 {
            let joined = match (self.0.get_mut(name), &entry.node.value) {
                (
                    Some(TableEntry { node: ValueNode { value: Value::Table(base), .. }, .. }),
                    Value::Table(over),
                ) => join(name, base, over),
                _ => false,
            };
            if !joined {
                self.0.insert(name.clone(), entry.clone());
            }
        }
    }

    /// Only the keys that `takes` wants.
    #[must_use]
    pub(crate) fn only(&self, takes: impl Fn(&str) -> bool) -> Self {
        let wanted = self.0.iter().filter(|(name, _)| takes(name));
        Self(wanted.map(|(name, entry)| (name.clone(), entry.clone())).collect())
    }
}
