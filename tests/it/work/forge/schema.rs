//! GitHub's published OpenAPI description, cut down to what is called (`script/github-schema` makes `github.json`), and the check
//! of requests and answers against it: unknown operations, parameters and fields, missing fields, types, words, formats, lengths.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("github.json")).expect("the cut is JSON"));

/// How deep schemas may name each other.
const DEPTH_MAX: usize = 24;

/// An operation of the document that a request is one of.
#[derive(Clone, Copy)]
pub struct Operation {
    name: &'static str,
    rules: &'static Value,
}

impl Operation {
    /// None: the document (as far as it was cut out) has no such operation.
    pub fn of(method: &str, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let operations = DOCUMENT["operations"].as_object()?;
        operations.iter().find_map(|(name, rules)| {
            let (verb, template) = name.split_once(' ')?;
            let template: Vec<&str> = template.split('/').collect();
            let fits = template.len() == parts.len()
                && template
                    .iter()
                    .zip(&parts)
                    .all(|(rule, part)| rule.starts_with('{') && !part.is_empty() || rule == part);
            (verb == method && fits).then_some(Self { name, rules })
        })
    }

    /// The example of a good answer that the document publishes, where it is at odds with its own schema made to fit.
    pub fn example(self) -> Value {
        let name = self.rules["example"].as_str().unwrap_or_default();
        let answers = &self.rules["answers"];
        let schema = if answers["200"].is_null() {
            &answers["201"]
        } else {
            &answers["200"]
        };
        fitted(&DOCUMENT["examples"][name], schema)
    }

    /// What is wrong with a request; empty for a good one.
    pub fn mistakes_of_request(self, query: &BTreeMap<String, String>, body: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in query {
            let at = format!("{}?{name}", self.name);
            match self.rules["query"].get(name) {
                Some(schema) => check(&at, schema, &typed(schema, value), 0, &mut found),
                None => found.push(format!("{at}: no such parameter")),
            }
        }
        match (self.rules.get("body"), serde_json::from_slice::<Value>(body)) {
            (None, _) if body.is_empty() => {}
            (None, _) => found.push(format!("{}: takes no body", self.name)),
            (Some(_), Err(error)) => found.push(format!("{}: {error}", self.name)),
            (Some(schema), Ok(value)) => check(self.name, schema, &value, 0, &mut found),
        }
        found
    }

    /// What is wrong with an answer. A status that the document does not list for the operation has an error's form.
    pub fn mistakes_of_answer(self, status: u16, body: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let at = format!("{} {status}", self.name);
        match self.rules["answers"].get(status.to_string()) {
            Some(schema) => check(&at, schema, body, 0, &mut found),
            None if status >= 400 => check(&at, &DOCUMENT["schemas"]["basic-error"], body, 0, &mut found),
            None => found.push(format!("{at}: no such answer")),
        }
        found
    }
}

/// Takes away what the schema does not name, and adds what may be null: GitHub's examples of repositories are at odds with
/// their schemas, and a team lacks its type. None of it is read.
fn fitted(example: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return fitted(example, &DOCUMENT["schemas"][name]);
    }
    match (example, schema["properties"].as_object()) {
        (Value::Array(items), _) => items.iter().map(|item| fitted(item, &schema["items"])).collect(),
        (Value::Object(fields), Some(known)) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let value = match name.as_str() {
                    "requested_teams" => Value::Array(Vec::new()),
                    _ => fitted(value, known.get(name)?),
                };
                Some((name.clone(), value))
            });
            let mut kept: Map<String, Value> = kept.collect();
            for name in list(&schema["required"]).filter_map(Value::as_str) {
                if known[name]["nullable"] == true {
                    kept.entry(name).or_insert(Value::Null);
                }
            }
            Value::Object(kept)
        }
        _ => example.clone(),
    }
}

/// A parameter as the value that its schema speaks of.
fn typed(schema: &Value, text: &str) -> Value {
    let parsed = match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().ok().map(Value::from),
        Some("boolean") => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    parsed.unwrap_or_else(|| Value::from(text))
}

