//! A pane's rendered screen, and what an agent's adapter reads from it.

use super::dialog::Dialog;

/// A capture of the visible part of a pane: what a person would see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// Rows from top to bottom, trailing blanks cut.
    pub rows: Vec<String>,
    /// The same rows with blanks in the place of what is drawn faint: hints and suggestions that nobody typed.
    pub strong: Vec<String>,
    /// Zero-based column and row.
    pub cursor: (u16, u16),
    /// The program shows the cursor: somewhere on its screen a text is typed.
    pub cursor_shown: bool,
    /// A person has the pane in copy mode or another tmux mode: keys would go there.
    pub in_mode: bool,
    /// Something was typed that the program has not read yet: it computes, or it is stopped, and its screen is older than what was
    /// typed.
    pub has_unread_input: bool,
    pub dead: bool,
}

impl Screen {
    /// A screen without any style.
    pub fn plain(rows: Vec<String>) -> Self {
        Self {
            strong: rows.clone(),
            rows,
            ..Self::default()
        }
    }

    /// A screen of lines with their style in escape sequences (`capture-pane -e`), filled up to `height` rows.
    pub fn styled(text: &str, height: usize) -> Self {
        let (mut rows, mut strong) = (Vec::new(), Vec::new());
        let mut faint = false;
        for line in text.lines() {
            let (all, without_faint) = styled_row(line, &mut faint);
            rows.push(all);
            strong.push(without_faint);
        }
        rows.resize(height, String::new());
        strong.resize(height, String::new());
        Self {
            rows,
            strong,
            ..Self::default()
        }
    }

    pub fn text(&self) -> String {
        let last = self.rows.iter().rposition(|row| !row.trim().is_empty());
        self.rows[..last.map_or(0, |i| i + 1)].join("\n")
    }

    /// The last `n` rows that are not blank.
    pub fn last_rows(&self, n: usize) -> Vec<&str> {
        let mut rows: Vec<&str> = self
            .rows
            .iter()
            .rev()
            .map(|row| row.trim_end())
            .filter(|row| !row.is_empty())
            .take(n)
            .collect();
        rows.reverse();
        rows
    }
}

/// One row without its escape sequences, and the same with the faint characters blanked. The style goes on in the next row.
fn styled_row(line: &str, faint: &mut bool) -> (String, String) {
    let (mut all, mut strong) = (String::new(), String::new());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest, faint),
            c if c.is_control() => {}
            c => {
                all.push(c);
                strong.push(if *faint { ' ' } else { c });
            }
        }
    }
    all.truncate(all.trim_end().len());
    strong.truncate(strong.trim_end().len());
    (all, strong)
}

fn skip_sequence(rest: &mut std::str::Chars<'_>, faint: &mut bool) {
    match rest.next() {
        Some('[') => {
            let mut parameters = String::new();
            for c in rest.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    if c == 'm' {
                        *faint = faint_after(&parameters, *faint);
                    }
                    return;
                }
                parameters.push(c);
            }
        }
        // An operating system command (a hyperlink) ends with BEL or ESC \.
        Some(']') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' {
                    return;
                }
                if c == '\u{1b}' {
                    rest.next();
                    return;
                }
            }
        }
        _ => {}
    }
}

/// A colour's own numbers (`38;2;R;G;B`, `38;5;N`) are not attributes.
fn faint_after(parameters: &str, before: bool) -> bool {
    let mut faint = before;
    let mut numbers = parameters.split(';');
    while let Some(number) = numbers.next() {
        match number {
            "" | "0" | "22" => faint = false,
            "2" => faint = true,
            "38" | "48" | "58" => {
                let skipped = match numbers.next() {
                    Some("2") => 3,
                    Some("5") => 1,
                    _ => 0,
                };
                numbers.by_ref().take(skipped).for_each(drop);
            }
            _ => {}
        }
    }
    faint
}

/// What an adapter reads from a screen. Hooks are the first authority; this is the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenReading {
    /// The agent's box is there and empty.
    ComposerEmpty,
    /// The agent's box holds text that is not yet submitted. `shown` is what can be read of it (a placeholder for long
    /// pastes).
    ComposerHolds { shown: String },
    /// A dialog is open; typed text would answer it.
    Dialog(Dialog),
    /// The agent works: it shows no box for text, or an empty one whose text would only be queued.
    Busy,
    /// Nothing that the adapter knows.
    Unknown,
}

impl ScreenReading {
    /// The word that `telecoder explain` and the tables of the screen corpus use.
    pub const fn word(&self) -> &'static str {
        match self {
            ScreenReading::ComposerEmpty => "empty",
            ScreenReading::ComposerHolds { .. } => "holds",
            ScreenReading::Dialog(_) => "dialog",
            ScreenReading::Busy => "busy",
            ScreenReading::Unknown => "unknown",
        }
    }
}

/// A reading with the rule that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    pub reading: ScreenReading,
    /// The rule's name; none where code decided, or nothing matched.
    pub rule: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_faint_is_told_apart() {
        let text = "\u{1b}[1m> \u{1b}[0;2mTry this\u{1b}[0m!\nplain\u{1b}[38;2;2;2;2m grey \u{1b}[39m\u{1b}[2mrest\ngoes on\u{1b}[22m end";
        let screen = Screen::styled(text, 4);
        assert_eq!(screen.rows, ["> Try this!", "plain grey rest", "goes on end", ""]);
        assert_eq!(screen.strong, [">         !", "plain grey", "        end", ""]);
        let link = Screen::styled("a\u{1b}]8;;http://x\u{1b}\\b\u{1b}]8;;\u{7}c\u{e}d", 1);
        assert_eq!(link.rows, ["abcd"]);
    }
}
