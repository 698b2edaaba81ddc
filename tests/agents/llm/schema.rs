//! The smallest value that a JSON schema takes.

use serde_json::{Map, Value, json};

/// A value of this form; a form that says nothing is taken for a text.
pub fn example(form: &Value) -> Value {
    if let Some(first) = form["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(fixed) = form.get("const") {
        return fixed.clone();
    }
    let any = ["anyOf", "oneOf"]
        .iter()
        .find_map(|word| form[*word].as_array()?.first());
    if let Some(form) = any {
        return example(form);
    }
    let kind = form["type"]
        .as_str()
        .or_else(|| form["type"][0].as_str())
        .unwrap_or("string");
    match kind.to_ascii_lowercase().as_str() {
        "object" => object(form),
        "array" => json!([]),
        "boolean" => json!(false),
        "integer" | "number" => form.get("minimum").cloned().unwrap_or(json!(1)),
        "null" => Value::Null,
        _ => json!("quiet work"),
    }
}

/// All that the form names: an optional field does no harm.
fn object(form: &Value) -> Value {
    let properties = form["properties"].as_object().cloned().unwrap_or_default();
    let fields: Map<String, Value> = properties
        .iter()
        .map(|(name, form)| (name.clone(), example(form)))
        .collect();
    Value::Object(fields)
}
