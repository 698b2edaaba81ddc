//! Files between people and agents: into a session's inbox, and out of its workspace.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::Engine;
use super::launch::make_private_dir;
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::SessionId;
use crate::domain::message::MessageFile;
use crate::domain::session::Session;
use crate::runner::mailbox;

impl Engine {
    /// A place for a file that is on its way in: out of the agent's sight until it is whole.
    pub fn incoming(&self, session: &SessionId, key: &str) -> Result<PathBuf> {
        let outgoing = self.0.paths.outgoing(session);
        make_private_dir(&outgoing)?;
        Ok(outgoing.join(format!("incoming-{key}")))
    }

    /// Moves a whole file into the session's inbox under a name that is its own. The same file under the same name twice is one.
    pub fn put_in(&self, session: &SessionId, whole: &Path, name: &str) -> Result<PathBuf> {
        let inbox = self.0.paths.inbox(session);
        make_private_dir(&inbox)?;
        let place = inbox.join(name);
        std::fs::rename(whole, &place).map_err(|error| Fault::io(format!("storing {name}"), &error))?;
        Ok(place)
    }

    /// Copies a file out of the session's workspace into the daemon's own keeping.
    pub fn take_out(&self, session: &Session, path: &Path) -> Result<MessageFile> {
        let outgoing = self.0.paths.outgoing(&session.id);
        make_private_dir(&outgoing)?;
        let into = outgoing.join(format!("get-{}", Uuid::new_v4().simple()));
        let size = mailbox::fetch_beneath(&session.work_dir, path, self.0.config.limits.file_bytes, &into)?;
        let name = path
            .file_name()
            .map_or_else(|| "file".into(), |name| name.to_string_lossy().into_owned());
        Ok(MessageFile {
            path: into,
            name,
            size,
            caption: None,
        })
    }

    /// A file of our own making that goes out with a message.
    pub fn keep(&self, session: &SessionId, name: &str, content: &[u8]) -> Result<MessageFile> {
        let outgoing = self.0.paths.outgoing(session);
        make_private_dir(&outgoing)?;
        let path = outgoing.join(format!("made-{}", Uuid::new_v4().simple()));
        std::fs::write(&path, content).map_err(|error| Fault::io(format!("storing {name}"), &error))?;
        Ok(MessageFile {
            path,
            name: name.to_owned(),
            size: content.len() as u64,
            caption: None,
        })
    }

    /// The longest file that goes either way.
    pub fn file_bytes_max(&self) -> u64 {
        self.0.config.limits.file_bytes
    }
}
