//! `/diff [NAME]`: what a session changed. A short difference stands in the message; a longer one goes out as a file, which a phone
//! opens with its colours.

use super::{Desk, one_name};
use crate::bridge::router::Here;
use crate::channels::telegram::markdown::{code, escape, fenced};
use crate::domain::fault::Result;
use crate::domain::message::{MessageFile, MessageKind};
use crate::domain::outcome::{FileChange, FileStatus, stat};
use crate::domain::session::Session;
use crate::sessions::{DiffRequest, Engine};
use crate::store::NewMessage;
use crate::workspace::Patch;

/// A longer patch is a file.
const INLINE_BYTES_MAX: usize = 2500;
/// Files that are named in the message.
const FILES_MAX: usize = 15;

/// Puts the difference into the outbox, with the end of the update.
pub(super) async fn diff(desk: &Desk<'_>, args: &[String]) -> Result<()> {
    let session = desk.meant(one_name(args)?).await?;
    let (text, files) = of(desk.engine, &session, DiffRequest::Session).await?;
    let here: Here = desk.here.clone();
    desk.store
        .write(move |tx| {
            tx.insert_message(NewMessage {
                session: Some(session.id),
                kind: MessageKind::Answer,
                text,
                done: None,
                choices: vec![],
                files,
                to: Some(here.chat.clone()),
                reply_to: Some(here.message_id),
                letter: None,
                dialog: None,
            })?;
            tx.finish_update(here.update_id)
        })
        .await
}

/// A difference in Markdown, and the file that goes with it when it is too long for a message.
pub(in crate::bridge) async fn of(
    engine: &Engine,
    session: &Session,
    wanted: DiffRequest,
) -> Result<(String, Vec<MessageFile>)> {
    let patch = engine.diff(&session.id, wanted).await?;
    if patch.files.is_empty() {
        return Ok(("Nothing changed.".into(), vec![]));
    }
    let mut text = told(&patch);
    if patch.text.len() <= INLINE_BYTES_MAX {
        text.push_str("\n\n");
        text.push_str(&fenced(&patch.text, "diff"));
        return Ok((text, vec![]));
    }
    if patch.cut {
        text.push_str("\n\nThe patch is longer and was cut; `telecoder diff` on the machine shows more.");
    }
    let file = engine.keep(&session.id, &format!("{}.diff", session.name), patch.text.as_bytes())?;
    Ok((text, vec![file]))
}

/// How much changed, and in which files.
fn told(patch: &Patch) -> String {
    let mut lines = vec![format!("**{}**", escape(&stat(&patch.stat)))];
    lines.extend(patch.files.iter().take(FILES_MAX).map(line));
    match patch.files.len().saturating_sub(FILES_MAX) {
        0 => {}
        more => lines.push(format!("… and {more} more")),
    }
    lines.join("\n")
}

fn line(file: &FileChange) -> String {
    let lines = match (file.added, file.removed) {
        (Some(added), Some(removed)) => format!(" +{added} -{removed}"),
        _ => " (binary)".to_owned(),
    };
    let status = match file.status {
        FileStatus::Added => "new ",
        FileStatus::Deleted => "gone ",
        FileStatus::Renamed => "renamed ",
        FileStatus::TypeChanged => "another type ",
        FileStatus::Modified => "",
    };
    format!("{status}{}{lines}", code(&file.path))
}
