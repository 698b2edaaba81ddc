//! The daemon's own log: to stderr (the journal, a terminal), or into a capped file when a command started us.
//!
//! Never message bodies, never tokens. `TELECODER_LOG` overrides the level.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::place::{DAEMON_LOG_BYTES_MAX, open_private_log};
use crate::config::{LogConfig, LogFormat};
use crate::domain::fault::{Fault, Kind, Result};

const OVERRIDE: &str = "TELECODER_LOG";

/// Sets the log up, once per process.
pub fn begin(config: &LogConfig, file: Option<PathBuf>) -> Result<()> {
    let level = std::env::var(OVERRIDE).unwrap_or_else(|_| config.level.clone());
    let filter = EnvFilter::builder().parse(&level).map_err(|e| {
        Fault::new(Kind::Config, format!("`{level}` is not a log level: {e}"))
            .hint("Use off, error, warn, info, debug or trace, or a filter like `telecoder=debug`.")
    })?;
    let writer = match file {
        Some(path) => BoxMakeWriter::new(Capped::open(path)?),
        None => BoxMakeWriter::new(io::stderr),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer);
    let set = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|e| Fault::new(Kind::Failure, format!("setting the log up: {e}")))
}

/// A file that is put aside when it has grown long, and begun anew.
#[derive(Clone)]
struct Capped(Arc<Mutex<Inner>>);

struct Inner {
    path: PathBuf,
    file: File,
    written: u64,
}

impl Capped {
    fn open(path: PathBuf) -> Result<Self> {
        let file = open_private_log(&path)?;
        let written = file.metadata().map_or(0, |meta| meta.len());
        Ok(Self(Arc::new(Mutex::new(Inner { path, file, written }))))
    }
}

impl Write for Capped {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if inner.written > DAEMON_LOG_BYTES_MAX {
            inner.file = open_private_log(&inner.path).map_err(|fault| io::Error::other(fault.message))?;
            inner.written = 0;
        }
        let length = inner.file.write(line)?;
        inner.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Capped {
    type Writer = Capped;
    fn make_writer(&'a self) -> Capped {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_grows_past_two_files() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("daemon.log");
        let mut log = Capped::open(path.clone()).unwrap();
        let line = vec![b'x'; 512 * 1024];
        for _ in 0..40 {
            log.write_all(&line).unwrap();
        }
        let total: u64 = std::fs::read_dir(temp.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(total <= 2 * (DAEMON_LOG_BYTES_MAX + line.len() as u64), "{total}");
    }
}
