//! The inbox: what finished, failed or waits; and the difference that a session made, from the daemon's own copy.

use std::time::Duration;

use super::super::Engine;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::outcome::{InboxEntry, InboxItem, News, Outcome};
use crate::domain::session::{Session, SessionState};
use crate::store::{SessionFilter, Tx};
use crate::workspace::{self, Patch, Span};

/// A patch that is longer is cut; the files are listed in any case.
const PATCH_BYTES_MAX: u64 = 2 * 1024 * 1024;
pub const INBOX_MAX: u32 = 200;
/// How long a reader waits for an outcome that is being made. A workspace that takes longer to measure is told later.
const MADE_LIMIT: Duration = Duration::from_secs(10);

/// Which difference is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiffRequest {
    /// Everything since the session began.
    #[default]
    Session,
    /// What the newest turn did, and what came after it.
    LastTurn,
    /// What one outcome saw.
    Outcome(i64),
}

impl Engine {
    /// What a person has not seen yet, newest first; with `all` also what they have. What waits for them comes first.
    pub async fn inbox(&self, all: bool, limit: u32) -> Result<Vec<InboxEntry>> {
        self.0.store.read(move |tx| inbox(tx, all, limit)).await
    }

    /// Waits until each turn that has ended (of this session, or of all) has its outcome, within a limit: whoever waited for the
    /// end of a turn looks for what came of it right afterwards. Checks are not waited for.
    pub async fn outcomes_made(&self, session: Option<&SessionId>) {
        let mut seq = self.0.store.event_seq();
        let made = async { while self.lacks_outcomes(session).await && seq.changed().await.is_ok() {} };
        // A reader sees what is there; it is no fault that it took longer.
        let _ = tokio::time::timeout(MADE_LIMIT, made).await;
    }

    async fn lacks_outcomes(&self, session: Option<&SessionId>) -> bool {
        let lacking = self.0.store.read(|tx| {
            let mut lacking = tx.sessions_without_outcome()?;
            lacking.extend(tx.ends_without_outcome()?);
            Ok(lacking)
        });
        let lacking = lacking.await.unwrap_or_default();
        match session {
            Some(session) => lacking.contains(session),
            None => !lacking.is_empty(),
        }
    }

    /// One outcome with its session.
    pub async fn outcome(&self, id: i64) -> Result<(Session, Outcome)> {
        self.0
            .store
            .read(move |tx| {
                let outcome = tx.outcome(id)?;
                Ok((tx.session(&outcome.session)?, outcome))
            })
            .await
    }

    /// The newest outcomes of a session, newest first: its history.
    pub async fn outcomes(&self, session: &SessionId, limit: u32) -> Result<Vec<Outcome>> {
        let session = session.clone();
        self.0
            .store
            .read(move |tx| tx.outcomes(&session, limit.clamp(1, INBOX_MAX)))
            .await
    }

    pub async fn news_entry(&self, id: i64) -> Result<(Session, News)> {
        self.0
            .store
            .read(move |tx| {
                let news = tx
                    .news(id)?
                    .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no inbox entry n{id}")))?;
                Ok((tx.session(&news.session)?, news))
            })
            .await
    }

    /// Marks one outcome as seen. `NotFound` when there is none; seen twice is seen.
    pub async fn ack_outcome(&self, id: i64) -> Result<usize> {
        self.0
            .store
            .write(move |tx| {
                tx.outcome(id)?;
                tx.ack_outcomes(Some(id), None)
            })
            .await
    }

    pub async fn ack_news(&self, id: i64) -> Result<usize> {
        self.0.store.write(move |tx| tx.ack_news(Some(id), None)).await
    }

    /// Marks every entry of a session, or of all, as seen; how many were not.
    pub async fn ack_all(&self, session: Option<&SessionId>) -> Result<usize> {
        let session = session.cloned();
        self.0
            .store
            .write(move |tx| Ok(tx.ack_outcomes(None, session.as_ref())? + tx.ack_news(None, session.as_ref())?))
            .await
    }

