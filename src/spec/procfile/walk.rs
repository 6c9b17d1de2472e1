//! Validates a parsed file against the table of keys and collects every mistake.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::super::fault::{Fault, SourceFile, SourceSpan};
use super::super::nearest::did_you_mean;
use super::foreign_keys;
use super::keys::{ABOUT_PROBES, LATER_VALUES, OF_LISTENERS, ROOT, UNPROBED};
use super::kind::{StringRule, TableShape, ValueKind};
use super::rule::RuleViolation;
use super::tree::{TableEntry, TableNode, Value, ValueNode};

/// Returns the validated tree of a file; mistakes are added to `faults`.
pub(super) fn walk(
    source: &Arc<SourceFile>,
    table: &DeTable<'_>,
    later: &[&str],
    broken: bool,
) -> Walked {
    let mut walk = Validator { source, later, broken, is_unclear: false, faults: Vec::new() };
    let fields = walk.table(&ROOT, table, &SourceSpan::start_of(source));
    Walked { fields, faults: walk.faults, is_unclear: walk.is_unclear }
}

/// The checked tree of a whole file, and its mistakes.
pub(super) struct Walked {
    pub(super) fields: TableNode,
    pub(super) faults: Vec<Fault>,
    /// The file has a table of an unknown kind, so something may be missing that it holds.
    pub(super) is_unclear: bool,
}

mod unknown;

struct Validator<'a> {
    source: &'a Arc<SourceFile>,
    later: &'a [&'a str],
    /// After a syntax error no key is reported as missing: it may be in the unreadable part.
    broken: bool,
    is_unclear: bool,
    faults: Vec<Fault>,
}

