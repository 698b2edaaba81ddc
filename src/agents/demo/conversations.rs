//! Conversations of the bundled agent: which ones there are, and one that begins from another.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::wire::{Record, transcript_path};
use crate::domain::Timestamp;
use crate::domain::agent::Conversation;
use crate::domain::fault::{Fault, Result};

/// Characters of a first prompt that name its conversation.
const TITLE_CHARS_MAX: usize = 80;

/// The conversations in this home, newest first.
pub fn list(home: &Path) -> Vec<Conversation> {
    let files = std::fs::read_dir(home).into_iter().flatten().flatten();
    let mut found: Vec<Conversation> = files.filter_map(|file| read(&file.path())).collect();
    found.sort_by_key(|conversation| std::cmp::Reverse(conversation.last_at));
    found
}

fn read(path: &Path) -> Option<Conversation> {
    let native_id = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.to_owned();
    let (mut title, mut last_at): (Option<String>, Option<Timestamp>) = (None, None);
    // A line that cannot be read is a crash in the middle of it.
    for line in BufReader::new(File::open(path).ok()?)
        .lines()
        .map_while(std::result::Result::ok)
    {
        if let Ok(Record::Prompt { text, at, .. }) = serde_json::from_str(&line) {
            title.get_or_insert_with(|| text.chars().take(TITLE_CHARS_MAX).collect());
            last_at = Some(at);
        }
    }
    Some(Conversation {
        native_id,
        title: title?,
        last_at,
    })
}

/// Copies the record of another session's conversation under an id of this one's own. Nothing, once there is one.
pub fn bring_over(home: &Path, sessions: &Path, other: &str, own: &str) -> Result<()> {
    let copy = transcript_path(home, own);
    let homes = std::fs::read_dir(sessions).into_iter().flatten().flatten();
    let name = home.file_name().unwrap_or_default();
    let known = |session: std::fs::DirEntry| -> Option<PathBuf> {
        let record = transcript_path(&session.path().join(name), other);
        record.exists().then_some(record)
    };
    let Some(record) = homes.into_iter().find_map(known).filter(|_| !copy.exists()) else {
        return Ok(());
    };
    std::fs::create_dir_all(home)
        .and_then(|()| std::fs::copy(&record, &copy))
        .map(drop)
        .map_err(|error| Fault::io(format!("copying {} to {}", record.display(), copy.display()), &error))
}
