//! The Bot API's own schema, cut down to what is called (`script/telegram-schema` makes `schema.json`), and the check of a request
//! against it: unknown and missing fields, types, lengths, words, entity ranges, bytes of callback data.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schema.json")).expect("the schema is JSON"));

/// What is wrong with a request; empty for a good one. `files` are the names of the uploaded parts.
pub fn mistakes(method: &str, fields: &Value, files: &[String]) -> Vec<String> {
    let Some(known) = SCHEMA["methods"][method].as_object() else {
        return vec![format!("unknown method {method}")];
    };
    let Some(given) = fields.as_object() else {
        return vec![format!("{method}: the fields are no object")];
    };
    let mut found = vec![];
    object(method, known, given, files, &mut found);
    for (text, entities) in [("text", "entities"), ("caption", "caption_entities")] {
        let text = fields[text].as_str().unwrap_or_default();
        for entity in fields[entities].as_array().into_iter().flatten() {
            entity_range(method, text, entity, &mut found);
        }
    }
    for kind in fields["allowed_updates"].as_array().into_iter().flatten() {
        if !SCHEMA["updates"].as_array().is_some_and(|kinds| kinds.contains(kind)) {
            found.push(format!("{method}: there is no update {kind}"));
        }
    }
    found
}

fn object(at: &str, known: &Map<String, Value>, given: &Map<String, Value>, files: &[String], found: &mut Vec<String>) {
    for (name, value) in given {
        match known.get(name) {
            Some(field) => one_of_types(&format!("{at}.{name}"), field, value, files, found),
            None => found.push(format!("{at}: unknown field {name}")),
        }
    }
    for (name, field) in known {
        let uploaded = files.iter().any(|file| file == name);
        if field["required"] == true && !given.contains_key(name) && !uploaded {
            found.push(format!("{at}: {name} is missing"));
        }
    }
}

/// A field may have several types: one must fit without a mistake.
fn one_of_types(at: &str, field: &Value, value: &Value, files: &[String], found: &mut Vec<String>) {
    let mut best: Option<Vec<String>> = None;
    for kind in field["types"].as_array().into_iter().flatten() {
        let mut mistakes = vec![];
        typed(at, kind.as_str().unwrap_or_default(), value, files, &mut mistakes);
        if best.as_ref().is_none_or(|best| mistakes.len() < best.len()) {
            best = Some(mistakes);
        }
    }
    found.extend(best.unwrap_or_default());
    limits(at, field, value, found);
}

fn typed(at: &str, kind: &str, value: &Value, files: &[String], found: &mut Vec<String>) {
    let fits = match kind {
        "Integer" => value.is_i64() || value.is_u64(),
        "String" => value.is_string(),
        "Boolean" => value.is_boolean(),
        "Float" => value.is_number(),
        "InputFile" => value
            .as_str()
            .and_then(|text| text.strip_prefix("attach://"))
            .is_some_and(|name| files.iter().any(|file| file == name)),
        _ => {
            if let Some(inner) = kind.strip_prefix("Array of ") {
                match value.as_array() {
                    Some(items) => items
                        .iter()
                        .enumerate()
                        .for_each(|(i, item)| typed(&format!("{at}[{i}]"), inner, item, files, found)),
                    None => found.push(format!("{at}: {value} is no list")),
                }
            } else {
                named(at, kind, value, files, found);
            }
            return;
        }
    };
    if !fits {
        found.push(format!("{at}: {value} is no {kind}"));
    }
}

fn named(at: &str, kind: &str, value: &Value, files: &[String], found: &mut Vec<String>) {
    let schema = &SCHEMA["types"][kind];
    if let Some(subtypes) = schema["subtypes"].as_array() {
        let tries = subtypes.iter().map(|subtype| {
            let mut mistakes = vec![];
            named(at, subtype.as_str().unwrap_or_default(), value, files, &mut mistakes);
            mistakes
        });
        found.extend(tries.min_by_key(Vec::len).unwrap_or_default());
        return;
    }
    let (Some(known), Some(given)) = (schema["fields"].as_object(), value.as_object()) else {
        found.push(format!("{at}: {value} is no {kind}"));
        return;
    };
    object(at, known, given, files, found);
    match kind {
        "InlineKeyboardButton" => {
            let acts = given
                .keys()
                .filter(|key| !["text", "icon_custom_emoji_id", "style"].contains(&key.as_str()));
            if acts.count() != 1 {
                found.push(format!("{at}: a button does exactly one thing"));
            }
        }
        "BotCommand" => {
            let name = given.get("command").and_then(Value::as_str).unwrap_or_default();
            if !name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            {
                found.push(format!("{at}: {name} cannot be a command"));
            }
        }
        _ => {}
    }
}

fn limits(at: &str, field: &Value, value: &Value, found: &mut Vec<String>) {
    let outside = |limit: &Value, count: i64| {
        let limit: Option<(i64, i64)> = limit[0].as_i64().zip(limit[1].as_i64());
        limit.is_some_and(|(min, max)| !(min..=max).contains(&count))
    };
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    if let Some(text) = value.as_str() {
        let units = count(text.encode_utf16().count());
        if outside(&field["characters"], units) {
            found.push(format!("{at}: {units} characters"));
        }
        if outside(&field["bytes"], count(text.len())) {
            found.push(format!("{at}: {} bytes", text.len()));
        }
        if field["characters"][0] == 1 && text.trim().is_empty() {
            found.push(format!("{at} is empty"));
        }
        if field["words"]
            .as_array()
            .is_some_and(|words| !words.iter().any(|word| word == text))
        {
            found.push(format!("{at}: {text:?} is none of the words"));
        }
    }
    if value.as_i64().is_some_and(|number| outside(&field["values"], number)) {
        found.push(format!("{at}: {value} is out of its limits"));
    }
    if value
        .as_array()
        .is_some_and(|items| outside(&field["items"], count(items.len())))
    {
        found.push(format!("{at}: too many items"));
    }
}

fn entity_range(at: &str, text: &str, entity: &Value, found: &mut Vec<String>) {
    if (entity["type"] == "text_link") != entity["url"].is_string() {
        found.push(format!(
            "{at}: a link needs an address, and nothing else has one: {entity}"
        ));
    }
    let (Some(offset), Some(length)) = (entity["offset"].as_u64(), entity["length"].as_u64()) else {
        found.push(format!("{at}: an entity without offset and length"));
        return;
    };
    let mut borders = vec![0];
    for c in text.chars() {
        borders.push(borders[borders.len() - 1] + c.len_utf16() as u64);
    }
    let on_border = |units: u64| borders.binary_search(&units).is_ok();
    if length == 0 || !on_border(offset) || !on_border(offset + length) {
        found.push(format!(
            "{at}: an entity outside of the text or inside a character: {entity}"
        ));
    }
}
