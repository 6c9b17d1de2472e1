//! Validates a parsed file against the table of keys and collects every mistake.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::super::fault::{Fault, SourceFile, SourceSpan};
use super::super::nearest::did_you_mean;
use super::foreign_keys;
use super::keys::{LATER_VALUES, LISTENER_CHECKS, PROBE_KEYS, ROOT, UNPROBED_CHECKS};
use super::kind::{KeySpec, StringRule, TableShape, ValueKind};
use super::rule::RuleViolation;
use super::tree::{TableEntry, TableNode, Value, ValueNode};

mod unknown;

/// Turns a parsed file into a tree of validated values.
pub(super) struct Validator<'a> {
    source: &'a Arc<SourceFile>,
    /// The keys that are not supported yet.
    later: &'a [&'a str],
    /// After a syntax error no key is reported as missing: it may be in the unreadable part.
    pub(super) broken: bool,
    /// Whether the file has an unknown table, which may hold keys that seem to be missing.
    pub(super) is_unclear: bool,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Validator<'a> {
    pub(super) fn new(source: &'a Arc<SourceFile>, later: &'a [&'a str], broken: bool) -> Self {
        Self { source, later, broken, is_unclear: false, faults: Vec::new() }
    }

    pub(super) fn file(&mut self, table: &DeTable<'_>) -> TableNode {
        self.table(&ROOT, table, &SourceSpan::start_of(self.source))
    }

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
            (ValueKind::Choice(words), DeValue::String(text)) => {
                self.choice(kind, words, text, place)
            }
            (ValueKind::Boolean, DeValue::Boolean(value)) => Value::Boolean(*value),
            (ValueKind::Only(only), DeValue::Boolean(value)) if only == value => {
                Value::Boolean(*value)
            }
            (ValueKind::Integer { min, max }, DeValue::Integer(number)) => match integer(number) {
                Some(number) if (*min..=*max).contains(&number) => Value::Integer(number),
                _ => self.refuse(unexpected(place, kind, number)),
            },
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
            (ValueKind::Either(kinds), _) => {
                match (kinds.iter().find(|kind| kind.fits(value)), value) {
                    // An integer or a word: a wrong word is reported with both.
                    (Some(ValueKind::Choice(words)), DeValue::String(text))
                        if kind.tables().is_empty() =>
                    {
                        self.choice(kind, words, text, place)
                    }
                    (Some(kind), _) => self.value(kind, value, place),
                    (None, _) => self.mismatch(kind, value, place),
                }
            }
            _ => self.mismatch(kind, value, place),
        }
    }

    fn mismatch(&mut self, kind: &ValueKind, value: &DeValue<'_>, place: &SourceSpan) -> Value {
        if let Some(variable) = value.as_table().and_then(|table| table.get("from_env")) {
            let variable = variable.get_ref().as_str().unwrap_or("OTHER");
            let hint = if matches!(kind, ValueKind::EnvValue) {
                format!(
                    "write `NAME=${variable}` in an `env_file`; `{variable}` itself is inherited"
                )
            } else {
                format!("write {}", kind.words())
            };
            let fault = Fault::at(place, "`from_env` is not supported yet").with_hint(hint);
            return self.refuse(fault);
        }
        self.refuse(unexpected(place, kind, found(value)).maybe_hint(kind.form_hint(value)))
    }

    fn text(&mut self, rule: StringRule, text: &str, place: &SourceSpan) -> Value {
        rule.read(text).unwrap_or_else(|RuleViolation { message, hint }| {
            self.refuse(Fault::at(place, message).maybe_hint(hint))
        })
    }

    /// Reads one of `words`; `kind` is the whole kind of the value.
    fn choice(
        &mut self,
        kind: &ValueKind,
        words: &'static [&'static str],
        text: &str,
        place: &SourceSpan,
    ) -> Value {
        if words.contains(&text) {
            return Value::Text(text.to_owned());
        }
        let hint = foreign_keys::find_value(text, words)
            .map(|ours| format!("write \"{ours}\" instead"))
            .or_else(|| did_you_mean(text, words.iter().copied()));
        let fault = unexpected(place, kind, format_args!("\"{text}\""));
        self.refuse(fault.maybe_hint(hint))
    }

    fn number(
        &mut self,
        kind: &ValueKind,
        range: RangeInclusive<f64>,
        number: Option<f64>,
        place: &SourceSpan,
    ) -> Value {
        match number {
            Some(number) if range.contains(&number) => Value::Float(number),
            Some(number) => self.refuse(unexpected(place, kind, number)),
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
        let is_blank = |node: &ValueNode| node.text().is_some_and(|text| text.trim().is_empty());
        let fault = match nodes.first() {
            None => Fault::at(place, "the command is empty"),
            Some(first) if is_blank(first) => {
                Fault::at(&first.place, "the name of the program is empty")
            }
            Some(_) => return Value::List(nodes),
        };
        self.refuse(fault.with_hint("the first entry is the program"))
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
            fields.insert(key.get_ref(), &place, node);
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
        if let Some(key) = shape.own_key("command") {
            let value = self.value(&key.kind, value, place);
            fields.insert(key.name, place, ValueNode { place: place.clone(), value });
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
            let Some(key) = shape.own_key(name.get_ref()) else {
                unknown.push((name, value));
                continue;
            };
            let key_place = self.place(name.span());
            let node = match self.unsupported(key, &key_place, value) {
                Some(fault) => {
                    // No further fault about the value: one for each place is enough.
                    let value_place = self.place(value.span());
                    ValueNode { place: value_place, value: self.refuse(fault) }
                }
                None => self.node(&key.kind, value),
            };
            fields.insert(key.name, &key_place, node);
        }
        let written = fields.len();
        // After all known keys, so that it is clear whether the suggested key is present.
        for (name, value) in unknown {
            let key_place = self.place(name.span());
            let guess = self.unknown_key(shape, name.get_ref(), value.get_ref(), &key_place);
            self.stand_in(guess.as_ref(), name.get_ref(), value, &key_place, &mut fields);
        }
        self.complete(shape, &fields, written, place);
        fields
    }

    /// Returns the fault of a key, or of a value, that is not supported yet.
    fn unsupported(
        &self,
        key: &KeySpec,
        place: &SourceSpan,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Fault> {
        if self.later.contains(&key.name) && value.get_ref().as_bool() != Some(false) {
            let message = foreign_keys::not_supported(key.name);
            return Some(Fault::at(place, message).with_hint("remove it: it would have no effect"));
        }
        let text = value.get_ref().as_str()?;
        (!self.later.is_empty() && LATER_VALUES.contains(&(key.name, text))).then(|| {
            let message = format!("`{} = \"{text}\"` is not supported yet", key.name);
            let hint = format!("write {}", key.kind.words());
            Fault::at(&self.place(value.span()), message).with_hint(hint)
        })
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
        let is_check = |(name, _): &(&str, &TableEntry)| shape.one_of.contains(name);

        let mut checks = fields.iter().take(written).filter(is_check);
        match (checks.next(), checks.next()) {
            (None, _) if !self.broken && !fields.iter().any(|field| is_check(&field)) => {
                let kinds = shape.one_of.join(", ");
                let message = format!("{} needs one of: {kinds}", shape.label);
                self.faults.push(Fault::at(place, message));
            }
            (Some((first, first_entry)), Some((second, entry))) => {
                let message = format!("only one of `{first}` and `{second}` is allowed");
                let fault = Fault::at(&entry.key, message);
                let label = format!("`{first}` is here");
                self.faults.push(fault.with_related(&first_entry.key, &label));
            }
            (None | Some(_), _) => {}
        }
        let check = shape.one_of.iter().find(|check| fields.has(check));
        let listens = LISTENER_CHECKS.iter().any(|check| fields.has(check));
        let unprobed = UNPROBED_CHECKS.iter().find(|check| fields.has(check));
        for (key, entry) in fields.iter().take(written) {
            let message = match (key, check, unprobed) {
                ("status", ..) if !fields.has("http") => {
                    "`status` has no effect without `http`".to_owned()
                }
                ("foreign", Some(check), _) if !listens => {
                    let message = format!("`foreign` has no effect with `{check}`");
                    let hint = "it is for `http`, `tcp` and `unix`";
                    self.faults.push(Fault::at(&entry.key, message).with_hint(hint));
                    continue;
                }
                (key, _, Some(check)) if PROBE_KEYS.contains(&key) => {
                    format!("`{key}` has no effect with `{check}`, which is not probed")
                }
                _ => continue,
            };
            self.faults.push(Fault::at(&entry.key, message));
        }
    }
}

impl ValueKind {
    /// Whether the type of a value is right.
    fn fits(&self, value: &DeValue<'_>) -> bool {
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
                Some(format!("write \"{number}s\""))
            }
            (Self::Text(StringRule::Size), DeValue::Integer(number)) => {
                Some(format!("write \"{number}B\""))
            }
            (Self::Boolean, DeValue::String(_)) => {
                Some("write `true` or `false`, without quotes".to_owned())
            }
            (Self::Integer { .. }, DeValue::String(text)) => {
                let number: i64 = text.parse().ok()?;
                Some(format!("write {number}"))
            }
            (Self::List { .. }, DeValue::String(text)) => Some(format!("write [{text:?}]")),
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

fn unexpected(place: &SourceSpan, kind: &ValueKind, found: impl std::fmt::Display) -> Fault {
    Fault::at(place, format!("expected {}, found {found}", kind.words()))
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
