//! The API and its `OpenAPI` document agree: every route with valid and invalid requests; every response is validated
//! against its schema.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::common::{BOUND, Project, Running, assert_file, long_sleep, times};
use serde_json::{Map, Value, json};

/// A project that listens.
struct Api {
    project: Project,
    running: Running,
    port: u16,
    token: String,
    document: Value,
}

/// What is answered.
struct Answer {
    status: u16,
    kind: String,
    body: String,
}

impl Api {
    fn up() -> Self {
        let sleep = long_sleep();
        let project = Project::new(&format!(
            "[process]\nweb = 'echo hi; exec sleep {sleep}'\n\
             cat = {{ command = 'cat', stdin = 'pipe' }}\n\
             [pool.build]\nconcurrency = 2\njobs = ['true']\n"
        ));
        let running = project.up(["--keep", "--quiet", "--listen", "127.0.0.1:0"]);
        let line = running.wait_err("listening on http://127.0.0.1:");
        let (_, rest) = line.split_once("127.0.0.1:").unwrap();
        let (port, file) = rest.split_once("; the token is in ").unwrap();
        let token = std::fs::read_to_string(file).unwrap().trim_end().to_owned();
        let port = port.parse().unwrap();
        let mut api = Self { project, running, port, token, document: Value::Null };
        let answer = api.ask("get", "/v1/openapi.json", None);
        api.document = serde_json::from_str(&answer.body).unwrap();
        api
    }

    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        let (method, body) = (method.to_ascii_uppercase(), body.unwrap_or_default());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.port,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.map_or("", |line| line[name.len()..].trim()).to_owned()
        };
        let chunked = header("transfer-encoding:") == "chunked";
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, kind: header("content-type:"), body }
    }

    /// The response is described in the document, including each field.
    #[track_caller]
    fn check(&self, operation: &Value, answer: &Answer, what: &str) {
        let documented = &operation["responses"];
        let status = answer.status.to_string();
        let documented = documented.get(&status).unwrap_or(&documented["default"]);
        assert!(documented.is_object(), "{what}: {status} is not in the document: {}", answer.body);
        let Some(content) = documented.get("content").and_then(Value::as_object) else {
            assert_eq!(answer.body, "", "{what}");
            return;
        };
        let schema = content.get(&answer.kind).unwrap_or_else(|| {
            panic!("{what}: {} is not in the document", answer.kind);
        });
        let values: Vec<Value> = match answer.kind.as_str() {
            "application/json" => vec![serde_json::from_str(&answer.body).unwrap()],
            "application/x-ndjson" => {
                answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
            _ => {
                // A type that consists of data only is described by its fields.
                let is_whole = schema["schema"]["$ref"].as_str().unwrap().ends_with("/ServerSent");
                let events = answer.body.split("\n\n").filter(|one| !one.is_empty());
                let events = events.map(server_sent);
                let data = |event: Value| -> Value {
                    serde_json::from_str(event["data"].as_str().unwrap()).unwrap()
                };
                if is_whole { events.collect() } else { events.map(data).collect() }
            }
        };
        let validator = self.validator(&schema["schema"]);
        for value in values {
            let wrong: Vec<String> =
                validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{what}: {wrong:?} in {value}");
        }
    }

    /// A schema with its references; unknown fields are an error.
    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let mut whole = json!({ "components": self.document["components"] });
        let mut parts = Vec::new();
        collect_parts(&whole, &mut parts);
        for (name, schema) in whole["components"]["schemas"].as_object_mut().unwrap() {
            // A part of something else does not know the fields of the other parts.
            if schema["type"] == "object"
                && !parts.contains(&format!("#/components/schemas/{name}"))
            {
                schema["additionalProperties"] = Value::Bool(false);
            }
        }
        whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        jsonschema::draft202012::new(&whole).unwrap()
    }

    /// The schema itself, where there is only a reference.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(path) => self.document.pointer(path.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    fn down(self) {
        self.project.ask(["down"]).code(0);
        self.running.done().assert_code(0);
    }
}

