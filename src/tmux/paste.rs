//! Text into a pane: a file of its own, a buffer of its own, a guarded bracketed paste; one command list, one write.
//!
//! After a crash at most a file is left, which the next start removes. The text stands on no command line.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tmux_interface::{DeleteBuffer, LoadBuffer, PasteBuffer};

use super::Guarded;
use super::command::{Command, CommandList};
use super::error::{Repeat, TmuxError};
use super::guard::{InMode, guarded, verdict};
use super::link::Link;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::text::Sanitised;

/// A prompt is far shorter (config `limits.prompt_bytes`); this bounds what tmux holds for a program that does not read.
const PASTE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A text that lies in its file, ready to be pasted once. Dropped unused, it leaves nothing behind.
pub struct PreparedPaste {
    /// Of the tmux buffer.
    name: String,
    file: BufferFile,
}

impl Link {
    /// Writes the file of a paste; nothing goes to tmux yet.
    pub async fn prepare_paste(&self, text: &Sanitised) -> Result<PreparedPaste> {
        check(&text.text)?;
        let name = format!("telecoder-{}-{}", std::process::id(), self.next_number());
        let file = BufferFile::write(self.buffers().join(&name), text.text.clone()).await?;
        crate::failpoint!("I4");
        Ok(PreparedPaste { name, file })
    }

    pub async fn paste_prepared(&self, pane: &PaneId, session: &SessionId, prepared: PreparedPaste) -> Result<Guarded> {
        let doing = format!("pasting into pane {pane}");
        let PreparedPaste { name, file } = prepared;
        let answer = self
            .run(&paste_list(pane, session, &name, &file.0), Repeat::Never)
            .await;
        if !matches!(&answer, Ok(reply) if reply.error.is_none()) {
            self.forget(&name).await;
        }
        verdict(answer, pane, &doing)
    }

    pub fn buffers(&self) -> PathBuf {
        self.options.dir.join("buffers")
    }

    /// After an error the buffer may still be there, with the prompt in it.
    async fn forget(&self, name: &str) {
        let delete = DeleteBuffer::new().buffer_name(name).build();
        if let Err(error) = self.run(&delete.into(), Repeat::Safe).await
            && !matches!(error, TmuxError::NoServer(_))
        {
            tracing::warn!(error = %error, "a tmux buffer may be left over");
        }
    }
}

fn check(text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(Fault::new(Kind::Usage, "there is no text to paste"));
    }
    if text.len() > PASTE_BYTES_MAX {
        let message = format!(
            "the text has {} bytes; at most {PASTE_BYTES_MAX} can be pasted",
            text.len()
        );
        return Err(Fault::new(Kind::OverLimit, message));
    }
    Ok(())
}

fn paste_list(pane: &PaneId, session: &SessionId, name: &str, file: &Path) -> CommandList {
    let load = LoadBuffer::new().buffer_name(name).build();
    // -p: brackets where the program asked for them; -r: line feeds stay line feeds; -d: the buffer goes with the paste.
    let paste = PasteBuffer::new()
        .delete()
        .bracket_codes()
        .no_replacement()
        .buffer_name(name)
        .target_pane(pane.as_str());
    let delete = DeleteBuffer::new().buffer_name(name).build();
    CommandList::new(Command::from(load).args([file.display().to_string()])).then(guarded(
        pane,
        session,
        InMode::Passes,
        paste.build().into(),
        Some(delete.into()),
    ))
}

/// A 0600 file that goes away with its value.
struct BufferFile(PathBuf);

impl BufferFile {
    async fn write(path: PathBuf, text: String) -> Result<Self> {
        let written = tokio::task::spawn_blocking(move || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            let made = Self(path);
            file.write_all(text.as_bytes())?;
            Ok(made)
        });
        let written = written
            .await
            .map_err(|error| Fault::new(Kind::Failure, format!("writing a paste: {error}")))?;
        written.map_err(|error: std::io::Error| Fault::io("writing the text of a paste", &error))
    }
}

impl Drop for BufferFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(file = %self.0.display(), error = %error, "the file of a paste could not be removed");
        }
    }
}

/// Makes the folder of paste files, empty: those of a daemon that crashed are of no use to anyone.
pub(super) fn prepare(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), error = %error, "a left-over paste could not be removed");
        }
    }
    Ok(())
}
