//! Paths and queries of the API, with everything that a person typed percent-encoded.

use std::fmt::Write;

/// `/v1/a/b`, each segment encoded.
pub fn path(segments: &[&str]) -> String {
    let mut path = String::from("/v1");
    for segment in segments {
        path.push('/');
        encode(&mut path, segment);
    }
    path
}

/// `path?a=b`, without the pairs that have no value.
pub fn query(path: String, pairs: &[(&str, Option<String>)]) -> String {
    let mut whole = path;
    let mut mark = '?';
    for (key, value) in pairs {
        if let Some(value) = value {
            whole.push(mark);
            encode(&mut whole, key);
            whole.push('=');
            encode(&mut whole, value);
            mark = '&';
        }
    }
    whole
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_stays_one_segment() {
        assert_eq!(
            path(&["sessions", "../a b?#é", "stop"]),
            "/v1/sessions/%2E%2E%2Fa%20b%3F%23%C3%A9/stop"
        );
        assert_eq!(
            query(
                path(&["events"]),
                &[
                    ("after", Some("3".into())),
                    ("session", None),
                    ("limit", Some("&".into()))
                ]
            ),
            "/v1/events?after=3&limit=%26"
        );
    }
}
