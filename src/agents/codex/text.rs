//! What Codex makes of a text, and how its box shows one.

use std::path::Path;
use std::sync::LazyLock;

use crate::agents::echo::{is_most_of, visible};
use regex::Regex;

/// Characters from which on a paste is shown as a placeholder; a shorter one is always there to be read.
const PLACEHOLDER_FROM: usize = 1000;
/// Characters that the end of a text must at least have where its box is too low for the whole.
const TAIL_MIN: usize = 10;

/// Makes a text literal: a leading blank takes the meaning of a command from `/`, `!` and `?`, and a trailing one closes the list
/// of names that `@word` or `$word` at the end would open, in which Enter would choose. Codex cuts both on the way to the model.
pub fn prepare(text: &str) -> String {
    let lead = if text.starts_with(['/', '!', '?', '#']) {
        " "
    } else {
        ""
    };
    let trail = if text.ends_with(char::is_whitespace) { "" } else { " " };
    format!("{lead}{text}{trail}")
}

/// Blanks at both ends are cut; a text that is nothing but the path of a picture on this machine becomes the picture.
pub fn normalised(text: &str) -> String {
    static IMAGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\[Image #\d+\]$").expect("a constant pattern"));
    let text = text.trim();
    match IMAGE.is_match(text) || is_picture(text) {
        true => "[Image]".to_owned(),
        false => text.to_owned(),
    }
}

/// Codex reads the path as a shell would; a file that is there counts.
fn is_picture(text: &str) -> bool {
    const KINDS: [&str; 5] = ["png", "jpg", "jpeg", "gif", "webp"];
    if text.len() > PLACEHOLDER_FROM || !text.contains('/') {
        return false;
    }
    let Some([path]) = shlex::split(text).and_then(|words| <[String; 1]>::try_from(words).ok()) else {
        return false;
    };
    let path = Path::new(path.strip_prefix("file://").unwrap_or(&path));
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    KINDS.contains(&kind.to_ascii_lowercase().as_str()) && path.is_file()
}

/// Whether the box shows `text`: the whole, the placeholder of a long paste, or its end where the box is too low.
///
/// Blanks and characters without width do not count: the terminal wraps, pads and merges them. Of a text that is not plain ASCII the
/// box must show nothing that is not in it, in its order, and most of it. That it arrived exactly is proven by the hook.
pub fn shows(shown: &str, text: &str) -> bool {
    if is_placeholder(shown, text) || visible(shown).eq(visible(text)) {
        return true;
    }
    if normalised(shown) == "[Image]" && is_picture(text.trim()) {
        return true;
    }
    if let Some(end) = below_the_arrow(shown) {
        return is_end_of(&end, text);
    }
    !text.is_ascii() && is_most_of(shown, text)
}

/// `[Pasted Content 1500 chars]`, with a number behind it for the second one of the same length.
fn is_placeholder(shown: &str, text: &str) -> bool {
    let squeezed: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(rest) = squeezed.strip_prefix("[PastedContent") else {
        return false;
    };
    let Some((count, rest)) = rest.split_once("chars]") else {
        return false;
    };
    let again = rest.strip_prefix('#').unwrap_or(rest);
    count.parse() == Ok(text.chars().count()) && again.bytes().all(|b| b.is_ascii_digit())
}

/// What is shown of a text that goes beyond the box: Codex draws an arrow at the right end of its first row.
fn below_the_arrow(shown: &str) -> Option<String> {
    let (first, rest) = shown.split_once('\n')?;
    // It is drawn faint, so a reader of what is not faint sees the blanks before it at most.
    let first = first.trim_end().trim_end_matches('↑');
    Some(format!("{first}\n{rest}"))
}

fn is_end_of(end: &str, text: &str) -> bool {
    let end: Vec<char> = visible(end).collect();
    let all: Vec<char> = visible(text).collect();
    end.len() >= TAIL_MIN && text.chars().count() <= PLACEHOLDER_FROM && all.ends_with(&end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_command_arrives_as_text() {
        for text in [
            "/foo bar",
            "!ls",
            "?",
            "/etc/hosts is odd",
            "see @a",
            "use $x",
            "plain",
            " /x",
            "ends with \\",
        ] {
            let prepared = prepare(text);
            assert!(!prepared.starts_with(['/', '!', '?']), "{prepared}");
            assert!(prepared.ends_with(' '));
            assert_eq!(normalised(&prepared), text.trim());
        }
        assert_eq!(prepare("two\n"), "two\n");
    }

    #[test]
    fn a_path_of_a_picture_becomes_the_picture() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a b.png");
        std::fs::write(&path, "x").unwrap();
        let typed = format!("'{}'", path.display());
        assert_eq!(normalised(&typed), normalised("[Image #3]"));
        assert!(shows("[Image #1]", &prepare(&typed)));
        assert_eq!(normalised("look at /x/y.png"), "look at /x/y.png");
        assert!(!shows("[Image #1]", "hello"));
    }

    #[test]
    fn the_box_shows_the_whole_or_the_placeholder_or_the_end() {
        assert!(shows("fix the\nlogin", "fix the login "));
        assert!(!shows("fix the\nlogout", "fix the login"));
        let long = "x".repeat(1500);
        assert!(shows("[Pasted Content 1500 chars]", &long));
        assert!(shows("[Pasted Content 1500\nchars] #2", &long));
        assert!(!shows("[Pasted Content 1501 chars]", &long));
        assert!(!shows("hello [Pasted Content 1500 chars]", &long));
        let lines: Vec<String> = (1..60).map(|n| n.to_string()).collect();
        let text = lines.join("\n");
        assert!(shows(&lines[40..].join("\n"), &text));
        assert!(shows(&format!("41   ↑\n{}", lines[41..].join("\n")), &text));
        assert!(!shows(&lines[40..58].join("\n"), &text));
        assert!(!shows("9", &text));
        assert!(shows("👨\u{200d}👩 grüße", "👨\u{200d}👩\u{200d}👧 grüße"));
    }
}