    /// What a session changed.
    ///
    /// Errors: `NotFound` for a session without a repository, or whose workspace is gone.
    pub async fn diff(&self, id: &SessionId, request: DiffRequest) -> Result<Patch> {
        let session = self.session(id).await?;
        super::must_have_workspace(&session)?;
        let of = session.id.clone();
        let known = self.0.store.read(move |tx| tx.outcomes(&of, INBOX_MAX)).await?;
        let span = span(request, &known)?;
        workspace::diff(&self.0.mirrors, &session.work_dir, id, &span, PATCH_BYTES_MAX).await
    }
}

/// The inbox as it is in this transaction, see [`Engine::inbox`].
pub fn inbox(tx: &Tx<'_>, all: bool, limit: u32) -> Result<Vec<InboxEntry>> {
    let limit = limit.clamp(1, INBOX_MAX);
    let mut entries = waiting(tx)?;
    let mut rest = Vec::new();
    for outcome in tx.inbox_outcomes(all, limit)? {
        rest.push((
            outcome.created_at,
            entry(tx, &outcome.session.clone(), InboxItem::Outcome(Box::new(outcome)))?,
        ));
    }
    for news in tx.inbox_news(all, limit)? {
        rest.push((
            news.at,
            entry(tx, &news.session.clone(), InboxItem::News(Box::new(news)))?,
        ));
    }
    rest.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    entries.extend(rest.into_iter().map(|(_, entry)| entry));
    entries.truncate(limit as usize);
    Ok(entries)
}

/// `known` is newest first.
fn span(request: DiffRequest, known: &[Outcome]) -> Result<Span> {
    let mark = |outcome: &Outcome| outcome.detail.measured.as_ref().map(|measured| measured.mark.clone());
    match request {
        DiffRequest::Session => Ok(Span::Session),
        DiffRequest::LastTurn => Ok(known.iter().skip(1).find_map(mark).map_or(Span::Session, Span::Since)),
        DiffRequest::Outcome(id) => {
            let at = known.iter().position(|outcome| outcome.id == id);
            let to = at.and_then(|at| mark(&known[at])).ok_or_else(|| {
                let message = match at {
                    Some(_) => format!("entry {id} was not measured, so it has no difference"),
                    None => format!("the session has no entry {id}"),
                };
                Fault::new(Kind::NotFound, message)
            })?;
            let from = known.iter().skip(at.unwrap_or(0) + 1).find_map(mark);
            Ok(match from {
                Some(from) => Span::Between(from, to),
                None => Span::UpTo(to),
            })
        }
    }
}

fn entry(tx: &Tx<'_>, session: &SessionId, item: InboxItem) -> Result<InboxEntry> {
    let session = tx.session(session)?;
    Ok(InboxEntry {
        name: session.name,
        repo: session.repo,
        item,
    })
}

/// Sessions that can do nothing until a person does something: longest waiting last.
fn waiting(tx: &Tx<'_>) -> Result<Vec<InboxEntry>> {
    let filter = SessionFilter {
        states: vec![SessionState::NeedsInput, SessionState::Limited],
        include_removed: false,
    };
    let mut found: Vec<(crate::domain::Timestamp, InboxEntry)> = Vec::new();
    for session in tx.sessions(&filter)? {
        let why = session.status.reason.text.clone();
        found.push((session.status_since, waits(session, why, None)));
    }
    for ask in tx.all_open_asks()? {
        let session = tx.session(&ask.session)?;
        if !found.iter().any(|(_, known)| known.name == session.name) {
            found.push((ask.opened_at, waits(session, ask.question, Some(ask.opened_at))));
        }
    }
    found.sort_by_key(|(since, _)| std::cmp::Reverse(*since));
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

fn waits(session: Session, why: String, since: Option<crate::domain::Timestamp>) -> InboxEntry {
    InboxEntry {
        name: session.name,
        repo: session.repo,
        item: InboxItem::Waits {
            since: since.unwrap_or(session.status_since),
            session: session.id,
            why,
        },
    }
}
