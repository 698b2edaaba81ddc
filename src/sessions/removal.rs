//! `rm`: takes an ended session off the list and its files off the disk, unless work would be lost.

use super::Engine;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::store::Tx;
use crate::workspace::{self, Unpublished};

impl Engine {
    /// Removes an ended session. Refuses unpublished commits and uncommitted changes without `force`. The messages stay.
    pub async fn remove(&self, id: &SessionId, force: bool) -> Result<()> {
        let session = self.session(id).await?;
        if session.removed_at.is_none() {
            must_have_ended(&session)?;
            if !force {
                self.refuse_unpublished(&session).await?;
            }
            match self.tear_down(&session).await {
                Err(fault) if !force => return Err(fault),
                Err(fault) => {
                    tracing::warn!(session.id = %id, error = %fault, "its tear-down failed, and it is removed all the same")
                }
                Ok(()) => {}
            }
            let id = id.clone();
            // Looking took its time; a resume may have come meanwhile.
            let remove = move |tx: &Tx<'_>| {
                must_have_ended(&tx.session(&id)?)?;
                tx.remove_session(&id)
            };
            self.0.store.write(remove).await?;
        }
        self.delete_files(id).await
    }

    pub(in crate::sessions) async fn refuse_unpublished(&self, session: &Session) -> Result<()> {
        if session.branch.is_none()
            || !session.work_dir.starts_with(self.0.paths.sessions())
            || !session.work_dir.exists()
        {
            return Ok(());
        }
        if let Some(pushed) = self.publication(&session.id).await?.and_then(|known| known.pushed)
            && workspace::is_in_commit(&self.0.mirrors, &session.work_dir, &session.id, &pushed).await?
        {
            return Ok(());
        }
        let lost = workspace::unpublished(&self.0.mirrors, &session.work_dir, &session.id).await?;
        if lost == Unpublished::default() {
            return Ok(());
        }
        let name = &session.name;
        Err(Fault::new(
            Kind::RefusedByState,
            format!(
                "{name} has work that is nowhere else: {} commit(s) and {} changed file(s) in {}",
                lost.commits,
                lost.changed_files,
                session.work_dir.display()
            ),
        )
        .hint(format!(
            "Fetch it from there, or give it up with: telecoder rm --force {name}"
        )))
    }

    async fn delete_files(&self, id: &SessionId) -> Result<()> {
        let dir = self.0.paths.session(id);
        workspace::forget_session(&self.0.mirrors, id).await?;
        let deleted = tokio::task::spawn_blocking(move || match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::io(format!("deleting {}", dir.display()), &error))
            }
            _ => Ok(()),
        });
        deleted
            .await
            .map_err(|error| Fault::new(Kind::Failure, format!("deleting the session's files: {error}")))?
    }
}

fn must_have_ended(session: &Session) -> Result<()> {
    if session.status.state.is_ended() {
        return Ok(());
    }
    Err(Fault::new(
        Kind::RefusedByState,
        format!("{} has not ended ({})", session.name, session.status.state),
    )
    .hint(format!("Stop it first: telecoder stop {}", session.name)))
}
