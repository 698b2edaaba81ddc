//! Starting the agent's program: found in the launch's PATH, in a process group of its own, in the foreground.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::process::{Pid, getpid, setpgid};
use rustix::termios::tcsetpgrp;

use super::signals;
use super::terminal::Terminal;
use crate::domain::letter::ProcessRef;
use crate::runner::process;

/// What a shell searches without PATH.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
/// A `#!` line is read this far.
const INTERPRETER_BYTES_MAX: usize = 256;

/// Starts the program. `Err` says why it could not be started, for a person.
pub fn start(argv: &[OsString], terminal: Option<&Terminal>) -> Result<ProcessRef, String> {
    let (name, args) = argv.split_first().ok_or("no program was named")?;
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into());
    let program = find(name, &path)?;
    let mut command = Command::new(&program);
    command.arg0(name).args(args);
    in_foreground(&mut command, terminal);
    let child = command.spawn().map_err(|error| why_not(&program, &error))?;
    let pid = Pid::from_child(&child);
    // The child does both by itself before its program runs; done here too, whoever comes first.
    let _ = setpgid(Some(pid), Some(pid));
    if let Some(terminal) = terminal {
        terminal.put_in_foreground(pid);
    }
    // It is not waited for yet, so even a program that has ended already still has its number and its start time.
    let start = process::start_of(child.id()).unwrap_or(0);
    Ok(ProcessRef { pid: child.id(), start })
}

#[expect(
    unsafe_code,
    reason = "only the child itself can take the foreground before its program runs"
)]
fn in_foreground(command: &mut Command, terminal: Option<&Terminal>) {
    let tty = terminal.filter(|terminal| terminal.foreground_is_ours());
    let tty = tty.and_then(|terminal| terminal.tty().as_fd().try_clone_to_owned().ok());
    // SAFETY: the closure makes system calls only (setpgid, tcsetpgrp, signal, sigprocmask): no allocation, no lock.
    unsafe {
        command.pre_exec(move || prepare_child(tty.as_ref().map(AsFd::as_fd)));
    }
}

/// Between fork and exec. TTOU is still ignored here, so taking the foreground cannot stop the child.
fn prepare_child(tty: Option<BorrowedFd<'_>>) -> io::Result<()> {
    setpgid(None, None)?;
    if let Some(tty) = tty {
        // A terminal that was lost just now: the agent will get the hang-up.
        let _ = tcsetpgrp(tty, getpid());
    }
    signals::reset_in_child();
    Ok(())
}

/// What exec would find: a path as it stands, a name in the first directory of PATH that has it as an executable file.
fn find(name: &OsStr, path: &OsStr) -> Result<PathBuf, String> {
    let shown = name.to_string_lossy();
    if name.is_empty() {
        return Err("the program's name is empty".into());
    }
    if shown.contains('/') {
        return Ok(name.into());
    }
    let mut not_executable = None;
    for dir in std::env::split_paths(path) {
        let candidate = dir.join(name);
        match std::fs::metadata(&candidate) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => return Ok(candidate),
            Ok(found) if found.is_file() => not_executable = not_executable.or(Some(candidate)),
            _ => {}
        }
    }
    match not_executable {
        Some(file) => Err(format!("Permission denied: {} is not executable", file.display())),
        None => Err(format!(
            "No such file or directory: `{shown}` is not in PATH ({})",
            path.to_string_lossy()
        )),
    }
}

/// The operating system says `No such file or directory` also when a script's interpreter is missing.
fn why_not(program: &Path, error: &io::Error) -> String {
    let shown = program.display();
    match (error.kind(), std::fs::metadata(program)) {
        (io::ErrorKind::NotFound, Ok(_)) => match interpreter(program) {
            Some(interpreter) => format!("No such file or directory: {interpreter}, the interpreter of {shown}"),
            None => format!("No such file or directory: the loader of {shown}"),
        },
        (io::ErrorKind::PermissionDenied, Ok(found)) if found.is_dir() => format!("Is a directory: {shown}"),
        (io::ErrorKind::PermissionDenied, Ok(found)) if found.permissions().mode() & 0o111 == 0 => {
            format!("Permission denied: {shown} is not executable")
        }
        _ => {
            let text = error.to_string();
            format!("{}: {shown}", text.split(" (os error").next().unwrap_or(&text))
        }
    }
}

fn interpreter(program: &Path) -> Option<String> {
    use io::Read;
    let mut head = Vec::new();
    let file = std::fs::File::open(program).ok()?;
    file.take(INTERPRETER_BYTES_MAX as u64).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    line.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_exec_would_find_it() {
        let dir = tempfile::tempdir().expect("temp dir");
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        for (place, mode) in [(&first, 0o644), (&second, 0o755)] {
            std::fs::create_dir(place).expect("mkdir");
            let tool = place.join("tool");
            std::fs::write(&tool, "").expect("write");
            std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(mode)).expect("chmod");
        }
        let path = std::env::join_paths([&first, &second]).expect("path");
        assert_eq!(find("tool".as_ref(), &path), Ok(second.join("tool")));
        let only_first = find("tool".as_ref(), first.as_os_str()).expect_err("not executable");
        assert!(only_first.starts_with("Permission denied: "), "{only_first}");
        let none = find("gone".as_ref(), &path).expect_err("missing");
        assert!(
            none.starts_with("No such file or directory: `gone` is not in PATH ("),
            "{none}"
        );
        assert_eq!(find("./x".as_ref(), &path), Ok("./x".into()));
    }
}
