//! What keys do.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::app::{App, Flow, Phase};
use super::block;
use super::dialog::Answer;
use super::keys::Key;
use super::turn::{Doing, Turn};

/// The second Ctrl-C must come within this time.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// The choice of the dialog at the start that goes on.
const TRUST_YES: usize = 1;

impl App {
    pub fn press(&mut self, keys: Vec<Key>) -> Flow {
        for key in keys {
            self.touch();
            if key != Key::Cancel {
                self.leaving = None;
            }
            match &mut self.phase {
                Phase::Trust(dialog) => {
                    if let Some(answer) = dialog.press(&key) {
                        self.on_trust(answer)?;
                    }
                }
                Phase::Turn(Turn {
                    doing: Doing::Ask(dialog),
                    ..
                }) => {
                    if let Some(answer) = dialog.press(&key) {
                        self.on_answer(answer);
                    }
                }
                Phase::Idle | Phase::Turn(_) => self.edit(key)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn on_trust(&mut self, answer: Answer) -> Flow {
        if answer != Answer::Chosen(TRUST_YES) {
            return ControlFlow::Break(1);
        }
        self.begin();
        ControlFlow::Continue(())
    }

    fn edit(&mut self, key: Key) -> Flow {
        match key {
            Key::Char(c) => self.composer.insert(c.encode_utf8(&mut [0; 4])),
            Key::Newline => self.composer.insert("\n"),
            Key::Backspace => self.composer.backspace(),
            Key::ClearLine => self.composer.clear(),
            Key::Paste(text) => {
                self.composer.paste(text, block::box_room(self.size));
                self.last_paste = Some(Instant::now());
            }
            Key::Enter => self.enter(),
            Key::Escape => self.interrupt(),
            Key::Cancel => return self.cancel(),
            Key::Suspend => self.suspend(),
            Key::EndOfInput if self.composer.is_empty() && matches!(self.phase, Phase::Idle) => {
                return ControlFlow::Break(0);
            }
            Key::EndOfInput | Key::Up | Key::Down => {}
        }
        ControlFlow::Continue(())
    }

    fn enter(&mut self) {
        let quirks = &self.options.quirks;
        if self.last_paste.is_some_and(|at| at.elapsed() < quirks.swallow_enter) {
            return;
        }
        if quirks.backslash_newline && self.composer.ends_with('\\') {
            self.composer.backspace();
            return self.composer.insert("\n");
        }
        let text = self.composer.take();
        self.submit(text);
    }

    /// Ctrl-C: clears the box; on an empty box the second one leaves.
    fn cancel(&mut self) -> Flow {
        if self.is_hanging() {
            return ControlFlow::Continue(());
        }
        if !self.composer.is_empty() {
            self.composer.clear();
            return ControlFlow::Continue(());
        }
        let again = self.leaving.is_some_and(|at| at.elapsed() < LEAVE_WAIT);
        if again || self.options.quirks.cancel_exits {
            return ControlFlow::Break(0);
        }
        self.leaving = Some(Instant::now());
        ControlFlow::Continue(())
    }
}
