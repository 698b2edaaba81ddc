//! A message with a file (or an album of them): the files into the session's inbox, their places into one prompt.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use super::lanes::{LaneKey, Waiting};
use crate::bridge::prompt;
use crate::bridge::router::{Here, Reply, answer, here};
use crate::bridge::words;
use crate::channels::telegram::inbound::{Content, FileMessage};
use crate::channels::telegram::{CHANNEL, DownloadError, FILE_BYTES_MAX, RemoteFile};
use crate::channels::transcribe as remote;
use crate::config::Transcriber;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::runner::transcribe as local;
use crate::sessions::RawRequest;

/// An album has no end mark: nothing more comes when nothing came for so long, and after the longer time it is closed anyway.
const ALBUM_QUIET: Duration = Duration::from_secs(1);
const ALBUM_LIMIT: Duration = Duration::from_secs(3);
/// How often a download is tried, and the pause between.
const TRIES_MAX: u32 = 8;
const TRY_PAUSE: Duration = Duration::from_millis(500);
const NAME_CHARS_MAX: usize = 80;
/// What stands above the list of the files, which is the end of the prompt.
const ONE_FILE: &str = "Attached file:";
const SEVERAL_FILES: &str = "Attached files:";
/// How the list names a file that may have been made into text.
const SPEECH: [&str; 3] = ["(voice, ", "(audio, ", "(video note, "];

/// A file on its way to a prompt.
struct Arrived {
    what: &'static str,
    mime: Option<String>,
    size: u64,
    place: PathBuf,
    spoken: Option<String>,
}

impl Shared {
    /// The parts of the album that `first` begins, as far as they come soon; just itself when it is none.
    pub(super) async fn album(&self, key: &LaneKey, first: &FileMessage) -> Vec<Waiting> {
        let Some(album) = &first.album else {
            return vec![];
        };
        let limit = Instant::now() + ALBUM_LIMIT;
        let mut parts = vec![];
        loop {
            let quiet = (Instant::now() + ALBUM_QUIET).min(limit);
            let more = self.lanes.next_fitting(
                key,
                quiet,
                |waiting| matches!(&waiting.update.content, Content::File(file) if file.album.as_ref() == Some(album)),
            );
            match more.await {
                Some(part) => parts.push(part),
                None => return parts,
            }
        }
    }

    /// Carries out a message with files. Afterwards its updates are finished.
    pub(super) async fn take_files(&self, messages: &[(Here, FileMessage)]) -> Result<()> {
        let Some((first, _)) = messages.first() else {
            return Ok(());
        };
        let session = self.session_for(first).await?;
        let mut arrived = vec![];
        for (here, message) in messages {
            match self.arrive(&session, here, &message.file).await {
                Ok(file) => arrived.push(file),
                Err(fault) => self.tell_missing(here, &session, &message.file, &fault).await?,
            }
        }
        let captions: Vec<&str> = messages
            .iter()
            .filter_map(|(_, message)| message.caption.as_deref())
            .collect();
        let text = prompt_text(&captions, &arrived);
        self.enqueue_files(messages, session, text).await
    }

    /// The session that the files go to; it is made when there is none, so that they have a place.
    async fn session_for(&self, here: &Here) -> Result<SessionId> {
        let wanted = here.clone();
        if let Some(session) = self.store.read(move |tx| prompt::meant(tx, &wanted)).await? {
            return Ok(session.id);
        }
        let request = here.request(self.router.engine.check(&RawRequest::default()).await?);
        let (router, here) = (self.router.clone(), here.clone());
        let session = self
            .store
            .write(move |tx| {
                let session = router.engine.admit(tx, &request)?;
                prompt::adopt(tx, &router, &here, &session)?;
                Ok(session.id)
            })
            .await?;
        self.router.engine.wake(&session);
        Ok(session)
    }

    async fn arrive(&self, session: &SessionId, here: &Here, file: &RemoteFile) -> Result<Arrived> {
        let engine = &self.router.engine;
        let limit = engine.file_bytes_max().min(FILE_BYTES_MAX);
        if let Some(size) = file.size.filter(|size| *size > limit) {
            return Err(Fault::new(
                Kind::OverLimit,
                format!(
                    "it has {size} bytes; Telegram hands bots at most {FILE_BYTES_MAX}, and the limit here is {limit}"
                ),
            ));
        }
        let whole = engine.incoming(session, &here.update_id.to_string())?;
        let size = self.download(file, &whole, limit).await?;
        let place = engine.put_in(session, &whole, &safe_name(here.update_id, &file.name))?;
        let spoken = match file.what {
            "voice" | "audio" | "video_note" => self.transcribe(&place, &file.name).await,
            _ => None,
        };
        Ok(Arrived {
            what: file.what,
            mime: file.mime.clone(),
            size,
            place,
            spoken,
        })
    }

