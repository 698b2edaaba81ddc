//! What tmux answered to a command list, the same for both ways in.

use super::error::TmuxError;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// All that the commands printed, each line with its line feed.
    pub output: String,
    /// The first error; the commands behind it were dropped.
    pub error: Option<String>,
}

impl Reply {
    pub fn into_output(self) -> Result<String, TmuxError> {
        match self.error {
            None => Ok(self.output),
            Some(text) => Err(TmuxError::Refused(text)),
        }
    }
}
