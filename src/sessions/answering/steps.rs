//! An answer that is given on the screen: key by key, each only where the screen shows that it will do what it is meant to do.

use std::time::Duration;

use tokio::time::Instant;

use super::refusals::{half_way, moved_on, still_there, window_gone};
use super::{Answering, LOOK_PAUSE};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogDigest, DialogRow};
use crate::domain::fault::Result;
use crate::domain::ids::LetterId;
use crate::domain::screen::{Screen, ScreenReading};
use crate::domain::text::sanitise;
use crate::sessions::pulse::Patience;
use crate::tmux::Guarded;

/// How long a dialog may stay on the screen after what answers it, and how long a key or a text may take to show in it.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// A key that has changed nothing for so long was lost: a busy program was seen to take more than 2 s without computing.
const LOST_AFTER: Duration = Duration::from_secs(5);
/// Pause between keys of one answer: programs that redraw between them lose faster ones.
pub(super) const KEY_PAUSE: Duration = Duration::from_millis(100);
const ENTER: &str = "Enter";
/// They empty the row for a text, and elsewhere do something else: Ctrl-C gives the question up.
const EMPTYING: [&str; 2] = ["C-c", "C-u"];

/// The steps that give an answer to a dialog.
pub(super) struct Course<'a> {
    pub shown: &'a Dialog,
    pub steps: &'a [AnswerStep],
    /// The one choice (from 0) that the steps lead to, if they lead to one.
    pub chosen: Option<usize>,
    /// The first key may be pressed once more where it did nothing: what it does would show, and twice is not more than once.
    pub may_repeat: bool,
    /// The dialog that is on record meanwhile.
    pub recorded: &'a DialogDigest,
}

impl<'a> Course<'a> {
    pub fn of(shown: &'a Dialog, answer: &DialogAnswer, steps: &'a [AnswerStep]) -> Self {
        let chosen = shown.chosen(answer);
        let would_show = match answer {
            // A tick may be out of sight, and two of them are none.
            DialogAnswer::Several { .. } => false,
            DialogAnswer::Text(_) => true,
            // A mark that is a colour alone is not read; one that is there already does not move.
            _ => steps.len() == 1 || (shown.selected.is_some() && shown.selected != chosen),
        };
        Self {
            shown,
            steps,
            chosen,
            // In the row for a text a key may be a letter, or leave the question.
            may_repeat: would_show && !shown.is_in_own_words(),
            recorded: &shown.digest,
        }
    }

    fn is_of_a_choice(&self, key: &str) -> bool {
        let mut choices = self.shown.choices.iter().filter(|choice| !choice.own_words);
        choices.any(|choice| choice.key == key)
    }

    /// Whether the dialog, as it is now, is ready for the step at this place: a text where no text is asked for would be so many keys,
    /// the key of a choice would be text in the row for one, and Enter takes what is marked. Where an agent's screen does not show the
    /// mark, its keys are trusted.
    fn is_ready_for(&self, at: usize, now: &Dialog) -> bool {
        let before = at.checked_sub(1).map(|before| &self.steps[before]);
        match (&self.steps[at], self.chosen, now.selected) {
            // What goes on was seen to stand where it belongs.
            (AnswerStep::Text(_), ..) if matches!(before, Some(AnswerStep::Text(_))) => true,
            (AnswerStep::Text(_), ..) => now.is_in_own_words(),
            (AnswerStep::Key(key), ..) if EMPTYING.contains(&key.as_str()) => now.is_in_own_words(),
            (AnswerStep::Key(key), ..) if self.is_of_a_choice(key) => !now.is_in_own_words(),
            (AnswerStep::Key(key), Some(wanted), Some(marked)) if key == ENTER => {
                let label = |dialog: &Dialog, at: usize| dialog.choices.get(at).map(|choice| choice.label.clone());
                label(now, marked) == label(self.shown, wanted)
            }
            _ => true,
        }
    }
}

