//! The JSON schema of the file, from the table of keys.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::procfile::keys::{LISTENER_CHECKS, PROBE_KEYS, ROOT, UNPROBED_CHECKS};
use super::procfile::kind::{KeySpec, StringRule, TableRole, TableShape, ValueKind};
use super::units::{DURATION_PATTERN, SIZE_PATTERN};

/// The JSON schema (draft 2020-12) of `procfile.toml`, for editors and other programs.
///
/// It checks the form of every value; [`load`](super::load) checks what depends on several keys, such as
/// names and cycles. It contains no `anyOf` and no `oneOf`: validators answer those with "not valid under
/// any of the schemas", and the mistake itself is lost.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = object(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "procfile.toml",
        "type": "object",
    }));
    schema.extend(table(&ROOT, &mut definitions));
    all_of(&mut schema, require_one_of(&ROOT, &["process", "pool"], "process"));
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

type SchemaDefinitions = Map<String, Value>;

/// Returns the keys of a table. The type is given where the table is used, next to the other types
/// that the value can have.
fn table(shape: &'static TableShape, definitions: &mut SchemaDefinitions) -> Map<String, Value> {
    let keys = shape.own_keys();
    let properties: Map<String, Value> =
        keys.map(|key| (key.name.to_owned(), property(key, definitions))).collect();
    let mut schema = object(json!({ "properties": properties, "additionalProperties": false }));
    let required: Vec<&str> =
        shape.own_keys().filter(|key| key.required).map(|key| key.name).collect();
    if !required.is_empty() {
        // A misspelt key is one mistake; the key that is missing because of it is not a second one.
        let rule = json!({ "if": only_known_keys(shape), "then": { "required": required } });
        all_of(&mut schema, rule);
    }
    if !shape.one_of.is_empty() {
        let words = shape.one_of.join(", ");
        all_of(&mut schema, require_one_of(shape, shape.one_of, &format!("one of {words}")));
    }
    let mut excluded = excluded_keys(shape);
    if shape.role == TableRole::Ready {
        for key in UNPROBED_CHECKS {
            excluded.entry(*key).or_default().extend(PROBE_KEYS);
        }
    }
    if shape.own_keys().any(|key| key.name == "foreign") {
        for key in shape.one_of.iter().filter(|key| !LISTENER_CHECKS.contains(key)) {
            excluded.entry(*key).or_default().push("foreign");
        }
    }
    if !excluded.is_empty() {
        let without = |keys: &[&str]| json!({ "properties": forbidden(keys) });
        let schemas = excluded.iter().map(|(key, others)| ((*key).to_owned(), without(others)));
        schema.insert("dependentSchemas".to_owned(), Value::Object(schemas.collect()));
    }
    if matches!(shape.role, TableRole::Ready | TableRole::Health) {
        schema.insert("dependentRequired".to_owned(), json!({ "status": ["http"] }));
    }
    schema
}

/// Returns the keys that exclude each other. Each excludes those after it, so that two are one mistake.
fn excluded_keys(shape: &TableShape) -> IndexMap<&'static str, Vec<&'static str>> {
    let keys = shape.one_of.iter().enumerate();
    let excluded = keys.map(|(index, key)| (*key, shape.one_of.iter().skip(index + 1).copied()));
    let excluded = excluded.map(|(key, others)| (key, others.collect::<Vec<_>>()));
    excluded.filter(|(_, others)| !others.is_empty()).collect()
}

/// The keys as properties that no value matches.
fn forbidden(keys: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), json!(false))).collect()
}

fn only_known_keys(shape: &'static TableShape) -> Value {
    let known: Vec<&str> = shape.own_keys().map(|key| key.name).collect();
    json!({ "type": "object", "propertyNames": { "enum": known } })
}

/// Requires one of these keys. Validators show `missing` in their message, so it names all of them.
fn require_one_of(shape: &'static TableShape, keys: &[&str], missing: &str) -> Value {
    let mut condition = object(only_known_keys(shape));
    condition.insert("properties".to_owned(), Value::Object(forbidden(keys)));
    json!({ "if": condition, "then": { "required": [missing] } })
}

fn all_of(schema: &mut Map<String, Value>, rule: Value) {
    let rules = schema.entry("allOf").or_insert_with(|| json!([]));
    if let Value::Array(rules) = rules {
        rules.push(rule);
    }
}

fn property(key: &'static KeySpec, definitions: &mut SchemaDefinitions) -> Value {
    let mut schema = kind(&key.kind, definitions);
    let mut text = key.doc.to_owned();
    if !key.default.is_empty() {
        text = format!("{text} Default: {}.", key.default.trim_end_matches('.'));
    }
    schema.insert("description".to_owned(), json!(text));
    Value::Object(schema)
}

