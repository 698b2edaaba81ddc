//! What is known of a chat beside its messages: whether it can be written to, how much it wants to hear, and its topics.

use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros};
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::{SessionId, TurnId};
use crate::domain::route::ChatRef;

/// Steps of one turn that are kept.
const STEPS_MAX: usize = 200;

/// A session's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub session: SessionId,
    pub chat_id: i64,
    /// None until it is made.
    pub thread_id: Option<i64>,
    /// Why it cannot be made: messages stand in the chat itself then.
    pub refused: Option<String>,
    /// What it is called now.
    pub title: Option<String>,
    pub closed: bool,
}

/// The message that shows how a turn goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub turn: TurnId,
    pub to: ChatRef,
    pub message_id: Option<i64>,
    /// One line for each step, the newest last.
    pub steps: Vec<String>,
}

impl Tx<'_> {
    /// Why the chat cannot be written to; none when it can, as far as is known.
    pub fn unreachable(&self, channel: &str, chat_id: i64) -> Result<Option<String>> {
        let found = self.maybe(
            "SELECT unreachable FROM chats WHERE channel = ?1 AND chat_id = ?2",
            params![channel, chat_id],
            |row| row.maybe_text("unreachable"),
        )?;
        Ok(found.flatten())
    }

    /// True when it is news. What waits for an unreachable chat is kept until it can be reached again.
    pub fn set_unreachable(&self, channel: &str, chat_id: i64, why: Option<&str>) -> Result<bool> {
        if self.unreachable(channel, chat_id)?.is_some() == why.is_some() {
            return Ok(false);
        }
        self.run(
            "INSERT INTO chats (channel, chat_id, unreachable) VALUES (?1, ?2, ?3)
             ON CONFLICT (channel, chat_id) DO UPDATE SET unreachable = excluded.unreachable",
            params![channel, chat_id, why],
        )?;
        Ok(true)
    }

    /// How much the chat wants to hear, in the bridge's word.
    pub fn chat_level(&self, channel: &str, chat_id: i64) -> Result<Option<String>> {
        let found = self.maybe(
            "SELECT level FROM chats WHERE channel = ?1 AND chat_id = ?2",
            params![channel, chat_id],
            |row| row.maybe_text("level"),
        )?;
        Ok(found.flatten())
    }

    pub fn set_chat_level(&self, channel: &str, chat_id: i64, level: &str) -> Result<()> {
        self.run(
            "INSERT INTO chats (channel, chat_id, level) VALUES (?1, ?2, ?3)
             ON CONFLICT (channel, chat_id) DO UPDATE SET level = excluded.level",
            params![channel, chat_id, level],
        )?;
        Ok(())
    }

    /// What the chat's last prompt was, in the bridge's words: a double tap sends one twice.
    pub fn last_prompt(&self, channel: &str, chat_id: i64) -> Result<Option<String>> {
        let found = self.maybe(
            "SELECT last_prompt FROM chats WHERE channel = ?1 AND chat_id = ?2",
            params![channel, chat_id],
            |row| row.maybe_text("last_prompt"),
        )?;
        Ok(found.flatten())
    }

    pub fn set_last_prompt(&self, channel: &str, chat_id: i64, prompt: &str) -> Result<()> {
        self.run(
            "INSERT INTO chats (channel, chat_id, last_prompt) VALUES (?1, ?2, ?3)
             ON CONFLICT (channel, chat_id) DO UPDATE SET last_prompt = excluded.last_prompt",
            params![channel, chat_id, prompt],
        )?;
        Ok(())
    }

    /// Whether the chat takes no reactions.
    pub fn has_no_reactions(&self, channel: &str, chat_id: i64) -> Result<bool> {
        let sql = "SELECT count(*) FROM chats WHERE channel = ?1 AND chat_id = ?2 AND no_reactions = 1";
        Ok(self.count(sql, params![channel, chat_id])? > 0)
    }

    pub fn set_no_reactions(&self, channel: &str, chat_id: i64) -> Result<()> {
        self.run(
            "INSERT INTO chats (channel, chat_id, no_reactions) VALUES (?1, ?2, 1)
             ON CONFLICT (channel, chat_id) DO UPDATE SET no_reactions = 1",
            params![channel, chat_id],
        )?;
        Ok(())
    }

    /// Wants a topic for a session; nothing changes when it has one, or had one refused.
    pub fn want_topic(&self, session: &SessionId, channel: &str, chat_id: i64) -> Result<()> {
        self.run(
            "INSERT INTO topics (session, channel, chat_id, wanted_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (session) DO NOTHING",
            params![session.as_str(), channel, chat_id, micros(self.now)],
        )?;
        Ok(())
    }

    /// Ties a topic that is already there to a session.
    pub fn tie_topic(&self, session: &SessionId, chat: &ChatRef) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO topics (session, channel, chat_id, thread_id, wanted_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![session.as_str(), chat.channel, chat.chat_id, chat.thread_id, micros(self.now)],
        )?;
        Ok(())
    }

    pub fn topic(&self, session: &SessionId) -> Result<Option<Topic>> {
        self.maybe(
            "SELECT * FROM topics WHERE session = ?1",
            [session.as_str()],
            read_topic,
        )
    }

    /// The topic that a thread is.
    pub fn topic_of_thread(&self, chat: &ChatRef) -> Result<Option<Topic>> {
        self.maybe(
            "SELECT * FROM topics WHERE channel = ?1 AND chat_id = ?2 AND thread_id = ?3",
            params![chat.channel, chat.chat_id, chat.thread_id],
            read_topic,
        )
    }

    /// Topics that are wanted and not made yet.
    pub fn wanted_topics(&self, channel: &str) -> Result<Vec<Topic>> {
        self.all(
            "SELECT * FROM topics WHERE channel = ?1 AND thread_id IS NULL AND refused IS NULL
             AND (not_before IS NULL OR not_before <= ?2) ORDER BY wanted_at",
            params![channel, micros(self.now)],
            read_topic,
        )
    }

    /// Topics that are there, of sessions that changed or not.
    pub fn made_topics(&self, channel: &str) -> Result<Vec<Topic>> {
        self.all(
            "SELECT * FROM topics WHERE channel = ?1 AND thread_id IS NOT NULL AND refused IS NULL ORDER BY wanted_at",
            [channel],
            read_topic,
        )
    }

    pub fn topic_later(&self, session: &SessionId, wait_ms: u64) -> Result<()> {
        self.run(
            "UPDATE topics SET not_before = ?2 WHERE session = ?1",
            params![session.as_str(), self.in_ms(wait_ms)],
        )?;
        Ok(())
    }

    /// It cannot be had: messages of the session stand in the chat itself from now on.
    pub fn refuse_topic(&self, session: &SessionId, why: &str) -> Result<()> {
        self.run(
            "UPDATE topics SET refused = ?2, thread_id = NULL, not_before = NULL WHERE session = ?1",
            params![session.as_str(), why],
        )?;
        let Some(topic) = self.topic(session)? else {
            return Ok(());
        };
        let place = ChatRef {
            channel: self.channel_of_topic(session)?,
            chat_id: topic.chat_id,
            thread_id: None,
        };
        self.bind_chat(session, &place)?;
        self.move_open_messages_to(session, &place)
    }

    fn channel_of_topic(&self, session: &SessionId) -> Result<String> {
        let sql = "SELECT channel FROM topics WHERE session = ?1";
        let found = self.maybe(sql, [session.as_str()], |row| row.text("channel"))?;
        Ok(found.unwrap_or_default())
    }

    /// It is gone from the chat: a new one is wanted.
    pub fn lose_topic(&self, session: &SessionId) -> Result<()> {
        self.run(
            "UPDATE topics SET thread_id = NULL, title = NULL, closed = 0, wanted_at = ?2, not_before = NULL WHERE session = ?1",
            params![session.as_str(), micros(self.now)],
        )?;
        Ok(())
    }

    /// How the topic stands in the chat now.
    pub fn set_topic_shape(&self, session: &SessionId, title: &str, closed: bool) -> Result<()> {
        self.run(
            "UPDATE topics SET title = ?2, closed = ?3 WHERE session = ?1",
            params![session.as_str(), title, closed],
        )?;
        Ok(())
    }

    /// The topic is made: the session, what waits for it and the topic's binding move there.
    pub fn topic_made(&self, session: &SessionId, place: &ChatRef, title: &str) -> Result<()> {
        self.run(
            "UPDATE topics SET thread_id = ?2, title = ?3, closed = 0, not_before = NULL WHERE session = ?1",
            params![session.as_str(), place.thread_id, title],
        )?;
        self.set_active_session(place, Some(session))?;
        self.bind_chat(session, place)?;
        self.move_open_messages_to(session, place)
    }

    /// Wants a message that shows how a turn goes.
    pub fn want_progress(&self, turn: &TurnId, to: &ChatRef, not_before_ms: u64) -> Result<()> {
        self.run(
            "INSERT INTO progress (turn, channel, chat_id, thread_id, state, steps, not_before)
             VALUES (?1, ?2, ?3, ?4, 'wanted', '[]', ?5) ON CONFLICT (turn) DO NOTHING",
            params![
                turn.as_str(),
                to.channel,
                to.chat_id,
                to.thread_id,
                self.in_ms(not_before_ms)
            ],
        )?;
        Ok(())
    }

    pub fn progress(&self, turn: &TurnId) -> Result<Option<Progress>> {
        self.maybe("SELECT * FROM progress WHERE turn = ?1", [turn.as_str()], read_progress)
    }

    /// Progress messages that are to be sent now.
    pub fn due_progress(&self, channel: &str) -> Result<Vec<Progress>> {
        self.all(
            "SELECT * FROM progress WHERE channel = ?1 AND state = 'wanted' AND not_before <= ?2
             AND NOT EXISTS (SELECT 1 FROM chats WHERE chats.channel = progress.channel AND chats.chat_id = progress.chat_id
                             AND unreachable IS NOT NULL)
             ORDER BY not_before LIMIT 8",
            params![channel, micros(self.now)],
            read_progress,
        )
    }

    /// When the next progress message is to be sent that is not due yet.
    pub fn next_progress_at(&self, channel: &str) -> Result<Option<Timestamp>> {
        self.maybe(
            "SELECT not_before FROM progress WHERE channel = ?1 AND state = 'wanted' AND not_before > ?2
             ORDER BY not_before LIMIT 1",
            params![channel, micros(self.now)],
            |row| row.time("not_before"),
        )
    }

    /// Progress messages that stand in a chat and are not over.
    pub fn standing_progress(&self, channel: &str) -> Result<Vec<Progress>> {
        self.all(
            "SELECT * FROM progress WHERE channel = ?1 AND state = 'standing'
             AND NOT EXISTS (SELECT 1 FROM chats WHERE chats.channel = progress.channel AND chats.chat_id = progress.chat_id
                             AND unreachable IS NOT NULL)
             ORDER BY turn",
            [channel],
            read_progress,
        )
    }

    /// What the agent does now, as one more line of a turn's progress. Nothing happens where no progress is shown.
    pub fn add_progress_step(&self, turn: &TurnId, step: &str) -> Result<()> {
        let Some(mut progress) = self.progress(turn)? else {
            return Ok(());
        };
        if progress.steps.len() < STEPS_MAX {
            progress.steps.push(step.to_owned());
        } else if let Some(last) = progress.steps.last_mut() {
            *last = step.to_owned();
        }
        let steps = super::rows::to_json(&progress.steps)?;
        self.run(
            "UPDATE progress SET steps = ?2 WHERE turn = ?1",
            params![turn.as_str(), steps],
        )?;
        Ok(())
    }

    /// It is being sent. A progress message is never sent a second time: better none than two.
    pub fn begin_progress(&self, turn: &TurnId) -> Result<()> {
        self.run("UPDATE progress SET state = 'sending' WHERE turn = ?1", [turn.as_str()])?;
        Ok(())
    }

    /// It can be seen: in this message, or without one as a draft.
    pub fn progress_stands(&self, turn: &TurnId, message_id: Option<i64>) -> Result<()> {
        self.run(
            "UPDATE progress SET message_id = ?2, state = iif(state = 'over', 'over', 'standing') WHERE turn = ?1",
            params![turn.as_str(), message_id],
        )?;
        Ok(())
    }

    pub fn end_progress(&self, turn: &TurnId) -> Result<()> {
        self.run("UPDATE progress SET state = 'over' WHERE turn = ?1", [turn.as_str()])?;
        Ok(())
    }
}

fn read_topic(row: &Row<'_>) -> Result<Topic> {
    Ok(Topic {
        session: row.id("session")?,
        chat_id: row.integer("chat_id")?,
        thread_id: row.maybe_integer("thread_id")?,
        refused: row.maybe_text("refused")?,
        title: row.maybe_text("title")?,
        closed: row.flag("closed")?,
    })
}

fn read_progress(row: &Row<'_>) -> Result<Progress> {
    Ok(Progress {
        turn: row.id("turn")?,
        to: ChatRef {
            channel: row.text("channel")?,
            chat_id: row.integer("chat_id")?,
            thread_id: row.maybe_integer("thread_id")?,
        },
        message_id: row.maybe_integer("message_id")?,
        steps: row.json("steps")?,
    })
}
