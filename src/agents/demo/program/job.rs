//! A command that the agent runs: in its own process group, standard input empty, output taken as it comes.

use std::io::{ErrorKind, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::fs::{OFlags, fcntl_setfl};

use super::process;

/// How much of the output's end is kept for the transcript.
const OUTPUT_KEPT_BYTES: usize = 16 * 1024;
const READ_BYTES: usize = 16 * 1024;

pub struct Job {
    child: Child,
    pidfd: OwnedFd,
    /// None at its end.
    output: Option<PipeReader>,
    kept: Vec<u8>,
    /// Bytes of a line that has not ended.
    partial: Vec<u8>,
}

impl Job {
    pub fn start(mut command: Command) -> std::io::Result<Self> {
        let (output, writer) = std::io::pipe()?;
        fcntl_setfl(&output, OFlags::NONBLOCK)?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        let child = command.spawn()?;
        Ok(Self {
            pidfd: process::pidfd(&child)?,
            child,
            output: Some(output),
            kept: Vec::new(),
            partial: Vec::new(),
        })
    }

    /// Readable when there is output or the command has ended.
    pub fn readable(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let output = self.output.as_ref().map(AsFd::as_fd);
        output.into_iter().chain([self.pidfd.as_fd()])
    }

    /// The whole lines that came since the last call, at most one read. None when there is nothing now.
    pub fn read(&mut self) -> Option<String> {
        let mut bytes = vec![0; READ_BYTES];
        let read = match self.output.as_mut()?.read(&mut bytes) {
            Ok(0) => {
                self.output = None;
                return None;
            }
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => 0,
            Err(_) => return None,
        };
        self.keep(&bytes[..read]);
        self.partial.extend_from_slice(&bytes[..read]);
        let whole = match self.partial.iter().rposition(|&b| b == b'\n') {
            Some(at) => at + 1,
            // A line without an end must not grow without one.
            None if self.partial.len() >= READ_BYTES => self.partial.len(),
            None => 0,
        };
        let lines: Vec<u8> = self.partial.drain(..whole).collect();
        Some(String::from_utf8_lossy(&lines).into_owned())
    }

    /// What came after the last line feed.
    pub fn take_partial(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned()
    }

    /// The command's exit, when it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub fn end(mut self) {
        process::end_group(&mut self.child);
    }

    /// The end of the output so far.
    pub fn kept(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        let surplus = self.kept.len().saturating_sub(OUTPUT_KEPT_BYTES);
        self.kept.drain(..surplus);
    }
}

/// The code as a shell gives it: 128 and the signal's number for a signal.
pub fn shell_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
