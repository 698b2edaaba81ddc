//! `telecoder check`: runs the commands that verify a session's work, one after the other, in a window of their own.
//!
//! It is the program of a launch like an agent is: the shim is its parent and ends whatever it leaves behind. Output goes to
//! the terminal, and its first and last bytes into `results.json`; a command that exceeds its time is ended with its children.
//! Crash behaviour: `results.json` is replaced after each command, so what ran is known even if the rest is not.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};

use super::{LaunchDir, files};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::Check;

/// Between TERM and KILL for a command that exceeded its time.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// What a command wrote last is on its way through the pipe; a grandchild that keeps the pipe open is not waited for.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);
/// Of the output that is kept, this part (one in so many) is its beginning.
const HEAD_PART: usize = 4;
const RESULTS_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The code of a program whose checks did not all pass.
const EXIT_CHECKS_FAILED: u8 = 1;

/// What a check launch is asked to do: `checks.json` beside `run.sh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    pub commands: Vec<String>,
    /// For each command.
    pub limit_s: u64,
    /// Of each command's output.
    pub output_bytes: usize,
    /// What comes after a failure is not begun.
    #[serde(default)]
    pub stop_at_failure: bool,
}

/// Runs the order of this launch directory; the exit code is 0 when every command passed.
pub fn run(dir: &Path) -> Result<u8> {
    let dir = LaunchDir::new(dir.to_owned());
    let order: Order = read_json(&order_file(&dir))?
        .ok_or_else(|| Fault::new(Kind::Usage, format!("{} has no checks", dir.path().display())))?;
    let mut done = Vec::new();
    for command in &order.commands {
        let mut out = std::io::stdout();
        // The terminal may be gone; the checks go on.
        let _ = writeln!(out, "\x1b[1m$ {command}\x1b[0m\r");
        let check = run_one(command, &order);
        let _ = writeln!(out, "[{}]\r", crate::domain::outcome::check_line(&check));
        let stops = order.stop_at_failure && !check.passed();
        done.push(check);
        let text = serde_json::to_vec(&done).expect("texts and numbers");
        files::replace(&results_file(&dir), &text, 0o600)
            .map_err(|error| Fault::io("writing the results of the checks", &error))?;
        if stops {
            break;
        }
    }
    let passed = done.iter().all(Check::passed);
    Ok(if passed { 0 } else { EXIT_CHECKS_FAILED })
}

/// Writes the order into a launch directory that is prepared.
pub fn write_order(dir: &LaunchDir, order: &Order) -> Result<()> {
    let text = serde_json::to_vec(order).expect("texts and numbers");
    files::replace(&order_file(dir), &text, 0o600)
        .map_err(|error| Fault::io(format!("writing {}", order_file(dir).display()), &error))
}

/// What ran so far, and what did not.
pub fn read_results(dir: &LaunchDir) -> Result<(Vec<Check>, Vec<String>)> {
    let done: Vec<Check> = read_json(&results_file(dir))?.unwrap_or_default();
    let order: Option<Order> = read_json(&order_file(dir))?;
    let commands = order.map(|order| order.commands).unwrap_or_default();
    let left = commands.into_iter().skip(done.len()).collect();
    Ok((done, left))
}

fn order_file(dir: &LaunchDir) -> PathBuf {
    dir.path().join("checks.json")
}

fn results_file(dir: &LaunchDir) -> PathBuf {
    dir.path().join("results.json")
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = files::read_limited(path, RESULTS_BYTES_MAX)
        .map_err(|error| Fault::io(format!("reading {}", path.display()), &error))?;
    bytes
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|error| Fault::new(Kind::Failure, format!("reading {}: {error}", path.display())))
}

fn run_one(command: &str, order: &Order) -> Check {
    let begun = Instant::now();
    let kept = Arc::new(Mutex::new(Kept::new(order.output_bytes)));
    let (code, timed_out) = match start(command, &kept) {
        Ok((mut child, drained)) => {
            let ended = wait(&mut child, Duration::from_secs(order.limit_s));
            let _ = drained.recv_timeout(DRAIN_LIMIT);
            ended
        }
        Err(error) => {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(error.to_string().as_bytes());
            (None, false)
        }
    };
    let output = kept.lock().unwrap_or_else(PoisonError::into_inner).text();
    Check {
        command: command.to_owned(),
        code,
        timed_out,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        output,
    }
}