impl Validator<'_> {
    fn place(&self, span: Range<usize>) -> SourceSpan {
        SourceSpan::new(self.source, span)
    }

    fn refuse(&mut self, fault: Fault) -> Value {
        self.faults.push(fault);
        Value::Faulty
    }

    fn node(&mut self, kind: &'static ValueKind, value: &Spanned<DeValue<'_>>) -> ValueNode {
        let place = self.place(value.span());
        let value = self.value(kind, value.get_ref(), &place);
        ValueNode { place, value }
    }

    fn value(
        &mut self,
        kind: &'static ValueKind,
        value: &DeValue<'_>,
        place: &SourceSpan,
    ) -> Value {
        match (kind, value) {
            (ValueKind::Text(rule), DeValue::String(text)) => self.text(*rule, text, place),
            (ValueKind::Choice(words), DeValue::String(text)) => self.choice(words, text, place),
            (ValueKind::Boolean, DeValue::Boolean(value)) => Value::Boolean(*value),
            (ValueKind::Only(only), DeValue::Boolean(value)) if only == value => {
                Value::Boolean(*value)
            }
            (ValueKind::Integer { min, max }, DeValue::Integer(number)) => {
                self.integer(kind, *min..=*max, number, place)
            }
            (ValueKind::Number { min, max }, DeValue::Integer(number)) => {
                self.number(kind, *min..=*max, integer(number).map(|number| number as f64), place)
            }
            (ValueKind::Number { min, max }, DeValue::Float(number)) => {
                self.number(kind, *min..=*max, number.as_str().parse().ok(), place)
            }
            (ValueKind::EnvValue, _) => self.env_value(value, place),
            (ValueKind::Argv, DeValue::Array(items)) => self.argv(items, place),
            (ValueKind::List { of, min }, DeValue::Array(items)) => {
                self.list(of, *min, items, place)
            }
            (ValueKind::OneOrMany(of), DeValue::Array(items)) => self.list(of, 0, items, place),
            (ValueKind::OneOrMany(of), _) if of.fits(value) => {
                let value = self.value(of, value, place);
                Value::List(vec![ValueNode { place: place.clone(), value }])
            }
            (ValueKind::Map { key, of }, DeValue::Table(table)) => self.map(*key, of, table),
            (ValueKind::Table(shape) | ValueKind::Runnable(shape), DeValue::Table(table)) => {
                Value::Table(self.table(shape, table, place))
            }
            (ValueKind::Runnable(shape), DeValue::String(_) | DeValue::Array(_)) => {
                self.command_alone(shape, value, place)
            }
            (ValueKind::Either(kinds), _) => match kinds.iter().find(|kind| kind.fits(value)) {
                Some(kind) => self.value(kind, value, place),
                None => self.mismatch(kind, value, place),
            },
            _ => self.mismatch(kind, value, place),
        }
    }

    fn mismatch(&mut self, kind: &ValueKind, value: &DeValue<'_>, place: &SourceSpan) -> Value {
        let message = format!("expected {}, found {}", kind.words(), found(value));
        self.refuse(Fault::at(place, message).maybe_hint(kind.form_hint(value)))
    }

    fn text(&mut self, rule: StringRule, text: &str, place: &SourceSpan) -> Value {
        match rule.read(text) {
            Ok(value) => value,
            Err(RuleViolation { message, hint }) => {
                self.refuse(Fault::at(place, message).maybe_hint(hint))
            }
        }
    }

    fn choice(&mut self, words: &'static [&'static str], text: &str, place: &SourceSpan) -> Value {
        if words.contains(&text) {
            return Value::Text(text.to_owned());
        }
        let message = format!("expected {}, found \"{text}\"", ValueKind::Choice(words).words());
        let hint = foreign_keys::find_value(text, words)
            .map(|ours| format!("write \"{ours}\" instead"))
            .or_else(|| did_you_mean(text, words.iter().copied()));
        self.refuse(Fault::at(place, message).maybe_hint(hint))
    }

    fn integer(
        &mut self,
        kind: &ValueKind,
        range: std::ops::RangeInclusive<i64>,
        number: &DeInteger<'_>,
        place: &SourceSpan,
    ) -> Value {
        match integer(number) {
            Some(number) if range.contains(&number) => Value::Integer(number),
            _ => {
                self.refuse(Fault::at(place, format!("expected {}, found {number}", kind.words())))
            }
        }
    }

    fn number(
        &mut self,
        kind: &ValueKind,
        range: std::ops::RangeInclusive<f64>,
        number: Option<f64>,
        place: &SourceSpan,
    ) -> Value {
        match number {
            Some(number) if range.contains(&number) => Value::Float(number),
            Some(number) => {
                self.refuse(Fault::at(place, format!("expected {}, found {number}", kind.words())))
            }
            None => self.refuse(Fault::at(place, format!("expected {}", kind.words()))),
        }
    }

    fn env_value(&mut self, value: &DeValue<'_>, place: &SourceSpan) -> Value {
        match value {
            DeValue::String(text) => self.text(StringRule::Any, text, place),
            // A number in another base is converted to decimal.
            DeValue::Integer(number) => Value::Text(
                integer(number).map_or_else(|| number.to_string(), |number| number.to_string()),
            ),
            DeValue::Float(number) => Value::Text(number.as_str().to_owned()),
            DeValue::Boolean(value) => Value::Text(value.to_string()),
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.mismatch(&ValueKind::EnvValue, value, place)
            }
        }
    }

    fn argv(&mut self, items: &DeArray<'_>, place: &SourceSpan) -> Value {
        const ARGUMENT: &ValueKind = &ValueKind::Text(StringRule::Any);
        let nodes: Vec<ValueNode> = items.iter().map(|item| self.node(ARGUMENT, item)).collect();
        match nodes.first() {
            None => self.refuse(
                Fault::at(place, "the command is empty")
                    .with_hint("the first entry is the program"),
            ),
            Some(first) if first.text().is_some_and(|program| program.trim().is_empty()) => {
                let fault = Fault::at(&first.place, "the name of the program is empty");
                self.refuse(fault.with_hint("the first entry is the program"))
            }
            Some(_) => Value::List(nodes),
        }
    }

    fn list(
        &mut self,
        of: &'static ValueKind,
        min: usize,
        items: &DeArray<'_>,
        place: &SourceSpan,
    ) -> Value {
        if items.len() < min {
            return self.refuse(Fault::at(place, "this array cannot be empty"));
        }
        Value::List(items.iter().map(|item| self.node(of, item)).collect())
    }

    /// Reads a table with user-defined keys. An entry with an invalid name is kept, because references to
    /// it are valid.
    fn map(&mut self, rule: StringRule, of: &'static ValueKind, table: &DeTable<'_>) -> Value {
        let mut fields = TableNode::default();
        for (key, value) in table {
            let place = self.place(key.span());
            self.text(rule, key.get_ref(), &place);
            let node = self.node(of, value);
            fields.insert(key.get_ref().to_string(), TableEntry { key: place, node });
        }
        Value::Table(fields)
    }

    /// `web = "npm run dev"` stands for `web = { command = "npm run dev" }`.
    fn command_alone(
        &mut self,
        shape: &'static TableShape,
        value: &DeValue<'_>,
        place: &SourceSpan,
    ) -> Value {
        let mut fields = TableNode::default();
        if let Some(key) = shape.keys.iter().find(|key| key.name == "command") {
            let value = self.value(&key.kind, value, place);
            let node = ValueNode { place: place.clone(), value };
            fields.insert(key.name.to_owned(), TableEntry { key: place.clone(), node });
        }
        Value::Table(fields)
    }

    fn table(
        &mut self,
        shape: &'static TableShape,
        table: &DeTable<'_>,
        place: &SourceSpan,
    ) -> TableNode {
        let mut fields = TableNode::default();
        let mut unknown = Vec::new();
        for (name, value) in table {
            let Some(key) = shape.own_keys().find(|key| key.name == name.get_ref()) else {
                unknown.push((name, value));
                continue;
            };
            let key_place = self.place(name.span());
            if self.later.contains(&key.name) && value.get_ref().as_bool() != Some(false) {
                let message = format!("`{}` is not built in this version yet", key.name);
                let hint = "nothing would act on it: take it out for now";
                self.faults.push(Fault::at(&key_place, message).with_hint(hint));
                // That its value is wrong too would be a second mistake at the same place.
                let node = ValueNode { place: self.place(value.span()), value: Value::Faulty };
                fields.insert(key.name.to_owned(), TableEntry { key: key_place, node });
                continue;
            }
            let text = value.get_ref().as_str().unwrap_or_default();
            let node = if self.later.is_empty() || !LATER_VALUES.contains(&(key.name, text)) {
                self.node(&key.kind, value)
            } else {
                let message =
                    format!("`{} = \"{text}\"` is not built in this version yet", key.name);
                let place = self.place(value.span());
                let hint = format!("write {}", key.kind.words());
                let value = self.refuse(Fault::at(&place, message).with_hint(hint));
                ValueNode { place, value }
            };
            fields.insert(key.name.to_owned(), TableEntry { key: key_place, node });
        }
        let written = fields.iter().count();
        // After all known keys, so that it is clear whether the suggested key is present.
        for (name, value) in unknown {
            let key_place = self.place(name.span());
            let guess = self.unknown_key(shape, name.get_ref(), value.get_ref(), &key_place);
            self.stand_in(guess.as_ref(), name.get_ref(), value, &key_place, &mut fields);
        }
        self.complete(shape, &fields, written, place);
        fields
    }

    /// Checks required and conflicting keys. The first `written` keys are in the file, the others are
    /// guesses for unknown keys.
    fn complete(
        &mut self,
        shape: &'static TableShape,
        fields: &TableNode,
        written: usize,
        place: &SourceSpan,
    ) {
        if !shape.is_merged() && !self.broken {
            for key in shape.own_keys().filter(|key| key.required && !fields.has(key.name)) {
                let message = format!("{} needs the key `{}`", shape.label, key.name);
                self.faults.push(Fault::at(place, message));
            }
        }
        if shape.one_of.is_empty() {
            return;
        }
        let is_kind = |(name, _): &(&str, &TableEntry)| shape.one_of.contains(name);
        let has_kind = fields.iter().any(|one| is_kind(&one));
        let mut kinds = fields.iter().take(written).filter(is_kind);
        match (kinds.next(), kinds.next()) {
            (None, _) if !has_kind && !self.broken => {
                let message = format!("{} has nothing to check", shape.label);
                let hint = format!("give it exactly one of: {}", shape.one_of.join(", "));
                self.faults.push(Fault::at(place, message).with_hint(hint));
            }
            (Some((first, first_entry)), Some((second, entry))) => {
                let message = format!("{} has both `{first}` and `{second}`", shape.label);
                let fault = Fault::at(&entry.key, message).also(&first_entry.key, "the first one");
                let hint = format!("give it exactly one of: {}", shape.one_of.join(", "));
                self.faults.push(fault.with_hint(hint));
            }
            (None | Some(_), _) => {}
        }
        let own = |name: &str| fields.iter().take(written).find(|(one, _)| *one == name);
        if let (Some((_, status)), false) = (own("status"), fields.has("http")) {
            self.faults.push(Fault::at(&status.key, "`status` has no effect without `http`"));
        }
        let kind = shape.one_of.iter().find(|kind| fields.has(kind));
        if let (Some((_, foreign)), Some(kind)) = (own("foreign"), kind)
            && !OF_LISTENERS.iter().any(|kind| fields.has(kind))
        {
            let message = format!("`foreign` has no effect with `{kind}`");
            let hint = "it is for `http`, `tcp` and `unix`";
            self.faults.push(Fault::at(&foreign.key, message).with_hint(hint));
        }
        self.about_probes(fields, written);
    }

    /// Rejects keys about probes for kinds of checks that are not probed.
    fn about_probes(&mut self, fields: &TableNode, written: usize) {
        let Some(kind) = UNPROBED.iter().find(|kind| fields.has(kind)) else { return };
        for (key, entry) in fields.iter().take(written) {
            if ABOUT_PROBES.contains(&key) {
                let message = format!("`{key}` has no effect with `{kind}`, which is not probed");
                self.faults.push(Fault::at(&entry.key, message));
            }
        }
    }
}