    async fn download(&self, file: &RemoteFile, into: &std::path::Path, limit: u64) -> Result<u64> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.client.download(&file.file_id, into, limit).await {
                Ok(size) => return Ok(size),
                Err(DownloadError::Again(why)) if tries == TRIES_MAX => {
                    return Err(Fault::new(Kind::Failure, format!("it could not be fetched: {why}")));
                }
                Err(DownloadError::Again(_)) => tokio::time::sleep(TRY_PAUSE * tries).await,
                Err(DownloadError::Refused(why)) => return Err(Fault::new(Kind::OverLimit, why)),
            }
        }
    }

    /// What was said, where something is set up that can tell.
    async fn transcribe(&self, place: &std::path::Path, name: &str) -> Option<String> {
        let text = match self.transcriber.as_ref()? {
            Transcriber::Command(command) => local::transcribe(command, place).await,
            Transcriber::Url(url) => remote::transcribe(url, place, name).await,
        };
        match text {
            Ok(text) if !text.is_empty() => Some(text),
            Ok(_) => None,
            Err(fault) => {
                tracing::warn!(reason = %fault, "telegram: speech was not made into text; the file is named instead");
                None
            }
        }
    }

    async fn tell_missing(&self, here: &Here, session: &SessionId, file: &RemoteFile, fault: &Fault) -> Result<()> {
        if fault.kind == Kind::Storage {
            return Err(fault.clone());
        }
        let text = format!(
            "`{}` was not taken: {}",
            file.name.replace('`', "'"),
            words::fault(fault)
        );
        let (here, reply) = (here.clone(), Reply::of(session, text));
        self.store.write(move |tx| answer(tx, &here, &reply)).await
    }

    async fn enqueue_files(
        &self,
        messages: &[(Here, FileMessage)],
        session: SessionId,
        text: Option<String>,
    ) -> Result<()> {
        let heres: Vec<Here> = messages.iter().map(|(here, _)| here.clone()).collect();
        let (router, id) = (self.router.clone(), session.clone());
        self.store
            .write(move |tx| {
                let first = &heres[0];
                // Fetching them may have taken long.
                if !router.gate.still_admits(tx, first)? {
                    let who = format!("user {} in chat {}", first.from.unwrap_or_default(), first.chat.chat_id);
                    tx.audit_refused(CHANNEL, &who, "a file of somebody who was shut out meanwhile")?;
                    return heres.iter().try_for_each(|here| tx.finish_update(here.update_id));
                }
                if let Some(text) = &text {
                    match router.engine.enqueue(tx, &id, text, first.origin(), Some(first.key())) {
                        Err(fault) if fault.kind != Kind::Storage => {
                            // The text names the files, which are in the session's inbox.
                            prompt::refuse(tx, first, Some(&tx.session(&id)?), &fault, text)?;
                        }
                        taken => drop(taken?),
                    }
                }
                for here in &heres {
                    prompt::remember(tx, here, &id)?;
                    tx.finish_update(here.update_id)?;
                }
                Ok(())
            })
            .await?;
        self.router.engine.wake(&session);
        Ok(())
    }
}

/// Every part of an album with where it stands.
pub(super) fn with_places(waiting: &[&Waiting]) -> Vec<(Here, FileMessage)> {
    waiting
        .iter()
        .filter_map(|waiting| match (&waiting.update.content, here(&waiting.update)) {
            (Content::File(file), Some(here)) => Some((here, file.clone())),
            _ => None,
        })
        .collect()
}

/// None: nothing arrived, and nothing was said.
fn prompt_text(captions: &[&str], arrived: &[Arrived]) -> Option<String> {
    let mut parts: Vec<String> = captions.iter().map(|caption| (*caption).to_owned()).collect();
    parts.extend(arrived.iter().filter_map(|file| file.spoken.clone()));
    if !arrived.is_empty() {
        let lines = arrived.iter().map(|file| {
            let mime = file.mime.as_deref().unwrap_or("unknown type");
            let what = file.what.replace('_', " ");
            format!("- {} ({what}, {mime}, {} bytes)", file.place.display(), file.size)
        });
        let head = if arrived.len() == 1 { ONE_FILE } else { SEVERAL_FILES };
        parts.push(format!("{head}\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// A prompt of [`prompt_text`] with another caption: what names the files stays. Which words before it were spoken is not known any
/// more, so where some may have been they stay, too.
pub(in crate::bridge) fn with_caption(prompt: &str, caption: &str) -> String {
    let places = [ONE_FILE, SEVERAL_FILES].iter().filter_map(|head| {
        let at = prompt.rfind(&format!("{head}\n- "))?;
        (at == 0 || prompt[..at].ends_with("\n\n")).then_some(at)
    });
    let files = places.max().map_or("", |at| &prompt[at..]);
    let kept = match SPEECH.iter().any(|speech| files.contains(speech)) {
        true => prompt,
        false => files,
    };
    let parts: Vec<&str> = [caption, kept].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// A name that is one file's only, holds nothing that a shell or a path could act on, and ends as the sender's did.
fn safe_name(update: i64, name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    let safe = safe.trim_start_matches('.');
    let skipped = safe.chars().count().saturating_sub(NAME_CHARS_MAX);
    let tail: String = safe.chars().skip(skipped).collect();
    format!("{update}-{}", if tail.is_empty() { "file" } else { &tail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_caption_keeps_the_files() {
        let files = "Attached files:\n- /a (photo, image/jpeg, 9 bytes)\n- /b (photo, image/jpeg, 9 bytes)";
        for old in [
            format!("compare these\n\n{files}"),
            format!("Attached file:\n- is what I wrote\n\n{files}"),
            files.to_owned(),
        ] {
            assert_eq!(with_caption(&old, "read these"), format!("read these\n\n{files}"));
            assert_eq!(with_caption(&old, ""), files);
        }
        let spoken = "fix the test\n\nAttached file:\n- /v (voice, audio/ogg, 4 bytes)";
        assert_eq!(with_caption(spoken, "soon"), format!("soon\n\n{spoken}"));
    }

    #[test]
    fn names_are_safe_and_end_as_they_did() {
        assert_eq!(safe_name(7, "report 1.pdf"), "7-report_1.pdf");
        assert_eq!(safe_name(7, "../../etc/passwd"), "7-_.._etc_passwd");
        assert_eq!(safe_name(7, "a\nb;$(x)`.sh"), "7-a_b___x__.sh");
        assert_eq!(safe_name(7, ""), "7-file");
        let long = safe_name(7, &format!("{}.tar.gz", "x".repeat(300)));
        assert!(long.ends_with("x.tar.gz") && long.chars().count() == NAME_CHARS_MAX + 2);
    }
}