/// Starts the command in a group of its own with one pipe for both of its outputs.
fn start(command: &str, kept: &Arc<Mutex<Kept>>) -> std::io::Result<(Child, Receiver<()>)> {
    let (reader, writer) = std::io::pipe()?;
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        // A letter from here would reach nobody: without a mailbox `notify` says so.
        .env_remove("TELECODER_MAILBOX")
        .env("TELECODER_CHECK", "1")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    let (done, drained) = channel();
    let kept = Arc::clone(kept);
    std::thread::spawn(move || {
        copy(reader, &kept);
        let _ = done.send(());
    });
    Ok((child, drained))
}

fn copy(mut from: impl Read, kept: &Mutex<Kept>) {
    let mut buffer = [0_u8; 16 * 1024];
    let mut terminal = std::io::stdout();
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(&buffer[..count]);
        // A terminal that is gone is no reason to stop a check.
        let _ = terminal.write_all(&buffer[..count]).and_then(|()| terminal.flush());
    }
}

/// The exit code, and whether the time was over. The group is ended in any case: nothing of one check runs beside the next.
fn wait(child: &mut Child, limit: Duration) -> (Option<i32>, bool) {
    let group = Pid::from_raw(child.id().cast_signed());
    let timed_out = group.is_some_and(|leader| !ends_within(leader, limit));
    if let Some(group) = group {
        if timed_out {
            let _ = kill_process_group(group, Signal::TERM);
            ends_within(group, TERM_GRACE);
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait().ok();
    let code = status.and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
    (code.filter(|_| !timed_out), timed_out)
}

fn ends_within(process: Pid, limit: Duration) -> bool {
    let Ok(pidfd) = pidfd_open(process, PidfdFlags::empty()) else {
        return true;
    };
    let limit = Timespec::try_from(limit).ok();
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], limit.as_ref()).is_ok_and(|ready| ready > 0)
}

/// The first and the last bytes of an output.
struct Kept {
    max: usize,
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    left_out: u64,
}

impl Kept {
    fn new(max: usize) -> Self {
        Self {
            max,
            head: Vec::new(),
            tail: std::collections::VecDeque::new(),
            left_out: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let head_max = self.max / HEAD_PART;
        let (head, rest) = bytes.split_at(bytes.len().min(head_max.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.max - head_max);
        self.tail.drain(..over);
        self.left_out += over as u64;
    }

    /// As text for a person: no escape sequences, no control characters.
    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if self.left_out > 0 {
            text.push_str(&format!("\n… {} bytes are left out …\n", self.left_out));
        }
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        text.push_str(&String::from_utf8_lossy(&tail));
        plain(&text)
    }
}

/// Without escape sequences and control characters; a carriage return begins its line anew, as on a terminal.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_escape(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => {
                let line = out.rfind('\n').map_or(0, |at| at + 1);
                out.truncate(line);
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.trim_end().to_owned()
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        // CSI: parameters, then one letter.
        Some('[') => {
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    return;
                }
            }
        }
        // OSC: to BEL or ST.
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\x07' {
                    return;
                }
                if c == '\x1b' {
                    chars.next();
                    return;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(limit_s: u64) -> Order {
        Order {
            commands: Vec::new(),
            limit_s,
            output_bytes: 4000,
            stop_at_failure: false,
        }
    }

    #[test]
    fn a_command_is_known_by_its_code_and_its_output() {
        let check = run_one("printf 'one\\n\\033[31mtwo\\033[0m\\n' >&2; exit 3", &order(30));
        assert_eq!(
            (check.code, check.timed_out, check.output.as_str()),
            (Some(3), false, "one\ntwo")
        );
        let check = run_one("test -z \"$TELECODER_MAILBOX\"", &order(30));
        assert!(check.passed());
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let command = format!("(trap '' TERM; sleep 60) & echo $! > {}; wait", pid.display());
        let check = run_one(&command, &order(1));
        assert!(check.timed_out && check.code.is_none(), "{check:?}");
        let pid = std::fs::read_to_string(pid).unwrap();
        // It has its KILL; this only waits until the kernel is done with it.
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        assert!(ends_within(pid, Duration::from_secs(10)), "the child still runs");
    }

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let check = run_one("echo first; yes 0123456789 | head -n 100000; echo last", &order(30));
        assert!(
            check.output.starts_with("first\n") && check.output.ends_with("last"),
            "{}",
            check.output.len()
        );
        assert!(check.output.contains("bytes are left out") && check.output.len() < 5000);
    }
}
