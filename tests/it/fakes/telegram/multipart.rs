//! Just enough of multipart/form-data to read an upload.

use serde_json::{Map, Value};

pub struct Form {
    /// Texts; those that are JSON numbers, objects or lists are read as such, as the Bot API does.
    pub fields: Value,
    pub files: Vec<File>,
}

pub struct File {
    pub field: String,
    pub name: String,
    pub content: Vec<u8>,
}

pub fn parse(boundary: &str, body: &[u8]) -> Form {
    let mut fields = Map::new();
    let mut files = vec![];
    let delimiter = format!("--{boundary}").into_bytes();
    for part in split(body, &delimiter) {
        let Some(at) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..at]).into_owned();
        let content = part[at + 4..].strip_suffix(b"\r\n").unwrap_or(&part[at + 4..]);
        let Some(field) = parameter(&head, "name") else {
            continue;
        };
        match parameter(&head, "filename") {
            Some(name) => files.push(File {
                field,
                name,
                content: content.to_vec(),
            }),
            None => {
                let text = String::from_utf8_lossy(content).into_owned();
                let read = serde_json::from_str(&text)
                    .ok()
                    .filter(|value: &Value| !value.is_string());
                fields.insert(field, read.unwrap_or(Value::String(text)));
            }
        }
    }
    Form {
        fields: Value::Object(fields),
        files,
    }
}

fn split<'a>(body: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = vec![];
    let mut rest = body;
    while let Some(at) = find(rest, delimiter) {
        parts.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    parts
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `name="value"` of a part's head.
fn parameter(head: &str, name: &str) -> Option<String> {
    let rest = head.split(&format!("; {name}=\"")).nth(1)?;
    rest.split('"').next().map(str::to_owned)
}
