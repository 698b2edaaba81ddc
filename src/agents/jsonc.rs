//! JSON with comments and commas before a closing bracket, as agents' own settings files may have them.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// `None` when it is no JSON either way.
pub fn parse(text: &str) -> Option<Value> {
    parse_as(text)
}

/// The same for a type of its own. An empty file is an empty object.
pub fn parse_as<T: DeserializeOwned>(text: &str) -> Option<T> {
    let text = if text.trim().is_empty() {
        "{}".to_owned()
    } else {
        plain(text)
    };
    serde_json::from_str(&text).ok()
}

/// The same without comments and surplus commas. Strings stay as they are.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |at| &rest[at + 2..]);
        } else {
            if matches!(c, '}' | ']') {
                let kept = out.trim_end();
                out.truncate(kept.strip_suffix(',').unwrap_or(kept).len());
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Where the string that begins here ends, its quote included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_surplus_commas_go_and_strings_stay() {
        let text = "\u{feff}{ // one\n \"a\": \"x // y, }\\\"\", /* two, */ \"b\": [1, 2, ],\n}\n";
        assert_eq!(parse(text), Some(json!({"a": "x // y, }\"", "b": [1, 2]})));
        assert_eq!(parse("  \n"), Some(json!({})));
        assert_eq!(parse("{\"a\": "), None);
        assert_eq!(parse("\"open"), None);
    }
}
