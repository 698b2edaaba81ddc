//! `/resume [NAME]`, `/resume_last`, `/resume_yolo [NAME]`: a session that has ended goes on.

use super::{Desk, one_name};
use crate::bridge::router::Reply;
use crate::channels::telegram::markdown::code;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::policy::Policy;
use crate::domain::session::Session;
use crate::store::SessionFilter;

pub(super) async fn resume(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let session = desk.meant(one_name(args)?).await?;
    go_on(desk, session, None).await
}

/// The owner's own word that from now on the session may do everything.
pub(super) async fn resume_yolo(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let session = desk.meant(one_name(args)?).await?;
    go_on(desk, session, Some(Policy::Yolo)).await
}

/// The session that ended last.
pub(super) async fn resume_last(desk: &Desk<'_>) -> Result<Reply> {
    let last = desk
        .store
        .read(|tx| {
            let sessions = tx.sessions(&SessionFilter::default())?;
            let ended = sessions.into_iter().filter(|session| session.status.state.is_ended());
            Ok(ended.max_by_key(|session| session.ended_at))
        })
        .await?;
    let last =
        last.ok_or_else(|| Fault::new(Kind::NotFound, "no session has ended").hint("/list shows what there is."))?;
    go_on(desk, last, None).await
}

async fn go_on(desk: &Desk<'_>, session: Session, policy: Option<Policy>) -> Result<Reply> {
    let session = match policy {
        None => desk.engine.resume(&session.id).await?,
        Some(policy) => desk.engine.resume_under(&session.id, policy).await?,
    };
    let (here, id) = (desk.here.clone(), session.id.clone());
    desk.store
        .write(move |tx| match here.chat.thread_id {
            Some(_) => Ok(()),
            None => tx.set_active_session(&here.chat, Some(&id)),
        })
        .await?;
    let under = policy.map_or_else(String::new, |policy| format!(" under the policy {policy}"));
    let text = format!(
        "{} goes on{under}. Messages here go to it.",
        code(session.name.as_str())
    );
    Ok(Reply::of(&session.id, text))
}
