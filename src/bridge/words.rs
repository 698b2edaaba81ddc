//! What the bridge says, in Markdown.

use crate::channels::telegram::markdown::{code, escape, fence};
use crate::domain::Timestamp;
use crate::domain::fault::Fault;
use crate::domain::session::{Session, SessionState};

/// A fault for a person: what happened, and the way out.
pub(super) fn fault(fault: &Fault) -> String {
    let message = escape(&sentence(&fault.message));
    match &fault.hint {
        Some(hint) => format!("{message}\n{}", escape(hint)),
        None => message,
    }
}

/// Why a prompt was not taken. When a dialog is in the way, it is shown, with what can be done about it.
pub(super) fn refusal(refused: &Fault, session: Option<&Session>) -> String {
    let open_dialog = session.filter(|session| session.status.state == SessionState::NeedsInput);
    let Some(session) = open_dialog else {
        return format!("Not sent. {}", fault(refused));
    };
    format!(
        "Not sent: {} waits for an answer, and text would be taken for one.\n\n{}\n\nLook with /screen, answer with /key (for example \
         `/key Down Enter`), then send your message again.",
        code(session.name.as_str()),
        fence(&session.status.reason.text),
    )
}

/// First letter large, a full stop at the end unless an id or quote ends it.
pub(super) fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let rest = chars.as_str();
    let stop = if fragment.ends_with(|c: char| c.is_alphanumeric()) {
        "."
    } else {
        ""
    };
    format!("{first}{rest}{stop}")
}

/// `3 min`, counted from `since`.
pub(super) fn how_long(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - since.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// One line of a longer text, with a mark where it was cut.
pub(super) fn excerpt(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= chars_max {
        return line;
    }
    let cut: String = line.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_so_that_ids_can_be_copied() {
        assert_eq!(sentence("no session is active"), "No session is active.");
        assert_eq!(sentence("no session `x`"), "No session `x`");
    }

    #[test]
    fn times_are_short() {
        let at = |seconds| Timestamp::from_second(seconds).expect("in range");
        assert_eq!(how_long(at(0), at(59)), "59 s");
        assert_eq!(how_long(at(0), at(3599)), "59 min");
        assert_eq!(how_long(at(0), at(7260)), "2 h 1 min");
        assert_eq!(how_long(at(10), at(0)), "0 s");
        assert_eq!(how_long(at(0), at(90_000)), "1 d 1 h");
    }

    #[test]
    fn excerpts_are_one_line() {
        assert_eq!(excerpt("a\n b  c", 10), "a b c");
        assert_eq!(excerpt("abcdef", 4), "abc…");
    }
}