impl ValueKind {
    /// Whether the type of a value is right.
    pub(super) fn fits(&self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Text(_) | Self::Choice(_) => value.is_str(),
            Self::Boolean => value.is_bool(),
            Self::Only(only) => value.as_bool() == Some(*only),
            Self::Integer { .. } => value.is_integer(),
            Self::Number { .. } => value.is_integer() || value.is_float(),
            Self::EnvValue => {
                value.is_str() || value.is_bool() || value.is_integer() || value.is_float()
            }
            Self::Argv | Self::List { .. } => value.is_array(),
            Self::OneOrMany(of) => value.is_array() || of.fits(value),
            Self::Map { .. } | Self::Table(_) => value.is_table(),
            Self::Runnable(_) => value.is_table() || value.is_str() || value.is_array(),
            Self::Either(kinds) => kinds.iter().any(|kind| kind.fits(value)),
        }
    }

    /// Returns the hint for a right value in a wrong form.
    fn form_hint(&self, value: &DeValue<'_>) -> Option<String> {
        match (self, value) {
            (Self::Text(StringRule::Duration { .. }), DeValue::Integer(number)) => {
                Some(format!("add the unit: \"{number}s\""))
            }
            (Self::Text(StringRule::Size), DeValue::Integer(number)) => {
                Some(format!("add the unit: \"{number}B\""))
            }
            (Self::Boolean, DeValue::String(_)) => {
                Some("write `true` or `false`, without quotes".to_owned())
            }
            (Self::Integer { .. }, DeValue::String(text)) => {
                let number: i64 = text.parse().ok()?;
                Some(format!("without quotes: {number}"))
            }
            (Self::List { .. }, DeValue::String(text)) => Some(format!("in brackets: [{text:?}]")),
            (Self::Either(kinds), DeValue::String(_)) => {
                kinds.iter().find_map(|kind| kind.form_hint(value))
            }
            (_, _) => None,
        }
    }
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Describes a value after "found …", including a short value itself.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("the string \"{text}\""),
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(number) => format!("the integer {number}"),
        DeValue::Float(number) => format!("the float {number}"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
