//! Where a value was typed, so that an error can name the place and a relative path can be relative to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::fault::{Fault, Kind};

/// Where each key's value comes from. Keys are dotted: `telegram.allow`, `agents.mine.args`.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) file: Option<PathBuf>,
    /// Line of each key in the file, from 1.
    pub(super) lines: BTreeMap<String, usize>,
    /// The variable that overrides a key.
    pub(super) variables: BTreeMap<String, String>,
    /// The directory of the process.
    pub(super) cwd: PathBuf,
}

impl Sources {
    /// `what` completes the sentence that begins with the key.
    pub(super) fn fault(&self, key: &str, what: impl std::fmt::Display) -> Fault {
        Fault::new(Kind::Config, format!("{}`{key}` {what}", self.place(key)))
    }

    /// What a relative path in this key's value is relative to.
    pub(super) fn base(&self, key: &str) -> &Path {
        let file_dir = self.file.as_deref().and_then(Path::parent);
        match file_dir {
            Some(dir) if !self.variables.contains_key(key) => dir,
            _ => &self.cwd,
        }
    }

    fn place(&self, key: &str) -> String {
        if let Some(variable) = self.variables.get(key) {
            return format!("{variable}: ");
        }
        let Some(file) = &self.file else {
            return String::new();
        };
        match self.lines.get(key) {
            Some(line) => format!("{}:{line}: ", file.display()),
            None => format!("{}: ", file.display()),
        }
    }
}