/// The schemas that are combined with others by `allOf`.
fn collect_parts(value: &Value, parts: &mut Vec<String>) {
    for part in value["allOf"].as_array().into_iter().flatten() {
        parts.extend(part["$ref"].as_str().map(str::to_owned));
    }
    match value {
        Value::Object(fields) => fields.values().for_each(|field| collect_parts(field, parts)),
        Value::Array(items) => items.iter().for_each(|item| collect_parts(item, parts)),
        _ => {}
    }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        text = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// One event as the object its schema is about.
fn server_sent(text: &str) -> Value {
    let field = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_owned(), v.into()));
    let event: Map<String, Value> = text.lines().filter_map(field).collect();
    let data = event["data"].as_str().unwrap();
    serde_json::from_str::<Value>(data).unwrap();
    event.into()
}

const HEX: [char; 16] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

/// As it may stand in an address.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| ['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    text.bytes().flat_map(byte).collect()
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }

    fn text(&mut self) -> String {
        let known = ["web", "cat", "build", "all", "web.1", "@x", "", "ä\u{0}\n", "..", "%", "💥"];
        (*self.pick(&known)).to_owned()
    }

    /// Something the schema allows.
    fn right(&mut self, api: &Api, schema: &Value) -> Value {
        let schema = api.resolve(schema);
        if let Some(words) = schema["enum"].as_array() {
            return self.pick(words).clone();
        }
        let kind = match schema["type"].as_array() {
            Some(kinds) => self.pick(kinds).clone(),
            None => schema["type"].clone(),
        };
        match kind.as_str().unwrap_or("string") {
            "null" => Value::Null,
            "boolean" => (self.roll(2) == 0).into(),
            "integer" => (self.roll(4) as u64).into(),
            "array" => {
                let first = &schema["prefixItems"][0];
                let first = if first.is_null() { &schema["items"] } else { first };
                let rest = (0..self.roll(3)).map(|_| self.right(api, &schema["items"]));
                let rest: Vec<Value> = rest.collect();
                std::iter::once(self.right(api, first)).chain(rest).collect()
            }
            "object" => {
                let empty = Map::new();
                let all = schema["properties"].as_object().unwrap_or(&empty);
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let mut object = Map::new();
                for (name, schema) in all {
                    if required.contains(&json!(name)) || self.roll(2) == 0 {
                        object.insert(name.clone(), self.right(api, schema));
                    }
                }
                object.into()
            }
            _ => match (schema["pattern"].as_str(), schema["format"].as_str()) {
                (Some(pattern), _) if pattern.contains("ms|s") => "5m".into(),
                (Some(_), _) => format!("job-{}", self.roll(1000)).into(),
                (None, Some("regex")) => (*self.pick(&["hi", "^a|b$", "[0-9]+", ""])).into(),
                _ if schema["minLength"] == 1 => "true".into(),
                _ => self.text().into(),
            },
        }
    }

    /// A body the schema does not allow.
    fn wrong(&mut self, api: &Api, schema: &Value) -> String {
        let mut object = self.right(api, schema).as_object().unwrap().clone();
        let schema = api.resolve(schema);
        let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        match self.roll(6) {
            0 => return (*self.pick(&["{", "[]", "3", "null", "\"x\"", "{}x", "\u{0}"])).into(),
            1 => _ = object.insert("no_such_field".to_owned(), 1.into()),
            2 if !required.is_empty() => {
                let name = self.pick(&required).as_str().unwrap();
                object.remove(name);
            }
            _ => {
                let name = *self.pick(&names);
                let nonsense = [json!({ "a": 1 }), json!([[]]), json!(-1.5), json!([])];
                let mut value = self.pick(&nonsense).clone();
                if value == json!([]) && schema["properties"][name]["minItems"] != 1 {
                    value = json!([[]]);
                }
                object.insert(name.clone(), value);
            }
        }
        Value::from(object).to_string()
    }

    fn query(&mut self, api: &Api, parameters: &[Value], wrong: bool) -> String {
        let mut pairs = Vec::new();
        for one in parameters.iter().filter(|one| one["in"] == "query") {
            let name = one["name"].as_str().unwrap();
            // An endless stream has no end to check.
            if name == "follow" {
                pairs.push("follow=false".to_owned());
            } else if self.roll(2) == 0 {
                let value = self.right(api, &one["schema"]);
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !value.is_null() {
                    pairs.push(format!("{name}={}", escaped(&text)));
                }
            }
        }
        let nonsense =
            ["nonsense=1", "after=x", "tail=-1", "from=one", "stream=both", "since=then", "grep=("];
        if wrong {
            pairs.push((*self.pick(&nonsense)).to_owned());
        }
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

/// These continue as long as a client reads.
const ENDLESS: &[&str] = &["/v1/growth"];

/// Of `stop all` and such nothing is left to look at, so each time there is something to start.
const AGAIN: &str = r#"{"names":["all"],"no_wait":true}"#;

#[test]
fn every_route_keeps_what_the_document_says() {
    let api = Api::up();
    let mut dice = Dice(88_172_645_463_325_252);
    for round in 0..times(12) {
        for (path, methods) in api.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                // It has one response, and then there is no server.
                if path == "/v1/shutdown" {
                    continue;
                }
                one_route(&api, &mut dice, (method, path), operation);
            }
        }
        if round % 3 == 0 {
            assert_eq!(api.ask("post", "/v1/start", Some(AGAIN)).status, 200);
        }
    }
    api.down();
}

