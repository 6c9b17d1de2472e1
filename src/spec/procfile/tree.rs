//! Tree of validated values with their places, and how such trees merge.

use std::time::Duration;

use indexmap::IndexMap;

use super::super::fault::SourceSpan;
use super::keys::KeyWord;

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

    /// A word as its type. The table of keys has checked it; `None` for a value of another form.
    pub(crate) fn word<T: KeyWord>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    /// An integer that fits into the type; integers that the table of keys allows always do.
    pub(crate) fn integer<T: TryFrom<i64>>(&self) -> Option<T> {
        if let Value::Integer(number) = self.value { number.try_into().ok() } else { None }
    }

    pub(crate) fn items(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    pub(crate) fn table(&self) -> Option<&TableNode> {
        if let Value::Table(fields) = &self.value { Some(fields) } else { None }
    }
}

impl TableNode {
    pub(crate) fn insert(&mut self, name: &str, key: &SourceSpan, node: ValueNode) {
        self.0.insert(name.to_owned(), TableEntry { key: key.clone(), node });
    }

    /// Inserts a node if there is none; adds missing keys if both are tables.
    pub(crate) fn fill(&mut self, name: &str, key: &SourceSpan, node: ValueNode) {
        let Some(present) = self.0.get_mut(name) else { return self.insert(name, key, node) };
        if let (Value::Table(present), Value::Table(more)) = (&mut present.node.value, node.value) {
            for (name, entry) in more.0 {
                present.0.entry(name).or_insert(entry);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &TableEntry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
        self.get(name)?.text()
    }

    /// The word of the key of this type.
    pub(crate) fn word<T: KeyWord>(&self) -> Option<T> {
        self.get(T::KEY)?.word()
    }

    /// The entries of a list; empty if there is no list.
    pub(crate) fn items(&self, name: &str) -> &[ValueNode] {
        self.get(name).and_then(ValueNode::items).unwrap_or_default()
    }

    /// The texts of a list.
    pub(crate) fn texts<'a, T: From<&'a str>>(&'a self, name: &str) -> impl Iterator<Item = T> {
        self.items(name).iter().filter_map(ValueNode::text).map(T::from)
    }

    pub(crate) fn integers<T: TryFrom<i64>>(&self, name: &str) -> impl Iterator<Item = T> {
        self.items(name).iter().filter_map(ValueNode::integer)
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Self> {
        self.get(name)?.table()
    }

    /// The tables of a table of tables, such as `[process]`.
    pub(crate) fn tables(&self, name: &str) -> impl Iterator<Item = (&str, &TableEntry, &Self)> {
        let entries = self.table(name).into_iter().flat_map(Self::iter);
        entries.filter_map(|(name, entry)| Some((name, entry, entry.node.table()?)))
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        if let Value::Boolean(value) = self.get(name)?.value { Some(value) } else { None }
    }

    pub(crate) fn integer<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.get(name)?.integer()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        if let Value::Float(number) = self.get(name)?.value { Some(number) } else { None }
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        if let Value::Duration(duration) = self.get(name)?.value { Some(duration) } else { None }
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        if let Value::Size(size) = self.get(name)?.value { Some(size) } else { None }
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

    /// Merges two tables of the same key with `join`; other values, and tables that it does not merge, are
    /// replaced.
    fn merge_by(&mut self, over: &Self, join: impl Fn(&str, &mut Self, &Self) -> bool) {
        for (name, entry) in &over.0 {
            if let Some(base) = self.0.get_mut(name)
                && let (Value::Table(base), Value::Table(over)) =
                    (&mut base.node.value, &entry.node.value)
                && join(name, base, over)
            {
                continue;
            }
            self.0.insert(name.clone(), entry.clone());
        }
    }

    /// Returns the keys for which `is_kept` holds.
    #[must_use]
    pub(crate) fn filtered(&self, is_kept: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| is_kept(name));
        Self(kept.map(|(name, entry)| (name.clone(), entry.clone())).collect())
    }
}
