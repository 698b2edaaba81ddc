//! Runs the program that makes text of speech, which the configuration names.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::domain::fault::{Fault, Kind, Result};

/// A long voice message on a slow machine.
const LIMIT: Duration = Duration::from_secs(300);
/// More text than this was never spoken.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024;

/// What the program prints about `file`, whose path is its last argument.
pub async fn transcribe(command: &[String], file: &Path) -> Result<String> {
    let Some((program, args)) = command.split_first() else {
        return Err(Fault::new(Kind::Config, "`transcribe_command` is empty"));
    };
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Fault::new(Kind::ProgramMissing, format!("`{program}` cannot be started: {error}")))?;
    let stdout = child.stdout.take();
    let work = async {
        let mut text = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(OUTPUT_BYTES_MAX).read_to_end(&mut text).await?;
        }
        Ok::<_, std::io::Error>((child.wait().await?, text))
    };
    let (status, text) = tokio::time::timeout(LIMIT, work)
        .await
        .map_err(|_| {
            Fault::new(
                Kind::Timeout,
                format!("`{program}` took longer than {} s", LIMIT.as_secs()),
            )
        })?
        .map_err(|error| Fault::io(format!("reading from `{program}`"), &error))?;
    if !status.success() {
        return Err(Fault::new(Kind::Failure, format!("`{program}` ended with {status}")));
    }
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}