/// A reference to the definition of a table, which is made at its first use.
fn reference(
    shape: &'static TableShape,
    definitions: &mut SchemaDefinitions,
) -> Map<String, Value> {
    if !definitions.contains_key(shape.name) {
        // Inserted before its keys are read, so that the definitions have the order of the file.
        definitions.insert(shape.name.to_owned(), Value::Null);
        let schema = table(shape, definitions);
        definitions.insert(shape.name.to_owned(), Value::Object(schema));
    }
    let reference = json!({ "$ref": format!("#/$defs/{}", shape.name) });
    object(json!({ "type": "object", "allOf": [reference] }))
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

fn kind(of: &'static ValueKind, definitions: &mut SchemaDefinitions) -> Map<String, Value> {
    object(match of {
        ValueKind::Text(rule) => text(*rule),
        ValueKind::Choice(words) => json!({ "enum": words }),
        ValueKind::Boolean => json!({ "type": "boolean" }),
        ValueKind::Only(value) => json!({ "const": value }),
        ValueKind::Integer { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        ValueKind::Number { min, max } => {
            json!({ "type": "number", "minimum": min, "maximum": max })
        }
        ValueKind::EnvValue => json!({ "type": ["string", "number", "boolean"] }),
        ValueKind::Argv => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 1,
            "prefixItems": [{ "pattern": r"\S", "type": "string" }],
        }),
        ValueKind::List { of, min: 0 } => {
            json!({ "type": "array", "items": kind(of, definitions) })
        }
        ValueKind::List { of, min } => {
            json!({ "type": "array", "items": kind(of, definitions), "minItems": min })
        }
        ValueKind::OneOrMany(of) => {
            let entry = kind(of, definitions);
            let array = object(json!({ "type": "array", "items": entry }));
            return either([entry, array].into_iter());
        }
        ValueKind::Map { key, of } => json!({
            "type": "object",
            "propertyNames": text(*key),
            "additionalProperties": kind(of, definitions),
        }),
        ValueKind::Table(shape) => return reference(shape, definitions),
        ValueKind::Runnable(shape) => {
            let command = shape.own_keys().find(|key| key.name == "command");
            let table = reference(shape, definitions);
            let command = command.map(|key| kind(&key.kind, definitions));
            return either([table].into_iter().chain(command));
        }
        ValueKind::Either(kinds) => return either(kinds.iter().map(|of| kind(of, definitions))),
    })
}

/// Combines schemas of different types. Keywords for numbers, strings, arrays or objects apply to these
/// types alone, so they can be merged; `enum` and `const` apply to any type, so they get a condition.
fn either(schemas: impl Iterator<Item = Map<String, Value>>) -> Map<String, Value> {
    let (mut types, mut keywords, mut rules) = (Vec::new(), Map::new(), Vec::new());
    for schema in schemas {
        if schema.contains_key("enum") || schema.contains_key("const") {
            let kind = if schema.contains_key("enum") { "string" } else { "boolean" };
            types.push(json!(kind));
            rules.push(json!({ "if": { "type": kind }, "then": schema }));
            continue;
        }
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("type", Value::Array(more)) => types.extend(more),
                ("type", kind) => types.push(kind),
                ("allOf", Value::Array(more)) => rules.extend(more),
                (_, value) => _ = keywords.insert(keyword, value),
            }
        }
    }
    let mut schema = object(json!({ "type": types }));
    schema.extend(keywords);
    if !rules.is_empty() {
        schema.insert("allOf".to_owned(), Value::Array(rules));
    }
    schema
}

fn text(rule: StringRule) -> Value {
    const NAME: &str = r"^(?!all$)[A-Za-z0-9_-]+$";
    let pattern = match rule {
        StringRule::Any => return json!({ "type": "string" }),
        StringRule::Regex => return json!({ "type": "string", "format": "regex" }),
        StringRule::Title | StringRule::Command | StringRule::Path | StringRule::Glob => r"\S",
        StringRule::EnvFile => r"[^?\s]",
        StringRule::Name => NAME,
        StringRule::Target => r"^(?!all$)[A-Za-z0-9_-]+(\.[0-9]+)?$",
        StringRule::Variable => r"^[^=]+$",
        StringRule::Program => r"^[^/]+$",
        StringRule::Duration { .. } => DURATION_PATTERN,
        StringRule::Size => SIZE_PATTERN,
        StringRule::Signal => r"^([A-Za-z0-9]+|(SIG|sig)?(RTMIN|rtmin)\+[0-9]+)$",
        StringRule::Url => r"^(http://[^/\s]|/)\S*$",
        StringRule::Page => r"^https?://\S+$",
        StringRule::Endpoint => r"^(port|\S+:[0-9]{1,5})$",
        StringRule::Action => r"^(restart|signal:\S+|run:\S+)$",
    };
    json!({ "type": "string", "pattern": pattern })
}
