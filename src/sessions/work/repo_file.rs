//! `.telecoder.toml`: what a repository says about working on it. Nothing of it counts before a person has read it, and what was
//! read is bound to the repository and to the file's digest.

use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::Engine;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::workspace;

/// The file of a repository that says how to work on it.
pub const REPO_FILE: &str = ".telecoder.toml";
pub(super) const REPO_FILE_BYTES_MAX: u64 = 64 * 1024;
const COMMANDS_MAX: usize = 20;
const COPIES_MAX: usize = 100;

/// What `.telecoder.toml` may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepoFile {
    /// Commands that make a new workspace ready, before the agent starts in it.
    pub setup: Vec<String>,
    /// Commands that run before a workspace is removed.
    pub teardown: Vec<String>,
    /// Files that git ignores and a workspace needs all the same: copied from the person's checkout.
    pub copy: Vec<PathBuf>,
    /// Commands that check the work after each turn.
    pub verify: Vec<String>,
}

/// The repository's own file, as it stands at the session's base: what the agent makes of it does not count.
pub(super) struct Found {
    pub file: RepoFile,
    pub text: String,
    pub digest: String,
    pub trusted: bool,
}

/// The file of a session's repository.
pub(super) async fn repo_file(engine: &Engine, session: &Session) -> Result<Option<Found>> {
    let Some(repo) = session.repo.clone() else {
        return Ok(None);
    };
    let mirrors = &engine.0.mirrors;
    let bytes = workspace::base_file(mirrors, &session.id, REPO_FILE, REPO_FILE_BYTES_MAX).await?;
    match bytes {
        Some(bytes) => found(engine, repo, bytes).await.map(Some),
        None => Ok(None),
    }
}

async fn found(engine: &Engine, repo: String, bytes: Vec<u8>) -> Result<Found> {
    let text = String::from_utf8(bytes).map_err(|_| damaged("not UTF-8"))?;
    let file: RepoFile = toml::from_str(&text).map_err(|error| damaged(error.message()))?;
    let commands = [&file.setup, &file.teardown, &file.verify];
    if commands.iter().any(|list| list.len() > COMMANDS_MAX) || file.copy.len() > COPIES_MAX {
        return Err(damaged(&format!(
            "more than {COMMANDS_MAX} commands of a kind, or more than {COPIES_MAX} files to copy"
        )));
    }
    let is_bad = |command: &String| command.trim().is_empty() || command.contains('\0');
    if commands.iter().any(|list| list.iter().any(is_bad)) {
        return Err(damaged("a command is empty"));
    }
    let digest: String = Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let asked = digest.clone();
    let trusted = engine.0.store.read(move |tx| tx.is_trusted(&repo, &asked)).await?;
    Ok(Found {
        file,
        text,
        digest,
        trusted,
    })
}

fn damaged(why: &str) -> Fault {
    Fault::new(Kind::Config, format!("{REPO_FILE} of the repository: {why}"))
        .hint("It may have `setup`, `teardown`, `copy` and `verify`, each a list of texts.")
}

/// The file as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownFile {
    /// The path or address whose sessions it is about.
    pub repo: String,
    pub text: String,
    pub digest: String,
    pub trusted: bool,
}

impl ShownFile {
    fn of(repo: String, found: Found) -> Self {
        Self {
            repo,
            text: found.text,
            digest: found.digest,
            trusted: found.trusted,
        }
    }
}

impl Engine {
    /// The file of a session's repository, for a person to read, and the digest by which it can be trusted.
    pub async fn repo_file(&self, id: &SessionId) -> Result<ShownFile> {
        let session = self.session(id).await?;
        let repo = session.repo.clone().unwrap_or_default();
        match repo_file(self, &session).await? {
            Some(found) => Ok(ShownFile::of(repo, found)),
            None => Err(no_file(&format!("the repository of {}", session.name))),
        }
    }

    /// A person has read the file with this digest.
    pub async fn trust_repo_file(&self, id: &SessionId, digest: &str) -> Result<ShownFile> {
        self.trust(self.repo_file(id).await?, digest).await
    }

    /// The file of a repository at its HEAD, before any session works on it.
    pub async fn file_of_repo(&self, word: &str, cwd: PathBuf) -> Result<ShownFile> {
        let source = self.source_of(word, &cwd).await?;
        let repo = source.as_git_arg();
        match workspace::head_file(&source, &self.0.mirrors, REPO_FILE, REPO_FILE_BYTES_MAX).await? {
            Some(bytes) => Ok(ShownFile::of(repo.clone(), found(self, repo, bytes).await?)),
            None => Err(no_file(&format!("`{repo}`"))),
        }
    }

    /// A person has read the file of this repository.
    pub async fn trust_file_of_repo(&self, word: &str, cwd: PathBuf, digest: &str) -> Result<ShownFile> {
        self.trust(self.file_of_repo(word, cwd).await?, digest).await
    }

    async fn trust(&self, shown: ShownFile, digest: &str) -> Result<ShownFile> {
        if shown.digest != digest {
            return Err(
                Fault::new(Kind::RefusedByState, format!("{REPO_FILE} is another one by now"))
                    .hint("Read it again: telecoder trust, without `--yes`."),
            );
        }
        let (repo, digest) = (shown.repo.clone(), shown.digest.clone());
        self.0.store.write(move |tx| tx.trust(&repo, &digest)).await?;
        Ok(ShownFile { trusted: true, ..shown })
    }
}

fn no_file(whose: &str) -> Fault {
    Fault::new(Kind::NotFound, format!("{whose} has no {REPO_FILE}"))
        .hint("It is looked for in the commit that a session begins from, not among files that are not committed.")
}
