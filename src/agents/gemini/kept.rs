//! A copy of the conversation that a launch resumes.
//!
//! The program deletes a conversation at its end when it holds no message in its memory. One that is stopped within the second in which it
//! still loads what it resumes has none, and so it deletes the file that it resumes from; what it writes afterwards is a file
//! without a head. Nothing was said in that second, so the copy from before the launch is the whole of the conversation.

use std::path::{Path, PathBuf};

use super::{home, transcript};
use crate::agents::LaunchContext;
use crate::domain::fault::Result;

/// Beside the program's own directory, so that the program knows nothing of it.
const DIR: &str = "kept";

/// Puts back what an earlier launch destroyed, and keeps what is there now.
pub fn renew(context: &LaunchContext<'_>) -> Result<()> {
    let projects = home::root(context.session_dir).join(".gemini/tmp");
    let kept = home::root(context.session_dir).join(DIR);
    for file in transcript::files_under(&kept) {
        let Ok(name) = file.strip_prefix(&kept) else { continue };
        let original = projects.join(name);
        if !transcript::is_whole(&original) {
            copy(&file, &original)?;
        }
    }
    for file in transcript::files_under(&projects) {
        let Ok(name) = file.strip_prefix(&projects) else {
            continue;
        };
        if transcript::is_whole(&file) {
            copy(&file, &kept.join(name))?;
        }
    }
    Ok(())
}

/// Whole or not at all: the copy is renamed into its place.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        home::make_dir(dir)?;
    }
    let fresh: PathBuf = to.with_extension("new");
    std::fs::copy(from, &fresh)
        .and_then(|_| std::fs::rename(&fresh, to))
        .map_err(|error| super::unreadable(to, &error))
}