impl Answering<'_> {
    /// Takes the steps one after the other, each only while the dialog is there; then waits until it is gone. The dialog that came
    /// at once behind it, if one did.
    pub(super) async fn take(&self, course: &Course<'_>) -> Result<Option<Dialog>> {
        let asker = self.asker_on_record().await?;
        for (at, step) in course.steps.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(KEY_PAUSE).await;
            }
            let before = self.await_ready(course, at).await?;
            match step {
                AnswerStep::Key(key) => {
                    self.press_one(key).await?;
                    let may_repeat = at == 0 && course.may_repeat && self.adapter.loses_early_keys();
                    if let Some(before) = before.filter(|_| may_repeat)
                        && self.is_lost(course, &before, &asker).await?
                    {
                        tracing::info!(session.id = %self.session.id, key, "a key did nothing and is pressed again");
                        self.press_one(key).await?;
                    }
                }
                AnswerStep::Text(text) => self.paste(course.shown, text).await?,
            }
        }
        self.await_gone(course.shown, course.recorded).await
    }

    async fn press_one(&self, key: &String) -> Result<()> {
        let keys = std::slice::from_ref(key);
        self.engine.press(&self.session.id, &self.pane, keys).await
    }

    /// A key after the dialog went away would go to the agent's box. The screen on which the step is to be taken, where it can be read.
    async fn await_ready(&self, course: &Course<'_>, at: usize) -> Result<Option<Screen>> {
        if !self.adapter.box_is_readable() {
            return Ok(None);
        }
        let shown = course.shown;
        let mut patience = self.patience();
        let elsewhere_until = Instant::now() + CLOSE_LIMIT;
        loop {
            let screen = self.engine.0.tmux.screen(&self.pane).await?;
            let may_come = match self.adapter.read_screen(&screen) {
                _ if screen.in_mode => false,
                // The first keys may be counted from the choice that is marked.
                ScreenReading::Dialog(now) if at == 0 && now.selected != shown.selected => {
                    return Err(moved_on(self.session));
                }
                ScreenReading::Dialog(now) if now.asks_the_same(shown) => {
                    if !screen.has_unread_input && course.is_ready_for(at, &now) {
                        return Ok(Some(screen));
                    }
                    // A key that is not read yet is not on the screen either.
                    true
                }
                // In the middle of a repaint anything may be.
                ScreenReading::Unknown => true,
                _ => Instant::now() < elsewhere_until,
            };
            if !may_come || !patience.lasts(&self.launch_dir(), screen.has_unread_input).await {
                return Err(half_way(self.session));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Whether the key that was just pressed did nothing at all, though everything that was typed was read and the agent does not
    /// compute. False as soon as anything has changed.
    async fn is_lost(&self, course: &Course<'_>, before: &Screen, asker: &Option<LetterId>) -> Result<bool> {
        let mut patience = Patience::new(LOST_AFTER, self.deadline);
        // A window that is gone has no dialog.
        while let Ok(screen) = self.engine.0.tmux.screen(&self.pane).await {
            // The agent may have gone on and ask the same again: then something else on the screen is new, or the record is.
            let is_untouched = screen.rows == before.rows
                && screen.cursor == before.cursor
                && !screen.in_mode
                && self.digest_on_record().await?.as_ref() == Some(course.recorded)
                && self.asker_on_record().await? == *asker;
            if !is_untouched {
                return Ok(false);
            }
            if !patience.lasts(&self.launch_dir(), screen.has_unread_input).await {
                return Ok(!screen.has_unread_input && !patience.is_at_its_end());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(false)
    }

    fn patience(&self) -> Patience {
        Patience::new(CLOSE_LIMIT, self.deadline)
    }

    /// Pastes a text into the dialog, and waits until it stands there.
    async fn paste(&self, shown: &Dialog, text: &str) -> Result<()> {
        let text = sanitise(text);
        let tmux = &self.engine.0.tmux;
        let prepared = tmux.prepare_paste(&text).await?;
        match tmux.paste_prepared(&self.pane, &self.session.id, prepared).await? {
            Guarded::Done => {}
            Guarded::Mismatch => return Err(window_gone(&self.session.id)),
        }
        let mut patience = self.patience();
        loop {
            let screen = tmux.screen(&self.pane).await?;
            if let ScreenReading::Dialog(now) = self.adapter.read_screen(&screen)
                && now.asks_the_same(shown)
                && self.adapter.answer_shows(&screen, &text.text)
            {
                return Ok(());
            }
            if !patience.lasts(&self.launch_dir(), screen.has_unread_input).await {
                return Err(half_way(self.session));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Waits until what was answered is off the screen. The dialog that came at once behind it, if one did.
    pub(super) async fn await_gone(&self, answered: &Dialog, recorded: &DialogDigest) -> Result<Option<Dialog>> {
        if !self.adapter.box_is_readable() {
            return Ok(None);
        }
        let mut patience = self.patience();
        loop {
            // A window that is gone has no dialog.
            let Ok(screen) = self.engine.0.tmux.screen(&self.pane).await else {
                return Ok(None);
            };
            match self.adapter.read_screen(&screen) {
                ScreenReading::Dialog(shown) if shown.asks_the_same(answered) => {}
                ScreenReading::Dialog(other) => return Ok(Some(other)),
                // A screen in the middle of a repaint says nothing.
                ScreenReading::Unknown => {}
                _ => return Ok(None),
            }
            // The turn may end, or another tool ask, faster than we look: what is on record counts, too.
            if self.digest_on_record().await?.as_ref() != Some(recorded) {
                return Ok(None);
            }
            if !patience.lasts(&self.launch_dir(), screen.has_unread_input).await {
                return Err(still_there(self.session));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    async fn digest_on_record(&self) -> Result<Option<DialogDigest>> {
        Ok(self.row().await?.map(|open| open.dialog.digest))
    }

    /// The hook that waits for a decision on the dialog that is on record.
    async fn asker_on_record(&self) -> Result<Option<LetterId>> {
        let asker = self.row().await?.and_then(|open| open.dialog.asker);
        Ok(asker.and_then(|asker| asker.letter))
    }

    pub(super) async fn row(&self) -> Result<Option<DialogRow>> {
        let id = self.session.id.clone();
        self.engine.0.store.read(move |tx| tx.dialog(&id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dialog::{DialogChoice, DialogKind};

    /// A question with two choices and a row for a text, and the mark in one of them.
    fn asked(selected: Option<usize>) -> Dialog {
        let mut choices: Vec<DialogChoice> = ["Red", "Blue", "Other"]
            .iter()
            .enumerate()
            .map(|(at, label)| DialogChoice::new(&(at + 1).to_string(), label, None))
            .collect();
        choices[2].own_words = true;
        Dialog {
            selected,
            free_text: true,
            ..Dialog::new(DialogKind::Question, "which?", "", choices)
        }
    }

    #[track_caller]
    fn check(answer: DialogAnswer, step: AnswerStep, marked: Option<usize>, expected: bool) {
        let shown = asked(Some(0));
        let steps = [AnswerStep::Key("3".into()), step];
        let course = Course::of(&shown, &answer, &steps);
        let is_ready = course.is_ready_for(1, &asked(marked));
        assert_eq!(is_ready, expected, "{answer:?} {marked:?}");
    }

    #[test]
    fn a_text_waits_for_its_row_and_enter_for_the_mark() {
        let text = || AnswerStep::Text("2 of each".into());
        let key = |name: &str| AnswerStep::Key(name.into());
        check(DialogAnswer::Text("2 of each".into()), text(), Some(0), false);
        check(DialogAnswer::Text("2 of each".into()), text(), None, false);
        check(DialogAnswer::Text("2 of each".into()), text(), Some(2), true);
        check(DialogAnswer::Choice(2), key(ENTER), Some(0), false);
        check(DialogAnswer::Choice(2), key(ENTER), Some(1), true);
        check(DialogAnswer::Choice(2), key(ENTER), None, true);
        check(DialogAnswer::Choice(2), key("Down"), Some(0), true);
        check(DialogAnswer::Choice(2), key("2"), Some(0), true);
        check(DialogAnswer::Choice(2), key("2"), Some(2), false);
        check(DialogAnswer::Text("mine".into()), key("C-c"), Some(0), false);
        check(DialogAnswer::Text("mine".into()), key("C-c"), Some(2), true);
    }

    #[test]
    fn only_a_key_whose_work_would_show_is_pressed_again() {
        let keys = |names: &[&str]| AnswerStep::keys(names.iter().map(|name| (*name).to_owned()).collect());
        let may_repeat = |marked, answer, names: &[&str]| Course::of(&asked(marked), &answer, &keys(names)).may_repeat;
        let several = DialogAnswer::Several {
            choices: vec![1],
            text: None,
        };
        assert!(may_repeat(None, DialogAnswer::Choice(2), &["2"]));
        assert!(may_repeat(Some(0), DialogAnswer::Choice(2), &["Down", "Enter"]));
        assert!(may_repeat(Some(0), DialogAnswer::Text("mine".into()), &["3"]));
        // Only moves the mark, which is there (Codex).
        assert!(!may_repeat(Some(1), DialogAnswer::Choice(2), &["2", "Enter"]));
        assert!(!may_repeat(Some(2), DialogAnswer::Text("mine".into()), &["C-c"]));
        assert!(!may_repeat(None, DialogAnswer::Choice(2), &["Right", "Enter"]));
        assert!(!may_repeat(Some(0), several, &["1", "Enter"]));
    }
}
