//! What the Telegram channel has to remember: updates, the offset, which session a chat talks to, which session a sent
//! message belongs to.

use jiff::SignedDuration;
use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::route::ChatRef;

/// How long a finished update's id is remembered. Telegram itself forgets an update after a day; after a quiet week it may
/// begin its numbers anew, and then an old id must not hide a new update.
const UPDATES_REMEMBERED: SignedDuration = SignedDuration::from_hours(3 * 24);

/// An update whose row is stored and whose action is not done yet.
#[derive(Debug, Clone)]
pub struct StoredUpdate {
    pub update_id: i64,
    pub raw: serde_json::Value,
}

impl Tx<'_> {
    /// The offset for the next getUpdates of this bot; none before its first batch. With the offset of another bot, whose
    /// numbers may be higher, its messages would never come.
    pub fn telegram_offset(&self, bot: i64) -> Result<Option<i64>> {
        let sql = "SELECT next_update FROM telegram_offset WHERE bot IS NULL OR bot = ?1";
        self.maybe(sql, [bot], |row| row.integer("next_update"))
    }

    pub fn set_telegram_offset(&self, bot: i64, offset: i64) -> Result<()> {
        self.run(
            "INSERT INTO telegram_offset (one, bot, next_update) VALUES (1, ?1, ?2)
             ON CONFLICT (one) DO UPDATE SET bot = excluded.bot, next_update = excluded.next_update",
            [bot, offset],
        )?;
        Ok(())
    }

    /// Stores a raw update, state `pending`; false when its id is already stored.
    pub fn insert_update(&self, update_id: i64, raw: &serde_json::Value) -> Result<bool> {
        let horizon = self.now.checked_sub(UPDATES_REMEMBERED).unwrap_or(Timestamp::MIN);
        self.run("DELETE FROM telegram_updates WHERE finished_at < ?1", [micros(horizon)])?;
        let new = self.run(
            "INSERT INTO telegram_updates (update_id, raw, received_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (update_id) DO NOTHING",
            params![update_id, to_json(raw)?, micros(self.now)],
        )?;
        Ok(new == 1)
    }

    /// What an update that is not finished holds.
    pub fn update_content(&self, update_id: i64) -> Result<serde_json::Value> {
        let found = self.maybe(
            "SELECT raw FROM telegram_updates WHERE update_id = ?1 AND raw IS NOT NULL",
            [update_id],
            |row| row.json("raw"),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Marks an update as done: nothing remains to be executed for it. Its content is dropped; its id is remembered.
    pub fn finish_update(&self, update_id: i64) -> Result<()> {
        self.run(
            "UPDATE telegram_updates SET finished_at = ?2, raw = NULL WHERE update_id = ?1 AND finished_at IS NULL",
            params![update_id, micros(self.now)],
        )?;
        Ok(())
    }

    /// Updates whose action was not finished (a crash between storing and doing), oldest first.
    pub fn pending_updates(&self) -> Result<Vec<StoredUpdate>> {
        self.all(
            "SELECT * FROM telegram_updates WHERE finished_at IS NULL ORDER BY update_id",
            [],
            |row| {
                Ok(StoredUpdate {
                    update_id: row.integer("update_id")?,
                    raw: row.json("raw")?,
                })
            },
        )
    }

    /// The session that plain text of this chat goes to.
    pub fn active_session(&self, chat: &ChatRef) -> Result<Option<SessionId>> {
        self.maybe(
            "SELECT * FROM bindings WHERE channel = ?1 AND chat_id = ?2 AND thread_id = ?3",
            params![chat.channel, chat.chat_id, thread(chat)],
            read_binding,
        )
        .map(|found| found.map(|(_, session)| session))
    }

    /// None: the chat talks to no session.
    pub fn set_active_session(&self, chat: &ChatRef, session: Option<&SessionId>) -> Result<()> {
        let Some(session) = session else {
            self.run(
                "DELETE FROM bindings WHERE channel = ?1 AND chat_id = ?2 AND thread_id = ?3",
                params![chat.channel, chat.chat_id, thread(chat)],
            )?;
            return Ok(());
        };
        let seal = sealing_binding(&chat.channel, chat.chat_id, thread(chat), session).finish();
        self.run(
            "INSERT OR REPLACE INTO bindings (channel, chat_id, thread_id, session, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![chat.channel, chat.chat_id, thread(chat), session.as_str(), seal],
        )?;
        Ok(())
    }

    /// The session that a message in a chat belongs to (one that we sent, or a person's prompt).
    pub fn session_of_message(&self, chat: &ChatRef, message_id: i64) -> Result<Option<SessionId>> {
        self.maybe(
            "SELECT * FROM routes WHERE channel = ?1 AND chat_id = ?2 AND message_id = ?3",
            params![chat.channel, chat.chat_id, message_id],
            read_route,
        )
        .map(|found| found.map(|(_, session)| session))
    }

    /// A reply to this message goes to this session.
    pub fn remember_message(&self, chat: &ChatRef, message_id: i64, session: &SessionId) -> Result<()> {
        let seal = sealing_route(&chat.channel, chat.chat_id, message_id, session).finish();
        self.run(
            "INSERT OR REPLACE INTO routes (channel, chat_id, message_id, session, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![chat.channel, chat.chat_id, message_id, session.as_str(), seal],
        )?;
        Ok(())
    }

    /// A group became a supergroup: routes, bindings and waiting messages move to the new id. What the new id has already wins.
    pub fn migrate_chat(&self, channel: &str, from: i64, to: i64) -> Result<()> {
        if from == to {
            return Ok(());
        }
        self.move_bindings(channel, from, to)?;
        self.move_routes(channel, from, to)?;
        self.move_session_chats(channel, from, to)?;
        self.move_open_messages(channel, from, to)
    }

    fn move_bindings(&self, channel: &str, from: i64, to: i64) -> Result<()> {
        let sql = "SELECT * FROM bindings WHERE channel = ?1 AND chat_id = ?2";
        for (thread_id, session) in self.all(sql, params![channel, from], read_binding)? {
            let seal = sealing_binding(channel, to, thread_id, &session).finish();
            self.run(
                "INSERT OR IGNORE INTO bindings (channel, chat_id, thread_id, session, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![channel, to, thread_id, session.as_str(), seal],
            )?;
        }
        self.run(
            "DELETE FROM bindings WHERE channel = ?1 AND chat_id = ?2",
            params![channel, from],
        )?;
        Ok(())
    }

    fn move_routes(&self, channel: &str, from: i64, to: i64) -> Result<()> {
        let sql = "SELECT * FROM routes WHERE channel = ?1 AND chat_id = ?2";
        for (message_id, session) in self.all(sql, params![channel, from], read_route)? {
            let seal = sealing_route(channel, to, message_id, &session).finish();
            self.run(
                "INSERT OR IGNORE INTO routes (channel, chat_id, message_id, session, seal) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![channel, to, message_id, session.as_str(), seal],
            )?;
        }
        self.run(
            "DELETE FROM routes WHERE channel = ?1 AND chat_id = ?2",
            params![channel, from],
        )?;
        Ok(())
    }
}

/// A chat without topics has no thread; 0 stands for that, which Telegram never uses.
fn thread(chat: &ChatRef) -> i64 {
    chat.thread_id.unwrap_or(0)
}

fn sealing_binding(channel: &str, chat_id: i64, thread_id: i64, session: &SessionId) -> Seal {
    Seal::of("bindings")
        .text(channel)
        .integer(chat_id)
        .integer(thread_id)
        .text(session.as_str())
}

fn sealing_route(channel: &str, chat_id: i64, message_id: i64, session: &SessionId) -> Seal {
    Seal::of("routes")
        .text(channel)
        .integer(chat_id)
        .integer(message_id)
        .text(session.as_str())
}

/// Thread and session.
fn read_binding(row: &Row<'_>) -> Result<(i64, SessionId)> {
    let (channel, chat_id, thread_id) = (row.text("channel")?, row.integer("chat_id")?, row.integer("thread_id")?);
    let session = row.id("session")?;
    sealing_binding(&channel, chat_id, thread_id, &session).check(
        &row.bytes("seal")?,
        format_args!("the session of chat {channel}:{chat_id}/{thread_id}"),
    )?;
    Ok((thread_id, session))
}

/// Message and session.
fn read_route(row: &Row<'_>) -> Result<(i64, SessionId)> {
    let (channel, chat_id, message_id) = (
        row.text("channel")?,
        row.integer("chat_id")?,
        row.integer("message_id")?,
    );
    let session = row.id("session")?;
    sealing_route(&channel, chat_id, message_id, &session).check(
        &row.bytes("seal")?,
        format_args!("the route of message {message_id} in {channel}:{chat_id}"),
    )?;
    Ok((message_id, session))
}
