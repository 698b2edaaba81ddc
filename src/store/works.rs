//! What sessions work on, what they published, what came in about it, and which repositories' commands are trusted.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json};
use crate::domain::event::EventKind;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::outcome::News;
use crate::domain::work::{Publication, Work};

/// Something that came in about a pull request.
pub struct NewNews {
    pub session: SessionId,
    /// The forge's own id of it, with its kind.
    pub key: String,
    pub number: u64,
    pub author: String,
    pub what: String,
    pub text: String,
    pub url: Option<String>,
}

impl Tx<'_> {
    pub fn set_work(&self, session: &SessionId, work: &Work) -> Result<()> {
        self.run(
            "INSERT INTO works (session, data) VALUES (?1, ?2) ON CONFLICT (session) DO UPDATE SET data = excluded.data",
            params![session.as_str(), to_json(work)?],
        )?;
        Ok(())
    }

    /// A session of an earlier release has the default.
    pub fn work(&self, session: &SessionId) -> Result<Work> {
        let found = self.maybe("SELECT data FROM works WHERE session = ?1", [session.as_str()], |row| {
            row.json("data")
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Every session's work, by session.
    pub fn works(&self) -> Result<Vec<(SessionId, Work)>> {
        self.all("SELECT session, data FROM works", [], |row| {
            Ok((row.id("session")?, row.json("data")?))
        })
    }

    pub fn publication(&self, session: &SessionId) -> Result<Option<Publication>> {
        self.maybe(
            "SELECT data FROM publications WHERE session = ?1",
            [session.as_str()],
            |row| row.json("data"),
        )
    }

    /// Event `pull.state` when number or state changed.
    pub fn set_publication(&self, session: &SessionId, publication: &Publication) -> Result<()> {
        let before = self.publication(session)?;
        let open = publication.number.is_some() && publication.state.as_deref() == Some("open");
        self.run(
            "INSERT INTO publications (session, data, open, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (session) DO UPDATE SET data = excluded.data, open = excluded.open, updated_at = excluded.updated_at",
            params![session.as_str(), to_json(publication)?, open, micros(self.now)],
        )?;
        let known = before.map(|known| (known.number, known.state));
        if publication.number.is_some() && known != Some((publication.number, publication.state.clone())) {
            let data = json!({ "number": publication.number, "state": publication.state, "url": publication.url });
            self.append_event(EventKind::PullState, Some(session), data)?;
        }
        Ok(())
    }

    /// Sessions whose pull request was open when it was last looked at.
    pub fn open_publications(&self) -> Result<Vec<(SessionId, Publication)>> {
        self.all(
            "SELECT session, data FROM publications WHERE open = 1 ORDER BY updated_at",
            [],
            |row| Ok((row.id("session")?, row.json("data")?)),
        )
    }

    /// False when it is known already. Event `pull.news`.
    pub fn insert_news(&self, new: &NewNews) -> Result<bool> {
        let added = self.run(
            "INSERT INTO news (session, key, number, author, what, text, url, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (session, key) DO NOTHING",
            params![
                new.session.as_str(),
                new.key,
                i64::try_from(new.number).unwrap_or(i64::MAX),
                new.author,
                new.what,
                new.text,
                new.url,
                micros(self.now),
            ],
        )?;
        if added > 0 {
            let data = json!({ "number": new.number, "author": new.author, "what": new.what });
            self.append_event(EventKind::PullNews, Some(&new.session), data)?;
        }
        Ok(added > 0)
    }

    pub fn inbox_news(&self, all: bool, limit: u32) -> Result<Vec<News>> {
        self.all(
            "SELECT news.* FROM news JOIN sessions ON sessions.id = news.session
             WHERE (?1 OR news.acked_at IS NULL) AND sessions.removed_at IS NULL ORDER BY news.id DESC LIMIT ?2",
            params![all, limit],
            read_news,
        )
    }

    /// How many prompts of a session were asked for with a key that begins so.
    pub fn turns_with_key(&self, session: &SessionId, begin: &str) -> Result<u32> {
        let found = self.count(
            "SELECT count(*) FROM turns WHERE session = ?1 AND substr(key, 1, length(?2)) = ?2",
            [session.as_str(), begin],
        )?;
        Ok(u32::try_from(found).unwrap_or(u32::MAX))
    }

    pub fn news(&self, id: i64) -> Result<Option<News>> {
        self.maybe("SELECT * FROM news WHERE id = ?1", [id], read_news)
    }

    pub fn ack_news(&self, one: Option<i64>, session: Option<&SessionId>) -> Result<usize> {
        self.run(
            "UPDATE news SET acked_at = ?3 WHERE acked_at IS NULL AND (?1 IS NULL OR id = ?1)
               AND (?2 IS NULL OR session = ?2)",
            params![one, session.map(SessionId::as_str), micros(self.now)],
        )
    }

    pub fn trust(&self, repo: &str, digest: &str) -> Result<()> {
        self.run(
            "INSERT INTO trusted (repo, digest, created_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![repo, digest, micros(self.now)],
        )?;
        Ok(())
    }

    pub fn is_trusted(&self, repo: &str, digest: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM trusted WHERE repo = ?1 AND digest = ?2";
        Ok(self.count(sql, [repo, digest])? > 0)
    }
}

fn read_news(row: &Row<'_>) -> Result<News> {
    Ok(News {
        id: row.integer("id")?,
        session: row.id("session")?,
        at: row.time("created_at")?,
        number: row.number("number")?,
        author: row.text("author")?,
        what: row.text("what")?,
        text: row.text("text")?,
        url: row.maybe_text("url")?,
        acked_at: row.maybe_time("acked_at")?,
    })
}
