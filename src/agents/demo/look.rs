//! How the agent's screen looks: what the program draws and the reader recognises stands here once.
//!
//! Every row of the transcript area begins with a gutter of two columns, so only the block at the bottom has anything in
//! column 0. That, and the block always being last, keeps echoed text from passing for a box.

/// The first two columns of each row of the transcript area.
pub const GUTTER_PROMPT: &str = "› ";
pub const GUTTER_REPLY: &str = "● ";
pub const GUTTER_REST: &str = "  ";

/// The status row while the agent works (or is limited); blank when it is idle.
pub const WORKING: &str = "✳ ";
/// A row above the box for each prompt that waits.
pub const QUEUED: &str = "» ";

pub const TOP_LEFT: char = '╭';
pub const TOP_RIGHT: char = '╮';
pub const BOTTOM_LEFT: char = '╰';
pub const BOTTOM_RIGHT: char = '╯';
pub const LINE: char = '─';
pub const SIDE: char = '│';

/// What follows the left side in the first and in the other rows of the prompt box.
pub const PROMPT_MARK: &str = " > ";
pub const PROMPT_REST: &str = "   ";
/// Columns of a box that hold no text: sides, blanks and mark.
pub const BOX_COLUMNS: usize = 6;

/// Before the chosen and the other choices of a dialog.
pub const CHOSEN: &str = "❯ ";
pub const NOT_CHOSEN: &str = "  ";

/// The title of a question, its row for a text of one's own, and the marks where several may be taken.
pub const QUESTION: &str = "Question";
pub const OWN_ROW: &str = "Type something";
pub const TICKED: &str = "[x] ";
pub const NOT_TICKED: &str = "[ ] ";

/// What the box shows instead of a long paste. `number` counts the placeholders of this run of the program.
pub fn placeholder(number: u32, text: &str) -> String {
    let (characters, lines) = measure(text);
    format!("[pasted text #{number}: {characters} characters, {lines} lines]")
}

/// Whether `shown` is one placeholder, and its numbers are those of `text`. Blanks do not count: a narrow box wraps.
pub fn placeholder_fits(shown: &str, text: &str) -> bool {
    let squeezed: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    let Some(rest) = squeezed.strip_prefix("[pastedtext#") else {
        return false;
    };
    let Some((number, rest)) = rest.split_once(':') else {
        return false;
    };
    let (characters, lines) = measure(text);
    number.parse::<u32>().is_ok() && rest == format!("{characters}characters,{lines}lines]")
}

fn measure(text: &str) -> (usize, usize) {
    (text.chars().count(), text.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_fits_its_own_numbers_only() {
        let shown = placeholder(3, "a\nbc");
        assert_eq!(shown, "[pasted text #3: 4 characters, 2 lines]");
        assert!(placeholder_fits(&shown, "x\nyz"));
        assert!(placeholder_fits("[pasted text #12: 4 charac ters, 2 lines]", "x\nyz"));
        assert!(!placeholder_fits(&shown, "xyzw"));
        assert!(!placeholder_fits(&shown, "x\nyzw"));
        assert!(!placeholder_fits(&format!("hello {shown}"), "x\nyz"));
        assert!(!placeholder_fits(&format!("{shown} hello"), "x\nyz"));
        assert!(!placeholder_fits("[pasted text #x: 4 characters, 2 lines]", "x\nyz"));
    }
}
