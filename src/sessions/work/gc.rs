//! `gc`: takes away what is finished and lost to nobody: sessions that ended, whose work is published or of which there is none.

use std::path::Path;
use std::time::Duration;

use super::super::Engine;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::session::{Session, SessionState};
use crate::store::SessionFilter;
use crate::workspace;

#[derive(Debug, Clone)]
pub struct GcRequest {
    /// Only what ended longer ago.
    pub older_than: Duration,
    /// Only until the data directory's sessions and mirrors take no more than this; none: all that may go.
    pub max_bytes: Option<u64>,
    /// Say what would go, and take nothing away.
    pub dry_run: bool,
}

/// One session that was looked at.
#[derive(Debug, Clone)]
pub struct GcItem {
    pub session: Session,
    pub bytes: u64,
    /// Why it stays; none when it went (or would go).
    pub stays: Option<String>,
}

#[derive(Debug, Clone)]
pub struct GcReport {
    pub items: Vec<GcItem>,
    /// Mirrors that no session borrows from any more.
    pub mirrors: Vec<String>,
    pub freed: u64,
    pub left: u64,
}

impl Engine {
    /// Removes ended sessions, the oldest first, as the request says. Never one whose work is nowhere else.
    pub async fn gc(&self, request: &GcRequest) -> Result<GcReport> {
        let states = SessionState::ALL.into_iter().filter(|state| state.is_ended()).collect();
        let filter = SessionFilter {
            states,
            include_removed: false,
        };
        let mut sessions = self.0.store.read(move |tx| tx.sessions(&filter)).await?;
        sessions.sort_by_key(|session| session.ended_at);
        let paths = &self.0.paths;
        let mut left = size(paths.sessions()).await? + size(paths.mirrors()).await?;
        let mut report = GcReport {
            items: Vec::new(),
            mirrors: Vec::new(),
            freed: 0,
            left,
        };
        let now = Timestamp::now();
        for session in sessions {
            if request.max_bytes.is_some_and(|max| left <= max) {
                break;
            }
            let bytes = size(paths.session(&session.id)).await?;
            let stays = match too_young(&session, now, request.older_than) {
                true => Some("it ended not long ago".to_owned()),
                false => self.collect(&session, request.dry_run).await?,
            };
            if stays.is_none() {
                report.freed += bytes;
                left = left.saturating_sub(bytes);
            }
            report.items.push(GcItem { session, bytes, stays });
        }
        let used = self.0.store.read(|tx| tx.sessions(&SessionFilter::default())).await?;
        let used = used.into_iter().map(|session| session.id).collect::<Vec<_>>();
        let unused = workspace::unused_mirrors(&self.0.mirrors, &used, request.older_than)?;
        for mirror in unused {
            let bytes = size(mirror.clone()).await?;
            if !request.dry_run {
                workspace::remove_mirror(&self.0.mirrors, &mirror).await?;
            }
            report.freed += bytes;
            left = left.saturating_sub(bytes);
            report.mirrors.push(mirror.display().to_string());
        }
        report.left = left;
        Ok(report)
    }

    /// Why it stays, or none.
    async fn collect(&self, session: &Session, dry_run: bool) -> Result<Option<String>> {
        let result = match dry_run {
            true => self.refuse_unpublished(session).await,
            false => self.remove(&session.id, false).await,
        };
        match result {
            Ok(()) => Ok(None),
            Err(fault) if fault.kind == Kind::Storage => Err(fault),
            Err(fault) => Ok(Some(fault.message)),
        }
    }
}

fn too_young(session: &Session, now: Timestamp, older_than: Duration) -> bool {
    let ended = session.ended_at.unwrap_or(session.status_since);
    let age = now.as_second().saturating_sub(ended.as_second());
    u64::try_from(age).unwrap_or(0) < older_than.as_secs()
}

/// What the files beneath a directory take on the disk.
async fn size(dir: std::path::PathBuf) -> Result<u64> {
    tokio::task::spawn_blocking(move || size_of(&dir))
        .await
        .map_err(|error| Fault::new(Kind::Failure, format!("measuring the disk: {error}")))
}

fn size_of(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let mut bytes = 0;
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        bytes += meta.blocks() * 512;
        if meta.is_dir() {
            bytes += size_of(&entry.path());
        }
    }
    bytes
}