fn check(at: &str, schema: &Value, value: &Value, depth: usize, found: &mut Vec<String>) {
    assert!(depth < DEPTH_MAX, "{at}: the schemas name each other without an end");
    if let Some(name) = schema["$ref"].as_str() {
        return check(at, &DOCUMENT["schemas"][name], value, depth + 1, found);
    }
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    for part in list(&schema["allOf"]) {
        check(at, part, value, depth + 1, found);
    }
    for choice in ["oneOf", "anyOf"] {
        let tries = list(&schema[choice]).map(|part| {
            let mut mistakes = Vec::new();
            check(at, part, value, depth + 1, &mut mistakes);
            mistakes
        });
        found.extend(tries.min_by_key(Vec::len).unwrap_or_default());
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at}: {value} is none of {words:?}"));
    }
    match schema["type"].as_str() {
        Some(kind) if !is_a(kind, value) => found.push(format!("{at}: {value} is no {kind}")),
        Some("object") => object(at, schema, value.as_object().unwrap_or(&Map::new()), depth, found),
        Some("array") => array(at, schema, value, depth, found),
        Some("string") => text(at, schema, value.as_str().unwrap_or_default(), found),
        Some("integer" | "number") => number(at, schema, value.as_f64().unwrap_or_default(), found),
        _ => {}
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}

/// A field that the schema does not name is a mistake, though the document would let it pass: whoever reads it reads something
/// that is never there.
fn object(at: &str, schema: &Value, given: &Map<String, Value>, depth: usize, found: &mut Vec<String>) {
    let known = schema["properties"].as_object();
    let open = known.is_none() || schema["additionalProperties"] == true || schema["additionalProperties"].is_object();
    for (name, value) in given {
        match known.and_then(|known| known.get(name)) {
            Some(rule) => check(&format!("{at}.{name}"), rule, value, depth + 1, found),
            None if open => {}
            None => found.push(format!("{at}: unknown field {name}")),
        }
    }
    for name in list(&schema["required"]).filter_map(Value::as_str) {
        if !given.contains_key(name) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
}

fn array(at: &str, schema: &Value, value: &Value, depth: usize, found: &mut Vec<String>) {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    within(
        at,
        "items",
        items.len() as f64,
        &schema["minItems"],
        &schema["maxItems"],
        found,
    );
    for (i, item) in items.iter().enumerate() {
        check(&format!("{at}[{i}]"), &schema["items"], item, depth + 1, found);
    }
}

fn text(at: &str, schema: &Value, text: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as f64;
    within(
        at,
        "characters",
        length,
        &schema["minLength"],
        &schema["maxLength"],
        found,
    );
    let fits = match schema["format"].as_str() {
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        // The document writes templates (`{/sha}`) as addresses, too.
        Some("uri") => text.contains(':'),
        _ => true,
    };
    if !fits {
        found.push(format!("{at}: {text:?} is no {}", schema["format"]));
    }
}

fn number(at: &str, schema: &Value, number: f64, found: &mut Vec<String>) {
    within(at, "", number, &schema["minimum"], &schema["maximum"], found);
}

fn within(at: &str, unit: &str, count: f64, min: &Value, max: &Value, found: &mut Vec<String>) {
    if min.as_f64().is_some_and(|min| count < min) || max.as_f64().is_some_and(|max| count > max) {
        found.push(format!("{at}: {count} {unit} are out of its limits"));
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[test]
fn the_published_examples_pass_and_what_is_wrong_does_not() {
    let operations = DOCUMENT["operations"].as_object().expect("operations");
    assert_eq!(operations.len(), 10);
    for name in operations.keys() {
        let (method, path) = name.split_once(' ').expect("a method");
        let operation = Operation::of(method, path).expect("itself");
        let good = if method == "POST" { 201 } else { 200 };
        let mistakes = operation.mistakes_of_answer(good, &operation.example());
        assert!(mistakes.is_empty(), "{name}: {mistakes:#?}");
        assert!(
            !operation
                .mistakes_of_answer(good, &serde_json::json!({"odd": 1}))
                .is_empty(),
            "{name}"
        );
    }
    let create = Operation::of("POST", "/repos/o/r/pulls").expect("it is there");
    let mistakes = |body: Value| create.mistakes_of_request(&BTreeMap::new(), body.to_string().as_bytes());
    assert_eq!(
        mistakes(serde_json::json!({"title": "t", "head": "h", "base": "b", "draft": true})),
        [""; 0]
    );
    assert_eq!(mistakes(serde_json::json!({"title": "t", "head": "h"})).len(), 1);
    assert_eq!(
        mistakes(serde_json::json!({"head": "h", "base": "b", "draft": "yes", "odd": 1})).len(),
        2
    );
    let list = Operation::of("GET", "/repos/o/r/pulls").expect("it is there");
    let asked = |name: &str, value: &str| list.mistakes_of_request(&BTreeMap::from([(name.into(), value.into())]), b"");
    assert_eq!(asked("state", "all"), [""; 0]);
    for (name, value) in [("state", "some"), ("per_page", "many"), ("odd", "x")] {
        assert_eq!(asked(name, value).len(), 1, "{name}={value}");
    }
    assert!(Operation::of("DELETE", "/repos/o/r/pulls/1").is_none());
}
