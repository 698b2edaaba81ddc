//! Files that people sent: from the server into a file of ours.

use std::path::Path;

use serde::{Deserialize, Serialize};
use teloxide::requests::Payload;
use tokio::io::AsyncWriteExt;

use super::call::{CallError, broken_off, call, open_file};
use super::client::{Client, SEND_TIMEOUT, UPLOAD_TIMEOUT};

/// The server hands out no longer ones.
pub const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Why a file did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadError {
    /// For good, in words for a person.
    Refused(String),
    /// Again later.
    Again(String),
}

#[derive(Serialize)]
struct GetFile<'a> {
    file_id: &'a str,
}

#[derive(Deserialize)]
struct FilePlace {
    #[serde(default)]
    file_path: Option<String>,
}

impl Payload for GetFile<'_> {
    type Output = FilePlace;
    const NAME: &'static str = "getFile";
}

impl Client {
    /// Writes a file that a person sent to `into`, which is made anew, 0600, and at most `bytes_max` long. Returns its length.
    pub async fn download(&self, file_id: &str, into: &Path, bytes_max: u64) -> Result<u64, DownloadError> {
        let place = call(&self.sender(), &GetFile { file_id }, SEND_TIMEOUT)
            .await
            .map_err(why)?;
        let Some(path) = place.file_path else {
            return Err(DownloadError::Refused("the server names no place for it".into()));
        };
        let mut response = open_file(&self.sender(), &path, UPLOAD_TIMEOUT).await.map_err(why)?;
        let ours = |error: std::io::Error| DownloadError::Refused(format!("it cannot be stored: {error}"));
        let mut file = tokio::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(into)
            .await
            .map_err(ours)?;
        let mut length = 0;
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| why(broken_off(&self.sender(), error)))?;
            let Some(chunk) = chunk else { break };
            length += chunk.len() as u64;
            if length > bytes_max {
                return Err(DownloadError::Refused(format!("it is longer than {bytes_max} bytes")));
            }
            file.write_all(&chunk).await.map_err(ours)?;
        }
        file.sync_all().await.map_err(ours)?;
        Ok(length)
    }
}

fn why(error: CallError) -> DownloadError {
    match error {
        CallError::Refused { code: 400, description } if description.contains("too big") => {
            DownloadError::Refused(format!(
                "Telegram hands bots no file above {} MB",
                FILE_BYTES_MAX / (1024 * 1024)
            ))
        }
        CallError::Refused {
            code: 401 | 404,
            description,
        } => DownloadError::Again(description),
        CallError::Refused { description, .. } => DownloadError::Refused(description),
        CallError::RetryAfter { seconds } => DownloadError::Again(format!("told to wait {seconds} s")),
        CallError::Migrated { to } => DownloadError::Again(format!("the chat moved to {to}")),
        CallError::NotReached(why) | CallError::Ambiguous(why) => DownloadError::Again(why),
    }
}
