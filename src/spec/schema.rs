//! The JSON schema of the file, from the table of keys.

use serde_json::{Map, Value, json};

use super::procfile::keys::{ABOUT_PROBES, ROOT, UNPROBED};
use super::procfile::kind::{Key, Kind, Role, Rule, Shape};
use super::units::{DURATION_PATTERN, SIZE_PATTERN};

/// The JSON schema (draft 2020-12) of `procfile.toml`, for editors and other programs.
///
/// It checks the form of every value; what needs more than one key (names that exist, circles) is
/// left to [`load`](super::load).
pub fn schema() -> Value {
    let mut definitions = Map::new();
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("procfile.toml"));
    schema.extend(table(&ROOT, &mut definitions));
    schema
        .insert("anyOf".to_owned(), json!([{ "required": ["process"] }, { "required": ["pool"] }]));
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

type Definitions = Map<String, Value>;

fn table(shape: &'static Shape, definitions: &mut Definitions) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in shape.own_keys() {
        properties.insert(key.name.to_owned(), property(key, definitions));
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    let required: Vec<&str> =
        shape.own_keys().filter(|key| key.required).map(|key| key.name).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if !shape.one_of.is_empty() {
        let each: Vec<Value> =
            shape.one_of.iter().map(|key| json!({ "required": [key] })).collect();
        schema.insert("oneOf".to_owned(), json!(each));
    }
    if matches!(shape.role, Role::Ready | Role::Health) {
        schema.insert("dependentRequired".to_owned(), json!({ "status": ["http"] }));
    }
    if shape.role == Role::Ready {
        let none: Map<_, _> =
            ABOUT_PROBES.iter().map(|key| (key.to_string(), json!(false))).collect();
        let each = UNPROBED.iter().map(|key| (key.to_string(), json!({ "properties": none })));
        schema.insert("dependentSchemas".to_owned(), Value::Object(each.collect()));
    }
    schema
}

fn property(key: &'static Key, definitions: &mut Definitions) -> Value {
    let mut schema = kind(&key.kind, definitions);
    let mut text = key.doc.to_owned();
    if !key.default.is_empty() {
        text = format!("{text} Default: {}.", key.default.trim_end_matches('.'));
    }
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(text));
    }
    schema
}

/// A reference to the definition of a table, which is made at its first use.
fn reference(shape: &'static Shape, definitions: &mut Definitions) -> Value {
    if !definitions.contains_key(shape.name) {
        // Taken before its keys are looked at, so that the order is that of the file.
        definitions.insert(shape.name.to_owned(), Value::Null);
        let schema = table(shape, definitions);
        definitions.insert(shape.name.to_owned(), Value::Object(schema));
    }
    json!({ "$ref": format!("#/$defs/{}", shape.name) })
}

fn kind(of: &'static Kind, definitions: &mut Definitions) -> Value {
    match of {
        Kind::Text(rule) => text(*rule),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Only(value) => json!({ "const": value }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::EnvValue => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Argv => json!({
            "type": "array", "items": { "type": "string" }, "minItems": 1,
            "prefixItems": [{ "type": "string", "pattern": r"\S" }],
        }),
        Kind::List { of, min: 0 } => json!({ "type": "array", "items": kind(of, definitions) }),
        Kind::List { of, min } => {
            json!({ "type": "array", "items": kind(of, definitions), "minItems": min })
        }
        Kind::OneOrMany(of) => {
            let one = kind(of, definitions);
            json!({ "anyOf": [one, { "type": "array", "items": one }] })
        }
        Kind::Map { key, of } => json!({
            "type": "object",
            "propertyNames": text(*key),
            "additionalProperties": kind(of, definitions),
        }),
        Kind::Table(shape) => reference(shape, definitions),
        Kind::Runnable(shape) => {
            let command = shape.own_keys().find(|key| key.name == "command");
            let mut any = vec![reference(shape, definitions)];
            any.extend(command.map(|key| kind(&key.kind, definitions)));
            json!({ "anyOf": any })
        }
        Kind::Either(kinds) => {
            let any: Vec<Value> = kinds.iter().map(|of| kind(of, definitions)).collect();
            json!({ "anyOf": any })
        }
    }
}

fn text(rule: Rule) -> Value {
    const NAME: &str = r"^(?!all$)[A-Za-z0-9_-]+$";
    let pattern = match rule {
        Rule::Any => return json!({ "type": "string" }),
        Rule::Regex => return json!({ "type": "string", "format": "regex" }),
        Rule::Title | Rule::Command | Rule::Path | Rule::Glob => r"\S",
        Rule::EnvFile => r"[^?\s]",
        Rule::Name => NAME,
        Rule::Target => r"^(?!all$)[A-Za-z0-9_-]+(\.[0-9]+)?$",
        Rule::Variable => r"^[^=]+$",
        Rule::Program => r"^[^/]+$",
        Rule::Duration { .. } => DURATION_PATTERN,
        Rule::Size => SIZE_PATTERN,
        Rule::Signal => r"^([A-Za-z0-9]+|(SIG|sig)?(RTMIN|rtmin)\+[0-9]+)$",
        Rule::Url => r"^(http://[^/\s]|/)\S*$",
        Rule::Endpoint => r"^(port|\S+:[0-9]{1,5})$",
        Rule::Action => r"^(restart|signal:\S+|run:\S+)$",
    };
    json!({ "type": "string", "pattern": pattern })
}