fn one_route(api: &Api, dice: &mut Dice, (method, path): (&str, &str), operation: &Value) {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let name = dice.text();
    let address = path.replace("{name}", &escaped(&name));
    if path.contains('{') && name.is_empty() {
        return;
    }
    let query = dice.query(api, &parameters, false);
    let mut body = (!schema.is_null()).then(|| dice.right(api, schema));
    // What may never come is not waited for.
    if path == "/v1/wait" {
        assert_eq!(api.ask("post", "/v1/start", Some(r#"{"names":["web"]}"#)).status, 200);
        body = Some(json!({ "names": ["web"], "for": "started" }));
    }
    let has_no_wait = api.resolve(schema)["properties"]["no_wait"].is_object();
    if let Some(body) = body.as_mut().filter(|_| has_no_wait) {
        body["no_wait"] = true.into();
        body.as_object_mut().unwrap().remove("wait");
    }
    // Whatever it is, a shell would do it.
    if path == "/v1/run" {
        body = Some(json!({ "command": "true" }));
    }
    let text = body.as_ref().map(Value::to_string);
    let what = format!("{method} {address}{query} {text:?}");
    if !ENDLESS.contains(&path) {
        let answer = api.ask(method, &format!("{address}{query}"), text.as_deref());
        api.check(operation, &answer, &what);
        assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.body);
        // It may not be possible, but it is not misunderstood.
        assert!(!answer.body.contains("makes no sense"), "{what}: {}", answer.body);
    }
    let takes = !schema.is_null() || parameters.iter().any(|one| one["in"] == "query");
    if takes {
        let wrong = schema.is_null();
        let query = if wrong { dice.query(api, &parameters, true) } else { String::new() };
        let text = (!wrong).then(|| dice.wrong(api, schema));
        let what = format!("{method} {address}{query} {text:?}");
        let answer = api.ask(method, &format!("{address}{query}"), text.as_deref());
        // An unknown name may be reported before another mistake of the request.
        let refused = answer.status == 400 || answer.body.contains("unknown_name");
        assert!(refused, "{what}: {} {}", answer.status, answer.body);
        api.check(operation, &answer, &what);
    }
    let other = if method == "get" { "post" } else { "get" };
    let answer = api.ask(other, &address, Some("{}"));
    assert_eq!(answer.status, 405, "{other} {address}: {}", answer.body);
    api.check(operation, &answer, &format!("{other} {address}"));
}

/// The document is written down, and nothing of it changes unseen.
#[test]
fn the_document_is_as_it_was() {
    let api = Api::up();
    let mut document = api.document.clone();
    document["info"]["version"] = "".into();
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    assert_file("tests/it/control/openapi.json", &text);
    api.down();
}
