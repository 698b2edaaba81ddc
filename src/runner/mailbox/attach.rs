//! Copying the files that an agent attaches into `att/`, before the letter that names them exists.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::write::{DraftFile, Durability, create, writing_failed};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::letter::Attachment;

/// More files than this belong into an archive.
const FILES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 200;

/// The copies of one letter; they are removed again unless the letter was written.
pub struct Attached {
    att: PathBuf,
    files: Vec<Attachment>,
    kept: bool,
}

impl Attached {
    pub fn copy(
        mail: &Path,
        id: &LetterId,
        drafts: &[DraftFile],
        durability: Durability,
        file_max: u64,
    ) -> Result<Self> {
        if drafts.len() > FILES_MAX {
            let message = format!("{} files are attached, the limit is {FILES_MAX}", drafts.len());
            return Err(Fault::new(Kind::OverLimit, message).hint("Send them in several messages, or as one archive."));
        }
        let mut attached = Self {
            att: mail.join("att"),
            files: Vec::with_capacity(drafts.len()),
            kept: false,
        };
        for (n, draft) in drafts.iter().enumerate() {
            attached.copy_one(mail, format!("{id}-{n}"), draft, durability, file_max)?;
        }
        if !drafts.is_empty() {
            durability
                .sync_dir(&attached.att)
                .map_err(|error| writing_failed(mail, &error))?;
        }
        Ok(attached)
    }

    pub fn files(&self) -> &[Attachment] {
        &self.files
    }

    /// The letter names them now.
    pub fn keep(mut self) {
        self.kept = true;
    }

    fn copy_one(
        &mut self,
        mail: &Path,
        att: String,
        draft: &DraftFile,
        durability: Durability,
        file_max: u64,
    ) -> Result<()> {
        let from = open_regular(&draft.path, file_max)?;
        let to = create(&self.att.join(&att)).map_err(|error| writing_failed(mail, &error))?;
        self.files.push(Attachment {
            att,
            name: shown_name(&draft.path),
            size: 0,
            caption: draft.caption.clone(),
        });
        let size = copy_bytes(from, &to, &draft.path, file_max).map_err(|failed| match failed {
            Failed::Reading(error) => Fault::io(format_args!("reading {}", draft.path.display()), &error),
            Failed::Writing(error) => writing_failed(mail, &error),
            Failed::OverLimit(fault) => fault,
        })?;
        durability.sync(&to).map_err(|error| writing_failed(mail, &error))?;
        if let Some(last) = self.files.last_mut() {
            last.size = size;
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if !self.kept {
            for file in &self.files {
                let _ = std::fs::remove_file(self.att.join(&file.att));
            }
        }
    }
}

/// The agent names its own files, so a link is followed; but a FIFO or a device would never end.
fn open_regular(path: &Path, file_max: u64) -> Result<File> {
    let shown = path.display();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Fault::new(Kind::NotFound, format!("{shown} does not exist")),
        io::ErrorKind::PermissionDenied => Fault::new(Kind::NotPermitted, format!("{shown} may not be read")),
        _ => Fault::io(format_args!("opening {shown}"), &error),
    })?;
    let found = file
        .metadata()
        .map_err(|error| Fault::io(format_args!("looking at {shown}"), &error))?;
    if !found.is_file() {
        return Err(Fault::new(Kind::Usage, format!("{shown} is not a regular file"))
            .hint("Only files can be sent; make an archive of a directory."));
    }
    if found.len() > file_max {
        return Err(over_limit(path, found.len(), file_max));
    }
    Ok(file)
}

enum Failed {
    Reading(io::Error),
    Writing(io::Error),
    OverLimit(Fault),
}

/// Copies in a small buffer: the size was checked, but the file may still be growing.
fn copy_bytes(mut from: File, mut to: &File, path: &Path, file_max: u64) -> std::result::Result<u64, Failed> {
    use io::Write;
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        let got = match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failed::Reading(error)),
        };
        size += got as u64;
        if size > file_max {
            return Err(Failed::OverLimit(over_limit(path, size, file_max)));
        }
        to.write_all(&buffer[..got]).map_err(Failed::Writing)?;
    }
}

fn over_limit(path: &Path, bytes: u64, file_max: u64) -> Fault {
    let shown = path.display();
    Fault::new(
        Kind::OverLimit,
        format!("{shown} is {bytes} bytes long, the limit for a file is {file_max}"),
    )
    .hint("Send a smaller file, or say where it is.")
}

fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
}
