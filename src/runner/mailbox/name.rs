//! A file's name as text that can be shown, logged and turned back: whatever is not plain becomes `%XX`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Bytes that stand for themselves. `/` cannot be in a name.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%'
}

pub fn encode(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name {
        if is_plain(*byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The name that [`encode`] was given. `None` for what is no single name: it must never reach a system call as a path.
pub fn decode(text: &str) -> Option<OsString> {
    let mut name = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            name.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            name.push(byte);
        }
    }
    let is_single = !name.is_empty() && name != b"." && name != b".." && !name.iter().any(|b| [0, b'/'].contains(b));
    is_single.then(|| OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn every_name_comes_back(name in proptest::collection::vec(proptest::num::u8::ANY, 1..40)) {
            let text = encode(&name);
            proptest::prop_assert!(text.bytes().all(|b| b.is_ascii_graphic()));
            let single = name != b"." && name != b".." && !name.contains(&0) && !name.contains(&b'/');
            proptest::prop_assert_eq!(decode(&text).map(OsStringExt::into_vec), single.then_some(name));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_name() {
        for text in ["", ".", "..", "a/b", "%2F", "%2e%2e", "%0", "%zz", "a%00"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
