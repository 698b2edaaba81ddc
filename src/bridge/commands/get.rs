//! `/get PATH`: a file of the session's workspace, and of nowhere else.

use std::path::Path;

use super::Desk;
use crate::bridge::router::Here;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::message::{MessageFile, MessageKind};
use crate::sessions::Engine;
use crate::store::NewMessage;

/// Copies the file and puts it into the outbox, with the end of the update.
pub(super) async fn get(desk: &Desk<'_>, args: &[String]) -> Result<()> {
    let path = args.join(" ");
    if path.is_empty() {
        return Err(Fault::new(Kind::Usage, "/get needs a path").hint("For example `/get docs/plan.md`."));
    }
    let session = desk.meant(None).await?;
    let (engine, id): (Engine, _) = (desk.engine.clone(), session.id.clone());
    let file = tokio::task::spawn_blocking(move || engine.take_out(&session, Path::new(&path)))
        .await
        .map_err(|error| Fault::new(Kind::Failure, format!("looking for the file: {error}")))??;
    let here: Here = desk.here.clone();
    desk.store
        .write(move |tx| {
            tx.insert_message(NewMessage {
                session: Some(id),
                kind: MessageKind::Answer,
                text: String::new(),
                done: None,
                choices: vec![],
                files: vec![MessageFile { ..file }],
                to: Some(here.chat.clone()),
                reply_to: Some(here.message_id),
                letter: None,
                dialog: None,
            })?;
            tx.finish_update(here.update_id)
        })
        .await
}
